#ifndef QUIRE_VM_HASH_TABLE_H
#define QUIRE_VM_HASH_TABLE_H
// Hash tables in memory: the groups of a hash aggregation, and sets.
//
// An entry is a key of some values, kept in 16 bytes each; text and blobs are copied beside them.
// Keys are equal when value_compare() under the shape's collations says so, which the hash respects
// (key_hash.h).
//
// Groups have accumulators: registers that are moved in and out when the group changes. They are
// bounded in memory: a full table refuses new ones, and whoever fills it puts their rows elsewhere.
// A set, that is groups without accumulators, goes on in a temporary index.

#include "value/compare.h"

typedef struct HashTable HashTable;

// shape NULL: BINARY throughout. A reference is taken.
MUST_USE int hash_new(sqlite3 *db, KeyShape *shape, u32 key_count, u32 payload_count,
                      HashTable **out);
void hash_free(HashTable *h); // NULL is legal
void hash_reset(
    HashTable *h); // empty and open; aggregates' states are given back to their functions

enum { HASH_SORTED = 1 };
// Stands on the first of all entries, in order of insertion or of their keys.
MUST_USE int hash_rewind(HashTable *h, u32 flags, bool *empty);
bool hash_step(HashTable *h); // false past the end

typedef enum HashGroupResult { GROUP_IS_NEW, GROUP_IS_KNOWN, GROUP_IS_REFUSED } HashGroupResult;
// Makes the group of `key` current. `accumulators`: payload_count registers that hold the current
// group's state; they are moved into it and those of the wanted group out of it. If the group would
// be new and the table is full, nothing changes.
MUST_USE int hash_group(HashTable *h, const Value *key, Value *accumulators, HashGroupResult *out);
bool hash_has_refused(const HashTable *h); // some group, since it was last empty
// A full table may close when few rows find their group in it: hash_group() is not worth its time
// then. The caller asks, and looks up groups no more but for those it knows to be there.
typedef enum HashDoor { HASH_OPEN, HASH_CLOSING, HASH_CLOSED } HashDoor;
void hash_allow_closing(HashTable *h);
HashDoor hash_door(const HashTable *h); // HASH_CLOSING until hash_closed() is called
void hash_closed(HashTable *h);
// Puts the registers away into the current group, if any.
void hash_group_store(HashTable *h, Value *accumulators);
void hash_set_memory_max(HashTable *h, u64 bytes); // of groups or a set, instead of the default
// Moves the accumulators of the entry stood on into the registers.
void hash_group_load(HashTable *h, Value *accumulators);

// A key value of the entry stood on. Borrowed until the table moves.
const Value *hash_value(HashTable *h, u32 field);
u64 hash_count(const HashTable *h); // entries, those of the temporary index aside

#endif
