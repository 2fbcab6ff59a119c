// Date and time functions: date, time, datetime, julianday, unixepoch, strftime, timediff
// (sqlite.org/lang_datefunc.html). Reading and arithmetic are moment.c's and moment_modify.c's;
// here a Moment becomes an answer.
//
// Whatever cannot be read as a time, or leaves the years -4713 to 9999, gives NULL, never an
// error; errors are told only where the clock or the time zone may not be asked (call_may_change).

#include "base/number.h"
#include "base/utf.h"
#include "func/moment.h"
#include "func/printf.h"
#include <string.h>

// The moment that the arguments [time-value, modifier, ...] name. False: NULL, or the call failed.
static bool read_moment(FuncCall *call, int arg_count, Value **args, Moment *m)
{
    ASSERT(arg_count >= 0);

    *m = (Moment){0};
    if (arg_count == 0)
        return call_may_change(call) && moment_set_now(m, call);
    int type = value_type(args[0]);
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
        moment_set_number(m, value_f64(args[0]));
    } else {
        const char *text = value_text(args[0], SQLITE_UTF8);
        if (text == NULL || !moment_parse(m, call, text))
            return false;
    }
    for (int i = 1; i < arg_count; i++) {
        const char *text = value_text(args[i], SQLITE_UTF8);
        if (text == NULL || !moment_modify(m, call, text, i))
            return false;
    }
    // The last step, so that a number that no modifier explained is judged.
    moment_need_jd(m);
    if (m->failed || !moment_in_range(m))
        return false;
    if (arg_count == 1 && m->has_date && m->day > 28)
        m->has_date = false; // so that 31 February is shown as the day it is
    return true;
}

// --- writing ---

// Without printf(), whose cost is most of what date() takes over a column. A value of more digits
// loses the leading ones.
static char *put_number(char *out, int value, int digits)
{
    ASSERT(value >= 0);
    ASSERT(digits > 0);

    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + digits;
}

// Years before 0 get a sign before their four digits.
static char *put_date(char *out, const Moment *m)
{
    ASSERT(m->has_date);
    ASSERT(m->month >= 1 && m->month <= 12);

    if (m->year < 0)
        *out++ = '-';
    out = put_number(out, m->year < 0 ? -m->year : m->year, 4);
    *out++ = '-';
    out = put_number(out, m->month, 2);
    *out++ = '-';
    return put_number(out, m->day, 2);
}

// Seconds alone are cut, milliseconds rounded; they cannot round up to a full minute, since
// reading keeps a fraction at .999 at most.
static char *put_time(char *out, const Moment *m)
{
    ASSERT(m->has_time);
    ASSERT(m->hour >= 0 && m->hour <= 24);

    out = put_number(out, m->hour, 2);
    *out++ = ':';
    out = put_number(out, m->minute, 2);
    *out++ = ':';
    if (!m->subsecond)
        return put_number(out, (int)m->second, 2);
    // A double's 59.999 is not exact.
    int ms = (int)(1000.0 * m->second + 0.5);
    out = put_number(out, ms / 1000, 2);
    *out++ = '.';
    return put_number(out, ms % 1000, 3);
}

// The text lies in the body's own array, and is copied.
static void result_text(FuncCall *call, const char *text, const char *end)
{
    ASSERT(text <= end);

    call_result_text(call, text, (u64)(end - text), SQLITE_UTF8, SQLITE_TRANSIENT);
}

// date(T, …): YYYY-MM-DD.
static void fn_date(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    Moment m;
    if (!read_moment(call, arg_count, args, &m))
        return;
    char text[16];
    moment_need_date(&m);
    result_text(call, text, put_date(text, &m));
}

// time(T, …): HH:MM:SS, with milliseconds where 'subsec' asked for them.
static void fn_time(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    Moment m;
    if (!read_moment(call, arg_count, args, &m))
        return;
    char text[16];
    moment_need_time(&m);
    result_text(call, text, put_time(text, &m));
}

