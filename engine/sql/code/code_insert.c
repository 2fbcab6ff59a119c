// INSERT: where rows come from, which column gets what, the rowid, and the row's way through
// triggers and constraints into the table.
//
// A single VALUES row is computed straight into the row's image. Other sources are co-routines;
// when the table itself is read, or triggers could change what is read, their rows go through a
// temporary table first.
//
//     the rowid -> first                   NewRowid, or the value given
//     columns, defaults -> first+1..
//     [BEFORE triggers]                    before the rowid is chosen: they see -1
//     affinity, generated columns
//     NOT NULL, CHECK, UNIQUE              code_constraints: jumps to NEXT, halts, or replaces
//     foreign keys                         as the child: is the parent there?
//     index entries, the row               code_row_write
//     RETURNING, AFTER triggers
//   NEXT:
//
// For a view the triggers are all there is; for a virtual table VUpdate is.

#include "sql/code/code_write.h"
#include "sql/expr_tree.h"
#include "vtab/vtab.h"

enum { FROM_DEFAULT = -1 };

typedef struct InsertCode {
    Codegen *g;
    Insert *insert;
    Table *table;
    WriteTable wt;
    Reg old_first, first; // images; old_first is that of no row, which triggers may look past
    int *places;          // per column: which value of the source, or FROM_DEFAULT
    int rowid_place;      // value that is the rowid, or FROM_DEFAULT
    int value_count;
    ExprList *row;  // single VALUES row
    Reg source;     // registers of the source's row; 0: `row`
    bool is_direct; // the source's registers are the image's
    u32 triggers;
    u8 on_conflict;
    Reg autoincrement;
    Label next;
    bool rowid_is_new; // no rowid was given: it is chosen, and conflicts with nothing
} InsertCode;

// --- which value goes where ---

static bool is_assignable(const Column *column)
{
    return (column->flags & (COLUMN_GENERATED | COLUMN_HIDDEN)) == 0;
}

static bool place_named(InsertCode *in)
{
    ASSERT(in->insert->columns != NULL);

    const IdList *columns = in->insert->columns;
    for (u32 i = 0; i < columns->count; i++) {
        int column = table_column_index(in->table, columns->items[i].name);
        if (column < 0 && name_is_rowid(columns->items[i].name)
            && (in->table->flags & TABLE_WITHOUT_ROWID) == 0 && in->table->kind != TABLE_VIEW) {
            in->rowid_place = (int)i;
            continue;
        }
        if (column < 0) {
            codegen_error(in->g, SQLITE_ERROR, "table %s has no column named %s", in->table->name,
                          columns->items[i].name);
            return false;
        }
        if ((in->table->columns[column].flags & COLUMN_GENERATED) != 0) {
            codegen_error(in->g, SQLITE_ERROR, "cannot INSERT into generated column \"%s\"",
                          in->table->columns[column].name);
            return false;
        }
        if (in->places[column] == FROM_DEFAULT)
            in->places[column] = (int)i;
        if (column == in->table->rowid_alias)
            in->rowid_place = (int)i;
    }
    if (in->value_count != (int)columns->count && in->insert->select != NULL) {
        codegen_error(in->g, SQLITE_ERROR, "%d values for %u columns", in->value_count,
                      columns->count);
        return false;
    }
    return true;
}

static bool place_all(InsertCode *in)
{
    ASSERT(in->insert->columns == NULL);

    int count = 0;
    for (int i = 0; i < in->table->column_count; i++) {
        if (!is_assignable(&in->table->columns[i]))
            continue;
        if (in->insert->select != NULL)
            in->places[i] = count;
        count++;
    }
    if (in->insert->select == NULL || in->value_count == count)
        return true;
    const FromItem *target = in->insert->target;
    codegen_error(in->g, SQLITE_ERROR, "table %s%s%s has %d columns but %d values were supplied",
                  target->schema != NULL ? target->schema : "", target->schema != NULL ? "." : "",
                  in->table->name, count, in->value_count);
    return false;
}

