// Compiling a regular expression: the pattern becomes a tree by recursive descent, the tree a
// program. Repetitions X{m,n} are written out.
//
//   C1  The tree is as deep as NESTING_MAX at most: groups and repetitions of repetitions count.
//   C2  The first error stays; what follows it is ignored.

#include "base/alloc.h"
#include "base/arena.h"
#include "base/utf.h"
#include "base/vec.h"
#include "func/regex_internal.h"
#include <string.h>

enum {
    NESTING_MAX = 200,
    REPEAT_MAX = 100000, // more is said to be too big at once
};

typedef enum NodeKind {
    NODE_LEAF,     // one instruction
    NODE_SEQUENCE, // of `child` and its brothers
    NODE_CHOICE,   // between `child` and its brothers
    NODE_REPEAT,   // of `child`, min to max times
    NODE_GROUP,    // `child`, captured as group `x`
} NodeKind;

typedef struct Node {
    u8 kind;
    bool is_lazy; // NODE_REPEAT: as few times as will do
    RegexInstr leaf;
    u32 min, max; // NODE_REPEAT; max UNLIMITED: no end
    u32 group;
    struct Node *child, *next;
} Node;

static const u32 UNLIMITED = UINT32_MAX;

typedef struct Parser {
    Arena arena;
    const u8 *next, *end;
    u32 nesting;
    u32 group_count;
    RegexRange *ranges;
    u32 range_count, range_capacity;
    RegexInstr *code;
    u32 count, capacity;
    bool ignore_case;
    const char *why; // C2
    int rc;
} Parser;

// `why` is static text, or NULL where only the code matters.
static void fail(Parser *p, int rc, const char *why)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(why != NULL || rc == SQLITE_NOMEM || rc == SQLITE_TOOBIG);

    if (p->rc != SQLITE_OK)
        return;
    p->rc = rc;
    p->why = why;
}

// In the parser's arena, which ends with the compilation.
static Node *node_new(Parser *p, NodeKind kind)
{
    ASSERT(p->nesting <= NESTING_MAX + 1);

    Node *node = arena_alloc_zeroed(&p->arena, sizeof *node);
    if (node == NULL)
        fail(p, SQLITE_NOMEM, NULL);
    else
        node->kind = (u8)kind;
    return node;
}

// Branches and places are made by what emits a node, never by a leaf.
static Node *leaf_new(Parser *p, RegexOp op, u32 x, u32 y)
{
    ASSERT(op != REGEX_SPLIT && op != REGEX_JUMP && op != REGEX_SAVE);

    Node *node = node_new(p, NODE_LEAF);
    if (node != NULL)
        node->leaf = (RegexInstr){op, x, y};
    return node;
}

// After an error there is nothing more to read, so that every loop over the pattern ends (C2).
static bool at_end(const Parser *p)
{
    ASSERT(p->next <= p->end);

    return p->next == p->end || p->rc != SQLITE_OK;
}

// Takes the character if it comes next.
static bool accept(Parser *p, char c)
{
    ASSERT(c != 0);

    if (at_end(p) || *p->next != (u8)c)
        return false;
    p->next++;
    return true;
}

// Takes the word if it comes next; asked at a pattern's end too.
static bool accept_word(Parser *p, const char *word)
{
    ASSERT(word[0] != 0);

    size_t size = strlen(word);
    if (p->rc != SQLITE_OK || (size_t)(p->end - p->next) < size || memcmp(p->next, word, size) != 0)
        return false;
    p->next += size;
    return true;
}

// --- sets ---

static void add_range(Parser *p, u32 first, u32 last)
{
    ASSERT(p->range_count <= p->range_capacity);

    // A range that runs backward is empty, no error: "[z-a]" matches nothing.
    if (first > last || p->rc != SQLITE_OK)
        return;
    int rc = vec_reserve(&p->ranges, &p->range_capacity, p->range_count + 1, sizeof *p->ranges);
    if (rc != SQLITE_OK)
        fail(p, rc, NULL);
    else
        p->ranges[p->range_count++] = (RegexRange){first, last};
}

