// DELETE, and the removal of one row with everything that hangs on it, which REPLACE shares.
//
// Emptying a whole table is one instruction per tree when nobody listens. Otherwise rows are
// deleted as the loop meets them when the planner allows it; or their keys are collected first.
//
//     one pass:   loops;  the row under the cursor is deleted;  end of loops
//     two:        Null set;  loops;  RowSetAdd set, rowid;  end of loops
//         NEXT:   RowSetRead set -> DONE, rowid;  NotExists -> NEXT;  delete;  Goto NEXT
//
// Which of the two it is, code_where_begin() tells after the store for the second has been opened:
// that instruction is taken back then.

#include "sql/code/code_where.h"
#include "sql/code/code_write.h"
#include "sql/expr_tree.h"
#include "vtab/vtab.h"

// --- one row ---

// What the image is read for besides triggers takes all of it.
static ColumnSet columns_needed(Codegen *g, const DeleteRow *d, const FireTriggers *fire,
                                bool foreign_keys)
{
    ASSERT(d->wt->table == fire->table);

    bool all = foreign_keys || d->wants_image || code_is_captured(g, fire->table);
    return all ? ALL_COLUMNS : triggers_old_columns(g, fire);
}

static void code_delete_triggers(Codegen *g, FireTriggers fire, TriggerTime time)
{
    ASSERT(fire.base > 0);
    ASSERT(fire.ignore < 0);

    fire.time = time;
    code_fire_triggers(g, &fire);
}

void code_row_delete(Codegen *g, const DeleteRow *d)
{
    WriteTable *wt = d->wt;
    ASSERT(d->key.first > 0 || d->is_positioned);
    ASSERT(d->key.count == row_key_width(wt->table));

    bool may_fire = !d->is_replace || (g->db->flags & CONN_FLAG(RECURSIVE_TRIGGERS)) != 0;
    u32 triggers = may_fire ? triggers_for(g, wt->table, TRIGGER_DELETE, NULL) : 0;
    bool foreign_keys = foreign_keys_needed(g, wt->table, NULL, false);
    bool needs_image = triggers != 0 || foreign_keys || d->wants_image;
    Label gone = d->gone != 0 ? d->gone : label_new(g->program);
    FireTriggers fire = {.table = wt->table,
                         .event = TRIGGER_DELETE,
                         .base = d->old_first,
                         .on_conflict = d->on_conflict,
                         .ignore = gone};

    if (!d->is_positioned)
        code_seek_row(g, wt, d->key, gone);
    if (needs_image) {
        if (fire.base == 0)
            fire.base = reg_range_new(g, 2 * (wt->table->column_count + 1));
        code_load_image(g, wt, fire.base, columns_needed(g, d, &fire, foreign_keys));
    }
    if ((triggers & (1u << TRIGGER_BEFORE)) != 0) {
        code_delete_triggers(g, fire, TRIGGER_BEFORE);
        code_seek_row(g, wt, d->key, gone); // the trigger may have moved or deleted it
    }
    if (foreign_keys)
        code_foreign_key_checks(g, wt, fire.base, 0, NULL, false);
    if (code_is_captured(g, wt->table))
        code_capture_delete(g, wt, needs_image ? fire.base : 0);
    code_index_rows_delete(g, wt, NULL);
    program_emit_table(g->program, OP_Delete, wt->data_cursor, d->counts ? P5_NCHANGE : 0, 0,
                       wt->table);
    program_set_p5(g->program, d->keeps_place ? P5_SAVE_POSITION : 0);
    if (foreign_keys)
        code_foreign_key_actions(g, wt->table, fire.base, false, NULL, false);
    if ((triggers & (1u << TRIGGER_AFTER)) != 0)
        code_delete_triggers(g, fire, TRIGGER_AFTER);
    if (d->gone == 0)
        label_here(g->program, gone);
}

// --- the statement ---

typedef struct DeleteCode {
    Codegen *g;
    Delete *delete_;
    Table *table;
    FromList from;
    FromItem *items[1];
    WriteTable wt;
    u32 triggers;
    bool foreign_keys;
    Reg old_first;
} DeleteCode;

