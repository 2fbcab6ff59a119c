// Opens an SQLite library by path: see event_library.h.

#include "event_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

Library lib;

static void *find(void *handle, const char *name)
{
    void *function = dlsym(handle, name);
    if (function == NULL) {
        fprintf(stderr, "no %s in the library\n", name);
        exit(2);
    }
    return function;
}

void library_open(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
#define X(name) *(void **)&lib.name = find(handle, "sqlite3_" #name);
    LIBRARY_FUNCTIONS(X)
#undef X
}
