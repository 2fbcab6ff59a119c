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

static int add_token(Fts3Table *table, const Fts3Token *token, const Fts3Posting *posting)
{
    ASSERT(token->size >= 0);

    TRY(fts3_pending_add(&table->indexes[0].pending, token->text, (u32)token->size, posting));
    for (int i = 1; i < table->index_count; i++) {
        u32 size = table->indexes[i].prefix_size;
        if (size <= (u32)token->size)
            TRY(fts3_pending_add(&table->indexes[i].pending, token->text, size, posting));
    }
    return SQLITE_OK;
}

// *word_count grows by the positions of the text.
static int index_text(Fts3Table *table, int column, bool is_delete, const char *text, int size,
                      u32 *word_count)
{
    Fts3Posting posting = {table->last_docid, is_delete ? 0 : column, -1};
    sqlite3_tokenizer_cursor *cursor;
    TRY(fts3_tokenizer_open(table->tokenizer, table->language, text, size, &cursor));
    Fts3Token token;
    u32 words = 0;
    int rc;
    while ((rc = fts3_tokenizer_next(cursor, &token)) == SQLITE_OK) {
        if ((u32)token.position >= words)
            words = (u32)token.position + 1;
        if (token.size == 0) { // nothing to be found by
            rc = SQLITE_ERROR;
            break;
        }
        posting.position = is_delete ? -1 : token.position;
        rc = add_token(table, &token, &posting);
        if (rc != SQLITE_OK)
            break;
    }
    fts3_tokenizer_close(cursor);
    *word_count += words;
    ASSERT(rc != SQLITE_OK);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int fts3_index_row(Fts3Table *table, bool is_delete, sqlite3_value *const *values, u32 *sizes)
{
    ASSERT(is_delete == table->last_was_delete);

    for (int i = 0; i < table->column_count; i++) {
        if (table->is_unindexed[i])
            continue;
        const char *text = (const char *)sqlite3_value_text(values[i]);
        int size = sqlite3_value_bytes(values[i]);
        if (text != NULL)
            TRY(index_text(table, i, is_delete, text, size, &sizes[i]));
        sizes[table->column_count] += (u32)size;
    }
    return SQLITE_OK;
}
