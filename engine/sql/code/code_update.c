// UPDATE: which columns change and what hangs on them; the loop that finds the rows; the change of
// one row, which an upsert shares.
//
// Rows are changed as the loop meets them when the planner allows it and nothing that runs in
// between can disturb the loop; otherwise their keys, and with FROM the new values too, are
// collected first.
//
//     one pass:   loops;  the row under the cursor is changed;  end of loops
//     two:        loops;  its key (and with FROM the new values) -> store;  end of loops
//                 Rewind store;  the key's row is sought and changed;  Next store
//
// The row itself: old image (if anybody looks at it), new image, BEFORE triggers and what they
// changed, constraints, foreign keys; then the entries of touched indexes are deleted, the row is
// written over or, when its key changes, deleted and inserted, and new entries follow.

#include "sql/code/code_where.h"
#include "sql/code/code_write.h"
#include "sql/expr_tree.h"
#include "sql/rewrite.h"
#include "vtab/vtab.h"

// --- what changes ---

static bool assign(Codegen *g, UpdateRow *u, const SetItem *item, u32 field)
{
    ASSERT(field < item->columns->count);

    int column = item->columns->items[field].column;
    Table *table = u->table;
    if (item->columns->items[field].is_ignored)
        return !codegen_failed(g);
    UpdateColumn value = {.set = item, .field = field};
    if (column < 0 || column == table->rowid_alias) {
        u->rowid = value;
        u->rowid_changes = true;
        if (table->rowid_alias >= 0)
            u->changed[table->rowid_alias] = true;
        return true;
    }
    u->columns[column] = value;
    u->changed[column] = true;
    return true;
}

// Generated columns change when something they read does, perhaps another generated column.
static void mark_generated(UpdateRow *u)
{
    ASSERT(u->changed != NULL);

    Table *table = u->table;
    bool *read = u->changed;
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < table->column_count; i++) {
            const Column *column = &table->columns[i];
            if ((column->flags & COLUMN_GENERATED) == 0 || u->changed[i] || column->value == NULL)
                continue;
            if (!expr_reads_changed(column->value, table, read, u->rowid_changes))
                continue;
            u->changed[i] = true;
            again = true;
        }
    }
}

bool update_row_init(Codegen *g, UpdateRow *u)
{
    ASSERT(u->columns == NULL);

    Table *table = u->table;
    u->columns = arena_array(g->arena, (size_t)table->column_count + 1, sizeof *u->columns);
    u->changed = arena_array(g->arena, (size_t)table->column_count + 1, sizeof *u->changed);
    if (g->arena->failed) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return false;
    }
    for (u32 i = 0; i < u->set->count; i++) {
        const SetItem *item = &u->set->items[i];
        for (u32 field = 0; field < item->columns->count; field++) {
            if (!assign(g, u, item, field))
                return false;
        }
    }
    mark_generated(u);
    u->key_changes = u->rowid_changes;
    const Index *primary =
        table->kind == TABLE_ORDINARY && !table_has_rowid(table) ? table_primary_key(table) : NULL;
    for (int i = 0; primary != NULL && i < primary->key_count; i++)
        u->key_changes |= u->changed[primary->columns[i]];
    u->triggers = triggers_for(g, table, TRIGGER_UPDATE, u->set);
    u->has_foreign_keys = table->kind == TABLE_ORDINARY
                          && foreign_keys_needed(g, table, u->changed, u->rowid_changes);
    return true;
}

static bool index_is_touched(const UpdateRow *u, const Index *index)
{
    ASSERT(index->table == u->table);

    if (u->key_changes)
        return true;
    for (int i = 0; i < index->column_count; i++) {
        int column = index->columns[i];
        if (column >= 0 && u->changed[column])
            return true;
        if (column == COLUMN_EXPR
            && expr_reads_changed(index->exprs[i], u->table, u->changed, u->rowid_changes))
            return true;
    }
    return index->where != NULL
           && expr_reads_changed(index->where, u->table, u->changed, u->rowid_changes);
}

