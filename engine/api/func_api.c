// Application-defined functions: registering them, and what their bodies call.
//
// Replacing a function while statements run is refused: their programs point at the definition. A
// name that only existed in another form (count of arguments, encoding) expires prepared
// statements, which must be resolved again.

#include "api/api.h"
#include "func/func.h"
#include "quire.h"
#include "vm/vm.h"
#include <string.h>

// --- registering ---

enum { FUNC_NAME_MAX = 255, FUNC_ARGS_MAX = 1000 };

// A scalar body, or step and finalize (and with them value and inverse), or nothing at all.
static bool spec_is_sound(const FuncSpec *spec)
{
    bool is_window = spec->value != NULL;
    if (spec->name == NULL || strlen(spec->name) > FUNC_NAME_MAX)
        return false;
    if (spec->arg_count < -1 || spec->arg_count > FUNC_ARGS_MAX)
        return false;
    if (spec->call != NULL && (spec->step != NULL || spec->finalize != NULL))
        return false;
    return (spec->step == NULL) == (spec->finalize == NULL) && is_window == (spec->inverse != NULL)
           && (!is_window || spec->step != NULL);
}

// After a refused call the destructor runs, as documented. It does not where the connection is
// none: what is freed or was never opened owns nothing, and SQLite leaves the pointer to the
// caller.
static int define_function(sqlite3 *db, const FuncSpec *spec)
{
    if (!connection_is_usable(db))
        return error_misuse(); // what was handed over stays the caller's, as in SQLite
    if (!spec_is_sound(spec)) {
        if (spec->destroy != NULL)
            spec->destroy(spec->user_data);
        return error_misuse();
    }
    api_enter(db);
    if (db->active_statements > 0 && func_replaces_own(db, spec)) {
        connection_error(db, SQLITE_BUSY,
                         "unable to delete/modify user-function due to active statements");
        if (spec->destroy != NULL)
            spec->destroy(spec->user_data);
        return api_exit(db, SQLITE_BUSY);
    }
    // Opening defines over a hundred, before there is a statement to compile again.
    if (db->statements != NULL && func_name_exists(db, spec->name))
        vm_expire_all(db, false);
    return api_exit(db, func_define(db, spec));
}

int sqlite3_create_function_v2(sqlite3 *db, const char *name, int arg_count, int text_rep,
                               void *user_data,
                               void (*call)(sqlite3_context *, int, sqlite3_value **),
                               void (*step)(sqlite3_context *, int, sqlite3_value **),
                               void (*finalize)(sqlite3_context *), void (*destroy)(void *))
{
    FuncSpec spec = {.name = name,
                     .arg_count = arg_count,
                     .text_rep = text_rep,
                     .user_data = user_data,
                     .call = call,
                     .step = step,
                     .finalize = finalize,
                     .destroy = destroy};
    return define_function(db, &spec);
}

int sqlite3_create_function(sqlite3 *db, const char *name, int arg_count, int text_rep,
                            void *user_data, void (*call)(sqlite3_context *, int, sqlite3_value **),
                            void (*step)(sqlite3_context *, int, sqlite3_value **),
                            void (*finalize)(sqlite3_context *))
{
    return sqlite3_create_function_v2(db, name, arg_count, text_rep, user_data, call, step,
                                      finalize, NULL);
}

