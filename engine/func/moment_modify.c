// Modifiers of date functions: "+3 days", "start of month", "weekday 0", "localtime" and the
// others ("Modifiers", sqlite.org/lang_datefunc.html). They are applied from left to right, each
// to what the ones before it left.
//
//    modifier = [+-]number unit[s] | [+-]HH:MM[:SS[.FFF]] | [+-]YYYY-MM-DD[ HH:MM[:SS[.FFF]]]
//             | "start of " (month | year | day) | "weekday " 0..6 | "ceiling" | "floor"
//             | "unixepoch" | "julianday" | "auto" | "localtime" | "utc" | "subsec" | "subsecond"
//
// Months are added by the calendar, so that a day may lie past the end of its month: 31 January +
// 1 month is 31 February, counted on as 3 or 2 March ("ceiling", what happens without a word) or
// cut back by "floor", which is why a moment notes overflow_days.

#include "base/utf.h"
#include "func/moment.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

// --- local time ---

// Years the C library may not know are mapped to one of 2000..2003 that is a leap year alike.
static const i64 LOCAL_FIRST_MS = 210866760000000; // 1970-01-01
static const i64 LOCAL_LAST_MS = 213014145600000;  // 2038-01-18

// Years the C library may not know are mapped to one of 2000..2003 that is a leap year alike: the
// rules of today's time zone are assumed for them, as SQLite does.
static bool to_local(Moment *m, FuncCall *call)
{
    moment_need_jd(m);
    ASSERT(m->has_jd || m->failed);
    int year_change = 0;
    Moment known = *m;
    if (m->jd_ms < LOCAL_FIRST_MS || m->jd_ms > LOCAL_LAST_MS) {
        moment_need_all(&known);
        year_change = 2000 + known.year % 4 - known.year;
        known.year += year_change;
        known.has_jd = false;
        moment_need_jd(&known);
    }
    // Subtracted after the division: in milliseconds the epoch is no multiple of a second's before
    // it.
    time_t seconds = (time_t)(known.jd_ms / 1000 - UNIX_EPOCH_MS / 1000);
    struct tm local;
    tzset();
    if (localtime_r(&seconds, &local) == NULL) {
        call_result_error(call, "local time unavailable", -1, SQLITE_UTF8);
        return false;
    }
    m->year = local.tm_year + 1900 - year_change;
    m->month = local.tm_mon + 1;
    m->day = local.tm_mday;
    m->hour = local.tm_hour;
    m->minute = local.tm_min;
    // time_t has no milliseconds: they do not change with the zone and are carried over.
    m->second = local.tm_sec + (f64)(m->jd_ms % 1000) * 0.001;
    m->has_date = true;
    m->has_time = true;
    m->has_jd = false;
    m->is_raw = false;
    m->zone_minutes = 0;
    m->failed = false;
    return true;
}

// A second 'localtime' changes nothing.
static bool modify_localtime(Moment *m, FuncCall *call)
{
    ASSERT(m != NULL);

    if (!call_may_change(call))
        return false;
    if (!m->is_local && !to_local(m, call))
        return false;
    m->is_utc = false;
    m->is_local = true;
    return true;
}

// Looks for the UTC whose local time this is; four guesses suffice. The time so far is taken for
// local. A zone's offset depends on the instant sought, so it is found by trying: each guess is
// corrected by what it is off.
static bool modify_utc(Moment *m, FuncCall *call)
{
    if (!call_may_change(call))
        return false;
    if (m->is_utc)
        return true;
    moment_need_jd(m);
    i64 wanted = m->jd_ms;
    ASSERT(m->has_jd || m->failed);
    i64 guess = wanted;
    i64 error = 0;
    for (int i = 0; i < 4; i++) {
        guess -= error;
        Moment tried = {.jd_ms = guess, .has_jd = true};
        if (!to_local(&tried, call))
            return false;
        moment_need_jd(&tried);
        error = tried.jd_ms - wanted;
        if (error == 0)
            break;
    }
    *m = (Moment){
        .jd_ms = guess, .has_jd = true, .is_utc = true}; // forgets 'subsec', as SQLite does
    return true;
}

// --- what a bare number means ---

// Only of the first modifier, and only of a bare number.
static bool modify_unixepoch(Moment *m, int index)
{
    ASSERT(index >= 1);

    if (index > 1 || !m->is_raw)
        return false;
    f64 ms = m->second * 1000.0 + (f64)UNIX_EPOCH_MS;
    if (!(ms >= 0.0 && ms < (f64)JD_MS_LIMIT))
        return false;
    moment_forget_parts(m);
    m->jd_ms = (i64)(ms + 0.5);
    m->has_jd = true;
    m->is_raw = false;
    return true;
}

// A number small enough for a Julian day is one, any other is Unix time.
static bool modify_auto(Moment *m, int index)
{
    ASSERT(index >= 1);

    if (index > 1)
        return false;
    if (!m->is_raw || m->has_jd) {
        m->is_raw = false;
        return true;
    }
    // Seconds since 1970 of year -4713 and of the end of 9999, as SQLite bounds them.
    if (!(m->second >= -210866760000.0 && m->second <= 253402300799.0))
        return false;
    return modify_unixepoch(m, index);
}

