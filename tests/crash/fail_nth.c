// Every call that can fail does so once, under SQL that touches every layer.
//
//     crash_fail_nth slice                    every call up to the 5th, then one in 149
//     crash_fail_nth all                      every call
//     crash_fail_nth one MODE KIND BLOCK N    one again, as printed by a failure; N 0: every one
//
// The script comes in blocks. For each block, kind of failure and n, the block runs on a copy of
// the file as the blocks before it left it, with the n-th allocation, read, write, ... failing.
// Then: the statement has the right code (or did without what failed); the file is sound; the same
// connection runs the statement again, or the whole block if its transaction is gone, and ends with
// the rows that a run without failures has; nothing is left allocated.
#include "support/library.h"
#include "support/process.h"
#include "support/sim.h"
#include "support/workload.h"

#include "base/alloc.h"
#include "base/contract.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_STATEMENTS_MAX = 16 };

// The first block's failures include those of opening the connection.
static const char *const script[][BLOCK_STATEMENTS_MAX] = {
    {"CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INT CHECK(age < "
     "200),"
     " note, initial AS (substr(name, 1, 1)) STORED)",
     "CREATE TABLE visit(id INTEGER PRIMARY KEY AUTOINCREMENT, who REFERENCES person(id) ON DELETE"
     " CASCADE, day TEXT, price REAL)",
     "CREATE INDEX visit_who ON visit(who, day DESC)",
     "CREATE TABLE fact(k TEXT, n INT, v, PRIMARY KEY(k, n)) WITHOUT ROWID"},
    {"BEGIN",
     "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 60)"
     " INSERT INTO person(id, name, age, note) SELECT i, printf('n%03d', i), i, zeroblob(i * 20)"
     " FROM c",
     "INSERT INTO visit(who, day, price) SELECT id % 7 + 1, date('2020-01-01', '+' || id || ' "
     "days'),"
     " age / 3.0 FROM person ORDER BY note DESC",
     "INSERT INTO fact SELECT name, age, json_object('a', age, 'b', json_array(1, 2)) FROM person",
     "COMMIT"},
    {"CREATE VIEW spent AS SELECT p.name, sum(v.price) AS total FROM person p JOIN visit v ON v.who"
     " = p.id GROUP BY p.name",
     "CREATE TRIGGER grown AFTER UPDATE OF age ON person BEGIN INSERT INTO fact VALUES('grown',"
     " (SELECT count(*) FROM fact), new.age); END",
     "UPDATE person SET age = age + 1 WHERE id BETWEEN 3 AND 9",
     "CREATE INDEX person_age ON person(age) WHERE age > 10", "ANALYZE"},
    {"SELECT name, total, rank() OVER (ORDER BY total DESC) FROM spent ORDER BY 2, 1",
     "SELECT initial, count(*), group_concat(age, '/') FROM person GROUP BY initial HAVING count(*)"
     " > 1",
     "SELECT DISTINCT v.day FROM visit v LEFT JOIN person p ON p.age = v.who WHERE v.day LIKE"
     " '2020-01%' ORDER BY 1",
     "SELECT k, json_extract(v, '$.a') FROM fact WHERE n IN (SELECT age FROM person WHERE id < 20)"
     " UNION SELECT name, id FROM person EXCEPT SELECT 'n001', 1 ORDER BY 1 LIMIT 30",
     "WITH RECURSIVE w(a, b) AS (SELECT 1, 1 UNION SELECT b, a + b FROM w WHERE b < 500)"
     " SELECT a, lag(a) OVER (ORDER BY a), typeof(b) FROM w",
     "EXPLAIN QUERY PLAN SELECT * FROM person p, visit v WHERE v.who = p.id AND p.age > 20",
     "PRAGMA table_info(person)"},
    {"PRAGMA foreign_keys = ON", "BEGIN IMMEDIATE", "SAVEPOINT one",
     "DELETE FROM person WHERE id < 5", "ROLLBACK TO one",
     "INSERT INTO person(name, age) VALUES('n001', 7) ON CONFLICT(name) DO UPDATE SET age ="
     " excluded.age RETURNING id, age",
     "DELETE FROM person WHERE id = 6 RETURNING name", "RELEASE one",
     "UPDATE fact SET v = hex(zeroblob(3000)) WHERE n % 5 = 0", "COMMIT"},
    {"ALTER TABLE person ADD COLUMN mail TEXT DEFAULT 'none'",
     "ALTER TABLE person RENAME COLUMN note TO remark", "ALTER TABLE fact RENAME TO facts",
     "ALTER TABLE person DROP COLUMN mail", "REINDEX"},
    {"CREATE TEMP TABLE passing AS SELECT name, upper(name) AS big FROM person",
     "INSERT INTO facts SELECT big, -1, instr(name, '3') FROM passing WHERE big GLOB '*[3-5]'",
     "CREATE VIRTUAL TABLE words USING fts5(body)",
     "INSERT INTO words SELECT name || ' visits ' || remark FROM person WHERE id < 12",
     "SELECT rowid FROM words WHERE words MATCH 'n003 OR visits' ORDER BY rank, rowid",
     "SELECT vector_distance_cos(vector32('[1,2,3]'), vector32('[3,2,1]'))"},
    {"CREATE VIRTUAL TABLE diary USING fts5(body, prefix='2')",
     "INSERT INTO diary(diary, rank) VALUES('pgsz', 64)", "BEGIN",
     "INSERT INTO diary SELECT 'dear ' || name || ' you are ' || age FROM person WHERE id < 9",
     "SAVEPOINT one", "UPDATE diary SET body = 'dear nobody' WHERE rowid = 3", "SAVEPOINT two",
     "DELETE FROM diary WHERE rowid = 5", "RELEASE two",
     "INSERT INTO diary(rowid, body) SELECT -id, 'dear ' || name FROM person WHERE id < 9",
     "RELEASE one", "COMMIT",
     "SELECT rowid, rank, highlight(diary, 0, '<', '>') FROM diary WHERE diary MATCH 'dear AND n*'"
     " ORDER BY rank, rowid",
     "INSERT INTO diary(diary, rank) VALUES('merge', -4)",
     "INSERT INTO diary(diary) VALUES('integrity-check')"},
    {"CREATE VIRTUAL TABLE letter USING fts4(head, body, prefix='2', tokenize=unicode61)",
     "CREATE VIRTUAL TABLE letter_terms USING fts4aux(letter)", "BEGIN",
     "INSERT INTO letter SELECT name, 'dear ' || name || ' you are ' || age FROM person"
     " WHERE id < 9",
     "UPDATE letter SET body = 'dear nobody' WHERE docid = 3", "SAVEPOINT one",
     "DELETE FROM letter WHERE docid = 5", "RELEASE one", "COMMIT",
     "INSERT INTO letter(letter) VALUES('merge=1,2')",
     "SELECT docid, snippet(letter), offsets(letter), hex(matchinfo(letter, 'pcnalsxyb'))"
     " FROM letter WHERE letter MATCH '(dear NEAR/1 n0* NOT head:n002) OR \"dear nobody\"'",
     "SELECT * FROM letter_terms WHERE term > 'n'", "INSERT INTO letter(letter) VALUES('optimize')",
     "INSERT INTO letter(letter) VALUES('integrity-check')"},
    {"ATTACH '/second.db' AS second", "BEGIN", "CREATE TABLE second.copy AS SELECT * FROM visit",
     "DELETE FROM visit WHERE id % 2 = 0", "COMMIT", "DETACH second"},
    {"DROP TABLE visit", "PRAGMA incremental_vacuum(5)", "PRAGMA wal_checkpoint(TRUNCATE)",
     "VACUUM"},
};
enum { BLOCKS = ARRAY_LEN(script) };

