#ifndef QUIRE_FUNC_REGEX_INTERNAL_H
#define QUIRE_FUNC_REGEX_INTERNAL_H
// The program of a regular expression, as regex_compile.c makes it and regex_search.c runs it.

#include "func/regex.h"

enum { CODE_POINT_MAX = 0x10FFFF };

typedef enum RegexOp {
    REGEX_CHAR,   // a character: `x`
    REGEX_ANY,    // any character
    REGEX_SET,    // one of ranges[x .. x + y)
    REGEX_OTHER,  // none of ranges[x .. x + y)
    REGEX_BEGIN,  // before the text
    REGEX_END,    // behind the text
    REGEX_EDGE,   // between a word character and one that is none
    REGEX_INSIDE, // not there
    REGEX_SPLIT,  // go on at x, or else at y
    REGEX_JUMP,   // go on at x
    REGEX_SAVE,   // the place is slot x's: 2n begins group n, 2n + 1 ends it
    REGEX_MATCH,
} RegexOp;

typedef struct RegexInstr {
    u32 op; // RegexOp
    u32 x, y;
} RegexInstr;

typedef struct RegexRange {
    u32 first, last;
} RegexRange;

// Where the search may be: instructions that wait for the next character, the preferred first.
typedef struct RegexThreads {
    u32 count;
    u32 *dense;  // [count] instructions
    u32 *sparse; // where in `dense` an instruction is, if it is there
    i64 *slots;  // per place in `dense`
} RegexThreads;

struct Regex {
    RegexInstr *code;
    u32 count;
    RegexRange *ranges;
    bool ignore_case;
    bool is_anchored; // can match at the beginning of the text alone
    u8 prefix_size;   // bytes that every match begins with
    char prefix[15];
    RegexThreads threads[2]; // made by the first search, for as many slots as one ever wants
    u32 *stack;              // instructions, and slots to put back
    i64 *former;             // what those slots held
};

#endif
