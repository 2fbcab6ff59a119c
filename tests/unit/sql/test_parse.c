#include "tests/support/test.h"

#include "base/alloc.h"
#include "sql/parse.h"
#include "sqlite3.h"

static int parse(Arena *arena, const char *sql, ParseResult *out)
{
    ParseOptions options = parse_options_default();
    return parse_statement(sql, strlen(sql), &options, arena, out);
}

static void assert_parses(const char *sql, StmtKind kind)
{
    Arena arena = {0};
    ParseResult result;
    int rc = parse(&arena, sql, &result);
    if (rc != SQLITE_OK)
        print_message("%s: %s\n", sql, result.message);
    assert_int_equal(rc, SQLITE_OK);
    assert_int_equal(result.stmt->kind, kind);
    arena_deinit(&arena);
}

static void assert_error(const char *sql, i32 offset, const char *message)
{
    Arena arena = {0};
    ParseResult result;
    if (parse(&arena, sql, &result) != SQLITE_ERROR)
        fail_msg("no error: %s", sql);
    if (strcmp(result.message, message) != 0 || result.error_offset != offset)
        print_message("%s\n", sql);
    assert_text(message, result.message);
    assert_int_equal(result.error_offset, offset);
    arena_deinit(&arena);
}

// Text, byte offset and message as SQLite 3.53.2 gave them.
// clang-format off
static const struct {
    const char *sql;
    i32 offset;
    const char *message;
} bad_statements[] = {
    {"select", -1, "incomplete input"},
    {"select 1 +", -1, "incomplete input"},
    {"select 1 + ;", 11, "near \";\": syntax error"},
    {"select * from", -1, "incomplete input"},
    {"select (", -1, "incomplete input"},
    {"select \"abc", 7, "unrecognized token: \"\"abc\""},
    {"select 'abc", 7, "unrecognized token: \"'abc\""},
    {"select [abc", 7, "unrecognized token: \"[abc\""},
    {"select @", 7, "unrecognized token: \"@\""},
    {"select #1", -1, "near \"#1\": syntax error"},
    {"select ?0", -1, "variable number must be between ?1 and ?32766"},
    {"select ?32767", -1, "variable number must be between ?1 and ?32766"},
    {"select $a(b c)", 7, "unrecognized token: \"$a(b\""},
    {"select 1.e", 7, "unrecognized token: \"1.e\""},
    {"select 1x", 7, "unrecognized token: \"1x\""},
    {"select 0x", 7, "unrecognized token: \"0x\""},
    {"select x'1'", 7, "unrecognized token: \"x'1'\""},
    {"select 1_000_", -1, "unrecognized token: \"10000_\""},
    {"select 1__0", -1, "unrecognized token: \"1__0\""},
    {"select 1._5", -1, "unrecognized token: \"1._5\""},
    {"select 1 ! 2", 9, "unrecognized token: \"!\""},
    {"select 1 {", 9, "unrecognized token: \"{\""},
    {"foo", 0, "near \"foo\": syntax error"},
    {"foo bar", 0, "near \"foo\": syntax error"},
    {"select 1 foo bar", 13, "near \"bar\": syntax error"},
    {"explain", -1, "incomplete input"},
    {"explain explain select 1", 8, "near \"explain\": syntax error"},
    {"(select 1)", 0, "near \"(\": syntax error"},
    {"select 1 a b", 11, "near \"b\": syntax error"},
    {"select 1 as 1", 12, "near \"1\": syntax error"},
    {"select exists(1)", 14, "near \"1\": syntax error"},
    {"select 1 in", -1, "incomplete input"},
    {"select 1 in 5", 12, "near \"5\": syntax error"},
    {"select 1 in (1,)", 15, "near \")\": syntax error"},
    {"select 1 between 2", -1, "incomplete input"},
    {"select 1 between 2 or 3", -1, "incomplete input"},
    {"select 1 not 2", 13, "near \"2\": syntax error"},
    {"select 1 is distinct 2", 21, "near \"2\": syntax error"},
    {"select cast(1 as int(x))", 21, "near \"x\": syntax error"},
    {"select case end", -1, "incomplete input"},
    {"select case when 1 end", 19, "near \"end\": syntax error"},
    {"select raise(foo)", 13, "near \"foo\": syntax error"},
    {"select a..b", 9, "near \".\": syntax error"},
    {"select a.b.c.d", 12, "near \".\": syntax error"},
    {"select abs(,1)", 11, "near \",\": syntax error"},
    {"select max(*,1)", 12, "near \",\": syntax error"},
    {"select 1 and or 2", 13, "near \"or\": syntax error"},
    {"select 1 = = 1", 11, "near \"=\": syntax error"},
    {"select 1 like 2 escape 3 escape 4", 25, "near \"escape\": syntax error"},
    {"select 'a' 'b' 'c'", 15, "near \"'c'\": syntax error"},
    {"values()", 7, "near \")\": syntax error"},
    {"values 1", 7, "near \"1\": syntax error"},
    {"values(1) order by 1", 10, "near \"order\": syntax error"},
    {"select 1 order by 1 union select 2", -1, "ORDER BY clause should come after UNION not before"},
    {"select 1 limit 1 union all select 2", -1, "LIMIT clause should come after UNION ALL not before"},
    {"select 1 union all all", 19, "near \"all\": syntax error"},
    {"select * from (select 1) left banana join (select 2)", 25, "unknown join type: left banana"},
    {"select * from (select 1) outer join (select 2)", 25, "unknown join type: outer"},
    {"select * from (select 1) cross left join (select 2)", 25, "unknown join type: cross left"},
    {"select 1 from (select 1) on 1", -1, "a JOIN clause is required before ON"},
    {"select 1 from (select 1) using (x)", -1, "a JOIN clause is required before USING"},
    {"select * from t on conflict do nothing", 28, "near \"do\": syntax error"},
    {"select * from a join b using(x) on 1", 32, "near \"on\": syntax error"},
    {"select * from t, on", 17, "near \"on\": syntax error"},
    {"with x as (select 1), X as (select 2) select 3", -1, "duplicate WITH table name: X"},
    {"with x(a desc) as (select 1) select 3", -1, "syntax error after column name \"a\""},
    {"select sum(1) over (rows between current row and unbounded preceding)", 59, "near \"preceding\": syntax error"},
    {"select sum(1) over (rows 1 following)", -1, "unsupported frame specification"},
    {"select sum(1) over (rows between current row and 1 preceding)", -1, "unsupported frame specification"},
    {"select sum(1) over (rows)", 24, "near \")\": syntax error"},
    {"select distinct all 1", 16, "near \"all\": syntax error"},
    {"select 1 limit 1,2,3", 18, "near \",\": syntax error"},
    {"select main.t.* from t", 14, "near \"*\": syntax error"},
    {"select 1 order by 1 nulls last desc", 31, "near \"desc\": syntax error"},
    {"create table t(a,b,)", 19, "near \")\": syntax error"},
    {"create table t()", 15, "near \")\": syntax error"},
    {"create table t(a,b", -1, "incomplete input"},
    {"create table t(a) foo", -1, "unknown table option: foo"},
    {"create table t(a) without foo", -1, "unknown table option: foo"},
    {"create table t(a) ,", -1, "incomplete input"},
    {"create table t(a) without rowid strict", 32, "near \"strict\": syntax error"},
    {"create table t(a default 1+1)", 26, "near \"+\": syntax error"},
    {"create table t(a default +x)", 26, "near \"x\": syntax error"},
    {"create table t(a unique(b))", 23, "near \"(\": syntax error"},
    {"create table t(a, unique(a), b)", 29, "near \"b\": syntax error"},
    {"create table t(a check(1) on conflict fail)", 26, "near \"on\": syntax error"},
    {"create table t(a references x(a desc))", -1, "syntax error after column name \"a\""},
    {"create table if not t", 20, "near \"t\": syntax error"},
    {"create temp index i on t(a)", 12, "near \"index\": syntax error"},
    {"create unique table t(a)", 14, "near \"table\": syntax error"},
    {"create temp virtual table v using fts5(a)", 12, "near \"virtual\": syntax error"},
    {"create virtual table v using fts5(a", -1, "incomplete input"},
    {"create view v(a desc) as select 1", -1, "syntax error after column name \"a\""},
    {"create trigger t on x begin select 1; end", 17, "near \"on\": syntax error"},
    {"alter table t foo", 14, "near \"foo\": syntax error"},
    {"alter table t rename to to", 24, "near \"to\": syntax error"},
    {"alter table t rename column to b", 28, "near \"to\": syntax error"},
    {"alter table t add primary key(a)", 18, "near \"primary\": syntax error"},
    {"alter table t add constraint x unique(a)", 31, "near \"unique\": syntax error"},
    {"alter table t alter a set default 5", 26, "near \"default\": syntax error"},
    {"alter table t alter a type int", 22, "near \"type\": syntax error"},
    {"alter view v rename to x", 6, "near \"view\": syntax error"},
    {"insert t values(1)", 7, "near \"t\": syntax error"},
    {"insert into t() values(1)", 14, "near \")\": syntax error"},
    {"insert or foo into t values(1)", 10, "near \"foo\": syntax error"},
    {"replace or ignore into t values(1)", 8, "near \"or\": syntax error"},
    {"insert into t x values(1)", 14, "near \"x\": syntax error"},
    {"insert into t values(1) on conflict do nothing on conflict do nothing", 47, "near \"on\": syntax error"},
    {"insert into t select * from x on conflict do nothing", 42, "near \"do\": syntax error"},
    {"update t set ()=1", 14, "near \")\": syntax error"},
    {"update t set a.b=1", 14, "near \".\": syntax error"},
    {"update t x set a=1", 9, "near \"x\": syntax error"},
    {"update t set a=1 order by a limit 1", -1, "syntax error near \"ORDER BY\""},
    {"update t set a=1 limit 1 offset 2", -1, "syntax error near \"LIMIT\""},
    {"delete from t x", 14, "near \"x\": syntax error"},
    {"delete from t where 1 limit 1", -1, "syntax error near \"LIMIT\""},
    {"delete from t where 1 group by 1", 22, "near \"group\": syntax error"},
    {"pragma x.y.z", 10, "near \".\": syntax error"},
    {"pragma x=-foo", 10, "near \"foo\": syntax error"},
    {"vacuum foo bar", 11, "near \"bar\": syntax error"},
    {"drop table if", -1, "incomplete input"},
    {"drop table a.b.c", 14, "near \".\": syntax error"},
    {"release", -1, "incomplete input"},
    {"rollback to savepoint", -1, "incomplete input"},
    {"begin foo", 6, "near \"foo\": syntax error"},
    {"analyze x.y.z", 11, "near \".\": syntax error"},
    {"reindex 1", 8, "near \"1\": syntax error"},
    {"create trigger t insert on x begin select 1 end", -1, "incomplete input"},
    {"create trigger t insert on x begin end", 35, "near \"end\": syntax error"},
    {"create trigger t insert on x begin select 1;; end", 44, "near \";\": syntax error"},
    {"create trigger t insert on x begin insert into a.b values(1); end", -1, "qualified table names are not allowed on INSERT, UPDATE, and DELETE statements within triggers"},
    {"create trigger t insert on x begin insert into b default values; end", 49, "near \"default\": syntax error"},
    {"create trigger t insert on x begin update b indexed by c set a=1; end", -1, "the INDEXED BY clause is not allowed on UPDATE or DELETE statements within triggers"},
    {"create trigger t insert on x begin delete from b not indexed; end", -1, "the NOT INDEXED clause is not allowed on UPDATE or DELETE statements within triggers"},
    {"create trigger t insert on x begin delete from b returning 1; end", 49, "near \"returning\": syntax error"},
    {"create trigger t insert on x begin insert into b values(1) returning 1; end", -1, "cannot use RETURNING in a trigger"},
    {"create trigger t insert on x begin with a as (select 1) insert into b values(1); end", 56, "near \"insert\": syntax error"},
    {"create trigger t insert on x begin update b set a=1 order by 1; end", 52, "near \"order\": syntax error"},
    {"create trigger t insert on x begin create table z(a); end", 35, "near \"create\": syntax error"},
    {"create trigger t insert on x begin select 1; end foo", 49, "near \"foo\": syntax error"},
    {"create trigger t insert on x begin select 1;", -1, "incomplete input"},
};
// clang-format on

