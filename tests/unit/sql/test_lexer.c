#include "tests/support/test.h"

#include "sql/lexer.h"

// One token: its kind, and where it ends.
static void assert_token(const char *text, TokenKind kind, u32 size)
{
    Lexer lexer;
    lexer_init(&lexer, text, strlen(text));
    Token token = lexer_next(&lexer);

    if (token.kind != kind || token.size != size)
        print_message("in: %s (kind %d, size %u)\n", text, token.kind, token.size);
    assert_int_equal(token.kind, kind);
    assert_int_equal(token.size, size);
}

static void numbers_take_points_exponents_and_separators(void **state)
{
    (void)state;
    assert_token("12", TK_INTEGER, 2);
    assert_token("1_000", TK_INTEGER, 5);
    assert_token("0x1F", TK_INTEGER, 4);
    assert_token("1.5", TK_FLOAT, 3);
    assert_token(".5", TK_FLOAT, 2);
    assert_token("1.", TK_FLOAT, 2);
    assert_token("1e5", TK_FLOAT, 3);
    assert_token("1.e-5", TK_FLOAT, 5);
    assert_token("1e+5 ", TK_FLOAT, 4);
}

static void a_number_that_runs_into_letters_is_malformed(void **state)
{
    (void)state;
    assert_token("1x", TK_ILLEGAL, 2);
    assert_token("0x", TK_ILLEGAL, 2);
    assert_token("1.e", TK_ILLEGAL, 3);
    assert_token("1e5x", TK_ILLEGAL, 4);
    assert_token("0xg", TK_ILLEGAL, 3);
    assert_token("1e_5", TK_ILLEGAL, 4);
}

static void a_quote_is_doubled_inside_quotes(void **state)
{
    (void)state;
    assert_token("'a''b' c", TK_STRING, 6);
    assert_token("\"a\"\"b\"", TK_ID, 6);
    assert_token("`a``b`", TK_ID, 6);
    assert_token("[a b] c", TK_ID, 5);
}

static void an_open_quote_runs_to_the_end(void **state)
{
    (void)state;
    assert_token("'abc", TK_ILLEGAL, 4);
    assert_token("\"a b", TK_ILLEGAL, 4);
    assert_token("[abc", TK_ILLEGAL, 4);
    assert_token("'a''", TK_ILLEGAL, 4);
}

static void variables_have_five_forms(void **state)
{
    (void)state;
    assert_token("?", TK_VARIABLE, 1);
    assert_token("?12a", TK_VARIABLE, 3);
    assert_token(":abc ", TK_VARIABLE, 4);
    assert_token("@a1", TK_VARIABLE, 3);
    assert_token("$a::b(c)d", TK_VARIABLE, 8);
    assert_token("$a(b c)", TK_ILLEGAL, 4);
    assert_token("@", TK_ILLEGAL, 1);
    assert_token("$::", TK_ILLEGAL, 3);
}

static void blobs_need_pairs_of_hexadecimal_digits(void **state)
{
    (void)state;
    assert_token("x'0aFf'", TK_BLOB, 7);
    assert_token("X''", TK_BLOB, 3);
    assert_token("x'1'", TK_ILLEGAL, 4);
    assert_token("x'1g' 2", TK_ILLEGAL, 5);
    assert_token("x'12", TK_ILLEGAL, 4);
}

static void the_longest_operator_wins(void **state)
{
    (void)state;
    assert_token("->>", TK_LONG_ARROW, 3);
    assert_token("->", TK_ARROW, 2);
    assert_token("-1", TK_MINUS, 1);
    assert_token("<>", TK_NOT_EQUAL, 2);
    assert_token("<<", TK_SHIFT_LEFT, 2);
    assert_token("==", TK_EQUAL, 2);
    assert_token("||", TK_CONCAT, 2);
    assert_token("!", TK_ILLEGAL, 1);
}

static void blanks_and_comments_and_byte_order_marks_are_skipped(void **state)
{
    (void)state;
    Lexer lexer;
    const char *text = " \t\r\n\f-- x\n/* /* */ /**/\xEF\xBB\xBF"
                       "a /";
    lexer_init(&lexer, text, strlen(text));

    assert_int_equal(lexer_next(&lexer).kind, TK_ID);
    assert_int_equal(lexer_next(&lexer).kind, TK_SLASH);
    assert_int_equal(lexer_next(&lexer).kind, TK_END_OF_INPUT);
    assert_int_equal(lexer_next(&lexer).kind, TK_END_OF_INPUT);
}

static void an_open_comment_runs_to_the_end(void **state)
{
    (void)state;
    assert_token("/* a", TK_END_OF_INPUT, 0);
    assert_token("/*/", TK_END_OF_INPUT, 0);
    assert_token("-- a", TK_END_OF_INPUT, 0);
}

static void a_nul_byte_ends_the_text(void **state)
{
    (void)state;
    Lexer lexer;
    lexer_init(&lexer, "a\0b", 3);

    assert_int_equal(lexer_next(&lexer).kind, TK_ID);
    assert_int_equal(lexer_next(&lexer).kind, TK_END_OF_INPUT);
}

static void bytes_beyond_ascii_belong_to_identifiers(void **state)
{
    (void)state;
    assert_token("\xC3\xA9t\xC3\xA9 x", TK_ID, 5);
    assert_token("1\xC3\xA9", TK_ILLEGAL, 3);
}

TEST_SUITE(lexer, cmocka_unit_test(numbers_take_points_exponents_and_separators),
           cmocka_unit_test(a_number_that_runs_into_letters_is_malformed),
           cmocka_unit_test(a_quote_is_doubled_inside_quotes),
           cmocka_unit_test(an_open_quote_runs_to_the_end),
           cmocka_unit_test(variables_have_five_forms),
           cmocka_unit_test(blobs_need_pairs_of_hexadecimal_digits),
           cmocka_unit_test(the_longest_operator_wins),
           cmocka_unit_test(blanks_and_comments_and_byte_order_marks_are_skipped),
           cmocka_unit_test(an_open_comment_runs_to_the_end),
           cmocka_unit_test(a_nul_byte_ends_the_text),
           cmocka_unit_test(bytes_beyond_ascii_belong_to_identifiers))
