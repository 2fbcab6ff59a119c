// From a feed alone (full images) a copy of the captured tables is made that equals them row by
// row, after random statements by quire and by stock SQLite: in turn, and at the same time in
// processes that are killed now and then.
//
// QUIRE_REPLAY_STATEMENTS scales the tests (the full size is 100000), QUIRE_REPLAY_SEED varies
// them.
#include "support/library.h"
#include "support/stock.h"
#include "support/test.h"

#include "quire.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE a(id INTEGER PRIMARY KEY, u TEXT UNIQUE, v);"
    "CREATE TABLE b(x, y REAL, z, UNIQUE(x, z));"
    "CREATE TABLE w(k TEXT COLLATE NOCASE, l INT, m, PRIMARY KEY(k, l)) WITHOUT ROWID;"
    "CREATE TABLE p(id INTEGER PRIMARY KEY, n);"
    "CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE,"
    " q UNIQUE);"
    "CREATE UNIQUE INDEX bi ON b(lower(z)) WHERE y > 5;"
    "CREATE VIEW av AS SELECT id, u, v FROM a;"
    "CREATE TRIGGER avi INSTEAD OF INSERT ON av BEGIN"
    " INSERT OR REPLACE INTO a(id, u, v) VALUES(new.id, new.u, new.v); END;"
    "CREATE TRIGGER at AFTER UPDATE OF v ON a BEGIN INSERT INTO b(x, y, z) VALUES(new.id, new.v,"
    " 't' || new.id || new.v); UPDATE p SET n = new.v WHERE id = new.id % 5; END;";

static unsigned seed;

static unsigned dice(unsigned sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 10) % sides;
}

static const char *value(void)
{
    static char ring[8][32];
    static unsigned next;
    char *out = ring[next++ % 8];
    switch (dice(6)) {
    case 0: snprintf(out, 32, "%d", (int)dice(40) - 5); break;
    case 1: snprintf(out, 32, "%d.%02u", (int)dice(20) - 10, dice(100)); break;
    case 2: snprintf(out, 32, "'k%u'", dice(30)); break;
    case 3: snprintf(out, 32, "'K%u'", dice(30)); break;
    case 4: snprintf(out, 32, "x'%02x'", dice(256)); break;
    default: snprintf(out, 32, "NULL"); break;
    }
    return out;
}

static const char *conflict(void)
{
    static const char *const clauses[] = {"",           "",          "OR REPLACE",
                                          "OR REPLACE", "OR IGNORE", "OR FAIL"};
    return clauses[dice(6)];
}

typedef struct Shape {
    const char *name, *columns, *key, *last;
} Shape;
static const Shape shapes[] = {{"a", "id, u, v", "id", "v"},
                               {"b", "rowid, x, z", "rowid", "y"},
                               {"w", "l, k, m", "l", "m"},
                               {"p", "id, n, n", "id", "n"},
                               {"c", "id, p, q", "id", "q"}};

