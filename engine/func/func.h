#ifndef QUIRE_FUNC_FUNC_H
#define QUIRE_FUNC_FUNC_H
// SQL functions: what a function is, how one is found by name, and what its body may do.
//
// Built-in functions are constant tables of FuncDef, found through one map made at initialisation.
// Those that an application registers live in its connection's FuncTable and come before built-in
// ones. All bodies have the same shape, built-in or not:
//
//     static void fn_upper(FuncCall *call, int arg_count, Value **args)
//
// A body answers through call_result_*(); one that says nothing has answered NULL. Bodies check
// their arguments for NULL themselves: FUNC_NULL_STRICT only tells the planner. Arguments are the
// user's data: a body asserts how many there are, which the compiler has checked, and nothing
// about what they hold. It may convert an argument in place (value_text), which changes its
// representation but not its value.
//
// How the VM calls. It keeps one FuncCall per call instruction, sets `func`, `db`, `encoding`,
// `vm`, `now_ms`, `aux`, `pc` and `collation` once, and per call `result`:
//
//     scalar      call_begin(call, &r[p3]); def->call(call, n, args);
//     AggStep     call_begin_aggregate(call, &scratch, &r[p3]); def->step(call, n, args);
//     AggInverse  the same with def->inverse
//     AggValue    call_begin_aggregate(call, &r[p3], &r[p1]); def->value(call);
//     AggFinal    call_finish_aggregate(call, &r[p1]);
//
// then looks at call->rc: not 0 is an error, whose message is the text in call->result. Registers
// that hold an aggregate's state (flags V_AGGREGATE) are given back with call_discard_state(),
// never copied and never overwritten before that. A body's result text is in the database's
// encoding already.
//
// Laws of aggregates
// - F1 step, inverse and value of one group see the same state; value may be called any number of
//   times and changes nothing a later step or inverse relies on.
// - F2 Rows leave (inverse) in the order in which they came.
// - F3 finalize runs exactly once for every state that was made, also when the statement fails or
//   is reset, and gives everything back; it runs without a state when there was no row.

#include "base/buffer.h"
#include "catalog/connection.h"
#include "value/value.h"

typedef struct sqlite3_context FuncCall;
typedef void FuncBody(FuncCall *call, int arg_count, Value **args);
// finalize and value: no arguments, the state only.
typedef void FuncEnd(FuncCall *call);

// Flags of a function. The first group has the values of SQLite's public flags, so that those of
// sqlite3_create_function() are taken as they are.
enum {
    FUNC_PURE = 0x000000800,          // SQLITE_DETERMINISTIC: calls with constants are folded
    FUNC_DIRECT_ONLY = 0x000080000,   // not from triggers, views, CHECK, indexes, ...
    FUNC_SUBTYPE = 0x000100000,       // reads subtypes of its arguments
    FUNC_INNOCUOUS = 0x000200000,     // harmless even from an untrusted schema
    FUNC_RESULT_SUBTYPE = 0x01000000, // may give its result a subtype
    FUNC_PUBLIC_MASK = 0x013ff800,

    FUNC_BUILTIN = 1 << 0,
    FUNC_NULL_STRICT = 1 << 1,     // NULL whenever an argument is NULL
    FUNC_SLOW_CHANGE = 1 << 2,     // constant within one statement: date('now'), sqlite_version()
    FUNC_NEEDS_COLLATION = 1 << 3, // call->collation: of the first argument that has one
    FUNC_MINMAX = 1 << 4,          // min() or max() as aggregate: bare columns follow its row
    FUNC_LIKE = 1 << 5,            // like() or glob(): user_data is a LikeRule
    FUNC_LIKE_CASE = 1 << 6,       // ... that tells upper from lower case
    FUNC_AGGREGATE = 1 << 7,       // has step and finalize
    FUNC_WINDOW = 1 << 8,          // ... and value and inverse: works with OVER
    FUNC_WINDOW_ONLY = 1 << 9,     // and not without
    FUNC_TYPEOF = 1 << 10,         // typeof(): needs the column's type only
    FUNC_LENGTH = 1 << 12,         // length(): needs the size only
    FUNC_BYTE_LENGTH = 1 << 13,    // octet_length()
    FUNC_COUNT = 1 << 14,          // count(*)
    FUNC_UNLIKELY = 1 << 15,       // likely(), unlikely(), likelihood()
    FUNC_ANY_ORDER = 1 << 16,      // aggregate whose result does not depend on the order of rows
    FUNC_OFFSET = 1 << 17,         // sqlite_offset(): the code generator's
    FUNC_FROM_MODULE = 1 << 18,    // a virtual table overloads it (xFindFunction)
    FUNC_SMALL_STATE = 1 << 25,    // aggregate whose state does not grow with its rows
    FUNC_HIDDEN = 1 << 26,         // not in pragma_function_list
    FUNC_TOTAL = 1 << 27,          // raises no error whatever its arguments
};

