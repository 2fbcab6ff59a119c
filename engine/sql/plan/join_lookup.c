// Lookups that had better be decided before they are made.
//
// A row of an outer loop is looked up in another table by rowid, and the row found there must pass
// conditions of its own: often most do not. Where the other table turns out small beside the number
// of lookups, one pass over it tells which rowids pass, and a Bloom filter of these spares most
// lookups, and the loops in between. Whether that pays nobody knows without statistics; so the
// lookups are counted while the statement runs (FilterWait), and the filter is made when they have
// cost about as much as making it.

#include "func/func.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

// Conditions are tested for rows that no loop might have reached: none may fail or be seen.
// LIKE and GLOB of a literal pattern, of moderate length since matching may cost its square.
static bool call_is_harmless(const Expr *e)
{
    ASSERT(e->kind == EX_CALL);

    const FuncDef *func = e->u.call != NULL ? e->u.call->func : NULL;
    if (func == NULL || (func->flags & (FUNC_BUILTIN | FUNC_LIKE)) != (FUNC_BUILTIN | FUNC_LIKE))
        return false;
    const ExprList *args = e->list;
    return args != NULL && args->count == 2 && args->items[0].expr->kind == EX_STRING
           && args->items[0].expr->size < 1000;
}

static WalkResult note_harm(Walker *w, Expr *e)
{
    bool harmless;
    switch (e->kind) {
    case EX_NULL:
    case EX_INTEGER:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_BOOL:
    case EX_PARAM:
    case EX_NOT:
    case EX_IS_NULL:
    case EX_NOT_NULL:
    case EX_TRUTH:
    case EX_COLLATE:
    case EX_AND:
    case EX_OR:
    case EX_EQ:
    case EX_NE:
    case EX_LT:
    case EX_LE:
    case EX_GT:
    case EX_GE:
    case EX_IS:
    case EX_IS_NOT:
    case EX_BETWEEN:
    case EX_IN: harmless = e->select == NULL; break;
    case EX_COLUMN: {
        const FromItem *item = e->u.column.item;
        int column = e->u.column.index;
        harmless = item->kind == FROM_TABLE
                   && (column < 0 || (item->table->columns[column].flags & COLUMN_VIRTUAL) == 0);
        break;
    }
    case EX_CALL: harmless = call_is_harmless(e); break;
    default: harmless = false; break; // may fail, or run code of others
    }
    *(bool *)w->arg = *(bool *)w->arg || !harmless;
    return harmless ? WALK_ON : WALK_STOP;
}

static WalkResult note_select(Walker *w, Select *s)
{
    (void)s;
    *(bool *)w->arg = true;
    return WALK_STOP;
}

static bool is_own_condition(const JoinQuery *q, const Access *a, const Term *term)
{
    ASSERT(a->self != 0 && (a->self & (a->self - 1)) == 0);

    bool harms = false;
    Walker w = {.expr = note_harm, .select = note_select, .arg = &harms};
    if ((term->flags & TERM_VIRTUAL) != 0 || term->prereq_all != a->self
        || (term->expr->flags & (EXPR_OUTER_ON | EXPR_HAS_SUBQUERY)) != 0
        || plan_reads_outside(q, term->expr))
        return false;
    expr_walk(&w, term->expr);
    return !harms;
}

static bool is_lookup(const JoinLevel *level)
{
    const Access *a = level->access;
    const FromItem *item = level->item;
    return a->kind == ACCESS_ROWID && a->term_count == 1
           && (a->flags & (ACCESS_IN | ACCESS_BLOOM)) == 0 && (a->terms[0]->op & TERM_EQ) != 0
           && (a->terms[0]->flags & TERM_IS_OP) == 0 && item->kind == FROM_TABLE
           && item->table->kind == TABLE_ORDINARY && !level->is_semi;
}

// The first level at which the key is known; -1: it is a constant.
static int host_of(const JoinOperator *join, const JoinLevel *level)
{
    ASSERT(is_lookup(level));
    ASSERT(level >= join->levels && level < join->levels + join->level_count);

    TableMask missing = level->access->terms[0]->prereq_right;
    if (missing == 0)
        return -1;
    int host = -1;
    do {
        host++;
        missing &= ~join->levels[host].access->self;
    } while (missing != 0 && &join->levels[host + 1] < level);
    return missing == 0 ? host : -1;
}

static int note_lookup(JoinQuery *q, JoinOperator *join, JoinLevel *level)
{
    ASSERT(level->lookup_count == 0);

    int host = host_of(join, level);
    if (host < 0)
        return SQLITE_OK;
    level->lookup_filters = arena_array(q->arena, q->terms.count + 1, sizeof(Expr *));
    if (level->lookup_filters == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < q->terms.count; i++) {
        Term *term = q->terms.items[i];
        if (is_own_condition(q, level->access, term))
            level->lookup_filters[level->lookup_count++] = term->expr;
    }
    level->lookup_host = (u16)host;
    return SQLITE_OK;
}

int join_choose_lookups(JoinQuery *q, JoinOperator *join)
{
    u32 unfit = WANT_ONE_PASS | WANT_OR_BRANCH | WANT_RIGHT_ROWS;
    if ((q->flags & unfit) != 0 || q->has_right_join)
        return SQLITE_OK;
    for (u32 i = 0; i < join->level_count; i++) {
        if (join->levels[i].is_left || join->levels[i].is_right)
            return SQLITE_OK; // further in, an outer row may live on without its partner
        if (i > 0 && is_lookup(&join->levels[i]))
            TRY(note_lookup(q, join, &join->levels[i]));
    }
    return SQLITE_OK;
}
