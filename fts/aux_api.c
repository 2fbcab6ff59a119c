// What auxiliary functions may ask of the row they are called for.
#include "fts/fts_cursor.h"

#include <stdlib.h>

static FtsCursor *of(Fts5Context *fts)
{
    return (FtsCursor *)fts;
}

static void *api_user_data(Fts5Context *fts)
{
    return of(fts)->aux->user_data;
}

static int api_column_count(Fts5Context *fts)
{
    return of(fts)->table->config.column_count;
}

static int api_row_count(Fts5Context *fts, sqlite3_int64 *count)
{
    TRY(fts_table_totals(of(fts)->table));
    *count = of(fts)->table->row_count;
    return *count > 0 ? SQLITE_OK : FTS_CORRUPT;
}

static int api_column_total(Fts5Context *fts, int column, sqlite3_int64 *count)
{
    FtsTable *table = of(fts)->table;
    TRY(fts_table_totals(table));
    if (column >= table->config.column_count)
        return SQLITE_RANGE;
    *count = 0;
    for (int i = 0; i < table->config.column_count; i++)
        *count += column < 0 || column == i ? table->token_totals[i] : 0;
    return SQLITE_OK;
}

// wide: the signature is the public interface's
static int api_tokenize_v2(Fts5Context *fts, const char *text, int size, const char *locale,
                           int locale_size, void *ctx, TokenCallback *emit)
{
    TableText input = {text, size, locale, locale_size};
    return fts_table_tokenize(of(fts)->table, FTS5_TOKENIZE_AUX, &input, ctx, emit);
}

static int api_tokenize(Fts5Context *fts, const char *text, int size, void *ctx,
                        TokenCallback *emit)
{
    return api_tokenize_v2(fts, text, size, NULL, 0, ctx, emit);
}

static int api_phrase_count(Fts5Context *fts)
{
    return of(fts)->query == NULL ? 0 : of(fts)->query->phrase_count;
}

static int api_phrase_size(Fts5Context *fts, int phrase)
{
    const Query *query = of(fts)->query;
    bool is_known = query != NULL && phrase >= 0 && phrase < query->phrase_count;
    return is_known ? query->phrases[phrase]->term_count : 0;
}

// --- texts ---

int fts_cursor_text(FtsCursor *cursor, int column, TableText *out)
{
    *out = (TableText){0};
    if (column < 0 || column >= cursor->table->config.column_count)
        return SQLITE_RANGE;
    if (cursor->table->config.content == CONTENT_NONE)
        return SQLITE_OK;
    TRY(fts_cursor_seek_content(cursor));
    fts_table_text(cursor->table, sqlite3_column_value(cursor->lookup, column + 1), out);
    int locale_column = column + 1 + cursor->table->config.column_count;
    if (out->locale == NULL && locale_column < sqlite3_column_count(cursor->lookup)) {
        out->locale = (const char *)sqlite3_column_text(cursor->lookup, locale_column);
        out->locale_size = sqlite3_column_bytes(cursor->lookup, locale_column);
    }
    return SQLITE_OK;
}

static int api_column_text(Fts5Context *fts, int column, const char **text, int *size)
{
    TableText value;
    TRY(fts_cursor_text(of(fts), column, &value));
    *text = value.text;
    *size = value.size;
    return SQLITE_OK;
}

static int api_column_locale(Fts5Context *fts, int column, const char **text, int *size)
{
    TableText value;
    *text = NULL;
    *size = 0;
    TRY(fts_cursor_text(of(fts), column, &value));
    *text = value.locale;
    *size = value.locale_size;
    return SQLITE_OK;
}

static int count_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)token, (void)size, (void)start, (void)end;
    *(u32 *)ctx += (flags & FTS5_TOKEN_COLOCATED) == 0;
    return SQLITE_OK;
}

int fts_cursor_load_lengths(FtsCursor *cursor)
{
    const FtsConfig *config = &cursor->table->config;
    if (cursor->has_lengths)
        return SQLITE_OK;
    if (config->has_columnsize)
        TRY(fts_table_lengths(cursor->table, cursor->rowid, cursor->lengths));
    for (int i = 0; !config->has_columnsize && i < config->column_count; i++) {
        TableText text;
        bool is_unknown = config->content == CONTENT_NONE || config->content == CONTENT_UNINDEXED;
        cursor->lengths[i] = is_unknown && !config->is_unindexed[i] ? LENGTH_UNKNOWN : 0;
        if (config->is_unindexed[i] || is_unknown)
            continue;
        TRY(fts_cursor_text(cursor, i, &text));
        TRY(fts_table_tokenize(cursor->table, FTS5_TOKENIZE_AUX, &text, &cursor->lengths[i],
                               count_token));
    }
    cursor->has_lengths = true;
    return SQLITE_OK;
}