static void errors_read_like_those_of_sqlite(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_statements); i++)
        assert_error(bad_statements[i].sql, bad_statements[i].offset, bad_statements[i].message);
}

static Expr *first_column(Arena *arena, const char *sql)
{
    ParseResult result;
    assert_ok(parse(arena, sql, &result));
    return result.stmt->u.select->columns->items[0].expr;
}

static void operators_bind_as_in_sqlite(void **state)
{
    (void)state;
    Arena arena = {0};

    Expr *e = first_column(&arena, "select 1 + 2 * 3 = 7 and not 1 or 0");
    assert_int_equal(e->kind, EX_OR);
    assert_int_equal(e->left->kind, EX_AND);
    assert_int_equal(e->left->left->kind, EX_EQ);
    assert_int_equal(e->left->left->left->kind, EX_ADD);
    assert_int_equal(e->left->left->left->right->kind, EX_MULTIPLY);
    assert_int_equal(e->left->right->kind, EX_NOT);

    e = first_column(&arena, "select -a || b collate nocase");
    assert_int_equal(e->kind, EX_CONCAT);
    assert_int_equal(e->left->kind, EX_NEGATE);
    assert_int_equal(e->right->kind, EX_COLLATE);

    e = first_column(&arena, "select 1 + not 2 = 3");
    assert_int_equal(e->kind, EX_ADD);
    assert_int_equal(e->right->kind, EX_NOT);
    assert_int_equal(e->right->left->kind, EX_EQ);

    e = first_column(&arena, "select a between b = 1 and c and d");
    assert_int_equal(e->kind, EX_AND);
    assert_int_equal(e->left->kind, EX_BETWEEN);
    assert_int_equal(e->left->list->items[0].expr->kind, EX_EQ);
    arena_deinit(&arena);
}

