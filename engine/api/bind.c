// Binding values to the parameters of a statement, and the conversions of sqlite3_value.
//
// A parameter can be bound while its statement is READY: before the first step, or after a reset.
// At its end, too, a statement must be reset first, as in SQLite. What a destructor is given for is
// destroyed exactly once, also when the call fails, unless the statement is no statement at all.
//
// A binding stays as it is during a run, so that registers may borrow its bytes instead of copying
// them (op_variable); sqlite3_clear_bindings() amid a run copies first what is still needed.

#include "api/api.h"
#include "vm/vm.h"
#include <string.h>

// --- binding ---

// The parameter, made NULL, with the connection entered; NULL (not entered, code in *rc) when it
// cannot be bound.
static Value *bind_enter(sqlite3_stmt *stmt, int index, int *rc)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL || vm->db == NULL) {
        *rc = error_misuse();
        return NULL;
    }
    api_enter(vm->db);
    Value *param = NULL;
    if (vm->state != VM_READY) {
        log_message(SQLITE_MISUSE, "bind on a busy prepared statement: [%s]", vm->sql);
        *rc = connection_error_plain(vm->db, error_misuse());
    } else {
        param = vm_param(vm, index);
        *rc = param != NULL ? SQLITE_OK : connection_error_plain(vm->db, SQLITE_RANGE);
    }
    if (param == NULL) {
        *rc = api_exit(vm->db, *rc);
        return NULL;
    }
    value_set_null(param);
    connection_error_clear(vm->db);
    if (vm->expire_mask != 0 && (vm->expire_mask & (index >= 31 ? 0x80000000u : 1u << index)) != 0)
        vm->expired = true;
    return param;
}

// An error is told without words of its own: the code says it.
static int bind_leave(sqlite3_stmt *stmt, int rc)
{
    ASSERT(stmt != NULL);

    Vm *vm = (Vm *)stmt;
    if (rc != SQLITE_OK)
        connection_error_plain(vm->db, rc);
    return api_exit(vm->db, rc);
}

// What was to be handed over is not wanted.
static void drop_bytes(const void *bytes, void (*destroy)(void *))
{
    if (destroy != SQLITE_STATIC && destroy != SQLITE_TRANSIENT)
        destroy((void *)bytes);
}

static int bind_bytes(sqlite3_stmt *stmt, int index, const void *bytes, u64 size, u8 encoding,
                      void (*destroy)(void *))
{
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    if (param == NULL) {
        drop_bytes(bytes, destroy);
        return rc;
    }
    if (bytes == NULL)
        return bind_leave(stmt, SQLITE_OK);
    if (encoding == 0) {
        rc = value_set_blob_destroy(param, bytes, size, destroy);
        param->encoding = ((Vm *)stmt)->db->encoding; // should it be read as text
    } else {
        rc = value_set_text_destroy(param, bytes, size, encoding, destroy);
        if (rc == SQLITE_OK)
            rc = value_change_encoding(param, ((Vm *)stmt)->db->encoding);
    }
    param->flags |= V_FROM_BIND;
    return bind_leave(stmt, rc);
}

int sqlite3_bind_blob(sqlite3_stmt *stmt, int index, const void *bytes, int size,
                      void (*destroy)(void *))
{
    if (size < 0)
        return error_misuse();
    return bind_bytes(stmt, index, bytes, (u64)size, 0, destroy);
}

int sqlite3_bind_blob64(sqlite3_stmt *stmt, int index, const void *bytes, sqlite3_uint64 size,
                        void (*destroy)(void *))
{
    return bind_bytes(stmt, index, bytes, size, 0, destroy);
}

int sqlite3_bind_text(sqlite3_stmt *stmt, int index, const char *text, int size,
                      void (*destroy)(void *))
{
    u64 length = text == NULL ? 0 : size < 0 ? strlen(text) : (u64)size;
    return bind_bytes(stmt, index, text, length, SQLITE_UTF8, destroy);
}

