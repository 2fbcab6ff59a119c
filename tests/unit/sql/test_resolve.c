#include "tests/support/test.h"

#include "base/buffer.h"
#include "sql/expr_tree.h"
#include "sql/resolve.h"
#include "tests/support/schema_fixture.h"

static const char schema_text[] =
    "create table t1(a,b,c);"
    "create table t2(a,d);"
    "create table t3(x integer primary key, y text collate nocase, z int not null, g as (z+1));"
    "create view v1 as select a,b from t1;";

static int set_up(void **state)
{
    return query_fixture_begin(state, schema_text);
}

static Select *resolved_select(QueryFixture *f, const char *sql)
{
    Stmt *stmt;
    int rc = query_fixture_resolve(f, sql, &stmt);
    if (rc != SQLITE_OK)
        fail_msg("%s: %s", sql, schema_fixture_message(f->db));
    return stmt->u.select;
}

static Expr *column(const Select *select, u32 i)
{
    return select->columns->items[i].expr;
}

// Statement, byte offset and message as SQLite 3.53.2 gave them.
// clang-format off
static const struct {
    const char *sql;
    int offset;
    const char *message;
} bad_statements[] = {
    {"select n1 union select n2", 23, "no such column: n2"},
    {"select n1 from nosuch1 union select n2 from nosuch2", -1, "no such table: nosuch2"},
    {"select n1, n2", 7, "no such column: n1"},
    {"select n1 where n2 group by n3 having n4 order by n5 limit n6", 59, "no such column: n6"},
    {"select 1 from t1 where n2 group by n3 having n4 order by n5 limit n6", 66, "no such column: n6"},
    {"select 1 from t1 group by n3 having n4 order by n5 limit n6", 57, "no such column: n6"},
    {"select 1 from t1 group by a having n4 order by n5 limit n6", 56, "no such column: n6"},
    {"select 1 from t1 group by a  order by n5 limit n6", 47, "no such column: n6"},
    {"select 1 from t1 limit n6 offset n7", 23, "no such column: n6"},
    {"select (select n1 from t1), n2 from t1", 15, "no such column: n1"},
    {"select n1 from (select n2 from t1)", 23, "no such column: n2"},
    {"select n1 from t1 join t2 on n2", 7, "no such column: n1"},
    {"select n1 from t1, t2, nosuch", -1, "no such table: nosuch"},
    {"select (select 1 from nosuch), n1 from t1", -1, "no such table: nosuch"},
    {"select rowid from t1,t2", 7, "ambiguous column name: rowid"},
    {"select rowid from v1", 7, "no such column: rowid"},
    {"select v1.rowid from v1", 7, "no such column: v1.rowid"},
    {"select rowid from (select a from t1)", 7, "no such column: rowid"},
    {"select a from t1,t2", 7, "ambiguous column name: a"},
    {"select t1.a from t1, t1", 7, "ambiguous column name: t1.a"},
    {"select * from t1 join t2 using(zz)", -1, "cannot join using column zz - column not present in both tables"},
    {"select * from t1 join t2 using(b)", -1, "cannot join using column b - column not present in both tables"},
    {"select * from t1 join t2 using(rowid)", -1, "cannot join using column rowid - column not present in both tables"},
    {"select * from t1 natural join t2 on 1", -1, "a NATURAL join may not have an ON or USING clause"},
    {"select \"abc\".a from t1", 7, "no such column: abc.a"},
    {"select t1.\"abc\" from t1", 7, "no such column: t1.abc"},
    {"select [abc] from t1", 7, "no such column: abc"},
    {"select `abc` from t1", 7, "no such column: abc"},
    {"select \"true\", true, [true] from t1", 21, "no such column: true"},
    {"select nosuch.a from t1", 7, "no such column: nosuch.a"},
    {"select main.t1.a, main.t1.nosuch from t1", 18, "no such column: main.t1.nosuch"},
    {"select nosuch.t1.a from t1", 7, "no such column: nosuch.t1.a"},
    {"select temp.t1.a from t1", 7, "no such column: temp.t1.a"},
    {"select t1.a from t1 as x", 7, "no such column: t1.a"},
    {"select main.t1.a from t1 as x", 7, "no such column: main.t1.a"},
    {"select a as q, q+1 from t1", 15, "no such column: q"},
    {"select count(*) as q from t1 where q=1", 7, "misuse of aggregate: count()"},
    {"select max(a) as m from t1 group by m", -1, "aggregate functions are not allowed in the GROUP BY clause"},
    {"select count(*) from t1 where count(*)>1", 30, "misuse of aggregate: count()"},
    {"select count(count(*)) from t1", 13, "misuse of aggregate function count()"},
    {"select a from t1 group by count(*)", -1, "aggregate functions are not allowed in the GROUP BY clause"},
    {"select sum(a) over () from t1 where sum(a) over ()>1", 36, "misuse of window function sum()"},
    {"select a from t1 group by row_number() over ()", 26, "misuse of window function row_number()"},
    {"select a from t1 having row_number() over ()", -1, "HAVING clause on a non-aggregate query"},
    {"select a from t1 group by a having row_number() over ()", 35, "misuse of window function row_number()"},
    {"select row_number() from t1", 7, "misuse of window function row_number()"},
    {"select row_number() over () as r from t1 where r=1", -1, "misuse of aliased window function r"},
    {"select sum(row_number() over ()) from t1", 11, "misuse of window function row_number()"},
    {"select sum(a) over (order by row_number() over ()) from t1", 29, "misuse of window function row_number()"},
    {"select sum(a) over (partition by sum(a) over ()) from t1", 33, "misuse of window function sum()"},
    {"select a from t1 order by count(*)", 26, "misuse of aggregate: count()"},
    {"select a from t1 limit count(*)", 23, "misuse of aggregate function count()"},
    {"select a from t1 limit a", 23, "no such column: a"},
    {"select nosuchf(1)", 7, "no such function: nosuchf"},
    {"select nosuchf(*)", 7, "no such function: nosuchf"},
    {"select abs()", 7, "wrong number of arguments to function abs()"},
    {"select abs(1,2)", 7, "wrong number of arguments to function abs()"},
    {"select count(distinct a,b) from t1", 7, "wrong number of arguments to function count()"},
    {"select group_concat(distinct a,b) from t1", -1, "DISTINCT aggregates must have exactly one argument"},
    {"select abs(1) filter (where 1)", 7, "FILTER may not be used with non-aggregate abs()"},
    {"select abs(1) filter (where 1) over ()", 7, "abs() may not be used as a window function"},
    {"select row_number() filter (where 1) over () from t1", -1, "FILTER clause may only be used with aggregate window functions"},
    {"select rank() over (filter) from t1", -1, "no such window: filter"},
    {"select sum(distinct a) over () from t1", -1, "DISTINCT is not supported for window functions"},
    {"select count(a order by b) over () from t1", 7, "ORDER BY may not be used with non-aggregate count()"},
    {"select likelihood(1,2)", 7, "second argument to likelihood() must be a constant between 0.0 and 1.0"},
    {"select likelihood(1,a) from t1", 7, "second argument to likelihood() must be a constant between 0.0 and 1.0"},
    {"select (1,2)", -1, "row value misused"},
    {"select (1,2)=(1,2,3)", -1, "row value misused"},
    {"select (1,2)=1", -1, "row value misused"},
    {"select 1=(1,2)", 7, "row value misused"},
    {"select (1,2) in (select 1)", -1, "sub-select returns 1 columns - expected 2"},
    {"select 1 in (select 1,2)", -1, "sub-select returns 2 columns - expected 1"},
    {"select 1 in ((1,2))", -1, "row value misused"},
    {"select (select 1,2)", -1, "sub-select returns 2 columns - expected 1"},
    {"select 1 between (1,2) and 3", 7, "row value misused"},
    {"select (1,2)+1", -1, "row value misused"},
    {"select -(1,2)", -1, "row value misused"},
    {"select abs((1,2))", -1, "row value misused"},
    {"select (1,2) is null", -1, "row value misused"},
    {"select (1,2) is not 1", -1, "row value misused"},
    {"select (1,2) like 3", -1, "row value misused"},
    {"select * from t1 where (a,b)", -1, "row value misused"},
    {"select * from t1 order by (a,b)", -1, "row value misused"},
    {"select * from t1 group by (a,b)", -1, "row value misused"},
    {"select * from t1 limit (1,2)", -1, "row value misused"},
    {"select a from t1 order by 2", -1, "1st ORDER BY term out of range - should be between 1 and 1"},
    {"select a from t1 order by 0", 26, "1st ORDER BY term out of range - should be between 1 and 1"},
    {"select a from t1 order by -1", 27, "1st ORDER BY term out of range - should be between 1 and 1"},
    {"select a from t1 group by 2", -1, "1st GROUP BY term out of range - should be between 1 and 1"},
    {"select a from t1 union select a from t2 order by d", -1, "1st ORDER BY term does not match any column in the result set"},
    {"select a from t1 union select a from t2 order by 2", 49, "1st ORDER BY term out of range - should be between 1 and 1"},
    {"select a from t1 union select a from t2 order by 1+1", -1, "1st ORDER BY term does not match any column in the result set"},
    {"select a from t1 union select a,d from t2", -1, "SELECTs to the left and right of UNION do not have the same number of result columns"},
    {"select a from t1 intersect select a,d from t2", -1, "SELECTs to the left and right of INTERSECT do not have the same number of result columns"},
    {"select a from t1 union all select a,d from t2", -1, "SELECTs to the left and right of UNION ALL do not have the same number of result columns"},
    {"select a from t1 except select a,d from t2", -1, "SELECTs to the left and right of EXCEPT do not have the same number of result columns"},
    {"values(1),(2,3)", -1, "all VALUES must have the same number of terms"},
    {"select * from t1 where a in (select * from t2)", -1, "sub-select returns 2 columns - expected 1"},
    {"select *", -1, "no tables specified"},
    {"select t9.* from t1", -1, "no such table: t9"},
    {"select main.* from t1", -1, "no such table: main"},
    {"select a.* from t1", -1, "no such table: a"},
    {"select raise(abort,'x')", -1, "RAISE() may only be used within a trigger-program"},
    {"select new.a from t1", 7, "no such column: new.a"},
    {"select excluded.a from t1", 7, "no such column: excluded.a"},
    {"select * from t1(1)", -1, "'t1' is not a function"},
    {"select * from v1(1)", -1, "'v1' is not a function"},
    {"select * from generate_series(1)", -1, "no such table: generate_series"},
    {"select * from nosuch(1)", -1, "no such table: nosuch"},
    {"select * from main.nosuch", -1, "no such table: main.nosuch"},
    {"select * from nosuch.t1", -1, "no such table: nosuch.t1"},
    {"select * from temp.t1", -1, "no such table: temp.t1"},
    {"with a as (select 1) select * from a(1)", -1, "'a' is not a function"},
    {"select * from t1 indexed by foo", -1, "no such index: foo"},
    {"select * from v1 indexed by foo", -1, "no such index: foo"},
    {"select x'ab' from t1 where 0x12345678901234567", 27, "hex literal too big: 0x12345678901234567"},
    {"select sum(a) from t1 where (select sum(t1.a) from t2)>1", 36, "misuse of aggregate: sum()"},
    {"select 1 from t1 having 1", -1, "HAVING clause on a non-aggregate query"},
    {"select 1 from t1 having count(*)", -1, "HAVING clause on a non-aggregate query"},
    {"select 1 having count(*)", -1, "HAVING clause on a non-aggregate query"},
    {"with recursive c(n) as (select 1 union all select n+1 from c, c as d) select * from c", -1, "multiple references to recursive table: c"},
    {"with recursive c(n) as (select 1 union all select n+1 from c where n in c) select * from c", -1, "multiple recursive references: c"},
    {"with recursive c(n) as (select n from c) select * from c", -1, "circular reference: c"},
    {"with recursive c(n) as (select 1 union select n from d), d as (select * from c) select * from c", -1, "circular reference: c"},
    {"with recursive c(n) as (select 1 intersect select n from c) select * from c", -1, "circular reference: c"},
    {"with c(n,m) as (select 1) select * from c", -1, "table c has 1 values for 2 columns"},
    {"with recursive c(n) as (select 1 union all select max(n) from c) select * from c", -1, "recursive aggregate queries not supported"},
    {"with t1 as (select * from t1) select * from t1", -1, "circular reference: t1"},
    {"insert into nosuch values(1)", -1, "no such table: nosuch"},
    {"insert into t1 values(1)", -1, "table t1 has 3 columns but 1 values were supplied"},
    {"insert into t1(a,b) values(1)", -1, "1 values for 2 columns"},
    {"insert into t1(a,zz) values(1,2)", -1, "table t1 has no column named zz"},
    {"insert into t1 select 1", -1, "table t1 has 3 columns but 1 values were supplied"},
    {"insert into t1(a) select 1,2", -1, "2 values for 1 columns"},
    {"insert into t3(g) values(1)", -1, "cannot INSERT into generated column \"g\""},
    {"insert into t3 values(1,2,3,4)", -1, "table t3 has 3 columns but 4 values were supplied"},
    {"insert into t1 values(a,2,3)", 22, "no such column: a"},
    {"insert into t1 values(1,2,3) on conflict(a) do nothing", -1, "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint"},
    {"insert into t3(z) values(1) on conflict(nosuch) do nothing", 40, "no such column: nosuch"},
    {"insert into t3(z) values(1) on conflict(y) do nothing on conflict(x) do nothing", -1, "1st ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint"},
    {"insert into t1 values(1,2,3) returning *, rowid, t1.a, new.a", 55, "no such column: new.a"},
    {"insert into t1 values(1,2,3) returning t1.*", -1, "RETURNING may not use \"TABLE.*\" wildcards"},
    {"insert into t1 values(1,2,3) returning nosuch", 39, "no such column: nosuch"},
    {"insert into t1 values(1,2,3) returning count(*)", 39, "misuse of aggregate function count()"},
    {"insert into t1 values(1,2,3) returning old.a", 39, "no such column: old.a"},
    {"delete from t1 returning a, old.a, rowid", 28, "no such column: old.a"},
    {"delete from t1 where nosuch", 21, "no such column: nosuch"},
    {"delete from nosuch", -1, "no such table: nosuch"},
    {"delete from t1 as x where t1.a", 26, "no such column: t1.a"},
    {"update t1 set nosuch=1", -1, "no such column: nosuch"},
    {"update t1 set a=nosuch", 16, "no such column: nosuch"},
    {"update t1 set (a,b)=(1,2,3)", -1, "2 columns assigned 3 values"},
    {"update t1 set (a,b)=1", -1, "2 columns assigned 1 values"},
    {"update t1 set (a,b)=(select 1)", -1, "2 columns assigned 1 values"},
    {"update t1 set a=(1,2)", -1, "row value misused"},
    {"update t1 set (a)=(select 1,2)", -1, "1 columns assigned 2 values"},
    {"update t1 set a=(select 1,2)", -1, "sub-select returns 2 columns - expected 1"},
    {"update t3 set g=1", -1, "cannot UPDATE generated column \"g\""},
    {"update t1 set a=t2.nosuch from t2", 16, "no such column: t2.nosuch"},
    {"update t1 set a=1 from t1", -1, "target object/alias may not appear in FROM clause: t1"},
    {"update t1 set a=1 where nosuch", 24, "no such column: nosuch"},
    {"update t1 indexed by nosuch set a=1", -1, "no such index: nosuch"},
    {"update t1 set a=count(*)", 16, "misuse of aggregate function count()"},
    {"update t1 set a=1 where count(*)", 24, "misuse of aggregate function count()"},
    {"delete from t1 where (1,2)", -1, "row value misused"},
    {"select sum(x) over (w partition by y) from t3 window w as (order by y)", -1, "cannot override PARTITION clause of window: w"},
    {"select sum(x) over (w order by y) from t3 window w as (order by y)", -1, "cannot override ORDER BY clause of window: w"},
    {"select sum(x) over (w) from t3 window w as (rows 1 preceding)", -1, "cannot override frame specification of window: w"},
    {"select sum(x) over (order by y,z range 1 preceding) from t3", -1, "RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression"},
    {"select lead(x,1,2,3) over () from t3", 7, "wrong number of arguments to function lead()"},
    {"insert into t1 as q values(1,2,3) returning q.a", 44, "no such column: q.a"},
    {"insert into t1 values(1,2,3) returning t1.a, main.t1.a", 45, "no such column: main.t1.a"},
    {"insert into main.t1(zz) values(1)", -1, "table main.t1 has no column named zz"},
    {"insert into main.t1 as q(zz) values(1)", -1, "table q has no column named zz"},
    {"insert into main.t1 values(1)", -1, "table main.t1 has 3 columns but 1 values were supplied"},
    {"update t1 set zz=nosuch", 17, "no such column: nosuch"},
    {"update t1 set a=1 from t2 join t3 on x=t1.a", -1, "no such column: t1.a"},
    {"update t1 set a=1 from t2 left join t3 using(x)", -1, "cannot join using column x - column not present in both tables"},
    {"select count(*) as q, (select q) from t1", 30, "no such column: q"},
    {"select count(*) as q from t1 where (select q)", 7, "misuse of aggregate: count()"},
    {"select t1 from t1", 7, "no such column: t1"},
    {"select a from t1 order by (select 1 limit a)", 42, "no such column: a"},
    {"select (select a from t2 order by t1.a limit t1.b) from t1", 45, "no such column: t1.b"},
    {"select (select 1 limit t1.a) from t1", 23, "no such column: t1.a"},
    {"select * from t1 where a=(select max(a) from t1 t9 where t9.b=t1.b group by c having max(t1.a)>0)", 85, "misuse of aggregate: max()"},
    {"select rowid from (t1 join t2 using (a))", 7, "ambiguous column name: rowid"},
    {"select a from (t1 join t2) y", 7, "ambiguous column name: a"},
    {"select a from (t1 join t2)", 7, "ambiguous column name: a"},
    {"select * from t1 x join (t1 join t2 using(b)) using(a)", -1, "cannot join using column b - column not present in both tables"},
    {"select rowid from (t1 join t2) y", 7, "ambiguous column name: rowid"},
    {"select t1.rowid, t2.rowid, y.rowid from (t1 join t2) y", 27, "no such column: y.rowid"},
    {"update t1 set a=1 from t1, t2", -1, "target object/alias may not appear in FROM clause: t1"},
};

