// The SQL functions of sqlite-vec: vec_f32(), vec_distance_l2(), vec_slice() and so on.
//
// Texts of errors are that extension's, misspellings included: programs compare them.
#include "vector/vec_value.h"

#include <math.h>

#ifndef SQLITE_RESULT_SUBTYPE
#    define SQLITE_RESULT_SUBTYPE 0x001000000 // unknown to headers before 3.45, ignored there
#endif

static void result_vec(sqlite3_context *ctx, VectorType type, u8 *elements, size_t dims)
{
    sqlite3_result_blob64(ctx, elements, vec_size(type, dims), sqlite3_free);
    sqlite3_result_subtype(ctx, (unsigned)vec_subtype(type));
}

// --- constructors ---

static void construct(sqlite3_context *ctx, sqlite3_value *arg, VectorType type)
{
    VectorError error;
    VecValue value = {.owned = NULL};
    int rc = vec_value_read_as(arg, type, &value, &error);
    if (rc != SQLITE_OK) {
        result_failure(ctx, rc, &error);
    } else if (value.owned != NULL) {
        result_vec(ctx, type, value.owned, value.vector.dims);
    } else {
        sqlite3_result_value(ctx, arg);
        sqlite3_result_subtype(ctx, (unsigned)vec_subtype(type));
    }
}

static void fn_f32(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_F32);
}

static void fn_int8(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_I8);
}

static void fn_bit(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_BIT);
}

// --- properties ---

static void result_json(sqlite3_context *ctx, const Vector *vector)
{
    sqlite3_str *out = sqlite3_str_new(sqlite3_context_db_handle(ctx));
    sqlite3_str_appendchar(out, 1, '[');
    for (size_t i = 0; i < vector->dims && sqlite3_str_errcode(out) == SQLITE_OK; i++) {
        f64 value = vector_element(vector, i);
        if (i > 0)
            sqlite3_str_appendchar(out, 1, ',');
        if (vector->type == VECTOR_F32)
            sqlite3_str_appendf(out, "%f", value);
        else
            sqlite3_str_appendf(out, "%d", (int)value);
    }
    sqlite3_str_appendchar(out, 1, ']');
    int rc = sqlite3_str_errcode(out);
    char *text = sqlite3_str_finish(out);
    if (rc != SQLITE_OK || text == NULL) {
        sqlite3_free(text);
        sqlite3_result_error_code(ctx, rc == SQLITE_OK ? SQLITE_NOMEM : rc);
        return;
    }
    sqlite3_result_text(ctx, text, -1, sqlite3_free);
    sqlite3_result_subtype(ctx, SUBTYPE_JSON);
}

static void result_type(sqlite3_context *ctx, const Vector *vector)
{
    sqlite3_result_text(ctx, vector_type_name(vector->type), -1, SQLITE_STATIC);
}

static void result_length(sqlite3_context *ctx, const Vector *vector)
{
    sqlite3_result_int64(ctx, (i64)vector->dims);
}

static void unary_call(sqlite3_context *ctx, sqlite3_value *arg,
                       void (*result)(sqlite3_context *ctx, const Vector *vector))
{
    VectorError error;
    VecValue value = {.owned = NULL};
    int rc = vec_value_read(arg, &value, &error);
    if (rc != SQLITE_OK)
        result_failure(ctx, rc, &error);
    else
        result(ctx, &value.vector);
    vec_value_deinit(&value);
}

static void fn_to_json(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    unary_call(ctx, args[0], result_json);
}

static void fn_type(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    unary_call(ctx, args[0], result_type);
}

static void fn_length(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    unary_call(ctx, args[0], result_length);
}

// --- two vectors ---

typedef struct VecPair {
    VecValue a, b;
} VecPair;

