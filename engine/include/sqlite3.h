#ifndef SQLITE3_H
#define SQLITE3_H
/*
 * The SQLite C interface, version 3.53.2, as quire provides it.
 *
 * Names, values and structure layouts are SQLite's, so that programs and extensions built against
 * one library run against the other. Three parts, each for a reader who needs more than the last:
 *
 *   I    Simple      open a database, run SQL, read the rows
 *   II   Full        values, functions of one's own, hooks, blobs, backup, settings, memory
 *   III  Advanced    virtual tables, file systems, snapshots, change sets, full-text extensions
 *
 * What holds unless an entry says otherwise:
 *
 * Results. A function that returns int and can fail returns SQLITE_OK or another result code. The
 * message is sqlite3_errmsg() of the connection, until its next call.
 *
 * Misuse. A null, closed or foreign handle is a bug in the program. Where it is noticed the answer
 * is SQLITE_MISUSE, or a null pointer, or zero.
 *
 * Text. UTF-8 ended by a zero byte. A name that ends in 16 takes or gives UTF-16 in the byte order
 * of the machine; sizes are in bytes all the same. A negative size means "up to the first zero".
 *
 * Memory. What the library returns belongs to the handle it came from and lives as long as the
 * entry says. What the caller must free says so, and is freed with sqlite3_free(). Memory handed to
 * the library with a destructor is released by that destructor, also when the call fails.
 *
 * Threads. In the default mode (serialized) every function may be called from any thread and calls
 * on one connection wait for each other. With SQLITE_OPEN_NOMUTEX or SQLITE_CONFIG_MULTITHREAD a
 * connection, with all its statements, blobs and backups, is used by one thread at a time. A
 * callback must not close its connection or finalize the statement that is running.
 */

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SQLITE_EXTERN
#    define SQLITE_EXTERN extern
#endif
#ifndef SQLITE_API
#    ifdef __GNUC__
#        define SQLITE_API __attribute__((visibility("default")))
#    else
#        define SQLITE_API
#    endif
#endif

/* Calling conventions: empty but on platforms that have more than one. */
#ifndef SQLITE_CDECL
#    define SQLITE_CDECL
#endif
#ifndef SQLITE_APICALL
#    define SQLITE_APICALL
#endif
#ifndef SQLITE_STDCALL
#    define SQLITE_STDCALL SQLITE_APICALL
#endif
#ifndef SQLITE_CALLBACK
#    define SQLITE_CALLBACK
#endif
#ifndef SQLITE_SYSAPI
#    define SQLITE_SYSAPI
#endif
#define SQLITE_DEPRECATED
#define SQLITE_EXPERIMENTAL

/* ============================== I. Simple ============================== */

/* --- versions --- */

/*
 * The version of SQLite whose interface this is. NUMBER is 1,000,000 x major + 1,000 x minor +
 * release. SOURCE_ID is the date and hash of the SQLite release that quire answers for.
 */
#ifdef SQLITE_VERSION
#    undef SQLITE_VERSION
#endif
#ifdef SQLITE_VERSION_NUMBER
#    undef SQLITE_VERSION_NUMBER
#endif
#define SQLITE_VERSION        "3.53.2"
#define SQLITE_VERSION_NUMBER 3053002
#define SQLITE_SOURCE_ID \
    "2026-06-03 19:12:13 d6e03d8c777cfa2d35e3b60d8ec3e0187f3e9f99d8e2ee9cac695fd6fcdf1a24"
#define SQLITE_SCM_BRANCH   "branch-3.53"
#define SQLITE_SCM_TAGS     "release version-3.53.2"
#define SQLITE_SCM_DATETIME "2026-06-03T19:12:13.350Z"

/*
 * The same of the library in use, which may be another than the one compiled against. Static
 * storage. Callable at any time, before sqlite3_initialize() too.
 */
SQLITE_API SQLITE_EXTERN const char sqlite3_version[];
SQLITE_API const char *sqlite3_libversion(void);
SQLITE_API const char *sqlite3_sourceid(void);
SQLITE_API int sqlite3_libversion_number(void);

/* Whether the library was built with an option, its SQLITE_ prefix optional: 1 or 0. */
SQLITE_API int sqlite3_compileoption_used(const char *option);
/* The options of the build one by one, from 0, without the prefix. Null after the last. Static. */
SQLITE_API const char *sqlite3_compileoption_get(int index);
/* 0 single-threaded only, 1 serialized by default, 2 multi-thread by default: as built. */
SQLITE_API int sqlite3_threadsafe(void);

/* --- handles and integers --- */

/* A connection to a database and those attached to it. */
typedef struct sqlite3 sqlite3;
/* A prepared statement: one SQL statement compiled, with its bound values and its current row. */
typedef struct sqlite3_stmt sqlite3_stmt;
/*
 * One SQL value. Protected ones (arguments of functions, sqlite3_value_dup) may be read by every
 * sqlite3_value_*; unprotected ones (sqlite3_column_value) only be bound, returned or duplicated.
 */
typedef struct sqlite3_value sqlite3_value;
/* One call of an application-defined function: where its result goes. */
typedef struct sqlite3_context sqlite3_context;

#ifdef SQLITE_INT64_TYPE
typedef SQLITE_INT64_TYPE sqlite_int64;
#    ifdef SQLITE_UINT64_TYPE
typedef SQLITE_UINT64_TYPE sqlite_uint64;
#    else
typedef unsigned SQLITE_INT64_TYPE sqlite_uint64;
#    endif
#elif defined(_MSC_VER) || defined(__BORLANDC__)
typedef __int64 sqlite_int64;
typedef unsigned __int64 sqlite_uint64;
#else
typedef long long int sqlite_int64;
typedef unsigned long long int sqlite_uint64;
#endif
typedef sqlite_int64 sqlite3_int64;
typedef sqlite_uint64 sqlite3_uint64;

/* --- result codes --- */

/* Primary codes: the low byte of every code. */
#define SQLITE_OK         0
#define SQLITE_ERROR      1  /* an error that no other code describes; read the message */
#define SQLITE_INTERNAL   2  /* the library broke a promise to itself */
#define SQLITE_PERM       3  /* the requested access mode could not be given */
#define SQLITE_ABORT      4  /* stopped by a rollback or by a callback */
#define SQLITE_BUSY       5  /* another connection holds the lock; try again */
#define SQLITE_LOCKED     6  /* another statement of this connection is in the way */
#define SQLITE_NOMEM      7  /* memory ran out, or a heap limit was met */
#define SQLITE_READONLY   8  /* the database may not be written */
#define SQLITE_INTERRUPT  9  /* sqlite3_interrupt(), or a progress handler, stopped the statement */
#define SQLITE_IOERR      10 /* the system failed to read, write, lock ... */
#define SQLITE_CORRUPT    11 /* the database file is damaged */
#define SQLITE_NOTFOUND   12 /* an operation the file or the library does not know */
#define SQLITE_FULL       13 /* the disk, or the largest page count, is full */
#define SQLITE_CANTOPEN   14 /* a file could not be opened */
#define SQLITE_PROTOCOL   15 /* the locks of the log file could not be had in many tries */
#define SQLITE_EMPTY      16 /* not used */
#define SQLITE_SCHEMA     17 /* the schema changed and the statement cannot be compiled again */
#define SQLITE_TOOBIG     18 /* a text, blob or row beyond its limit */
#define SQLITE_CONSTRAINT 19 /* a constraint was violated */
#define SQLITE_MISMATCH   20 /* a value of a type that its place cannot hold */
#define SQLITE_MISUSE     21 /* a bug in the calling program */
#define SQLITE_NOLFS      22 /* the system has no files that large */
#define SQLITE_AUTH       23 /* the authorizer said no */
#define SQLITE_FORMAT     24 /* not used */
#define SQLITE_RANGE      25 /* a parameter or column index out of range */
#define SQLITE_NOTADB     26 /* the file is no database */
#define SQLITE_NOTICE     27 /* in sqlite3_log() only: worth knowing */
#define SQLITE_WARNING    28 /* in sqlite3_log() only: worth a look */
#define SQLITE_ROW        100 /* sqlite3_step() has a row ready */
#define SQLITE_DONE       101 /* sqlite3_step() has no more rows */

/*
 * Extended codes: the primary code with the reason above it. Calls return them only on connections
 * where sqlite3_extended_result_codes() asked for them; sqlite3_extended_errcode() always does.
 */
#define SQLITE_ERROR_MISSING_COLLSEQ (SQLITE_ERROR | (1 << 8)) /* collation not registered */
#define SQLITE_ERROR_RETRY           (SQLITE_ERROR | (2 << 8)) /* internal: compile once more */
#define SQLITE_ERROR_SNAPSHOT        (SQLITE_ERROR | (3 << 8)) /* the snapshot is overwritten */
#define SQLITE_ERROR_RESERVESIZE     (SQLITE_ERROR | (4 << 8)) /* reserved bytes differ */
#define SQLITE_ERROR_KEY             (SQLITE_ERROR | (5 << 8)) /* wrong or missing key */
#define SQLITE_ERROR_UNABLE          (SQLITE_ERROR | (6 << 8)) /* cannot be done in this state */

#define SQLITE_IOERR_READ              (SQLITE_IOERR | (1 << 8))
#define SQLITE_IOERR_SHORT_READ        (SQLITE_IOERR | (2 << 8)) /* the file ends early */
#define SQLITE_IOERR_WRITE             (SQLITE_IOERR | (3 << 8))
#define SQLITE_IOERR_FSYNC             (SQLITE_IOERR | (4 << 8))
#define SQLITE_IOERR_DIR_FSYNC         (SQLITE_IOERR | (5 << 8))
#define SQLITE_IOERR_TRUNCATE          (SQLITE_IOERR | (6 << 8))
#define SQLITE_IOERR_FSTAT             (SQLITE_IOERR | (7 << 8))
#define SQLITE_IOERR_UNLOCK            (SQLITE_IOERR | (8 << 8))
#define SQLITE_IOERR_RDLOCK            (SQLITE_IOERR | (9 << 8))
#define SQLITE_IOERR_DELETE            (SQLITE_IOERR | (10 << 8))
#define SQLITE_IOERR_BLOCKED           (SQLITE_IOERR | (11 << 8)) /* not used */
#define SQLITE_IOERR_NOMEM             (SQLITE_IOERR | (12 << 8))
#define SQLITE_IOERR_ACCESS            (SQLITE_IOERR | (13 << 8))
#define SQLITE_IOERR_CHECKRESERVEDLOCK (SQLITE_IOERR | (14 << 8))
#define SQLITE_IOERR_LOCK              (SQLITE_IOERR | (15 << 8))
#define SQLITE_IOERR_CLOSE             (SQLITE_IOERR | (16 << 8))
#define SQLITE_IOERR_DIR_CLOSE         (SQLITE_IOERR | (17 << 8)) /* not used */
#define SQLITE_IOERR_SHMOPEN           (SQLITE_IOERR | (18 << 8))
#define SQLITE_IOERR_SHMSIZE           (SQLITE_IOERR | (19 << 8))
#define SQLITE_IOERR_SHMLOCK           (SQLITE_IOERR | (20 << 8)) /* not used */
#define SQLITE_IOERR_SHMMAP            (SQLITE_IOERR | (21 << 8))
#define SQLITE_IOERR_SEEK              (SQLITE_IOERR | (22 << 8))
#define SQLITE_IOERR_DELETE_NOENT      (SQLITE_IOERR | (23 << 8)) /* the file was not there */
#define SQLITE_IOERR_MMAP              (SQLITE_IOERR | (24 << 8))
#define SQLITE_IOERR_GETTEMPPATH       (SQLITE_IOERR | (25 << 8)) /* no temporary folder */
#define SQLITE_IOERR_CONVPATH          (SQLITE_IOERR | (26 << 8))
#define SQLITE_IOERR_VNODE             (SQLITE_IOERR | (27 << 8))
#define SQLITE_IOERR_AUTH              (SQLITE_IOERR | (28 << 8))
#define SQLITE_IOERR_BEGIN_ATOMIC      (SQLITE_IOERR | (29 << 8))
#define SQLITE_IOERR_COMMIT_ATOMIC     (SQLITE_IOERR | (30 << 8))
#define SQLITE_IOERR_ROLLBACK_ATOMIC   (SQLITE_IOERR | (31 << 8))
#define SQLITE_IOERR_DATA              (SQLITE_IOERR | (32 << 8)) /* wrong checksum of a page */
#define SQLITE_IOERR_CORRUPTFS         (SQLITE_IOERR | (33 << 8)) /* the file system is damaged */
#define SQLITE_IOERR_IN_PAGE           (SQLITE_IOERR | (34 << 8)) /* in a mapped page */
#define SQLITE_IOERR_BADKEY            (SQLITE_IOERR | (35 << 8))
#define SQLITE_IOERR_CODEC             (SQLITE_IOERR | (36 << 8))

#define SQLITE_LOCKED_SHAREDCACHE (SQLITE_LOCKED | (1 << 8)) /* see sqlite3_unlock_notify() */
#define SQLITE_LOCKED_VTAB        (SQLITE_LOCKED | (2 << 8))

#define SQLITE_BUSY_RECOVERY (SQLITE_BUSY | (1 << 8)) /* the log is being recovered */
#define SQLITE_BUSY_SNAPSHOT (SQLITE_BUSY | (2 << 8)) /* read data is out of date */
#define SQLITE_BUSY_TIMEOUT  (SQLITE_BUSY | (3 << 8)) /* a blocking lock timed out */

#define SQLITE_CANTOPEN_NOTEMPDIR (SQLITE_CANTOPEN | (1 << 8)) /* not used */
#define SQLITE_CANTOPEN_ISDIR     (SQLITE_CANTOPEN | (2 << 8))
#define SQLITE_CANTOPEN_FULLPATH  (SQLITE_CANTOPEN | (3 << 8))
#define SQLITE_CANTOPEN_CONVPATH  (SQLITE_CANTOPEN | (4 << 8))
#define SQLITE_CANTOPEN_DIRTYWAL  (SQLITE_CANTOPEN | (5 << 8)) /* not used */
#define SQLITE_CANTOPEN_SYMLINK   (SQLITE_CANTOPEN | (6 << 8)) /* under SQLITE_OPEN_NOFOLLOW */

#define SQLITE_CORRUPT_VTAB     (SQLITE_CORRUPT | (1 << 8)) /* behind a virtual table */
#define SQLITE_CORRUPT_SEQUENCE (SQLITE_CORRUPT | (2 << 8)) /* sqlite_sequence */
#define SQLITE_CORRUPT_INDEX    (SQLITE_CORRUPT | (3 << 8)) /* index and table differ */

#define SQLITE_READONLY_RECOVERY  (SQLITE_READONLY | (1 << 8)) /* the log needs recovery */
#define SQLITE_READONLY_CANTLOCK  (SQLITE_READONLY | (2 << 8))
#define SQLITE_READONLY_ROLLBACK  (SQLITE_READONLY | (3 << 8)) /* a journal must be undone */
#define SQLITE_READONLY_DBMOVED   (SQLITE_READONLY | (4 << 8)) /* moved while open */
#define SQLITE_READONLY_CANTINIT  (SQLITE_READONLY | (5 << 8))
#define SQLITE_READONLY_DIRECTORY (SQLITE_READONLY | (6 << 8)) /* the folder is read-only */

#define SQLITE_ABORT_ROLLBACK (SQLITE_ABORT | (2 << 8)) /* rolled back meanwhile */

#define SQLITE_CONSTRAINT_CHECK      (SQLITE_CONSTRAINT | (1 << 8))
#define SQLITE_CONSTRAINT_COMMITHOOK (SQLITE_CONSTRAINT | (2 << 8))
#define SQLITE_CONSTRAINT_FOREIGNKEY (SQLITE_CONSTRAINT | (3 << 8))
#define SQLITE_CONSTRAINT_FUNCTION   (SQLITE_CONSTRAINT | (4 << 8)) /* for extensions to use */
#define SQLITE_CONSTRAINT_NOTNULL    (SQLITE_CONSTRAINT | (5 << 8))
#define SQLITE_CONSTRAINT_PRIMARYKEY (SQLITE_CONSTRAINT | (6 << 8))
#define SQLITE_CONSTRAINT_TRIGGER    (SQLITE_CONSTRAINT | (7 << 8)) /* RAISE() in a trigger */
#define SQLITE_CONSTRAINT_UNIQUE     (SQLITE_CONSTRAINT | (8 << 8))
#define SQLITE_CONSTRAINT_VTAB       (SQLITE_CONSTRAINT | (9 << 8))
#define SQLITE_CONSTRAINT_ROWID      (SQLITE_CONSTRAINT | (10 << 8))
#define SQLITE_CONSTRAINT_PINNED     (SQLITE_CONSTRAINT | (11 << 8)) /* a row used by its trigger */
#define SQLITE_CONSTRAINT_DATATYPE   (SQLITE_CONSTRAINT | (12 << 8)) /* STRICT tables */

#define SQLITE_NOTICE_RECOVER_WAL      (SQLITE_NOTICE | (1 << 8))
#define SQLITE_NOTICE_RECOVER_ROLLBACK (SQLITE_NOTICE | (2 << 8))
#define SQLITE_NOTICE_RBU              (SQLITE_NOTICE | (3 << 8))

#define SQLITE_WARNING_AUTOINDEX (SQLITE_WARNING | (1 << 8)) /* a query made its own index */

#define SQLITE_AUTH_USER (SQLITE_AUTH | (1 << 8)) /* not used */

#define SQLITE_OK_LOAD_PERMANENTLY (SQLITE_OK | (1 << 8)) /* extension: keep me loaded */
#define SQLITE_OK_SYMLINK          (SQLITE_OK | (2 << 8)) /* a VFS met a symbolic link */

