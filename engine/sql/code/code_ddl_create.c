// CREATE TABLE, VIEW, TRIGGER and VIRTUAL TABLE.
//
// The statement is built into an object first, which checks it; then its row goes into
// sqlite_schema, and the row is read back as any connection reads it.
//
//     CREATE TABLE:   CreateBtree r;  [AS: OpenWrite r;  the query's rows into it]
//                     schema row with root r;  CreateBtree and a row for each automatic index
//                     [sqlite_sequence, if it is the first AUTOINCREMENT]
//                     cookie;  ParseSchema
//     CREATE VIEW, TRIGGER:   schema row;  cookie;  ParseSchema
//     VIRTUAL TABLE:          the same;  VCreate, which calls the module's xCreate
//
// The order of checks is SQLite's, since of several faults one is told: name, authorizer, an object
// of that name, then what the statement says.

#include "base/buffer.h"
#include "base/hashmap.h"
#include "sql/code/code_ddl.h"
#include "sql/column_names.h"
#include "sql/expr_tree.h"
#include "sql/rewrite.h"
#include "sql/schema_build.h"
#include "vtab/vtab.h"
#include <stdio.h>
#include <string.h>

// --- what tables, views and virtual tables share ---

typedef struct NewTable {
    int database;
    const QualifiedName *name;
    Span body;
    bool if_not_exists;
    bool is_view;
    bool is_virtual;
} NewTable;

static bool authorize_new(Codegen *g, const NewTable *n)
{
    ASSERT(n->database >= 0 && n->name->name != NULL);

    static const int actions[2][2] = {{SQLITE_CREATE_TABLE, SQLITE_CREATE_TEMP_TABLE},
                                      {SQLITE_CREATE_VIEW, SQLITE_CREATE_TEMP_VIEW}};
    if (!code_authorize(g, SQLITE_INSERT, ddl_schema_table(n->database), NULL, n->database))
        return false;
    return n->is_virtual
           || code_authorize(g, actions[n->is_view][n->database == DB_TEMP], n->name->name, NULL,
                             n->database);
}

// false: refused, or there is nothing to do.
static bool new_table_begin(Codegen *g, const NewTable *n)
{
    ASSERT(n->database >= 0);

    const char *name = n->name->name;
    const char *schema = g->db->databases[n->database].name;
    if (!ddl_check_name(g, name) || !authorize_new(g, n))
        return false;
    const Table *existing = catalog_find_table(g->db, name, schema);
    if (existing != NULL) {
        if (!n->if_not_exists)
            codegen_error(g, SQLITE_ERROR, "%s %s already exists",
                          existing->kind == TABLE_VIEW ? "view" : "table",
                          ddl_written_name(g, n->body, name));
        else
            codegen_reads(g, n->database);
        return false;
    }
    if (catalog_find_index(g->db, name, schema) != NULL) {
        codegen_error(g, SQLITE_ERROR, "there is already an index named %s", name);
        return false;
    }
    ddl_open_temp(g, n->database);
    return !codegen_failed(g);
}

static const char *schema_text(Codegen *g, const char *what, Span body)
{
    ASSERT(what != NULL && body.text != NULL);

    const char *text = arena_printf(g->arena, "%s%.*s", what, (int)body.size, body.text);
    if (text == NULL)
        codegen_fail(g, connection_out_of_memory(g->db));
    return text != NULL ? text : "";
}

// --- CREATE TABLE ... AS ---

static const char *type_of_affinity(u8 affinity)
{
    switch (affinity) {
    case AFF_TEXT: return " TEXT";
    case AFF_NUMERIC: return " NUM";
    case AFF_INTEGER: return " INT";
    case AFF_REAL: return " REAL";
    default: return affinity > AFF_REAL ? " NUM" : "";
    }
}

static u32 identifier_width(const char *name)
{
    ASSERT(name != NULL);

    u32 width = 2;
    for (; *name != '\0'; name++)
        width += *name == '"' ? 2 : 1;
    return width;
}

