// Blocks: the rows of a list, as many to a block as a page holds.
//
//     0  u8 format, 1     1  u8 zero     2  u16 row count     4  u32 list
//     8  i64 rowid * rows,  f32 {offset, slope, error} * rows,  code * rows
//
// I2: the blocks of a list are numbered from 0 without a gap, and all but the last are full; so the
// last one tells the list's length. A removed row's place is taken by the list's last row.
#include "vector/index/vector_index.h"
#include "vector/module_store.h"

enum { FACTORS_SIZE = 12, BLOCK_FORMAT = 1 };

i64 block_id(u32 list, u32 number)
{
    ASSERT(number < 1u << BLOCK_NUMBER_BITS);

    return (i64)list << BLOCK_NUMBER_BITS | number;
}

static size_t row_size(u32 width)
{
    return 8 + FACTORS_SIZE + code_size_of(width);
}

static size_t block_size(u32 width, u32 row_count)
{
    return BLOCK_HEADER_SIZE + row_count * row_size(width);
}

// A row of the block table fits a page's leaf without overflow up to 35 bytes less than the page;
// key, header and reserved bytes are allowed for. Long rows go by eights all the same.
u32 rows_per_block(u32 width, u32 page_size)
{
    const u32 overhead = 64;
    u32 count = (u32)((page_size - overhead - BLOCK_HEADER_SIZE) / row_size(width));
    return count < 8 ? 8 : count;
}

// --- reading ---

int block_read(Index *index, sqlite3_stmt *stmt, Block *out)
{
    u32 width = index->state.width;
    i64 id = sqlite3_column_int64(stmt, 0);
    const u8 *blob = sqlite3_column_blob(stmt, 1);
    size_t size = (size_t)sqlite3_column_bytes(stmt, 1);
    if (blob == NULL || size < BLOCK_HEADER_SIZE || blob[0] != BLOCK_FORMAT)
        return index_corrupt(index, "a block is of an unknown format");
    uint16_t row_count;
    u32 list;
    memcpy(&row_count, blob + 2, 2);
    memcpy(&list, blob + 4, 4);
    if (row_count == 0 || row_count > index->state.rows_per_block
        || size != block_size(width, row_count))
        return index_corrupt(index, "a block is of the wrong size");
    if (list != (u32)(id >> BLOCK_NUMBER_BITS))
        return index_corrupt(index, "a block belongs to another list");
    out->list = list;
    out->number = (u32)(id & ((1 << BLOCK_NUMBER_BITS) - 1));
    out->row_count = row_count;
    out->rowids = blob + BLOCK_HEADER_SIZE;
    out->factors = out->rowids + 8 * (size_t)row_count;
    out->codes = out->factors + FACTORS_SIZE * (size_t)row_count;
    return SQLITE_OK;
}

i64 block_rowid(const Block *block, u32 row)
{
    ASSERT(row < block->row_count);

    i64 rowid;
    memcpy(&rowid, block->rowids + 8 * (size_t)row, 8);
    return rowid;
}

static int bind_list(sqlite3_stmt *stmt, u32 list, u32 first_number)
{
    TRY(sqlite3_bind_int64(stmt, 1, block_id(list, first_number)));
    return sqlite3_bind_int64(stmt, 2, block_id(list, (1u << BLOCK_NUMBER_BITS) - 1));
}

// --- rows on their way ---

int batch_reserve(RowBatch *batch, size_t code_size, size_t capacity)
{
    ASSERT(capacity >= batch->count);

    if (capacity <= batch->capacity)
        return SQLITE_OK;
    i64 *rowids = sqlite3_realloc64(batch->rowids, capacity * sizeof *rowids);
    if (rowids == NULL)
        return SQLITE_NOMEM;
    batch->rowids = rowids;
    RowFactors *factors = sqlite3_realloc64(batch->factors, capacity * sizeof *factors);
    if (factors == NULL)
        return SQLITE_NOMEM;
    batch->factors = factors;
    u8 *codes = sqlite3_realloc64(batch->codes, capacity * code_size);
    if (codes == NULL)
        return SQLITE_NOMEM;
    batch->codes = codes;
    batch->capacity = capacity;
    return SQLITE_OK;
}

void batch_deinit(RowBatch *batch)
{
    sqlite3_free(batch->rowids);
    sqlite3_free(batch->factors);
    sqlite3_free(batch->codes);
    *batch = (RowBatch){.rowids = NULL};
}

