#ifndef QUIRE_TESTS_SUPPORT_WORKLOAD_H
#define QUIRE_TESTS_SUPPORT_WORKLOAD_H
// Random SQL from a seed, and a way to compare what it left behind.
//
// The statements go to eight tables w0..w7 of fixed shapes (rowid, WITHOUT ROWID, AUTOINCREMENT,
// generated columns, ...), all with columns a, b, c, d; and to indexes of them. Which statement
// comes next depends on the seed alone, not on what the earlier ones did, so two libraries, or two
// processes, can be fed the same. Statements may fail (no such table, a constraint): that is part
// of the game, and they must fail alike.
//
// Their outcome does not depend on the order in which a query visits rows, nor on the file's
// settings.

#include "base/prng.h"
#include "support/library.h"
#include <stdio.h>

enum {
    WORKLOAD_TRANSACTIONS = 1, // BEGIN, COMMIT, ROLLBACK
    WORKLOAD_VACUUM = 2,       // VACUUM, incremental_vacuum, checkpoints
    WORKLOAD_DDL = 4,          // CREATE, DROP, ALTER, REINDEX
    WORKLOAD_SAVEPOINTS = 8,
    WORKLOAD_ALL = 15,
};

typedef struct Workload {
    Prng prng;
    unsigned kinds;
    int value_scale; // percent; smaller databases for the tests that need many
    char *sql;       // the current statement
    size_t size;
} Workload;

void workload_begin(Workload *w, u64 seed, unsigned kinds);
void workload_end(Workload *w);
// The tables and some indexes; run it first.
const char *workload_schema(void);
// The next statement, valid until the next call.
const char *workload_next(Workload *w);
// Its result may differ between files of other settings (PRAGMA).
bool workload_is_setting(const char *sql);

typedef struct Outcome {
    int rc;   // extended
    u64 rows; // of all values of all rows, in order
} Outcome;
// Runs one statement to its end.
Outcome workload_run(const Library *lib, sqlite3 *db, const char *sql);

// A history: transactions 1, 2, 3, ... of random statements that a seed names, each of which writes
// its number into the table `progress`. What the file then holds can be told from the number alone.
const char *history_schema(void);
// Runs transaction `number` whole. The code of the first statement that failed otherwise than by a
// constraint or a missing object, with the transaction left as it is; SQLITE_OK: committed.
int history_run(const Library *lib, sqlite3 *db, u64 seed, int number);
int history_number(const Library *lib, sqlite3 *db);

// A number for the schema and all rows of all tables, in whatever order; statistics excluded.
// `report`, when given, gets a line per table.
u64 database_digest(const Library *lib, sqlite3 *db, FILE *report);

#endif
