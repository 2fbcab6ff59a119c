#include "support/test.h"

#include "base/prng.h"
#include "value/compare.h"
#include "value/record.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static const i64 some_integers[] = {0, 1, -1, 2, 5, 100, 9007199254740993, INT64_MAX, INT64_MIN};
static const f64 some_reals[] = {0.0, 0.5, 1.0, 5.0, -1.0, 9007199254740992.0, 1e300, -1e300};
static const char *const some_texts[] = {"", "a", "A", "ab", "b", "a  ", "B", "abc"};

static void some_value(Prng *prng, Value *v)
{
    value_init(v, NULL);
    switch (prng_below(prng, 5)) {
    case 0: return;
    case 1: value_set_i64(v, some_integers[prng_below(prng, 9)]); return;
    case 2: value_set_f64(v, some_reals[prng_below(prng, 8)]); return;
    default: {
        const char *text = some_texts[prng_below(prng, 8)];
        if (prng_below(prng, 4))
            assert_ok(value_set_text(v, text, strlen(text), SQLITE_UTF8, BYTES_STATIC));
        else
            assert_ok(value_set_blob(v, text, strlen(text), BYTES_STATIC));
        return;
    }
    }
}

static void values_are_ordered_by_class_first(void **state)
{
    (void)state;
    Value v[5];
    for (u32 i = 0; i < 5; i++)
        value_init(&v[i], NULL);
    value_set_f64(&v[1], 1e300);
    assert_ok(value_set_text(&v[2], "", 0, SQLITE_UTF8, BYTES_STATIC));
    assert_ok(value_set_blob(&v[3], "", 0, BYTES_STATIC));
    value_set_zeroblob(&v[4], 1);
    for (u32 i = 0; i < 5; i++) {
        for (u32 k = 0; k < 5; k++)
            assert_int_equal(sign(value_compare(&v[i], &v[k], NULL)), sign((int)i - (int)k));
    }
}

static void collations_decide_between_texts(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int binary, nocase, rtrim;
    } cases[] = {{"a", "A", 1, 0, 1},
                 {"a", "B", 1, -1, 1},
                 {"a ", "a", 1, 1, 0},
                 {"a  ", "a ", 1, 1, 0},
                 {"", "", 0, 0, 0},
                 {"abc", "abd", -1, -1, -1},
                 {"\xc3\xa9", "\xc3\x89", 1, 1, 1}};
    for (u32 i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Value a;
        Value b;
        value_init(&a, NULL);
        value_init(&b, NULL);
        assert_ok(value_set_text(&a, cases[i].a, strlen(cases[i].a), SQLITE_UTF8, BYTES_STATIC));
        assert_ok(value_set_text(&b, cases[i].b, strlen(cases[i].b), SQLITE_UTF8, BYTES_STATIC));
        assert_int_equal(sign(value_compare(&a, &b, &collation_binary)), cases[i].binary);
        assert_int_equal(sign(value_compare(&a, &b, &collation_nocase)), cases[i].nocase);
        assert_int_equal(sign(value_compare(&b, &a, &collation_rtrim)), -cases[i].rtrim);
        // UTF-16 values are converted for a collation that wants UTF-8.
        assert_ok(value_change_encoding(&a, SQLITE_UTF16LE));
        assert_ok(value_change_encoding(&b, SQLITE_UTF16LE));
        assert_int_equal(sign(value_compare(&a, &b, &collation_nocase)), cases[i].nocase);
        value_deinit(&a);
        value_deinit(&b);
    }
}

static void zero_tails_compare_as_zero_bytes(void **state)
{
    (void)state;
    Value a;
    Value b;
    value_init(&a, NULL);
    value_init(&b, NULL);
    value_set_zeroblob(&a, 3);
    assert_ok(value_set_blob(&b, "\0\0\0", 3, BYTES_STATIC));
    assert_int_equal(value_compare(&a, &b, NULL), 0);
    assert_ok(value_set_blob(&b, "\0\0\1", 3, BYTES_STATIC));
    assert_true(value_compare(&a, &b, NULL) < 0);
    assert_ok(value_set_blob(&b, "\0\0", 2, BYTES_STATIC));
    assert_true(value_compare(&a, &b, NULL) > 0);
}

enum { FIELDS = 3 };

