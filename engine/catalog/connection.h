#ifndef QUIRE_CATALOG_CONNECTION_H
#define QUIRE_CATALOG_CONNECTION_H
// A connection as the layers below the API see it: databases, schemas, settings, counters, hooks,
// and the error it last met. The API layer opens, configures and closes it.
//
// All of it is guarded by `mutex` (NULL in single-threaded mode) but `interrupted`, which any
// thread may set.
//
// It is one structure and not one per layer because SQLite's interface makes it one: a hook, a
// pragma or a limit set between two statements must hold for code of every layer from the next
// call on. A field belongs to the layer named in its comment; others read it.
//
// Laws
// - D1 databases[0] is main, [1] temp, [2..database_count) attached, in the order of attaching.
//   Each has a schema; temp's btree is opened when it is first needed.
// - D2 Objects of a schema are borrowed, never owned, by whoever found them: they die with
//   schema_clear(). What holds them over a call of foreign code takes schema_lock(); a compilation
//   counts in compile_locks.
// - D3 A statement is valid for the schema_generation and the cookies it was compiled with; one
//   that finds them changed is compiled anew before its first row.
// - D4 An error is set once, by whoever words it, and passed upward as a code.

#include "btree/btree.h"
#include "catalog/schema.h"
#include <stdatomic.h>

struct FuncTable;
struct quire_row_change;
struct quire_schema_change;
struct Vm; // a prepared statement, vm/vm.h; the public sqlite3_stmt

// One attached database: 0 main, 1 temp, 2.. attached.
typedef struct Database {
    const char *name; // "main", "temp", or the ATTACH name (owned)
    Btree *btree;     // NULL: temp not opened yet, or detached
    Schema *schema;
    u8 sync_level; // PagerSync
    bool sync_is_set;
    bool reset_wanted; // the schema is to be forgotten when the last lock on it goes
} Database;
enum { DB_MAIN = 0, DB_TEMP = 1, DATABASE_MAX = 12 };

// Connection flags; the public DBCONFIG and pragma switches map onto them. Their bits are in no
// file and no interface, and may change place.
// clang-format off
#define CONN_FLAGS(X) \
    X(WRITABLE_SCHEMA) X(LEGACY_FILE_FORMAT) X(FULL_COLUMN_NAMES) X(FULL_FSYNC) \
    X(CKPT_FULL_FSYNC) X(CACHE_SPILL) X(SHORT_COLUMN_NAMES) X(COUNT_CHANGES) X(NULL_CALLBACK) \
    X(IGNORE_CHECKS) X(READ_UNCOMMITTED) X(NO_CKPT_ON_CLOSE) X(REVERSE_UNORDERED) \
    X(RECURSIVE_TRIGGERS) X(FOREIGN_KEYS) X(AUTO_INDEX) X(LOAD_EXTENSION) X(ENABLE_TRIGGER) \
    X(DEFER_FOREIGN_KEYS) X(QUERY_ONLY) X(CELL_SIZE_CHECK) X(FTS3_TOKENIZER) X(ENABLE_QPSG) \
    X(TRIGGER_EQP) X(RESET_DATABASE) X(DEFENSIVE) X(LEGACY_ALTER) X(NO_SCHEMA_ERROR) X(DQS_DML) \
    X(DQS_DDL) X(ENABLE_VIEW) X(TRUSTED_SCHEMA) X(STMT_SCANSTATUS) X(ATTACH_CREATE) \
    X(ATTACH_WRITE) X(COMMENTS) X(LOAD_EXTENSION_FUNCTION) X(FK_NO_ACTION)
// clang-format on
enum {
#define X(name) CONN_BIT_##name,
    CONN_FLAGS(X)
#undef X
};
// The bit of a flag in sqlite3.flags.
#define CONN_FLAG(name) (1ull << CONN_BIT_##name)

// SAVEPOINT name: a stack, innermost first. The counts of foreign key violations are those to go
// back to.
typedef struct Savepoint {
    struct Savepoint *outer;
    char *name;
    i64 deferred_violations, immediate_violations;
} Savepoint;

