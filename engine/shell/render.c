// Rows as text, in every output mode.
//
// Modes that print row by row (list, csv, line, json, ...) do so while the statement runs; those
// that need the widths first (column, box, table, markdown) collect all rows.

#include "shell/shell.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *separator, *row_separator;
} modes[MODE_COUNT] = {
    [MODE_LIST] = {"list", "|", "\n"},        [MODE_COLUMN] = {"column", "|", "\n"},
    [MODE_JSON] = {"json", "|", "\n"},        [MODE_CSV] = {"csv", ",", "\r\n"},
    [MODE_LINE] = {"line", "|", "\n"},        [MODE_BOX] = {"box", "|", "\n"},
    [MODE_TABLE] = {"table", "|", "\n"},      [MODE_MARKDOWN] = {"markdown", "|", "\n"},
    [MODE_QUOTE] = {"quote", ",", "\n"},      [MODE_INSERT] = {"insert", ",", "\n"},
    [MODE_HTML] = {"html", "|", "\n"},        [MODE_TABS] = {"tabs", "\t", "\n"},
    [MODE_ASCII] = {"ascii", "\x1f", "\x1e"},
};

const char *mode_name(Mode mode)
{
    return modes[mode].name;
}

bool mode_find(const char *name, Mode *out)
{
    size_t size = strlen(name);
    for (int i = 0; i < MODE_COUNT && size > 0; i++) {
        if (strncmp(modes[i].name, name, size) == 0) {
            *out = (Mode)i;
            return true;
        }
    }
    return false;
}

void mode_set(Shell *shell, Mode mode)
{
    shell->mode = mode;
    snprintf(shell->separator, sizeof shell->separator, "%s", modes[mode].separator);
    snprintf(shell->row_separator, sizeof shell->row_separator, "%s", modes[mode].row_separator);
    if (!shell->headers_set)
        shell->headers =
            mode == MODE_COLUMN || mode == MODE_BOX || mode == MODE_TABLE || mode == MODE_MARKDOWN;
}

// --- one value ---

static const char *column_text(const Shell *shell, sqlite3_stmt *stmt, int i)
{
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    return text != NULL ? text : shell->null_value;
}

static void print_csv_field(FILE *out, const char *text, const char *separator)
{
    bool plain = text[0] != '\0' || separator[0] == '\0';
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == '"' || c == '\'' || c == 0x7f || c >= 0x80 || c == ' ')
            plain = c == '\'' || c >= 0x80 ? plain && c >= 0x80 : false;
    }
    if (plain && strstr(text, separator) == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            fputc('"', out);
        fputc(*p, out);
    }
    fputc('"', out);
}

static void print_json_text(FILE *out, const unsigned char *text, int size)
{
    fputc('"', out);
    for (int i = 0; i < size; i++) {
        unsigned char c = text[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c == '\t')
            fputs("\\t", out);
        else if (c == '\r')
            fputs("\\r", out);
        else if (c == '\b')
            fputs("\\b", out);
        else if (c == '\f')
            fputs("\\f", out);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void print_json_value(FILE *out, sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: fputs("null", out); return;
    case SQLITE_INTEGER: fputs((const char *)sqlite3_column_text(stmt, i), out); return;
    case SQLITE_FLOAT: {
        const char *text = (const char *)sqlite3_column_text(stmt, i);
        fputs(strcmp(text, "Inf") == 0    ? "1e999"
              : strcmp(text, "-Inf") == 0 ? "-1e999"
                                          : text,
              out);
        return;
    }
    default:
        print_json_text(out, sqlite3_column_text(stmt, i), sqlite3_column_bytes(stmt, i));
        return;
    }
}

static void print_blob_literal(FILE *out, sqlite3_stmt *stmt, int i)
{
    const unsigned char *bytes = sqlite3_column_blob(stmt, i);
    int size = sqlite3_column_bytes(stmt, i);
    fputs("X'", out);
    for (int k = 0; k < size; k++)
        fprintf(out, "%02x", bytes[k]);
    fputc('\'', out);
}

static void print_sql_literal(FILE *out, sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: fputs("NULL", out); return;
    case SQLITE_BLOB: print_blob_literal(out, stmt, i); return;
    case SQLITE_TEXT:
        fputc('\'', out);
        for (const char *p = (const char *)sqlite3_column_text(stmt, i); *p != '\0'; p++) {
            if (*p == '\'')
                fputc('\'', out);
            fputc(*p, out);
        }
        fputc('\'', out);
        return;
    default: fputs((const char *)sqlite3_column_text(stmt, i), out); return;
    }
}

