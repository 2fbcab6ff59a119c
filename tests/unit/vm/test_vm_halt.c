// How statements end.
#include "support/test.h"

#include "sqlite3.h"

static void a_read_that_fails_gives_its_snapshot_back(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", NULL, NULL, NULL));

    int rc = sqlite3_exec(db, "SELECT abs(-9223372036854775807 - a) FROM t", NULL, NULL, NULL);

    assert_int_equal(SQLITE_ERROR, rc);
    assert_int_equal(SQLITE_TXN_NONE, sqlite3_txn_state(db, "main"));
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(vm_halt, cmocka_unit_test(a_read_that_fails_gives_its_snapshot_back))
