// Tables of vec0, built into quire and loaded into stock SQLite. What is expected was recorded from
// sqlite-vec 0.1.9, but for the differences that vector/vec0/README.md lists.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("vector.so", cases, sizeof cases / sizeof *cases)

// clang-format off
#define SMALL \
    "CREATE VIRTUAL TABLE v USING vec0(e float[2], chunk_size=8);" \
    "INSERT INTO v(rowid, e) VALUES(1,'[1,2]'),(2,'[3,4]'),(3,'[5,6]');"
#define WIDE \
    "CREATE VIRTUAL TABLE w USING vec0(id text primary key, u integer partition key," \
    " e float[2] distance_metric=cosine, b bit[8], i int8[2], g boolean, n integer, f float," \
    " t text, +c text, +d blob, chunk_size=8);" \
    "INSERT INTO w VALUES('a',1,'[1,2]',vec_bit(x'0f'),vec_int8('[1,2]'),1,42,1.5,'hello','aux'," \
    "x'01'),('b',1,'[2,1]',vec_bit(x'f0'),vec_int8('[2,1]'),0,43,2.5,'hello this is long','aux'," \
    "NULL),('c',2,'[3,1]',vec_bit(x'ff'),vec_int8('[3,1]'),0,44,3.5,'',NULL,NULL);"

static void shadow_tables_are_those_of_the_original(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {SMALL "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE name LIKE"
               " 'v\\_%' ESCAPE '\\' AND type = 'table' ORDER BY name)",
         "CREATE TABLE \"v_chunks\"(chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,size INTEGER NOT "
         "NULL,validity BLOB NOT NULL,rowids BLOB NOT NULL);"
         "CREATE TABLE \"v_info\" (key text primary key, value any);"
         "CREATE TABLE \"v_rowids\"(rowid INTEGER PRIMARY KEY AUTOINCREMENT,id,chunk_id INTEGER,"
         "chunk_offset INTEGER);"
         "CREATE TABLE \"v_vector_chunks00\"(rowid PRIMARY KEY,vectors BLOB NOT NULL)"},
        {WIDE "SELECT sql FROM sqlite_schema WHERE name IN ('w_chunks','w_rowids','w_auxiliary')"
              " ORDER BY name",
         "CREATE TABLE \"w_auxiliary\"( rowid integer PRIMARY KEY , value00, value01)\n"
         "CREATE TABLE \"w_chunks\"(chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,size INTEGER NOT "
         "NULL,sequence_id integer,partition00,validity BLOB NOT NULL, rowids BLOB NOT NULL)\n"
         "CREATE TABLE \"w_rowids\"(rowid INTEGER PRIMARY KEY AUTOINCREMENT,id TEXT UNIQUE NOT "
         "NULL,chunk_id INTEGER,chunk_offset INTEGER)"},
        {SMALL "SELECT hex(validity), hex(substr(rowids,1,24)) FROM v_chunks;"
               "SELECT hex(substr(vectors,1,24)), length(vectors) FROM v_vector_chunks00;"
               "SELECT * FROM v_rowids; SELECT value FROM v_info",
         "07|010000000000000002000000000000000300000000000000\n"
         "0000803F0000004000004040000080400000A0400000C040|64\n"
         "1|NULL|1|0\n2|NULL|1|1\n3|NULL|1|2\nv0.1.9\n0\n1\n9"},
        {WIDE "SELECT hex(data) FROM w_metadatachunks00; SELECT hex(substr(data,1,16)) FROM"
              " w_metadatachunks01; SELECT hex(substr(data,1,32)) FROM w_metadatachunks03;"
              "SELECT rowid, data FROM w_metadatatext03; SELECT * FROM w_auxiliary",
         "01\n00\n2A000000000000002B00000000000000\n2C000000000000000000000000000000\n"
         "0500000068656C6C6F000000000000001200000068656C6C6F20746869732069\n"
         "00000000000000000000000000000000" "00000000000000000000000000000000\n"
         "2|hello this is long\n1|aux|\x01\n2|aux|NULL\n3|NULL|NULL"},
    };
    CHECK(cases);
}

