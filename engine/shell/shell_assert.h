#ifndef QUIRE_SHELL_SHELL_ASSERT_H
#define QUIRE_SHELL_SHELL_ASSERT_H
// Assertions of the shell, which sees the public interface only and so not the engine's own.
//
// They guard what the shell's functions promise each other: never what a person, a script, a file
// or an MCP message says, which is answered with an error.

#include <assert.h>

#define ASSERT(condition) assert(condition)

#endif
