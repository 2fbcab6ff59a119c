// Full-text search beside stock SQLite's: random operations, the same answers.
//
//     fts_diff [-e EXTENSION] [-s SEED] [-n OPERATIONS] [-d DIRECTORY] LIBRARY STOCK
//
// Two files hold the same table. One is written by stock SQLite alone. The other is written by
// LIBRARY and by stock SQLite in turn, each transaction by one of them at random, both connections
// staying open. Every query goes to the first file and to either connection of the second, and must
// give the same: rows in order, numbers to 1e-12, texts byte by byte, errors by their message.
// After each thousand operations both check the shared file's integrity, and a table of other
// options begins.
//
// With -e both are the stock library, and EXTENSION is loaded where LIBRARY would be: it must take
// the place of the module that the statements use. Which that is depends on the plan that this is
// linked with.
#include "interop/fts_diff.h"

#include <dlfcn.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPERATIONS_PER_TABLE = 1000, ROWS_MAX = 1 << 20 };

typedef struct Library {
    int (*open)(const char *, sqlite3 **);
    int (*close)(sqlite3 *);
    int (*exec)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
    int (*prepare)(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
    int (*step)(sqlite3_stmt *);
    int (*finalize)(sqlite3_stmt *);
    int (*column_count)(sqlite3_stmt *);
    int (*column_type)(sqlite3_stmt *, int);
    double (*column_double)(sqlite3_stmt *, int);
    const unsigned char *(*column_text)(sqlite3_stmt *, int);
    int (*column_bytes)(sqlite3_stmt *, int);
    const char *(*errmsg)(sqlite3 *);
    int (*version)(void);
    sqlite3_stmt *(*next_stmt)(sqlite3 *, sqlite3_stmt *);
    int (*stmt_busy)(sqlite3_stmt *);
    const char *(*stmt_sql)(sqlite3_stmt *);
    int (*autocommit)(sqlite3 *);
    int (*txn_state)(sqlite3 *, const char *);
    int (*enable_extension)(sqlite3 *, int);
    int (*load_extension)(sqlite3 *, const char *, const char *, char **);
} Library;

typedef struct Side {
    const char *name;
    const Library *lib;
    sqlite3 *db;
    char *rows; // of the last statement
    int size;
} Side;

typedef struct Run {
    Library ours;
    Library stock;
    const char *extension;
    const char *directory;
    Side reference; // the file that stock SQLite writes alone
    Side stock_shared;
    Side ours_shared;
    Plan plan;
    Side *writer; // of the open transaction
    Text log;     // CREATE of the table
    long operation;
} Run;

// --- libraries ---

static void find(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);
    if (found == NULL) {
        fprintf(stderr, "fts_diff: %s\n", dlerror());
        exit(2);
    }
    memcpy(function, &found, sizeof found);
}

static void load(Library *lib, const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "fts_diff: %s\n", dlerror());
        exit(2);
    }
    find(handle, "sqlite3_open", &lib->open);
    find(handle, "sqlite3_close", &lib->close);
    find(handle, "sqlite3_exec", &lib->exec);
    find(handle, "sqlite3_prepare_v2", &lib->prepare);
    find(handle, "sqlite3_step", &lib->step);
    find(handle, "sqlite3_finalize", &lib->finalize);
    find(handle, "sqlite3_column_count", &lib->column_count);
    find(handle, "sqlite3_column_type", &lib->column_type);
    find(handle, "sqlite3_column_double", &lib->column_double);
    find(handle, "sqlite3_column_text", &lib->column_text);
    find(handle, "sqlite3_column_bytes", &lib->column_bytes);
    find(handle, "sqlite3_errmsg", &lib->errmsg);
    find(handle, "sqlite3_libversion_number", &lib->version);
    find(handle, "sqlite3_next_stmt", &lib->next_stmt);
    find(handle, "sqlite3_stmt_busy", &lib->stmt_busy);
    find(handle, "sqlite3_sql", &lib->stmt_sql);
    find(handle, "sqlite3_get_autocommit", &lib->autocommit);
    find(handle, "sqlite3_txn_state", &lib->txn_state);
    find(handle, "sqlite3_enable_load_extension", &lib->enable_extension);
    find(handle, "sqlite3_load_extension", &lib->load_extension);
}

static void side_open(const Run *run, Side *side, const char *file)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", run->directory, file);
    bool has_extension = side == &run->ours_shared && run->extension != NULL;
    int rc = side->lib->open(path, &side->db);
    if (rc == SQLITE_OK && has_extension)
        rc = side->lib->enable_extension(side->db, 1);
    if (rc == SQLITE_OK && has_extension)
        rc = side->lib->load_extension(side->db, run->extension, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = side->lib->exec(side->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        fprintf(stderr, "fts_diff: %s: %s\n", path, side->lib->errmsg(side->db));
        exit(2);
    }
}

// --- statements ---

