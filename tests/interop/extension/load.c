// Loads an extension that was compiled against the stock header into this engine, and uses it.
//
//   load EXTENSION

#include "sqlite3.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void expect(sqlite3 *db, const char *sql, const char *expected)
{
    sqlite3_stmt *stmt = NULL;
    const char *text = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(stmt, 0);
    if (text == NULL || strcmp(text, expected) != 0) {
        printf("%s gave %s, not %s (%s)\n", sql, text != NULL ? text : "nothing", expected,
               sqlite3_errmsg(db));
        failures++;
    }
    sqlite3_finalize(stmt);
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    char *error = NULL;
    if (argc != 2 || sqlite3_open(":memory:", &db) != SQLITE_OK)
        return 2;
    if (sqlite3_load_extension(db, argv[1], "sqlite3_stockheader_init", NULL) != SQLITE_ERROR) {
        printf("loading must be allowed first\n");
        failures++;
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, argv[1], "sqlite3_stockheader_init", &error) != SQLITE_OK) {
        printf("%s\n", error);
        return 1;
    }
    expect(db, "SELECT reverse_text('quire')", "eriuq");
    expect(db, "SELECT empty_slots()", "0");
    expect(db,
           "SELECT group_concat(column1) FROM"
           " (SELECT * FROM (VALUES ('ccc'), ('a'), ('bb')) ORDER BY 1 COLLATE sizes)",
           "a,bb,ccc");
    if (sqlite3_load_extension(db, "nowhere", NULL, &error) == SQLITE_OK || error == NULL)
        failures++;
    sqlite3_free(error);
    sqlite3_close(db);
    if (failures == 0)
        printf("loaded and used\n");
    return failures != 0;
}
