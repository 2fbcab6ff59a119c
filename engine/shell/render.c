// Rows as text in the modes that print each row as it comes.
//
// Modes that need the widths of all rows first are in render_grid.c; plans and programs in
// render_plan.c. A mode's separators are defaults: setting a mode sets them, and the user may
// change them afterwards.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

// By Mode. NULL: setting the mode leaves the separator as it is.
static const struct {
    const char *name;
    const char *separator, *row_separator;
} modes[MODE_COUNT] = {
    [MODE_LIST] = {"list", "|", "\n"},        [MODE_COLUMN] = {"column", NULL, "\n"},
    [MODE_JSON] = {"json", NULL, NULL},       [MODE_CSV] = {"csv", ",", "\r\n"},
    [MODE_LINE] = {"line", NULL, "\n"},       [MODE_BOX] = {"box", NULL, NULL},
    [MODE_TABLE] = {"table", NULL, NULL},     [MODE_MARKDOWN] = {"markdown", NULL, NULL},
    [MODE_QUOTE] = {"quote", ",", "\n"},      [MODE_INSERT] = {"insert", NULL, NULL},
    [MODE_HTML] = {"html", NULL, NULL},       [MODE_TABS] = {"tabs", "\t", NULL},
    [MODE_ASCII] = {"ascii", "\x1f", "\x1e"}, [MODE_TCL] = {"tcl", " ", "\n"},
    [MODE_EXPLAIN] = {"explain", NULL, NULL},
};

// As .show says it.
const char *mode_name(Mode mode)
{
    ASSERT(mode < MODE_COUNT);

    return modes[mode].name;
}

// Any beginning of a name, the first in the order of Mode; "explain" cannot be asked for.
bool mode_find(const char *name, Mode *out)
{
    ASSERT(name != NULL);
    ASSERT(out != NULL);

    size_t size = strlen(name);
    for (int i = 0; i < MODE_EXPLAIN && size > 0; i++) {
        if (strncmp(modes[i].name, name, size) == 0) {
            *out = (Mode)i;
            return true;
        }
    }
    return false;
}

// Modes that must know all rows before they print the first.
bool mode_is_grid(Mode mode)
{
    ASSERT(mode < MODE_COUNT);

    return mode == MODE_COLUMN || mode == MODE_BOX || mode == MODE_TABLE || mode == MODE_MARKDOWN;
}

// Widths and wrapping stay: they are the user's.
void mode_set(Shell *shell, Mode mode)
{
    ASSERT(mode < MODE_COUNT);

    shell->mode = mode;
    if (modes[mode].separator != NULL)
        snprintf(shell->separator, sizeof shell->separator, "%s", modes[mode].separator);
    if (modes[mode].row_separator != NULL)
        snprintf(shell->row_separator, sizeof shell->row_separator, "%s",
                 modes[mode].row_separator);
    // As in SQLite's shell: columns have headers unless .headers has said something.
    if (mode == MODE_COLUMN && !shell->headers_set)
        shell->headers = true;
}

// --- rows ---

// Borrowed until the next step.
static const char *column_text(const Shell *shell, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text != NULL ? text : shell->null_value;
}

// By the mode: between separators, quoted or escaped as it wants.
static void print_field(Shell *shell, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0);

    FILE *out = shell->out;
    bool is_null = sqlite3_column_type(stmt, column) == SQLITE_NULL;
    switch (shell->mode) {
    // The word for NULL is not quoted, so that it can be told from a text of the same letters.
    case MODE_CSV:
        if (is_null)
            fputs(shell->null_value, out);
        else
            print_csv_field(out, column_text(shell, stmt, column), shell->separator);
        return;
    case MODE_QUOTE: print_sql_literal(out, stmt, column, false); return;
    case MODE_TCL: print_c_text(out, column_text(shell, stmt, column)); return;
    default: fputs(column_text(shell, stmt, column), out); return;
    }
}

// Names are escaped as values are.
static void print_name(Shell *shell, const char *name)
{
    ASSERT(name != NULL);

    switch (shell->mode) {
    case MODE_CSV: print_csv_field(shell->out, name, shell->separator); return;
    case MODE_QUOTE: print_sql_text(shell->out, name); return;
    case MODE_TCL: print_c_text(shell->out, name); return;
    default: fputs(name, shell->out); return;
    }
}

// Fields with separators between them.
static void print_separated(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    ASSERT(sqlite3_column_count(stmt) > 0);

    int count = sqlite3_column_count(stmt);
    // Names come with the first row: a result without rows has none.
    if (is_first && shell->headers) {
        for (int i = 0; i < count; i++) {
            fputs(i > 0 ? shell->separator : "", shell->out);
            print_name(shell, sqlite3_column_name(stmt, i));
        }
        fputs(shell->row_separator, shell->out);
    }
    for (int i = 0; i < count; i++) {
        fputs(i > 0 ? shell->separator : "", shell->out);
        print_field(shell, stmt, i);
    }
    fputs(shell->row_separator, shell->out);
}

