// The pager's fields of page 1. See file_header.h.
#include "pager/file_header.h"

// 0: no header of a database. 65536 does not fit 16 bits and is stored as 1.
u32 file_header_page_size(const u8 *header)
{
    ASSERT(header != NULL);
    static_assert(HEADER_PAGE_SIZE + 2 <= HEADER_SIZE, "the field lies within the header");
    if (memcmp(header, "SQLite format 3", 16) != 0)
        return 0;
    u32 size = get_u16(header + HEADER_PAGE_SIZE);
    if (size == 1)
        size = PAGE_SIZE_MAX;
    return size >= PAGE_SIZE_MIN && (size & (size - 1)) == 0 ? size : 0;
}

// A header that asks for a log does not count: pages may change by way of the log without it.
bool file_header_is_counted(const u8 *header, u32 page_size)
{
    ASSERT(header != NULL);
    ASSERT(page_size >= PAGE_SIZE_MIN);
    return file_header_page_size(header) == page_size && header[HEADER_VERSIONS] == 1
           && header[HEADER_VERSIONS + 1] == 1;
}

// "Valid for" says that the page count in the header was written by somebody who knows of it: old
// libraries leave it alone, and readers then go by the file's size.
void file_header_count(u8 *page1, u32 former)
{
    ASSERT(page1 != NULL);
    static_assert(HEADER_VALID_FOR + 4 <= HEADER_SIZE && HEADER_LIBRARY + 4 <= HEADER_SIZE,
                  "all fields lie within the file's header");
    u32 counter = former + 1;
    put_u32(page1 + HEADER_COUNTER, counter);
    put_u32(page1 + HEADER_VALID_FOR, counter);
    put_u32(page1 + HEADER_LIBRARY, SQLITE_VERSION_NUMBER);
}

// Once per transaction (P7), when it commits; in WAL mode log_commit() does it.
int file_header_bump(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_CHANGING);
    ASSERT(!pager->is_temporary);
    if (pager->counter_changed || pager->page_count == 0)
        return SQLITE_OK;
    Page *page;
    TRY(pager_get(pager, 1, &page));
    int rc = pager_make_writable(pager, &page);
    if (rc == SQLITE_OK) {
        // Page 1 may have been overwritten by another file's, whose count says nothing here: a
        // reader that knows this file must see a number it has not seen.
        const u8 *former = pager->has_looked ? pager->file_version : page->data + HEADER_COUNTER;
        file_header_count(page->data, get_u32(former));
        // After VACUUM or a backup the header may be that of a file of another page size, whose
        // count it holds already.
        if (pager->page_count != pager->original_count
            && file_header_page_size(page->data) == pager->pool.page_size)
            put_u32(page->data + HEADER_PAGE_COUNT, pager->page_count);
        memcpy(pager->file_version, page->data + HEADER_COUNTER, sizeof pager->file_version);
        pager->counter_changed = true;
    }
    ASSERT(rc != SQLITE_OK || pager->counter_changed);
    page_unpin(pager, page);
    return rc;
}
