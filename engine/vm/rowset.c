// Sets of rowids: see rowset.h. Members stand in an array in order of insertion; an open-addressed
// table of places beside it answers rowset_has() and keeps duplicates out.
#include "vm/rowset.h"
#include "base/alloc.h"
#include "base/vec.h"
#include "sqlite3.h"
#include <stdlib.h>
#include <string.h>

struct RowSet {
    struct {
        RowId *items;
        u32 count, capacity;
    } members;
    u32 *slots; // 1-based place in members, 0: free
    u32 slot_count;
    u32 taken;
    bool is_ordered;
};

RowSet *rowset_new(void)
{
    return mem_alloc_zeroed(sizeof(RowSet));
}

void rowset_free(void *set)
{
    RowSet *s = set;
    if (s == NULL)
        return;
    mem_free(s->members.items);
    mem_free(s->slots);
    mem_free(s);
}

// The slot that has the rowid, or the free one where it belongs.
static u32 slot_of(const RowSet *set, RowId rowid)
{
    ASSERT(set->slot_count > 0 && (set->slot_count & (set->slot_count - 1)) == 0);
    ASSERT(set->members.count < set->slot_count); // or a search for a stranger would not end

    u64 hash = (u64)rowid * 0x9e3779b97f4a7c15ull;
    u32 at = (u32)(hash >> 32) & (set->slot_count - 1);
    while (set->slots[at] != 0 && set->members.items[set->slots[at] - 1] != rowid)
        at = (at + 1) & (set->slot_count - 1);
    return at;
}

// Half of the slots at most are used, so that searches stay short.
static int slots_grow(RowSet *set)
{
    ASSERT(!set->is_ordered);

    u32 count = set->slot_count == 0 ? 64 : set->slot_count * 2;
    u32 *slots = mem_alloc_zeroed(count * sizeof *slots);
    if (slots == NULL)
        return SQLITE_NOMEM;
    ASSERT(count > 2 * set->members.count);
    mem_free(set->slots);
    set->slots = slots;
    set->slot_count = count;
    for (u32 i = 0; i < set->members.count; i++)
        slots[slot_of(set, set->members.items[i])] = i + 1;
    return SQLITE_OK;
}

bool rowset_has(const RowSet *set, RowId rowid)
{
    ASSERT(!set->is_ordered); // sorting moved the members away from their slots

    return set->slot_count > 0 && set->slots[slot_of(set, rowid)] != 0;
}

int rowset_add(RowSet *set, RowId rowid)
{
    ASSERT(set->taken == 0);
    ASSERT(!set->is_ordered);

    if (set->members.count + 1 > set->slot_count / 2)
        TRY(slots_grow(set));
    u32 at = slot_of(set, rowid);
    if (set->slots[at] != 0)
        return SQLITE_OK;
    TRY(vec_reserve(&set->members.items, &set->members.capacity, set->members.count + 1,
                    sizeof(RowId)));
    set->members.items[set->members.count++] = rowid;
    set->slots[at] = set->members.count;
    return SQLITE_OK;
}

static int order(const void *a, const void *b)
{
    RowId x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

bool rowset_take_smallest(RowSet *set, RowId *rowid)
{
    if (!set->is_ordered && set->members.count > 0) {
        qsort(set->members.items, set->members.count, sizeof(RowId), order);
        set->is_ordered = true;
    }
    ASSERT(set->taken <= set->members.count);
    if (set->taken >= set->members.count)
        return false;
    *rowid = set->members.items[set->taken++];
    return true;
}
