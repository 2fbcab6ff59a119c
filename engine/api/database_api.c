// Questions about a connection and its databases, and checkpoints.
//
// Counters are read without the mutex, as in SQLite: each is one word, and a program that shares a
// connection between threads has no right to more than some recent value.

#include "api/api.h"
#include "base/alloc.h"
#include "os/os.h"
#include "pager/pager.h"
#include "vm/vm.h"
#include <stdarg.h>

// --- counters ---

sqlite3_int64 sqlite3_last_insert_rowid(sqlite3 *db)
{
    return connection_is_usable(db) ? db->last_rowid : 0;
}

void sqlite3_set_last_insert_rowid(sqlite3 *db, sqlite3_int64 rowid)
{
    if (!connection_is_usable(db))
        return;
    api_enter(db);
    db->last_rowid = rowid;
    api_exit(db, SQLITE_OK);
}

sqlite3_int64 sqlite3_changes64(sqlite3 *db)
{
    return connection_is_usable(db) ? db->changes : 0;
}

int sqlite3_changes(sqlite3 *db)
{
    return (int)sqlite3_changes64(db);
}

sqlite3_int64 sqlite3_total_changes64(sqlite3 *db)
{
    return connection_is_usable(db) ? db->total_changes : 0;
}

int sqlite3_total_changes(sqlite3 *db)
{
    return (int)sqlite3_total_changes64(db);
}

int sqlite3_get_autocommit(sqlite3 *db)
{
    return connection_is_usable(db) ? db->autocommit : 0;
}

// --- databases ---

// By name; NULL means main. -1: there is none.
static int database_index(const sqlite3 *db, const char *name)
{
    return name != NULL ? connection_find_database(db, name) : DB_MAIN;
}

const char *sqlite3_db_name(sqlite3 *db, int index)
{
    if (!connection_is_usable(db) || index < 0 || index >= db->database_count)
        return NULL;
    return db->databases[index].name;
}

// "" for what is in memory or temporary. As long as the database is attached.
sqlite3_filename sqlite3_db_filename(sqlite3 *db, const char *name)
{
    if (!connection_is_usable(db))
        return NULL;
    int index = database_index(db, name);
    Btree *bt = index >= 0 ? db->databases[index].btree : NULL;
    if (bt == NULL)
        return index >= 0 ? "" : NULL;
    return pager_is_memory(btree_pager(bt)) ? "" : pager_path(btree_pager(bt));
}

int sqlite3_db_readonly(sqlite3 *db, const char *name)
{
    if (!connection_is_usable(db)) {
        (void)error_misuse();
        return -1;
    }
    int index = database_index(db, name);
    if (index < 0 || db->databases[index].btree == NULL)
        return -1;
    return btree_is_read_only(db->databases[index].btree);
}

// Without a name: the furthest that any database is.
int sqlite3_txn_state(sqlite3 *db, const char *name)
{
    if (!connection_is_usable(db)) {
        (void)error_misuse();
        return -1;
    }
    api_enter(db);
    int state = -1;
    for (int i = 0; i < db->database_count; i++) {
        bool asked = name == NULL || i == connection_find_database(db, name);
        int own = !asked                           ? -1
                  : db->databases[i].btree != NULL ? btree_txn_state(db->databases[i].btree)
                                                   : SQLITE_TXN_NONE;
        if (own > state)
            state = own;
    }
    api_exit(db, SQLITE_OK);
    return state;
}

// Databases that are read meanwhile are passed over, and told of at the end.
int sqlite3_db_cacheflush(sqlite3 *db)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    int rc = SQLITE_OK;
    bool saw_busy = false;
    for (int i = 0; i < db->database_count && rc == SQLITE_OK; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL || btree_txn_state(bt) != SQLITE_TXN_WRITE)
            continue;
        btree_rest(bt);
        rc = pager_flush(btree_pager(bt));
        if (rc == SQLITE_BUSY) {
            saw_busy = true;
            rc = SQLITE_OK;
        }
    }
    return api_exit(db, rc == SQLITE_OK && saw_busy ? SQLITE_BUSY : rc);
}

int sqlite3_db_release_memory(sqlite3 *db)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL)
            continue;
        btree_rest(bt);
        pager_shrink(btree_pager(bt));
    }
    return api_exit(db, SQLITE_OK);
}