// Ranges of ASCII characters, "azAZ": from a to z and from A to Z; `others`: all but these. They
// are in ascending order.
static void add_class(Parser *p, const char *pairs, bool others)
{
    ASSERT(strlen(pairs) % 2 == 0);

    // Behind the range before, for the gaps that `others` wants.
    u32 from = 0;
    for (const u8 *c = (const u8 *)pairs; *c != 0; c += 2) {
        ASSERT(c[0] <= c[1] && c[0] >= from);
        if (!others)
            add_range(p, c[0], c[1]);
        else if (c[0] > 0)
            add_range(p, from, c[0] - 1u);
        from = c[1] + 1u;
    }
    if (others)
        add_range(p, from, CODE_POINT_MAX);
}

// The ranges of \d, \w and \s; NULL: none of these.
static const char *class_of_letter(u8 letter)
{
    switch (letter | 0x20) {
    case 'd': return "09";
    case 'w': return "09AZ__az";
    case 's': return "\t\r  ";
    default: return NULL;
    }
}

// Names in brackets within a set, [[:digit:]]: of ASCII characters only, whatever the locale.
static bool add_posix_class(Parser *p)
{
    ASSERT(p->next <= p->end);

    static const struct {
        const char *name, *pairs;
    } classes[] = {
        {"[:alnum:]", "09AZaz"},   {"[:alpha:]", "AZaz"}, {"[:blank:]", "\t\t  "},
        {"[:cntrl:]", "\x01\x1f"}, {"[:digit:]", "09"},   {"[:graph:]", "!~"},
        {"[:lower:]", "az"},       {"[:print:]", " ~"},   {"[:punct:]", "!/:@[`{~"},
        {"[:space:]", "\t\r  "},   {"[:upper:]", "AZ"},   {"[:xdigit:]", "09AFaf"},
    };
    // Ranges as add_class() takes them.
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (accept_word(p, classes[i].name)) {
            add_class(p, classes[i].pairs, false);
            return true;
        }
    }
    // "[:" would else be two members of the set, which is never what was meant.
    if (p->end - p->next >= 2 && p->next[0] == '[' && p->next[1] == ':')
        fail(p, SQLITE_ERROR, "unknown character class");
    return false;
}

// --- escapes ---

// False: there are not so many digits, and nothing is taken.
static bool read_hex(Parser *p, int digits, u32 *out)
{
    ASSERT(digits == 2 || digits == 4);
    ASSERT(out != NULL);

    if (p->end - p->next < digits)
        return false;
    u32 value = 0;
    for (int i = 0; i < digits; i++) {
        if (!ascii_is_hex(p->next[i]))
            return false;
        value = value * 16 + hex_value(p->next[i]);
    }
    p->next += digits;
    *out = value;
    return true;
}

// The character that an escape behind `\` stands for.
static u32 read_escape(Parser *p)
{
    ASSERT(p->next <= p->end);

    static const char letters[] = "afnrtv", meant[] = "\a\f\n\r\t\v";
    u32 value = 0;
    u8 c = at_end(p) ? 0 : *p->next;
    const char *letter = c != 0 ? strchr(letters, c) : NULL;
    if (letter != NULL) {
        p->next++;
        return (u8)meant[letter - letters];
    }
    // Punctuation stands for itself, whether it has a meaning without the backslash or not; letters
    // are kept free for meanings to come.
    if (c >= '!' && c <= '~' && !ascii_is_alnum(c)) {
        p->next++;
        return c;
    }
    if (c == 'x' || c == 'u') {
        p->next++;
        if (read_hex(p, c == 'x' ? 2 : 4, &value))
            return value;
    }
    fail(p, SQLITE_ERROR, "unknown \\ escape");
    return 0;
}

// A member of a set: a character, or a class, which begins no range.
static bool read_member(Parser *p, u32 *out)
{
    ASSERT(p->next < p->end);
    ASSERT(out != NULL);

    if (add_posix_class(p) || p->rc != SQLITE_OK)
        return false;
    u32 c = utf8_next(&p->next, p->end);
    // A capital letter is the class of all others.
    // \d and its like may stand in a set as well.
    if (c == '\\' && !at_end(p) && class_of_letter(*p->next) != NULL) {
        add_class(p, class_of_letter(*p->next), *p->next < 'a');
        p->next++;
        return false;
    }
    *out = c == '\\' ? read_escape(p) : c;
    return true;
}

