#ifndef QUIRE_OS_THREAD_H
#define QUIRE_OS_THREAD_H
// Mutexes, conditions, reader-writer locks, and the mutexes applications see as sqlite3_mutex.
//
// The engine's own state is guarded by Mutex and RwLock, which are always real:
// SQLITE_CONFIG_SINGLETHREAD switches off connection mutexes only. Atomics are C11's <stdatomic.h>.
// Nothing here can fail after initialisation but memory for a new mutex.

#include "base/contract.h"
#include "sqlite3.h"
#include <pthread.h>

typedef struct Mutex {
    pthread_mutex_t handle;
} Mutex;
#define MUTEX_INIT                \
    {                             \
        PTHREAD_MUTEX_INITIALIZER \
    }

// Not recursive. Held for a few instructions or system calls, never across one that may wait for
// the disk (os/README.md, "Order of mutexes").
void mutex_init(Mutex *mutex);
void mutex_deinit(Mutex *mutex);
void mutex_lock(Mutex *mutex);
bool mutex_try_lock(Mutex *mutex);
void mutex_unlock(Mutex *mutex);

typedef struct Condition {
    pthread_cond_t handle; // on the monotonic clock
} Condition;
void condition_init(Condition *condition);
void condition_deinit(Condition *condition);
void condition_wait(Condition *condition, Mutex *mutex); // may wake early: test again
// False when `timeout_us` passed.
bool condition_wait_for(Condition *condition, Mutex *mutex, u64 timeout_us);
void condition_signal(Condition *condition);
void condition_broadcast(Condition *condition);

// Many readers or one writer; who comes first is the system's choice.
typedef struct RwLock {
    pthread_rwlock_t handle;
} RwLock;
void rw_lock_init(RwLock *lock);
void rw_lock_deinit(RwLock *lock);
void rw_lock_read(RwLock *lock);
void rw_lock_write(RwLock *lock);
void rw_lock_unlock(RwLock *lock);

typedef struct Once {
    pthread_once_t handle;
} Once;
#define ONCE_INIT         \
    {                     \
        PTHREAD_ONCE_INIT \
    }
// Runs it in the first thread that comes; the others wait until it is done.
void once_run(Once *once, void (*run)(void));

// Threads with a result, for workers (sorter, group commit) and tests. Each is joined: none
// outlives the object that its work is for.
typedef struct Thread {
    pthread_t handle;
    void *(*run)(void *arg);
    void *arg;
} Thread;
MUST_USE int thread_start(Thread *thread, void *(*run)(void *arg), void *arg);
void *thread_join(Thread *thread);
u32 thread_cpu_count(void);

// --- sqlite3_mutex ---

// The methods in force: the built-in ones, or what SQLITE_CONFIG_MUTEX gave before initialisation.
const sqlite3_mutex_methods *mutex_methods(void);
void mutex_methods_configure(const sqlite3_mutex_methods *methods); // NULL: the built-in ones
// SQLITE_MUTEX_FAST, RECURSIVE, or a static one by its number. NULL: out of memory or bad kind.
sqlite3_mutex *shared_mutex_new(int kind);
void shared_mutex_free(sqlite3_mutex *mutex);
void shared_mutex_enter(sqlite3_mutex *mutex); // NULL is legal in all of these and does nothing
int shared_mutex_try(sqlite3_mutex *mutex);    // SQLITE_OK or SQLITE_BUSY
void shared_mutex_leave(sqlite3_mutex *mutex);
bool shared_mutex_is_held(sqlite3_mutex *mutex); // by this thread; for assertions only

#endif
