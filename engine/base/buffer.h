#ifndef QUIRE_BASE_BUFFER_H
#define QUIRE_BASE_BUFFER_H
// A growing byte string. Errors stick: after the first failure every call is a no-op and `rc` tells
// (SQLITE_NOMEM, or SQLITE_TOOBIG when it would pass size_max).
//
// {0} is a valid empty buffer without a limit of its own. `bytes` is not NUL-terminated until
// buffer_text() or buffer_take() is called.
//
// buffer_fixed() makes one that lives in memory of the caller's and never allocates. It keeps what
// fits; what does not is only counted (`dropped`), so that with no memory at all it measures.

#include "base/contract.h"
#include <stdarg.h>
#include <string.h>

typedef struct Buffer {
    char *bytes;
    size_t size;
    size_t capacity;
    size_t size_max; // 0: SQLite's largest string, 1,000,000,000 bytes
    size_t dropped;  // bytes there was no room for
    int rc;
    bool is_fixed;
} Buffer;

// Room for capacity - 1 bytes and a NUL. It need not be deinitialised, nor may it be taken.
static inline Buffer buffer_fixed(char *bytes, size_t capacity)
{
    return (Buffer){.bytes = bytes, .capacity = capacity, .is_fixed = true};
}
// Makes room for `size` more bytes and a NUL; false: failed, or fixed.
bool buffer_grow(Buffer *buf, size_t size);
// What buffer_add() does when there is no room.
void buffer_add_part(Buffer *buf, const void *bytes, size_t size);
// The capacity never passes the limit, so one question asks for both.
static inline bool buffer_has_room(Buffer *buf, size_t size)
{
    return LIKELY(size < buf->capacity - buf->size) || buffer_grow(buf, size);
}
static inline void buffer_add(Buffer *buf, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    if (UNLIKELY(!buffer_has_room(buf, size))) {
        buffer_add_part(buf, bytes, size);
        return;
    }
    memcpy(buf->bytes + buf->size, bytes, size);
    buf->size += size;
}
static inline void buffer_add_char(Buffer *buf, char c)
{
    if (buffer_has_room(buf, 1))
        buf->bytes[buf->size++] = c;
    else
        buf->dropped++;
}
void buffer_add_text(Buffer *buf, const char *text);
void buffer_add_repeated(Buffer *buf, char c, size_t count);
// Formats with libc's printf rules; SQLite's own formats (%q %Q %w) live in func/printf.
void buffer_printf(Buffer *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buffer_vprintf(Buffer *buf, const char *fmt, va_list args);
// Room for `size` more bytes to write into, or NULL. buffer_grew() then says how many were written.
char *buffer_reserve(Buffer *buf, size_t size);
void buffer_grew(Buffer *buf, size_t size);
void buffer_truncate(Buffer *buf, size_t size);
// NUL-terminated content, borrowed until the next change; "" when empty or failed.
const char *buffer_text(Buffer *buf);
// Moves the NUL-terminated content out (free with mem_free); NULL if failed. Leaves {0}.
MUST_USE char *buffer_take(Buffer *buf);
void buffer_clear(Buffer *buf); // empty and ready again, memory kept
void buffer_deinit(Buffer *buf);

#endif
