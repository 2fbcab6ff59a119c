// Helper threads and their lists of items: see crew.h.
//
// Items have numbers that go on from list to list, so that a helper that comes late finds nothing
// left of the list it missed. Three counters say all there is to say, each only ever growing:
//
//     completed <= claimed <= announced
//
// A list is done when completed has come to announced. The mutex serves sleeping only: who is about
// to sleep says so first and then looks once more, and who changes a counter looks afterwards
// whether someone sleeps. All of these are sequentially consistent, so one of the two sees the
// other.
#include "os/crew.h"
#include "base/alloc.h"
#include "os/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum { LOOKS = 4000 }; // before going to sleep: some ten microseconds

struct Crew {
    _Atomic u64 announced, claimed, completed;
    _Atomic u32 sleepers; // helpers that sleep, or are about to
    _Atomic bool owner_sleeps;
    _Atomic bool is_over;
    // Of the list in hand. Written while there are no items, read by who has claimed one (C2, C3).
    CrewWork *work;
    void *arg;
    u64 base; // number of its first item
    _Atomic u32 run;
    Mutex mutex;
    Condition has_items, has_completed;
    u32 helper_count;
    Thread helpers[CREW_HELPERS_MAX];
};

static inline void pause_a_little(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// --- items ---

static bool has_items(Crew *crew)
{
    return atomic_load(&crew->claimed) < atomic_load(&crew->announced);
}

// Half of one's share of what is left, so that all come to the end at about the same time.
static u64 run_length(Crew *crew, u64 left)
{
    u64 share = left / (2 * (crew->helper_count + 1)) + 1;
    u32 most = atomic_load(&crew->run);
    ASSERT(left > 0 && most > 0);
    return share < most ? share : most;
}

// Works on one run. false: there was none.
static bool work_on_run(Crew *crew)
{
    u64 first = atomic_load(&crew->claimed);
    u64 end;
    do {
        u64 announced = atomic_load(&crew->announced);
        ASSERT(first <= announced);
        if (first == announced)
            return false;
        end = first + run_length(crew, announced - first);
    } while (!atomic_compare_exchange_weak(&crew->claimed, &first, end));

    ASSERT(first >= crew->base && end - crew->base <= UINT32_MAX);
    crew->work(crew->arg, (u32)(first - crew->base), (u32)(end - crew->base));
    atomic_fetch_add(&crew->completed, end - first);
    if (atomic_load(&crew->owner_sleeps)) {
        mutex_lock(&crew->mutex);
        condition_signal(&crew->has_completed);
        mutex_unlock(&crew->mutex);
    }
    return true;
}

// --- helpers ---

static void sleep_until_items(Crew *crew)
{
    mutex_lock(&crew->mutex);
    atomic_fetch_add(&crew->sleepers, 1);
    while (!has_items(crew) && !atomic_load(&crew->is_over))
        condition_wait(&crew->has_items, &crew->mutex);
    ASSERT(atomic_load(&crew->sleepers) > 0);
    atomic_fetch_sub(&crew->sleepers, 1);
    mutex_unlock(&crew->mutex);
}

// An application's handlers expect its own threads (C4).
static void block_signals(void)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void *help(void *arg)
{
    Crew *crew = arg;
    ASSERT(crew != NULL);
    block_signals();
    u32 looks = 0;
    while (!atomic_load(&crew->is_over)) {
        if (work_on_run(crew)) {
            looks = 0;
        } else if (++looks < LOOKS) {
            pause_a_little();
        } else {
            sleep_until_items(crew);
            looks = 0;
        }
    }
    return NULL;
}

static void wake_helpers(Crew *crew)
{
    ASSERT(crew->helper_count > 0);
    if (atomic_load(&crew->sleepers) == 0)
        return;
    mutex_lock(&crew->mutex);
    condition_broadcast(&crew->has_items);
    mutex_unlock(&crew->mutex);
}

// --- the owner ---

int crew_new(u32 helpers, Crew **out)
{
    ASSERT(helpers > 0 && helpers <= CREW_HELPERS_MAX);

    Crew *crew = mem_alloc_zeroed(sizeof *crew);
    if (crew == NULL)
        return SQLITE_NOMEM;
    mutex_init(&crew->mutex);
    condition_init(&crew->has_items);
    condition_init(&crew->has_completed);
    for (u32 i = 0; i < helpers; i++) {
        if (thread_start(&crew->helpers[i], help, crew) != SQLITE_OK)
            break;
        crew->helper_count++;
    }
    if (crew->helper_count == 0) {
        crew_free(crew);
        return SQLITE_NOMEM;
    }
    *out = crew;
    return SQLITE_OK;
}

void crew_free(Crew *crew)
{
    if (crew == NULL)
        return;
    ASSERT(atomic_load(&crew->completed) == atomic_load(&crew->announced));
    atomic_store(&crew->is_over, true);
    mutex_lock(&crew->mutex);
    condition_broadcast(&crew->has_items);
    mutex_unlock(&crew->mutex);
    for (u32 i = 0; i < crew->helper_count; i++)
        (void)thread_join(&crew->helpers[i]);
    condition_deinit(&crew->has_completed);
    condition_deinit(&crew->has_items);
    mutex_deinit(&crew->mutex);
    mem_free(crew);
}

u32 crew_helper_count(const Crew *crew)
{
    ASSERT(crew->helper_count <= CREW_HELPERS_MAX);
    return crew->helper_count;
}

void crew_begin(Crew *crew, CrewWork *work, void *arg, u32 run)
{
    ASSERT(work != NULL && run > 0);
    ASSERT(atomic_load(&crew->completed) == atomic_load(&crew->announced));
    crew->work = work;
    crew->arg = arg;
    crew->base = atomic_load(&crew->announced);
    atomic_store(&crew->run, run);
}

void crew_announce(Crew *crew, u32 count)
{
    ASSERT(crew->work != NULL);
    ASSERT(crew->base + count >= atomic_load(&crew->announced));
    atomic_store(&crew->announced, crew->base + count);
    wake_helpers(crew);
}

void crew_finish(Crew *crew)
{
    while (work_on_run(crew))
        continue;
    u64 announced = atomic_load(&crew->announced);
    ASSERT(atomic_load(&crew->claimed) == announced);
    for (u32 looks = 0; looks < LOOKS; looks++) {
        if (atomic_load(&crew->completed) == announced)
            return;
        pause_a_little();
    }
    mutex_lock(&crew->mutex);
    atomic_store(&crew->owner_sleeps, true);
    while (atomic_load(&crew->completed) != announced)
        condition_wait(&crew->has_completed, &crew->mutex);
    atomic_store(&crew->owner_sleeps, false);
    mutex_unlock(&crew->mutex);
}
