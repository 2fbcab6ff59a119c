// Damaged full-text indexes and queries of any text: every answer will do, but there has to be one.
//
//     crash_fts_damage slice                 some seeds
//     crash_fts_damage all [COUNT [FIRST]]   20,000 seeds, or COUNT, from FIRST on
//     crash_fts_damage one SEED              one again, as printed by a failure
//
// Each seed takes one of a few indexes (every detail, prefixes, tombstones, doclist indexes, an
// unfinished merge), damages some records of its shadow tables and then asks, counts, ranks, cuts
// out snippets, lists the vocabulary, writes and merges, by queries of which some are no language.
// A seed that takes longer than a minute is one that does not end.
#include "support/library.h"

#include "base/contract.h"
#include "base/prng.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Image {
    unsigned char *bytes;
    sqlite3_int64 size;
} Image;

static const char *const options[] = {
    "",
    ", prefix='1 2'",
    ", detail=columns, prefix='1'",
    ", detail=none",
    ", content='', contentless_delete=1",
    ", columnsize=0",
    ", content=''",
    ", tokenize='trigram'",
};

static Image images[ARRAY_LEN(options)];
static u64 running; // seed

static void must(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        give_up("%.200s: %s", sql, message);
}

static void make_image(Image *image, const char *option)
{
    static const char rows[] =
        "WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO"
        " t(rowid, a, b) SELECT i * 3, printf('all w%%d x%%d all y%%d', i %% 5, i %% 17, i), "
        "'b' || i %% 3 FROM n";
    sqlite3 *db;
    char sql[600];
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        give_up("cannot open");
    snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE t USING fts5(a, b%s)", option);
    must(db, sql);
    must(db, "INSERT INTO t(t, rank) VALUES('pgsz', 64); INSERT INTO t(t, rank) VALUES('automerge',"
             " 0)");
    for (int i = 0; i < 5; i++) {
        snprintf(sql, sizeof sql, rows, i * 60, i * 60 + 59);
        must(db, sql);
    }
    if (strstr(option, "content=''") == NULL || strstr(option, "delete") != NULL)
        must(db, "DELETE FROM t WHERE rowid IN (3, 33, 66, 300, 303, 306)");
    must(db, "INSERT INTO t(t, rank) VALUES('merge', -9)");
    image->bytes = sqlite3_serialize(db, "main", &image->size, 0);
    if (image->bytes == NULL)
        give_up("out of memory");
    sqlite3_close(db);
}

// --- damage ---

static u32 damage_bytes(Prng *prng, unsigned char *bytes, u32 size, u32 room)
{
    static const unsigned char odd[] = {0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF};
    u64 times = 1 + prng_below(prng, 4);
    while (times-- > 0 && size > 0) {
        u32 at = (u32)prng_below(prng, size);
        switch (prng_below(prng, 6)) {
        case 0: bytes[at] ^= (unsigned char)(1U << prng_below(prng, 8)); break;
        case 1: bytes[at] = odd[prng_below(prng, ARRAY_LEN(odd))]; break;
        case 2: bytes[at] = (unsigned char)(bytes[at] + 1 - 2 * (int)prng_below(prng, 2)); break;
        case 3: size = at; break;
        case 4: memset(bytes + at, 0xFF, size - at < 9 ? size - at : 9); break;
        default:
            if (size < room)
                memmove(bytes + at + 1, bytes + at, size++ - at);
            break;
        }
    }
    return size;
}

// One record of the query, which gives its id and its bytes.
static void damage_record(sqlite3 *db, Prng *prng, const char *select, const char *update)
{
    unsigned char bytes[4096];
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, select, -1, &stmt, NULL) != SQLITE_OK)
        return;
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)prng_below(prng, 1000));
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        sqlite3_finalize(stmt);
        return;
    }
    sqlite3_int64 id = sqlite3_column_int64(stmt, 0);
    u32 size = (u32)sqlite3_column_bytes(stmt, 1);
    size = size < sizeof bytes ? size : sizeof bytes;
    if (size > 0)
        memcpy(bytes, sqlite3_column_blob(stmt, 1), size);
    sqlite3_finalize(stmt);
    size = damage_bytes(prng, bytes, size, sizeof bytes);
    if (sqlite3_prepare_v2(db, update, -1, &stmt, NULL) != SQLITE_OK)
        return;
    sqlite3_bind_blob(stmt, 1, bytes, (int)size, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, id);
    sqlite3_step(stmt);
    sqlite3_finalize(stmt);
}

static void damage(sqlite3 *db, Prng *prng)
{
    switch (prng_below(prng, 10)) {
    case 0:
        damage_record(db, prng, "SELECT id, block FROM t_data WHERE id = 10 AND ?1 >= 0",
                      "UPDATE t_data SET block = ?1 WHERE id = ?2");
        break;
    case 1:
        damage_record(db, prng, "SELECT id, block FROM t_data WHERE id = 1 AND ?1 >= 0",
                      "UPDATE t_data SET block = ?1 WHERE id = ?2");
        break;
    case 2:
        damage_record(db, prng,
                      "SELECT id, sz FROM t_docsize LIMIT 1 OFFSET ?1 % (SELECT count(*) FROM"
                      " t_docsize)",
                      "UPDATE t_docsize SET sz = ?1 WHERE id = ?2");
        break;
    case 3: (void)sqlite3_exec(db, "DELETE FROM t_idx WHERE pgno % 7 = 2", NULL, NULL, NULL); break;
    default:
        damage_record(db, prng,
                      "SELECT id, block FROM t_data WHERE id > 10 LIMIT 1 OFFSET ?1 % (SELECT"
                      " count(*) - 2 FROM t_data)",
                      "UPDATE t_data SET block = ?1 WHERE id = ?2");
        break;
    }
}