static void batch_take_block(RowBatch *batch, const Block *block, size_t code_size)
{
    size_t count = block->row_count;
    ASSERT(batch->count + count <= batch->capacity);

    memcpy(batch->rowids + batch->count, block->rowids, 8 * count);
    memcpy(batch->factors + batch->count, block->factors, FACTORS_SIZE * count);
    memcpy(batch->codes + batch->count * code_size, block->codes, code_size * count);
    batch->count += count;
}

// --- writing ---

static int block_write(Index *index, u32 list, u32 number, const RowBatch *rows, size_t first,
                       u32 count)
{
    u32 width = index->state.width;
    size_t code_size = code_size_of(width);
    ASSERT(count > 0 && count <= index->state.rows_per_block); // I2

    size_t size = block_size(width, count);
    u8 *blob = sqlite3_malloc64(size);
    if (blob == NULL)
        return SQLITE_NOMEM;
    uint16_t row_count = (uint16_t)count;
    blob[0] = BLOCK_FORMAT;
    blob[1] = 0;
    memcpy(blob + 2, &row_count, 2);
    memcpy(blob + 4, &list, 4);
    u8 *at = blob + BLOCK_HEADER_SIZE;
    memcpy(at, rows->rowids + first, 8 * (size_t)count);
    at += 8 * (size_t)count;
    memcpy(at, rows->factors + first, FACTORS_SIZE * (size_t)count);
    at += FACTORS_SIZE * (size_t)count;
    memcpy(at, rows->codes + first * code_size, code_size * count);

    sqlite3_stmt *stmt;
    int rc = store_statement(index, STORE_BLOCK_WRITE, &stmt);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 1, block_id(list, number));
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(stmt, 2, blob, size, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = module_run(stmt);
    sqlite3_free(blob);
    return rc;
}

// The list's last block, its rows added to `tail`. *number is UINT32_MAX for an empty list.
static int read_tail(Index *index, u32 list, RowBatch *tail, u32 *number)
{
    size_t code_size = code_size_of(index->state.width);
    sqlite3_stmt *stmt;
    *number = UINT32_MAX;
    TRY(batch_reserve(tail, code_size, tail->count + index->state.rows_per_block));
    TRY(store_statement(index, STORE_BLOCK_TAIL, &stmt));
    TRY(bind_list(stmt, list, 0));
    int rc = SQLITE_OK;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        Block block;
        rc = block_read(index, stmt, &block);
        if (rc == SQLITE_OK) {
            batch_take_block(tail, &block, code_size);
            *number = block.number;
        }
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static void batch_take(RowBatch *batch, const RowBatch *rows, size_t first, size_t count,
                       size_t code_size)
{
    ASSERT(batch->count + count <= batch->capacity);

    memcpy(batch->rowids + batch->count, rows->rowids + first, 8 * count);
    memcpy(batch->factors + batch->count, rows->factors + first, FACTORS_SIZE * count);
    memcpy(batch->codes + batch->count * code_size, rows->codes + first * code_size,
           code_size * count);
    batch->count += count;
}

// Fills the last block up, then writes new ones.
int list_append(Index *index, u32 list, const RowBatch *rows, size_t first, size_t count,
                u32 *length)
{
    size_t code_size = code_size_of(index->state.width);
    u32 per_block = index->state.rows_per_block;
    RowBatch tail = {.rowids = NULL};
    u32 number;
    int rc = read_tail(index, list, &tail, &number);
    if (rc == SQLITE_OK && number == UINT32_MAX)
        number = 0;
    else if (rc == SQLITE_OK && tail.count == per_block) { // full: left as it is
        tail.count = 0;
        number++;
    }
    if (rc == SQLITE_OK)
        rc = batch_reserve(&tail, code_size, tail.count + count);
    if (rc == SQLITE_OK)
        batch_take(&tail, rows, first, count, code_size);
    *length = rc == SQLITE_OK ? number * per_block + (u32)tail.count : 0;
    for (size_t at = 0; rc == SQLITE_OK && at < tail.count; at += per_block, number++) {
        size_t left = tail.count - at;
        if (number >= (1u << BLOCK_NUMBER_BITS) - 1)
            rc = index_fail(index, SQLITE_FULL, "vector index: a list is full");
        else
            rc = block_write(index, list, number, &tail, at,
                             left < per_block ? (u32)left : per_block);
    }
    batch_deinit(&tail);
    return rc;
}

static int delete_blocks(Index *index, u32 list, u32 first_number)
{
    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_BLOCKS_DELETE, &stmt));
    TRY(bind_list(stmt, list, first_number));
    return module_run(stmt);
}

int list_clear(Index *index, u32 list)
{
    ASSERT(list > 0);

    return delete_blocks(index, list, 0);
}

