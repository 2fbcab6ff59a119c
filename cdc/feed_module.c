// The virtual table `cdc`: a durable feed (feed.h) as rows. Its columns are those of the table that
// PRAGMA capture_data_changes_conn fills; change_txn_id is NULL, for triggers do not know it.
// Rows may be deleted, and that is all the writing there is.
#include "cdc/feed_cursor.h"
#include "cdc/feed_trigger.h"

typedef struct FeedTable {
    sqlite3_vtab base;
    sqlite3 *db;
    char *schema, *name;
} FeedTable;

typedef struct ModuleCursor {
    sqlite3_vtab_cursor base;
    FeedCursor feed;
} ModuleCursor;

static int feed_disconnect(sqlite3_vtab *base)
{
    FeedTable *table = (FeedTable *)base;
    sqlite3_free(table->schema);
    sqlite3_free(table->name);
    sqlite3_free(table);
    return SQLITE_OK;
}

static int feed_connect(sqlite3 *db, void *client, int count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    (void)count, (void)message;
    *(bool *)client = true;
    TRY(sqlite3_declare_vtab(db, "CREATE TABLE x(" FEED_COLUMN_LIST(" HIDDEN") ")"));
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    FeedTable *table = sqlite3_malloc64(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (FeedTable){
        .db = db, .schema = sqlite3_mprintf("%s", args[1]), .name = sqlite3_mprintf("%s", args[2])};
    if (table->schema == NULL || table->name == NULL) {
        (void)feed_disconnect(&table->base);
        return SQLITE_NOMEM;
    }
    *out = &table->base;
    return SQLITE_OK;
}

// The widest of the tables, in v columns.
static int measure_sources(Feed *feed, const char *tables, int *width)
{
    ASSERT(width != NULL);

    int rc = SQLITE_OK;
    char *name;
    *width = 0;
    while (rc == SQLITE_OK && (name = list_next_name(&tables, &rc)) != NULL) {
        TableShape shape;
        rc = shape_read(feed, name, &shape);
        if (rc == SQLITE_OK && trigger_width(feed, &shape) > *width)
            *width = trigger_width(feed, &shape);
        shape_free(&shape);
        sqlite3_free(name);
    }
    return rc;
}

static int create_sources(Feed *feed, const char *tables)
{
    ASSERT(tables != NULL);

    int rc = SQLITE_OK;
    char *name;
    int count = 0;
    while (rc == SQLITE_OK && (name = list_next_name(&tables, &rc)) != NULL) {
        rc = feed_add_source(feed, name);
        sqlite3_free(name);
        count++;
    }
    if (rc == SQLITE_OK && count == 0)
        return feed_error(feed, "cdc: tables='...' names the tables to capture");
    return rc;
}

// Inside the transaction of CREATE VIRTUAL TABLE: a failure leaves nothing behind.
static int create_feed(Feed *feed, int count, const char *const *args)
{
    ASSERT(count >= 0);

    char *tables;
    int width;
    int rc = feed_parse_arguments(feed, count, args, &tables);
    if (rc == SQLITE_OK)
        rc = feed_keep_error(feed, measure_sources(feed, tables, &width));
    if (rc == SQLITE_OK)
        rc = feed_keep_error(feed, feed_create_tables(feed, width));
    if (rc == SQLITE_OK)
        rc = feed_keep_error(feed, feed_config_save(feed));
    if (rc == SQLITE_OK)
        rc = feed_keep_error(feed, create_sources(feed, tables));
    if (rc == SQLITE_OK)
        rc = feed_keep_error(feed, feed_refresh(feed, NULL));
    sqlite3_free(tables);
    return rc;
}

static int feed_create(sqlite3 *db, void *client, int count, const char *const *args,
                       sqlite3_vtab **out, char **message)
{
    ASSERT(count >= 3);
    Feed feed = {.db = db, .schema = args[1], .name = args[2]};
    int rc = create_feed(&feed, count - 3, args + 3);
    if (rc != SQLITE_OK && feed.error != NULL)
        *message = feed.error;
    else
        sqlite3_free(feed.error);
    return rc == SQLITE_OK ? feed_connect(db, client, count, args, out, message) : rc;
}

// Triggers and tables go: what is left is a plain file.
static int feed_destroy(sqlite3_vtab *base)
{
    const FeedTable *table = (const FeedTable *)base;
    Feed feed = {.db = table->db, .schema = table->schema, .name = table->name};
    int rc = feed_hand_error(base, &feed, feed_keep_error(&feed, feed_drop_tables(&feed)));
    return rc == SQLITE_OK ? feed_disconnect(base) : rc;
}

// Triggers name the tables of the feed, and are written anew.
static int feed_rename(sqlite3_vtab *base, const char *name)
{
    ASSERT(name != NULL);

    FeedTable *table = (FeedTable *)base;
    char *copy = sqlite3_mprintf("%s", name);
    if (copy == NULL)
        return SQLITE_NOMEM;
    Feed feed = {.db = table->db, .schema = table->schema, .name = table->name};
    int rc = feed_keep_error(&feed, feed_config_load(&feed));
    if (rc == SQLITE_OK)
        rc = feed_keep_error(&feed, feed_rename_tables(&feed, copy));
    if (rc == SQLITE_OK) {
        sqlite3_free(table->name);
        table->name = copy;
    } else {
        sqlite3_free(copy);
    }
    return feed_hand_error(base, &feed, rc);
}

// log and stage are not among them (F4).
static int feed_shadow_name(const char *suffix)
{
    ASSERT(suffix != NULL);

    static const char *const names[] = {"schema", "layout", "source", "consumer", "config"};
    for (int i = 0; i < ARRAY_LEN(names); i++) {
        if (sqlite3_stricmp(suffix, names[i]) == 0)
            return 1;
    }
    return 0;
}

// --- reading ---

// idxNum: which bounds of change_id are given, in this order.
enum { PLAN_LOWER = 1, PLAN_LOWER_OPEN = 2, PLAN_UPPER = 4, PLAN_UPPER_OPEN = 8, PLAN_DESC = 16 };

// The bound is met exactly, so that SQLite need not look again.
static void use_bound(sqlite3_index_info *info, int constraint, int *argument, int bits)
{
    ASSERT(constraint >= 0 && constraint < info->nConstraint);

    info->aConstraintUsage[constraint].argvIndex = ++*argument;
    info->aConstraintUsage[constraint].omit = 1;
    info->idxNum |= bits;
}

// The first usable constraint on change_id that is one of two operators, or equality.
static int find_bound(const sqlite3_index_info *info, int op, int other)
{
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn > COLUMN_CHANGE_ID || !info->aConstraint[i].usable)
            continue;
        if (info->aConstraint[i].op == op || info->aConstraint[i].op == other)
            return i;
    }
    return -1;
}

