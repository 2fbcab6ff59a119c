// .import: rows of a file with separators into a table.
//
// Fields may stand in double quotes by RFC 4180, but in ascii mode. A table that does not exist is
// created with the names in the first row and TEXT columns.
//
// All rows go into one transaction, if none is open. A row that cannot be inserted is told of and
// left out; a row that is short gets NULLs, one that is long loses what is too much. The file is
// read as it comes: one field is in memory.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

// One .import: the file, how it is read, and how far.
typedef struct Importer {
    Shell *shell;
    const char *file_name; // for messages
    FILE *in;
    bool is_pipe, has_quotes, is_verbose;
    int separator, row_end;
    int skip; // rows at the beginning
    char *field;
    size_t size, capacity;
    int last;          // what ended the field: separator, row_end or EOF
    int line;          // of the input
    bool is_past_mark; // the byte order mark has been looked for
    int row_count, error_count;
    const char *schema, *table;
} Importer;

// --- fields ---

// The field ends with NUL at any time.
static void add_char(Importer *imp, int c)
{
    ASSERT(imp->size <= imp->capacity);

    if (imp->size + 1 >= imp->capacity) {
        imp->capacity = imp->capacity == 0 ? 256 : imp->capacity * 2;
        imp->field = shell_realloc(imp->field, imp->capacity);
    }
    imp->field[imp->size++] = (char)c;
    imp->field[imp->size] = 0;
}

// S2.
static void complain(const Importer *imp, int line, const char *what)
{
    ASSERT(imp->file_name != NULL);
    ASSERT(what != NULL);

    (void)fflush(imp->shell->out);
    fprintf(stderr, "%s:%d: %s\n", imp->file_name, line, what);
}

// Behind the opening quote, up to the closing one; text after it is kept with a complaint.
static int read_quoted(Importer *imp)
{
    ASSERT(imp->has_quotes);
    ASSERT(imp->size == 0);

    int start_line = imp->line;
    int before = 0; // the character before the last
    int last = 0;
    bool is_escaped = false;
    for (;;) {
        int c = fgetc(imp->in);
        imp->line += c == imp->row_end;
        if (c == '"' && last == '"' && !is_escaped) {
            is_escaped = true; // "": one quote of it is in the field already
            before = last;
            last = 0;
            continue;
        }
        bool ends =
            last == '"' && !is_escaped && (c == imp->separator || c == imp->row_end || c == EOF);
        bool ends_with_return = last == '\r' && before == '"' && c == imp->row_end;
        if (ends || ends_with_return) {
            // The closing quote is in the field, and perhaps a carriage return behind it.
            imp->size -= ends_with_return ? 2 : 1;
            imp->field[imp->size] = 0;
            return c;
        }
        if (last == '"' && !is_escaped && c != '\r')
            complain(imp, imp->line, "unescaped \" character");
        if (c == EOF) {
            complain(imp, start_line, "unterminated \"-quoted field");
            return c;
        }
        add_char(imp, c);
        is_escaped = false;
        before = last;
        last = c;
    }
}

// A carriage return before the row's end belongs to the end, where quotes are read.
static int read_plain(Importer *imp, int c)
{
    ASSERT(imp->in != NULL);

    while (c != EOF && c != imp->separator && c != imp->row_end) {
        add_char(imp, c);
        c = fgetc(imp->in);
    }
    if (c != imp->row_end)
        return c;
    imp->line++;
    // Files of Windows end their rows with both.
    if (imp->has_quotes && imp->size > 0 && imp->field[imp->size - 1] == '\r')
        imp->field[--imp->size] = 0;
    return c;
}

// A byte order mark at the beginning of the file is no part of its first field.
static int skip_mark(Importer *imp, int c)
{
    ASSERT(!imp->is_past_mark);

    imp->is_past_mark = true;
    if (c != 0xef)
        return c;
    int second = fgetc(imp->in);
    int third = fgetc(imp->in);
    if (second == 0xbb && third == 0xbf)
        return fgetc(imp->in);
    // Half a mark is text: what was read of it belongs to the field.
    add_char(imp, c);
    add_char(imp, second);
    return third;
}

