// Arguments of the vec_* functions.
#include "vector/vec_value.h"
#include "vector/vector_text.h"

size_t vec_size(VectorType type, size_t dims)
{
    return type == VECTOR_F32 ? dims * sizeof(f32) : type == VECTOR_I8 ? dims : dims / 8;
}

int vec_subtype(VectorType type)
{
    return type == VECTOR_F32 ? SUBTYPE_F32 : type == VECTOR_I8 ? SUBTYPE_I8 : SUBTYPE_BIT;
}

int vec_value_check(const VecValue *value, VectorError *error)
{
    const Vector *vector = &value->vector;
    for (size_t i = 0; vector->type == VECTOR_F32 && i < vector->dims; i++) {
        u32 bits;
        memcpy(&bits, vector->data + i * sizeof bits, sizeof bits);
        if ((bits & 0x7f800000) == 0x7f800000)
            return vector_error(error, "invalid float32 vector: element %llu is %s",
                                (unsigned long long)i, (bits & 0x7fffff) != 0 ? "NaN" : "Inf");
    }
    return SQLITE_OK;
}

static int read_blob(sqlite3_value *arg, VectorType type, VecValue *out, VectorError *error)
{
    const u8 *blob = sqlite3_value_blob(arg);
    size_t size = (size_t)sqlite3_value_bytes(arg);
    if (size == 0)
        return vector_error(error, "zero-length vectors are not supported.");
    if (blob == NULL)
        return SQLITE_NOMEM;
    if (type == VECTOR_F32 && size % sizeof(f32) != 0)
        return vector_error(error,
                            "invalid float32 vector BLOB length. Must be divisible by %d, found %d",
                            (int)sizeof(f32), (int)size);
    size_t dims = type == VECTOR_F32 ? size / sizeof(f32) : type == VECTOR_I8 ? size : size * 8;
    out->vector = (Vector){.type = type, .data = blob, .dims = dims, .stored = dims};
    return SQLITE_OK;
}

static int read_text(sqlite3_value *arg, VectorType type, VecValue *out, VectorError *error)
{
    if (type == VECTOR_BIT)
        return vector_error(error, "Unknown type for bitvector.");
    const char *text = (const char *)sqlite3_value_text(arg);
    if (text == NULL)
        return SQLITE_NOMEM;
    Elements elements = {0};
    size_t size;
    int rc = type == VECTOR_F32 ? vec_parse(text, &elements, error)
                                : vec_parse_int8(text, &elements, error);
    if (rc == SQLITE_OK)
        rc = vector_encode(type, elements.values, elements.count, &out->owned, &size);
    size_t dims = elements.count;
    elements_deinit(&elements);
    if (rc != SQLITE_OK)
        return rc;
    out->vector = (Vector){.type = type, .data = out->owned, .dims = dims, .stored = dims};
    return SQLITE_OK;
}

static const char *storage_class_name(int type)
{
    return type == SQLITE_INTEGER ? "INTEGER" : type == SQLITE_FLOAT ? "FLOAT" : "NULL";
}

static int read_unchecked(sqlite3_value *arg, VectorType type, VecValue *out, VectorError *error)
{
    int storage = sqlite3_value_type(arg);
    out->owned = NULL;
    if (storage == SQLITE_BLOB)
        return read_blob(arg, type, out, error);
    if (storage == SQLITE_TEXT)
        return read_text(arg, type, out, error);
    return vector_error(error,
                        "Input must have type BLOB (compact format) or TEXT (JSON), found %s",
                        storage_class_name(storage));
}

int vec_value_read_as(sqlite3_value *arg, VectorType type, VecValue *out, VectorError *error)
{
    TRY(read_unchecked(arg, type, out, error));
    int rc = vec_value_check(out, error);
    if (rc != SQLITE_OK)
        vec_value_deinit(out);
    return rc;
}

static VectorType type_of_subtype(sqlite3_value *arg)
{
    unsigned subtype = sqlite3_value_subtype(arg);
    return subtype == SUBTYPE_I8 ? VECTOR_I8 : subtype == SUBTYPE_BIT ? VECTOR_BIT : VECTOR_F32;
}

int vec_value_read(sqlite3_value *arg, VecValue *out, VectorError *error)
{
    return vec_value_read_as(arg, type_of_subtype(arg), out, error);
}

void vec_value_deinit(VecValue *value)
{
    sqlite3_free(value->owned);
    value->owned = NULL;
}

// --- arguments that stay the same from row to row ---

static void kept_free(void *object)
{
    vec_value_deinit(object);
    sqlite3_free(object);
}

int vec_argument_read(sqlite3_context *ctx, int index, sqlite3_value *arg, VecValue *out,
                      VectorError *error)
{
    ASSERT(index >= 0);

    if (sqlite3_value_type(arg) == SQLITE_TEXT) {
        const VecValue *kept = sqlite3_get_auxdata(ctx, index);
        if (kept != NULL) {
            *out = (VecValue){.vector = kept->vector, .owned = NULL};
            return SQLITE_OK;
        }
    }
    return read_unchecked(arg, type_of_subtype(arg), out, error);
}

void vec_argument_release(sqlite3_context *ctx, int index, VecValue *value)
{
    ASSERT(index >= 0);

    if (value->owned == NULL)
        return; // borrowed from the argument or from what is kept already
    VecValue *kept = sqlite3_malloc64(sizeof *kept);
    if (kept == NULL) {
        vec_value_deinit(value);
        return; // it will be read again
    }
    *kept = *value;
    value->owned = NULL;
    sqlite3_set_auxdata(ctx, index, kept, kept_free);
}
