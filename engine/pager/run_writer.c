// Gathered writes. See run_writer.h.
//
// Pages come in ascending order, and in a bulk load most follow on each other: one call for sixteen
// of them costs little more than one for each. Without memory for the buffer (capacity 0) every
// piece goes out alone, which is slower and nothing else.
#include "pager/run_writer.h"

#include "base/alloc.h"

#include <string.h>

enum { CAPACITY_MAX = 64 * 1024 }; // larger ones leave the processor cache and malloc's arenas

void run_writer_init(RunWriter *writer, sqlite3_file *file, u64 bytes_expected)
{
    ASSERT(file != NULL);
    *writer = (RunWriter){.file = file};
    u64 capacity = bytes_expected < CAPACITY_MAX ? bytes_expected : CAPACITY_MAX;
    writer->buffer = mem_alloc(capacity);
    writer->capacity = writer->buffer != NULL ? (int)capacity : 0;
    ASSERT(writer->capacity >= 0);
}

// Empty afterwards, also when it fails: the bytes are lost to the writer, not to the caller, whose
// pages are private still.
int run_writer_flush(RunWriter *writer)
{
    ASSERT(writer->buffer != NULL || writer->used == 0);
    ASSERT(writer->used <= writer->capacity);
    if (writer->used == 0)
        return SQLITE_OK;
    int size = writer->used;
    writer->used = 0;
    return os_write(writer->file, writer->buffer, size, writer->offset);
}

// What does not follow on flushes what there is; what is too large goes out at once.
int run_writer_add(RunWriter *writer, i64 offset, const void *bytes, int size)
{
    ASSERT(size > 0);
    ASSERT(offset >= 0);
    bool follows = offset == writer->offset + writer->used;
    if (!follows || writer->used + size > writer->capacity)
        TRY(run_writer_flush(writer));
    if (size > writer->capacity)
        return os_write(writer->file, bytes, size, offset);
    if (writer->used == 0)
        writer->offset = offset;
    memcpy(writer->buffer + writer->used, bytes, (size_t)size);
    writer->used += size;
    return SQLITE_OK;
}

void run_writer_deinit(RunWriter *writer)
{
    ASSERT(writer->used >= 0);
    ASSERT(writer->used <= writer->capacity);
    mem_free(writer->buffer);
    *writer = (RunWriter){0};
}
