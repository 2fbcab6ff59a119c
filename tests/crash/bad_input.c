// Files that are no databases, damaged headers, foreign journals, hostile schemas, SQL without
// measure: what each gives, as recorded from stock SQLite 3.53.2 in bad_input.txt.
//
//     crash_bad_input EXPECTED            compares this engine with the record
//     crash_bad_input EXPECTED stock      prints what stock SQLite gives ($QUIRE_STOCK_SQLITE)
//     crash_bad_input random COUNT        COUNT files damaged at random bytes: any answer will do,
//                                         but there has to be one
#include "support/library.h"
#include "support/process.h"

#include "base/buffer.h"
#include "base/contract.h"
#include "base/prng.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const Library *lib;
static Scratch scratch;
static Buffer output;
static Buffer base; // a sound database

static const char *const queries[] = {
    "SELECT count(*), sum(a) FROM t",    "SELECT count(b) FROM t INDEXED BY i",
    "SELECT v FROM w WHERE k = 'row 5'", "INSERT INTO t VALUES(2000, 'new', zeroblob(3000))",
    "DELETE FROM t WHERE a < 20",
};

// --- one database ---

// The file's name; several at a time would run into scratch_path()'s ring.
static const char *path(void)
{
    static char text[128];
    if (text[0] == 0)
        snprintf(text, sizeof text, "%s", scratch_path(&scratch, "bad.db"));
    return text;
}

static void write_file(const char *suffix, const void *bytes, size_t size)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", path(), suffix);
    FILE *file = fopen(name, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        give_up("cannot write %s", name);
}

static void remove_files(void)
{
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    for (u32 i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[160];
        snprintf(name, sizeof name, "%s%s", path(), suffixes[i]);
        unlink(name);
    }
}

static void make_base(void)
{
    sqlite3 *db = library_open(lib, path(), NULL);
    library_must(lib, db,
                 "PRAGMA page_size=1024; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c);"
                 "CREATE INDEX i ON t(b); CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
                 "CREATE VIEW v AS SELECT a FROM t;"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
                 " INSERT INTO t SELECT i, 'row ' || i, zeroblob(i * 7 % 400) FROM n;"
                 "INSERT INTO w SELECT b, a FROM t;"
                 "INSERT INTO t VALUES(1000, 'big', zeroblob(20000))");
    lib->close(db);
    FILE *file = fopen(path(), "rb");
    char part[4096];
    size_t size;
    while (file != NULL && (size = fread(part, 1, sizeof part, file)) > 0)
        buffer_add(&base, part, size);
    fclose(file);
    remove_files();
}

// --- answers ---

// One line: the code and the message, or the first value and the count of rows.
static void answer(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    char first[40] = "";
    int rows = 0;
    int rc = lib->prepare(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = lib->step(stmt)) == SQLITE_ROW)
            if (rows++ == 0 && lib->column_text(stmt, 0) != NULL)
                snprintf(first, sizeof first, "%s", (const char *)lib->column_text(stmt, 0));
        rc = rc == SQLITE_DONE ? SQLITE_OK : lib->extended_errcode(db);
    }
    if (rc == SQLITE_OK)
        buffer_printf(&output, "    %d rows %s\n", rows, first);
    else
        buffer_printf(&output, "    error %d: %.120s\n", rc, lib->errmsg(db));
    lib->finalize(stmt);
}

