// The seeds of an index under faults: the file they start from, the work, the fault, the verdict.
#include "index_cut.h"

#include "support/library.h"
#include "support/sim.h"

#include "base/alloc.h"
#include "base/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char file[] = "/index.db";

typedef struct Image {
    unsigned char *bytes;
    sqlite3_int64 size;
} Image;

void index_cut_must(sqlite3 *db, u64 seed, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        give_up("seed %llu: %.200s: %s", (unsigned long long)seed, sql, message);
}

static void make_image(const IndexCut *cut, Image *image)
{
    sqlite3 *db;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        give_up("cannot open");
    cut->build(db);
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

static void work(const IndexCut *cut, sqlite3 *db, Prng *prng)
{
    for (int i = 0; i < cut->transactions; i++) {
        char sql[400];
        bool is_explicit = prng_below(prng, 2) == 0;
        int rc = is_explicit ? sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) : SQLITE_OK;
        u64 changes = 1 + prng_below(prng, 4);
        while (rc == SQLITE_OK && changes-- > 0) {
            cut->change(prng, sql, sizeof sql);
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

void index_cut_expect(sqlite3 *db, u64 seed, const char *sql, const char *text)
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

static void run_seed(const IndexCut *cut, const Image *image, u64 seed)
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
    index_cut_must(
        db, seed, prng_below(&prng, 2) == 0 ? "PRAGMA journal_mode = WAL" : "PRAGMA cache_size=20");
    u64 call = 1 + prng_below(&prng, cut->calls_max);
    bool is_memory = cut->fails_memory && !is_cut && prng_below(&prng, 3) == 0;
    bool is_gone =
        !is_memory && prng_below(&prng, 2) == 0; // the disk, from then on: the connection is closed
    if (is_cut)
        sim_crash_at(sim, call);
    else if (is_memory)
        alloc_fault_arm((i64)(call * 40 + prng_below(&prng, 40)), false);
    else
        sim_fail(sim, kinds[prng_below(&prng, ARRAY_LEN(kinds))], call / 16 + 1, is_gone);
    work(cut, db, &prng);
    alloc_fault_arm(0, false);
    if (!is_cut && !is_gone) {
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            sim_fail(sim, kinds[i], 0, false);
        if (sqlite3_get_autocommit(db) == 0)
            (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        cut->check(db, seed); // the same connection goes on
    }
    sqlite3_close(db);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        sim_fail(sim, kinds[i], 0, false);
    if (is_cut)
        sim_reboot(sim);
    if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, "sim-0") != SQLITE_OK)
        give_up("seed %llu: cannot open again", (unsigned long long)seed);
    cut->check(db, seed);
    sqlite3_close(db);
    sim_free(sim);
}

int index_cut_main(const IndexCut *cut, int argc, char **argv)
{
    Image image;
    const char *what = argc > 1 ? argv[1] : "slice";
    u64 count = strcmp(what, "slice") == 0 ? 12 : argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    make_image(cut, &image);
    if (strcmp(what, "one") == 0)
        run_seed(cut, &image, count);
    for (u64 seed = 1; strcmp(what, "one") != 0 && seed <= count; seed++)
        run_seed(cut, &image, seed);
    printf("%llu seeds passed\n", (unsigned long long)count);
    sqlite3_free(image.bytes);
    return 0;
}