typedef struct Mode {
    const char *name, *settings;
} Mode;
static const Mode modes[] = {
    {"delete", "PRAGMA journal_mode=delete; PRAGMA cache_size=12"},
    {"wal", "PRAGMA journal_mode=wal; PRAGMA cache_size=12; PRAGMA wal_autocheckpoint=10"},
    {"persist", "PRAGMA journal_mode=persist; PRAGMA synchronous=EXTRA"},
    {"memory", "PRAGMA journal_mode=memory; PRAGMA cache_size=12"},
};

// What fails, and what a statement may then say.
typedef struct Kind {
    const char *name;
    int call; // SimCall, or -1: an allocation
    int rc;   // given instead of the call's own code
    int allowed[4];
} Kind;
static const Kind kinds[] = {
    {"alloc", -1, 0, {SQLITE_NOMEM}},
    {"read", SIM_READ, 0, {SQLITE_IOERR}},
    {"write", SIM_WRITE, 0, {SQLITE_IOERR}},
    {"full", SIM_WRITE, SQLITE_FULL, {SQLITE_FULL}},
    {"sync", SIM_SYNC, 0, {SQLITE_IOERR}},
    {"truncate", SIM_TRUNCATE, 0, {SQLITE_IOERR}},
    {"open", SIM_OPEN, 0, {SQLITE_CANTOPEN}},
    {"delete", SIM_DELETE, 0, {SQLITE_IOERR}},
    {"access", SIM_ACCESS, 0, {SQLITE_IOERR}},
    {"size", SIM_SIZE, 0, {SQLITE_IOERR}},
    {"lock", SIM_LOCK, 0, {SQLITE_IOERR}},
    {"busy", SIM_LOCK, SQLITE_BUSY, {SQLITE_BUSY}},
    {"shm_lock", SIM_SHM_LOCK, SQLITE_BUSY, {SQLITE_BUSY, SQLITE_PROTOCOL, SQLITE_LOCKED}},
    {"shm_map", SIM_SHM_MAP, 0, {SQLITE_IOERR, SQLITE_CANTOPEN}},
};

