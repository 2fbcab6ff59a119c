#ifndef QUIRE_BTREE_BTREE_H
#define QUIRE_BTREE_BTREE_H
// Tables and indexes as B+trees and B-trees of pages, in SQLite's file format.
//
// Nouns
//   Btree   one connection's view of one database file: its trees, its freelist, its header ("meta") fields.
//   tree    a root page: a table tree (64-bit rowid keys, data in leaves) or an index tree (records as keys).
//   cell    one entry of a page; payload beyond the local limit lies on overflow pages.
//   Cursor  a position in one tree.
//
// Laws (numbered; engine/btree/README.md has them all)
//   B1  Page 1 starts with the 100-byte file header; its tree is sqlite_schema.
//   B2  A page's cell pointers are sorted by key; cells do not overlap.
//   B3  A divider key of an index tree's interior page is an entry; a divider rowid of a table tree is only an
//       upper bound of its left subtree: no leaf need hold it.
//   B4  After an operation no page is overfull; siblings are filled as SQLite's own balancing would allow.
//   B5  Before a tree changes, every other cursor of this connection on it saves its key and drops its pins;
//       it finds its place again when it is next used (cursor_restore).
//   B6  Every page is reachable exactly once: from a tree, an overflow chain, the freelist or the pointer map.
//   B7  Bytes from the file are checked before use: a bad one gives SQLITE_CORRUPT, never a crash.
//   B8  When a changing call fails, private pages may be inconsistent: the caller rolls back the statement.
//
// A Btree is used under its connection's mutex. Calls that read pages may wait.

#include "base/contract.h"
#include "os/os.h"
#include "pager/pager.h"
#include "value/compare.h"

typedef struct Btree Btree;
typedef struct Cursor Cursor;

// --- opening and settings ---

enum {
    BTREE_MEMORY = 1,    // in memory only
    BTREE_TEMPORARY = 2, // a temporary file, no sync, no locks
    BTREE_UNORDERED =
        4,            // ephemeral table that is only probed, never iterated in order (may ignore)
    BTREE_SINGLE = 8, // one tree only, no freelist (ephemeral tables)
};
// path NULL or "" with BTREE_TEMPORARY: anonymous.
MUST_USE int btree_open(sqlite3_vfs *vfs, const char *path, sqlite3 *db, u32 btree_flags,
                        int open_flags, Btree **out);
int btree_close(Btree *bt);
Pager *btree_pager(Btree *bt);
// reserved < 0 keeps it; `fix` forbids later changes. SQLITE_READONLY when already fixed.
MUST_USE int btree_set_page_size(Btree *bt, u32 size, int reserved, bool fix);
u32 btree_page_size(const Btree *bt);
u32 btree_reserved(const Btree *bt);
// 0 none, 1 full, 2 incremental. Refused (SQLITE_READONLY) once the file has content, but full <-> incremental is possible.
MUST_USE int btree_set_auto_vacuum(Btree *bt, int mode);
int btree_auto_vacuum(Btree *bt);
bool btree_secure_delete(Btree *bt, int set); // -1 asks, 0 off, 1 on, 2 fast
bool btree_is_read_only(const Btree *bt);
// PRAGMA journal_mode's part in page 1: sets read/write version 1 (rollback) or 2 (WAL).
MUST_USE int btree_set_file_version(Btree *bt, u8 version);

// --- transactions ---

typedef enum TxnKind { BTREE_READ, BTREE_WRITE, BTREE_EXCLUSIVE } TxnKind;
// Starts or upgrades. Reads page 1 and checks the header: SQLITE_NOTADB, SQLITE_CORRUPT. The busy handler
// is called as SQLite's rules say. *schema_cookie (may be NULL): meta 1 as seen by this transaction.
MUST_USE int btree_begin(Btree *bt, TxnKind kind, u32 *schema_cookie);
MUST_USE int btree_commit_prepare(Btree *bt, const char *super_journal); // auto-vacuum happens here
MUST_USE int btree_commit_finish(Btree *bt, bool keep_read);
MUST_USE int btree_commit(Btree *bt); // both
// Cursors: tripped with `trip_rc` when it is not SQLITE_OK (`write_only`: only write cursors, readers save their place).
int btree_rollback(Btree *bt, int trip_rc, bool write_only);
int btree_txn_state(const Btree *bt); // SQLITE_TXN_NONE, _READ, _WRITE
MUST_USE int btree_savepoint_open(Btree *bt, u32 count);
// op: SAVEPOINT_RELEASE or SAVEPOINT_ROLLBACK (to `index`, which stays open).
enum { SAVEPOINT_BEGIN, SAVEPOINT_RELEASE, SAVEPOINT_ROLLBACK };
MUST_USE int btree_savepoint(Btree *bt, int op, u32 index);
// Ends the read transaction when no cursor needs it and nothing is written.
void btree_end_read_if_idle(Btree *bt);

// --- the header's meta fields ---

enum {
    META_FREE_PAGE_COUNT = 0,
    META_SCHEMA_VERSION = 1,
    META_FILE_FORMAT = 2,
    META_DEFAULT_CACHE_SIZE = 3,
    META_LARGEST_ROOT = 4,
    META_TEXT_ENCODING = 5,
    META_USER_VERSION = 6,
    META_INCREMENTAL_VACUUM = 7,
    META_APPLICATION_ID = 8,
    META_DATA_VERSION = 15, // not stored: pager_data_version
};
void btree_get_meta(Btree *bt, int index, u32 *value); // needs a transaction
MUST_USE int btree_set_meta(Btree *bt, int index, u32 value);
Pgno btree_page_count(Btree *bt);

