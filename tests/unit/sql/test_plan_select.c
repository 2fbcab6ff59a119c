// Queries of every shape, planned and coded while memory runs out: each must fail cleanly, and
// succeed when asked again.
#include "tests/support/test.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "sqlite3.h"

static const char *const queries[] = {
    "select * from t1 left join t2 on t1.a = t2.x where t1.b > 3 order by t2.y limit 5",
    "select * from t1 full join t2 on t1.a = t2.y where t1.b is null",
    "select b, count(*), max(c) from t1 where a in (1, 2, 3) group by b having count(*) > 1",
    "select distinct a from t1 where a = 1 or b = 2 or rowid = 3 order by c",
    "select a from t1 union select x from t2 except select p from t3 order by 1 desc",
    "with recursive c(n) as (select 1 union all select n + 1 from c where n < 9) select * from c",
    ("select a, sum(b) over (partition by c order by a rows 2 preceding), rank() over (order by b) "
     "from t1"),
    "select * from t1, t3 where t1.c = t3.p and exists (select 1 from t2 where x = t1.a)",
    "select (select max(y) from t2 where x = a), c in (select z from t2) from t1 where c like 'x%'",
    "with v as materialized (select a, b from t1) select * from v v1 join v v2 on v1.a = v2.b",
    "select group_concat(a order by b), count(distinct c) filter (where a > 1) from t1",
    "select * from (values (1, 2), (3, 4)) where column1 between 1 and 2",
    "select count(*) from t1",
    "select min(a) from t1 where c is not null",
};

static sqlite3 *open_database(void)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_exec(db,
                           "create table t1(a, b, c); create index i1 on t1(a, b);"
                           "create table t2(x integer primary key, y, z);"
                           "create table t3(p, q, primary key(p)) without rowid;"
                           "insert into t1 values(1, 2, 'x'), (2, 3, 'y'), (null, 1, 'x');"
                           "insert into t2 values(1, 2, 3), (2, 3, 4);"
                           "insert into t3 values('x', 1), ('y', 2);"
                           "select * from t1, t2, t3",
                           NULL, NULL, NULL));
    return db;
}

static int prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    sqlite3_finalize(stmt);
    return rc;
}

// Fails allocation 1, 2, 3... until one run needs none of the failing ones.
static void prepare_fails_cleanly_at_every_allocation(void **state)
{
    (void)state;
    sqlite3 *db = open_database();
    for (u32 i = 0; i < ARRAY_LEN(queries); i++) {
        assert_ok(prepare(db, queries[i]));
        for (i64 n = 1;; n++) {
            alloc_fault_arm(n, false);
            int rc = prepare(db, queries[i]);
            bool hit = alloc_fault_hits() > 0;
            alloc_fault_arm(0, false);
            if (rc != SQLITE_OK)
                assert_int_equal(rc, SQLITE_NOMEM);
            if (!hit) {
                assert_int_equal(rc, SQLITE_OK);
                break;
            }
        }
        assert_ok(prepare(db, queries[i]));
    }
    assert_ok(sqlite3_close(db));
}

static void nothing_is_leaked_by_failed_preparations(void **state)
{
    (void)state;
    sqlite3 *db = open_database();
    for (u32 i = 0; i < ARRAY_LEN(queries); i++) {
        AllocStats before, after;
        assert_ok(prepare(db, queries[i]));
        alloc_stats(&before, false);
        for (i64 n = 1; n < 60; n++) {
            alloc_fault_arm(n, true);
            (void)prepare(db, queries[i]);
            alloc_fault_arm(0, false);
        }
        sqlite3_exec(db, "select 1", NULL, NULL, NULL);
        alloc_stats(&after, false);
        assert_true(after.count <= before.count + 2); // the connection may keep its error message
    }
    assert_ok(sqlite3_close(db));
}

static void add_row_value(Buffer *sql, const char *field)
{
    for (int i = 0; i < 2000; i++)
        buffer_printf(sql, "%s%s", i == 0 ? "(" : ",", field);
    buffer_add_char(sql, ')');
}

// Forty comparisons of 2000 fields each are 80000 conditions, more than 16 bits count.
static void every_one_of_80000_conditions_is_tested(void **state)
{
    (void)state;
    sqlite3 *db = open_database();
    Buffer sql = {0};
    buffer_add_text(&sql, "select 1 from t3 where 1");
    for (int i = 0; i < 40; i++) {
        buffer_add_text(&sql, " and ");
        add_row_value(&sql, "?1");
        buffer_add_char(&sql, '=');
        add_row_value(&sql, i == 20 ? "?2" : "?1");
    }
    assert_ok(sql.rc);
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql.bytes, (int)sql.size, &stmt, NULL));
    assert_ok(sqlite3_bind_int(stmt, 1, 1));
    assert_ok(sqlite3_bind_int(stmt, 2, 2));
    assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
    assert_ok(sqlite3_reset(stmt));
    assert_ok(sqlite3_bind_int(stmt, 2, 1));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_ok(sqlite3_finalize(stmt));
    buffer_deinit(&sql);
    assert_ok(sqlite3_close(db));
}

TEST_SUITE(plan_select, cmocka_unit_test(prepare_fails_cleanly_at_every_allocation),
           cmocka_unit_test(nothing_is_leaked_by_failed_preparations),
           cmocka_unit_test(every_one_of_80000_conditions_is_tested))
