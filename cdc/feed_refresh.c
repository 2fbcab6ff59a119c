// Follows the captured tables through schema changes: see feed_refresh() in feed.h.
//
// A source whose `sql` is NULL is one whose table the feed has not seen: not yet, or no more. What
// changed since the last time is told as records about sqlite_schema, with the statement that
// brings a copy of the table along; where another process changed it, the statement is worked out
// from the columns.
#include "cdc/feed_trigger.h"

typedef struct Source {
    i64 id, layout;
    char *table, *sql; // as last seen
} Source;

static void source_free(Source *source)
{
    sqlite3_free(source->table);
    sqlite3_free(source->sql);
    memset(source, 0, sizeof *source);
}

// The first source with a number above `after`. false: none.
static int next_source(Feed *feed, i64 after, Source *out, bool *found)
{
    ASSERT(out->table == NULL && out->sql == NULL);

    sqlite3_stmt *stmt;
    TRY(sql_prepare(feed->db, &stmt,
                    "SELECT source, table_name, layout, sql FROM \"%w\".\"%w_source\""
                    " WHERE source > %lld ORDER BY source LIMIT 1",
                    feed->schema, feed->name, after));
    int step = sqlite3_step(stmt);
    bool has_sql = false; // one that memory is short for is not one that was never seen
    *found = step == SQLITE_ROW;
    if (*found) {
        out->id = sqlite3_column_int64(stmt, 0);
        out->layout = sqlite3_column_int64(stmt, 2);
        out->table = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 1));
        has_sql = sqlite3_column_type(stmt, 3) != SQLITE_NULL;
        if (has_sql)
            out->sql = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 3));
    }
    bool is_whole = !*found || (out->table != NULL && (out->sql != NULL) == has_sql);
    TRY(stmt_close(stmt, step));
    return is_whole ? SQLITE_OK : SQLITE_NOMEM;
}

// --- triggers ---

// By their names: which of them exist depends on the table as it was.
static int drop_source_triggers(Feed *feed, i64 source)
{
    ASSERT(source > 0);

    for (int kind = 0; kind < TRIGGER_KINDS; kind++) {
        char *name = trigger_name(feed, source, (TriggerKind)kind);
        if (name == NULL)
            return SQLITE_NOMEM;
        int rc =
            sql_exec_quietly(feed->db, "DROP TRIGGER IF EXISTS \"%w\".\"%w\"", feed->schema, name);
        sqlite3_free(name);
        TRY(rc);
    }
    return SQLITE_OK;
}

// A trigger that names no column stands in: the table may be renamed meanwhile, and takes it along.
static int replace_by_marker(Feed *feed, const Source *source)
{
    ASSERT(source->table != NULL);

    TRY(drop_source_triggers(feed, source->id));
    char *name = trigger_name(feed, source->id, TRIGGER_DELETE);
    if (name == NULL)
        return SQLITE_NOMEM;
    int rc = sql_exec_quietly(
        feed->db, "CREATE TRIGGER \"%w\".\"%w\" AFTER DELETE ON \"%w\" BEGIN SELECT 1; END",
        feed->schema, name, source->table);
    sqlite3_free(name);
    return rc;
}

// All of a table, or of every table (NULL), before the schema changes under them.
int feed_drop_triggers(Feed *feed, const char *table)
{
    Source source = {0};
    bool found;
    i64 after = 0;
    int rc = next_source(feed, after, &source, &found);
    while (rc == SQLITE_OK && found) {
        after = source.id;
        if (table == NULL)
            rc = drop_source_triggers(feed, source.id);
        else if (sqlite3_stricmp(table, source.table) == 0 && source.sql != NULL)
            rc = replace_by_marker(feed, &source);
        source_free(&source);
        if (rc == SQLITE_OK)
            rc = next_source(feed, after, &source, &found);
    }
    source_free(&source);
    return rc;
}

// The statement creates it in the schema of the feed, whichever that is.
static int create_trigger(Feed *feed, const char *text)
{
    static const char head[] = "CREATE TRIGGER ";
    ASSERT(strncmp(text, head, sizeof head - 1) == 0);
    return sql_exec_quietly(feed->db, "CREATE TRIGGER \"%w\".%s", feed->schema,
                            text + sizeof head - 1);
}

