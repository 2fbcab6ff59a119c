// A transaction with bound values: money moves from one account to another, or nothing happens.
// Run on a file, it shows that a broken rule (CHECK) rolls back what the transaction did before it.
//
//   transfer FILE
#include <sqlite3.h>
#include <stdio.h>

static const char SCHEMA[] = "CREATE TABLE IF NOT EXISTS account(owner TEXT PRIMARY KEY, cents INT"
                             " NOT NULL CHECK(cents >= 0));"
                             "INSERT OR IGNORE INTO account VALUES ('ada', 1000), ('bob', 0);";

static int add(sqlite3 *db, const char *owner, int cents)
{
    sqlite3_stmt *update;
    const char *sql = "UPDATE account SET cents = cents + ?2 WHERE owner = ?1";
    int rc = sqlite3_prepare_v2(db, sql, -1, &update, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(update, 1, owner, -1, SQLITE_STATIC);
    sqlite3_bind_int(update, 2, cents);
    sqlite3_step(update);
    return sqlite3_finalize(update); // the error of the step, if it failed
}

static int transfer(sqlite3 *db, const char *from, const char *to, int cents)
{
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = add(db, to, cents);
    if (rc == SQLITE_OK)
        rc = add(db, from, -cents);
    if (rc == SQLITE_OK)
        return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    printf("%s -> %s, %d: %s\n", from, to, cents, sqlite3_errmsg(db));
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int print_row(void *context, int count, char **values, char **names)
{
    (void)context;
    for (int i = 0; i < count; i++)
        printf("%s=%s%s", names[i], values[i], i + 1 < count ? " " : "\n");
    return 0;
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    if (sqlite3_open(argc > 1 ? argv[1] : ":memory:", &db) != SQLITE_OK
        || sqlite3_exec(db, SCHEMA, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "transfer: %s\n", sqlite3_errmsg(db));
        return 1;
    }
    int moved = transfer(db, "ada", "bob", 300);
    int refused = transfer(db, "bob", "ada", 5000);
    int rc = sqlite3_exec(db, "SELECT * FROM account ORDER BY owner", print_row, NULL, NULL);
    sqlite3_close(db);
    return !(moved == SQLITE_OK && refused == SQLITE_CONSTRAINT && rc == SQLITE_OK);
}
