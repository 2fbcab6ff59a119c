// fts_query(text): what somebody typed, as a query that is never a syntax error.
//
//     words            all of them must be there
//     "some words"     as a phrase; a quote without an end reaches to the end of the text
//     begin*           words that begin so
//     -word            must not be there; also -"a phrase"
//     one OR other     either; OR in capitals, between two words
//
// Everything else is a word, whatever signs are in it. Text without anything to look for gives a
// query that matches nothing.
#include "fts/human_query.h"

typedef struct HumanQuery {
    FtsBuffer wanted;   // groups joined by AND
    FtsBuffer unwanted; // joined by OR
    FtsBuffer group;    // terms joined by OR
    bool joins;         // OR stood before
} HumanQuery;

typedef struct Word {
    const char *text;
    size_t size;
    bool is_excluded;
    bool is_prefix;
    bool is_phrase;
} Word;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The next word; its text without signs around it. False: none is left.
static bool take_word(const char **at, Word *word)
{
    const char *from = *at;
    while (is_space(*from))
        from++;
    *word = (Word){0};
    word->is_excluded = from[0] == '-' && from[1] != 0 && !is_space(from[1]);
    from += word->is_excluded;
    word->is_phrase = *from == '"';
    from += word->is_phrase;
    const char *end = from;
    while (*end != 0 && (word->is_phrase ? *end != '"' : !is_space(*end) && *end != '"'))
        end++;
    word->text = from;
    word->size = (size_t)(end - from);
    if (word->is_phrase && *end == '"')
        end++;
    if (word->is_phrase && *end == '*') {
        word->is_prefix = true;
        end++;
    } else if (!word->is_phrase && word->size > 1 && from[word->size - 1] == '*') {
        word->is_prefix = true;
        word->size--;
    }
    *at = end;
    return *from != 0 || word->is_phrase || word->is_excluded;
}

// In quotes nothing is an operator. The word has none inside, as its end was one.
static void put_word(FtsBuffer *out, const Word *word)
{
    fts_buffer_append_byte(out, '"');
    fts_buffer_append(out, word->text, word->size);
    fts_buffer_append_text(out, word->is_prefix ? "\"*" : "\"");
}

static void end_group(HumanQuery *query)
{
    if (query->group.size == 0)
        return;
    if (query->wanted.size > 0)
        fts_buffer_append_text(&query->wanted, " AND ");
    fts_buffer_append_text(&query->wanted, "(");
    fts_buffer_append(&query->wanted, query->group.bytes, query->group.size);
    fts_buffer_append_text(&query->wanted, ")");
    if (query->group.rc != SQLITE_OK)
        query->wanted.rc = query->group.rc;
    fts_buffer_clear(&query->group);
}

static void add_word(HumanQuery *query, const Word *word)
{
    bool is_or = !word->is_phrase && !word->is_excluded && !word->is_prefix && word->size == 2
                 && memcmp(word->text, "OR", 2) == 0;
    if (word->is_excluded) {
        if (query->unwanted.size > 0)
            fts_buffer_append_text(&query->unwanted, " OR ");
        put_word(&query->unwanted, word);
    } else if (is_or && query->group.size > 0) {
        query->joins = true;
    } else {
        if (!query->joins)
            end_group(query);
        if (query->group.size > 0)
            fts_buffer_append_text(&query->group, " OR ");
        put_word(&query->group, word);
        query->joins = false;
    }
}

static void finish(HumanQuery *query)
{
    end_group(query);
    if (query->wanted.size == 0)
        fts_buffer_append_text(&query->wanted, "\"\"");
    if (query->unwanted.size > 0) {
        FtsBuffer all = {0};
        fts_buffer_append_text(&all, "(");
        fts_buffer_append(&all, query->wanted.bytes, query->wanted.size);
        fts_buffer_append_text(&all, ") NOT (");
        fts_buffer_append(&all, query->unwanted.bytes, query->unwanted.size);
        fts_buffer_append_text(&all, ")");
        if (query->unwanted.rc != SQLITE_OK || query->wanted.rc != SQLITE_OK)
            all.rc = SQLITE_NOMEM;
        fts_buffer_deinit(&query->wanted);
        query->wanted = all;
    }
}

// Signs alone are nothing to look for.
static bool has_letter(const Word *word)
{
    for (size_t i = 0; i < word->size; i++) {
        char c = word->text[i];
        if ((u8)c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
            return true;
    }
    return false;
}

void fts_human_query(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    HumanQuery query = {0};
    const char *text = (const char *)sqlite3_value_text(args[0]);
    const char *at = text == NULL ? "" : text;
    Word word;
    while (take_word(&at, &word)) {
        if (has_letter(&word))
            add_word(&query, &word);
    }
    finish(&query);
    if (query.wanted.rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, query.wanted.rc);
    else
        sqlite3_result_text(ctx, (const char *)query.wanted.bytes, (int)query.wanted.size,
                            SQLITE_TRANSIENT);
    fts_buffer_deinit(&query.wanted);
    fts_buffer_deinit(&query.unwanted);
    fts_buffer_deinit(&query.group);
}
