// engine/vm/join_table.c: the built side of hash joins.
#include "support/machine.h"
#include "support/test.h"

#include "vm/join_table.h"

static Value integer(i64 n)
{
    Value v = {0};
    value_set_i64(&v, n);
    return v;
}

static Value text(const char *s)
{
    Value v = {0};
    assert_ok(value_set_text(&v, s, strlen(s), SQLITE_UTF8, BYTES_STATIC));
    return v;
}

static Value column(JoinTable *t, u32 i)
{
    Value v = {0};
    assert_ok(join_table_value(t, i, &v));
    return v;
}

static bool probe(JoinTable *t, Value key)
{
    bool found;
    assert_ok(join_table_probe(t, &key, &found));
    return found;
}

static bool next(JoinTable *t)
{
    bool found;
    assert_ok(join_table_next(t, &found));
    return found;
}

static void rows_with_equal_keys_come_in_the_order_of_insertion(void **state)
{
    (void)state;
    JoinTable *t;
    assert_ok(join_table_new(NULL, NULL, 1, 2, &t));
    for (int i = 0; i < 20000; i++) {
        Value row[] = {integer(i % 100), integer(i)};
        assert_ok(join_table_insert(t, row));
    }
    assert_true(probe(t, integer(42)));
    for (int i = 0; i < 200; i++) {
        assert_int_equal(column(t, 1).u.integer, 42 + 100 * i);
        assert_int_equal(column(t, 0).u.integer, 42);
        assert_int_equal(next(t), i < 199);
    }
    assert_false(next(t));
    assert_false(probe(t, integer(100)));
    join_table_free(t);
}

static void numbers_meet_across_types_and_text_across_case(void **state)
{
    (void)state;
    KeyShape *shape = key_shape_new(NULL, SQLITE_UTF8, 1, 1);
    shape->fields[0].collation = &collation_nocase;
    JoinTable *t;
    assert_ok(join_table_new(NULL, shape, 1, 1, &t));
    Value rows[] = {integer(1), text("Apfel")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_ok(join_table_insert(t, &rows[i]));
    Value one = {0};
    value_set_f64(&one, 1.0);

    assert_true(probe(t, one));
    assert_true(probe(t, text("aPFEL")));
    assert_int_equal(column(t, 0).size, 5);
    assert_false(probe(t, text("Apfe")));

    join_table_free(t);
    key_shape_unref(shape);
}

static void a_null_in_the_key_matches_nothing(void **state)
{
    (void)state;
    JoinTable *t;
    assert_ok(join_table_new(NULL, NULL, 2, 3, &t));
    Value null = {.flags = V_NULL};
    Value kept[] = {integer(1), integer(2), null}, dropped[] = {integer(1), null, integer(3)};
    assert_ok(join_table_insert(t, kept));
    assert_ok(join_table_insert(t, dropped));
    bool found;

    assert_ok(join_table_probe(t, dropped, &found));
    assert_false(found);
    assert_ok(join_table_probe(t, kept, &found));
    assert_true(found);
    assert_true(column(t, 2).flags & V_NULL);
    assert_false(next(t));
    join_table_free(t);
}

// Rows longer than a block, zero tails, reals held as integers, and rows added between two probes.
static void rows_of_any_size_and_kind_come_back(void **state)
{
    (void)state;
    JoinTable *t;
    assert_ok(join_table_new(NULL, NULL, 1, 2, &t));
    for (int i = 0; i < 40; i++) {
        Value row[] = {integer(i), {.flags = V_NULL}};
        value_set_zeroblob(&row[1], (u32)(i % 4 == 0 ? 70000 + i : i * 777));
        assert_ok(join_table_insert(t, row));
    }
    for (int i = 0; i < 40; i++) {
        assert_true(probe(t, integer(i)));
        assert_int_equal(value_size(&(Value[]){column(t, 1)}[0]), i % 4 == 0 ? 70000 + i : i * 777);
    }
    Value late[] = {integer(7), {.flags = V_INT_REAL, .u.integer = 3}};
    assert_ok(join_table_insert(t, late));
    assert_true(probe(t, integer(7)));
    assert_true(next(t));
    assert_int_equal(value_type(&(Value[]){column(t, 1)}[0]), SQLITE_FLOAT);
    join_table_reset(t);
    assert_false(probe(t, integer(7)));
    join_table_free(t);
}

static void a_table_takes_little_more_than_its_rows(void **state)
{
    (void)state;
    JoinTable *t;
    assert_ok(join_table_new(NULL, NULL, 1, 2, &t));
    for (int i = 0; i < 100000; i++) {
        Value row[] = {integer(i), {.flags = V_NULL}};
        value_set_f64(&row[1], i / 7.0);
        assert_ok(join_table_insert(t, row));
    }
    assert_true(probe(t, integer(99999)));
    assert_in_range(join_table_memory(t), 1000000, 3200000);
    join_table_free(t);
}

TEST_SUITE(join_table, cmocka_unit_test(rows_with_equal_keys_come_in_the_order_of_insertion),
           cmocka_unit_test(numbers_meet_across_types_and_text_across_case),
           cmocka_unit_test(a_null_in_the_key_matches_nothing),
           cmocka_unit_test(rows_of_any_size_and_kind_come_back),
           cmocka_unit_test(a_table_takes_little_more_than_its_rows))
