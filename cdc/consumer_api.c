// quire_cdc_*: the consumer of quire.h.
//
// There are two places in the feed: `position`, which is durable and moves with quire_cdc_ack(),
// and `delivered`, which is this handle's and moves with quire_cdc_next(). A crash, or another
// handle, begins again at the first: at least once.
//
//   open -> next* -> ack      delivered >= position, but after a seek by someone else
//            rewind, seek     delivered = position
//
// A batch is a copy of its rows: no statement is open between calls, so that a consumer holds no
// snapshot while it works, and the log can be checkpointed.
#include "cdc/consumer.h"

enum { CHANGE_VALUES = COLUMN_COLUMNS + 1 };

struct quire_cdc {
    Feed feed;
    char *schema, *feed_name, *name;
    i64 position, delivered; // delivered >= position but after a seek by someone else
    CommitWatch watch;
    quire_change *changes;
    sqlite3_value **values; // CHANGE_VALUES of each
    int count;
};

static void batch_free(quire_cdc *cdc)
{
    for (int i = 0; i < cdc->count * CHANGE_VALUES; i++)
        sqlite3_value_free(cdc->values[i]);
    sqlite3_free(cdc->values);
    sqlite3_free(cdc->changes);
    cdc->values = NULL;
    cdc->changes = NULL;
    cdc->count = 0;
}

void quire_cdc_close(quire_cdc *cdc)
{
    if (cdc == NULL)
        return;
    batch_free(cdc);
    commit_watch_close(&cdc->watch);
    sqlite3_free(cdc->feed.error);
    sqlite3_free(cdc->schema);
    sqlite3_free(cdc->feed_name);
    sqlite3_free(cdc->name);
    sqlite3_free(cdc);
}

const char *quire_cdc_errmsg(quire_cdc *cdc)
{
    return cdc == NULL || cdc->feed.error == NULL ? "not an error" : cdc->feed.error;
}

sqlite3_int64 quire_cdc_position(quire_cdc *cdc)
{
    return cdc->position;
}

// Forgets the message of the call before.
static void begin_call(quire_cdc *cdc)
{
    sqlite3_free(cdc->feed.error);
    cdc->feed.error = NULL;
}

static int open_consumer(quire_cdc *cdc, sqlite3 *db, const char *feed, const char *name, i64 from)
{
    ASSERT(cdc->changes == NULL);

    TRY(feed_split_name(feed, &cdc->schema, &cdc->feed_name));
    cdc->name = sqlite3_mprintf("%s", name);
    if (cdc->name == NULL)
        return SQLITE_NOMEM;
    cdc->feed = (Feed){.db = db, .schema = cdc->schema, .name = cdc->feed_name};
    TRY(feed_keep_error(&cdc->feed, feed_open(&cdc->feed)));
    TRY(commit_watch_open(&cdc->watch, sqlite3_db_filename(db, cdc->schema)));
    TRY(consumer_subscribe(&cdc->feed, name, from, &cdc->position));
    cdc->delivered = cdc->position;
    return SQLITE_OK;
}

int quire_cdc_open(sqlite3 *db, const char *feed, const char *name, sqlite3_int64 from,
                   quire_cdc **out)
{
    if (db == NULL || feed == NULL || name == NULL || out == NULL)
        return SQLITE_MISUSE;
    *out = NULL;
    quire_cdc *cdc = sqlite3_malloc64(sizeof *cdc);
    if (cdc == NULL)
        return SQLITE_NOMEM;
    memset(cdc, 0, sizeof *cdc);
    cdc->watch.inotify = -1;
    int rc = open_consumer(cdc, db, feed, name, from);
    if (rc == SQLITE_NOMEM || rc == SQLITE_OK) {
        if (rc != SQLITE_OK)
            quire_cdc_close(cdc);
        else
            *out = cdc;
        return rc;
    }
    *out = cdc; // for its message
    return rc;
}

// --- a batch ---

static int grow_batch(quire_cdc *cdc)
{
    ASSERT(cdc->count >= 0);

    if ((cdc->count & (cdc->count - 1)) != 0)
        return SQLITE_OK;
    size_t space = cdc->count == 0 ? 1 : (size_t)cdc->count * 2;
    void *values = sqlite3_realloc64(cdc->values, space * CHANGE_VALUES * sizeof *cdc->values);
    if (values == NULL)
        return SQLITE_NOMEM;
    cdc->values = values;
    void *changes = sqlite3_realloc64(cdc->changes, space * sizeof *cdc->changes);
    if (changes == NULL)
        return SQLITE_NOMEM;
    cdc->changes = changes;
    return SQLITE_OK;
}