static void deleted_rows_leave_nothing_behind(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {SMALL "DELETE FROM v WHERE rowid = 2; SELECT hex(validity), hex(substr(rowids,9,8)) FROM"
               " v_chunks; SELECT hex(substr(vectors,9,8)) FROM v_vector_chunks00;"
               "INSERT INTO v(e) VALUES('[7,8]'); SELECT rowid, chunk_offset FROM v_rowids",
         "05|0000000000000000\n0000000000000000\n1|0\n3|2\n4|1"},
        {WIDE "DELETE FROM w; SELECT (SELECT count(*) FROM w_chunks), (SELECT count(*) FROM w_rowids),"
              " (SELECT count(*) FROM w_vector_chunks00), (SELECT count(*) FROM w_metadatachunks03),"
              " (SELECT count(*) FROM w_metadatatext03), (SELECT count(*) FROM w_auxiliary)",
         "0|0|0|0|0|0"},
        {WIDE "DROP TABLE w; SELECT count(*) FROM sqlite_schema WHERE name LIKE 'w%'", "0"},
    };
    CHECK(cases);
}

static void the_type_of_a_vector_comes_along_from_a_select(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE v USING vec0(e int8[2]); CREATE TABLE t(i, x);"
         "INSERT INTO t VALUES(1, '[1,2]'), (2, '[3,4]');"
         "INSERT INTO v(rowid, e) SELECT i, vec_int8(x) FROM t; SELECT count(*) FROM v", "2"},
    };
    CHECK(cases);
}

static void the_nearest_rows_come_in_order(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {SMALL "SELECT rowid, round(distance, 6) FROM v WHERE e MATCH '[3,3]' AND k = 2",
         "2|1.0\n1|2.236068"},
        {SMALL "SELECT rowid, distance, k FROM v WHERE rowid = 2", "2|NULL|NULL"},
        {SMALL "SELECT rowid FROM v WHERE e MATCH '[3,3]' AND k = 9 AND distance > 1", "1\n3"},
        {SMALL "SELECT rowid FROM v WHERE e MATCH '[3,3]' AND k = 0", ""},
        {WIDE "SELECT id FROM w WHERE b MATCH vec_bit(x'f1') AND k = 1", "b"},
        {WIDE "SELECT id, distance FROM w WHERE i MATCH vec_int8('[4,1]') AND k = 1", "c|1.0"},
        {WIDE "SELECT id, vec_type(e), vec_type(b), vec_type(i), g, n, f, t, c FROM w WHERE id = 'b'",
         "b|float32|bit|int8|0|43|2.5|hello this is long|aux"},
    };
    CHECK(cases);
}

static void conditions_apply_before_the_k_are_counted(void **state)
{
    (void)state;
#define NEAR "SELECT group_concat(id) FROM w WHERE e MATCH '[1,1]' AND k = 1 AND "
    static const SqlCase cases[] = {
        {WIDE NEAR "u = 2", "c"},          {WIDE NEAR "u > 1", "c"},
        {WIDE NEAR "n = 44", "c"},         {WIDE NEAR "n >= 44", "c"},
        {WIDE NEAR "n != 42 AND n <> 43", "c"}, {WIDE NEAR "n IN (44, 45)", "c"},
        {WIDE NEAR "f > 3.0", "c"},        {WIDE NEAR "t = ''", "c"},
        {WIDE NEAR "g = 0 AND n > 43", "c"}, {WIDE NEAR "t = 'hello this is long'", "b"},
        {WIDE NEAR "t > 'hello t'", "b"},  {WIDE NEAR "t IN ('x', 'hello')", "a"},
        {WIDE NEAR "id IN ('c', 'zz')", "c"}, {WIDE NEAR "n = 1", "NULL"},
    };
    CHECK(cases);
#undef NEAR
}

