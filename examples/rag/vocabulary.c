// The vocabulary: a hash table from a word to its number, and how many documents have it.
#include "examples/rag/rag.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char text[TERM_LIMIT];
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

static int *find_slot(const Vocabulary *words, const char *word)
{
    uint32_t hash = 2166136261u;
    for (const char *c = word; *c != 0; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    uint32_t mask = (uint32_t)words->slot_count - 1;
    for (hash &= mask; words->slots[hash] != 0; hash = (hash + 1) & mask) {
        if (strcmp(words->words[words->slots[hash] - 1].text, word) == 0)
            break;
    }
    return &words->slots[hash];
}

// Room for so many words, and four slots for each.
static bool resize(Vocabulary *words, int space)
{
    Word *grown = realloc(words->words, (size_t)space * sizeof *grown);
    words->words = grown == NULL ? words->words : grown;
    int *slots = calloc((size_t)space * 4, sizeof *slots);
    if (grown == NULL || slots == NULL) {
        free(slots);
        return false;
    }
    free(words->slots);
    words->slots = slots;
    words->space = space;
    words->slot_count = space * 4;
    for (int i = 0; i < words->count; i++)
        *find_slot(words, words->words[i].text) = i + 1;
    return true;
}

static Word *find_or_add(Vocabulary *words, const char *word)
{
    if (words->count == words->space && !resize(words, words->space == 0 ? 4096 : words->space * 2))
        return NULL;
    int *slot = find_slot(words, word);
    if (*slot == 0) {
        words->words[words->count] = (Word){.last_document = -1};
        strncpy(words->words[words->count].text, word, TERM_LIMIT - 1);
        *slot = ++words->count;
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
    words->is_short |= found == NULL;
    if (found != NULL && found->last_document != words->document_count) {
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
    int fewer = b->documents - a->documents;
    return fewer != 0 ? fewer : strcmp(a->text, b->text);
}

bool vocabulary_close(Vocabulary *words, int limit)
{
    if (words->count == 0)
        return true;
    qsort(words->words, (size_t)words->count, sizeof *words->words, more_documents_first);
    int kept = 0;
    for (; kept < words->count && kept < limit && words->words[kept].documents >= 2; kept++)
        words->words[kept].weight =
            log((double)words->document_count / words->words[kept].documents) + 1;
    words->count = kept;
    return resize(words, words->space);
}
