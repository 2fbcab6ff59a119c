// EXPLAIN QUERY PLAN as a tree, EXPLAIN as a listing that shows loops by indentation.
#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

// --- plans ---

// A row of EXPLAIN QUERY PLAN: its parent is an earlier row's id, 0 for none.
typedef struct PlanRow {
    int id, parent;
    char *text;
} PlanRow;

// The rows of one program, printed when the next begins or all are read.
typedef struct Plan {
    PlanRow *rows;
    int count;
    char prefix[100]; // of the row being printed
} Plan;

// Copies the text.
static void plan_add(Plan *plan, int id, int parent, const char *text)
{
    ASSERT(text != NULL);
    ASSERT(plan->count >= 0);

    sqlite3_uint64 size = sizeof(PlanRow) * ((sqlite3_uint64)plan->count + 1);
    plan->rows = shell_realloc(plan->rows, size);
    plan->rows[plan->count++] = (PlanRow){id, parent, shell_printf("%s", text)};
}

// The next row below `parent` behind `after`; NULL `after`: the first one.
static const PlanRow *next_child(const Plan *plan, int parent, const PlanRow *after)
{
    ASSERT(after == NULL || (after >= plan->rows && after < plan->rows + plan->count));

    int from = after == NULL ? 0 : (int)(after - plan->rows) + 1;
    for (int i = from; i < plan->count; i++) {
        if (plan->rows[i].parent == parent)
            return &plan->rows[i];
    }
    return NULL;
}

// Deeper than the prefix has room for, nothing is printed: plans are not that deep, and the
// recursion ends.
static void print_children(FILE *out, Plan *plan, int parent)
{
    ASSERT(strlen(plan->prefix) < sizeof plan->prefix);

    size_t depth = strlen(plan->prefix);
    const PlanRow *next;
    for (const PlanRow *row = next_child(plan, parent, NULL); row != NULL; row = next) {
        next = next_child(plan, parent, row);
        fprintf(out, "%s%s%s\n", plan->prefix, next != NULL ? "|--" : "`--", row->text);
        // A bar goes on below a row that has brothers behind it.
        if (depth + 4 < sizeof plan->prefix) {
            memcpy(plan->prefix + depth, next != NULL ? "|  " : "   ", 4);
            print_children(out, plan, row->id);
            plan->prefix[depth] = 0;
        }
    }
}

// Prints what was gathered and empties it.
static void plan_print(FILE *out, Plan *plan)
{
    ASSERT(out != NULL);

    if (plan->count == 0)
        return;
    if (plan->rows[0].text[0] == '-') { // the name of a trigger's program
        fprintf(out, "%s\n", plan->rows[0].text + 3);
        sqlite3_free(plan->rows[0].text);
        memmove(plan->rows, plan->rows + 1, (size_t)(plan->count - 1) * sizeof *plan->rows);
        plan->count--;
    } else {
        fputs("QUERY PLAN\n", out);
    }
    // Rows without a parent are children of 0.
    plan->prefix[0] = 0;
    print_children(out, plan, 0);
    for (int i = 0; i < plan->count; i++)
        sqlite3_free(plan->rows[i].text);
    plan->count = 0;
}

// A program of a trigger brings a plan of its own, which a row with its name announces.
int render_plan(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(sqlite3_column_count(stmt) >= 4);

    Plan plan = {0};
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 3);
        if (text != NULL && text[0] == '-')
            plan_print(shell->out, &plan);
        plan_add(&plan, sqlite3_column_int(stmt, 0), sqlite3_column_int(stmt, 1),
                 text != NULL ? text : "");
    }
    plan_print(shell->out, &plan);
    sqlite3_free(plan.rows);
    return rc;
}

// --- programs ---

