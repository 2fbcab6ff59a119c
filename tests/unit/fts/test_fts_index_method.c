// Full-text indexes made by CREATE INDEX.
#include "support/both_ways.h"
#include "support/test.h"

#define DOCS                                                  \
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, title, body);" \
    "INSERT INTO docs VALUES(1, 'tea', 'green leaves'), (2, 'ink', 'black');"

static void an_index_holds_the_rows_and_follows_them(void **state)
{
    (void)state;

    assert_text("1", quire_sql(DOCS "CREATE INDEX i ON docs USING fts5 (title, body);"
                                    "SELECT rowid FROM i('leaves')"));
    assert_text("2\n3", quire_sql(DOCS "CREATE INDEX i ON docs USING fts5 (title, body);"
                                       "INSERT INTO docs VALUES(3, 'leaf', 'white');"
                                       "UPDATE docs SET body = 'white' WHERE id = 2;"
                                       "DELETE FROM docs WHERE id = 1;"
                                       "SELECT rowid FROM i('white OR leaves') ORDER BY rowid"));
}

static void options_of_both_forms_are_taken(void **state)
{
    (void)state;

    assert_text("1", quire_sql(DOCS "CREATE INDEX i ON docs USING fts5 (title, body)"
                                    " WITH (tokenize = 'porter');"
                                    "SELECT rowid FROM i('leaved')"));
    assert_text("bm25(2, 1)", quire_sql(DOCS "CREATE INDEX i ON docs USING fts (title, body)"
                                             " WITH (weights = 'title=2.0,body=1.0');"
                                             "SELECT v FROM i_config WHERE k = 'rank'"));
    assert_text("error 1: weight for column 'title' must be a positive number",
                quire_sql(DOCS "CREATE INDEX i ON docs USING fts (title)"
                               " WITH (weights = 'title=x')"));
}

static void tokenizers_of_the_method_are_known(void **state)
{
    (void)state;

    assert_text("1", quire_sql(DOCS "CREATE INDEX i ON docs USING fts (body)"
                                    " WITH (tokenizer = 'raw'); SELECT rowid FROM i('\"green "
                                    "leaves\"'); SELECT rowid FROM i('green')"));
    assert_text("3", quire_sql(DOCS "CREATE INDEX i ON docs USING fts (body)"
                                    " WITH (tokenizer = 'whitespace'); INSERT INTO docs VALUES(3,"
                                    " '', 'Tea-leaves!'); SELECT rowid FROM i('\"Tea-leaves!\"');"
                                    "SELECT rowid FROM i('\"tea-leaves!\"')"));
    assert_text("error 1: unsupported FTS tokenizer 'odd'. Supported tokenizers: default, raw,"
                " simple, whitespace, ngram",
                quire_sql(DOCS "CREATE INDEX i ON docs USING fts (body) WITH (tokenizer = 'odd')"));
}

static void dropping_removes_all_of_it(void **state)
{
    (void)state;

    assert_text("docs", quire_sql(DOCS "CREATE INDEX i ON docs USING fts5 (title, body);"
                                       "DROP INDEX i; SELECT name FROM sqlite_schema"));
    assert_text("0", quire_sql(DOCS "CREATE INDEX i ON docs USING fts5 (title, body);"
                                    "DROP TABLE docs; SELECT count(*) FROM sqlite_schema"));
}

static void text_typed_by_people_is_never_a_syntax_error(void **state)
{
    (void)state;

    assert_text("(\"C++\") AND (\"user@x.com\")",
                quire_sql("SELECT fts_query('C++ & user@x.com')"));
    assert_text("((\"a\" OR \"b\")) NOT (\"c d\")",
                quire_sql("SELECT fts_query('a OR b -\"c d\"')"));
    assert_text("(\"begin\"*) AND (\"open end\")",
                quire_sql("SELECT fts_query('begin* \"open end')"));
    assert_text("\"\"", quire_sql("SELECT fts_query(' ( ')"));
    assert_text("0", quire_sql("CREATE VIRTUAL TABLE t USING fts5(a);"
                               "SELECT count(*) FROM t WHERE t MATCH fts_query(':^{}\"')"));
}

static void functions_over_its_columns_stand_anywhere(void **state)
{
    (void)state;
#define INDEXED                                                                        \
    DOCS "CREATE INDEX i ON docs USING fts5 (title, body) WITH (tokenize = 'porter');" \
         "INSERT INTO docs VALUES(3, 'leaf', 'white');"

    assert_text(
        "1\n3",
        quire_sql(INDEXED "SELECT id FROM docs WHERE fts_match(body, title, 'leaf OR leaved')"));
    assert_text("1\n2", quire_sql(INDEXED "SELECT id FROM docs WHERE NOT fts_match(title, body,"
                                          " 'white') OR id = 2"));
    assert_text("2|1",
                quire_sql(INDEXED "CREATE VIEW v AS SELECT id, fts_match(title, body, 'ink') m"
                                  " FROM docs; SELECT * FROM v WHERE m"));
    assert_text("2|1", quire_sql(INDEXED "WITH c AS (SELECT id, fts_score(d.title, d.body, 'ink') s"
                                         " FROM docs d) SELECT id, s > 0 FROM c ORDER BY s DESC"
                                         " LIMIT 1"));
    assert_text("tea green <leaves>\nink black",
                quire_sql(INDEXED "SELECT fts_highlight(title, body, '<', '>', 'leaved') FROM docs"
                                  " WHERE id < 3"));
    assert_text("3", quire_sql(INDEXED "UPDATE docs SET body = 'new' WHERE fts_match(title, body,"
                                       " 'white'); SELECT id FROM docs WHERE fts_match(title, body,"
                                       " 'new')"));
    assert_text("error 1: fts_match() needs a full-text index on exactly its columns",
                quire_sql(INDEXED "SELECT fts_match(title, 'x') FROM docs"));
    assert_text("error 1: fts_match() takes 1 argument behind the columns",
                quire_sql(INDEXED "SELECT fts_match(title, body) FROM docs"));
}

TEST_SUITE(fts_index_method, cmocka_unit_test(functions_over_its_columns_stand_anywhere),
           cmocka_unit_test(an_index_holds_the_rows_and_follows_them),
           cmocka_unit_test(options_of_both_forms_are_taken),
           cmocka_unit_test(tokenizers_of_the_method_are_known),
           cmocka_unit_test(dropping_removes_all_of_it),
           cmocka_unit_test(text_typed_by_people_is_never_a_syntax_error))
