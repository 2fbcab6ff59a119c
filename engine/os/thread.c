// Threads over pthreads.
//
// sqlite3_mutex: kinds 0 and 1 are made on demand, the static ones (2 and up) live here. Debug
// builds count depth and owner, so that shared_mutex_is_held() can answer.
//
// The calls of pthreads used here fail on objects that are not initialised, are held by the wrong
// thread or are destroyed while in use: mistakes of ours, which debug builds catch by the result
// and release builds ignore. What can fail for want of something, a new thread or memory for a
// mutex, says so.

#include "os/thread.h"
#include "base/alloc.h"
#include <errno.h>
#include <time.h>
#include <unistd.h>

// --- what the engine guards its own state with ---

// A pthread call on a valid object fails only by our own mistake.
static void must_be_zero(int result)
{
    ASSERT(result == 0);
    (void)result;
}

void mutex_init(Mutex *mutex)
{
    must_be_zero(pthread_mutex_init(&mutex->handle, NULL));
}

void mutex_deinit(Mutex *mutex)
{
    must_be_zero(pthread_mutex_destroy(&mutex->handle));
}

void mutex_lock(Mutex *mutex)
{
    must_be_zero(pthread_mutex_lock(&mutex->handle));
}

bool mutex_try_lock(Mutex *mutex)
{
    int result = pthread_mutex_trylock(&mutex->handle);
    ASSERT(result == 0 || result == EBUSY);
    return result == 0;
}

void mutex_unlock(Mutex *mutex)
{
    must_be_zero(pthread_mutex_unlock(&mutex->handle));
}

