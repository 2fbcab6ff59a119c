#ifndef QUIRE_SQL_EXPR_TREE_H
#define QUIRE_SQL_EXPR_TREE_H
// Tools for syntax trees: walking, copying, comparing, and what an expression's value is like
// (affinity, collation, constancy). They know no names and no plans, and look nothing up but
// collations.
//
// Trees are shared where nobody changes them and copied where somebody does: a column reached by
// two ways (an alias, a flattened subquery, an index's own expression) is two nodes, so that flags
// and registers of one never show in the other.

#include "catalog/connection.h"
#include "sql/ast.h"

// --- walking ---

typedef enum WalkResult {
    WALK_ON,
    WALK_PRUNE, // not into this node
    WALK_STOP,  // no further at all
} WalkResult;

// `expr` and `select` are called before the node's children. A NULL `select`
// means: stay out of subqueries. Walks are depth first, left to right;
// recursion is bounded by law A4 and the parser's depth limit.
typedef struct Walker {
    WalkResult (*expr)(struct Walker *w, Expr *e);
    WalkResult (*select)(struct Walker *w, Select *s);
    void (*select_end)(struct Walker *w, Select *s); // may be NULL; behind the children
    void *arg;
    int depth; // Selects entered and not left
} Walker;

// What most walks answer: into every subquery, and on from every expression.
WalkResult walk_into_select(Walker *w, Select *s);
WalkResult walk_past_expr(Walker *w, Expr *e);

// WALK_STOP if a visitor said so, else WALK_ON. A visitor may change the node it is given, but for
// WALK_ON the children are read after it returns.
WalkResult expr_walk(Walker *w, Expr *e); // NULL is legal everywhere
WalkResult expr_list_walk(Walker *w, ExprList *list);
WalkResult select_walk(Walker *w, Select *s); // all terms of a compound, first to last
WalkResult window_walk(Walker *w, Window *window);

// --- copying ---

// Deep copies into `arena`; NULL in, NULL out, and NULL when out of memory. Copies made without a
// cursor counter bring their names and literals with them, so that they outlive the statement they
// came from. A resolved tree stays resolved: columns of FROM items inside the copy point to
// the copies of those, which get cursors of their own from *cursor_count (NULL:
// the tree is unresolved, or no Select is inside).
Expr *expr_copy(Arena *arena, const Expr *e, int *cursor_count);
ExprList *expr_list_copy(Arena *arena, const ExprList *list, int *cursor_count);
Select *select_copy(Arena *arena, const Select *s,
                    int *cursor_count); // whole compound
FromList *from_list_copy(Arena *arena, const FromList *list, int *cursor_count);
IdList *id_list_copy(Arena *arena, const IdList *list);
Stmt *stmt_copy(Arena *arena,
                const Stmt *stmt); // SELECT, INSERT, UPDATE, DELETE; unresolved
// A copy of an expression stored in the schema (index expression, partial
// index, CHECK, generated column) with its columns, whose item is NULL there,
// bound to `item`.
Expr *expr_bind(Arena *arena, const Expr *e, FromItem *item);

// --- making ---

// Fresh nodes without a place in the source; NULL when out of memory.
Expr *expr_new(Arena *arena, ExprKind kind, Expr *left, Expr *right);
Expr *expr_new_integer(Arena *arena, i64 value);
Expr *expr_new_column(Arena *arena, FromItem *item, int column);
// An unresolved name, as if quoted: never TRUE or FALSE.
Expr *expr_new_name(Arena *arena, const char *name);
// a AND b; the other one when one is NULL. So NULL is "no condition", and also out of memory: a
// caller that passed a condition knows which.
Expr *expr_and(Arena *arena, Expr *a, Expr *b);
// Appends; list NULL makes a new one. NULL when out of memory.
ExprList *expr_list_add(Arena *arena, ExprList *list, Expr *e);
// Height and inherited flags from the operands, after they have changed. Of `e` alone: what stands
// above keeps what it had, so raise the top last.
void expr_update_height(Expr *e);