// Statements that SQLite compiles, and the names of their result columns.
static const struct {
    const char *sql, *names;
} good_statements[] = {
    {"select t1.rowid from t1,t2", "rowid"},
    {"select oid, _rowid_, ROWID from t1", "rowid|rowid|rowid"},
    {"select rowid from t1, (select 1)", "rowid"},
    {"select a from t1 join t2 using(a)", "a"},
    {"select a from t1 natural join t2", "a"},
    {"select * from t1 natural join t2", "a|b|c|d"},
    {"select * from t1 natural left join t2", "a|b|c|d"},
    {"select * from t1 full join t2 using(a)", "a|b|c|d"},
    {"select t1.*, t2.* from t1 join t2 using(a)", "a|b|c|a|d"},
    {"select * from t1, t2 join t2 as t4 using(a)", "a|b|c|a|d|d"},
    {"select \"abc\" from t1", "\"abc\""},
    {"select main.v1.a from v1", "a"},
    {"select x.a from t1 as x", "a"},
    {"select main.x.a from t1 as x", "a"},
    {"select a as q from t1 where q=1", "q"},
    {"select a as q from t1 group by q having q>0 order by q+1", "q"},
    {"select sum(sum(a)) over () from t1", "sum(sum(a)) over ()"},
    {"select a from t1 order by row_number() over ()", "a"},
    {"select abs(distinct 1)", "abs(distinct 1)"},
    {"select max(distinct a) from t1", "max(distinct a)"},
    {"select max(distinct 1,2) from t1", "max(distinct 1,2)"},
    {"select sum(a) filter (where 1) from t1", "sum(a) filter (where 1)"},
    {"select count(a order by b) from t1", "count(a order by b)"},
    {"select row_number(order by a) over () from t1", "row_number(order by a) over ()"},
    {"select likelihood(1,0.5)", "likelihood(1,0.5)"},
    {"select (1,2)=(1,2)", "(1,2)=(1,2)"},
    {"select (1,2) in (select 1,2)", "(1,2) in (select 1,2)"},
    {"select (1,2) in ((1,2),(3,4))", "(1,2) in ((1,2),(3,4))"},
    {"select (select 1,2)=(1,2)", "(select 1,2)=(1,2)"},
    {"select (1,2) between (1,1) and (2,2)", "(1,2) between (1,1) and (2,2)"},
    {"select case (1,2) when (1,2) then 1 end", "case (1,2) when (1,2) then 1 end"},
    {"select (1,2) is (1,2)", "(1,2) is (1,2)"},
    {"select a from t1 order by 1.5", "a"},
    {"select a,b from t1 union select a,d from t2 order by d", "a|b"},
    {"select a+1 from t1 union select a from t2 order by a+1", "a+1"},
    {"select exists(select 1,2)", "exists(select 1,2)"},
    {"select 1 as rowid from t1 where rowid=1", "rowid"},
    {"select a from t1 where ?1=:x", "a"},
    {"select a from (t1 join t2 using (a))", "a"},
    {"select t1.a, t2.a, a from (t1 join t2 using (a))", "a|a|a"},
    {"select match(a,b) from t1", "match(a,b)"},
    {"select a match b from t1", "a match b"},
    {"select a from t1 where a match 'x'", "a"},
    {"select sqlite_offset(a) from t1", "sqlite_offset(a)"},
    {"select sqlite_offset(1)", "sqlite_offset(1)"},
    {"select unlikely(a), count(*) from t1", "unlikely(a)|count(*)"},
    {"select (select sum(t1.a)) from t1", "(select sum(t1.a))"},
    {"select (select sum(a+d) from t2) from t1", "(select sum(a+d) from t2)"},
    {"select (select count(*) from t2 where t1.a) from t1", "(select count(*) from t2 where t1.a)"},
    {"select max(a), b from t1", "max(a)|b"},
    {"select * from t1 join t2 on x=1 join t3", "a|b|c|a|d|x|y|z|g"},
    {"select * from t1 right join t2 on t1.a=t2.a join t3 on t3.x=t1.a", "a|b|c|a|d|x|y|z|g"},
    {"with recursive c(n) as (select 1 union all select n+1 from c where n<3) select * from c", "n"},
    {"with recursive c(n) as (select 1 union all select n+1 from c union all select n+2 from c limit 5) select * from c", "n"},
    {"with recursive c(n) as (select 1 union all select n+1 from c order by 1 limit 2) select * from c", "n"},
    {"with c as (select a from d), d as (select a from t1) select * from c", "a"},
    {"with c as (select nosuch) select 1", "1"},
    {"with c as (select 1 from nosuch) select 1", "1"},
    {"with t1 as (select 9) select * from v1", "a|b"},
    {"with c as (select 1 as n) select * from (with c as (select 2 as n) select * from c), c", "n|n"},
    {"insert into t1(a,a) values(1,2)", ""},
    {"insert into t3(rowid,y,z) values(1,2,3)", ""},
    {"insert into t1(rowid) values(7)", ""},
    {"insert into t3(z) values(1) on conflict(x) do update set z=excluded.z+t3.z+z", ""},
    {"insert into t1 values(1,2,3) returning (select a)", "(select a)"},
    {"delete from t1 where rowid=1 and t1.a=1", ""},
    {"delete from t1 as x where x.a=9", ""},
    {"update t1 set rowid=5", ""},
    {"update t1 set a=d from t2 where t1.a=t2.a", ""},
    {"update t1 set a=1 from t1 as q where t1.a=q.a", ""},
    {"update t1 set a=1,a=2", ""},
    {"update t1 set a=(1,2)=(3,4)", ""},
    {"select g from t3 where g=1", "g"},
    {"select sum(x) over w from t3 window w as (order by y), w2 as (w rows 1 preceding)", "sum(x) over w"},
    {"select sum(x) over (order by y range 1 preceding) from t3", "sum(x) over (order by y range 1 preceding)"},
    {"select sum(x) over (groups 1 preceding) from t3", "sum(x) over (groups 1 preceding)"},
    {"select sum(x) over (rows -1 preceding) from t3", "sum(x) over (rows -1 preceding)"},
    {"select sum(x) over (rows x preceding) from t3", "sum(x) over (rows x preceding)"},
    {"select sum(x) over (rows 'a' preceding) from t3", "sum(x) over (rows 'a' preceding)"},
    {"select ntile(0) over () from t3", "ntile(0) over ()"},
    {"select nth_value(x,0) over () from t3", "nth_value(x,0) over ()"},
    {"select x from t3 order by sum(x) over (), 1", "x"},
    {"select 1 from t3 window w as (order by nosuch)", "1"},
    {"select 1 from t3 window w as (nosuch)", "1"},
    {"select x as q from t3 order by sum(q) over ()", "q"},
    {"select distinct sum(x) over () from t3 group by y order by max(z)", "sum(x) over ()"},
    {"insert into t1 as q values(1,2,3) returning t1.a", "a"},
    {"insert into t1 values(1,2,3) returning t1.a, A, a+1, rowid, (select t1.b)", "a|a|a+1|rowid|(select t1.b)"},
    {"insert into t3 values(7,8,9) returning rowid, oid, X", "x|x|x"},
    {"update t1 as q set a=1 from t2 as q", ""},
    {"update t1 as q set a=1 from t1", ""},
    {"select * from (select a,a,a from t1)", "a|a:1|a:2"},
    {"select * from (select a+1,a+1,1,'x' from t1)", "a+1|a+1:1|1|'x'"},
    {"select \"a:1\" from (select a,a from t1)", "a:1"},
    {"select a from t1 union select d from t2", "a"},
    {"select (a), -a, +a, a collate nocase, \"a\", t1.a, main.t1.a, (select a) from t1", "a|-a|+a|a collate nocase|a|a|a|(select a)"},
    {"select count(*) as q from t1 group by a having q>0", "q"},
    {"select count(*) as q from t1 order by q", "q"},
    {"select x'ab', null, true, 1.50, 'it''s' from t1", "x'ab'|null|true|1.50|'it''s'"},
    {"select * from t1 as a, t1 as b where a.a=b.a", "a|b|c|a|b|c"},
    {"select a.a from t1 as a", "a"},
    {"select a from t1 as a", "a"},
    {"select 1 as a, a from t1", "a|a"},
    {"select a as b, b as a from t1 order by a", "b|a"},
    {"select a as b from t1 order by b+0", "b"},
    {"select -a as x from t1 order by x", "x"},
    {"select a, b from t1 group by 1 order by 2 desc", "a|b"},
    {"select distinct a from t1 order by b", "a"},
    {"select * from t1 where rowid in (select rowid from t2)", "a|b|c"},
    {"select 1 from t1 where exists (select rowid from (select 1 as rowid))", "1"},
    {"select * from t3 where y='A' and x is true and x is not false", "x|y|z|g"},
    {"select a is \"true\" from t1", "a is \"true\""},
    {"select a is (true) from t1", "a is (true)"},
    {"select case when a then b end c, iif(a,b,c), coalesce(a,b) from t1", "c|iif(a,b,c)|coalesce(a,b)"},
    {"select random()>0, abs(random())>0", "random()>0|abs(random())>0"},
    {"select abs(-9223372036854775808), 9223372036854775807+1", "abs(-9223372036854775808)|9223372036854775807+1"},
    {"select 0x7fffffffffffffff, -0x7fffffffffffffff", "0x7fffffffffffffff|-0x7fffffffffffffff"},
    {"with x as (values(1,2),(3,4)) select * from x", "column1|column2"},
    {"with x(p) as (select a from t1) select p, x.p, x.* from x", "p|p|p"},
    {"select column1, column2 from (values(1,2),(3,4))", "column1|column2"},
    {"select * from (values(1,2),(3,4)) as v order by v.column2 desc", "column1|column2"},
    {"with recursive r(i) as materialized (select 1 union select i+1 from r where i<3) select sum(i) from r", "sum(i)"},
    {"select group_concat(a order by b desc) from t1", "group_concat(a order by b desc)"},
    {"select sum(a) filter (where b>1) over (partition by c) from t1", "sum(a) filter (where b>1) over (partition by c)"},
    {"select a from t1 natural join (select a from t2)", "a"},
    {"select * from t1 a left join t2 b using(a) left join t2 c using(a)", "a|b|c|d|d"},
    {"select a from t1 right join t2 using(a)", "a"},
    {"select * from t1 right join t2 using(a)", "a|b|c|d"},
    {"select a from t1 full join t2 using(a) full join (select 5 as a) using (a)", "a"},
    {"select * from t1 cross join t2", "a|b|c|a|d"},
    {"select * from (t1 left join t2 using(a)) join t3 on x=d", "a|b|c|d|x|y|z|g"},
    {"select t1.a,t2.a,d,t3.x from (t1 left join t2 using(a)) join t3 on x=d", "a|a|d|x"},
    {"select * from ((t1 join t2 using(a)) join t3)", "a|b|c|d|x|y|z|g"},
    {"select t1.rowid from (t1 join t2 using (a))", "rowid"},
    {"select t1.a from (t1 join t2) y", "a"},
    {"select y.a from (t1 join t2) y", "a"},
    {"select t1.* from (t1 join t2 using(a))", "a|b|c"},
    {"select t2.* from (t1 join t2 using(a))", "a|d"},
    {"select * from (t1 join t2)", "a|b|c|a|d"},
    {"select y.a from (t1 right join t2 using(a)) y", "a"},
    {"select a, t1.a, t2.a from (t1 full join t2 using(a))", "a|a|a"},
    {"select * from t1 x join (t1 join t2 using(a)) using(a)", "a|b|c|b|c|d"},
    {"select main.t1.a from (t1 join t2)", "a"},
    {"select z.a from (t1 as z join t2)", "a"},
    {"update t1 set a=1 from t2 as t1", ""},
    {"update t1 set a=1 from t2, t1 as t9 where t9.a=t1.a and t2.a=t9.a", ""},
};
// clang-format on