// The text SQLite makes up for a table that has none: short ones on one line.
static const char *as_select_text(Codegen *g, const CreateTable *create, const char *const *names,
                                  u32 count)
{
    ASSERT(count > 0 && create->as_select->results != NULL);

    const Select *select = create->as_select;
    u32 width = identifier_width(create->name.name);
    for (u32 i = 0; i < count; i++)
        width += identifier_width(names[i]) + 5;
    bool is_short = width < 50; // SQLite's measure
    Buffer text = {0};
    buffer_printf(&text, "CREATE TABLE %s(", sql_identifier(g, create->name.name));
    for (u32 i = 0; i < count; i++) {
        const char *separator = is_short ? (i > 0 ? "," : "") : (i > 0 ? ",\n  " : "\n  ");
        buffer_printf(&text, "%s%s%s", separator, sql_identifier(g, names[i]),
                      type_of_affinity(select->results[i].affinity));
    }
    buffer_add_text(&text, is_short ? ")" : "\n)");
    const char *kept = arena_keep(g->arena, &text);
    buffer_deinit(&text);
    return kept;
}

static const char *prepare_as_select(Codegen *g, ResolveContext *ctx, CreateTable *create)
{
    ASSERT(create->as_select != NULL);

    ctx->is_asked_late = true;
    int rc = resolve_select(ctx, create->as_select);
    if (rc == SQLITE_OK)
        rc = rewrite_select(ctx, create->as_select);
    if (ctx->cursor_count > g->cursor_count)
        g->cursor_count = ctx->cursor_count;
    if (rc != SQLITE_OK) {
        codegen_fail(g, rc);
        return NULL;
    }
    u32 count = create->as_select->columns->count;
    const char **names = arena_array(g->arena, count, sizeof *names);
    ColumnNames known = {.arena = g->arena};
    for (u32 i = 0; names != NULL && i < count && !codegen_failed(g); i++) {
        names[i] = column_names_add(&known, create->as_select->results[i].name);
        if (names[i] == NULL)
            codegen_fail(g, connection_out_of_memory(g->db));
    }
    column_names_deinit(&known);
    if (names == NULL || codegen_failed(g))
        return NULL;
    return as_select_text(g, create, names, count);
}

static void code_fill_as_select(Codegen *g, int database, CreateTable *create, Reg root)
{
    ASSERT(root > 0 && create->as_select != NULL);

    int count = (int)create->as_select->columns->count;
    int cursor = cursor_new(g);
    Reg yield = reg_new(g), first = reg_range_new(g, count);
    Reg record = reg_new(g), rowid = reg_new(g);
    char *letters = arena_array(g->arena, (size_t)count + 1, 1);
    for (int i = 0; letters != NULL && i < count; i++) {
        u8 affinity = create->as_select->results[i].affinity;
        letters[i] = (char)(affinity < AFF_BLOB   ? AFF_BLOB
                            : affinity > AFF_REAL ? AFF_NUMERIC
                                                  : affinity);
    }
    program_emit_int(g->program, OP_OpenWrite, cursor, root, database, count);
    program_set_p5(g->program, P5_P2_IS_REG);
    int init = program_emit(g->program, OP_InitCoroutine, yield, 0, program_here(g->program) + 1);
    SelectDest dest = {.kind = DEST_COROUTINE, .param = yield, .first = first, .count = count};
    code_select(g, create->as_select, &dest);
    program_emit(g->program, OP_EndCoroutine, yield, 0, 0);
    program_jump_here(g->program, init);
    Label done = label_new(g->program);
    int top = program_emit(g->program, OP_Yield, yield, done, 0);
    program_emit_text(g->program, OP_MakeRecord, first, count, record,
                      letters != NULL ? letters : "", -1);
    program_emit(g->program, OP_NewRowid, cursor, rowid, 0);
    program_emit(g->program, OP_Insert, cursor, record, rowid);
    program_set_p5(g->program, P5_APPEND);
    program_emit(g->program, OP_Goto, 0, top, 0);
    label_here(g->program, done);
    program_emit(g->program, OP_Close, cursor, 0, 0);
}

// --- CREATE TABLE ---

