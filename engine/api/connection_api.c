// Opening and closing connections.
//
// A connection starts with "main" opened and "temp" empty until somebody needs it. Closing one that
// still has statements, BLOB handles or backups leaves a zombie (sqlite3_close_v2), freed with the
// last of them.
//
// A connection's `magic` says which calls it may be given:
//
//   BUSY     being opened; its own modules and extensions use it already
//   OPEN     everything
//   SICK     what a failed open gave: asking for the error, and closing
//   ZOMBIE   closed while parts of it are in use: those parts alone
//   CLOSED   nothing; seen only by programs that use freed memory
//
// Closing goes from the outside inwards: tracers and the close hook hear of it while everything
// still works; modules are disconnected, since they may use the connection; then transactions,
// files, and last functions and collations, whose destructors may not use it any more.

#include "api/api.h"
#include "base/alloc.h"
#include "func/func.h"
#include "os/filename.h"
#include "os/os.h"
#include "os/thread.h"
#include "pager/pager.h"
#include "sql/compile.h"
#include "vm/vm.h"
#include <string.h>

static const int limit_ceilings[] = {
    [SQLITE_LIMIT_LENGTH] = 1000000000,
    [SQLITE_LIMIT_SQL_LENGTH] = 1000000000,
    [SQLITE_LIMIT_COLUMN] = 2000,
    [SQLITE_LIMIT_EXPR_DEPTH] = 1000,
    [SQLITE_LIMIT_COMPOUND_SELECT] = 500,
    [SQLITE_LIMIT_VDBE_OP] = 250000000,
    [SQLITE_LIMIT_FUNCTION_ARG] = 1000,
    [SQLITE_LIMIT_ATTACHED] = 10,
    [SQLITE_LIMIT_LIKE_PATTERN_LENGTH] = 50000,
    [SQLITE_LIMIT_VARIABLE_NUMBER] = 32766,
    [SQLITE_LIMIT_TRIGGER_DEPTH] = 1000,
    [SQLITE_LIMIT_WORKER_THREADS] = 8,
    [SQLITE_LIMIT_PARSER_DEPTH] = 2500,
};
enum { LENGTH_LIMIT_MIN = 30 };

// Limits can be lowered and asked for, not raised beyond what the library was built with.
int sqlite3_limit(sqlite3 *db, int id, int value)
{
    if (!connection_is_usable(db)) {
        (void)error_misuse();
        return -1;
    }
    if (id < 0 || id >= (int)ARRAY_LEN(limit_ceilings))
        return -1;
    int former = db->limits[id];
    if (value < 0)
        return former;
    if (value > limit_ceilings[id])
        value = limit_ceilings[id];
    if (id == SQLITE_LIMIT_LENGTH && value < LENGTH_LIMIT_MIN)
        value = LENGTH_LIMIT_MIN;
    db->limits[id] = value;
    return former;
}

// --- initialisation ---

static u32 hook_length_limit(sqlite3 *db)
{
    ASSERT(db->limits[SQLITE_LIMIT_LENGTH] >= LENGTH_LIMIT_MIN);

    return (u32)db->limits[SQLITE_LIMIT_LENGTH];
}

static void hook_out_of_memory(sqlite3 *db)
{
    connection_out_of_memory(db);
}

static int hook_fp_digits(sqlite3 *db)
{
    ASSERT(db->fp_digits > 0);

    return db->fp_digits;
}

static int initialize_result;

// Layers below know nothing of the API: what they must ask of it is handed down here, once.
static void initialize_once(void)
{
    ASSERT(!api_config.is_initialized);

    static const ValueHooks hooks = {
        .length_limit = hook_length_limit,
        .out_of_memory = hook_out_of_memory,
        .fp_digits = hook_fp_digits,
    };
    static const FuncHooks func_hooks_of_api = {
        .randomness = sqlite3_randomness,
        .load_extension = sqlite3_load_extension,
        .parse_uri = uri_parse,
        .free_path = sqlite3_free_filename,
    };
    func_install_hooks(&func_hooks_of_api);
    os_configure_mmap(api_config.mmap_size, api_config.mmap_size_max);
    os_configure_memdb(api_config.memdb_size_max);
    value_install_hooks(&hooks);
    sql_install();
    initialize_result = os_init();
    if (initialize_result == SQLITE_OK)
        initialize_result = func_builtin_start();
    api_config.is_initialized = initialize_result == SQLITE_OK;
}