static void values_are_updated_in_place(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {WIDE "UPDATE w SET e = '[9,9]', n = n + 1, t = 'a text of more than twelve', c = 'new'"
              " WHERE id = 'a'; SELECT vec_to_json(e), n, t, c FROM w WHERE id = 'a';"
              "SELECT rowid FROM w_metadatatext03 ORDER BY rowid",
         "[9.000000,9.000000]|43|a text of more than twelve|new\n1\n2"},
        {WIDE "UPDATE w SET t = 'short' WHERE id = 'b'; SELECT count(*) FROM w_metadatatext03", "0"},
        {SMALL "INSERT OR REPLACE INTO v(rowid, e) VALUES(2, '[0,0]');"
               "INSERT OR IGNORE INTO v(rowid, e) VALUES(1, '[0,0]');"
               "SELECT rowid, vec_to_json(e) FROM v WHERE rowid < 3 ORDER BY rowid",
         "1|[1.000000,2.000000]\n2|[0.000000,0.000000]"},
        {SMALL "BEGIN; DELETE FROM v; INSERT INTO v(e) VALUES('[0,0]'); ROLLBACK;"
               "SELECT count(*) FROM v", "3"},
        {SMALL "ALTER TABLE v RENAME TO x; SELECT count(*) FROM x; SELECT count(*) FROM x_rowids",
         "3\n3"},
    };
    CHECK(cases);
}

static void mistakes_are_told_in_the_originals_words(void **state)
{
    (void)state;
#define ROW(columns, values) WIDE "INSERT INTO w(id,u,e,b,i,g,n,f,t" columns ") VALUES(" values ")"
#define NEAR "SELECT id FROM w WHERE e MATCH "
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE x USING vec0(a int)",
         "error 1: vec0 constructor error: At least one vector column is required"},
        {"CREATE VIRTUAL TABLE x USING vec0(a float[0])",
         "error 1: vec0 constructor error: could not parse vector column 'a float[0]'"},
        {"CREATE VIRTUAL TABLE x USING vec0(a float[9000])",
         "error 1: vec0 constructor error: Dimension on vector column too large, provided 9000, "
         "maximum 8192"},
        {"CREATE VIRTUAL TABLE x USING vec0(a float[1], chunk_size=7)",
         "error 1: vec0 constructor error: chunk_size must be divisible by 8"},
        {"CREATE VIRTUAL TABLE x USING vec0(a float[1], foo=1)",
         "error 1: vec0 constructor error: Unknown table option: foo"},
        {SMALL "INSERT INTO v(rowid, e) VALUES(1, '[1,1]')",
         "error 1: UNIQUE constraint failed on v primary key"},
        {SMALL "INSERT INTO v(e) VALUES('[1]')",
         "error 1: Dimension mismatch for inserted vector for the \"e\" column. Expected 2 "
         "dimensions but received 1."},
        {SMALL "INSERT INTO v(e) VALUES(NULL)",
         "error 1: Inserted vector for the \"e\" column is invalid: Input must have type BLOB "
         "(compact format) or TEXT (JSON), found NULL"},
        {SMALL "INSERT INTO v(e, k) VALUES('[1,1]', 1)",
         "error 1: A value was provided for the hidden \"k\" column."},
        {SMALL "UPDATE v SET rowid = 9 WHERE rowid = 1",
         "error 1: UPDATEs on vec0 primary key values are not allowed."},
        {ROW("", "5,1,'[1,1]',vec_bit(x'01'),vec_int8('[1,1]'),1,1,1.5,'x'"),
         "error 1: The w virtual table was declared with a TEXT primary key, but a non-TEXT value "
         "was provided in an INSERT."},
        {ROW("", "'z','x','[1,1]',vec_bit(x'01'),vec_int8('[1,1]'),1,1,1.5,'x'"),
         "error 1: Parition key type mismatch: The partition key column u has type INTEGER, but "
         "TEXT was provided."},
        {ROW("", "'z',1,'[1,1]',vec_bit(x'01'),vec_int8('[1,1]'),2,1,1.5,'x'"),
         "error 1: Expected 0 or 1 for BOOLEAN metadata column g"},
        {ROW("", "'z',1,'[1,1]',vec_bit(x'01'),vec_int8('[1,1]'),1,1.5,1.5,'x'"),
         "error 1: Expected integer for INTEGER metadata column n, received FLOAT"},
        {ROW(",c", "'z',1,'[1,1]',vec_bit(x'01'),vec_int8('[1,1]'),1,1,1.5,'x',5"),
         "error 19: Auxiliary column type mismatch: The auxiliary column c has type TEXT, but "
         "INTEGER was provided."},
        {WIDE NEAR "'[1,1]'",
         "error 1: A LIMIT or 'k = ?' constraint is required on vec0 knn queries."},
        {WIDE NEAR "'[1]' AND k = 1",
         "error 1: Dimension mismatch for query vector for the \"e\" column. Expected 2 dimensions "
         "but received 1."},
        {WIDE NEAR "vec_int8('[1,1]') AND k = 1",
         "error 1: Query vector for the \"e\" column is expected to be of type float32, but a int8 "
         "vector was provided."},
        {WIDE NEAR "'[1,1]' AND k = -1",
         "error 1: k value in knn queries must be greater than or equal to 0."},
        {WIDE NEAR "'[1,1]' AND k = 4097",
         "error 1: k value in knn query too large, provided 4097 and the limit is 4096"},
        {WIDE NEAR "'[1,1]' AND k = 1 AND c = 'x'",
         "error 1: An illegal WHERE constraint was provided on a vec0 auxiliary column in a KNN "
         "query."},
        {WIDE NEAR "'[1,1]' AND k = 1 AND g > 0",
         "error 1: ONLY EQUALS (=) or NOT_EQUALS (!=) operators are allowed on boolean metadata "
         "columns."},
        {WIDE NEAR "'[1,1]' AND k = 1 AND distance = 1",
         "error 1: Illegal WHERE constraint on distance column in a KNN query. Only one of GT, GE, "
         "LT, LE constraints are allowed."},
    };
    CHECK(cases);
