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
#include "support/library.h"
#include "support/sim.h"

#include "base/alloc.h"
#include "base/contract.h"
#include "base/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char file[] = "/fts.db";

enum { TRANSACTIONS = 14, CALLS_MAX = 900 };

typedef struct Image {
    unsigned char *bytes;
    sqlite3_int64 size;
} Image;

static void must(sqlite3 *db, u64 seed, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        give_up("seed %llu: %.200s: %s", (unsigned long long)seed, sql, message);
}

// Of row i; the formats of C see what printf() of SQL is to see.
#define WORDS \
    "printf('w%%d x%%d y%%d z%%d all', i * 7 %% 11, i * 13 %% 23, i * 17 %% 97, i * 19 %% 499)"

static void make_image(Image *image)
{
    sqlite3 *db;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        give_up("cannot open");
    must(db, 0,
         "CREATE VIRTUAL TABLE docs USING fts5(a, b, prefix='1');"
         "INSERT INTO docs(docs, rank) VALUES('pgsz', 200);"
         "INSERT INTO docs(docs, rank) VALUES('automerge', 3);");
    for (int i = 0; i < 14; i++) {
        char sql[400];
        snprintf(sql, sizeof sql,
                 "WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                 " INSERT INTO docs SELECT " WORDS ", printf('b%%d', i) FROM n",
                 i * 40, i * 40 + 39);
        must(db, 0, sql);
    }
    image->bytes = sqlite3_serialize(db, "main", &image->size, 0);
    if (image->bytes == NULL)
        give_up("out of memory");
    sqlite3_close(db);
}

static void put_image(Sim *sim, const Image *image)
{
    sqlite3_vfs *vfs = sim_vfs(sim, 0);
    sqlite3_file *out = calloc(1, (size_t)vfs->szOsFile);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    if (out == NULL || vfs->xOpen(vfs, file, out, flags, &flags) != SQLITE_OK
        || out->pMethods->xWrite(out, image->bytes, (int)image->size, 0) != SQLITE_OK
        || out->pMethods->xSync(out, SQLITE_SYNC_FULL) != SQLITE_OK)
        give_up("cannot write the file");
    out->pMethods->xClose(out);
    free(out);
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

// Goes on until all is done or something fails.
static void work(sqlite3 *db, Prng *prng)
{
    for (int i = 0; i < TRANSACTIONS; i++) {
        char sql[400];
        bool is_explicit = prng_below(prng, 2) == 0;
        int rc = is_explicit ? sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) : SQLITE_OK;
        u64 changes = 1 + prng_below(prng, 4);
        while (rc == SQLITE_OK && changes-- > 0) {
            one_change(prng, sql, sizeof sql);
            rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
        }
        if (rc == SQLITE_OK && is_explicit)
            rc = sqlite3_exec(db, prng_below(prng, 4) == 0 ? "ROLLBACK" : "COMMIT", NULL, NULL,
                              NULL);
        // What failed inside a transaction may be committed all the same: the index must bear it.
        if (rc != SQLITE_OK && is_explicit && sqlite3_get_autocommit(db) == 0)
            (void)sqlite3_exec(db, prng_below(prng, 2) == 0 ? "COMMIT" : "ROLLBACK", NULL, NULL,
                               NULL);
        if (rc != SQLITE_OK)
            return;
    }
}

// --- afterwards ---

static void expect(sqlite3 *db, u64 seed, const char *sql, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK
        || sqlite3_step(stmt) != SQLITE_ROW)
        give_up("seed %llu: %s: %s", (unsigned long long)seed, sql, sqlite3_errmsg(db));
    const char *got = (const char *)sqlite3_column_text(stmt, 0);
    if (got == NULL || strcmp(got, text) != 0)
        give_up("seed %llu: %s: %s instead of %s", (unsigned long long)seed, sql,
                got != NULL ? got : "NULL", text);
    sqlite3_finalize(stmt);
}

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
    expect(db, seed, "PRAGMA integrity_check", "ok");
    // Power may be lost between the two renamings.
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_schema WHERE name = 'other'", -1, &stmt, NULL)
            == SQLITE_OK
        && sqlite3_step(stmt) == SQLITE_ROW) {
        sqlite3_finalize(stmt);
        must(db, seed, "ALTER TABLE other RENAME TO docs");
    } else {
        sqlite3_finalize(stmt);
    }
    must(db, seed, "INSERT INTO docs(docs) VALUES('integrity-check')");
    for (size_t i = 0; i < ARRAY_LEN(misses); i++)
        expect(db, seed, misses[i], "0");
    must(db, seed, "INSERT INTO docs(docs) VALUES('optimize')");
    must(db, seed, "INSERT INTO docs(docs) VALUES('integrity-check')");
}

static void run_seed(const Image *image, u64 seed)
{
    static const SimCall kinds[] = {SIM_READ, SIM_WRITE, SIM_WRITE, SIM_SYNC};
    Prng prng;
    prng_init(&prng, &seed, sizeof seed);
    Sim *sim = sim_new(seed);
    sqlite3 *db;
    put_image(sim, image);
    bool is_cut = prng_below(&prng, 2) == 0;
    if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, "sim-0") != SQLITE_OK)
        give_up("seed %llu: cannot open", (unsigned long long)seed);
    must(db, seed,
         prng_below(&prng, 2) == 0 ? "PRAGMA journal_mode = WAL" : "PRAGMA cache_size=20");
    u64 call = 1 + prng_below(&prng, CALLS_MAX);
    bool is_memory = !is_cut && prng_below(&prng, 3) == 0;
    bool is_gone =
        !is_memory && prng_below(&prng, 2) == 0; // the disk, from then on: the connection is closed
    if (is_cut)
        sim_crash_at(sim, call);
    else if (is_memory)
        alloc_fault_arm((i64)(call * 40 + prng_below(&prng, 40)), false);
    else
        sim_fail(sim, kinds[prng_below(&prng, ARRAY_LEN(kinds))], call / 16 + 1, is_gone);
    work(db, &prng);
    alloc_fault_arm(0, false);
    if (!is_cut && !is_gone) {
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            sim_fail(sim, kinds[i], 0, false);
        if (sqlite3_get_autocommit(db) == 0)
            (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        check(db, seed); // the same connection goes on
    }
    sqlite3_close(db);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        sim_fail(sim, kinds[i], 0, false);
    if (is_cut)
        sim_reboot(sim);
    if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, "sim-0") != SQLITE_OK)
        give_up("seed %llu: cannot open again", (unsigned long long)seed);
    check(db, seed);
    sqlite3_close(db);
    sim_free(sim);
}

int main(int argc, char **argv)
{
    Image image;
    const char *what = argc > 1 ? argv[1] : "slice";
    u64 count = strcmp(what, "slice") == 0 ? 12 : argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    make_image(&image);
    if (strcmp(what, "one") == 0)
        run_seed(&image, count);
    for (u64 seed = 1; strcmp(what, "one") != 0 && seed <= count; seed++)
        run_seed(&image, seed);
    printf("%llu seeds passed\n", (unsigned long long)count);
    sqlite3_free(image.bytes);
    return 0;
}
