// fts3tokenize: the tokens of a text, by any tokenizer.
//
// CREATE VIRTUAL TABLE t USING fts3tokenize(tokenizer, arguments...);
// SELECT token, start, end, position FROM t WHERE input = ...
#include "fts/fts3/fts3_table.h"

enum { COLUMN_INPUT, COLUMN_TOKEN, COLUMN_START, COLUMN_END, COLUMN_POSITION };
enum { PLAN_NONE, PLAN_INPUT };

typedef struct TokenTable {
    sqlite3_vtab base; // first: SQLite's pointer is cast back
    sqlite3_tokenizer *tokenizer;
} TokenTable;

typedef struct TokenCursor {
    sqlite3_vtab_cursor base; // first: SQLite's pointer is cast back
    char *input;
    sqlite3_tokenizer_cursor *tokens;
    Fts3Token token;
    i64 rowid;
    bool is_eof;
} TokenCursor;

// Copies without quotes of the arguments; `words` has room for all.
static int copy_words(int count, const char *const *args, char **words)
{
    for (int i = 0; i < count; i++) {
        words[i] = sqlite3_mprintf("%s", args[i]);
        if (words[i] == NULL)
            return SQLITE_NOMEM;
        fts3_dequote(words[i]);
    }
    ASSERT(count >= 0);
    return SQLITE_OK;
}

static int make_tokenizer(const Fts3Tokenizers *list, int count, const char *const *args,
                          sqlite3_tokenizer **out, char **message)
{
    static const char *const simple[] = {"simple"};
    ASSERT(count >= 0);
    if (count == 0)
        return fts3_tokenizer_make_from(list, 1, simple, out, message);
    char **words = fts_zalloc(sizeof *words * (u64)count);
    if (words == NULL)
        return SQLITE_NOMEM;
    int rc = copy_words(count, args, words);
    if (rc == SQLITE_OK)
        rc = fts3_tokenizer_make_from(list, count, (const char *const *)words, out, message);
    for (int i = 0; i < count; i++)
        sqlite3_free(words[i]);
    sqlite3_free(words);
    return rc;
}

static int tokens_connect(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                          sqlite3_vtab **out, char **message)
{
    const Fts3Modules *modules = user_data;
    ASSERT(arg_count >= 3);
    TRY(sqlite3_declare_vtab(db, "CREATE TABLE x(input, token, start, end, position)"));
    TokenTable *table = fts_zalloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    int rc =
        make_tokenizer(modules->tokenizers, arg_count - 3, args + 3, &table->tokenizer, message);
    if (rc != SQLITE_OK) {
        sqlite3_free(table);
        return rc;
    }
    *out = &table->base;
    return SQLITE_OK;
}

static int tokens_disconnect(sqlite3_vtab *vtab)
{
    TokenTable *table = (TokenTable *)vtab;
    ASSERT(table->tokenizer != NULL);
    fts3_tokenizer_free(table->tokenizer);
    sqlite3_free(table->base.zErrMsg);
    sqlite3_free(table);
    return SQLITE_OK;
}

static int tokens_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        if (!c->usable || c->iColumn != COLUMN_INPUT || c->op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        info->idxNum = PLAN_INPUT;
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
        info->estimatedCost = 1;
        return SQLITE_OK;
    }
    info->idxNum = PLAN_NONE;
    ASSERT(info->nConstraint >= 0);
    return SQLITE_OK;
}

static int tokens_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    ASSERT(out != NULL);
    TokenCursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    *out = &cursor->base;
    return SQLITE_OK;
}

static void tokens_clear(TokenCursor *cursor)
{
    ASSERT(cursor != NULL);
    fts3_tokenizer_close(cursor->tokens);
    sqlite3_free(cursor->input);
    *cursor = (TokenCursor){.base = cursor->base};
}

static int tokens_close(sqlite3_vtab_cursor *base)
{
    TokenCursor *cursor = (TokenCursor *)base;
    ASSERT(cursor != NULL);
    tokens_clear(cursor);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int tokens_next(sqlite3_vtab_cursor *base)
{
    TokenCursor *cursor = (TokenCursor *)base;
    ASSERT(cursor->tokens != NULL && !cursor->is_eof);
    cursor->rowid++;
    int rc = fts3_tokenizer_next(cursor->tokens, &cursor->token);
    cursor->is_eof = rc != SQLITE_OK;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int tokens_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                         sqlite3_value **args)
{
    (void)plan_text, (void)arg_count;
    TokenCursor *cursor = (TokenCursor *)base;
    tokens_clear(cursor);
    if (plan != PLAN_INPUT)
        return SQLITE_ERROR; // there is no end of texts
    const char *text = (const char *)sqlite3_value_text(args[0]);
    int size = sqlite3_value_bytes(args[0]);
    cursor->input = sqlite3_malloc64((u64)size + 1);
    if (cursor->input == NULL)
        return SQLITE_NOMEM;
    if (size > 0)
        memcpy(cursor->input, text, (size_t)size);
    cursor->input[size] = 0;
    ASSERT(arg_count == 1);
    TRY(fts3_tokenizer_open(((TokenTable *)base->pVtab)->tokenizer, 0, cursor->input, size,
                            &cursor->tokens));
    return tokens_next(base);
}

static int tokens_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base != NULL);
    return ((TokenCursor *)base)->is_eof;
}

static int tokens_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const TokenCursor *cursor = (const TokenCursor *)base;
    ASSERT(!cursor->is_eof);
    switch (column) {
    case COLUMN_INPUT: sqlite3_result_text(ctx, cursor->input, -1, SQLITE_TRANSIENT); break;
    case COLUMN_TOKEN:
        sqlite3_result_text(ctx, cursor->token.text, cursor->token.size, SQLITE_TRANSIENT);
        break;
    case COLUMN_START: sqlite3_result_int(ctx, cursor->token.start); break;
    case COLUMN_END: sqlite3_result_int(ctx, cursor->token.end); break;
    default: sqlite3_result_int(ctx, cursor->token.position); break;
    }
    return SQLITE_OK;
}

static int tokens_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    ASSERT(base != NULL);
    *rowid = ((TokenCursor *)base)->rowid;
    return SQLITE_OK;
}

const sqlite3_module fts3_tokenize_module = {
    .xCreate = tokens_connect,
    .xConnect = tokens_connect,
    .xBestIndex = tokens_best_index,
    .xDisconnect = tokens_disconnect,
    .xDestroy = tokens_disconnect,
    .xOpen = tokens_open,
    .xClose = tokens_close,
    .xFilter = tokens_filter,
    .xNext = tokens_next,
    .xEof = tokens_eof,
    .xColumn = tokens_column,
    .xRowid = tokens_rowid,
};
