// offsets(): for every hit term, in order of place, its column, its number in the query, and the
// bytes it stands on.
#include "fts/fts3/fts3_cursor.h"

// One term of the query in one column of the row.
typedef struct TermPlaces {
    const Fts3Place *places; // of its phrase
    u32 count;
    u32 at;
    u32 shift; // where the term stands in its phrase
} TermPlaces;

typedef struct Terms {
    TermPlaces *items;
    int count;
} Terms;

static int term_count(const Fts3Query *query)
{
    int count = 0;
    for (int i = 0; i < query->phrase_count; i++)
        count += query->phrases[i]->term_count;
    ASSERT(count >= 0);
    return count;
}

static u32 place_of(const TermPlaces *term)
{
    ASSERT(term->at < term->count);
    return FTS3_PLACE_POSITION(term->places[term->at]) + term->shift;
}

static void fill_terms(const Fts3Cursor *cursor, u32 column, Terms *terms)
{
    int out = 0;
    for (int i = 0; i < cursor->query.phrase_count; i++) {
        const Fts3Phrase *phrase = cursor->query.phrases[i];
        const Fts3Hit *hit = fts3_hits_find(&phrase->hits, cursor->docid);
        TermPlaces term = {0};
        if (hit != NULL) {
            term.places = phrase->hits.places + hit->first;
            while (term.at < hit->count && FTS3_PLACE_COLUMN(term.places[term.at]) < column)
                term.at++;
            term.count = term.at;
            while (term.count < hit->count && FTS3_PLACE_COLUMN(term.places[term.count]) == column)
                term.count++;
        }
        for (int at = 0; at < phrase->term_count; at++) {
            term.shift = (u32)at;
            terms->items[out++] = term;
        }
    }
    ASSERT(out == terms->count);
}

// The term that comes next, the first of the query among equals; -1: none is left.
static int next_term(const Terms *terms)
{
    int least = -1;
    for (int i = 0; i < terms->count; i++) {
        const TermPlaces *term = &terms->items[i];
        if (term->at < term->count
            && (least < 0 || place_of(term) < place_of(&terms->items[least])))
            least = i;
    }
    ASSERT(least < terms->count);
    return least;
}

static void append_offset(FtsBuffer *out, int column, int term, const Fts3Token *token)
{
    const int numbers[] = {column, term, token->start, token->end - token->start};
    ASSERT(term >= 0);
    for (int i = 0; i < ARRAY_LEN(numbers); i++) {
        if (out->size > 0)
            fts_buffer_append_byte(out, ' ');
        fts3_buffer_append_decimal(out, numbers[i]);
    }
}

// SQLITE_DONE: the index knows more than the text has.
static int write_places(sqlite3_tokenizer_cursor *tokens, Terms *terms, int column, FtsBuffer *out)
{
    Fts3Token token = {.position = -1};
    int term;
    while ((term = next_term(terms)) >= 0) {
        u32 place = place_of(&terms->items[term]);
        terms->items[term].at++;
        while (token.position < 0 || (u32)token.position < place) {
            TRY(fts3_tokenizer_next(tokens, &token));
        }
        append_offset(out, column, term, &token);
    }
    ASSERT(terms->count >= 0);
    return out->rc;
}

static int write_column(Fts3Cursor *cursor, int column, Terms *terms, FtsBuffer *out)
{
    const Fts3Table *table = fts3_cursor_table(cursor);
    const char *text = (const char *)sqlite3_column_text(cursor->stmt, column + 1);
    int size = sqlite3_column_bytes(cursor->stmt, column + 1);
    ASSERT(column < table->column_count);
    if (text == NULL)
        return sqlite3_column_type(cursor->stmt, column + 1) == SQLITE_NULL ? SQLITE_OK
                                                                            : SQLITE_NOMEM;
    fill_terms(cursor, (u32)column, terms);
    if (next_term(terms) < 0)
        return SQLITE_OK;
    sqlite3_tokenizer_cursor *tokens;
    TRY(fts3_tokenizer_open(table->tokenizer, cursor->query.language, text, size, &tokens));
    int rc = write_places(tokens, terms, column, out);
    fts3_tokenizer_close(tokens);
    if (rc == SQLITE_DONE) // text that others store may be another by now
        return table->content == FTS3_CONTENT_OWN ? FTS_CORRUPT : SQLITE_OK;
    return rc;
}

void fts3_offsets(sqlite3_context *ctx, Fts3Cursor *cursor)
{
    ASSERT(cursor->query.root != NULL);
    FtsBuffer out = {0};
    Terms terms = {.count = term_count(&cursor->query)};
    terms.items = fts_zalloc(sizeof *terms.items * ((u64)terms.count + 1));
    int rc = terms.items == NULL ? SQLITE_NOMEM : fts3_cursor_load(cursor);
    for (int i = 0;
         rc == SQLITE_OK && cursor->has_row && i < fts3_cursor_table(cursor)->column_count; i++)
        rc = write_column(cursor, i, &terms, &out);
    rc = rc == SQLITE_OK ? out.rc : rc;
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    else if (out.size > 0)
        sqlite3_result_text(ctx, (const char *)out.bytes, (int)out.size, SQLITE_TRANSIENT);
    fts_buffer_deinit(&out);
    sqlite3_free(terms.items);
}
