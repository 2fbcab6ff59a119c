// Schema objects in memory: making them, linking them where lookups find them, freeing them (laws
// C1 to C6 of schema.h).
//
// Adding is all or nothing but for the object itself: a map that cannot grow leaves the others as
// they were, and the caller frees what it could not add. Removing cannot fail.

#include "catalog/schema.h"
#include "base/alloc.h"
#include "catalog/connection.h"
#include "catalog/samples.h"
#include <string.h>

// --- making and freeing ---

Schema *schema_new(void)
{
    Schema *schema = mem_alloc_zeroed(sizeof *schema);
    if (schema != NULL) {
        schema->refs = 1;
        schema->encoding = SQLITE_UTF8;
        schema->file_format = 4;
    }
    return schema;
}

Table *table_new(Schema *schema, const char *name)
{
    ASSERT(name != NULL);

    Table *table = mem_alloc_zeroed(sizeof *table);
    if (table == NULL)
        return NULL;
    table->schema = schema;
    table->rowid_alias = -1;
    table->refs = 1;
    table->name = arena_dup(&table->arena, name, strlen(name));
    if (table->name == NULL) {
        arena_deinit(&table->arena);
        mem_free(table);
        return NULL;
    }
    return table;
}

Index *index_new(Table *table, const char *name, u16 column_count)
{
    ASSERT(table != NULL && name != NULL);

    Index *index = mem_alloc_zeroed(sizeof *index);
    if (index == NULL)
        return NULL;
    Arena *arena = &index->arena;
    index->table = table;
    index->schema = table->schema;
    index->column_count = column_count;
    u16 room = column_count > 0 ? column_count : 1;
    index->name = arena_dup(arena, name, strlen(name));
    index->columns = arena_array(arena, room, sizeof *index->columns);
    index->exprs = arena_array(arena, room, sizeof(Expr *));
    index->collations = arena_array(arena, room, sizeof *index->collations);
    index->sort_flags = arena_array(arena, room, 1);
    if (arena->failed) {
        index_free(index);
        return NULL;
    }
    return index;
}

void index_free(Index *index)
{
    if (index == NULL)
        return;
    key_shape_unref(index->shape);
    index_samples_free(index->samples);
    arena_deinit(&index->arena);
    mem_free(index);
}

// With its indexes, but not its triggers, which are in a map of their own.
void table_free(Table *table)
{
    ASSERT(table == NULL || table->virtual_tables == NULL);

    if (table == NULL)
        return;
    while (table->indexes != NULL) {
        Index *index = table->indexes;
        table->indexes = index->next;
        index_free(index);
    }
    arena_deinit(&table->arena);
    mem_free(table);
}

void trigger_free(Trigger *trigger)
{
    if (trigger == NULL)
        return;
    arena_deinit(&trigger->arena);
    mem_free(trigger);
}

static void (*release_virtual)(Table *table);

void schema_install_virtual_release(void (*release)(Table *table))
{
    // Set once while the library initialises; the modules live above this layer.
    release_virtual = release;
}

// Modules may look at the connection when their table goes, so all objects still stand meanwhile.
static void release_virtual_tables(const Schema *schema)
{
    for (NameEntry *e = name_map_first(&schema->tables); e != NULL;
         e = name_map_next(&schema->tables, e)) {
        Table *table = e->value;
        if (table->virtual_tables == NULL)
            continue;
        ASSERT(table->kind == TABLE_VIRTUAL);
        release_virtual(table);
    }
}

static void schema_drop_objects(Schema *schema)
{
    // Triggers before tables: a trigger's arena is its own, but it is reached through maps that
    // must still stand. Indexes go with their tables.
    release_virtual_tables(schema);
    for (NameEntry *e = name_map_first(&schema->triggers); e != NULL;
         e = name_map_next(&schema->triggers, e))
        trigger_free(e->value);
    for (NameEntry *e = name_map_first(&schema->tables); e != NULL;
         e = name_map_next(&schema->tables, e))
        table_free(e->value);
    name_map_deinit(&schema->triggers);
    name_map_deinit(&schema->indexes);
    name_map_deinit(&schema->tables);
    name_map_deinit(&schema->parents);
    schema->sequence = NULL;
}

void schema_clear(Schema *schema)
{
    schema_drop_objects(schema);
    schema->is_loaded = false;
    schema->is_incomplete = false;
    schema->generation++;
}

