// Indexes that a method provides: CREATE INDEX ... USING, DROP INDEX and OPTIMIZE INDEX of such,
// and what DROP TABLE owes to them.
//
// The method is asked while the statement is compiled and answers in SQL (quire.h). The program
// runs that text with SqlExec: it writes inside the transaction and below the savepoint of this
// statement, so that a failure halfway undoes all of it.
//
//   CREATE INDEX i ON t USING method (cols) WITH (key = value)      quire's own form
//   CREATE INDEX i ON t (method(col, 'key=value', ...))             libSQL's, where no function is
//                                                                   called so
//
// What the method makes is a virtual table named like the index, with its shadow tables:
// sqlite_schema holds nothing that stock SQLite could not read.

#include "base/hashmap.h"
#include "func/func.h"
#include "sql/code/code_ddl.h"
#include "sql/expr_tree.h"
#include "sql/index_method.h"
#include "vm/vm.h"
#include <string.h>

// Frees `sql`.
static void code_answer(Codegen *g, int database, char *sql)
{
    ASSERT(sql != NULL);

    codegen_writes(g, database, true);
    codegen_may_abort(g);
    program_emit_text(g->program, OP_SqlExec, SQL_EXEC_REWRITTEN, 0, 0, sql, -1);
    sqlite3_free(sql);
}

// --- CREATE INDEX ---

// The columns of a request are filled from the indexed columns, its options from WITH or from the
// arguments behind the column.
typedef struct RequestLists {
    const char **columns;
    unsigned char *is_expression;
    int column_count;
    const char **names;
    Value **values;
    int option_count;
} RequestLists;

static bool lists_allocate(Codegen *g, RequestLists *lists, u32 columns, u32 options)
{
    ASSERT(lists->columns == NULL);

    lists->columns = arena_array(g->arena, columns + 1, sizeof *lists->columns);
    lists->is_expression = arena_array(g->arena, columns + 1, sizeof *lists->is_expression);
    lists->names = arena_array(g->arena, options + 1, sizeof *lists->names);
    lists->values = arena_array(g->arena, options + 1, sizeof *lists->values);
    return !g->arena->failed;
}

// A column under the name its table gives it. A name in double quotes that is no column is refused,
// as nobody means to index a constant.
static void add_column(Codegen *g, RequestLists *lists, const Table *table, const ExprItem *item)
{
    ASSERT(item->expr != NULL);

    const Expr *e = expr_skip_collate(item->expr);
    bool is_name = e->kind == EX_STRING || (e->kind == EX_NAME && e->u.name.table == NULL);
    int column = is_name ? table_column_index(table, e->text) : -1;
    if (is_name && column < 0) {
        codegen_error(g, SQLITE_ERROR, "no such column: %s", e->text);
        return;
    }
    int at = lists->column_count++;
    lists->is_expression[at] = !is_name;
    lists->columns[at] = is_name ? table->columns[column].name
                                 : arena_dup(g->arena, item->span.text, item->span.size);
}

static void add_option(RequestLists *lists, const char *name, Value *value)
{
    ASSERT(lists->names != NULL);

    int at = lists->option_count++;
    lists->names[at] = name;
    lists->values[at] = value;
}

static Value *value_in_arena(Codegen *g)
{
    Value *value = arena_alloc_zeroed(g->arena, sizeof *value);
    if (value != NULL)
        value_init(value, g->db);
    return value;
}

static void add_with_option(Codegen *g, RequestLists *lists, const IndexOption *option)
{
    ASSERT(option->value != NULL);

    Value *value = expr_constant_value(g->db, option->value, AFF_NONE, g->arena);
    if (value == NULL) // the literal NULL
        value = value_in_arena(g);
    if (value != NULL)
        add_option(lists, option->name, value);
}

// 'key=value', as libSQL writes options.
static void add_text_option(Codegen *g, RequestLists *lists, const Expr *e)
{
    ASSERT(e != NULL);

    const char *equals = e->kind == EX_STRING ? strchr(e->text, '=') : NULL;
    if (equals == NULL) {
        codegen_error(g, SQLITE_ERROR, "invalid parameter: a text 'key=value' is expected");
        return;
    }
    const char *name = arena_dup(g->arena, e->text, (size_t)(equals - e->text));
    const char *text = arena_dup(g->arena, equals + 1, strlen(equals + 1));
    Value *value = value_in_arena(g);
    if (name == NULL || text == NULL || value == NULL)
        return;
    if (value_set_text(value, text, strlen(text), SQLITE_UTF8, BYTES_STATIC) == SQLITE_OK)
        add_option(lists, name, value);
}

// The call in (method(col, 'key=value', ...)), or NULL.
static const Expr *method_call(const CreateIndex *create)
{
    ASSERT(create->columns != NULL);

    const Expr *e = create->columns->count == 1 ? create->columns->items[0].expr : NULL;
    bool is_call = e != NULL && e->kind == EX_CALL && (e->flags & EXPR_INFIX) == 0
                   && e->list != NULL && e->list->count > 0;
    return is_call ? e : NULL;
}

static void lists_from_call(Codegen *g, RequestLists *lists, const Table *table, const Expr *call)
{
    ASSERT(call->kind == EX_CALL && call->list->count > 0);

    const ExprItem *column = &call->list->items[0];
    if (!lists_allocate(g, lists, 1, call->list->count))
        return;
    if (column->expr->kind != EX_NAME && column->expr->kind != EX_STRING)
        codegen_error(g, SQLITE_ERROR, "%s: the first argument must be a column", call->text);
    else
        add_column(g, lists, table, column);
    for (u32 i = 1; i < call->list->count; i++)
        add_text_option(g, lists, call->list->items[i].expr);
}

