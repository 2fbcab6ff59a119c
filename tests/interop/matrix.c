// Files of every kind, written by one library and read by the other.
//
//     interop_matrix slice                    a few cells, in seconds
//     interop_matrix all [PAGE_SIZE]          every cell
//     interop_matrix sql SEED STATEMENTS      prints what a cell runs
//     interop_matrix cell PAGE_SIZE ENCODING AUTO_VACUUM JOURNAL WAY SEED STATEMENTS
//
// A cell is a page size, an encoding, a kind of auto_vacuum, a journal mode and a way:
//
//     write       this engine writes, stock SQLite checks and reads
//     read        the other way round
//     alternate   both write one file in turn, opening it anew each time
//     together    both write one file in turn, each in a process of its own that keeps it open
//
// A third database in memory, run by the library that did not write, is fed the same statements:
// each must end alike (same code, same rows), and in the end all must hold the same rows.
#include "support/library.h"
#include "support/process.h"
#include "support/workload.h"

#include "base/contract.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef enum Way { WRITE, READ, ALTERNATE, TOGETHER, WAY_COUNT } Way;

static const char *const way_names[] = {"write", "read", "alternate", "together"};
static const int page_sizes[] = {512, 1024, 4096, 16384, 65536};
static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};
static const char *const vacuums[] = {"none", "full", "incremental"};
static const char *const journals[] = {"delete", "persist", "memory", "wal"};

enum { ROUNDS = 50, DBCONFIG_NO_CHECKPOINT_ON_CLOSE = 1006 };

typedef struct Cell {
    int page_size;
    const char *encoding, *vacuum, *journal;
    Way way;
    u64 seed;
    int statements;
} Cell;

typedef struct Run {
    const Cell *cell;
    Scratch scratch;
    char path[128];
    const Library *shadow_lib;
    sqlite3 *shadow; // the same statements in memory
    Workload workload;
    int number; // of the statement
    char sql[300];
} Run;

static void describe(const Run *run)
{
    const Cell *c = run->cell;
    fprintf(stderr, "\nstatement %d: %s\nreplay: interop_matrix cell %d %s %s %s %s %llu %d\n",
            run->number, run->sql, c->page_size, c->encoding, c->vacuum, c->journal,
            way_names[c->way], (unsigned long long)c->seed, c->statements);
}

#define RUN_FAILS(run, ...) (describe(run), give_up(__VA_ARGS__))

// --- connections ---

// SQLite 3.40.1 leaves a frame without checksum below a commit when a transaction in WAL mode has
// spilled, rolled back to a savepoint and spilled again: whoever recovers the log, itself too,
// loses what was committed from there on. 3.53.2 does not.
static bool may_spill(const Run *run, const Library *lib)
{
    bool is_older = lib == library_stock() && strcmp(lib->version(), "3.53") < 0;
    return !is_older || strcmp(run->cell->journal, "wal") != 0;
}

static sqlite3 *file_open(const Run *run, const Library *lib)
{
    sqlite3 *db = library_open(lib, run->path, NULL);
    char sql[200];
    // A small cache in every second run, so that pages spill in the middle of transactions.
    snprintf(sql, sizeof sql, "PRAGMA synchronous = OFF; PRAGMA cache_size = %d",
             run->cell->seed % 2 ? 12 : 2000);
    library_must(lib, db, sql);
    if (!may_spill(run, lib))
        library_must(lib, db, "PRAGMA cache_spill = OFF");
    if (strcmp(run->cell->journal, "wal") != 0) {
        snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", run->cell->journal);
        library_must(lib, db, sql);
    }
    // The log then stays for the other library to read.
    if (strcmp(run->cell->journal, "wal") == 0 && run->cell->seed % 3 == 0)
        lib->db_config(db, DBCONFIG_NO_CHECKPOINT_ON_CLOSE, 1, (int *)NULL);
    return db;
}