static void put(Side *side, const char *bytes, int size)
{
    if (side->size + size + 1 > ROWS_MAX)
        size = ROWS_MAX - side->size - 1;
    memcpy(side->rows + side->size, bytes, (size_t)size);
    side->size += size;
    side->rows[side->size] = 0;
}

static void put_column(Side *side, sqlite3_stmt *stmt, int i)
{
    static const char marks[] = "?IFTBN";
    const Library *lib = side->lib;
    int type = lib->column_type(stmt, i);
    char number[64];
    put(side, &marks[type], 1);
    if (type == SQLITE_FLOAT) {
        snprintf(number, sizeof number, "%.17g", lib->column_double(stmt, i));
        put(side, number, (int)strlen(number));
    } else if (type != SQLITE_NULL) {
        const char *text = (const char *)lib->column_text(stmt, i);
        put(side, text == NULL ? "" : text, lib->column_bytes(stmt, i));
    }
    put(side, "\x1F", 1);
}

static void put_error(Side *side, int rc)
{
    char text[512];
    snprintf(text, sizeof text, "error %d: %s\n", rc & 0xFF, side->lib->errmsg(side->db));
    put(side, text, (int)strlen(text));
}

static void side_run(Side *side, const char *sql)
{
    side->size = 0;
    side->rows[0] = 0;
    while (*sql != 0) {
        sqlite3_stmt *stmt = NULL;
        int rc = side->lib->prepare(side->db, sql, -1, &stmt, &sql);
        if (rc != SQLITE_OK) {
            put_error(side, rc);
            return;
        }
        while (stmt != NULL && side->lib->step(stmt) == SQLITE_ROW) {
            for (int i = 0; i < side->lib->column_count(stmt); i++)
                put_column(side, stmt, i);
            put(side, "\n", 1);
        }
        rc = side->lib->finalize(stmt);
        if (rc != SQLITE_OK) {
            put_error(side, rc);
            return;
        }
    }
}

// A statement of the module's that stays open would hold a lock and an old snapshot.
static void expect_idle(const Side *side, const char *sql)
{
    for (sqlite3_stmt *stmt = side->lib->next_stmt(side->db, NULL); stmt != NULL;
         stmt = side->lib->next_stmt(side->db, stmt)) {
        if (side->lib->stmt_busy(stmt)) {
            printf("%s\n%s leaves open\n%s\n", sql, side->name, side->lib->stmt_sql(stmt));
            exit(1);
        }
    }
    if (side->lib->autocommit(side->db) && side->lib->txn_state(side->db, "main") != 0) {
        printf("%s\n%s keeps its transaction\n", sql, side->name);
        exit(1);
    }
}

// --- comparing ---

static bool numbers_agree(const char *a, const char *b)
{
    char *a_end;
    char *b_end;
    double x = strtod(a, &a_end);
    double y = strtod(b, &b_end);
    return *a_end == '\x1F' && *b_end == '\x1F'
           && fabs(x - y) <= 1e-12 * fmax(1.0, fmax(fabs(x), fabs(y)));
}

static bool rows_agree(const char *a, const char *b)
{
    while (*a != 0 && *b != 0) {
        size_t a_size = strcspn(a, "\x1F\n") + 1;
        size_t b_size = strcspn(b, "\x1F\n") + 1;
        bool is_equal = a_size == b_size && memcmp(a, b, a_size) == 0;
        if (!is_equal && !(*a == 'F' && *b == 'F' && numbers_agree(a + 1, b + 1)))
            return false;
        a += a_size;
        b += b_size;
    }
    return *a == *b;
}

static void compare(const Run *run, const Side *expected, const Side *actual, const char *sql)
{
    if (actual == &run->ours_shared)
        expect_idle(actual, sql);
    if (rows_agree(expected->rows, actual->rows))
        return;
    int at = 0;
    while (expected->rows[at] != 0 && expected->rows[at] == actual->rows[at])
        at++;
    int from = at > 100 ? at - 100 : 0;
    printf("operation %ld\n%s\n%.2000s\n--- %s\n%.300s\n--- %s\n%.300s\n", run->operation,
           run->log.bytes, sql, expected->name, expected->rows + from, actual->name,
           actual->rows + from);
    const char *probe = getenv("FTS_DIFF_PROBE"); // SQL that tells more, asked of all three
    const Side *sides[] = {&run->reference, &run->stock_shared, &run->ours_shared};
    for (int i = 0; probe != NULL && i < 3; i++) {
        Side side = *sides[i];
        side_run(&side, probe);
        printf("--- %s\n%.4000s\n", side.name, side.rows);
    }
    exit(1);
}

// --- the run ---