void schema_unref(Schema *schema)
{
    ASSERT(schema == NULL || schema->refs > 0);

    if (schema == NULL || --schema->refs > 0)
        return;
    schema_drop_objects(schema);
    mem_free(schema);
}

// --- adding ---

// Foreign keys are found by the parent's name: a chain per name, newest first. The map borrows the
// name from the first of the chain.
static int link_parents(Schema *schema, Table *table)
{
    ASSERT(table->schema == schema);

    for (ForeignKey *fk = table->foreign_keys; fk != NULL; fk = fk->next_of_child) {
        fk->next_of_parent = name_map_find(&schema->parents, fk->parent);
        TRY(name_map_put(&schema->parents, fk->parent, fk, NULL));
    }
    return SQLITE_OK;
}

// Takes one foreign key out of the chain of its parent's name. The map borrows its key from the
// first of the chain, so that when the first one goes, the entry is put again under the next one's
// name.
static void unlink_parent(Schema *schema, const ForeignKey *fk)
{
    ForeignKey *first = name_map_find(&schema->parents, fk->parent);
    if (first != fk) {
        while (first != NULL && first->next_of_parent != fk)
            first = first->next_of_parent;
        if (first != NULL)
            first->next_of_parent = fk->next_of_parent;
        return;
    }
    ForeignKey *next = fk->next_of_parent;
    if (next == NULL) {
        name_map_remove(&schema->parents, fk->parent);
        return;
    }
    int rc = name_map_put(&schema->parents, next->parent, next, NULL);
    ASSERT(rc == SQLITE_OK); // an entry that is there changes in place
    (void)rc;
}

static void unlink_parents(Schema *schema, const Table *table)
{
    ASSERT(table->schema == schema);

    for (const ForeignKey *fk = table->foreign_keys; fk != NULL; fk = fk->next_of_child)
        unlink_parent(schema, fk);
}

// Takes it out of every map, however much of it is there.
static void unlist_table(Schema *schema, const Table *table)
{
    ASSERT(table->schema == schema);

    if (name_map_find(&schema->tables, table->name) == table)
        name_map_remove(&schema->tables, table->name);
    for (const Index *index = table->indexes; index != NULL; index = index->next) {
        if (name_map_find(&schema->indexes, index->name) == index)
            name_map_remove(&schema->indexes, index->name);
    }
    unlink_parents(schema, table);
}

// Puts the table and what hangs on it where it is found; the caller undoes a half of it
// (unlist_table).
static int list_table(Schema *schema, Table *table)
{
    ASSERT(table->name != NULL);

    void *former = NULL;
    TRY(name_map_put(&schema->tables, table->name, table, &former));
    ASSERT(former == NULL);
    table_size_default(table);
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        TRY(index_estimates_default(index));
        TRY(name_map_put(&schema->indexes, index->name, index, NULL));
    }
    return link_parents(schema, table);
}

int schema_add_table(Schema *schema, Table *table)
{
    ASSERT(table->schema == schema);

    int rc = list_table(schema, table);
    if (rc != SQLITE_OK) {
        unlist_table(schema, table);
        return rc;
    }
    if (strcmp(table->name, "sqlite_sequence") == 0)
        schema->sequence = table;
    schema->generation++;
    return SQLITE_OK;
}

int schema_add_index(Schema *schema, Index *index)
{
    ASSERT(index->schema == schema);

    TRY(index_estimates_default(index));
    TRY(name_map_put(&schema->indexes, index->name, index, NULL));
    // Newest first, as SQLite lists and considers them.
    Index **at = &index->table->indexes;
    // Indexes that REPLACE stay at the end: other constraints are checked first.
    if (index->conflict == ON_CONFLICT_REPLACE) {
        while (*at != NULL)
            at = &(*at)->next;
    }
    index->next = *at;
    *at = index;
    schema->generation++;
    return SQLITE_OK;
}

// A temp trigger on a table of another database is in the map alone: the table's schema may be
// read anew while the temp one stays.
int schema_add_trigger(Schema *schema, Trigger *trigger)
{
    ASSERT(trigger->schema == schema);

    TRY(name_map_put(&schema->triggers, trigger->name, trigger, NULL));
    if (trigger->table_schema == trigger->schema) {
        Table *table = name_map_find(&schema->tables, trigger->table_name);
        if (table != NULL) {
            trigger->next_of_table = table->triggers;
            table->triggers = trigger;
        }
    }
    schema->generation++;
    return SQLITE_OK;
}

