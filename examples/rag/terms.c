// Words of a text, and the vocabulary: a hash table from a word to its number.
#include "examples/rag/rag.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_LIMIT = 32 }; // with the closing zero

typedef struct {
    char text[WORD_LIMIT];
    int documents;     // that have it
    int last_document; // counted last, so that a document counts once
    double weight;
} Word;

struct Vocabulary {
    Word *words;
    int *slots;                   // word number + 1, 0: free; open addressing
    int count, space, slot_count; // slot_count is a power of two above 2 x count
    int document_count;
    bool is_short; // of memory
};

static const char *const STOP_WORDS[] = {
    "an",   "and", "are",  "as",   "at",   "be",   "by",    "can",   "do",   "does", "for",
    "from", "has", "have", "how",  "in",   "is",   "it",    "its",   "of",   "on",   "or",
    "that", "the", "this", "to",   "was",  "what", "which", "with",  "you",  "your", "me",
    "my",   "not", "no",   "some", "will", "if",   "into",  "there", "they", "we",   "where",
};

static bool is_stop_word(const char *word)
{
    for (size_t i = 0; i < sizeof STOP_WORDS / sizeof STOP_WORDS[0]; i++) {
        if (strcmp(word, STOP_WORDS[i]) == 0)
            return true;
    }
    return false;
}

static int word_byte(char byte)
{
    unsigned char c = (unsigned char)byte;
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    return c >= 128 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : 0;
}

void terms_scan(const char *text, UseTerm *use, void *context)
{
    char word[WORD_LIMIT];
    size_t size = 0;
    for (;; text++) {
        int c = word_byte(*text);
        if (c != 0 && size < WORD_LIMIT) {
            word[size++] = (char)c; // a word that fills it is too long and dropped
        } else if (c == 0) {
            if (size >= 2 && size < WORD_LIMIT) {
                word[size] = 0;
                if (!is_stop_word(word))
                    use(context, word);
            }
            size = 0;
        }
        if (*text == 0)
            return;
    }
}

// --- the table ---

static int *find_slot(const Vocabulary *words, const char *word)
{
    uint32_t hash = 2166136261u;
    for (const char *c = word; *c != 0; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    uint32_t mask = (uint32_t)words->slot_count - 1;
    uint32_t at = hash & mask;
    while (words->slots[at] != 0 && strcmp(words->words[words->slots[at] - 1].text, word) != 0)
        at = (at + 1) & mask;
    return &words->slots[at];
}

static bool rebuild_slots(Vocabulary *words, int slot_count)
{
    int *slots = calloc((size_t)slot_count, sizeof *slots);
    if (slots == NULL)
        return false;
    free(words->slots);
    words->slots = slots;
    words->slot_count = slot_count;
    for (int i = 0; i < words->count; i++)
        *find_slot(words, words->words[i].text) = i + 1;
    return true;
}

static bool grow(Vocabulary *words)
{
    int space = words->space == 0 ? 4096 : words->space * 2;
    Word *grown = realloc(words->words, (size_t)space * sizeof *grown);
    if (grown == NULL)
        return false;
    words->words = grown;
    words->space = space;
    return rebuild_slots(words, space * 4);
}

static Word *find_or_add(Vocabulary *words, const char *word)
{
    if (words->count == words->space && !grow(words))
        return NULL;
    int *slot = find_slot(words, word);
    if (*slot == 0) {
        Word *added = &words->words[words->count++];
        *added = (Word){.last_document = -1};
        strncpy(added->text, word, WORD_LIMIT - 1);
        *slot = words->count;
    }
    return &words->words[*slot - 1];
}

Vocabulary *vocabulary_new(void)
{
    return calloc(1, sizeof(Vocabulary));
}

void vocabulary_free(Vocabulary *words)
{
    if (words == NULL)
        return;
    free(words->words);
    free(words->slots);
    free(words);
}

int vocabulary_id(const Vocabulary *words, const char *word)
{
    return words->slot_count == 0 ? -1 : *find_slot(words, word) - 1;
}

int vocabulary_size(const Vocabulary *words)
{
    return words->count;
}

const char *vocabulary_word(const Vocabulary *words, int id)
{
    return words->words[id].text;
}

double vocabulary_weight(const Vocabulary *words, int id)
{
    return words->words[id].weight;
}

bool vocabulary_add(Vocabulary *words, const char *word, double weight)
{
    Word *added = find_or_add(words, word);
    if (added != NULL)
        added->weight = weight;
    return added != NULL;
}

// --- counting ---

static void count_word(void *context, const char *word)
{
    Vocabulary *words = context;
    Word *found = find_or_add(words, word);
    if (found == NULL) {
        words->is_short = true;
    } else if (found->last_document != words->document_count) {
        found->last_document = words->document_count;
        found->documents++;
    }
}

bool vocabulary_count(Vocabulary *words, const char *text)
{
    terms_scan(text, count_word, words);
    words->document_count++;
    return !words->is_short;
}

static int more_documents_first(const void *left, const void *right)
{
    const Word *a = left;
    const Word *b = right;
    if (a->documents != b->documents)
        return a->documents > b->documents ? -1 : 1;
    return strcmp(a->text, b->text);
}

bool vocabulary_close(Vocabulary *words, int limit)
{
    if (words->count == 0)
        return true;
    qsort(words->words, (size_t)words->count, sizeof *words->words, more_documents_first);
    int kept = 0;
    while (kept < words->count && kept < limit && words->words[kept].documents >= 2)
        kept++;
    for (int i = 0; i < kept; i++)
        words->words[i].weight = log((double)words->document_count / words->words[i].documents) + 1;
    words->count = kept;
    return rebuild_slots(words, words->slot_count);
}
