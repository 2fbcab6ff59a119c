// Dot-commands that do something: parameters, hashes, lint, extensions, the system's shell.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The loop that reads looks at `stop`; the rest of the input is left unread.
int dot_quit(DotCall *call)
{
    ASSERT(call->count >= 1);

    call->shell->stop = true;
    return 0;
}

// .exit ?CODE?
int dot_exit(DotCall *call)
{
    ASSERT(call->count >= 1);

    call->shell->stop = true;
    // Without a code the script's own errors decide.
    if (call->count > 1)
        call->shell->exit_code = (int)dot_integer(call->args[1]);
    return 0;
}

// Words as they were understood, escapes resolved.
int dot_print(DotCall *call)
{
    ASSERT(call->count >= 1);

    for (int i = 1; i < call->count; i++)
        fprintf(call->shell->out, "%s%s", i > 1 ? " " : "", call->args[i]);
    fputc('\n', call->shell->out);
    return 0;
}

// For files that come: the open database stays where it is.
int dot_cd(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (call->count != 2)
        return dot_usage(".cd DIRECTORY");
    if (chdir(call->args[1]) == 0)
        return 0;
    fprintf(stderr, "Cannot change to directory \"%s\"\n", call->args[1]);
    return 1;
}

// Words with blanks are quoted again, since they were taken apart for us.
int dot_shell(DotCall *call)
{
    ASSERT(call->count >= 1);

    if (call->count < 2)
        return dot_usage(".system COMMAND");
    sqlite3_str *text = sqlite3_str_new(NULL);
    for (int i = 1; i < call->count; i++) {
        bool has_blank = strpbrk(call->args[i], " \t") != NULL;
        sqlite3_str_appendf(text, has_blank ? "%s\"%s\"" : "%s%s", i > 1 ? " " : "", call->args[i]);
    }
    char *command = sqlite3_str_finish(text);
    (void)fflush(call->shell->out);
    // What was printed before must come first: the command writes to the same place, past our
    // buffer.
    int status = command == NULL ? -1 : system(command); // what the user asked for
    sqlite3_free(command);
    if (status != 0)
        fprintf(stderr, "System command returns %d\n", status);
    // What a command returns is told, but is no error of the script's.
    return 0;
}

// .load FILE ?ENTRY?: a shared library of functions, modules or collations.
int dot_load(DotCall *call)
{
    ASSERT(call->count >= 1);

    char *message = NULL;
    if (call->count < 2)
        return dot_usage(".load FILE ?ENTRYPOINT?");
    if (!shell_open(call->shell))
        return 1;
    // Not under -safe: dot.c's table sees to it (S5).
    int rc = sqlite3_load_extension(call->shell->db, call->args[1],
                                    call->count > 2 ? call->args[2] : NULL, &message);
    if (rc != SQLITE_OK)
        fprintf(stderr, "Error: %s\n", message != NULL ? message : sqlite3_errstr(rc));
    sqlite3_free(message);
    return rc != SQLITE_OK;
}

// --- file controls ---

static const struct {
    const char *name;
    int op;
    bool takes_size; // a 64-bit number, else an int
    const char *usage;
} controls[] = {
    {"chunk_size", SQLITE_FCNTL_CHUNK_SIZE, false, "SIZE"},
    {"data_version", SQLITE_FCNTL_DATA_VERSION, false, ""},
    {"has_moved", SQLITE_FCNTL_HAS_MOVED, false, ""},
    {"lock_timeout", SQLITE_FCNTL_LOCK_TIMEOUT, false, "MILLISEC"},
    {"persist_wal", SQLITE_FCNTL_PERSIST_WAL, false, "[BOOLEAN]"},
    {"psow", SQLITE_FCNTL_POWERSAFE_OVERWRITE, false, "[BOOLEAN]"},
    {"reserve_bytes", SQLITE_FCNTL_RESERVE_BYTES, false, "[N]"},
    {"size_limit", SQLITE_FCNTL_SIZE_LIMIT, true, "[LIMIT]"},
};
enum { CONTROLS = sizeof controls / sizeof controls[0] };

