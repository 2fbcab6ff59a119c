#ifndef QUIRE_BASE_TYPES_H
#define QUIRE_BASE_TYPES_H
// Short names for fixed-width numbers, and names that say what a number means.

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef float f32;
typedef double f64;

typedef u32 Pgno;    // page number, the first page is 1; 0 means "no page"
typedef u32 FrameNo; // number of a frame in the write-ahead log, the first is 1; 0 means "none"
typedef i64 RowId;   // integer key of a row in a rowid table
typedef int Reg;     // register number of the bytecode machine, the first is 1; 0 means "none"

static_assert(sizeof(f64) == 8, "REAL values are stored as IEEE 754 doubles");

#endif
