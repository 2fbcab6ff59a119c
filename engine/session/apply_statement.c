// The statements that apply changes to one table, made once per table and bound anew for each
// change.
//
// Parameter i + 1 is column i of the changeset: of the key and old values, or in INSERT of the new
// ones. An UPDATE assigns no columns of the key; it has its new values behind those, at count + i
// + 1; the last parameter of DELETE and UPDATE, if true, makes them look at the key alone. The
// changeset may know fewer columns than the table has.
//
//    SELECT a, b FROM main.t WHERE a = ?1                         key a, columns a, b
//    DELETE FROM main.t WHERE a = ?1 AND (?3 OR 1 AND b IS ?2)
//    UPDATE main.t SET b = ?4 WHERE a = ?1 AND (?5 OR 1 AND b IS ?2)
//
// Names come from the database, never from the changeset, and are quoted with %w.

#include "base/alloc.h"
#include "session/apply.h"

// sqlite_stat1 has NULLs in what serves as its key.
static const char *key_operator(const Apply *apply)
{
    ASSERT(apply->column_count > 0);

    return apply->shape.is_statistics ? "IS" : "=";
}

// The row's identity, with the parameters of its key columns.
static void append_key(sqlite3_str *sql, const Apply *apply)
{
    ASSERT(apply->shape.has_key);

    const char *word = " WHERE";
    for (int i = 0; i < apply->column_count; i++) {
        if (apply->shape.key[i] == 0)
            continue;
        sqlite3_str_appendf(sql, "%s \"%w\" %s ?%d", word, apply->shape.names[i],
                            key_operator(apply), i + 1);
        word = " AND";
    }
}

// " AND (?force OR (a IS ?1 AND b IS ?2 ...))" over the given columns outside the key.
static void append_old_values(sqlite3_str *sql, const Apply *apply, const u8 *columns, int force)
{
    ASSERT(force > apply->column_count);

    const char *word = " AND (";
    bool has_any = false;
    for (int i = 0; i < apply->column_count; i++) {
        if (apply->shape.key[i] != 0 || (columns != NULL && !columns[i]))
            continue;
        if (!has_any)
            sqlite3_str_appendf(sql, " AND (?%d OR 1", force);
        word = " AND";
        sqlite3_str_appendf(sql, "%s \"%w\" IS ?%d", word, apply->shape.names[i], i + 1);
        has_any = true;
    }
    if (has_any)
        sqlite3_str_appendall(sql, ")");
}

// The row with a key: for the conflict handler, and to tell what kind of conflict it is.
static int open_select(Apply *apply)
{
    ASSERT(apply->column_count > 0);

    sqlite3_str *sql = sqlite3_str_new(apply->db);
    for (int i = 0; i < apply->column_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i == 0 ? "SELECT " : ", ", apply->shape.names[i]);
    sqlite3_str_appendf(sql, " FROM main.\"%w\"", apply->name);
    append_key(sql, apply);
    return session_prepare(apply->db, sqlite3_str_finish(sql), &apply->select);
}

// Columns that the changeset does not know get their defaults.
static int open_insert(Apply *apply)
{
    ASSERT(apply->column_count > 0);

    sqlite3_str *sql = sqlite3_str_new(apply->db);
    sqlite3_str_appendf(sql, "INSERT INTO main.\"%w\"(", apply->name);
    for (int i = 0; i < apply->column_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i == 0 ? "" : ", ", apply->shape.names[i]);
    sqlite3_str_appendall(sql, ") VALUES(");
    for (int i = 0; i < apply->column_count; i++)
        sqlite3_str_appendf(sql, "%s?%d", i == 0 ? "" : ", ", i + 1);
    sqlite3_str_appendall(sql, ")");
    return session_prepare(apply->db, sqlite3_str_finish(sql), &apply->insert);
}

// With its old values, or by the key alone if the last parameter says so.
static int open_delete(Apply *apply)
{
    ASSERT(apply->column_count > 0);

    sqlite3_str *sql = sqlite3_str_new(apply->db);
    sqlite3_str_appendf(sql, "DELETE FROM main.\"%w\"", apply->name);
    append_key(sql, apply);
    append_old_values(sql, apply, NULL, apply->column_count + 1);
    return session_prepare(apply->db, sqlite3_str_finish(sql), &apply->delete);
}

// Those of UPDATE are made when a set of changed columns is first met.
int apply_statements_open(Apply *apply)
{
    ASSERT(apply->select == NULL);

    TRY(open_select(apply));
    TRY(open_insert(apply));
    return open_delete(apply);
}

// One that failed to compile has no statement, but its set of columns.
static void update_close(UpdateStatement *update)
{
    ASSERT(update->changed != NULL);

    sqlite3_finalize(update->stmt);
    mem_free(update->changed);
    *update = (UpdateStatement){0};
}

// Also right when none is open.
void apply_statements_close(Apply *apply)
{
    sqlite3_finalize(apply->select);
    sqlite3_finalize(apply->insert);
    sqlite3_finalize(apply->delete);
    apply->select = apply->insert = apply->delete = NULL;
    for (int i = 0; i < apply->update_count; i++)
        update_close(&apply->updates[i]);
    apply->update_count = 0;
}

