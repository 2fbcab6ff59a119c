// An extension compiled against the stock header, as binaries from elsewhere are: a function, an
// aggregate, a collation and what the table of functions holds.

#include <sqlite3ext.h> // of libsqlite3-dev
#include <string.h>

SQLITE_EXTENSION_INIT1

static void fn_reverse(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    const char *text = (const char *)sqlite3_value_text(args[0]);
    int size = sqlite3_value_bytes(args[0]);
    char *out = text != NULL ? sqlite3_malloc(size + 1) : NULL;
    if (out == NULL) {
        sqlite3_result_null(context);
        return;
    }
    for (int i = 0; i < size; i++)
        out[i] = text[size - 1 - i];
    sqlite3_result_text(context, out, size, sqlite3_free);
}

// How many entries of the stock header's table are empty.
static void fn_empty_slots(sqlite3_context *context, int count, sqlite3_value **args)
{
    (void)count;
    (void)args;
    const void *const *slots = (const void *const *)sqlite3_api;
    int empty = 0;
    for (size_t i = 0; i < sizeof *sqlite3_api / sizeof *slots; i++)
        empty += slots[i] == NULL;
    sqlite3_result_int(context, empty);
}

static int compare_sizes(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    (void)arg;
    (void)a;
    (void)b;
    return a_size - b_size;
}

int sqlite3_stockheader_init(sqlite3 *db, char **error, const sqlite3_api_routines *routines);

int sqlite3_stockheader_init(sqlite3 *db, char **error, const sqlite3_api_routines *routines)
{
    SQLITE_EXTENSION_INIT2(routines);
    int rc = sqlite3_create_function(db, "reverse_text", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                     NULL, fn_reverse, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function(db, "empty_slots", 0, SQLITE_UTF8, NULL, fn_empty_slots, NULL,
                                     NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_collation_v2(db, "sizes", SQLITE_UTF8, NULL, compare_sizes, NULL);
    if (rc != SQLITE_OK)
        *error = sqlite3_mprintf("could not register: %s", sqlite3_errmsg(db));
    return rc;
}
