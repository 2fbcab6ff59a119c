#ifndef QUIRE_BASE_LOG_H
#define QUIRE_BASE_LOG_H
// The process-wide error log (SQLITE_CONFIG_LOG). Off until a callback is set.

#include "base/contract.h"

enum { LOG_MESSAGE_SIZE = 700 }; // what does not fit, a NUL included, is cut off

typedef void LogCallback(void *arg, int rc, const char *message);
void log_configure(LogCallback *callback, void *arg);
bool log_is_on(void);
void log_text(int rc, const char *message);
// libc's printf rules. Never allocates.
void log_message(int rc, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
