#ifndef QUIRE_SQL_AST_H
#define QUIRE_SQL_AST_H
// The syntax tree of one SQL statement: what the parser makes, the resolver completes, the rewriter
// changes, the planner reads and the code generator walks. Everything lives in one Arena per
// statement (trees of views, triggers, CHECK constraints and the like live in the arena of their
// schema object and are copied before they are resolved, see expr_tree.h).
//
// Laws
//   A1  The SQL text outlives the tree: spans point into it. Names and literals are copies,
//       dequoted.
//   A2  `offset` is the byte where the construct begins in the text handed to the parser (NO_OFFSET
//       for what a rewrite made). Errors point there, ALTER ... RENAME rewrites there.
//   A3  The parser leaves EX_NAME; after resolution no EX_NAME and no EX_STAR is left outside of
//       count(*), and every EX_COLUMN names a FromItem that an enclosing Select (or the statement's
//       target) holds.
//   A4  height(e) = 1 + the greatest height of its operands, subqueries included; never above
//       SQLITE_LIMIT_EXPR_DEPTH, so recursion over expressions is bounded.
//   A5  An AND, OR or binary chain leans left: left is the longer arm.
//   A6  Compound SELECTs are a chain over `prior`: the last term holds ORDER BY, LIMIT and WITH.
//   A7  FROM is a flat list, joined from left to right; item[0] has no join operator. A
//       parenthesised join is one item of kind FROM_NESTED whose `select` is SELECT * FROM (the
//       inner list).
//   A8  NOT LIKE, NOT IN, NOT BETWEEN, NOT EXISTS are EX_NOT over the plain form. IS [NOT] DISTINCT
//       FROM are EX_IS_NOT and EX_IS. LIKE, GLOB, REGEXP, MATCH, -> and ->> are EX_CALL (arguments
//       as the function takes them: like(pattern, text[, escape])) with EXPR_INFIX set.

#include "base/arena.h"
#include "base/types.h"
#include "catalog/schema.h"
#include "value/value.h"

typedef struct Call Call;
typedef struct Window Window;
typedef struct FromItem FromItem;
typedef struct FromList FromList;
typedef struct With With;
typedef struct Cte Cte;
typedef struct Stmt Stmt;

// From the layers below, by name only.
typedef struct FuncDef FuncDef;

#define NO_OFFSET UINT32_MAX

// A piece of the SQL text, not NUL-terminated. {NULL, 0} is "absent".
typedef struct Span {
    const char *text;
    u32 size;
} Span;

// --- expressions ---

typedef enum ExprKind {
    // Literals. `text` is the source text (strings dequoted, blobs decoded to `size` bytes).
    EX_NULL,
    EX_INTEGER, // u.integer
    EX_FLOAT,   // u.real; EXPR_INT_OVERFLOW: an integer literal that does not fit
    EX_STRING,  // text, size
    EX_BLOB,    // text, size
    EX_BOOL,    // u.integer 0 or 1: TRUE and FALSE where no such column exists (resolver)
    // Names.
    EX_PARAM,      // u.param: number (from 1); text is its name or NULL
    EX_NAME,       // unresolved: [[u.name.schema.]u.name.table.]text; EXPR_DOUBLE_QUOTED: "x"
    EX_STAR,       // * or u.name.table.*; in result columns and count(*) only
    EX_COLUMN,     // u.column
    EX_ROW_COLUMN, // u.row: OLD.x or NEW.x in triggers, x in RETURNING
    // One operand: left.
    EX_NEGATE,
    EX_PLUS,
    EX_BIT_NOT,
    EX_NOT,
    EX_IS_NULL,
    EX_NOT_NULL,
    EX_TRUTH,   // left IS [NOT] TRUE|FALSE: u.truth
    EX_COLLATE, // left COLLATE text
    EX_CAST,    // CAST(left AS text): affinity
    // Two operands: left, right.
    EX_AND,
    EX_OR,
    EX_EQ,
    EX_NE,
    EX_LT,
    EX_LE,
    EX_GT,
    EX_GE,
    EX_IS,
    EX_IS_NOT,
    EX_ADD,
    EX_SUBTRACT,
    EX_MULTIPLY,
    EX_DIVIDE,
    EX_REMAINDER,
    EX_CONCAT,
    EX_BIT_AND,
    EX_BIT_OR,
    EX_SHIFT_LEFT,
    EX_SHIFT_RIGHT,
    // Others.
    EX_BETWEEN, // left BETWEEN list[0] AND list[1]
    EX_IN,      // left IN (list) | (select); IN table is a select of it
    EX_CASE,    // CASE left? WHEN list[0] THEN list[1] ... ELSE list[last] when the count is odd
    EX_CALL,    // text(list): call
    EX_EXISTS,  // EXISTS (select)
    EX_SELECT,  // (select): scalar, or a row value when it has several columns
    EX_VECTOR,  // (list): row value of at least two fields
    EX_RAISE,   // RAISE(u.integer, left): action is an OnConflict; left NULL for IGNORE
    // Made after resolution.
    EX_FIELD,       // field u.field of the row value `left` (UPDATE ... SET (a, b) = ...)
    EX_REGISTER,    // u.reg already holds the value (code generator); left: what it was
    EX_IF_NULL_ROW, // NULL while u.column.item stands on its null row, else left (flattening)
    EX_AGG_COLUMN,  // u.agg: a column or expression kept by an aggregation (planner)
} ExprKind;

