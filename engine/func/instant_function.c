// The functions time_now(), time_date(), time_get(), time_add() and their like on the BLOBs of
// instant.h, and dur_s() and other lengths in nanoseconds. Not part of SQLite's library.
//
// NULL for a NULL argument. An argument of the wrong kind is an error, as is a result out of range.

#include "func/func.h"
#include "func/instant.h"
#include "func/moment.h"
#include <string.h>

// An SQL error with this text; nothing else of the call is answered.
static void fail(FuncCall *call, const char *message)
{
    ASSERT(message != NULL);

    call_result_error(call, message, -1, SQLITE_UTF8);
}

// A blob of 13 bytes (instant.h), which SQL stores and compares as any other.
static void result_instant(FuncCall *call, Instant t)
{
    ASSERT(t.nanos < NANOS_PER_SECOND);

    u8 bytes[INSTANT_SIZE];
    instant_write(t, bytes);
    call_result_blob(call, bytes, sizeof bytes, SQLITE_TRANSIENT);
}

// For functions whose only failure is to leave the range of years.
static void result_if(FuncCall *call, bool is_fine, Instant t)
{
    if (is_fine)
        result_instant(call, t);
    else
        fail(call, "time out of range");
}

// A NULL argument gives NULL before the others are looked at.
static bool any_null(int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    for (int i = 0; i < arg_count; i++) {
        if (value_type(args[i]) == SQLITE_NULL)
            return true;
    }
    return false;
}

// false: the call has failed.
static bool instant_of(FuncCall *call, Value *arg, Instant *out)
{
    ASSERT(out != NULL);

    // A zeroblob() keeps its zeros as a count until someone wants the bytes.
    if (value_type(arg) == SQLITE_BLOB && value_expand_zero_tail(arg) == SQLITE_OK
        && instant_read((const u8 *)arg->bytes, arg->size, out))
        return true;
    fail(call, "not a time value");
    return false;
}

// False: the call has failed.
static bool integer_of(FuncCall *call, Value *arg, i64 *out)
{
    ASSERT(out != NULL);

    // No affinity: a text of digits is refused, as is 1.0.
    if (value_type(arg) == SQLITE_INTEGER) {
        *out = value_i64(arg);
        return true;
    }
    fail(call, "all parameters should be integers");
    return false;
}

// The first that is no integer fails the call; later ones are not looked at.
static bool integers_of(FuncCall *call, int count, Value **args, i64 *out)
{
    ASSERT(count >= 0);
    ASSERT(count <= 8);

    for (int i = 0; i < count; i++) {
        if (!integer_of(call, args[i], &out[i]))
            return false;
    }
    return true;
}

// The statement's one instant, in milliseconds: as fine as the clock of a VFS is.
static Instant now_of(FuncCall *call)
{
    i64 ms = call_now_ms(call) - UNIX_EPOCH_MS;
    i64 rest = ms % 1000;
    if (rest < 0)
        rest += 1000; // a clock set to before 1970
    ASSERT(rest >= 0 && rest < 1000);
    return (Instant){.seconds = INSTANT_UNIX_EPOCH + (ms - rest) / 1000,
                     .nanos = (u32)rest * 1000000};
}

// --- making ---

// The same instant for all calls of a statement.
static void fn_now(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);

    (void)arg_count;
    (void)args;
    // Not in an index, a CHECK or a generated column, where the value could not be relied upon; the
    // call has failed then.
    if (call_may_change(call))
        result_instant(call, now_of(call));
}

// (year, month, day [, hour, minute, second [, nanoseconds [, offset in seconds]]]), each of which
// may run over its range: month 13 is January of the next year.
static void fn_date(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 3);
    ASSERT(arg_count <= 8);

    i64 n[8] = {0};
    Instant t;
    if (any_null(arg_count, args) || !integers_of(call, arg_count, args, n))
        return;
    InstantParts parts = {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]};
    bool is_fine = instant_of_parts(&parts, &t);
    result_if(call, is_fine, is_fine ? t : (Instant){0});
}

