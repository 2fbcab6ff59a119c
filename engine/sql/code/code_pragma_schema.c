// Pragmas that list what there is: tables, columns, indexes, foreign keys, functions, collations,
// modules, databases.

#include "base/hashmap.h"
#include "func/compile_option.h"
#include "func/func.h"
#include "sql/code/code_pragma.h"
#include "vtab/vtab.h"
#include <string.h>

// --- tables ---

// A module used without CREATE VIRTUAL TABLE, as table: json_each. It is in every schema.
static int find_eponymous(const PragmaCode *p, Table **table)
{
    ASSERT(p->value != NULL);

    Module *module = module_find(p->db, p->value);
    return module != NULL ? module_eponymous_table(p->db, module, table) : SQLITE_OK;
}

static Table *named_table(PragmaCode *p)
{
    ASSERT(p->database >= 0);

    if (p->value == NULL)
        return NULL;
    int rc = SQLITE_OK;
    Table *table = catalog_find_table(p->db, p->value, p->schema);
    if (table == NULL)
        rc = find_eponymous(p, &table);
    if (table == NULL) {
        if (rc != SQLITE_OK)
            codegen_fail(p->g, rc);
        return NULL;
    }
    if (table->kind == TABLE_VIEW)
        rc = resolve_view_columns(p->db, table);
    else if (table->kind == TABLE_VIRTUAL)
        rc = vtab_connect(p->db, table);
    if (rc != SQLITE_OK) {
        codegen_fail(p->g, rc);
        return NULL;
    }
    return table;
}

// 1-based place in the PRIMARY KEY; 0: no part of it.
static int key_position(const Table *table, int column)
{
    ASSERT(column >= 0 && column < table->column_count);

    if ((table->columns[column].flags & COLUMN_PRIMARY_KEY) == 0)
        return 0;
    const Index *primary = table->kind == TABLE_ORDINARY ? table_primary_key(table) : NULL;
    if (primary == NULL)
        return 1;
    for (int i = 0; i < primary->key_count; i++) {
        if (primary->columns[i] == column)
            return i + 1;
    }
    return 1;
}

// table_xinfo's last column: 1 a virtual table's hidden column, 2 and 3 generated, virtual and
// stored.
static int hidden_kind(const Column *column)
{
    ASSERT(column != NULL);

    if ((column->flags & COLUMN_VIRTUAL) != 0)
        return 2;
    if ((column->flags & COLUMN_STORED) != 0)
        return 3;
    return (column->flags & COLUMN_HIDDEN) != 0;
}

void pragma_table_info(PragmaCode *p)
{
    ASSERT(p->argument == 0 || p->argument == 1);

    const Table *table = named_table(p);
    bool all = p->argument == 1;
    int skipped = 0;
    codegen_reads(p->g, table != NULL ? schema_index(p->db, table->schema) : p->database);
    for (int i = 0; table != NULL && i < table->column_count; i++) {
        const Column *column = &table->columns[i];
        int hidden = hidden_kind(column);
        if (hidden != 0 && !all) {
            skipped++;
            continue;
        }
        bool generated = (column->flags & COLUMN_GENERATED) != 0;
        const char *fallback = generated ? NULL : column->default_text;
        pragma_row(p, all ? "issisii" : "issisi", i - skipped, column->name,
                   column->type != NULL ? column->type : "", column->not_null != 0, fallback,
                   key_position(table, i), hidden);
    }
}

static const char *kind_name(sqlite3 *db, const Table *table)
{
    ASSERT(table != NULL);

    if (table->kind == TABLE_VIEW)
        return "view";
    if (table->kind == TABLE_VIRTUAL)
        return "virtual";
    return vtab_is_shadow(db, table) ? "shadow" : "table";
}

static const char *preferred_name(const char *name)
{
    if (name_equals(name, "sqlite_master"))
        return "sqlite_schema";
    return name_equals(name, "sqlite_temp_master") ? "sqlite_temp_schema" : name;
}

static void list_table(PragmaCode *p, int database, Table *table)
{
    ASSERT(database >= 0 && database < p->db->database_count);

    bool by_name = p->value == NULL || name_equals(p->value, table->name)
                   || name_equals(p->value, preferred_name(table->name));
    if (!by_name)
        return;
    if (table->kind == TABLE_VIEW && resolve_view_columns(p->db, table) != SQLITE_OK)
        connection_error_clear(p->db); // a view that is broken has no columns
    pragma_row(p, "sssiii", p->db->databases[database].name, preferred_name(table->name),
               kind_name(p->db, table), table->column_count,
               (table->flags & TABLE_WITHOUT_ROWID) != 0, (table->flags & TABLE_STRICT) != 0);
}

// Newest first; the schema's own table, which comes first of all, last.
void pragma_table_list(PragmaCode *p)
{
    ASSERT(p->row > 0);

    codegen_reads(p->g, p->database);
    for (int i = 0; i < p->db->database_count; i++) {
        if (p->schema != NULL && i != p->database)
            continue;
        const NameMap *tables = &p->db->databases[i].schema->tables;
        for (u32 k = tables->entry_count; k > 0; k--) {
            if (tables->entries[k - 1].name != NULL)
                list_table(p, i, tables->entries[k - 1].value);
        }
    }
}

// --- indexes ---