int sqlite3_initialize(void)
{
    static Mutex initialize_mutex = MUTEX_INIT;
    if (__atomic_load_n(&api_config.is_initialized, __ATOMIC_ACQUIRE))
        return SQLITE_OK;
    mutex_lock(&initialize_mutex);
    if (!api_config.is_initialized)
        initialize_once();
    int rc = initialize_result;
    mutex_unlock(&initialize_mutex);
    return rc;
}

// Undoes what initialize_once() did. Connections must be closed by then.
int sqlite3_shutdown(void)
{
    if (api_config.is_initialized) {
        os_deinit();
        func_builtin_stop();
        sqlite3_reset_auto_extension();
        __atomic_store_n(&api_config.is_initialized, false, __ATOMIC_RELEASE);
    }
    return SQLITE_OK;
}

// --- opening ---

// NOMUTEX wins where both are asked for. In the single-thread mode there is no mutex at all.
static sqlite3 *connection_new(int open_flags)
{
    sqlite3 *db = mem_alloc_zeroed(sizeof *db);
    if (db == NULL)
        return NULL;
    bool wants_mutex = api_config.core_mutex && (open_flags & SQLITE_OPEN_NOMUTEX) == 0
                       && ((open_flags & SQLITE_OPEN_FULLMUTEX) != 0 || api_config.full_mutex);
    if (wants_mutex) {
        db->mutex = shared_mutex_new(SQLITE_MUTEX_RECURSIVE);
        if (db->mutex == NULL) {
            mem_free(db);
            return NULL;
        }
    }
    db->magic = CONNECTION_BUSY;
    db->error_mask = (open_flags & SQLITE_OPEN_EXRESCODE) != 0 ? (int)0xffffffff : 0xff;
    db->error_offset = -1;
    db->database_count = 2;
    db->databases[DB_MAIN].name = "main";
    db->databases[DB_TEMP].name = "temp";
    memcpy(db->limits, limit_ceilings, sizeof limit_ceilings);
    db->limits[SQLITE_LIMIT_WORKER_THREADS] = 0;
    db->autocommit = true;
    db->open_flags = open_flags;
    db->encoding = SQLITE_UTF8;
    db->fp_digits = 17;
    db->mmap_size = api_config.mmap_size;
    db->flags = CONN_FLAG(SHORT_COLUMN_NAMES) | CONN_FLAG(CACHE_SPILL) | CONN_FLAG(ENABLE_TRIGGER)
                | CONN_FLAG(ENABLE_VIEW) | CONN_FLAG(AUTO_INDEX) | CONN_FLAG(TRUSTED_SCHEMA)
                | CONN_FLAG(DQS_DML) | CONN_FLAG(DQS_DDL) | CONN_FLAG(ATTACH_CREATE)
                | CONN_FLAG(ATTACH_WRITE) | CONN_FLAG(COMMENTS) | CONN_FLAG(STMT_SCANSTATUS);
    return db;
}

// Nothing is read yet: whether the file is a database shows with the first statement.
static int open_main(sqlite3 *db, const char *path, sqlite3_vfs *vfs, int open_flags)
{
    ASSERT(db->magic == CONNECTION_BUSY);
    ASSERT(db->databases[DB_MAIN].btree == NULL);

    Database *main_database = &db->databases[DB_MAIN];
    bool in_memory = strcmp(path, ":memory:") == 0 || (open_flags & SQLITE_OPEN_MEMORY) != 0;
    u32 btree_flags = in_memory ? BTREE_MEMORY : path[0] == '\0' ? BTREE_TEMPORARY : 0;
    TRY(btree_open(vfs, path, db, btree_flags, open_flags | SQLITE_OPEN_MAIN_DB,
                   &main_database->btree));
    connection_adopt_btree(db, main_database->btree);
    main_database->schema = schema_new();
    db->databases[DB_TEMP].schema = schema_new();
    if (main_database->schema == NULL || db->databases[DB_TEMP].schema == NULL)
        return SQLITE_NOMEM;
    main_database->sync_level = SYNC_FULL;
    db->databases[DB_TEMP].sync_level = SYNC_OFF;
    return SQLITE_OK;
}

