// engine/vm/hash_table.c, rowset.c: groups, sets of rowids.
#include "support/machine.h"
#include "support/test.h"

#include "vm/hash_table.h"
#include "vm/rowset.h"

static Value integer(i64 n)
{
    Value v = {0};
    value_set_i64(&v, n);
    return v;
}

static Value text(const char *s)
{
    Value v = {0};
    assert_ok(value_set_text(&v, s, strlen(s), SQLITE_UTF8, BYTES_STATIC));
    return v;
}

static void groups_keep_their_accumulators_and_come_sorted(void **state)
{
    (void)state;
    HashTable *h;
    HashGroupResult result;
    bool empty;
    Value sum = {.flags = V_NULL};
    assert_ok(hash_new(NULL, NULL, 1, 1, &h));
    for (int i = 0; i < 3000; i++) {
        Value key = integer((i * 7919) % 300);
        assert_ok(hash_group(h, &key, &sum, &result));
        if (result == GROUP_IS_NEW)
            value_set_i64(&sum, 0);
        sum.u.integer += i;
    }
    hash_group_store(h, &sum);
    assert_int_equal(hash_count(h), 300);
    assert_ok(hash_rewind(h, HASH_SORTED, &empty));
    i64 total = 0;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(hash_value(h, 0)->u.integer, i);
        hash_group_load(h, &sum);
        total += sum.u.integer;
        assert_int_equal(hash_step(h), i < 299);
    }
    assert_int_equal(total, 2999 * 3000 / 2);
    hash_free(h);
}

static void a_full_table_refuses_new_groups_only(void **state)
{
    (void)state;
    HashTable *h;
    HashGroupResult result;
    Value count = {.flags = V_NULL};
    u64 admitted = 0;
    assert_ok(hash_new(NULL, NULL, 1, 1, &h));
    hash_set_memory_max(h, 20000);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 1000; i++) {
            Value key = integer(i);
            assert_ok(hash_group(h, &key, &count, &result));
            if (result == GROUP_IS_NEW) {
                value_set_i64(&count, 0);
                admitted++;
            }
            assert_int_equal(result == GROUP_IS_REFUSED, (u64)i >= admitted);
            count.u.integer += result != GROUP_IS_REFUSED;
        }
        assert_true(hash_has_refused(h));
    }
    assert_in_range(admitted, 20, 300);
    hash_group_store(h, &count);
    bool empty;
    assert_ok(hash_rewind(h, 0, &empty));
    do {
        hash_group_load(h, &count);
        assert_int_equal(count.u.integer, 2);
    } while (hash_step(h));
    hash_reset(h);
    assert_false(hash_has_refused(h));
    hash_free(h);
}

static void a_full_table_closes_when_few_rows_find_their_group(void **state)
{
    (void)state;
    HashTable *h;
    HashGroupResult result;
    Value count = {.flags = V_NULL};
    assert_ok(hash_new(NULL, NULL, 1, 1, &h));
    hash_set_memory_max(h, 20000);
    hash_allow_closing(h);
    int rows = 0;
    while (hash_door(h) == HASH_OPEN && rows < 20000) {
        Value key = integer(rows++);
        assert_ok(hash_group(h, &key, &count, &result));
    }
    assert_int_equal(hash_door(h), HASH_CLOSING);
    assert_in_range(rows, 4096, 5000);
    hash_closed(h);
    assert_int_equal(hash_door(h), HASH_CLOSED);
    hash_reset(h);
    assert_int_equal(hash_door(h), HASH_OPEN);
    hash_free(h);
}

static void a_full_table_stays_open_for_rows_of_its_groups(void **state)
{
    (void)state;
    HashTable *h;
    HashGroupResult result;
    Value count = {.flags = V_NULL};
    assert_ok(hash_new(NULL, NULL, 1, 1, &h));
    hash_set_memory_max(h, 20000);
    hash_allow_closing(h);
    for (int i = 0; i < 20000; i++) {
        Value key = integer(i % 2 == 0 ? i : i % 20);
        assert_ok(hash_group(h, &key, &count, &result));
    }
    assert_true(hash_has_refused(h));
    assert_int_equal(hash_door(h), HASH_OPEN);
    hash_free(h);
}

static Value key_of(int i, char *room, size_t size)
{
    snprintf(room, size, "key number %d", i / 2);
    Value v = i % 2 == 0 ? integer(i) : text(room);
    if (i == 7)
        v = (Value){.flags = V_NULL};
    return v;
}

static void a_set_knows_its_keys_when_it_has_outgrown_memory(void **state)
{
    (void)state;
    Machine m;
    HashTable *h;
    machine_open(&m);
    assert_ok(hash_new(&m.db, NULL, 1, 0, &h));
    hash_set_memory_max(h, 20000);
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 5000; i++) {
            char room[32];
            HashGroupResult result;
            Value key = key_of(i, room, sizeof room);
            assert_ok(hash_group(h, &key, NULL, &result));
            assert_int_equal(result, turn % 2 == 0 ? GROUP_IS_NEW : GROUP_IS_KNOWN);
        }
        assert_in_range(hash_count(h), 100, 1000);
        if (turn == 1)
            hash_reset(h);
    }
    hash_free(h);
    machine_close(&m);
}

static void a_rowid_set_empties_in_order_without_duplicates(void **state)
{
    (void)state;
    RowSet *set = rowset_new();
    RowId rowid;
    for (int i = 0; i < 1000; i++)
        assert_ok(rowset_add(set, (i * 7) % 500 - 250));
    assert_true(rowset_has(set, -250));
    assert_false(rowset_has(set, 250));
    for (int i = 0; i < 500; i++) {
        assert_true(rowset_take_smallest(set, &rowid));
        assert_int_equal(rowid, i - 250);
    }
    assert_false(rowset_take_smallest(set, &rowid));
    rowset_free(set);
}

TEST_SUITE(hash_table, cmocka_unit_test(groups_keep_their_accumulators_and_come_sorted),
           cmocka_unit_test(a_full_table_refuses_new_groups_only),
           cmocka_unit_test(a_full_table_closes_when_few_rows_find_their_group),
           cmocka_unit_test(a_full_table_stays_open_for_rows_of_its_groups),
           cmocka_unit_test(a_set_knows_its_keys_when_it_has_outgrown_memory),
           cmocka_unit_test(a_rowid_set_empties_in_order_without_duplicates))
