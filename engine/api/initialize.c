// The library's start and end, and its process-wide settings.
//
// Settings are for the process, and for the time before the first connection: once the library has
// started they are refused, but for those that touch nothing that is in use.

#include "api/api.h"
#include "base/alloc.h"
#include "os/thread.h"
#include <stdarg.h>

ApiConfig api_config = {
    .core_mutex = true,
    .full_mutex = true,
    .memory_statistics = true,
    .mmap_size_max = 0x7fff0000,
    .memdb_size_max = 1073741824,
    .sorter_pma_pages = 250,
    .statement_spill = 64 * 1024,
};

// Read when a connection is opened, and when mutexes are asked for.
static int config_threading(int op)
{
    ASSERT(!api_config.is_initialized);

    api_config.core_mutex = op != SQLITE_CONFIG_SINGLETHREAD;
    api_config.full_mutex = op == SQLITE_CONFIG_SERIALIZED;
    return SQLITE_OK;
}

static void clamp_mmap(i64 size, i64 limit)
{
    ASSERT(!api_config.is_initialized);

    const i64 ceiling = 0x7fff0000; // SQLITE_MAX_MMAP_SIZE
    if (limit < 0 || limit > ceiling)
        limit = ceiling;
    if (size < 0)
        size = 0;
    api_config.mmap_size_max = limit;
    api_config.mmap_size = size < limit ? size : limit;
}

// Arguments are taken by type as SQLite documents them; a wrong one cannot be noticed.
static int config_apply(int op, va_list args)
{
    switch (op) {
    case SQLITE_CONFIG_SINGLETHREAD:
    case SQLITE_CONFIG_MULTITHREAD:
    case SQLITE_CONFIG_SERIALIZED: return config_threading(op);
    case SQLITE_CONFIG_MALLOC: return alloc_configure(va_arg(args, sqlite3_mem_methods *));
    case SQLITE_CONFIG_GETMALLOC:
        alloc_methods(va_arg(args, sqlite3_mem_methods *));
        return SQLITE_OK;
    case SQLITE_CONFIG_MUTEX:
        mutex_methods_configure(va_arg(args, const sqlite3_mutex_methods *));
        return SQLITE_OK;
    case SQLITE_CONFIG_GETMUTEX:
        *va_arg(args, sqlite3_mutex_methods *) = *mutex_methods();
        return SQLITE_OK;
    case SQLITE_CONFIG_MEMSTATUS:
        api_config.memory_statistics = va_arg(args, int) != 0;
        alloc_track_statistics(api_config.memory_statistics);
        return SQLITE_OK;
    case SQLITE_CONFIG_LOG: {
        LogCallback *callback = va_arg(args, LogCallback *);
        log_configure(callback, va_arg(args, void *));
        return SQLITE_OK;
    }
    case SQLITE_CONFIG_URI: api_config.open_uri = va_arg(args, int) != 0; return SQLITE_OK;
    case SQLITE_CONFIG_MMAP_SIZE: {
        i64 size = va_arg(args, i64);
        clamp_mmap(size, va_arg(args, i64));
        return SQLITE_OK;
    }
    case SQLITE_CONFIG_MEMDB_MAXSIZE:
        api_config.memdb_size_max = va_arg(args, i64);
        return SQLITE_OK;
    case SQLITE_CONFIG_PMASZ: api_config.sorter_pma_pages = va_arg(args, u32); return SQLITE_OK;
    case SQLITE_CONFIG_STMTJRNL_SPILL:
        api_config.statement_spill = va_arg(args, int);
        return SQLITE_OK;
    case SQLITE_CONFIG_PCACHE_HDRSZ: *va_arg(args, int *) = 0; return SQLITE_OK;
    // Accepted and without effect: quire has its own page pool, arenas and locks.
    case SQLITE_CONFIG_PAGECACHE:
    case SQLITE_CONFIG_LOOKASIDE:
    case SQLITE_CONFIG_SMALL_MALLOC:
    case SQLITE_CONFIG_COVERING_INDEX_SCAN:
    case SQLITE_CONFIG_ROWID_IN_VIEW:
    case SQLITE_CONFIG_PCACHE:
    case SQLITE_CONFIG_GETPCACHE: return SQLITE_OK;
    default: return SQLITE_ERROR; // unknown, or a facility that is not in this build
    }
}