static void change(Run *run)
{
    static Text sql;
    bool was_open = run->plan.is_open;
    plan_change(&run->plan, &sql);
    if (!was_open)
        run->writer = plan_random(&run->plan, 2) == 0 ? &run->stock_shared : &run->ours_shared;
    side_run(&run->reference, sql.bytes);
    side_run(run->writer, sql.bytes);
    if (getenv("FTS_DIFF_VERBOSE") != NULL)
        fprintf(stderr, "%ld %s: %s;\n", run->operation, run->writer->name, sql.bytes);
    compare(run, &run->reference, run->writer, sql.bytes);
}

// An old stock library may spoil what it has pending when it is asked amid a transaction: it then
// takes for corrupt what it wrote itself. A savepoint makes it write that first.
static void flush_old_stock(const Run *run, Side *side)
{
    if (run->plan.version < 3044000 && run->plan.is_open)
        side_run(side, "SAVEPOINT flush; RELEASE flush");
}

static void query(Run *run)
{
    static Text sql;
    plan_query(&run->plan, &sql);
    bool by_ours = !run->plan.is_open || run->writer == &run->ours_shared;
    bool by_stock = !by_ours || (!run->plan.is_open && run->operation % 4 == 0);
    flush_old_stock(run, &run->reference);
    if (by_stock)
        flush_old_stock(run, &run->stock_shared);
    side_run(&run->reference, sql.bytes);
    if (by_ours) {
        side_run(&run->ours_shared, sql.bytes);
        compare(run, &run->reference, &run->ours_shared, sql.bytes);
    }
    if (by_stock) {
        side_run(&run->stock_shared, sql.bytes);
        compare(run, &run->reference, &run->stock_shared, sql.bytes);
    }
}

static void check(Run *run)
{
    const char *check_sql = plan_check(&run->plan);
    if (run->plan.is_open) {
        side_run(&run->reference, "COMMIT");
        side_run(run->writer, "COMMIT");
        run->plan.is_open = false;
    }
    side_run(&run->reference, check_sql);
    side_run(&run->ours_shared, check_sql);
    compare(run, &run->reference, &run->ours_shared, check_sql);
    side_run(&run->stock_shared, check_sql);
    compare(run, &run->reference, &run->stock_shared, check_sql);
    side_run(&run->reference, "PRAGMA integrity_check");
    side_run(&run->stock_shared, "PRAGMA integrity_check");
    compare(run, &run->reference, &run->stock_shared, "PRAGMA integrity_check");
}

static void remove_files(const Run *run)
{
    static const char *const names[] = {"reference.db", "shared.db"};
    char path[600];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", run->directory, names[i]);
        unlink(path);
    }
}

static void begin_table(Run *run)
{
    remove_files(run);
    side_open(run, &run->reference, "reference.db");
    side_open(run, &run->stock_shared, "shared.db");
    side_open(run, &run->ours_shared, "shared.db");
    plan_begin(&run->plan, &run->log);
    run->writer = plan_random(&run->plan, 2) == 0 ? &run->stock_shared : &run->ours_shared;
    side_run(&run->reference, run->log.bytes);
    side_run(run->writer, run->log.bytes);
    compare(run, &run->reference, run->writer, run->log.bytes);
}

static void end_table(Run *run)
{
    check(run);
    run->reference.lib->close(run->reference.db);
    run->stock_shared.lib->close(run->stock_shared.db);
    run->ours_shared.lib->close(run->ours_shared.db);
}

static void side_init(Side *side, const char *name, const Library *lib)
{
    *side = (Side){.name = name, .lib = lib, .rows = malloc(ROWS_MAX)};
    if (side->rows == NULL)
        exit(2);
}

int main(int argc, char **argv)
{
    static Run run = {.directory = "."};
    long count = 20000;
    int option;
    while ((option = getopt(argc, argv, "e:s:n:d:")) != -1) {
        switch (option) {
        case 'e': run.extension = optarg; break;
        case 's': run.plan.random = strtoull(optarg, NULL, 10) * 7919; break;
        case 'n': count = strtol(optarg, NULL, 10); break;
        case 'd': run.directory = optarg; break;
        default: return 2;
        }
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: fts_diff [-e EXTENSION] [-s SEED] [-n COUNT] [-d DIR] LIB STOCK\n");
        return 2;
    }
    load(&run.stock, argv[optind + 1]);
    load(&run.ours, run.extension != NULL ? argv[optind + 1] : argv[optind]);
    run.plan.version = run.stock.version();
    side_init(&run.reference, "reference", &run.stock);
    side_init(&run.stock_shared, "stock on the shared file", &run.stock);
    side_init(&run.ours_shared, "library on the shared file", &run.ours);
    for (run.operation = 0; run.operation < count; run.operation++) {
        if (run.operation % OPERATIONS_PER_TABLE == 0)
            begin_table(&run);
        if (plan_random(&run.plan, 100) < 55)
            change(&run);
        else
            query(&run);
        if ((run.operation + 1) % OPERATIONS_PER_TABLE == 0 || run.operation + 1 == count)
            end_table(&run);
    }
    remove_files(&run);
    printf("%ld operations agree\n", count);
    return 0;
}