// --- comparing ---

// Same value for the same row: structure, names without regard to case, columns
// by item and index. Parentheses and source places do not count. Two NULL
// pointers are equal.
bool expr_equal(const Expr *a, const Expr *b);
bool expr_list_equal(const ExprList *a, const ExprList *b);
bool window_equal(const Window *a,
                  const Window *b); // partition, order and frame

// --- what the value is like ---

// The constant's value with an affinity applied, in the arena; NULL when it is not a constant, or
// is NULL.
Value *expr_constant_value(sqlite3 *db, const Expr *e, Affinity affinity, Arena *arena);
// The DEFAULT of a column as a value of its own; NULL when it has none.
MUST_USE int column_default_value(sqlite3 *db, const Column *column, Value *out);

const Expr *expr_skip_collate(const Expr *e);        // without COLLATE
const Expr *expr_skip_collate_likely(const Expr *e); // nor likely(), unlikely(), likelihood()
Affinity expr_affinity(const Expr *e);               // AFF_NONE when it has none
// May the value carry a subtype? It would be lost in a record: below a function that reads subtypes
// such an expression is computed, never taken from an index or a sorter.
bool expr_may_have_subtype(const Expr *e);
bool expr_reads_subtypes(const Expr *e); // a call of such a function
// A virtual column of type REAL. Its whole numbers are kept as integers by records that know no
// column, as SQLite keeps them.
bool expr_is_virtual_real(const Expr *e);
bool expr_reads_virtual_real(const Expr *e); // ... or anything that is made of one
Affinity affinity_of_column(const Table *table, int column);
// Affinity applied before comparing: of a comparison, BETWEEN's or IN's left
// with one other operand...
Affinity compare_affinity(const Expr *e, Affinity other);
Affinity expr_compare_affinity(const Expr *comparison); // ... and of the whole comparison
// Name of the collation that applies, NULL for none (BINARY).
const char *expr_collation_name(const Expr *e);
const char *expr_compare_collation_name(const Expr *comparison);
const char *compare_collation_name(const Expr *left, const Expr *right);
// The same, looked up: NULL for BINARY. An unknown collation sets "no such
// collation sequence: x" on the connection and gives NULL.
const Collation *expr_collation(sqlite3 *db, const Expr *e);
const Collation *expr_compare_collation(sqlite3 *db, const Expr *comparison);
u32 expr_vector_size(const Expr *e); // fields of a row value, 1 for a scalar
bool expr_is_vector(const Expr *e);
// Field number `field` of a row value: the expression itself, or an EX_FIELD of a subquery.
Expr *expr_vector_field(Arena *arena, Expr *e, u32 field);
bool expr_is_integer(const Expr *e, i64 *out); // an integer literal, sign included
// Errs on the side of true. NOT NULL of a column counts only while its table cannot stand on a null
// row (FromItem.may_be_null).
bool expr_can_be_null(const Expr *e);
// No columns, no subqueries, no nondeterministic calls (nor params, without `allow_params`): the
// same value throughout one run of the statement, so it may be computed once, before any loop.
bool expr_is_constant(const Expr *e, bool allow_params);
// TRUE or FALSE whatever the row; literals only, as SQLite folds no more than those. Terms of an ON
// are never "always true" to it: whose join they belong to still matters.
bool expr_is_always_true(const Expr *e);
bool expr_is_always_false(const Expr *e);
bool expr_reads_cursor(const Expr *e, int cursor); // some column of it, subqueries included

// --- columns of FROM items ---

u32 from_item_column_count(const FromItem *item);
const char *from_item_column_name(const FromItem *item,
                                  int column);    // "rowid" for ROWID_COLUMN
const char *from_item_name(const FromItem *item); // alias, else name, NULL for a bare subquery

#endif
