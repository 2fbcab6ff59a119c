#include "tests/support/test.h"

#include "sql/expr_tree.h"
#include "sql/rewrite.h"
#include "tests/support/schema_fixture.h"

static const char schema_text[] = "create table t1(a, b, c);"
                                  "create table t2(a, d);"
                                  "create view v1 as select a+1 as k, b from t1 where c>0;"
                                  "create view v2 as select a, sum(b) as s from t1 group by a;";

static int set_up(void **state)
{
    return query_fixture_begin(state, schema_text);
}

static int rewrite(QueryFixture *f, const char *sql, Select **out)
{
    Stmt *stmt = NULL;
    int rc = query_fixture_resolve(f, sql, &stmt);
    if (rc == SQLITE_OK)
        rc = rewrite_statement(&f->ctx, stmt);
    if (rc == SQLITE_OK)
        *out = stmt->u.select;
    return rc;
}

static Select *rewritten(QueryFixture *f, const char *sql)
{
    Select *select = NULL;
    int rc = rewrite(f, sql, &select);
    if (rc != SQLITE_OK)
        fail_msg("%s: %s", sql, schema_fixture_message(f->db));
    return select;
}

static u32 table_count(const Select *s)
{
    u32 count = 0;
    for (u32 i = 0; i < s->from->count; i++)
        count += s->from->items[i]->table != NULL;
    return count;
}

static void assert_flat(QueryFixture *f, const char *sql, u32 tables)
{
    const Select *s = rewritten(f, sql);
    if (table_count(s) != tables || s->from->count != tables)
        print_message("%s\n", sql);
    assert_int_equal(table_count(s), tables);
    assert_int_equal(s->from->count, tables);
}

static void assert_not_flat(QueryFixture *f, const char *sql)
{
    const Select *s = rewritten(f, sql);
    if (table_count(s) == s->from->count)
        print_message("%s\n", sql);
    assert_true(table_count(s) < s->from->count);
}

static void plain_subqueries_and_views_are_merged(void **state)
{
    QueryFixture *f = *state;
    assert_flat(f, "select * from (select a from t1)", 1);
    assert_flat(f, "select k from v1", 1);
    assert_flat(f, "select * from v1 join v1 as w on v1.k=w.k join t2", 3);
    assert_flat(f, "select * from (select * from (select * from t1, t2) where b) where c", 2);
    assert_flat(f, "select * from t1 left join v1 on v1.k=t1.a", 2);
    assert_flat(f, "with c as (select a from t1) select * from c, c as d", 2);
    assert_flat(f, "select * from (select a from t1 order by b)", 1);
    assert_flat(f, "select * from (select a from t1 limit 3)", 1);
    assert_flat(f, "select count(*) from v1", 1);
    assert_flat(f, "select row_number() over () from v1", 1);
    assert_flat(f, "select * from t1 join (t2 join t1 as x) on 1", 3);
}

static void subqueries_that_mean_something_else_stay(void **state)
{
    QueryFixture *f = *state;
    assert_not_flat(f, "select * from v2");
    assert_not_flat(f, "select * from (select distinct a from t1)");
    assert_not_flat(f, "select * from (select a from t1 limit 3) where a");
    assert_not_flat(f, "select * from (select a from t1 limit 3) order by a");
    assert_not_flat(f, "select * from (select a from t1 limit 3), t2");
    assert_not_flat(f, "select count(*) from (select a from t1 limit 3)");
    assert_not_flat(f, "select * from (select a from t1 limit 3 offset 1)");
    assert_not_flat(f, "select max(a) from (select a from t1 order by b)");
    assert_not_flat(f, "select * from (select a from t1 order by b) order by a");
    assert_not_flat(f, "select * from (select 1)");
    assert_not_flat(f, "select * from (select row_number() over () from t1)");
    assert_not_flat(f, "select row_number() over () from (select a from t1 order by b)");
    assert_not_flat(f, "select row_number() over () from (select a from t1 limit 3)");
    assert_not_flat(f, "select * from t2 left join (t1 join v1) on 1");
    assert_not_flat(f, "select distinct t2.a from t2 left join v1 on 1");
    assert_not_flat(f, "select * from t2 right join v1 on 1");
    assert_not_flat(f, "with c as materialized (select a from t1) select * from c");
    assert_not_flat(f, "with recursive c(n) as (select 1 union all select n+1 from c) "
                       "select * from c");
}

