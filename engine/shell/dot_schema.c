// Dot-commands that look at what is in a database.
//
// Those that list objects of all databases build one SELECT over their schema tables
// (over_schemas), so that patterns and order are SQL's.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

// --- databases ---

// Name, file, whether it can be written, and the state of its transaction.
int dot_databases(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    sqlite3_stmt *stmt = shell_prepare(shell, "PRAGMA database_list");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        static const char *const states[] = {"", " read-txn", " write-txn"};
        const char *name = (const char *)sqlite3_column_text(stmt, 1);
        // NULL or empty for a database in memory.
        const char *file = (const char *)sqlite3_column_text(stmt, 2);
        // -1 for a database that is not there any more, which prints nothing.
        int state = sqlite3_txn_state(shell->db, name);
        fprintf(shell->out, "%s: %s %s%s\n", name, file == NULL || file[0] == 0 ? "\"\"" : file,
                sqlite3_db_readonly(shell->db, name) == 1 ? "r/o" : "r/w",
                state > 0 && state < 3 ? states[state] : "");
    }
    sqlite3_finalize(stmt);
    return stmt == NULL;
}

// In the order of SQLite's shell; each is a big-endian number of four bytes.
static const struct {
    const char *label;
    int offset; // in the database header
} header_fields[] = {
    {"file change counter:", 24}, {"database page count:", 28}, {"freelist page count:", 36},
    {"schema cookie:", 40},       {"schema format:", 44},       {"default cache size:", 48},
    {"autovacuum top root:", 52}, {"incremental vacuum:", 64},  {"text encoding:", 56},
    {"user version:", 60},        {"application id:", 68},      {"software version:", 96},
};

// Big-endian, as everything in the header ("The Database Header", sqlite.org/fileformat2.html).
static unsigned read_number(const unsigned char *at)
{
    ASSERT(at != NULL);

    return (unsigned)at[0] << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];
}

// `header` is the first page, of which 100 bytes are the database header.
static void show_header(FILE *out, const unsigned char *header)
{
    ASSERT(header != NULL);
    ASSERT(out != NULL);

    static const char *const encodings[] = {"", " (utf8)", " (utf16le)", " (utf16be)"};
    int page_size = header[16] << 8 | header[17];
    // 65536 does not fit in two bytes, and is written as 1.
    fprintf(out, "%-20s %d\n", "database page size:", page_size == 1 ? 65536 : page_size);
    fprintf(out, "%-20s %d\n", "write format:", header[18]);
    fprintf(out, "%-20s %d\n", "read format:", header[19]);
    fprintf(out, "%-20s %d\n", "reserved bytes:", header[20]);
    for (size_t i = 0; i < sizeof header_fields / sizeof header_fields[0]; i++) {
        unsigned value = read_number(header + header_fields[i].offset);
        bool is_encoding = header_fields[i].offset == 56 && value < 4;
        fprintf(out, "%-20s %u%s\n", header_fields[i].label, value,
                is_encoding ? encodings[value] : "");
    }
}

// By the schema's own tables; the data version is the pager's, which changes when others write.
static void show_counts(Shell *shell, const char *schema)
{
    ASSERT(shell->db != NULL);
    ASSERT(schema != NULL);

    static const struct {
        const char *label, *condition;
    } counts[] = {
        {"number of tables:", "type='table'"},
        {"number of indexes:", "type='index'"},
        {"number of triggers:", "type='trigger'"},
        {"number of views:", "type='view'"},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        fprintf(shell->out, "%-20s %lld\n", counts[i].label,
                shell_ask_integer(shell, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE %s",
                                  schema, counts[i].condition));
    fprintf(
        shell->out, "%-20s %lld\n", "schema size:",
        shell_ask_integer(shell, "SELECT total(length(sql)) FROM \"%w\".sqlite_schema", schema));
    unsigned version = 0;
    sqlite3_file_control(shell->db, schema, SQLITE_FCNTL_DATA_VERSION, &version);
    fprintf(shell->out, "%-20s %u\n", "data version", version);
}

// .dbinfo ?DB?: the header of the file as it is on the disk, and counts by SQL. Read through
// sqlite_dbpage, so that it is the page as the transaction sees it.
int dot_dbinfo(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    const char *schema = call->count >= 2 ? call->args[1] : "main";
    sqlite3_stmt *stmt =
        shell_prepare(shell, "SELECT data FROM sqlite_dbpage(%Q) WHERE pgno=1", schema);
    if (stmt == NULL)
        return 1;
    bool is_there = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) > 100;
    if (is_there)
        show_header(shell->out, sqlite3_column_blob(stmt, 0));
    else
        fputs("unable to read database header\n", stderr);
    sqlite3_finalize(stmt);
    if (is_there)
        show_counts(shell, schema);
    return !is_there;
}