static void errors_read_like_those_of_sqlite(void **state)
{
    QueryFixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad_statements); i++) {
        const char *sql = bad_statements[i].sql;
        Stmt *stmt;
        if (query_fixture_resolve(f, sql, &stmt) == SQLITE_OK)
            fail_msg("no error: %s", sql);
        const char *message = schema_fixture_message(f->db);
        if (strcmp(message, bad_statements[i].message) != 0
            || f->db->error_offset != bad_statements[i].offset)
            print_message("%s\n", sql);
        assert_text(bad_statements[i].message, message);
        assert_int_equal(f->db->error_offset, bad_statements[i].offset);
    }
}

static ExprList *result_list(const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_INSERT: return stmt->u.insert->returning;
    case STMT_UPDATE: return stmt->u.update->returning;
    case STMT_DELETE: return stmt->u.delete_->returning;
    default: return NULL;
    }
}

static const char *joined_names(QueryFixture *f, Stmt *stmt)
{
    ColumnName *names = NULL;
    u32 count = 0;
    ExprList *list = result_list(stmt);
    if (stmt->kind == STMT_SELECT) {
        assert_ok(resolve_result_names(&f->ctx, stmt->u.select, &names, &count));
    } else if (list != NULL) {
        assert_ok(resolve_list_names(&f->ctx, list, &names));
        count = list->count;
    }
    const char *text = "";
    for (u32 i = 0; i < count; i++)
        text = arena_printf(&f->arena, "%s%s%s", text, i > 0 ? "|" : "", names[i].name);
    return text;
}

