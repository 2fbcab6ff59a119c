// Consumers in SQL.
//
//   cdc_subscribe(feed, consumer [, from])   makes one: after change `from`, 'earliest' (the
//                                            default) or 'latest'. Gives its position.
//   cdc_wait(feed, consumer, timeout_ms)     waits for a change; how many there are
//   cdc_ack(feed, consumer, change_id)       everything up to the change is dealt with
//   cdc_seek(feed, consumer, change_id)      reads again from behind the change
//   cdc_pending(feed, consumer)              changes not acknowledged
//   cdc_unsubscribe(feed, consumer)
//   cdc_prune(feed)                          deletes what need not be kept; how many
//   cdc_next(feed, consumer [, limit])       table: the changes behind its position
//   cdc_changes(feed, after [, limit])       table: the changes behind any point
#include "cdc/consumer.h"

typedef struct Call {
    Feed feed;
    char *schema, *name;
    const char *consumer; // NULL: the function has none
} Call;

typedef int CallBody(Call *call, int count, sqlite3_value **args, i64 *result);

typedef struct FunctionDef {
    const char *name;
    int least, most; // arguments
    CallBody *body;
} FunctionDef;

// Every function begins with a feed, and all but one go on with a consumer.
static int call_open(Call *call, sqlite3 *db, int count, sqlite3_value **args)
{
    const char *feed = (const char *)sqlite3_value_text(args[0]);
    if (feed == NULL)
        return feed_error(&call->feed, "the name of a feed is missing");
    TRY(feed_split_name(feed, &call->schema, &call->name));
    call->feed.db = db;
    call->feed.schema = call->schema;
    call->feed.name = call->name;
    TRY(feed_keep_error(&call->feed, feed_open(&call->feed)));
    if (count < 2)
        return SQLITE_OK;
    call->consumer = (const char *)sqlite3_value_text(args[1]);
    return call->consumer != NULL ? SQLITE_OK
                                  : feed_error(&call->feed, "the name of a consumer is missing");
}

static void call_close(Call *call)
{
    sqlite3_free(call->feed.error);
    sqlite3_free(call->schema);
    sqlite3_free(call->name);
}

static int call_subscribe(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer != NULL);

    i64 from = QUIRE_CDC_EARLIEST;
    if (count > 2 && sqlite3_value_type(args[2]) == SQLITE_INTEGER) {
        from = sqlite3_value_int64(args[2]);
        if (from < 0)
            return feed_error(&call->feed, "there is no change %lld", from);
    } else if (count > 2) {
        const char *word = (const char *)sqlite3_value_text(args[2]);
        if (word != NULL && strcmp(word, "latest") == 0)
            from = QUIRE_CDC_LATEST;
        else if (word == NULL || strcmp(word, "earliest") != 0)
            return feed_error(&call->feed, "a consumer begins at 'earliest', 'latest' or a change");
    }
    return consumer_subscribe(&call->feed, call->consumer, from, result);
}

// Negative: without end, until the connection is interrupted.
static int call_wait(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer != NULL);
    ASSERT(count == 3);

    i64 position;
    bool found = false;
    CommitWatch watch;
    (void)count;
    i64 timeout = sqlite3_value_int64(args[2]);
    if (timeout > INT32_MAX || timeout < 0)
        timeout = -1;
    TRY(consumer_refresh(&call->feed));
    TRY(consumer_position(&call->feed, call->consumer, &position));
    TRY(commit_watch_open(&watch, sqlite3_db_filename(call->feed.db, call->schema)));
    int rc = consumer_wait(&call->feed, &watch, position, (int)timeout, &found);
    commit_watch_close(&watch);
    TRY(rc);
    return consumer_pending(&call->feed, position, result);
}

static int call_ack(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer != NULL);

    (void)count;
    return consumer_move(&call->feed, call->consumer, sqlite3_value_int64(args[2]), false, result);
}

static int call_seek(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer != NULL);

    (void)count;
    return consumer_move(&call->feed, call->consumer, sqlite3_value_int64(args[2]), true, result);
}

