// Chooses the order of the loops and a path for each. Works outwards in: after step n it holds the
// best few ways to join n items ("N nearest neighbours"), where two ways to join the same items
// count as different if one of them may still deliver the wanted order.

#include "sql/plan/plan_internal.h"

typedef struct JoinPath {
    TableMask mask;
    ScanOrder scan;
    Est rows, cost, unsorted;
    i8 ordered; // leading terms of the order delivered; -1: not known yet
    Access **loops;
} JoinPath;

// What decides whether a candidate may follow, side by side: it is asked for every path.
typedef struct NextLoop {
    TableMask blocks; // items that must not have been joined: the candidate's own
    TableMask needs;  // items that must
    Access *access;
} NextLoop;

typedef struct PathSearch {
    JoinQuery *q;
    NextLoop *loops; // the candidates, in their order
    u32 loop_count;
    JoinPath *from, *to;
    u32 from_count, to_count, choices;
    u32 order_count;
    Est rows_guess; // result rows, for the cost of sorting; 0 in the first round
    Est *sort_cost; // by number of terms already sorted; 0: not computed
    u32 worst;      // of `to`, when it is full
    Est worst_unsorted;
} PathSearch;

enum {
    NO_SORT_BONUS = 2,
    SORT_PENALTY = 3,
    AUTO_INDEX_MIN_ROWS = 3, // an automatic index must serve more than one outer row
    OUTER_ROWS_MAX = 48,     // it must pay within the first 28 runs of the query
};

static Est sorting_cost(const PathSearch *s, u32 sorted)
{
    ASSERT(sorted <= s->order_count);

    const JoinQuery *q = s->q;
    Est rows = s->rows_guess;
    const Select *select = q->request->select;
    u32 columns = select != NULL && select->columns != NULL ? select->columns->count : 1;
    int cost = rows + est_from_u64((columns + 59) / 30);
    if (sorted > 0)
        cost += est_from_u64((u64)(s->order_count - sorted) * 100 / s->order_count) - 66;
    if ((q->flags & WANT_LIMIT) != 0) {
        cost += 10;
        if (sorted > 0)
            cost += 6;
        if (q->limit < rows)
            rows = q->limit;
    } else if (q->distinct_wanted && rows > 10) {
        rows -= 10; // duplicates will go
    }
    return (Est)(cost + est_log2(rows));
}

// A tentative step: path `from` extended by loop `a`.
typedef struct PathStep {
    const JoinPath *from;
    Access *loop;
    Est rows, cost, unsorted;
    TableMask mask;
    ScanOrder scan;
    i8 ordered;
} PathStep;

static void step_cost(PathSearch *s, PathStep *step, u32 depth)
{
    ASSERT((step->from->mask & step->loop->self) == 0);

    JoinQuery *q = s->q;
    const JoinPath *from = step->from;
    Access *a = step->loop;
    step->unsorted = (Est)(a->run + from->rows);
    if (a->setup != 0)
        step->unsorted = est_sum(a->setup, step->unsorted);
    step->unsorted = est_sum(step->unsorted, from->unsorted);
    // EXISTS shows an outer row once at most.
    bool semi = q->from->items[a->item]->is_semi && a->rows > 0;
    step->rows = semi ? from->rows : (Est)(from->rows + a->rows);
    step->mask = from->mask | a->self;
    step->ordered = from->ordered;
    step->scan = from->scan;
    if (step->ordered < 0) {
        LoopChain chain = {from->loops, depth};
        step->scan = (ScanOrder){0};
        step->ordered = order_satisfied(q, q->order_by, &chain, q->flags, a, &step->scan);
    }
    if (step->ordered >= 0 && (u32)step->ordered < s->order_count) {
        u32 sorted = (u32)step->ordered;
        if (s->sort_cost[sorted] == 0)
            s->sort_cost[sorted] = sorting_cost(s, sorted);
        step->cost = (Est)(est_sum(step->unsorted, s->sort_cost[sorted]) + SORT_PENALTY);
    } else {
        step->cost = step->unsorted;
        step->unsorted -= NO_SORT_BONUS;
    }
}

// Equal in all three: the path that came first stays, as in SQLite.
static bool cheaper(const PathStep *step, const JoinPath *path)
{
    ASSERT(step->mask == path->mask);

    if (step->cost != path->cost)
        return step->cost < path->cost;
    if (step->rows != path->rows)
        return step->rows < path->rows;
    return step->unsorted < path->unsorted;
}

