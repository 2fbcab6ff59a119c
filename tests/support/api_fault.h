#ifndef QUIRE_TESTS_SUPPORT_API_FAULT_H
#define QUIRE_TESTS_SUPPORT_API_FAULT_H
// Runs calls of the interface with memory running out at each place in turn.

#include "sqlite3.h"

// What is tried on a fresh connection: the first result code that is not SQLITE_OK, or SQLITE_OK.
// It gives back all it made, whatever happened.
typedef int ApiBody(sqlite3 *db);

// Lets allocation number 1, 2, 3, ... of the body fail, alone and with all after it, until the body
// passes untouched. Each time the answer is SQLITE_OK or out of memory, the connection works on,
// its database is whole, and closing it leaves no byte behind.
void api_fails_cleanly(const char *setup, ApiBody *body);

#endif