// --- over all schemas ---

// One SELECT over the schema tables of all databases, in their order. `columns` and `condition` may
// use: prefix, the schema's name and a dot but for main; place, the row's.
static char *over_schemas(Shell *shell, const char *columns, const char *condition)
{
    ASSERT(columns != NULL && condition != NULL);
    ASSERT(shell != NULL);

    sqlite3_stmt *stmt = shell_prepare(shell, "PRAGMA database_list");
    sqlite3_str *sql = sqlite3_str_new(NULL);
    bool is_first = true;
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *schema = (const char *)sqlite3_column_text(stmt, 1);
        // main's objects go without their schema's name.
        char *prefix = strcmp(schema, "main") == 0 ? shell_printf("") : shell_printf("%s.", schema);
        sqlite3_str_appendf(sql,
                            "%sSELECT %s FROM (SELECT *, %Q AS prefix, %Q AS schema, rowid AS place"
                            ", %d AS nr FROM \"%w\".sqlite_schema) WHERE %s",
                            is_first ? "" : " UNION ALL ", columns, prefix, schema,
                            sqlite3_column_int(stmt, 0), schema, condition);
        sqlite3_free(prefix);
        is_first = false;
    }
    sqlite3_finalize(stmt);
    // No database at all is not possible; no memory is, and gives no rows.
    char *text = sqlite3_str_finish(sql);
    return text == NULL ? shell_printf("SELECT 1 WHERE 0") : text;
}

// Names in columns of one width, filled downward.
static void print_columns(FILE *out, char **names, int count)
{
    ASSERT(count > 0);
    ASSERT(names != NULL);

    enum { LINE_WIDTH = 80 };
    int width = 0;
    for (int i = 0; i < count; i++) {
        int size = (int)strlen(names[i]);
        width = size > width ? size : width;
    }
    // Two blanks between columns.
    int per_row = LINE_WIDTH / (width + 2);
    per_row = per_row < 1 ? 1 : per_row;
    int rows = (count + per_row - 1) / per_row;
    for (int row = 0; row < rows; row++) {
        for (int i = row; i < count; i += rows)
            fprintf(out, "%s%-*s", i < rows ? "" : "  ", width, names[i]);
        fputc('\n', out);
    }
}

// All of them first, since their widths make the columns.
static int print_names(DotCall *call, const char *condition)
{
    ASSERT(call->count >= 1);
    ASSERT(condition != NULL);

    Shell *shell = call->shell;
    char *all = over_schemas(shell, "prefix || name AS full", condition);
    sqlite3_stmt *stmt = shell_prepare(shell, "%s ORDER BY 1", all);
    sqlite3_free(all);
    sqlite3_bind_text(stmt, 1, call->count > 1 ? call->args[1] : "%", -1, SQLITE_TRANSIENT);
    char **names = NULL;
    int count = 0;
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        names = shell_realloc(names, ((sqlite3_uint64)count + 1) * sizeof *names);
        names[count++] = shell_printf("%s", sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    if (count > 0)
        print_columns(shell->out, names, count);
    for (int i = 0; i < count; i++)
        sqlite3_free(names[i]);
    sqlite3_free(names);
    return stmt == NULL;
}

// .tables ?PATTERN?: tables and views; those of attached databases with their schema's name before
// them.
int dot_tables(DotCall *call)
{
    ASSERT(call->count >= 1);

    return print_names(call, "type IN ('table','view') AND name NOT LIKE 'sqlite__%' ESCAPE '_'"
                             " AND name LIKE ?1");
}

// .indexes ?TABLE?: the pattern is for the table's name.
int dot_indexes(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (call->count > 2)
        return dot_usage(".indexes ?LIKE-PATTERN?");
    return print_names(call, "type='index' AND tbl_name LIKE ?1");
}

// --- schema ---

// The columns of a view or virtual table, which its text does not show: /* v(a,b) */
static void print_view_columns(Shell *shell, FILE *out, const char *schema, const char *name)
{
    ASSERT(name != NULL && schema != NULL);
    ASSERT(shell->db != NULL);

    sqlite3_stmt *stmt = NULL;
    char *sql = shell_printf("SELECT name FROM pragma_table_info(%Q,%Q)", name, schema);
    int count = 0;
    if (sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *column = (const char *)sqlite3_column_text(stmt, 0);
            if (count++ == 0) {
                char *quoted = shell_printf(name_needs_quotes(name) ? "\"%w\"" : "%s", name);
                fprintf(out, "\n/* %s%s%s(", strcmp(schema, "main") != 0 ? schema : "",
                        strcmp(schema, "main") != 0 ? "." : "", quoted);
                sqlite3_free(quoted);
            } else {
                fputc(',', out);
            }
            // As SQL would have to write it.
            char *quoted = shell_printf(name_needs_quotes(column) ? "\"%w\"" : "%s", column);
            fputs(quoted, out);
            sqlite3_free(quoted);
        }
    }
    if (count > 0)
        fputs(") */", out);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
}

