// Broken promises: how they are reported, and the counters behind COVER().

#include "base/contract.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic bool damage_expected;

_Noreturn COLD void contract_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    fflush(stderr);
    abort();
}

bool contract_expect_damage(bool expect)
{
    return atomic_exchange(&damage_expected, expect);
}

bool contract_damage_expected(void)
{
    return atomic_load_explicit(&damage_expected, memory_order_relaxed);
}

// Names are string literals, so a slot keeps the pointer. The table is open-addressed and never
// shrinks; when it is full further names are not counted, which a test notices.
enum { COVER_SLOTS = 512 };
static struct {
    const char *_Atomic name;
    _Atomic u64 count;
} cover_slots[COVER_SLOTS];

static u32 cover_hash(const char *name)
{
    u32 hash = 2166136261u; // FNV-1a
    for (; *name; name++)
        hash = (hash ^ (u8)*name) * 16777619u;
    return hash;
}

void cover_hit(const char *name)
{
    u32 start = cover_hash(name);
    for (u32 i = 0; i < COVER_SLOTS; i++) {
        u32 slot = (start + i) % COVER_SLOTS;
        const char *owner = NULL;
        atomic_compare_exchange_strong(&cover_slots[slot].name, &owner, name);
        if (owner == NULL || strcmp(owner, name) == 0) {
            atomic_fetch_add_explicit(&cover_slots[slot].count, 1, memory_order_relaxed);
            return;
        }
    }
}

u64 cover_count(const char *name)
{
    u32 start = cover_hash(name);
    for (u32 i = 0; i < COVER_SLOTS; i++) {
        u32 slot = (start + i) % COVER_SLOTS;
        const char *owner = atomic_load(&cover_slots[slot].name);
        if (owner == NULL)
            return 0;
        if (strcmp(owner, name) == 0)
            return atomic_load(&cover_slots[slot].count);
    }
    return 0;
}