static void file_create(const Run *run, const Library *lib)
{
    const Cell *c = run->cell;
    sqlite3 *db = library_open(lib, run->path, NULL);
    char sql[300];
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = OFF; PRAGMA page_size = %d; PRAGMA encoding = '%s';"
             "PRAGMA auto_vacuum = %s; PRAGMA journal_mode = %s",
             c->page_size, c->encoding, c->vacuum, c->journal);
    library_must(lib, db, sql);
    library_must(lib, db, workload_schema());
    lib->close(db);
}

static void shadow_open(Run *run, const Library *lib)
{
    char sql[100];
    snprintf(sql, sizeof sql, "PRAGMA encoding = '%s'", run->cell->encoding);
    run->shadow_lib = lib;
    run->shadow = library_open(lib, ":memory:", NULL);
    library_must(lib, run->shadow, sql);
    library_must(lib, run->shadow, workload_schema());
}

static void check_integrity(const Run *run, const Library *lib, sqlite3 *db)
{
    const char *verdict = library_text(lib, db, "PRAGMA integrity_check");
    if (strcmp(verdict, "ok") != 0)
        RUN_FAILS(run, "integrity_check by %s: %s", lib->name, verdict);
}

static void check_settings(const Run *run, const Library *lib, sqlite3 *db)
{
    const Cell *c = run->cell;
    char want[100];
    char got[100];
    int vacuum = strcmp(c->vacuum, "none") == 0 ? 0 : strcmp(c->vacuum, "full") == 0 ? 1 : 2;
    snprintf(want, sizeof want, "%d %s %d %d", c->page_size, c->encoding, vacuum,
             strcmp(c->journal, "wal") == 0);
    snprintf(got, sizeof got, "%s %s %s %d", library_text(lib, db, "PRAGMA page_size"),
             library_text(lib, db, "PRAGMA encoding"), library_text(lib, db, "PRAGMA auto_vacuum"),
             strcmp(library_text(lib, db, "PRAGMA journal_mode"), "wal") == 0);
    if (strcmp(want, got) != 0)
        RUN_FAILS(run, "%s reads settings %s, not %s", lib->name, got, want);
}

// --- statements ---

static const char *next_statement(Run *run)
{
    const char *sql = workload_next(&run->workload);
    run->number++;
    snprintf(run->sql, sizeof run->sql, "%s", sql);
    return sql;
}

static int print_row(void *lines_left, int count, char **values, char **names)
{
    (void)names;
    if (--*(int *)lines_left < 0)
        return 1;
    for (int i = 0; i < count; i++)
        fprintf(stderr, "%s%.40s", i > 0 ? "|" : "  ", values[i] != NULL ? values[i] : "NULL");
    fputc('\n', stderr);
    return 0;
}

static void print_rows(const Library *lib, sqlite3 *db, const char *sql)
{
    int lines_left = 20;
    fprintf(stderr, "%s:\n", lib->name);
    lib->exec(db, sql, print_row, &lines_left, NULL);
}

static void both_run(Run *run, const Library *lib, sqlite3 *db, const char *sql)
{
    Outcome outcome = workload_run(lib, db, sql);
    Outcome expected = workload_run(run->shadow_lib, run->shadow, sql);
    if (workload_is_setting(sql))
        return;
    if (outcome.rc != expected.rc)
        RUN_FAILS(run, "%s ends with %d (%s), %s in memory with %d (%s)", lib->name, outcome.rc,
                  lib->errmsg(db), run->shadow_lib->name, expected.rc,
                  run->shadow_lib->errmsg(run->shadow));
    if (outcome.rows != expected.rows) {
        print_rows(lib, db, sql);
        print_rows(run->shadow_lib, run->shadow, sql);
        RUN_FAILS(run, "%s and %s in memory give different rows", lib->name, run->shadow_lib->name);
    }
    if (lib->autocommit(db) != run->shadow_lib->autocommit(run->shadow))
        RUN_FAILS(run, "only one of the two is still in a transaction");
}

