// Runs one file of query plans: plan_golden FILE
//
//     # comment
//     create table t1(a, b);          statements are run
//
//     select * from t1 where a = 1;   unless "----" follows: then its plan is
//     ----                            compared with the lines up to an empty one,
//     SCAN t1                         two blanks for each level

#include "sqlite3.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, DEPTH_MAX = 100000 };

typedef struct Golden {
    sqlite3 *db;
    const char *path;
    char *text;   // of the file
    char *output; // the file as we would write it
    size_t output_size;
    int failures, checked;
} Golden;

static void add(Golden *g, const char *text, size_t size)
{
    if (g->output_size + size < TEXT_MAX) {
        memcpy(g->output + g->output_size, text, size);
        g->output_size += size;
    }
}

// Depth of a line by its parent's.
static int level_of(const int *levels, int parent)
{
    return parent > 0 && parent < DEPTH_MAX ? levels[parent] + 1 : 0;
}

static void explain(Golden *g, const char *sql, char *plan)
{
    static int levels[DEPTH_MAX];
    char *query = sqlite3_mprintf("explain query plan %s", sql);
    sqlite3_stmt *stmt = NULL;
    plan[0] = 0;
    if (sqlite3_prepare_v2(g->db, query, -1, &stmt, NULL) != SQLITE_OK)
        snprintf(plan, TEXT_MAX, "error: %s\n", sqlite3_errmsg(g->db));
    while (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW) {
        int id = sqlite3_column_int(stmt, 0);
        int level = level_of(levels, sqlite3_column_int(stmt, 1));
        if (id > 0 && id < DEPTH_MAX)
            levels[id] = level;
        size_t size = strlen(plan);
        snprintf(plan + size, TEXT_MAX - size, "%*s%s\n", 2 * level, "",
                 (const char *)sqlite3_column_text(stmt, 3));
    }
    sqlite3_finalize(stmt);
    sqlite3_free(query);
}

static void run(Golden *g, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(g->db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n  %s\n", g->path, message, sql);
        g->failures++;
    }
    sqlite3_free(message);
}

static void compare(Golden *g, const char *sql, const char *expected, size_t size)
{
    static char plan[TEXT_MAX];
    explain(g, sql, plan);
    g->checked++;
    add(g, plan, strlen(plan));
    if (strlen(plan) == size && memcmp(plan, expected, size) == 0)
        return;
    g->failures++;
    fprintf(stderr, "%s\nexpected:\n%.*sgot:\n%s\n", sql, (int)size, expected, plan);
}

static const char *line_end(const char *at)
{
    const char *end = strchr(at, '\n');
    return end == NULL ? at + strlen(at) : end + 1;
}

static bool is_marker(const char *at)
{
    return strncmp(at, "----\n", 5) == 0;
}

// Statements are one line each.
static void run_file(Golden *g)
{
    const char *at = g->text;
    while (*at != 0) {
        const char *next = line_end(at);
        add(g, at, (size_t)(next - at));
        if (*at == '#' || *at == '\n') {
            at = next;
            continue;
        }
        char *sql = sqlite3_mprintf("%.*s", (int)(next - at), at);
        at = next;
        if (is_marker(at)) {
            const char *expected = line_end(at);
            const char *end = expected;
            add(g, at, 5);
            while (*end != 0 && *end != '\n')
                end = line_end(end);
            compare(g, sql, expected, (size_t)(end - expected));
            at = end;
        } else {
            run(g, sql);
        }
        sqlite3_free(sql);
    }
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, TEXT_MAX);
    if (file == NULL || text == NULL || fread(text, 1, TEXT_MAX - 1, file) == 0) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    fclose(file);
    return text;
}

static void update_file(const Golden *g)
{
    FILE *file = fopen(g->path, "wb");
    if (file == NULL || fwrite(g->output, 1, g->output_size, file) != g->output_size)
        exit(2);
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: plan_golden FILE\n");
        return 2;
    }
    Golden g = {.path = argv[1], .text = read_file(argv[1]), .output = calloc(1, TEXT_MAX)};
    if (g.output == NULL || sqlite3_open(":memory:", &g.db) != SQLITE_OK)
        return 2;
    run_file(&g);
    sqlite3_close(g.db);
    if (getenv("QUIRE_UPDATE") != NULL)
        update_file(&g);
    printf("%d plans, %d differ\n", g.checked, g.failures);
    free(g.text);
    free(g.output);
    return g.failures == 0 && g.checked > 0 ? 0 : 1;
}