static void result_columns_are_named_as_in_sqlite(void **state)
{
    QueryFixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(good_statements); i++) {
        Stmt *stmt;
        if (query_fixture_resolve(f, good_statements[i].sql, &stmt) != SQLITE_OK)
            fail_msg("%s: %s", good_statements[i].sql, schema_fixture_message(f->db));
        const char *names = joined_names(f, stmt);
        if (strcmp(names, good_statements[i].names) != 0)
            print_message("%s\n", good_statements[i].sql);
        assert_text(good_statements[i].names, names);
    }
}

static void every_from_item_gets_a_cursor_of_its_own(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select * from t1, (select a from t2) q, v1 where exists "
                                   "(select 1 from t3)");

    assert_int_equal(s->from->items[0]->cursor, 0);
    assert_int_not_equal(s->from->items[1]->cursor, s->from->items[2]->cursor);
    assert_true(f->ctx.cursor_count >= 6);
    assert_int_equal(s->from->items[2]->kind, FROM_SELECT);
    assert_true(s->from->items[2]->is_view);
}

static void correlated_columns_say_how_far_out_they_look(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select (select (select b) from t2 where t2.a=t1.a), "
                                   "(select d from t2) from t1");

    Expr *correlated = column(s, 0);
    assert_true(correlated->flags & EXPR_CORRELATED);
    assert_false(column(s, 1)->flags & EXPR_CORRELATED);
    Expr *inner = column(correlated->select, 0);
    assert_int_equal(column(inner->select, 0)->u.column.depth, 2);
    assert_ptr_equal(column(inner->select, 0)->u.column.item, s->from->items[0]);
}

