// A Btree: opening, closing, settings, transactions. Page 1 stays pinned while a transaction is
// open.
//
//            btree_begin(READ)         btree_begin(WRITE, EXCLUSIVE)
//     NONE ---------------------> READ ----------------------------> WRITE
//      ^                           | ^                                 |
//      +---------------------------+ +---------------------------------+
//        no cursor is left             btree_commit_finish, btree_rollback
//
// A snapshot lasts as long as somebody reads from it: cursors that outlive a commit keep it, and it
// is given back with the last of them. Only NONE may wait for others; from READ on the answer to a
// busy lock is SQLITE_BUSY, for what has been read would not be true of the state after the wait.
#include "btree/btree_internal.h"

// --- opening ---

// The memory alone: the pager is closed by then, and every cursor gone.
static void btree_free(Btree *bt)
{
    ASSERT(bt->cursors == NULL && bt->left == NULL);
    ASSERT(bt->page1 == NULL);
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    cursor_free_spares(bt);
    balance_free_workspace(bt);
    mem_free(bt->geometry.scratch);
    mem_free(bt->payload);
    mem_free(bt);
}

// The page size of a file that exists is known from the start, before any lock: PRAGMA page_size
// asks for it. What is read here is only a hint; the first transaction checks the header. But a
// file that cannot be read at all (a directory, a broken disk) is refused at once.
static int adopt_page_size(Pager *pager)
{
    u8 header[FILE_HEADER_SIZE];
    sqlite3_file *file = pager_file(pager);
    if (!os_is_open(file))
        return SQLITE_OK;
    int rc = os_read(file, header, (int)sizeof header, 0);
    if (rc != SQLITE_OK)
        return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
    ASSERT(pager_state(pager) == PAGER_IDLE);
    u32 size = get_u16(header + 16);
    size = size == 1 ? PAGE_SIZE_MAX : size;
    bool is_valid = size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0;
    is_valid = is_valid && size - header[20] >= USABLE_MIN;
    ASSERT(!is_valid || size >= USABLE_MIN);
    return is_valid ? pager_set_page_size(pager, &size, header[20]) : SQLITE_OK;
}

// A Btree costs two blocks until its first transaction, so that the machine may open one per
// subquery.
int btree_open(sqlite3_vfs *vfs, const char *path, sqlite3 *db, u32 btree_flags, int open_flags,
               Btree **out)
{
    ASSERT(out != NULL);
    ASSERT(vfs != NULL || (btree_flags & BTREE_MEMORY));

    Btree *bt = mem_alloc_zeroed(sizeof *bt);
    if (bt == NULL)
        return SQLITE_NOMEM;
    bool has_name = path != NULL && path[0] != 0;
    if ((btree_flags & BTREE_MEMORY) && (open_flags & SQLITE_OPEN_SHAREDCACHE) && has_name) {
        // mode=memory&cache=shared: connections share a file of the memory file system.
        vfs = vfs_find("memdb");
        open_flags |= SQLITE_OPEN_MEMORY;
        btree_flags &= ~(u32)BTREE_MEMORY;
    }
    bt->db = db;
    bt->flags = btree_flags;
    PagerOptions options = {
        .vfs = vfs,
        .path = path,
        .open_flags = open_flags,
        .in_memory = (btree_flags & BTREE_MEMORY) != 0,
        .is_temporary = (btree_flags & BTREE_TEMPORARY) != 0,
        .db = db,
    };
    int rc = pager_open(&options, &bt->pager);
    if (rc == SQLITE_OK) {
        rc = adopt_page_size(bt->pager);
        if (rc == SQLITE_OK)
            rc = btree_set_geometry(bt, pager_page_size(bt->pager), pager_reserved(bt->pager));
        if (rc != SQLITE_OK)
            (void)pager_close(bt->pager);
    }
    if (rc != SQLITE_OK) {
        btree_free(bt);
        return rc;
    }
    *out = bt;
    return SQLITE_OK;
}

