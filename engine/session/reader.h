#ifndef QUIRE_SESSION_READER_H
#define QUIRE_SESSION_READER_H
// Reads the bytes of a changeset from memory or from a function that gives them in pieces.
//
// The bytes come from outside: whatever runs over their end, or is no field, is SQLITE_CORRUPT; a
// callback's own error is passed on. What was read since the last reader_discard() stays in place
// behind `at`, but may move when more is read: remember offsets, not pointers.

#include "base/buffer.h"

// The public interface's: fills `data` with up to *size bytes and says how many; 0 at the end.
typedef int InputCallback(void *arg, void *data, int *size);
typedef struct Reader {
    const u8 *bytes;
    size_t size; // at hand
    size_t at;   // next to be read
    Buffer held; // the bytes, if they come from a callback
    InputCallback *callback;
    void *arg;
    bool is_at_end; // the callback has no more
} Reader;

// Borrows the bytes.
void reader_of_memory(Reader *reader, const void *bytes, size_t size);
void reader_of_callback(Reader *reader, InputCallback *callback, void *arg);
void reader_deinit(Reader *reader);

void reader_discard(Reader *reader); // forgets what was read; `at` becomes 0 with a callback
// May ask the callback.
MUST_USE int reader_is_done(Reader *reader, bool *is_done);
MUST_USE int reader_byte(Reader *reader, u8 *byte);
MUST_USE int reader_varint(Reader *reader, u64 *value);
// SQLITE_CORRUPT when fewer are left; so do the ones below.
MUST_USE int reader_skip(Reader *reader, size_t size);
MUST_USE int reader_skip_text(Reader *reader);  // past a terminating zero
MUST_USE int reader_skip_field(Reader *reader); // checks that it is one

#endif
