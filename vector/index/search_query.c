// A query vector on its way through a search. See search_query.h.
#include "vector/index/search_query.h"

#include <math.h>

RankKind index_rank_kind(const Index *index)
{
    return index->config.metric == METRIC_DOT ? RANK_DOT : RANK_SQUARE;
}

CentroidRank centroid_rank(const Index *index, const f32 *query, f32 query_square, u32 position)
{
    const ListCache *lists = &index->lists;
    ASSERT(position < lists->count);

    const ElementKernels *kernels = &index->kernels->element[ELEMENT_F32];
    const f32 *centroid = lists->centroids + (size_t)position * lists->width;
    if (index_rank_kind(index) == RANK_DOT)
        return (CentroidRank){-(f32)kernels->dot(query, centroid, lists->width),
                              sqrtf(query_square)};
    f32 square = (f32)kernels->l2sq(query, centroid, lists->width);
    return (CentroidRank){square, sqrtf(square)};
}

f64 rank_of_distance(Metric metric, f64 distance)
{
    switch (metric) {
    case METRIC_COSINE:
    case METRIC_COSINE_OR_NULL: return 2 * distance; // |a - b|^2 of unit vectors
    case METRIC_L2: return distance * distance;
    case METRIC_HAMMING: return 4 * distance; // elements are -1 and +1
    case METRIC_L2SQ:
    case METRIC_DOT: return distance;
    case METRIC_L1:
    case METRIC_JACCARD: break; // no index has them
    }
    ASSERT(false);
    return distance;
}

int search_query_init(Index *index, const Vector *original, SearchQuery *out)
{
    memset(out, 0, sizeof *out);
    out->original = *original;
    u32 width = index->state.width;
    if (width == 0 || original->dims != index->state.dims || index->rotation.width != width)
        return SQLITE_OK;
    out->rotated = sqlite3_malloc64(width * sizeof *out->rotated);
    if (out->rotated == NULL)
        return SQLITE_NOMEM;
    RowKind kind = index_vector_rotate(index, original, out->rotated);
    out->square = (f32)index->kernels->element[ELEMENT_F32].dot(out->rotated, out->rotated, width);
    // A direction that does not exist is equally near to everything: no list comes first.
    if (kind != ROW_FIT || (index->config.metric == METRIC_COSINE && !(out->square > 0))) {
        sqlite3_free(out->rotated);
        out->rotated = NULL;
    }
    return SQLITE_OK;
}

void search_query_deinit(SearchQuery *query)
{
    for (int i = 0; i < ROW_TYPE_END; i++)
        sqlite3_free(query->owned[i]);
    sqlite3_free(query->rotated);
    query_deinit(&query->code);
    memset(query, 0, sizeof *query);
}

// Rows say their own type, and distances are defined between vectors of one type.
static int convert(SearchQuery *query, VectorType type)
{
    ASSERT((int)type < ROW_TYPE_END && query->by_type[type].data == NULL);

    if (type == query->original.type) {
        query->by_type[type] = query->original;
        return SQLITE_OK;
    }
    VectorError error;
    Elements elements = {.values = NULL};
    size_t size = 0;
    TRY(elements_of(&query->original, 0, &elements, &error));
    int rc = vector_encode(type, elements.values, elements.count, &query->owned[type], &size);
    elements_deinit(&elements);
    return rc == SQLITE_OK ? vector_decode(query->owned[type], size, &query->by_type[type], &error)
                           : rc;
}

int search_query_distance(Index *index, SearchQuery *query, sqlite3_value *value, f64 *distance)
{
    Vector row;
    VectorError error;
    *distance = (f64)NAN;
    if (!index_vector_decode(index, value, &row) || row.dims != query->original.dims)
        return SQLITE_OK;
    if (query->by_type[row.type].data == NULL)
        TRY(convert(query, row.type));
    int rc = vector_distance(index->kernels, index->config.metric, &row, &query->by_type[row.type],
                             distance, &error);
    // An index leaves vectors with NaN out, so its exact answers do, too.
    if (rc == SQLITE_OK && isinf(*distance) && vector_has_nan(&row))
        *distance = (f64)NAN;
    return rc == SQLITE_ERROR ? index_fail(index, rc, "%s", error.text) : rc;
}
