// The k least of what is offered. See top_matches.h.
#include "vector/index/top_matches.h"

#include <math.h>

bool match_is_before(const Match *a, const Match *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    return a->rowid < b->rowid;
}

void top_init(TopMatches *top, size_t limit)
{
    *top = (TopMatches){.limit = limit};
}

void top_deinit(TopMatches *top)
{
    sqlite3_free(top->heap);
    *top = (TopMatches){.heap = NULL};
}

bool top_is_full(const TopMatches *top)
{
    return top->count == top->limit;
}

static void swap(Match *a, Match *b)
{
    Match kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_down(Match *heap, size_t count)
{
    ASSERT(count == 0 || heap != NULL);

    for (size_t at = 0;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && match_is_before(&heap[child], &heap[child + 1]))
            child++;
        if (!match_is_before(&heap[at], &heap[child]))
            return;
        swap(&heap[at], &heap[child]);
        at = child;
    }
}

static int top_reserve(TopMatches *top)
{
    ASSERT(top->count <= top->capacity);

    if (top->count < top->capacity)
        return SQLITE_OK;
    size_t capacity = top->capacity * 2 + 16;
    Match *heap = sqlite3_realloc64(top->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return SQLITE_NOMEM;
    top->heap = heap;
    top->capacity = capacity;
    return SQLITE_OK;
}

int top_offer(TopMatches *top, i64 rowid, f64 distance)
{
    ASSERT(!isnan(distance));

    const Match match = {rowid, distance};
    if (top->count == top->limit) {
        if (top->limit == 0 || !match_is_before(&match, &top->heap[0]))
            return SQLITE_OK;
        top->heap[0] = match;
        sift_down(top->heap, top->count);
        return SQLITE_OK;
    }
    TRY(top_reserve(top));
    size_t at = top->count++;
    top->heap[at] = match;
    for (; at > 0 && match_is_before(&top->heap[(at - 1) / 2], &top->heap[at]); at = (at - 1) / 2)
        swap(&top->heap[at], &top->heap[(at - 1) / 2]);
    return SQLITE_OK;
}

Match *top_take_sorted(TopMatches *top, size_t *count)
{
    ASSERT(top->count <= top->limit);

    Match *heap = top->heap;
    *count = top->count;
    for (size_t left = top->count; left > 1; left--) {
        swap(&heap[0], &heap[left - 1]);
        sift_down(heap, left - 1);
    }
    *top = (TopMatches){.limit = top->limit};
    return heap;
}
