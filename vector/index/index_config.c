// What CREATE VIRTUAL TABLE … USING vector_index(table, column, option=value, …) says.
//
// The declared type of the column may fix the dimensions: F32_BLOB(384), VECTOR(384), HALFVEC(384).
#include "vector/index/vector_index.h"

#include <ctype.h>
#include <stdlib.h>

enum { DIMS_MAX = 65536, LIST_SIZE_MIN = 16, LIST_SIZE_MAX = 65536 };

static const struct {
    const char *name;
    Metric metric;
} metric_names[] = {
    {"cosine", METRIC_COSINE}, {"cos", METRIC_COSINE},      {"l2", METRIC_L2},
    {"l2sq", METRIC_L2SQ},     {"dot", METRIC_DOT},         {"ip", METRIC_DOT},
    {"euclidean", METRIC_L2},  {"hamming", METRIC_HAMMING},
};

const char *index_metric_name(Metric metric)
{
    for (int i = 0; i < ARRAY_LEN(metric_names); i++)
        if (metric_names[i].metric == metric)
            return metric_names[i].name;
    return "?";
}

void index_config_deinit(IndexConfig *config)
{
    sqlite3_free(config->schema);
    sqlite3_free(config->name);
    sqlite3_free(config->table);
    sqlite3_free(config->column);
    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_free(config->prefix[i].name);
    *config = (IndexConfig){.schema = NULL};
}

// A name or a value without spaces around it and without its quotes.
static char *unquote(const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)*text))
        text++, size--;
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    char *out = sqlite3_malloc64(size + 1);
    if (out == NULL)
        return NULL;
    char quote = size >= 2 ? text[0] : 0;
    char closing = quote == '[' ? ']' : quote;
    bool is_quoted = quote != 0 && strchr("'\"`[", quote) != NULL && text[size - 1] == closing;
    size_t length = 0;
    for (size_t i = is_quoted; i < size - is_quoted; i++) {
        out[length++] = text[i];
        if (is_quoted && text[i] == closing && text[i + 1] == closing)
            i++; // a doubled quote is one
    }
    out[length] = 0;
    return out;
}

static int whole_number(const char *key, const char *value, i64 least, i64 greatest, i64 *out,
                        VectorError *error)
{
    char *end;
    *out = strtoll(value, &end, 10);
    if (*value == 0 || *end != 0 || *out < least || *out > greatest)
        return vector_error(error,
                            "vector_index: %s must be a whole number from %lld to %lld, "
                            "not '%s'",
                            key, (long long)least, (long long)greatest, value);
    return SQLITE_OK;
}

static int set_metric(IndexConfig *config, const char *value, VectorError *error)
{
    for (int i = 0; i < ARRAY_LEN(metric_names); i++)
        if (sqlite3_stricmp(metric_names[i].name, value) == 0) {
            config->metric = metric_names[i].metric;
            return SQLITE_OK;
        }
    return vector_error(
        error, "vector_index: unknown metric '%s': cosine, l2, l2sq, dot or hamming", value);
}

static int add_prefix(IndexConfig *config, const char *name, VectorError *error)
{
    ASSERT(config->prefix_count <= PREFIX_MAX);

    if (config->prefix_count == PREFIX_MAX)
        return vector_error(error, "vector_index: at most %d prefix columns", (int)PREFIX_MAX);
    // The index has a column of that name for the values to be asked for.
    if (index_column_is_fixed(name) || sqlite3_stricmp(name, config->name) == 0)
        return vector_error(error, "vector_index: no prefix column can be called '%s'", name);
    bool is_used = sqlite3_stricmp(name, config->column) == 0;
    for (u32 i = 0; i < config->prefix_count; i++)
        is_used |= sqlite3_stricmp(name, config->prefix[i].name) == 0;
    if (is_used)
        return vector_error(error, "vector_index: column '%s' is named twice", name);
    char *copy = sqlite3_mprintf("%s", name);
    if (copy == NULL)
        return SQLITE_NOMEM;
    config->prefix[config->prefix_count++].name = copy;
    return SQLITE_OK;
}

