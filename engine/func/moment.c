// Points in time: calendar arithmetic and reading (laws M1 to M4 of moment.h).
//
// Milliseconds since noon of 24 November 4714 BC, of the Gregorian calendar carried back (Julian
// day 0), are the one representation; year to second are derived and read back on demand.
//
// Local time and modifiers are in moment_modify.c.

#include "func/moment.h"

#include "base/utf.h"
#include <math.h>
#include <string.h>

// --- calendar ---

// M1: the caller knows that jd_ms holds.
bool moment_in_range(const Moment *m)
{
    ASSERT(m->has_jd || m->failed);

    return m->jd_ms >= 0 && m->jd_ms < JD_MS_LIMIT;
}

// Everything but the failure is forgotten, so that no later step meets half a time.
static void moment_fail(Moment *m)
{
    *m = (Moment){.failed = true};
}

// Days from Julian day 0 to midnight before year-month-day, less half a day. Months count from
// March, so that the leap day is the last of its year: 30.6001 days on average, whose multiples,
// cut off, are the days before each month (Meeus, Astronomical Algorithms, chapter 7). 32168 takes
// off what counting from year -4800 added.
static i64 days_of_date(i64 year, i64 month, i64 day)
{
    ASSERT(month >= 1 && month <= 12);
    ASSERT(year >= -4800);
    ASSERT(day >= 0);

    // January and February are months 13 and 14 of the year before.
    if (month <= 2) {
        year--;
        month += 12;
    }
    i64 shifted = year + 4800; // positive from here on
    i64 century = shifted / 100;
    i64 days = 365 * shifted + shifted / 4 - century + century / 4;
    return days + 306001 * (month + 1) / 10000 + day - 32168;
}

// A date past its month's end is counted on into the next month (M2), by days_of_date() itself.
void moment_need_jd(Moment *m)
{
    if (m->has_jd)
        return;
    int year = m->has_date ? m->year : 2000;
    int month = m->has_date ? m->month : 1;
    int day = m->has_date ? m->day : 1;
    // A bare number that was no Julian day is out of range as one.
    if (year < -4713 || year > 9999 || m->is_raw) {
        moment_fail(m);
        return;
    }
    m->jd_ms = days_of_date(year, month, day) * MS_PER_DAY + MS_PER_DAY / 2;
    m->has_jd = true;
    if (!m->has_time)
        return;
    m->jd_ms += (i64)m->hour * 3600000 + (i64)m->minute * 60000 + (i64)(m->second * 1000 + 0.5);
    // The zone is taken off once; the parts were local to it, so they are to be derived anew in
    // UTC.
    if (m->zone_minutes != 0) {
        m->jd_ms -= (i64)m->zone_minutes * 60000;
        m->has_date = false;
        m->has_time = false;
        m->zone_minutes = 0;
        m->is_utc = true;
        m->is_local = false;
    }
}

// Of the Julian day; a moment without one is of 2000-01-01.
void moment_need_date(Moment *m)
{
    if (m->has_date)
        return;
    if (!m->has_jd) {
        m->year = 2000;
        m->month = 1;
        m->day = 1;
        // The same day that moment_need_jd() takes for want of a date.
    } else if (!moment_in_range(m)) {
        moment_fail(m);
        return;
    } else {
        // From days to a date, by the rule of Fliegel and Van Flandern.
        i64 z = (m->jd_ms + MS_PER_DAY / 2) / MS_PER_DAY;
        i64 a = z + 68569;
        i64 n = 4 * a / 146097;
        a -= (146097 * n + 3) / 4;
        i64 i = 4000 * (a + 1) / 1461001;
        a = a - 1461 * i / 4 + 31;
        i64 j = 80 * a / 2447;
        m->day = (int)(a - 2447 * j / 80);
        m->month = (int)(j + 2 - 12 * (j / 11));
        m->year = (int)(100 * (n - 49) + i + j / 11);
        ASSERT(m->month >= 1 && m->month <= 12 && m->day >= 1 && m->day <= 31);
    }
    m->has_date = true;
}

