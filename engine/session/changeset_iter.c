// Walks a changeset change by change: see changeset_iter.h for the format.

#include "session/changeset_iter.h"
#include "base/alloc.h"
#include "base/error.h"
#include "session/changeset_field.h"

enum { COLUMNS_MAX = 65536 }; // more is no table of SQLite's, but a damaged changeset

// --- lifecycle ---

// Stands before the first change.
int changeset_iter_new(bool inverts, bool skips_empty, sqlite3_changeset_iter **out)
{
    ASSERT(out != NULL);

    sqlite3_changeset_iter *iter = mem_alloc_zeroed(sizeof *iter);
    if (iter == NULL)
        return SQLITE_NOMEM;
    iter->inverts = inverts;
    iter->skips_empty = skips_empty;
    iter->violations = -1;
    *out = iter;
    return SQLITE_OK;
}

// The values own their texts and blobs, since a piece that came from a callback is gone with the
// next.
static void values_free(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->values != NULL || iter->values_capacity == 0);

    for (size_t i = 0; i < iter->values_capacity; i++)
        value_deinit(&iter->values[i]);
    mem_free(iter->values);
    mem_free(iter->is_defined);
    iter->values = NULL;
    iter->is_defined = NULL;
    iter->values_capacity = 0;
}

// A lent iterator is freed by who lent it, and only one that asks of foreign keys is lent while it
// is.
void changeset_iter_free(sqlite3_changeset_iter *iter)
{
    ASSERT(iter == NULL || !iter->is_lent || iter->violations >= 0);

    if (iter == NULL)
        return;
    values_free(iter);
    buffer_deinit(&iter->header);
    reader_deinit(&iter->in);
    mem_free(iter);
}

// --- the table ---

// Room for two rows of values. Undefined as long as nothing was decoded.
static int values_reserve(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->column_count > 0);

    size_t count = 2 * (size_t)iter->column_count;
    if (count <= iter->values_capacity)
        return SQLITE_OK;
    values_free(iter);
    iter->values = mem_alloc_zeroed(count * sizeof *iter->values);
    iter->is_defined = mem_alloc_zeroed(count);
    if (iter->values == NULL || iter->is_defined == NULL) {
        values_free(iter);
        return SQLITE_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        value_init(&iter->values[i], NULL);
    iter->values_capacity = count;
    return SQLITE_OK;
}

// A header, after its first byte.
static int read_header(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation == 0);

    Reader *in = &iter->in;
    u64 count;
    iter->table = NULL;
    TRY(reader_varint(in, &count));
    if (count == 0 || count > COLUMNS_MAX)
        return corrupt_record("number of columns in a changeset");
    // An offset, because the bytes may move while a callback gives more of them.
    size_t start = in->at;
    TRY(reader_skip(in, (size_t)count));
    TRY(reader_skip_text(in));
    // A copy: the reader forgets the header before the first change, and sqlite3changeset_op()
    // lends the name out until the next call.
    buffer_clear(&iter->header);
    buffer_add(&iter->header, in->bytes + start, in->at - start);
    const char *header = buffer_text(&iter->header);
    if (iter->header.rc != SQLITE_OK)
        return iter->header.rc;
    iter->column_count = (int)count;
    iter->key = (const u8 *)header;
    iter->table = header + count;
    ASSERT(iter->header.size > (size_t)count); // reader_skip_text() found the name's end
    return values_reserve(iter);
}

// --- the change ---

// Passing over a field checks it (reader.h): decode_row() reads the same bytes without a check.
static int skip_fields(sqlite3_changeset_iter *iter, bool of_key_only)
{
    ASSERT(iter->key != NULL);
    ASSERT(iter->column_count > 0);

    for (int i = 0; i < iter->column_count; i++) {
        if (!of_key_only || iter->key[i] != 0)
            TRY(reader_skip_field(&iter->in));
    }
    return SQLITE_OK;
}

// The operation byte was read already.
static int read_change(sqlite3_changeset_iter *iter, u8 operation)
{
    ASSERT(iter->operation == 0);

    u8 indirect;
    TRY(reader_byte(&iter->in, &indirect));
    // An offset: the fields may move while they are passed over.
    // A patchset cannot be inverted: it has no old values to go back to.
    bool is_known =
        operation == SQLITE_INSERT || operation == SQLITE_UPDATE || operation == SQLITE_DELETE;
    if (!is_known || iter->table == NULL || (iter->is_patchset && iter->inverts))
        return corrupt_record("change in a changeset");
    iter->record_at = iter->in.at;
    ASSERT(iter->record_at >= iter->change_at + 2);
    TRY(skip_fields(iter, iter->is_patchset && operation == SQLITE_DELETE));
    if (operation == SQLITE_UPDATE && !iter->is_patchset)
        TRY(skip_fields(iter, false));
    iter->operation = operation;
    iter->is_indirect = indirect != 0;
    return SQLITE_OK;
}