static int pair_read(sqlite3_context *ctx, sqlite3_value **args, VecPair *pair, VectorError *error)
{
    TRY(vec_argument_read(ctx, 0, args[0], &pair->a, error));
    TRY(vec_argument_read(ctx, 1, args[1], &pair->b, error));
    const Vector *a = &pair->a.vector;
    const Vector *b = &pair->b.vector;
    if (a->type != b->type)
        return vector_error(
            error, "Vector type mistmatch. First vector has type %s, while the second has type %s.",
            vector_type_name(a->type), vector_type_name(b->type));
    if (a->dims != b->dims)
        return vector_error(error,
                            "Vector dimension mistmatch. First vector has %llu dimensions, while "
                            "the second has %llu dimensions.",
                            (unsigned long long)a->dims, (unsigned long long)b->dims);
    return SQLITE_OK;
}

static int pair_check(const VecPair *pair, VectorError *error)
{
    TRY(vec_value_check(&pair->a, error));
    return vec_value_check(&pair->b, error);
}

static void pair_release(sqlite3_context *ctx, VecPair *pair)
{
    vec_argument_release(ctx, 0, &pair->a);
    vec_argument_release(ctx, 1, &pair->b);
}

static int check_metric(const char *name, Metric metric, VectorType type, VectorError *error)
{
    ASSERT(name != NULL);

    if (metric == METRIC_HAMMING && type != VECTOR_BIT)
        return vector_error(error, "Cannot calculate hamming distance between two %s vectors.",
                            vector_type_name(type));
    if (metric != METRIC_HAMMING && type == VECTOR_BIT)
        return vector_error(error, "Cannot calculate %s distance between two bitvectors.", name);
    return SQLITE_OK;
}

static void distance_call(sqlite3_context *ctx, sqlite3_value **args, Metric metric,
                          const char *name)
{
    ASSERT(name != NULL);

    VectorError error;
    VecPair pair = {{.owned = NULL}, {.owned = NULL}};
    f64 distance = 0;
    int rc = pair_read(ctx, args, &pair, &error);
    if (rc == SQLITE_OK)
        rc = check_metric(name, metric, pair.a.vector.type, &error);
    if (rc == SQLITE_OK)
        rc = vector_distance(sqlite3_user_data(ctx), metric, &pair.a.vector, &pair.b.vector,
                             &distance, &error);
    // An element that is not finite leaves no finite distance: no need to look before.
    if (rc == SQLITE_OK && !isfinite(distance))
        rc = pair_check(&pair, &error);
    if (rc != SQLITE_OK)
        result_failure(ctx, rc, &error);
    else if (metric == METRIC_L1 && pair.a.vector.type == VECTOR_I8)
        sqlite3_result_int64(ctx, (i64)distance);
    else
        sqlite3_result_double(ctx, distance); // NaN becomes NULL
    pair_release(ctx, &pair);
}

static void fn_distance_l2(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_L2, "L2");
}

static void fn_distance_l1(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_L1, "L1");
}

static void fn_distance_cosine(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_COSINE_OR_NULL, "cosine");
}

static void fn_distance_hamming(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_HAMMING, "hamming");
}

// Element by element; int8 wraps around.
static u8 *combine(const Vector *a, const Vector *b, int sign)
{
    ASSERT(sign == 1 || sign == -1);

    u8 *out = sqlite3_malloc64(vec_size(a->type, a->dims));
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < a->dims; i++) {
        if (a->type == VECTOR_I8) {
            out[i] = (u8)(a->data[i] + sign * b->data[i]);
            continue;
        }
        f32 a_i, b_i;
        memcpy(&a_i, a->data + i * sizeof a_i, sizeof a_i);
        memcpy(&b_i, b->data + i * sizeof b_i, sizeof b_i);
        f32 sum = sign > 0 ? a_i + b_i : a_i - b_i;
        memcpy(out + i * sizeof sum, &sum, sizeof sum);
    }
    return out;
}