// Behind the [. Ranges lie side by side, so that an instruction has only where they begin and how
// many there are.
static Node *parse_set(Parser *p)
{
    ASSERT(p->next[-1] == '[');
    ASSERT(p->rc == SQLITE_OK);

    RegexOp op = accept(p, '^') ? REGEX_OTHER : REGEX_SET;
    u32 begin = p->range_count;
    // A ] that comes first is a member, by POSIX.
    for (bool first = true; first || at_end(p) || *p->next != ']'; first = false) {
        if (at_end(p)) {
            fail(p, SQLITE_ERROR, "unclosed '['");
            return NULL;
        }
        // No range: what was read is a class, and its ranges are in.
        u32 from, to;
        if (!read_member(p, &from))
            continue;
        to = from;
        // A dash before the ] is a member like any other.
        bool is_range = p->end - p->next >= 2 && p->next[0] == '-' && p->next[1] != ']';
        if (is_range) {
            p->next++;
            if (!read_member(p, &to)) {
                fail(p, SQLITE_ERROR, "a range ends in a class");
                return NULL;
            }
        }
        add_range(p, from, to);
    }
    p->next++;
    return leaf_new(p, op, begin, p->range_count - begin);
}

// --- atoms ---

static Node *parse_choice(Parser *p);

// Behind the (: (?:…) groups without capturing.
static Node *parse_group(Parser *p)
{
    ASSERT(p->next[-1] == '(');

    u32 group = accept_word(p, "?:") ? 0 : ++p->group_count;
    // Groups count whether they capture or not, since each is one more call (C1).
    if (++p->nesting > NESTING_MAX)
        fail(p, SQLITE_ERROR, "REGEXP pattern too big");
    Node *inner = parse_choice(p);
    p->nesting--;
    if (!accept(p, ')'))
        fail(p, SQLITE_ERROR, "unmatched '('");
    // Groups past what a search reports are not captured, but group all the same.
    if (group == 0 || group >= REGEX_GROUPS_MAX || p->rc != SQLITE_OK)
        return inner;
    Node *node = node_new(p, NODE_GROUP);
    if (node != NULL) {
        node->group = group;
        node->child = inner;
    }
    return node;
}

// Behind the backslash: a class, a place, or a character.
static Node *parse_escape(Parser *p)
{
    ASSERT(p->next[-1] == '\\');

    if (!at_end(p) && class_of_letter(*p->next) != NULL) {
        u32 begin = p->range_count;
        bool others = *p->next < 'a';
        add_class(p, class_of_letter(*p->next++), false);
        return leaf_new(p, others ? REGEX_OTHER : REGEX_SET, begin, p->range_count - begin);
    }
    if (accept(p, 'b'))
        return leaf_new(p, REGEX_EDGE, 0, 0);
    if (accept(p, 'B'))
        return leaf_new(p, REGEX_INSIDE, 0, 0);
    if (accept(p, 'A'))
        return leaf_new(p, REGEX_BEGIN, 0, 0);
    if (accept(p, 'z'))
        return leaf_new(p, REGEX_END, 0, 0);
    return leaf_new(p, REGEX_CHAR, read_escape(p), 0);
}

// atom = '(' choice ')' | set | '\' escape | '.' | '^' | '$' | character.
static Node *parse_atom(Parser *p)
{
    ASSERT(p->next < p->end);
    ASSERT(p->rc == SQLITE_OK);

    u32 c = utf8_next(&p->next, p->end);
    switch (c) {
    case '(': return parse_group(p);
    case '[': return parse_set(p);
    case '\\': return parse_escape(p);
    case '.': return leaf_new(p, REGEX_ANY, 0, 0);
    case '^': return leaf_new(p, REGEX_BEGIN, 0, 0);
    case '$': return leaf_new(p, REGEX_END, 0, 0);
    case '*': fail(p, SQLITE_ERROR, "'*' without operand"); return NULL;
    case '+': fail(p, SQLITE_ERROR, "'+' without operand"); return NULL;
    case '?': fail(p, SQLITE_ERROR, "'?' without operand"); return NULL;
    case '{': fail(p, SQLITE_ERROR, "'{m,n}' without operand"); return NULL;
    default: return leaf_new(p, REGEX_CHAR, c, 0);
    }
}

// --- repetitions ---

