// Decides how the cells of a few sibling pages are shared out anew. Pure
// arithmetic.
//
// Cells keep their order. Pages are filled from the left; that makes them as
// few as possible, and the last one may be nearly empty. Then, from the right,
// cells wander from each page to its right neighbour while that makes the two
// more equal. Between two pages one cell goes up into the parent as the
// divider, except on table leaves, whose dividers are made from rowids and cost
// nothing here.
//
//   cells  a b c d e f g h      capacity: three cells
//   filled [a b c] d [e f g] h []        a divider with nothing behind it: the
//   last page is empty evened [a b c] d [e f] g [h]
#include "btree/btree_internal.h"

enum {
    SLOT_SIZE = 2,
    // Measured with random inserts: a tree balances a quarter as often as without the limit, for 6
    // % more pages.
    FULL_PERCENT = 94,
};

static u32 taken_by(const PlanInput *input, u32 index)
{
    ASSERT(index < input->count);
    ASSERT(input->cells[index].size >= CELL_SIZE_MIN);
    return input->cells[index].size + SLOT_SIZE;
}

// Packs from the left, up to `goal` bytes a page. used[i] becomes the bytes of page i.
static bool fill_from_left(const PlanInput *input, u32 goal, BalancePlan *plan, u32 *used)
{
    ASSERT(goal > 0);
    ASSERT(goal <= input->capacity);

    u32 page = 0;
    plan->first[0] = 0;
    used[0] = 0;
    for (u32 i = 0; i < input->count; i++) {
        u32 size = taken_by(input, i);
        if (size > goal)
            return false;
        if (used[page] + size <= goal) {
            used[page] += size;
            continue;
        }
        if (page + 1 == PLAN_PAGES_MAX)
            return false;
        plan->end[page] = i;
        page++;
        plan->first[page] = input->has_dividers ? i + 1 : i;
        used[page] = input->has_dividers ? 0 : size;
    }
    plan->end[page] = input->count;
    plan->page_count = page + 1;
    return true;
}

// Moves cells from page `left` to the next one while that evens them out, or
// the next one is empty.
static void even_out(const PlanInput *input, BalancePlan *plan, u32 left, u32 *used)
{
    ASSERT(left + 1 < plan->page_count);
    ASSERT(used[left] <= input->capacity);

    u32 right = left + 1;
    while (plan->end[left] - plan->first[left] > 1) {
        u32 last = plan->end[left] - 1;
        u32 leaving = taken_by(input, last);
        // With dividers the old divider comes down on the right, and the last cell
        // takes its place.
        u32 arriving = input->has_dividers ? taken_by(input, plan->end[left]) : leaving;
        u32 left_used = used[left] - leaving;
        u32 right_used = used[right] + arriving;
        bool is_empty = plan->first[right] == plan->end[right];
        if (right_used > input->capacity)
            return;
        if (!is_empty && (input->keep_left || right_used > left_used))
            return;
        used[left] = left_used;
        used[right] = right_used;
        plan->end[left] = last;
        plan->first[right]--;
    }
}

// Spreads the cells over the pages they need, all alike. A family that grows and would be nearly
// full gets one page more: otherwise the very next inserts would have to balance it again.
static void spread(const PlanInput *input, BalancePlan *plan, u32 *used)
{
    u32 total = 0;
    u32 wanted = plan->page_count;
    ASSERT(wanted > 1);
    ASSERT(!input->keep_left);

    for (u32 i = 0; i < wanted; i++)
        total += used[i];
    if (input->is_growing && total > input->capacity * wanted / 100 * FULL_PERCENT
        && wanted < PLAN_PAGES_MAX)
        wanted++;
    // Cells do not divide evenly: a page may take a little more than its share.
    u32 share = total / wanted;
    for (u32 goal = share + share / 32; goal < input->capacity; goal += share / 32 + 1) {
        BalancePlan even;
        u32 even_used[PLAN_PAGES_MAX];
        if (!fill_from_left(input, goal, &even, even_used) || even.page_count > wanted)
            continue;
        *plan = even;
        memcpy(used, even_used, sizeof even_used);
        return;
    }
}

// See btree_internal.h for what the plan promises.
bool balance_plan(const PlanInput *input, BalancePlan *plan)
{
    ASSERT(input->cells != NULL || input->count == 0);
    ASSERT(input->capacity < PAGE_SIZE_MAX);

    u32 used[PLAN_PAGES_MAX];
    if (!fill_from_left(input, input->capacity, plan, used))
        return false;
    if (plan->page_count > 1 && !input->keep_left)
        spread(input, plan, used);
    for (u32 i = plan->page_count - 1; i > 0; i--) {
        even_out(input, plan, i - 1, used);
        if (plan->first[i] == plan->end[i])
            return false; // single cells nearly as large as a page, which dividers never are
    }
    return true;
}
