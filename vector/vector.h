#ifndef QUIRE_VECTOR_VECTOR_H
#define QUIRE_VECTOR_VECTOR_H
// A vector value: where its elements lie and how they are written.
//
// In the database a vector is a BLOB. Its form is that of libSQL and Turso: an even length means
// 32-bit floats and nothing else; an odd length, that the last byte names the type. All numbers are
// little-endian.
//
//     01  f32     D * f32, tag (the tag is read but never written)
//     02  f64     D * f64, tag
//     03  1-bit   ceil(D/8) bytes (element i is bit i%8 of byte i/8: 1 for +1, 0 for -1), a zero
//                 byte if these are even in number, u8 trailing, tag; 8 * (size - 1) - trailing = D
//     04  8-bit   D * u8 q, zeroes up to a multiple of 4, f32 alpha, f32 shift, a zero byte, u8
//                 number of those zeroes, tag; an element is alpha * q + shift
//     05  f16     D * IEEE half, tag
//     06  bf16    D * upper half of an f32, tag
//     09  sparse  n * f32, n * u32 ascending index, u32 D, tag
//
// The types without a tag exist in the vec_* functions only, which know them by the subtype of a
// value: i8 (one byte per element) and bit (eight elements per byte).
//
// A Vector borrows its elements from the SQL value or the buffer it was read from. They may lie at
// any address, so they are read by memcpy or by kernels.

#include "vector/kernel/kernel.h"
#include "vector/vector_api.h"

typedef enum VectorType {
    VECTOR_F32 = 1,
    VECTOR_F64 = 2,
    VECTOR_1BIT = 3,
    VECTOR_8BIT = 4,
    VECTOR_F16 = 5,
    VECTOR_BF16 = 6,
    VECTOR_SPARSE = 9,
    VECTOR_I8 = 32, // vec_* only
    VECTOR_BIT = 33,
} VectorType;

typedef struct Vector {
    VectorType type;
    const u8 *data; // elements; of a sparse vector the values, then the indices
    size_t dims;
    size_t stored;    // elements in data: dims, or of a sparse vector those that are not zero
    f32 alpha, shift; // 8-bit only
} Vector;

// Why an operation failed, as the user reads it.
typedef struct VectorError {
    char text[160];
} VectorError;

// Both return SQLITE_ERROR.
int vector_error(VectorError *error, const char *format, ...) PRINTF_LIKE(2, 3);
const char *vector_type_name(VectorType type);

// Reads a blob's form and checks all of it.
MUST_USE int vector_decode(const u8 *blob, size_t size, Vector *out, VectorError *error);

// Any element of a vector that is not sparse.
f64 vector_element(const Vector *vector, size_t i);
f64 sparse_value(const Vector *vector, size_t k);
u32 sparse_index(const Vector *vector, size_t k);
// All of them, zeroes included.
void vector_to_f64(const Vector *vector, f64 *elements);

// Elements on the way into a blob.
typedef struct Elements {
    f64 *values;
    size_t count, capacity;
} Elements;
// Room for those of a vector and `more`, and the vector's written into it. A sparse blob of a few
// bytes can claim four thousand million elements: beyond 2^27 this is an error.
MUST_USE int elements_of(const Vector *vector, size_t more, Elements *out, VectorError *error);
MUST_USE int elements_push(Elements *elements, f64 value);
void elements_deinit(Elements *elements);

// Writes `count` elements as a blob of that type (sqlite3_free). Fails for lack of memory only.
MUST_USE int vector_encode(VectorType type, const f64 *values, size_t count, u8 **blob,
                           size_t *size);

// Distances. HAMMING is for bits; the cosine of 1-bit vectors is their Hamming distance, too.
typedef enum Metric {
    METRIC_COSINE, // 1 - cos, 0..2; of dense vectors, zero is 1 away from others, 0 from itself
    METRIC_COSINE_OR_NULL, // the same, but not defined for a zero vector
    METRIC_L2,             // Euclidean
    METRIC_L2SQ,           // its square
    METRIC_DOT,            // the negated inner product, so that less is nearer
    METRIC_L1,             // sum of |a - b|
    METRIC_HAMMING,        // bits that differ
    METRIC_JACCARD,        // 1 - sum of least / sum of greatest
} Metric;

// *out is NaN where the distance is not defined (SQL's NULL), and infinite where a NaN among the
// elements, or the difference or product of infinities, leaves none: such a vector comes last in
// every order. Errors: dimensions or types differ,
// or the metric does not exist for the type.
MUST_USE int vector_distance(const VectorKernels *kernels, Metric metric, const Vector *a,
                             const Vector *b, f64 *out, VectorError *error);

// What the module adds to a connection.
MUST_USE int vector_functions_register(sqlite3 *db, const VectorKernels *kernels);
MUST_USE int vector_measures_register(sqlite3 *db, const VectorKernels *kernels);
MUST_USE int vector_aggregates_register(sqlite3 *db);
MUST_USE int vec_functions_register(sqlite3 *db, const VectorKernels *kernels);
MUST_USE int vec_each_register(sqlite3 *db);

typedef struct FunctionDef {
    const char *name;
    int arg_count;
    void (*call)(sqlite3_context *ctx, int arg_count, sqlite3_value **args);
} FunctionDef;
MUST_USE int function_table_register(sqlite3 *db, const FunctionDef *table, int count, int flags,
                                     const VectorKernels *kernels);

// Hands a failure to SQL.
void result_failure(sqlite3_context *ctx, int rc, const VectorError *error);

#endif
