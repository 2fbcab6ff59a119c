#ifndef QUIRE_VECTOR_VEC0_CHUNK_READER_H
#define QUIRE_VECTOR_VEC0_CHUNK_READER_H
// Vectors of one column, chunk by chunk, without a copy where quire lends its pages
// (quire_blob_peek): only a row that goes on on another page is put together. On stock SQLite they
// are read in pieces that stay in the processor's cache.
//
// What is lent at once is the window: some pieces, one after the other. Work goes through it in
// ascending order; the pieces some way ahead are asked of the processor on the way.
//
// Life: init -> (go -> rows*)* -> deinit.

#include "vector/vec0/vec0.h"

typedef struct ChunkPiece {
    const u8 *bytes;
    size_t at, size; // in the chunk
} ChunkPiece;
enum { CHUNK_WINDOW = 16 };

typedef struct ChunkReader {
    Vec0Table *table;
    size_t size;        // of a vector
    size_t reach;       // of these, bytes at its beginning that will surely be read
    size_t chunk_bytes; // of a chunk's vectors
    char *shadow;
    sqlite3_blob *blob;
    ChunkPiece window[CHUNK_WINDOW];
    int count, current; // pieces in the window; the one that was read from last
    size_t asked;       // up to this byte the processor has been asked for what will be read
    u8 *row;            // a row that was put together; then room for a piece, where one is needed
} ChunkReader;

// After a failure, too, it is to be deinitialised.
MUST_USE int chunk_reader_init(ChunkReader *reader, Vec0Table *table, const Vec0Column *column,
                               size_t reach);
int chunk_reader_deinit(ChunkReader *reader);
// To the chunk whose vectors are in that row of their table.
MUST_USE int chunk_reader_go(ChunkReader *reader, i64 rowid);
// The bytes of `slot` and of those after it that lie side by side: of some vectors, or only of a
// part of one. Borrowed until the connection is used again.
MUST_USE int chunk_reader_rows(ChunkReader *reader, i64 slot, const u8 **rows, size_t *size);
// The first `size` bytes of the vector of `slot`, put together. Borrowed until the next one.
MUST_USE int chunk_reader_row(ChunkReader *reader, i64 slot, size_t size, const u8 **row);

#endif