// Without the COLLATE that stands for the column's own.
static const Expr *bare(const Expr *e)
{
    return expr_skip_collate(e);
}

static void columns_become_the_expressions_they_named(void **state)
{
    QueryFixture *f = *state;
    const Select *s = rewritten(f, "select k, k*2, (select k from t2 where d=b) from v1 where b>k");

    assert_int_equal(bare(s->columns->items[0].expr)->kind, EX_ADD);
    assert_int_equal(bare(s->columns->items[1].expr->left)->kind, EX_ADD);
    const Expr *inner = bare(s->columns->items[2].expr->select->columns->items[0].expr);
    assert_int_equal(inner->kind, EX_ADD);
    assert_ptr_equal(inner->left->u.column.item, s->from->items[0]);
    assert_int_equal(inner->left->u.column.depth, 1);
    assert_int_equal(s->where->kind, EX_AND);
    assert_text("k", s->results[0].api_name);
}

static void the_null_row_of_a_left_join_hides_merged_expressions(void **state)
{
    QueryFixture *f = *state;
    const Select *s = rewritten(f, "select k, v1.b from t2 left join v1 on k=d");

    assert_int_equal(bare(s->columns->items[0].expr)->kind, EX_IF_NULL_ROW);
    assert_int_equal(s->columns->items[1].expr->kind, EX_COLUMN);
    assert_true(s->where->left->flags & EXPR_OUTER_ON);
    assert_true(s->where->right->flags & EXPR_OUTER_ON);
    assert_int_equal(s->where->left->on_item, s->from->items[1]->cursor);
}

static void a_condition_on_the_right_side_makes_a_left_join_inner(void **state)
{
    QueryFixture *f = *state;
    static const char *const weakened[] = {
        "select * from t1 left join t2 on t1.a=t2.a where d=1",
        "select * from t1 left join t2 on t1.a=t2.a where d is not null",
        "select * from t1 left join t2 on t1.a=t2.a where not d between 1 and 2",
        "select * from t1 left join t2 on t1.a=t2.a where d in (1,2) and b",
        "select * from t1 left join t2 on t1.a=t2.a where d>1 or d+t1.b<0",
    };
    static const char *const kept[] = {
        "select * from t1 left join t2 on t1.a=t2.a and d=1",
        "select * from t1 left join t2 on t1.a=t2.a where d is null",
        "select * from t1 left join t2 on t1.a=t2.a where d=1 or b=1",
        "select * from t1 left join t2 on t1.a=t2.a where not (d=1 and b=1)",
        "select * from t1 left join t2 on t1.a=t2.a where coalesce(d,1)",
        "select * from t1 left join t2 on t1.a=t2.a where d is 1",
        "select * from t1 left join t2 on t1.a=t2.a where (d is not null)=0",
    };
    for (size_t i = 0; i < ARRAY_LEN(weakened); i++) {
        const Select *s = rewritten(f, weakened[i]);
        assert_false(s->from->items[1]->join & JOIN_OUTER);
        assert_false(s->from->items[1]->may_be_null);
    }
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        assert_true(rewritten(f, kept[i])->from->items[1]->join & JOIN_LEFT);
}

static void full_joins_lose_the_side_that_where_needs(void **state)
{
    QueryFixture *f = *state;
    const Select *s = rewritten(f, "select * from t1 full join t2 on t1.a=t2.a where d=1");
    assert_int_equal(s->from->items[1]->join & (JOIN_LEFT | JOIN_RIGHT), JOIN_RIGHT);

    s = rewritten(f, "select * from t1 full join t2 on t1.a=t2.a where b=1");
    assert_int_equal(s->from->items[1]->join & (JOIN_LEFT | JOIN_RIGHT), JOIN_LEFT);

    s = rewritten(f, "select * from t1 right join t2 on t1.a=t2.a where b=1");
    assert_false(s->from->items[1]->join & JOIN_OUTER);

    // ON of the inner join filters before the RIGHT JOIN adds its rows.
    s = rewritten(f, "select * from t1 join t2 on b=1 right join t2 as x on 1");
    assert_true(s->from->items[2]->join & JOIN_RIGHT);
}