static void some_record(Prng *prng, Value *values, u8 *bytes, u32 *size)
{
    for (u32 i = 0; i < FIELDS; i++)
        some_value(prng, &values[i]);
    RecordPlan plan;
    assert_ok(record_plan(values, FIELDS, NULL, SQLITE_UTF8, &plan));
    record_write(values, FIELDS, &plan, bytes);
    *size = (u32)(plan.header_size + plan.body_size);
}

// What key order means, said plainly: field by field, each by its collation and direction.
static int plain_order(const KeyShape *shape, const Value *a, const Value *b, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        int order = sign(value_compare(&a[i], &b[i], shape->fields[i].collation));
        if (order == 0)
            continue;
        bool null = (a[i].flags | b[i].flags) & V_NULL;
        bool flip = shape->fields[i].flags & KEY_DESC;
        if ((shape->fields[i].flags & KEY_NULLS_LARGE) && null)
            flip = !flip;
        return flip ? -order : order;
    }
    return 0;
}

// Every comparison (integer first, text first, general, two records) against the plain one.
static void records_compare_as_their_fields_do(void **state)
{
    (void)state;
    static const Collation *const collations[] = {&collation_binary, &collation_binary,
                                                  &collation_nocase, &collation_rtrim};
    Prng prng;
    prng_init(&prng, "compare", 7);
    for (u32 round = 0; round < 100000; round++) {
        Value a[FIELDS];
        Value b[FIELDS];
        u8 a_bytes[128];
        u8 b_bytes[128];
        u32 a_size;
        u32 b_size;
        some_record(&prng, a, a_bytes, &a_size);
        some_record(&prng, b, b_bytes, &b_size);
        KeyShape *shape = key_shape_new(NULL, SQLITE_UTF8, FIELDS, FIELDS);
        for (u32 i = 0; i < FIELDS; i++) {
            shape->fields[i].collation = collations[prng_below(&prng, 4)];
            shape->fields[i].flags = (u8)prng_below(&prng, 4);
        }
        u16 count = (u16)(1 + prng_below(&prng, FIELDS));
        KeyProbe probe = {.shape = shape, .values = b, .count = count, .default_result = 7};
        key_probe_prepare(&probe);
        int expected = plain_order(shape, a, b, count);
        int order = probe.compare(a_bytes, a_size, &probe);
        assert_int_equal(order == 7 ? 0 : sign(order), expected);
        assert_int_equal(probe.saw_equal, expected == 0);
        assert_int_equal(probe.rc, 0);

        int rc = 0;
        order = key_compare_records(shape, a_bytes, a_size, b_bytes, b_size, &rc);
        assert_int_equal(sign(order), plain_order(shape, a, b, FIELDS));
        assert_int_equal(rc, 0);
        key_shape_unref(shape);
    }
}

static void damaged_records_are_never_read_past_their_end(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, "damage", 6);
    KeyShape *shape = key_shape_new(NULL, SQLITE_UTF8, FIELDS, FIELDS);
    for (u32 round = 0; round < 100000; round++) {
        Value a[FIELDS];
        Value b[FIELDS];
        u8 bytes[128];
        u32 size;
        some_record(&prng, a, bytes, &size);
        some_record(&prng, b, bytes, &size);
        bytes[prng_below(&prng, size)] = (u8)prng_u64(&prng);
        u32 cut = (u32)prng_below(&prng, size + 1);
        u8 *exact = malloc(cut ? cut : 1); // AddressSanitizer guards its end
        memcpy(exact, bytes, cut);
        KeyProbe probe = {.shape = shape, .values = a, .count = FIELDS};
        key_probe_prepare(&probe);
        probe.compare(exact, cut, &probe);
        assert_true(probe.rc == SQLITE_OK || probe.rc == SQLITE_CORRUPT);
        int rc = 0;
        key_compare_records(shape, exact, cut, exact, cut, &rc);
        assert_true(rc == SQLITE_OK || rc == SQLITE_CORRUPT);
        free(exact);
    }
    key_shape_unref(shape);
}

TEST_SUITE(compare, cmocka_unit_test(values_are_ordered_by_class_first),
           cmocka_unit_test(collations_decide_between_texts),
           cmocka_unit_test(zero_tails_compare_as_zero_bytes),
           cmocka_unit_test(records_compare_as_their_fields_do),
           cmocka_unit_test(damaged_records_are_never_read_past_their_end))