void pragma_index_info(PragmaCode *p)
{
    ASSERT(p->argument == 0 || p->argument == 1);

    Index *index = p->value != NULL ? catalog_find_index(p->db, p->value, p->schema) : NULL;
    if (index == NULL && p->value != NULL) {
        Table *table = catalog_find_table(p->db, p->value, p->schema);
        if (table != NULL && (table->flags & TABLE_WITHOUT_ROWID) != 0)
            index = table_primary_key(table);
    }
    if (index == NULL)
        return;
    codegen_reads(p->g, schema_index(p->db, index->schema));
    bool all = p->argument == 1;
    int count = all ? index->column_count : index->key_count;
    for (int i = 0; i < count; i++) {
        int column = index->columns[i];
        if (column == ROWID_COLUMN && i < index->key_count && index->table->rowid_alias >= 0)
            column = index->table->rowid_alias;
        const char *name = column >= 0 ? index->table->columns[column].name : NULL;
        pragma_row(p, all ? "iisisi" : "iis", i, column, name,
                   (index->sort_flags[i] & KEY_DESC) != 0, index->collations[i],
                   i < index->key_count);
    }
}

void pragma_index_list(PragmaCode *p)
{
    ASSERT(p->row > 0);

    const Table *table = p->value != NULL ? catalog_find_table(p->db, p->value, p->schema) : NULL;
    if (table == NULL)
        return;
    codegen_reads(p->g, schema_index(p->db, table->schema));
    int number = 0;
    for (const Index *index = table->indexes; index != NULL; index = index->next) {
        const char *origin = (index->flags & INDEX_PRIMARY_KEY) != 0  ? "pk"
                             : (index->flags & INDEX_CONSTRAINT) != 0 ? "u"
                                                                      : "c";
        pragma_row(p, "isisi", number++, index->name, (index->flags & INDEX_UNIQUE) != 0, origin,
                   index->where != NULL);
    }
}

// --- foreign keys ---

static const char *action_name(u8 action)
{
    ASSERT(action <= FK_CASCADE);

    static const char *const names[] = {"NO ACTION", "RESTRICT", "SET NULL", "SET DEFAULT",
                                        "CASCADE"};
    return names[action];
}

void pragma_foreign_key_list(PragmaCode *p)
{
    ASSERT(p->row > 0);

    const Table *table = p->value != NULL ? catalog_find_table(p->db, p->value, p->schema) : NULL;
    if (table == NULL || table->kind != TABLE_ORDINARY || table->foreign_keys == NULL)
        return;
    codegen_reads(p->g, schema_index(p->db, table->schema));
    int number = 0;
    for (const ForeignKey *fk = table->foreign_keys; fk != NULL; fk = fk->next_of_child) {
        for (int i = 0; i < fk->column_count; i++)
            pragma_row(p, "iissssss", number, i, fk->parent,
                       table->columns[fk->columns[i].from].name, fk->columns[i].to,
                       action_name(fk->on_update), action_name(fk->on_delete), "NONE");
        number++;
    }
}

// --- databases, collations, modules, functions ---

void pragma_database_list(PragmaCode *p)
{
    ASSERT(p->row > 0);

    for (int i = 0; i < p->db->database_count; i++) {
        const Database *database = &p->db->databases[i];
        if (database->btree != NULL)
            pragma_row(p, "iss", i, database->name, sqlite3_db_filename(p->db, database->name));
    }
}

void pragma_collation_list(PragmaCode *p)
{
    ASSERT(p->row > 0);

    static const char *const builtin[] = {"RTRIM", "NOCASE", "BINARY"};
    int number = 0;
    const NameMap *collations = &p->db->collations;
    for (u32 k = collations->entry_count; k > 0; k--) {
        if (collations->entries[k - 1].name != NULL)
            pragma_row(p, "is", number++, collations->entries[k - 1].name);
    }
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        if (name_map_find(collations, builtin[i]) == NULL)
            pragma_row(p, "is", number++, builtin[i]);
    }
}

void pragma_module_list(PragmaCode *p)
{
    const NameMap *modules = &p->db->modules;
    for (NameEntry *e = name_map_first(modules); e != NULL; e = name_map_next(modules, e))
        pragma_row(p, "s", e->name);
}

static const char *function_kind(const FuncDef *def)
{
    if ((def->flags & FUNC_WINDOW) != 0)
        return "w";
    return (def->flags & FUNC_AGGREGATE) != 0 ? "a" : "s";
}

void pragma_function_list(PragmaCode *p)
{
    ASSERT(p->row > 0);

    static const char *const encodings[] = {"utf8", "utf8", "utf16le", "utf16be"};
    // A function that takes n arguments or more is listed with -n-2, as SQLite does.
    enum { SHOWN = SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY | SQLITE_SUBTYPE | SQLITE_INNOCUOUS };
    FuncIterator it;
    for (const FuncDef *def = func_first(p->db, &it); def != NULL; def = func_next(p->db, &it)) {
        if ((def->flags & FUNC_HIDDEN) != 0)
            continue;
        pragma_row(p, "sissii", def->name, (def->flags & FUNC_BUILTIN) != 0, function_kind(def),
                   encodings[def->encoding & 3], (int)def->arg_count, (int)(def->flags & SHOWN));
    }
}

void pragma_compile_options(PragmaCode *p)
{
    for (int i = 0; compile_option_get(i) != NULL; i++)
        pragma_row(p, "s", compile_option_get(i));
}
