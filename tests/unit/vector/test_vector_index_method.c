// CREATE INDEX for vectors: in quire only, for stock SQLite has no kinds of index.
#include "support/both_ways.h"
#include "support/test.h"

#define DOCS                                                    \
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, v F32_BLOB(2));" \
    "INSERT INTO docs VALUES(1, vector32('[1,0]')), (2, vector32('[0,1]'));"
#define SCHEMA "SELECT group_concat(name) FROM sqlite_schema;"

static void libsqls_form_becomes_a_virtual_table(void **state)
{
    (void)state;
    assert_text(
        "CREATE VIRTUAL TABLE \"i\" USING vector_index(\"docs\", \"v\", metric='l2', "
        "origin=index)\n2|1.0",
        quire_sql(DOCS "CREATE INDEX i ON docs(libsql_vector_idx(v, 'metric=l2',"
                       " 'type=diskann', 'max_neighbors=8'));"
                       "SELECT replace(sql, '\"main\".', '') FROM sqlite_schema WHERE name = 'i';"
                       "SELECT id, distance FROM vector_top_k('i', '[0,2]', 1)"));
}

static void the_method_of_its_own_takes_the_same_options(void **state)
{
    (void)state;
    assert_text("cosine", quire_sql(DOCS "CREATE INDEX i ON docs USING vector (v);"
                                         "SELECT metric FROM vector_index_info"));
    assert_text("dot|1", quire_sql(DOCS "CREATE INDEX i ON docs USING vector (v)"
                                        " WITH (metric = 'dot', recall = 0.9);"
                                        "SELECT metric, id FROM vector_index_info,"
                                        " vector_top_k('main.i', '[2,1]', 1)"));
}

static void columns_before_the_vector_are_prefix_columns(void **state)
{
    (void)state;
    assert_text("1|tenant, my lang\n1",
                quire_sql(DOCS "ALTER TABLE docs ADD COLUMN tenant TEXT;"
                               "ALTER TABLE docs ADD COLUMN \"my lang\" TEXT;"
                               "UPDATE docs SET tenant = 'a', \"my lang\" = 'b' WHERE id = 1;"
                               "CREATE INDEX i ON docs USING vector (tenant, \"my lang\", v);"
                               "SELECT count(*), prefix FROM vector_index_info;"
                               "SELECT id FROM i('[0,1]', 5) WHERE tenant = 'a'"));
}

static void drop_index_drops_what_create_index_made(void **state)
{
    (void)state;
    assert_text("docs",
                quire_sql(DOCS "CREATE INDEX i ON docs USING vector (v); DROP INDEX i;" SCHEMA));
    assert_text("error 1: no such index: i",
                quire_sql(DOCS "CREATE VIRTUAL TABLE i USING vector_index(docs, v); DROP INDEX i"));
    assert_text("NULL",
                quire_sql(DOCS "CREATE INDEX i ON docs USING vector (v);"
                               "CREATE INDEX other ON docs USING vector (v) WITH (metric = 'l2');"
                               "DROP TABLE docs;" SCHEMA));
    assert_text("1", quire_sql(DOCS "CREATE INDEX i ON docs USING vector (v); OPTIMIZE INDEX i;"
                                    "INSERT INTO docs VALUES(3, vector32('[5,5]'));"
                                    "OPTIMIZE INDEX i; SELECT queued = 0 FROM vector_index_info"));
}

// The virtual table has a column for commands that is called like it, beside others.
static void an_index_may_be_called_like_a_column(void **state)
{
    (void)state;
    static const char *const names[] = {"v", "id", "Distance", "k", "plan"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char sql[400];
        snprintf(sql, sizeof sql,
                 DOCS "CREATE INDEX %s ON docs USING vector (v);"
                      "INSERT INTO docs VALUES(3, vector32('[5,5]')); OPTIMIZE INDEX %s;"
                      "SELECT queued, (SELECT id FROM vector_top_k('%s', '[5,5]', 1))"
                      " FROM vector_index_info",
                 names[i], names[i], names[i]);
        assert_text("0|3", quire_sql(sql));
    }
    assert_text("ok", quire_sql(DOCS "CREATE VIRTUAL TABLE k USING vector_index(docs, v);"
                                     "INSERT INTO k(command) VALUES('rebuild');"
                                     "INSERT INTO k(command) VALUES('integrity-check');"
                                     "SELECT 'ok'"));
}

static void mistakes_are_told(void **state)
{
    (void)state;
    assert_text("error 1: vector_index: no prefix column can be called 'id'",
                quire_sql(DOCS "CREATE INDEX i ON docs USING vector (id, v)"));
    assert_text("error 1: vector_index: unknown metric 'l7': cosine, l2, l2sq, dot or hamming",
                quire_sql(DOCS "CREATE INDEX i ON docs(libsql_vector_idx(v, 'metric=l7'))"));
}

TEST_SUITE(vector_index_method, cmocka_unit_test(libsqls_form_becomes_a_virtual_table),
           cmocka_unit_test(the_method_of_its_own_takes_the_same_options),
           cmocka_unit_test(columns_before_the_vector_are_prefix_columns),
           cmocka_unit_test(drop_index_drops_what_create_index_made),
           cmocka_unit_test(an_index_may_be_called_like_a_column),
           cmocka_unit_test(mistakes_are_told))
