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
int core_open(const BtreeOpening *opening, Btree **out)
{
    ASSERT(opening->vfs != NULL || (opening->btree_flags & BTREE_MEMORY));
    ASSERT(out != NULL);

    Btree *bt = mem_alloc_zeroed(sizeof *bt);
    if (bt == NULL)
        return SQLITE_NOMEM;
    bt->core = bt;
    bt->flags = opening->btree_flags;
    PagerOptions options = {
        .vfs = opening->vfs,
        .path = opening->path,
        .open_flags = opening->open_flags,
        .in_memory = (opening->btree_flags & BTREE_MEMORY) != 0,
        .is_temporary = (opening->btree_flags & BTREE_TEMPORARY) != 0,
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

// What has no name cannot be found by others, and ":memory:" alone is everybody's own.
static bool is_for_sharing(const BtreeOpening *opening)
{
    bool has_name = opening->path != NULL && opening->path[0] != 0;
    bool is_memory = (opening->btree_flags & BTREE_MEMORY) != 0;
    ASSERT(opening->db != NULL || (opening->open_flags & SQLITE_OPEN_SHAREDCACHE) == 0);
    return (opening->open_flags & SQLITE_OPEN_SHAREDCACHE) != 0 && has_name
           && (!is_memory || (opening->open_flags & SQLITE_OPEN_URI) != 0);
}

int btree_open(sqlite3_vfs *vfs, const char *path, sqlite3 *db, u32 btree_flags, int open_flags,
               Btree **out)
{
    const BtreeOpening opening = {vfs, path, db, btree_flags, open_flags};
    ASSERT(out != NULL);
    if (is_for_sharing(&opening))
        return share_open(&opening, out);
    TRY(core_open(&opening, out));
    (*out)->db = db;
    return SQLITE_OK;
}

static bool has_cursor(const Btree *bt)
{
    const Cursor *cur = bt->core->cursors;
    while (cur != NULL && cur->view != bt)
        cur = cur->next;
    ASSERT(cur == NULL || cur->bt == bt->core);
    return cur != NULL;
}

static void close_cursors(Btree *bt)
{
    Cursor *next;
    ASSERT(bt->core->writer == NULL);
    for (Cursor *cur = bt->core->cursors; cur != NULL; cur = next) {
        next = cur->next;
        if (cur->view == bt)
            cursor_close(cur);
    }
}

// Whoever still has cursors or a transaction loses them: a connection is going away.
int btree_close(Btree *bt)
{
    if (bt == NULL)
        return SQLITE_OK;
    btree_enter(bt);
    close_cursors(bt);
    if (bt->txn == SQLITE_TXN_WRITE)
        (void)btree_rollback(bt, SQLITE_OK, false);
    btree_end_read_if_idle(bt);
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    if (btree_is_shared(bt))
        return share_close(bt);
    ASSERT(bt->page1 == NULL);
    int rc = pager_close(bt->pager);
    btree_free(bt);
    return rc;
}

// For callers that deal with the file as a file: journal modes, checkpoints, backups.
Pager *btree_pager(Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->core->pager != NULL);
    return bt->core->pager;
}

// --- settings ---

// A size the format does not know is passed over in silence, as PRAGMA page_size does. The size is
// fixed from the first page on, so that geometry never changes under a pinned page.
int btree_set_page_size(Btree *bt, u32 size, int reserved, bool fix)
{
    bt = bt->core;
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
    bt = bt->core;
    ASSERT(bt->geometry.page_size >= PAGE_SIZE_MIN);
    ASSERT(bt->geometry.page_size <= PAGE_SIZE_MAX);
    return bt->geometry.page_size;
}

u32 btree_reserved(const Btree *bt)
{
    bt = bt->core;
    ASSERT(bt->geometry.usable >= USABLE_MIN);
    ASSERT(bt->geometry.usable <= bt->geometry.page_size);
    return bt->geometry.page_size - bt->geometry.usable;
}

// The pointer map cannot be added or taken away later; full and incremental differ in one header
// field.
int btree_set_auto_vacuum(Btree *bt, int mode)
{
    bt = bt->core;
    ASSERT(mode >= 0 && mode <= 2);
    ASSERT(bt->pager != NULL);
    if (bt->page_size_fixed && (mode != 0) != (bt->auto_vacuum != 0))
        return SQLITE_READONLY;
    bt->auto_vacuum = (u8)mode;
    return SQLITE_OK;
}

int btree_auto_vacuum(Btree *bt)
{
    bt = bt->core;
    ASSERT(bt != NULL);
    ASSERT(bt->auto_vacuum <= 2);
    return bt->auto_vacuum;
}

// "Fast" (2) zeroes what lies on pages that are written anyway, but not pages that go to the
// freelist.
int btree_secure_delete(Btree *bt, int set)
{
    bt = bt->core;
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
    ASSERT(bt->core->pager != NULL);
    bt->core->accepts_short = accept;
}

bool btree_is_read_only(const Btree *bt)
{
    bt = bt->core;
    ASSERT(bt->pager != NULL);
    return bt->is_read_only || pager_is_read_only(bt->pager);
}

// While reading, the header's own number: pages behind it belong to nobody.
Pgno btree_page_count(Btree *bt)
{
    bt = bt->core;
    ASSERT(bt->pager != NULL);
    ASSERT(bt->txn <= SQLITE_TXN_WRITE);
    return bt->txn == SQLITE_TXN_READ ? bt->page_count : pager_page_count(bt->pager);
}

// --- beginning ---

// B10, the other half.
static void release_page1(Btree *core)
{
    ASSERT(core->pager != NULL);
    ASSERT(core->page1 == NULL || core->page1->pgno == 1);
    page_unpin(core->pager, core->page1);
    core->page1 = NULL;
}

// The snapshot is given back, and with it the right to any pin (P5).
static void drop_snapshot(Btree *core)
{
    ASSERT(core->core == core);
    ASSERT(core->writer == NULL);
    release_page1(core);
    pager_end_read(core->pager);
}

// It is kept as long as anybody reads.
static void end_read(Btree *bt)
{
    ASSERT(bt->txn != SQLITE_TXN_WRITE);
    ASSERT(bt->core->page1 != NULL || bt->txn == SQLITE_TXN_NONE);
    ASSERT(bt->core->left == NULL || bt->core->txn == SQLITE_TXN_WRITE);
    share_set_txn(bt, SQLITE_TXN_NONE);
    if (bt->core->txn == SQLITE_TXN_NONE)
        drop_snapshot(bt->core);
}

// Takes a snapshot and believes page 1. A page size other than expected, or a log to open, asks for
// a second go.
static int take_snapshot(Btree *core)
{
    enum { TURNS_MAX = 8 };
    ASSERT(core->txn == SQLITE_TXN_NONE);
    ASSERT(core->page1 == NULL);

    for (int turn = 0; turn < TURNS_MAX; turn++) {
        bool again = false;
        TRY(pager_begin_read(core->pager, NULL));
        int rc = pager_get(core->pager, 1, &core->page1);
        if (rc == SQLITE_OK)
            rc = header_check(core, &again);
        if (rc == SQLITE_OK && !again)
            return SQLITE_OK;
        drop_snapshot(core);
        TRY(rc);
    }
    return corrupt_page(1, "header changes on every look");
}

// Those who share a core see one snapshot, that of the first of them.
static int begin_read(Btree *bt)
{
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    if (bt->core->txn == SQLITE_TXN_NONE)
        TRY(take_snapshot(bt->core));
    ASSERT(bt->core->page1 != NULL);
    share_set_txn(bt, SQLITE_TXN_READ);
    return SQLITE_OK;
}

// The upgrade from reading. An empty file becomes a database here, as in SQLite, whether or not
// anything is stored later.
static int begin_write(Btree *bt, bool exclusive)
{
    Btree *core = bt->core;
    ASSERT(core->txn == SQLITE_TXN_READ);
    ASSERT(core->page1 != NULL);

    if (btree_is_read_only(core))
        return SQLITE_READONLY;
    TRY(pager_begin_write(core->pager, exclusive));
    share_set_txn(bt, SQLITE_TXN_WRITE);
    if (core->page_count > 0) {
        if (core->page_count < pager_page_count(core->pager))
            pager_set_page_count(core->pager, core->page_count); // what lies behind is not ours
        return SQLITE_OK;
    }
    if (core->reads_empty && pager_page_count(core->pager) > 1)
        pager_set_page_count(core->pager, 1);
    int rc = header_create(core);
    if (rc != SQLITE_OK)
        (void)btree_rollback(bt, SQLITE_OK, false);
    return rc;
}

// Of those who share a core each brings its own along.
static void install_busy_handler(Btree *bt)
{
    ASSERT(bt->core->pager != NULL);
    if (bt->share != NULL)
        pager_set_busy_handler(bt->core->pager, bt->busy, bt->busy_arg);
}

void btree_set_busy_handler(Btree *bt, int (*busy)(void *arg), void *arg)
{
    ASSERT(bt != NULL);
    ASSERT(bt->core->pager != NULL);
    bt->busy = busy;
    bt->busy_arg = arg;
    pager_set_busy_handler(bt->core->pager, busy, arg);
}

// Whoever holds no snapshot yet can let go and try again while others finish; whoever does would
// see another state afterwards, so the caller hears SQLITE_BUSY at once.
int btree_begin(Btree *bt, TxnKind kind, u32 *schema_cookie)
{
    Btree *core = bt->core;
    bool had_snapshot = core->txn != SQLITE_TXN_NONE;
    u8 before = bt->txn;
    int rc = SQLITE_OK;
    ASSERT(kind <= BTREE_EXCLUSIVE);

    if (kind != BTREE_READ && pager_is_read_only(core->pager))
        return SQLITE_READONLY;
    TRY(share_may_begin(bt, kind));
    install_busy_handler(bt);
    for (;;) {
        if (bt->txn == SQLITE_TXN_NONE)
            TRY(begin_read(bt)); // the pager has asked the busy handler itself
        if (kind == BTREE_READ || bt->txn == SQLITE_TXN_WRITE)
            break;
        rc = begin_write(bt, kind == BTREE_EXCLUSIVE);
        if (rc != SQLITE_OK && before == SQLITE_TXN_NONE && bt->txn == SQLITE_TXN_READ)
            end_read(bt); // so that those who hold the lock can finish
        if (rc == SQLITE_OK || had_snapshot)
            break;
        if ((rc & 0xff) != SQLITE_BUSY || !pager_invoke_busy(core->pager))
            break;
    }
    if (rc == SQLITE_OK && bt->txn != before)
        share_began(bt, kind);
    if (rc == SQLITE_OK && schema_cookie != NULL)
        btree_get_meta(core, META_SCHEMA_VERSION, schema_cookie);
    ASSERT(rc != SQLITE_OK || core->page1 != NULL);
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
    ASSERT(bt->core->pager != NULL);
    for (const Cursor *cur = bt->core->cursors; cur != NULL; cur = cur->next) {
        ASSERT(cur->bt == bt->core);
        if (cur->view == bt && cur->pinned > 0)
            return true;
    }
    return false;
}

// An open cursor may be in the middle of a walk, even if it holds no pin now: it counts.
void btree_end_read_if_idle(Btree *bt)
{
    ASSERT(bt != NULL);
    if (bt->txn != SQLITE_TXN_READ || has_cursor(bt))
        return;
    end_read(bt);
    ASSERT(bt->txn == SQLITE_TXN_NONE);
}

// Everything that can fail. Afterwards the transaction is durable but not yet decided.
int btree_commit_prepare(Btree *bt, const char *super_journal)
{
    Btree *core = bt->core;
    if (bt->txn != SQLITE_TXN_WRITE)
        return SQLITE_OK;
    install_busy_handler(bt);
    if (core->auto_vacuum == 1)
        TRY(vacuum_at_commit(core));
    ASSERT(core->page1 != NULL);
    const u8 *before = core->page1->data; // the pager counts the change there
    int rc = pager_commit_prepare(core->pager, super_journal);
    header_follow(core, before);
    return rc;
}

// After the pager's point of no return private pages are the newest versions. Cursors keep their
// pins: a page's bytes do not change by being published.
int btree_commit_finish(Btree *bt, bool keep_read)
{
    Btree *core = bt->core;
    ASSERT(core->pager != NULL);
    if (bt->txn == SQLITE_TXN_WRITE) {
        cursors_give_up_left(core, 0); // B13
        TRY(pager_commit_finish(core->pager));
        core->page_count = pager_page_count(core->pager);
        share_committed(bt);
        share_set_txn(bt, SQLITE_TXN_READ);
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
    ASSERT(bt->core->pager != NULL);
    ASSERT(bt->txn != SQLITE_TXN_WRITE || bt->core->page1 != NULL);
    return btree_commit_finish(bt, false);
}

// Every cursor gives up its pins before content is undone: by remembering its place, or, tripped,
// for good. Those that cannot remember are tripped too: undoing must not fail. A view that has
// written nothing undoes nothing for others.
static void release_cursors(Btree *bt, int trip_rc, bool write_only)
{
    bool is_writer = bt->txn == SQLITE_TXN_WRITE;
    ASSERT(bt->core->writer == NULL);
    cursors_give_up_left(bt->core, 0);
    for (Cursor *cur = bt->core->cursors; cur != NULL; cur = cur->next) {
        ASSERT(cur->bt == bt->core);
        if (cur->view != bt && !is_writer)
            continue;
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
    ASSERT(bt->core->left == NULL || bt->core->txn == SQLITE_TXN_WRITE);
    cursors_give_up_left(bt->core, 0);
}

// Each answers with `rc` from now on, whatever it is asked, until it is closed.
void btree_trip_cursors(Btree *bt, int rc)
{
    ASSERT(bt != NULL);
    ASSERT(rc != SQLITE_OK);

    cursors_give_up_left(bt->core, 0);
    for (Cursor *cur = bt->core->cursors; cur != NULL; cur = cur->next) {
        if (cur->view == bt)
            cursor_trip(cur, rc);
    }
}

// Page 1 is read again because page size, auto-vacuum and page count may all have been the undone
// transaction's.
static int reread_page1(Btree *core)
{
    bool again = false;
    ASSERT(core->page1 == NULL);
    TRY(pager_get(core->pager, 1, &core->page1));
    TRY(header_check(core, &again));
    return again ? SQLITE_ABORT_ROLLBACK : SQLITE_OK;
}

// No page may be pinned when private ones are dropped, so cursors go first, then page 1. A pager
// that could not roll back has failed, whatever it still has in memory: nobody reads on.
int btree_rollback(Btree *bt, int trip_rc, bool write_only)
{
    Btree *core = bt->core;
    ASSERT(core->pager != NULL);
    release_cursors(bt, trip_rc, write_only);
    if (bt->txn != SQLITE_TXN_WRITE)
        return SQLITE_OK;
    release_page1(core);
    int rc = pager_rollback(core->pager);
    share_set_txn(bt, SQLITE_TXN_READ);
    int read_rc = rc == SQLITE_OK ? reread_page1(core) : rc;
    if (read_rc != SQLITE_OK) {
        for (Cursor *cur = core->cursors; bt->share != NULL && cur != NULL; cur = cur->next)
            cursor_trip(cur, read_rc);
        release_page1(core);
        share_end_all(bt);
        drop_snapshot(core);
    } else if (!has_cursor(bt)) {
        end_read(bt);
    }
    ASSERT(bt->txn != SQLITE_TXN_WRITE);
    return rc;
}

// Savepoints are the pager's; the B-tree has no state that one could bring back.
int btree_savepoint_open(Btree *bt, u32 count)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(bt->core->page1 != NULL);
    return pager_savepoint_open(bt->core->pager, count);
}

// Releasing changes no page. Rolling back may change any, page 1 too, so cursors let go first.
int btree_savepoint(Btree *bt, int op, u32 index)
{
    Btree *core = bt->core;
    ASSERT(op == SAVEPOINT_RELEASE || op == SAVEPOINT_ROLLBACK);
    ASSERT(core->writer == NULL);
    if (bt->txn != SQLITE_TXN_WRITE)
        return SQLITE_OK;
    if (op == SAVEPOINT_RELEASE) {
        pager_savepoint_release(core->pager, index);
        return SQLITE_OK;
    }
    release_cursors(bt, SQLITE_OK, false);
    TRY(pager_savepoint_rollback(core->pager, index));
    ASSERT(core->page1 != NULL);
    if (pager_page_count(core->pager) == 0)
        return header_create(core);
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
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(pgno > 0);
    bt = bt->core;
    Pgno count = pager_page_count(bt->pager);
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
    target = target->core;
    source = source->core;
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
    source = source->core;
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
    bt = bt->core;
    ASSERT(bt->page1 != NULL);
    TRY(cursors_save(bt, 0, NULL)); // B5
    if (pager_page_count(bt->pager) > 1)
        pager_set_page_count(bt->pager, 1);
    return header_create(bt);
}

void btree_read_as_empty(Btree *bt, bool on)
{
    bt = bt->core;
    ASSERT(bt->txn == SQLITE_TXN_NONE);
    ASSERT(on != bt->reads_empty);
    bt->reads_empty = on;
}

// The copied header names the source's journal mode. A target with a log must go on saying so, or
// whoever opens it next reads the file without the log.
int btree_copy_end(Btree *target, Btree *source)
{
    target = target->core;
    source = source->core;
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
    target = target->core;
    source = source->core;
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
