create table t1(a integer primary key, b text, c real);
create view v1 as select a,b from t1;
create view "v 2" as select a as "x y" from t1;
create trigger tr1 after insert on t1 begin select 1; end;
create index i1 on t1(b);
create table "odd name"(x,"y z");
create table 'single'(x);
create table wide(first_column integer primary key, second_column text not null default 'a,b', third_column real check(third_column > 0), unique(second_column));
create temp table tt(q);
create temp view tv as select q from tt;
attach ':memory:' as aux;
create table aux.at(z);
create index aux.ai on at(z);
.tables
.tables t%
.tables nosuch
.tables a b
.indexes
.indices t1
.indexes nosuch
.indexes a b
.schema
.schema t1
.schema T1
.schema aux.at
.schema main.t%
.schema at
.schema --indent
.schema --nosys
.schema --foo
.schema a b
.schema sqlite_schema
.schema sqlite_master
.schema nosuch
.fullschema
.fullschema --indent
.fullschema x
.databases
begin;
insert into t1 values(1,'x',2.0);
.databases
commit;
create table p(id integer primary key, n, unique(n));
create table c(x references p(id), y references p(n), z references p);
.lint fkey-indexes
create index c_x on c(x);
.lint fkey-indexes
.lint
.lint foo
insert into "odd name" values(1,'a
b'),(2,'c''d'),(NULL,x'00ff');
insert into 'single' values(5),(1.5),('text');
.dump
.dump t1
.dump t1 single
.dump odd%
.dump nosuch
.dump --data-only t1
.dump --nosys
.dump --newlines "odd name"
.dump --preserve-rowids single
.dump --foo
create table auto(id integer primary key autoincrement, v);
insert into auto(v) values('a'),('b');
.dump auto
.dump
create table gen(a, b as (a+1), c as (a+2) stored);
insert into gen(a) values(1),(2);
.dump gen
.sha3sum
.sha3sum --schema
.sha3sum t1
.sha3sum --sha3-256 t1
.sha3sum --sha3-384
.sha3sum --sha3-512 t1
.vfsname
.vfsname aux