static void an_aggregate_belongs_to_the_select_whose_columns_it_reads(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select (select sum(t1.a) from t2), max(a), max(a) from t1");

    assert_true(s->flags & SELECT_AGGREGATE);
    assert_int_equal(s->agg_count, 2);
    Select *inner = column(s, 0)->select;
    assert_false(inner->flags & SELECT_AGGREGATE);
    assert_int_equal(column(inner, 0)->u.call->agg_depth, 1);
    assert_int_equal(column(s, 1)->u.call->agg_index, column(s, 2)->u.call->agg_index);
}

static void conditions_of_outer_joins_stay_tagged(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select * from t1 left join t2 on t1.a=t2.a where c=1");

    assert_int_equal(s->where->kind, EX_AND);
    Expr *on = s->where->left->flags & EXPR_OUTER_ON ? s->where->left : s->where->right;
    assert_true(on->flags & EXPR_OUTER_ON);
    assert_int_equal(on->on_item, s->from->items[1]->cursor);
    assert_true(s->from->items[1]->may_be_null);
    assert_false(s->from->items[0]->may_be_null);
}

static void full_join_merges_columns_by_coalesce(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select a from t1 full join t2 using(a)");

    assert_int_equal(column(s, 0)->kind, EX_CALL);
    assert_text("coalesce", column(s, 0)->text);
    assert_int_equal(column(s, 0)->list->count, 2);
    s = resolved_select(f, "select a from t1 right join t2 using(a)");
    assert_ptr_equal(column(s, 0)->u.column.item, s->from->items[1]);
}