// The next field, borrowed; NULL at the end of the file.
static const char *read_field(Importer *imp)
{
    ASSERT(imp->in != NULL);

    // Room is made before anything is read, so that an empty field is a text too.
    imp->size = 0;
    add_char(imp, 0);
    imp->size = 0;
    int c = fgetc(imp->in);
    if (!imp->is_past_mark)
        c = skip_mark(imp, c);
    if (c == EOF && imp->size == 0) {
        imp->last = EOF;
        return NULL;
    }
    if (imp->has_quotes && c == '"' && imp->size == 0)
        imp->last = read_quoted(imp);
    else
        imp->last = read_plain(imp, c);
    return imp->field;
}

// --skip: rows by the same rules as those that count, quotes included.
static void skip_rows(Importer *imp)
{
    ASSERT(imp->field != NULL || imp->capacity == 0);

    for (; imp->skip > 0; imp->skip--) {
        while (read_field(imp) != NULL && imp->last == imp->separator) {
        }
    }
}

// --- the table ---

// 0: there is no such table.
static int column_count_of(const Importer *imp)
{
    ASSERT(imp->shell->db != NULL);

    sqlite3_stmt *stmt = NULL;
    char *sql = imp->schema == NULL
                    ? shell_printf("SELECT * FROM \"%w\"", imp->table)
                    : shell_printf("SELECT * FROM \"%w\".\"%w\"", imp->schema, imp->table);
    int rc = sqlite3_prepare_v2(imp->shell->db, sql, -1, &stmt, NULL);
    int count = rc == SQLITE_OK ? sqlite3_column_count(stmt) : 0;
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return count;
}

// Names must differ: the n-th column of a name that came before is called name:n.
static char *column_name(const Importer *imp, char *const *names, int count)
{
    ASSERT(count >= 0);
    ASSERT(imp->field != NULL);

    const char *wanted = imp->field[0] == 0 ? "?" : imp->field;
    int same = 0;
    for (int i = 0; i < count; i++)
        same += sqlite3_stricmp(names[i], wanted) == 0;
    return same == 0 ? shell_printf("%s", wanted) : shell_printf("%s:%d", wanted, same);
}

