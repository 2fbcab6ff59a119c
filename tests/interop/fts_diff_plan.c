// Random tables, changes and queries. See fts_diff.h.
//
// Words come from a small vocabulary with a steep distribution, so that terms meet, doclists span
// pages of little size, and phrases occur. Everything follows from one seed.
#include "interop/fts_diff.h"

#include <stdio.h>
#include <string.h>

// --- words ---

static const char *const special_words[] = {
    "École", "naïve",  "STRASSE", "running", "runs",     "ran",    "relational", "conditional",
    "中文",  "x",      "ab",      "abc",     "abcd",     "résumé", "resume",     "a.b",
    "don't", "e-mail", "😀",       "ﬁne",     "İstanbul", "3.14",   "hopping",    "generalizations",
};

static void add_word(Plan *plan, Text *out)
{
    add_word_or(plan, special_words, sizeof special_words / sizeof *special_words, out);
}

// A bare word of the query language.
static void add_bareword(Plan *plan, Text *out)
{
    static const char *const plain[] = {"running", "École", "relational", "ab", "abc", "x"};
    if (one_in(plan, 10))
        text_add(out, "%s", PICK(plan, plain));
    else
        add_common_word(plan, out);
}

static void add_value(Plan *plan, Text *sql)
{
    static const char *const ends[] = {" ", " ", " ", " ", " ", ". ", ", ", ": ", "\n", "-"};
    Text *text = &(Text){.size = 0};
    if (one_in(plan, 25)) {
        static const char *const odd[] = {"NULL", "123.5", "-7", "''", "x'6162632064656620ff'"};
        // Stock SQLite may give a blob back as text once it has looked into it, as it does to rank
        // where the index lacks positions or lengths; older versions on any occasion.
        bool keeps_blobs = plan->version >= 3044000 && plan->detail == FULL && plan->has_columnsize;
        text_add(sql, "%s", odd[plan_random(plan, keeps_blobs ? 5 : 4)]);
        return;
    }
    uint32_t count = plan_random(plan, 2 + plan_random(plan, one_in(plan, 20) ? 300 : 30));
    text_set(text, "%s", "");
    for (uint32_t i = 0; i < count; i++) {
        add_word(plan, text);
        text_add(text, "%s", PICK(plan, ends));
    }
    if (plan->has_locale && one_in(plan, 8)) {
        text_add(sql, "fts5_locale('en_US', ");
        add_quoted(sql, text->bytes);
        text_add(sql, ")");
    } else {
        add_quoted(sql, text->bytes);
    }
}

static void add_rowid(Plan *plan, Text *sql)
{
    switch (plan_random(plan, 30)) {
    case 0: text_add(sql, "-%u", plan_random(plan, 50)); return;
    case 1: text_add(sql, "%u000000000", plan_random(plan, 9)); return;
    default: text_add(sql, "%u", plan_random(plan, 120)); return;
    }
}

// --- tables ---

static void add_columns(Plan *plan, Text *create)
{
    plan->column_count = 1 + (int)plan_random(plan, 3);
    for (int i = 0; i < plan->column_count; i++) {
        // Without positions stock SQLite looks for matches in UNINDEXED columns too, whose length
        // it does not know: snippet() then fails or goes wrong.
        plan->is_unindexed[i] = i > 0 && plan->detail == FULL && one_in(plan, 6);
        text_add(create, "%sc%d%s", i > 0 ? ", " : "", i,
                 plan->is_unindexed[i] ? " UNINDEXED" : "");
    }
}

static void add_tokenizer(Plan *plan, Text *create)
{
    static const char *const tokenizers[] = {
        "unicode61",
        "unicode61 remove_diacritics 2",
        "unicode61 tokenchars ''-.''",
        "ascii",
        "porter",
        "porter ascii",
        "trigram",
        "trigram case_sensitive 1",
        "unicode61 remove_diacritics 0",
    };
    const char *tokenizer = PICK(plan, tokenizers);
    plan->is_trigram = strncmp(tokenizer, "trigram", 7) == 0;
    if (!one_in(plan, 3))
        text_add(create, ", tokenize='%s'", tokenizer);
    else
        plan->is_trigram = false;
}