// Names the schema of what is not in main; a table whose name stands in quotes is created only if
// it is not there, since it may be a shadow table that its module creates.
static void print_create(FILE *out, const char *schema, const char *sql)
{
    ASSERT(schema != NULL && sql != NULL);

    static const char *const kinds[] = {"TABLE", "INDEX",   "UNIQUE INDEX",
                                        "VIEW",  "TRIGGER", "VIRTUAL TABLE"};
    if (strcmp(schema, "main") != 0 && strncmp(sql, "CREATE ", 7) == 0) {
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            size_t size = strlen(kinds[i]);
            // By the word behind CREATE; the text is SQLite's own spelling of it.
            if (strncmp(sql + 7, kinds[i], size) == 0 && sql[7 + size] == ' ') {
                bool is_quoted = name_needs_quotes(schema) && strcmp(schema, "temp") != 0;
                char *quoted = shell_printf(is_quoted ? "\"%w\"" : "%s", schema);
                fprintf(out, "CREATE %s %s.%s", kinds[i], quoted, sql + 7 + size + 1);
                sqlite3_free(quoted);
                return;
            }
        }
    }
    if (sqlite3_strglob("CREATE TABLE ['\"]*", sql) == 0)
        fprintf(out, "CREATE TABLE IF NOT EXISTS %s", sql + 13);
    else
        fputs(sql, out);
}

// Would a semicolon behind it be swallowed?
static bool is_open_text(const char *sql)
{
    ASSERT(sql != NULL);

    // A comment at the end would swallow the semicolon.
    char *with_end = shell_printf("%s;", sql);
    // What is complete with a semicolon needs none on a line of its own.
    bool is_open = sqlite3_complete(with_end) == 0;
    sqlite3_free(with_end);
    return is_open;
}

// --indent: the columns of a long CREATE TABLE on lines of their own.
static void print_indented(FILE *out, const char *sql)
{
    ASSERT(sql != NULL);
    ASSERT(out != NULL);

    enum { FITS_ON_A_LINE = 79 };
    if (sqlite3_strlike("create table%", sql, 0) != 0 || strlen(sql) < FITS_ON_A_LINE) {
        fprintf(out, "%s;\n", sql);
        return;
    }
    int depth = 0;
    int columns = 0;
    char quote = 0;
    for (const char *at = sql; *at != 0; at++) {
        if (quote != 0) {
            // A doubled quote ends and begins again, which comes to the same.
            quote = *at == quote ? 0 : quote;
        } else if (strchr("'\"`[", *at) != NULL) {
            quote = *at == '[' ? ']' : *at;
        } else if (*at == ')') {
            depth--;
            if (depth == 0 && columns > 0)
                fputc('\n', out);
        }
        fputc(*at, out);
        if (quote != 0)
            continue;
        bool breaks = (depth == 0 && *at == '(') || (depth == 1 && *at == ',');
        depth += *at == '(';
        if (breaks) {
            columns++;
            fputs("\n  ", out);
            while (at[1] == ' ')
                at++;
        }
    }
    fputs(";\n", out);
}

// Of .schema.
typedef struct SchemaOptions {
    bool indents, no_system;
    const char *pattern;
} SchemaOptions;

// False after an error. An option may be shortened.
static bool take_schema_options(DotCall *call, SchemaOptions *options)
{
    ASSERT(options->pattern == NULL);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option != NULL && strncmp("indent", option, strlen(option)) == 0 && option[0] != 0) {
            options->indents = true;
        } else if (option != NULL && strncmp("nosys", option, strlen(option)) == 0) {
            options->no_system = true;
        } else if (option != NULL) {
            fprintf(stderr, "Unknown option: \"%s\"\n", call->args[i]);
            return false;
        } else if (options->pattern == NULL) {
            options->pattern = call->args[i];
        } else {
            (void)dot_usage(".schema ?--indent? ?--nosys? ?LIKE-PATTERN?");
            return false;
        }
    }
    return true;
}

