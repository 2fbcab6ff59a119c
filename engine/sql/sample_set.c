// See sample_set.h. Decides, reads nothing.
//
// Keys come in order, so that a prefix of i columns is closed when a key differs in one of them:
// then the number of its rows is known, and the best candidate for that prefix (`best[i]`) is
// weighed against the worst sample kept. While its prefix is open a sample's count is 0;
// close_prefixes() fills it in, and `zero_max` says how far one need look.
//
// The constants (hash seeds, a congruential generator, one sample in row_estimate / 9 + 1 rows) are
// SQLite's, or the samples would be others than those of a database that SQLite has analysed.

#include "sql/sample_set.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include <string.h>

struct SampleSet {
    SampleShape shape;
    u64 rows;
    u64 period; // every so many rows a periodic sample
    u32 random;
    u32 skipped;    // SAMPLE_NEXT_VALUE answers
    Sample current; // the row pushed last
    Sample *best;   // by column: the best candidate for the prefix that ends there
    Sample items[SAMPLES_MAX];
    u32 count;
    u32 worst;    // item to give way first; valid when the set is full
    u32 zero_max; // no item has a zero in equal[] from here on
    bool ended;
};

// --- memory ---

// One block of memory for the three rows of counts.
static bool sample_init(Sample *s, u16 columns)
{
    ASSERT(columns > 0);

    *s = (Sample){.equal = mem_alloc_zeroed(3 * (u64)columns * sizeof(u64))};
    if (s->equal == NULL)
        return false;
    s->less = s->equal + columns;
    s->distinct = s->less + columns;
    return true;
}

// `less` and `distinct` lie in the block of `equal`.
static void sample_deinit(Sample *s)
{
    ASSERT(s->equal != NULL || s->less == NULL);

    mem_free(s->equal);
    mem_free(s->row.key);
}

void sample_set_free(void *arg)
{
    SampleSet *set = arg;
    if (set == NULL)
        return;
    sample_deinit(&set->current);
    for (u32 i = 0; set->best != NULL && i < set->shape.column_count; i++)
        sample_deinit(&set->best[i]);
    for (u32 i = 0; i < SAMPLES_MAX; i++)
        sample_deinit(&set->items[i]);
    mem_free(set->best);
    mem_free(set);
}

// With a limit only the averages are asked for (PRAGMA analysis_limit).
static bool takes_samples(const SampleSet *set)
{
    return set->shape.limit == 0;
}

static bool init_samples(SampleSet *set)
{
    ASSERT(set->best == NULL && set->count == 0);

    u16 columns = set->shape.column_count;
    set->best = mem_alloc_zeroed(columns * sizeof *set->best);
    bool ok = set->best != NULL && sample_init(&set->current, columns);
    for (u16 i = 0; ok && i < columns; i++) {
        ok = sample_init(&set->best[i], columns);
        set->best[i].column = i;
    }
    for (u32 i = 0; ok && i < SAMPLES_MAX; i++)
        ok = sample_init(&set->items[i], columns);
    return ok;
}

SampleSet *sample_set_new(const SampleShape *shape)
{
    ASSERT(shape->column_count > 0 && shape->key_count <= shape->column_count);

    SampleSet *set = mem_alloc_zeroed(sizeof *set);
    if (set == NULL)
        return NULL;
    set->shape = *shape;
    set->period = shape->row_estimate / (SAMPLES_MAX / 3 + 1) + 1;
    set->random = 0x689e962du * shape->column_count ^ 0xd0944565u * (u32)shape->row_estimate;
    if (!init_samples(set)) {
        sample_set_free(set);
        return NULL;
    }
    return set;
}

// The arrays and the key of `to` are reused.
static int sample_copy(const SampleSet *set, Sample *to, const Sample *from)
{
    ASSERT(to != from && to->equal != NULL);

    u64 *equal = to->equal, *less = to->less, *distinct = to->distinct;
    u8 *key = NULL;
    if (from->row.key != NULL) {
        key = mem_alloc(from->row.key_size);
        if (key == NULL)
            return SQLITE_NOMEM;
        memcpy(key, from->row.key, from->row.key_size);
    }
    mem_free(to->row.key);
    *to = *from;
    to->equal = equal;
    to->less = less;
    to->distinct = distinct;
    to->row.key = key;
    memcpy(equal, from->equal, 3 * (size_t)set->shape.column_count * sizeof(u64));
    return SQLITE_OK;
}

