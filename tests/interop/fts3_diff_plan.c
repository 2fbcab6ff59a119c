// Random tables, changes and queries of FTS3 and FTS4. See fts_diff.h.
//
// The shadow tables themselves are asked for, too: the file that two libraries write must have the
// bytes of the one that stock SQLite writes alone.
//
// What stock SQLite answers by the way it came to a row, rather than by the row, is left out:
// matchinfo's x beside AND or NEAR (rows it puts off looking at are not counted), its y and b, and
// marks and places of a part of an OR or NOT that does not match. So are rows with docid 0, which
// it may show twice.
#include "interop/fts_diff.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 60 };

// --- words ---

static const char *const special_words[] = {
    "École", "naïve", "STRASSE", "running", "runs", "relational", "conditional", "中文", "x",
    "ab",    "abc",   "abcd",    "résumé",  "a.b",  "don't",      "e-mail",      "3.14", "a_b",
};

static void add_word(Plan *plan, Text *out)
{
    add_word_or(plan, special_words, sizeof special_words / sizeof *special_words, out);
}

static void add_value(Plan *plan, Text *sql)
{
    static const char *const ends[] = {" ", " ", " ", " ", " ", ". ", ", ", " (", "\n", "-"};
    static const char *const odd[] = {"NULL", "123.5", "-7", "''"};
    Text *text = &(Text){.size = 0};
    if (one_in(plan, 25)) {
        text_add(sql, "%s", PICK(plan, odd));
        return;
    }
    uint32_t count = plan_random(plan, 2 + plan_random(plan, one_in(plan, 20) ? 300 : 30));
    text_set(text, "%s", "");
    for (uint32_t i = 0; i < count; i++) {
        add_word(plan, text);
        text_add(text, "%s", PICK(plan, ends));
    }
    add_quoted(sql, text->bytes);
}

static void add_docid(Plan *plan, Text *sql)
{
    text_add(sql, "%u", 1 + plan_random(plan, ROWS));
}

// --- tables ---

static void add_columns(Plan *plan, Text *create)
{
    plan->column_count = 1 + (int)plan_random(plan, 3);
    for (int i = 0; i < plan->column_count; i++)
        text_add(create, "%sc%d", i > 0 ? ", " : "", i);
}

static void add_options(Plan *plan, Text *create)
{
    static const char *const prefixes[] = {"1", "2", "2,3", "1,4", "3"};
    plan->has_prefixes = one_in(plan, 4);
    plan->has_languages = one_in(plan, 5);
    plan->is_descending = one_in(plan, 4);
    plan->has_docsize = !one_in(plan, 6);
    if (plan->has_prefixes)
        text_add(create, ", prefix='%s'", PICK(plan, prefixes));
    if (plan->has_languages)
        text_add(create, ", languageid=lid");
    if (plan->is_descending)
        text_add(create, ", order=desc");
    if (!plan->has_docsize)
        text_add(create, ", matchinfo=fts3");
    for (int i = 1; i < plan->column_count; i++) {
        plan->is_unindexed[i] = one_in(plan, 8);
        if (plan->is_unindexed[i])
            text_add(create, ", notindexed=c%d", i);
    }
    if (plan->content == CONTENTLESS)
        text_add(create, ", content=''");
}