static void code_truncate(DeleteCode *d)
{
    ASSERT(d->triggers == 0 && !d->foreign_keys);

    Codegen *g = d->g;
    Table *table = d->table;
    Reg count = g->count_register;
    bool counts = g->nested == 0 || g->nested_counts;
    int counter = !counts ? 0 : count != 0 ? count : -1;
    codegen_locks(g, d->wt.database, table, true);
    for (const Index *index = table->indexes; index != NULL; index = index->next) {
        bool is_data = index->root == table->root;
        program_emit(g->program, OP_Clear, (int)index->root, d->wt.database, is_data ? counter : 0);
    }
    if (table_has_rowid(table))
        program_emit(g->program, OP_Clear, (int)table->root, d->wt.database, counter);
}

static void code_one_row(DeleteCode *d, RowKey key, WhereCode *w)
{
    ASSERT(key.first > 0 && key.count > 0);

    Codegen *g = d->g;
    bool has_listener = d->triggers != 0 || d->foreign_keys || d->delete_->returning != NULL;
    if (has_listener && d->old_first == 0)
        d->old_first = reg_range_new(g, 2 * (d->table->column_count + 1));
    Label gone = label_new(g->program);
    code_row_delete(g, &(DeleteRow){.wt = &d->wt,
                                    .key = key,
                                    .is_positioned = w != NULL,
                                    .counts = g->nested == 0 || g->nested_counts,
                                    .keeps_place = w != NULL && w->one_pass == ONE_PASS_MANY,
                                    .old_first = has_listener ? d->old_first : 0,
                                    .wants_image = d->delete_->returning != NULL,
                                    .on_conflict = ON_CONFLICT_DEFAULT,
                                    .gone = gone});
    code_returning_row(g, d->delete_->returning, d->table, d->old_first, 0);
    code_count_row(g);
    label_here(g->program, gone);
}

// Rows go into a set of rowids, or by their keys into a temporary index.
typedef struct KeyStore {
    Reg set; // rowids
    int cursor;
} KeyStore;

static KeyStore key_store_begin(DeleteCode *d)
{
    ASSERT(d->table->kind == TABLE_ORDINARY);

    Codegen *g = d->g;
    KeyStore store = {.cursor = -1};
    if (table_has_rowid(d->table)) {
        store.set = reg_new(g);
        program_emit(g->program, OP_Null, 0, store.set, 0);
        return store;
    }
    Index *primary = table_primary_key(d->table);
    store.cursor = cursor_new(g);
    code_open_keys(g, store.cursor, primary, primary->key_count);
    return store;
}

static void key_store_add(DeleteCode *d, const KeyStore *store, RowKey key)
{
    ASSERT((store->set != 0) != (store->cursor >= 0));

    Codegen *g = d->g;
    code_row_key(g, &d->wt, key);
    if (store->set != 0) {
        program_emit(g->program, OP_RowSetAdd, store->set, key.first, 0);
        return;
    }
    Reg record = reg_temp(g);
    program_emit(g->program, OP_MakeRecord, key.first, key.count, record);
    program_emit(g->program, OP_IdxInsert, store->cursor, record, 0);
    reg_temp_release(g, record);
}

static void code_stored_rows(DeleteCode *d, const KeyStore *store, RowKey key)
{
    ASSERT((store->set != 0) != (store->cursor >= 0));

    Codegen *g = d->g;
    Label done = label_new(g->program);
    int top;
    if (store->set != 0) {
        top = program_emit(g->program, OP_RowSetRead, store->set, done, key.first);
        code_one_row(d, key, NULL);
        program_emit(g->program, OP_Goto, 0, top, 0);
    } else {
        program_emit(g->program, OP_Rewind, store->cursor, done, 0);
        top = program_here(g->program);
        for (int i = 0; i < key.count; i++)
            program_emit(g->program, OP_Column, store->cursor, i, key.first + i);
        code_one_row(d, key, NULL);
        program_emit(g->program, OP_Next, store->cursor, top, 0);
    }
    label_here(g->program, done);
}

// A subquery may read the table while rows of it go: it has to be asked before the first one does.
static bool has_subquery(const Expr *e)
{
    return e != NULL && (e->flags & EXPR_HAS_SUBQUERY) != 0;
}

