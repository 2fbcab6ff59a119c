// CREATE INDEX for full text, in quire alone.
//
//     CREATE INDEX i ON docs USING fts5 (title, body) WITH (tokenize = 'snowball english')
//     CREATE INDEX i ON docs USING fts (title, body) WITH (weights = 'title=2.0,body=1.0')
//
// Both become a table i USING fts5(title, body, content='docs') and three triggers on docs that
// keep it up to date: plain SQL, which stock SQLite understands. The triggers are named
// i_fts_insert, i_fts_delete and i_fts_update; by them an index is known, so that DROP INDEX drops
// what CREATE INDEX made and nothing else. Options are those of fts5, and of Turso's method:
// tokenizer (default, raw, simple, whitespace, ngram) and weights.
#include "fts/fts_index_method.h"

#include "fts/fts_index_call.h"
#include "fts/fts_index_names.h"

#include "quire.h"

#include <stdlib.h>

static int fail(char **error, char *text)
{
    *error = text;
    return text == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

// --- options ---

static int put_tokenizer(sqlite3_str *out, const char *value, char **error)
{
    static const char *const ours[][2] = {{"default", "unicode61 remove_diacritics 0"},
                                          {"raw", "raw"},
                                          {"simple", "simple"},
                                          {"whitespace", "whitespace"},
                                          {"ngram", "trigram"}};
    for (int i = 0; i < ARRAY_LEN(ours); i++) {
        if (sqlite3_stricmp(value, ours[i][0]) == 0) {
            sqlite3_str_appendf(out, ", tokenize='%q'", ours[i][1]);
            return SQLITE_OK;
        }
    }
    return fail(error, sqlite3_mprintf("unsupported FTS tokenizer '%s'. Supported tokenizers: "
                                       "default, raw, simple, whitespace, ngram",
                                       value));
}

static int find_column(const quire_index_request *request, const char *name, size_t size)
{
    for (int i = 0; i < request->column_count; i++) {
        const char *column = request->columns[i];
        if (strlen(column) == size && sqlite3_strnicmp(column, name, (int)size) == 0)
            return i;
    }
    return -1;
}

// 'column=weight,...' as arguments of bm25.
static int put_weights(const quire_index_request *request, const char *text, sqlite3_str *rank,
                       char **error)
{
    f64 *weights = sqlite3_malloc64(sizeof(f64) * ((u64)request->column_count + 1));
    int rc = weights == NULL ? SQLITE_NOMEM : SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < request->column_count; i++)
        weights[i] = 1.0;
    for (const char *at = text; rc == SQLITE_OK && *at != 0;) {
        at += strspn(at, " ,");
        size_t size = strcspn(at, "=, ");
        const char *value = at + size + strspn(at + size, " ");
        int column = find_column(request, at, size);
        f64 weight = 0.0;
        if (*value == '=' && column >= 0) {
            char *number = sqlite3_mprintf("%.*s", (int)strcspn(value + 1, ","), value + 1);
            weight = number == NULL ? 0.0 : strtod(number, NULL);
            sqlite3_free(number);
        }
        if (column < 0 && size > 0)
            rc = fail(error, sqlite3_mprintf("unknown column '%.*s' in weights", (int)size, at));
        else if (size > 0 && !(weight > 0.0))
            rc = fail(error, sqlite3_mprintf("weight for column '%.*s' must be a positive number",
                                             (int)size, at));
        else if (size > 0)
            weights[column] = weight;
        at = value + strcspn(value, ",");
    }
    for (int i = 0; rc == SQLITE_OK && i < request->column_count; i++)
        sqlite3_str_appendf(rank, "%s%.15g", i > 0 ? ", " : "", weights[i]);
    sqlite3_free(weights);
    return rc;
}

static int put_options(const quire_index_request *request, sqlite3_str *out, sqlite3_str *rank,
                       char **error)
{
    for (int i = 0; i < request->option_count; i++) {
        const char *name = request->option_names[i];
        const char *value = (const char *)sqlite3_value_text(request->option_values[i]);
        bool is_ours =
            sqlite3_stricmp(name, "content") == 0 || sqlite3_stricmp(name, "content_rowid") == 0;
        if (value == NULL || is_ours)
            return fail(error, sqlite3_mprintf("a full-text index has no option '%s'", name));
        if (sqlite3_stricmp(name, "tokenizer") == 0)
            TRY(put_tokenizer(out, value, error));
        else if (sqlite3_stricmp(name, "weights") == 0)
            TRY(put_weights(request, value, rank, error));
        else
            sqlite3_str_appendf(out, ", %s='%q'", name, value);
    }
    return SQLITE_OK;
}

// --- statements ---

static void put_columns(const quire_index_request *request, const char *prefix, sqlite3_str *out)
{
    for (int i = 0; i < request->column_count; i++)
        sqlite3_str_appendf(out, ", %s\"%w\"", prefix, request->columns[i]);
}

static void put_delete(const quire_index_request *request, sqlite3_str *out)
{
    const char *name = request->index_name;
    sqlite3_str_appendf(out, "INSERT INTO \"%w\"(\"%w\", rowid", name, name);
    put_columns(request, "", out);
    sqlite3_str_appendall(out, ") VALUES('delete', old.rowid");
    put_columns(request, "old.", out);
    sqlite3_str_appendall(out, ");");
}