// A database in memory has no file: programs are given one that is not open.
static sqlite3_file *file_or_closed(Pager *pager)
{
    ASSERT(pager != NULL);

    static sqlite3_file closed = {NULL};
    sqlite3_file *file = pager_file(pager);
    return file != NULL ? file : &closed;
}

// What concerns the pager is answered here; everything else is for the file and its VFS.
static int file_control_value(Btree *bt, int op, void *arg)
{
    ASSERT(bt != NULL);

    Pager *pager = btree_pager(bt);
    switch (op) {
    case SQLITE_FCNTL_FILE_POINTER: *(sqlite3_file **)arg = file_or_closed(pager); return SQLITE_OK;
    case SQLITE_FCNTL_VFS_POINTER: *(sqlite3_vfs **)arg = pager_vfs(pager); return SQLITE_OK;
    case SQLITE_FCNTL_JOURNAL_POINTER:
        *(sqlite3_file **)arg = pager_journal_file(pager);
        return SQLITE_OK;
    case SQLITE_FCNTL_DATA_VERSION: *(unsigned *)arg = btree_data_version(bt); return SQLITE_OK;
    case SQLITE_FCNTL_RESERVE_BYTES: {
        int reserved = *(int *)arg;
        *(int *)arg = (int)btree_reserved(bt);
        if (reserved < 0 || reserved > 255)
            return SQLITE_OK;
        int rc = btree_set_page_size(bt, 0, reserved, false);
        return rc == SQLITE_READONLY ? SQLITE_OK : rc; // of a file that exists it stays as it is
    }
    case SQLITE_FCNTL_RESET_CACHE: pager_forget(pager); return SQLITE_OK;
    default:
        return os_is_open(pager_file(pager)) ? os_control(pager_file(pager), op, arg)
                                             : SQLITE_NOTFOUND;
    }
}

int sqlite3_file_control(sqlite3 *db, const char *name, int op, void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    int index = database_index(db, name);
    int rc = SQLITE_ERROR;
    if (index >= 0 && db->databases[index].btree != NULL)
        rc = file_control_value(db->databases[index].btree, op, arg);
    return api_exit(db, rc);
}

// --- checkpoints ---

// A database that this connection is writing cannot be checkpointed by it.
static int checkpoint_one(sqlite3 *db, int index, int mode, int *log_frames, int *done_frames)
{
    ASSERT(index >= 0 && index < db->database_count);

    Btree *bt = db->databases[index].btree;
    if (bt == NULL)
        return SQLITE_OK;
    if (btree_txn_state(bt) == SQLITE_TXN_WRITE)
        return SQLITE_LOCKED;
    return pager_checkpoint(btree_pager(bt), mode, log_frames, done_frames);
}

// index DATABASE_MAX: all of them; counts are of the first.
static int checkpoint(sqlite3 *db, int index, int mode, int *log_frames, int *done_frames)
{
    ASSERT(index >= 0 && (index == DATABASE_MAX || index < db->database_count));

    int rc = SQLITE_OK;
    bool saw_busy = false;
    for (int i = 0; i < db->database_count && rc == SQLITE_OK; i++) {
        if (index != DATABASE_MAX && i != index)
            continue;
        rc = checkpoint_one(db, i, mode, log_frames, done_frames);
        log_frames = done_frames = NULL;
        if (rc == SQLITE_BUSY) {
            saw_busy = true;
            rc = SQLITE_OK;
        }
    }
    return rc == SQLITE_OK && saw_busy ? SQLITE_BUSY : rc;
}

// Counts are -1 until they are known, and where there is no log.
int sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *log_frames,
                              int *done_frames)
{
    if (!connection_is_usable(db))
        return error_misuse();
    if (log_frames != NULL)
        *log_frames = -1;
    if (done_frames != NULL)
        *done_frames = -1;
    if (mode < SQLITE_CHECKPOINT_NOOP || mode > SQLITE_CHECKPOINT_TRUNCATE)
        return error_misuse();
    api_enter(db);
    bool all = name == NULL || name[0] == '\0';
    int index = all ? DATABASE_MAX : connection_find_database(db, name);
    int rc;
    if (index < 0) {
        rc = connection_error(db, SQLITE_ERROR, "unknown database: %s", name);
    } else {
        db->busy_count = 0;
        rc = checkpoint(db, index, mode, log_frames, done_frames);
        connection_error_plain(db, rc);
    }
    if (db->active_statements == 0)
        atomic_store(&db->interrupted, 0);
    return api_exit(db, rc);
}

