// SQL in quire and in stock SQLite. See both_ways.h.
#include "support/both_ways.h"

#include "support/stock.h"
#include "support/test.h"

#include "sqlite3.h"

typedef struct Rows {
    char text[8192];
    size_t size;
    int count;
} Rows;

static Rows rows;

static void rows_add(const char *text)
{
    int n = snprintf(rows.text + rows.size, sizeof rows.text - rows.size, "%s", text);
    rows.size += (size_t)n;
    assert_true(rows.size < sizeof rows.text);
}

static int add_row(void *arg, int count, char **values, char **names)
{
    (void)arg, (void)names;
    if (rows.count++ > 0)
        rows_add("\n");
    for (int i = 0; i < count; i++) {
        rows_add(i > 0 ? "|" : "");
        rows_add(values[i] != NULL ? values[i] : "NULL");
    }
    return 0;
}

const char *quire_sql(const char *sql)
{
    sqlite3 *db;
    rows = (Rows){.size = 0};
    assert_ok(sqlite3_open(":memory:", &db));
    int rc = sqlite3_exec(db, sql, add_row, NULL, NULL);
    if (rc != SQLITE_OK)
        snprintf(rows.text, sizeof rows.text, "error %d: %s", rc, sqlite3_errmsg(db));
    assert_ok(sqlite3_close(db));
    return rows.text;
}

static void check(const char *who, const SqlCase *expected, const char *actual)
{
    if (strcmp(expected->rows, actual) != 0)
        fail_msg("%s: %s\n  expected %s\n  got      %s", who, expected->sql, expected->rows,
                 actual);
}

void both_ways_check(const char *extension, const SqlCase *cases, size_t count)
{
    bool has_stock = stock_is_present();
    for (size_t i = 0; i < count; i++) {
        check("quire", &cases[i], quire_sql(cases[i].sql));
        if (has_stock)
            check("stock", &cases[i], stock_sql_with(extension, ":memory:", cases[i].sql));
    }
}
