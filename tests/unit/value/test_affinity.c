#include "support/test.h"

#include "value/value.h"

// Recorded from the stock library: a value, what a column of each affinity stores for it, and what
// CAST makes of it. Values are written as SQL literals, results too.
static const struct {
    const char *input;
    const char *integer, *real, *text; // stored in INTEGER, REAL, TEXT columns
    const char *cast_integer, *cast_real, *cast_numeric, *cast_text, *cast_blob;
} recorded[] = {
#include "unit/value/recorded_affinity.inc"
};

static void load(Value *v, const char *literal)
{
    size_t size = strlen(literal);
    value_init(v, NULL);
    if (literal[0] == '\'') {
        assert_ok(value_set_text(v, literal + 1, size - 2, SQLITE_UTF8, BYTES_COPY));
    } else if (literal[0] == 'x') {
        char bytes[64];
        for (size_t i = 2; i + 1 < size; i += 2) {
            unsigned byte;
            sscanf(literal + i, "%2x", &byte);
            bytes[i / 2 - 1] = (char)byte;
        }
        assert_ok(value_set_blob(v, bytes, (size - 3) / 2, BYTES_COPY));
    } else {
        ParsedNumber number;
        number_parse(literal, size, &number);
        if (number.kind == NUMBER_INTEGER)
            value_set_i64(v, number.integer);
        else
            value_set_f64(v, number.real);
    }
}

enum { SHOWN_SIZE = 200 };

static void show(Value *v, char *out)
{
    switch (value_type(v)) {
    case SQLITE_TEXT: snprintf(out, SHOWN_SIZE, "'%.*s'", (int)v->size, v->bytes); return;
    case SQLITE_BLOB: {
        size_t at = (size_t)snprintf(out, SHOWN_SIZE, "x'");
        for (u32 i = 0; i < v->size; i++)
            at += (size_t)snprintf(out + at, SHOWN_SIZE - at, "%02x", (u8)v->bytes[i]);
        snprintf(out + at, SHOWN_SIZE - at, "'");
        return;
    }
    default: snprintf(out, SHOWN_SIZE, "%s", (const char *)value_text(v, SQLITE_UTF8)); return;
    }
}

static void check_affinity(const char *input, Affinity affinity, const char *expected)
{
    Value v;
    char shown[SHOWN_SIZE];
    load(&v, input);
    assert_ok(value_apply_affinity(&v, affinity, SQLITE_UTF8));
    if (affinity == AFF_REAL)
        value_realify(&v); // what reading a REAL column does
    show(&v, shown);
    assert_string_equal(shown, expected);
    value_deinit(&v);
}

static void check_cast(const char *input, Affinity affinity, const char *expected)
{
    Value v;
    char shown[SHOWN_SIZE];
    load(&v, input);
    assert_ok(value_cast(&v, affinity, SQLITE_UTF8));
    show(&v, shown);
    assert_string_equal(shown, expected);
    value_deinit(&v);
}

static void columns_store_what_was_recorded(void **state)
{
    (void)state;
    for (u32 i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        check_affinity(recorded[i].input, AFF_INTEGER, recorded[i].integer);
        check_affinity(recorded[i].input, AFF_NUMERIC, recorded[i].integer);
        check_affinity(recorded[i].input, AFF_REAL, recorded[i].real);
        check_affinity(recorded[i].input, AFF_TEXT, recorded[i].text);
        check_affinity(recorded[i].input, AFF_BLOB, recorded[i].input);
    }
}

static void casts_give_what_was_recorded(void **state)
{
    (void)state;
    for (u32 i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        check_cast(recorded[i].input, AFF_INTEGER, recorded[i].cast_integer);
        check_cast(recorded[i].input, AFF_REAL, recorded[i].cast_real);
        check_cast(recorded[i].input, AFF_NUMERIC, recorded[i].cast_numeric);
        check_cast(recorded[i].input, AFF_TEXT, recorded[i].cast_text);
        check_cast(recorded[i].input, AFF_BLOB, recorded[i].cast_blob);
    }
}

static void declared_types_give_affinities_by_substring(void **state)
{
    (void)state;
    assert_int_equal(affinity_of_type("INTEGER"), AFF_INTEGER);
    assert_int_equal(affinity_of_type("unsigned big int"), AFF_INTEGER);
    assert_int_equal(affinity_of_type("CHARINT"), AFF_INTEGER);
    assert_int_equal(affinity_of_type("varchar(10)"), AFF_TEXT);
    assert_int_equal(affinity_of_type("CLOB"), AFF_TEXT);
    assert_int_equal(affinity_of_type("BLOBTEXT"), AFF_TEXT);
    assert_int_equal(affinity_of_type("TEXTBLOB"), AFF_TEXT);
    assert_int_equal(affinity_of_type("REALBLOB"), AFF_BLOB);
    assert_int_equal(affinity_of_type("DOUBLE"), AFF_REAL);
    assert_int_equal(affinity_of_type("FLOATING POINT"), AFF_INTEGER); // "poINT"
    assert_int_equal(affinity_of_type("DECIMAL(10,5)"), AFF_NUMERIC);
    assert_int_equal(affinity_of_type("STRING"), AFF_NUMERIC);
    assert_int_equal(affinity_of_type(""), AFF_NUMERIC);
    assert_int_equal(affinity_of_type(NULL), AFF_BLOB);
}

static void wide_text_becomes_numbers_too(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    assert_ok(value_set_text(&v, "1\0002\0", 4, SQLITE_UTF16LE, BYTES_STATIC));
    assert_int_equal(value_i64(&v), 12);
    assert_ok(value_apply_affinity(&v, AFF_INTEGER, SQLITE_UTF16LE));
    assert_int_equal(value_type(&v), SQLITE_INTEGER);
    assert_ok(value_set_text(&v, "\0001\x4e\x2d", 4, SQLITE_UTF16BE, BYTES_STATIC));
    assert_int_equal(value_i64(&v), 1);
    assert_ok(value_apply_affinity(&v, AFF_INTEGER, SQLITE_UTF16BE));
    assert_int_equal(value_type(&v), SQLITE_TEXT);
    value_set_i64(&v, 7);
    assert_ok(value_apply_affinity(&v, AFF_TEXT, SQLITE_UTF16LE));
    assert_int_equal(v.size, 2);
    value_deinit(&v);
}

TEST_SUITE(affinity, cmocka_unit_test(columns_store_what_was_recorded),
           cmocka_unit_test(casts_give_what_was_recorded),
           cmocka_unit_test(declared_types_give_affinities_by_substring),
           cmocka_unit_test(wide_text_becomes_numbers_too))
