// Asks the authorizer about the SELECTs of a statement, in SQLite's order.
//
// A statement's own query is asked about before its names are resolved, which asks about the
// columns. Queries within are resolved along with what is around them, and asked about afterwards,
// in the order in which their code is made: those of FROM first, from left to right, each with all
// that lies within; then those of expressions. A compound is asked about as a whole, and term by
// term. A table of which no column is read (its rowid does not count) is asked about as a read of
// the column "".
//
// An ignored query gives no rows.

#include "sql/expr_tree.h"
#include "sql/resolve_internal.h"

typedef struct Asking {
    Resolver *r;
    const char *database; // of the view that names are read in; NULL: none
    int rc;
} Asking;

static int ask_within(Asking *asking, Select *last);

const char *authorizer_enter(sqlite3 *db, const FromItem *item)
{
    ASSERT(item->select != NULL);

    const char *former = db->authorizer_context;
    ASSERT(item->select != NULL);
    if (item->is_view)
        db->authorizer_context = item->view->name;
    else if (item->cte != NULL)
        db->authorizer_context = item->cte->name;
    return former;
}

// SQLITE_IGNORE for a SELECT: it stays, with LIMIT 0.
static int give_no_rows(Resolver *r, Select *s)
{
    s->limit = expr_new_integer(r->arena, 0);
    s->offset_expr = NULL;
    return s->limit == NULL ? resolve_no_memory(r) : SQLITE_OK;
}

int authorize_query(Resolver *r, Select *s)
{
    ASSERT(s->columns != NULL);

    if (r->db->authorizer == NULL || (s->flags & SELECT_AUTHORIZED) != 0)
        return SQLITE_OK;
    s->flags |= SELECT_AUTHORIZED;
    int rc = resolve_authorize(r->db, SQLITE_SELECT, NULL, NULL, NULL);
    return rc == SQLITE_IGNORE ? give_no_rows(r, s) : rc;
}

static int authorize_recursion(Resolver *r, Select *last)
{
    ASSERT(last->prior != NULL);

    int rc = resolve_authorize(r->db, SQLITE_RECURSIVE, NULL, NULL, NULL);
    return rc == SQLITE_IGNORE ? give_no_rows(r, last) : rc;
}

// --- FROM ---

static bool reads_nothing(const FromItem *item)
{
    if (item->table == NULL || item->name == NULL)
        return false;
    u64 key = 0; // the rowid under another name
    int alias = item->table->rowid_alias;
    if (alias >= 0 && alias < 63)
        key = 1ull << alias;
    return (item->columns_used & ~key) == 0;
}

// Whether the query's tables take its place in FROM, to be asked about as tables of the outer one.
static bool is_merged(const Select *s)
{
    u32 own_rows = SELECT_DISTINCT | SELECT_AGGREGATE | SELECT_HAS_WINDOW | SELECT_VALUES;
    return s->prior == NULL && s->limit == NULL && s->from != NULL && (s->flags & own_rows) == 0;
}

static int ask_item_query(Asking *asking, FromItem *item)
{
    ASSERT(item->select != NULL);

    Asking inner = *asking;
    sqlite3 *db = asking->r->db;
    if (item->is_view)
        inner.database = item_database(asking->r, item);
    const char *former = authorizer_enter(db, item);
    int rc = authorize_query(asking->r, item->select);
    if (is_merged(item->select))
        db->authorizer_context = former;
    if (rc == SQLITE_OK)
        rc = ask_within(&inner, item->select);
    db->authorizer_context = former;
    return rc;
}

static int ask_items(Asking *asking, const FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        FromItem *item = from->items[i];
        const char *database = item->schema != NULL ? item->schema : asking->database;
        if (item->select != NULL)
            TRY(ask_item_query(asking, item));
        else if (reads_nothing(item))
            TRY(resolve_authorize(asking->r->db, SQLITE_READ, item->name, "", database));
    }
    return SQLITE_OK;
}

int authorize_unread_items(Resolver *r, const FromList *from)
{
    ASSERT(from != NULL);

    for (u32 i = 0; r->db->authorizer != NULL && i < from->count; i++) {
        const FromItem *item = from->items[i];
        if (item->select != NULL || !reads_nothing(item))
            continue;
        int rc = resolve_authorize(r->db, SQLITE_READ, item->name, "", item->schema);
        if (rc != SQLITE_OK && rc != SQLITE_IGNORE)
            return rc;
    }
    return SQLITE_OK;
}

// --- expressions ---

static WalkResult walk_query(Walker *w, Select *s)
{
    Asking *asking = w->arg;
    while (s->next != NULL)
        s = s->next;
    if ((s->flags & SELECT_AUTHORIZED) != 0)
        return WALK_PRUNE;
    asking->rc = authorize_query(asking->r, s);
    if (asking->rc == SQLITE_OK)
        asking->rc = ask_within(asking, s);
    return asking->rc == SQLITE_OK ? WALK_PRUNE : WALK_STOP;
}

static int ask_expr(Asking *asking, Expr *e)
{
    Walker w = {.expr = walk_past_expr, .select = walk_query, .arg = asking};
    ASSERT(asking->rc == SQLITE_OK);
    (void)expr_walk(&w, e);
    return asking->rc;
}

static int ask_list(Asking *asking, const ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(ask_expr(asking, list->items[i].expr));
    return SQLITE_OK;
}

// --- a query ---

static int ask_term(Asking *asking, Select *s)
{
    if ((s->flags & SELECT_HAS_WINDOW) != 0) {
        // The rows of windows come from a query of their own, which cannot be told to give none.
        int rc = resolve_authorize(asking->r->db, SQLITE_SELECT, NULL, NULL, NULL);
        if (rc != SQLITE_OK && rc != SQLITE_IGNORE)
            return rc;
    }
    TRY(ask_items(asking, s->from));
    TRY(ask_expr(asking, s->limit));
    TRY(ask_expr(asking, s->offset_expr));
    TRY(ask_expr(asking, s->where));
    TRY(ask_list(asking, s->group_by));
    TRY(ask_list(asking, s->columns));
    TRY(ask_expr(asking, s->having));
    return ask_list(asking, s->order_by);
}

static int ask_within(Asking *asking, Select *last)
{
    Select *first = last;
    ASSERT(last->next == NULL);
    while (first->prior != NULL)
        first = first->prior;
    bool recurs = first != last && (last->flags & SELECT_RECURSIVE) != 0;
    if (recurs)
        TRY(authorize_recursion(asking->r, last));
    for (Select *term = first; term != NULL; term = term->next) {
        if (first != last && (recurs || (term->flags & SELECT_VALUES) == 0)) {
            term->flags &= ~(u32)SELECT_AUTHORIZED; // the last one stood for the whole
            TRY(authorize_query(asking->r, term));
        }
        TRY(ask_term(asking, term));
    }
    return SQLITE_OK;
}

int authorize_within(Resolver *r, Select *last)
{
    Asking asking = {.r = r};
    return r->db->authorizer == NULL ? SQLITE_OK : ask_within(&asking, last);
}

int authorize_expr_queries(Resolver *r, Expr *e)
{
    Asking asking = {.r = r};
    return r->db->authorizer == NULL ? SQLITE_OK : ask_expr(&asking, e);
}
