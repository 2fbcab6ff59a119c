// The database header: the first hundred bytes of page 1.
//
//   at  size  what
//   0   16    "SQLite format 3" and a zero byte
//   16  2     page size, 1 means 65536
//   18  1+1   versions needed to write and to read: 1 rollback journal, 2 write-ahead log
//   20  1     reserved bytes at each page's end
//   21  1+1+1 64, 32, 32: payload fractions, fixed
//   24  4     change counter
//   28  4     page count; counts only if the change counter equals the number at 92
//   32  4+4   freelist: first trunk, count of pages
//   40  4*15  meta fields (schema cookie, file format, ...; largest root at 52, incremental
//             vacuum at 64)
//   92  4+4   change counter and version of the library that last wrote
// Change counter and the two last fields are the pager's.
#include "btree/btree_internal.h"

enum {
    AT_SIZE = 16,
    AT_WRITE_VERSION = 18,
    AT_READ_VERSION = 19,
    AT_RESERVED = 20,
    AT_FRACTIONS = 21,
    AT_CHANGE_COUNTER = 24,
    AT_LARGEST_ROOT = 52,
    AT_INCREMENTAL = 64,
    AT_VALID_FOR = 92,
    VERSION_MAX = 2,
};

static const u8 file_magic[16] = "SQLite format 3";
static const u8 fractions[3] = {64, 32, 32};

// A new page size means a new scratch page; buffers for balancing are made when next needed.
int btree_set_geometry(Btree *bt, u32 page_size, u32 reserved)
{
    ASSERT(page_size >= PAGE_SIZE_MIN && page_size <= PAGE_SIZE_MAX);
    ASSERT(page_size - reserved >= USABLE_MIN);

    if (bt->geometry.page_size != page_size || bt->geometry.scratch == NULL) {
        u8 *scratch = mem_alloc((u64)page_size + PAGE_SLACK);
        if (scratch == NULL)
            return SQLITE_NOMEM;
        memset(scratch + page_size, 0, PAGE_SLACK);
        mem_free(bt->geometry.scratch);
        bt->geometry.scratch = scratch;
    }
    if (bt->geometry.page_size != page_size || bt->geometry.usable != page_size - reserved)
        balance_free_workspace(bt);
    geometry_init(&bt->geometry, page_size, reserved);
    return SQLITE_OK;
}

// Page 1 is the schema's root too. When its bytes have moved, the cursor at work follows (B9);
// others that stand on it give up their place, because their callers may hold pointers into it.
void header_follow(Btree *bt, const u8 *before)
{
    ASSERT(bt->page1 != NULL);
    ASSERT(before != NULL);
    if (LIKELY(bt->page1->data == before))
        return;
    for (Cursor *cur = bt->cursors; cur != NULL; cur = cur->next) {
        if (cur->root != 1 || cur->pinned == 0)
            continue;
        node_rebase(&cur->path[0].node, bt->page1);
        cur->fast.has_cell = false;
        if (cur != bt->writer && cursor_save(cur) != SQLITE_OK)
            cursor_release(cur); // a damaged row: there is nothing to come back to
    }
}

int header_own(Btree *bt)
{
    ASSERT(bt->page1 != NULL);
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    const u8 *before = bt->page1->data;
    TRY(pager_make_writable(bt->pager, &bt->page1));
    header_follow(bt, before);
    return SQLITE_OK;
}

// The first write of a database, or of one that is to be as if it were new. Schema format and
// encoding are left to whoever creates the schema.
int header_create(Btree *bt)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(pager_page_count(bt->pager) <= 1);

    TRY(header_own(bt));
    u8 *header = bt->page1->data;
    memset(header, 0, bt->geometry.page_size);
    memcpy(header, file_magic, sizeof file_magic);
    put_u16(header + AT_SIZE, bt->geometry.page_size == PAGE_SIZE_MAX ? 1 : bt->geometry.page_size);
    u8 version = pager_journal_mode(bt->pager) == JOURNAL_WAL ? 2 : 1;
    header[AT_WRITE_VERSION] = version;
    header[AT_READ_VERSION] = version;
    header[AT_RESERVED] = (u8)(bt->geometry.page_size - bt->geometry.usable);
    memcpy(header + AT_FRACTIONS, fractions, sizeof fractions);
    put_u32(header + AT_PAGE_COUNT, 1);
    put_u32(header + AT_LARGEST_ROOT, bt->auto_vacuum != 0 ? 1 : 0);
    put_u32(header + AT_INCREMENTAL, bt->auto_vacuum == 2 ? 1 : 0);
    Node root;
    node_init_empty(&root, &bt->geometry, bt->page1, TABLE_LEAF);
    bt->page_size_fixed = true;
    ASSERT(pager_page_count(bt->pager) == 1);
    return SQLITE_OK;
}

// The page count counts only if the last writer knew the field (P7).
static Pgno stored_page_count(const u8 *header)
{
    ASSERT(header != NULL);
    ASSERT(header[0] != 0);
    bool is_valid = get_u32(header + AT_CHANGE_COUNTER) == get_u32(header + AT_VALID_FOR);
    return is_valid ? get_u32(header + AT_PAGE_COUNT) : 0;
}

// Starts the log a header asks for. *again: it was started, read page 1 from it.
static int follow_log(Btree *bt, const u8 *header, bool *again)
{
    bool opened = false;
    ASSERT(again != NULL);
    if (header[AT_READ_VERSION] != 2 || bt->no_wal || (bt->flags & (BTREE_MEMORY | BTREE_TEMPORARY))
        || pager_journal_mode(bt->pager) == JOURNAL_WAL)
        return SQLITE_OK;
    TRY(pager_open_wal(bt->pager, &opened));
    *again = opened;
    ASSERT(bt->txn != SQLITE_TXN_WRITE);
    return SQLITE_OK;
}

