// kill -9 of a writing process, on real files.
//
//     crash_kill slice            a few kills per journal mode
//     crash_kill all [COUNT]      200 kills, or COUNT
//
// A process runs a history of random transactions and notes in shared memory which it has begun
// and which were reported as committed. It is killed at a random moment; what the system has of its
// files stays. In turn stock SQLite or this engine opens the file first, and must find the last
// committed transaction or the one under way, with the content it has in a database in memory. The
// next process goes on from there.
//
// When the kill strikes is up to the machine, so a failure prints the history's seed and the
// transaction, and leaves the files.
#include "support/library.h"
#include "support/process.h"
#include "support/workload.h"

#include "base/contract.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const journals[] = {"delete", "truncate", "persist", "wal"};

typedef struct Notes {
    volatile int begun, committed;
} Notes;

typedef struct Round {
    const char *path, *journal;
    u64 seed;
    Notes *notes; // in memory shared with the writer
} Round;

static sqlite3 *connect(const Library *lib, const Round *round)
{
    char sql[200];
    sqlite3 *db = library_open(lib, round->path, NULL);
    snprintf(sql, sizeof sql,
             "PRAGMA journal_mode=%s; PRAGMA synchronous=FULL; PRAGMA cache_size=10;"
             "PRAGMA wal_autocheckpoint=20",
             round->journal);
    library_must(lib, db, sql);
    return db;
}

static void write_for_ever(const Round *round)
{
    const Library *lib = library_quire();
    sqlite3 *db = connect(lib, round);
    for (int number = round->notes->committed + 1;; number++) {
        round->notes->begun = number;
        int rc = history_run(lib, db, round->seed, number);
        if (rc != SQLITE_OK)
            give_up("transaction %d: error %d: %s", number, rc, lib->errmsg(db));
        round->notes->committed = number;
    }
}

static void sleep_us(long us)
{
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

// Lets a process write, and kills it after `us` microseconds of writing.
static void write_and_kill(const Round *round, long us)
{
    int start = round->notes->committed;
    fflush(NULL);
    pid_t writer = fork();
    if (writer == 0)
        write_for_ever(round);
    int status = 0;
    while (round->notes->committed == start && waitpid(writer, &status, WNOHANG) == 0)
        sleep_us(100);
    sleep_us(us);
    kill(writer, SIGKILL);
    waitpid(writer, &status, 0);
    if (WIFEXITED(status) || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL))
        give_up("the writer ended by itself; seed %llu, files %s", (unsigned long long)round->seed,
                round->path);
}

// The same history in memory, as far as the file has it.
static u64 expected_digest(const Round *round, sqlite3 *shadow, int number)
{
    const Library *lib = library_quire();
    for (int next = history_number(lib, shadow) + 1; next <= number; next++)
        if (history_run(lib, shadow, round->seed, next) != SQLITE_OK)
            give_up("transaction %d fails in memory", next);
    return database_digest(lib, shadow, NULL);
}

static void judge(const Round *round, const Library *lib, sqlite3 *shadow)
{
    Notes *notes = round->notes;
    sqlite3 *db = connect(lib, round);
    const char *verdict = library_text(lib, db, "PRAGMA integrity_check");
    int number = history_number(lib, db);
    if (strcmp(verdict, "ok") != 0 || number < notes->committed || number > notes->begun)
        give_up("%s: %s; transaction %d, committed %d, begun %d; journal %s, seed %llu, files %s",
                lib->name, verdict, number, notes->committed, notes->begun, round->journal,
                (unsigned long long)round->seed, round->path);
    if (database_digest(lib, db, NULL) != expected_digest(round, shadow, number))
        give_up("%s: other rows than transaction %d left; journal %s, seed %llu, files %s",
                lib->name, number, round->journal, (unsigned long long)round->seed, round->path);
    lib->close(db);
    notes->committed = notes->begun = number;
}

static void kill_often(const char *journal, u64 seed, int count)
{
    Scratch scratch;
    char path[128];
    scratch_begin(&scratch);
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "kill.db"));
    Round round = {.path = path, .journal = journal, .seed = seed};
    round.notes =
        mmap(NULL, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const Library *quire = library_quire();
    sqlite3 *db = connect(quire, &round);
    library_must(quire, db, history_schema());
    quire->close(db);
    sqlite3 *shadow = library_open(quire, ":memory:", NULL);
    library_must(quire, shadow, history_schema());

    Prng prng;
    prng_init(&prng, &seed, sizeof seed);
    for (int i = 0; i < count; i++) {
        write_and_kill(&round, (long)prng_below(&prng, i % 4 ? 8000 : 60000));
        bool stock_first = i % 2 == 0 && library_stock() != NULL;
        judge(&round, stock_first ? library_stock() : quire, shadow);
    }
    printf("%s: %d kills, %d transactions\n", journal, count, round.notes->committed);
    quire->close(shadow);
    munmap(round.notes, sizeof(Notes));
    scratch_end(&scratch);
}

int main(int argc, char **argv)
{
    int count = argc >= 2 && strcmp(argv[1], "slice") == 0 ? 16 : argc >= 3 ? atoi(argv[2]) : 200;
    if (argc < 2) {
        fprintf(stderr, "usage: crash_kill slice | all [COUNT]\n");
        return 2;
    }
    for (u32 i = 0; i < ARRAY_LEN(journals); i++)
        kill_often(journals[i], 7 + i, count / (int)ARRAY_LEN(journals));
    return 0;
}
