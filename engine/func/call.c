// What function bodies call: results, aggregate state, auxiliary data, the clock. The public
// sqlite3_result_*, sqlite3_aggregate_context() and sqlite3_set_auxdata() are these functions
// under another name.
//
// An error takes the result's place: its message is the text of the result, and `rc` says that it
// is one. That is why every way of failing here also sets the result.

#include "base/error.h"
#include "func/func.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- results ---

// Also what a body that sets nothing answers with.
void call_result_null(FuncCall *call)
{
    ASSERT(call->result != NULL);

    value_set_null(call->result);
}

void call_result_i64(FuncCall *call, i64 integer)
{
    ASSERT(call->result != NULL);

    value_set_i64(call->result, integer);
}

// A NaN becomes NULL (value_set_f64): SQL has no such number.
void call_result_f64(FuncCall *call, f64 real)
{
    ASSERT(call->result != NULL);

    value_set_f64(call->result, real);
}

// No message: making one would need memory. The connection is told, so that it says SQLITE_NOMEM to
// its program.
void call_result_error_nomem(FuncCall *call)
{
    ASSERT(call->result != NULL);

    value_set_null(call->result);
    call->rc = SQLITE_NOMEM;
    connection_out_of_memory(call->db);
}

// The message is static, so that it needs no memory; a length limit below its own size leaves
// none.
void call_result_error_toobig(FuncCall *call)
{
    ASSERT(call->result != NULL);

    call->rc = SQLITE_TOOBIG;
    int rc = value_set_text(call->result, error_text(SQLITE_TOOBIG),
                            strlen(error_text(SQLITE_TOOBIG)), SQLITE_UTF8, BYTES_STATIC);
    if (rc != SQLITE_OK) // a length limit below the message's own length
        value_set_null(call->result);
}

// The code that value_set_* answered, as the call's error.
COLD static void call_fail(FuncCall *call, int rc)
{
    ASSERT(rc == SQLITE_TOOBIG || rc == SQLITE_NOMEM);

    if (rc == SQLITE_TOOBIG)
        call_result_error_toobig(call);
    else
        call_result_error_nomem(call);
}

// A result in another encoding than the database's is converted here, once, rather than wherever
// the register is read.
void call_result_text(FuncCall *call, const char *text, u64 size, u8 encoding,
                      void (*destroy)(void *))
{
    ASSERT(call->result != NULL);

    Value *result = call->result;
    if (text == NULL) {
        value_set_null(result);
        return;
    }
    int rc = value_set_text_destroy(result, text, size, encoding, destroy);
    if (rc == SQLITE_OK && result->encoding != call->encoding)
        rc = value_change_encoding(result, call->encoding);
    if (rc != SQLITE_OK)
        call_fail(call, rc);
}

// In the database's encoding, should it be read as text: CAST decides by it.
void call_result_blob(FuncCall *call, const void *bytes, u64 size, void (*destroy)(void *))
{
    ASSERT(call->result != NULL);

    // A program's mistake that SQLite answers with NULL.
    if (bytes == NULL && size > 0) {
        value_set_null(call->result);
        return;
    }
    int rc = value_set_blob_destroy(call->result, bytes, size, destroy);
    if (rc != SQLITE_OK)
        call_fail(call, rc);
    else if (call->db != NULL)
        call->result->encoding = call->db->encoding; // should it be read as text
}

// The zeros are only counted until somebody wants the bytes.
int call_result_zeroblob(FuncCall *call, u64 size)
{
    ASSERT(call->result != NULL);

    if (size > value_length_limit(call->result)) {
        call_result_error_toobig(call);
        return SQLITE_TOOBIG;
    }
    value_set_zeroblob(call->result, (u32)size);
    return SQLITE_OK;
}

// NULL pointer: NULL, as sqlite3_result_value() of nothing.
void call_result_value(FuncCall *call, const Value *v)
{
    ASSERT(call->result != NULL);

    if (v == NULL) {
        value_set_null(call->result);
        return;
    }
    int rc = value_copy(call->result, v);
    if (rc == SQLITE_OK && (call->result->flags & V_TEXT)
        && call->result->encoding != call->encoding)
        rc = value_change_encoding(call->result, call->encoding);
    if (rc != SQLITE_OK)
        call_fail(call, rc);
}

// NULL to everything but sqlite3_value_pointer() with the same tag.
void call_result_pointer(FuncCall *call, void *pointer, const char *tag, void (*destroy)(void *))
{
    ASSERT(call->result != NULL);

    value_set_pointer(call->result, pointer, tag, destroy);
}

// Of the result that was set before: setting another one takes it away.
void call_result_subtype(FuncCall *call, u32 subtype)
{
    ASSERT(call->result != NULL);

    call->result->subtype = (u8)subtype;
    call->result->flags |= V_SUBTYPE;
}