// --- trees ---

typedef enum TreeKind { TREE_TABLE = 1, TREE_INDEX = 2 } TreeKind;
MUST_USE int btree_create_tree(Btree *bt, TreeKind kind, Pgno *root);
// *moved: under auto-vacuum the last root may take the dropped one's place; its former number, or 0.
MUST_USE int btree_drop_tree(Btree *bt, Pgno root, Pgno *moved);
// *rows (may be NULL) grows by the entries removed.
MUST_USE int btree_clear_tree(Btree *bt, Pgno root, i64 *rows);
// One step of incremental vacuum; SQLITE_DONE when nothing is left.
MUST_USE int btree_incremental_vacuum(Btree *bt);
// Copies a whole database page by page (VACUUM's last step, backup of equal page sizes).
MUST_USE int btree_copy_file(Btree *target, Btree *source);

// --- cursors ---

// `shape` NULL for table trees; it must outlive the cursor. Writable cursors need a write transaction.
MUST_USE int cursor_open(Btree *bt, Pgno root, bool writable, const KeyShape *shape, Cursor **out);
void cursor_close(Cursor *cur); // NULL is legal
// Hints: the cursor only ever seeks forward/equal (index only), or reads in bulk (scan: read ahead).
void cursor_hint_scan(Cursor *cur);

MUST_USE int cursor_first(Cursor *cur, bool *empty);
MUST_USE int cursor_last(Cursor *cur, bool *empty);
MUST_USE int cursor_next(Cursor *cur); // SQLITE_DONE past the end
MUST_USE int cursor_previous(Cursor *cur);
bool cursor_is_valid(const Cursor *cur); // stands on an entry (may need cursor_restore first)
bool cursor_is_eof(const Cursor *cur);
bool cursor_has_moved(const Cursor *cur); // saved or tripped: call cursor_restore
MUST_USE int cursor_restore(Cursor *cur,
                            bool *different_row); // back to the saved key, or its neighbour
// Lands on the entry, or beside where it would be. *order: sign of (entry - key): 0 found, < 0 the
// cursor stands on a smaller entry, > 0 on a larger one; < 0 also for an empty tree (cursor at EOF).
MUST_USE int cursor_seek_rowid(Cursor *cur, RowId rowid, bool bias_right, int *order);
MUST_USE int cursor_seek_key(Cursor *cur, KeyProbe *probe, int *order);

RowId cursor_rowid(Cursor *cur); // table trees
u32 cursor_payload_size(Cursor *cur);
// The bytes that lie on the page itself; *available may be less than the payload. Borrowed until the
// cursor moves or its tree changes.
const u8 *cursor_payload_local(Cursor *cur, u32 *available);
MUST_USE int cursor_payload_read(Cursor *cur, u32 offset, u32 size, void *out);
MUST_USE int cursor_payload_write(Cursor *cur, u32 offset, u32 size,
                                  const void *bytes); // sqlite3_blob_write: same size
void cursor_cache_overflow(Cursor *cur); // incremental blob I/O: remember the chain's pages
i64 cursor_offset(Cursor *cur);          // byte offset of the payload in the file (sqlite_offset)
MUST_USE int cursor_count(Cursor *cur, i64 *count); // entries of the tree
i64 cursor_row_estimate(Cursor *cur);               // from the path's fill; -1 unknown

typedef struct Payload {
    const void *key;  // index trees: the record
    i64 key_size;     // index trees: its size; table trees: the rowid
    const void *data; // table trees: the record
    u32 data_size;
    u32 zero_tail; // zero bytes to follow `data`
    // Index trees, optional: the record in pieces, so that the seek need not parse it.
    Value *values;
    u16 value_count;
} Payload;
enum {
    CURSOR_SAVE_POSITION = 2, // leave the cursor where cursor_next/previous continues rightly
    CURSOR_APPEND = 8,        // the key is probably greater than all
};
// `seek_order`: result of a seek just done for this very key on this cursor (0: entry is replaced), or
// CURSOR_UNKNOWN to have it seek. Replaces an equal key.
enum { CURSOR_UNKNOWN = 0x7f };
MUST_USE int cursor_insert(Cursor *cur, const Payload *payload, u32 flags, int seek_order);
MUST_USE int cursor_delete(Cursor *cur, u32 flags);
// Copies source's current entry into target's tree as rowid/key (the transfer optimisation).
MUST_USE int cursor_transfer(Cursor *target, Cursor *source, RowId rowid);

// --- bulk building ---

// Builds an empty tree bottom-up from keys in ascending order, filling pages; nobody else may touch
// the tree meanwhile. bulk_finish writes the right edge; bulk_abandon frees (caller rolls back).
typedef struct BulkBuilder BulkBuilder;
MUST_USE int bulk_begin(Btree *bt, Pgno root, TreeKind kind, BulkBuilder **out);
MUST_USE int bulk_add(BulkBuilder *bulk, const Payload *payload);
MUST_USE int bulk_finish(BulkBuilder *bulk);
void bulk_abandon(BulkBuilder *bulk);

// --- checking ---

// Walks the trees given and the freelist; writes SQLite's own messages, a line each, at most
// `error_max`, to *report (mem_free; NULL when all is well). counts[i] gets tree i's entries. roots[i] 0 is passed over;
// when the roots are only part of the file, `partial` keeps it from reporting unreached pages.
MUST_USE int btree_integrity_check(Btree *bt, const Pgno *roots, i64 *counts, u32 root_count,
                                   u32 error_max, bool partial, u32 *errors, char **report);
// Fields of one page for dbstat and .dbinfo live in btree/inspect.h.

#endif
