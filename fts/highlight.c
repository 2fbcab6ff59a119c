// highlight(table, column, open, close): the text with marks round what matched.
#include "fts/fts_cursor.h"
#include "fts/passage.h"

void fts_highlight(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                   int arg_count, sqlite3_value **args)
{
    if (arg_count != 3) {
        sqlite3_result_error(ctx, "wrong number of arguments to function highlight()", -1);
        return;
    }
    Passage passage = {.api = api,
                       .fts = fts,
                       .column = sqlite3_value_int(args[0]),
                       .open = (const char *)sqlite3_value_text(args[1]),
                       .close = (const char *)sqlite3_value_text(args[2]),
                       .last_token = INT32_MAX};
    int rc = passage_build(&passage);
    if (rc == SQLITE_RANGE)
        sqlite3_result_text(ctx, "", 0, SQLITE_STATIC);
    else if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    else if (passage.text != NULL)
        sqlite3_result_text(ctx, (const char *)passage.out.bytes, (int)passage.out.size,
                            SQLITE_TRANSIENT);
    fts_buffer_deinit(&passage.out);
}

void fts_get_locale(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                    int arg_count, sqlite3_value **args)
{
    const char *locale = NULL;
    int size = 0;
    if (arg_count != 1) {
        sqlite3_result_error(ctx, "wrong number of arguments to function fts5_get_locale()", -1);
        return;
    }
    int rc = api->xColumnLocale(fts, sqlite3_value_int(args[0]), &locale, &size);
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    else
        sqlite3_result_text(ctx, locale, size, SQLITE_TRANSIENT);
}
