// Reads the shape of a captured table: see table_shape.h.
//
// All comes from pragmas, which every library has, but for the expressions of indexes: those are
// cut out of the text of CREATE INDEX, piece by piece at its commas, minding quotes, comments and
// brackets.
#include "cdc/table_shape.h"

#include <ctype.h>

// Room for one more element of an array of pointers or structs, doubling.
static int grow(void **array, int count, size_t element)
{
    ASSERT(count >= 0 && element > 0);

    if ((count & (count - 1)) != 0)
        return SQLITE_OK;
    size_t capacity = count == 0 ? 1 : (size_t)count * 2;
    void *larger = sqlite3_realloc64(*array, capacity * element);
    if (larger == NULL)
        return SQLITE_NOMEM;
    *array = larger;
    return SQLITE_OK;
}

static char *column_copy(sqlite3_stmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);
    return text == NULL ? NULL : sqlite3_mprintf("%s", text);
}

static void key_free(UniqueKey *key)
{
    for (int i = 0; i < key->part_count; i++) {
        sqlite3_free(key->parts[i].column);
        sqlite3_free(key->parts[i].expression);
        sqlite3_free(key->parts[i].collation);
    }
    sqlite3_free(key->parts);
}

void shape_free(TableShape *shape)
{
    for (int i = 0; i < shape->column_count; i++) {
        sqlite3_free(shape->columns[i].name);
        sqlite3_free(shape->columns[i].default_text);
    }
    for (int i = 0; i < shape->key_count; i++)
        key_free(&shape->keys[i]);
    sqlite3_free(shape->columns);
    sqlite3_free(shape->keys);
    sqlite3_free(shape->name);
    sqlite3_free(shape->sql);
    sqlite3_free(shape->alias);
    sqlite3_free(shape->columns_json);
    memset(shape, 0, sizeof *shape);
}

const UniqueKey *shape_primary_key(const TableShape *shape)
{
    for (int i = 0; i < shape->key_count; i++) {
        if (shape->keys[i].is_primary)
            return &shape->keys[i];
    }
    return NULL;
}

bool shape_has_other_keys(const TableShape *shape)
{
    ASSERT(shape->key_count >= 0);
    return shape->key_count > (shape_primary_key(shape) != NULL ? 1 : 0);
}

bool shape_has_hidden_key(const TableShape *shape)
{
    for (int i = 0; i < shape->key_count; i++) {
        if (shape->keys[i].is_hidden)
            return true;
    }
    return false;
}

int shape_stored_key_count(const TableShape *shape)
{
    const UniqueKey *key = shape->rowid == NULL ? shape_primary_key(shape) : NULL;
    return key != NULL && key->part_count > 1 ? key->part_count : 0;
}

// --- the expressions of an index ---

// Behind a quoted piece that begins at `at`; a comment counts as one.
static const char *skip_quoted(const char *at)
{
    ASSERT(*at != 0);

    char end = *at == '[' ? ']' : *at;
    if (at[0] == '-' && at[1] == '-') {
        while (*at != '\0' && *at != '\n')
            at++;
        return at;
    }
    if (at[0] == '/' && at[1] == '*') {
        const char *close = strstr(at + 2, "*/");
        return close == NULL ? at + strlen(at) : close + 2;
    }
    for (at++; *at != '\0'; at++) {
        if (*at == end && at[1] == end && end != ']')
            at++;
        else if (*at == end)
            return at + 1;
    }
    return at;
}

static bool is_quoted(const char *at)
{
    return *at == '\'' || *at == '"' || *at == '`' || *at == '[' || (at[0] == '-' && at[1] == '-')
           || (at[0] == '/' && at[1] == '*');
}

// Behind the piece that ends with a comma or parenthesis of the list's own level.
static const char *skip_piece(const char *at)
{
    ASSERT(at != NULL);

    int depth = 0;
    while (*at != '\0') {
        if (is_quoted(at)) {
            at = skip_quoted(at);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == ')'))
            return at;
        depth += (*at == '(') - (*at == ')');
        at++;
    }
    return at;
}

// Cuts ASC or DESC off the end of a piece; COLLATE does no harm inside an expression.
static size_t piece_size(const char *piece, size_t size)
{
    ASSERT(piece != NULL);

    static const char *const words[] = {"asc", "desc"};
    while (size > 0 && isspace((unsigned char)piece[size - 1]))
        size--;
    for (int i = 0; i < ARRAY_LEN(words); i++) {
        size_t word = strlen(words[i]);
        if (size > word && sqlite3_strnicmp(piece + size - word, words[i], (int)word) == 0
            && !isalnum((unsigned char)piece[size - word - 1]) && piece[size - word - 1] != '_')
            return size - word;
    }
    return size;
}