typedef struct Attempt {
    const Mode *mode;
    const Kind *kind;
    int block;
    u64 n;
    const Library *lib;
    Sim *sim;
    sqlite3 *db;
    const char *sql; // running
    bool fell;       // the failure struck
    int first_rc;    // of the statement it struck
    const char *first_sql;
} Attempt;

typedef struct Expected {
    u64 before, after[BLOCK_STATEMENTS_MAX]; // digests, where no transaction is open
    u64 rows[BLOCK_STATEMENTS_MAX];
} Expected;

static Expected expected[BLOCKS];
static char images[BLOCKS + 1][128]; // the file before each block, on the real disk
static Attempt *current;

static void describe(const Attempt *a)
{
    if (a->first_sql != NULL)
        fprintf(stderr, "%.60s gave %d; then ", a->first_sql, a->first_rc);
    fprintf(stderr, "%s\nreplay: crash_fail_nth one %s %s %d %llu\n", a->sql != NULL ? a->sql : "",
            a->mode->name, a->kind != NULL ? a->kind->name : "none", a->block,
            (unsigned long long)a->n);
}

#define ATTEMPT_FAILS(a, ...) (describe(a), give_up(__VA_ARGS__))

static void report_abort(int signal)
{
    describe(current); // not safe in a handler, but the program is lost anyway
    _exit(128 + signal);
}

// --- faults ---

static void arm(Attempt *a)
{
    if (a->kind == NULL)
        return;
    if (a->kind->call < 0)
        alloc_fault_arm((i64)a->n, false);
    else if (a->kind->rc != 0)
        sim_fail_with(a->sim, (SimCall)a->kind->call, a->n, false, a->kind->rc);
    else
        sim_fail(a->sim, (SimCall)a->kind->call, a->n, false);
}

static void look_whether_it_fell(Attempt *a)
{
    if (a->kind == NULL || a->fell)
        return;
    a->fell = a->kind->call < 0 ? alloc_fault_hits() > 0 : sim_failures(a->sim) > 0;
    if (a->fell)
        a->first_sql = a->sql;
}

static void disarm(Attempt *a)
{
    look_whether_it_fell(a);
    alloc_fault_arm(0, false);
    sim_fail(a->sim, SIM_ANY, 0, false);
    if (a->kind != NULL && a->kind->call >= 0)
        sim_fail(a->sim, (SimCall)a->kind->call, 0, false);
}

static void check_code(Attempt *a, int rc)
{
    if (!a->fell)
        ATTEMPT_FAILS(a, "error %d (%s) without a failure", rc, a->lib->errmsg(a->db));
    bool is_allowed = a->kind->call < 0 && rc == SQLITE_IOERR_NOMEM;
    for (u32 i = 0; i < ARRAY_LEN(a->kind->allowed); i++)
        is_allowed |= a->kind->allowed[i] != 0 && (rc & 0xff) == a->kind->allowed[i];
    if (!is_allowed)
        ATTEMPT_FAILS(a, "error %d (%s) is not what failed", rc, a->lib->errmsg(a->db));
}

