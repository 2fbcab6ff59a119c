// Rows from the best on. See top_docs.h.
#include "fts/top_docs.h"

#include <stdlib.h>

enum { BATCH_FIRST = 64, BATCH_GROWTH = 4 };

void top_docs_deinit(TopDocs *top)
{
    sqlite3_free(top->rows);
    *top = (TopDocs){0};
}

static inline bool is_before(const RankedRow *a, const RankedRow *b)
{
    return a->score < b->score || (a->score == b->score && a->rowid < b->rowid);
}

static int compare_rows(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : is_before(b, a);
}

static void swap(RankedRow *a, RankedRow *b)
{
    RankedRow moved = *a;
    *a = *b;
    *b = moved;
}

// Restores that rows[0] is the worst of a heap, after it was replaced.
static void sift_down(RankedRow *rows, u32 count)
{
    u32 at = 0;
    for (;;) {
        u32 worse = at * 2 + 1;
        if (worse >= count)
            return;
        if (worse + 1 < count && is_before(&rows[worse], &rows[worse + 1]))
            worse++;
        if (!is_before(&rows[at], &rows[worse]))
            return;
        swap(&rows[at], &rows[worse]);
        at = worse;
    }
}

// The worst first: a heap already.
static void order_as_heap(RankedRow *rows, u32 count)
{
    qsort(rows, count, sizeof *rows, compare_rows);
    for (u32 i = 0; i < count / 2; i++)
        swap(&rows[i], &rows[count - 1 - i]);
}

int top_docs_add(TopDocs *top, f64 score, i64 rowid)
{
    ASSERT(top->next == 0);

    // Negated, so that the least is always the best.
    RankedRow row = {top->is_descending ? -score : score, rowid};
    if (top_docs_is_full(top)) {
        if (is_before(&row, &top->rows[0])) {
            top->rows[0] = row;
            sift_down(top->rows, top->count);
        }
        return SQLITE_OK;
    }
    if (top->count == top->capacity) {
        u32 capacity = top->capacity == 0 ? 256 : top->capacity * 2;
        RankedRow *rows = sqlite3_realloc64(top->rows, sizeof *rows * (u64)capacity);
        if (rows == NULL)
            return SQLITE_NOMEM;
        top->rows = rows;
        top->capacity = capacity;
    }
    top->rows[top->count++] = row;
    if (top_docs_is_full(top))
        order_as_heap(top->rows, top->count);
    return SQLITE_OK;
}

// Brings the `wanted` best of `count` rows to the front. The front is kept in order of growing
// goodness while it fills, which is a heap with the worst on top.
static void select_best(RankedRow *rows, u32 count, u32 wanted)
{
    ASSERT(wanted > 0 && wanted < count);

    order_as_heap(rows, wanted);
    for (u32 i = wanted; i < count; i++) {
        if (is_before(&rows[i], &rows[0])) {
            swap(&rows[i], &rows[0]);
            sift_down(rows, wanted);
        }
    }
}

void top_docs_reverse(TopDocs *top)
{
    ASSERT(top->next == 0);

    for (u32 i = 0; i < top->count / 2; i++)
        swap(&top->rows[i], &top->rows[top->count - 1 - i]);
    top->sorted = top->count;
}

const RankedRow *top_docs_take(TopDocs *top)
{
    if (top->next >= top->count)
        return NULL;
    if (top->next == top->sorted) {
        top->batch = top->batch == 0 ? BATCH_FIRST : top->batch * BATCH_GROWTH;
        u32 left = top->count - top->sorted;
        u32 wanted = top->batch < left / BATCH_GROWTH ? top->batch : left;
        if (wanted < left)
            select_best(top->rows + top->sorted, left, wanted);
        qsort(top->rows + top->sorted, wanted, sizeof *top->rows, compare_rows);
        top->sorted += wanted;
    }
    return &top->rows[top->next++];
}
