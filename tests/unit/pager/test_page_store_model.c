// Connections that share pages, against a model: whatever they do to one file, each sees the state
// its snapshot was taken of, and a writer sees its own changes.
//
// Three pagers of one simulated process and one of another work on one database in random order:
// snapshots kept over other's commits or taken up again later, concurrent transactions, savepoints,
// spills, growing and cutting the file, all kinds of checkpoints, the log starting over, leaving
// WAL mode and coming back, a process killed, the power cut. The model is the list of all committed
// states.
#include "begin_read.h"
#include "support/sim.h"
#include "support/test.h"

#include "base/bytes.h"
#include "base/prng.h"
#include "os/os.h"
#include "pager/pager.h"
#include "pager/wal.h"

enum {
    PAGE_SIZE = 512,
    PAGES_AT_FIRST = 30,
    PAGES_MAX = 60,
    CONNECTIONS = 4,
    FOREIGN = 3, // the connection of the other process
    STEPS = 6000,
    SEEDS = 24,
};

typedef struct State {
    Pgno count;
    u16 values[PAGES_MAX + 1];
} State;

typedef struct Connection {
    Pager *pager;
    bool is_reading, is_writing, has_changed, has_savepoint;
    State snapshot;  // what a rollback leads back to
    State seen;      // the same with the transaction's changes
    u32 cuts;        // the world's, when the snapshot was taken
    State savepoint; // seen, when it was opened
} Connection;

typedef struct World {
    Sim *sim;
    Prng prng;
    State committed;
    u16 last_value;
    bool in_wal;
    u32 cuts;      // commits that made the file shorter
    bool has_kept; // a moment of the log, to be read again
    u32 kept_cuts;
    WalSnapshot kept;
    State kept_state;
    u32 commits, taken_up;
    Connection connections[CONNECTIONS];
} World;

static u32 below(World *world, u32 limit)
{
    return (u32)prng_below(&world->prng, limit);
}

// --- connections ---

static void open_connection(World *world, int index)
{
    PagerOptions options = {
        .vfs = sim_vfs(world->sim, index == FOREIGN ? 1 : 0),
        .path = "/test.db",
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
    };
    Connection *c = &world->connections[index];
    *c = (Connection){0};
    u32 size = PAGE_SIZE;
    assert_ok(pager_open(&options, &c->pager));
    assert_ok(pager_set_page_size(c->pager, &size, 0));
    pager_set_cache_size(c->pager, (int[]){10, 20, 100}[below(world, 3)]);
    pager_set_sync(c->pager, SYNC_EXTRA, false, false);
    JournalMode mode =
        (JournalMode[]){JOURNAL_DELETE, JOURNAL_TRUNCATE, JOURNAL_PERSIST}[index % 3];
    assert_ok(pager_set_journal_mode(c->pager, mode, &mode));
}

static u32 content_start(Pgno pgno)
{
    return pgno == 1 ? 100 : 0;
}

static void check_page(const Connection *c, Pgno pgno)
{
    Page *page;
    assert_ok(pager_get(c->pager, pgno, &page));
    for (u32 i = content_start(pgno); i < PAGE_SIZE; i += 2)
        if (get_u16(page->data + i) != c->seen.values[pgno])
            fail_msg("page %u at %u is %u, not %u", pgno, i, get_u16(page->data + i),
                     c->seen.values[pgno]);
    page_unpin(c->pager, page);
}

static void check_all(const Connection *c)
{
    assert_int_equal(pager_page_count(c->pager), c->seen.count);
    for (Pgno pgno = 1; pgno <= c->seen.count; pgno++)
        check_page(c, pgno);
}

static void fill(World *world, Connection *c, Pgno pgno)
{
    Page *page;
    if (pgno > c->seen.count) {
        assert_ok(pager_get_blank(c->pager, pgno, &page));
        c->seen.count = pgno;
    } else {
        assert_ok(pager_get(c->pager, pgno, &page));
        assert_ok(pager_make_writable(c->pager, &page));
    }
    u16 value = ++world->last_value;
    for (u32 i = content_start(pgno); i < PAGE_SIZE; i += 2)
        put_u16(page->data + i, value);
    page_unpin(c->pager, page);
    c->seen.values[pgno] = value;
}

// --- steps ---

static void step_begin(World *world, Connection *c)
{
    int rc = begin_read(c->pager);
    if (rc == SQLITE_BUSY)
        return; // a writer has EXCLUSIVE
    assert_ok(rc);
    c->is_reading = true;
    c->seen = c->snapshot = world->committed;
    c->cuts = world->cuts;
    assert_int_equal(pager_page_count(c->pager), c->seen.count);
}