static Index *autoindex_number(const Table *table, int number)
{
    ASSERT(number > 0);

    char name[32];
    snprintf(name, sizeof name, "_%d", number);
    size_t suffix = strlen(name);
    size_t prefix = strlen("sqlite_autoindex_") + strlen(table->name);
    for (Index *index = table->indexes; index != NULL; index = index->next) {
        if (strlen(index->name) == prefix + suffix && strcmp(index->name + prefix, name) == 0)
            return index;
    }
    return NULL;
}

// In order of their numbers, which is that of the constraints in the text: rows and roots come as
// SQLite's do.
static void code_autoindexes(Codegen *g, int database, const Table *table)
{
    ASSERT(database >= 0);

    int count = 0;
    for (const Index *index = table->indexes; index != NULL; index = index->next)
        count++;
    for (int number = 1; number <= count; number++) {
        const Index *index = autoindex_number(table, number);
        bool is_data =
            index != NULL && !table_has_rowid(table) && (index->flags & INDEX_PRIMARY_KEY) != 0;
        if (index == NULL || is_data)
            continue;
        Reg root = reg_new(g);
        program_emit(g->program, OP_CreateBtree, database, root, 2);
        ddl_code_schema_row(
            g, database,
            &(SchemaRowText){
                .type = "index", .name = index->name, .table_name = table->name, .root_reg = root});
    }
}

static void code_sequence_table(Codegen *g, int database)
{
    ASSERT(g->db->databases[database].schema->sequence == NULL);

    const QualifiedName name = {.name = "sqlite_sequence"};
    if (!authorize_new(g, &(NewTable){.database = database, .name = &name}))
        return;
    Reg root = reg_new(g);
    program_emit(g->program, OP_CreateBtree, database, root, 1);
    ddl_code_schema_row(g, database,
                        &(SchemaRowText){.type = "table",
                                         .name = "sqlite_sequence",
                                         .table_name = "sqlite_sequence",
                                         .root_reg = root,
                                         .sql = "CREATE TABLE sqlite_sequence(name,seq)"});
    ddl_authorize_fill(g, database);
}

static void code_new_table(Codegen *g, int database, CreateTable *create, const Table *table,
                           const char *sql)
{
    ASSERT(sql != NULL && (table != NULL || create->as_select != NULL));

    codegen_writes(g, database, true);
    ddl_code_file_format(g, database);
    Reg root = reg_new(g);
    program_emit(g->program, OP_CreateBtree, database, root, create->without_rowid ? 2 : 1);
    if (create->as_select != NULL)
        code_fill_as_select(g, database, create, root);
    ddl_code_schema_row(g, database,
                        &(SchemaRowText){.type = "table",
                                         .name = create->name.name,
                                         .table_name = create->name.name,
                                         .root_reg = root,
                                         .sql = sql});
    ddl_authorize_fill(g, database);
    bool needs_sequence = false;
    if (table != NULL) {
        code_autoindexes(g, database, table);
        needs_sequence = (table->flags & TABLE_AUTOINCREMENT) != 0
                         && g->db->databases[database].schema->sequence == NULL;
    }
    if (needs_sequence)
        code_sequence_table(g, database);
    ddl_code_change_cookie(g, database);
    ddl_code_parse_schema(g, database, "tbl_name=%s AND type!='trigger'",
                          sql_quoted(g, create->name.name));
    if (needs_sequence)
        ddl_code_parse_schema(g, database, "tbl_name='sqlite_sequence'");
}

void code_create_table(Codegen *g, ResolveContext *ctx, CreateTable *create)
{
    ASSERT(create->name.name != NULL);

    int database =
        ddl_database(g, &create->name, create->temp, "temporary table name must be unqualified");
    NewTable n = {.database = database,
                  .name = &create->name,
                  .body = create->body,
                  .if_not_exists = create->if_not_exists};
    if (database < 0 || !new_table_begin(g, &n))
        return;
    if (create->as_select != NULL) {
        const char *sql = prepare_as_select(g, ctx, create);
        if (sql != NULL)
            code_new_table(g, database, create, NULL, sql);
        return;
    }
    Table *table = schema_build_table(g->db, database, create);
    if (table == NULL) {
        codegen_fail(g, g->db->error_code);
        return;
    }
    code_new_table(g, database, create, table, schema_text(g, "CREATE TABLE ", create->body));
    table_free(table);
}