static void ask(const char *what, const char *const *statements, size_t count)
{
    sqlite3 *db = NULL;
    buffer_printf(&output, "%s\n", what);
    int rc = lib->open(path(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        answer(db, statements[i]);
    if (rc != SQLITE_OK)
        buffer_printf(&output, "    error %d: %s\n", rc, lib->errmsg(db));
    lib->close(db);
    remove_files();
}

// --- files ---

static void try_bytes(const char *what, const void *bytes, size_t size)
{
    write_file("", bytes, size);
    ask(what, queries, ARRAY_LEN(queries));
}

static void try_files(void)
{
    static const char text[] = "This is a letter and no database, though it is long enough for the"
                               " header of one, which has a hundred bytes and begins otherwise.";
    static const size_t cuts[] = {1, 50, 99, 100, 511, 1023, 1024, 1500, 5000};
    char zeros[4096] = {0};
    try_bytes("a letter", text, sizeof text);
    try_bytes("five letters", text, 5);
    try_bytes("nothing", text, 0);
    try_bytes("zeros", zeros, sizeof zeros);
    for (u32 i = 0; i < ARRAY_LEN(cuts); i++) {
        char what[40];
        snprintf(what, sizeof what, "cut after %d bytes", (int)cuts[i]);
        try_bytes(what, base.bytes, cuts[i]);
    }
    try_bytes("a last page cut", base.bytes, base.size - 1);
}

// Four bytes from `offset` of the header, as they could come out of a broken disk.
static void try_headers(void)
{
    static const struct {
        u8 offset, size, bytes[4];
    } cases[] = {
        {16, 2, {0, 0}},       {16, 2, {1, 1}},    {16, 2, {0, 1}},        {16, 2, {0x10, 0}},
        {18, 1, {3}},          {19, 1, {3}},       {21, 1, {0}},           {22, 1, {1}},
        {23, 1, {1}},          {28, 4, {0}},       {28, 4, {0, 0, 9, 9}},  {28, 4, {0, 0, 0, 2}},
        {32, 4, {0, 0, 9}},    {36, 4, {9, 9, 9}}, {44, 4, {0, 0, 0, 5}},  {56, 4, {0, 0, 0, 2}},
        {56, 4, {0, 0, 0, 9}}, {100, 1, {2}},      {103, 2, {0xff, 0xff}},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        char what[60];
        Buffer changed = {0};
        buffer_add(&changed, base.bytes, base.size);
        memcpy(changed.bytes + cases[i].offset, cases[i].bytes, cases[i].size);
        snprintf(what, sizeof what, "header byte %d is %d %d", cases[i].offset, cases[i].bytes[0],
                 cases[i].bytes[1]);
        try_bytes(what, changed.bytes, changed.size);
        buffer_deinit(&changed);
    }
}

// --- journals and logs of something else ---

static void try_beside(const char *what, const char *suffix, const void *bytes, size_t size)
{
    write_file("", base.bytes, base.size);
    write_file(suffix, bytes, size);
    ask(what, queries, ARRAY_LEN(queries));
}

static void try_journals(void)
{
    static const u8 header[28] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, // magic
                                  0,    0,    0,    1,    1,    2,    3,    4,    // count, nonce
                                  0,    0,    0,    2,    0,    0,    2,    0,    // pages, sector
                                  0,    0,    4,    0};                           // page size
    u8 journal[512 + 4 + 1024 + 4] = {0};
    try_beside("an empty journal", "-journal", journal, 0);
    try_beside("a journal of zeros", "-journal", journal, sizeof journal);
    memset(journal, 'x', sizeof journal);
    try_beside("a journal of letters", "-journal", journal, sizeof journal);
    try_beside("a log of letters", "-wal", journal, sizeof journal);
    try_beside("an empty log", "-wal", journal, 0);
    memset(journal, 0, 512);
    memcpy(journal, header, sizeof header);
    memcpy(journal + 512, "\0\0\0\1", 4);
    try_beside("a journal whose record has another checksum", "-journal", journal, sizeof journal);
    journal[22] = 0x10;
    try_beside("a journal of another page size", "-journal", journal, sizeof journal);
}

// --- hostile schemas ---

static void try_schemas(void)
{
    static const char *const changes[] = {
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(' WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'garbage' WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = NULL WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE other(a)' WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'DROP TABLE t' WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE main.t(a)' WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE t AS SELECT 1' WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a CHECK(load_extension(1)), b, c)'"
        " WHERE name = 't'",
        "UPDATE sqlite_schema SET sql = 'CREATE VIEW v AS SELECT * FROM v' WHERE name = 'v'",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON nowhere(b)' WHERE name = 'i'",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(nocol)' WHERE name = 'i'",
        "UPDATE sqlite_schema SET type = 'view' WHERE name = 't'",
        "UPDATE sqlite_schema SET name = 'zz' WHERE name = 't'",
        "UPDATE sqlite_schema SET tbl_name = 'zz' WHERE name = 'i'",
        "UPDATE sqlite_schema SET rootpage = 1 WHERE name = 't'",
        "UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 't'",
        "UPDATE sqlite_schema SET rootpage = -5 WHERE name = 't'",
        "UPDATE sqlite_schema SET rootpage = 'abc' WHERE name = 't'",
        "UPDATE sqlite_schema SET rootpage = NULL WHERE name = 't'",
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'w')"
        " WHERE name = 't'",
        "INSERT INTO sqlite_schema VALUES('table', 't', 't', 3, 'CREATE TABLE t(a)')",
        "INSERT INTO sqlite_schema VALUES('index', 'i', 't', 3, 'CREATE INDEX i ON t(a)')",
        "INSERT INTO sqlite_schema VALUES('trigger', 'tr', 't', 0,"
        " 'CREATE TRIGGER tr AFTER INSERT ON nope BEGIN SELECT 1; END')",
        "INSERT INTO sqlite_schema VALUES(NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO sqlite_schema VALUES('index', 'sqlite_autoindex_q_1', 'q', 4, NULL)",
    };
    for (u32 i = 0; i < ARRAY_LEN(changes); i++) {
        write_file("", base.bytes, base.size);
        sqlite3 *db = library_open(lib, path(), NULL);
        library_must(lib, db, "PRAGMA writable_schema = ON");
        library_must(lib, db, changes[i]);
        lib->close(db);
        ask(changes[i], queries, ARRAY_LEN(queries));
    }
}

