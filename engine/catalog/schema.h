#ifndef QUIRE_CATALOG_SCHEMA_H
#define QUIRE_CATALOG_SCHEMA_H
// What the database contains: tables, indexes, views, triggers, foreign keys, in memory.
//
// A Schema mirrors sqlite_schema of one database file. It is built by running its CREATE
// statements through the front end (schema_load.c) and dropped whole when the schema cookie
// changes. Every object owns an arena that holds its names and expression trees (`struct Expr`,
// defined above this layer and opaque here). Objects are reached by name without regard to ASCII
// case.
//
//   C1  table->columns[i] for i < column_count; column i is field i of the record for ordinary
//       tables without virtual generated columns; table_storage_column() maps otherwise.
//   C2  table->rowid_alias is the index of the INTEGER PRIMARY KEY column, or -1.
//   C3  A WITHOUT ROWID table has rowid_alias -1 and a primary-key index whose root is the table's.
//   C4  index->columns[] ends with the columns that make the key unique: the rowid (COLUMN_ROWID)
//       or the missing primary-key columns. Its first key_count are what the user named.
//   C5  What is in a map of the Schema is reachable from its table too, and the other way round: an
//       index from table->indexes, a trigger from table->triggers unless it is a temp trigger of
//       another database's table (those are found by catalog_next_trigger()).
//   C6  The names in the maps are the objects' own: an object leaves its map before it is freed.
//
// Lifecycle of an object: *_new, filled in by the front end, schema_add_*; then it belongs to the
// Schema until schema_remove_* or schema_clear(). One that was never added is freed by *_free.
// Tables that are no part of a schema (subqueries, TABLE_EPHEMERAL) are counted by `refs` and
// freed by those who hold them.

#include "base/arena.h"
#include "base/hashmap.h"
#include "value/compare.h"
#include "value/value.h"

typedef struct Expr Expr;               // sql/ast.h
typedef struct ExprList ExprList;       // sql/ast.h
typedef struct IdList IdList;           // sql/ast.h
typedef struct Select Select;           // sql/ast.h
typedef struct TriggerStep TriggerStep; // sql/ast.h

typedef struct Schema Schema;
typedef struct Table Table;
typedef struct Index Index;
typedef struct Trigger Trigger;
typedef struct ForeignKey ForeignKey;

// ON CONFLICT and RAISE actions, with the numbers SQLite's API uses (sqlite3_vtab_on_conflict).
typedef enum OnConflict {
    ON_CONFLICT_DEFAULT = 0, // no clause given
    ON_CONFLICT_ROLLBACK = 1,
    ON_CONFLICT_IGNORE = 2,
    ON_CONFLICT_FAIL = 3,
    ON_CONFLICT_ABORT = 4,
    ON_CONFLICT_REPLACE = 5,
    ON_CONFLICT_UPDATE = 6, // upsert's DO UPDATE
} OnConflict;
// EXPLAIN and EXPLAIN QUERY PLAN.
typedef enum ExplainMode { EXPLAIN_NONE, EXPLAIN_PROGRAM, EXPLAIN_QUERY_PLAN } ExplainMode;

typedef enum FkAction {
    FK_NO_ACTION,
    FK_RESTRICT,
    FK_SET_NULL,
    FK_SET_DEFAULT,
    FK_CASCADE,
} FkAction;

enum {
    COLUMN_ROWID = -1, // in Index.columns: the rowid itself
    COLUMN_EXPR = -2,  // in Index.columns: an expression, see Index.exprs
};

enum { // Column.flags
    COLUMN_PRIMARY_KEY = 0x01,
    COLUMN_HIDDEN = 0x02, // of virtual tables
    COLUMN_HAS_TYPE = 0x04,
    COLUMN_UNIQUE = 0x08,
    COLUMN_VIRTUAL = 0x20, // generated, not stored
    COLUMN_STORED = 0x40,  // generated, stored
    COLUMN_GENERATED = 0x60,
    COLUMN_NOT_AVAILABLE = 0x80, // used while computing generated columns, to find loops
};

// Names and texts are in the table's arena.
typedef struct Column {
    const char *name;
    const char *type;         // as declared, or NULL
    const char *collation;    // name, or NULL for BINARY
    const char *default_text; // source of DEFAULT, or NULL
    Expr *value;              // DEFAULT, or the generated column's expression; NULL for none
    u8 affinity;              // Affinity
    u8 not_null;              // OnConflict of NOT NULL, 0 when NULL is allowed
    u8 flags;
    u8 strict_type; // STRICT tables: STRICT_*
} Column;
enum { STRICT_NONE, STRICT_ANY, STRICT_BLOB, STRICT_INT, STRICT_INTEGER, STRICT_REAL, STRICT_TEXT };

