// engine/catalog/statistics.c: what is assumed without ANALYZE, and what sqlite_stat1 says.
#include "support/machine.h"
#include "support/test.h"

#include "base/alloc.h"

static Table *make_table(Schema *schema)
{
    Table *table = table_new(schema, "t");
    assert_non_null(table);
    table->column_count = table->stored_count = 2;
    table->columns = arena_array(&table->arena, 2, sizeof *table->columns);
    assert_non_null(table->columns);
    table->columns[0] = (Column){.name = "a", .affinity = AFF_INTEGER};
    table->columns[1] = (Column){.name = "b", .affinity = AFF_TEXT};
    table->rowid_alias = -1;
    return table;
}

static Index *make_index(Machine *m, bool unique)
{
    Schema *schema = m->db.databases[DB_MAIN].schema;
    Table *table = make_table(schema);
    table->row_estimate = 200;
    Index *index = index_new(table, "i", 3);
    index->key_count = 2;
    index->flags = unique ? INDEX_UNIQUE : 0;
    index->columns[1] = 1;
    index->columns[2] = COLUMN_ROWID;
    assert_ok(schema_add_table(schema, table));
    assert_ok(schema_add_index(schema, index));
    return index;
}

static void an_index_never_analysed_is_taken_for_a_middling_one(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    const Index *index = make_index(&m, false);
    assert_int_equal(index->row_estimates[0], 200);
    assert_int_equal(index->row_estimates[1], 33);
    assert_int_equal(index->row_estimates[2], 32);
    machine_close(&m);
}

static void a_unique_index_has_one_row_per_key(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    const Index *index = make_index(&m, true);
    assert_int_equal(index->row_estimates[1], 33);
    assert_int_equal(index->row_estimates[2], 0);
    machine_close(&m);
}

static void running_out_of_memory_adds_no_index(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Schema *schema = m.db.databases[DB_MAIN].schema;
    Table *table = make_table(schema);
    Index *index = index_new(table, "i", 3);
    assert_ok(schema_add_table(schema, table));
    alloc_fault_arm(1, true);
    int rc = schema_add_index(schema, index);
    alloc_fault_arm(0, false);
    if (rc != SQLITE_OK) {
        assert_null(name_map_find(&schema->indexes, "i"));
        index_free(index);
    }
    machine_close(&m);
}

static void a_moved_root_is_followed(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Index *index = make_index(&m, false);
    index->root = 9;
    index->table->root = 4;
    schema_move_root(index->schema, 9, 3);
    schema_move_root(index->schema, 4, 2);
    assert_int_equal(index->root, 3);
    assert_int_equal(index->table->root, 2);
    machine_close(&m);
}

TEST_SUITE(statistics, cmocka_unit_test(an_index_never_analysed_is_taken_for_a_middling_one),
           cmocka_unit_test(a_unique_index_has_one_row_per_key),
           cmocka_unit_test(running_out_of_memory_adds_no_index),
           cmocka_unit_test(a_moved_root_is_followed))
