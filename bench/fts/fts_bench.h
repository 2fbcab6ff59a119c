#ifndef QUIRE_BENCH_FTS_FTS_BENCH_H
#define QUIRE_BENCH_FTS_FTS_BENCH_H
// The two libraries that are compared, each loaded by name.

#include "bench/compared_library.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    Library lib;
    const char *name;
    const char *directory;
    sqlite3 *db;
} Side;

double now_ms(void);
void run_sql(Side *side, const char *sql); // these too end it when they fail
sqlite3_stmt *prepare(Side *side, const char *sql);
void bench_relevance(Side *sides, const char *folder); // relevance.c

#endif