static void affinity_and_collation_follow_the_columns(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select x, y, z, +z, y||'', q, cast(1 as text), y='a' "
                                   "from t3, (select y as q from t3)");

    assert_int_equal(expr_affinity(column(s, 0)), AFF_INTEGER);
    assert_int_equal(expr_affinity(column(s, 1)), AFF_TEXT);
    assert_int_equal(expr_affinity(column(s, 2)), AFF_INTEGER);
    assert_int_equal(expr_affinity(column(s, 3)), AFF_NONE);
    assert_int_equal(expr_affinity(column(s, 4)), AFF_NONE);
    assert_int_equal(expr_affinity(column(s, 5)), AFF_TEXT);
    assert_int_equal(expr_affinity(column(s, 6)), AFF_TEXT);
    assert_text("nocase", expr_collation_name(column(s, 1)));
    assert_text("nocase", expr_collation_name(column(s, 5)));
    assert_text("BINARY", expr_collation_name(column(s, 2)));
    assert_text("nocase", expr_compare_collation_name(column(s, 7)));
    assert_int_equal(expr_compare_affinity(column(s, 7)), AFF_TEXT);
}

static void windows_are_completed_from_their_definitions(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select sum(x) over (w rows 1 preceding), rank() over w from t3 "
                                   "window w as (partition by z order by y)");

    assert_int_equal(s->window_count, 2);
    const Window *first = column(s, 0)->u.call->window;
    assert_int_equal(first->unit, FRAME_ROWS);
    assert_int_equal(first->partition_by->count, 1);
    assert_int_equal(first->order_by->items[0].expr->kind, EX_COLUMN);
    const Window *second = column(s, 1)->u.call->window;
    assert_int_equal(second->unit, FRAME_RANGE);
    assert_int_equal(second->order_by->count, 1);
}

