// Changesets in tests: see changeset.h.

#include "support/test.h"

#include "support/changeset.h"

sqlite3 *database_with(const char *sql)
{
    sqlite3 *db;
    assert_ok(sqlite3_open(":memory:", &db));
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    return db;
}

static Changeset record(sqlite3 *db, const char *sql, bool is_patchset)
{
    Changeset out;
    sqlite3_session *session;
    assert_ok(sqlite3session_create(db, "main", &session));
    assert_ok(sqlite3session_attach(session, NULL));
    assert_ok(sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_ok(is_patchset ? sqlite3session_patchset(session, &out.size, &out.bytes)
                          : sqlite3session_changeset(session, &out.size, &out.bytes));
    sqlite3session_delete(session);
    return out;
}

Changeset changeset_of(sqlite3 *db, const char *sql)
{
    return record(db, sql, false);
}

Changeset patchset_of(sqlite3 *db, const char *sql)
{
    return record(db, sql, true);
}

void changeset_free(Changeset *changeset)
{
    sqlite3_free(changeset->bytes);
    *changeset = (Changeset){0, NULL};
}

static void append_value(sqlite3_str *out, sqlite3_value *value)
{
    if (value == NULL) {
        sqlite3_str_appendchar(out, 1, '_');
        return;
    }
    switch (sqlite3_value_type(value)) {
    case SQLITE_NULL: sqlite3_str_appendall(out, "NULL"); break;
    case SQLITE_TEXT: sqlite3_str_appendf(out, "'%s'", sqlite3_value_text(value)); break;
    case SQLITE_BLOB: sqlite3_str_appendf(out, "blob%d", sqlite3_value_bytes(value)); break;
    default: sqlite3_str_appendf(out, "%s", sqlite3_value_text(value));
    }
}

typedef int ValueOf(sqlite3_changeset_iter *iter, int column, sqlite3_value **value);

static void append_row(sqlite3_str *out, sqlite3_changeset_iter *iter, int count, ValueOf *value_of)
{
    for (int i = 0; i < count; i++) {
        sqlite3_value *value;
        assert_ok(value_of(iter, i, &value));
        sqlite3_str_appendchar(out, 1, i == 0 ? '(' : ',');
        append_value(out, value);
    }
    sqlite3_str_appendchar(out, 1, ')');
}

static void append_change(sqlite3_str *out, sqlite3_changeset_iter *iter)
{
    const char *table;
    int count, operation, is_indirect;
    assert_ok(sqlite3changeset_op(iter, &table, &count, &operation, &is_indirect));
    sqlite3_str_appendf(out, "%s%s %s%s", sqlite3_str_length(out) > 0 ? "\n" : "",
                        operation == SQLITE_INSERT   ? "INSERT"
                        : operation == SQLITE_DELETE ? "DELETE"
                                                     : "UPDATE",
                        is_indirect ? "indirect " : "", table);
    if (operation != SQLITE_INSERT)
        append_row(out, iter, count, sqlite3changeset_old);
    if (operation == SQLITE_UPDATE)
        sqlite3_str_appendall(out, "->");
    if (operation != SQLITE_DELETE)
        append_row(out, iter, count, sqlite3changeset_new);
}

// Keeps the last text alive for the caller.
static const char *keep(sqlite3_str *text)
{
    static char kept[8192];
    snprintf(kept, sizeof kept, "%s", sqlite3_str_length(text) > 0 ? sqlite3_str_value(text) : "");
    sqlite3_free(sqlite3_str_finish(text));
    return kept;
}

const char *changeset_text(Changeset changeset)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_changeset_iter *iter;
    assert_ok(sqlite3changeset_start(&iter, changeset.size, changeset.bytes));
    while (sqlite3changeset_next(iter) == SQLITE_ROW)
        append_change(out, iter);
    assert_ok(sqlite3changeset_finalize(iter));
    return keep(out);
}

const char *rows_text(sqlite3 *db, const char *sql)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_stmt *stmt;
    assert_ok(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (sqlite3_str_length(out) > 0)
            sqlite3_str_appendchar(out, 1, '\n');
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            sqlite3_str_appendf(out, "%s%s", i > 0 ? "|" : "", sqlite3_column_text(stmt, i));
    }
    assert_ok(sqlite3_finalize(stmt));
    return keep(out);
}

typedef struct Answering {
    int answer;
    char *reasons;
} Answering;

static int answer_conflict(void *arg, int reason, sqlite3_changeset_iter *iter)
{
    (void)iter;
    const Answering *a = arg;
    size_t size = strlen(a->reasons);
    a->reasons[size] = "?DNCXF"[reason];
    a->reasons[size + 1] = '\0';
    bool may_replace = reason == SQLITE_CHANGESET_DATA || reason == SQLITE_CHANGESET_CONFLICT;
    return a->answer == SQLITE_CHANGESET_REPLACE && !may_replace ? SQLITE_CHANGESET_OMIT
                                                                 : a->answer;
}

int changeset_run(sqlite3 *db, Changeset changeset, int answer, int flags, char *reasons)
{
    Answering answering = {answer, reasons};
    reasons[0] = '\0';
    return sqlite3changeset_apply_v2(db, changeset.size, changeset.bytes, NULL, answer_conflict,
                                     &answering, NULL, NULL, flags);
}
