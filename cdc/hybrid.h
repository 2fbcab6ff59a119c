#ifndef QUIRE_CDC_HYBRID_H
#define QUIRE_CDC_HYBRID_H
// Hybrid search: the same question asked by words (FTS5) and by meaning (vectors), under one
// filter, and the two lists made one.
//
//     SELECT d.title, h.score, h.text_rank, h.vector_rank
//       FROM hybrid_search('docs', 'read mail offline', :vector, 10) AS h JOIN docs AS d USING
//       (rowid)
//      WHERE h.filter = 'lang = ''en'''
//
// It lies in cdc/ and not in vector/ or fts/ because it belongs to neither: it needs both only
// through SQL, as a program would write it.
//
// Each leg is one statement, whose plan EXPLAIN QUERY PLAN shows:
//   text    the best `candidates` rows of the FTS table by bm25
//   vector  the nearest `candidates` rows by distance; of a row with several vectors the nearest
// Fusion by `rrf`: the sum of weight / (60 + rank) over the legs. By `sum`: the weighted sum of the
// scores, each list's spread over 0..1; who is in one list only has 0 from the other. Of equal
// scores the nearer vector is first, then the smaller rowid.

#include "cdc/cdc_sql.h"

typedef enum HybridArgument {
    ARG_TABLE,
    ARG_QUERY,
    ARG_VECTOR,
    ARG_K,
    ARG_FILTER,
    ARG_FTS,
    ARG_VECTORS,
    ARG_VECTOR_KEY,
    ARG_VECTOR_COLUMN,
    ARG_METHOD,
    ARG_TEXT_WEIGHT,
    ARG_VECTOR_WEIGHT,
    ARG_CANDIDATES,
    ARG_METRIC,
    ARG_SYNTAX,
    ARG_RRF_K,
    HYBRID_ARGUMENTS
} HybridArgument;

typedef enum FusionMethod { FUSION_RRF, FUSION_SUM } FusionMethod;

// What to search and how, from the arguments.
typedef struct HybridQuery {
    sqlite3 *db;
    char *table, *filter, *fts, *vectors, *vector_key, *vector_column;
    char *match; // for FTS5; NULL: no text leg
    char *metric;
    sqlite3_value *vector; // borrowed; NULL: no vector leg
    FusionMethod method;
    f64 text_weight, vector_weight, rrf_k;
    i64 k, candidates;
    char *error; // sqlite3_free
} HybridQuery;

// args[i] NULL: not given. SQLITE_ERROR with a message.
MUST_USE int hybrid_query_read(HybridQuery *query, sqlite3 *db, sqlite3_value *const *args);
void hybrid_query_free(HybridQuery *query);
// The statements of the legs, NULL for one that is not asked for (sqlite3_free).
MUST_USE int hybrid_text_sql(const HybridQuery *query, char **out);
MUST_USE int hybrid_vector_sql(const HybridQuery *query, char **out);

typedef struct HybridHit {
    i64 rowid;
    int text_rank, vector_rank; // from 1; 0: not in that list
    f64 text_score;             // bm25 turned round: more is better
    f64 distance;
    f64 score;
} HybridHit;

// Runs both legs and fuses them, best first, at most k. *hits is the caller's (sqlite3_free).
MUST_USE int hybrid_run(HybridQuery *query, HybridHit **hits, int *count);

// hybrid_search and rrf().
MUST_USE int hybrid_register(sqlite3 *db);

#endif
