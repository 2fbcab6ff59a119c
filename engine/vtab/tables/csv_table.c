// csv: a file of comma-separated values as a table.
//
//   CREATE VIRTUAL TABLE temp.t USING csv(filename='…', header=yes, columns=4, schema='CREATE …')
//
//   filename= or data=   where the values are: a file, or the text itself
//   header[=yes|no]      the first record names the columns
//   columns=N            how many columns; those of the first record unless told
//   schema='CREATE TABLE x(…)'  names and types of the columns
//
// Without names the columns are c0, c1, …; a record that is short gives NULL, one that is long
// loses what is too much. The table cannot be written, and is read from its file each time.
#include "vtab/tables/builtin_tables.h"
#include "vtab/tables/csv_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct CsvTable {
    sqlite3_vtab base;
    char *file_name, *text; // one of them
    int column_count;
    bool has_header;
} CsvTable;

typedef struct CsvCursor {
    sqlite3_vtab_cursor base;
    CsvReader reader;
    char **fields; // of the current record; NULL for those that are not there
    int *sizes;    // bytes of each, which may hold NULs
    i64 rowid;
} CsvCursor;

// --- parameters ---

typedef struct CsvOptions {
    char *file_name, *text, *schema; // owned
    int column_count;                // 0: not told
    bool has_header, header_is_told;
} CsvOptions;

// What the table took over is NULL by then.
static void options_deinit(CsvOptions *options)
{
    ASSERT(options != NULL);

    sqlite3_free(options->file_name);
    sqlite3_free(options->text);
    sqlite3_free(options->schema);
    *options = (CsvOptions){0};
}

// isspace() counts a vertical tab as well, as in SQLite's csv.
static const char *skip_space(const char *text)
{
    ASSERT(text != NULL);

    while (isspace((unsigned char)*text))
        text++;
    return text;
}

// The value behind `name =`, NULL when the argument is another parameter. "header" alone is no
// such parameter; take_option() looks for it.
static const char *value_of(const char *arg, const char *name)
{
    ASSERT(name[0] != 0);
    ASSERT(arg != NULL);

    size_t size = strlen(name);
    arg = skip_space(arg);
    if (sqlite3_strnicmp(arg, name, (int)size) != 0)
        return NULL;
    arg = skip_space(arg + size);
    return *arg == '=' ? skip_space(arg + 1) : NULL;
}

// A copy without blanks at the end and without the quotes around it.
static char *unquote(const char *value)
{
    ASSERT(value != NULL);

    size_t size = strlen(value);
    while (size > 0 && isspace((unsigned char)value[size - 1]))
        size--;
    char *copy = sqlite3_malloc64(size + 1);
    if (copy == NULL)
        return NULL;
    // Only where the last character is the same quote: else it is a part of the value.
    char quote = value[0] == '\'' || value[0] == '"' ? value[0] : 0;
    if (quote == 0 || size < 2 || value[size - 1] != quote) {
        memcpy(copy, value, size);
        copy[size] = 0;
        return copy;
    }
    size_t out = 0;
    for (size_t i = 1; i + 1 < size; i++) {
        copy[out++] = value[i];
        i += value[i] == quote; // doubled
    }
    copy[out] = 0;
    return copy;
}

// -1: neither yes nor no.
static int boolean_of(const char *value)
{
    ASSERT(value != NULL);

    static const char *const yes[] = {"yes", "on", "true", "1"};
    static const char *const no[] = {"no", "off", "false", "0"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (sqlite3_stricmp(value, yes[i]) == 0)
            return 1;
        if (sqlite3_stricmp(value, no[i]) == 0)
            return 0;
    }
    return -1;
}

// Takes the place of any message there was.
static int refuse(char **message, const char *format, const char *what)
{
    ASSERT(format != NULL);

    sqlite3_free(*message);
    *message = sqlite3_mprintf(format, what);
    return SQLITE_ERROR;
}

