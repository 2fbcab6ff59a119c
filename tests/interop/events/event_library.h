#ifndef QUIRE_TESTS_INTEROP_EVENTS_EVENT_LIBRARY_H
#define QUIRE_TESTS_INTEROP_EVENTS_EVENT_LIBRARY_H
// The functions of an SQLite library that was opened by path, so that one program can run two of
// them, one after the other, in processes of their own.

#include "sqlite3.h"

// Every function the driver calls.
#define LIBRARY_FUNCTIONS(X)                                                                       \
    X(open_v2)                                                                                     \
    X(close)                                                                                       \
    X(exec) X(prepare_v2) X(step) X(finalize) X(errmsg) X(extended_errcode) X(column_count)        \
        X(column_text) X(column_type) X(column_bytes) X(changes) X(total_changes)                  \
            X(last_insert_rowid) X(get_autocommit) X(update_hook) X(commit_hook) X(rollback_hook)  \
                X(preupdate_hook) X(preupdate_old) X(preupdate_new) X(preupdate_count)             \
                    X(preupdate_depth) X(wal_hook) X(wal_checkpoint_v2) X(set_authorizer)          \
                        X(trace_v2) X(progress_handler) X(collation_needed) X(create_collation_v2) \
                            X(create_function_v2) X(create_window_function) X(value_type)          \
                                X(value_text) X(value_bytes) X(value_int64) X(value_numeric_type)  \
                                    X(result_int64) X(result_text) X(result_error) X(result_null)  \
                                        X(aggregate_context) X(user_data) X(vfs_find)              \
                                            X(vfs_register) X(extended_result_codes)               \
                                                X(expanded_sql) X(free) X(sql) X(busy_timeout)     \
                                                    X(bind_int64) X(bind_text)                     \
                                                        X(bind_parameter_count) X(reset)           \
                                                            X(db_name) X(txn_state)

typedef struct Library {
#define X(name) __typeof__(&sqlite3_##name) name;
    LIBRARY_FUNCTIONS(X)
#undef X
} Library;

extern Library lib;
void library_open(const char *path); // ends the process when a function is missing

#endif
