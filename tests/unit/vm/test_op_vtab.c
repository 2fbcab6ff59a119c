// Changes of virtual tables that report conflicts.
#include "support/test.h"

#include "sqlite3.h"

static sqlite3 *open_with_row(void)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_exec(db,
                           "CREATE VIRTUAL TABLE t USING fts5(a); INSERT INTO t(rowid, a)"
                           " VALUES(1, 'x')",
                           NULL, NULL, NULL));
    return db;
}

static void a_conflict_that_is_ignored_is_no_error(void **state)
{
    (void)state;
    sqlite3 *db = open_with_row();

    assert_ok(
        sqlite3_exec(db, "INSERT OR IGNORE INTO t(rowid, a) VALUES(1, 'y')", NULL, NULL, NULL));

    assert_ok(sqlite3_close(db));
}

static void a_module_without_a_message_gets_the_text_of_its_code(void **state)
{
    (void)state;
    sqlite3 *db = open_with_row();

    int rc = sqlite3_exec(db, "INSERT INTO t(rowid, a) VALUES(1, 'y')", NULL, NULL, NULL);

    assert_int_equal(SQLITE_CONSTRAINT, rc);
    assert_text("constraint failed", sqlite3_errmsg(db));
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(op_vtab, cmocka_unit_test(a_conflict_that_is_ignored_is_no_error),
           cmocka_unit_test(a_module_without_a_message_gets_the_text_of_its_code))
