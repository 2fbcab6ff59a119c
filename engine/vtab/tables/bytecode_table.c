// bytecode(sql) and tables_used(sql): the program of a statement as a table, and which tables and
// indexes it opens.
//
// Both read the rows of EXPLAIN. A program's rows are followed by those of the trigger programs it
// calls; each begins at address 0 with an Init whose text names the trigger. The argument is SQL, or
// a prepared statement by sqlite3_bind_pointer(…, "stmt-pointer").
#include "vtab/tables/builtin_tables.h"

#include <string.h>

enum { EXPLAIN_ADDR, EXPLAIN_OPCODE, EXPLAIN_P1, EXPLAIN_P2, EXPLAIN_P3, EXPLAIN_P4 };
enum { EXPLAIN_COLUMNS = 8 };
enum { BYTECODE_SUBPROGRAM = 8, BYTECODE_EXECUTED, BYTECODE_CYCLES };
enum { USED_TYPE, USED_SCHEMA, USED_NAME, USED_WRITES, USED_SUBPROGRAM };

typedef struct ProgramTable {
    sqlite3_vtab base;
    sqlite3 *db;
    bool is_tables_used;
} ProgramTable;

typedef struct ProgramCursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *explain;
    sqlite3_stmt *find_object; // schema row by root page, tables_used only
    char *subprogram;          // "TRIGGER name", NULL in the main program
    char *object[3];           // type, schema, name of the current row of tables_used
    bool writes, is_end;
    i64 rowid;
} ProgramCursor;

// Client data that is not NULL means tables_used.
static int program_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                           sqlite3_vtab **out, char **message)
{
    ASSERT(out != NULL);

    (void)arg_count;
    (void)args;
    (void)message;
    bool is_tables_used = client_data != NULL;
    TRY(sqlite3_declare_vtab(
        db, is_tables_used
                ? "CREATE TABLE x(type TEXT,schema TEXT,name TEXT,wr INT,subprog TEXT,stmt HIDDEN)"
                : "CREATE TABLE x(addr INT,opcode TEXT,p1 INT,p2 INT,p3 INT,p4 TEXT,p5 INT,"
                  "comment TEXT,subprog TEXT,nexec INT,ncycle INT,stmt HIDDEN)"));
    ProgramTable *table = sqlite3_malloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (ProgramTable){.db = db, .is_tables_used = is_tables_used};
    *out = &table->base;
    return SQLITE_OK;
}

static int program_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);

    sqlite3_free(vtab);
    return SQLITE_OK;
}

// The statement must be given: without it there is no plan. That is refused with
// SQLITE_CONSTRAINT, which makes the planner look for an order of the join that gives the
// statement first; where there is none, it is the error.
static int program_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    const ProgramTable *table = (const ProgramTable *)vtab;
    int statement_column = table->is_tables_used ? 5 : 11;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].usable == 0 || info->aConstraint[i].iColumn != statement_column
            || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
        info->estimatedCost = 100.0;
        info->estimatedRows = 100;
        return SQLITE_OK;
    }
    return SQLITE_CONSTRAINT;
}

// Nothing is compiled before the scan begins.
static int program_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    ASSERT(out != NULL);

    (void)vtab;
    ProgramCursor *cur = sqlite3_malloc(sizeof *cur);
    if (cur == NULL)
        return SQLITE_NOMEM;
    memset(cur, 0, sizeof *cur);
    *out = &cur->base;
    return SQLITE_OK;
}

// Of the row before.
static void forget_object(ProgramCursor *cur)
{
    ASSERT(cur != NULL);

    for (size_t i = 0; i < ARRAY_LEN(cur->object); i++) {
        sqlite3_free(cur->object[i]);
        cur->object[i] = NULL;
    }
}

// As after program_open().
static void program_reset(ProgramCursor *cur)
{
    ASSERT(cur->base.pVtab != NULL);

    sqlite3_finalize(cur->explain);
    cur->explain = NULL;
    sqlite3_finalize(cur->find_object);
    cur->find_object = NULL;
    sqlite3_free(cur->subprogram);
    cur->subprogram = NULL;
    forget_object(cur);
    cur->rowid = 0;
    cur->is_end = false;
}

static int program_close(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    program_reset((ProgramCursor *)base);
    sqlite3_free(base);
    return SQLITE_OK;
}

// --- the rows of EXPLAIN ---

