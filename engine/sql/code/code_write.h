#ifndef QUIRE_SQL_CODE_CODE_WRITE_H
#define QUIRE_SQL_CODE_CODE_WRITE_H
// Shared by the files that change rows: INSERT, UPDATE, DELETE, their constraints, triggers and
// foreign keys.
//
// A row image is a span of registers: the rowid, then every column in table order, generated ones
// included; the register of an INTEGER PRIMARY KEY holds NULL, its value is the rowid. OLD and NEW
// of one row stand side by side, OLD first, so that trigger programs find both from one base.
//
// Whole numbers of REAL columns stand in an image as integers, as records keep them: who reads one
// as a value applies RealAffinity (code_column() does).
//
// Order of what happens to one row, in all three statements: BEFORE triggers, constraints, foreign
// keys as child, index entries, the row, foreign keys as parent (their actions), RETURNING, AFTER
// triggers.

#include "sql/code/statements.h"

// A table that a statement writes, with its cursors.
typedef struct WriteTable {
    Table *table;
    int database;
    int data_cursor; // the table's tree, or that of the primary key (WITHOUT ROWID)
    int index_count;
    Index **indexes;    // in the table's order
    int *index_cursors; // data_cursor for the primary key of a WITHOUT ROWID table
    bool *is_untouched; // UPDATE: entries of this index stay as they are
    bool opens_all;     // ... but REPLACE may remove other rows, with all their entries
    FromItem *stored;   // reads columns of the row under data_cursor
} WriteTable;

// --- tables and their rows (code_index_rows.c) ---

// Which row, and how it is found.
typedef struct RowKey {
    Reg first; // rowid, or the fields of the primary key
    int count; // 1, or the primary key's columns
} RowKey;

// Allocates cursors; `data_cursor` -1: a new one. `database` is the table's.
void write_table_init(Codegen *g, WriteTable *wt, Table *table, int data_cursor);
// Opens data and index cursors with OpenRead or OpenWrite.
void write_table_open(Codegen *g, const WriteTable *wt, Opcode op, u16 p5);
void write_table_open_indexes(Codegen *g, const WriteTable *wt, Opcode op, u16 p5);
void code_open_table(Codegen *g, Table *table, int cursor, Opcode op);
void code_open_index(Codegen *g, Index *index, int cursor, Opcode op);
bool table_has_rowid(const Table *table);
// A FROM item whose columns are the registers of a row image (first: the rowid).
FromItem *image_item(Codegen *g, Table *table, Reg first);
// Registers of an image.
static inline Reg image_column(Reg first, int column)
{
    return first + 1 + column;
}
// Position of a table's column in the trees of its data: OP_Column's operand.
int data_field(const Table *table, int column);
// The fields of `index` for the row `item` stands on, into consecutive registers. Rows a partial
// index leaves out jump to `skip` (0: it is not partial, or the caller has tested).
void code_index_key(Codegen *g, const Index *index, FromItem *item, Reg first, Label skip);
void code_index_filter(Codegen *g, const Index *index, FromItem *item, Label skip);
// Deletes the index entries of the row under data_cursor, but those where except[i] (NULL: none).
void code_index_rows_delete(Codegen *g, const WriteTable *wt, const bool *except);
// Rows of a view, with its columns, into a new ephemeral table; returns its cursor.
int code_view_rows(Codegen *g, FromItem *target);
// Finds the row by its key; jumps to `gone` when it is not there.
void code_seek_row(Codegen *g, const WriteTable *wt, RowKey key, Label gone);
// The key of the row that the entry under `cursor`, of `index`, belongs to, in new registers.
RowKey code_entry_key(Codegen *g, const WriteTable *wt, const Index *index, int cursor);
// The key of the row under data_cursor.
void code_row_key(Codegen *g, const WriteTable *wt, RowKey key);
int row_key_width(const Table *table);
// A temporary index over records of `width` fields of which the first are keys of the table: those
// of its PRIMARY KEY, in the order of it, or a rowid when `primary` is NULL.
void code_open_keys(Codegen *g, int cursor, Index *primary, int width);
// Loads the rowid and these columns of the row under data_cursor into an image.
void code_load_image(Codegen *g, const WriteTable *wt, Reg first, ColumnSet columns);
// Affinities of all columns, in table order, on an image; code_image_affinity() also checks, in a
// STRICT table, the types of those that generated columns may look at.
void code_columns_affinity(Codegen *g, const Table *table, Reg first);
void code_image_affinity(Codegen *g, const WriteTable *wt, Reg first);
// STRICT: the types of stored columns, those that are generated included or not (p3 of TypeCheck).
typedef enum TypeCheck { TYPE_CHECK_ALL = 0, TYPE_CHECK_GIVEN = 1 } TypeCheck;
void code_type_check(Codegen *g, Table *table, Reg first, TypeCheck which);
// Computes generated columns of an image.
void code_image_generated(Codegen *g, Table *table, Reg first);
// r[out] = the record of an image.
void code_image_record(Codegen *g, const WriteTable *wt, Reg first, Reg out);

