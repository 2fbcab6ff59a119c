// Statements that change the schema: records about sqlite_schema for the connection's capture, and
// feeds that are carried along.
//
// What a statement does to sqlite_schema is read off a copy made before it: that holds for every
// kind of statement there is. All runs inside a savepoint, so that the statement, its records and
// the triggers of feeds come together or not at all.
#include "cdc/capture.h"

enum { SCHEMA_COLUMNS = 5, COLUMN_SQL = 4 };

static void copy_free(SchemaCopy *copy)
{
    ASSERT(copy->count == 0 || copy->rows != NULL);

    for (int i = 0; i < copy->count; i++) {
        for (int k = 0; k < SCHEMA_COLUMNS; k++)
            sqlite3_value_free(copy->rows[i].columns[k]);
    }
    sqlite3_free(copy->rows);
    *copy = (SchemaCopy){0};
}

static int copy_row(SchemaCopy *copy, sqlite3_stmt *stmt)
{
    ASSERT(copy->count >= 0);

    if ((copy->count & (copy->count - 1)) == 0) {
        size_t space = copy->count == 0 ? 1 : (size_t)copy->count * 2;
        void *rows = sqlite3_realloc64(copy->rows, space * sizeof *copy->rows);
        if (rows == NULL)
            return SQLITE_NOMEM;
        copy->rows = rows;
    }
    SchemaRow *row = &copy->rows[copy->count++];
    *row = (SchemaRow){.rowid = sqlite3_column_int64(stmt, 0)};
    for (int i = 0; i < SCHEMA_COLUMNS; i++) {
        row->columns[i] = sqlite3_value_dup(sqlite3_column_value(stmt, i + 1));
        if (row->columns[i] == NULL)
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

static int copy_schema(sqlite3 *db, SchemaCopy *copy)
{
    ASSERT(copy->count == 0 && copy->rows == NULL);

    sqlite3_stmt *stmt;
    int rc = SQLITE_OK;
    int step = SQLITE_OK;
    TRY(sql_prepare(db, &stmt,
                    "SELECT rowid, type, name, tbl_name, rootpage, sql FROM main.sqlite_schema"
                    " ORDER BY rowid"));
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = copy_row(copy, stmt);
    int close = stmt_close(stmt, step);
    if (rc == SQLITE_OK)
        rc = close;
    if (rc != SQLITE_OK)
        copy_free(copy);
    return rc;
}

// --- records ---

static bool texts_equal(sqlite3_value *a, sqlite3_value *b)
{
    ASSERT(a != NULL && b != NULL);

    const char *a_text = (const char *)sqlite3_value_text(a);
    const char *b_text = (const char *)sqlite3_value_text(b);
    if (a_text == NULL || b_text == NULL)
        return a_text == b_text;
    return strcmp(a_text, b_text) == 0;
}

static bool rows_equal(const SchemaRow *a, const SchemaRow *b)
{
    ASSERT(a->rowid == b->rowid);

    for (int i = 0; i < SCHEMA_COLUMNS; i++) {
        if (!texts_equal(a->columns[i], b->columns[i]))
            return false;
    }
    return true;
}

static int encode(const SchemaRow *row, u8 **out, size_t *size)
{
    RecordBuilder builder = {0};
    *out = NULL;
    *size = 0;
    if (row == NULL)
        return SQLITE_OK;
    for (int i = 0; i < SCHEMA_COLUMNS; i++)
        record_add_value(&builder, row->columns[i]);
    return record_finish(&builder, out, size);
}

// The slot of sql has the statement that made the change, in place of the definition it led to.
static int encode_updates(const SchemaRow *before, const SchemaRow *after, const char *sql,
                          u8 **out, size_t *size)
{
    ASSERT(before->rowid == after->rowid);
    ASSERT(sql != NULL);

    RecordBuilder builder = {0};
    for (int i = 0; i < SCHEMA_COLUMNS; i++)
        record_add_i64(&builder, !texts_equal(before->columns[i], after->columns[i]));
    for (int i = 0; i < SCHEMA_COLUMNS; i++) {
        if (texts_equal(before->columns[i], after->columns[i]))
            record_add_null(&builder);
        else if (i == COLUMN_SQL)
            record_add_text(&builder, sql, strlen(sql));
        else
            record_add_value(&builder, after->columns[i]);
    }
    return record_finish(&builder, out, size);
}

static bool is_own_table(const Capture *capture, const SchemaRow *row)
{
    const char *name = (const char *)sqlite3_value_text(row->columns[2]);
    return name != NULL
           && (sqlite3_stricmp(name, capture->table) == 0
               || sqlite3_stricmp(name, "turso_cdc_version") == 0);
}

// A row that is new (before NULL), gone (after NULL) or different.
static int record_row(Capture *capture, const SchemaRow *before, const SchemaRow *after,
                      const char *sql)
{
    ASSERT(before != NULL || after != NULL);
    ASSERT(before == NULL || after == NULL || before->rowid == after->rowid);

    u8 *images[3] = {NULL, NULL, NULL};
    size_t sizes[3] = {0};
    int rc = SQLITE_OK;
    int type = before == NULL ? CHANGE_INSERT : after == NULL ? CHANGE_DELETE : CHANGE_UPDATE;
    if (is_own_table(capture, after != NULL ? after : before))
        return SQLITE_OK;
    if (mode_has_before(capture->mode))
        TRY_DONE(encode(before, &images[0], &sizes[0]));
    if (mode_has_after(capture->mode))
        TRY_DONE(encode(after, &images[1], &sizes[1]));
    if (capture->mode == CAPTURE_FULL && type == CHANGE_UPDATE)
        TRY_DONE(encode_updates(before, after, sql, &images[2], &sizes[2]));
    const ChangeRecord record = {.type = type,
                                 .table = "sqlite_schema",
                                 .rowid = after != NULL ? after->rowid : before->rowid,
                                 .before = {images[0], sizes[0]},
                                 .after = {images[1], sizes[1]},
                                 .updates = {images[2], sizes[2]}};
    rc = capture_write(capture, &record);
done:
    for (int i = 0; i < 3; i++)
        sqlite3_free(images[i]);
    return rc;
}

// CREATE TABLE AS: all rows there are came with the table.
static int record_first_rows(Capture *capture, const char *table)
{
    ASSERT(capture->mode != CAPTURE_OFF);

    sqlite3_stmt *stmt;
    int rc = SQLITE_OK;
    int step = SQLITE_OK;
    TRY(sql_prepare(capture->db, &stmt, "SELECT rowid, * FROM main.\"%w\" ORDER BY rowid", table));
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        RecordBuilder builder = {0};
        u8 *image = NULL;
        size_t size = 0;
        for (int i = 1; i < sqlite3_column_count(stmt); i++)
            record_add_value(&builder, sqlite3_column_value(stmt, i));
        rc = record_finish(&builder, &image, &size);
        bool wanted = mode_has_after(capture->mode);
        const ChangeRecord record = {.type = CHANGE_INSERT,
                                     .table = table,
                                     .rowid = sqlite3_column_int64(stmt, 0),
                                     .after = {wanted ? image : NULL, size}};
        if (rc == SQLITE_OK)
            rc = capture_write(capture, &record);
        sqlite3_free(image);
    }
    int close = stmt_close(stmt, step);
    return rc != SQLITE_OK ? rc : close;
}

static bool is_ordinary_table(const SchemaRow *row)
{
    const char *type = (const char *)sqlite3_value_text(row->columns[0]);
    const char *sql = (const char *)sqlite3_value_text(row->columns[COLUMN_SQL]);
    return type != NULL && strcmp(type, "table") == 0 && sql != NULL
           && sqlite3_strnicmp(sql, "CREATE TABLE", 12) == 0;
}

// Only CREATE TABLE AS makes a table with rows in it, and always one with rowids.
static int record_new_row(Capture *capture, const SchemaRow *row, const char *sql)
{
    ASSERT(sql != NULL);

    i64 rows = 0;
    i64 has_rowid;
    TRY(record_row(capture, NULL, row, sql));
    if (!is_ordinary_table(row) || is_own_table(capture, row))
        return SQLITE_OK;
    const char *table = (const char *)sqlite3_value_text(row->columns[1]);
    TRY(sql_int(capture->db, 0, &has_rowid,
                "SELECT NOT wr FROM pragma_table_list WHERE schema = 'main' AND name = %Q", table));
    if (has_rowid != 0)
        TRY(sql_int(capture->db, 0, &rows, "SELECT EXISTS (SELECT 1 FROM main.\"%w\")", table));
    return rows != 0 ? record_first_rows(capture, table) : SQLITE_OK;
}

// --- differences ---

// Both copies are in the order of rowids. A pair is a row before and after, one of which may be
// NULL.
typedef struct Differences {
    const SchemaCopy *before, *after;
    int before_at, after_at;
    const SchemaRow *old_row, *new_row;
} Differences;

static bool next_pair(Differences *d)
{
    ASSERT(d->before_at <= d->before->count);
    ASSERT(d->after_at <= d->after->count);

    const SchemaRow *o = d->before_at < d->before->count ? &d->before->rows[d->before_at] : NULL;
    const SchemaRow *n = d->after_at < d->after->count ? &d->after->rows[d->after_at] : NULL;
    if (o != NULL && n != NULL && o->rowid < n->rowid)
        n = NULL;
    else if (o != NULL && n != NULL && n->rowid < o->rowid)
        o = NULL;
    d->before_at += o != NULL;
    d->after_at += n != NULL;
    d->old_row = o;
    d->new_row = n;
    return o != NULL || n != NULL;
}

// A virtual table makes, renames and drops the tables behind it by itself: whoever repeats the
// statement gets them, too. *name is borrowed from a copy; NULL: no virtual table is concerned.
static const char *find_virtual(Differences d)
{
    while (next_pair(&d)) {
        const SchemaRow *row = d.old_row != NULL ? d.old_row : d.new_row;
        const char *sql = (const char *)sqlite3_value_text(row->columns[COLUMN_SQL]);
        bool differs = d.old_row == NULL || d.new_row == NULL || !rows_equal(d.old_row, d.new_row);
        if (differs && sql != NULL && sqlite3_strnicmp(sql, "CREATE VIRTUAL", 14) == 0)
            return (const char *)sqlite3_value_text(row->columns[1]);
    }
    return NULL;
}

// Named as the virtual table with an underscore behind: a table, index or trigger of its own.
static bool belongs_to(const SchemaRow *row, const char *virtual_name)
{
    size_t size = virtual_name == NULL ? 0 : strlen(virtual_name);
    for (int i = 1; i <= 2 && size > 0 && row != NULL; i++) {
        const char *name = (const char *)sqlite3_value_text(row->columns[i]);
        if (name != NULL && sqlite3_strnicmp(name, virtual_name, (int)size) == 0
            && name[size] == '_')
            return true;
    }
    return false;
}

static int record_differences(Capture *capture, const SchemaCopy *after, const char *sql)
{
    ASSERT(capture->mode != CAPTURE_OFF);

    Differences d = {.before = &capture->schema, .after = after};
    const char *virtual_name = find_virtual(d);
    while (next_pair(&d)) {
        if (belongs_to(d.old_row != NULL ? d.old_row : d.new_row, virtual_name))
            continue;
        if (d.old_row == NULL)
            TRY(record_new_row(capture, d.new_row, sql));
        else if (d.new_row == NULL || !rows_equal(d.old_row, d.new_row))
            TRY(record_row(capture, d.old_row, d.new_row, sql));
    }
    return SQLITE_OK;
}

static int record_schema(Capture *capture, const char *sql)
{
    ASSERT(sql != NULL);

    SchemaCopy after = {0};
    while (*sql == ' ' || *sql == '\n' || *sql == '\t' || *sql == '\r')
        sql++;
    TRY(copy_schema(capture->db, &after));
    int rc = record_differences(capture, &after, sql);
    copy_free(&after);
    return rc;
}

// --- feeds ---

typedef int FeedAction(Feed *feed, const quire_schema_change *change);

static int drop_triggers(Feed *feed, const quire_schema_change *change)
{
    return feed_drop_triggers(feed, change->name);
}

static int refresh(Feed *feed, const quire_schema_change *change)
{
    return feed_refresh(feed, change->sql);
}

static int visit_feed(sqlite3 *db, const char *name, FeedAction *action,
                      const quire_schema_change *change)
{
    ASSERT(name != NULL);

    Feed feed = {.db = db, .schema = "main", .name = name};
    int rc = feed_open(&feed);
    if (rc == SQLITE_OK && feed.is_durable) {
        rc = action(&feed, change);
        if (rc != SQLITE_OK)
            sql_set_error(db, rc, feed.error);
    } else if (feed.error != NULL) {
        rc = SQLITE_OK; // another module's table of that spelling
    }
    sqlite3_free(feed.error);
    return rc;
}

static int visit_feeds(sqlite3 *db, FeedAction *action, const quire_schema_change *change)
{
    ASSERT(action != NULL);

    char *names;
    int rc = sql_text(db, &names,
                      "SELECT group_concat('\"' || replace(name, '\"', '\"\"') || '\"')"
                      " FROM main.sqlite_schema WHERE type = 'table'"
                      " AND sql LIKE 'CREATE VIRTUAL TABLE%%USING%%cdc%%'");
    const char *at = names == NULL ? "" : names;
    char *name;
    while (rc == SQLITE_OK && (name = list_next_name(&at, &rc)) != NULL) {
        rc = visit_feed(db, name, action, change);
        sqlite3_free(name);
    }
    sqlite3_free(names);
    return rc;
}

static int has_feeds(Capture *capture, bool *out)
{
    i64 count;
    TRY(sql_int(capture->db, 0, &count,
                "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table'"
                " AND sql LIKE 'CREATE VIRTUAL TABLE%%USING%%cdc%%'"));
    *out = count > 0;
    return SQLITE_OK;
}

// --- the hook ---

static int before(Capture *capture, const quire_schema_change *change)
{
    ASSERT(capture->schema.rows == NULL);

    bool feeds = capture->knows_feeds;
    capture->has_savepoint = false;
    if (!feeds && change->kind == QUIRE_SCHEMA_ALTER)
        TRY(has_feeds(capture, &feeds));
    if (!feeds && capture->mode == CAPTURE_OFF)
        return SQLITE_OK;
    capture->knows_feeds = feeds;
    capture->was_autocommit = sqlite3_get_autocommit(capture->db) != 0;
    TRY(savepoint_open(capture->db));
    capture->has_savepoint = true;
    int rc = SQLITE_OK;
    if (feeds && change->kind == QUIRE_SCHEMA_ALTER)
        rc = visit_feeds(capture->db, drop_triggers, change);
    if (rc == SQLITE_OK && capture->mode != CAPTURE_OFF)
        rc = copy_schema(capture->db, &capture->schema);
    if (rc != SQLITE_OK)
        capture->has_savepoint = false;
    return rc == SQLITE_OK ? rc : savepoint_close(capture->db, rc);
}

static int after(Capture *capture, const quire_schema_change *change)
{
    ASSERT(capture->schema.count == 0 || capture->has_savepoint);

    int rc = SQLITE_OK;
    if (!capture->has_savepoint)
        return SQLITE_OK;
    if (capture->mode != CAPTURE_OFF)
        rc = record_schema(capture, change->sql);
    if (rc == SQLITE_OK && capture->knows_feeds)
        rc = visit_feeds(capture->db, refresh, change);
    if (rc == SQLITE_OK && capture->mode != CAPTURE_OFF && capture->was_autocommit)
        rc = capture_commit(capture, false); // the release below ends the transaction
    copy_free(&capture->schema);
    capture->has_savepoint = false;
    return savepoint_close(capture->db, rc);
}

static int failed(Capture *capture)
{
    if (!capture->has_savepoint)
        return SQLITE_OK;
    copy_free(&capture->schema);
    capture->has_savepoint = false;
    int rc = savepoint_close(capture->db, SQLITE_ABORT);
    return rc == SQLITE_ABORT ? SQLITE_OK : rc;
}

int capture_schema_hook(void *arg, sqlite3 *db, const quire_schema_change *change)
{
    Capture *capture = arg;
    ASSERT(capture->db == db);
    (void)db;
    switch (change->phase) {
    case QUIRE_SCHEMA_BEFORE: return before(capture, change);
    case QUIRE_SCHEMA_AFTER: return after(capture, change);
    default: return failed(capture);
    }
}
