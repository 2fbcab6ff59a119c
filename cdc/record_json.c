// Row images as JSON: table_columns_json_array(table) names the columns, and
// bin_record_json_object(names, record) pairs names and values. A BLOB becomes a text of
// hexadecimal digits, for JSON has no bytes.
#include "cdc/cdc_sql.h"
#include "cdc/change_record.h"
#include "cdc/json_scan.h"

// JSON has no infinities; SQLite's own functions write them as numbers beyond the range.
static void add_json_real(sqlite3_str *out, f64 value)
{
    if (value > 1.7976931348623157e308)
        sqlite3_str_appendall(out, "9e999");
    else if (value < -1.7976931348623157e308)
        sqlite3_str_appendall(out, "-9e999");
    else if (value != value)
        sqlite3_str_appendall(out, "null");
    else
        sqlite3_str_appendf(out, "%!.17g", value);
}

static void add_json_value(sqlite3_str *out, const RecordValue *value)
{
    switch (value->type) {
    case SQLITE_INTEGER: sqlite3_str_appendf(out, "%lld", value->integer); return;
    case SQLITE_FLOAT: add_json_real(out, value->real); return;
    case SQLITE_TEXT: json_add_text(out, (const char *)value->bytes, value->size); return;
    case SQLITE_BLOB:
        sqlite3_str_appendchar(out, 1, '"');
        for (size_t i = 0; i < value->size; i++)
            sqlite3_str_appendf(out, "%02x", value->bytes[i]);
        sqlite3_str_appendchar(out, 1, '"');
        return;
    default: sqlite3_str_appendall(out, "null"); return;
    }
}

typedef enum PairResult { PAIRED, NOT_NAMES, TOO_SHORT } PairResult;

// Names are copied as they are written, which is JSON already.
static PairResult pair_values(sqlite3_str *out, const char *columns, RecordReader *record)
{
    ASSERT(columns != NULL);

    const char *at = json_space(columns);
    char separator = '{';
    if (*at != '[')
        return NOT_NAMES;
    at = json_space(at + 1);
    while (*at != ']') {
        RecordValue value;
        const char *end = json_skip_text(at);
        if (end == NULL)
            return NOT_NAMES;
        if (!record_next(record, &value))
            return TOO_SHORT;
        sqlite3_str_appendchar(out, 1, separator);
        sqlite3_str_append(out, at, (int)(end - at));
        sqlite3_str_appendchar(out, 1, ':');
        add_json_value(out, &value);
        separator = ',';
        at = json_space(end);
        if (*at == ',')
            at = json_space(at + 1);
        else if (*at != ']')
            return NOT_NAMES;
    }
    if (separator == '{')
        sqlite3_str_appendchar(out, 1, '{');
    sqlite3_str_appendchar(out, 1, '}');
    return PAIRED;
}

static PairResult record_pairs(sqlite3 *db, const char *columns, RecordReader *record, char **out)
{
    sqlite3_str *text = sqlite3_str_new(db);
    PairResult result = pair_values(text, columns, record);
    *out = sqlite3_str_finish(text);
    if (result != PAIRED) {
        sqlite3_free(*out);
        *out = NULL;
    }
    return result;
}

int record_json_text(sqlite3 *db, const char *columns, const u8 *record, size_t size, char **out)
{
    ASSERT(columns != NULL);

    RecordReader reader;
    *out = NULL;
    if (!record_open(&reader, record, size))
        return SQLITE_OK;
    PairResult result = record_pairs(db, columns, &reader, out);
    return result == PAIRED && *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static void function_error(sqlite3_context *ctx, const char *function, const char *why)
{
    ASSERT(why != NULL);

    char *text = sqlite3_mprintf("%s: %s", function, why);
    if (text == NULL) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    sqlite3_result_error(ctx, text, -1);
    sqlite3_free(text);
}

static void bin_record_json_object(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    ASSERT(count == 2);

    static const char name[] = "bin_record_json_object";
    RecordReader reader;
    char *json;
    (void)count;
    if (sqlite3_value_type(args[1]) == SQLITE_NULL)
        return;
    if (sqlite3_value_type(args[0]) != SQLITE_TEXT || sqlite3_value_type(args[1]) != SQLITE_BLOB) {
        function_error(ctx, name,
                       "function arguments must be of type TEXT and BLOB correspondingly");
        return;
    }
    const char *columns = (const char *)sqlite3_value_text(args[0]);
    const u8 *record = sqlite3_value_blob(args[1]);
    if (columns == NULL) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    if (!record_open(&reader, record, (size_t)sqlite3_value_bytes(args[1]))) {
        function_error(ctx, name, "the record is malformed");
        return;
    }
    switch (record_pairs(sqlite3_context_db_handle(ctx), columns, &reader, &json)) {
    case NOT_NAMES:
        function_error(ctx, name, "the columns argument is not a JSON array of texts");
        return;
    case TOO_SHORT:
        function_error(ctx, name,
                       "binary record has fewer columns than specified in the columns argument");
        return;
    case PAIRED: break;
    }
    if (json == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_text(ctx, json, -1, sqlite3_free);
}

// Columns that a row image has: those kept in the table, so not generated ones that are VIRTUAL.
static void table_columns_json_array(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    static const char name[] = "table_columns_json_array";
    sqlite3_stmt *stmt;
    sqlite3 *db = sqlite3_context_db_handle(ctx);
    (void)count;
    if (sqlite3_value_type(args[0]) != SQLITE_TEXT) {
        function_error(ctx, name, "function argument must be of type TEXT");
        return;
    }
    const char *table = (const char *)sqlite3_value_text(args[0]);
    int rc = table == NULL ? SQLITE_NOMEM
                           : sql_prepare(db, &stmt,
                                         "SELECT name FROM pragma_table_xinfo(%Q)"
                                         " WHERE hidden IN (0, 3) ORDER BY cid",
                                         table);
    if (rc != SQLITE_OK) {
        sqlite3_result_error_code(ctx, rc);
        return;
    }
    sqlite3_str *json = sqlite3_str_new(db);
    int step;
    char separator = '[';
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        sqlite3_str_appendchar(json, 1, separator);
        const char *column = (const char *)sqlite3_column_text(stmt, 0);
        json_add_text(json, column, (size_t)sqlite3_column_bytes(stmt, 0));
        separator = ',';
    }
    sqlite3_str_appendchar(json, 1, ']');
    char *text = sqlite3_str_finish(json);
    rc = stmt_close(stmt, step);
    if (rc == SQLITE_OK && separator == '[') {
        char *why = sqlite3_mprintf("table %s doesn't exists", table);
        function_error(ctx, name, why == NULL ? "" : why);
        sqlite3_free(why);
        sqlite3_free(text);
    } else if (rc != SQLITE_OK || text == NULL) {
        sqlite3_result_error_code(ctx, rc == SQLITE_OK ? SQLITE_NOMEM : rc);
        sqlite3_free(text);
    } else {
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
    }
}

int record_json_register(sqlite3 *db)
{
    TRY(sqlite3_create_function_v2(db, "table_columns_json_array", 1,
                                   SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, table_columns_json_array,
                                   NULL, NULL, NULL));
    return sqlite3_create_function_v2(db, "bin_record_json_object", 2,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                      bin_record_json_object, NULL, NULL, NULL);
}