static int call_pending(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer != NULL);

    i64 position;
    (void)count, (void)args;
    TRY(consumer_position(&call->feed, call->consumer, &position));
    return consumer_pending(&call->feed, position, result);
}

static int call_unsubscribe(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer != NULL);

    (void)count, (void)args;
    *result = 1;
    return consumer_forget(&call->feed, call->consumer);
}

// All that may go, not just some on the way.
static int call_prune(Call *call, int count, sqlite3_value **args, i64 *result)
{
    ASSERT(call->consumer == NULL);

    (void)count, (void)args;
    Feed *feed = &call->feed;
    TRY(feed_keep_error(feed, savepoint_open(feed->db)));
    int rc = feed_keep_error(feed, feed_prune(feed, true, result));
    return feed_keep_error(feed, savepoint_close(feed->db, rc));
}

static const FunctionDef functions[] = {
    {"cdc_subscribe", 2, 3, call_subscribe},
    {"cdc_wait", 3, 3, call_wait},
    {"cdc_ack", 3, 3, call_ack},
    {"cdc_seek", 3, 3, call_seek},
    {"cdc_pending", 2, 2, call_pending},
    {"cdc_unsubscribe", 2, 2, call_unsubscribe},
    {"cdc_prune", 1, 1, call_prune},
};

// With the function's name in front: the error stands for a whole statement.
static void result_failure(sqlite3_context *ctx, const char *function, int rc, const Feed *feed)
{
    ASSERT(rc != SQLITE_OK);

    char *text = feed->error == NULL ? NULL : sqlite3_mprintf("%s: %s", function, feed->error);
    if (text != NULL)
        sqlite3_result_error(ctx, text, -1);
    sqlite3_result_error_code(ctx, rc);
    sqlite3_free(text);
}

static void run_function(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    ASSERT(count >= 1);

    const FunctionDef *def = sqlite3_user_data(ctx);
    Call call = {0};
    i64 result = 0;
    int rc = call_open(&call, sqlite3_context_db_handle(ctx), count, args);
    if (rc == SQLITE_OK)
        rc = def->body(&call, count, args, &result);
    if (rc != SQLITE_OK)
        result_failure(ctx, def->name, rc, &call.feed);
    else
        sqlite3_result_int64(ctx, result);
    call_close(&call);
}

int consumer_functions_register(sqlite3 *db)
{
    for (int i = 0; i < ARRAY_LEN(functions); i++) {
        for (int count = functions[i].least; count <= functions[i].most; count++)
            TRY(sqlite3_create_function_v2(db, functions[i].name, count,
                                           SQLITE_UTF8 | SQLITE_DIRECTONLY, (void *)&functions[i],
                                           run_function, NULL, NULL, NULL));
    }
    return SQLITE_OK;
}

// --- cdc_next and cdc_changes ---

enum { COLUMN_FEED = FEED_COLUMNS, COLUMN_POINT, COLUMN_LIMIT };

typedef struct NextTable {
    sqlite3_vtab base;
    sqlite3 *db;
    bool by_consumer; // cdc_next
} NextTable;

typedef struct NextCursor {
    sqlite3_vtab_cursor base;
    FeedCursor rows;
    char *schema, *name;
} NextCursor;

static int next_connect(sqlite3 *db, void *client, int count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    (void)count, (void)args, (void)message;
    TRY(sqlite3_declare_vtab(db,
                             "CREATE TABLE x(" FEED_COLUMN_LIST("") ", feed HIDDEN, point HIDDEN,"
                                                                    " \"limit\" HIDDEN)"));
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    NextTable *table = sqlite3_malloc64(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (NextTable){.db = db, .by_consumer = client != NULL};
    *out = &table->base;
    return SQLITE_OK;
}

static int next_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int next_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    int at[3] = {-1, -1, -1};
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn - COLUMN_FEED;
        if (column < 0 || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        at[column] = i;
    }
    if (at[0] < 0 || at[1] < 0)
        return SQLITE_CONSTRAINT; // there is nothing to list without a feed and a place in it
    for (int i = 0; i < 3; i++) {
        if (at[i] >= 0) {
            info->aConstraintUsage[at[i]].argvIndex = i + 1;
            info->aConstraintUsage[at[i]].omit = 1;
        }
    }
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn <= COLUMN_CHANGE_ID
        && !info->aOrderBy[0].desc)
        info->orderByConsumed = 1;
    info->estimatedRows = 1000;
    info->estimatedCost = 1000;
    return SQLITE_OK;
}

