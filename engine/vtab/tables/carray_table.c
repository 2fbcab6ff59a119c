// carray(array, count, type): an array of the program's as a table of one column.
//
// The array comes as a pointer, so that SQL text alone reaches no memory: either bound with
// sqlite3_bind_pointer() under the type "carray", with its count and type as further arguments, or
// by sqlite3_carray_bind(), which binds all three as one.
//
//   type          element
//   int32         int32_t, the type when none is given
//   int64         sqlite3_int64
//   double        double
//   char*         const char *, NULL for NULL
//   struct iovec  a blob
//
// Without a pointer, or with one of another type, the table is empty.
#include "vtab/tables/builtin_tables.h"

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum { COLUMN_VALUE, COLUMN_POINTER, COLUMN_COUNT, COLUMN_TYPE, ARGUMENTS = 3 };

// What xBestIndex tells xFilter: how many arguments there are, from the pointer on.
enum { PLAN_NOTHING, PLAN_BOUND, PLAN_COUNT, PLAN_TYPE };

// By their SQLITE_CARRAY_* numbers.
static const struct {
    const char *name;
    size_t size;
} types[] = {{"int32", sizeof(int32_t)},
             {"int64", sizeof(sqlite3_int64)},
             {"double", sizeof(double)},
             {"char*", sizeof(char *)},
             {"struct iovec", sizeof(struct iovec)}};
enum { TYPES = sizeof types / sizeof types[0] };

static const char bound_tag[] = "carray-bind";

// --- binding ---

// What sqlite3_carray_bind() binds: freed by the binding, when another value takes its place or
// the statement ends.
typedef struct BoundArray {
    const void *data;
    int count, type;
    void (*destroy)(void *); // NULL: the program keeps it alive
    void *destroy_arg;
} BoundArray;

// sqlite3_bind_pointer()'s destructor.
static void bound_free(void *pointer)
{
    ASSERT(pointer != NULL);

    BoundArray *bound = pointer;
    if (bound->destroy != NULL)
        bound->destroy(bound->destroy_arg);
    sqlite3_free(bound);
}

// What element i points to: of a text with its NUL, which the copy needs too.
static const void *element_bytes(const void *data, int type, int i, size_t *size)
{
    ASSERT(type == SQLITE_CARRAY_TEXT || type == SQLITE_CARRAY_BLOB);
    ASSERT(i >= 0 && size != NULL);

    if (type == SQLITE_CARRAY_TEXT) {
        const char *text = ((const char *const *)data)[i];
        *size = text != NULL ? strlen(text) + 1 : 0;
        return text;
    }
    const struct iovec *piece = &((const struct iovec *)data)[i];
    *size = piece->iov_len;
    return piece->iov_base;
}

// Elements that are not their own bytes.
static bool has_pointers(int type)
{
    ASSERT(type >= 0 && type < TYPES);

    return type == SQLITE_CARRAY_TEXT || type == SQLITE_CARRAY_BLOB;
}

// The elements, and behind them what they point to.
static size_t copy_size(const void *data, int count, int type)
{
    ASSERT(count >= 0);
    ASSERT(type >= 0 && type < TYPES);

    size_t size = (size_t)count * types[type].size;
    size_t more;
    for (int i = 0; has_pointers(type) && i < count; i++) {
        (void)element_bytes(data, type, i, &more);
        size += more;
    }
    return size;
}

// The copy's pointers still lead to the original's bytes; they are turned to its own, one behind
// the other in the order of the elements.
static void copy_pointed(const void *data, int count, int type, void *copy)
{
    ASSERT(has_pointers(type));
    ASSERT(copy != NULL);

    char *at = (char *)copy + (size_t)count * types[type].size;
    for (int i = 0; i < count; i++) {
        size_t size;
        const void *bytes = element_bytes(data, type, i, &size);
        if (bytes == NULL)
            continue;
        memcpy(at, bytes, size);
        if (type == SQLITE_CARRAY_TEXT)
            ((const char **)copy)[i] = at;
        else
            ((struct iovec *)copy)[i].iov_base = at;
        at += size;
    }
}

// NULL: no memory.
static void *copy_array(const void *data, int count, int type)
{
    ASSERT(type >= 0 && type < TYPES);
    ASSERT(data != NULL || count == 0);

    size_t size = copy_size(data, count, type);
    void *copy = sqlite3_malloc64(size > 0 ? size : 1);
    if (copy == NULL || count == 0)
        return copy;
    memcpy(copy, data, (size_t)count * types[type].size);
    if (has_pointers(type))
        copy_pointed(data, count, type, copy);
    return copy;
}