// Whoever still has cursors or a transaction loses them: a connection is going away.
int btree_close(Btree *bt)
{
    if (bt == NULL)
        return SQLITE_OK;
    while (bt->cursors != NULL)
        cursor_close(bt->cursors);
    if (bt->txn == SQLITE_TXN_WRITE)
        (void)btree_rollback(bt, SQLITE_OK, false);
    btree_end_read_if_idle(bt);
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    ASSERT(bt->page1 == NULL);
    int rc = pager_close(bt->pager);
    btree_free(bt);
    return rc;
}

// For callers that deal with the file as a file: journal modes, checkpoints, backups.
Pager *btree_pager(Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->pager != NULL);
    return bt->pager;
}

// --- settings ---

// A size the format does not know is passed over in silence, as PRAGMA page_size does. The size is
// fixed from the first page on, so that geometry never changes under a pinned page.
int btree_set_page_size(Btree *bt, u32 size, int reserved, bool fix)
{
    ASSERT(reserved <= 255);
    ASSERT(bt->pager != NULL);

    if (bt->page_size_fixed)
        return SQLITE_READONLY;
    u32 kept = reserved < 0 ? bt->geometry.page_size - bt->geometry.usable : (u32)reserved;
    bool is_legal = size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0;
    if (!is_legal)
        size = bt->geometry.page_size;
    if (size == PAGE_SIZE_MIN && kept > 32)
        size = 2 * PAGE_SIZE_MIN; // the format wants 480 usable bytes
    TRY(pager_set_page_size(bt->pager, &size, (int)kept));
    TRY(btree_set_geometry(bt, size, kept));
    if (fix)
        bt->page_size_fixed = true;
    return SQLITE_OK;
}

u32 btree_page_size(const Btree *bt)
{
    ASSERT(bt->geometry.page_size >= PAGE_SIZE_MIN);
    ASSERT(bt->geometry.page_size <= PAGE_SIZE_MAX);
    return bt->geometry.page_size;
}

u32 btree_reserved(const Btree *bt)
{
    ASSERT(bt->geometry.usable >= USABLE_MIN);
    ASSERT(bt->geometry.usable <= bt->geometry.page_size);
    return bt->geometry.page_size - bt->geometry.usable;
}

// The pointer map cannot be added or taken away later; full and incremental differ in one header
// field.
int btree_set_auto_vacuum(Btree *bt, int mode)
{
    ASSERT(mode >= 0 && mode <= 2);
    ASSERT(bt->pager != NULL);
    if (bt->page_size_fixed && (mode != 0) != (bt->auto_vacuum != 0))
        return SQLITE_READONLY;
    bt->auto_vacuum = (u8)mode;
    return SQLITE_OK;
}

int btree_auto_vacuum(Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->auto_vacuum <= 2);
    return bt->auto_vacuum;
}

// "Fast" (2) zeroes what lies on pages that are written anyway, but not pages that go to the
// freelist.
int btree_secure_delete(Btree *bt, int set)
{
    ASSERT(set >= -1 && set <= 2);
    ASSERT(bt->secure_delete <= 2);
    if (set >= 0) {
        bt->secure_delete = (u8)set;
        bt->geometry.zero_freed = set != 0;
    }
    return bt->secure_delete;
}

// For who means to save what a truncated file still has.
void btree_accept_short_file(Btree *bt, bool accept)
{
    ASSERT(bt != NULL);
    ASSERT(bt->pager != NULL);
    bt->accepts_short = accept;
}

bool btree_is_read_only(const Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->pager != NULL);
    return bt->is_read_only || pager_is_read_only(bt->pager);
}

// While reading, the header's own number: pages behind it belong to nobody.
Pgno btree_page_count(Btree *bt)
{
    ASSERT(bt->pager != NULL);
    ASSERT(bt->txn <= SQLITE_TXN_WRITE);
    return bt->txn == SQLITE_TXN_READ ? bt->page_count : pager_page_count(bt->pager);
}