// From the row that comes next, which is used up. False after an error.
static bool create_table(Importer *imp)
{
    ASSERT(imp->table != NULL);
    ASSERT(imp->shell->db != NULL);

    char **names = NULL;
    int count = 0;
    while (read_field(imp) != NULL) {
        names = shell_realloc(names, ((sqlite3_uint64)count + 1) * sizeof *names);
        names[count] = column_name(imp, names, count);
        count++;
        if (imp->last != imp->separator)
            break;
    }
    // All columns TEXT, as SQLite's shell makes them.
    sqlite3_str *sql = sqlite3_str_new(NULL);
    if (imp->schema != NULL)
        sqlite3_str_appendf(sql, "CREATE TABLE \"%w\".\"%w\"", imp->schema, imp->table);
    else
        sqlite3_str_appendf(sql, "CREATE TABLE \"%w\"", imp->table);
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(sql, "%s\"%w\" TEXT", i == 0 ? "(\n" : ", ", names[i]);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int rc = SQLITE_ERROR;
    if (count == 0) {
        fprintf(stderr, "%s: empty file\n", imp->file_name);
    } else {
        if (imp->is_verbose)
            fprintf(imp->shell->out, "%s\n\n", text);
        rc = sqlite3_exec(imp->shell->db, text, NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            fprintf(stderr, "%s failed:\n%s\n", text, sqlite3_errmsg(imp->shell->db));
    }
    for (int i = 0; i < count; i++)
        sqlite3_free(names[i]);
    sqlite3_free(names);
    sqlite3_free(text);
    return rc == SQLITE_OK;
}

// NULL after an error.
static sqlite3_stmt *prepare_insert(const Importer *imp, int columns)
{
    ASSERT(columns > 0);
    ASSERT(imp->table != NULL);

    sqlite3_str *sql = sqlite3_str_new(NULL);
    if (imp->schema != NULL)
        sqlite3_str_appendf(sql, "INSERT INTO \"%w\".\"%w\" VALUES(?", imp->schema, imp->table);
    else
        sqlite3_str_appendf(sql, "INSERT INTO \"%w\" VALUES(?", imp->table);
    for (int i = 1; i < columns; i++)
        sqlite3_str_appendall(sql, ",?");
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    sqlite3_stmt *stmt = shell_prepare(imp->shell, "%s", text);
    sqlite3_free(text);
    return stmt;
}

// --- rows ---

// Binds one row; false at the end of the file.
static bool bind_row(Importer *imp, sqlite3_stmt *stmt, int columns)
{
    ASSERT(columns > 0);
    ASSERT(sqlite3_bind_parameter_count(stmt) == columns);

    int start_line = imp->line;
    int found = 0;
    for (; found < columns; found++) {
        const char *field = read_field(imp);
        if (field == NULL && found == 0)
            return false;
        // In ascii mode a last row without its end is complete.
        if (!imp->has_quotes && (field == NULL || field[0] == 0) && found == 0)
            return false;
        // A field is text; the column's affinity makes a number of it.
        sqlite3_bind_text(stmt, found + 1, field, -1, SQLITE_TRANSIENT);
        if (imp->last != imp->separator && found + 1 < columns) {
            fprintf(stderr,
                    "%s:%d: expected %d columns but found %d - filling the rest with NULL\n",
                    imp->file_name, start_line, columns, found + 1);
            for (int i = found + 1; i < columns; i++)
                sqlite3_bind_null(stmt, i + 1);
            return true;
        }
    }
    if (imp->last != imp->separator)
        return true;
    // What has no column is read over, so that the next row begins in its place.
    do {
        (void)read_field(imp);
        found++;
    } while (imp->last == imp->separator);
    fprintf(stderr, "%s:%d: expected %d columns but found %d - extras ignored\n", imp->file_name,
            start_line, columns, found);
    return true;
}

// One prepared statement for all rows.
static void import_rows(Importer *imp, sqlite3_stmt *stmt, int columns)
{
    ASSERT(stmt != NULL);
    ASSERT(columns > 0);

    sqlite3 *db = imp->shell->db;
    bool commits = sqlite3_get_autocommit(db) != 0;
    // One transaction: a row by itself would cost a sync.
    if (commits)
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    for (;;) {
        int start_line = imp->line;
        if (!bind_row(imp, stmt, columns))
            break;
        sqlite3_step(stmt);
        // reset() has the error of the step.
        if (sqlite3_reset(stmt) == SQLITE_OK) {
            imp->row_count++;
            continue;
        }
        fprintf(stderr, "%s:%d: INSERT failed: %s\n", imp->file_name, start_line,
                sqlite3_errmsg(db));
        imp->error_count++;
    }
    if (commits)
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (imp->is_verbose)
        fprintf(imp->shell->out, "Added %d rows with %d errors using %d lines of input\n",
                imp->row_count, imp->error_count, imp->line - 1);
}

// A table that is there takes the first row as a row.
static int import_all(Importer *imp)
{
    ASSERT(imp->table != NULL && imp->in != NULL);

    skip_rows(imp);
    int columns = column_count_of(imp);
    if (columns == 0) {
        if (!create_table(imp))
            return 1;
        columns = column_count_of(imp);
    }
    if (columns == 0)
        return 0;
    sqlite3_stmt *stmt = prepare_insert(imp, columns);
    if (stmt == NULL)
        return 1;
    import_rows(imp, stmt, columns);
    sqlite3_finalize(stmt);
    return 0;
}

// --- the command ---

// With the command's help, on stdout as SQLite's shell prints it.
static int usage_error(const Importer *imp, const char *what, const char *arg)
{
    ASSERT(arg != NULL);
    ASSERT(what != NULL);

    fprintf(imp->shell->out, "ERROR: %s: \"%s\".  Usage:\n", what,
            arg[0] == '-' && arg[1] == '-' ? arg + 1 : arg);
    (void)help_print(imp->shell->out, "import");
    return 1;
}

// 1 after an error.
static int take_arguments(Importer *imp, DotCall *call)
{
    ASSERT(imp->file_name == NULL && imp->table == NULL);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        bool has_value = i + 1 < call->count;
        if (option == NULL && imp->file_name == NULL) {
            imp->file_name = call->args[i];
        } else if (option == NULL && imp->table == NULL) {
            imp->table = call->args[i];
        } else if (option == NULL) {
            return usage_error(imp, "extra argument", call->args[i]);
        } else if (strcmp(option, "v") == 0) {
            imp->is_verbose = true;
        } else if (strcmp(option, "schema") == 0 && has_value) {
            imp->schema = call->args[++i];
        } else if (strcmp(option, "skip") == 0 && has_value) {
            imp->skip = (int)dot_integer(call->args[++i]);
        } else if (strcmp(option, "csv") == 0) {
            imp->separator = ',';
            imp->row_end = '\n';
            imp->has_quotes = true;
        } else if (strcmp(option, "ascii") == 0) {
            imp->separator = 0x1f;
            imp->row_end = 0x1e;
            imp->has_quotes = false;
        } else {
            return usage_error(imp, "unknown option", call->args[i]);
        }
    }
    if (imp->table != NULL)
        return 0;
    fprintf(imp->shell->out, "ERROR: missing %s argument. Usage:\n",
            imp->file_name == NULL ? "FILE" : "TABLE");
    (void)help_print(imp->shell->out, "import");
    return 1;
}

