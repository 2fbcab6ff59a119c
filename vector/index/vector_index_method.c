// CREATE INDEX for vectors, in quire: libSQL's form and a method of its own.
//
//     CREATE INDEX i ON docs(libsql_vector_idx(embedding, 'metric=cosine'))
//     CREATE INDEX i ON docs USING vector (embedding) WITH (metric = 'l2')
//     CREATE INDEX i ON docs USING vector (tenant, embedding)
//
// Both become CREATE VIRTUAL TABLE i USING vector_index(docs, embedding, …), which is what the file
// holds. The option origin=index marks it, so that DROP INDEX drops what CREATE INDEX made and
// nothing else. Options of libSQL's graph that mean nothing here are accepted and left out.
#include "vector/index/vector_index.h"

#if !QUIRE_VECTOR_LOADABLE
#    include "quire.h"

static const char *const names[] = {"libsql_vector_idx", "vector", "vector_index"};

static bool is_ignored(const char *option)
{
    static const char *const ignored[] = {"type",     "alpha",         "search_l",
                                          "insert_l", "max_neighbors", "compress_neighbors"};
    for (int i = 0; i < ARRAY_LEN(ignored); i++)
        if (sqlite3_stricmp(option, ignored[i]) == 0)
            return true;
    return false;
}

static int fail(char **error, const char *text)
{
    *error = sqlite3_mprintf("%s", text);
    return *error == NULL ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int rewrite_create(const quire_index_request *request, char **sql, char **error)
{
    int last = request->column_count - 1;
    ASSERT(last >= 0);

    for (int i = 0; i <= last; i++)
        if (request->column_is_expression[i])
            return fail(error, "vector index: must be on columns, not an expression");
    sqlite3_str *out = sqlite3_str_new(request->db);
    sqlite3_str_appendf(out,
                        "CREATE VIRTUAL TABLE %s\"%w\".\"%w\" USING vector_index(\"%w\", \"%w\"",
                        request->if_not_exists ? "IF NOT EXISTS " : "", request->schema,
                        request->index_name, request->table_name, request->columns[last]);
    for (int i = 0; i < last; i++)
        sqlite3_str_appendf(out, ", prefix='%q'", request->columns[i]);
    for (int i = 0; i < request->option_count; i++) {
        const char *value = (const char *)sqlite3_value_text(request->option_values[i]);
        if (value != NULL && !is_ignored(request->option_names[i]))
            sqlite3_str_appendf(out, ", %s='%q'", request->option_names[i], value);
    }
    sqlite3_str_appendall(out, ", origin=index)");
    *sql = sqlite3_str_finish(out);
    return *sql == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// The first column of the first row of a query, whose text it frees; NULL where that is NULL.
static int select_text(sqlite3 *db, char *query, char **out)
{
    sqlite3_stmt *stmt = NULL;
    if (query == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, query, -1, &stmt, NULL);
    sqlite3_free(query);
    ASSERT(*out == NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW
        && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        *out = text != NULL ? sqlite3_mprintf("%s", text) : NULL;
        rc = *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    int end = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end;
}

// One statement for each index on a table, or for one by name, that CREATE INDEX made; NULL, "not
// mine", where there is none. The format takes schema, name and column for commands.
static int rewrite_each(const quire_index_request *request, const char *format, char **sql)
{
    const char *name = request->index_name;
    ASSERT(name != NULL || request->table_name != NULL);
    return select_text(
        request->db,
        sqlite3_mprintf("SELECT group_concat(printf(%Q, %Q, i.name, %Q), '')"
                        " FROM \"%w\".sqlite_schema i WHERE i.type = 'table'"
                        " AND i.sql LIKE 'CREATE VIRTUAL TABLE%%vector_index(%%origin=index)'"
                        " AND (i.name = %Q COLLATE nocase OR EXISTS (SELECT 1"
                        " FROM \"%w\".sqlite_schema t WHERE t.type = 'trigger'"
                        " AND t.tbl_name = %Q COLLATE nocase AND t.name = i.name || '_insert'))",
                        format, request->schema, name != NULL ? index_command_column(name) : NULL,
                        request->schema, name, request->schema, request->table_name),
        sql);
}

static int rewrite(void *arg, const quire_index_request *request, char **sql, char **error)
{
    (void)arg;
    bool is_ours = request->module != NULL && sqlite3_stricmp(request->module, "vector_index") == 0;
    switch (request->action) {
    case QUIRE_INDEX_CREATE: return rewrite_create(request, sql, error);
    case QUIRE_INDEX_DROP:
        return is_ours ? rewrite_each(request, "DROP TABLE \"%w\".\"%w\";", sql) : SQLITE_OK;
    case QUIRE_INDEX_DROP_TABLE: return rewrite_each(request, "DROP TABLE \"%w\".\"%w\";", sql);
    case QUIRE_INDEX_OPTIMIZE:
        return is_ours ? rewrite_each(request, "INSERT INTO \"%w\".\"%w\"(\"%w\") VALUES('flush');",
                                      sql)
                       : SQLITE_OK;
    default: return SQLITE_OK; // what later versions may ask
    }
}

int vector_index_method_register(sqlite3 *db)
{
    for (int i = 0; i < ARRAY_LEN(names); i++)
        TRY(quire_create_index_method(db, names[i], rewrite, NULL, NULL));
    return SQLITE_OK;
}

#else

int vector_index_method_register(sqlite3 *db)
{
    (void)db; // stock SQLite has no kinds of index
    return SQLITE_OK;
}

#endif