typedef enum TableKind { TABLE_ORDINARY, TABLE_VIEW, TABLE_VIRTUAL } TableKind;
enum {                       // Table.flags
    TABLE_READONLY = 0x0001, // sqlite_schema: only with writable_schema
    TABLE_WITHOUT_ROWID = 0x0002,
    TABLE_STRICT = 0x0004,
    TABLE_AUTOINCREMENT = 0x0008,
    TABLE_HAS_PRIMARY_KEY = 0x0010,
    TABLE_HAS_VIRTUAL = 0x0020, // some column is VIRTUAL
    TABLE_HAS_STORED = 0x0040,
    TABLE_HAS_NOT_NULL = 0x0080,
    TABLE_EPHEMERAL = 0x0100, // a subquery's or CTE's result: not in any schema
    TABLE_HAS_STAT1 = 0x0200,
    TABLE_NO_VISIBLE_ROWID = 0x0800,
    TABLE_HAS_HIDDEN = 0x1000, // virtual table with hidden columns
    TABLE_EPONYMOUS = 0x2000,
    TABLE_OUT_OF_ORDER_HIDDEN = 0x4000, // a hidden column before an ordinary one
};

// A named or unnamed CHECK: SQLite's messages name it by one or the other.
typedef struct CheckConstraint {
    const char *name; // or the expression's text
    Expr *expr;
} CheckConstraint;

struct VirtualTable; // vtab/vtab.h

struct Table {
    const char *name;
    Schema *schema;
    TableKind kind;
    u32 flags;
    Pgno root; // 0 for views and virtual tables
    Column *columns;
    i16 column_count;
    i16 stored_count; // columns that are in the record
    i16 rowid_alias;
    u8 primary_key_conflict; // OnConflict of the INTEGER PRIMARY KEY
    // Linked by Index.next; order as SQLite's (newest first, unique before others as it does).
    Index *indexes;
    ForeignKey *foreign_keys; // where this table is the child, linked by next_of_child
    CheckConstraint *checks;
    u32 check_count;
    Trigger *triggers; // linked by next_of_table
    // Statistics: logarithmic estimates, 10*log2(n)
    i16 row_estimate;
    i16 row_size_estimate;
    // Views
    Select *select;       // resolved lazily: column_count < 0 while being resolved, 0 not yet known
    IdList *column_names; // CREATE VIEW v(a, b)
    // Virtual tables
    u32 module_arg_count;
    const char **module_args;            // [0] module, [1] database, [2] table, then the arguments
    struct VirtualTable *virtual_tables; // one per connection that uses it
    u32 add_column_offset;               // in the CREATE text, where ALTER TABLE ADD COLUMN inserts
    u32 refs;                            // ephemeral tables are shared by the AST
    Arena arena;
};

enum { // Index.flags
    INDEX_UNIQUE = 0x01,
    INDEX_PRIMARY_KEY = 0x02,     // made by PRIMARY KEY
    INDEX_CONSTRAINT = 0x04,      // made by UNIQUE
    INDEX_UNIQUE_NOT_NULL = 0x08, // unique and every key column NOT NULL
    INDEX_COVERING_ALL = 0x10,    // holds every column of the table
    INDEX_HAS_STAT1 = 0x20,
    INDEX_NO_SKIP_SCAN = 0x40,
    INDEX_UNORDERED = 0x80,
    INDEX_HAS_EXPR = 0x100,
    INDEX_RESIZED = 0x200,
    INDEX_HAS_VIRTUAL = 0x400, // some column is a virtual generated one
};

struct IndexSamples; // catalog/samples.h

struct Index {
    const char *name;
    Table *table;
    Schema *schema;
    Index *next;
    Pgno root;
    u16 flags;
    u8 conflict;      // OnConflict of its constraint
    u16 key_count;    // columns named by the user
    u16 column_count; // with the row identity appended
    i16 *columns;     // table column numbers, COLUMN_ROWID or COLUMN_EXPR
    Expr **exprs;     // exprs[i] where columns[i] is COLUMN_EXPR, else NULL; may be NULL as a whole
    const char **collations; // names, one per column
    u8 *sort_flags;          // KEY_DESC per column
    Expr *where;             // partial index; NULL for all rows
    KeyShape *shape;         // made on first use
    // Statistics
    i16 *row_estimates; // [0] rows of the table, [i] rows with equal first i columns; logarithmic
    i16 row_size_estimate;
    u64 *row_counts;              // the same as sqlite_stat1 has them; NULL when it has none
    struct IndexSamples *samples; // of sqlite_stat4 (owned); NULL for none
    Arena arena;
};

