#ifndef QUIRE_BASE_CONTRACT_H
#define QUIRE_BASE_CONTRACT_H
// What code promises and how it fails: assertions, result-code propagation, compiler hints.
//
// Assertions guard our own promises, never bytes from files, SQL, blobs, JSON or another process:
// those are checked and answered with a result code.
//   ASSERT        cheap; on unless NDEBUG
//   ASSERT_SLOW   may walk a page or a tree; on in the checked build (QUIRE_CHECKED)
//   ASSERT_SOUND  true unless the file is corrupt; on unless NDEBUG, switched off by tests which
//                 feed damaged files (contract_expect_damage)
// TRY(call) returns the code of a failed call. TRY_DONE(call) stores it in the local `rc` and goes
// to the function's one label `done`.

#include "base/types.h"

#define MUST_USE                        __attribute__((warn_unused_result))
#define COLD                            __attribute__((cold, noinline))
#define PRINTF_LIKE(fmt, args)          __attribute__((format(printf, fmt, args)))
#define FALLTHROUGH                     __attribute__((fallthrough))
#define CHECKER                         __attribute__((unused)) // called by assertions alone
#define LIKELY(c)                       __builtin_expect(!!(c), 1)
#define UNLIKELY(c)                     __builtin_expect(!!(c), 0)
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define TRY(call)                   \
    do {                            \
        int try_rc_ = (call);       \
        if (UNLIKELY(try_rc_ != 0)) \
            return try_rc_;         \
    } while (0)

#define TRY_DONE(call)         \
    do {                       \
        rc = (call);           \
        if (UNLIKELY(rc != 0)) \
            goto done;         \
    } while (0)

// Reports a broken promise with its place and aborts.
_Noreturn COLD void contract_failed(const char *condition, const char *file, int line);

// Tests that feed damaged files switch ASSERT_SOUND off for the process. Returns the former state.
bool contract_expect_damage(bool expect);
bool contract_damage_expected(void);

#ifdef NDEBUG
// Not evaluated, but what the condition names counts as used.
#    define ASSERT(c)       ((void)sizeof((c) ? 1 : 0))
#    define ASSERT_SOUND(c) ((void)sizeof((c) ? 1 : 0))
#    define UNREACHABLE()   __builtin_unreachable()
#else
#    define ASSERT(c) ((c) ? (void)0 : contract_failed(#    c, __FILE__, __LINE__))
#    define ASSERT_SOUND(c) \
        ((c) || contract_damage_expected() ? (void)0 : contract_failed(#c, __FILE__, __LINE__))
#    define UNREACHABLE() contract_failed("unreachable", __FILE__, __LINE__)
#endif

#if defined(QUIRE_CHECKED) && !defined(NDEBUG)
#    define ASSERT_SLOW(c) ASSERT(c)
#else
#    define ASSERT_SLOW(c) ((void)sizeof((c) ? 1 : 0))
#endif

// COVER names a rare branch; in debug builds it counts, so that the test which explains the branch
// can end with assert_covered("same name").
#ifdef NDEBUG
#    define COVER(name) ((void)0)
#else
#    define COVER(name) cover_hit(name)
#endif
void cover_hit(const char *name);
u64 cover_count(const char *name);

#endif
