// The engine and the stock library as tables of functions. See library.h.
#include "support/library.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Library quire = {
    .name = "quire",
    .open = sqlite3_open_v2,
    .close = sqlite3_close,
    .exec = sqlite3_exec,
    .prepare = sqlite3_prepare_v2,
    .step = sqlite3_step,
    .finalize = sqlite3_finalize,
    .column_count = sqlite3_column_count,
    .column_type = sqlite3_column_type,
    .column_bytes = sqlite3_column_bytes,
    .column_text = sqlite3_column_text,
    .column_blob = sqlite3_column_blob,
    .column_int64 = sqlite3_column_int64,
    .column_double = sqlite3_column_double,
    .bind_int64 = sqlite3_bind_int64,
    .reset = sqlite3_reset,
    .autocommit = sqlite3_get_autocommit,
    .extended_errcode = sqlite3_extended_errcode,
    .errmsg = sqlite3_errmsg,
    .busy_timeout = sqlite3_busy_timeout,
    .db_config = sqlite3_db_config,
    .version = sqlite3_libversion,
};

static Library stock;
static bool stock_was_tried;

static void stock_symbol(void *library, const char *name, void *slot)
{
    char symbol[64];
    snprintf(symbol, sizeof symbol, "sqlite3_%s", name);
    void *address = dlsym(library, symbol);
    if (address == NULL)
        give_up("the stock library has no %s", symbol);
    memcpy(slot, &address, sizeof address);
}

static void stock_bind(void *library)
{
    stock_symbol(library, "open_v2", &stock.open);
    stock_symbol(library, "close", &stock.close);
    stock_symbol(library, "exec", &stock.exec);
    stock_symbol(library, "prepare_v2", &stock.prepare);
    stock_symbol(library, "step", &stock.step);
    stock_symbol(library, "finalize", &stock.finalize);
    stock_symbol(library, "column_count", &stock.column_count);
    stock_symbol(library, "column_type", &stock.column_type);
    stock_symbol(library, "column_bytes", &stock.column_bytes);
    stock_symbol(library, "column_text", &stock.column_text);
    stock_symbol(library, "column_blob", &stock.column_blob);
    stock_symbol(library, "column_int64", &stock.column_int64);
    stock_symbol(library, "column_double", &stock.column_double);
    stock_symbol(library, "bind_int64", &stock.bind_int64);
    stock_symbol(library, "reset", &stock.reset);
    stock_symbol(library, "get_autocommit", &stock.autocommit);
    stock_symbol(library, "extended_errcode", &stock.extended_errcode);
    stock_symbol(library, "errmsg", &stock.errmsg);
    stock_symbol(library, "busy_timeout", &stock.busy_timeout);
    stock_symbol(library, "db_config", &stock.db_config);
    stock_symbol(library, "libversion", &stock.version);
    stock.name = "stock";
}

const Library *library_quire(void)
{
    return &quire;
}

const Library *library_stock(void)
{
    if (!stock_was_tried) {
        const char *name = getenv("QUIRE_STOCK_SQLITE");
        void *library = dlopen(name != NULL ? name : "libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
        stock_was_tried = true;
        if (library != NULL)
            stock_bind(library);
        // Both answering alike would mean that one has taken the other's symbols.
        if (library != NULL && stock.version == quire.version)
            give_up("the stock library is this engine");
    }
    return stock.name != NULL ? &stock : NULL;
}

sqlite3 *library_open(const Library *lib, const char *path, const char *vfs)
{
    sqlite3 *db = NULL;
    int rc = lib->open(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
    if (rc != SQLITE_OK)
        give_up("%s: cannot open %s: error %d", lib->name, path, rc);
    return db;
}

void library_must(const Library *lib, sqlite3 *db, const char *sql)
{
    if (lib->exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        give_up("%s: error %d: %s, of %.200s", lib->name, lib->extended_errcode(db),
                lib->errmsg(db), sql);
}

const char *library_text(const Library *lib, sqlite3 *db, const char *sql)
{
    static char ring[4][4000];
    static unsigned next;
    char *out = ring[next++ % 4];
    sqlite3_stmt *stmt = NULL;
    int rc = lib->prepare(db, sql, -1, &stmt, NULL);
    out[0] = 0;
    if (rc == SQLITE_OK && lib->step(stmt) == SQLITE_ROW && lib->column_text(stmt, 0) != NULL)
        snprintf(out, sizeof ring[0], "%s", (const char *)lib->column_text(stmt, 0));
    if (rc == SQLITE_OK)
        rc = lib->finalize(stmt);
    if (rc != SQLITE_OK)
        snprintf(out, sizeof ring[0], "error %d: %s", rc, lib->errmsg(db));
    return out;
}

sqlite3_int64 library_int(const Library *lib, sqlite3 *db, const char *sql)
{
    return atoll(library_text(lib, db, sql));
}

void give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    _Exit(1);
}
