#ifndef QUIRE_FTS_BM25_H
#define QUIRE_FTS_BM25_H
// What bm25 computes once for a query, and the score of the row that the query stands on.

#include "fts/match_query.h"

#define BM25_K1 1.2
#define BM25_B  0.75
// What the number of places makes of a score, for a row of this norm; it grows with f, to
// BM25_GAIN_MAX.
#define BM25_GAIN_MAX (BM25_K1 + 1.0)

static inline f64 bm25_gain(f64 f, f64 norm)
{
    return (f * (BM25_K1 + 1.0)) / (f + norm);
}

static inline f64 bm25_norm(f64 length, f64 average_length)
{
    return BM25_K1 * (1 - BM25_B + BM25_B * length / average_length);
}

typedef struct FtsCursor FtsCursor;

enum { NORM_COUNT = 1024 };

typedef struct Bm25 {
    int phrase_count;
    f64 average_length;
    f64 norms[NORM_COUNT]; // by length of a row; k1 * (1 - b + b * D / average D)
    f64 idf[];             // by phrase
} Bm25;

typedef struct Bm25Weights {
    f64 *items;
    int count;
    bool are_one; // all of them, also those not given
} Bm25Weights;

// Sets cursor->bm25 if it is not.
MUST_USE int bm25_prepare(FtsCursor *cursor);
MUST_USE int bm25_score(FtsCursor *cursor, const Bm25Weights *weights, f64 *score);
MUST_USE int bm25_weights_init(Bm25Weights *weights, int count, sqlite3_value **values);
void bm25_weights_deinit(Bm25Weights *weights);

#endif
