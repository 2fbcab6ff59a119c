// engine/vm/sorter.c against qsort: every mix of types, spilling, row limits, failing memory.
#include "support/machine.h"
#include "support/test.h"

#include "base/alloc.h"
#include "base/prng.h"
#include "value/record.h"
#include "vm/sorter.h"
#include "vm/vm_priv.h"

enum { FIELDS = 3, RECORD_MAX = 300, ALL_KINDS = 6 };

typedef struct Row {
    u8 record[RECORD_MAX + 16];
    u32 size;
    int number; // order of insertion, also the last field
} Row;

static KeyShape *sort_shape; // for qsort's comparison

// Begins like many others, and ends anywhere.
static void set_long_text(Value *v, Prng *prng)
{
    char text[64];
    u32 size = (u32)prng_below(prng, sizeof text);
    memset(text, 'a', size);
    if (size > 0)
        text[prng_below(prng, size)] = (char)('a' + prng_below(prng, 2));
    if (size > 0 && prng_below(prng, 8) == 0)
        text[prng_below(prng, size)] = 0;
    assert_ok(value_set_text(v, text, size, SQLITE_UTF8, BYTES_COPY));
}

static void make_row(Row *row, Prng *prng, int kinds, int number)
{
    static const char *const words[] = {"", "a", "A", "ab", "abcdefg", "abcdefgh", "abcdefgi", "B"};
    Value v[FIELDS];
    for (int i = 0; i < FIELDS; i++)
        value_init(&v[i], NULL);
    const char *word = words[prng_below(prng, 8)];
    switch (prng_below(prng, (u64)kinds)) {
    case 0: value_set_i64(&v[0], (i64)prng_below(prng, 40) - 20); break;
    case 1: value_set_f64(&v[0], ((f64)prng_below(prng, 100) - 50) / 4); break;
    case 2: assert_ok(value_set_text(&v[0], word, strlen(word), SQLITE_UTF8, BYTES_STATIC)); break;
    case 3: assert_ok(value_set_blob(&v[0], word, strlen(word), BYTES_STATIC)); break;
    case 4: value_set_i64(&v[0], (i64)prng_u64(prng)); break;
    case ALL_KINDS: set_long_text(&v[0], prng); break;
    default: break; // NULL
    }
    if (kinds > ALL_KINDS)
        set_long_text(&v[1], prng);
    value_set_i64(&v[FIELDS - 1], number);
    RecordPlan plan;
    assert_ok(record_plan(v, FIELDS, NULL, SQLITE_UTF8, &plan));
    row->size = (u32)(plan.header_size + plan.body_size);
    assert_true(row->size <= RECORD_MAX);
    record_write(v, FIELDS, &plan, row->record);
    row->number = number;
    for (int i = 0; i < FIELDS; i++)
        value_deinit(&v[i]);
}