static void put_insert(const quire_index_request *request, sqlite3_str *out)
{
    sqlite3_str_appendf(out, "INSERT INTO \"%w\"(rowid", request->index_name);
    put_columns(request, "", out);
    sqlite3_str_appendall(out, ") VALUES(new.rowid");
    put_columns(request, "new.", out);
    sqlite3_str_appendall(out, ");");
}

static void put_trigger(const quire_index_request *request, const char *verb, sqlite3_str *out)
{
    sqlite3_str_appendf(out, "CREATE TRIGGER \"%w\".\"%w_fts_%s\" AFTER %s ON \"%w\" BEGIN ",
                        request->schema, request->index_name, verb, verb, request->table_name);
    if (strcmp(verb, "insert") != 0)
        put_delete(request, out);
    if (strcmp(verb, "delete") != 0)
        put_insert(request, out);
    sqlite3_str_appendall(out, " END;");
}

static void put_statements(const quire_index_request *request, const char *rank, sqlite3_str *out)
{
    const char *schema = request->schema;
    const char *name = request->index_name;
    put_trigger(request, "insert", out);
    put_trigger(request, "delete", out);
    put_trigger(request, "update", out);
    if (rank != NULL)
        sqlite3_str_appendf(out,
                            "INSERT INTO \"%w\".\"%w\"(\"%w\", rank) VALUES('rank', 'bm25(%q)');",
                            schema, name, name, rank);
    sqlite3_str_appendf(out, "INSERT INTO \"%w\".\"%w\"(\"%w\") VALUES('rebuild');", schema, name,
                        name);
}

static int rewrite_create(const quire_index_request *request, char **sql, char **error)
{
    for (int i = 0; i < request->column_count; i++) {
        if (request->column_is_expression[i])
            return fail(error, sqlite3_mprintf("a full-text index must be on columns"));
    }
    sqlite3_str *out = sqlite3_str_new(request->db);
    sqlite3_str *rank = sqlite3_str_new(request->db);
    sqlite3_str_appendf(out, "CREATE VIRTUAL TABLE \"%w\".\"%w\" USING fts5(content='%q'",
                        request->schema, request->index_name, request->table_name);
    put_columns(request, "", out);
    int rc = put_options(request, out, rank, error);
    sqlite3_str_appendall(out, ");");
    char *arguments = sqlite3_str_finish(rank);
    if (rc == SQLITE_OK)
        put_statements(request, arguments, out);
    sqlite3_free(arguments);
    *sql = sqlite3_str_finish(out);
    if (rc != SQLITE_OK) {
        sqlite3_free(*sql);
        *sql = NULL;
        return rc;
    }
    return *sql == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static void put_drop(const quire_index_request *request, const char *name, sqlite3_str *out)
{
    static const char *const verbs[] = {"insert", "delete", "update"};
    for (int i = 0; request->action == QUIRE_INDEX_DROP && i < ARRAY_LEN(verbs); i++)
        sqlite3_str_appendf(out, "DROP TRIGGER IF EXISTS \"%w\".\"%w_fts_%s\";", request->schema,
                            name, verbs[i]);
    if (request->action == QUIRE_INDEX_OPTIMIZE)
        sqlite3_str_appendf(out, "INSERT INTO \"%w\".\"%w\"(\"%w\") VALUES('optimize');",
                            request->schema, name, name);
    else
        sqlite3_str_appendf(out, "DROP TABLE \"%w\".\"%w\";", request->schema, name);
}

static int rewrite_existing(const quire_index_request *request, char **sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3_str *out = sqlite3_str_new(request->db);
    int rc = fts_index_names(request, request->index_name, &stmt);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        if (name == NULL)
            rc = SQLITE_NOMEM;
        else
            put_drop(request, name, out);
    }
    int end = sqlite3_finalize(stmt);
    bool is_out_of_memory = sqlite3_str_errcode(out) == SQLITE_NOMEM;
    *sql = sqlite3_str_finish(out); // NULL where there is none: not ours
    if (rc == SQLITE_OK)
        rc = is_out_of_memory ? SQLITE_NOMEM : end;
    return rc;
}

static int rewrite(void *arg, const quire_index_request *request, char **sql, char **error)
{
    (void)arg;
    bool is_table = request->action == QUIRE_INDEX_DROP_TABLE;
    if (request->action == QUIRE_INDEX_CREATE)
        return rewrite_create(request, sql, error);
    if (request->action == QUIRE_INDEX_CALL)
        return fts_index_call(request, sql, error);
    if (!is_table && (request->module == NULL || sqlite3_stricmp(request->module, "fts5") != 0))
        return SQLITE_OK;
    return rewrite_existing(request, sql);
}

int fts_index_method_register(sqlite3 *db)
{
    TRY(fts_index_call_register(db));
    TRY(quire_create_index_method(db, "fts5", rewrite, NULL, NULL));
    return quire_create_index_method(db, "fts", rewrite, NULL, NULL);
}
