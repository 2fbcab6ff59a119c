// Calls that an index of a method answers: METHOD_name(column, ..., argument, ...).
//
// If the first arguments are columns of one table, the method is asked whether it has an index on
// exactly these. Its answer is an expression over the row's rowid and the other arguments, which
// takes the place of the call before anything else is resolved:
//
//   fts_match(title, body, ?)    _ROWID_ IN (SELECT rowid FROM i WHERE i MATCH ?)
//
// So the planner sees a query like any other, in whatever clause it stands. A method that has no
// such index says nothing, and the call is an ordinary one.
//
// The rowid is put in by its name, as are the arguments: subqueries of the answer lie one SELECT
// deeper, and names find their way out by themselves.

#include "sql/index_method.h"
#include "sql/parse.h"
#include "sql/resolve_internal.h"
#include <string.h>

enum { METHOD_NAME_MAX = 64, CALL_COLUMN_MAX = 64 };

typedef struct IndexCall {
    Resolver *r;
    const Expr *call;
    FromItem *item; // whose columns are the first arguments
    const char *names[CALL_COLUMN_MAX];
    int column_count;
    int rc;
} IndexCall;

// The method whose name the function's begins with.
static IndexMethod *method_of(const Resolver *r, const Expr *e)
{
    ASSERT(e->text != NULL);

    char name[METHOD_NAME_MAX];
    const char *end = strchr(e->text, '_');
    size_t size = end == NULL ? 0 : (size_t)(end - e->text);
    if (size == 0 || size >= sizeof name)
        return NULL;
    memcpy(name, e->text, size);
    name[size] = 0;
    return index_method_find(r->db, name);
}

static bool may_have_index(const FromItem *item)
{
    return item != NULL && item->kind == FROM_TABLE && item->table != NULL
           && item->table->kind == TABLE_ORDINARY && item_has_rowid(item);
}

// *column: the argument as one of the item's columns; NULL if it is anything else. It is looked at
// in a copy, for where it will stand is not known yet.
static int read_column(IndexCall *c, Scope *s, const Expr *argument, const Expr **column)
{
    *column = NULL;
    if (argument->kind != EX_NAME)
        return SQLITE_OK;
    Expr *copy = expr_copy(c->r->arena, argument, NULL);
    if (copy == NULL)
        return resolve_no_memory(c->r);
    TRY(resolve_operand(c->r, s, copy));
    bool is_column =
        copy->kind == EX_COLUMN && copy->u.column.index >= 0 && may_have_index(copy->u.column.item);
    if (is_column && (c->item == NULL || c->item == copy->u.column.item))
        *column = copy;
    return SQLITE_OK;
}

static int read_columns(IndexCall *c, Scope *s)
{
    const ExprList *list = c->call->list;
    ASSERT(list != NULL && c->column_count == 0);

    while ((u32)c->column_count < list->count && c->column_count < CALL_COLUMN_MAX) {
        const Expr *column;
        TRY(read_column(c, s, list->items[c->column_count].expr, &column));
        if (column == NULL)
            break;
        c->item = column->u.column.item;
        c->names[c->column_count++] = from_item_column_name(c->item, column->u.column.index);
    }
    return SQLITE_OK;
}

// *text: the method's SELECT, in the arena; NULL: the call is not for an index.
static int ask_method(IndexCall *c, IndexMethod *method, const char **text)
{
    static const unsigned char no_expressions[CALL_COLUMN_MAX];
    ASSERT(c->column_count > 0);

    char *sql;
    const quire_index_request request = {
        .db = c->r->db,
        .action = QUIRE_INDEX_CALL,
        .schema = c->r->db->databases[c->item->db_index].name,
        .index_name = c->call->text,
        .table_name = c->item->table->name,
        .column_count = c->column_count,
        .columns = c->names,
        .column_is_expression = no_expressions,
        .option_count = (int)c->call->list->count - c->column_count,
    };
    *text = NULL;
    TRY(index_method_ask(method, &request, &sql));
    if (sql != NULL)
        *text = arena_dup(c->r->arena, sql, strlen(sql));
    bool is_lost = sql != NULL && *text == NULL;
    sqlite3_free(sql);
    return is_lost ? resolve_no_memory(c->r) : SQLITE_OK;
}

static int parse_answer(IndexCall *c, const char *text, Expr **out)
{
    ASSERT(text != NULL);

    ParseOptions options = parse_options_default();
    ParseResult parsed;
    int rc = parse_statement(text, strlen(text), &options, c->r->arena, &parsed);
    if (rc == SQLITE_NOMEM)
        return resolve_no_memory(c->r);
    bool is_one = rc == SQLITE_OK && parsed.stmt->kind == STMT_SELECT
                  && parsed.stmt->u.select->columns->count == 1;
    if (!is_one)
        return resolve_error(c->r, NO_OFFSET, "bad answer of an index method: %s", text);
    *out = parsed.stmt->u.select->columns->items[0].expr;
    return SQLITE_OK;
}

// --- what the answer's parameters stand for ---

static Expr *rowid_by_name(const IndexCall *c)
{
    static const char *const names[] = {"_ROWID_", "ROWID", "OID"};
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(names) && item_find_column(c->item, names[i], false) >= 0)
        i++;
    Expr *e = expr_new_name(c->r->arena, names[i]);
    if (e != NULL)
        e->u.name.table = from_item_name(c->item);
    return e;
}

// ?1 is the rowid, ?2 and on the arguments behind the columns.
static WalkResult fill_in(Walker *w, Expr *e)
{
    IndexCall *c = w->arg;
    const ExprList *list = c->call->list;
    if (e->kind != EX_PARAM)
        return WALK_ON;
    i64 argument = (i64)c->column_count + e->u.param - 2;
    if (e->u.param > 1 && argument >= list->count) {
        c->rc = resolve_error(c->r, NO_OFFSET, "too few arguments to function %s()", c->call->text);
        return WALK_STOP;
    }
    const Expr *with = e->u.param == 1 ? rowid_by_name(c)
                                       : expr_copy(c->r->arena, list->items[argument].expr,
                                                   &c->r->ctx->cursor_count);
    if (with == NULL) {
        c->rc = resolve_no_memory(c->r);
        return WALK_STOP;
    }
    *e = *with;
    return WALK_PRUNE;
}

static WalkResult number_select(Walker *w, Select *s)
{
    IndexCall *c = w->arg;
    s->id = ++c->r->ctx->select_count;
    return WALK_ON;
}

static int put_answer(IndexCall *c, Expr *answer, Expr *call)
{
    ASSERT(c->item != NULL && call == c->call);

    Walker w = {.expr = fill_in, .select = number_select, .arg = c};
    (void)expr_walk(&w, answer);
    if (c->rc == SQLITE_OK)
        *call = *answer;
    return c->rc;
}

int resolve_index_call(Resolver *r, Scope *s, Expr *e, bool *is_replaced)
{
    ASSERT(e->kind == EX_CALL && e->u.call != NULL);

    *is_replaced = false;
    IndexMethod *method = e->list == NULL ? NULL : method_of(r, e);
    if (method == NULL || r->db->is_altering || (s->flags & SCOPE_SELF) != 0)
        return SQLITE_OK;
    IndexCall c = {.r = r, .call = e};
    const char *text = NULL;
    Expr *answer = NULL;
    TRY(read_columns(&c, s));
    if (c.column_count > 0)
        TRY(ask_method(&c, method, &text));
    if (text == NULL)
        return SQLITE_OK;
    TRY(parse_answer(&c, text, &answer));
    TRY(put_answer(&c, answer, e));
    *is_replaced = true;
    return expand_subqueries(r, e);
}
