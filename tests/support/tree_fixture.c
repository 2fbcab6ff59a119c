// See tree_fixture.h.
#include "support/tree_fixture.h"

#include "support/test.h"

#include "base/alloc.h"
#include "os/os.h"
#include "value/record.h"

static KeyShape *make_shape(void)
{
    KeyShape *shape = key_shape_new(NULL, SQLITE_UTF8, 2, 3);
    assert_non_null(shape);
    return shape;
}

void tree_open(TreeFixture *f, const TreeOptions *options)
{
    memset(f, 0, sizeof *f);
    u32 flags = options->path == NULL ? BTREE_MEMORY : 0;
    assert_ok(os_init());
    sqlite3_vfs *vfs = options->path == NULL ? NULL : vfs_find(NULL);
    assert_ok(btree_open(vfs, options->path, NULL, flags,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, &f->bt));
    u32 size = options->page_size == 0 ? 4096 : options->page_size;
    assert_ok(btree_set_page_size(f->bt, size, options->reserved, false));
    assert_ok(btree_set_auto_vacuum(f->bt, options->auto_vacuum));
    assert_ok(btree_begin(f->bt, BTREE_WRITE, NULL));
    assert_ok(btree_create_tree(f->bt, options->is_index ? TREE_INDEX : TREE_TABLE, &f->root));
    f->shape = options->is_index ? make_shape() : NULL;
    assert_ok(cursor_open(f->bt, f->root, true, f->shape, &f->cur));
}

void tree_close(TreeFixture *f)
{
    cursor_close(f->cur);
    assert_ok(btree_close(f->bt));
    key_shape_unref(f->shape);
    mem_free(f->record);
}

static u8 filler(i64 n, u32 i)
{
    return (u8)(n * 31 + i * 7 + (i >> 8));
}

// Encodes entry n into f->record and returns its size.
static u32 make_record(TreeFixture *f, i64 n, u32 size)
{
    char text[24];
    u8 *fill = malloc(size + 1);
    for (u32 i = 0; i < size; i++)
        fill[i] = filler(n, i);
    snprintf(text, sizeof text, "%012lld", (long long)n);
    Value values[3];
    for (int i = 0; i < 3; i++)
        value_init(&values[i], NULL);
    assert_ok(value_set_text(&values[0], text, 12, SQLITE_UTF8, BYTES_BORROW));
    value_set_i64(&values[1], n);
    assert_ok(value_set_blob(&values[2], fill, size, BYTES_BORROW));
    RecordPlan plan;
    assert_ok(record_plan(values, 3, NULL, SQLITE_UTF8, &plan));
    u32 total = plan.header_size + (u32)plan.body_size;
    if (total + 16 > f->record_capacity) {
        f->record = mem_realloc(f->record, total + 16);
        f->record_capacity = total + 16;
    }
    record_write(values, 3, &plan, f->record);
    for (int i = 0; i < 3; i++)
        value_deinit(&values[i]);
    free(fill);
    return total;
}

void tree_payload(TreeFixture *f, i64 n, u32 size, Payload *payload)
{
    u32 total = make_record(f, n, size);
    *payload = (Payload){0};
    if (f->shape == NULL) {
        payload->key_size = n;
        payload->data = f->record;
        payload->data_size = total;
    } else {
        payload->key = f->record;
        payload->key_size = total;
    }
}

int tree_put_flags(TreeFixture *f, i64 n, u32 size, u32 flags)
{
    Payload payload;
    tree_payload(f, n, size, &payload);
    return cursor_insert(f->cur, &payload, flags, CURSOR_UNKNOWN);
}

int tree_put(TreeFixture *f, i64 n, u32 size)
{
    return tree_put_flags(f, n, size, 0);
}

int tree_seek(TreeFixture *f, Cursor *cur, i64 n, int *order)
{
    if (f->shape == NULL)
        return cursor_seek_rowid(cur, n, false, order);
    char text[24];
    snprintf(text, sizeof text, "%012lld", (long long)n);
    Value values[2];
    value_init(&values[0], NULL);
    value_init(&values[1], NULL);
    int rc = value_set_text(&values[0], text, 12, SQLITE_UTF8, BYTES_BORROW);
    value_set_i64(&values[1], n);
    KeyProbe probe = {.shape = f->shape, .values = values, .count = 2};
    key_probe_prepare(&probe);
    if (rc == SQLITE_OK)
        rc = cursor_seek_key(cur, &probe, order);
    return rc;
}

void tree_name_in_schema(TreeFixture *f, const char *name, const char *sql)
{
    Cursor *schema;
    u8 record[1000];
    Value values[5];
    for (int i = 0; i < 5; i++)
        value_init(&values[i], NULL);
    assert_ok(value_set_text(&values[0], "table", 5, SQLITE_UTF8, BYTES_BORROW));
    assert_ok(value_set_text(&values[1], name, strlen(name), SQLITE_UTF8, BYTES_BORROW));
    assert_ok(value_set_text(&values[2], name, strlen(name), SQLITE_UTF8, BYTES_BORROW));
    value_set_i64(&values[3], f->root);
    assert_ok(value_set_text(&values[4], sql, strlen(sql), SQLITE_UTF8, BYTES_BORROW));
    RecordPlan plan;
    assert_ok(record_plan(values, 5, NULL, SQLITE_UTF8, &plan));
    record_write(values, 5, &plan, record);
    Payload payload = {
        .key_size = f->root, .data = record, .data_size = plan.header_size + (u32)plan.body_size};
    assert_ok(cursor_open(f->bt, 1, true, NULL, &schema));
    assert_ok(cursor_insert(schema, &payload, 0, CURSOR_UNKNOWN));
    cursor_close(schema);
}

i64 tree_read(TreeFixture *f, Cursor *cur, u32 *size)
{
    u32 total = cursor_payload_size(cur);
    u8 *bytes = malloc(total + 16);
    memset(bytes, 0, total + 16);
    assert_ok(cursor_payload_read(cur, 0, total, bytes));
    RecordReader reader;
    Value values[3];
    int rc = 0;
    assert_ok(record_reader_init(&reader, bytes, total));
    for (int i = 0; i < 3; i++) {
        value_init(&values[i], NULL);
        assert_true(record_reader_next(&reader, SQLITE_UTF8, &values[i], &rc));
    }
    i64 n = value_i64(&values[1]);
    if (f->shape == NULL)
        assert_int_equal(cursor_rowid(cur), n);
    for (u32 i = 0; i < values[2].size; i++) {
        if ((u8)values[2].bytes[i] != filler(n, i))
            fail_msg("entry %lld: filler byte %u differs", (long long)n, i);
    }
    if (size != NULL)
        *size = values[2].size;
    free(bytes);
    return n;
}

void tree_check(TreeFixture *f)
{
    Pgno roots[2] = {1, f->root};
    IntegrityCheck check = {.roots = roots, .root_count = 2, .error_max = 20};
    assert_ok(btree_integrity_check(f->bt, &check));
    if (check.errors != 0)
        fail_msg("integrity: %s", check.report != NULL ? check.report : "(none)");
    mem_free(check.report);
}