// The answer to --help, and to no control at all.
static int list_controls(FILE *out)
{
    ASSERT(out != NULL);

    fputs("Available file-controls:\n", out);
    for (int i = 0; i < CONTROLS; i++)
        fprintf(out, "  .filectrl %s %s\n", controls[i].name, controls[i].usage);
    // Asked for or not, it is not what the command is for.
    return 1;
}

// .filectrl ?--schema S? NAME ?VALUE?: sqlite3_file_control() by name; without a value it asks.
int dot_filectrl(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    int first = 1;
    const char *schema = "main";
    if (call->count > 3 && strcmp(call->args[1], "--schema") == 0) {
        schema = call->args[2];
        first = 3;
    }
    if (call->count <= first || dot_option(call->args[first]) != NULL)
        return list_controls(shell->out);
    if (!shell_open(shell))
        return 1;
    for (int i = 0; i < CONTROLS; i++) {
        // The first that begins so, in the order of the table.
        if (strncmp(controls[i].name, call->args[first], strlen(call->args[first])) != 0)
            continue;
        // -1 asks, where a control can be asked.
        sqlite3_int64 size = -1;
        int number = -1;
        if (call->count > first + 1) {
            size = dot_integer(call->args[first + 1]);
            number = (int)size;
        }
        // The control writes its answer where the question was.
        void *arg = controls[i].takes_size ? (void *)&size : (void *)&number;
        int rc = sqlite3_file_control(shell->db, schema, controls[i].op, arg);
        if (rc != SQLITE_OK) {
            fprintf(stderr, "Error: %s\n", sqlite3_errstr(rc));
            return 1;
        }
        fprintf(shell->out, "%lld\n", controls[i].takes_size ? (long long)size : (long long)number);
        return 0;
    }
    fprintf(stderr, "Error: unknown file-control: %s\nUse \".filectrl --help\" for help\n",
            call->args[first]);
    return 1;
}

// --- parameters ---

// Makes temp.sqlite_parameters, from which statements' parameters are bound
// (shell_bind_parameters). Its name begins with sqlite_, which only the settings changed here
// allow; they are put back.
static bool parameter_table(Shell *shell)
{
    ASSERT(shell != NULL);

    int defensive = 0;
    int writable = 0;
    if (!shell_open(shell))
        return false;
    // The table's name is reserved, so that no program trips over it.
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive);
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_DEFENSIVE, 0, (int *)NULL);
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, -1, &writable);
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, (int *)NULL);
    // In temp: it goes with the connection, and no file changes.
    int rc = sqlite3_exec(shell->db,
                          "CREATE TABLE IF NOT EXISTS temp.sqlite_parameters("
                          "key TEXT PRIMARY KEY, value) WITHOUT ROWID;",
                          NULL, NULL, NULL);
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, writable, (int *)NULL);
    sqlite3_db_config(shell->db, SQLITE_DBCONFIG_DEFENSIVE, defensive, (int *)NULL);
    return rc == SQLITE_OK;
}

// Without making it, as parameter_table() does.
static bool has_parameter_table(Shell *shell)
{
    ASSERT(shell != NULL);

    return shell_open(shell)
           && sqlite3_table_column_metadata(shell->db, "temp", "sqlite_parameters", NULL, NULL,
                                            NULL, NULL, NULL, NULL)
                  == SQLITE_OK;
}

// Values as SQL literals.
static int list_parameters(Shell *shell)
{
    ASSERT(shell->out != NULL);

    if (!has_parameter_table(shell))
        return 0;
    // Characters, not bytes; a parameter's name is mostly ASCII.
    int width =
        (int)shell_ask_integer(shell, "SELECT max(length(key)) FROM temp.sqlite_parameters");
    sqlite3_stmt *stmt =
        shell_prepare(shell, "SELECT key, quote(value) FROM temp.sqlite_parameters");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        fprintf(shell->out, "%-*s %s\n", width, sqlite3_column_text(stmt, 0),
                sqlite3_column_text(stmt, 1));
    sqlite3_finalize(stmt);
    return 0;
}