void update_row_indexes(UpdateRow *u)
{
    ASSERT(u->wt->table == u->table);

    WriteTable *wt = u->wt;
    u8 statement = u->on_conflict;
    u->replaces = statement == ON_CONFLICT_REPLACE;
    if (statement == ON_CONFLICT_DEFAULT && u->rowid_changes)
        u->replaces |= u->table->primary_key_conflict == ON_CONFLICT_REPLACE;
    for (int i = 0; i < wt->index_count; i++) {
        bool is_data = wt->index_cursors[i] == wt->data_cursor;
        wt->is_untouched[i] = !is_data && !index_is_touched(u, wt->indexes[i]);
        if (!wt->is_untouched[i] && statement == ON_CONFLICT_DEFAULT)
            u->replaces |= wt->indexes[i]->conflict == ON_CONFLICT_REPLACE;
    }
    wt->opens_all = u->replaces;
}

// --- new values ---

static bool is_row_subquery(const SetItem *item)
{
    ASSERT(item->columns != NULL);

    return item->is_row && item->columns->count > 1 && item->expr->kind == EX_SELECT;
}

static void code_assigned(Codegen *g, const UpdateColumn *c, Reg target)
{
    ASSERT(c->set != NULL);
    ASSERT(target > 0);

    if (c->given != 0) {
        program_emit(g->program, OP_SCopy, c->given, target, 0);
        return;
    }
    Expr *value = c->set->expr;
    if (c->set->is_row && c->set->columns->count > 1)
        value = vector_field(g, value, c->field);
    code_expr_copy(g, value, target);
}

// A subquery that gives several columns runs once; its fields wait in registers.
static void code_row_subqueries(Codegen *g, UpdateRow *u)
{
    ASSERT(u->columns != NULL);

    for (u32 i = 0; i < u->set->count && !codegen_failed(g); i++) {
        const SetItem *item = &u->set->items[i];
        if (u->is_joined || !is_row_subquery(item))
            continue;
        Reg first = code_subquery(g, item->expr);
        for (int c = 0; c < u->table->column_count; c++) {
            if (u->columns[c].set == item)
                u->columns[c].given = first + (Reg)u->columns[c].field;
        }
        if (u->rowid.set == item)
            u->rowid.given = first + (Reg)u->rowid.field;
    }
}

// Hooks and foreign keys see the registers of OLD; triggers borrow their values.
static bool shows_old(Codegen *g, const UpdateRow *u)
{
    ASSERT(u->table != NULL);

    bool has_hook = code_is_captured(g, u->table) && !code_captures_keys(g, u->table);
    return has_hook || u->has_foreign_keys;
}

// Whoever sees registers may convert them in place, so that NEW has copies of what stays.
static void code_new_columns(Codegen *g, UpdateRow *u, ColumnSet old_columns)
{
    ASSERT(u->new_first > 0);
    ASSERT(old_columns == 0 || u->old_first > 0);

    const Table *table = u->table;
    int copy = shows_old(g, u) ? OP_Copy : OP_SCopy;
    for (int i = 0; i < table->column_count && !codegen_failed(g); i++) {
        Reg target = image_column(u->new_first, i);
        if (i == table->rowid_alias)
            program_emit(g->program, OP_Null, 0, target, 0);
        else if (u->columns[i].set != NULL)
            code_assigned(g, &u->columns[i], target);
        else if ((table->columns[i].flags & COLUMN_GENERATED) != 0 && u->changed[i]
                 && table->kind == TABLE_ORDINARY)
            continue;
        else if ((old_columns & column_bit(i)) != 0)
            program_emit(g->program, copy, image_column(u->old_first, i), target, 0);
        else
            code_item_column(g, u->wt->stored, i, target);
    }
}

static void code_new_rowid(Codegen *g, UpdateRow *u)
{
    ASSERT(u->new_first > 0);

    if (u->rowid_changes) {
        code_assigned(g, &u->rowid, u->new_first);
        program_emit(g->program, OP_MustBeInt, u->new_first, 0, 0);
    } else if (table_has_rowid(u->table)) {
        program_emit(g->program, OP_Copy, u->key.first, u->new_first, 0);
    } else {
        program_emit(g->program, OP_Null, 0, u->new_first, 0);
    }
}

