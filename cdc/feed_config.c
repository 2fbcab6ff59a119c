// The settings of a feed: read from CREATE VIRTUAL TABLE, kept in feed_config.
//
// The arguments are read once, when the feed is made; from then on the table is the truth, which
// any process can read as SQL. Whoever works on a feed loads its settings anew (F5). What is read
// may be damaged: an unknown mode is an error, limits that make no sense limit nothing.
#include "cdc/feed.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

static const char *const mode_names[] = {"off", "id", "before", "after", "full"};

bool capture_mode_parse(const char *text, size_t size, CaptureMode *out)
{
    ASSERT(text != NULL || size == 0);

    for (int i = 0; i < ARRAY_LEN(mode_names); i++) {
        if (strlen(mode_names[i]) == size && memcmp(mode_names[i], text, size) == 0) {
            *out = (CaptureMode)i;
            return true;
        }
    }
    return false;
}

const char *capture_mode_name(CaptureMode mode)
{
    ASSERT((int)mode < ARRAY_LEN(mode_names));
    return mode_names[mode];
}

int feed_error(Feed *feed, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_free(feed->error);
    feed->error = sqlite3_vmprintf(format, args);
    va_end(args);
    return SQLITE_ERROR;
}

int feed_keep_error(Feed *feed, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_NOMEM && feed->error == NULL)
        feed->error = sqlite3_mprintf("%s", sqlite3_errmsg(feed->db));
    return rc;
}

// --- words and numbers ---

static const char *skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

// A value without its quotes, doubled quotes made single (sqlite3_free).
static char *unquote(const char *text, size_t size)
{
    ASSERT(text != NULL);

    char *out = sqlite3_mprintf("%.*s", (int)size, text);
    if (out == NULL || size < 2 || (text[0] != '\'' && text[0] != '"' && text[0] != '`'))
        return out;
    size_t length = 0;
    for (size_t i = 1; i + 1 < size; i++) {
        out[length++] = text[i];
        if (text[i] == text[0] && text[i + 1] == text[0])
            i++;
    }
    out[length] = '\0';
    return out;
}

char *list_next_name(const char **at, int *rc)
{
    ASSERT(*rc == SQLITE_OK);

    const char *start = skip_space(*at);
    const char *end = start;
    if (*start == '\0')
        return NULL;
    if (*start == '"' || *start == '\'' || *start == '`') {
        for (end++; *end != '\0' && (*end != *start || end[1] == *start); end++)
            end += *end == *start;
        end += *end != '\0';
    } else {
        while (*end != '\0' && *end != ',')
            end++;
    }
    size_t size = (size_t)(end - start);
    while (size > 0 && isspace((unsigned char)start[size - 1]))
        size--;
    end = skip_space(end);
    *at = *end == ',' ? end + 1 : end;
    char *name = unquote(start, size);
    if (name == NULL)
        *rc = SQLITE_NOMEM;
    return name;
}

typedef struct Unit {
    const char *name;
    i64 factor;
} Unit;

static const Unit age_units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"", 1}};
static const Unit size_units[] = {
    {"KB", 1024}, {"MB", 1048576}, {"GB", 1073741824}, {"B", 1}, {"", 1}};

// A whole number with a unit. false: not one, or beyond what fits.
static bool parse_amount(const char *text, const Unit *units, int unit_count, i64 *out)
{
    ASSERT(unit_count > 0);

    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    long long number = strtoll(text, &end, 10);
    for (int i = 0; i < unit_count; i++) {
        if (sqlite3_stricmp(skip_space(end), units[i].name) == 0
            && number <= INT64_MAX / units[i].factor) {
            *out = number * units[i].factor;
            return true;
        }
    }
    return false;
}

static bool parse_switch(const char *text, bool *out)
{
    *out = text[0] == '1';
    return (text[0] == '0' || text[0] == '1') && text[1] == '\0';
}

// --- arguments ---

static bool set_option(Feed *feed, const char *key, const char *value)
{
    if (strcmp(key, "mode") == 0)
        return capture_mode_parse(value, strlen(value), &feed->mode) && feed->mode != CAPTURE_OFF;
    if (strcmp(key, "max_age") == 0)
        return parse_amount(value, age_units, ARRAY_LEN(age_units), &feed->max_age_s);
    if (strcmp(key, "max_size") == 0)
        return parse_amount(value, size_units, ARRAY_LEN(size_units), &feed->max_bytes);
    if (strcmp(key, "max_rows") == 0)
        return parse_amount(value, &age_units[4], 1, &feed->max_rows);
    if (strcmp(key, "keep_unread") == 0)
        return parse_switch(value, &feed->keep_unread);
    ASSERT(strcmp(key, "backfill") == 0);
    return parse_switch(value, &feed->backfill);
}

