#include "support/test.h"

#include "cdc/change_record.h"

static void check_i64(i64 value, size_t body)
{
    RecordBuilder builder = {0};
    RecordReader reader;
    RecordValue read;
    u8 *record;
    size_t size;

    record_add_i64(&builder, value);
    assert_ok(record_finish(&builder, &record, &size));

    assert_int_equal(size, 2 + body);
    assert_true(record_open(&reader, record, size));
    assert_true(record_next(&reader, &read));
    assert_int_equal(read.type, SQLITE_INTEGER);
    assert_true(read.integer == value);
    assert_true(record_at_end(&reader));
    sqlite3_free(record);
}

static void integers_take_the_bytes_they_need(void **state)
{
    (void)state;
    check_i64(0, 0);
    check_i64(1, 0);
    check_i64(-1, 1);
    check_i64(127, 1);
    check_i64(128, 2);
    check_i64(-32768, 2);
    check_i64(8388607, 3);
    check_i64(2147483648, 6);
    check_i64(-140737488355328, 6);
    check_i64(INT64_MAX, 8);
    check_i64(INT64_MIN, 8);
}

static void a_header_may_need_two_bytes_for_its_own_size(void **state)
{
    (void)state;
    for (int count = 120; count < 135; count++) {
        RecordBuilder builder = {0};
        RecordReader reader;
        RecordValue value;
        u8 *record;
        size_t size;
        for (int i = 0; i < count; i++)
            record_add_null(&builder);

        assert_ok(record_finish(&builder, &record, &size));

        assert_true(record_open(&reader, record, size));
        int read = 0;
        while (record_next(&reader, &value))
            read++;
        assert_int_equal(read, count);
        sqlite3_free(record);
    }
}

static void texts_blobs_and_reals_come_back(void **state)
{
    (void)state;
    RecordBuilder builder = {0};
    RecordReader reader;
    RecordValue value;
    u8 *record;
    size_t size;
    char text[300];
    memset(text, 'x', sizeof text);

    record_add_text(&builder, text, sizeof text);
    record_add_blob(&builder, NULL, 0);
    record_add_f64(&builder, -0.1);
    assert_ok(record_finish(&builder, &record, &size));

    assert_true(record_open(&reader, record, size));
    assert_true(record_next(&reader, &value));
    assert_int_equal(value.type, SQLITE_TEXT);
    assert_int_equal(value.size, sizeof text);
    assert_memory_equal(value.bytes, text, sizeof text);
    assert_true(record_next(&reader, &value));
    assert_int_equal(value.type, SQLITE_BLOB);
    assert_true(record_next(&reader, &value));
    assert_true(value.real == -0.1);
    sqlite3_free(record);
}

// Every prefix of a record, and every byte of it changed, is read to its end or refused.
static void damaged_bytes_are_never_read_past(void **state)
{
    (void)state;
    static const u8 whole[] = {4, 1, 15, 1, 2, 'y', 2};
    for (size_t size = 0; size <= sizeof whole; size++) {
        for (int byte = 0; byte < 256; byte++) {
            u8 *copy = malloc(size + 1);
            memcpy(copy, whole, size);
            RecordReader reader;
            RecordValue value;
            if (size > 0)
                copy[(size_t)byte % size] = (u8)(byte * 7);
            if (record_open(&reader, copy, size)) {
                while (record_next(&reader, &value))
                    assert_true(value.bytes + value.size <= copy + size);
            }
            free(copy);
        }
    }
}

// --- rows ---

enum { ROW_MAX = 8 };

// Values as a hook gets them: those of the first row of a query.
typedef struct Row {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    sqlite3_value *values[ROW_MAX];
    int count;
} Row;

static void row_open(Row *row, const char *sql)
{
    assert_ok(sqlite3_open(":memory:", &row->db));
    assert_ok(sqlite3_prepare_v2(row->db, sql, -1, &row->stmt, NULL));
    assert_int_equal(sqlite3_step(row->stmt), SQLITE_ROW);
    row->count = sqlite3_column_count(row->stmt);
    for (int i = 0; i < row->count; i++)
        row->values[i] = sqlite3_value_dup(sqlite3_column_value(row->stmt, i));
}

static void row_close(Row *row)
{
    for (int i = 0; i < row->count; i++)
        sqlite3_value_free(row->values[i]);
    assert_ok(sqlite3_finalize(row->stmt));
    assert_ok(sqlite3_close(row->db));
}

// Joins what the builder has and compares it; the builder is empty again afterwards.
static void check_joined(RecordBuilder *builder, const u8 *expected, size_t expected_size)
{
    const u8 *record;
    size_t size;
    assert_ok(record_join(builder, &record, &size));
    assert_int_equal(size, expected_size);
    assert_memory_equal(record, expected, size);
}

