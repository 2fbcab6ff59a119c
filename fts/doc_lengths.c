// Lengths of rows. See doc_lengths.h.
#include "fts/doc_lengths.h"

#include "fts/fts_table.h"

void doc_lengths_deinit(DocLengths *cache)
{
    for (u32 i = 0; i < cache->slot_count; i++)
        sqlite3_free(cache->slots[i]);
    sqlite3_free(cache->slots);
    *cache = (DocLengths){0};
}

static u32 slot_of(const DocLengths *cache, i64 number)
{
    u64 hash = (u64)number * 0x9E3779B97F4A7C15ULL;
    u32 slot = (u32)(hash >> 32) & (cache->slot_count - 1);
    while (cache->slots[slot] != NULL && cache->slots[slot]->number != number)
        slot = (slot + 1) & (cache->slot_count - 1);
    return slot;
}

static LengthBlock *find_block(DocLengths *cache, i64 number)
{
    if (cache->last != NULL && cache->last->number == number)
        return cache->last;
    LengthBlock *found = cache->slot_count == 0 ? NULL : cache->slots[slot_of(cache, number)];
    if (found != NULL)
        cache->last = found;
    return found;
}

// Room for one block more; what is too much is forgotten as a whole.
static int make_room(DocLengths *cache)
{
    if (cache->block_count >= LENGTH_BLOCKS_MAX) {
        u64 version = cache->version;
        doc_lengths_deinit(cache);
        cache->version = version;
    }
    if (cache->block_count * 2 < cache->slot_count)
        return SQLITE_OK;
    DocLengths grown = *cache;
    grown.slot_count = cache->slot_count == 0 ? 64 : cache->slot_count * 2;
    grown.slots = fts_zalloc(sizeof *grown.slots * (u64)grown.slot_count);
    if (grown.slots == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < cache->slot_count; i++) {
        if (cache->slots[i] != NULL)
            grown.slots[slot_of(&grown, cache->slots[i]->number)] = cache->slots[i];
    }
    sqlite3_free(cache->slots);
    *cache = grown;
    return SQLITE_OK;
}

// The sum of a row's varints, one per column.
static u32 sum_lengths(const u8 *bytes, int size)
{
    u8 padded[64 + FTS_PADDING] = {0};
    u64 sum = 0;
    for (int at = 0; at < size;) {
        int part = size - at < VARINT_MAX ? size - at : VARINT_MAX;
        u32 value;
        memset(padded, 0, VARINT_MAX + 1);
        memcpy(padded, bytes + at, (size_t)part);
        at += fts_varint_get_u32(padded, &value);
        sum += value;
    }
    return sum >= LENGTH_NONE ? LENGTH_NONE - 1 : (u32)sum;
}

static int read_block(FtsTable *table, LengthBlock *block)
{
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, STMT_DOCSIZE_RANGE, &stmt));
    i64 first = (i64)((u64)block->number * LENGTH_BLOCK_SIZE);
    memset(block->lengths, 0xFF, sizeof block->lengths);
    sqlite3_bind_int64(stmt, 1, first);
    sqlite3_bind_int64(stmt, 2, first + LENGTH_BLOCK_SIZE - 1);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        u64 at = (u64)sqlite3_column_int64(stmt, 0) - (u64)first;
        const u8 *bytes = sqlite3_column_blob(stmt, 1);
        if (at < LENGTH_BLOCK_SIZE)
            block->lengths[at] = sum_lengths(bytes, sqlite3_column_bytes(stmt, 1));
    }
    return sqlite3_reset(stmt);
}

static int load_block(FtsTable *table, i64 number, LengthBlock **out)
{
    DocLengths *cache = &table->lengths;
    TRY(make_room(cache));
    LengthBlock *block = sqlite3_malloc64(sizeof *block);
    if (block == NULL)
        return SQLITE_NOMEM;
    block->number = number;
    int rc = read_block(table, block);
    if (rc != SQLITE_OK) {
        sqlite3_free(block);
        return rc;
    }
    cache->slots[slot_of(cache, number)] = block;
    cache->block_count++;
    cache->last = block;
    *out = block;
    return SQLITE_OK;
}

static i64 block_number(i64 rowid)
{
    return rowid >= 0 ? rowid / LENGTH_BLOCK_SIZE : -((-(rowid + 1)) / LENGTH_BLOCK_SIZE) - 1;
}

static int get_block(FtsTable *table, i64 rowid, LengthBlock **out)
{
    DocLengths *cache = &table->lengths;
    if (cache->version != table->index.version) {
        doc_lengths_deinit(cache);
        cache->version = table->index.version;
    }
    i64 number = block_number(rowid);
    *out = find_block(cache, number);
    return *out != NULL ? SQLITE_OK : load_block(table, number, out);
}

int doc_lengths_get(FtsTable *table, i64 rowid, u32 *length)
{
    LengthBlock *block;
    TRY(get_block(table, rowid, &block));
    *length = block->lengths[(u64)rowid % LENGTH_BLOCK_SIZE];
    return *length == LENGTH_NONE ? FTS_CORRUPT : SQLITE_OK;
}

int doc_lengths_block(FtsTable *table, i64 rowid, i64 *base, u32 **lengths)
{
    LengthBlock *block;
    TRY(get_block(table, rowid, &block));
    *base = (i64)((u64)block->number * LENGTH_BLOCK_SIZE);
    *lengths = block->lengths;
    return SQLITE_OK;
}

void doc_lengths_note(DocLengths *cache, i64 rowid, u32 length)
{
    LengthBlock *block = find_block(cache, block_number(rowid));
    if (block != NULL)
        block->lengths[(u64)rowid % LENGTH_BLOCK_SIZE] = length;
}

void doc_lengths_note_gone(DocLengths *cache, i64 rowid)
{
    doc_lengths_note(cache, rowid, LENGTH_NONE);
}
