// The embedding pipeline: what is embedded when, and what crashes leave behind.
//
// QUIRE_PIPELINE_DOCS and QUIRE_PIPELINE_KILLS scale the last test (the full size is 20000 and 50).
#include "support/stock.h"
#include "support/test.h"

#include "quire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIMENSIONS = 3 };

// The embedding of a text, in C and in awk: its length, and how often two digits occur.
static void embed_text(const char *text, float *out)
{
    out[0] = (float)strlen(text);
    out[1] = out[2] = 0;
    for (const char *c = text; *c != '\0'; c++) {
        out[1] += *c == '1';
        out[2] += *c == '7';
    }
}

typedef struct Fake {
    int calls, texts, failures; // failures: calls that are still to fail
} Fake;

static int fake_embed(void *arg, int count, const char *const *texts, float **vectors,
                      int *dimensions, char **error)
{
    Fake *fake = arg;
    fake->calls++;
    if (fake->failures > 0) {
        fake->failures--;
        *error = sqlite3_mprintf("not today");
        return SQLITE_ERROR;
    }
    fake->texts += count;
    *dimensions = DIMENSIONS;
    *vectors = sqlite3_malloc64((sqlite3_uint64)count * DIMENSIONS * sizeof **vectors);
    for (int i = 0; i < count; i++)
        embed_text(texts[i], *vectors + i * DIMENSIONS);
    return SQLITE_OK;
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static long number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    long value = (long)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static sqlite3 *open_docs(const char *path)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(path, &db));
    sqlite3_busy_timeout(db, 20000);
    run(db, "PRAGMA journal_mode=wal; PRAGMA synchronous=off;"
            "CREATE TABLE docs(id INTEGER PRIMARY KEY, title, body);"
            "CREATE VIRTUAL TABLE feed USING cdc(tables=docs, mode=id)");
    return db;
}

static quire_pipeline_options options_of(Fake *fake, const char *model)
{
    return (quire_pipeline_options){.feed = "feed",
                                    .table = "docs",
                                    .text = "title || ' ' || body",
                                    .target = "emb",
                                    .model = model,
                                    .batch_size = 10,
                                    .embed = fake_embed,
                                    .embed_arg = fake};
}

static void check_pipeline(quire_pipeline *p, int rc)
{
    if (rc != SQLITE_OK)
        fail_msg("pipeline: %d: %s", rc, quire_pipeline_errmsg(p));
}

static quire_pipeline *open_pipeline(sqlite3 *db, const quire_pipeline_options *options)
{
    quire_pipeline *p = NULL;
    int rc = quire_pipeline_open(db, options, &p);
    check_pipeline(p, rc);
    return p;
}

static void rows_are_embedded_when_they_come_and_when_their_text_changes(void **state)
{
    (void)state;
    Fake fake = {0};
    quire_pipeline *p;
    sqlite3 *db = open_docs(":memory:");
    run(db, "INSERT INTO docs VALUES(1,'a','1'),(2,'b','77'),(3,'c',NULL)");
    quire_pipeline_options options = options_of(&fake, "m1");

    p = open_pipeline(db, &options);
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(fake.texts, 2);
    assert_int_equal(number(db, "SELECT count(*) FROM emb_current"), 2);

    run(db, "UPDATE docs SET title='b' WHERE id=2; UPDATE docs SET body='x' WHERE id=3;"
            "INSERT INTO docs VALUES(4,'d','4'); UPDATE docs SET id=5 WHERE id=1");
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(fake.texts, 5); // 3, 4 and 5: the text of 2 is what it was
    assert_int_equal(number(db, "SELECT group_concat(doc, '') FROM emb_current"), 2345);

    run(db, "DELETE FROM docs WHERE id=2");
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(number(db, "SELECT count(*) FROM emb_current"), 3);
    assert_int_equal(quire_pipeline_embedded(p), 5);
    quire_pipeline_close(p);
    assert_ok(sqlite3_close(db));
}

