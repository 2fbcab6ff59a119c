#ifndef QUIRE_OS_FILE_POSIX_H
#define QUIRE_OS_FILE_POSIX_H
// What file_posix.c, lock.c and shm.c share: an open file and the inode behind it.

#include "os/os_internal.h"
#include "os/posix_calls.h"
#include "os/thread.h"

// A descriptor that could not be closed yet, since closing it would drop the process's locks (O4).
typedef struct SpareFd {
    struct SpareFd *next;
    int fd;
    bool is_read_only;
} SpareFd;

typedef struct ShmNode ShmNode;
typedef struct ShmUser ShmUser;

// What this process has with one file, however many times it is open. POSIX locks belong to
// (process, inode), so the truth about them is kept here (O3).
typedef struct InodeNode {
    struct InodeNode *next, *previous; // guarded by the table's mutex, as are the next five
    u32 ref_count;
    dev_t device;
    ino_t number;
    pid_t process;
    ShmNode *shm;

    Mutex mutex;          // guards the rest
    int shared_count;     // files of this process at SHARED or more
    int lock_count;       // files with any lock; 0: descriptors may be closed
    u8 level;             // highest level any of them holds
    bool is_process_held; // "unix-excl": the whole process keeps everybody else out
    SpareFd *spares;
} InodeNode;

// An open file. It is used by one thread at a time, so none of this is guarded; what is shared with
// the process's other files of the same inode is in the inode.
typedef struct PosixFile {
    sqlite3_file base; // first
    sqlite3_vfs *vfs;
    const char *path; // lives until the file is closed, by the VFS contract; NULL when nameless
    InodeNode *inode; // NULL for files that are never locked
    SpareFd *spare;   // allocated at open, so that closing cannot fail
    ShmUser *shm;
    char *own_path;  // what `path` points to for nameless files
    char *lock_path; // "unix-dotfile"
    void *map;       // the file's first map_size bytes
    i64 map_length;  // of the mapping itself
    i64 map_size;    // of its part that lies within the file
    i64 map_limit;   // 0: no mapping
    int fetch_count; // pages handed out and not given back: the mapping must stay
    int fd;          // -1: closed
    int last_errno;
    int chunk_size; // bytes the file grows by; 0: any
    u8 level;       // SQLITE_LOCK_*, this file's own
    bool is_read_only;
    bool is_process_held; // opened by "unix-excl"
    bool persist_wal; // the log stays when the last connection closes (SQLITE_FCNTL_PERSIST_WAL)
    bool powersafe_overwrite;
    bool sync_directory; // the next sync makes the directory entry durable too
} PosixFile;

// Does the path no longer name this file?
bool posix_has_moved(const PosixFile *file);
// Makes the directory of `path` durable.
MUST_USE int posix_sync_directory(const char *path);
// A name for a temporary file that does not exist yet.
MUST_USE int posix_temp_name(int size, char *out);
MUST_USE int posix_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out);

enum { POSIX_PATH_MAX = 512 }; // the longest path, as SQLite's

extern const sqlite3_io_methods posix_methods, posix_methods_none, posix_methods_dotfile;

// --- lock.c ---

MUST_USE int inode_ref(PosixFile *file); // finds or makes file->inode from file->fd
void inode_unref(InodeNode *inode);
// An idle descriptor of `path` left by an earlier close, or NULL; the caller owns it.
SpareFd *inode_take_spare(const char *path, bool is_read_only);
void inode_table_lock(void); // guards InodeNode.shm
void inode_table_unlock(void);

int posix_lock(sqlite3_file *file, int level);
int posix_unlock(sqlite3_file *file, int level);
int posix_check_reserved(sqlite3_file *file, int *out);
// Drops the file's lock and its hold on the inode, closes the descriptor or keeps it for later.
void posix_release(PosixFile *file);

int none_lock(sqlite3_file *file, int level);
int none_unlock(sqlite3_file *file, int level);
int none_check_reserved(sqlite3_file *file, int *out);

int dotfile_lock(sqlite3_file *file, int level);
int dotfile_unlock(sqlite3_file *file, int level);
int dotfile_check_reserved(sqlite3_file *file, int *out);

// --- shm.c ---

int posix_shm_map(sqlite3_file *file, int index, int size, int extend, volatile void **out);
int posix_shm_lock(sqlite3_file *file, int slot, int count, int flags);
void posix_shm_barrier(sqlite3_file *file);
int posix_shm_unmap(sqlite3_file *file, int delete_file);
// SQLITE_FCNTL_EXTERNAL_READER: does another process hold a read slot?
int posix_shm_external_reader(PosixFile *file, int *out);

#endif