static int set_option(IndexConfig *config, const char *key, const char *value, VectorError *error)
{
    i64 number;
    if (sqlite3_stricmp(key, "metric") == 0)
        return set_metric(config, value, error);
    if (sqlite3_stricmp(key, "prefix") == 0)
        return add_prefix(config, value, error);
    if (sqlite3_stricmp(key, "dims") == 0) {
        TRY(whole_number(key, value, 1, DIMS_MAX, &number, error));
        config->dims = (u32)number;
    } else if (sqlite3_stricmp(key, "list_size") == 0) {
        TRY(whole_number(key, value, LIST_SIZE_MIN, LIST_SIZE_MAX, &number, error));
        config->list_size = (u32)number;
    } else if (sqlite3_stricmp(key, "seed") == 0) {
        TRY(whole_number(key, value, 1, INT64_MAX, &number, error));
        config->seed = (u64)number;
    } else if (sqlite3_stricmp(key, "memory") == 0) { // in MiB
        TRY(whole_number(key, value, 1, 1 << 20, &number, error));
        config->memory = number << 20;
    } else if (sqlite3_stricmp(key, "recall") == 0) {
        char *end;
        config->recall = strtod(value, &end);
        if (*value == 0 || *end != 0 || !(config->recall >= 0.5 && config->recall <= 1))
            return vector_error(error, "vector_index: recall must be from 0.5 to 1, not '%s'",
                                value);
    } else if (sqlite3_stricmp(key, "origin") == 0 && strcmp(value, "index") == 0) {
        return SQLITE_OK; // a mark of CREATE INDEX's
    } else {
        return vector_error(error, "vector_index: unknown option '%s'", key);
    }
    return SQLITE_OK;
}

static int option_parse(IndexConfig *config, const char *argument, VectorError *error)
{
    const char *equals = strchr(argument, '=');
    if (equals == NULL)
        return vector_error(error, "vector_index: expected option=value, found '%s'", argument);
    char *key = unquote(argument, (size_t)(equals - argument));
    char *value = unquote(equals + 1, strlen(equals + 1));
    int rc = key == NULL || value == NULL ? SQLITE_NOMEM : set_option(config, key, value, error);
    sqlite3_free(key);
    sqlite3_free(value);
    return rc;
}

// args: module, schema, index, table, column, options.
int index_config_parse(IndexConfig *config, int arg_count, const char *const *args,
                       VectorError *error)
{
    ASSERT(arg_count >= 3);

    *config = (IndexConfig){
        .metric = METRIC_COSINE, .list_size = 256, .recall = 0.95, .memory = 256 << 20};
    if (arg_count < 5 || strchr(args[3], '=') != NULL || strchr(args[4], '=') != NULL)
        return vector_error(error, "vector_index: expected vector_index(table, column, "
                                   "option=value, ...)");
    config->schema = unquote(args[1], strlen(args[1]));
    config->name = sqlite3_mprintf("%s", args[2]);
    config->table = unquote(args[3], strlen(args[3]));
    config->column = unquote(args[4], strlen(args[4]));
    if (config->schema == NULL || config->name == NULL || config->table == NULL
        || config->column == NULL)
        return SQLITE_NOMEM;
    for (int i = 5; i < arg_count; i++)
        TRY(option_parse(config, args[i], error));
    return SQLITE_OK;
}

// --- what the table says ---

static const char *const rowid_names[] = {"rowid", "_rowid_", "oid"};

// "F32_BLOB(384)" and its kin; 0 where the type says nothing.
static u32 declared_dims(const char *type)
{
    static const char *const names[] = {
        "F32_BLOB", "FLOAT32", "F64_BLOB", "FLOAT64",    "F16_BLOB",  "FLOAT16", "FB16_BLOB",
        "FLOATB16", "F8_BLOB", "FLOAT8",   "F1BIT_BLOB", "FLOAT1BIT", "VECTOR",  "HALFVEC"};
    for (int i = 0; i < ARRAY_LEN(names); i++) {
        size_t size = strlen(names[i]);
        if (sqlite3_strnicmp(type, names[i], (int)size) != 0)
            continue;
        const char *at = type + size;
        while (*at == ' ')
            at++;
        if (*at != '(')
            continue;
        long dims = strtol(at + 1, NULL, 10);
        return dims > 0 && dims <= DIMS_MAX ? (u32)dims : 0;
    }
    return 0;
}

