// Porter's stemmer of 1980 ("An algorithm for suffix stripping"), step by step as in the paper.
//
// A word is consonants C and vowels V; its measure is the number of VC turns. Each step looks at
// the longest matching suffix only and replaces it if what stands before satisfies the condition.
#include "fts/tokenizer/porter_stem.h"

#include "fts/fts_api.h"

typedef struct Word {
    char *text;
    int size;
} Word;

typedef enum Condition { MEASURE_ABOVE_0, MEASURE_ABOVE_1, MEASURE_ABOVE_1_AFTER_S_OR_T } Condition;

typedef struct Rule {
    u32 key; // a bit for the suffix's last letter but one
    const char *suffix;
    const char *replacement;
    Condition condition;
} Rule;

// Most words end in no suffix of a table: the last letter but one, as Porter proposes, tells that
// without comparing any.
typedef struct RuleTable {
    u32 keys;
    u32 count;
    const Rule *rules; // longer suffixes before those they end in
} RuleTable;

enum { KEY_A = 1 << 0, KEY_C = 1 << 2, KEY_E = 1 << 4, KEY_G = 1 << 6, KEY_I = 1 << 8 };
enum { KEY_L = 1 << 11, KEY_N = 1 << 13, KEY_O = 1 << 14, KEY_S = 1 << 18, KEY_T = 1 << 19 };
enum { KEY_U = 1 << 20, KEY_V = 1 << 21, KEY_Z = 1 << 25 };

// y is a vowel after a consonant, and nowhere else.
static bool is_vowel(const char *text, int at)
{
    switch (text[at]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u': return true;
    case 'y': return at > 0 && !is_vowel(text, at - 1);
    default: return false;
    }
}

// "tr" 0, "tree" 0, "trees" 1, "oats" 1, "private" 2: how many times consonants follow vowels.
static int measure(const char *text, int size)
{
    ASSERT(size >= 0);

    int turns = 0;
    bool after_vowel = false;
    for (int i = 0; i < size; i++) {
        bool vowel = text[i] == 'y' ? i > 0 && !after_vowel : is_vowel(text, i);
        turns += after_vowel && !vowel;
        after_vowel = vowel;
    }
    return turns;
}

static bool has_vowel(const char *text, int size)
{
    for (int i = 0; i < size; i++) {
        if (is_vowel(text, i))
            return true;
    }
    return false;
}

static bool ends_in_double_consonant(const Word *word)
{
    return word->size >= 2 && word->text[word->size - 1] == word->text[word->size - 2]
           && !is_vowel(word->text, word->size - 1);
}

// Consonant, vowel, consonant, the last not w, x or y: such a stem takes an e.
static bool ends_short(const char *text, int size)
{
    if (size < 3)
        return false;
    char last = text[size - 1];
    return !is_vowel(text, size - 1) && is_vowel(text, size - 2) && !is_vowel(text, size - 3)
           && last != 'w' && last != 'x' && last != 'y';
}

// A word is never its suffix alone.
static bool ends_with(const Word *word, const char *suffix)
{
    ASSERT(word->size > 0);

    int size = (int)strlen(suffix);
    return word->size > size && memcmp(word->text + word->size - size, suffix, (size_t)size) == 0;
}

static void replace(Word *word, int suffix_size, const char *replacement)
{
    ASSERT(suffix_size <= word->size);
    ASSERT((int)strlen(replacement) <= suffix_size + 1);

    size_t size = strlen(replacement);
    word->size -= suffix_size;
    memcpy(word->text + word->size, replacement, size);
    word->size += (int)size;
}

static bool holds(const Word *word, int stem_size, Condition condition)
{
    ASSERT(stem_size > 0);

    int turns = measure(word->text, stem_size);
    switch (condition) {
    case MEASURE_ABOVE_0: return turns > 0;
    case MEASURE_ABOVE_1: return turns > 1;
    case MEASURE_ABOVE_1_AFTER_S_OR_T: {
        char last = stem_size > 0 ? word->text[stem_size - 1] : 0;
        return turns > 1 && (last == 's' || last == 't');
    }
    }
    return false;
}

