// Keeps a folder of texts searchable: files that come, change and go are found at once.
//
//     live_index FILE FOLDER            watches, until it is stopped
//     live_index FILE FOLDER --once     takes up what has changed, and ends
//     live_index FILE --search WORDS    answers, also while another process watches
#include <sqlite3.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const char TABLES[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE IF NOT EXISTS file(name TEXT PRIMARY KEY, changed INTEGER, body TEXT);"
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(name, body, content=file,"
    " tokenize='porter unicode61');"
    "CREATE TRIGGER IF NOT EXISTS file_new AFTER INSERT ON file BEGIN"
    " INSERT INTO words(rowid, name, body) VALUES (new.rowid, new.name, new.body); END;"
    "CREATE TRIGGER IF NOT EXISTS file_gone AFTER DELETE ON file BEGIN"
    " INSERT INTO words(words, rowid, name, body) VALUES ('delete', old.rowid, old.name, old.body);"
    " END;"
    "CREATE TEMP TABLE seen(name TEXT PRIMARY KEY, changed INTEGER)";

static void check(sqlite3 *db, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        fprintf(stderr, "live_index: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static void run(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

// Runs a statement with a name, a number and a text.
static void put(sqlite3 *db, const char *sql, const char *name, long long number, const char *body)
{
    sqlite3_stmt *stmt;
    check(db, sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, number);
    sqlite3_bind_text(stmt, 3, body, -1, SQLITE_STATIC);
    check(db, sqlite3_step(stmt));
    check(db, sqlite3_finalize(stmt));
}

static char *read_file(const char *path)
{
    char *text = NULL;
    size_t space = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    if (getdelim(&text, &space, '\0', file) < 0) { // empty
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static void list_folder(sqlite3 *db, const char *folder)
{
    struct dirent *entry;
    struct stat info;
    char path[4096];
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return;
    while ((entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && stat(path, &info) == 0 && S_ISREG(info.st_mode))
            put(db, "INSERT INTO seen VALUES (?1, ?2)", entry->d_name,
                (long long)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec, NULL);
    }
    closedir(entries);
}

// Compares the folder with what is known, in one transaction.
static void take_up(sqlite3 *db, const char *folder)
{
    sqlite3_stmt *stmt;
    char path[4096];
    run(db, "BEGIN IMMEDIATE; DELETE FROM seen");
    list_folder(db, folder);
    run(db, "DELETE FROM file WHERE NOT EXISTS (SELECT 1 FROM seen WHERE seen.name = file.name"
            " AND seen.changed = file.changed)");
    check(db, sqlite3_prepare_v2(db,
                                 "SELECT name, changed FROM seen WHERE name NOT IN"
                                 " (SELECT name FROM file)",
                                 -1, &stmt, NULL));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        char *body = read_file(path);
        put(db, "INSERT INTO file VALUES (?1, ?2, ?3)", name, sqlite3_column_int64(stmt, 1), body);
        free(body);
    }
    check(db, sqlite3_finalize(stmt));
    run(db, "COMMIT");
}

static void watch(sqlite3 *db, const char *folder)
{
    char events[65536];
    int fd = inotify_init();
    if (fd < 0
        || inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
               < 0)
        return;
    do {
        take_up(db, folder); // also what came before the watch
    } while (read(fd, events, sizeof events) > 0);
}

static int show(void *context, int count, char **values, char **names)
{
    (void)context, (void)count, (void)names;
    printf("%s: %s\n", values[0], values[1]);
    return 0;
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    if (argc < 3)
        return fprintf(stderr, "usage: live_index FILE FOLDER [--once] | FILE --search WORDS\n");
    check(NULL, sqlite3_open(argv[1], &db));
    sqlite3_busy_timeout(db, 10000);
    run(db, TABLES);
    if (argc > 3 && strcmp(argv[2], "--search") == 0) {
        char *sql = sqlite3_mprintf("SELECT name, snippet(words, 1, '[', ']', '...', 8) FROM words"
                                    " WHERE words MATCH %Q ORDER BY rank LIMIT 10",
                                    argv[3]);
        check(db, sqlite3_exec(db, sql, show, NULL, NULL));
        sqlite3_free(sql);
    } else if (argc > 3) {
        take_up(db, argv[2]);
    } else {
        watch(db, argv[2]);
    }
    return sqlite3_close(db);
}
