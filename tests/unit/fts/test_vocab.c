// fts5vocab in quire, and as an extension in stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
#define TABLE(options)                                      \
    "CREATE VIRTUAL TABLE t USING fts5(a, b" options ");"   \
    "INSERT INTO t VALUES('x y x', 'y z'), ('q', 'x');"     \
    "CREATE VIRTUAL TABLE r USING fts5vocab(t, row);"       \
    "CREATE VIRTUAL TABLE c USING fts5vocab('t', \"col\");" \
    "CREATE VIRTUAL TABLE i USING fts5vocab(t, instance);"

static void terms_are_counted_by_row_column_and_place(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") "SELECT * FROM r", "q|1|1\nx|2|3\ny|1|2\nz|1|1"},
        {TABLE("") "SELECT * FROM c WHERE term > 'q' AND term < 'z'",
         "x|a|1|2\nx|b|1|1\ny|a|1|1\ny|b|1|1"},
        {TABLE("") "SELECT * FROM i WHERE term = 'x'", "x|1|a|0\nx|1|a|2\nx|2|b|0"},
        {TABLE("") "DELETE FROM t WHERE rowid = 1; SELECT * FROM r", "q|1|1\nx|1|1"},
    };
    CHECK(cases);
}

static void what_the_index_does_not_hold_is_null(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE(", detail=columns") "SELECT * FROM c WHERE term = 'x'", "x|a|1|NULL\nx|b|1|NULL"},
        {TABLE(", detail=columns") "SELECT * FROM i WHERE term = 'x'", "x|1|a|NULL\nx|2|b|NULL"},
        {TABLE(", detail=none") "SELECT * FROM c WHERE term = 'x'", "x|NULL|2|NULL"},
        {TABLE(", detail=none") "SELECT * FROM i WHERE term = 'x'", "x|1|NULL|NULL\nx|2|NULL|NULL"},
    };
    CHECK(cases);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE v USING fts5vocab(t, foo)",
         "error 1: fts5vocab: unknown table type: 'foo'"},
        {"CREATE VIRTUAL TABLE v USING fts5vocab(main, t, row)",
         "error 1: wrong number of vtable arguments"},
        {"CREATE VIRTUAL TABLE v USING fts5vocab(t, row); SELECT * FROM v",
         "error 1: no such fts5 table: main.t"},
        {TABLE("") "CREATE VIRTUAL TABLE temp.v USING fts5vocab(main, t, row);"
                   "SELECT count(*) FROM v",
         "4"},
    };
    CHECK(cases);
}

TEST_SUITE(vocab, cmocka_unit_test(terms_are_counted_by_row_column_and_place),
           cmocka_unit_test(what_the_index_does_not_hold_is_null),
           cmocka_unit_test(wrong_arguments_are_refused))
