// Connections that share a cache, as programs see them: locks on tables, reading what is not
// committed, waiting for each other. The codes and messages are SQLite's.
#include "support/api_fault.h"
#include "support/changeset.h"
#include "support/stock.h"
#include "support/test.h"

#include "sqlite3.h"
#include <pthread.h>

enum { FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI };
static const char memory_name[] = "file:shared?mode=memory&cache=shared";

static sqlite3 *open_shared(const char *name)
{
    sqlite3 *db;
    assert_ok(sqlite3_open_v2(name, &db, FLAGS, NULL));
    assert_ok(sqlite3_extended_result_codes(db, 1));
    return db;
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void assert_locked(sqlite3 *db, const char *sql, const char *message)
{
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, run(db, sql));
    assert_text(message, sqlite3_errmsg(db));
}

static void the_message_names_what_is_locked(void **state)
{
    (void)state;
    sqlite3 *one = open_shared(memory_name), *two = open_shared(memory_name);
    assert_ok(run(one, "CREATE TABLE t1(a); CREATE TABLE t2(a)"));
    assert_ok(run(two, "SELECT * FROM t1"));

    assert_ok(run(one, "BEGIN; INSERT INTO t1 VALUES(1)"));
    assert_locked(two, "SELECT * FROM t1", "database table is locked: t1");
    assert_locked(two, "SELECT 1 WHERE 1 IN t1", "database table is locked: t1");
    assert_ok(run(two, "SELECT * FROM t2"));
    assert_locked(two, "INSERT INTO t2 VALUES(1)", "database table is locked");
    assert_locked(two, "BEGIN IMMEDIATE", "database table is locked");
    assert_ok(run(one, "CREATE TABLE t3(a)"));
    assert_locked(two, "SELECT * FROM t2", "database schema is locked: main");
    assert_locked(two, "BEGIN", "database schema is locked: main");
    assert_ok(run(one, "COMMIT"));
    assert_ok(run(two, "SELECT * FROM t1, t3"));

    assert_ok(run(two, "BEGIN; SELECT * FROM t1"));
    assert_locked(one, "DELETE FROM t1", "database table is locked: t1");
    assert_locked(one, "DROP TABLE t2", "database table is locked: sqlite_master");
    assert_locked(one, "BEGIN EXCLUSIVE", "database table is locked");
    assert_ok(run(two, "COMMIT"));
    assert_ok(run(one, "DROP TABLE t2"));

    assert_ok(sqlite3_close(one));
    assert_ok(sqlite3_close(two));
}

static void triggers_and_keys_lock_what_they_touch(void **state)
{
    (void)state;
    sqlite3 *one = open_shared(memory_name), *two = open_shared(memory_name);
    assert_ok(run(one, "CREATE TABLE t1(a); CREATE TABLE t2(a INTEGER PRIMARY KEY);"
                       "CREATE TABLE t3(a REFERENCES t2(a)); INSERT INTO t2 VALUES(1);"
                       "CREATE TRIGGER r AFTER INSERT ON t1 BEGIN DELETE FROM t2 WHERE a > 1; END;"
                       "PRAGMA foreign_keys = 1"));

    assert_ok(run(two, "BEGIN; SELECT * FROM t2"));
    assert_locked(one, "INSERT INTO t1 VALUES(1)", "database table is locked: t2");
    assert_ok(run(one, "INSERT INTO t3 VALUES(1)"));
    assert_ok(run(two, "COMMIT; BEGIN; SELECT * FROM t3"));
    assert_locked(one, "INSERT INTO t3 VALUES(1)", "database table is locked: t3");
    assert_ok(run(two, "COMMIT"));

    assert_ok(sqlite3_close(one));
    assert_ok(sqlite3_close(two));
}

