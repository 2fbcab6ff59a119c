#ifndef QUIRE_PAGER_PAGE_STORE_H
#define QUIRE_PAGER_PAGE_STORE_H
// The page versions that the connections of a process have in memory, found by their names.
//
// Nouns
//   PageStore    what the process's pagers of one file share. Found by the file's identity (device,
//                inode, process: os_identity), made by the first pager and gone with the last.
//   PageVersion  the name of one state of a page. Together with the page number it stands for one
//                content, once and for all.
//   published    said of a buffer that the store can find.
//
// The store refers to buffers weakly: an entry lives as long as some pager holds the buffer in a
// slot, in its undo log or for a result. It has no size and evicts nothing; what stays in memory is
// decided by each pager for itself. A connection with all its pages in memory never comes here: the
// store is asked before a page is read from the disk, and told after.
//
// Laws
//   S1  A published buffer is never written to. Its sole holder takes it back first
//       (page_store_take_back), others copy it.
//   S2  References go up from 0 never: a buffer whose last holder has let go is passed over by
//       page_store_find() until that holder, which alone may, has unlinked it.
//   S3  Nothing is published that is not committed, or that was read while the name was in doubt.
//   S4  Publishing may fail, for want of memory or because another was first. Nobody hears of it.
//
// Names, and why each stands for one content (S3)
//
//   VERSION_COUNTED   rollback modes: bytes 24..39 of page 1 as read under SHARED. Every commit of
//                     every library raises the counter among them; a commit that crashed and was
//                     rolled back was never read by anybody. Headers that ask for a log give no
//                     name: commits to the log need not touch page 1.
//   VERSION_FRAME     a page found in the log: the log's salts and the frame. Committed frames are
//                     never overwritten (L1) before the log starts over, which changes the salts.
//                     A writer's own frames beyond the last commit are overwritten and have no
//                     name.
//   VERSION_FILE      a page of a WAL database read from the file: the salts, and how many frames B
//                     were in the file already when the snapshot was taken. The page has no frame
//                     between B and the snapshot's end, or it would have been found. So it is the
//                     page as of frame B, whatever the snapshot's end; and checkpoints that go on
//                     meanwhile may only copy frames up to our mark, none of which is of this page.
//                     A snapshot that reads the file alone (READ0) is the same with B the last
//                     frame. What the file held when the log began, B = 0, does not change either
//                     as long as the salts are the same: a log starts over only when all of it has
//                     been copied (L5), and goes away only when nobody has it open.
//   VERSION_UNLOGGED  a WAL database whose log was empty or absent when its index was made: there
//                     are no salts. The index header's change number, and in which period of log
//                     use by this process it was seen. While a period lasts the process holds
//                     SHARED, so that nobody can take the log away and change the file without it.
//
// No name: temporary and memory databases, nolock and immutable (nothing tells when the file
// changes), exclusive locking mode's index in the heap (nobody else can read), VFSes that do not
// know an identity, and shims over those that do (their bytes need not be the file's).
//
// Locks. The registry's mutex guards the list of stores, a shard's mutex its table. Both are
// leaves, held for a few instructions; never across a wait for the disk, never together.

#include "base/contract.h"
#include "os/os.h"

typedef struct PageStore PageStore;
typedef struct PageBuffer PageBuffer;

typedef enum VersionKind {
    VERSION_NONE,
    VERSION_COUNTED,
    VERSION_FRAME,
    VERSION_FILE,
    VERSION_UNLOGGED,
} VersionKind;

typedef struct PageVersion {
    u32 kind; // VersionKind
    u32 words[4];
} PageVersion;

// NULL: the file has no identity, or there is no memory for a store: pages are not shared.
PageStore *page_store_attach(sqlite3_file *file);
// The pager holds no published buffer any more. NULL is legal, here and in what follows.
void page_store_detach(PageStore *store);
// Has more than one pager attached? Else there is nothing to be found that one has not oneself.
bool page_store_has_company(const PageStore *store);

// The buffer of that version with a reference for the caller, or NULL.
PageBuffer *page_store_find(PageStore *store, Pgno pgno, const PageVersion *version, u32 size);
// Publishes a buffer that nobody but the caller's pager holds. Returns the one that others will
// find: this one, or that of who was first, with a reference for the caller. NULL: not published.
PageBuffer *page_store_publish(PageStore *store, PageBuffer *buffer, Pgno pgno,
                               const PageVersion *version);
// For a holder that wants to write (S1): true when it is the only one; the buffer then is not
// published any more.
bool page_store_take_back(PageBuffer *buffer);
// For the holder that let go last (S2).
void page_store_unlink(PageBuffer *buffer);

// Periods of log use (VERSION_UNLOGGED): between the two the pager holds SHARED. Returns the
// period's number.
u32 page_store_enter_log(PageStore *store);
void page_store_leave_log(PageStore *store);

#endif
