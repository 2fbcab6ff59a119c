// Any bytes as JSONB and as JSON text, any text as a path, through every function that takes them.
// The first byte is the size of the path, which comes next; the document is the rest.
//
// Beside not breaking, what comes out has to hold together: JSONB made here is well formed, and
// reads as the text it was made of.

#include "fuzz.h"
#include "sqlite3.h"
#include <stdlib.h>
#include <string.h>

enum { LENGTH_MAX = 1 << 20, HEAP_MAX = 128 << 20, ROWS_MAX = 2000 };

// ?1 is the document, ?2 the path, ?3 another small document.
static const char *const calls[] = {
    "SELECT json(?1)",
    "SELECT jsonb(?1)",
    "SELECT json_valid(?1), json_valid(?1,1), json_valid(?1,2), json_valid(?1,4)",
    "SELECT json_valid(?1,5), json_valid(?1,6), json_valid(?1,8), json_valid(?1,15)",
    "SELECT json_error_position(?1)",
    "SELECT json_pretty(?1), json_pretty(?1, '--')",
    "SELECT json_type(?1), json_array_length(?1)",
    "SELECT json_type(?1,?2), json_array_length(?1,?2)",
    "SELECT json_extract(?1,?2), jsonb_extract(?1,?2), json_extract(?1,?2,'$.a','$[#-1]')",
    "SELECT ?1 -> ?2, ?1 ->> ?2, ?1 -> 0, ?1 ->> -1, ?1 -> 'a'",
    "SELECT json_set(?1,?2,?3), jsonb_set(?1,?2,jsonb(?1))",
    "SELECT json_insert(?1,?2,5,'$.zz.y',json(?1)), jsonb_insert(?1,'$[#]',?3)",
    "SELECT json_replace(?1,?2,NULL), jsonb_replace(?1,'$',json_array(1,2))",
    "SELECT json_remove(?1,?2), jsonb_remove(?1,'$[0]',?2,'$.a')",
    "SELECT json_array_insert(?1,?2,?3)",
    "SELECT json_patch(?1,?3), json_patch(?3,?1), jsonb_patch(?1,?1)",
    "SELECT json_array(json(?1), jsonb(?1)), jsonb_object('k', jsonb(?1))",
    "SELECT json_quote(?1), json_quote(json(?1))",
    "SELECT json_group_array(json(?1)), jsonb_group_object(?2, jsonb(?1))",
    "SELECT * FROM json_each(?1)",
    "SELECT key, value, type, atom, id, parent, fullkey, path FROM json_tree(?1)",
    "SELECT * FROM json_each(?1,?2)",
    "SELECT * FROM jsonb_tree(?1,?2)",
};

enum { CALLS = sizeof calls / sizeof *calls };

static volatile unsigned sink; // keeps what is read from being optimised away
static sqlite3 *db;
static sqlite3_stmt *statements[CALLS];
static sqlite3_stmt *made_text, *made_blob;

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL); // none for a function that is not there
    return stmt;
}

static void open_once(void)
{
    if (db != NULL)
        return;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        abort();
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    for (int i = 0; i < CALLS; i++)
        statements[i] = prepare(calls[i]);
    made_text = prepare("SELECT jsonb(?1), json(?1), json_valid(jsonb(?1), 8), json(jsonb(?1))");
    made_blob = prepare("SELECT json(?1), json_valid(json(?1)) WHERE json_valid(?1, 8)");
    if (made_text == NULL || made_blob == NULL)
        abort();
}

typedef struct Input {
    const char *document, *path;
    int document_size, path_size;
    int is_blob;
} Input;

static void bind_input(sqlite3_stmt *stmt, const Input *in)
{
    sqlite3_reset(stmt);
    if (in->is_blob)
        sqlite3_bind_blob(stmt, 1, in->document, in->document_size, SQLITE_STATIC);
    else
        sqlite3_bind_text(stmt, 1, in->document, in->document_size, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, in->path, in->path_size, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, "{\"a\":[1,{\"b\":2.5}],\"c\":\"\\u00e9\"}", -1, SQLITE_STATIC);
}

static void run(sqlite3_stmt *stmt, const Input *in)
{
    if (stmt == NULL)
        return;
    bind_input(stmt, in);
    for (int row = 0; row < ROWS_MAX && sqlite3_step(stmt) == SQLITE_ROW; row++) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const unsigned char *bytes = sqlite3_column_blob(stmt, i);
            int size = sqlite3_column_bytes(stmt, i);
            for (int at = 0; bytes != NULL && at < size; at++)
                sink += bytes[at];
            (void)sqlite3_column_text(stmt, i);
        }
    }
    sqlite3_reset(stmt);
}

// Text that is JSON makes JSONB that is well formed and reads the same.
static void check_text(const Input *in)
{
    bind_input(made_text, in);
    if (sqlite3_step(made_text) == SQLITE_ROW && sqlite3_column_type(made_text, 0) != SQLITE_NULL) {
        const char *direct = (const char *)sqlite3_column_text(made_text, 1);
        const char *again = (const char *)sqlite3_column_text(made_text, 3);
        if (sqlite3_column_int(made_text, 2) != 1)
            abort();
        if (direct != NULL && again != NULL && strcmp(direct, again) != 0)
            abort();
    }
    sqlite3_reset(made_text);
}

// JSONB that is well formed by the strict rules can be written as text.
static void check_blob(const Input *in)
{
    bind_input(made_blob, in);
    int rc = sqlite3_step(made_blob);
    if (rc == SQLITE_ROW && sqlite3_column_type(made_blob, 0) != SQLITE_TEXT)
        abort();
    if (rc == SQLITE_ERROR)
        abort();
    sqlite3_reset(made_blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || (size_t)data[0] + 1 > size)
        return 0;
    sqlite3_hard_heap_limit64(HEAP_MAX);
    open_once();
    const char *bytes = (const char *)data;
    Input in = {.path = bytes + 1, .path_size = data[0]};
    in.document = bytes + 1 + in.path_size;
    in.document_size = (int)(size - 1 - data[0]);
    for (in.is_blob = 0; in.is_blob < 2; in.is_blob++) {
        for (int i = 0; i < CALLS; i++)
            run(statements[i], &in);
    }
    in.is_blob = 1;
    check_blob(&in);
    in.is_blob = 0;
    check_text(&in);
    return 0;
}
