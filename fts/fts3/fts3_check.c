// Everything at once: emptying the index, building it anew, and comparing it to the rows.
//
// The comparison adds up a hash of every posting, once as the index has them and once as the rows
// give them: the sums agree in any order of adding, and a posting that is missing, or too many,
// shows.
#include "fts/fts3/fts3_segment.h"

static int empty_shadow(Fts3Table *table, const char *suffix)
{
    ASSERT(suffix[0] == '_');
    return fts3_run(table->db,
                    sqlite3_mprintf("DELETE FROM %Q.'%q%s'", table->db_name, table->name, suffix));
}

int fts3_clear(Fts3Table *table, bool with_content)
{
    ASSERT(!with_content || table->content == FTS3_CONTENT_OWN);

    fts3_forget_pending(table);
    if (with_content)
        TRY(empty_shadow(table, "_content"));
    TRY(empty_shadow(table, "_segments"));
    TRY(empty_shadow(table, "_segdir"));
    if (table->has_docsize)
        TRY(empty_shadow(table, "_docsize"));
    return table->has_stat ? empty_shadow(table, "_stat") : SQLITE_OK;
}

// --- rebuild ---

typedef struct Row {
    i64 docid;
    int language;
    sqlite3_value **values;
    u32 *sizes; // tokens per column, then bytes
} Row;

typedef int RowVisitor(Fts3Table *table, const Row *row, void *ctx);

static void read_row(const Fts3Table *table, sqlite3_stmt *stmt, Row *row)
{
    ASSERT(sqlite3_column_count(stmt) == table->column_count + 2);
    row->docid = sqlite3_column_int64(stmt, 0);
    row->language = sqlite3_column_int(stmt, table->column_count + 1);
    for (int i = 0; i < table->column_count; i++)
        row->values[i] = sqlite3_column_value(stmt, i + 1);
    memset(row->sizes, 0, sizeof(u32) * ((u64)table->column_count + 1));
}

static int visit_with(Fts3Table *table, sqlite3_stmt *stmt, RowVisitor *visit, void *ctx)
{
    ASSERT(visit != NULL);

    Row row = {0};
    u64 count = (u64)table->column_count + 1;
    row.values = fts_zalloc(sizeof *row.values * count);
    row.sizes = fts_zalloc(sizeof *row.sizes * count);
    int rc = row.values == NULL || row.sizes == NULL ? SQLITE_NOMEM : SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        read_row(table, stmt, &row);
        rc = visit(table, &row, ctx);
    }
    sqlite3_free(row.values);
    sqlite3_free(row.sizes);
    return rc;
}

