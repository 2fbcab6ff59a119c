// Growing byte strings with a sticky error.

#include "base/buffer.h"

#include "base/alloc.h"
#include <stdio.h>
#include <string.h>

enum { BUFFER_SIZE_MAX = 1000000000, BUFFER_CAPACITY_MIN = 64 };

static size_t buffer_limit(const Buffer *buf)
{
    ASSERT(buf->size_max < SIZE_MAX);

    return buf->size_max ? buf->size_max : BUFFER_SIZE_MAX;
}

// Once failed, a buffer holds nothing.
static COLD void buffer_fail(Buffer *buf, int rc)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(!buf->is_fixed);

    mem_free(buf->bytes);
    *buf = (Buffer){.size_max = buf->size_max, .rc = rc};
}

COLD bool buffer_grow(Buffer *buf, size_t size)
{
    ASSERT(buf->size <= buf->capacity);

    if (buf->rc != SQLITE_OK || buf->is_fixed)
        return false;
    if (size > buffer_limit(buf) - buf->size) {
        buffer_fail(buf, SQLITE_TOOBIG);
        return false;
    }
    size_t wanted = buf->size + size + 1;
    size_t capacity = buf->capacity + buf->capacity / 2;
    if (capacity < wanted)
        capacity = wanted;
    if (capacity < BUFFER_CAPACITY_MIN)
        capacity = BUFFER_CAPACITY_MIN;
    if (capacity > buffer_limit(buf) + 1)
        capacity = buffer_limit(buf) + 1;
    char *moved = mem_realloc(buf->bytes, capacity);
    if (moved == NULL) {
        buffer_fail(buf, SQLITE_NOMEM);
        return false;
    }
    ASSERT(capacity >= wanted);
    buf->bytes = moved;
    buf->capacity = capacity;
    return true;
}

// How much of `size` bytes goes in: all, or what a fixed buffer has left. Fills it to the brim, so
// that nothing shorter gets in behind what was cut.
static size_t take_room(Buffer *buf, size_t size)
{
    ASSERT(size > 0);

    if (buffer_has_room(buf, size))
        return size;
    size_t room = buf->is_fixed && buf->capacity > 0 ? buf->capacity - 1 - buf->size : 0;
    ASSERT(room < size);
    buf->dropped += size - room;
    return room;
}

COLD void buffer_add_part(Buffer *buf, const void *bytes, size_t size)
{
    ASSERT(bytes != NULL);

    size_t part = take_room(buf, size);
    if (part > 0)
        memcpy(buf->bytes + buf->size, bytes, part);
    buf->size += part;
}

void buffer_add_text(Buffer *buf, const char *text)
{
    ASSERT(text != NULL);

    buffer_add(buf, text, strlen(text));
}

void buffer_add_repeated(Buffer *buf, char c, size_t count)
{
    ASSERT(buf->rc == SQLITE_OK || buf->bytes == NULL);

    size_t part = count > 0 ? take_room(buf, count) : 0;
    if (part > 0)
        memset(buf->bytes + buf->size, c, part);
    buf->size += part;
}

void buffer_printf(Buffer *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buffer_vprintf(buf, fmt, args);
    va_end(args);
}

void buffer_vprintf(Buffer *buf, const char *fmt, va_list args)
{
    ASSERT(fmt != NULL);
    ASSERT(!buf->is_fixed);

    va_list again;
    va_copy(again, args);
    size_t room = buf->capacity > buf->size ? buf->capacity - buf->size : 0;
    int size = vsnprintf(room ? buf->bytes + buf->size : NULL, room, fmt, args);
    if (size > 0 && (size_t)size < room && buffer_has_room(buf, (size_t)size)) {
        buf->size += (size_t)size;
    } else if (size > 0 && buffer_has_room(buf, (size_t)size)) {
        vsnprintf(buf->bytes + buf->size, (size_t)size + 1, fmt, again);
        buf->size += (size_t)size;
    }
    va_end(again);
}

char *buffer_reserve(Buffer *buf, size_t size)
{
    return buffer_has_room(buf, size) ? buf->bytes + buf->size : NULL;
}

void buffer_grew(Buffer *buf, size_t size)
{
    ASSERT(buf->rc == SQLITE_OK);
    ASSERT(buf->size + size < buf->capacity || size == 0);

    buf->size += size;
}

void buffer_truncate(Buffer *buf, size_t size)
{
    ASSERT(size <= buf->size || buf->rc != SQLITE_OK);

    if (size < buf->size)
        buf->size = size;
}

const char *buffer_text(Buffer *buf)
{
    if (buf->bytes == NULL)
        return "";
    ASSERT(buf->size < buf->capacity);

    buf->bytes[buf->size] = 0;
    return buf->bytes;
}

char *buffer_take(Buffer *buf)
{
    ASSERT(!buf->is_fixed);

    if (buf->rc == SQLITE_OK && buf->bytes == NULL && !buffer_grow(buf, 0))
        return NULL;
    if (buf->rc != SQLITE_OK)
        return NULL;
    buffer_text(buf);
    char *text = buf->bytes;
    *buf = (Buffer){0};
    return text;
}

void buffer_clear(Buffer *buf)
{
    buf->size = 0;
    buf->dropped = 0;
    buf->rc = SQLITE_OK;
}

void buffer_deinit(Buffer *buf)
{
    ASSERT(buf->size <= buf->capacity);

    if (!buf->is_fixed)
        mem_free(buf->bytes);
    *buf = (Buffer){0};
}