static void end_transaction(Run *run, const Library *lib, sqlite3 *db)
{
    if (!lib->autocommit(db))
        both_run(run, lib, db, "COMMIT");
}

// --- the verdict ---

static void compare(const Run *run, const Library *lib, u64 expected)
{
    sqlite3 *db = file_open(run, lib);
    check_integrity(run, lib, db);
    check_settings(run, lib, db);
    if (database_digest(lib, db, NULL) != expected) {
        database_digest(lib, db, stderr);
        database_digest(run->shadow_lib, run->shadow, stderr);
        RUN_FAILS(run, "%s reads other rows than it should", lib->name);
    }
    lib->close(db);
}

static void run_begin(Run *run, const Cell *cell)
{
    memset(run, 0, sizeof *run);
    run->cell = cell;
    scratch_begin(&run->scratch);
    snprintf(run->path, sizeof run->path, "%s", scratch_path(&run->scratch, "matrix.db"));
    workload_begin(&run->workload, cell->seed, WORKLOAD_ALL);
}

static void run_end(Run *run)
{
    check_integrity(run, run->shadow_lib, run->shadow);
    u64 expected = database_digest(run->shadow_lib, run->shadow, NULL);
    compare(run, library_stock(), expected);
    compare(run, library_quire(), expected);
    run->shadow_lib->close(run->shadow);
    workload_end(&run->workload);
    scratch_end(&run->scratch);
}

// --- the ways ---

static void one_writes(Run *run, const Library *writer, const Library *other)
{
    file_create(run, writer);
    shadow_open(run, other);
    sqlite3 *db = file_open(run, writer);
    while (run->number < run->cell->statements) {
        both_run(run, writer, db, next_statement(run));
        if (run->number % 1000 == 0)
            check_integrity(run, writer, db);
    }
    end_transaction(run, writer, db);
    writer->close(db);
}

static void shadow_round(Run *run)
{
    for (int i = 0; i < run->cell->statements / ROUNDS; i++)
        (void)workload_run(run->shadow_lib, run->shadow, next_statement(run));
    if (!run->shadow_lib->autocommit(run->shadow))
        library_must(run->shadow_lib, run->shadow, "COMMIT");
}

static void own_round(Run *run, const Library *lib, sqlite3 *db, bool check)
{
    for (int i = 0; i < run->cell->statements / ROUNDS; i++)
        both_run(run, lib, db, next_statement(run));
    end_transaction(run, lib, db);
    if (check)
        check_integrity(run, lib, db);
}

static const Library *writer_of(int round)
{
    return round % 2 == 0 ? library_quire() : library_stock();
}

static void both_write_in_turn(Run *run)
{
    file_create(run, library_stock());
    shadow_open(run, library_quire());
    for (int round = 0; round < ROUNDS; round++) {
        const Library *lib = writer_of(round);
        sqlite3 *db = file_open(run, lib);
        own_round(run, lib, db, false);
        lib->close(db);
        db = file_open(run, writer_of(round + 1));
        check_integrity(run, writer_of(round + 1), db);
        writer_of(round + 1)->close(db);
    }
}

// Stock SQLite's side of `together`, in its own process.
static int stock_rounds(Child *self, void *arg)
{
    Run *run = arg;
    const Library *lib = library_stock();
    shadow_open(run, library_quire());
    sqlite3 *db = file_open(run, lib);
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 2 == 0) {
            shadow_round(run);
            continue;
        }
        child_pause(self);
        own_round(run, lib, db, round % 10 == 9);
    }
    lib->close(db);
    return 0;
}

static void both_keep_it_open(Run *run)
{
    const Library *lib = library_quire();
    Child child;
    file_create(run, library_stock());
    child_start(&child, stock_rounds, run);
    shadow_open(run, lib);
    sqlite3 *db = file_open(run, lib);
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 2 == 1) {
            shadow_round(run);
            child_resume(&child);
            continue;
        }
        own_round(run, lib, db, round % 10 == 0);
    }
    lib->close(db);
    if (child_finish(&child) != 0)
        RUN_FAILS(run, "the process of stock SQLite failed");
}