static void code_delete_rows(DeleteCode *d)
{
    ASSERT(d->table->kind == TABLE_ORDINARY);

    Codegen *g = d->g;
    RowKey key = {.count = row_key_width(d->table)};
    key.first = reg_range_new(g, key.count);
    bool is_alone = d->triggers == 0 && !d->foreign_keys;
    u32 flags = WHERE_DUPLICATES_OK | WHERE_OF_CHANGE;
    // Triggers and foreign keys may move the cursor, of which a loop of one row has no more need.
    if (!has_subquery(d->delete_->where))
        flags |= WHERE_ONE_PASS | (is_alone ? WHERE_MANY_ROWS : 0);
    int open_store = program_here(g->program);
    KeyStore store = key_store_begin(d);
    write_table_open_indexes(g, &d->wt, OP_OpenWrite, 0);
    WhereCode *w = code_where_begin(g, &d->from, d->delete_->where, flags);
    if (w == NULL)
        return;
    ColumnSource of_loop = *source_of(g, d->wt.data_cursor);
    if (w->one_pass != ONE_PASS_NO) {
        program_to_noop(g->program, open_store);
        source_set_table(g, d->wt.stored, d->wt.data_cursor);
        code_row_key(g, &d->wt, key);
        code_one_row(d, key, w);
        *source_of(g, d->wt.data_cursor) = of_loop;
        code_where_end(g, w);
        return;
    }
    key_store_add(d, &store, key);
    code_where_end(g, w);
    source_set_table(g, d->wt.stored, d->wt.data_cursor);
    code_open_table(g, d->table, d->wt.data_cursor, OP_OpenWrite);
    code_stored_rows(d, &store, key);
}

// --- views and virtual tables ---

// (The WHERE is not pushed into the view's query: triggers see whole rows.)
int code_view_rows(Codegen *g, FromItem *target)
{
    ASSERT(target->table->kind == TABLE_VIEW);

    Table *view = target->table;
    Select *select = select_copy(g->arena, view->select, NULL);
    ResolveContext ctx;
    resolve_context_init(&ctx, g->db, g->arena);
    ctx.cursor_count = g->cursor_count;
    ctx.home = view->schema;
    ctx.hides_virtual = codegen_top(g)->resolve->hides_virtual;
    int rc = SQLITE_NOMEM;
    if (select != NULL)
        rc = resolve_select(&ctx, select);
    if (ctx.cursor_count > g->cursor_count)
        g->cursor_count = ctx.cursor_count;
    if (rc != SQLITE_OK) {
        codegen_fail(g, rc);
        return -1;
    }
    int cursor = target->cursor;
    program_emit(g->program, OP_OpenEphemeral, cursor, view->column_count, 0);
    SelectDest dest = {.kind = DEST_TABLE, .param = cursor, .count = view->column_count};
    code_select(g, select, &dest);
    *source_of(g, cursor) =
        (ColumnSource){.kind = SOURCE_CURSOR, .cursor = cursor, .index_cursor = -1};
    return cursor;
}

static void code_view_image(Codegen *g, const FromItem *target, Reg first)
{
    ASSERT(first > 0);

    program_emit(g->program, OP_Integer, -1, first, 0);
    for (int i = 0; i < target->table->column_count; i++)
        code_item_column(g, target, i, image_column(first, i));
}

static void code_delete_from_view(DeleteCode *d)
{
    ASSERT(d->table->kind == TABLE_VIEW);

    Codegen *g = d->g;
    FromItem *target = d->delete_->target;
    int cursor = code_view_rows(g, target);
    if (cursor < 0 || codegen_failed(g))
        return;
    d->old_first = reg_range_new(g, 2 * (d->table->column_count + 1));
    Label next = label_new(g->program);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_here(g->program);
    if (d->delete_->where != NULL)
        code_jump(g, d->delete_->where, next, false, false);
    code_view_image(g, target, d->old_first);
    code_fire_triggers(g, &(FireTriggers){.table = d->table,
                                          .event = TRIGGER_DELETE,
                                          .time = TRIGGER_INSTEAD_OF,
                                          .base = d->old_first,
                                          .on_conflict = code_on_conflict(g, ON_CONFLICT_DEFAULT),
                                          .ignore = next});
    code_count_row(g);
    code_returning_row(g, d->delete_->returning, d->table, d->old_first, 0);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
}

