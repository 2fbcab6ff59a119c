#ifndef QUIRE_SQL_CODE_CODEGEN_H
#define QUIRE_SQL_CODE_CODEGEN_H
// The code generator's common ground: from a resolved tree and its plan to a program.
//
// `emit_*` (program.h) writes one instruction, `code_*` a construct. Errors stick to the Codegen:
// after the first one everything is a no-op on the way to codegen_finish(), which reports it.
//
// Shape of every program:
//     0   Init -> S
//     1   ... body ...
//         Halt
//     S   Transaction for each database used; constants hoisted out of loops
//         Goto 1
//
// Where columns come from. Every FromItem has a cursor number; sources[cursor] says where its
// columns are at this point of the program: a table cursor, a covering index, registers filled by a
// co-routine, an ephemeral table. The planner's loops fill it in, code_expr() reads it. Substitutes
// do the same for whole expressions: index expressions, GROUP BY keys, finished aggregates.
//
// Laws
//   G1  A register is written by the code of one construct, and read below it in the program.
//       Registers from reg_new() belong to their construct for good; those from reg_temp() until
//       they are given back, at latest before the code of the next row begins.
//   G2  Labels are negative until label_here(); a jump emitted with operand 0 is one that
//       program_jump_here() will patch.
//   G3  A constant is hoisted only while hoist_constants is on: it is off where code runs later
//       than the start-up part (inside OP_Once, behind IfNullRow) or where the value belongs to one
//       row.
//   G4  Substitutes and sources are put back by whoever set them, in reverse order.
//   G5  Databases are noted (codegen_reads, codegen_writes) by whoever opens a tree of theirs; the
//       start-up part begins their transactions before any instruction of the body runs.
//   G6  may_abort is set by whoever emits an instruction that can fail after a row was written;
//       together with multi_write it makes the machine open a statement journal.

#include "catalog/connection.h"
#include "sql/ast.h"
#include "vm/program.h"

typedef enum SourceKind {
    SOURCE_NONE,
    // column i is OP_Column of `cursor` (tables, views materialised, ephemeral tables)
    SOURCE_CURSOR,
    SOURCE_INDEX,     // columns the index holds come from `index_cursor`, the others from `cursor`
    SOURCE_COVERING,  // all columns come from `index_cursor`; `cursor` is not open
    SOURCE_REGISTERS, // column i is register first_reg + i
    SOURCE_VTAB,      // OP_VColumn of `cursor`
} SourceKind;

typedef struct ColumnSource {
    u8 kind; // SourceKind
    int cursor;
    int index_cursor;
    Table *table;                // NULL for subqueries
    Index *index;                // SOURCE_INDEX, SOURCE_COVERING
    Reg first_reg;               // SOURCE_REGISTERS
    Reg rowid_reg;               // holds the rowid, when not 0
    bool regs_are_storage_order; // registers follow the record (generated columns left out)
} ColumnSource;

// While in force, an expression equal to `expr` (expr_equal) is read from a register or index
// column.
typedef struct Substitute {
    const Expr *expr;
    Reg reg;            // when not 0
    int cursor, column; // else OP_Column
    bool is_this_one;   // only `expr` itself, none that is equal
    struct Substitute *next;
} Substitute;

// The row a trigger, RETURNING or CHECK looks at: register first holds the rowid, then the columns.
typedef struct RowImage {
    Table *table;
    Reg old_first, new_first; // 0: not available
    bool in_parent;           // read with OP_Param: we are inside a trigger program
} RowImage;

// Columns of a table, a bit each; the last one stands for all that have none of their own.
typedef u64 ColumnSet;
#define ALL_COLUMNS (~(ColumnSet)0)
static inline ColumnSet column_bit(int column)
{
    ASSERT(column >= 0);
    return (ColumnSet)1 << (column < 63 ? column : 63);
}

typedef struct ConstantExpr {
    Expr *expr;
    Reg reg;
    bool is_private; // an argument's own register, which the function may convert in place
} ConstantExpr;

// A table that the statement opens in a database which other connections share.
typedef struct TableLock {
    int database;
    const Table *table;
    bool writes;
} TableLock;

enum { TEMP_REG_MAX = 8 };