// --- one row ---

static FireTriggers update_triggers(const UpdateRow *u, TriggerTime time)
{
    ASSERT(u->next < 0);

    return (FireTriggers){.table = u->table,
                          .event = TRIGGER_UPDATE,
                          .time = time,
                          .set = u->set,
                          .base = u->old_first,
                          .on_conflict = u->on_conflict,
                          .ignore = u->next};
}

static void code_update_triggers(Codegen *g, const UpdateRow *u, TriggerTime time)
{
    FireTriggers fire = update_triggers(u, time);
    code_fire_triggers(g, &fire);
}

// The columns of OLD that somebody reads: triggers those that they name, others any of them.
static ColumnSet old_columns_needed(Codegen *g, const UpdateRow *u)
{
    ASSERT(u->old_first > 0);

    if (shows_old(g, u))
        return ALL_COLUMNS;
    FireTriggers fire = update_triggers(u, TRIGGER_BEFORE);
    return u->triggers != 0 ? triggers_old_columns(g, &fire) : 0;
}

// After BEFORE triggers the row may be gone, and columns that are not assigned may have changed.
static void code_after_before_triggers(Codegen *g, UpdateRow *u)
{
    ASSERT(u->next < 0);

    const Table *table = u->table;
    code_seek_row(g, u->wt, u->key, u->next);
    for (int i = 0; i < table->column_count; i++) {
        if (i == table->rowid_alias || u->columns[i].set != NULL)
            continue;
        if ((table->columns[i].flags & COLUMN_GENERATED) == 0 || !u->changed[i])
            code_item_column(g, u->wt->stored, i, image_column(u->new_first, i));
    }
    code_image_generated(g, u->table, u->new_first);
}

static void code_replace_row(Codegen *g, UpdateRow *u, RowChange *change)
{
    ASSERT(change->wt == u->wt);

    WriteTable *wt = u->wt;
    bool moved = u->key_changes || change->may_replace; // tests of uniqueness seek
    if (moved)
        code_seek_row(g, wt, u->key, u->next);
    code_index_rows_delete(g, wt, wt->is_untouched);
    // A row that keeps its key is written over, but the preupdate hook hears of it here.
    u16 flags = (u16)(P5_IS_UPDATE | (u->key_changes ? 0 : P5_IS_NOOP));
    program_emit_table(g->program, OP_Delete, wt->data_cursor, flags, u->new_first, u->table);
    u16 p5 = P5_IS_UPDATE;
    if (g->nested == 0)
        p5 |= P5_NCHANGE;
    if (u->keeps_place)
        p5 |= P5_SAVE_POSITION;
    code_row_write(g, change, p5);
}

void code_update_row(Codegen *g, UpdateRow *u)
{
    ASSERT(u->new_first > 0 && u->key.first > 0);

    WriteTable *wt = u->wt;
    bool is_captured = code_is_captured(g, u->table);
    ColumnSet old_columns = old_columns_needed(g, u);
    if (!u->is_positioned)
        code_seek_row(g, wt, u->key, u->next);
    if (u->triggers != 0 || old_columns != 0)
        code_load_image(g, wt, u->old_first, old_columns);
    code_row_subqueries(g, u);
    code_new_rowid(g, u);
    code_new_columns(g, u, old_columns);
    code_image_affinity(g, wt, u->new_first);
    code_image_generated(g, u->table, u->new_first);
    if ((u->triggers & (1u << TRIGGER_BEFORE)) != 0) {
        code_type_check(g, u->table, u->new_first, TYPE_CHECK_ALL);
        code_update_triggers(g, u, TRIGGER_BEFORE);
        code_after_before_triggers(g, u);
    }
    RowChange change = {.wt = wt,
                        .new_first = u->new_first,
                        .old_key = u->key,
                        .rowid_may_conflict = u->rowid_changes,
                        .key_may_change = u->key_changes,
                        .changed = u->changed,
                        .on_conflict = u->on_conflict,
                        .ignore = u->next};
    code_constraints(g, &change);
    if (u->has_foreign_keys) {
        if (change.may_replace || u->key_changes)
            code_seek_row(g, wt, u->key, u->next);
        code_foreign_key_checks(g, wt, u->old_first, u->new_first, u->changed, u->rowid_changes);
    }
    if (is_captured)
        code_capture_update(g, u);
    code_replace_row(g, u, &change);
    if (u->has_foreign_keys)
        code_foreign_key_actions(g, u->table, u->old_first, true, u->changed, u->rowid_changes);
    code_count_row(g);
    code_returning_row(g, u->returning, u->table, 0, u->new_first);
    code_update_triggers(g, u, TRIGGER_AFTER);
}

