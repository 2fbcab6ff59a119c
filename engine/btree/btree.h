#ifndef QUIRE_BTREE_BTREE_H
#define QUIRE_BTREE_BTREE_H
// Tables and indexes as B+trees and B-trees of pages, in SQLite's file format.
//
// Nouns
//   Btree   one connection's view of one database file: its trees, its freelist, its header
//           ("meta") fields.
//   tree    a root page: a table tree (64-bit rowid keys, data in leaves) or an index tree (records
//           as keys).
//   cell    one entry of a page; payload beyond the local limit lies on overflow pages.
//   Cursor  a position in one tree.
//
// Laws (numbered; engine/btree/README.md has them all)
//   B1  Page 1 starts with the 100-byte file header; its tree is sqlite_schema.
//   B2  A page's cell pointers are sorted by key; cells do not overlap.
//   B3  A divider key of an index tree's interior page is an entry; a divider rowid of a table tree
//       is only an upper bound of its left subtree: no leaf need hold it.
//   B4  After an operation no page is overfull; siblings are filled as SQLite's own balancing would
//       allow.
//   B5  Before a tree changes, every other cursor of this connection on it saves its key and drops
//       its pins; it finds its place again when it is next used (cursor_restore).
//   B6  Every page is reachable exactly once: from a tree, an overflow chain, the freelist or the
//       pointer map.
//   B7  Bytes from the file are checked before use: a bad one gives SQLITE_CORRUPT, never a crash.
//   B8  When a changing call fails, private pages may be inconsistent: the caller rolls back the
//       statement.
//
// A Btree is used under its connection's mutex. Calls that read pages may wait.

#include "base/contract.h"
#include "pager/pager.h"
#include "sqlite3.h"
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
// path NULL or "" with BTREE_TEMPORARY: anonymous. With SQLITE_OPEN_SHAREDCACHE a file, or a
// database in memory that has a name in an URI, is shared with others of this process (sharing.c);
// SQLITE_CONSTRAINT: `db` has a view of it already.
MUST_USE int btree_open(sqlite3_vfs *vfs, const char *path, sqlite3 *db, u32 btree_flags,
                        int open_flags, Btree **out);
int btree_close(Btree *bt);
// Asked when a lock is taken: nonzero says to try again.
void btree_set_busy_handler(Btree *bt, int (*busy)(void *arg), void *arg);
Pager *btree_pager(Btree *bt); // of a shared one: everybody's
// reserved < 0 keeps it; `fix` forbids later changes. SQLITE_READONLY when already fixed.
MUST_USE int btree_set_page_size(Btree *bt, u32 size, int reserved, bool fix);
u32 btree_page_size(const Btree *bt);
u32 btree_reserved(const Btree *bt);
// 0 none, 1 full, 2 incremental. Refused (SQLITE_READONLY) once the file has content, but full <->
// incremental is possible.
MUST_USE int btree_set_auto_vacuum(Btree *bt, int mode);
int btree_auto_vacuum(Btree *bt);
int btree_secure_delete(Btree *bt, int set); // -1 asks, 0 off, 1 on, 2 fast; tells what holds
// A file with fewer pages than its header says is damaged; accepted, it is read as far as it goes.
void btree_accept_short_file(Btree *bt, bool accept);
bool btree_is_read_only(const Btree *bt);
// PRAGMA journal_mode's part in page 1: sets read/write version 1 (rollback) or 2 (WAL).
MUST_USE int btree_set_file_version(Btree *bt, u8 version);

// --- transactions ---

typedef enum TxnKind { BTREE_READ, BTREE_WRITE, BTREE_EXCLUSIVE } TxnKind;
// Starts or upgrades. Reads page 1 and checks the header: SQLITE_NOTADB, SQLITE_CORRUPT. The busy
// handler is called as SQLite's rules say. *schema_cookie (may be NULL): meta 1 as seen by this
// transaction.
MUST_USE int btree_begin(Btree *bt, TxnKind kind, u32 *schema_cookie);
MUST_USE int btree_commit_prepare(Btree *bt, const char *super_journal); // auto-vacuum happens here
MUST_USE int btree_commit_finish(Btree *bt, bool keep_read);
MUST_USE int btree_commit(Btree *bt); // both
// Cursors: tripped with `trip_rc` when it is not SQLITE_OK (`write_only`: only write cursors,
// readers save their place).
int btree_rollback(Btree *bt, int trip_rc, bool write_only);
// The same for cursors alone: every later use of them gives `rc`.
void btree_trip_cursors(Btree *bt, int rc);
// Lets go of pages that only cursors closed in this transaction still pin.
void btree_rest(Btree *bt);
int btree_txn_state(const Btree *bt); // SQLITE_TXN_NONE, _READ, _WRITE
MUST_USE int btree_savepoint_open(Btree *bt, u32 count);
// op: SAVEPOINT_RELEASE or SAVEPOINT_ROLLBACK (to `index`, which stays open).
enum { SAVEPOINT_BEGIN, SAVEPOINT_RELEASE, SAVEPOINT_ROLLBACK };
MUST_USE int btree_savepoint(Btree *bt, int op, u32 index);
// Ends the read transaction when no cursor needs it and nothing is written.
void btree_end_read_if_idle(Btree *bt);

