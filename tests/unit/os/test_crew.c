// engine/os/crew.c: every item is worked on once, by whoever comes first.
#include "support/test.h"

#include "base/alloc.h"
#include "os/crew.h"

#include <stdatomic.h>
#include <unistd.h>

enum { ITEMS_MAX = 5000 };

// Plain memory on purpose: the crew's laws order all of it, and a thread sanitizer checks that.
typedef struct Work {
    u32 given[ITEMS_MAX]; // written by the owner before an item is announced
    u32 made[ITEMS_MAX];  // written by who works on it
    u32 run_max;
    atomic_uint calls;
} Work;

static void work_on(void *arg, u32 first, u32 end)
{
    Work *work = arg;
    assert_true(first < end && end - first <= work->run_max);
    for (u32 i = first; i < end; i++)
        work->made[i] += work->given[i] * 3;
    atomic_fetch_add(&work->calls, 1);
}

static void run_list(Crew *crew, Work *work, u32 items, u32 step)
{
    memset(work->made, 0, sizeof work->made);
    work->run_max = 1 + items % 40;
    crew_begin(crew, work_on, work, work->run_max);
    for (u32 i = 0; i < items; i++) {
        work->given[i] = i + items;
        if (i % step == step - 1)
            crew_announce(crew, i + 1);
    }
    crew_announce(crew, items);
    crew_finish(crew);
    for (u32 i = 0; i < items; i++)
        assert_int_equal(work->made[i], (i + items) * 3);
}

static void lists_one_after_the_other_are_done_once_each(void **state)
{
    (void)state;
    static Work work;
    for (u32 helpers = 1; helpers <= 3; helpers++) {
        Crew *crew;
        assert_ok(crew_new(helpers, &crew));
        assert_int_equal(crew_helper_count(crew), helpers);
        for (u32 list = 0; list < 300; list++)
            run_list(crew, &work, list * 13 % 700, 1 + list % 90);
        run_list(crew, &work, ITEMS_MAX, ITEMS_MAX);
        crew_free(crew);
    }
    assert_true(atomic_load(&work.calls) > 0);
}

static void helpers_that_sleep_are_woken(void **state)
{
    (void)state;
    static Work work;
    Crew *crew;
    assert_ok(crew_new(2, &crew));
    for (u32 list = 0; list < 5; list++) {
        usleep(3000); // longer than they look for work
        run_list(crew, &work, 1000, 100);
    }
    usleep(3000);
    crew_free(crew);
}

static void a_crew_without_work_and_none_at_all_go_away(void **state)
{
    (void)state;
    Crew *crew = NULL;
    crew_free(crew);
    alloc_fault_arm(1, false);
    assert_rc(SQLITE_NOMEM, crew_new(1, &crew));
    alloc_fault_arm(0, false);
    assert_null(crew);
    assert_ok(crew_new(CREW_HELPERS_MAX, &crew));
    crew_free(crew);
}

TEST_SUITE(crew, cmocka_unit_test(lists_one_after_the_other_are_done_once_each),
           cmocka_unit_test(helpers_that_sleep_are_woken),
           cmocka_unit_test(a_crew_without_work_and_none_at_all_go_away))
