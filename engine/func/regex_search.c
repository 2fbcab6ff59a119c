// Running the program of a regular expression over a text, all ways at once: a list of the
// instructions that wait for the next character (threads), the preferred one first. A thread that
// another has overtaken is dropped, so that no list is longer than the program.
//
//   S1  A list holds an instruction once; which thread holds it decides what its groups are.
//   S2  Threads wait at instructions that read a character, or at REGEX_MATCH.

#include "base/alloc.h"
#include "base/utf.h"
#include "func/regex_internal.h"
#include <string.h>

static const u32 NO_CHAR = UINT32_MAX; // beyond either end of the text
static const u32 RESTORE = 1u << 31;   // on the stack: a slot to put back, not an instruction

enum { SLOTS_MAX = 2 * REGEX_GROUPS_MAX };

typedef struct Search {
    Regex *regex;
    const u8 *text, *end;
    u32 slot_count;
    u32 before, after; // the characters around the place at which threads are added
    i64 slots[SLOTS_MAX];
    RegexThreads *now, *next;
    bool found;
    i64 best[SLOTS_MAX];
} Search;

// Allocates `count` items unless that was done before. false: no memory.
static bool make_array(void *array, u64 count, size_t item_size)
{
    ASSERT(count > 0);
    ASSERT(item_size > 0);

    void *block;
    memcpy(&block, array, sizeof block);
    if (block == NULL)
        block = mem_alloc_zeroed(count * item_size);
    memcpy(array, &block, sizeof block);
    return block != NULL;
}

// Kept with the regex: a column of texts is searched without asking for memory again.
static int make_room(Regex *regex, u32 slot_count)
{
    ASSERT(regex->count > 0 && slot_count <= SLOTS_MAX);

    u64 count = regex->count;
    bool made = true;
    for (u32 i = 0; i < ARRAY_LEN(regex->threads); i++) {
        RegexThreads *t = &regex->threads[i];
        made = made && make_array(&t->dense, count, sizeof *t->dense)
               && make_array(&t->sparse, count, sizeof *t->sparse)
               && (slot_count == 0 || make_array(&t->slots, count * SLOTS_MAX, sizeof *t->slots));
    }
    // Slots for as many groups as any search may ask, because the regex is kept and searched again.
    // Each instruction leaves one entry at most on the stack, and one entry begins it all.
    made = made && make_array(&regex->stack, count + 1, sizeof *regex->stack)
           && make_array(&regex->former, count + 1, sizeof *regex->former);
    return made ? SQLITE_OK : SQLITE_NOMEM;
}

// --- characters ---

// Malformed text may give numbers that are no character, NO_CHAR among them.
static u32 next_char(const u8 **at, const u8 *end)
{
    ASSERT(*at <= end);

    if (*at == end)
        return NO_CHAR;
    u32 c = utf8_next(at, end);
    return c > CODE_POINT_MAX ? UTF_REPLACEMENT : c;
}

// Of ASCII alone, as \w is.
static bool is_word(u32 c)
{
    ASSERT(c <= CODE_POINT_MAX || c == NO_CHAR);

    return c < 128 && (ascii_is_alnum((u8)c) || c == '_');
}

// Linear: sets have few ranges.
static bool in_ranges(const Regex *regex, const RegexInstr *in, u32 c)
{
    ASSERT(in->op == REGEX_SET || in->op == REGEX_OTHER);

    for (u32 i = in->x; i < in->x + in->y; i++) {
        if (c >= regex->ranges[i].first && c <= regex->ranges[i].last)
            return true;
    }
    return false;
}

// Without case a letter is looked for in both its cases.
static bool in_set(const Regex *regex, const RegexInstr *in, u32 c)
{
    ASSERT(c != NO_CHAR);

    if (in_ranges(regex, in, c))
        return true;
    return regex->ignore_case && c < 128 && ascii_is_letter((u8)c)
           && in_ranges(regex, in, c ^ 0x20);
}

