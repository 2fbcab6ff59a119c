#ifndef QUIRE_EXAMPLES_RAG_LSA_H
#define QUIRE_EXAMPLES_RAG_LSA_H
// What the files of LSA share: lsa_train.c learns, lsa_math.c has the dense algebra for it, lsa.c
// keeps what was learnt and embeds by it.
#include "examples/rag/rag.h"

struct Lsa {
    Vocabulary *words;
    float *axes; // words x dims
    int dims;
};

// Makes the columns of `block` (height x n) orthonormal. Scratch: n x n each.
void lsa_orthonormalise(float *block, int height, int n, float *gram, double *triangle);
// Turns the orthonormal block onto the eigenvectors of blockᵀ image, where image = AᵀA block, into
// lsa->axes: height x dims, the greatest first. false: out of memory.
bool lsa_rotate(const float *block, const float *image, int height, int n, Lsa *lsa);

int lsa_keep(Store *store, const Lsa *lsa); // in lsa_term

#endif
