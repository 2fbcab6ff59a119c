// Positions of consumers: see consumer.h.
//
// A position is a row of feed_consumer, so that it is as durable as the changes, and moves in the
// same transaction as what a consumer writes for them if it wants that. Nothing is reserved for a
// consumer: two that share a name share a position, and both see what neither has acknowledged.
#include "cdc/consumer.h"

enum { NO_POSITION = -1 }; // of a consumer that is being made

// The last change_id ever given, also where rows have been deleted since.
static int newest_change(Feed *feed, i64 *out)
{
    ASSERT(feed->name != NULL);

    const char *s = feed->schema;
    if (feed->is_durable) // F1: the newest stays
        return sql_int(feed->db, 0, out, "SELECT max(change_id) FROM \"%w\".\"%w_log\"", s,
                       feed->name);
    return sql_int(feed->db, 0, out,
                   "SELECT max(coalesce((SELECT seq FROM \"%w\".sqlite_sequence WHERE name = %Q"
                   " COLLATE NOCASE), 0), coalesce((SELECT max(change_id) FROM \"%w\".\"%w\"), 0))",
                   s, feed->name, s, feed->name);
}

// A connection's capture has no table of consumers until there is one.
static int create_table(Feed *feed)
{
    if (feed->is_durable)
        return SQLITE_OK;
    return sql_exec_quietly(
        feed->db,
        "CREATE TABLE IF NOT EXISTS \"%w\".\"%w_consumer\"(name TEXT PRIMARY KEY,"
        " position INTEGER, updated INTEGER) WITHOUT ROWID",
        feed->schema, feed->name);
}

static int table_exists(Feed *feed, bool *exists)
{
    i64 count;
    TRY(sql_int(feed->db, 0, &count,
                "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type = 'table'"
                " AND name = '%q_consumer' COLLATE NOCASE",
                feed->schema, feed->name));
    *exists = count > 0;
    return SQLITE_OK;
}

// *position is -1 where there is no such consumer.
static int find_position(Feed *feed, const char *name, i64 *position)
{
    ASSERT(name != NULL);

    bool exists;
    *position = -1;
    TRY(table_exists(feed, &exists));
    if (!exists)
        return SQLITE_OK;
    return sql_int(feed->db, -1, position,
                   "SELECT position FROM \"%w\".\"%w_consumer\" WHERE name = %Q", feed->schema,
                   feed->name, name);
}

int consumer_position(Feed *feed, const char *name, i64 *position)
{
    ASSERT(feed->error == NULL);

    TRY(feed_keep_error(feed, find_position(feed, name, position)));
    if (*position >= 0)
        return SQLITE_OK;
    return feed_error(feed, "no such consumer: %s (cdc_subscribe() makes one)", name);
}

// Inside a savepoint: the newest change is still the newest when the position is set. To write is
// the first thing, here and in move(): who has read cannot wait for the lock of another writer.
static int subscribe(Feed *feed, const char *name, i64 from)
{
    ASSERT(!sqlite3_get_autocommit(feed->db));

    i64 newest;
    TRY(create_table(feed));
    TRY(sql_exec_quietly(feed->db,
                         "INSERT OR IGNORE INTO \"%w\".\"%w_consumer\" VALUES (%Q, %lld,"
                         " strftime('%%s','now'))",
                         feed->schema, feed->name, name, from < 0 ? NO_POSITION : from));
    TRY(newest_change(feed, &newest));
    if (from > newest)
        return feed_error(feed, "there is no change %lld yet", from);
    return sql_exec_quietly(feed->db,
                            "UPDATE \"%w\".\"%w_consumer\" SET position = %lld"
                            " WHERE name = %Q AND position = %d",
                            feed->schema, feed->name, newest, name, NO_POSITION);
}

int consumer_subscribe(Feed *feed, const char *name, i64 from, i64 *position)
{
    TRY(feed_keep_error(feed, find_position(feed, name, position)));
    if (*position >= 0)
        return SQLITE_OK;
    TRY(feed_keep_error(feed, savepoint_open(feed->db)));
    int rc = feed_keep_error(feed, subscribe(feed, name, from));
    TRY(feed_keep_error(feed, savepoint_close(feed->db, rc)));
    return consumer_position(feed, name, position);
}

