// The planner's loops for UPDATE, DELETE and whoever else brings a body.

#include "sql/code/code_where.h"
#include "sql/code/code_query.h"

static u32 wanted(u32 flags)
{
    return ((flags & WHERE_ONE_PASS) != 0 ? WANT_ONE_PASS : 0)
           | ((flags & WHERE_MANY_ROWS) != 0 ? WANT_MULTI_ROW : 0)
           | ((flags & WHERE_OF_CHANGE) != 0 ? (u32)WANT_TABLE_ORDER : 0)
           | ((flags & WHERE_DUPLICATES_OK) != 0 ? WANT_DUPLICATES_OK : 0);
}

static void note_one_pass(WhereCode *w, const JoinOperator *join)
{
    ASSERT(w->one_pass == ONE_PASS_NO);

    if (join->one_pass_ok)
        w->one_pass = ONE_PASS_ROW;
    else if (join->multi_pass_ok)
        w->one_pass = ONE_PASS_MANY;
    w->join->writes = w->one_pass != ONE_PASS_NO;
}

WhereCode *code_where_begin(Codegen *g, FromList *from, Expr *where, u32 flags)
{
    ASSERT(from != NULL && from->count > 0);

    if (codegen_failed(g))
        return NULL;
    WhereCode *w = arena_alloc_zeroed(g->arena, sizeof *w);
    JoinCode *jc = arena_alloc_zeroed(g->arena, sizeof *jc);
    if (w == NULL || jc == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return NULL;
    }
    PlanContext plan = code_plan_context(g);
    JoinRequest request = {.from = from, .where = where, .flags = wanted(flags)};
    int rc = plan_from_items(&plan, from);
    if (rc == SQLITE_OK)
        rc = plan_join(&plan, &request, &jc->join);
    if (rc != SQLITE_OK) {
        codegen_fail(g, rc);
        return NULL;
    }
    jc->flags = request.flags & WANT_DUPLICATES_OK;
    w->join = jc;
    w->index_cursor = -1;
    note_one_pass(w, jc->join);
    code_from_begin(g, from);
    code_join_begin(g, jc);
    if (codegen_failed(g))
        return NULL;
    if (jc->join->level_count > 0 && jc->levels[0].cursor < 0)
        w->one_pass = ONE_PASS_NO; // a covering index is walked: nobody stands on the row itself
    if (jc->join->level_count > 0 && (jc->levels[0].level->access->flags & ACCESS_INDEXED) != 0) {
        w->index_cursor = jc->levels[0].index_cursor;
        w->index_root = jc->levels[0].level->access->index->root;
    }
    w->next_row = jc->next_row;
    w->done = jc->done;
    return w;
}

void code_where_end(Codegen *g, WhereCode *w)
{
    ASSERT(w == NULL || w->join != NULL);

    if (w != NULL && !codegen_failed(g))
        code_join_end(g, w->join);
}
