// Surveys: the leaves ahead of a cursor, looked at by several threads at once.
//
// A survey takes the leaves that follow under the parent of the one stood on, and under the next
// few parents: enough for the runs that threads get to be long ones. Helpers find the pages in the
// pager's memory and look at the rows; a page that is not there is left to the walk. What is kept
// is a number for each leaf: how many entries may be passed over, 0 where the leaf must be walked.
//
// No page is pinned: while helpers look, the connection's thread does the same and nothing else, so
// no page changes and none leaves memory. When cursor_next_surveyed() returns, no helper looks.
//
// The numbers hold while the cursor holds its path. Before the tree changes the cursor gives up its
// pins (B5) and with them its place number, and what was surveyed is forgotten.
#include "base/alloc.h"
#include "btree/btree_internal.h"
#include "os/crew.h"

enum {
    LEAVES_MAX = 4096, // of one survey
    LEAVES_MIN = 16,   // fewer are walked
    LEAVES_FIRST = 64, // at most of the first
    PARTS_MAX = 16,
    ENTRIES_ALONE = 2000, // before helpers are asked for
    RUN = 256,            // leaves that a thread gets at once, at most
    HEADER_AHEAD = 8,     // leaves between asking for one's header and judging it
    ROWS_AHEAD = 4,       // between asking for its header and for its rows
};

// The children of one parent from slot `first` on.
typedef struct Part {
    Node parent; // its page is not pinned, but that of the part which the cursor is in
    Pgno pgno;   // of the parent
    u32 first, count;
    u32 leaf; // number of the first child among all leaves of the survey
} Part;

struct Survey {
    Crew *crew;  // NULL: none yet
    u32 helpers; // wanted, once the walk has proved to be a long one
    RowJudge *judge;
    void *arg;
    const Cursor *cursor;
    u32 place_number;
    u32 part_count, leaf_count;
    u32 leaf_limit;
    u64 entries_seen; // walked or passed over so far
    Part parts[PARTS_MAX];
    u16 passable[LEAVES_MAX]; // entries of each leaf
};

int survey_new(u32 helpers, RowJudge *judge, void *arg, Survey **out)
{
    ASSERT(judge != NULL);

    Survey *survey = mem_alloc_zeroed(sizeof *survey);
    if (survey == NULL)
        return SQLITE_NOMEM;
    survey->helpers = helpers < CREW_HELPERS_MAX ? helpers : CREW_HELPERS_MAX;
    survey->judge = judge;
    survey->arg = arg;
    *out = survey;
    return SQLITE_OK;
}

void survey_free(Survey *survey)
{
    if (survey == NULL)
        return;
    ASSERT(survey->judge != NULL);
    crew_free(survey->crew);
    mem_free(survey);
}

// --- what helpers do: it reads pages and reports nothing ---

// What node_parse_bytes() would report is not of interest here.
static bool is_table_leaf(const Geometry *geometry, const u8 *page)
{
    enum { AT_COUNT = 3 };
    ASSERT(geometry->usable >= USABLE_MIN);
    return page[0] == TABLE_LEAF && get_u16(page + AT_COUNT) <= (geometry->usable - 8) / 6;
}

// The number of entries, if none of them is wanted and all can be told.
static u32 passable_entries(const Survey *survey, const Geometry *geometry, const u8 *page)
{
    enum { NOT_THE_FIRST = 2 }; // any page number but that of the file's header
    Node leaf;
    ASSERT(page != NULL);
    if (!is_table_leaf(geometry, page)
        || node_parse_bytes(&leaf, geometry, (u8 *)(uintptr_t)page, NOT_THE_FIRST) != SQLITE_OK)
        return 0;
    for (u32 slot = 0; slot < leaf.cell_count; slot++) {
        Cell cell;
        const u8 *bytes = node_cell(&leaf, slot);
        if (bytes == NULL)
            return 0;
        cell_parse(geometry, leaf.kind, bytes, &cell);
        bool is_whole = cell.local_size == cell.payload_size && cell.payload_size > 0
                        && (u32)(bytes - page) + cell.size <= geometry->usable;
        if (!is_whole || survey->judge(survey->arg, cell.payload, cell.payload_size))
            return 0;
    }
    return leaf.cell_count;
}

