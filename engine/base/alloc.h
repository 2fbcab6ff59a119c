#ifndef QUIRE_BASE_ALLOC_H
#define QUIRE_BASE_ALLOC_H
// The counted allocator behind sqlite3_malloc: the only place that calls malloc.
//
// Every block knows its size (sqlite3_msize: at least what was asked for). Totals, high-water marks
// and the soft and hard heap limits are kept in atomics. Any call may fail and returns NULL then;
// callers answer SQLITE_NOMEM. Tests make the n-th allocation fail with alloc_fault_arm(). The
// methods may be replaced before initialisation (SQLITE_CONFIG_MALLOC).

#include "base/contract.h"
#include "sqlite3.h"

// Uninitialised memory, 8-byte aligned (16-byte unless the methods were replaced). size 0 gives
// NULL. Sizes above 0x7fffff00 fail.
MUST_USE void *mem_alloc(u64 size);
MUST_USE void *mem_alloc_zeroed(u64 size);
// Like realloc: on failure the old block stays valid and NULL is returned. size 0 frees.
MUST_USE void *mem_realloc(void *block, u64 size);
void mem_free(void *block); // NULL is legal
u64 mem_size(const void *block);
// A NUL-terminated copy of `size` bytes; size (u64)-1 means strlen(text). NULL in, NULL out.
MUST_USE char *mem_dup(const char *text, u64 size);

// Checked arithmetic for sizes: false on overflow.
MUST_USE bool size_add(u64 a, u64 b, u64 *sum);
MUST_USE bool size_multiply(u64 a, u64 b, u64 *product);

typedef struct AllocStats {
    i64 used, used_max;   // bytes
    i64 count, count_max; // blocks
    i64 largest;          // largest single request, bytes
} AllocStats;
void alloc_stats(AllocStats *out, bool reset_max);
enum { ALLOC_RESET_USED = 1, ALLOC_RESET_COUNT = 2, ALLOC_RESET_LARGEST = 4 };
void alloc_stats_reset(u32 which); // high-water marks fall to what is in use now
// Bytes; 0 means no limit, negative only asks. Return the former limit.
i64 alloc_soft_limit(i64 limit);
i64 alloc_hard_limit(i64 limit);
// Called when the soft limit is passed; tries to give back `wanted` bytes, returns how many.
void alloc_set_reclaimer(u64 (*reclaim)(u64 wanted));
// Replaces the methods; NULL puts the built-in ones back. Only while no block is out.
int alloc_configure(const sqlite3_mem_methods *methods);
void alloc_methods(sqlite3_mem_methods *out);
// Runs the methods' xInit and xShutdown; called once by sqlite3_initialize and sqlite3_shutdown.
MUST_USE int alloc_start(void);
void alloc_stop(void);
void alloc_track_statistics(bool on);

// How many calls this thread has had refused so far. Long work that must not go on with what a
// refused call left out (a compilation) compares before and after.
u64 alloc_refusals(void);

// Lets allocation number `countdown` from now (1: the next) fail, and with `persist` all after it.
// 0 disarms. alloc_fault_hits() says how many were refused since arming.
void alloc_fault_arm(i64 countdown, bool persist);
u64 alloc_fault_hits(void);

#endif