static void add_content(Plan *plan, Text *create)
{
    if (plan->content == CONTENTLESS || plan->content == CONTENTLESS_DELETE)
        text_add(create, ", content=''");
    if (plan->content == CONTENTLESS_DELETE)
        text_add(create, ", contentless_delete=1");
    if (plan->content == EXTERNAL)
        text_add(create, ", content='src', content_rowid='id'");
}

static void add_triggers(const Plan *plan, Text *create)
{
    Text *new = &(Text){.size = 0};
    Text *old = &(Text){.size = 0};
    Text *names = &(Text){.size = 0};
    text_add(create, "CREATE TABLE src(id INTEGER PRIMARY KEY");
    for (int i = 0; i < plan->column_count; i++) {
        text_add(create, ", c%d", i);
        text_add(names, ", c%d", i);
        text_add(new, ", new.c%d", i);
        text_add(old, ", old.c%d", i);
    }
    text_add(create,
             "); CREATE TRIGGER ai AFTER INSERT ON src BEGIN INSERT INTO t(rowid%s) VALUES(new.id"
             "%s); END; CREATE TRIGGER ad AFTER DELETE ON src BEGIN INSERT INTO t(t, rowid%s)"
             " VALUES('delete', old.id%s); END; CREATE TRIGGER au AFTER UPDATE ON src BEGIN INSERT"
             " INTO t(t, rowid%s) VALUES('delete', old.id%s); INSERT INTO t(rowid%s)"
             " VALUES(new.id%s); END;",
             names->bytes, new->bytes, names->bytes, old->bytes, names->bytes, old->bytes,
             names->bytes, new->bytes);
}

void plan_begin(Plan *plan, Text *create)
{
    static const char *const prefixes[] = {"1", "2", "2 3", "1,4", "3"};
    plan->content = (Content)plan_random(plan, CONTENT_KINDS);
    if (plan->content == CONTENTLESS_DELETE && plan->version < 3043000)
        plan->content = NORMAL;
    plan->detail = one_in(plan, 2) ? FULL : (Detail)plan_random(plan, 3);
    plan->has_columnsize = plan->content == CONTENTLESS_DELETE || !one_in(plan, 6);
    plan->has_locale = plan->version >= 3047000 && plan->content == NORMAL && one_in(plan, 5);
    // A defect of stock SQLite: secure-delete loses track of rows that have no poslists.
    plan->has_secure_delete = plan->version >= 3042000 && plan->detail != NONE && one_in(plan, 3);
    plan->is_open = false;
    plan->savepoints = 0;
    plan->next_rowid = 0;
    text_set(create, "CREATE VIRTUAL TABLE t USING fts5(");
    add_columns(plan, create);
    add_tokenizer(plan, create);
    add_content(plan, create);
    if (plan->detail != FULL)
        text_add(create, ", detail=%s", plan->detail == NONE ? "none" : "columns");
    if (one_in(plan, 2))
        text_add(create, ", prefix='%s'", PICK(plan, prefixes));
    text_add(create, "%s%s);", plan->has_columnsize ? "" : ", columnsize=0",
             plan->has_locale ? ", locale=1" : "");
    if (plan->content == EXTERNAL)
        add_triggers(plan, create);
    if (!one_in(plan, 3))
        text_add(create, "INSERT INTO t(t, rank) VALUES('pgsz', %u);", 32 + plan_random(plan, 300));
    if (plan->has_secure_delete)
        text_add(create, "INSERT INTO t(t, rank) VALUES('secure-delete', 1);");
    text_add(create, "CREATE VIRTUAL TABLE vr USING fts5vocab(t, row);"
                     "CREATE VIRTUAL TABLE vc USING fts5vocab(t, col);"
                     "CREATE VIRTUAL TABLE vi USING fts5vocab(t, instance);");
}

// --- changes ---

static void insert(Plan *plan, Text *sql)
{
    bool is_external = plan->content == EXTERNAL;
    bool has_rowid = plan->content == CONTENTLESS || !one_in(plan, 3);
    bool can_replace = plan->content == NORMAL || plan->content == CONTENTLESS_DELETE;
    // Stock SQLite lets a second contentless row in beside the first unless told to replace it.
    bool must_replace = plan->content == CONTENTLESS_DELETE;
    text_set(sql, "%s INTO %s(",
             must_replace || (can_replace && one_in(plan, 6)) ? "REPLACE" : "INSERT",
             is_external ? "src" : "t");
    text_add(sql, "%s", has_rowid ? (is_external ? "id" : "rowid") : "");
    for (int i = 0; i < plan->column_count; i++)
        text_add(sql, "%sc%d", i > 0 || has_rowid ? ", " : "", i);
    text_add(sql, ") VALUES(");
    if (plan->content == CONTENTLESS) // no row may come twice: it could not be told from one
        text_add(sql, "%ld", plan->next_rowid += 1 + (long)plan_random(plan, 3));
    else if (has_rowid)
        add_rowid(plan, sql);
    for (int i = 0; i < plan->column_count; i++) {
        text_add(sql, "%s", i > 0 || has_rowid ? ", " : "");
        add_value(plan, sql);
    }
    text_add(sql, ")");
}