// Calls `visit` for every row there is.
static int visit_rows(Fts3Table *table, RowVisitor *visit, void *ctx)
{
    if (table->content == FTS3_CONTENT_NONE)
        return SQLITE_ERROR;
    char *sql = fts3_read_text(table);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(table->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    TRY(rc);
    rc = visit_with(table, stmt, visit, ctx);
    int end_rc = sqlite3_finalize(stmt);
    ASSERT(table->content != FTS3_CONTENT_NONE);
    return rc != SQLITE_OK ? rc : end_rc;
}

typedef struct Totals {
    u64 row_count;
    u64 *sizes;
} Totals;

static int rebuild_row(Fts3Table *table, const Row *row, void *ctx)
{
    Totals *totals = ctx;
    TRY(fts3_index_begin_row(table, row->language < 0 ? 0 : row->language, row->docid, false));
    TRY(fts3_index_row(table, false, row->values, row->sizes));
    totals->row_count++;
    for (int i = 0; i <= table->column_count; i++)
        totals->sizes[i] += row->sizes[i];
    if (!table->has_docsize)
        return SQLITE_OK;
    FtsBuffer bytes = {0};
    for (int i = 0; i < table->column_count; i++)
        fts3_buffer_append_varint(&bytes, row->sizes[i]);
    int rc = fts3_blob_write(table, FTS3_DOCSIZE_WRITE, row->docid, &bytes);
    ASSERT(bytes.size > 0 || rc != SQLITE_OK);
    fts_buffer_deinit(&bytes);
    return rc;
}

static int write_totals(Fts3Table *table, const Totals *totals)
{
    ASSERT(table->has_stat);
    FtsBuffer bytes = {0};
    fts3_buffer_append_varint(&bytes, totals->row_count);
    for (int i = 0; i <= table->column_count; i++)
        fts3_buffer_append_varint(&bytes, totals->sizes[i]);
    int rc = fts3_blob_write(table, FTS3_STAT_WRITE, FTS3_STAT_TOTALS, &bytes);
    fts_buffer_deinit(&bytes);
    return rc;
}

int fts3_rebuild(Fts3Table *table)
{
    Totals totals = {0};
    ASSERT(table->column_count > 0);
    if (table->content == FTS3_CONTENT_NONE)
        return SQLITE_ERROR;
    TRY(fts3_clear(table, false));
    totals.sizes = fts_zalloc(sizeof *totals.sizes * ((u64)table->column_count + 1));
    if (totals.sizes == NULL)
        return SQLITE_NOMEM;
    int rc = visit_rows(table, rebuild_row, &totals);
    if (rc == SQLITE_OK && table->version == 4)
        rc = write_totals(table, &totals);
    sqlite3_free(totals.sizes);
    return rc;
}

// --- check ---

typedef struct Posting {
    int language;
    int index;
    i64 docid;
    Fts3Place place;
} Posting;

static u64 mix(u64 hash, u64 value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
    return hash ^ (hash >> 29);
}

static u64 posting_hash(const Posting *posting, const void *term, u32 size)
{
    ASSERT(term != NULL || size == 0);
    const u8 *bytes = term;
    u64 hash = mix((u64)posting->language << 16 ^ (u64)posting->index, size);
    for (u32 i = 0; i < size; i++)
        hash = mix(hash, bytes[i]);
    return mix(mix(hash, (u64)posting->docid), posting->place);
}

static int sum_text(Fts3Table *table, const Row *row, int column, u64 *sum)
{
    const char *text = (const char *)sqlite3_value_text(row->values[column]);
    if (text == NULL)
        return SQLITE_OK;
    sqlite3_tokenizer_cursor *cursor;
    TRY(fts3_tokenizer_open(table->tokenizer, row->language, text,
                            sqlite3_value_bytes(row->values[column]), &cursor));
    Fts3Token token;
    int rc;
    while ((rc = fts3_tokenizer_next(cursor, &token)) == SQLITE_OK) {
        Posting posting = {row->language, 0, row->docid, (u64)column << 32 | (u32)token.position};
        *sum += posting_hash(&posting, token.text, (u32)token.size);
        for (int i = 1; i < table->index_count; i++) {
            posting.index = i;
            if (table->indexes[i].prefix_size <= (u32)token.size)
                *sum += posting_hash(&posting, token.text, table->indexes[i].prefix_size);
        }
    }
    ASSERT(rc != SQLITE_OK);
    fts3_tokenizer_close(cursor);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int sum_row(Fts3Table *table, const Row *row, void *ctx)
{
    ASSERT(row->values != NULL);
    for (int i = 0; i < table->column_count; i++) {
        if (!table->is_unindexed[i])
            TRY(sum_text(table, row, i, ctx));
    }
    return SQLITE_OK;
}

static void sum_hits(const Fts3Hits *hits, Posting *posting, const FtsBuffer *term, u64 *sum)
{
    ASSERT(hits->place_count == 0 || hits->places != NULL);
    for (u64 i = 0; i < hits->count; i++) {
        posting->docid = hits->hits[i].docid;
        for (u32 at = 0; at < hits->hits[i].count; at++) {
            posting->place = hits->places[hits->hits[i].first + at];
            *sum += posting_hash(posting, term->bytes, term->size);
        }
    }
}

static int sum_scan(Fts3Scan *scan, Posting *posting, u64 *sum)
{
    FtsBuffer scratch = {0};
    int rc = fts3_scan_next(scan);
    while (rc == SQLITE_OK && !scan->is_eof) {
        Fts3Hits hits = {0};
        const u8 *doclist;
        u32 size;
        rc = fts3_scan_doclist(scan, true, &scratch, &doclist, &size);
        fts_buffer_pad(&scratch);
        if (rc == SQLITE_OK)
            rc = scratch.rc;
        if (rc == SQLITE_OK)
            rc = fts3_hits_append(&hits, scratch.bytes, size, scan->table->is_descending, 0);
        sum_hits(&hits, posting, &scan->term, sum);
        fts3_hits_deinit(&hits);
        if (rc == SQLITE_OK)
            rc = fts3_scan_next(scan);
    }
    ASSERT(rc != SQLITE_OK || scan->is_eof);
    fts_buffer_deinit(&scratch);
    return rc;
}

static int sum_language(Fts3Table *table, int language, u64 *sum)
{
    ASSERT(sum != NULL);
    for (int i = 0; i < table->index_count; i++) {
        Fts3Range range = {language, i, FTS3_SCAN_ALL_LEVELS};
        Posting posting = {.language = language, .index = i};
        Fts3Scan scan;
        int rc = fts3_scan_open(&scan, table, &range);
        if (rc == SQLITE_OK)
            rc = sum_scan(&scan, &posting, sum);
        fts3_scan_close(&scan);
        TRY(rc);
    }
    return SQLITE_OK;
}

// Languages that have segments, and that of what is pending.
static int sum_index(Fts3Table *table, u64 *sum)
{
    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_LANGUAGES, &stmt));
    sqlite3_bind_int(stmt, 1, table->index_count);
    int rc = SQLITE_OK;
    bool has_pending = table->indexes[0].pending.term_count > 0;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        int language = sqlite3_column_int(stmt, 0);
        has_pending = has_pending && language != table->language;
        rc = sum_language(table, language, sum);
    }
    int reset_rc = sqlite3_reset(stmt);
    ASSERT(table->language >= 0);
    if (rc == SQLITE_OK && has_pending)
        rc = sum_language(table, table->language, sum);
    return rc != SQLITE_OK ? rc : reset_rc;
}

int fts3_check(Fts3Table *table, bool *is_ok)
{
    ASSERT(is_ok != NULL);
    u64 of_index = 0;
    u64 of_rows = 0;
    TRY(sum_index(table, &of_index));
    TRY(visit_rows(table, sum_row, &of_rows));
    *is_ok = of_index == of_rows;
    return SQLITE_OK;
}