// The pattern may be of either name: sqlite_master is sqlite_schema.
static bool is_schema_table(const char *pattern)
{
    static const char *const names[] = {"sqlite_master", "sqlite_schema", "sqlite_temp_master",
                                        "sqlite_temp_schema"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        // The pattern is the text here, so that "sqlite_%" finds them.
        if (pattern != NULL && sqlite3_strlike(pattern, names[i], '\\') == 0)
            return true;
    }
    return false;
}

// They have no row of their own in the schema; this is what SQLite's shell shows.
static void print_schema_tables(Shell *shell, const char *pattern)
{
    ASSERT(pattern != NULL);
    ASSERT(shell->out != NULL);

    static const char *const names[] = {"sqlite_schema", "sqlite_temp_schema"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        // Shown by the name that the pattern has, the new one first.
        const char *older = i == 0 ? "sqlite_master" : "sqlite_temp_master";
        if (sqlite3_strlike(pattern, names[i], '\\') == 0
            || sqlite3_strlike(pattern, older, '\\') == 0)
            fprintf(shell->out,
                    "CREATE TABLE %s (\n  type text,\n  name text,\n  tbl_name text,\n"
                    "  rootpage integer,\n  sql text\n);\n",
                    sqlite3_strlike(pattern, names[i], '\\') == 0 ? names[i] : older);
    }
}

// The text of an object, and with its name given the columns of a view or virtual table, without
// the semicolon (sqlite3_free).
static char *schema_text(Shell *shell, const char *schema, const char *name, const char *sql)
{
    ASSERT(sql != NULL);
    ASSERT(schema != NULL);

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return shell_printf("%s", sql);
    bool has_columns = name != NULL
                       && (sqlite3_strlike("create view%", sql, 0) == 0
                           || sqlite3_strlike("create virtual%", sql, 0) == 0);
    print_create(out, schema, sql);
    if (has_columns)
        print_view_columns(shell, out, schema, name);
    (void)fclose(out);
    char *copy = shell_printf("%s", text);
    free(text); // libc: open_memstream's
    return copy;
}

// Takes the text.
static void print_text(FILE *out, char *text, bool indents)
{
    ASSERT(text != NULL);
    ASSERT(out != NULL);

    if (indents)
        print_indented(out, text);
    else
        fprintf(out, is_open_text(text) ? "%s\n;\n" : "%s;\n", text);
    sqlite3_free(text);
}

// The columns are those of dot_schema()'s query: schema, name, sql.
static void print_schema_row(Shell *shell, sqlite3_stmt *stmt, bool indents)
{
    ASSERT(sqlite3_column_count(stmt) >= 3);

    char *text = schema_text(shell, (const char *)sqlite3_column_text(stmt, 0),
                             (const char *)sqlite3_column_text(stmt, 1),
                             (const char *)sqlite3_column_text(stmt, 2));
    print_text(shell->out, text, indents);
}

// .schema ?OPTIONS? ?PATTERN?: the statements that made the objects whose table has the name, in
// the order in which they were made.
int dot_schema(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    SchemaOptions options = {0};
    if (!take_schema_options(call, &options) || !shell_open(shell))
        return 1;
    if (is_schema_table(options.pattern))
        print_schema_tables(shell, options.pattern);
    // "schema.name" is looked for as such, "name" in every schema.
    bool is_qualified = options.pattern != NULL && strchr(options.pattern, '.') != NULL;
    char *all =
        over_schemas(shell, "schema, name, sql, nr, place, tbl_name, type", "sql IS NOT NULL");
    sqlite3_stmt *stmt =
        shell_prepare(shell,
                      "SELECT * FROM (%s) WHERE (?1 IS NULL OR lower(%s) LIKE lower(?1)) AND"
                      " (NOT %d OR name NOT LIKE 'sqlite__%%' ESCAPE '_') ORDER BY nr, place",
                      all, is_qualified ? "schema||'.'||tbl_name" : "tbl_name", options.no_system);
    sqlite3_free(all);
    // NULL where there is no pattern, which the WHERE lets through.
    sqlite3_bind_text(stmt, 1, options.pattern, -1, SQLITE_TRANSIENT);
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        print_schema_row(shell, stmt, options.indents);
    sqlite3_finalize(stmt);
    return stmt == NULL;
}