static void conditions_go_down_into_what_stays_a_subquery(void **state)
{
    QueryFixture *f = *state;
    const Select *s = rewritten(f, "select * from v2 where a=5 and s>1");
    const Select *sub = s->from->items[0]->select;
    assert_non_null(sub->where); // the key's condition went on to WHERE
    assert_non_null(sub->having);
    assert_int_equal(s->where->kind, EX_AND);

    s = rewritten(f, "select * from (select a, b from t1 union select a, d from t2) where b=7");
    sub = s->from->items[0]->select;
    assert_non_null(sub->where);
    assert_non_null(sub->prior->where);

    s = rewritten(f, "select * from (select distinct a from t1) where a=(select 1)");
    assert_non_null(s->from->items[0]->select->where);

    s = rewritten(f, "select * from (select distinct a from t1) where a in (select d from t2)");
    assert_non_null(s->from->items[0]->select->where);

    s = rewritten(f, "select * from t1 left join v2 on v2.a=3 where s is null");
    sub = s->from->items[1]->select;
    assert_non_null(sub->where);
    assert_null(sub->having);
}

static void conditions_stay_where_going_down_would_change_the_result(void **state)
{
    QueryFixture *f = *state;
    static const char *const statements[] = {
        "select * from (select a, b from t1 limit 3) where a=1",
        "select * from (select a, row_number() over (order by b) from t1) where a=1",
        "select * from (select distinct a from t1) where a=random()",
        "select * from (select distinct a from t1) as x where a=(select d from t2 where t2.a=x.a)",
        "select * from (select distinct a from t1) as x, t2 where x.a=t2.a",
        "with c as (select distinct a from t1) select * from c, c as d where c.a=1",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        const Select *s = rewritten(f, statements[i]);
        if (s->from->items[0]->select->where != NULL)
            print_message("%s\n", statements[i]);
        assert_null(s->from->items[0]->select->where);
    }
}

static void a_window_takes_conditions_on_its_partition(void **state)
{
    QueryFixture *f = *state;
    const Select *s = rewritten(f, "select * from (select a, row_number() over (partition by a) "
                                   "from t1) where a=1");

    assert_non_null(s->from->items[0]->select->where);
}

static void an_order_that_nobody_sees_is_dropped(void **state)
{
    QueryFixture *f = *state;
    const Select *s =
        rewritten(f, "select * from (select distinct a from t1 order by b) order by a");
    assert_null(s->from->items[0]->select->order_by);

    s = rewritten(f, "select group_concat(a) from (select distinct a from t1 order by a)");
    assert_non_null(s->from->items[0]->select->order_by);
}

static void used_columns_are_counted_afresh(void **state)
{
    QueryFixture *f = *state;
    const Select *s = rewritten(f, "select b from (select a, b, c from t1)");

    assert_int_equal(s->from->items[0]->columns_used, 2);
    s = rewritten(f, "select (select count(*) from (select d as x from t2) where x=b) from t1");
    assert_true(s->columns->items[0].expr->flags & EXPR_CORRELATED);
    assert_int_equal(s->from->items[0]->columns_used, 2);
}

static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    QueryFixture *f = *state;
    const char *sql = "select k, s, (select k from t2 where d=v1.b) from v1 left join v2 on v2.a=1 "
                      "join (select distinct a from t1 order by 1) x on x.a=5 where s>1 and k";
    int rc = SQLITE_NOMEM;
    for (i64 n = 1; rc == SQLITE_NOMEM && n < 10000; n++) {
        Select *select;
        arena_deinit(&f->arena);
        alloc_fault_arm(n, n % 2 == 0);
        rc = rewrite(f, sql, &select);
        alloc_fault_arm(0, false);
    }
    assert_int_equal(rc, SQLITE_OK);
}

#define REWRITE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, query_fixture_end)

TEST_SUITE(rewrite, REWRITE_TEST(plain_subqueries_and_views_are_merged),
           REWRITE_TEST(subqueries_that_mean_something_else_stay),
           REWRITE_TEST(columns_become_the_expressions_they_named),
           REWRITE_TEST(the_null_row_of_a_left_join_hides_merged_expressions),
           REWRITE_TEST(a_condition_on_the_right_side_makes_a_left_join_inner),
           REWRITE_TEST(full_joins_lose_the_side_that_where_needs),
           REWRITE_TEST(conditions_go_down_into_what_stays_a_subquery),
           REWRITE_TEST(conditions_stay_where_going_down_would_change_the_result),
           REWRITE_TEST(a_window_takes_conditions_on_its_partition),
           REWRITE_TEST(an_order_that_nobody_sees_is_dropped),
           REWRITE_TEST(used_columns_are_counted_afresh),
           REWRITE_TEST(running_out_of_memory_is_reported_wherever_it_happens))
