// .dump: a database as the SQL text that makes it again.
//
//    PRAGMA foreign_keys=OFF;           rows come before what they refer to
//    BEGIN TRANSACTION;
//    CREATE TABLE t(a);
//    INSERT INTO t VALUES(1);           table by table
//    CREATE INDEX …                     indexes, triggers and views once the rows are there
//    COMMIT;
//
// Virtual tables are written as rows of sqlite_schema: creating them would run their modules,
// whose shadow tables are dumped as ordinary ones. A damaged table is read from its other end,
// too, and the whole ends with ROLLBACK if something could not be read.

#include "shell/shell.h"

#include <stdlib.h>
#include <string.h>

// One .dump from beginning to end.
typedef struct Dump {
    Shell *shell;
    bool only_data, no_system, keeps_rowids, allows_newlines;
    bool writes_schema; // PRAGMA writable_schema=ON was printed
    char *condition;    // on `name`, from the patterns; NULL: everything
} Dump;

// As a comment of the output, where the missing part would stand; the exit code tells as well.
static void report(Dump *dump, int rc)
{
    ASSERT(rc != SQLITE_OK);

    fprintf(dump->shell->out, "/****** ERROR: (%d) %s *****/\n", rc,
            sqlite3_errmsg(dump->shell->db));
    dump->shell->error_count++;
}

// --- rows of one table ---

// The name by which the rowid can be read, when it is no column of the table; NULL else. Only with
// --preserve-rowids, and where the rowid is not a column anyhow.
static const char *rowid_name(Dump *dump, const char *table)
{
    ASSERT(dump->shell->db != NULL);

    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    Shell *shell = dump->shell;
    if (!dump->keeps_rowids)
        return NULL;
    bool has_key = shell_ask_integer(shell,
                                     "SELECT count(*) FROM pragma_table_info(%Q) WHERE pk=1 AND"
                                     " type='INTEGER' COLLATE nocase",
                                     table)
                   > 0;
    bool has_rowid =
        shell_ask_integer(shell, "SELECT count(*) FROM pragma_index_list(%Q) WHERE origin='pk'",
                          table)
            == 0
        || !has_key;
    if (has_key || !has_rowid)
        return NULL;
    for (int i = 0; i < 3; i++) {
        // A column of one of the three names hides the rowid under it.
        bool is_column = shell_ask_integer(shell,
                                           "SELECT count(*) FROM pragma_table_info(%Q) WHERE"
                                           " name=%Q COLLATE nocase",
                                           table, names[i])
                         > 0;
        if (!is_column
            && sqlite3_table_column_metadata(shell->db, "main", table, names[i], NULL, NULL, NULL,
                                             NULL, NULL)
                   == SQLITE_OK)
            return names[i];
    }
    return NULL;
}

// "INSERT INTO t(rowid,a) " and the SELECT that reads those columns, generated ones left out.
// False: there is nothing to select. Both texts are to be freed (sqlite3_free).
static bool make_texts(Dump *dump, const char *table, char **insert, char **select)
{
    ASSERT(table != NULL);
    ASSERT(insert != NULL && select != NULL);

    const char *rowid = rowid_name(dump, table);
    sqlite3_stmt *stmt = shell_prepare(dump->shell, "PRAGMA table_xinfo(%Q)", table);
    sqlite3_str *columns = sqlite3_str_new(NULL);
    int count = 0;
    if (rowid != NULL)
        sqlite3_str_appendall(columns, rowid);
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 1);
        if (sqlite3_column_int(stmt, 6) >= 2) // generated
            continue;
        sqlite3_str_appendf(columns, name_needs_quotes(name) ? "%s\"%w\"" : "%s%s",
                            count > 0 || rowid != NULL ? "," : "", name);
        count++;
    }
    sqlite3_finalize(stmt);
    char *list = sqlite3_str_finish(columns);
    char *quoted = shell_printf(name_needs_quotes(table) ? "\"%w\"" : "%s", table);
    *insert = shell_printf("INSERT INTO %s%s%s%s VALUES(", quoted, rowid != NULL ? "(" : "",
                           rowid != NULL ? list : "", rowid != NULL ? ")" : "");
    *select = shell_printf("SELECT %s FROM %s", list != NULL ? list : "*", quoted);
    sqlite3_free(quoted);
    sqlite3_free(list);
    return count > 0;
}