// --- collecting rows ---

typedef struct UpdateCode {
    Codegen *g;
    Update *update;
    UpdateRow row;
    WriteTable wt;
    int store;       // ephemeral table of keys, and of values with FROM
    int value_count; // values stored behind the key
} UpdateCode;

// The values of the joined row, as the query has them: SET one by one, row values field by field.
static void code_values_given(UpdateCode *c, Reg first, int field)
{
    ASSERT(field >= c->row.key.count);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    for (int i = 0; i < c->value_count; i++)
        program_emit(g->program, OP_Column, c->store, field + i, first + i);
    for (u32 i = 0; i < u->set->count; i++) {
        const SetItem *item = &u->set->items[i];
        for (int n = 0; n < u->table->column_count; n++) {
            if (u->columns[n].set == item)
                u->columns[n].given = first + (Reg)u->columns[n].field;
        }
        if (u->rowid.set == item)
            u->rowid.given = first + (Reg)u->rowid.field;
        first += (Reg)item->columns->count;
    }
    u->is_joined = true;
}

// In order of the key, once each: of several joined rows the last wins.
static void code_store_record(UpdateCode *c, Reg first, int width)
{
    ASSERT(first > 0 && width >= c->row.key.count);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    Reg record = reg_new(g);
    program_emit(g->program, OP_MakeRecord, first, width, record);
    if (table_has_rowid(u->table))
        program_emit(g->program, OP_Insert, c->store, record, first);
    else
        program_emit_int(g->program, OP_IdxInsert, c->store, record, first, u->key.count);
}

// An aggregate over no rows at all gives one without a key: there is nothing to change.
static void code_joined_row(Codegen *g, SelectDest *dest)
{
    UpdateCode *c = dest->arg;
    ASSERT(dest->count == c->row.key.count + c->value_count);

    Label no_key = label_new(g->program);
    if (table_has_rowid(c->row.table))
        program_emit(g->program, OP_IsNull, dest->first, no_key, 0);
    code_store_record(c, dest->first, dest->count);
    label_here(g->program, no_key);
}

static void code_open_store(UpdateCode *c)
{
    ASSERT(c->row.key.count > 0);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    int width = u->key.count + c->value_count;
    c->store = cursor_new(g);
    if (table_has_rowid(u->table)) {
        program_emit(g->program, OP_OpenEphemeral, c->store, width, 0);
        return;
    }
    code_open_keys(g, c->store, table_primary_key(u->table), width);
}

static void code_stored_updates(UpdateCode *c)
{
    ASSERT(c->row.key.first > 0);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    Label done = label_new(g->program);
    source_set_table(g, c->wt.stored, c->wt.data_cursor);
    code_open_table(g, u->table, c->wt.data_cursor, OP_OpenWrite);
    program_emit(g->program, OP_Rewind, c->store, done, 0);
    int top = program_here(g->program);
    for (int i = 0; i < u->key.count; i++)
        program_emit(g->program, OP_Column, c->store, i, u->key.first + i);
    if (c->update->from != NULL)
        code_values_given(c, reg_range_new(g, c->value_count + 1), u->key.count);
    u->next = label_new(g->program);
    code_update_row(g, u);
    label_here(g->program, u->next);
    program_emit(g->program, OP_Next, c->store, top, 0);
    label_here(g->program, done);
}