void plan_begin(Plan *plan, Text *create)
{
    static const char *const tokenizers[] = {
        "simple",
        "porter",
        "unicode61",
        "unicode61 'remove_diacritics=0'",
        "unicode61 'tokenchars=-.'",
    };
    plan->fts_version = one_in(plan, 4) ? 3 : 4;
    plan->content = plan->fts_version == 4 && one_in(plan, 8) ? CONTENTLESS : NORMAL;
    plan->has_prefixes = plan->has_languages = plan->is_descending = plan->has_docsize = false;
    memset(plan->is_unindexed, 0, sizeof plan->is_unindexed);
    plan->is_open = false;
    plan->has_savepoints = one_in(plan, 2);
    plan->savepoints = 0;
    plan->next_rowid = 0;
    text_set(create, "PRAGMA page_size = %d; CREATE VIRTUAL TABLE t USING fts%d(",
             one_in(plan, 3) ? 4096 : 512, plan->fts_version);
    add_columns(plan, create);
    if (!one_in(plan, 3))
        text_add(create, ", tokenize=%s", PICK(plan, tokenizers));
    if (plan->fts_version == 4)
        add_options(plan, create);
    text_add(create, "); CREATE VIRTUAL TABLE v USING fts4aux(t);");
    // Once and for all: a connection remembers what it has read of this.
    plan->has_automerge = !plan->has_prefixes && !plan->has_languages && one_in(plan, 2);
    if (plan->has_automerge)
        text_add(create, "INSERT INTO t(t) VALUES('automerge=%u');", 2 + plan_random(plan, 4));
}

// --- changes ---

static void insert(Plan *plan, Text *sql)
{
    bool has_docid = plan->content == CONTENTLESS || !one_in(plan, 3);
    text_set(sql, "%s INTO t(", plan->content == NORMAL && one_in(plan, 6) ? "REPLACE" : "INSERT");
    for (int i = 0; i < plan->column_count; i++)
        text_add(sql, "%sc%d", i > 0 ? ", " : "", i);
    text_add(sql, "%s%s) VALUES(", has_docid ? ", docid" : "", plan->has_languages ? ", lid" : "");
    for (int i = 0; i < plan->column_count; i++) {
        text_add(sql, "%s", i > 0 ? ", " : "");
        add_value(plan, sql);
    }
    if (has_docid && plan->content == CONTENTLESS)
        text_add(sql, ", %ld", plan->next_rowid += 1 + (long)plan_random(plan, 3));
    else if (has_docid) {
        text_add(sql, ", ");
        add_docid(plan, sql);
    }
    if (plan->has_languages)
        text_add(sql, ", %u", one_in(plan, 3) ? plan_random(plan, 3) : 0);
    text_add(sql, ")");
}

static void update(Plan *plan, Text *sql)
{
    text_set(sql, "UPDATE %st SET ", one_in(plan, 5) ? "OR REPLACE " : "");
    if (one_in(plan, 5)) {
        text_add(sql, "docid = ");
        add_docid(plan, sql);
        text_add(sql, ", ");
    }
    for (int i = 0; i < plan->column_count; i++) {
        text_add(sql, "%sc%d = ", i > 0 ? ", " : "", i);
        add_value(plan, sql);
        if (one_in(plan, 2))
            break;
    }
    text_add(sql, " WHERE docid = ");
    add_docid(plan, sql);
}

