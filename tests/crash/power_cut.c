// Power cuts in the middle of SQL, on the simulated computer.
//
//     crash_power_cut slice           some seeds
//     crash_power_cut all [COUNT]     5,000 of them, or COUNT
//     crash_power_cut one SEED        one again, as printed by a failure
//
// A seed gives the file's settings, a history of random transactions, and the call at which the
// power goes. Then stock SQLite recovers a copy of what survived, and this engine the original,
// with further power cuts in the middle of that. Both must find the same transaction: the last one
// that was reported as committed, or the one under way; with the content that it has in a database
// in memory, and a sound file.
//
// Below synchronous=EXTRA a journal that was deleted may be there again after a power cut, and with
// it the state before the last commit, in SQLite as here: the directory is not synced.
#include "support/library.h"
#include "support/process.h"
#include "support/sim.h"
#include "support/workload.h"

#include "base/contract.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Mode {
    const char *journal, *sync, *locking;
    bool may_lose_last;
} Mode;

static const Mode modes[] = {
    {"delete", "EXTRA", "normal", false},    {"wal", "FULL", "normal", false},
    {"truncate", "FULL", "normal", false},   {"persist", "FULL", "normal", false},
    {"delete", "FULL", "normal", true},      {"wal", "EXTRA", "normal", false},
    {"persist", "FULL", "exclusive", false}, {"wal", "FULL", "exclusive", false},
};

enum { TRANSACTIONS = 14, FIRST_TRANSACTIONS = 3, RECOVERY_CUTS = 3 };
static const char file[] = "/crash.db";

typedef struct Case {
    u64 seed;
    Prng prng;
    const Mode *mode;
    const Library *lib;
    Sim *sim;
    sqlite3 *db, *reader;
    sqlite3 *shadow;
    u64 digests[TRANSACTIONS + 2];       // after each transaction
    u64 before_vacuum[TRANSACTIONS + 2]; // VACUUM drops an idle sqlite_sequence
    int begun, committed;
    Scratch scratch;
} Case;

static u64 below(Case *c, u64 limit)
{
    return prng_below(&c->prng, limit);
}

static void describe(const Case *c)
{
    fprintf(stderr,
            "journal_mode=%s synchronous=%s: committed %d, begun %d\nreplay: "
            "crash_power_cut one %llu\n",
            c->mode->journal, c->mode->sync, c->committed, c->begun, (unsigned long long)c->seed);
}

#define CASE_FAILS(c, ...) (describe(c), give_up(__VA_ARGS__))

// --- the file ---

// SQLITE_OK, or the power is gone.
static int connect(Case *c, int process, sqlite3 **out)
{
    char sql[300];
    char vfs[20];
    snprintf(vfs, sizeof vfs, "sim-%d", process);
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous=%s; PRAGMA locking_mode=%s; PRAGMA cache_size=%d;"
             "PRAGMA wal_autocheckpoint=%d; PRAGMA journal_mode=%s",
             c->mode->sync, c->mode->locking, c->seed % 3 ? 10 : 1000, 5 + (int)below(c, 40),
             c->mode->journal);
    int rc = c->lib->open(file, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
    return rc != SQLITE_OK ? rc : c->lib->exec(*out, sql, NULL, NULL, NULL);
}