// With SQLITE_TRANSIENT everything is copied, also what elements point to.
static BoundArray *bound_new(void *data, int count, int type, void (*destroy)(void *),
                             void *destroy_arg)
{
    ASSERT(count >= 0);
    ASSERT(type >= 0 && type < TYPES);

    BoundArray *bound = sqlite3_malloc(sizeof *bound);
    if (bound == NULL)
        return NULL;
    *bound = (BoundArray){data, count, type, destroy, destroy_arg};
    if (destroy != SQLITE_TRANSIENT)
        return bound;
    bound->destroy = sqlite3_free;
    bound->destroy_arg = copy_array(data, count, type);
    bound->data = bound->destroy_arg;
    if (bound->data != NULL)
        return bound;
    sqlite3_free(bound);
    return NULL;
}

// The destructor is called in any case, as for sqlite3_bind_blob().
int sqlite3_carray_bind_v2(sqlite3_stmt *stmt, int index, void *data, int count, int type,
                           void (*destroy)(void *), void *destroy_arg) // wide: SQLite's signature
{
    bool is_sound = stmt != NULL && count >= 0 && type >= 0 && type < TYPES;
    count = data != NULL ? count : 0;
    BoundArray *bound = is_sound ? bound_new(data, count, type, destroy, destroy_arg) : NULL;
    if (bound != NULL) // which frees it when it fails
        return sqlite3_bind_pointer(stmt, index, bound, bound_tag, bound_free);
    if (destroy != SQLITE_STATIC && destroy != SQLITE_TRANSIENT)
        destroy(destroy_arg);
    return is_sound ? SQLITE_NOMEM : stmt != NULL ? SQLITE_ERROR : SQLITE_MISUSE;
}

int sqlite3_carray_bind(sqlite3_stmt *stmt, int index, void *data, int count, int type,
                        void (*destroy)(void *))
{
    return sqlite3_carray_bind_v2(stmt, index, data, count, type, destroy, data);
}

// --- the table ---

typedef struct ArrayCursor {
    sqlite3_vtab_cursor base;
    const void *data;
    int type;
    sqlite3_int64 count, index;
} ArrayCursor;

// Not innocuous: a schema of strangers' must not get at a program's pointers.
static int array_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    ASSERT(out != NULL);

    (void)client_data, (void)arg_count, (void)args, (void)message;
    int rc =
        sqlite3_declare_vtab(db, "CREATE TABLE x(value,pointer hidden,count hidden,ctype hidden)");
    if (rc != SQLITE_OK)
        return rc;
    *out = sqlite3_malloc(sizeof **out);
    if (*out == NULL)
        return SQLITE_NOMEM;
    **out = (sqlite3_vtab){0};
    return SQLITE_OK;
}

static int array_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);

    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int array_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    ASSERT(out != NULL);

    (void)vtab;
    ArrayCursor *cur = sqlite3_malloc(sizeof *cur);
    if (cur == NULL)
        return SQLITE_NOMEM;
    *cur = (ArrayCursor){.count = 0};
    *out = &cur->base;
    return SQLITE_OK;
}

static int array_close(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    sqlite3_free(base);
    return SQLITE_OK;
}

// at[k]: the constraint that gives argument k, -1 for none. False: one of them is not known yet.
static bool find_arguments(const sqlite3_index_info *info, int at[ARGUMENTS])
{
    ASSERT(info->nConstraint >= 0);

    for (int k = 0; k < ARGUMENTS; k++)
        at[k] = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        if (column < COLUMN_POINTER || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable)
            return false;
        at[column - COLUMN_POINTER] = i;
    }
    return true;
}

// Arguments count from the first on without a gap: a count without a pointer says nothing.
static int array_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    int at[ARGUMENTS];
    (void)vtab;
    if (!find_arguments(info, at))
        return SQLITE_CONSTRAINT;
    info->idxNum = PLAN_NOTHING;
    for (int k = 0; k < ARGUMENTS && at[k] >= 0; k++) {
        info->aConstraintUsage[at[k]].argvIndex = ++info->idxNum;
        info->aConstraintUsage[at[k]].omit = 1;
    }
    // Without an array the table is empty, but a plan that has one must win: so the most there is.
    info->estimatedCost = info->idxNum == PLAN_NOTHING ? 2147483647.0 : 1.0;
    info->estimatedRows = info->idxNum == PLAN_NOTHING ? 2147483647 : 100;
    return SQLITE_OK;
}

