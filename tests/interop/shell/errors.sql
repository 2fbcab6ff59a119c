select 1;
select * from nosuch;
selec 1;
create table t(a unique, b check(b > 0));
insert into t values(1, 1);
insert into t values(1, 2);
insert into t values(2, 0);
select a,
 z from t;
select a from t where a = 'a long text that moves the place of the error far to the right of the line' and nosuch = 1;
select a -- a comment
from t -- another
;
/* a comment */ select 2;
-- nothing

select 3; select 4;
select 5;
go
select 6
/
# a line that is no SQL

select 7
;
.foo
.
.print hello "world"  'single quotes' x
.print "tab\there" back\\slash "octal\101"
.echo on
select 8;
.print shown
.echo off
.bail
.bail off
.echo
.timer
.timer off
.changes
.changes on
insert into t values(9,9);
select 1;
delete from t where a = 9;
.changes off
.timeout
.timeout 100
.prompt
.prompt a b
.binary
.binary on
.scanstats
.stats off
.log
.log off
.trace stdout
select 1;
select 2 -- comment
;
.trace --plain
.trace --expanded stdout
.trace off
.parameter init
.parameter set @a 5
.parameter set $b 'text'
.parameter set :c "'quoted'"
.parameter set ?4 select
.parameter list
select @a, $b, :c, ?4;
.parameter unset @a
.parameter list
.parameter clear
.parameter list
.parameter
.parameter foo
.limit length 100000
.limit foo
.limit length
.limit like
.limit a b c d
.limit depth
.dbconfig defensive on
.dbconfig defensive
.dbconfig foo
.filectrl data_version2
.progress 1000000 --quiet
.progress 0
.progress --foo
.auth
.auth on
select 10;
.auth off
.help nosuchcommand
.help echo
.help trace
.help lim
.help parameter
.explain off
.eqp off
select 'unterminated
