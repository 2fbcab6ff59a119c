// Shows the changes of tables as they are committed, by whichever process: a change feed on the
// terminal.
//
//     tail FILE TABLE[,TABLE...] [COUNT]     makes the feed "tail_feed" if there is none, then
//                                            follows it until COUNT changes are shown (0: for ever)
//
// The position is kept in the file: started again, it goes on where it was.
#include <quire.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int fail(const char *what)
{
    fprintf(stderr, "tail: %s\n", what);
    return 1;
}

static int make_feed(sqlite3 *db, const char *tables)
{
    char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE IF NOT EXISTS tail_feed"
                                " USING cdc(tables=%Q, mode=full, max_age='7d')",
                                tables);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

// A record as JSON, by the function that the library has for it.
static void show_row(sqlite3_stmt *json, const char *sign, const char *columns, const void *record,
                     int size)
{
    if (record == NULL || columns == NULL)
        return;
    sqlite3_bind_text(json, 1, columns, -1, SQLITE_STATIC);
    sqlite3_bind_blob(json, 2, record, size, SQLITE_STATIC);
    if (sqlite3_step(json) == SQLITE_ROW)
        printf("    %s %s\n", sign, (const char *)sqlite3_column_text(json, 0));
    sqlite3_reset(json);
}

static const char *verb(int type)
{
    switch (type) {
    case QUIRE_CDC_INSERT: return "insert";
    case QUIRE_CDC_UPDATE: return "update";
    case QUIRE_CDC_DELETE: return "delete";
    default: return "commit";
    }
}

static void show(sqlite3_stmt *json, const quire_change *change)
{
    char when[32];
    time_t seconds = (time_t)change->change_time;
    strftime(when, sizeof when, "%H:%M:%S", localtime(&seconds));
    const char *id = (const char *)sqlite3_value_text(change->id);
    printf("%s %s %s %s\n", when, verb(change->change_type),
           change->table_name == NULL ? "" : change->table_name, id == NULL ? "" : id);
    show_row(json, "-", change->columns, change->before, change->before_size);
    show_row(json, "+", change->columns, change->after, change->after_size);
    fflush(stdout);
}

// Shown, then acknowledged: who stops this in between sees the last ones twice, none never.
static int follow(quire_cdc *feed, sqlite3_stmt *json, long count)
{
    const quire_change *changes;
    int got;
    for (long shown = 0; count == 0 || shown < count; shown += got) {
        int rc = quire_cdc_next(feed, 100, -1, &changes, &got);
        for (int i = 0; i < got && rc == SQLITE_OK; i++)
            show(json, &changes[i]);
        if (rc == SQLITE_OK && got > 0)
            rc = quire_cdc_ack(feed, changes[got - 1].change_id);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    sqlite3_stmt *json;
    quire_cdc *feed;
    if (argc < 3)
        return fail("usage: tail FILE TABLE[,TABLE...] [COUNT]");
    if (sqlite3_open(argv[1], &db) != SQLITE_OK)
        return fail(sqlite3_errmsg(db));
    sqlite3_busy_timeout(db, 10000);
    if (make_feed(db, argv[2]) != SQLITE_OK
        || sqlite3_prepare_v2(db, "SELECT bin_record_json_object(?1, ?2)", -1, &json, NULL)
               != SQLITE_OK)
        return fail(sqlite3_errmsg(db));
    if (quire_cdc_open(db, "tail_feed", "tail", QUIRE_CDC_EARLIEST, &feed) != SQLITE_OK)
        return fail(quire_cdc_errmsg(feed));
    int rc = follow(feed, json, argc > 3 ? atol(argv[3]) : 0);
    if (rc != SQLITE_OK)
        fail(quire_cdc_errmsg(feed));
    quire_cdc_close(feed);
    sqlite3_finalize(json);
    sqlite3_close(db);
    return rc != SQLITE_OK;
}
