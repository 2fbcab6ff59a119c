// Maps from names and from integers to pointers, open addressing with linear probing.
//
// A NameMap keeps its entries in an array in order of insertion, which is the order of iteration;
// the slots hold places in it. An entry that goes leaves a hole in both, so that walks go on, until
// the next rebuild. At most three slots of four are taken: every search meets a free one.

#include "base/hashmap.h"

#include "base/alloc.h"
#include "base/utf.h"
#include "base/vec.h"
#include <string.h>

enum { SLOTS_MIN = 16, SLOT_REMOVED = UINT32_MAX };

u32 name_hash(const char *name)
{
    ASSERT(name != NULL);

    u32 hash = 2166136261u; // FNV-1a over lower-case letters
    for (; *name; name++)
        hash = (hash ^ ascii_lower((u8)*name)) * 16777619u;
    return hash;
}

bool name_equals(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    while (*a && ascii_lower((u8)*a) == ascii_lower((u8)*b)) {
        a++;
        b++;
    }
    return ascii_lower((u8)*a) == ascii_lower((u8)*b);
}

bool name_equals_n(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (ascii_lower((u8)a[i]) != ascii_lower((u8)b[i]))
            return false;
        if (a[i] == 0)
            return true;
    }
    return true;
}

// --- names ---

// The slot that holds `name`, or UINT32_MAX.
static u32 name_map_slot(const NameMap *map, const char *name, u32 hash)
{
    ASSERT(name != NULL);

    if (map->slot_count == 0)
        return UINT32_MAX;
    u32 mask = map->slot_count - 1;
    for (u32 slot = hash & mask; map->slots[slot] != 0; slot = (slot + 1) & mask) {
        if (map->slots[slot] == SLOT_REMOVED)
            continue;
        const NameEntry *entry = &map->entries[map->slots[slot] - 1];
        if (entry->hash == hash && name_equals(entry->name, name))
            return slot;
    }
    return UINT32_MAX;
}

void *name_map_find(const NameMap *map, const char *name)
{
    ASSERT(name != NULL);

    if (map->count == 0)
        return NULL;
    u32 slot = name_map_slot(map, name, name_hash(name));
    return slot == UINT32_MAX ? NULL : map->entries[map->slots[slot] - 1].value;
}

static void name_map_link(NameMap *map, u32 index)
{
    ASSERT(index < map->entry_count + 1);

    u32 mask = map->slot_count - 1;
    u32 slot = map->entries[index].hash & mask;
    while (map->slots[slot] != 0)
        slot = (slot + 1) & mask;
    map->slots[slot] = index + 1;
}