static void erase(Plan *plan, Text *sql)
{
    bool is_external = plan->content == EXTERNAL;
    text_set(sql, "DELETE FROM %s WHERE %s = ", is_external ? "src" : "t",
             is_external ? "id" : "rowid");
    add_rowid(plan, sql);
}

static void update(Plan *plan, Text *sql)
{
    bool is_external = plan->content == EXTERNAL;
    text_set(sql, "UPDATE %s SET ", is_external ? "src" : "t");
    if (plan->content != CONTENTLESS_DELETE && one_in(plan, 5)) {
        text_add(sql, "%s = ", is_external ? "id" : "rowid");
        add_rowid(plan, sql);
        text_add(sql, ", ");
    }
    for (int i = 0; i < plan->column_count; i++) {
        text_add(sql, "%sc%d = ", i > 0 ? ", " : "", i);
        add_value(plan, sql);
        if (plan->content != CONTENTLESS_DELETE && one_in(plan, 2))
            break;
    }
    text_add(sql, " WHERE %s = ", is_external ? "id" : "rowid");
    add_rowid(plan, sql);
}

static void transact(Plan *plan, Text *sql)
{
    if (!plan->is_open) {
        text_set(sql, "BEGIN");
        plan->is_open = true;
    } else if (plan->savepoints < 3 && one_in(plan, 2)) {
        text_set(sql, "SAVEPOINT s%d", plan->savepoints++);
    } else if (plan->savepoints > 0) {
        plan->savepoints--;
        text_set(sql, "%s s%d", one_in(plan, 2) ? "ROLLBACK TO" : "RELEASE", plan->savepoints);
        if (sql->bytes[1] == 'O')
            text_add(sql, "; RELEASE s%d", plan->savepoints);
    } else {
        text_set(sql, "%s", one_in(plan, 4) ? "ROLLBACK" : "COMMIT");
        plan->is_open = false;
    }
}

// An old stock library goes on with the structure record it last read when it refuses a value, even
// if another connection has written since: it then writes segments over those of the other. Such a
// library is given values it takes.
static void set_option(Plan *plan, Text *sql)
{
    static const char *const options[] = {"automerge", "usermerge", "crisismerge",
                                          "hashsize",  "pgsz",      "deletemerge"};
    const uint32_t pgsz_min = 32;
    bool is_old = plan->version < 3044000;
    const char *option = options[plan_random(plan, is_old ? 5 : 6)];
    int value = 2 + (int)plan_random(plan, 12);
    if (!is_old && one_in(plan, 6))
        value = (int)plan_random(plan, 3000) - 20;
    if (is_old && strcmp(option, "pgsz") == 0)
        value += (int)pgsz_min;
    text_set(sql, "INSERT INTO t(t, rank) VALUES('%s', %d)", option, value);
}

static void command(Plan *plan, Text *sql)
{
    bool is_old = plan->version < 3044000; // does not know flush yet
    const char *flush = is_old ? "optimize" : "flush";
    switch (plan_random(plan, 9)) {
    case 0: text_set(sql, "INSERT INTO t(t) VALUES('optimize')"); return;
    case 1: text_set(sql, "INSERT INTO t(t) VALUES('%s')", flush); return;
    case 2:
        text_set(sql, "INSERT INTO t(t, rank) VALUES('merge', %d)",
                 (int)plan_random(plan, 40) - 10);
        return;
    case 3: text_set(sql, "INSERT INTO t(t) VALUES('rebuild')"); return;
    case 4: text_set(sql, "INSERT INTO t(t) VALUES('integrity-check')"); return;
    case 5: // stock SQLite goes on using a rank function whose setting was rolled back
        if (plan->is_open || is_old)
            text_set(sql, "INSERT INTO t(t) VALUES('%s')", flush);
        else
            text_set(sql, "INSERT INTO t(t, rank) VALUES('rank', 'bm25(%u.5, 2.0)')",
                     plan_random(plan, 4));
        return;
    case 6:
        text_set(sql, "INSERT INTO t(t) VALUES('%s')",
                 plan->content == CONTENTLESS && one_in(plan, 8) ? "delete-all" : "optimize");
        return;
    default: set_option(plan, sql); return;
    }
}

