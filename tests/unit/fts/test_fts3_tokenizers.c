// Tokenizers that applications bring to FTS3: who may register one, what it is given, and what
// happens when it fails.
#include "support/test.h"

#include "fts/fts3/fts3_tokenizer.h"
#include "sqlite3.h"
#include <stdlib.h>
#include <string.h>

// Every character is a token; a '!' or '?' fails. Tokens of language 1 are moved up by one letter.
typedef struct CharCursor {
    sqlite3_tokenizer_cursor base;
    const char *input;
    int size;
    int at;
    int language;
    char token;
} CharCursor;

static int created, destroyed;

static int char_create(int argc, const char *const *argv, sqlite3_tokenizer **out)
{
    if (argc > 0 && strcmp(argv[0], "refuse") == 0)
        return SQLITE_ERROR;
    *out = calloc(1, sizeof **out);
    created++;
    return SQLITE_OK;
}

static int char_destroy(sqlite3_tokenizer *tokenizer)
{
    destroyed++;
    free(tokenizer);
    return SQLITE_OK;
}

static int char_open(sqlite3_tokenizer *tokenizer, const char *input, int size,
                     sqlite3_tokenizer_cursor **out)
{
    (void)tokenizer;
    CharCursor *cursor = calloc(1, sizeof *cursor);
    assert_non_null(cursor);
    cursor->input = input;
    cursor->size = size < 0 ? (int)strlen(input) : size;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int char_close(sqlite3_tokenizer_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static int char_next(sqlite3_tokenizer_cursor *base, const char **token, int *size, int *start,
                     int *end, int *position)
{
    CharCursor *cursor = (CharCursor *)base;
    if (cursor->at >= cursor->size)
        return SQLITE_DONE;
    if (cursor->input[cursor->at] == '!')
        return SQLITE_IOERR;
    if (cursor->input[cursor->at] == '?')
        return SQLITE_ERROR;
    cursor->token = (char)(cursor->input[cursor->at] + cursor->language);
    *token = &cursor->token;
    *size = 1;
    *start = *position = cursor->at++;
    *end = cursor->at;
    return SQLITE_OK;
}

static int char_language(sqlite3_tokenizer_cursor *cursor, int language)
{
    ((CharCursor *)cursor)->language = language;
    return SQLITE_OK;
}

static const sqlite3_tokenizer_module chars = {1,          char_create, char_destroy, char_open,
                                               char_close, char_next,   char_language};

static sqlite3 *open_db(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static int keep_text(void *out, int count, char **values, char **names)
{
    (void)count, (void)names;
    snprintf(out, 200, "%s", values[0] == NULL ? "NULL" : values[0]);
    return 0;
}

static void expect(sqlite3 *db, const char *sql, const char *text)
{
    char got[200] = "nothing";
    int rc = sqlite3_exec(db, sql, keep_text, got, NULL);
    if (rc != SQLITE_OK)
        snprintf(got, sizeof got, "error %d: %s", rc & 0xFF, sqlite3_errmsg(db));
    assert_string_equal(got, text);
}

static void register_bound(sqlite3 *db)
{
    const sqlite3_tokenizer_module *module = &chars;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT fts3_tokenizer('chars', ?1)", -1, &stmt, NULL),
                     SQLITE_OK);
    sqlite3_bind_blob(stmt, 1, &module, sizeof module, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_memory_equal(sqlite3_column_blob(stmt, 0), &module, sizeof module);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

static void a_bound_tokenizer_is_used(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    register_bound(db);
    created = destroyed = 0;
    expect(db,
           "CREATE VIRTUAL TABLE t USING fts4(a, tokenize=chars, languageid=l);"
           "INSERT INTO t(a) VALUES('abcab'); INSERT INTO t(a, l) VALUES('abcab', 1);"
           "SELECT offsets(t) FROM t WHERE t MATCH '\"ab\"'",
           "0 0 0 1 0 1 1 1 0 0 3 1 0 1 4 1");
    expect(db, "SELECT docid FROM t WHERE t MATCH 'c' AND l = 1", "2");
    expect(db, "SELECT group_concat(hex(root)) FROM t_segdir WHERE level >= 1024",
           "0001620402020500000163040203050000016403020400");
    expect(db, "INSERT INTO t(t) VALUES('integrity-check')", "nothing");
    expect(db, "INSERT INTO t(a) VALUES('ab!c')", "error 10: disk I/O error");
    expect(db, "SELECT count(*) FROM t", "2");
    expect(db, "INSERT INTO t(t) VALUES('integrity-check')", "nothing");
    expect(db, "CREATE VIRTUAL TABLE u USING fts4(a, tokenize=chars refuse)",
           "error 1: unknown tokenizer");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(created, 1);
    assert_int_equal(destroyed, created);
}

static void an_address_in_sql_needs_permission(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    const sqlite3_tokenizer_module *module = &chars;
    char sql[200] = "SELECT length(fts3_tokenizer('chars', x'";
    for (size_t i = 0; i < sizeof module; i++)
        snprintf(sql + strlen(sql), 3, "%02x", ((const unsigned char *)&module)[i]);
    snprintf(sql + strlen(sql), 4, "'))");
    expect(db, sql, "error 1: fts3tokenize disabled");
    expect(db, "SELECT fts3_tokenizer('simple')", "NULL");
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 1, (int *)NULL),
                     SQLITE_OK);
    expect(db, sql, "8");
    expect(db, "SELECT length(fts3_tokenizer('simple'))", "8");
    expect(db, "SELECT fts3_tokenizer('chars', x'00')", "error 1: argument type mismatch");
    expect(db, "SELECT fts3_tokenizer('none')", "error 1: unknown tokenizer: none");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_row_that_fails_leaves_nothing(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    register_bound(db);
    expect(db, "CREATE VIRTUAL TABLE t USING fts4(a, tokenize=chars); BEGIN", "nothing");
    expect(db, "INSERT INTO t(a) VALUES('ab')", "nothing");
    expect(db, "INSERT INTO t(a) VALUES('cd?e')", "error 1: SQL logic error");
    expect(db, "INSERT INTO t(docid, a) VALUES(1, 'e')", "error 19: constraint failed");
    expect(db, "UPDATE t SET a = 'f?' WHERE docid = 1", "error 1: SQL logic error");
    expect(db, "REPLACE INTO t(docid, a) VALUES(1, 'g?')", "error 1: SQL logic error");
    expect(db, "INSERT INTO t(a) VALUES('hi')", "nothing");
    expect(db, "COMMIT; SELECT group_concat(docid || a) FROM t", "1ab,2hi");
    expect(db, "INSERT INTO t(t) VALUES('integrity-check')", "nothing");
    expect(db, "SELECT hex(value) FROM t_stat", "020404");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

TEST_SUITE(fts3_tokenizers, cmocka_unit_test(a_bound_tokenizer_is_used),
           cmocka_unit_test(an_address_in_sql_needs_permission),
           cmocka_unit_test(a_row_that_fails_leaves_nothing))
