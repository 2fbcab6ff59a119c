// Scratch directories and child processes.
#include "support/process.h"
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void scratch_begin(Scratch *scratch)
{
    memset(scratch, 0, sizeof *scratch);
    snprintf(scratch->directory, sizeof scratch->directory, "/tmp/quire_XXXXXX");
    char *made = mkdtemp(scratch->directory);
    assert(made != NULL);
    (void)made;
}

void scratch_end(Scratch *scratch)
{
    DIR *directory = opendir(scratch->directory);
    if (directory == NULL)
        return;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(directory), entry->d_name, 0) != 0)
            (void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
    }
    closedir(directory);
    rmdir(scratch->directory);
}

const char *scratch_path(Scratch *scratch, const char *name)
{
    char *path = scratch->path[scratch->next++ % 4];
    snprintf(path, sizeof scratch->path[0], "%s/%s", scratch->directory, name);
    return path;
}

static int child_result(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int child_run(int (*body)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0)
        _exit(body(arg));
    return child_result(pid);
}

static void pass(int fd)
{
    ssize_t moved = write(fd, "x", 1);
    (void)moved;
}

static void await(int fd)
{
    char byte;
    ssize_t moved = read(fd, &byte, 1);
    (void)moved;
}

void child_start(Child *child, int (*body)(Child *self, void *arg), void *arg)
{
    int failures = (pipe(child->to_child) != 0) + (pipe(child->from_child) != 0);
    assert(failures == 0);
    (void)failures;
    fflush(NULL);
    child->pid = fork();
    assert(child->pid >= 0);
    if (child->pid == 0) {
        close(child->to_child[1]);
        close(child->from_child[0]);
        _exit(body(child, arg));
    }
    close(child->to_child[0]);
    close(child->from_child[1]);
    await(child->from_child[0]); // or the end of a child that never paused
}

void child_pause(Child *self)
{
    pass(self->from_child[1]);
    await(self->to_child[0]);
}

void child_resume(Child *child)
{
    pass(child->to_child[1]);
    await(child->from_child[0]);
}

int child_finish(Child *child)
{
    close(child->to_child[1]);
    int result = child_result(child->pid);
    close(child->from_child[0]);
    return result;
}

typedef struct LockProbe {
    const char *path;
    long long start, size;
} LockProbe;

static int probe_body(void *arg)
{
    const LockProbe *probe = arg;
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = probe->start, .l_len = probe->size};
    int fd = open(probe->path, O_RDWR);
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0)
        return 255;
    return lock.l_type;
}

int foreign_lock(const char *path, long long start, long long size)
{
    LockProbe probe = {path, start, size};
    return child_run(probe_body, &probe);
}