// Properties of an expression. The low half is set by the parser, the high half by the resolver;
// those marked ^ are inherited by every expression above.
enum {
    EXPR_DOUBLE_QUOTED = 1u << 0, // EX_NAME or EX_STRING written "x"
    EXPR_QUOTED = 1u << 1,        // any quoting: never TRUE or FALSE, never a keyword
    EXPR_PARENTHESISED = 1u << 2, // (e)
    EXPR_INT_OVERFLOW = 1u << 3,  // EX_FLOAT from an integer literal above i64
    EXPR_HEX = 1u << 4,           // EX_INTEGER written 0x...
    EXPR_INFIX = 1u << 5,         // EX_CALL written as an operator
    EXPR_HAS_COLLATE = 1u << 6,   // ^ a COLLATE somewhere below
    EXPR_HAS_CALL = 1u << 7,      // ^ a function call somewhere below
    EXPR_HAS_SUBQUERY = 1u << 8,  // ^ a Select somewhere below
    EXPR_HAS_PARAM = 1u << 9,     // ^ a bind parameter somewhere below
    EXPR_BARE_WORD = 1u << 10,    // EX_STRING from DEFAULT word: TRUE and FALSE mean 1 and 0
    EXPR_HAS_AGG = 1u << 16, // ^ an aggregate of the enclosing Select below (not of an outer one)
    EXPR_HAS_WINDOW = 1u << 17, // ^ a window function below
    EXPR_CORRELATED = 1u << 18, // EX_SELECT, EX_EXISTS, EX_IN: the select looks outside itself
    EXPR_OUTER_ON =
        1u << 19, // ^v part of the ON or USING of an outer join: `on_item` is its right side
    EXPR_INNER_ON = 1u << 20, // ^v part of an inner join's ON; matters below RIGHT and FULL joins
    EXPR_NONDETERMINISTIC = 1u << 21, // ^ random() or the like below
    EXPR_IS_ALIAS = 1u << 22,         // copy of a result column reached by its alias
    EXPR_FROM_SUBQUERY = 1u << 23,    // stands for a subquery's column: a value without subtype
    EXPR_UNLIKELY = 1u << 24,         // likelihood(): u.integer of the call's second argument
    EXPR_FROM_USING = 1u << 29,       // EX_COLUMN of a join's USING: no READ for the authorizer
    EXPR_COMMUTED = 1u << 26,         // operands exchanged: collation comes from the right first
    EXPR_MERGED =
        1u << 27, // coalesce() made for USING: affinity and collation of its first argument
};

struct Expr {
    u8 kind;          // ExprKind
    u8 affinity;      // Affinity of EX_CAST; of other kinds ask expr_affinity()
    u32 flags;        // EXPR_*
    u32 offset;       // of the operator or first token
    u32 height;       // A4
    u32 size;         // bytes of `text` for EX_STRING, EX_BLOB
    int on_item;      // EXPR_OUTER_ON/INNER_ON: cursor of the join's right side
    const char *text; // name, literal, collation, type
    Expr *left;
    Expr *right;
    ExprList *list;
    Select *select;
    union {
        i64 integer;
        f64 real;
        int param; // 1-based parameter number
        Reg reg;
        int field; // 0-based
        struct {
            const char *schema, *table;      // NULL when not written
            u32 schema_offset, table_offset; // for ALTER ... RENAME
        } name;
        struct {
            FromItem *item;
            i32 index; // column of the item, ROWID_COLUMN for its rowid
            i32 depth; // 0: of the Select this expression stands in, 1: of the next outer one...
        } column;
        struct {
            Table *table;
            i32 index;        // column or ROWID_COLUMN
            bool is_new;      // else OLD
            bool is_returned; // of RETURNING: compares like a column
        } row;
        struct {
            bool value, negated; // IS TRUE, IS NOT TRUE, ...
        } truth;
        struct {
            void *info;
            i32 index;
        } agg;
        Call *call;
    } u;
};