// A value that is no SQL expression is text.
static int set_parameter(Shell *shell, const char *name, const char *value)
{
    ASSERT(name != NULL && value != NULL);

    static const char insert[] = "REPLACE INTO temp.sqlite_parameters(key,value)VALUES(%Q,%s);";
    sqlite3_stmt *stmt = NULL;
    if (!parameter_table(shell))
        return 1;
    char *sql = shell_printf(insert, name, value);
    int rc = sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    // abc is no expression, since there is no such column; nor is a b. 'abc' and 1+1 are.
    if (rc != SQLITE_OK) {
        char *quoted = shell_printf("%Q", value);
        sql = shell_printf(insert, name, quoted);
        rc = sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL);
        sqlite3_free(sql);
        sqlite3_free(quoted);
    }
    if (rc != SQLITE_OK)
        fprintf(stderr, "Error: %s\n", sqlite3_errmsg(shell->db));
    else
        sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    return rc != SQLITE_OK;
}

// .parameter set|unset|list|clear|init: values for :name, @name, $name and ?N in the statements to
// come, kept in a table so that SQL can reach them.
int dot_parameter(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    const char *verb = call->count > 1 ? call->args[1] : "";
    if (call->count == 2 && strcmp(verb, "clear") == 0) {
        if (has_parameter_table(shell))
            sqlite3_exec(shell->db, "DROP TABLE IF EXISTS temp.sqlite_parameters", NULL, NULL,
                         NULL);
        return 0;
    }
    if (call->count == 2 && strcmp(verb, "list") == 0)
        return list_parameters(shell);
    if (call->count == 2 && strcmp(verb, "init") == 0)
        return !parameter_table(shell);
    if (call->count == 4 && strcmp(verb, "set") == 0)
        return set_parameter(shell, call->args[2], call->args[3]);
    if (call->count == 3 && strcmp(verb, "unset") == 0) {
        // A name that is not there is no error, as in SQL.
        char *sql = shell_printf("DELETE FROM temp.sqlite_parameters WHERE key=%Q", call->args[2]);
        if (has_parameter_table(shell))
            sqlite3_exec(shell->db, sql, NULL, NULL, NULL);
        sqlite3_free(sql);
        return 0;
    }
    (void)help_print(shell->out, "parameter");
    return 0;
}

// --- lint ---

// Does the plan of a look-up by the child's columns use an index or the primary key, and not one
// that it makes for itself?
static bool is_served(Shell *shell, const char *table, const char *condition)
{
    ASSERT(table != NULL && condition != NULL);
    ASSERT(shell->db != NULL);

    // The wording of EXPLAIN QUERY PLAN; [?] stands for the mark itself, which is a wildcard in
    // GLOB.
    char *wanted_index = shell_printf("SEARCH %s USING*INDEX*", table);
    char *wanted_key = shell_printf("SEARCH %s USING INTEGER PRIMARY KEY (rowid=[?])*", table);
    sqlite3_stmt *stmt =
        shell_prepare(shell, "EXPLAIN QUERY PLAN SELECT 1 FROM \"%w\" WHERE %s", table, condition);
    bool served = false;
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(stmt, 3);
        // An automatic index is made for the one query, at the cost of a scan.
        served |= detail != NULL && strstr(detail, "AUTOMATIC") == NULL
                  && (sqlite3_strglob(wanted_index, detail) == 0
                      || sqlite3_strglob(wanted_key, detail) == 0);
    }
    sqlite3_finalize(stmt);
    sqlite3_free(wanted_index);
    sqlite3_free(wanted_key);
    return served;
}

