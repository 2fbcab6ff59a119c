// synonyms: words of a query stand for others, too, as a table says.
//
//     CREATE TABLE same(word TEXT, synonym TEXT); CREATE INDEX same_word ON same(word);
//     tokenize = 'synonyms same [base ...]'
//
// Only queries look the table up, so it may change at any time and the index stays as it is. Both
// columns hold words as the base gives them. The table is sought in all databases of the
// connection.
#include "fts/tokenizer/filter.h"

typedef struct Synonyms {
    TokenFilter filter; // first: emit casts
    sqlite3 *db;
    char *table;
    sqlite3_stmt *stmt; // NULL until first needed
} Synonyms;

static void synonyms_delete(Fts5Tokenizer *tokenizer)
{
    Synonyms *self = (Synonyms *)tokenizer;
    if (self == NULL)
        return;
    token_filter_close(&self->filter);
    sqlite3_finalize(self->stmt);
    sqlite3_free(self->table);
    sqlite3_free(self);
}

static int synonyms_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    TokenizerList *list = user_data;
    *out = NULL;
    if (arg_count == 0)
        return SQLITE_ERROR;
    Synonyms *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    self->db = list->db;
    self->table = sqlite3_mprintf("%s", args[0]);
    int rc = self->table == NULL ? SQLITE_NOMEM
                                 : token_filter_open(&self->filter, list, args + 1, arg_count - 1);
    if (rc != SQLITE_OK) {
        synonyms_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

// When first needed, since the table may be made after the index.
static int prepare(Synonyms *self)
{
    ASSERT(self->db != NULL && self->table != NULL);

    if (self->stmt != NULL)
        return SQLITE_OK;
    char *sql = sqlite3_mprintf("SELECT synonym FROM \"%w\" WHERE word = ?1", self->table);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &self->stmt, NULL);
    sqlite3_free(sql);
    return rc;
}

// wide: the signature is the public interface's
static int emit_with_synonyms(void *ctx, int flags, const char *token, int size, int start, int end)
{
    Synonyms *self = ctx;
    TokenFilter *filter = &self->filter;
    TRY(filter->emit(filter->ctx, flags, token, size, start, end));
    TRY(prepare(self));
    sqlite3_bind_text(self->stmt, 1, token, size, SQLITE_TRANSIENT);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(self->stmt) == SQLITE_ROW) {
        const char *synonym = (const char *)sqlite3_column_text(self->stmt, 0);
        if (synonym != NULL)
            rc = filter->emit(filter->ctx, FTS5_TOKEN_COLOCATED, synonym,
                              sqlite3_column_bytes(self->stmt, 0), start, end);
    }
    int reset_rc = sqlite3_reset(self->stmt);
    return rc == SQLITE_OK ? reset_rc : rc;
}

// wide: the signature is the public interface's
static int synonyms_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                             int size, const char *locale, int locale_size, TokenCallback *emit)
{
    Synonyms *self = (Synonyms *)tokenizer;
    TokenFilter *filter = &self->filter;
    filter->emit = emit;
    filter->ctx = ctx;
    bool is_query = (flags & FTS5_TOKENIZE_QUERY) != 0;
    return filter->base->xTokenize(filter->base_tokenizer, is_query ? (void *)self : ctx, flags,
                                   text, size, locale, locale_size,
                                   is_query ? emit_with_synonyms : emit);
}

const fts5_tokenizer_v2 tokenizer_synonyms = {2, synonyms_create, synonyms_delete,
                                              synonyms_tokenize};
