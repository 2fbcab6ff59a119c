#ifndef QUIRE_VM_VM_H
#define QUIRE_VM_VM_H
// A prepared statement: a sealed program, its registers and cursors, and the state of its present
// run. The public sqlite3_stmt is this structure.
//
//   READY --vm_step--> RUNNING --last row or error--> HALTED --vm_reset--> READY
//
//   READY    no cursor is open; parameters may be bound.
//   RUNNING  between two rows (or inside vm_step): cursors and transactions are open, the
//            connection counts the statement as active.
//   HALTED   the run is over: nothing is open any more, `rc` says how it ended. vm_step resets
//            first.
//
// Laws
//   M1  Registers are numbered from 1; r[0] exists and is never used. A sealed program names no
//       other register.
//   M2  A result row stays as it is until the next vm_step, vm_reset or vm_finalize, whatever other
//       statements of the connection do: bytes it borrows from a page are kept by the cursor that
//       lent them (cursor_lend).
//   M3  Every way out of a run goes through vm_halt(): cursors closed, statement savepoint ended,
//       transaction ended when autocommit is on and no other statement needs it.
//   M4  Counts of active, reading and writing statements on the connection equal those of its
//       RUNNING statements at all times.
//
// All calls need the connection's mutex. Those that run code may wait.

#include "catalog/connection.h"
#include "vm/program.h"

typedef struct Vm Vm;
typedef struct VmCursor VmCursor;
typedef struct VmFrame VmFrame;

typedef enum VmState { VM_READY, VM_RUNNING, VM_HALTED } VmState;

// What is known about a result column. The last four are NULL for expressions.
typedef enum VmColumnText {
    VM_COLUMN_NAME,
    VM_COLUMN_DECLTYPE,
    VM_COLUMN_DATABASE,
    VM_COLUMN_TABLE,
    VM_COLUMN_ORIGIN,
    VM_COLUMN_TEXTS,
} VmColumnText;

// What the compiler tells about a statement besides its code.
typedef struct VmLayout {
    int register_count; // highest register number used
    int cursor_count;
    int param_count; // highest parameter number
    int column_count;
    u32 database_mask; // databases it opens a transaction on, 1 << index
    u32 write_mask;    // those of them it writes
    bool is_read_only; // sqlite3_stmt_readonly()
    // It may fail half-way (ABORT) after several writes: run it in a statement savepoint.
    bool wants_journal;
    // It fires triggers that nothing should stop half-way: it runs without that savepoint.
    bool trusts_triggers;
    ExplainMode explain;
} VmLayout;

enum { VM_COUNTERS = 9 }; // SQLITE_STMTSTATUS_FULLSCAN_STEP .. FILTER_HIT, by their numbers

struct Vm {
    Vm *previous, *next; // db->statements
    Program *program;    // owned
    // The frame that runs: the main program's or a trigger's. Changed by op_trigger.c alone.
    Instr *code;
    Value *registers;
    VmCursor **cursors;
    // NULL once finalized. It does not come first, where allocators keep lists of free memory: a
    // program that steps a freed statement is told so as long as nothing else lives there.
    sqlite3 *db;
    int code_size, register_count, cursor_count;
    VmFrame *frame; // innermost trigger, NULL in the main program
    int frame_depth;
    int pc;
    VmCursor **spare_cursors; // the frame's, closed, kept for its next run

    u8 state;   // VmState
    u8 explain; // ExplainMode
    bool is_read_only;
    bool wants_journal, trusts_triggers;
    bool is_reader;       // takes part in transactions
    bool is_stepping;     // inside vm_step: what it calls may not step, reset or finalize it
    bool is_waiting;      // a lock was in the way (SQLITE_BUSY): the next step goes on at pc
    bool was_traced;      // compiled anew while it ran: the tracer knows already
    bool is_prepared_v2;  // step gives the precise error, SCHEMA errors are repaired
    bool expired;         // schema or functions changed: recompile before the next run
    bool expire_at_reset; // ... but let the present run finish
    bool counts_changes;  // its change count becomes changes() at the end
    bool is_counted_reading, is_counted_writing;
    u8 schema_change; // QUIRE_SCHEMA_CREATE, ...: what the statement does; 0: something else
    const char *schema_change_schema, *schema_change_name; // in the program's arena; may be NULL
    u16 prepare_flags;                                     // SQLITE_PREPARE_*, COMPILE_AS_*
    u8 error_action;                                       // OnConflict of the error being handled
    u16 column_count;
    u32 database_mask, write_mask;
    int rc;               // how the run ended, or is ending
    char *error_message;  // for rc, mem_free; NULL: the code's text
    int compare_result;   // of the last Compare, Lt, Gt
    int savepoint_number; // statement savepoint: 1-based, 0 none
    i64 changes;
    // Foreign-key counts to come back to when the statement's savepoint is rolled back.
    i64 deferred_at_start, deferred_immediate_at_start;
    i64 immediate_violations;          // of this statement
    i64 announced_rows;                // in this run, to the hook that captures changes
    const struct Table *changed_table; // of the last RowChange
    const u32 *changed_columns; // of the last ChangedColumns: the count, then QUIRE_COLUMN_* each
    i64 current_time_ms;        // 0: not asked yet in this step
    u64 started_us;             // for the profile callback; 0: not asked for
    u32 counters[VM_COUNTERS];

