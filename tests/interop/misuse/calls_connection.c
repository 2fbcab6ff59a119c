// Calls with a connection that is none: null, closed, never opened, or closed while in use.

#include "misuse.h"

static int on_event(void *arg)
{
    (void)arg;
    return 0;
}

static int on_row(void *arg, int count, char **values, char **names)
{
    (void)arg, (void)count, (void)values, (void)names;
    return 0;
}

void calls_with_connection(const char *state, sqlite3 *bad)
{
    INT(exec, bad, "SELECT 1", on_row, NULL, (char **)&out);
    INT(exec, bad, NULL, NULL, NULL, NULL);
    INT(get_table, bad, "SELECT 1", (char ***)&out, &number, NULL, NULL);
    INT(prepare, bad, "SELECT 1", -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v2, bad, "SELECT 1", -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v3, bad, "SELECT 1", -1, 0, (sqlite3_stmt **)&out, NULL);
    INT(prepare16, bad, u"SELECT 1", -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare16_v2, bad, u"SELECT 1", -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare16_v3, bad, u"SELECT 1", -1, 0, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v2, bad, "SELECT 1", -1, NULL, NULL);
    INT(errcode, bad);
    INT(extended_errcode, bad);
    TEXT(errmsg, bad);
    TEXT16(errmsg16, bad);
    INT(error_offset, bad);
    INT(set_errmsg, bad, 1, "text");
    INT(extended_result_codes, bad, 1);
    INT(last_insert_rowid, bad);
    VOID(set_last_insert_rowid, bad, 5);
    INT(changes, bad);
    INT(changes64, bad);
    INT(total_changes, bad);
    INT(total_changes64, bad);
    INT(get_autocommit, bad);
    VOID(interrupt, bad);
    INT(is_interrupted, bad);
    PTR(next_stmt, bad, NULL);
    TEXT(db_name, bad, 0);
    TEXT(db_filename, bad, "main");
    INT(db_readonly, bad, "main");
    INT(txn_state, bad, "main");
    INT(txn_state, bad, NULL);
    INT(db_cacheflush, bad);
    INT(db_release_memory, bad);
    PTR(db_mutex, bad);
    INT(table_column_metadata, bad, "main", "t", "a", (const char **)&out, NULL, NULL, NULL, NULL);
    INT(blob_open, bad, "main", "t", "b", 1, 0, (sqlite3_blob **)&out);
    PTR(backup_init, bad, "main", h.db, "main");
    PTR(backup_init, h.db, "main", bad, "main");
    INT(unlock_notify, bad, NULL, NULL);
    INT(snapshot_get, bad, "main", (sqlite3_snapshot **)&out);
    INT(snapshot_recover, bad, "main");
    PTR(serialize, bad, "main", NULL, 0);
    INT(deserialize, bad, "main", NULL, 0, 0, 0);
}

void calls_that_configure(const char *state, sqlite3 *bad)
{
    INT(busy_handler, bad, NULL, NULL);
    INT(busy_timeout, bad, 100);
    INT(setlk_timeout, bad, 100, 0);
    VOID(progress_handler, bad, 10, on_event, NULL);
    INT(db_config, bad, SQLITE_DBCONFIG_ENABLE_FKEY, 1, &number);
    INT(limit, bad, SQLITE_LIMIT_LENGTH, -1);
    INT(enable_load_extension, bad, 1);
    INT(db_status, bad, SQLITE_DBSTATUS_CACHE_USED, &number, &number, 0);
    INT(db_status64, bad, SQLITE_DBSTATUS_CACHE_USED, (sqlite3_int64 *)&out, (sqlite3_int64 *)&out,
        0);
    INT(file_control, bad, "main", SQLITE_FCNTL_PERSIST_WAL, &number);
    INT(wal_autocheckpoint, bad, 100);
    INT(wal_checkpoint, bad, "main");
    INT(wal_checkpoint_v2, bad, "main", SQLITE_CHECKPOINT_PASSIVE, &number, NULL);
    INT(overload_function, bad, "f", 1);
    INT(vtab_config, bad, SQLITE_VTAB_INNOCUOUS);
    INT(declare_vtab, bad, "CREATE TABLE x(a)");
    PTR(str_new, bad);
}

void calls_that_register(const char *state, sqlite3 *bad)
{
    static const sqlite3_module module;
    INT(create_function, bad, "f", 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function16, bad, u"f", 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function_v2, bad, "f", 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL, on_destroy);
    INT(create_window_function, bad, "f", 1, SQLITE_UTF8, NULL, on_scalar, on_final, on_final,
        on_scalar, on_destroy);
    INT(create_collation, bad, "c", SQLITE_UTF8, NULL, on_compare);
    INT(create_collation_v2, bad, "c", SQLITE_UTF8, NULL, on_compare, on_destroy);
    INT(create_collation16, bad, u"c", SQLITE_UTF8, NULL, on_compare);
    INT(collation_needed, bad, NULL, NULL);
    INT(collation_needed16, bad, NULL, NULL);
    INT(create_module, bad, "m", &module, NULL);
    INT(create_module_v2, bad, "m", &module, NULL, on_destroy);
    INT(drop_modules, bad, NULL);
    INT(set_authorizer, bad, NULL, NULL);
    INT(trace_v2, bad, SQLITE_TRACE_STMT, NULL, NULL);
    PTR(trace, bad, NULL, NULL);
    PTR(profile, bad, NULL, NULL);
    PTR(commit_hook, bad, on_event, NULL);
    PTR(rollback_hook, bad, NULL, NULL);
    PTR(update_hook, bad, NULL, NULL);
    PTR(preupdate_hook, bad, NULL, NULL);
    INT(autovacuum_pages, bad, NULL, NULL, on_destroy);
    PTR(wal_hook, bad, NULL, NULL);
    PTR(get_clientdata, bad, "name");
    INT(preupdate_old, bad, 0, (sqlite3_value **)&out);
    INT(preupdate_new, bad, 0, (sqlite3_value **)&out);
    INT(preupdate_count, bad);
    INT(preupdate_depth, bad);
    INT(preupdate_blobwrite, bad);
    INT(rtree_geometry_callback, bad, "g", NULL, NULL);
    INT(rtree_query_callback, bad, "g", NULL, NULL, on_destroy);
    INT(close, bad);
    INT(close_v2, bad);
}
