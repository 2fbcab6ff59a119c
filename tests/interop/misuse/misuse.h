#ifndef QUIRE_TESTS_INTEROP_MISUSE_MISUSE_H
#define QUIRE_TESTS_INTEROP_MISUSE_MISUSE_H
// Calls of the C interface that a program should not make, on a library opened by path.
//
// Each call is made in a process of its own, forked from one where the handles below stand ready,
// so that no call meets the traces of another and one that crashes takes nothing with it. The
// library's memory comes from an allocator that never gives any back: what a freed handle answers
// is then the library's doing alone.

#include "sqlite3.h"

#include <stdbool.h>
#include <stddef.h>

// The handles that calls are made with.
typedef struct Handles {
    sqlite3 *db;     // open, in memory, at rest: table t(a, b), view v, WITHOUT ROWID w
    sqlite3 *other;  // open, in memory, with a transaction open and t read in it
    sqlite3 *closed; // closed
    sqlite3 *sick;   // what an open that failed gave
    sqlite3 *zombie; // closed by close_v2 while zombie_row still ran
    sqlite3_stmt *fresh, *row, *done, *broken, *legacy; // of db; broken: its step failed
    sqlite3_stmt *zombie_row, *finalized;
    sqlite3_blob *blob, *expired; // of db
    sqlite3_value *value;         // the text '12ab'
} Handles;
extern Handles h;

// Where calls may put what they give back; untouched at the beginning of each.
extern void *out;
extern int number;

void *symbol(const char *name); // ends the process when the library has none of that name
void handles_make(void);

// In the process that makes the call: true. The other waits for it and returns false.
bool begin_call(const char *state, const char *call);
void end_int(long long answer);
void end_double(double answer);
void end_text(const void *answer);
void end_text16(const void *answer);
void end_pointer(const void *answer);
void end_void(void);

#define F(name) ((__typeof__(&sqlite3_##name))symbol("sqlite3_" #name))
#define CALL(end, call, name, ...)     \
    do {                               \
        if (begin_call(state, call))   \
            end(F(name)(__VA_ARGS__)); \
    } while (0)
#define INT(name, ...)    CALL(end_int, #name "(" #__VA_ARGS__ ")", name, __VA_ARGS__)
#define DOUBLE(name, ...) CALL(end_double, #name "(" #__VA_ARGS__ ")", name, __VA_ARGS__)
#define TEXT(name, ...)   CALL(end_text, #name "(" #__VA_ARGS__ ")", name, __VA_ARGS__)
#define TEXT16(name, ...) CALL(end_text16, #name "(" #__VA_ARGS__ ")", name, __VA_ARGS__)
#define PTR(name, ...)    CALL(end_pointer, #name "(" #__VA_ARGS__ ")", name, __VA_ARGS__)
#define VOID(name, ...)                                      \
    do {                                                     \
        if (begin_call(state, #name "(" #__VA_ARGS__ ")")) { \
            F(name)(__VA_ARGS__);                            \
            end_void();                                      \
        }                                                    \
    } while (0)

// --- the calls, by family ---

void calls_with_connection(const char *state, sqlite3 *bad);
void calls_that_configure(const char *state, sqlite3 *bad);
void calls_that_register(const char *state, sqlite3 *bad);
void calls_with_statement(const char *state, sqlite3_stmt *stmt);
void calls_that_bind(const char *state, sqlite3_stmt *stmt);
void calls_with_columns(const char *state, sqlite3_stmt *stmt);
void calls_with_wrong_arguments(void);
void calls_in_wrong_states(void);
void calls_without_object(void);
void calls_in_callbacks(void);
void calls_in_thread_modes(void);

// Callbacks to register: none does anything but on_destroy, which leaves 1 in `number`.
void on_scalar(sqlite3_context *context, int count, sqlite3_value **args);
void on_final(sqlite3_context *context);
int on_compare(void *arg, int a_size, const void *a, int b_size, const void *b);
void on_destroy(void *arg);

#endif
