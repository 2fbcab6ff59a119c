// Power cuts and failing calls in the middle of a vector index's changes, on the simulated
// computer.
//
//     crash_vector_index_cut slice           some seeds
//     crash_vector_index_cut all [COUNT]     1,000 of them, or COUNT
//     crash_vector_index_cut one SEED        one again, as printed by a failure
//
// Every seed starts from the same table with an index of many short lists, writes to it (rows in
// and out, so that lists split and dissolve, 'flush' and 'rebuild' now and then) and loses power,
// or has a call fail, somewhere in between. What survived must be sound, to the database and to the
// index, and every row must be found where it is.
#include "index_cut.h"

#include "support/library.h"

#include <stdio.h>

#define VECTOR \
    "vector32(printf('[%d,%d,%d,%d]', i * 7 % 101, i * 13 % 103, i * 17 % 107, i * 19 % 109))"

static void build(sqlite3 *db)
{
    index_cut_must(
        db, 0,
        "CREATE TABLE docs(id INTEGER PRIMARY KEY, v, tenant INT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5200)"
        "INSERT INTO docs SELECT i, " VECTOR ", i % 9 FROM n;"
        "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2, list_size=32);"
        "CREATE VIRTUAL TABLE docs_part USING vector_index(docs, v, metric=l2, list_size=32,"
        " prefix=tenant)");
}

// --- the work ---

static void one_change(Prng *prng, char *sql, size_t size)
{
    u64 first = prng_below(prng, 6000);
    u64 count = 1 + prng_below(prng, 80);
    switch (prng_below(prng, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: // many near each other: a list must split
        snprintf(
            sql, size,
            "WITH RECURSIVE n(i) AS (SELECT %llu UNION ALL SELECT i + 1 FROM n WHERE i < %llu)"
            "INSERT INTO docs(v, tenant) SELECT vector32(printf('[%llu.5,%%d,%llu,3]', i %% 9)),"
            " i / 40 %% 30 FROM n",
            (unsigned long long)first, (unsigned long long)(first + count),
            (unsigned long long)first % 97, (unsigned long long)first % 89);
        break;
    case 4:
    case 5:
    case 6: // and many leave: lists become short
        snprintf(
            sql, size,
            "DELETE FROM docs WHERE id IN (SELECT id FROM docs_vec(vector32('[%llu,%llu,5,5]'),"
            " %llu))",
            (unsigned long long)first % 101, (unsigned long long)first % 103,
            (unsigned long long)count);
        break;
    case 7:
    case 8:
        snprintf(sql, size,
                 "UPDATE docs SET v = vector32('[%llu,1,2,3]'), tenant = %llu"
                 " WHERE id BETWEEN %llu AND %llu",
                 (unsigned long long)first % 101, (unsigned long long)first % 30,
                 (unsigned long long)first, (unsigned long long)(first + count / 4));
        break;
    case 9: snprintf(sql, size, "INSERT INTO docs_vec(docs_vec) VALUES('rebuild')"); break;
    case 10: snprintf(sql, size, "INSERT INTO docs_part(docs_part) VALUES('flush')"); break;
    default: snprintf(sql, size, "INSERT INTO docs_vec(docs_vec) VALUES('flush')"); break;
    }
}

// --- afterwards ---

static bool is_stale(sqlite3 *db, u64 seed, const char *name)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, "SELECT stale FROM vector_index_info WHERE name = ?1", -1, &stmt,
                           NULL)
            != SQLITE_OK
        || sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC) != SQLITE_OK
        || sqlite3_step(stmt) != SQLITE_ROW)
        give_up("seed %llu: %s", (unsigned long long)seed, sqlite3_errmsg(db));
    bool result = sqlite3_column_int(stmt, 0) != 0;
    sqlite3_finalize(stmt);
    return result;
}

static void command(sqlite3 *db, u64 seed, const char *name, const char *text)
{
    char sql[200];
    snprintf(sql, sizeof sql, "INSERT INTO %s(%s) VALUES('%s')", name, name, text);
    index_cut_must(db, seed, sql);
}

// `misses`: how many of some rows an index does not find where they are.
static void check_index(sqlite3 *db, u64 seed, const char *name, const char *misses)
{
    index_cut_expect(db, seed, misses, "0");
    // An index that says itself that it is stale answers exactly, and is rebuilt to be checked.
    if (is_stale(db, seed, name))
        command(db, seed, name, "rebuild");
    command(db, seed, name, "integrity-check");
    command(db, seed, name, "flush");
    command(db, seed, name, "integrity-check");
    index_cut_expect(db, seed, misses, "0");
}

static void check(sqlite3 *db, u64 seed)
{
    index_cut_expect(db, seed, "PRAGMA integrity_check", "ok");
    check_index(db, seed, "docs_vec",
                "SELECT count(*) FROM docs d WHERE d.id % 151 = 7 AND"
                " (SELECT distance FROM docs_vec(d.v, 1) WHERE id = d.id) IS NOT 0.0");
    check_index(db, seed, "docs_part",
                "SELECT count(*) FROM docs d WHERE d.id % 151 = 7 AND (SELECT distance"
                " FROM docs_part(d.v, 1) p WHERE p.id = d.id AND p.tenant IS d.tenant) IS NOT 0.0");
}

int main(int argc, char **argv)
{
    const IndexCut cut = {
        .transactions = 12,
        .calls_max = 1500,
        .build = build,
        .change = one_change,
        .check = check,
    };
    return index_cut_main(&cut, argc, argv);
}
