// The counted allocator.
//
// The built-in methods are libc's malloc, whose blocks already know their size, so that no header
// is needed. Counters are atomics with relaxed ordering: they are statistics, and the limits they
// feed are approximate by nature when threads race. A process that never started a thread skips the
// locked instructions.

#include "base/alloc.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>

enum { ALLOC_MAX = 0x7fffff00 }; // SQLite's limit for a single request

static struct {
    _Atomic i64 used, used_max;
    _Atomic i64 count, count_max;
    _Atomic i64 largest;
    _Atomic i64 soft_limit, hard_limit;
    u64 (*_Atomic reclaim)(u64 wanted);
    bool statistics_off;
} heap;

static struct {
    _Atomic bool armed;
    _Atomic bool persist;
    _Atomic i64 countdown;
    _Atomic u64 hits;
} fault;

// --- the built-in methods ---

static void *system_malloc(int size)
{
    ASSERT(size > 0);

    return malloc((size_t)size);
}

static void *system_realloc(void *block, int size)
{
    return realloc(block, (size_t)size);
}

static int system_size(void *block)
{
    return block ? (int)malloc_usable_size(block) : 0;
}

static int system_roundup(int size)
{
    return (size + 7) & ~7;
}

static int system_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void system_shutdown(void *arg)
{
    (void)arg;
}

static const sqlite3_mem_methods system_methods = {
    .xMalloc = system_malloc,
    .xFree = free,
    .xRealloc = system_realloc,
    .xSize = system_size,
    .xRoundup = system_roundup,
    .xInit = system_init,
    .xShutdown = system_shutdown,
};

static sqlite3_mem_methods methods = {
    .xMalloc = system_malloc,
    .xFree = free,
    .xRealloc = system_realloc,
    .xSize = system_size,
    .xRoundup = system_roundup,
    .xInit = system_init,
    .xShutdown = system_shutdown,
};
static bool methods_replaced;

// --- counting ---

static i64 counter_add(_Atomic i64 *counter, i64 change)
{
    if (__libc_single_threaded) {
        i64 now = atomic_load_explicit(counter, memory_order_relaxed) + change;
        atomic_store_explicit(counter, now, memory_order_relaxed);
        return now;
    }
    return atomic_fetch_add_explicit(counter, change, memory_order_relaxed) + change;
}

static void counter_raise(_Atomic i64 *counter, i64 value)
{
    i64 seen = atomic_load_explicit(counter, memory_order_relaxed);
    while (UNLIKELY(seen < value)
           && !atomic_compare_exchange_weak_explicit(counter, &seen, value, memory_order_relaxed,
                                                     memory_order_relaxed)) {
    }
}

static void count_block(void *block, i64 change, u64 request)
{
    ASSERT(block != NULL);

    if (heap.statistics_off)
        return;
    i64 size = (i64)mem_size(block);
    counter_raise(&heap.used_max, counter_add(&heap.used, change * size));
    counter_raise(&heap.count_max, counter_add(&heap.count, change));
    if (change > 0)
        counter_raise(&heap.largest, (i64)request);
}

// Of this thread; see alloc_refusals().
static _Thread_local u64 refusals;

// Every failed allocation passes here: callers that cannot pass a NULL on ask alloc_refusals().
static COLD void *refuse(void)
{
    refusals++;
    return NULL;
}

u64 alloc_refusals(void)
{
    return refusals;
}

// Is this the allocation that a test wants to fail?
static bool fault_strikes(void)
{
    if (LIKELY(!atomic_load_explicit(&fault.armed, memory_order_relaxed)))
        return false;
    i64 left = atomic_fetch_sub(&fault.countdown, 1) - 1;
    if (left > 0)
        return false;
    if (left < 0 && !atomic_load(&fault.persist))
        return false;
    atomic_fetch_add(&fault.hits, 1);
    return true;
}

// Would `size` more bytes pass a limit? May give memory back first.
static bool limit_refuses(u64 size)
{
    i64 soft = atomic_load_explicit(&heap.soft_limit, memory_order_relaxed);
    i64 hard = atomic_load_explicit(&heap.hard_limit, memory_order_relaxed);
    if (LIKELY(soft == 0 && hard == 0))
        return false;
    ASSERT(hard == 0 || soft <= hard);
    i64 used = atomic_load_explicit(&heap.used, memory_order_relaxed);
    u64 (*reclaim)(u64) = atomic_load(&heap.reclaim);
    if (soft > 0 && used + (i64)size > soft && reclaim != NULL) {
        reclaim(size);
        used = atomic_load_explicit(&heap.used, memory_order_relaxed);
    }
    return hard > 0 && used + (i64)size > hard;
}

// --- blocks ---

void *mem_alloc(u64 size)
{
    if (UNLIKELY(size == 0))
        return NULL;
    if (UNLIKELY(size > ALLOC_MAX || fault_strikes() || limit_refuses(size)))
        return refuse();
    void *block =
        LIKELY(!methods_replaced) ? malloc(size) : methods.xMalloc(methods.xRoundup((int)size));
    if (UNLIKELY(block == NULL))
        return refuse();
    count_block(block, 1, size);
    return block;
}