// datetime(T, …): both, with a blank between.
static void fn_datetime(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    Moment m;
    if (!read_moment(call, arg_count, args, &m))
        return;
    char text[32];
    moment_need_all(&m);
    char *p = put_date(text, &m);
    *p++ = ' ';
    result_text(call, text, put_time(p, &m));
}

// A real: 2451545.0 is noon of 1 January 2000.
static void fn_julianday(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    Moment m;
    if (read_moment(call, arg_count, args, &m))
        call_result_f64(call, (f64)m.jd_ms / 86400000.0);
}

// Seconds since 1970; a real with milliseconds only if 'subsec' asked for it.
static void fn_unixepoch(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    Moment m;
    if (!read_moment(call, arg_count, args, &m))
        return;
    if (m.subsecond)
        call_result_f64(call, (f64)(m.jd_ms - UNIX_EPOCH_MS) / 1000.0);
    else
        // Divided before it is subtracted, so that times before 1970 round down: jd_ms is never
        // negative.
        call_result_i64(call, m.jd_ms / 1000 - UNIX_EPOCH_MS / 1000);
}

// CURRENT_DATE, which the parser makes a call of no arguments.
static void fn_current_date(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);

    fn_date(call, 0, args);
}

// In UTC, as the other two.
static void fn_current_time(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);

    fn_time(call, 0, args);
}

static void fn_current_timestamp(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);

    fn_datetime(call, 0, args);
}

// --- strftime ---

// Days since 1 January, 0-based.
static int day_of_year(const Moment *m)
{
    ASSERT(m->has_jd && m->has_date);

    Moment first = *m;
    first.has_jd = false;
    first.month = 1;
    first.day = 1;
    moment_need_jd(&first);
    // Half a day is added against rounding: both are midnights but for the time of day of m.
    return (int)((m->jd_ms - first.jd_ms + MS_PER_DAY / 2) / MS_PER_DAY);
}

// Julian day 0 was a Monday, and begins at noon.
static int days_after_monday(const Moment *m)
{
    ASSERT(m->has_jd);
    ASSERT(m->jd_ms >= 0);

    return (int)((m->jd_ms + MS_PER_DAY / 2) / MS_PER_DAY % 7);
}

// The same shifted by a day: 0 is Sunday.
static int days_after_sunday(const Moment *m)
{
    ASSERT(m->has_jd);
    ASSERT(m->jd_ms >= 0);

    return (int)((m->jd_ms + 3 * (i64)MS_PER_DAY / 2) / MS_PER_DAY % 7);
}

// The Thursday of the ISO week decides which year the week belongs to.
static Moment iso_thursday(const Moment *m)
{
    ASSERT(m->has_jd);

    Moment thursday = *m;
    thursday.jd_ms += (3 - days_after_monday(m)) * (i64)MS_PER_DAY;
    thursday.has_date = false;
    moment_need_date(&thursday);
    return thursday;
}

// Two digits with `fill` before a single one.
static void put_two(Buffer *out, int value, char fill)
{
    ASSERT(value >= 0 && value < 100);

    buffer_add_char(out, value >= 10 ? (char)('0' + value / 10 % 10) : fill);
    buffer_add_char(out, (char)('0' + value % 10));
}

// By hand for the years that nearly all dates have.
static void put_year(Buffer *out, int year)
{
    ASSERT(out != NULL);

    if (year >= 0 && year <= 9999) {
        put_two(out, year / 100, '0');
        put_two(out, year % 100, '0');
    } else {
        format_text(out, "%04d", year); // the sign is one of the four places
    }
}

// Midnight and noon are both 12.
static int hour_of_twelve(const Moment *m)
{
    ASSERT(m->has_time);

    int hour = m->hour > 12 ? m->hour - 12 : m->hour;
    return hour == 0 ? 12 : hour;
}

// %s, with a fraction if 'subsec' asked for one.
static void put_unix_seconds(Buffer *out, const Moment *m)
{
    ASSERT(m->has_jd);

    if (m->subsecond)
        format_text(out, "%.3f", (f64)(m->jd_ms - UNIX_EPOCH_MS) / 1000.0);
    else
        format_text(out, "%lld", m->jd_ms / 1000 - UNIX_EPOCH_MS / 1000);
}