static void check_integrity(Attempt *a)
{
    const char *verdict = library_text(a->lib, a->db, "PRAGMA integrity_check");
    if (strcmp(verdict, "ok") != 0)
        ATTEMPT_FAILS(a, "integrity_check: %s", verdict);
}

// --- the block ---

static const char *statement_of(const Attempt *a, int i)
{
    return i < BLOCK_STATEMENTS_MAX ? script[a->block][i] : NULL;
}

static u64 digest_of(const Attempt *a)
{
    return database_digest(a->lib, a->db, NULL);
}

static int run_statement(Attempt *a, int i)
{
    Expected *e = &expected[a->block];
    a->sql = statement_of(a, i);
    Outcome outcome = workload_run(a->lib, a->db, a->sql);
    bool fell_before = a->fell;
    look_whether_it_fell(a);
    if (a->fell && !fell_before)
        a->first_rc = outcome.rc;
    if (outcome.rc == SQLITE_OK && a->kind == NULL) {
        e->rows[i] = outcome.rows;
        e->after[i] = a->lib->autocommit(a->db) ? digest_of(a) : 0;
    }
    if (outcome.rc == SQLITE_OK && outcome.rows != e->rows[i] && !workload_is_setting(a->sql))
        ATTEMPT_FAILS(a, "other rows than without the failure");
    return outcome.rc;
}

// Statements of a block that the transaction's end does not undo may run a second time.
static bool is_repeatable(const char *sql, int rc)
{
    return rc == SQLITE_ERROR
           && (strncmp(sql, "ATTACH", 6) == 0 || strncmp(sql, "CREATE TEMP", 11) == 0);
}

static int start_of_transaction(const Attempt *a, int i)
{
    while (i > 0 && strncmp(statement_of(a, i), "BEGIN", 5) != 0)
        i--;
    return i;
}

// Statement `i` failed. Which one is next: itself if it left nothing, the transaction's first if
// that is gone, or the one after it. Memory that runs out never leaves that open; a device that
// fails while the journal is being finished does, and SQLite then says so by the same error.
static int where_to_go_on(Attempt *a, int i, bool was_outside)
{
    const Expected *e = &expected[a->block];
    if (!a->lib->autocommit(a->db))
        return i;
    int start = was_outside ? i : start_of_transaction(a, i);
    u64 digest = digest_of(a);
    if (digest == (start > 0 ? e->after[start - 1] : e->before))
        return start;
    if (a->kind->call < 0 || digest != e->after[i])
        ATTEMPT_FAILS(a, "the failing statement left something");
    return i + 1;
}

static void run_block(Attempt *a)
{
    if (a->kind == NULL)
        expected[a->block].before = digest_of(a);
    bool tries_again = false;
    for (int i = 0; statement_of(a, i) != NULL;) {
        bool outside = a->lib->autocommit(a->db);
        int rc = run_statement(a, i);
        if (rc == SQLITE_OK || (tries_again && is_repeatable(a->sql, rc))) {
            i++;
            continue;
        }
        if (tries_again)
            ATTEMPT_FAILS(a, "error %d (%s) when tried again", rc, a->lib->errmsg(a->db));
        check_code(a, rc);
        disarm(a);
        check_integrity(a);
        i = where_to_go_on(a, i, outside);
        tries_again = true;
    }
}

static int open_block(Attempt *a)
{
    int rc = a->lib->open("/fail.db", &a->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "sim-0");
    if (rc == SQLITE_OK)
        rc = a->lib->exec(a->db, a->mode->settings, NULL, NULL, NULL);
    if (rc == SQLITE_OK && a->block == 0)
        rc = a->lib->exec(a->db, "PRAGMA page_size=1024; PRAGMA auto_vacuum=2", NULL, NULL, NULL);
    return rc;
}

static void connect(Attempt *a)
{
    a->sql = "(opening)";
    if (a->block == 0)
        arm(a);
    int rc = open_block(a);
    look_whether_it_fell(a);
    if (rc != SQLITE_OK) {
        if (a->db == NULL && rc != SQLITE_NOMEM)
            ATTEMPT_FAILS(a, "no connection, error %d", rc);
        check_code(a, rc);
        disarm(a);
        a->lib->close(a->db);
        if (open_block(a) != SQLITE_OK)
            ATTEMPT_FAILS(a, "cannot open after a failure");
    }
    if (a->block != 0)
        arm(a);
}

