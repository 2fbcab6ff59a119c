// The SQL functions of libSQL and Turso: vector32() and its kin, vector_extract(),
// vector_distance_*(), vector_concat(), vector_slice(), vector_dims().
//
// A NULL argument gives NULL, everywhere. Text stands for an f32 vector; a text that is the same
// for every row is read once.
#include "vector/vector_text.h"

#include <math.h>
#include <stdlib.h>

void result_failure(sqlite3_context *ctx, int rc, const VectorError *error)
{
    ASSERT(rc != SQLITE_OK);

    if (rc == SQLITE_NOMEM)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, error->text, -1);
}

int function_table_register(sqlite3 *db, const FunctionDef *table, int count, int flags,
                            const VectorKernels *kernels)
{
    for (int i = 0; i < count; i++)
        TRY(sqlite3_create_function_v2(db, table[i].name, table[i].arg_count, SQLITE_UTF8 | flags,
                                       (void *)(uintptr_t)kernels, table[i].call, NULL, NULL,
                                       NULL));
    return SQLITE_OK;
}

static bool any_is_null(sqlite3_value **args, int count)
{
    for (int i = 0; i < count; i++)
        if (sqlite3_value_type(args[i]) == SQLITE_NULL)
            return true;
    return false;
}

static void result_blob(sqlite3_context *ctx, u8 *blob, size_t size)
{
    sqlite3_result_blob64(ctx, blob, size, sqlite3_free);
}

static void result_encoded(sqlite3_context *ctx, VectorType type, const f64 *values, size_t count)
{
    u8 *blob;
    size_t size;
    if (vector_encode(type, values, count, &blob, &size) != SQLITE_OK)
        sqlite3_result_error_nomem(ctx);
    else
        result_blob(ctx, blob, size);
}

// --- arguments ---

static int argument_blob(sqlite3_value *arg, Vector *out, VectorError *error)
{
    const u8 *blob = sqlite3_value_blob(arg);
    size_t size = (size_t)sqlite3_value_bytes(arg);
    if (blob == NULL && size > 0)
        return SQLITE_NOMEM;
    return vector_decode(blob, size, out, error);
}

// A vector read from text: an owner for its bytes that auxiliary data can hold.
typedef struct ParsedVector {
    Vector vector;
    u8 *blob;
} ParsedVector;

static void parsed_free(void *object)
{
    ParsedVector *parsed = object;
    if (parsed != NULL)
        sqlite3_free(parsed->blob);
    sqlite3_free(parsed);
}

static int parsed_new(sqlite3_value *arg, ParsedVector **out, VectorError *error)
{
    const char *text = (const char *)sqlite3_value_text(arg);
    ParsedVector *parsed = sqlite3_malloc64(sizeof *parsed);
    Elements elements = {0};
    size_t size = 0;
    int rc = SQLITE_NOMEM;
    if (text == NULL || parsed == NULL)
        goto done;
    parsed->blob = NULL;
    rc = vector_parse(text, true, &elements, error);
    if (rc == SQLITE_OK)
        rc = vector_encode(VECTOR_F32, elements.values, elements.count, &parsed->blob, &size);
    if (rc == SQLITE_OK)
        rc = vector_decode(parsed->blob, size, &parsed->vector, error);
done:
    elements_deinit(&elements);
    if (rc == SQLITE_OK)
        *out = parsed;
    else
        parsed_free(parsed);
    return rc;
}

// An argument as a vector. *owned, when not NULL afterwards, is the caller's to free.
static int argument_vector(sqlite3_context *ctx, int index, sqlite3_value *arg, Vector *out,
                           ParsedVector **owned, VectorError *error)
{
    int type = sqlite3_value_type(arg);
    if (type == SQLITE_BLOB)
        return argument_blob(arg, out, error);
    if (type != SQLITE_TEXT)
        return vector_error(error, "Conversion error: Invalid vector type");
    const ParsedVector *kept = sqlite3_get_auxdata(ctx, index);
    if (kept == NULL) {
        TRY(parsed_new(arg, owned, error));
        kept = *owned;
    }
    *out = kept->vector;
    return SQLITE_OK;
}

typedef struct Pair {
    Vector a, b;
    ParsedVector *a_owned, *b_owned;
} Pair;

static int pair_read(sqlite3_context *ctx, sqlite3_value **args, Pair *pair, VectorError *error)
{
    TRY(argument_vector(ctx, 0, args[0], &pair->a, &pair->a_owned, error));
    return argument_vector(ctx, 1, args[1], &pair->b, &pair->b_owned, error);
}

// What was parsed becomes the statement's: kept where the argument is constant, else freed.
static void pair_release(sqlite3_context *ctx, Pair *pair)
{
    if (pair->a_owned != NULL)
        sqlite3_set_auxdata(ctx, 0, pair->a_owned, parsed_free);
    if (pair->b_owned != NULL)
        sqlite3_set_auxdata(ctx, 1, pair->b_owned, parsed_free);
}

// --- distances ---

