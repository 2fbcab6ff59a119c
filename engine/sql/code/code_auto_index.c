// Indexes, hash tables and Bloom filters that live as long as the statement, built the first time
// their level is reached.
//
//     Once -> built
//     SorterOpen / JoinOpen / OpenAutoindex; [Blob: the filter]
//     for each row of the item (scan or co-routine):
//       filters that speak of this item alone             what they refuse is not kept
//       r[row..] = key columns, then every other column read, [rowid or sequence]
//       FilterAdd; MakeRecord, SorterInsert               or JoinInsert at once
//     SorterSort; BulkBuild                               an index, from the bottom up
//                 (SorterData, Column.., JoinInsert)*     a hash table in sorted order
//   built:
//
// Whatever is built covers the query: the level reads its columns from there, never from the item.

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

// In bytes; without statistics the least.
enum { BLOOM_SIZE_MIN = 20000, BLOOM_SIZE_MAX = 10000000 };

// --- going through the rows of the item that the index is built from ---

typedef struct RowLoop {
    int top; // address
    bool coroutine;
    int cursor;
    Label end;
} RowLoop;

static void row_loop_begin(Codegen *g, const LevelCode *lc, RowLoop *loop)
{
    ASSERT(lc->level->item->kind == FROM_TABLE || lc->level->item->plan != NULL
           || lc->level->item->kind == FROM_FUNCTION);

    FromItem *item = lc->level->item;
    const SubqueryPlan *sub = item->kind == FROM_TABLE ? NULL : item->plan;
    loop->end = label_new(g->program);
    loop->coroutine = sub != NULL && sub->mode == SUBQUERY_COROUTINE;
    if (loop->coroutine) {
        program_emit(g->program, OP_InitCoroutine, sub->return_reg, 0, sub->entry_address);
        loop->top = program_emit(g->program, OP_Yield, sub->return_reg, loop->end, 0);
        return;
    }
    loop->cursor = sub != NULL ? source_of(g, item->cursor)->cursor : item->cursor;
    program_emit(g->program, OP_Rewind, loop->cursor, loop->end, 0);
    loop->top = program_here(g->program);
}

static void row_loop_end(Codegen *g, const RowLoop *loop)
{
    ASSERT(loop->end < 0 && loop->top >= 0);

    if (loop->coroutine)
        program_emit(g->program, OP_Goto, 0, loop->top, 0);
    else
        program_emit(g->program, OP_Next, loop->cursor, loop->top, 0);
    if (!loop->coroutine)
        program_set_p5(g->program, 3); // SQLITE_STMTSTATUS_AUTOINDEX
    label_here(g->program, loop->end);
}

// --- automatic indexes ---

static bool holds_column(const Index *index, u32 count, int column)
{
    ASSERT(column >= 0);

    for (u32 i = 0; i < count; i++) {
        if (index->columns[i] == column)
            return true;
    }
    return false;
}

static u32 item_column_count(const FromItem *item)
{
    return item->table != NULL && item->kind == FROM_TABLE ? (u32)item->table->column_count
                                                           : item->column_count;
}

static bool column_is_used(const FromItem *item, u32 column)
{
    u32 bit = column < 63 ? column : 63;
    return (item->columns_used >> bit & 1) != 0;
}

// Rows of an index are told apart by what stands last in them. Those of a hash table need not be,
// even where they are sorted first: a sorter leaves equal rows in the order of the scan, which is
// that of their rowids.
static bool keeps_rowid(const Access *a, const FromItem *item)
{
    ASSERT((a->flags & ACCESS_AUTOMATIC) != 0);

    return a->kind != ACCESS_HASH || item->rowid_used
           || (item->join & (JOIN_RIGHT | JOIN_LEFT_OF_RIGHT)) != 0;
}

// The key columns first, then every other column that is read, so that the index covers the query.
static Index *describe(Codegen *g, const LevelCode *lc)
{
    ASSERT((lc->level->access->flags & ACCESS_AUTOMATIC) != 0);

    const Access *a = lc->level->access;
    FromItem *item = lc->level->item;
    u32 columns = item_column_count(item);
    size_t capacity = (size_t)a->term_count + columns + 1;
    Index *index = arena_alloc_zeroed(g->arena, sizeof *index);
    i16 *places = arena_array(g->arena, capacity, sizeof *places);
    u8 *sort_flags = arena_array(g->arena, capacity, 1);
    if (index == NULL || places == NULL || sort_flags == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return NULL;
    }
    index->name = "auto-index";
    index->columns = places;
    index->sort_flags = sort_flags;
    index->table = item->kind == FROM_TABLE ? item->table : NULL;
    u16 count = 0;
    for (u32 i = 0; i < a->term_count; i++)
        places[count++] = (i16)a->terms[i]->column;
    index->key_count = count;
    for (u32 i = 0; i < columns; i++) {
        if (column_is_used(item, i) && !holds_column(index, count, (int)i))
            places[count++] = (i16)i;
    }
    if (keeps_rowid(a, item))
        places[count++] = COLUMN_ROWID;
    index->column_count = count;
    return index;
}

