// Finding databases, tables, indexes, triggers and collations by name, in SQLite's order: temp
// first, then main, then attached databases as they were attached.

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/utf.h"
#include "catalog/connection.h"
#include <string.h>

int connection_find_database(const sqlite3 *db, const char *name)
{
    if (name == NULL)
        return -1;
    for (int i = db->database_count - 1; i >= 0; i--) {
        if (db->databases[i].name != NULL && name_equals(db->databases[i].name, name))
            return i;
    }
    return name_equals(name, "main") ? DB_MAIN : -1;
}

// -1: of a database that has been detached since.
int schema_index(const sqlite3 *db, const Schema *schema)
{
    for (int i = 0; i < db->database_count; i++) {
        if (db->databases[i].schema == schema)
            return i;
    }
    return -1;
}

// The i-th database in search order: temp and main change places.
static int search_order(int i)
{
    ASSERT(i >= 0);

    return i < 2 ? i ^ 1 : i;
}

// sqlite_master is sqlite_schema; in temp it is also sqlite_temp_master and sqlite_temp_schema.
// The map knows each schema table by its old name; the new names are read as that.
static Table *find_schema_table(const sqlite3 *db, int database, const char *name)
{
    ASSERT(db->databases[database].schema != NULL);

    NameMap *tables = &db->databases[database].schema->tables;
    bool is_main_name = name_equals(name, "sqlite_schema") || name_equals(name, "sqlite_master");
    bool is_temp_name =
        name_equals(name, "sqlite_temp_schema") || name_equals(name, "sqlite_temp_master");
    if (database == DB_TEMP && (is_temp_name || is_main_name))
        return name_map_find(tables, "sqlite_temp_master");
    return is_main_name ? name_map_find(tables, "sqlite_master") : NULL;
}

static Table *find_in(const sqlite3 *db, int database, const char *name)
{
    ASSERT(database >= 0 && database < db->database_count);

    Table *table = name_map_find(&db->databases[database].schema->tables, name);
    return table != NULL ? table : find_schema_table(db, database, name);
}

Table *catalog_find_table(sqlite3 *db, const char *name, const char *database)
{
    ASSERT(name != NULL);

    if (database != NULL) {
        int i = connection_find_database(db, database);
        return i < 0 || db->databases[i].schema == NULL ? NULL : find_in(db, i, name);
    }
    bool names_schema = name_equals(name, "sqlite_schema") || name_equals(name, "sqlite_master");
    if (names_schema)
        return find_in(db, DB_MAIN, name);
    if (name_equals(name, "sqlite_temp_schema") || name_equals(name, "sqlite_temp_master"))
        return find_in(db, DB_TEMP, name);
    for (int i = 0; i < db->database_count; i++) {
        Table *table = find_in(db, search_order(i), name);
        if (table != NULL)
            return table;
    }
    return NULL;
}

Index *catalog_find_index(sqlite3 *db, const char *name, const char *database)
{
    ASSERT(name != NULL);

    int only = database != NULL ? connection_find_database(db, database) : -1;
    if (database != NULL && only < 0)
        return NULL;
    for (int i = 0; i < db->database_count; i++) {
        int at = search_order(i);
        if (database != NULL && at != only)
            continue;
        Index *index = name_map_find(&db->databases[at].schema->indexes, name);
        if (index != NULL)
            return index;
    }
    return NULL;
}

Trigger *catalog_find_trigger(sqlite3 *db, const char *name, const char *database)
{
    ASSERT(name != NULL);

    int only = database != NULL ? connection_find_database(db, database) : -1;
    if (database != NULL && only < 0)
        return NULL;
    for (int i = 0; i < db->database_count; i++) {
        int at = search_order(i);
        if (database != NULL && at != only)
            continue;
        Trigger *trigger = name_map_find(&db->databases[at].schema->triggers, name);
        if (trigger != NULL)
            return trigger;
    }
    return NULL;
}

// --- triggers of a table ---

static bool is_temp_trigger_on(const Trigger *trigger, const Table *table)
{
    return trigger->table_schema == table->schema && name_equals(trigger->table_name, table->name);
}

// Temp triggers on tables of other databases come first, then the table's own.
Trigger *catalog_next_trigger(sqlite3 *db, const Table *table, const Trigger *after)
{
    ASSERT(table != NULL);

    Schema *temp = db->databases[DB_TEMP].schema;
    bool in_temp = after == NULL || (after->schema == temp && table->schema != temp);
    if (in_temp && temp != NULL && table->schema != temp) {
        bool reached = after == NULL;
        for (NameEntry *e = name_map_first(&temp->triggers); e != NULL;
             e = name_map_next(&temp->triggers, e)) {
            Trigger *trigger = e->value;
            if (reached && is_temp_trigger_on(trigger, table))
                return trigger;
            reached |= trigger == after;
        }
        return table->triggers;
    }
    return after == NULL ? table->triggers : after->next_of_table;
}

// --- collations ---

// One name, up to three encodings.
typedef struct CollationSet {
    Collation variants[3];
    char name[];
} CollationSet;

// NULL: the application has never defined one of that name.
static CollationSet *collation_set(sqlite3 *db, const char *name)
{
    return name_map_find(&db->collations, name);
}

