// REINDEX: indexes are emptied and filled again, all of them, a table's, one, or those that use a
// collation.

#include "base/hashmap.h"
#include "sql/code/code_ddl.h"

static bool uses_collation(const Index *index, const char *collation)
{
    ASSERT(collation != NULL);

    for (int i = 0; i < index->column_count; i++) {
        if (index->columns[i] != COLUMN_ROWID && name_equals(index->collations[i], collation))
            return true;
    }
    return false;
}

// The key of a table WITHOUT ROWID is the table itself and stays as it is; the authorizer hears of
// it all the same.
static void reindex_index(Codegen *g, Index *index)
{
    ASSERT(index->table != NULL);

    int database = schema_index(g->db, index->schema);
    codegen_writes(g, database, true);
    codegen_locks(g, database, index->table, true);
    if (index->root == index->table->root)
        (void)code_authorize(g, SQLITE_REINDEX, index->name, NULL, database);
    else
        code_refill_index(g, index, 0);
}

static void reindex_table(Codegen *g, Table *table, const char *collation)
{
    ASSERT(table != NULL);

    if (table->kind != TABLE_ORDINARY)
        return;
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        if (collation == NULL || uses_collation(index, collation))
            reindex_index(g, index);
    }
}

static void reindex_all(Codegen *g, const char *collation)
{
    for (int i = 0; i < g->db->database_count; i++) {
        const NameMap *tables = &g->db->databases[i].schema->tables;
        for (NameEntry *e = name_map_first(tables); e != NULL; e = name_map_next(tables, e))
            reindex_table(g, e->value, collation);
    }
}

// A name is that of a collation first, then of a table, then of an index.
void code_reindex(Codegen *g, const QualifiedName *target)
{
    ASSERT(target != NULL);

    if (target->name == NULL) {
        reindex_all(g, NULL);
        return;
    }
    if (target->schema == NULL
        && catalog_find_collation(g->db, g->db->encoding, target->name) != NULL) {
        reindex_all(g, target->name);
        return;
    }
    if (target->schema != NULL && connection_find_database(g->db, target->schema) < 0) {
        codegen_error(g, SQLITE_ERROR, "unknown database %s", target->schema);
        return;
    }
    Table *table = catalog_find_table(g->db, target->name, target->schema);
    if (table != NULL) {
        reindex_table(g, table, NULL);
        return;
    }
    Index *index = catalog_find_index(g->db, target->name, target->schema);
    if (index == NULL) {
        codegen_error(g, SQLITE_ERROR, "unable to identify the object to be reindexed");
        return;
    }
    reindex_index(g, index);
}