#define ROWID_COLUMN (-1)

// What a function call has beside its name (Expr.text) and arguments (Expr.list).
struct Call {
    bool distinct;
    bool star;          // f(*)
    ExprList *order_by; // inside the parentheses
    Expr *filter;       // FILTER (WHERE filter)
    Window *window;     // OVER ...; NULL for a plain call
    // Resolved:
    const FuncDef *func;
    Select *owner; // aggregate or window function: the Select it aggregates over
    i32 agg_index; // index in owner->aggs, -1 for other functions
    i32 agg_depth; // how many Selects out `owner` is
    u8 pure_place; // PurePlace: where the result may not change, see func/func.h
};

enum { SORT_DESC = 1, SORT_NULLS_FIRST = 2, SORT_NULLS_LAST = 4 };

typedef struct ExprItem {
    Expr *expr;
    const char *name; // AS name; in SET lists the column; NULL when absent
    u32 name_offset;
    Span span;      // source text of the expression
    u8 sort;        // SORT_*: as written
    bool has_sort;  // ASC or DESC written (refused in some places)
    bool has_nulls; // NULLS FIRST|LAST written
    // Resolved:
    u16 column;     // ORDER BY, GROUP BY: 1-based result column it stands for, 0 if an expression
    bool is_hidden; // result column added for ORDER BY, or the copy of a hidden column
    bool is_rowid;  // FROM_NESTED: the rowid of one of the tables inside
    bool from_star; // result column made by * (NATURAL/USING bookkeeping, names)
    const char *source_table; // FROM_NESTED's columns: the name by which t.x may find them
    const char *source_schema, *source_column;
} ExprItem;

struct ExprList {
    u32 count, capacity;
    ExprItem *items;
};

struct IdList {
    u32 count, capacity;
    struct IdItem {
        const char *name;
        u32 offset;
        i32 column;      // resolved: index in the target table, -1 rowid
        bool is_ignored; // resolved: the authorizer lets it keep its value
    } * items;
};

// --- windows ---

typedef enum FrameUnit { FRAME_RANGE, FRAME_ROWS, FRAME_GROUPS } FrameUnit;
typedef enum FrameBoundKind {
    BOUND_UNBOUNDED_PRECEDING,
    BOUND_PRECEDING, // expr PRECEDING
    BOUND_CURRENT_ROW,
    BOUND_FOLLOWING, // expr FOLLOWING
    BOUND_UNBOUNDED_FOLLOWING,
} FrameBoundKind;
typedef enum FrameExclude {
    EXCLUDE_NO_OTHERS,
    EXCLUDE_CURRENT_ROW,
    EXCLUDE_GROUP,
    EXCLUDE_TIES,
} FrameExclude;
typedef struct FrameBound {
    u8 kind;    // FrameBoundKind
    Expr *expr; // of BOUND_PRECEDING and BOUND_FOLLOWING
} FrameBound;

struct Window {
    const char *name;      // WINDOW name AS (...), or OVER name
    const char *base_name; // (base_name ...)
    u32 name_offset;
    bool is_reference; // OVER name: everything comes from the named definition
    ExprList *partition_by;
    ExprList *order_by;
    bool has_exclude; // EXCLUDE written, NO OTHERS included
    bool has_frame;   // frame written; otherwise RANGE UNBOUNDED PRECEDING .. CURRENT ROW
    u8 unit;          // FrameUnit
    FrameBound start, end;
    u8 exclude;   // FrameExclude
    Window *next; // list of Select.window_defs
    // Resolved: references and bases are merged in, so that the fields above are complete.
    // windows of one Select with equal PARTITION BY and ORDER BY and frame share a number
    i32 group;
};

// --- queries ---

typedef enum SetOp { SET_NONE, SET_UNION, SET_UNION_ALL, SET_INTERSECT, SET_EXCEPT } SetOp;

