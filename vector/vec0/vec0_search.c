// The k nearest rows of a vec0 table: every chunk is read, and of each the slots that pass.
#include "vector/distance_bound.h"
#include "vector/index/row_filter.h"
#include "vector/index/top_matches.h"
#include "vector/vec0/chunk_reader.h"

#include <math.h>

typedef struct Chunks {
    Vec0Table *table;
    const Vec0Search *search;
    RowFilter rowids_wanted;
    TopMatches top;  // by distance, then by the order in which rows were met
    i64 *rowids_met; // of those that entered, by that order; slots until their chunk is done
    size_t met, met_capacity;
    ChunkReader reader;
    DistanceBound by_pieces;
    i64 group;    // vectors compared between two times of asking for what is ahead
    size_t reach; // bytes of a vector that will be read
    sqlite3_blob *rowids_blob;
    char *chunks_name;
    i64 chunk, vectors; // its number, and the row that has its vectors
    bool has_rowids;
    u8 bits[VEC0_CHUNK_SIZE_MAX / 8 + sizeof(u64)]; // of slots that pass, then zeroes
    i64 rowids[VEC0_CHUNK_SIZE_MAX];
} Chunks;

static bool bit_is_set(const u8 *bits, i64 slot)
{
    return (bits[slot / 8] >> slot % 8 & 1) != 0;
}

// --- which slots ---

static int value_order(sqlite3_value *a, sqlite3_value *b)
{
    if (sqlite3_value_type(a) == SQLITE_INTEGER && sqlite3_value_type(b) == SQLITE_INTEGER) {
        i64 x = sqlite3_value_int64(a), y = sqlite3_value_int64(b);
        return x < y ? -1 : x > y;
    }
    if (sqlite3_value_type(a) == SQLITE_TEXT && sqlite3_value_type(b) == SQLITE_TEXT) {
        size_t a_size = (size_t)sqlite3_value_bytes(a), b_size = (size_t)sqlite3_value_bytes(b);
        int order =
            memcmp(sqlite3_value_text(a), sqlite3_value_text(b), a_size < b_size ? a_size : b_size);
        return order != 0 ? order : a_size < b_size ? -1 : a_size > b_size;
    }
    f64 x = sqlite3_value_double(a), y = sqlite3_value_double(b);
    return x < y ? -1 : x > y;
}

// Column 4 and on of the chunk's row are its partition keys. NULL compares with nothing.
static bool partition_passes(const Chunks *chunks, sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    for (int i = 0; i < chunks->search->constraint_count; i++) {
        const Vec0Constraint *constraint = &chunks->search->constraints[i];
        if (constraint->kind != ']')
            continue;
        sqlite3_value *key = sqlite3_column_value(stmt, 4 + constraint->index);
        if (sqlite3_value_type(key) == SQLITE_NULL
            || sqlite3_value_type(constraint->value) == SQLITE_NULL)
            return false;
        if (!vec0_compares((Vec0Compare)constraint->compare, value_order(key, constraint->value)))
            return false;
    }
    return true;
}

static int read_slots(Chunks *chunks, sqlite3_stmt *stmt)
{
    ASSERT(chunks->table->config.chunk_size <= VEC0_CHUNK_SIZE_MAX);

    i64 slots = chunks->table->config.chunk_size;
    const void *validity = sqlite3_column_blob(stmt, 2);
    if (validity == NULL || sqlite3_column_bytes(stmt, 2) != slots / 8)
        return vec0_corrupt(chunks->table, "a chunk's validity is of the wrong size");
    memcpy(chunks->bits, validity, (size_t)slots / 8);
    if (sqlite3_column_type(stmt, 3) != SQLITE_INTEGER)
        return vec0_corrupt(chunks->table, "a chunk is missing");
    chunks->chunk = sqlite3_column_int64(stmt, 0);
    chunks->vectors = sqlite3_column_int64(stmt, 3);
    chunks->has_rowids = false;
    return SQLITE_OK;
}

