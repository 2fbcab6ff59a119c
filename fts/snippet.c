// snippet(table, column, open, close, ellipsis, tokens): the best window of a text.
//
// Windows start where a phrase stands (the window is then centred on what follows in reach) and at
// sentence starts. A window scores 1000 for each phrase in it and 1 for each repeat, 120 more at
// the start of the column, 100 more at that of a sentence. The first best wins.
#include "fts/fts_cursor.h"
#include "fts/passage.h"

enum { SCORE_PHRASE = 1000, SCORE_REPEAT = 1, SCORE_START = 120, SCORE_SENTENCE = 100 };

typedef struct Sentences {
    const char *text;
    int token;
    int *starts;
    int count;
    int capacity;
} Sentences;

static int add_start(Sentences *s, int token)
{
    if (s->count > 0 && s->starts[s->count - 1] == token)
        return SQLITE_OK;
    if (s->count == s->capacity) {
        int capacity = s->capacity == 0 ? 64 : s->capacity * 2;
        int *starts = sqlite3_realloc64(s->starts, sizeof(int) * (u64)capacity);
        if (starts == NULL)
            return SQLITE_NOMEM;
        s->starts = starts;
        s->capacity = capacity;
    }
    s->starts[s->count++] = token;
    return SQLITE_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// wide: the signature is the public interface's
static int find_sentence(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)token, (void)size, (void)end;
    Sentences *s = ctx;
    if ((flags & FTS5_TOKEN_COLOCATED) != 0)
        return SQLITE_OK;
    int number = s->token++;
    int at = start - 1;
    while (at >= 0 && is_space(s->text[at]))
        at--;
    bool after_stop = at >= 0 && at < start - 1 && (s->text[at] == '.' || s->text[at] == ':');
    return number == 0 || after_stop ? add_start(s, number) : SQLITE_OK;
}

typedef struct Search {
    const Fts5ExtensionApi *api;
    Fts5Context *fts;
    u8 *is_seen; // by phrase
    int phrase_count;
    int instance_count;
    int token_count;
    int window;
    int best_score;
    int best_column;
    int best_start;
} Search;

// Scores the window at `start`; *centred is a start that puts its matches in the middle.
static int score_window(Search *s, int column, int start, int *score, int *centred)
{
    int first = -1;
    int last = 0;
    *score = 0;
    memset(s->is_seen, 0, (size_t)s->phrase_count);
    for (int i = 0; i < s->instance_count; i++) {
        int phrase;
        int at;
        int offset;
        TRY(s->api->xInst(s->fts, i, &phrase, &at, &offset));
        if (at != column || offset < start || offset >= start + s->window)
            continue;
        *score += s->is_seen[phrase] ? SCORE_REPEAT : SCORE_PHRASE;
        s->is_seen[phrase] = 1;
        first = first < 0 ? offset : first;
        last = offset + s->api->xPhraseSize(s->fts, phrase);
    }
    int adjusted = first - (s->window - (last - first)) / 2;
    if (adjusted + s->window > s->token_count)
        adjusted = s->token_count - s->window;
    *centred = adjusted < 0 ? 0 : adjusted;
    return SQLITE_OK;
}

static void offer(Search *s, int score, int column, int start)
{
    if (score > s->best_score) {
        s->best_score = score;
        s->best_column = column;
        s->best_start = start;
    }
}

static int try_instance(Search *s, const Sentences *sentences, int column, int offset)
{
    int score;
    int centred;
    TRY(score_window(s, column, offset, &score, &centred));
    offer(s, score, column, centred);
    int k = 0;
    while (k < sentences->count - 1 && sentences->starts[k + 1] <= offset)
        k++;
    if (sentences->count == 0 || sentences->starts[k] >= offset || s->token_count <= s->window)
        return SQLITE_OK;
    int start = sentences->starts[k];
    TRY(score_window(s, column, start, &score, &centred));
    offer(s, score + (start == 0 ? SCORE_START : SCORE_SENTENCE), column, start);
    return SQLITE_OK;
}

static int search_column(Search *s, int column)
{
    const char *text;
    const char *locale;
    int size;
    int locale_size;
    Sentences sentences = {0};
    int rc = SQLITE_OK;
    TRY_DONE(s->api->xColumnText(s->fts, column, &text, &size));
    TRY_DONE(s->api->xColumnLocale(s->fts, column, &locale, &locale_size));
    sentences.text = text;
    if (text != NULL)
        TRY_DONE(s->api->xTokenize_v2(s->fts, text, size, locale, locale_size, &sentences,
                                      find_sentence));
    s->token_count = sentences.token;
    for (int i = 0; i < s->instance_count; i++) {
        int phrase;
        int at;
        int offset;
        TRY_DONE(s->api->xInst(s->fts, i, &phrase, &at, &offset));
        if (at == column)
            TRY_DONE(try_instance(s, &sentences, column, offset));
    }
done:
    sqlite3_free(sentences.starts);
    return rc;
}

static int search(Search *s, int column)
{
    int column_count = s->api->xColumnCount(s->fts);
    s->phrase_count = s->api->xPhraseCount(s->fts);
    s->best_column = column < 0 ? 0 : column;
    TRY(s->api->xInstCount(s->fts, &s->instance_count));
    s->is_seen = fts_zalloc((u64)s->phrase_count + 1);
    if (s->is_seen == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    for (int i = 0; i < column_count && rc == SQLITE_OK; i++) {
        if (column < 0 || column == i)
            rc = search_column(s, i);
    }
    sqlite3_free(s->is_seen);
    return rc;
}

static int build(Search *s, Passage *p, const char *ellipsis)
{
    p->column = s->best_column;
    p->first_token = s->best_start;
    p->last_token = s->best_start + s->window - 1;
    if (p->first_token > 0 && ellipsis != NULL)
        fts_buffer_append_text(&p->out, ellipsis);
    TRY(passage_build(p));
    if (p->token > p->last_token + 1 && ellipsis != NULL)
        fts_buffer_append_text(&p->out, ellipsis);
    return p->out.rc;
}

void fts_snippet(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int arg_count,
                 sqlite3_value **args)
{
    if (arg_count != 5) {
        sqlite3_result_error(ctx, "wrong number of arguments to function snippet()", -1);
        return;
    }
    Search s = {.api = api, .fts = fts, .window = sqlite3_value_int(args[4])};
    Passage passage = {.api = api,
                       .fts = fts,
                       .open = (const char *)sqlite3_value_text(args[1]),
                       .close = (const char *)sqlite3_value_text(args[2])};
    int rc = search(&s, sqlite3_value_int(args[0]));
    if (rc == SQLITE_OK)
        rc = build(&s, &passage, (const char *)sqlite3_value_text(args[3]));
    if (rc == SQLITE_OK && passage.text != NULL)
        sqlite3_result_text(ctx, (const char *)passage.out.bytes, (int)passage.out.size,
                            SQLITE_TRANSIENT);
    else if (rc == SQLITE_RANGE) // no such column
        sqlite3_result_text(ctx, "", 0, SQLITE_STATIC);
    else if (rc != SQLITE_OK)
        sqlite3_result_error_code(ctx, rc);
    fts_buffer_deinit(&passage.out);
}
