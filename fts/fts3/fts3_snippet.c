// snippet(): the parts of a row that show the query best.
//
// A fragment is a window of tokens in one column. Windows are looked at that start the column, and
// that end where a phrase ends; each phrase a window has counts 1000 once, if no fragment before
// has it, and 1 otherwise. With one fragment not all phrases of the row may be shown: then two,
// three and four are tried, and share the tokens. A chosen window is moved so that what it marks
// is in its middle.
#include "fts/fts3/fts3_cursor.h"

enum { FRAGMENTS_MAX = 4, WINDOW_MAX = 64, SCORE_NEW = 1000, SCORE_AGAIN = 1 };

typedef struct Fragment {
    int column;
    i64 start;   // token
    u64 covered; // phrases, by bit
    u64 marks;   // tokens from the start on, by bit
} Fragment;

// A phrase in the column that is looked at.
typedef struct PhrasePlaces {
    const Fts3Place *places;
    u32 count;
    u32 head; // first that no window looked at has
    u32 tail; // first that the window may have
    int term_count;
} PhrasePlaces;

typedef struct Search {
    Fts3Cursor *cursor;
    PhrasePlaces *phrases;
    int phrase_count;
    int window; // tokens of a fragment
    i64 start;  // of the window
    u64 seen;   // phrases that the row has where it may be shown
} Search;

// Where the phrase ends.
static i64 end_of(const PhrasePlaces *phrase, u32 at)
{
    ASSERT(at < phrase->count);
    return (i64)FTS3_PLACE_POSITION(phrase->places[at]) + phrase->term_count - 1;
}

static u64 phrase_bit(int phrase)
{
    ASSERT(phrase >= 0);
    return (u64)1 << (phrase % 64);
}

static void fill_phrases(Search *search, int column)
{
    for (int i = 0; i < search->phrase_count; i++) {
        const Fts3Phrase *phrase = search->cursor->query.phrases[i];
        const Fts3Hit *hit = fts3_hits_find(&phrase->hits, search->cursor->docid);
        PhrasePlaces *out = &search->phrases[i];
        *out = (PhrasePlaces){.term_count = phrase->term_count};
        if (hit == NULL)
            continue;
        const Fts3Place *places = phrase->hits.places + hit->first;
        u32 from = 0;
        while (from < hit->count && FTS3_PLACE_COLUMN(places[from]) < (u32)column)
            from++;
        u32 end = from;
        while (end < hit->count && FTS3_PLACE_COLUMN(places[end]) == (u32)column)
            end++;
        out->places = places + from;
        out->count = end - from;
        if (out->count > 0)
            search->seen |= phrase_bit(i);
    }
    ASSERT(search->window > 0);
}

static void skip_below(const PhrasePlaces *phrase, u32 *at, i64 place)
{
    while (*at < phrase->count && end_of(phrase, *at) < place)
        (*at)++;
    ASSERT(*at <= phrase->count);
}

static void first_window(Search *search)
{
    search->start = 0;
    ASSERT(search->window > 0);
    for (int i = 0; i < search->phrase_count; i++)
        skip_below(&search->phrases[i], &search->phrases[i].head, search->window);
}

// The window that ends with the next place; false: there is none.
static bool next_window(Search *search)
{
    i64 end = INT64_MAX;
    for (int i = 0; i < search->phrase_count; i++) {
        const PhrasePlaces *phrase = &search->phrases[i];
        if (phrase->head < phrase->count && end_of(phrase, phrase->head) < end)
            end = end_of(phrase, phrase->head);
    }
    if (end == INT64_MAX)
        return false;
    search->start = end - search->window + 1;
    for (int i = 0; i < search->phrase_count; i++) {
        skip_below(&search->phrases[i], &search->phrases[i].head, end + 1);
        skip_below(&search->phrases[i], &search->phrases[i].tail, search->start);
    }
    ASSERT(search->start >= 0);
    return true;
}

// What the window is worth, where phrases in `covered` are shown elsewhere.
static int rate_window(const Search *search, u64 covered, Fragment *out)
{
    int score = 0;
    *out = (Fragment){.start = search->start};
    for (int i = 0; i < search->phrase_count; i++) {
        const PhrasePlaces *phrase = &search->phrases[i];
        for (u32 at = phrase->tail; at < phrase->count; at++) {
            i64 place = end_of(phrase, at) - search->start;
            if (place >= search->window)
                break;
            bool is_new = ((covered | out->covered) & phrase_bit(i)) == 0;
            score += is_new ? SCORE_NEW : SCORE_AGAIN;
            out->covered |= phrase_bit(i);
            for (int term = 0; term < phrase->term_count && term <= place; term++)
                out->marks |= (u64)1 << (place - term);
        }
    }
    ASSERT(score >= 0);
    return score;
}

