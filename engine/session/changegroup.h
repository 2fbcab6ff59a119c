#ifndef QUIRE_SESSION_CHANGEGROUP_H
#define QUIRE_SESSION_CHANGEGROUP_H
// A changegroup: several changesets as one, at most one change per row (K1 of change_table.h).
//
// A group holds changesets or patchsets, never both: the first one added settles it. Without a
// schema (sqlite3changegroup_schema) two changesets must agree in a table's columns; with one, a
// changeset may be of an older version of the table, and lacks columns at the end.

#include "session/change_table.h"
#include "session/changeset_iter.h"
#include "session/output.h"
#include "session/session_shape.h"

typedef struct GroupTable {
    ChangeTable *changes;    // owned
    Buffer defaults;         // with a schema: a field per column, its default value
    struct GroupTable *next; // in order of appearance
} GroupTable;

// The change that sqlite3changegroup_change_begin() opened.
typedef struct ChangeDraft {
    GroupTable *table; // NULL: none is open
    u8 operation;
    bool is_indirect;
    Buffer *fields; // one per column of old, then of new; empty: not given
} ChangeDraft;

struct sqlite3_changegroup {
    bool is_patchset;
    bool has_kind; // is_patchset is settled
    GroupTable *tables;
    sqlite3 *db; // with a schema
    char *schema;
    ChangeDraft draft;
};

// NULL: no change of that table was added.
GroupTable *changegroup_find(const sqlite3_changegroup *group, const char *name);
// A table that the group does not have yet, at the end of the list.
MUST_USE int changegroup_add_table(sqlite3_changegroup *group, const char *name, int column_count,
                                   const u8 *key, GroupTable **out);
// The table of that name as the group's schema has it; SQLITE_SCHEMA: there is none.
MUST_USE int changegroup_table_of_schema(sqlite3_changegroup *group, const char *name,
                                         GroupTable **out);
// Adds one change, combining it with what is there for the row.
MUST_USE int changegroup_put(sqlite3_changegroup *group, GroupTable *table, u8 operation,
                             bool is_indirect, const Buffer *record);
void changegroup_draft_deinit(ChangeDraft *draft);

// What a change followed by another of the same row amounts to (changegroup_merge.c).
typedef struct ChangeInput {
    u8 operation;
    bool is_indirect;
    const u8 *record;
    u32 size;
} ChangeInput;
// `existing` may be NULL. *out is `existing` itself, a fresh change, or NULL: nothing is left.
MUST_USE int changegroup_merge(const ChangeTable *table, bool is_patchset, Change *existing,
                               const ChangeInput *next, Change **out);

#endif
