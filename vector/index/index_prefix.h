#ifndef QUIRE_VECTOR_INDEX_INDEX_PREFIX_H
#define QUIRE_VECTOR_INDEX_INDEX_PREFIX_H
// Prefix columns: columns of the table, such as a tenant's, whose values part the index. Rows with
// the same values are a group, each group has lists of its own, and a query that names the values
// visits no others. Groups are numbered from 1 in docs_vec_groups; without prefix columns there is
// one, of number 0, which is not written down.

#include "vector/index/vector_index.h"

// The values that a query asks for: copies, for the first column and so on; NULL: any.
typedef struct PrefixValues {
    sqlite3_value *values[PREFIX_MAX];
    u32 mask;     // which there are
    bool is_none; // no row can match: `column = NULL`
} PrefixValues;

// Takes a copy of the value that column `position` shall have.
MUST_USE int prefix_values_set(PrefixValues *prefix, u32 position, sqlite3_value *value,
                               bool is_null_equal);
void prefix_values_deinit(PrefixValues *prefix);

// Makes the statements on rows of these values (STORE_PREFIX_ROW and STORE_PREFIX_ROWS) ready, and
// finds the groups that have them, ascending. *groups: sqlite3_free.
MUST_USE int prefix_begin(Index *index, const PrefixValues *prefix, u32 **groups, size_t *count);

// The group of a row of the table, made where it is new; 0 where the table has no such row.
MUST_USE int prefix_group_of_row(Index *index, i64 rowid, u32 *group);
// Makes the groups of all rows anew. *group_count: the greatest number.
MUST_USE int prefix_fill_groups(Index *index, u32 *group_count);
MUST_USE int prefix_delete_group(Index *index, u32 group);

// The table of the groups, and the texts of the statements that need the columns (sqlite3_free).
MUST_USE int prefix_create_groups(Index *index);
char *prefix_sql(const Index *index, StoreStatement which);
// "old.v IS NOT new.v OR old.tenant IS NOT new.tenant", when an update matters; sqlite3_free.
char *prefix_change_sql(const IndexConfig *config);

#endif
