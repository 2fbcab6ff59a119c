// Where result codes are born, and their English texts.

#include "base/error.h"

#include "base/log.h"
#include <string.h>

// The folder that holds a source file says nothing in a log; its name does.
static const char *file_name_only(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int error_corrupt(Pgno pgno, const char *why, const char *file, int line)
{
    ASSERT(why != NULL);

    if (pgno != 0)
        log_message(SQLITE_CORRUPT, "database corruption at %s:%d: page %u %s",
                    file_name_only(file), line, pgno, why);
    else
        log_message(SQLITE_CORRUPT, "database corruption at %s:%d: %s", file_name_only(file), line,
                    why);
    return SQLITE_CORRUPT;
}

int error_os_at(int rc, int errno_value, const char *call, const char *path, const char *file,
                int line)
{
    ASSERT(rc != SQLITE_OK);

    char reason[128] = "";
    if (errno_value != 0 && strerror_r(errno_value, reason, sizeof reason) != 0)
        reason[0] = 0;
    log_message(rc, "%s:%d: (%d) %s(%s) - %s", file_name_only(file), line, errno_value, call,
                path ? path : "", reason);
    return rc;
}

int error_misuse_at(const char *file, int line)
{
    log_message(SQLITE_MISUSE, "misuse at %s:%d", file_name_only(file), line);
    return SQLITE_MISUSE;
}

int error_cantopen_at(const char *file, int line)
{
    log_message(SQLITE_CANTOPEN, "cannot open file at %s:%d", file_name_only(file), line);
    return SQLITE_CANTOPEN;
}

// clang-format off
static const char *const primary_texts[] = {
    [SQLITE_OK] = "not an error",
    [SQLITE_ERROR] = "SQL logic error",
    [SQLITE_PERM] = "access permission denied",
    [SQLITE_ABORT] = "query aborted",
    [SQLITE_BUSY] = "database is locked",
    [SQLITE_LOCKED] = "database table is locked",
    [SQLITE_NOMEM] = "out of memory",
    [SQLITE_READONLY] = "attempt to write a readonly database",
    [SQLITE_INTERRUPT] = "interrupted",
    [SQLITE_IOERR] = "disk I/O error",
    [SQLITE_CORRUPT] = "database disk image is malformed",
    [SQLITE_NOTFOUND] = "unknown operation",
    [SQLITE_FULL] = "database or disk is full",
    [SQLITE_CANTOPEN] = "unable to open database file",
    [SQLITE_PROTOCOL] = "locking protocol",
    [SQLITE_SCHEMA] = "database schema has changed",
    [SQLITE_TOOBIG] = "string or blob too big",
    [SQLITE_CONSTRAINT] = "constraint failed",
    [SQLITE_MISMATCH] = "datatype mismatch",
    [SQLITE_MISUSE] = "bad parameter or other API misuse",
    [SQLITE_AUTH] = "authorization denied",
    [SQLITE_RANGE] = "column index out of range",
    [SQLITE_NOTADB] = "file is not a database",
    [SQLITE_NOTICE] = "notification message",
    [SQLITE_WARNING] = "warning message",
};
// clang-format on

const char *error_text(int rc)
{
    switch (rc) {
    case SQLITE_ABORT_ROLLBACK: return "abort due to ROLLBACK";
    case SQLITE_ROW: return "another row available";
    case SQLITE_DONE: return "no more rows available";
    default: break; // an extended code reads as its primary code
    }
    u32 primary = (u32)rc & 0xff;
    if (primary < ARRAY_LEN(primary_texts) && primary_texts[primary] != NULL)
        return primary_texts[primary];
    return "unknown error";
}
