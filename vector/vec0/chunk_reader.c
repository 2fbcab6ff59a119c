// Reading the vectors of chunk after chunk: see chunk_reader.h.
#include "vector/vec0/chunk_reader.h"

#if !QUIRE_VECTOR_LOADABLE
#    include "quire.h"
#endif

enum { PIECE_SIZE = 256 * 1024 }; // read at once where there is no peeking; stays in the cache

int chunk_reader_init(ChunkReader *reader, Vec0Table *table, const Vec0Column *column)
{
    *reader = (ChunkReader){.table = table, .size = vec0_vector_size(column)};
    ASSERT(reader->size > 0);
    reader->chunk_bytes = reader->size * (size_t)table->config.chunk_size;
    reader->shadow = sqlite3_mprintf("%s_vector_chunks%02d", table->config.name, column->index);
    reader->row =
        sqlite3_malloc64(QUIRE_VECTOR_LOADABLE ? reader->size + PIECE_SIZE : reader->size);
    if (reader->shadow == NULL || reader->row == NULL)
        return SQLITE_NOMEM;
    return vec0_prepare(table, &reader->find, "SELECT _rowid_ FROM \"%w\".\"%w\" WHERE rowid = ?1",
                        table->config.schema, reader->shadow);
}

int chunk_reader_deinit(ChunkReader *reader)
{
    int rc = sqlite3_blob_close(reader->blob);
    (void)sqlite3_finalize(reader->find);
    sqlite3_free(reader->row);
    sqlite3_free(reader->shadow);
    *reader = (ChunkReader){.table = reader->table};
    return rc;
}

// The chunk's row: its column called rowid is not the rowid.
static int find_row(ChunkReader *reader, i64 chunk, i64 *rowid)
{
    ASSERT(reader->find != NULL);
    TRY(sqlite3_bind_int64(reader->find, 1, chunk));
    bool found = sqlite3_step(reader->find) == SQLITE_ROW;
    *rowid = found ? sqlite3_column_int64(reader->find, 0) : 0;
    TRY(sqlite3_reset(reader->find));
    return found ? SQLITE_OK : vec0_corrupt(reader->table, "a chunk is missing");
}

int chunk_reader_go(ChunkReader *reader, i64 chunk)
{
    Vec0Table *table = reader->table;
    i64 rowid;
    ASSERT(reader->shadow != NULL);
    reader->piece_size = 0;
    TRY(find_row(reader, chunk, &rowid));
    int rc = reader->blob != NULL
                 ? sqlite3_blob_reopen(reader->blob, rowid)
                 : sqlite3_blob_open(table->db, table->config.schema, reader->shadow, "vectors",
                                     rowid, 0, &reader->blob);
    if (rc != SQLITE_OK)
        return vec0_fail(table, rc, "%s", sqlite3_errmsg(table->db));
    if ((size_t)sqlite3_blob_bytes(reader->blob) != reader->chunk_bytes)
        return vec0_corrupt(table, "a chunk is of the wrong size");
    return SQLITE_OK;
}

#if QUIRE_VECTOR_LOADABLE

// The piece is a copy.
static int next_piece(ChunkReader *reader, size_t at)
{
    size_t left = reader->chunk_bytes - at;
    u8 *copy = reader->row + reader->size;
    ASSERT(at < reader->chunk_bytes);
    reader->piece_size = left < PIECE_SIZE ? left : PIECE_SIZE;
    reader->piece = copy;
    reader->piece_at = at;
    return sqlite3_blob_read(reader->blob, copy, (int)reader->piece_size, (int)at);
}

#else

// The piece is where the pages have it.
static int next_piece(ChunkReader *reader, size_t at)
{
    quire_piece pieces[3];
    ASSERT(at < reader->chunk_bytes);
    TRY(quire_blob_peek(reader->blob, (int)at, pieces, 3));
    reader->piece = pieces[0].bytes;
    reader->piece_at = at;
    reader->piece_size = (size_t)pieces[0].size;
    for (int i = 0; i < 2; i++)
        reader->ahead[i] =
            (ChunkPiece){.bytes = pieces[i + 1].bytes, .size = (size_t)pieces[i + 1].size};
    reader->ahead[0].at = at + reader->piece_size;
    reader->ahead[1].at = reader->ahead[0].at + reader->ahead[0].size;
    size_t both = reader->piece_size + reader->ahead[0].size;
    reader->ahead_by = both - both % reader->size;
    return SQLITE_OK;
}

#endif

static int reach_piece(ChunkReader *reader, size_t at)
{
    bool is_inside = at >= reader->piece_at && at - reader->piece_at < reader->piece_size;
    ASSERT(reader->blob != NULL);
    if (is_inside)
        return SQLITE_OK;
    int rc = next_piece(reader, at);
    if (rc != SQLITE_OK)
        reader->piece_size = 0;
    return rc;
}

// Of a row that lies in two pieces or more.
static int gather_row(ChunkReader *reader, size_t at, size_t size)
{
    ASSERT(size <= reader->size);
    for (size_t done = 0; done < size;) {
        TRY(reach_piece(reader, at + done));
        size_t skipped = at + done - reader->piece_at;
        size_t run = reader->piece_size - skipped;
        ASSERT(run > 0);
        if (run > size - done)
            run = size - done;
        memcpy(reader->row + done, reader->piece + skipped, run);
        done += run;
    }
    return SQLITE_OK;
}

static int read_result(ChunkReader *reader, int rc)
{
    ASSERT(reader->table != NULL);
    if (rc == SQLITE_OK)
        return rc;
    return vec0_fail(reader->table, rc, "%s", sqlite3_errmsg(reader->table->db));
}

int chunk_reader_rows(ChunkReader *reader, i64 slot, const u8 **rows, size_t *size)
{
    size_t at = (size_t)slot * reader->size;
    ASSERT(slot >= 0 && at < reader->chunk_bytes);
    TRY(read_result(reader, reach_piece(reader, at)));
    size_t skipped = at - reader->piece_at;
    *rows = reader->piece + skipped;
    *size = reader->piece_size - skipped;
    return SQLITE_OK;
}

int chunk_reader_row(ChunkReader *reader, i64 slot, size_t size, const u8 **row)
{
    ASSERT(slot >= 0);
    *row = reader->row;
    return read_result(reader, gather_row(reader, (size_t)slot * reader->size, size));
}
