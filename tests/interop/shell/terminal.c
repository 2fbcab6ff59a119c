// Speaks to the shell as a person at a terminal: completion, history, Ctrl-C.
//
//   shell_terminal QUIRE
//
// The shell runs on a pseudo-terminal; each step types something and waits until the screen shows
// what must come.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SCREEN_SIZE = 65536, WAIT_MS = 15000 };

typedef struct Terminal {
    int fd;
    pid_t child;
    char screen[SCREEN_SIZE]; // everything shown, escape sequences left out
    size_t size, seen;        // seen: where the next search begins
} Terminal;

static void fail(const Terminal *term, const char *what)
{
    fprintf(stderr, "the terminal never showed \"%s\"; it shows:\n%s\n", what, term->screen);
    kill(term->child, SIGKILL);
    exit(1);
}

// Keeps what is text: colours, cursor movements and bells are of no interest here.
static void take(Terminal *term, const char *bytes, size_t size)
{
    static bool in_escape;
    for (size_t i = 0; i < size && term->size + 1 < SCREEN_SIZE; i++) {
        if (bytes[i] == '\033')
            in_escape = true;
        else if (in_escape && bytes[i] != '[' && (bytes[i] < '0' || bytes[i] > '9')
                 && bytes[i] != ';' && bytes[i] != '?')
            in_escape = false;
        else if (!in_escape && (bytes[i] == '\n' || (unsigned char)bytes[i] >= ' '))
            term->screen[term->size++] = bytes[i];
    }
    term->screen[term->size] = 0;
}

static bool read_some(Terminal *term, int timeout_ms)
{
    char bytes[4096];
    struct pollfd ready = {.fd = term->fd, .events = POLLIN};
    if (poll(&ready, 1, timeout_ms) <= 0)
        return false;
    ssize_t size = read(term->fd, bytes, sizeof bytes);
    if (size <= 0)
        return false;
    take(term, bytes, (size_t)size);
    return true;
}

static void expect(Terminal *term, const char *text)
{
    const char *found;
    while ((found = strstr(term->screen + term->seen, text)) == NULL) {
        if (!read_some(term, WAIT_MS))
            fail(term, text);
    }
    term->seen = (size_t)(found - term->screen) + strlen(text);
}

static void type(Terminal *term, const char *text)
{
    if (write(term->fd, text, strlen(text)) < 0)
        fail(term, text);
}

static void start(Terminal *term, const char *quire)
{
    struct winsize window = {.ws_row = 40, .ws_col = 120};
    term->child = forkpty(&term->fd, NULL, NULL, &window);
    if (term->child < 0)
        fail(term, "a terminal");
    if (term->child == 0) {
        setenv("TERM", "xterm", 1);
        setenv("SQLITE_HISTORY", "/dev/null", 1);
        execl(quire, quire, (char *)NULL);
        _exit(127);
    }
}

int main(int argc, char **argv)
{
    static Terminal term;
    if (argc != 2)
        return 2;
    start(&term, argv[1]);
    expect(&term, "quire> ");
    type(&term, "create table employees(name_of_person, salary);\n");
    expect(&term, "quire> ");

    type(&term, "insert into empl\t");
    expect(&term, "employees");
    type(&term, " values('ada', 1);\n");
    expect(&term, "quire> ");
    type(&term, "sele\t");
    expect(&term, "SELECT");
    type(&term, " name_of\t");
    expect(&term, "name_of_person");
    type(&term, " from employees;\n");
    expect(&term, "\nada\n");

    type(&term, "\033[A\n"); // the line before once more
    expect(&term, "\nada\n");

    type(&term,
         "with recursive n(i) as (select 1 union all select i+1 from n) select max(i) from n;\n");
    expect(&term, "from n;");
    struct timespec a_moment = {.tv_nsec = 500000000};
    nanosleep(&a_moment, NULL);
    type(&term, "\003");
    expect(&term, "interrupted (9)");
    expect(&term, "quire> ");

    // What is begun is forgotten. A person presses Ctrl-C on what is shown, not ahead of it.
    type(&term, "select 'begun");
    expect(&term, "select 'begun");
    nanosleep(&a_moment, NULL);
    type(&term, "\003");
    expect(&term, "quire> ");
    type(&term, "select 6*7;\n");
    expect(&term, "\n42\n");
    type(&term, ".exit 3\n");

    int status = 0;
    while (read_some(&term, WAIT_MS)) {
    }
    if (waitpid(term.child, &status, 0) != term.child || !WIFEXITED(status)
        || WEXITSTATUS(status) != 3)
        fail(&term, "an exit with status 3");
    puts("completes, remembers, survives Ctrl-C");
    return 0;
}
