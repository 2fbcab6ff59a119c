// Which token of a row a word of the query stands for: prefixes, and tokens with data behind them.
#include "support/test.h"

#include "support/changeset.h"

#include <sqlite3.h>
#include <stdio.h>

// --- a tokenizer that splits at spaces; a colon is the NUL before a token's data ---

static int td_create(void *arg, const char **args, int count, Fts5Tokenizer **out)
{
    (void)args, (void)count;
    *out = arg;
    return SQLITE_OK;
}

static void td_delete(Fts5Tokenizer *tokenizer)
{
    (void)tokenizer;
}

static int td_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int size,
                       int (*emit)(void *, int, const char *, int, int, int))
{
    (void)tokenizer, (void)flags;
    for (int at = 0; at < size;) {
        char token[64];
        int count = 0;
        const int begin = at;
        for (; at < size && text[at] != ' ' && count < 64; at++)
            token[count++] = (char)(text[at] == ':' ? 0 : text[at]);
        int rc = count > 0 ? emit(ctx, 0, token, count, begin, at) : SQLITE_OK;
        if (rc != SQLITE_OK)
            return rc;
        at += count == 0;
    }
    return SQLITE_OK;
}

// --- a function that lists the tokens of all instances, the words of one joined by "+" ---

static int put_token(char *out, const char *token, int size)
{
    for (int i = 0; i < size; i++)
        out[i] = token[i] == 0 ? ':' : token[i];
    out[size] = 0;
    return size;
}

static void list_tokens(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                        int count, sqlite3_value **args)
{
    (void)count, (void)args;
    char text[400] = "";
    int size = 0;
    int instances = 0;
    assert_ok(api->xInstCount(fts, &instances));
    for (int i = 0; i < instances; i++) {
        int phrase, column, offset, token_size;
        const char *token;
        assert_ok(api->xInst(fts, i, &phrase, &column, &offset));
        const int words = api->xPhraseSize(fts, phrase);
        size += snprintf(text + size, sizeof text - (size_t)size, "%s", i > 0 ? " " : "");
        for (int k = 0; k < words; k++) {
            assert_ok(api->xInstToken(fts, i, k, &token, &token_size));
            if (k > 0)
                text[size++] = '+';
            size += put_token(text + size, token, token_size);
        }
        assert_rc(SQLITE_RANGE, api->xInstToken(fts, i, words, &token, &token_size));
    }
    sqlite3_result_text(ctx, text, size, SQLITE_TRANSIENT);
}

static void list_words(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                       int count, sqlite3_value **args)
{
    (void)count, (void)args;
    char text[100] = "";
    const char *token;
    int size;
    assert_ok(api->xQueryToken(fts, 0, 0, &token, &size));
    sqlite3_result_text(ctx, text, put_token(text, token, size), SQLITE_TRANSIENT);
}

static sqlite3 *open_with(const char *options, const char *const rows[])
{
    static fts5_tokenizer methods = {td_create, td_delete, td_tokenize};
    static int anything;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    fts5_api *api = NULL;
    char *sql =
        sqlite3_mprintf("CREATE VIRTUAL TABLE t USING fts5(a, b, tokenize = td%s)", options);
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL));
    assert_ok(sqlite3_bind_pointer(stmt, 1, &api, "fts5_api_ptr", NULL));
    assert_rc(SQLITE_ROW, sqlite3_step(stmt));
    assert_ok(sqlite3_finalize(stmt));
    assert_ok(api->xCreateTokenizer(api, "td", &anything, &methods, NULL));
    assert_ok(api->xCreateFunction(api, "tokens", NULL, list_tokens, NULL));
    assert_ok(api->xCreateFunction(api, "word", NULL, list_words, NULL));
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    sqlite3_free(sql);
    for (int i = 0; rows[i] != NULL; i++) {
        sql = sqlite3_mprintf("INSERT INTO t(rowid, a, b) VALUES(%d, %s)", i + 1, rows[i]);
        assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
        sqlite3_free(sql);
    }
    return db;
}

// --- what is found ---

static const char *const plain[] = {"'abcx abc abdy', 'abcy'", "'abcz q', 'ab1'", "'abcd ab', 'x'",
                                    NULL};