// Names are kept in UTF-8 alone.
int sqlite3_create_function16(sqlite3 *db, const void *name, int arg_count, int text_rep,
                              void *user_data,
                              void (*call)(sqlite3_context *, int, sqlite3_value **),
                              void (*step)(sqlite3_context *, int, sqlite3_value **),
                              void (*finalize)(sqlite3_context *))
{
    if (!connection_is_usable(db) || name == NULL)
        return error_misuse();
    char *utf8 = utf16_text_to_utf8(name);
    if (utf8 == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_create_function_v2(db, utf8, arg_count, text_rep, user_data, call, step,
                                        finalize, NULL);
    mem_free(utf8);
    return rc;
}

int sqlite3_create_window_function(sqlite3 *db, const char *name, int arg_count, int text_rep,
                                   void *user_data,
                                   void (*step)(sqlite3_context *, int, sqlite3_value **),
                                   void (*finalize)(sqlite3_context *),
                                   void (*value)(sqlite3_context *),
                                   void (*inverse)(sqlite3_context *, int, sqlite3_value **),
                                   void (*destroy)(void *))
{
    FuncSpec spec = {.name = name,
                     .arg_count = arg_count,
                     .text_rep = text_rep,
                     .user_data = user_data,
                     .step = step,
                     .finalize = finalize,
                     .value = value,
                     .inverse = inverse,
                     .destroy = destroy};
    return define_function(db, &spec);
}

int quire_create_measure(sqlite3 *db, const char *function, const quire_measure *measure, void *arg)
{
    if (!connection_is_usable(db) || function == NULL || measure == NULL)
        return error_misuse();
    api_enter(db);
    return api_exit(db, func_set_measure(db, function, measure, arg));
}

// A stand-in that fails when it is called, for virtual tables to give meaning to (xFindFunction).
int sqlite3_overload_function(sqlite3 *db, const char *name, int arg_count)
{
    if (!connection_is_usable(db) || name == NULL || arg_count < -1 || arg_count > FUNC_ARGS_MAX)
        return error_misuse();
    api_enter(db);
    return api_exit(db, func_define_placeholder(db, name, arg_count));
}

// --- results ---

// False for a null context, after giving back what was to be handed over.
static bool call_is_given(const sqlite3_context *call, const void *bytes, void (*destroy)(void *))
{
    if (call != NULL)
        return true;
    (void)error_misuse();
    if (destroy != SQLITE_STATIC && destroy != SQLITE_TRANSIENT)
        destroy((void *)(uintptr_t)bytes);
    return false;
}

void sqlite3_result_blob(sqlite3_context *call, const void *bytes, int size,
                         void (*destroy)(void *))
{
    if (call_is_given(call, bytes, destroy))
        call_result_blob(call, bytes, size < 0 ? 0 : (u64)size, destroy);
}

void sqlite3_result_blob64(sqlite3_context *call, const void *bytes, sqlite3_uint64 size,
                           void (*destroy)(void *))
{
    if (call_is_given(call, bytes, destroy))
        call_result_blob(call, bytes, size, destroy);
}

void sqlite3_result_double(sqlite3_context *call, double real)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_f64(call, real);
}

void sqlite3_result_int(sqlite3_context *call, int integer)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_i64(call, integer);
}

void sqlite3_result_int64(sqlite3_context *call, sqlite3_int64 integer)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_i64(call, integer);
}

void sqlite3_result_null(sqlite3_context *call)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_null(call);
}

static void result_text(sqlite3_context *call, const void *text, u64 size, u8 encoding,
                        void (*destroy)(void *))
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    if (!call_is_given(call, text, destroy))
        return;
    if (text == NULL)
        call_result_null(call);
    else
        call_result_text(call, text, size, encoding, destroy);
}

void sqlite3_result_text(sqlite3_context *call, const char *text, int size, void (*destroy)(void *))
{
    u64 length = text == NULL ? 0 : size < 0 ? strlen(text) : (u64)size;
    result_text(call, text, length, SQLITE_UTF8, destroy);
}

void sqlite3_result_text64(sqlite3_context *call, const char *text, sqlite3_uint64 size,
                           void (*destroy)(void *), unsigned char encoding)
{
    encoding = api_text_encoding(encoding);
    if (encoding != SQLITE_UTF8)
        size &= ~(sqlite3_uint64)1;
    result_text(call, text, size, encoding, destroy);
}

static void result_text16(sqlite3_context *call, const void *text, int size, u8 encoding,
                          void (*destroy)(void *))
{
    u64 length = text == NULL ? 0 : utf16_text_size(text, size);
    result_text(call, text, length, encoding, destroy);
}

void sqlite3_result_text16(sqlite3_context *call, const void *text, int size,
                           void (*destroy)(void *))
{
    result_text16(call, text, size, UTF16_NATIVE, destroy);
}

void sqlite3_result_text16le(sqlite3_context *call, const void *text, int size,
                             void (*destroy)(void *))
{
    result_text16(call, text, size, SQLITE_UTF16LE, destroy);
}

void sqlite3_result_text16be(sqlite3_context *call, const void *text, int size,
                             void (*destroy)(void *))
{
    result_text16(call, text, size, SQLITE_UTF16BE, destroy);
}

void sqlite3_result_value(sqlite3_context *call, sqlite3_value *v)
{
    if (!call_is_given(call, NULL, SQLITE_STATIC))
        return;
    if (v == NULL)
        call_result_null(call);
    else
        call_result_value(call, v);
}

void sqlite3_result_pointer(sqlite3_context *call, void *pointer, const char *tag,
                            void (*destroy)(void *))
{
    if (call_is_given(call, pointer, destroy))
        call_result_pointer(call, pointer, tag, destroy);
}