#undef ROW
#undef NEAR
}

// Vectors longer than a page and shorter ones, chunks longer than what is lent at once, gaps between
// the rows: a search finds what comparing all rows finds.
static void the_nearest_are_those_of_a_comparison_of_all(void **state)
{
    (void)state;
#define ELEMENTS "(WITH RECURSIVE d(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM d WHERE j < 199)" \
                 " SELECT '[' || group_concat((i * i * 7919 + j * (i % 13 + 1) * 104729) % 11 - 5)" \
                 " || ']' FROM d)"
#define MANY(declared, value) \
    "PRAGMA page_size = 512; CREATE VIRTUAL TABLE v USING vec0(e " declared ", chunk_size=64);" \
    "CREATE TEMP TABLE t AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE" \
    " i < 300) SELECT i, " ELEMENTS " AS x FROM c; CREATE TEMP TABLE f(i, x); CREATE TEMP TRIGGER g AFTER" \
    " INSERT ON f BEGIN INSERT INTO v(rowid, e) VALUES(new.i, " value "); END;" \
    "INSERT INTO f SELECT * FROM t;" \
    "DELETE FROM v WHERE rowid % 3 = 0 AND rowid < 100 OR rowid % 50 < 5 OR rowid > 280;"
    static const SqlCase cases[] = {
        {MANY("float[200]", "new.x")
         "CREATE TEMP TABLE q AS SELECT vec_f32(" ELEMENTS ") AS x FROM (SELECT 1000 AS i);"
         "SELECT (SELECT group_concat(rowid) FROM (SELECT rowid FROM v WHERE e MATCH (SELECT x FROM"
         " q) AND k = 20)) = (SELECT group_concat(rowid) FROM (SELECT rowid FROM v ORDER BY"
         " vec_distance_l2(e, (SELECT x FROM q)), rowid LIMIT 20)), count(*) FROM v", "1|221"},
        {MANY("float[200] distance_metric=l1", "new.x")
         "CREATE TEMP TABLE q AS SELECT vec_f32(" ELEMENTS ") AS x FROM (SELECT 1000 AS i);"
         "SELECT (SELECT group_concat(rowid) FROM (SELECT rowid FROM v WHERE e MATCH (SELECT x FROM"
         " q) AND k = 20)) = (SELECT group_concat(rowid) FROM (SELECT rowid FROM v ORDER BY"
         " vec_distance_l1(e, (SELECT x FROM q)), rowid LIMIT 20)), count(*) FROM v", "1|221"},
        {MANY("int8[200]", "vec_int8(new.x)")
         "CREATE TEMP TABLE q AS SELECT vec_int8(" ELEMENTS ") AS x FROM (SELECT 1000 AS i);"
         "SELECT (SELECT group_concat(rowid) FROM (SELECT rowid FROM v WHERE e MATCH vec_int8("
         "(SELECT x FROM q)) AND k = 20)) = (SELECT group_concat(rowid) FROM (SELECT rowid FROM v"
         " ORDER BY vec_distance_l2(vec_int8(e), vec_int8((SELECT x FROM q))), rowid LIMIT 20)),"
         " count(*) FROM v", "1|221"},
        {MANY("bit[200]", "vec_quantize_binary(new.x)")
         "CREATE TEMP TABLE q AS SELECT vec_quantize_binary(" ELEMENTS ") AS x FROM (SELECT 1000 AS"
         " i); SELECT (SELECT group_concat(rowid) FROM (SELECT rowid FROM v WHERE e MATCH vec_bit("
         "(SELECT x FROM q)) AND k = 20)) = (SELECT group_concat(rowid) FROM (SELECT rowid FROM v"
         " ORDER BY vec_distance_hamming(vec_bit(e), vec_bit((SELECT x FROM q))), rowid LIMIT 20)),"
         " count(*) FROM v", "1|221"},
    };
    CHECK(cases);
#undef ELEMENTS
#undef MANY
}

