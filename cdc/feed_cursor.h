#ifndef QUIRE_CDC_FEED_CURSOR_H
#define QUIRE_CDC_FEED_CURSOR_H
// Changes of a feed, read in order. The feed is a durable one (feed.h), whose rows are put together
// here, or the table of a connection's capture (capture.h), whose rows are read as they are.

#include "cdc/feed.h"

enum {
    COLUMN_CHANGE_ID,
    COLUMN_CHANGE_TIME,
    COLUMN_CHANGE_TXN_ID,
    COLUMN_CHANGE_TYPE,
    COLUMN_TABLE_NAME,
    COLUMN_ID,
    COLUMN_BEFORE,
    COLUMN_AFTER,
    COLUMN_UPDATES,
    COLUMN_COLUMNS,
    COLUMN_BEFORE_JSON,
    COLUMN_AFTER_JSON,
    FEED_COLUMNS
};

// The last three are hidden in the virtual table. Those of table-valued functions are not, because
// arguments go to the hidden columns in order.
#define FEED_COLUMN_LIST(hidden)                                                                \
    "change_id INTEGER PRIMARY KEY, change_time INTEGER, change_txn_id INTEGER,"                \
    " change_type INTEGER, table_name TEXT, id, \"before\" BLOB, \"after\" BLOB, updates BLOB," \
    " columns TEXT" hidden ", before_json TEXT" hidden ", after_json TEXT" hidden

// How the values of a log row are to be read.
typedef struct Layout {
    i64 layout;
    char *table, *columns;
    int column_count, key_count;
} Layout;

typedef struct FeedCursor {
    Feed feed;
    sqlite3_stmt *rows;
    Layout layout; // of the present row
    bool at_end;
} FeedCursor;

// Changes with first <= change_id <= last, newest first if `descending`, at most `limit` if it is
// not negative.
typedef struct FeedRange {
    i64 first, last, limit;
    bool descending;
} FeedRange;

// SQLITE_ERROR, with a message in cursor->feed.error, when there is no such feed.
MUST_USE int feed_cursor_open(FeedCursor *cursor, sqlite3 *db, const char *schema, const char *name,
                              const FeedRange *range);
MUST_USE int feed_cursor_next(FeedCursor *cursor);
MUST_USE int feed_cursor_column(FeedCursor *cursor, sqlite3_context *ctx, int column);
i64 feed_cursor_change_id(const FeedCursor *cursor);
void feed_cursor_close(FeedCursor *cursor); // an all-zero one, too

// Moves the message of a failure from the feed to where SQLite looks for it. Returns rc.
MUST_USE int feed_hand_error(sqlite3_vtab *table, Feed *feed, int rc);

#endif
