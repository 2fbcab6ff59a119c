#ifndef QUIRE_TESTS_UNIT_PAGER_FIXTURE_H
#define QUIRE_TESTS_UNIT_PAGER_FIXTURE_H
// What the pager's tests share: databases made by the stock library, and raw
// changes to their pages.
//
// sample_create() makes a table whose rows are long blobs, so that most pages
// are overflow pages: their content after the first four bytes may be changed
// without harm to the tree. Tests change pages from SAMPLE_FIRST on and let the
// stock library check the file.

#include "support/stock.h"
#include "support/test.h"

#include "base/bytes.h"
#include "os/filename.h"
#include "pager/pager.h"

enum { SAMPLE_PAGES = 210, SAMPLE_FIRST = 5, SAMPLE_LAST = 200 };

static inline Pager *pager_at(const char *path)
{
    assert_ok(os_init());
    PagerOptions options = {
        .vfs = vfs_find(NULL),
        .path = path,
        .open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
    };
    Pager *pager = NULL;
    assert_ok(pager_open(&options, &pager));
    return pager;
}

// One table with one row of blobs; `setup` is run first (page size, journal
// mode).
static inline void sample_create(const char *path, const char *setup)
{
    char sql[500];
    snprintf(sql, sizeof sql,
             "%s; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, zeroblob(%d));"
             "CREATE TABLE s(x); INSERT INTO s VALUES(1);",
             setup, 4084 * SAMPLE_PAGES);
    assert_text("", stock_sql(path, "PRAGMA synchronous=off") + 0);
    (void)stock_sql(path, sql);
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
}

static inline void change_page(Pager *pager, Pgno pgno, u8 value)
{
    Page *page = NULL;
    assert_ok(pager_get(pager, pgno, &page));
    assert_ok(pager_make_writable(pager, &page));
    memset(page->data + 4, value, pager_page_size(pager) - 4 - pager_reserved(pager));
    page_unpin(pager, page);
}

static inline int page_value(Pager *pager, Pgno pgno)
{
    Page *page = NULL;
    assert_ok(pager_get(pager, pgno, &page));
    int value = page->data[4];
    u32 last = pager_page_size(pager) - pager_reserved(pager) - 1;
    assert_int_equal(page->data[last], value);
    page_unpin(pager, page);
    return value;
}

static inline void change_sample(Pager *pager, u8 value)
{
    for (Pgno pgno = SAMPLE_FIRST; pgno <= SAMPLE_LAST; pgno++)
        change_page(pager, pgno, value);
}

static inline void assert_sample(Pager *pager, int value)
{
    for (Pgno pgno = SAMPLE_FIRST; pgno <= SAMPLE_LAST; pgno++)
        assert_int_equal(page_value(pager, pgno), value);
}

static inline void begin(Pager *pager)
{
    assert_ok(pager_begin_read(pager, NULL));
    assert_ok(pager_begin_write(pager, false));
}

static inline void commit(Pager *pager)
{
    assert_ok(pager_commit_prepare(pager, NULL));
    assert_ok(pager_commit_finish(pager));
    pager_end_read(pager);
}

#endif
