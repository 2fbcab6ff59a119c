// What the triggers of a durable feed record, in quire and in stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define FEED \
    "SELECT change_type, table_name, id, before_json, after_json FROM feed WHERE change_id > 1"
#define DOCS                                                   \
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c);" \
    "CREATE VIRTUAL TABLE feed USING cdc(tables='t', mode=full);"

static void changes_of_every_kind_have_both_images(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {DOCS "INSERT INTO t VALUES(1,'x',x'00ff'); UPDATE t SET c=1.5; DELETE FROM t;" FEED,
         "1|t|1|NULL|{\"a\":1,\"b\":\"x\",\"c\":\"00ff\"}\n"
         "0|t|1|{\"a\":1,\"b\":\"x\",\"c\":\"00ff\"}|{\"a\":1,\"b\":\"x\",\"c\":1.5}\n"
         "-1|t|1|{\"a\":1,\"b\":\"x\",\"c\":1.5}|NULL"},
        {DOCS "INSERT INTO t VALUES(1,'x',1); UPDATE t SET a=5;" FEED " AND change_id > 2",
         "-1|t|1|{\"a\":1,\"b\":\"x\",\"c\":1}|NULL\n1|t|5|NULL|{\"a\":5,\"b\":\"x\",\"c\":1}"},
        {DOCS "INSERT INTO t VALUES(1,'x',1); INSERT INTO t VALUES(1,'y',2)"
              " ON CONFLICT(a) DO UPDATE SET c=excluded.c;" FEED " AND change_id > 2",
         "0|t|1|{\"a\":1,\"b\":\"x\",\"c\":1}|{\"a\":1,\"b\":\"x\",\"c\":2}"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void rows_that_replace_removes_are_recorded_as_deleted(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        // By the rowid, and by a UNIQUE column of two rows at once.
        {DOCS "INSERT INTO t VALUES(1,'x',1),(2,'y',2); REPLACE INTO t VALUES(1,'y',3);" FEED
              " AND change_id > 3",
         "-1|t|1|{\"a\":1,\"b\":\"x\",\"c\":1}|NULL\n-1|t|2|{\"a\":2,\"b\":\"y\",\"c\":2}|NULL\n"
         "1|t|1|NULL|{\"a\":1,\"b\":\"y\",\"c\":3}"},
        {DOCS
         "INSERT INTO t VALUES(1,'x',1),(2,'y',2); UPDATE OR REPLACE t SET b='x' WHERE a=2;" FEED
         " AND change_id > 3",
         "-1|t|1|{\"a\":1,\"b\":\"x\",\"c\":1}|NULL\n"
         "0|t|2|{\"a\":2,\"b\":\"y\",\"c\":2}|{\"a\":2,\"b\":\"x\",\"c\":2}"},
        // Rows that were in the way and stayed are not.
        {DOCS "INSERT INTO t VALUES(1,'x',1); INSERT OR IGNORE INTO t VALUES(2,'x',2);"
              "DELETE FROM t; INSERT INTO t VALUES(3,'z',3);" FEED " AND change_id > 2",
         "-1|t|1|{\"a\":1,\"b\":\"x\",\"c\":1}|NULL\n1|t|3|NULL|{\"a\":3,\"b\":\"z\",\"c\":3}"},
        // With recursive triggers SQLite tells by itself: still once.
        {DOCS "PRAGMA recursive_triggers=1; INSERT INTO t VALUES(1,'x',1);"
              "REPLACE INTO t VALUES(2,'x',2);" FEED " AND change_id > 2",
         "-1|t|1|{\"a\":1,\"b\":\"x\",\"c\":1}|NULL\n1|t|2|NULL|{\"a\":2,\"b\":\"x\",\"c\":2}"},
        // A unique index on an expression, with another collation.
        {"CREATE TABLE t(a, b);CREATE UNIQUE INDEX i ON t(lower(a) || ',)' DESC, b COLLATE NOCASE);"
         "CREATE VIRTUAL TABLE feed USING cdc(tables=t);"
         "INSERT INTO t VALUES('K','m'); REPLACE INTO t VALUES('k','M');" FEED " AND change_id > 2",
         "-1|t|1|{\"a\":\"K\",\"b\":\"m\"}|NULL\n1|t|2|NULL|{\"a\":\"k\",\"b\":\"M\"}"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void keys_that_change_though_no_update_names_them_are_seen(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        // An index with a WHERE: the row comes under it.
        {"CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); CREATE UNIQUE INDEX i ON t(b) WHERE c;"
         "CREATE VIRTUAL TABLE feed USING cdc(tables=t, mode=id);"
         "INSERT INTO t VALUES(1,'x',1),(2,'x',0); UPDATE OR REPLACE t SET c=2 WHERE a=2;" FEED
         " AND change_id > 3",
         "-1|t|1|NULL|NULL\n0|t|2|NULL|NULL"},
        // A generated column.
        {"CREATE TABLE t(a INTEGER PRIMARY KEY, b, c AS (b % 10) UNIQUE);"
         "CREATE VIRTUAL TABLE feed USING cdc(tables=t, mode=id);"
         "INSERT INTO t VALUES(1,1),(2,2); UPDATE OR REPLACE t SET b=11 WHERE a=2;" FEED
         " AND change_id > 3",
         "-1|t|1|NULL|NULL\n0|t|2|NULL|NULL"},
        // The rowid by each of its names.
        {DOCS "INSERT INTO t VALUES(1,'x',1),(8,'y',2); UPDATE t SET oid=5 WHERE a=1;"
              "UPDATE t SET _rowid_=6 WHERE a=5; UPDATE OR REPLACE t SET rowid=8 WHERE a=6;"
              "SELECT change_type, id FROM feed WHERE change_id > 3",
         "-1|1\n1|5\n-1|5\n1|6\n-1|8\n-1|6\n1|8"},
        // A row staged for nothing, then changed, is no row replaced.
        {DOCS "INSERT INTO t VALUES(1,'x',1),(2,'y',2); INSERT OR IGNORE INTO t VALUES(1,'y',0);"
              "UPDATE t SET c=3 WHERE a=1; UPDATE OR REPLACE t SET b='y' WHERE a=1;"
              "SELECT change_type, before_json FROM feed WHERE change_id > 3",
         "0|{\"a\":1,\"b\":\"x\",\"c\":1}\n-1|{\"a\":2,\"b\":\"y\",\"c\":2}\n"
         "0|{\"a\":1,\"b\":\"x\",\"c\":3}"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void tables_without_rowid_are_known_by_their_key(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE t(v REAL, k TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID;"
         "CREATE VIRTUAL TABLE feed USING cdc(tables=t);"
         "INSERT INTO t VALUES(1,'a'); REPLACE INTO t VALUES(2,'A'); UPDATE t SET k='b';" FEED,
         "1|t|a|NULL|{\"v\":1.0,\"k\":\"a\"}\n-1|t|a|{\"v\":1.0,\"k\":\"a\"}|NULL\n"
         "1|t|A|NULL|{\"v\":2.0,\"k\":\"A\"}\n-1|t|A|{\"v\":2.0,\"k\":\"A\"}|NULL\n"
         "1|t|b|NULL|{\"v\":2.0,\"k\":\"b\"}"},
        {"CREATE TABLE t(k, l, PRIMARY KEY(l,k)) WITHOUT ROWID;"
         "CREATE VIRTUAL TABLE feed USING cdc(tables=t, mode=id);"
         "INSERT INTO t VALUES('a',1); UPDATE t SET k='b';"
         "SELECT change_type, hex(id), before, after FROM feed WHERE change_id > 1",
         "1|03090F61|NULL|NULL\n-1|03090F61|NULL|NULL\n1|03090F62|NULL|NULL"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void what_triggers_and_foreign_keys_change_is_recorded(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"PRAGMA foreign_keys=1; CREATE TABLE p(a INTEGER PRIMARY KEY);"
         "CREATE TABLE c(a REFERENCES p ON DELETE CASCADE); CREATE VIEW w AS SELECT a FROM p;"
         "CREATE TRIGGER wi INSTEAD OF INSERT ON w BEGIN INSERT INTO p VALUES(new.a);"
         " INSERT INTO c VALUES(new.a); END;"
         "CREATE VIRTUAL TABLE feed USING cdc(tables='p, c'); INSERT INTO w VALUES(7);"
         "DELETE FROM p;" FEED " AND change_id > 2 ORDER BY table_name, change_id",
         "1|c|1|NULL|{\"a\":7}\n-1|c|1|{\"a\":7}|NULL\n1|p|7|NULL|{\"a\":7}\n"
         "-1|p|7|{\"a\":7}|NULL"},
        {DOCS "BEGIN; INSERT INTO t VALUES(1,1,1); SAVEPOINT s; INSERT INTO t VALUES(2,2,2);"
              "ROLLBACK TO s; COMMIT; BEGIN; DELETE FROM t; ROLLBACK;"
              "SELECT change_type, id FROM feed WHERE change_id > 1",
         "1|1"},
        // Generated columns: those that are stored have their place, the others none.
        {"CREATE TABLE t(a, b AS (a+1), c AS (a+2) STORED); CREATE VIRTUAL TABLE feed USING"
         " cdc(tables=t); INSERT INTO t VALUES(1);" FEED,
         "1|t|1|NULL|{\"a\":1,\"c\":3}"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void the_mode_says_which_images_are_kept(void **state)
{
    (void)state;
#define MODE(mode)                                                                     \
    "CREATE TABLE t(a); CREATE VIRTUAL TABLE feed USING cdc(tables=t, mode=" mode ");" \
    "INSERT INTO t VALUES(1); UPDATE t SET a=2; DELETE FROM t;"                        \
    "SELECT change_type, id, before_json, after_json, hex(updates) FROM feed WHERE change_id > 1"
    static const SqlCase cases[] = {
        {MODE("id"), "1|1|NULL|NULL|\n0|1|NULL|NULL|\n-1|1|NULL|NULL|"},
        {MODE("before"), "1|1|NULL|NULL|\n0|1|{\"a\":1}|NULL|\n-1|1|{\"a\":2}|NULL|"},
        {MODE("after"), "1|1|NULL|{\"a\":1}|\n0|1|NULL|{\"a\":2}|\n-1|1|NULL|NULL|"},
        {MODE("full"),
         "1|1|NULL|{\"a\":1}|\n0|1|{\"a\":1}|{\"a\":2}|03090102\n-1|1|{\"a\":2}|NULL|"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

TEST_SUITE(feed_trigger, cmocka_unit_test(changes_of_every_kind_have_both_images),
           cmocka_unit_test(rows_that_replace_removes_are_recorded_as_deleted),
           cmocka_unit_test(keys_that_change_though_no_update_names_them_are_seen),
           cmocka_unit_test(tables_without_rowid_are_known_by_their_key),
           cmocka_unit_test(what_triggers_and_foreign_keys_change_is_recorded),
           cmocka_unit_test(the_mode_says_which_images_are_kept))
