// The integrity-check command: the index must say exactly what the rows' text says.
//
// Both sides are summed up as the exclusive or of a hash per (row, column, place, index, term).
#include "fts/fts_table.h"
#include "fts/match_query.h"
#include "fts/segment_merge.h"

static u64 mix(u64 hash, u64 value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
    return hash ^ hash >> 29;
}

static u64 entry_hash(i64 rowid, i64 position, const u8 *key, u32 size)
{
    u64 hash = mix(mix(size, (u64)rowid), (u64)position);
    for (u32 i = 0; i < size; i++)
        hash = mix(hash, key[i]);
    return hash;
}

static int add_doclist(FtsDetail detail, Docs *docs, const FtsBuffer *term, u64 *sum)
{
    Positions positions = {0};
    int rc = SQLITE_OK;
    for (; !docs->is_end && rc == SQLITE_OK; docs_next(docs)) {
        positions.count = 0;
        rc = positions_decode(detail, docs->poslist, docs->poslist_size, &positions);
        if (detail == DETAIL_NONE)
            *sum ^= entry_hash(docs->rowid, 0, term->bytes, term->size);
        for (u32 i = 0; i < positions.count; i++) {
            bool is_repeat = i > 0 && positions.items[i] == positions.items[i - 1];
            if (!is_repeat)
                *sum ^= entry_hash(docs->rowid, positions.items[i], term->bytes, term->size);
        }
    }
    sqlite3_free(positions.items);
    return rc == SQLITE_OK ? docs->rc : rc;
}

// Reads every page, so that what is broken is found on the way.
static int sum_index(FtsIndex *index, u64 *sum)
{
    TermWalk walk;
    FtsBuffer all = {0};
    int rc = SQLITE_OK;
    term_walk_open(&walk, index, &all, &all);
    for (; !walk.is_end && rc == SQLITE_OK; term_walk_next(&walk))
        rc = add_doclist(index->config->detail, &walk.docs, &walk.term, sum);
    if (rc == SQLITE_OK)
        rc = walk.rc;
    term_walk_deinit(&walk);
    return rc;
}

// The postings that a text should have are made as if it were written, and summed up.
static int sum_pending(FtsIndex *index, u64 *sum)
{
    PendingTerm **terms = NULL;
    u32 count = 0;
    int rc = pending_sorted(&index->pending, NULL, 0, &terms, &count);
    for (u32 i = 0; i < count && rc == SQLITE_OK; i++) {
        FtsBuffer key = {.bytes = terms[i]->key, .size = terms[i]->key_size};
        FtsBuffer doclist = {0};
        Docs docs = {0};
        pending_doclist(terms[i], index->config->detail, &doclist);
        rc = doclist.rc;
        if (rc == SQLITE_OK)
            rc = docs_in_memory(&docs, index->config->detail, &doclist);
        if (rc == SQLITE_OK)
            rc = add_doclist(index->config->detail, &docs, &key, sum);
        docs_deinit(&docs);
        fts_buffer_deinit(&doclist);
    }
    sqlite3_free(terms);
    pending_deinit(&index->pending);
    return rc;
}

static int sum_rows(FtsTable *table, sqlite3_stmt *stmt, u64 *sum)
{
    sqlite3_value **row = fts_zalloc(sizeof *row * ((u64)table->config.column_count + 1));
    u32 *lengths = fts_zalloc(sizeof(u32) * ((u64)table->config.column_count + 1));
    int rc = row == NULL || lengths == NULL ? SQLITE_NOMEM : SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < table->config.column_count; i++)
            row[i] = sqlite3_column_value(stmt, i + 1);
        rc = fts_table_index_values(table, sqlite3_column_int64(stmt, 0), false, row, lengths);
        if (rc == SQLITE_OK && table->index.pending.size > (u64)table->config.hashsize)
            rc = sum_pending(&table->index, sum);
    }
    sqlite3_free(row);
    sqlite3_free(lengths);
    return rc == SQLITE_OK ? sum_pending(&table->index, sum) : rc;
}

static int sum_content(FtsTable *table, u64 *sum)
{
    char *columns = fts_table_columns(table);
    char *source = fts_table_source(table);
    char *sql = columns == NULL || source == NULL
                    ? NULL
                    : sqlite3_mprintf("SELECT %s FROM %s T ORDER BY 1", columns, source);
    sqlite3_stmt *stmt = NULL;
    int rc =
        sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(table->config.db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sum_rows(table, stmt, sum);
    pending_deinit(&table->index.pending);
    int final_rc = sqlite3_finalize(stmt); // rows that could not be read must not count as absent
    sqlite3_free(columns);
    sqlite3_free(source);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? final_rc : rc;
}

int fts_table_check(FtsTable *table, bool with_external)
{
    FtsContent content = table->config.content;
    u64 found = 0;
    u64 expected = 0;
    TRY(fts_index_flush(&table->index));
    TRY(sum_index(&table->index, &found));
    if (content != CONTENT_NORMAL && !(content == CONTENT_EXTERNAL && with_external))
        return SQLITE_OK;
    TRY(sum_content(table, &expected));
    if (found == expected)
        return SQLITE_OK;
    return fts_table_error(
        table, FTS_CORRUPT,
        sqlite3_mprintf("fts5: checksum mismatch for table \"%s\"", table->config.name));
}
