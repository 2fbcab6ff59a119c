// The words of a text: see rag.h.
#include "examples/rag/rag.h"

#include <string.h>

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
    char word[TERM_LIMIT];
    size_t size = 0;
    for (;; text++) {
        int c = word_byte(*text);
        if (c != 0 && size < TERM_LIMIT) {
            word[size++] = (char)c; // a word that fills it is too long and dropped
        } else if (c == 0) {
            if (size >= 2 && size < TERM_LIMIT) {
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