// A name and a value per line, an empty line between rows.
static void print_lines(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    ASSERT(sqlite3_column_count(stmt) > 0);

    // SQLite's least width. Names are measured in bytes, as there.
    enum { NAME_WIDTH = 5 };
    int count = sqlite3_column_count(stmt);
    int width = NAME_WIDTH;
    for (int i = 0; i < count; i++) {
        int size = (int)strlen(sqlite3_column_name(stmt, i));
        width = size > width ? size : width;
    }
    if (!is_first)
        fputs(shell->row_separator, shell->out);
    for (int i = 0; i < count; i++)
        fprintf(shell->out, "%*s = %s%s", width, sqlite3_column_name(stmt, i),
                column_text(shell, stmt, i), shell->row_separator);
}

// One array of objects, row by row: the closing bracket is render_rows()'s.
static void print_json_row(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    ASSERT(sqlite3_column_count(stmt) > 0);

    int count = sqlite3_column_count(stmt);
    fputs(is_first ? "[{" : ",\n{", shell->out);
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(stmt, i);
        if (i > 0)
            fputc(',', shell->out);
        print_json_text(shell->out, name, (int)strlen(name));
        fputc(':', shell->out);
        print_json_value(shell->out, stmt, i);
    }
    fputc('}', shell->out);
}

// With the columns' names only where headers are on.
static void print_insert_row(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(shell->insert_table != NULL);

    int count = sqlite3_column_count(stmt);
    fprintf(shell->out, "INSERT INTO %s", shell->insert_table);
    if (shell->headers) {
        for (int i = 0; i < count; i++) {
            const char *name = sqlite3_column_name(stmt, i);
            // Quoted only where needed, for people to read.
            char *quoted = shell_printf(name_needs_quotes(name) ? "\"%w\"" : "%s", name);
            fprintf(shell->out, "%s%s", i > 0 ? "," : "(", quoted);
            sqlite3_free(quoted);
        }
        fputc(')', shell->out);
    }
    for (int i = 0; i < count; i++) {
        fputs(i > 0 ? "," : " VALUES(", shell->out);
        print_sql_literal(shell->out, stmt, i, true);
    }
    fputs(");\n", shell->out);
}

// A row of a table that the user's page must begin and end.
static void print_html_row(Shell *shell, sqlite3_stmt *stmt, bool names)
{
    ASSERT(sqlite3_column_count(stmt) > 0);

    const char *tag = names ? "TH" : "TD";
    fputs("<TR>", shell->out);
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        fprintf(shell->out, "<%s>", tag);
        print_html_text(shell->out,
                        names ? sqlite3_column_name(stmt, i) : column_text(shell, stmt, i));
        fprintf(shell->out, "</%s>\n", tag);
    }
    fputs("</TR>\n", shell->out);
}

// Of the modes that print rows as they come.
static void print_row(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    ASSERT(sqlite3_column_count(stmt) > 0);

    switch (shell->mode) {
    case MODE_LINE: print_lines(shell, stmt, is_first); return;
    case MODE_JSON: print_json_row(shell, stmt, is_first); return;
    case MODE_INSERT: print_insert_row(shell, stmt); return;
    case MODE_HTML:
        if (is_first && shell->headers)
            print_html_row(shell, stmt, true);
        print_html_row(shell, stmt, false);
        return;
    default: print_separated(shell, stmt, is_first); return;
    }
}

// A statement that gives no rows prints nothing, not even names.
static int render_rows(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(shell->out != NULL);

    bool is_first = true;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_count(stmt) == 0)
            continue;
        print_row(shell, stmt, is_first);
        is_first = false;
    }
    if (shell->mode == MODE_JSON && !is_first)
        fputs("]\n", shell->out);
    return rc;
}

// EXPLAIN has layouts of its own, unless .explain says otherwise.
int render_statement(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL && shell->out != NULL);

    int explain = sqlite3_stmt_isexplain(stmt);
    // sqlite3_stmt_isexplain(): 1 is EXPLAIN, 2 EXPLAIN QUERY PLAN.
    if (shell->explain == EXPLAIN_AUTO && explain == 2)
        return render_plan(shell, stmt);
    if (shell->explain == EXPLAIN_ON || (shell->explain == EXPLAIN_AUTO && explain == 1))
        return render_program(shell, stmt);
    if (mode_is_grid(shell->mode) && sqlite3_column_count(stmt) > 0)
        return render_grid(shell, stmt);
    return render_rows(shell, stmt);
}
