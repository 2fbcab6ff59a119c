// hybrid_search() and rrf(). Only in quire, where FTS and vectors are at hand.
#include "support/both_ways.h"
#include "support/test.h"

#define DOCS                                                                           \
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, lang, body, vector F32_BLOB(2));"       \
    "CREATE VIRTUAL TABLE docs_fts USING fts5(body, content=docs, content_rowid=id);"  \
    "INSERT INTO docs VALUES(1,'en','tea and ink',vector('[1,0]')),(2,'en','tea tea'," \
    " vector('[0,1]')),(3,'de','Tinte',vector('[0.9,0.1]')),(4,'de','tea',NULL);"      \
    "INSERT INTO docs_fts(docs_fts) VALUES('rebuild');"

static void check(const char *sql, const char *rows)
{
    assert_text(rows, quire_sql(sql));
}

static void both_legs_are_fused_and_their_ranks_told(void **state)
{
    (void)state;
    check(DOCS "SELECT id, text_rank, vector_rank, round(score, 5) FROM"
               " hybrid_search('docs', 'tea?', vector('[1,0]'), 10)",
          "1|3|1|0.03227\n2|1|3|0.03227\n3|NULL|2|0.01613\n4|2|NULL|0.01613");
    check(DOCS "SELECT id, round(score, 3), text_score > 0, round(distance, 3) FROM"
               " hybrid_search('docs', 'tea', vector('[1,0]'), 2) WHERE method='sum'",
          "1|1.0|1|0.0\n2|1.0|1|1.0");
    check(DOCS "SELECT id FROM hybrid_search('docs', 'ink Tinte', NULL, 10)", "3\n1");
    check(DOCS "SELECT id FROM hybrid_search('docs', NULL, vector('[0,1]'), 2)", "2\n3");
    check(DOCS "SELECT count(*) FROM hybrid_search('docs', NULL, NULL, 10)", "0");
    check(DOCS "SELECT id FROM hybrid_search('docs', 'tea NOT ink', NULL, 9) WHERE syntax='fts5'",
          "2\n4");
}

static void a_filter_holds_in_both_legs(void **state)
{
    (void)state;
    check(DOCS "SELECT id, text_rank, vector_rank FROM hybrid_search('docs', 'tea',"
               " vector('[1,0]'), 10) WHERE filter='lang=''de'''",
          "3|NULL|1\n4|1|NULL");
    check(DOCS "SELECT id FROM hybrid_search('docs', 'tea', vector('[1,0]'), 1)"
               " WHERE filter='id>1' AND candidates=1",
          "3");
}

static void vectors_may_lie_in_a_table_of_their_own_several_to_a_row(void **state)
{
    (void)state;
    check(DOCS
          "CREATE TABLE emb(doc, chunk, v BLOB); INSERT INTO emb VALUES(1,0,vector('[0,1]')),"
          "(1,1,vector('[1,0]')),(3,0,vector('[1,1]'));"
          "SELECT id, vector_rank, round(distance, 2) FROM hybrid_search('docs', NULL,"
          " vector('[1,0]'), 5) WHERE vectors='emb' AND vector_key='doc' AND vector_column='v'",
          "1|1|0.0\n3|2|0.29");
}

static void the_plan_shows_both_legs(void **state)
{
    (void)state;
    const char *plan = quire_sql(DOCS "EXPLAIN QUERY PLAN SELECT id FROM"
                                      " hybrid_search('docs', 'tea', vector('[1,0]'), 10)");
    assert_non_null(strstr(plan, "text leg: SCAN docs_fts VIRTUAL TABLE INDEX"));
    assert_non_null(strstr(plan, "vector leg: SCAN docs"));
    assert_non_null(strstr(plan, "fused by rrf"));
}

static void what_is_missing_or_wrong_is_said(void **state)
{
    (void)state;
    check("SELECT * FROM hybrid_search()", "error 1: no query solution");
    check("CREATE TABLE t(a); SELECT * FROM hybrid_search('t', 'x', NULL, 1)",
          "error 1: hybrid_search: no full-text table is known for t; name one: fts = '...'");
    check("CREATE TABLE t(a); SELECT * FROM hybrid_search('t', NULL, x'00', 1)",
          "error 1: hybrid_search: t has no column of vectors that is known as such; name one:"
          " vector_column = '...'");
    check(DOCS "SELECT * FROM hybrid_search('docs', 'x', NULL, 1) WHERE method='max'",
          "error 1: hybrid_search: method is 'rrf' or 'sum', not max");
    check(DOCS "SELECT * FROM hybrid_search('docs', 'x', NULL, -1)",
          "error 1: hybrid_search: k and candidates must not be negative");
    check(DOCS "SELECT * FROM hybrid_search('docs', NULL, vector('[1]'), 1)",
          "error 1: hybrid_search: vector leg: Vectors must have the same dimensions");
    check(DOCS "SELECT * FROM hybrid_search('docs', 'x', NULL, 1) WHERE filter='nosuch=1'",
          "error 1: hybrid_search: text leg: no such column: nosuch");
}

static void ranks_fuse_in_plain_sql(void **state)
{
    (void)state;
    check("SELECT round(rrf(1,2),6), round(rrf(1,NULL),6), rrf(NULL,NULL), rrf(1,1,1),"
          " rrf(1,1,1,3,1)",
          "0.032522|0.016393|0.0|1.0|2.0");
}

TEST_SUITE(hybrid_module, cmocka_unit_test(both_legs_are_fused_and_their_ranks_told),
           cmocka_unit_test(a_filter_holds_in_both_legs),
           cmocka_unit_test(vectors_may_lie_in_a_table_of_their_own_several_to_a_row),
           cmocka_unit_test(the_plan_shows_both_legs),
           cmocka_unit_test(what_is_missing_or_wrong_is_said),
           cmocka_unit_test(ranks_fuse_in_plain_sql))
