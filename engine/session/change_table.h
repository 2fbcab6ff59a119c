#ifndef QUIRE_SESSION_CHANGE_TABLE_H
#define QUIRE_SESSION_CHANGE_TABLE_H
// The changes of one table, found by primary key: what sessions, changegroups and rebasers gather.
//
// A changeset says nothing of the order of a table's changes, but two libraries that record the
// same work should give the same bytes. So number of buckets, hash and place in the bucket are
// those of SQLite: 256 buckets, doubled when half as many changes are held; newest first in a
// bucket; written out bucket by bucket. A rowid that is a key of its own is hashed without its
// type when its change is added, and with it when buckets are doubled.
//
//    K1  At most one change for a key.
//    K2  A record has as many fields as the table has columns, or the key's alone (is_key_only).
//    K3  change_table_reserve() precedes find and add, which then cannot fail.

#include "session/changeset_field.h"

// One change of one row; freed by change_free().
typedef struct Change {
    struct Change *next; // in its bucket
    u8 operation;        // SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE
    bool is_indirect;
    bool is_key_only; // `record` has fields of the key's columns only (DELETE of a patchset)
    u32 size;
    u64 size_max; // bytes it may take in a changeset, for sqlite3session_changeset_size()
    u8 *record;   // in the same block, behind the struct
} Change;

typedef struct ChangeTable {
    struct ChangeTable *next;
    char *name;
    int column_count;   // 0: not known yet
    u8 *key;            // per column: its place in the primary key from 1, 0 if it is not in it
    bool has_rowid_key; // its first column is a rowid that the table does not declare
    Change **buckets;
    u32 bucket_count;
    u32 change_count;
    u64 memory; // bytes of the changes
} ChangeTable;

// No columns yet: they are known when the table is first looked at. SQLITE_NOMEM.
MUST_USE int change_table_new(const char *name, ChangeTable **out);
void change_table_free(ChangeTable *table); // this one, not the next
// Copies `key`. Also when columns were added: the first ones must stay what they are.
MUST_USE int change_table_set_key(ChangeTable *table, int column_count, const u8 *key);
int change_table_key_size(const ChangeTable *table); // columns in the key

// Makes sure that one more change has its place; call before change_table_find().
MUST_USE int change_table_reserve(ChangeTable *table);
// The link that points to the change with this record's key, NULL: none. Buckets must be reserved.
Change **change_table_find(ChangeTable *table, const u8 *record, bool is_key_only);
// In the bucket of `record`'s key, which is equal to the change's own (1 and 1.0 are).
void change_table_add(ChangeTable *table, Change *change, const u8 *record, bool is_key_only);
Change *change_table_unlink(ChangeTable *table, Change **link);

// A change with its own copy of the record. NULL: out of memory.
Change *change_new(u8 operation, bool is_indirect, const void *record, u32 size);
void change_free(Change *change);

// 'T' or 'P', column count, key, name: what precedes a table's changes.
void change_table_write_header(const ChangeTable *table, bool is_patchset, Buffer *out);
// Appends the fields of the record's key alone: what a patchset has of a DELETE.
void change_table_write_key(const ChangeTable *table, const u8 *record, Buffer *out);
// Calls `visit` for each change in the order of output until it fails.
MUST_USE int change_table_each(const ChangeTable *table, int (*visit)(void *arg, Change *change),
                               void *arg);

#endif
