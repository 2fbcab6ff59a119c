// Runs the commands of a dump file on a tree in memory, draws the tree, and compares with what the
// file expects.
//
//   table|index PAGE_SIZE        makes the tree (first command)
//   put A..B SIZE [step N]       inserts entries A, A+N, ... up to B (or down to it) with SIZE
//                                bytes of filler
//   delete A..B [step N]
//   # remark
//   ----
//   2 interior: 24 37            page number, kind, the numbers of its dividers
//     5 leaf: 1..24 (24), 10 free
//
// In an index tree dividers are entries (B3). QUIRE_UPDATE=1 rewrites the drawing.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "btree/btree_internal.h"
#include "value/record.h"

// --- drawing ---

static i64 number_of(TreeFixture *f, const Node *node, u32 slot)
{
    Cell cell;
    const u8 *bytes;
    RecordReader reader;
    int rc = SQLITE_OK;
    Value values[2];
    memset(values, 0, sizeof values);
    assert_ok(node_parse_cell(node, slot, &cell));
    if (f->shape == NULL)
        return cell.rowid;
    assert_ok(payload_whole(f->bt, &cell, &bytes));
    assert_ok(record_reader_init(&reader, bytes, cell.payload_size));
    for (int i = 0; i < 2; i++)
        assert_true(record_reader_next(&reader, SQLITE_UTF8, &values[i], &rc));
    return value_i64(&values[1]);
}

static void draw_page(TreeFixture *f, Pgno pgno, u32 depth, Buffer *out)
{
    Page *page;
    Node node;
    Pager *pager = btree_pager(f->bt);
    assert_ok(pager_get(pager, pgno, &page));
    assert_ok(node_parse(&node, &f->bt->geometry, page, f->shape == NULL));
    assert_ok(node_measure(&node));
    buffer_add_repeated(out, ' ', (size_t)depth * 2);
    if (node_is_leaf(&node)) {
        if (node.cell_count == 0)
            buffer_printf(out, "%u leaf: empty\n", pgno);
        else
            buffer_printf(out, "%u leaf: %lld..%lld (%u), %u free\n", pgno,
                          (long long)number_of(f, &node, 0),
                          (long long)number_of(f, &node, node.cell_count - 1u), node.cell_count,
                          node.free_size);
        page_unpin(pager, page);
        return;
    }
    buffer_printf(out, "%u interior:", pgno);
    for (u32 i = 0; i < node.cell_count; i++)
        buffer_printf(out, " %lld", (long long)number_of(f, &node, i));
    buffer_add_char(out, '\n');
    for (u32 i = 0; i <= node.cell_count; i++) {
        Pgno child;
        assert_ok(node_child(&node, i, &child));
        draw_page(f, child, depth + 1, out);
    }
    page_unpin(pager, page);
}

// --- commands ---

static void change_entries(TreeFixture *f, bool is_put, const char *arguments)
{
    long first;
    long last;
    unsigned size = 0;
    long step = 1;
    int read = sscanf(arguments, "%ld..%ld %u step %ld", &first, &last, &size, &step);
    if (!is_put)
        read = sscanf(arguments, "%ld..%ld step %ld", &first, &last, &step);
    assert_true(read >= (is_put ? 3 : 2));
    assert_true(step > 0);
    long count = labs(last - first) / step + 1;
    for (long i = 0; i < count; i++) {
        i64 n = first + (last < first ? -step : step) * i;
        int order;
        if (is_put) {
            assert_ok(tree_put(f, n, size));
            continue;
        }
        assert_ok(tree_seek(f, f->cur, n, &order));
        assert_int_equal(order, 0);
        assert_ok(cursor_delete(f->cur, 0));
    }
}

static void run_command(TreeFixture *f, const char *line)
{
    if (line[0] == '#' || line[0] == 0)
        return;
    if (strncmp(line, "table ", 6) == 0 || strncmp(line, "index ", 6) == 0)
        tree_open(f, &(TreeOptions){.page_size = (u32)atoi(line + 6), .is_index = line[0] == 'i'});
    else if (strncmp(line, "put ", 4) == 0)
        change_entries(f, true, line + 4);
    else if (strncmp(line, "delete ", 7) == 0)
        change_entries(f, false, line + 7);
    else
        fail_msg("unknown command: %s", line);
}

// --- the file ---

static const char *file_name;

static void the_drawing_is_as_expected(void **state)
{
    (void)state;
    char text[20000];
    FILE *file = fopen(file_name, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    char *mark = strstr(text, "----\n");
    assert_non_null(mark);

    TreeFixture f;
    char line[200];
    for (const char *p = text; p < mark;) {
        size_t length = strcspn(p, "\n");
        assert_true(length < sizeof line);
        memcpy(line, p, length);
        line[length] = 0;
        run_command(&f, line);
        p += length + 1;
    }
    tree_check(&f);
    Buffer drawing = {0};
    draw_page(&f, f.root, 0, &drawing);
    tree_close(&f);

    if (getenv("QUIRE_UPDATE") != NULL) {
        file = fopen(file_name, "w");
        assert_non_null(file);
        fprintf(file, "%.*s----\n%s", (int)(mark - text), text, buffer_text(&drawing));
        fclose(file);
    } else {
        assert_text(mark + 5, buffer_text(&drawing));
    }
    buffer_deinit(&drawing);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_drawing_is_as_expected)};
    file_name = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests_name(file_name, tests, NULL, NULL);
}