// A unit of time since 1970: user_data says how many make a second.
static void fn_since_epoch(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);
    ASSERT(call->func->user_data != NULL);

    const i64 *per_second = call->func->user_data;
    i64 n[2] = {0};
    if (any_null(arg_count, args) || !integers_of(call, arg_count, args, n))
        return;
    // Rounded down, so that what is left over is never negative.
    i64 seconds = n[0] / *per_second - (n[0] % *per_second < 0);
    i64 rest = (n[0] - seconds * *per_second) * (NANOS_PER_SECOND / *per_second);
    Instant t = {.seconds = INSTANT_UNIX_EPOCH};
    // In range before nanoseconds are added: adding relies on seconds that cannot overflow.
    bool is_fine = !__builtin_add_overflow(t.seconds, seconds, &t.seconds) && instant_in_range(t)
                   && instant_add_nanos(&t, rest) && instant_add_nanos(&t, n[1]);
    result_if(call, is_fine, t);
}

// Rounded down, before 1970 as well.
static void fn_to_epoch(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);
    ASSERT(call->func->user_data != NULL);

    const i64 *per_second = call->func->user_data;
    Instant t;
    i64 out;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t))
        return;
    // Never negative: a moment's nanoseconds run forward before 1970 as well.
    i64 part = t.nanos / (NANOS_PER_SECOND / *per_second);
    if (__builtin_mul_overflow(t.seconds - INSTANT_UNIX_EPOCH, *per_second, &out)
        || __builtin_add_overflow(out, part, &out))
        fail(call, "integer overflow");
    else
        call_result_i64(call, out);
}

// --- parts ---

typedef enum Part {
    PART_MILLENNIUM,
    PART_CENTURY,
    PART_DECADE,
    PART_YEAR,
    PART_QUARTER,
    PART_MONTH,
    PART_WEEK, // the ISO week; time_trunc() goes back to its Monday
    PART_DAY,
    PART_HOUR,
    PART_MINUTE,
    PART_SECOND,
    PART_MILLI,
    PART_MICRO,
    PART_NANO,
    PART_ISO_YEAR,
    PART_ISO_WEEK,
    PART_ISO_WEEKDAY,
    PART_YEAR_DAY,
    PART_WEEKDAY,
    PART_EPOCH,
    PART_NONE,
} Part;

// Linear: the list is short, and a constant name is looked up once per row at a cost below that of
// reading the blob.
static Part part_named(const char *name)
{
    ASSERT(name != NULL);

    static const struct {
        const char *name;
        Part part;
    } names[] = {
        {"millennium", PART_MILLENNIUM},
        {"century", PART_CENTURY},
        {"decade", PART_DECADE},
        {"year", PART_YEAR},
        {"quarter", PART_QUARTER},
        {"month", PART_MONTH},
        {"week", PART_WEEK},
        {"day", PART_DAY},
        {"hour", PART_HOUR},
        {"minute", PART_MINUTE},
        {"second", PART_SECOND},
        {"milli", PART_MILLI},
        {"millisecond", PART_MILLI},
        {"micro", PART_MICRO},
        {"microsecond", PART_MICRO},
        {"nano", PART_NANO},
        {"nanosecond", PART_NANO},
        {"isoyear", PART_ISO_YEAR},
        {"isoweek", PART_ISO_WEEK},
        {"isodow", PART_ISO_WEEKDAY},
        {"yearday", PART_YEAR_DAY},
        {"weekday", PART_WEEKDAY},
        {"epoch", PART_EPOCH},
    };
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        if (name_equals(names[i].name, name))
            return names[i].part;
    }
    return PART_NONE;
}

// The parts that are whole numbers. Of those before year 1 the divisions round towards zero.
// Decades, centuries and millennia count from year 0, unlike a calendar's.
static i64 part_of(Instant t, Part part)
{
    ASSERT(part < PART_NONE);
    ASSERT(t.nanos < NANOS_PER_SECOND);

    CivilDate date = instant_date(t);
    i64 second = instant_second_of_day(t), iso_year;
    int iso_week;
    instant_iso_week(t, &iso_year, &iso_week);
    switch (part) {
    case PART_MILLENNIUM: return date.year / 1000;
    case PART_CENTURY: return date.year / 100;
    case PART_DECADE: return date.year / 10;
    case PART_YEAR: return date.year;
    case PART_QUARTER: return (date.month - 1) / 3 + 1;
    case PART_MONTH: return date.month;
    case PART_DAY: return date.day;
    case PART_HOUR: return second / 3600;
    case PART_MINUTE: return second / 60 % 60;
    case PART_SECOND: return second % 60;
    case PART_MILLI: return t.nanos / 1000000;
    case PART_MICRO: return t.nanos / 1000;
    case PART_NANO: return t.nanos;
    case PART_ISO_YEAR: return iso_year;
    case PART_WEEK:
    case PART_ISO_WEEK: return iso_week;
    case PART_ISO_WEEKDAY: return (instant_weekday(t) + 6) % 7 + 1;
    case PART_YEAR_DAY: return instant_year_day(t);
    case PART_WEEKDAY: return instant_weekday(t);
    case PART_EPOCH: return t.seconds - INSTANT_UNIX_EPOCH;
    case PART_NONE: break;
    }
    // Callers have answered an unknown name before.
    UNREACHABLE();
}

