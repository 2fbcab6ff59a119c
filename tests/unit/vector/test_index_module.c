// The vector index through SQL, built into quire and loaded into stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("vector.so", cases, sizeof cases / sizeof *cases)

// Rows of eight dimensions, the same in every library.
#define VECTOR(i)                                                                              \
    "vector32(printf('[%d,%d,%d,%d,%d,%d,%d,%d]', " i "*7%101, " i "*13%103, " i "*17%107, " i \
    "*19%109, " i "*23%113, " i "*29%127, " i "*31%131, " i "*37%137))"
#define ROWS(count)                                                                       \
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, v F32_BLOB(8), cat INT);"                  \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " count ")" \
    "INSERT INTO docs SELECT i, " VECTOR("i") ", i % 50 FROM n;"
#define INDEX         "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2);"
#define SMALL         ROWS("300") INDEX
#define MIDDLE        ROWS("2000") INDEX
#define LARGE         ROWS("6000") INDEX
#define COMMAND(text) "INSERT INTO docs_vec(docs_vec) VALUES('" text "');"
// Rows that are not found where they are.
#define MISSES                                            \
    "SELECT count(*) FROM docs d WHERE d.id % 97 = 0 AND" \
    " (SELECT distance FROM vector_top_k('docs_vec', d.v, 1)) IS NOT 0.0;"

// Texts of SQL stand as they are read.
// clang-format off
static void every_tier_finds_the_nearest_row(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {SMALL "SELECT tier FROM vector_index_info;" MISSES, "0\n0"},
        {MIDDLE "SELECT tier FROM vector_index_info;" MISSES, "1\n0"},
        {LARGE "SELECT tier, lists BETWEEN 15 AND 40 FROM vector_index_info;" MISSES, "2|1\n0"},
    };
    CHECK(cases);
}

static void distances_are_exact_and_in_order(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "SELECT count(*), sum(t.distance = vector_distance_l2(d.v, " VECTOR("77") "))"
                   " FROM vector_top_k('docs_vec', " VECTOR("77") ", 20) t JOIN docs d ON d.id = t.id",
         "20|20"},
        {LARGE "SELECT group_concat(id) FROM vector_top_k('docs_vec', " VECTOR("77") ", 1)", "77"},
        {LARGE
         "SELECT count(*) FROM (SELECT distance >= lag(distance) OVER () AS up FROM docs_vec(" VECTOR("5") ") LIMIT 100) WHERE NOT up",
         "0"},
    };
    CHECK(cases);
}

static void changes_are_seen_by_the_transaction_that_makes_them(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE
         "BEGIN; INSERT INTO docs VALUES(9001, vector32('[1000,0,0,0,0,0,0,0]'), 1);"
         "SELECT id, distance FROM docs_vec('[1000,0,0,0,0,0,0,0]', 1);"
         "UPDATE docs SET v = vector32('[0,2000,0,0,0,0,0,0]') WHERE id = 9001;"
         "SELECT id FROM docs_vec('[0,2000,0,0,0,0,0,0]', 1);"
         "DELETE FROM docs WHERE id = 9001;"
         "SELECT count(*) FROM docs_vec('[0,2000,0,0,0,0,0,0]', 5) WHERE id = 9001; COMMIT;" COMMAND("integrity-check"),
         "9001|0.0\n9001\n0"},
        {LARGE
         "BEGIN; DELETE FROM docs WHERE id = 77;"
         "SELECT id = 77 FROM docs_vec(" VECTOR("77") ", 1); ROLLBACK;"
         "SELECT id = 77 FROM docs_vec(" VECTOR("77") ", 1);" COMMAND("integrity-check"),
         "0\n1"},
        {LARGE "SAVEPOINT a; UPDATE docs SET id = id + 100000 WHERE id <= 1000;" COMMAND("flush") "SELECT id FROM docs_vec(" VECTOR("77") ", 1); ROLLBACK TO a; RELEASE a;"
         "SELECT id FROM docs_vec(" VECTOR("77") ", 1);" COMMAND("integrity-check"),
         "100077\n77"},
        {LARGE "REPLACE INTO docs VALUES(77, vector32('[1000,0,0,0,0,0,0,0]'), 1);"
               "SELECT id FROM docs_vec('[1000,0,0,0,0,0,0,0]', 1);" COMMAND("flush")
                   COMMAND("integrity-check") "SELECT rows, queued FROM vector_index_info",
         "77\n6000|0"},
    };
    CHECK(cases);
}

