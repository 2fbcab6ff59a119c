# Tcl's sqlite3 package: values, functions, collations, hooks, incremental blobs, transactions.
package require sqlite3
sqlite3 db tcl.db
db eval {CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)}
set text "naïve — text"
db eval {INSERT INTO t(b, c) VALUES ($text, zeroblob(8))}
puts [db eval {SELECT a, b, typeof(c), length(c) FROM t}]
proc square {x} { return [expr {$x * $x}] }
db function square -deterministic -argcount 1 square
puts [db eval {SELECT square(7), square(1.5)}]
db collate backwards {string compare -nocase}
db eval {INSERT INTO t(b) VALUES ('Zebra'), ('apple'), ('Mango')}
puts [db eval {SELECT b FROM t ORDER BY b COLLATE backwards}]
set log {}
db update_hook {lappend log}
db commit_hook {lappend log commit; expr 0}
db rollback_hook {lappend log rollback}
db eval {UPDATE t SET b = b || '!' WHERE a > 2; DELETE FROM t WHERE a = 4}
puts $log
catch {db transaction { db eval {DELETE FROM t}; error "no thanks" }} message
puts "$message [db eval {SELECT count(*) FROM t}]"
set blob [db incrblob t c 1]
fconfigure $blob -translation binary
puts -nonewline $blob "quire"
close $blob
puts [db eval {SELECT hex(c) FROM t WHERE a = 1}]
db eval {SELECT a, b FROM t} row { puts "$row(a)=$row(b)" }
puts [catch {db eval {SELEC 1}} message]:$message
puts [catch {db eval {INSERT INTO t(a) VALUES (1)}} message]:$message:[db errorcode]
puts "[db exists {SELECT 1 FROM t WHERE a = 3}] [db onecolumn {SELECT max(a) FROM t}]"
puts "[db total_changes] [db last_insert_rowid]"
db trace_v2 {lappend traced} statement
set traced {}
db eval {SELECT count(*) FROM t}
puts [lindex $traced end]
db backup copy.db
sqlite3 copy copy.db -readonly 1
puts [copy eval {PRAGMA integrity_check}]
puts [catch {copy eval {DELETE FROM t}} message]:$message
copy close
db close
