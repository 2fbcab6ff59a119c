// quire_cdc_*: batches, positions, and waiting for another process.
#include "support/process.h"
#include "support/stock.h"
#include "support/test.h"

#include "quire.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    assert_ok(sqlite3_busy_timeout(db, 5000));
    return db;
}

static sqlite3 *open_feed(const char *path)
{
    sqlite3 *db = open_file(path);
    assert_ok(sqlite3_exec(db,
                           "PRAGMA journal_mode=wal; CREATE TABLE t(a, b);"
                           "CREATE VIRTUAL TABLE f USING cdc(tables=t)",
                           NULL, NULL, NULL));
    return db;
}

static void batches_come_in_order_and_again_until_acknowledged(void **state)
{
    (void)state;
    quire_cdc *cdc;
    const quire_change *changes;
    int count;
    sqlite3 *db = open_feed(":memory:");
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES(1,'x'),(2,x'00'),(3,NULL)", NULL, NULL, NULL));

    assert_ok(quire_cdc_open(db, "f", "c", QUIRE_CDC_EARLIEST, &cdc));
    assert_ok(quire_cdc_next(cdc, 2, 0, &changes, &count));
    assert_int_equal(count, 2);
    assert_text("sqlite_schema", changes[0].table_name);
    assert_text("t", changes[1].table_name);
    assert_int_equal(changes[1].change_type, QUIRE_CDC_INSERT);
    assert_int_equal(changes[1].after_size, 4);
    assert_memory_equal(changes[1].after, "\x03\x09\x0fx", 4);
    assert_null(changes[1].before);
    assert_text("[\"a\",\"b\"]", changes[1].columns);
    assert_ok(quire_cdc_ack(cdc, changes[1].change_id));
    assert_ok(quire_cdc_next(cdc, 9, 0, &changes, &count));
    assert_int_equal(count, 2);
    assert_ok(quire_cdc_next(cdc, 9, 0, &changes, &count));
    assert_int_equal(count, 0);
    quire_cdc_close(cdc);

    assert_ok(quire_cdc_open(db, "main.f", "c", QUIRE_CDC_LATEST, &cdc));
    assert_int_equal(quire_cdc_position(cdc), 2);
    assert_ok(quire_cdc_next(cdc, 9, 0, &changes, &count));
    assert_int_equal(changes[0].change_id, 3);
    assert_ok(quire_cdc_seek(cdc, 0));
    assert_ok(quire_cdc_next(cdc, 9, 0, &changes, &count));
    assert_int_equal(count, 4);
    quire_cdc_close(cdc);
    assert_ok(sqlite3_close(db));
}

static void failures_have_a_message_and_leave_a_handle_to_close(void **state)
{
    (void)state;
    quire_cdc *cdc;
    sqlite3 *db = open_feed(":memory:");

    assert_rc(SQLITE_ERROR, quire_cdc_open(db, "g", "c", 0, &cdc));
    assert_text("no such feed: g", quire_cdc_errmsg(cdc));
    quire_cdc_close(cdc);
    assert_rc(SQLITE_MISUSE, quire_cdc_open(NULL, "g", "c", 0, &cdc));
    assert_ok(quire_cdc_open(db, "f", "c", 0, &cdc));
    assert_rc(SQLITE_ERROR, quire_cdc_ack(cdc, 9));
    assert_text("there is no change 9", quire_cdc_errmsg(cdc));
    assert_ok(quire_cdc_ack(cdc, 1));
    assert_text("not an error", quire_cdc_errmsg(cdc));
    quire_cdc_close(cdc);
    assert_ok(sqlite3_close(db));
}

static void capture_goes_on_after_a_close_that_failed(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_exec(db,
                           "CREATE TABLE t(a); PRAGMA capture_data_changes_conn('id');"
                           "INSERT INTO t VALUES(1)",
                           NULL, NULL, NULL));
    assert_ok(sqlite3_prepare_v2(db, "SELECT max(change_id), total_changes() FROM turso_cdc", -1,
                                 &stmt, NULL));

    assert_rc(SQLITE_BUSY, sqlite3_close(db));
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES(2)", NULL, NULL, NULL));

    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 4);
    assert_int_equal(sqlite3_column_int(stmt, 1), 2);
    assert_ok(sqlite3_finalize(stmt));
    assert_ok(sqlite3_close(db));
}

