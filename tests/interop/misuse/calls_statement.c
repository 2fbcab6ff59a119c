// Calls with statements in every state, a freed one and none among them.

#include "misuse.h"

void calls_with_statement(const char *state, sqlite3_stmt *stmt)
{
    INT(step, stmt);
    INT(reset, stmt);
    INT(finalize, stmt);
    TEXT(sql, stmt);
    TEXT(expanded_sql, stmt);
    TEXT(normalized_sql, stmt);
    INT(stmt_readonly, stmt);
    INT(stmt_isexplain, stmt);
    INT(stmt_explain, stmt, 1);
    INT(stmt_explain, stmt, 3);
    INT(stmt_busy, stmt);
    PTR(db_handle, stmt);
    PTR(next_stmt, h.db, stmt);
    INT(stmt_status, stmt, SQLITE_STMTSTATUS_RUN, 0);
    INT(stmt_status, stmt, 3000, 0);
    INT(expired, stmt);
    INT(transfer_bindings, stmt, h.fresh);
    INT(transfer_bindings, h.done, stmt);
    INT(bind_parameter_count, stmt);
    TEXT(bind_parameter_name, stmt, 1);
    TEXT(bind_parameter_name, stmt, 0);
    TEXT(bind_parameter_name, stmt, 99);
    INT(bind_parameter_index, stmt, ":name");
    INT(bind_parameter_index, stmt, ":nobody");
    INT(bind_parameter_index, stmt, NULL);
}

void calls_that_bind(const char *state, sqlite3_stmt *stmt)
{
    INT(bind_null, stmt, 1);
    INT(bind_null, stmt, 0);
    INT(bind_null, stmt, -1);
    INT(bind_int, stmt, 1, 5);
    INT(bind_int, stmt, 99, 5);
    INT(bind_int64, stmt, 99, 5);
    INT(bind_double, stmt, 99, 0.5);
    INT(bind_text, stmt, 1, "x", -1, on_destroy);
    INT(bind_text, stmt, 99, "x", -1, on_destroy);
    INT(bind_text, stmt, 99, "x", -1, SQLITE_TRANSIENT);
    INT(bind_text, stmt, 1, NULL, 5, on_destroy);
    INT(bind_text16, stmt, 99, u"x", -1, on_destroy);
    INT(bind_text64, stmt, 99, "x", 1, on_destroy, SQLITE_UTF8);
    INT(bind_text64, stmt, 1, "x", 1, on_destroy, 77);
    INT(bind_text64, stmt, 1, "x", 0x7fffffffffff, on_destroy, SQLITE_UTF8);
    INT(bind_blob, stmt, 99, "x", 1, on_destroy);
    INT(bind_blob, stmt, 1, "x", -5, on_destroy);
    INT(bind_blob64, stmt, 1, "x", 0x7fffffffffff, on_destroy);
    INT(bind_zeroblob, stmt, 99, 5);
    INT(bind_zeroblob, stmt, 1, -5);
    INT(bind_zeroblob64, stmt, 1, 0x7fffffffffff);
    INT(bind_value, stmt, 99, h.value);
    INT(bind_pointer, stmt, 99, &number, "type", on_destroy);
    INT(clear_bindings, stmt);
}

void calls_with_columns(const char *state, sqlite3_stmt *stmt)
{
    INT(column_count, stmt);
    INT(data_count, stmt);
    INT(column_type, stmt, 0);
    INT(column_type, stmt, 99);
    INT(column_int, stmt, -1);
    INT(column_int64, stmt, 99);
    DOUBLE(column_double, stmt, 99);
    TEXT(column_text, stmt, 99);
    TEXT(column_text, stmt, -1);
    TEXT16(column_text16, stmt, 99);
    PTR(column_blob, stmt, 99);
    INT(column_bytes, stmt, 99);
    INT(column_bytes16, stmt, 99);
    PTR(column_value, stmt, 99);
    TEXT(column_name, stmt, 1);
    TEXT(column_name, stmt, 99);
    TEXT(column_name, stmt, -1);
    TEXT16(column_name16, stmt, 99);
    TEXT(column_decltype, stmt, 99);
    TEXT16(column_decltype16, stmt, -1);
    TEXT(column_database_name, stmt, 99);
    TEXT(column_table_name, stmt, -1);
    TEXT(column_origin_name, stmt, 99);
    TEXT16(column_database_name16, stmt, -1);
    TEXT16(column_table_name16, stmt, 99);
    TEXT16(column_origin_name16, stmt, -1);
}