// --- CREATE VIEW ---

static bool names_fit(Codegen *g, int rc)
{
    if (rc != SQLITE_OK)
        codegen_fail(g, rc);
    return rc == SQLITE_OK;
}

static WalkResult visit_param(Walker *w, Expr *e)
{
    bool *has_param = w->arg;
    *has_param |= e->kind == EX_PARAM;
    return *has_param ? WALK_STOP : WALK_ON;
}

void code_create_view(Codegen *g, CreateView *create)
{
    ASSERT(create->select != NULL);

    bool has_param = false;
    Walker w = {.expr = visit_param, .select = walk_into_select, .arg = &has_param};
    (void)select_walk(&w, create->select);
    if (has_param) {
        codegen_error(g, SQLITE_ERROR, "parameters are not allowed in views");
        return;
    }
    int database =
        ddl_database(g, &create->name, create->temp, "temporary table name must be unqualified");
    NewTable n = {.database = database,
                  .name = &create->name,
                  .body = create->body,
                  .if_not_exists = create->if_not_exists,
                  .is_view = true};
    if (database < 0 || !new_table_begin(g, &n)
        || !names_fit(g, schema_check_view(g->db, database, create)))
        return;
    codegen_writes(g, database, true);
    ddl_code_file_format(g, database);
    ddl_code_schema_row(g, database,
                        &(SchemaRowText){.type = "view",
                                         .name = create->name.name,
                                         .table_name = create->name.name,
                                         .sql = schema_text(g, "CREATE VIEW ", create->body)});
    ddl_authorize_fill(g, database);
    ddl_code_change_cookie(g, database);
    ddl_code_parse_schema(g, database, "tbl_name=%s AND type!='trigger'",
                          sql_quoted(g, create->name.name));
}

// --- CREATE VIRTUAL TABLE ---

void code_create_virtual_table(Codegen *g, CreateVirtualTable *create)
{
    ASSERT(create->module != NULL);

    int database = ddl_database(g, &create->name, false, "");
    NewTable n = {.database = database,
                  .name = &create->name,
                  .body = create->body,
                  .if_not_exists = create->if_not_exists,
                  .is_virtual = true};
    if (database < 0 || !new_table_begin(g, &n)
        || !code_authorize(g, SQLITE_CREATE_VTABLE, create->name.name, create->module, database))
        return;
    codegen_writes(g, database, true);
    ddl_code_file_format(g, database);
    const char *sql = schema_text(g, "CREATE VIRTUAL TABLE ", create->body);
    ddl_code_schema_row(g, database,
                        &(SchemaRowText){.type = "table",
                                         .name = create->name.name,
                                         .table_name = create->name.name,
                                         .sql = sql});
    ddl_authorize_fill(g, database);
    ddl_code_change_cookie(g, database);
    program_emit(g->program, OP_Expire, 0, 0, 0);
    ddl_code_parse_schema(g, database, "name=%s AND sql=%s", sql_quoted(g, create->name.name),
                          sql_quoted(g, sql));
    Reg name = reg_new(g);
    program_emit_text(g->program, OP_String8, 0, name, 0, create->name.name, -1);
    program_emit(g->program, OP_VCreate, database, name, 0);
}

// --- CREATE TRIGGER ---

static bool trigger_kind_fits(Codegen *g, const CreateTrigger *create, const Table *table)
{
    ASSERT(table->kind != TABLE_VIRTUAL);

    const char *shown =
        create->table.schema != NULL
            ? arena_printf(g->arena, "%s.%s", create->table.schema, create->table.name)
            : create->table.name;
    if (table->kind == TABLE_VIEW && create->time != TRIGGER_INSTEAD_OF) {
        codegen_error(g, SQLITE_ERROR, "cannot create %s trigger on view: %s",
                      create->time == TRIGGER_BEFORE ? "BEFORE" : "AFTER", shown);
        return false;
    }
    if (table->kind != TABLE_VIEW && create->time == TRIGGER_INSTEAD_OF) {
        codegen_error(g, SQLITE_ERROR, "cannot create INSTEAD OF trigger on table: %s", shown);
        return false;
    }
    return true;
}