int sqlite3_config(int op, ...)
{
    // These may be changed at any time.
    bool anytime = op == SQLITE_CONFIG_LOG || op == SQLITE_CONFIG_PCACHE_HDRSZ;
    if (api_config.is_initialized && !anytime)
        return error_misuse();
    va_list args;
    va_start(args, op);
    int rc = config_apply(op, args);
    va_end(args);
    return rc;
}

// As compiled, not as configured.
int sqlite3_threadsafe(void)
{
    return 1;
}

// --- memory ---

// Zero or negative sizes give nothing; that is no error.
void *sqlite3_malloc(int size)
{
    return size <= 0 ? NULL : sqlite3_malloc64((sqlite3_uint64)size);
}

void *sqlite3_malloc64(sqlite3_uint64 size)
{
    return sqlite3_initialize() == SQLITE_OK ? mem_alloc(size) : NULL;
}

// A size of zero frees; no block allocates.
void *sqlite3_realloc(void *block, int size)
{
    return sqlite3_realloc64(block, size < 0 ? 0 : (sqlite3_uint64)size);
}

void *sqlite3_realloc64(void *block, sqlite3_uint64 size)
{
    return sqlite3_initialize() == SQLITE_OK ? mem_realloc(block, size) : NULL;
}

void sqlite3_free(void *block)
{
    mem_free(block);
}

sqlite3_uint64 sqlite3_msize(void *block)
{
    return mem_size(block);
}

sqlite3_int64 sqlite3_memory_used(void)
{
    AllocStats stats;
    alloc_stats(&stats, false);
    return stats.used;
}

sqlite3_int64 sqlite3_memory_highwater(int reset)
{
    AllocStats stats;
    alloc_stats(&stats, reset != 0);
    return stats.used_max;
}

sqlite3_int64 sqlite3_soft_heap_limit64(sqlite3_int64 limit)
{
    return sqlite3_initialize() == SQLITE_OK ? alloc_soft_limit(limit) : -1;
}

sqlite3_int64 sqlite3_hard_heap_limit64(sqlite3_int64 limit)
{
    return sqlite3_initialize() == SQLITE_OK ? alloc_hard_limit(limit) : -1;
}

void sqlite3_soft_heap_limit(int limit)
{
    (void)sqlite3_soft_heap_limit64(limit < 0 ? 0 : limit);
}

int sqlite3_status64(int op, sqlite3_int64 *current, sqlite3_int64 *highest, int reset)
{
    if (current == NULL || highest == NULL || op < 0 || op > SQLITE_STATUS_MALLOC_COUNT)
        return error_misuse();
    AllocStats stats;
    alloc_stats(&stats, reset != 0);
    *current = *highest = 0;
    switch (op) {
    case SQLITE_STATUS_MEMORY_USED:
        *current = stats.used;
        *highest = stats.used_max;
        return SQLITE_OK;
    case SQLITE_STATUS_MALLOC_COUNT:
        *current = stats.count;
        *highest = stats.count_max;
        return SQLITE_OK;
    case SQLITE_STATUS_MALLOC_SIZE: *highest = stats.largest; return SQLITE_OK;
    default: return SQLITE_OK; // counters of facilities that quire does not have stay 0
    }
}

int sqlite3_status(int op, int *current, int *highest, int reset)
{
    sqlite3_int64 current64 = 0;
    sqlite3_int64 highest64 = 0;
    if (current == NULL || highest == NULL)
        return error_misuse();
    int rc = sqlite3_status64(op, &current64, &highest64, reset);
    if (rc != SQLITE_OK)
        return rc;
    *current = (int)current64;
    *highest = (int)highest64;
    return rc;
}