// Room for a result of up to `size` bytes, to be written by the body and closed by one of the two
// below. NULL: the call has failed.
char *call_result_begin(FuncCall *call, u64 size)
{
    ASSERT(call->result != NULL);

    if (size > value_length_limit(call->result)) {
        call_result_error_toobig(call);
        return NULL;
    }
    char *bytes = value_begin_bytes(call->result, size);
    if (bytes == NULL)
        call_result_error_nomem(call);
    return bytes;
}

// `size` may be less than what was begun. UTF-8, which is converted here if the database wants
// another.
void call_result_end_text(FuncCall *call, u64 size)
{
    ASSERT(call->result != NULL);
    ASSERT(size <= UINT32_MAX);

    Value *result = call->result;
    value_commit_text(result, (u32)size, SQLITE_UTF8);
    if (UNLIKELY(call->encoding != SQLITE_UTF8)) {
        int rc = value_change_encoding(result, call->encoding);
        if (rc != SQLITE_OK)
            call_fail(call, rc);
    }
}

void call_result_end_blob(FuncCall *call, u64 size)
{
    ASSERT(call->result != NULL);
    ASSERT(size <= UINT32_MAX);

    u8 encoding = call->db != NULL ? call->db->encoding : call->encoding;
    value_commit_blob(call->result, (u32)size, encoding);
}

// The bytes move; nothing is copied.
void call_result_buffer(FuncCall *call, Buffer *buf, bool as_blob)
{
    ASSERT(call->result != NULL);

    u64 size = buf->size;
    int rc = buf->rc;
    char *bytes = buffer_take(buf);
    // An empty buffer that never had memory counts as out of memory too: bodies that mean ''
    // reserve first.
    if (bytes == NULL) {
        buffer_deinit(buf);
        call_fail(call, rc != SQLITE_OK ? rc : SQLITE_NOMEM);
        return;
    }
    if (as_blob)
        call_result_blob(call, bytes, size, mem_free);
    else
        call_result_text(call, bytes, size, SQLITE_UTF8, mem_free);
}

// Negative size: up to the NUL, which in UTF-16 is two bytes.
void call_result_error(FuncCall *call, const char *message, i64 size, u8 encoding)
{
    ASSERT(call->result != NULL);

    call->rc = SQLITE_ERROR;
    if (message == NULL) {
        message = encoding == SQLITE_UTF8 ? "" : (const char *)u"";
        size = 0;
    }
    u64 bytes = (u64)size;
    if (size < 0 && encoding == SQLITE_UTF8) {
        bytes = strlen(message);
    } else if (size < 0) {
        for (bytes = 0; message[bytes] != 0 || message[bytes + 1] != 0;)
            bytes += 2;
    }
    int rc = value_set_text(call->result, message, bytes, encoding, BYTES_COPY);
    if (rc == SQLITE_NOMEM)
        call_result_error_nomem(call);
}

// By libc's formats; the text is SQLite's where it has the same error.
void call_result_error_format(FuncCall *call, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    Buffer message = {0};
    buffer_vprintf(&message, fmt, args);
    va_end(args);
    if (message.rc != SQLITE_OK)
        call_result_error_nomem(call);
    else
        call_result_error(call, buffer_text(&message), (i64)message.size, SQLITE_UTF8);
    buffer_deinit(&message);
}

// The code's own text, unless the body has left a message already.
void call_result_error_code(FuncCall *call, int rc)
{
    ASSERT(call->result != NULL);

    call->rc = rc;
    if (rc == SQLITE_OK || !(call->result->flags & V_NULL))
        return;
    const char *text = error_text(rc);
    if (value_set_text(call->result, text, strlen(text), SQLITE_UTF8, BYTES_STATIC) != SQLITE_OK)
        value_set_null(call->result);
}

// --- what a call knows ---

// What the function was registered with; bodies that share a row's code are told apart by it.
void *call_user_data(const FuncCall *call)
{
    ASSERT(call->func != NULL);

    return call->func->user_data;
}

// NULL where a body is called without a connection.
sqlite3 *call_db(const FuncCall *call)
{
    return call->db;
}

// False, and the call has failed, where a result must depend on its arguments alone.
bool call_may_change(FuncCall *call)
{
    ASSERT(call->pure_place <= PURE_GENERATED);

    static const char *const names[] = {"", "an index", "a CHECK constraint", "a generated column"};
    if (call->pure_place == PURE_NOWHERE)
        return true;
    call_result_error_format(call, "non-deterministic use of %s() in %s", call->func->name,
                             names[call->pure_place]);
    return false;
}

