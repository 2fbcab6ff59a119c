// Points in time with nanoseconds: calendar, arithmetic, text. See instant.h.
//
// Nothing here can fail but by leaving the range of years, which every function that can do so
// answers with false. Parts come from the user: they are bounded (PART_MAX) before they are added
// up, so that no sum overflows.

#include "func/instant.h"
#include "base/contract.h"
#include "base/utf.h"
#include <string.h>

enum { DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400 };
static const i64 PART_MAX = (i64)1 << 40; // of hours, minutes, days, months: more is out of range

// C rounds towards zero; a calendar before its first year needs rounding down.
static i64 floor_div(i64 a, i64 b)
{
    ASSERT(b > 0);

    i64 quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

// --- bytes ---

// Version 1 is the only one there is.
void instant_write(Instant t, u8 *bytes)
{
    ASSERT(t.nanos < NANOS_PER_SECOND);

    u64 seconds = (u64)t.seconds;
    bytes[0] = 1;
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (u8)(seconds >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        bytes[9 + i] = (u8)(t.nanos >> (24 - 8 * i));
}

// The version is looked at first: a later one may mean anything by the other bytes.
bool instant_read(const u8 *bytes, size_t size, Instant *out)
{
    ASSERT(out != NULL);
    ASSERT(bytes != NULL || size == 0);

    if (size != INSTANT_SIZE || bytes[0] != 1)
        return false;
    u64 seconds = 0;
    u32 nanos = 0;
    for (int i = 0; i < 8; i++)
        seconds = seconds << 8 | bytes[1 + i];
    for (int i = 0; i < 4; i++)
        nanos = nanos << 8 | bytes[9 + i];
    *out = (Instant){.seconds = (i64)seconds, .nanos = nanos};
    return nanos < NANOS_PER_SECOND && instant_in_range(*out);
}

// --- calendar ---
// Years are counted from March, so that the leap day is the last of its year: a month then begins
// (153 m + 2) / 5 days into it. Eras of 400 years all have the same length (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms").

// Days past the month's end count on into the next, so that sums of days need no care.
i64 civil_to_days(i64 year, int month, int day)
{
    ASSERT(month >= 1);
    ASSERT(month <= 12);
    ASSERT(year >= -2 * (i64)INSTANT_YEAR_MAX && year <= 2 * (i64)INSTANT_YEAR_MAX);

    i64 y = month <= 2 ? year - 1 : year;
    i64 era = floor_div(y, YEARS_PER_ERA);
    i64 year_of_era = y - era * YEARS_PER_ERA;
    i64 day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    i64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    ASSERT(year_of_era >= 0 && year_of_era < YEARS_PER_ERA);
    return era * DAYS_PER_ERA + day_of_era - 306; // 0000-03-01 is 306 days before 0001-01-01
}

// The inverse of civil_to_days() for days within their month.
CivilDate civil_of_days(i64 days)
{
    i64 since_march = days + 306;
    i64 era = floor_div(since_march, DAYS_PER_ERA);
    i64 day_of_era = since_march - era * DAYS_PER_ERA;
    // The leap days of the era are taken out first: one in 4 years (1460 days), none in 100
    // (36524), one in 400 (146096).
    i64 year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    ASSERT(day_of_era >= 0 && day_of_era < DAYS_PER_ERA);
    i64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_index = (int)((5 * day_of_year + 2) / 153); // 0 is March
    int month = month_index < 10 ? month_index + 3 : month_index - 9;
    int day = (int)(day_of_year - (153 * month_index + 2) / 5) + 1;
    ASSERT(month >= 1 && month <= 12 && day >= 1 && day <= 31);
    return (CivilDate){
        .year = era * YEARS_PER_ERA + year_of_era + (month <= 2), .month = month, .day = day};
}

// A leap year is every fourth, but no hundredth that is no four hundredth.
int civil_month_length(i64 year, int month)
{
    ASSERT(month >= 1);
    ASSERT(month <= 12);

    static const u8 lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && is_leap);
}

// By the year alone: the ends of the range are whole years.
bool instant_in_range(Instant t)
{
    // Before the calendar is asked, whose arithmetic needs a sane number of days.
    static const i64 limit = (i64)INSTANT_YEAR_MAX * 366 * SECONDS_PER_DAY;
    if (t.seconds < -limit || t.seconds > limit)
        return false;
    // Nanoseconds do not matter: they stay within their second.
    i64 year = instant_date(t).year;
    return year >= -INSTANT_YEAR_MAX && year <= INSTANT_YEAR_MAX;
}

i64 instant_days(Instant t)
{
    return floor_div(t.seconds, SECONDS_PER_DAY);
}

// Before year 1 too it runs from midnight on.
i64 instant_second_of_day(Instant t)
{
    return t.seconds - instant_days(t) * SECONDS_PER_DAY;
}

CivilDate instant_date(Instant t)
{
    return civil_of_days(instant_days(t));
}

// Day 0, 0001-01-01, is a Monday in the calendar carried back.
int instant_weekday(Instant t)
{
    i64 days = instant_days(t) + 1; // day 0 was a Monday
    return (int)(days - floor_div(days, 7) * 7);
}

// The year is asked of the date, since leap years make the days of a year differ.
int instant_year_day(Instant t)
{
    return (int)(instant_days(t) - civil_to_days(instant_date(t).year, 1, 1)) + 1;
}

// A week belongs to the year that its Thursday is in.
void instant_iso_week(Instant t, i64 *year, int *week)
{
    ASSERT(year != NULL && week != NULL);

    int from_monday = (instant_weekday(t) + 6) % 7;
    i64 thursday = instant_days(t) - from_monday + 3;
    *year = civil_of_days(thursday).year;
    *week = (int)((thursday - civil_to_days(*year, 1, 1)) / 7) + 1;
    ASSERT(*week >= 1 && *week <= 53);
}

// --- arithmetic ---

// 2^40 of any part is more than the range of years holds, and small enough to be multiplied.
static bool part_is_fine(i64 part)
{
    return part >= -PART_MAX && part <= PART_MAX;
}

// The first of a month, months outside of 1 to 12 carried into the year. false: out of range.
static bool first_of_month(i64 year, i64 month, CivilDate *out)
{
    ASSERT(out != NULL);

    // Years are sums already, of a date's and a user's: the bound leaves room for what is carried.
    if (!part_is_fine(month) || year < -PART_MAX || year > PART_MAX)
        return false;
    i64 carried = floor_div(month - 1, 12);
    *out = (CivilDate){.year = year + carried, .month = (int)(month - 1 - carried * 12) + 1};
    ASSERT(out->month >= 1 && out->month <= 12);
    out->day = 1;
    return out->year >= -INSTANT_YEAR_MAX && out->year <= INSTANT_YEAR_MAX;
}

// The offset is taken off: parts are local to it, an Instant is UTC.
bool instant_of_parts(const InstantParts *parts, Instant *out)
{
    ASSERT(parts != NULL && out != NULL);

    CivilDate first;
    bool is_fine = part_is_fine(parts->day) && part_is_fine(parts->hour)
                   && part_is_fine(parts->minute) && part_is_fine(parts->offset)
                   && parts->second >= INT64_MIN / 4 && parts->second <= INT64_MAX / 4
                   && first_of_month(parts->year, parts->month, &first);
    if (!is_fine)
        return false;
    // Days, hours and minutes are below 2^40 units of a day at most, which is 2^57 seconds; the
    // seconds are below 2^61, so that the sum stays below 2^63.
    i64 days = civil_to_days(first.year, first.month, 1) + parts->day - 1;
    i64 carried = floor_div(parts->nanos, NANOS_PER_SECOND);
    out->seconds = days * SECONDS_PER_DAY + parts->hour * 3600 + parts->minute * 60 + parts->second
                   - parts->offset + carried;
    out->nanos = (u32)(parts->nanos - carried * NANOS_PER_SECOND);
    ASSERT(out->nanos < NANOS_PER_SECOND);
    return instant_in_range(*out);
}

// Up to 2^63 nanoseconds, which are 292 years, so that seconds cannot overflow.
bool instant_add_nanos(Instant *t, i64 nanos)
{
    ASSERT(t->nanos < NANOS_PER_SECOND);
    ASSERT(instant_in_range(*t));

    i64 seconds = floor_div(nanos, NANOS_PER_SECOND);
    i64 rest = (i64)t->nanos + nanos - seconds * NANOS_PER_SECOND;
    ASSERT(rest >= 0 && rest < 2 * NANOS_PER_SECOND);
    t->seconds += seconds + rest / NANOS_PER_SECOND;
    t->nanos = (u32)(rest % NANOS_PER_SECOND);
    return instant_in_range(*t);
}

// The time of day stays. Years and months first, then days, as the three are written.
bool instant_add_date(Instant *t, i64 years, i64 months, i64 days)
{
    ASSERT(instant_in_range(*t));

    CivilDate date = instant_date(*t), first;
    if (!part_is_fine(years) || !part_is_fine(months) || !part_is_fine(days)
        || !first_of_month(date.year + years, date.month + months, &first))
        return false;
    // 31 January and a month is the last day of February, not a day of March.
    int length = civil_month_length(first.year, first.month);
    int day = date.day < length ? date.day : length;
    i64 second = instant_second_of_day(*t);
    t->seconds = (civil_to_days(first.year, first.month, day) + days) * SECONDS_PER_DAY + second;
    return instant_in_range(*t);
}

// t - u.
bool instant_difference(Instant t, Instant u, i64 *out)
{
    ASSERT(out != NULL);

    i64 nanos;
    // Years in range are 2^46 seconds apart at most: only nanoseconds can overflow.
    return !__builtin_mul_overflow(t.seconds - u.seconds, NANOS_PER_SECOND, &nanos)
           && !__builtin_add_overflow(nanos, (i64)t.nanos - (i64)u.nanos, out);
}

int instant_compare(Instant t, Instant u)
{
    ASSERT(t.nanos < NANOS_PER_SECOND && u.nanos < NANOS_PER_SECOND);

    if (t.seconds != u.seconds)
        return t.seconds < u.seconds ? -1 : 1;
    return (t.nanos > u.nanos) - (t.nanos < u.nanos);
}

// Nanoseconds since year 1 pass 64 bits after 292 years, so that the remainder takes 128.
static i64 remainder_of(Instant t, i64 unit)
{
    ASSERT(unit > 0);

    __int128 nanos = (__int128)t.seconds * NANOS_PER_SECOND + t.nanos;
    i64 rest = (i64)(nanos % unit);
    return rest < 0 ? rest + unit : rest;
}

// Of negative instants too down, towards the past.
bool instant_truncate(Instant *t, i64 unit)
{
    ASSERT(t->nanos < NANOS_PER_SECOND);

    // No length to be a multiple of: the instant stays as it is.
    if (unit <= 0)
        return true;
    return instant_add_nanos(t, -remainder_of(*t, unit));
}

bool instant_round(Instant *t, i64 unit)
{
    ASSERT(t->nanos < NANOS_PER_SECOND);

    if (unit <= 0)
        return true;
    // A half goes up. The comparison cannot overflow, as 2 * rest could.
    i64 rest = remainder_of(*t, unit);
    return instant_add_nanos(t, rest < unit - rest ? -rest : unit - rest);
}

// --- text ---

// Years before year 1 with a minus and their number by astronomers: year 0 is 1 BC.
static void put_date(Buffer *out, Instant t)
{
    // Four digits at least: years past 9999 are written with as many as they have.
    CivilDate date = instant_date(t);
    i64 year = date.year < 0 ? -date.year : date.year;
    buffer_printf(out, "%s%04d-%02d-%02d", date.year < 0 ? "-" : "", (int)year, date.month,
                  date.day);
}

// Whole seconds: the fraction is the format's to show or not.
static void put_time(Buffer *out, Instant t)
{
    int second = (int)instant_second_of_day(t);
    ASSERT(second >= 0 && second < SECONDS_PER_DAY);
    buffer_printf(out, "%02d:%02d:%02d", second / 3600, second / 60 % 60, second % 60);
}

// Seconds of an offset are not shown: no format of a zone has them.
static void put_zone(Buffer *out, i64 offset)
{
    ASSERT(offset > -2 * SECONDS_PER_DAY && offset < 2 * SECONDS_PER_DAY);

    int minutes = (int)((offset < 0 ? -offset : offset) / 60);
    if (offset == 0)
        buffer_add_char(out, 'Z');
    else
        buffer_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

// The instant is moved into its zone first, and then written as if that were UTC.
void instant_format(Buffer *out, Instant t, InstantFormat format, i64 offset)
{
    ASSERT(offset > -2 * SECONDS_PER_DAY);
    ASSERT(offset < 2 * SECONDS_PER_DAY);
    ASSERT(t.nanos < NANOS_PER_SECOND);
    ASSERT(format <= FORMAT_TIME);

    t.seconds += offset;
    if (format != FORMAT_TIME)
        put_date(out, t);
    if (format == FORMAT_ISO)
        buffer_add_char(out, 'T');
    if (format == FORMAT_DATETIME)
        buffer_add_char(out, ' ');
    if (format != FORMAT_DATE)
        put_time(out, t);
    if (format == FORMAT_ISO && t.nanos != 0)
        buffer_printf(out, ".%09u", t.nanos);
    if (format == FORMAT_ISO)
        put_zone(out, offset);
}

// Exactly `count` digits, then `next` unless that is 0; NULL: it is not so.
// The NUL at the text's end is no digit, so that nothing behind it is read.
static const char *read_digits(const char *p, int count, char next, i64 *out)
{
    ASSERT(count >= 1 && count <= 4);

    *out = 0;
    for (int i = 0; i < count; i++, p++) {
        if (!ascii_is_digit((u8)*p))
            return NULL;
        *out = *out * 10 + (*p - '0');
    }
    if (next == 0)
        return p;
    return *p == next ? p + 1 : NULL;
}

// Up to nanoseconds; the point needs a digit behind it.
static const char *read_fraction(const char *p, i64 *nanos)
{
    ASSERT(*nanos == 0);

    i64 unit = NANOS_PER_SECOND / 10;
    if (*p != '.')
        return p;
    p++;
    if (!ascii_is_digit((u8)*p))
        return NULL;
    for (; ascii_is_digit((u8)*p); p++) {
        *nanos += (*p - '0') * unit; // digits past the ninth count nothing
        unit /= 10;
    }
    return p;
}

// None at all is UTC.
static const char *read_zone(const char *p, i64 *offset)
{
    ASSERT(*offset == 0);

    if (*p == 'Z' || *p == 'z')
        return p + 1;
    if (*p != '+' && *p != '-')
        return p;
    bool is_west = *p == '-';
    i64 hours, minutes;
    p = read_digits(p + 1, 2, ':', &hours);
    p = p != NULL ? read_digits(p, 2, 0, &minutes) : NULL;
    if (p == NULL || hours > 23 || minutes > 59)
        return NULL;
    *offset = (hours * 60 + minutes) * (is_west ? -60 : 60);
    return p;
}

// HH:MM:SS with fraction and zone. There are no leap seconds, and no 24:00.
static const char *read_time(const char *p, InstantParts *parts)
{
    ASSERT(parts->nanos == 0 && parts->offset == 0);

    p = read_digits(p, 2, ':', &parts->hour);
    p = p != NULL ? read_digits(p, 2, ':', &parts->minute) : NULL;
    p = p != NULL ? read_digits(p, 2, 0, &parts->second) : NULL;
    p = p != NULL ? read_fraction(p, &parts->nanos) : NULL;
    p = p != NULL ? read_zone(p, &parts->offset) : NULL;
    bool is_fine = p != NULL && parts->hour <= 23 && parts->minute <= 59 && parts->second <= 59;
    return is_fine ? p : NULL;
}

// Four digits for the year, so that nothing past 9999 and nothing before year 0 can be read.
static const char *read_date(const char *p, InstantParts *parts)
{
    ASSERT(parts != NULL);

    p = read_digits(p, 4, '-', &parts->year);
    p = p != NULL ? read_digits(p, 2, '-', &parts->month) : NULL;
    p = p != NULL ? read_digits(p, 2, 0, &parts->day) : NULL;
    bool is_fine = p != NULL && parts->month >= 1 && parts->month <= 12 && parts->day >= 1
                   && parts->day <= civil_month_length(parts->year, (int)parts->month);
    return is_fine ? p : NULL;
}

// False for anything that is not exactly one of the forms; nothing may follow.
bool instant_parse(const char *text, Instant *out)
{
    ASSERT(text != NULL && out != NULL);

    InstantParts parts = {.year = 1, .month = 1, .day = 1};
    const char *p = text;
    // A date has a digit there.
    if (strlen(text) > 2 && text[2] == ':') {
        p = read_time(p, &parts);
    } else {
        p = read_date(p, &parts);
        if (p != NULL && (*p == 'T' || *p == ' '))
            p = read_time(p + 1, &parts);
    }
    return p != NULL && *p == 0 && instant_of_parts(&parts, out);
}
