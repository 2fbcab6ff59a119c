#include "support/test.h"

#include "func/moment.h"
#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_datetime.inc"
};

static void dates_are_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

static void now_is_what_the_clock_says(void **state)
{
    (void)state;
    static const Recorded rows[] = {
        {"datetime()", "'2024-02-29 12:34:56'"},
        {"datetime('now')", "'2024-02-29 12:34:56'"},
        {"datetime('now', 'subsec')", "'2024-02-29 12:34:56.789'"},
        {"time('subsec')", "'12:34:56.789'"},
        {"unixepoch('subsec')", "1709210096.789"},
        {"current_date()", "'2024-02-29'"},
        {"current_time()", "'12:34:56'"},
        {"current_timestamp()", "'2024-02-29 12:34:56'"},
        {"strftime('%Y')", "'2024'"},
    };
    recorded_check(rows, ARRAY_LEN(rows));
}

static void local_time_follows_the_zone(void **state)
{
    (void)state;
    static const Recorded rows[] = {
        {"datetime('2024-07-01 12:00', 'localtime')", "'2024-07-01 08:00:00'"},
        {"datetime('2024-01-01 12:00', 'localtime')", "'2024-01-01 07:00:00'"},
        {"datetime('2024-07-01 08:00', 'utc')", "'2024-07-01 12:00:00'"},
        {"datetime('2400-07-01 12:00', 'localtime')", "'2400-07-01 08:00:00'"},
        {"datetime('1800-07-01 12:00', 'localtime')", "'1800-07-01 08:00:00'"},
        {"datetime('2024-07-01 12:00Z', 'utc')", "'2024-07-01 12:00:00'"},
    };
    setenv("TZ", "America/New_York", 1);
    recorded_check(rows, ARRAY_LEN(rows));
    unsetenv("TZ");
}

// A plain calendar, one day after the other over all years, must agree.
static void every_day_has_its_date(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = -4713;
    int month = 11;
    int day = 25;
    for (i64 jd = MS_PER_DAY / 2; jd < JD_MS_LIMIT; jd += MS_PER_DAY) {
        Moment m = {.jd_ms = jd, .has_jd = true};
        moment_need_date(&m);
        assert_true(m.year == year && m.month == month && m.day == day);
        m.has_jd = false;
        moment_need_jd(&m);
        assert_true(m.jd_ms == jd);
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (++day > lengths[month - 1] + (month == 2 && leap)) {
            day = 1;
            year += month == 12;
            month = month % 12 + 1;
        }
    }
    assert_int_equal(year, 10000);
}

static void the_clock_is_refused_where_results_must_not_change(void **state)
{
    (void)state;
    Value result;
    value_init(&result, NULL);
    FuncCall call = {
        .db = recorded_connection(), .encoding = SQLITE_UTF8, .pure_place = PURE_INDEX};
    call.func = func_find(call.db, "date", 0, SQLITE_UTF8);
    call_begin(&call, &result);
    call.func->call(&call, 0, NULL);
    assert_int_equal(call.rc, SQLITE_ERROR);
    assert_string_equal(value_text(&result, SQLITE_UTF8),
                        "non-deterministic use of date() in an index");
    value_deinit(&result);
}

TEST_SUITE(datetime, cmocka_unit_test(dates_are_as_recorded),
           cmocka_unit_test(now_is_what_the_clock_says),
           cmocka_unit_test(local_time_follows_the_zone), cmocka_unit_test(every_day_has_its_date),
           cmocka_unit_test(the_clock_is_refused_where_results_must_not_change))
