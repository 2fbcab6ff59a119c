// Dot-commands: settings, looking around, reading files. .dump and .import have files of their own.

#include "shell/shell.h"
#include <stdlib.h>
#include <string.h>

enum { DOT_ARGS_MAX = 16 };

typedef struct DotCall {
    Shell *shell;
    int count; // arguments, the command's name included
    char *args[DOT_ARGS_MAX];
} DotCall;

// The character an escape stands for.
static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == '0' ? '\0' : c;
}

// Splits at blanks; 'x' and "x" keep them, with C escapes inside "x".
static void split(char *line, DotCall *call)
{
    while (call->count < DOT_ARGS_MAX) {
        line += strspn(line, " \t");
        if (*line == '\0')
            return;
        char quote = *line == '\'' || *line == '"' ? *line++ : '\0';
        char *out = line;
        call->args[call->count++] = line;
        while (*line != '\0' && (quote != '\0' ? *line != quote : strchr(" \t", *line) == NULL)) {
            bool escaped = quote == '"' && *line == '\\' && line[1] != '\0';
            if (escaped)
                line++;
            *out++ = escaped ? unescape(*line) : *line;
            line++;
        }
        bool more = *line != '\0';
        *out = '\0';
        if (!more)
            return;
        line++;
    }
}

static int usage_error(DotCall *call, const char *text)
{
    shell_error(call->shell, "Usage: %s", text);
    return 1;
}

static bool is_on(const char *text)
{
    return strcmp(text, "on") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "true") == 0
           || atoi(text) != 0;
}

// --- looking around ---

static int dot_databases(DotCall *call)
{
    Shell *shell = call->shell;
    sqlite3_stmt *stmt = NULL;
    if (!shell_open(shell))
        return 1;
    int rc = sqlite3_prepare_v2(shell->db, "PRAGMA database_list", -1, &stmt, NULL);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 1);
        const char *file = (const char *)sqlite3_column_text(stmt, 2);
        bool has_file = file != NULL && file[0] != '\0';
        fprintf(shell->out, "%s: %s%s%s\n", name, has_file ? file : "\"\"",
                sqlite3_db_readonly(shell->db, name) > 0 ? " r/o" : " r/w", "");
    }
    sqlite3_finalize(stmt);
    return rc != SQLITE_OK;
}

// One SELECT over the schema tables of all databases. %s places: see each caller.
static char *over_schemas(Shell *shell, const char *columns, const char *condition,
                          const char *tail)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = NULL;
    if (sqlite3_prepare_v2(shell->db, "PRAGMA database_list", -1, &stmt, NULL) != SQLITE_OK)
        return NULL;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *schema = (const char *)sqlite3_column_text(stmt, 1);
        bool is_main = strcmp(schema, "main") == 0;
        char *more = sqlite3_mprintf("%s%sSELECT %Q AS prefix, rowid AS place, %d AS nr, %s FROM "
                                     "\"%w\".sqlite_schema WHERE %s",
                                     sql != NULL ? sql : "", sql != NULL ? " UNION ALL " : "",
                                     is_main ? "" : schema, sqlite3_column_int(stmt, 0), columns,
                                     schema, condition);
        sqlite3_free(sql);
        sql = more;
    }
    sqlite3_finalize(stmt);
    char *whole = sqlite3_mprintf("%s %s", sql != NULL ? sql : "SELECT 1 WHERE 0", tail);
    sqlite3_free(sql);
    return whole;
}

static sqlite3_stmt *prepare_over_schemas(Shell *shell, const char *columns, const char *condition,
                                          const char *tail, const char *pattern)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = shell_open(shell) ? over_schemas(shell, columns, condition, tail) : NULL;
    if (sql == NULL)
        return NULL;
    if (sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        shell_error(shell, "Error: %s", sqlite3_errmsg(shell->db));
    else if (pattern != NULL)
        sqlite3_bind_text(stmt, 1, pattern, -1, SQLITE_TRANSIENT);
    sqlite3_free(sql);
    return stmt;
}

// Names in columns of equal width, filled downward, as ls does.
static void print_columns(FILE *out, char **names, int count)
{
    int width = 0;
    for (int i = 0; i < count; i++) {
        int size = (int)strlen(names[i]);
        width = size > width ? size : width;
    }
    int per_row = 80 / (width + 2);
    if (per_row < 1)
        per_row = 1;
    int rows = (count + per_row - 1) / per_row;
    for (int row = 0; row < rows; row++) {
        for (int i = row; i < count; i += rows)
            fprintf(out, "%s%-*s", i == row ? "" : "  ", width, names[i]);
        fputc('\n', out);
    }
}