typedef struct Codegen {
    sqlite3 *db;
    Program *program;
    Arena *arena; // the tree's: lives until the program is sealed
    Stmt *stmt;
    struct Codegen *outer; // the statement that fires the trigger being compiled, or NULL
    Trigger *trigger;      // being compiled
    ColumnSet old_columns; // of OLD, that it reads
    // Where OLD.x, NEW.x and the row of RETURNING are.
    RowImage row;
    u8 trigger_conflict; // OnConflict imposed on a trigger's statements

    int rc; // sticky; the message is on the connection

    int reg_count;    // registers 1..reg_count are in use
    int cursor_count; // cursors 0..cursor_count-1
    Reg temp_regs[TEMP_REG_MAX];
    int temp_count;

    ColumnSource *sources; // by cursor number
    u32 source_capacity;
    ColumnSource spare_source; // stands in when memory is short
    Substitute *substitutes;   // innermost first
    int loop_rows;             // 10 * log2 of the rows which the open loops yield
    bool keeps_subtypes;       // within the arguments of a function that reads subtypes

    struct {
        ConstantExpr *items;
        u32 count, capacity;
    } constants;
    bool hoist_constants;

    u32 read_mask, write_mask; // databases used; bit = database index
    u32 lock_mask,
        write_lock_mask; // databases the body itself opens transactions on (BEGIN IMMEDIATE)
    bool changes_state;  // sqlite3_stmt_readonly() says no although no database is written
    u32 expire_mask;     // parameters whose values the plan was made for
    bool schema_only;    // program compiles a schema: no cookie checks
    bool multi_write;    // changes more than one row: needs a statement savepoint if it may abort
    bool may_abort;      // with ABORT, after it changed something
    bool checks_types;   // of a STRICT table
    bool calls_total;    // functions that never fail
    bool fires_triggers;
    bool counts_changes;
    bool runs_once; // the program holds what a pragma found when it was compiled: it expires
    int init_address;

    int plan_parent; // EXPLAIN QUERY PLAN: address of the enclosing OP_Explain, 0 at the top
    int plan_next_id;
    const char *authorizer_context;
    const FromItem *raw_item; // a window's rows: functions take values as the records hold them
    bool real_virtuals;  // virtual columns of type REAL give a REAL that no record makes an integer
    int generated_depth; // generated columns inside generated columns
    int nesting;         // of trigger programs
    bool is_explain_plan;
    void *planner;                  // sql/plan's own state
    struct ResolveContext *resolve; // of the statement
    struct {
        const struct ColumnName *items;
        u32 count;
    } results; // what the result columns are called
    struct {
        void **items; // virtual tables that need VBegin
        u32 count, capacity;
    } vtab_writes;
    struct {
        TableLock *items; // of the outermost Codegen
        u32 count, capacity;
    } locks;
    struct TriggerProgram *trigger_programs; // compiled so far, of the outermost Codegen
    struct AutoIncrement *autoincrements;    // counters in use, of the outermost Codegen
    struct ForeignKeyAction *foreign_key_actions;
    int nested;                    // statements that are part of another (code_nested)
    bool nested_counts;            // what they change counts all the same
    int returning_cursor;          // rows RETURNING has made, 1 + cursor; 0: none
    Reg count_register;            // PRAGMA count_changes; 0: off
    struct SharedSet *shared_sets; // of IN, made so far (code_in.c)
} Codegen;

// A trigger's program has a Codegen of its own, with `outer` set; what concerns the statement as a
// whole (databases, AUTOINCREMENT counters, trigger programs) is kept in codegen_top().
// --- lifecycle ---

void codegen_init(Codegen *g, sqlite3 *db, Program *program, Arena *arena, Stmt *stmt,
                  int cursor_count);
void codegen_begin(Codegen *g); // emits Init
int codegen_finish(Codegen *g); // emits Halt, the start-up part; returns the sticky code
void codegen_deinit(Codegen *g);
// Sets the error (first one wins) with SQLite's wording.
void codegen_error(Codegen *g, int rc, const char *fmt, ...) PRINTF_LIKE(3, 4);
void codegen_fail(Codegen *g, int rc); // message is on the connection already
bool codegen_failed(const Codegen *g); // the arena out of memory counts
Codegen *codegen_top(Codegen *g);      // the outermost statement