// --- UPDATE ---

// `changed` tells which columns it assigns: an UPDATE must leave the others alone, or triggers of
// theirs would run.
static int open_update(const Apply *apply, const u8 *changed, sqlite3_stmt **stmt)
{
    ASSERT(changed != NULL);

    sqlite3_str *sql = sqlite3_str_new(apply->db);
    int count = apply->column_count;
    const char *word = "SET";
    sqlite3_str_appendf(sql, "UPDATE main.\"%w\"", apply->name);
    for (int i = 0; i < count; i++) {
        if (!changed[i])
            continue;
        sqlite3_str_appendf(sql, " %s \"%w\" = ?%d", word, apply->shape.names[i], count + i + 1);
        word = ",";
    }
    append_key(sql, apply);
    append_old_values(sql, apply, changed, 2 * count + 1);
    return session_prepare(apply->db, sqlite3_str_finish(sql), stmt);
}

// The least lately made statement gives way when the cache is full.
static UpdateStatement *update_slot(Apply *apply)
{
    if (apply->update_count == UPDATES_MAX) {
        update_close(&apply->updates[0]);
        memmove(apply->updates, apply->updates + 1, (UPDATES_MAX - 1) * sizeof *apply->updates);
        apply->update_count--;
    }
    ASSERT(apply->update_count < UPDATES_MAX);
    UpdateStatement *update = &apply->updates[apply->update_count++];
    *update = (UpdateStatement){0};
    return update;
}

// From the cache where the same columns were assigned before: changesets of an application update
// the same few sets.
int apply_update_statement(Apply *apply, const sqlite3_changeset_iter *iter, sqlite3_stmt **stmt)
{
    ASSERT(iter->operation == SQLITE_UPDATE);

    size_t count = (size_t)apply->column_count;
    u8 *changed = mem_alloc(count);
    if (changed == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < apply->column_count; i++)
        changed[i] = apply->shape.key[i] == 0 && changeset_new(iter, i) != NULL;
    for (int i = 0; i < apply->update_count; i++) {
        if (memcmp(apply->updates[i].changed, changed, count) == 0) {
            *stmt = apply->updates[i].stmt;
            mem_free(changed);
            return SQLITE_OK;
        }
    }
    UpdateStatement *update = update_slot(apply);
    update->changed = changed;
    int rc = open_update(apply, changed, &update->stmt);
    if (rc != SQLITE_OK) {
        update_close(update);
        apply->update_count--;
    }
    *stmt = update->stmt;
    return rc;
}

// --- parameters ---

// The empty blob that stands for a NULL idx of sqlite_stat1 becomes NULL again.
static int bind(const Apply *apply, sqlite3_stmt *stmt, int parameter, int column, Value *value)
{
    ASSERT(column >= 0 && column < apply->column_count);

    bool is_null = apply->shape.is_statistics && column == 1
                   && sqlite3_value_type(value) == SQLITE_BLOB && sqlite3_value_bytes(value) == 0;
    return is_null ? sqlite3_bind_null(stmt, parameter)
                   : sqlite3_bind_value(stmt, parameter, value);
}

// What is not defined keeps the value of the change before; the force parameter makes it mean
// nothing.
int apply_bind_old(const Apply *apply, const sqlite3_changeset_iter *iter, sqlite3_stmt *stmt,
                   bool key_only)
{
    ASSERT(apply->is_wanted);

    for (int i = 0; i < apply->column_count; i++) {
        Value *value = changeset_old(iter, i);
        if (value != NULL && (!key_only || apply->shape.key[i] != 0))
            TRY(bind(apply, stmt, i + 1, i, value));
    }
    return SQLITE_OK;
}

// For INSERT, and to find the row that an INSERT meets.
int apply_bind_new(const Apply *apply, const sqlite3_changeset_iter *iter, sqlite3_stmt *stmt,
                   bool key_only)
{
    ASSERT(apply->is_wanted);

    for (int i = 0; i < apply->column_count; i++) {
        Value *value = changeset_new(iter, i);
        if (value != NULL && (!key_only || apply->shape.key[i] != 0))
            TRY(bind(apply, stmt, i + 1, i, value));
    }
    return SQLITE_OK;
}

// Behind the old values: an UPDATE has parameters of both.
int apply_bind_assigned(const Apply *apply, const sqlite3_changeset_iter *iter, sqlite3_stmt *stmt)
{
    ASSERT(iter->operation == SQLITE_UPDATE);

    for (int i = 0; i < apply->column_count; i++) {
        Value *value = changeset_new(iter, i);
        if (value != NULL && apply->shape.key[i] == 0)
            TRY(bind(apply, stmt, apply->column_count + i + 1, i, value));
    }
    return SQLITE_OK;
}

// True: the key decides alone.
int apply_bind_force(const Apply *apply, sqlite3_stmt *stmt, int parameter, bool force)
{
    ASSERT(parameter > apply->column_count);

    // A table that is all key has nothing to be forced.
    if (sqlite3_bind_parameter_count(stmt) < parameter)
        return SQLITE_OK;
    return sqlite3_bind_int(stmt, parameter, force);
}
