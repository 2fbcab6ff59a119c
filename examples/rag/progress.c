// A bar on standard error: redrawn ten times a second on a terminal, one line at the end elsewhere.
#include "examples/rag/rag.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_start(Progress *bar, const char *label, long total)
{
    *bar = (Progress){.label = label, .total = total, .started = clock_seconds()};
}

static void draw(const Progress *bar, long done)
{
    enum { WIDTH = 30 };
    long filled = bar->total > 0 ? done * WIDTH / bar->total : 0;
    fprintf(stderr, "\r%-10s [", bar->label);
    for (long i = 0; i < WIDTH; i++)
        fputc(i < filled ? '#' : '.', stderr);
    fprintf(stderr, "] %ld", done);
}

void progress_show(Progress *bar, long done)
{
    double now = clock_seconds();
    if (now - bar->shown < 0.1 || !isatty(STDERR_FILENO))
        return;
    bar->shown = now;
    draw(bar, done);
}

void progress_finish(Progress *bar, long done, const char *unit)
{
    double seconds = clock_seconds() - bar->started;
    draw(bar, done);
    fprintf(stderr, " %s in %.2f s\n", unit, seconds);
}
