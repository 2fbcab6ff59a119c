#ifndef QUIRE_FUNC_REGEX_H
#define QUIRE_FUNC_REGEX_H
// Regular expressions over UTF-8, matched in time proportional to text times pattern.
//
//     X* X+ X? X{m,n} X{m} X{m,}   repetition; with another ? behind it as few as will do
//     (X) (?:X) X|Y ^ $            groups that capture and do not, alternatives, ends of the text
//     . [abc] [^a-z] [[:alpha:]]   any character, one of a set
//     \d \w \s \D \W \S            digit, word character, white space, and all others; in sets, too
//     \b \B \A \z                  at a word's edge and not; ends of the text
//     \a \f \n \r \t \v \xXX \uXXXX, \ before punctuation: that character
//     (?i) in front                ASCII letters match either case
//
// Of the ways to match the leftmost is taken, of those the one that alternatives and repetitions
// prefer. The language is that of SQLite's regexp() extension, whose words the errors have, and
// what it lacks of what other engines share.
//
//   R1  A program has at most REGEX_SIZE_MAX instructions, whatever its pattern multiplies.
//   R2  A Regex is used by one thread at a time: it owns the memory of the search.

#include "base/contract.h"

enum {
    REGEX_SIZE_MAX = 20000,
    REGEX_GROUPS_MAX = 10, // the whole match, and the first nine (...)
};

typedef struct Regex Regex;

// Bytes [start, end) of the text; start < 0: the group took no part.
typedef struct RegexSpan {
    i64 start, end;
} RegexSpan;

// SQLITE_ERROR: *why says what the pattern lacks.
MUST_USE int regex_compile(const char *pattern, size_t size, bool ignore_case, Regex **out,
                           const char **why);
void regex_free(Regex *regex); // NULL is fine

// Searches the text. Of a match the first `count` groups are reported; 0: only whether there is
// one, which is quicker.
MUST_USE int regex_search(Regex *regex, const char *text, size_t size, bool *found,
                          RegexSpan *groups, u32 count);

#endif