// The rowids of the chunk's slots, which are read for those chunks only that have something near.
static int read_rowids(Chunks *chunks)
{
    Vec0Table *table = chunks->table;
    int size = (int)table->config.chunk_size * (int)sizeof(i64);
    ASSERT(size <= (int)sizeof chunks->rowids);
    if (chunks->has_rowids)
        return SQLITE_OK;
    int rc = chunks->rowids_blob != NULL
                 ? sqlite3_blob_reopen(chunks->rowids_blob, chunks->chunk)
                 : sqlite3_blob_open(table->db, table->config.schema, chunks->chunks_name, "rowids",
                                     chunks->chunk, 0, &chunks->rowids_blob);
    if (rc != SQLITE_OK)
        return vec0_fail(table, rc, "%s", sqlite3_errmsg(table->db));
    if (sqlite3_blob_bytes(chunks->rowids_blob) != size)
        return vec0_corrupt(table, "a chunk's rowids are of the wrong size");
    TRY(sqlite3_blob_read(chunks->rowids_blob, chunks->rowids, size, 0));
    chunks->has_rowids = true;
    return SQLITE_OK;
}

static int filter_rowids(Chunks *chunks)
{
    ASSERT(chunks->chunks_name != NULL);

    if (!chunks->rowids_wanted.is_set)
        return SQLITE_OK;
    TRY(read_rowids(chunks));
    for (i64 slot = 0; slot < chunks->table->config.chunk_size; slot++)
        if (bit_is_set(chunks->bits, slot)
            && !filter_passes(&chunks->rowids_wanted, chunks->rowids[slot]))
            chunks->bits[slot / 8] &= (u8) ~(1u << slot % 8);
    return SQLITE_OK;
}

static int filter_slots(Chunks *chunks)
{
    Vec0Table *table = chunks->table;
    TRY(filter_rowids(chunks));
    for (int i = 0; i < chunks->search->constraint_count; i++) {
        const Vec0Constraint *constraint = &chunks->search->constraints[i];
        if (constraint->kind != '&')
            continue;
        const Vec0Filter filter = {
            .column = vec0_column(&table->config, VEC0_METADATA, constraint->index),
            .compare = (Vec0Compare)constraint->compare,
            .operand = constraint->value,
        };
        TRY(read_rowids(chunks));
        TRY(vec0_metadata_filter(table, &filter, chunks->chunk, chunks->rowids, chunks->bits));
    }
    return SQLITE_OK;
}

// --- distances ---

static bool distance_passes(const Vec0Search *search, f64 distance)
{
    ASSERT(!isnan(distance));

    for (int i = 0; i < search->constraint_count; i++) {
        const Vec0Constraint *constraint = &search->constraints[i];
        f64 bound = (f64)(f32)sqlite3_value_double(constraint->value);
        if (constraint->kind != '*')
            continue;
        bool passes = constraint->compare == 'a'   ? distance > bound
                      : constraint->compare == 'b' ? distance >= bound
                      : constraint->compare == 'c' ? distance < bound
                                                   : distance <= bound;
        if (!passes)
            return false;
    }
    return true;
}

static int offer(Chunks *chunks, i64 slot, f64 distance)
{
    ASSERT(slot >= 0 && slot < chunks->table->config.chunk_size);

    TopMatches *top = &chunks->top;
    if (top_is_full(top) && (top->limit == 0 || distance >= top->heap[0].distance))
        return SQLITE_OK;
    if (!distance_passes(chunks->search, distance))
        return SQLITE_OK;
    if (chunks->met == chunks->met_capacity) {
        size_t capacity = chunks->met_capacity * 2 + 64;
        i64 *rowids = sqlite3_realloc64(chunks->rowids_met, capacity * sizeof *rowids);
        if (rowids == NULL)
            return SQLITE_NOMEM;
        chunks->rowids_met = rowids;
        chunks->met_capacity = capacity;
    }
    chunks->rowids_met[chunks->met] = slot;
    return top_offer(top, (i64)chunks->met++, distance);
}

// What the sum of a row must not exceed to be kept; infinite where rows are not told by sums.
static f64 limit_now(const Chunks *chunks)
{
    const TopMatches *top = &chunks->top;
    ASSERT(top->count <= top->limit);
    if (!distance_bound_tells(&chunks->by_pieces) || !top_is_full(top) || top->limit == 0)
        return INFINITY;
    return distance_limit(&chunks->by_pieces, top->heap[0].distance);
}