// Child columns of each foreign key whose table has no index to look them up by.
static int lint_foreign_keys(Shell *shell)
{
    ASSERT(shell->out != NULL);

    sqlite3_stmt *stmt = shell_prepare(
        shell,
        "SELECT s.name, group_concat('\"' || replace(f.\"from\",'\"','\"\"') || '\"=?', ' AND '),"
        " group_concat(quote(f.\"from\"), ', '), group_concat(f.\"from\", '_'),"
        " f.\"table\", group_concat(coalesce(f.\"to\","
        "  (SELECT p.name FROM pragma_table_info(f.\"table\") p WHERE p.pk=f.seq+1)), ', ')"
        " FROM sqlite_schema s, pragma_foreign_key_list(s.name) f WHERE s.type='table'"
        " GROUP BY s.name, f.id ORDER BY s.name, f.id");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(stmt, 0);
        if (is_served(shell, table, (const char *)sqlite3_column_text(stmt, 1)))
            continue;
        // The name and the statement as SQLite's lint words them.
        char *index = shell_printf("%s_%s", table, sqlite3_column_text(stmt, 3));
        char *line = shell_printf("CREATE INDEX %Q ON %Q(%s); --> %s(%s)\n", index, table,
                                  sqlite3_column_text(stmt, 2), sqlite3_column_text(stmt, 4),
                                  sqlite3_column_text(stmt, 5));
        fputs(line, shell->out);
        sqlite3_free(line);
        sqlite3_free(index);
    }
    sqlite3_finalize(stmt);
    return stmt == NULL;
}

// .lint fkey-indexes: foreign keys whose child columns no index serves make every change of a
// parent scan the child.
int dot_lint(DotCall *call)
{
    ASSERT(call->count >= 1);

    size_t size = call->count >= 2 ? strlen(call->args[1]) : 0;
    if (size > 0 && sqlite3_strnicmp(call->args[1], "fkey-indexes", (int)size) == 0)
        return lint_foreign_keys(call->shell);
    // The name may be shortened; there is only this one.
    fputs("Usage lint sub-command ?switches...?\nWhere sub-commands are:\n    fkey-indexes\n",
          stderr);
    return 1;
}

// --- hashes ---

typedef struct HashOptions {
    bool with_schema, is_separate;
    int bits;
    const char *pattern;
} HashOptions;

// The last pattern and the last size count.
static bool take_hash_options(DotCall *call, HashOptions *options)
{
    ASSERT(call->count >= 1);
    ASSERT(options->bits == 224);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL) {
            options->pattern = call->args[i];
            // SQLite's shell prints a hash for each table when a pattern is given, and else one
            // for all.
            options->is_separate = true;
        } else if (strcmp(option, "schema") == 0) {
            options->with_schema = true;
        } else if (strncmp(option, "sha3-", 5) == 0 && sha3_has(atoi(option + 5))) {
            options->bits = atoi(option + 5);
        } else {
            fprintf(stderr, "Unknown option \"%s\" on \"sha3sum\"\n", call->args[i]);
            return false;
        }
    }
    return true;
}

// The query whose rows stand for a table: stored statistics are sorted, since their order means
// nothing. NULL: a table whose content does not count.
static char *content_query(const char *table)
{
    ASSERT(table != NULL);

    if (strncmp(table, "sqlite_", 7) != 0)
        return shell_printf("SELECT * FROM \"%w\" NOT INDEXED;", table);
    if (strcmp(table, "sqlite_schema") == 0)
        return shell_printf("SELECT type,name,tbl_name,sql FROM sqlite_schema ORDER BY name;");
    if (strcmp(table, "sqlite_sequence") == 0)
        return shell_printf("SELECT name,seq FROM sqlite_sequence ORDER BY name;");
    if (strcmp(table, "sqlite_stat1") == 0)
        return shell_printf("SELECT tbl,idx,stat FROM sqlite_stat1 ORDER BY tbl,idx;");
    if (strcmp(table, "sqlite_stat4") == 0)
        return shell_printf("SELECT * FROM sqlite_stat4 ORDER BY tbl, idx, rowid;\n");
    // Other tables of SQLite's own say nothing of the content.
    return NULL;
}

// A letter for the type, then eight bytes, most significant first.
static void hash_number(Sha3 *hash, char tag, sqlite3_uint64 bits)
{
    ASSERT(hash != NULL);

    unsigned char bytes[9] = {(unsigned char)tag};
    for (int i = 8; i >= 1; i--) {
        bytes[i] = (unsigned char)bits;
        bits >>= 8;
    }
    sha3_add(hash, bytes, sizeof bytes);
}