// The table that quire_append() was last asked for, while the schemas are of these generations.
typedef struct AppendTarget {
    const struct Table *table; // NULL: none, or one that takes an INSERT
    u32 main_generation, temp_generation;
} AppendTarget;

typedef struct Module Module; // vtab/vtab.h

struct sqlite3 {
    sqlite3_mutex *mutex;
    sqlite3_vfs *vfs;
    u32 magic; // CONNECTION_*
    Database databases[DATABASE_MAX];
    int database_count;
    u64 flags; // CONN_FLAG(...)
    int limits[16];
    u8 encoding;            // of text in all databases
    bool encoding_is_fixed; // a schema has it: PRAGMA encoding comes too late
    u8 temp_store;          // PRAGMA temp_store: 0 default, 1 file, 2 memory
    int open_flags;
    // Reading the schema. While is_loading, CREATE statements are parsed into objects, not run,
    // and nobody is asked for permission.
    bool is_loading;
    int next_page_size;   // PRAGMA page_size: what the next VACUUM shall use; 0: as it is
    int next_auto_vacuum; // PRAGMA auto_vacuum: 1 + the mode of the next VACUUM; 0: as it is
    bool is_altering; // ALTER TABLE resolves stored statements: calls it cannot place are no errors
    struct NameLiterals *name_literals; // ALTER TABLE notes names in double quotes that are texts

    // Errors
    // What sqlite3_errcode() and sqlite3_errmsg() give. Set by connection_error() alone; the API
    // masks codes when it hands them out.
    int error_code;       // extended
    int error_mask;       // 0xff or 0xffffffff
    int error_offset;     // byte in the SQL text, -1 unknown
    Value *error_message; // NULL: error_text(error_code)
    bool out_of_memory;   // sticky until the API call returns
    int os_errno;
    int suppress_errors;

    // Transactions
    // Transactions of SQL: BEGIN clears autocommit. The files' own transactions are the B-trees'.
    bool autocommit;
    bool is_transaction_savepoint; // the outermost savepoint began the transaction
    Savepoint *savepoints;         // innermost first
    int savepoint_count;
    int statement_count;                         // open statement journals
    i64 deferred_violations, deferred_immediate; // foreign keys
    int active_statements, writing_statements, reading_statements;
    bool schema_changed; // by the running transaction

    // Counters
    // What the functions of the same names give; written by the instructions that change rows.
    i64 last_rowid;
    i64 changes, total_changes; // by the last statement; since the connection was opened

    // What the application registered, by name. Each map owns its values through the layer named.
    struct FuncTable *functions;
    NameMap collations;                      // name -> CollationSet (three encodings)
    NameMap modules;                         // name -> Module
    NameMap pragmas;                         // name -> ModulePragma, sql/module_pragma.h
    NameMap index_methods;                   // name -> IndexMethod, sql/index_method.h
    struct VirtualTable **vtab_transactions; // in the running transaction
    int vtab_transaction_count;
    bool is_syncing_vtabs;  // xSync runs: no new participants
    u8 vtab_on_conflict;    // OnConflict of the xUpdate that runs
    int waiting_statements; // for statements they run themselves: xDestroy, SqlExec

    struct VtabContext *vtab_context; // a module's xCreate/xConnect is running

    struct Vm *statements; // all prepared, newest first
    int executing;         // nesting of step calls
    int entered;           // nesting of calls of the interface
    bool shares_btrees;    // some database is, or was, shared with other connections
    int prepare_depth;
    struct Vm *recompiled; // statement being compiled anew: the planner may look at its parameters
    atomic_int interrupted;