static int resolve_column(IndexConfig *config, const char *name, const char *type, u32 *taken,
                          VectorError *error)
{
    for (int i = 0; i < ARRAY_LEN(rowid_names); i++)
        if (sqlite3_stricmp(name, rowid_names[i]) == 0)
            *taken |= 1u << i;
    if (sqlite3_stricmp(name, config->column) != 0)
        return SQLITE_OK;
    u32 dims = type != NULL ? declared_dims(type) : 0;
    if (dims != 0 && config->dims != 0 && dims != config->dims)
        return vector_error(error, "vector_index: %s.%s is declared with %u dimensions, not %u",
                            config->table, config->column, dims, config->dims);
    if (dims != 0)
        config->dims = dims;
    return SQLITE_OK;
}

// The affinity that a declared type gives to a column.
static const char *affinity_of(const char *type)
{
    ASSERT(type != NULL);

    static const char *const rules[][2] = {
        {"%INT%", "INTEGER"}, {"%CHAR%", "TEXT"}, {"%CLOB%", "TEXT"}, {"%TEXT%", "TEXT"},
        {"%BLOB%", "BLOB"},   {"%REAL%", "REAL"}, {"%FLOA%", "REAL"}, {"%DOUB%", "REAL"},
    };
    if (*type == 0)
        return "BLOB";
    for (int i = 0; i < ARRAY_LEN(rules); i++)
        if (sqlite3_strlike(rules[i][0], type, 0) == 0)
            return rules[i][1];
    return "NUMERIC";
}

// Values are grouped as they compare in the table, and groups compare byte by byte.
static int resolve_prefix(IndexConfig *config, sqlite3 *db, VectorError *error)
{
    ASSERT(config->prefix_count <= PREFIX_MAX);

    for (u32 i = 0; i < config->prefix_count; i++) {
        const char *name = config->prefix[i].name;
        const char *type = NULL, *collation = NULL;
        int rc = sqlite3_table_column_metadata(db, config->schema, config->table, name, &type,
                                               &collation, NULL, NULL, NULL);
        if (rc == SQLITE_ERROR)
            return vector_error(error, "no such column: %s.%s", config->table, name);
        TRY(rc);
        if (collation != NULL && sqlite3_stricmp(collation, "BINARY") != 0)
            return vector_error(error, "vector_index: prefix column '%s' has the collation %s",
                                name, collation);
        if (type != NULL && sqlite3_stricmp(type, "ANY") == 0) // two kinds of it, by the table
            return vector_error(error, "vector_index: prefix column '%s' has the type ANY", name);
        config->prefix[i].affinity = affinity_of(type != NULL ? type : "");
    }
    return SQLITE_OK;
}

static int check_kind(const IndexConfig *config, sqlite3 *db, VectorError *error)
{
    char *sql = sqlite3_mprintf("SELECT %s FROM \"%w\".\"%w\"", config->rowid, config->schema,
                                config->table);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    if (rc == SQLITE_ERROR)
        return vector_error(error, "vector_index: %s has no rowids", config->table);
    return rc;
}

int index_config_resolve(IndexConfig *config, sqlite3 *db, VectorError *error)
{
    ASSERT(config->table != NULL && config->column != NULL);

    sqlite3_stmt *stmt;
    TRY(sqlite3_prepare_v2(db,
                           "SELECT name, type, name = ?3 COLLATE nocase"
                           " FROM pragma_table_xinfo(?1, ?2)",
                           -1, &stmt, NULL));
    (void)sqlite3_bind_text(stmt, 1, config->table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, config->schema, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, config->column, -1, SQLITE_STATIC);
    u32 taken = 0;
    int columns = 0, found = 0;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *type = (const char *)sqlite3_column_text(stmt, 1);
        columns++;
        found += sqlite3_column_int(stmt, 2);
        rc = name == NULL ? SQLITE_NOMEM : resolve_column(config, name, type, &taken, error);
    }
    int end = sqlite3_finalize(stmt);
    if (rc != SQLITE_OK || end != SQLITE_OK)
        return rc != SQLITE_OK ? rc : end;
    if (columns == 0)
        return vector_error(error, "no such table: %s.%s", config->schema, config->table);
    if (found == 0)
        return vector_error(error, "no such column: %s.%s", config->table, config->column);
    for (int i = 0; i < ARRAY_LEN(rowid_names) && config->rowid == NULL; i++)
        if ((taken & 1u << i) == 0)
            config->rowid = rowid_names[i];
    if (config->rowid == NULL)
        return vector_error(error, "vector_index: the columns of %s hide its rowid", config->table);
    TRY(resolve_prefix(config, db, error));
    return check_kind(config, db, error);
}