// --- which is better ---

// Of two that stand for the same prefix: whose longer prefixes are shared by more rows.
static bool better_beyond(const SampleSet *set, const Sample *a, const Sample *b)
{
    ASSERT(a->column == b->column || b->column < set->shape.column_count);

    for (u32 i = a->column + 1u; i < set->shape.column_count; i++) {
        if (a->equal[i] != b->equal[i])
            return a->equal[i] > b->equal[i];
    }
    return a->hash > b->hash;
}

static bool better(const SampleSet *set, const Sample *a, const Sample *b)
{
    ASSERT(a->column < set->shape.column_count && b->column < set->shape.column_count);

    u64 rows_a = a->equal[a->column], rows_b = b->equal[b->column];
    if (rows_a != rows_b)
        return rows_a > rows_b;
    if (a->column != b->column)
        return a->column < b->column;
    return better_beyond(set, a, b);
}

static void find_worst(SampleSet *set)
{
    ASSERT(set->count == SAMPLES_MAX);

    bool found = false;
    for (u32 i = 0; i < set->count; i++) {
        if (set->items[i].is_periodic)
            continue;
        if (!found || better(set, &set->items[set->worst], &set->items[i]))
            set->worst = i;
        found = true;
    }
    ASSERT(found || set->count < SAMPLES_MAX); // periodic ones are fewer than there is room for
}

// --- adding ---

// A sample with this prefix is there already (its count is still open, hence zero): it is made to
// stand for the prefix. *done: nothing is left to do.
static bool upgrade(SampleSet *set, const Sample *fresh)
{
    ASSERT(!fresh->is_periodic);
    ASSERT(fresh->equal[fresh->column] > 0);

    Sample *chosen = NULL;
    for (u32 i = set->count; i-- > 0;) {
        Sample *old = &set->items[i];
        if (old->equal[fresh->column] != 0)
            continue;
        if (old->is_periodic)
            return true;
        if (chosen == NULL || better(set, old, chosen))
            chosen = old;
    }
    if (chosen == NULL)
        return false;
    chosen->column = fresh->column;
    chosen->equal[chosen->column] = fresh->equal[chosen->column];
    if (set->count == SAMPLES_MAX)
        find_worst(set);
    return true;
}

static void remove_worst(SampleSet *set)
{
    ASSERT(set->worst < set->count && !set->items[set->worst].is_periodic);

    Sample freed = set->items[set->worst];
    u32 behind = set->count - set->worst - 1;
    memmove(&set->items[set->worst], &set->items[set->worst + 1], behind * sizeof freed);
    set->items[--set->count] = freed;
}

// `open`: leading columns whose rows are still being counted; their counts follow later.
static int insert(SampleSet *set, const Sample *fresh, u32 open)
{
    ASSERT(set->count <= SAMPLES_MAX && open <= set->shape.column_count);

    if (open > set->zero_max)
        set->zero_max = open;
    if (!fresh->is_periodic && upgrade(set, fresh))
        return SQLITE_OK;
    if (set->count == SAMPLES_MAX)
        remove_worst(set);
    Sample *item = &set->items[set->count];
    TRY(sample_copy(set, item, fresh));
    set->count++;
    memset(item->equal, 0, open * sizeof *item->equal);
    if (set->count == SAMPLES_MAX)
        find_worst(set);
    return SQLITE_OK;
}

// The prefixes from column `shared` on end with the row before: their counts are known now.
static int close_prefixes(SampleSet *set, u32 shared)
{
    ASSERT(set->rows > 0);

    u32 columns = set->shape.column_count;
    for (u32 i = columns - 1; i-- > shared;) {
        Sample *best = &set->best[i];
        best->equal[i] = set->current.equal[i];
        if (set->count < SAMPLES_MAX || better(set, best, &set->items[set->worst]))
            TRY(insert(set, best, i));
    }
    if (shared >= set->zero_max)
        return SQLITE_OK;
    for (u32 k = set->count; k-- > 0;) {
        for (u32 i = shared; i < columns; i++) {
            if (set->items[k].equal[i] == 0)
                set->items[k].equal[i] = set->current.equal[i];
        }
    }
    set->zero_max = shared;
    return SQLITE_OK;
}