static u32 key_of(const char *text, int size)
{
    char letter = text[size - 2];
    return letter >= 'a' && letter <= 'z' ? 1u << (letter - 'a') : 0;
}

static void apply(Word *word, const RuleTable *table)
{
    u32 key = word->size < 2 ? 0 : key_of(word->text, word->size);
    if ((table->keys & key) == 0)
        return;
    for (u32 i = 0; i < table->count; i++) {
        const Rule *rule = &table->rules[i];
        ASSERT(rule->key == key_of(rule->suffix, (int)strlen(rule->suffix)));
        ASSERT((table->keys & rule->key) != 0);
        if (rule->key != key || !ends_with(word, rule->suffix))
            continue;
        int suffix_size = (int)strlen(rule->suffix);
        if (holds(word, word->size - suffix_size, rule->condition))
            replace(word, suffix_size, rule->replacement);
        return;
    }
}

// Plurals: caresses, ponies, cats.
static void step_1a(Word *word)
{
    if (word->text[word->size - 1] != 's')
        return;
    if (ends_with(word, "sses") || ends_with(word, "ies"))
        word->size -= 2;
    else if (!ends_with(word, "ss"))
        word->size -= 1;
}

// After -ed or -ing went: hop(p)ing, fail(ing), fil(e)ing.
static void step_1b_repair(Word *word)
{
    if (ends_with(word, "at") || ends_with(word, "bl") || ends_with(word, "iz")) {
        replace(word, 0, "e");
        return;
    }
    char last = word->text[word->size - 1];
    if (ends_in_double_consonant(word) && last != 'l' && last != 's' && last != 'z')
        word->size--;
    else if (measure(word->text, word->size) == 1 && ends_short(word->text, word->size))
        replace(word, 0, "e");
}

// agreed, plastered, motoring.
static void step_1b(Word *word)
{
    char last = word->text[word->size - 1];
    if (last != 'd' && last != 'g')
        return;
    if (ends_with(word, "eed")) {
        if (measure(word->text, word->size - 3) > 0)
            word->size--;
        return;
    }
    int suffix_size = ends_with(word, "ed") ? 2 : ends_with(word, "ing") ? 3 : 0;
    if (suffix_size == 0 || !has_vowel(word->text, word->size - suffix_size))
        return;
    word->size -= suffix_size;
    step_1b_repair(word);
}

// happy becomes happi, so that it meets happiness.
static void step_1c(Word *word)
{
    if (ends_with(word, "y") && has_vowel(word->text, word->size - 1))
        word->text[word->size - 1] = 'i';
}

static const Rule rules_2[] = {
    {KEY_A, "ational", "ate", MEASURE_ABOVE_0}, {KEY_A, "tional", "tion", MEASURE_ABOVE_0},
    {KEY_C, "enci", "ence", MEASURE_ABOVE_0},   {KEY_C, "anci", "ance", MEASURE_ABOVE_0},
    {KEY_E, "izer", "ize", MEASURE_ABOVE_0},    {KEY_G, "logi", "log", MEASURE_ABOVE_0},
    {KEY_L, "bli", "ble", MEASURE_ABOVE_0},     {KEY_L, "alli", "al", MEASURE_ABOVE_0},
    {KEY_L, "entli", "ent", MEASURE_ABOVE_0},   {KEY_L, "eli", "e", MEASURE_ABOVE_0},
    {KEY_L, "ousli", "ous", MEASURE_ABOVE_0},   {KEY_O, "ization", "ize", MEASURE_ABOVE_0},
    {KEY_O, "ation", "ate", MEASURE_ABOVE_0},   {KEY_O, "ator", "ate", MEASURE_ABOVE_0},
    {KEY_S, "alism", "al", MEASURE_ABOVE_0},    {KEY_S, "iveness", "ive", MEASURE_ABOVE_0},
    {KEY_S, "fulness", "ful", MEASURE_ABOVE_0}, {KEY_S, "ousness", "ous", MEASURE_ABOVE_0},
    {KEY_T, "aliti", "al", MEASURE_ABOVE_0},    {KEY_T, "iviti", "ive", MEASURE_ABOVE_0},
    {KEY_T, "biliti", "ble", MEASURE_ABOVE_0},
};
static const RuleTable step_2 = {KEY_A | KEY_C | KEY_E | KEY_G | KEY_L | KEY_O | KEY_S | KEY_T,
                                 ARRAY_LEN(rules_2), rules_2};