// The variant for that encoding, or else any: the values are converted then.
static const Collation *set_best(const CollationSet *set, u8 encoding)
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    const Collation *exact = &set->variants[encoding - 1];
    if (exact->compare != NULL)
        return exact;
    static const u8 fallback[] = {SQLITE_UTF16BE, SQLITE_UTF16LE, SQLITE_UTF8};
    for (size_t i = 0; i < ARRAY_LEN(fallback); i++) {
        const Collation *other = &set->variants[fallback[i] - 1];
        if (other->compare != NULL)
            return other;
    }
    return NULL;
}

// What the program defines in these calls is looked up again by the caller. The UTF-16 hook gets
// its name with a NUL in the machine's byte order.
static void ask_application(sqlite3 *db, u8 encoding, const char *name)
{
    if (db->collation_needed != NULL)
        db->collation_needed(db->collation_needed_arg, db, encoding, name);
    if (db->collation_needed16 == NULL)
        return;
    Buffer name16 = {0};
    utf8_to_utf16(name, strlen(name) + 1, UTF16_NATIVE == SQLITE_UTF16BE, &name16);
    if (name16.rc == SQLITE_OK)
        db->collation_needed16(db->collation_needed_arg, db, encoding, buffer_text(&name16));
    buffer_deinit(&name16);
}

const Collation *catalog_find_collation(sqlite3 *db, u8 encoding, const char *name)
{
    ASSERT(name != NULL);

    if (name_equals(name, "BINARY"))
        return &collation_binary;
    CollationSet *set = collation_set(db, name);
    const Collation *found = set != NULL ? set_best(set, encoding) : NULL;
    if (found != NULL)
        return found;
    // An application may replace NOCASE and RTRIM, but not BINARY.
    if (name_equals(name, "NOCASE"))
        return &collation_nocase;
    if (name_equals(name, "RTRIM"))
        return &collation_rtrim;
    ask_application(db, encoding, name);
    set = collation_set(db, name);
    return set != NULL ? set_best(set, encoding) : NULL;
}

bool catalog_has_collation(sqlite3 *db, const char *name, u8 encoding)
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    const CollationSet *set = collation_set(db, name);
    return set != NULL && set->variants[encoding - 1].compare != NULL;
}

// Replaces what was there for exactly that name and encoding; `destroy` of the former is called
// first. The struct is copied, its name is the set's own.
int catalog_add_collation(sqlite3 *db, const char *name, u8 encoding, const Collation *collation)
{
    ASSERT(encoding >= SQLITE_UTF8 && encoding <= SQLITE_UTF16BE);

    CollationSet *set = collation_set(db, name);
    if (set == NULL) {
        size_t size = strlen(name) + 1;
        set = mem_alloc_zeroed(sizeof *set + size);
        if (set == NULL)
            return SQLITE_NOMEM;
        memcpy(set->name, name, size);
        int rc = name_map_put(&db->collations, set->name, set, NULL);
        if (rc != SQLITE_OK) {
            mem_free(set);
            return rc;
        }
    }
    Collation *slot = &set->variants[encoding - 1];
    if (slot->destroy != NULL)
        slot->destroy(slot->arg);
    *slot = *collation;
    slot->name = set->name;
    slot->encoding = encoding;
    return SQLITE_OK;
}

void catalog_free_collations(sqlite3 *db)
{
    for (NameEntry *e = name_map_first(&db->collations); e != NULL;
         e = name_map_next(&db->collations, e)) {
        CollationSet *set = e->value;
        for (size_t i = 0; i < ARRAY_LEN(set->variants); i++) {
            if (set->variants[i].destroy != NULL)
                set->variants[i].destroy(set->variants[i].arg);
        }
        mem_free(set);
    }
    name_map_deinit(&db->collations);
}

// --- key shapes ---

KeyShape *index_shape(sqlite3 *db, Index *index)
{
    ASSERT(index->key_count <= index->column_count);
    ASSERT(index->table != NULL);

    if (index->shape != NULL)
        return index->shape;
    // A unique index is told apart by its key alone; others by the whole entry.
    // Fields beyond key_count stay in the record without taking part in comparison.
    u16 all = index->column_count;
    u16 keys = (index->flags & INDEX_UNIQUE_NOT_NULL) != 0 ? index->key_count : all;
    if ((index->flags & INDEX_PRIMARY_KEY) != 0 && (index->table->flags & TABLE_WITHOUT_ROWID) != 0)
        keys = index->key_count;
    KeyShape *shape = key_shape_new(db, db->encoding, keys, all);
    if (shape == NULL) {
        connection_out_of_memory(db);
        return NULL;
    }
    for (u16 i = 0; i < all; i++) {
        const Collation *collation = catalog_find_collation(db, db->encoding, index->collations[i]);
        if (collation == NULL) {
            connection_error(db, SQLITE_ERROR_MISSING_COLLSEQ, "no such collation sequence: %s",
                             index->collations[i]);
            key_shape_unref(shape);
            return NULL;
        }
        shape->fields[i].collation = collation;
        shape->fields[i].flags = index->sort_flags[i];
    }
    index->shape = shape;
    return shape;
}