enum {
    SELECT_DISTINCT = 1u << 0,
    SELECT_ALL_WRITTEN = 1u << 1,
    SELECT_VALUES = 1u << 2,       // a VALUES row: columns holds its expressions
    SELECT_MULTI_VALUES = 1u << 3, // last of several VALUES rows (a UNION ALL chain over `prior`)
    SELECT_NESTED_FROM = 1u << 4,  // made for a parenthesised join (A7)
    SELECT_FROM_VIEW = 1u << 5,
    SELECT_HAS_DQS = 1u << 6,
    SELECT_PLAIN_ROWS = 1u << 7, // VALUES made of a list of rows, below WITH, or with calls
    // Resolver:
    SELECT_RESOLVED = 1u << 16,
    SELECT_EXPANDED = 1u << 17, // FROM bound to tables, stars expanded
    SELECT_AGGREGATE = 1u << 18,
    SELECT_CORRELATED = 1u << 19,
    SELECT_RECURSIVE =
        1u << 20,             // body of a recursive CTE: prior chain is setup, then recursive terms
    SELECT_MINMAX = 1u << 21, // exactly one aggregate, min(x) or max(x)
    SELECT_HAS_WINDOW = 1u << 22,
    SELECT_EXISTS = 1u << 23,        // only emptiness matters
    SELECT_COMPOUND_TERM = 1u << 24, // not the last of its chain
    SELECT_ORDER_BY_DROPPED = 1u << 25,
    SELECT_WINDOW_INPUT = 1u << 26, // planner: sorted rows for a window, below its own query
    SELECT_AUTHORIZED = 1u << 27,   // the authorizer was asked
    SELECT_REWRITTEN = 1u << 29,    // once is enough where several expressions hold it
    SELECT_SHARED_SET = 1u << 28,   // right side of an IN that a rewrite has copied: asked again
};

// What one result column is to those who read the Select from outside.
typedef struct ResultColumn {
    const char *name;     // unique within FROM subqueries, as written otherwise
    const char *api_name; // as sqlite3_column_name() gives it; of the statement's own SELECT only
    const char *decltype; // NULL for expressions
    const char *origin_schema, *origin_table, *origin_column; // column metadata API; NULL if none
    u8 affinity;                                              // Affinity
    const char *collation;                                    // NULL: BINARY by default
    const char *compound_collation; // the first term's that has one: that of a compound's rows
    bool not_null;
} ResultColumn;

struct Select {
    u8 set_op; // SetOp: how this term combines with `prior`
    u32 flags; // SELECT_*
    u32 offset;
    u32 id; // number of the SELECT in the statement, from 1 (EXPLAIN QUERY PLAN)
    With *with;
    ExprList *columns;
    FromList *from; // NULL when absent
    Expr *where;
    ExprList *group_by;
    Expr *having;
    Window *window_defs; // WINDOW clause
    ExprList *order_by;
    Expr *limit, *offset_expr;
    Select *prior; // term before this one in a compound; NULL for the first
    Select *next;  // term after
    // Resolved (of the last term only: results, for the whole compound):
    Select *outer;         // enclosing Select; NULL at the top
    ResultColumn *results; // columns->count entries
    Expr **aggs;           // distinct aggregate calls (EX_CALL without OVER), by agg_index
    u32 agg_count;
    Expr **windows; // window function calls (EX_CALL with OVER)
    u32 window_count;
    u32 height; // greatest expression height inside
};

typedef enum FromKind {
    FROM_TABLE,     // [schema.]name; after resolution: a real or virtual table
    FROM_SELECT,    // (select); also a view or a CTE once resolved
    FROM_NESTED,    // A7
    FROM_FUNCTION,  // name(args): table-valued function; `table` is its virtual table
    FROM_RECURSIVE, // the CTE being defined, inside its own recursive term: reads the queue's row
    // row given by the context: CHECK, generated columns, index expressions, excluded.*
    FROM_PSEUDO,
} FromKind;

// Join operator between an item and everything left of it.
enum {
    JOIN_INNER = 0x01,
    JOIN_CROSS = 0x02, // keeps the order of the two sides
    JOIN_NATURAL = 0x04,
    JOIN_LEFT = 0x08,
    JOIN_RIGHT = 0x10,
    JOIN_OUTER = 0x20,         // the word was written, or LEFT/RIGHT/FULL implied it
    JOIN_LEFT_OF_RIGHT = 0x40, // resolver: some item to the right is RIGHT or FULL joined
    JOIN_COMMA = 0x80,         // ","
};