// The parenthesis that opens the list of columns: the first one outside quotes.
static const char *find_list(const char *sql)
{
    while (*sql != '\0' && *sql != '(')
        sql = is_quoted(sql) ? skip_quoted(sql) : sql + 1;
    return sql;
}

int index_expressions(const char *sql, int count, char ***out)
{
    ASSERT(count >= 0);

    char **texts = sqlite3_malloc64((u64)(count + 1) * sizeof *texts);
    if (texts == NULL)
        return SQLITE_NOMEM;
    memset(texts, 0, (size_t)(count + 1) * sizeof *texts);
    *out = texts;
    const char *at = find_list(sql);
    for (int i = 0; i < count && (*at == '(' || *at == ','); i++) {
        const char *piece = at + 1;
        at = skip_piece(piece);
        texts[i] = sqlite3_mprintf("%.*s", (int)piece_size(piece, (size_t)(at - piece)), piece);
        if (texts[i] == NULL)
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

// --- keys ---

static int read_key_part(sqlite3_stmt *stmt, char *expression, UniqueKey *key)
{
    TRY(grow((void **)&key->parts, key->part_count, sizeof *key->parts));
    KeyPart *part = &key->parts[key->part_count++];
    bool is_expression = sqlite3_column_int(stmt, 1) < 0;
    *part = (KeyPart){.column = column_copy(stmt, 2), .collation = column_copy(stmt, 4)};
    if (is_expression && expression != NULL)
        part->expression = sqlite3_mprintf("%s", expression);
    bool complete = part->collation != NULL && (part->column != NULL || part->expression != NULL);
    return complete ? SQLITE_OK : SQLITE_NOMEM;
}

static void texts_free(char **texts)
{
    for (int i = 0; texts != NULL && texts[i] != NULL; i++)
        sqlite3_free(texts[i]);
    sqlite3_free(texts);
}

static int read_key_parts(Feed *feed, const char *index, int count, UniqueKey *key)
{
    ASSERT(count >= 0);

    sqlite3_stmt *stmt = NULL;
    char *sql = NULL;
    char **texts = NULL;
    int step = SQLITE_OK;
    int rc;
    TRY_DONE(sql_text(feed->db, &sql, "SELECT sql FROM \"%w\".sqlite_schema WHERE name = %Q",
                      feed->schema, index));
    TRY_DONE(index_expressions(sql == NULL ? "" : sql, count, &texts));
    TRY_DONE(sql_prepare(feed->db, &stmt, "PRAGMA \"%w\".index_xinfo(%Q)", feed->schema, index));
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_int(stmt, 5) != 0)
            rc = read_key_part(stmt, texts[key->part_count], key);
    }
    if (rc == SQLITE_OK && step != SQLITE_DONE)
        rc = step;
done:
    (void)sqlite3_finalize(stmt);
    texts_free(texts);
    sqlite3_free(sql);
    return rc;
}

// Generated columns that are not stored are not among the shape's.
static bool is_plain_column(const TableShape *shape, const char *name)
{
    ASSERT(name != NULL);

    for (int i = 0; i < shape->column_count; i++) {
        if (sqlite3_stricmp(shape->columns[i].name, name) == 0)
            return !shape->columns[i].is_generated;
    }
    return false;
}

static int read_key(Feed *feed, TableShape *shape, const char *index, UniqueKey kind)
{
    i64 count;
    TRY(grow((void **)&shape->keys, shape->key_count, sizeof *shape->keys));
    UniqueKey *key = &shape->keys[shape->key_count++];
    *key = kind;
    ASSERT(key->parts == NULL);
    TRY(sql_int(feed->db, 0, &count, "SELECT count(*) FROM pragma_index_xinfo(%Q, %Q) WHERE key",
                index, feed->schema));
    TRY(read_key_parts(feed, index, (int)count, key));
    for (int i = 0; i < key->part_count; i++) {
        const char *column = key->parts[i].column;
        key->is_hidden |= column == NULL || !is_plain_column(shape, column);
    }
    return SQLITE_OK;
}

static int read_keys(Feed *feed, TableShape *shape)
{
    sqlite3_stmt *stmt;
    int step;
    int rc =
        sql_prepare(feed->db, &stmt, "PRAGMA \"%w\".index_list(%Q)", feed->schema, shape->name);
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) != SQLITE_DONE) {
        if (step != SQLITE_ROW) {
            rc = step;
        } else if (sqlite3_column_int(stmt, 2) != 0) {
            const char *index = (const char *)sqlite3_column_text(stmt, 1);
            const char *origin = (const char *)sqlite3_column_text(stmt, 3);
            UniqueKey kind = {.is_hidden = sqlite3_column_int(stmt, 4) != 0};
            kind.is_primary = origin != NULL && strcmp(origin, "pk") == 0 && shape->rowid == NULL;
            rc = index == NULL ? SQLITE_NOMEM : read_key(feed, shape, index, kind);
        }
    }
    int close = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : close;
}