// --- beginning ---

// B10, the other half.
static void release_page1(Btree *bt)
{
    ASSERT(bt->pager != NULL);
    ASSERT(bt->page1 == NULL || bt->page1->pgno == 1);
    page_unpin(bt->pager, bt->page1);
    bt->page1 = NULL;
}

// The snapshot is given back, and with it the right to any pin (P5).
static void end_read(Btree *bt)
{
    ASSERT(bt->txn != SQLITE_TXN_WRITE);
    ASSERT(bt->writer == NULL && bt->left == NULL);
    release_page1(bt);
    pager_end_read(bt->pager);
    bt->txn = SQLITE_TXN_NONE;
}

// Takes a snapshot and believes page 1. A page size other than expected, or a log to open, asks for
// a second go.
static int begin_read(Btree *bt)
{
    enum { TURNS_MAX = 8 };
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    ASSERT(bt->page1 == NULL);

    for (int turn = 0; turn < TURNS_MAX; turn++) {
        bool again = false;
        TRY(pager_begin_read(bt->pager, NULL));
        int rc = pager_get(bt->pager, 1, &bt->page1);
        if (rc == SQLITE_OK)
            rc = header_check(bt, &again);
        if (rc == SQLITE_OK && !again) {
            bt->txn = SQLITE_TXN_READ;
            return SQLITE_OK;
        }
        end_read(bt);
        TRY(rc);
    }
    return corrupt_page(1, "header changes on every look");
}

// The upgrade from reading. An empty file becomes a database here, as in SQLite, whether or not
// anything is stored later.
static int begin_write(Btree *bt, bool exclusive)
{
    ASSERT(bt->txn == SQLITE_TXN_READ);
    ASSERT(bt->page1 != NULL);

    if (btree_is_read_only(bt))
        return SQLITE_READONLY;
    TRY(pager_begin_write(bt->pager, exclusive));
    bt->txn = SQLITE_TXN_WRITE;
    if (bt->page_count > 0) {
        if (bt->page_count < pager_page_count(bt->pager))
            pager_set_page_count(bt->pager, bt->page_count); // what lies behind is not ours
        return SQLITE_OK;
    }
    if (bt->reads_empty && pager_page_count(bt->pager) > 1)
        pager_set_page_count(bt->pager, 1);
    int rc = header_create(bt);
    if (rc != SQLITE_OK)
        (void)btree_rollback(bt, SQLITE_OK, false);
    return rc;
}

void btree_set_busy_handler(Btree *bt, int (*busy)(void *arg), void *arg)
{
    ASSERT(bt != NULL);
    ASSERT(bt->pager != NULL);
    pager_set_busy_handler(bt->pager, busy, arg);
}

// Whoever holds no snapshot yet can let go and try again while others finish; whoever does would
// see another state afterwards, so the caller hears SQLITE_BUSY at once.
int btree_begin(Btree *bt, TxnKind kind, u32 *schema_cookie)
{
    bool had_snapshot = bt->txn != SQLITE_TXN_NONE;
    int rc = SQLITE_OK;
    ASSERT(kind <= BTREE_EXCLUSIVE);

    if (kind != BTREE_READ && pager_is_read_only(bt->pager))
        return SQLITE_READONLY;
    for (;;) {
        if (bt->txn == SQLITE_TXN_NONE)
            TRY(begin_read(bt)); // the pager has asked the busy handler itself
        if (kind == BTREE_READ || bt->txn == SQLITE_TXN_WRITE)
            break;
        rc = begin_write(bt, kind == BTREE_EXCLUSIVE);
        if (rc == SQLITE_OK || had_snapshot)
            break;
        if (bt->txn == SQLITE_TXN_READ)
            end_read(bt); // so that those who hold the lock can finish
        if ((rc & 0xff) != SQLITE_BUSY || !pager_invoke_busy(bt->pager))
            break;
    }
    if (rc == SQLITE_OK && schema_cookie != NULL)
        btree_get_meta(bt, META_SCHEMA_VERSION, schema_cookie);
    ASSERT(rc != SQLITE_OK || bt->page1 != NULL);
    return rc;
}

