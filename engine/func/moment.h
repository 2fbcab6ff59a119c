#ifndef QUIRE_FUNC_MOMENT_H
#define QUIRE_FUNC_MOMENT_H
// A point in time while a date function works on it.
//
// It is known as a Julian day in milliseconds, or as year, month, day and hour, minute, second, or
// as both; each is computed from the other when asked for (moment_need_*). Days of the proleptic
// Gregorian calendar from -4713-11-24 12:00 (Julian day 0) to 9999-12-31 23:59:59.999. Without a
// date the day is 2000-01-01, without a time it is midnight.
//
//    M1  has_jd: jd_ms holds; has_date: year, month, day do; has_time: hour, minute, second do.
//    M2  Where both hold they name the same instant, but for a day past its month's end (31
//        February), which jd_ms counts on into the next month.
//    M3  Who changes parts clears has_jd, who changes jd_ms clears the parts (moment_forget_parts).
//    M4  A failed moment is all zero but for `failed`, and nothing done to it later brings it back,
//        except 'localtime' and 'utc'.
//
//    "2000-01-01 12:00" = Julian day 2451545.0 = jd_ms 211813488000000 = Unix time 946728000

#include "func/func.h"

typedef struct Moment {
    i64 jd_ms; // milliseconds since Julian day 0
    int year, month, day;
    int hour, minute;
    f64 second;
    int zone_minutes;  // east of UTC; taken off when the Julian day is computed
    int overflow_days; // by how many days month arithmetic ran into the next month
    bool has_jd, has_date, has_time;
    bool is_raw; // `second` holds a bare number, not yet known to be a Julian day or Unix time
    bool is_utc, is_local;
    bool subsecond; // shown with milliseconds
    bool failed;
} Moment;

enum { MS_PER_DAY = 86400000 };
static const i64 JD_MS_LIMIT = 464269060800000; // the first instant of year 10000
static const i64 UNIX_EPOCH_MS = 210866760000000;

// All return false (SQL NULL) for what is no time, or out of range.

// [date [time]], time, 'now', a number, or 'subsec' in UTF-8, NUL-terminated.
//
//    date   [-]YYYY-MM-DD
//    time   HH:MM[:SS[.FFF]][zone], after a date behind blanks or T
//    zone   Z | +HH:MM | -HH:MM
bool moment_parse(Moment *m, FuncCall *call, const char *text);
bool moment_set_now(Moment *m, FuncCall *call);
void moment_set_number(Moment *m, f64 number);
// HH:MM[:SS[.FFF]] with a time zone behind; the rest of the text must be empty.
bool moment_parse_time(Moment *m, const char *text);
// "+3 days", "start of month", "localtime"... `index` counts arguments: the first modifier is 1.
bool moment_modify(Moment *m, FuncCall *call, const char *text, int index);

void moment_need_jd(Moment *m);
void moment_need_date(Moment *m); // year, month, day
void moment_need_time(Moment *m); // hour, minute, second
void moment_need_all(Moment *m);
void moment_forget_parts(Moment *m); // only the Julian day counts from here
// Moves the Julian day, which must be known, and forgets the parts. A sum past 64 bits fails; one
// that is only out of range may come back with a later modifier.
void moment_add_ms(Moment *m, i64 ms);
void moment_note_overflow(Moment *m);
bool moment_in_range(const Moment *m);

// Reads exactly `count` digits, a number from `low` to `high`; `next` (if not 0) must follow and is
// skipped. NULL: it is not so.
const char *moment_digits(const char *p, int count, int low, int high, char next, int *out);

#endif