static void distance_call(sqlite3_context *ctx, sqlite3_value **args, Metric metric)
{
    if (any_is_null(args, 2))
        return;
    VectorError error;
    Pair pair = {.a_owned = NULL, .b_owned = NULL};
    f64 distance;
    int rc = pair_read(ctx, args, &pair, &error);
    if (rc == SQLITE_OK)
        rc = vector_distance(sqlite3_user_data(ctx), metric, &pair.a, &pair.b, &distance, &error);
    if (rc != SQLITE_OK)
        result_failure(ctx, rc, &error);
    else
        sqlite3_result_double(ctx, distance); // NaN becomes NULL
    pair_release(ctx, &pair);
}

static void fn_distance_cos(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_COSINE);
}

static void fn_distance_l2(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_L2);
}

static void fn_distance_l2sq(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_L2SQ);
}

static void fn_distance_dot(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_DOT);
}

static void fn_distance_l1(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_L1);
}

static void fn_distance_hamming(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_HAMMING);
}

static void fn_distance_jaccard(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    distance_call(ctx, args, METRIC_JACCARD);
}

// --- constructors ---

// Single precision is enough for every type but f64.
static int elements_read(sqlite3_value *arg, VectorType target, Elements *out, VectorError *error)
{
    if (sqlite3_value_type(arg) == SQLITE_TEXT) {
        const char *text = (const char *)sqlite3_value_text(arg);
        return text == NULL ? SQLITE_NOMEM : vector_parse(text, target != VECTOR_F64, out, error);
    }
    Vector source;
    TRY(argument_blob(arg, &source, error));
    return elements_of(&source, 0, out, error);
}

static bool is_of_type(sqlite3_value *arg, VectorType type)
{
    Vector vector;
    VectorError error;
    bool is_even = sqlite3_value_bytes(arg) % 2 == 0;
    // An f32 vector with a tag is written anew, without it.
    return sqlite3_value_type(arg) == SQLITE_BLOB && (type != VECTOR_F32 || is_even)
           && argument_blob(arg, &vector, &error) == SQLITE_OK && vector.type == type;
}

static void construct(sqlite3_context *ctx, sqlite3_value *arg, VectorType type)
{
    int arg_type = sqlite3_value_type(arg);
    VectorError error;
    Elements elements = {0};
    if (arg_type == SQLITE_NULL)
        return;
    if (arg_type != SQLITE_TEXT && arg_type != SQLITE_BLOB) {
        sqlite3_result_error(ctx, "Conversion error: Invalid vector type", -1);
        return;
    }
    if (is_of_type(arg, type)) {
        sqlite3_result_value(ctx, arg);
        return;
    }
    int rc = elements_read(arg, type, &elements, &error);
    if (rc == SQLITE_OK && type == VECTOR_1BIT && elements.count == 0)
        rc = vector_error(&error, "empty vector not supported for this type");
    if (rc == SQLITE_OK)
        result_encoded(ctx, type, elements.values, elements.count);
    else
        result_failure(ctx, rc, &error);
    elements_deinit(&elements);
}

static void fn_vector32(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_F32);
}

static void fn_vector64(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_F64);
}

static void fn_vector16(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_F16);
}

static void fn_vectorb16(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_BF16);
}

static void fn_vector8(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_8BIT);
}

static void fn_vector1bit(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_1BIT);
}

static void fn_vector32_sparse(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    construct(ctx, args[0], VECTOR_SPARSE);
}

// --- vector_extract, vector_dims ---

enum { PRINTED_MAX = 1 << 27 };

static void print_elements(sqlite3_str *out, const Vector *vector)
{
    bool single = vector->type != VECTOR_F64;
    size_t k = 0; // next stored element of a sparse vector
    sqlite3_str_appendchar(out, 1, '[');
    for (size_t i = 0; i < vector->dims; i++) {
        f64 value = 0;
        if (i > 0)
            sqlite3_str_appendchar(out, 1, ',');
        if (vector->type != VECTOR_SPARSE)
            value = vector_element(vector, i);
        else if (k < vector->stored && sparse_index(vector, k) == i)
            value = sparse_value(vector, k++);
        decimal_print(out, value, single);
        if (sqlite3_str_errcode(out) != SQLITE_OK)
            return;
    }
    sqlite3_str_appendchar(out, 1, ']');
}

static void result_str(sqlite3_context *ctx, sqlite3_str *out)
{
    int rc = sqlite3_str_errcode(out);
    int size = sqlite3_str_length(out);
    char *text = sqlite3_str_finish(out);
    if (rc == SQLITE_TOOBIG)
        sqlite3_result_error_toobig(ctx);
    else if (rc != SQLITE_OK || text == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_text(ctx, text, size, sqlite3_free);
    if (rc != SQLITE_OK)
        sqlite3_free(text);
}

static void fn_extract(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    VectorError error;
    Vector vector;
    if (any_is_null(args, 1))
        return;
    if (sqlite3_value_type(args[0]) != SQLITE_BLOB) {
        sqlite3_result_error(ctx, "Conversion error: Expected blob value", -1);
        return;
    }
    int rc = argument_blob(args[0], &vector, &error);
    if (rc == SQLITE_OK && vector.dims > PRINTED_MAX)
        rc = vector_error(&error, "vector has too many dimensions: %llu",
                          (unsigned long long)vector.dims);
    if (rc != SQLITE_OK) {
        result_failure(ctx, rc, &error);
        return;
    }
    sqlite3_str *out = sqlite3_str_new(sqlite3_context_db_handle(ctx));
    print_elements(out, &vector);
    result_str(ctx, out);
}

static void fn_dims(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 1);
    VectorError error;
    Vector vector;
    ParsedVector *owned = NULL;
    if (any_is_null(args, 1))
        return;
    int rc = argument_vector(ctx, 0, args[0], &vector, &owned, &error);
    if (rc != SQLITE_OK)
        result_failure(ctx, rc, &error);
    else
        sqlite3_result_int64(ctx, (i64)vector.dims);
    parsed_free(owned);
}

