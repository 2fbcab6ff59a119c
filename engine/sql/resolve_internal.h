#ifndef QUIRE_SQL_RESOLVE_INTERNAL_H
#define QUIRE_SQL_RESOLVE_INTERNAL_H
// What the resolver's files share.
//
// Two passes over a query, as SQLite makes them, so that errors come in its order:
//   expand   binds FROM items to tables, views and CTEs, turns NATURAL and USING into equalities,
//            ON into WHERE, * into columns; last term of a compound first, subqueries of
//            expressions included
//   names    resolves every expression, innermost FROM subqueries first

#include "base/hashmap.h"
#include "func/func.h"
#include "sql/expr_tree.h"
#include "sql/resolve.h"

// The state that goes down with the recursion: passed by pointer, copied where a view, a CTE or a
// WITH changes it for what lies below.
typedef struct Resolver {
    ResolveContext *ctx;
    sqlite3 *db;
    Arena *arena;
    With *with;           // CTEs in scope, innermost WITH first
    const char *fixed_db; // database of names without schema: bodies of views and triggers
    bool no_offsets;      // the tree was not parsed from the statement's text
    bool in_cte;          // inside the body of a common table expression
    u32 view_depth;
    bool *is_failing; // an error is set, but the rest of the expression is looked at all the same
} Resolver;

// What may stand at a place, and what was found there. The lower half is set by the clause at hand
// and goes off and on within it (no aggregates inside an aggregate); SCOPE_HAS_* come back.
enum {
    SCOPE_AGG = 0x0001,       // aggregates are allowed
    SCOPE_WINDOW = 0x0002,    // window functions are allowed
    SCOPE_CHECK = 0x0004,     // CHECK constraint
    SCOPE_PARTIAL = 0x0008,   // WHERE of a partial index
    SCOPE_GENERATED = 0x0010, // generated column
    SCOPE_INDEX = 0x0020,     // index expression
    SCOPE_SELF = SCOPE_CHECK | SCOPE_PARTIAL | SCOPE_GENERATED | SCOPE_INDEX,
    SCOPE_FROM_DDL = 0x0040, // from the schema: functions must be safe
    SCOPE_HAS_AGG = 0x0080,  // found one that belongs here
    SCOPE_HAS_WINDOW = 0x0100,
    SCOPE_NO_NAMES = 0x0200,       // DEFAULT: any name is an error of the caller's wording
    SCOPE_NAMES_ARE_TEXT = 0x0400, // ATTACH: a bare word is a string
    SCOPE_IN_ARGUMENT = 0x0800,
};

// Where names are looked for, from the innermost Select outward.
typedef struct Scope {
    struct Scope *outer;
    Select *select;     // NULL: a data change, a lone expression
    FromList *from;     // may be NULL
    ExprList *aliases;  // result columns that may be named; NULL: none
    FromItem *excluded; // upsert
    Table *returning;   // RETURNING: its row
    const char *returning_name;
    bool returning_is_new;
    Table *self; // SCOPE_SELF
    u32 flags;
    u32 outer_refs; // names that were found further out
} Scope;

// --- errors ---

// SQLITE_ERROR with a message; `offset` NO_OFFSET when unknown.
int resolve_error(Resolver *r, u32 offset, const char *fmt, ...) PRINTF_LIKE(3, 4);
// Remembers the error for the end of the resolution, unless there is one already. SQLITE_OK, or
// SQLITE_NOMEM.
MUST_USE int resolve_late_error(Resolver *r, u32 offset, const char *fmt, ...) PRINTF_LIKE(3, 4);
int resolve_no_memory(Resolver *r);
const char *resolve_ordinal_suffix(u32 n); // of messages: "st" of 1st, 21st; "th" of 11th
u32 expr_error_offset(const Expr *e); // where SQLite says an error about `e` is

// --- expand ---

// Of a whole compound, from its last term. May be called again: done once (SELECT_EXPANDED).
MUST_USE int expand_select(Resolver *r, Select *last);
MUST_USE int expand_subqueries(Resolver *r, Expr *e); // Selects inside an expression
MUST_USE int expand_from(Resolver *r, FromList *from, Select *owner);
MUST_USE int expand_from_list_subqueries(Resolver *r, FromList *from);
// Gives the item a cursor, and a table or a bound subquery with named columns.
MUST_USE int bind_item(Resolver *r, FromItem *item);
// *found: the name is that of a CTE in scope, and the item now holds a copy of its body.
MUST_USE int bind_cte(Resolver *r, FromItem *item, bool *found);
// Names the columns of the item's subquery, `names` first (NULL: those it has itself). Types follow
// when the subquery is resolved: item_take_results().
MUST_USE int bind_subquery_columns(Resolver *r, FromItem *item, const IdList *names);
// R2: conditions of all joins move to *where.
MUST_USE int join_conditions(Resolver *r, FromList *from, Expr **where);
bool using_has(const IdList *list, const char *name); // list NULL: no USING
MUST_USE int expand_stars(Resolver *r, Select *s);
int item_find_column(const FromItem *item, const char *name, bool skip_hidden); // -1
bool item_column_is_hidden(const FromItem *item, int column);
const char *item_database(const Resolver *r, const FromItem *item);

