// Queries of MATCH, with memory running out while they are parsed.

#include "support/test.h"

#include "support/api_fault.h"

// Chains, NOT and a sequence: every way in which two operands become one node.
static int run_query(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rows = 0;
    int rc = sqlite3_prepare_v2(
        db, "SELECT rowid FROM t WHERE t MATCH 'one OR two OR three NOT four AND five six'", -1,
        &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        rows += rc == SQLITE_ROW;
    }
    int end_rc = sqlite3_finalize(stmt);
    if (rc != SQLITE_DONE)
        return rc;
    return end_rc == SQLITE_OK && rows != 2 ? SQLITE_INTERNAL : end_rc;
}

static void short_memory_changes_no_answer(void **state)
{
    (void)state;
    api_fails_cleanly("CREATE VIRTUAL TABLE t USING fts5(a);"
                      "INSERT INTO t VALUES('one'), ('two'), ('three'), ('three four'), ('seven')",
                      run_query);
}

TEST_SUITE(match_query, cmocka_unit_test(short_memory_changes_no_answer))