static bool set_has_subquery(const SetList *set)
{
    ASSERT(set->count > 0);

    for (u32 i = 0; i < set->count; i++) {
        if ((set->items[i].expr->flags & EXPR_HAS_SUBQUERY) != 0
            || set->items[i].expr->kind == EX_SELECT)
            return true;
    }
    return false;
}

// Triggers and foreign keys may move the cursor, which a loop of one row has no more need of: what
// follows seeks the row again.
static u32 loop_flags(const UpdateCode *c)
{
    ASSERT(c->row.changed != NULL);

    const UpdateRow *u = &c->row;
    const Update *update = c->update;
    bool has_subquery =
        set_has_subquery(update->set)
        || (update->where != NULL && (update->where->flags & EXPR_HAS_SUBQUERY) != 0);
    if (u->replaces || has_subquery)
        return WHERE_OF_CHANGE;
    bool is_alone = u->triggers == 0 && !u->has_foreign_keys && !u->key_changes;
    return WHERE_OF_CHANGE | WHERE_ONE_PASS | (is_alone ? WHERE_MANY_ROWS : 0);
}

// A loop over many rows may not change the index it walks.
static bool loop_is_safe(const UpdateCode *c, const WhereCode *w)
{
    ASSERT(c->wt.table == c->row.table);

    if (w->one_pass != ONE_PASS_MANY || w->index_cursor < 0)
        return w->one_pass != ONE_PASS_NO;
    for (int i = 0; i < c->wt.index_count; i++) {
        if (c->wt.indexes[i]->root == w->index_root)
            return c->wt.is_untouched[i];
    }
    return true;
}

// With FROM: the query is over before the first row changes.
static void code_update_joined(UpdateCode *c)
{
    ASSERT(c->update->query != NULL);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    u->key = (RowKey){.count = row_key_width(u->table)};
    u->key.first = reg_range_new(g, u->key.count);
    c->value_count = (int)c->update->query->columns->count - u->key.count;
    code_open_store(c);
    write_table_open_indexes(g, &c->wt, OP_OpenWrite, 0);
    SelectDest dest = {.kind = DEST_CALLBACK, .consume = code_joined_row, .arg = c};
    code_select(g, c->update->query, &dest);
    code_stored_updates(c);
}

static void code_update_rows(UpdateCode *c)
{
    ASSERT(c->row.table->kind == TABLE_ORDINARY);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    u->key = (RowKey){.count = row_key_width(u->table)};
    u->key.first = reg_range_new(g, u->key.count);
    Reg stored = reg_range_new(g, u->key.count);
    int open_store = program_here(g->program);
    code_open_store(c);
    write_table_open_indexes(g, &c->wt, OP_OpenWrite, 0);
    WhereCode *w = code_where_begin(g, c->update->sources, c->update->where, loop_flags(c));
    if (w == NULL)
        return;
    if (loop_is_safe(c, w)) {
        program_to_noop(g->program, open_store); // no row waits for a second pass
        ColumnSource of_loop = *source_of(g, c->wt.data_cursor);
        source_set_table(g, c->wt.stored, c->wt.data_cursor);
        code_row_key(g, &c->wt, u->key);
        u->is_positioned = true;
        u->keeps_place = w->one_pass == ONE_PASS_MANY;
        u->next = w->next_row;
        code_update_row(g, u);
        *source_of(g, c->wt.data_cursor) = of_loop;
        code_where_end(g, w);
        return;
    }
    code_row_key(g, &c->wt, (RowKey){.first = stored, .count = u->key.count});
    code_store_record(c, stored, u->key.count);
    code_where_end(g, w);
    code_stored_updates(c);
}

// --- views ---