// --- the authorizer (resolve_authorize.c) ---

// Asks about a statement's own query, before its names are resolved.
MUST_USE int authorize_query(Resolver *r, Select *last);
// Asks about the queries within a resolved one, and within a resolved expression.
MUST_USE int authorize_within(Resolver *r, Select *last);
MUST_USE int authorize_expr_queries(Resolver *r, Expr *e);
// The tables of which an UPDATE ... FROM of a virtual table reads no column.
MUST_USE int authorize_unread_items(Resolver *r, const FromList *from);
// What lies within the subquery of an item is asked about in its name. Returns the former context,
// to be put back.
const char *authorizer_enter(sqlite3 *db, const FromItem *item);

// --- names ---

// Of a whole compound, from its last term; all that lies within included. Once (SELECT_RESOLVED).
MUST_USE int resolve_query(Resolver *r, Scope *outer, Select *last);
MUST_USE int resolve_expr(Resolver *r, Scope *s, Expr *e);
MUST_USE int resolve_operand(Resolver *r, Scope *s, Expr *e); // part of an expression
MUST_USE int resolve_list(Resolver *r, Scope *s, ExprList *list);
// `e`, an EX_NAME, becomes what it names: EX_COLUMN, EX_ROW_COLUMN, a copy of an aliased result
// column, coalesce() of merged columns, EX_BOOL or EX_STRING.
MUST_USE int resolve_name(Resolver *r, Scope *s, Expr *e);
MUST_USE int resolve_bound_column(Resolver *r, Expr *e); // marks use, asks the authorizer
MUST_USE int resolve_call(Resolver *r, Scope *s, Expr *e);
// A call that an index of a method answers becomes that answer, whose names are not resolved yet.
MUST_USE int resolve_index_call(Resolver *r, Scope *s, Expr *e, bool *is_replaced);
MUST_USE int resolve_window(Resolver *r, Scope *s, Expr *call);
// Definitions of a WINDOW clause that build on earlier ones take over what those say; the first
// builds on none, whatever name it gives.
MUST_USE int complete_window_defs(Resolver *r, Select *select);
// For ALTER TABLE, which wants to know of stored statements whether all their names mean something.
MUST_USE int resolve_window_defs(Resolver *r, Scope *s, Select *select);
MUST_USE int resolve_order_by(Resolver *r, Scope *s, Select *select);
MUST_USE int resolve_group_by(Resolver *r, Scope *s, Select *select);
MUST_USE int resolve_compound_order_by(Resolver *r, Scope *outer, Select *last);
MUST_USE int resolve_results(Resolver *r, Select *last);   // fills Select.results
MUST_USE int resolve_api_names(Resolver *r, Select *last); // ResultColumn.api_name
MUST_USE int check_row_values(Resolver *r, const Expr *e); // only where they make sense
MUST_USE int check_list_row_values(Resolver *r, const ExprList *list);
// Gives `item` the types of its subquery's results.
void item_take_results(const Resolver *r, FromItem *item);
// Result column's name as a subquery's column; NULL: it has none of its own.
const char *result_column_name(Resolver *r, const ExprItem *item);
// `e` becomes a column of `item`, and that column counts as read. The alias of the rowid becomes
// ROWID_COLUMN, so that nobody need compare the two.
void column_becomes(Expr *e, FromItem *item, int column, int depth);
// `e` becomes coalesce(a.x, b.x, ...), the column that a FULL JOIN ... USING (x) shows.
MUST_USE int merged_becomes(Resolver *r, Expr *e, ExprList *columns);
void mark_column_used(FromItem *item, int column);
bool item_has_rowid(const FromItem *item); // under a name
Resolver resolver_make(ResolveContext *ctx);
MUST_USE int resolve_end(Resolver *r, int rc); // reports the late error, if all else went well
// As expr_update_height() does, but for the height: the parser has checked that (A4).
void expr_inherit_flags(Expr *e);

#endif