// NULL: not in memory, or no page of a table.
static inline const u8 *child_page(const Pager *pager, const Part *part, u32 index)
{
    Pgno child = node_peek_child(&part->parent, part->first + index);
    ASSERT(index < part->count);
    return child > 1 ? pager_peek(pager, child) : NULL;
}

// Leaves are asked for some way before they are judged: first their header, then their rows. `near`
// holds the pages in between.
static void judge_children(Survey *survey, const Part *part, u32 first, u32 end)
{
    const Cursor *cur = survey->cursor;
    const Pager *pager = cur->bt->pager;
    const Geometry *geometry = &cur->bt->geometry;
    u16 *passable = survey->passable + part->leaf;
    const u8 *near[HEADER_AHEAD] = {NULL};
    ASSERT(first < end && end <= part->count);
    for (u32 i = first; i < end + HEADER_AHEAD; i++) {
        const u8 *page = near[i % HEADER_AHEAD];
        if (i >= first + HEADER_AHEAD)
            passable[i - HEADER_AHEAD] =
                (u16)(page != NULL ? passable_entries(survey, geometry, page) : 0);
        near[i % HEADER_AHEAD] = i < end ? child_page(pager, part, i) : NULL;
        __builtin_prefetch(near[i % HEADER_AHEAD]); // NULL is no fault
        page = near[(i - ROWS_AHEAD) % HEADER_AHEAD];
        if (page != NULL && cur->reach > 0)
            leaf_ask_for_rows(geometry->usable, cur->reach, page);
    }
}

static void judge_leaves(void *arg, u32 first, u32 end)
{
    Survey *survey = arg;
    ASSERT(first < end && end <= survey->leaf_count);
    for (u32 i = 0; i < survey->part_count; i++) {
        const Part *part = &survey->parts[i];
        u32 from = first > part->leaf ? first - part->leaf : 0;
        u32 to = end > part->leaf ? end - part->leaf : 0;
        to = to < part->count ? to : part->count;
        if (from < to)
            judge_children(survey, part, from, to);
    }
}

// --- what the connection's thread does ---

static void add_part(Survey *survey, const Node *parent, Pgno pgno, u32 first)
{
    u32 left = parent->cell_count + 1u - first;
    u32 room = survey->leaf_limit - survey->leaf_count;
    ASSERT(survey->part_count < PARTS_MAX);
    ASSERT(first <= parent->cell_count + 1u);
    Part *part = &survey->parts[survey->part_count++];
    *part = (Part){.parent = *parent, .pgno = pgno, .first = first, .leaf = survey->leaf_count};
    part->count = left < room ? left : room;
    survey->leaf_count += part->count;
}

// The children of the parents to the right, as far as they are in memory and sound.
static void add_neighbours(Survey *survey, const Cursor *cur)
{
    ASSERT(cur->depth >= 2);
    const Level *above = &cur->path[cur->depth - 2];
    const Geometry *geometry = &cur->bt->geometry;
    for (u32 slot = above->slot + 1; slot <= above->node.cell_count; slot++) {
        Node parent;
        Pgno pgno = node_peek_child(&above->node, slot);
        const u8 *page = pgno > 1 ? pager_peek(cur->bt->pager, pgno) : NULL;
        bool is_full = survey->part_count == PARTS_MAX || survey->leaf_count == survey->leaf_limit;
        if (is_full || page == NULL || page[0] != TABLE_INTERIOR
            || node_parse_bytes(&parent, geometry, (u8 *)(uintptr_t)page, pgno) != SQLITE_OK)
            return;
        add_part(survey, &parent, pgno, 0);
    }
}