static void print_html_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
    }
}

// --- rows as they come ---

static void print_separated(Shell *shell, sqlite3_stmt *stmt, bool names)
{
    int count = sqlite3_column_count(stmt);
    for (int i = 0; i < count; i++) {
        const char *text = names ? sqlite3_column_name(stmt, i) : column_text(shell, stmt, i);
        if (i > 0)
            fputs(shell->separator, shell->out);
        if (shell->mode == MODE_CSV)
            print_csv_field(shell->out, text, shell->separator);
        else if (shell->mode == MODE_QUOTE && !names)
            print_sql_literal(shell->out, stmt, i);
        else
            fputs(text, shell->out);
    }
    fputs(shell->row_separator, shell->out);
}

static void print_line_row(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    int count = sqlite3_column_count(stmt);
    int width = 5;
    for (int i = 0; i < count; i++) {
        int size = (int)strlen(sqlite3_column_name(stmt, i));
        width = size > width ? size : width;
    }
    if (!is_first)
        fputs("\n", shell->out);
    for (int i = 0; i < count; i++)
        fprintf(shell->out, "%*s = %s\n", width, sqlite3_column_name(stmt, i),
                column_text(shell, stmt, i));
}

static void print_json_row(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    int count = sqlite3_column_count(stmt);
    fputs(is_first ? "[{" : ",\n{", shell->out);
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(stmt, i);
        if (i > 0)
            fputc(',', shell->out);
        print_json_text(shell->out, (const unsigned char *)name, (int)strlen(name));
        fputc(':', shell->out);
        print_json_value(shell->out, stmt, i);
    }
    fputc('}', shell->out);
}

static void print_insert_row(Shell *shell, sqlite3_stmt *stmt)
{
    int count = sqlite3_column_count(stmt);
    fprintf(shell->out, "INSERT INTO %s",
            shell->insert_table[0] != '\0' ? shell->insert_table : "\"table\"");
    if (shell->headers) {
        for (int i = 0; i < count; i++)
            fprintf(shell->out, "%s%s", i > 0 ? "," : "(", sqlite3_column_name(stmt, i));
        fputc(')', shell->out);
    }
    fputs(" VALUES(", shell->out);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            fputc(',', shell->out);
        print_sql_literal(shell->out, stmt, i);
    }
    fputs(");\n", shell->out);
}

static void print_html_row(Shell *shell, sqlite3_stmt *stmt, bool names)
{
    fputs("<TR>", shell->out);
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        fputs(names ? "<TH>" : "<TD>", shell->out);
        print_html_text(shell->out,
                        names ? sqlite3_column_name(stmt, i) : column_text(shell, stmt, i));
        fputs(names ? "</TH>\n" : "</TD>\n", shell->out);
    }
    fputs("</TR>\n", shell->out);
}

static void print_row(Shell *shell, sqlite3_stmt *stmt, bool is_first)
{
    switch (shell->mode) {
    case MODE_LINE: print_line_row(shell, stmt, is_first); return;
    case MODE_JSON: print_json_row(shell, stmt, is_first); return;
    case MODE_INSERT: print_insert_row(shell, stmt); return;
    case MODE_HTML:
        if (is_first && shell->headers)
            print_html_row(shell, stmt, true);
        print_html_row(shell, stmt, false);
        return;
    default:
        if (is_first && shell->headers)
            print_separated(shell, stmt, true);
        print_separated(shell, stmt, false);
        return;
    }
}

static int render_rows(Shell *shell, sqlite3_stmt *stmt)
{
    bool is_first = true;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        print_row(shell, stmt, is_first);
        is_first = false;
    }
    if (shell->mode == MODE_JSON && !is_first)
        fputs("]\n", shell->out);
    return rc;
}

// --- rows in columns ---

typedef struct Grid {
    char **cells; // the names first, then row after row
    size_t count, capacity;
    int columns;
    int *widths;
} Grid;