// Sizes of UTF-16 are in bytes; half a character is left out.
int sqlite3_bind_text64(sqlite3_stmt *stmt, int index, const char *text, sqlite3_uint64 size,
                        void (*destroy)(void *), unsigned char encoding)
{
    encoding = api_text_encoding(encoding);
    if (encoding != SQLITE_UTF8)
        size &= ~(sqlite3_uint64)1;
    return bind_bytes(stmt, index, text, size, encoding, destroy);
}

int sqlite3_bind_text16(sqlite3_stmt *stmt, int index, const void *text, int size,
                        void (*destroy)(void *))
{
    u64 length = text == NULL ? 0 : utf16_text_size(text, size);
    return bind_bytes(stmt, index, text, length, UTF16_NATIVE, destroy);
}

int sqlite3_bind_double(sqlite3_stmt *stmt, int index, double real)
{
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    if (param == NULL)
        return rc;
    value_set_f64(param, real);
    return bind_leave(stmt, SQLITE_OK);
}

int sqlite3_bind_int64(sqlite3_stmt *stmt, int index, sqlite3_int64 integer)
{
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    if (param == NULL)
        return rc;
    value_set_i64(param, integer);
    return bind_leave(stmt, SQLITE_OK);
}

int sqlite3_bind_int(sqlite3_stmt *stmt, int index, int integer)
{
    return sqlite3_bind_int64(stmt, index, integer);
}

int sqlite3_bind_null(sqlite3_stmt *stmt, int index)
{
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    return param == NULL ? rc : bind_leave(stmt, SQLITE_OK);
}

// SQL sees a NULL. Only who knows the tag gets at the pointer.
int sqlite3_bind_pointer(sqlite3_stmt *stmt, int index, void *pointer, const char *tag,
                         void (*destroy)(void *))
{
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    if (param == NULL) {
        if (destroy != NULL)
            destroy(pointer);
        return rc;
    }
    value_set_pointer(param, pointer, tag, destroy);
    return bind_leave(stmt, SQLITE_OK);
}

// A subtype does not travel: it belongs to the function result it was set on.
int sqlite3_bind_value(sqlite3_stmt *stmt, int index, const sqlite3_value *source)
{
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    if (param == NULL)
        return rc;
    rc = value_copy(param, source);
    if (rc == SQLITE_OK && (param->flags & V_TEXT) != 0)
        rc = value_change_encoding(param, ((Vm *)stmt)->db->encoding);
    param->flags &= (u16)~V_SUBTYPE;
    return bind_leave(stmt, rc);
}

