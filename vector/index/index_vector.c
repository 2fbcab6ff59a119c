// Vectors of the table as the index sees them: decoded, normalised, padded and rotated.
#include "vector/index/vector_index.h"

#include <math.h>

// Squares beyond this leave no room for sums of them in single precision.
static const f64 square_max = 1e34;

bool index_vector_decode(const Index *index, sqlite3_value *value, Vector *out)
{
    ASSERT(out != NULL);

    if (sqlite3_value_type(value) != SQLITE_BLOB)
        return false;
    const u8 *blob = sqlite3_value_blob(value);
    size_t size = (size_t)sqlite3_value_bytes(value);
    VectorError error;
    if (blob == NULL || vector_decode(blob, size, out, &error) != SQLITE_OK)
        return false;
    if (out->type == VECTOR_SPARSE || out->dims == 0)
        return false;
    if ((out->type == VECTOR_1BIT) != (index->config.metric == METRIC_HAMMING))
        return false;
    return index->state.dims == 0 || out->dims == index->state.dims;
}

static f64 copy_elements(const Vector *vector, f32 *out)
{
    f64 square = 0;
    if (vector->type == VECTOR_F32) {
        memcpy(out, vector->data, vector->dims * sizeof *out);
        for (size_t i = 0; i < vector->dims; i++)
            square += (f64)out[i] * (f64)out[i];
        return square;
    }
    for (size_t i = 0; i < vector->dims; i++) {
        f64 element = vector_element(vector, i);
        out[i] = (f32)element;
        square += element * element;
    }
    return square;
}

RowKind index_vector_rotate(const Index *index, const Vector *vector, f32 *rotated)
{
    u32 width = index->state.width;
    ASSERT(vector->dims <= width && index->rotation.width == width);

    f64 square = copy_elements(vector, rotated);
    if (isnan(square))
        return ROW_UNFIT;
    for (size_t i = vector->dims; i < width; i++)
        rotated[i] = 0;
    if (index->config.metric == METRIC_COSINE && square > 0 && isfinite(square)) {
        f64 scale = 1 / sqrt(square);
        for (size_t i = 0; i < vector->dims; i++)
            rotated[i] = (f32)((f64)rotated[i] * scale);
        square = 1;
    }
    if (square > square_max) {
        memset(rotated, 0, width * sizeof *rotated);
        return ROW_HUGE;
    }
    if (index->config.metric == METRIC_COSINE && square == 0)
        return ROW_ZERO;
    rotation_apply(&index->rotation, rotated);
    return ROW_FIT;
}

int index_row_read(Index *index, i64 rowid, f32 *rotated, RowKind *kind)
{
    ASSERT(index->state.width > 0);

    sqlite3_stmt *stmt;
    Vector vector;
    TRY(store_statement(index, STORE_ROW_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    *kind = ROW_UNFIT;
    if (sqlite3_step(stmt) == SQLITE_ROW
        && index_vector_decode(index, sqlite3_column_value(stmt, 0), &vector))
        *kind = index_vector_rotate(index, &vector, rotated);
    return sqlite3_reset(stmt);
}

bool vector_has_nan(const Vector *vector)
{
    ASSERT(vector->type != VECTOR_SPARSE);

    for (size_t i = 0; i < vector->dims; i++)
        if (isnan(vector_element(vector, i)))
            return true;
    return false;
}