// ASCII letters alone have two cases here.
static bool is_same(const Regex *regex, u32 a, u32 b)
{
    ASSERT(b != NO_CHAR);

    if (a == b)
        return true;
    return regex->ignore_case && a < 128 && b < 128 && ascii_lower((u8)a) == ascii_lower((u8)b);
}

// Does the instruction take this character?
static bool reads(const Regex *regex, const RegexInstr *in, u32 c)
{
    ASSERT(c != NO_CHAR);

    switch ((RegexOp)in->op) {
    case REGEX_CHAR: return is_same(regex, in->x, c);
    case REGEX_ANY: return true;
    case REGEX_SET: return in_set(regex, in, c);
    case REGEX_OTHER: return !in_set(regex, in, c);
    default: return false;
    }
}

// --- threads ---

// Does the place between two characters satisfy the instruction?
static bool holds(const Search *s, const RegexInstr *in)
{
    ASSERT(in->op >= REGEX_BEGIN && in->op <= REGEX_INSIDE);

    bool edge = is_word(s->before) != is_word(s->after);
    switch ((RegexOp)in->op) {
    case REGEX_BEGIN: return s->before == NO_CHAR;
    case REGEX_END: return s->after == NO_CHAR;
    case REGEX_EDGE: return edge;
    case REGEX_INSIDE: return !edge;
    default: return true;
    }
}

// False: a thread that is preferred is at the instruction already.
static bool join(const Search *s, RegexThreads *threads, u32 at)
{
    ASSERT(at < s->regex->count);

    u32 place = threads->sparse[at];
    if (place < threads->count && threads->dense[place] == at)
        return false; // S1
    ASSERT(threads->count < s->regex->count);
    threads->sparse[at] = threads->count;
    threads->dense[threads->count++] = at;
    return true;
}

// The slots of the thread that is at `place` in the list.
static void load_slots(Search *s, const RegexThreads *threads, u32 place)
{
    ASSERT(place < threads->count);

    if (s->slot_count > 0)
        memcpy(s->slots, &threads->slots[(u64)place * SLOTS_MAX], s->slot_count * sizeof *s->slots);
}

// The other way.
static void store_slots(const Search *s, RegexThreads *threads, u32 place)
{
    ASSERT(place < threads->count);

    if (s->slot_count > 0)
        memcpy(&threads->slots[(u64)place * SLOTS_MAX], s->slots, s->slot_count * sizeof *s->slots);
}

// Follows instructions that read nothing from `at`, in order of preference, to those that wait.
static void add_threads(Search *s, RegexThreads *threads, u32 at, i64 place)
{
    ASSERT(at < s->regex->count);

    const Regex *regex = s->regex;
    u32 depth = 0;
    regex->stack[depth++] = at;
    while (depth > 0) {
        at = regex->stack[--depth];
        if (at & RESTORE) {
            s->slots[at & ~RESTORE] = regex->former[depth];
            continue;
        }
        if (!join(s, threads, at))
            continue;
        ASSERT(depth <= regex->count);
        const RegexInstr *in = &regex->code[at];
        switch ((RegexOp)in->op) {
        case REGEX_JUMP: regex->stack[depth++] = in->x; break;
        case REGEX_SPLIT:
            // On top what is preferred, so that its threads join first.
            regex->stack[depth++] = in->y;
            regex->stack[depth++] = in->x;
            break;
        case REGEX_SAVE:
            if (in->x < s->slot_count) {
                // Put back when all that was reached with the new value is done.
                regex->former[depth] = s->slots[in->x];
                regex->stack[depth++] = in->x | RESTORE;
                s->slots[in->x] = place;
            }
            regex->stack[depth++] = at + 1;
            break;
        case REGEX_BEGIN:
        case REGEX_END:
        case REGEX_EDGE:
        case REGEX_INSIDE:
            if (holds(s, in))
                regex->stack[depth++] = at + 1;
            break;
        default: store_slots(s, threads, threads->sparse[at]); break; // S2
        }
    }
}

