#ifndef QUIRE_TESTS_SUPPORT_TREE_FIXTURE_H
#define QUIRE_TESTS_SUPPORT_TREE_FIXTURE_H
// Trees for tests: a database in memory or in a file, one tree, entries made from numbers.
//
// Entry n of a table tree has rowid n; entry n of an index tree is the record (text, n) where the
// text is n with leading zeroes, so that entries sort as their numbers. Both carry `size` bytes of
// filler made from n.

#include "base/prng.h"
#include "btree/btree.h"

typedef struct TreeFixture {
    Btree *bt;
    Cursor *cur;
    KeyShape *shape; // NULL for tables
    Pgno root;
    u8 *record; // scratch
    u32 record_capacity;
} TreeFixture;

typedef struct TreeOptions {
    u32 page_size; // 0: 4096
    int reserved;
    int auto_vacuum;
    bool is_index;
    const char *path; // NULL: in memory
} TreeOptions;

// Opens the database, begins to write, makes the tree, opens a writable cursor.
void tree_open(TreeFixture *f, const TreeOptions *options);
void tree_close(TreeFixture *f);

// What tree_put() inserts; borrowed from the fixture until its next call.
void tree_payload(TreeFixture *f, i64 n, u32 size, Payload *payload);
int tree_put(TreeFixture *f, i64 n, u32 size);
int tree_put_flags(TreeFixture *f, i64 n, u32 size, u32 flags);
// *order as of a seek.
int tree_seek(TreeFixture *f, Cursor *cur, i64 n, int *order);
// The number of the entry stood on, after comparing its whole payload with what was put.
i64 tree_read(TreeFixture *f, Cursor *cur, u32 *size);
// Adds the tree's row to sqlite_schema.
void tree_name_in_schema(TreeFixture *f, const char *name, const char *sql);
// Fails the test unless the whole database is sound.
void tree_check(TreeFixture *f);

#endif