static bool is_option(const char *key)
{
    static const char *const keys[] = {"mode",     "max_age",     "max_size",
                                       "max_rows", "keep_unread", "backfill"};
    for (int i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static int take_argument(Feed *feed, const char *key, const char *value, char **tables)
{
    ASSERT(tables != NULL);

    if (strcmp(key, "tables") == 0) {
        sqlite3_free(*tables);
        *tables = sqlite3_mprintf("%s", value);
        return *tables == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (!is_option(key))
        return feed_error(feed, "cdc: unknown option: %s", key);
    return set_option(feed, key, value) ? SQLITE_OK
                                        : feed_error(feed, "cdc: bad value for %s: %s", key, value);
}

static int parse_argument(Feed *feed, const char *argument, char **tables)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL)
        return feed_error(feed, "cdc: expected option=value, got %s", argument);
    const char *start = skip_space(argument);
    size_t size = (size_t)(equals - start);
    while (size > 0 && isspace((unsigned char)start[size - 1]))
        size--;
    const char *value = skip_space(equals + 1);
    size_t value_size = strlen(value);
    while (value_size > 0 && isspace((unsigned char)value[value_size - 1]))
        value_size--;
    char *key = sqlite3_mprintf("%.*s", (int)size, start);
    char *text = unquote(value, value_size);
    int rc = SQLITE_NOMEM;
    if (key != NULL && text != NULL)
        rc = take_argument(feed, key, text, tables);
    sqlite3_free(key);
    sqlite3_free(text);
    return rc;
}

int feed_parse_arguments(Feed *feed, int count, const char *const *args, char **tables)
{
    feed->mode = CAPTURE_FULL;
    feed->keep_unread = true;
    *tables = NULL;
    for (int i = 0; i < count; i++)
        TRY(parse_argument(feed, args[i], tables));
    if (*tables == NULL)
        return feed_error(feed, "cdc: tables='...' names the tables to capture");
    return SQLITE_OK;
}

// --- feed_config ---

int feed_config_save(Feed *feed)
{
    ASSERT(feed->mode != CAPTURE_OFF);

    return sql_exec(feed->db,
                    "INSERT OR REPLACE INTO \"%w\".\"%w_config\" VALUES ('mode', %Q),"
                    " ('max_age', %lld), ('max_rows', %lld), ('max_size', %lld),"
                    " ('keep_unread', %d)",
                    feed->schema, feed->name, capture_mode_name(feed->mode), feed->max_age_s,
                    feed->max_rows, feed->max_bytes, (int)feed->keep_unread);
}

static void take_setting(Feed *feed, const char *key, sqlite3_stmt *row)
{
    ASSERT(key != NULL);

    i64 number = sqlite3_column_int64(row, 1);
    if (strcmp(key, "mode") == 0) {
        const char *text = (const char *)sqlite3_column_text(row, 1);
        if (text == NULL || !capture_mode_parse(text, strlen(text), &feed->mode))
            feed->mode = CAPTURE_OFF;
    } else if (strcmp(key, "max_age") == 0) {
        feed->max_age_s = number;
    } else if (strcmp(key, "max_rows") == 0) {
        feed->max_rows = number;
    } else if (strcmp(key, "max_size") == 0) {
        feed->max_bytes = number;
    } else if (strcmp(key, "keep_unread") == 0) {
        feed->keep_unread = number != 0;
    }
}

int feed_config_load(Feed *feed)
{
    sqlite3_stmt *stmt;
    int step;
    feed->mode = CAPTURE_OFF;
    TRY(sql_prepare(feed->db, &stmt, "SELECT key, value FROM \"%w\".\"%w_config\"", feed->schema,
                    feed->name));
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(stmt, 0);
        if (key != NULL)
            take_setting(feed, key, stmt);
    }
    TRY(stmt_close(stmt, step));
    if (feed->mode == CAPTURE_OFF)
        return feed_error(feed, "cdc: the settings of %s are damaged", feed->name);
    return SQLITE_OK;
}

// --- finding a feed ---

int feed_split_name(const char *text, char **schema, char **name)
{
    const char *dot = strchr(text, '.');
    *schema =
        dot == NULL ? sqlite3_mprintf("main") : sqlite3_mprintf("%.*s", (int)(dot - text), text);
    *name = sqlite3_mprintf("%s", dot == NULL ? text : dot + 1);
    return *schema == NULL || *name == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// Of a durable feed there are the virtual table, its log and its layouts; a connection's capture
// is one table with the column change_txn_id.
int feed_open(Feed *feed)
{
    ASSERT(feed->schema != NULL && feed->name != NULL);

    i64 tables;
    i64 captures;
    TRY(sql_int(feed->db, 0, &tables,
                "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type = 'table'"
                " AND name COLLATE NOCASE IN (%Q, '%q_log', '%q_layout')",
                feed->schema, feed->name, feed->name, feed->name));
    feed->is_durable = tables == 3;
    if (feed->is_durable)
        return feed_config_load(feed);
    TRY(sql_int(feed->db, 0, &captures,
                "SELECT count(*) FROM pragma_table_info(%Q, %Q) WHERE name IN ('change_id',"
                " 'change_type', 'table_name', 'before', 'after', 'updates')",
                feed->name, feed->schema));
    feed->keep_unread = true;
    return captures == 6 ? SQLITE_OK : feed_error(feed, "no such feed: %s", feed->name);
}
