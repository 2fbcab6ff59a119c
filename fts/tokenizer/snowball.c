// Loading libstemmer and asking it. See snowball.h.
#include "fts/tokenizer/snowball.h"

#include <dlfcn.h>

int snowball_open(Snowball *snowball, const char *language)
{
    ASSERT(language != NULL);

    *snowball = (Snowball){.library = dlopen(QUIRE_STEMMER_SONAME, RTLD_NOW | RTLD_LOCAL)};
    if (snowball->library == NULL) {
        sqlite3_log(SQLITE_ERROR, "no Snowball stemmers: %s", dlerror());
        return SQLITE_ERROR;
    }
    struct sb_stemmer *(*make)(const char *, const char *);
    *(void **)&make = dlsym(snowball->library, "sb_stemmer_new");
    *(void **)&snowball->delete = dlsym(snowball->library, "sb_stemmer_delete");
    *(void **)&snowball->stem = dlsym(snowball->library, "sb_stemmer_stem");
    *(void **)&snowball->length = dlsym(snowball->library, "sb_stemmer_length");
    if (make != NULL && snowball->delete != NULL && snowball->stem != NULL
        && snowball->length != NULL)
        snowball->stemmer = make(language, NULL);
    if (snowball->stemmer != NULL)
        return SQLITE_OK;
    snowball_close(snowball);
    return SQLITE_ERROR;
}

void snowball_close(Snowball *snowball)
{
    ASSERT(snowball->stemmer == NULL || snowball->library != NULL);

    if (snowball->stemmer != NULL)
        snowball->delete (snowball->stemmer);
    if (snowball->library != NULL)
        (void)dlclose(snowball->library);
    *snowball = (Snowball){0};
}

const char *snowball_stem(const Snowball *snowball, const char *word, int size, int *stem_size)
{
    ASSERT(snowball->stemmer != NULL);
    ASSERT(size >= 0);

    const sb_symbol *stem = snowball->stem(snowball->stemmer, (const sb_symbol *)word, size);
    if (stem != NULL)
        *stem_size = snowball->length(snowball->stemmer);
    return (const char *)stem;
}
