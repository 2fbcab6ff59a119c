// Pins the layout of the public structures, which compiled programs and extensions rely on. The
// numbers are those of SQLite 3.53.2 where pointers have 8 bytes. There is nothing to run: a wrong
// one does not compile.
#include "sqlite3ext.h"

#include <stddef.h>

#define LAYOUT(type, size, last_member, offset)                      \
    _Static_assert(sizeof(struct type) == (size), "size of " #type); \
    _Static_assert(offsetof(struct type, last_member) == (offset),   \
                   "offset of " #last_member " in " #type)

#if __SIZEOF_POINTER__ == 8
LAYOUT(sqlite3_file, 8, pMethods, 0);
LAYOUT(sqlite3_io_methods, 152, xUnfetch, 144);
LAYOUT(sqlite3_vfs, 168, xNextSystemCall, 160);
LAYOUT(sqlite3_mem_methods, 64, pAppData, 56);
LAYOUT(sqlite3_module, 200, xIntegrity, 192);
LAYOUT(sqlite3_index_info, 96, colUsed, 88);
LAYOUT(sqlite3_index_constraint, 12, iTermOffset, 8);
LAYOUT(sqlite3_index_orderby, 8, desc, 4);
LAYOUT(sqlite3_index_constraint_usage, 8, omit, 4);
LAYOUT(sqlite3_vtab, 24, zErrMsg, 16);
LAYOUT(sqlite3_vtab_cursor, 8, pVtab, 0);
LAYOUT(sqlite3_mutex_methods, 72, xMutexNotheld, 64);
LAYOUT(sqlite3_pcache_page, 16, pExtra, 8);
LAYOUT(sqlite3_pcache_methods2, 104, xShrink, 96);
LAYOUT(sqlite3_pcache_methods, 88, xDestroy, 80);
LAYOUT(sqlite3_snapshot, 48, hidden, 0);
LAYOUT(sqlite3_rtree_geometry, 40, xDelUser, 32);
LAYOUT(sqlite3_rtree_query_info, 112, apSqlParam, 104);
LAYOUT(Fts5PhraseIter, 16, b, 8);
LAYOUT(Fts5ExtensionApi, 192, xTokenize_v2, 184);
LAYOUT(fts5_tokenizer_v2, 32, xTokenize, 24);
LAYOUT(fts5_tokenizer, 24, xTokenize, 16);
LAYOUT(fts5_api, 48, xFindTokenizer_v2, 40);
LAYOUT(sqlite3_api_routines, 2216, carray_bind_v2, 2208);
#endif

enum {
#define SLOT(name) SLOT_##name,
#include "tests/tidy/public_slots.def"
#undef SLOT
    SLOT_COUNT
};

#define SLOT(name) \
    _Static_assert(offsetof(sqlite3_api_routines, name) == SLOT_##name * sizeof(void *), #name);
#include "tests/tidy/public_slots.def"
#undef SLOT

_Static_assert(sizeof(sqlite3_api_routines) == SLOT_COUNT * sizeof(void *), "slots are missing");