static int display_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool grid_add(Grid *grid, const char *text)
{
    if (grid->count == grid->capacity) {
        size_t capacity = grid->capacity == 0 ? 64 : grid->capacity * 2;
        char **grown = sqlite3_realloc64(grid->cells, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        grid->cells = grown;
        grid->capacity = capacity;
    }
    char *copy = sqlite3_mprintf("%s", text);
    if (copy == NULL)
        return false;
    int column = (int)(grid->count % (size_t)grid->columns);
    int width = display_width(copy);
    if (width > grid->widths[column])
        grid->widths[column] = width;
    grid->cells[grid->count++] = copy;
    return true;
}

static void print_padded(FILE *out, const char *text, int width)
{
    fputs(text, out);
    for (int i = display_width(text); i < width; i++)
        fputc(' ', out);
}

static void print_repeated(FILE *out, const char *text, int count)
{
    for (int i = 0; i < count; i++)
        fputs(text, out);
}

// The strings a grid is drawn with.
typedef struct GridStyle {
    const char *left, *middle, *right; // between cells
    const char *rule[3][4]; // top, below the names, bottom: left, dash, cross, right; NULL: none
    int padding;
} GridStyle;

static const GridStyle style_column = {"", "  ", "", {{0}, {"", "-", "  ", ""}, {0}}, 0};
static const GridStyle style_box = {
    "│ ", " │ ", " │", {{"┌", "─", "┬", "┐"}, {"├", "─", "┼", "┤"}, {"└", "─", "┴", "┘"}}, 2};
static const GridStyle style_table = {
    "| ", " | ", " |", {{"+", "-", "+", "+"}, {"+", "-", "+", "+"}, {"+", "-", "+", "+"}}, 2};
static const GridStyle style_markdown = {"| ", " | ", " |", {{0}, {"|", "-", "|", "|"}, {0}}, 2};

static void print_rule(FILE *out, const Grid *grid, const char *const rule[4], int padding)
{
    if (rule[1] == NULL)
        return;
    fputs(rule[0], out);
    for (int i = 0; i < grid->columns; i++) {
        if (i > 0)
            fputs(rule[2], out);
        print_repeated(out, rule[1], grid->widths[i] + padding);
    }
    fputs(rule[3], out);
    fputc('\n', out);
}

static void print_grid_row(FILE *out, const Grid *grid, size_t first, const GridStyle *style)
{
    fputs(style->left, out);
    for (int i = 0; i < grid->columns; i++) {
        if (i > 0)
            fputs(style->middle, out);
        bool is_last = i + 1 == grid->columns && style == &style_column;
        print_padded(out, grid->cells[first + (size_t)i], is_last ? 0 : grid->widths[i]);
    }
    fputs(style->right, out);
    fputc('\n', out);
}

static void grid_print(const Shell *shell, const Grid *grid)
{
    const GridStyle *style = shell->mode == MODE_BOX        ? &style_box
                             : shell->mode == MODE_TABLE    ? &style_table
                             : shell->mode == MODE_MARKDOWN ? &style_markdown
                                                            : &style_column;
    size_t columns = (size_t)grid->columns;
    if (grid->count <= columns)
        return; // no rows: nothing is shown
    print_rule(shell->out, grid, style->rule[0], style->padding);
    if (shell->headers || style != &style_column) {
        print_grid_row(shell->out, grid, 0, style);
        print_rule(shell->out, grid, style->rule[1], style->padding);
    }
    for (size_t at = columns; at < grid->count; at += columns)
        print_grid_row(shell->out, grid, at, style);
    print_rule(shell->out, grid, style->rule[2], style->padding);
}

static void grid_deinit(Grid *grid)
{
    for (size_t i = 0; i < grid->count; i++)
        sqlite3_free(grid->cells[i]);
    sqlite3_free(grid->cells);
    sqlite3_free(grid->widths);
}

static int render_grid(Shell *shell, sqlite3_stmt *stmt)
{
    Grid grid = {.columns = sqlite3_column_count(stmt)};
    grid.widths = sqlite3_malloc64((sqlite3_uint64)grid.columns * sizeof *grid.widths);
    bool fits = grid.widths != NULL;
    for (int i = 0; i < grid.columns && fits; i++) {
        grid.widths[i] = 0;
        fits = grid_add(&grid, sqlite3_column_name(stmt, i));
    }
    int rc = SQLITE_NOMEM;
    while (fits && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (int i = 0; i < grid.columns && fits; i++)
            fits = grid_add(&grid, column_text(shell, stmt, i));
    }
    if (fits)
        grid_print(shell, &grid);
    else
        rc = SQLITE_NOMEM;
    grid_deinit(&grid);
    return rc;
}

int render_statement(Shell *shell, sqlite3_stmt *stmt)
{
    bool needs_widths = shell->mode == MODE_COLUMN || shell->mode == MODE_BOX
                        || shell->mode == MODE_TABLE || shell->mode == MODE_MARKDOWN;
    if (needs_widths && sqlite3_column_count(stmt) > 0)
        return render_grid(shell, stmt);
    return render_rows(shell, stmt);
}