int sqlite3_wal_checkpoint(sqlite3 *db, const char *name)
{
    return sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

// --- statistics ---

// Of all databases together.
static int cache_status(sqlite3 *db, int op, sqlite3_int64 *current, bool reset)
{
    *current = 0;
    for (int i = 0; i < db->database_count; i++) {
        if (db->databases[i].btree == NULL)
            continue;
        PagerStats stats;
        Btree *bt = db->databases[i].btree;
        pager_stats(btree_pager(bt), &stats, reset);
        switch (op) {
        case SQLITE_DBSTATUS_CACHE_HIT: *current += (i64)stats.hits; break;
        case SQLITE_DBSTATUS_CACHE_MISS: *current += (i64)stats.misses; break;
        case SQLITE_DBSTATUS_CACHE_WRITE: *current += (i64)stats.writes; break;
        case SQLITE_DBSTATUS_CACHE_SPILL: *current += (i64)stats.spills; break;
        case SQLITE_DBSTATUS_CACHE_USED_SHARED:
            *current += (i64)stats.memory_shared / btree_sharer_count(bt);
            break;
        default: *current += (i64)stats.memory; break;
        }
    }
    return SQLITE_OK;
}

static i64 statements_memory(const sqlite3 *db)
{
    i64 used = 0;
    for (const Vm *vm = db->statements; vm != NULL; vm = vm->next)
        used += (i64)vm_memory_used(vm);
    return used;
}

// Arenas count as far as they are used; what the allocator adds is not known.
static i64 schemas_memory(const sqlite3 *db)
{
    u64 used = 0;
    for (int i = 0; i < db->database_count; i++) {
        const Schema *schema = db->databases[i].schema;
        if (schema == NULL)
            continue;
        for (NameEntry *e = name_map_first(&schema->tables); e != NULL;
             e = name_map_next(&schema->tables, e)) {
            const Table *table = e->value;
            used += sizeof *table + table->arena.used;
            for (const Index *index = table->indexes; index != NULL; index = index->next)
                used += sizeof *index + index->arena.used;
        }
    }
    return (i64)used;
}

int sqlite3_db_status64(sqlite3 *db, int op, sqlite3_int64 *current, sqlite3_int64 *highest,
                        int reset)
{
    if (!connection_is_usable(db) || current == NULL || highest == NULL)
        return error_misuse();
    api_enter(db);
    *current = *highest = 0;
    int rc = SQLITE_OK;
    switch (op) {
    case SQLITE_DBSTATUS_CACHE_USED:
    case SQLITE_DBSTATUS_CACHE_USED_SHARED:
    case SQLITE_DBSTATUS_CACHE_HIT:
    case SQLITE_DBSTATUS_CACHE_MISS:
    case SQLITE_DBSTATUS_CACHE_WRITE:
    case SQLITE_DBSTATUS_CACHE_SPILL: rc = cache_status(db, op, current, reset != 0); break;
    case SQLITE_DBSTATUS_SCHEMA_USED: *current = schemas_memory(db); break;
    case SQLITE_DBSTATUS_STMT_USED: *current = statements_memory(db); break;
    case SQLITE_DBSTATUS_DEFERRED_FKS:
        *current = db->deferred_violations > 0 || db->deferred_immediate > 0;
        break;
    case SQLITE_DBSTATUS_LOOKASIDE_USED:
    case SQLITE_DBSTATUS_LOOKASIDE_HIT:
    case SQLITE_DBSTATUS_LOOKASIDE_MISS_SIZE:
    case SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL:
    case SQLITE_DBSTATUS_TEMPBUF_SPILL: break; // quire has no lookaside memory
    default: rc = SQLITE_ERROR;
    }
    return api_exit(db, rc);
}

int sqlite3_db_status(sqlite3 *db, int op, int *current, int *highest, int reset)
{
    sqlite3_int64 current64 = 0;
    sqlite3_int64 highest64 = 0;
    if (current == NULL || highest == NULL)
        return error_misuse();
    int rc = sqlite3_db_status64(db, op, &current64, &highest64, reset);
    if (rc != SQLITE_OK)
        return rc;
    *current = (int)(current64 & 0x7fffffff);
    *highest = (int)(highest64 & 0x7fffffff);
    return rc;
}

// --- configuration ---

// Accepted for the sake of programs that tune it.
static int set_lookaside(va_list args)
{
    (void)va_arg(args, void *);
    (void)va_arg(args, int);
    (void)va_arg(args, int);
    return SQLITE_OK; // arenas take its place
}

static u64 config_flag(int op)
{
    switch (op) {
    case SQLITE_DBCONFIG_ENABLE_FKEY: return CONN_FLAG(FOREIGN_KEYS);
    case SQLITE_DBCONFIG_ENABLE_TRIGGER: return CONN_FLAG(ENABLE_TRIGGER);
    case SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER: return CONN_FLAG(FTS3_TOKENIZER);
    case SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION: return CONN_FLAG(LOAD_EXTENSION);
    case SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE: return CONN_FLAG(NO_CKPT_ON_CLOSE);
    case SQLITE_DBCONFIG_ENABLE_QPSG: return CONN_FLAG(ENABLE_QPSG);
    case SQLITE_DBCONFIG_TRIGGER_EQP: return CONN_FLAG(TRIGGER_EQP);
    case SQLITE_DBCONFIG_RESET_DATABASE: return CONN_FLAG(RESET_DATABASE);
    case SQLITE_DBCONFIG_DEFENSIVE: return CONN_FLAG(DEFENSIVE);
    case SQLITE_DBCONFIG_WRITABLE_SCHEMA:
        return CONN_FLAG(WRITABLE_SCHEMA) | CONN_FLAG(NO_SCHEMA_ERROR);
    case SQLITE_DBCONFIG_LEGACY_ALTER_TABLE: return CONN_FLAG(LEGACY_ALTER);
    case SQLITE_DBCONFIG_DQS_DML: return CONN_FLAG(DQS_DML);
    case SQLITE_DBCONFIG_DQS_DDL: return CONN_FLAG(DQS_DDL);
    case SQLITE_DBCONFIG_ENABLE_VIEW: return CONN_FLAG(ENABLE_VIEW);
    case SQLITE_DBCONFIG_LEGACY_FILE_FORMAT: return CONN_FLAG(LEGACY_FILE_FORMAT);
    case SQLITE_DBCONFIG_TRUSTED_SCHEMA: return CONN_FLAG(TRUSTED_SCHEMA);
    case SQLITE_DBCONFIG_STMT_SCANSTATUS: return CONN_FLAG(STMT_SCANSTATUS);
    case SQLITE_DBCONFIG_REVERSE_SCANORDER: return CONN_FLAG(REVERSE_UNORDERED);
    case SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE: return CONN_FLAG(ATTACH_CREATE);
    case SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE: return CONN_FLAG(ATTACH_WRITE);
    case SQLITE_DBCONFIG_ENABLE_COMMENTS: return CONN_FLAG(COMMENTS);
    default: return 0;
    }
}

static int set_flag(sqlite3 *db, u64 flag, int on, int *result)
{
    u64 before = db->flags;
    if (on > 0)
        db->flags |= flag;
    else if (on == 0)
        db->flags &= ~flag;
    if (db->flags != before) {
        connection_flags_changed(db);
        vm_expire_all(db, false);
    }
    if (result != NULL)
        *result = (db->flags & flag) != 0;
    return SQLITE_OK;
}

static int set_fp_digits(sqlite3 *db, int digits, int *result)
{
    if (digits > 3 && digits < 24)
        db->fp_digits = digits;
    if (result != NULL)
        *result = db->fp_digits;
    return SQLITE_OK;
}

int sqlite3_db_config(sqlite3 *db, int op, ...)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    va_list args;
    va_start(args, op);
    int rc = SQLITE_ERROR;
    u64 flag = config_flag(op);
    if (op == SQLITE_DBCONFIG_MAINDBNAME) {
        db->databases[DB_MAIN].name = va_arg(args, char *);
        rc = SQLITE_OK;
    } else if (op == SQLITE_DBCONFIG_LOOKASIDE) {
        rc = set_lookaside(args);
    } else if (op == SQLITE_DBCONFIG_FP_DIGITS) {
        int digits = va_arg(args, int);
        rc = set_fp_digits(db, digits, va_arg(args, int *));
    } else if (flag != 0) {
        int on = va_arg(args, int);
        rc = set_flag(db, flag, on, va_arg(args, int *));
    }
    va_end(args);
    return api_exit(db, rc);
}