static int print_names(DotCall *call, const char *condition)
{
    Shell *shell = call->shell;
    sqlite3_stmt *stmt = prepare_over_schemas(shell, "name", condition, "ORDER BY 4",
                                              call->count > 1 ? call->args[1] : "%");
    char **names = NULL;
    int count = 0;
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        char **grown = sqlite3_realloc64(names, ((sqlite3_uint64)count + 1) * sizeof *grown);
        const char *prefix = (const char *)sqlite3_column_text(stmt, 0);
        char *name = sqlite3_mprintf("%s%s%s", prefix, prefix[0] != '\0' ? "." : "",
                                     sqlite3_column_text(stmt, 3));
        names = grown != NULL ? grown : names;
        if (grown == NULL || name == NULL)
            break;
        names[count++] = name;
    }
    bool failed = stmt == NULL;
    sqlite3_finalize(stmt);
    if (count > 0)
        print_columns(shell->out, names, count);
    for (int i = 0; i < count; i++)
        sqlite3_free(names[i]);
    sqlite3_free(names);
    return failed;
}

static int dot_tables(DotCall *call)
{
    return print_names(call, "type IN ('table','view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                             " AND name LIKE ?1");
}

static int dot_indexes(DotCall *call)
{
    return print_names(call, "type='index' AND tbl_name LIKE ?1");
}

static int dot_schema(DotCall *call)
{
    Shell *shell = call->shell;
    sqlite3_stmt *stmt =
        prepare_over_schemas(shell, "sql", "sql IS NOT NULL AND (tbl_name LIKE ?1 OR name LIKE ?1)",
                             "ORDER BY 3, 2", call->count > 1 ? call->args[1] : "%");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(stmt, 3);
        fprintf(shell->out, "%s;\n", sql);
    }
    sqlite3_finalize(stmt);
    return stmt == NULL;
}

// --- settings ---

static int dot_mode(DotCall *call)
{
    Mode mode;
    if (call->count < 2) {
        fprintf(call->shell->out, "current output mode: %s\n", mode_name(call->shell->mode));
        return 0;
    }
    if (!mode_find(call->args[1], &mode)) {
        shell_error(call->shell,
                    "Error: mode should be one of: ascii box column csv html insert json "
                    "line list markdown quote table tabs");
        return 1;
    }
    mode_set(call->shell, mode);
    if (mode == MODE_INSERT)
        snprintf(call->shell->insert_table, sizeof call->shell->insert_table, "%s",
                 call->count > 2 ? call->args[2] : "\"table\"");
    return 0;
}

static int dot_headers(DotCall *call)
{
    if (call->count != 2)
        return usage_error(call, ".headers on|off");
    call->shell->headers = is_on(call->args[1]);
    call->shell->headers_set = true;
    return 0;
}

static int dot_separator(DotCall *call)
{
    if (call->count < 2)
        return usage_error(call, ".separator COL ?ROW?");
    snprintf(call->shell->separator, sizeof call->shell->separator, "%s", call->args[1]);
    if (call->count > 2)
        snprintf(call->shell->row_separator, sizeof call->shell->row_separator, "%s",
                 call->args[2]);
    return 0;
}

static int dot_nullvalue(DotCall *call)
{
    if (call->count != 2)
        return usage_error(call, ".nullvalue STRING");
    snprintf(call->shell->null_value, sizeof call->shell->null_value, "%s", call->args[1]);
    return 0;
}

static int set_switch(DotCall *call, bool *flag, const char *text)
{
    if (call->count != 2)
        return usage_error(call, text);
    *flag = is_on(call->args[1]);
    return 0;
}

static int dot_timer(DotCall *call)
{
    return set_switch(call, &call->shell->timer, ".timer on|off");
}

static int dot_echo(DotCall *call)
{
    return set_switch(call, &call->shell->echo, ".echo on|off");
}

static int dot_bail(DotCall *call)
{
    return set_switch(call, &call->shell->bail, ".bail on|off");
}

static int dot_changes(DotCall *call)
{
    return set_switch(call, &call->shell->changes, ".changes on|off");
}