static void long_texts_are_cut_and_only_changed_pieces_embedded(void **state)
{
    (void)state;
    Fake fake = {0};
    quire_pipeline *p;
    sqlite3 *db = open_docs(":memory:");
    quire_pipeline_options options = options_of(&fake, "m1");
    options.chunk_size = 20;
    options.chunk_overlap = 5;
    run(db, "INSERT INTO docs VALUES(1,'one two three four','five six seven eight nine ten')");

    p = open_pipeline(db, &options);
    check_pipeline(p, quire_pipeline_run(p, 0));
    long pieces = number(db, "SELECT count(*) FROM emb");
    assert_true(pieces >= 3);
    assert_int_equal(number(db, "SELECT max(length) <= 20 AND max(start + length) = 48 FROM emb"),
                     1);
    assert_int_equal(number(db,
                            "SELECT count(*) FROM emb AS a JOIN emb AS b ON b.chunk = a.chunk + 1"
                            " WHERE b.start > a.start + a.length + 1"),
                     0);
    int before = fake.texts;
    run(db, "UPDATE docs SET title = replace(title, 'one', 'ONE')");
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(fake.texts, before + 1);
    run(db, "UPDATE docs SET title='', body='x'");
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(number(db, "SELECT count(*) FROM emb"), 1);
    quire_pipeline_close(p);
    assert_ok(sqlite3_close(db));
}

static void a_failing_embedder_is_tried_again_and_loses_nothing(void **state)
{
    (void)state;
    Fake fake = {.failures = 2};
    quire_pipeline *p;
    sqlite3 *db = open_docs(":memory:");
    quire_pipeline_options options = options_of(&fake, "m1");
    options.retries = 1;
    run(db, "INSERT INTO docs VALUES(1,'a','1')");

    p = open_pipeline(db, &options);
    assert_rc(SQLITE_ERROR, quire_pipeline_run(p, 0));
    assert_text("not today", quire_pipeline_errmsg(p));
    check_pipeline(p, quire_pipeline_run(p, 0));
    fake.failures = 2;
    run(db, "UPDATE docs SET body='2'");
    assert_rc(SQLITE_ERROR, quire_pipeline_run(p, 0));
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(fake.texts, 2);
    quire_pipeline_close(p);
    assert_ok(sqlite3_close(db));
}

static void a_new_model_runs_beside_the_old_until_it_is_complete(void **state)
{
    (void)state;
    Fake old_fake = {0};
    Fake new_fake = {.failures = 1};
    quire_pipeline *p;
    quire_pipeline *q;
    sqlite3 *db = open_docs(":memory:");
    run(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<25)"
            " INSERT INTO docs SELECT i, 'doc', i FROM n");
    quire_pipeline_options options = options_of(&old_fake, "m1");
    p = open_pipeline(db, &options);
    check_pipeline(p, quire_pipeline_run(p, 0));
    options = options_of(&new_fake, "m2");
    options.retries = -1;
    q = open_pipeline(db, &options);

    assert_rc(SQLITE_ERROR, quire_pipeline_run(q, 0));
    run(db, "INSERT INTO docs VALUES(26,'doc',26)");
    check_pipeline(p, quire_pipeline_run(p, 0)); // the old one goes on
    assert_int_equal(number(db, "SELECT count(*) FROM emb_current"), 26);
    assert_int_equal(number(db, "SELECT model = 'm1' FROM emb_model WHERE is_current"), 1);
    quire_pipeline_close(p);

    check_pipeline(q, quire_pipeline_run(q, 0));
    assert_int_equal(number(db, "SELECT count(*) FROM emb_current"), 26);
    assert_int_equal(number(db, "SELECT count(*) FROM emb WHERE model = 'm1'"), 0);
    assert_int_equal(number(db, "SELECT count(*) FROM feed_consumer"), 1);
    quire_pipeline_close(q);
    assert_ok(sqlite3_close(db));
}

// --- over HTTP ---

// Answers requests of embeddings with the lengths of their texts' JSON, twice; then 500.
static void serve(int listener)
{
    for (int n = 0; n < 3; n++) {
        char request[65536];
        char answer[65536];
        size_t size = 0;
        int client = accept(listener, NULL, NULL);
        const char *body = NULL;
        while (body == NULL || strstr(body, "]}") == NULL) {
            ssize_t got = read(client, request + size, sizeof request - 1 - size);
            if (got <= 0)
                break;
            size += (size_t)got;
            request[size] = '\0';
            body = strstr(request, "\r\n\r\n");
        }
        int texts = 0;
        const char *input = strstr(request, "\"input\":[");
        for (const char *c = input; c != NULL && (c = strstr(c, "doc ")) != NULL; c++)
            texts++;
        int at = snprintf(answer, sizeof answer, "{\"data\":[");
        for (int i = texts - 1; i >= 0; i--) // out of order
            at += snprintf(answer + at, sizeof answer - (size_t)at,
                           "{\"index\":%d,\"embedding\":[%d, 1e0]}%s", i, i, i > 0 ? "," : "]}");
        char head[200];
        int head_size = snprintf(head, sizeof head,
                                 "HTTP/1.1 %s\r\nContent-Length: %d\r\n"
                                 "Connection: close\r\n\r\n",
                                 n < 2 ? "200 OK" : "500 No", at);
        if (write(client, head, (size_t)head_size) < 0 || write(client, answer, (size_t)at) < 0)
            _exit(1);
        close(client);
    }
    _exit(0);
}