static void what_is_not_committed_can_be_read(void **state)
{
    (void)state;
    WorkDir dir;
    work_dir_begin(&dir);
    char name[300];
    snprintf(name, sizeof name, "file:%s?cache=shared", work_path(&dir, "a.db"));
    sqlite3 *one = open_shared(name), *two = open_shared(name);
    sqlite3_stmt *scan;
    assert_ok(run(one, "CREATE TABLE t(a); INSERT INTO t VALUES(1)"));
    assert_ok(run(two, "PRAGMA read_uncommitted = 1"));

    assert_ok(run(one, "BEGIN; INSERT INTO t VALUES(2), (3)"));
    assert_text("1\n2\n3", rows_text(two, "SELECT * FROM t"));
    assert_ok(sqlite3_prepare_v2(two, "SELECT * FROM t", -1, &scan, NULL));
    assert_rc(SQLITE_ROW, sqlite3_step(scan));
    assert_rc(SQLITE_ROW, sqlite3_step(scan));
    assert_int_equal(sqlite3_column_int(scan, 0), 2);
    assert_ok(run(one, "ROLLBACK"));
    assert_rc(SQLITE_DONE, sqlite3_step(scan)); // what came after is gone
    assert_ok(sqlite3_finalize(scan));
    assert_text("1", rows_text(two, "SELECT * FROM t"));

    assert_ok(sqlite3_close(one));
    assert_ok(sqlite3_close(two));
    work_dir_end(&dir);
}

static void sharing_is_asked_for_by_name_flag_or_default(void **state)
{
    (void)state;
    sqlite3 *one, *two;

    // Without a URI a database in memory has no name that others could find it by.
    assert_ok(sqlite3_open_v2(":memory:", &one, FLAGS | SQLITE_OPEN_SHAREDCACHE, NULL));
    assert_ok(sqlite3_open_v2(":memory:", &two, FLAGS | SQLITE_OPEN_SHAREDCACHE, NULL));
    assert_ok(run(one, "CREATE TABLE t(a)"));
    assert_rc(SQLITE_ERROR, run(two, "SELECT * FROM t"));
    assert_ok(sqlite3_close(two));
    assert_ok(sqlite3_close(one));

    assert_ok(sqlite3_enable_shared_cache(1));
    assert_ok(sqlite3_open_v2("file::memory:", &one, FLAGS, NULL));
    assert_ok(sqlite3_open_v2("file::memory:", &two, FLAGS | SQLITE_OPEN_PRIVATECACHE, NULL));
    assert_ok(sqlite3_enable_shared_cache(0));
    assert_ok(run(one, "CREATE TABLE t(a)"));
    assert_rc(SQLITE_ERROR, run(two, "SELECT * FROM t"));
    assert_ok(sqlite3_close(two));
    two = open_shared("file::memory:?cache=shared");
    assert_ok(run(two, "SELECT * FROM t"));
    assert_rc(SQLITE_ERROR, run(two, "ATTACH 'file::memory:?cache=shared' AS x"));
    assert_text("database is already attached", sqlite3_errmsg(two));

    assert_ok(sqlite3_close(one));
    assert_ok(sqlite3_close(two));
}

// --- waiting ---

static void count_arguments(void **args, int count)
{
    for (int i = 0; i < count; i++)
        ++*(int *)args[i];
}

static void the_end_of_the_transaction_is_told(void **state)
{
    (void)state;
    sqlite3 *one = open_shared(memory_name), *two = open_shared(memory_name);
    int calls = 0;
    assert_ok(run(one, "CREATE TABLE t(a)"));

    assert_ok(sqlite3_unlock_notify(two, count_arguments, &calls));
    assert_int_equal(calls, 1); // nobody is in the way
    assert_ok(run(one, "BEGIN; INSERT INTO t VALUES(1)"));
    assert_locked(two, "INSERT INTO t VALUES(2)", "database table is locked");
    assert_ok(sqlite3_unlock_notify(two, count_arguments, &calls));
    assert_ok(run(one, "INSERT INTO t VALUES(3)"));
    assert_int_equal(calls, 1);
    assert_ok(run(one, "COMMIT"));
    assert_int_equal(calls, 2);

    assert_ok(run(one, "BEGIN; INSERT INTO t VALUES(1)"));
    assert_locked(two, "SELECT * FROM t", "database table is locked: t");
    assert_ok(sqlite3_unlock_notify(two, count_arguments, &calls));
    assert_ok(sqlite3_close(one));
    assert_int_equal(calls, 3);
    assert_ok(sqlite3_close(two));
}