struct FromItem {
    u8 kind; // FromKind
    u8 join; // JOIN_*; FULL is LEFT|RIGHT
    bool not_indexed;
    bool is_cte; // `select` is an instance of `cte`
    bool is_view;
    bool is_correlated; // subquery or function arguments look outside the item
    bool may_be_null;   // right side of LEFT, left side of RIGHT, FULL: columns can turn NULL
    bool has_on, has_using;
    bool is_excluded; // the row an upsert was to insert: its columns compare like plain values
    bool is_semi;     // planner: made of EXISTS, the first match is enough
    u32 offset;       // of the name or "("
    const char *schema, *name, *alias; // dequoted; name NULL for subqueries
    u32 alias_offset;
    u32 schema_offset;
    Select *select;
    ExprList *args;         // FROM_FUNCTION
    const char *indexed_by; // INDEXED BY name
    u32 indexed_offset;
    Expr *on; // resolver moves it into WHERE for inner joins, keeps it tagged for outer ones
    IdList *using_list;
    // Resolved:
    Table *view;           // is_view: the view `select` is a copy of
    Table *table;          // FROM_TABLE, FROM_FUNCTION, FROM_PSEUDO; NULL for subqueries
    Index *index;          // INDEXED BY
    ResultColumn *columns; // subqueries and recursive references
    u32 column_count;
    Cte *cte;
    Select *owner;    // Select whose FROM holds it; NULL for targets of DML
    int cursor;       // unique in the statement, from 0
    int position;     // index in its FromList
    int db_index;     // schema number of `table`: 0 main, 1 temp, 2... attached
    u64 columns_used; // bit i: column i is read; bit 63: column 63 or above
    bool rowid_used;
    void *plan; // the planner's own
};

struct FromList {
    u32 count, capacity;
    FromItem **items;
};

enum { CTE_GUARD_NONE, CTE_GUARD_CIRCULAR, CTE_GUARD_MULTIPLE, CTE_GUARD_SUBQUERY };
typedef enum CteHint { CTE_ANY, CTE_MATERIALIZED, CTE_NOT_MATERIALIZED } CteHint;

struct Cte {
    const char *name;
    u32 name_offset;
    IdList *columns; // NULL when absent
    Select *select;
    u8 hint; // CteHint
    With *with;
    // Resolved:
    u32 use_count; // instances in FROM clauses; above 1 it may be materialised once
    bool is_recursive;
    u8 guard;       // CTE_GUARD_*: what a reference to it would be, while it is expanded
    Select *shared; // resolved body that all instances share, or NULL
    void *plan;
};

struct With {
    bool recursive;
    u32 count, capacity;
    Cte **items;
    With *outer; // resolver: next WITH in scope
};

// --- data changes ---

// col = expr, or (a, b) = row value.
typedef struct SetItem {
    IdList *columns;
    bool is_row; // written with parentheses
    Expr *expr;
} SetItem;
typedef struct SetList {
    u32 count, capacity;
    SetItem *items;
} SetList;

typedef struct Upsert {
    ExprList *target;   // (indexed columns); NULL: any conflict
    Expr *target_where; // of a partial index
    bool do_update;     // else DO NOTHING
    SetList *set;
    Expr *where;
    struct Upsert *next; // further ON CONFLICT clauses
    // Resolved:
    Index *index; // the constraint; NULL with is_rowid: the INTEGER PRIMARY KEY
    bool is_rowid;
    FromItem *excluded; // FROM_PSEUDO
} Upsert;

typedef struct Insert {
    bool is_ignored; // resolved: the authorizer wants it to do nothing
    With *with;
    u8 on_conflict; // OnConflict; REPLACE INTO is ON_CONFLICT_REPLACE
    FromItem *target;
    IdList *columns;     // NULL: all
    bool default_values; // DEFAULT VALUES; select is NULL then
    Select *select;      // VALUES or a query
    Upsert *upsert;
    ExprList *returning;
} Insert;

typedef struct Update {
    With *with;
    u8 on_conflict;
    FromItem *target;
    SetList *set;
    FromList *from;    // UPDATE ... FROM; NULL when absent
    FromList *sources; // resolved, with FROM: the target, then what FROM says as one item
    // Resolved, with FROM and no virtual target: the rows to change. What a row of the target is
    // found by (of a view: all its columns), then the values of SET one by one.
    Select *query;
    Expr *where;
    ExprList *returning;
} Update;