// Damaged tables are read from their end, too, as far as that goes.
static int print_rows(Dump *dump, const char *insert, const char *sql)
{
    ASSERT(insert != NULL && sql != NULL);

    sqlite3_stmt *stmt = NULL;
    FILE *out = dump->shell->out;
    int rc = sqlite3_prepare_v2(dump->shell->db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        fputs(insert, out);
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            fputs(i > 0 ? "," : "", out);
            print_sql_literal(out, stmt, i, !dump->allows_newlines);
        }
        fputs(");\n", out);
    }
    int finalized = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? finalized : rc;
}

// One INSERT for each row.
static void dump_rows(Dump *dump, const char *table)
{
    ASSERT(table != NULL);

    char *insert;
    char *select;
    if (make_texts(dump, table, &insert, &select)) {
        int rc = print_rows(dump, insert, select);
        if (rc == SQLITE_CORRUPT) {
            fputs("/****** CORRUPTION ERROR *******/\n", dump->shell->out);
            char *backward = shell_printf("%s ORDER BY rowid DESC", select);
            rc = print_rows(dump, insert, backward);
            sqlite3_free(backward);
        }
        if (rc != SQLITE_OK)
            report(dump, rc);
    }
    sqlite3_free(insert);
    sqlite3_free(select);
}

// --- objects ---

// IF NOT EXISTS for a table that its module may have made already.
static void print_create(Dump *dump, const char *name, const char *type, const char *sql)
{
    ASSERT(sql != NULL);
    ASSERT(name != NULL && type != NULL);

    FILE *out = dump->shell->out;
    if (sqlite3_strglob("CREATE VIRTUAL TABLE*", sql) == 0) {
        if (!dump->writes_schema)
            fputs("PRAGMA writable_schema=ON;\n", out);
        dump->writes_schema = true;
        char *insert = shell_printf("INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)"
                                    "VALUES('table','%q','%q',0,'%q');",
                                    name, name, sql);
        fprintf(out, "%s\n", insert);
        sqlite3_free(insert);
    } else if (strcmp(type, "table") == 0 && sqlite3_strglob("CREATE TABLE ['\"]*", sql) == 0) {
        fprintf(out, "CREATE TABLE IF NOT EXISTS %s;\n", sql + 13);
    } else {
        fprintf(out, "%s;\n", sql);
    }
}

// By its text: the schema's type is table for both.
static bool is_virtual(const char *sql)
{
    ASSERT(sql != NULL);

    return sqlite3_strglob("CREATE VIRTUAL TABLE*", sql) == 0;
}

// Statistics and sequences exist once ANALYZE and AUTOINCREMENT have run, so they are made by
// that.
static void dump_table(Dump *dump, const char *name, const char *sql)
{
    ASSERT(name != NULL && sql != NULL);

    FILE *out = dump->shell->out;
    bool is_statistics = sqlite3_strglob("sqlite_stat?", name) == 0;
    bool is_sequence = strcmp(name, "sqlite_sequence") == 0;
    if (dump->no_system && strncmp(name, "sqlite_", 7) == 0)
        return;
    if (is_sequence) {
        if (!dump->only_data)
            fputs("DELETE FROM sqlite_sequence;\n", out);
    } else if (is_statistics) {
        if (!dump->only_data)
            fputs("ANALYZE sqlite_schema;\n", out);
    } else if (strncmp(name, "sqlite_", 7) == 0) {
        return;
    } else if (!dump->only_data) {
        print_create(dump, name, "table", sql);
    }
    if (!is_virtual(sql))
        dump_rows(dump, name);
}

