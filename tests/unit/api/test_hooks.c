// Callbacks of a connection.
#include "support/changeset.h"
#include "support/stock.h"
#include "support/test.h"

#include "sqlite3.h"

static int count_calls(void *arg, int count)
{
    int *calls = arg;
    assert_int_equal(count, *calls);
    ++*calls;
    return *calls < 3;
}

static sqlite3 *open_file(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    return db;
}

// The other process holds the lock until it is told to go.
static void check_handler(const char *mode, const char *holder, const char *sql)
{
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "busy.db");
    sqlite3 *db = open_file(path, mode);
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    pid_t other = stock_start(path, holder);
    db = open_file(path, "");
    int calls = 0;
    assert_ok(sqlite3_busy_handler(db, count_calls, &calls));

    assert_rc(SQLITE_BUSY, sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_int_equal(calls, 3);
    calls = 0; // each statement asks anew
    assert_rc(SQLITE_BUSY, sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_int_equal(calls, 3);

    stock_stop(other, false);
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    work_dir_end(&dir);
}

static void the_busy_handler_is_asked_for_each_lock(void **state)
{
    (void)state;
    if (!stock_is_present())
        fail_msg("the stock library is missing: install libsqlite3-0");
    check_handler("PRAGMA journal_mode=delete", "BEGIN EXCLUSIVE", "SELECT * FROM t");
    check_handler("PRAGMA journal_mode=delete", "BEGIN IMMEDIATE", "INSERT INTO t VALUES(1)");
    check_handler("PRAGMA journal_mode=delete", "BEGIN; SELECT * FROM t",
                  "INSERT INTO t VALUES(1)");
    check_handler("PRAGMA journal_mode=wal", "BEGIN IMMEDIATE", "INSERT INTO t VALUES(1)");
}

static void note_statement(void *arg, const char *sql)
{
    char *notes = arg;
    size_t length = strlen(notes);
    snprintf(notes + length, 200 - length, "%s|", sql);
}

static void only_the_programs_statements_are_traced(void **state)
{
    (void)state;
    char notes[200] = "";
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    sqlite3_trace(db, note_statement, notes);

    assert_ok(sqlite3_exec(db, "CREATE TABLE u(a); ALTER TABLE t RENAME TO v; SELECT 1", NULL, NULL,
                           NULL));

    assert_text("CREATE TABLE u(a);|ALTER TABLE t RENAME TO v;|SELECT 1|", notes);
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(hooks, cmocka_unit_test(the_busy_handler_is_asked_for_each_lock),
           cmocka_unit_test(only_the_programs_statements_are_traced))