static void terms_of_order_by_point_at_result_columns(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select a+1 as q, b from t1 order by q, 2 desc, a+1, c");

    assert_int_equal(s->order_by->items[0].column, 1);
    assert_int_equal(s->order_by->items[1].column, 2);
    assert_int_equal(s->order_by->items[2].column, 1);
    assert_int_equal(s->order_by->items[3].column, 0);
    assert_int_equal(s->order_by->items[0].expr->kind, EX_ADD);
}

static void a_recursive_reference_reads_the_queue(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "with recursive c(n) as (select 1 union all select n+1 from c) "
                                   "select n from c");
    const FromItem *item = s->from->items[0];

    assert_true(item->select->flags & SELECT_RECURSIVE);
    assert_int_equal(item->select->from->items[0]->kind, FROM_RECURSIVE);
    assert_text("n", item->select->from->items[0]->columns[0].name);
}

static void copies_of_resolved_queries_have_cursors_of_their_own(void **state)
{
    QueryFixture *f = *state;
    Select *s = resolved_select(f, "select a, (select d from t2 where t2.a=t1.a) from t1");
    int before = f->ctx.cursor_count;
    Select *copy = select_copy(&f->arena, s, &f->ctx.cursor_count);

    assert_int_equal(f->ctx.cursor_count, before * 2);
    assert_ptr_equal(column(copy, 0)->u.column.item, copy->from->items[0]);
    const Select *inner = column(copy, 1)->select;
    assert_ptr_equal(inner->where->right->u.column.item, copy->from->items[0]);
    assert_ptr_equal(inner->where->left->u.column.item, inner->from->items[0]);
}