typedef struct Delete {
    bool is_ignored; // resolved: the authorizer wants rows deleted one by one
    With *with;
    FromItem *target;
    Expr *where;
    ExprList *returning;
} Delete;

// --- definitions ---

// [schema.]name with the place of the name.
typedef struct QualifiedName {
    const char *schema, *name;
    u32 schema_offset, offset;
} QualifiedName;

typedef struct ForeignKeyClause {
    IdList *columns; // table constraint; NULL for a column's REFERENCES
    const char *parent;
    u32 parent_offset;
    IdList *parent_columns;  // NULL: the primary key
    u8 on_delete, on_update; // FkAction
    const char *match;       // MATCH name: parsed, has no effect
    bool deferrable_written, not_deferrable, initially_deferred;
} ForeignKeyClause;

typedef enum ConstraintKind {
    CONSTRAINT_PRIMARY_KEY,
    CONSTRAINT_NOT_NULL,
    CONSTRAINT_NULL, // parsed, has no effect
    CONSTRAINT_UNIQUE,
    CONSTRAINT_CHECK,
    CONSTRAINT_DEFAULT,
    CONSTRAINT_COLLATE,
    CONSTRAINT_FOREIGN_KEY,
    CONSTRAINT_GENERATED,
    CONSTRAINT_DEFER, // [NOT] DEFERRABLE standing alone: belongs to the foreign key before it
    CONSTRAINT_NAME,  // CONSTRAINT name with nothing after it
} ConstraintKind;

// A column's or a table's constraint, in the order written.
typedef struct Constraint {
    u8 kind; // ConstraintKind
    u8 on_conflict;
    u8 sort; // PRIMARY KEY DESC
    bool autoincrement;
    bool stored;      // GENERATED ... STORED
    const char *name; // CONSTRAINT name; NULL when absent
    u32 name_offset;
    Span span;         // whole clause in the source, CONSTRAINT name included
    Span expr_span;    // CHECK, DEFAULT, GENERATED: the text between parentheses or the literal
    Expr *expr;        // CHECK, DEFAULT, GENERATED
    ExprList *columns; // table-level PRIMARY KEY and UNIQUE (may carry COLLATE and DESC)
    const char *collation;
    const char *generated_type; // word after AS (...): STORED, VIRTUAL, or a bad one
    ForeignKeyClause *foreign_key;
    struct Constraint *next;
} Constraint;

typedef struct ColumnDef {
    const char *name;
    u32 offset;
    Span span;        // whole definition
    const char *type; // as SQLite keeps it: one blank between words; NULL when absent
    Constraint *constraints;
    struct ColumnDef *next;
} ColumnDef;

typedef struct CreateTable {
    QualifiedName name;
    bool temp, if_not_exists, without_rowid, strict;
    ColumnDef *columns;
    u32 column_count;
    Constraint *constraints;
    Select *as_select; // CREATE TABLE ... AS; no columns then
    Span body;         // from the name to the end: sqlite_schema stores "CREATE TABLE " + body
    u32 columns_end;   // offset of the ")" that closes the definitions (ALTER ADD COLUMN)
} CreateTable;

// key = literal, of an index method.
typedef struct IndexOption {
    const char *name;
    Expr *value; // a literal, negated or not
} IndexOption;

typedef struct CreateIndex {
    QualifiedName name;
    const char *table;
    u32 table_offset;
    bool unique, if_not_exists;
    const char *method; // USING method; NULL for a plain index
    ExprList *columns;
    u32 option_count, option_capacity;
    IndexOption *options; // WITH (...), of a method
    Expr *where;
    Span body; // "CREATE [UNIQUE ]INDEX " + body
} CreateIndex;

typedef struct CreateView {
    QualifiedName name;
    bool temp, if_not_exists;
    IdList *columns; // NULL when absent
    Select *select;
    Span select_span;
    Span body; // "CREATE VIEW " + body
} CreateView;

// One statement of a trigger's body: STMT_SELECT, STMT_INSERT, STMT_UPDATE or STMT_DELETE.
struct TriggerStep {
    Stmt *stmt;
    Span span;
    TriggerStep *next;
};

