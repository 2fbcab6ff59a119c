// .import: rows of a file with separators into a table. In csv mode fields may be quoted by RFC
// 4180.
//
// A table that does not exist is created with the names in the first row and TEXT columns.

#include "shell/shell.h"
#include <string.h>

typedef struct Importer {
    FILE *in;
    char separator, row_end;
    bool is_csv;
    char *field;
    size_t size, capacity;
    int last; // what ended the field: separator, row_end or EOF
    long line;
    bool failed;
} Importer;

static void add_char(Importer *imp, int c)
{
    if (imp->size + 1 >= imp->capacity) {
        size_t capacity = imp->capacity == 0 ? 256 : imp->capacity * 2;
        char *grown = sqlite3_realloc64(imp->field, capacity);
        if (grown == NULL) {
            imp->failed = true;
            return;
        }
        imp->field = grown;
        imp->capacity = capacity;
    }
    imp->field[imp->size++] = (char)c;
    imp->field[imp->size] = '\0';
}

// Behind the opening quote.
static int read_quoted(Importer *imp)
{
    int c;
    while ((c = fgetc(imp->in)) != EOF && !imp->failed) {
        if (c == '\n')
            imp->line++;
        if (c != '"') {
            add_char(imp, c);
            continue;
        }
        c = fgetc(imp->in);
        if (c != '"')
            break;
        add_char(imp, c);
    }
    if (c == '\r')
        c = fgetc(imp->in);
    return c;
}

// The next field, or NULL at the end of the file.
static char *read_field(Importer *imp)
{
    imp->size = 0;
    int c = fgetc(imp->in);
    if (c == EOF) {
        imp->last = EOF;
        return NULL;
    }
    add_char(imp, 0);
    imp->size = 0;
    if (imp->is_csv && c == '"') {
        c = read_quoted(imp);
    } else {
        for (; c != EOF && c != imp->separator && c != imp->row_end && !imp->failed;
             c = fgetc(imp->in))
            add_char(imp, c);
    }
    if (c == imp->row_end) {
        imp->line++;
        if (imp->is_csv && imp->size > 0 && imp->field[imp->size - 1] == '\r')
            imp->size--;
    }
    imp->field[imp->size] = '\0';
    imp->last = c;
    return imp->failed ? NULL : imp->field;
}

static int column_count_of(Shell *shell, const char *table)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
    int count = 0;
    if (sql != NULL && sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL) == SQLITE_OK)
        count = sqlite3_column_count(stmt);
    sqlite3_free(sql);
    sqlite3_finalize(stmt);
    return count;
}

static bool create_table(Shell *shell, Importer *imp, const char *table)
{
    char *sql = sqlite3_mprintf("CREATE TABLE \"%w\"(", table);
    int count = 0;
    while (sql != NULL && read_field(imp) != NULL) {
        char *more = sqlite3_mprintf("%s%s\n\"%w\" TEXT", sql, count++ > 0 ? "," : "", imp->field);
        sqlite3_free(sql);
        sql = more;
        if (imp->last != imp->separator)
            break;
    }
    char *whole = sql != NULL ? sqlite3_mprintf("%s)", sql) : NULL;
    int rc = whole != NULL && count > 0 ? sqlite3_exec(shell->db, whole, NULL, NULL, NULL)
                                        : SQLITE_ERROR;
    if (rc != SQLITE_OK)
        shell_error(shell, "%s: %s", table, count > 0 ? sqlite3_errmsg(shell->db) : "empty file");
    sqlite3_free(sql);
    sqlite3_free(whole);
    return rc == SQLITE_OK;
}

static sqlite3_stmt *prepare_insert(Shell *shell, const char *table, int columns)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("INSERT INTO \"%w\" VALUES(?", table);
    for (int i = 1; i < columns && sql != NULL; i++) {
        char *more = sqlite3_mprintf("%s,?", sql);
        sqlite3_free(sql);
        sql = more;
    }
    char *whole = sql != NULL ? sqlite3_mprintf("%s)", sql) : NULL;
    if (whole == NULL || sqlite3_prepare_v2(shell->db, whole, -1, &stmt, NULL) != SQLITE_OK)
        shell_error(shell, "Error: %s", sqlite3_errmsg(shell->db));
    sqlite3_free(sql);
    sqlite3_free(whole);
    return stmt;
}

// Binds one row; false at the end of the file.
static bool bind_row(Shell *shell, Importer *imp, sqlite3_stmt *stmt, int columns, const char *path)
{
    long line = imp->line + 1;
    int i = 0;
    for (; i < columns; i++) {
        if (read_field(imp) == NULL && i == 0)
            return false;
        sqlite3_bind_text(stmt, i + 1, imp->field, (int)imp->size, SQLITE_TRANSIENT);
        if (imp->last != imp->separator && i + 1 < columns) {
            shell_error(shell,
                        "%s:%ld: expected %d columns but found %d - filling the rest with NULL",
                        path, line, columns, i + 1);
            while (++i < columns)
                sqlite3_bind_null(stmt, i + 1);
        }
    }
    int extra = 0;
    for (; imp->last == imp->separator; extra++)
        (void)read_field(imp);
    if (extra > 0)
        shell_error(shell, "%s:%ld: expected %d columns but found %d - extras ignored", path, line,
                    columns, columns + extra);
    return true;
}

static int import_rows(Shell *shell, Importer *imp, const char *path, const char *table)
{
    int columns = column_count_of(shell, table);
    if (columns == 0) {
        if (!create_table(shell, imp, table))
            return 1;
        columns = column_count_of(shell, table);
    }
    sqlite3_stmt *stmt = prepare_insert(shell, table, columns);
    if (stmt == NULL)
        return 1;
    bool commits = sqlite3_get_autocommit(shell->db) != 0;
    if (commits)
        sqlite3_exec(shell->db, "BEGIN", NULL, NULL, NULL);
    while (!imp->failed && bind_row(shell, imp, stmt, columns, path)) {
        sqlite3_step(stmt);
        if (sqlite3_reset(stmt) != SQLITE_OK)
            shell_error(shell, "%s:%ld: INSERT failed: %s", path, imp->line,
                        sqlite3_errmsg(shell->db));
    }
    sqlite3_finalize(stmt);
    if (commits)
        sqlite3_exec(shell->db, "COMMIT", NULL, NULL, NULL);
    if (imp->failed)
        shell_error(shell, "Error: out of memory");
    return imp->failed;
}

int import_file(Shell *shell, const char *path, const char *table)
{
    Importer imp = {
        .in = fopen(path, "rb"),
        .separator = shell->separator[0],
        .row_end = '\n',
        .is_csv = shell->mode == MODE_CSV,
    };
    if (imp.in == NULL) {
        shell_error(shell, "Error: cannot open \"%s\"", path);
        return 1;
    }
    int rc = import_rows(shell, &imp, path, table);
    sqlite3_free(imp.field);
    fclose(imp.in);
    return rc;
}