// Where the step goes: the place of the path it beats, a free one, or that of the worst.
static JoinPath *find_place(PathSearch *s, const PathStep *step)
{
    ASSERT(s->to_count <= s->choices);

    if (s->to_count == s->choices && step->cost > s->to[s->worst].cost)
        return NULL; // dearer than all, one that joins the same items included
    for (u32 i = 0; i < s->to_count; i++) {
        JoinPath *p = &s->to[i];
        if (p->mask == step->mask && (p->ordered < 0) == (step->ordered < 0))
            return cheaper(step, p) ? p : NULL;
    }
    if (s->to_count < s->choices)
        return &s->to[s->to_count++];
    JoinPath *worst = &s->to[s->worst];
    if (step->cost > worst->cost
        || (step->cost == worst->cost && step->unsorted >= s->worst_unsorted))
        return NULL;
    return worst;
}

// The first of the dearest. Of the first path of all SQLite takes the rows for the cost unsorted;
// which of equal paths remain depends on it.
static void find_worst(PathSearch *s)
{
    ASSERT(s->to_count == s->choices);

    s->worst = 0;
    Est cost = s->to[0].cost, unsorted = s->to[0].rows;
    for (u32 i = 1; i < s->to_count; i++) {
        const JoinPath *p = &s->to[i];
        if (p->cost < cost || (p->cost == cost && p->unsorted <= unsorted))
            continue;
        s->worst = i;
        cost = p->cost;
        unsorted = p->unsorted;
    }
    s->worst_unsorted = unsorted;
}

static void take_step(PathSearch *s, const PathStep *step, u32 depth)
{
    ASSERT((step->mask & step->loop->self) != 0);
    ASSERT(depth < s->q->item_count);

    JoinPath *p = find_place(s, step);
    if (p == NULL)
        return;
    p->mask = step->mask;
    p->scan = step->scan;
    p->rows = step->rows;
    p->cost = step->cost;
    p->unsorted = step->unsorted;
    p->ordered = step->ordered;
    if (depth > 0)
        memcpy(p->loops, step->from->loops, depth * sizeof *p->loops);
    p->loops[depth] = step->loop;
    if (s->to_count == s->choices)
        find_worst(s);
}

// One round: every path of `depth` loops by every candidate that may follow.
static void extend_paths(PathSearch *s, u32 depth)
{
    ASSERT(s->from != s->to);
    ASSERT(depth < s->q->item_count);

    s->to_count = 0;
    for (u32 i = 0; i < s->from_count; i++) {
        const JoinPath *from = &s->from[i];
        for (u32 j = 0; j < s->loop_count; j++) {
            const NextLoop *next = &s->loops[j];
            if (((next->needs & ~from->mask) | (from->mask & next->blocks)) != 0)
                continue;
            Access *a = next->access;
            if ((a->flags & ACCESS_AUTOMATIC) != 0 && from->rows < AUTO_INDEX_MIN_ROWS)
                continue;
            PathStep step = {.from = from, .loop = a};
            step_cost(s, &step, depth);
            take_step(s, &step, depth);
        }
    }
    JoinPath *swap = s->from;
    s->from = s->to;
    s->to = swap;
    s->from_count = s->to_count;
}

static u32 choices_for(const JoinQuery *q)
{
    ASSERT(q->item_count <= JOIN_ITEM_MAX);

    if (q->is_star)
        return 18; // the order of many dimensions matters little: look at more of them
    return q->item_count <= 1 ? 1 : q->item_count == 2 ? 5 : 12;
}

static int list_loops(PathSearch *s)
{
    ASSERT(s->loop_count == 0);

    s->loops = arena_array(s->q->arena, s->q->candidate_count + 1, sizeof *s->loops);
    if (s->loops == NULL)
        return SQLITE_NOMEM;
    for (Access *a = s->q->candidates; a != NULL; a = a->next)
        s->loops[s->loop_count++] = (NextLoop){.blocks = a->self, .needs = a->prereq, .access = a};
    ASSERT(s->loop_count == s->q->candidate_count);
    return SQLITE_OK;
}