// The program will read (write) this database: Transaction and cookie check go into the start-up
// part.
void codegen_reads(Codegen *g, int database);
void codegen_writes(Codegen *g, int database, bool multi_row);
void codegen_may_abort(Codegen *g);
// The program opens the table or one of its indexes: in a shared database it locks it before it
// begins.
void codegen_locks(Codegen *g, int database, const Table *table, bool writes);

// --- registers and cursors ---

// All of them consecutive where a range is asked for. A temporary register given back may be handed
// out again by the next call; giving back 0 does nothing, so that callers need not ask whether they
// got one.
Reg reg_new(Codegen *g);
Reg reg_range_new(Codegen *g, int count); // consecutive
Reg reg_temp(Codegen *g);
void reg_temp_release(Codegen *g, Reg reg);
Reg reg_temp_range(Codegen *g, int count);
void reg_temp_range_release(Codegen *g, Reg first, int count);
// Cursors are never given back: their number is their name in EXPLAIN, and OP_Once may keep one
// open.
int cursor_new(Codegen *g);

// Grows the map; never NULL, but in want of memory one that is read by nobody. The pointer is good
// until the next call.
ColumnSource *source_of(Codegen *g, int cursor);
// The item's columns come from `cursor`, which stands on its table (or on an ephemeral one).
void source_set_table(Codegen *g, const FromItem *item, int cursor);
void substitute_push(Codegen *g, Substitute *s); // `s` is the caller's, in force until popped
void substitute_pop(Codegen *g, Substitute *s);
// Where the value of an aggregate or of a group's column is while a group is put out; 0: elsewhere.
Reg aggregate_register(const Codegen *g, const Expr *e);

// --- EXPLAIN QUERY PLAN ---

