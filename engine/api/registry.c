// What every connection starts with, and what programs attach to it: functions, modules, automatic
// extensions, client data.
//
// Modules and functions belong to a connection, automatic extensions to the process. Those run
// after everything else is in place, in the order in which they were added, and may fail the
// opening.

#include "api/api.h"
#include "base/buffer.h"
#include "base/utf.h"
#include "base/vec.h"
#include "func/func.h"
#include "os/thread.h"
#include "sql/index_method.h"
#include "sql/module_pragma.h"
#include "vtab/tables/series.h"
#include "vtab/vtab.h"
#include <string.h>

int connection_register_builtins(sqlite3 *db)
{
    ASSERT(db->functions == NULL);

    db->functions = func_table_new(db);
    if (db->functions == NULL)
        return SQLITE_NOMEM;
    return module_register(db, "generate_series", &series_module, NULL, NULL);
}

// After the files are closed. Destructors of the program run here.
void connection_release_builtins(sqlite3 *db)
{
    ASSERT(db->statements == NULL);

    module_pragmas_free(db);
    index_methods_free(db);
    modules_free(db);
    if (db->functions != NULL)
        func_table_free(db->functions);
    db->functions = NULL;
    catalog_free_collations(db);
}

// Virtual tables are disconnected before anything else goes: their modules may use the connection.
void connection_disconnect_modules(sqlite3 *db)
{
    ASSERT(db->database_count > DB_TEMP);

    vtab_rollback(db);
    module_disconnect_eponymous(db);
    for (int i = 0; i < db->database_count; i++) {
        Schema *schema = db->databases[i].schema;
        if (schema == NULL)
            continue;
        for (NameEntry *e = name_map_first(&schema->tables); e != NULL;
             e = name_map_next(&schema->tables, e)) {
            Table *table = e->value;
            if (table->kind == TABLE_VIRTUAL)
                vtab_release_table(table);
        }
    }
}

// --- modules ---

// Methods NULL: the module of that name is taken away. Its destructor runs in any case.
static int create_module(sqlite3 *db, const char *name, const sqlite3_module *methods,
                         void *client_data, void (*destroy)(void *))
{
    if (!connection_is_usable(db) || name == NULL)
        return error_misuse();
    api_enter(db);
    return api_exit(db, module_register(db, name, methods, client_data, destroy));
}

int sqlite3_create_module(sqlite3 *db, const char *name, const sqlite3_module *methods,
                          void *client_data)
{
    return create_module(db, name, methods, client_data, NULL);
}

int sqlite3_create_module_v2(sqlite3 *db, const char *name, const sqlite3_module *methods,
                             void *client_data, void (*destroy)(void *))
{
    return create_module(db, name, methods, client_data, destroy);
}

int sqlite3_drop_modules(sqlite3 *db, const char **keep)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    module_drop_all_except(db, keep);
    return api_exit(db, SQLITE_OK);
}

int sqlite3_declare_vtab(sqlite3 *db, const char *sql)
{
    if (!connection_is_usable(db) || sql == NULL)
        return error_misuse();
    api_enter(db);
    return api_exit(db, vtab_declare(db, sql));
}

// --- automatic extensions ---

typedef int AutoExtension(sqlite3 *, char **, const sqlite3_api_routines *);

static struct {
    Mutex mutex;
    void (**items)(void);
    u32 count, capacity;
} auto_extensions = {.mutex = MUTEX_INIT};

// Once each, however often it is asked for.
int sqlite3_auto_extension(void (*entry)(void))
{
    TRY(sqlite3_initialize());
    if (entry == NULL)
        return error_misuse();
    mutex_lock(&auto_extensions.mutex);
    int rc = SQLITE_OK;
    u32 i = 0;
    while (i < auto_extensions.count && auto_extensions.items[i] != entry)
        i++;
    if (i == auto_extensions.count) {
        rc = vec_reserve(&auto_extensions.items, &auto_extensions.capacity,
                         auto_extensions.count + 1, sizeof *auto_extensions.items);
        if (rc == SQLITE_OK)
            auto_extensions.items[auto_extensions.count++] = entry;
    }
    mutex_unlock(&auto_extensions.mutex);
    return rc;
}

// The last one takes the place: order among the others is not promised.
int sqlite3_cancel_auto_extension(void (*entry)(void))
{
    int found = 0;
    mutex_lock(&auto_extensions.mutex);
    for (u32 i = auto_extensions.count; i-- > 0;) {
        if (auto_extensions.items[i] != entry)
            continue;
        auto_extensions.items[i] = auto_extensions.items[--auto_extensions.count];
        found++;
    }
    mutex_unlock(&auto_extensions.mutex);
    return found;
}

