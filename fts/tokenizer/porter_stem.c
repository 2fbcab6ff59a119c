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
    const char *suffix; // NULL: the end of a list
    const char *replacement;
    Condition condition;
} Rule;

// Most words end in no suffix of a step: as Porter proposes, the last letter but one tells which
// few are to be compared. In a list longer suffixes stand before those they end in.
typedef const Rule *const RuleTable[26];

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

static void apply(Word *word, RuleTable table)
{
    char key = word->size < 2 ? 0 : word->text[word->size - 2];
    const Rule *rule = key >= 'a' && key <= 'z' ? table[key - 'a'] : NULL;
    for (; rule != NULL && rule->suffix != NULL; rule++) {
        int suffix_size = (int)strlen(rule->suffix);
        ASSERT(rule->suffix[suffix_size - 2] == key);
        if (!ends_with(word, rule->suffix))
            continue;
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

static RuleTable step_2 = {
    ['a' - 'a'] = (const Rule[]){{"ational", "ate", MEASURE_ABOVE_0},
                                 {"tional", "tion", MEASURE_ABOVE_0},
                                 {0}},
    ['c' - 'a'] =
        (const Rule[]){{"enci", "ence", MEASURE_ABOVE_0}, {"anci", "ance", MEASURE_ABOVE_0}, {0}},
    ['e' - 'a'] = (const Rule[]){{"izer", "ize", MEASURE_ABOVE_0}, {0}},
    ['g' - 'a'] = (const Rule[]){{"logi", "log", MEASURE_ABOVE_0}, {0}},
    ['l' - 'a'] = (const Rule[]){{"bli", "ble", MEASURE_ABOVE_0},
                                 {"alli", "al", MEASURE_ABOVE_0},
                                 {"entli", "ent", MEASURE_ABOVE_0},
                                 {"eli", "e", MEASURE_ABOVE_0},
                                 {"ousli", "ous", MEASURE_ABOVE_0},
                                 {0}},
    ['o' - 'a'] = (const Rule[]){{"ization", "ize", MEASURE_ABOVE_0},
                                 {"ation", "ate", MEASURE_ABOVE_0},
                                 {"ator", "ate", MEASURE_ABOVE_0},
                                 {0}},
    ['s' - 'a'] = (const Rule[]){{"alism", "al", MEASURE_ABOVE_0},
                                 {"iveness", "ive", MEASURE_ABOVE_0},
                                 {"fulness", "ful", MEASURE_ABOVE_0},
                                 {"ousness", "ous", MEASURE_ABOVE_0},
                                 {0}},
    ['t' - 'a'] = (const Rule[]){{"aliti", "al", MEASURE_ABOVE_0},
                                 {"iviti", "ive", MEASURE_ABOVE_0},
                                 {"biliti", "ble", MEASURE_ABOVE_0},
                                 {0}},
};

static RuleTable step_3 = {
    ['a' - 'a'] = (const Rule[]){{"ical", "ic", MEASURE_ABOVE_0}, {0}},
    ['s' - 'a'] = (const Rule[]){{"ness", "", MEASURE_ABOVE_0}, {0}},
    ['t' - 'a'] =
        (const Rule[]){{"icate", "ic", MEASURE_ABOVE_0}, {"iciti", "ic", MEASURE_ABOVE_0}, {0}},
    ['u' - 'a'] = (const Rule[]){{"ful", "", MEASURE_ABOVE_0}, {0}},
    ['v' - 'a'] = (const Rule[]){{"ative", "", MEASURE_ABOVE_0}, {0}},
    ['z' - 'a'] = (const Rule[]){{"alize", "al", MEASURE_ABOVE_0}, {0}},
};

static RuleTable step_4 = {
    ['a' - 'a'] = (const Rule[]){{"al", "", MEASURE_ABOVE_1}, {0}},
    ['c' - 'a'] = (const Rule[]){{"ance", "", MEASURE_ABOVE_1}, {"ence", "", MEASURE_ABOVE_1}, {0}},
    ['e' - 'a'] = (const Rule[]){{"er", "", MEASURE_ABOVE_1}, {0}},
    ['i' - 'a'] = (const Rule[]){{"ic", "", MEASURE_ABOVE_1}, {0}},
    ['l' - 'a'] = (const Rule[]){{"able", "", MEASURE_ABOVE_1}, {"ible", "", MEASURE_ABOVE_1}, {0}},
    ['n' - 'a'] = (const Rule[]){{"ant", "", MEASURE_ABOVE_1},
                                 {"ement", "", MEASURE_ABOVE_1},
                                 {"ment", "", MEASURE_ABOVE_1},
                                 {"ent", "", MEASURE_ABOVE_1},
                                 {0}},
    ['o' - 'a'] =
        (const Rule[]){{"ion", "", MEASURE_ABOVE_1_AFTER_S_OR_T}, {"ou", "", MEASURE_ABOVE_1}, {0}},
    ['s' - 'a'] = (const Rule[]){{"ism", "", MEASURE_ABOVE_1}, {0}},
    ['t' - 'a'] = (const Rule[]){{"ate", "", MEASURE_ABOVE_1}, {"iti", "", MEASURE_ABOVE_1}, {0}},
    ['u' - 'a'] = (const Rule[]){{"ous", "", MEASURE_ABOVE_1}, {0}},
    ['v' - 'a'] = (const Rule[]){{"ive", "", MEASURE_ABOVE_1}, {0}},
    ['z' - 'a'] = (const Rule[]){{"ize", "", MEASURE_ABOVE_1}, {0}},
};

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
    apply(&word, step_2);
    apply(&word, step_3);
    apply(&word, step_4);
    step_5(&word);
    ASSERT(word.size > 0 && word.size <= size + 1);
    return word.size;
}
