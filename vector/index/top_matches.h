#ifndef QUIRE_VECTOR_INDEX_TOP_MATCHES_H
#define QUIRE_VECTOR_INDEX_TOP_MATCHES_H
// The k least of what is offered: a heap with the greatest on top.

#include "vector/vector_api.h"

typedef struct Match {
    i64 rowid;
    f64 distance;
} Match;

typedef struct TopMatches {
    Match *heap;
    size_t count, capacity, limit; // limit: k
} TopMatches;

// By distance, then rowid.
bool match_is_before(const Match *a, const Match *b);
void top_init(TopMatches *top, size_t limit);
void top_deinit(TopMatches *top);
MUST_USE int top_offer(TopMatches *top, i64 rowid, f64 distance);
bool top_is_full(const TopMatches *top);
// Hands the matches over, in order (sqlite3_free).
Match *top_take_sorted(TopMatches *top, size_t *count);

#endif