// Adds a line under the current parent; returns its id. push makes it the parent until pop.
int plan_line(Codegen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
int plan_text(Codegen *g, const char *text); // the same, of text that is ready
int plan_push(Codegen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
void plan_pop(Codegen *g, int former_parent);

// --- expressions ---

// Returns the register that holds the value of `e`: `target` if it had to be computed, another one
// if the value already lives there. target 0 means: anywhere (a new register).
Reg code_expr(Codegen *g, Expr *e, Reg target);
void code_expr_into(Codegen *g, Expr *e, Reg target); // in `target` itself
// As code_expr_into(), for a value that is used before any cursor it comes from moves: the text or
// blob of a column may then stay in its page.
void code_expr_borrow(Codegen *g, Expr *e, Reg target);
void code_expr_copy(Codegen *g, Expr *e,
                    Reg target); // in `target`, as a deep copy that survives the row
// A temporary register or where the value lives, to be used at once; *release gets what to hand to
// reg_temp_release (0: nothing).
Reg code_expr_temp(Codegen *g, Expr *e, Reg *release);
// A constant's register, filled once in the start-up part.
Reg code_constant(Codegen *g, Expr *e);
// Fills `target`, which nothing else writes, once with the constant `e`; false when it is none.
bool code_private_constant(Codegen *g, Expr *e, Reg target);
enum { LIST_COPY = 1, LIST_HOIST = 2, LIST_BORROW = 4 };
void code_expr_list(Codegen *g, const ExprList *list, Reg first, u32 flags);
// The subquery among the expressions of one row whose fields are at hand.
typedef struct RowFields {
    const Expr *subquery;
    Reg first;
} RowFields;
// Copies a field of a subquery into `target`; side by side, the fields of one cost it one run.
// false: `e` is something else.
bool code_list_field(Codegen *g, Expr *e, Reg target, RowFields *fields);
// Emits a jump to `to`, taken if the truth of `e` equals `when`, where NULL counts as `null_as`.
void code_jump(Codegen *g, Expr *e, Label to, bool when, bool null_as);
// Compares two registers by the rules for `left op right` (affinity, collation) and jumps; p5 adds
// to the flags.
typedef struct Comparison {
    Expr *left, *right;
    Reg left_reg, right_reg;
    bool commuted; // the planner exchanged the sides: the right one's collation comes first
} Comparison;
void code_compare(Codegen *g, Opcode op, const Comparison *c, Label to, u16 p5);
// Column `column` (ROWID_COLUMN: the rowid) of a FROM item by its source map.
void code_item_column(Codegen *g, const FromItem *item, int column, Reg target);
// Column of a table by cursor, with defaults for rows written before ALTER TABLE ADD COLUMN, REAL
// affinity, virtual generated columns computed.
void code_table_column(Codegen *g, Table *table, int cursor, int column, Reg target);
// A generated column of the row that `item` gives.
void code_generated_column(Codegen *g, const FromItem *item, int column, Reg target);
// A call of a plain function; aggregates are met as substitutes (aggregate_register).
void code_function(Codegen *g, Expr *e, Reg target);
// Arguments that were a subquery's columns before it was merged lose their subtypes, as they would
// have lost them on their way out of it.
void code_strip_subtypes(Codegen *g, const FuncDef *func, const ExprList *args, Reg first);
// Turns *e into EX_REGISTER `reg`, keeping `original` (never `e` itself) for affinity and
// collation.
void expr_become_register(Expr *e, Expr *original, Reg reg);
u32 vector_size(const Expr *e);                 // fields of a row value; 1 for scalars
Expr *vector_field(Codegen *g, Expr *e, u32 i); // as an expression
Affinity code_affinity(const Expr *e);
const Collation *code_collation(Codegen *g, const Expr *e); // NULL: BINARY
// By name; NULL for none. An unknown one is an error.
const Collation *code_named_collation(Codegen *g, const char *name);
const Collation *code_compare_collation(Codegen *g, const Expr *left, const Expr *right);
Affinity code_compare_affinity(const Expr *left, const Expr *right);
bool code_is_constant(const Expr *e); // no columns, params of triggers, subqueries: may be hoisted

// --- subqueries ---

typedef enum DestKind {
    DEST_OUTPUT, // ResultRow
    DEST_DISCARD,
    DEST_COROUTINE, // yields registers first..first+count through `param`
    DEST_TABLE,     // appends records to the ephemeral table `param` in order
    DEST_SET,       // distinct keys into the ephemeral index `param`, with `affinities`
    DEST_EXISTS,    // stores 1 into register `param` and stops
    DEST_REGISTERS, // the first row's values into registers from `param`, and stops
    DEST_UNION,     // keys into the ephemeral index `param`
    DEST_EXCEPT,    // keys out of it
    DEST_QUEUE,     // recursive CTE: record into `param`, ordered by `order`
    DEST_DISTINCT_QUEUE,
    DEST_CALLBACK, // calls `consume` with the row in registers
} DestKind;

typedef struct SelectDest {
    u8 kind;    // DestKind
    int param;  // cursor or register, by kind
    int param2; // DEST_DISTINCT_QUEUE: the index of seen rows; DEST_SET: bloom filter register
    Reg first;  // row's registers; 0: allocated by code_select
    int count;
    bool keeps_subtypes;    // DEST_COROUTINE that is no subquery but the rows of an INSERT
    const char *affinities; // DEST_SET
    ExprList *order;        // DEST_QUEUE
    void (*consume)(Codegen *g, struct SelectDest *dest);
    void *arg;
} SelectDest;

// Plans and codes a resolved Select (the last term of a compound).
void code_select(Codegen *g, Select *select, SelectDest *dest);

// A set that IN can probe. Built once per statement unless correlated.
typedef struct InSet {
    int cursor;
    Reg has_null;        // register: not NULL-valued... 0 when nobody asked or no NULL is possible
    Reg filter;          // Bloom filter of the members, 0: none
    bool is_rowid_table; // `cursor` is a table whose rowids are the set
    bool is_empty_list;
    bool is_existing_index; // cursor stands on a real index, not an ephemeral one
} InSet;
enum {
    IN_WANTS_NULL = 1, // has_null shall tell
    IN_MEMBERSHIP = 2, // values will be looked up, not listed
};
// `in` is EX_IN. Emits the code that fills the set, behind OP_Once where it depends on no row.
void code_in_set(Codegen *g, Expr *in, u32 flags, InSet *out);
typedef struct InFields {
    int *items; // fields of the row value
    u32 count;
} InFields;
// Replaces a set of row values by that of some of their fields, each combination once. From then on
// `fields` are the columns of the narrow set.
void code_in_narrow(Codegen *g, const Expr *in, InFields *fields, InSet *set);
// The value of a scalar subquery or EXISTS; row values: the first of consecutive registers. Runs
// once unless it is correlated.
Reg code_subquery(Codegen *g, Expr *e);

#endif
