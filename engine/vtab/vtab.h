#ifndef QUIRE_VTAB_VTAB_H
#define QUIRE_VTAB_VTAB_H
// Virtual tables: modules, the instances of their tables, and their part in transactions
// (sqlite.org/vtab.html).
//
// Nouns
//   Module        what sqlite3_create_module_v2() registered: methods and client data, counted.
//   Table         the schema's object (TABLE_VIRTUAL).
//   VirtualTable  one connection's instance of it: the module's sqlite3_vtab, counted by its users.
//
// Laws
//   T1  A VirtualTable lives as long as its table's schema object or anybody's reference, whichever
//       ends later; xDisconnect runs when the last goes, xDestroy when the table is dropped.
//   T2  A module may call back into the connection, except to change the schema it is created in.
//   T3  After xBegin exactly one of xCommit or xRollback follows, xSync before xCommit.
//   T4  Errors a module leaves in zErrMsg become the connection's message and are freed here.
//   T5  While a module's method runs, its instance is held (vtab_ref): statements of the module's
//       own may drop the table or end the transaction.
//
// Modules are foreign code. Their result codes and what they put into out-parameters are used as
// they are, as SQLite uses them; nothing of it is asserted but what the interface makes them
// promise.

#include "catalog/connection.h"

// Counted: by the connection's map, and by every instance of its tables.
struct Module {
    const char *name; // behind the struct, in its block
    const sqlite3_module *methods;
    void *client_data;
    void (*destroy)(void *);
    int (*count_rest)(sqlite3_vtab_cursor *, sqlite3_int64 *); // quire_module_counter(); NULL: none
    const char *order_function; // quire_module_order(); NULL: none
    u32 refs;
    Table *eponymous; // the table that bears the module's name, once used
};

// `refs` counts the table's own reference (while it is linked there), the transaction's and those
// of running statements.
typedef struct VirtualTable {
    sqlite3 *db;
    Module *module;
    sqlite3_vtab *vtab; // NULL once destroyed
    u32 refs;
    bool supports_constraints; // sqlite3_vtab_config(SQLITE_VTAB_CONSTRAINT_SUPPORT)
    bool uses_all_schemas;
    u8 risk;                   // VTAB_RISK_*
    u32 savepoint;             // 1 + the savepoint last announced to it; 0: none
    struct VirtualTable *next; // of the same Table, other connections
} VirtualTable;
enum { VTAB_RISK_LOW, VTAB_RISK_NORMAL, VTAB_RISK_HIGH };

// While xCreate or xConnect runs (db->vtab_context), innermost first: constructors may open other
// virtual tables. sqlite3_declare_vtab() and sqlite3_vtab_config() speak to the innermost.
typedef struct VtabContext {
    struct VtabContext *outer;
    VirtualTable *instance;
    Table *table; // as of `generation`
    const Schema *schema;
    u32 generation;
    const char *name;
    bool is_declared;
} VtabContext;

// --- modules ---

// methods NULL removes. `destroy` is called with client_data when the last table of the module is
// gone, and on failure. SQLITE_NOMEM.
MUST_USE int module_register(sqlite3 *db, const char *name, const sqlite3_module *methods,
                             void *client_data, void (*destroy)(void *));
// The module of that name, made by the factory if need be; NULL: unknown. Borrowed from the
// connection's map.
Module *module_find(sqlite3 *db, const char *name);
// Makes modules that exist by their name alone (pragma_table_info, ...) when somebody first asks.
// False: no such name, or the error is on the connection.
typedef bool ModuleFactory(sqlite3 *db, const char *name);
void module_install_factory(ModuleFactory *make);
void modules_free(sqlite3 *db);                                    // when the connection goes
void module_drop_all_except(sqlite3 *db, const char *const *keep); // NULL-ended, or NULL
// The table of an eponymous module (xCreate is NULL or equals xConnect, sqlite.org/vtab.html),
// connected. *out NULL: it has none. Errors are set on the connection. Borrowed: it lives as long
// as the module is registered.
MUST_USE int module_eponymous_table(sqlite3 *db, Module *module, Table **out);

// --- instances ---

// This connection's instance; NULL when not connected yet. Borrowed from the table.
VirtualTable *vtab_find(sqlite3 *db, const Table *table);
// Connects on first use: fills table->columns. Errors are set on the connection. May run any SQL,
// so the schema must be locked against being freed by whoever holds objects of it.
MUST_USE int vtab_connect(sqlite3 *db, Table *table);
// OP_VCreate: runs xCreate for a table whose schema row has just been written. The instance takes
// part in the transaction from here on, so that a rollback reaches it.
MUST_USE int vtab_create(sqlite3 *db, int database, const char *table_name);
// OP_VDestroy: runs xDestroy. SQLITE_LOCKED while statements use it; a module's refusal leaves the
// table as it was.
MUST_USE int vtab_destroy(sqlite3 *db, int database, const char *table_name);
// For whoever uses an instance over a call that may let go of the table.
void vtab_ref(VirtualTable *instance);
void vtab_unref(VirtualTable *instance);
void vtab_release_table(Table *table);         // its schema object goes: T1
void module_disconnect_eponymous(sqlite3 *db); // all of them; they are connected anew when used
// Moves the module's message to the connection; returns rc.
int vtab_take_error(sqlite3 *db, sqlite3_vtab *vtab, int rc);
bool vtab_is_shadow_name(sqlite3 *db, const char *name); // "x_y": y is a shadow table of x
bool vtab_is_shadow(sqlite3 *db, const Table *table);
// The same where nobody but a module may touch it: the connection is defensive, and neither a
// module nor a hook of quire.h runs.
bool vtab_guards(sqlite3 *db, const Table *table);

// sqlite3_declare_vtab(): sql, above, compiles the text into columns of the table being connected.
typedef int CompileVtab(sqlite3 *db, const char *sql, Table *table);
void vtab_install_compiler(CompileVtab *compile);
MUST_USE int vtab_declare(sqlite3 *db, const char *sql);

// --- transactions ---

MUST_USE int vtab_begin(sqlite3 *db, VirtualTable *instance); // once per transaction
// xSync of all, in the order in which they joined; the first that fails ends the commit. The
// message is on the connection.
MUST_USE int vtab_sync(sqlite3 *db); // xSync of all; the message is on the connection
// After the files have committed: xCommit of all, whose results have nobody to hear them. Empties
// the list.
void vtab_commit(sqlite3 *db);
// xRollback of all, and the list is empty.
void vtab_rollback(sqlite3 *db);
// op: SAVEPOINT_BEGIN, _RELEASE or _ROLLBACK; index counts from 0 over SQL's savepoints and those
// of statements. Told to modules of version 2 and up.
MUST_USE int vtab_savepoint(sqlite3 *db, int op, int index);

#endif
