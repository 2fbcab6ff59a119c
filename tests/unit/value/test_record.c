#include "support/test.h"

#include "base/prng.h"
#include "value/record.h"

static void encode(Value *values, u32 count, u8 *out, u32 *size)
{
    RecordPlan plan;
    assert_ok(record_plan(values, count, NULL, SQLITE_UTF8, &plan));
    record_write(values, count, &plan, out);
    *size = (u32)(plan.header_size + plan.body_size);
}

// The example of record.h.
static void a_record_has_the_bytes_of_the_format(void **state)
{
    (void)state;
    Value v[3];
    for (u32 i = 0; i < 3; i++)
        value_init(&v[i], NULL);
    value_set_i64(&v[0], 1);
    assert_ok(value_set_text(&v[1], "ab", 2, SQLITE_UTF8, BYTES_STATIC));
    u8 bytes[32];
    u32 size;
    encode(v, 3, bytes, &size);
    assert_int_equal(size, 6);
    assert_memory_equal(bytes, "\x04\x09\x11\x00\x61\x62", 6);
}

static void integers_take_the_least_room(void **state)
{
    (void)state;
    static const struct {
        i64 value;
        u32 type;
    } cases[] = {{0, 8},
                 {1, 9},
                 {2, 1},
                 {-1, 1},
                 {127, 1},
                 {128, 2},
                 {-128, 1},
                 {-129, 2},
                 {32767, 2},
                 {32768, 3},
                 {8388607, 3},
                 {8388608, 4},
                 {-8388608, 3},
                 {2147483647, 4},
                 {2147483648, 5},
                 {140737488355327, 5},
                 {140737488355328, 6},
                 {-140737488355328, 5},
                 {INT64_MIN, 6},
                 {INT64_MAX, 6}};
    for (u32 i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Value v;
        u32 size;
        u8 body[8];
        value_init(&v, NULL);
        value_set_i64(&v, cases[i].value);
        assert_int_equal(serial_type_of(&v, &size), cases[i].type);
        assert_int_equal(serial_put(body, &v, cases[i].type), serial_type_size(cases[i].type));
        value_set_null(&v);
        serial_get(body, cases[i].type, SQLITE_UTF8, &v);
        assert_true(value_i64(&v) == cases[i].value);
    }
}

static void a_real_column_stores_integers_small(void **state)
{
    (void)state;
    Value v[2];
    u32 size;
    value_init(&v[0], NULL);
    value_init(&v[1], NULL);
    value_set_f64(&v[0], 3.0);
    value_set_f64(&v[1], 1e18);
    RecordPlan plan;
    assert_ok(record_plan(v, 2, "EE", SQLITE_UTF8, &plan));
    assert_int_equal(serial_type_of(&v[0], &size), 1);
    assert_int_equal(serial_type_of(&v[1], &size), 7); // eight bytes: then as a real
    assert_int_equal(value_type(&v[0]), SQLITE_FLOAT);
}

static void random_value(Prng *prng, Value *v)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    value_init(v, NULL);
    switch (prng_below(prng, 6)) {
    case 0: return;
    case 1: value_set_i64(v, (i64)prng_u64(prng) >> prng_below(prng, 64)); return;
    case 2: value_set_f64(v, (f64)prng_below(prng, 1000) / 8); return;
    case 3:
        assert_ok(value_set_text(v, text, prng_below(prng, 40), SQLITE_UTF8, BYTES_STATIC));
        return;
    case 4: assert_ok(value_set_blob(v, text, prng_below(prng, 40), BYTES_STATIC)); return;
    default: value_set_zeroblob(v, (u32)prng_below(prng, 30)); return;
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, "record", 6);
    for (u32 round = 0; round < 3000; round++) {
        Value v[140];
        Value read;
        u32 count = (u32)prng_below(&prng, sizeof v / sizeof v[0]) + 1;
        for (u32 i = 0; i < count; i++)
            random_value(&prng, &v[i]);
        RecordPlan plan;
        assert_ok(record_plan(v, count, NULL, SQLITE_UTF8, &plan));
        u32 size = (u32)(plan.header_size + plan.body_size);
        u8 *bytes = calloc(1, size + plan.zero_tail);
        record_write(v, count, &plan, bytes);
        RecordReader reader;
        int rc;
        assert_ok(record_reader_init(&reader, bytes, size + (u32)plan.zero_tail));
        value_init(&read, NULL);
        for (u32 i = 0; i < count; i++) {
            assert_true(record_reader_next(&reader, SQLITE_UTF8, &read, &rc));
            assert_int_equal(value_type(&read), value_type(&v[i]));
            assert_int_equal(value_size(&read), value_size(&v[i]));
            if ((read.flags & (V_TEXT | V_BLOB)) && read.size > 0)
                assert_memory_equal(read.bytes, value_blob(&v[i]), read.size);
            assert_true(value_f64(&read) == value_f64(&v[i]));
            value_deinit(&v[i]);
        }
        assert_false(record_reader_next(&reader, SQLITE_UTF8, &read, &rc));
        assert_int_equal(rc, 0);
        free(bytes);
    }
}

// Every cut of a record, and every byte of its header set to something else, is an error or a
// record: never a read outside (AddressSanitizer would tell).
static void damaged_records_are_refused_or_harmless(void **state)
{
    (void)state;
    static const u8 good[] = {0x05, 0x09, 0x11, 0x06, 0x81, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 5};
    for (u32 size = 0; size <= sizeof good; size++) {
        for (u32 at = 0; at < 5; at++) {
            for (u32 byte = 0; byte < 256; byte++) {
                u8 *bytes = malloc(size ? size : 1);
                memcpy(bytes, good, size);
                if (at < size)
                    bytes[at] = (u8)byte;
                RecordReader reader;
                Value v;
                int rc = record_reader_init(&reader, bytes, size);
                value_init(&v, NULL);
                while (rc == SQLITE_OK && record_reader_next(&reader, SQLITE_UTF8, &v, &rc)) {
                    if (v.flags & (V_TEXT | V_BLOB))
                        assert_true((u8 *)v.bytes + v.size <= bytes + size);
                }
                assert_true(rc == SQLITE_OK || rc == SQLITE_CORRUPT);
                RowId rowid;
                rc = record_last_rowid(bytes, size, &rowid);
                assert_true(rc == SQLITE_OK || rc == SQLITE_CORRUPT);
                free(bytes);
            }
        }
    }
}

static void an_index_key_ends_with_its_rowid(void **state)
{
    (void)state;
    Value v[2];
    u8 bytes[32];
    u32 size;
    RowId rowid;
    value_init(&v[0], NULL);
    value_init(&v[1], NULL);
    assert_ok(value_set_text(&v[0], "key", 3, SQLITE_UTF8, BYTES_STATIC));
    value_set_i64(&v[1], -5000);
    encode(v, 2, bytes, &size);
    assert_ok(record_last_rowid(bytes, size, &rowid));
    assert_true(rowid == -5000);
    value_set_f64(&v[1], 1.5);
    encode(v, 2, bytes, &size);
    assert_rc(SQLITE_CORRUPT, record_last_rowid(bytes, size, &rowid));
}

TEST_SUITE(record, cmocka_unit_test(a_record_has_the_bytes_of_the_format),
           cmocka_unit_test(integers_take_the_least_room),
           cmocka_unit_test(a_real_column_stores_integers_small),
           cmocka_unit_test(what_is_written_reads_back),
           cmocka_unit_test(damaged_records_are_refused_or_harmless),
           cmocka_unit_test(an_index_key_ends_with_its_rowid))
