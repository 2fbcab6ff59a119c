// Rows into the index: tokens to pending postings, pending postings to segments.
#include "fts/fts3/fts3_segment.h"

// --- what is pending ---

void fts3_forget_pending(Fts3Table *table)
{
    ASSERT(table->index_count > 0);
    for (int i = 0; i < table->index_count; i++)
        fts3_pending_deinit(&table->indexes[i].pending);
    table->last_docid = 0;
    table->last_was_delete = false;
}

static u64 pending_size(const Fts3Table *table)
{
    u64 size = 0;
    for (int i = 0; i < table->index_count; i++)
        size += table->indexes[i].pending.size;
    return size;
}

int fts3_index_begin_row(Fts3Table *table, int language, i64 docid, bool is_delete)
{
    ASSERT(language >= 0);

    // An insert may follow the deletion of the same row: they become one entry.
    bool is_late =
        docid < table->last_docid || (docid == table->last_docid && !table->last_was_delete);
    if (is_late || language != table->language || pending_size(table) > FTS3_PENDING_MAX)
        TRY(fts3_flush(table));
    table->language = language;
    table->last_docid = docid;
    table->last_was_delete = is_delete;
    return SQLITE_OK;
}

// --- tokens ---

// One token of a row, as collected: this, then its bytes.
typedef struct Collected {
    int column;
    int position;
    u32 size;
} Collected;

static int collect_token(int column, const Fts3Token *token, FtsBuffer *out)
{
    Collected head = {column, token->position, (u32)token->size};
    if (token->size <= 0) // nothing to be found by
        return SQLITE_ERROR;
    ASSERT(column >= 0);
    fts_buffer_append(out, &head, sizeof head);
    fts_buffer_append(out, token->text, head.size);
    return out->rc;
}

typedef struct ColumnText {
    int column;
    const char *text;
    int size;
} ColumnText;

// *word_count grows by the positions of the text.
static int collect_text(Fts3Table *table, int language, const ColumnText *text, u32 *word_count,
                        FtsBuffer *out)
{
    sqlite3_tokenizer_cursor *cursor;
    TRY(fts3_tokenizer_open(table->tokenizer, language, text->text, text->size, &cursor));
    Fts3Token token;
    u32 words = 0;
    int rc;
    while ((rc = fts3_tokenizer_next(cursor, &token)) == SQLITE_OK) {
        if ((u32)token.position >= words)
            words = (u32)token.position + 1;
        rc = collect_token(text->column, &token, out);
        if (rc != SQLITE_OK)
            break;
    }
    fts3_tokenizer_close(cursor);
    *word_count += words;
    ASSERT(rc != SQLITE_OK);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int fts3_tokens_collect(Fts3Table *table, int language, sqlite3_value *const *values, u32 *sizes,
                        FtsBuffer *out)
{
    ASSERT(language >= 0);

    for (int i = 0; i < table->column_count; i++) {
        if (table->is_unindexed[i])
            continue;
        ColumnText text = {i, (const char *)sqlite3_value_text(values[i]),
                           sqlite3_value_bytes(values[i])};
        if (text.text != NULL)
            TRY(collect_text(table, language, &text, &sizes[i], out));
        else
            sizes[i] = 0; // SQLite's rule, even where two rows leave: a NULL forgets the other
        sizes[table->column_count] += (u32)text.size;
    }
    return SQLITE_OK;
}

static int add_token(Fts3Table *table, const u8 *text, u32 size, const Fts3Posting *posting)
{
    ASSERT(size > 0);

    TRY(fts3_pending_add(&table->indexes[0].pending, text, size, posting));
    for (int i = 1; i < table->index_count; i++) {
        u32 prefix_size = table->indexes[i].prefix_size;
        if (prefix_size <= size)
            TRY(fts3_pending_add(&table->indexes[i].pending, text, prefix_size, posting));
    }
    return SQLITE_OK;
}

int fts3_tokens_add(Fts3Table *table, bool is_delete, const FtsBuffer *tokens)
{
    ASSERT(is_delete == table->last_was_delete);

    u32 at = 0;
    while (at < tokens->size) {
        Collected head;
        memcpy(&head, tokens->bytes + at, sizeof head);
        at += (u32)sizeof head;
        Fts3Posting posting = {table->last_docid, is_delete ? 0 : head.column,
                               is_delete ? -1 : head.position};
        TRY(add_token(table, tokens->bytes + at, head.size, &posting));
        at += head.size;
    }
    return SQLITE_OK;
}

int fts3_index_row(Fts3Table *table, bool is_delete, sqlite3_value *const *values, u32 *sizes)
{
    ASSERT(is_delete == table->last_was_delete);

    FtsBuffer tokens = {0};
    int rc = fts3_tokens_collect(table, table->language, values, sizes, &tokens);
    if (rc == SQLITE_OK)
        rc = fts3_tokens_add(table, is_delete, &tokens);
    fts_buffer_deinit(&tokens);
    return rc;
}
