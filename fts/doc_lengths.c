// Lengths of rows. See doc_lengths.h.
#include "fts/doc_lengths.h"

#include "fts/fts_connection.h"
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
    ASSERT(cache->slot_count > 0);

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
    u8 padded[VARINT_MAX + 1];
    u64 sum = 0;
    if (size == 1 && bytes[0] < 0x80) // one column of a short row
        return bytes[0];
    for (int at = 0; at < size;) {
        int part = size - at < VARINT_MAX ? size - at : VARINT_MAX;
        u32 value;
        memset(padded, 0, sizeof padded);
        memcpy(padded, bytes + at, (size_t)part);
        at += fts_varint_get_u32(padded, &value);
        sum += value;
    }
    return sum >= LENGTH_NONE ? LENGTH_NONE - 1 : (u32)sum;
}

// Where a block's lengths go while its rows are read.
typedef struct BlockFill {
    LengthBlock *block;
    i64 first; // rowid
} BlockFill;

static int fill_row(void *arg, sqlite3_int64 rowid, const void *bytes, int size)
{
    const BlockFill *fill = arg;
    const u64 at = (u64)rowid - (u64)fill->first;
    if (at < LENGTH_BLOCK_SIZE)
        fill->block->lengths[at] = sum_lengths(bytes, size);
    return SQLITE_OK;
}

static int fill_by_statement(FtsTable *table, BlockFill *fill)
{
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, STMT_DOCSIZE_RANGE, &stmt));
    sqlite3_bind_int64(stmt, 1, fill->first);
    sqlite3_bind_int64(stmt, 2, fill->first + LENGTH_BLOCK_SIZE - 1);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(stmt, 1);
        (void)fill_row(fill, sqlite3_column_int64(stmt, 0), bytes, sqlite3_column_bytes(stmt, 1));
    }
    return sqlite3_reset(stmt);
}

// Several times faster than the statement; SQLITE_NOTFOUND where the library or the table does not
// allow it.
static int fill_by_walk(FtsTable *table, BlockFill *fill)
{
    ASSERT((u64)fill->first % LENGTH_BLOCK_SIZE == 0);

    const FtsConfig *config = &table->config;
    if (table->connection->walk_blobs == NULL)
        return SQLITE_NOTFOUND;
    char *name = sqlite3_mprintf("%s_docsize", config->name);
    if (name == NULL)
        return SQLITE_NOMEM;
    const quire_blob_walk walk = {.schema = config->db_name,
                                  .table = name,
                                  .column = "sz",
                                  .first = fill->first,
                                  .last = fill->first + LENGTH_BLOCK_SIZE - 1,
                                  .visit = fill_row,
                                  .arg = fill};
    int rc = table->connection->walk_blobs(config->db, &walk);
    sqlite3_free(name);
    return rc;
}

// After a failure no row of the block counts as read: a row not met so far need not be missing.
static int read_block(FtsTable *table, LengthBlock *block)
{
    ASSERT(LENGTH_NONE == 0xFFFFFFFF);
    ASSERT(LENGTH_NOT_READ == 0);

    BlockFill fill = {block, (i64)((u64)block->number * LENGTH_BLOCK_SIZE)};
    memset(block->lengths, 0xFF, sizeof block->lengths);
    int rc = fill_by_walk(table, &fill);
    if (rc == SQLITE_NOTFOUND)
        rc = fill_by_statement(table, &fill);
    if (rc != SQLITE_OK)
        memset(block->lengths, 0, sizeof block->lengths);
    return rc;
}

static int read_row(FtsTable *table, LengthBlock *block, i64 rowid)
{
    u32 *length = &block->lengths[(u64)rowid % LENGTH_BLOCK_SIZE];
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, STMT_DOCSIZE_READ, &stmt));
    sqlite3_bind_int64(stmt, 1, rowid);
    *length = LENGTH_NONE;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const u8 *bytes = sqlite3_column_blob(stmt, 0);
        *length = sum_lengths(bytes, sqlite3_column_bytes(stmt, 0));
    }
    int rc = sqlite3_reset(stmt);
    if (rc != SQLITE_OK)
        *length = LENGTH_NOT_READ;
    return rc;
}

// A row alone costs as much as about eight in a row: from their density so far it is told whether
// more than an eighth of the block will be wanted.
static int learn(FtsTable *table, LengthBlock *block, i64 rowid)
{
    enum { LOOKUPS_MIN = 8, LOOKUPS_MAX = LENGTH_BLOCK_SIZE / 8, COST = 8 };
    const u32 at = (u32)((u64)rowid % LENGTH_BLOCK_SIZE);
    ASSERT(!block->is_whole);

    if (block->lookup_count == 0 || at < block->lookup_first)
        block->lookup_first = at;
    if (at > block->lookup_last)
        block->lookup_last = at;
    block->lookup_count++;
    const u32 span = block->lookup_last - block->lookup_first;
    bool is_dense = block->lookup_count >= LOOKUPS_MIN && span < block->lookup_count * COST;
    if (!is_dense && block->lookup_count <= LOOKUPS_MAX)
        return read_row(table, block, rowid);
    TRY(read_block(table, block));
    block->is_whole = true;
    table->lengths.whole_count++;
    return SQLITE_OK;
}

static int add_block(FtsTable *table, i64 number, LengthBlock **out)
{
    DocLengths *cache = &table->lengths;
    TRY(make_room(cache));
    ASSERT(cache->block_count * 2 < cache->slot_count);

    LengthBlock *block = fts_zalloc(sizeof *block);
    if (block == NULL)
        return SQLITE_NOMEM;
    block->number = number;
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

static void forget_stale(FtsTable *table)
{
    DocLengths *cache = &table->lengths;
    if (cache->version == table->index.version)
        return;
    doc_lengths_deinit(cache);
    cache->version = table->index.version;
}

static int get_block(FtsTable *table, i64 rowid, LengthBlock **out)
{
    DocLengths *cache = &table->lengths;
    forget_stale(table);
    i64 number = block_number(rowid);
    *out = find_block(cache, number);
    return *out != NULL ? SQLITE_OK : add_block(table, number, out);
}

bool doc_lengths_be_thrifty(FtsTable *table)
{
    enum { THRIFTY_MAX = 4 };
    DocLengths *cache = &table->lengths;
    forget_stale(table);
    ASSERT(cache->whole_count <= cache->block_count);

    bool is_known = cache->whole_count * 2 > cache->block_count;
    return !is_known && cache->thrifty_count++ < THRIFTY_MAX;
}

int doc_lengths_get(FtsTable *table, i64 rowid, u32 *length)
{
    LengthBlock *block;
    TRY(get_block(table, rowid, &block));
    u32 *known = &block->lengths[(u64)rowid % LENGTH_BLOCK_SIZE];
    if (*known == LENGTH_NOT_READ && !block->is_whole)
        TRY(learn(table, block, rowid));
    *length = *known;
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