struct ForeignKey {
    Table *child;
    const char *parent; // table name
    ForeignKey *next_of_child;
    ForeignKey *next_of_parent; // with the same parent name
    u16 column_count;
    struct {
        i16 from;       // child's column
        const char *to; // parent's column; NULL: its primary key
    } * columns;
    u8 on_delete, on_update; // FkAction
    bool is_deferred;
};

// INSTEAD OF only on views.
typedef enum TriggerTime { TRIGGER_BEFORE, TRIGGER_AFTER, TRIGGER_INSTEAD_OF } TriggerTime;
typedef enum TriggerEvent { TRIGGER_DELETE, TRIGGER_INSERT, TRIGGER_UPDATE } TriggerEvent;

struct Trigger {
    const char *name;
    const char *table_name;
    Schema *schema;       // where the trigger is stored
    Schema *table_schema; // where its table is (temp triggers may differ)
    Trigger *next_of_table;
    u8 time, event;
    Expr *when;
    const char **update_of; // column names, NULL for any
    u32 update_of_count;
    TriggerStep *steps;
    Arena arena;
};

struct Schema {
    u32 refs;
    u32 cookie;     // meta 1 when it was loaded
    u32 generation; // changes whenever objects come or go
    u8 file_format; // 1..4
    u8 encoding;
    bool is_loaded;
    bool is_incomplete; // loading met an error that does not stop it (writable_schema)
    NameMap tables;     // name -> Table
    NameMap indexes;    // name -> Index
    NameMap triggers;   // name -> Trigger
    NameMap parents;    // parent table name -> first ForeignKey
    Table *sequence;    // sqlite_sequence, when it exists
    int cache_size;
};

// `refs` 1 and nothing in it; file format 4, as a new file has. NULL: out of memory.
Schema *schema_new(void);
// Frees it with all its objects when nobody else counts on it.
void schema_unref(Schema *schema);
// Forgets every object; the Schema itself stays, not loaded, and of another generation.
void schema_clear(Schema *schema);
// Empty, with its name copied; column arrays and expressions are to be put into its arena. NULL:
// out of memory.
Table *table_new(Schema *schema, const char *name);
void table_free(Table *table);
// Room for `column_count` columns, zeroed; key_count and what the columns are is the caller's to
// set. NULL: out of memory.
Index *index_new(Table *table, const char *name, u16 column_count);
void index_free(Index *index);
void trigger_free(Trigger *trigger);
// Put the object where lookups find it. It is the Schema's from then on. SQLITE_NOMEM leaves
// nothing behind but the object itself, which the caller frees.
MUST_USE int schema_add_table(Schema *schema, Table *table);
MUST_USE int schema_add_index(Schema *schema, Index *index);
MUST_USE int schema_add_trigger(Schema *schema, Trigger *trigger);
// Take it out and free it, with what hangs on it: a table takes its indexes and triggers along. Of
// what is not there nothing is said. Its pages are the caller's to free.
void schema_remove_table(Schema *schema, const char *name);
void schema_remove_index(Schema *schema, const char *name);
void schema_remove_trigger(Schema *schema, const char *name);
// Tells how to let go of a virtual table's instances, which belong to the layer above: called
// before a schema is forgotten. Once, at initialisation.
void schema_install_virtual_release(void (*release)(Table *table));

// What an index never analysed is taken for, until statistics_load() knows better.
// schema_add_index() does it. SQLITE_NOMEM.
MUST_USE int index_estimates_default(Index *index);
void table_size_default(Table *table);
// Auto-vacuum moved a tree: whatever had its root on page `from` has it on `to`.
void schema_move_root(Schema *schema, Pgno from, Pgno to);

// By name, without regard to ASCII case; -1 when absent.
int table_column_index(const Table *table, const char *name);
int table_storage_column(const Table *table, int column); // field of the record; -1: not stored
// The other way round: the column that field of the record is; -1: there is no such field.
int table_column_of_storage(const Table *table, int field);
// The index made by PRIMARY KEY, or NULL: a rowid alias has none.
Index *table_primary_key(const Table *table);
// The first place, for a column that stands twice.
int index_find_column(const Index *index, int table_column); // position in columns[], -1
// Views, virtual tables and WITHOUT ROWID tables have none that a statement could ask for.
bool table_is_rowid(const Table *table); // ordinary table with a rowid
bool name_is_rowid(const char *name);    // rowid, _rowid_, oid

#endif
