#ifndef QUIRE_BASE_ERROR_H
#define QUIRE_BASE_ERROR_H
// Result codes and the places where they are born.
//
// One code space: SQLite's result codes, extended ones inside. Storage layers return codes; only
// sql, func, vtab and api word messages. Every origin of "corrupt", "cannot open" and I/O errors
// passes through one of these functions, which write file, line and reason to the error log
// (sqlite3_config(SQLITE_CONFIG_LOG)), so that one breakpoint catches all.

#include "base/contract.h"
#include "sqlite3.h"

// SQLITE_CORRUPT, logged. `pgno` 0 when no page is to blame.
#define corrupt_page(pgno, why) error_corrupt((pgno), (why), __FILE__, __LINE__)
// SQLITE_CORRUPT for a malformed record.
#define corrupt_record(why) error_corrupt(0, (why), __FILE__, __LINE__)
// An SQLITE_IOERR_* or SQLITE_CANTOPEN code, logged with `errno_value` and the file's name.
#define error_os(rc, errno_value, call, path) \
    error_os_at((rc), (errno_value), (call), (path), __FILE__, __LINE__)
// SQLITE_MISUSE, logged.
#define error_misuse() error_misuse_at(__FILE__, __LINE__)
// SQLITE_CANTOPEN, logged.
#define error_cantopen() error_cantopen_at(__FILE__, __LINE__)

COLD int error_corrupt(Pgno pgno, const char *why, const char *file, int line);
COLD int error_os_at(int rc, int errno_value, const char *call, const char *path, const char *file,
                     int line);
COLD int error_misuse_at(const char *file, int line);
COLD int error_cantopen_at(const char *file, int line);

// The English text of a result code, as sqlite3_errstr() gives it. Static storage.
const char *error_text(int rc);

#endif