// Every thread reads `c`, which reaches from `start` to `end`.
static void step(Search *s, u32 c, i64 start, i64 end)
{
    ASSERT(start <= end);
    ASSERT(s->now != s->next);

    const Regex *regex = s->regex;
    s->next->count = 0;
    for (u32 i = 0; i < s->now->count; i++) {
        u32 at = s->now->dense[i];
        const RegexInstr *in = &regex->code[at];
        if (in->op == REGEX_MATCH) {
            s->found = true;
            load_slots(s, s->now, i);
            memcpy(s->best, s->slots, sizeof s->best);
            s->best[1] = start;
            return; // the others are liked less
        }
        if (c == NO_CHAR || !reads(regex, in, c))
            continue;
        load_slots(s, s->now, i);
        add_threads(s, s->next, at + 1, end);
    }
}

// Where the next match may begin, from `at` on; NULL: nowhere.
static const u8 *skip_to_prefix(const Search *s, const u8 *at)
{
    ASSERT(s->regex->prefix_size > 0 && at <= s->end);

    const Regex *regex = s->regex;
    size_t size = regex->prefix_size;
    while ((size_t)(s->end - at) >= size) {
        at = memchr(at, regex->prefix[0], (size_t)(s->end - at) - size + 1);
        if (at == NULL)
            return NULL;
        if (memcmp(at, regex->prefix, size) == 0)
            return at;
        at++;
    }
    return NULL;
}

// Behind the threads that began earlier, which are preferred: the leftmost match wins.
static void begin_here(Search *s, i64 place)
{
    ASSERT(s->regex->count > 0);

    for (u32 i = 0; i < s->slot_count; i++)
        s->slots[i] = -1;
    if (s->slot_count > 0)
        s->slots[0] = place;
    add_threads(s, s->now, 0, place);
}

// One character per turn. A match found stays only until a preferred thread finds another.
static void run(Search *s)
{
    ASSERT(s->now->count == 0 && !s->found);

    const Regex *regex = s->regex;
    const u8 *at = s->text;
    u32 before = NO_CHAR;
    for (;;) {
        // A prefix has no test of what is before it.
        if (s->now->count == 0 && regex->prefix_size > 0 && !s->found) {
            at = skip_to_prefix(s, at);
            if (at == NULL)
                return;
        }
        i64 start = at - s->text;
        const u8 *behind = at;
        u32 here = next_char(&behind, s->end);
        s->before = before;
        s->after = here;
        if (!s->found && (start == 0 || !regex->is_anchored))
            begin_here(s, start);
        const u8 *ahead = behind;
        s->before = here;
        s->after = next_char(&ahead, s->end);
        step(s, here, start, behind - s->text);
        RegexThreads *swap = s->now;
        s->now = s->next;
        s->next = swap;
        if (here == NO_CHAR || (s->found && (s->slot_count == 0 || s->now->count == 0))
            || (regex->is_anchored && s->now->count == 0))
            return;
        before = here;
        at = behind;
    }
}

// Linear in text times program, whatever the pattern: that is what the lists are for.
int regex_search(Regex *regex, const char *text, size_t size, bool *found, RegexSpan *groups,
                 u32 count)
{
    ASSERT(regex != NULL && text != NULL && found != NULL);
    ASSERT(count <= REGEX_GROUPS_MAX);

    TRY(make_room(regex, 2 * count));
    Search s = {.regex = regex,
                .text = (const u8 *)text,
                .end = (const u8 *)text + size,
                .slot_count = 2 * count,
                .now = &regex->threads[0],
                .next = &regex->threads[1]};
    // Of the search before, whose lists are used again.
    s.now->count = 0;
    run(&s);
    *found = s.found;
    for (u32 i = 0; s.found && i < count; i++)
        groups[i] = (RegexSpan){s.best[2 * i], s.best[2 * i + 1]};
    for (u32 i = 0; s.found && i < count; i++) {
        if (groups[i].start < 0 || groups[i].end < 0)
            groups[i] = (RegexSpan){-1, -1};
    }
    return SQLITE_OK;
}
