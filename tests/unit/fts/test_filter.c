// Tokenizers that change what another finds, in quire and as an extension in stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
#define TABLE(tokenizer, text)                                          \
    "CREATE VIRTUAL TABLE t USING fts5(a, tokenize=\"" tokenizer "\");" \
    "INSERT INTO t VALUES('" text "');"                                 \
    "SELECT highlight(t, 0, '[', ']') FROM t WHERE t MATCH "

static void stopwords_are_left_out_of_documents_and_queries(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("stopwords english", "the state of the art") "'\"state of art\"'",
         "the [state of the art]"},
        {TABLE("stopwords english", "the state of the art") "'\"the\"'", ""},
        {TABLE("stopwords 'der die das' ascii", "der Hund") "'hund'", "der [Hund]"},
        {TABLE("snowball english stopwords english", "running of the bulls") "'run'",
         "[running] of the bulls"},
        {TABLE("stopwords", "x") "'x'", "error 1: error in tokenizer constructor"},
    };
    CHECK(cases);
}

static void folding_is_full_and_strips_accents_unless_told_otherwise(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("fold unicode61 remove_diacritics 0", "Straße École") "'strasse AND ecole'",
         "[Straße] [École]"},
        {TABLE("fold accents 1 unicode61 remove_diacritics 0", "École") "'ecole'", ""},
        {TABLE("fold accents 2", "x") "'x'", "error 1: error in tokenizer constructor"},
    };
    CHECK(cases);
}

static void runs_of_cjk_are_found_by_any_part(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("cjk", "我爱北京天安门 and Beijing") "'天安门'", "我爱北京[天安门] and Beijing"},
        {TABLE("cjk", "我爱北京天安门 and Beijing") "'京'", "我爱北[京]天安门 and Beijing"},
        {TABLE("cjk", "我爱北京天安门 and Beijing") "'beijing'", "我爱北京天安门 and [Beijing]"},
        {TABLE("cjk", "我爱北京天安门 and Beijing") "'天门'", ""},
    };
    CHECK(cases);
}

static void beginnings_of_words_find_them(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("edge_ngram 2 5", "hello world") "'wor'", "hello [world]"},
        {TABLE("edge_ngram 2 5", "hello world") "'h'", ""},
        {TABLE("edge_ngram 5 2", "x") "'x'", "error 1: error in tokenizer constructor"},
    };
    CHECK(cases);
}

static void a_table_says_what_query_words_stand_for(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE same(word, synonym); INSERT INTO same VALUES('car', 'auto');" TABLE(
             "synonyms same", "my auto") "'\"my car\"'",
         "[my auto]"},
        {"CREATE TABLE same(word, synonym);" TABLE("synonyms same", "my auto") "'car'", ""},
    };
    CHECK(cases);
}

TEST_SUITE(filter, cmocka_unit_test(stopwords_are_left_out_of_documents_and_queries),
           cmocka_unit_test(folding_is_full_and_strips_accents_unless_told_otherwise),
           cmocka_unit_test(runs_of_cjk_are_found_by_any_part),
           cmocka_unit_test(beginnings_of_words_find_them),
           cmocka_unit_test(a_table_says_what_query_words_stand_for))