static int take_row(quire_cdc *cdc, sqlite3_stmt *row)
{
    ASSERT(row != NULL);

    TRY(grow_batch(cdc));
    sqlite3_value **values = cdc->values + (size_t)cdc->count * CHANGE_VALUES;
    memset(values, 0, CHANGE_VALUES * sizeof *values);
    cdc->count++;
    for (int i = 0; i < CHANGE_VALUES; i++) {
        values[i] = sqlite3_value_dup(sqlite3_column_value(row, i));
        if (values[i] == NULL)
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

static const void *image(sqlite3_value *value, int *size)
{
    *size = sqlite3_value_bytes(value);
    return sqlite3_value_type(value) == SQLITE_NULL ? NULL : sqlite3_value_blob(value);
}

// The values stay where they are from here on.
static void fill_change(quire_change *change, sqlite3_value **values)
{
    ASSERT(values[COLUMN_CHANGE_ID] != NULL);

    *change =
        (quire_change){.change_id = sqlite3_value_int64(values[COLUMN_CHANGE_ID]),
                       .change_time = sqlite3_value_int64(values[COLUMN_CHANGE_TIME]),
                       .change_txn_id = sqlite3_value_int64(values[COLUMN_CHANGE_TXN_ID]),
                       .change_type = sqlite3_value_int(values[COLUMN_CHANGE_TYPE]),
                       .table_name = (const char *)sqlite3_value_text(values[COLUMN_TABLE_NAME]),
                       .columns = (const char *)sqlite3_value_text(values[COLUMN_COLUMNS]),
                       .id = values[COLUMN_ID]};
    change->before = image(values[COLUMN_BEFORE], &change->before_size);
    change->after = image(values[COLUMN_AFTER], &change->after_size);
    change->updates = image(values[COLUMN_UPDATES], &change->updates_size);
}

// Reads through the table-valued function, so that feeds of both kinds come the same way.
static int read_batch(quire_cdc *cdc, int max)
{
    ASSERT(max > 0 && cdc->count == 0);

    sqlite3_stmt *stmt;
    Feed *feed = &cdc->feed;
    TRY(sql_prepare(feed->db, &stmt,
                    "SELECT change_id, change_time, change_txn_id, change_type, table_name, id,"
                    " before, after, updates, columns FROM cdc_changes('%q.%q', %lld, %d)",
                    feed->schema, feed->name, cdc->delivered, max));
    int rc = SQLITE_OK;
    int step = SQLITE_OK;
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = take_row(cdc, stmt);
    int close = stmt_close(stmt, step);
    TRY(rc);
    TRY(close);
    for (int i = 0; i < cdc->count; i++)
        fill_change(&cdc->changes[i], cdc->values + (size_t)i * CHANGE_VALUES);
    if (cdc->count > 0)
        cdc->delivered = cdc->changes[cdc->count - 1].change_id;
    return SQLITE_OK;
}

int quire_cdc_next(quire_cdc *cdc, int max, int timeout_ms, const quire_change **changes,
                   int *count)
{
    bool found;
    if (cdc == NULL || max <= 0 || changes == NULL || count == NULL)
        return SQLITE_MISUSE;
    begin_call(cdc);
    batch_free(cdc);
    *changes = NULL;
    *count = 0;
    TRY(consumer_refresh(&cdc->feed));
    TRY(consumer_wait(&cdc->feed, &cdc->watch, cdc->delivered, timeout_ms, &found));
    if (!found)
        return SQLITE_OK;
    int rc = feed_keep_error(&cdc->feed, read_batch(cdc, max));
    if (rc != SQLITE_OK) {
        batch_free(cdc);
        return rc;
    }
    *changes = cdc->changes;
    *count = cdc->count;
    return SQLITE_OK;
}

// --- the position ---

int quire_cdc_rewind(quire_cdc *cdc)
{
    if (cdc == NULL)
        return SQLITE_MISUSE;
    begin_call(cdc);
    cdc->delivered = cdc->position;
    return SQLITE_OK;
}

int quire_cdc_ack(quire_cdc *cdc, sqlite3_int64 change_id)
{
    if (cdc == NULL)
        return SQLITE_MISUSE;
    begin_call(cdc);
    return consumer_move(&cdc->feed, cdc->name, change_id, false, &cdc->position);
}

int quire_cdc_seek(quire_cdc *cdc, sqlite3_int64 change_id)
{
    if (cdc == NULL)
        return SQLITE_MISUSE;
    begin_call(cdc);
    TRY(consumer_move(&cdc->feed, cdc->name, change_id, true, &cdc->position));
    cdc->delivered = cdc->position;
    return SQLITE_OK;
}
