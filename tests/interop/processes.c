// Two processes of this engine and two of stock SQLite read and write one file at the same time.
//
//     interop_processes JOURNAL SECONDS
//
// Each adds to a counter that all share and to one of its own, in one transaction, and inserts a
// row, also into a full-text table; now and then it only reads, deletes old rows, checkpoints or
// checks the file. Whoever reads must see the shared counter equal the sum of the others, and a
// word of the full-text index in as many rows as there are. Connections stay open: what they
// remember of the index, the other processes change. In the end every counter must be exactly what
// its process was told to be committed.
#include "support/library.h"
#include "support/process.h"

#include "base/contract.h"
#include "base/prng.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 4, TIMEOUT_MS = 30000 };

typedef struct Tally {
    volatile long long added[WRITERS];
    volatile long long reads[WRITERS];
} Tally;

typedef struct Writer {
    const Library *lib;
    bool deletes_words; // old stock libraries lose deletions when they merge
    sqlite3 *db;
    int number;
    Prng prng;
    Tally *tally;
} Writer;

static sqlite3 *connect(const Library *lib, const char *path)
{
    sqlite3 *db = library_open(lib, path, NULL);
    lib->busy_timeout(db, TIMEOUT_MS);
    library_must(lib, db,
                 "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=100;"
                 "PRAGMA cache_size=50");
    return db;
}

static void create(const char *path, const char *journal)
{
    const Library *lib = library_quire();
    char sql[300];
    sqlite3 *db = library_open(lib, path, NULL);
    snprintf(sql, sizeof sql,
             "PRAGMA journal_mode=%s; CREATE TABLE counter(id INTEGER PRIMARY KEY, n INTEGER);"
             "CREATE TABLE entry(id INTEGER PRIMARY KEY, writer INT, n INT, body);"
             "CREATE INDEX entry_writer ON entry(writer, n); INSERT INTO counter VALUES(-1, 0);"
             "CREATE VIRTUAL TABLE words USING fts5(body, prefix='2')",
             journal);
    library_must(lib, db, sql);
    library_must(lib, db, "INSERT INTO words(words, rank) VALUES('pgsz', 200)");
    for (int i = 0; i < WRITERS; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO counter VALUES(%d, 0)", i);
        library_must(lib, db, sql);
    }
    lib->close(db);
}

// BEGIN IMMEDIATE waits as long as it takes; what follows cannot meet a lock but at COMMIT.
static void add(Writer *w)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE; UPDATE counter SET n = n + 1 WHERE id IN (-1, %d);"
             "INSERT INTO entry(writer, n, body) SELECT id, n, zeroblob(%d) FROM counter"
             " WHERE id = %d; INSERT INTO words(body) SELECT printf('all by%%d n%%d m%%d', id, n,"
             " n %% 7) FROM counter WHERE id = %d; COMMIT",
             w->number, (int)prng_below(&w->prng, 3000), w->number, w->number);
    library_must(w->lib, w->db, sql);
    w->tally->added[w->number]++;
}

static void read_sums(Writer *w)
{
    library_must(w->lib, w->db, "BEGIN");
    long long shared = library_int(w->lib, w->db, "SELECT n FROM counter WHERE id = -1");
    if (prng_below(&w->prng, 4) == 0)
        usleep((useconds_t)prng_below(&w->prng, 3000));
    long long sum = library_int(w->lib, w->db, "SELECT sum(n) FROM counter WHERE id >= 0");
    library_must(w->lib, w->db, "COMMIT");
    if (shared != sum)
        give_up("%s %d sees %lld in all and %lld in parts", w->lib->name, w->number, shared, sum);
    w->tally->reads[w->number]++;
}

static void search(Writer *w)
{
    char sql[200];
    library_must(w->lib, w->db, "BEGIN");
    long long found = library_int(w->lib, w->db, "SELECT count(*) FROM words('all')");
    long long rows = library_int(w->lib, w->db, "SELECT count(*) FROM words_docsize");
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM words WHERE words MATCH 'by%d AND m*' AND body NOT LIKE"
             " 'all by%d n%%'",
             w->number, w->number);
    long long wrong = library_int(w->lib, w->db, sql);
    library_must(w->lib, w->db, "COMMIT");
    if (found != rows || wrong != 0)
        give_up("%s %d finds %lld of %lld rows, %lld wrongly", w->lib->name, w->number, found, rows,
                wrong);
    w->tally->reads[w->number]++;
}

