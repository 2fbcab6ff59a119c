// Snapshots, on real files in log mode.

#include "support/stock.h"
#include "support/test.h"

#include "support/changeset.h"

typedef struct Pair {
    WorkDir dir;
    sqlite3 *writer, *reader;
} Pair;

static void pair_begin(Pair *pair)
{
    work_dir_begin(&pair->dir);
    const char *path = work_path(&pair->dir, "s.db");
    assert_ok(sqlite3_open(path, &pair->writer));
    assert_ok(sqlite3_open(path, &pair->reader));
    assert_ok(sqlite3_exec(pair->writer, "PRAGMA journal_mode = wal; CREATE TABLE t(a)", NULL, NULL,
                           NULL));
}

static void pair_end(Pair *pair)
{
    assert_ok(sqlite3_close(pair->reader));
    assert_ok(sqlite3_close(pair->writer));
    work_dir_end(&pair->dir);
}

static sqlite3_snapshot *take(sqlite3 *db)
{
    sqlite3_snapshot *snapshot;
    assert_ok(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL));
    assert_ok(sqlite3_snapshot_get(db, "main", &snapshot));
    assert_ok(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
    return snapshot;
}

static void an_older_moment_is_read_again(void **state)
{
    (void)state;
    Pair pair;
    pair_begin(&pair);
    assert_ok(sqlite3_exec(pair.writer, "INSERT INTO t VALUES(1)", NULL, NULL, NULL));
    sqlite3_snapshot *one = take(pair.writer);
    assert_ok(sqlite3_exec(pair.writer, "INSERT INTO t VALUES(2)", NULL, NULL, NULL));
    sqlite3_snapshot *two = take(pair.writer);

    assert_text("2", rows_text(pair.reader, "SELECT count(*) FROM t"));
    assert_ok(sqlite3_exec(pair.reader, "BEGIN", NULL, NULL, NULL));
    assert_ok(sqlite3_snapshot_open(pair.reader, "main", one));
    assert_text("1", rows_text(pair.reader, "SELECT count(*) FROM t"));
    assert_ok(sqlite3_snapshot_open(pair.reader, "main", two));
    assert_text("2", rows_text(pair.reader, "SELECT count(*) FROM t"));
    assert_ok(sqlite3_exec(pair.reader, "COMMIT", NULL, NULL, NULL));

    assert_true(sqlite3_snapshot_cmp(one, two) < 0);
    assert_int_equal(sqlite3_snapshot_cmp(two, two), 0);
    sqlite3_snapshot_free(one);
    sqlite3_snapshot_free(two);
    pair_end(&pair);
}

static void a_moment_that_a_checkpoint_passed_is_refused(void **state)
{
    (void)state;
    Pair pair;
    pair_begin(&pair);
    sqlite3_snapshot *snapshot = take(pair.writer);
    assert_ok(sqlite3_exec(pair.writer, "INSERT INTO t VALUES(2); PRAGMA wal_checkpoint", NULL,
                           NULL, NULL));
    assert_text("1", rows_text(pair.reader, "SELECT count(*) FROM t"));
    assert_ok(sqlite3_exec(pair.reader, "BEGIN", NULL, NULL, NULL));

    assert_rc(SQLITE_ERROR_SNAPSHOT, sqlite3_snapshot_open(pair.reader, "main", snapshot));

    // The newest is there all the same.
    assert_text("1", rows_text(pair.reader, "SELECT count(*) FROM t"));
    assert_ok(sqlite3_exec(pair.reader, "COMMIT", NULL, NULL, NULL));
    sqlite3_snapshot_free(snapshot);
    pair_end(&pair);
}

static void snapshots_need_a_log_and_a_transaction(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    sqlite3_snapshot *snapshot = NULL;

    assert_rc(SQLITE_ERROR, sqlite3_snapshot_get(db, "main", &snapshot));
    assert_ok(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL));
    assert_rc(SQLITE_ERROR, sqlite3_snapshot_get(db, "main", &snapshot));
    assert_null(snapshot);
    assert_rc(SQLITE_ERROR, sqlite3_snapshot_recover(db, "nowhere"));
    assert_rc(SQLITE_MISUSE, sqlite3_snapshot_get(NULL, "main", &snapshot));

    assert_ok(sqlite3_close(db));
}

TEST_SUITE(snapshot_api, cmocka_unit_test(an_older_moment_is_read_again),
           cmocka_unit_test(a_moment_that_a_checkpoint_passed_is_refused),
           cmocka_unit_test(snapshots_need_a_log_and_a_transaction))