// Of a Moment without a date either it is midnight.
void moment_need_time(Moment *m)
{
    if (m->has_time)
        return;
    moment_need_jd(m);
    i64 ms = (m->jd_ms + MS_PER_DAY / 2) % MS_PER_DAY;
    m->second = (f64)(ms % 60000) / 1000.0;
    i64 minutes = ms / 60000;
    m->minute = (int)(minutes % 60);
    m->hour = (int)(minutes / 60);
    // From here on `second` is the part of a time, not a bare number.
    m->is_raw = false;
    m->has_time = true;
}

// The date first: it may fail, and the parts of a failed moment are all zero (M4).
void moment_need_all(Moment *m)
{
    moment_need_date(m);
    moment_need_time(m);
}

// The Julian day may be told afterwards: a caller that has none yet sets it next.
void moment_forget_parts(Moment *m)
{
    m->has_date = false;
    m->has_time = false;
    m->zone_minutes = 0;
}

// The Julian day alone is moved; the parts are derived anew when asked for (M3).
void moment_add_ms(Moment *m, i64 ms)
{
    ASSERT(m->has_jd || m->failed);

    if (i64_add_overflows(m->jd_ms, ms, &m->jd_ms))
        moment_fail(m);
    moment_forget_parts(m);
}

// How many days of the date lie beyond the end of its month: 31 February is 3 or 2 too far.
void moment_note_overflow(Moment *m)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    // Kept for the modifiers 'floor' and 'ceiling', which say what becomes of such a day.
    m->overflow_days = 0;
    if (m->day <= 28 || m->month < 1 || m->month > 12)
        return;
    bool leap = m->year % 4 == 0 && (m->year % 100 != 0 || m->year % 400 == 0);
    int length = lengths[m->month - 1] + (m->month == 2 && leap);
    if (m->day > length)
        m->overflow_days = m->day - length;
}

// --- reading ---

// A sign or a blank is no digit: dates are read strictly.
const char *moment_digits(const char *p, int count, int low, int high, char next, int *out)
{
    ASSERT(count > 0);
    ASSERT(low >= 0 && low <= high);
    ASSERT(count <= 5); // of years in a span; nine digits would fill an int
    ASSERT(p != NULL && out != NULL);

    int value = 0;
    for (int i = 0; i < count; i++) {
        if (!ascii_is_digit((u8)*p))
            return NULL;
        value = value * 10 + (*p++ - '0');
    }
    if (value < low || value > high)
        return NULL;
    if (next != 0 && *p++ != next)
        return NULL;
    *out = value;
    return p;
}

// Between parts, and before and after a zone.
static const char *skip_blanks(const char *p)
{
    while (ascii_is_space((u8)*p))
        p++;
    return p;
}

// Z, +HH:MM, -HH:MM or nothing; the text must end there.
static bool parse_zone(Moment *m, const char *p)
{
    ASSERT(p != NULL);

    p = skip_blanks(p);
    m->zone_minutes = 0;
    if (*p == 0)
        return true;
    if (*p == 'Z' || *p == 'z') {
        p++;
        m->is_local = false;
        m->is_utc = true;
    } else if (*p == '+' || *p == '-') {
        int sign = *p == '-' ? -1 : 1;
        int hours;
        int minutes;
        // 14 hours is the furthest that any zone is from UTC.
        p = moment_digits(p + 1, 2, 0, 14, ':', &hours);
        p = p ? moment_digits(p, 2, 0, 59, 0, &minutes) : NULL;
        if (p == NULL)
            return false;
        m->zone_minutes = sign * (minutes + hours * 60);
        if (m->zone_minutes == 0) {
            m->is_local = false;
            m->is_utc = true;
        }
    } else {
        return false;
    }
    return *skip_blanks(p) == 0;
}

// .FFF, cut below a millisecond so that it never rounds up to a full second.
// NULL: no fraction that a double holds.
static const char *parse_fraction(const char *p, f64 *out)
{
    ASSERT(ascii_is_digit((u8)*p));

    f64 fraction = 0.0;
    f64 scale = 1.0;
    while (ascii_is_digit((u8)*p)) {
        fraction = fraction * 10.0 + (*p - '0');
        scale *= 10.0;
        p++;
    }
    // More digits than a double has powers of ten: infinity by infinity would be no number.
    if (isinf(fraction))
        return NULL;
    fraction /= scale;
    *out = fraction > 0.999 ? 0.999 : fraction;
    return p;
}