    Value *row;               // first register of the result row; NULL when there is none
    Value *column_texts;      // column_count * VM_COLUMN_TEXTS
    Value *params;            // param_count, parameter i is params[i - 1]
    const char **param_names; // param_count entries, NULL for nameless; may be NULL as a whole
    int param_count;
    u32 expire_mask;          // parameters whose change makes the plan stale (stat4, LIKE)
    struct AuxData *aux_data; // sqlite3_set_auxdata
    char *sql;                // text it was compiled from, owned
    char *normalized_sql;     // made when asked for, owned
    const u32 *quoted_texts;  // where in it "names" are texts; in the program's arena
    u32 quoted_text_count;
    int sql_size;
    Value *explain_row; // EXPLAIN: eight values
    int explain_next;
    Value *register_block; // memory of registers, params, column texts and cursor slots
};

// --- lifecycle ---

// Seals `takes` and makes a statement of it, READY, linked into its connection. `takes` is freed on
// failure.
MUST_USE int vm_new(Program *takes, const VmLayout *layout, Vm **out);
// Text it was compiled from (copied), for sqlite3_sql() and recompilation.
MUST_USE int vm_set_sql(Vm *vm, const char *sql, int size, u16 prepare_flags);
// `text` is borrowed: in the program's arena.
void vm_set_column(Vm *vm, int column, VmColumnText what, const char *text);
// For a statement just recompiled: exchanges everything but identity (address, place in the list),
// then moves the bindings. What was `fresh` is what is to be finalized.
void vm_swap(Vm *vm, Vm *fresh);
void vm_free(Vm *vm); // without a halt; for statements that never ran

// SQLITE_ROW, SQLITE_DONE or an error, which is also set on the connection.
int vm_step(Vm *vm);
int vm_reset(Vm *vm);    // the rc of the last run, which is set on the connection again
int vm_finalize(Vm *vm); // vm_reset, then gone
void vm_rewind(Vm *vm);  // READY again, without touching the connection's error; vm has halted

// --- what surrounds a run ---

Value *vm_param(Vm *vm, int index); // 1-based; NULL when out of range
// Between two rows too, when what the run still needs of them is copied first. Not inside a step.
MUST_USE int vm_clear_bindings(Vm *vm);
// Marks every statement: recompile before its next run. `later`: a run in progress may finish.
void vm_expire_all(sqlite3 *db, bool later);
// sqlite3_vtab_in_first() and _next(): SQLITE_DONE past the last, SQLITE_ERROR when v is no list.
int vm_in_step(Value *v, bool first, Value **out);
// The B-tree cursor behind a cursor of a running statement (incremental BLOB I/O); NULL: it is not
// open.
Cursor *vm_tree_cursor(Vm *vm, int cursor);
u64 vm_memory_used(const Vm *vm); // SQLITE_STMTSTATUS_MEMUSED
// EXPLAIN output for tools: an instruction's fourth operand as text.
void instr_p4_text(const Instr *in, char *out, size_t size);

// Ends the transaction on all databases, as ROLLBACK does: cursors of running statements are
// tripped with `trip_rc`. For closing connections and ROLLBACK conflicts.
void connection_rollback_all(sqlite3 *db, int trip_rc);
void savepoints_close(sqlite3 *db);                    // forgets them all
void connection_set_changes(sqlite3 *db, i64 changes); // changes() and total_changes()

// Beside SQLITE_PREPARE_* in prepare_flags: the ExplainMode to compile as, whatever the text says.
#define COMPILE_AS(mode) (((mode) + 1) << 8)
enum { COMPILE_AS_MASK = 0x0300 };

// What lies above the machine and is called from inside it. Installed once by sql.
typedef struct VmHooks {
    // Compiles vm->sql anew and vm_swap()s; SQLITE_OK, or an error set on the connection.
    int (*recompile)(Vm *vm);
    // Runs SQL text for OP_SqlExec; *message is mem_free()d by the caller.
    int (*execute)(sqlite3 *db, const char *sql, char **message);
    // VACUUM of a database, INTO the file named by `into` if not NULL.
    int (*vacuum)(sqlite3 *db, int database, Value *into, char **message);
    // OP_ParseSchema with a condition: loads the matching rows of sqlite_schema. Errors are set on
    // the connection.
    int (*parse_schema)(sqlite3 *db, int database, const char *where);
    // The DEFAULT of a column, for rows written before it was added; NULL if it has none.
    int (*column_default)(sqlite3 *db, const Column *column, Value *out);
} VmHooks;
void vm_install_hooks(const VmHooks *hooks);
// Compiles a statement that is not running anew, as another ExplainMode.
MUST_USE int vm_set_explain(Vm *vm, ExplainMode mode);

#endif