void plan_change(Plan *plan, Text *sql)
{
    uint32_t kind = plan_random(plan, 100);
    if (kind < 50)
        insert(plan, sql);
    else if (kind < 65)
        erase(plan, sql);
    else if (kind < 82)
        update(plan, sql);
    else if (kind < 94)
        transact(plan, sql);
    else
        command(plan, sql);
}

// --- queries ---

static void add_phrase(Plan *plan, Text *match)
{
    uint32_t kind = plan_random(plan, 12);
    plan->has_complex |= kind < 6;
    if (kind == 0)
        text_add(match, "^ ");
    if (kind < 3) {
        add_bareword(plan, match);
        text_add(match, " + ");
        add_bareword(plan, match);
    } else if (kind < 5) {
        Text *inner = &(Text){.size = 0};
        add_word(plan, inner);
        text_add(inner, " ");
        add_word(plan, inner);
        text_add(match, "\"%s\"", inner->bytes);
    } else if (kind == 5 && plan->version >= 3044000) { // older ones may crash
        text_add(match, "%s", one_in(plan, 2) ? "\"!!\"" : "\"\"");
    } else {
        add_bareword(plan, match);
    }
    if (one_in(plan, 6))
        text_add(match, "*");
}

static void add_leaf(Plan *plan, Text *match)
{
    bool has_filter = one_in(plan, 6);
    plan->has_complex |= has_filter;
    if (has_filter && !one_in(plan, 4))
        text_add(match, "%sc%u : ", one_in(plan, 4) ? "- " : "", plan_random(plan, 3));
    else if (has_filter)
        text_add(match, "{c0 c%u} : ", plan_random(plan, 3));
    if (one_in(plan, 8)) {
        plan->has_near = true;
        text_add(match, "NEAR(");
        for (uint32_t i = 0; i <= plan_random(plan, 3); i++) {
            add_bareword(plan, match);
            text_add(match, " ");
        }
        text_add(match, one_in(plan, 2) ? ")" : ", %u)", plan_random(plan, 12));
        return;
    }
    add_phrase(plan, match);
}

static void add_match(Plan *plan, Text *match, int depth)
{
    static const char *const operators[] = {" AND ", " OR ", " NOT ", " OR ", " "};
    uint32_t kind = plan_random(plan, 10);
    if (depth == 0 || kind < 4) {
        add_leaf(plan, match);
        return;
    }
    if (kind == 4) {
        text_add(match, "(");
        add_match(plan, match, depth - 1);
        text_add(match, ")");
        return;
    }
    const char *joined = PICK(plan, operators);
    plan->has_not |= joined[1] == 'N';
    plan->has_or |= joined[1] == 'O';
    plan->has_and |= joined[1] == 'A' || joined[1] == 0;
    add_match(plan, match, depth - 1);
    text_add(match, "%s", joined);
    add_match(plan, match, depth - 1);
}

// Under OR and NOT stock SQLite may stand on a row with a part of the query that does not match
// there as a whole, and then counts and marks such of its phrases as do, or did on an earlier row:
// behind a NOT whose left side matches nothing, in a NEAR whose phrases are too far apart, beside a
// phrase whose words are not in sequence. Of such queries only the rows are compared.
static bool is_ranked_alike(const Plan *plan)
{
    bool is_mixed = plan->has_or && (plan->has_near || (plan->has_and && plan->has_complex));
    return !plan->has_not && !is_mixed;
}

