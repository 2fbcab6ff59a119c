// snippet(), offsets(), matchinfo() and optimize() as SQL calls them: their first argument is the
// hidden column named like the table, which hands the cursor over.
#include "fts/fts3/fts3_cursor.h"

// NULL: an error is set.
static Fts3Cursor *cursor_of(sqlite3_context *ctx, const char *function, sqlite3_value *value)
{
    Fts3Cursor *cursor = sqlite3_value_pointer(value, "fts3cursor");
    if (cursor != NULL)
        return cursor;
    char *message = sqlite3_mprintf("illegal first argument to %s", function);
    ASSERT(function != NULL);
    if (message == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, message, -1);
    sqlite3_free(message);
    return NULL;
}

static bool has_query(const Fts3Cursor *cursor)
{
    ASSERT(cursor != NULL);
    return cursor->plan == FTS3_PLAN_MATCH && cursor->query.root != NULL;
}

static void call_offsets(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    ASSERT(arg_count == 1);
    (void)arg_count;
    Fts3Cursor *cursor = cursor_of(ctx, "offsets", args[0]);
    if (cursor == NULL)
        return;
    if (!has_query(cursor))
        sqlite3_result_text(ctx, "", 0, SQLITE_STATIC);
    else
        fts3_offsets(ctx, cursor);
}

enum { SNIPPET_ARGS_MAX = 6, SNIPPET_TOKENS = 15 };

static void call_snippet(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    Fts3Snippet wish = {"<b>", "</b>", "<b>...</b>", -1, SNIPPET_TOKENS};
    if (arg_count < 1 || arg_count > SNIPPET_ARGS_MAX) {
        sqlite3_result_error(ctx, "wrong number of arguments to function snippet()", -1);
        return;
    }
    Fts3Cursor *cursor = cursor_of(ctx, "snippet", args[0]);
    if (cursor == NULL)
        return;
    if (arg_count > 1)
        wish.open = (const char *)sqlite3_value_text(args[1]);
    if (arg_count > 2)
        wish.close = (const char *)sqlite3_value_text(args[2]);
    if (arg_count > 3)
        wish.ellipsis = (const char *)sqlite3_value_text(args[3]);
    if (arg_count > 4)
        wish.column = sqlite3_value_int(args[4]);
    if (arg_count > 5)
        wish.token_count = sqlite3_value_int(args[5]);
    ASSERT(arg_count <= SNIPPET_ARGS_MAX);
    if (wish.open == NULL || wish.close == NULL || wish.ellipsis == NULL)
        sqlite3_result_error_nomem(ctx); // as SQLite says it
    else if (wish.token_count == 0 || !has_query(cursor))
        sqlite3_result_text(ctx, "", 0, SQLITE_STATIC);
    else
        fts3_snippet(ctx, cursor, &wish);
}

static void call_matchinfo(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);
    Fts3Cursor *cursor = cursor_of(ctx, "matchinfo", args[0]);
    if (cursor == NULL)
        return;
    const char *format = NULL;
    if (arg_count > 1)
        format = (const char *)sqlite3_value_text(args[1]);
    if (!has_query(cursor))
        sqlite3_result_blob(ctx, "", 0, SQLITE_STATIC);
    else
        fts3_matchinfo(ctx, cursor, format == NULL ? "pcx" : format);
}

static void call_optimize(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    ASSERT(arg_count == 1);
    (void)arg_count;
    bool has_changed;
    Fts3Cursor *cursor = cursor_of(ctx, "optimize", args[0]);
    if (cursor == NULL)
        return;
    Fts3Table *table = fts3_cursor_table(cursor);
    table->own_writes++;
    int rc = fts3_optimize(table, &has_changed);
    table->own_writes--;
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    else if (has_changed)
        sqlite3_result_text(ctx, "Index optimized", -1, SQLITE_STATIC);
    else
        sqlite3_result_text(ctx, "Index already optimal", -1, SQLITE_STATIC);
}

int fts3_find_function(sqlite3_vtab *vtab, int arg_count, const char *name,
                       void (**function)(sqlite3_context *, int, sqlite3_value **),
                       void **user_data)
{
    (void)vtab, (void)arg_count;
    static const struct {
        const char *name;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"snippet", call_snippet},
                     {"offsets", call_offsets},
                     {"optimize", call_optimize},
                     {"matchinfo", call_matchinfo}};
    ASSERT(name != NULL);
    for (int i = 0; i < ARRAY_LEN(functions); i++) {
        if (strcmp(name, functions[i].name) == 0) {
            *function = functions[i].call;
            *user_data = NULL;
            return 1;
        }
    }
    return 0;
}
