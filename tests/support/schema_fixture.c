#include "tests/support/schema_fixture.h"

#include "func/func.h"
#include "sql/parse.h"
#include "sql/schema_build.h"

#include <stdlib.h>
#include <string.h>

static const int default_limits[] = {1000000000, 1000000000, 2000,  1000, 500, 250000000, 1000,
                                     10,         50000,      32766, 1000, 0,   2500};

sqlite3 *schema_fixture_new(void)
{
    sqlite3 *db = calloc(1, sizeof *db);
    db->magic = CONNECTION_OPEN;
    db->error_mask = (int)0xffffffff;
    db->database_count = 2;
    db->databases[DB_MAIN].name = "main";
    db->databases[DB_TEMP].name = "temp";
    db->databases[DB_MAIN].schema = schema_new();
    db->databases[DB_TEMP].schema = schema_new();
    db->databases[DB_MAIN].schema->is_loaded = true;
    db->databases[DB_TEMP].schema->is_loaded = true;
    memcpy(db->limits, default_limits, sizeof default_limits);
    db->encoding = SQLITE_UTF8;
    db->autocommit = true;
    db->flags = CONN_FLAG(SHORT_COLUMN_NAMES) | CONN_FLAG(ENABLE_TRIGGER) | CONN_FLAG(ENABLE_VIEW)
                | CONN_FLAG(AUTO_INDEX) | CONN_FLAG(TRUSTED_SCHEMA) | CONN_FLAG(DQS_DML)
                | CONN_FLAG(DQS_DDL) | CONN_FLAG(COMMENTS);
    (void)!func_builtin_start();
    db->functions = (struct FuncTable *)func_table_new(db);
    return db;
}

void schema_fixture_free(sqlite3 *db)
{
    schema_unref(db->databases[DB_MAIN].schema);
    schema_unref(db->databases[DB_TEMP].schema);
    func_table_free((FuncTable *)db->functions);
    value_free(db->error_message);
    free(db);
    func_builtin_stop();
}

const char *schema_fixture_message(sqlite3 *db)
{
    const char *text =
        db->error_message == NULL ? NULL : value_text(db->error_message, SQLITE_UTF8);
    return text != NULL ? text : "";
}

static int failed(sqlite3 *db)
{
    return db->error_code != SQLITE_OK ? db->error_code : SQLITE_ERROR;
}

static int add_table(sqlite3 *db, Table *table, bool temp)
{
    if (table == NULL)
        return failed(db);
    return schema_add_table(db->databases[temp ? DB_TEMP : DB_MAIN].schema, table);
}

static int create_index(sqlite3 *db, const CreateIndex *create)
{
    Table *table = catalog_find_table(db, create->table, NULL);
    if (table == NULL)
        return connection_error(db, SQLITE_ERROR, "no such table: main.%s", create->table);
    Index *index = schema_build_index(db, table, create);
    return index == NULL ? failed(db) : schema_add_index(table->schema, index);
}

static int create_object(sqlite3 *db, const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_CREATE_TABLE: {
        bool temp = stmt->u.create_table->temp;
        return add_table(db, schema_build_table(db, temp, stmt->u.create_table), temp);
    }
    case STMT_CREATE_VIEW: {
        bool temp = stmt->u.create_view->temp;
        return add_table(db, schema_build_view(db, temp, stmt->u.create_view), temp);
    }
    case STMT_CREATE_INDEX: return create_index(db, stmt->u.create_index);
    default: return connection_error(db, SQLITE_ERROR, "the fixture cannot run this statement");
    }
}

int schema_fixture_create(sqlite3 *db, const char *sql)
{
    size_t size = strlen(sql);
    ParseOptions options = parse_options_default();
    for (size_t at = 0; at < size;) {
        Arena arena = {0};
        ParseResult result;
        int rc = parse_statement(sql + at, size - at, &options, &arena, &result);
        if (rc != SQLITE_OK)
            (void)connection_error(db, rc, "%s", result.message);
        else if (result.stmt->kind != STMT_EMPTY)
            rc = create_object(db, result.stmt);
        at += result.tail;
        arena_deinit(&arena);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

// --- statements ---

int query_fixture_begin(void **state, const char *schema_text)
{
    QueryFixture *f = calloc(1, sizeof *f);
    f->db = schema_fixture_new();
    *state = f;
    return schema_fixture_create(f->db, schema_text);
}

int query_fixture_end(void **state)
{
    QueryFixture *f = *state;
    arena_deinit(&f->arena);
    schema_fixture_free(f->db);
    free(f);
    return 0;
}

int query_fixture_resolve(QueryFixture *f, const char *sql, Stmt **stmt)
{
    ParseOptions options = parse_options_default();
    ParseResult result;
    arena_reset(&f->arena);
    int rc = parse_statement(sql, strlen(sql), &options, &f->arena, &result);
    if (rc != SQLITE_OK)
        return rc;
    *stmt = result.stmt;
    resolve_context_init(&f->ctx, f->db, &f->arena);
    return resolve_statement(&f->ctx, result.stmt);
}
