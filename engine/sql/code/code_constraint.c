// Constraints of a new row: NOT NULL, CHECK, STRICT types, UNIQUE and PRIMARY KEY, each with its
// ON CONFLICT clause, and the index entries the row will have.
//
// STRICT types, which no ON CONFLICT clause excuses, are tested as late as in SQLite: behind NOT
// NULL, and before the first CHECK or index that reads the row; so a rowid in use may come first.
//
// Uniqueness is tested in this order: constraints that an ON CONFLICT clause of an upsert names, in
// the order of the clauses; then those that fail or ignore; those that REPLACE come last, because
// they remove rows, which must not happen for a row that is refused in the end.
//
//     HaltIfNull (or IsNull -> NEXT)                      NOT NULL
//     (jump past unless the CHECK is false)  Halt         CHECK; NULL passes
//     NotExists data -> FINE                              rowid
//     (halt | Goto NEXT | delete the other row | upsert)
//   FINE:
//     key -> k..;  MakeRecord;  NoConflict i -> FINE      each index: the entry is made here and
//     (as above)                                          written later, by code_row_write()
//   FINE:

#include "base/buffer.h"
#include "sql/code/code_write.h"
#include "sql/expr_tree.h"
#include <string.h>

void code_halt(Codegen *g, int rc, u8 on_conflict, const char *text, u16 p5)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(p5 <= P5_CONSTRAINT_FOREIGN_KEY);

    if (on_conflict == ON_CONFLICT_ABORT)
        codegen_may_abort(g);
    program_emit_text(g->program, OP_Halt, rc, on_conflict, 0, text, -1);
    program_set_p5(g->program, p5);
}

// The statement's OR clause wins over the constraint's own; without either, ABORT.
static u8 effective(u8 statement, u8 constraint)
{
    ASSERT(statement <= ON_CONFLICT_REPLACE && constraint <= ON_CONFLICT_REPLACE);

    u8 action = statement != ON_CONFLICT_DEFAULT ? statement : constraint;
    return action == ON_CONFLICT_DEFAULT ? ON_CONFLICT_ABORT : action;
}

static const char *column_path(Codegen *g, const Table *table, const char *column)
{
    ASSERT(column != NULL);

    const char *path = arena_printf(g->arena, "%s.%s", table->name, column);
    return path != NULL ? path : "";
}

void code_unique_failed(Codegen *g, u8 on_conflict, const Index *index)
{
    ASSERT(index->flags & INDEX_UNIQUE);

    Buffer text = {0};
    if ((index->flags & INDEX_HAS_EXPR) != 0) {
        buffer_printf(&text, "index '%s'", index->name);
    } else {
        for (int i = 0; i < index->key_count; i++) {
            int column = index->columns[i];
            buffer_printf(&text, "%s%s.%s", i > 0 ? ", " : "", index->table->name,
                          column < 0 ? "rowid" : index->table->columns[column].name);
        }
    }
    bool is_key = (index->flags & INDEX_PRIMARY_KEY) != 0;
    code_halt(g, is_key ? SQLITE_CONSTRAINT_PRIMARYKEY : SQLITE_CONSTRAINT_UNIQUE, on_conflict,
              buffer_text(&text), P5_CONSTRAINT_UNIQUE);
    if (text.rc != SQLITE_OK)
        codegen_fail(g, connection_out_of_memory(g->db));
    buffer_deinit(&text);
}

void code_rowid_failed(Codegen *g, u8 on_conflict, const Table *table)
{
    ASSERT(table_has_rowid(table));

    bool has_name = table->rowid_alias >= 0;
    const char *name = has_name ? table->columns[table->rowid_alias].name : "rowid";
    code_halt(g, has_name ? SQLITE_CONSTRAINT_PRIMARYKEY : SQLITE_CONSTRAINT_ROWID, on_conflict,
              column_path(g, table, name), P5_CONSTRAINT_UNIQUE);
}

// --- NOT NULL ---

static void code_replace_null(Codegen *g, const Column *column, Reg reg)
{
    ASSERT(reg > 0);

    Label fine = label_new(g->program);
    program_emit(g->program, OP_NotNull, reg, fine, 0);
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    Expr *value = expr_copy(g->arena, column->value, NULL);
    if (value != NULL)
        code_expr_copy(g, value, reg);
    g->hoist_constants = hoist;
    label_here(g->program, fine);
}

