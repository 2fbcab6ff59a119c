// A search index whose changes lose power, or have a call or an allocation fail, on the simulated
// computer: what crash/fts_cut and crash/vector_index_cut have in common.
//
// Every seed starts from the file that build() makes, runs transactions of random changes up to the
// fault, and has check() judge what survived: on the same connection where it can go on, and after
// a restart.
#ifndef QUIRE_TESTS_CRASH_INDEX_CUT_H
#define QUIRE_TESTS_CRASH_INDEX_CUT_H

#include "base/prng.h"
#include "base/types.h"

#include "sqlite3.h"

typedef struct IndexCut {
    int transactions;                                   // of one seed
    u32 calls_max;                                      // the fault is at one of the first so many
    bool fails_memory;                                  // allocations are among what fails
    void (*build)(sqlite3 *db);                         // fills an empty database
    void (*change)(Prng *prng, char *sql, size_t size); // one random change, as SQL
    void (*check)(sqlite3 *db, u64 seed);               // gives up if the index is not sound
} IndexCut;

// PROGRAM slice | all [COUNT] | one SEED
int index_cut_main(const IndexCut *cut, int argc, char **argv);

// For build() and check(): run SQL, or compare the first value of a query; give up on failure.
void index_cut_must(sqlite3 *db, u64 seed, const char *sql);
void index_cut_expect(sqlite3 *db, u64 seed, const char *sql, const char *text);

#endif
