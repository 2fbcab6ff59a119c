// External merge sort with key prefixes: see sorter.h and, for the order, sort_order.h.
//
//     records  in chunks, one behind the other       entries  prefix and pointer per record, sorted
//                                                             by sort_entries() when needed
//     runs     stretches of the temporary file, each a sorted spill of everything in memory
//
// Reading merges all runs at once by a tournament of losers (Knuth, TAOCP 3, 5.4.1): a new record
// is compared once per level of the tree. There is no second level of merging: with n runs each
// gets 1/n of the memory as read buffer, READ_SIZE_MIN at least, which is enough for sorts some
// thousand times larger than memory.
//
// With a row limit the entries are a heap instead, the greatest record on top, and nothing is
// spilled: limits above HEAP_MAX are served by sorting everything and stopping early.
#include "vm/sorter.h"
#include "base/error.h"
#include "base/varint.h"
#include "base/vec.h"
#include "catalog/connection.h" // and, by way of the pager, os
#include "vm/sort_order.h"
#include <string.h>

enum {
    CHUNK_SIZE = 256 * 1024,
    CHUNK_SIZE_FIRST = 4 * 1024, // most sorts are small
    CHUNK_SMALL_ROWS = 64,       // after so many records the first chunk is of full size
    RECORD_SLACK = 16,           // varints and prefixes are read without looking at the end
    MEMORY_DEFAULT = 4 * 1024 * 1024,
    WRITE_SIZE = 128 * 1024,
    READ_SIZE_MIN = 16 * 1024,
    READ_SIZE_MAX = 64 * 1024,
    HEAP_MAX = 100 * 1000, // row limits above this are served by sorting everything
};

typedef struct Chunk {
    struct Chunk *next;
    u32 used, capacity;
    u8 bytes[];
} Chunk;

// A sorted run in the temporary file, being read. Again and again: a varint of the record's size
// and, in its last bit, whether the prefix is exact; the prefix, as the machine has it; the record.
typedef struct Run {
    i64 at, end; // of the file: what is not in the buffer yet
    u8 *buffer;
    u32 capacity, used, position;
    SortEntry entry; // its present record
    bool is_done;
} Run;

struct Sorter {
    sqlite3 *db;
    KeyShape *shape;
    struct {
        SortEntry *items;
        u32 count, capacity;
    } entries;
    u64 *sequence; // of each entry, with a row limit only
    u32 sequence_capacity;
    Chunk *chunks;
    u64 memory, memory_max;
    u64 limit; // UINT64_MAX: none
    bool uses_heap;
    bool is_sorted; // entries came in ascending order so far
    bool in_memory; // reading from entries, not from runs
    u64 inserted;
    u32 position;
    u64 given; // records read so far
    sqlite3_file *file;
    i64 file_size;
    u32 read_size; // of a run at a time
    struct {
        Run *items;
        u32 count, capacity;
    } runs;
    u32 *tree;        // tournament: tree[0] the winner, tree[i] the loser of match i
    SortEntry *spare; // merge space
    u32 spare_capacity;
    int rc; // error met by a comparison
};

// What the entries weigh once they are sorted: themselves and the merge space.
static u64 entries_memory(const Sorter *s)
{
    ASSERT(s->entries.count <= s->entries.capacity);

    return (u64)s->entries.count * 2 * sizeof *s->entries.items;
}

static void spare_free(Sorter *s)
{
    ASSERT(s->spare != NULL || s->spare_capacity == 0);

    mem_free(s->spare);
    s->spare = NULL;
    s->spare_capacity = 0;
}

static inline int entry_compare(Sorter *s, const SortEntry *a, const SortEntry *b)
{
    ASSERT(s->shape != NULL);

    return sort_entry_compare(s->shape, a, b, &s->rc);
}

static int entries_sort(Sorter *s)
{
    u32 count = s->entries.count;
    if (s->is_sorted || count < 2)
        return SQLITE_OK;
    ASSERT(!s->uses_heap);
    TRY(vec_reserve(&s->spare, &s->spare_capacity, count, sizeof *s->spare));
    TRY(sort_entries(s->shape, s->entries.items, count, s->spare));
    s->is_sorted = true;
    return s->rc;
}

