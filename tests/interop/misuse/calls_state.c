// Calls that are right but come at the wrong time, and calls that need no connection.

#include "misuse.h"

#include <stdarg.h>

static const char *state;

// What a sequence of calls ends with.
#define SEQUENCE(what, ...)            \
    do {                               \
        if (begin_call(state, what)) { \
            __VA_ARGS__                \
        }                              \
    } while (0)

static int run(sqlite3 *db, const char *sql)
{
    return F(exec)(db, sql, NULL, NULL, NULL);
}

static void statements_out_of_turn(void)
{
    SEQUENCE("step of a legacy statement after an error, without reset", {
        run(h.db, "DROP TABLE IF EXISTS none");
        sqlite3_stmt *stmt;
        F(prepare)(h.db, "SELECT abs(-9223372036854775807 - 1)", -1, &stmt, NULL);
        F(step)(stmt);
        number = F(step)(stmt);
        end_int(F(reset)(stmt));
    });
    SEQUENCE("step after a reset that told an error", {
        F(reset)(h.broken);
        end_int(F(step)(h.broken));
    });
    SEQUENCE("bind after the first step", {
        number = F(bind_int)(h.row, 1, 5);
        F(reset)(h.row);
        end_int(F(bind_int)(h.row, 1, 5));
    });
    SEQUENCE("bind by transfer to a running statement",
             { end_int(F(transfer_bindings)(h.fresh, h.row)); });
    SEQUENCE("step of a statement whose table is gone", {
        F(reset)(h.row);
        F(finalize)(h.legacy);
        F(blob_close)(h.blob);
        F(blob_close)(h.expired);
        number = run(h.db, "DROP TABLE t");
        end_int(F(step)(h.fresh));
    });
    SEQUENCE("explain mode of a running statement", { end_int(F(stmt_explain)(h.row, 1)); });
    SEQUENCE("explain mode of a legacy statement", {
        F(reset)(h.legacy);
        end_int(F(stmt_explain)(h.legacy, 2));
    });
    SEQUENCE("column after the end", {
        F(step)(h.done);
        end_text(F(column_text)(h.done, 0));
    });
    SEQUENCE("column after reset", {
        F(reset)(h.row);
        end_text(F(column_text)(h.row, 0));
    });
}