static void code_not_null_one(Codegen *g, RowChange *change, int i, u8 action)
{
    ASSERT(i >= 0 && i < change->wt->table->column_count);

    const Table *table = change->wt->table;
    Reg reg = image_column(change->new_first, i);
    if (action == ON_CONFLICT_IGNORE) {
        program_emit(g->program, OP_IsNull, reg, change->ignore, 0);
        return;
    }
    if (action == ON_CONFLICT_ABORT)
        codegen_may_abort(g);
    program_emit_text(g->program, OP_HaltIfNull, SQLITE_CONSTRAINT_NOTNULL, action, reg,
                      column_path(g, table, table->columns[i].name), -1);
    program_set_p5(g->program, P5_CONSTRAINT_NOT_NULL);
}

// Generated columns whose operands did not change keep their value.
static bool column_may_be_new(const RowChange *change, int i)
{
    ASSERT(i >= 0 && i < change->wt->table->column_count);

    const Column *column = &change->wt->table->columns[i];
    return change->changed == NULL || change->changed[i] || (column->flags & COLUMN_GENERATED) != 0;
}

// REPLACE puts the default in a NULL's place first; without one it aborts.
static void code_not_null(Codegen *g, RowChange *change)
{
    ASSERT(change->new_first > 0);

    const Table *table = change->wt->table;
    bool replaced = false;
    for (int i = 0; i < table->column_count; i++) {
        const Column *column = &table->columns[i];
        bool has_default = column->value != NULL && (column->flags & COLUMN_GENERATED) == 0;
        if (column->not_null == 0 || i == table->rowid_alias || !column_may_be_new(change, i)
            || !has_default
            || effective(change->on_conflict, column->not_null) != ON_CONFLICT_REPLACE)
            continue;
        code_replace_null(g, column, image_column(change->new_first, i));
        replaced = true;
    }
    if (replaced) {
        code_image_affinity(g, change->wt, change->new_first);
        code_image_generated(g, change->wt->table, change->new_first);
    }
    for (int i = 0; i < table->column_count; i++) {
        const Column *column = &table->columns[i];
        if (column->not_null == 0 || i == table->rowid_alias || !column_may_be_new(change, i))
            continue;
        u8 action = effective(change->on_conflict, column->not_null);
        code_not_null_one(g, change, i, action == ON_CONFLICT_REPLACE ? ON_CONFLICT_ABORT : action);
    }
}

// --- CHECK ---

typedef struct ReadsChanged {
    const Table *table;
    const bool *changed;
    bool rowid_changes;
    bool found;
} ReadsChanged;

static WalkResult visit_read_column(Walker *w, Expr *e)
{
    ASSERT(w->arg != NULL);

    ReadsChanged *reads = w->arg;
    if (e->kind != EX_COLUMN)
        return WALK_ON;
    int column = e->u.column.index;
    if (column < 0 ? reads->rowid_changes : reads->changed[column])
        reads->found = true;
    return reads->found ? WALK_STOP : WALK_ON;
}

bool expr_reads_changed(const Expr *e, const Table *table, const bool *changed, bool rowid_changes)
{
    ASSERT(changed != NULL);

    ReadsChanged reads = {.table = table, .changed = changed, .rowid_changes = rowid_changes};
    Walker w = {.expr = visit_read_column, .arg = &reads};
    (void)expr_walk(&w, (Expr *)e);
    return reads.found;
}

static void code_types_once(Codegen *g, RowChange *change)
{
    ASSERT(change->wt != NULL);

    if (!change->types_are_checked)
        code_type_check(g, change->wt->table, change->new_first, TYPE_CHECK_ALL);
    change->types_are_checked = true;
}

