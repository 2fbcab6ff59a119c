// Reads the changes of a feed: see feed_cursor.h.
//
// A durable feed keeps plain values: images, keys and flags are made of them when they are asked
// for, by the layout that the change was logged under, which is kept from row to row because
// neighbours mostly share it. The table of a connection's capture has the images as they are.
#include "cdc/feed_cursor.h"
#include "cdc/change_record.h"

// The message becomes the table's, which SQLite frees.
int feed_hand_error(sqlite3_vtab *table, Feed *feed, int rc)
{
    ASSERT(table != NULL);

    if (rc != SQLITE_OK && feed->error != NULL) {
        sqlite3_free(table->zErrMsg);
        table->zErrMsg = feed->error;
    } else {
        sqlite3_free(feed->error);
    }
    feed->error = NULL;
    return rc;
}

static void layout_free(Layout *layout)
{
    sqlite3_free(layout->table);
    sqlite3_free(layout->columns);
    memset(layout, 0, sizeof *layout);
}

void feed_cursor_close(FeedCursor *cursor)
{
    (void)sqlite3_finalize(cursor->rows);
    layout_free(&cursor->layout);
    sqlite3_free(cursor->feed.error);
    memset(cursor, 0, sizeof *cursor);
}

// The columns of the log before v0: change_id, change_time, change_type, layout, id. Behind those
// of the log stand those of the schema's table: change_id, v0, ..., NULL but for its own layout.
enum { LOG_CHANGE_TYPE = 2, LOG_LAYOUT = 3, LOG_ID = 4, LOG_VALUES = 5 };

static bool is_schema(const FeedCursor *cursor)
{
    return cursor->layout.layout == LAYOUT_SCHEMA;
}

// Where the values of the present row stand among the columns.
static int value_start(const FeedCursor *cursor)
{
    ASSERT(cursor->rows != NULL);
    return is_schema(cursor) ? sqlite3_column_count(cursor->rows) - SCHEMA_VALUES : LOG_VALUES;
}

static int value_end(const FeedCursor *cursor)
{
    ASSERT(cursor->rows != NULL);
    int count = sqlite3_column_count(cursor->rows);
    return is_schema(cursor) ? count : count - SCHEMA_VALUES - 1;
}

static CaptureMode image_mode(const FeedCursor *cursor)
{
    return is_schema(cursor) ? CAPTURE_FULL : cursor->feed.mode;
}

// The counts of a layout come from a table that anyone may write: does what they promise lie
// within the columns of a row?
static bool values_fit(const FeedCursor *cursor)
{
    const Layout *layout = &cursor->layout;
    i64 images = mode_has_before(image_mode(cursor)) + mode_has_after(image_mode(cursor));
    i64 needed = layout->key_count + images * layout->column_count;
    return value_start(cursor) >= LOG_VALUES && layout->key_count >= 0 && layout->column_count >= 0
           && needed <= value_end(cursor) - value_start(cursor);
}

// Kept from row to row: most rows are of the layout before.
static int load_layout(FeedCursor *cursor, i64 number)
{
    ASSERT(cursor->feed.is_durable);

    Feed *feed = &cursor->feed;
    Layout *layout = &cursor->layout;
    sqlite3_stmt *stmt;
    if (layout->layout == number)
        return SQLITE_OK;
    layout_free(layout);
    TRY(sql_prepare(feed->db, &stmt,
                    "SELECT table_name, columns, key_count, json_array_length(columns)"
                    " FROM \"%w\".\"%w_layout\" WHERE layout = %lld",
                    feed->schema, feed->name, number));
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        layout->layout = number;
        layout->table = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
        layout->columns = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 1));
        layout->key_count = sqlite3_column_int(stmt, 2);
        layout->column_count = sqlite3_column_int(stmt, 3);
    }
    TRY(stmt_close(stmt, step));
    if (step == SQLITE_DONE)
        return feed_error(feed, "cdc: %s has no layout %lld", feed->name, number);
    if (layout->table == NULL || layout->columns == NULL)
        return SQLITE_NOMEM;
    return values_fit(cursor)
               ? SQLITE_OK
               : feed_error(feed, "cdc: layout %lld of %s is damaged", number, feed->name);
}

// At the end there is no row to ask about, whatever the reason.
static int cursor_step(FeedCursor *cursor)
{
    ASSERT(cursor->rows != NULL);

    int step = sqlite3_step(cursor->rows);
    cursor->at_end = step != SQLITE_ROW;
    if (step == SQLITE_DONE)
        return SQLITE_OK;
    if (step != SQLITE_ROW)
        return feed_keep_error(&cursor->feed, step);
    return cursor->feed.is_durable
               ? load_layout(cursor, sqlite3_column_int64(cursor->rows, LOG_LAYOUT))
               : SQLITE_OK;
}

int feed_cursor_next(FeedCursor *cursor)
{
    ASSERT(!cursor->at_end);
    return cursor_step(cursor);
}

i64 feed_cursor_change_id(const FeedCursor *cursor)
{
    ASSERT(!cursor->at_end);
    return sqlite3_column_int64(cursor->rows, 0);
}