// --- record memory ---

static void chunks_free(Sorter *s)
{
    while (s->chunks != NULL) {
        Chunk *c = s->chunks;
        s->chunks = c->next;
        mem_free(c);
    }
    s->memory = 0;
    ASSERT(s->chunks == NULL);
}

// Room in the newest chunk. The slack after a record is the next one's room, or the chunk's end.
static u8 *record_room(Sorter *s, u32 size)
{
    ASSERT(size > 0);

    Chunk *c = s->chunks;
    if (c == NULL || c->capacity - c->used < (u64)size + RECORD_SLACK) {
        u32 capacity = size + RECORD_SLACK > CHUNK_SIZE ? size + RECORD_SLACK : CHUNK_SIZE;
        if (s->chunks == NULL && s->inserted < CHUNK_SMALL_ROWS)
            capacity =
                size + RECORD_SLACK > CHUNK_SIZE_FIRST ? size + RECORD_SLACK : CHUNK_SIZE_FIRST;
        c = mem_alloc(sizeof *c + capacity);
        if (c == NULL)
            return NULL;
        c->used = 0;
        c->capacity = capacity;
        c->next = s->chunks;
        s->chunks = c;
        s->memory += capacity;
    }
    ASSERT(c->used + size + RECORD_SLACK <= c->capacity);
    u8 *room = c->bytes + c->used;
    c->used += size;
    return room;
}

// Replaces the caller's bytes by a copy that lives as long as the sorter has it.
static int record_keep(Sorter *s, SortEntry *e)
{
    ASSERT(e->record != NULL);

    u8 *room = record_room(s, e->size);
    if (room == NULL)
        return SQLITE_NOMEM;
    memcpy(room, e->record, e->size);
    e->record = room;
    return SQLITE_OK;
}

// --- the heap of a row limit (S3) ---

// The heap's order: the greatest record on top, of equal ones the latest.
static bool heap_is_greater(Sorter *s, u32 a, u32 b)
{
    ASSERT(a < s->entries.count && b < s->entries.count);

    int order = entry_compare(s, &s->entries.items[a], &s->entries.items[b]);
    return order > 0 || (order == 0 && s->sequence[a] > s->sequence[b]);
}

static void heap_swap(Sorter *s, u32 a, u32 b)
{
    ASSERT(a < s->entries.count && b < s->entries.count);

    SortEntry e = s->entries.items[a];
    s->entries.items[a] = s->entries.items[b];
    s->entries.items[b] = e;
    u64 n = s->sequence[a];
    s->sequence[a] = s->sequence[b];
    s->sequence[b] = n;
}

static void heap_sift_down(Sorter *s, u32 at, u32 count)
{
    ASSERT(count <= s->entries.count);

    for (;;) {
        u32 child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && heap_is_greater(s, child + 1, child))
            child++;
        if (!heap_is_greater(s, child, at))
            return;
        heap_swap(s, child, at);
        at = child;
    }
}

static void heap_sift_up(Sorter *s, u32 at)
{
    ASSERT(at < s->entries.count);

    while (at > 0) {
        u32 parent = (at - 1) / 2;
        if (!heap_is_greater(s, at, parent))
            return;
        heap_swap(s, at, parent);
        at = parent;
    }
}

// Copies the records that are still in the heap into fresh chunks once most of the memory is dead.
static int heap_compact(Sorter *s)
{
    ASSERT(s->uses_heap && s->chunks != NULL);

    u64 live = 0;
    for (u32 i = 0; i < s->entries.count; i++)
        live += s->entries.items[i].size;
    if (s->memory < 2 * live + 4 * CHUNK_SIZE)
        return SQLITE_OK;
    Chunk *old = s->chunks;
    s->chunks = NULL;
    u64 memory = s->memory;
    s->memory = 0;
    int rc = SQLITE_OK;
    for (u32 i = 0; i < s->entries.count && rc == SQLITE_OK; i++)
        rc = record_keep(s, &s->entries.items[i]);
    if (rc != SQLITE_OK) { // some records are in the new chunks, some in the old: keep both
        Chunk *last = old;
        while (last->next != NULL)
            last = last->next;
        last->next = s->chunks;
        s->chunks = old;
        s->memory += memory;
        return rc;
    }
    while (old != NULL) {
        Chunk *next = old->next;
        mem_free(old);
        old = next;
    }
    return SQLITE_OK;
}