static bool place_values(InsertCode *in)
{
    ASSERT(in->places == NULL);

    in->places = arena_array(in->g->arena, (size_t)in->table->column_count + 1, sizeof(int));
    if (in->places == NULL) {
        codegen_fail(in->g, connection_out_of_memory(in->g->db));
        return false;
    }
    for (int i = 0; i < in->table->column_count; i++)
        in->places[i] = FROM_DEFAULT;
    in->rowid_place = FROM_DEFAULT;
    bool placed = in->insert->columns != NULL ? place_named(in) : place_all(in);
    int alias = in->table->rowid_alias;
    if (placed && alias >= 0 && in->rowid_place == FROM_DEFAULT)
        in->rowid_place = in->places[alias];
    return placed;
}

// --- sources ---

typedef struct ReadsTable {
    const Table *table;
    bool found;
} ReadsTable;

static WalkResult visit_from(Walker *w, Select *s)
{
    ASSERT(w->arg != NULL);

    ReadsTable *reads = w->arg;
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        const FromItem *item = s->from->items[i];
        if (item->table == reads->table
            || (item->table != NULL && item->table->kind == TABLE_VIRTUAL))
            reads->found = true;
    }
    return reads->found ? WALK_STOP : WALK_ON;
}

// A virtual table may read anything.
static bool select_reads(Select *select, const Table *table)
{
    ASSERT(select != NULL);

    ReadsTable reads = {.table = table};
    Walker w = {.expr = walk_past_expr, .select = visit_from, .arg = &reads};
    (void)select_walk(&w, select);
    return reads.found;
}

static bool is_single_row(const Select *select)
{
    ASSERT(select != NULL);

    return (select->flags & SELECT_VALUES) != 0 && select->prior == NULL && select->limit == NULL
           && select->order_by == NULL && select->where == NULL;
}

// The image may receive the source's row itself when the columns correspond one to one.
static bool can_be_direct(const InsertCode *in)
{
    ASSERT(in->places != NULL);

    if (in->table->kind != TABLE_ORDINARY || in->value_count != in->table->column_count)
        return false;
    for (int i = 0; i < in->table->column_count; i++) {
        if (in->places[i] != i)
            return false;
    }
    return true;
}

static void code_row_of_source(InsertCode *in);

static void code_from_coroutine(InsertCode *in)
{
    ASSERT(in->insert->select != NULL && in->source == 0);

    Codegen *g = in->g;
    Reg yield = reg_new(g);
    in->is_direct = can_be_direct(in);
    in->source = in->is_direct ? in->first + 1 : reg_range_new(g, in->value_count);
    int init = program_emit(g->program, OP_InitCoroutine, yield, 0, program_here(g->program) + 1);
    SelectDest dest = {.kind = DEST_COROUTINE,
                       .param = yield,
                       .first = in->source,
                       .count = in->value_count,
                       .keeps_subtypes = true};
    code_select(g, in->insert->select, &dest);
    program_emit(g->program, OP_EndCoroutine, yield, 0, 0);
    program_jump_here(g->program, init);
    if (in->table->kind == TABLE_ORDINARY)
        write_table_open(g, &in->wt, OP_OpenWrite, 0);
    Label done = label_new(g->program);
    in->next = label_new(g->program);
    label_here(g->program, in->next);
    program_emit(g->program, OP_Yield, yield, done, 0);
    code_row_of_source(in);
    program_emit(g->program, OP_Goto, 0, in->next, 0);
    label_here(g->program, done);
}