// text NULL: the table needs none of that name.
static int refresh_trigger(Feed *feed, const char *name, const char *text)
{
    i64 same;
    ASSERT(name != NULL);
    if (text == NULL)
        return sql_exec_quietly(feed->db, "DROP TRIGGER IF EXISTS \"%w\".\"%w\"", feed->schema,
                                name);
    TRY(sql_int(feed->db, 0, &same,
                "SELECT sql = %Q FROM \"%w\".sqlite_schema WHERE type = 'trigger' AND name = %Q",
                text, feed->schema, name));
    if (same != 0)
        return SQLITE_OK;
    TRY(sql_exec_quietly(feed->db, "DROP TRIGGER IF EXISTS \"%w\".\"%w\"", feed->schema, name));
    return create_trigger(feed, text);
}

// Those that are as they should be are left alone, so that an unchanged schema costs no write.
static int refresh_triggers(Feed *feed, const Source *source, const TableShape *shape)
{
    ASSERT(source->id > 0);
    ASSERT(shape->name != NULL);

    int rc = SQLITE_OK;
    for (int kind = 0; kind < TRIGGER_KINDS && rc == SQLITE_OK; kind++) {
        bool needed = trigger_is_needed(shape, (TriggerKind)kind);
        char *name = trigger_name(feed, source->id, (TriggerKind)kind);
        char *text = needed
                         ? trigger_text(feed, shape, source->id, source->layout, (TriggerKind)kind)
                         : NULL;
        bool complete = name != NULL && (text != NULL || !needed);
        rc = complete ? refresh_trigger(feed, name, text) : SQLITE_NOMEM;
        sqlite3_free(name);
        sqlite3_free(text);
    }
    return rc;
}

// --- records about the schema ---

// A change of the table's row in sqlite_schema, whose values follow.
static int log_schema_change(Feed *feed, int type, const char *table)
{
    ASSERT(type >= CHANGE_DELETE && type <= CHANGE_INSERT);

    return sql_exec_quietly(feed->db,
                            "INSERT INTO \"%w\".\"%w_log\"(change_time, change_type, layout, id)"
                            " VALUES (strftime('%%s','now'), %d, %d, (SELECT rowid FROM"
                            " \"%w\".sqlite_schema WHERE type = 'table' AND name = %Q))",
                            feed->schema, feed->name, type, LAYOUT_SCHEMA, feed->schema, table);
}

// The row of sqlite_schema as it is, and as the feed last saw it.
static int log_schema(Feed *feed, const Source *source, const TableShape *now,
                      const char *statement)
{
    ASSERT(now != NULL || source->sql != NULL);

    const char *s = feed->schema;
    const char *n = feed->name;
    if (now == NULL) {
        TRY(log_schema_change(feed, CHANGE_DELETE, NULL));
        return sql_exec_quietly(
            feed->db,
            "INSERT INTO \"%w\".\"%w_schema\"(change_id, v0, v1, v2, v4, v10)"
            " SELECT max(change_id), 'table', %Q, %Q, %Q, %Q FROM \"%w\".\"%w_log\"",
            s, n, source->table, source->table, source->sql, statement, s, n);
    }
    if (source->sql == NULL) {
        TRY(log_schema_change(feed, CHANGE_INSERT, now->name));
        return sql_exec_quietly(
            feed->db,
            "INSERT INTO \"%w\".\"%w_schema\"(change_id, v0, v1, v2, v3, v4, v10)"
            " SELECT (SELECT max(change_id) FROM \"%w\".\"%w_log\"), type, name,"
            " tbl_name, rootpage, sql, %Q FROM \"%w\".sqlite_schema"
            " WHERE type = 'table' AND name = %Q",
            s, n, s, n, statement, s, now->name);
    }
    TRY(log_schema_change(feed, CHANGE_UPDATE, now->name));
    return sql_exec_quietly(feed->db,
                            "INSERT INTO \"%w\".\"%w_schema\" SELECT (SELECT max(change_id) FROM"
                            " \"%w\".\"%w_log\"), type, %Q, %Q, rootpage, %Q, type, name, tbl_name,"
                            " rootpage, sql, %Q FROM \"%w\".sqlite_schema"
                            " WHERE type = 'table' AND name = %Q",
                            s, n, s, n, source->table, source->table, source->sql, statement, s,
                            now->name);
}