// Lets the other connection commit, the first time.
static int end_other(void *other, int times)
{
    assert_int_equal(times, 0);
    assert_ok(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL));
    return 1;
}

// A consumer keeps its place while others write: it waits its turn as any statement does.
static void a_position_waits_for_another_writer(const char *path, const char *journal_mode)
{
    quire_cdc *cdc;
    sqlite3 *db = open_file(path);
    sqlite3 *other = open_file(path);
    char *sql = sqlite3_mprintf("DROP TABLE IF EXISTS f; DROP TABLE IF EXISTS t;"
                                "PRAGMA journal_mode=%s; CREATE TABLE t(a);"
                                "CREATE VIRTUAL TABLE f USING cdc(tables=t)",
                                journal_mode);
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    sqlite3_free(sql);
    assert_ok(sqlite3_busy_handler(db, end_other, other));

    assert_ok(sqlite3_exec(other, "BEGIN; INSERT INTO t VALUES(1)", NULL, NULL, NULL));
    assert_ok(quire_cdc_open(db, "f", "c", QUIRE_CDC_LATEST, &cdc));
    assert_int_equal(quire_cdc_position(cdc), 2);
    assert_ok(sqlite3_exec(other, "BEGIN; INSERT INTO t VALUES(2)", NULL, NULL, NULL));
    assert_ok(quire_cdc_ack(cdc, 3));
    assert_int_equal(quire_cdc_position(cdc), 3);
    assert_true(sqlite3_get_autocommit(other));
    quire_cdc_close(cdc);
    assert_ok(sqlite3_close(other));
    assert_ok(sqlite3_close(db));
}

static void positions_wait_for_other_writers(void **state)
{
    (void)state;
    Scratch scratch;
    scratch_begin(&scratch);
    const char *path = scratch_path(&scratch, "a.db");
    a_position_waits_for_another_writer(path, "delete");
    a_position_waits_for_another_writer(path, "wal");
    scratch_end(&scratch);
}

static double clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// The other process writes the time of its commit into the row.
static void write_at_intervals(const char *path, int count)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    if (sqlite3_open(path, &db) != 0 || sqlite3_busy_timeout(db, 5000) != 0)
        _exit(1);
    if (sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?1, NULL)", -1, &stmt, NULL) != 0)
        _exit(1);
    usleep(300000); // until the consumer waits
    for (int i = 0; i < count; i++) {
        usleep(40000);
        sqlite3_bind_double(stmt, 1, clock_ms(CLOCK_MONOTONIC));
        if (sqlite3_step(stmt) != SQLITE_DONE || sqlite3_reset(stmt) != 0)
            _exit(1);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    _exit(0);
}

// After the record's header (size 3, types REAL and NULL) come the eight bytes of the time.
static double time_in(const quire_change *change)
{
    unsigned long long bits = 0;
    double time;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | ((const unsigned char *)change->after)[3 + i];
    memcpy(&time, &bits, sizeof time);
    return time;
}

// Whether most commits are seen soon after they are made. On a busy machine they may not be.
static bool is_prompt(const char *mode)
{
    enum { COMMITS = 25, SOON_MS = 50 };
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "wait.db");
    sqlite3 *db = open_feed(path);
    assert_ok(sqlite3_exec(db, mode, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db)); // a child must not inherit an open file and its locks
    pid_t writer = fork();
    if (writer == 0)
        write_at_intervals(path, COMMITS);
    db = open_file(path);
    quire_cdc *cdc;
    assert_ok(quire_cdc_open(db, "f", "c", 1, &cdc));

    int prompt = 0;
    int seen = 0;
    while (seen < COMMITS) {
        const quire_change *changes;
        int count;
        assert_ok(quire_cdc_next(cdc, 100, 20000, &changes, &count));
        assert_true(count > 0);
        for (int i = 0; i < count; i++)
            prompt += clock_ms(CLOCK_MONOTONIC) - time_in(&changes[i]) < SOON_MS;
        seen += count;
    }

    int status;
    waitpid(writer, &status, 0);
    assert_int_equal(status, 0);
    quire_cdc_close(cdc);
    assert_ok(sqlite3_close(db));
    work_dir_end(&dir);
    return prompt > COMMITS / 2;
}

