// The inverted index's records. See fts_index.h.
#include "fts/fts_index.h"

void fts_index_init(FtsIndex *index, FtsConfig *config)
{
    *index = (FtsIndex){.config = config, .data_version = -1};
}

static void forget_pages(FtsIndex *index)
{
    for (int i = 0; i < PAGE_RING_SIZE; i++) {
        fts_page_unref(index->ring[i]);
        index->ring[i] = NULL;
    }
}

void fts_index_deinit(FtsIndex *index)
{
    forget_pages(index);
    for (int i = 0; i < INDEX_STMT_COUNT; i++)
        sqlite3_finalize(index->stmts[i]);
    for (int i = 0; i < PHRASE_ROWS_COUNT; i++)
        fts_buffer_deinit(&index->phrase_rows[i].phrase);
    structure_deinit(&index->structure);
    pending_deinit(&index->pending);
}

static const char *const stmt_texts[] = {
    [STMT_READ] = "SELECT block FROM %Q.'%q_data' WHERE id = ?1",
    [STMT_WRITE] = "REPLACE INTO %Q.'%q_data'(id, block) VALUES(?1, ?2)",
    [STMT_ERASE_RANGE] = "DELETE FROM %Q.'%q_data' WHERE id >= ?1 AND id <= ?2",
    [STMT_IDX_FIND] = "SELECT pgno FROM %Q.'%q_idx' WHERE segid = ?1 AND term <= ?2"
                      " ORDER BY term DESC LIMIT 1",
    [STMT_IDX_INSERT] = "REPLACE INTO %Q.'%q_idx'(segid, term, pgno) VALUES(?1, ?2, ?3)",
    [STMT_IDX_ERASE] = "DELETE FROM %Q.'%q_idx' WHERE segid = ?1",
    // Rows of earlier pages have lesser terms: no more are looked at than go.
    [STMT_IDX_ERASE_HEAD] = "DELETE FROM %Q.'%q_idx' WHERE segid = ?1 AND term <= ?2 AND pgno < ?3",
    [STMT_IDX_LAST] = "SELECT term, pgno FROM %Q.'%q_idx' WHERE segid = ?1 ORDER BY term DESC"
                      " LIMIT 1",
    [STMT_READ_LAST] = "SELECT id, block FROM %Q.'%q_data' WHERE id >= ?1 AND id <= ?2"
                       " ORDER BY id DESC LIMIT 1",
    [STMT_DATA_VERSION] = "PRAGMA %Q.data_version",
};

int fts_index_stmt(FtsIndex *index, IndexStmt which, sqlite3_stmt **out)
{
    ASSERT(which < INDEX_STMT_COUNT);

    if (index->stmts[which] == NULL) {
        const FtsConfig *config = index->config;
        char *sql = sqlite3_mprintf(stmt_texts[which], config->db_name, config->name);
        if (sql == NULL)
            return SQLITE_NOMEM;
        int rc = sqlite3_prepare_v3(config->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &index->stmts[which], NULL);
        sqlite3_free(sql);
        if (rc != SQLITE_OK)
            return rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc;
    }
    *out = index->stmts[which];
    return SQLITE_OK;
}

// --- pages ---

FtsPage *fts_page_ref(FtsPage *page)
{
    ASSERT(page->ref_count > 0);

    page->ref_count++;
    return page;
}

void fts_page_unref(FtsPage *page)
{
    ASSERT(page == NULL || page->ref_count > 0);

    if (page != NULL && --page->ref_count == 0)
        sqlite3_free(page);
}

int fts_page_new(const void *bytes, u32 size, FtsPage **out)
{
    FtsPage *page = sqlite3_malloc64(sizeof *page + size + FTS_PADDING);
    if (page == NULL)
        return SQLITE_NOMEM;
    *page = (FtsPage){.ref_count = 1, .size = size, .leaf_size = size};
    page->bytes = (u8 *)(page + 1);
    if (size > 0)
        memcpy(page->bytes, bytes, size);
    memset(page->bytes + size, 0, FTS_PADDING);
    *out = page;
    return SQLITE_OK;
}

static FtsPage *ring_find(FtsIndex *index, i64 id)
{
    for (int i = 0; i < PAGE_RING_SIZE; i++) {
        if (index->ring[i] != NULL && index->ring[i]->id == id)
            return fts_page_ref(index->ring[i]);
    }
    return NULL;
}