static int feed_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    int argument = 0;
    int equal = find_bound(info, SQLITE_INDEX_CONSTRAINT_EQ, SQLITE_INDEX_CONSTRAINT_EQ);
    int lower = find_bound(info, SQLITE_INDEX_CONSTRAINT_GT, SQLITE_INDEX_CONSTRAINT_GE);
    int upper = find_bound(info, SQLITE_INDEX_CONSTRAINT_LT, SQLITE_INDEX_CONSTRAINT_LE);
    info->estimatedRows = 1000000;
    if (equal >= 0) {
        use_bound(info, equal, &argument, PLAN_LOWER | PLAN_UPPER);
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedRows = 1;
    } else {
        if (lower >= 0) {
            bool open = info->aConstraint[lower].op == SQLITE_INDEX_CONSTRAINT_GT;
            use_bound(info, lower, &argument, PLAN_LOWER | (open ? PLAN_LOWER_OPEN : 0));
            info->estimatedRows /= 10;
        }
        if (upper >= 0) {
            bool open = info->aConstraint[upper].op == SQLITE_INDEX_CONSTRAINT_LT;
            use_bound(info, upper, &argument, PLAN_UPPER | (open ? PLAN_UPPER_OPEN : 0));
            info->estimatedRows /= 10;
        }
    }
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn <= COLUMN_CHANGE_ID) {
        info->orderByConsumed = 1;
        info->idxNum |= info->aOrderBy[0].desc ? PLAN_DESC : 0;
    }
    info->estimatedCost = (f64)info->estimatedRows;
    return SQLITE_OK;
}