static void add_result(Plan *plan, Text *sql)
{
    static const char *const results[] = {
        "rowid, rank",
        "rowid, bm25(t)",
        "rowid, bm25(t, 2.0, 0.5)",
        "rowid, highlight(t, 0, '[', ']')",
        "rowid, snippet(t, -1, '[', ']', '...', 5)",
        "rowid, snippet(t, 0, '<', '>', '~', 9)",
        "rowid, c0",
        "count(*)",
        "rowid, rank, highlight(t, 1, '(', ')')",
        "rowid",
    };
    bool has_text = plan->content == NORMAL || plan->content == EXTERNAL;
    const char *result = PICK(plan, results);
    if (plan->version < 3044000 && plan->column_count < 2 && strstr(result, "t, 1") != NULL)
        result = "rowid, rank"; // of a column that is not there it gave NULL
    bool has_lengths = has_text || plan->has_columnsize; // else snippet() fails in stock SQLite
    if ((!has_text && strstr(result, "c0") != NULL) || !has_lengths || !is_ranked_alike(plan))
        result = "rowid";
    text_set(sql, "SELECT %s FROM t", result);
}

static void add_order(Plan *plan, Text *sql)
{
    static const char *const orders[] = {
        " ORDER BY rank",
        " ORDER BY rank DESC",
        " ORDER BY rowid",
        " ORDER BY rowid DESC",
        " ORDER BY rank, rowid DESC",
        " ORDER BY rank, rowid",
        " ORDER BY bm25(t), rowid",
        "",
    };
    const char *order = PICK(plan, orders);
    if (!is_ranked_alike(plan))
        order = one_in(plan, 2) ? " ORDER BY rowid" : " ORDER BY rowid DESC";
    if (strstr(sql->bytes, "count(*)") == NULL)
        text_add(sql, "%s", order);
    if (one_in(plan, 3))
        text_add(sql, " LIMIT %u", plan_random(plan, 12));
    else if (one_in(plan, 6))
        text_add(sql, " LIMIT %u OFFSET %u", plan_random(plan, 12), plan_random(plan, 5));
}

static void query_words(Plan *plan, Text *sql)
{
    Text *match = &(Text){.size = 0};
    bool is_one_column = plan->column_count > 1 && one_in(plan, 12);
    plan->has_not = plan->has_or = plan->has_and = plan->has_near = false;
    plan->has_complex = is_one_column || plan->is_trigram;
    add_match(plan, match, 2);
    add_result(plan, sql);
    if (is_one_column)
        text_add(sql, " WHERE c%u MATCH ", plan_random(plan, (uint32_t)plan->column_count));
    else
        text_add(sql, " WHERE t MATCH ");
    add_quoted(sql, match->bytes);
    if (one_in(plan, 8)) {
        text_add(sql, " AND rowid %s ", one_in(plan, 2) ? ">=" : "<");
        add_rowid(plan, sql);
    } else if (one_in(plan, 20)) {
        text_add(sql, " AND rowid IN (1, 5, 9, 44, 60)");
    } else if (one_in(plan, 20)) {
        text_add(sql, " AND rank MATCH 'bm25(10.0, %u)'", plan_random(plan, 4));
    }
    add_order(plan, sql);
}

static void query_vocabulary(Plan *plan, Text *sql)
{
    static const char *const tables[] = {"vr", "vc", "vi"};
    static const char *const bounds[] = {"", " WHERE term = ", " WHERE term >= ", " WHERE term < "};
    const char *bound = PICK(plan, bounds);
    text_set(sql, "SELECT * FROM %s%s", PICK(plan, tables), bound);
    if (bound[0] != 0) {
        Text *word = &(Text){.size = 0};
        add_bareword(plan, word);
        add_quoted(sql, word->bytes);
    }
    if (one_in(plan, 2))
        text_add(sql, " LIMIT 300");
}

void plan_query(Plan *plan, Text *sql)
{
    uint32_t kind = plan_random(plan, 100);
    bool has_text = plan->content == NORMAL || plan->content == EXTERNAL;
    if (kind < 85)
        query_words(plan, sql);
    else if (kind < 93)
        query_vocabulary(plan, sql);
    else if (has_text && kind < 97)
        text_set(sql, "SELECT rowid, * FROM t WHERE rowid > %u LIMIT 9", plan_random(plan, 100));
    else if (has_text && plan->is_trigram)
        text_set(sql, "SELECT rowid FROM t WHERE c0 %s",
                 one_in(plan, 2) ? "LIKE '%ak7%'" : "GLOB '*k1*'");
    else
        text_set(sql, "SELECT count(*), sum(rowid) FROM t");
}

const char *plan_check(const Plan *plan)
{
    (void)plan;
    return "INSERT INTO t(t, rank) VALUES('integrity-check', 1)";
}
