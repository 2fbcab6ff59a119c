// JSON read and written by the library's own functions: json_type(), ->> and json_valid() on
// prepared statements. Slower than a parser of our own, and one parser less: messages are short,
// and the functions are fuzzed as it is.
//
// Every text that comes here was checked by json_is_valid() or is a part of one that was, but for
// that function's own argument.

#include "shell/mcp.h"

#include <string.h>

// False: out of memory. To be followed by json_deinit() all the same.
bool json_init(Json *json)
{
    ASSERT(json != NULL);

    *json = (Json){0};
    return sqlite3_open(":memory:", &json->db) == SQLITE_OK
           && sqlite3_prepare_v2(json->db, "SELECT json_type(?1, ?2)", -1, &json->type, NULL)
                  == SQLITE_OK
           && sqlite3_prepare_v2(json->db, "SELECT ?1 ->> ?2, json_quote(?1 -> ?2)", -1,
                                 &json->text, NULL)
                  == SQLITE_OK
           && sqlite3_prepare_v2(json->db, "SELECT json_valid(?1)", -1, &json->valid, NULL)
                  == SQLITE_OK;
}

// Also of a Json whose json_init() failed half way.
void json_deinit(Json *json)
{
    ASSERT(json != NULL);

    sqlite3_finalize(json->type);
    sqlite3_finalize(json->text);
    sqlite3_finalize(json->valid);
    sqlite3_close(json->db);
    *json = (Json){0};
}

// Asked before anything else, so that the others meet JSON only.
bool json_is_valid(Json *json, const char *text)
{
    ASSERT(json->valid != NULL);

    sqlite3_bind_text(json->valid, 1, text, -1, SQLITE_STATIC);
    bool is_valid =
        sqlite3_step(json->valid) == SQLITE_ROW && sqlite3_column_int(json->valid, 0) != 0;
    sqlite3_reset(json->valid);
    return is_valid;
}

// "" where there is nothing; lent until the next call.
const char *json_type_at(Json *json, const char *text, const char *path)
{
    ASSERT(json->type != NULL);
    ASSERT(path[0] == '$');

    static const char *const types[] = {"null", "true", "false", "integer",
                                        "real", "text", "array", "object"};
    const char *found = "";
    sqlite3_bind_text(json->type, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(json->type, 2, path, -1, SQLITE_STATIC);
    if (sqlite3_step(json->type) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(json->type, 0);
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (type != NULL && strcmp(type, types[i]) == 0)
                found = types[i];
        }
    }
    sqlite3_reset(json->type);
    return found;
}

// Column 0: the value as text; column 1: as JSON.
static char *ask(Json *json, const char *text, const char *path, int column)
{
    ASSERT(column == 0 || column == 1);

    char *answer = NULL;
    sqlite3_bind_text(json->text, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(json->text, 2, path, -1, SQLITE_STATIC);
    if (sqlite3_step(json->text) == SQLITE_ROW
        && sqlite3_column_type(json->text, column) != SQLITE_NULL)
        answer = sqlite3_mprintf("%s", sqlite3_column_text(json->text, column));
    sqlite3_reset(json->text);
    return answer;
}

// The characters of a string, as text of any scalar.
char *json_text_at(Json *json, const char *text, const char *path)
{
    ASSERT(path[0] == '$');

    return ask(json, text, path, 0);
}

// The JSON text of a part, which can be put into another.
char *json_part_at(Json *json, const char *text, const char *path)
{
    ASSERT(path[0] == '$');

    return json_type_at(json, text, path)[0] == 0 ? NULL : ask(json, text, path, 1);
}

// Control characters as \u00xx; other bytes pass as they are, being UTF-8.
static void append_string(sqlite3_str *out, const char *text, int size)
{
    ASSERT(size >= 0);

    static const char specials[] = "\"\\\b\f\n\r\t";
    static const char escapes[] = "\"\\bfnrt";
    sqlite3_str_appendchar(out, 1, '"');
    for (int i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *special = c == 0 ? NULL : strchr(specials, c);
        if (special != NULL)
            sqlite3_str_appendf(out, "\\%c", escapes[special - specials]);
        else if (c < 0x20)
            sqlite3_str_appendf(out, "\\u%04x", c);
        else
            sqlite3_str_appendchar(out, 1, (char)c);
    }
    sqlite3_str_appendchar(out, 1, '"');
}

// Between quotes, escaped.
void json_append_text(sqlite3_str *out, const char *text)
{
    ASSERT(out != NULL);

    if (text == NULL)
        sqlite3_str_appendall(out, "null");
    else
        append_string(out, text, (int)strlen(text));
}

// Integers in full, though readers of JSON may round them; blobs in hexadecimal.
void json_append_column(sqlite3_str *out, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    const char *text = NULL;
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL: sqlite3_str_appendall(out, "null"); return;
    case SQLITE_INTEGER:
        sqlite3_str_appendf(out, "%lld", sqlite3_column_int64(stmt, column));
        return;
    case SQLITE_FLOAT:
        text = (const char *)sqlite3_column_text(stmt, column);
        // JSON has no infinities.
        sqlite3_str_appendall(out, text == NULL || strstr(text, "Inf") != NULL ? "null" : text);
        return;
    case SQLITE_BLOB: {
        const unsigned char *bytes = sqlite3_column_blob(stmt, column);
        sqlite3_str_appendall(out, "\"");
        for (int i = 0; i < sqlite3_column_bytes(stmt, column); i++)
            sqlite3_str_appendf(out, "%02x", bytes[i]);
        sqlite3_str_appendall(out, "\"");
        return;
    }
    default:
        text = (const char *)sqlite3_column_text(stmt, column);
        append_string(out, text, sqlite3_column_bytes(stmt, column));
        return;
    }
}
