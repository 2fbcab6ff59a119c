#ifndef QUIRE_CDC_FEED_H
#define QUIRE_CDC_FEED_H
// A durable feed: a virtual table over ordinary tables that plain triggers fill, so that any
// connection of any process records, stock SQLite without this module among them.
//
// CREATE VIRTUAL TABLE feed USING cdc(tables='docs, notes', mode=full) makes
//
//   feed_log(change_id INTEGER PRIMARY KEY, change_time INTEGER, change_type INTEGER,
//            layout INTEGER, id, v0, v1, ...)
//       a change. v0.. hold, in this order: the key of a WITHOUT ROWID table whose key has several
//       columns; the row before; the row after (of an INSERT or DELETE the one there is). Plain
//       values, as the columns had them: nothing is lost, and no function is called per row.
//   feed_layout(layout INTEGER PRIMARY KEY, source, table_name, columns, key_count)
//       how v0.. are to be read: the names, a JSON array. A change of the table begins a new one.
//   feed_schema(change_id INTEGER PRIMARY KEY, v0, ..., v10)
//       the values of a change of sqlite_schema (LAYOUT_SCHEMA): its row before, its row after, the
//       statement. They are many and rare; the log has no columns for them.
//   feed_source(source INTEGER PRIMARY KEY, table_name, layout, sql)
//       the captured tables as the feed last saw them.
//   feed_stage(seq INTEGER PRIMARY KEY, source INTEGER, id, v0, ...)
//       rows that a running INSERT or UPDATE may replace (F3).
//   feed_consumer(name TEXT PRIMARY KEY, position INTEGER, updated INTEGER)
//   feed_config(key TEXT PRIMARY KEY, value)
//
// Laws
//   F1 change_id grows in the order of commits and is never given twice, for SQLite has one writer
//      at a time, which takes the number after the newest, and pruning leaves the newest change
//      there. (AUTOINCREMENT would say the same for a third more time.)
//   F2 The triggers call no function and name no table of this module but log and stage, so they
//      run in a library without it.
//   F3 REPLACE deletes rows without firing triggers (unless recursive_triggers is on). Therefore
//      BEFORE triggers stage the rows in conflict, and AFTER triggers log as deleted those that are
//      gone. What is staged and not replaced after all stays until the row is deleted, gets
//      another key or is staged anew; an UPDATE leaves it, for whatever replaces the row later
//      stages it first. (Only a BEFORE trigger that updates the very row its statement replaces
//      comes in between: the image logged is then that of before both.)
//   F4 feed_log and feed_stage are not shadow tables: under SQLITE_DBCONFIG_DEFENSIVE the triggers
//      could not write them.
//   F5 Nothing about a feed is kept in memory between statements: other processes change it too.

#include "cdc/cdc_sql.h"

typedef enum CaptureMode {
    CAPTURE_OFF,
    CAPTURE_ID,
    CAPTURE_BEFORE,
    CAPTURE_AFTER,
    CAPTURE_FULL,
} CaptureMode;

// "off", "id", ...: exact, lower case. false: none of them.
bool capture_mode_parse(const char *text, size_t size, CaptureMode *out);
const char *capture_mode_name(CaptureMode mode);
static inline bool mode_has_before(CaptureMode mode)
{
    return mode == CAPTURE_BEFORE || mode == CAPTURE_FULL;
}
static inline bool mode_has_after(CaptureMode mode)
{
    return mode == CAPTURE_AFTER || mode == CAPTURE_FULL;
}

enum { CHANGE_DELETE = -1, CHANGE_UPDATE = 0, CHANGE_INSERT = 1, CHANGE_COMMIT = 2 };

enum { LAYOUT_SCHEMA = 1 };  // of records about sqlite_schema; always there
enum { SCHEMA_VALUES = 11 }; // of such a record

// A feed being worked on. The names are borrowed, or owned by whoever made it.
typedef struct Feed {
    sqlite3 *db;
    const char *schema, *name;
    CaptureMode mode;
    bool is_durable;                    // false: the table of a connection's capture
    bool backfill;                      // record the rows that are there at creation
    bool keep_unread;                   // limits spare what a consumer has not acknowledged
    i64 max_age_s, max_rows, max_bytes; // 0: no limit
    char *error;                        // message of the last failure (sqlite3_free)
} Feed;

// "name" or "schema.name" as users give it: *schema and *name are the caller's (sqlite3_free).
MUST_USE int feed_split_name(const char *text, char **schema, char **name);
// What its log's name has behind the feed's.
static inline const char *feed_log_suffix(const Feed *feed)
{
    return feed->is_durable ? "_log" : "";
}
// Fills in is_durable and the settings. SQLITE_ERROR with a message: no such feed.
MUST_USE int feed_open(Feed *feed);

// Sets the message, returns SQLITE_ERROR.
MUST_USE int feed_error(Feed *feed, const char *format, ...) PRINTF_LIKE(2, 3);
// Keeps the connection's message as the feed's, if it has none. Returns rc.
MUST_USE int feed_keep_error(Feed *feed, int rc);

// --- feed_config.c ---

// The arguments of CREATE VIRTUAL TABLE. *tables is the list as written (sqlite3_free).
MUST_USE int feed_parse_arguments(Feed *feed, int count, const char *const *args, char **tables);
MUST_USE int feed_config_save(Feed *feed);
MUST_USE int feed_config_load(Feed *feed);
// A name out of a list of names, quoted or not: *at moves behind it and its comma. NULL at the end
// or on SQLITE_NOMEM (*rc).
char *list_next_name(const char **at, int *rc);

// --- feed_store.c ---

MUST_USE int feed_create_tables(Feed *feed, int width); // v columns
MUST_USE int feed_drop_tables(Feed *feed);
MUST_USE int feed_rename_tables(Feed *feed, const char *name);
MUST_USE int feed_widen(Feed *feed, int width); // at least so many v columns
MUST_USE int feed_add_source(Feed *feed, const char *table);

// --- feed_refresh.c ---

// Brings layouts and triggers up to date with the captured tables, and records what changed about
// them. `statement` is the one that changed them, if it is known. Does nothing where the schema is
// the one seen last. The caller sees to it that all or nothing happens: within a statement that
// writes, which a module's methods are, SQLite opens no savepoint.
MUST_USE int feed_refresh(Feed *feed, const char *statement);
// Takes the triggers off a captured table, until the next feed_refresh(). All of them: table NULL.
MUST_USE int feed_drop_triggers(Feed *feed, const char *table);

// --- feed_retention.c ---

// Deletes the changes whose change_id is "=" or "<=" the one given.
MUST_USE int feed_delete(Feed *feed, const char *comparison, i64 change_id);

// Deletes what the limits no longer keep; *deleted counts. With `force` at once, else when enough
// may have come together.
MUST_USE int feed_prune(Feed *feed, bool force, i64 *deleted);

// --- feed_module.c ---

// *seen becomes true with the first feed of the connection.
MUST_USE int feed_module_register(sqlite3 *db, bool *seen);

#endif