static int dot_dbconfig(DotCall *call)
{
    static const struct {
        const char *name;
        int op;
    } options[] = {
        {"attach_create", SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE},
        {"attach_write", SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE},
        {"comments", SQLITE_DBCONFIG_ENABLE_COMMENTS},
        {"defensive", SQLITE_DBCONFIG_DEFENSIVE},
        {"dqs_ddl", SQLITE_DBCONFIG_DQS_DDL},
        {"dqs_dml", SQLITE_DBCONFIG_DQS_DML},
        {"enable_fkey", SQLITE_DBCONFIG_ENABLE_FKEY},
        {"enable_qpsg", SQLITE_DBCONFIG_ENABLE_QPSG},
        {"enable_trigger", SQLITE_DBCONFIG_ENABLE_TRIGGER},
        {"enable_view", SQLITE_DBCONFIG_ENABLE_VIEW},
        {"fts3_tokenizer", SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER},
        {"legacy_alter_table", SQLITE_DBCONFIG_LEGACY_ALTER_TABLE},
        {"legacy_file_format", SQLITE_DBCONFIG_LEGACY_FILE_FORMAT},
        {"load_extension", SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION},
        {"no_ckpt_on_close", SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE},
        {"reset_database", SQLITE_DBCONFIG_RESET_DATABASE},
        {"reverse_scanorder", SQLITE_DBCONFIG_REVERSE_SCANORDER},
        {"stmt_scanstatus", SQLITE_DBCONFIG_STMT_SCANSTATUS},
        {"trigger_eqp", SQLITE_DBCONFIG_TRIGGER_EQP},
        {"trusted_schema", SQLITE_DBCONFIG_TRUSTED_SCHEMA},
        {"writable_schema", SQLITE_DBCONFIG_WRITABLE_SCHEMA},
    };
    if (!shell_open(call->shell))
        return 1;
    bool found = false;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (call->count > 1 && strcmp(call->args[1], options[i].name) != 0)
            continue;
        int value = 0;
        found = true;
        if (call->count > 2)
            sqlite3_db_config(call->shell->db, options[i].op, (int)is_on(call->args[2]),
                              (int *)NULL);
        sqlite3_db_config(call->shell->db, options[i].op, -1, &value);
        fprintf(call->shell->out, "%19s %s\n", options[i].name, value ? "on" : "off");
    }
    if (!found)
        shell_error(call->shell, "Error: unknown dbconfig \"%s\"", call->args[1]);
    return !found;
}

static int dot_show(DotCall *call)
{
    const Shell *shell = call->shell;
    fprintf(shell->out, "%12.12s: %s\n", "echo", shell->echo ? "on" : "off");
    fprintf(shell->out, "%12.12s: %s\n", "headers", shell->headers ? "on" : "off");
    fprintf(shell->out, "%12.12s: %s\n", "mode", mode_name(shell->mode));
    fprintf(shell->out, "%12.12s: \"%s\"\n", "nullvalue", shell->null_value);
    fprintf(shell->out, "%12.12s: \"%s\"\n", "colseparator", shell->separator);
    fprintf(shell->out, "%12.12s: %s\n", "filename", shell->path);
    return 0;
}

// --- files ---

static int dot_read(DotCall *call)
{
    if (call->count != 2)
        return usage_error(call, ".read FILE");
    FILE *in = fopen(call->args[1], "rb");
    if (in == NULL) {
        shell_error(call->shell, "Error: cannot open \"%s\"", call->args[1]);
        return 1;
    }
    shell_read(call->shell, in);
    fclose(in);
    return 0;
}

static int dot_output(DotCall *call)
{
    Shell *shell = call->shell;
    if (shell->out != stdout)
        fclose(shell->out);
    shell->out = stdout;
    if (call->count < 2 || strcmp(call->args[1], "stdout") == 0)
        return 0;
    FILE *out = fopen(call->args[1], "wb");
    if (out == NULL) {
        shell_error(shell, "Error: cannot write to \"%s\"", call->args[1]);
        return 1;
    }
    shell->out = out;
    return 0;
}

static int dot_open(DotCall *call)
{
    Shell *shell = call->shell;
    static char path[4096];
    if (call->count != 2)
        return usage_error(call, ".open FILE");
    sqlite3_close_v2(shell->db);
    shell->db = NULL;
    snprintf(path, sizeof path, "%s", call->args[1]);
    shell->path = path;
    return !shell_open(shell);
}

