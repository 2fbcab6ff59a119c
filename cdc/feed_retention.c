// What a feed keeps. Limits of age, number and size say what may go; keep_unread (the default)
// spares what some consumer has not acknowledged. The newest change always stays (F1). A feed
// without limits keeps what its slowest consumer needs, and all of it as long as it has no
// consumer.
#include "cdc/feed.h"

enum { PRUNE_EVERY = 256 }; // changes acknowledged between two looks

// The last change that every consumer has acknowledged; *has_consumer false: nobody reads.
static int slowest_consumer(Feed *feed, bool *has_consumer, i64 *position)
{
    TRY(sql_int(feed->db, -1, position, "SELECT min(position) FROM \"%w\".\"%w_consumer\"",
                feed->schema, feed->name));
    i64 count;
    TRY(sql_int(feed->db, 0, &count, "SELECT count(*) FROM \"%w\".\"%w_consumer\"", feed->schema,
                feed->name));
    *has_consumer = count > 0;
    return SQLITE_OK;
}

static int age_bound(Feed *feed, i64 *bound)
{
    ASSERT(feed->max_age_s > 0);

    // Times do not decrease along the log but for clocks set back: the first young one ends it.
    return sql_int(feed->db, INT64_MAX, bound,
                   "SELECT change_id - 1 FROM \"%w\".\"%w%s\" WHERE change_time >="
                   " CAST(strftime('%%s','now') AS INTEGER) - %lld ORDER BY change_id LIMIT 1",
                   feed->schema, feed->name, feed_log_suffix(feed), feed->max_age_s);
}

static int count_bound(Feed *feed, i64 *bound)
{
    ASSERT(feed->max_rows > 0);

    return sql_int(feed->db, 0, bound,
                   "SELECT change_id FROM \"%w\".\"%w%s\" ORDER BY change_id DESC"
                   " LIMIT 1 OFFSET %lld",
                   feed->schema, feed->name, feed_log_suffix(feed), feed->max_rows);
}

static i64 row_bytes(sqlite3_stmt *row)
{
    i64 bytes = 16; // of the row's header and place in the page
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        int type = sqlite3_column_type(row, i);
        if (type == SQLITE_TEXT || type == SQLITE_BLOB)
            bytes += sqlite3_column_bytes(row, i);
        else if (type != SQLITE_NULL)
            bytes += 6;
    }
    return bytes;
}

// Adds up from the newest until the size is reached.
static int size_bound(Feed *feed, i64 *bound)
{
    ASSERT(feed->max_bytes > 0);

    sqlite3_stmt *stmt;
    i64 bytes = 0;
    int step;
    *bound = 0;
    TRY(sql_prepare(feed->db, &stmt, "SELECT * FROM \"%w\".\"%w%s\" ORDER BY change_id DESC",
                    feed->schema, feed->name, feed_log_suffix(feed)));
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        bytes += row_bytes(stmt);
        if (bytes > feed->max_bytes) {
            *bound = sqlite3_column_int64(stmt, 0);
            break;
        }
    }
    return stmt_close(stmt, step);
}

// Everything up to *out may go.
static int prune_bound(Feed *feed, i64 *out)
{
    bool has_consumer;
    i64 slowest;
    i64 bound = 0;
    bool is_limited = feed->max_age_s > 0 || feed->max_rows > 0 || feed->max_bytes > 0;
    TRY(slowest_consumer(feed, &has_consumer, &slowest));
    if (feed->max_age_s > 0)
        TRY(age_bound(feed, &bound));
    i64 more = 0;
    if (feed->max_rows > 0)
        TRY(count_bound(feed, &more));
    bound = more > bound ? more : bound;
    more = 0;
    if (feed->max_bytes > 0)
        TRY(size_bound(feed, &more));
    bound = more > bound ? more : bound;
    if (!is_limited)
        bound = has_consumer ? slowest : 0;
    if (has_consumer && feed->keep_unread && bound > slowest)
        bound = slowest;
    *out = bound;
    return SQLITE_OK;
}

// Whether enough has come since the last look; *newest is where the log ends.
static int prune_is_due(Feed *feed, bool *due, i64 *newest)
{
    i64 last;
    *due = true;
    TRY(sql_int(feed->db, 0, newest, "SELECT max(change_id) FROM \"%w\".\"%w%s\"", feed->schema,
                feed->name, feed_log_suffix(feed)));
    if (!feed->is_durable)
        return SQLITE_OK;
    TRY(sql_int(feed->db, 0, &last,
                "SELECT value FROM \"%w\".\"%w_config\" WHERE key = 'pruned_at'", feed->schema,
                feed->name));
    *due = *newest - last >= PRUNE_EVERY;
    return SQLITE_OK;
}

int feed_delete(Feed *feed, const char *comparison, i64 change_id)
{
    ASSERT(comparison != NULL);

    TRY(sql_exec_quietly(feed->db, "DELETE FROM \"%w\".\"%w%s\" WHERE change_id %s %lld",
                         feed->schema, feed->name, feed_log_suffix(feed), comparison, change_id));
    if (!feed->is_durable)
        return SQLITE_OK;
    return sql_exec_quietly(feed->db, "DELETE FROM \"%w\".\"%w_schema\" WHERE change_id %s %lld",
                            feed->schema, feed->name, comparison, change_id);
}

int feed_prune(Feed *feed, bool force, i64 *deleted)
{
    ASSERT(deleted != NULL);

    bool due;
    i64 newest;
    i64 bound;
    *deleted = 0;
    TRY(prune_is_due(feed, &due, &newest));
    if (!force && (!due || !feed->is_durable))
        return SQLITE_OK;
    TRY(prune_bound(feed, &bound));
    if (feed->is_durable && bound >= newest)
        bound = newest - 1; // F1
    TRY(sql_int(feed->db, 0, deleted,
                "SELECT count(*) FROM \"%w\".\"%w%s\" WHERE change_id <= %lld", feed->schema,
                feed->name, feed_log_suffix(feed), bound));
    TRY(feed_delete(feed, "<=", bound));
    if (!feed->is_durable)
        return SQLITE_OK;
    return sql_exec_quietly(
        feed->db, "INSERT OR REPLACE INTO \"%w\".\"%w_config\" VALUES ('pruned_at', %lld)",
        feed->schema, feed->name, newest);
}