// On the monotonic clock: a timeout must not stretch because somebody sets the time.
void condition_init(Condition *condition)
{
    pthread_condattr_t attributes;
    must_be_zero(pthread_condattr_init(&attributes));
    must_be_zero(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must_be_zero(pthread_cond_init(&condition->handle, &attributes));
    must_be_zero(pthread_condattr_destroy(&attributes));
}

void condition_deinit(Condition *condition)
{
    must_be_zero(pthread_cond_destroy(&condition->handle));
}

// Gives the mutex back while it waits and has it again when it returns; may return for no reason,
// so that every caller waits in a loop over what it waits for.
void condition_wait(Condition *condition, Mutex *mutex)
{
    must_be_zero(pthread_cond_wait(&condition->handle, &mutex->handle));
}

bool condition_wait_for(Condition *condition, Mutex *mutex, u64 timeout_us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_us / 1000000);
    until.tv_nsec += (long)(timeout_us % 1000000) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    ASSERT(until.tv_nsec >= 0 && until.tv_nsec < 1000000000);
    int result = pthread_cond_timedwait(&condition->handle, &mutex->handle, &until);
    ASSERT(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

void condition_signal(Condition *condition)
{
    must_be_zero(pthread_cond_signal(&condition->handle));
}

void condition_broadcast(Condition *condition)
{
    must_be_zero(pthread_cond_broadcast(&condition->handle));
}

void rw_lock_init(RwLock *lock)
{
    must_be_zero(pthread_rwlock_init(&lock->handle, NULL));
}

void rw_lock_deinit(RwLock *lock)
{
    must_be_zero(pthread_rwlock_destroy(&lock->handle));
}

void rw_lock_read(RwLock *lock)
{
    must_be_zero(pthread_rwlock_rdlock(&lock->handle));
}

void rw_lock_write(RwLock *lock)
{
    must_be_zero(pthread_rwlock_wrlock(&lock->handle));
}

void rw_lock_unlock(RwLock *lock)
{
    must_be_zero(pthread_rwlock_unlock(&lock->handle));
}

void once_run(Once *once, void (*run)(void))
{
    ASSERT(run != NULL);

    must_be_zero(pthread_once(&once->handle, run));
}

// A system that has no thread to give is short of memory as far as a caller is concerned: it does
// the work itself.
int thread_start(Thread *thread, void *(*run)(void *arg), void *arg)
{
    ASSERT(run != NULL);

    thread->run = run;
    thread->arg = arg;
    return pthread_create(&thread->handle, NULL, run, arg) == 0 ? SQLITE_OK : SQLITE_NOMEM;
}

void *thread_join(Thread *thread)
{
    void *result = NULL;
    ASSERT(thread->run != NULL); // started, and not joined before
    must_be_zero(pthread_join(thread->handle, &result));
    return result;
}

// Those that may run now. A container that allows fewer than the machine has is not seen here: the
// count is a guess of how many workers pay, never a promise.
u32 thread_cpu_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (u32)count;
}

// --- sqlite3_mutex ---

struct sqlite3_mutex {
    pthread_mutex_t handle;
    int kind; // SQLITE_MUTEX_*
#ifndef NDEBUG
    pthread_t owner; // meaningful while depth > 0
    _Atomic int depth;
#endif
};

enum { STATIC_FIRST = SQLITE_MUTEX_STATIC_MAIN, STATIC_LAST = SQLITE_MUTEX_STATIC_VFS3 };

// All of one kind: nobody asks which.
static sqlite3_mutex static_mutexes[STATIC_LAST - STATIC_FIRST + 1] = {
    [0 ... STATIC_LAST - STATIC_FIRST] = {.handle = PTHREAD_MUTEX_INITIALIZER,
                                          .kind = STATIC_FIRST},
};

// Connections have recursive mutexes, since a user's function may call back into its connection. A
// pthread mutex cannot be asked who holds it; debug builds note it, for sqlite3_mutex_held() and
// for our own assertions.
#ifdef NDEBUG
static void owner_enters(sqlite3_mutex *mutex)
{
    (void)mutex;
}
static void owner_leaves(sqlite3_mutex *mutex)
{
    (void)mutex;
}
static int builtin_held(sqlite3_mutex *mutex)
{
    (void)mutex;
    return 1; // release builds do not keep track, and nobody may rely on the answer
}
static int builtin_not_held(sqlite3_mutex *mutex)
{
    (void)mutex;
    return 1;
}
#else
static void owner_enters(sqlite3_mutex *mutex)
{
    mutex->owner = pthread_self();
    mutex->depth++;
    ASSERT(mutex->depth == 1 || mutex->kind == SQLITE_MUTEX_RECURSIVE);
}
static void owner_leaves(sqlite3_mutex *mutex)
{
    ASSERT(mutex->depth > 0);
    ASSERT(pthread_equal(mutex->owner, pthread_self()));
    mutex->depth--;
}
// The owner is looked at only where the depth says that there is one; when it is this thread, no
// other one can be changing either.
static int builtin_held(sqlite3_mutex *mutex)
{
    return mutex->depth > 0 && pthread_equal(mutex->owner, pthread_self());
}
static int builtin_not_held(sqlite3_mutex *mutex)
{
    return !builtin_held(mutex);
}
#endif

static int builtin_init(void)
{
    return SQLITE_OK;
}

// The static ones are numbered in sqlite3.h and belong to applications as much as to the library.
static sqlite3_mutex *builtin_new(int kind)
{
    if (kind >= STATIC_FIRST && kind <= STATIC_LAST)
        return &static_mutexes[kind - STATIC_FIRST];
    if (kind != SQLITE_MUTEX_FAST && kind != SQLITE_MUTEX_RECURSIVE)
        return NULL;

    sqlite3_mutex *mutex = mem_alloc_zeroed(sizeof *mutex);
    if (mutex == NULL)
        return NULL;
    pthread_mutexattr_t attributes;
    must_be_zero(pthread_mutexattr_init(&attributes));
    if (kind == SQLITE_MUTEX_RECURSIVE)
        must_be_zero(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
    must_be_zero(pthread_mutex_init(&mutex->handle, &attributes));
    must_be_zero(pthread_mutexattr_destroy(&attributes));
    mutex->kind = kind;
    return mutex;
}

static void builtin_free(sqlite3_mutex *mutex)
{
    ASSERT(mutex->kind < STATIC_FIRST); // static ones are never freed
    ASSERT(builtin_not_held(mutex));

    must_be_zero(pthread_mutex_destroy(&mutex->handle));
    mem_free(mutex);
}

static void builtin_enter(sqlite3_mutex *mutex)
{
    must_be_zero(pthread_mutex_lock(&mutex->handle));
    owner_enters(mutex);
}

static int builtin_try(sqlite3_mutex *mutex)
{
    int result = pthread_mutex_trylock(&mutex->handle);
    ASSERT(result == 0 || result == EBUSY);
    if (result != 0)
        return SQLITE_BUSY;
    owner_enters(mutex);
    return SQLITE_OK;
}

static void builtin_leave(sqlite3_mutex *mutex)
{
    owner_leaves(mutex);
    must_be_zero(pthread_mutex_unlock(&mutex->handle));
}

// The same function begins and ends: there is nothing to do.
static const sqlite3_mutex_methods builtin_methods = {
    .xMutexInit = builtin_init,
    .xMutexEnd = builtin_init,
    .xMutexAlloc = builtin_new,
    .xMutexFree = builtin_free,
    .xMutexEnter = builtin_enter,
    .xMutexTry = builtin_try,
    .xMutexLeave = builtin_leave,
    .xMutexHeld = builtin_held,
    .xMutexNotheld = builtin_not_held,
};

// What the application brings, once SQLITE_CONFIG_MUTEX was called. Read without a lock, since it
// may change only while nothing runs.
static sqlite3_mutex_methods configured_methods;
static bool is_configured;

const sqlite3_mutex_methods *mutex_methods(void)
{
    return is_configured ? &configured_methods : &builtin_methods;
}

// SQLITE_CONFIG_MUTEX, before initialisation. Methods without xMutexAlloc are none.
void mutex_methods_configure(const sqlite3_mutex_methods *methods)
{
    is_configured = methods != NULL && methods->xMutexAlloc != NULL;
    if (is_configured)
        configured_methods = *methods;
}

sqlite3_mutex *shared_mutex_new(int kind)
{
    ASSERT(mutex_methods()->xMutexAlloc != NULL);

    return mutex_methods()->xMutexAlloc(kind);
}

void shared_mutex_free(sqlite3_mutex *mutex)
{
    if (mutex != NULL)
        mutex_methods()->xMutexFree(mutex);
}

// Every call of the interface comes through here: the built-in one is called directly, so that it
// can be inlined.
void shared_mutex_enter(sqlite3_mutex *mutex)
{
    if (mutex == NULL)
        return;
    if (LIKELY(!is_configured))
        builtin_enter(mutex);
    else
        configured_methods.xMutexEnter(mutex);
}

int shared_mutex_try(sqlite3_mutex *mutex)
{
    return mutex == NULL ? SQLITE_OK : mutex_methods()->xMutexTry(mutex);
}

void shared_mutex_leave(sqlite3_mutex *mutex)
{
    if (mutex == NULL)
        return;
    if (LIKELY(!is_configured))
        builtin_leave(mutex);
    else
        configured_methods.xMutexLeave(mutex);
}

// An application's mutexes may not be able to say: then the answer is that all is well.
bool shared_mutex_is_held(sqlite3_mutex *mutex)
{
    const sqlite3_mutex_methods *methods = mutex_methods();
    return mutex == NULL || methods->xMutexHeld == NULL || methods->xMutexHeld(mutex) != 0;
}