// Past the limit a record takes the place of the greatest, and its bytes that one's room if they
// fit; what does not fit leaves dead bytes behind, which heap_compact() clears away.
static int heap_insert(Sorter *s, SortEntry *e)
{
    ASSERT(s->uses_heap);
    ASSERT(s->entries.count <= s->limit); // S3

    u32 count = s->entries.count;
    if (count < s->limit) {
        TRY(vec_reserve(&s->entries.items, &s->entries.capacity, count + 1,
                        sizeof *s->entries.items));
        TRY(vec_reserve(&s->sequence, &s->sequence_capacity, count + 1, sizeof *s->sequence));
        TRY(record_keep(s, e));
        s->entries.items[count] = *e;
        s->sequence[count] = s->inserted;
        s->entries.count++;
        heap_sift_up(s, count);
        return s->rc;
    }
    if (s->limit == 0 || entry_compare(s, e, &s->entries.items[0]) >= 0)
        return s->rc; // behind all that are kept
    SortEntry *top = &s->entries.items[0];
    if (e->size <= top->size) {
        memcpy((u8 *)(uintptr_t)top->record, e->record, e->size);
        e->record = top->record;
    } else {
        TRY(record_keep(s, e));
    }
    *top = *e;
    s->sequence[0] = s->inserted;
    heap_sift_down(s, 0, count);
    TRY(s->rc);
    return s->memory > 4 * CHUNK_SIZE ? heap_compact(s) : SQLITE_OK;
}

// Heap to ascending order, in place.
static void heap_sort(Sorter *s)
{
    ASSERT(s->uses_heap);

    for (u32 end = s->entries.count; end > 1; end--) {
        heap_swap(s, 0, end - 1);
        heap_sift_down(s, 0, end - 1);
    }
}

// --- runs on disk (S2) ---

static int file_open(Sorter *s)
{
    ASSERT(s->file != NULL || s->runs.count == 0);

    if (s->file != NULL)
        return SQLITE_OK;
    int flags = SQLITE_OPEN_TEMP_JOURNAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_DELETEONCLOSE;
    return os_open_new(s->db->vfs, NULL, flags, &s->file, NULL);
}

typedef struct RunWriter {
    Sorter *sorter;
    u8 *buffer;
    u32 used;
} RunWriter;

static int run_flush(RunWriter *w)
{
    ASSERT(w->used > 0 && w->used <= WRITE_SIZE);

    Sorter *s = w->sorter;
    TRY(os_write(s->file, w->buffer, (int)w->used, s->file_size));
    s->file_size += w->used;
    w->used = 0;
    return SQLITE_OK;
}

static int run_put_long(RunWriter *w, const u8 *bytes, u32 size)
{
    ASSERT(size >= WRITE_SIZE - w->used);

    while (size > 0) {
        u32 part = WRITE_SIZE - w->used;
        if (part > size)
            part = size;
        memcpy(w->buffer + w->used, bytes, part);
        w->used += part;
        bytes += part;
        size -= part;
        if (w->used == WRITE_SIZE)
            TRY(run_flush(w));
    }
    return SQLITE_OK;
}

static inline int run_put(RunWriter *w, const u8 *bytes, u32 size)
{
    ASSERT(w->used < WRITE_SIZE);

    if (LIKELY(size < WRITE_SIZE - w->used)) {
        memcpy(w->buffer + w->used, bytes, size);
        w->used += size;
        return SQLITE_OK;
    }
    return run_put_long(w, bytes, size);
}

