// engine/catalog/schema.c: objects stay where lookups find them, whatever else goes.
#include "support/test.h"

#include "base/alloc.h"
#include "catalog/connection.h"
#include <stdio.h>

enum { CHILDREN = 12 }; // more than a map has room for at first

static void add_child(Schema *schema, int number)
{
    char name[16];
    snprintf(name, sizeof name, "child%d", number);
    Table *table = table_new(schema, name);
    assert_non_null(table);
    ForeignKey *fk = arena_array(&table->arena, 1, sizeof *fk);
    assert_non_null(fk);
    fk->child = table;
    fk->parent = arena_dup(&table->arena, "parent", 6);
    table->foreign_keys = fk;
    assert_ok(schema_add_table(schema, table));
}

static int count_children(Schema *schema)
{
    int count = 0;
    for (const ForeignKey *fk = name_map_find(&schema->parents, "PARENT"); fk != NULL;
         fk = fk->next_of_parent)
        count++;
    return count;
}

// A lost link would let rows of the parent go that other children refer to.
static void dropping_a_child_keeps_the_others_even_without_memory(void **state)
{
    (void)state;
    Schema *schema = schema_new();
    assert_non_null(schema);
    for (int i = 0; i < CHILDREN; i++)
        add_child(schema, i);
    assert_int_equal(count_children(schema), CHILDREN);

    alloc_fault_arm(1, true);
    for (int left = CHILDREN - 1; left >= 0; left--) {
        char name[16];
        snprintf(name, sizeof name, "child%d", left % 2 == 0 ? left / 2 : CHILDREN - 1 - left / 2);
        schema_remove_table(schema, name);
        assert_int_equal(count_children(schema), left);
    }
    alloc_fault_arm(0, false);

    assert_null(name_map_find(&schema->parents, "parent"));
    schema_unref(schema);
}

TEST_SUITE(schema, cmocka_unit_test(dropping_a_child_keeps_the_others_even_without_memory))
