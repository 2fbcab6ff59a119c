#ifndef QUIRE_VECTOR_VECTOR_API_H
#define QUIRE_VECTOR_VECTOR_API_H
// What every file of vector/ starts from: the public database interface, short names for integers
// and the way an error travels. Nothing of the engine is seen from here.
//
// The module is built twice: into the library, where QUIRE_VECTOR_LOADABLE is 0 and names link
// directly, and as the extension vector.so, where each sqlite3_* name is a slot of the loading
// library.

#ifndef QUIRE_VECTOR_LOADABLE
#    define QUIRE_VECTOR_LOADABLE 0
#endif

#if QUIRE_VECTOR_LOADABLE
#    include "sqlite3ext.h"
extern const sqlite3_api_routines *sqlite3_api;
#else
#    include "sqlite3.h"
#endif

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int32_t i32;
typedef int64_t i64;
typedef float f32;
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

struct sqlite3_api_routines;

// Registers the vector functions and modules on a connection. `api` is used by the extension only.
int quire_vector_init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api);

#endif