// Twice the same parameter is an error, not a choice.
static int take_text(char **target, const char *value, const char *name, char **message)
{
    ASSERT(target != NULL);

    if (*target != NULL)
        return refuse(message, "more than one '%s' parameter", name);
    *target = unquote(value);
    return *target == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// header alone, or header= with a boolean.
static int take_header(CsvOptions *options, int is_on, char **message)
{
    ASSERT(is_on >= -1 && is_on <= 1);
    ASSERT(options != NULL);

    if (options->header_is_told)
        return refuse(message, "more than one '%s' parameter", "header");
    if (is_on < 0)
        return refuse(message, "%s must be yes or no", "header");
    options->header_is_told = true;
    options->has_header = is_on == 1;
    return SQLITE_OK;
}

// columns=N, from 1 on.
static int take_columns(CsvOptions *options, const char *value, char **message)
{
    ASSERT(value != NULL);

    // SQLite's own limit for a table. A count past it would fail in sqlite3_declare_vtab(), but
    // only after as many names were written.
    enum { COLUMNS_MAX = 2000 };
    if (options->column_count > 0)
        return refuse(message, "more than one '%s' parameter", "columns");
    long count = strtol(value, NULL, 10); // saturates
    if (count <= 0)
        return refuse(message, "%s= value must be positive", "column");
    if (count > COLUMNS_MAX)
        return refuse(message, "%s= value is too large", "column");
    options->column_count = (int)count;
    return SQLITE_OK;
}

// The first parameter whose name fits.
static int take_option(CsvOptions *options, const char *arg, char **message)
{
    ASSERT(arg != NULL);

    const struct {
        const char *name;
        char **target;
    } texts[] = {
        {"filename", &options->file_name}, {"data", &options->text}, {"schema", &options->schema}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *value = value_of(arg, texts[i].name);
        if (value != NULL)
            return take_text(texts[i].target, value, texts[i].name, message);
    }
    const char *columns = value_of(arg, "columns");
    if (columns != NULL)
        return take_columns(options, columns, message);
    const char *header = value_of(arg, "header");
    if (header != NULL) {
        char *word = unquote(header);
        if (word == NULL)
            return SQLITE_NOMEM;
        int is_on = boolean_of(word);
        sqlite3_free(word);
        return take_header(options, is_on, message);
    }
    if (sqlite3_stricmp(skip_space(arg), "header") == 0)
        return take_header(options, 1, message);
    return refuse(message, "bad parameter: '%s'", arg);
}

// Arguments of a module are SQL text as written, from comma to comma, quotes included.
static int take_options(CsvOptions *options, int count, const char *const *args, char **message)
{
    ASSERT(count >= 0);

    for (int i = 0; i < count; i++)
        TRY(take_option(options, args[i], message));
    if ((options->file_name == NULL) == (options->text == NULL))
        return refuse(message, "must specify either filename= or data= but not both%s", "");
    return SQLITE_OK;
}

// --- columns ---

// Reads the first record: counts its fields and, as a header, takes names from it. Columns beyond
// a given count are counted, but have no name.
static int first_record(CsvReader *reader, const CsvOptions *options, sqlite3_str *columns,
                        int *count)
{
    ASSERT(!reader->is_end);
    ASSERT(count != NULL);

    *count = 0;
    do {
        TRY(csv_next(reader));
        if (reader->is_end)
            break;
        if (options->has_header && (options->column_count == 0 || *count < options->column_count))
            sqlite3_str_appendf(columns, "%s\"%w\" TEXT", *count > 0 ? "," : "", reader->field);
        (*count)++;
    } while (!reader->is_record_end);
    return SQLITE_OK;
}

// The CREATE TABLE that the columns amount to (sqlite3_malloc); what schema= says takes its place.
static char *declaration(CsvOptions *options, CsvReader *reader, int *rc)
{
    ASSERT(options->column_count >= 0);

    sqlite3_str *sql = sqlite3_str_new(NULL);
    int found = 0;
    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    *rc = first_record(reader, options, sql, &found);
    if (options->column_count == 0)
        options->column_count = found > 0 ? found : 1;
    // A header with fewer fields than columns= asks for is filled up.
    int named = options->has_header ? found : 0;
    for (int i = named; i < options->column_count; i++)
        sqlite3_str_appendf(sql, "%sc%d TEXT", i > 0 ? "," : "", i);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    if (*rc == SQLITE_OK && text == NULL)
        *rc = SQLITE_NOMEM;
    return text;
}

// Also checks that the file is there, before the table is.
static int declare(sqlite3 *db, CsvOptions *options, char **message)
{
    ASSERT(options->file_name != NULL || options->text != NULL);

    CsvReader reader;
    // Once for the declaration, and again by each cursor: the table holds no open file between
    // statements.
    if (csv_open(&reader, options->file_name, options->text) != SQLITE_OK)
        return refuse(message, "cannot open '%s' for reading", options->file_name);
    int rc;
    char *sql = declaration(options, &reader, &rc);
    csv_close(&reader);
    // A reader's error leaves no message: it is a lack of memory, or of the file's.
    if (rc == SQLITE_OK) {
        rc = sqlite3_declare_vtab(db, options->schema != NULL ? options->schema : sql);
        if (rc != SQLITE_OK)
            (void)refuse(message, "bad schema: '%s'", sqlite3_errmsg(db));
    }
    sqlite3_free(sql);
    return rc;
}

// xCreate too: a table has nothing of its own in the database.
static int csv_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                       sqlite3_vtab **out, char **message)
{
    ASSERT(arg_count >= 3);

    enum { OWN_ARGS = 3 }; // module, schema, table
    (void)client_data;
    CsvOptions options = {0};
    CsvTable *table = NULL;
    int rc = take_options(&options, arg_count - OWN_ARGS, args + OWN_ARGS, message);
    if (rc == SQLITE_OK)
        rc = declare(db, &options, message);
    if (rc == SQLITE_OK)
        // A schema that comes with a foreign database must not read files by a view or trigger.
        rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY); // it reads any file
    if (rc == SQLITE_OK) {
        table = sqlite3_malloc(sizeof *table);
        rc = table == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (rc == SQLITE_OK) {
        *table = (CsvTable){.file_name = options.file_name,
                            .text = options.text,
                            .column_count = options.column_count,
                            .has_header = options.has_header};
        options.file_name = options.text = NULL;
        *out = &table->base;
    }
    options_deinit(&options);
    return rc;
}

