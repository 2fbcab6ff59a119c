// Loadable extensions: opening shared objects, and the table of functions they are given.

#include "api/api.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/utf.h"
#include "os/os.h"
#define SQLITE_CORE 1
#include "sqlite3ext.h"
#include <string.h>

// In the order of sqlite3ext.h by name, so that the slots cannot slip.
static const sqlite3_api_routines api_table = {};

const struct sqlite3_api_routines *sqlite3_api_table(void)
{
    return &api_table;
}

int sqlite3_enable_load_extension(sqlite3 *db, int on)
{
    const u64 flags = CONN_FLAG(LOAD_EXTENSION) | CONN_FLAG(LOAD_EXTENSION_FUNCTION);
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    if (on)
        db->flags |= flags;
    else
        db->flags &= ~flags;
    return api_exit(db, SQLITE_OK);
}

typedef int ExtensionEntry(sqlite3 *, char **, const sqlite3_api_routines *);

// "/path/libFoo-1.so" gives "sqlite3_foo_init": the letters of the file's name, without "lib".
static void entry_from_path(const char *path, Buffer *name)
{
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    if (name_equals_n(base, "lib", 3))
        base += 3;
    buffer_add_text(name, "sqlite3_");
    for (; *base != '\0' && *base != '.'; base++) {
        u8 lower = ascii_lower((u8)*base);
        if (lower >= 'a' && lower <= 'z')
            buffer_add_char(name, (char)lower);
    }
    buffer_add_text(name, "_init");
}

static ExtensionEntry *find_entry(sqlite3_vfs *vfs, void *library, const char *path,
                                  const char *entry)
{
    void (*symbol)(void) =
        os_dl_symbol(vfs, library, entry != NULL ? entry : "sqlite3_extension_init");
    if (symbol == NULL && entry == NULL) {
        Buffer name = {0};
        entry_from_path(path, &name);
        symbol = os_dl_symbol(vfs, library, buffer_text(&name));
        buffer_deinit(&name);
    }
    return (ExtensionEntry *)symbol;
}

static void *open_library(sqlite3_vfs *vfs, const char *path)
{
    void *library = os_dl_open(vfs, path);
    if (library != NULL)
        return library;
    char *with_suffix = sqlite3_mprintf("%s.so", path);
    if (with_suffix == NULL)
        return NULL;
    library = os_dl_open(vfs, with_suffix);
    mem_free(with_suffix);
    return library;
}

// Loaded objects stay until the process ends: functions they registered may be called by any
// statement.
static int load_extension(sqlite3 *db, const char *path, const char *entry, char **message)
{
    char why[256] = "";
    if ((db->flags & CONN_FLAG(LOAD_EXTENSION)) == 0) {
        *message = sqlite3_mprintf("not authorized");
        return SQLITE_ERROR;
    }
    void *library = open_library(db->vfs, path);
    if (library == NULL) {
        os_dl_error(db->vfs, sizeof why, why);
        *message = sqlite3_mprintf("%s", why[0] != '\0' ? why : "unable to open shared library");
        return SQLITE_ERROR;
    }
    ExtensionEntry *init = find_entry(db->vfs, library, path, entry);
    if (init == NULL) {
        *message = sqlite3_mprintf("no entry point [%s] in shared library [%s]",
                                   entry != NULL ? entry : "sqlite3_extension_init", path);
        os_dl_close(db->vfs, library);
        return SQLITE_ERROR;
    }
    char *own = NULL;
    int rc = init(db, &own, &api_table);
    if (rc == SQLITE_OK || rc == SQLITE_OK_LOAD_PERMANENTLY)
        return SQLITE_OK;
    *message = sqlite3_mprintf("error during initialization: %s", own != NULL ? own : "");
    sqlite3_free(own);
    os_dl_close(db->vfs, library);
    return SQLITE_ERROR;
}

int sqlite3_load_extension(sqlite3 *db, const char *path, const char *entry, char **message)
{
    if (!connection_is_usable(db) || path == NULL)
        return error_misuse();
    api_enter(db);
    char *why = NULL;
    int rc = load_extension(db, path, entry, &why);
    if (rc != SQLITE_OK)
        connection_error(db, rc, "%s", why != NULL ? why : "");
    if (message != NULL)
        *message = why;
    else
        mem_free(why);
    return api_exit(db, rc);
}
