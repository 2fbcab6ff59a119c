// Prepared statements: preparing, stepping, resetting, and what is known about them.
//
// What a step may answer, and what is told beside it:
//
//   ROW, DONE      the code alone; the message of what failed before stays until the next failure
//                  or success of another call, as in SQLite
//   an error       code and message on the connection, and again by reset and finalize
//   by prepare()   the old interface: an error is SQLITE_ERROR, and reset tells which
//   MISUSE         a freed statement (Vm.db), or one that is inside its own step
//
// A statement whose schema has changed compiles itself anew, bindings and all, and goes on; one
// made by the old interface answers SQLITE_SCHEMA instead.

#include "api/api.h"
#include "base/buffer.h"
#include "base/utf.h"
#include "quire.h"
#include "sql/compile.h"
#include "vm/row_change.h"
#include "vm/vm.h"
#include <string.h>

// Asked before the mutex: a statement that is none has no connection to enter.
static bool statement_is_usable(const Vm *vm)
{
    if (vm == NULL) {
        log_message(SQLITE_MISUSE, "API called with NULL prepared statement");
        return false;
    }
    if (vm->db == NULL) {
        log_message(SQLITE_MISUSE, "API called with finalized prepared statement");
        return false;
    }
    return true;
}

// Enters the connection, unless the call comes from inside the statement's own step: a function or
// hook may not move on, or take away, what called it. Another thread has waited by then.
static bool statement_enter(const Vm *vm)
{
    if (!statement_is_usable(vm))
        return false;
    api_enter(vm->db);
    if (!vm->is_stepping)
        return true;
    log_message(SQLITE_MISUSE, "API call on a statement from inside its step: [%s]", vm->sql);
    (void)api_exit(vm->db, SQLITE_OK);
    return false;
}

// --- preparing ---

// Set by sqlite3_prepare_v2() and later beside SQLITE_PREPARE_*: step gives precise errors and
// recompiles.
enum { PREPARE_V2 = 0x80 };

// A text of nothing but comments is no error, and no statement.
static int prepare(sqlite3 *db, const char *sql, int size, u32 flags, sqlite3_stmt **out,
                   const char **tail)
{
    if (out == NULL)
        return error_misuse();
    *out = NULL;
    if (!connection_is_usable(db) || sql == NULL)
        return error_misuse();
    api_enter(db);
    connection_error_clear(db);
    size_t length = size < 0 ? strlen(sql) : strnlen(sql, (size_t)size);
    size_t consumed = 0;
    Vm *vm = NULL;
    int rc = sql_compile(db, sql, length, flags & ~(u32)PREPARE_V2, &vm, &consumed);
    if (tail != NULL)
        *tail = sql + consumed;
    if (vm != NULL)
        vm->is_prepared_v2 = (flags & PREPARE_V2) != 0;
    *out = (sqlite3_stmt *)vm;
    return api_exit(db, rc);
}

int sqlite3_prepare(sqlite3 *db, const char *sql, int size, sqlite3_stmt **out, const char **tail)
{
    return prepare(db, sql, size, 0, out, tail);
}

int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **out,
                       const char **tail)
{
    return prepare(db, sql, size, PREPARE_V2, out, tail);
}

int sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **out,
                       const char **tail)
{
    return prepare(db, sql, size, flags | PREPARE_V2, out, tail);
}

static size_t utf16_size(const void *text, int size_max)
{
    const u8 *in = text;
    size_t size = 0;
    while ((size_max < 0 || size + 1 < (size_t)size_max) && (in[size] != 0 || in[size + 1] != 0))
        size += 2;
    return size;
}

// The tail is found again by counting characters.
static const void *utf16_tail(const void *sql, size_t size, const char *utf8, const char *utf8_tail)
{
    ASSERT(utf8_tail >= utf8);

    size_t chars = utf8_length(utf8, (size_t)(utf8_tail - utf8));
    const u8 *at = sql;
    const u8 *end = at + size;
    while (chars-- > 0 && at < end)
        utf16_next(&at, end, UTF16_NATIVE == SQLITE_UTF16BE);
    return at;
}