// The start is one path without loops: it has run as often as the query itself is run.
static int search_init(PathSearch *s, JoinQuery *q, Est rows_guess)
{
    ASSERT(q->item_count <= q->from->count);

    u32 loops = q->item_count;
    *s = (PathSearch){.q = q, .choices = choices_for(q), .rows_guess = rows_guess};
    s->order_count = q->order_by == NULL || rows_guess == 0 ? 0 : q->order_by->count;
    s->from = arena_array(q->arena, s->choices, sizeof *s->from);
    s->to = arena_array(q->arena, s->choices, sizeof *s->to);
    s->sort_cost = arena_array(q->arena, s->order_count + 1, sizeof *s->sort_cost);
    if (s->from == NULL || s->to == NULL || s->sort_cost == NULL)
        return SQLITE_NOMEM;
    TRY(list_loops(s));
    for (u32 i = 0; i < s->choices; i++) {
        s->from[i].loops = arena_array(q->arena, loops + 1, sizeof *s->from[i].loops);
        s->to[i].loops = arena_array(q->arena, loops + 1, sizeof *s->to[i].loops);
        if (s->from[i].loops == NULL || s->to[i].loops == NULL)
            return SQLITE_NOMEM;
    }
    Est outer = q->plan->outer_rows;
    s->from_count = 1;
    s->from[0].rows = outer < OUTER_ROWS_MAX ? outer : OUTER_ROWS_MAX;
    if (s->order_count > 0)
        s->from[0].ordered = loops > 0 ? -1 : (i8)s->order_count;
    return SQLITE_OK;
}

static const JoinPath *cheapest(const PathSearch *s)
{
    ASSERT(s->from_count > 0);

    const JoinPath *best = &s->from[0];
    for (u32 i = 1; i < s->from_count; i++) {
        if (s->from[i].cost < best->cost)
            best = &s->from[i];
    }
    return best;
}

// The inner loop alone may deliver the order: then LIMIT can stop each of its runs.
static void note_inner_order(JoinQuery *q, const JoinPath *path)
{
    ASSERT(q->order_by != NULL);

    u32 count = q->item_count;
    if (count == 0 || (q->flags & WANT_GROUPS) != 0)
        return;
    Access *last = path->loops[count - 1];
    LoopChain outer = {path->loops, count - 1};
    if (q->ordered <= 0) {
        q->ordered = 0;
        bool rowid_in = (last->flags & ACCESS_ROWID_KEY) != 0 && (last->flags & ACCESS_IN) != 0;
        if ((last->flags & ACCESS_ONE_ROW) != 0 || rowid_in)
            return;
        ScanOrder scan = {0};
        i8 got = order_satisfied(q, q->order_by, &outer, WANT_ORDER_LIMIT, last, &scan);
        if (got == (int)q->order_by->count) {
            q->order_by_inner = true;
            q->scan_order = scan;
        }
    } else if (q->ordered == 1 && (q->flags & (WANT_MIN | WANT_MAX)) != 0) {
        q->order_by_inner = true;
    }
}

static void note_order(JoinQuery *q, const PathSearch *s, const JoinPath *path)
{
    ASSERT(path->loops != NULL);

    u32 count = q->item_count;
    LoopChain outer = {path->loops, count == 0 ? 0 : count - 1};
    ScanOrder scan = {0};
    if (q->distinct_wanted && (q->flags & WANT_DISTINCT_BY) == 0
        && q->distinct == DISTINCT_UNORDERED && count > 0 && !q->has_right_join
        && order_satisfied(q, q->request->columns, &outer, WANT_DISTINCT_BY, path->loops[count - 1],
                           &scan)
               == (int)q->request->columns->count)
        q->distinct = DISTINCT_ORDERED;
    if (q->order_by == NULL || s->order_count == 0)
        return;
    q->ordered = path->ordered;
    if ((q->flags & WANT_DISTINCT_BY) != 0) {
        if (q->ordered == (int)q->order_by->count)
            q->distinct = DISTINCT_ORDERED;
        return;
    }
    q->scan_order = path->scan;
    note_inner_order(q, path);
    if ((q->flags & WANT_SORT_BY_GROUP) != 0 && q->ordered == (int)q->order_by->count
        && count > 0) {
        scan = (ScanOrder){0};
        if (order_satisfied(q, q->order_by, &outer, 0, path->loops[count - 1], &scan)
            == (int)q->order_by->count) {
            q->sorted = true;
            q->scan_order = scan;
        }
    }
}