static int copy_database(Shell *shell, const char *path, bool is_backup)
{
    sqlite3 *other = NULL;
    int rc = sqlite3_open(path, &other);
    sqlite3 *source = is_backup ? shell->db : other;
    sqlite3 *target = is_backup ? other : shell->db;
    if (rc == SQLITE_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
        if (backup != NULL)
            (void)sqlite3_backup_step(backup, -1);
        rc = backup != NULL ? sqlite3_backup_finish(backup) : sqlite3_errcode(target);
    }
    if (rc != SQLITE_OK)
        shell_error(shell, "Error: %s", sqlite3_errmsg(rc == SQLITE_OK ? other : target));
    sqlite3_close(other);
    return rc != SQLITE_OK;
}

static int dot_backup(DotCall *call)
{
    if (call->count < 2)
        return usage_error(call, ".backup ?DB? FILE");
    return !shell_open(call->shell)
           || copy_database(call->shell, call->args[call->count - 1], true);
}

static int dot_restore(DotCall *call)
{
    if (call->count < 2)
        return usage_error(call, ".restore ?DB? FILE");
    return !shell_open(call->shell)
           || copy_database(call->shell, call->args[call->count - 1], false);
}

static int dot_import(DotCall *call)
{
    const char *path = NULL;
    const char *table = NULL;
    for (int i = 1; i < call->count; i++) {
        if (strcmp(call->args[i], "--csv") == 0)
            mode_set(call->shell, MODE_CSV);
        else if (path == NULL)
            path = call->args[i];
        else
            table = call->args[i];
    }
    if (table == NULL)
        return usage_error(call, ".import ?--csv? FILE TABLE");
    return !shell_open(call->shell) || import_file(call->shell, path, table);
}

static int dot_dump(DotCall *call)
{
    return !shell_open(call->shell)
           || dump_database(call->shell, call->count > 1 ? call->args[1] : "%");
}

// --- the table of commands ---

static int dot_quit(DotCall *call)
{
    call->shell->stop = true;
    return 0;
}

static int dot_print(DotCall *call)
{
    for (int i = 1; i < call->count; i++)
        fprintf(call->shell->out, "%s%s", i > 1 ? " " : "", call->args[i]);
    fputc('\n', call->shell->out);
    return 0;
}

static int dot_help(DotCall *call);

static const struct {
    const char *name;
    int (*run)(DotCall *call);
    const char *help;
} commands[] = {
    {"backup", dot_backup, "FILE             copy the database to FILE"},
    {"bail", dot_bail, "on|off           stop after an error"},
    {"changes", dot_changes, "on|off           show the number of changed rows"},
    {"databases", dot_databases, "                 names and files of attached databases"},
    {"dbconfig", dot_dbconfig, "?OP? ?VALUE?     list or change sqlite3_db_config() options"},
    {"dump", dot_dump, "?TABLE?          the database as SQL text"},
    {"echo", dot_echo, "on|off           print statements before running them"},
    {"exit", dot_quit, "                 leave"},
    {"headers", dot_headers, "on|off           show column names"},
    {"help", dot_help, "                 this list"},
    {"import", dot_import, "FILE TABLE       read rows from FILE into TABLE"},
    {"indexes", dot_indexes, "?TABLE?          names of indexes"},
    {"mode", dot_mode, "MODE             output mode: list column csv json line box table ..."},
    {"nullvalue", dot_nullvalue, "STRING           what NULL is shown as"},
    {"open", dot_open, "FILE             close this database, open FILE"},
    {"output", dot_output, "?FILE?           write output to FILE, or to the terminal again"},
    {"print", dot_print, "STRING...        print text"},
    {"quit", dot_quit, "                 leave"},
    {"read", dot_read, "FILE             run the commands in FILE"},
    {"restore", dot_restore, "FILE             replace the database by FILE"},
    {"schema", dot_schema, "?PATTERN?        CREATE statements"},
    {"separator", dot_separator, "COL ?ROW?        what stands between columns and rows"},
    {"show", dot_show, "                 the settings"},
    {"tables", dot_tables, "?PATTERN?        names of tables and views"},
    {"timer", dot_timer, "on|off           show how long statements take"},
};

static int dot_help(DotCall *call)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(call->shell->out, ".%-10s %s\n", commands[i].name, commands[i].help);
    return 0;
}

int dot_command(Shell *shell, char *line)
{
    DotCall call = {.shell = shell};
    split(line + 1, &call);
    if (call.count == 0)
        return 0;
    size_t size = strlen(call.args[0]);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strncmp(commands[i].name, call.args[0], size) == 0)
            return commands[i].run(&call);
    }
    shell_error(shell,
                "Error: unknown command or invalid arguments:  \"%s\". Enter \".help\" for help",
                call.args[0]);
    return 1;
}
