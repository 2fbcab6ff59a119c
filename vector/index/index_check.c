// The integrity check: whether the index says what it should, and all of it.
//
// Checked are the laws of README.md that a damaged or wrongly written file can break: blocks in
// order and full (I2), each row in one list and the map in agreement (I3), counters (I4), and every
// vector of the table found in a list or in the queue (I5). Rows of lists that the table no longer
// has are allowed: a REPLACE may delete rows without a trigger, and no query returns them.
#include "vector/index/vector_index.h"

#include <stdarg.h>
#include <stdlib.h>

enum { BATCH = 256, REPORT_MAX = 2000 };

typedef struct Check {
    Index *index;
    sqlite3_str *report;
    i64 rows;    // seen in blocks
    i64 entries; // seen in the map
    u32 list, next_number;
    bool was_full;
    i64 *queued;
    size_t queued_count;
    u32 groups[BATCH]; // of the rows of the table that are being looked up
} Check;

static void complain(Check *check, const char *format, ...) PRINTF_LIKE(2, 3);
static void complain(Check *check, const char *format, ...)
{
    if (sqlite3_str_length(check->report) > REPORT_MAX)
        return;
    if (sqlite3_str_length(check->report) > 0)
        sqlite3_str_appendchar(check->report, 1, '\n');
    va_list args;
    va_start(args, format);
    sqlite3_str_appendf(check->report, "vector index %s: ", check->index->config.name);
    sqlite3_str_vappendf(check->report, format, args);
    va_end(args);
}

static int compare_entries(const void *a, const void *b)
{
    const MapEntry *x = a, *y = b;
    return x->rowid < y->rowid ? -1 : x->rowid > y->rowid;
}

// --- blocks against lists and map ---

static int check_rows(Check *check, const Block *block)
{
    MapEntry *entries = sqlite3_malloc64(block->row_count * sizeof *entries);
    if (entries == NULL)
        return SQLITE_NOMEM;
    size_t count = 0;
    for (u32 i = 0; i < block->row_count; i++)
        entries[i] = (MapEntry){.rowid = block_rowid(block, i)};
    qsort(entries, block->row_count, sizeof *entries, compare_entries);
    for (u32 i = 0; i < block->row_count; i++)
        if (i == 0 || entries[i].rowid != entries[count - 1].rowid)
            entries[count++] = entries[i];
    if (count < block->row_count)
        complain(check, "a row is twice in list %u", block->list);
    int rc = map_find(check->index, entries, count);
    ASSERT(count <= block->row_count);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        if (entries[i].list != block->list)
            complain(check, "row %lld is in list %u, but the map says %u",
                     (long long)entries[i].rowid, block->list, entries[i].list);
    sqlite3_free(entries);
    return rc;
}

static int check_block(Check *check, const Block *block)
{
    if (block->list != check->list) {
        if (lists_position(&check->index->lists, block->list) < 0)
            complain(check, "there are rows of list %u, which does not exist", block->list);
        check->list = block->list;
        check->next_number = 0;
        check->was_full = true;
    }
    if (block->number != check->next_number)
        complain(check, "list %u lacks block %u", block->list, check->next_number);
    if (!check->was_full)
        complain(check, "list %u has a block that is not full before its last", block->list);
    check->next_number = block->number + 1;
    check->was_full = block->row_count == check->index->state.rows_per_block;
    check->rows += block->row_count;
    return check_rows(check, block);
}

