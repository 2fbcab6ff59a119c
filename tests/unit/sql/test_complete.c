#include "tests/support/test.h"

#include "sql/complete.h"

static bool complete(const char *sql)
{
    return sql_is_complete(sql, strlen(sql));
}

static void a_statement_is_complete_behind_its_semicolon(void **state)
{
    (void)state;
    assert_true(complete("select 1;"));
    assert_true(complete("select 1; -- x"));
    assert_true(complete("select 1; /* x */ "));
    assert_true(complete(";"));
    assert_true(complete("x[;];"));
    assert_false(complete(""));
    assert_false(complete("-- x"));
    assert_false(complete("select 1"));
    assert_false(complete("select 1; /"));
}

static void open_quotes_and_comments_are_never_complete(void **state)
{
    (void)state;
    assert_false(complete("select '1;"));
    assert_false(complete("x'12;"));
    assert_false(complete("[;"));
    assert_false(complete("\"a;"));
    assert_false(complete("select 1; /* x"));
    assert_false(complete("select 1; /*/"));
}

static void a_trigger_ends_with_end_and_a_semicolon(void **state)
{
    (void)state;
    assert_false(complete("create trigger a begin select 1;"));
    assert_false(complete("create trigger a begin select 1; end"));
    assert_true(complete("create trigger a begin select 1; end;"));
    assert_true(complete("create temporary trigger a; end;"));
    assert_true(complete("explain query plan create trigger a; end;"));
    assert_false(complete("explain foo create trigger a;"));
    assert_false(complete("create trigger a; end foo;"));
    assert_true(complete("create trigger a;;end;"));
}

static void other_words_before_trigger_make_it_a_plain_statement(void **state)
{
    (void)state;
    assert_true(complete("create foo trigger;"));
    assert_true(complete("temp create trigger;"));
    assert_true(complete("explain temp create trigger a;"));
    assert_true(complete("explain explain create trigger a;"));
    assert_false(complete("create temp temp trigger a;"));
}

static void a_malformed_variable_does_not_hide_the_semicolon(void **state)
{
    (void)state;
    assert_true(complete("select $a(b;"));
}

TEST_SUITE(complete, cmocka_unit_test(a_statement_is_complete_behind_its_semicolon),
           cmocka_unit_test(open_quotes_and_comments_are_never_complete),
           cmocka_unit_test(a_trigger_ends_with_end_and_a_semicolon),
           cmocka_unit_test(other_words_before_trigger_make_it_a_plain_statement),
           cmocka_unit_test(a_malformed_variable_does_not_hide_the_semicolon))
