#ifndef QUIRE_TESTS_SUPPORT_STOCK_H
#define QUIRE_TESTS_SUPPORT_STOCK_H
// The stock library as a second opinion: SQL run by it in a process of its own,
// and whole files compared.
//
// The library is $QUIRE_STOCK_SQLITE or the system's libsqlite3.so.0. Where
// there is none, stock_is_present() is false and tests fail.

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

bool stock_is_present(void);
void stock_require(void); // fails the test when it is missing

// Runs `sql` on the database at `path` in a forked process and returns its
// rows: columns separated by '|', rows by newline without a last one; or "error
// N: message". The text is valid for the next 7 calls.
const char *stock_sql(const char *path, const char *sql);

// The same with a loadable extension of this build, say "vector.so".
const char *stock_sql_with(const char *extension, const char *path, const char *sql);

// Starts a process that runs `sql` and then stays as it is, with its locks and
// its open transaction, until stock_stop(): killed without a chance to clean
// up, or let go its way (connection closed).
pid_t stock_start(const char *path, const char *sql);
void stock_stop(pid_t process, bool kill_it);

// A scratch directory of its own for a test; every file in it goes with it.
typedef struct WorkDir {
    char path[80];
    char files[16][128];
} WorkDir;
void work_dir_begin(WorkDir *dir);
void work_dir_end(WorkDir *dir);
// "<dir>/<name>"; good as long as the directory, for up to 16 names.
const char *work_path(WorkDir *dir, const char *name);

// A file's bytes (free with free()); *size -1 when it does not exist.
unsigned char *file_bytes(const char *path, long *size);
bool files_equal(const char *a, const char *b);
void file_copy(const char *source, const char *target);
long file_size(const char *path); // -1: absent

#endif
