// Applies a changeset to the main database of a connection (sqlite3changeset_apply and its like),
// in one savepoint: table by table, change by change (apply_change.c). Foreign keys are checked at
// the end, with one question for all.
//
// A table that is missing, or that has other columns or another key than the changeset says, is
// passed over with a word in the error log, as SQLite does: the rest is applied.

#include "base/alloc.h"
#include "base/error.h"
#include "base/hashmap.h"
#include "session/apply.h"

// --- one table ---

// In the words of SQLite, which tests look for.
static void log_misfit(const Apply *apply, const sqlite3_changeset_iter *iter)
{
    ASSERT(!apply->is_wanted);
    ASSERT(iter->table != NULL);

    if (apply->shape.column_count == 0)
        sqlite3_log(SQLITE_SCHEMA, "sqlite3changeset_apply(): no such table: %s", iter->table);
    else if (apply->shape.column_count < iter->column_count)
        sqlite3_log(SQLITE_SCHEMA,
                    "sqlite3changeset_apply(): table %s has %d columns, expected %d or more",
                    iter->table, apply->shape.column_count, iter->column_count);
    else
        sqlite3_log(SQLITE_SCHEMA, "sqlite3changeset_apply(): primary key mismatch for table %s",
                    iter->table);
}

// Are the changeset's columns the first of the table's, with the same key?
static bool table_fits(const TableShape *shape, const sqlite3_changeset_iter *iter)
{
    ASSERT(iter->column_count > 0);
    ASSERT(shape->column_count == 0 || shape->key != NULL);

    if (shape->column_count < iter->column_count || !shape->has_key)
        return false;
    for (int i = 0; i < shape->column_count; i++) {
        bool is_key = i < iter->column_count && iter->key[i] != 0;
        if (is_key != (shape->key[i] != 0))
            return false;
    }
    return true;
}

// Also right when no table was entered.
static void leave_table(Apply *apply)
{
    apply_statements_close(apply);
    table_shape_deinit(&apply->shape);
    mem_free(apply->name);
    apply->name = NULL;
    apply->is_wanted = false;
}

// Without a filter every table.
static bool filter_takes(const Apply *apply, const char *table)
{
    ASSERT(table != NULL);
    ASSERT(apply->filter_table == NULL || apply->filter_change == NULL);

    return apply->filter_table == NULL || apply->filter_table(apply->arg, table) != 0;
}

// Tables that are not wanted keep their name, so that a header which names them again is
// recognised.
static int enter_table(Apply *apply, const sqlite3_changeset_iter *iter)
{
    ASSERT(apply->name == NULL);
    ASSERT(apply->put_off.size == 0);
    ASSERT(!apply->is_wanted);

    apply->name = mem_dup(iter->table, (u64)-1);
    if (apply->name == NULL)
        return SQLITE_NOMEM;
    apply->has_notes_of_table = false;
    apply->puts_off = true;
    apply->column_count = iter->column_count;
    if (!filter_takes(apply, iter->table))
        return SQLITE_OK;
    TRY(table_shape_read(apply->db, "main", iter->table, true, &apply->shape));
    apply->is_wanted = table_fits(&apply->shape, iter);
    if (!apply->is_wanted) {
        log_misfit(apply, iter);
        return SQLITE_OK;
    }
    return apply_statements_open(apply);
}

// --- all of it ---

// What the per-change filter of apply_v3 leaves out raises no conflict either.
static int apply_current(Apply *apply, sqlite3_changeset_iter *iter)
{
    ASSERT(!apply->is_wanted || iter->column_count == apply->column_count); // A1
    ASSERT(iter->operation != 0);

    if (!apply->is_wanted)
        return SQLITE_OK;
    if (apply->filter_change != NULL) {
        iter->is_lent = true;
        int takes = apply->filter_change(apply->arg, iter);
        iter->is_lent = false;
        if (!takes)
            return SQLITE_OK;
    }
    return apply_change(apply, iter);
}

// A changeset may name one table twice in a row; what was put off then waits for the end of both.
static int apply_all(Apply *apply, sqlite3_changeset_iter *iter)
{
    ASSERT(apply->name == NULL);

    bool is_new_table;
    int rc;
    while ((rc = changeset_next(iter, &is_new_table)) == SQLITE_ROW) {
        bool is_other = apply->name == NULL || !name_equals(apply->name, iter->table);
        if (is_new_table && is_other) {
            TRY(apply_retry(apply, iter));
            leave_table(apply);
            TRY(enter_table(apply, iter));
        }
        TRY(apply_current(apply, iter));
    }
    if (rc != SQLITE_DONE)
        return rc;
    // The last table has no header behind it that would end it.
    return apply->name != NULL ? apply_retry(apply, iter) : SQLITE_OK;
}