// Without --csv and --ascii the shell's separators count.
static int take_separators(Importer *imp)
{
    ASSERT(imp->table != NULL);
    ASSERT(imp->shell != NULL);

    Shell *shell = imp->shell;
    if (imp->separator != 0)
        return 0;
    const char *row_end = shell->row_separator;
    if (shell->separator[0] == 0 || shell->separator[1] != 0) {
        fprintf(stderr, "Error: %s column separator %s for import\n",
                shell->separator[0] == 0 ? "non-null" : "multi-character",
                shell->separator[0] == 0 ? "required" : "not allowed");
        return 1;
    }
    if (shell->mode == MODE_CSV && strcmp(row_end, "\r\n") == 0)
        snprintf(shell->row_separator, sizeof shell->row_separator, "\n"); // from here on
    if (row_end[0] == 0 || row_end[1] != 0) {
        fprintf(stderr, "Error: %s row separator %s for import\n",
                row_end[0] == 0 ? "non-null" : "multi-character",
                row_end[0] == 0 ? "required" : "not allowed");
        return 1;
    }
    imp->separator = (unsigned char)shell->separator[0];
    imp->row_end = (unsigned char)row_end[0];
    imp->has_quotes = shell->mode != MODE_ASCII;
    return 0;
}

// .import FILE TABLE: a name that begins with | is a command whose output is read.
int import_file(DotCall *call)
{
    ASSERT(call->count >= 1);

    Importer imp = {.shell = call->shell, .line = 1};
    if (take_arguments(&imp, call) != 0 || !shell_open(call->shell) || take_separators(&imp) != 0)
        return 1;
    imp.is_pipe = imp.file_name[0] == '|';
    imp.in = imp.is_pipe ? popen(imp.file_name + 1, "r") : fopen(imp.file_name, "rb");
    if (imp.in == NULL) {
        fprintf(stderr, "Error: cannot open \"%s\"\n", imp.file_name);
        return 1;
    }
    if (imp.is_pipe)
        imp.file_name = "<pipe>";
    int rc = import_all(&imp);
    if (imp.is_pipe)
        (void)pclose(imp.in);
    else
        (void)fclose(imp.in);
    sqlite3_free(imp.field);
    return rc;
}