// A number past REPEAT_MAX stays there, which is too big for any program.
static u32 read_count(Parser *p)
{
    u32 n = 0;
    for (; !at_end(p) && ascii_is_digit(*p->next); p->next++)
        n = n < REPEAT_MAX ? n * 10 + (*p->next - '0') : n;
    return n;
}

// {m}, {m,} and {m,n}, behind the brace.
static void parse_bounds(Parser *p, Node *repeat)
{
    ASSERT(repeat->kind == NODE_REPEAT);
    ASSERT(p->next[-1] == '{');

    repeat->min = read_count(p);
    repeat->max = repeat->min;
    if (accept(p, ','))
        repeat->max = !at_end(p) && ascii_is_digit(*p->next) ? read_count(p) : UNLIMITED;
    if (repeat->max == UNLIMITED && repeat->min == 0 && p->next[-1] == ',' && p->next[-2] == '{')
        repeat->max = 0; // {,}
    // The first thing that is wrong is told.
    if (!accept(p, '}'))
        fail(p, SQLITE_ERROR, "unmatched '{'");
    else if (repeat->max == 0)
        fail(p, SQLITE_ERROR, "both m and n are zero in '{m,n}'");
    else if (repeat->max < repeat->min)
        fail(p, SQLITE_ERROR, "n less than m in '{m,n}'");
}

// A brace always does: to be a character it must be escaped.
static bool starts_repeat(const Parser *p)
{
    ASSERT(p->next <= p->end);

    return !at_end(p) && memchr("*+?{", *p->next, 4) != NULL;
}

// repeats = atom { ('*' | '+' | '?' | '{' bounds '}') [ '?' ] }.
static Node *parse_repeats(Parser *p, Node *operand)
{
    ASSERT(operand == NULL || operand->next == NULL);

    // X** is a repetition of a repetition: each is one level deeper for emit_node() (C1).
    u32 depth = 0;
    while (operand != NULL && starts_repeat(p)) {
        Node *repeat = node_new(p, NODE_REPEAT);
        if (repeat == NULL)
            return NULL;
        repeat->child = operand;
        u8 c = *p->next++;
        repeat->min = c == '+';
        repeat->max = c == '?' ? 1 : UNLIMITED;
        if (c == '{')
            parse_bounds(p, repeat);
        repeat->is_lazy = accept(p, '?');
        if (p->nesting + ++depth > NESTING_MAX)
            fail(p, SQLITE_ERROR, "REGEXP pattern too big");
        operand = repeat;
    }
    return operand;
}

// sequence = { repeats }, up to | or ) or the end. An empty one matches the empty text.
static Node *parse_sequence(Parser *p)
{
    ASSERT(p->nesting <= NESTING_MAX + 1);

    Node *sequence = node_new(p, NODE_SEQUENCE);
    // Without a node at_end() holds, so that `last` is not followed.
    Node **last = sequence != NULL ? &sequence->child : NULL;
    while (!at_end(p) && *p->next != '|' && *p->next != ')') {
        Node *item = parse_repeats(p, parse_atom(p));
        if (item == NULL)
            return NULL;
        ASSERT(item->next == NULL);
        *last = item;
        last = &item->next;
    }
    return sequence;
}

// choice = sequence { '|' sequence }; the first that matches is preferred.
static Node *parse_choice(Parser *p)
{
    ASSERT(p->nesting <= NESTING_MAX + 1);

    Node *first = parse_sequence(p);
    if (first == NULL || at_end(p) || *p->next != '|')
        return first;
    Node *choice = node_new(p, NODE_CHOICE);
    if (choice == NULL)
        return NULL;
    choice->child = first;
    for (Node *last = first; last != NULL && accept(p, '|'); last = last->next)
        last->next = parse_sequence(p);
    return choice;
}

// --- the program ---

// Returns where the instruction is; 0 after an error, which callers need not ask for (C2).
static u32 emit(Parser *p, RegexOp op, u32 x, u32 y)
{
    ASSERT(op <= REGEX_MATCH);
    ASSERT(p->count <= p->capacity);

    if (p->count >= REGEX_SIZE_MAX)
        fail(p, SQLITE_ERROR, "REGEXP pattern too big");
    if (p->rc != SQLITE_OK)
        return 0;
    int rc = vec_reserve(&p->code, &p->capacity, p->count + 1, sizeof *p->code);
    if (rc != SQLITE_OK) {
        fail(p, rc, NULL);
        return 0;
    }
    p->code[p->count] = (RegexInstr){op, x, y};
    return p->count++;
}

