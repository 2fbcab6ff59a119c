# The sqlite3 shell: script, import, output modes, dump and restore, backup.
set -eu
sqlite3 -batch a.db <<'SQL'
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL, born REAL, photo BLOB);
INSERT INTO person(name, born, photo) VALUES ('Ada', 1906.25, x'00ff'), ('Grace', 1906.25, NULL);
CREATE VIEW names AS SELECT upper(name) AS name FROM person ORDER BY name;
CREATE INDEX person_name ON person(name);
.headers on
.mode box
SELECT * FROM person;
.mode csv
SELECT * FROM names;
.mode json
SELECT id, name, born FROM person;
.mode markdown
SELECT name, length(photo) FROM person;
.mode quote
SELECT * FROM person;
.mode insert copy
SELECT * FROM person;
.schema
.tables
.indexes
.parameter set @who 'Ada'
.mode list
SELECT id FROM person WHERE name = @who;
.dump
SQL
printf 'x,1\ny,2\nz,3\n' >letters.csv
sqlite3 a.db 'CREATE TABLE letter(a, b)' '.import --csv letters.csv letter' \
    'SELECT sum(b), group_concat(a) FROM letter'
sqlite3 a.db .dump | sqlite3 b.db
sqlite3 b.db 'SELECT name FROM person' 'PRAGMA integrity_check' '.backup c.db'
sqlite3 c.db 'SELECT count(*) FROM letter' 'PRAGMA journal_mode=wal' 'VACUUM' '.sha3sum'
sqlite3 a.db 'SELECT * FROM missing' 2>&1 || echo "status $?"
sqlite3 a.db 'EXPLAIN QUERY PLAN SELECT * FROM person WHERE name = 1' 'PRAGMA integrity_check'
