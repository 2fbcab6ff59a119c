#ifndef QUIRE_VECTOR_INDEX_SEARCH_QUERY_H
#define QUIRE_VECTOR_INDEX_SEARCH_QUERY_H
// A query vector, ready to be compared with rows of whatever type, and with codes.

#include "vector/index/index_calibrate.h"
#include "vector/index/vector_index.h"

enum { ROW_TYPE_END = VECTOR_BF16 + 1 }; // types that rows of an index may have

typedef struct SearchQuery {
    Vector by_type[ROW_TYPE_END]; // the query as that type, once it was asked for
    u8 *owned[ROW_TYPE_END];
    Vector original;
    f32 *rotated; // NULL where the codes are of no use for it
    f32 square;   // of the rotated vector's length
    QueryCode code;
} SearchQuery;

// The query's elements are borrowed.
MUST_USE int search_query_init(Index *index, const Vector *original, SearchQuery *out);
void search_query_deinit(SearchQuery *query);
// The distance of a row by the index's metric; NaN where the value is not a fit vector.
MUST_USE int search_query_distance(Index *index, SearchQuery *query, sqlite3_value *value,
                                   f64 *distance);
// Distances and ranks ascend together.
f64 rank_of_distance(Metric metric, f64 distance);

#endif
