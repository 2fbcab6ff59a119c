// Rows of sqlite_schema to schema objects.
//
//   type|name|tbl_name|rootpage|sql
//   table|t|t|2|CREATE TABLE t(a UNIQUE)     parsed and built: the table, its index without root
//   index|sqlite_autoindex_t_1|t|3|          no text: the root page of that index
//
// A file may say anything: the text must parse (as SQLite's grammar would have let it be written),
// the other columns must agree with it, and root pages lie in the file, no two indexes of a table
// on one. An object that cannot be built makes the schema malformed; nothing here is asserted about
// the row.

#include "sql/schema_compile.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "func/printf.h"
#include "sql/compile.h"
#include "sql/parse.h"
#include "sql/schema_build.h"
#include <string.h>

// What a row says, while its statement is compiled.
typedef struct RowCompile {
    sqlite3 *db;
    int database;
    const SchemaEntry *entry;
    const char *name;
    Pgno root;
} RowCompile;

// The other columns of the row must say what the statement says, or a program that reads them would
// be misled. With writable_schema they may be repaired.
static int check_entry(const RowCompile *c, const char *type, const char *name,
                       const char *table_name)
{
    const SchemaEntry *e = c->entry;
    if (connection_schema_is_writable(c->db))
        return SQLITE_OK;
    if (name_equals(e->type, type) && name_equals(e->name, name)
        && name_equals(e->table_name, table_name))
        return SQLITE_OK;
    return connection_error(c->db, SQLITE_CORRUPT, "%s", "");
}

static int check_table_entry(const RowCompile *c, const char *type, const char *name)
{
    // sqlite_schema itself is no row of it, and its page no other table's.
    bool is_own = c->root == 1 && c->name != NULL && name_equals_n(c->name, "sqlite_", 7);
    if (c->root == 1 && !is_own)
        return connection_error(c->db, SQLITE_CORRUPT, "%s", "");
    return is_own ? SQLITE_OK : check_entry(c, type, name, name);
}

// Every tree lies in the file. Who may write the schema is let see what else stands there: the tree
// is checked again when it is opened.
static int check_root(const RowCompile *c, Pgno smallest)
{
    ASSERT(smallest > 0);

    Btree *bt = c->db->databases[c->database].btree;
    if (c->root >= smallest && connection_schema_is_writable(c->db))
        return SQLITE_OK;
    if (bt != NULL && c->root >= smallest && c->root <= btree_page_count(bt))
        return SQLITE_OK;
    return connection_error(c->db, SQLITE_CORRUPT, "invalid rootpage");
}

static int add_table(RowCompile *c, Table *table)
{
    ASSERT(c->database >= 0 && c->database < c->db->database_count);

    if (table == NULL)
        return c->db->error_code;
    Schema *schema = c->db->databases[c->database].schema;
    table->root = c->root;
    if (name_map_find(&schema->tables, table->name) != NULL) {
        int rc = connection_error(c->db, SQLITE_ERROR, "%s %s already exists",
                                  table->kind == TABLE_VIEW ? "view" : "table", table->name);
        table_free(table);
        return rc;
    }
    if ((table->flags & TABLE_WITHOUT_ROWID) != 0)
        table_primary_key(table)->root = c->root;
    int rc = schema_add_table(schema, table);
    if (rc != SQLITE_OK)
        table_free(table);
    return rc;
}

static int add_created_table(RowCompile *c, const CreateTable *create)
{
    Table *table = schema_build_table(c->db, c->database, create);
    bool is_schema_table = c->root == 1 && table != NULL;
    if (is_schema_table) {
        table->flags |= TABLE_READONLY;
        table->name = arena_dup(&table->arena, c->name, strlen(c->name));
        if (table->name == NULL) {
            table_free(table);
            return SQLITE_NOMEM;
        }
    }
    return add_table(c, table);
}