static KeyShape *auto_shape(Codegen *g, const Access *a, u16 columns)
{
    ASSERT(a->term_count > 0 && a->term_count <= columns);

    KeyShape *shape = key_shape_new(g->db, g->db->encoding, columns, columns);
    if (shape == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    for (u32 i = 0; i < a->term_count; i++) {
        const Collation *c = expr_compare_collation(g->db, a->terms[i]->expr);
        if (c != NULL)
            shape->fields[i].collation = c;
    }
    return shape;
}

static bool has_rowid(const FromItem *item)
{
    return item->kind == FROM_TABLE && table_is_rowid(item->table);
}

// Copies the row under the loop into registers in the order of the index.
static Reg code_index_row(Codegen *g, const LevelCode *lc, const Index *index, Reg sequence)
{
    ASSERT(sequence > 0);

    FromItem *item = lc->level->item;
    Reg first = reg_range_new(g, index->column_count);
    for (u32 i = 0; i < index->column_count; i++) {
        Reg reg = first + (Reg)i;
        if (index->columns[i] != COLUMN_ROWID)
            code_item_column(g, item, index->columns[i], reg);
        else if (has_rowid(item))
            code_item_column(g, item, ROWID_COLUMN, reg);
        else
            program_emit(g->program, OP_SCopy, sequence, reg, 0); // keeps equal rows apart
    }
    return first;
}

// Without statistics the table's size is a guess, so the filter is the smallest.
static void bloom_open(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->filter == 0);

    const FromItem *item = lc->level->item;
    u64 size = BLOOM_SIZE_MIN;
    if (item->table != NULL && item->kind == FROM_TABLE
        && (item->table->flags & TABLE_HAS_STAT1) != 0)
        size = est_to_u64(item->table->row_estimate);
    size = size < BLOOM_SIZE_MIN ? BLOOM_SIZE_MIN : size > BLOOM_SIZE_MAX ? BLOOM_SIZE_MAX : size;
    lc->filter = reg_new(g);
    program_emit(g->program, OP_Blob, (int)size, lc->filter, 0);
}

static void source_set_rows(Codegen *g, const LevelCode *lc)
{
    ASSERT(lc->level->item->cursor >= 0);

    if (lc->level->item->kind == FROM_TABLE)
        source_set_table(g, lc->level->item, lc->level->item->cursor);
}

// Where the rows go: a hash table, at once or by way of a sorter, or an index, always by way of
// one.
typedef struct Store {
    const Index *index;
    int cursor, sorter; // sorter -1: none
    bool is_hash;
    Reg row, filter;
} Store;

static void store_open(Codegen *g, const LevelCode *lc, Store *st)
{
    ASSERT(st->index->key_count > 0 && st->cursor >= 0);

    const Access *a = lc->level->access;
    u16 columns = st->index->column_count, keys = st->index->key_count;
    KeyShape *shape = auto_shape(g, a, columns);
    st->is_hash = a->kind == ACCESS_HASH;
    st->sorter = -1;
    if (!st->is_hash || (a->flags & ACCESS_SORTED_BUILD) != 0) {
        st->sorter = cursor_new(g);
        program_emit_shape(g->program, OP_SorterOpen, st->sorter, columns, 0,
                           shape == NULL ? NULL : key_shape_ref(shape));
    }
    if (st->is_hash)
        program_emit_shape(g->program, OP_JoinOpen, st->cursor, keys, columns, shape);
    else
        program_emit_shape(g->program, OP_OpenAutoindex, st->cursor, columns, 0, shape);
    program_comment(g->program, "for %s", from_item_name(lc->level->item));
}

static void store_row(Codegen *g, const Store *st)
{
    ASSERT(st->row > 0);

    u16 columns = st->index->column_count, keys = st->index->key_count;
    ASSERT(keys > 0);
    if (st->filter != 0)
        program_emit_int(g->program, OP_FilterAdd, st->filter, 0, st->row, keys);
    if (st->sorter < 0) {
        program_emit(g->program, OP_JoinInsert, st->cursor, st->row, 0);
        return;
    }
    Reg record = reg_temp(g);
    program_emit(g->program, OP_MakeRecord, st->row, columns, record);
    program_emit(g->program, OP_SorterInsert, st->sorter, record, st->row);
    reg_temp_release(g, record);
}