// Passes headers until a change comes.
static int advance(sqlite3_changeset_iter *iter, bool *is_new_table)
{
    ASSERT(!iter->is_lent);

    Reader *in = &iter->in;
    iter->operation = 0;
    *is_new_table = false;
    for (;;) {
        // Here nobody holds offsets into what was read: the change before was decoded or copied.
        reader_discard(in);
        bool is_done;
        TRY(reader_is_done(in, &is_done));
        if (is_done)
            return SQLITE_DONE;
        u8 byte;
        iter->change_at = in->at;
        TRY(reader_byte(in, &byte));
        if (byte != 'T' && byte != 'P') {
            TRY(read_change(iter, byte));
            return SQLITE_ROW;
        }
        iter->is_patchset = byte == 'P';
        *is_new_table = true;
        TRY(read_header(iter));
    }
}

// `rc` sticks: an iterator that met damage does not go on behind it.
int changeset_advance(sqlite3_changeset_iter *iter, bool *is_new_table)
{
    ASSERT(is_new_table != NULL);
    ASSERT(iter->rc != SQLITE_ROW && iter->rc != SQLITE_DONE);

    if (iter->rc != SQLITE_OK)
        return iter->rc;
    int rc = advance(iter, is_new_table);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        iter->rc = rc;
        iter->operation = 0;
    }
    return rc;
}

// The header that was read last.
void changeset_write_table(const sqlite3_changeset_iter *iter, Buffer *out)
{
    ASSERT(iter->table != NULL);
    ASSERT(iter->header.size > (size_t)iter->column_count);

    buffer_add_char(out, iter->is_patchset ? 'P' : 'T');
    changeset_write_varint(out, (u64)iter->column_count);
    buffer_add(out, iter->header.bytes, iter->header.size);
}

// What lies between the flags and the next change.
const u8 *changeset_record(const sqlite3_changeset_iter *iter, u32 *size)
{
    ASSERT(iter->operation != 0);
    ASSERT(iter->in.at >= iter->record_at);

    *size = (u32)(iter->in.at - iter->record_at);
    return iter->in.bytes + iter->record_at;
}

// --- values ---

// Reads a row of fields into values from `first` on; those outside the key stay undefined if only
// the key's are there. Returns what follows through *field.
static int decode_row(sqlite3_changeset_iter *iter, int first, bool of_key_only, const u8 **field)
{
    ASSERT(first == 0 || first == iter->column_count);

    for (int i = 0; i < iter->column_count; i++) {
        if (of_key_only && iter->key[i] == 0)
            continue;
        ASSERT(**field
               != FIELD_REPLACED); // never in what comes from outside: skip_fields() refuses it
        iter->is_defined[first + i] = **field != FIELD_UNDEFINED;
        if (iter->is_defined[first + i])
            TRY(field_read(*field, &iter->values[first + i]));
        *field += field_size(*field);
    }
    return SQLITE_OK;
}

// The key of a patchset's UPDATE stands in its one record: it is an old value.
static void move_key_to_old(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation == SQLITE_UPDATE);
    ASSERT(iter->is_patchset);

    int count = iter->column_count;
    for (int i = 0; i < count; i++) {
        if (iter->key[i] == 0)
            continue;
        value_move(&iter->values[i], &iter->values[count + i]);
        iter->is_defined[i] = iter->is_defined[count + i];
        iter->is_defined[count + i] = false;
    }
}

// A row without its whole key could be any row.
static bool key_is_defined(const sqlite3_changeset_iter *iter)
{
    ASSERT(iter->key != NULL);

    int first = iter->operation == SQLITE_INSERT ? iter->column_count : 0;
    for (int i = 0; i < iter->column_count; i++) {
        if (iter->key[i] != 0 && !iter->is_defined[first + i])
            return false;
    }
    return true;
}