int btree_txn_state(const Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->txn <= SQLITE_TXN_WRITE);
    return bt->txn;
}

// --- ending ---

// Cursors that outlive a commit keep its snapshot: what they stand on is what was committed.
static bool has_pinning_cursor(const Btree *bt)
{
    ASSERT(bt->pager != NULL);
    for (const Cursor *cur = bt->cursors; cur != NULL; cur = cur->next) {
        ASSERT(cur->bt == bt);
        if (cur->pinned > 0)
            return true;
    }
    return false;
}

// An open cursor may be in the middle of a walk, even if it holds no pin now: it counts.
void btree_end_read_if_idle(Btree *bt)
{
    ASSERT(bt != NULL);
    if (bt->txn != SQLITE_TXN_READ || bt->cursors != NULL)
        return;
    end_read(bt);
    ASSERT(bt->page1 == NULL);
}

// Everything that can fail. Afterwards the transaction is durable but not yet decided.
int btree_commit_prepare(Btree *bt, const char *super_journal)
{
    ASSERT(bt->pager != NULL);
    if (bt->txn != SQLITE_TXN_WRITE)
        return SQLITE_OK;
    if (bt->auto_vacuum == 1)
        TRY(vacuum_at_commit(bt));
    ASSERT(bt->page1 != NULL);
    const u8 *before = bt->page1->data; // the pager counts the change there
    int rc = pager_commit_prepare(bt->pager, super_journal);
    header_follow(bt, before);
    return rc;
}

// After the pager's point of no return private pages are the newest versions. Cursors keep their
// pins: a page's bytes do not change by being published.
int btree_commit_finish(Btree *bt, bool keep_read)
{
    ASSERT(bt->pager != NULL);
    cursors_give_up_left(bt, 0); // B13: of the transaction
    if (bt->txn == SQLITE_TXN_WRITE) {
        TRY(pager_commit_finish(bt->pager));
        bt->txn = SQLITE_TXN_READ;
        bt->page_count = pager_page_count(bt->pager);
    }
    if (bt->txn == SQLITE_TXN_READ && !keep_read && !has_pinning_cursor(bt))
        end_read(bt);
    ASSERT(bt->txn != SQLITE_TXN_WRITE);
    return SQLITE_OK;
}

// Both halves, for callers with a single file.
int btree_commit(Btree *bt)
{
    TRY(btree_commit_prepare(bt, NULL));
    ASSERT(bt->pager != NULL);
    ASSERT(bt->txn != SQLITE_TXN_WRITE || bt->page1 != NULL);
    return btree_commit_finish(bt, false);
}

// Every cursor gives up its pins before content is undone: by remembering its place, or, tripped,
// for good. Those that cannot remember are tripped too: undoing must not fail.
static void release_cursors(Btree *bt, int trip_rc, bool write_only)
{
    ASSERT(bt->writer == NULL);
    cursors_give_up_left(bt, 0);
    for (Cursor *cur = bt->cursors; cur != NULL; cur = cur->next) {
        ASSERT(cur->bt == bt);
        int rc = trip_rc;
        if (rc == SQLITE_OK || (write_only && !cur->is_writable))
            rc = cursor_save(cur);
        if (rc != SQLITE_OK)
            cursor_trip(cur, rc);
    }
}

// B13. So that pages which no statement reads are at the pager's disposal.
void btree_rest(Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->left == NULL || bt->txn == SQLITE_TXN_WRITE);
    cursors_give_up_left(bt, 0);
}

// Each answers with `rc` from now on, whatever it is asked, until it is closed.
void btree_trip_cursors(Btree *bt, int rc)
{
    ASSERT(bt != NULL);
    ASSERT(rc != SQLITE_OK);

    cursors_give_up_left(bt, 0);
    for (Cursor *cur = bt->cursors; cur != NULL; cur = cur->next)
        cursor_trip(cur, rc);
}