// The row as the view has it is in its image; what is assigned is computed, or given.
static void code_view_row(UpdateCode *c)
{
    ASSERT(c->row.table->kind == TABLE_VIEW && c->row.next < 0);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    program_emit(g->program, OP_Integer, -1, u->old_first, 0);
    program_emit(g->program, OP_Integer, -1, u->new_first, 0);
    code_row_subqueries(g, u);
    code_new_columns(g, u, ALL_COLUMNS);
    code_columns_affinity(g, u->table, u->new_first);
    code_update_triggers(g, u, TRIGGER_INSTEAD_OF);
    code_count_row(g);
    code_returning_row(g, u->returning, u->table, 0, u->new_first);
}

static void code_view_image(UpdateCode *c)
{
    ASSERT(c->row.table->kind == TABLE_VIEW);

    const UpdateRow *u = &c->row;
    for (int i = 0; i < u->table->column_count; i++)
        code_item_column(c->g, c->update->target, i, image_column(u->old_first, i));
}

static void code_stored_view_rows(UpdateCode *c)
{
    ASSERT(c->update->from != NULL);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    int column_count = u->table->column_count;
    Reg values = reg_range_new(g, c->value_count + 1);
    u->next = label_new(g->program);
    int rewind = program_emit(g->program, OP_Rewind, c->store, 0, 0);
    int top = program_here(g->program);
    for (int i = 0; i < column_count; i++)
        program_emit(g->program, OP_Column, c->store, i, image_column(u->old_first, i));
    code_values_given(c, values, column_count);
    code_view_row(c);
    label_here(g->program, u->next);
    program_emit(g->program, OP_Next, c->store, top, 0);
    program_jump_here(g->program, rewind);
}

// With FROM every joined row is a change of its own; all are collected before a trigger runs.
static void code_update_joined_view(UpdateCode *c)
{
    ASSERT(c->update->query != NULL && c->row.table->kind == TABLE_VIEW);

    Codegen *g = c->g;
    int width = (int)c->update->query->columns->count;
    c->value_count = width - c->row.table->column_count;
    c->store = cursor_new(g);
    program_emit(g->program, OP_OpenEphemeral, c->store, width, 0);
    SelectDest dest = {.kind = DEST_TABLE, .param = c->store};
    code_select(g, c->update->query, &dest);
    code_stored_view_rows(c);
}

static void code_update_view(UpdateCode *c)
{
    ASSERT(c->row.table->kind == TABLE_VIEW);

    Codegen *g = c->g;
    Update *update = c->update;
    int cursor = code_view_rows(g, update->target);
    if (cursor < 0 || codegen_failed(g))
        return;
    Label next = label_new(g->program);
    c->row.next = next;
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_here(g->program);
    if (update->where != NULL)
        code_jump(g, update->where, next, false, false);
    code_view_image(c);
    code_view_row(c);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
}

// --- virtual tables ---

// xUpdate's arguments: old key, new key, all columns.
static void code_virtual_arguments(UpdateCode *c, Reg first)
{
    ASSERT(first > 0);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    int cursor = c->update->target->cursor;
    bool has_rowid = table_has_rowid(u->table);
    code_vtab_key(g, u->table, cursor, first);
    if (has_rowid && u->rowid_changes)
        code_assigned(g, &u->rowid, first + 1);
    else if (has_rowid)
        program_emit(g->program, OP_Rowid, cursor, first + 1, 0);
    code_row_subqueries(g, u);
    for (int i = 0; i < u->table->column_count; i++) {
        if (u->columns[i].set != NULL) {
            code_assigned(g, &u->columns[i], first + 2 + i);
        } else {
            program_emit(g->program, OP_VColumn, cursor, i, first + 2 + i);
            program_set_p5(g->program, P5_NO_CHANGE);
        }
    }
    if (!has_rowid)
        program_emit(g->program, OP_SCopy, first + 2 + vtab_key_column(u->table), first + 1, 0);
}

