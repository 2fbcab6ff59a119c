// Sends broken messages to the server: each gets an answer or is a notification, and at the end a
// ping is still answered.
//
//   mcp_fuzz QUIRE COUNT [SEED]
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// clang-format off
#define RPC "{\"jsonrpc\":\"2.0\","
static const char *const seeds[] = {
    RPC "\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\","
        "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
    RPC "\"id\":\"x\",\"method\":\"ping\"}",
    RPC "\"id\":2,\"method\":\"tools/list\",\"params\":{}}",
    RPC "\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"execute_query\","
        "\"arguments\":{\"query\":\"select 1, 'two', x'03', null\"}}}",
    RPC "\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"insert_data\","
        "\"arguments\":{\"query\":\"insert into t values(1)\"},\"_meta\":{\"progressToken\":7}}}",
    RPC "\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"describe_table\","
        "\"arguments\":{\"table_name\":\"t\"}}}",
    RPC "\"id\":6,\"method\":\"resources/read\",\"params\":{\"uri\":\"quire://tables/t\"}}",
    RPC "\"id\":7,\"method\":\"prompts/get\",\"params\":{\"name\":\"answer_question\","
        "\"arguments\":{\"question\":\"why?\"}}}",
    RPC "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":4}}",
    "[" RPC "\"id\":8,\"method\":\"ping\"}," RPC "\"method\":\"x\"}]",
};
// clang-format on
enum { SEEDS = sizeof seeds / sizeof seeds[0], LINE_MAX_SIZE = 8192 };

static uint64_t state;

static unsigned pick(unsigned below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % below);
}

// One change: a byte replaced, dropped or doubled, a piece cut out or repeated, nesting added.
static void mutate(char *line)
{
    size_t size = strlen(line);
    size_t at = size == 0 ? 0 : pick((unsigned)size);
    static const char bytes[] = "{}[]\",:\\0129eE.-+ntfalse\x01\x7f\xff\xc3(";
    switch (pick(5)) {
    case 0:
        if (size > 0)
            line[at] = bytes[pick(sizeof bytes - 1)];
        return;
    case 1: memmove(line + at, line + at + 1, size - at); return;
    case 2:
        if (size + 2 < LINE_MAX_SIZE && size > 0)
            memmove(line + at + 1, line + at, size - at + 1);
        return;
    case 3: line[at] = 0; return;
    default:
        if (size + 202 < LINE_MAX_SIZE) {
            memmove(line + at + 200, line + at, size - at + 1);
            memset(line + at, pick(2) == 0 ? '[' : '{', 200);
        }
    }
}

static void send_all(int fd, int count)
{
    FILE *out = fdopen(fd, "w");
    static char line[LINE_MAX_SIZE * 2];
    for (int i = 0; i < count; i++) {
        snprintf(line, LINE_MAX_SIZE, "%s", seeds[pick(SEEDS)]);
        for (unsigned changes = 1 + pick(4); changes > 0; changes--)
            mutate(line);
        for (char *at = line; *at != 0; at++)
            *at = *at == '\n' || *at == '\r' ? ' ' : *at;
        fprintf(out, "%s\n", line);
    }
    fputs("{\"jsonrpc\":\"2.0\",\"id\":\"the last\",\"method\":\"ping\"}\n", out);
    (void)fclose(out);
}

int main(int argc, char **argv)
{
    int to_server[2], from_server[2];
    if (argc < 3 || pipe(to_server) != 0 || pipe(from_server) != 0)
        return 2;
    state = argc > 3 ? strtoull(argv[3], NULL, 10) : 20250618;
    pid_t server = fork();
    if (server == 0) {
        dup2(to_server[0], 0);
        dup2(from_server[1], 1);
        close(to_server[1]);
        close(from_server[0]);
        execl(argv[1], argv[1], "-mcp", "-mcp-timeout", "2000", (char *)NULL);
        _exit(127);
    }
    close(to_server[0]);
    close(from_server[1]);
    pid_t writer = fork();
    if (writer == 0) {
        close(from_server[0]);
        send_all(to_server[1], atoi(argv[2]));
        _exit(0);
    }
    close(to_server[1]);
    FILE *in = fdopen(from_server[0], "r");
    char *line = NULL;
    size_t capacity = 0;
    int answers = 0;
    bool answers_last = false;
    while (getline(&line, &capacity, in) >= 0) {
        answers++;
        answers_last = strstr(line, "\"the last\"") != NULL;
    }
    int status = 0;
    (void)waitpid(server, &status, 0);
    free(line);
    printf("%d answers, exit status %d\n", answers, status);
    return answers_last && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
