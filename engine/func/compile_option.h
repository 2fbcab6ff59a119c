#ifndef QUIRE_FUNC_COMPILE_OPTION_H
#define QUIRE_FUNC_COMPILE_OPTION_H
// The compile-time options this library answers to: sqlite3_compileoption_get() and its friends.

#include "base/contract.h"

const char *compile_option_get(int index);     // without "SQLITE_"; NULL past the end
bool compile_option_is_used(const char *name); // "SQLITE_" may precede, "=value" may be left out

#endif
