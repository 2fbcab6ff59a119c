#ifndef QUIRE_VECTOR_INDEX_INDEX_CALIBRATE_H
#define QUIRE_VECTOR_INDEX_INDEX_CALIBRATE_H
// When a query may pass a list by. See index_calibrate.c for the rule.

#include "vector/index/vector_index.h"

enum { CALIBRATION_BATCH = 512 };

typedef struct Calibration Calibration;
// The sample's vectors serve as queries, each for rows of its group. The lists must be in the
// cache, their radii by the end.
MUST_USE int calibration_begin(Index *index, const f32 *sample, const u32 *groups,
                               size_t sample_count, Calibration **out);
// Offers the next rows of the table, with the lists they went to; at most CALIBRATION_BATCH.
void calibration_add(Calibration *calibration, const f32 *vectors, const u32 *positions,
                     size_t count);
MUST_USE int calibration_finish(const Calibration *calibration, IndexState *state);
void calibration_free(Calibration *calibration);

// The miss of a list, given the rank and reach of its centroid and the rank to beat.
f32 list_miss(RankKind kind, f32 centroid_rank, f32 radius, f32 reach, f32 limit);
// The miss that a query may allow.
f32 miss_of_recall(const IndexState *state, f64 recall);

// A centroid as a query sees it: its rank, and how far a residual of length 1 can reach: the
// distance from it, or the query's length.
typedef struct CentroidRank {
    f32 rank, reach;
} CentroidRank;
RankKind index_rank_kind(const Index *index);
CentroidRank centroid_rank(const Index *index, const f32 *query, f32 query_square, u32 position);

#endif