// time_get_year() and so on: user_data names the part.
static void fn_get_part(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);
    ASSERT(call->func->user_data != NULL);

    Instant t;
    if (!any_null(arg_count, args) && instant_of(call, args[0], &t))
        call_result_i64(call, part_of(t, part_named(call->func->user_data)));
}

// time_get(t, part): seconds and the epoch with their fraction.
static void fn_get(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Instant t;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t))
        return;
    const char *name = value_text(args[1], SQLITE_UTF8);
    Part part = name != NULL ? part_named(name) : PART_NONE;
    // Names come from SQL: this one is an error of the caller's.
    if (part == PART_NONE)
        fail(call, "Matching variant not found");
    else if (part == PART_SECOND || part == PART_EPOCH)
        call_result_f64(call, (f64)part_of(t, part) + (f64)t.nanos / (f64)NANOS_PER_SECOND);
    else
        call_result_i64(call, part_of(t, part));
}

// --- arithmetic ---

// user_data NULL answers with the order itself, -1, 0 or 1.
static void fn_compare(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Instant t, u;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t)
        || !instant_of(call, args[1], &u))
        return;
    int order = instant_compare(t, u);
    const int *wanted = call->func->user_data; // NULL: the order itself
    call_result_i64(call, wanted == NULL ? order : order == *wanted);
}

// A negative number of nanoseconds goes back.
static void fn_add(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Instant t;
    i64 nanos;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t)
        || !integer_of(call, args[1], &nanos))
        return;
    ASSERT(t.nanos < NANOS_PER_SECOND);
    bool is_fine = instant_add_nanos(&t, nanos);
    result_if(call, is_fine, t);
}

// 64 bits of nanoseconds hold 292 years.
static void result_difference(FuncCall *call, Instant t, Instant u)
{
    ASSERT(t.nanos < NANOS_PER_SECOND && u.nanos < NANOS_PER_SECOND);

    i64 nanos;
    if (instant_difference(t, u, &nanos))
        call_result_i64(call, nanos);
    else
        fail(call, "integer overflow");
}

// Both are from the same clock, so the difference has no zone.
static void fn_sub(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Instant t, u;
    if (!any_null(arg_count, args) && instant_of(call, args[0], &t)
        && instant_of(call, args[1], &u))
        result_difference(call, t, u);
}

// Positive for an instant that has passed.
static void fn_since(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Instant t;
    if (!any_null(arg_count, args) && call_may_change(call) && instant_of(call, args[0], &t))
        result_difference(call, now_of(call), t);
}

// Of an instant that has passed it is negative.
static void fn_until(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Instant t;
    if (!any_null(arg_count, args) && call_may_change(call) && instant_of(call, args[0], &t))
        result_difference(call, t, now_of(call));
}

// (t, years [, months [, days]]): the day is kept within its month before days are added.
static void fn_add_date(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count >= 2);
    ASSERT(arg_count <= 4);

    Instant t;
    i64 n[3] = {0};
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t)
        || !integers_of(call, arg_count - 1, args + 1, n))
        return;
    bool is_fine = instant_add_date(&t, n[0], n[1], n[2]);
    result_if(call, is_fine, t);
}

// The first instant of the year, quarter, ... that t is in.
static bool truncate_to_date(Instant *t, Part part)
{
    ASSERT(part <= PART_WEEK);

    // The remainder of a negative year is negative: such years go up, towards year 0.
    CivilDate date = instant_date(*t);
    i64 span = part == PART_MILLENNIUM ? 1000 : part == PART_CENTURY ? 100 : 10;
    InstantParts parts = {.year = date.year, .month = 1, .day = 1};
    switch (part) {
    case PART_MILLENNIUM:
    case PART_CENTURY:
    case PART_DECADE: parts.year -= parts.year % span; break;
    case PART_YEAR: break;
    case PART_QUARTER: parts.month = (date.month - 1) / 3 * 3 + 1; break;
    case PART_MONTH: parts.month = date.month; break;
    default: // a week: from its Monday
        parts.month = date.month;
        parts.day = date.day - (instant_weekday(*t) + 6) % 7;
        break;
    }
    return instant_of_parts(&parts, t);
}