// SQLITE_NOMEM apart, only a missing key can fail: the sizes were checked by read_change().
static int decode(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->values_capacity >= 2 * (size_t)iter->column_count);

    u32 size;
    int count = iter->column_count;
    const u8 *field = changeset_record(iter, &size);
    memset(iter->is_defined, 0, 2 * (size_t)count);
    // In the order in which the record's fields stand: old before new.
    switch (iter->operation) {
    case SQLITE_INSERT: TRY(decode_row(iter, count, false, &field)); break;
    case SQLITE_DELETE: TRY(decode_row(iter, 0, iter->is_patchset, &field)); break;
    default:
        if (!iter->is_patchset)
            TRY(decode_row(iter, 0, false, &field));
        TRY(decode_row(iter, count, false, &field));
        if (iter->is_patchset)
            move_key_to_old(iter);
    }
    return key_is_defined(iter) ? SQLITE_OK : corrupt_record("change without a key");
}

// Separate from advancing: many callers only copy bytes.
int changeset_decode(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation != 0);

    int rc = decode(iter);
    if (rc != SQLITE_OK) {
        iter->rc = rc;
        iter->operation = 0;
    }
    return rc;
}

// By their structs: values do not point into themselves, and their owner, the iterator, is the
// same.
static void swap_values(sqlite3_changeset_iter *iter, int i, int k)
{
    ASSERT(i != k);
    ASSERT(i >= 0 && k >= 0);

    Value value = iter->values[i];
    bool is_defined = iter->is_defined[i];
    iter->values[i] = iter->values[k];
    iter->is_defined[i] = iter->is_defined[k];
    iter->values[k] = value;
    iter->is_defined[k] = is_defined;
}

// INSERT and DELETE change places; an UPDATE keeps its key among the old values.
static void invert(sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation != 0);
    ASSERT(!iter->is_patchset);

    bool is_update = iter->operation == SQLITE_UPDATE;
    for (int i = 0; i < iter->column_count; i++) {
        if (!is_update || iter->key[i] == 0)
            swap_values(iter, i, iter->column_count + i);
        else
            iter->is_defined[iter->column_count + i] = false;
    }
    if (!is_update)
        iter->operation = iter->operation == SQLITE_INSERT ? SQLITE_DELETE : SQLITE_INSERT;
}

// An UPDATE that has new values for no column.
static bool changes_nothing(const sqlite3_changeset_iter *iter)
{
    ASSERT(iter->operation != 0);
    ASSERT(iter->skips_empty);

    if (iter->operation != SQLITE_UPDATE)
        return false;
    // An UPDATE's key stands among the old values only, so that any new value is a change.
    for (int i = 0; i < iter->column_count; i++) {
        if (iter->is_defined[iter->column_count + i])
            return false;
    }
    return true;
}

// Passes over what the caller does not want to see.
int changeset_next(sqlite3_changeset_iter *iter, bool *is_new_table)
{
    ASSERT(!iter->is_lent);
    ASSERT(is_new_table != NULL);

    *is_new_table = false;
    for (;;) {
        bool is_new;
        int rc = changeset_advance(iter, &is_new);
        *is_new_table = *is_new_table || is_new;
        if (rc != SQLITE_ROW)
            return rc;
        // A change that is passed over below is decoded all the same: emptiness is seen on the
        // values.
        TRY(changeset_decode(iter));
        if (iter->inverts)
            invert(iter);
        if (!iter->skips_empty || !changes_nothing(iter))
            return SQLITE_ROW;
    }
}

Value *changeset_old(const sqlite3_changeset_iter *iter, int column)
{
    ASSERT(column >= 0 && column < iter->column_count);
    return iter->is_defined[column] ? &iter->values[column] : NULL;
}

Value *changeset_new(const sqlite3_changeset_iter *iter, int column)
{
    ASSERT(column >= 0 && column < iter->column_count);
    int i = iter->column_count + column;
    return iter->is_defined[i] ? &iter->values[i] : NULL;
}

// --- the public iterator ---

// The public iterators skip nothing: a program may want to see updates that change nothing. Where
// iterators come from a program. What it passed stays its own and must outlive the iterator.
static int start(sqlite3_changeset_iter **out, const Reader *in, int flags)
{
    ASSERT(out != NULL && in != NULL);

    *out = NULL;
    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new((flags & SQLITE_CHANGESETSTART_INVERT) != 0, false, &iter));
    iter->in = *in;
    *out = iter;
    return SQLITE_OK;
}

// The bytes stay the caller's, and must live as long as the iterator.
int sqlite3changeset_start_v2(sqlite3_changeset_iter **iter, int size, void *changeset, int flags)
{
    if (iter == NULL || size < 0 || (changeset == NULL && size > 0))
        return error_misuse();
    Reader in;
    reader_of_memory(&in, changeset, (size_t)size);
    return start(iter, &in, flags);
}

