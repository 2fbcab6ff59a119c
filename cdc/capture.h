#ifndef QUIRE_CDC_CAPTURE_H
#define QUIRE_CDC_CAPTURE_H
// Connection-scoped capture: what this connection changes in its main database goes into a table,
// in the same transaction. Names, modes and layout are Turso's.
//
//   PRAGMA capture_data_changes_conn('full[,table]')     off id before after full
//
//   turso_cdc(change_id INTEGER PRIMARY KEY AUTOINCREMENT, change_time INTEGER,
//             change_txn_id INTEGER, change_type INTEGER, table_name TEXT, id,
//             before BLOB, after BLOB, updates BLOB)                                         v2
//   turso_cdc_version(table_name TEXT PRIMARY KEY, version TEXT NOT NULL)
//
// A table without a row in turso_cdc_version is v1: no change_txn_id, no COMMIT records.
//
// States: off -> on by the pragma, and back. While on, a transaction is `empty` (txn_first 0) until
// its first record, whose change_id then names the transaction. A rollback makes it empty again;
// one to a savepoint may take the first record along, which the next record notices because
// AUTOINCREMENT gives the same number again.
//
// It needs the hooks of quire.h. As an extension of a stock library the module has none, and says
// so when the capture is switched on.

#include "cdc/change_record.h"
#include "cdc/feed.h"

typedef struct SchemaRow {
    i64 rowid;
    sqlite3_value *columns[5]; // type, name, tbl_name, rootpage, sql
} SchemaRow;

typedef struct SchemaCopy {
    SchemaRow *rows; // by rowid
    int count;
} SchemaCopy;

typedef struct Capture {
    sqlite3 *db;
    CaptureMode mode;
    char *table;
    char foreign_table[64]; // the last one seen that is not the capture's own; "": none
    int version;            // 1 or 2
    i64 txn_first;          // change_id of the transaction's first record; 0: none yet
    bool has_own_writes;    // the program writes the capture's table itself
    bool knows_feeds;       // a durable feed was created or connected here
    sqlite3_stmt *insert, *peek, *newest, *sequence; // prepared while on
    i64 least;                                       // change_id that the next record has at least
    i64 last_given;                                  // change_id of the last record
    bool appends;              // records bypass INSERT, and sqlite_sequence till commit
    RecordBuilder builders[5]; // of images and keys; their memory is used again
    u8 *old_image;             // of the virtual table's row whose xUpdate runs
    size_t old_size;
    SchemaCopy schema; // before the statement that changes it
    bool has_savepoint, was_autocommit;
} Capture;

typedef struct ImageRef {
    const u8 *bytes; // NULL: none
    size_t size;
} ImageRef;

typedef struct ChangeRecord {
    int type;
    const char *table;    // NULL: COMMIT
    sqlite3_value *key;   // the id, or NULL
    const u8 *key_record; // or this, of a key of several columns
    size_t key_size;
    i64 rowid; // or this
    ImageRef before, after, updates;
} ChangeRecord;

// --- capture.c ---

// Switches to a mode; `table` NULL: turso_cdc. *error is the caller's (sqlite3_free).
MUST_USE int capture_set(Capture *capture, CaptureMode mode, const char *table, char **error);
MUST_USE int capture_write(Capture *capture, const ChangeRecord *record);
// Writes the COMMIT record that the transaction needs, and begins anew.
MUST_USE int capture_commit(Capture *capture, bool of_statement);
void capture_finalize(Capture *capture);
void capture_free(void *capture);

// --- capture_rows.c ---

int capture_row_hook(void *arg, sqlite3 *db, const quire_row_change *change);

// --- capture_schema.c ---

int capture_schema_hook(void *arg, sqlite3 *db, const quire_schema_change *change);

// --- capture_pragma.c ---

MUST_USE int capture_register(sqlite3 *db, Capture **out);

#endif