static int prepare16(sqlite3 *db, const void *sql, int size, u32 flags, sqlite3_stmt **out,
                     const void **tail)
{
    if (out == NULL)
        return error_misuse();
    *out = NULL;
    if (!connection_is_usable(db) || sql == NULL)
        return error_misuse();
    size_t length = utf16_size(sql, size);
    Buffer utf8 = {0};
    utf16_to_utf8(sql, length, UTF16_NATIVE == SQLITE_UTF16BE, &utf8);
    const char *text = buffer_text(&utf8);
    const char *text_tail = text;
    int rc = utf8.rc != SQLITE_OK ? SQLITE_NOMEM
                                  : prepare(db, text, (int)utf8.size, flags, out, &text_tail);
    if (tail != NULL)
        *tail = utf16_tail(sql, length, text, text_tail);
    buffer_deinit(&utf8);
    return rc;
}

int sqlite3_prepare16(sqlite3 *db, const void *sql, int size, sqlite3_stmt **out, const void **tail)
{
    return prepare16(db, sql, size, 0, out, tail);
}

int sqlite3_prepare16_v2(sqlite3 *db, const void *sql, int size, sqlite3_stmt **out,
                         const void **tail)
{
    return prepare16(db, sql, size, PREPARE_V2, out, tail);
}

int sqlite3_prepare16_v3(sqlite3 *db, const void *sql, int size, unsigned flags, sqlite3_stmt **out,
                         const void **tail)
{
    return prepare16(db, sql, size, flags | PREPARE_V2, out, tail);
}

// --- running ---

// Resetting and finalizing the statement tell of it too.
static int failed_by_hook(Vm *vm, int rc)
{
    ASSERT(rc != SQLITE_OK);

    mem_free(vm->error_message);
    vm->error_message = mem_dup(sqlite3_errmsg(vm->db), UINT64_MAX);
    vm->rc = rc;
    return rc;
}

// The hook may run statements before and after, and be the one that makes the whole fail.
static int step_schema_change(Vm *vm)
{
    ASSERT(schema_change_is_heard(vm));

    sqlite3 *db = vm->db;
    int rc = schema_change_announce(vm, QUIRE_SCHEMA_BEFORE);
    if (rc != SQLITE_OK)
        return failed_by_hook(vm, rc);
    rc = vm_step(vm);
    if (rc == SQLITE_DONE) {
        int after = schema_change_announce(vm, QUIRE_SCHEMA_AFTER);
        return after == SQLITE_OK ? rc : failed_by_hook(vm, after);
    }
    char *message = mem_dup(sqlite3_errmsg(db), UINT64_MAX);
    int undone = schema_change_announce(vm, QUIRE_SCHEMA_FAILED);
    if (undone != SQLITE_OK)
        log_message(undone, "the hook for schema changes failed after a failure");
    connection_error(db, rc, "%s", message != NULL ? message : error_text(rc));
    mem_free(message);
    return rc;
}

// Statements that change the schema may be announced to a hook before and after (quire.h).
int sqlite3_step(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (!statement_enter(vm))
        return error_misuse();
    sqlite3 *db = vm->db;
    int rc = schema_change_is_heard(vm) ? step_schema_change(vm) : vm_step(vm);
    if (rc == SQLITE_ROW)
        db->error_code = SQLITE_ROW; // the message of what failed before stays, as in SQLite
    return api_exit(db, rc);
}

// Tells again what the run ended with: for the old interface this is where the reason is.
int sqlite3_reset(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL)
        return SQLITE_OK;
    if (!statement_enter(vm))
        return error_misuse();
    sqlite3 *db = vm->db;
    int rc = vm_reset(vm);
    return api_exit(db, rc);
}