// Forward only, unless anywhere: an acknowledgement that comes late must not undo a later one. What
// nobody needs any more goes along.
static int move(Feed *feed, const char *name, i64 change_id, bool anywhere)
{
    ASSERT(!sqlite3_get_autocommit(feed->db));

    i64 newest;
    i64 deleted;
    TRY(sql_exec_quietly(
        feed->db,
        "UPDATE \"%w\".\"%w_consumer\" SET position = %lld, updated = strftime('%%s','now')"
        " WHERE name = %Q AND (%d OR position < %lld)",
        feed->schema, feed->name, change_id, name, (int)anywhere, change_id));
    TRY(newest_change(feed, &newest));
    if (change_id < 0 || change_id > newest)
        return feed_error(feed, "there is no change %lld", change_id);
    return anywhere ? SQLITE_OK : feed_prune(feed, false, &deleted);
}

int consumer_move(Feed *feed, const char *name, i64 change_id, bool anywhere, i64 *position)
{
    ASSERT(feed->error == NULL);

    TRY(consumer_position(feed, name, position));
    TRY(feed_keep_error(feed, savepoint_open(feed->db)));
    int rc = feed_keep_error(feed, move(feed, name, change_id, anywhere));
    TRY(feed_keep_error(feed, savepoint_close(feed->db, rc)));
    return consumer_position(feed, name, position);
}

int consumer_forget(Feed *feed, const char *name)
{
    i64 position;
    TRY(consumer_position(feed, name, &position));
    int rc = sql_exec_quietly(feed->db, "DELETE FROM \"%w\".\"%w_consumer\" WHERE name = %Q",
                              feed->schema, feed->name, name);
    return feed_keep_error(feed, rc);
}

int consumer_pending(Feed *feed, i64 position, i64 *out)
{
    ASSERT(position >= 0);

    int rc =
        sql_int(feed->db, 0, out, "SELECT count(*) FROM \"%w\".\"%w%s\" WHERE change_id > %lld",
                feed->schema, feed->name, feed_log_suffix(feed), position);
    return feed_keep_error(feed, rc);
}

// A schema that another process changed is caught up with before rows are read; if that cannot be
// done now, because of a lock, what is there is read all the same.
int consumer_refresh(Feed *feed)
{
    if (!feed->is_durable || sqlite3_db_readonly(feed->db, feed->schema) != 0)
        return SQLITE_OK;
    int rc = savepoint_open(feed->db);
    if (rc == SQLITE_OK)
        rc = savepoint_close(feed->db, feed_keep_error(feed, feed_refresh(feed, NULL)));
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
        sqlite3_free(feed->error);
        feed->error = NULL;
        return SQLITE_OK;
    default: return feed_keep_error(feed, rc);
    }
}

// --- waiting ---

// The call is younger than the oldest library the extension loads into.
static bool is_interrupted(sqlite3 *db)
{
    return sqlite3_libversion_number() >= 3041000 && sqlite3_is_interrupted(db) != 0;
}

// One step of the question, which is reset at once: a waiting consumer holds no transaction.
static int look(sqlite3_stmt *stmt, bool *found)
{
    int step = sqlite3_step(stmt);
    *found = step == SQLITE_ROW;
    return sqlite3_reset(stmt);
}

// Looks first and waits afterwards, so that what came before the call is not waited for.
static int watch_until(Feed *feed, CommitWatch *watch, sqlite3_stmt *stmt, int timeout_ms,
                       bool *found)
{
    ASSERT(stmt != NULL);

    i64 deadline = commit_watch_clock_ms() + timeout_ms + 1; // the clock is up to 1 ms behind
    for (;;) {
        int rc = look(stmt, found);
        if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
            return rc;
        i64 left = timeout_ms < 0 ? INT32_MAX : deadline - commit_watch_clock_ms();
        if (*found || left <= 0)
            return SQLITE_OK;
        if (is_interrupted(feed->db))
            return SQLITE_INTERRUPT;
        commit_watch_wait(watch, (int)left);
    }
}

// In a transaction nothing new can be seen, so waiting in one would never end.
int consumer_wait(Feed *feed, CommitWatch *watch, i64 position, int timeout_ms, bool *found)
{
    ASSERT(position >= -1);

    sqlite3_stmt *stmt;
    if (timeout_ms != 0 && sqlite3_txn_state(feed->db, feed->schema) != SQLITE_TXN_NONE)
        return feed_error(feed, "cannot wait for changes inside a transaction, which sees none");
    int rc = sql_prepare(feed->db, &stmt, "SELECT 1 FROM \"%w\".\"%w%s\" WHERE change_id > %lld",
                         feed->schema, feed->name, feed_log_suffix(feed), position);
    if (rc == SQLITE_OK)
        rc = watch_until(feed, watch, stmt, timeout_ms, found);
    rc = feed_keep_error(feed, rc);
    (void)sqlite3_finalize(stmt);
    return rc;
}