// The error for an argument that is no statement.
static int refuse(ProgramTable *table)
{
    ASSERT(table->db != NULL);

    sqlite3_free(table->base.zErrMsg);
    table->base.zErrMsg = sqlite3_mprintf("argument to %s() is not a valid SQL statement",
                                          table->is_tables_used ? "tables_used" : "bytecode");
    return SQLITE_ERROR;
}

// The text is compiled anew behind EXPLAIN, since the program of a prepared statement is not
// readable from outside.
static int prepare_explain(ProgramCursor *cur, sqlite3_value *value)
{
    ASSERT(cur->explain == NULL);

    ProgramTable *table = (ProgramTable *)cur->base.pVtab;
    sqlite3_stmt *given = sqlite3_value_pointer(value, "stmt-pointer");
    const char *text = (const char *)sqlite3_value_text(value);
    // Its bound values do not matter for the program, so that the text is enough.
    if (given != NULL)
        text = sqlite3_sql(given);
    if (text == NULL || (given == NULL && sqlite3_value_type(value) != SQLITE_TEXT))
        return refuse(table);
    char *sql = sqlite3_mprintf("EXPLAIN %s", text);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(table->db, sql, -1, &cur->explain, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_NOMEM)
        return rc;
    // Empty text, or a comment, compiles to no statement.
    return rc != SQLITE_OK || cur->explain == NULL ? refuse(table) : SQLITE_OK;
}

// NULL never: what is compared and copied needs no test. Valid until the next step.
static const char *explain_text(const ProgramCursor *cur, int column)
{
    ASSERT(column >= 0 && column < EXPLAIN_COLUMNS);

    const char *text = (const char *)sqlite3_column_text(cur->explain, column);
    return text == NULL ? "" : text;
}

// SQLITE_DONE after the last instruction. Address 0 begins another program: the main one first,
// then those of the triggers it calls, each named by a comment in its Init ("-- TRIGGER t1").
// Programs of foreign key actions have no name.
static int next_instruction(ProgramCursor *cur)
{
    ASSERT(cur->explain != NULL);

    static const char prefix[] = "-- ";
    int rc = sqlite3_step(cur->explain);
    if (rc != SQLITE_ROW)
        return rc;
    bool begins_program = sqlite3_column_int(cur->explain, EXPLAIN_ADDR) == 0 && cur->rowid > 0;
    cur->rowid++;
    if (!begins_program)
        return SQLITE_OK;
    const char *text = explain_text(cur, EXPLAIN_P4);
    sqlite3_free(cur->subprogram);
    cur->subprogram = sqlite3_mprintf("%s", strncmp(text, prefix, 3) == 0 ? text + 3 : "(FK)");
    return cur->subprogram == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// --- what an instruction opens ---

// The statement's own text is gone with its next step.
static int copy_column(sqlite3_stmt *stmt, int column, char **out)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    *out = sqlite3_mprintf("%s", sqlite3_column_text(stmt, column));
    return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// Of the row of the schema that find_object() stands on.
static int describe_object(ProgramCursor *cur, const char *schema)
{
    ASSERT(cur->object[USED_TYPE] == NULL);

    TRY(copy_column(cur->find_object, 0, &cur->object[USED_TYPE]));
    TRY(copy_column(cur->find_object, 1, &cur->object[USED_NAME]));
    cur->object[USED_SCHEMA] = sqlite3_mprintf("%s", schema);
    return cur->object[USED_SCHEMA] == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// *is_found: the tree with this root is a table or index of the schema. Transient tables are none.
static int find_object(ProgramCursor *cur, int database, i64 root, bool *is_found)
{
    ASSERT(cur->find_object == NULL);
    ASSERT(is_found != NULL);

    sqlite3 *db = ((ProgramTable *)cur->base.pVtab)->db;
    const char *schema = sqlite3_db_name(db, database);
    *is_found = false;
    if (schema == NULL)
        return SQLITE_OK;
    forget_object(cur);
    // The schema table itself has no row; its root is page 1 in every database.
    char *sql = sqlite3_mprintf("SELECT type, name FROM (SELECT 'table' AS type, 'sqlite_schema'"
                                " AS name, 1 AS root UNION ALL SELECT type, name, rootpage FROM"
                                " \"%w\".sqlite_schema) WHERE root = %lld",
                                schema, root);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, sql, -1, &cur->find_object, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK && sqlite3_step(cur->find_object) == SQLITE_ROW) {
        rc = describe_object(cur, schema);
        *is_found = true;
    }
    int finalized = sqlite3_finalize(cur->find_object);
    cur->find_object = NULL;
    return rc != SQLITE_OK ? rc : finalized;
}

// The next instruction that opens a table or index of a schema; SQLITE_DONE at the end. By opcode
// names: those of SQLite, which EXPLAIN keeps to (P2 root page, P3 database).
static int next_opened(ProgramCursor *cur)
{
    ASSERT(cur->explain != NULL);

    for (;;) {
        TRY(next_instruction(cur));
        const char *opcode = explain_text(cur, EXPLAIN_OPCODE);
        bool writes = strcmp(opcode, "OpenWrite") == 0;
        bool opens = writes || strcmp(opcode, "OpenRead") == 0;
        if (!opens)
            continue;
        bool is_found;
        // P2 of a register, for a table that is made at run time, is no root of the schema's.
        TRY(find_object(cur, sqlite3_column_int(cur->explain, EXPLAIN_P3),
                        sqlite3_column_int64(cur->explain, EXPLAIN_P2), &is_found));
        cur->writes = writes;
        if (is_found)
            return SQLITE_OK;
    }
}

// tables_used() passes over instructions that open nothing.
static int program_next(sqlite3_vtab_cursor *base)
{
    ASSERT(((const ProgramCursor *)base)->explain != NULL);

    ProgramCursor *cur = (ProgramCursor *)base;
    const ProgramTable *table = (const ProgramTable *)base->pVtab;
    int rc = table->is_tables_used ? next_opened(cur) : next_instruction(cur);
    cur->is_end = rc == SQLITE_DONE;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// A scan without its argument is not planned.
static int program_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                          sqlite3_value **args)
{
    ASSERT(count == 1);

    ProgramCursor *cur = (ProgramCursor *)base;
    (void)plan;
    (void)text;
    (void)count;
    program_reset(cur);
    TRY(prepare_explain(cur, args[0]));
    return program_next(base);
}

static int program_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    return ((const ProgramCursor *)base)->is_end;
}

