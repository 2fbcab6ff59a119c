// Which token of the row a word of the query stands for: xInstToken.
//
// Only a prefix, and a token that may have data behind it (tokendata=1), need looking up. With all
// places in the index it is asked: each term that begins as the word does and is in this row has
// its places compared with those of the phrase's instances. Else the instances come from the row's
// text, and so do the tokens.
//
// What is found stays until other instances are gathered: a function may compare several.
#include "fts/fts_cursor.h"
#include "fts/poslist.h"

// One word of a phrase, and the instances of the phrase.
typedef struct Search {
    FtsCursor *cursor;
    int phrase;
    int term;
    i64 column; // of the text being read
    i64 position;
} Search;

void fts_cursor_forget_tokens(FtsCursor *cursor)
{
    for (int i = 0; i < cursor->token_count; i++)
        fts_buffer_deinit(&cursor->tokens[i]);
    sqlite3_free(cursor->tokens);
    cursor->tokens = NULL;
    cursor->token_count = cursor->tokens_per_instance = 0;
}

static FtsBuffer *slot(FtsCursor *cursor, int instance, int term)
{
    ASSERT(term >= 0 && term < cursor->tokens_per_instance);
    ASSERT(instance >= 0 && instance < cursor->instance_count);

    return &cursor->tokens[instance * cursor->tokens_per_instance + term];
}

// Room for a token per instance and word of the longest phrase.
static int make_room(FtsCursor *cursor)
{
    ASSERT(cursor->tokens == NULL && cursor->instance_count > 0);

    int longest = 1;
    for (int i = 0; i < cursor->query->phrase_count; i++) {
        const int count = cursor->query->phrases[i]->term_count;
        longest = count > longest ? count : longest;
    }
    const i64 count = (i64)longest * cursor->instance_count;
    if (count > INT32_MAX)
        return SQLITE_NOMEM;
    cursor->tokens = fts_zalloc(sizeof *cursor->tokens * ((u64)count + 1));
    if (cursor->tokens == NULL)
        return SQLITE_NOMEM;
    cursor->token_count = (int)count;
    cursor->tokens_per_instance = longest;
    return SQLITE_OK;
}

// The instance of the phrase from *from on whose word stands at `position`; *from moves there.
// Instances and the positions asked for ascend. -1: none.
static int find_instance(const Search *search, i64 position, int *from)
{
    ASSERT(search->term >= 0);

    const FtsCursor *cursor = search->cursor;
    for (; *from < cursor->instance_count; ++*from) {
        const Instance *at = &cursor->instances[*from];
        const i64 found = (i64)at->column << 32 | ((i64)at->offset + search->term);
        if (found > position)
            return -1;
        if (found == position && at->phrase == search->phrase)
            return *from;
    }
    return -1;
}

static int note(const Search *search, i64 position, int *from, const void *token, u32 size)
{
    const int instance = find_instance(search, position, from);
    if (instance < 0)
        return SQLITE_OK;
    FtsBuffer *out = slot(search->cursor, instance, search->term);
    if (out->size == 0)
        fts_buffer_set(out, token, size);
    return out->rc;
}

// --- in the index ---

static int search_term(const Search *search, const FtsBuffer *key, Docs *docs)
{
    docs_seek(docs, search->cursor->rowid);
    if (docs->rc != SQLITE_OK || docs->is_end || docs->rowid != search->cursor->rowid)
        return docs->rc;
    int from = 0;
    PoslistReader reader = poslist_read(docs->poslist, docs->poslist_size);
    for (; !reader.is_end; poslist_next(&reader))
        TRY(note(search, reader.position, &from, key->bytes + 1, key->size - 1));
    return SQLITE_OK;
}

static int search_index(const Search *search)
{
    ASSERT(search->phrase < search->cursor->query->phrase_count);

    FtsIndex *index = &search->cursor->table->index;
    const QueryTerm *term = &search->cursor->query->phrases[search->phrase]->terms[search->term];
    const u32 size = query_token_size(index->config, term->token.bytes, term->token.size);
    FtsBuffer key = {0};
    TermWalk walk;
    fts_buffer_append_byte(&key, '0');
    fts_buffer_append(&key, term->token.bytes, size);
    int rc = key.rc;
    if (rc != SQLITE_OK)
        return rc;
    term_walk_open(&walk, index, &key, &key);
    // The word itself comes first, then what has data: a NUL is the least byte.
    while (rc == SQLITE_OK && !walk.is_end
           && query_term_equals(index->config, term, walk.term.bytes + 1, walk.term.size - 1)) {
        rc = search_term(search, &walk.term, &walk.docs);
        term_walk_next(&walk);
    }
    if (rc == SQLITE_OK)
        rc = walk.rc;
    term_walk_deinit(&walk);
    fts_buffer_deinit(&key);
    return rc;
}

// --- in the text ---

// wide: the signature is the public interface's
static int search_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)start, (void)end;
    Search *search = ctx;
    const FtsCursor *cursor = search->cursor;
    const QueryTerm *term = &cursor->query->phrases[search->phrase]->terms[search->term];
    int from = 0;
    search->position += (flags & FTS5_TOKEN_COLOCATED) == 0;
    const u32 cut = size > TOKEN_SIZE_MAX ? TOKEN_SIZE_MAX : (u32)size;
    if (!query_term_equals(&cursor->table->config, term, token, cut))
        return SQLITE_OK;
    return note(search, search->column << 32 | search->position, &from, token, cut);
}

static int search_text(Search *search)
{
    FtsCursor *cursor = search->cursor;
    for (int i = 0; i < cursor->table->config.column_count; i++) {
        TableText text;
        search->column = i;
        search->position = -1;
        TRY(fts_cursor_text(cursor, i, &text));
        TRY(fts_table_tokenize(cursor->table, FTS5_TOKENIZE_AUX, &text, search, search_token));
    }
    return SQLITE_OK;
}

int fts_cursor_inst_token(FtsCursor *cursor, int instance, int term, const FtsBuffer **out)
{
    ASSERT(instance >= 0 && instance < cursor->instance_count);

    if (cursor->tokens == NULL)
        TRY(make_room(cursor));
    *out = slot(cursor, instance, term);
    if ((*out)->size > 0)
        return SQLITE_OK;
    Search search = {.cursor = cursor, .phrase = cursor->instances[instance].phrase, .term = term};
    return cursor->table->config.detail == DETAIL_FULL ? search_index(&search)
                                                       : search_text(&search);
}
