// Power cuts and failing calls in the middle of full-text changes, on the simulated computer.
//
//     crash_fts_cut slice           some seeds
//     crash_fts_cut all [COUNT]     1,000 of them, or COUNT
//     crash_fts_cut one SEED        one again, as printed by a failure
//
// Every seed starts from the same table of many small segments, changes it (rows in and out,
// flushes, merges in steps, 'optimize', 'rebuild', renaming) and loses power, or has a call or an
// allocation fail, somewhere in between. What survived must be sound, to the database and to the
// index, and the index must find the rows that a search of the text finds.
#include "index_cut.h"

#include "support/library.h"

#include "base/contract.h"

#include <stdio.h>
#include <string.h>

// Of row i; the formats of C see what printf() of SQL is to see.
#define WORDS \
    "printf('w%%d x%%d y%%d z%%d all', i * 7 %% 11, i * 13 %% 23, i * 17 %% 97, i * 19 %% 499)"

static void build(sqlite3 *db)
{
    index_cut_must(db, 0,
                   "CREATE VIRTUAL TABLE docs USING fts5(a, b, prefix='1');"
                   "INSERT INTO docs(docs, rank) VALUES('pgsz', 64);"
                   "INSERT INTO docs(docs, rank) VALUES('automerge', 3);");
    for (int i = 0; i < 14; i++) {
        char sql[400];
        snprintf(sql, sizeof sql,
                 "WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                 " INSERT INTO docs SELECT " WORDS ", printf('b%%d', i) FROM n",
                 i * 40, i * 40 + 39);
        index_cut_must(db, 0, sql);
    }
}

// --- the work ---

static void one_change(Prng *prng, char *sql, size_t size)
{
    unsigned long long first = prng_below(prng, 700);
    unsigned long long count = 1 + prng_below(prng, 50);
    switch (prng_below(prng, 14)) {
    case 0:
    case 1:
    case 2:
    case 3:
        snprintf(sql, size,
                 "WITH RECURSIVE n(i) AS (SELECT %llu UNION ALL SELECT i + 1 FROM n WHERE i < %llu)"
                 " INSERT INTO docs SELECT " WORDS ", printf('b%%d', i) FROM n",
                 first, first + count);
        break;
    case 4:
    case 5: snprintf(sql, size, "DELETE FROM docs WHERE rowid %% 97 = %llu", first % 97); break;
    case 6:
    case 7:
        snprintf(sql, size,
                 "UPDATE docs SET a = a || ' new' || %llu WHERE rowid BETWEEN %llu AND %llu", count,
                 first, first + count / 4);
        break;
    case 8:
    case 9:
    case 10:
        snprintf(sql, size, "INSERT INTO docs(docs, rank) VALUES('merge', %lld)",
                 (long long)count - 25);
        break;
    case 11: snprintf(sql, size, "INSERT INTO docs(docs) VALUES('optimize')"); break;
    case 12:
        snprintf(sql, size, "ALTER TABLE docs RENAME TO other; ALTER TABLE other RENAME TO docs");
        break;
    default: snprintf(sql, size, "INSERT INTO docs(docs) VALUES('rebuild')"); break;
    }
}

// --- afterwards ---

static void check(sqlite3 *db, u64 seed)
{
    static const char *const misses[] = {
        "SELECT (SELECT count(*) FROM docs('all')) - (SELECT count(*) FROM docs)",
        "SELECT (SELECT count(*) FROM docs('w3')) - (SELECT count(*) FROM docs WHERE ' ' || a LIKE"
        " '% w3 %')",
        "SELECT (SELECT count(*) FROM docs('new*')) - (SELECT count(*) FROM docs WHERE a LIKE"
        " '%new%')",
        "SELECT count(*) FROM docs d WHERE rowid % 41 = 3 AND NOT EXISTS (SELECT 1 FROM docs WHERE"
        " docs MATCH d.b AND rowid = d.rowid)",
    };
    index_cut_expect(db, seed, "PRAGMA integrity_check", "ok");
    // Power may be lost between the two renamings.
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_schema WHERE name = 'other'", -1, &stmt, NULL)
            == SQLITE_OK
        && sqlite3_step(stmt) == SQLITE_ROW) {
        sqlite3_finalize(stmt);
        index_cut_must(db, seed, "ALTER TABLE other RENAME TO docs");
    } else {
        sqlite3_finalize(stmt);
    }
    index_cut_must(db, seed, "INSERT INTO docs(docs) VALUES('integrity-check')");
    for (size_t i = 0; i < ARRAY_LEN(misses); i++)
        index_cut_expect(db, seed, misses[i], "0");
    index_cut_must(db, seed, "INSERT INTO docs(docs) VALUES('optimize')");
    index_cut_must(db, seed, "INSERT INTO docs(docs) VALUES('integrity-check')");
}

int main(int argc, char **argv)
{
    const IndexCut cut = {
        .transactions = 14,
        .calls_max = 900,
        .fails_memory = true,
        .build = build,
        .change = one_change,
        .check = check,
    };
    return index_cut_main(&cut, argc, argv);
}