// As INSERT statements; the shell's mode is lent for it and given back.
static void print_statistics(Shell *shell, const char *table)
{
    ASSERT(table != NULL);

    Mode mode = shell->mode;
    bool headers = shell->headers;
    char *insert_table = shell->insert_table;
    sqlite3_stmt *stmt = shell_prepare(shell, "SELECT * FROM %s", table);
    shell->mode = MODE_INSERT;
    shell->headers = false;
    shell->insert_table = shell_printf("%s", table);
    if (stmt != NULL)
        (void)render_statement(shell, stmt);
    sqlite3_finalize(stmt);
    sqlite3_free(shell->insert_table);
    shell->insert_table = insert_table;
    shell->mode = mode;
    shell->headers = headers;
}

// .fullschema: the schema and the statistics as INSERTs, which is what plans depend on: enough to
// look into a slow query without the data.
int dot_fullschema(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    bool indents =
        call->count == 2 && dot_option(call->args[1]) != NULL
        && strncmp("indent", dot_option(call->args[1]), strlen(dot_option(call->args[1]))) == 0;
    if (call->count > 1 && !indents)
        return dot_usage(".fullschema ?--indent?");
    sqlite3_stmt *stmt = shell_prepare(
        shell, "SELECT sql FROM (SELECT sql, type, tbl_name, name, rowid FROM sqlite_schema"
               " UNION ALL SELECT sql, type, tbl_name, name, rowid FROM sqlite_temp_schema)"
               " WHERE type!='meta' AND sql NOTNULL AND name NOT LIKE 'sqlite_%%' ORDER BY rowid");
    if (stmt == NULL)
        return 1;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(stmt, 0);
        print_text(shell->out, schema_text(shell, "main", NULL, sql), indents);
    }
    sqlite3_finalize(stmt);
    if (shell_ask_integer(shell, "SELECT count(*) FROM sqlite_schema WHERE name GLOB"
                                 " 'sqlite_stat[134]'")
        == 0) {
        fputs("/* No STAT tables available */\n", shell->out);
        return 0;
    }
    // Makes the tables that the INSERTs below are for, and reads them in the end.
    fputs("ANALYZE sqlite_schema;\n", shell->out);
    static const char *const tables[] = {"sqlite_stat1", "sqlite_stat4"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (shell_ask_integer(shell, "SELECT count(*) FROM sqlite_schema WHERE name=%Q", tables[i])
            > 0)
            print_statistics(shell, tables[i]);
    }
    fputs("ANALYZE sqlite_schema;\n", shell->out);
    return 0;
}

// --- file systems ---

// The names of SQLite's struct, as its shell prints them.
static void show_vfs(FILE *out, const sqlite3_vfs *vfs, const char *mark)
{
    ASSERT(vfs != NULL && mark != NULL);

    fprintf(out, "vfs.zName      = \"%s\"%s\n", vfs->zName, mark);
    fprintf(out, "vfs.iVersion   = %d\n", vfs->iVersion);
    fprintf(out, "vfs.szOsFile   = %d\n", vfs->szOsFile);
    fprintf(out, "vfs.mxPathname = %d\n", vfs->mxPathname);
}

// NULL: the database cannot be opened, or has no file system.
static sqlite3_vfs *vfs_of(DotCall *call)
{
    ASSERT(call->count >= 1);

    sqlite3_vfs *vfs = NULL;
    const char *schema = call->count == 2 ? call->args[1] : "main";
    if (shell_open(call->shell))
        sqlite3_file_control(call->shell->db, schema, SQLITE_FCNTL_VFS_POINTER, &vfs);
    return vfs;
}

// Of the database, which may use another than the default.
int dot_vfsinfo(DotCall *call)
{
    ASSERT(call->count >= 1);

    const sqlite3_vfs *vfs = vfs_of(call);
    if (vfs != NULL)
        show_vfs(call->shell->out, vfs, "");
    return 0;
}

// All of them, the default first, as the library lists them.
int dot_vfslist(DotCall *call)
{
    ASSERT(call->count >= 1);

    const sqlite3_vfs *current = vfs_of(call);
    FILE *out = call->shell->out;
    for (const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL); vfs != NULL; vfs = vfs->pNext) {
        show_vfs(out, vfs, vfs == current ? "  <--- CURRENT" : "");
        if (vfs->pNext != NULL)
            fputs("-----------------------------------\n", out);
    }
    return 0;
}

// A stack of file systems shows as their names with slashes between.
int dot_vfsname(DotCall *call)
{
    ASSERT(call->count >= 1);

    char *name = NULL;
    const char *schema = call->count == 2 ? call->args[1] : "main";
    if (shell_open(call->shell))
        sqlite3_file_control(call->shell->db, schema, SQLITE_FCNTL_VFSNAME, &name);
    if (name != NULL)
        fprintf(call->shell->out, "%s\n", name);
    sqlite3_free(name);
    return 0;
}