static void cell_run(const Cell *cell)
{
    Run run;
    run_begin(&run, cell);
    switch (cell->way) {
    case WRITE: one_writes(&run, library_quire(), library_stock()); break;
    case READ: one_writes(&run, library_stock(), library_quire()); break;
    case ALTERNATE: both_write_in_turn(&run); break;
    case TOGETHER: both_keep_it_open(&run); break;
    case WAY_COUNT: UNREACHABLE();
    }
    run_end(&run);
}

// --- which cells ---

// In a process of its own, so that all failing cells are reported and locks start clean.
static int cell_body(void *arg)
{
    cell_run(arg);
    return 0;
}

static int run_all(int page_size, int statements)
{
    int cells = 0;
    int failures = 0;
    time_t started = time(NULL);
    for (u32 i = 0; i < ARRAY_LEN(page_sizes) * 3 * 3 * 4 * WAY_COUNT; i++) {
        Cell cell = {page_sizes[i % 5],   encodings[i / 5 % 3],
                     vacuums[i / 15 % 3], journals[i / 45 % 4],
                     (Way)(i / 180),      i + 1,
                     statements};
        if (page_size != 0 && page_size != cell.page_size)
            continue;
        failures += child_run(cell_body, &cell) != 0;
        cells++;
    }
    printf("%d cells of %d statements, %d failed, %d s\n", cells, statements, failures,
           (int)(time(NULL) - started));
    return failures != 0;
}

// Each value of each axis meets each value of another at least once.
static int run_slice(void)
{
    int failures = 0;
    for (u32 i = 0; i < 15; i++) {
        Cell cell = {page_sizes[i % 5],
                     encodings[i % 3],
                     vacuums[(i / 5 + i) % 3],
                     journals[i % 4],
                     (Way)((i / 4 + i) % WAY_COUNT),
                     1000 + i,
                     500};
        failures += child_run(cell_body, &cell) != 0;
    }
    return failures != 0;
}

static const char *member(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return list[i];
    give_up("unknown: %s", text);
}

static int run_one(char **argv)
{
    Cell cell = {
        .page_size = atoi(argv[0]),
        .encoding = member(argv[1], encodings, ARRAY_LEN(encodings)),
        .vacuum = member(argv[2], vacuums, ARRAY_LEN(vacuums)),
        .journal = member(argv[3], journals, ARRAY_LEN(journals)),
        .seed = strtoull(argv[5], NULL, 10),
        .statements = atoi(argv[6]),
    };
    const char *way = member(argv[4], way_names, WAY_COUNT);
    while (strcmp(way, way_names[cell.way]) != 0)
        cell.way++;
    cell_run(&cell);
    return 0;
}

// The statements of a seed, to be looked at or fed to a shell.
static int print_statements(u64 seed, int count)
{
    Workload workload;
    workload_begin(&workload, seed, WORKLOAD_ALL);
    printf("%s;\n", workload_schema());
    while (count-- > 0)
        printf("%s;\n", workload_next(&workload));
    workload_end(&workload);
    return 0;
}

int main(int argc, char **argv)
{
    if (library_stock() == NULL) {
        printf("no stock SQLite here\n");
        return 77;
    }
    if (argc >= 2 && strcmp(argv[1], "slice") == 0)
        return run_slice();
    if (argc >= 2 && strcmp(argv[1], "all") == 0)
        return run_all(argc >= 3 ? atoi(argv[2]) : 0, argc >= 4 ? atoi(argv[3]) : 5000);
    if (argc == 4 && strcmp(argv[1], "sql") == 0)
        return print_statements(strtoull(argv[2], NULL, 10), atoi(argv[3]));
    if (argc == 9 && strcmp(argv[1], "cell") == 0)
        return run_one(argv + 2);
    fprintf(stderr,
            "usage: interop_matrix slice | all [PAGE_SIZE [STATEMENTS]] | sql ... | cell ...\n");
    return 2;
}