// One random statement: it may well fail.
static void make_statement(char *out, size_t size)
{
    const Shape *t = &shapes[dice(5)];
    unsigned key = dice(30) + 1;
    const char *columns = t->name[0] == 'p' ? "id, n" : t->columns;
    switch (dice(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        snprintf(out, size, "INSERT %s INTO %s(%s) VALUES(%u, %s%s%s)", conflict(), t->name,
                 columns, key,
                 t->name[0] == 'p'   ? ""
                 : t->name[0] == 'c' ? "1 + abs(random()) % 30"
                                     : value(),
                 t->name[0] == 'p' ? "" : ", ", value());
        return;
    case 4:
        snprintf(out, size, "INSERT INTO a VALUES(%u, %s, %s) ON CONFLICT(id) DO UPDATE SET v = %s",
                 key, value(), value(), value());
        return;
    case 5: snprintf(out, size, "INSERT INTO av VALUES(%u, %s, %s)", key, value(), value()); return;
    case 6:
    case 7:
        snprintf(out, size, "UPDATE %s %s SET %s = %u WHERE %s = %u", conflict(), t->name, t->key,
                 dice(40) + 1, t->key, key);
        return;
    case 8:
        snprintf(out, size, "UPDATE %s %s SET %s = %s WHERE %s %% 7 = %u", conflict(), t->name,
                 t->last, value(), t->key, dice(7));
        return;
    case 9:
        snprintf(out, size, "UPDATE OR REPLACE b SET z = %s WHERE rowid = %u", value(), key);
        return;
    case 10: snprintf(out, size, "DELETE FROM %s WHERE %s = %u", t->name, t->key, key); return;
    default:
        if (dice(20) == 0)
            snprintf(out, size, "DELETE FROM %s", t->name);
        else
            snprintf(out, size, "DELETE FROM %s WHERE %s %% 11 = %u", t->name, t->key, dice(11));
        return;
    }
}

static const char *transaction_word(void)
{
    static const char *const words[] = {"BEGIN",       "BEGIN IMMEDIATE", "COMMIT",    "COMMIT",
                                        "SAVEPOINT s", "ROLLBACK TO s",   "RELEASE s", "ROLLBACK"};
    return words[dice(8)];
}

// Statements one by one: an error of one is part of the game.
static void run_here(sqlite3 *db, int count)
{
    char sql[300];
    for (int i = 0; i < count; i++) {
        make_statement(sql, sizeof sql);
        (void)sqlite3_exec(db, dice(6) == 0 ? transaction_word() : sql, NULL, NULL, NULL);
    }
    (void)sqlite3_exec(db, dice(2) == 0 ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    if (sqlite3_get_autocommit(db) == 0)
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

// Stock SQLite gets OR IGNORE and OR REPLACE statements, which do not end its script.
static void run_stock(const char *path, int count)
{
    char script[16384] = "PRAGMA foreign_keys = 1; PRAGMA synchronous = off;";
    size_t size = strlen(script);
    for (int i = 0; i < count && size < sizeof script - 400; i++) {
        const char *const verbs[] = {"REPLACE", "INSERT OR IGNORE"};
        size += (size_t)snprintf(script + size, sizeof script - size,
                                 "%s INTO a VALUES(%u, %s, %s); %s INTO b VALUES(%s, %s, %s);"
                                 "%s INTO w VALUES(coalesce(%s, 'n'), %u, %s);"
                                 "DELETE FROM a WHERE id = %u;",
                                 verbs[dice(2)], dice(30) + 1, value(), value(), verbs[dice(2)],
                                 value(), value(), value(), verbs[dice(2)], value(), dice(30) + 1,
                                 value(), dice(30) + 1);
    }
    const char *result = stock_sql(path, script);
    if (result[0] != '\0')
        fail_msg("stock: %s", result);
}

// --- the copy ---

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    return stmt;
}

// Binds the first `count` columns of a row and runs a statement that changes one row of the copy:
// no row comes that is there, and none goes that is not.
static void apply(sqlite3 *copy, sqlite3_stmt *stmt, sqlite3_stmt *row, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_bind_value(stmt, i + 1, sqlite3_column_value(row, i));
    if (sqlite3_step(stmt) != SQLITE_DONE || sqlite3_changes(copy) != 1)
        fail_msg("change %lld does not fit: %s", sqlite3_column_int64(row, 4),
                 sqlite3_errmsg(copy));
    sqlite3_reset(stmt);
}

// The copy keeps a row as its record, under the name of its table and its key. A change must find
// the row that its image of before shows.
static void replay(sqlite3 *db, sqlite3 *copy)
{
    run(copy, "CREATE TABLE copy(tbl, id, row, PRIMARY KEY(tbl, id)) WITHOUT ROWID; BEGIN");
    sqlite3_stmt *feed =
        prepare(db, "SELECT table_name, id, after, change_type, change_id, before FROM feed"
                    " WHERE table_name <> 'sqlite_schema' ORDER BY change_id");
    sqlite3_stmt *put = prepare(copy, "INSERT INTO copy VALUES(?1, ?2, ?3)");
    sqlite3_stmt *drop = prepare(copy, "DELETE FROM copy WHERE tbl = ?1 AND id = ?2 AND row = ?3");
    while (sqlite3_step(feed) == SQLITE_ROW) {
        int type = sqlite3_column_int(feed, 3);
        sqlite3_bind_value(drop, 3, sqlite3_column_value(feed, 5));
        if (type != QUIRE_CDC_INSERT)
            apply(copy, drop, feed, 2);
        if (type != QUIRE_CDC_DELETE)
            apply(copy, put, feed, 3);
    }
    run(copy, "COMMIT");
    assert_ok(sqlite3_finalize(feed));
    assert_ok(sqlite3_finalize(put));
    assert_ok(sqlite3_finalize(drop));
}

// A second feed that starts with all rows there are says what the copy ought to be.
static int compare(sqlite3 *db, sqlite3 *copy)
{
    int rows = 0;
    run(db, "CREATE VIRTUAL TABLE present USING cdc(tables='a, b, w, p, c', backfill=1)");
    sqlite3_stmt *row = prepare(db, "SELECT table_name, id, after, 0, change_id FROM present"
                                    " WHERE table_name <> 'sqlite_schema'");
    sqlite3_stmt *drop = prepare(copy, "DELETE FROM copy WHERE tbl = ?1 AND id = ?2 AND row = ?3");
    for (; sqlite3_step(row) == SQLITE_ROW; rows++)
        apply(copy, drop, row, 3);
    assert_ok(sqlite3_finalize(row));
    assert_ok(sqlite3_finalize(drop));
    sqlite3_stmt *rest = prepare(copy, "SELECT tbl, id FROM copy");
    assert_int_equal(sqlite3_step(rest), SQLITE_DONE); // nothing is left over
    assert_ok(sqlite3_finalize(rest));
    return rows;
}

static void check_turn(const char *path, int statements)
{
    sqlite3 *db;
    if (dice(3) == 0 && stock_is_present()) {
        run_stock(path, statements / 4);
        return;
    }
    assert_ok(sqlite3_open(path, &db));
    run(db, dice(2) == 0 ? "PRAGMA foreign_keys = 1" : "PRAGMA recursive_triggers = 1");
    run(db, "PRAGMA synchronous = off");
    run_here(db, statements);
    assert_ok(sqlite3_close(db));
}

static int scaled(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : atoi(text);
}

static const char *begin_feed(WorkDir *dir, const char *mode)
{
    char pragma[60];
    sqlite3 *db;
    work_dir_begin(dir);
    const char *path = work_path(dir, "replay.db");
    seed = (unsigned)scaled("QUIRE_REPLAY_SEED", 7);
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %s", mode);
    assert_ok(sqlite3_open(path, &db));
    run(db, pragma);
    run(db, schema);
    run(db, "CREATE VIRTUAL TABLE feed USING cdc(tables='a, b, w, p, c', mode=full)");
    assert_ok(sqlite3_close(db));
    return path;
}

static void end_feed(WorkDir *dir, const char *path)
{
    sqlite3 *db;
    sqlite3 *copy;
    assert_ok(sqlite3_open(path, &db));
    assert_ok(sqlite3_open(":memory:", &copy));
    replay(db, copy);
    assert_true(compare(db, copy) > 10);
    assert_ok(sqlite3_close(copy));
    assert_ok(sqlite3_close(db));
    work_dir_end(dir);
}

static void a_copy_made_of_the_feed_alone_equals_the_tables(void **state)
{
    (void)state;
    const int statements = scaled("QUIRE_REPLAY_STATEMENTS", 4000);
    WorkDir dir;
    const char *path = begin_feed(&dir, "delete");

    for (int done = 0; done < statements; done += 100)
        check_turn(path, 100);

    end_feed(&dir, path);
}

// --- writers at the same time ---

enum { WRITERS = 3 }; // two of quire, one of stock SQLite

typedef struct Progress {
    _Atomic int done; // statements of all writers
    int wanted;
} Progress;

// Statements until enough are done by all. Any may fail: by a constraint, or by a lock that the
// others keep.
static void write_until_done(const Library *lib, const char *path, Progress *progress)
{
    char sql[300];
    sqlite3 *db = library_open(lib, path, NULL);
    (void)lib->busy_timeout(db, 60000);
    library_must(lib, db, "PRAGMA synchronous = off");
    library_must(lib, db,
                 dice(2) == 0 ? "PRAGMA foreign_keys = 1" : "PRAGMA recursive_triggers = 1");
    (void)lib->busy_timeout(db, 5); // those that wait for each other should give up soon
    while (atomic_load(&progress->done) < progress->wanted) {
        make_statement(sql, sizeof sql);
        (void)lib->exec(db, dice(6) == 0 ? transaction_word() : sql, NULL, NULL, NULL);
        atomic_fetch_add(&progress->done, 1);
    }
    if (!lib->autocommit(db))
        library_must(lib, db, "ROLLBACK");
    (void)lib->close(db);
}

static pid_t start_writer(int number, const char *path, Progress *progress)
{
    (void)dice(2); // the next writer's statements are others
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    seed += (unsigned)number * 7919;
    write_until_done(number == 0 ? library_stock() : library_quire(), path, progress);
    _exit(0);
}

// Kills one at a time, in the midst of whatever it does.
static void kill_and_restart(pid_t *writers, const char *path, Progress *progress)
{
    while (atomic_load(&progress->done) < progress->wanted) {
        int victim = (int)dice(WRITERS);
        usleep(20000 + dice(60) * 1000);
        assert_int_equal(kill(writers[victim], SIGKILL), 0);
        assert_int_equal(waitpid(writers[victim], NULL, 0), writers[victim]);
        writers[victim] = start_writer(victim, path, progress);
    }
}

static void check_killed_writers(const char *mode, int statements)
{
    WorkDir dir;
    pid_t writers[WRITERS];
    Progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    assert_true(stock_is_present());
    const char *path = begin_feed(&dir, mode);
    progress->wanted = statements;

    for (int i = 0; i < WRITERS; i++)
        writers[i] = start_writer(i, path, progress);
    kill_and_restart(writers, path, progress);
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_int_equal(status, 0);
    }

    assert_string_equal(stock_sql(path, "PRAGMA integrity_check"), "ok");
    end_feed(&dir, path);
    assert_int_equal(munmap(progress, sizeof *progress), 0);
}

static void killed_writers_leave_a_feed_that_tells_all_they_committed(void **state)
{
    (void)state;
    check_killed_writers("delete", scaled("QUIRE_REPLAY_STATEMENTS", 2000));
}

static void the_same_holds_with_a_write_ahead_log(void **state)
{
    (void)state;
    check_killed_writers("wal", scaled("QUIRE_REPLAY_STATEMENTS", 2000));
}

TEST_SUITE(feed_replay, cmocka_unit_test(a_copy_made_of_the_feed_alone_equals_the_tables),
           cmocka_unit_test(killed_writers_leave_a_feed_that_tells_all_they_committed),
           cmocka_unit_test(the_same_holds_with_a_write_ahead_log))
