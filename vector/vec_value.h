#ifndef QUIRE_VECTOR_VEC_VALUE_H
#define QUIRE_VECTOR_VEC_VALUE_H
// The vectors of the vec_* functions: bare elements whose type is the subtype of the SQL value, and
// which are 32-bit floats where there is none.

#include "vector/vector.h"

enum {
    SUBTYPE_JSON = 74,
    SUBTYPE_F32 = 223,
    SUBTYPE_BIT = 224,
    SUBTYPE_I8 = 225,
};

typedef struct VecValue {
    Vector vector; // of type F32, I8 or BIT
    u8 *owned;     // its elements, when they were read from text
} VecValue;

// Reads an argument by its subtype, or as that type whatever the subtype.
MUST_USE int vec_value_read(sqlite3_value *arg, VecValue *out, VectorError *error);
MUST_USE int vec_value_read_as(sqlite3_value *arg, VectorType type, VecValue *out,
                               VectorError *error);
void vec_value_deinit(VecValue *value);

// Reads argument `index` without looking for NaN and infinity: for callers whose result shows them,
// and who then ask vec_value_check(). A text that is the same for every row is read once, so what
// is read must be given back by vec_argument_release().
MUST_USE int vec_argument_read(sqlite3_context *ctx, int index, sqlite3_value *arg, VecValue *out,
                               VectorError *error);
void vec_argument_release(sqlite3_context *ctx, int index, VecValue *value);
MUST_USE int vec_value_check(const VecValue *value, VectorError *error);

size_t vec_size(VectorType type, size_t dims); // in bytes
int vec_subtype(VectorType type);

#endif
