// Registers FTS3's modules and functions. See fts3_module.h.
#include "fts/fts3/fts3_module.h"

#include "fts/fts3/fts3_table.h"

// Each registration has its own, and frees it.
static void free_modules(void *context)
{
    Fts3Modules *modules = context;
    ASSERT(modules->tokenizers != NULL);
    fts3_tokenizers_unref(modules->tokenizers);
    sqlite3_free(modules);
}

static int add_module(sqlite3 *db, const char *name, const sqlite3_module *methods, int version,
                      Fts3Tokenizers *tokenizers)
{
    ASSERT(name != NULL);
    Fts3Modules *modules = fts_zalloc(sizeof *modules);
    if (modules == NULL)
        return SQLITE_NOMEM;
    fts3_tokenizers_ref(tokenizers);
    *modules = (Fts3Modules){tokenizers, version};
    return sqlite3_create_module_v2(db, name, methods, modules, free_modules);
}

// What the functions do, the table of their first argument says.
static int add_functions(sqlite3 *db)
{
    static const struct {
        const char *name;
        int arg_count;
    } functions[] = {
        {"snippet", -1}, {"offsets", 1}, {"matchinfo", 1}, {"matchinfo", 2}, {"optimize", 1}};
    ASSERT(db != NULL);
    for (int i = 0; i < ARRAY_LEN(functions); i++)
        TRY(sqlite3_overload_function(db, functions[i].name, functions[i].arg_count));
    return SQLITE_OK;
}

static int add_all(sqlite3 *db, const Fts3Names *names, Fts3Tokenizers *tokenizers)
{
    ASSERT(tokenizers != NULL);
    TRY(fts3_tokenizers_register(tokenizers, db));
    TRY(add_functions(db));
    TRY(add_module(db, names->fts3, &fts3_table_module, 3, tokenizers));
    TRY(add_module(db, names->fts4, &fts3_table_module, 4, tokenizers));
    TRY(add_module(db, names->aux, &fts3_aux_module, 4, tokenizers));
    return add_module(db, names->tokenize, &fts3_tokenize_module, 4, tokenizers);
}

int fts3_register(sqlite3 *db, const Fts3Names *names)
{
    Fts3Tokenizers *tokenizers;
    ASSERT(names != NULL);
    TRY(fts3_tokenizers_new(&tokenizers));
    int rc = add_all(db, names, tokenizers);
    fts3_tokenizers_unref(tokenizers);
    return rc;
}