static int api_column_size(Fts5Context *fts, int column, int *size)
{
    FtsCursor *cursor = of(fts);
    if (column >= cursor->table->config.column_count)
        return SQLITE_RANGE;
    TRY(fts_cursor_load_lengths(cursor));
    i64 total = 0;
    for (int i = 0; i < cursor->table->config.column_count; i++)
        total += column < 0 || column == i ? (i32)cursor->lengths[i] : 0;
    *size = (int)total;
    return SQLITE_OK;
}

// --- instances ---

typedef struct Finder {
    FtsCursor *cursor;
    const QueryPhrase *phrase;
    Positions *out;
    i64 column;
    i64 position;
} Finder;

// Where the index has no places, the row's text has.
static int find_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)start, (void)end;
    Finder *finder = ctx;
    finder->position += (flags & FTS5_TOKEN_COLOCATED) == 0;
    u32 cut = size > TOKEN_SIZE_MAX ? TOKEN_SIZE_MAX : (u32)size;
    const FtsConfig *config = &finder->cursor->table->config;
    if (!query_term_equals(config, &finder->phrase->terms[0], token, cut))
        return SQLITE_OK;
    return positions_add(finder->out, (i64)((u64)finder->column << 32 | (u64)finder->position));
}

static int find_in_text(FtsCursor *cursor, const QueryPhrase *phrase, Positions *out)
{
    ASSERT(phrase->node != NULL);

    const FtsConfig *config = &cursor->table->config;
    Finder finder = {.cursor = cursor, .phrase = phrase, .out = out};
    for (int i = 0; i < config->column_count; i++) {
        bool is_out = phrase->node->columns != NULL && !phrase->node->columns[i];
        TableText text;
        if (is_out || phrase->term_count == 0)
            continue; // UNINDEXED columns count here, as they do in FTS5
        finder.column = i;
        finder.position = -1;
        TRY(fts_cursor_text(cursor, i, &text));
        TRY(fts_table_tokenize(cursor->table, FTS5_TOKENIZE_AUX, &text, &finder, find_token));
    }
    return SQLITE_OK;
}

static bool phrase_matches(const Query *query, const QueryPhrase *phrase)
{
    return phrase->node != NULL && !query_is_end(query) && !phrase->node->is_end
           && phrase->node->rowid == query->root->rowid;
}

static int phrase_places(FtsCursor *cursor, int number, Positions *scratch, const Positions **out)
{
    ASSERT(number >= 0 && number < cursor->query->phrase_count);

    const QueryPhrase *phrase = cursor->query->phrases[number];
    if (cursor->table->config.detail == DETAIL_FULL)
        return query_positions(cursor->query, number, out);
    scratch->count = 0;
    *out = scratch;
    if (!phrase_matches(cursor->query, phrase))
        return SQLITE_OK;
    return find_in_text(cursor, phrase, scratch);
}

typedef struct Found {
    i64 position;
    int phrase;
} Found;

static int compare_found(const void *a, const void *b)
{
    const Found *left = a;
    const Found *right = b;
    if (left->position != right->position)
        return left->position < right->position ? -1 : 1;
    return left->phrase - right->phrase;
}

enum { OFFSET_MAX = 1 << 30 };

int fts_cursor_gather(FtsCursor *cursor)
{
    if (cursor->instance_count >= 0)
        return SQLITE_OK;
    fts_cursor_forget_tokens(cursor);
    FtsBuffer found = {0};
    Positions scratch = {0};
    int rc = SQLITE_OK;
    int phrase_count = cursor->query == NULL ? 0 : cursor->query->phrase_count;
    for (int i = 0; i < phrase_count; i++) {
        const Positions *places;
        TRY_DONE(phrase_places(cursor, i, &scratch, &places));
        for (u32 k = 0; k < places->count; k++) {
            Found one = {places->items[k], i};
            fts_buffer_append(&found, &one, sizeof one);
        }
    }
    TRY_DONE(found.rc);
    u32 count = found.size / (u32)sizeof(Found);
    if (count > 1 && phrase_count > 1)
        qsort(found.bytes, count, sizeof(Found), compare_found);
    Instance *instances =
        sqlite3_realloc64(cursor->instances, sizeof *instances * ((u64)count + 1));
    rc = instances == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (instances == NULL)
        goto done;
    cursor->instances = instances;
    for (u32 i = 0; i < count; i++) {
        Found one;
        memcpy(&one, found.bytes + i * sizeof one, sizeof one);
        // No text has so many tokens; sums of offsets must not leave an int.
        if ((one.position & 0x7FFFFFFF) > OFFSET_MAX) {
            rc = FTS_CORRUPT;
            goto done;
        }
        instances[i] =
            (Instance){one.phrase, (int)(one.position >> 32), (int)(one.position & 0x7FFFFFFF)};
    }
    cursor->instance_count = (int)count;
done:
    fts_buffer_deinit(&found);
    sqlite3_free(scratch.items);
    return rc;
}