// --- sharing ---
// All of it does nothing to a Btree that is not shared.

bool btree_is_shared(const Btree *bt);
// The right to use it: held over all calls here, and not counted. Who has several takes them in the
// order of their identities.
void btree_enter(Btree *bt);
bool btree_try_enter(Btree *bt);
void btree_leave(Btree *bt);
const void *btree_identity(const Btree *bt); // the same for all who share
u32 btree_sharer_count(const Btree *bt);     // how many they are; 1: nobody but this one
// Locks a tree for the transaction. SQLITE_LOCKED_SHAREDCACHE: somebody else's lock is in the way.
MUST_USE int btree_lock_tree(Btree *bt, Pgno root, bool for_writing);
// Whether the schema could be read: the same answers, but nothing is locked.
MUST_USE int btree_ask_schema(Btree *bt);
// Some view has read the schema. From then on SQLite's connections, which share what they read of
// it, need not see the file for it again.
void btree_note_schema(Btree *bt);
bool btree_schema_is_known(const Btree *bt);
u32 btree_data_version(Btree *bt); // pager_data_version() as this view sees it

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
    META_DATA_VERSION = 15, // not stored: btree_data_version
};
void btree_get_meta(Btree *bt, int index, u32 *value); // needs a transaction
MUST_USE int btree_set_meta(Btree *bt, int index, u32 value);
Pgno btree_page_count(Btree *bt);

// --- trees ---

typedef enum TreeKind { TREE_TABLE = 1, TREE_INDEX = 2 } TreeKind;
MUST_USE int btree_create_tree(Btree *bt, TreeKind kind, Pgno *root);
// *moved: under auto-vacuum the last root may take the dropped one's place; its former number, or
// 0.
MUST_USE int btree_drop_tree(Btree *bt, Pgno root, Pgno *moved);
// *rows (may be NULL) grows by the entries removed.
MUST_USE int btree_clear_tree(Btree *bt, Pgno root, i64 *rows);
// What the commit of a fully auto-vacuumed database may cut off. false: it is not one, or not
// written.
bool btree_vacuum_is_due(const Btree *bt, Pgno *pages, Pgno *free_pages);
// The next commit cuts off at most so many of the free pages.
void btree_limit_vacuum(Btree *bt, Pgno most);
// One step of incremental vacuum; SQLITE_DONE when nothing is left.
MUST_USE int btree_incremental_vacuum(Btree *bt);
// Copies a whole database page by page (VACUUM's last step).
MUST_USE int btree_copy_file(Btree *target, Btree *source);
// Puts `content` (a page of bytes) in the place of page `pgno`, whatever it was; one behind the end
// makes the file longer by one. SQLITE_FULL for one further behind. Needs a write transaction.
MUST_USE int btree_replace_page(Btree *bt, Pgno pgno, const u8 *content);
// The same in steps (backup): one page, whose bytes may lie on several of the target or on a part
// of one, and the end, which gives the target's file its length.
MUST_USE int btree_copy_page(Btree *target, Btree *source, Pgno pgno);
MUST_USE int btree_copy_content(Btree *target, Btree *source, Pgno pgno, const u8 *content);
MUST_USE int btree_copy_end(Btree *target, Btree *source);
// Makes the database one without tables. Needs a write transaction.
MUST_USE int btree_make_empty(Btree *bt);
// While on, transactions find an empty database and a write makes it one, whatever the file holds
// (SQLITE_DBCONFIG_RESET_DATABASE). Between transactions only.
void btree_read_as_empty(Btree *bt, bool on);

// --- cursors ---