// VFSes of version 1 have a clock in days only, whose milliseconds are what a double leaves of
// them.
i64 call_now_ms(FuncCall *call)
{
    ASSERT(call->db != NULL);

    // One statement sees one instant ('now' is stable within sqlite3_step(),
    // sqlite.org/lang_datefunc.html).
    if (call->now_ms != NULL && *call->now_ms != 0)
        return *call->now_ms;
    // Both clocks of a VFS count from noon of 24 November 4714 BC, one in milliseconds, one in
    // days.
    sqlite3_vfs *vfs = call->db->vfs;
    sqlite3_int64 now = 0;
    if (vfs->iVersion >= 2 && vfs->xCurrentTimeInt64 != NULL) {
        if (vfs->xCurrentTimeInt64(vfs, &now) != SQLITE_OK)
            now = 0;
    } else {
        f64 days = 0;
        if (vfs->xCurrentTime(vfs, &days) == SQLITE_OK)
            now = (i64)(days * 86400000.0);
    }
    if (call->now_ms != NULL)
        *call->now_ms = now;
    return now;
}

// --- aggregates ---

// The register turns into the state at the first call. It is no blob to anybody else: V_UNDEFINED
// beside V_BLOB tells.
void *call_state(FuncCall *call, u32 size)
{
    Value *state = call->state;
    ASSERT(state != NULL);
    ASSERT(call->func != NULL);

    if (LIKELY((state->flags & V_AGGREGATE) == V_AGGREGATE))
        return state->bytes;
    if (size == 0)
        return NULL;
    char *bytes = value_begin_bytes(state, size);
    if (bytes == NULL) {
        call->rc = SQLITE_NOMEM;
        return NULL;
    }
    memset(bytes, 0, size);
    state->bytes = bytes;
    state->size = size;
    state->u.aggregate = call->func;
    state->flags = V_AGGREGATE;
    return bytes;
}

// Without a state the function is asked all the same: count() of no rows is 0.
void call_finish_aggregate(FuncCall *call, Value *state)
{
    ASSERT(state != NULL);
    ASSERT(call->func->finalize != NULL);

    // The result is made beside the state, which finalize still reads, and then takes its place.
    Value result;
    value_init(&result, call->db);
    call->result = &result;
    call->state = state;
    call->rc = 0;
    call->func->finalize(call);
    call->state = NULL;
    value_move(state, &result);
    call->result = state;
}

// For groups that are never shown: the statement was reset, or failed.
void call_discard_state(sqlite3 *db, Value *state)
{
    if ((state->flags & V_AGGREGATE) == V_AGGREGATE) {
        FuncCall call = {.func = state->u.aggregate, .db = db, .encoding = SQLITE_UTF8};
        call_finish_aggregate(&call, state);
    }
    value_set_null(state);
}

// --- auxiliary data ---

// Data with a negative argument is shared by all calls of the statement.
static AuxData *aux_find(const FuncCall *call, int argument)
{
    ASSERT(call->aux == NULL || call->pc >= 0);

    if (call->aux == NULL)
        return NULL;
    for (AuxData *aux = *call->aux; aux; aux = aux->next) {
        if (aux->argument == argument && (aux->pc == call->pc || argument < 0))
            return aux;
    }
    return NULL;
}

// NULL: nothing is kept for that argument, or the call belongs to no statement.
void *call_get_aux(FuncCall *call, int argument)
{
    const AuxData *aux = aux_find(call, argument);
    return aux ? aux->data : NULL;
}

// Where there is nowhere to keep it, it is destroyed at once, as sqlite3_set_auxdata() promises.
void call_set_aux(FuncCall *call, int argument, void *data, void (*destroy)(void *))
{
    AuxData *aux = aux_find(call, argument);
    if (aux != NULL && aux->destroy != NULL) {
        aux->destroy(aux->data);
    } else if (aux == NULL && call->aux != NULL) {
        aux = mem_alloc(sizeof *aux);
        if (aux != NULL) {
            aux->next = *call->aux;
            *call->aux = aux;
        }
    }
    if (aux == NULL) {
        if (destroy != NULL)
            destroy(data);
        return;
    }
    aux->pc = call->pc;
    aux->argument = argument;
    aux->data = data;
    aux->destroy = destroy;
}

// Arguments past the 31st have no bit: what is kept for them is dropped after each call.
void aux_data_clear(AuxData **list, int pc, u32 constant_mask)
{
    ASSERT(list != NULL);

    AuxData **at = list;
    while (*at != NULL) {
        AuxData *aux = *at;
        bool constant =
            aux->argument > 31 || aux->argument < 0 || (constant_mask >> aux->argument & 1);
        if (pc >= 0 && (aux->pc != pc || (constant && aux->argument <= 31))) {
            at = &aux->next;
            continue;
        }
        *at = aux->next;
        if (aux->destroy != NULL)
            aux->destroy(aux->data);
        mem_free(aux);
    }
}
