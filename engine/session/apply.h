#ifndef QUIRE_SESSION_APPLY_H
#define QUIRE_SESSION_APPLY_H
// Applying a changeset: what the driver (changeset_apply.c), the statements (apply_statement.c)
// and the handling of one change (apply_change.c) share.
//
//   A1  All statements are of the table that `iter` stands in, or NULL.
//   A2  A change that a constraint refuses is put off while `puts_off` is set: other changes of the
//       table may make room for it. It is tried again when the table is through, at last with one
//       row taken out of the way, because updates may stand in each other's way in a circle.
//   A3  Everything happens within one savepoint, so that a failure or SQLITE_CHANGESET_ABORT leaves
//       the database as it was (unless SQLITE_CHANGESETAPPLY_NOSAVEPOINT says otherwise).
//   A4  While the program's filter or handler runs, `iter` is lent: it may be asked, not moved.
//
// The changeset is bytes from outside. What it says of a table is compared with the table before a
// statement is made of it; its values only ever become parameters.

#include "session/changeset_field.h"
#include "session/changeset_iter.h"
#include "session/session_shape.h"

// Answers one of SQLITE_CHANGESET_OMIT, _REPLACE and _ABORT; anything else is misuse.
typedef int ConflictHandler(void *arg, int reason, sqlite3_changeset_iter *iter);

enum { UPDATES_MAX = 12 }; // statements kept for sets of changed columns

typedef struct UpdateStatement {
    sqlite3_stmt *stmt;
    u8 *changed; // per column
} UpdateStatement;

typedef struct Apply {
    sqlite3 *db;
    int flags; // SQLITE_CHANGESETAPPLY_*
    int (*filter_table)(void *arg, const char *table);
    int (*filter_change)(void *arg, sqlite3_changeset_iter *iter);
    ConflictHandler *conflict;
    void *arg;

    // The table.
    char *name;
    int column_count; // those that the changeset knows, the first of the table's
    TableShape shape;
    bool is_wanted;
    sqlite3_stmt *select, *insert, *delete;
    UpdateStatement updates[UPDATES_MAX];
    int update_count;

    bool puts_off;
    Buffer put_off; // a changeset of the changes to be tried again (A2)

    bool keeps_notes; // for a rebaser
    bool has_notes_of_table;
    Buffer notes;
} Apply;

// --- apply_statement.c ---
void apply_statements_close(Apply *apply);
MUST_USE int apply_statements_open(Apply *apply);
// What an UPDATE statement's parameters mean: see apply_statement.c.
MUST_USE int apply_update_statement(Apply *apply, const sqlite3_changeset_iter *iter,
                                    sqlite3_stmt **stmt);
// Bind parameters i + 1 to the old or new values that are defined.
MUST_USE int apply_bind_old(const Apply *apply, const sqlite3_changeset_iter *iter,
                            sqlite3_stmt *stmt, bool key_only);
MUST_USE int apply_bind_new(const Apply *apply, const sqlite3_changeset_iter *iter,
                            sqlite3_stmt *stmt, bool key_only);
// What an UPDATE assigns.
MUST_USE int apply_bind_assigned(const Apply *apply, const sqlite3_changeset_iter *iter,
                                 sqlite3_stmt *stmt);
// The parameter that makes a DELETE or UPDATE look at the key alone.
MUST_USE int apply_bind_force(const Apply *apply, sqlite3_stmt *stmt, int parameter, bool force);

// --- apply_change.c ---
// Applies the change `iter` stands on, with all the questions it may raise.
MUST_USE int apply_change(Apply *apply, sqlite3_changeset_iter *iter);

// --- apply_retry.c ---
// Tries what was put off until nothing more fits, then lets the handler be asked about the rest.
MUST_USE int apply_retry(Apply *apply, const sqlite3_changeset_iter *outer);

#endif