// A branch that prefers to go on, or (lazy) to go where set_other() says.
static u32 emit_split(Parser *p)
{
    ASSERT(p->count <= REGEX_SIZE_MAX);

    return emit(p, REGEX_SPLIT, p->count + 1, 0);
}

// Where the split goes that does not go on: the less preferred way, or if lazy the preferred one.
static void set_other(Parser *p, u32 at, u32 target, bool is_lazy)
{
    if (p->rc != SQLITE_OK)

        return;
    ASSERT(at < p->count && target <= p->count);
    ASSERT(p->code[at].op == REGEX_SPLIT);
    u32 on = at + 1;
    p->code[at].x = is_lazy ? target : on;
    p->code[at].y = is_lazy ? on : target;
}

static void emit_node(Parser *p, const Node *node);

static void emit_choice(Parser *p, const Node *node)
{
    ASSERT(node->kind == NODE_CHOICE && node->child != NULL);

    // Each branch but the last ends in a jump; the jumps are chained by their targets until the end
    // is known.
    u32 jumps = UNLIMITED;
    for (const Node *branch = node->child; branch != NULL; branch = branch->next) {
        if (branch->next == NULL) {
            emit_node(p, branch);
            break;
        }
        u32 split = emit_split(p);
        emit_node(p, branch);
        jumps = emit(p, REGEX_JUMP, jumps, 0);
        set_other(p, split, p->count, false);
    }
    while (p->rc == SQLITE_OK && jumps != UNLIMITED) {
        ASSERT(p->code[jumps].op == REGEX_JUMP);
        u32 next = p->code[jumps].x;
        p->code[jumps].x = p->count;
        jumps = next;
    }
}

// X* as a loop; behind X, of which `begin` is the last copy, X+ needs no other.
static void emit_loop(Parser *p, const Node *node, u32 begin, bool has_copy)
{
    ASSERT(node->kind == NODE_REPEAT && node->max == UNLIMITED);
    ASSERT(begin <= p->count);

    if (has_copy) {
        u32 split = emit_split(p);
        if (p->rc == SQLITE_OK)
            p->code[split] = node->is_lazy ? (RegexInstr){REGEX_SPLIT, split + 1, begin}
                                           : (RegexInstr){REGEX_SPLIT, begin, split + 1};
        return;
    }
    u32 split = emit_split(p);
    emit_node(p, node->child);
    emit(p, REGEX_JUMP, split, 0);
    set_other(p, split, p->count, node->is_lazy);
}

// X{m,n} is m copies, and n - m more inside each other, each of which may be left out.
static void emit_repeat(Parser *p, const Node *node)
{
    ASSERT(node->max > 0 && node->min <= node->max);
    ASSERT(node->kind == NODE_REPEAT);

    u32 begin = p->count;
    // Written out, because a program has no counters: two threads at the same instruction are then
    // alike, which bounds the search.
    for (u32 i = 0; i < node->min && p->rc == SQLITE_OK; i++) {
        begin = p->count;
        emit_node(p, node->child);
        if (p->count == begin)
            return; // nothing, however often
    }
    if (node->max == UNLIMITED) {
        emit_loop(p, node, begin, node->min > 0);
        return;
    }
    // What may follow is nested: (X(X(X)?)?)?, each split chained to the one before it.
    u32 splits = UNLIMITED;
    for (u32 i = node->min; i < node->max && p->rc == SQLITE_OK; i++) {
        u32 split = emit_split(p);
        if (p->rc == SQLITE_OK)
            p->code[split].y = splits;
        splits = split;
        emit_node(p, node->child);
        if (p->count == split + 1)
            break;
    }
    while (p->rc == SQLITE_OK && splits != UNLIMITED) {
        u32 former = p->code[splits].y;
        set_other(p, splits, p->count, node->is_lazy);
        splits = former;
    }
}