// Rowids first, then the deletions: a virtual table need not bear changes under a cursor.
static void code_delete_virtual(DeleteCode *d)
{
    ASSERT(d->table->kind == TABLE_VIRTUAL);

    Codegen *g = d->g;
    Table *table = d->table;
    int store = cursor_new(g);
    Reg first = reg_range_new(g, 2), record = reg_new(g), rowid = reg_new(g);
    program_emit(g->program, OP_OpenEphemeral, store, 1, 0);
    WhereCode *w = code_where_begin(g, &d->from, d->delete_->where, WHERE_ONE_PASS);
    if (w == NULL)
        return;
    // A single call either happens or not: it needs no savepoint, which modules may pay dearly for.
    codegen_writes(g, schema_index(g->db, table->schema), w->one_pass != ONE_PASS_ROW);
    code_vtab_key(g, table, d->delete_->target->cursor, first);
    program_emit(g->program, OP_MakeRecord, first, 1, record);
    program_emit(g->program, OP_NewRowid, store, rowid, 0);
    program_emit(g->program, OP_Insert, store, record, rowid);
    code_where_end(g, w);
    program_emit(g->program, OP_Close, d->delete_->target->cursor, 0, 0);
    code_vtab_writes(g, table);
    code_capture_virtual(g, table);
    int rewind = program_emit(g->program, OP_Rewind, store, 0, 0);
    int top = program_emit(g->program, OP_Column, store, 0, first);
    program_emit_vtab(g->program, OP_VUpdate, 0, 1, first, vtab_find(g->db, table));
    program_set_p5(g->program, ON_CONFLICT_ABORT);
    codegen_may_abort(g);
    code_count_row(g);
    program_emit(g->program, OP_Next, store, top, 0);
    program_jump_here(g->program, rewind);
}

// --- the whole ---

static bool can_truncate(DeleteCode *d, bool authorized)
{
    ASSERT(d->table->kind == TABLE_ORDINARY);

    return authorized && d->delete_->where == NULL && d->triggers == 0 && !d->foreign_keys
           && d->delete_->returning == NULL && d->g->db->preupdate_hook == NULL
           && !code_is_captured(d->g, d->table);
}

static bool delete_prepare(DeleteCode *d, bool *authorized)
{
    ASSERT(d->table != NULL);

    Codegen *g = d->g;
    Table *table = d->table;
    d->triggers = triggers_for(g, table, TRIGGER_DELETE, NULL);
    if (code_is_read_only(g, table, d->triggers != 0))
        return false;
    int database = schema_index(g->db, table->schema);
    *authorized = !d->delete_->is_ignored;
    if (codegen_failed(g))
        return false;
    d->items[0] = d->delete_->target;
    d->from = (FromList){.count = 1, .capacity = 1, .items = d->items};
    codegen_writes(g, database, table->kind != TABLE_VIRTUAL);
    if (table->kind == TABLE_ORDINARY) {
        d->foreign_keys = foreign_keys_needed(g, table, NULL, false);
        write_table_init(g, &d->wt, table, d->delete_->target->cursor);
    }
    return !codegen_failed(g);
}

void code_delete(Codegen *g, Delete *delete_)
{
    ASSERT(delete_->target != NULL && delete_->target->table != NULL);

    DeleteCode d = {.g = g, .delete_ = delete_, .table = delete_->target->table};
    bool authorized = false;
    if (codegen_failed(g) || !delete_prepare(&d, &authorized))
        return;
    code_count_begin(g, delete_->returning != NULL);
    code_returning_begin(g, delete_->returning);
    if (d.table->kind == TABLE_VIEW)
        code_delete_from_view(&d);
    else if (d.table->kind == TABLE_VIRTUAL)
        code_delete_virtual(&d);
    else if (can_truncate(&d, authorized))
        code_truncate(&d);
    else
        code_delete_rows(&d);
    code_autoincrement_end(g);
    code_returning_end(g, delete_->returning);
    code_count_end(g, "rows deleted");
}