int sqlite3changeset_start(sqlite3_changeset_iter **iter, int size, void *changeset)
{
    return sqlite3changeset_start_v2(iter, size, changeset, 0);
}

// The callback is asked for pieces as they are needed.
int sqlite3changeset_start_v2_strm(sqlite3_changeset_iter **iter, InputCallback *input,
                                   void *input_arg, int flags)
{
    if (iter == NULL || input == NULL)
        return error_misuse();
    Reader in;
    reader_of_callback(&in, input, input_arg);
    return start(iter, &in, flags);
}

int sqlite3changeset_start_strm(sqlite3_changeset_iter **iter, InputCallback *input,
                                void *input_arg)
{
    return sqlite3changeset_start_v2_strm(iter, input, input_arg, 0);
}

int sqlite3changeset_next(sqlite3_changeset_iter *iter)
{
    if (iter == NULL || iter->is_lent)
        return error_misuse();
    // A program sees new tables by the name that sqlite3changeset_op() tells.
    bool is_new_table;
    return changeset_next(iter, &is_new_table);
}

// Tells the error that the iterator met, if any.
int sqlite3changeset_finalize(sqlite3_changeset_iter *iter)
{
    if (iter == NULL)
        return SQLITE_OK;
    // Apply frees what it made; a handler that finalizes its iterator would leave apply with
    // nothing.
    if (iter->is_lent)
        return error_misuse();
    int rc = iter->rc;
    changeset_iter_free(iter);
    return rc;
}

// The name is lent until the next call on the iterator.
int sqlite3changeset_op(sqlite3_changeset_iter *iter, const char **table, int *column_count,
                        int *operation, int *is_indirect)
{
    if (iter == NULL || iter->operation == 0)
        return SQLITE_MISUSE;
    ASSERT(iter->table != NULL); // a change stands in a table
    *table = iter->table;
    *column_count = iter->column_count;
    *operation = iter->operation;
    if (is_indirect != NULL)
        *is_indirect = iter->is_indirect;
    return SQLITE_OK;
}

int sqlite3changeset_pk(sqlite3_changeset_iter *iter, unsigned char **is_key, int *column_count)
{
    // Lent until the next move: the key's bytes lie at the beginning of the header's copy.
    bool has_table = iter != NULL && iter->table != NULL;
    *is_key = has_table ? (unsigned char *)iter->header.bytes : NULL;
    if (column_count != NULL)
        *column_count = has_table ? iter->column_count : 0;
    return has_table ? SQLITE_OK : SQLITE_MISUSE;
}

// Of an UPDATE the key and what it changes, of a DELETE the row.
int sqlite3changeset_old(sqlite3_changeset_iter *iter, int column, sqlite3_value **value)
{
    *value = NULL;
    if (iter == NULL || (iter->operation != SQLITE_UPDATE && iter->operation != SQLITE_DELETE))
        return SQLITE_MISUSE;
    if (column < 0 || column >= iter->column_count)
        return SQLITE_RANGE;
    // NULL with SQLITE_OK: the column is not part of the change.
    *value = changeset_old(iter, column);
    return SQLITE_OK;
}

// Of an UPDATE what it changes, of an INSERT the row.
int sqlite3changeset_new(sqlite3_changeset_iter *iter, int column, sqlite3_value **value)
{
    *value = NULL;
    if (iter == NULL || (iter->operation != SQLITE_UPDATE && iter->operation != SQLITE_INSERT))
        return SQLITE_MISUSE;
    if (column < 0 || column >= iter->column_count)
        return SQLITE_RANGE;
    *value = changeset_new(iter, column);
    return SQLITE_OK;
}

// In a handler asked about DATA or CONFLICT only.
int sqlite3changeset_conflict(sqlite3_changeset_iter *iter, int column, sqlite3_value **value)
{
    *value = NULL;
    if (iter == NULL || iter->conflict == NULL)
        return SQLITE_MISUSE;
    if (column < 0 || column >= iter->column_count)
        return SQLITE_RANGE;
    ASSERT(column < sqlite3_column_count(iter->conflict));
    // The statement stands on the row in the way, whose columns are in the changeset's order.
    *value = sqlite3_column_value(iter->conflict, column);
    return SQLITE_OK;
}

// In a handler asked about FOREIGN_KEY only.
int sqlite3changeset_fk_conflicts(sqlite3_changeset_iter *iter, int *count)
{
    if (iter == NULL || iter->violations < 0)
        return SQLITE_MISUSE;
    // -1 but for the one iterator that is made to ask about foreign keys.
    *count = iter->violations;
    return SQLITE_OK;
}