static void rows_deleted_behind_the_triggers_are_not_returned(void **state)
{
    (void)state;
    // REPLACE on another unique column deletes a row without a trigger.
    static const SqlCase cases[] = {
        {LARGE "CREATE UNIQUE INDEX other ON docs(cat, id); CREATE TABLE u(id INTEGER PRIMARY KEY,"
               " v, k UNIQUE); INSERT INTO u SELECT id, v, id FROM docs;"
               "CREATE VIRTUAL TABLE uv USING vector_index(u, v, metric=l2);"
               "REPLACE INTO u VALUES(9001, vector32('[1000,0,0,0,0,0,0,0]'), 77);"
               "SELECT count(*), sum(id = 77) FROM uv(" VECTOR("77") ", 10)",
         "10|0"},
    };
    CHECK(cases);
}

static void filters_leave_as_many_rows_as_match(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "SELECT count(*), sum(cat = 7) FROM docs_vec(" VECTOR("5") ", 10) t"
                  " JOIN docs d ON d.id = t.id WHERE t.id IN (SELECT id FROM docs WHERE cat = 7)",
         "10|10"},
        {LARGE "SELECT count(*) FROM vector_top_k('docs_vec', " VECTOR("5") ", 10)"
                  " WHERE id IN (1,2,3,4,5,5,'x',NULL)",
         "5"},
        {LARGE "SELECT count(*) FROM (SELECT d.id FROM docs_vec(" VECTOR("5") ") t"
                  " JOIN docs d ON d.id = t.id WHERE d.cat = 7 ORDER BY t.distance LIMIT 200)",
         "120"},
        {LARGE "SELECT count(*), min(id), max(id) FROM docs_vec(" VECTOR("5") ", 7000)"
                  " WHERE id > 10 AND id <= 20",
         "10|11|20"},
        {LARGE "SELECT count(*) FROM docs_vec(" VECTOR("5") ", 9) WHERE id >= 5.5 AND id < 8.5",
         "3"},
        {LARGE "SELECT max(distance) <= 30, count(*) = (SELECT count(*) FROM docs"
               " WHERE vector_distance_l2(v, " VECTOR("5") ") <= 30) FROM docs_vec(" VECTOR("5") ") WHERE distance <= 30",
         "1|1"},
    };
    CHECK(cases);
}

static void an_iterator_returns_every_row_once(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "SELECT count(*), count(DISTINCT id) FROM docs_vec(" VECTOR("5") ")", "6000|6000"},
        {LARGE "SELECT count(*) FROM docs_vec", "6000"},
        {LARGE "SELECT count(*) FROM docs_vec(" VECTOR("5") ", 0)", "0"},
        {SMALL "SELECT count(*) FROM docs_vec(" VECTOR("5") ", 10000)", "300"},
    };
    CHECK(cases);
}

static void foreign_writes_are_noticed_and_answered_exactly(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "DROP TRIGGER docs_vec_insert;"
               "INSERT INTO docs VALUES(9001, vector32('[1000,0,0,0,0,0,0,0]'), 1);"
               "SELECT id, plan FROM docs_vec('[1000,0,0,0,0,0,0,0]', 1);"
               "SELECT stale FROM vector_index_info",
         "9001|exact: 6001 rows compared\n1"},
    };
    CHECK(cases);
}

static void plans_name_tier_and_lists(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {MIDDLE "SELECT plan LIKE 'tier 1: 1 of 1 lists, % rows re-ranked' FROM docs_vec(" VECTOR("5") ", 1)",
         "1"},
        {LARGE "SELECT plan LIKE 'tier 2: % of 23 lists, % rows re-ranked' FROM docs_vec(" VECTOR("5") ", 1)",
         "1"},
    };
    CHECK(cases);
}