static int module_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    ModuleCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int feed_close(sqlite3_vtab_cursor *base)
{
    ModuleCursor *cursor = (ModuleCursor *)base;
    feed_cursor_close(&cursor->feed);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

// The whole numbers a bound lets through: `delta` steps over the bound itself when it is open, and
// a real number is rounded inwards. false: none at all.
static bool lower_bound(sqlite3_value *value, bool open, i64 *out)
{
    int type = sqlite3_value_numeric_type(value);
    if (type == SQLITE_INTEGER) {
        i64 bound = sqlite3_value_int64(value);
        *out = open && bound < INT64_MAX ? bound + 1 : bound;
        return !(open && bound == INT64_MAX);
    }
    f64 real = sqlite3_value_double(value);
    if (type != SQLITE_FLOAT || real >= 9223372036854775808.0)
        return false; // texts and blobs are above every number, NULL compares with nothing
    if (real < -9223372036854775808.0)
        return true;
    i64 whole = (i64)real;
    *out = (f64)whole < real || (open && (f64)whole == real) ? whole + 1 : whole;
    return true;
}

static bool upper_bound(sqlite3_value *value, bool open, i64 *out)
{
    int type = sqlite3_value_numeric_type(value);
    if (type == SQLITE_INTEGER) {
        i64 bound = sqlite3_value_int64(value);
        *out = open && bound > INT64_MIN ? bound - 1 : bound;
        return !(open && bound == INT64_MIN);
    }
    f64 real = sqlite3_value_double(value);
    if (type == SQLITE_NULL || (type == SQLITE_FLOAT && real < -9223372036854775808.0))
        return false;
    if (type != SQLITE_FLOAT || real >= 9223372036854775808.0)
        return true;
    i64 whole = (i64)real;
    *out = (f64)whole > real || (open && (f64)whole == real) ? whole - 1 : whole;
    return true;
}

// Bounds that let no number through give no rows, without looking.
static int feed_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int count,
                       sqlite3_value **args)
{
    (void)plan_text;
    ModuleCursor *cursor = (ModuleCursor *)base;
    const FeedTable *table = (const FeedTable *)base->pVtab;
    FeedRange range = {
        .first = INT64_MIN, .last = INT64_MAX, .limit = -1, .descending = (plan & PLAN_DESC) != 0};
    bool any = true;
    if ((plan & PLAN_LOWER) != 0)
        any = lower_bound(args[0], (plan & PLAN_LOWER_OPEN) != 0, &range.first);
    if ((plan & PLAN_UPPER) != 0)
        any = any && upper_bound(args[count - 1], (plan & PLAN_UPPER_OPEN) != 0, &range.last);
    if (!any)
        range.limit = 0;
    feed_cursor_close(&cursor->feed);
    int rc = feed_cursor_open(&cursor->feed, table->db, table->schema, table->name, &range);
    return feed_hand_error(base->pVtab, &cursor->feed.feed, rc);
}

static int feed_next(sqlite3_vtab_cursor *base)
{
    ModuleCursor *cursor = (ModuleCursor *)base;
    return feed_hand_error(base->pVtab, &cursor->feed.feed, feed_cursor_next(&cursor->feed));
}

static int feed_eof(sqlite3_vtab_cursor *base)
{
    return ((const ModuleCursor *)base)->feed.at_end;
}

static int feed_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    return feed_cursor_column(&((ModuleCursor *)base)->feed, ctx, column);
}

static int feed_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = feed_cursor_change_id(&((const ModuleCursor *)base)->feed);
    return SQLITE_OK;
}

// Only deletion, of the row in the log and what may hang on it.
static int feed_update(sqlite3_vtab *base, int count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    ASSERT(count >= 1);

    (void)rowid;
    const FeedTable *table = (const FeedTable *)base;
    Feed feed = {.db = table->db, .schema = table->schema, .name = table->name};
    int rc = count != 1 ? feed_error(&feed, "cdc: rows of %s can only be deleted", table->name)
                        : feed_delete(&feed, "=", sqlite3_value_int64(args[0]));
    return feed_hand_error(base, &feed, feed_keep_error(&feed, rc));
}

static const sqlite3_module feed_methods = {
    .iVersion = 3,
    .xCreate = feed_create,
    .xConnect = feed_connect,
    .xBestIndex = feed_best_index,
    .xDisconnect = feed_disconnect,
    .xDestroy = feed_destroy,
    .xOpen = module_open,
    .xClose = feed_close,
    .xFilter = feed_filter,
    .xNext = feed_next,
    .xEof = feed_eof,
    .xColumn = feed_column,
    .xRowid = feed_rowid,
    .xUpdate = feed_update,
    .xRename = feed_rename,
    .xShadowName = feed_shadow_name,
};

int feed_module_register(sqlite3 *db, bool *seen)
{
    return sqlite3_create_module_v2(db, "cdc", &feed_methods, seen, NULL);
}
