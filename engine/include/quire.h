#ifndef QUIRE_H
#define QUIRE_H
/*
 * What quire offers beyond the SQLite interface. Link with libquire; the stock library has none of
 * these names, so code that must run on both looks them up with dlsym().
 */

#include "sqlite3.h"

#ifdef __cplusplus
extern "C" {
#endif

#define QUIRE_VERSION "0.1.0"

/*
 * The version of the library in use, which may differ from the QUIRE_VERSION compiled against.
 * Static storage. Never fails. Safe from any thread, before sqlite3_initialize() too.
 */
SQLITE_API const char *quire_version(void);

#ifdef __cplusplus
}
#endif
#endif
