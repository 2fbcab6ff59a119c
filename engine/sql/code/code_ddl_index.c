// CREATE INDEX, and filling an index from its table: entries are sorted, then the tree is built
// from the bottom up.
//
//     SorterOpen s;  Rewind t -> EMPTY
//   TOP: [partial: jump to NEXT unless WHERE]  key -> k..;  MakeRecord;  SorterInsert s
//   NEXT: Next t -> TOP
//   EMPTY: OpenWrite i, P5_BULK;  SorterSort s -> DONE
//     BulkBuild i, s -> TWICE            two equal keys in a row make a unique index impossible
//     Goto DONE
//   TWICE: Halt "UNIQUE constraint failed"
//   DONE:

#include "base/hashmap.h"
#include "sql/code/code_ddl.h"
#include "sql/schema_build.h"
#include <string.h>

// --- filling ---

static void code_sorted_entries(Codegen *g, const Index *index, const WriteTable *wt, int sorter)
{
    ASSERT(sorter >= 0);

    int count = index->column_count;
    Reg first = reg_range_new(g, count), record = reg_new(g);
    Label next = label_new(g->program);
    int rewind = program_emit(g->program, OP_Rewind, wt->data_cursor, 0, 0);
    int top = program_here(g->program);
    codegen_may_abort(g);
    code_index_key(g, index, wt->stored, first, next);
    program_emit(g->program, OP_MakeRecord, first, count, record);
    program_emit(g->program, OP_SorterInsert, sorter, record, first);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, wt->data_cursor, top, 0);
    program_jump_here(g->program, rewind);
}

void code_refill_index(Codegen *g, Index *index, Reg root_reg)
{
    ASSERT(index->table != NULL && root_reg >= 0);

    Table *table = index->table;
    int database = schema_index(g->db, table->schema);
    KeyShape *shape = index_shape(g->db, index);
    if (!code_authorize(g, SQLITE_REINDEX, index->name, NULL, database))
        return;
    if (shape == NULL) {
        codegen_fail(g, g->db->error_code);
        return;
    }
    WriteTable wt = {.table = table, .database = database, .data_cursor = cursor_new(g)};
    wt.stored = arena_alloc_zeroed(g->arena, sizeof *wt.stored);
    if (wt.stored == NULL)
        return;
    *wt.stored = (FromItem){.kind = FROM_PSEUDO, .table = table, .cursor = wt.data_cursor};
    source_set_table(g, wt.stored, wt.data_cursor);
    int cursor = cursor_new(g), sorter = cursor_new(g);
    bool is_unique = (index->flags & INDEX_UNIQUE) != 0;

    codegen_locks(g, database, table, true); // it is only read, but nobody may write it meanwhile
    code_open_table(g, table, wt.data_cursor, OP_OpenRead);
    program_emit_shape(g->program, OP_SorterOpen, sorter, index->column_count, 0,
                       key_shape_ref(shape));
    code_sorted_entries(g, index, &wt, sorter);
    program_emit(g->program, OP_Close, wt.data_cursor, 0, 0);
    if (root_reg == 0)
        program_emit(g->program, OP_Clear, (int)index->root, database, 0);
    int root = root_reg != 0 ? root_reg : (int)index->root;
    program_emit_shape(g->program, OP_OpenWrite, cursor, root, database, key_shape_ref(shape));
    program_set_p5(g->program, (u16)(P5_BULK | (root_reg != 0 ? P5_P2_IS_REG : 0)));
    Label done = label_new(g->program), twice = label_new(g->program);
    program_emit(g->program, OP_SorterSort, sorter, done, 0);
    program_emit_int(g->program, OP_BulkBuild, cursor, is_unique ? twice : 0, sorter,
                     is_unique ? index->key_count : 0);
    program_emit(g->program, OP_Goto, 0, done, 0);
    label_here(g->program, twice);
    if (is_unique)
        code_unique_failed(g, ON_CONFLICT_ABORT, index);
    label_here(g->program, done);
    program_emit(g->program, OP_Close, cursor, 0, 0);
    program_emit(g->program, OP_Close, sorter, 0, 0);
}

// --- CREATE INDEX ---