// sqlite_sequence last: its rows overwrite what the INSERTs have counted.
static void dump_tables(Dump *dump)
{
    ASSERT(dump->shell != NULL);

    sqlite3_stmt *stmt = shell_prepare(
        dump->shell,
        "SELECT name, sql FROM sqlite_schema AS o WHERE (%s) AND type=='table' AND sql NOT NULL"
        " ORDER BY tbl_name='sqlite_sequence', rowid",
        dump->condition != NULL ? dump->condition : "true");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        dump_table(dump, (const char *)sqlite3_column_text(stmt, 0),
                   (const char *)sqlite3_column_text(stmt, 1));
    sqlite3_finalize(stmt);
}

// Indexes, triggers and views, when all rows are there.
static void dump_others(Dump *dump)
{
    ASSERT(dump->shell != NULL);

    sqlite3_stmt *stmt =
        shell_prepare(dump->shell,
                      "SELECT sql FROM sqlite_schema AS o WHERE (%s) AND sql NOT NULL AND type IN"
                      " ('index','trigger','view') ORDER BY type COLLATE NOCASE DESC",
                      dump->condition != NULL ? dump->condition : "true");
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        fprintf(dump->shell->out, "%s;\n", sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
}

// A pattern chooses objects of its name; shadow tables of a virtual table come with it.
static void add_pattern(Dump *dump, const char *pattern)
{
    ASSERT(pattern != NULL);
    ASSERT(pattern != NULL);

    char *condition = shell_printf(
        "%s%sname LIKE %Q ESCAPE '\\' OR EXISTS (  SELECT 1 FROM sqlite_schema WHERE     "
        "name LIKE %Q ESCAPE '\\' AND    sql LIKE 'CREATE VIRTUAL TABLE%%' AND    "
        "substr(o.name, 1, length(name)+1) == (name||'_'))",
        dump->condition != NULL ? dump->condition : "", dump->condition != NULL ? " OR " : "",
        pattern, pattern);
    sqlite3_free(dump->condition);
    dump->condition = condition;
}

// What is no option is a pattern; several make an OR.
static bool take_options(Dump *dump, DotCall *call)
{
    ASSERT(call->count >= 1);

    for (int i = 1; i < call->count; i++) {
        const char *option = dot_option(call->args[i]);
        if (option == NULL) {
            add_pattern(dump, call->args[i]);
        } else if (strcmp(option, "preserve-rowids") == 0) {
            dump->keeps_rowids = true;
        } else if (strcmp(option, "newlines") == 0) {
            dump->allows_newlines = true;
        } else if (strcmp(option, "data-only") == 0) {
            dump->only_data = true;
        } else if (strcmp(option, "nosys") == 0) {
            dump->no_system = true;
        } else {
            fprintf(stderr, "Unknown option \"%s\" on \".dump\"\n", call->args[i]);
            return false;
        }
    }
    return true;
}

// .dump ?OPTIONS? ?PATTERN…?. writable_schema lets a damaged schema be read as far as it goes.
int dot_dump(DotCall *call)
{
    ASSERT(call->count >= 1);

    Shell *shell = call->shell;
    Dump dump = {.shell = shell};
    if (!take_options(&dump, call) || !shell_open(shell)) {
        sqlite3_free(dump.condition);
        return 1;
    }
    int errors = shell->error_count;
    if (!dump.only_data)
        fputs("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", shell->out);
    // A savepoint, so that all parts show one state of the database.
    sqlite3_exec(shell->db, "SAVEPOINT dump; PRAGMA writable_schema=ON", NULL, NULL, NULL);
    dump_tables(&dump);
    if (!dump.only_data)
        dump_others(&dump);
    if (dump.writes_schema)
        fputs("PRAGMA writable_schema=OFF;\n", shell->out);
    sqlite3_exec(shell->db, "PRAGMA writable_schema=OFF; RELEASE dump;", NULL, NULL, NULL);
    bool failed = shell->error_count > errors;
    if (!dump.only_data)
        fputs(failed ? "ROLLBACK; -- due to errors\n" : "COMMIT;\n", shell->out);
    sqlite3_free(dump.condition);
    shell->error_count = errors;
    return failed;
}