static int by_key_then_number(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    int rc = 0;
    int order = key_compare_records(sort_shape, x->record, x->size, y->record, y->size, &rc);
    assert_int_equal(rc, 0);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

// With its first value at hand, or without.
static void insert_row(Sorter *s, const Row *row, bool tells_first)
{
    RecordFields fields;
    assert_ok(record_fields_open(&fields, row->record, row->size, SQLITE_UTF8, 1));
    assert_ok(sorter_insert(s, row->record, row->size, tells_first ? fields.values : NULL));
    record_fields_close(&fields);
}

// Sorts `count` rows; expects what qsort gives, or its first `limit` rows.
static u32 sort_and_compare(Machine *m, int count, int kinds, u64 memory, i64 limit)
{
    Prng prng;
    prng_init(&prng, &count, sizeof count);
    Row *rows = calloc((size_t)count + 1, sizeof *rows);
    Sorter *s;
    assert_ok(sorter_new(&m->db, sort_shape, memory, &s));
    if (limit >= 0)
        sorter_limit(s, (u64)limit);
    for (int i = 0; i < count; i++) {
        make_row(&rows[i], &prng, kinds, i);
        insert_row(s, &rows[i], i % 2 == 0);
    }
    qsort(rows, (size_t)count, sizeof *rows, by_key_then_number);

    bool empty;
    assert_ok(sorter_sort(s, &empty));
    u32 runs = sorter_run_count(s);
    int expected = limit >= 0 && limit < count ? (int)limit : count;
    assert_int_equal(empty, expected == 0);
    for (int i = 0; i < expected; i++) {
        const u8 *bytes;
        u32 size;
        assert_ok(sorter_record(s, &bytes, &size));
        assert_int_equal(size, rows[i].size);
        assert_memory_equal(bytes, rows[i].record, size);
        assert_int_equal(sorter_next(s), i + 1 == expected ? SQLITE_DONE : SQLITE_OK);
    }
    sorter_free(s);
    free(rows);
    return runs;
}

static void every_mix_of_types_sorts_as_qsort_does(void **state)
{
    (void)state;
    static const u8 flags[] = {0, KEY_DESC, KEY_NULLS_LARGE, KEY_DESC | KEY_NULLS_LARGE};
    const Collation *collations[] = {&collation_binary, &collation_nocase, &collation_rtrim};
    Machine m;
    machine_open(&m);
    for (int i = 0; i < 12; i++) {
        sort_shape = machine_shape(&m, 1, FIELDS);
        sort_shape->fields[0].flags = flags[i % 4];
        sort_shape->fields[0].collation = collations[i / 4];
        sort_and_compare(&m, 500, 6, 0, -1);
        sort_and_compare(&m, 13 + i, 6, 0, -1);
        key_shape_unref(sort_shape);
    }
    machine_close(&m);
}

static void equal_beginnings_and_first_fields_are_told_apart_by_the_rest(void **state)
{
    (void)state;
    static const u8 flags[] = {0, KEY_DESC, KEY_NULLS_LARGE, KEY_DESC};
    const Collation *collations[] = {&collation_binary, &collation_nocase, &collation_binary};
    Machine m;
    machine_open(&m);
    for (int i = 0; i < 12; i++) {
        sort_shape = machine_shape(&m, 2, FIELDS);
        sort_shape->fields[0].flags = flags[i % 4];
        sort_shape->fields[0].collation = collations[i % 3];
        sort_shape->fields[1].flags = flags[(i + 1) % 4];
        sort_and_compare(&m, 3000, ALL_KINDS + 1, 0, -1);
        sort_and_compare(&m, 3000, ALL_KINDS + 1, 100 * 1024, -1);
        sort_and_compare(&m, 3000, ALL_KINDS + 1, 0, 500);
        key_shape_unref(sort_shape);
    }
    machine_close(&m);
}

static void what_does_not_fit_is_spilled_and_merged(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    sort_shape = machine_shape(&m, 1, FIELDS);
    assert_true(sort_and_compare(&m, 60000, 6, 600 * 1024, -1) >= 3);
    assert_true(sort_and_compare(&m, 60000, 1, 600 * 1024, -1) >= 3);
    assert_true(sort_and_compare(&m, 60000, 6, 600 * 1024, 150000) >= 3);
    key_shape_unref(sort_shape);
    machine_close(&m);
}

static void a_row_limit_keeps_the_first_and_stays_stable(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    sort_shape = machine_shape(&m, 1, FIELDS);
    static const int limits[] = {0, 1, 2, 7, 100, 999, 1000, 2000};
    for (int i = 0; i < 8; i++)
        sort_and_compare(&m, 1000, 6, 0, limits[i]);
    key_shape_unref(sort_shape);
    machine_close(&m);
}

static void a_sorter_can_be_used_again(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    sort_shape = machine_shape(&m, 1, FIELDS);
    Sorter *s;
    Prng prng = {0};
    Row row;
    bool empty;
    assert_ok(sorter_new(&m.db, sort_shape, 0, &s));
    for (int turn = 0; turn < 3; turn++) {
        make_row(&row, &prng, 6, turn);
        assert_ok(sorter_insert(s, row.record, row.size, NULL));
        assert_ok(sorter_sort(s, &empty));
        assert_false(empty);
        assert_int_equal(sorter_next(s), SQLITE_DONE);
        sorter_reset(s);
    }
    assert_ok(sorter_sort(s, &empty));
    assert_true(empty);
    sorter_free(s);
    key_shape_unref(sort_shape);
    machine_close(&m);
}

static void running_out_of_memory_leaks_nothing(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    sort_shape = machine_shape(&m, 1, FIELDS);
    AllocStats before, after;
    alloc_stats(&before, false);
    for (int n = 1; n < 100; n++) {
        Prng prng = {0};
        Row row;
        Sorter *s = NULL;
        bool empty;
        alloc_fault_arm(n, false);
        int rc = sorter_new(&m.db, sort_shape, 300 * 1024, &s);
        for (int i = 0; i < 20000 && rc == SQLITE_OK; i++) {
            make_row(&row, &prng, 6, i);
            rc = sorter_insert(s, row.record, row.size, NULL);
        }
        if (rc == SQLITE_OK)
            rc = sorter_sort(s, &empty);
        bool struck = alloc_fault_hits() > 0;
        alloc_fault_arm(0, false);
        if (s != NULL)
            sorter_free(s);
        assert_int_equal(rc, struck ? SQLITE_NOMEM : SQLITE_OK);
        if (!struck)
            break;
    }
    alloc_stats(&after, false);
    assert_int_equal(after.count, before.count);
    key_shape_unref(sort_shape);
    machine_close(&m);
}

TEST_SUITE(sorter, cmocka_unit_test(every_mix_of_types_sorts_as_qsort_does),
           cmocka_unit_test(equal_beginnings_and_first_fields_are_told_apart_by_the_rest),
           cmocka_unit_test(what_does_not_fit_is_spilled_and_merged),
           cmocka_unit_test(a_row_limit_keeps_the_first_and_stays_stable),
           cmocka_unit_test(a_sorter_can_be_used_again),
           cmocka_unit_test(running_out_of_memory_leaks_nothing))
