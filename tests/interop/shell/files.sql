.shell printf 'a,b,"c c"\n1,"x ""q""",\n2,3\n4,5,6,7\n"mult\nline",y,z\n' > i.csv
.shell printf 'a|b b\n1|2\n' > i.txt
.shell printf 'select 7;\n.print from a file\nselec 1;\nselect 8;\n' > r.sql
.shell printf 'one\0371\036two\0372\036' > i.ascii
create table imp(a,b,c);
.import --csv i.csv imp
select * from imp;
.import --csv --skip 1 i.csv imp2
select * from imp2;
.schema imp2
.import -v --csv i.csv imp3
.mode csv
.import i.csv imp5
select count(*) from imp5;
.mode list
.import i.txt imp6
select * from imp6;
.import --schema temp --csv i.csv imp7
.tables
.import --ascii i.ascii imp8
select * from imp8;
.import
.import i.csv
.import nofile imp
.import --foo i.csv imp
.import a b c
create table strict1(a unique, b, c);
insert into strict1 values('1',2,3);
.import --csv i.csv strict1
select count(*) from strict1;
.import "|printf '1,2,3\n'" imp
select count(*) from imp;
.once o1.txt
select 1;
select 2;
.output o2.txt
select 3;
.output
.shell cat o1.txt o2.txt
.output stdout
.once |cat -n
select 4;
.output |tr a-z A-Z
select 'upper';
.output
.read r.sql
.read nofile
.read
.read |echo select 9;
.save s.db
.backup main b.db
.backup
.backup a b c
.restore
.restore b.db
select count(*) from imp;
.clone
.clone c.db
.clone c.db
.open s.db
.tables
.open --new n.db
.tables
create table only_here(x);
.open n.db
.tables
.open --readonly n.db
create table refused(x);
.open --foo
.open a b
.open :memory:
.tables
.databases
.connection
.connection 1
.connection
create table second(x);
.tables
.connection close 1
.connection 0
.connection close 1
.connection
.connection foo
.cd
.cd /nonexistent/folder
.cd /
.shell pwd
.system echo several words "and quoted"
.shell
.load
.quit
select 'not reached';
