#ifndef QUIRE_BASE_HASHMAP_H
#define QUIRE_BASE_HASHMAP_H
// Maps from names (ASCII case ignored, as SQL identifiers are compared) and from integers to
// pointers.
//
// {0} is a valid empty map. Keys of NameMap are borrowed: they must outlive their entry. Iteration
// is in order of insertion.

#include "base/contract.h"

typedef struct NameEntry {
    const char *name; // NULL: removed
    void *value;
    u32 hash;
} NameEntry;
typedef struct NameMap {
    NameEntry *entries; // in order of insertion
    u32 *slots;         // open addressing, 1-based index into entries
    u32 count;          // live entries
    u32 entry_count;    // live and removed
    u32 slot_count;     // power of two or 0
    u32 capacity;
} NameMap;

void *name_map_find(const NameMap *map, const char *name); // NULL when absent
// Replaces and returns through *former what was there. SQLITE_NOMEM leaves the map as it was.
MUST_USE int name_map_put(NameMap *map, const char *name, void *value, void **former);
// The entry of that name, made without a value where there was none; NULL: no memory. The caller
// fills it in, or removes it again, and keeps it no longer than the map stays as it is.
NameEntry *name_map_claim(NameMap *map, const char *name);
void *name_map_remove(NameMap *map, const char *name);
// for (NameEntry *e = name_map_first(&m); e; e = name_map_next(&m, e))
NameEntry *name_map_first(const NameMap *map);
NameEntry *name_map_next(const NameMap *map, NameEntry *entry);
void name_map_deinit(NameMap *map);

typedef struct IntMap {
    u64 *keys;
    void **values; // NULL: free slot
    u32 count;
    u32 slot_count;
} IntMap;
void *int_map_find(const IntMap *map, u64 key);
MUST_USE int int_map_put(IntMap *map, u64 key, void *value); // value is not NULL
void *int_map_remove(IntMap *map, u64 key);
void int_map_deinit(IntMap *map);

u32 name_hash(const char *name);                // ASCII case ignored
bool name_equals(const char *a, const char *b); // ASCII case ignored; NULL equals only NULL
bool name_equals_n(const char *a, const char *b, size_t size);

#endif