// What ALTER TABLE statements turn the table last seen into the one there is. Columns that keep
// their place were renamed, for SQLite lets no process drop one that a trigger names.
static int derive_statement(Feed *feed, const Source *source, const TableShape *now, char **out)
{
    ASSERT(source->sql != NULL);

    sqlite3_str *text = sqlite3_str_new(feed->db);
    sqlite3_stmt *stmt = NULL;
    if (strcmp(source->table, now->name) != 0)
        sqlite3_str_appendf(text, "ALTER TABLE \"%w\" RENAME TO \"%w\";", source->table, now->name);
    int rc = sql_prepare(feed->db, &stmt,
                         "SELECT e.key, e.value FROM \"%w\".\"%w_layout\" AS l,"
                         " json_each(l.columns) AS e WHERE l.layout = %lld ORDER BY e.key",
                         feed->schema, feed->name, source->layout);
    int column = 0;
    int step = SQLITE_OK;
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *was = (const char *)sqlite3_column_text(stmt, 1);
        if (was != NULL && column < now->column_count
            && strcmp(was, now->columns[column].name) != 0)
            sqlite3_str_appendf(text, "ALTER TABLE \"%w\" RENAME COLUMN \"%w\" TO \"%w\";",
                                now->name, was, now->columns[column].name);
        column++;
    }
    if (rc == SQLITE_OK)
        rc = stmt_close(stmt, step);
    for (; column < now->column_count && rc == SQLITE_OK; column++) {
        const char *otherwise = now->columns[column].default_text;
        sqlite3_str_appendf(text, "ALTER TABLE \"%w\" ADD COLUMN \"%w\"%s%s;", now->name,
                            now->columns[column].name, otherwise == NULL ? "" : " DEFAULT ",
                            otherwise == NULL ? "" : otherwise);
    }
    *out = sqlite3_str_finish(text);
    return rc;
}

// --- one source ---

// Rows that were written between another process's ADD COLUMN and now lack the column in the log.
static int log_missed_values(Feed *feed, const TableShape *shape, i64 layout, int known_columns)
{
    ASSERT(known_columns >= 0);

    int rc = SQLITE_OK;
    if (!mode_has_after(feed->mode) || known_columns >= shape->column_count)
        return SQLITE_OK;
    char *head = trigger_snapshot_text(feed, shape, layout, CHANGE_UPDATE);
    sqlite3_str *sql = sqlite3_str_new(feed->db);
    sqlite3_str_appendf(sql, "%s WHERE 0", head == NULL ? "" : head);
    for (int i = known_columns; i < shape->column_count; i++) {
        const char *otherwise = shape->columns[i].default_text;
        sqlite3_str_appendf(sql, " OR t.\"%w\" IS NOT (%s)", shape->columns[i].name,
                            otherwise == NULL ? "NULL" : otherwise);
    }
    char *text = sqlite3_str_finish(sql);
    rc = head == NULL ? SQLITE_NOMEM : sql_exec_owned(feed->db, text);
    if (head == NULL)
        sqlite3_free(text);
    sqlite3_free(head);
    return rc;
}

// A new layout unless the old one still tells the truth.
static int refresh_layout(Feed *feed, Source *source, const TableShape *shape)
{
    i64 same;
    int stored = shape_stored_key_count(shape);
    TRY(sql_int(feed->db, 0, &same,
                "SELECT table_name = %Q AND columns = %Q AND key_count = %d"
                " FROM \"%w\".\"%w_layout\" WHERE layout = %lld",
                shape->name, shape->columns_json, stored, feed->schema, feed->name,
                source->layout));
    if (same != 0)
        return SQLITE_OK;
    TRY(feed_widen(feed, trigger_width(feed, shape)));
    TRY(sql_exec_quietly(feed->db,
                         "INSERT INTO \"%w\".\"%w_layout\"(source, table_name, columns, key_count)"
                         " VALUES (%lld, %Q, %Q, %d)",
                         feed->schema, feed->name, source->id, shape->name, shape->columns_json,
                         stored));
    return sql_int(feed->db, 0, &source->layout, "SELECT max(layout) FROM \"%w\".\"%w_layout\"",
                   feed->schema, feed->name);
}