    // Hooks: a function and its argument each, NULL for none. Called with the mutex held; what
    // they may do is documented at the public function that sets them.
    int (*busy)(void *arg, int count);
    void *busy_arg;
    int busy_count; // times the handler was asked for the lock; -1: it said no
    int busy_timeout_ms;
    int (*authorizer)(void *, int, const char *, const char *, const char *, const char *);
    void *authorizer_arg;
    const char *authorizer_context; // trigger or view whose code is being compiled
    int (*commit_hook)(void *);
    void *commit_arg;
    void (*rollback_hook)(void *);
    void *rollback_arg;
    void (*update_hook)(void *, int, char const *, char const *, sqlite3_int64);
    void *update_arg;
    void (*preupdate_hook)(void *, sqlite3 *, int, char const *, char const *, sqlite3_int64,
                           sqlite3_int64);
    void *preupdate_arg;
    struct Preupdate *preupdate;
    // Capture of changes (quire.h); the module that records them.
    int (*change_hook)(void *, struct sqlite3 *, const struct quire_row_change *);
    void *change_arg;
    u8 change_detail; // QUIRE_DETAIL_*: what the hook is told of rows
    int (*precommit_hook)(void *, struct sqlite3 *, int);
    void *precommit_arg;
    int (*schema_hook)(void *, struct sqlite3 *, const struct quire_schema_change *);
    void *schema_arg;
    void (*close_hook)(void *, struct sqlite3 *);
    void *close_arg;
    AppendTarget append_target;
    bool is_capturing;    // one of them runs: what it writes is not announced
    bool is_in_precommit; // its statements must not commit by themselves
    int module_calls;     // nesting of methods of modules that write for their own purposes
    int (*wal_hook)(void *, sqlite3 *, const char *, int);
    void *wal_arg;
    int (*progress)(void *);
    void *progress_arg;
    u32 progress_steps;
    u8 trace_mask;
    bool trace_is_legacy;
    bool is_silent; // a statement that is none of the application's runs: nobody is told
    int (*trace)(unsigned, void *, void *, void *);
    void (*trace_legacy)(void *, const char *);
    void (*profile_legacy)(void *, const char *, u64);
    void *trace_arg, *profile_arg;
    void (*collation_needed)(void *, sqlite3 *, int, const char *);
    void (*collation_needed16)(void *, sqlite3 *, int, const void *);
    void *collation_needed_arg;
    unsigned (*autovacuum_pages)(void *, const char *, unsigned, unsigned, unsigned);
    void *autovacuum_arg;
    void (*autovacuum_destroy)(void *);

    i64 mmap_size;
    int analysis_limit;
    int fp_digits;
    int schema_locks;      // see schema_lock()
    int compile_locks;     // statements being compiled: they hold on to the schema's objects
    u32 schema_generation; // any schema changed: statements recompile
    int open_handles;      // BLOB handles and backups that keep a closed connection alive
    void *client_data;     // sqlite3_set_clientdata list, api's
};

// sqlite3.magic, with numbers no pointer gone astray is likely to meet: the words QUIR, CLOS, ZOMB,
// BUSY and SICK. A handle is looked at before its mutex is taken.
enum {
    CONNECTION_OPEN = 0x51554952,
    CONNECTION_CLOSED = 0x434c4f53,
    CONNECTION_ZOMBIE = 0x5a4f4d42,
    CONNECTION_BUSY = 0x42555359,
    CONNECTION_SICK = 0x5349434b
};

// --- statements that are none of the application's ---

// Between the two the authorizer is not asked and the tracer told nothing: the engine or a module
// reads and writes for its own purposes. May be nested.
typedef struct SilentScope {
    int (*authorizer)(void *, int, const char *, const char *, const char *, const char *);
    bool was_silent;
} SilentScope;
SilentScope connection_silence(sqlite3 *db);
void connection_unsilence(sqlite3 *db, SilentScope scope);

// --- errors on the connection ---

// Sets code and message (libc's formats, not SQLite's %Q and %w) and returns rc, so that `return
// connection_error(...)` reads as one step. The message is copied. SQLITE_NOMEM instead of rc when
// there is no memory to word it.
int connection_error(sqlite3 *db, int rc, const char *fmt, ...) PRINTF_LIKE(3, 4);
// Drops the message, so that the code's own text is given; rc may be SQLITE_OK.
int connection_error_plain(sqlite3 *db, int rc);
void connection_error_clear(sqlite3 *db);
// Marks it, interrupts running statements and returns SQLITE_NOMEM. Sticky until the API call
// returns.
int connection_out_of_memory(sqlite3 *db);

