#ifndef QUIRE_VM_KEY_TREE_H
#define QUIRE_VM_KEY_TREE_H
// A set of keys in a temporary index, for sets that outgrow their hash table: what does not fit in
// the index's page cache goes to a temporary file.

#include "value/compare.h"

typedef struct KeyTree KeyTree;

// shape NULL: BINARY throughout. A reference is taken.
MUST_USE int key_tree_new(sqlite3 *db, KeyShape *shape, u32 key_count, KeyTree **out);
void key_tree_free(KeyTree *tree); // NULL is legal
// Adds the key unless an equal one is there. The values stay as they are, but for scratch fields.
MUST_USE int key_tree_add(KeyTree *tree, const Value *key, bool *existed);

#endif
