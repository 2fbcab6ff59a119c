#ifndef QUIRE_PAGER_FILE_HEADER_H
#define QUIRE_PAGER_FILE_HEADER_H
// The fields of page 1 that the pager keeps (P7); the rest is the B-tree's.
//
//     offset size
//     16     2     page size; 1 means 65536
//     18     2     write and read version: 1 rollback journal, 2 log
//     20     1     reserved bytes at the end of each page
//     24     4     change counter, +1 with every transaction in rollback modes
//     28     4     pages in the file
//     92     4     change counter for which the version at 96 and the size at 28 are valid
//     96     4     SQLITE_VERSION_NUMBER of the library that wrote last

#include "pager/pager_internal.h"

enum {
    HEADER_SIZE = 100,
    HEADER_PAGE_SIZE = 16,
    HEADER_VERSIONS = 18,
    HEADER_RESERVED = 20,
    HEADER_COUNTER = 24,
    HEADER_PAGE_COUNT = 28,
    HEADER_VALID_FOR = 92,
    HEADER_LIBRARY = 96,
};

// The page size a header states, or 0 when it is no database header.
u32 file_header_page_size(const u8 *header);
// Whether every commit to the file changes bytes 24 to 39 of this header, so that they name its
// state.
bool file_header_is_counted(const u8 *header, u32 page_size);
// Counts the transaction in page 1, once per transaction.
MUST_USE int file_header_bump(Pager *pager);
// Writes the counted fields into page 1's content; `former` is the count before this transaction.
void file_header_count(u8 *page1, u32 former);

#endif
