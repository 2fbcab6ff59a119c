// Pages that updates free are used again: a file grows no further than stock SQLite's does.
//
//     interop_growth
//
// Rows of three blobs of 128 KiB, one of them unique, whose first blob is then replaced for random
// ranges of the unique one. An engine that does not find what it freed grows with each update.
// Both libraries get the same statements, and in the end the file of this engine may not have more
// pages.
#include "support/library.h"
#include "support/process.h"

#include "base/contract.h"
#include "base/prng.h"
#include <stdio.h>

enum { ROWS = 600, UPDATES = 28, SKIPPED = 77 };

typedef struct Writer {
    const Library *lib;
    sqlite3 *db;
} Writer;

// z begins with eight digits that are spread evenly and never the same twice.
static Writer fill(const Library *lib, const char *path, const char *vacuum)
{
    Writer w = {lib, library_open(lib, path, NULL)};
    char sql[500];
    snprintf(sql, sizeof sql,
             "PRAGMA auto_vacuum=%s; PRAGMA synchronous=OFF; CREATE TABLE t(x, y, z UNIQUE);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO t SELECT zeroblob(131072), zeroblob(131072),"
             " printf('%%08x', i * 2654435761 %% 4294967296) || hex(zeroblob(65532)) FROM n",
             vacuum, ROWS);
    library_must(lib, w.db, sql);
    return w;
}

static sqlite3_int64 page_count(const Writer *w)
{
    return library_int(w->lib, w->db, "PRAGMA page_count");
}

static void update(const Writer *w, int number, u32 first)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "UPDATE t SET x = zeroblob(131072 - %d) WHERE z BETWEEN '%02x' AND '%02x'", number,
             first, first + 25);
    library_must(w->lib, w->db, sql);
}

static void compare(const Writer *quire, const Writer *stock, const char *vacuum)
{
    Prng prng;
    prng_init(&prng, "growth", 6);
    for (int i = 0; i < UPDATES; i++) {
        u32 first = (u32)prng_below(&prng, 230);
        update(quire, i, first);
        update(stock, i, first);
    }
    sqlite3_int64 own = page_count(quire), theirs = page_count(stock);
    printf("auto_vacuum %s: %lld pages, stock %lld\n", vacuum, own, theirs);
    if (own > theirs)
        give_up("auto_vacuum %s: %lld pages, stock %lld", vacuum, own, theirs);
}

static void run(const char *vacuum)
{
    Scratch scratch;
    scratch_begin(&scratch);
    Writer quire = fill(library_quire(), scratch_path(&scratch, "quire.db"), vacuum);
    Writer stock = fill(library_stock(), scratch_path(&scratch, "stock.db"), vacuum);
    compare(&quire, &stock, vacuum);
    ASSERT(quire.db != stock.db);
    quire.lib->close(quire.db);
    stock.lib->close(stock.db);
    scratch_end(&scratch);
}

int main(void)
{
    if (library_stock() == NULL) {
        fprintf(stderr, "no stock library: skipped\n");
        return SKIPPED;
    }
    run("none");
    run("incremental");
    return 0;
}
