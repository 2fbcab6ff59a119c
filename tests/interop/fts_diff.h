#ifndef QUIRE_TESTS_INTEROP_FTS_DIFF_H
#define QUIRE_TESTS_INTEROP_FTS_DIFF_H
// Random statements for full-text tables, of FTS5 (fts_diff_plan.c) or of FTS3 and FTS4
// (fts3_diff_plan.c); see fts_diff.c for what becomes of them.

#include <stdbool.h>
#include <stdint.h>

typedef struct Text {
    char bytes[1 << 16];
    int size;
} Text;

void text_set(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef enum Content { NORMAL, CONTENTLESS, CONTENTLESS_DELETE, EXTERNAL, CONTENT_KINDS } Content;
typedef enum Detail { FULL, COLUMNS, NONE } Detail;

// One table's make, and what is known of its rows.
typedef struct Plan {
    uint64_t random;
    int version; // of the stock library: it limits the options
    Content content;
    Detail detail;
    int column_count;
    bool is_unindexed[4];
    bool has_columnsize;
    bool has_locale;
    bool has_secure_delete;
    bool is_trigram;
    bool has_not; // from here on: of the query being made
    bool has_or;
    bool has_and;
    bool has_near;
    bool has_complex; // more than a word in any column
    bool is_open;     // a transaction
    int savepoints;
    long next_rowid; // of a contentless table
    int fts_version; // from here on, of FTS3 and FTS4 alone: 3 or 4
    bool has_languages;
    bool has_prefixes;
    bool has_docsize;
    bool has_automerge;
    bool has_savepoints;
    bool is_descending;
    bool has_prefix_term; // of the query being made
} Plan;

uint32_t plan_random(Plan *plan, uint32_t limit); // below limit
bool one_in(Plan *plan, uint32_t n);
#define PICK(plan, list) (list)[plan_random(plan, sizeof(list) / sizeof((list)[0]))]

// A word of a small vocabulary with a steep distribution.
void add_common_word(Plan *plan, Text *out);
// The same, and now and then one of the special words.
void add_word_or(Plan *plan, const char *const *special, uint32_t count, Text *out);
void add_quoted(Text *out, const char *text); // as SQL has it

void plan_begin(Plan *plan, Text *create); // a new table, its options, its vocabulary tables
void plan_change(Plan *plan, Text *sql);   // of rows or settings
void plan_query(Plan *plan, Text *sql);
const char *plan_check(const Plan *plan); // SQL that compares the index to the rows

#endif