// `rows_guess` 0: without regard to the order, to learn how many rows there will be to sort.
static int search(JoinQuery *q, Est rows_guess)
{
    PathSearch s;
    TRY(search_init(&s, q, rows_guess));
    for (u32 depth = 0; depth < q->item_count; depth++)
        extend_paths(&s, depth);
    if (s.from_count == 0)
        return connection_error(q->db, SQLITE_ERROR, "no query solution");
    const JoinPath *best = cheapest(&s);
    q->chosen = best->loops;
    q->total_rows = best->rows;
    q->total_cost = best->cost;
    note_order(q, &s, best);
    return SQLITE_OK;
}

// What the first round reached by an equality shall not be scanned in full for the sake of an
// order.
static void forbid_needless_scans(JoinQuery *q)
{
    ASSERT(q->order_by != NULL);
    ASSERT(q->chosen != NULL);

    for (u32 i = 0; i < q->item_count; i++) {
        const Access *chosen = q->chosen[i];
        if (chosen == NULL || chosen->kind == ACCESS_VIRTUAL
            || (chosen->flags & (ACCESS_EQUAL | ACCESS_ISNULL | ACCESS_IN)) == 0)
            return;
        for (Access *a = q->candidates; a != NULL; a = a->next) {
            if (a->item != chosen->item || (a->flags & ACCESS_AUTOMATIC) != 0
                || (a->flags
                    & (ACCESS_EQUAL | ACCESS_IN | ACCESS_ISNULL | ACCESS_BOTTOM | ACCESS_TOP))
                       != 0
                || a->kind == ACCESS_OR)
                continue;
            a->prereq = ~(TableMask)0;
        }
    }
}

// --- star schemas ---

enum {
    STAR_ITEMS_MIN = 5, // fewer are searched well enough without
    STAR_DIMENSIONS_MIN = 4,
};

// Outer and CROSS joins fix the order of their sides.
static bool keeps_place(const FromItem *item)
{
    return (item->join & (JOIN_OUTER | JOIN_LEFT | JOIN_RIGHT | JOIN_CROSS)) != 0;
}

// Items that can be looked up by what item `fact` holds, up to the first outer or CROSS join.
static TableMask dimensions_of(const JoinQuery *q, u32 fact)
{
    ASSERT(fact < q->item_count);

    const FromItem *center = q->from->items[fact];
    TableMask mask = 0;
    for (const Access *a = q->candidates; a != NULL; a = a->next) {
        const FromItem *item = q->from->items[a->item];
        if (keeps_place(center) && a->item <= fact)
            continue;
        if (keeps_place(item))
            break;
        bool is_self_join = item->table != NULL && item->table == center->table;
        if ((a->prereq >> fact & 1) != 0 && !is_self_join)
            mask |= a->self;
    }
    return mask;
}

// Scanning a dimension is made dearer than reading the fact table in any way.
static void weigh_dimensions(JoinQuery *q, u32 fact, TableMask dimensions)
{
    ASSERT((dimensions >> fact & 1) == 0);

    int dearest = INT16_MIN;
    for (const Access *a = q->candidates; a != NULL; a = a->next) {
        if (a->item == fact && a->run > dearest)
            dearest = a->run;
    }
    for (Access *a = q->candidates; a != NULL; a = a->next) {
        if ((a->self & dimensions) != 0 && a->term_count == 0 && a->run <= dearest)
            a->run = (Est)(dearest + 1);
    }
}

// In a star of one fact table and many dimensions, scans of small dimensions one within the other
// look cheap step by step and multiply; the search holds too few paths to see where that ends.
static void weigh_star(JoinQuery *q)
{
    ASSERT(!q->is_star);

    if (q->item_count < STAR_ITEMS_MIN)
        return;
    for (u32 fact = 0; fact < q->item_count; fact++) {
        TableMask dimensions = dimensions_of(q, fact);
        if (__builtin_popcountll(dimensions) < STAR_DIMENSIONS_MIN)
            continue;
        weigh_dimensions(q, fact, dimensions);
        q->is_star = true;
    }
}

// Two rounds where an order is wanted: what sorting costs depends on the rows of the result, which
// only the first round tells.
int join_order(JoinQuery *q)
{
    ASSERT(q->item_count <= JOIN_ITEM_MAX);

    weigh_star(q);
    TRY(search(q, 0));
    if (q->order_by == NULL)
        return SQLITE_OK;
    forbid_needless_scans(q);
    return search(q, q->total_rows < 0 ? 1 : (Est)(q->total_rows + 1));
}
