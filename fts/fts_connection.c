// What a database connection holds for full-text search. See fts_connection.h.
#include "fts/fts_connection.h"

#include "fts/fts_bytes.h"
#include "fts/human_query.h"

static FtsConnection *of_api(fts5_api *api)
{
    return (FtsConnection *)api;
}

// --- the fts5_api ---

static int api_create_tokenizer(fts5_api *api, const char *name, void *user_data,
                                fts5_tokenizer *methods, void (*destroy)(void *))
{
    return tokenizer_list_add_old(&of_api(api)->tokenizers, name, user_data, methods, destroy);
}

static int api_create_tokenizer_v2(fts5_api *api, const char *name, void *user_data,
                                   fts5_tokenizer_v2 *methods, void (*destroy)(void *))
{
    if (methods->iVersion > 2)
        return SQLITE_ERROR;
    return tokenizer_list_add(&of_api(api)->tokenizers, name, user_data, methods, destroy);
}

static int api_find_tokenizer(fts5_api *api, const char *name, void **user_data,
                              fts5_tokenizer *methods)
{
    TokenizerEntry *entry = tokenizer_list_find(&of_api(api)->tokenizers, name);
    if (entry == NULL) {
        *methods = (fts5_tokenizer){0};
        *user_data = NULL;
        return SQLITE_ERROR;
    }
    *methods = entry->old_methods;
    *user_data = entry->old_user_data;
    return SQLITE_OK;
}

static int api_find_tokenizer_v2(fts5_api *api, const char *name, void **user_data,
                                 fts5_tokenizer_v2 **methods)
{
    TokenizerEntry *entry = tokenizer_list_find(&of_api(api)->tokenizers, name);
    *methods = entry == NULL ? NULL : &entry->methods;
    *user_data = entry == NULL ? NULL : entry->user_data;
    return entry == NULL ? SQLITE_ERROR : SQLITE_OK;
}

static int api_create_function(fts5_api *api, const char *name, void *user_data,
                               fts5_extension_function call, void (*destroy)(void *))
{
    FtsConnection *connection = of_api(api);
    // A function of the name must exist for SQL to accept the call; the table then supplies ours.
    TRY(sqlite3_overload_function(connection->db, name, -1));
    AuxFunction *function = fts_zalloc(sizeof *function);
    if (function == NULL)
        return SQLITE_NOMEM;
    function->name = sqlite3_mprintf("%s", name);
    if (function->name == NULL) {
        sqlite3_free(function);
        return SQLITE_NOMEM;
    }
    function->connection = connection;
    function->user_data = user_data;
    function->call = call;
    function->destroy = destroy;
    function->next = connection->functions;
    connection->functions = function;
    return SQLITE_OK;
}

AuxFunction *fts_connection_find_function(FtsConnection *connection, const char *name)
{
    for (AuxFunction *f = connection->functions; f != NULL; f = f->next) {
        if (sqlite3_stricmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

// --- SQL functions ---

static void sql_fts5(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    FtsConnection *connection = sqlite3_user_data(ctx);
    fts5_api **out = sqlite3_value_pointer(args[0], "fts5_api_ptr");
    if (out != NULL)
        *out = &connection->api;
}

static void sql_source_id(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count, (void)args;
    char *text = sqlite3_mprintf("fts5: %s", sqlite3_sourceid());
    if (text == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_text(ctx, text, -1, sqlite3_free);
}

// A blob: the connection's header, the locale, a zero, the text. Without a locale: the text.
static void sql_locale(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    FtsConnection *connection = sqlite3_user_data(ctx);
    const char *locale = (const char *)sqlite3_value_text(args[0]);
    const char *text = (const char *)sqlite3_value_text(args[1]);
    int locale_size = sqlite3_value_bytes(args[0]);
    int text_size = sqlite3_value_bytes(args[1]);
    if (locale == NULL || locale[0] == 0) {
        sqlite3_result_text(ctx, text, text_size, SQLITE_TRANSIENT);
        return;
    }
    FtsBuffer blob = {0};
    fts_buffer_append(&blob, connection->locale_header, LOCALE_HEADER_SIZE);
    fts_buffer_append(&blob, locale, (u64)locale_size);
    fts_buffer_append_byte(&blob, 0);
    fts_buffer_append(&blob, text, (u64)text_size);
    if (blob.rc != SQLITE_OK) {
        sqlite3_result_error_code(ctx, blob.rc);
        fts_buffer_deinit(&blob);
        return;
    }
    sqlite3_result_blob(ctx, blob.bytes, (int)blob.size, sqlite3_free);
    sqlite3_result_subtype(ctx, 'L');
}

enum { INSTTOKEN_SUBTYPE = 73 };

static void sql_insttoken(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    sqlite3_result_value(ctx, args[0]);
    sqlite3_result_subtype(ctx, INSTTOKEN_SUBTYPE);
}

int fts_connection_add_sql_functions(FtsConnection *connection)
{
    int plain = SQLITE_UTF8;
    int fixed = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int typed = SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_RESULT_SUBTYPE;
    sqlite3 *db = connection->db;
    TRY(sqlite3_create_function(db, "fts5", 1, plain, connection, sql_fts5, NULL, NULL));
    TRY(sqlite3_create_function(db, "fts5_source_id", 0, fixed, connection, sql_source_id, NULL,
                                NULL));
    TRY(sqlite3_create_function(db, "fts_query", 1, fixed, NULL, fts_human_query, NULL, NULL));
    TRY(sqlite3_create_function(db, "fts5_locale", 2, typed, connection, sql_locale, NULL, NULL));
    return sqlite3_create_function(db, "fts5_insttoken", 1, typed, connection, sql_insttoken, NULL,
                                   NULL);
}

// --- life ---

int fts_connection_new(sqlite3 *db, FtsConnection **out)
{
    FtsConnection *connection = fts_zalloc(sizeof *connection);
    if (connection == NULL)
        return SQLITE_NOMEM;
    connection->db = db;
    connection->ref_count = 1;
    connection->api = (fts5_api){.iVersion = 3,
                                 .xCreateTokenizer = api_create_tokenizer,
                                 .xFindTokenizer = api_find_tokenizer,
                                 .xCreateFunction = api_create_function,
                                 .xCreateTokenizer_v2 = api_create_tokenizer_v2,
                                 .xFindTokenizer_v2 = api_find_tokenizer_v2};
    connection->tokenizers.db = db;
    sqlite3_randomness(LOCALE_HEADER_SIZE, connection->locale_header);
    int rc = tokenizer_list_add_builtin(&connection->tokenizers);
    if (rc != SQLITE_OK) {
        fts_connection_unref(connection);
        return rc;
    }
    *out = connection;
    return SQLITE_OK;
}

void fts_connection_unref(void *pointer)
{
    FtsConnection *connection = pointer;
    ASSERT(connection->ref_count > 0);

    if (--connection->ref_count > 0)
        return;
    while (connection->functions != NULL) {
        AuxFunction *function = connection->functions;
        connection->functions = function->next;
        if (function->destroy != NULL)
            function->destroy(function->user_data);
        sqlite3_free(function->name);
        sqlite3_free(function);
    }
    tokenizer_list_deinit(&connection->tokenizers);
    sqlite3_free(connection);
}