static void combine_call(sqlite3_context *ctx, sqlite3_value **args, int sign)
{
    VectorError error;
    VecPair pair = {{.owned = NULL}, {.owned = NULL}};
    u8 *out = NULL;
    int rc = pair_read(ctx, args, &pair, &error);
    const Vector *a = &pair.a.vector;
    if (rc == SQLITE_OK)
        rc = pair_check(&pair, &error);
    if (rc == SQLITE_OK && a->type == VECTOR_BIT)
        rc = vector_error(&error, "Cannot %s two bitvectors together.",
                          sign > 0 ? "add" : "subtract");
    if (rc == SQLITE_OK) {
        out = combine(a, &pair.b.vector, sign);
        rc = out == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (rc == SQLITE_OK)
        result_vec(ctx, a->type, out, a->dims);
    else
        result_failure(ctx, rc, &error);
    pair_release(ctx, &pair);
}

static void fn_add(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    combine_call(ctx, args, 1);
}

static void fn_sub(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    combine_call(ctx, args, -1);
}

// --- vec_slice ---

static int slice_bounds(sqlite3_value **args, const Vector *vector, size_t *start, size_t *end,
                        VectorError *error)
{
    i64 from = sqlite3_value_int64(args[1]);
    i64 to = sqlite3_value_int64(args[2]);
    i64 dims = (i64)vector->dims;
    if (from < 0)
        return vector_error(error, "slice 'start' index must be a postive number.");
    if (to < 0)
        return vector_error(error, "slice 'end' index must be a postive number.");
    if (from > dims)
        return vector_error(error, "slice 'start' index is greater than the number of dimensions");
    if (to > dims)
        return vector_error(error, "slice 'end' index is greater than the number of dimensions");
    if (from > to)
        return vector_error(error, "slice 'start' index is greater than 'end' index");
    if (from == to)
        return vector_error(error, "slice 'start' index is equal to the 'end' index, "
                                   "vectors must have non-zero length");
    if (vector->type == VECTOR_BIT && from % 8 != 0)
        return vector_error(error, "start index must be divisible by 8.");
    if (vector->type == VECTOR_BIT && to % 8 != 0)
        return vector_error(error, "end index must be divisible by 8.");
    *start = (size_t)from;
    *end = (size_t)to;
    return SQLITE_OK;
}

static void fn_slice(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 3);
    VectorError error;
    VecValue value = {.owned = NULL};
    size_t start = 0, end = 0;
    int rc = vec_value_read(args[0], &value, &error);
    if (rc == SQLITE_OK)
        rc = slice_bounds(args, &value.vector, &start, &end, &error);
    if (rc != SQLITE_OK) {
        result_failure(ctx, rc, &error);
    } else {
        VectorType type = value.vector.type;
        sqlite3_result_blob64(ctx, value.vector.data + vec_size(type, start),
                              vec_size(type, end - start), SQLITE_TRANSIENT);
        sqlite3_result_subtype(ctx, (unsigned)vec_subtype(type));
    }
    vec_value_deinit(&value);
}

// --- vec_normalize and the quantisers ---

// A zero vector has no direction and stays as it is.
static int normalize(const Vector *vector, Elements *out, VectorType *type, VectorError *error)
{
    if (vector->type != VECTOR_F32)
        return vector_error(error, "only float32 vectors are supported for vec_normalize()");
    f64 square = 0;
    for (size_t i = 0; i < vector->dims; i++)
        square += out->values[i] * out->values[i];
    for (size_t i = 0; square > 0 && i < vector->dims; i++)
        out->values[i] /= sqrt(square);
    *type = VECTOR_F32;
    return SQLITE_OK;
}

static int quantize_binary(const Vector *vector, Elements *out, VectorType *type,
                           VectorError *error)
{
    (void)out; // positive elements become ones in the encoder
    if (vector->type == VECTOR_BIT)
        return vector_error(error, "Can only binary quantize float or int8 vectors");
    if (vector->dims % 8 != 0)
        return vector_error(error,
                            "Binary quantization requires vectors with a length divisible by 8");
    *type = VECTOR_BIT;
    return SQLITE_OK;
}

