// .dump: a database as the SQL text that makes it again.

#include "shell/shell.h"
#include <string.h>

static int each_row(Shell *shell, const char *sql, const char *pattern,
                    int (*row)(Shell *shell, sqlite3_stmt *stmt))
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && pattern != NULL)
        rc = sqlite3_bind_text(stmt, 1, pattern, -1, SQLITE_TRANSIENT);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = row(shell, stmt);
    if (rc != SQLITE_DONE) {
        fprintf(shell->out, "/****** ERROR: %s ******/\n", sqlite3_errmsg(shell->db));
        shell->error_count++;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int print_row(Shell *shell, sqlite3_stmt *stmt)
{
    fprintf(shell->out, "%s\n", (const char *)sqlite3_column_text(stmt, 0));
    return SQLITE_OK;
}

// SELECT 'INSERT INTO t VALUES(' || quote(a) || ',' || quote(b) || ');' FROM t
static int dump_rows(Shell *shell, const char *table)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("PRAGMA table_info(%Q)", table);
    int rc = sql != NULL ? sqlite3_prepare_v2(shell->db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    bool plain = table[0] != '\0'
                 && table[strspn(table, "abcdefghijklmnopqrstuvwxyz"
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")]
                        == '\0'
                 && (table[0] < '0' || table[0] > '9')
                 && !sqlite3_keyword_check(table, (int)strlen(table));
    char *select = sqlite3_mprintf(
        plain ? "SELECT 'INSERT INTO %q VALUES('" : "SELECT 'INSERT INTO \"%q\" VALUES('", table);
    bool is_first = true;
    while (rc == SQLITE_OK && select != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        char *more = sqlite3_mprintf("%s||%squote(\"%w\")", select, is_first ? "" : "','||",
                                     sqlite3_column_text(stmt, 1));
        sqlite3_free(select);
        select = more;
        is_first = false;
    }
    sqlite3_finalize(stmt);
    char *whole = select != NULL ? sqlite3_mprintf("%s||');' FROM \"%w\"", select, table) : NULL;
    sqlite3_free(select);
    if (whole == NULL)
        return SQLITE_NOMEM;
    rc = each_row(shell, whole, NULL, print_row);
    sqlite3_free(whole);
    return rc;
}

static int dump_table(Shell *shell, sqlite3_stmt *stmt)
{
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    const char *sql = (const char *)sqlite3_column_text(stmt, 1);
    if (strcmp(name, "sqlite_sequence") == 0) {
        fputs("DELETE FROM sqlite_sequence;\n", shell->out);
    } else if (sqlite3_strglob("sqlite_stat?", name) == 0) {
        fputs("ANALYZE sqlite_schema;\n", shell->out);
    } else if (strncmp(name, "sqlite_", 7) == 0) {
        return SQLITE_OK;
    } else if (sqlite3_strnicmp(sql, "CREATE VIRTUAL TABLE", 20) == 0) {
        fprintf(shell->out,
                "INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)"
                "VALUES('table','%s','%s',0,'%s');\n",
                name, name, sql);
        return SQLITE_OK;
    } else {
        fprintf(shell->out, "%s;\n", sql);
    }
    return dump_rows(shell, name);
}

int dump_database(Shell *shell, const char *pattern)
{
    fputs("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", shell->out);
    int rc = sqlite3_exec(shell->db, "SAVEPOINT dump", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = each_row(shell,
                      "SELECT name, sql FROM sqlite_schema WHERE type='table' AND sql NOT NULL AND "
                      "name LIKE ?1 ORDER BY name='sqlite_sequence', rowid",
                      pattern, dump_table);
    if (rc == SQLITE_OK)
        rc = each_row(
            shell,
            "SELECT sql||';' FROM sqlite_schema WHERE sql NOT NULL AND type IN "
            "('index','trigger','view') AND tbl_name LIKE ?1 ORDER BY type COLLATE NOCASE DESC",
            pattern, print_row);
    sqlite3_exec(shell->db, "RELEASE dump", NULL, NULL, NULL);
    fputs(rc == SQLITE_OK ? "COMMIT;\n" : "ROLLBACK; -- due to errors\n", shell->out);
    return rc != SQLITE_OK;
}