// A consumer that merely looked every 250 ms would see one commit in five that soon, so that even
// one prompt round in ten tells the news from luck: half of 25 comes once in 100,000 rounds.
static void check_wait(const char *mode)
{
    bool prompt = false;
    for (int round = 0; round < 10 && !prompt; round++)
        prompt = is_prompt(mode);
    assert_true(prompt);
}

static void a_commit_of_another_process_wakes_the_consumer(void **state)
{
    (void)state;
    check_wait("PRAGMA journal_mode=wal");
    check_wait("PRAGMA journal_mode=delete");
}

static void waiting_in_vain_takes_as_long_as_asked_and_no_processor(void **state)
{
    (void)state;
    WorkDir dir;
    work_dir_begin(&dir);
    sqlite3 *db = open_feed(work_path(&dir, "idle.db"));
    quire_cdc *cdc;
    const quire_change *changes;
    int count;
    assert_ok(quire_cdc_open(db, "f", "c", QUIRE_CDC_LATEST, &cdc));
    assert_ok(quire_cdc_next(cdc, 1, 200, &changes, &count));

    double start = clock_ms(CLOCK_MONOTONIC);
    double used = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    assert_ok(quire_cdc_next(cdc, 1, 1000, &changes, &count));
    used = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - used;
    double took = clock_ms(CLOCK_MONOTONIC) - start;

    assert_int_equal(count, 0);
    assert_true(took >= 1000);
    assert_true(used < 100); // of a debug build with sanitizers, too
    quire_cdc_close(cdc);
    assert_ok(sqlite3_close(db));
    work_dir_end(&dir);
}

// SQLITE_DBCONFIG_DEFENSIVE keeps SQL from the tables behind a feed, not the module: schema changes
// of this connection and of others are carried along, and positions move.
static void a_defensive_connection_has_feeds_all_the_same(void **state)
{
    (void)state;
    quire_cdc *cdc;
    const quire_change *changes;
    int count;
    char path[] = "cdc_defensive.db";
    (void)unlink(path);
    sqlite3 *db = open_feed(path);
    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL));
    assert_rc(SQLITE_ERROR, sqlite3_exec(db, "DELETE FROM f_source", NULL, NULL, NULL));
    int before = sqlite3_total_changes(db);

    assert_ok(sqlite3_exec(db, "CREATE TABLE other(a); ALTER TABLE t ADD COLUMN c", NULL, NULL, 0));
    assert_ok(sqlite3_exec(db, "INSERT INTO t VALUES(1, 2, 3)", NULL, NULL, NULL));
    assert_ok(quire_cdc_open(db, "f", "c", QUIRE_CDC_EARLIEST, &cdc));
    assert_ok(quire_cdc_next(cdc, 9, 0, &changes, &count));
    assert_int_equal(count, 3);
    assert_text("[\"a\",\"b\",\"c\"]", changes[2].columns);
    assert_ok(quire_cdc_ack(cdc, changes[2].change_id));
    sqlite3 *other = open_file(path);
    assert_ok(sqlite3_exec(other, "ALTER TABLE t RENAME COLUMN c TO d", NULL, NULL, NULL));
    assert_ok(sqlite3_close(other));
    assert_ok(quire_cdc_next(cdc, 9, 0, &changes, &count));
    assert_int_equal(count, 1);
    assert_text("sqlite_schema", changes[0].table_name);
    assert_int_equal(sqlite3_total_changes(db), before + 2); // the row, and the trigger's

    quire_cdc_close(cdc);
    assert_ok(sqlite3_close(db));
    (void)unlink(path);
}

TEST_SUITE(consumer, cmocka_unit_test(a_defensive_connection_has_feeds_all_the_same),
           cmocka_unit_test(batches_come_in_order_and_again_until_acknowledged),
           cmocka_unit_test(failures_have_a_message_and_leave_a_handle_to_close),
           cmocka_unit_test(capture_goes_on_after_a_close_that_failed),
           cmocka_unit_test(positions_wait_for_other_writers),
           cmocka_unit_test(a_commit_of_another_process_wakes_the_consumer),
           cmocka_unit_test(waiting_in_vain_takes_as_long_as_asked_and_no_processor))
