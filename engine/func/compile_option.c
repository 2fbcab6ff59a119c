// The compile-time options, as stock SQLite would list them for the features quire has: PRAGMA
// compile_options, sqlite_compileoption_used() and the C calls read this one list.
//
// Programs ask for ENABLE_FTS5 or THREADSAFE to decide what they may use, so that an option is
// here exactly if what it promises holds. Sorted, as SQLite lists them.

#include "func/compile_option.h"

#include "base/hashmap.h"
#include "base/utf.h"
#include <string.h>

#if defined(__clang__)
#    define COMPILER_NAME "clang-" __clang_version__
#else
#    define COMPILER_NAME "gcc-" __VERSION__
#endif

static const char *const options[] = {
    "ATOMIC_INTRINSICS=1",
    "COMPILER=" COMPILER_NAME,
    "DEFAULT_AUTOVACUUM",
    "DEFAULT_CACHE_SIZE=-2000",
    "DEFAULT_FILE_FORMAT=4",
    "DEFAULT_JOURNAL_SIZE_LIMIT=-1",
    "DEFAULT_MMAP_SIZE=0",
    "DEFAULT_PAGE_SIZE=4096",
    "DEFAULT_PCACHE_INITSZ=20",
    "DEFAULT_RECURSIVE_TRIGGERS",
    "DEFAULT_SECTOR_SIZE=4096",
    "DEFAULT_SYNCHRONOUS=2",
    "DEFAULT_WAL_AUTOCHECKPOINT=1000",
    "DEFAULT_WAL_SYNCHRONOUS=2",
    "DEFAULT_WORKER_THREADS=0",
    "DIRECT_OVERFLOW_READ",
    "ENABLE_BYTECODE_VTAB",
    "ENABLE_COLUMN_METADATA",
    "ENABLE_DBPAGE_VTAB",
    "ENABLE_DBSTAT_VTAB",
    "ENABLE_EXPLAIN_COMMENTS",
    "ENABLE_FTS3",
    "ENABLE_FTS3_PARENTHESIS",
    "ENABLE_FTS4",
    "ENABLE_FTS5",
    "ENABLE_GEOPOLY",
    "ENABLE_MATH_FUNCTIONS",
    "ENABLE_NORMALIZE",
    "ENABLE_OFFSET_SQL_FUNC",
    "ENABLE_PERCENTILE",
    "ENABLE_PREUPDATE_HOOK",
    "ENABLE_RTREE",
    "ENABLE_SESSION",
    "ENABLE_SNAPSHOT",
    "ENABLE_STAT4",
    "ENABLE_STMTVTAB",
    "ENABLE_UNLOCK_NOTIFY",
    "MALLOC_SOFT_LIMIT=1024",
    "MAX_ATTACHED=10",
    "MAX_COLUMN=2000",
    "MAX_COMPOUND_SELECT=500",
    "MAX_DEFAULT_PAGE_SIZE=8192",
    "MAX_EXPR_DEPTH=1000",
    "MAX_FUNCTION_ARG=1000",
    "MAX_LENGTH=1000000000",
    "MAX_LIKE_PATTERN_LENGTH=50000",
    "MAX_MMAP_SIZE=0x7fff0000",
    "MAX_PAGE_COUNT=0xfffffffe",
    "MAX_PAGE_SIZE=65536",
    "MAX_SQL_LENGTH=1000000000",
    "MAX_TRIGGER_DEPTH=1000",
    "MAX_VARIABLE_NUMBER=32766",
    "MAX_VDBE_OP=250000000",
    "MAX_WORKER_THREADS=8",
    "MUTEX_PTHREADS",
    "SOUNDEX",
    "SYSTEM_MALLOC",
    "TEMP_STORE=1",
    "THREADSAFE=1",
};

// NULL behind the last one, so that a program can count them.
const char *compile_option_get(int index)
{
    return index >= 0 && index < (int)ARRAY_LEN(options) ? options[index] : NULL;
}

// "ENABLE_FTS5" and "SQLITE_ENABLE_FTS5" both are; "MAX_COLUMN" and "MAX_COLUMN=2000" too, but not
// "MAX_COL": what follows the name must end it.
bool compile_option_is_used(const char *name)
{
    ASSERT(name != NULL);

    if (name_equals_n(name, "SQLITE_", 7))
        name += 7;
    size_t size = strlen(name);
    for (u32 i = 0; i < ARRAY_LEN(options); i++) {
        if (name_equals_n(name, options[i], size) && !is_identifier_char((u8)options[i][size]))
            return true;
    }
    return false;
}