static int check_own_root(const RowCompile *c, const Index *index)
{
    ASSERT(index->table != NULL);

    for (const Index *other = index->table->indexes; other != NULL; other = other->next) {
        if (other != index && other->root == c->root)
            return connection_error(c->db, SQLITE_CORRUPT, "invalid rootpage");
    }
    return SQLITE_OK;
}

static int add_index(RowCompile *c, const CreateIndex *create)
{
    Schema *schema = c->db->databases[c->database].schema;
    Table *table = name_map_find(&schema->tables, create->table);
    if (table == NULL)
        return connection_error(c->db, SQLITE_ERROR, "no such table: %s.%s",
                                c->db->databases[c->database].name, create->table);
    if (table->kind != TABLE_ORDINARY)
        return connection_error(c->db, SQLITE_ERROR, "%s may not be indexed",
                                table->kind == TABLE_VIEW ? "views" : "virtual tables");
    TRY(check_entry(c, "index", create->name.name, table->name));
    if (name_map_find(&schema->indexes, create->name.name) != NULL)
        return connection_error(c->db, SQLITE_ERROR, "index %s already exists", create->name.name);
    Index *index = schema_build_index(c->db, table, create);
    if (index == NULL)
        return c->db->error_code;
    index->root = c->root;
    int rc = check_own_root(c, index);
    if (rc == SQLITE_OK)
        rc = schema_add_index(schema, index);
    if (rc != SQLITE_OK)
        index_free(index);
    return rc;
}

// A temp trigger may stand on a table of another database.
static void find_trigger_table(RowCompile *c, Trigger *trigger, const CreateTrigger *create)
{
    if (c->database != DB_TEMP)
        return;
    Table *table = catalog_find_table(c->db, create->table.name, create->table.schema);
    if (table != NULL)
        trigger->table_schema = table->schema;
}

static int add_trigger(RowCompile *c, const CreateTrigger *create)
{
    const NameMap *tables = &c->db->databases[c->database].schema->tables;
    if (c->database != DB_TEMP && name_map_find(tables, create->table.name) == NULL)
        return connection_error(c->db, SQLITE_CORRUPT, "no such table: %s.%s",
                                c->db->databases[c->database].name, create->table.name);
    Trigger *trigger = schema_build_trigger(c->db, c->database, create);
    if (trigger == NULL)
        return c->db->error_code;
    find_trigger_table(c, trigger, create);
    int rc = check_entry(c, "trigger", create->name.name, create->table.name);
    if (rc == SQLITE_OK)
        rc = schema_add_trigger(c->db->databases[c->database].schema, trigger);
    if (rc != SQLITE_OK)
        trigger_free(trigger);
    return rc;
}

static int add_object(RowCompile *c, const Stmt *stmt)
{
    switch ((StmtKind)stmt->kind) {
    case STMT_CREATE_TABLE:
        if (stmt->u.create_table->name.schema != NULL)
            return connection_error(c->db, SQLITE_CORRUPT, "corrupt database");
        TRY(check_table_entry(c, "table", stmt->u.create_table->name.name));
        if (stmt->u.create_table->as_select != NULL)
            return connection_error(c->db, SQLITE_CORRUPT, "%s", "");
        return add_created_table(c, stmt->u.create_table);
    case STMT_CREATE_VIEW:
        TRY(check_table_entry(c, "view", stmt->u.create_view->name.name));
        TRY(schema_check_view(c->db, c->database, stmt->u.create_view));
        return add_table(c, schema_build_view(c->db, c->database, stmt->u.create_view));
    case STMT_CREATE_VIRTUAL_TABLE:
        TRY(check_table_entry(c, "table", stmt->u.create_virtual_table->name.name));
        return add_table(
            c, schema_build_virtual_table(c->db, c->database, stmt->u.create_virtual_table));
    case STMT_CREATE_INDEX: return add_index(c, stmt->u.create_index);
    case STMT_CREATE_TRIGGER:
        TRY(schema_check_trigger(c->db, c->database, stmt->u.create_trigger));
        return add_trigger(c, stmt->u.create_trigger);
    default: return connection_error(c->db, SQLITE_CORRUPT, "invalid schema text");
    }
}