static int api_inst_count(Fts5Context *fts, int *count)
{
    TRY(fts_cursor_gather(of(fts)));
    *count = of(fts)->instance_count;
    return SQLITE_OK;
}

static int api_inst(Fts5Context *fts, int index, int *phrase, int *column, int *offset)
{
    FtsCursor *cursor = of(fts);
    TRY(fts_cursor_gather(cursor));
    if (index < 0 || index >= cursor->instance_count)
        return SQLITE_RANGE;
    *phrase = cursor->instances[index].phrase;
    *column = cursor->instances[index].column;
    *offset = cursor->instances[index].offset;
    return SQLITE_OK;
}

static sqlite3_int64 api_rowid(Fts5Context *fts)
{
    return of(fts)->rowid;
}

// The iterator is a range of Instances; `a` is the one to come.
static void api_phrase_next(Fts5Context *fts, Fts5PhraseIter *iter, int *column, int *offset)
{
    (void)fts;
    if (iter->a >= iter->b) {
        *column = *offset = -1;
        return;
    }
    Instance instance;
    Instance first;
    memcpy(&instance, iter->a, sizeof instance);
    *column = instance.column;
    *offset = instance.offset;
    do { // to the next of the same phrase
        iter->a += sizeof instance;
        if (iter->a < iter->b)
            memcpy(&first, iter->a, sizeof first);
    } while (iter->a < iter->b && first.phrase != instance.phrase);
}

static int api_phrase_first(Fts5Context *fts, int phrase, Fts5PhraseIter *iter, int *column,
                            int *offset)
{
    FtsCursor *cursor = of(fts);
    TRY(fts_cursor_gather(cursor));
    int at = 0;
    while (at < cursor->instance_count && cursor->instances[at].phrase != phrase)
        at++;
    iter->a = (const unsigned char *)(cursor->instances + at);
    iter->b = (const unsigned char *)(cursor->instances + cursor->instance_count);
    api_phrase_next(fts, iter, column, offset);
    return SQLITE_OK;
}

static void api_phrase_next_column(Fts5Context *fts, Fts5PhraseIter *iter, int *column)
{
    int offset;
    int before = *column;
    do {
        api_phrase_next(fts, iter, column, &offset);
    } while (*column >= 0 && *column == before);
}

static int api_phrase_first_column(Fts5Context *fts, int phrase, Fts5PhraseIter *iter, int *column)
{
    int offset;
    return api_phrase_first(fts, phrase, iter, column, &offset);
}

// --- queries of one phrase ---

static int walk_phrase(Fts5Context *fts, FtsCursor *inner, void *user_data,
                       int (*call)(const Fts5ExtensionApi *, Fts5Context *, void *))
{
    (void)fts;
    TRY(query_open(inner->query, INT64_MIN));
    for (; !query_is_end(inner->query);) {
        inner->rowid = query_rowid(inner->query);
        inner->has_row = inner->has_lengths = false;
        inner->has_positions = true;
        inner->instance_count = -1;
        int rc = call(&fts_aux_api, (Fts5Context *)inner, user_data);
        if (rc != SQLITE_OK)
            return rc == SQLITE_DONE ? SQLITE_OK : rc;
        TRY(query_next(inner->query));
    }
    return inner->query->rc;
}

