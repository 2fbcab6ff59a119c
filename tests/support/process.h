#ifndef QUIRE_TESTS_SUPPORT_PROCESS_H
#define QUIRE_TESTS_SUPPORT_PROCESS_H
// Other processes and real directories, for the tests whose subject is the operating system.

#include <stdbool.h>
#include <sys/types.h>

// A directory of its own under the temporary one. scratch_end() removes it with what is in it.
typedef struct Scratch {
    char directory[64];
    char path[4][128]; // scratch_path() hands these out in turn
    int next;
} Scratch;
void scratch_begin(Scratch *scratch);
void scratch_end(Scratch *scratch);
const char *scratch_path(Scratch *scratch, const char *name); // valid for the next three calls

// Runs body(arg) in a forked process and returns what it returned (0..255).
int child_run(int (*body)(void *arg), void *arg);

// The same beside the caller: child_start() returns when the child reaches child_pause(), the child
// goes on when child_finish() is called, which returns its result.
typedef struct Child {
    pid_t pid;
    int to_child[2], from_child[2];
} Child;
void child_start(Child *child, int (*body)(Child *self, void *arg), void *arg);
void child_pause(Child *self);   // called by the body
void child_resume(Child *child); // lets it run to its next pause
int child_finish(Child *child);

// What kind of lock (F_RDLCK, F_WRLCK, F_UNLCK) keeps another process from writing these bytes.
int foreign_lock(const char *path, long long start, long long size);

#endif