// Parts of the day. False: none of these. 59.9996 seconds are shown as 59.999 by %f: a minute
// never has sixty.
static bool put_clock_part(Buffer *out, const Moment *m, char letter)
{
    ASSERT(m->has_time);

    switch (letter) {
    case 'f': format_text(out, "%06.3f", m->second > 59.999 ? 59.999 : m->second); return true;
    case 'H': put_two(out, m->hour, '0'); return true;
    case 'k': put_two(out, m->hour, ' '); return true;
    case 'I': put_two(out, hour_of_twelve(m), '0'); return true;
    case 'l': put_two(out, hour_of_twelve(m), ' '); return true;
    case 'M': put_two(out, m->minute, '0'); return true;
    case 'p': buffer_add_text(out, m->hour >= 12 ? "PM" : "AM"); return true;
    case 'P': buffer_add_text(out, m->hour >= 12 ? "pm" : "am"); return true;
    case 'R': format_text(out, "%02d:%02d", m->hour, m->minute); return true;
    case 'S': put_two(out, (int)m->second, '0'); return true;
    case 'T': format_text(out, "%02d:%02d:%02d", m->hour, m->minute, (int)m->second); return true;
    case 's': put_unix_seconds(out, m); return true;
    case 'J': format_text(out, "%.16g", (f64)m->jd_ms / 86400000.0); return true;
    default: return false;
    }
}

// Parts of the date. False: none of these.
static bool put_calendar_part(Buffer *out, const Moment *m, char letter)
{
    ASSERT(m->has_date);

    switch (letter) {
    case 'd': put_two(out, m->day, '0'); return true;
    case 'e': put_two(out, m->day, ' '); return true;
    case 'F':
        put_year(out, m->year);
        format_text(out, "-%02d-%02d", m->month, m->day);
        return true;
    case 'm': put_two(out, m->month, '0'); return true;
    case 'Y': put_year(out, m->year); return true;
    case 'j': format_text(out, "%03d", day_of_year(m) + 1); return true;
    // 0 is Sunday in w, Monday is 1 in u.
    case 'w': buffer_add_char(out, (char)('0' + days_after_sunday(m))); return true;
    case 'u': {
        int day = days_after_sunday(m);
        buffer_add_char(out, (char)('0' + (day == 0 ? 7 : day)));
        return true;
    }
    // Weeks that begin on Sunday (U) or Monday (W), counted from the first such day of the year;
    // the days before it are week 0.
    case 'U':
        format_text(out, "%02d", (day_of_year(m) - days_after_sunday(m) + 7) / 7);
        return true;
    case 'W':
        format_text(out, "%02d", (day_of_year(m) - days_after_monday(m) + 7) / 7);
        return true;
    case 'V':
    case 'G':
    case 'g': {
        Moment thursday = iso_thursday(m);
        if (letter == 'V')
            format_text(out, "%02d", day_of_year(&thursday) / 7 + 1);
        else if (letter == 'G')
            put_year(out, thursday.year);
        else
            format_text(out, "%02d", thursday.year % 100);
        return true;
    }
    default: return false;
    }
}

// strftime('%s') is what schemas older than unixepoch() stamp rows with, in triggers and defaults,
// so it does without a Buffer.
static void result_unix_seconds(FuncCall *call, const Moment *m)
{
    char text[NUMBER_TEXT_MAX];
    i64 seconds = m->jd_ms / 1000 - UNIX_EPOCH_MS / 1000;
    ASSERT(!m->subsecond);

    result_text(call, text, text + i64_to_text(seconds, text));
}

