// Rows of a table and of its indexes: opening their trees, reading and making entries.
//
// A row being written is an image: its rowid (NULL without one) in register `first`, then all
// columns in table order, virtual ones too. Its life in an INSERT:
//
//     given columns -> code_columns_affinity -> code_image_generated -> code_type_check
//     -> code_index_key for each index -> code_image_record -> Insert
//
// Generated columns are computed last because they see the others as they will be stored.

#include "sql/code/code_write.h"
#include "sql/expr_tree.h"
#include <string.h>

bool table_has_rowid(const Table *table)
{
    return (table->flags & TABLE_WITHOUT_ROWID) == 0;
}

int data_field(const Table *table, int column)
{
    ASSERT(column < table->column_count);

    if (!table_has_rowid(table))
        return index_find_column(table_primary_key(table), column);
    return table_storage_column(table, column);
}

// --- cursors ---

void code_open_index(Codegen *g, Index *index, int cursor, Opcode op)
{
    ASSERT(op == OP_OpenRead || op == OP_OpenWrite || op == OP_ReopenIdx);
    ASSERT(cursor >= 0);

    int database = schema_index(g->db, index->schema);
    KeyShape *shape = index_shape(g->db, index);
    if (shape == NULL) {
        codegen_fail(g, g->db->error_code);
        return;
    }
    codegen_locks(g, database, index->table, op == OP_OpenWrite);
    program_emit_shape(g->program, op, cursor, (int)index->root, database, key_shape_ref(shape));
    program_comment(g->program, "%s", index->name);
}

void code_open_table(Codegen *g, Table *table, int cursor, Opcode op)
{
    ASSERT(table->kind == TABLE_ORDINARY);
    ASSERT(cursor >= 0);

    if (!table_has_rowid(table)) {
        code_open_index(g, table_primary_key(table), cursor, op);
        return;
    }
    int database = schema_index(g->db, table->schema);
    codegen_locks(g, database, table, op == OP_OpenWrite);
    program_emit_int(g->program, op, cursor, (int)table->root, database, table->stored_count);
    program_comment(g->program, "%s", table->name);
}

void write_table_init(Codegen *g, WriteTable *wt, Table *table, int data_cursor)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    *wt = (WriteTable){.table = table, .database = schema_index(g->db, table->schema)};
    wt->data_cursor = data_cursor >= 0 ? data_cursor : cursor_new(g);
    int count = 0;
    for (Index *index = table->indexes; index != NULL; index = index->next)
        count++;
    wt->indexes = arena_array(g->arena, (size_t)count + 1, sizeof(Index *));
    wt->index_cursors = arena_array(g->arena, (size_t)count + 1, sizeof *wt->index_cursors);
    wt->is_untouched = arena_array(g->arena, (size_t)count + 1, sizeof *wt->is_untouched);
    wt->stored = arena_alloc_zeroed(g->arena, sizeof *wt->stored);
    if (g->arena->failed) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        bool is_data = !table_has_rowid(table) && (index->flags & INDEX_PRIMARY_KEY) != 0;
        wt->indexes[wt->index_count] = index;
        wt->index_cursors[wt->index_count++] = is_data ? wt->data_cursor : cursor_new(g);
    }
    *wt->stored = (FromItem){.kind = FROM_PSEUDO, .table = table, .cursor = wt->data_cursor};
    source_set_table(g, wt->stored, wt->data_cursor);
}

void write_table_open(Codegen *g, const WriteTable *wt, Opcode op, u16 p5)
{
    ASSERT(wt->data_cursor >= 0);

    if (codegen_failed(g))
        return;
    code_open_table(g, wt->table, wt->data_cursor, op);
    program_set_p5(g->program, p5);
    write_table_open_indexes(g, wt, op, p5);
}