static void tidy_up(Writer *w)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "DELETE FROM entry WHERE writer = %d AND n < (SELECT n FROM counter WHERE id = %d)"
             " - 50",
             w->number, w->number);
    library_must(w->lib, w->db, sql);
    snprintf(sql, sizeof sql,
             "DELETE FROM words WHERE rowid IN (SELECT rowid FROM words('by%d') LIMIT 30)",
             w->number);
    if (w->deletes_words)
        library_must(w->lib, w->db, sql);
}

static void step(Writer *w)
{
    // Stock SQLite checks a full-text index by what it remembers, and errs where others write.
    bool is_stock = w->number % 2 != 0;
    u64 dice = prng_below(&w->prng, 200);
    if (dice == 0) {
        const char *sql = is_stock ? "PRAGMA integrity_check(entry)" : "PRAGMA integrity_check";
        const char *verdict = library_text(w->lib, w->db, sql);
        if (strcmp(verdict, "ok") != 0)
            give_up("%s %d: %s", w->lib->name, w->number, verdict);
    } else if (dice < 3) {
        library_must(w->lib, w->db, "PRAGMA wal_checkpoint");
    } else if (dice < 8) {
        tidy_up(w);
    } else if (dice < 9 && !is_stock) {
        library_must(w->lib, w->db, "INSERT INTO words(words) VALUES('integrity-check')");
    } else if (dice < 30) {
        search(w);
    } else if (dice < 60) {
        read_sums(w);
    } else {
        add(w);
    }
}

static void write_until(const char *path, int number, time_t end, Tally *tally)
{
    u64 seed = (u64)number;
    Writer w = {.number = number, .tally = tally};
    w.lib = number % 2 == 0 ? library_quire() : library_stock();
    w.db = connect(w.lib, path);
    sqlite3 *stock = library_open(library_stock(), ":memory:", NULL);
    w.deletes_words =
        library_int(library_stock(), stock, "SELECT substr(sqlite_version(), 3, 2) >= '44'") != 0;
    library_stock()->close(stock);
    prng_init(&w.prng, &seed, sizeof seed);
    while (time(NULL) < end)
        step(&w);
    w.lib->close(w.db);
}

static void judge(const Library *lib, const char *path, const Tally *tally)
{
    sqlite3 *db = connect(lib, path);
    long long total = 0;
    const char *verdict = library_text(lib, db, "PRAGMA integrity_check");
    if (strcmp(verdict, "ok") != 0)
        give_up("integrity_check by %s: %s", lib->name, verdict);
    for (int i = 0; i < WRITERS; i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT n FROM counter WHERE id = %d", i);
        if (library_int(lib, db, sql) != tally->added[i])
            give_up("%s reads %lld for writer %d, which added %lld", lib->name,
                    (long long)library_int(lib, db, sql), i, tally->added[i]);
        total += tally->added[i];
    }
    library_must(lib, db, "INSERT INTO words(words) VALUES('integrity-check')");
    if (library_int(lib, db, "SELECT n FROM counter WHERE id = -1") != total)
        give_up("%s: the shared counter is not %lld", lib->name, total);
    lib->close(db);
}

int main(int argc, char **argv)
{
    Scratch scratch;
    char path[128];
    pid_t children[WRITERS];
    int failures = 0;
    if (argc != 3 || library_stock() == NULL)
        return argc != 3 ? 2 : 77;
    scratch_begin(&scratch);
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "shared.db"));
    create(path, argv[1]);
    Tally *tally =
        mmap(NULL, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    time_t end = time(NULL) + atoi(argv[2]);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            write_until(path, i, end, tally);
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        failures += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        printf("%s %d: %lld added, %lld read\n", i % 2 == 0 ? "quire" : "stock", i, tally->added[i],
               tally->reads[i]);
    }
    if (failures > 0)
        give_up("%d writers failed; files %s", failures, path);
    judge(library_stock(), path, tally);
    judge(library_quire(), path, tally);
    scratch_end(&scratch);
    return 0;
}