// Where a function may not look at the clock or the time zone. An instruction PureFunc carries it
// above the argument count in P5.
typedef enum PurePlace { PURE_NOWHERE, PURE_INDEX, PURE_CHECK, PURE_GENERATED } PurePlace;
enum { PURE_PLACE_SHIFT = 12 };

// Functions that the code generator compiles in place.
typedef enum InlineKind {
    INLINE_NONE,
    INLINE_COALESCE, // coalesce, ifnull
    INLINE_IIF,      // iif, if: condition, value, condition, value, ..., otherwise
    INLINE_UNLIKELY, // likely, unlikely, likelihood: the first argument
    INLINE_OFFSET,   // sqlite_offset
    INLINE_NULLIF,   // may be compiled; has a body too
} InlineKind;

// Numbers of arguments besides exact ones. For a negative one n the least count is -2 - n, so that
// -1 is any.
enum { ARGS_ANY = -1, ARGS_1_UP = -3, ARGS_2_UP = -4 };

typedef struct FuncOwner FuncOwner; // counts the definitions that share one user_data

// One definition: a row of a built-in table names what it has, {"upper", 1, FLAGS, .call =
// fn_upper}. Constant for built-in ones; those of a connection live until they are replaced or the
// connection closes, which statements that use them are told by the schema's generation.
typedef struct FuncDef {
    const char *name;
    i16 arg_count; // exact, or ARGS_*
    u32 flags;
    FuncBody *call; // scalar
    FuncBody *step; // aggregate, with finalize; window functions have value and
                    // inverse too
    FuncEnd *finalize;
    FuncEnd *value;
    FuncBody *inverse;
    void *user_data;
    u8 encoding;    // the body prefers: 0 or SQLITE_UTF8, SQLITE_UTF16LE,
                    // SQLITE_UTF16BE
    u8 inline_kind; // InlineKind
    FuncOwner *owner;
    const struct quire_measure *measure; // of a function that ranks rows; NULL: none
    void *measure_arg;
    struct FuncDef *next; // another definition of the same name; built-in ones
                          // stand side by side
} FuncDef;

// --- finding and defining ---

typedef struct FuncTable FuncTable;

FuncTable *func_table_new(sqlite3 *db); // NULL: out of memory
void func_table_free(FuncTable *table); // calls the destructors
// The definition that fits best, the connection's before built-in ones. NULL: none takes that many
// arguments. Borrowed: until the connection defines another of that name, or for ever if built in.
const FuncDef *func_find(sqlite3 *db, const char *name, int arg_count, u8 encoding);
// For "no such function" and "wrong number of arguments", which differ by whether the name is
// known at all; and for "may not be used as a window function".
bool func_name_exists(sqlite3 *db, const char *name);
bool func_name_is_window(sqlite3 *db, const char *name);
// Does definition `def` accept that many arguments?
bool func_accepts(const FuncDef *def, int arg_count);