// In nanoseconds.
static i64 unit_of(Part part)
{
    switch (part) {
    case PART_DAY: return SECONDS_PER_DAY * NANOS_PER_SECOND;
    case PART_HOUR: return 3600 * NANOS_PER_SECOND;
    case PART_MINUTE: return 60 * NANOS_PER_SECOND;
    case PART_SECOND: return NANOS_PER_SECOND;
    case PART_MILLI: return 1000000;
    case PART_MICRO: return 1000;
    default: return 0; // no fixed length, or nothing to truncate to
    }
}

// time_trunc(t, 'month'), or to a multiple of a length in nanoseconds, as dur_h() gives it.
static void fn_trunc(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Instant t;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t))
        return;
    if (value_type(args[1]) == SQLITE_INTEGER) {
        bool is_fine = instant_truncate(&t, value_i64(args[1]));
        result_if(call, is_fine, t);
        return;
    }
    const char *name = value_text(args[1], SQLITE_UTF8);
    Part part = name != NULL ? part_named(name) : PART_NONE;
    // Both a name and no text at all (memory that ran out) end up as PART_NONE.
    i64 unit = unit_of(part);
    bool is_date = part <= PART_WEEK;
    if (unit == 0 && !is_date) {
        fail(call, "Matching variant not found");
        return;
    }
    bool is_fine = is_date ? truncate_to_date(&t, part) : instant_truncate(&t, unit);
    result_if(call, is_fine, t);
}

// To the nearest multiple, halves up; a unit of no length leaves the instant as it is.
static void fn_round(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Instant t;
    i64 unit;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t)
        || !integer_of(call, args[1], &unit))
        return;
    bool is_fine = instant_round(&t, unit);
    result_if(call, is_fine, t);
}

// --- text ---

// The second argument is an offset from UTC in seconds, less than a day.
static void fn_format(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);
    ASSERT(call->func->user_data != NULL);

    const InstantFormat *format = call->func->user_data;
    Instant t;
    i64 offset = 0;
    if (any_null(arg_count, args) || !instant_of(call, args[0], &t)
        || !integers_of(call, arg_count - 1, args + 1, &offset))
        return;
    if (offset <= -SECONDS_PER_DAY || offset >= SECONDS_PER_DAY) {
        fail(call, "offset out of range");
        return;
    }
    Buffer out = {0};
    instant_format(&out, t, *format, offset);
    call_result_buffer(call, &out, false);
}

// An error for text of another form, since NULL would look like a missing time.
static void fn_parse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    Instant t;
    if (any_null(arg_count, args))
        return;
    const char *text = value_text(args[0], SQLITE_UTF8);
    // NULL: out of memory or no text; the message is then the same.
    if (text != NULL && instant_parse(text, &t))
        result_instant(call, t);
    else
        fail(call, "error parsing datetime string");
}

// --- lengths ---

// dur_h() and its like: the factor of a unit in nanoseconds, for time_add().
static void fn_duration(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    ASSERT(call->func->user_data != NULL);

    (void)arg_count;
    (void)args;
    call_result_i64(call, *(const i64 *)call->func->user_data);
}

enum {
    // The same for the same arguments, so that a call with constants is made once.
    PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS,
    // The same within a statement: rows of one statement agree on what "now" is.
    CLOCK = FUNC_BUILTIN | FUNC_SLOW_CHANGE | FUNC_INNOCUOUS,
};

// What user_data points to: how many of a unit make a second, or its length in nanoseconds.
static const i64 one = 1, thousand = 1000, million = 1000000, billion = 1000000000;
static const i64 minute_ns = 60000000000, hour_ns = 3600000000000;
static const int is_less = -1, is_equal = 0, is_greater = 1;
static const InstantFormat iso = FORMAT_ISO, datetime = FORMAT_DATETIME, date = FORMAT_DATE,
                           time_of_day = FORMAT_TIME;

