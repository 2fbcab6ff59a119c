// What holds for every function of the module: it is there, and it survives a lack of memory.
#include "support/test.h"

#include "base/alloc.h"
#include "sqlite3.h"

static int run(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Fails allocation 1, 2, 3, ... of the statement until it gets through.
static void check_failures(const char *sql)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(run(db, sql));
    bool struck = true;
    for (int n = 1; struck; n++) {
        alloc_fault_arm(n, false);
        int rc = run(db, sql);
        struck = alloc_fault_hits() > 0;
        alloc_fault_arm(0, false);
        if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_NOMEM)
            fail_msg("%s: allocation %d: error %d", sql, n, rc);
    }
    assert_ok(run(db, sql));
    assert_ok(sqlite3_close(db));
}

static void a_lack_of_memory_is_an_error_that_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "SELECT vector8('[1,2]'), vector64(x'0000803F'), vector32_sparse('[0,1]')",
        "SELECT vector_extract(vector16('[0.1,1e-7]'))",
        "SELECT vector_distance_cos('[1,2]','[2,1]'), vector_distance_jaccard('[1]','[2]')",
        "SELECT vector_concat('[1]','[2]'), vector_slice('[1,2]',0,1), vector_dims('[1]')",
        "SELECT vector_sum(a), vector_avg(a) FROM (SELECT '[1,2]' AS a UNION ALL SELECT '[3,4]')",
        "SELECT vec_to_json(vec_add('[1]','[2]')), vec_quantize_int8('[1]','unit')",
        "SELECT vec_slice('[1,2]',0,1), vec_distance_l2('[1]','[2]'), vec_debug()",
        "SELECT vec_normalize('[1]'), vec_f32('[1]'), vec_int8('[1]')",
        "SELECT count(*) FROM vec_each('[1,2,3]')",
    };
    check_failures(statements[0]); // what the library keeps for good is allocated here
    sqlite3_int64 used = sqlite3_memory_used();
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        check_failures(statements[i]);
    assert_int_equal(sqlite3_memory_used(), used);
}

static void functions_take_the_number_of_arguments_they_declare(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));

    assert_rc(SQLITE_ERROR, run(db, "SELECT vector32()"));
    assert_text("wrong number of arguments to function vector32()", sqlite3_errmsg(db));
    assert_rc(SQLITE_ERROR, run(db, "SELECT vec_slice('[1]', 0)"));

    assert_ok(sqlite3_close(db));
}

static void functions_may_be_indexed_and_used_by_schemas_that_are_not_trusted(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));

    assert_ok(run(db, "PRAGMA trusted_schema = 0"));
    assert_ok(run(db, "CREATE TABLE t(a BLOB CHECK (vector_dims(a) = 2))"));
    assert_ok(run(db, "CREATE INDEX i ON t(vector_dims(a))"));
    assert_ok(run(db, "INSERT INTO t VALUES(vector('[1,2]'))"));
    assert_rc(SQLITE_CONSTRAINT, run(db, "INSERT INTO t VALUES(vector('[1]'))") & 0xff);

    assert_ok(sqlite3_close(db));
}

TEST_SUITE(vector_init, cmocka_unit_test(a_lack_of_memory_is_an_error_that_leaves_nothing_behind),
           cmocka_unit_test(functions_take_the_number_of_arguments_they_declare),
           cmocka_unit_test(functions_may_be_indexed_and_used_by_schemas_that_are_not_trusted))