static int open_database(sqlite3 *db, const char *name, const char *vfs_name, int open_flags)
{
    ASSERT(db->vfs == NULL);

    char *path = NULL;
    char *message = NULL;
    int rc = uri_parse(vfs_name, name, &open_flags, &db->vfs, &path, &message);
    if (rc == SQLITE_OK) {
        rc = open_main(db, path, db->vfs, open_flags);
        if (rc == SQLITE_IOERR_NOMEM)
            rc = SQLITE_NOMEM;
        if (rc != SQLITE_OK)
            connection_error_plain(db, rc);
    } else {
        connection_error(db, rc, "%s", message != NULL ? message : error_text(rc));
    }
    mem_free(message);
    filename_free(path);
    return rc;
}

// Read, read and write, or that and create: other combinations mean nothing.
static bool open_flags_are_valid(int flags)
{
    int access = flags & 7;
    return access == SQLITE_OPEN_READONLY || access == SQLITE_OPEN_READWRITE
           || access == (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

// Flags that only the library itself gives to a VFS, and those that are dealt with here.
static int clean_open_flags(int flags)
{
    return flags
           & ~(SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_MAIN_DB
               | SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_TRANSIENT_DB | SQLITE_OPEN_MAIN_JOURNAL
               | SQLITE_OPEN_TEMP_JOURNAL | SQLITE_OPEN_SUBJOURNAL | SQLITE_OPEN_SUPER_JOURNAL
               | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_WAL);
}

static int with_shared_cache(int flags)
{
    if ((flags & SQLITE_OPEN_PRIVATECACHE) != 0)
        return flags & ~SQLITE_OPEN_SHAREDCACHE;
    return api_config.shares_cache ? flags | SQLITE_OPEN_SHAREDCACHE : flags;
}

// Even a failed open gives a connection, which has the error, unless there is no memory for one.
// Modules come after the database is there, for they may look at it; extensions come last.
static int open_connection(const char *name, sqlite3 **out, int flags, const char *vfs_name)
{
    *out = NULL;
    TRY(sqlite3_initialize());
    flags = with_shared_cache(flags);
    sqlite3 *db = connection_new(flags);
    if (db == NULL)
        return SQLITE_NOMEM;
    api_enter(db);
    int rc = SQLITE_OK;
    if (!open_flags_are_valid(flags)) {
        rc = error_misuse();
        connection_error_plain(db, rc);
        goto done;
    }
    TRY_DONE(connection_register_builtins(db));
    TRY_DONE(
        open_database(db, name != NULL ? name : ":memory:", vfs_name, clean_open_flags(flags)));
    db->magic = CONNECTION_OPEN;
    connection_error_clear(db);
    sqlite3_wal_autocheckpoint(db, 1000);
    TRY_DONE(connection_register_modules(db));
    rc = connection_load_auto_extensions(db);
done:
    if (rc != SQLITE_OK && db->error_code == SQLITE_OK)
        connection_error_plain(db, rc);
    if (rc != SQLITE_OK)
        db->magic = CONNECTION_SICK;
    rc = db->out_of_memory ? SQLITE_NOMEM : rc;
    api_leave(db);
    if ((rc & 0xff) == SQLITE_NOMEM) {
        sqlite3_close(db);
        return SQLITE_NOMEM;
    }
    *out = db;
    return rc & db->error_mask;
}

int sqlite3_open_v2(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    if (db == NULL)
        return error_misuse();
    return open_connection(name, db, flags, vfs);
}

int sqlite3_open(const char *name, sqlite3 **db)
{
    return sqlite3_open_v2(name, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
}

// The encoding of a new database is that of the interface its first connection was opened by.
int sqlite3_open16(const void *name, sqlite3 **db)
{
    if (db == NULL)
        return error_misuse();
    *db = NULL;
    TRY(sqlite3_initialize());
    Value text = {0};
    static const u8 empty[2] = {0, 0};
    const u8 *in = name != NULL ? name : empty;
    size_t size = 0;
    while (in[size] != 0 || in[size + 1] != 0)
        size += 2;
    int rc = value_set_text(&text, name != NULL ? name : (const void *)empty, size, UTF16_NATIVE,
                            BYTES_STATIC);
    const char *utf8 = rc == SQLITE_OK ? value_text(&text, SQLITE_UTF8) : NULL;
    rc = utf8 == NULL ? SQLITE_NOMEM : sqlite3_open(utf8, db);
    if (rc == SQLITE_OK && (*db)->encoding == SQLITE_UTF8)
        (*db)->encoding = UTF16_NATIVE; // of a file that has no content yet
    value_deinit(&text);
    return rc & 0xff;
}

// --- closing ---

// The rollback hook hears of it once, if anything was undone.
static void rollback_all(sqlite3 *db)
{
    ASSERT(db->database_count > DB_TEMP);

    bool is_open = !db->autocommit;
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL)
            continue;
        is_open = is_open || btree_txn_state(bt) == SQLITE_TXN_WRITE;
        btree_rollback(bt, SQLITE_OK, false); // there may be cursors of others
    }
    if (is_open && db->rollback_hook != NULL)
        db->rollback_hook(db->rollback_arg);
}

static void close_databases(sqlite3 *db)
{
    ASSERT(db->statements == NULL && db->open_handles == 0);

    for (int i = 0; i < db->database_count; i++) {
        Database *database = &db->databases[i];
        if (database->btree != NULL)
            btree_close(database->btree);
        if (database->schema != NULL)
            schema_unref(database->schema);
        if (i > DB_TEMP)
            mem_free((char *)database->name);
        *database = (Database){0};
    }
}

// Handles are backups; an open BLOB counts as the statement it runs on.
static bool connection_is_busy(const sqlite3 *db)
{
    if (db->statements != NULL || db->open_handles > 0)
        return true;
    return false;
}

static void connection_free(sqlite3 *db)
{
    ASSERT(!connection_is_busy(db));
    ASSERT(db->active_statements == 0);

    rollback_all(db);
    savepoints_close(db);
    close_databases(db);
    connection_release_builtins(db); // destructors run when the files are closed
    if (db->autovacuum_destroy != NULL)
        db->autovacuum_destroy(db->autovacuum_arg);
    value_free(db->error_message);
    db->magic = CONNECTION_CLOSED;
    if (db->mutex != NULL) {
        sqlite3_mutex_leave(db->mutex);
        shared_mutex_free(db->mutex);
    }
    mem_free(db);
}

void connection_free_if_zombie(sqlite3 *db)
{
    ASSERT(db->open_handles >= 0);

    if (db->magic != CONNECTION_ZOMBIE || connection_is_busy(db)) {
        api_leave(db);
        return;
    }
    connection_free(db);
}

static int close_connection(sqlite3 *db, bool force)
{
    if (db == NULL)
        return SQLITE_OK;
    if (!connection_is_usable_or_sick(db))
        return error_misuse();
    api_enter(db);
    if ((db->trace_mask & SQLITE_TRACE_CLOSE) != 0)
        db->trace(SQLITE_TRACE_CLOSE, db->trace_arg, db, NULL);
    if (db->close_hook != NULL)
        db->close_hook(db->close_arg, db);
    connection_disconnect_modules(db);
    if (!force && connection_is_busy(db)) {
        connection_error(db, SQLITE_BUSY,
                         "unable to close due to unfinalized statements or unfinished backups");
        api_leave(db);
        return SQLITE_BUSY;
    }
    connection_free_client_data(db);
    db->magic = CONNECTION_ZOMBIE;
    connection_free_if_zombie(db);
    return SQLITE_OK;
}

int sqlite3_close(sqlite3 *db)
{
    return close_connection(db, false);
}

int sqlite3_close_v2(sqlite3 *db)
{
    return close_connection(db, true);
}
