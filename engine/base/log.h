#ifndef QUIRE_BASE_LOG_H
#define QUIRE_BASE_LOG_H
// The process-wide error log (SQLITE_CONFIG_LOG). Off until a callback is set.

#include "base/contract.h"

typedef void LogCallback(void *arg, int rc, const char *message);
void log_configure(LogCallback *callback, void *arg);
void log_message(int rc, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