/* --- opening and closing --- */

/* Flags for sqlite3_open_v2(). */
#define SQLITE_OPEN_READONLY     0x00000001 /* the file must exist; writes fail */
#define SQLITE_OPEN_READWRITE    0x00000002 /* or read-only if the file is protected */
#define SQLITE_OPEN_CREATE       0x00000004 /* with READWRITE: make the file if it is missing */
#define SQLITE_OPEN_URI          0x00000040 /* a name that starts with "file:" is a URI */
#define SQLITE_OPEN_MEMORY       0x00000080 /* in memory; the name only serves to share it */
#define SQLITE_OPEN_NOMUTEX      0x00008000 /* multi-thread mode for this connection */
#define SQLITE_OPEN_FULLMUTEX    0x00010000 /* serialized mode for this connection */
#define SQLITE_OPEN_SHAREDCACHE  0x00020000
#define SQLITE_OPEN_PRIVATECACHE 0x00040000
#define SQLITE_OPEN_NOFOLLOW     0x01000000 /* fail if the name is a symbolic link */
#define SQLITE_OPEN_EXRESCODE    0x02000000 /* extended result codes from the start */

/* Flags that only sqlite3_vfs.xOpen sees: what the file is for. */
#define SQLITE_OPEN_DELETEONCLOSE  0x00000008
#define SQLITE_OPEN_EXCLUSIVE      0x00000010
#define SQLITE_OPEN_AUTOPROXY      0x00000020
#define SQLITE_OPEN_MAIN_DB        0x00000100
#define SQLITE_OPEN_TEMP_DB        0x00000200
#define SQLITE_OPEN_TRANSIENT_DB   0x00000400
#define SQLITE_OPEN_MAIN_JOURNAL   0x00000800
#define SQLITE_OPEN_TEMP_JOURNAL   0x00001000
#define SQLITE_OPEN_SUBJOURNAL     0x00002000
#define SQLITE_OPEN_SUPER_JOURNAL  0x00004000
#define SQLITE_OPEN_WAL            0x00080000
#define SQLITE_OPEN_MASTER_JOURNAL 0x00004000 /* the former name of SUPER_JOURNAL */

/*
 * Opens a database. ":memory:" is a private one in memory, an empty or null name a private
 * temporary file. The file itself is first read or made by the first statement that needs it.
 *
 * *db_out is set even on failure, so that sqlite3_errmsg() can tell why, and must be closed then
 * too; only when there is no memory for it is it null. sqlite3_open() means READWRITE | CREATE.
 * `vfs` names a registered file system, null for the default. sqlite3_open16() makes a new database
 * UTF-16. Errors: SQLITE_CANTOPEN, SQLITE_NOMEM, SQLITE_MISUSE for flags that contradict each
 * other.
 */
SQLITE_API int sqlite3_open(const char *filename, sqlite3 **db_out);
SQLITE_API int sqlite3_open16(const void *filename, sqlite3 **db_out);
SQLITE_API int sqlite3_open_v2(const char *filename, sqlite3 **db_out, int flags, const char *vfs);

/*
 * Closes a connection, rolling back an open transaction. Null is fine.
 * sqlite3_close(): SQLITE_BUSY while statements, blobs or backups are open, and nothing happens.
 * sqlite3_close_v2(): never refuses; the connection lives on unseen until the last of them goes.
 */
SQLITE_API int sqlite3_close(sqlite3 *db);
SQLITE_API int sqlite3_close_v2(sqlite3 *db);

/* --- running SQL in one call --- */

/* Given each row: the caller's pointer, column count, values as text (null for NULL), names. */
typedef int (*sqlite3_callback)(void *arg, int count, char **values, char **names);

/*
 * Runs every statement of `sql`, calling `callback` (may be null) for each row. A callback that
 * returns nonzero stops with SQLITE_ABORT. The first error stops too and, if `error` is not null,
 * leaves its message there: free it with sqlite3_free(). *error is set to null on success.
 */
SQLITE_API int sqlite3_exec(sqlite3 *db, const char *sql,
                            int (*callback)(void *, int, char **, char **), void *arg,
                            char **error);

/*
 * Runs a query and gives the whole result as text: (row_count + 1) x column_count pointers, the
 * names first. Free it with sqlite3_free_table(), which accepts null.
 */
SQLITE_API int sqlite3_get_table(sqlite3 *db, const char *sql, char ***table, int *row_count,
                                 int *column_count, char **error);
SQLITE_API void sqlite3_free_table(char **table);

/* --- errors --- */

/*
 * What the last failed call on this connection gave: its code, its extended code, its message. The
 * text lives until the next call on the connection. After a success the result is not meaningful,
 * but for sqlite3_errmsg(), which says "not an error". With several threads on one connection, hold
 * sqlite3_db_mutex() from the call until the message is read.
 */
SQLITE_API int sqlite3_errcode(sqlite3 *db);
SQLITE_API int sqlite3_extended_errcode(sqlite3 *db);
SQLITE_API const char *sqlite3_errmsg(sqlite3 *db);
SQLITE_API const void *sqlite3_errmsg16(sqlite3 *db);
/* The English name of a result code. Static storage; never null. */
SQLITE_API const char *sqlite3_errstr(int rc);
/* The byte offset in the SQL text of the token that the last error is about, -1 if none is. */
SQLITE_API int sqlite3_error_offset(sqlite3 *db);
/* Sets code and message as if a call had failed so; the text is copied, null: that of the code. */
SQLITE_API int sqlite3_set_errmsg(sqlite3 *db, int rc, const char *message);
/* Turns extended codes as return values on (nonzero) or off. */
SQLITE_API int sqlite3_extended_result_codes(sqlite3 *db, int on);

/* --- prepared statements --- */

#define SQLITE_PREPARE_PERSISTENT 0x01 /* will be kept and run many times */
#define SQLITE_PREPARE_NORMALIZE  0x02 /* no effect: normalised text is always to be had */
#define SQLITE_PREPARE_NO_VTAB    0x04 /* fail if a virtual table is used */
#define SQLITE_PREPARE_DONT_LOG   0x10 /* do not send errors to the error log */
#define SQLITE_PREPARE_FROM_DDL   0x20 /* the text is from the schema: less trust */

/*
 * Compiles the first statement of `sql`. `size` in bytes, negative: up to the zero. *tail, if asked
 * for, is the rest of the text. A text of blanks and comments gives SQLITE_OK and a null *stmt.
 *
 * The result must be finalized. _v2 and _v3 keep the text, compile anew by themselves when the
 * schema changes, and let sqlite3_step() give the true code; the plain ones are for old programs: a
 * changed schema is SQLITE_SCHEMA to them, and the true code of a failed step comes from
 * sqlite3_reset(). Errors: SQLITE_ERROR with the message of the parser or the resolver,
 * SQLITE_AUTH, SQLITE_TOOBIG.
 */
SQLITE_API int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **stmt,
                                  const char **tail);
SQLITE_API int sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned int flags,
                                  sqlite3_stmt **stmt, const char **tail);
SQLITE_API int sqlite3_prepare(sqlite3 *db, const char *sql, int size, sqlite3_stmt **stmt,
                               const char **tail);
SQLITE_API int sqlite3_prepare16_v2(sqlite3 *db, const void *sql, int size, sqlite3_stmt **stmt,
                                    const void **tail);
SQLITE_API int sqlite3_prepare16_v3(sqlite3 *db, const void *sql, int size, unsigned int flags,
                                    sqlite3_stmt **stmt, const void **tail);
SQLITE_API int sqlite3_prepare16(sqlite3 *db, const void *sql, int size, sqlite3_stmt **stmt,
                                 const void **tail);

/*
 * Runs to the next row. SQLITE_ROW: a row is ready for sqlite3_column_*. SQLITE_DONE: finished.
 * SQLITE_BUSY: a lock could not be had; outside an explicit transaction, or for COMMIT, call again,
 * else roll back. Anything else is an error. Stepping after DONE or an error starts over.
 */
SQLITE_API int sqlite3_step(sqlite3_stmt *stmt);
/*
 * Makes the statement ready to run again; bindings stay. Returns the code of the step before if
 * that failed: the reset itself does not fail.
 */
SQLITE_API int sqlite3_reset(sqlite3_stmt *stmt);
/* Destroys the statement. Null is fine. Returns the code of its last step if that failed. */
SQLITE_API int sqlite3_finalize(sqlite3_stmt *stmt);

/* --- binding values to parameters --- */

/* What becomes of memory handed over. A function of this type is called once, with the pointer. */
typedef void (*sqlite3_destructor_type)(void *);
#define SQLITE_STATIC    ((sqlite3_destructor_type)0)  /* stays valid and unchanged: not copied */
#define SQLITE_TRANSIENT ((sqlite3_destructor_type)-1) /* copied before the call returns */

/*
 * Sets parameter `index`, counted from 1. A binding lasts until the next one or
 * sqlite3_clear_bindings(). Statements must be reset before: SQLITE_MISUSE while one is running.
 * Other errors: SQLITE_RANGE, SQLITE_TOOBIG, SQLITE_NOMEM.
 *
 * A text or blob lives as its destructor says. A null pointer binds NULL. `size` in bytes without
 * the closing zero; negative for text: up to the zero. `encoding` is SQLITE_UTF8, SQLITE_UTF8_ZT (a
 * zero follows the text), SQLITE_UTF16 or one of its byte orders.
 */
SQLITE_API int sqlite3_bind_null(sqlite3_stmt *stmt, int index);
SQLITE_API int sqlite3_bind_int(sqlite3_stmt *stmt, int index, int value);
SQLITE_API int sqlite3_bind_int64(sqlite3_stmt *stmt, int index, sqlite3_int64 value);
SQLITE_API int sqlite3_bind_double(sqlite3_stmt *stmt, int index, double value);
SQLITE_API int sqlite3_bind_text(sqlite3_stmt *stmt, int index, const char *text, int size,
                                 void (*destroy)(void *));
SQLITE_API int sqlite3_bind_text16(sqlite3_stmt *stmt, int index, const void *text, int size,
                                   void (*destroy)(void *));
SQLITE_API int sqlite3_bind_text64(sqlite3_stmt *stmt, int index, const char *text,
                                   sqlite3_uint64 size, void (*destroy)(void *),
                                   unsigned char encoding);
SQLITE_API int sqlite3_bind_blob(sqlite3_stmt *stmt, int index, const void *bytes, int size,
                                 void (*destroy)(void *));
SQLITE_API int sqlite3_bind_blob64(sqlite3_stmt *stmt, int index, const void *bytes,
                                   sqlite3_uint64 size, void (*destroy)(void *));
/* A blob of `size` zero bytes that takes no memory, to be filled through sqlite3_blob_write(). */
SQLITE_API int sqlite3_bind_zeroblob(sqlite3_stmt *stmt, int index, int size);
SQLITE_API int sqlite3_bind_zeroblob64(sqlite3_stmt *stmt, int index, sqlite3_uint64 size);
/* A copy of a value. */
SQLITE_API int sqlite3_bind_value(sqlite3_stmt *stmt, int index, const sqlite3_value *value);
/*
 * NULL to SQL, but a function that asks with the same type name (a string constant; compared as
 * text) gets the pointer. See sqlite3_value_pointer().
 */
SQLITE_API int sqlite3_bind_pointer(sqlite3_stmt *stmt, int index, void *pointer, const char *type,
                                    void (*destroy)(void *));
/* All parameters back to NULL. */
SQLITE_API int sqlite3_clear_bindings(sqlite3_stmt *stmt);

/* The largest parameter index: the number of parameters, if none is of the form ?NNN. */
SQLITE_API int sqlite3_bind_parameter_count(sqlite3_stmt *stmt);
/* Name with its ?, :, @ or $; null for a plain "?" or out of range. Lives as the statement does. */
SQLITE_API const char *sqlite3_bind_parameter_name(sqlite3_stmt *stmt, int index);
/* The index of a name with its sign, 0 if there is none. */
SQLITE_API int sqlite3_bind_parameter_index(sqlite3_stmt *stmt, const char *name);

/* --- reading the row --- */

/* The storage classes. */
#define SQLITE_INTEGER 1
#define SQLITE_FLOAT   2
#define SQLITE_BLOB    4
#define SQLITE_NULL    5
#define SQLITE_TEXT    3
#define SQLITE3_TEXT   3

/* Columns of the result, 0 for statements that give none; known before the first step. */
SQLITE_API int sqlite3_column_count(sqlite3_stmt *stmt);
/* Columns of the current row: as above after SQLITE_ROW, else 0. */
SQLITE_API int sqlite3_data_count(sqlite3_stmt *stmt);

/*
 * A column of the current row, counted from 0, converted to what is asked for: a text that is no
 * number is 0, a NULL is 0 or a null pointer, a number as text is as SQL prints it. Out of range,
 * or without a row, it is NULL.
 *
 * A pointer lives until the next step, reset or finalize, or until the column is asked for in
 * another form. An empty blob is a null pointer. Text is ended by a zero beyond its bytes. Ask for
 * the pointer first, then for the size in the same encoding; null where SQLITE_NOMEM struck.
 */
