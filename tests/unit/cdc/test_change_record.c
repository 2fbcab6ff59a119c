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

TEST_SUITE(change_record, cmocka_unit_test(integers_take_the_bytes_they_need),
           cmocka_unit_test(a_header_may_need_two_bytes_for_its_own_size),
           cmocka_unit_test(texts_blobs_and_reals_come_back),
           cmocka_unit_test(damaged_bytes_are_never_read_past))
