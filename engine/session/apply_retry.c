// Tries again what constraints refused (A2 of apply.h).
//
// Changes that wait for each other in a line fit one after another. Updates that wait in a circle,
// say two rows that exchange a UNIQUE value, never do: then the row of one of them is deleted, the
// others are tried, and the row comes back with its new values. All of that is undone if it does
// not come back. SQLITE_CHANGESETAPPLY_NOUPDATELOOP leaves circles alone.

#include "base/alloc.h"
#include "session/apply.h"

enum { NONE = -1 };

// One pass over `changes`, but for the change number `skipped`. What is refused is put off again.
// The bytes that were put off are a changeset of one table (put_off() in apply_change.c), read
// like any other.
static int try_once(Apply *apply, const sqlite3_changeset_iter *outer, const Buffer *changes,
                    int skipped)
{
    ASSERT(changes->size > 0);
    ASSERT(skipped >= NONE);

    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new(outer->inverts, true, &iter));
    reader_of_memory(&iter->in, changes->bytes, changes->size);
    bool is_new_table;
    int rc;
    for (int at = 0; (rc = changeset_next(iter, &is_new_table)) == SQLITE_ROW; at++) {
        if (at != skipped)
            TRY_DONE(apply_change(apply, iter));
    }
    rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
done:
    changeset_iter_free(iter);
    return rc;
}

// Passes as long as one more change fits in each.
static int try_while_it_helps(Apply *apply, const sqlite3_changeset_iter *outer)
{
    ASSERT(apply->puts_off || apply->put_off.size == 0);

    bool helps = true;
    int rc = SQLITE_OK;
    while (apply->put_off.size > 0 && helps && rc == SQLITE_OK) {
        Buffer changes = apply->put_off;
        // Emptied first: what is refused again is put off anew.
        apply->put_off = (Buffer){0};
        rc = try_once(apply, outer, &changes, NONE);
        helps = apply->put_off.size < changes.size;
        buffer_deinit(&changes);
    }
    return rc;
}

// --- a row out of the way ---

// All columns of the row with the key of an UPDATE; *row NULL: there is none with its old values.
static int read_row(const Apply *apply, const sqlite3_changeset_iter *iter, Value ***row)
{
    ASSERT(iter->operation == SQLITE_UPDATE);

    sqlite3_stmt *stmt;
    const TableShape *shape = &apply->shape;
    sqlite3_str *sql = sqlite3_str_new(apply->db);
    *row = NULL;
    for (int i = 0; i < shape->column_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i == 0 ? "SELECT " : ", ", shape->names[i]);
    sqlite3_str_appendf(sql, " FROM main.\"%w\" WHERE 1", apply->name);
    for (int i = 0; i < apply->column_count; i++) {
        if (changeset_old(iter, i) != NULL)
            sqlite3_str_appendf(sql, " AND \"%w\" IS ?%d", shape->names[i], i + 1);
    }
    TRY(session_prepare(apply->db, sqlite3_str_finish(sql), &stmt));
    int rc = SQLITE_OK;
    for (int i = 0; i < apply->column_count && rc == SQLITE_OK; i++) {
        if (changeset_old(iter, i) != NULL)
            rc = sqlite3_bind_value(stmt, i + 1, changeset_old(iter, i));
    }
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        *row = mem_alloc_zeroed((u64)shape->column_count * sizeof **row);
        rc = *row == NULL ? SQLITE_NOMEM : SQLITE_OK;
        for (int i = 0; i < shape->column_count && rc == SQLITE_OK; i++) {
            (*row)[i] = sqlite3_value_dup(sqlite3_column_value(stmt, i));
            rc = (*row)[i] == NULL ? SQLITE_NOMEM : SQLITE_OK;
        }
    }
    int end = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end;
}

// Each value is a copy of its own (sqlite3_value_dup), NULL where reading ended early.
static void row_free(const Apply *apply, Value **row)
{
    ASSERT(row == NULL || apply->shape.column_count > 0);

    for (int i = 0; row != NULL && i < apply->shape.column_count; i++)
        sqlite3_value_free(row[i]);
    mem_free(row);
}

// The row with the new values of the UPDATE. *fits: no constraint refuses it.
static int put_row_back(const Apply *apply, const sqlite3_changeset_iter *iter, Value **row,
                        bool *fits)
{
    ASSERT(row != NULL);
    ASSERT(fits != NULL);

    sqlite3_stmt *stmt;
    const TableShape *shape = &apply->shape;
    sqlite3_str *sql = sqlite3_str_new(apply->db);
    sqlite3_str_appendf(sql, "INSERT INTO main.\"%w\"(", apply->name);
    for (int i = 0; i < shape->column_count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i == 0 ? "" : ", ", shape->names[i]);
    sqlite3_str_appendall(sql, ") VALUES(");
    for (int i = 0; i < shape->column_count; i++)
        sqlite3_str_appendall(sql, i == 0 ? "?" : ", ?");
    sqlite3_str_appendall(sql, ")");
    TRY(session_prepare(apply->db, sqlite3_str_finish(sql), &stmt));
    int rc = SQLITE_OK;
    for (int i = 0; i < shape->column_count && rc == SQLITE_OK; i++) {
        Value *changed = i < apply->column_count ? changeset_new(iter, i) : NULL;
        rc = sqlite3_bind_value(stmt, i + 1, changed != NULL ? changed : row[i]);
    }
    if (rc == SQLITE_OK)
        (void)sqlite3_step(stmt);
    int end = sqlite3_finalize(stmt);
    rc = rc != SQLITE_OK ? rc : end;
    *fits = rc == SQLITE_OK;
    return (rc & 0xff) == SQLITE_CONSTRAINT ? SQLITE_OK : rc;
}