// What sqlite3_create_function_v2() and sqlite3_create_window_function()
// register. `text_rep` is the public encoding with flags or-ed in. No body at
// all deletes. `destroy` is called with user_data when the last definition made
// by this call goes, and also on failure.
typedef struct FuncSpec {
    const char *name;
    int arg_count; // -1 or exact
    int text_rep;
    void *user_data;
    FuncBody *call, *step;
    FuncEnd *finalize, *value;
    FuncBody *inverse;
    void (*destroy)(void *);
} FuncSpec;
// Has the program defined one of that name, count of arguments and encoding, which this
// replaces? The API refuses that while statements run, which hold on to definitions.
bool func_replaces_own(const sqlite3 *db, const FuncSpec *spec);
// Adds or replaces. SQLITE_NOMEM; statements must be told to recompile by the caller.
MUST_USE int func_define(sqlite3 *db, const FuncSpec *spec);
// Gives the connection's function of two arguments a measure (quire.h). SQLITE_NOTFOUND.
MUST_USE int func_set_measure(sqlite3 *db, const char *name, const struct quire_measure *measure,
                              void *arg);
// Makes sure that a function of that name exists, failing when called
// (sqlite3_overload_function).
MUST_USE int func_define_placeholder(sqlite3 *db, const char *name, int arg_count);
// like() and glob() of the connection by PRAGMA case_sensitive_like.
MUST_USE int func_define_like(sqlite3 *db, bool case_sensitive);

// Every definition, built-in ones first, for PRAGMA function_list. NULL ends. Not to be used over
// a change of the definitions.
typedef struct FuncIterator {
    NameEntry *entry;
    const FuncDef *def;
    u32 table; // index of the built-in table; past them: the connection's
} FuncIterator;
const FuncDef *func_first(sqlite3 *db, FuncIterator *it);
const FuncDef *func_next(sqlite3 *db, FuncIterator *it);

// What lies above and functions need; installed once by the api layer.
typedef struct FuncHooks {
    void (*randomness)(int size, void *out);
    // *message: why it failed, or NULL; mem_free()d by the caller.
    int (*load_extension)(sqlite3 *db, const char *file, const char *entry, char **message);
    // ATTACH: a file name, perhaps a URI, to a path (free_path()d) and what it asks for.
    int (*parse_uri)(const char *vfs_name, const char *uri, int *open_flags, sqlite3_vfs **vfs,
                     char **path, char **message);
    void (*free_path)(sqlite3_filename path);
} FuncHooks;
void func_install_hooks(const FuncHooks *hooks);
const FuncHooks *func_hooks(void);

// Builds the map of built-in functions; called once by sqlite3_initialize.
// SQLITE_NOMEM.
MUST_USE int func_builtin_start(void);
void func_builtin_stop(void);

// --- a call ---

// What a function keeps for a constant argument (sqlite3_set_auxdata); listed per statement, so
// that a pattern is compiled once and not per row.
typedef struct AuxData {
    struct AuxData *next;
    int pc;       // the call instruction
    int argument; // negative: shared by all calls of the statement
    void *data;
    void (*destroy)(void *);
} AuxData;
// Drops what call `pc` keeps for arguments that are not constant (bit i of
// `constant_mask`); pc -1: all.
void aux_data_clear(AuxData **list, int pc, u32 constant_mask);

// V_BLOB|V_UNDEFINED marks a register that holds an aggregate's state: `bytes`
// is the state, `size` its size, `u.aggregate` its FuncDef.
enum { V_AGGREGATE = V_BLOB | V_UNDEFINED };

struct sqlite3_context {
    Value *result;
    Value *state; // aggregates: the register with the state
    const FuncDef *func;
    sqlite3 *db;
    struct Vm *vm; // the statement, opaque here; NULL outside
    i64 *now_ms;   // the statement's 'now', 0 until asked; NULL: ask the clock each
                   // time
    AuxData **aux; // NULL: auxiliary data is refused
    const Collation *collation;
    int pc;
    int rc;         // 0, or the error
    u8 encoding;    // of the database's text
    bool no_effect; // min() and max() as aggregates: this row did not win
    int arg_count;  // as called: for messages
    u8 pure_place;  // PurePlace
};

static inline void call_begin(FuncCall *call, Value *result)
{
    call->result = result;
    call->rc = 0;
    value_set_null(result);
}
static inline void call_begin_aggregate(FuncCall *call, Value *result, Value *state)
{
    call_begin(call, result);
    call->state = state;
    call->no_effect = false;
}
// Runs finalize on `state`, which becomes the result. The state is gone
// afterwards.
void call_finish_aggregate(FuncCall *call, Value *state);
// Runs finalize for its side effects; the register becomes NULL.
void call_discard_state(sqlite3 *db, Value *state);

