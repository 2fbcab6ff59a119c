// The program of README.md: a table in memory, two rows, a query.
#include <sqlite3.h>
#include <stdio.h>

int main(void)
{
    sqlite3 *db;
    sqlite3_stmt *query;
    sqlite3_open(":memory:", &db);
    sqlite3_exec(db, "CREATE TABLE note(body); INSERT INTO note VALUES ('tea'), ('ink')", 0, 0, 0);
    sqlite3_prepare_v2(db, "SELECT rowid, body FROM note ORDER BY body", -1, &query, 0);
    while (sqlite3_step(query) == SQLITE_ROW)
        printf("%d %s\n", sqlite3_column_int(query, 0), sqlite3_column_text(query, 1));
    sqlite3_finalize(query);
    return sqlite3_close(db);
}