typedef struct CreateTrigger {
    QualifiedName name;
    bool temp, if_not_exists;
    u8 time;  // TriggerTime
    u8 event; // TriggerEvent
    IdList *of_columns;
    QualifiedName table;
    Expr *when;
    TriggerStep *steps;
    Span body; // "CREATE TRIGGER " + body
} CreateTrigger;

typedef struct CreateVirtualTable {
    QualifiedName name;
    bool if_not_exists;
    const char *module;
    u32 arg_count, arg_capacity;
    Span *args; // text between commas, blanks trimmed
    Span body;  // "CREATE VIRTUAL TABLE " + body
} CreateVirtualTable;

typedef enum AlterKind {
    ALTER_RENAME_TABLE,
    ALTER_RENAME_COLUMN,
    ALTER_ADD_COLUMN,
    ALTER_DROP_COLUMN,
    ALTER_ADD_CONSTRAINT,  // constraint: CHECK only
    ALTER_DROP_CONSTRAINT, // old_name
    ALTER_SET_NOT_NULL,    // old_name; constraint->on_conflict
    ALTER_DROP_NOT_NULL,   // old_name
    ALTER_CHANGE_COLUMN,   // old_name; column: the new definition
} AlterKind;

typedef struct Alter {
    u8 kind; // AlterKind
    QualifiedName table;
    const char *old_name, *new_name; // column, or constraint; new table name
    u32 old_offset, new_offset;
    bool new_name_quoted;
    ColumnDef *column;
    Constraint *constraint;
    Span
        // ADD COLUMN: text of the definition; ADD CONSTRAINT and SET NOT NULL: of the clause
        clause;
} Alter;

// --- other statements ---

typedef enum ObjectKind { OBJECT_TABLE, OBJECT_INDEX, OBJECT_VIEW, OBJECT_TRIGGER } ObjectKind;

typedef struct Drop {
    u8 kind; // ObjectKind
    QualifiedName name;
    bool if_exists;
} Drop;

typedef struct Pragma {
    QualifiedName name;
    bool has_value;
    bool negative;     // -number
    const char *value; // text, dequoted
    bool is_quoted;    // the value is in quotes
    bool is_call;      // PRAGMA name(value), else name = value
} Pragma;

typedef enum TxnMode { TXN_DEFERRED, TXN_IMMEDIATE, TXN_EXCLUSIVE, TXN_CONCURRENT } TxnMode;

typedef enum StmtKind {
    STMT_EMPTY, // only white space, comments, or ";"
    STMT_SELECT,
    STMT_INSERT,
    STMT_UPDATE,
    STMT_DELETE,
    STMT_CREATE_TABLE,
    STMT_CREATE_INDEX,
    STMT_CREATE_VIEW,
    STMT_CREATE_TRIGGER,
    STMT_CREATE_VIRTUAL_TABLE,
    STMT_ALTER,
    STMT_DROP,
    STMT_PRAGMA,
    STMT_ATTACH,
    STMT_DETACH,
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVEPOINT,
    STMT_RELEASE,
    STMT_ROLLBACK_TO,
    STMT_REINDEX,
    STMT_ANALYZE,
    STMT_VACUUM,
    STMT_OPTIMIZE_INDEX,
} StmtKind;

// A bind parameter's name: ?NNN, :name, @name, $name. Anonymous ones have no entry.
typedef struct ParamName {
    const char *name; // with its first character
    int number;
} ParamName;

struct Stmt {
    u8 kind;    // StmtKind
    u8 explain; // ExplainMode
    Span text;  // the statement without the ";" that ends it
    union {
        Select *select;
        Insert *insert;
        Update *update;
        Delete *delete_;
        CreateTable *create_table;
        CreateIndex *create_index;
        CreateView *create_view;
        CreateTrigger *create_trigger;
        CreateVirtualTable *create_virtual_table;
        Alter *alter;
        Drop *drop;
        Pragma *pragma;
        struct {
            Expr *file, *schema, *key; // ATTACH file AS schema [KEY key]; DETACH schema
        } attach;
        struct {
            u8 mode; // TxnMode
        } begin;
        const char *savepoint;
        QualifiedName target; // REINDEX, ANALYZE, OPTIMIZE INDEX; name NULL: everything
        struct {
            const char *schema;
            Expr *into;
        } vacuum;
    } u;
    u32 select_count; // Select.id runs from 1 to this, in the order in which SELECTs end
    // Bind parameters: numbers 1..param_count.
    int param_count;
    u32 param_name_count;
    ParamName *param_names;
};

#endif
