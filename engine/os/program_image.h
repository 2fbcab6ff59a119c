#ifndef QUIRE_OS_PROGRAM_IMAGE_H
#define QUIRE_OS_PROGRAM_IMAGE_H
// The constant data of the running program, as it lies in memory.

#include "base/contract.h"

// The first NUL-terminated text in the main program's read-only data for which `matches` (told how
// many bytes are left) is true. NULL: there is none. Lives as long as the process.
const char *program_find_text(bool (*matches)(const char *text, size_t left));

#endif