static void operators_of_one_rank_lean_left(void **state)
{
    (void)state;
    Arena arena = {0};
    Expr *e = first_column(&arena, "select a - b - c");

    assert_int_equal(e->kind, EX_SUBTRACT);
    assert_int_equal(e->left->kind, EX_SUBTRACT);
    assert_int_equal(e->right->kind, EX_NAME);
    assert_int_equal(e->height, 3);
    arena_deinit(&arena);
}

static void negated_forms_are_not_over_the_plain_form(void **state)
{
    (void)state;
    Arena arena = {0};
    Expr *e = first_column(&arena, "select a not like b escape c");
    assert_int_equal(e->kind, EX_NOT);
    assert_int_equal(e->left->kind, EX_CALL);
    assert_text("like", e->left->text);
    assert_int_equal(e->left->list->count, 3);
    assert_text("b", e->left->list->items[0].expr->text);

    assert_int_equal(first_column(&arena, "select a not null")->kind, EX_NOT_NULL);
    assert_int_equal(first_column(&arena, "select a is not null")->kind, EX_NOT_NULL);
    assert_int_equal(first_column(&arena, "select a is not distinct from 1")->kind, EX_IS);
    assert_int_equal(first_column(&arena, "select a is distinct from 1")->kind, EX_IS_NOT);
    assert_int_equal(first_column(&arena, "select a not in (1, 2)")->left->kind, EX_IN);
    arena_deinit(&arena);
}