// The best window of a column; the first of equals.
static int best_of_column(Search *search, int column, u64 covered, Fragment *best)
{
    int best_score = -1;
    bool has_window = true;
    fill_phrases(search, column);
    for (first_window(search); has_window; has_window = next_window(search)) {
        Fragment fragment;
        int score = rate_window(search, covered, &fragment);
        if (score > best_score) {
            best_score = score;
            *best = fragment;
            best->column = column;
        }
    }
    ASSERT(best_score >= 0);
    return best_score;
}

static u64 best_fragment(Search *search, int column, u64 covered, Fragment *best)
{
    int best_score = -1;
    *best = (Fragment){0};
    for (int i = 0; i < fts3_cursor_table(search->cursor)->column_count; i++) {
        Fragment fragment;
        if (column >= 0 && column != i)
            continue;
        int score = best_of_column(search, i, covered, &fragment);
        if (score > best_score) {
            best_score = score;
            *best = fragment;
        }
    }
    ASSERT(best->start >= 0);
    return best->covered;
}

// How many fragments show all phrases of the row, or as many as there may be.
static int choose(Search *search, const Fts3Snippet *wish, Fragment fragments[FRAGMENTS_MAX])
{
    int tokens = wish->token_count;
    if (tokens > WINDOW_MAX || tokens < -WINDOW_MAX)
        tokens = tokens < 0 ? -WINDOW_MAX : WINDOW_MAX;
    for (int count = 1;; count++) {
        u64 covered = 0;
        search->window = tokens < 0 ? -tokens : (tokens + count - 1) / count;
        search->seen = 0;
        for (int i = 0; i < count; i++)
            covered |= best_fragment(search, wish->column, covered, &fragments[i]);
        ASSERT(count <= FRAGMENTS_MAX);
        if (covered == search->seen || count == FRAGMENTS_MAX)
            return count;
    }
}

// --- text ---

typedef struct Writer {
    const Fts3Snippet *wish;
    Fts3Cursor *cursor;
    int window;
    FtsBuffer out;
    const char *text;
    int size;
    int written;   // bytes of the text
    bool has_text; // some column was not NULL
} Writer;

// Unmarked tokens at both ends, while not all are unmarked.
static int wish_shift(u64 marks, int window)
{
    int left = 0;
    int right = 0;
    ASSERT(marks != 0);
    while ((marks >> left & 1) == 0)
        left++;
    while ((marks >> (window - 1 - right) & 1) == 0)
        right++;
    return (left - right) / 2;
}

// Moves the fragment to the right to have its marks in the middle, as far as there is text. `from`
// is the byte its first token starts at.
static int shift_fragment(const Writer *writer, int from, Fragment *fragment)
{
    if (fragment->marks == 0)
        return SQLITE_OK;
    int shift = wish_shift(fragment->marks, writer->window);
    if (shift <= 0)
        return SQLITE_OK;
    sqlite3_tokenizer_cursor *tokens;
    TRY(fts3_tokenizer_open(fts3_cursor_table(writer->cursor)->tokenizer,
                            writer->cursor->query.language, writer->text + from,
                            writer->size - from, &tokens));
    Fts3Token token = {0};
    int rc = SQLITE_OK;
    int reached = 0;
    while (rc == SQLITE_OK && reached < writer->window + shift) {
        rc = fts3_tokenizer_next(tokens, &token);
        if (rc == SQLITE_OK)
            reached = token.position;
    }
    fts3_tokenizer_close(tokens);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return rc;
    int possible = (rc == SQLITE_DONE) + reached - writer->window;
    ASSERT(possible <= shift);
    if (possible > 0) {
        fragment->start += possible;
        fragment->marks >>= possible;
    }
    return SQLITE_OK;
}

static void write_token(Writer *writer, const Fts3Token *token, bool is_first, bool is_marked)
{
    ASSERT(token->start >= 0);
    if (!is_first && token->start > writer->written)
        fts_buffer_append(&writer->out, writer->text + writer->written,
                          (u64)(token->start - writer->written));
    if (is_marked)
        fts_buffer_append_text(&writer->out, writer->wish->open);
    if (token->end > token->start)
        fts_buffer_append(&writer->out, writer->text + token->start,
                          (u64)(token->end - token->start));
    if (is_marked)
        fts_buffer_append_text(&writer->out, writer->wish->close);
    writer->written = token->end;
}