static int compile_text(RowCompile *c, const char *sql)
{
    // An empty database has no page yet for the table that describes it.
    if (c->root != 0 && c->root != 1)
        TRY(check_root(c, 1));
    Arena arena = {0};
    ParseOptions options = parse_options_default();
    options.lenient_schema = true;
    ParseResult parsed;
    int rc = parse_statement(sql, strlen(sql), &options, &arena, &parsed);
    if (rc == SQLITE_OK)
        rc = add_object(c, parsed.stmt);
    else if (rc != SQLITE_NOMEM)
        rc = connection_error(c->db, rc, "%s", parsed.message);
    arena_deinit(&arena);
    return rc;
}

// The index behind a constraint: it exists already, and now gets its root page.
static int take_root(RowCompile *c)
{
    ASSERT(c->entry->sql == NULL || c->entry->sql[0] == '\0');

    const Schema *schema = c->db->databases[c->database].schema;
    Index *index = c->name != NULL ? name_map_find(&schema->indexes, c->name) : NULL;
    if (index == NULL)
        return connection_error(c->db, SQLITE_CORRUPT, "orphan index");
    TRY(check_root(c, 2));
    TRY(check_own_root(c, index));
    index->root = c->root;
    return SQLITE_OK;
}

static bool begins_with_create(const char *sql)
{
    return sql != NULL && (sql[0] == 'C' || sql[0] == 'c') && (sql[1] == 'R' || sql[1] == 'r');
}

int schema_compile_object(sqlite3 *db, int database, const SchemaEntry *entry, char **message)
{
    ASSERT(database >= 0 && database < db->database_count);

    const char *sql = entry->sql;
    RowCompile c = {
        .db = db, .database = database, .entry = entry, .name = entry->name, .root = entry->root};
    // Building leaves its errors on the connection; one that an earlier row met must not be lost.
    int saved_code = db->error_code;
    int rc;
    // The text says what it is; SQLite does not believe the type column either.
    if (begins_with_create(sql))
        rc = compile_text(&c, sql);
    else if (entry->name == NULL || (sql != NULL && sql[0] != '\0'))
        rc = connection_error(db, SQLITE_CORRUPT, "%s", "");
    else
        rc = take_root(&c);
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_NOMEM)
        *message = mem_dup(sqlite3_errmsg(db), UINT64_MAX);
    if (rc == SQLITE_OK)
        db->error_code = saved_code;
    return rc;
}

// --- after a CREATE statement ---

// The object of one row; `failure` gets what is wrong with it.
static int compile_row(sqlite3 *db, int database, sqlite3_stmt *row, Buffer *failure)
{
    ASSERT(sqlite3_column_count(row) == 5);

    SchemaEntry entry = {
        .type = (const char *)sqlite3_column_text(row, 0),
        .name = (const char *)sqlite3_column_text(row, 1),
        .table_name = (const char *)sqlite3_column_text(row, 2),
        .root = (Pgno)sqlite3_column_int64(row, 3),
        .sql = (const char *)sqlite3_column_text(row, 4),
    };
    if (sqlite3_errcode(db) == SQLITE_NOMEM) // a text that is there could not be given
        return SQLITE_NOMEM;
    char *message = NULL;
    bool was_loading = db->is_loading;
    db->is_loading = true;
    int rc = schema_compile_object(db, database, &entry, &message);
    db->is_loading = was_loading;
    if (rc != SQLITE_OK && message != NULL)
        buffer_printf(failure, "malformed database schema (%s) - %s",
                      entry.name != NULL ? entry.name : "?", message);
    mem_free(message);
    return rc;
}