static void literals_are_decoded(void **state)
{
    (void)state;
    Arena arena = {0};
    assert_int_equal(first_column(&arena, "select 1_000_000")->u.integer, 1000000);
    assert_int_equal(first_column(&arena, "select 0x1_F")->u.integer, 31);
    assert_text("a'b", first_column(&arena, "select 'a''b'")->text);
    assert_text("a\"b", first_column(&arena, "select \"a\"\"b\"")->text);
    Expr *blob = first_column(&arena, "select x'00ff'");
    assert_int_equal(blob->size, 2);
    assert_memory_equal(blob->text, "\x00\xff", 2);
    Expr *big = first_column(&arena, "select 9223372036854775808");
    assert_int_equal(big->kind, EX_FLOAT);
    assert_true(big->flags & EXPR_INT_OVERFLOW);
    arena_deinit(&arena);
}

static void parameters_are_numbered_as_in_sqlite(void **state)
{
    (void)state;
    Arena arena = {0};
    ParseResult result;
    assert_ok(parse(&arena, "select ?5, ?, :a, ?, :a, @a", &result));

    const ExprList *columns = result.stmt->u.select->columns;
    const int expected[] = {5, 6, 7, 8, 7, 9};
    for (u32 i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(columns->items[i].expr->u.param, expected[i]);
    assert_int_equal(result.stmt->param_count, 9);
    assert_int_equal(result.stmt->param_name_count, 3);
    arena_deinit(&arena);
}

static void every_kind_of_statement_is_recognised(void **state)
{
    (void)state;
    assert_parses("", STMT_EMPTY);
    assert_parses(" -- nothing\n ;; ", STMT_EMPTY);
    assert_parses("with recursive a(b) as not materialized (values(1),(2)) select b from a",
                  STMT_SELECT);
    assert_parses("insert or ignore into a.b as c(d) select 1 where 1 on conflict(d) where d>1 "
                  "do update set (d,e)=(1,2) where 1 on conflict do nothing returning *, d f",
                  STMT_INSERT);
    assert_parses("with a as (select 1) update or fail b indexed by c set d=1 from a where 1",
                  STMT_UPDATE);
    assert_parses("delete from a not indexed where b returning b", STMT_DELETE);
    assert_parses("create table a(b int generated always as (1) stored, c not null default -1 "
                  "references d on delete set null deferrable initially deferred, "
                  "primary key(b, c desc) constraint e check(b>c)) without rowid, strict",
                  STMT_CREATE_TABLE);
    assert_parses("create unique index if not exists a.b on c(d+1 collate nocase desc) where e",
                  STMT_CREATE_INDEX);
    assert_parses("create temp view a(b,c) as select 1,2", STMT_CREATE_VIEW);
    assert_parses("create trigger a instead of update of b,c on d for each row when new.b "
                  "begin update d set b=1; select raise(abort, 'x'||1); end",
                  STMT_CREATE_TRIGGER);
    assert_parses("create virtual table a using b(c(,), d 'e)')", STMT_CREATE_VIRTUAL_TABLE);
    assert_parses("alter table a alter column b set not null on conflict fail", STMT_ALTER);
    assert_parses("drop view if exists a.b", STMT_DROP);
    assert_parses("pragma a.b(-1)", STMT_PRAGMA);
    assert_parses("attach database 'a' as b key 'c'", STMT_ATTACH);
    assert_parses("detach b", STMT_DETACH);
    assert_parses("begin exclusive transaction a", STMT_BEGIN);
    assert_parses("begin concurrent", STMT_BEGIN);
    assert_parses("end", STMT_COMMIT);
    assert_parses("rollback transaction to savepoint a", STMT_ROLLBACK_TO);
    assert_parses("savepoint a", STMT_SAVEPOINT);
    assert_parses("release a", STMT_RELEASE);
    assert_parses("reindex a.b", STMT_REINDEX);
    assert_parses("analyze", STMT_ANALYZE);
    assert_parses("vacuum a into 'b'", STMT_VACUUM);
    assert_parses("explain query plan select 1", STMT_SELECT);
}

static void the_tail_begins_behind_the_semicolon(void **state)
{
    (void)state;
    Arena arena = {0};
    ParseResult result;
    assert_ok(parse(&arena, "select 1; select 2", &result));

    assert_int_equal(result.tail, 9);
    assert_int_equal(result.stmt->text.size, 8);
    arena_deinit(&arena);
}

static void create_statements_keep_their_text_from_the_name_on(void **state)
{
    (void)state;
    Arena arena = {0};
    ParseResult result;
    assert_ok(parse(&arena, "create temp table if not exists temp . t ( a ) -- x\n;", &result));
    Span body = result.stmt->u.create_table->body;
    assert_int_equal(body.size, strlen("t ( a )"));
    assert_memory_equal(body.text, "t ( a )", body.size);

    assert_ok(parse(&arena, "create index i on t(a) -- x\n;", &result));
    body = result.stmt->u.create_index->body;
    assert_int_equal(body.size, strlen("i on t(a) -- x\n"));

    assert_ok(parse(&arena, "create view v as select 1 -- x\n;", &result));
    body = result.stmt->u.create_view->body;
    assert_int_equal(body.size, strlen("v as select 1 -- x"));
    arena_deinit(&arena);
}

static void types_keep_their_text_but_not_generated_always(void **state)
{
    (void)state;
    Arena arena = {0};
    ParseResult result;
    assert_ok(parse(&arena,
                    "create table t(a varchar ( 10 , 20 ), b \"x y\", "
                    "c int generated   always as (1), d)",
                    &result));
    const ColumnDef *a = result.stmt->u.create_table->columns;
    assert_text("varchar ( 10 , 20 )", a->type);
    assert_text("x y", a->next->type);
    assert_text("INT", a->next->next->type);
    assert_null(a->next->next->next->type);
    arena_deinit(&arena);
}

static void window_over_and_filter_are_words_only_in_their_place(void **state)
{
    (void)state;
    assert_parses("select filter, over, window from (select 1 filter, 2 over, 3 window)",
                  STMT_SELECT);
    assert_parses("select sum(a) filter (where 1) over w from t window w as (order by a)",
                  STMT_SELECT);
    assert_parses("select sum(1) over from t", STMT_SELECT);
    assert_parses("select 1 window w as ()", STMT_SELECT);
}

// head, `count` times unit, then tail
static char *repeated(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t unit_size = strlen(unit);
    size_t head_size = strlen(head);
    char *text = malloc(head_size + unit_size * count + strlen(tail) + 1);
    memcpy(text, head, head_size);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head_size + i * unit_size, unit, unit_size);
    memcpy(text + head_size + unit_size * count, tail, strlen(tail) + 1);
    return text;
}