// The order matters: no page may be pinned when private ones are dropped, so cursors first, then
// page 1. Page 1 is read again because page size, auto-vacuum and page count may all have been
// this transaction's.
int btree_rollback(Btree *bt, int trip_rc, bool write_only)
{
    int rc = SQLITE_OK;
    bool again;
    ASSERT(bt->pager != NULL);
    release_cursors(bt, trip_rc, write_only);
    if (bt->txn == SQLITE_TXN_WRITE) {
        release_page1(bt);
        rc = pager_rollback(bt->pager);
        bt->txn = SQLITE_TXN_READ;
        // A pager that could not roll back has failed, whatever it still has in memory.
        if (rc != SQLITE_OK || pager_get(bt->pager, 1, &bt->page1) != SQLITE_OK
            || header_check(bt, &again) != SQLITE_OK || again || bt->cursors == NULL)
            end_read(bt);
    }
    ASSERT(bt->txn != SQLITE_TXN_WRITE);
    return rc;
}

// Savepoints are the pager's; the B-tree has no state that one could bring back.
int btree_savepoint_open(Btree *bt, u32 count)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(bt->page1 != NULL);
    return pager_savepoint_open(bt->pager, count);
}

// Releasing changes no page. Rolling back may change any, page 1 too, so cursors let go first.
int btree_savepoint(Btree *bt, int op, u32 index)
{
    ASSERT(op == SAVEPOINT_RELEASE || op == SAVEPOINT_ROLLBACK);
    ASSERT(bt->writer == NULL);
    if (bt->txn != SQLITE_TXN_WRITE)
        return SQLITE_OK;
    if (op == SAVEPOINT_RELEASE) {
        pager_savepoint_release(bt->pager, index);
        return SQLITE_OK;
    }
    release_cursors(bt, SQLITE_OK, false);
    TRY(pager_savepoint_rollback(bt->pager, index));
    ASSERT(bt->page1 != NULL);
    if (pager_page_count(bt->pager) == 0)
        return header_create(bt);
    return SQLITE_OK;
}

// --- copying a whole file ---
// For VACUUM and sqlite3_backup: bytes of a database, not entries of its trees. The target's pages
// take them as any change, so that its journal or log can undo the copy as a whole.

// Writes `size` bytes at `offset` of the target's file, through its pages.
static int copy_range(Btree *target, u64 offset, const u8 *bytes, u32 size)
{
    u32 page_size = target->geometry.page_size;
    ASSERT(target->txn == SQLITE_TXN_WRITE);
    ASSERT(size > 0);
    while (size > 0) {
        Pgno pgno = (Pgno)(offset / page_size) + 1;
        u32 in_page = (u32)(offset % page_size);
        u32 part = page_size - in_page < size ? page_size - in_page : size;
        if (!page_is_pending_byte(target, pgno)) {
            Page *page;
            TRY(part == page_size ? pager_get_blank(target->pager, pgno, &page)
                                  : pager_get(target->pager, pgno, &page));
            int rc = pager_make_writable(target->pager, &page);
            if (rc == SQLITE_OK)
                memcpy(page->data + in_page, bytes, part);
            page_unpin(target->pager, page);
            TRY(rc);
        }
        offset += part;
        bytes += part;
        size -= part;
    }
    return SQLITE_OK;
}

// For sqlite_dbpage: any page, whatever it held. At most one page behind the end, so that no page
// comes into being that nobody has written.
int btree_replace_page(Btree *bt, Pgno pgno, const u8 *content)
{
    Pgno count = pager_page_count(bt->pager);
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(pgno > 0);
    if (pgno > count + 1)
        return SQLITE_FULL;
    TRY(cursors_save(bt, 0, NULL)); // B5: any page of any tree may be the one
    if (pgno > count)
        pager_set_page_count(bt->pager, pgno);
    u32 size = bt->geometry.page_size;
    return copy_range(bt, (u64)(pgno - 1) * size, content, size);
}

