create table t1(a integer primary key, b text, c real);
insert into t1 values(1,'one',1.5),(2,'two "quoted"',NULL),(3,'it''s',-7.25);
create table "odd name"(x,"y z");
insert into "odd name" values(x'41424344','line1
line2'),('tab	bed', 'longer than the others by far, so long that a line of sixty characters does not hold it');
.show
.mode
.mode column
select * from t1;
select * from "odd name";
.headers off
select * from t1;
.headers on
.width 5 -10 3
select * from t1;
.show
.width
select * from t1;
.mode box
select * from t1;
select * from "odd name";
select 1 where 0;
.mode table
select * from t1;
select * from "odd name";
.mode markdown
select * from t1;
.mode line
select * from t1;
select 1 as a_long_name_of_a_column, 2 as b;
.mode csv
select * from t1;
select * from "odd name";
select '', null, 'a,b', '"', ' x', 'é';
.mode quote
select * from t1;
select * from "odd name";
.mode insert
select * from t1;
.mode insert tabx
select * from t1;
select * from "odd name";
.mode insert "odd name"
select * from "odd name";
.mode html
select * from t1;
select '<a href="x">&''</a>';
.mode tabs
select * from t1;
.mode ascii
select * from t1;
.mode tcl
select * from t1;
select 'back\slash', 'tab	', 'é';
.mode json
select * from t1;
select * from "odd name";
select 'quote " back \ slash / control', 1e999, 5;
.mode list
select * from t1;
.mode qbox
select * from t1;
.mode box --wrap 8
select * from "odd name", t1;
.mode box --wrap 8 --ww
select 'the quick brown fox jumps', 'over' as x;
.mode column --quote
select * from t1;
.mode column --wrap 10
select * from "odd name";
.mode column --wrap 10 --wordwrap on
select * from "odd name";
.mode table --wrap 12 --ww
select * from "odd name";
.mode
.mode foo
.mode box
.mode
.nullvalue NIL
.mode list
select * from t1;
.mode column
select * from t1;
.mode line
select * from t1;
.mode list
.separator , ;
select * from t1;
.separator | "\n"
select 1, 2;
.separator "\t"
select 1, 2;
.separator
.separator a b c
.nullvalue
.nullvalue ""
.headers off
.headers
.headers yes
select 5 as five;
.headers 0
.headers maybe
select 5 as five;
.width a b
.width 3
.mode column
select 'abcdefghij', 1;
.mode list
.mode lis
.mode --wrap 5
.mode box --foo
.mode list extra more
explain query plan select * from t1 where a=1;
explain query plan select * from t1 order by b;
.explain off
.explain auto
.explain on
.explain
.explain auto
.eqp on
select * from t1 where a=1;
.eqp off
.eqp
.show
.mode box --wrap -5
select 'abcdefgh ijk' as a, 2;
.mode column --wrap -3
select 'abcdefgh ijk' as a;
