#ifndef QUIRE_SQL_RESOLVE_H
#define QUIRE_SQL_RESOLVE_H
// The resolver's door: from names to things.
//
// Takes the parser's tree and changes it in place until it says, without a name left to look up,
// which table, column, function, collation and SELECT is meant everywhere. What it cannot find is
// an error, in SQLite's words and, of several errors, the one SQLite tells.
//
// After resolution (laws A3.. of ast.h, and):
//   R1  Views and CTEs in FROM are subqueries (FROM_SELECT, is_view / is_cte, `select` a resolved
//       copy of their own); the recursive reference inside a recursive CTE is FROM_RECURSIVE. Every
//       FromItem has a cursor below ResolveContext.cursor_count, unique in the statement.
//   R2  ON and USING of inner joins are ANDed to WHERE (tagged EXPR_INNER_ON only where an outer
//       join is near); those of LEFT, RIGHT and FULL joins too, tagged EXPR_OUTER_ON with on_item =
//       cursor of the join's right item. NATURAL and USING have become such equalities; has_using
//       and using_list stay for reference. A column merged by USING in a FULL or RIGHT join is
//       coalesce(left, right).
//   R3  select->results describes the result; columns holds no stars. ORDER BY and GROUP BY terms
//       that name a result column have ExprItem.column set (1-based) and hold a copy of its
//       expression (in a compound: an EX_INTEGER).
//   R4  Aggregates are EX_CALL with call->owner the Select that computes them, listed once each (by
//       expr_equal) in owner->aggs. Window calls are in windows, with call->window completed from
//       WINDOW definitions.
//   R5  Correlated column references have u.column.depth > 0, and every Select between has
//       SELECT_CORRELATED; EXPR_CORRELATED marks the subquery expression.
//   R6  Rows of triggers and RETURNING are EX_ROW_COLUMN. In upserts `excluded` is a FROM_PSEUDO
//       item, Upsert.excluded. CHECK, generated columns and index expressions name columns of item
//       NULL (expr_bind() gives them one).
//   R7  x IN (a, b) with row values, comparisons of row values and UPDATE's row assignments have
//       equal widths on both sides.
//
// Errors are set on the connection (message, offset into the text the tree was parsed from). A tree
// whose resolution failed is half changed and of no further use.

#include "catalog/connection.h"
#include "sql/ast.h"

// What a lone expression is part of; says which names it may use.
typedef enum SelfKind {
    SELF_CHECK,         // CHECK constraints
    SELF_INDEX,         // index expressions
    SELF_PARTIAL_INDEX, // WHERE of a partial index
    SELF_GENERATED,     // generated columns
} SelfKind;

// Inside a trigger's program.
typedef struct TriggerScope {
    Table *table;
    u8 event;          // TriggerEvent: which of NEW and OLD exist
    Schema *schema;    // names inside are looked for here first (temp triggers:
                       // everywhere)
    bool is_returning; // plain column names mean the row itself
} TriggerScope;

// How often a statement has named a table so far; for the first tables only.
typedef struct TableReferences {
    const Table *table;
    u32 count;
} TableReferences;
enum { TABLE_REFERENCE_MAX = 65535, TABLE_REFERENCE_SLOTS = 64 };

// One statement's resolution. It may be used for several trees in turn (the steps of triggers, SQL
// the code generator wrote): cursors and numbers of SELECTs go on counting, so that all may become
// parts of one program.
typedef struct ResolveContext {
    sqlite3 *db;
    Arena *arena;
    int cursor_count;            // next free cursor number
    u32 select_count;            // greatest Select.id in use
    const TriggerScope *trigger; // NULL outside
    const char *view_name;       // for the authorizer: view or trigger being compiled
    bool is_ddl;                 // expressions of the schema: DQS_DDL, only safe functions
    bool is_asked_late;          // CREATE TABLE AS: its query is authorized after its columns
    bool hides_virtual;          // SQLITE_PREPARE_NO_VTAB: virtual tables do not exist
    Schema *home;                // of a view's body: where names without schema are looked for
    bool is_nested;              // SQL that the code generator wrote: may change the schema tables
    u32 depth;                   // sum of the heights of the expressions around
    // What SQLite only notices when it generates code: reported once every name is resolved.
    TableReferences references[TABLE_REFERENCE_SLOTS];
    u32 reference_count;
    const char *late_error;
    u32 late_offset;
} ResolveContext;

void resolve_context_init(ResolveContext *ctx, sqlite3 *db, Arena *arena);

// SELECT, INSERT, UPDATE, DELETE, and the expressions of ATTACH, DETACH and
// VACUUM INTO. Schemas must be loaded. Changes the tree in place. Rewriting is
// separate (rewrite.h).
MUST_USE int resolve_statement(ResolveContext *ctx, Stmt *stmt);
// A query that stands alone: view bodies, CREATE TABLE ... AS, nested SQL.
MUST_USE int resolve_select(ResolveContext *ctx, Select *select);
// An expression about one row of `table` (item NULL in its columns).
MUST_USE int resolve_self(ResolveContext *ctx, Table *table, SelfKind kind, Expr **expr);
MUST_USE int resolve_self_list(ResolveContext *ctx, Table *table, SelfKind kind, ExprList *list);
// Where names in double quotes turned out to be texts, while db->name_literals points here: offsets
// into the statement resolved. ALTER TABLE rewrites them with single quotes.
typedef struct NameLiterals {
    Arena *arena;
    u32 *offsets;
    u32 count, capacity;
} NameLiterals;
void name_literals_add(NameLiterals *literals, u32 offset); // sticky failure in the arena

// An expression without columns: DEFAULT, the file of VACUUM INTO. *expr may be NULL.
MUST_USE int resolve_constant(ResolveContext *ctx, Expr **expr);
// WHEN of a trigger, in ctx->trigger's scope: OLD and NEW are all there is to name.
MUST_USE int resolve_trigger_when(ResolveContext *ctx, Expr **expr);

// Fills table->columns of a view on first use: the view's query is resolved in an arena of its own
// and what is known of its columns goes to the schema object. The authorizer is not asked.
// SQLITE_ERROR
// circularly defined" and the like.
MUST_USE int resolve_view_columns(sqlite3 *db, Table *view);

// Finds the table of a FROM item or target: sets "no such table: x" on the
// connection.
MUST_USE int resolve_table_name(ResolveContext *ctx, const char *schema, const char *name,
                                Table **out, int *db_index);
// Asks the connection's authorizer: SQLITE_OK, SQLITE_IGNORE, or an error that
// is set already.
MUST_USE int resolve_authorize(sqlite3 *db, int code, const char *a, const char *b,
                               const char *database);
// The same for SQLITE_READ of a column, whose refusal has words of its own.
MUST_USE int resolve_authorize_read(sqlite3 *db, const char *table, const char *column,
                                    const char *database);
// The column as the authorizer knows it: ROWID_COLUMN by its alias, if it has one.
const char *authorized_column_name(const Table *table, int column);

// Result columns of a resolved Select for the API: names by short_column_names
// and full_column_names.
typedef struct ColumnName {
    const char *name, *decltype;
    const char *database, *table, *origin;
} ColumnName;
MUST_USE int resolve_result_names(ResolveContext *ctx, Select *select, ColumnName **out,
                                  u32 *count);
MUST_USE int resolve_list_names(ResolveContext *ctx, ExprList *columns, ColumnName **out);

#endif
