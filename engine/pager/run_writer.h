#ifndef QUIRE_PAGER_RUN_WRITER_H
#define QUIRE_PAGER_RUN_WRITER_H
// Gathers writes that follow each other in a file into few large ones. A system
// call costs as much as copying a dozen pages.

#include "base/contract.h"
#include "os/os.h"

typedef struct RunWriter {
    sqlite3_file *file;
    u8 *buffer; // NULL: every piece is written at once
    int capacity;
    int used;
    i64 offset; // of the buffer's first byte in the file
} RunWriter;

// Out of memory only makes it slower.
void run_writer_init(RunWriter *writer, sqlite3_file *file, u64 bytes_expected);
MUST_USE int run_writer_add(RunWriter *writer, i64 offset, const void *bytes, int size);
MUST_USE int run_writer_flush(RunWriter *writer);
void run_writer_deinit(RunWriter *writer); // drops what was not flushed

#endif