// sqlite3_snapshot_get() and _open(): a moment of the log that is read again, by anybody, as long
// as nothing has been copied over it. (Checkpoints leave out pages beyond the present end, also
// those that an older moment has: none is kept over a cut.)
static void step_keep(World *world, Connection *c)
{
    if (pager_journal_mode(c->pager) != JOURNAL_WAL || c->is_writing || c->cuts != world->cuts)
        return;
    world->kept_cuts = c->cuts;
    world->has_kept = wal_snapshot_get(pager_wal(c->pager), &world->kept) == SQLITE_OK;
    world->kept_state = c->snapshot;
}

static void step_take_up(World *world, Connection *c)
{
    if (!world->has_kept || pager_journal_mode(c->pager) != JOURNAL_WAL)
        return step_begin(world, c);
    wal_snapshot_want(pager_wal(c->pager), &world->kept);
    int rc = pager_begin_read(c->pager, NULL);
    wal_snapshot_want(pager_wal(c->pager), NULL);
    if (rc != SQLITE_OK)
        return assert_int_equal(rc, SQLITE_ERROR_SNAPSHOT);
    c->is_reading = true;
    c->seen = c->snapshot = world->kept_state;
    c->cuts = world->kept_cuts;
    world->taken_up++;
    check_all(c);
}

static void step_end(Connection *c)
{
    pager_end_read(c->pager);
    c->is_reading = false;
}

static void step_begin_write(World *world, Connection *c)
{
    bool is_concurrent = pager_journal_mode(c->pager) == JOURNAL_WAL && below(world, 3) == 0;
    int rc = is_concurrent ? pager_begin_concurrent(c->pager) : pager_begin_write(c->pager, false);
    if (rc != SQLITE_BUSY && rc != SQLITE_BUSY_SNAPSHOT) {
        assert_ok(rc);
        c->is_writing = true;
        c->has_changed = false;
    }
}

static void step_change(World *world, Connection *c)
{
    c->has_changed = true;
    for (u32 n = below(world, 12) + 1; n > 0; n--)
        fill(world, c, below(world, c->seen.count) + 1);
    u32 kind = below(world, 6);
    if (kind == 0 && c->seen.count + 5 < PAGES_MAX) {
        for (u32 n = below(world, 5) + 1; n > 0; n--)
            fill(world, c, c->seen.count + 1);
    } else if (kind == 1 && c->seen.count > PAGES_AT_FIRST / 2) {
        c->seen.count -= below(world, 6) + 1;
        pager_set_page_count(c->pager, c->seen.count);
    }
}

static void step_savepoint(World *world, Connection *c)
{
    if (!c->has_savepoint) {
        assert_ok(pager_savepoint_open(c->pager, 1));
        c->savepoint = c->seen;
        c->has_savepoint = true;
        return;
    }
    if (below(world, 3) == 0) {
        pager_savepoint_release(c->pager, 0);
        c->has_savepoint = false;
        return;
    }
    assert_ok(pager_savepoint_rollback(c->pager, 0));
    c->seen = c->savepoint;
    check_all(c);
}

static void step_rollback(Connection *c)
{
    assert_ok(pager_rollback(c->pager));
    c->is_writing = false;
    c->has_savepoint = false;
    c->seen = c->snapshot;
    check_all(c);
}

static void step_commit(World *world, Connection *c)
{
    if (c->has_savepoint)
        pager_savepoint_release(c->pager, 0);
    c->has_savepoint = false;
    int rc = pager_commit_prepare(c->pager, NULL);
    if (rc == SQLITE_BUSY) // readers of the file, or a writer; it may be tried again
        return below(world, 2) == 0 ? step_rollback(c) : (void)0;
    if (rc == SQLITE_BUSY_SNAPSHOT) // a concurrent one that was late
        return step_rollback(c);
    assert_ok(rc);
    assert_ok(pager_commit_finish(c->pager));
    c->is_writing = false;
    if (!c->has_changed)
        return; // a concurrent one may be on an old snapshot
    world->cuts += c->seen.count < world->committed.count;
    world->has_kept &= world->cuts == world->kept_cuts;
    world->committed = c->snapshot = c->seen;
    c->cuts = world->cuts;
    world->commits++;
    check_all(c);
}

static void step_checkpoint(World *world, Connection *c)
{
    int mode = SQLITE_CHECKPOINT_PASSIVE + (int)below(world, 4);
    int rc = pager_checkpoint(c->pager, mode, NULL, NULL);
    assert_true(rc == SQLITE_OK || rc == SQLITE_BUSY);
}

static void step_reopen(World *world, int index)
{
    (void)pager_close(world->connections[index].pager);
    open_connection(world, index);
}

static bool all_are_idle(const World *world)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (world->connections[i].is_reading)
            return false;
    return true;
}

