// Blobs to vectors and back. The forms are described in vector.h; nothing a blob says is believed.
#include "vector/vector.h"

#include <math.h>
#include <stdarg.h>

int vector_error(VectorError *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_vsnprintf((int)sizeof error->text, error->text, format, args);
    va_end(args);
    return SQLITE_ERROR;
}

const char *vector_type_name(VectorType type)
{
    switch (type) {
    case VECTOR_F32: return "float32";
    case VECTOR_F64: return "float64";
    case VECTOR_1BIT: return "float1bit";
    case VECTOR_8BIT: return "float8";
    case VECTOR_F16: return "float16";
    case VECTOR_BF16: return "floatb16";
    case VECTOR_SPARSE: return "float32_sparse";
    case VECTOR_I8: return "int8";
    case VECTOR_BIT: return "bit";
    }
    return "unknown";
}

static f32 read_f32(const u8 *at)
{
    f32 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static u32 read_u32(const u8 *at)
{
    u32 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static u16 read_u16(const u8 *at)
{
    u16 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static size_t align4(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

// --- decoding ---

static int decode_dense(VectorType type, size_t element_size, const u8 *blob, size_t size,
                        Vector *out, VectorError *error)
{
    if (size % element_size != 0)
        return vector_error(error, "%s dense vector unexpected data length: %llu",
                            type == VECTOR_F32   ? "f32"
                            : type == VECTOR_F64 ? "f64"
                                                 : vector_type_name(type),
                            (unsigned long long)size);
    size_t dims = size / element_size;
    *out = (Vector){.type = type, .data = blob, .dims = dims, .stored = dims};
    return SQLITE_OK;
}

// `size` counts everything but the tag, here and below.
static int decode_1bit(const u8 *blob, size_t size, Vector *out, VectorError *error)
{
    if (size < 1)
        return vector_error(error, "float1bit vector is too short");
    size_t trailing = blob[size - 1];
    // The trailing byte counts as eight bits; beyond it at most one pad byte and seven bits.
    if (trailing < 8 || trailing > 8 * size || trailing > 23)
        return vector_error(error, "float1bit vector has invalid trailing bits: %d", (int)trailing);
    size_t dims = 8 * size - trailing;
    *out = (Vector){.type = VECTOR_1BIT, .data = blob, .dims = dims, .stored = dims};
    return SQLITE_OK;
}

static int decode_8bit(const u8 *blob, size_t size, Vector *out, VectorError *error)
{
    if (size < 10 || (size - 10) % 4 != 0)
        return vector_error(error, "float8 vector unexpected data length: %llu",
                            (unsigned long long)size);
    size_t padded = size - 10;
    size_t trailing = blob[size - 1];
    if (trailing > 3 || trailing > padded)
        return vector_error(error, "float8 vector has invalid trailing bytes: %d", (int)trailing);
    *out = (Vector){.type = VECTOR_8BIT,
                    .data = blob,
                    .dims = padded - trailing,
                    .stored = padded - trailing,
                    .alpha = read_f32(blob + padded),
                    .shift = read_f32(blob + padded + 4)};
    return SQLITE_OK;
}

static int decode_sparse(const u8 *blob, size_t size, Vector *out, VectorError *error)
{
    if (size < 4 || (size - 4) % 8 != 0)
        return vector_error(error, "f32 sparse vector unexpected data length: %llu",
                            (unsigned long long)size);
    Vector sparse = {.type = VECTOR_SPARSE,
                     .data = blob,
                     .dims = read_u32(blob + size - 4),
                     .stored = (size - 4) / 8};
    for (size_t k = 0; k < sparse.stored; k++) {
        u32 index = sparse_index(&sparse, k);
        if (index >= sparse.dims)
            return vector_error(error, "f32 sparse vector index %u out of range for %llu dims",
                                index, (unsigned long long)sparse.dims);
        if (k > 0 && index <= sparse_index(&sparse, k - 1))
            return vector_error(error, "f32 sparse vector indices are not ascending");
    }
    *out = sparse;
    return SQLITE_OK;
}

int vector_decode(const u8 *blob, size_t size, Vector *out, VectorError *error)
{
    ASSERT(blob != NULL || size == 0);

    if (size % 2 == 0)
        return decode_dense(VECTOR_F32, sizeof(f32), blob, size, out, error);
    u8 tag = blob[--size];
    switch (tag) {
    case VECTOR_F32: return decode_dense(VECTOR_F32, sizeof(f32), blob, size, out, error);
    case VECTOR_F64: return decode_dense(VECTOR_F64, sizeof(f64), blob, size, out, error);
    case VECTOR_1BIT: return decode_1bit(blob, size, out, error);
    case VECTOR_8BIT: return decode_8bit(blob, size, out, error);
    case VECTOR_F16: return decode_dense(VECTOR_F16, sizeof(u16), blob, size, out, error);
    case VECTOR_BF16: return decode_dense(VECTOR_BF16, sizeof(u16), blob, size, out, error);
    case VECTOR_SPARSE: return decode_sparse(blob, size, out, error);
    default: return vector_error(error, "unknown vector type: %d", tag);
    }
}

// --- elements ---

f64 sparse_value(const Vector *vector, size_t k)
{
    ASSERT(k < vector->stored);

    return (f64)read_f32(vector->data + k * sizeof(f32));
}

u32 sparse_index(const Vector *vector, size_t k)
{
    ASSERT(k < vector->stored);

    return read_u32(vector->data + (vector->stored + k) * sizeof(u32));
}

f64 vector_element(const Vector *vector, size_t i)
{
    ASSERT(i < vector->dims);
    ASSERT(vector->type != VECTOR_SPARSE);

    const u8 *data = vector->data;
    f64 wide;
    switch (vector->type) {
    case VECTOR_F32: return (f64)read_f32(data + i * sizeof(f32));
    case VECTOR_F64: memcpy(&wide, data + i * sizeof wide, sizeof wide); return wide;
    case VECTOR_F16: return (f64)f16_to_f32(read_u16(data + i * sizeof(u16)));
    case VECTOR_BF16: return (f64)bf16_to_f32(read_u16(data + i * sizeof(u16)));
    case VECTOR_8BIT: return (f64)(vector->alpha * (f32)data[i] + vector->shift);
    case VECTOR_1BIT: return (data[i / 8] >> i % 8 & 1) != 0 ? 1 : -1;
    case VECTOR_I8: return (f64)(i8)data[i];
    case VECTOR_BIT: return (f64)(data[i / 8] >> i % 8 & 1);
    case VECTOR_SPARSE: break;
    }
    return 0;
}

void vector_to_f64(const Vector *vector, f64 *elements)
{
    ASSERT(elements != NULL || vector->dims == 0);

    if (vector->type != VECTOR_SPARSE) {
        for (size_t i = 0; i < vector->dims; i++)
            elements[i] = vector_element(vector, i);
        return;
    }
    for (size_t i = 0; i < vector->dims; i++)
        elements[i] = 0;
    for (size_t k = 0; k < vector->stored; k++)
        elements[sparse_index(vector, k)] = sparse_value(vector, k);
}

enum { ELEMENTS_MAX = 1 << 27 }; // a gigabyte of f64

int elements_of(const Vector *vector, size_t more, Elements *out, VectorError *error)
{
    ASSERT(out->values == NULL);

    if (vector->dims > ELEMENTS_MAX || more > ELEMENTS_MAX)
        return vector_error(error, "vector has too many dimensions: %llu",
                            (unsigned long long)vector->dims + more);
    size_t capacity = vector->dims + more;
    out->values = sqlite3_malloc64((capacity + 1) * sizeof *out->values);
    if (out->values == NULL)
        return SQLITE_NOMEM;
    out->capacity = capacity;
    out->count = vector->dims;
    vector_to_f64(vector, out->values);
    return SQLITE_OK;
}

int elements_push(Elements *elements, f64 value)
{
    ASSERT(elements->count <= elements->capacity);

    if (elements->count == elements->capacity) {
        size_t capacity = elements->capacity == 0 ? 64 : 2 * elements->capacity;
        f64 *values = sqlite3_realloc64(elements->values, capacity * sizeof *values);
        if (values == NULL)
            return SQLITE_NOMEM;
        elements->values = values;
        elements->capacity = capacity;
    }
    elements->values[elements->count++] = value;
    return SQLITE_OK;
}

void elements_deinit(Elements *elements)
{
    sqlite3_free(elements->values);
    *elements = (Elements){0};
}

// --- encoding ---

static size_t encoded_size(VectorType type, const f64 *values, size_t count)
{
    ASSERT(values != NULL || count == 0);

    size_t nonzero = 0;
    size_t bytes = (count + 7) / 8;
    switch (type) {
    case VECTOR_F32: return count * sizeof(f32);
    case VECTOR_F64: return count * sizeof(f64) + 1;
    case VECTOR_F16:
    case VECTOR_BF16: return count * sizeof(u16) + 1;
    case VECTOR_8BIT: return align4(count) + 11;
    case VECTOR_1BIT: return bytes + (bytes % 2 == 0 ? 1 : 0) + 2;
    case VECTOR_I8: return count;
    case VECTOR_BIT: return bytes;
    case VECTOR_SPARSE: break;
    }
    for (size_t i = 0; i < count; i++)
        nonzero += (f32)values[i] != 0 ? 1 : 0;
    return nonzero * 8 + 5;
}

static void encode_1bit(const f64 *values, size_t count, u8 *blob, size_t size)
{
    for (size_t i = 0; i < count; i++)
        blob[i / 8] |= (u8)((values[i] > 0 ? 1u : 0u) << i % 8);
    blob[size - 2] = (u8)(8 * (size - 1) - count);
}

// The range of the elements is cut into 255 steps; arithmetic in single precision, as readers do.
static void encode_8bit(const f64 *values, size_t count, u8 *blob)
{
    ASSERT(values != NULL || count == 0);

    f32 least = count > 0 ? (f32)values[0] : 0, greatest = least;
    for (size_t i = 1; i < count; i++) {
        least = fminf(least, (f32)values[i]);
        greatest = fmaxf(greatest, (f32)values[i]);
    }
    f32 alpha = (greatest - least) / 255.0f;
    for (size_t i = 0; i < count; i++) {
        f32 q = alpha > 0 ? ((f32)values[i] - least) / alpha + 0.5f : 0;
        blob[i] = q >= 255 ? 255 : q > 0 ? (u8)q : 0;
    }
    size_t padded = align4(count);
    memcpy(blob + padded, &alpha, sizeof alpha);
    memcpy(blob + padded + 4, &least, sizeof least);
    blob[padded + 9] = (u8)(padded - count);
}

static void encode_sparse(const f64 *values, size_t count, u8 *blob, size_t size)
{
    ASSERT(values != NULL || count == 0);

    size_t stored = (size - 5) / 8;
    size_t k = 0;
    for (size_t i = 0; i < count; i++) {
        f32 value = (f32)values[i];
        u32 index = (u32)i;
        if (value != 0) {
            memcpy(blob + 4 * k, &value, sizeof value);
            memcpy(blob + 4 * (stored + k), &index, sizeof index);
            k++;
        }
    }
    u32 dims = (u32)count;
    memcpy(blob + size - 5, &dims, sizeof dims);
}

static void encode_element(VectorType type, f64 value, u8 *blob, size_t i)
{
    f32 single = (f32)value;
    u16 half = type == VECTOR_F16 ? f32_to_f16(single) : f32_to_bf16(single);
    if (type == VECTOR_F32)
        memcpy(blob + i * sizeof single, &single, sizeof single);
    else if (type == VECTOR_F64)
        memcpy(blob + i * sizeof value, &value, sizeof value);
    else if (type == VECTOR_I8)
        blob[i] = (u8)(i8)value;
    else if (type == VECTOR_BIT)
        blob[i / 8] |= (u8)((value > 0 ? 1u : 0u) << i % 8);
    else
        memcpy(blob + i * sizeof half, &half, sizeof half);
}

int vector_encode(VectorType type, const f64 *values, size_t count, u8 **out, size_t *out_size)
{
    size_t size = encoded_size(type, values, count);
    u8 *blob = sqlite3_malloc64(size + 1);
    if (blob == NULL)
        return SQLITE_NOMEM;
    memset(blob, 0, size);

    if (type == VECTOR_1BIT)
        encode_1bit(values, count, blob, size);
    else if (type == VECTOR_8BIT)
        encode_8bit(values, count, blob);
    else if (type == VECTOR_SPARSE)
        encode_sparse(values, count, blob, size);
    else
        for (size_t i = 0; i < count; i++)
            encode_element(type, values[i], blob, i);
    if (type != VECTOR_F32 && type < VECTOR_I8)
        blob[size - 1] = (u8)type;
    *out = blob;
    *out_size = size;
    return SQLITE_OK;
}