static int next_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    NextCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static void cursor_reset(NextCursor *cursor)
{
    feed_cursor_close(&cursor->rows);
    sqlite3_free(cursor->schema);
    sqlite3_free(cursor->name);
    cursor->schema = NULL;
    cursor->name = NULL;
}

static int next_close(sqlite3_vtab_cursor *base)
{
    cursor_reset((NextCursor *)base);
    sqlite3_free(base);
    return SQLITE_OK;
}

// The first change that is wanted: behind the position, or behind the point.
static int find_start(const NextTable *table, Call *call, sqlite3_value **args, i64 *first)
{
    ASSERT(first != NULL);

    TRY(call_open(call, table->db, table->by_consumer ? 2 : 1, args));
    if (table->by_consumer)
        TRY(consumer_position(&call->feed, call->consumer, first));
    else
        *first = sqlite3_value_int64(args[1]);
    if (*first < INT64_MAX)
        ++*first;
    return SQLITE_OK;
}

// The cursor takes over the names that the call was split into: they must outlive it.
static int next_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int count,
                       sqlite3_value **args)
{
    ASSERT(count >= 2);

    (void)plan, (void)plan_text;
    NextCursor *cursor = (NextCursor *)base;
    Call call = {0};
    FeedRange range = {.last = INT64_MAX, .limit = -1};
    cursor_reset(cursor);
    if (count > 2 && sqlite3_value_type(args[2]) != SQLITE_NULL)
        range.limit = sqlite3_value_int64(args[2]);
    int rc = feed_hand_error(base->pVtab, &call.feed,
                             find_start((NextTable *)base->pVtab, &call, args, &range.first));
    cursor->schema = call.schema;
    cursor->name = call.name;
    call.schema = NULL;
    call.name = NULL;
    call_close(&call);
    cursor->rows.at_end = true;
    TRY(rc);
    rc = feed_cursor_open(&cursor->rows, ((NextTable *)base->pVtab)->db, cursor->schema,
                          cursor->name, &range);
    return feed_hand_error(base->pVtab, &cursor->rows.feed, rc);
}

static int next_next(sqlite3_vtab_cursor *base)
{
    NextCursor *cursor = (NextCursor *)base;
    return feed_hand_error(base->pVtab, &cursor->rows.feed, feed_cursor_next(&cursor->rows));
}

static int next_eof(sqlite3_vtab_cursor *base)
{
    return ((const NextCursor *)base)->rows.at_end;
}

static int next_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    return column >= FEED_COLUMNS ? SQLITE_OK
                                  : feed_cursor_column(&((NextCursor *)base)->rows, ctx, column);
}

static int next_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = feed_cursor_change_id(&((const NextCursor *)base)->rows);
    return SQLITE_OK;
}

// No xCreate: the tables exist by their names alone.
static const sqlite3_module next_methods = {
    .iVersion = 0,
    .xConnect = next_connect,
    .xBestIndex = next_best_index,
    .xDisconnect = next_disconnect,
    .xOpen = next_open,
    .xClose = next_close,
    .xFilter = next_filter,
    .xNext = next_next,
    .xEof = next_eof,
    .xColumn = next_column,
    .xRowid = next_rowid,
};

int next_module_register(sqlite3 *db)
{
    TRY(sqlite3_create_module_v2(db, "cdc_next", &next_methods, (void *)&next_methods, NULL));
    return sqlite3_create_module_v2(db, "cdc_changes", &next_methods, NULL, NULL);
}
