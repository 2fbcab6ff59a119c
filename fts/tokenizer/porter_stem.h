#ifndef QUIRE_FTS_TOKENIZER_PORTER_STEM_H
#define QUIRE_FTS_TOKENIZER_PORTER_STEM_H
// Porter's stemmer of 1980 for English.

// Stems the `size` lower-case bytes at `word` in place and returns the new size, which never
// exceeds size + 1 bytes: the caller leaves room.
int porter_stem(char *word, int size);

#endif