static Table *index_table(Codegen *g, const CreateIndex *create, int *database)
{
    ASSERT(create->table != NULL);

    const char *schema = create->name.schema;
    Table *table = NULL;
    if (schema == NULL) { // an index of a temporary table is temporary
        table = catalog_find_table(g->db, create->table, NULL);
        bool is_temp = table != NULL && schema_index(g->db, table->schema) == DB_TEMP;
        *database = is_temp ? DB_TEMP : DB_MAIN;
        schema = g->db->databases[*database].name;
    }
    table = catalog_find_table(g->db, create->table, schema);
    if (table == NULL)
        codegen_error(g, SQLITE_ERROR, "no such table: %s.%s", schema, create->table);
    return table;
}

static bool table_can_be_indexed(Codegen *g, const Table *table)
{
    ASSERT(table != NULL);

    if (name_equals_n(table->name, "sqlite_", 7) && g->nested == 0)
        codegen_error(g, SQLITE_ERROR, "table %s may not be indexed", table->name);
    else if (table->kind == TABLE_VIEW)
        codegen_error(g, SQLITE_ERROR, "views may not be indexed");
    else if (table->kind == TABLE_VIRTUAL)
        codegen_error(g, SQLITE_ERROR, "virtual tables may not be indexed");
    return !codegen_failed(g);
}

// An index of a method is a virtual table of its name.
static bool name_is_free(Codegen *g, const CreateIndex *create, int database)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    const char *name = create->name.name;
    const char *schema = g->db->databases[database].name;
    if (!ddl_check_name(g, name))
        return false;
    const Table *table = catalog_find_table(g->db, name, schema);
    bool may_be_index =
        table != NULL && table->kind == TABLE_VIRTUAL && code_is_method_index(g, create);
    if (table != NULL && !may_be_index) {
        codegen_error(g, SQLITE_ERROR, "there is already a table named %s", name);
        return false;
    }
    if (table == NULL && catalog_find_index(g->db, name, schema) == NULL)
        return true;
    if (create->if_not_exists)
        codegen_reads(g, database);
    else
        codegen_error(g, SQLITE_ERROR, "index %s already exists", name);
    return false;
}

static void code_plain_index(Codegen *g, int database, const CreateIndex *create, Table *table)
{
    ASSERT(database >= 0 && database < g->db->database_count);

    Index *index = schema_build_index(g->db, table, create);
    if (index == NULL) {
        codegen_fail(g, g->db->error_code);
        return;
    }
    if (!code_authorize(g, SQLITE_INSERT, ddl_schema_table(database), NULL, database)) {
        index_free(index);
        return;
    }
    codegen_writes(g, database, true);
    Reg root = reg_new(g);
    program_emit(g->program, OP_CreateBtree, database, root, 2);
    const char *sql = arena_printf(g->arena, "CREATE%s INDEX %.*s", create->unique ? " UNIQUE" : "",
                                   (int)create->body.size, create->body.text);
    ddl_code_schema_row(g, database,
                        &(SchemaRowText){.type = "index",
                                         .name = create->name.name,
                                         .table_name = table->name,
                                         .root_reg = root,
                                         .sql = sql});
    code_refill_index(g, index, root);
    ddl_code_change_cookie(g, database);
    ddl_code_parse_schema(g, database, "name=%s AND type='index'",
                          sql_quoted(g, create->name.name));
    program_emit(g->program, OP_Expire, 0, 1, 0);
    index_free(index);
}

void code_create_index(Codegen *g, CreateIndex *create)
{
    ASSERT(create->name.name != NULL);

    int database = ddl_database(g, &create->name, false, "");
    Table *table = database >= 0 ? index_table(g, create, &database) : NULL;
    if (table == NULL || !table_can_be_indexed(g, table) || !name_is_free(g, create, database))
        return;
    int action = database == DB_TEMP ? SQLITE_CREATE_TEMP_INDEX : SQLITE_CREATE_INDEX;
    if (!code_authorize(g, SQLITE_INSERT, ddl_schema_table(database), NULL, database)
        || !code_authorize(g, action, create->name.name, table->name, database))
        return;
    if (code_is_method_index(g, create))
        code_create_method_index(g, create, table);
    else
        code_plain_index(g, database, create, table);
}