static void an_endpoint_on_loopback_embeds(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char url[100];
    quire_pipeline *p;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (void *)&address, size), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (void *)&address, &size), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/embeddings", ntohs(address.sin_port));
    quire_pipeline_options options = options_of(NULL, "m1");
    assert_ok(quire_embedder_http(url, "small \"model\"", "key", &options)); // wants libcurl
    options.retries = -1;
    fflush(NULL);
    pid_t server = fork();
    if (server == 0)
        serve(listener);
    sqlite3 *db = open_docs(":memory:");
    run(db, "INSERT INTO docs VALUES(1,'doc','a'),(2,'doc','b\n\"')");

    p = open_pipeline(db, &options);
    check_pipeline(p, quire_pipeline_run(p, 0));
    assert_int_equal(number(db, "SELECT count(*) FROM emb WHERE length(vector) = 8"), 2);
    assert_int_equal(number(db, "SELECT hex(vector) = '0000803F0000803F' FROM emb WHERE doc=2"), 1);
    run(db, "INSERT INTO docs VALUES(3,'doc','c')");
    check_pipeline(p, quire_pipeline_run(p, 0));
    run(db, "INSERT INTO docs VALUES(4,'doc','d')");
    assert_rc(SQLITE_ERROR, quire_pipeline_run(p, 0));
    assert_non_null(strstr(quire_pipeline_errmsg(p), "answers 500"));

    quire_pipeline_close(p);
    assert_ok(sqlite3_close(db));
    waitpid(server, NULL, 0);
    close(listener);
}

// --- crashes ---

static int scale(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : atoi(text);
}

static quire_pipeline_options process_options(const char *folder)
{
    char command[1000];
    quire_pipeline_options options = options_of(NULL, "m1");
    options.batch_size = 50;
    options.retries = 8;
    snprintf(
        command, sizeof command,
        "echo $$ >%s/pid; set --; case $(readlink -f \"$(command -v awk)\") in"
        " *mawk) set -- -W interactive;; esac; exec awk \"$@\" '{"
        " print \"x\" >>\"%s/log\"; fflush(\"%s/log\"); match($0, /\"id\":[0-9]+/);"
        " id = substr($0, RSTART + 5, RLENGTH - 5);"
        " sub(/^.*\"text\":\"/, \"\"); sub(/\"}$/, \"\"); n = length($0);"
        " a = gsub(/1/, \"1\"); b = gsub(/7/, \"7\");"
        " print \"{\\\"id\\\":\" id \",\\\"vector\\\":[\" n \",\" a \",\" b \"]}\"; fflush() }'",
        folder, folder, folder);
    assert_ok(quire_embedder_process(command, &options));
    return options;
}

static void change_documents(const char *path, int docs)
{
    sqlite3 *db;
    char sql[300];
    if (sqlite3_open(path, &db) != SQLITE_OK)
        _exit(1);
    sqlite3_busy_timeout(db, 60000);
    for (int i = 0; i < docs / 4; i++) {
        snprintf(sql, sizeof sql,
                 "UPDATE docs SET body = body || ' 17%d' WHERE id = %d;"
                 "DELETE FROM docs WHERE id = %d; REPLACE INTO docs VALUES(%d, 'new', %d)",
                 i, (i * 37) % docs + 1, (i * 101) % docs + 1, (i * 53) % (docs * 2) + 1, i);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
            _exit(2);
        if (i % 20 == 0)
            usleep(2000);
    }
    sqlite3_close(db);
    _exit(0);
}

// Kills the embedder that runs, or every third time the pipeline itself.
static void kill_at_random(const char *folder, pid_t pipeline, unsigned *seed, int turn)
{
    char path[200];
    int pid = 0;
    *seed = *seed * 1103515245u + 12345u;
    usleep(5000 + *seed % 40000);
    snprintf(path, sizeof path, "%s/pid", folder);
    FILE *file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file != NULL)
        fclose(file);
    if (pid > 1)
        kill(pid, SIGKILL);
    if (turn % 3 == 0)
        kill(pipeline, SIGKILL);
}