static void code_update_virtual(UpdateCode *c)
{
    ASSERT(c->row.table->kind == TABLE_VIRTUAL);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    int width = u->table->column_count + 2;
    Reg first = reg_range_new(g, width), record = reg_new(g), rowid = reg_new(g);
    c->store = cursor_new(g);
    program_emit(g->program, OP_OpenEphemeral, c->store, width, 0);
    WhereCode *w = code_where_begin(g, c->update->sources, c->update->where, WHERE_ONE_PASS);
    if (w == NULL)
        return;
    bool is_single = w->one_pass == ONE_PASS_ROW && c->update->sources->count == 1;
    codegen_writes(g, schema_index(g->db, u->table->schema), !is_single);
    code_virtual_arguments(c, first);
    program_emit(g->program, OP_MakeRecord, first, width, record);
    program_emit(g->program, OP_NewRowid, c->store, rowid, 0);
    program_emit(g->program, OP_Insert, c->store, record, rowid);
    code_where_end(g, w);
    program_emit(g->program, OP_Close, c->update->target->cursor, 0, 0);
    code_vtab_writes(g, u->table);
    code_capture_virtual(g, u->table);
    int rewind = program_emit(g->program, OP_Rewind, c->store, 0, 0);
    int top = program_here(g->program);
    for (int i = 0; i < width; i++)
        program_emit(g->program, OP_Column, c->store, i, first + i);
    program_emit_vtab(g->program, OP_VUpdate, 0, width, first, vtab_find(g->db, u->table));
    program_set_p5(g->program,
                   u->on_conflict == ON_CONFLICT_DEFAULT ? ON_CONFLICT_ABORT : u->on_conflict);
    codegen_may_abort(g);
    code_count_row(g);
    program_emit(g->program, OP_Next, c->store, top, 0);
    program_jump_here(g->program, rewind);
}

// --- the statement ---

static bool update_prepare(UpdateCode *c)
{
    ASSERT(c->row.table != NULL);

    Codegen *g = c->g;
    UpdateRow *u = &c->row;
    Table *table = u->table;
    if (table->kind == TABLE_ORDINARY) {
        write_table_init(g, &c->wt, table, c->update->target->cursor);
        u->wt = &c->wt;
    }
    u->on_conflict = code_on_conflict(g, c->update->on_conflict);
    // Whether triggers listen decides on views; it depends on the columns that change.
    if (table->kind == TABLE_VIEW && triggers_for(g, table, TRIGGER_UPDATE, NULL) == 0) {
        (void)code_is_read_only(g, table, false);
        return false;
    }
    if (code_is_read_only(g, table, true) || !update_row_init(g, u))
        return false;
    if (table->kind == TABLE_VIEW && code_is_read_only(g, table, u->triggers != 0))
        return false;
    if (table->kind == TABLE_ORDINARY)
        update_row_indexes(u);
    codegen_writes(g, schema_index(g->db, table->schema), table->kind != TABLE_VIRTUAL);
    u->old_first = reg_range_new(g, 2 * (table->column_count + 1));
    u->new_first = u->old_first + table->column_count + 1;
    return !codegen_failed(g);
}

void code_update(Codegen *g, Update *update)
{
    ASSERT(update->target != NULL && update->target->table != NULL);

    UpdateCode c = {.g = g, .update = update};
    if (codegen_failed(g))
        return;
    c.row = (UpdateRow){.table = update->target->table,
                        .target = update->target,
                        .set = update->set,
                        .returning = update->returning};
    if (!update_prepare(&c))
        return;
    code_count_begin(g, update->returning != NULL);
    code_returning_begin(g, update->returning);
    if (c.row.table->kind == TABLE_VIEW && update->query != NULL)
        code_update_joined_view(&c);
    else if (c.row.table->kind == TABLE_VIEW)
        code_update_view(&c);
    else if (update->query != NULL)
        code_update_joined(&c);
    else if (c.row.table->kind == TABLE_VIRTUAL)
        code_update_virtual(&c);
    else
        code_update_rows(&c);
    code_autoincrement_end(g);
    code_returning_end(g, update->returning);
    code_count_end(g, "rows updated");
}
