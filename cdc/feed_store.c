// The ordinary tables of a feed: made, renamed, widened, dropped. feed.h says what they hold.
#include "cdc/feed.h"
#include "cdc/feed_trigger.h"

// The first column and v0, v1, ...
static char *value_columns(const Feed *feed, const char *first, int width)
{
    ASSERT(width >= 0);

    sqlite3_str *text = sqlite3_str_new(feed->db);
    sqlite3_str_appendall(text, first);
    for (int i = 0; i < width; i++)
        sqlite3_str_appendf(text, ", v%d", i);
    return sqlite3_str_finish(text);
}

static int check_width(Feed *feed, int width)
{
    ASSERT(width >= 0);

    // Reading puts a row of the log and one of the schema side by side.
    int most = sqlite3_limit(feed->db, SQLITE_LIMIT_COLUMN, -1) - 5 - SCHEMA_VALUES;
    if (width <= most)
        return SQLITE_OK;
    return feed_error(feed, "cdc: too many columns: %d are needed, %d can be had", width, most);
}

static int create_value_tables(Feed *feed, int width)
{
    char *values = value_columns(feed, "id", width);
    if (values == NULL)
        return SQLITE_NOMEM;
    int rc = sql_exec(feed->db,
                      "CREATE TABLE \"%w\".\"%w_log\"(change_id INTEGER PRIMARY KEY,"
                      " change_time INTEGER, change_type INTEGER, layout INTEGER, %s);"
                      "CREATE TABLE \"%w\".\"%w_stage\"(seq INTEGER PRIMARY KEY, source INTEGER,"
                      " %s)",
                      feed->schema, feed->name, values, feed->schema, feed->name, values);
    sqlite3_free(values);
    return rc;
}

static int create_schema_table(Feed *feed)
{
    char *columns = value_columns(feed, "change_id INTEGER PRIMARY KEY", SCHEMA_VALUES);
    if (columns == NULL)
        return SQLITE_NOMEM;
    int rc = sql_exec(feed->db, "CREATE TABLE \"%w\".\"%w_schema\"(%s)", feed->schema, feed->name,
                      columns);
    sqlite3_free(columns);
    return rc;
}

// ALTER TABLE reads the schema anew, which a virtual table being created does not survive in every
// library: so the columns are counted first.
int feed_create_tables(Feed *feed, int width)
{
    const char *s = feed->schema;
    const char *n = feed->name;
    TRY(check_width(feed, width));
    TRY(create_value_tables(feed, width));
    TRY(create_schema_table(feed));
    TRY(sql_exec(feed->db,
                 "CREATE TABLE \"%w\".\"%w_layout\"(layout INTEGER PRIMARY KEY, source INTEGER,"
                 " table_name TEXT, columns TEXT, key_count INTEGER);"
                 "CREATE TABLE \"%w\".\"%w_source\"(source INTEGER PRIMARY KEY, table_name TEXT,"
                 " layout INTEGER, sql TEXT);",
                 s, n, s, n));
    return sql_exec(feed->db,
                    "CREATE TABLE \"%w\".\"%w_consumer\"(name TEXT PRIMARY KEY, position INTEGER,"
                    " updated INTEGER) WITHOUT ROWID;"
                    "CREATE TABLE \"%w\".\"%w_config\"(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
                    "INSERT INTO \"%w\".\"%w_layout\" VALUES (%d, 0, 'sqlite_schema',"
                    " '[\"type\",\"name\",\"tbl_name\",\"rootpage\",\"sql\"]', 0)",
                    s, n, s, n, s, n, LAYOUT_SCHEMA);
}

static const char *const table_names[] = {"log",   "schema",   "layout", "source",
                                          "stage", "consumer", "config"};

int feed_drop_tables(Feed *feed)
{
    TRY(feed_drop_triggers(feed, NULL));
    for (int i = 0; i < ARRAY_LEN(table_names); i++)
        TRY(sql_exec(feed->db, "DROP TABLE IF EXISTS \"%w\".\"%w_%s\"", feed->schema, feed->name,
                     table_names[i]));
    return SQLITE_OK;
}

// SQLite renames the tables inside the triggers, too; the names of the triggers themselves are put
// right by the next refresh, which finds no trigger under the names it expects.
int feed_rename_tables(Feed *feed, const char *name)
{
    ASSERT(name != NULL);

    TRY(feed_drop_triggers(feed, NULL));
    for (int i = 0; i < ARRAY_LEN(table_names); i++)
        TRY(sql_exec(feed->db, "ALTER TABLE \"%w\".\"%w_%s\" RENAME TO \"%w_%s\"", feed->schema,
                     feed->name, table_names[i], name, table_names[i]));
    feed->name = name;
    TRY(sql_exec(feed->db, "DELETE FROM \"%w\".\"%w_config\" WHERE key = 'schema_version'",
                 feed->schema, name));
    return feed_refresh(feed, NULL);
}

static int widen_table(Feed *feed, const char *table, int width)
{
    ASSERT(width >= 0);

    i64 have;
    TRY(sql_int(feed->db, 0, &have,
                "SELECT count(*) FROM pragma_table_info('%q_%q', %Q) WHERE name GLOB 'v[0-9]*'",
                feed->name, table, feed->schema));
    for (i64 i = have; i < width; i++)
        TRY(sql_exec_quietly(feed->db, "ALTER TABLE \"%w\".\"%w_%w\" ADD COLUMN v%lld",
                             feed->schema, feed->name, table, i));
    return SQLITE_OK;
}

int feed_widen(Feed *feed, int width)
{
    TRY(check_width(feed, width));
    TRY(widen_table(feed, "log", width));
    return widen_table(feed, "stage", width);
}

int feed_add_source(Feed *feed, const char *table)
{
    i64 known;
    TRY(sql_int(feed->db, 0, &known,
                "SELECT count(*) FROM \"%w\".\"%w_source\" WHERE table_name = %Q COLLATE NOCASE",
                feed->schema, feed->name, table));
    if (known != 0)
        return feed_error(feed, "cdc: %s is named twice", table);
    TableShape shape;
    int rc = shape_read(feed, table, &shape);
    if (rc == SQLITE_OK)
        rc = sql_exec(feed->db, "INSERT INTO \"%w\".\"%w_source\"(table_name) VALUES (%Q)",
                      feed->schema, feed->name, shape.name);
    shape_free(&shape);
    return rc;
}