static void code_from_table(InsertCode *in)
{
    ASSERT(in->insert->select != NULL && in->source == 0);

    Codegen *g = in->g;
    int cursor = cursor_new(g);
    program_emit(g->program, OP_OpenEphemeral, cursor, in->value_count, 0);
    SelectDest dest = {.kind = DEST_TABLE, .param = cursor, .count = in->value_count};
    code_select(g, in->insert->select, &dest);
    if (in->table->kind == TABLE_ORDINARY)
        write_table_open(g, &in->wt, OP_OpenWrite, 0);
    in->source = reg_range_new(g, in->value_count);
    in->next = label_new(g->program);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_here(g->program);
    for (int i = 0; i < in->value_count; i++)
        program_emit(g->program, OP_Column, cursor, i, in->source + i);
    code_row_of_source(in);
    label_here(g->program, in->next);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

static void code_single_row(InsertCode *in)
{
    ASSERT(in->source == 0);

    Codegen *g = in->g;
    if (in->table->kind == TABLE_ORDINARY)
        write_table_open(g, &in->wt, OP_OpenWrite, 0);
    in->next = label_new(g->program);
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;                 // every expression is computed once anyway
    if (in->row != NULL && in->triggers != 0) { // ... also when triggers and the table look at it
        in->source = reg_range_new(g, in->value_count);
        code_expr_list(g, in->row, in->source, LIST_COPY);
        in->row = NULL;
    }
    code_row_of_source(in);
    g->hoist_constants = hoist;
    label_here(g->program, in->next);
}

// --- the values of a row ---

static void code_value(InsertCode *in, int place, Reg target)
{
    ASSERT(place >= 0 && place < in->value_count);
    ASSERT(target > 0);

    Codegen *g = in->g;
    if (in->row != NULL)
        code_expr_copy(g, in->row->items[place].expr, target);
    else if (in->source + place != target)
        program_emit(g->program, OP_SCopy, in->source + place, target, 0);
}

static void code_default(InsertCode *in, int column, Reg target)
{
    ASSERT(target > 0);
    ASSERT(column >= 0 && column < in->table->column_count);
    ASSERT(in->table->columns[column].value != NULL);

    Codegen *g = in->g;
    Expr *value = expr_copy(g->arena, in->table->columns[column].value, NULL);
    if (value != NULL)
        code_expr_copy(g, value, target);
}

// Columns left out that are NULL, side by side, take one instruction. `run` is that of the column
// before, -1 if it was of another kind; returns the one for this column.
static int code_null(const InsertCode *in, Reg target, int run)
{
    ASSERT(target > 0);

    Program *program = in->g->program;
    if (run < 0)
        return program_emit(program, OP_Null, 0, target, 0);
    program_at(program, run)->p3 = target;
    return run;
}

static void code_columns(InsertCode *in)
{
    ASSERT(in->first > 0);

    Codegen *g = in->g;
    const Column *columns = in->table->columns;
    int nulls = -1;
    for (int i = 0; i < in->table->column_count && !codegen_failed(g); i++) {
        Reg target = image_column(in->first, i);
        bool is_given = in->places[i] != FROM_DEFAULT;
        int before = nulls;
        nulls = -1;
        if ((columns[i].flags & COLUMN_GENERATED) != 0 && in->table->kind == TABLE_ORDINARY)
            continue;
        if (i == in->table->rowid_alias)
            program_emit(g->program, OP_SoftNull, target, 0, 0);
        else if (is_given)
            code_value(in, in->places[i], target);
        else if (columns[i].value == NULL)
            nulls = code_null(in, target, before);
        else
            code_default(in, i, target);
    }
}

static bool rowid_is_null(const InsertCode *in)
{
    ASSERT(in->rowid_place != FROM_DEFAULT);

    return in->row != NULL && in->row->items[in->rowid_place].expr->kind == EX_NULL;
}

// The rowid the row will have. Returns the flags the Insert gets for it.
static u16 code_rowid(InsertCode *in)
{
    ASSERT(in->table->kind == TABLE_ORDINARY);

    Codegen *g = in->g;
    bool is_default = in->rowid_place == FROM_DEFAULT, is_chosen = is_default || rowid_is_null(in);
    // A NULL that is written down counts as a value that may conflict: SQLite compiles the ON
    // CONFLICT clause for it, and tells what is wrong with that.
    in->rowid_is_new = is_default || (is_chosen && in->insert->upsert == NULL);
    if (!table_has_rowid(in->table)) {
        program_emit(g->program, OP_Null, 0, in->first, 0);
        in->rowid_is_new = false;
        return 0;
    }
    if (is_chosen) {
        program_emit(g->program, OP_NewRowid, in->wt.data_cursor, in->first, in->autoincrement);
    } else {
        code_value(in, in->rowid_place, in->first);
        int given = program_emit(g->program, OP_NotNull, in->first, 0, 0);
        program_emit(g->program, OP_NewRowid, in->wt.data_cursor, in->first, in->autoincrement);
        program_jump_here(g->program, given);
        program_emit(g->program, OP_MustBeInt, in->first, 0, 0);
    }
    if (in->autoincrement != 0)
        program_emit(g->program, OP_MemMax, in->autoincrement, in->first, 0);
    return in->rowid_is_new ? P5_APPEND : 0;
}

// What BEFORE and INSTEAD OF triggers see: a rowid not chosen yet reads as -1.
static void code_before_triggers(InsertCode *in)
{
    ASSERT(in->next < 0);

    Codegen *g = in->g;
    TriggerTime time = in->table->kind == TABLE_VIEW ? TRIGGER_INSTEAD_OF : TRIGGER_BEFORE;
    if ((in->triggers & (1u << time)) == 0)
        return;
    if (in->rowid_place == FROM_DEFAULT || !table_is_rowid(in->table)) {
        program_emit(g->program, OP_Integer, -1, in->first, 0);
    } else {
        code_value(in, in->rowid_place, in->first);
        int given = program_emit(g->program, OP_NotNull, in->first, 0, 0);
        program_emit(g->program, OP_Integer, -1, in->first, 0);
        program_jump_here(g->program, given);
        program_emit(g->program, OP_MustBeInt, in->first, 0, 0);
    }
    if (in->table->kind == TABLE_ORDINARY) {
        code_columns(in);
        code_image_affinity(g, &in->wt, in->first);
        code_image_generated(g, in->table, in->first);
        code_type_check(g, in->table, in->first, TYPE_CHECK_ALL);
    }
    code_fire_triggers(g, &(FireTriggers){.table = in->table,
                                          .event = TRIGGER_INSERT,
                                          .time = time,
                                          .base = in->old_first,
                                          .on_conflict = in->on_conflict,
                                          .ignore = in->next});
}

// --- a row on its way ---

static void code_table_row(InsertCode *in)
{
    ASSERT(in->table->kind == TABLE_ORDINARY);

    Codegen *g = in->g;
    code_before_triggers(in);
    // The source's registers are the image's: the rowid leaves its place before it is blanked.
    u16 p5 = code_rowid(in);
    if (in->is_direct) {
        if (in->table->rowid_alias >= 0)
            program_emit(g->program, OP_SoftNull, image_column(in->first, in->table->rowid_alias),
                         0, 0);
    } else {
        code_columns(in);
    }
    code_image_affinity(g, &in->wt, in->first);
    code_image_generated(g, in->table, in->first);
    RowChange change = {.wt = &in->wt,
                        .new_first = in->first,
                        .rowid_may_conflict = !in->rowid_is_new && table_has_rowid(in->table),
                        .on_conflict = in->on_conflict,
                        .ignore = in->next,
                        .insert = in->insert};
    code_constraints(g, &change);
    if (change.rowid_may_conflict && !change.may_replace)
        p5 |= P5_USE_SEEK_RESULT;
    if (foreign_keys_needed(g, in->table, NULL, false))
        code_foreign_key_checks(g, &in->wt, 0, in->first, NULL, false);
    if (g->nested == 0)
        p5 |= P5_NCHANGE | P5_LAST_ROWID;
    code_row_write(g, &change, p5);
    code_count_row(g);
}

static void code_virtual_row(InsertCode *in)
{
    ASSERT(in->table->kind == TABLE_VIRTUAL);
    ASSERT(in->first == in->old_first + 1);

    Codegen *g = in->g;
    Reg base = in->old_first;
    program_emit(g->program, OP_Null, 0, base, 0);
    if (in->rowid_place == FROM_DEFAULT)
        program_emit(g->program, OP_Null, 0, in->first, 0);
    else
        code_value(in, in->rowid_place, in->first);
    code_columns(in);
    code_vtab_writes(g, in->table);
    code_capture_virtual(g, in->table);
    program_emit_vtab(g->program, OP_VUpdate, 1, in->table->column_count + 2, base,
                      vtab_find(g->db, in->table));
    u8 action = in->on_conflict;
    program_set_p5(g->program, action == ON_CONFLICT_DEFAULT ? ON_CONFLICT_ABORT : action);
    codegen_may_abort(g);
}

static void code_row_of_source(InsertCode *in)
{
    ASSERT(in->next < 0 && in->first > 0);

    Codegen *g = in->g;
    if (in->table->kind == TABLE_VIRTUAL) {
        code_virtual_row(in);
    } else if (in->table->kind == TABLE_VIEW) {
        code_columns(in);
        code_before_triggers(in);
        code_count_row(g);
    } else {
        code_table_row(in);
    }
    code_returning_row(g, in->insert->returning, in->table, 0, in->first);
    if ((in->triggers & (1u << TRIGGER_AFTER)) != 0)
        code_fire_triggers(g, &(FireTriggers){.table = in->table,
                                              .event = TRIGGER_INSERT,
                                              .time = TRIGGER_AFTER,
                                              .base = in->old_first,
                                              .on_conflict = in->on_conflict,
                                              .ignore = in->next});
}

// --- the statement ---

static void insert_images(InsertCode *in)
{
    ASSERT(in->first == 0);

    Codegen *g = in->g;
    int width = in->table->column_count + 1;
    if (in->table->kind == TABLE_VIRTUAL) { // xUpdate's arguments: NULL, rowid, columns
        in->old_first = reg_range_new(g, width + 1);
        in->first = in->old_first + 1;
        return;
    }
    in->old_first = reg_range_new(g, 2 * width);
    in->first = in->old_first + width;
}

static bool upsert_touches_others(const InsertCode *in, const Upsert *clause)
{
    ASSERT(clause->do_update);

    bool *changed = arena_array(in->g->arena, (size_t)in->table->column_count + 1, sizeof *changed);
    for (u32 i = 0; changed != NULL && i < clause->set->count; i++) {
        const IdList *columns = clause->set->items[i].columns;
        for (u32 c = 0; c < columns->count; c++) {
            if (columns->items[c].column >= 0)
                changed[columns->items[c].column] = true;
        }
    }
    return changed != NULL
           && (foreign_keys_needed(in->g, in->table, changed, false)
               || triggers_for(in->g, in->table, TRIGGER_UPDATE, clause->set) != 0);
}

// A row with the rowid given may have to go or to change first, with foreign keys that look at it.
// SQLite thinks so even where the value written is NULL.
static bool may_touch_other_row(const InsertCode *in)
{
    ASSERT(in->places != NULL);

    if (in->rowid_place == FROM_DEFAULT || in->table->kind != TABLE_ORDINARY)
        return false;
    for (const Upsert *u = in->insert->upsert; u != NULL; u = u->next) {
        if (u->target == NULL || u->is_rowid)
            return u->do_update && upsert_touches_others(in, u);
    }
    u8 own = in->table->primary_key_conflict;
    u8 action = in->on_conflict != ON_CONFLICT_DEFAULT ? in->on_conflict : own;
    return action == ON_CONFLICT_REPLACE && foreign_keys_needed(in->g, in->table, NULL, false);
}

static bool insert_prepare(InsertCode *in)
{
    ASSERT(in->table != NULL);

    Codegen *g = in->g;
    Table *table = in->table;
    Select *select = in->insert->select;
    in->triggers = triggers_for(g, table, TRIGGER_INSERT, NULL);
    if (code_is_read_only(g, table, in->triggers != 0))
        return false;
    if (table->kind == TABLE_VIEW && resolve_view_columns(g->db, table) != SQLITE_OK) {
        codegen_fail(g, g->db->error_code);
        return false;
    }
    int database = schema_index(g->db, table->schema);
    if (in->insert->is_ignored)
        return false;
    in->value_count = select != NULL ? (int)select->columns->count : 0;
    if (!place_values(in))
        return false;
    in->on_conflict = code_on_conflict(g, in->insert->on_conflict);
    bool many = (select != NULL && !is_single_row(select)) || in->triggers != 0
                || in->insert->returning != NULL || may_touch_other_row(in);
    codegen_writes(g, database, many);
    if (table->kind == TABLE_ORDINARY) {
        write_table_init(g, &in->wt, table, in->insert->target->cursor);
        in->autoincrement = code_autoincrement_register(g, table);
    }
    return !codegen_failed(g);
}

void code_insert(Codegen *g, Insert *insert)
{
    ASSERT(insert->target != NULL && insert->target->table != NULL);

    InsertCode in = {.g = g, .insert = insert, .table = insert->target->table};
    Select *select = insert->select;
    if (codegen_failed(g) || !insert_prepare(&in))
        return;
    code_count_begin(g, insert->returning != NULL);
    code_returning_begin(g, insert->returning);
    insert_images(&in);
    if (select == NULL || is_single_row(select)) {
        in.row = select != NULL ? select->columns : NULL;
        code_single_row(&in);
    } else if (in.triggers != 0 || insert->returning != NULL || select_reads(select, in.table)) {
        code_from_table(&in);
    } else {
        code_from_coroutine(&in);
    }
    code_autoincrement_end(g);
    code_returning_end(g, insert->returning);
    code_count_end(g, "rows inserted");
}