// Also the general form of the others: date(T) is strftime('%F', T).
static void fn_strftime(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    const char *fmt = arg_count > 0 ? value_text(args[0], SQLITE_UTF8) : NULL;
    Moment m;
    if (fmt == NULL || !read_moment(call, arg_count - 1, args + 1, &m))
        return;
    // What schemas older than unixepoch() note the time with, row by row, in triggers and defaults.
    if (strcmp(fmt, "%s") == 0 && !m.subsecond) {
        result_unix_seconds(call, &m);
        return;
    }
    moment_need_all(&m);
    Buffer out = {.size_max = value_length_limit(call->result)};
    buffer_reserve(&out, 0);
    for (const char *p = fmt; *p != 0; p++) {
        const char *percent = strchr(p, '%');
        size_t plain = percent ? (size_t)(percent - p) : strlen(p);
        buffer_add(&out, p, plain);
        // No more letters.
        if (percent == NULL)
            break;
        p = percent + 1;
        if (*p == '%') {
            buffer_add_char(&out, '%');
        } else if (!put_clock_part(&out, &m, *p) && !put_calendar_part(&out, &m, *p)) {
            buffer_deinit(&out); // an unknown letter makes the whole NULL
            return;
        }
    }
    call_result_buffer(call, &out, false);
}

// --- timediff ---

// By one, and over the end of the year.
static void add_months(Moment *m, int change)
{
    ASSERT(change == 1 || change == -1);
    ASSERT(m->has_date);

    m->month += change;
    if (m->month > 12) {
        m->month = 1;
        m->year++;
    } else if (m->month < 1) {
        m->month = 12;
        m->year--;
    }
    m->has_jd = false;
    moment_need_jd(m);
}

// +YYYY-MM-DD HH:MM:SS.SSS from b to a: added to b as a modifier it gives a.
static void fn_timediff(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Moment a;
    Moment b;
    if (!read_moment(call, 1, args, &a) || !read_moment(call, 1, args + 1, &b))
        return;
    moment_need_all(&a);
    moment_need_all(&b);
    // b is moved by whole years and months as near to a as it goes without passing it.
    // Both have all their parts: read_moment() left no failed one.
    int sign = a.jd_ms >= b.jd_ms ? 1 : -1;
    // By the calendar first, days and time from what is left.
    int years = sign * (a.year - b.year);
    int months = sign * (a.month - b.month);
    if (months < 0) {
        years--;
        months += 12;
    }
    if (a.year != b.year || a.month != b.month) {
        b.year = a.year;
        b.month = a.month;
        b.has_jd = false;
        moment_need_jd(&b);
    }
    while (sign * (a.jd_ms - b.jd_ms) < 0) {
        if (--months < 0) {
            months = 11;
            years--;
        }
        add_months(&b, -sign);
    }
    Moment rest = {.jd_ms = sign * (a.jd_ms - b.jd_ms) + 148699540800000, .has_jd = true};
    moment_need_all(&rest); // counted from 1 January of the year 0
    Buffer out = {0};
    format_text(&out, "%c%04d-%02d-%02d %02d:%02d:%06.3f", sign > 0 ? '+' : '-', years, months,
                rest.day - 1, rest.hour, rest.minute, rest.second);
    call_result_buffer(call, &out, false);
}

enum {
    PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_SLOW_CHANGE | FUNC_INNOCUOUS | FUNC_TOTAL,
    NOW = FUNC_BUILTIN | FUNC_SLOW_CHANGE | FUNC_INNOCUOUS | FUNC_TOTAL,
};

const FuncDef func_datetime_table[] = {
    {"current_date", 0, NOW, .call = fn_current_date},
    {"current_time", 0, NOW, .call = fn_current_time},
    {"current_timestamp", 0, NOW, .call = fn_current_timestamp},
    {"date", ARGS_ANY, PURE, .call = fn_date},
    {"datetime", ARGS_ANY, PURE, .call = fn_datetime},
    {"julianday", ARGS_ANY, PURE, .call = fn_julianday},
    {"strftime", ARGS_ANY, PURE, .call = fn_strftime},
    {"time", ARGS_ANY, PURE, .call = fn_time},
    {"timediff", 2, PURE, .call = fn_timediff},
    {"unixepoch", ARGS_ANY, PURE, .call = fn_unixepoch},
    {0},
};