void sqlite3_result_subtype(sqlite3_context *call, unsigned int subtype)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_subtype(call, subtype);
}

int sqlite3_result_zeroblob64(sqlite3_context *call, sqlite3_uint64 size)
{
    return call_is_given(call, NULL, SQLITE_STATIC) ? call_result_zeroblob(call, size)
                                                    : SQLITE_MISUSE;
}

void sqlite3_result_zeroblob(sqlite3_context *call, int size)
{
    (void)sqlite3_result_zeroblob64(call, size < 0 ? 0 : (sqlite3_uint64)size);
}

void sqlite3_result_error(sqlite3_context *call, const char *message, int size)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_error(call, message, size, SQLITE_UTF8);
}

void sqlite3_result_error16(sqlite3_context *call, const void *message, int size)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_error(call, message, size, UTF16_NATIVE);
}

void sqlite3_result_error_code(sqlite3_context *call, int rc)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_error_code(call, rc);
}

void sqlite3_result_error_nomem(sqlite3_context *call)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_error_nomem(call);
}

void sqlite3_result_error_toobig(sqlite3_context *call)
{
    if (call_is_given(call, NULL, SQLITE_STATIC))
        call_result_error_toobig(call);
}

// --- context ---

void *sqlite3_user_data(sqlite3_context *call)
{
    return call != NULL ? call_user_data(call) : NULL;
}

sqlite3 *sqlite3_context_db_handle(sqlite3_context *call)
{
    return call != NULL ? call_db(call) : NULL;
}

void *sqlite3_aggregate_context(sqlite3_context *call, int size)
{
    return call_state(call, size < 0 ? 0 : (u32)size);
}

// Deprecated: how often step was called.
int sqlite3_aggregate_count(sqlite3_context *call)
{
    return call->state != NULL ? (int)call->state->subtype : 0;
}

// Kept for a constant argument of this call site until the statement ends or is reset.
void *sqlite3_get_auxdata(sqlite3_context *call, int argument)
{
    return call != NULL ? call_get_aux(call, argument) : NULL;
}

void sqlite3_set_auxdata(sqlite3_context *call, int argument, void *data, void (*destroy)(void *))
{
    if (call != NULL)
        call_set_aux(call, argument, data, destroy);
    else if (destroy != NULL)
        destroy(data);
}

// --- collations ---

// A collation in use by a running statement may not change: the order of its sorters would.
static int define_collation(sqlite3 *db, const char *name, int encoding, const Collation *collation)
{
    ASSERT(name != NULL);

    int enc = encoding;
    if (enc == SQLITE_UTF16 || enc == SQLITE_UTF16_ALIGNED)
        enc = UTF16_NATIVE;
    if (enc < SQLITE_UTF8 || enc > SQLITE_UTF16BE)
        return error_misuse();
    if (catalog_has_collation(db, name, (u8)enc)) {
        if (db->active_statements > 0)
            return connection_error(
                db, SQLITE_BUSY,
                "unable to delete/modify collation sequence due to active statements");
        vm_expire_all(db, false);
    }
    int rc = catalog_add_collation(db, name, (u8)enc, collation);
    return rc == SQLITE_OK ? rc : connection_out_of_memory(db);
}

int sqlite3_create_collation_v2(sqlite3 *db, const char *name, int encoding, void *arg,
                                int (*compare)(void *, int, const void *, int, const void *),
                                void (*destroy)(void *))
{
    if (!connection_is_usable(db) || name == NULL)
        return error_misuse();
    api_enter(db);
    Collation collation = {.compare = compare, .arg = arg, .destroy = destroy};
    return api_exit(db, define_collation(db, name, encoding, &collation));
}

int sqlite3_create_collation(sqlite3 *db, const char *name, int encoding, void *arg,
                             int (*compare)(void *, int, const void *, int, const void *))
{
    return sqlite3_create_collation_v2(db, name, encoding, arg, compare, NULL);
}

int sqlite3_create_collation16(sqlite3 *db, const void *name, int encoding, void *arg,
                               int (*compare)(void *, int, const void *, int, const void *))
{
    if (!connection_is_usable(db) || name == NULL)
        return error_misuse();
    char *utf8 = utf16_text_to_utf8(name);
    if (utf8 == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_create_collation_v2(db, utf8, encoding, arg, compare, NULL);
    mem_free(utf8);
    return rc;
}
