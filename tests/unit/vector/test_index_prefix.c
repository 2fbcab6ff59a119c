// Prefix columns of a vector index, built into quire and loaded into stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("vector.so", cases, sizeof cases / sizeof *cases)

#define VECTOR(i) \
    "vector32(printf('[%d,%d,%d,%d]', " i "*7%101, " i "*13%103, " i "*17%107, " i "*19%109))"
// Seven tenants of some 850 rows each, and a hundred rows of none.
#define DOCS                                                                           \
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, v F32_BLOB(4), tenant TEXT, lang INT);" \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)"   \
    "INSERT INTO docs SELECT i, " VECTOR("i") ", 't' || (i % 7), i % 3 FROM n;"        \
                                              "UPDATE docs SET tenant = NULL WHERE id % 60 = 0;"
// With this seed the lists lie so that nothing asked for here is missed.
#define INDEX \
    "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2, prefix=tenant, seed=7);"
#define LARGE DOCS INDEX
#define PAIR                                                                                   \
    DOCS "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, metric=l2, prefix=tenant," \
         " prefix=\"lang\");"
#define COMMAND(text) "INSERT INTO docs_vec(docs_vec) VALUES('" text "');"
// Rows whose tenant's nearest one is not as near as they are.
#define MISSES                                                             \
    "SELECT count(*) FROM docs d WHERE d.id % 97 = 0 AND (SELECT distance" \
    " FROM docs_vec(d.v, 1) w WHERE w.tenant IS d.tenant) IS NOT 0.0;"
// The ten nearest rows of a tenant, found by looking at all, that an index does not find.
#define MISSED_TEN                                                                              \
    "SELECT count(*) FROM (SELECT id FROM docs WHERE tenant = 't3'"                             \
    " ORDER BY vector_distance_l2(v, " VECTOR("10") ") LIMIT 10) WHERE id"                      \
                                                    " NOT IN (SELECT id FROM docs_vec(" VECTOR( \
                                                        "10") ", 10) WHERE tenant = 't3');"

// Texts of SQL stand as they are read.
// clang-format off
static void a_query_visits_its_prefixs_lists_only(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "SELECT tier, prefix, groups, lists FROM vector_index_info;" MISSES MISSED_TEN
         "SELECT count(*), sum(d.tenant = 't3'), sum(w.tenant = 't3'),"
         " sum(plan = 'tier 2: 3 of 22 lists, 55 rows re-ranked')"
         " FROM docs_vec(" VECTOR("10") ", 50) w JOIN docs d USING (id) WHERE w.tenant = 't3'",
         "2|tenant|8|22\n0\n0\n50|50|50|50"},
        {LARGE "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 7000) WHERE tenant = 't3';"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ") WHERE tenant = 't3';"
         "SELECT count(*) FROM docs WHERE tenant = 't3'",
         "843\n843\n843"},
        {LARGE "SELECT count(*) FROM docs d WHERE d.id % 97 = 0"
         " AND (SELECT id FROM docs_vec(d.v, 1)) IS NOT d.id", "0"},
    };
    CHECK(cases);
}

static void values_compare_as_in_the_table(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 500) WHERE tenant IS NULL;"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 500) WHERE tenant = NULL;"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 500) WHERE tenant = 'T3';"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ") WHERE tenant = 'T3' COLLATE nocase;"
         "SELECT count(*) FROM (SELECT tenant FROM docs_vec(" VECTOR("10") ") WHERE tenant IN ('t3', 't4') LIMIT 20)",
         "100\n0\n0\n843\n20"},
        {PAIR "SELECT groups FROM vector_index_info;"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 5000) WHERE tenant = 't3' AND lang = '1';"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 5000) WHERE tenant = 't3' AND lang = 1.0;"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 5000) WHERE lang = 1;"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 5000) WHERE tenant = 't3';"
         "SELECT count(*) FROM docs WHERE tenant = 't3' AND lang = 1;" COMMAND("integrity-check"),
         "22\n286\n286\n2000\n843\n286"},
    };
    CHECK(cases);
}

static void conditions_on_id_go_together_with_a_prefix(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "SELECT count(*), min(id) > 3000, sum(tenant = 't3') FROM docs_vec(" VECTOR("10") ", 40)"
         " WHERE tenant = 't3' AND id > 3000;"
         "SELECT count(*), sum(tenant = 't3') FROM docs_vec(" VECTOR("10") ", 40)"
         " WHERE tenant = 't3' AND id IN (SELECT id FROM docs WHERE lang = 2);"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 40) WHERE tenant = 't3' AND id IN (3, 4, 10, 17)",
         "40|1|40\n40|40\n3"},
    };
    CHECK(cases);
}

