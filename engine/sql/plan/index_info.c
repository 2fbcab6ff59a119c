// Building a sqlite3_index_info from the terms of a WHERE clause, and answering what a module asks
// about it.

#include "sql/plan/index_info.h"
#include "sql/expr_tree.h"

static IndexInfo *info_of(const sqlite3_index_info *info)
{
    return (IndexInfo *)(uintptr_t)info;
}

const char *index_info_collation(sqlite3_index_info *info, int constraint)
{
    ASSERT(info_of(info)->query != NULL);

    if (constraint < 0 || constraint >= info->nConstraint)
        return NULL;
    const Expr *e = info_of(info)->terms[constraint]->expr;
    if (e->left == NULL)
        return "BINARY";
    return e->right == NULL && e->kind != EX_IN ? plan_collation_name(e->left)
                                                : plan_compare_collation(e);
}

int index_info_distinct(const sqlite3_index_info *info)
{
    return info_of(info)->distinct;
}

bool index_info_in(sqlite3_index_info *info, int constraint, int handle)
{
    IndexInfo *own = info_of(info);
    if (constraint < 0 || constraint >= 64 || (own->in_mask >> constraint & 1) == 0)
        return false;
    if (handle == 0)
        own->handled_in &= ~((u64)1 << constraint);
    else if (handle > 0)
        own->handled_in |= (u64)1 << constraint;
    return true;
}

// Only what the text says is known while planning: parameters are not peeked at for modules.
static int literal_value(JoinQuery *q, const Expr *e, Value **out)
{
    ASSERT(*out == NULL);

    i64 integer;
    bool negative = e->kind == EX_NEGATE;
    const Expr *bare = negative ? e->left : e;
    Value *v = value_new(q->db);
    if (v == NULL)
        return SQLITE_NOMEM;
    *out = v;
    if (expr_is_integer(e, &integer)) {
        value_set_i64(v, integer);
        return SQLITE_OK;
    }
    switch (bare->kind) {
    case EX_NULL: return SQLITE_OK;
    case EX_FLOAT: value_set_f64(v, negative ? -bare->u.real : bare->u.real); return SQLITE_OK;
    case EX_STRING: return value_set_text(v, bare->text, bare->size, SQLITE_UTF8, BYTES_COPY);
    case EX_BLOB: return value_set_blob(v, bare->text, bare->size, BYTES_COPY);
    default: break; // known only when the statement runs
    }
    value_free(v);
    *out = NULL;
    return SQLITE_NOTFOUND;
}

int index_info_rhs(sqlite3_index_info *info, int constraint, Value **out)
{
    IndexInfo *own = info_of(info);
    *out = NULL;
    if (constraint < 0 || constraint >= info->nConstraint)
        return SQLITE_MISUSE;
    if (own->rhs[constraint] == NULL) {
        const Expr *e = own->terms[constraint]->expr;
        if (e->right == NULL)
            return SQLITE_NOTFOUND;
        TRY(literal_value(own->query, e->right, &own->rhs[constraint]));
    }
    *out = own->rhs[constraint];
    return SQLITE_OK;
}