static void damage_is_reported(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {SMALL "UPDATE v_chunks SET validity = x'00'; SELECT rowid FROM v WHERE e MATCH '[1,1]' AND"
               " k = 1",
         ""},
        {SMALL "UPDATE v_chunks SET validity = x'0000'; SELECT rowid FROM v WHERE e MATCH '[1,1]'"
               " AND k = 1",
         "error 11: vec0 table v is damaged: a chunk's validity is of the wrong size"},
        {SMALL "UPDATE v_vector_chunks00 SET vectors = x'00'; SELECT rowid FROM v WHERE e MATCH"
               " '[1,1]' AND k = 1",
         "error 11: vec0 table v is damaged: a chunk is of the wrong size"},
        {SMALL "UPDATE v_chunks SET rowids = x'00'; SELECT rowid FROM v WHERE e MATCH '[1,1]' AND"
               " k = 1",
         "error 11: vec0 table v is damaged: a chunk's rowids are of the wrong size"},
        {SMALL "DELETE FROM v_vector_chunks00; SELECT rowid FROM v WHERE e MATCH '[1,1]' AND k = 1",
         "error 11: vec0 table v is damaged: a chunk is missing"},
        {SMALL "DELETE FROM v_vector_chunks00; SELECT e FROM v",
         "error 11: vec0 table v is damaged: a chunk is missing"},
        {SMALL "UPDATE v_rowids SET chunk_offset = 8; SELECT e FROM v",
         "error 11: vec0 table v is damaged: a row lies outside of its chunk"},
    };
    CHECK(cases);
}
// clang-format on

TEST_SUITE(vec0_module, cmocka_unit_test(shadow_tables_are_those_of_the_original),
           cmocka_unit_test(deleted_rows_leave_nothing_behind),
           cmocka_unit_test(the_type_of_a_vector_comes_along_from_a_select),
           cmocka_unit_test(the_nearest_rows_come_in_order),
           cmocka_unit_test(conditions_apply_before_the_k_are_counted),
           cmocka_unit_test(values_are_updated_in_place),
           cmocka_unit_test(mistakes_are_told_in_the_originals_words),
           cmocka_unit_test(the_nearest_are_those_of_a_comparison_of_all),
           cmocka_unit_test(damage_is_reported))