static void judge(Attempt *a)
{
    disarm(a);
    a->sql = "(judging)";
    check_integrity(a);
    int last = 0;
    while (statement_of(a, last + 1) != NULL)
        last++;
    if (digest_of(a) != expected[a->block].after[last]) {
        database_digest(a->lib, a->db, stderr);
        ATTEMPT_FAILS(a, "the block leaves other rows than without the failure");
    }
}

// True when the failure struck: there may be an n-th call more.
static bool attempt(const Mode *mode, const Kind *kind, int block, u64 n)
{
    Attempt a = {.mode = mode, .kind = kind, .block = block, .n = n, .lib = library_quire()};
    AllocStats before;
    AllocStats after;
    current = &a;
    alloc_stats(&before, false);
    a.sim = sim_new(n);
    (void)sim_vfs(a.sim, 0);
    if (block > 0)
        (void)sim_load(a.sim, "/fail.db", images[block]);
    connect(&a);
    run_block(&a);
    judge(&a);
    if (a.lib->close(a.db) != SQLITE_OK)
        ATTEMPT_FAILS(&a, "cannot be closed");
    if (kind == NULL)
        (void)sim_dump(a.sim, "/fail.db", images[block + 1]);
    sim_free(a.sim);
    alloc_stats(&after, false);
    if (kind != NULL && after.used != before.used)
        ATTEMPT_FAILS(&a, "%lld bytes are lost", (long long)(after.used - before.used));
    return a.fell;
}

// --- which ---

static void run_without_failures(Scratch *scratch, const Mode *mode)
{
    for (int block = 0; block < BLOCKS; block++) {
        char name[20];
        snprintf(name, sizeof name, "image%d", block + 1);
        snprintf(images[block + 1], sizeof images[0], "%s", scratch_path(scratch, name));
        (void)attempt(mode, NULL, block, 0);
    }
}

typedef struct Range {
    const Mode *mode;
    const Kind *kind;
    int block;
    u64 dense, stride;
} Range;

static int range_body(void *arg)
{
    const Range *range = arg;
    signal(SIGABRT, report_abort);
    signal(SIGSEGV, report_abort);
    u64 n = 1;
    while (attempt(range->mode, range->kind, range->block, n))
        n += n < range->dense ? 1 : range->stride;
    return 0;
}

static int run_all(u64 dense, u64 stride)
{
    int failures = 0;
    time_t started = time(NULL);
    for (u32 m = 0; m < ARRAY_LEN(modes); m++) {
        Scratch scratch;
        scratch_begin(&scratch);
        run_without_failures(&scratch, &modes[m]);
        for (u32 k = 0; k < ARRAY_LEN(kinds); k++)
            for (int block = 0; block < BLOCKS; block++) {
                Range range = {&modes[m], &kinds[k], block, dense, stride};
                failures += child_run(range_body, &range) != 0;
            }
        scratch_end(&scratch);
    }
    printf("%d blocks, %d kinds, %d modes: %d failed, %d s\n", BLOCKS, (int)ARRAY_LEN(kinds),
           (int)ARRAY_LEN(modes), failures, (int)(time(NULL) - started));
    return failures != 0;
}

static int run_one(const char *mode_name, const char *kind_name, int block, u64 n)
{
    const Mode *mode = modes;
    const Kind *kind = kinds;
    Scratch scratch;
    while (mode < modes + ARRAY_LEN(modes) - 1 && strcmp(mode->name, mode_name) != 0)
        mode++;
    while (kind < kinds + ARRAY_LEN(kinds) - 1 && strcmp(kind->name, kind_name) != 0)
        kind++;
    scratch_begin(&scratch);
    run_without_failures(&scratch, mode);
    Range range = {mode, kind, block, 1, 1};
    if (n == 0)
        (void)range_body(&range);
    else if (!attempt(mode, kind, block, n))
        printf("nothing failed\n");
    scratch_end(&scratch);
    printf("passed\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "slice") == 0)
        return run_all(5, 149);
    if (argc >= 2 && strcmp(argv[1], "all") == 0)
        return run_all(1, 1);
    if (argc == 6 && strcmp(argv[1], "one") == 0)
        return run_one(argv[2], argv[3], atoi(argv[4]), strtoull(argv[5], NULL, 10));
    fprintf(stderr, "usage: crash_fail_nth slice | all | one MODE KIND BLOCK N\n");
    return 2;
}
