#ifndef QUIRE_VM_JOIN_TABLE_H
#define QUIRE_VM_JOIN_TABLE_H
// The built side of a hash join: rows found by the values of their first columns.
//
// A row is kept as a record, a few bytes beside its values, so that a table takes little more than
// the rows themselves. It grows without limit: what it holds is in memory.
//
// Rows with equal keys are met in the order they were inserted. Equal are keys of which
// value_compare() under the shape's collations says so; a NULL equals nothing, and a row with one
// in its key is not kept.

#include "value/compare.h"

typedef struct JoinTable JoinTable;

// shape NULL: BINARY throughout. A reference is taken.
MUST_USE int join_table_new(sqlite3 *db, KeyShape *shape, u32 key_count, u32 column_count,
                            JoinTable **out);
void join_table_free(JoinTable *table);  // NULL is legal
void join_table_reset(JoinTable *table); // without rows; its memory is given back
// Copies column_count values, the key's first. SQLITE_NOMEM; SQLITE_TOOBIG for a row of 2 GB. Rows
// may still be added after a probe, which then costs a new set of buckets.
MUST_USE int join_table_insert(JoinTable *table, const Value *row);
// Stands on the first row with that key.
MUST_USE int join_table_probe(JoinTable *table, const Value *key, bool *found);
// The next one with the same key, after a probe or a next that found one.
MUST_USE int join_table_next(JoinTable *table, bool *found);
// Column of the row stood on, borrowed until the table is freed or reset.
MUST_USE int join_table_value(JoinTable *table, u32 column, Value *out);
u64 join_table_memory(const JoinTable *table); // bytes

#endif