// The sizes of pages may differ: a last page that the source does not fill counts.
static Pgno pages_needed(Btree *target, Btree *source)
{
    ASSERT(source->geometry.page_size > 0);
    u32 size = target->geometry.page_size;
    u64 bytes = (u64)btree_page_count(source) * source->geometry.page_size;
    ASSERT(size > 0);
    return (Pgno)((bytes + size - 1) / size);
}

int btree_copy_content(Btree *target, Btree *source, Pgno pgno, const u8 *content)
{
    u32 size = source->geometry.page_size;
    ASSERT(target->txn == SQLITE_TXN_WRITE);
    ASSERT(pgno > 0);
    if (page_is_pending_byte(source, pgno))
        return SQLITE_OK;
    if (pager_page_count(target->pager) < pages_needed(target, source))
        pager_set_page_count(target->pager, pages_needed(target, source));
    return copy_range(target, (u64)(pgno - 1) * size, content, size);
}

int btree_copy_page(Btree *target, Btree *source, Pgno pgno)
{
    ASSERT(source->txn != SQLITE_TXN_NONE);
    ASSERT(pgno > 0);
    if (page_is_pending_byte(source, pgno))
        return SQLITE_OK;
    Page *page;
    TRY(pager_get(source->pager, pgno, &page));
    int rc = btree_copy_content(target, source, pgno, page->data);
    page_unpin(source->pager, page);
    return rc;
}

// For a backup of an empty source: the target has a header and one page afterwards.
int btree_make_empty(Btree *bt)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(bt->page1 != NULL);
    TRY(cursors_save(bt, 0, NULL)); // B5
    if (pager_page_count(bt->pager) > 1)
        pager_set_page_count(bt->pager, 1);
    return header_create(bt);
}

void btree_read_as_empty(Btree *bt, bool on)
{
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    ASSERT(on != bt->reads_empty);
    bt->reads_empty = on;
}

// The copied header names the source's journal mode. A target with a log must go on saying so, or
// whoever opens it next reads the file without the log.
int btree_copy_end(Btree *target, Btree *source)
{
    ASSERT(target->txn == SQLITE_TXN_WRITE);
    ASSERT(source->txn != SQLITE_TXN_NONE);
    pager_set_page_count(target->pager, pages_needed(target, source));
    target->page_size_fixed = source->geometry.page_size == target->geometry.page_size;
    bool has_log = pager_journal_mode(target->pager) == JOURNAL_WAL;
    return has_log && pager_page_count(target->pager) > 0 ? header_put_version(target, 2)
                                                          : SQLITE_OK;
}

// As bytes, not as pages: the two files may differ in page size, and then the target takes the
// source's with its next transaction. The target's change counter goes on as if rows had been
// changed.
int btree_copy_file(Btree *target, Btree *source)
{
    u32 from_size = source->geometry.page_size;
    u32 to_size = target->geometry.page_size;
    ASSERT(target->txn == SQLITE_TXN_WRITE);
    ASSERT(source->txn != SQLITE_TXN_NONE);

    if (from_size != to_size && pager_journal_mode(target->pager) == JOURNAL_WAL)
        return SQLITE_READONLY; // frames of a log all have one size
    TRY(cursors_save(target, 0, NULL));
    u8 counter[4]; // other connections must see the counter go on, not jump
    memcpy(counter, target->page1->data + 24, sizeof counter);
    Pgno count = btree_page_count(source);
    for (Pgno pgno = 1; pgno <= count; pgno++)
        TRY(btree_copy_page(target, source, pgno));
    TRY(btree_copy_end(target, source));
    TRY(header_own(target));
    memcpy(target->page1->data + 24, counter, sizeof counter);
    target->auto_vacuum = source->auto_vacuum;
    if (from_size == to_size)
        TRY(btree_set_geometry(target, to_size, btree_reserved(source)));
    return SQLITE_OK;
}