static void lists_from_clauses(Codegen *g, RequestLists *lists, const Table *table,
                               const CreateIndex *create)
{
    ASSERT(create->method != NULL);

    if (!lists_allocate(g, lists, create->columns->count, create->option_count))
        return;
    for (u32 i = 0; i < create->columns->count; i++)
        add_column(g, lists, table, &create->columns->items[i]);
    for (u32 i = 0; i < create->option_count; i++)
        add_with_option(g, lists, &create->options[i]);
}

static IndexMethod *method_of(Codegen *g, const CreateIndex *create)
{
    ASSERT(create->columns != NULL);

    if (create->method != NULL) {
        IndexMethod *method = index_method_find(g->db, create->method);
        if (method == NULL)
            codegen_error(g, SQLITE_ERROR, "unknown module name '%s'", create->method);
        return method;
    }
    const Expr *call = method_call(create);
    bool is_function = call == NULL || func_name_exists(g->db, call->text);
    return is_function ? NULL : index_method_find(g->db, call->text);
}

bool code_is_method_index(Codegen *g, const CreateIndex *create)
{
    return create->method != NULL || method_of(g, create) != NULL;
}

static bool method_can_serve(Codegen *g, const CreateIndex *create)
{
    ASSERT(create->columns != NULL);

    if (create->unique)
        codegen_error(g, SQLITE_ERROR, "custom index module do not support UNIQUE indices");
    else if (create->where != NULL)
        codegen_error(g, SQLITE_ERROR, "custom index module do not support partial indices");
    return !codegen_failed(g);
}

void code_create_method_index(Codegen *g, const CreateIndex *create, const Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    IndexMethod *method = method_of(g, create);
    if (method == NULL || !method_can_serve(g, create))
        return;
    RequestLists lists = {0};
    if (create->method != NULL)
        lists_from_clauses(g, &lists, table, create);
    else
        lists_from_call(g, &lists, table, method_call(create));
    if (codegen_failed(g))
        return;
    int database = schema_index(g->db, table->schema);
    const quire_index_request request = {
        .db = g->db,
        .action = QUIRE_INDEX_CREATE,
        .schema = g->db->databases[database].name,
        .index_name = create->name.name,
        .table_name = table->name,
        .if_not_exists = create->if_not_exists,
        .column_count = lists.column_count,
        .columns = lists.columns,
        .column_is_expression = lists.is_expression,
        .option_count = lists.option_count,
        .option_names = lists.names,
        .option_values = lists.values,
    };
    char *sql = NULL;
    int rc = index_method_ask(method, &request, &sql);
    for (int i = 0; i < lists.option_count; i++)
        value_deinit(lists.values[i]); // the method may have had one converted
    if (rc != SQLITE_OK)
        codegen_fail(g, rc);
    else
        code_answer(g, database, sql);
}

// --- DROP and OPTIMIZE ---

// The virtual table that may be an index by that name.
static Table *method_table(Codegen *g, const QualifiedName *name)
{
    ASSERT(name->name != NULL);

    Table *table = catalog_find_table(g->db, name->name, name->schema);
    return table != NULL && table->kind == TABLE_VIRTUAL ? table : NULL;
}

// true: a method took it as its own, or failed.
static bool ask_about(Codegen *g, int action, const Table *table)
{
    ASSERT(action != QUIRE_INDEX_CREATE);

    int database = schema_index(g->db, table->schema);
    bool is_index = action != QUIRE_INDEX_DROP_TABLE;
    const quire_index_request request = {
        .db = g->db,
        .action = action,
        .schema = g->db->databases[database].name,
        .index_name = is_index ? table->name : NULL,
        .table_name = is_index ? NULL : table->name,
        .module = is_index ? table->module_args[0] : NULL,
    };
    char *sql = NULL;
    int rc = index_methods_ask(&request, &sql);
    if (rc != SQLITE_OK)
        codegen_fail(g, rc);
    else if (sql != NULL)
        code_answer(g, database, sql);
    return rc != SQLITE_OK || sql != NULL;
}

bool code_drop_method_index(Codegen *g, const QualifiedName *name)
{
    const Table *table = method_table(g, name);
    return table != NULL && ask_about(g, QUIRE_INDEX_DROP, table);
}

void code_drop_method_indexes(Codegen *g, const Table *table)
{
    (void)ask_about(g, QUIRE_INDEX_DROP_TABLE, table);
}

static void optimize_all(Codegen *g)
{
    ASSERT(g->db->database_count > 0);

    for (int i = 0; i < g->db->database_count; i++) {
        const Schema *schema = g->db->databases[i].schema;
        for (NameEntry *e = name_map_first(&schema->tables); e != NULL && !codegen_failed(g);
             e = name_map_next(&schema->tables, e)) {
            const Table *table = e->value;
            if (table->kind == TABLE_VIRTUAL)
                (void)ask_about(g, QUIRE_INDEX_OPTIMIZE, table);
        }
    }
}

void code_optimize_index(Codegen *g, const QualifiedName *name)
{
    ASSERT(name != NULL);

    if (name->name == NULL) {
        optimize_all(g);
        return;
    }
    const Table *table = method_table(g, name);
    if (table == NULL || !ask_about(g, QUIRE_INDEX_OPTIMIZE, table))
        codegen_error(g, SQLITE_ERROR, "no such index: %s", name->name);
}