// Sorted rows make the tree from the bottom up, without a search for each.
static void store_finish(Codegen *g, const Store *st)
{
    ASSERT(st->is_hash || st->sorter >= 0);

    if (st->sorter < 0)
        return;
    int empty = program_emit(g->program, OP_SorterSort, st->sorter, 0, 0);
    if (!st->is_hash) {
        program_emit(g->program, OP_BulkBuild, st->cursor, 0, st->sorter);
    } else {
        Reg data = reg_new(g);
        int pseudo = cursor_new(g);
        u16 columns = st->index->column_count;
        program_emit(g->program, OP_OpenPseudo, pseudo, data, columns);
        int top = program_emit(g->program, OP_SorterData, st->sorter, data, pseudo);
        for (int i = 0; i < columns; i++)
            program_emit(g->program, OP_Column, pseudo, i, st->row + i);
        program_emit(g->program, OP_JoinInsert, st->cursor, st->row, 0);
        program_emit(g->program, OP_SorterNext, st->sorter, top, 0);
    }
    program_jump_here(g->program, empty);
    program_emit(g->program, OP_Close, st->sorter, 0, 0);
}

static void explain_bloom(Codegen *g, const LevelCode *lc)
{
    ASSERT((lc->level->access->flags & ACCESS_BLOOM) != 0);

    PlanContext plan = code_plan_context(g);
    char *text = plan_print_bloom(&plan, lc->level);
    if (text != NULL)
        plan_text(g, text);
}

void code_automatic_index(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->index_cursor >= 0);

    const JoinLevel *level = lc->level;
    Index *index = describe(g, lc);
    if (index == NULL)
        return;
    Store st = {.index = index, .cursor = lc->index_cursor};
    level->access->index = index;
    int once = program_emit(g->program, OP_Once, 0, 0, 0);
    ColumnSource former = *source_of(g, level->item->cursor);
    source_set_rows(g, lc);
    store_open(g, lc, &st);
    if ((level->access->flags & ACCESS_BLOOM) != 0)
        explain_bloom(g, lc);
    // A hash table is as quick as its filter would be.
    if ((level->access->flags & ACCESS_BLOOM) != 0 && !st.is_hash)
        bloom_open(g, lc);
    st.filter = lc->filter;
    Reg sequence = reg_new(g);
    program_emit(g->program, OP_Integer, 0, sequence, 0);
    RowLoop loop;
    row_loop_begin(g, lc, &loop);
    Label next = label_new(g->program);
    code_filters(g, level->build_filters, 0, level->build_count, next);
    st.row = code_index_row(g, lc, index, sequence);
    store_row(g, &st);
    if (!has_rowid(level->item))
        program_emit(g->program, OP_AddImm, sequence, 1, 0);
    label_here(g->program, next);
    row_loop_end(g, &loop);
    store_finish(g, &st);
    program_jump_here(g->program, once);
    *source_of(g, level->item->cursor) = former;
    if (level->item->kind == FROM_TABLE)
        lc->cursor = level->item->cursor;
}

// --- Bloom filters over real indexes ---

static void code_bloom_key(Codegen *g, const LevelCode *lc, Reg first)
{
    ASSERT(first > 0);

    const Access *a = lc->level->access;
    FromItem *item = lc->level->item;
    if ((a->flags & ACCESS_INDEXED) == 0) {
        code_item_column(g, item, ROWID_COLUMN, first);
        return;
    }
    for (u32 i = 0; i < a->equal_count; i++) {
        int column = a->index->columns[i];
        if (column == COLUMN_EXPR)
            code_expr_copy(g, a->index->exprs[i], first + (Reg)i);
        else
            code_item_column(g, item, column == COLUMN_ROWID ? ROWID_COLUMN : column,
                             first + (Reg)i);
    }
}

// Filters of this item alone thin the filter's contents: what they refuse is not added.
void code_bloom_build(Codegen *g, LevelCode *lc)
{
    ASSERT((lc->level->access->flags & (ACCESS_BLOOM | ACCESS_AUTOMATIC)) == ACCESS_BLOOM);

    const JoinLevel *level = lc->level;
    const Access *a = level->access;
    int once = program_emit(g->program, OP_Once, 0, 0, 0);
    source_set_rows(g, lc);
    explain_bloom(g, lc);
    bloom_open(g, lc);
    RowLoop loop;
    row_loop_begin(g, lc, &loop);
    Label next = label_new(g->program);
    code_filters(g, level->build_filters, 0, level->build_count, next);
    int count = (a->flags & ACCESS_INDEXED) != 0 ? a->equal_count : 1;
    Reg first = reg_range_new(g, count);
    code_bloom_key(g, lc, first);
    program_emit_int(g->program, OP_FilterAdd, lc->filter, 0, first, count);
    label_here(g->program, next);
    row_loop_end(g, &loop);
    program_jump_here(g->program, once);
}

void code_bloom_test(Codegen *g, LevelCode *lc, Reg first, u32 count, Label miss)
{
    ASSERT(first > 0 && count > 0);
    ASSERT(miss < 0);

    if (lc->filter != 0)
        program_emit_int(g->program, OP_Filter, lc->filter, miss, first, (i32)count);
}