static int csv_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);

    CsvTable *table = (CsvTable *)vtab;
    sqlite3_free(table->file_name);
    sqlite3_free(table->text);
    sqlite3_free(table);
    return SQLITE_OK;
}

// No constraint helps: there is only the scan. The cost is a guess at a large file, so that the
// table goes outside in a join, where it is read once.
static int csv_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    info->estimatedCost = 1000000;
    return SQLITE_OK;
}

// --- rows ---

// The fields of the row before.
static void forget_record(CsvCursor *cur)
{
    ASSERT(cur->fields != NULL);
    ASSERT(((const CsvTable *)cur->base.pVtab)->column_count > 0);

    int count = ((const CsvTable *)cur->base.pVtab)->column_count;
    for (int i = 0; i < count; i++) {
        sqlite3_free(cur->fields[i]);
        cur->fields[i] = NULL;
    }
}

// Each cursor reads the file on its own.
static int csv_open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    const CsvTable *table = (const CsvTable *)vtab;
    ASSERT(table->column_count > 0);

    // One block: the cursor, the pointers, the sizes.
    u64 fields = (u64)table->column_count * (sizeof(char *) + sizeof(int));
    CsvCursor *cur = sqlite3_malloc64(sizeof *cur + fields);
    if (cur == NULL)
        return SQLITE_NOMEM;
    memset(cur, 0, sizeof *cur + fields);
    cur->fields = (char **)(cur + 1);
    cur->sizes = (int *)(void *)(cur->fields + table->column_count);
    int rc = csv_open(&cur->reader, table->file_name, table->text);
    if (rc != SQLITE_OK) {
        sqlite3_free(vtab->zErrMsg);
        vtab->zErrMsg = sqlite3_mprintf("cannot open '%s' for reading", table->file_name);
        sqlite3_free(cur);
        return rc;
    }
    *out = &cur->base;
    return SQLITE_OK;
}

static int csv_close_cursor(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    CsvCursor *cur = (CsvCursor *)base;
    forget_record(cur);
    csv_close(&cur->reader);
    sqlite3_free(cur);
    return SQLITE_OK;
}

// All fields are read, so that the reader stands behind the record; those without a column are
// passed over.
static int csv_next_row(sqlite3_vtab_cursor *base)
{
    ASSERT(!((const CsvCursor *)base)->reader.is_end);

    CsvCursor *cur = (CsvCursor *)base;
    int count = ((const CsvTable *)base->pVtab)->column_count;
    forget_record(cur);
    cur->rowid++;
    int column = 0;
    do {
        TRY(csv_next(&cur->reader));
        // Before the first field only: a record that began has its end.
        if (cur->reader.is_end)
            break;
        if (column < count) {
            size_t size = cur->reader.field_size;
            cur->fields[column] = sqlite3_malloc64(size + 1);
            if (cur->fields[column] == NULL)
                return SQLITE_NOMEM;
            memcpy(cur->fields[column], cur->reader.field, size + 1);
            cur->sizes[column] = (int)size;
        }
        column++;
    } while (!cur->reader.is_record_end);
    return SQLITE_OK;
}

// From the beginning, behind the header.
static int csv_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                      sqlite3_value **args)
{
    ASSERT(plan == 0 && count == 0);

    CsvCursor *cur = (CsvCursor *)base;
    (void)plan;
    (void)text;
    (void)count;
    (void)args;
    csv_rewind(&cur->reader);
    cur->rowid = 0;
    if (((const CsvTable *)base->pVtab)->has_header) {
        TRY(csv_next_row(base));
        cur->rowid = 0;
    }
    return cur->reader.is_end ? SQLITE_OK : csv_next_row(base); // it may end before its header
}

static int csv_eof(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    return ((const CsvCursor *)base)->reader.is_end;
}

// A field that is not there stays NULL, which is the result nobody sets.
static int csv_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);

    const CsvCursor *cur = (const CsvCursor *)base;
    int count = ((const CsvTable *)base->pVtab)->column_count;
    // A schema of the user's may have more columns than there are fields.
    if (column < count && cur->fields[column] != NULL)
        sqlite3_result_text(call, cur->fields[column], cur->sizes[column], SQLITE_TRANSIENT);
    return SQLITE_OK;
}

// The record's number from 1, without the header's: stable only as long as the file is.
static int csv_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(!((const CsvCursor *)base)->reader.is_end);

    *out = ((const CsvCursor *)base)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module csv_module = {
    .xCreate = csv_connect,
    .xConnect = csv_connect,
    .xBestIndex = csv_best_index,
    .xDisconnect = csv_disconnect,
    .xDestroy = csv_disconnect,
    .xOpen = csv_open_cursor,
    .xClose = csv_close_cursor,
    .xFilter = csv_filter,
    .xNext = csv_next_row,
    .xEof = csv_eof,
    .xColumn = csv_column,
    .xRowid = csv_rowid,
};

int csv_table_register(sqlite3 *db)
{
    ASSERT(db != NULL);

    return sqlite3_create_module_v2(db, "csv", &csv_module, NULL, NULL);
}
