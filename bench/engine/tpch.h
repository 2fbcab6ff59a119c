#ifndef QUIRE_BENCH_ENGINE_TPCH_H
#define QUIRE_BENCH_ENGINE_TPCH_H
// A schema, data and queries after TPC-H: eight tables of a trade, twenty-two questions about it.
// Names, sizes and value ranges follow the benchmark's description; texts and numbers are our own
// generator's, so results compare between two libraries and with nothing else.
#include "bench/engine/bench.h"

typedef struct {
    const char *name;
    const char *sql; // its order is total, so that results can be compared row by row
} TpchQuery;

extern const TpchQuery tpch_queries[];
extern const size_t tpch_query_count;

// Creates and fills the tables of an open database. `scale` 1 is 6,000,000 order lines, about 1 GB.
void tpch_fill(Bench *bench, double scale);

#endif