// A letter for the type, the size in decimal, a colon, the bytes.
static void hash_bytes(Sha3 *hash, char tag, const void *bytes, int size)
{
    ASSERT(size >= 0);
    ASSERT(bytes != NULL || size == 0);

    char head[24];
    int head_size = snprintf(head, sizeof head, "%c%d:", tag, size);
    sha3_add(hash, head, (size_t)head_size);
    sha3_add(hash, bytes, (size_t)size);
}

// The type is hashed with the value: 1, 1.0 and '1' differ.
static void hash_value(Sha3 *hash, sqlite3_stmt *stmt, int column)
{
    ASSERT(column >= 0 && column < sqlite3_column_count(stmt));

    double real = sqlite3_column_double(stmt, column);
    sqlite3_uint64 bits;
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL: sha3_add(hash, "N", 1); return;
    case SQLITE_INTEGER:
        hash_number(hash, 'I', (sqlite3_uint64)sqlite3_column_int64(stmt, column));
        return;
    case SQLITE_FLOAT:
        memcpy(&bits, &real, sizeof bits);
        hash_number(hash, 'F', bits);
        return;
    case SQLITE_TEXT:
        hash_bytes(hash, 'T', sqlite3_column_text(stmt, column),
                   sqlite3_column_bytes(stmt, column));
        return;
    default:
        hash_bytes(hash, 'B', sqlite3_column_blob(stmt, column),
                   sqlite3_column_bytes(stmt, column));
        return;
    }
}

// Hashes the query's text, then a mark before each row and the values with their types: equal
// content gives equal hashes, whatever the file looks like. The scheme is that of SQLite's dbhash.
static void hash_query(Shell *shell, Sha3 *hash, const char *sql)
{
    ASSERT(sql != NULL);

    sqlite3_stmt *stmt = shell_prepare(shell, "%s", sql);
    if (stmt == NULL)
        return;
    hash_bytes(hash, 'S', sqlite3_sql(stmt), (int)strlen(sqlite3_sql(stmt)));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        sha3_add(hash, "R", 1);
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            hash_value(hash, stmt, i);
    }
    sqlite3_finalize(stmt);
}

// Uses the hash up.
static void print_hash(FILE *out, Sha3 *hash, const char *label)
{
    ASSERT(sha3_has(hash->bits));
    ASSERT(out != NULL);

    unsigned char digest[64];
    sha3_finish(hash, digest);
    for (int i = 0; i < hash->bits / 8; i++)
        fprintf(out, "%02x", digest[i]);
    fprintf(out, "%s%s\n", label != NULL ? "|" : "", label != NULL ? label : "");
}

// .sha3sum ?OPTIONS? ?PATTERN?: one hash of all content, or one per table that the pattern names.
int dot_sha3sum(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    HashOptions options = {.bits = 224};
    if (!take_hash_options(call, &options))
        return 1;
    sqlite3_stmt *stmt = shell_prepare(
        shell, options.with_schema
                   ? "SELECT lower(name) AS tname FROM sqlite_schema WHERE type='table' AND"
                     " coalesce(rootpage,0)>1 UNION ALL SELECT 'sqlite_schema'"
                     " ORDER BY 1 COLLATE nocase"
                   : "SELECT lower(name) AS tname FROM sqlite_schema WHERE type='table' AND"
                     " coalesce(rootpage,0)>1 AND name NOT LIKE 'sqlite__%%' ESCAPE '_'"
                     " ORDER BY 1 COLLATE nocase");
    if (stmt == NULL)
        return 1;
    Sha3 hash;
    sha3_init(&hash, options.bits);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(stmt, 0);
        char *sql = content_query(table);
        bool wanted = options.pattern == NULL || sqlite3_strlike(options.pattern, table, 0) == 0;
        if (sql != NULL && wanted)
            hash_query(shell, &hash, sql);
        if (sql != NULL && wanted && options.is_separate) {
            // A hash of each table, begun anew for the next.
            print_hash(shell->out, &hash, table);
            sha3_init(&hash, options.bits);
        }
        sqlite3_free(sql);
    }
    sqlite3_finalize(stmt);
    if (!options.is_separate)
        print_hash(shell->out, &hash, NULL);
    return 0;
}
