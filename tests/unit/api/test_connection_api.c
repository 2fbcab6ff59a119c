// Opening, limits, closing.

#include "support/test.h"

#include "support/api_fault.h"
#include "support/changeset.h"
#include "support/stock.h"

#include <errno.h>

static void flags_that_contradict_are_misuse(void **state)
{
    (void)state;
    sqlite3 *db;

    assert_rc(SQLITE_MISUSE, sqlite3_open_v2(":memory:", &db, 0, NULL));
    assert_non_null(db); // to ask it for the message
    assert_text("bad parameter or other API misuse", sqlite3_errmsg(db));

    assert_ok(sqlite3_close(db));
    assert_rc(SQLITE_MISUSE, sqlite3_open(":memory:", NULL));
}

static void a_file_that_is_not_there_is_not_made_read_only(void **state)
{
    (void)state;
    sqlite3 *db;

    assert_rc(SQLITE_CANTOPEN, sqlite3_open_v2("/nowhere/x.db", &db, SQLITE_OPEN_READWRITE, NULL));
    assert_text("unable to open database file", sqlite3_errmsg(db));

    assert_ok(sqlite3_close(db));
}

static void memory_can_be_read_only(void **state)
{
    (void)state;
    sqlite3 *db;

    assert_ok(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READONLY, NULL));
    assert_rc(SQLITE_READONLY, sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_ok(sqlite3_exec(db, "CREATE TEMP TABLE t(a)", NULL, NULL, NULL));

    assert_int_equal(sqlite3_db_readonly(db, "main"), 1);
    assert_ok(sqlite3_close(db));
}

static void the_mode_of_a_uri_is_for_its_file_alone(void **state)
{
    (void)state;
    sqlite3 *db;
    char text[300];
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    WorkDir dir;
    work_dir_begin(&dir);
    const char *kept = work_path(&dir, "kept.db");

    assert_ok(sqlite3_open_v2("file:x?mode=memory", &db, flags, NULL));
    snprintf(text, sizeof text, "ATTACH '%s' AS kept; CREATE TABLE kept.t(a)", kept);
    assert_ok(sqlite3_exec(db, text, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));

    snprintf(text, sizeof text, "file:%s?mode=ro", kept);
    assert_ok(sqlite3_open_v2(text, &db, flags, NULL));
    assert_text("t", rows_text(db, "SELECT name FROM sqlite_schema"));
    snprintf(text, sizeof text, "ATTACH '%s' AS new; CREATE TABLE new.t(a)",
             work_path(&dir, "new.db"));
    assert_ok(sqlite3_exec(db, text, NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));
    work_dir_end(&dir);
}

static void memory_is_shared_by_name(void **state)
{
    (void)state;
    sqlite3 *one, *two;
    const char *name = "file:shared?mode=memory&cache=shared";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;

    assert_ok(sqlite3_open_v2(name, &one, flags, NULL));
    assert_ok(sqlite3_open_v2(name, &two, flags, NULL));
    assert_ok(sqlite3_exec(one, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", NULL, NULL, NULL));
    assert_text("1", rows_text(two, "SELECT * FROM t"));
    assert_text("memory", rows_text(two, "PRAGMA journal_mode=delete"));
    assert_text("", sqlite3_db_filename(two, "main"));
    assert_ok(sqlite3_exec(one, "BEGIN; INSERT INTO t VALUES(2)", NULL, NULL, NULL));
    assert_rc(SQLITE_LOCKED, sqlite3_exec(two, "DELETE FROM t", NULL, NULL, NULL));
    assert_ok(sqlite3_exec(one, "ROLLBACK", NULL, NULL, NULL));

    assert_ok(sqlite3_close(one));
    assert_text("1", rows_text(two, "SELECT * FROM t")); // lives as long as one of them
    assert_ok(sqlite3_close(two));
    assert_ok(sqlite3_open_v2(name, &one, flags, NULL));
    assert_text("", rows_text(one, "SELECT name FROM sqlite_schema"));
    assert_ok(sqlite3_close(one));
}

static void an_unknown_file_system_is_an_error(void **state)
{
    (void)state;
    sqlite3 *db;

    assert_rc(SQLITE_ERROR,
              sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "none"));
    assert_text("no such vfs: none", sqlite3_errmsg(db));

    assert_ok(sqlite3_close(db));
}

static void limits_stay_between_their_bounds(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");

    assert_int_equal(sqlite3_limit(db, SQLITE_LIMIT_COLUMN, -1), 2000);
    assert_int_equal(sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 1000000), 2000);
    assert_int_equal(sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 10), 2000);
    assert_int_equal(sqlite3_limit(db, SQLITE_LIMIT_COLUMN, -1), 10);
    assert_int_equal(sqlite3_limit(db, 99, -1), -1);

    assert_ok(sqlite3_close(db));
}

static void closing_waits_for_statements(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, "SELECT 1", -1, &stmt, NULL));

    assert_rc(SQLITE_BUSY, sqlite3_close(db));
    assert_text("unable to close due to unfinalized statements or unfinished backups",
                sqlite3_errmsg(db));
    assert_ok(sqlite3_close_v2(db)); // lives on unseen

    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    assert_ok(sqlite3_finalize(stmt));
}

static void the_systems_reason_is_kept(void **state)
{
    (void)state;
    sqlite3 *db;

    assert_rc(SQLITE_CANTOPEN, sqlite3_open("no such folder/test.db", &db));

    assert_int_equal(sqlite3_system_errno(db), ENOENT);
    assert_ok(sqlite3_close(db));
}

static void a_message_past_the_length_limit_gives_way_to_the_codes_text(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 30);

    assert_rc(SQLITE_ERROR, sqlite3_exec(db, "SELECT * FROM a_name_that_is_too_long", 0, 0, 0));

    assert_text("SQL logic error", sqlite3_errmsg(db));
    assert_ok(sqlite3_close(db));
}

static void count_rollback(void *arg)
{
    ++*(int *)arg;
}

static void closing_undoes_and_tells(void **state)
{
    (void)state;
    sqlite3 *db = database_with("CREATE TABLE t(a)");
    int rollbacks = 0;
    sqlite3_rollback_hook(db, count_rollback, &rollbacks);
    assert_ok(sqlite3_exec(db, "BEGIN; INSERT INTO t VALUES(1)", NULL, NULL, NULL));

    assert_ok(sqlite3_close(db));

    assert_int_equal(rollbacks, 1);
}

static int reopen(sqlite3 *db)
{
    sqlite3 *other = NULL;
    (void)db;
    int rc = sqlite3_open_v2("file:other?mode=memory", &other,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(other, "CREATE TABLE t(a)", NULL, NULL, NULL);
    sqlite3_close(other);
    return rc;
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    api_fails_cleanly("", reopen);
}

TEST_SUITE(connection_api, cmocka_unit_test(the_systems_reason_is_kept),
           cmocka_unit_test(a_message_past_the_length_limit_gives_way_to_the_codes_text),
           cmocka_unit_test(flags_that_contradict_are_misuse),
           cmocka_unit_test(a_file_that_is_not_there_is_not_made_read_only),
           cmocka_unit_test(memory_can_be_read_only),
           cmocka_unit_test(the_mode_of_a_uri_is_for_its_file_alone),
           cmocka_unit_test(memory_is_shared_by_name),
           cmocka_unit_test(an_unknown_file_system_is_an_error),
           cmocka_unit_test(limits_stay_between_their_bounds),
           cmocka_unit_test(closing_waits_for_statements),
           cmocka_unit_test(closing_undoes_and_tells), cmocka_unit_test(short_memory_is_an_answer))
