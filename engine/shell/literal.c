// Values as text: SQL literals, C strings, CSV fields, HTML and JSON. What is printed reads back
// as the same value, but for control characters and bytes that the notation has no word for.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

// Letters, digits and underscores that are no keyword can stand alone.
bool name_needs_quotes(const char *name)
{
    ASSERT(name != NULL);

    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (name[0] == 0 || strchr(letters, name[0]) == NULL)
        return true;
    size_t size = strlen(name);
    return strspn(name, more) != size || sqlite3_keyword_check(name, (int)size) != 0;
}

// --- SQL ---

// Quotes are doubled.
void print_sql_text(FILE *out, const char *text)
{
    ASSERT(text != NULL);

    fputc('\'', out);
    for (; *text != 0; text++) {
        if (*text == '\'')
            fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

// A stand-in for a control character that does not occur in the text.
static void choose_mark(const char *text, const char *first, const char *second, char *mark,
                        size_t size)
{
    ASSERT(size > strlen(first));

    snprintf(mark, size, "%s", first);
    if (strstr(text, mark) == NULL)
        return;
    snprintf(mark, size, "%s", second);
    // Ends: a text of n bytes has no room for more than n different marks.
    for (unsigned i = 0; strstr(text, mark) != NULL; i++)
        snprintf(mark, size, "(%s%u)", second, i);
}

// Lines of a script must not break inside a literal: newlines are put back by replace().
void print_sql_text_escaped(FILE *out, const char *text)
{
    ASSERT(text != NULL);

    char newline[40] = "";
    char carriage[40] = "";
    if (strpbrk(text, "\n\r") == NULL) {
        print_sql_text(out, text);
        return;
    }
    //     a<LF>b   becomes   replace('a\nb','\n',char(10))
    if (strchr(text, '\n') != NULL) {
        choose_mark(text, "\\n", "\\012", newline, sizeof newline);
        fputs("replace(", out);
    }
    if (strchr(text, '\r') != NULL) {
        choose_mark(text, "\\r", "\\015", carriage, sizeof carriage);
        fputs("replace(", out);
    }
    fputc('\'', out);
    for (; *text != 0; text++) {
        if (*text == '\n')
            fputs(newline, out);
        else if (*text == '\r')
            fputs(carriage, out);
        else
            fprintf(out, *text == '\'' ? "''" : "%c", *text);
    }
    fputc('\'', out);
    if (carriage[0] != 0)
        fprintf(out, ",'%s',char(13))", carriage);
    if (newline[0] != 0)
        fprintf(out, ",'%s',char(10))", newline);
}

// Infinity has no literal: 1e999 becomes it when it is read.
static const char *real_literal(sqlite3_stmt *stmt, int column)
{
    ASSERT(sqlite3_column_type(stmt, column) == SQLITE_FLOAT);

    const char *text = (const char *)sqlite3_column_text(stmt, column);
    if (text == NULL || strcmp(text, "Inf") == 0)
        return "1e999";
    return strcmp(text, "-Inf") == 0 ? "-1e999" : text;
}

// X'…'.
static void print_blob(FILE *out, sqlite3_stmt *stmt, int column)
{
    ASSERT(sqlite3_column_type(stmt, column) == SQLITE_BLOB);

    const unsigned char *bytes = sqlite3_column_blob(stmt, column);
    int size = sqlite3_column_bytes(stmt, column);
    fputs("X'", out);
    for (int i = 0; i < size; i++)
        // Lower case, as SQLite's shell writes it, though quote() writes upper case.
        fprintf(out, "%02x", bytes[i]);
    fputc('\'', out);
}

// Text with a NUL in it is cut there, as SQLite's shell cuts it.
void print_sql_literal(FILE *out, sqlite3_stmt *stmt, int column, bool escapes_newlines)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    const char *text;
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL: fputs("NULL", out); return;
    case SQLITE_BLOB: print_blob(out, stmt, column); return;
    case SQLITE_FLOAT: fputs(real_literal(stmt, column), out); return;
    case SQLITE_TEXT:
        text = (const char *)sqlite3_column_text(stmt, column);
        if (escapes_newlines)
            print_sql_text_escaped(out, text);
        else
            print_sql_text(out, text);
        return;
    default: fputs((const char *)sqlite3_column_text(stmt, column), out); return;
    }
}

// Where a value is part of a larger text.
char *sql_literal(sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    char *text = NULL;
    size_t size = 0;
    // The printers write to a FILE: one set of them serves output and memory.
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return shell_printf("?");
    print_sql_literal(out, stmt, column, false);
    (void)fclose(out);
    char *copy = shell_printf("%s", text);
    free(text); // libc: open_memstream's
    return copy;
}

// --- others ---

// Bytes beyond ASCII as octal, so that the output is ASCII whatever the value.
void print_c_text(FILE *out, const char *text)
{
    ASSERT(text != NULL);

    fputc('"', out);
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\\' || c == '"')
            fprintf(out, "\\%c", c);
        else if (c == '\t')
            fputs("\\t", out);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c == '\r')
            fputs("\\r", out);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(out, "\\%03o", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

// By RFC 4180, but quoted more often than needed, as SQLite's shell does: for blanks, quotes and
// whatever is not ASCII.
void print_csv_field(FILE *out, const char *text, const char *separator)
{
    ASSERT(text != NULL && separator != NULL);

    bool is_plain = text[0] != 0;
    for (const char *at = text; *at != 0 && is_plain; at++) {
        unsigned char c = (unsigned char)*at;
        is_plain = c > ' ' && c < 0x7f && c != '"' && c != '\'';
    }
    if (is_plain && strstr(text, separator) == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != 0; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

// What HTML would take for markup, as entities.
void print_html_text(FILE *out, const char *text)
{
    ASSERT(text != NULL);

    for (; *text != 0; text++) {
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: fputc(*text, out); break;
        }
    }
}

// Control characters as \u00xx or by letter; everything else as it is, in UTF-8.
void print_json_text(FILE *out, const char *text, int size)
{
    ASSERT(size >= 0);

    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char escapes[] = "\"\\bfnrt";
    fputc('"', out);
    for (int i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        // strchr() finds the end of its string for 0, which is none of the letters.
        const char *special = c == 0 ? NULL : strchr(plain, c);
        if (special != NULL)
            fprintf(out, "\\%c", escapes[special - plain]);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

// Infinity as 1e999, which readers of JSON take for it; blobs as the text they would be.
void print_json_value(FILE *out, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL: fputs("null", out); return;
    case SQLITE_INTEGER: fputs((const char *)sqlite3_column_text(stmt, column), out); return;
    case SQLITE_FLOAT: fputs(real_literal(stmt, column), out); return;
    default:
        print_json_text(out, (const char *)sqlite3_column_text(stmt, column),
                        sqlite3_column_bytes(stmt, column));
        return;
    }
}
