// Power cuts and failing calls in the middle of a vector index's changes, on the simulated
// computer.
//
//     crash_vector_index_cut slice           some seeds
//     crash_vector_index_cut all [COUNT]     1,000 of them, or COUNT
//     crash_vector_index_cut one SEED        one again, as printed by a failure
//
// Every seed starts from the same table with an index of many short lists, writes to it (rows in
// and out, so that lists split and dissolve, 'flush' and 'rebuild' now and then) and loses power,
// or has a call fail, somewhere in between. What survived must be sound, to the database and to the
// index, and every row must be found where it is.
#include "support/library.h"
#include "support/sim.h"

#include "base/contract.h"
#include "base/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char file[] = "/index.db";

enum { ROWS = 5200, TRANSACTIONS = 12, CALLS_MAX = 1500 };

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

#define VECTOR \
    "vector32(printf('[%d,%d,%d,%d]', i * 7 % 101, i * 13 % 103, i * 17 % 107, i * 19 % 109))"

static void make_image(Image *image)
{
    sqlite3 *db;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        give_up("cannot open");
    must(db, 0,
         "CREATE TABLE docs(id INTEGER PRIMARY KEY, v);"
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5200)"
         "INSERT INTO docs SELECT i, " VECTOR " FROM n;"
         "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2, list_size=32)");
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
    u64 first = prng_below(prng, 6000);
    u64 count = 1 + prng_below(prng, 80);
    switch (prng_below(prng, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: // many near each other: a list must split
        snprintf(
            sql, size,
            "WITH RECURSIVE n(i) AS (SELECT %llu UNION ALL SELECT i + 1 FROM n WHERE i < %llu)"
            "INSERT INTO docs(v) SELECT vector32(printf('[%llu.5,%%d,%llu,3]', i %% 9)) FROM n",
            (unsigned long long)first, (unsigned long long)(first + count),
            (unsigned long long)first % 97, (unsigned long long)first % 89);
        break;
    case 4:
    case 5:
    case 6: // and many leave: lists become short
        snprintf(
            sql, size,
            "DELETE FROM docs WHERE id IN (SELECT id FROM docs_vec(vector32('[%llu,%llu,5,5]'),"
            " %llu))",
            (unsigned long long)first % 101, (unsigned long long)first % 103,
            (unsigned long long)count);
        break;
    case 7:
    case 8:
        snprintf(sql, size,
                 "UPDATE docs SET v = vector32('[%llu,1,2,3]') WHERE id BETWEEN %llu AND %llu",
                 (unsigned long long)first % 101, (unsigned long long)first,
                 (unsigned long long)(first + count / 4));
        break;
    case 9: snprintf(sql, size, "INSERT INTO docs_vec(docs_vec) VALUES('rebuild')"); break;
    default: snprintf(sql, size, "INSERT INTO docs_vec(docs_vec) VALUES('flush')"); break;
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
    static const char misses[] =
        "SELECT count(*) FROM docs d WHERE d.id % 151 = 7 AND"
        " (SELECT distance FROM docs_vec(d.v, 1) WHERE id = d.id) IS NOT 0.0";
    expect(db, seed, "PRAGMA integrity_check", "ok");
    expect(db, seed, misses, "0");
    // An index that says itself that it is stale answers exactly, and is rebuilt to be checked.
    must(db, seed, "CREATE TEMP TABLE state AS SELECT stale FROM vector_index_info");
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, "SELECT stale FROM temp.state", -1, &stmt, NULL) != SQLITE_OK
        || sqlite3_step(stmt) != SQLITE_ROW)
        give_up("seed %llu: %s", (unsigned long long)seed, sqlite3_errmsg(db));
    bool is_stale = sqlite3_column_int(stmt, 0) != 0;
    sqlite3_finalize(stmt);
    if (is_stale)
        must(db, seed, "INSERT INTO docs_vec(docs_vec) VALUES('rebuild')");
    must(db, seed, "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')");
    must(db, seed, "INSERT INTO docs_vec(docs_vec) VALUES('flush')");
    must(db, seed, "INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')");
    expect(db, seed, misses, "0");
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
    bool is_gone = prng_below(&prng, 2) == 0; // the disk, from then on: the connection is closed
    if (is_cut)
        sim_crash_at(sim, call);
    else
        sim_fail(sim, kinds[prng_below(&prng, ARRAY_LEN(kinds))], call / 16 + 1, is_gone);
    work(db, &prng);
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