void sqlite3_reset_auto_extension(void)
{
    mutex_lock(&auto_extensions.mutex);
    mem_free(auto_extensions.items);
    auto_extensions.items = NULL;
    auto_extensions.count = auto_extensions.capacity = 0;
    mutex_unlock(&auto_extensions.mutex);
}

// The list is not locked while one runs: it may add another, which is run as well.
int connection_load_auto_extensions(sqlite3 *db)
{
    ASSERT(db->magic == CONNECTION_OPEN);

    for (u32 i = 0;; i++) {
        mutex_lock(&auto_extensions.mutex);
        AutoExtension *entry =
            i < auto_extensions.count ? (AutoExtension *)auto_extensions.items[i] : NULL;
        mutex_unlock(&auto_extensions.mutex);
        if (entry == NULL)
            return SQLITE_OK;
        char *message = NULL;
        int rc = entry(db, &message, sqlite3_api_table());
        if (rc != SQLITE_OK)
            connection_error(db, rc, "automatic extension loading failed: %s",
                             message != NULL ? message : "");
        sqlite3_free(message);
        if (rc != SQLITE_OK)
            return rc;
    }
}

// --- client data ---

typedef struct ClientData {
    struct ClientData *next;
    void *data;
    void (*destroy)(void *);
    char name[];
} ClientData;

// The link to it, or the one where it would hang.
static ClientData **client_data_find(sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    ClientData **at = (ClientData **)(void *)&db->client_data;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

void *sqlite3_get_clientdata(sqlite3 *db, const char *name)
{
    if (!connection_is_usable(db) || name == NULL)
        return NULL;
    api_enter(db);
    ClientData *found = *client_data_find(db, name);
    api_exit(db, SQLITE_OK);
    return found != NULL ? found->data : NULL;
}

// What was there is destroyed first, so that its destructor never sees the new data.
static int client_data_set(sqlite3 *db, const char *name, void *data, void (*destroy)(void *))
{
    ClientData **at = client_data_find(db, name);
    ClientData *item = *at;
    if (item != NULL && item->destroy != NULL)
        item->destroy(item->data);
    if (item == NULL && data != NULL) {
        size_t size = strlen(name) + 1;
        item = mem_alloc_zeroed(sizeof *item + size);
        if (item == NULL) {
            if (destroy != NULL)
                destroy(data);
            return connection_out_of_memory(db);
        }
        memcpy(item->name, name, size);
        *at = item;
    }
    if (item == NULL)
        return SQLITE_OK;
    if (data == NULL) {
        *at = item->next;
        mem_free(item);
        return SQLITE_OK;
    }
    item->data = data;
    item->destroy = destroy;
    return SQLITE_OK;
}

int sqlite3_set_clientdata(sqlite3 *db, const char *name, void *data, void (*destroy)(void *))
{
    if (!connection_is_usable(db) || name == NULL)
        return error_misuse();
    api_enter(db);
    return api_exit(db, client_data_set(db, name, data, destroy));
}

// While the connection still works: destructors may use it.
void connection_free_client_data(sqlite3 *db)
{
    ClientData *next;
    for (ClientData *item = db->client_data; item != NULL; item = next) {
        next = item->next;
        if (item->destroy != NULL)
            item->destroy(item->data);
        mem_free(item);
    }
    db->client_data = NULL;
}

// --- UTF-16 arguments ---

u8 api_text_encoding(unsigned char given)
{
    switch (given) {
    case SQLITE_UTF8:
    case SQLITE_UTF8_ZT: return SQLITE_UTF8;
    case SQLITE_UTF16LE: return SQLITE_UTF16LE;
    case SQLITE_UTF16: return UTF16_NATIVE;
    default: return SQLITE_UTF16BE;
    }
}

size_t utf16_text_size(const void *text, int size)
{
    ASSERT(text != NULL);

    const u8 *in = text;
    size_t length = 0;
    if (size >= 0)
        return (size_t)size & ~(size_t)1;
    while (in[length] != 0 || in[length + 1] != 0)
        length += 2;
    return length;
}

char *utf16_text_to_utf8(const void *text)
{
    Buffer utf8 = {0};
    utf16_to_utf8(text, utf16_text_size(text, -1), UTF16_NATIVE == SQLITE_UTF16BE, &utf8);
    return buffer_take(&utf8);
}
