// Reading the vectors of chunk after chunk: see chunk_reader.h.
#include "vector/vec0/chunk_reader.h"

#if !QUIRE_VECTOR_LOADABLE
#    include "quire.h"
#endif

enum {
    PIECE_SIZE = 256 * 1024, // read at once where there is no peeking; stays in the cache
    PIECES_AHEAD = 3,        // are asked for: the memory answers while so many are worked through
};

int chunk_reader_init(ChunkReader *reader, Vec0Table *table, const Vec0Column *column, size_t reach)
{
    *reader = (ChunkReader){.table = table, .size = vec0_vector_size(column), .reach = reach};
    ASSERT(reader->size > 0);
    ASSERT(reach > 0 && reach <= reader->size);
    reader->chunk_bytes = reader->size * (size_t)table->config.chunk_size;
    reader->shadow = sqlite3_mprintf("%s_vector_chunks%02d", table->config.name, column->index);
    reader->row =
        sqlite3_malloc64(QUIRE_VECTOR_LOADABLE ? reader->size + PIECE_SIZE : reader->size);
    return reader->shadow != NULL && reader->row != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

int chunk_reader_deinit(ChunkReader *reader)
{
    int rc = sqlite3_blob_close(reader->blob);
    sqlite3_free(reader->row);
    sqlite3_free(reader->shadow);
    *reader = (ChunkReader){.table = reader->table};
    return rc;
}

int chunk_reader_go(ChunkReader *reader, i64 rowid)
{
    Vec0Table *table = reader->table;
    ASSERT(reader->shadow != NULL);
    reader->count = 0;
    reader->asked = 0;
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

// One piece, a copy.
static int load_window(ChunkReader *reader, size_t at)
{
    size_t left = reader->chunk_bytes - at;
    u8 *copy = reader->row + reader->size;
    ASSERT(at < reader->chunk_bytes);
    reader->window[0] = (ChunkPiece){copy, at, left < PIECE_SIZE ? left : PIECE_SIZE};
    TRY(sqlite3_blob_read(reader->blob, copy, (int)reader->window[0].size, (int)at));
    reader->count = 1;
    return SQLITE_OK;
}

#else

// The pieces are where the pages have them.
static int load_window(ChunkReader *reader, size_t at)
{
    quire_piece pieces[CHUNK_WINDOW];
    ASSERT(at < reader->chunk_bytes);
    TRY(quire_blob_peek(reader->blob, (int)at, pieces, CHUNK_WINDOW));
    ASSERT(pieces[0].size > 0);
    for (int i = 0; i < CHUNK_WINDOW && pieces[i].size > 0; i++) {
        reader->window[i] = (ChunkPiece){pieces[i].bytes, at, (size_t)pieces[i].size};
        reader->count = i + 1;
        at += reader->window[i].size;
    }
    return SQLITE_OK;
}

#endif

static void ask_for_lines(const u8 *bytes, size_t size)
{
    enum { LINE = 64 };
    ASSERT(size > 0);
    for (size_t at = 0; at < size; at += LINE)
        __builtin_prefetch(bytes + at, 0, 2);
}

// Asks the processor for what will be read of a piece: all of it, or the beginnings of the vectors,
// the first of which may have begun in the piece before.
static void ask_for(const ChunkReader *reader, const ChunkPiece *piece)
{
    size_t stop = piece->at + piece->size;
    ASSERT(piece->size > 0);
    if (reader->reach == reader->size) {
        ask_for_lines(piece->bytes, piece->size);
        return;
    }
    for (size_t row = piece->at - piece->at % reader->size; row < stop; row += reader->size) {
        size_t from = row > piece->at ? row : piece->at;
        size_t end = row + reader->reach < stop ? row + reader->reach : stop;
        if (from < end)
            ask_for_lines(piece->bytes + (from - piece->at), end - from);
    }
}

static bool is_inside(const ChunkPiece *piece, size_t at)
{
    return at >= piece->at && at - piece->at < piece->size;
}

// The window moves on before its last pieces are reached, so that there are always some ahead.
static bool is_near_end(const ChunkReader *reader, int piece)
{
    ASSERT(piece < reader->count);
    const ChunkPiece *last = &reader->window[reader->count - 1];
    return piece > 0 && piece + PIECES_AHEAD >= reader->count
           && last->at + last->size < reader->chunk_bytes;
}

static int move_window(ChunkReader *reader, size_t at)
{
    reader->count = 0;
    TRY(load_window(reader, at));
    ASSERT(is_inside(&reader->window[0], at));
    return SQLITE_OK;
}

// The current piece and those next to it, but not twice.
static void ask_ahead(ChunkReader *reader)
{
    ASSERT(reader->current < reader->count);
    int end = reader->current + PIECES_AHEAD + 1;
    for (int i = reader->current; i < end && i < reader->count; i++) {
        const ChunkPiece *piece = &reader->window[i];
        if (piece->at < reader->asked)
            continue;
        ask_for(reader, piece);
        reader->asked = piece->at + piece->size;
    }
}

// Makes the piece current that holds byte `at` of the chunk.
static int reach_piece(ChunkReader *reader, size_t at)
{
    ASSERT(reader->blob != NULL);
    ASSERT(at < reader->chunk_bytes);
    if (reader->count > 0 && is_inside(&reader->window[reader->current], at))
        return SQLITE_OK;
    int piece = reader->count > 0 && at >= reader->window[reader->current].at ? reader->current : 0;
    while (piece < reader->count && !is_inside(&reader->window[piece], at))
        piece++;
    bool moves = piece == reader->count || is_near_end(reader, piece);
    if (moves)
        TRY(move_window(reader, at));
    reader->current = moves ? 0 : piece;
    ask_ahead(reader);
    return SQLITE_OK;
}

// Of a row that lies in two pieces or more.
static int gather_row(ChunkReader *reader, size_t at, size_t size)
{
    ASSERT(size <= reader->size);
    for (size_t done = 0; done < size;) {
        TRY(reach_piece(reader, at + done));
        const ChunkPiece *piece = &reader->window[reader->current];
        size_t skipped = at + done - piece->at;
        size_t run = piece->size - skipped;
        ASSERT(run > 0);
        if (run > size - done)
            run = size - done;
        memcpy(reader->row + done, piece->bytes + skipped, run);
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
    const ChunkPiece *piece = &reader->window[reader->current];
    *rows = piece->bytes + (at - piece->at);
    *size = piece->size - (at - piece->at);
    return SQLITE_OK;
}

int chunk_reader_row(ChunkReader *reader, i64 slot, size_t size, const u8 **row)
{
    ASSERT(slot >= 0);
    *row = reader->row;
    return read_result(reader, gather_row(reader, (size_t)slot * reader->size, size));
}
