// What an expression's value is like to those who compare it: affinity, collation, constancy. Rules
// are expr_tree.h's; here a failed look-up becomes the generator's sticky error.

#include "sql/code/codegen.h"
#include "sql/expr_tree.h"

Affinity code_affinity(const Expr *e)
{
    return expr_affinity(e);
}

// A failed look-up has set the connection's error; here it becomes the sticky one.
const Collation *code_named_collation(Codegen *g, const char *name)
{
    if (name == NULL)
        return NULL;
    const Collation *collation = catalog_find_collation(g->db, g->db->encoding, name);
    if (collation == NULL)
        codegen_error(g, SQLITE_ERROR_MISSING_COLLSEQ, "no such collation sequence: %s", name);
    return collation;
}

const Collation *code_collation(Codegen *g, const Expr *e)
{
    ASSERT(e != NULL);

    return code_named_collation(g, expr_collation_name(e));
}

const Collation *code_compare_collation(Codegen *g, const Expr *left, const Expr *right)
{
    return code_named_collation(g, compare_collation_name(left, right));
}

// Numeric affinity on either side wins over text; between a column and a value the column decides.
Affinity code_compare_affinity(const Expr *left, const Expr *right)
{
    ASSERT(left != NULL && right != NULL);

    Affinity a = expr_affinity(left);
    Affinity b = expr_affinity(right);
    if (a > AFF_NONE && b > AFF_NONE)
        return a >= AFF_NUMERIC || b >= AFF_NUMERIC ? AFF_NUMERIC : AFF_BLOB;
    return a > AFF_NONE ? a : b > AFF_NONE ? b : AFF_NONE;
}

bool code_is_constant(const Expr *e)
{
    ASSERT(e != NULL);

    return expr_is_constant(e, true);
}

void expr_become_register(Expr *e, Expr *original, Reg reg)
{
    ASSERT(e != original);
    ASSERT(reg > 0);

    *e = (Expr){
        .kind = EX_REGISTER, .flags = original->flags, .offset = original->offset, .height = 1};
    e->left = original;
    e->u.reg = reg;
}