// --- one row changed ---

typedef struct DeleteRow {
    WriteTable *wt;
    RowKey key;
    bool is_positioned; // data_cursor stands on the row already
    bool counts;        // sqlite3_changes()
    bool keeps_place;   // a loop goes on from data_cursor
    bool is_replace;    // REPLACE removes it
    Reg old_first;      // where the image of the row goes; 0: wherever, if it is needed
    bool wants_image;   // all of it, for the caller
    u8 on_conflict;     // OnConflict imposed on triggers
    Label gone;         // row is not there (or a trigger took it); 0: none of the caller's business
} DeleteRow;
// Triggers, foreign keys, index entries, the row itself.
void code_row_delete(Codegen *g, const DeleteRow *d);

// What is being checked and where to go.
typedef struct RowChange {
    WriteTable *wt;
    Reg new_first;
    RowKey old_key;          // UPDATE: of the row as it was; first 0: INSERT
    bool rowid_may_conflict; // INSERT: the rowid was given; UPDATE: it may have changed
    bool key_may_change;     // UPDATE: rowid or primary key
    const bool *changed;     // UPDATE: column i gets a value; NULL: INSERT
    u8 on_conflict;          // OnConflict of the statement
    Label ignore;            // next row
    Insert *insert;          // for upserts
    Reg *keys;               // out: first field of the new entry of each index
    Reg *records;            // out: register of the new entry of each index, 0: none is written
    bool *is_partial_null;   // out: the register is NULL for rows the index leaves out
    bool types_are_checked;  // of a STRICT table: the code is made
    bool may_replace;        // out: REPLACE may have removed rows
} RowChange;
void code_constraints(Codegen *g, RowChange *change);
// Writes row and index entries. p5: P5_* of Insert beside what it works out itself.
void code_row_write(Codegen *g, RowChange *change, u16 p5);
void code_unique_failed(Codegen *g, u8 on_conflict, const Index *index);
void code_rowid_failed(Codegen *g, u8 on_conflict, const Table *table);
void code_halt(Codegen *g, int rc, u8 on_conflict, const char *text, u16 p5);
// DO UPDATE of one clause, the conflicting row being under `index_cursor` (the data cursor, for
// the rowid).
void code_upsert(Codegen *g, RowChange *change, Upsert *clause, const Index *index,
                 int index_cursor);
// Does an expression of the schema read a column that changes?
bool expr_reads_changed(const Expr *e, const Table *table, const bool *changed, bool rowid_changes);

// --- UPDATE of one positioned row (shared with upsert) ---

// The assignments of an UPDATE, per column.
typedef struct UpdateColumn {
    const SetItem *set; // NULL: keeps its value
    u32 field;          // of a row value
    Reg given;          // UPDATE ... FROM: where the value waits already; 0: it is computed
} UpdateColumn;

typedef struct UpdateRow {
    WriteTable *wt;
    Table *table;
    FromItem *target;
    const SetList *set;
    UpdateColumn *columns; // per column
    UpdateColumn rowid;
    bool *changed; // per column; generated ones that depend on them too
    bool rowid_changes, key_changes;
    u8 on_conflict;
    u32 triggers; // bits 1 << TriggerTime
    bool has_foreign_keys;
    bool replaces; // some constraint may REPLACE
    Reg old_first, new_first;
    RowKey key;
    bool is_positioned; // data_cursor stands on the row
    bool keeps_place;   // the loop goes on from data_cursor
    bool is_joined;     // with FROM: the values were computed by the join
    Label next;
    ExprList *returning;
} UpdateRow;
// Decides what changes. false: an error is set.
bool update_row_init(Codegen *g, UpdateRow *u);
void update_row_indexes(UpdateRow *u); // which indexes stay as they are
void code_update_row(Codegen *g, UpdateRow *u);

// --- RETURNING ---

