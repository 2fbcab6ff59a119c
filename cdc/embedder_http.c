// An embedder behind HTTP, in the form that is widely used:
//
//     POST url  {"model": "...", "input": ["...", ...]}
//     answer    {"data": [{"index": 0, "embedding": [...]}, ...]}
//
// libcurl is looked for when it is first needed, so that nobody who does not use this needs it.
#include "cdc/json_scan.h"
#include "cdc/pipeline.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { DIMENSIONS_MAX = 65536, ANSWER_MAX = 1 << 28, TIMEOUT_MS = 120000 };

// Numbers of libcurl's interface, which keeps them for ever.
enum {
    CURL_OPTION_WRITEDATA = 10001,
    CURL_OPTION_URL = 10002,
    CURL_OPTION_POSTFIELDS = 10015,
    CURL_OPTION_HTTPHEADER = 10023,
    CURL_OPTION_WRITEFUNCTION = 20011,
    CURL_OPTION_POSTFIELDSIZE = 60,
    CURL_OPTION_NOSIGNAL = 99,
    CURL_OPTION_TIMEOUT_MS = 155,
    CURL_INFO_RESPONSE_CODE = 0x200002,
};

typedef struct Curl {
    void *(*init)(void);
    int (*setopt)(void *handle, int option, ...);
    int (*perform)(void *handle);
    int (*getinfo)(void *handle, int info, ...);
    void (*cleanup)(void *handle);
    const char *(*strerror)(int code);
    void *(*slist_append)(void *list, const char *text);
    void (*slist_free)(void *list);
} Curl;

typedef struct HttpEmbedder {
    Curl curl;
    void *library, *handle, *headers;
    char *url, *model;
} HttpEmbedder;

typedef struct Answer {
    char *text;
    size_t size;
} Answer;

static void http_free(void *arg)
{
    HttpEmbedder *e = arg;
    if (e->headers != NULL)
        e->curl.slist_free(e->headers);
    if (e->handle != NULL)
        e->curl.cleanup(e->handle);
    sqlite3_free(e->url);
    sqlite3_free(e->model);
    sqlite3_free(e); // the library stays: it may have threads of its own
}

static bool load_library(HttpEmbedder *e)
{
    ASSERT(e->library == NULL);

    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
    for (int i = 0; i < ARRAY_LEN(names) && e->library == NULL; i++)
        e->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (e->library == NULL)
        return false;
    *(void **)&e->curl.init = dlsym(e->library, "curl_easy_init");
    *(void **)&e->curl.setopt = dlsym(e->library, "curl_easy_setopt");
    *(void **)&e->curl.perform = dlsym(e->library, "curl_easy_perform");
    *(void **)&e->curl.getinfo = dlsym(e->library, "curl_easy_getinfo");
    *(void **)&e->curl.cleanup = dlsym(e->library, "curl_easy_cleanup");
    *(void **)&e->curl.strerror = dlsym(e->library, "curl_easy_strerror");
    *(void **)&e->curl.slist_append = dlsym(e->library, "curl_slist_append");
    *(void **)&e->curl.slist_free = dlsym(e->library, "curl_slist_free_all");
    return e->curl.init != NULL && e->curl.setopt != NULL && e->curl.perform != NULL
           && e->curl.getinfo != NULL && e->curl.cleanup != NULL && e->curl.strerror != NULL
           && e->curl.slist_append != NULL && e->curl.slist_free != NULL;
}

static size_t take_bytes(char *bytes, size_t one, size_t count, void *arg)
{
    Answer *answer = arg;
    size_t size = one * count;
    if (answer->size + size > ANSWER_MAX)
        return 0;
    char *text = sqlite3_realloc64(answer->text, answer->size + size + 1);
    if (text == NULL)
        return 0;
    memcpy(text + answer->size, bytes, size);
    answer->text = text;
    answer->size += size;
    text[answer->size] = '\0';
    return size;
}

static char *request_text(const HttpEmbedder *e, int count, const char *const *texts)
{
    ASSERT(count > 0);

    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_str_appendall(out, "{\"model\":");
    json_add_text(out, e->model, strlen(e->model));
    sqlite3_str_appendall(out, ",\"input\":");
    for (int i = 0; i < count; i++) {
        sqlite3_str_appendall(out, i == 0 ? "[" : ",");
        json_add_text(out, texts[i], strlen(texts[i]));
    }
    sqlite3_str_appendall(out, "]}");
    return sqlite3_str_finish(out);
}

