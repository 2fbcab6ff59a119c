// The error log: one callback, set before initialisation.

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

// Set while the library is shut down (SQLITE_CONFIG_LOG), read from then on without a lock.
static LogCallback *log_callback;
static void *log_arg;

void log_configure(LogCallback *callback, void *arg)
{
    log_callback = callback;
    log_arg = arg;
}

bool log_is_on(void)
{
    return log_callback != NULL;
}

void log_text(int rc, const char *message)
{
    if (log_callback != NULL)
        log_callback(log_arg, rc, message);
}

// The text is made on the stack: the log must work when memory has run out.
void log_message(int rc, const char *fmt, ...)
{
    if (log_callback == NULL)
        return;
    char message[LOG_MESSAGE_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    log_callback(log_arg, rc, message);
}