static void code_checks(Codegen *g, RowChange *change)
{
    ASSERT(change->new_first > 0);

    const Table *table = change->wt->table;
    if (table->check_count == 0 || (g->db->flags & CONN_FLAG(IGNORE_CHECKS)) != 0)
        return;
    code_types_once(g, change);
    FromItem *item = image_item(g, change->wt->table, change->new_first);
    u8 action = effective(change->on_conflict, ON_CONFLICT_DEFAULT);
    if (action == ON_CONFLICT_REPLACE)
        action = ON_CONFLICT_ABORT;
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    for (u32 i = 0; i < table->check_count && !codegen_failed(g); i++) {
        const CheckConstraint *check = &table->checks[i];
        if (change->changed != NULL
            && !expr_reads_changed(check->expr, table, change->changed, change->rowid_may_conflict))
            continue;
        Expr *e = expr_bind(g->arena, check->expr, item);
        if (e == NULL)
            break;
        Label fine = label_new(g->program);
        code_jump(g, e, fine, true, true);
        if (action == ON_CONFLICT_IGNORE)
            program_emit(g->program, OP_Goto, 0, change->ignore, 0);
        else
            code_halt(g, SQLITE_CONSTRAINT_CHECK, action, check->name, P5_CONSTRAINT_CHECK);
        label_here(g->program, fine);
    }
    g->hoist_constants = hoist;
}

// --- uniqueness ---

// The clause of INSERT ... ON CONFLICT that answers for this constraint (NULL: the rowid); the
// first one counts, and one without a target takes all.
static Upsert *find_upsert(const RowChange *change, const Index *index)
{
    Upsert *clause = change->insert != NULL ? change->insert->upsert : NULL;
    for (; clause != NULL; clause = clause->next) {
        bool matches = clause->target == NULL || (index == NULL && clause->is_rowid)
                       || (index != NULL && clause->index == index);
        if (matches)
            return clause;
    }
    return NULL;
}

// Does anybody hear of the rows that REPLACE removes?
static bool replace_needs_program(Codegen *g, Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    bool fires = (g->db->flags & CONN_FLAG(RECURSIVE_TRIGGERS)) != 0
                 && triggers_for(g, table, TRIGGER_DELETE, NULL) != 0;
    return fires || foreign_keys_needed(g, table, NULL, false) || code_is_captured(g, table);
}

static void code_replace(Codegen *g, RowChange *change, RowKey key, bool is_rowid_conflict)
{
    ASSERT(key.first > 0);

    WriteTable *wt = change->wt;
    change->may_replace = true;
    codegen_writes(g, wt->database, true);
    // A row with the same rowid is overwritten: only its index entries have to go. The preupdate
    // hook hears that the row is deleted.
    if (is_rowid_conflict && !replace_needs_program(g, wt->table)) {
        program_emit_table(g->program, OP_Delete, wt->data_cursor, P5_IS_NOOP, 0, wt->table);
        code_index_rows_delete(g, wt, NULL);
        return;
    }
    code_row_delete(
        g,
        &(DeleteRow){.wt = wt, .key = key, .is_replace = true, .on_conflict = ON_CONFLICT_REPLACE});
}

// What happens to a row that conflicts. The conflicting row's key is in `key`; only REPLACE has
// need of it, otherwise it may be left out.
static void code_conflict(Codegen *g, RowChange *change, const Index *index, int cursor, RowKey key)
{
    ASSERT(key.first >= 0);
    ASSERT(cursor >= 0);

    u8 own = index != NULL ? index->conflict : change->wt->table->primary_key_conflict;
    u8 action = effective(change->on_conflict, own);
    Upsert *clause = find_upsert(change, index);
    if (clause != NULL && clause->do_update) {
        code_upsert(g, change, clause, index, cursor);
        program_emit(g->program, OP_Goto, 0, change->ignore, 0);
        return;
    }
    if (clause != NULL || action == ON_CONFLICT_IGNORE) {
        program_emit(g->program, OP_Goto, 0, change->ignore, 0);
        return;
    }
    if (action == ON_CONFLICT_REPLACE)
        code_replace(g, change, key, index == NULL);
    else if (index == NULL)
        code_rowid_failed(g, action, change->wt->table);
    else
        code_unique_failed(g, action, index);
}

static void code_rowid_unique(Codegen *g, RowChange *change)
{
    ASSERT(table_has_rowid(change->wt->table));

    Label fine = label_new(g->program);
    if (change->old_key.first != 0)
        program_emit(g->program, OP_Eq, change->new_first, fine, change->old_key.first);
    program_emit(g->program, OP_NotExists, change->wt->data_cursor, fine, change->new_first);
    RowKey key = {.first = change->new_first, .count = 1};
    code_conflict(g, change, NULL, change->wt->data_cursor, key);
    label_here(g->program, fine);
}