// --- SQL ---

// prefix, then `count` times `open`, the middle, as often `close`.
typedef struct Nested {
    const char *prefix, *open, *middle, *close;
    int count;
} Nested;

static void try_nesting(void)
{
    static const Nested cases[] = {
        {"SELECT ", "(", "1", ")", 10000},
        {"SELECT ", "(", "1", ")", 90},
        {"SELECT ", "(SELECT ", "1", ")", 10000},
        {"SELECT ", "- ", "1", "", 10000},
        {"SELECT ", "NOT ", "1", "", 10000},
        {"SELECT ", "CASE WHEN 1 THEN ", "1", " END", 10000},
        {"SELECT ", "abs(", "1", ")", 10000},
        {"SELECT ", "1 AND ", "1", "", 10000},
        {"SELECT ", "1||", "1", "", 10000},
        {"SELECT ", "1+", "1", "", 500000},
        {"SELECT ", "1,", "1", "", 499999},
        {"SELECT 1", " UNION ALL SELECT 1", "", "", 10000},
        {"SELECT * FROM ", "(", "SELECT 1", ")", 10000},
        {"SELECT ", "EXISTS(SELECT ", "1", ")", 10000},
        {"SELECT json_valid('", "[", "1", "]", 10000},
        {"SELECT 1 IN (", "1,", "1)", "", 100000},
        {"SELECT 1 FROM t", ",t", "", "", 70},
        {"SELECT 'a' LIKE '", "%a", "'", "", 60000},
        {"SELECT length('", "x", "')", "", 1000000},
        {"", ";", "", "", 100000},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const Nested *c = &cases[i];
        Buffer sql = {0};
        char what[100];
        buffer_add_text(&sql, c->prefix);
        for (int j = 0; j < c->count; j++)
            buffer_add_text(&sql, c->open);
        buffer_add_text(&sql, c->middle);
        for (int j = 0; j < c->count; j++)
            buffer_add_text(&sql, c->close);
        if (strncmp(c->prefix, "SELECT json", 11) == 0)
            buffer_add_text(&sql, "')");
        snprintf(what, sizeof what, "%s%s times %d", c->prefix, c->open, c->count);
        const char *text = buffer_text(&sql);
        write_file("", base.bytes, base.size);
        ask(what, &text, 1);
        buffer_deinit(&sql);
    }
}

static void try_sizes(void)
{
    static const char *const statements[] = {
        "SELECT length(zeroblob(1000000001))",
        "SELECT length(zeroblob(1000000000))",
        "SELECT length(hex(zeroblob(600000000)))",
        "SELECT length(printf('%.*c', 1000000001, 'x'))",
        "SELECT length(replace(zeroblob(100000), x'00', zeroblob(100000)))",
        "SELECT length(randomblob(1000000001))",
        "SELECT length(zeroblob(-1))",
    };
    ask("values over the limit", statements, ARRAY_LEN(statements));
}