static int api_query_phrase(Fts5Context *fts, int phrase, void *user_data,
                            int (*call)(const Fts5ExtensionApi *, Fts5Context *, void *))
{
    FtsCursor *cursor = of(fts);
    sqlite3_vtab_cursor *base;
    if (phrase < 0 || phrase >= api_phrase_count(fts))
        return SQLITE_RANGE;
    TRY(fts_cursor_open(&cursor->table->base, &base));
    FtsCursor *inner = (FtsCursor *)base;
    inner->base.pVtab = &cursor->table->base;
    inner->aux = cursor->aux;
    int rc = query_of_phrase(cursor->query, phrase, &inner->query);
    if (rc == SQLITE_OK)
        rc = walk_phrase(fts, inner, user_data, call);
    fts_cursor_close(base);
    return rc;
}

// --- data of the function ---

static int api_set_auxdata(Fts5Context *fts, void *data, void (*destroy)(void *))
{
    FtsCursor *cursor = of(fts);
    AuxData *entry = cursor->aux_data;
    while (entry != NULL && entry->function != cursor->aux)
        entry = entry->next;
    if (entry != NULL && entry->destroy != NULL)
        entry->destroy(entry->data);
    if (entry == NULL) {
        entry = fts_zalloc(sizeof *entry);
        if (entry == NULL) {
            if (destroy != NULL)
                destroy(data);
            return SQLITE_NOMEM;
        }
        entry->function = cursor->aux;
        entry->next = cursor->aux_data;
        cursor->aux_data = entry;
    }
    entry->data = data;
    entry->destroy = destroy;
    return SQLITE_OK;
}

static void *api_get_auxdata(Fts5Context *fts, int clear)
{
    FtsCursor *cursor = of(fts);
    for (AuxData *entry = cursor->aux_data; entry != NULL; entry = entry->next) {
        if (entry->function != cursor->aux)
            continue;
        void *data = entry->data;
        if (clear) {
            entry->data = NULL;
            entry->destroy = NULL;
        }
        return data;
    }
    return NULL;
}

// --- tokens ---

static int api_query_token(Fts5Context *fts, int phrase, int token, const char **text, int *size)
{
    const Query *query = of(fts)->query;
    *text = NULL;
    *size = 0;
    if (query == NULL || phrase < 0 || phrase >= query->phrase_count || token < 0
        || token >= query->phrases[phrase]->term_count)
        return SQLITE_RANGE;
    *text = (const char *)query->phrases[phrase]->terms[token].token.bytes;
    *size = (int)query->phrases[phrase]->terms[token].token.size;
    return SQLITE_OK;
}

// A word stands for itself, but a prefix, or a token with data, for one that the row has there.
static int api_inst_token(Fts5Context *fts, int index, int token, const char **text, int *size)
{
    FtsCursor *cursor = of(fts);
    *text = NULL;
    *size = 0;
    TRY(fts_cursor_gather(cursor));
    if (index < 0 || index >= cursor->instance_count)
        return SQLITE_RANGE;
    int phrase = cursor->instances[index].phrase;
    const QueryPhrase *of_phrase = cursor->query->phrases[phrase];
    if (token < 0 || token >= of_phrase->term_count)
        return SQLITE_RANGE;
    if (of_phrase->terms[token].is_prefix || cursor->table->config.has_tokendata) {
        const FtsBuffer *found;
        TRY(fts_cursor_inst_token(cursor, index, token, &found));
        *text = found->size > 0 ? (const char *)found->bytes : NULL;
        *size = (int)found->size;
        return SQLITE_OK;
    }
    return api_query_token(fts, phrase, token, text, size);
}

const Fts5ExtensionApi fts_aux_api = {
    .iVersion = 4,
    .xUserData = api_user_data,
    .xColumnCount = api_column_count,
    .xRowCount = api_row_count,
    .xColumnTotalSize = api_column_total,
    .xTokenize = api_tokenize,
    .xPhraseCount = api_phrase_count,
    .xPhraseSize = api_phrase_size,
    .xInstCount = api_inst_count,
    .xInst = api_inst,
    .xRowid = api_rowid,
    .xColumnText = api_column_text,
    .xColumnSize = api_column_size,
    .xQueryPhrase = api_query_phrase,
    .xSetAuxdata = api_set_auxdata,
    .xGetAuxdata = api_get_auxdata,
    .xPhraseFirst = api_phrase_first,
    .xPhraseNext = api_phrase_next,
    .xPhraseFirstColumn = api_phrase_first_column,
    .xPhraseNextColumn = api_phrase_next_column,
    .xQueryToken = api_query_token,
    .xInstToken = api_inst_token,
    .xColumnLocale = api_column_locale,
    .xTokenize_v2 = api_tokenize_v2,
};