// A judge learns: what it wants of the rows to come depends on those it has seen. So no survey is
// of more entries than were seen before.
static u32 limit_now(const Survey *survey, const Node *leaf)
{
    u64 leaves = survey->entries_seen / leaf->cell_count;
    ASSERT(leaf->cell_count > 0);
    return leaves < LEAVES_FIRST ? LEAVES_FIRST : leaves < LEAVES_MAX ? (u32)leaves : LEAVES_MAX;
}

// Threads are started for a long walk only. None to be had: it goes on alone.
static void get_crew(Survey *survey)
{
    ASSERT(survey->helpers <= CREW_HELPERS_MAX);
    if (survey->helpers == 0 || survey->crew != NULL || survey->entries_seen < ENTRIES_ALONE)
        return;
    if (crew_new(survey->helpers, &survey->crew) != SQLITE_OK)
        survey->helpers = 0;
}

static void survey_leaves(Survey *survey, const Cursor *cur)
{
    const Level *parent = &cur->path[cur->depth - 1];
    ASSERT(parent->slot <= parent->node.cell_count);
    survey->cursor = cur;
    survey->place_number = cur->place_number;
    survey->part_count = survey->leaf_count = 0;
    survey->leaf_limit = limit_now(survey, &cur->fast.level->node);
    add_part(survey, &parent->node, parent->node.page->pgno, parent->slot + 1);
    if (cur->depth >= 2)
        add_neighbours(survey, cur);
    if (survey->leaf_count < LEAVES_MIN) {
        survey->part_count = 0;
        return;
    }
    get_crew(survey);
    if (survey->crew == NULL) {
        judge_leaves(survey, 0, survey->leaf_count);
        return;
    }
    crew_begin(survey->crew, judge_leaves, survey, RUN);
    crew_announce(survey->crew, survey->leaf_count);
    crew_finish(survey->crew);
}

// The part that has the child after the one the cursor is in, or NULL.
static const Part *find_part(const Survey *survey, const Cursor *cur)
{
    ASSERT(cur->depth > 0);
    const Level *parent = &cur->path[cur->depth - 1];
    if (survey->cursor != cur || survey->place_number != cur->place_number)
        return NULL;
    for (u32 i = 0; i < survey->part_count; i++) {
        const Part *part = &survey->parts[i];
        u32 child = parent->slot + 1;
        if (part->pgno == parent->node.page->pgno && child >= part->first
            && child - part->first < part->count)
            return part;
    }
    return NULL;
}

// Moves the parent's slot to the last child that need not be walked: the next step goes on from
// there.
static u32 pass_over(const Survey *survey, const Part *part, Level *parent)
{
    u32 passed = 0;
    for (u32 i = parent->slot + 1 - part->first; i < part->count; i++) {
        u32 passable = survey->passable[part->leaf + i];
        if (passable == 0)
            break;
        passed += passable;
        parent->slot++;
    }
    ASSERT(parent->slot <= parent->node.cell_count);
    return passed;
}

int cursor_next_surveyed(Cursor *cur, Survey *survey, u32 *passed)
{
    const Level *leaf = cur->fast.level;
    ASSERT(cur->is_table);
    *passed = 0;
    if (cur->fast.state != CURSOR_VALID || cur->depth == 0
        || leaf->slot + 1 < leaf->node.cell_count)
        return cursor_next(cur);
    Level *parent = &cur->path[cur->depth - 1];
    const Part *part = find_part(survey, cur);
    if (part == NULL && parent->slot < parent->node.cell_count) {
        survey_leaves(survey, cur);
        part = find_part(survey, cur);
    }
    if (part != NULL)
        *passed = pass_over(survey, part, parent);
    survey->entries_seen += leaf->node.cell_count + *passed;
    return cursor_next(cur);
}
