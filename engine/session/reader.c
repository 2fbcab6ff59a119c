// Reads the bytes of a changeset: see reader.h.
//
// Memory is read where it lies. A callback's pieces are gathered in `held`, from which what was
// used is dropped between changes: never more than one change and a piece is in memory.

#include "session/reader.h"
#include "base/error.h"
#include "base/varint.h"
#include "session/changeset_field.h"
#include "session/output.h"

// All is at hand: nothing is ever asked for.
void reader_of_memory(Reader *reader, const void *bytes, size_t size)
{
    ASSERT(bytes != NULL || size == 0);

    *reader = (Reader){.bytes = bytes, .size = size, .is_at_end = true};
}

// Nothing is at hand yet.
void reader_of_callback(Reader *reader, InputCallback *callback, void *arg)
{
    ASSERT(callback != NULL);

    *reader = (Reader){.callback = callback, .arg = arg};
}

void reader_deinit(Reader *reader)
{
    ASSERT(reader->callback != NULL || reader->held.bytes == NULL);

    buffer_deinit(&reader->held);
}

// Memory of the caller's is left alone: nothing would be gained by moving it, and it is not ours.
void reader_discard(Reader *reader)
{
    ASSERT(reader->at <= reader->size);

    if (reader->callback == NULL)
        return;
    size_t left = reader->size - reader->at;
    if (reader->at > 0 && left > 0)
        memmove(reader->held.bytes, reader->held.bytes + reader->at, left);
    buffer_truncate(&reader->held, left);
    reader->bytes = (const u8 *)reader->held.bytes;
    reader->size = left;
    reader->at = 0;
}

// Tries to have `size` bytes at hand; fewer only at the end of the input. A callback that gives
// nothing is at its end, as the interface has it.
static int fill(Reader *reader, size_t size)
{
    ASSERT(reader->at <= reader->size);
    ASSERT(reader->is_at_end || reader->callback != NULL);

    while (!reader->is_at_end && reader->size - reader->at < size) {
        // In whole pieces, as the interface has it: more than is wanted may come, and is kept.
        int piece = session_piece_size();
        char *room = buffer_reserve(&reader->held, (size_t)piece);
        if (room == NULL)
            return SQLITE_NOMEM;
        // The callback is foreign code: a size it did not have room for would be memory written
        // over already, so the least is not to read it.
        int asked = piece;
        TRY(reader->callback(reader->arg, room, &piece));
        if (piece < 0 || piece > asked)
            return error_misuse();
        reader->is_at_end = piece == 0;
        buffer_grew(&reader->held, (size_t)piece);
        reader->bytes = (const u8 *)reader->held.bytes;
        reader->size = reader->held.size;
    }
    return SQLITE_OK;
}

// Between changes: within one the end is damage.
int reader_is_done(Reader *reader, bool *is_done)
{
    TRY(fill(reader, 1));
    ASSERT(reader->at <= reader->size);
    *is_done = reader->at >= reader->size;
    return SQLITE_OK;
}

// What is passed over stays in place until reader_discard().
int reader_skip(Reader *reader, size_t size)
{
    ASSERT(reader->at <= reader->size);

    // The difference is compared, not the sum: `size` is read from the changeset and a sum could
    // wrap.
    TRY(fill(reader, size));
    if (reader->size - reader->at < size)
        return corrupt_record("changeset ends inside a change");
    reader->at += size;
    return SQLITE_OK;
}

// SQLITE_CORRUPT at the end.
int reader_byte(Reader *reader, u8 *byte)
{
    ASSERT(byte != NULL);

    TRY(reader_skip(reader, 1));
    *byte = reader->bytes[reader->at - 1];
    return SQLITE_OK;
}

// One that is cut off, or runs over nine bytes, is no number.
int reader_varint(Reader *reader, u64 *value)
{
    ASSERT(value != NULL);

    // Nine bytes are the longest; fewer only at the end, where the checked reader stops in time.
    TRY(fill(reader, 9));
    const u8 *at = reader->bytes + reader->at;
    u32 size =
        reader->size > reader->at ? varint_get_checked(at, reader->bytes + reader->size, value) : 0;
    if (size == 0)
        return corrupt_record("changeset ends inside a number");
    reader->at += size;
    return SQLITE_OK;
}

// Byte by byte, since the end may lie in a piece to come.
int reader_skip_text(Reader *reader)
{
    ASSERT(reader->at <= reader->size);

    u8 byte;
    do {
        TRY(reader_byte(reader, &byte));
    } while (byte != 0);
    return SQLITE_OK;
}

// The one place that checks fields; everything behind it trusts their sizes.
int reader_skip_field(Reader *reader)
{
    ASSERT(reader->at <= reader->size);

    u8 type;
    u64 size;
    TRY(reader_byte(reader, &type));
    switch (type) {
    case FIELD_UNDEFINED:
    case FIELD_NULL: return SQLITE_OK;
    case FIELD_INTEGER:
    case FIELD_REAL: return reader_skip(reader, 8);
    case FIELD_TEXT:
    case FIELD_BLOB:
        TRY(reader_varint(reader, &size));
        // No value of SQLite's is longer, and field_size() adds in 32 bits.
        if (size > 0x7fffffff)
            return corrupt_record("size of a value in a changeset");
        return reader_skip(reader, (size_t)size);
    default: return corrupt_record("type of a value in a changeset");
    }
}