// The list ends with NULL.
static bool is_among(const char *word, const char *const *words)
{
    ASSERT(word != NULL);
    ASSERT(words != NULL);

    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

// Where each row's opcode begins. The body of a loop that Next, Prev or the like closes is
// indented; so is what a Goto backward to a Yield or a seek encloses.
static int *find_indents(sqlite3_stmt *stmt, int *count)
{
    ASSERT(count != NULL);

    static const char *const closers[] = {"Next",       "Prev",   "VPrev", "VNext",
                                          "SorterNext", "Return", NULL};
    static const char *const openers[] = {"Yield",      "SeekLT", "SeekGT",
                                          "RowSetRead", "Rewind", NULL};
    int *indents = NULL;
    char **opcodes = NULL;
    int base = 0; // row at which the current program begins
    *count = 0;
    for (int row = 0; sqlite3_step(stmt) == SQLITE_ROW; row++) {
        if (sqlite3_column_int(stmt, 0) == 0)
            // Addresses begin anew in each trigger's program.
            base = row;
        sqlite3_uint64 rows = (sqlite3_uint64)row + 1;
        indents = shell_realloc(indents, rows * sizeof *indents);
        opcodes = shell_realloc(opcodes, rows * sizeof *opcodes);
        const char *opcode = (const char *)sqlite3_column_text(stmt, 1);
        opcodes[row] = shell_printf("%s", opcode);
        indents[row] = 0;
        int target = base + sqlite3_column_int(stmt, 3);
        // These jump back to P2, the first instruction of the loop.
        bool closes = is_among(opcode, closers);
        bool jumps_back =
            strcmp(opcode, "Goto") == 0 && target < row && target >= base
            && (is_among(opcodes[target], openers) || sqlite3_column_int(stmt, 2) != 0);
        for (int i = target; (closes || jumps_back) && i >= 0 && i < row; i++)
            indents[i] += 2;
        *count = row + 1;
    }
    for (int i = 0; i < *count; i++)
        sqlite3_free(opcodes[i]);
    sqlite3_free(opcodes);
    sqlite3_reset(stmt);
    return indents;
}

// In the fixed widths of SQLite's listing.
static void print_cells(FILE *out, char *const *cells, const int *widths, int count, int indent)
{
    ASSERT(count > 0 && indent >= 0);

    for (int i = 0; i < count; i++) {
        int width = widths[i];
        int shift = i == 1 ? indent : 0;
        int size = (int)strlen(cells[i]);
        width = i == count - 1 && size > width ? size : width;
        fprintf(out, "%*s%-*.*s%s", shift, "", width - (i == 1 && shift < width ? shift : 0),
                i == 1         ? size
                : width > size ? width
                               : size,
                cells[i], i == count - 1 ? "\n" : "  ");
    }
}

// The statement is run twice: once to find the indents, since a loop shows only at its end.
int render_program(Shell *shell, sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    static const int widths[] = {4, 13, 4, 4, 4, 13, 2, 13};
    enum { COLUMNS = sizeof widths / sizeof widths[0] };
    int count = 0;
    int columns = sqlite3_column_count(stmt);
    columns = columns > COLUMNS ? COLUMNS : columns;
    int *indents = sqlite3_stmt_isexplain(stmt) == 1 ? find_indents(stmt, &count) : NULL;
    int rc;
    for (int row = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW; row++) {
        char *cells[COLUMNS];
        if (row == 0) {
            for (int i = 0; i < columns; i++)
                cells[i] = (char *)(size_t)sqlite3_column_name(stmt, i);
            print_cells(shell->out, cells, widths, columns, 0);
            for (int i = 0; i < columns; i++)
                fprintf(shell->out, "%.*s%s", widths[i], "-------------",
                        i == columns - 1 ? "\n" : "  ");
        }
        for (int i = 0; i < columns; i++) {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            cells[i] = (char *)(size_t)(text != NULL ? text : "");
        }
        print_cells(shell->out, cells, widths, columns, row < count ? indents[row] : 0);
    }
    sqlite3_free(indents);
    return rc;
}