// --- columns ---

// table_xinfo: hidden is 0 for plain columns, 2 for generated ones that are not stored, 3 for
// stored ones.
static int read_column(sqlite3_stmt *stmt, TableShape *shape)
{
    if (sqlite3_column_int(stmt, 6) == 2)
        return SQLITE_OK;
    TRY(grow((void **)&shape->columns, shape->column_count, sizeof *shape->columns));
    ShapeColumn *column = &shape->columns[shape->column_count++];
    *column = (ShapeColumn){.name = column_copy(stmt, 1),
                            .default_text = column_copy(stmt, 4),
                            .is_generated = sqlite3_column_int(stmt, 6) == 3};
    return column->name == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int read_columns(Feed *feed, TableShape *shape)
{
    sqlite3_stmt *stmt;
    int step;
    int rc =
        sql_prepare(feed->db, &stmt, "PRAGMA \"%w\".table_xinfo(%Q)", feed->schema, shape->name);
    while (rc == SQLITE_OK && (step = sqlite3_step(stmt)) != SQLITE_DONE)
        rc = step == SQLITE_ROW ? read_column(stmt, shape) : step;
    int close = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : close;
}

static bool has_column(const TableShape *shape, const char *name)
{
    ASSERT(name != NULL);

    for (int i = 0; i < shape->column_count; i++) {
        if (sqlite3_stricmp(shape->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

// A rowid table answers to one of three names that no column of its own has taken, or by its alias.
static int find_rowid(Feed *feed, TableShape *shape)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    i64 without_rowid;
    TRY(sql_int(feed->db, 0, &without_rowid,
                "SELECT wr FROM pragma_table_list WHERE schema = %Q AND name = %Q", feed->schema,
                shape->name));
    if (without_rowid != 0)
        return SQLITE_OK;
    for (int i = 0; i < ARRAY_LEN(names) && shape->rowid == NULL; i++) {
        if (!has_column(shape, names[i]))
            shape->rowid = names[i];
    }
    if (shape->rowid == NULL)
        return feed_error(feed, "cannot capture %s: its columns hide the rowid", shape->name);
    // The primary key is the rowid itself when there is one column and no index for it.
    return sql_text(feed->db, &shape->alias,
                    "SELECT min(name) FROM pragma_table_info(%Q, %Q) WHERE pk > 0 AND NOT EXISTS"
                    " (SELECT 1 FROM pragma_index_list(%Q, %Q) WHERE origin = 'pk')"
                    " HAVING count(*) = 1",
                    shape->name, feed->schema, shape->name, feed->schema);
}

static int read_identity(Feed *feed, const char *table, TableShape *shape)
{
    ASSERT(table != NULL);

    sqlite3_stmt *stmt;
    TRY(sql_prepare(feed->db, &stmt,
                    "SELECT name, sql FROM \"%w\".sqlite_schema WHERE type = 'table'"
                    " AND name = %Q COLLATE NOCASE",
                    feed->schema, table));
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        shape->name = column_copy(stmt, 0);
        shape->sql = column_copy(stmt, 1);
    }
    TRY(stmt_close(stmt, step));
    if (step == SQLITE_DONE)
        return feed_error(feed, "no such table: %s", table);
    if (shape->name == NULL)
        return SQLITE_NOMEM;
    bool is_virtual = shape->sql == NULL || sqlite3_strnicmp(shape->sql, "CREATE VIRTUAL", 14) == 0;
    if (is_virtual || sqlite3_strnicmp(shape->name, "sqlite_", 7) == 0)
        return feed_error(feed, "cannot capture %s: it is not an ordinary table", table);
    return SQLITE_OK;
}

static int name_columns(Feed *feed, TableShape *shape)
{
    sqlite3_str *json = sqlite3_str_new(feed->db);
    for (int i = 0; i < shape->column_count; i++) {
        // A JSON string of any name, without depending on the JSON functions.
        sqlite3_str_appendall(json, i == 0 ? "[\"" : ",\"");
        for (const char *c = shape->columns[i].name; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                sqlite3_str_appendf(json, "\\%c", *c);
            else if ((unsigned char)*c < 0x20)
                sqlite3_str_appendf(json, "\\u%04x", *c);
            else
                sqlite3_str_append(json, c, 1);
        }
        sqlite3_str_appendall(json, "\"");
    }
    sqlite3_str_appendall(json, "]");
    shape->columns_json = sqlite3_str_finish(json);
    return shape->columns_json == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

int shape_read(Feed *feed, const char *table, TableShape *out)
{
    memset(out, 0, sizeof *out);
    TRY(read_identity(feed, table, out));
    TRY(read_columns(feed, out));
    TRY(find_rowid(feed, out));
    TRY(read_keys(feed, out));
    ASSERT(out->rowid != NULL || shape_primary_key(out) != NULL);
    return name_columns(feed, out);
}
