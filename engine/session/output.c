// Where changesets go, and the module's one setting.

#include "session/output.h"
#include "base/error.h"

// Set before sessions exist, as its documentation demands, and constant then.
static int piece_size = 1024;

// What a callback is asked for, and about what it is given.
int session_piece_size(void)
{
    ASSERT(piece_size > 0);

    return piece_size;
}

// A value that is not positive only asks.
int sqlite3session_config(int option, void *arg)
{
    if (option != SQLITE_SESSION_CONFIG_STRMSIZE || arg == NULL)
        return SQLITE_MISUSE;
    int *size = arg;
    if (*size > 0)
        piece_size = *size;
    *size = piece_size;
    return SQLITE_OK;
}

// The buffer keeps its memory for the next piece, and is emptied also when the callback failed: the
// writing ends with that. Sizes fit an int: a Buffer stops at a thousand million bytes.
static int hand_over(Output *out)
{
    ASSERT(out->callback != NULL);
    ASSERT(out->bytes.size > 0);

    int rc = out->callback(out->arg, out->bytes.bytes, (int)out->bytes.size);
    buffer_clear(&out->bytes);
    return rc;
}

// Between changes: a piece never ends within one.
int output_pass_on(Output *out)
{
    ASSERT(out != NULL);

    if (out->bytes.rc != SQLITE_OK)
        return out->bytes.rc;
    // The whole buffer goes at once, so that a piece may be larger than the setting by one change,
    // as with SQLite: the setting bounds what is gathered, not what is handed over.
    if (out->callback == NULL || out->bytes.size <= (size_t)piece_size)
        return SQLITE_OK;
    return hand_over(out);
}

// What is left goes to the callback, or all of it to the caller.
int output_finish(Output *out, int *size, void **bytes)
{
    ASSERT(out->callback != NULL || (size != NULL && bytes != NULL));

    if (out->bytes.rc != SQLITE_OK)
        return out->bytes.rc;
    // A callback is not told of the end, and never gets an empty piece.
    if (out->callback != NULL)
        return out->bytes.size > 0 ? hand_over(out) : SQLITE_OK;
    *size = (int)out->bytes.size;
    // An empty changeset is NULL and 0, which sqlite3_free() and all readers accept.
    *bytes = NULL;
    if (out->bytes.size == 0)
        return SQLITE_OK;
    *bytes = buffer_take(&out->bytes);
    return *bytes != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

void output_deinit(Output *out)
{
    ASSERT(out != NULL);

    buffer_deinit(&out->bytes);
}
