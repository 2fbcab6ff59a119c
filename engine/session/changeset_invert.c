// The changeset that undoes another (sqlite3changeset_invert).
//
// Order and flags stay; INSERT and DELETE change places, an UPDATE's old and new values as well,
// but for its key, which stays among the old ones. Order may stay because a changeset has one
// change per row: none depends on another. A patchset cannot be inverted: it does not have what
// was there before.

#include "base/error.h"
#include "session/changeset_field.h"
#include "session/changeset_iter.h"
#include "session/output.h"

// Old: the key, and the values that the update gave. New: the values it replaced.
static void write_update(const sqlite3_changeset_iter *iter, Buffer *out)
{
    ASSERT(iter->operation == SQLITE_UPDATE);
    ASSERT(!iter->is_patchset);

    for (int i = 0; i < iter->column_count; i++) {
        bool is_key = iter->key[i] != 0;
        field_write(out, is_key ? changeset_old(iter, i) : changeset_new(iter, i));
    }
    for (int i = 0; i < iter->column_count; i++) {
        bool is_key = iter->key[i] != 0;
        field_write(out, is_key ? NULL : changeset_old(iter, i));
    }
}

// INSERT and DELETE need no values of their own: the record is the same, read the other way.
static int write_change(sqlite3_changeset_iter *iter, Buffer *out)
{
    ASSERT(iter->operation != 0);
    ASSERT(!iter->inverts);

    static const u8 inverse[] = {[SQLITE_INSERT] = SQLITE_DELETE,
                                 [SQLITE_DELETE] = SQLITE_INSERT,
                                 [SQLITE_UPDATE] = SQLITE_UPDATE};
    u32 size;
    const u8 *record = changeset_record(iter, &size);
    buffer_add_char(out, (char)inverse[iter->operation]);
    buffer_add_char(out, iter->is_indirect);
    if (iter->operation != SQLITE_UPDATE) {
        buffer_add(out, record, size);
        return out->rc;
    }
    TRY(changeset_decode(iter));
    write_update(iter, out);
    return out->rc;
}

// Change by change: no more than one is in memory, but for what the output gathers.
static int invert(const Reader *in, Output *out)
{
    ASSERT(in != NULL && out->bytes.size == 0);

    sqlite3_changeset_iter *iter;
    TRY(changeset_iter_new(false, false, &iter));
    // Read as it stands: this function does what an inverting iterator would show.
    iter->in = *in;
    bool is_new_table;
    int rc;
    while ((rc = changeset_advance(iter, &is_new_table)) == SQLITE_ROW) {
        if (iter->is_patchset) {
            rc = corrupt_record("a patchset cannot be inverted");
            break;
        }
        if (is_new_table)
            changeset_write_table(iter, &out->bytes);
        TRY_DONE(write_change(iter, &out->bytes));
        TRY_DONE(output_pass_on(out));
    }
done:
    changeset_iter_free(iter);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// The result is sqlite3_malloc's.
int sqlite3changeset_invert(int size, const void *changeset, int *out_size, void **out)
{
    if (out_size == NULL || out == NULL || size < 0 || (changeset == NULL && size > 0))
        return error_misuse();
    *out_size = 0;
    *out = NULL;
    Reader in;
    Output output = {0};
    reader_of_memory(&in, changeset, (size_t)size);
    int rc = invert(&in, &output);
    if (rc == SQLITE_OK)
        rc = output_finish(&output, out_size, out);
    output_deinit(&output);
    return rc;
}

int sqlite3changeset_invert_strm(InputCallback *input, void *input_arg, OutputCallback *callback,
                                 void *output_arg)
{
    if (input == NULL || callback == NULL)
        return error_misuse();
    Reader in;
    Output output = {.callback = callback, .arg = output_arg};
    reader_of_callback(&in, input, input_arg);
    int rc = invert(&in, &output);
    if (rc == SQLITE_OK)
        rc = output_finish(&output, NULL, NULL);
    output_deinit(&output);
    return rc;
}
