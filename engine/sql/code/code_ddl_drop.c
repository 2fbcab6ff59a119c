// DROP TABLE, VIEW, INDEX and TRIGGER.
//
//     rows of sqlite_stat1 and 4, and of sqlite_sequence
//     [foreign keys: the rows are deleted first, as far as anybody refers to them]
//     triggers, one by one
//     rows of sqlite_schema;  Destroy each tree (auto-vacuum may move another into its place)
//     DropTable, DropIndex, DropTrigger: the objects in memory
//     cookie

#include "base/hashmap.h"
#include "sql/code/code_ddl.h"
#include "vtab/vtab.h"
#include <string.h>

// Nothing to drop, as far as the schema in memory tells: that it is current is checked when the
// statement runs.
static void verify_absence(Codegen *g, const Drop *drop)
{
    ASSERT(drop->if_exists);

    for (int i = 0; i < g->db->database_count; i++) {
        const Database *d = &g->db->databases[i];
        if (d->btree != NULL
            && (drop->name.schema == NULL || name_equals(drop->name.schema, d->name)))
            codegen_reads(g, i);
    }
}

static void no_such(Codegen *g, const Drop *drop, const char *what)
{
    ASSERT(what != NULL);

    if (drop->if_exists) {
        verify_absence(g, drop);
        return;
    }
    codegen_error(g, SQLITE_ERROR, "no such %s: %s%s%s", what,
                  drop->name.schema != NULL ? drop->name.schema : "",
                  drop->name.schema != NULL ? "." : "", drop->name.name);
}

// --- tables and views ---

// Statistics may go, and the shell's table of parameters.
static bool may_be_dropped(Codegen *g, const Table *table)
{
    ASSERT(table != NULL);

    bool is_ours = name_equals_n(table->name, "sqlite_", 7)
                   && !name_equals_n(table->name + 7, "stat", 4)
                   && !name_equals_n(table->name + 7, "parameters", 10);
    if (is_ours || vtab_guards(g->db, table) || (table->flags & TABLE_EPONYMOUS) != 0) {
        codegen_error(g, SQLITE_ERROR, "table %s may not be dropped", table->name);
        return false;
    }
    return true;
}

static bool authorize_drop(Codegen *g, const Table *table, int database)
{
    ASSERT(database >= 0);

    const char *detail = NULL;
    int action;
    if (table->kind == TABLE_VIEW) {
        action = database == DB_TEMP ? SQLITE_DROP_TEMP_VIEW : SQLITE_DROP_VIEW;
    } else if (table->kind == TABLE_VIRTUAL) {
        action = SQLITE_DROP_VTABLE;
        detail = table->module_args[0];
    } else {
        action = database == DB_TEMP ? SQLITE_DROP_TEMP_TABLE : SQLITE_DROP_TABLE;
    }
    return code_authorize(g, SQLITE_DELETE, ddl_schema_table(database), NULL, database)
           && code_authorize(g, action, table->name, detail, database)
           && code_authorize(g, SQLITE_DELETE, table->name, NULL, database);
}

// Trees go from the highest root down, so that under auto-vacuum none of those still to be dropped
// is moved.
static void code_destroy_trees(Codegen *g, int database, const Table *table)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    Pgno done = 0;
    for (;;) {
        Pgno largest = done == 0 || table->root < done ? table->root : 0;
        for (const Index *index = table->indexes; index != NULL; index = index->next) {
            if ((done == 0 || index->root < done) && index->root > largest)
                largest = index->root;
        }
        if (largest == 0)
            return;
        ddl_code_destroy_root(g, database, largest);
        done = largest;
    }
}

static void code_forget_sequence(Codegen *g, int database, const Table *table)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    if ((table->flags & TABLE_AUTOINCREMENT) == 0)
        return;
    Table *sequence = g->db->databases[database].schema->sequence;
    if (sequence == NULL)
        return;
    if (!code_authorize(g, SQLITE_DELETE, sequence->name, NULL, database)
        || !code_authorize(g, SQLITE_READ, sequence->name, "name", database))
        return;
    int cursor = cursor_new(g);
    Reg value = reg_new(g), wanted = reg_new(g);
    Label next = label_new(g->program);
    code_open_table(g, sequence, cursor, OP_OpenWrite);
    program_emit_text(g->program, OP_String8, 0, wanted, 0, table->name, -1);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_emit(g->program, OP_Column, cursor, 0, value);
    program_emit(g->program, OP_Ne, wanted, next, value);
    program_set_p5(g->program, P5_JUMP_IF_NULL);
    program_emit(g->program, OP_Delete, cursor, 0, 0);
    program_set_p5(g->program, P5_SAVE_POSITION);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

