// engine/vm/op_record.c: fields that point into pages, while the pages change.
#include "support/test.h"

#include "base/contract.h"
#include "sqlite3.h"

static sqlite3 *open_rows(void)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(
        sqlite3_exec(db,
                     "CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB, s TEXT);"
                     "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 40)"
                     "INSERT INTO t SELECT x, CAST(printf('%0300d', x) AS BLOB),"
                     " printf('text %0200d', x) FROM c",
                     NULL, NULL, NULL));
    return db;
}

static int blob_number(const void *blob, int size)
{
    char digits[301] = "";
    assert_int_equal(size, 300);
    memcpy(digits, blob, 300);
    return (int)strtol(digits, NULL, 10);
}

// meddle(id, blob, text): rewrites all rows while it holds pointers to the arguments.
static void meddle(sqlite3_context *context, int count, sqlite3_value **args)
{
    int id = sqlite3_value_int(args[0]);
    const void *blob = sqlite3_value_blob(args[1]);
    const unsigned char *text = sqlite3_value_text(args[2]);
    sqlite3 *db = sqlite3_context_db_handle(context);
    assert_int_equal(count, 3);
    assert_ok(sqlite3_exec(db,
                           "UPDATE t SET b = zeroblob(300), s = 'gone' WHERE id > 3;"
                           "DELETE FROM t WHERE id % 7 = 0; UPDATE t SET b = zeroblob(10)",
                           NULL, NULL, NULL));
    assert_int_equal(blob_number(blob, 300), id);
    assert_int_equal(strtol((const char *)text + 5, NULL, 10), id);
    sqlite3_result_value(context, args[1]);
}

static void arguments_survive_a_function_that_changes_their_rows(void **state)
{
    (void)state;
    sqlite3 *db = open_rows();
    sqlite3_stmt *query;
    assert_ok(sqlite3_create_function(db, "meddle", 3, SQLITE_UTF8, NULL, meddle, NULL, NULL));
    assert_ok(sqlite3_prepare_v2(db, "SELECT b, meddle(id, b, s) || '', b FROM t WHERE id = 20", -1,
                                 &query, NULL));
    assert_int_equal(sqlite3_step(query), SQLITE_ROW);
    assert_int_equal(blob_number(sqlite3_column_blob(query, 0), 300), 20);
    assert_int_equal(strtol((const char *)sqlite3_column_text(query, 1), NULL, 10), 20);
    sqlite3_step(query);
    assert_ok(sqlite3_finalize(query));
    assert_ok(sqlite3_close(db));
}

// What other statements of the connection may do to a row that one of them gave.
static const char *const disturbances[] = {
    "UPDATE t SET b = zeroblob(300), s = 'gone'",
    "DELETE FROM t",
    "BEGIN; UPDATE t SET b = x'00'; ROLLBACK; UPDATE t SET b = x'01'",
    "SAVEPOINT one; DELETE FROM t WHERE id < 30; ROLLBACK TO one; RELEASE one; UPDATE t SET b = ''",
    "INSERT INTO t(b, s) SELECT zeroblob(3000), s FROM t; DELETE FROM t WHERE id > 40",
};

static void a_result_row_stays_while_others_change_it(void **state)
{
    (void)state;
    static const char *const queries[] = {"SELECT b, s FROM t WHERE id >= 15",
                                          "SELECT b, s FROM t ORDER BY id * 1 LIMIT 3 OFFSET 14",
                                          "SELECT b, max(s) FROM t WHERE id >= 15 GROUP BY id"};
    for (size_t i = 0; i < ARRAY_LEN(disturbances) * ARRAY_LEN(queries); i++) {
        sqlite3 *db = open_rows();
        sqlite3_stmt *query;
        assert_ok(sqlite3_prepare_v2(db, queries[i % 3], -1, &query, NULL));
        assert_int_equal(sqlite3_step(query), SQLITE_ROW);
        const void *blob = sqlite3_column_blob(query, 0);
        assert_ok(sqlite3_exec(db, disturbances[i / 3], NULL, NULL, NULL));
        assert_int_equal(blob_number(blob, 300), 15);
        assert_int_equal(blob_number(sqlite3_column_blob(query, 0), sqlite3_column_bytes(query, 0)),
                         15);
        assert_int_equal(strtol((const char *)sqlite3_column_text(query, 1) + 5, NULL, 10), 15);
        sqlite3_step(query);
        sqlite3_finalize(query);
        assert_ok(sqlite3_close(db));
    }
}

TEST_SUITE(op_record, cmocka_unit_test(arguments_survive_a_function_that_changes_their_rows),
           cmocka_unit_test(a_result_row_stays_while_others_change_it))