// --- asking ---

static void make_query(Prng *prng, char *text, size_t size)
{
    static const char *const parts[] = {"all",
                                        "w1",
                                        "x*",
                                        "y12",
                                        "b0",
                                        "AND",
                                        "OR",
                                        "NOT",
                                        "NEAR(",
                                        "(",
                                        ")",
                                        "\"",
                                        "{",
                                        "}",
                                        ":",
                                        "a",
                                        "b",
                                        "-",
                                        "^",
                                        "+",
                                        "*",
                                        ",",
                                        "3",
                                        "\"all w1\"",
                                        "all",
                                        "w2",
                                        "x3",
                                        "OR",
                                        "\\",
                                        "'",
                                        "\xFF",
                                        "\xE4\xB8\xAD",
                                        "NEAR(all w1, 2)",
                                        "x1"};
    u64 count = 1 + prng_below(prng, 7);
    size_t at = 0;
    text[0] = 0;
    while (count-- > 0 && at + 40 < size)
        at += (size_t)snprintf(text + at, size - at, "%s%s",
                               parts[prng_below(prng, ARRAY_LEN(parts))],
                               prng_below(prng, 3) == 0 ? "" : " ");
}

static void run(sqlite3 *db, const char *sql, const char *match)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return;
    if (sqlite3_bind_parameter_count(stmt) > 0)
        sqlite3_bind_text(stmt, 1, match, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            (void)sqlite3_column_text(stmt, i);
    }
    sqlite3_finalize(stmt);
}

static void use(sqlite3 *db, Prng *prng)
{
    static const char *const statements[] = {
        "SELECT rowid FROM t WHERE t MATCH ?1",
        "SELECT count(*) FROM t WHERE t MATCH ?1",
        "SELECT rowid, rank FROM t WHERE t MATCH ?1 ORDER BY rank LIMIT 3",
        "SELECT rowid, rank FROM t WHERE t MATCH ?1 ORDER BY rank DESC",
        "SELECT rowid FROM t WHERE t MATCH ?1 AND rowid > 200 ORDER BY rowid DESC",
        ("SELECT highlight(t, 0, '[', ']'), snippet(t, -1, '<', '>', '.', 4) FROM t WHERE t MATCH"
         " ?1"),
        "SELECT * FROM temp.vr",
        "SELECT * FROM temp.vc WHERE term > 'w'",
        "SELECT count(*) FROM temp.vi",
        "INSERT INTO t(t) VALUES('integrity-check')",
        "INSERT INTO t(rowid, a, b) VALUES(20, 'all w1 new', 'b7')",
        "DELETE FROM t WHERE rowid = 60",
        "UPDATE t SET a = 'all changed', b = 'x' WHERE rowid = 90",
        "INSERT INTO t(t, rank) VALUES('merge', -5)",
        "INSERT INTO t(t, rank) VALUES('merge', 5)",
        "INSERT INTO t(t, rank) VALUES('secure-delete', 1)",
        "INSERT INTO t(t) VALUES('optimize')",
        "INSERT INTO t(t) VALUES('rebuild')",
    };
    for (u64 count = 3 + prng_below(prng, 8); count > 0; count--) {
        char match[300];
        make_query(prng, match, sizeof match);
        run(db, statements[prng_below(prng, ARRAY_LEN(statements))],
            prng_below(prng, 3) == 0 ? "all OR w1 OR x2" : match);
    }
}

static void run_seed(u64 seed)
{
    Prng prng;
    sqlite3 *db;
    prng_init(&prng, &seed, sizeof seed);
    const Image *image = &images[prng_below(&prng, ARRAY_LEN(options))];
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)image->size);
    if (copy == NULL || sqlite3_open(":memory:", &db) != SQLITE_OK)
        give_up("out of memory");
    memcpy(copy, image->bytes, (size_t)image->size);
    running = seed;
    alarm(60);
    if (sqlite3_deserialize(db, "main", copy, image->size, image->size,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE)
        != SQLITE_OK)
        give_up("cannot deserialize");
    for (u64 count = prng_below(&prng, 4); count > 0; count--)
        damage(db, &prng);
    must(db, "CREATE VIRTUAL TABLE temp.vr USING fts5vocab(main, t, row);"
             "CREATE VIRTUAL TABLE temp.vc USING fts5vocab(main, t, col);"
             "CREATE VIRTUAL TABLE temp.vi USING fts5vocab(main, t, instance)");
    use(db, &prng);
    sqlite3_close(db);
}

static void tell_seed(int signal_number)
{
    char text[100];
    int size = snprintf(text, sizeof text, "seed %llu: signal %d\n", (unsigned long long)running,
                        signal_number);
    if (write(STDERR_FILENO, text, (size_t)size) != size)
        _exit(3);
    _exit(1);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "slice";
    u64 count = strcmp(what, "slice") == 0 ? 150 : argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
    u64 first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    static const int signals[] = {SIGALRM, SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        signal(signals[i], tell_seed);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        make_image(&images[i], options[i]);
    if (strcmp(what, "one") == 0)
        run_seed(count);
    for (u64 seed = first; strcmp(what, "one") != 0 && seed < first + count; seed++)
        run_seed(seed);
    printf("%llu seeds passed\n", (unsigned long long)count);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        sqlite3_free(images[i].bytes);
    return 0;
}