// Entering and leaving with the mutex held, calls within calls counted: from the first to the last
// the connection has the right to use the Btrees that it shares.
void connection_enter(sqlite3 *db);
void connection_leave(sqlite3 *db);

// Calls the WAL hook for what was committed to logs since it was last told: when a statement has
// come to its end, or the schema was read, which SQLite does by a statement. Its result code.
MUST_USE int connection_tell_commits(sqlite3 *db);

// A database joins the connection: its busy handler decides how long that one waits for locks, its
// flags how much of a damaged file is believed.
void connection_adopt_btree(sqlite3 *db, Btree *bt);
void connection_flags_changed(sqlite3 *db); // tells its databases

// --- finding things ---

// PRAGMA writable_schema, which SQLITE_DBCONFIG_DEFENSIVE overrules.
bool connection_schema_is_writable(const sqlite3 *db);

// The index of the database of that name, without regard to ASCII case; -1: none. "main" always
// fits, also when main has been given another name.
int connection_find_database(const sqlite3 *db, const char *name);
// Which database a schema belongs to, as an index into databases[]; -1: none any more.
int schema_index(const sqlite3 *db, const Schema *schema);
// The object of that name, borrowed until the schema is reset; NULL when absent. `database` NULL:
// temp, main, then attached in order. Schemas must be loaded.
Table *catalog_find_table(sqlite3 *db, const char *name, const char *database);
Index *catalog_find_index(sqlite3 *db, const char *name, const char *database);
Trigger *catalog_find_trigger(sqlite3 *db, const char *name, const char *database);
// Triggers on a table, temp ones included, which come first: call with NULL to begin; NULL at the
// end.
Trigger *catalog_next_trigger(sqlite3 *db, const Table *table, const Trigger *after);
// The collation for texts of that encoding, borrowed until it is replaced; asks collation_needed.
// One that was given for another encoding will do: values are converted for it. NULL: unknown; what
// to say of that is the caller's.
const Collation *catalog_find_collation(sqlite3 *db, u8 encoding, const char *name);
// Whether the application gave one for exactly this encoding; built-in ones do not count.
bool catalog_has_collation(sqlite3 *db, const char *name, u8 encoding);
// Takes the place of the one there was for that encoding, whose destructor runs. SQLITE_NOMEM.
MUST_USE int catalog_add_collation(sqlite3 *db, const char *name, u8 encoding,
                                   const Collation *collation);
// With their destructors. For the closing of a connection.
void catalog_free_collations(sqlite3 *db);
// How the index's keys compare, made at the first call: collations are looked up then, not when
// the schema is read, so that an unknown one spoils its own index only. Borrowed; NULL: the error
// is set on the connection.
KeyShape *index_shape(sqlite3 *db, Index *index);

// Loading is done by running CREATE statements through the front end, which lies above: sql
// installs this callback at initialisation. It compiles one statement of sqlite_schema into
// objects of db->databases[database]; *message (mem_alloc) says why it could not, or stays NULL.
typedef struct SchemaEntry {
    const char *type, *name, *table_name;
    Pgno root;
    const char *sql; // NULL for indexes behind constraints
} SchemaEntry;
typedef int CompileCreate(sqlite3 *db, int database, const SchemaEntry *entry, char **message);
void schema_install_compiler(CompileCreate *compile);
// Reads sqlite_schema of every database that is not loaded. Sets the connection's error on failure
// ("malformed database schema (t1) - ..."); a schema that failed is empty and is tried again by
// the next call.
MUST_USE int schema_load_all(sqlite3 *db);
MUST_USE int schema_load(sqlite3 *db, int database);
void schema_reset(sqlite3 *db, int database); // forget, so that it is read again; -1: all
// Between the two no schema object is freed: a reset waits for the last unlock. For code that holds
// objects while statements of others run (compiling, a virtual table's constructor).
void schema_lock(sqlite3 *db);
void schema_unlock(sqlite3 *db);
// Row estimates from sqlite_stat1/stat4, if they exist; the defaults for what is not there. Called
// when a schema is loaded and after ANALYZE. SQLITE_NOMEM, and what reading the tables meets.
MUST_USE int statistics_load(sqlite3 *db, int database);

#endif
