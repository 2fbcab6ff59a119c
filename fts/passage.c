// Part of a text with marks round what matched. See passage.h.
#include "fts/passage.h"

// The next run of overlapping instances in the column.
static int next_span(Passage *p)
{
    int count = 0;
    TRY(p->api->xInstCount(p->fts, &count));
    p->span_first = p->span_last = -1;
    for (; p->instance < count; p->instance++) {
        int phrase;
        int column;
        int offset;
        TRY(p->api->xInst(p->fts, p->instance, &phrase, &column, &offset));
        if (column != p->column)
            continue;
        int last = offset + p->api->xPhraseSize(p->fts, phrase) - 1;
        if (p->span_first < 0) {
            p->span_first = offset;
            p->span_last = last;
        } else if (offset <= p->span_last) {
            p->span_last = last > p->span_last ? last : p->span_last;
        } else {
            break;
        }
    }
    return SQLITE_OK;
}

static void copy_to(Passage *p, int end)
{
    if (end > p->copied) {
        fts_buffer_append(&p->out, p->text + p->copied, (u64)(end - p->copied));
        p->copied = end;
    }
}

static void put(Passage *p, const char *mark)
{
    if (mark != NULL)
        fts_buffer_append_text(&p->out, mark);
}

// wide: the signature is the public interface's
static int mark_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)token, (void)size;
    Passage *p = ctx;
    if ((flags & FTS5_TOKEN_COLOCATED) != 0)
        return SQLITE_OK;
    int number = p->token++;
    if (number < p->first_token || number > p->last_token)
        return SQLITE_OK;
    if (number == p->first_token && p->first_token > 0)
        p->copied = start;
    while (p->span_first >= 0 && p->span_last < number)
        TRY(next_span(p));
    // Tokens may overlap in the text: a match stays open until a token begins behind it, and takes
    // in another that begins meanwhile, or where it ends. One that began before the window is not
    // marked.
    bool is_inside = p->span_first >= 0 && number >= p->span_first;
    bool is_first = is_inside && number == p->span_first;
    if (p->is_open && ((!is_inside && start >= p->copied) || (is_first && start > p->copied))) {
        put(p, p->close);
        p->is_open = false;
    }
    if (is_first && !p->is_open) {
        copy_to(p, start);
        put(p, p->open);
        p->is_open = true;
    }
    if (p->is_open && is_inside)
        copy_to(p, end);
    if (number == p->last_token && p->last_token != INT32_MAX) {
        if (p->is_open)
            put(p, p->close); // what the match covers was copied above
        copy_to(p, end);
        p->is_open = false;
        p->span_first = -1;
    }
    return SQLITE_OK;
}

int passage_build(Passage *p)
{
    const char *locale = NULL;
    int locale_size = 0;
    TRY(p->api->xColumnText(p->fts, p->column, &p->text, &p->text_size));
    if (p->text == NULL)
        return SQLITE_OK;
    TRY(p->api->xColumnLocale(p->fts, p->column, &locale, &locale_size));
    TRY(next_span(p));
    TRY(p->api->xTokenize_v2(p->fts, p->text, p->text_size, locale, locale_size, p, mark_token));
    if (p->is_open)
        put(p, p->close);
    if (p->last_token >= p->token - 1)
        copy_to(p, p->text_size);
    fts_buffer_reserve(&p->out, 1);
    return p->out.rc;
}