// -1..1 in 255 steps, cut towards zero.
static int quantize_int8(const Vector *vector, Elements *out, VectorType *type, VectorError *error)
{
    if (vector->type != VECTOR_F32)
        return vector_error(error, "Can only int8 quantize float vectors");
    const f32 step = 2.0f / 255.0f;
    for (size_t i = 0; i < vector->dims; i++) {
        f32 scaled = ((f32)out->values[i] + 1.0f) / step - 128.0f;
        out->values[i] = scaled > 127 ? 127 : scaled < -128 ? -128 : trunc((f64)scaled);
    }
    *type = VECTOR_I8;
    return SQLITE_OK;
}

typedef int Transform(const Vector *vector, Elements *out, VectorType *type, VectorError *error);

static int transform(Transform *change, const Vector *vector, VectorType *type, u8 **blob,
                     VectorError *error)
{
    size_t size;
    Elements elements = {.values = sqlite3_malloc64((vector->dims + 1) * sizeof(f64)),
                         .count = vector->dims};
    if (elements.values == NULL)
        return SQLITE_NOMEM;
    vector_to_f64(vector, elements.values);
    int rc = change(vector, &elements, type, error);
    if (rc == SQLITE_OK)
        rc = vector_encode(*type, elements.values, elements.count, blob, &size);
    elements_deinit(&elements);
    return rc;
}

static void transform_call(sqlite3_context *ctx, sqlite3_value *arg, Transform *change)
{
    VectorError error;
    VecValue value = {.owned = NULL};
    VectorType type = VECTOR_F32;
    u8 *blob = NULL;
    int rc = vec_value_read(arg, &value, &error);
    if (rc == SQLITE_OK)
        rc = transform(change, &value.vector, &type, &blob, &error);
    if (rc == SQLITE_OK)
        result_vec(ctx, type, blob, value.vector.dims);
    else
        result_failure(ctx, rc, &error);
    vec_value_deinit(&value);
}

static void fn_normalize(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    transform_call(ctx, args[0], normalize);
}

static void fn_quantize_binary(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    transform_call(ctx, args[0], quantize_binary);
}

static void fn_quantize_int8(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    ASSERT(count == 2);
    const char *range = count > 1 ? (const char *)sqlite3_value_text(args[1]) : "unit";
    if (range == NULL || sqlite3_stricmp(range, "unit") != 0)
        sqlite3_result_error(ctx, "2nd argument to vec_quantize_int8() must be 'unit'.", -1);
    else
        transform_call(ctx, args[0], quantize_int8);
}

// --- vec_version, vec_debug ---

static void fn_version(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count, (void)args;
    ASSERT(count == 0);
    sqlite3_result_text(ctx, "v0.1.9", -1, SQLITE_STATIC); // whose interface this is
}

static void fn_debug(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count, (void)args;
    ASSERT(count == 0);
    const VectorKernels *kernels = sqlite3_user_data(ctx);
    char text[80];
    sqlite3_snprintf((int)sizeof text, text, "Version: v0.1.9\nKernels: %s", kernels->name);
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static const FunctionDef vec_functions[] = {
    {"vec_f32", 1, fn_f32},
    {"vec_int8", 1, fn_int8},
    {"vec_bit", 1, fn_bit},
    {"vec_to_json", 1, fn_to_json},
    {"vec_type", 1, fn_type},
    {"vec_length", 1, fn_length},
    {"vec_distance_l2", 2, fn_distance_l2},
    {"vec_distance_l1", 2, fn_distance_l1},
    {"vec_distance_cosine", 2, fn_distance_cosine},
    {"vec_distance_hamming", 2, fn_distance_hamming},
    {"vec_add", 2, fn_add},
    {"vec_sub", 2, fn_sub},
    {"vec_slice", 3, fn_slice},
    {"vec_normalize", 1, fn_normalize},
    {"vec_quantize_binary", 1, fn_quantize_binary},
    {"vec_quantize_int8", 2, fn_quantize_int8},
    {"vec_version", 0, fn_version},
    {"vec_debug", 0, fn_debug},
};

int vec_functions_register(sqlite3 *db, const VectorKernels *kernels)
{
    return function_table_register(
        db, vec_functions, ARRAY_LEN(vec_functions),
        SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS | SQLITE_SUBTYPE | SQLITE_RESULT_SUBTYPE, kernels);
}