static int run_write(Sorter *s)
{
    ASSERT(s->file != NULL);

    RunWriter w = {.sorter = s, .buffer = mem_alloc(WRITE_SIZE)};
    if (w.buffer == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    for (u32 i = 0; i < s->entries.count && rc == SQLITE_OK; i++) {
        const SortEntry *e = &s->entries.items[i];
        u8 head[9 + sizeof e->prefix];
        u32 head_size = varint_put(head, (u64)e->size << 1 | e->is_exact);
        memcpy(head + head_size, &e->prefix, sizeof e->prefix);
        rc = run_put(&w, head, head_size + (u32)sizeof e->prefix);
        if (rc == SQLITE_OK)
            rc = run_put(&w, e->record, e->size);
    }
    if (rc == SQLITE_OK && w.used > 0)
        rc = run_flush(&w);
    mem_free(w.buffer);
    return rc;
}

// Everything in memory becomes a run.
static int spill(Sorter *s)
{
    ASSERT(s->entries.count > 0);

    TRY(entries_sort(s));
    TRY(file_open(s));
    TRY(vec_reserve(&s->runs.items, &s->runs.capacity, s->runs.count + 1, sizeof *s->runs.items));
    i64 start = s->file_size;
    TRY(run_write(s));
    s->runs.items[s->runs.count++] = (Run){.at = start, .end = s->file_size};
    ASSERT(s->file_size > start);
    s->entries.count = 0;
    s->is_sorted = true;
    chunks_free(s);
    return SQLITE_OK;
}

// Makes `wanted` bytes available from run->position on, as far as the run has them.
static int run_refill(Sorter *s, Run *run, u32 wanted)
{
    ASSERT(run->position <= run->used && run->used <= run->capacity);

    u32 left = run->used - run->position;
    u32 capacity = wanted > s->read_size ? wanted : s->read_size;
    if (run->capacity < capacity) {
        u8 *bigger = mem_alloc((u64)capacity + RECORD_SLACK);
        if (bigger == NULL)
            return SQLITE_NOMEM;
        if (left > 0)
            memcpy(bigger, run->buffer + run->position, left);
        mem_free(run->buffer);
        run->buffer = bigger;
        run->capacity = capacity;
    } else if (left > 0) {
        memmove(run->buffer, run->buffer + run->position, left);
    }
    run->position = 0;
    run->used = left;
    i64 more = run->end - run->at;
    if (more > run->capacity - left)
        more = run->capacity - left;
    if (more > 0)
        TRY(os_read(s->file, run->buffer + left, (int)more, run->at));
    ASSERT(more >= 0 && left + (u64)more <= run->capacity);
    run->at += more;
    run->used += (u32)more;
    memset(run->buffer + run->used, 0, RECORD_SLACK);
    return SQLITE_OK;
}

static inline int run_fill(Sorter *s, Run *run, u32 wanted)
{
    if (LIKELY(run->used - run->position >= wanted))
        return SQLITE_OK;
    return run_refill(s, run, wanted);
}

// Reads the run's next record; is_done past the last. The bytes come from a file, but one that
// nobody else can open: short reads are an I/O error, the varint is trusted.
static int run_next(Sorter *s, Run *run)
{
    ASSERT(!run->is_done);

    TRY(run_fill(s, run, 9));
    if (run->used == run->position) {
        run->is_done = true;
        mem_free(run->buffer);
        run->buffer = NULL;
        return SQLITE_OK;
    }
    u64 size;
    u32 head_size = varint_get(run->buffer + run->position, &size);
    SortEntry *e = &run->entry;
    e->is_exact = (size & 1) != 0;
    e->size = (u32)(size >> 1);
    head_size += (u32)sizeof e->prefix;
    TRY(run_fill(s, run, head_size + e->size));
    if (run->used - run->position < (u64)head_size + e->size)
        return error_os(SQLITE_IOERR_SHORT_READ, 0, "read", "temporary file");
    e->record = run->buffer + run->position + head_size;
    memcpy(&e->prefix, e->record - sizeof e->prefix, sizeof e->prefix);
    run->position += head_size + e->size;
    return SQLITE_OK;
}

// --- merging: a tournament of losers ---

// Of two runs, the one that goes first; the earlier run wins ties (S1).
static u32 match(Sorter *s, u32 a, u32 b)
{
    ASSERT(a != b);
    ASSERT(a < s->runs.count && b < s->runs.count);

    u32 first = a < b ? a : b, second = a < b ? b : a;
    if (s->runs.items[first].is_done)
        return second;
    if (s->runs.items[second].is_done)
        return first;
    return entry_compare(s, &s->runs.items[first].entry, &s->runs.items[second].entry) <= 0
               ? first
               : second;
}

// Plays the matches from leaf `run` to the root; losers stay in the tree.
static void tournament_replay(Sorter *s, u32 run)
{
    ASSERT(run < s->runs.count);
    ASSERT(run == s->tree[0]); // only the winner has a new record

    u32 winner = run;
    for (u32 node = (run + s->runs.count) / 2; node > 0; node /= 2) {
        u32 other = s->tree[node];
        u32 best = match(s, winner, other);
        s->tree[node] = best == winner ? other : winner;
        winner = best;
    }
    s->tree[0] = winner;
}

// The winner of the subtree at `node`; fills in its losers. Depth is the logarithm of the run
// count.
static u32 tournament_build(Sorter *s, u32 node)
{
    ASSERT(node > 0 && node < 2 * s->runs.count);

    if (node >= s->runs.count)
        return node - s->runs.count;
    u32 left = tournament_build(s, 2 * node);
    u32 right = tournament_build(s, 2 * node + 1);
    u32 winner = match(s, left, right);
    s->tree[node] = winner == left ? right : left;
    return winner;
}

// Once all records are in runs, the entries are of no use until the sorter is filled anew.
static void entries_free(Sorter *s)
{
    ASSERT(s->entries.count == 0);
    ASSERT(s->chunks == NULL);

    mem_free(s->entries.items);
    s->entries.items = NULL;
    s->entries.capacity = 0;
    spare_free(s);
}

// All runs, the rest in memory become one, stand on their first record, the tournament is played.
static int merge_begin(Sorter *s)
{
    ASSERT(!s->uses_heap);

    if (s->entries.count > 0)
        TRY(spill(s));
    ASSERT(s->runs.count > 0);
    entries_free(s);
    // All runs together read into what the records took (S2).
    u64 share = s->memory_max / s->runs.count;
    s->read_size = (u32)(share > READ_SIZE_MAX   ? READ_SIZE_MAX
                         : share < READ_SIZE_MIN ? READ_SIZE_MIN
                                                 : share);
    mem_free(s->tree);
    s->tree = mem_alloc_zeroed(s->runs.count * sizeof *s->tree);
    if (s->tree == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < s->runs.count; i++)
        TRY(run_next(s, &s->runs.items[i]));
    s->tree[0] = s->runs.count == 1 ? 0 : tournament_build(s, 1);
    return s->rc;
}

// --- the door ---

int sorter_new(sqlite3 *db, KeyShape *shape, u64 memory_max, Sorter **out)
{
    ASSERT(shape->key_count > 0);

    Sorter *s = mem_alloc_zeroed(sizeof *s);
    if (s == NULL)
        return SQLITE_NOMEM;
    s->db = db;
    s->shape = key_shape_ref(shape);
    s->memory_max = memory_max == 0 ? MEMORY_DEFAULT : memory_max;
    s->limit = UINT64_MAX;
    s->is_sorted = true;
    *out = s;
    return SQLITE_OK;
}

void sorter_reset(Sorter *s)
{
    for (u32 i = 0; i < s->runs.count; i++)
        mem_free(s->runs.items[i].buffer);
    s->runs.count = 0;
    s->entries.count = 0;
    s->file_size = 0;
    s->inserted = s->given = 0;
    s->position = 0;
    s->is_sorted = true;
    s->rc = SQLITE_OK;
    chunks_free(s);
}

void sorter_free(Sorter *s)
{
    if (s == NULL)
        return;
    sorter_reset(s);
    os_close_free(s->file);
    mem_free(s->runs.items);
    mem_free(s->entries.items);
    mem_free(s->sequence);
    mem_free(s->spare);
    mem_free(s->tree);
    key_shape_unref(s->shape);
    mem_free(s);
}

void sorter_limit(Sorter *s, u64 rows)
{
    ASSERT(s->inserted == 0);
    ASSERT(s->entries.count == 0 && s->runs.count == 0);

    s->limit = rows;
    s->uses_heap = rows <= HEAP_MAX;
}

int sorter_insert(Sorter *s, const u8 *record, u32 size, const Value *first)
{
    ASSERT(size > 0);
    ASSERT(s->given == 0 && s->position == 0); // not being read

    SortEntry e = {.record = record, .size = size};
    if (first != NULL)
        sort_entry_from_value(s->shape, first, &e);
    else
        sort_entry_begin(s->shape, &e);
    s->inserted++;
    if (s->uses_heap)
        return heap_insert(s, &e);
    if (s->memory + entries_memory(s) >= s->memory_max && s->entries.count > 1)
        TRY(spill(s));
    u32 count = s->entries.count;
    if (UNLIKELY(count == s->entries.capacity))
        TRY(vec_reserve(&s->entries.items, &s->entries.capacity, count + 1, sizeof e));
    TRY(record_keep(s, &e));
    s->entries.items[count] = e;
    s->entries.count++;
    if (s->is_sorted && count > 0) // cheap to keep while it holds; the first exception ends it
        s->is_sorted =
            entry_compare(s, &s->entries.items[count - 1], &s->entries.items[count]) <= 0;
    return s->rc;
}

// By prefixes alone, which need no record: where they are equal but say not everything, the row is
// let through and heap_insert() decides.
bool sorter_rejects(const Sorter *s, const Value *first)
{
    ASSERT(first != NULL);

    if (!s->uses_heap || s->entries.count < s->limit)
        return false;
    if (s->limit == 0)
        return true;
    const SortEntry *last = &s->entries.items[0];
    SortEntry e;
    sort_entry_from_value(s->shape, first, &e);
    if (e.prefix != last->prefix)
        return e.prefix > last->prefix;
    return e.is_exact && last->is_exact && s->shape->key_count == 1; // equal, and later
}

bool sorter_bound(const Sorter *s, f64 *bound)
{
    if (!s->uses_heap || s->limit == 0 || s->entries.count < s->limit)
        return false;
    ASSERT(s->entries.count > 0);
    return sort_entry_number(&s->entries.items[0], bound);
}

int sorter_sort(Sorter *s, bool *empty)
{
    ASSERT(!s->uses_heap || s->runs.count == 0); // a heap never spills

    s->position = 0;
    s->given = 0;
    s->in_memory = s->runs.count == 0;
    *empty = s->inserted == 0 || s->limit == 0;
    if (*empty)
        return SQLITE_OK;
    if (!s->in_memory)
        return merge_begin(s);
    if (!s->uses_heap) {
        TRY(entries_sort(s));
        spare_free(s);
        return SQLITE_OK;
    }
    heap_sort(s);
    return s->rc;
}

int sorter_next(Sorter *s)
{
    ASSERT(s->position < s->entries.count || !s->in_memory);

    if (++s->given >= s->limit)
        return SQLITE_DONE;
    if (s->in_memory)
        return ++s->position < s->entries.count ? SQLITE_OK : SQLITE_DONE;
    u32 run = s->tree[0];
    TRY(run_next(s, &s->runs.items[run]));
    if (s->runs.count > 1)
        tournament_replay(s, run);
    TRY(s->rc);
    return s->runs.items[s->tree[0]].is_done ? SQLITE_DONE : SQLITE_OK;
}

int sorter_record(Sorter *s, const u8 **bytes, u32 *size)
{
    ASSERT(!s->in_memory || s->position < s->entries.count);
    ASSERT(s->in_memory || !s->runs.items[s->tree[0]].is_done);

    const SortEntry *e =
        s->in_memory ? &s->entries.items[s->position] : &s->runs.items[s->tree[0]].entry;
    *bytes = e->record;
    *size = e->size;
    return SQLITE_OK;
}

const KeyShape *sorter_shape(const Sorter *s)
{
    return s->shape;
}

u64 sorter_count(const Sorter *s)
{
    return s->inserted;
}

u32 sorter_run_count(const Sorter *s)
{
    return s->runs.count;
}