SQLITE_API int sqlite3_column_type(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_int(sqlite3_stmt *stmt, int column);
SQLITE_API sqlite3_int64 sqlite3_column_int64(sqlite3_stmt *stmt, int column);
SQLITE_API double sqlite3_column_double(sqlite3_stmt *stmt, int column);
SQLITE_API const unsigned char *sqlite3_column_text(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_text16(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_blob(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_bytes(sqlite3_stmt *stmt, int column);
SQLITE_API int sqlite3_column_bytes16(sqlite3_stmt *stmt, int column);
/* Unprotected, valid as long as the row. */
SQLITE_API sqlite3_value *sqlite3_column_value(sqlite3_stmt *stmt, int column);

/*
 * The name of a result column: its AS clause, else up to the library. Lives until the statement is
 * finalized or compiled anew, or the name is asked for in the other encoding.
 */
SQLITE_API const char *sqlite3_column_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_name16(sqlite3_stmt *stmt, int column);

/* --- what happened --- */

/* The rowid of this connection's last successful INSERT into a table with rowids; 0 if none. */
SQLITE_API sqlite3_int64 sqlite3_last_insert_rowid(sqlite3 *db);
SQLITE_API void sqlite3_set_last_insert_rowid(sqlite3 *db, sqlite3_int64 rowid);
/* Rows that the last finished INSERT, UPDATE or DELETE itself changed, without triggers. */
SQLITE_API int sqlite3_changes(sqlite3 *db);
SQLITE_API sqlite3_int64 sqlite3_changes64(sqlite3 *db);
/* Rows changed since the connection was opened, those by triggers included. */
SQLITE_API int sqlite3_total_changes(sqlite3 *db);
SQLITE_API sqlite3_int64 sqlite3_total_changes64(sqlite3 *db);
/* Nonzero outside of an explicit transaction. */
SQLITE_API int sqlite3_get_autocommit(sqlite3 *db);

/* --- waiting and stopping --- */

/*
 * Called when a lock is held by somebody else, with the number of calls before for this lock. 0
 * gives up with SQLITE_BUSY, nonzero tries again. Not called where waiting would deadlock. One
 * handler per connection, null none; it must not use the connection.
 */
SQLITE_API int sqlite3_busy_handler(sqlite3 *db, int (*handler)(void *arg, int count), void *arg);
/* Installs a handler that sleeps and retries for that long in all; 0 or less removes any. */
SQLITE_API int sqlite3_busy_timeout(sqlite3 *db, int timeout_ms);
/* How long a blocking lock may wait, apart from the busy timeout; -1 for ever. */
SQLITE_API int sqlite3_setlk_timeout(sqlite3 *db, int timeout_ms, int flags);
#define SQLITE_SETLK_BLOCK_ON_CONNECT 0x01 /* wait also for the exclusive lock when connecting */

/*
 * Makes all running statements of the connection stop soon with SQLITE_INTERRUPT; a transaction
 * that was writing is rolled back. Any thread may call it while the connection is open.
 */
SQLITE_API void sqlite3_interrupt(sqlite3 *db);
/* 1 while an interrupt is in effect. */
SQLITE_API int sqlite3_is_interrupted(sqlite3 *db);
/*
 * Calls `handler` about every `steps` instructions of a running statement, and now and then while
 * one is compiled; nonzero interrupts. steps < 1 or a null handler removes it. It must not use the
 * connection.
 */
SQLITE_API void sqlite3_progress_handler(sqlite3 *db, int steps, int (*handler)(void *), void *arg);

/* --- memory and text --- */

/*
 * The library's allocator. Blocks are aligned to 8 bytes. Null for a size of 0 or less, when memory
 * runs out, or when the hard heap limit is met. sqlite3_realloc() to 0 frees, from null allocates,
 * and leaves the old block alone when it fails. sqlite3_free() accepts null.
 */
SQLITE_API void *sqlite3_malloc(int size);
SQLITE_API void *sqlite3_malloc64(sqlite3_uint64 size);
SQLITE_API void *sqlite3_realloc(void *block, int size);
SQLITE_API void *sqlite3_realloc64(void *block, sqlite3_uint64 size);
SQLITE_API void sqlite3_free(void *block);
/* The usable size of a block, at least what was asked for; 0 for null. */
SQLITE_API sqlite3_uint64 sqlite3_msize(void *block);

/*
 * printf() with SQL in mind: %q doubles single quotes, %Q does and puts them around, NULL for null,
 * %w doubles double quotes, %z is %s and frees its argument. Numbers do not follow the locale.
 * mprintf gives memory to be freed with sqlite3_free(), null when there is none. snprintf takes the
 * size FIRST, always closes with a zero if it is above 0, and returns the buffer.
 */
SQLITE_API char *sqlite3_mprintf(const char *format, ...);
SQLITE_API char *sqlite3_vmprintf(const char *format, va_list args);
SQLITE_API char *sqlite3_snprintf(int size, char *buffer, const char *format, ...);
SQLITE_API char *sqlite3_vsnprintf(int size, char *buffer, const char *format, va_list args);

/* ============================== II. Full ============================== */

/* --- the library as a whole --- */

/*
 * Initialises the library. Called by itself where needed, so a program need not; harmless twice. It
 * may fail for want of memory. sqlite3_shutdown() releases everything; not thread-safe, and all
 * connections must be closed before.
 */
SQLITE_API int sqlite3_initialize(void);
SQLITE_API int sqlite3_shutdown(void);
/* The part of initialisation that registers the system's VFS. Not for programs to call. */
SQLITE_API int sqlite3_os_init(void);
SQLITE_API int sqlite3_os_end(void);

/*
 * Settings of the whole process, made before sqlite3_initialize() or after sqlite3_shutdown();
 * SQLITE_MISUSE in between, but for LOG and PCACHE_HDRSZ. Not thread-safe.
 * SQLITE_ERROR for an option that is unknown or that this library has no use for.
 */
SQLITE_API int sqlite3_config(int option, ...);
#define SQLITE_CONFIG_SINGLETHREAD        1  /* no locks at all */
#define SQLITE_CONFIG_MULTITHREAD         2  /* locks for what is shared, none per connection */
#define SQLITE_CONFIG_SERIALIZED          3  /* locks for everything */
#define SQLITE_CONFIG_MALLOC              4  /* sqlite3_mem_methods *: allocate with these */
#define SQLITE_CONFIG_GETMALLOC           5  /* sqlite3_mem_methods *: filled with those in use */
#define SQLITE_CONFIG_SCRATCH             6  /* no more: SQLITE_ERROR */
#define SQLITE_CONFIG_PAGECACHE           7  /* void *, int size, int count: memory for pages */
#define SQLITE_CONFIG_HEAP                8  /* void *, int, int smallest: all memory */
#define SQLITE_CONFIG_MEMSTATUS           9  /* int: count what is allocated */
#define SQLITE_CONFIG_MUTEX               10 /* sqlite3_mutex_methods * */
#define SQLITE_CONFIG_GETMUTEX            11 /* sqlite3_mutex_methods * */
#define SQLITE_CONFIG_LOOKASIDE           13 /* int size, int count: small blocks */
#define SQLITE_CONFIG_PCACHE              14 /* no effect */
#define SQLITE_CONFIG_GETPCACHE           15 /* no effect */
#define SQLITE_CONFIG_LOG                 16 /* void (*)(void *, int, const char *), void * */
#define SQLITE_CONFIG_URI                 17 /* int: names that start with "file:" are URIs */
#define SQLITE_CONFIG_PCACHE2             18 /* sqlite3_pcache_methods2 * */
#define SQLITE_CONFIG_GETPCACHE2          19 /* sqlite3_pcache_methods2 * */
#define SQLITE_CONFIG_COVERING_INDEX_SCAN 20 /* int: an index may stand in for its table */
#define SQLITE_CONFIG_SQLLOG              21 /* no effect */
#define SQLITE_CONFIG_MMAP_SIZE           22 /* sqlite3_int64 default, sqlite3_int64 most */
#define SQLITE_CONFIG_WIN32_HEAPSIZE      23 /* int */
#define SQLITE_CONFIG_PCACHE_HDRSZ        24 /* int *: bytes a cached page costs extra */
#define SQLITE_CONFIG_PMASZ               25 /* unsigned int: smallest share of a sort */
#define SQLITE_CONFIG_STMTJRNL_SPILL      26 /* int: of a statement journal, in memory */
#define SQLITE_CONFIG_SMALL_MALLOC        27 /* int: avoid large allocations */
#define SQLITE_CONFIG_SORTERREF_SIZE      28 /* not in this build: SQLITE_ERROR */
#define SQLITE_CONFIG_MEMDB_MAXSIZE       29 /* sqlite3_int64: largest deserialized database */
#define SQLITE_CONFIG_ROWID_IN_VIEW       30 /* int *: views have a rowid; in: -1 asks */

/*
 * Settings of one connection. Most take an int (1 on, 0 off, negative: only ask) and an int * for
 * the state after the call, or null. SQLITE_ERROR for an unknown option.
 */
SQLITE_API int sqlite3_db_config(sqlite3 *db, int option, ...);
/* const char *: another name for "main"; not copied */
#define SQLITE_DBCONFIG_MAINDBNAME            1000
#define SQLITE_DBCONFIG_LOOKASIDE             1001 /* void *, int size, int count */
#define SQLITE_DBCONFIG_ENABLE_FKEY           1002 /* enforce foreign keys */
#define SQLITE_DBCONFIG_ENABLE_TRIGGER        1003
#define SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER 1004 /* the two-argument fts3_tokenizer() */
#define SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION 1005 /* the C call, not the SQL function */
#define SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE      1006 /* leave the log as it is when closing */
#define SQLITE_DBCONFIG_ENABLE_QPSG           1007 /* plans do not depend on bound values */
#define SQLITE_DBCONFIG_TRIGGER_EQP           1008 /* EXPLAIN QUERY PLAN shows triggers too */
#define SQLITE_DBCONFIG_RESET_DATABASE        1009 /* the next VACUUM empties the database */
#define SQLITE_DBCONFIG_DEFENSIVE             1010 /* forbid what lets plain SQL damage the file */
#define SQLITE_DBCONFIG_WRITABLE_SCHEMA       1011
#define SQLITE_DBCONFIG_LEGACY_ALTER_TABLE    1012
#define SQLITE_DBCONFIG_DQS_DML               1013 /* "text" may be a string: queries, changes */
#define SQLITE_DBCONFIG_DQS_DDL               1014 /* "text" may be a string: CREATE */
#define SQLITE_DBCONFIG_ENABLE_VIEW           1015
#define SQLITE_DBCONFIG_LEGACY_FILE_FORMAT    1016 /* new files readable by SQLite before 3.3 */
#define SQLITE_DBCONFIG_TRUSTED_SCHEMA        1017 /* a schema may use any function */
#define SQLITE_DBCONFIG_STMT_SCANSTATUS       1018
#define SQLITE_DBCONFIG_REVERSE_SCANORDER     1019 /* unordered queries run backwards */
#define SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE  1020 /* ATTACH may make a file */
#define SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE   1021 /* ATTACH may open for writing */
#define SQLITE_DBCONFIG_ENABLE_COMMENTS       1022 /* comments in SQL */
#define SQLITE_DBCONFIG_FP_DIGITS             1023 /* int: significant digits of a real as text */
#define SQLITE_DBCONFIG_MAX                   1023

/*
 * Sets a limit of the connection and returns what it was. A negative value changes nothing; one
 * above the built-in bound becomes that bound; -1 for an unknown id.
 */
SQLITE_API int sqlite3_limit(sqlite3 *db, int id, int value);
#define SQLITE_LIMIT_LENGTH              0 /* bytes of a text, blob or row */
#define SQLITE_LIMIT_SQL_LENGTH          1 /* bytes of a statement */
#define SQLITE_LIMIT_COLUMN              2 /* columns of a table, index, result, SET or GROUP BY */
#define SQLITE_LIMIT_EXPR_DEPTH          3
#define SQLITE_LIMIT_COMPOUND_SELECT     4 /* terms */
#define SQLITE_LIMIT_VDBE_OP             5 /* instructions of a program */
#define SQLITE_LIMIT_FUNCTION_ARG        6
#define SQLITE_LIMIT_ATTACHED            7
#define SQLITE_LIMIT_LIKE_PATTERN_LENGTH 8
#define SQLITE_LIMIT_VARIABLE_NUMBER     9 /* the largest parameter index */
#define SQLITE_LIMIT_TRIGGER_DEPTH       10
#define SQLITE_LIMIT_WORKER_THREADS      11 /* helpers of one statement */
#define SQLITE_LIMIT_PARSER_DEPTH        12

/* --- statements, seen from outside --- */

/*
 * The SQL text; that text with the bound values in place of parameters (free it with
 * sqlite3_free(); null without memory or beyond SQLITE_LIMIT_LENGTH); that text with literals
 * turned into "?". The first and the last belong to the statement.
 */
SQLITE_API const char *sqlite3_sql(sqlite3_stmt *stmt);
SQLITE_API char *sqlite3_expanded_sql(sqlite3_stmt *stmt);
SQLITE_API const char *sqlite3_normalized_sql(sqlite3_stmt *stmt);
/* Nonzero if running it does not change a database directly; a function it calls might. */
SQLITE_API int sqlite3_stmt_readonly(sqlite3_stmt *stmt);
/* 1 for EXPLAIN, 2 for EXPLAIN QUERY PLAN, else 0. */
SQLITE_API int sqlite3_stmt_isexplain(sqlite3_stmt *stmt);
/* Makes it one of these, or a plain one again. SQLITE_BUSY while it runs. */
SQLITE_API int sqlite3_stmt_explain(sqlite3_stmt *stmt, int mode);
/* Nonzero if it was stepped and neither finished nor was reset. */
SQLITE_API int sqlite3_stmt_busy(sqlite3_stmt *stmt);
/* The connection it was prepared on. */
SQLITE_API sqlite3 *sqlite3_db_handle(sqlite3_stmt *stmt);
/* The statement after `stmt` on the connection's list, the first for null, null at the end. */
SQLITE_API sqlite3_stmt *sqlite3_next_stmt(sqlite3 *db, sqlite3_stmt *stmt);

/*
 * Where a result column comes from: database, table (not its alias) and column; null if it is an
 * expression. decltype is the type as declared. Lifetime as that of sqlite3_column_name().
 */
SQLITE_API const char *sqlite3_column_database_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_database_name16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_table_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_table_name16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_origin_name(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_origin_name16(sqlite3_stmt *stmt, int column);
SQLITE_API const char *sqlite3_column_decltype(sqlite3_stmt *stmt, int column);
SQLITE_API const void *sqlite3_column_decltype16(sqlite3_stmt *stmt, int column);

/*
 * A column of a table: declared type, collation, NOT NULL, part of the key, AUTOINCREMENT. Any
 * output may be null. `schema` null: the first database that has it; `column` null: only asks
 * whether the table exists. SQLITE_ERROR if it does not, or is a view. The texts live until the
 * next call.
 */
SQLITE_API int sqlite3_table_column_metadata(sqlite3 *db, const char *schema, const char *table,
                                             const char *column, char const **type,
                                             char const **collation, int *is_not_null,
                                             int *is_primary_key, int *is_autoincrement);

/* 1 if the text ends with a complete statement, 0 if not; only tokens are looked at. */
SQLITE_API int sqlite3_complete(const char *sql);
SQLITE_API int sqlite3_complete16(const void *sql);

/* The keywords of SQL: how many, the n-th (not ended by a zero), and whether a word is one. */
SQLITE_API int sqlite3_keyword_count(void);
SQLITE_API int sqlite3_keyword_name(int index, const char **name, int *size);
SQLITE_API int sqlite3_keyword_check(const char *word, int size);

/* --- databases of a connection --- */

/* The schema name of database 0 (main), 1 (temp), 2... (attached); null beyond. */
SQLITE_API const char *sqlite3_db_name(sqlite3 *db, int index);
/* A file name as a VFS gets it: the database's, with URI parameters behind. See III. */
typedef const char *sqlite3_filename;
/*
 * The full path, empty for memory and temporary ones, null for no such schema. Lives until
 * detached.
 */
SQLITE_API sqlite3_filename sqlite3_db_filename(sqlite3 *db, const char *schema);
/* 1 read-only, 0 writable, -1 no such schema. */
SQLITE_API int sqlite3_db_readonly(sqlite3 *db, const char *schema);
/* Where a transaction stands: the given schema's, or for null the furthest of all; -1 none such. */
SQLITE_API int sqlite3_txn_state(sqlite3 *db, const char *schema);
#define SQLITE_TXN_NONE  0
#define SQLITE_TXN_READ  1
#define SQLITE_TXN_WRITE 2
/* Writes out the changed pages of an open transaction; SQLITE_BUSY where a lock is missing. */
SQLITE_API int sqlite3_db_cacheflush(sqlite3 *db);
/* Gives back what memory the connection can do without. */
SQLITE_API int sqlite3_db_release_memory(sqlite3 *db);
/* The system's errno of the last I/O error or failed open. */
SQLITE_API int sqlite3_system_errno(sqlite3 *db);

/* --- functions of one's own --- */

/* Text encodings: what a function or collation prefers to be given. */
#define SQLITE_UTF8          1
#define SQLITE_UTF16LE       2
#define SQLITE_UTF16BE       3
#define SQLITE_UTF16         4  /* the machine's order */
#define SQLITE_ANY           5  /* any; now the same as UTF8 */
#define SQLITE_UTF16_ALIGNED 8  /* collations only: the machine's order, aligned */
#define SQLITE_UTF8_ZT       16 /* when giving text: UTF-8, and a zero follows it */

/* Ored to the encoding: what the function promises and where it may be used. */
#define SQLITE_DETERMINISTIC  0x000000800 /* equal arguments, equal result: fit for an index */
#define SQLITE_DIRECTONLY     0x000080000 /* never from a schema (view, trigger, CHECK, index) */
#define SQLITE_SUBTYPE        0x000100000 /* it reads subtypes of its arguments */
#define SQLITE_INNOCUOUS      0x000200000 /* it does no harm: fine in any schema */
#define SQLITE_RESULT_SUBTYPE 0x001000000 /* it may set a subtype on its result */
#define SQLITE_SELFORDER1     0x002000000 /* ordered-set aggregate: sorts by itself */

/*
 * Registers or replaces a function of that name, argument count (-1: any) and encoding. Scalar:
 * only `function`; aggregate: `step` and `final`; window: also `value` and `inverse`. All null
 * removes it. `arg` is what sqlite3_user_data() gives; `destroy` is called on it when the function
 * goes, and also if the call fails. SQLITE_BUSY while statements run, SQLITE_MISUSE for a
 * combination that is none.
 */
SQLITE_API int sqlite3_create_function(sqlite3 *db, const char *name, int arg_count, int flags,
                                       void *arg,
                                       void (*function)(sqlite3_context *, int, sqlite3_value **),
                                       void (*step)(sqlite3_context *, int, sqlite3_value **),
                                       void (*final)(sqlite3_context *));
SQLITE_API int sqlite3_create_function16(sqlite3 *db, const void *name, int arg_count, int flags,
                                         void *arg,
                                         void (*function)(sqlite3_context *, int, sqlite3_value **),
                                         void (*step)(sqlite3_context *, int, sqlite3_value **),
                                         void (*final)(sqlite3_context *));
SQLITE_API int
sqlite3_create_function_v2(sqlite3 *db, const char *name, int arg_count, int flags, void *arg,
                           void (*function)(sqlite3_context *, int, sqlite3_value **),
                           void (*step)(sqlite3_context *, int, sqlite3_value **),
                           void (*final)(sqlite3_context *), void (*destroy)(void *));
SQLITE_API int
sqlite3_create_window_function(sqlite3 *db, const char *name, int arg_count, int flags, void *arg,
                               void (*step)(sqlite3_context *, int, sqlite3_value **),
                               void (*final)(sqlite3_context *), void (*value)(sqlite3_context *),
                               void (*inverse)(sqlite3_context *, int, sqlite3_value **),
                               void (*destroy)(void *));
/* Makes sure a function of that name exists, so that a virtual table may overload it. */
SQLITE_API int sqlite3_overload_function(sqlite3 *db, const char *name, int arg_count);

/*
 * The value of an argument, converted to what is asked for as sqlite3_column_* does. Pointers live
 * until the function returns or the value is asked for in another form. Arguments are protected
 * values; they may be read by no other thread than the one that runs the statement.
 */
SQLITE_API int sqlite3_value_type(sqlite3_value *value);
SQLITE_API int sqlite3_value_int(sqlite3_value *value);
SQLITE_API sqlite3_int64 sqlite3_value_int64(sqlite3_value *value);
SQLITE_API double sqlite3_value_double(sqlite3_value *value);
SQLITE_API const unsigned char *sqlite3_value_text(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_text16(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_text16le(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_text16be(sqlite3_value *value);
SQLITE_API const void *sqlite3_value_blob(sqlite3_value *value);
SQLITE_API int sqlite3_value_bytes(sqlite3_value *value);
SQLITE_API int sqlite3_value_bytes16(sqlite3_value *value);
/*
 * The pointer of sqlite3_bind_pointer() or _result_pointer() if the type name is the same; or null.
 */
SQLITE_API void *sqlite3_value_pointer(sqlite3_value *value, const char *type);
/* Turns text that is wholly a number into that number; the type after it. */
SQLITE_API int sqlite3_value_numeric_type(sqlite3_value *value);
/* In xUpdate: true for a column that the UPDATE does not touch. */
SQLITE_API int sqlite3_value_nochange(sqlite3_value *value);
/* True if it came from a bound parameter. */
SQLITE_API int sqlite3_value_frombind(sqlite3_value *value);
/* How a text is held now: SQLITE_UTF8, SQLITE_UTF16LE or SQLITE_UTF16BE. */
SQLITE_API int sqlite3_value_encoding(sqlite3_value *value);
/* A byte that travels with a value from one function to the next, as JSON's does. */
SQLITE_API unsigned int sqlite3_value_subtype(sqlite3_value *value);
/* A protected copy of one's own, null without memory; release it with sqlite3_value_free(). */
SQLITE_API sqlite3_value *sqlite3_value_dup(const sqlite3_value *value);
SQLITE_API void sqlite3_value_free(sqlite3_value *value);

/*
 * Memory of one aggregation, zero-filled, the same block at each call; freed by itself. Size 0 does
 * not make one: how `final` finds out that there was no row. Null without memory.
 */
SQLITE_API void *sqlite3_aggregate_context(sqlite3_context *context, int size);
/* The `arg` of the registration, and the connection. */
SQLITE_API void *sqlite3_user_data(sqlite3_context *context);
SQLITE_API sqlite3 *sqlite3_context_db_handle(sqlite3_context *context);
/*
 * Remembers something derived from a constant argument (a compiled pattern) from row to row. It may
 * be dropped at any moment, at once even: get it again after setting it, and be ready for null.
 */
SQLITE_API void *sqlite3_get_auxdata(sqlite3_context *context, int argument);
SQLITE_API void sqlite3_set_auxdata(sqlite3_context *context, int argument, void *data,
                                    void (*destroy)(void *));

/*
 * Sets the result of the function; the last call counts, none means NULL. Memory as with
 * sqlite3_bind_*. A text or blob beyond SQLITE_LIMIT_LENGTH makes the function fail with
 * SQLITE_TOOBIG. Only from the thread, and within the call, that the context belongs to.
 */
SQLITE_API void sqlite3_result_null(sqlite3_context *context);
SQLITE_API void sqlite3_result_int(sqlite3_context *context, int value);
SQLITE_API void sqlite3_result_int64(sqlite3_context *context, sqlite3_int64 value);
SQLITE_API void sqlite3_result_double(sqlite3_context *context, double value);
SQLITE_API void sqlite3_result_text(sqlite3_context *context, const char *text, int size,
                                    void (*destroy)(void *));
SQLITE_API void sqlite3_result_text64(sqlite3_context *context, const char *text,
                                      sqlite3_uint64 size, void (*destroy)(void *),
                                      unsigned char encoding);
SQLITE_API void sqlite3_result_text16(sqlite3_context *context, const void *text, int size,
                                      void (*destroy)(void *));
SQLITE_API void sqlite3_result_text16le(sqlite3_context *context, const void *text, int size,
                                        void (*destroy)(void *));
SQLITE_API void sqlite3_result_text16be(sqlite3_context *context, const void *text, int size,
                                        void (*destroy)(void *));
SQLITE_API void sqlite3_result_blob(sqlite3_context *context, const void *bytes, int size,
                                    void (*destroy)(void *));
SQLITE_API void sqlite3_result_blob64(sqlite3_context *context, const void *bytes,
                                      sqlite3_uint64 size, void (*destroy)(void *));
SQLITE_API void sqlite3_result_zeroblob(sqlite3_context *context, int size);
SQLITE_API int sqlite3_result_zeroblob64(sqlite3_context *context, sqlite3_uint64 size);
SQLITE_API void sqlite3_result_value(sqlite3_context *context, sqlite3_value *value);
SQLITE_API void sqlite3_result_pointer(sqlite3_context *context, void *pointer, const char *type,
                                       void (*destroy)(void *));
SQLITE_API void sqlite3_result_subtype(sqlite3_context *context, unsigned int subtype);
/* Makes the function fail: with a message (copied), for size or memory, or with another code. */
SQLITE_API void sqlite3_result_error(sqlite3_context *context, const char *message, int size);
SQLITE_API void sqlite3_result_error16(sqlite3_context *context, const void *message, int size);
SQLITE_API void sqlite3_result_error_toobig(sqlite3_context *context);
SQLITE_API void sqlite3_result_error_nomem(sqlite3_context *context);
SQLITE_API void sqlite3_result_error_code(sqlite3_context *context, int rc);

/* Pointers kept under a name on the connection; set replaces, null removes, closing destroys. */
SQLITE_API void *sqlite3_get_clientdata(sqlite3 *db, const char *name);
SQLITE_API int sqlite3_set_clientdata(sqlite3 *db, const char *name, void *data,
                                      void (*destroy)(void *));

/* --- collations --- */

/*
 * Registers an order of texts; null `compare` removes it. The two texts come with sizes, not ended
 * by a zero; negative, zero, positive as in strcmp(). It must be a total order and never change, or
 * indexes break. SQLITE_BUSY while statements run. `destroy` is NOT called if the call fails.
 */
SQLITE_API int sqlite3_create_collation(sqlite3 *db, const char *name, int encoding, void *arg,
                                        int (*compare)(void *, int, const void *, int,
                                                       const void *));
SQLITE_API int sqlite3_create_collation_v2(sqlite3 *db, const char *name, int encoding, void *arg,
                                           int (*compare)(void *, int, const void *, int,
                                                          const void *),
                                           void (*destroy)(void *));
SQLITE_API int sqlite3_create_collation16(sqlite3 *db, const void *name, int encoding, void *arg,
                                          int (*compare)(void *, int, const void *, int,
                                                         const void *));
/* Called when a collation is missing, to register it then. */
SQLITE_API int sqlite3_collation_needed(sqlite3 *db, void *arg,
                                        void (*needed)(void *, sqlite3 *, int encoding,
                                                       const char *name));
SQLITE_API int sqlite3_collation_needed16(sqlite3 *db, void *arg,
                                          void (*needed)(void *, sqlite3 *, int encoding,
                                                         const void *name));

/* --- hooks --- */

/*
 * Asked while a statement is compiled, for each thing it would do: SQLITE_OK, SQLITE_DENY
 * (compiling fails with SQLITE_AUTH) or SQLITE_IGNORE (a column reads as NULL, the action is left
 * out). Given: the action, two names that depend on it, the schema, and the innermost trigger or
 * view, or null. It must not change the connection. One per connection; null removes it.
 */
SQLITE_API int sqlite3_set_authorizer(sqlite3 *db,
                                      int (*authorizer)(void *, int, const char *, const char *,
                                                        const char *, const char *),
                                      void *arg);
#define SQLITE_DENY   1
#define SQLITE_IGNORE 2

/* The actions, each with its two names. */
#define SQLITE_CREATE_INDEX        1  /* index, table */
#define SQLITE_CREATE_TABLE        2  /* table, - */
#define SQLITE_CREATE_TEMP_INDEX   3  /* index, table */
#define SQLITE_CREATE_TEMP_TABLE   4  /* table, - */
#define SQLITE_CREATE_TEMP_TRIGGER 5  /* trigger, table */
#define SQLITE_CREATE_TEMP_VIEW    6  /* view, - */
#define SQLITE_CREATE_TRIGGER      7  /* trigger, table */
#define SQLITE_CREATE_VIEW         8  /* view, - */
#define SQLITE_DELETE              9  /* table, - */
#define SQLITE_DROP_INDEX          10 /* index, table */
#define SQLITE_DROP_TABLE          11 /* table, - */
#define SQLITE_DROP_TEMP_INDEX     12 /* index, table */
#define SQLITE_DROP_TEMP_TABLE     13 /* table, - */
#define SQLITE_DROP_TEMP_TRIGGER   14 /* trigger, table */
#define SQLITE_DROP_TEMP_VIEW      15 /* view, - */
#define SQLITE_DROP_TRIGGER        16 /* trigger, table */
#define SQLITE_DROP_VIEW           17 /* view, - */
#define SQLITE_INSERT              18 /* table, - */
#define SQLITE_PRAGMA              19 /* pragma, argument or null */
#define SQLITE_READ                20 /* table, column (empty: the table without a column) */
#define SQLITE_SELECT              21 /* -, - */
#define SQLITE_TRANSACTION         22 /* BEGIN, COMMIT or ROLLBACK, - */
#define SQLITE_UPDATE              23 /* table, column */
#define SQLITE_ATTACH              24 /* file name, - */
#define SQLITE_DETACH              25 /* schema, - */
#define SQLITE_ALTER_TABLE         26 /* schema, table */
#define SQLITE_REINDEX             27 /* index, - */
#define SQLITE_ANALYZE             28 /* table, - */
#define SQLITE_CREATE_VTABLE       29 /* table, module */
#define SQLITE_DROP_VTABLE         30 /* table, module */
#define SQLITE_FUNCTION            31 /* -, function */
#define SQLITE_SAVEPOINT           32 /* BEGIN, RELEASE or ROLLBACK, name */
#define SQLITE_COPY                0  /* not used */
#define SQLITE_RECURSIVE           33 /* -, - */

/*
 * Reports what statements do, for the events of `mask`. The last two arguments of the callback
 * depend on the event. One per connection: it replaces sqlite3_trace() and sqlite3_profile() too.
 * Its result is not looked at; give 0.
 */
SQLITE_API int sqlite3_trace_v2(sqlite3 *db, unsigned int mask,
                                int (*trace)(unsigned int event, void *arg, void *p, void *x),
                                void *arg);
#define SQLITE_TRACE_STMT    0x01 /* starts: sqlite3_stmt *, its text or "-- trigger name" */
#define SQLITE_TRACE_PROFILE 0x02 /* ended: sqlite3_stmt *, sqlite3_int64 * of nanoseconds */
#define SQLITE_TRACE_ROW     0x04 /* gives a row: sqlite3_stmt *, - */
#define SQLITE_TRACE_CLOSE   0x08 /* the connection closes: sqlite3 *, - */

/*
 * Before a commit; nonzero turns it into a rollback. After a rollback, but not one by closing. Both
 * return the `arg` of the hook they replace and must not use the connection.
 */
SQLITE_API void *sqlite3_commit_hook(sqlite3 *db, int (*hook)(void *), void *arg);
SQLITE_API void *sqlite3_rollback_hook(sqlite3 *db, void (*hook)(void *), void *arg);
/*
 * After each row inserted, updated or deleted in a table with rowids: SQLITE_INSERT, _UPDATE or
 * _DELETE, schema, table, rowid. Not for rows that REPLACE removes, nor for a DELETE without WHERE
 * that empties the table at once. Returns the former `arg`. It must not use the connection.
 */
SQLITE_API void *sqlite3_update_hook(sqlite3 *db,
                                     void (*hook)(void *, int operation, char const *schema,
                                                  char const *table, sqlite3_int64 rowid),
                                     void *arg);

/*
 * Before each change of a row, with its old and new rowids: schema, table and operation as above,
 * but for all ordinary tables. Within the hook: the number of columns; the old values (UPDATE,
 * DELETE) and new ones (INSERT, UPDATE), valid until the hook returns; the depth (0 by a statement
 * itself, 1 by its trigger ...); and the column that a blob write changes, or -1.
 */
SQLITE_API void *sqlite3_preupdate_hook(sqlite3 *db,
                                        void (*hook)(void *arg, sqlite3 *db, int operation,
                                                     char const *schema, char const *table,
                                                     sqlite3_int64 old_rowid,
                                                     sqlite3_int64 new_rowid),
                                        void *arg);
SQLITE_API int sqlite3_preupdate_old(sqlite3 *db, int column, sqlite3_value **value);
SQLITE_API int sqlite3_preupdate_new(sqlite3 *db, int column, sqlite3_value **value);
SQLITE_API int sqlite3_preupdate_count(sqlite3 *db);
SQLITE_API int sqlite3_preupdate_depth(sqlite3 *db);
SQLITE_API int sqlite3_preupdate_blobwrite(sqlite3 *db);

/*
 * Asked at each commit of an auto-vacuum database how many of its free pages to give back: schema,
 * database size, free pages, page size.
 */
SQLITE_API int
sqlite3_autovacuum_pages(sqlite3 *db,
                         unsigned int (*pages)(void *, const char *schema, unsigned int size,
                                               unsigned int free_count, unsigned int page_size),
                         void *arg, void (*destroy)(void *));

/* --- the write-ahead log --- */

/*
 * After each commit to a log: schema, and pages in the log. What it returns becomes the result of
 * the statement. Returns the former `arg`. sqlite3_wal_autocheckpoint() is such a hook and replaces
 * it.
 */
SQLITE_API void *sqlite3_wal_hook(sqlite3 *db,
                                  int (*hook)(void *, sqlite3 *, const char *schema, int pages),
                                  void *arg);
/* Checkpoint by itself after commits that leave `pages` or more in the log; 0 or less: never. */
SQLITE_API int sqlite3_wal_autocheckpoint(sqlite3 *db, int pages);
/*
 * Copies the log into the database, of one schema or, for null or empty, of all. *log_size: frames
 * in the log, *copied: of them in the database; -1 if unknown. SQLITE_BUSY where the mode cannot be
 * fulfilled, SQLITE_LOCKED inside a write transaction. The short form is PASSIVE.
 */
SQLITE_API int sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *schema, int mode, int *log_size,
                                         int *copied);
SQLITE_API int sqlite3_wal_checkpoint(sqlite3 *db, const char *schema);
#define SQLITE_CHECKPOINT_NOOP     -1 /* nothing but the figures */
#define SQLITE_CHECKPOINT_PASSIVE  0  /* as far as is possible without waiting */
#define SQLITE_CHECKPOINT_FULL     1  /* wait for writers and readers, then all of it */
#define SQLITE_CHECKPOINT_RESTART  2  /* ... and until the next writer starts from the front */
#define SQLITE_CHECKPOINT_TRUNCATE 3  /* ... and make the log empty */

/* --- blobs, piece by piece --- */

typedef struct sqlite3_blob sqlite3_blob;
/*
 * Opens one value of a row, a text or blob, to read (flags 0) or to write (1) in place. Its size
 * stays. *blob is null on failure. A change of the row by other means makes the handle stale:
 * SQLITE_ABORT. Reopen moves to another row of the table, faster. Reading or writing beyond the
 * end: SQLITE_ERROR. Close returns an error of its own only when it ends the transaction.
 */
SQLITE_API int sqlite3_blob_open(sqlite3 *db, const char *schema, const char *table,
                                 const char *column, sqlite3_int64 rowid, int flags,
                                 sqlite3_blob **blob);
SQLITE_API int sqlite3_blob_reopen(sqlite3_blob *blob, sqlite3_int64 rowid);
SQLITE_API int sqlite3_blob_close(sqlite3_blob *blob);
SQLITE_API int sqlite3_blob_bytes(sqlite3_blob *blob);
SQLITE_API int sqlite3_blob_read(sqlite3_blob *blob, void *to, int size, int offset);
SQLITE_API int sqlite3_blob_write(sqlite3_blob *blob, const void *from, int size, int offset);

/* --- backup --- */

typedef struct sqlite3_backup sqlite3_backup;
/*
 * Copies a database into another, page by page, while both are in use. Null on failure, the error
 * being on `target`. Each step copies up to `pages` (negative: the rest): SQLITE_OK, SQLITE_DONE,
 * or SQLITE_BUSY and SQLITE_LOCKED, after which one may try again. A write to the source by another
 * connection starts it over; one by the source's own is copied along. finish() ends it, complete or
 * not, and returns the error if there was one. Nobody else may use `target` meanwhile.
 */
SQLITE_API sqlite3_backup *sqlite3_backup_init(sqlite3 *target, const char *target_schema,
                                               sqlite3 *source, const char *source_schema);
SQLITE_API int sqlite3_backup_step(sqlite3_backup *backup, int pages);
SQLITE_API int sqlite3_backup_finish(sqlite3_backup *backup);
/* Pages still to copy, and in all: as of the last step. */
SQLITE_API int sqlite3_backup_remaining(sqlite3_backup *backup);
SQLITE_API int sqlite3_backup_pagecount(sqlite3_backup *backup);

/* --- a database as one block of memory --- */

/*
 * The bytes a file of this database would have; free them with sqlite3_free(). *size is set, null
 * is returned if it cannot be. NOCOPY gives the library's own bytes where they lie in one piece, to
 * be read only and not freed, else null.
 */
SQLITE_API unsigned char *sqlite3_serialize(sqlite3 *db, const char *schema, sqlite3_int64 *size,
                                            unsigned int flags);
#define SQLITE_SERIALIZE_NOCOPY 0x001
/*
 * Makes such bytes the database of that schema, in place: `size` of them in a buffer of `capacity`.
 * SQLITE_BUSY in a transaction or backup. With FREEONCLOSE the buffer is freed even on failure.
 */
SQLITE_API int sqlite3_deserialize(sqlite3 *db, const char *schema, unsigned char *data,
                                   sqlite3_int64 size, sqlite3_int64 capacity, unsigned int flags);
#define SQLITE_DESERIALIZE_FREEONCLOSE 1 /* sqlite3_free() it in the end */
#define SQLITE_DESERIALIZE_RESIZEABLE  2 /* may be grown with sqlite3_realloc64() */
#define SQLITE_DESERIALIZE_READONLY    4

/* --- arrays as tables --- */

/*
 * Binds an array for carray(?): one row per element. The array lives as its destructor says, which
 * in _v2 gets `destroy_arg`. TEXT takes const char *[], BLOB takes struct iovec[].
 */
SQLITE_API int sqlite3_carray_bind_v2(sqlite3_stmt *stmt, int index, void *data, int count,
                                      int type, void (*destroy)(void *), void *destroy_arg);
SQLITE_API int sqlite3_carray_bind(sqlite3_stmt *stmt, int index, void *data, int count, int type,
                                   void (*destroy)(void *));
#define SQLITE_CARRAY_INT32  0
#define SQLITE_CARRAY_INT64  1
#define SQLITE_CARRAY_DOUBLE 2
#define SQLITE_CARRAY_TEXT   3
#define SQLITE_CARRAY_BLOB   4
#define CARRAY_INT32         0
#define CARRAY_INT64         1
#define CARRAY_DOUBLE        2
#define CARRAY_TEXT          3
#define CARRAY_BLOB          4

/* --- loadable extensions --- */

typedef struct sqlite3_api_routines sqlite3_api_routines; /* see sqlite3ext.h */
/*
 * Loads a shared library and calls its entry point, by default sqlite3_extension_init or
 * sqlite3_NAME_init. Must be enabled on the connection first: sqlite3_enable_load_extension() also
 * enables the SQL function, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION only this call. A message goes to
 * *error, to be freed with sqlite3_free().
 */
SQLITE_API int sqlite3_load_extension(sqlite3 *db, const char *file, const char *entry,
                                      char **error);
SQLITE_API int sqlite3_enable_load_extension(sqlite3 *db, int on);
/*
 * Entry points that every new connection runs, in order. Their true type is sqlite3_loadext_entry.
 * cancel returns 1 if it was there. For the whole process; thread-safe.
 */
SQLITE_API int sqlite3_auto_extension(void (*entry)(void));
SQLITE_API int sqlite3_cancel_auto_extension(void (*entry)(void));
SQLITE_API void sqlite3_reset_auto_extension(void);

/* --- memory in use --- */

/* Bytes allocated now; the most there ever were, and from now on if `reset`. */
SQLITE_API sqlite3_int64 sqlite3_memory_used(void);
SQLITE_API sqlite3_int64 sqlite3_memory_highwater(int reset);
/*
 * Limits in bytes for the process, 0 for none; a negative value only asks. They return the former
 * one. Above the soft one caches are emptied; above the hard one allocations fail.
 */
SQLITE_API sqlite3_int64 sqlite3_soft_heap_limit64(sqlite3_int64 limit);
SQLITE_API sqlite3_int64 sqlite3_hard_heap_limit64(sqlite3_int64 limit);
/* Tries to give back that many bytes from caches; how many it was. */
SQLITE_API int sqlite3_release_memory(int size);

/* --- small tools --- */

/* Fills a buffer from the library's generator; size < 1 or null seeds it anew. Thread-safe. */
SQLITE_API void sqlite3_randomness(int size, void *buffer);
/* Sleeps at least so long; returns what the file system's xSleep took, in milliseconds. */
SQLITE_API int sqlite3_sleep(int ms);
/* As strcasecmp() for ASCII, whatever the locale. */
SQLITE_API int sqlite3_stricmp(const char *a, const char *b);
SQLITE_API int sqlite3_strnicmp(const char *a, const char *b, int size);
/* 0 if the text matches, as GLOB and LIKE do; `escape` 0 for none. */
SQLITE_API int sqlite3_strglob(const char *pattern, const char *text);
SQLITE_API int sqlite3_strlike(const char *pattern, const char *text, unsigned int escape);
/* Writes to the error log of SQLITE_CONFIG_LOG. The format as that of sqlite3_mprintf(). */
SQLITE_API void sqlite3_log(int rc, const char *format, ...);

/*
 * A growing text. Never null: without memory, appending does nothing and errcode() tells, as it
 * does beyond the length limit. finish() gives the text (free it with sqlite3_free(); null if empty
 * or failed) and destroys the builder; value() lends it until the next change.
 */
typedef struct sqlite3_str sqlite3_str;
SQLITE_API sqlite3_str *sqlite3_str_new(sqlite3 *db);
SQLITE_API char *sqlite3_str_finish(sqlite3_str *text);
SQLITE_API void sqlite3_str_free(sqlite3_str *text);
SQLITE_API void sqlite3_str_appendf(sqlite3_str *text, const char *format, ...);
SQLITE_API void sqlite3_str_vappendf(sqlite3_str *text, const char *format, va_list args);
SQLITE_API void sqlite3_str_append(sqlite3_str *text, const char *bytes, int size);
SQLITE_API void sqlite3_str_appendall(sqlite3_str *text, const char *more);
SQLITE_API void sqlite3_str_appendchar(sqlite3_str *text, int count, char c);
SQLITE_API void sqlite3_str_reset(sqlite3_str *text);
SQLITE_API void sqlite3_str_truncate(sqlite3_str *text, int size);
SQLITE_API int sqlite3_str_errcode(sqlite3_str *text);
SQLITE_API int sqlite3_str_length(sqlite3_str *text);
SQLITE_API char *sqlite3_str_value(sqlite3_str *text);

/* ============================== III. Advanced ============================== */

/* --- virtual tables --- */

typedef struct sqlite3_vtab sqlite3_vtab;
typedef struct sqlite3_index_info sqlite3_index_info;
typedef struct sqlite3_vtab_cursor sqlite3_vtab_cursor;
typedef struct sqlite3_module sqlite3_module;

/*
 * What a module implements. All return a result code unless their type says otherwise; a message
 * goes to the table's zErrMsg, or the last argument, made with sqlite3_mprintf(). Slots may be null
 * where marked "?". iVersion says how many slots there are: 1 up to xRename, 2 to xRollbackTo, 3 to
 * xShadowName, 4 to xIntegrity.
 */
struct sqlite3_module {
    int iVersion;
    /*
     * CREATE VIRTUAL TABLE, and connecting to an existing one. argv: module, schema, table, then
     * arguments. Each calls sqlite3_declare_vtab(). Null xCreate: it exists without being created.
     */
    int (*xCreate)(sqlite3 *db, void *pAux, int argc, const char *const *argv,
                   sqlite3_vtab **ppVTab, char **pzErr);
    int (*xConnect)(sqlite3 *db, void *pAux, int argc, const char *const *argv,
                    sqlite3_vtab **ppVTab, char **pzErr);
    int (*xBestIndex)(sqlite3_vtab *pVTab, sqlite3_index_info *pInfo);
    int (*xDisconnect)(sqlite3_vtab *pVTab);
    int (*xDestroy)(sqlite3_vtab *pVTab); /* DROP TABLE */
    int (*xOpen)(sqlite3_vtab *pVTab, sqlite3_vtab_cursor **ppCursor);
    int (*xClose)(sqlite3_vtab_cursor *pCursor);
    /*
     * Starts the scan that xBestIndex chose, with the values it asked for; xEof is nonzero past the
     * end.
     */
    int (*xFilter)(sqlite3_vtab_cursor *pCursor, int idxNum, const char *idxStr, int argc,
                   sqlite3_value **argv);
    int (*xNext)(sqlite3_vtab_cursor *pCursor);
    int (*xEof)(sqlite3_vtab_cursor *pCursor);
    int (*xColumn)(sqlite3_vtab_cursor *pCursor, sqlite3_context *pContext, int iCol);
    int (*xRowid)(sqlite3_vtab_cursor *pCursor, sqlite3_int64 *pRowid);
    /* ? One value: delete that rowid. More: old rowid (NULL: insert), new rowid, the columns. */
    int (*xUpdate)(sqlite3_vtab *pVTab, int argc, sqlite3_value **argv, sqlite3_int64 *pRowid);
    int (*xBegin)(sqlite3_vtab *pVTab); /* ? as the three below */
    int (*xSync)(sqlite3_vtab *pVTab);  /* first phase of a commit: the last that may fail */
    int (*xCommit)(sqlite3_vtab *pVTab);
    int (*xRollback)(sqlite3_vtab *pVTab);
    /*
     * ? Nonzero: use this function where the first argument is a column of the table. A number from
     * SQLITE_INDEX_CONSTRAINT_FUNCTION on: xBestIndex may be offered it as that constraint.
     */
    int (*xFindFunction)(sqlite3_vtab *pVtab, int nArg, const char *zName,
                         void (**pxFunc)(sqlite3_context *, int, sqlite3_value **), void **ppArg);
    int (*xRename)(sqlite3_vtab *pVtab, const char *zNew); /* ? */
    int (*xSavepoint)(sqlite3_vtab *pVTab, int n); /* ? as the two below: savepoints by number */
    int (*xRelease)(sqlite3_vtab *pVTab, int n);
    int (*xRollbackTo)(sqlite3_vtab *pVTab, int n);
    /* ? Does TABLE_NAME belong to the module, for this NAME? */
    int (*xShadowName)(const char *zName);
    /* ? For PRAGMA integrity_check: sets *pzErr where the contents are not sound. */
    int (*xIntegrity)(sqlite3_vtab *pVTab, const char *zSchema, const char *zTabName, int mFlags,
                      char **pzErr);
};

/*
 * The talk between planner and xBestIndex. Above the line inputs: constraints (column, -1 the
 * rowid, and operator; to be used only if `usable`) and the wanted order. Below outputs: for each
 * constraint the 1-based place of its value in xFilter's argv, and whether the module checks it
 * itself; the plan as number and text; whether rows come ordered; what it costs. SQLITE_CONSTRAINT
 * from xBestIndex: no plan is possible with these usable constraints.
 */
struct sqlite3_index_info {
    int nConstraint;
    struct sqlite3_index_constraint {
        int iColumn;
        unsigned char op; /* SQLITE_INDEX_CONSTRAINT_* */
        unsigned char usable;
        int iTermOffset; /* not for modules */
    } * aConstraint;
    int nOrderBy;
    struct sqlite3_index_orderby {
        int iColumn;
        unsigned char desc;
    } * aOrderBy;
    /* --- outputs --- */
    struct sqlite3_index_constraint_usage {
        int argvIndex;
        unsigned char omit;
    } * aConstraintUsage;
    int idxNum;
    char *idxStr;
    int needToFreeIdxStr; /* idxStr came from sqlite3_malloc() */
    int orderByConsumed;
    double estimatedCost;
    sqlite3_int64 estimatedRows;
    int idxFlags;           /* SQLITE_INDEX_SCAN_* */
    sqlite3_uint64 colUsed; /* input: bit per column needed; the last one for all from column 63 */
};
#define SQLITE_INDEX_SCAN_UNIQUE          0x00000001 /* at most one row */
#define SQLITE_INDEX_SCAN_HEX             0x00000002 /* the plan shows idxNum in hexadecimal */
#define SQLITE_INDEX_CONSTRAINT_EQ        2
#define SQLITE_INDEX_CONSTRAINT_GT        4
#define SQLITE_INDEX_CONSTRAINT_LE        8
#define SQLITE_INDEX_CONSTRAINT_LT        16
#define SQLITE_INDEX_CONSTRAINT_GE        32
#define SQLITE_INDEX_CONSTRAINT_MATCH     64
#define SQLITE_INDEX_CONSTRAINT_LIKE      65
#define SQLITE_INDEX_CONSTRAINT_GLOB      66
#define SQLITE_INDEX_CONSTRAINT_REGEXP    67
#define SQLITE_INDEX_CONSTRAINT_NE        68
#define SQLITE_INDEX_CONSTRAINT_ISNOT     69
#define SQLITE_INDEX_CONSTRAINT_ISNOTNULL 70
#define SQLITE_INDEX_CONSTRAINT_ISNULL    71
#define SQLITE_INDEX_CONSTRAINT_IS        72
#define SQLITE_INDEX_CONSTRAINT_LIMIT     73 /* no column; usable as a bound on the rows */
#define SQLITE_INDEX_CONSTRAINT_OFFSET    74
#define SQLITE_INDEX_CONSTRAINT_FUNCTION  150 /* and above: what xFindFunction returned */

/* What every module's table and cursor begin with. The library fills in the pointers. */
struct sqlite3_vtab {
    const sqlite3_module *pModule;
    int nRef;      /* not for modules */
    char *zErrMsg; /* from sqlite3_mprintf(); the library frees it */
};
struct sqlite3_vtab_cursor {
    sqlite3_vtab *pVtab;
};

/*
 * Registers a module under a name; `arg` reaches xCreate and xConnect. A null module removes it.
 * `destroy` is called on `arg` when it goes and also when the call fails. drop_modules() removes
 * all but those of a list that ends with null; null: all.
 */
SQLITE_API int sqlite3_create_module(sqlite3 *db, const char *name, const sqlite3_module *module,
                                     void *arg);
SQLITE_API int sqlite3_create_module_v2(sqlite3 *db, const char *name, const sqlite3_module *module,
                                        void *arg, void (*destroy)(void *));
SQLITE_API int sqlite3_drop_modules(sqlite3 *db, const char **keep);
/* Within xCreate and xConnect: the columns, as a CREATE TABLE statement. */
SQLITE_API int sqlite3_declare_vtab(sqlite3 *db, const char *sql);

/* Within xCreate and xConnect: properties of the table. */
SQLITE_API int sqlite3_vtab_config(sqlite3 *db, int option, ...);
#define SQLITE_VTAB_CONSTRAINT_SUPPORT 1 /* int: xUpdate minds sqlite3_vtab_on_conflict() */
#define SQLITE_VTAB_INNOCUOUS          2 /* safe in the views and triggers of an untrusted schema */
#define SQLITE_VTAB_DIRECTONLY         3 /* not to be used in views and triggers */
#define SQLITE_VTAB_USES_ALL_SCHEMAS   4 /* it reads every attached database */

/* Within xUpdate: the conflict mode, one of these, SQLITE_ABORT or SQLITE_IGNORE. */
SQLITE_API int sqlite3_vtab_on_conflict(sqlite3 *db);
#define SQLITE_ROLLBACK 1
#define SQLITE_FAIL     3
#define SQLITE_REPLACE  5

/* Within xColumn: true if an UPDATE asks for a column it will not change: no result is needed. */
SQLITE_API int sqlite3_vtab_nochange(sqlite3_context *context);
/* Within xBestIndex: the collation of a constraint. Lives until xBestIndex returns. */
SQLITE_API const char *sqlite3_vtab_collation(sqlite3_index_info *info, int constraint);
/* ... how the order is wanted: 0 sorted, 1 equal rows together, 2 distinct rows, 3 both 0 and 2. */
SQLITE_API int sqlite3_vtab_distinct(sqlite3_index_info *info);
/*
 * ... is it `column IN (...)`? With handle 1 xFilter gets the whole list as one value, 0 one by
 * one.
 */
SQLITE_API int sqlite3_vtab_in(sqlite3_index_info *info, int constraint, int handle);
/* Within xFilter: walks such a list; SQLITE_DONE at its end. */
SQLITE_API int sqlite3_vtab_in_first(sqlite3_value *list, sqlite3_value **value);
SQLITE_API int sqlite3_vtab_in_next(sqlite3_value *list, sqlite3_value **value);
/* Within xBestIndex: the right side if it is known already, else SQLITE_NOTFOUND and null. */
SQLITE_API int sqlite3_vtab_rhs_value(sqlite3_index_info *info, int constraint,
                                      sqlite3_value **value);

/* --- files and file systems --- */

/* What xDeviceCharacteristics may promise about a file. */
#define SQLITE_IOCAP_ATOMIC                0x00000001 /* writes of any size happen wholly or not */
#define SQLITE_IOCAP_ATOMIC512             0x00000002 /* aligned writes of that size do */
#define SQLITE_IOCAP_ATOMIC1K              0x00000004
#define SQLITE_IOCAP_ATOMIC2K              0x00000008
#define SQLITE_IOCAP_ATOMIC4K              0x00000010
#define SQLITE_IOCAP_ATOMIC8K              0x00000020
#define SQLITE_IOCAP_ATOMIC16K             0x00000040
#define SQLITE_IOCAP_ATOMIC32K             0x00000080
#define SQLITE_IOCAP_ATOMIC64K             0x00000100
#define SQLITE_IOCAP_SAFE_APPEND           0x00000200 /* data before size when a file grows */
#define SQLITE_IOCAP_SEQUENTIAL            0x00000400 /* writes reach the disk in their order */
#define SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN 0x00000800
#define SQLITE_IOCAP_POWERSAFE_OVERWRITE   0x00001000 /* a power cut hurts only what was written */
#define SQLITE_IOCAP_IMMUTABLE             0x00002000 /* nobody can change the file */
#define SQLITE_IOCAP_BATCH_ATOMIC          0x00004000 /* FCNTL_BEGIN_ATOMIC_WRITE works */
#define SQLITE_IOCAP_SUBPAGE_READ          0x00008000 /* reads of less than a page are fine */

/* Lock levels of a database file, each of which includes those before. */
#define SQLITE_LOCK_NONE      0
#define SQLITE_LOCK_SHARED    1 /* many may read */
#define SQLITE_LOCK_RESERVED  2 /* one means to write; others still read */
#define SQLITE_LOCK_PENDING   3 /* one waits for the readers to go; nobody new may come */
#define SQLITE_LOCK_EXCLUSIVE 4 /* one writes, alone */

/* How xSync is to sync: NORMAL or FULL, and whether the file's metadata may be left out. */
#define SQLITE_SYNC_NORMAL   0x00002
#define SQLITE_SYNC_FULL     0x00003
#define SQLITE_SYNC_DATAONLY 0x00010

/* What xAccess asks. */
#define SQLITE_ACCESS_EXISTS    0
#define SQLITE_ACCESS_READWRITE 1
#define SQLITE_ACCESS_READ      2 /* not used */

/* xShmLock: lock or unlock, shared or exclusive, of SQLITE_SHM_NLOCK slots. */
#define SQLITE_SHM_UNLOCK    1
#define SQLITE_SHM_LOCK      2
#define SQLITE_SHM_SHARED    4
#define SQLITE_SHM_EXCLUSIVE 8
#define SQLITE_SHM_NLOCK     8

/* An open file. A VFS puts its own fields behind; szOsFile says how large it is in all. */
typedef struct sqlite3_file sqlite3_file;
struct sqlite3_file {
    const struct sqlite3_io_methods *pMethods; /* null: not open */
};

/*
 * What a file can do. Version 1 ends at xDeviceCharacteristics, 2 adds shared memory, 3 memory
 * maps. xRead that meets the end fills with zeros and returns SQLITE_IOERR_SHORT_READ. xFetch may
 * give a null pointer: then the page is read. xFileControl answers SQLITE_NOTFOUND to what it does
 * not know.
 */
typedef struct sqlite3_io_methods sqlite3_io_methods;
struct sqlite3_io_methods {
    int iVersion;
    int (*xClose)(sqlite3_file *pFile);
    int (*xRead)(sqlite3_file *pFile, void *p, int iAmt, sqlite3_int64 iOfst);
    int (*xWrite)(sqlite3_file *pFile, const void *p, int iAmt, sqlite3_int64 iOfst);
    int (*xTruncate)(sqlite3_file *pFile, sqlite3_int64 size);
    int (*xSync)(sqlite3_file *pFile, int flags);
    int (*xFileSize)(sqlite3_file *pFile, sqlite3_int64 *pSize);
    int (*xLock)(sqlite3_file *pFile, int level);   /* raises; SQLITE_BUSY if held by others */
    int (*xUnlock)(sqlite3_file *pFile, int level); /* lowers to SHARED or NONE */
    int (*xCheckReservedLock)(sqlite3_file *pFile, int *pResOut);
    int (*xFileControl)(sqlite3_file *pFile, int op, void *pArg);
    int (*xSectorSize)(sqlite3_file *pFile);
    int (*xDeviceCharacteristics)(sqlite3_file *pFile);
    int (*xShmMap)(sqlite3_file *pFile, int iPg, int pgsz, int extend, void volatile **pp);
    int (*xShmLock)(sqlite3_file *pFile, int offset, int n, int flags);
    void (*xShmBarrier)(sqlite3_file *pFile);
    int (*xShmUnmap)(sqlite3_file *pFile, int deleteFlag);
    int (*xFetch)(sqlite3_file *pFile, sqlite3_int64 iOfst, int iAmt, void **pp);
    int (*xUnfetch)(sqlite3_file *pFile, sqlite3_int64 iOfst, void *p);
};

/*
 * Passes an operation to the file of a schema (null: main). SQLITE_NOTFOUND if the file does not
 * know it, SQLITE_ERROR for no such schema. Some are answered by the library itself.
 */
SQLITE_API int sqlite3_file_control(sqlite3 *db, const char *schema, int operation, void *arg);
#define SQLITE_FCNTL_LOCKSTATE             1 /* int *: the lock level */
#define SQLITE_FCNTL_GET_LOCKPROXYFILE     2
#define SQLITE_FCNTL_SET_LOCKPROXYFILE     3
#define SQLITE_FCNTL_LAST_ERRNO            4 /* int * */
#define SQLITE_FCNTL_SIZE_HINT             5 /* sqlite3_int64 *: about to grow to that size */
#define SQLITE_FCNTL_CHUNK_SIZE            6 /* int *: grow by multiples of it */
#define SQLITE_FCNTL_FILE_POINTER          7 /* sqlite3_file **: the database file */
#define SQLITE_FCNTL_SYNC_OMITTED          8 /* not used */
#define SQLITE_FCNTL_WIN32_AV_RETRY        9
#define SQLITE_FCNTL_PERSIST_WAL           10 /* int *: the log outlives closing; -1 asks */
#define SQLITE_FCNTL_OVERWRITE             11 /* VACUUM is about to replace everything */
#define SQLITE_FCNTL_VFSNAME               12 /* char **: names of the VFSs; free it */
#define SQLITE_FCNTL_POWERSAFE_OVERWRITE   13 /* int *; -1 asks */
#define SQLITE_FCNTL_PRAGMA                14 /* char *[4]: result or error out, name, argument */
#define SQLITE_FCNTL_BUSYHANDLER           15 /* void *[2]: int (*)(void *) and its argument */
#define SQLITE_FCNTL_TEMPFILENAME          16 /* char **: a name for a temporary file; free it */
#define SQLITE_FCNTL_MMAP_SIZE             18 /* sqlite3_int64 *: most to map; negative asks */
#define SQLITE_FCNTL_TRACE                 19 /* char *: for logs of a VFS */
#define SQLITE_FCNTL_HAS_MOVED             20 /* int *: 1 if renamed or removed while open */
#define SQLITE_FCNTL_SYNC                  21 /* before xSync, also where that is left out */
#define SQLITE_FCNTL_COMMIT_PHASETWO       22 /* the transaction is committed */
#define SQLITE_FCNTL_WIN32_SET_HANDLE      23
#define SQLITE_FCNTL_WAL_BLOCK             24
#define SQLITE_FCNTL_ZIPVFS                25
#define SQLITE_FCNTL_RBU                   26
#define SQLITE_FCNTL_VFS_POINTER           27 /* sqlite3_vfs ** */
#define SQLITE_FCNTL_JOURNAL_POINTER       28 /* sqlite3_file **: journal or log */
#define SQLITE_FCNTL_WIN32_GET_HANDLE      29
#define SQLITE_FCNTL_PDB                   30
#define SQLITE_FCNTL_BEGIN_ATOMIC_WRITE    31 /* what follows up to COMMIT is one write */
#define SQLITE_FCNTL_COMMIT_ATOMIC_WRITE   32
#define SQLITE_FCNTL_ROLLBACK_ATOMIC_WRITE 33
#define SQLITE_FCNTL_LOCK_TIMEOUT          34 /* int *: milliseconds; the former out */
#define SQLITE_FCNTL_DATA_VERSION          35 /* unsigned int *: changes with commits */
#define SQLITE_FCNTL_SIZE_LIMIT            36 /* sqlite3_int64 *: of one in memory */
#define SQLITE_FCNTL_CKPT_DONE             37
#define SQLITE_FCNTL_RESERVE_BYTES         38 /* int *: unused bytes per page */
#define SQLITE_FCNTL_CKPT_START            39
#define SQLITE_FCNTL_EXTERNAL_READER       40 /* int *: 1 if another process reads the log */
#define SQLITE_FCNTL_CKSM_FILE             41
#define SQLITE_FCNTL_RESET_CACHE           42 /* drop cached pages unless a transaction is open */
#define SQLITE_FCNTL_NULL_IO               43
#define SQLITE_FCNTL_BLOCK_ON_CONNECT      44 /* int *: a connecting lock may wait */
#define SQLITE_FCNTL_FILESTAT              45 /* sqlite3_str *: facts about the file as JSON */
#define SQLITE_GET_LOCKPROXYFILE           SQLITE_FCNTL_GET_LOCKPROXYFILE
#define SQLITE_SET_LOCKPROXYFILE           SQLITE_FCNTL_SET_LOCKPROXYFILE
#define SQLITE_LAST_ERRNO                  SQLITE_FCNTL_LAST_ERRNO

/*
 * A file system. Version 1 ends at xGetLastError, 2 adds xCurrentTimeInt64, 3 the system calls that
 * tests replace. The caller provides szOsFile bytes for each open file. xOpen may clear or set
 * pMethods even when it fails; if set, xClose is called. The name it gets stays valid until xClose
 * and carries URI parameters; null means "make a temporary file of your own". Times: days, or
 * milliseconds, of the Julian calendar.
 */
typedef struct sqlite3_vfs sqlite3_vfs;
typedef void (*sqlite3_syscall_ptr)(void);
struct sqlite3_vfs {
    int iVersion;
    int szOsFile;
    int mxPathname;
    sqlite3_vfs *pNext; /* the library's, once registered */
    const char *zName;
    void *pAppData;
    int (*xOpen)(sqlite3_vfs *pVfs, sqlite3_filename zName, sqlite3_file *pFile, int flags,
                 int *pOutFlags);
    int (*xDelete)(sqlite3_vfs *pVfs, const char *zName, int syncDir);
    int (*xAccess)(sqlite3_vfs *pVfs, const char *zName, int flags, int *pResOut);
    int (*xFullPathname)(sqlite3_vfs *pVfs, const char *zName, int nOut, char *zOut);
    void *(*xDlOpen)(sqlite3_vfs *pVfs, const char *zFilename);
    void (*xDlError)(sqlite3_vfs *pVfs, int nByte, char *zErrMsg);
    void (*(*xDlSym)(sqlite3_vfs *pVfs, void *pHandle, const char *zSymbol))(void);
    void (*xDlClose)(sqlite3_vfs *pVfs, void *pHandle);
    int (*xRandomness)(sqlite3_vfs *pVfs, int nByte, char *zOut);
    int (*xSleep)(sqlite3_vfs *pVfs, int microseconds);
    int (*xCurrentTime)(sqlite3_vfs *pVfs, double *pTime);
    int (*xGetLastError)(sqlite3_vfs *pVfs, int nByte, char *zOut);
    int (*xCurrentTimeInt64)(sqlite3_vfs *pVfs, sqlite3_int64 *pTime);
    int (*xSetSystemCall)(sqlite3_vfs *pVfs, const char *zName, sqlite3_syscall_ptr pCall);
    sqlite3_syscall_ptr (*xGetSystemCall)(sqlite3_vfs *pVfs, const char *zName);
    const char *(*xNextSystemCall)(sqlite3_vfs *pVfs, const char *zName);
};

/*
 * File systems of the process by name; null finds the default, and null is returned for none. The
 * structure must outlive its registration. Thread-safe.
 */
SQLITE_API sqlite3_vfs *sqlite3_vfs_find(const char *name);
SQLITE_API int sqlite3_vfs_register(sqlite3_vfs *vfs, int make_default);
SQLITE_API int sqlite3_vfs_unregister(sqlite3_vfs *vfs);

/*
 * For a VFS: what the name given to its xOpen carries. A parameter's value (null if it is not
 * there), as a truth or an integer with a default, and the n-th key. The three names from any one
 * of them.
 */
SQLITE_API const char *sqlite3_uri_parameter(sqlite3_filename name, const char *key);
SQLITE_API int sqlite3_uri_boolean(sqlite3_filename name, const char *key, int absent);
SQLITE_API sqlite3_int64 sqlite3_uri_int64(sqlite3_filename name, const char *key,
                                           sqlite3_int64 absent);
SQLITE_API const char *sqlite3_uri_key(sqlite3_filename name, int index);
SQLITE_API const char *sqlite3_filename_database(sqlite3_filename name);
SQLITE_API const char *sqlite3_filename_journal(sqlite3_filename name);
SQLITE_API const char *sqlite3_filename_wal(sqlite3_filename name);
/* The open database file whose journal or log has this name. */
SQLITE_API sqlite3_file *sqlite3_database_file_object(const char *name);
/* For a VFS on top of another: makes such a name (null without memory), and frees it. */
SQLITE_API sqlite3_filename sqlite3_create_filename(const char *database, const char *journal,
                                                    const char *wal, int count,
                                                    const char **parameters);
SQLITE_API void sqlite3_free_filename(sqlite3_filename name);

/*
 * Where temporary files go; null: the system's choice. From sqlite3_malloc(), set before the first
 * connection and by no two threads; PRAGMA temp_store_directory does it too. data_directory has a
 * meaning on Windows only.
 */
SQLITE_API SQLITE_EXTERN char *sqlite3_temp_directory;
SQLITE_API SQLITE_EXTERN char *sqlite3_data_directory;
#ifdef _WIN32
SQLITE_API int sqlite3_win32_set_directory(unsigned long type, void *value);
SQLITE_API int sqlite3_win32_set_directory8(unsigned long type, const char *value);
SQLITE_API int sqlite3_win32_set_directory16(unsigned long type, const void *value);
#endif
#define SQLITE_WIN32_DATA_DIRECTORY_TYPE 1
#define SQLITE_WIN32_TEMP_DIRECTORY_TYPE 2

/* --- memory, locks and page caches of one's own --- */

/* For SQLITE_CONFIG_MALLOC. xRoundup: what a request will really take. Must be thread-safe. */
typedef struct sqlite3_mem_methods sqlite3_mem_methods;
struct sqlite3_mem_methods {
    void *(*xMalloc)(int nByte);
    void (*xFree)(void *p);
    void *(*xRealloc)(void *p, int nByte);
    int (*xSize)(void *p);
    int (*xRoundup)(int nByte);
    int (*xInit)(void *pAppData);
    void (*xShutdown)(void *pAppData);
    void *pAppData;
};

/*
 * Locks. FAST and RECURSIVE give a new one to be freed; the others are the process's own, the same
 * at each call, and must not be freed. Null means no locking and is accepted everywhere. try:
 * SQLITE_OK or SQLITE_BUSY. held and notheld are for assertions and answer 1 where they cannot
 * know.
 */
typedef struct sqlite3_mutex sqlite3_mutex;
SQLITE_API sqlite3_mutex *sqlite3_mutex_alloc(int kind);
SQLITE_API void sqlite3_mutex_free(sqlite3_mutex *mutex);
SQLITE_API void sqlite3_mutex_enter(sqlite3_mutex *mutex);
SQLITE_API int sqlite3_mutex_try(sqlite3_mutex *mutex);
SQLITE_API void sqlite3_mutex_leave(sqlite3_mutex *mutex);
#ifndef NDEBUG
SQLITE_API int sqlite3_mutex_held(sqlite3_mutex *mutex);
SQLITE_API int sqlite3_mutex_notheld(sqlite3_mutex *mutex);
#endif
/* The lock of a connection, recursive; null unless it is in serialized mode. */
SQLITE_API sqlite3_mutex *sqlite3_db_mutex(sqlite3 *db);
#define SQLITE_MUTEX_FAST          0
#define SQLITE_MUTEX_RECURSIVE     1
#define SQLITE_MUTEX_STATIC_MAIN   2
#define SQLITE_MUTEX_STATIC_MEM    3
#define SQLITE_MUTEX_STATIC_MEM2   4
#define SQLITE_MUTEX_STATIC_OPEN   4
#define SQLITE_MUTEX_STATIC_PRNG   5
#define SQLITE_MUTEX_STATIC_LRU    6
#define SQLITE_MUTEX_STATIC_LRU2   7
#define SQLITE_MUTEX_STATIC_PMEM   7
#define SQLITE_MUTEX_STATIC_APP1   8 /* APP1..3: for applications */
#define SQLITE_MUTEX_STATIC_APP2   9
#define SQLITE_MUTEX_STATIC_APP3   10
#define SQLITE_MUTEX_STATIC_VFS1   11 /* VFS1..3: for file systems */
#define SQLITE_MUTEX_STATIC_VFS2   12
#define SQLITE_MUTEX_STATIC_VFS3   13
#define SQLITE_MUTEX_STATIC_MASTER 2 /* the former name of MAIN */

/* For SQLITE_CONFIG_MUTEX. xMutexHeld and xMutexNotheld may be null. */
typedef struct sqlite3_mutex_methods sqlite3_mutex_methods;
struct sqlite3_mutex_methods {
    int (*xMutexInit)(void);
    int (*xMutexEnd)(void);
    sqlite3_mutex *(*xMutexAlloc)(int kind);
    void (*xMutexFree)(sqlite3_mutex *p);
    void (*xMutexEnter)(sqlite3_mutex *p);
    int (*xMutexTry)(sqlite3_mutex *p);
    void (*xMutexLeave)(sqlite3_mutex *p);
    int (*xMutexHeld)(sqlite3_mutex *p);
    int (*xMutexNotheld)(sqlite3_mutex *p);
};

/*
 * For SQLITE_CONFIG_PCACHE2: a cache of pages by number. A page has its content and some bytes
 * beside it. xFetch: createFlag 0 only if there, 1 if it is easy, 2 whatever it takes; the page is
 * pinned until xUnpin, which may be told to drop it. xTruncate drops all from a number on.
 */
typedef struct sqlite3_pcache sqlite3_pcache;
typedef struct sqlite3_pcache_page sqlite3_pcache_page;
struct sqlite3_pcache_page {
    void *pBuf;
    void *pExtra;
};
typedef struct sqlite3_pcache_methods2 sqlite3_pcache_methods2;
struct sqlite3_pcache_methods2 {
    int iVersion;
    void *pArg;
    int (*xInit)(void *pArg);
    void (*xShutdown)(void *pArg);
    sqlite3_pcache *(*xCreate)(int szPage, int szExtra, int bPurgeable);
    void (*xCachesize)(sqlite3_pcache *pCache, int nCachesize);
    int (*xPagecount)(sqlite3_pcache *pCache);
    sqlite3_pcache_page *(*xFetch)(sqlite3_pcache *pCache, unsigned key, int createFlag);
    void (*xUnpin)(sqlite3_pcache *pCache, sqlite3_pcache_page *pPage, int discard);
    void (*xRekey)(sqlite3_pcache *pCache, sqlite3_pcache_page *pPage, unsigned oldKey,
                   unsigned newKey);
    void (*xTruncate)(sqlite3_pcache *pCache, unsigned iLimit);
    void (*xDestroy)(sqlite3_pcache *pCache);
    void (*xShrink)(sqlite3_pcache *pCache);
};
/* The former interface, without the bytes beside a page. Accepted by nothing any more. */
typedef struct sqlite3_pcache_methods sqlite3_pcache_methods;
struct sqlite3_pcache_methods {
    void *pArg;
    int (*xInit)(void *pArg);
    void (*xShutdown)(void *pArg);
    sqlite3_pcache *(*xCreate)(int szPage, int bPurgeable);
    void (*xCachesize)(sqlite3_pcache *pCache, int nCachesize);
    int (*xPagecount)(sqlite3_pcache *pCache);
    void *(*xFetch)(sqlite3_pcache *pCache, unsigned key, int createFlag);
    void (*xUnpin)(sqlite3_pcache *pCache, void *pPage, int discard);
    void (*xRekey)(sqlite3_pcache *pCache, void *pPage, unsigned oldKey, unsigned newKey);
    void (*xTruncate)(sqlite3_pcache *pCache, unsigned iLimit);
    void (*xDestroy)(sqlite3_pcache *pCache);
};

/* --- shared caches --- */

/* Lets connections of the process share one cache per file, if opened from now on. */
SQLITE_API int sqlite3_enable_shared_cache(int on);
/*
 * After SQLITE_LOCKED_SHAREDCACHE: calls `notify` when the connection in the way ends its
 * transaction, at once if it has. The waiting `arg`s come together in an array. SQLITE_LOCKED:
 * waiting for each other. Null takes it back.
 */
SQLITE_API int sqlite3_unlock_notify(sqlite3 *blocked, void (*notify)(void **args, int count),
                                     void *arg);

/* --- snapshots --- */

/* A moment in the history of a database in log mode. */
typedef struct sqlite3_snapshot {
    unsigned char hidden[48];
} sqlite3_snapshot;
/*
 * get: notes what the open read transaction sees; free it with snapshot_free(). open: makes the
 * read transaction see that again; SQLITE_ERROR_SNAPSHOT if a checkpoint has overwritten it,
 * SQLITE_ERROR if there is a write transaction or no log. cmp: negative if the first is older; both
 * of one log. recover: after the last connection closed without a checkpoint, makes old ones usable
 * again.
 */
SQLITE_API int sqlite3_snapshot_get(sqlite3 *db, const char *schema, sqlite3_snapshot **snapshot);
SQLITE_API int sqlite3_snapshot_open(sqlite3 *db, const char *schema, sqlite3_snapshot *snapshot);
SQLITE_API void sqlite3_snapshot_free(sqlite3_snapshot *snapshot);
SQLITE_API int sqlite3_snapshot_cmp(sqlite3_snapshot *a, sqlite3_snapshot *b);
SQLITE_API int sqlite3_snapshot_recover(sqlite3 *db, const char *schema);

/* --- counters --- */

/* Of the process: the value now and the highest; `reset` makes the highest the present one. */
SQLITE_API int sqlite3_status(int counter, int *now, int *highest, int reset);
SQLITE_API int sqlite3_status64(int counter, sqlite3_int64 *now, sqlite3_int64 *highest, int reset);
#define SQLITE_STATUS_MEMORY_USED        0 /* bytes from sqlite3_malloc() */
#define SQLITE_STATUS_PAGECACHE_USED     1 /* pages of SQLITE_CONFIG_PAGECACHE */
#define SQLITE_STATUS_PAGECACHE_OVERFLOW 2 /* bytes that did not fit there */
#define SQLITE_STATUS_SCRATCH_USED       3 /* not used */
#define SQLITE_STATUS_SCRATCH_OVERFLOW   4 /* not used */
#define SQLITE_STATUS_MALLOC_SIZE        5 /* largest request (highest only) */
#define SQLITE_STATUS_PARSER_STACK       6 /* deepest (highest only) */
#define SQLITE_STATUS_PAGECACHE_SIZE     7 /* largest request for a page (highest only) */
#define SQLITE_STATUS_SCRATCH_SIZE       8 /* not used */
#define SQLITE_STATUS_MALLOC_COUNT       9 /* blocks */

/* Of a connection. SQLITE_ERROR for an unknown one. */
SQLITE_API int sqlite3_db_status(sqlite3 *db, int counter, int *now, int *highest, int reset);
SQLITE_API int sqlite3_db_status64(sqlite3 *db, int counter, sqlite3_int64 *now,
                                   sqlite3_int64 *highest, int reset);
#define SQLITE_DBSTATUS_LOOKASIDE_USED      0
#define SQLITE_DBSTATUS_CACHE_USED          1 /* bytes of its page caches */
#define SQLITE_DBSTATUS_SCHEMA_USED         2 /* bytes of its schemas */
#define SQLITE_DBSTATUS_STMT_USED           3 /* bytes of its statements */
#define SQLITE_DBSTATUS_LOOKASIDE_HIT       4 /* LOOKASIDE_HIT, _MISS_*: highest only */
#define SQLITE_DBSTATUS_LOOKASIDE_MISS_SIZE 5
#define SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL 6
#define SQLITE_DBSTATUS_CACHE_HIT           7 /* pages found, read and written */
#define SQLITE_DBSTATUS_CACHE_MISS          8
#define SQLITE_DBSTATUS_CACHE_WRITE         9
#define SQLITE_DBSTATUS_DEFERRED_FKS        10 /* 0 if no foreign key is violated for the moment */
#define SQLITE_DBSTATUS_CACHE_USED_SHARED   11 /* as CACHE_USED, shared ones divided */
#define SQLITE_DBSTATUS_CACHE_SPILL         12 /* pages written for want of room */
#define SQLITE_DBSTATUS_TEMPBUF_SPILL       13 /* bytes of temporary files */
#define SQLITE_DBSTATUS_MAX                 13

/* Of a statement; `reset` sets it to 0 after reading. */
SQLITE_API int sqlite3_stmt_status(sqlite3_stmt *stmt, int counter, int reset);
#define SQLITE_STMTSTATUS_FULLSCAN_STEP 1  /* rows stepped over in full table scans */
#define SQLITE_STMTSTATUS_SORT          2  /* sorts */
#define SQLITE_STMTSTATUS_AUTOINDEX     3  /* rows put into automatic indexes */
#define SQLITE_STMTSTATUS_VM_STEP       4  /* instructions */
#define SQLITE_STMTSTATUS_REPREPARE     5  /* times compiled anew */
#define SQLITE_STMTSTATUS_RUN           6  /* times run */
#define SQLITE_STMTSTATUS_FILTER_MISS   7  /* joins that a Bloom filter did not spare */
#define SQLITE_STMTSTATUS_FILTER_HIT    8  /* and those it did */
#define SQLITE_STMTSTATUS_MEMUSED       99 /* bytes */

/*
 * Of one loop of a statement's plan. Nonzero if there is no such loop or nothing was measured. The
 * type of *out depends on the counter. With COMPLEX all parts of the plan count, not only loops.
 * quire counts how often a loop began; NVISIT, EST and NCYCLE are -1.
 */
SQLITE_API int sqlite3_stmt_scanstatus(sqlite3_stmt *stmt, int index, int counter, void *out);
SQLITE_API int sqlite3_stmt_scanstatus_v2(sqlite3_stmt *stmt, int index, int counter, int flags,
                                          void *out);
#define SQLITE_SCANSTAT_COMPLEX 0x0001
SQLITE_API void sqlite3_stmt_scanstatus_reset(sqlite3_stmt *stmt);
#define SQLITE_SCANSTAT_NLOOP    0 /* sqlite3_int64: times started */
#define SQLITE_SCANSTAT_NVISIT   1 /* sqlite3_int64: rows visited */
#define SQLITE_SCANSTAT_EST      2 /* double: rows expected per start */
#define SQLITE_SCANSTAT_NAME     3 /* const char *: table or index */
#define SQLITE_SCANSTAT_EXPLAIN  4 /* const char *: line of EXPLAIN QUERY PLAN */
#define SQLITE_SCANSTAT_SELECTID 5 /* int */
#define SQLITE_SCANSTAT_PARENTID 6 /* int */
#define SQLITE_SCANSTAT_NCYCLE   7 /* sqlite3_int64: processor cycles, -1 unknown */

/* --- for tests of the library --- */

/* Not part of the interface programs may rely on; what it does changes from release to release. */
SQLITE_API int sqlite3_test_control(int operation, ...);
#define SQLITE_TESTCTRL_FIRST                5
#define SQLITE_TESTCTRL_PRNG_SAVE            5
#define SQLITE_TESTCTRL_PRNG_RESTORE         6
#define SQLITE_TESTCTRL_PRNG_RESET           7
#define SQLITE_TESTCTRL_FK_NO_ACTION         7
#define SQLITE_TESTCTRL_BITVEC_TEST          8
#define SQLITE_TESTCTRL_FAULT_INSTALL        9
#define SQLITE_TESTCTRL_BENIGN_MALLOC_HOOKS  10
#define SQLITE_TESTCTRL_PENDING_BYTE         11
#define SQLITE_TESTCTRL_ASSERT               12
#define SQLITE_TESTCTRL_ALWAYS               13
#define SQLITE_TESTCTRL_RESERVE              14
#define SQLITE_TESTCTRL_JSON_SELFCHECK       14
#define SQLITE_TESTCTRL_OPTIMIZATIONS        15
#define SQLITE_TESTCTRL_ISKEYWORD            16
#define SQLITE_TESTCTRL_GETOPT               16
#define SQLITE_TESTCTRL_SCRATCHMALLOC        17
#define SQLITE_TESTCTRL_INTERNAL_FUNCTIONS   17
#define SQLITE_TESTCTRL_LOCALTIME_FAULT      18
#define SQLITE_TESTCTRL_EXPLAIN_STMT         19
#define SQLITE_TESTCTRL_ONCE_RESET_THRESHOLD 19
#define SQLITE_TESTCTRL_NEVER_CORRUPT        20
#define SQLITE_TESTCTRL_VDBE_COVERAGE        21
#define SQLITE_TESTCTRL_BYTEORDER            22
#define SQLITE_TESTCTRL_ISINIT               23
#define SQLITE_TESTCTRL_SORTER_MMAP          24
#define SQLITE_TESTCTRL_IMPOSTER             25
#define SQLITE_TESTCTRL_PARSER_COVERAGE      26
#define SQLITE_TESTCTRL_RESULT_INTREAL       27
#define SQLITE_TESTCTRL_PRNG_SEED            28
#define SQLITE_TESTCTRL_EXTRA_SCHEMA_CHECKS  29
#define SQLITE_TESTCTRL_SEEK_COUNT           30
#define SQLITE_TESTCTRL_TRACEFLAGS           31
#define SQLITE_TESTCTRL_TUNE                 32
#define SQLITE_TESTCTRL_LOGEST               33
#define SQLITE_TESTCTRL_USELONGDOUBLE        34
#define SQLITE_TESTCTRL_ATOF                 34
#define SQLITE_TESTCTRL_LAST                 34

/* --- what old programs still call --- */

/*
 * As sqlite3_trace_v2() with STMT and PROFILE; each replaces the other kind. Return the former arg.
 */
SQLITE_API SQLITE_DEPRECATED void *sqlite3_trace(sqlite3 *db, void (*trace)(void *, const char *),
                                                 void *arg);
SQLITE_API SQLITE_DEPRECATED void *
sqlite3_profile(sqlite3 *db, void (*profile)(void *, const char *, sqlite3_uint64), void *arg);
/* As sqlite3_soft_heap_limit64() for a limit that is not negative. */
SQLITE_API SQLITE_DEPRECATED void sqlite3_soft_heap_limit(int limit);
#ifndef SQLITE_OMIT_DEPRECATED
SQLITE_API SQLITE_DEPRECATED int
sqlite3_aggregate_count(sqlite3_context *context); /* calls of step */
SQLITE_API SQLITE_DEPRECATED int
sqlite3_expired(sqlite3_stmt *stmt); /* must it be compiled anew? */
SQLITE_API SQLITE_DEPRECATED int sqlite3_transfer_bindings(sqlite3_stmt *from, sqlite3_stmt *to);
SQLITE_API SQLITE_DEPRECATED int sqlite3_global_recover(void); /* does nothing, as the next two */
SQLITE_API SQLITE_DEPRECATED void sqlite3_thread_cleanup(void);
SQLITE_API SQLITE_DEPRECATED int sqlite3_memory_alarm(void (*alarm)(void *, sqlite3_int64, int),
                                                      void *arg, sqlite3_int64 threshold);
#endif

#ifdef __cplusplus
}
#endif

/* ============================== R-trees ============================== */

#ifndef _SQLITE3RTREE_H_
#    define _SQLITE3RTREE_H_

#    ifdef __cplusplus
extern "C" {
#    endif

typedef struct sqlite3_rtree_geometry sqlite3_rtree_geometry;
typedef struct sqlite3_rtree_query_info sqlite3_rtree_query_info;
typedef double sqlite3_rtree_dbl;

/*
 * Registers a function for `rtree MATCH name(...)`. The first kind is given a box (low and high of
 * each dimension) and sets *inside to whether it may hold results.
 */
SQLITE_API int sqlite3_rtree_geometry_callback(sqlite3 *db, const char *name,
                                               int (*geometry)(sqlite3_rtree_geometry *, int count,
                                                               sqlite3_rtree_dbl *box, int *inside),
                                               void *arg);
struct sqlite3_rtree_geometry {
    void *pContext; /* `arg` */
    int nParam;
    sqlite3_rtree_dbl *aParam; /* the arguments in SQL */
    void *pUser;               /* the callback's own, from call to call */
    void (*xDelUser)(void *);
};

/*
 * The second kind also ranks: it sets eWithin and rScore, and the lowest scores are visited first.
 */
SQLITE_API int sqlite3_rtree_query_callback(sqlite3 *db, const char *name,
                                            int (*query)(sqlite3_rtree_query_info *), void *arg,
                                            void (*destroy)(void *));
struct sqlite3_rtree_query_info {
    void *pContext; /* the first five as above */
    int nParam;
    sqlite3_rtree_dbl *aParam;
    void *pUser;
    void (*xDelUser)(void *);
    sqlite3_rtree_dbl *aCoord; /* the box */
    unsigned int *anQueue;     /* entries waiting on each level */
    int nCoord;
    int iLevel; /* 0: a leaf's entry, so iRowid is meaningful */
    int mxLevel;
    sqlite3_int64 iRowid;
    sqlite3_rtree_dbl rParentScore;
    int eParentWithin;
    int eWithin;                /* out: NOT_, PARTLY_ or FULLY_WITHIN */
    sqlite3_rtree_dbl rScore;   /* out */
    sqlite3_value **apSqlParam; /* the arguments as values */
};
#    define NOT_WITHIN    0
#    define PARTLY_WITHIN 1
#    define FULLY_WITHIN  2

#    ifdef __cplusplus
}
#    endif

#endif

/* ============================== Sessions ============================== */

#ifndef __SQLITESESSION_H_
#    define __SQLITESESSION_H_ 1

#    ifdef __cplusplus
extern "C" {
#    endif

/*
 * A session records the changes of tables with a primary key; what it gives is a changeset: bytes
 * that can be sent, inspected, inverted, joined and applied to another database. A patchset is the
 * same without most old values: smaller, but neither invertible nor fully checked for conflicts.
 *
 * Changesets are counted in bytes and given as memory to be freed with sqlite3_free(). The
 * functions that end in _strm read them through `input` (fills up to *size bytes, 0 at the end) and
 * write them through `output`, piece by piece; any other result than SQLITE_OK stops them with it.
 */
typedef struct sqlite3_session sqlite3_session;
typedef struct sqlite3_changeset_iter sqlite3_changeset_iter;

/* A session on one schema of a connection. Delete it before the connection closes. */
SQLITE_API int sqlite3session_create(sqlite3 *db, const char *schema, sqlite3_session **session);
SQLITE_API void sqlite3session_delete(sqlite3_session *session);
/* SQLITE_MISUSE once a table is attached. int *: in 1, 0, or -1 to ask; out the state. */
SQLITE_API int sqlite3session_object_config(sqlite3_session *session, int option, void *arg);
#    define SQLITE_SESSION_OBJCONFIG_SIZE  1 /* keep account for sqlite3session_changeset_size() */
#    define SQLITE_SESSION_OBJCONFIG_ROWID 2 /* record tables without a primary key by rowid */
/*
 * Recording on or off, and whether changes are marked as indirect. Negative asks; the state after.
 */
SQLITE_API int sqlite3session_enable(sqlite3_session *session, int on);
SQLITE_API int sqlite3session_indirect(sqlite3_session *session, int on);
/*
 * Records this table; null: all, those the filter (nonzero: yes) lets through at their first
 * change.
 */
SQLITE_API int sqlite3session_attach(sqlite3_session *session, const char *table);
SQLITE_API void sqlite3session_table_filter(sqlite3_session *session,
                                            int (*filter)(void *arg, const char *table), void *arg);
/* What was recorded so far; the session goes on. */
SQLITE_API int sqlite3session_changeset(sqlite3_session *session, int *size, void **changeset);
SQLITE_API int sqlite3session_patchset(sqlite3_session *session, int *size, void **patchset);
/* An upper bound of its size, if OBJCONFIG_SIZE is on. */
SQLITE_API sqlite3_int64 sqlite3session_changeset_size(sqlite3_session *session);
/*
 * Records what would turn the table of another schema into this one. SQLITE_SCHEMA if they differ.
 */
SQLITE_API int sqlite3session_diff(sqlite3_session *session, const char *from_schema,
                                   const char *table, char **error);
SQLITE_API int sqlite3session_isempty(sqlite3_session *session);
SQLITE_API sqlite3_int64 sqlite3session_memory_used(sqlite3_session *session);

/*
 * Walks a changeset, which must stay valid until finalize. next: SQLITE_ROW, SQLITE_DONE, or an
 * error, which finalize returns too. In a conflict handler the iterator is the library's: neither
 * step nor finalize it.
 */
SQLITE_API int sqlite3changeset_start(sqlite3_changeset_iter **iter, int size, void *changeset);
SQLITE_API int sqlite3changeset_start_v2(sqlite3_changeset_iter **iter, int size, void *changeset,
                                         int flags);
#    define SQLITE_CHANGESETSTART_INVERT 0x0002 /* walk its inverse */
SQLITE_API int sqlite3changeset_next(sqlite3_changeset_iter *iter);
SQLITE_API int sqlite3changeset_finalize(sqlite3_changeset_iter *iter);
/* The change: table (lives until the next step), columns, SQLITE_INSERT, _UPDATE or _DELETE. */
SQLITE_API int sqlite3changeset_op(sqlite3_changeset_iter *iter, const char **table,
                                   int *column_count, int *operation, int *is_indirect);
/* For each column 1 if it belongs to the primary key. */
SQLITE_API int sqlite3changeset_pk(sqlite3_changeset_iter *iter, unsigned char **is_key,
                                   int *column_count);
/*
 * Old and new values, null where an UPDATE does not have them; in a conflict handler the row in the
 * way, or the number of violated foreign keys. Values live until the next step. SQLITE_RANGE,
 * SQLITE_MISUSE.
 */
SQLITE_API int sqlite3changeset_old(sqlite3_changeset_iter *iter, int column,
                                    sqlite3_value **value);
SQLITE_API int sqlite3changeset_new(sqlite3_changeset_iter *iter, int column,
                                    sqlite3_value **value);
SQLITE_API int sqlite3changeset_conflict(sqlite3_changeset_iter *iter, int column,
                                         sqlite3_value **value);
SQLITE_API int sqlite3changeset_fk_conflicts(sqlite3_changeset_iter *iter, int *count);

/* The changeset that undoes this one; and two after each other as one. */
SQLITE_API int sqlite3changeset_invert(int size, const void *changeset, int *out_size, void **out);
SQLITE_API int sqlite3changeset_concat(int a_size, void *a, int b_size, void *b, int *out_size,
                                       void **out);

/*
 * Several changesets as one: changes of one row become one change. With a schema, changesets of
 * older versions of its tables are widened. SQLITE_SCHEMA if tables do not fit, SQLITE_ERROR if
 * kinds mix.
 */
typedef struct sqlite3_changegroup sqlite3_changegroup;
SQLITE_API int sqlite3changegroup_new(sqlite3_changegroup **group);
SQLITE_API void sqlite3changegroup_delete(sqlite3_changegroup *group);
SQLITE_API int sqlite3changegroup_schema(sqlite3_changegroup *group, sqlite3 *db,
                                         const char *schema);
SQLITE_API int sqlite3changegroup_add(sqlite3_changegroup *group, int size, void *changeset);
SQLITE_API int sqlite3changegroup_add_change(sqlite3_changegroup *group,
                                             sqlite3_changeset_iter *iter);
SQLITE_API int sqlite3changegroup_output(sqlite3_changegroup *group, int *size, void **changeset);
/* int *, before anything is added: 1 makes patchsets, 0 changesets, -1 asks. */
SQLITE_API int sqlite3changegroup_config(sqlite3_changegroup *group, int option, void *arg);
#    define SQLITE_CHANGEGROUP_CONFIG_PATCHSET 1
/*
 * One change made by hand: begin it, set its columns (is_new 0: old values, 1: new ones), finish or
 * discard it. A schema must be set. Messages are freed with sqlite3_free().
 */
SQLITE_API int sqlite3changegroup_change_begin(sqlite3_changegroup *group, int operation,
                                               const char *table, int is_indirect, char **error);
SQLITE_API int sqlite3changegroup_change_int64(sqlite3_changegroup *group, int is_new, int column,
                                               sqlite3_int64 value);
SQLITE_API int sqlite3changegroup_change_null(sqlite3_changegroup *group, int is_new, int column);
SQLITE_API int sqlite3changegroup_change_double(sqlite3_changegroup *group, int is_new, int column,
                                                double value);
SQLITE_API int sqlite3changegroup_change_text(sqlite3_changegroup *group, int is_new, int column,
                                              const char *text, int size);
SQLITE_API int sqlite3changegroup_change_blob(sqlite3_changegroup *group, int is_new, int column,
                                              const void *bytes, int size);
SQLITE_API int sqlite3changegroup_change_finish(sqlite3_changegroup *group, int discard,
                                                char **error);

/*
 * Applies a changeset to the main database within one savepoint. The filter chooses tables, in _v3
 * changes; null takes all. Where a change does not fit, `conflict` is told why and answers what to
 * do; an answer that is not allowed there is SQLITE_MISUSE, ABORT makes it SQLITE_ABORT and undoes
 * all. Tables that are missing or differ are left out, with a warning in the log. `rebase` (may be
 * null) is given bytes for a sqlite3_rebaser, to be freed with sqlite3_free().
 */
SQLITE_API int sqlite3changeset_apply(
    sqlite3 *db, int size, void *changeset, int (*filter)(void *arg, const char *table),
    int (*conflict)(void *arg, int reason, sqlite3_changeset_iter *iter), void *arg);
SQLITE_API int sqlite3changeset_apply_v2(sqlite3 *db, int size, void *changeset,
                                         int (*filter)(void *arg, const char *table),
                                         int (*conflict)(void *arg, int reason,
                                                         sqlite3_changeset_iter *iter),
                                         void *arg, void **rebase, int *rebase_size, int flags);
SQLITE_API int sqlite3changeset_apply_v3(sqlite3 *db, int size, void *changeset,
                                         int (*filter)(void *arg, sqlite3_changeset_iter *iter),
                                         int (*conflict)(void *arg, int reason,
                                                         sqlite3_changeset_iter *iter),
                                         void *arg, void **rebase, int *rebase_size, int flags);
#    define SQLITE_CHANGESETAPPLY_NOSAVEPOINT  0x0001 /* the caller has a transaction around it */
#    define SQLITE_CHANGESETAPPLY_INVERT       0x0002 /* apply the inverse */
#    define SQLITE_CHANGESETAPPLY_IGNORENOOP   0x0004 /* no conflict where it is so already */
#    define SQLITE_CHANGESETAPPLY_FKNOACTION   0x0008 /* foreign keys have no actions meanwhile */
#    define SQLITE_CHANGESETAPPLY_NOUPDATELOOP 0x0010

/* The reasons. */
#    define SQLITE_CHANGESET_DATA        1 /* the row is there but with other values */
#    define SQLITE_CHANGESET_NOTFOUND    2 /* the row is not there */
#    define SQLITE_CHANGESET_CONFLICT    3 /* another row has the key of an INSERT */
#    define SQLITE_CHANGESET_CONSTRAINT  4 /* any other constraint is violated */
#    define SQLITE_CHANGESET_FOREIGN_KEY 5 /* in the end foreign keys are violated */

/* The answers. */
#    define SQLITE_CHANGESET_OMIT    0 /* leave this change out */
#    define SQLITE_CHANGESET_REPLACE 1 /* overwrite; for DATA and CONFLICT only */
#    define SQLITE_CHANGESET_ABORT   2 /* undo everything */

/*
 * Carries local changes over remote ones that were applied first: configure it with what apply gave
 * in `rebase`, once per remote changeset, then pass the local changesets through.
 */
typedef struct sqlite3_rebaser sqlite3_rebaser;
SQLITE_API int sqlite3rebaser_create(sqlite3_rebaser **rebaser);
SQLITE_API int sqlite3rebaser_configure(sqlite3_rebaser *rebaser, int size, const void *rebase);
SQLITE_API int sqlite3rebaser_rebase(sqlite3_rebaser *rebaser, int size, const void *changeset,
                                     int *out_size, void **out);
SQLITE_API void sqlite3rebaser_delete(sqlite3_rebaser *rebaser);

/* The same in pieces. */
SQLITE_API int
sqlite3changeset_apply_strm(sqlite3 *db, int (*input)(void *input_arg, void *data, int *size),
                            void *input_arg, int (*filter)(void *arg, const char *table),
                            int (*conflict)(void *arg, int reason, sqlite3_changeset_iter *iter),
                            void *arg);
SQLITE_API int
sqlite3changeset_apply_v2_strm(sqlite3 *db, int (*input)(void *input_arg, void *data, int *size),
                               void *input_arg, int (*filter)(void *arg, const char *table),
                               int (*conflict)(void *arg, int reason, sqlite3_changeset_iter *iter),
                               void *arg, void **rebase, int *rebase_size, int flags);
SQLITE_API int
sqlite3changeset_apply_v3_strm(sqlite3 *db, int (*input)(void *input_arg, void *data, int *size),
                               void *input_arg,
                               int (*filter)(void *arg, sqlite3_changeset_iter *iter),
                               int (*conflict)(void *arg, int reason, sqlite3_changeset_iter *iter),
                               void *arg, void **rebase, int *rebase_size, int flags);
SQLITE_API int
sqlite3changeset_concat_strm(int (*a)(void *a_arg, void *data, int *size), void *a_arg,
                             int (*b)(void *b_arg, void *data, int *size), void *b_arg,
                             int (*output)(void *output_arg, const void *data, int size),
                             void *output_arg);
SQLITE_API int
sqlite3changeset_invert_strm(int (*input)(void *input_arg, void *data, int *size), void *input_arg,
                             int (*output)(void *output_arg, const void *data, int size),
                             void *output_arg);
SQLITE_API int sqlite3changeset_start_strm(sqlite3_changeset_iter **iter,
                                           int (*input)(void *input_arg, void *data, int *size),
                                           void *input_arg);
SQLITE_API int sqlite3changeset_start_v2_strm(sqlite3_changeset_iter **iter,
                                              int (*input)(void *input_arg, void *data, int *size),
                                              void *input_arg, int flags);
SQLITE_API int sqlite3session_changeset_strm(sqlite3_session *session,
                                             int (*output)(void *output_arg, const void *data,
                                                           int size),
                                             void *output_arg);
SQLITE_API int sqlite3session_patchset_strm(sqlite3_session *session,
                                            int (*output)(void *output_arg, const void *data,
                                                          int size),
                                            void *output_arg);
SQLITE_API int sqlite3changegroup_add_strm(sqlite3_changegroup *group,
                                           int (*input)(void *input_arg, void *data, int *size),
                                           void *input_arg);
SQLITE_API int sqlite3changegroup_output_strm(sqlite3_changegroup *group,
                                              int (*output)(void *output_arg, const void *data,
                                                            int size),
                                              void *output_arg);
SQLITE_API int sqlite3rebaser_rebase_strm(
    sqlite3_rebaser *rebaser, int (*input)(void *input_arg, void *data, int *size), void *input_arg,
    int (*output)(void *output_arg, const void *data, int size), void *output_arg);

/* Of the process. STRMSIZE, int *: bytes per piece; negative asks; out what it is. */
SQLITE_API int sqlite3session_config(int option, void *arg);
#    define SQLITE_SESSION_CONFIG_STRMSIZE 1

#    ifdef __cplusplus
}
#    endif

#endif

/* ============================== Full-text search ============================== */

#ifndef _FTS5_H
#    define _FTS5_H

#    ifdef __cplusplus
extern "C" {
#    endif

/*
 * Extending FTS5: auxiliary functions, which a query calls for its current row, and tokenizers.
 * Both are registered through the fts5_api of a connection: SELECT fts5(?1) with a pointer to a
 * null fts5_api * bound as "fts5_api_ptr" fills that in.
 */
typedef struct Fts5ExtensionApi Fts5ExtensionApi;
typedef struct Fts5Context Fts5Context;
typedef struct Fts5PhraseIter Fts5PhraseIter;

/*
 * An auxiliary function: what it may call, the query, where its result goes, its other arguments.
 */
typedef void (*fts5_extension_function)(const Fts5ExtensionApi *pApi, Fts5Context *pFts,
                                        sqlite3_context *pCtx, int nVal, sqlite3_value **apVal);

struct Fts5PhraseIter {
    const unsigned char *a;
    const unsigned char *b;
};

/*
 * What an auxiliary function may ask. Phrases, columns, tokens and instances count from 0; a column
 * of -1 means all. SQLITE_RANGE where an index is out of bounds. Texts belong to the query and live
 * until the function returns.
 */
struct Fts5ExtensionApi {
    int iVersion; /* 4 */
    void *(*xUserData)(Fts5Context *pFts);
    int (*xColumnCount)(Fts5Context *pFts);
    int (*xRowCount)(Fts5Context *pFts, sqlite3_int64 *pnRow);                    /* of the table */
    int (*xColumnTotalSize)(Fts5Context *pFts, int iCol, sqlite3_int64 *pnToken); /* in the table */
    int (*xTokenize)(Fts5Context *pFts, const char *pText, int nText, void *pCtx,
                     int (*xToken)(void *pCtx, int tflags, const char *pToken, int nToken,
                                   int iStart, int iEnd));
    int (*xPhraseCount)(Fts5Context *pFts);
    int (*xPhraseSize)(Fts5Context *pFts, int iPhrase); /* in tokens */
    int (*xInstCount)(Fts5Context *pFts, int *pnInst); /* places where a phrase stands in the row */
    int (*xInst)(Fts5Context *pFts, int iIdx, int *piPhrase, int *piCol, int *piOff);
    sqlite3_int64 (*xRowid)(Fts5Context *pFts);
    int (*xColumnText)(Fts5Context *pFts, int iCol, const char **pz, int *pn);
    int (*xColumnSize)(Fts5Context *pFts, int iCol, int *pnToken); /* of the row */
    /*
     * Calls back for each row of the table that holds the phrase; SQLITE_DONE from there stops it.
     */
    int (*xQueryPhrase)(Fts5Context *pFts, int iPhrase, void *pUserData,
                        int (*xCallback)(const Fts5ExtensionApi *pApi, Fts5Context *pFts,
                                         void *pUserData));
    int (*xSetAuxdata)(Fts5Context *pFts, void *pAux,
                       void (*xDelete)(void *)); /* one per query and function */
    void *(*xGetAuxdata)(Fts5Context *pFts, int bClear);
    int (*xPhraseFirst)(Fts5Context *pFts, int iPhrase, Fts5PhraseIter *pIter, int *piCol,
                        int *piOff); /* *piCol -1 at the end */
    void (*xPhraseNext)(Fts5Context *pFts, Fts5PhraseIter *pIter, int *piCol, int *piOff);
    int (*xPhraseFirstColumn)(Fts5Context *pFts, int iPhrase, Fts5PhraseIter *pIter, int *piCol);
    void (*xPhraseNextColumn)(Fts5Context *pFts, Fts5PhraseIter *pIter, int *piCol);
    /* From version 3 on: tokens of the query, and as they stand in the row. */
    int (*xQueryToken)(Fts5Context *pFts, int iPhrase, int iToken, const char **ppToken,
                       int *pnToken);
    int (*xInstToken)(Fts5Context *pFts, int iIdx, int iToken, const char **ppToken, int *pnToken);
    /* From version 4 on: locales. */
    int (*xColumnLocale)(Fts5Context *pFts, int iCol, const char **pz, int *pn);
    int (*xTokenize_v2)(Fts5Context *pFts, const char *pText, int nText, const char *pLocale,
                        int nLocale, void *pCtx,
                        int (*xToken)(void *pCtx, int tflags, const char *pToken, int nToken,
                                      int iStart, int iEnd));
};

/*
 * A tokenizer cuts a text into tokens and gives each to xToken, with the bytes of the text it
 * stands for (iStart to before iEnd); what xToken returns other than SQLITE_OK ends it. _v2 also
 * knows the locale of the text (null: unknown).
 */
typedef struct Fts5Tokenizer Fts5Tokenizer;
typedef struct fts5_tokenizer_v2 fts5_tokenizer_v2;
struct fts5_tokenizer_v2 {
    int iVersion; /* 2 */
    int (*xCreate)(void *pUserData, const char **azArg, int nArg, Fts5Tokenizer **ppOut);
    void (*xDelete)(Fts5Tokenizer *p);
    int (*xTokenize)(Fts5Tokenizer *p, void *pCtx, int flags, const char *pText, int nText,
                     const char *pLocale, int nLocale,
                     int (*xToken)(void *pCtx, int tflags, const char *pToken, int nToken,
                                   int iStart, int iEnd));
};
typedef struct fts5_tokenizer fts5_tokenizer;
struct fts5_tokenizer {
    int (*xCreate)(void *pUserData, const char **azArg, int nArg, Fts5Tokenizer **ppOut);
    void (*xDelete)(Fts5Tokenizer *p);
    int (*xTokenize)(Fts5Tokenizer *p, void *pCtx, int flags, const char *pText, int nText,
                     int (*xToken)(void *pCtx, int tflags, const char *pToken, int nToken,
                                   int iStart, int iEnd));
};
/* Why a text is tokenized: one of QUERY (with PREFIX before a "*"), DOCUMENT and AUX. */
#    define FTS5_TOKENIZE_QUERY    0x0001
#    define FTS5_TOKENIZE_PREFIX   0x0002
#    define FTS5_TOKENIZE_DOCUMENT 0x0004
#    define FTS5_TOKENIZE_AUX      0x0008

/* tflags: a synonym, in the place of the token before. */
#    define FTS5_TOKEN_COLOCATED 0x0001

/*
 * Registers and finds, by name and per connection. Structures are copied; xDestroy is called on
 * pUserData when the entry goes. SQLITE_ERROR where there is no tokenizer of that name.
 */
typedef struct fts5_api fts5_api;
struct fts5_api {
    int iVersion; /* 3; 2 without the last two */
    int (*xCreateTokenizer)(fts5_api *pApi, const char *zName, void *pUserData,
                            fts5_tokenizer *pTokenizer, void (*xDestroy)(void *));
    int (*xFindTokenizer)(fts5_api *pApi, const char *zName, void **ppUserData,
                          fts5_tokenizer *pTokenizer);
    int (*xCreateFunction)(fts5_api *pApi, const char *zName, void *pUserData,
                           fts5_extension_function xFunction, void (*xDestroy)(void *));
    int (*xCreateTokenizer_v2)(fts5_api *pApi, const char *zName, void *pUserData,
                               fts5_tokenizer_v2 *pTokenizer, void (*xDestroy)(void *));
    int (*xFindTokenizer_v2)(fts5_api *pApi, const char *zName, void **ppUserData,
                             fts5_tokenizer_v2 **ppTokenizer);
};

#    ifdef __cplusplus
}
#    endif

#endif

#endif /* SQLITE3_H */