const FuncDef func_instant_table[] = {
    // By name; more than one row of a name for more than one count of arguments.
    {"dur_h", 0, PURE, .call = fn_duration, .user_data = (void *)(uintptr_t)&hour_ns},
    {"dur_m", 0, PURE, .call = fn_duration, .user_data = (void *)(uintptr_t)&minute_ns},
    {"dur_ms", 0, PURE, .call = fn_duration, .user_data = (void *)(uintptr_t)&million},
    {"dur_ns", 0, PURE, .call = fn_duration, .user_data = (void *)(uintptr_t)&one},
    {"dur_s", 0, PURE, .call = fn_duration, .user_data = (void *)(uintptr_t)&billion},
    {"dur_us", 0, PURE, .call = fn_duration, .user_data = (void *)(uintptr_t)&thousand},
    {"make_date", 3, PURE, .call = fn_date},
    {"make_timestamp", 6, PURE, .call = fn_date},
    {"time_add", 2, PURE, .call = fn_add},
    {"time_add_date", 2, PURE, .call = fn_add_date},
    {"time_add_date", 3, PURE, .call = fn_add_date},
    {"time_add_date", 4, PURE, .call = fn_add_date},
    {"time_after", 2, PURE, .call = fn_compare, .user_data = (void *)(uintptr_t)&is_greater},
    {"time_before", 2, PURE, .call = fn_compare, .user_data = (void *)(uintptr_t)&is_less},
    {"time_compare", 2, PURE, .call = fn_compare},
    {"time_date", 3, PURE, .call = fn_date},
    {"time_date", 6, PURE, .call = fn_date},
    {"time_date", 7, PURE, .call = fn_date},
    {"time_date", 8, PURE, .call = fn_date},
    {"time_equal", 2, PURE, .call = fn_compare, .user_data = (void *)(uintptr_t)&is_equal},
    {"time_fmt_date", 1, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&date},
    {"time_fmt_date", 2, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&date},
    {"time_fmt_datetime", 1, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&datetime},
    {"time_fmt_datetime", 2, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&datetime},
    {"time_fmt_iso", 1, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&iso},
    {"time_fmt_iso", 2, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&iso},
    {"time_fmt_time", 1, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&time_of_day},
    {"time_fmt_time", 2, PURE, .call = fn_format, .user_data = (void *)(uintptr_t)&time_of_day},
    {"time_get", 2, PURE, .call = fn_get},
    {"time_get_day", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "day"},
    {"time_get_hour", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "hour"},
    {"time_get_isoweek", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "isoweek"},
    {"time_get_isoyear", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "isoyear"},
    {"time_get_minute", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "minute"},
    {"time_get_month", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "month"},
    {"time_get_nano", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "nano"},
    {"time_get_second", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "second"},
    {"time_get_weekday", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "weekday"},
    {"time_get_year", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "year"},
    {"time_get_yearday", 1, PURE, .call = fn_get_part, .user_data = (void *)(uintptr_t) "yearday"},
    {"time_micro", 1, PURE, .call = fn_since_epoch, .user_data = (void *)(uintptr_t)&million},
    {"time_milli", 1, PURE, .call = fn_since_epoch, .user_data = (void *)(uintptr_t)&thousand},
    {"time_nano", 1, PURE, .call = fn_since_epoch, .user_data = (void *)(uintptr_t)&billion},
    {"time_now", 0, CLOCK, .call = fn_now},
    {"time_parse", 1, PURE, .call = fn_parse},
    {"time_round", 2, PURE, .call = fn_round},
    {"time_since", 1, CLOCK, .call = fn_since},
    {"time_sub", 2, PURE, .call = fn_sub},
    {"time_to_micro", 1, PURE, .call = fn_to_epoch, .user_data = (void *)(uintptr_t)&million},
    {"time_to_milli", 1, PURE, .call = fn_to_epoch, .user_data = (void *)(uintptr_t)&thousand},
    {"time_to_nano", 1, PURE, .call = fn_to_epoch, .user_data = (void *)(uintptr_t)&billion},
    {"time_to_unix", 1, PURE, .call = fn_to_epoch, .user_data = (void *)(uintptr_t)&one},
    {"time_trunc", 2, PURE, .call = fn_trunc},
    {"time_unix", 1, PURE, .call = fn_since_epoch, .user_data = (void *)(uintptr_t)&one},
    {"time_unix", 2, PURE, .call = fn_since_epoch, .user_data = (void *)(uintptr_t)&one},
    {"time_until", 1, CLOCK, .call = fn_until},
    {"to_timestamp", 1, PURE, .call = fn_since_epoch, .user_data = (void *)(uintptr_t)&one},
    {0},
};
