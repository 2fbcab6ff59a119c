// vector_sum(v) and vector_avg(v): element by element, over the rows whose vector is not NULL.
//
// The sums are kept in double precision. The result is of type f64 if all vectors are, else f32;
// NULL when there are no vectors.
#include "vector/vector_text.h"

typedef struct VectorSum {
    f64 *sums;
    size_t dims;
    i64 count;
    bool is_wide; // all of type f64
    bool failed;
} VectorSum;

static int sum_begin(VectorSum *sum, const Vector *vector, VectorError *error)
{
    Elements elements = {0};
    TRY(elements_of(vector, 0, &elements, error));
    sum->sums = elements.values;
    sum->dims = vector->dims;
    sum->is_wide = true;
    memset(sum->sums, 0, sum->dims * sizeof *sum->sums);
    return SQLITE_OK;
}

static int sum_add(VectorSum *sum, const Vector *vector, VectorError *error)
{
    if (sum->sums == NULL)
        TRY(sum_begin(sum, vector, error));
    if (sum->dims != vector->dims)
        return vector_error(error, "Vectors must have the same dimensions");
    sum->is_wide = sum->is_wide && vector->type == VECTOR_F64;
    sum->count++;
    if (vector->type == VECTOR_SPARSE)
        for (size_t k = 0; k < vector->stored; k++)
            sum->sums[sparse_index(vector, k)] += sparse_value(vector, k);
    else
        for (size_t i = 0; i < vector->dims; i++)
            sum->sums[i] += vector_element(vector, i);
    return SQLITE_OK;
}

static int sum_add_text(VectorSum *sum, sqlite3_value *arg, VectorError *error)
{
    const char *text = (const char *)sqlite3_value_text(arg);
    Elements elements = {0};
    int rc = text == NULL ? SQLITE_NOMEM : vector_parse(text, true, &elements, error);
    if (rc == SQLITE_OK) {
        // Elements are read as f64, but what the text stands for is an f32 vector.
        Vector vector = {.type = VECTOR_F64,
                         .data = (const u8 *)elements.values,
                         .dims = elements.count,
                         .stored = elements.count};
        rc = sum_add(sum, &vector, error);
        sum->is_wide = false;
    }
    elements_deinit(&elements);
    return rc;
}

static int sum_add_value(VectorSum *sum, sqlite3_value *arg, VectorError *error)
{
    int type = sqlite3_value_type(arg);
    if (type == SQLITE_TEXT)
        return sum_add_text(sum, arg, error);
    if (type != SQLITE_BLOB)
        return vector_error(error, "Conversion error: Invalid vector type");
    const u8 *blob = sqlite3_value_blob(arg);
    size_t size = (size_t)sqlite3_value_bytes(arg);
    Vector vector;
    if (blob == NULL && size > 0)
        return SQLITE_NOMEM;
    TRY(vector_decode(blob, size, &vector, error));
    return sum_add(sum, &vector, error);
}

static void sum_step(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    VectorError error;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    VectorSum *sum = sqlite3_aggregate_context(ctx, (int)sizeof *sum);
    if (sum == NULL) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    int rc = sum_add_value(sum, args[0], &error);
    if (rc != SQLITE_OK) {
        sum->failed = true;
        result_failure(ctx, rc, &error);
    }
}

static void sum_result(sqlite3_context *ctx, f64 divisor)
{
    VectorSum *sum = sqlite3_aggregate_context(ctx, 0);
    if (sum == NULL || sum->failed || sum->sums == NULL) {
        if (sum != NULL)
            sqlite3_free(sum->sums);
        return;
    }
    for (size_t i = 0; i < sum->dims; i++)
        sum->sums[i] /= divisor > 0 ? divisor : (f64)sum->count;
    u8 *blob;
    size_t size;
    VectorType type = sum->is_wide ? VECTOR_F64 : VECTOR_F32;
    if (vector_encode(type, sum->sums, sum->dims, &blob, &size) != SQLITE_OK)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_blob64(ctx, blob, size, sqlite3_free);
    sqlite3_free(sum->sums);
}

static void fn_sum_final(sqlite3_context *ctx)
{
    sum_result(ctx, 1);
}

static void fn_avg_final(sqlite3_context *ctx)
{
    sum_result(ctx, 0); // by the number of vectors
}

int vector_aggregates_register(sqlite3 *db)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    TRY(sqlite3_create_function_v2(db, "vector_sum", 1, flags, NULL, NULL, sum_step, fn_sum_final,
                                   NULL));
    return sqlite3_create_function_v2(db, "vector_avg", 1, flags, NULL, NULL, sum_step,
                                      fn_avg_final, NULL);
}