// --- what bodies call (and the public sqlite3_result_* and friends) ---

// The setters below replace the answer given before; an error stays one.
void call_result_null(FuncCall *call);
void call_result_i64(FuncCall *call, i64 integer);
void call_result_f64(FuncCall *call, f64 real);
// `destroy`: SQLITE_STATIC, SQLITE_TRANSIENT, mem_free or a function. Too long:
// the call fails.
void call_result_text(FuncCall *call, const char *text, u64 size, u8 encoding,
                      void (*destroy)(void *));
void call_result_blob(FuncCall *call, const void *bytes, u64 size, void (*destroy)(void *));
MUST_USE int call_result_zeroblob(FuncCall *call,
                                  u64 size); // SQLITE_TOOBIG fails the call too
// A deep copy, in the database's encoding. NULL pointer: SQL NULL.
void call_result_value(FuncCall *call, const Value *v);
// For functions of the same library: SQL sees a NULL. `tag` must outlive the value.
void call_result_pointer(FuncCall *call, void *pointer, const char *tag, void (*destroy)(void *));
// After the result: setting one takes its subtype away. The low eight bits count.
void call_result_subtype(FuncCall *call, u32 subtype);
// Memory of `size` bytes to write a UTF-8 or blob result into, without another copy. NULL: the call
// has failed (too big, out of memory). The end says how much was written, `size` at most.
char *call_result_begin(FuncCall *call, u64 size);
void call_result_end_text(FuncCall *call, u64 size);
void call_result_end_blob(FuncCall *call, u64 size);
// Moves the buffer's content out as text (or blob); its failure becomes the call's.
void call_result_buffer(FuncCall *call, Buffer *buf, bool as_blob);
// The call fails with SQLITE_ERROR and this text, which is copied. size -1: NUL-terminated. The
// message is in `encoding`.
void call_result_error(FuncCall *call, const char *message, i64 size, u8 encoding);
void call_result_error_format(FuncCall *call, const char *fmt, ...) PRINTF_LIKE(2, 3);
// The call fails with that code; its own text unless a message was given before. SQLITE_OK takes
// an error back.
void call_result_error_code(FuncCall *call, int rc);
void call_result_error_nomem(FuncCall *call);
void call_result_error_toobig(FuncCall *call);

void *call_user_data(const FuncCall *call);
sqlite3 *call_db(const FuncCall *call);
// The aggregate's state: `size` zeroed bytes at the first call, the same ones later. size 0 makes
// none: NULL when there is none yet. NULL and an error when out of memory. Lies in the register,
// so it moves never and dies with finalize.
void *call_state(FuncCall *call, u32 size);
// What call_set_aux() has kept for that argument and still holds; NULL otherwise, so that the
// caller computes it anew.
void *call_get_aux(FuncCall *call, int argument);
// Where there is nowhere to keep it, it is destroyed at once, as sqlite3_set_auxdata() promises:
// the caller must not use `data` afterwards without asking call_get_aux().
void call_set_aux(FuncCall *call, int argument, void *data, void (*destroy)(void *));
// False, and the call has failed, where only pure functions may be (an index, a CHECK constraint,
// a generated column): asked before looking at the clock or the time zone.
bool call_may_change(FuncCall *call);
// Milliseconds since Julian day 0, the same throughout a statement, by the clock of the
// connection's VFS. 0: the clock failed.
i64 call_now_ms(FuncCall *call);

// The built-in tables, one per file; ended by a row without a name.
extern const FuncDef func_text_table[], func_number_table[], func_like_table[], func_regexp_table[],
    func_info_table[], func_math_table[], func_datetime_table[], func_aggregate_table[],
    func_extreme_table[], func_percentile_table[], func_window_table[], func_json_table[],
    func_json_group_table[], func_uuid_table[], func_instant_table[], func_more_table[];

#endif
