#ifndef QUIRE_OS_OS_INTERNAL_H
#define QUIRE_OS_OS_INTERNAL_H
// Shared by the VFSes inside this folder.

#include "os/os.h"

// Set before os_init() by sqlite3_config, constant afterwards, and so read without a lock.
typedef struct OsConfig {
    i64 mmap_default; // bytes a file may map at first
    i64 mmap_max;     // what SQLITE_FCNTL_MMAP_SIZE may ask for
    i64 memdb_max;    // largest in-memory database
} OsConfig;
const OsConfig *os_config(void);

int posix_vfs_register(void);
int memory_vfs_register(void);

// Length of a path that may be a sqlite3_filename: its first text.
static inline size_t path_size(const char *path)
{
    return path == NULL ? 0 : __builtin_strlen(path);
}

#endif