// A zero vector has no cosine: it comes last.
static int compare_slot(Chunks *chunks, i64 slot, const u8 *elements)
{
    ASSERT(slot >= 0 && slot < chunks->table->config.chunk_size);

    const Vec0Search *search = chunks->search;
    const Vector row = {
        .type = search->column->element, .data = elements, .dims = search->column->dims};
    VectorError error;
    f64 distance;
    int rc = vector_distance(chunks->table->kernels, search->column->metric, &row, &search->query,
                             &distance, &error);
    if (rc != SQLITE_OK)
        return vec0_fail(chunks->table, rc, "%s", error.text);
    distance = (f64)(f32)distance;
    return offer(chunks, slot, isnan(distance) ? INFINITY : distance);
}

// A vector that goes on on another page, of which `size` bytes are here. These may be enough; if
// not, what is usually enough is put together before all of it is.
static int compare_part(Chunks *chunks, i64 slot, const u8 *part, size_t size)
{
    const DistanceBound *by_pieces = &chunks->by_pieces;
    size_t whole = chunks->reader.size;
    ASSERT(size < whole);
    if (by_pieces->sum != NULL) {
        size_t enough = whole < BOUND_PIECE_SIZE ? whole : BOUND_PIECE_SIZE;
        if (size < enough) {
            size = enough;
            TRY(chunk_reader_row(&chunks->reader, slot, size, &part));
        }
        if (distance_exceeds(by_pieces, part, size / by_pieces->element_size, limit_now(chunks)))
            return SQLITE_OK;
    }
    if (size < whole)
        TRY(chunk_reader_row(&chunks->reader, slot, whole, &part));
    return compare_slot(chunks, slot, part);
}

// How many slots from `first` on pass, one after the other; of the next 56.
static i64 passing_run(const Chunks *chunks, i64 first)
{
    enum { LOOK = 56 }; // fits into a word from any bit of a byte on, and into NEAR_ROWS_MAX
    u64 bits;
    ASSERT(first / 8 + (i64)sizeof bits <= (i64)sizeof chunks->bits);
    memcpy(&bits, chunks->bits + first / 8, sizeof bits);
    u64 stop = ~(bits >> first % 8) | (u64)1 << LOOK;
    return __builtin_ctzll(stop);
}

// Whole vectors side by side, all of slots that pass: the hot loop is the kernel's.
static int compare_run(Chunks *chunks, i64 first, const u8 *rows, i64 count)
{
    f64 limit = limit_now(chunks);
    u64 near = ((u64)1 << count) - 1;
    ASSERT(count > 0 && count < NEAR_ROWS_MAX);
    if (limit < INFINITY)
        near = distance_near(&chunks->by_pieces, rows, (size_t)count, limit);
    for (; near != 0; near &= near - 1) {
        i64 i = __builtin_ctzll(near);
        TRY(compare_slot(chunks, first + i, rows + (size_t)i * chunks->reader.size));
    }
    return SQLITE_OK;
}

// Slots that do not pass are not read, nor are the pages that hold nothing else.
static int compare_slots(Chunks *chunks)
{
    i64 slots = chunks->table->config.chunk_size;
    bool has_begun = false;
    ASSERT(slots <= VEC0_CHUNK_SIZE_MAX);
    for (i64 slot = 0; slot < slots;) {
        const u8 *rows;
        size_t size;
        i64 run = passing_run(chunks, slot);
        if (run == 0) {
            slot++;
            continue;
        }
        if (!has_begun)
            TRY(chunk_reader_go(&chunks->reader, chunks->vectors));
        has_begun = true;
        TRY(chunk_reader_rows(&chunks->reader, slot, &rows, &size));
        i64 whole = (i64)(size / chunks->reader.size);
        run = whole == 0 ? 1 : whole < run ? whole : run;
        TRY(whole > 0 ? compare_run(chunks, slot, rows, run)
                      : compare_part(chunks, slot, rows, size));
        slot += run;
    }
    return SQLITE_OK;
}

static int compare_chunk(Chunks *chunks)
{
    size_t before = chunks->met;
    TRY(compare_slots(chunks));
    if (chunks->met > before)
        TRY(read_rowids(chunks));
    for (size_t i = before; i < chunks->met; i++) {
        ASSERT(chunks->rowids_met[i] >= 0 && chunks->rowids_met[i] < VEC0_CHUNK_SIZE_MAX);
        chunks->rowids_met[i] = chunks->rowids[chunks->rowids_met[i]];
    }
    return SQLITE_OK;
}