static void a_deadlock_is_seen(void **state)
{
    (void)state;
    sqlite3 *one = open_shared(memory_name), *two = open_shared(memory_name);
    int calls = 0;
    assert_ok(run(one, "CREATE TABLE t1(a); CREATE TABLE t2(a)"));
    assert_ok(run(one, "BEGIN; INSERT INTO t1 VALUES(1)"));
    assert_ok(run(two, "BEGIN; SELECT * FROM t2"));

    assert_locked(two, "SELECT * FROM t1", "database table is locked: t1");
    assert_ok(sqlite3_unlock_notify(two, count_arguments, &calls));
    assert_locked(one, "DELETE FROM t2", "database table is locked: t2");
    assert_rc(SQLITE_LOCKED, sqlite3_unlock_notify(one, count_arguments, &calls));
    assert_text("database is deadlocked", sqlite3_errmsg(one));
    assert_int_equal(calls, 0);

    assert_ok(sqlite3_close(one));
    assert_int_equal(calls, 1);
    assert_ok(sqlite3_close(two));
}

// --- threads ---

typedef struct Gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool is_open;
} Gate;

static void open_gates(void **args, int count)
{
    for (int i = 0; i < count; i++) {
        Gate *gate = args[i];
        pthread_mutex_lock(&gate->mutex);
        gate->is_open = true;
        pthread_cond_signal(&gate->opened);
        pthread_mutex_unlock(&gate->mutex);
    }
}

// What the documentation of sqlite3_unlock_notify() tells programs to do.
static int wait_for_unlock(sqlite3 *db)
{
    Gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    int rc = sqlite3_unlock_notify(db, open_gates, &gate);
    pthread_mutex_lock(&gate.mutex);
    while (rc == SQLITE_OK && !gate.is_open)
        pthread_cond_wait(&gate.opened, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    return rc;
}

enum { THREADS = 4, ROUNDS = 60 };

static void *add_many(void *arg)
{
    const char *name = arg;
    sqlite3 *db;
    int failures = sqlite3_open_v2(name, &db, FLAGS, NULL);
    for (int i = 0; i < ROUNDS && failures == 0;) {
        int rc = run(db, "BEGIN IMMEDIATE; UPDATE t SET a = a + 1; SELECT * FROM u; COMMIT");
        if (rc == SQLITE_OK)
            i++;
        else if (rc != SQLITE_LOCKED)
            failures = rc;
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
            failures |= run(db, "ROLLBACK");
        else if (rc == SQLITE_LOCKED)
            failures |= wait_for_unlock(db);
    }
    failures |= sqlite3_close(db);
    return failures == 0 ? NULL : arg;
}

static void threads_wait_for_each_other(void **state)
{
    (void)state;
    sqlite3 *db = open_shared(memory_name);
    pthread_t threads[THREADS];
    assert_ok(run(db, "CREATE TABLE t(a); INSERT INTO t VALUES(0); CREATE TABLE u(a)"));

    for (int i = 0; i < THREADS; i++)
        assert_ok(pthread_create(&threads[i], NULL, add_many, (void *)memory_name));
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_ok(pthread_join(threads[i], &failed));
        assert_null(failed);
    }
    assert_text("240", rows_text(db, "SELECT a FROM t"));

    assert_ok(sqlite3_close(db));
}

// --- memory ---

static int share_and_wait(sqlite3 *db)
{
    (void)db;
    sqlite3 *one = NULL, *two = NULL;
    int calls = 0;
    int rc = sqlite3_open_v2(memory_name, &one, FLAGS, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(memory_name, &two, FLAGS, NULL);
    if (rc == SQLITE_OK)
        rc = run(one, "CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES(1)");
    if (rc == SQLITE_OK) {
        rc = run(two, "BEGIN; SELECT * FROM t");
        rc = rc == SQLITE_LOCKED ? SQLITE_OK : rc;
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_unlock_notify(two, count_arguments, &calls);
    sqlite3_close(one);
    sqlite3_close(two);
    return rc;
}

static void sharing_survives_short_memory(void **state)
{
    (void)state;
    api_fails_cleanly("", share_and_wait);
}

TEST_SUITE(shared_cache, cmocka_unit_test(the_message_names_what_is_locked),
           cmocka_unit_test(triggers_and_keys_lock_what_they_touch),
           cmocka_unit_test(what_is_not_committed_can_be_read),
           cmocka_unit_test(sharing_is_asked_for_by_name_flag_or_default),
           cmocka_unit_test(the_end_of_the_transaction_is_told),
           cmocka_unit_test(a_deadlock_is_seen), cmocka_unit_test(threads_wait_for_each_other),
           cmocka_unit_test(sharing_survives_short_memory))