static int post(HttpEmbedder *e, const char *request, Answer *answer, char **error)
{
    ASSERT(request != NULL && e->handle != NULL);

    long status = 0;
    const Curl *curl = &e->curl;
    (void)curl->setopt(e->handle, CURL_OPTION_URL, e->url);
    (void)curl->setopt(e->handle, CURL_OPTION_HTTPHEADER, e->headers);
    (void)curl->setopt(e->handle, CURL_OPTION_POSTFIELDS, request);
    (void)curl->setopt(e->handle, CURL_OPTION_POSTFIELDSIZE, (long)strlen(request));
    (void)curl->setopt(e->handle, CURL_OPTION_WRITEFUNCTION, take_bytes);
    (void)curl->setopt(e->handle, CURL_OPTION_WRITEDATA, answer);
    (void)curl->setopt(e->handle, CURL_OPTION_TIMEOUT_MS, (long)TIMEOUT_MS);
    (void)curl->setopt(e->handle, CURL_OPTION_NOSIGNAL, 1L);
    int code = curl->perform(e->handle);
    (void)curl->getinfo(e->handle, CURL_INFO_RESPONSE_CODE, &status);
    if (code != 0)
        *error = sqlite3_mprintf("%s: %s", e->url, curl->strerror(code));
    else if (status != 200)
        *error = sqlite3_mprintf("%s answers %d: %.200s", e->url, (int)status,
                                 answer->text == NULL ? "" : answer->text);
    return code == 0 && status == 200 ? SQLITE_OK : SQLITE_ERROR;
}

// One element of "data". The first tells the dimensions.
static bool take_item(const char *item, int number, int count, float **vectors, int *dimensions)
{
    ASSERT(number >= 0 && number < count);

    i64 index = json_integer(item, "index", number);
    if (index < 0 || index >= count)
        return false;
    if (*vectors == NULL) {
        *dimensions = json_numbers(item, "embedding", NULL, 0);
        if (*dimensions <= 0 || *dimensions > DIMENSIONS_MAX)
            return false;
        *vectors = sqlite3_malloc64((u64)count * (u64)*dimensions * sizeof **vectors);
        if (*vectors == NULL)
            return false;
    }
    return json_numbers(item, "embedding", *vectors + (size_t)index * (size_t)*dimensions,
                        *dimensions)
           == *dimensions;
}

static bool take_vectors(const char *answer, int count, float **vectors, int *dimensions)
{
    ASSERT(*vectors == NULL);

    int number = 0;
    const char *at = answer == NULL ? NULL : json_find(answer, "data");
    if (at == NULL || *at != '[')
        return false;
    at = json_space(at + 1);
    while (*at == '{' && number < count) {
        if (!take_item(at, number, count, vectors, dimensions))
            return false;
        number++;
        at = json_skip(at);
        if (at == NULL)
            return false;
        at = json_space(at);
        if (*at == ',')
            at = json_space(at + 1);
    }
    return number == count && *at == ']';
}

static int http_embed(void *arg, int count, const char *const *texts, float **vectors,
                      int *dimensions, char **error)
{
    ASSERT(count > 0);

    HttpEmbedder *e = arg;
    Answer answer = {0};
    *vectors = NULL;
    char *request = request_text(e, count, texts);
    int rc = request == NULL ? SQLITE_NOMEM : post(e, request, &answer, error);
    if (rc == SQLITE_OK && !take_vectors(answer.text, count, vectors, dimensions)) {
        *error = sqlite3_mprintf("%s: the answer is not a list of embeddings", e->url);
        rc = SQLITE_ERROR;
    }
    if (rc != SQLITE_OK) {
        sqlite3_free(*vectors);
        *vectors = NULL;
    }
    sqlite3_free(request);
    sqlite3_free(answer.text);
    return rc;
}

static int add_headers(HttpEmbedder *e, const char *key)
{
    ASSERT(e->headers == NULL);

    e->headers = e->curl.slist_append(NULL, "Content-Type: application/json");
    if (e->headers == NULL || key == NULL)
        return e->headers == NULL ? SQLITE_NOMEM : SQLITE_OK;
    char *line = sqlite3_mprintf("Authorization: Bearer %s", key);
    void *longer = line == NULL ? NULL : e->curl.slist_append(e->headers, line);
    sqlite3_free(line);
    if (longer == NULL)
        return SQLITE_NOMEM;
    e->headers = longer;
    return SQLITE_OK;
}

int quire_embedder_http(const char *url, const char *model, const char *key,
                        quire_pipeline_options *options)
{
    HttpEmbedder *e = sqlite3_malloc64(sizeof *e);
    if (e == NULL)
        return SQLITE_NOMEM;
    *e = (HttpEmbedder){.url = sqlite3_mprintf("%s", url), .model = sqlite3_mprintf("%s", model)};
    int rc = e->url == NULL || e->model == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK && !load_library(e))
        rc = SQLITE_CANTOPEN;
    if (rc == SQLITE_OK) {
        e->handle = e->curl.init();
        rc = e->handle == NULL ? SQLITE_NOMEM : add_headers(e, key);
    }
    if (rc != SQLITE_OK) {
        http_free(e);
        return rc;
    }
    options->embed = http_embed;
    options->embed_arg = e;
    options->embed_destroy = http_free;
    return SQLITE_OK;
}