static void an_index_can_be_renamed_rebuilt_and_dropped(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "ALTER TABLE docs_vec RENAME TO other; DELETE FROM docs WHERE id = 77;"
               "SELECT id = 77, plan LIKE 'tier 2%' FROM other(" VECTOR("77") ", 1);"
         "SELECT queued FROM vector_index_info; DROP TABLE other;"
         "SELECT group_concat(name) FROM sqlite_schema",
         "0|1\n1\ndocs"},
        {LARGE "DELETE FROM docs_vec_blocks WHERE id % 3 = 0;" COMMAND("rebuild")
             COMMAND("integrity-check") MISSES,
         "0"},
    };
    CHECK(cases);
}

static void damage_is_reported(void **state)
{
    (void)state;
#define DAMAGED "error 11: vector index \"docs_vec\" is damaged: "
#define ADVICE  "; INSERT INTO \"docs_vec\"(\"docs_vec\") VALUES('rebuild') makes it anew"
    static const SqlCase cases[] = {
        {LARGE
         "UPDATE docs_vec_blocks SET data = x'00';SELECT id FROM docs_vec(" VECTOR("5") ", 1)",
         DAMAGED "a block is of an unknown format" ADVICE},
        {LARGE "UPDATE docs_vec_map SET data = x'000000'; DELETE FROM docs WHERE id = 5;" COMMAND("flush"),
         DAMAGED "a map entry is of the wrong size" ADVICE},
        {LARGE "DELETE FROM docs_vec_meta;SELECT id FROM docs_vec(" VECTOR("5") ", 1)",
         DAMAGED "it has no state" ADVICE},
        {LARGE "DELETE FROM docs_vec_blocks;" COMMAND("integrity-check"),
         "error 11: vector index docs_vec: it counts 6000 rows and has 0\n"
         "vector index docs_vec: its map has 6000 rows and its lists 0"},
    };
    CHECK(cases);
#undef DAMAGED
#undef ADVICE
}

#define LISTS(name) "(SELECT group_concat(hex(data)) FROM (SELECT data FROM " name "_lists ORDER BY id))"