void code_returning_begin(Codegen *g, ExprList *returning);
void code_returning_row(Codegen *g, ExprList *returning, Table *table, Reg old_first,
                        Reg new_first);
void code_returning_end(Codegen *g, ExprList *returning);

// --- triggers (code_trigger.c) ---

// Is there a trigger for the event (with an UPDATE: of a column that it sets)? Bits
// 1 << TriggerTime.
u32 triggers_for(Codegen *g, Table *table, TriggerEvent event, const SetList *set);
// base: register of OLD's image; for INSERT what would be OLD's.
typedef struct FireTriggers {
    Table *table;
    TriggerEvent event;
    TriggerTime time;
    const SetList *set; // of an UPDATE
    Reg base;
    u8 on_conflict;
    Label ignore;
} FireTriggers;
void code_fire_triggers(Codegen *g, const FireTriggers *fire);
// The columns of OLD that those of `fire` read, before or after. Their programs are compiled.
ColumnSet triggers_old_columns(Codegen *g, const FireTriggers *fire);
// Runs a program built from a Trigger (foreign-key actions).
void code_run_trigger(Codegen *g, Trigger *trigger, Table *table, Reg base, u8 on_conflict,
                      Label ignore);

// --- foreign keys (code_foreign_key.c) ---

// The parent's unique index (NULL: its rowid), and which columns correspond.
typedef struct ForeignKeyParent {
    Index *index;
    int *from; // child columns
    int *to;   // parent columns; ROWID_COLUMN for the rowid
    int count;
} ForeignKeyParent;
// false: the parent has no such key; "foreign key mismatch" is set.
bool foreign_key_parent(Codegen *g, const ForeignKey *fk, Table *parent, ForeignKeyParent *key);
// changed NULL: every column (INSERT, DELETE).
bool foreign_keys_needed(Codegen *g, Table *table, const bool *changed, bool rowid_changes);
// Needs the images of both rows or of the one there is (0: none).
void code_foreign_key_checks(Codegen *g, const WriteTable *wt, Reg old_first, Reg new_first,
                             const bool *changed, bool rowid_changes);
void code_foreign_key_actions(Codegen *g, Table *table, Reg old_first, bool is_update,
                              const bool *changed, bool rowid_changes);
// DROP TABLE: what its rows were to other tables.
void code_foreign_key_drop(Codegen *g, Table *table);

// --- AUTOINCREMENT ---

// Register that holds the largest rowid ever used, of the outermost statement.
Reg code_autoincrement_register(Codegen *g, Table *table);
void code_autoincrement_begin(Codegen *g); // in the start-up part
void code_autoincrement_end(Codegen *g);

// --- shared ---

// Refuses tables that no statement may change; true when refused.
bool code_is_read_only(Codegen *g, Table *table, bool has_instead_of);
// Code an SQL statement as a part of this program. The authorizer is asked about it as about any.
void code_nested(Codegen *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
// Counts the rows for PRAGMA count_changes, and for sqlite3_changes().
void code_count_begin(Codegen *g, bool has_returning);
void code_count_row(Codegen *g);
void code_count_end(Codegen *g, const char *label);
bool code_is_top(const Codegen *g); // neither in a trigger nor nested
// The statement calls xUpdate of this table.
void code_vtab_writes(Codegen *g, Table *table);
// What xUpdate knows the cursor's row by: its rowid, or its key WITHOUT ROWID.
int vtab_key_column(const Table *table);
void code_vtab_key(Codegen *g, const Table *table, int cursor, Reg target);
// Asks the authorizer; false when refused (the error is set then, unless it said IGNORE).
bool code_authorize(Codegen *g, int action, const char *a, const char *b, int database);
bool code_authorize_read(Codegen *g, const Table *table, int column); // the same, of a column
u8 code_on_conflict(const Codegen *g, u8 own); // of a statement, perhaps inside a trigger

// --- capture of changes (code_capture.c) ---

// Shall rows of the table be announced to the hook that captures changes?
bool code_is_captured(const Codegen *g, const Table *table);
bool code_captures_keys(const Codegen *g, const Table *table); // ... by their rowids alone?
void code_capture_insert(Codegen *g, Table *table, Reg new_first);
// The row under data_cursor goes; `old_first` is its image, 0: not loaded yet.
void code_capture_delete(Codegen *g, const WriteTable *wt, Reg old_first);
// Both images are there.
void code_capture_update(Codegen *g, const UpdateRow *u);
// Which virtual table the VUpdate that follows is about.
void code_capture_virtual(Codegen *g, Table *table);

#endif
