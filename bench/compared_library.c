// Loading a library by name.
#include "bench/compared_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void find(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);
    if (found == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(1);
    }
    memcpy(function, &found, sizeof found);
}

void library_load(Library *lib, const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(1);
    }
    find(handle, "sqlite3_open", &lib->open);
    find(handle, "sqlite3_close", &lib->close);
    find(handle, "sqlite3_exec", &lib->exec);
    find(handle, "sqlite3_prepare_v2", &lib->prepare);
    find(handle, "sqlite3_step", &lib->step);
    find(handle, "sqlite3_reset", &lib->reset);
    find(handle, "sqlite3_finalize", &lib->finalize);
    find(handle, "sqlite3_bind_int64", &lib->bind_int64);
    find(handle, "sqlite3_bind_double", &lib->bind_double);
    find(handle, "sqlite3_bind_text", &lib->bind_text);
    find(handle, "sqlite3_column_int64", &lib->column_int64);
    find(handle, "sqlite3_column_double", &lib->column_double);
    find(handle, "sqlite3_column_text", &lib->column_text);
    find(handle, "sqlite3_column_type", &lib->column_type);
    find(handle, "sqlite3_column_count", &lib->column_count);
    find(handle, "sqlite3_create_function", &lib->create_function);
    find(handle, "sqlite3_value_blob", &lib->value_blob);
    find(handle, "sqlite3_value_bytes", &lib->value_bytes);
    find(handle, "sqlite3_result_double", &lib->result_double);
    find(handle, "sqlite3_errmsg", &lib->errmsg);
    find(handle, "sqlite3_libversion", &lib->version);
}