// Confirms that a bare number is a Julian day, which moment_set_number() took it for if it was in
// range.
static bool modify_julianday(Moment *m, int index)
{
    ASSERT(index >= 1);

    if (index > 1 || !m->has_jd || !m->is_raw)
        return false;
    m->is_raw = false;
    return true;
}

// --- start of, weekday ---

// Of what is no time yet (a bare number out of range) there is no beginning.
static bool modify_start(Moment *m, const char *unit)
{
    ASSERT(unit != NULL);

    if (!m->has_jd && !m->has_date && !m->has_time)
        return false;
    bool month = name_equals(unit, "month");
    bool year = name_equals(unit, "year");
    if (!month && !year && !name_equals(unit, "day"))
        return false;
    moment_need_date(m);
    m->has_time = true;
    m->hour = 0;
    m->minute = 0;
    m->second = 0.0;
    m->is_raw = false;
    m->zone_minutes = 0;
    m->has_jd = false;
    if (month || year)
        m->day = 1;
    if (year)
        m->month = 1;
    return true;
}

// On to the next day of that number, Sunday being 0; the day itself may be it. Only whole numbers
// from 0 to 6.
static bool modify_weekday(Moment *m, const char *text)
{
    ASSERT(text != NULL);

    ParsedNumber number;
    number_parse(text, strlen(text), &number);
    if (number.kind == NUMBER_NONE || !number.whole)
        return false;
    if (!(number.real >= 0.0 && number.real < 7.0) || number.real != (f64)(int)number.real)
        return false;
    moment_need_all(m);
    m->zone_minutes = 0;
    m->has_jd = false;
    moment_need_jd(m);
    // Julian day 0 was a Monday, and begins at noon.
    i64 weekday = (m->jd_ms + 3 * (i64)MS_PER_DAY / 2) / MS_PER_DAY % 7;
    ASSERT(m->failed || (weekday >= 0 && weekday <= 6));
    i64 wanted = (i64)number.real;
    moment_add_ms(m, (wanted - weekday + (weekday > wanted ? 7 : 0)) * MS_PER_DAY);
    return true;
}

// --- adding ---

// Brings a month outside 1..12 back, changing the year. The day stays as it is, be it past the end
// of the month.
static void carry_months(Moment *m)
{
    // C rounds towards zero, so that a month before the first needs another formula: month 0 is
    // December of the year before.
    int years = m->month > 0 ? (m->month - 1) / 12 : (m->month - 12) / 12;
    m->year += years;
    m->month -= years * 12;
    ASSERT(m->month >= 1 && m->month <= 12);
}

typedef struct Unit {
    const char *name;
    f64 limit;   // amounts beyond are refused
    f64 seconds; // of one; of a part of one for months and years
} Unit;

// What takes year -4713 beyond 9999 in that unit: a greater amount cannot have an answer. They
// also keep amount times milliseconds within 64 bits. Months and years beyond the whole ones count
// as 30 and 365 days.
static const Unit units[] = {
    {"second", 4.6427e+14, 1.0},       {"minute", 7.7379e+12, 60.0},
    {"hour", 1.2897e+11, 3600.0},      {"day", 5373485.0, 86400.0},
    {"month", 176546.0, 30.0 * 86400}, {"year", 14713.0, 365.0 * 86400},
};

// The name may be in any case and end in s. 31 January + 1.5 months is a month by the calendar and
// half of thirty days.
static bool add_units(Moment *m, f64 amount, const char *name)
{
    ASSERT(name != NULL);

    char singular[12];
    size_t size = strlen(name);
    if (size < 3 || size > 10)
        return false;
    memcpy(singular, name, size + 1);
    if (ascii_lower((u8)singular[size - 1]) == 's')
        singular[size - 1] = 0;
    moment_need_jd(m);
    m->overflow_days = 0;
    // To the nearest millisecond, halves away from zero.
    f64 rounder = amount < 0 ? -0.5 : 0.5;
    for (u32 i = 0; i < ARRAY_LEN(units); i++) {
        const Unit *unit = &units[i];
        if (!name_equals(unit->name, singular) || amount <= -unit->limit || amount >= unit->limit)
            continue;
        if (i >= 4) { // whole months and years by the calendar, the rest by days
            moment_need_all(m);
            if (i == 4)
                m->month += (int)amount;
            else
                m->year += (int)amount;
            carry_months(m);
            moment_note_overflow(m);
            m->has_jd = false;
            amount -= (f64)(int)amount;
        }
        moment_need_jd(m);
        moment_add_ms(m, (i64)(amount * 1000.0 * unit->seconds + rounder));
        return true;
    }
    moment_forget_parts(m);
    return false;
}