// --- removing ---

static void unlink_trigger(Schema *schema, const Trigger *trigger)
{
    ASSERT(trigger->schema == schema);

    Table *table = name_map_find(&schema->tables, trigger->table_name);
    if (table == NULL)
        return;
    for (Trigger **at = &table->triggers; *at != NULL; at = &(*at)->next_of_table) {
        if (*at == trigger) {
            *at = trigger->next_of_table;
            return;
        }
    }
}

void schema_remove_trigger(Schema *schema, const char *name)
{
    Trigger *trigger = name_map_remove(&schema->triggers, name);
    if (trigger == NULL)
        return;
    unlink_trigger(schema, trigger);
    trigger_free(trigger);
    schema->generation++;
}

// Its root page is the caller's to free.
void schema_remove_index(Schema *schema, const char *name)
{
    Index *index = name_map_remove(&schema->indexes, name);
    if (index == NULL)
        return;
    for (Index **at = &index->table->indexes; *at != NULL; at = &(*at)->next) {
        if (*at == index) {
            *at = index->next;
            break;
        }
    }
    index_free(index);
    schema->generation++;
}

void schema_remove_table(Schema *schema, const char *name)
{
    Table *table = name_map_find(&schema->tables, name);
    if (table == NULL)
        return;
    unlist_table(schema, table);
    while (table->triggers != NULL) {
        Trigger *trigger = table->triggers;
        table->triggers = trigger->next_of_table;
        name_map_remove(&schema->triggers, trigger->name);
        trigger_free(trigger);
    }
    if (schema->sequence == table)
        schema->sequence = NULL;
    table_free(table);
    schema->generation++;
}

// --- questions about tables and indexes ---

int table_column_index(const Table *table, const char *name)
{
    ASSERT(name != NULL);

    for (int i = 0; i < table->column_count; i++) {
        if (name_equals(table->columns[i].name, name))
            return i;
    }
    return -1;
}

// Counts the stored columns before it: linear, but only of tables that have virtual ones.
int table_storage_column(const Table *table, int column)
{
    ASSERT(column < table->column_count);

    if (column < 0 || (table->flags & TABLE_HAS_VIRTUAL) == 0)
        return column;
    if ((table->columns[column].flags & COLUMN_VIRTUAL) != 0)
        return -1;
    int field = 0;
    for (int i = 0; i < column; i++)
        field += (table->columns[i].flags & COLUMN_VIRTUAL) == 0;
    return field;
}

int table_column_of_storage(const Table *table, int field)
{
    ASSERT(field < table->column_count);

    if (field < 0 || (table->flags & TABLE_HAS_VIRTUAL) == 0)
        return field;
    for (int i = 0; i < table->column_count; i++) {
        if ((table->columns[i].flags & COLUMN_VIRTUAL) == 0 && field-- == 0)
            return i;
    }
    return -1;
}

Index *table_primary_key(const Table *table)
{
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        if ((index->flags & INDEX_PRIMARY_KEY) != 0)
            return index;
    }
    return NULL;
}

int index_find_column(const Index *index, int table_column)
{
    for (int i = 0; i < index->column_count; i++) {
        if (index->columns[i] == table_column)
            return i;
    }
    return -1;
}

bool table_is_rowid(const Table *table)
{
    return table->kind == TABLE_ORDINARY && (table->flags & TABLE_WITHOUT_ROWID) == 0;
}

bool name_is_rowid(const char *name)
{
    return name_equals(name, "rowid") || name_equals(name, "_rowid_") || name_equals(name, "oid");
}

void schema_move_root(Schema *schema, Pgno from, Pgno to)
{
    ASSERT(from != 0 && to != 0);

    for (NameEntry *e = name_map_first(&schema->tables); e; e = name_map_next(&schema->tables, e)) {
        Table *table = e->value;
        if (table->root == from)
            table->root = to;
    }
    for (NameEntry *e = name_map_first(&schema->indexes); e;
         e = name_map_next(&schema->indexes, e)) {
        Index *index = e->value;
        if (index->root == from)
            index->root = to;
    }
}