// By SQLITE_CARRAY_* number in *out; a message is left on the table for what has none.
static int find_type(sqlite3_vtab *vtab, const char *name, int *out)
{
    ASSERT(out != NULL);

    for (*out = 0; *out < TYPES; ++*out) {
        if (name != NULL && sqlite3_stricmp(name, types[*out].name) == 0)
            return SQLITE_OK;
    }
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("unknown datatype: %Q", name);
    return vtab->zErrMsg == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

// What is no array of the right tag gives no rows.
static int array_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                        sqlite3_value **args)
{
    ASSERT(plan >= PLAN_NOTHING && plan <= PLAN_TYPE);

    ArrayCursor *cur = (ArrayCursor *)base;
    (void)text;
    ASSERT(plan == count);

    cur->data = NULL;
    cur->count = cur->index = 0;
    cur->type = SQLITE_CARRAY_INT32;
    if (plan == PLAN_BOUND) {
        // The tags keep the two kinds apart: a bare array under the wrong one would be read as a
        // BoundArray.
        const BoundArray *bound = sqlite3_value_pointer(args[0], bound_tag);
        if (bound == NULL)
            return SQLITE_OK;
        cur->data = bound->data;
        cur->count = bound->data != NULL ? bound->count : 0;
        cur->type = bound->type;
    } else if (plan != PLAN_NOTHING) {
        cur->data = sqlite3_value_pointer(args[0], "carray");
        cur->count = cur->data != NULL ? sqlite3_value_int64(args[1]) : 0;
        if (plan == PLAN_TYPE)
            return find_type(base->pVtab, (const char *)sqlite3_value_text(args[2]), &cur->type);
    }
    return SQLITE_OK;
}

// The array is read where it lies, and must not change meanwhile.
static int array_next(sqlite3_vtab_cursor *base)
{
    ASSERT(((const ArrayCursor *)base)->index < ((const ArrayCursor *)base)->count);

    ((ArrayCursor *)base)->index++;
    return SQLITE_OK;
}

static int array_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    const ArrayCursor *cur = (const ArrayCursor *)base;
    return cur->index >= cur->count;
}

// Texts and blobs are copied: the program may free its array when the statement is reset.
static void give_element(const ArrayCursor *cur, sqlite3_context *call)
{
    ASSERT(cur->index < cur->count);
    ASSERT(cur->data != NULL);

    const struct iovec *piece;
    switch (cur->type) {
    case SQLITE_CARRAY_INT32:
        sqlite3_result_int(call, ((const int32_t *)cur->data)[cur->index]);
        return;
    case SQLITE_CARRAY_INT64:
        sqlite3_result_int64(call, ((const sqlite3_int64 *)cur->data)[cur->index]);
        return;
    case SQLITE_CARRAY_DOUBLE:
        sqlite3_result_double(call, ((const double *)cur->data)[cur->index]);
        return;
    case SQLITE_CARRAY_TEXT:
        sqlite3_result_text(call, ((const char *const *)cur->data)[cur->index], -1,
                            SQLITE_TRANSIENT);
        return;
    default:
        piece = &((const struct iovec *)cur->data)[cur->index];
        sqlite3_result_blob64(call, piece->iov_base, piece->iov_len, SQLITE_TRANSIENT);
    }
}

// The pointer itself is shown to nobody.
static int array_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= COLUMN_VALUE && column <= COLUMN_TYPE);

    const ArrayCursor *cur = (const ArrayCursor *)base;
    switch (column) {
    case COLUMN_VALUE: give_element(cur, call); break;
    case COLUMN_COUNT: sqlite3_result_int64(call, cur->count); break;
    case COLUMN_TYPE: sqlite3_result_text(call, types[cur->type].name, -1, SQLITE_STATIC); break;
    default: break;
    }
    return SQLITE_OK;
}

// The place from 1.
static int array_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(((const ArrayCursor *)base)->index < ((const ArrayCursor *)base)->count);

    *out = ((const ArrayCursor *)base)->index + 1;
    return SQLITE_OK;
}

static const sqlite3_module array_module = {
    .xConnect = array_connect,
    .xBestIndex = array_best_index,
    .xDisconnect = array_disconnect,
    .xOpen = array_open,
    .xClose = array_close,
    .xFilter = array_filter,
    .xNext = array_next,
    .xEof = array_eof,
    .xColumn = array_column,
    .xRowid = array_rowid,
};

int carray_table_register(sqlite3 *db)
{
    ASSERT(db != NULL);

    return sqlite3_create_module_v2(db, "carray", &array_module, NULL, NULL);
}