static void a_seed_makes_the_same_lists_again(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "CREATE VIRTUAL TABLE a USING vector_index(docs, v, seed=5);"
               "CREATE VIRTUAL TABLE b USING vector_index(docs, v, seed=5);"
               "CREATE VIRTUAL TABLE c USING vector_index(docs, v, seed=6);"
               "SELECT " LISTS("a") " = " LISTS("b") ", " LISTS("a") " = " LISTS("c") ";"
               "INSERT INTO a(a) VALUES('rebuild'); SELECT " LISTS("a") " = " LISTS("b"),
         "1|0\n1"},
    };
    CHECK(cases);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE x USING vector_index(docs)",
         "error 1: vector_index: expected vector_index(table, column, option=value, ...)"},
        {"CREATE VIRTUAL TABLE x USING vector_index(docs, v)", "error 1: no such table: main.docs"},
        {"CREATE TABLE docs(w); CREATE VIRTUAL TABLE x USING vector_index(docs, v)",
         "error 1: no such column: docs.v"},
        {"CREATE TABLE docs(v, k PRIMARY KEY) WITHOUT ROWID;"
         "CREATE VIRTUAL TABLE x USING vector_index(docs, v)",
         "error 1: vector_index: docs has no rowids"},
        {"CREATE TABLE docs(v); CREATE VIRTUAL TABLE x USING vector_index(docs, v, metric=l7)",
         "error 1: vector_index: unknown metric 'l7': cosine, l2, l2sq, dot or hamming"},
        {"CREATE TABLE docs(v); CREATE VIRTUAL TABLE x USING vector_index(docs, v, colour=red)",
         "error 1: vector_index: unknown option 'colour'"},
        {"CREATE TABLE docs(v); CREATE VIRTUAL TABLE x USING vector_index(docs, v, seed=0)",
         "error 1: vector_index: seed must be a whole number from 1 to 9223372036854775807, not"
         " '0'"},
        {"CREATE TABLE docs(v F32_BLOB(3));"
         "CREATE VIRTUAL TABLE x USING vector_index(docs, v, dims=4)",
         "error 1: vector_index: docs.v is declared with 3 dimensions, not 4"},
        {LARGE "SELECT id FROM docs_vec('[1,2]', 1)",
         "error 1: vector index \"docs_vec\": the query has 2 dimensions, not 8"},
        {LARGE "SELECT id FROM docs_vec('[1,x]', 1)",
         "error 1: vector index \"docs_vec\": Conversion error: Invalid vector value"},
        {LARGE "SELECT id FROM docs_vec(NULL, 1)",
         "error 1: vector index \"docs_vec\": a query is a vector"},
        {LARGE "SELECT id FROM docs_vec(" VECTOR("1") ", -1)",
         "error 1: vector index \"docs_vec\": k must be a whole number and not negative"},
        {LARGE "INSERT INTO docs_vec(id) VALUES(1)",
         "error 8: vector index \"docs_vec\" follows table \"docs\" and is not written to"},
        {LARGE COMMAND("dance"), "error 1: vector index \"docs_vec\": unknown command 'dance': "
         "flush, rebuild or integrity-check"},
        {SMALL "SELECT count(*) FROM vector_top_k('docs_vec', " VECTOR("5") ", 3); DROP TABLE docs_vec;"
               "SELECT * FROM vector_top_k('docs_vec', " VECTOR("5") ", 3)",
         "error 1: no such table: docs_vec"},
        {SMALL "CREATE VIRTUAL TABLE other USING vector_index(docs, v, metric=l2);"
               "SELECT group_concat(id) FROM vector_top_k('docs_vec', " VECTOR("5") ", 1) UNION ALL"
               " SELECT group_concat(id) FROM vector_top_k('other', " VECTOR("6") ", 1);"
               "SELECT group_concat(id) FROM vector_top_k('docs_vec', " VECTOR("7") ", 1) UNION ALL"
               " SELECT group_concat(id) FROM vector_top_k('main.other', " VECTOR("8") ", 1)",
         "5\n6\n7\n8"},
        {"SELECT * FROM vector_top_k('nothing', '[1]', 1)",
         "error 1: vector_top_k: no such vector index: nothing"},
    };
    CHECK(cases);
}

static void unfit_values_are_left_out(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE
         "INSERT INTO docs(v) VALUES(NULL), ('text'), (x'00'), (vector32('[1]')),"
         " (vector64('[1,1,1,1,1,1,1,1]')), (x'0000c07f"
         "0000000000000000"
         "0000000000000000000000000000000000000000'), (x'');" COMMAND("flush")
             COMMAND("integrity-check") "SELECT rows, queued FROM vector_index_info; SELECT count(*) FROM docs_vec(" VECTOR("5") ", 100000)",
         "6001|0\n6001"},
    };
    CHECK(cases);
}
// clang-format on

TEST_SUITE(index_module, cmocka_unit_test(every_tier_finds_the_nearest_row),
           cmocka_unit_test(distances_are_exact_and_in_order),
           cmocka_unit_test(changes_are_seen_by_the_transaction_that_makes_them),
           cmocka_unit_test(rows_deleted_behind_the_triggers_are_not_returned),
           cmocka_unit_test(filters_leave_as_many_rows_as_match),
           cmocka_unit_test(an_iterator_returns_every_row_once),
           cmocka_unit_test(foreign_writes_are_noticed_and_answered_exactly),
           cmocka_unit_test(plans_name_tier_and_lists),
           cmocka_unit_test(an_index_can_be_renamed_rebuilt_and_dropped),
           cmocka_unit_test(damage_is_reported), cmocka_unit_test(mistakes_are_told),
           cmocka_unit_test(a_seed_makes_the_same_lists_again),
           cmocka_unit_test(unfit_values_are_left_out))