// Into or out of WAL mode, the others having the file open but not in use. Who has the log open is
// in the way.
static void step_switch(World *world, Connection *c)
{
    if (!all_are_idle(world))
        return;
    for (int i = 0; i < CONNECTIONS; i++)
        if (c != &world->connections[i]
            && pager_journal_mode(world->connections[i].pager) == JOURNAL_WAL)
            step_reopen(world, i);
    JournalMode mode;
    world->has_kept = false;
    if (begin_read(c->pager) != SQLITE_OK)
        return;
    pager_end_read(c->pager);
    assert_ok(pager_set_journal_mode(c->pager, JOURNAL_DELETE, &mode));
    assert_int_equal(mode, JOURNAL_DELETE);
    assert_ok(pager_begin_read(c->pager, NULL));
    assert_ok(pager_begin_write(c->pager, false));
    Page *page;
    assert_ok(pager_get(c->pager, 1, &page));
    assert_ok(pager_make_writable(c->pager, &page));
    world->in_wal = !world->in_wal;
    page->data[18] = page->data[19] = world->in_wal ? 2 : 1;
    page_unpin(c->pager, page);
    assert_ok(pager_commit_prepare(c->pager, NULL));
    assert_ok(pager_commit_finish(c->pager));
    pager_end_read(c->pager);
}

// The foreign process dies, in the middle of whatever it did.
static void step_kill(World *world)
{
    sim_kill(world->sim, 1);
    step_reopen(world, FOREIGN);
}

// Everybody starts anew; what the machine had open before is closed now or later.
static void step_power_cut(World *world)
{
    Pager *former[CONNECTIONS];
    sim_reboot(world->sim);
    world->has_kept = false;
    for (int i = 0; i < CONNECTIONS; i++) {
        former[i] = world->connections[i].pager;
        open_connection(world, i);
    }
    step_begin(world, &world->connections[0]);
    if (world->connections[0].is_reading) {
        check_all(&world->connections[0]);
        step_end(&world->connections[0]);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        (void)pager_close(former[i]);
}

static void step(World *world)
{
    int index = (int)below(world, CONNECTIONS);
    Connection *c = &world->connections[index];
    u32 kind = below(world, 1000);
    if (kind == 0)
        return step_power_cut(world);
    if (kind < 4)
        return step_kill(world);
    if (!c->is_reading) {
        if (kind < 8)
            return step_reopen(world, index);
        if (kind < 16)
            return step_switch(world, c);
        if (kind < 100)
            return step_checkpoint(world, c);
        return kind < 200 ? step_take_up(world, c) : step_begin(world, c);
    }
    if (kind < 20)
        return step_keep(world, c);
    if (kind < 500)
        return check_page(c, below(world, c->seen.count) + 1);
    if (kind < 530)
        return check_all(c);
    if (!c->is_writing)
        return kind < 800 ? step_end(c) : step_begin_write(world, c);
    if (kind < 750)
        return step_change(world, c);
    if (kind < 850)
        return step_savepoint(world, c);
    if (kind < 950)
        return step_commit(world, c);
    step_rollback(c);
}

static void create(World *world)
{
    open_connection(world, 0);
    Connection *c = &world->connections[0];
    assert_ok(pager_begin_read(c->pager, NULL));
    assert_ok(pager_begin_write(c->pager, false));
    for (Pgno pgno = 1; pgno <= PAGES_AT_FIRST; pgno++)
        fill(world, c, pgno);
    Page *page;
    assert_ok(pager_get(c->pager, 1, &page));
    assert_ok(pager_make_writable(c->pager, &page));
    memcpy(page->data, "SQLite format 3", 16);
    put_u16(page->data + 16, PAGE_SIZE);
    page->data[18] = page->data[19] = world->in_wal ? 2 : 1;
    page_unpin(c->pager, page);
    assert_ok(pager_commit_prepare(c->pager, NULL));
    assert_ok(pager_commit_finish(c->pager));
    pager_end_read(c->pager);
    world->committed = c->seen;
}

static void every_connection_sees_its_snapshot(void **state)
{
    (void)state;
    u32 commits = 0;
    u32 taken_up = 0;
    for (u64 seed = 1; seed <= SEEDS; seed++) {
        World *world = test_calloc(1, sizeof *world);
        world->sim = sim_new(seed);
        prng_init(&world->prng, &seed, sizeof seed);
        world->in_wal = seed % 3 != 0;
        create(world);
        for (int i = 1; i < CONNECTIONS; i++)
            open_connection(world, i);
        for (u32 i = 0; i < STEPS; i++)
            step(world);
        for (int i = 0; i < CONNECTIONS; i++)
            (void)pager_close(world->connections[i].pager);
        commits += world->commits;
        taken_up += world->taken_up;
        sim_free(world->sim);
        test_free(world);
    }
    assert_true(commits > SEEDS * 20);
    assert_true(taken_up > SEEDS);
}

TEST_SUITE(page_store_model, cmocka_unit_test(every_connection_sees_its_snapshot))