// Drops removed entries and rebuilds the slots for `wanted` live ones.
static int name_map_rebuild(NameMap *map, u32 wanted)
{
    ASSERT(wanted >= map->count);

    u32 slot_count = SLOTS_MIN;
    while (slot_count < wanted * 2)
        slot_count *= 2;
    u32 *slots = mem_alloc_zeroed((u64)slot_count * sizeof *slots);
    if (slots == NULL)
        return SQLITE_NOMEM;
    mem_free(map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    u32 kept = 0;
    for (u32 i = 0; i < map->entry_count; i++) {
        if (map->entries[i].name != NULL)
            map->entries[kept++] = map->entries[i];
    }
    map->entry_count = kept;
    for (u32 i = 0; i < kept; i++)
        name_map_link(map, i);
    ASSERT(map->entry_count == map->count);
    return SQLITE_OK;
}

// Room for one more entry and its slot.
static int name_map_reserve(NameMap *map)
{
    ASSERT(map->entry_count >= map->count);

    TRY(vec_reserve(&map->entries, &map->capacity, map->entry_count + 1, sizeof *map->entries));
    // Removed entries count here because their slots are not free until a rebuild.
    if ((map->entry_count + 1) * 4 > map->slot_count * 3)
        TRY(name_map_rebuild(map, map->count + 1));
    ASSERT(map->entry_count < map->capacity);
    return SQLITE_OK;
}

NameEntry *name_map_claim(NameMap *map, const char *name)
{
    ASSERT(name != NULL);

    u32 hash = name_hash(name);
    u32 slot = name_map_slot(map, name, hash);
    if (slot != UINT32_MAX)
        return &map->entries[map->slots[slot] - 1];
    if (name_map_reserve(map) != SQLITE_OK)
        return NULL;
    NameEntry *entry = &map->entries[map->entry_count];
    *entry = (NameEntry){name, NULL, hash};
    name_map_link(map, map->entry_count++);
    map->count++;
    return entry;
}

int name_map_put(NameMap *map, const char *name, void *value, void **former)
{
    ASSERT(name != NULL);

    NameEntry *entry = name_map_claim(map, name);
    if (entry == NULL)
        return SQLITE_NOMEM;
    if (former != NULL)
        *former = entry->value;
    entry->name = name;
    entry->value = value;
    return SQLITE_OK;
}

void *name_map_remove(NameMap *map, const char *name)
{
    ASSERT(name != NULL);

    u32 slot = map->count ? name_map_slot(map, name, name_hash(name)) : UINT32_MAX;
    if (slot == UINT32_MAX)
        return NULL;
    NameEntry *entry = &map->entries[map->slots[slot] - 1];
    void *value = entry->value;
    *entry = (NameEntry){0};
    map->slots[slot] = SLOT_REMOVED;
    map->count--;
    return value;
}

NameEntry *name_map_first(const NameMap *map)
{
    return map->entries ? name_map_next(map, map->entries - 1) : NULL;
}

NameEntry *name_map_next(const NameMap *map, NameEntry *entry)
{
    ASSERT(entry + 1 >= map->entries);

    for (entry++; entry < map->entries + map->entry_count; entry++) {
        if (entry->name != NULL)
            return entry;
    }
    return NULL;
}

void name_map_deinit(NameMap *map)
{
    mem_free(map->entries);
    mem_free(map->slots);
    *map = (NameMap){0};
}

// --- integers ---

static u32 int_hash(u64 key)
{
    return (u32)((key * 0x9e3779b97f4a7c15u) >> 32); // Fibonacci hashing
}

void *int_map_find(const IntMap *map, u64 key)
{
    if (map->count == 0)
        return NULL;
    u32 mask = map->slot_count - 1;
    for (u32 slot = int_hash(key) & mask; map->values[slot] != NULL; slot = (slot + 1) & mask) {
        if (map->keys[slot] == key)
            return map->values[slot];
    }
    return NULL;
}

static void int_map_store(IntMap *map, u64 key, void *value)
{
    ASSERT(map->slot_count > map->count);

    u32 mask = map->slot_count - 1;
    u32 slot = int_hash(key) & mask;
    while (map->values[slot] != NULL && map->keys[slot] != key)
        slot = (slot + 1) & mask;
    map->count += map->values[slot] == NULL;
    map->keys[slot] = key;
    map->values[slot] = value;
}

static int int_map_grow(IntMap *map)
{
    ASSERT((map->slot_count & (map->slot_count - 1)) == 0);

    IntMap grown = {.slot_count = map->slot_count ? map->slot_count * 2 : SLOTS_MIN};
    grown.keys = mem_alloc((u64)grown.slot_count * sizeof *grown.keys);
    grown.values = mem_alloc_zeroed((u64)grown.slot_count * sizeof *grown.values);
    if (grown.keys == NULL || grown.values == NULL) {
        int_map_deinit(&grown);
        return SQLITE_NOMEM;
    }
    for (u32 slot = 0; slot < map->slot_count; slot++) {
        if (map->values[slot] != NULL)
            int_map_store(&grown, map->keys[slot], map->values[slot]);
    }
    int_map_deinit(map);
    *map = grown;
    return SQLITE_OK;
}

int int_map_put(IntMap *map, u64 key, void *value)
{
    ASSERT(value != NULL);

    if ((map->count + 1) * 4 > map->slot_count * 3)
        TRY(int_map_grow(map));
    ASSERT((map->count + 1) * 4 <= map->slot_count * 3);
    int_map_store(map, key, value);
    return SQLITE_OK;
}

// Closes the gap by moving later keys of the same run up, so that no tombstones are needed.
void *int_map_remove(IntMap *map, u64 key)
{
    if (map->count == 0)
        return NULL;
    u32 mask = map->slot_count - 1;
    u32 hole = int_hash(key) & mask;
    while (map->values[hole] != NULL && map->keys[hole] != key)
        hole = (hole + 1) & mask;
    void *value = map->values[hole];
    if (value == NULL)
        return NULL;
    for (u32 slot = (hole + 1) & mask; map->values[slot] != NULL; slot = (slot + 1) & mask) {
        u32 home = int_hash(map->keys[slot]) & mask;
        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue; // it would move before its home
        map->keys[hole] = map->keys[slot];
        map->values[hole] = map->values[slot];
        hole = slot;
    }
    map->values[hole] = NULL;
    map->count--;
    return value;
}

void int_map_deinit(IntMap *map)
{
    mem_free(map->keys);
    mem_free(map->values);
    *map = (IntMap){0};
}
