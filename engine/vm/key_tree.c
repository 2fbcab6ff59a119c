// Sets of keys that may be larger than memory: see key_tree.h.
#include "vm/key_tree.h"
#include "base/error.h"
#include "btree/btree.h"
#include "catalog/connection.h"
#include "value/record.h"

struct KeyTree {
    Btree *btree;
    Cursor *cursor;
    KeyShape *shape;
    u32 key_count;
    Buffer record;
    Value *values; // borrowing from the key at hand
};

// The whole tree is one write transaction that is never committed: it dies with the file.
static int tree_open(KeyTree *tree, sqlite3 *db)
{
    ASSERT(tree->shape != NULL);

    Pgno root;
    int open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                     | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TRANSIENT_DB;
    TRY(btree_open(db->vfs, NULL, db, BTREE_TEMPORARY | BTREE_SINGLE | BTREE_UNORDERED, open_flags,
                   &tree->btree));
    TRY(btree_begin(tree->btree, BTREE_WRITE, NULL));
    TRY(btree_create_tree(tree->btree, TREE_INDEX, &root));
    return cursor_open(tree->btree, root, true, tree->shape, &tree->cursor);
}

int key_tree_new(sqlite3 *db, KeyShape *shape, u32 key_count, KeyTree **out)
{
    ASSERT(key_count > 0);
    ASSERT(shape == NULL || shape->key_count >= key_count);

    KeyTree *tree = mem_alloc_zeroed(sizeof *tree);
    if (tree == NULL)
        return SQLITE_NOMEM;
    tree->key_count = key_count;
    tree->shape = shape != NULL ? key_shape_ref(shape)
                                : key_shape_new(db, db->encoding, (u16)key_count, (u16)key_count);
    tree->values = mem_alloc_zeroed(key_count * sizeof *tree->values);
    int rc = SQLITE_NOMEM;
    if (tree->shape != NULL && tree->values != NULL)
        rc = tree_open(tree, db);
    if (rc != SQLITE_OK) {
        key_tree_free(tree);
        return rc;
    }
    *out = tree;
    return SQLITE_OK;
}

void key_tree_free(KeyTree *tree)
{
    if (tree == NULL)
        return;
    cursor_close(tree->cursor);
    if (tree->btree != NULL)
        (void)btree_close(tree->btree);
    key_shape_unref(tree->shape);
    buffer_deinit(&tree->record);
    mem_free(tree->values);
    mem_free(tree);
}

// The key as a record in tree->record, which grows to the longest and is used again.
static int record_make(KeyTree *tree)
{
    ASSERT(tree->shape != NULL);
    ASSERT(tree->values != NULL);

    RecordPlan plan;
    TRY(record_plan(tree->values, tree->key_count, NULL, tree->shape->encoding, &plan));
    u64 size = plan.header_size + plan.body_size;
    buffer_clear(&tree->record);
    char *room = buffer_reserve(&tree->record, size + plan.zero_tail + PAGE_SLACK);
    if (room == NULL)
        return SQLITE_NOMEM;
    record_write(tree->values, tree->key_count, &plan, (u8 *)room);
    memset(room + size, 0, plan.zero_tail);
    buffer_grew(&tree->record, size + plan.zero_tail);
    return SQLITE_OK;
}

int key_tree_add(KeyTree *tree, const Value *key, bool *existed)
{
    int order;
    ASSERT(tree->cursor != NULL);
    ASSERT(key != NULL);

    for (u32 i = 0; i < tree->key_count; i++)
        value_borrow(&tree->values[i], &key[i]);
    KeyProbe probe = {.shape = tree->shape, .values = tree->values, .count = (u16)tree->key_count};
    key_probe_prepare(&probe);
    TRY(cursor_seek_key(tree->cursor, &probe, &order));
    TRY(probe.rc);
    *existed = order == 0;
    if (*existed)
        return SQLITE_OK;
    TRY(record_make(tree));
    Payload payload = {.key = tree->record.bytes, .key_size = (i64)tree->record.size};
    return cursor_insert(tree->cursor, &payload, 0, order);
}
