// Runs a golden file: SQL, and the rows a library must give for it.
//
//   # name: what the file is about       comments, up to the first empty line
//   # needs: quire                       only where stock SQLite cannot agree
//
//   SELECT 1, NULL;                      one block: SQL of one or more lines,
//   ----                                 a line of dashes,
//   1|NULL                               rows, or "error <code>: <message>";
//                                        an empty line ends the block
//   @b SELECT 1;                         connection b instead of a (both on main.db)
//
// Usage: sql_file LIBRARY FILE. Where $QUIRE_STOCK_SQLITE names a stock library of the version
// tracked, the file is run with that as well: it must agree with what is expected.
#include "sqlite3.h"
#include "support/stock.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SIZE = 65536, CONNECTION_COUNT = 4 };

typedef struct Text {
    char bytes[TEXT_SIZE];
    size_t size;
} Text;

typedef struct Library {
    const char *(*version)(void);
    int (*open)(const char *, sqlite3 **);
    int (*exec)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
    int (*close)(sqlite3 *);
    void (*free)(void *);
} Library;

static void text_add(Text *text, const char *bytes)
{
    size_t size = strlen(bytes);
    if (text->size + size >= TEXT_SIZE) {
        fprintf(stderr, "sql_file: a block is too long\n");
        exit(2);
    }
    memcpy(text->bytes + text->size, bytes, size + 1);
    text->size += size;
}

static void *symbol(void *library, const char *name)
{
    void *address = dlsym(library, name);
    if (address == NULL) {
        fprintf(stderr, "sql_file: no %s: %s\n", name, dlerror());
        exit(2);
    }
    return address;
}

static Library library_load(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "sql_file: %s\n", dlerror());
        exit(2);
    }
    Library library;
    *(void **)&library.version = symbol(handle, "sqlite3_libversion");
    *(void **)&library.open = symbol(handle, "sqlite3_open");
    *(void **)&library.exec = symbol(handle, "sqlite3_exec");
    *(void **)&library.close = symbol(handle, "sqlite3_close");
    *(void **)&library.free = symbol(handle, "sqlite3_free");
    return library;
}

static int add_row(void *out, int count, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < count; i++) {
        text_add(out, i > 0 ? "|" : "");
        text_add(out, values[i] != NULL ? values[i] : "NULL");
    }
    text_add(out, "\n");
    return 0;
}

static void run_block(const Library *library, sqlite3 **connections, const char *sql, Text *out)
{
    int which = 0;
    if (sql[0] == '@') {
        which = (sql[1] - 'a') & (CONNECTION_COUNT - 1);
        sql += 2;
    }
    out->size = 0;
    out->bytes[0] = 0;
    if (connections[which] == NULL && library->open("main.db", &connections[which]) != SQLITE_OK)
        text_add(out, "cannot open\n");
    char *message = NULL;
    int rc = library->exec(connections[which], sql, add_row, out, &message);
    if (rc != SQLITE_OK) {
        char line[600];
        snprintf(line, sizeof line, "error %d: %s\n", rc, message != NULL ? message : "");
        text_add(out, line);
    }
    library->free(message);
}

// Reads one block. False at the end of the file.
static bool read_block(FILE *file, Text *sql, Text *expected)
{
    static char line[8192];
    Text *part = sql;
    *sql = (Text){.size = 0};
    *expected = (Text){.size = 0};
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '\n' && sql->size > 0)
            return true;
        if (line[0] == '\n' || (line[0] == '#' && part == sql))
            continue;
        if (strcmp(line, "----\n") == 0)
            part = expected;
        else
            text_add(part, line);
    }
    return sql->size > 0;
}

static int run_file(const Library *library, const char *who, const char *path)
{
    static Text sql, expected, out;
    sqlite3 *connections[CONNECTION_COUNT] = {NULL};
    WorkDir dir;
    int failures = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    work_dir_begin(&dir);
    if (chdir(dir.path) != 0)
        exit(2);
    while (read_block(file, &sql, &expected)) {
        run_block(library, connections, sql.bytes, &out);
        if (strcmp(out.bytes, expected.bytes) == 0)
            continue;
        failures++;
        printf("%s\n%sexpected:\n%s%s gave:\n%s\n", path, sql.bytes, expected.bytes, who,
               out.bytes);
    }
    for (int i = 0; i < CONNECTION_COUNT; i++)
        library->close(connections[i]);
    fclose(file);
    failures += chdir("/") != 0;
    work_dir_end(&dir);
    return failures;
}

// "# needs: quire" among the comments on top: stock SQLite has no such thing.
static bool needs_quire(const char *path)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "r");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL && line[0] == '#')
        found = strcmp(line, "# needs: quire\n") == 0;
    if (file != NULL)
        fclose(file);
    return found;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: sql_file LIBRARY FILE\n");
        return 2;
    }
    Library tested = library_load(argv[1]);
    int failures = run_file(&tested, "quire", argv[2]);
    const char *stock_path = getenv("QUIRE_STOCK_SQLITE");
    if (stock_path != NULL && !needs_quire(argv[2])) {
        Library stock = library_load(stock_path);
        if (strcmp(stock.version(), tested.version()) == 0)
            failures += run_file(&stock, "stock", argv[2]);
    }
    return failures != 0;
}
