#ifndef QUIRE_FUNC_PRINTF_H
#define QUIRE_FUNC_PRINTF_H
// SQLite's formats: behind printf() and format() in SQL and sqlite3_mprintf() in C.
//
//     %[flags][width][.precision][l|ll]type
//
//     flags   -  left    +  sign    space  blank sign    0  zeros    #  alternate    ,  thousands
//             !  reals: up to 20 digits, always a point; text: width and precision count characters
//     types   d i u x X o r p   e E f g G   s z c   q Q w   %   n
//
//     r  ordinal: 1st 2nd; p  like %X; z  like %s, the argument is freed with mem_free (C only);
//     c  a character, precision times; q  with ' doubled; Q  the same between quotes, or NULL;
//     w  with " doubled; n  nothing. %#q and %#Q write control characters as \u.... for unistr().
//
// A type that does not exist ends the output.

#include "base/buffer.h"
#include "value/value.h"
#include <stdarg.h>

// Appends to `out`, whose size_max limits the whole. Arguments as C passes them.
void format_va(Buffer *out, const char *fmt, va_list args);
void format_text(Buffer *out, const char *fmt, ...);
// Arguments are SQL values; missing ones count as 0, 0.0 or NULL.
void format_values(Buffer *out, const char *fmt, int arg_count, Value **args);

#endif
