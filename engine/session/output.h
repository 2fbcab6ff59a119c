#ifndef QUIRE_SESSION_OUTPUT_H
#define QUIRE_SESSION_OUTPUT_H
// Where changesets go: into memory for the caller, or in pieces to a function of his. Writers
// append to `bytes` without asking for errors, which stick (buffer.h), and call output_pass_on()
// after each change.

#include "base/buffer.h"

typedef int OutputCallback(void *arg, const void *data, int size);
typedef struct Output {
    Buffer bytes; // all of it, or what the callback has not seen yet
    OutputCallback *callback;
    void *arg;
} Output;

// Hands pieces over once they are large enough; call only where nothing is to be taken back.
MUST_USE int output_pass_on(Output *out);
// The rest. With memory: *size and *bytes (sqlite3_free), set only on success.
MUST_USE int output_finish(Output *out, int *size, void **bytes);
// Gives back what was not taken.
void output_deinit(Output *out);

int session_piece_size(void); // SQLITE_SESSION_CONFIG_STRMSIZE

#endif
