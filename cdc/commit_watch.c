// Waits for commits by inotify: see commit_watch.h.
//
// The kernel tells that the file or its log was written to, not that a commit became visible; and
// a log in shared memory may be ahead of what it tells. So news only begins a series of looks
// (look_delays_ms), and without news a look is taken now and then all the same: a lost event costs
// a delay, never a change. `looks` is the place in the series; its length means that the last news
// is dealt with.
#include "cdc/commit_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_SLOWEST_MS = 250, // without news
    LOOK_UNTOLD_MS = 10,   // without inotify
};

// After news: how long until the next look. Commits that take long to reach the disk become visible
// late, so the distances grow; after the last one the news counts as dealt with.
static const u8 look_delays_ms[] = {0, 1, 1, 2, 3, 5, 8, 10, 15, 15, 20, 20, 50, 100};
// So many looks are taken whatever comes meanwhile: further news does not hurry them, or a writer
// that commits without a pause would keep this process busy, too.
enum { HASTY_LOOKS = 6 };

i64 commit_watch_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (i64)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// The log comes and goes with its connections, so it is looked for again and again.
static void watch_log(CommitWatch *watch)
{
    if (watch->log_watch < 0)
        watch->log_watch = inotify_add_watch(watch->inotify, watch->log_path,
                                             IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF);
}

// The folder tells when a log appears.
static void watch_folder(CommitWatch *watch)
{
    ASSERT(watch->path != NULL && watch->inotify >= 0);

    const char *slash = strrchr(watch->path, '/');
    char *folder = slash == NULL
                       ? sqlite3_mprintf(".")
                       : sqlite3_mprintf("%.*s", (int)(slash - watch->path) + 1, watch->path);
    if (folder != NULL)
        (void)inotify_add_watch(watch->inotify, folder, IN_CREATE | IN_MOVED_TO);
    sqlite3_free(folder);
}

int commit_watch_open(CommitWatch *watch, const char *path)
{
    *watch = (CommitWatch){.inotify = -1, .log_watch = -1, .looks = ARRAY_LEN(look_delays_ms)};
    if (path == NULL || path[0] == '\0')
        return SQLITE_OK;
    watch->path = sqlite3_mprintf("%s", path);
    watch->log_path = sqlite3_mprintf("%s-wal", path);
    if (watch->path == NULL || watch->log_path == NULL) {
        commit_watch_close(watch);
        return SQLITE_NOMEM;
    }
    watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify < 0)
        return SQLITE_OK;
    (void)inotify_add_watch(watch->inotify, path, IN_MODIFY);
    watch_folder(watch);
    watch_log(watch);
    return SQLITE_OK;
}

void commit_watch_close(CommitWatch *watch)
{
    if (watch->inotify >= 0)
        (void)close(watch->inotify);
    sqlite3_free(watch->path);
    sqlite3_free(watch->log_path);
    *watch = (CommitWatch){.inotify = -1, .log_watch = -1};
}

// Takes all events there are. The names in them do not matter: any of them is worth a look.
static void drain(CommitWatch *watch)
{
    ASSERT(watch->inotify >= 0);

    _Alignas(struct inotify_event) char buffer[4096];
    ssize_t size;
    while ((size = read(watch->inotify, buffer, sizeof buffer)) > 0) {
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(buffer + at);
            bool is_gone = (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
            if (is_gone && event->wd == watch->log_watch)
                watch->log_watch = -1;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    watch->looks = 0;
}

static void sleep_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&time, NULL);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

void commit_watch_wait(CommitWatch *watch, int timeout_ms)
{
    ASSERT(timeout_ms >= 0);

    if (watch->inotify < 0) {
        sleep_ms(least(timeout_ms, LOOK_UNTOLD_MS));
        return;
    }
    watch_log(watch);
    ASSERT(watch->looks >= 0 && watch->looks <= ARRAY_LEN(look_delays_ms));
    int delay = LOOK_SLOWEST_MS;
    if (watch->looks < ARRAY_LEN(look_delays_ms))
        delay = look_delays_ms[watch->looks++];
    delay = least(timeout_ms, delay);
    if (watch->looks <= HASTY_LOOKS) {
        sleep_ms(delay);
        return;
    }
    struct pollfd news = {.fd = watch->inotify, .events = POLLIN};
    if (poll(&news, 1, delay) > 0)
        drain(watch);
}