int fts_index_read(FtsIndex *index, i64 id, FtsPage **out)
{
    *out = NULL;
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_READ, &stmt));
    sqlite3_bind_int64(stmt, 1, id);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(stmt, 0);
        rc = fts_page_new(bytes, (u32)sqlite3_column_bytes(stmt, 0), out);
    } else if (rc == SQLITE_DONE) {
        rc = FTS_CORRUPT;
    }
    int reset_rc = sqlite3_reset(stmt);
    if (rc == SQLITE_OK) {
        (*out)->id = id;
        index->pages_read++;
    }
    return rc != SQLITE_OK && reset_rc != SQLITE_OK ? reset_rc : rc;
}

int fts_index_read_leaf(FtsIndex *index, i64 id, FtsPage **out)
{
    FtsPage *page = ring_find(index, id);
    if (page == NULL) {
        TRY(fts_index_read(index, id, &page));
        page->first_rowid = page->size < PAGE_HEADER_SIZE ? 0 : fts_u16_get(page->bytes);
        page->leaf_size = page->size < PAGE_HEADER_SIZE ? 0 : fts_u16_get(page->bytes + 2);
        if (page->leaf_size < PAGE_HEADER_SIZE || page->leaf_size > page->size
            || page->first_rowid > page->leaf_size
            || (page->first_rowid > 0 && page->first_rowid < PAGE_HEADER_SIZE)) {
            fts_page_unref(page);
            *out = NULL;
            return FTS_CORRUPT;
        }
        fts_page_unref(index->ring[index->ring_next]);
        index->ring[index->ring_next] = fts_page_ref(page);
        index->ring_next = (index->ring_next + 1) % PAGE_RING_SIZE;
    }
    *out = page;
    return SQLITE_OK;
}

int fts_index_write(FtsIndex *index, i64 id, const void *bytes, u32 size)
{
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_WRITE, &stmt));
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_blob(stmt, 2, size == 0 ? "" : bytes, (int)size, SQLITE_STATIC);
    sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    sqlite3_bind_null(stmt, 2);
    forget_pages(index);
    return rc;
}

int fts_index_erase(FtsIndex *index, i64 first_id, i64 last_id)
{
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_ERASE_RANGE, &stmt));
    sqlite3_bind_int64(stmt, 1, first_id);
    sqlite3_bind_int64(stmt, 2, last_id);
    sqlite3_step(stmt);
    forget_pages(index);
    return sqlite3_reset(stmt);
}

int fts_index_erase_segment(FtsIndex *index, const FtsSegment *segment)
{
    TRY(fts_index_erase(index, fts_leaf_id(segment->segid, 0),
                        fts_leaf_id(segment->segid + 1, 0) - 1));
    if (segment->tombstone_pages > 0)
        TRY(fts_index_erase(index, fts_tombstone_id(segment->segid, 0),
                            fts_tombstone_id(segment->segid, segment->tombstone_pages - 1)));
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_IDX_ERASE, &stmt));
    sqlite3_bind_int64(stmt, 1, segment->segid);
    sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

// --- structure ---

// The structure's memory stays until it is read anew: a call that fails in the middle of a change
// may have the transaction rolled back, and the change must still find its way out.
void fts_index_forget(FtsIndex *index)
{
    index->has_structure = false;
    index->has_leftovers = false;
    index->broken_rc = SQLITE_OK;
    index->data_version = -1;
    index->version++;
    index->generation++;
    forget_pages(index);
}

static int read_data_version(FtsIndex *index, i64 *version)
{
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_DATA_VERSION, &stmt));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *version = sqlite3_column_int64(stmt, 0);
    return sqlite3_reset(stmt);
}

int fts_index_load(FtsIndex *index, char **message)
{
    i64 version = 0;
    TRY(read_data_version(index, &version));
    if (!index->has_structure || version != index->data_version) {
        fts_index_forget(index);
        FtsPage *page;
        TRY(fts_index_read(index, STRUCTURE_ID, &page));
        structure_deinit(&index->structure);
        int rc = structure_decode(&index->structure, page->bytes, page->size);
        fts_page_unref(page);
        if (rc != SQLITE_OK)
            return rc;
        index->has_structure = true;
        index->data_version = version;
    }
    // What others wrote they have merged; what a savepoint took back needs no merging.
    if (!index->has_merged_counter || index->merged_counter > index->structure.write_counter)
        index->merged_counter = index->structure.write_counter;
    index->has_merged_counter = true;
    return fts_config_load(index->config, index->structure.cookie, message);
}

int fts_index_save_structure(FtsIndex *index)
{
    if (!index->has_structure)
        return SQLITE_ABORT; // what it describes was rolled back meanwhile
    FtsBuffer bytes = {0};
    structure_encode(&index->structure, &bytes);
    int rc = bytes.rc;
    if (rc == SQLITE_OK)
        rc = fts_index_write(index, STRUCTURE_ID, bytes.bytes, bytes.size);
    fts_buffer_deinit(&bytes);
    index->generation++;
    return rc;
}