static const Rule rules_3[] = {
    {KEY_T, "icate", "ic", MEASURE_ABOVE_0}, {KEY_V, "ative", "", MEASURE_ABOVE_0},
    {KEY_Z, "alize", "al", MEASURE_ABOVE_0}, {KEY_T, "iciti", "ic", MEASURE_ABOVE_0},
    {KEY_A, "ical", "ic", MEASURE_ABOVE_0},  {KEY_U, "ful", "", MEASURE_ABOVE_0},
    {KEY_S, "ness", "", MEASURE_ABOVE_0},
};
static const RuleTable step_3 = {KEY_A | KEY_S | KEY_T | KEY_U | KEY_V | KEY_Z, ARRAY_LEN(rules_3),
                                 rules_3};

static const Rule rules_4[] = {
    {KEY_A, "al", "", MEASURE_ABOVE_1},    {KEY_C, "ance", "", MEASURE_ABOVE_1},
    {KEY_C, "ence", "", MEASURE_ABOVE_1},  {KEY_E, "er", "", MEASURE_ABOVE_1},
    {KEY_I, "ic", "", MEASURE_ABOVE_1},    {KEY_L, "able", "", MEASURE_ABOVE_1},
    {KEY_L, "ible", "", MEASURE_ABOVE_1},  {KEY_N, "ant", "", MEASURE_ABOVE_1},
    {KEY_N, "ement", "", MEASURE_ABOVE_1}, {KEY_N, "ment", "", MEASURE_ABOVE_1},
    {KEY_N, "ent", "", MEASURE_ABOVE_1},   {KEY_O, "ion", "", MEASURE_ABOVE_1_AFTER_S_OR_T},
    {KEY_O, "ou", "", MEASURE_ABOVE_1},    {KEY_S, "ism", "", MEASURE_ABOVE_1},
    {KEY_T, "ate", "", MEASURE_ABOVE_1},   {KEY_T, "iti", "", MEASURE_ABOVE_1},
    {KEY_U, "ous", "", MEASURE_ABOVE_1},   {KEY_V, "ive", "", MEASURE_ABOVE_1},
    {KEY_Z, "ize", "", MEASURE_ABOVE_1},
};
static const RuleTable step_4 = {KEY_A | KEY_C | KEY_E | KEY_I | KEY_L | KEY_N | KEY_O | KEY_S
                                     | KEY_T | KEY_U | KEY_V | KEY_Z,
                                 ARRAY_LEN(rules_4), rules_4};

// A last e, and one of two last l, behind a stem long enough.
static void step_5(Word *word)
{
    ASSERT(word->size > 0);

    if (word->text[word->size - 1] == 'e') {
        int turns = measure(word->text, word->size - 1);
        if (turns > 1 || (turns == 1 && !ends_short(word->text, word->size - 1)))
            word->size--;
    }
    if (word->size > 1 && word->text[word->size - 1] == 'l' && word->text[word->size - 2] == 'l'
        && measure(word->text, word->size - 1) > 1)
        word->size--;
}

int porter_stem(char *text, int size)
{
    ASSERT(size > 2);

    Word word = {text, size};
    step_1a(&word);
    step_1b(&word);
    step_1c(&word);
    apply(&word, &step_2);
    apply(&word, &step_3);
    apply(&word, &step_4);
    step_5(&word);
    ASSERT(word.size > 0 && word.size <= size + 1);
    return word.size;
}