static void a_row_has_the_columns_that_are_wanted(void **state)
{
    (void)state;
    enum { STORED = QUIRE_COLUMN_STORED, SET = QUIRE_COLUMN_SET };
    static const unsigned char flags[] = {STORED, STORED | SET, SET, STORED, STORED | SET};
    static const u8 stored[] = {5, 1, 15, 0, 14, 2, 'y', 0xff};
    static const u8 both[] = {3, 15, 14, 'y', 0xff};
    static const u8 none[] = {1};
    Row row;
    RecordBuilder builder = {0};
    row_open(&row, "SELECT 2, 'y', 'virtual', NULL, x'ff'");

    record_add_row(&builder, row.values, row.count, flags, STORED);
    check_joined(&builder, stored, sizeof stored);
    record_add_row(&builder, row.values, row.count, flags, STORED | SET);
    check_joined(&builder, both, sizeof both);
    record_add_row(&builder, row.values, 1, flags, SET);
    check_joined(&builder, none, sizeof none);

    record_discard(&builder);
    row_close(&row);
}

// The example of the layout's description, and a row of which the middle column has no place.
static void updates_are_flags_and_the_values_that_were_set(void **state)
{
    (void)state;
    enum { STORED = QUIRE_COLUMN_STORED, SET = QUIRE_COLUMN_SET };
    static const unsigned char one[] = {STORED, STORED | SET, STORED};
    static const u8 one_set[] = {7, 8, 9, 8, 0, 17, 0, 'y', 'y'};
    static const unsigned char generated[] = {STORED | SET, SET, STORED | SET};
    static const u8 generated_set[] = {5, 9, 9, 1, 9, 2};
    static const unsigned char all_same[] = {STORED, STORED, STORED};
    static const u8 nothing_set[] = {7, 8, 8, 8, 0, 0, 0};
    Row text;
    Row numbers;
    RecordBuilder builder = {0};
    row_open(&text, "SELECT 2, 'yy', 3");
    row_open(&numbers, "SELECT 2, 'virtual', 1");

    record_add_row_updates(&builder, text.values, text.count, one);
    check_joined(&builder, one_set, sizeof one_set);
    record_add_row_updates(&builder, numbers.values, numbers.count, generated);
    check_joined(&builder, generated_set, sizeof generated_set);
    record_add_row_updates(&builder, text.values, text.count, all_same);
    check_joined(&builder, nothing_set, sizeof nothing_set);

    record_discard(&builder);
    row_close(&text);
    row_close(&numbers);
}

static void values_of_every_type_are_told_as_they_are(void **state)
{
    (void)state;
    static const u8 expected[] = {7,    0x07, 0x07, 0x06, 0x0d, 0x0c, 0x10,    // types
                                  0x40, 0,    0,    0,    0,    0,    0,    0, // 2.0 stays a real
                                  0xbf, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a, // -0.1
                                  0x80, 0,    0,    0,    0,    0,    0,    0,    // the least
                                  0,    0};                                       // zeroblob
    Row row;
    RecordBuilder builder = {0};
    row_open(&row, "SELECT 2.0, -0.1, -9223372036854775808, '', x'', zeroblob(2)");

    for (int i = 0; i < row.count; i++)
        record_add_value(&builder, row.values[i]);

    check_joined(&builder, expected, sizeof expected);
    record_discard(&builder);
    row_close(&row);
}

static void records_are_put_behind_each_other(void **state)
{
    (void)state;
    static const u8 expected[] = {5, 9, 0, 15, 1, 'v', 7};
    RecordBuilder builder = {0};
    RecordBuilder more = {0};
    RecordValue seven = {.type = SQLITE_INTEGER, .integer = 7};
    RecordValue null = {.type = SQLITE_NULL};
    record_add_i64(&builder, 1);
    record_add_copy(&builder, &null);
    record_add_text(&more, "v", 1);
    record_add_copy(&more, &seven);

    record_append(&builder, &more);

    check_joined(&builder, expected, sizeof expected);
    assert_null(more.header); // its memory is gone
    record_discard(&builder);
}

TEST_SUITE(change_record, cmocka_unit_test(integers_take_the_bytes_they_need),
           cmocka_unit_test(a_header_may_need_two_bytes_for_its_own_size),
           cmocka_unit_test(texts_blobs_and_reals_come_back),
           cmocka_unit_test(a_row_has_the_columns_that_are_wanted),
           cmocka_unit_test(updates_are_flags_and_the_values_that_were_set),
           cmocka_unit_test(values_of_every_type_are_told_as_they_are),
           cmocka_unit_test(records_are_put_behind_each_other),
           cmocka_unit_test(damaged_bytes_are_never_read_past))