static int check_blocks(Check *check)
{
    sqlite3_stmt *stmt;
    TRY(store_statement(check->index, STORE_BLOCKS_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, INT64_MIN));
    TRY(sqlite3_bind_int64(stmt, 2, INT64_MAX));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        Block block;
        rc = block_read(check->index, stmt, &block);
        if (rc == SQLITE_OK)
            rc = check_block(check, &block);
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

// --- counters ---

static int count_map(Check *check)
{
    const IndexConfig *c = &check->index->config;
    char *sql = sqlite3_mprintf("SELECT coalesce(sum(length(data)), 0) FROM \"%w\".\"%w_map\"",
                                c->schema, c->name);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(check->index->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        check->entries = sqlite3_column_int64(stmt, 0) / 5;
    int end = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int check_counters(Check *check)
{
    const IndexState *state = &check->index->state;
    TRY(count_map(check));
    if (check->rows != state->row_count)
        complain(check, "it counts %lld rows and has %lld", (long long)state->row_count,
                 (long long)check->rows);
    if (check->entries != check->rows)
        complain(check, "its map has %lld rows and its lists %lld", (long long)check->entries,
                 (long long)check->rows);
    if (state->is_stale)
        complain(check, "it is stale: rows may be missing; rebuild it");
    return SQLITE_OK;
}

// --- the table ---

static int compare_rowids(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

static int read_queue(Check *check)
{
    sqlite3_stmt *stmt;
    size_t capacity = 0;
    TRY(store_statement(check->index, STORE_QUEUE_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, -1)); // no limit
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        if (check->queued_count == capacity) {
            capacity = capacity * 2 + 64;
            i64 *queued = sqlite3_realloc64(check->queued, capacity * sizeof *queued);
            if (queued == NULL)
                rc = SQLITE_NOMEM;
            else
                check->queued = queued;
        }
        if (rc == SQLITE_OK)
            check->queued[check->queued_count++] = sqlite3_column_int64(stmt, 1);
    }
    int end = sqlite3_reset(stmt);
    if (check->queued_count > 1)
        qsort(check->queued, check->queued_count, sizeof *check->queued, compare_rowids);
    return rc != SQLITE_OK ? rc : end;
}

// I8. A list that does not exist has been complained about.
static bool is_of_group(const Check *check, u32 list, u32 group)
{
    ASSERT(list > 0);

    if (check->index->config.prefix_count == 0)
        return true;
    i64 position = lists_position(&check->index->lists, list);
    return position < 0 || check->index->lists.groups[position] == group;
}

static int check_found(Check *check, MapEntry *entries, size_t count)
{
    ASSERT(count <= BATCH);

    TRY(map_find(check->index, entries, count));
    for (size_t i = 0; i < count; i++) {
        bool is_queued = check->queued_count > 0
                         && bsearch(&entries[i].rowid, check->queued, check->queued_count,
                                    sizeof entries[i].rowid, compare_rowids)
                                != NULL;
        if (entries[i].list == 0 && !is_queued)
            complain(check, "row %lld of %s is not in it", (long long)entries[i].rowid,
                     check->index->config.table);
        if (entries[i].list != 0 && !is_queued
            && !is_of_group(check, entries[i].list, check->groups[i]))
            complain(check, "row %lld of %s is in another prefix's list",
                     (long long)entries[i].rowid, check->index->config.table);
    }
    return SQLITE_OK;
}

static int check_table(Check *check)
{
    sqlite3_stmt *stmt;
    MapEntry entries[BATCH];
    size_t count = 0;
    bool has_groups = check->index->config.prefix_count > 0;
    TRY(read_queue(check));
    TRY(store_statement(check->index, has_groups ? STORE_ROWS_GROUPED : STORE_ROWS_READ, &stmt));
    int rc = SQLITE_OK;
    ASSERT(check->index->state.list_count > 0);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        Vector vector;
        if (!index_vector_decode(check->index, sqlite3_column_value(stmt, 1), &vector)
            || vector_has_nan(&vector))
            continue;
        check->groups[count] = has_groups ? (u32)sqlite3_column_int64(stmt, 2) : 0;
        entries[count++] = (MapEntry){.rowid = sqlite3_column_int64(stmt, 0)};
        if (count == BATCH) {
            rc = check_found(check, entries, count);
            count = 0;
        }
    }
    int end = sqlite3_reset(stmt);
    if (rc == SQLITE_OK)
        rc = end;
    return rc == SQLITE_OK ? check_found(check, entries, count) : rc;
}

int index_check(Index *index, char **report)
{
    *report = NULL;
    Check check = {.index = index, .report = sqlite3_str_new(index->db)};
    int rc = state_read(index);
    if (rc == SQLITE_OK && index->state.list_count > 0)
        rc = lists_load(index);
    if (rc == SQLITE_OK)
        rc = check_blocks(&check);
    if (rc == SQLITE_OK)
        rc = check_counters(&check);
    if (rc == SQLITE_OK && index->state.list_count > 0)
        rc = check_table(&check);
    sqlite3_free(check.queued);
    char *text = sqlite3_str_finish(check.report);
    if (rc == SQLITE_OK)
        *report = text;
    else
        sqlite3_free(text);
    return rc;
}
