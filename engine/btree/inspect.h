#ifndef QUIRE_BTREE_INSPECT_H
#define QUIRE_BTREE_INSPECT_H
// Looking at pages: what dbstat and .dbinfo tell about a database file.
//
// A PageWalk visits a tree page by page, parents before children, each cell's overflow chain before
// what comes next, and describes each page. It needs a read transaction for as long as it is open,
// and no changes to the tree meanwhile. Damage is described (PAGE_CORRUPTED), not refused.

#include "btree/btree.h"

typedef enum PageRole {
    PAGE_INTERIOR,
    PAGE_LEAF,
    PAGE_OVERFLOW,
    PAGE_CORRUPTED,
} PageRole;

typedef struct PageInfo {
    Pgno pgno;
    PageRole role;
    u32 cell_count;  // 0 for overflow pages
    u32 payload;     // bytes of payload on this page
    u32 payload_max; // the largest payload of a cell, wherever its bytes are; 0 for overflow pages
    u32 unused;      // bytes
    // "/" for the root, "/00a/" for its eleventh child, "/00a/003+000001" for the second overflow
    // page of that child's fourth cell.
    char path[200];
} PageInfo;

typedef struct PageWalk PageWalk;
MUST_USE int page_walk_open(Btree *bt, Pgno root, PageWalk **out);
// SQLITE_DONE after the last page; *info is written on SQLITE_OK only. May wait.
MUST_USE int page_walk_next(PageWalk *walk, PageInfo *info);
void page_walk_close(PageWalk *walk); // NULL is legal

// Fields of the database header, for .dbinfo. Needs a transaction.
typedef struct HeaderInfo {
    u32 page_size, reserved;
    u8 write_version, read_version;
    u32 change_counter, page_count, free_count, schema_cookie, schema_format, default_cache_size;
    u32 largest_root, incremental_vacuum, text_encoding, user_version, application_id;
    u32 library_version; // that wrote last
} HeaderInfo;
void header_info(Btree *bt, HeaderInfo *info);

#endif