// At the fragment's first token: moves it, and writes what stands before it.
static int begin_fragment(Writer *writer, const Fts3Token *token, bool is_first, Fragment *fragment)
{
    ASSERT(writer->written == 0);
    TRY(shift_fragment(writer, token->start, fragment));
    if (fragment->start > 0 || !is_first)
        fts_buffer_append_text(&writer->out, writer->wish->ellipsis);
    else if (token->start > 0)
        fts_buffer_append(&writer->out, writer->text, (u64)token->start);
    return SQLITE_OK;
}

static int write_tokens(Writer *writer, sqlite3_tokenizer_cursor *tokens, Fragment *fragment,
                        bool is_first, bool is_last)
{
    bool has_begun = false;
    Fts3Token token;
    ASSERT(writer->window > 0);
    for (;;) {
        int rc = fts3_tokenizer_next(tokens, &token);
        if (rc == SQLITE_DONE) { // the text ends inside the fragment
            fts_buffer_append(&writer->out, writer->text + writer->written,
                              (u64)(writer->size - writer->written));
            return SQLITE_OK;
        }
        TRY(rc);
        if (token.position < fragment->start)
            continue;
        if (!has_begun)
            TRY(begin_fragment(writer, &token, is_first, fragment));
        has_begun = true;
        i64 at = token.position - fragment->start;
        if (at < 0)
            continue;
        if (at >= writer->window) {
            if (is_last)
                fts_buffer_append_text(&writer->out, writer->wish->ellipsis);
            return SQLITE_OK;
        }
        write_token(writer, &token, at == 0, (fragment->marks >> at & 1) != 0);
    }
}

static int write_fragment(Writer *writer, Fragment *fragment, bool is_first, bool is_last)
{
    sqlite3_stmt *stmt = writer->cursor->stmt;
    ASSERT(fragment->column >= 0);
    writer->text = (const char *)sqlite3_column_text(stmt, fragment->column + 1);
    writer->size = sqlite3_column_bytes(stmt, fragment->column + 1);
    writer->written = 0;
    if (writer->text == NULL)
        return sqlite3_column_type(stmt, fragment->column + 1) == SQLITE_NULL ? SQLITE_OK
                                                                              : SQLITE_NOMEM;
    writer->has_text = true;
    sqlite3_tokenizer_cursor *tokens;
    TRY(fts3_tokenizer_open(fts3_cursor_table(writer->cursor)->tokenizer,
                            writer->cursor->query.language, writer->text, writer->size, &tokens));
    int rc = write_tokens(writer, tokens, fragment, is_first, is_last);
    fts3_tokenizer_close(tokens);
    return rc;
}

// *has_text: there is something to show, if only an empty text.
static int make_snippet(Search *search, const Fts3Snippet *wish, FtsBuffer *out, bool *has_text)
{
    Fragment fragments[FRAGMENTS_MAX];
    int count = choose(search, wish, fragments);
    Writer writer = {.wish = wish, .cursor = search->cursor, .window = search->window};
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < count; i++)
        rc = write_fragment(&writer, &fragments[i], i == 0, i == count - 1);
    ASSERT(count > 0);
    *out = writer.out;
    *has_text = writer.has_text;
    return rc == SQLITE_OK ? out->rc : rc;
}

void fts3_snippet(sqlite3_context *ctx, Fts3Cursor *cursor, const Fts3Snippet *wish)
{
    ASSERT(wish->token_count != 0);
    FtsBuffer out = {0};
    bool has_text = false;
    Search search = {.cursor = cursor, .phrase_count = cursor->query.phrase_count};
    search.phrases = fts_zalloc(sizeof *search.phrases * ((u64)search.phrase_count + 1));
    int rc = search.phrases == NULL ? SQLITE_NOMEM : fts3_cursor_load(cursor);
    if (rc == SQLITE_OK && cursor->has_row)
        rc = make_snippet(&search, wish, &out, &has_text);
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    else if (has_text)
        sqlite3_result_text(ctx, out.size == 0 ? "" : (const char *)out.bytes, (int)out.size,
                            SQLITE_TRANSIENT);
    fts_buffer_deinit(&out);
    sqlite3_free(search.phrases);
}