// Columns behind the last are the hidden one, which stays NULL.
static void result_used(const ProgramCursor *cur, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);
    ASSERT(cur->object[USED_TYPE] != NULL);

    if (column <= USED_NAME)
        sqlite3_result_text(call, cur->object[column], -1, SQLITE_TRANSIENT);
    else if (column == USED_WRITES)
        sqlite3_result_int(call, cur->writes);
    else if (column == USED_SUBPROGRAM)
        sqlite3_result_text(call, cur->subprogram, -1, SQLITE_TRANSIENT);
}

static void result_instruction(const ProgramCursor *cur, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);
    ASSERT(cur->explain != NULL);

    if (column < EXPLAIN_COLUMNS)
        sqlite3_result_value(call, sqlite3_column_value(cur->explain, column));
    else if (column == BYTECODE_SUBPROGRAM)
        sqlite3_result_text(call, cur->subprogram, -1, SQLITE_TRANSIENT);
    else if (column == BYTECODE_EXECUTED || column == BYTECODE_CYCLES)
        sqlite3_result_int(call, 0); // as in a build that does not count
}

static int program_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(!((const ProgramCursor *)base)->is_end);

    const ProgramCursor *cur = (const ProgramCursor *)base;
    if (((const ProgramTable *)base->pVtab)->is_tables_used)
        result_used(cur, call, column);
    else
        result_instruction(cur, call, column);
    return SQLITE_OK;
}

static int program_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(!((const ProgramCursor *)base)->is_end);

    *out = ((const ProgramCursor *)base)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module program_module = {
    .xConnect = program_connect,
    .xBestIndex = program_best_index,
    .xDisconnect = program_disconnect,
    .xOpen = program_open,
    .xClose = program_close,
    .xFilter = program_filter,
    .xNext = program_next,
    .xEof = program_eof,
    .xColumn = program_column,
    .xRowid = program_rowid,
};

int bytecode_tables_register(sqlite3 *db)
{
    ASSERT(db != NULL);

    static const char tables_used = 1; // client data that is not NULL
    TRY(sqlite3_create_module_v2(db, "bytecode", &program_module, NULL, NULL));
    return sqlite3_create_module_v2(db, "tables_used", &program_module, (void *)&tables_used, NULL);
}
