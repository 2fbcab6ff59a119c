// Random SQL over a small schema: see event_statements.h.

#include "event_statements.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char statements_schema[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c UNIQUE);"
    "CREATE INDEX t_a ON t(a);"
    "CREATE TABLE w(k TEXT, n INT, v, PRIMARY KEY(k, n)) WITHOUT ROWID;"
    "CREATE TABLE parent(id INTEGER PRIMARY KEY, name);"
    "CREATE TABLE child(id INTEGER PRIMARY KEY, p REFERENCES parent(id) ON DELETE CASCADE"
    " ON UPDATE SET NULL, x CHECK(x <> 7));"
    "CREATE TABLE log(what, n);"
    "CREATE TRIGGER t_insert AFTER INSERT ON t BEGIN INSERT INTO log VALUES('+', NEW.id); END;"
    "CREATE TRIGGER t_update BEFORE UPDATE OF b ON t WHEN NEW.b = 'stop' BEGIN"
    " SELECT RAISE(IGNORE); END;"
    "CREATE TRIGGER t_delete AFTER DELETE ON t BEGIN"
    " INSERT INTO log VALUES('-', OLD.id); DELETE FROM log WHERE rowid < OLD.id; END;"
    "CREATE VIEW view_t AS SELECT id, a || '/' || b AS ab FROM t;"
    "CREATE TRIGGER view_insert INSTEAD OF INSERT ON view_t BEGIN"
    " INSERT OR IGNORE INTO t(id, a) VALUES(NEW.id, NEW.ab); END;";

static unsigned long long state;

void statements_seed(unsigned long seed)
{
    state = seed * 2862933555777941757ull + 3037000493ull;
}

unsigned statements_random(unsigned below)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 33) % below);
}

static const char *pick(const char *const *texts, unsigned count)
{
    return texts[statements_random(count)];
}
#define PICK(...)                            \
    pick((const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

// A literal; up to five are alive at a time.
static const char *value(void)
{
    static char texts[5][32];
    static unsigned next;
    char *text = texts[next++ % 5];
    switch (statements_random(7)) {
    case 0: snprintf(text, 32, "NULL"); break;
    case 1: snprintf(text, 32, "%u.5", statements_random(9)); break;
    case 2: snprintf(text, 32, "'%s'", PICK("a", "B", "stop", "", "xyz")); break;
    case 3: snprintf(text, 32, "x'%02x'", statements_random(256)); break;
    default: snprintf(text, 32, "%u", statements_random(12));
    }
    return text;
}

static unsigned key(void)
{
    return statements_random(12);
}

static char sql[1024];

static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
}

static const char *or_what(void)
{
    return PICK("", "", "", "OR REPLACE ", "OR IGNORE ", "OR FAIL ", "OR ABORT ", "OR ROLLBACK ");
}

static void say_insert(void)
{
    switch (statements_random(6)) {
    case 0:
        say("INSERT %sINTO t VALUES(%u, %s, %s, %s)", or_what(), key(), value(), value(), value());
        break;
    case 1:
        say("INSERT INTO t(a, b, c) VALUES(%s, %s, %s) ON CONFLICT DO %s", value(), value(),
            value(), PICK("NOTHING", "UPDATE SET a = excluded.a, b = 'up'"));
        break;
    case 2:
        say("INSERT %sINTO w VALUES('%s', %u, %s), ('%s', %u, %s)", or_what(), PICK("p", "q"),
            key(), value(), PICK("p", "q"), key(), value());
        break;
    case 3: say("INSERT %sINTO parent VALUES(%u, %s)", or_what(), key(), value()); break;
    case 4: say("INSERT %sINTO child VALUES(%u, %u, %s)", or_what(), key(), key(), value()); break;
    default: say("INSERT INTO view_t VALUES(%u, %s)", key(), value());
    }
}

static void say_update(void)
{
    switch (statements_random(6)) {
    case 0:
        say("UPDATE %st SET a = %s, b = %s WHERE id = %u", or_what(), value(), value(), key());
        break;
    case 1: say("UPDATE %st SET id = id + 1 WHERE id > %u", or_what(), key()); break;
    case 2:
        say("UPDATE %sw SET n = n + 1, v = %s WHERE k = '%s'", or_what(), value(), PICK("p", "q"));
        break;
    case 3: say("UPDATE %sparent SET id = %u WHERE id = %u", or_what(), key(), key()); break;
    case 4:
        say("UPDATE %schild SET x = %s WHERE p IS NOT NULL RETURNING id, x", or_what(), value());
        break;
    default: say("UPDATE t SET a = p.name FROM parent AS p WHERE p.id = t.id");
    }
}

static void say_delete(void)
{
    switch (statements_random(6)) {
    case 0: say("DELETE FROM t WHERE id = %u", key()); break;
    case 1: say("DELETE FROM t WHERE a = %s RETURNING id", value()); break;
    case 2: say("DELETE FROM w WHERE n > %u", key()); break;
    case 3: say("DELETE FROM parent WHERE id = %u", key()); break;
    case 4: say("DELETE FROM child"); break;
    default: say("DELETE FROM log WHERE n < %u", key());
    }
}

static void say_select(void)
{
    switch (statements_random(7)) {
    case 0: say("SELECT plus(a, %u), b FROM t WHERE id = %u", key(), key()); break;
    case 1: say("SELECT longest(b), count(*) FROM t"); break;
    case 2: say("SELECT id, running(id) OVER (ORDER BY id) FROM parent"); break;
    case 3: say("SELECT * FROM view_t WHERE id < %u ORDER BY id", key()); break;
    case 4:
        say("SELECT a FROM t ORDER BY b COLLATE %s, id", PICK("later", "NOCASE", "later"));
        break;
    case 5: say("SELECT * FROM parent LEFT JOIN child ON p = parent.id ORDER BY 1, 3"); break;
    default:
        say("WITH x(i) AS (SELECT id FROM t UNION SELECT n FROM w) SELECT i FROM x ORDER BY i");
    }
}

static void say_transaction(void)
{
    switch (statements_random(9)) {
    case 0:
    case 1: say("BEGIN %s", PICK("", "IMMEDIATE", "DEFERRED")); break;
    case 2:
    case 3: say("COMMIT"); break;
    case 4: say("ROLLBACK"); break;
    case 5:
    case 6: say("SAVEPOINT %s", PICK("s1", "s2")); break;
    case 7: say("RELEASE %s", PICK("s1", "s2")); break;
    default: say("ROLLBACK TO %s", PICK("s1", "s2"));
    }
}

static void say_schema(void)
{
    switch (statements_random(8)) {
    case 0: say("CREATE TABLE IF NOT EXISTS extra(x, y DEFAULT 5)"); break;
    case 1: say("DROP TABLE IF EXISTS extra"); break;
    case 2: say("CREATE TEMP TABLE IF NOT EXISTS scratch AS SELECT id, a FROM t"); break;
    case 3: say("DROP TABLE IF EXISTS scratch"); break;
    case 4: say("CREATE INDEX IF NOT EXISTS t_b ON t(b, a)"); break;
    case 5: say("DROP INDEX IF EXISTS t_b"); break;
    case 6: say("PRAGMA user_version = %u", key()); break;
    default: say("PRAGMA foreign_keys = %s", PICK("ON", "OFF"));
    }
}

const char *statements_next(void)
{
    unsigned kind = statements_random(100);
    if (kind < 30)
        say_insert();
    else if (kind < 50)
        say_update();
    else if (kind < 62)
        say_delete();
    else if (kind < 80)
        say_select();
    else if (kind < 95)
        say_transaction();
    else
        say_schema();
    return sql;
}