// The part of the check that decides whether these bytes are a database at all.
static int check_identity(const u8 *header, u32 *page_size)
{
    ASSERT(header != NULL);
    ASSERT(page_size != NULL);
    if (memcmp(header, file_magic, sizeof file_magic) != 0)
        return SQLITE_NOTADB;
    if (header[AT_READ_VERSION] > VERSION_MAX)
        return SQLITE_NOTADB;
    if (memcmp(header + AT_FRACTIONS, fractions, sizeof fractions) != 0)
        return SQLITE_NOTADB;
    u32 size = get_u16(header + AT_SIZE);
    if (size == 1)
        size = PAGE_SIZE_MAX;
    if (size < PAGE_SIZE_MIN || (size & (size - 1)) != 0 || size - header[AT_RESERVED] < USABLE_MIN)
        return SQLITE_NOTADB;
    *page_size = size;
    return SQLITE_OK;
}

// Every transaction begins here, so the order is that of cheapness and of what later checks rely
// on: identity, log, page size, page count, geometry, settings.
int header_check(Btree *bt, bool *again)
{
    const u8 *header = bt->page1->data;
    u32 size;
    ASSERT(bt->txn == SQLITE_TXN_NONE || bt->txn == SQLITE_TXN_READ);
    ASSERT(bt->page1->pgno == 1);

    *again = false;
    bt->page_count = bt->reads_empty ? 0 : pager_page_count(bt->pager);
    if (bt->reads_empty && check_identity(header, &size) == SQLITE_OK) {
        TRY(follow_log(bt, header, again));
        if (*again)
            return SQLITE_OK;
    }
    if (bt->page_count == 0) {
        bt->is_read_only = false;
        return btree_set_geometry(bt, pager_page_size(bt->pager),
                                  bt->geometry.page_size - bt->geometry.usable);
    }
    TRY(check_identity(header, &size));
    bt->is_read_only = header[AT_WRITE_VERSION] > VERSION_MAX;
    TRY(follow_log(bt, header, again));
    if (*again)
        return SQLITE_OK;
    if (size != pager_page_size(bt->pager)) {
        page_unpin(bt->pager, bt->page1);
        bt->page1 = NULL;
        *again = true;
        return pager_set_page_size(bt->pager, &size, -1);
    }
    Pgno stored = stored_page_count(header);
    if (stored > bt->page_count && !bt->accepts_short)
        return corrupt_page(1, "file shorter than its header says");
    if (stored != 0 && stored < bt->page_count)
        bt->page_count = stored;
    TRY(btree_set_geometry(bt, size, header[AT_RESERVED]));
    bt->page_size_fixed = true;
    bt->auto_vacuum = 0;
    if (get_u32(header + AT_LARGEST_ROOT) != 0)
        bt->auto_vacuum = get_u32(header + AT_INCREMENTAL) != 0 ? 2 : 1;
    return SQLITE_OK;
}

// --- meta fields ---

// Field 0 is the count of free pages; fields are four bytes each from offset 36.
void btree_get_meta(Btree *bt, int index, u32 *value)
{
    Btree *view = bt;
    bt = bt->core;
    ASSERT(view->txn != SQLITE_TXN_NONE || bt->txn != SQLITE_TXN_NONE);
    ASSERT(index >= 0 && index <= META_DATA_VERSION);
    ASSERT(bt->page1 != NULL);
    if (index == META_DATA_VERSION)
        *value = btree_data_version(view);
    else if (bt->reads_empty && bt->txn == SQLITE_TXN_READ)
        *value = 0; // what lies there is not read
    else
        *value = get_u32(bt->page1->data + AT_META + 4 * index);
}

// Incremental vacuum is a setting in the header and in memory: both change here.
int btree_set_meta(Btree *bt, int index, u32 value)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    bt = bt->core;
    ASSERT(index >= 1 && index < META_DATA_VERSION);
    TRY(header_own(bt));
    put_u32(bt->page1->data + AT_META + 4 * index, value);
    if (index == META_INCREMENTAL_VACUUM && bt->auto_vacuum != 0)
        bt->auto_vacuum = value != 0 ? 2 : 1;
    return SQLITE_OK;
}

int header_put_version(Btree *bt, u8 version)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(version == 1 || version == 2);
    TRY(header_own(bt));
    bt->page1->data[AT_WRITE_VERSION] = version;
    bt->page1->data[AT_READ_VERSION] = version;
    return SQLITE_OK;
}

// Leaving WAL mode, the header still asks for the log while its pages are being put back: `no_wal`
// keeps it shut.
int btree_set_file_version(Btree *bt, u8 version)
{
    Btree *core = bt->core;
    ASSERT(version == 1 || version == 2);
    ASSERT(core->pager != NULL);
    core->no_wal = version == 1;
    int rc = btree_begin(bt, BTREE_READ, NULL);
    if (rc == SQLITE_OK
        && (core->page1->data[AT_WRITE_VERSION] != version
            || core->page1->data[AT_READ_VERSION] != version)) {
        rc = btree_begin(bt, BTREE_EXCLUSIVE, NULL);
        if (rc == SQLITE_OK)
            rc = header_put_version(core, version);
    }
    core->no_wal = false;
    ASSERT(rc != SQLITE_OK || bt->txn != SQLITE_TXN_NONE);
    return rc;
}
