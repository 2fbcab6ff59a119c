// Stock SQLite in other processes. See stock.h.
#include "support/stock.h"

#include "support/test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int ExecCallback(void *, int, char **, char **);
typedef struct StockApi {
    int (*open)(const char *, void **);
    int (*exec)(void *, const char *, ExecCallback *, void *, char **);
    const char *(*errmsg)(void *);
    int (*close)(void *);
    int (*enable_load_extension)(void *, int);
    int (*load_extension)(void *, const char *, const char *, char **);
} StockApi;

static char ring[8][8192];
static unsigned ring_next;

static const char *stock_library(void)
{
    const char *name = getenv("QUIRE_STOCK_SQLITE");
    return name != NULL ? name : "libsqlite3.so.0";
}

static bool stock_load(StockApi *api)
{
    void *library = dlopen(stock_library(), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return false;
    *(void **)&api->open = dlsym(library, "sqlite3_open");
    *(void **)&api->exec = dlsym(library, "sqlite3_exec");
    *(void **)&api->errmsg = dlsym(library, "sqlite3_errmsg");
    *(void **)&api->close = dlsym(library, "sqlite3_close");
    *(void **)&api->enable_load_extension = dlsym(library, "sqlite3_enable_load_extension");
    *(void **)&api->load_extension = dlsym(library, "sqlite3_load_extension");
    return api->open != NULL && api->exec != NULL;
}

bool stock_is_present(void)
{
    pid_t child = fork();
    if (child == 0) {
        StockApi api;
        _exit(stock_load(&api) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void stock_require(void)
{
    if (!stock_is_present())
        fail_msg("the stock library is missing: install libsqlite3-0");
}

typedef struct Output {
    char text[8192];
    size_t size;
    bool has_row;
} Output;

static int add_row(void *arg, int count, char **values, char **names)
{
    Output *out = arg;
    (void)names;
    for (int i = 0; i < count; i++) {
        const char *separator = i > 0 ? "|" : out->has_row ? "\n" : "";
        const char *value = values[i] != NULL ? values[i] : "NULL";
        int n =
            snprintf(out->text + out->size, sizeof out->text - out->size, "%s%s", separator, value);
        out->size += (size_t)n;
        if (out->size >= sizeof out->text)
            out->size = sizeof out->text - 1;
    }
    out->has_row = true;
    return 0;
}

// Extensions lie in the build folder, above the one this program is in.
static int load_extension(const StockApi *api, void *db, const char *extension)
{
    char path[512];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    path[size > 0 ? size : 0] = 0;
    for (int i = 0; i < 2 && strrchr(path, '/') != NULL; i++)
        *strrchr(path, '/') = 0;
    char file[600];
    snprintf(file, sizeof file, "%s/%s", path, extension);
    int rc = api->enable_load_extension(db, 1);
    return rc != 0 ? rc : api->load_extension(db, file, NULL, NULL);
}

static void child_sql(const char *extension, const char *path, const char *sql, int report)
{
    StockApi api;
    void *db = NULL;
    static Output out;
    if (!stock_load(&api))
        _exit(1);
    int rc = api.open(path, &db);
    if (rc == 0 && extension != NULL)
        rc = load_extension(&api, db, extension);
    if (rc == 0)
        rc = api.exec(db, sql, add_row, &out, NULL);
    if (rc != 0) {
        out.size = (size_t)snprintf(out.text, sizeof out.text, "error %d: %s", rc, api.errmsg(db));
    }
    api.close(db);
    if (write(report, out.text, out.size) != (ssize_t)out.size)
        _exit(1);
    _exit(0);
}

const char *stock_sql(const char *path, const char *sql)
{
    return stock_sql_with(NULL, path, sql);
}

const char *stock_sql_with(const char *extension, const char *path, const char *sql)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        child_sql(extension, path, sql, ends[1]);
    }
    close(ends[1]);
    char *out = ring[ring_next++ % 8];
    size_t size = 0;
    ssize_t n;
    while ((n = read(ends[0], out + size, sizeof ring[0] - 1 - size)) > 0)
        size += (size_t)n;
    out[size] = 0;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return out;
}

static int control_of[64]; // write ends of the pipes that hold started processes, by pid modulo

pid_t stock_start(const char *path, const char *sql)
{
    int ready[2];
    int control[2];
    if (pipe(ready) != 0 || pipe(control) != 0)
        abort();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        StockApi api;
        void *db = NULL;
        char byte = 0;
        close(control[1]);
        if (!stock_load(&api) || api.open(path, &db) != 0)
            _exit(1);
        int rc = api.exec(db, sql, NULL, NULL, NULL);
        if (rc != 0)
            fprintf(stderr, "stock_start: %s\n", api.errmsg(db));
        if (write(ready[1], &byte, 1) != 1 || read(control[0], &byte, 1) < 0)
            _exit(1);
        api.close(db);
        _exit(0);
    }
    char byte;
    close(ready[1]);
    close(control[0]);
    if (read(ready[0], &byte, 1) != 1)
        abort();
    close(ready[0]);
    control_of[child % 64] = control[1];
    return child;
}

void stock_stop(pid_t process, bool kill_it)
{
    if (kill_it)
        kill(process, SIGKILL);
    close(control_of[process % 64]);
    waitpid(process, NULL, 0);
}

// --- files ---

void work_dir_begin(WorkDir *dir)
{
    memset(dir, 0, sizeof *dir);
    snprintf(dir->path, sizeof dir->path, "/tmp/quire_test_XXXXXX");
    if (mkdtemp(dir->path) == NULL)
        abort();
}

void work_dir_end(WorkDir *dir)
{
    DIR *entries = opendir(dir->path);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries != NULL)
        closedir(entries);
    rmdir(dir->path);
}

const char *work_path(WorkDir *dir, const char *name)
{
    char wanted[sizeof dir->files[0]];
    snprintf(wanted, sizeof wanted, "%s/%s", dir->path, name);
    for (size_t i = 0; i < sizeof dir->files / sizeof dir->files[0]; i++) {
        if (dir->files[i][0] == 0)
            memcpy(dir->files[i], wanted, sizeof wanted);
        if (strcmp(dir->files[i], wanted) == 0)
            return dir->files[i];
    }
    abort();
}

unsigned char *file_bytes(const char *path, long *size)
{
    FILE *file = fopen(path, "rb");
    *size = -1;
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    unsigned char *bytes = malloc((size_t)*size + 1);
    if (bytes != NULL && fread(bytes, 1, (size_t)*size, file) != (size_t)*size)
        *size = -1;
    fclose(file);
    return bytes;
}

bool files_equal(const char *a, const char *b)
{
    long size_a;
    long size_b;
    unsigned char *bytes_a = file_bytes(a, &size_a);
    unsigned char *bytes_b = file_bytes(b, &size_b);
    bool equal = size_a == size_b && size_a >= 0 && memcmp(bytes_a, bytes_b, (size_t)size_a) == 0;
    free(bytes_a);
    free(bytes_b);
    return equal;
}

void file_copy(const char *source, const char *target)
{
    long size;
    unsigned char *bytes = file_bytes(source, &size);
    FILE *file = fopen(target, "wb");
    if (size < 0 || file == NULL || fwrite(bytes, 1, (size_t)size, file) != (size_t)size)
        abort();
    fclose(file);
    free(bytes);
}

long file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}