static void nested_subqueries_share_the_limit_on_depth(void **state)
{
    QueryFixture *f = *state;
    Buffer sql = {0};
    buffer_add_text(&sql, "select ");
    for (int i = 0; i < 44; i++)
        buffer_add_text(&sql, "(select ");
    buffer_add_text(&sql, "1");
    buffer_add_repeated(&sql, ')', 44);
    Stmt *stmt;

    assert_rc(SQLITE_ERROR, query_fixture_resolve(f, buffer_text(&sql), &stmt));
    buffer_deinit(&sql);
    assert_text("Expression tree is too large (maximum depth 1000)", schema_fixture_message(f->db));
}

static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    QueryFixture *f = *state;
    static const char *const statements[] = {
        "with c as (select a from t1) select c.a, sum(b) over w, (select max(z) from t3) from c "
        "natural join t1 left join v1 using(b) group by 1 having count(*)>1 "
        "window w as (order by c.a) "
        "order by 2, c.a",
        "insert into t3(x,y) values(1,2) on conflict(x) do update set y=excluded.y returning *",
        "update t1 set (a,b)=(select 1,2) from t2, t3 where t2.a=t1.a",
    };
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        int rc = SQLITE_NOMEM;
        for (i64 n = 1; rc == SQLITE_NOMEM && n < 10000; n++) {
            Stmt *stmt;
            arena_deinit(&f->arena);
            alloc_fault_arm(n, n % 2 == 0);
            rc = query_fixture_resolve(f, statements[i], &stmt);
            alloc_fault_arm(0, false);
        }
        assert_int_equal(rc, SQLITE_OK);
    }
}

// The view outlives the statement, and has to be as it was.
static void a_view_whose_columns_found_no_memory_can_be_used_later(void **state)
{
    QueryFixture *f = *state;
    Buffer sql = {0};
    buffer_add_text(&sql, "create view v2 as select *");
    for (int i = 1; i < 60; i++)
        buffer_add_text(&sql, ", *"); // short, for many columns
    buffer_add_text(&sql, " from t1;");
    assert_ok(schema_fixture_create(f->db, buffer_text(&sql)));
    buffer_deinit(&sql);

    int rc = SQLITE_NOMEM;
    i64 n = 1;
    for (; rc == SQLITE_NOMEM && n < 10000; n++) {
        Stmt *stmt;
        arena_deinit(&f->arena);
        alloc_fault_arm(n, false);
        rc = query_fixture_resolve(f, "select c from v2", &stmt);
        alloc_fault_arm(0, false);
    }

    assert_ok(rc);
    assert_true(n > 5);
}

#define RESOLVE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, query_fixture_end)

TEST_SUITE(resolve, RESOLVE_TEST(errors_read_like_those_of_sqlite),
           RESOLVE_TEST(result_columns_are_named_as_in_sqlite),
           RESOLVE_TEST(every_from_item_gets_a_cursor_of_its_own),
           RESOLVE_TEST(correlated_columns_say_how_far_out_they_look),
           RESOLVE_TEST(an_aggregate_belongs_to_the_select_whose_columns_it_reads),
           RESOLVE_TEST(conditions_of_outer_joins_stay_tagged),
           RESOLVE_TEST(full_join_merges_columns_by_coalesce),
           RESOLVE_TEST(affinity_and_collation_follow_the_columns),
           RESOLVE_TEST(windows_are_completed_from_their_definitions),
           RESOLVE_TEST(terms_of_order_by_point_at_result_columns),
           RESOLVE_TEST(a_recursive_reference_reads_the_queue),
           RESOLVE_TEST(copies_of_resolved_queries_have_cursors_of_their_own),
           RESOLVE_TEST(nested_subqueries_share_the_limit_on_depth),
           RESOLVE_TEST(a_view_whose_columns_found_no_memory_can_be_used_later),
           RESOLVE_TEST(running_out_of_memory_is_reported_wherever_it_happens))
