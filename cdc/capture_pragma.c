// PRAGMA capture_data_changes_conn, and the function it stands for: cdc_capture(mode, table).
#include "cdc/capture.h"

static void result_failure(sqlite3_context *ctx, int rc, char *error)
{
    ASSERT(rc != SQLITE_OK);

    if (error != NULL)
        sqlite3_result_error(ctx, error, -1);
    sqlite3_result_error_code(ctx, rc);
    sqlite3_free(error);
}

static const char bad_value[] =
    "unexpected pragma value: expected '<mode>' or '<mode>,<cdc-table-name>' parameter where mode"
    " is one of off|id|before|after|full";

// "mode" or "mode,table"; *table NULL: none is named.
static bool parse_value(const char *value, CaptureMode *mode, const char **table)
{
    ASSERT(value != NULL);

    const char *comma = strchr(value, ',');
    size_t size = comma == NULL ? strlen(value) : (size_t)(comma - value);
    *table = comma == NULL ? NULL : comma + 1;
    return capture_mode_parse(value, size, mode) && (comma == NULL || comma[1] != '\0');
}

static void cdc_capture(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    Capture *capture = sqlite3_user_data(ctx);
    const char *value = (const char *)sqlite3_value_text(args[0]);
    const char *table;
    CaptureMode mode;
    char *error = NULL;
    (void)count;
    int rc = SQLITE_OK;
    if (value == NULL || !parse_value(value, &mode, &table)) {
        rc = SQLITE_ERROR;
        error = sqlite3_mprintf("%s", bad_value);
    } else {
        rc = capture_set(capture, mode, table, &error);
    }
    if (rc != SQLITE_OK)
        result_failure(ctx, rc, error);
    else
        sqlite3_result_int(ctx, 0);
}

#if QUIRE_CDC_LOADABLE

static int pragmas_register(sqlite3 *db, Capture *capture)
{
    (void)db, (void)capture;
    return SQLITE_OK;
}

#else

static int ask(const Capture *capture, char **sql)
{
    ASSERT(capture->mode == CAPTURE_OFF || capture->table != NULL);

    if (capture->mode == CAPTURE_OFF)
        *sql = sqlite3_mprintf("SELECT 'off' AS mode, NULL AS \"table\", NULL AS version");
    else
        *sql = sqlite3_mprintf("SELECT %Q AS mode, %Q AS \"table\", 'v%d' AS version",
                               capture_mode_name(capture->mode), capture->table, capture->version);
    return SQLITE_OK;
}

// wide: as quire_pragma has it
static int answer(void *arg, sqlite3 *db, const char *schema, const char *value, int quoted,
                  char **sql, char **error)
{
    const char *table;
    CaptureMode mode;
    (void)db, (void)schema;
    if (value == NULL)
        return ask(arg, sql);
    if (!quoted)
        *error = sqlite3_mprintf("string parameter expected, got %s", value);
    else if (!parse_value(value, &mode, &table))
        *error = sqlite3_mprintf("%s", bad_value);
    if (!quoted || *error != NULL)
        return SQLITE_ERROR;
    *sql = sqlite3_mprintf("SELECT NULL WHERE cdc_capture(%Q) <> 0", value);
    return SQLITE_OK;
}

static void close_hook(void *arg, sqlite3 *db)
{
    (void)db;
    capture_finalize(arg);
}

static int pragmas_register(sqlite3 *db, Capture *capture)
{
    TRY(quire_create_pragma(db, "capture_data_changes_conn", answer, capture, NULL));
    TRY(quire_create_pragma(db, "unstable_capture_data_changes_conn", answer, capture, NULL));
    TRY(quire_close_hook(db, close_hook, capture));
    return quire_schema_hook(db, capture_schema_hook, capture);
}

#endif

int capture_register(sqlite3 *db, Capture **out)
{
    ASSERT(db != NULL && out != NULL);

    Capture *capture = sqlite3_malloc64(sizeof *capture);
    if (capture == NULL)
        return SQLITE_NOMEM;
    memset(capture, 0, sizeof *capture);
    capture->db = db;
    capture->version = 2;
    // The function owns the capture: it goes with the connection, after the hooks' last call.
    TRY(sqlite3_create_function_v2(db, "cdc_capture", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, capture,
                                   cdc_capture, NULL, NULL, capture_free));
    *out = capture;
    return pragmas_register(db, capture);
}