// From ?1 to ?2, at most ?3.
static int prepare_rows(FeedCursor *cursor, bool descending)
{
    Feed *feed = &cursor->feed;
    const char *direction = descending ? "DESC" : "ASC";
    if (!feed->is_durable)
        return sql_prepare(feed->db, &cursor->rows,
                           "SELECT change_id, change_time, change_txn_id, change_type, table_name,"
                           " id, before, after, updates FROM \"%w\".\"%w\""
                           " WHERE change_id BETWEEN ?1 AND ?2 ORDER BY change_id %s LIMIT ?3",
                           feed->schema, feed->name, direction);
    return sql_prepare(feed->db, &cursor->rows,
                       "SELECT l.*, s.* FROM \"%w\".\"%w_log\" AS l"
                       " LEFT JOIN \"%w\".\"%w_schema\" AS s"
                       " ON l.layout = %d AND s.change_id = l.change_id"
                       " WHERE l.change_id BETWEEN ?1 AND ?2 ORDER BY l.change_id %s LIMIT ?3",
                       feed->schema, feed->name, feed->schema, feed->name, LAYOUT_SCHEMA,
                       direction);
}

int feed_cursor_open(FeedCursor *cursor, sqlite3 *db, const char *schema, const char *name,
                     const FeedRange *range)
{
    *cursor = (FeedCursor){.feed = {.db = db, .schema = schema, .name = name}, .at_end = true};
    TRY(feed_keep_error(&cursor->feed, feed_open(&cursor->feed)));
    int rc = prepare_rows(cursor, range->descending);
    TRY(feed_keep_error(&cursor->feed, rc));
    (void)sqlite3_bind_int64(cursor->rows, 1, range->first);
    (void)sqlite3_bind_int64(cursor->rows, 2, range->last);
    (void)sqlite3_bind_int64(cursor->rows, 3, range->limit);
    return cursor_step(cursor);
}

// --- columns of a durable feed ---

// Where an image begins among the columns of the log; 0: there is none.
static int image_start(const FeedCursor *cursor, bool after)
{
    ASSERT(!cursor->at_end);

    int type = sqlite3_column_int(cursor->rows, LOG_CHANGE_TYPE);
    CaptureMode mode = image_mode(cursor);
    bool has_before = mode_has_before(mode) && type != CHANGE_INSERT;
    bool has_after = mode_has_after(mode) && type != CHANGE_DELETE;
    int start = value_start(cursor) + cursor->layout.key_count;
    if (!(after ? has_after : has_before))
        return 0;
    if (after && has_before)
        start += cursor->layout.column_count;
    ASSERT(start + cursor->layout.column_count <= value_end(cursor)); // values_fit()
    return start;
}

static int result_record(sqlite3_context *ctx, RecordBuilder *builder)
{
    u8 *record;
    size_t size;
    TRY(record_finish(builder, &record, &size));
    sqlite3_result_blob64(ctx, record, size, sqlite3_free);
    return SQLITE_OK;
}

static void add_values(const FeedCursor *cursor, RecordBuilder *builder, int start, int count)
{
    ASSERT(start >= 0 && count >= 0);

    for (int i = start; i < start + count; i++)
        record_add_value(builder, sqlite3_column_value(cursor->rows, i));
}

// An image that the mode does not keep is NULL.
static int result_image(FeedCursor *cursor, sqlite3_context *ctx, bool after)
{
    RecordBuilder builder = {0};
    int start = image_start(cursor, after);
    if (start == 0)
        return SQLITE_OK;
    add_values(cursor, &builder, start, cursor->layout.column_count);
    return result_record(ctx, &builder);
}

static int result_image_json(FeedCursor *cursor, sqlite3_context *ctx, bool after)
{
    RecordBuilder builder = {0};
    u8 *record;
    size_t size;
    char *json;
    int start = image_start(cursor, after);
    if (start == 0)
        return SQLITE_OK;
    add_values(cursor, &builder, start, cursor->layout.column_count);
    TRY(record_finish(&builder, &record, &size));
    int rc = record_json_text(cursor->feed.db, cursor->layout.columns, record, size, &json);
    sqlite3_free(record);
    if (rc == SQLITE_OK && json != NULL)
        sqlite3_result_text(ctx, json, -1, sqlite3_free);
    return rc;
}

// Also by type: 1 and 1.0 are different values of a column.
static bool values_equal(sqlite3_value *a, sqlite3_value *b)
{
    int type = sqlite3_value_type(a);
    if (type != sqlite3_value_type(b))
        return false;
    if (type == SQLITE_INTEGER)
        return sqlite3_value_int64(a) == sqlite3_value_int64(b);
    if (type == SQLITE_FLOAT)
        return sqlite3_value_double(a) == sqlite3_value_double(b);
    if (type == SQLITE_NULL)
        return true;
    const void *a_bytes = sqlite3_value_blob(a);
    const void *b_bytes = sqlite3_value_blob(b);
    int size = sqlite3_value_bytes(a);
    return size == sqlite3_value_bytes(b)
           && (size == 0 || memcmp(a_bytes, b_bytes, (size_t)size) == 0);
}