void write_table_open_indexes(Codegen *g, const WriteTable *wt, Opcode op, u16 p5)
{
    ASSERT(op == OP_OpenRead || op == OP_OpenWrite);

    for (int i = 0; i < wt->index_count; i++) {
        if (wt->index_cursors[i] == wt->data_cursor || (wt->is_untouched[i] && !wt->opens_all))
            continue;
        code_open_index(g, wt->indexes[i], wt->index_cursors[i], op);
        program_set_p5(g->program, p5);
    }
}

// --- one row ---

int row_key_width(const Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    return table_has_rowid(table) ? 1 : table_primary_key(table)->key_count;
}

void code_open_keys(Codegen *g, int cursor, Index *primary, int width)
{
    ASSERT(cursor >= 0);
    ASSERT(width >= (primary != NULL ? primary->key_count : 1));

    u16 key_count = primary != NULL ? primary->key_count : 1;
    KeyShape *shape = key_shape_new(g->db, g->db->encoding, key_count, (u16)width);
    if (shape == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    const KeyShape *order = primary != NULL ? index_shape(g->db, primary) : NULL;
    if (primary != NULL && order == NULL)
        codegen_fail(g, g->db->error_code); // no such collation, no memory
    for (u16 i = 0; order != NULL && i < key_count; i++)
        shape->fields[i] = order->fields[i];
    program_emit_shape(g->program, OP_OpenEphemeral, cursor, width, 0, shape);
}

void code_row_key(Codegen *g, const WriteTable *wt, RowKey key)
{
    ASSERT(key.first > 0);
    ASSERT(key.count == row_key_width(wt->table));

    if (table_has_rowid(wt->table)) {
        code_item_column(g, wt->stored, ROWID_COLUMN, key.first);
        return;
    }
    const Index *primary = table_primary_key(wt->table);
    for (int i = 0; i < key.count; i++)
        code_item_column(g, wt->stored, primary->columns[i], key.first + i);
}

void code_seek_row(Codegen *g, const WriteTable *wt, RowKey key, Label gone)
{
    ASSERT(key.first > 0 && key.count == row_key_width(wt->table));
    ASSERT(gone < 0);

    if (table_has_rowid(wt->table))
        program_emit(g->program, OP_NotExists, wt->data_cursor, gone, key.first);
    else
        program_emit_int(g->program, OP_NotFound, wt->data_cursor, gone, key.first, key.count);
}

// --- images ---

FromItem *image_item(Codegen *g, Table *table, Reg first)
{
    ASSERT(first > 0);

    FromItem *item = arena_alloc_zeroed(g->arena, sizeof *item);
    if (item == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    *item = (FromItem){.kind = FROM_PSEUDO, .table = table, .cursor = cursor_new(g)};
    *source_of(g, item->cursor) = (ColumnSource){.kind = SOURCE_REGISTERS,
                                                 .cursor = -1,
                                                 .index_cursor = -1,
                                                 .table = table,
                                                 .first_reg = first + 1,
                                                 .rowid_reg = first};
    return item;
}

void code_load_image(Codegen *g, const WriteTable *wt, Reg first, ColumnSet columns)
{
    ASSERT(first > 0);

    const Table *table = wt->table;
    if (table_has_rowid(table))
        program_emit(g->program, OP_Rowid, wt->data_cursor, first, 0);
    else
        program_emit(g->program, OP_Null, 0, first, 0);
    for (int i = 0; i < table->column_count; i++) {
        if ((columns & column_bit(i)) == 0)
            continue;
        if (i == table->rowid_alias)
            program_emit(g->program, OP_Copy, first, image_column(first, i), 0);
        else
            code_item_column(g, wt->stored, i, image_column(first, i));
    }
}

static bool has_generated(const Table *table)
{
    return (table->flags & (TABLE_HAS_STORED | TABLE_HAS_VIRTUAL)) != 0;
}

// A generated column may look at others further right: those go first.
typedef struct GeneratedOrder {
    Codegen *g;
    Table *table;
    FromItem *item;
    Reg first;
    u8 *state; // per column: 0 to do, 1 in progress, 2 done
} GeneratedOrder;

static void code_generated_in_order(GeneratedOrder *order, int column);

static WalkResult visit_needed_column(Walker *w, Expr *e)
{
    GeneratedOrder *order = w->arg;
    if (e->kind == EX_COLUMN && e->u.column.index >= 0)
        code_generated_in_order(order, e->u.column.index);
    return WALK_ON;
}

static void code_generated_in_order(GeneratedOrder *order, int column)
{
    ASSERT(column >= 0 && column < order->table->column_count);

    Column *definition = &order->table->columns[column];
    if ((definition->flags & COLUMN_GENERATED) == 0 || order->state[column] == 2)
        return;
    if (order->state[column] == 1) {
        codegen_error(order->g, SQLITE_ERROR, "generated column loop on \"%s\"", definition->name);
        return;
    }
    order->state[column] = 1;
    Walker w = {.expr = visit_needed_column, .arg = order};
    (void)expr_walk(&w, definition->value);
    if (!codegen_failed(order->g))
        code_generated_column(order->g, order->item, column, image_column(order->first, column));
    order->state[column] = 2;
}

void code_image_generated(Codegen *g, Table *table, Reg first)
{
    ASSERT(first > 0);

    if (!has_generated(table) || codegen_failed(g))
        return;
    GeneratedOrder order = {.g = g, .table = table, .first = first};
    order.item = image_item(g, table, first);
    order.state = arena_array(g->arena, (size_t)table->column_count, 1);
    for (int i = 0; i < table->column_count && order.state != NULL && !codegen_failed(g); i++)
        code_generated_in_order(&order, i);
}

static const char *table_affinities(Codegen *g, const Table *table, bool stored_only, int *count)
{
    ASSERT(table->column_count > 0);

    char *letters = arena_array(g->arena, (size_t)table->column_count + 1, 1);
    int n = 0;
    for (int i = 0; letters != NULL && i < table->column_count; i++) {
        if (stored_only && (table->columns[i].flags & COLUMN_VIRTUAL) != 0)
            continue;
        letters[n++] = (char)table->columns[i].affinity;
    }
    *count = n;
    return letters != NULL ? letters : "";
}

// The stored columns as one span: the image itself, or a copy without the virtual ones.
static Reg code_stored_span(Codegen *g, const Table *table, Reg first)
{
    ASSERT(first > 0);

    if ((table->flags & TABLE_HAS_VIRTUAL) == 0)
        return first + 1;
    Reg span = reg_range_new(g, table->stored_count);
    int n = 0;
    for (int i = 0; i < table->column_count; i++) {
        if ((table->columns[i].flags & COLUMN_VIRTUAL) == 0)
            program_emit(g->program, OP_SCopy, image_column(first, i), span + n++, 0);
    }
    return span;
}

static bool index_computes(const Index *index)
{
    ASSERT(index->table != NULL);

    if ((index->flags & INDEX_HAS_EXPR) != 0 || index->where != NULL)
        return true;
    for (int i = 0; i < index->key_count; i++) {
        int column = index->columns[i];
        if (column >= 0 && (index->table->columns[column].flags & COLUMN_VIRTUAL) != 0)
            return true;
    }
    return false;
}

// Is anything kept, or refused, that is computed from the row's columns?
static bool row_is_computed_from(const Table *table)
{
    if ((table->flags & TABLE_HAS_STORED) != 0 || table->check_count > 0)
        return true;
    for (const Index *index = table->indexes; index != NULL; index = index->next) {
        if (index_computes(index))
            return true;
    }
    return false;
}

// How many letters matter: columns at the end that take anything as it is need none.
static int affinity_reach(const char *letters, int count)
{
    ASSERT(count >= 0);

    while (count > 0 && (u8)letters[count - 1] <= AFF_BLOB)
        count--;
    return count;
}

void code_columns_affinity(Codegen *g, const Table *table, Reg first)
{
    ASSERT(first > 0);
    ASSERT(table->column_count > 0);

    int count;
    const char *letters = table_affinities(g, table, false, &count);
    bool as_stored = row_is_computed_from(table);
    if (!as_stored) // else a whole real of any column may have to become an integer again
        count = affinity_reach(letters, count);
    if (count > 0)
        program_emit_text(g->program, OP_Affinity, first + 1, count, as_stored, letters, count);
}

void code_image_affinity(Codegen *g, const WriteTable *wt, Reg first)
{
    ASSERT(first > 0);

    code_columns_affinity(g, wt->table, first);
    if (has_generated(wt->table)) // they are computed of values of the right type
        code_type_check(g, wt->table, first, TYPE_CHECK_GIVEN);
}

void code_type_check(Codegen *g, Table *table, Reg first, TypeCheck which)
{
    ASSERT(first > 0);
    ASSERT(table->kind == TABLE_ORDINARY);

    if ((table->flags & TABLE_STRICT) == 0)
        return;
    Reg span = code_stored_span(g, table, first);
    // Like SQLite's, this failure alone does not make the statement keep what it changes: of
    // several rows, those before the bad one stay unless a constraint that may abort is tested too.
    codegen_top(g)->checks_types = true;
    program_emit_table(g->program, OP_TypeCheck, span, table->stored_count, (int)which, table);
}

void code_image_record(Codegen *g, const WriteTable *wt, Reg first, Reg out)
{
    ASSERT(first > 0 && out > 0);
    ASSERT(table_has_rowid(wt->table));

    const Table *table = wt->table;
    int count;
    const char *letters = table_affinities(g, table, true, &count);
    Reg span = code_stored_span(g, table, first);
    program_emit_text(g->program, OP_MakeRecord, span, count, out, letters,
                      affinity_reach(letters, count));
}

// --- index entries ---

void code_index_filter(Codegen *g, const Index *index, FromItem *item, Label skip)
{
    ASSERT(index->where == NULL || skip < 0);

    if (index->where == NULL)
        return;
    Expr *where = expr_bind(g->arena, index->where, item);
    if (where == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    code_jump(g, where, skip, false, false);
    g->hoist_constants = hoist;
}

// Expressions of an index are not hoisted: they are computed anew for every row.
static void code_index_field(Codegen *g, const Index *index, int i, FromItem *item, Reg target)
{
    ASSERT(i >= 0 && i < index->column_count);
    ASSERT(target > 0);

    if (index->columns[i] != COLUMN_EXPR) {
        int column = index->columns[i] == COLUMN_ROWID ? ROWID_COLUMN : index->columns[i];
        code_item_column(g, item, column, target);
        if (program_at(g->program, -1)->op == OP_RealAffinity) // entries keep integers short
            program_to_noop(g->program, program_here(g->program) - 1);
        return;
    }
    Expr *e = expr_bind(g->arena, index->exprs[i], item);
    if (e == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    code_expr_copy(g, e, target);
    g->hoist_constants = hoist;
}

void code_index_key(Codegen *g, const Index *index, FromItem *item, Reg first, Label skip)
{
    ASSERT(first > 0);

    if (skip != 0)
        code_index_filter(g, index, item, skip);
    for (int i = 0; i < index->column_count && !codegen_failed(g); i++)
        code_index_field(g, index, i, item, first + i);
}

void code_index_rows_delete(Codegen *g, const WriteTable *wt, const bool *except)
{
    ASSERT(wt->stored != NULL || wt->index_count == 0);

    for (int i = 0; i < wt->index_count && !codegen_failed(g); i++) {
        const Index *index = wt->indexes[i];
        if (wt->index_cursors[i] == wt->data_cursor || (except != NULL && except[i]))
            continue;
        Label skip = label_new(g->program);
        Reg first = reg_range_new(g, index->column_count);
        code_index_key(g, index, wt->stored, first, skip);
        program_emit(g->program, OP_IdxDelete, wt->index_cursors[i], first, index->column_count);
        program_set_p5(g->program, 1); // an entry that is missing means a damaged file
        label_here(g->program, skip);
    }
}