static int consider_current(SampleSet *set, u32 shared)
{
    ASSERT(takes_samples(set));

    Sample *current = &set->current;
    u32 last = set->shape.column_count - 1u;
    set->random = set->random * 1103515245u + 12345u;
    current->hash = set->random;
    u64 before = current->less[last];
    if (before / set->period != (before + 1) / set->period) {
        current->is_periodic = true;
        current->column = 0;
        int rc = insert(set, current, last);
        current->is_periodic = false;
        TRY(rc);
    }
    for (u32 i = 0; i < last; i++) {
        current->column = (u16)i;
        if (i >= shared || better_beyond(set, current, &set->best[i]))
            TRY(sample_copy(set, &set->best[i], current));
    }
    return SQLITE_OK;
}

// `distinct` counts the changes of a prefix, one fewer than its values.
static void count_row(SampleSet *set, u32 shared)
{
    ASSERT(shared < set->shape.column_count);

    Sample *current = &set->current;
    for (u32 i = 0; i < shared; i++)
        current->equal[i]++;
    for (u32 i = shared; i < set->shape.column_count; i++) {
        if (set->rows > 0) {
            current->distinct[i]++;
            current->less[i] += current->equal[i];
        }
        current->equal[i] = 1;
    }
    set->rows++;
}

// A WITHOUT ROWID table's row is known by its key, others by the rowid alone.
static int set_row(SampleSet *set, const SampleRow *row)
{
    ASSERT(row->key == NULL || row->key_size > 0);

    SampleRow *own = &set->current.row;
    own->rowid = row->rowid;
    if (row->key == NULL)
        return SQLITE_OK;
    u8 *key = mem_realloc(own->key, row->key_size);
    if (key == NULL)
        return SQLITE_NOMEM;
    memcpy(key, row->key, row->key_size);
    own->key = key;
    own->key_size = row->key_size;
    return SQLITE_OK;
}

int sample_set_push(SampleSet *set, u32 shared, const SampleRow *row, SampleAnswer *answer)
{
    ASSERT(!set->ended);
    ASSERT(set->rows > 0 || shared == 0);
    ASSERT(shared < set->shape.column_count);

    *answer = SAMPLE_GO_ON;
    if (set->rows > 0 && takes_samples(set))
        TRY(close_prefixes(set, shared));
    count_row(set, shared);
    if (takes_samples(set)) {
        TRY(set_row(set, row));
        return consider_current(set, shared);
    }
    if (set->rows > (u64)set->shape.limit * (set->skipped + 1)) {
        set->skipped++;
        *answer = set->current.distinct[0] > 0 ? SAMPLE_ENOUGH : SAMPLE_NEXT_VALUE;
    }
    return SQLITE_OK;
}

int sample_set_end(SampleSet *set)
{
    bool has_open = !set->ended && set->rows > 0 && takes_samples(set);
    set->ended = true;
    return has_open ? close_prefixes(set, 0) : SQLITE_OK;
}

// --- the results ---

u64 sample_set_row_count(const SampleSet *set)
{
    return set->rows;
}

u32 sample_set_width(const SampleSet *set)
{
    return set->shape.column_count;
}

u32 sample_set_count(const SampleSet *set)
{
    return set->count;
}

const Sample *sample_set_get(const SampleSet *set, u32 i)
{
    ASSERT(i < set->count);
    return &set->items[i];
}

// Rows per value, rounded up; 2 only when the values are really shared, as 1 means unique.
static u64 rows_per_value(u64 rows, u64 distinct)
{
    ASSERT(distinct > 0);

    u64 n = (rows + distinct - 1) / distinct;
    return n == 2 && rows * 10 <= distinct * 11 ? 1 : n;
}

// The rows counted fall short of the table's where the scan was cut off: then its estimate counts.
int sample_set_stat1(const SampleSet *set, char **out)
{
    ASSERT(set->ended);

    Buffer text = {0};
    u64 shown = set->skipped > 0 ? set->shape.row_estimate : set->rows;
    buffer_printf(&text, "%llu", (unsigned long long)shown);
    for (u32 i = 0; i < set->shape.key_count; i++) {
        u64 n = rows_per_value(set->rows, set->current.distinct[i] + 1);
        buffer_printf(&text, " %llu", (unsigned long long)n);
    }
    *out = buffer_take(&text);
    return *out != NULL ? SQLITE_OK : SQLITE_NOMEM;
}