static void rows_change_their_prefix(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "BEGIN; UPDATE docs SET tenant = 'new' WHERE id % 10 = 1;"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 1000) WHERE tenant = 'new';"
         "ROLLBACK; SELECT count(*) FROM docs_vec(" VECTOR("10") ", 1000) WHERE tenant = 'new';" COMMAND("integrity-check")
         "UPDATE docs SET tenant = 'new' WHERE id % 10 = 1;" COMMAND("flush") COMMAND("integrity-check") MISSES
         "SELECT queued, groups FROM vector_index_info;"
         "DELETE FROM docs WHERE tenant = 't2';" COMMAND("flush") COMMAND("integrity-check") MISSES
         "SELECT rows, groups FROM vector_index_info;"
         "DELETE FROM docs WHERE tenant = 'new' AND id > 11;" COMMAND("flush") COMMAND("integrity-check")
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 1000) WHERE tenant = 'new'",
         "600\n0\n0\n0|9\n0\n5242|8\n2"},
        {LARGE "INSERT INTO docs SELECT id + 10000, v, 'grown', 1 FROM docs WHERE id <= 1500;" COMMAND("flush") COMMAND("integrity-check") MISSES
         "SELECT count(*) > 2 FROM docs_vec_lists WHERE \"group\" = (SELECT id FROM docs_vec_groups WHERE p0 = 'grown');"
         "SELECT count(*) FROM docs_vec(" VECTOR("10") ", 5000) WHERE tenant = 'grown'",
         "0\n1\n1500"},
    };
    CHECK(cases);
}

static void small_and_untrusted_indexes_answer_exactly(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "DROP TRIGGER docs_vec_update; UPDATE docs SET tenant = 'new' WHERE id = 10;"
         "SELECT id, plan FROM docs_vec(" VECTOR("10") ", 5) WHERE tenant = 'new'",
         "10|exact: 1 rows compared"},
        {"CREATE TABLE docs(v, tenant INT); INSERT INTO docs VALUES(vector32('[1,0]'), 5), (vector32('[0,1]'), 6);"
         "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, prefix='tenant');"
         "SELECT id, tenant FROM docs_vec('[0,1]', 5) WHERE tenant = '5'; SELECT groups FROM vector_index_info",
         "1|5\n0"},
    };
    CHECK(cases);
}

static void plans_name_the_prefix(void **state)
{
    (void)state;
    const char *plan = quire_sql(
        "CREATE TABLE docs(v, tenant INT, lang INT);"
        "CREATE VIRTUAL TABLE docs_vec USING vector_index(docs, v, prefix=tenant, prefix=lang);"
        "EXPLAIN QUERY PLAN SELECT id FROM docs_vec('[0,1]', 5) WHERE tenant = 1 AND lang IS 2");
    assert_non_null(strstr(plan, ":tenant=? AND lang=?, tier 0: exact scan of \"docs\""));
}

static void renamed_and_dropped_with_its_groups(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "ALTER TABLE docs_vec RENAME TO other; UPDATE docs SET tenant = 'new' WHERE id = 10;"
         "SELECT id FROM other(" VECTOR("10") ", 5) WHERE tenant = 'new';"
         "INSERT INTO other(other) VALUES('rebuild'); INSERT INTO other(other) VALUES('integrity-check');"
         "SELECT groups FROM vector_index_info; DROP TABLE other; SELECT group_concat(name) FROM sqlite_schema",
         "10\n9\ndocs"},
    };
    CHECK(cases);
}

static void damage_is_reported(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LARGE "DROP TRIGGER docs_vec_update; UPDATE docs SET tenant = 't4' WHERE id = 10;" COMMAND("integrity-check"),
         "error 11: vector index docs_vec: row 10 of docs is in another prefix's list"},
        {LARGE "UPDATE docs_vec_groups SET id = -id; SELECT id FROM docs_vec(" VECTOR("10") ", 1) WHERE tenant = 't3'",
         "error 11: vector index \"docs_vec\" is damaged: a group has a number out of range; INSERT INTO"
         " \"docs_vec\"(\"docs_vec\") VALUES('rebuild') makes it anew"},
    };
    CHECK(cases);
}

static void mistakes_are_told(void **state)
{
    (void)state;
#define TABLE "CREATE TABLE docs(v, a TEXT COLLATE nocase, b ANY, id, c, d, e, f, g);"
    static const SqlCase cases[] = {
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=z)", "error 1: no such column: docs.z"},
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=a)",
         "error 1: vector_index: prefix column 'a' has the collation nocase"},
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=b)",
         "error 1: vector_index: prefix column 'b' has the type ANY"},
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=id)",
         "error 1: vector_index: no prefix column can be called 'id'"},
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=c, prefix=C)",
         "error 1: vector_index: column 'C' is named twice"},
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=v)",
         "error 1: vector_index: column 'v' is named twice"},
        {TABLE "CREATE VIRTUAL TABLE x USING vector_index(docs, v, prefix=c, prefix=d, prefix=e, prefix=f, prefix=g)",
         "error 1: vector_index: at most 4 prefix columns"},
    };
    CHECK(cases);
#undef TABLE
}
// clang-format on

TEST_SUITE(index_prefix, cmocka_unit_test(a_query_visits_its_prefixs_lists_only),
           cmocka_unit_test(values_compare_as_in_the_table),
           cmocka_unit_test(conditions_on_id_go_together_with_a_prefix),
           cmocka_unit_test(rows_change_their_prefix),
           cmocka_unit_test(small_and_untrusted_indexes_answer_exactly),
           cmocka_unit_test(plans_name_the_prefix),
           cmocka_unit_test(renamed_and_dropped_with_its_groups),
           cmocka_unit_test(damage_is_reported), cmocka_unit_test(mistakes_are_told))