// As deep as the tree, which C1 bounds.
static void emit_node(Parser *p, const Node *node)
{
    if (node == NULL || p->rc != SQLITE_OK)
        return;
    switch ((NodeKind)node->kind) {
    case NODE_LEAF: emit(p, node->leaf.op, node->leaf.x, node->leaf.y); return;
    case NODE_SEQUENCE:
        for (const Node *item = node->child; item != NULL; item = item->next)
            emit_node(p, item);
        return;
    case NODE_CHOICE: emit_choice(p, node); return;
    case NODE_REPEAT: emit_repeat(p, node); return;
    case NODE_GROUP:
        emit(p, REGEX_SAVE, 2 * node->group, 0);
        emit_node(p, node->child);
        emit(p, REGEX_SAVE, 2 * node->group + 1, 0);
        return;
    }
}

// --- what the search can know beforehand ---

// Is an instruction the target of a branch?
static bool is_target(const Parser *p, u32 at)
{
    ASSERT(at < p->count);

    for (u32 i = 0; i < p->count; i++) {
        const RegexInstr *in = &p->code[i];
        if ((in->op == REGEX_JUMP || in->op == REGEX_SPLIT) && in->x == at)
            return true;
        if (in->op == REGEX_SPLIT && in->y == at)
            return true;
    }
    return false;
}

// A literal beginning lets the search leap with memchr(); an anchored program is tried at the
// text's beginning alone.
static void find_prefix(const Parser *p, Regex *regex)
{
    ASSERT(p->count > 0);
    ASSERT(regex->prefix_size == 0);

    u32 at = 0;
    // Saves take no character; MATCH at the end stops both loops.
    while (p->code[at].op == REGEX_SAVE)
        at++;
    regex->is_anchored = p->code[at].op == REGEX_BEGIN && !is_target(p, at);
    for (; p->code[at].op == REGEX_CHAR && !regex->ignore_case; at++) {
        u8 bytes[4];
        u32 size = utf8_put(bytes, p->code[at].x);
        // A jump to the middle of the prefix would begin without its first part.
        if (regex->prefix_size + size > sizeof regex->prefix || is_target(p, at))
            break;
        // (U+FFFD stands for bytes that are no character as well.)
        if (p->code[at].x == UTF_REPLACEMENT)
            break;
        memcpy(regex->prefix + regex->prefix_size, bytes, size);
        regex->prefix_size = (u8)(regex->prefix_size + size);
    }
}

// Takes code and ranges out of the parser.
static Regex *regex_new(Parser *p)
{
    ASSERT(p->rc == SQLITE_OK && p->code[p->count - 1].op == REGEX_MATCH);
    ASSERT(p->ranges != NULL || p->range_count == 0);

    Regex *regex = mem_alloc_zeroed(sizeof *regex);
    if (regex == NULL) {
        fail(p, SQLITE_NOMEM, NULL);
        return NULL;
    }
    regex->code = p->code;
    regex->count = p->count;
    regex->ranges = p->ranges;
    regex->ignore_case = p->ignore_case;
    // Owned by the regex from here on.
    find_prefix(p, regex);
    p->code = NULL;
    p->ranges = NULL;
    return regex;
}

// (?i) is known at the very beginning only.
int regex_compile(const char *pattern, size_t size, bool ignore_case, Regex **out, const char **why)
{
    ASSERT(pattern != NULL && out != NULL && why != NULL);

    Parser p = {
        .next = (const u8 *)pattern, .end = (const u8 *)pattern + size, .ignore_case = ignore_case};
    *out = NULL;
    if (accept_word(&p, "(?i)"))
        p.ignore_case = true;
    Node *tree = parse_choice(&p);
    if (!at_end(&p))
        fail(&p, SQLITE_ERROR, "unrecognized character"); // a ) too many
    emit_node(&p, tree);
    emit(&p, REGEX_MATCH, 0, 0);
    if (p.rc == SQLITE_OK)
        *out = regex_new(&p);
    mem_free(p.code);
    mem_free(p.ranges);
    arena_deinit(&p.arena);
    *why = p.why;
    return p.rc;
}

void regex_free(Regex *regex)
{
    if (regex == NULL)
        return;
    // Empty unless something was searched for.
    for (u32 i = 0; i < ARRAY_LEN(regex->threads); i++) {
        mem_free(regex->threads[i].dense);
        mem_free(regex->threads[i].sparse);
        mem_free(regex->threads[i].slots);
    }
    mem_free(regex->stack);
    mem_free(regex->former);
    mem_free(regex->code);
    mem_free(regex->ranges);
    mem_free(regex);
}
