// Rewriting resolved queries: the order of the rules.
//
//   rewrite_flatten.c     subqueries of FROM are merged into the query around them, which may
//                         uncover more of them; outer joins are weakened in between, since a
//                         subquery right of a LEFT JOIN merges less easily
//   rewrite_pushdown.c    HAVING to WHERE; ORDER BY nobody sees; WHERE into what is left in FROM
//   then the same for every subquery inside, and at the very end
//   rewrite_recount.c     depths, correlation and used columns, from scratch
//
// From the outside in: an outer query first takes in what it can, then hands conditions down to the
// subqueries that are left, which are rewritten after it.

#include "sql/rewrite.h"
#include "sql/rewrite_internal.h"

typedef struct SubqueryWalk {
    ResolveContext *ctx;
    int rc;
} SubqueryWalk;

static int rewrite_compound(ResolveContext *ctx, Select *last);

static WalkResult rewrite_found(Walker *w, Select *s)
{
    ASSERT(w->arg != NULL);

    SubqueryWalk *walk = w->arg;
    while (s->next != NULL)
        s = s->next;
    if (walk->rc == SQLITE_OK)
        walk->rc = rewrite_compound(walk->ctx, s);
    return walk->rc == SQLITE_OK ? WALK_PRUNE : WALK_STOP;
}

static int rewrite_in_expr(ResolveContext *ctx, Expr *e)
{
    SubqueryWalk walk = {.ctx = ctx};
    Walker w = {.expr = walk_past_expr, .select = rewrite_found, .arg = &walk};
    (void)expr_walk(&w, e);
    return walk.rc;
}

static int rewrite_in_list(ResolveContext *ctx, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(rewrite_in_expr(ctx, list->items[i].expr));
    return SQLITE_OK;
}

static int rewrite_in_from(ResolveContext *ctx, FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        if (from->items[i]->select != NULL)
            TRY(rewrite_compound(ctx, from->items[i]->select));
        TRY(rewrite_in_list(ctx, from->items[i]->args));
    }
    return SQLITE_OK;
}

static int rewrite_term(ResolveContext *ctx, Select *p)
{
    ASSERT((p->flags & SELECT_RESOLVED) != 0);

    if ((p->flags & SELECT_REWRITTEN) != 0)
        return SQLITE_OK;
    p->flags |= SELECT_REWRITTEN;
    TRY(rewrite_flatten(ctx, p));
    TRY(rewrite_count(ctx, p));
    TRY(rewrite_having(ctx, p));
    rewrite_drop_order(p);
    TRY(rewrite_push_down(ctx, p));
    TRY(rewrite_in_from(ctx, p->from));
    TRY(rewrite_in_list(ctx, p->columns));
    TRY(rewrite_in_expr(ctx, p->where));
    TRY(rewrite_in_list(ctx, p->group_by));
    TRY(rewrite_in_expr(ctx, p->having));
    TRY(rewrite_in_list(ctx, p->order_by));
    TRY(rewrite_in_expr(ctx, p->limit));
    return rewrite_in_expr(ctx, p->offset_expr);
}

static int rewrite_compound(ResolveContext *ctx, Select *last)
{
    for (Select *term = last; term != NULL; term = term->prior)
        TRY(rewrite_term(ctx, term));
    return SQLITE_OK;
}

int rewrite_select(ResolveContext *ctx, Select *select)
{
    ASSERT(select->flags & SELECT_RESOLVED);

    TRY(rewrite_compound(ctx, select));
    bool counted = rewrite_recount(select);
    return !counted || ctx->arena->failed ? connection_out_of_memory(ctx->db) : SQLITE_OK;
}

// --- data changes ---

// Subqueries of a data change's expressions; they stand in no Select.
static int rewrite_expr(ResolveContext *ctx, Expr *e)
{
    TRY(rewrite_in_expr(ctx, e));
    return rewrite_recount_expr(e) ? SQLITE_OK : connection_out_of_memory(ctx->db);
}

static int rewrite_list(ResolveContext *ctx, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(rewrite_expr(ctx, list->items[i].expr));
    return SQLITE_OK;
}

static int rewrite_set(ResolveContext *ctx, SetList *set)
{
    for (u32 i = 0; set != NULL && i < set->count; i++)
        TRY(rewrite_expr(ctx, set->items[i].expr));
    return SQLITE_OK;
}

static int rewrite_insert(ResolveContext *ctx, Insert *insert)
{
    if (insert->select != NULL)
        TRY(rewrite_select(ctx, insert->select));
    for (Upsert *upsert = insert->upsert; upsert != NULL; upsert = upsert->next) {
        TRY(rewrite_set(ctx, upsert->set));
        TRY(rewrite_expr(ctx, upsert->where));
    }
    return rewrite_list(ctx, insert->returning);
}

// sources[1], of UPDATE ... FROM, is a query like any other; the target is a table.
static int rewrite_update(ResolveContext *ctx, Update *update)
{
    ASSERT(update->sources != NULL);

    if (update->query != NULL) {
        TRY(rewrite_select(ctx, update->query));
        return rewrite_list(ctx, update->returning);
    }
    for (u32 i = 0; update->sources != NULL && i < update->sources->count; i++)
        if (update->sources->items[i]->select != NULL)
            TRY(rewrite_select(ctx, update->sources->items[i]->select));
    TRY(rewrite_set(ctx, update->set));
    TRY(rewrite_expr(ctx, update->where));
    return rewrite_list(ctx, update->returning);
}

int rewrite_statement(ResolveContext *ctx, Stmt *stmt)
{
    ASSERT(ctx->arena != NULL);

    switch (stmt->kind) {
    case STMT_SELECT: return rewrite_select(ctx, stmt->u.select);
    case STMT_INSERT: return rewrite_insert(ctx, stmt->u.insert);
    case STMT_UPDATE: return rewrite_update(ctx, stmt->u.update);
    case STMT_DELETE:
        TRY(rewrite_expr(ctx, stmt->u.delete_->where));
        return rewrite_list(ctx, stmt->u.delete_->returning);
    default: return SQLITE_OK; // holds no query
    }
}
