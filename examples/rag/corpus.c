// Reads documents: packages as apt-cache dumpavail lists them, or the files of a folder.
#include "examples/rag/rag.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BODY_LIMIT = 64 * 1024 }; // of a document; what is longer is cut

typedef struct {
    sqlite3_stmt *insert;
    Progress bar;
    long count;
    int rc;
    size_t prefix; // of a path: the folder and its slash, no part of the name
    char name[256];
    char body[BODY_LIMIT];
    size_t size;
} Loader;

static void loader_add(Loader *loader)
{
    if (loader->name[0] == 0 || loader->rc != SQLITE_OK)
        return;
    sqlite3_bind_text(loader->insert, 1, loader->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(loader->insert, 2, loader->body, (int)loader->size, SQLITE_STATIC);
    sqlite3_step(loader->insert);
    loader->rc = sqlite3_reset(loader->insert);
    progress_show(&loader->bar, ++loader->count);
    loader->name[0] = 0;
    loader->size = 0;
}

static void loader_append(Loader *loader, const char *text)
{
    size_t size = strlen(text);
    if (size > BODY_LIMIT - loader->size)
        size = BODY_LIMIT - loader->size;
    memcpy(loader->body + loader->size, text, size);
    loader->size += size;
}

// A line of a record: the fields Package, Description and Tag, with their continued lines, which
// begin with a space, count.
static void read_line(Loader *loader, char *line, bool *is_text)
{
    if (line[0] == '\n') {
        loader_add(loader);
        return;
    }
    if (line[0] != ' ')
        *is_text = strncmp(line, "Description: ", 13) == 0 || strncmp(line, "Tag: ", 5) == 0
                   || strncmp(line, "Description-en: ", 16) == 0;
    if (strncmp(line, "Package: ", 9) == 0)
        snprintf(loader->name, sizeof loader->name, "%.*s", (int)strcspn(line + 9, "\n"), line + 9);
    else if (*is_text)
        loader_append(loader, line[0] == ' ' ? line : strchr(line, ':') + 2);
}

static void read_packages(Loader *loader)
{
    FILE *in = popen("apt-cache dumpavail", "r");
    char *line = NULL;
    size_t space = 0;
    bool is_text = false;
    while (in != NULL && loader->rc == SQLITE_OK && getline(&line, &space, in) > 0)
        read_line(loader, line, &is_text);
    loader_add(loader);
    free(line);
    if (in != NULL)
        pclose(in);
}

static void read_file(Loader *loader, const char *path)
{
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return;
    loader->size = fread(loader->body, 1, BODY_LIMIT, in);
    fclose(in);
    if (memchr(loader->body, 0, loader->size) != NULL)
        return; // not text
    snprintf(loader->name, sizeof loader->name, "%s", path + loader->prefix);
    loader_add(loader);
}

static void read_folder(Loader *loader, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(path, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            read_folder(loader, path);
        else if (S_ISREG(status.st_mode))
            read_file(loader, path);
    }
    if (dir != NULL)
        closedir(dir);
}

int corpus_load(Store *store, const char *folder)
{
    Loader *loader = calloc(1, sizeof *loader);
    if (loader == NULL)
        return SQLITE_NOMEM;
    loader->prefix = folder == NULL ? 0 : strlen(folder) + 1;
    progress_start(&loader->bar, "load", folder == NULL ? 64000 : 0);
    loader->rc = store_exec(store, "BEGIN");
    if (loader->rc == SQLITE_OK)
        loader->rc =
            store_prepare(store, "INSERT INTO doc(name, body) VALUES (?1, ?2)", &loader->insert);
    if (loader->rc == SQLITE_OK && folder == NULL)
        read_packages(loader);
    else if (loader->rc == SQLITE_OK)
        read_folder(loader, folder);
    sqlite3_finalize(loader->insert);
    int rc = loader->rc == SQLITE_OK ? store_exec(store, "COMMIT") : loader->rc;
    progress_finish(&loader->bar, loader->count, "documents");
    free(loader);
    return rc;
}
