// Calls on a good connection with arguments that are not.

#include "misuse.h"

static const char state[] = "wrong argument";

// 256 bytes: one more than a name may have.
#define LONG_16  "abcdefghijklmnop"
#define LONG_64  LONG_16 LONG_16 LONG_16 LONG_16
#define LONG_256 LONG_64 LONG_64 LONG_64 LONG_64

static void arguments_of_prepare(void)
{
    INT(open_v2, NULL, (sqlite3 **)&out, 0, NULL);
    INT(open_v2, ":memory:", (sqlite3 **)&out, 0, NULL);
    INT(open_v2, ":memory:", (sqlite3 **)&out, SQLITE_OPEN_READONLY | SQLITE_OPEN_CREATE, NULL);
    INT(open_v2, ":memory:", (sqlite3 **)&out, SQLITE_OPEN_CREATE, NULL);
    INT(open_v2, ":memory:", (sqlite3 **)&out, 7, NULL);
    INT(open_v2, ":memory:", (sqlite3 **)&out, SQLITE_OPEN_READWRITE, "no such vfs");
    INT(open_v2, ":memory:", NULL, SQLITE_OPEN_READWRITE, NULL);
    INT(open, ":memory:", NULL);
    INT(open16, NULL, (sqlite3 **)&out);
    INT(open16, u":memory:", NULL);
    INT(exec, h.db, NULL, NULL, NULL, (char **)&out);
    INT(exec, h.db, "no statement", NULL, NULL, NULL);
    INT(get_table, h.db, "SELECT 1", NULL, &number, &number, NULL);
    INT(get_table, h.db, NULL, (char ***)&out, &number, NULL, NULL);
    INT(get_table, h.db, "SELECT 1; SELECT 1, 2", (char ***)&out, &number, NULL, NULL);
    INT(prepare_v2, h.db, NULL, -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v2, h.db, "SELECT 1", -1, NULL, NULL);
    INT(prepare_v2, h.db, "", -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v2, h.db, "-- comment", -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v2, h.db, "SELECT 1", 0, (sqlite3_stmt **)&out, NULL);
    INT(prepare16, h.db, NULL, -1, (sqlite3_stmt **)&out, NULL);
    INT(prepare16_v2, h.db, u"SELECT 1", -1, NULL, NULL);
    INT(prepare16_v3, h.db, u"", -1, 0, (sqlite3_stmt **)&out, NULL);
    INT(prepare_v3, h.db, "SELECT 1", -1, 0xffff00u, (sqlite3_stmt **)&out, NULL);
    TEXT(errstr, 0);
    TEXT(errstr, -1);
    TEXT(errstr, 29);
    TEXT(errstr, 9999);
    INT(set_errmsg, h.db, 1, NULL);
    INT(set_errmsg, h.db, 9999, "text");
    PTR(next_stmt, h.db, h.fresh);
    TEXT(db_name, h.db, -1);
    TEXT(db_name, h.db, 99);
    TEXT(db_filename, h.db, "nowhere");
    TEXT(db_filename, h.db, NULL);
    INT(db_readonly, h.db, "nowhere");
    INT(txn_state, h.db, "nowhere");
    INT(table_column_metadata, h.db, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    INT(table_column_metadata, h.db, NULL, "none", "a", NULL, NULL, NULL, NULL, NULL);
    INT(table_column_metadata, h.db, NULL, "t", "none", NULL, NULL, NULL, NULL, NULL);
    INT(table_column_metadata, h.db, NULL, "t", NULL, NULL, NULL, NULL, NULL, NULL);
    INT(table_column_metadata, h.db, "none", "t", "a", NULL, NULL, NULL, NULL, NULL);
    INT(table_column_metadata, h.db, NULL, "v", "a", NULL, NULL, NULL, NULL, NULL);
    INT(table_column_metadata, h.db, NULL, "w", "rowid", NULL, NULL, NULL, NULL, NULL);
}

static void arguments_of_functions(void)
{
    INT(create_function, h.db, NULL, 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, "f", -2, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, "f", 1001, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, "f", 127, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, LONG_256, 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, "f", 1, SQLITE_UTF8, NULL, on_scalar, on_scalar, NULL);
    INT(create_function, h.db, "f", 1, SQLITE_UTF8, NULL, on_scalar, NULL, on_final);
    INT(create_function, h.db, "f", 1, SQLITE_UTF8, NULL, NULL, on_scalar, NULL);
    INT(create_function, h.db, "f", 1, SQLITE_UTF8, NULL, NULL, NULL, on_final);
    INT(create_function, h.db, "f", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
    INT(create_function, h.db, "f", 1, 0, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, "f", 1, 99, NULL, on_scalar, NULL, NULL);
    INT(create_function, h.db, "", 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function16, h.db, NULL, 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL);
    INT(create_function16, h.db, u"f", 1, 7, NULL, on_scalar, on_scalar, NULL);
    INT(create_function_v2, h.db, NULL, 1, SQLITE_UTF8, NULL, on_scalar, NULL, NULL, on_destroy);
    INT(create_function_v2, h.db, "f", 5000, SQLITE_UTF8, NULL, on_scalar, NULL, NULL, on_destroy);
    INT(create_window_function, h.db, "f", 1, SQLITE_UTF8, NULL, on_scalar, on_final, on_final,
        NULL, on_destroy);
    INT(create_window_function, h.db, "f", 1, SQLITE_UTF8, NULL, on_scalar, on_final, NULL,
        on_scalar, on_destroy);
    INT(create_window_function, h.db, "f", 1, SQLITE_UTF8, NULL, NULL, on_final, on_final,
        on_scalar, on_destroy);
    INT(overload_function, h.db, NULL, 1);
    INT(overload_function, h.db, "f", -2);
    INT(overload_function, h.db, "f", 5000);
    INT(create_collation, h.db, NULL, SQLITE_UTF8, NULL, on_compare);
    INT(create_collation, h.db, "c", 0, NULL, on_compare);
    INT(create_collation, h.db, "c", 77, NULL, on_compare);
    INT(create_collation_v2, h.db, "c", 77, &number, on_compare, on_destroy);
    INT(create_collation_v2, h.db, NULL, SQLITE_UTF8, &number, on_compare, on_destroy);
    INT(create_collation16, h.db, NULL, SQLITE_UTF8, NULL, on_compare);
    INT(create_module, h.db, NULL, NULL, NULL);
    INT(create_module, h.db, "m", NULL, NULL);
    INT(create_module_v2, h.db, NULL, NULL, &number, on_destroy);
    INT(create_module_v2, h.db, "m", NULL, &number, on_destroy);
    INT(set_clientdata, h.db, NULL, &number, on_destroy);
    INT(set_clientdata, h.db, "name", NULL, on_destroy);
    PTR(get_clientdata, h.db, NULL);
    PTR(get_clientdata, h.db, "nobody");
    INT(trace_v2, h.db, 0xffff, NULL, NULL);
    INT(autovacuum_pages, h.db, NULL, &number, on_destroy);
    INT(auto_extension, NULL);
    INT(cancel_auto_extension, NULL);
    INT(load_extension, h.db, NULL, NULL, NULL);
    INT(load_extension, h.db, "nothing", NULL, NULL);
}

static void arguments_of_settings(void)
{
    INT(db_config, h.db, 999, 1, &number);
    INT(db_config, h.db, 1016, 1, NULL);
    INT(db_config, h.db, SQLITE_DBCONFIG_ENABLE_FKEY, -1, NULL);
    INT(db_config, h.db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 100, 10);
    INT(config, SQLITE_CONFIG_SERIALIZED);
    INT(config, SQLITE_CONFIG_URI, 1);
    INT(config, SQLITE_CONFIG_LOG, NULL, NULL);
    INT(config, 999);
    INT(limit, h.db, -1, 5);
    INT(limit, h.db, 12, 5);
    INT(limit, h.db, SQLITE_LIMIT_LENGTH, -5);
    INT(limit, h.db, SQLITE_LIMIT_COLUMN, 2000000);
    INT(busy_timeout, h.db, -5);
    INT(setlk_timeout, h.db, -2, 0);
    INT(setlk_timeout, h.db, -1, 99);
    INT(db_status, h.db, 99, &number, &number, 0);
    INT(db_status, h.db, SQLITE_DBSTATUS_CACHE_USED, NULL, &number, 0);
    INT(db_status, h.db, SQLITE_DBSTATUS_CACHE_USED, &number, NULL, 0);
    INT(status, 99, &number, &number, 0);
    INT(status, -1, &number, &number, 0);
    INT(status, SQLITE_STATUS_MEMORY_USED, NULL, NULL, 0);
    INT(status64, 0, NULL, NULL, 0);
    INT(status64, 99, (sqlite3_int64 *)&out, (sqlite3_int64 *)&out, 0);
    INT(file_control, h.db, "nowhere", SQLITE_FCNTL_PERSIST_WAL, &number);
    INT(file_control, h.db, "main", 9999, NULL);
    INT(file_control, h.db, NULL, SQLITE_FCNTL_HAS_MOVED, &number);
    INT(wal_checkpoint_v2, h.db, "main", 99, NULL, NULL);
    INT(wal_checkpoint_v2, h.db, "main", -2, NULL, NULL);
    INT(wal_checkpoint_v2, h.db, "nowhere", SQLITE_CHECKPOINT_FULL, &number, NULL);
    INT(wal_checkpoint, h.db, "nowhere");
    INT(vtab_config, h.db, SQLITE_VTAB_INNOCUOUS);
    INT(vtab_config, h.db, 99);
    INT(declare_vtab, h.db, "CREATE TABLE x(a)");
    INT(declare_vtab, h.db, NULL);
    INT(test_control, 9999);
    INT(soft_heap_limit64, -1);
    INT(hard_heap_limit64, -1);
    INT(release_memory, -1);
    INT(sleep, -1);
}

static void arguments_of_storage(void)
{
    INT(blob_open, h.db, "main", "t", "b", 3, 0, NULL);
    INT(blob_open, h.db, "main", NULL, "b", 3, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "nowhere", "t", "b", 3, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "none", "b", 3, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "t", "none", 3, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "t", NULL, 3, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "t", "b", 99, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "t", "a", 1, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "t", "b", 4, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "v", "b", 1, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "w", "d", 1, 0, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "g", "z", 1, 1, (sqlite3_blob **)&out);
    INT(blob_open, h.db, "main", "g", "y", 1, 0, (sqlite3_blob **)&out);
    INT(blob_read, h.blob, &number, -1, 0);
    INT(blob_read, h.blob, &number, 1, -1);
    INT(blob_read, h.blob, &number, 4, 28);
    INT(blob_read, h.blob, NULL, 0, 0);
    INT(blob_write, h.blob, "x", 1, 30);
    INT(blob_write, h.expired, "x", 1, 0);
    INT(blob_read, h.expired, &number, 1, 0);
    INT(blob_bytes, h.expired);
    INT(blob_reopen, h.expired, 3);
    INT(blob_reopen, h.blob, 99);
    INT(blob_reopen, h.blob, 1);
    INT(blob_reopen, h.blob, 4);
    PTR(backup_init, h.db, "main", h.db, "main");
    PTR(backup_init, h.db, "main", h.db, "temp");
    PTR(backup_init, h.db, "nowhere", h.other, "main");
    PTR(backup_init, h.db, "main", h.other, "nowhere");
    PTR(backup_init, h.other, "main", h.db, "main");
    PTR(serialize, h.db, "nowhere", (sqlite3_int64 *)&out, 0);
    PTR(serialize, h.db, "main", NULL, SQLITE_SERIALIZE_NOCOPY);
    INT(deserialize, h.db, "nowhere", NULL, 0, 0, 0);
    INT(deserialize, h.db, "temp", NULL, 0, 0, 0);
    INT(deserialize, h.db, "main", NULL, -1, -1, 0);
    INT(snapshot_get, h.db, "main", (sqlite3_snapshot **)&out);
    INT(snapshot_get, h.db, "nowhere", (sqlite3_snapshot **)&out);
    INT(snapshot_get, h.db, "main", NULL);
    INT(snapshot_recover, h.db, "nowhere");
}

void calls_with_wrong_arguments(void)
{
    arguments_of_prepare();
    arguments_of_functions();
    arguments_of_settings();
    arguments_of_storage();
}