static void settle(Case *c)
{
    bool large_sectors = below(c, 3) == 0;
    sim_set_sector_size(c->sim, large_sectors ? 4096 : 512);
    sim_set_characteristics(c->sim, large_sectors ? 0 : SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

static void remember(Case *c, int number)
{
    c->digests[number] = database_digest(c->lib, c->shadow, NULL);
    c->before_vacuum[number] = c->digests[number];
}

static void create(Case *c)
{
    char sql[200];
    snprintf(sql, sizeof sql, "PRAGMA page_size=%d; PRAGMA auto_vacuum=%d", 512 << below(c, 4),
             (int)below(c, 3));
    (void)sim_vfs(c->sim, 0);
    (void)sim_vfs(c->sim, 1);
    c->db = library_open(c->lib, file, "sim-0");
    c->shadow = library_open(c->lib, ":memory:", NULL);
    library_must(c->lib, c->db, sql);
    library_must(c->lib, c->db, history_schema());
    library_must(c->lib, c->shadow, history_schema());
    remember(c, 0);
    c->lib->close(c->db);
    if (connect(c, 0, &c->db) != SQLITE_OK)
        CASE_FAILS(c, "cannot open: %s", c->lib->errmsg(c->db));
}

// --- the work ---

// Between transactions; keeps the content.
static void housekeeping(Case *c)
{
    static const char *const commands[] = {
        "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(FULL)",
        "PRAGMA wal_checkpoint(RESTART)", "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA incremental_vacuum(3)",   "VACUUM"};
    u64 dice = below(c, 10);
    if (dice < ARRAY_LEN(commands)) {
        (void)workload_run(c->lib, c->db, commands[dice]);
        if (dice == ARRAY_LEN(commands) - 1)
            library_must(c->lib, c->shadow, commands[dice]);
        c->digests[c->begun] = database_digest(c->lib, c->shadow, NULL);
    } else if (dice == 9) {
        c->lib->close(c->db);
        (void)connect(c, 0, &c->db);
    }
}

// Another process that reads now and then, and so keeps the log from starting over.
static void let_reader_move(Case *c)
{
    if (strcmp(c->mode->journal, "wal") != 0 || strcmp(c->mode->locking, "normal") != 0)
        return;
    if (c->reader == NULL)
        (void)connect(c, 1, &c->reader);
    else if (c->lib->autocommit(c->reader))
        (void)workload_run(c->lib, c->reader, "BEGIN; SELECT n FROM progress");
    else
        (void)workload_run(c->lib, c->reader, "COMMIT");
}

static void work(Case *c, int last)
{
    while (c->begun < last && !sim_crashed(c->sim)) {
        if (below(c, 4) == 0)
            let_reader_move(c);
        if (below(c, 3) == 0)
            housekeeping(c);
        if (sim_crashed(c->sim))
            return;
        int number = c->begun + 1;
        int expected = history_run(c->lib, c->shadow, c->seed, number);
        if (expected != SQLITE_OK)
            CASE_FAILS(c, "transaction %d fails in memory: %d", number, expected);
        c->begun = number;
        remember(c, number);
        int rc = history_run(c->lib, c->db, c->seed, number);
        if (rc == SQLITE_OK)
            c->committed = number;
        else if (!sim_crashed(c->sim))
            CASE_FAILS(c, "transaction %d fails with the power on: %d", number, rc);
    }
}

// --- judging ---

static int judge(Case *c, const Library *lib, sqlite3 *db)
{
    const char *verdict = library_text(lib, db, "PRAGMA integrity_check");
    if (strcmp(verdict, "ok") != 0)
        CASE_FAILS(c, "integrity_check by %s: %s", lib->name, verdict);
    int number = history_number(lib, db);
    int oldest = c->mode->may_lose_last && c->committed > 0 ? c->committed - 1 : c->committed;
    if (number < oldest || number > c->begun)
        CASE_FAILS(c, "%s finds transaction %d", lib->name, number);
    u64 digest = database_digest(lib, db, NULL);
    if (digest != c->digests[number] && digest != c->before_vacuum[number]) {
        database_digest(lib, db, stderr);
        CASE_FAILS(c, "%s finds other rows than transaction %d left", lib->name, number);
    }
    return number;
}

// On a copy of the disk. -1 without stock SQLite.
static int judge_by_stock(Case *c)
{
    static const char *const suffixes[] = {"", "-journal", "-wal"};
    const Library *stock = library_stock();
    if (stock == NULL)
        return -1;
    for (u32 i = 0; i < ARRAY_LEN(suffixes); i++) {
        char from[40];
        char to[40];
        snprintf(from, sizeof from, "%s%s", file, suffixes[i]);
        snprintf(to, sizeof to, "%s%s", file + 1, suffixes[i]);
        (void)sim_dump(c->sim, from, scratch_path(&c->scratch, to));
    }
    sqlite3 *db = library_open(stock, scratch_path(&c->scratch, file + 1), NULL);
    int number = judge(c, stock, db);
    stock->close(db);
    return number;
}

// Reads, and so recovers, with the power going again at some call.
static void cut_recovery(Case *c)
{
    for (int i = 0; i < RECOVERY_CUTS; i++) {
        sqlite3 *db = NULL;
        sim_crash_at(c->sim, 1 + below(c, i == 0 ? 60 : 25));
        if (connect(c, 1, &db) == SQLITE_OK)
            (void)workload_run(c->lib, db, "SELECT count(*) FROM w0");
        c->lib->close(db);
        sim_reboot(c->sim);
    }
}

static void judge_and_go_on(Case *c, int found_by_stock)
{
    if (connect(c, 1, &c->db) != SQLITE_OK)
        CASE_FAILS(c, "cannot open what survived: %s", c->lib->errmsg(c->db));
    int number = judge(c, c->lib, c->db);
    if (found_by_stock >= 0 && number != found_by_stock)
        CASE_FAILS(c, "stock found transaction %d, quire %d", found_by_stock, number);
    int rc = history_run(c->lib, c->db, c->seed, TRANSACTIONS + 1);
    if (rc != SQLITE_OK)
        CASE_FAILS(c, "cannot go on: %d", rc);
    if (strcmp(library_text(c->lib, c->db, "PRAGMA integrity_check"), "ok") != 0)
        CASE_FAILS(c, "damaged by going on");
    c->lib->close(c->db);
}

static void case_run(u64 seed)
{
    Case c = {.seed = seed, .mode = &modes[seed % ARRAY_LEN(modes)], .lib = library_quire()};
    prng_init(&c.prng, &seed, sizeof seed);
    scratch_begin(&c.scratch);
    c.sim = sim_new(seed);
    settle(&c);
    create(&c);
    work(&c, FIRST_TRANSACTIONS);

    sim_crash_at(c.sim, 1 + below(&c, below(&c, 2) ? 150 : 900));
    work(&c, TRANSACTIONS);
    // Half of the connections are gone by then, the others close after the power is back.
    if (seed % 2 != 0) {
        c.lib->close(c.db);
        c.db = NULL;
    }
    sim_reboot(c.sim);
    c.lib->close(c.db);
    c.lib->close(c.reader);

    int found_by_stock = judge_by_stock(&c);
    cut_recovery(&c);
    judge_and_go_on(&c, found_by_stock);
    c.lib->close(c.shadow);
    sim_free(c.sim);
    scratch_end(&c.scratch);
}

static volatile u64 current_seed;

static void report_abort(int signal)
{
    char text[80];
    int size = snprintf(text, sizeof text, "replay: crash_power_cut one %llu\n",
                        (unsigned long long)current_seed);
    ssize_t written = write(2, text, (size_t)size);
    _exit(written == size ? 128 + signal : 255);
}

// Each in a process of its own: after a failure the others still run, and nothing is left behind.
static int body(void *arg)
{
    u64 *range = arg;
    signal(SIGABRT, report_abort); // a failed assertion
    signal(SIGSEGV, report_abort);
    for (u64 seed = range[0]; seed < range[1]; seed++) {
        current_seed = seed;
        case_run(seed);
    }
    return 0;
}

static int run_seeds(u64 count, u64 per_process)
{
    int failures = 0;
    time_t started = time(NULL);
    for (u64 first = 1; first <= count; first += per_process) {
        u64 range[2] = {first, first + per_process};
        failures += child_run(body, range) != 0;
    }
    printf("%llu power cuts, seeds 1 to %llu: %d failed, %d s\n", (unsigned long long)count,
           (unsigned long long)count, failures, (int)(time(NULL) - started));
    return failures != 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "slice") == 0)
        return run_seeds(80, 20);
    if (argc >= 2 && strcmp(argv[1], "all") == 0)
        return run_seeds(argc >= 3 ? strtoull(argv[2], NULL, 10) : 5000, 10);
    if (argc == 3 && strcmp(argv[1], "one") == 0) {
        case_run(strtoull(argv[2], NULL, 10));
        return 0;
    }
    fprintf(stderr, "usage: crash_power_cut slice | all [COUNT] | one SEED\n");
    return 2;
}