static void assert_repeated_error(const char *head, const char *unit, size_t count,
                                  const char *tail, const char *message)
{
    char *sql = repeated(head, unit, count, tail);
    assert_error(sql, -1, message);
    free(sql);
}

static void deep_nesting_is_an_error_not_a_crash(void **state)
{
    (void)state;
    assert_repeated_error("select ", "(", 10000, "1", "Recursion limit");
    assert_repeated_error("select ", "not ", 10000, "1", "Recursion limit");
    assert_repeated_error("select ", "abs(", 10000, "1", "Recursion limit");
    assert_repeated_error("select ", "(select ", 10000, "1", "Recursion limit");
    assert_repeated_error("select * from ", "(select * from ", 10000, "t", "Recursion limit");
    assert_repeated_error("select * from ", "(", 10000, "t", "Recursion limit");
    assert_repeated_error("select ", "case when ", 10000, "1", "Recursion limit");
    assert_repeated_error("", "with a as (", 10000, "select 1", "Recursion limit");
    assert_repeated_error("select ", "1+(", 10000, "1", "Recursion limit");
    assert_repeated_error("select 1", "+1", 1000, "",
                          "Expression tree is too large (maximum depth 1000)");
    assert_repeated_error("select ", "-", 0, "", "incomplete input");
}

