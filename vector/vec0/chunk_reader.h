#ifndef QUIRE_VECTOR_VEC0_CHUNK_READER_H
#define QUIRE_VECTOR_VEC0_CHUNK_READER_H
// Vectors of one column, chunk by chunk, without a copy where quire lends its pages
// (quire_blob_peek): only a row that goes on on another page is put together. On stock SQLite they
// are read in pieces that stay in the processor's cache.
//
// Life: init -> (go -> rows*)* -> deinit.

#include "vector/vec0/vec0.h"

typedef struct ChunkPiece {
    const u8 *bytes;
    size_t at, size;
} ChunkPiece;

typedef struct ChunkReader {
    Vec0Table *table;
    size_t size;        // of a vector
    size_t chunk_bytes; // of a chunk's vectors
    char *shadow;
    sqlite3_stmt *find;
    sqlite3_blob *blob;
    const u8 *piece; // bytes piece_at and on of the chunk, piece_size of them
    size_t piece_at, piece_size;
    ChunkPiece ahead[2]; // the next pieces; only to be asked for
    size_t ahead_by;     // bytes from a vector to the one asked for with it
    u8 *row;             // a row that was put together; then room for a piece, where one is needed
} ChunkReader;

// After a failure, too, it is to be deinitialised.
MUST_USE int chunk_reader_init(ChunkReader *reader, Vec0Table *table, const Vec0Column *column);
int chunk_reader_deinit(ChunkReader *reader);
MUST_USE int chunk_reader_go(ChunkReader *reader, i64 chunk);
// The bytes of `slot` and of those after it that lie side by side: of some vectors, or only of a
// part of one. Borrowed until the connection is used again.
MUST_USE int chunk_reader_rows(ChunkReader *reader, i64 slot, const u8 **rows, size_t *size);
// Asks the processor for the first `reach` bytes of a vector some two pieces ahead of `slot`.
static inline void chunk_reader_ask(const ChunkReader *reader, i64 slot, size_t reach)
{
    size_t at = (size_t)slot * reader->size + reader->ahead_by;
    for (size_t end = at + reach; at < end; at += 64) {
        const ChunkPiece *piece = &reader->ahead[at >= reader->ahead[1].at];
        if (at - piece->at < piece->size)
            __builtin_prefetch(piece->bytes + (at - piece->at), 0, 2);
    }
}
// The first `size` bytes of the vector of `slot`, put together. Borrowed until the next one.
MUST_USE int chunk_reader_row(ChunkReader *reader, i64 slot, size_t size, const u8 **row);

#endif