// Deferred violations are all known now.
static int check_foreign_keys(const Apply *apply)
{
    ASSERT(apply->select == NULL); // what is asked of a foreign key has no row
    ASSERT(apply->conflict != NULL);

    int count = 0;
    int highest;
    TRY(sqlite3_db_status(apply->db, SQLITE_DBSTATUS_DEFERRED_FKS, &count, &highest, 0));
    if (count == 0)
        return SQLITE_OK;
    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new(false, false, &iter));
    iter->is_lent = true;
    iter->violations = count;
    int answer = apply->conflict(apply->arg, SQLITE_CHANGESET_FOREIGN_KEY, iter);
    changeset_iter_free(iter);
    return answer == SQLITE_CHANGESET_OMIT ? SQLITE_OK : SQLITE_CONSTRAINT;
}

// What went wrong, as the connection tells it, if it is what the caller is told.
static char *message_of(sqlite3 *db, int rc)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(db != NULL);

    bool is_told = (sqlite3_extended_errcode(db) & 0xff) == (rc & 0xff);
    return is_told ? sqlite3_mprintf("%s", sqlite3_errmsg(db)) : NULL;
}

// Ends the savepoint, or undoes everything, keeping code and message of what went wrong.
static int end_savepoint(const Apply *apply, int rc)
{
    ASSERT(apply->db != NULL);

    sqlite3 *db = apply->db;
    bool has_savepoint = (apply->flags & SQLITE_CHANGESETAPPLY_NOSAVEPOINT) == 0;
    char *message = rc != SQLITE_OK ? message_of(db, rc) : NULL;
    // Violations that the handler lets pass are forgotten with this.
    sqlite3_exec(db, "PRAGMA defer_foreign_keys = 0", NULL, NULL, NULL);
    if (rc == SQLITE_OK && has_savepoint) {
        rc = sqlite3_exec(db, "RELEASE changeset_apply", NULL, NULL, NULL);
        message = rc != SQLITE_OK ? message_of(db, rc) : NULL;
    }
    if (rc != SQLITE_OK && has_savepoint) {
        // ROLLBACK TO leaves the savepoint open; RELEASE ends it.
        sqlite3_exec(db, "ROLLBACK TO changeset_apply", NULL, NULL, NULL);
        sqlite3_exec(db, "RELEASE changeset_apply", NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK)
        sqlite3_set_errmsg(db, rc, message);
    sqlite3_free(message);
    return rc;
}

// A3: the savepoint, and foreign keys put off to its end.
static int apply_within(Apply *apply, sqlite3_changeset_iter *iter)
{
    ASSERT(apply->conflict != NULL);
    ASSERT(apply->name == NULL);

    if ((apply->flags & SQLITE_CHANGESETAPPLY_NOSAVEPOINT) == 0)
        TRY(sqlite3_exec(apply->db, "SAVEPOINT changeset_apply", NULL, NULL, NULL));
    int rc = sqlite3_exec(apply->db, "PRAGMA defer_foreign_keys = 1", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = apply_all(apply, iter);
    apply_statements_close(apply);
    if (rc == SQLITE_OK)
        rc = check_foreign_keys(apply);
    return end_savepoint(apply, rc);
}

// What is still put off is dropped: everything was undone then.
static void apply_deinit(Apply *apply)
{
    ASSERT(apply->db != NULL);

    leave_table(apply);
    buffer_deinit(&apply->put_off);
    buffer_deinit(&apply->notes);
}

// NULL and 0 where no conflict was noted.
static int give_notes(Apply *apply, bool is_patchset, void **rebase, int *rebase_size)
{
    ASSERT(apply->keeps_notes);
    ASSERT(rebase != NULL && rebase_size != NULL);

    if (is_patchset || apply->notes.size == 0)
        return SQLITE_OK;
    // Fits: a Buffer stops at a thousand million bytes.
    int size = (int)apply->notes.size;
    *rebase = buffer_take(&apply->notes);
    if (*rebase == NULL)
        return SQLITE_NOMEM;
    *rebase_size = size;
    return SQLITE_OK;
}

// Everything but what the entry points differ in. What `in` holds is given back by the iterator.
static int run(Apply *apply, const Reader *in, void **rebase, int *rebase_size)
{
    ASSERT(in != NULL);

    if (apply->db == NULL || apply->conflict == NULL)
        return error_misuse();
    if (rebase != NULL)
        *rebase = NULL;
    if (rebase_size != NULL)
        *rebase_size = 0;
    apply->keeps_notes = rebase != NULL && rebase_size != NULL;
    sqlite3_changeset_iter *iter;
    bool inverts = (apply->flags & SQLITE_CHANGESETAPPLY_INVERT) != 0;
    TRY(changeset_iter_new(inverts, true, &iter));
    iter->in = *in;
    sqlite3_mutex *mutex = sqlite3_db_mutex(apply->db);
    sqlite3_mutex_enter(mutex);
    bool has_no_actions = (apply->flags & SQLITE_CHANGESETAPPLY_FKNOACTION) != 0;
    if (has_no_actions)
        sqlite3_test_control(SQLITE_TESTCTRL_FK_NO_ACTION, apply->db, 1);
    int rc = apply_within(apply, iter);
    if (has_no_actions)
        sqlite3_test_control(SQLITE_TESTCTRL_FK_NO_ACTION, apply->db, 0);
    if (rc == SQLITE_OK && apply->keeps_notes)
        rc = give_notes(apply, iter->is_patchset, rebase, rebase_size);
    sqlite3_mutex_leave(mutex);
    apply_deinit(apply);
    changeset_iter_free(iter);
    return rc;
}

// --- entry points ---

// wide: the public interface
int sqlite3changeset_apply_v2(sqlite3 *db, int size, void *changeset,
                              int (*filter)(void *arg, const char *table),
                              ConflictHandler *conflict, void *arg, void **rebase, int *rebase_size,
                              int flags)
{
    if (changeset == NULL && size > 0)
        return error_misuse();
    Apply apply = {.db = db, .flags = flags, .filter_table = filter, .conflict = conflict};
    apply.arg = arg;
    Reader in;
    reader_of_memory(&in, changeset, size > 0 ? (size_t)size : 0);
    return run(&apply, &in, rebase, rebase_size);
}

// wide: the public interface
int sqlite3changeset_apply_v3(sqlite3 *db, int size, void *changeset,
                              int (*filter)(void *arg, sqlite3_changeset_iter *iter),
                              ConflictHandler *conflict, void *arg, void **rebase, int *rebase_size,
                              int flags)
{
    if (changeset == NULL && size > 0)
        return error_misuse();
    Apply apply = {.db = db, .flags = flags, .filter_change = filter, .conflict = conflict};
    apply.arg = arg;
    Reader in;
    reader_of_memory(&in, changeset, size > 0 ? (size_t)size : 0);
    return run(&apply, &in, rebase, rebase_size);
}

// Without notes and flags.
int sqlite3changeset_apply(sqlite3 *db, int size, void *changeset,
                           int (*filter)(void *arg, const char *table), ConflictHandler *conflict,
                           void *arg)
{
    return sqlite3changeset_apply_v2(db, size, changeset, filter, conflict, arg, NULL, NULL, 0);
}

// wide: the public interface
int sqlite3changeset_apply_v2_strm(sqlite3 *db, InputCallback *input, void *input_arg,
                                   int (*filter)(void *arg, const char *table),
                                   ConflictHandler *conflict, void *arg, void **rebase,
                                   int *rebase_size, int flags)
{
    if (input == NULL)
        return error_misuse();
    Apply apply = {.db = db, .flags = flags, .filter_table = filter, .conflict = conflict};
    apply.arg = arg;
    Reader in;
    reader_of_callback(&in, input, input_arg);
    return run(&apply, &in, rebase, rebase_size);
}

// wide: the public interface
int sqlite3changeset_apply_v3_strm(sqlite3 *db, InputCallback *input, void *input_arg,
                                   int (*filter)(void *arg, sqlite3_changeset_iter *iter),
                                   ConflictHandler *conflict, void *arg, void **rebase,
                                   int *rebase_size, int flags)
{
    if (input == NULL)
        return error_misuse();
    Apply apply = {.db = db, .flags = flags, .filter_change = filter, .conflict = conflict};
    apply.arg = arg;
    Reader in;
    reader_of_callback(&in, input, input_arg);
    return run(&apply, &in, rebase, rebase_size);
}

int sqlite3changeset_apply_strm(sqlite3 *db, InputCallback *input, void *input_arg,
                                int (*filter)(void *arg, const char *table),
                                ConflictHandler *conflict, void *arg)
{
    return sqlite3changeset_apply_v2_strm(db, input, input_arg, filter, conflict, arg, NULL, NULL,
                                          0);
}
