// engine/btree/unlock.c: who is told when a transaction ends. Connections are no more than names.
#include "support/test.h"

#include "btree/unlock.h"

enum { CONNECTIONS = 24 };
static int names[CONNECTIONS];
static char log_text[400];

static sqlite3 *name_of(int i)
{
    return (sqlite3 *)(void *)&names[i];
}

// Arguments are pointers to the names: logged as their numbers.
static void log_call(char which, void **args, int count)
{
    size_t at = strlen(log_text);
    at += (size_t)snprintf(log_text + at, sizeof log_text - at, "%c", which);
    for (int i = 0; i < count; i++)
        at += (size_t)snprintf(log_text + at, sizeof log_text - at, " %d",
                               (int)((int *)args[i] - names));
    snprintf(log_text + at, sizeof log_text - at, ";");
}

static void first_callback(void **args, int count)
{
    log_call('a', args, count);
}

static void second_callback(void **args, int count)
{
    log_call('b', args, count);
}

static void join_all(void)
{
    log_text[0] = 0;
    for (int i = 0; i < CONNECTIONS; i++)
        assert_ok(unlock_join(name_of(i)));
}

static void leave_all(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        unlock_leave(name_of(i));
}

static int wait_for(int who, int whom, UnlockNotify *notify)
{
    unlock_blocked(name_of(who), name_of(whom));
    return unlock_request(name_of(who), notify, &names[who]);
}

static void who_is_not_blocked_is_called_at_once(void **state)
{
    (void)state;
    join_all();

    assert_ok(unlock_request(name_of(3), first_callback, &names[3]));
    assert_text("a 3;", log_text);

    leave_all();
}

static void the_end_of_the_blocker_is_told_once(void **state)
{
    (void)state;
    join_all();

    assert_ok(wait_for(1, 0, first_callback));
    unlock_announce(name_of(2));
    assert_text("", log_text);
    unlock_announce(name_of(0));
    assert_text("a 1;", log_text);
    unlock_announce(name_of(0));
    assert_text("a 1;", log_text);

    leave_all();
}

static void waiters_with_one_callback_are_told_together(void **state)
{
    (void)state;
    join_all();

    assert_ok(wait_for(1, 0, first_callback));
    assert_ok(wait_for(2, 0, second_callback));
    assert_ok(wait_for(3, 0, first_callback));
    unlock_announce(name_of(0));
    assert_text("a 3 1;b 2;", log_text);

    leave_all();
}

static void any_number_of_waiters_makes_one_call(void **state)
{
    (void)state;
    join_all();

    for (int i = 1; i < CONNECTIONS; i++)
        assert_ok(wait_for(i, 0, first_callback));
    unlock_announce(name_of(0));
    assert_text("a 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1;", log_text);

    leave_all();
}

static void a_request_can_be_taken_back(void **state)
{
    (void)state;
    join_all();

    assert_ok(wait_for(1, 0, first_callback));
    assert_ok(unlock_request(name_of(1), NULL, NULL));
    unlock_announce(name_of(0));
    assert_text("", log_text);
    assert_ok(unlock_request(name_of(1), first_callback, &names[1])); // nor is it blocked any more
    assert_text("a 1;", log_text);

    leave_all();
}

static void waiting_in_a_circle_is_refused(void **state)
{
    (void)state;
    join_all();

    assert_ok(wait_for(1, 0, first_callback));
    assert_ok(wait_for(2, 1, first_callback));
    assert_rc(SQLITE_LOCKED, wait_for(0, 2, first_callback));
    unlock_announce(name_of(1));
    assert_ok(wait_for(0, 2, first_callback));
    assert_text("a 2;", log_text);

    leave_all();
}

static void who_goes_away_blocks_nobody(void **state)
{
    (void)state;
    join_all();

    assert_ok(unlock_join(name_of(0))); // a second share
    assert_ok(wait_for(1, 0, first_callback));
    unlock_leave(name_of(0));
    assert_text("", log_text);
    unlock_leave(name_of(0));
    assert_text("a 1;", log_text);

    assert_ok(unlock_join(name_of(0)));
    leave_all();
}

TEST_SUITE(unlock, cmocka_unit_test(who_is_not_blocked_is_called_at_once),
           cmocka_unit_test(the_end_of_the_blocker_is_told_once),
           cmocka_unit_test(waiters_with_one_callback_are_told_together),
           cmocka_unit_test(any_number_of_waiters_makes_one_call),
           cmocka_unit_test(a_request_can_be_taken_back),
           cmocka_unit_test(waiting_in_a_circle_is_refused),
           cmocka_unit_test(who_goes_away_blocks_nobody))
