// Constant expressions evaluated while compiling: DEFAULTs for rows older than their column, LIKE
// patterns, statistics.
//
// Not an evaluator: literals under signs, COLLATE and CAST, no more. Anything else is "no constant"
// and counts as NULL, which is what SQLite makes of such a DEFAULT for old rows.

#include "base/hashmap.h"
#include "sql/expr_tree.h"
#include <string.h>

static int set_constant(const Expr *e, Value *v)
{
    switch ((ExprKind)e->kind) {
    case EX_INTEGER:
    case EX_BOOL: value_set_i64(v, e->u.integer); return SQLITE_OK;
    case EX_FLOAT: value_set_f64(v, e->u.real); return SQLITE_OK;
    case EX_STRING: return value_set_text(v, e->text, e->size, SQLITE_UTF8, BYTES_STATIC);
    case EX_BLOB: return value_set_blob(v, e->text, e->size, BYTES_STATIC);
    case EX_NAME: // TRUE, FALSE, or "text" in the DEFAULT of an unresolved tree
        if ((e->flags & EXPR_QUOTED) == 0 && name_equals(e->text, "true"))
            value_set_i64(v, 1);
        else if ((e->flags & EXPR_QUOTED) == 0 && name_equals(e->text, "false"))
            value_set_i64(v, 0);
        else
            return value_set_text(v, e->text, strlen(e->text), SQLITE_UTF8, BYTES_STATIC);
        return SQLITE_OK;
    default: return SQLITE_ERROR;
    }
}

// The literal 9223372036854775808, which fits only below a minus.
static bool is_smallest_integer(const Expr *e)
{
    ASSERT(e != NULL);

    return e->kind == EX_FLOAT && (e->flags & EXPR_INT_OVERFLOW) != 0 && e->text != NULL
           && strcmp(e->text, "9223372036854775808") == 0;
}

static int negate(Value *v, const Expr *operand)
{
    if (is_smallest_integer(operand))
        value_set_i64(v, INT64_MIN);
    else if ((v->flags & V_INT) != 0 && v->u.integer != INT64_MIN)
        value_set_i64(v, -v->u.integer);
    else
        value_set_f64(v, -value_f64(v));
    return SQLITE_OK;
}

// SQLITE_ERROR stands for "no constant" here, and never leaves the file.
static int evaluate(const Expr *e, u8 encoding, Value *v)
{
    while (e->kind == EX_PLUS || e->kind == EX_COLLATE)
        e = e->left;
    if (e->kind == EX_NEGATE) {
        TRY(evaluate(e->left, encoding, v));
        value_apply_numeric(v, false);
        if ((v->flags & (V_INT | V_REAL | V_NULL)) == 0) // '12abc' is 12, 'abc' is 0
            TRY(value_cast(v, AFF_NUMERIC, encoding));
        return negate(v, e->left);
    }
    if (e->kind == EX_CAST) {
        TRY(evaluate(e->left, encoding, v));
        return value_cast(v, affinity_of_type(e->text), encoding);
    }
    return set_constant(e, v);
}

// Gives the bytes of `v` to the arena, so that nobody need release it.
static Value *settle(Arena *arena, const Value *v)
{
    ASSERT((v->flags & V_NULL) == 0);

    Value *kept = arena_alloc_zeroed(arena, sizeof *kept);
    if (kept == NULL)
        return NULL;
    kept->u = v->u;
    kept->flags = (u16)(v->flags & (V_TYPE_MASK));
    kept->encoding = v->encoding;
    kept->size = v->size;
    if ((v->flags & (V_TEXT | V_BLOB)) != 0) {
        kept->bytes = arena_dup(arena, v->bytes, v->size);
        kept->flags |= V_STATIC;
        if (kept->bytes == NULL)
            return NULL;
    }
    return kept;
}

// The value in the connection's encoding, with the affinity applied. Not a constant: NULL.
static int constant_value(sqlite3 *db, const Expr *e, Affinity affinity, Value *v)
{
    u8 encoding = db->encoding;
    int rc = evaluate(e, encoding, v);
    if (rc == SQLITE_ERROR) {
        value_set_null(v);
        return SQLITE_OK;
    }
    // Literals are UTF-8 in the tree, whatever the database's encoding is.
    if (rc == SQLITE_OK && (v->flags & V_TEXT) != 0)
        rc = value_change_encoding(v, encoding);
    return rc != SQLITE_OK ? rc : value_apply_affinity(v, affinity, encoding);
}

Value *expr_constant_value(sqlite3 *db, const Expr *e, Affinity affinity, Arena *arena)
{
    ASSERT(e != NULL && arena != NULL);

    Value v;
    value_init(&v, db);
    Value *kept = NULL;
    int rc = constant_value(db, e, affinity, &v);
    if (rc == SQLITE_OK && value_type(&v) != SQLITE_NULL)
        kept = settle(arena, &v);
    value_deinit(&v);
    return kept;
}

int column_default_value(sqlite3 *db, const Column *column, Value *out)
{
    ASSERT((column->flags & COLUMN_GENERATED) == 0);

    value_set_null(out);
    if (column->value == NULL)
        return SQLITE_OK;
    TRY(constant_value(db, column->value, (Affinity)column->affinity, out));
    return value_own(out); // literals lie in the schema
}