static const char *const with_data[] = {"'abc:x abc abd:y', 'abc:y'", "'abc:z q', 'ab:1'",
                                        "'abcd ab', 'abc:x:y'", "'a:b', 'abc:'", NULL};
static const char all_tokens[] = "SELECT rowid, tokens(t) FROM t('%s')";

static void assert_tokens(sqlite3 *db, const char *query, const char *expected)
{
    char *sql = sqlite3_mprintf(all_tokens, query);
    assert_text(expected, rows_text(db, sql));
    sqlite3_free(sql);
}

static void a_prefix_stands_for_tokens_of_the_row(void **state)
{
    (void)state;
    static const char *const options[] = {"",
                                          ", prefix = 2",
                                          ", prefix = 3",
                                          ", content = ''",
                                          ", detail = columns",
                                          ", detail = none"};
    for (int i = 0; i < 6; i++) {
        sqlite3 *db = open_with(options[i], plain);
        assert_tokens(db, "ab*", "1|abcx abc abdy abcy\n2|abcz ab1\n3|abcd ab");
        assert_tokens(db, "abc", "1|abc");
        if (i < 4) {
            assert_tokens(db, "abc + ab*", "1|abc+abdy");
            assert_tokens(db, "b : ab*", "1|abcy\n2|ab1");
            assert_tokens(db, "q OR ab*", "1|abcx abc abdy abcy\n2|abcz q ab1\n3|abcd ab");
        }
        assert_ok(sqlite3_close(db));
    }
}

static void a_token_is_found_whatever_data_it_has(void **state)
{
    (void)state;
    static const char *const options[] = {
        ", tokendata = 1", ", tokendata = 1, prefix = '1 2'", ", tokendata = 1, content = ''",
        ", tokendata = 1, detail = columns", ", tokendata = 1, detail = none"};
    static const char abc[] = "1|abc:x abc abc:y\n2|abc:z\n3|abc:x:y\n4|abc:";
    for (int i = 0; i < 5; i++) {
        sqlite3 *db = open_with(options[i], with_data);
        assert_tokens(db, "abc", abc);
        assert_tokens(db, "\"abc:other\"", abc); // what the query has for data does not matter
        assert_tokens(db, "ab", "2|ab:1\n3|ab");
        assert_tokens(db, "a", "4|a:b");
        assert_tokens(db, "\"abd:x\"*", "1|abd:y");
        assert_text("abc:o", rows_text(db, "SELECT word(t) FROM t('\"abc:o\"') LIMIT 1"));
        if (i < 3)
            assert_tokens(db, "abc + abd", "1|abc+abd:y");
        assert_ok(sqlite3_exec(db, "INSERT INTO t(t) VALUES('integrity-check')", NULL, NULL, NULL));
        assert_ok(sqlite3_close(db));
    }
}

static void without_the_option_data_is_part_of_the_token(void **state)
{
    (void)state;
    sqlite3 *db = open_with("", with_data);

    assert_tokens(db, "abc", "1|abc");
    assert_tokens(db, "\"abc:x\"", "1|abc:x");
    assert_tokens(db, "\"abc:x\"*", "1|abc:x\n3|abc:x:y");

    assert_ok(sqlite3_close(db));
}

// In a segment, in another one, and not written yet.
static void tokens_are_found_where_they_are(void **state)
{
    (void)state;
    sqlite3 *db = open_with(", tokendata = 1", with_data);
    assert_ok(sqlite3_exec(db,
                           "DELETE FROM t WHERE rowid < 3; BEGIN; INSERT INTO t(rowid, a)"
                           " VALUES(7, 'abc:new x')",
                           NULL, NULL, NULL));

    assert_tokens(db, "abc", "3|abc:x:y\n4|abc:\n7|abc:new");
    assert_text("2", rows_text(db, "SELECT count(*) FROM t('abc') WHERE rowid > 3"));

    assert_ok(sqlite3_close(db));
}

TEST_SUITE(inst_token, cmocka_unit_test(a_prefix_stands_for_tokens_of_the_row),
           cmocka_unit_test(a_token_is_found_whatever_data_it_has),
           cmocka_unit_test(without_the_option_data_is_part_of_the_token),
           cmocka_unit_test(tokens_are_found_where_they_are))