// --- all chunks ---

static int read_chunk(Chunks *chunks, sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    if (sqlite3_column_int64(stmt, 1) != chunks->table->config.chunk_size)
        return vec0_corrupt(chunks->table, "a chunk is not of the table's chunk_size");
    if (!partition_passes(chunks, stmt))
        return SQLITE_OK;
    TRY(read_slots(chunks, stmt));
    TRY(filter_slots(chunks));
    return compare_chunk(chunks);
}

// Keys of a table with TEXT keys are looked up first.
static int wanted_rowids(Chunks *chunks, sqlite3_value *list)
{
    ASSERT(list != NULL);

    Vec0Table *table = chunks->table;
    RowFilter *wanted = &chunks->rowids_wanted;
    if (table->config.columns[0].type != VEC0_TEXT)
        return filter_take_list(wanted, list);
    sqlite3_value *value = NULL;
    size_t capacity = 0;
    wanted->is_set = true;
    int rc = sqlite3_vtab_in_first(list, &value);
    while (rc == SQLITE_OK && value != NULL) {
        i64 rowid;
        bool found;
        TRY(vec0_key_rowid(table, value, &rowid, &found));
        if (found)
            TRY(filter_add(wanted, &capacity, rowid));
        rc = sqlite3_vtab_in_next(list, &value);
    }
    filter_finish(wanted);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_chunks(Chunks *chunks)
{
    ASSERT(chunks->top.count == 0);

    sqlite3_stmt *stmt;
    for (int i = 0; i < chunks->search->constraint_count; i++)
        if (chunks->search->constraints[i].kind == '[')
            TRY(wanted_rowids(chunks, chunks->search->constraints[i].value));
    int which = VEC0_CHUNKS_READ + chunks->search->column->index;
    TRY(vec0_statement(chunks->table, (Vec0Statement)which, &stmt));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        rc = read_chunk(chunks, stmt);
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static void take_matches(Chunks *chunks, Match **matches, size_t *count)
{
    Match *found = top_take_sorted(&chunks->top, count);
    for (size_t i = 0; i < *count; i++)
        found[i].rowid = chunks->rowids_met[found[i].rowid];
    *matches = found;
}

static int search_begin(Chunks *chunks)
{
    Vec0Table *table = chunks->table;
    const Vec0Search *search = chunks->search;
    ASSERT(search->column->kind == VEC0_VECTOR);
    chunks->chunks_name = sqlite3_mprintf("%s_chunks", table->config.name);
    if (chunks->chunks_name == NULL)
        return SQLITE_NOMEM;
    distance_bound_init(table->kernels, search->column->metric, &search->query, &chunks->by_pieces);
    size_t reach = distance_bound_reach(&chunks->by_pieces, vec0_vector_size(search->column));
    return chunk_reader_init(&chunks->reader, table, search->column, reach);
}

static int search_end(Chunks *chunks)
{
    int rc = chunk_reader_deinit(&chunks->reader);
    int end = sqlite3_blob_close(chunks->rowids_blob);
    top_deinit(&chunks->top);
    filter_deinit(&chunks->rowids_wanted);
    sqlite3_free(chunks->rowids_met);
    sqlite3_free(chunks->chunks_name);
    sqlite3_free(chunks);
    return rc != SQLITE_OK ? rc : end;
}

int vec0_search(Vec0Table *table, const Vec0Search *search, Match **matches, size_t *count)
{
    Chunks *chunks = sqlite3_malloc64(sizeof *chunks);
    if (chunks == NULL)
        return SQLITE_NOMEM;
    memset(chunks, 0, sizeof *chunks);
    chunks->table = table;
    chunks->search = search;
    chunks->reader.table = table;
    filter_init(&chunks->rowids_wanted);
    top_init(&chunks->top, search->k);
    int rc = search_begin(chunks);
    if (rc == SQLITE_OK)
        rc = read_chunks(chunks);
    if (rc == SQLITE_OK)
        take_matches(chunks, matches, count);
    int end = search_end(chunks);
    if (rc == SQLITE_OK && end != SQLITE_OK) {
        sqlite3_free(*matches);
        *count = 0;
        *matches = NULL;
    }
    return rc != SQLITE_OK ? rc : end;
}