static pid_t start_pipeline(const char *path, const char *folder)
{
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    sqlite3 *db;
    quire_pipeline *p;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        _exit(1);
    sqlite3_busy_timeout(db, 60000);
    quire_pipeline_options options = process_options(folder);
    if (quire_pipeline_open(db, &options, &p) != SQLITE_OK)
        _exit(2);
    while (quire_pipeline_run(p, 100) == SQLITE_OK)
        continue;
    _exit(3); // an error that retries did not mend: the parent starts it anew
}

static void check_vectors(sqlite3 *db)
{
    sqlite3_stmt *stmt;
    assert_int_equal(number(db, "SELECT count(*) FROM docs"),
                     number(db, "SELECT count(*) FROM emb_current"));
    assert_ok(sqlite3_prepare_v2(db,
                                 "SELECT title || ' ' || body, vector FROM docs JOIN emb_current"
                                 " ON doc = docs.id",
                                 -1, &stmt, NULL));
    long rows = 0;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        float expected[DIMENSIONS];
        embed_text((const char *)sqlite3_column_text(stmt, 0), expected);
        assert_int_equal(sqlite3_column_bytes(stmt, 1), sizeof expected);
        assert_memory_equal(sqlite3_column_blob(stmt, 1), expected, sizeof expected);
        rows++;
    }
    assert_ok(sqlite3_finalize(stmt));
    assert_int_equal(rows, number(db, "SELECT count(*) FROM docs"));
}

static void a_pipeline_whose_embedder_is_killed_loses_and_repeats_nothing(void **state)
{
    (void)state;
    const int docs = scale("QUIRE_PIPELINE_DOCS", 1000);
    const int kills = scale("QUIRE_PIPELINE_KILLS", 8);
    WorkDir dir;
    char sql[300];
    unsigned seed = 1;
    quire_pipeline *p;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "docs.db");
    sqlite3 *db = open_docs(path);
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d)"
             " INSERT INTO docs SELECT i, 'document', 'of number ' || i FROM n",
             docs);
    run(db, sql);
    long changes = number(db, "SELECT max(change_id) FROM feed");
    assert_ok(sqlite3_close(db));

    fflush(NULL);
    pid_t writer = fork();
    if (writer == 0)
        change_documents(path, docs);
    pid_t pipeline = start_pipeline(path, dir.path);
    for (int i = 1; i <= kills; i++) {
        kill_at_random(dir.path, pipeline, &seed, i);
        if (waitpid(pipeline, NULL, WNOHANG) == pipeline)
            pipeline = start_pipeline(path, dir.path);
    }
    int status;
    waitpid(writer, &status, 0);
    assert_int_equal(status, 0);
    kill(pipeline, SIGKILL);
    waitpid(pipeline, NULL, 0);

    assert_ok(sqlite3_open(path, &db));
    quire_pipeline_options options = process_options(dir.path);
    p = open_pipeline(db, &options);
    check_pipeline(p, quire_pipeline_run(p, 0));
    check_vectors(db);
    // Each row once, each change once, and for each crash at most one batch again.
    changes = number(db, "SELECT max(change_id) FROM feed_log") - changes;
    long embedded = file_size(work_path(&dir, "log")) / 2;
    assert_true(embedded <= docs + changes + (kills * 2 + 1) * 50);
    print_message("%d documents, %ld changes, %d kills: %ld embedded\n", docs, changes, kills,
                  embedded);
    quire_pipeline_close(p);
    assert_ok(sqlite3_close(db));
    (void)work_path(&dir, "pid");
    work_dir_end(&dir);
}

TEST_SUITE(pipeline, cmocka_unit_test(rows_are_embedded_when_they_come_and_when_their_text_changes),
           cmocka_unit_test(long_texts_are_cut_and_only_changed_pieces_embedded),
           cmocka_unit_test(a_failing_embedder_is_tried_again_and_loses_nothing),
           cmocka_unit_test(a_new_model_runs_beside_the_old_until_it_is_complete),
           cmocka_unit_test(an_endpoint_on_loopback_embeds),
           cmocka_unit_test(a_pipeline_whose_embedder_is_killed_loses_and_repeats_nothing))
