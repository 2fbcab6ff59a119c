#ifndef QUIRE_CDC_CDC_API_H
#define QUIRE_CDC_CDC_API_H
// What every file of cdc/ starts from: the public database interface, short names for integers and
// the way an error travels. Nothing of the engine is seen from here.
//
// The module is built twice: into the library, where QUIRE_CDC_LOADABLE is 0 and names link
// directly, and as the extension cdc.so, where each sqlite3_* name is a slot of the loading
// library.

#ifndef QUIRE_CDC_LOADABLE
#    define QUIRE_CDC_LOADABLE 0
#endif

#if QUIRE_CDC_LOADABLE
#    include "sqlite3ext.h"
extern const sqlite3_api_routines *sqlite3_api;
#endif
#include "quire.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef sqlite3_uint64 u64;
typedef sqlite3_int64 i64;
typedef double f64;

#define ASSERT(condition)    assert(condition)
#define MUST_USE             __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, args) __attribute__((format(printf, f, args)))
#define ARRAY_LEN(array)     ((int)(sizeof(array) / sizeof((array)[0])))

#define TRY(call)                \
    do {                         \
        int try_rc = (call);     \
        if (try_rc != SQLITE_OK) \
            return try_rc;       \
    } while (0)

#define TRY_DONE(call)       \
    do {                     \
        rc = (call);         \
        if (rc != SQLITE_OK) \
            goto done;       \
    } while (0)

struct sqlite3_api_routines;

// Registers the modules and functions on a connection. `api` is used by the extension only.
int quire_cdc_init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api);

#endif