static void transact(Plan *plan, Text *sql)
{
    if (!plan->is_open) {
        text_set(sql, "BEGIN");
        plan->is_open = true;
    } else if (plan->has_savepoints && plan->savepoints < 3 && one_in(plan, 2)) {
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

static void command(Plan *plan, Text *sql)
{
    // Next to another index or language stock SQLite may keep deletions that nothing needs.
    bool can_merge = !plan->has_prefixes && !plan->has_languages;
    switch (plan_random(plan, can_merge ? 5 : 3)) {
    case 0: text_set(sql, "INSERT INTO t(t) VALUES('optimize')"); return;
    case 1: // of a contentless table stock SQLite refuses it, and empties the index all the same
        text_set(sql, "INSERT INTO t(t) VALUES('%s')",
                 plan->content == CONTENTLESS ? "optimize" : "rebuild");
        return;
    case 2: text_set(sql, "INSERT INTO t(t) VALUES('integrity-check')"); return;
    default:
        text_set(sql, "INSERT INTO t(t) VALUES('merge=%u,%u')", 1 + plan_random(plan, 20),
                 2 + plan_random(plan, 3));
        return;
    }
}

void plan_change(Plan *plan, Text *sql)
{
    uint32_t kind = plan_random(plan, 100);
    bool is_normal = plan->content == NORMAL;
    if (kind < 14)
        transact(plan, sql);
    else if (kind < 20)
        command(plan, sql);
    else if (kind < 30 && is_normal)
        update(plan, sql);
    else if (kind < 45 && is_normal) {
        text_set(sql, "DELETE FROM t WHERE docid = ");
        add_docid(plan, sql);
    } else
        insert(plan, sql);
}

// --- queries ---

static void add_term(Plan *plan, Text *out)
{
    if (one_in(plan, 10))
        text_add(out, "c%u:", plan_random(plan, (uint32_t)plan->column_count));
    if (one_in(plan, 12))
        text_add(out, "^");
    if (one_in(plan, 5)) {
        text_add(out, "%c%c*", 'a' + (char)plan_random(plan, 7), 'k' + (char)plan_random(plan, 3));
        plan->has_prefix_term = true;
        return;
    }
    add_word(plan, out);
}

static void add_phrase(Plan *plan, Text *out)
{
    if (!one_in(plan, 4)) {
        add_term(plan, out);
        return;
    }
    uint32_t count = 1 + plan_random(plan, 3);
    text_add(out, "\"");
    for (uint32_t i = 0; i < count; i++) {
        text_add(out, i > 0 ? " " : "");
        add_word(plan, out);
    }
    text_add(out, "\"");
    plan->has_complex = true;
}

static void add_near(Plan *plan, Text *out)
{
    static const char *const nears[] = {" NEAR ", " NEAR/0 ", " NEAR/1 ", " NEAR/5 "};
    uint32_t count = 2 + plan_random(plan, 2);
    for (uint32_t i = 0; i < count; i++) {
        text_add(out, "%s", i > 0 ? PICK(plan, nears) : "");
        add_phrase(plan, out);
    }
    plan->has_near = true;
}

static void add_expression(Plan *plan, Text *out, int depth)
{
    uint32_t kind = plan_random(plan, 10);
    if (depth == 0 || kind < 4) {
        add_phrase(plan, out);
        return;
    }
    if (kind == 4) {
        add_near(plan, out);
        return;
    }
    static const char *const operators[] = {" ", " AND ", " OR ", " NOT "};
    uint32_t which = plan_random(plan, 4);
    text_add(out, "(");
    add_expression(plan, out, depth - 1);
    text_add(out, ")%s(", operators[which]);
    add_expression(plan, out, depth - 1);
    text_add(out, ")");
    plan->has_and = plan->has_and || which < 2;
    plan->has_or = plan->has_or || which == 2;
    plan->has_not = plan->has_not || which == 3;
}

static void add_snippet(Plan *plan, Text *sql)
{
    static const int sizes[] = {1, 2, 3, 5, 8, 15, 30, 64, -3, -5, -10};
    if (one_in(plan, 4))
        text_add(sql, ", snippet(t)");
    else
        text_add(sql, ", snippet(t, '<', '>', '~', %d, %d)",
                 (int)plan_random(plan, (uint32_t)plan->column_count + 1) - 1, PICK(plan, sizes));
}

static void add_matchinfo(Plan *plan, Text *sql)
{
    bool is_single = !plan->has_and && !plan->has_or && !plan->has_not && !plan->has_near;
    text_add(sql, ", hex(matchinfo(t, 'pcs%s%s%s'))", is_single ? "xyb" : "",
             plan->fts_version == 4 ? "na" : "", plan->has_docsize ? "l" : "");
}

// Functions that look at places; only of what matched because of them.
static void add_functions(Plan *plan, Text *sql)
{
    bool is_exact = !plan->has_or && !plan->has_not && !(plan->has_near && plan->has_prefix_term);
    if (!is_exact || plan->content == CONTENTLESS)
        return;
    switch (plan_random(plan, 4)) {
    case 0: text_add(sql, ", offsets(t)"); return;
    case 1: add_snippet(plan, sql); return;
    // A word that the tokenizer cuts is several phrases, which is not known here.
    case 2: add_matchinfo(plan, sql); return;
    default: text_add(sql, ", t.*"); return;
    }
}

static void query_match(Plan *plan, Text *sql)
{
    static const char *const orders[] = {"", "", " ORDER BY docid", " ORDER BY docid DESC",
                                         " ORDER BY rowid DESC"};
    Text *match = &(Text){.size = 0};
    plan->has_and = plan->has_or = plan->has_not = plan->has_near = false;
    plan->has_complex = plan->has_prefix_term = false;
    text_set(match, "%s", "");
    add_expression(plan, match, (int)plan_random(plan, 4));
    text_set(sql, "SELECT docid");
    add_functions(plan, sql);
    text_add(sql, " FROM t WHERE %s MATCH ", one_in(plan, 6) ? "c0" : "t");
    add_quoted(sql, match->bytes);
    if (plan->has_languages && one_in(plan, 2))
        text_add(sql, " AND lid = %u", plan_random(plan, 3));
    if (one_in(plan, 5)) {
        text_add(sql, " AND docid %s ", one_in(plan, 2) ? ">" : "<=");
        add_docid(plan, sql);
    }
    text_add(sql, "%s", PICK(plan, orders));
}

static void query_rows(Plan *plan, Text *sql)
{
    if (plan->content == CONTENTLESS) {
        text_set(sql, "SELECT docid, hex(size) FROM t_docsize");
        return;
    }
    text_set(sql, "SELECT docid, * FROM t WHERE ");
    switch (plan_random(plan, 3)) {
    case 0: text_add(sql, "rowid = "); break;
    case 1: text_add(sql, "docid > "); break;
    default: text_add(sql, "rowid <= "); break;
    }
    add_docid(plan, sql);
    text_add(sql, "%s", one_in(plan, 2) ? " ORDER BY docid DESC" : "");
}

// Older versions flush at other times inside a transaction. When a connection flushes for a
// savepoint, and when it merges by itself, depends on what it did before, which is not the same for
// one that shares the file.
static void query_shadow(Plan *plan, Text *sql)
{
    text_set(sql, "%s", "");
    if (plan->version >= 3050000 && !plan->has_automerge && !plan->has_savepoints)
        text_add(sql, "SELECT level, idx, start_block, leaves_end_block, end_block, hex(root)"
                      " FROM t_segdir ORDER BY 1, 2; SELECT blockid, hex(block) FROM t_segments;");
    if (plan->fts_version == 4)
        text_add(sql, "SELECT hex(value) FROM t_stat WHERE id = 0;");
    if (plan->has_docsize)
        text_add(sql, "SELECT docid, hex(size) FROM t_docsize;");
}

static void query_terms(Plan *plan, Text *sql)
{
    static const char *const wheres[] = {"", " WHERE term = 'ak0'", " WHERE term > 'b'",
                                         " WHERE term BETWEEN 'c' AND 'd'"};
    // Stock SQLite reads descending tables as if they were not, and some versions no more columns.
    if (plan->is_open || plan->is_descending || plan->column_count > 2)
        query_shadow(plan, sql);
    else
        text_set(sql, "SELECT * FROM v%s", PICK(plan, wheres));
}

void plan_query(Plan *plan, Text *sql)
{
    uint32_t kind = plan_random(plan, 20);
    if (kind < 14)
        query_match(plan, sql);
    else if (kind < 16)
        query_rows(plan, sql);
    else if (kind < 18)
        query_terms(plan, sql);
    else
        query_shadow(plan, sql);
}

const char *plan_check(const Plan *plan)
{
    if (plan->content == NORMAL)
        return "INSERT INTO t(t) VALUES('integrity-check')";
    // Without rows there is nothing to compare to. The whole index is read all the same, where
    // every version of stock SQLite can read so many columns.
    return plan->column_count > 2 ? "SELECT count(*) FROM t_docsize"
                                  : "SELECT count(*), sum(occurrences) FROM v";
}
