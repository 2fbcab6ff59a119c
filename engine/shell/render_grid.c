// Rows in columns of one width: modes column, box, table and markdown.
//
// All rows are kept until the last has come, since it may be the widest. A value that is too long,
// or has line breaks, goes on in the lines below; a row is then as high as its highest value.
#include "shell/shell.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Grid {
    char **cells; // the names first, then line after line; NULL: an empty value
    size_t count, capacity;
    int columns;
    int *widths; // negative: to the right
    bool *ends;  // [line]: the line is the last of its row
    size_t line_count, line_capacity;
    bool has_high_rows;
} Grid;

// --- one value, line by line ---

// A lead byte with what continues it.
static int char_size(const char *text)
{
    ASSERT(*text != 0);

    int size = 1;
    while (((unsigned char)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

// Characters, not columns of a terminal: wide and combining ones count as one, as in SQLite's
// shell.
static int display_width(const char *text)
{
    ASSERT(text != NULL);

    int width = 0;
    for (; *text != 0; text += char_size(text))
        width++;
    return width;
}

// Bytes of `text` that fit in `limit` columns, up to a control character. *full: they fill the
// line.
static size_t fitting_size(const char *text, int limit, bool *full)
{
    ASSERT(text != NULL && full != NULL);

    size_t size = 0;
    int width = 0;
    while (width < limit && text[size] != 0) {
        if ((unsigned char)text[size] >= ' ') {
            size += (size_t)char_size(text + size);
            width++;
        } else if (text[size] == '\t') {
            size++;
            // A tab goes on to the next multiple of eight, or to the line's end.
            do {
                width++;
            } while (width % 8 != 0 && width < limit);
        } else {
            break;
        }
    }
    *full = width >= limit;
    return size;
}

// Where a full line is better broken: after a blank, else between a word and what is none, in its
// second half.
static size_t word_break(const char *text, size_t size)
{
    ASSERT(size > 0);

    for (size_t at = size; at > size / 2; at--) {
        if (isspace((unsigned char)text[at - 1]))
            return at;
    }
    for (size_t at = size; at > size / 2; at--) {
        bool left = isalnum((unsigned char)text[at - 1]) != 0;
        bool right = isalnum((unsigned char)text[at]) != 0;
        if (left != right && ((unsigned char)text[at] & 0xc0) != 0x80)
            return at;
    }
    return size;
}

// To multiples of eight from the beginning of the value.
static char *expand_tabs(const char *text, size_t size)
{
    ASSERT(text != NULL);

    // A tab is eight blanks at most.
    char *line = shell_alloc(size * 8 + 1);
    size_t out = 0;
    int width = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\t') {
            do {
                line[out++] = ' ';
                width++;
            } while (width % 8 != 0);
            continue;
        }
        line[out++] = text[i];
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    line[out] = 0;
    return line;
}

// The next line of the value at *text, which moves behind it; NULL when nothing is left.
static char *take_line(const char **text, int limit, bool by_words)
{
    ASSERT(*text != NULL && limit >= 0);

    const char *from = *text;
    bool full;
    size_t size = fitting_size(from, limit == 0 ? 1000000 : limit, &full);
    size_t next = size;
    bool goes_on = full && (unsigned char)from[size] >= ' ';
    // Blanks at the break are not shown at the beginning of the next line.
    if (goes_on && by_words) {
        size = word_break(from, size);
        next = size;
        while (from[next] == ' ' && next > 0 && size != 0 && from[next] != 0)
            next++;
    }
    char *line = expand_tabs(from, size);
    if (goes_on)
        *text = from + next;
    else if (from[next] == '\r' && from[next + 1] == '\n')
        *text = from[next + 2] != 0 ? from + next + 2 : NULL;
    else
        *text = from[next] == 0 || from[next + 1] == 0 ? NULL : from + next + 1;
    return line;
}

// --- collecting ---

// Takes the line. Cells come row by row, so that their number tells the column.
static void grid_add(Grid *grid, char *line)
{
    ASSERT(grid->columns > 0);
    ASSERT(grid->widths != NULL);

    if (grid->count == grid->capacity) {
        grid->capacity = grid->capacity == 0 ? 64 : grid->capacity * 2;
        grid->cells = shell_realloc(grid->cells, grid->capacity * sizeof *grid->cells);
    }
    int column = (int)(grid->count % (size_t)grid->columns);
    int width = line == NULL ? 0 : display_width(line);
    if (width > abs(grid->widths[column]))
        grid->widths[column] = grid->widths[column] < 0 ? -width : width;
    grid->cells[grid->count++] = line;
}

// A row of several lines ends with its last one.
static void grid_end_line(Grid *grid, bool is_end)
{
    ASSERT(grid->count == (grid->line_count + 1) * (size_t)grid->columns);
    ASSERT(grid->line_count <= grid->line_capacity);

    if (grid->line_count == grid->line_capacity) {
        grid->line_capacity = grid->line_capacity == 0 ? 64 : grid->line_capacity * 2;
        grid->ends = shell_realloc(grid->ends, grid->line_capacity * sizeof *grid->ends);
    }
    grid->ends[grid->line_count++] = is_end;
    grid->has_high_rows |= !is_end;
}

// .width of the column if it is set, else --wrap.
static int limit_of(const Shell *shell, int column)
{
    ASSERT(column >= 0);

    int width = column < shell->width_count ? abs(shell->widths[column]) : 0;
    return width != 0 ? width : abs(shell->grid.wrap);
}

// With --quote as literals; else as text, NULL as .nullvalue says.
static char *value_text(const Shell *shell, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    if (shell->grid.quotes)
        return sql_literal(stmt, column);
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return shell_printf("%s", text != NULL ? text : shell->null_value);
}

// All lines of one row.
static void add_row(const Shell *shell, Grid *grid, sqlite3_stmt *stmt)
{
    ASSERT(grid->columns == sqlite3_column_count(stmt));
    ASSERT(sqlite3_column_count(stmt) > 0);

    size_t columns = (size_t)grid->columns;
    char **texts = shell_alloc(columns * sizeof *texts);
    const char **rests = shell_alloc(columns * sizeof *rests);
    for (int i = 0; i < grid->columns; i++)
        rests[i] = texts[i] = value_text(shell, stmt, i);
    // Line by line, until no column has anything left.
    for (bool goes_on = true; goes_on;) {
        goes_on = false;
        for (int i = 0; i < grid->columns; i++) {
            char *line = NULL;
            if (rests[i] != NULL)
                line = take_line(&rests[i], limit_of(shell, i), shell->grid.by_words);
            grid_add(grid, line);
            goes_on |= rests[i] != NULL;
        }
        grid_end_line(grid, !goes_on);
    }
    for (int i = 0; i < grid->columns; i++)
        sqlite3_free(texts[i]);
    sqlite3_free(texts);
    sqlite3_free(rests);
}

// The names are a line like any other, the first: they count for the widths.
static void add_names(Shell *shell, Grid *grid, sqlite3_stmt *stmt)
{
    ASSERT(grid->widths == NULL && grid->columns > 0);

    grid->widths = shell_alloc((sqlite3_uint64)grid->columns * sizeof *grid->widths);
    for (int i = 0; i < grid->columns; i++)
        grid->widths[i] = i < shell->width_count ? shell->widths[i] : 0;
    for (int i = 0; i < grid->columns; i++) {
        const char *rest = sqlite3_column_name(stmt, i);
        grid_add(grid, take_line(&rest, limit_of(shell, i), shell->grid.by_words));
    }
    grid_end_line(grid, true);
    // Columns that were shown count as having a width of 0 set.
    for (; shell->width_count < grid->columns && shell->width_count < WIDTHS_MAX;)
        shell->widths[shell->width_count++] = 0;
}

// Cells are of one block each.
static void grid_deinit(Grid *grid)
{
    ASSERT(grid->cells != NULL || grid->count == 0);

    for (size_t i = 0; i < grid->count; i++)
        sqlite3_free(grid->cells[i]);
    sqlite3_free(grid->cells);
    sqlite3_free(grid->widths);
    sqlite3_free(grid->ends);
}

// --- printing ---

// The strings a grid is drawn with. A rule is: left end, dash, crossing, right end; NULL: none.
typedef struct GridStyle {
    const char *left, *middle, *right; // of a line of cells
    const char *top[4], *below_names[4], *between[4], *bottom[4];
    int padding; // blanks beside a cell, which rules are longer by
    bool centers_names;
} GridStyle;

static const GridStyle style_column = {
    "", "  ", "", {0}, {"", "-", "  ", ""}, {0}, {0}, 0, false,
};
static const GridStyle style_box = {
    "│ ",
    " │ ",
    " │",
    {"┌", "─", "┬", "┐"},
    {"├", "─", "┼", "┤"},
    {"├", "─", "┼", "┤"},
    {"└", "─", "┴", "┘"},
    2,
    true,
};
static const GridStyle style_table = {
    "| ",
    " | ",
    " |",
    {"+", "-", "+", "+"},
    {"+", "-", "+", "+"},
    {"+", "-", "+", "+"},
    {"+", "-", "+", "+"},
    2,
    true,
};
static const GridStyle style_markdown = {
    "| ", " | ", " |", {0}, {"|", "-", "|", "|"}, {0}, {0}, 2, true,
};

// Every other mode in columns looks like `column`.
static const GridStyle *style_of(Mode mode)
{
    ASSERT(mode_is_grid(mode) || mode == MODE_EXPLAIN);

    switch (mode) {
    case MODE_BOX: return &style_box;
    case MODE_TABLE: return &style_table;
    case MODE_MARKDOWN: return &style_markdown;
    default: return &style_column;
    }
}

// A dash may be several bytes.
static void print_repeated(FILE *out, const char *text, int count)
{
    ASSERT(text != NULL);

    for (int i = 0; i < count; i++)
        fputs(text, out);
}

// As wide as the cells, padding included.
static void print_rule(FILE *out, const Grid *grid, const char *const rule[4], int padding)
{
    ASSERT(padding >= 0);
    ASSERT(grid->columns > 0);

    if (rule[1] == NULL)
        return;
    fputs(rule[0], out);
    for (int i = 0; i < grid->columns; i++) {
        fputs(i > 0 ? rule[2] : "", out);
        print_repeated(out, rule[1], abs(grid->widths[i]) + padding);
    }
    fprintf(out, "%s\n", rule[3]);
}

// Filled up on the side that .width says.
static void print_cell(FILE *out, const char *text, int width, bool is_centered)
{
    ASSERT(text == NULL || display_width(text) <= abs(width));

    text = text == NULL ? "" : text;
    int space = abs(width) - display_width(text);
    int before = is_centered ? space / 2 : width < 0 ? space : 0;
    print_repeated(out, " ", before);
    fputs(text, out);
    print_repeated(out, " ", space - before);
}

// The names' line is centred where the style says so.
static void print_line(FILE *out, const Grid *grid, size_t line, const GridStyle *style)
{
    ASSERT(line < grid->line_count);
    ASSERT(style != NULL);

    fputs(style->left, out);
    for (int i = 0; i < grid->columns; i++) {
        fputs(i > 0 ? style->middle : "", out);
        print_cell(out, grid->cells[line * (size_t)grid->columns + (size_t)i], grid->widths[i],
                   line == 0 && style->centers_names);
    }
    fprintf(out, "%s\n", style->right);
}

// Rules between rows only where a row is higher than a line: else they would double the height.
static void grid_print(const Shell *shell, const Grid *grid)
{
    ASSERT(grid->count == grid->line_count * (size_t)grid->columns);

    const GridStyle *style = style_of(shell->mode);
    if (grid->line_count <= 1)
        return; // no rows: nothing is shown
    print_rule(shell->out, grid, style->top, style->padding);
    if (shell->headers || style->centers_names) {
        print_line(shell->out, grid, 0, style);
        print_rule(shell->out, grid, style->below_names, style->padding);
    }
    for (size_t line = 1; line < grid->line_count; line++) {
        print_line(shell->out, grid, line, style);
        if (!grid->has_high_rows || !grid->ends[line] || line + 1 == grid->line_count)
            continue;
        if (style == &style_column)
            fputc('\n', shell->out);
        else
            print_rule(shell->out, grid, style->between, style->padding);
    }
    print_rule(shell->out, grid, style->bottom, style->padding);
}

// Keeps all rows in memory until the last has come.
int render_grid(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(sqlite3_column_count(stmt) > 0);

    Grid grid = {.columns = sqlite3_column_count(stmt)};
    add_names(shell, &grid, stmt);
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        add_row(shell, &grid, stmt);
    // Also after an error: the rows that came before it are shown.
    grid_print(shell, &grid);
    grid_deinit(&grid);
    return rc;
}
