#ifndef QUIRE_FUNC_INSTANT_H
#define QUIRE_FUNC_INSTANT_H
// A point in time with nanoseconds, as the time_ functions pass it around: a BLOB of 13 bytes.
//
//     0   1   version, always 1
//     1   8   seconds since 0001-01-01 00:00:00 UTC, big-endian, two's complement
//     9   4   nanoseconds of the second, big-endian, 0 to 999,999,999
//
// 1970-01-01 00:00:00.5 is 01 0000000e7791f700 1dcd6500. Blobs compare as instants do, from year 1
// on: memcmp() of big-endian numbers; before that the sign bit sorts them behind.
//
// The calendar is the proleptic Gregorian one, the zone UTC, without leap seconds. Years run over
// INSTANT_YEAR_MAX on either side, so that no sum of parts overflows.

#include "base/buffer.h"
#include "base/types.h"
#include <stdbool.h>

typedef struct Instant {
    i64 seconds; // since 0001-01-01 00:00:00
    u32 nanos;
} Instant;

typedef struct CivilDate {
    i64 year;
    int month, day;
} CivilDate;

enum { INSTANT_SIZE = 13, INSTANT_YEAR_MAX = 999999, SECONDS_PER_DAY = 86400 };
static const i64 NANOS_PER_SECOND = 1000000000;
static const i64 INSTANT_UNIX_EPOCH = 62135596800; // 1970-01-01

// What time_date() and its like are called with; each part may run over its range.
typedef struct InstantParts {
    i64 year, month, day, hour, minute, second, nanos, offset; // offset: seconds east of UTC
} InstantParts;

// Writes INSTANT_SIZE bytes.
void instant_write(Instant t, u8 *bytes);
// False: another size or version, nanoseconds of a second and more, or a year out of range. The
// bytes come from a user's blob.
bool instant_read(const u8 *bytes, size_t size, Instant *out);
// false: beyond the range of years.
bool instant_of_parts(const InstantParts *parts, Instant *out);
bool instant_in_range(Instant t);

// Days since 0001-01-01; month 1 to 12, day 1 or any.
i64 civil_to_days(i64 year, int month, int day);
CivilDate civil_of_days(i64 days);
// 28 to 31.
int civil_month_length(i64 year, int month);

i64 instant_days(Instant t);          // rounded down
i64 instant_second_of_day(Instant t); // 0 to 86399
CivilDate instant_date(Instant t);
int instant_weekday(Instant t);  // 0 is Sunday
int instant_year_day(Instant t); // from 1
// By ISO 8601: weeks begin on Monday, and `year` is the one its Thursday is in.
void instant_iso_week(Instant t, i64 *year, int *week);

// Moves by nanoseconds, or by years, months and days, the day kept within its month. false: out of
// range.
bool instant_add_nanos(Instant *t, i64 nanos);
bool instant_add_date(Instant *t, i64 years, i64 months, i64 days);
// From u to t in nanoseconds; false: more than 64 bits hold.
bool instant_difference(Instant t, Instant u, i64 *out);
int instant_compare(Instant t, Instant u); // -1, 0, 1
// Down to a multiple of `unit` nanoseconds since year 1, or to the nearest one.
bool instant_truncate(Instant *t, i64 unit);
bool instant_round(Instant *t, i64 unit);

typedef enum InstantFormat { FORMAT_ISO, FORMAT_DATETIME, FORMAT_DATE, FORMAT_TIME } InstantFormat;
// Appends the instant as it is in the zone `offset` seconds east of UTC, which must be less than
// two days. ISO: 2024-02-29T12:34:56.789000000Z, the fraction only if there is one.
void instant_format(Buffer *out, Instant t, InstantFormat format, i64 offset);
// YYYY-MM-DD, [YYYY-MM-DD(T| )]HH:MM:SS[.fraction][Z|+HH:MM]. A time alone is of year 1.
bool instant_parse(const char *text, Instant *out);

#endif