static void code_drop_table(Codegen *g, Table *table, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    codegen_writes(g, database, true);
    if (table->kind == TABLE_ORDINARY) {
        code_drop_method_indexes(g, table);
        ddl_clear_statistics(g, database, "tbl", table->name);
        code_foreign_key_drop(g, table);
    }
    if (table->kind == TABLE_VIRTUAL)
        code_vtab_writes(g, table);
    for (Trigger *t = catalog_next_trigger(g->db, table, NULL); t != NULL;
         t = catalog_next_trigger(g->db, table, t))
        ddl_code_drop_trigger(g, t);
    code_forget_sequence(g, database, table);
    ddl_code_schema_delete(g, database, NULL, 2, table->name);
    if (table->kind == TABLE_ORDINARY)
        code_destroy_trees(g, database, table);
    if (table->kind == TABLE_VIRTUAL) {
        program_emit_text(g->program, OP_VDestroy, database, 0, 0, table->name, -1);
        codegen_may_abort(g);
    }
    program_emit_text(g->program, OP_DropTable, database, 0, 0, table->name, -1);
    ddl_code_change_cookie(g, database);
}

static void drop_table(Codegen *g, const Drop *drop)
{
    ASSERT(drop->kind == OBJECT_TABLE || drop->kind == OBJECT_VIEW);

    bool wants_view = drop->kind == OBJECT_VIEW;
    Table *table = catalog_find_table(g->db, drop->name.name, drop->name.schema);
    if (table == NULL) {
        no_such(g, drop, wants_view ? "view" : "table");
        return;
    }
    // Only a connected table can be destroyed by its module, shadow tables and all.
    if (table->kind == TABLE_VIRTUAL && vtab_connect(g->db, table) != SQLITE_OK) {
        codegen_fail(g, g->db->error_code);
        return;
    }
    int database = schema_index(g->db, table->schema);
    if (!authorize_drop(g, table, database) || !may_be_dropped(g, table))
        return;
    if (wants_view && table->kind != TABLE_VIEW) {
        codegen_error(g, SQLITE_ERROR, "use DROP TABLE to delete table %s", table->name);
        return;
    }
    if (!wants_view && table->kind == TABLE_VIEW) {
        codegen_error(g, SQLITE_ERROR, "use DROP VIEW to delete view %s", table->name);
        return;
    }
    code_drop_table(g, table, database);
}

// --- indexes and triggers ---

static void drop_index(Codegen *g, const Drop *drop)
{
    ASSERT(drop->kind == OBJECT_INDEX);

    Index *index = catalog_find_index(g->db, drop->name.name, drop->name.schema);
    if (index == NULL) {
        if (!code_drop_method_index(g, &drop->name))
            no_such(g, drop, "index");
        return;
    }
    if ((index->flags & (INDEX_PRIMARY_KEY | INDEX_CONSTRAINT)) != 0) {
        codegen_error(g, SQLITE_ERROR,
                      "index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped");
        return;
    }
    int database = schema_index(g->db, index->schema);
    int action = database == DB_TEMP ? SQLITE_DROP_TEMP_INDEX : SQLITE_DROP_INDEX;
    if (!code_authorize(g, SQLITE_DELETE, ddl_schema_table(database), NULL, database)
        || !code_authorize(g, action, index->name, index->table->name, database))
        return;
    codegen_writes(g, database, true);
    ddl_code_schema_delete(g, database, "index", 1, index->name);
    ddl_clear_statistics(g, database, "idx", index->name);
    ddl_code_change_cookie(g, database);
    ddl_code_destroy_root(g, database, index->root);
    program_emit_text(g->program, OP_DropIndex, database, 0, 0, index->name, -1);
}

static void drop_trigger(Codegen *g, const Drop *drop)
{
    ASSERT(drop->kind == OBJECT_TRIGGER);

    Trigger *trigger = catalog_find_trigger(g->db, drop->name.name, drop->name.schema);
    if (trigger == NULL) {
        no_such(g, drop, "trigger");
        return;
    }
    ddl_code_drop_trigger(g, trigger);
}

void code_drop(Codegen *g, Drop *drop)
{
    switch ((ObjectKind)drop->kind) {
    case OBJECT_TABLE:
    case OBJECT_VIEW: drop_table(g, drop); return;
    case OBJECT_INDEX: drop_index(g, drop); return;
    case OBJECT_TRIGGER: drop_trigger(g, drop); return;
    }
}