// May be the end of a connection that was closed before it.
int sqlite3_finalize(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL)
        return SQLITE_OK;
    if (!statement_enter(vm))
        return error_misuse();
    sqlite3 *db = vm->db;
    int rc = vm_finalize(vm);
    if (db->out_of_memory || rc == SQLITE_IOERR_NOMEM) {
        db->out_of_memory = false;
        rc = connection_error_plain(db, SQLITE_NOMEM);
    }
    rc &= db->error_mask;
    connection_free_if_zombie(db); // leaves the mutex
    return rc;
}

// --- rows ---

int sqlite3_column_count(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL ? vm->column_count : 0;
}

// Unlike the count of columns, of a row that is there.
int sqlite3_data_count(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL && vm->row != NULL ? vm->column_count : 0;
}

// The value of a column, with the connection entered (left by column_leave); a NULL for columns
// there are not.
static Value *column_enter(sqlite3_stmt *stmt, int column)
{
    static Value null_value = {.flags = V_NULL};
    Vm *vm = (Vm *)stmt;
    if (vm == NULL || vm->db == NULL)
        return &null_value;
    api_enter(vm->db);
    if (vm->row != NULL && column >= 0 && column < vm->column_count)
        return &vm->row[column];
    connection_error_plain(vm->db, SQLITE_RANGE);
    return &null_value;
}

// A conversion may have run out of memory: then the statement fails with its next step.
static void column_leave(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (vm != NULL && vm->db != NULL)
        vm->rc = api_exit(vm->db, vm->rc);
}

const void *sqlite3_column_blob(sqlite3_stmt *stmt, int column)
{
    const void *bytes = value_blob(column_enter(stmt, column));
    column_leave(stmt);
    return bytes;
}

int sqlite3_column_bytes(sqlite3_stmt *stmt, int column)
{
    int size = sqlite3_value_bytes(column_enter(stmt, column));
    column_leave(stmt);
    return size;
}

int sqlite3_column_bytes16(sqlite3_stmt *stmt, int column)
{
    int size = sqlite3_value_bytes16(column_enter(stmt, column));
    column_leave(stmt);
    return size;
}

double sqlite3_column_double(sqlite3_stmt *stmt, int column)
{
    double real = value_f64(column_enter(stmt, column));
    column_leave(stmt);
    return real;
}

int sqlite3_column_int(sqlite3_stmt *stmt, int column)
{
    return (int)sqlite3_column_int64(stmt, column);
}

sqlite3_int64 sqlite3_column_int64(sqlite3_stmt *stmt, int column)
{
    i64 integer = value_i64(column_enter(stmt, column));
    column_leave(stmt);
    return integer;
}

const unsigned char *sqlite3_column_text(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = value_text(column_enter(stmt, column), SQLITE_UTF8);
    column_leave(stmt);
    return text;
}

const void *sqlite3_column_text16(sqlite3_stmt *stmt, int column)
{
    const void *text = value_text(column_enter(stmt, column), UTF16_NATIVE);
    column_leave(stmt);
    return text;
}

// Unprotected: what it borrows may be gone with the next step, so it is not to be kept as it is.
sqlite3_value *sqlite3_column_value(sqlite3_stmt *stmt, int column)
{
    Value *v = column_enter(stmt, column);
    if ((v->flags & V_STATIC) != 0)
        v->flags = (u16)((v->flags & ~V_STATIC) | V_EPHEMERAL);
    column_leave(stmt);
    return v;
}

int sqlite3_column_type(sqlite3_stmt *stmt, int column)
{
    int type = value_type(column_enter(stmt, column));
    column_leave(stmt);
    return type;
}

// --- column names ---

