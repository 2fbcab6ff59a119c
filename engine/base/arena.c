// Arenas: a chain of chunks handed out from front to back.
//
//   chunk: | header | object | gap | object | gap | ... free ... |
//
// A chunk is twice as large as the one before it, up to 64 KiB; what does not fit gets a chunk of
// its own size. Under AddressSanitizer all that is not handed out is poisoned, with an 8-byte gap
// behind every object, so that an overrun is caught although the memory is one block.

#include "base/arena.h"

#include "base/alloc.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#    include <sanitizer/asan_interface.h>
#    define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#    define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
enum { ARENA_GAP = 8 };
#else
#    define POISON(p, n)   ((void)0)
#    define UNPOISON(p, n) ((void)0)
enum { ARENA_GAP = 0 };
#endif

enum {
    CHUNK_SIZE_MIN = 1024,
    CHUNK_SIZE_MAX = 64 * 1024,
};

struct ArenaChunk {
    ArenaChunk *older;
    size_t size; // of the whole block, this header included
};

static_assert(sizeof(ArenaChunk) % 8 == 0, "objects after the header stay aligned");

static void chunk_free(ArenaChunk *chunk)
{
    ASSERT(chunk->size >= sizeof *chunk);

    UNPOISON(chunk, chunk->size);
    mem_free(chunk);
}

static COLD void *arena_fail(Arena *arena)
{
    arena->failed = true;
    return NULL;
}

static bool is_split;

void arena_split(bool on)
{
    is_split = on;
}

static size_t chunk_size_for(const Arena *arena, size_t need)
{
    ASSERT(need <= SIZE_MAX - sizeof(ArenaChunk));

    size_t least = sizeof(ArenaChunk) + need;
    size_t size = arena->chunks ? arena->chunks->size * 2 : CHUNK_SIZE_MIN;
    if (size > CHUNK_SIZE_MAX)
        size = CHUNK_SIZE_MAX;
    return size < least || is_split ? least : size;
}

static COLD void *arena_alloc_slow(Arena *arena, size_t need, size_t rounded)
{
    ASSERT(need >= rounded);

    if (rounded > (size_t)1 << 31)
        return arena_fail(arena);
    size_t size = chunk_size_for(arena, need);
    ArenaChunk *chunk = mem_alloc(size);
    if (chunk == NULL)
        return arena_fail(arena);
    ASSERT(size - sizeof *chunk >= need);
    chunk->size = size;
    u8 *start = (u8 *)(chunk + 1);
    size_t room = size - sizeof *chunk;
    POISON(start, room);
    UNPOISON(start, rounded);
    arena->used += rounded;
    // A block of its own size goes behind the current chunk, whose free rest stays in use.
    if (arena->chunks != NULL && room - need < arena->left) {
        chunk->older = arena->chunks->older;
        arena->chunks->older = chunk;
        return start;
    }
    chunk->older = arena->chunks;
    arena->chunks = chunk;
    arena->next = start + need;
    arena->left = room - need;
    return start;
}

void *arena_alloc(Arena *arena, size_t size)
{
    ASSERT(arena->left == 0 || arena->chunks != NULL);

    if (UNLIKELY(arena->failed))
        return NULL;
    size_t rounded = (size + 7) & ~(size_t)7;
    size_t need = rounded + ARENA_GAP;
    if (UNLIKELY(need > arena->left || need < size))
        return need < size ? arena_fail(arena) : arena_alloc_slow(arena, need, rounded);
    u8 *object = arena->next;
    arena->next += need;
    arena->left -= need;
    arena->used += rounded;
    UNPOISON(object, rounded);
    return object;
}

void *arena_alloc_zeroed(Arena *arena, size_t size)
{
    void *object = arena_alloc(arena, size);
    if (object != NULL)
        memset(object, 0, size);
    return object;
}

void *arena_array(Arena *arena, size_t count, size_t item_size)
{
    ASSERT(item_size > 0);

    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        return arena_fail(arena);
    return arena_alloc_zeroed(arena, size);
}

char *arena_dup(Arena *arena, const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    char *copy = arena_alloc(arena, size + 1);
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

char *arena_keep(Arena *arena, const Buffer *buf)
{
    ASSERT(arena != NULL);
    if (buf->rc == SQLITE_OK)
        return arena_dup(arena, buf->size > 0 ? buf->bytes : "", buf->size);
    arena->failed = true;
    return NULL;
}

char *arena_printf(Arena *arena, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    char brief[128]; // most texts are short: then one pass is enough
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(brief, sizeof brief, fmt, args);
    va_end(args);
    if (size < 0)
        return arena_fail(arena);
    if ((size_t)size < sizeof brief)
        return arena_dup(arena, brief, (size_t)size);

    char *text = arena_alloc(arena, (size_t)size + 1);
    if (text == NULL)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)size + 1, fmt, args);
    va_end(args);
    return text;
}

void arena_reset(Arena *arena)
{
    ArenaChunk *kept = arena->chunks;
    if (kept == NULL) {
        arena->failed = false;
        return;
    }
    while (kept->older != NULL) {
        ArenaChunk *older = kept->older;
        kept->older = older->older;
        chunk_free(older);
    }
    arena->next = (u8 *)(kept + 1);
    arena->left = kept->size - sizeof *kept;
    arena->used = 0;
    arena->failed = false;
    POISON(arena->next, arena->left);
}

void arena_deinit(Arena *arena)
{
    ArenaChunk *chunk = arena->chunks;
    while (chunk != NULL) {
        ArenaChunk *older = chunk->older;
        chunk_free(chunk);
        chunk = older;
    }
    *arena = (Arena){0};
}

void arena_absorb(Arena *target, Arena *source)
{
    ASSERT(target != source);

    if (source->chunks != NULL && target->chunks != NULL) {
        ArenaChunk *last = source->chunks;
        while (last->older != NULL)
            last = last->older;
        last->older = target->chunks->older;
        target->chunks->older = source->chunks;
        target->used += source->used;
        target->failed |= source->failed;
    } else if (source->chunks != NULL) {
        bool failed = target->failed;
        *target = *source;
        target->failed |= failed;
    } else {
        target->failed |= source->failed;
    }
    *source = (Arena){0};
}
