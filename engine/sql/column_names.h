#ifndef QUIRE_SQL_COLUMN_NAMES_H
#define QUIRE_SQL_COLUMN_NAMES_H
// Distinct names for the columns of a subquery, a view or CREATE TABLE ... AS.
//
// A name that is there already becomes name:1, name:2 and so on. After a few of them come large
// numbers that look drawn by lot, as in SQLite, so that thousands of equal names take no longer
// than different ones; here they are the same ones each time.

#include "base/arena.h"
#include "base/hashmap.h"

typedef struct ColumnNames {
    Arena *arena; // of the names made
    NameMap taken;
    u32 drawn; // the last large number
} ColumnNames; // all zero but for the arena: no names yet

// `wanted`, which has to outlive the set, or what becomes of it: then text in the arena. The set
// remembers what it gave out, so that the next equal name gets another number. NULL: out of memory.
const char *column_names_add(ColumnNames *names, const char *wanted);
void column_names_deinit(ColumnNames *names);

#endif