static const void *column_label(sqlite3_stmt *stmt, int column, VmColumnText what, u8 encoding)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL) {
        (void)error_misuse();
        return NULL;
    }
    static const char *const explain_names[] = {"addr", "opcode", "p1", "p2",
                                                "p3",   "p4",     "p5", "comment"};
    static const u16 explain_names16[8][8] = {
        {'a', 'd', 'd', 'r'}, {'o', 'p', 'c', 'o', 'd', 'e'},
        {'p', '1'},           {'p', '2'},
        {'p', '3'},           {'p', '4'},
        {'p', '5'},           {'c', 'o', 'm', 'm', 'e', 'n', 't'}};
    if (column < 0 || column >= vm->column_count)
        return NULL;
    if (vm->column_texts == NULL)
        return what != VM_COLUMN_NAME    ? NULL
               : encoding == SQLITE_UTF8 ? (const void *)explain_names[column]
                                         : (const void *)explain_names16[column];
    api_enter(vm->db);
    const void *text =
        value_text(&vm->column_texts[column * VM_COLUMN_TEXTS + (int)what], encoding);
    vm->db->out_of_memory = false;
    api_leave(vm->db);
    return text;
}

const char *sqlite3_column_name(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_NAME, SQLITE_UTF8);
}

const void *sqlite3_column_name16(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_NAME, UTF16_NATIVE);
}

const char *sqlite3_column_decltype(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_DECLTYPE, SQLITE_UTF8);
}

const void *sqlite3_column_decltype16(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_DECLTYPE, UTF16_NATIVE);
}

const char *sqlite3_column_database_name(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_DATABASE, SQLITE_UTF8);
}

const void *sqlite3_column_database_name16(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_DATABASE, UTF16_NATIVE);
}

const char *sqlite3_column_table_name(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_TABLE, SQLITE_UTF8);
}

const void *sqlite3_column_table_name16(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_TABLE, UTF16_NATIVE);
}

const char *sqlite3_column_origin_name(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_ORIGIN, SQLITE_UTF8);
}

const void *sqlite3_column_origin_name16(sqlite3_stmt *stmt, int column)
{
    return column_label(stmt, column, VM_COLUMN_ORIGIN, UTF16_NATIVE);
}

// --- what is known about a statement ---

const char *sqlite3_sql(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL ? vm->sql : NULL;
}

sqlite3 *sqlite3_db_handle(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL ? vm->db : NULL;
}

int sqlite3_stmt_readonly(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm == NULL || vm->is_read_only;
}

int sqlite3_stmt_isexplain(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL ? vm->explain : 0;
}

int sqlite3_stmt_busy(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL && vm->state == VM_RUNNING;
}

sqlite3_stmt *sqlite3_next_stmt(sqlite3 *db, sqlite3_stmt *stmt)
{
    if (!connection_is_usable(db)) {
        (void)error_misuse();
        return NULL;
    }
    api_enter(db);
    Vm *next = stmt == NULL ? db->statements : ((Vm *)stmt)->next;
    api_leave(db);
    return (sqlite3_stmt *)next;
}

int sqlite3_stmt_status(sqlite3_stmt *stmt, int op, int reset)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL) {
        (void)error_misuse();
        return 0;
    }
    if (op == SQLITE_STMTSTATUS_MEMUSED)
        return (int)vm_memory_used(vm);
    if (op < 0 || op >= VM_COUNTERS)
        return 0;
    u32 count = vm->counters[op];
    if (reset)
        vm->counters[op] = 0;
    return (int)count;
}

// Deprecated: whether the next run will compile anew.
int sqlite3_expired(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm == NULL || vm->expired;
}

// Turns a statement into its EXPLAIN or EXPLAIN QUERY PLAN, or back: it is compiled anew.
int sqlite3_stmt_explain(sqlite3_stmt *stmt, int mode)
{
    Vm *vm = (Vm *)stmt;
    if (!statement_is_usable(vm))
        return error_misuse();
    api_enter(vm->db);
    int rc;
    if (vm->explain == mode)
        rc = SQLITE_OK;
    else if (mode < EXPLAIN_NONE || mode > EXPLAIN_QUERY_PLAN || !vm->is_prepared_v2)
        rc = SQLITE_ERROR;
    else if (vm->state != VM_READY)
        rc = SQLITE_BUSY;
    else
        rc = vm_set_explain(vm, (ExplainMode)mode);
    return api_exit(vm->db, rc);
}
