// Absolute paths: relative ones completed, "." and ".." resolved, symbolic links followed.
//
// A path is built component by component. A link's target replaces the component: an absolute
// target starts over, a relative one goes on from where the link stood. Components that do not
// exist are taken as they are, since the file may be about to be created.
//
// Two names of one file must come out as one path: journals and logs are found by name, so that a
// process which opened the database by a link must see the journal of one which did not.
//
// What is still to be added stands at the end of `pending` and grows to the left: a link's target
// is put in front of the rest without moving it. Its limit bounds the work as much as the number of
// links does.

#include "base/error.h"
#include "os/file_posix.h"
#include <errno.h>
#include <string.h>

enum { LINK_COUNT_MAX = 200 }; // links followed in one path before it is taken for a loop

typedef struct PathBuilder {
    char *out; // NUL-terminated after each step
    size_t size;
    size_t capacity;
    int link_count;
    const char *rest; // what is still to be added: the end of `pending`
    char pending[4 * POSIX_PATH_MAX];
} PathBuilder;

// Puts text[0..size) and a slash in front of what is still to be added.
static int path_push(PathBuilder *path, const char *text, size_t size)
{
    ASSERT(path->rest >= path->pending);
    ASSERT(path->rest < path->pending + sizeof path->pending);

    size_t room = (size_t)(path->rest - path->pending);
    if (size + 1 > room)
        return error_cantopen();
    char *at = path->pending + room - size - 1;
    memcpy(at, text, size);
    at[size] = '/';
    path->rest = at;
    ASSERT(path->rest >= path->pending);
    return SQLITE_OK;
}

// Takes back the component just added: it is a link, and its target is to be followed instead.
static int path_follow(PathBuilder *path, size_t parent_size)
{
    ASSERT(parent_size < path->size);

    char target[POSIX_PATH_MAX + 2];
    if (path->link_count++ >= LINK_COUNT_MAX)
        return error_cantopen();
    ssize_t size = posix_calls.readlink(path->out, target, sizeof target);
    if (size <= 0 || (size_t)size >= sizeof target)
        return error_os(SQLITE_CANTOPEN, errno, "readlink", path->out);
    path->size = target[0] == '/' ? 0 : parent_size;
    path->out[path->size] = 0;
    return path_push(path, target, (size_t)size);
}

// ".." of the root is the root.
static void path_drop_last(PathBuilder *path)
{
    ASSERT(path->size < path->capacity);

    while (path->size > 0 && path->out[--path->size] != '/')
        ;
    path->out[path->size] = 0;
}

// lstat() after each component, since any of them may be a link. What does not exist has no links
// in it either, so the rest of the path is taken at its word.
static int path_add(PathBuilder *path, const char *name, size_t size)
{
    ASSERT(size > 0);
    ASSERT(memchr(name, '/', size) == NULL);

    if (path->size + size + 2 >= path->capacity)
        return error_cantopen();
    size_t parent_size = path->size;
    path->out[path->size++] = '/';
    memcpy(path->out + path->size, name, size);
    path->size += size;
    path->out[path->size] = 0;

    struct stat status;
    if (posix_calls.lstat(path->out, &status) != 0)
        return errno == ENOENT ? SQLITE_OK : error_os(SQLITE_CANTOPEN, errno, "lstat", path->out);
    return S_ISLNK(status.st_mode) ? path_follow(path, parent_size) : SQLITE_OK;
}

// Following a link prepends to `rest`, so the loop sees the target's components next.
static int path_build(PathBuilder *path)
{
    ASSERT(path->size == 0);

    while (*path->rest != 0) {
        const char *name = path->rest;
        size_t size = strcspn(name, "/");
        path->rest += size + (name[size] == '/');
        if (size == 0 || (size == 1 && name[0] == '.'))
            continue;
        if (size == 2 && name[0] == '.' && name[1] == '.')
            path_drop_last(path);
        else
            TRY(path_add(path, name, size));
    }
    return SQLITE_OK;
}

int posix_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    ASSERT(path != NULL && size > 1);
    PathBuilder builder = {.out = out, .capacity = (size_t)size};
    builder.rest = builder.pending + sizeof builder.pending - 1;
    out[0] = 0;
    TRY(path_push(&builder, path, strlen(path)));
    if (path[0] != '/') {
        char directory[POSIX_PATH_MAX + 2];
        if (posix_calls.getcwd(directory, sizeof directory - 2) == NULL)
            return error_os(SQLITE_CANTOPEN, errno, "getcwd", path);
        TRY(path_push(&builder, directory, strlen(directory)));
    }
    TRY(path_build(&builder));
    if (builder.size == 0)
        return error_cantopen(); // the root directory is no database
    return builder.link_count > 0 ? SQLITE_OK_SYMLINK : SQLITE_OK;
}