// [+-]HH:MM[:SS[.FFF]] The span is at most 24:00, as a time is; the sum may pass midnight.
static bool add_time(Moment *m, const char *text, bool negative)
{
    ASSERT(text != NULL);

    Moment span = {0};
    if (!moment_parse_time(&span, text))
        return false;
    moment_need_jd(&span);
    // The span was read as a time of 2000-01-01: what counts is its part of a day.
    i64 ms = span.jd_ms - MS_PER_DAY / 2;
    ms -= ms / MS_PER_DAY * MS_PER_DAY;
    moment_need_jd(m);
    moment_add_ms(m, negative ? -ms : ms);
    return true;
}

// [+-]YYYY-MM-DD[ HH:MM...], the years with four or five digits: `text` begins behind the sign.
static bool add_span(Moment *m, const char *text, int year_digits, bool negative)
{
    ASSERT(year_digits == 4 || year_digits == 5);

    int years;
    int months;
    int days;
    // Months up to 11 and days up to 30 only: a span is written in its shortest form.
    const char *p = moment_digits(text, year_digits, 0, 14712, '-', &years);
    p = p ? moment_digits(p, 2, 0, 11, '-', &months) : NULL;
    p = p ? moment_digits(p, 2, 0, 30, 0, &days) : NULL;
    if (p == NULL)
        return false;
    moment_need_all(m);
    m->has_jd = false;
    m->year += negative ? -years : years;
    m->month += negative ? -months : months;
    carry_months(m);
    moment_note_overflow(m);
    moment_need_jd(m);
    moment_add_ms(m, (i64)(negative ? -days : days) * MS_PER_DAY);
    if (*p == 0)
        return true;
    int ignored;
    const char *q = ascii_is_space((u8)*p) ? moment_digits(p + 1, 2, 0, 24, ':', &ignored) : NULL;
    if (q == NULL || moment_digits(q, 2, 0, 59, 0, &ignored) == NULL)
        return false;
    return add_time(m, p + 1, negative);
}

// Is text[n] the dash that ends the years of a span?
static bool ends_years(const char *text, size_t n)
{
    ASSERT(n > 0);

    int ignored;
    return text[n] == '-' && (n == 5 || n == 6)
           && moment_digits(text + 1, (int)n - 1, 0, 14712, 0, &ignored) != NULL;
}

// A number and what follows it: a unit, ':' and a time, or '-' and a span in years.
static bool modify_add(Moment *m, const char *text)
{
    ASSERT(text[0] == '+' || text[0] == '-' || ascii_is_digit((u8)text[0]));

    bool negative = text[0] == '-';
    size_t n = 1;
    // Finds where the number ends, which tells the three forms apart.
    while (text[n] != 0 && text[n] != ':' && !ascii_is_space((u8)text[n]) && !ends_years(text, n))
        n++;
    ParsedNumber number;
    number_parse(text, n, &number);
    if (number.kind == NUMBER_NONE || !number.whole)
        return false;
    if (text[n] == '-') {
        if (text[0] != '+' && text[0] != '-')
            return false;
        return add_span(m, text + 1, (int)n - 1, negative);
    }
    if (text[n] == ':')
        return add_time(m, ascii_is_digit((u8)text[0]) ? text : text + 1, negative);
    const char *name = text + n;
    while (ascii_is_space((u8)*name))
        name++;
    return add_units(m, number.real, name);
}

// --- all ---

// 'ceiling' is what happens anyhow; it ends the waiting for a 'floor'.
static bool modify_floor(Moment *m, bool floor)
{
    moment_need_jd(m);
    ASSERT(m->overflow_days >= 0 && m->overflow_days <= 3);
    if (floor)
        moment_add_ms(m, -(i64)m->overflow_days * MS_PER_DAY);
    else
        m->overflow_days = 0;
    moment_forget_parts(m);
    return true;
}

// The first letters tell modifiers apart; what is none gives NULL.
bool moment_modify(Moment *m, FuncCall *call, const char *text, int index)
{
    ASSERT(index >= 1);
    ASSERT(text != NULL);

    if (ascii_is_digit((u8)text[0]) || text[0] == '+' || text[0] == '-')
        return modify_add(m, text);
    if (name_equals_n(text, "start of ", 9))
        return modify_start(m, text + 9);
    if (name_equals_n(text, "weekday ", 8))
        return modify_weekday(m, text + 8);
    if (name_equals(text, "localtime"))
        return modify_localtime(m, call);
    if (name_equals(text, "utc"))
        return modify_utc(m, call);
    if (name_equals(text, "unixepoch"))
        return modify_unixepoch(m, index);
    if (name_equals(text, "julianday"))
        return modify_julianday(m, index);
    if (name_equals(text, "auto"))
        return modify_auto(m, index);
    if (name_equals(text, "ceiling") || name_equals(text, "floor"))
        return modify_floor(m, ascii_lower((u8)text[0]) == 'f');
    if (name_equals(text, "subsec") || name_equals(text, "subsecond")) {
        m->subsecond = true;
        return true;
    }
    return false;
}