static void try_places(void)
{
    sqlite3 *db = NULL;
    int rc = lib->open("/nowhere/at/all.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    buffer_printf(&output, "no such directory\n    error %d: %s\n", rc, lib->errmsg(db));
    lib->close(db);
    rc = lib->open("/tmp", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    buffer_printf(&output, "a directory\n    error %d: %s\n", rc, lib->errmsg(db));
    lib->close(db);
    write_file("", base.bytes, base.size);
    if (lib->open(path(), &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        give_up("cannot open for reading");
    buffer_printf(&output, "opened for reading only\n");
    for (u32 i = 0; i < ARRAY_LEN(queries); i++)
        answer(db, queries[i]);
    lib->close(db);
    remove_files();
}

// --- damage at random ---

static u64 current_seed;

static void report_abort(int signal)
{
    fprintf(stderr, "seed %llu\n", (unsigned long long)current_seed);
    _exit(128 + signal);
}

static void damage(u64 seed)
{
    static const u8 likely[] = {0, 1, 0x7f, 0x80, 0xff};
    static const char *const more[] = {"PRAGMA integrity_check",
                                       "UPDATE w SET v = v + 1",
                                       "SELECT a, length(c) FROM t ORDER BY b",
                                       "REINDEX",
                                       "VACUUM",
                                       "DROP TABLE t"};
    Prng prng;
    prng_init(&prng, &seed, sizeof seed);
    Buffer changed = {0};
    buffer_add(&changed, base.bytes, base.size);
    for (u64 count = 1 + prng_below(&prng, 12); count > 0; count--) {
        // Half of the time among the pointers and sizes that a page begins with.
        u64 at = prng_below(&prng, base.size);
        if (prng_below(&prng, 2) == 0)
            at = at / 1024 * 1024 + prng_below(&prng, 40);
        bool any = prng_below(&prng, 2) == 0;
        changed.bytes[at] =
            (char)(any ? prng_below(&prng, 256) : likely[prng_below(&prng, sizeof likely)]);
    }
    write_file("", changed.bytes, changed.size);
    ask("", queries, ARRAY_LEN(queries));
    write_file("", changed.bytes, changed.size);
    ask("", more, ARRAY_LEN(more));
    buffer_deinit(&changed);
    buffer_clear(&output);
}

static int damage_many(u64 count)
{
    signal(SIGABRT, report_abort);
    signal(SIGSEGV, report_abort);
    signal(SIGALRM, report_abort);
    for (current_seed = 1; current_seed <= count; current_seed++) {
        alarm(60); // a hang is as bad as a crash
        damage(current_seed);
    }
    printf("%llu damaged files answered\n", (unsigned long long)count);
    return 0;
}

// --- comparing ---

static int compare(const char *expected_path)
{
    FILE *file = fopen(expected_path, "r");
    if (file == NULL)
        give_up("cannot read %s", expected_path);
    char want[400];
    char what[400] = "";
    int failures = 0;
    const char *got = buffer_text(&output);
    while (fgets(want, sizeof want, file) != NULL) {
        size_t size = strcspn(got, "\n");
        want[strcspn(want, "\n")] = 0;
        if (want[0] != ' ')
            snprintf(what, sizeof what, "%s", want);
        if (strlen(want) != size || strncmp(want, got, size) != 0) {
            fprintf(stderr, "%s\n  want %s\n  got  %.*s\n", what, want, (int)size, got);
            failures++;
        }
        got += size + (got[size] == '\n');
    }
    fclose(file);
    return failures != 0 || *got != 0;
}

int main(int argc, char **argv)
{
    bool by_stock = argc == 3 && strcmp(argv[2], "stock") == 0;
    lib = by_stock ? library_stock() : library_quire();
    if (argc < 2 || lib == NULL)
        return 2;
    scratch_begin(&scratch);
    make_base();
    int result = 0;
    if (strcmp(argv[1], "random") == 0) {
        result = damage_many(argc >= 3 ? strtoull(argv[2], NULL, 10) : 1000);
    } else {
        try_files();
        try_headers();
        try_journals();
        try_schemas();
        try_nesting();
        try_sizes();
        try_places();
        if (by_stock)
            fputs(buffer_text(&output), stdout);
        else
            result = compare(argv[1]);
    }
    buffer_deinit(&base);
    buffer_deinit(&output);
    scratch_end(&scratch);
    return result;
}