RowKey code_entry_key(Codegen *g, const WriteTable *wt, const Index *index, int cursor)
{
    ASSERT(cursor >= 0);

    RowKey key = {.count = 1};
    if (table_has_rowid(wt->table)) {
        key.first = reg_new(g);
        program_emit(g->program, OP_IdxRowid, cursor, key.first, 0);
        return key;
    }
    const Index *primary = table_primary_key(wt->table);
    key.count = primary->key_count;
    key.first = reg_range_new(g, key.count);
    for (int i = 0; i < key.count; i++)
        program_emit(g->program, OP_Column, cursor, index_find_column(index, primary->columns[i]),
                     key.first + i);
    return key;
}

// The conflicting entry may be that of the row being updated: then there is no conflict.
static void code_skip_same_row(Codegen *g, const RowChange *change, RowKey key, Label fine)
{
    ASSERT(fine < 0);

    if (change->old_key.first == 0)
        return;
    Label differs = label_new(g->program);
    for (int i = 0; i < key.count; i++) {
        bool is_last = i == key.count - 1;
        program_emit(g->program, is_last ? OP_Eq : OP_Ne, change->old_key.first + i,
                     is_last ? fine : differs, key.first + i);
        if (key.count > 1 || !table_has_rowid(change->wt->table))
            program_set_p5(g->program, P5_NULL_EQUAL);
    }
    label_here(g->program, differs);
}

// Key and record of one index entry; returns the first register of the fields.
static Reg code_entry(Codegen *g, RowChange *change, int i, FromItem *item, Label done)
{
    ASSERT(i >= 0 && i < change->wt->index_count);
    ASSERT(done < 0);

    const Index *index = change->wt->indexes[i];
    Reg first = reg_range_new(g, index->column_count);
    change->records[i] = reg_new(g);
    change->keys[i] = first;
    change->is_partial_null[i] = index->where != NULL;
    if (index->where != NULL) {
        program_emit(g->program, OP_Null, 0, change->records[i], 0);
        code_index_filter(g, index, item, done);
    }
    code_index_key(g, index, item, first, 0);
    program_emit(g->program, OP_MakeRecord, first, index->column_count, change->records[i]);
    return first;
}

static void code_index_unique(Codegen *g, RowChange *change, int i, FromItem *item)
{
    ASSERT(i >= 0 && i < change->wt->index_count);

    const WriteTable *wt = change->wt;
    const Index *index = wt->indexes[i];
    int cursor = wt->index_cursors[i];
    Label done = label_new(g->program);
    Reg first = code_entry(g, change, i, item, done);
    bool is_data = cursor == wt->data_cursor;
    bool is_checked = (index->flags & INDEX_UNIQUE) != 0
                      && !(is_data && change->old_key.first != 0 && !change->key_may_change);
    if (is_checked) {
        program_emit_int(g->program, OP_NoConflict, cursor, done, first, index->key_count);
        u8 action = effective(change->on_conflict, index->conflict);
        bool needs_key = change->old_key.first != 0 || action == ON_CONFLICT_REPLACE;
        RowKey key = {0};
        if (needs_key) {
            key = code_entry_key(g, wt, index, cursor);
            code_skip_same_row(g, change, key, done);
        }
        code_conflict(g, change, index, cursor, key);
    }
    label_here(g->program, done);
}

// When a constraint is tested: smaller comes first.
static int constraint_rank(const RowChange *change, const Index *index)
{
    int rank = 0;
    const Upsert *found = find_upsert(change, index);
    const Upsert *clause = change->insert != NULL ? change->insert->upsert : NULL;
    for (; clause != NULL && clause != found; clause = clause->next)
        rank++;
    if (found != NULL)
        return rank;
    u8 own = index != NULL ? index->conflict : change->wt->table->primary_key_conflict;
    return rank + (effective(change->on_conflict, own) == ON_CONFLICT_REPLACE ? 1 : 0);
}