static void long_statements_are_read(void **state)
{
    (void)state;
    char *list = repeated("select 1 in (0", ",1234567", 131072, ")"); // 1 MB
    assert_parses(list, STMT_SELECT);
    free(list);
    char *rows = repeated("insert into t values(0)", ",(1,'abc',2.5)", 100000, "");
    assert_parses(rows, STMT_INSERT);
    free(rows);
}

static void limits_are_the_callers(void **state)
{
    (void)state;
    Arena arena = {0};
    ParseResult result;
    ParseOptions options = parse_options_default();
    options.compound_select = 2;
    const char *sql = "select 1 union select 2 union select 3";
    assert_rc(SQLITE_ERROR, parse_statement(sql, strlen(sql), &options, &arena, &result));
    assert_text("too many terms in compound SELECT", result.message);

    options.function_arg_count = 1;
    sql = "select max(1,2)";
    assert_rc(SQLITE_ERROR, parse_statement(sql, strlen(sql), &options, &arena, &result));
    assert_text("too many arguments on function max", result.message);

    options.forbid_comments = true;
    sql = "select /* x */ 1";
    assert_rc(SQLITE_ERROR, parse_statement(sql, strlen(sql), &options, &arena, &result));
    arena_deinit(&arena);
}

static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    (void)state;
    char *wide = repeated("select max(a, b+1, (select c from d e join f using(g))), case 1 when 2 "
                          "then x'00' end, count(*) over (partition by h)",
                          ",?", 3000, " from t where a in (1,2) order by 1");
    const char *const statements[] = {
        wide,
        "create table a(b int primary key, c check(b>1), unique(c) constraint d check(1))",
        "insert into a values(1,2),(3,4) on conflict(b) do update set c=1 returning *",
        "create trigger a after insert on b begin update c set d=1; select 1; end",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        int rc = SQLITE_NOMEM;
        for (i64 n = 1; rc == SQLITE_NOMEM; n++) {
            Arena arena = {0};
            ParseResult result;
            alloc_fault_arm(n, n % 2 == 0);
            rc = parse(&arena, statements[i], &result);
            alloc_fault_arm(0, false);
            arena_deinit(&arena);
        }
        assert_int_equal(rc, SQLITE_OK);
    }
    free(wide);
}

TEST_SUITE(parse, cmocka_unit_test(errors_read_like_those_of_sqlite),
           cmocka_unit_test(operators_bind_as_in_sqlite),
           cmocka_unit_test(operators_of_one_rank_lean_left),
           cmocka_unit_test(negated_forms_are_not_over_the_plain_form),
           cmocka_unit_test(literals_are_decoded),
           cmocka_unit_test(parameters_are_numbered_as_in_sqlite),
           cmocka_unit_test(every_kind_of_statement_is_recognised),
           cmocka_unit_test(the_tail_begins_behind_the_semicolon),
           cmocka_unit_test(create_statements_keep_their_text_from_the_name_on),
           cmocka_unit_test(types_keep_their_text_but_not_generated_always),
           cmocka_unit_test(window_over_and_filter_are_words_only_in_their_place),
           cmocka_unit_test(deep_nesting_is_an_error_not_a_crash),
           cmocka_unit_test(long_statements_are_read), cmocka_unit_test(limits_are_the_callers),
           cmocka_unit_test(running_out_of_memory_is_reported_wherever_it_happens))