// Statements that create add their rows first and then read them back: what is in memory is what is
// in the file.
int schema_parse_rows(sqlite3 *db, int database, const char *where)
{
    ASSERT(database >= 0 && database < db->database_count);
    ASSERT(where != NULL);

    const char *master = database == DB_TEMP ? "sqlite_temp_master" : "sqlite_master";
    Buffer sql = {0}, failure = {0};
    format_text(&sql,
                "SELECT type,name,tbl_name,rootpage,sql FROM \"%w\".%s WHERE %s ORDER BY rowid",
                db->databases[database].name, master, where);
    sqlite3_stmt *stmt = NULL;
    SilentScope silent = connection_silence(db);
    int rc =
        sql.rc != SQLITE_OK ? sql.rc : sqlite3_prepare_v2(db, buffer_text(&sql), -1, &stmt, NULL);
    buffer_deinit(&sql);
    u64 refusals = alloc_refusals();
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        rc = compile_row(db, database, stmt, &failure);
    connection_unsilence(db, silent);
    if (stmt != NULL) {
        int end_rc = sqlite3_finalize(stmt);
        rc = rc != SQLITE_OK ? rc : end_rc;
    }
    if (alloc_refusals() != refusals)
        rc = connection_out_of_memory(db); // columns read as NULL for that alone prove nothing
    // What a statement has just stored cannot be read: the file is at fault, not the statement.
    if (failure.size > 0 && (rc & 0xff) != SQLITE_NOMEM)
        rc = connection_error(db, SQLITE_CORRUPT, "%s", buffer_text(&failure));
    buffer_deinit(&failure);
    return rc;
}

// --- sqlite3_declare_vtab() ---

// Virtual tables keep names, types and collations; what else a CREATE TABLE may say has no meaning
// for them.
static int take_columns(sqlite3 *db, Table *target, const Table *source)
{
    ASSERT(source->column_count > 0);

    Arena *arena = &target->arena;
    Column *columns = arena_array(arena, (size_t)source->column_count, sizeof *columns);
    for (int i = 0; columns != NULL && i < source->column_count; i++) {
        const Column *from = &source->columns[i];
        columns[i].name = arena_dup(arena, from->name, strlen(from->name));
        columns[i].type =
            from->type != NULL ? arena_dup(arena, from->type, strlen(from->type)) : NULL;
        columns[i].collation = from->collation != NULL
                                   ? arena_dup(arena, from->collation, strlen(from->collation))
                                   : NULL;
        columns[i].affinity = from->affinity;
        columns[i].flags = from->flags & (COLUMN_PRIMARY_KEY | COLUMN_HAS_TYPE);
        columns[i].not_null = from->not_null;
    }
    if (arena->failed)
        return connection_out_of_memory(db);
    target->columns = columns;
    target->column_count = target->stored_count = source->column_count;
    target->flags |= source->flags & (TABLE_WITHOUT_ROWID | TABLE_NO_VISIBLE_ROWID);
    return SQLITE_OK;
}

int schema_compile_vtab(sqlite3 *db, const char *sql, Table *table)
{
    Arena arena = {0};
    ParseOptions options = parse_options_default();
    ParseResult parsed;
    int rc = parse_statement(sql, strlen(sql), &options, &arena, &parsed);
    if (rc == SQLITE_OK && parsed.stmt->kind == STMT_CREATE_TABLE
        && parsed.stmt->u.create_table->as_select == NULL) {
        Table *declared = schema_build_table(db, DB_MAIN, parsed.stmt->u.create_table);
        rc = declared != NULL ? take_columns(db, table, declared) : db->error_code;
        table_free(declared);
    } else if (rc != SQLITE_NOMEM) {
        rc = connection_error(db, SQLITE_ERROR, "%s",
                              rc != SQLITE_OK ? parsed.message : "syntax error");
    }
    arena_deinit(&arena);
    return rc;
}