// `shape` NULL for table trees; it must outlive the cursor. Writable cursors need a write
// transaction.
MUST_USE int cursor_open(Btree *bt, Pgno root, bool writable, const KeyShape *shape, Cursor **out);
void cursor_close(Cursor *cur); // NULL is legal
// Hints: the cursor only ever seeks forward/equal (index only), or reads in bulk (scan: read
// ahead).
void cursor_hint_scan(Cursor *cur);
// Where the payload lies from byte `offset` on: up to `limit` runs of bytes that lie side by side.
// All of them are borrowed until the pager is used again.
typedef struct PayloadRun {
    const u8 *bytes;
    u32 size;
} PayloadRun;
enum { PAYLOAD_RUNS_MAX = 16 };
MUST_USE int cursor_payload_runs(Cursor *cur, u32 offset, PayloadRun *runs, u32 limit, u32 *count);
// A hint: of each row of the scan about that many leading bytes will be read.
void cursor_hint_reach(Cursor *cur, u32 size);

MUST_USE int cursor_first(Cursor *cur, bool *empty);
MUST_USE int cursor_last(Cursor *cur, bool *empty);
static inline MUST_USE int cursor_next(Cursor *cur); // SQLITE_DONE past the end
static inline MUST_USE int cursor_previous(Cursor *cur);
static inline bool cursor_is_valid(const Cursor *cur); // stands on an entry, needs no restore
void cursor_clear(Cursor *cur);        // leaves its entry: cursor_next() then ends at once
bool cursor_is_eof(const Cursor *cur); // on no entry, and none is remembered
static inline bool cursor_has_moved(const Cursor *cur); // its row may be gone: call cursor_restore
MUST_USE int cursor_restore(Cursor *cur,
                            bool *different_row); // back to the saved key, or its neighbour
// Lands on the entry, or beside where it would be. *order: sign of (entry - key): 0 found, < 0 the
// cursor stands on a smaller entry, > 0 on a larger one; < 0 also for an empty tree (cursor at
// EOF).
MUST_USE int cursor_seek_rowid(Cursor *cur, RowId rowid, bool bias_right, int *order);
MUST_USE int cursor_seek_key(Cursor *cur, KeyProbe *probe, int *order);

// A survey passes leaves over in a walk forward. Helper threads look at the leaves ahead, and only
// those with a row that `judge` wants are walked. It is called by several threads at once, with
// rows that lie whole on their page; leaves with others, or with damage, are walked. What it looks
// at must not change during cursor_next_surveyed(), which is when it is called.
typedef bool RowJudge(void *arg, const u8 *payload, u32 size);
typedef struct Survey Survey;
MUST_USE int survey_new(u32 helpers, RowJudge *judge, void *arg, Survey **out);
void survey_free(Survey *survey); // NULL is legal
// As cursor_next(), of a table tree; *passed says how many entries were passed over.
MUST_USE int cursor_next_surveyed(Cursor *cur, Survey *survey, u32 *passed);

// These four need a cursor that stands on an entry. A damaged cell reads as rowid 0 and a payload
// of one byte of which none is available: cursor_payload_read() then answers SQLITE_CORRUPT.
static inline RowId cursor_rowid(Cursor *cur); // table trees
static inline u32 cursor_payload_size(Cursor *cur);
// The bytes that lie on the page itself; *available may be less than the payload. Borrowed until
// the cursor moves or its tree changes. At least PAGE_SLACK further bytes may be read.
static inline const u8 *cursor_payload_local(Cursor *cur, u32 *available);
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
// `seek_order`: result of a seek just done for this very key on this cursor (0: entry is replaced),
// or CURSOR_UNKNOWN to have it seek. Replaces an equal key.
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

// What to check, and what came out of it.
typedef struct IntegrityCheck {
    const Pgno *roots; // trees to walk; 0 is passed over
    u32 root_count;
    u32 error_max; // stop after so many
    bool partial;  // the roots are only some of the file's: do not report unreached pages
    // Results.
    i64 *counts; // root_count numbers, or NULL: entries of each tree
    u32 errors;
    char *report; // SQLite's own messages, a line each; mem_free; NULL when all is well
} IntegrityCheck;
// Fails only when memory runs out: everything else goes to the report.
MUST_USE int btree_integrity_check(Btree *bt, IntegrityCheck *check);
// Fields of one page for dbstat and .dbinfo live in btree/inspect.h.

// --- the inner parts that the inline paths need ---
//
// Callers read none of this; it is here because the bytecode machine makes these calls per row.

