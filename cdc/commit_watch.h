#ifndef QUIRE_CDC_COMMIT_WATCH_H
#define QUIRE_CDC_COMMIT_WATCH_H
// Waiting until another connection may have committed, without reading the database meanwhile.
//
// Whoever commits writes to the log or the database file, and the kernel tells (inotify). That
// happens before the commit is complete: the index of the log, which makes it visible, lies in
// shared memory, and writes to that are not told of. So a look right after the news may come too
// early, and more looks follow at growing distances. Where there is no news for long there is a
// look all the same (files on a network, writes through a memory map).

#include "cdc/cdc_api.h"

typedef struct CommitWatch {
    int inotify; // -1: there is none, looks at short intervals instead
    int log_watch;
    char *path, *log_path;
    int looks; // since the last news
} CommitWatch;

// `path` NULL or empty: a database without a file.
MUST_USE int commit_watch_open(CommitWatch *watch, const char *path);
void commit_watch_close(CommitWatch *watch); // an all-zero one must not be closed
// Returns when it is time to look, at the latest after timeout_ms (>= 0).
void commit_watch_wait(CommitWatch *watch, int timeout_ms);
// Milliseconds of a clock that never goes back.
i64 commit_watch_clock_ms(void);

#endif