// A trigger does not see which columns the UPDATE named: those that differ are flagged. The sql
// slot of a schema record has the statement that made the change.
static int result_updates(FeedCursor *cursor, sqlite3_context *ctx)
{
    ASSERT(cursor->feed.is_durable);

    RecordBuilder builder = {0};
    int before = image_start(cursor, false);
    int after = image_start(cursor, true);
    int count = cursor->layout.column_count;
    if (before == 0 || after == 0)
        return SQLITE_OK;
    for (int i = 0; i < count; i++)
        record_add_i64(&builder, !values_equal(sqlite3_column_value(cursor->rows, before + i),
                                               sqlite3_column_value(cursor->rows, after + i)));
    for (int i = 0; i < count; i++) {
        sqlite3_value *value = sqlite3_column_value(cursor->rows, after + i);
        bool same = values_equal(sqlite3_column_value(cursor->rows, before + i), value);
        if (is_schema(cursor) && i == count - 1)
            value = sqlite3_column_value(cursor->rows, after + count);
        if (same)
            record_add_null(&builder);
        else
            record_add_value(&builder, value);
    }
    return result_record(ctx, &builder);
}

// Of a key of several columns, the record of them.
static int result_id(FeedCursor *cursor, sqlite3_context *ctx)
{
    ASSERT(cursor->feed.is_durable);

    RecordBuilder builder = {0};
    if (cursor->layout.key_count == 0) {
        sqlite3_result_value(ctx, sqlite3_column_value(cursor->rows, LOG_ID));
        return SQLITE_OK;
    }
    add_values(cursor, &builder, value_start(cursor), cursor->layout.key_count);
    return result_record(ctx, &builder);
}

static int durable_column(FeedCursor *cursor, sqlite3_context *ctx, int column)
{
    switch (column) {
    case COLUMN_CHANGE_ID:
    case COLUMN_CHANGE_TIME:
        sqlite3_result_value(ctx, sqlite3_column_value(cursor->rows, column));
        return SQLITE_OK;
    case COLUMN_CHANGE_TYPE:
        sqlite3_result_value(ctx, sqlite3_column_value(cursor->rows, LOG_CHANGE_TYPE));
        return SQLITE_OK;
    case COLUMN_TABLE_NAME:
        sqlite3_result_text(ctx, cursor->layout.table, -1, SQLITE_TRANSIENT);
        return SQLITE_OK;
    case COLUMN_COLUMNS:
        sqlite3_result_text(ctx, cursor->layout.columns, -1, SQLITE_TRANSIENT);
        return SQLITE_OK;
    case COLUMN_ID: return result_id(cursor, ctx);
    case COLUMN_BEFORE: return result_image(cursor, ctx, false);
    case COLUMN_AFTER: return result_image(cursor, ctx, true);
    case COLUMN_UPDATES: return result_updates(cursor, ctx);
    case COLUMN_BEFORE_JSON: return result_image_json(cursor, ctx, false);
    case COLUMN_AFTER_JSON: return result_image_json(cursor, ctx, true);
    default: return SQLITE_OK; // triggers do not know their transaction
    }
}

// --- columns of a connection's capture ---

// The names come from the table as it is now; where it is gone or has changed, there are none.
static int connection_column(FeedCursor *cursor, sqlite3_context *ctx, int column)
{
    char *names;
    char *json = NULL;
    if (column <= COLUMN_UPDATES) {
        sqlite3_result_value(ctx, sqlite3_column_value(cursor->rows, column));
        return SQLITE_OK;
    }
    const char *table = (const char *)sqlite3_column_text(cursor->rows, COLUMN_TABLE_NAME);
    TRY(sql_text(cursor->feed.db, &names,
                 "SELECT json_group_array(name) FROM (SELECT name FROM pragma_table_xinfo(%Q, %Q)"
                 " WHERE hidden IN (0, 3) ORDER BY cid)",
                 table == NULL ? "" : table, cursor->feed.schema));
    if (names == NULL || strcmp(names, "[]") == 0) {
        sqlite3_free(names);
        return SQLITE_OK;
    }
    if (column == COLUMN_COLUMNS) {
        sqlite3_result_text(ctx, names, -1, sqlite3_free);
        return SQLITE_OK;
    }
    int image = column == COLUMN_BEFORE_JSON ? COLUMN_BEFORE : COLUMN_AFTER;
    const u8 *record = sqlite3_column_blob(cursor->rows, image);
    int rc = record_json_text(cursor->feed.db, names, record,
                              (size_t)sqlite3_column_bytes(cursor->rows, image), &json);
    sqlite3_free(names);
    if (json != NULL)
        sqlite3_result_text(ctx, json, -1, sqlite3_free);
    return rc;
}

int feed_cursor_column(FeedCursor *cursor, sqlite3_context *ctx, int column)
{
    ASSERT(column >= 0 && column < FEED_COLUMNS);
    ASSERT(!cursor->at_end);
    return cursor->feed.is_durable ? durable_column(cursor, ctx, column)
                                   : connection_column(cursor, ctx, column);
}