static void connections_out_of_turn(void)
{
    SEQUENCE("close with statements open", { end_int(F(close)(h.db)); });
    SEQUENCE("close twice", {
        number = F(close)(h.other);
        end_int(F(close)(h.other));
    });
    SEQUENCE("close_v2, then prepare", {
        F(close_v2)(h.db);
        h.sick = h.db;
        h.db = NULL;
        end_int(F(prepare_v2)(h.sick, "SELECT 1", -1, (sqlite3_stmt **)&out, NULL));
    });
    SEQUENCE("redefine a function in use", {
        F(create_function)(h.db, "f", 0, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
        end_int(F(create_function)(h.db, "f", 0, SQLITE_UTF8, NULL, on_scalar, NULL, NULL));
    });
    SEQUENCE("redefine a collation in use", {
        F(create_collation)(h.db, "c", SQLITE_UTF8, NULL, on_compare);
        end_int(F(create_collation)(h.db, "c", SQLITE_UTF8, NULL, on_compare));
    });
    SEQUENCE("commit with a read running", { end_int(run(h.db, "BEGIN; COMMIT")); });
    SEQUENCE("commit without transaction", { end_int(run(h.db, "COMMIT")); });
    SEQUENCE("deserialize in a transaction",
             { end_int(F(deserialize)(h.other, "main", NULL, 0, 0, 0)); });
    SEQUENCE("checkpoint in a transaction",
             { end_int(F(wal_checkpoint_v2)(h.other, "main", 2, NULL, NULL)); });
    SEQUENCE("foreign keys switched in a transaction", {
        number = F(db_config)(h.other, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
        end_int(run(h.other, "PRAGMA foreign_keys = 0"));
    });
    SEQUENCE("lookaside changed when in use",
             { end_int(F(db_config)(h.db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 128, 100)); });
    SEQUENCE("unlock_notify without a block", { end_int(F(unlock_notify)(h.db, NULL, NULL)); });
    SEQUENCE("shutdown with connections open, then use", {
        number = F(initialize)();
        end_int(run(h.db, "SELECT 1"));
    });
}

static void backups_out_of_turn(void)
{
    sqlite3_backup *backup;
    SEQUENCE("backup into a database that is read", {
        F(step)(h.row);
        backup = F(backup_init)(h.db, "main", h.other, "main");
        out = backup;
        end_int(F(errcode)(h.db));
    });
    SEQUENCE("use the target of a backup", {
        run(h.other, "COMMIT");
        backup = F(backup_init)(h.other, "main", h.db, "main");
        number = F(backup_step)(backup, 0);
        end_int(run(h.other, "CREATE TABLE more(a)"));
    });
    SEQUENCE("close the source of a backup", {
        run(h.other, "COMMIT");
        backup = F(backup_init)(h.db, "temp", h.other, "main");
        end_int(F(close)(h.other));
    });
    SEQUENCE("step after a backup's end", {
        sqlite3 *target;
        F(open)(":memory:", &target);
        backup = F(backup_init)(target, "main", h.db, "main");
        number = F(backup_step)(backup, -1);
        end_int(F(backup_step)(backup, -1));
    });
}

void calls_in_wrong_states(void)
{
    state = "wrong state";
    statements_out_of_turn();
    connections_out_of_turn();
    backups_out_of_turn();
}

// --- without a connection ---

static void null_values(void)
{
    INT(value_type, NULL);
    INT(value_int, NULL);
    TEXT(value_text, NULL);
    PTR(value_dup, NULL);
    VOID(value_free, NULL);
    PTR(value_pointer, h.value, "none");
    PTR(value_pointer, NULL, NULL);
    INT(vtab_in_first, h.value, (sqlite3_value **)&out);
    INT(vtab_in_first, NULL, (sqlite3_value **)&out);
    INT(vtab_in_first, h.value, NULL);
    INT(vtab_in_next, NULL, (sqlite3_value **)&out);
    INT(vtab_in_next, h.value, (sqlite3_value **)&out);
    INT(vtab_in_next, h.value, NULL);
    TEXT(str_finish, NULL);
    INT(str_errcode, NULL);
    INT(str_length, NULL);
    TEXT(str_value, NULL);
    VOID(free, NULL);
    VOID(free_table, NULL);
    INT(msize, NULL);
    PTR(malloc, 0);
    PTR(malloc, -5);
    PTR(malloc64, 0);
    PTR(realloc, NULL, 0);
    PTR(realloc, NULL, -5);
    PTR(malloc64, 0x7fffffffffff);
    VOID(snapshot_free, NULL);
    VOID(free_filename, NULL);
    PTR(vfs_find, "none");
    INT(vfs_register, NULL, 0);
    INT(vfs_unregister, NULL);
    INT(blob_close, NULL);
    INT(blob_bytes, NULL);
    INT(blob_read, NULL, &number, 1, 0);
    INT(blob_write, NULL, "x", 1, 0);
    INT(blob_reopen, NULL, 1);
    INT(backup_step, NULL, 1);
    INT(backup_finish, NULL);
    INT(backup_remaining, NULL);
    INT(backup_pagecount, NULL);
    VOID(mutex_free, NULL);
    VOID(mutex_enter, NULL);
    INT(mutex_try, NULL);
    VOID(mutex_leave, NULL);
    PTR(mutex_alloc, 99);
    PTR(mutex_alloc, -1);
}

static void null_texts(void)
{
    INT(stricmp, NULL, NULL);
    INT(stricmp, "a", NULL);
    INT(stricmp, NULL, "a");
    INT(strnicmp, NULL, "a", 1);
    INT(strglob, NULL, "a");
    INT(strglob, "a", NULL);
    INT(strglob, NULL, NULL);
    INT(strlike, NULL, "a", 0);
    INT(strlike, "a", NULL, 0);
    INT(strlike, NULL, NULL, 0);
    INT(complete, NULL);
    INT(complete16, NULL);
    TEXT(mprintf, NULL);
    TEXT(snprintf, 0, (char *)"kept", "new");
    TEXT(snprintf, -1, (char *)"kept", "new");
    PTR(snprintf, 5, NULL, "new");
    VOID(log, 1, NULL);
    VOID(randomness, 0, NULL);
    VOID(randomness, -1, &number);
    INT(compileoption_used, NULL);
    INT(compileoption_used, "no such");
    TEXT(compileoption_get, -1);
    TEXT(compileoption_get, 9999);
    INT(keyword_name, -1, (const char **)&out, &number);
    INT(keyword_name, 9999, (const char **)&out, &number);
    INT(keyword_check, "", 0);
    INT(keyword_check, "nothing", 7);
    TEXT(uri_parameter, NULL, "a");
    TEXT(uri_parameter, NULL, NULL);
    INT(uri_boolean, NULL, "a", 7);
    INT(uri_int64, NULL, "a", 7);
    TEXT(uri_key, NULL, 0);
    TEXT(filename_database, NULL);
    TEXT(filename_journal, NULL);
    TEXT(filename_wal, NULL);
    INT(enable_shared_cache, 99);
    INT(global_recover);
    INT(memory_alarm, NULL, NULL, 0);
    VOID(thread_cleanup);
    VOID(soft_heap_limit, -1);
}

void calls_without_object(void)
{
    state = "no object";
    null_values();
    null_texts();
}
