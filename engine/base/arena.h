#ifndef QUIRE_BASE_ARENA_H
#define QUIRE_BASE_ARENA_H
// Memory that dies together: the AST and plan of a statement being prepared, a program, a row's
// temporaries.
//
// {0} is a valid empty arena. Allocations are 8-byte aligned and never move. After the first
// failure `failed` stays set and every further call returns NULL, so that builders ask once at the
// end.

#include "base/buffer.h"

typedef struct ArenaChunk ArenaChunk;
typedef struct Arena {
    ArenaChunk *chunks; // newest first
    u8 *next;
    size_t left;
    size_t used; // bytes handed out
    bool failed;
} Arena;

void *arena_alloc(Arena *arena, size_t size); // uninitialised
void *arena_alloc_zeroed(Arena *arena, size_t size);
void *arena_array(Arena *arena, size_t count, size_t item_size); // zeroed, overflow-checked
char *arena_dup(Arena *arena, const char *text, size_t size);    // adds a NUL
// The content of a buffer; one that has failed makes the arena fail.
char *arena_keep(Arena *arena, const Buffer *buf);
char *arena_printf(Arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_reset(Arena *arena);  // empties it, keeping one chunk for reuse; clears `failed`
void arena_deinit(Arena *arena); // gives everything back
// Moves everything `source` holds into `target`; source is left empty.
void arena_absorb(Arena *target, Arena *source);
// For tests: gives every object a chunk of its own, so that alloc_fault_arm() reaches each of them
// and not only those that happen to need a new chunk.
void arena_split(bool on);

#endif
