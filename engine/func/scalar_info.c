// Functions about values, the connection and the library, and those the code generator compiles in
// place.

#include "base/log.h"
#include "func/compile_option.h"
#include "func/func.h"
#include "value/compare.h"
#include <string.h>

static void result_constant(FuncCall *call, const char *text)
{
    if (text != NULL)
        call_result_text(call, text, strlen(text), SQLITE_UTF8, SQLITE_STATIC);
}

static void fn_typeof(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    static const char *const names[] = {"", "integer", "real", "text", "blob", "null"};
    result_constant(call, names[value_type(args[0])]);
}

// 0 where there is none. Subtypes pass through expressions only where a function says so.
static void fn_subtype(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    call_result_i64(call, args[0]->flags & V_SUBTYPE ? args[0]->subtype : 0);
}

// Compares by the first argument's collation; the code generator may compile it in place instead.
static void fn_nullif(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    if (value_compare(args[0], args[1], call->collation) != 0)
        call_result_value(call, args[0]);
}

// --- the connection ---

static void fn_last_insert_rowid(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    call_result_i64(call, call->db->last_rowid);
}

// Of the last statement that has finished, not of the one that asks.
static void fn_changes(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    call_result_i64(call, call->db->changes);
}

static void fn_total_changes(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    call_result_i64(call, call->db->total_changes);
}

// Needs its own switch (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION or sqlite3_enable_load_extension()):
// SQL text alone must not be able to load code.
static void fn_load_extension(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    if (!(call->db->flags & CONN_FLAG(LOAD_EXTENSION_FUNCTION))) {
        call_result_error(call, "not authorized", -1, SQLITE_UTF8);
        return;
    }
    const char *file = value_text(args[0], SQLITE_UTF8);
    const char *entry = arg_count == 2 ? value_text(args[1], SQLITE_UTF8) : NULL;
    char *message = NULL;
    if (file == NULL || func_hooks()->load_extension(call->db, file, entry, &message) == SQLITE_OK)
        return;
    call_result_error(call, message ? message : "error during initialization", -1, SQLITE_UTF8);
    mem_free(message);
}

// --- the library ---

static void fn_version(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    result_constant(call, SQLITE_VERSION);
}

static void fn_source_id(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    result_constant(call, SQLITE_SOURCE_ID);
}

// For the sake of the error log alone; its answer is NULL.
static void fn_log(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    (void)call;
    (void)arg_count;
    const char *message = value_text(args[1], SQLITE_UTF8);
    log_text((int)value_i64(args[0]), message ? message : "");
}

static void fn_option_used(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    const char *name = value_text(args[0], SQLITE_UTF8);
    if (name != NULL)
        call_result_i64(call, compile_option_is_used(name));
}

// NULL past the end of the list.
static void fn_option_get(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    result_constant(call, compile_option_get((int)value_i64(args[0])));
}

// MATCH means something only to a virtual table.
static void fn_match(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);
    (void)args;

    call_result_error(call, "unable to use function MATCH in the requested context", -1,
                      SQLITE_UTF8);
}

enum {
    SAFE = FUNC_BUILTIN | FUNC_INNOCUOUS,
    PURE = SAFE | FUNC_PURE,
    CONSTANT = SAFE | FUNC_SLOW_CHANGE,
};

const FuncDef func_info_table[] = {
    {"changes", 0, SAFE, .call = fn_changes},
    {"coalesce", ARGS_2_UP, PURE, .inline_kind = INLINE_COALESCE},
    {"if", ARGS_2_UP, PURE, .inline_kind = INLINE_IIF},
    {"ifnull", 2, PURE, .inline_kind = INLINE_COALESCE},
    {"iif", ARGS_2_UP, PURE, .inline_kind = INLINE_IIF},
    {"last_insert_rowid", 0, SAFE, .call = fn_last_insert_rowid},
    {"likelihood", 2, PURE | FUNC_UNLIKELY, .inline_kind = INLINE_UNLIKELY},
    {"likely", 1, PURE | FUNC_UNLIKELY, .inline_kind = INLINE_UNLIKELY},
    {"load_extension", 1, FUNC_BUILTIN | FUNC_DIRECT_ONLY, .call = fn_load_extension},
    {"load_extension", 2, FUNC_BUILTIN | FUNC_DIRECT_ONLY, .call = fn_load_extension},
    {"match", 2, FUNC_BUILTIN, .call = fn_match},
    {"nullif", 2, PURE | FUNC_NEEDS_COLLATION, .call = fn_nullif, .inline_kind = INLINE_NULLIF},
    {"sqlite_compileoption_get", 1, SAFE, .call = fn_option_get},
    {"sqlite_compileoption_used", 1, SAFE, .call = fn_option_used},
    {"sqlite_log", 2, PURE, .call = fn_log},
    {"sqlite_offset", 1, PURE | FUNC_OFFSET, .inline_kind = INLINE_OFFSET},
    {"sqlite_source_id", 0, CONSTANT, .call = fn_source_id},
    {"sqlite_version", 0, CONSTANT, .call = fn_version},
    {"subtype", 1, PURE | FUNC_SUBTYPE, .call = fn_subtype},
    {"total_changes", 0, SAFE, .call = fn_total_changes},
    {"typeof", 1, PURE | FUNC_TYPEOF, .call = fn_typeof},
    {"unlikely", 1, PURE | FUNC_UNLIKELY, .inline_kind = INLINE_UNLIKELY},
    {0},
};