int sqlite3_bind_zeroblob64(sqlite3_stmt *stmt, int index, sqlite3_uint64 size)
{
    const Vm *vm = (const Vm *)stmt;
    if (vm == NULL || vm->db == NULL)
        return error_misuse();
    // Told by the code alone, whatever the state of the statement: so does SQLite.
    if (size > (u64)vm->db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    int rc;
    Value *param = bind_enter(stmt, index, &rc);
    if (param == NULL)
        return rc;
    value_set_zeroblob(param, (u32)size);
    return bind_leave(stmt, SQLITE_OK);
}

int sqlite3_bind_zeroblob(sqlite3_stmt *stmt, int index, int size)
{
    return sqlite3_bind_zeroblob64(stmt, index, size < 0 ? 0 : (sqlite3_uint64)size);
}

int sqlite3_bind_parameter_count(sqlite3_stmt *stmt)
{
    const Vm *vm = (const Vm *)stmt;
    return vm != NULL ? vm->param_count : 0;
}

const char *sqlite3_bind_parameter_name(sqlite3_stmt *stmt, int index)
{
    const Vm *vm = (const Vm *)stmt;
    if (vm == NULL || index < 1 || index > vm->param_count || vm->param_names == NULL)
        return NULL;
    return vm->param_names[index - 1];
}

int sqlite3_bind_parameter_index(sqlite3_stmt *stmt, const char *name)
{
    const Vm *vm = (const Vm *)stmt;
    if (vm == NULL || name == NULL || vm->param_names == NULL)
        return 0;
    for (int i = 0; i < vm->param_count; i++) {
        if (vm->param_names[i] != NULL && strcmp(vm->param_names[i], name) == 0)
            return i + 1;
    }
    return 0;
}

int sqlite3_clear_bindings(sqlite3_stmt *stmt)
{
    Vm *vm = (Vm *)stmt;
    if (vm == NULL || vm->db == NULL)
        return error_misuse();
    api_enter(vm->db);
    int rc = vm->is_stepping ? error_misuse() : vm_clear_bindings(vm);
    return api_exit(vm->db, rc);
}

// Deprecated, and only between statements with as many parameters.
int sqlite3_transfer_bindings(sqlite3_stmt *from, sqlite3_stmt *to)
{
    Vm *source = (Vm *)from;
    Vm *target = (Vm *)to;
    if (source == NULL || target == NULL || source->param_count != target->param_count)
        return SQLITE_ERROR;
    if (source->db != target->db)
        return error_misuse();
    if (source == target)
        return sqlite3_clear_bindings(to); // what is moved onto itself is gone
    for (int i = 0; i < source->param_count; i++)
        value_move(&target->params[i], &source->params[i]);
    return SQLITE_OK;
}

// --- values ---

// What is asked of no value is answered as of a NULL.
static Value *given(sqlite3_value *v)
{
    static Value null_value = {.flags = V_NULL}; // a NULL is never changed by a conversion
    return v != NULL ? v : &null_value;
}

const void *sqlite3_value_blob(sqlite3_value *v)
{
    return value_blob(given(v));
}

double sqlite3_value_double(sqlite3_value *v)
{
    return value_f64(given(v));
}

int sqlite3_value_int(sqlite3_value *v)
{
    return (int)value_i64(given(v));
}

sqlite3_int64 sqlite3_value_int64(sqlite3_value *v)
{
    return value_i64(given(v));
}

const unsigned char *sqlite3_value_text(sqlite3_value *v)
{
    return value_text(given(v), SQLITE_UTF8);
}

const void *sqlite3_value_text16(sqlite3_value *v)
{
    return value_text(given(v), UTF16_NATIVE);
}

const void *sqlite3_value_text16le(sqlite3_value *v)
{
    return value_text(given(v), SQLITE_UTF16LE);
}

const void *sqlite3_value_text16be(sqlite3_value *v)
{
    return value_text(given(v), SQLITE_UTF16BE);
}

// Of a blob its size; of anything else that of its text, to which it is converted.
int sqlite3_value_bytes(sqlite3_value *v)
{
    v = given(v);
    if ((v->flags & V_BLOB) != 0)
        return (int)value_size(v);
    return (int)value_text_size(v, SQLITE_UTF8);
}

int sqlite3_value_bytes16(sqlite3_value *v)
{
    v = given(v);
    if ((v->flags & V_BLOB) != 0)
        return (int)value_size(v);
    return (int)value_text_size(v, UTF16_NATIVE);
}

int sqlite3_value_type(sqlite3_value *v)
{
    return value_type(given(v));
}

int sqlite3_value_numeric_type(sqlite3_value *v)
{
    return value_numeric_type(given(v));
}

int sqlite3_value_encoding(sqlite3_value *v)
{
    return given(v)->encoding;
}

unsigned int sqlite3_value_subtype(sqlite3_value *v)
{
    v = given(v);
    return (v->flags & V_SUBTYPE) != 0 ? v->subtype : 0;
}

// A pointer is a NULL with the subtype "p" and a tag that must agree by its text.
void *sqlite3_value_pointer(sqlite3_value *v, const char *tag)
{
    v = given(v);
    bool is_pointer = (v->flags & V_TYPE_MASK) == V_NULL && (v->flags & V_SUBTYPE) != 0
                      && v->subtype == 'p' && tag != NULL && v->u.pointer_tag != NULL;
    return is_pointer && strcmp(v->u.pointer_tag, tag) == 0 ? v->bytes : NULL;
}

int sqlite3_value_nochange(sqlite3_value *v)
{
    return value_is_no_change(given(v));
}

int sqlite3_value_frombind(sqlite3_value *v)
{
    return (given(v)->flags & V_FROM_BIND) != 0;
}

sqlite3_value *sqlite3_value_dup(const sqlite3_value *v)
{
    return v != NULL ? value_dup(v) : NULL;
}

void sqlite3_value_free(sqlite3_value *v)
{
    value_free(v);
}
