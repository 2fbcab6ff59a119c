#ifndef QUIRE_SESSION_SESSION_H
#define QUIRE_SESSION_SESSION_H
// A session: the first state of every row that was changed while it listened.
//
// For each key only the first change is noted: of an insert the key, of an update or delete the
// row as it was. What a changeset says is found when it is asked for, by comparing with the rows
// as they are then (session_output.c). So recording costs one look-up for a change of a row
// already noted, and a row changed back leaves no trace. Sessions of one connection form a list
// that hangs on its preupdate hook.
//
//    S1  A table's changes have unique keys, none of them with a NULL in it.
//    S2  A change's record has as many fields as its table has columns; those of an INSERT are
//        undefined outside the key.
//    S3  An error met while listening is kept in `rc`; from then on nothing is recorded, and
//        whoever asks for the changes is told. The hook has no way to fail.

#include "session/change_table.h"
#include "session/output.h"
#include "session/session_shape.h"

typedef struct SessionTable {
    ChangeTable *changes; // owned; its column_count is 0 until the table was looked at
    TableShape shape;
    int counted; // columns the preupdate hook counted when the table was looked at last
    struct SessionTable *next; // in order of attachment, which is the order of output
} SessionTable;

struct sqlite3_session {
    sqlite3 *db;
    char *schema;
    bool is_enabled;
    bool is_indirect;
    bool attaches_all;
    bool counts_size;
    bool takes_rowid;
    int (*filter)(void *arg, const char *table);
    void *filter_arg;
    int rc; // an error met while listening: reported by whoever asks for changes
    u64 size_max;
    SessionTable *tables;
    sqlite3_session *next; // of the same connection
};

// The attached table; attaches it if it is not, without asking the filter.
MUST_USE int session_table(sqlite3_session *session, const char *name, SessionTable **out);
// Looks at the table in the database; has_key tells whether its changes can be recorded. Columns
// added since the last look widen what was recorded. SQLITE_SCHEMA: it changed otherwise.
MUST_USE int session_table_look(sqlite3_session *session, SessionTable *table);

// Where the values of a changed row come from: the preupdate hook, or a query over two tables.
typedef struct RowSource {
    int (*old_value)(void *arg, int column, sqlite3_value **value); // column of the shape
    int (*new_value)(void *arg, int column, sqlite3_value **value);
    bool is_indirect;
    void *arg;
} RowSource;
// Notes a change; `operation` tells what becomes of the row.
MUST_USE int session_note(sqlite3_session *session, SessionTable *table, u8 operation,
                          const RowSource *source);

#endif