// What a tree's pages have in common: page size and what follows from it.
typedef struct Geometry {
    u32 page_size;
    u32 usable;          // page_size less the reserved bytes at each page's end
    u32 table_max_local; // most payload bytes on a table leaf
    u32 index_max_local; // the same for index pages
    u32 min_local;       // local bytes of a payload that overflows, at least
    bool zero_freed;     // secure_delete: freed bytes are overwritten
    u8 *scratch;         // page_size + PAGE_SLACK bytes for rebuilding a page
} Geometry;

// One page of a tree, its header parsed.
typedef struct Node {
    u8 *data;  // page->data
    u8 *slots; // the cell pointer array
    Page *page;
    const Geometry *geometry;
    u32 free_size; // bytes a new cell and its slot may take, or FREE_UNKNOWN
    u16 cell_count;
    u8 kind;      // NodeKind
    u8 header_at; // 100 on page 1, else 0
} Node;
enum { NODE_LEAF_BIT = 8, NODE_TABLE_BIT = 1, FREE_UNKNOWN = 0x7fffffff };

typedef struct Level {
    Node node;
    // cell stood on; in an interior node on the path: the child taken (cell_count: right child)
    u32 slot;
} Level;

typedef struct Cell {
    RowId rowid;       // table trees
    const u8 *payload; // first local byte; NULL for a table's interior cell
    u32 payload_size;
    u32 local_size; // payload bytes on the page
    u32 size;       // bytes on the page in all
} Cell;

typedef enum CursorState {
    CURSOR_VALID,   // stands on an entry
    CURSOR_SKIP,    // stands on the neighbour of a deleted entry: see CursorFast.skip
    CURSOR_INVALID, // on no entry
    CURSOR_SAVED,   // the key is remembered, no page pinned
    CURSOR_FAULT,   // tripped by a rollback: every use gives `fault_rc`
} CursorState;

typedef struct CursorFast {
    u8 state;
    bool has_cell;     // `cell` describes the entry stood on
    bool cell_damaged; // ... but it is damaged
    bool has_lent;     // the machine above has pointers into the entry's page
    i8 skip;      // CURSOR_SKIP: > 0 the next cursor_next is a no-op, < 0 the next cursor_previous
    Level *level; // the node stood on
    Cell cell;
} CursorFast;

MUST_USE int cursor_next_slow(Cursor *cur);
MUST_USE int cursor_previous_slow(Cursor *cur);
void cursor_parse_cell(Cursor *cur);

static inline bool cursor_is_valid(const Cursor *cur)
{
    return ((const CursorFast *)(const void *)cur)->state == CURSOR_VALID;
}

static inline bool cursor_has_moved(const Cursor *cur)
{
    return ((const CursorFast *)(const void *)cur)->state != CURSOR_VALID;
}

// Within a leaf the next entry is the next slot; everything else is out of line.
static inline int cursor_next(Cursor *cur)
{
    CursorFast *fast = (CursorFast *)(void *)cur;
    Level *level = fast->level;
    fast->has_cell = false;
    if (LIKELY(fast->state == CURSOR_VALID && (level->node.kind & NODE_LEAF_BIT)
               && level->slot + 1 < level->node.cell_count)) {
        level->slot++;
        return SQLITE_OK;
    }
    return cursor_next_slow(cur);
}

static inline int cursor_previous(Cursor *cur)
{
    CursorFast *fast = (CursorFast *)(void *)cur;
    Level *level = fast->level;
    fast->has_cell = false;
    if (LIKELY(fast->state == CURSOR_VALID && (level->node.kind & NODE_LEAF_BIT)
               && level->slot > 0)) {
        level->slot--;
        return SQLITE_OK;
    }
    return cursor_previous_slow(cur);
}

// Bytes of the entry stood on are now pointed to from above. They stay as they are until the cursor
// goes to another entry or closes, even if the entry is changed or the transaction undone.
static inline void cursor_lend(Cursor *cur)
{
    ((CursorFast *)(void *)cur)->has_lent = true;
}

static inline const Cell *cursor_cell(Cursor *cur)
{
    CursorFast *fast = (CursorFast *)(void *)cur;
    if (!fast->has_cell)
        cursor_parse_cell(cur);
    return &fast->cell;
}

static inline RowId cursor_rowid(Cursor *cur)
{
    return cursor_cell(cur)->rowid;
}

static inline u32 cursor_payload_size(Cursor *cur)
{
    return cursor_cell(cur)->payload_size;
}

static inline const u8 *cursor_payload_local(Cursor *cur, u32 *available)
{
    const Cell *cell = cursor_cell(cur);
    *available = cell->local_size;
    return cell->payload;
}

#endif
