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
    i64 *rowids_met; // of those that entered, by that order
    size_t met, met_capacity;
    ChunkReader reader;
    DistanceBound by_pieces;
    size_t reach; // bytes of a vector that will be read
    u8 bits[VEC0_CHUNK_SIZE_MAX / 8];
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
    i64 slots = chunks->table->config.chunk_size;
    const void *validity = sqlite3_column_blob(stmt, 2);
    if (validity == NULL || sqlite3_column_bytes(stmt, 2) != slots / 8)
        return vec0_corrupt(chunks->table, "a chunk's validity is of the wrong size");
    memcpy(chunks->bits, validity, (size_t)slots / 8);
    const void *rowids = sqlite3_column_blob(stmt, 3);
    if (rowids == NULL || sqlite3_column_bytes(stmt, 3) != slots * 8)
        return vec0_corrupt(chunks->table, "a chunk's rowids are of the wrong size");
    memcpy(chunks->rowids, rowids, (size_t)slots * 8);
    return SQLITE_OK;
}

static int filter_slots(Chunks *chunks, i64 chunk)
{
    Vec0Table *table = chunks->table;
    if (chunks->rowids_wanted.is_set)
        for (i64 slot = 0; slot < table->config.chunk_size; slot++)
            if (bit_is_set(chunks->bits, slot)
                && !filter_passes(&chunks->rowids_wanted, chunks->rowids[slot]))
                chunks->bits[slot / 8] &= (u8) ~(1u << slot % 8);
    for (int i = 0; i < chunks->search->constraint_count; i++) {
        const Vec0Constraint *constraint = &chunks->search->constraints[i];
        if (constraint->kind != '&')
            continue;
        const Vec0Filter filter = {
            .column = vec0_column(&table->config, VEC0_METADATA, constraint->index),
            .compare = (Vec0Compare)constraint->compare,
            .operand = constraint->value,
        };
        TRY(vec0_metadata_filter(table, &filter, chunk, chunks->rowids, chunks->bits));
    }
    return SQLITE_OK;
}

// --- distances ---