// Record, layout, missed values, triggers, and last what was seen: a crash in between repeats it.
static int refresh_present(Feed *feed, Source *source, const TableShape *shape,
                           const char *statement)
{
    ASSERT(shape->sql != NULL);

    bool is_new = source->sql == NULL;
    bool differs = is_new || strcmp(source->sql, shape->sql) != 0;
    char *derived = NULL;
    i64 known = 0;
    int rc = SQLITE_OK;
    if (differs && !is_new) {
        TRY(sql_int(feed->db, 0, &known,
                    "SELECT json_array_length(columns) FROM \"%w\".\"%w_layout\""
                    " WHERE layout = %lld",
                    feed->schema, feed->name, source->layout));
        if (statement == NULL)
            TRY(derive_statement(feed, source, shape, &derived));
    }
    if (differs)
        TRY_DONE(log_schema(feed, source, shape, statement != NULL ? statement : derived));
    TRY_DONE(refresh_layout(feed, source, shape));
    if (differs && !is_new && statement == NULL)
        TRY_DONE(log_missed_values(feed, shape, source->layout, (int)known));
    TRY_DONE(refresh_triggers(feed, source, shape));
    if (is_new && feed->backfill)
        TRY_DONE(sql_exec_owned(feed->db,
                                trigger_snapshot_text(feed, shape, source->layout, CHANGE_INSERT)));
    rc = sql_exec_quietly(feed->db,
                          "UPDATE \"%w\".\"%w_source\" SET table_name = %Q, layout = %lld, sql = %Q"
                          " WHERE source = %lld",
                          feed->schema, feed->name, shape->name, source->layout, shape->sql,
                          source->id);
done:
    sqlite3_free(derived);
    return rc;
}

// Told once; the source stays, in case a table of that name comes again.
static int refresh_absent(Feed *feed, const Source *source, const char *statement)
{
    if (source->sql == NULL)
        return SQLITE_OK;
    TRY(log_schema(feed, source, NULL, statement));
    return sql_exec_quietly(feed->db,
                            "UPDATE \"%w\".\"%w_source\" SET sql = NULL WHERE source = %lld",
                            feed->schema, feed->name, source->id);
}

// The table's present name: a rename took the triggers along.
static int present_name(Feed *feed, const Source *source, char **out)
{
    ASSERT(source->table != NULL);

    char *trigger = trigger_name(feed, source->id, TRIGGER_DELETE);
    if (trigger == NULL)
        return SQLITE_NOMEM;
    int rc = sql_text(feed->db, out,
                      "SELECT coalesce((SELECT tbl_name FROM \"%w\".sqlite_schema WHERE"
                      " type = 'trigger' AND name = %Q), (SELECT name FROM \"%w\".sqlite_schema"
                      " WHERE type = 'table' AND name = %Q COLLATE NOCASE))",
                      feed->schema, trigger, feed->schema, source->table);
    sqlite3_free(trigger);
    return rc;
}

static int refresh_source(Feed *feed, Source *source, const char *statement)
{
    char *name = NULL;
    TableShape shape = {0};
    int rc = present_name(feed, source, &name);
    if (rc == SQLITE_OK && name == NULL) {
        rc = refresh_absent(feed, source, statement);
    } else if (rc == SQLITE_OK) {
        rc = shape_read(feed, name, &shape);
        if (rc == SQLITE_OK)
            rc = refresh_present(feed, source, &shape, statement);
    }
    shape_free(&shape);
    sqlite3_free(name);
    return rc;
}

// --- all of them ---

static int schema_version(Feed *feed, i64 *out)
{
    return sql_int(feed->db, 0, out, "PRAGMA \"%w\".schema_version", feed->schema);
}

static int refresh_all(Feed *feed, const char *statement)
{
    Source source = {0};
    bool found;
    i64 version;
    i64 after = 0;
    int rc = next_source(feed, after, &source, &found);
    while (rc == SQLITE_OK && found) {
        after = source.id;
        rc = refresh_source(feed, &source, statement);
        source_free(&source);
        if (rc == SQLITE_OK)
            rc = next_source(feed, after, &source, &found);
    }
    source_free(&source);
    TRY(rc);
    TRY(schema_version(feed, &version));
    return sql_exec_quietly(
        feed->db, "INSERT OR REPLACE INTO \"%w\".\"%w_config\" VALUES ('schema_version', %lld)",
        feed->schema, feed->name, version);
}

// The schema's version is what tells whether there is anything to look at.
int feed_refresh(Feed *feed, const char *statement)
{
    i64 seen;
    i64 version;
    TRY(sql_int(feed->db, -1, &seen,
                "SELECT value FROM \"%w\".\"%w_config\" WHERE key = 'schema_version'", feed->schema,
                feed->name));
    TRY(schema_version(feed, &version));
    if (seen == version)
        return SQLITE_OK;
    return feed_keep_error(feed, refresh_all(feed, statement));
}
