#ifndef QUIRE_BENCH_JUDGED_H
#define QUIRE_BENCH_JUDGED_H
// A judged collection: documents, questions, and how good a document answers a question.
//
//     docs.tsv      id, title, ..., text
//     queries.tsv   id, text
//     qrels.tsv     query, document, gain
//
// A line without a number in front is a heading. What cannot be read ends the program.
#include <stdio.h>

enum { JUDGED_TOP = 10 };

typedef struct Judgement {
    int query;
    int document;
    double gain;
} Judgement;

typedef struct Judged {
    Judgement *items;
    int count;
} Judged;

FILE *judged_open(const char *folder, const char *name);
void judged_read(const char *folder, Judged *out);
void judged_free(Judged *judged);
double judged_gain(const Judged *judged, int query, int document);
// The discounted gain of the best ten documents in the best order; 0: nothing answers the query.
double judged_ideal(const Judged *judged, int query);

#endif