// 24:00 is a time: the midnight that ends the day.
bool moment_parse_time(Moment *m, const char *text)
{
    ASSERT(text != NULL);

    int hour;
    int minute;
    int second = 0;
    f64 fraction = 0.0;
    const char *p = moment_digits(text, 2, 0, 24, ':', &hour);
    p = p ? moment_digits(p, 2, 0, 59, 0, &minute) : NULL;
    if (p == NULL)
        return false;
    if (*p == ':') {
        p = moment_digits(p + 1, 2, 0, 59, 0, &second);
        if (p == NULL)
            return false;
        if (*p == '.' && ascii_is_digit((u8)p[1]))
            p = parse_fraction(p + 1, &fraction);
        if (p == NULL)
            return false;
    }
    m->has_jd = false;
    m->is_raw = false;
    m->has_time = true;
    m->hour = hour;
    m->minute = minute;
    m->second = second + fraction;
    return parse_zone(m, p);
}

// A date that cannot be is read all the same if each part is in range: 31 February is a day of
// March.
static bool parse_date(Moment *m, const char *text)
{
    ASSERT(text != NULL);

    bool negative = *text == '-';
    const char *p = text + negative;
    int year;
    int month;
    int day;
    p = moment_digits(p, 4, 0, 9999, '-', &year);
    p = p ? moment_digits(p, 2, 1, 12, '-', &month) : NULL;
    p = p ? moment_digits(p, 2, 1, 31, 0, &day) : NULL;
    if (p == NULL)
        return false;
    // Any number of either, as SQLite reads it.
    while (ascii_is_space((u8)*p) || *p == 'T')
        p++;
    if (!moment_parse_time(m, p)) {
        if (*p != 0)
            return false;
        m->has_time = false;
    }
    m->has_jd = false;
    m->has_date = true;
    m->year = negative ? -year : year;
    m->month = month;
    m->day = day;
    moment_note_overflow(m);
    // The zone may move the date, which is to be known in UTC before modifiers come.
    if (m->zone_minutes != 0)
        moment_need_jd(m);
    return true;
}

// UTC, which 'localtime' may change.
bool moment_set_now(Moment *m, FuncCall *call)
{
    m->jd_ms = call_now_ms(call);
    m->has_jd = true;
    m->is_utc = true;
    m->is_local = false;
    moment_forget_parts(m);
    // 0: the clock of the VFS has failed.
    return m->jd_ms > 0;
}

// What it means is settled by the first modifier, or is a Julian day if there is none.
void moment_set_number(Moment *m, f64 number)
{
    ASSERT(!m->has_date && !m->has_time);

    m->second = number;
    m->is_raw = true;
    // The end of year 9999 as a Julian day. A larger number may still be seconds (unixepoch, auto).
    if (number >= 0.0 && number < 5373484.5) {
        m->jd_ms = (i64)(number * 86400000.0 + 0.5);
        m->has_jd = true;
    }
}

// 'now' and its forms with a fraction; nothing else that is a moment begins with a letter.
static bool parse_word(Moment *m, FuncCall *call, const char *text)
{
    ASSERT(ascii_is_letter((u8)text[0]));

    bool is_now = name_equals(text, "now");
    bool subsecond = !is_now && (name_equals(text, "subsec") || name_equals(text, "subsecond"));
    if ((!is_now && !subsecond) || !call_may_change(call))
        return false;
    // Not where the value must not change (an index, a CHECK): the call has failed then.
    m->subsecond |= subsecond;
    return moment_set_now(m, call);
}

// Dates are tried before times, times before numbers.
bool moment_parse(Moment *m, FuncCall *call, const char *text)
{
    ASSERT(text != NULL);
    ASSERT(!m->failed);

    if (ascii_is_letter((u8)text[0]))
        return parse_word(m, call, text);
    if (parse_date(m, text) || moment_parse_time(m, text))
        return true;
    ParsedNumber number;
    number_parse(text, strlen(text), &number);
    if (number.kind == NUMBER_NONE || !number.whole)
        return false;
    moment_set_number(m, number.real);
    return true;
}