// Reads the block that has the rowid.
static int find_block(Index *index, u32 list, i64 rowid, RowBatch *out, u32 *number, u32 *row)
{
    size_t code_size = code_size_of(index->state.width);
    sqlite3_stmt *stmt;
    *number = UINT32_MAX;
    TRY(batch_reserve(out, code_size, index->state.rows_per_block));
    TRY(store_statement(index, STORE_BLOCKS_READ, &stmt));
    TRY(bind_list(stmt, list, 0));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && *number == UINT32_MAX && sqlite3_step(stmt) == SQLITE_ROW) {
        Block block;
        rc = block_read(index, stmt, &block);
        for (u32 i = 0; rc == SQLITE_OK && i < block.row_count; i++)
            if (block_rowid(&block, i) == rowid) {
                batch_take_block(out, &block, code_size);
                *number = block.number;
                *row = i;
                break;
            }
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static void batch_move(RowBatch *target, size_t to, const RowBatch *source, size_t from,
                       size_t code_size)
{
    target->rowids[to] = source->rowids[from];
    target->factors[to] = source->factors[from];
    memmove(target->codes + to * code_size, source->codes + from * code_size, code_size);
}

// The last row of the last block comes into the hole (I2).
static int fill_hole(Index *index, u32 list, RowBatch *hole, u32 hole_number, u32 row, u32 *left)
{
    size_t code_size = code_size_of(index->state.width);
    RowBatch tail = {.rowids = NULL};
    u32 tail_number;
    int rc = read_tail(index, list, &tail, &tail_number);
    if (rc == SQLITE_OK && tail_number == UINT32_MAX)
        rc = index_corrupt(index, "a list has lost its blocks");
    if (rc == SQLITE_OK) {
        batch_move(hole, row, &tail, tail.count - 1, code_size);
        tail.count--;
        if (tail_number == hole_number)
            batch_move(&tail, row < tail.count ? row : tail.count, hole, row, code_size);
        *left = tail_number * index->state.rows_per_block + (u32)tail.count;
    }
    if (rc == SQLITE_OK && tail_number != hole_number)
        rc = block_write(index, list, hole_number, hole, 0, (u32)hole->count);
    if (rc == SQLITE_OK && tail.count > 0)
        rc = block_write(index, list, tail_number, &tail, 0, (u32)tail.count);
    else if (rc == SQLITE_OK)
        rc = delete_blocks(index, list, tail_number);
    batch_deinit(&tail);
    return rc;
}

int list_remove(Index *index, u32 list, i64 rowid, bool *found, u32 *left)
{
    ASSERT(list > 0);

    RowBatch hole = {.rowids = NULL};
    u32 number, row = 0;
    int rc = find_block(index, list, rowid, &hole, &number, &row);
    *found = rc == SQLITE_OK && number != UINT32_MAX;
    if (*found)
        rc = fill_hole(index, list, &hole, number, row, left);
    batch_deinit(&hole);
    return rc;
}

int list_row_count(Index *index, u32 list, u32 *count)
{
    RowBatch tail = {.rowids = NULL};
    u32 number;
    int rc = read_tail(index, list, &tail, &number);
    if (rc == SQLITE_OK)
        *count =
            number == UINT32_MAX ? 0 : number * index->state.rows_per_block + (u32)tail.count; // I2
    batch_deinit(&tail);
    return rc;
}

int list_rowids(Index *index, u32 list, i64 **rowids, size_t *count)
{
    ASSERT(list > 0);

    u32 total;
    TRY(list_row_count(index, list, &total));
    i64 *out = sqlite3_malloc64(((u64)total + 1) * sizeof *out);
    if (out == NULL)
        return SQLITE_NOMEM;
    size_t filled = 0;
    sqlite3_stmt *stmt;
    int rc = store_statement(index, STORE_BLOCKS_READ, &stmt);
    if (rc == SQLITE_OK)
        rc = bind_list(stmt, list, 0);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        Block block;
        rc = block_read(index, stmt, &block);
        if (rc == SQLITE_OK && filled + block.row_count > total)
            rc = index_corrupt(index, "a list's blocks are not in order");
        if (rc == SQLITE_OK) {
            memcpy(out + filled, block.rowids, 8 * (size_t)block.row_count);
            filled += block.row_count;
        }
    }
    int end = sqlite3_reset(stmt);
    if (rc == SQLITE_OK)
        rc = end;
    if (rc == SQLITE_OK) {
        *rowids = out;
        *count = filled;
        return SQLITE_OK;
    }
    sqlite3_free(out);
    return rc;
}