static bool trigger_table_fits(Codegen *g, const CreateTrigger *create, const Table *table)
{
    ASSERT(table->kind != TABLE_VIRTUAL);

    const char *why = NULL;
    if (vtab_guards(g->db, table))
        why = "cannot create triggers on shadow tables";
    else if (name_equals_n(table->name, "sqlite_", 7))
        why = "cannot create trigger on system table";
    if (why != NULL) {
        codegen_error(g, SQLITE_ERROR, "%s", why);
        return false;
    }
    return trigger_kind_fits(g, create, table);
}

// Where trigger and table are: a trigger on a temporary table is temporary, one in temp may stand
// on a table of any database.
static Table *trigger_table(Codegen *g, const CreateTrigger *create, int *database)
{
    ASSERT(*database >= 0);

    const char *schema = create->table.schema;
    if (schema == NULL && create->name.schema != NULL)
        schema = create->name.schema;
    Table *table = catalog_find_table(g->db, create->table.name, schema);
    if (table == NULL) {
        bool is_qualified = schema != NULL || !create->temp;
        codegen_error(g, SQLITE_ERROR, "no such table: %s%s%s",
                      schema != NULL ? schema
                      : is_qualified ? "main"
                                     : "",
                      is_qualified ? "." : "", create->table.name);
        return NULL;
    }
    int table_database = schema_index(g->db, table->schema);
    if (create->name.schema == NULL && !create->temp && table_database == DB_TEMP)
        *database = DB_TEMP;
    if (*database != DB_TEMP && table_database != *database) {
        codegen_error(g, SQLITE_ERROR, "trigger %s cannot reference objects in database %s",
                      create->name.name, g->db->databases[table_database].name);
        return NULL;
    }
    return table;
}

void code_create_trigger(Codegen *g, CreateTrigger *create)
{
    ASSERT(create->name.name != NULL && create->table.name != NULL);

    if (create->temp && create->name.schema != NULL) {
        codegen_error(g, SQLITE_ERROR, "temporary trigger may not have qualified name");
        return;
    }
    int database = ddl_database(g, &create->name, create->temp, "");
    if (database < 0)
        return;
    const Table *table = trigger_table(g, create, &database);
    if (table == NULL)
        return;
    const char *schema = g->db->databases[database].name;
    if (table->kind == TABLE_VIRTUAL) {
        codegen_error(g, SQLITE_ERROR, "cannot create triggers on virtual tables");
        return;
    }
    if (!ddl_check_name(g, create->name.name))
        return;
    if (catalog_find_trigger(g->db, create->name.name, schema) != NULL) {
        if (!create->if_not_exists)
            codegen_error(g, SQLITE_ERROR, "trigger %s already exists",
                          ddl_written_name(g, create->body, create->name.name));
        else
            codegen_reads(g, database);
        return;
    }
    if (!trigger_table_fits(g, create, table)
        || !names_fit(g, schema_check_trigger(g->db, database, create)))
        return;
    int action = database == DB_TEMP ? SQLITE_CREATE_TEMP_TRIGGER : SQLITE_CREATE_TRIGGER;
    int table_database = schema_index(g->db, table->schema);
    if (!code_authorize(g, action, create->name.name, table->name, database)
        || !code_authorize(g, SQLITE_INSERT, ddl_schema_table(table_database), NULL, table_database)
        || !code_authorize(g, SQLITE_INSERT, ddl_schema_table(database), NULL, database))
        return;
    ddl_open_temp(g, database);
    codegen_writes(g, database, true);
    ddl_code_file_format(g, database);
    ddl_code_schema_row(g, database,
                        &(SchemaRowText){.type = "trigger",
                                         .name = create->name.name,
                                         .table_name = table->name,
                                         .sql = schema_text(g, "CREATE TRIGGER ", create->body)});
    ddl_code_change_cookie(g, database);
    ddl_code_parse_schema(g, database, "type='trigger' AND name=%s",
                          sql_quoted(g, create->name.name));
}