void *mem_alloc_zeroed(u64 size)
{
    void *block = mem_alloc(size);
    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void *mem_realloc(void *block, u64 size)
{
    if (block == NULL)
        return mem_alloc(size);
    if (size == 0) {
        mem_free(block);
        return NULL;
    }
    if (size > ALLOC_MAX || fault_strikes())
        return refuse();
    u64 former = mem_size(block);
    if (size > former && limit_refuses(size - former))
        return refuse();
    void *moved = !methods_replaced ? realloc(block, size)
                                    : methods.xRealloc(block, methods.xRoundup((int)size));
    if (moved == NULL)
        return refuse();
    if (!heap.statistics_off) {
        i64 change = (i64)mem_size(moved) - (i64)former;
        counter_raise(&heap.used_max, counter_add(&heap.used, change));
        counter_raise(&heap.largest, (i64)size);
    }
    return moved;
}

void mem_free(void *block)
{
    if (block == NULL)
        return;
    if (!heap.statistics_off)
        count_block(block, -1, 0);
    if (LIKELY(!methods_replaced))
        free(block);
    else
        methods.xFree(block);
}

u64 mem_size(const void *block)
{
    ASSERT(block == NULL || ((uintptr_t)block & 7) == 0);

    if (block == NULL)
        return 0;
    if (LIKELY(!methods_replaced))
        return malloc_usable_size((void *)(uintptr_t)block);
    return (u64)methods.xSize((void *)(uintptr_t)block);
}

char *mem_dup(const char *text, u64 size)
{
    if (text == NULL)
        return NULL;
    if (size == (u64)-1)
        size = strlen(text);
    char *copy = size < ALLOC_MAX ? mem_alloc(size + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

bool size_add(u64 a, u64 b, u64 *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

bool size_multiply(u64 a, u64 b, u64 *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

// --- limits, statistics, configuration ---

void alloc_stats(AllocStats *out, bool reset_max)
{
    ASSERT(out != NULL);

    out->used = atomic_load(&heap.used);
    out->used_max = atomic_load(&heap.used_max);
    out->count = atomic_load(&heap.count);
    out->count_max = atomic_load(&heap.count_max);
    out->largest = atomic_load(&heap.largest);
    if (reset_max)
        alloc_stats_reset(ALLOC_RESET_USED | ALLOC_RESET_COUNT | ALLOC_RESET_LARGEST);
}

void alloc_stats_reset(u32 which)
{
    if (which & ALLOC_RESET_USED)
        atomic_store(&heap.used_max, atomic_load(&heap.used));
    if (which & ALLOC_RESET_COUNT)
        atomic_store(&heap.count_max, atomic_load(&heap.count));
    if (which & ALLOC_RESET_LARGEST)
        atomic_store(&heap.largest, 0);
}

// The soft limit never stands above the hard one, as sqlite3_soft_heap_limit64() documents.
i64 alloc_soft_limit(i64 limit)
{
    i64 former = atomic_load(&heap.soft_limit);
    if (limit < 0)
        return former;
    i64 hard = atomic_load(&heap.hard_limit);
    if (hard > 0 && (limit > hard || limit == 0))
        limit = hard;
    atomic_store(&heap.soft_limit, limit);
    u64 (*reclaim)(u64) = atomic_load(&heap.reclaim);
    i64 used = atomic_load(&heap.used);
    if (limit > 0 && used > limit && reclaim != NULL)
        reclaim((u64)(used - limit));
    return former;
}

i64 alloc_hard_limit(i64 limit)
{
    i64 former = atomic_load(&heap.hard_limit);
    if (limit < 0)
        return former;
    atomic_store(&heap.hard_limit, limit);
    i64 soft = atomic_load(&heap.soft_limit);
    if (limit < soft || soft == 0)
        atomic_store(&heap.soft_limit, limit);
    return former;
}

void alloc_set_reclaimer(u64 (*reclaim)(u64 wanted))
{
    atomic_store(&heap.reclaim, reclaim);
}

int alloc_configure(const sqlite3_mem_methods *replacement)
{
    methods = replacement && replacement->xMalloc ? *replacement : system_methods;
    methods_replaced = methods.xMalloc != system_malloc;
    return SQLITE_OK;
}

void alloc_methods(sqlite3_mem_methods *out)
{
    ASSERT(out != NULL);

    *out = methods;
}

int alloc_start(void)
{
    ASSERT(methods.xInit != NULL);

    return methods.xInit(methods.pAppData);
}

void alloc_stop(void)
{
    ASSERT(methods.xShutdown != NULL);

    methods.xShutdown(methods.pAppData);
}

void alloc_track_statistics(bool on)
{
    heap.statistics_off = !on;
}

void alloc_fault_arm(i64 countdown, bool persist)
{
    ASSERT(countdown >= 0);

    atomic_store(&fault.armed, false);
    atomic_store(&fault.countdown, countdown);
    atomic_store(&fault.persist, persist);
    atomic_store(&fault.hits, 0);
    atomic_store(&fault.armed, countdown > 0);
}

u64 alloc_fault_hits(void)
{
    return atomic_load(&fault.hits);
}
