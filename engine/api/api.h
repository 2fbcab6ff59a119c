#ifndef QUIRE_API_API_H
#define QUIRE_API_API_H
// What the files of the API layer share: entering and leaving a connection, and its settings.
//
// Every entry point that takes a connection enters its mutex, works, and leaves through api_exit(),
// which turns a remembered allocation failure into SQLITE_NOMEM and masks extended codes as
// configured.

#include "base/error.h"
#include "base/log.h"
#include "catalog/connection.h"

// Process-wide settings, set by sqlite3_config() before sqlite3_initialize() and constant
// afterwards.
typedef struct ApiConfig {
    bool is_initialized;
    bool core_mutex, full_mutex; // threading mode
    bool memory_statistics;
    bool open_uri;
    bool shares_cache; // sqlite3_enable_shared_cache()
    i64 mmap_size, mmap_size_max;
    i64 memdb_size_max;
    u32 sorter_pma_pages;
    int statement_spill;
} ApiConfig;
extern ApiConfig api_config;

// False (and misuse logged) unless the handle is an open connection.
bool connection_is_usable(const sqlite3 *db);
bool connection_is_usable_or_sick(const sqlite3 *db);
void api_enter(sqlite3 *db);
void api_leave(sqlite3 *db); // without a result
// Leaves the mutex; returns `rc` as the caller shall see it.
int api_exit(sqlite3 *db, int rc);

// Closes what is left of a connection whose last statement, backup or blob handle is gone.
void connection_free_if_zombie(sqlite3 *db);

// Splits "file:..." names. On success *path is one of filename_new() (os/filename.h). *open_flags
// and *vfs may be changed by "mode=", "cache=" and "vfs=". Errors: SQLITE_ERROR, SQLITE_PERM,
// SQLITE_NOMEM with *message (mem_free).
MUST_USE int uri_parse(const char *vfs_name, const char *uri, int *open_flags, sqlite3_vfs **vfs,
                       char **path, char **message);

// What hangs on a new connection: functions, collations, modules (registry.c).
MUST_USE int connection_register_builtins(sqlite3 *db);
MUST_USE int connection_register_modules(sqlite3 *db); // builtin_modules.c
void connection_release_builtins(sqlite3 *db);
void connection_disconnect_modules(sqlite3 *db);
void connection_free_client_data(sqlite3 *db);
MUST_USE int connection_load_auto_extensions(sqlite3 *db);

// The encoding that a program's SQLITE_UTF8, SQLITE_UTF16, ... means. What it does not know is read
// as big-endian UTF-16, as by SQLite.
u8 api_text_encoding(unsigned char given);
// UTF-16 in native byte order. size < 0: up to the terminator. In bytes.
size_t utf16_text_size(const void *text, int size);
char *utf16_text_to_utf8(const void *text); // NUL-terminated in and out, mem_free; NULL: no memory

// The function table handed to loadable extensions (sqlite3ext.h).
struct sqlite3_api_routines;
const struct sqlite3_api_routines *sqlite3_api_table(void);

#endif