static bool distance_passes(const Vec0Search *search, f64 distance)
{
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

static int offer(Chunks *chunks, i64 rowid, f64 distance)
{
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
    chunks->rowids_met[chunks->met] = rowid;
    return top_offer(top, (i64)chunks->met++, distance);
}

// What the sum of a row must not exceed to be kept; infinite where rows are not told by sums.
static f64 limit_now(const Chunks *chunks)
{
    const TopMatches *top = &chunks->top;
    ASSERT(top->count <= top->limit);
    if (chunks->by_pieces.sum == NULL || !top_is_full(top) || top->limit == 0)
        return INFINITY;
    return distance_limit(&chunks->by_pieces, top->heap[0].distance);
}

// A zero vector has no cosine: it comes last.
static int compare_slot(Chunks *chunks, i64 slot, const u8 *elements)
{
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
    return offer(chunks, chunks->rowids[slot], isnan(distance) ? INFINITY : distance);
}

// A vector that goes on on another page, of which `size` bytes are here. These may be enough; if
// not, what is usually enough is put together before all of it is.
static int compare_part(Chunks *chunks, i64 slot, const u8 *part, size_t size)
{
    const DistanceBound *by_pieces = &chunks->by_pieces;
    size_t whole = chunks->reader.size;
    const u8 *row;
    ASSERT(size < whole);
    chunk_reader_ask(&chunks->reader, slot, chunks->reach);
    if (by_pieces->sum != NULL && chunks->reach < whole) {
        if (size < BOUND_PIECE_SIZE) {
            size = BOUND_PIECE_SIZE;
            TRY(chunk_reader_row(&chunks->reader, slot, size, &part));
        }
        if (distance_exceeds(by_pieces, part, size / by_pieces->element_size, limit_now(chunks)))
            return SQLITE_OK;
    }
    TRY(chunk_reader_row(&chunks->reader, slot, whole, &row));
    return compare_slot(chunks, slot, row);
}

// Whole vectors side by side: the hot loop.
static int compare_run(Chunks *chunks, i64 first, const u8 *rows, i64 count)
{
    const DistanceBound *by_pieces = &chunks->by_pieces;
    size_t size = chunks->reader.size;
    f64 limit = limit_now(chunks);
    ASSERT(count > 0);
    for (i64 i = 0; i < count; i++, rows += size) {
        chunk_reader_ask(&chunks->reader, first + i, chunks->reach);
        if (!bit_is_set(chunks->bits, first + i)
            || (limit < INFINITY && distance_exceeds(by_pieces, rows, by_pieces->count, limit)))
            continue;
        TRY(compare_slot(chunks, first + i, rows));
        limit = limit_now(chunks);
    }
    return SQLITE_OK;
}

// Slots that do not pass are not read, nor are the pages that hold nothing else.
static int compare_chunk(Chunks *chunks, i64 chunk)
{
    i64 slots = chunks->table->config.chunk_size;
    bool has_begun = false;
    ASSERT(slots <= VEC0_CHUNK_SIZE_MAX);
    for (i64 slot = 0; slot < slots;) {
        const u8 *rows;
        size_t size;
        if (!bit_is_set(chunks->bits, slot)) {
            slot++;
            continue;
        }
        if (!has_begun)
            TRY(chunk_reader_go(&chunks->reader, chunk));
        has_begun = true;
        TRY(chunk_reader_rows(&chunks->reader, slot, &rows, &size));
        i64 whole = (i64)(size / chunks->reader.size);
        TRY(whole > 0 ? compare_run(chunks, slot, rows, whole)
                      : compare_part(chunks, slot, rows, size));
        slot += whole > 0 ? whole : 1;
    }
    return SQLITE_OK;
}

// --- all chunks ---

static int read_chunk(Chunks *chunks, sqlite3_stmt *stmt)
{
    i64 chunk = sqlite3_column_int64(stmt, 0);
    if (sqlite3_column_int64(stmt, 1) != chunks->table->config.chunk_size)
        return vec0_corrupt(chunks->table, "a chunk is not of the table's chunk_size");
    if (!partition_passes(chunks, stmt))
        return SQLITE_OK;
    TRY(read_slots(chunks, stmt));
    TRY(filter_slots(chunks, chunk));
    return compare_chunk(chunks, chunk);
}

// Keys of a table with TEXT keys are looked up first.
static int wanted_rowids(Chunks *chunks, sqlite3_value *list)
{
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
    sqlite3_stmt *stmt;
    for (int i = 0; i < chunks->search->constraint_count; i++)
        if (chunks->search->constraints[i].kind == '[')
            TRY(wanted_rowids(chunks, chunks->search->constraints[i].value));
    TRY(vec0_statement(chunks->table, VEC0_CHUNKS_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, INT64_MIN));
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

int vec0_search(Vec0Table *table, const Vec0Search *search, Match **matches, size_t *count)
{
    Chunks *chunks = sqlite3_malloc64(sizeof *chunks);
    if (chunks == NULL)
        return SQLITE_NOMEM;
    memset(chunks, 0, sizeof *chunks);
    chunks->table = table;
    chunks->search = search;
    filter_init(&chunks->rowids_wanted);
    top_init(&chunks->top, search->k);
    distance_bound_init(table->kernels, search->column->metric, &search->query, &chunks->by_pieces);
    chunks->reach = distance_bound_reach(&chunks->by_pieces, vec0_vector_size(search->column));
    int rc = chunk_reader_init(&chunks->reader, table, search->column);
    if (rc == SQLITE_OK)
        rc = read_chunks(chunks);
    int end = chunk_reader_deinit(&chunks->reader);
    if (rc == SQLITE_OK)
        rc = end;
    if (rc == SQLITE_OK)
        take_matches(chunks, matches, count);
    top_deinit(&chunks->top);
    filter_deinit(&chunks->rowids_wanted);
    sqlite3_free(chunks->rowids_met);
    sqlite3_free(chunks);
    return rc;
}