static void code_unique_of_rank(Codegen *g, RowChange *change, FromItem *item, int rank)
{
    ASSERT(rank >= 0);

    const WriteTable *wt = change->wt;
    if (change->rowid_may_conflict && table_has_rowid(wt->table)
        && constraint_rank(change, NULL) == rank)
        code_rowid_unique(g, change);
    for (int i = 0; i < wt->index_count && !codegen_failed(g); i++) {
        if (wt->is_untouched[i] || constraint_rank(change, wt->indexes[i]) != rank)
            continue;
        code_types_once(g, change);
        code_index_unique(g, change, i, item);
    }
}

void code_constraints(Codegen *g, RowChange *change)
{
    const WriteTable *wt = change->wt;
    ASSERT(change->new_first > 0);

    change->keys = arena_array(g->arena, (size_t)wt->index_count + 1, sizeof(Reg));
    change->records = arena_array(g->arena, (size_t)wt->index_count + 1, sizeof(Reg));
    change->is_partial_null = arena_array(g->arena, (size_t)wt->index_count + 1, sizeof(bool));
    if (codegen_failed(g))
        return;
    code_not_null(g, change);
    code_checks(g, change);
    FromItem *item = image_item(g, wt->table, change->new_first);
    int rank_max = constraint_rank(change, NULL);
    for (int i = 0; i < wt->index_count; i++) {
        int rank = constraint_rank(change, wt->indexes[i]);
        rank_max = rank > rank_max ? rank : rank_max;
    }
    for (int rank = 0; rank <= rank_max && !codegen_failed(g); rank++)
        code_unique_of_rank(g, change, item, rank);
    code_types_once(g, change);
    ASSERT(change->types_are_checked);
}

// --- writing ---

static u16 entry_flags(const RowChange *change, const Index *index, bool is_data)
{
    ASSERT(index->table == change->wt->table);

    u16 p5 = is_data ? P5_NCHANGE : 0;
    // A seek for uniqueness stands where the entry goes, unless a row was removed since.
    bool was_sought =
        (index->flags & INDEX_UNIQUE) != 0 && !change->may_replace && change->old_key.first == 0;
    return (u16)(p5 | (was_sought ? P5_USE_SEEK_RESULT : 0));
}

// The row of a WITHOUT ROWID table is written as an index entry; the preupdate hook hears of it
// through an Insert that writes nothing.
static void code_insert_announced(Codegen *g, const RowChange *change, Reg record)
{
    ASSERT(!table_has_rowid(change->wt->table));

    program_emit_table(g->program, OP_Insert, change->wt->data_cursor, record, change->new_first,
                       change->wt->table);
    program_set_p5(g->program, P5_IS_NOOP);
}

void code_row_write(Codegen *g, RowChange *change, u16 p5)
{
    ASSERT(codegen_failed(g) || (change->records != NULL && change->keys != NULL));
    ASSERT(change->new_first > 0);

    WriteTable *wt = change->wt;
    if ((p5 & P5_IS_UPDATE) == 0 && code_is_captured(g, wt->table))
        code_capture_insert(g, wt->table, change->new_first);
    for (int i = 0; i < wt->index_count && !codegen_failed(g); i++) {
        if (change->records[i] == 0)
            continue;
        bool is_data = wt->index_cursors[i] == wt->data_cursor;
        Label skip = label_new(g->program);
        if (change->is_partial_null[i])
            program_emit(g->program, OP_IsNull, change->records[i], skip, 0);
        if (is_data && (p5 & P5_IS_UPDATE) == 0)
            code_insert_announced(g, change, change->records[i]);
        program_emit_int(g->program, OP_IdxInsert, wt->index_cursors[i], change->records[i],
                         change->keys[i], wt->indexes[i]->column_count);
        u16 flags = entry_flags(change, wt->indexes[i], is_data);
        if (is_data)
            flags = (u16)((flags & ~P5_NCHANGE) | (p5 & P5_NCHANGE));
        program_set_p5(g->program, flags);
        label_here(g->program, skip);
    }
    if (!table_has_rowid(wt->table))
        return;
    Reg record = reg_temp(g);
    code_image_record(g, wt, change->new_first, record);
    program_emit_table(g->program, OP_Insert, wt->data_cursor, record, change->new_first,
                       wt->table);
    program_set_p5(g->program, p5);
    reg_temp_release(g, record);
}