// *is_gone false: a constraint holds it.
static int delete_row(Apply *apply, const sqlite3_changeset_iter *iter, bool *is_gone)
{
    ASSERT(apply->delete != NULL);
    ASSERT(is_gone != NULL);

    TRY(apply_bind_old(apply, iter, apply->delete, true));
    TRY(apply_bind_force(apply, apply->delete, apply->column_count + 1, true));
    (void)sqlite3_step(apply->delete);
    int rc = sqlite3_reset(apply->delete);
    *is_gone = rc == SQLITE_OK;
    return (rc & 0xff) == SQLITE_CONSTRAINT ? SQLITE_OK : rc;
}

// --- circles ---

// Tries `changes` without the row of the UPDATE that `iter` stands on, their number `at`.
static int try_without_row(Apply *apply, const sqlite3_changeset_iter *iter, const Buffer *changes,
                           int at, bool *fits)
{
    ASSERT(iter->operation == SQLITE_UPDATE);
    ASSERT(changes->size > 0 && at >= 0);

    Value **row = NULL;
    *fits = false;
    int rc = read_row(apply, iter, &row);
    if (rc == SQLITE_OK && row != NULL)
        rc = delete_row(apply, iter, fits);
    if (rc == SQLITE_OK && *fits)
        rc = try_once(apply, iter, changes, at);
    if (rc == SQLITE_OK && *fits)
        rc = try_while_it_helps(apply, iter);
    if (rc == SQLITE_OK && *fits)
        rc = put_row_back(apply, iter, row, fits);
    row_free(apply, row);
    return rc;
}

// The same within a savepoint: all or nothing, of what is put off and noted, too.
static int try_circle(Apply *apply, const sqlite3_changeset_iter *iter, const Buffer *changes,
                      int at, bool *fits)
{
    ASSERT(fits != NULL);

    size_t notes = apply->notes.size;
    bool has_notes = apply->has_notes_of_table;
    ASSERT(apply->put_off.size == 0);

    TRY(sqlite3_exec(apply->db, "SAVEPOINT update_loop", NULL, NULL, NULL));
    int rc = try_without_row(apply, iter, changes, at, fits);
    if (rc == SQLITE_OK && !*fits) {
        rc = sqlite3_exec(apply->db, "ROLLBACK TO update_loop", NULL, NULL, NULL);
        buffer_truncate(&apply->notes, notes);
        apply->has_notes_of_table = has_notes;
        buffer_deinit(&apply->put_off);
        apply->put_off = (Buffer){0};
    }
    int end = sqlite3_exec(apply->db, "RELEASE update_loop", NULL, NULL, NULL);
    return rc != SQLITE_OK ? rc : end;
}

// Takes one UPDATE after another for the circle's first, until one fits.
static int break_circle(Apply *apply, const sqlite3_changeset_iter *outer, const Buffer *changes,
                        bool *fits)
{
    ASSERT(changes->size > 0);
    ASSERT(apply->put_off.size == 0);

    sqlite3_changeset_iter *iter;
    *fits = false;
    TRY(changeset_iter_new(outer->inverts, true, &iter));
    reader_of_memory(&iter->in, changes->bytes, changes->size);
    bool is_new_table;
    int rc = SQLITE_OK;
    for (int at = 0; !*fits && (rc = changeset_next(iter, &is_new_table)) == SQLITE_ROW; at++) {
        if (iter->operation == SQLITE_UPDATE)
            TRY_DONE(try_circle(apply, iter, changes, at, fits));
    }
    rc = rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
done:
    changeset_iter_free(iter);
    return rc;
}

// What is left in the end is tried with the handler asked, which may let it go or end it all.
int apply_retry(Apply *apply, const sqlite3_changeset_iter *outer)
{
    ASSERT(apply->name != NULL || apply->put_off.size == 0);

    bool fits = (apply->flags & SQLITE_CHANGESETAPPLY_NOUPDATELOOP) == 0;
    TRY(try_while_it_helps(apply, outer));
    while (apply->put_off.size > 0 && fits) {
        Buffer changes = apply->put_off;
        apply->put_off = (Buffer){0};
        int rc = break_circle(apply, outer, &changes, &fits);
        if (rc == SQLITE_OK && !fits) {
            apply->put_off = changes;
            break;
        }
        buffer_deinit(&changes);
        TRY(rc);
    }
    apply->puts_off = false;
    Buffer rest = apply->put_off;
    apply->put_off = (Buffer){0};
    int rc = rest.size > 0 ? try_once(apply, outer, &rest, NONE) : SQLITE_OK;
    buffer_deinit(&rest);
    ASSERT(apply->put_off.size == 0);
    return rc;
}