// --- vector_concat, vector_slice ---

static bool can_be_cut(const Vector *vector)
{
    return vector->type != VECTOR_1BIT && vector->type != VECTOR_8BIT;
}

static int concat(const Vector *a, const Vector *b, Elements *out, VectorError *error)
{
    if (a->type != b->type)
        return vector_error(error, "Mismatched vector types");
    if (!can_be_cut(a))
        return vector_error(error, "vector_concat is not supported for float1bit/float8 vectors");
    TRY(elements_of(a, b->dims, out, error));
    vector_to_f64(b, out->values + a->dims);
    out->count += b->dims;
    return SQLITE_OK;
}

static void fn_concat(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 2);
    VectorError error;
    Pair pair = {.a_owned = NULL, .b_owned = NULL};
    Elements joined = {0};
    if (any_is_null(args, 2))
        return;
    int rc = pair_read(ctx, args, &pair, &error);
    if (rc == SQLITE_OK)
        rc = concat(&pair.a, &pair.b, &joined, &error);
    if (rc == SQLITE_OK)
        result_encoded(ctx, pair.a.type, joined.values, joined.count);
    else
        result_failure(ctx, rc, &error);
    elements_deinit(&joined);
    pair_release(ctx, &pair);
}

static int slice_bounds(sqlite3_value **args, const Vector *vector, i64 *start, i64 *end,
                        VectorError *error)
{
    if (sqlite3_value_type(args[1]) != SQLITE_INTEGER)
        return vector_error(error, "start index must be an integer");
    if (sqlite3_value_type(args[2]) != SQLITE_INTEGER)
        return vector_error(error, "end_index must be an integer");
    *start = sqlite3_value_int64(args[1]);
    *end = sqlite3_value_int64(args[2]);
    if (*start < 0 || *end < 0)
        return vector_error(error, "start index and end_index must be non-negative");
    if (*start > *end)
        return vector_error(error, "start index must not be greater than end index");
    if (*end > (i64)vector->dims)
        return vector_error(error, "vector_slice range out of bounds");
    if (!can_be_cut(vector))
        return vector_error(error, "vector_slice is not supported for float1bit/float8 vectors");
    return SQLITE_OK;
}

static void fn_slice(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    (void)count;
    ASSERT(count == 3);
    VectorError error;
    Vector vector;
    ParsedVector *owned = NULL;
    Elements elements = {0};
    i64 start = 0, end = 0;
    if (any_is_null(args, 3))
        return;
    int rc = argument_vector(ctx, 0, args[0], &vector, &owned, &error);
    if (rc == SQLITE_OK)
        rc = slice_bounds(args, &vector, &start, &end, &error);
    if (rc == SQLITE_OK)
        rc = elements_of(&vector, 0, &elements, &error);
    if (rc == SQLITE_OK)
        result_encoded(ctx, vector.type, elements.values + start, (size_t)(end - start));
    else
        result_failure(ctx, rc, &error);
    elements_deinit(&elements);
    parsed_free(owned);
}

static const FunctionDef vector_functions[] = {
    {"vector", 1, fn_vector32},
    {"vector32", 1, fn_vector32},
    {"vector64", 1, fn_vector64},
    {"vector16", 1, fn_vector16},
    {"vectorb16", 1, fn_vectorb16},
    {"vector8", 1, fn_vector8},
    {"vector1bit", 1, fn_vector1bit},
    {"vector32_sparse", 1, fn_vector32_sparse},
    {"vector_extract", 1, fn_extract},
    {"vector_dims", 1, fn_dims},
    {"vector_distance_cos", 2, fn_distance_cos},
    {"vector_distance_l2", 2, fn_distance_l2},
    {"vector_distance_l2sq", 2, fn_distance_l2sq},
    {"vector_distance_dot", 2, fn_distance_dot},
    {"vector_distance_l1", 2, fn_distance_l1},
    {"vector_distance_hamming", 2, fn_distance_hamming},
    {"vector_distance_jaccard", 2, fn_distance_jaccard},
    {"vector_concat", 2, fn_concat},
    {"vector_slice", 3, fn_slice},
};

int vector_functions_register(sqlite3 *db, const VectorKernels *kernels)
{
    return function_table_register(db, vector_functions, ARRAY_LEN(vector_functions),
                                   SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, kernels);
}
