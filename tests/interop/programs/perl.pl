# Perl's DBD::SQLite.
use strict;
use warnings;
use DBI;
my $db = DBI->connect('dbi:SQLite:dbname=perl.db', '', '',
    {RaiseError => 1, PrintError => 0, sqlite_unicode => 1, AutoCommit => 1});
binmode STDOUT, ':utf8';
$db->do('CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, price REAL, UNIQUE(name))');
my $insert = $db->prepare('INSERT INTO t(name, price) VALUES (?, ?)');
$insert->execute(@$_) for ['Tea', 2.5], ["Caf\x{e9}", 3], ['milk', undef];
print $db->last_insert_id(undef, undef, 't', undef), "\n";
print join('|', map { defined ? $_ : 'undef' } @$_), "\n"
    for @{$db->selectall_arrayref('SELECT * FROM t ORDER BY name')};
eval { $insert->execute('TEA', 1) };
print $db->err, ' ', $db->errstr, "\n";
$db->sqlite_create_function('double', 1, sub { return 2 * $_[0] });
$db->sqlite_create_aggregate('total_length', 1, 'TotalLength');
print $db->selectrow_array('SELECT double(21)'), ' ',
    $db->selectrow_array('SELECT total_length(name) FROM t'), "\n";
$db->sqlite_create_collation('reverse_order', sub { $_[1] cmp $_[0] });
print join(',', @{$db->selectcol_arrayref('SELECT name FROM t ORDER BY name COLLATE reverse_order')}), "\n";
my @events;
$db->sqlite_commit_hook(sub { push @events, 'commit'; 0 });
$db->sqlite_update_hook(sub { push @events, join ':', @_ });
$db->begin_work;
$db->do('UPDATE t SET price = price * 2 WHERE price IS NOT NULL');
$db->do('DELETE FROM t WHERE name = ?', undef, 'MILK');
$db->commit;
print join(' ', @events), "\n";
my $info = $db->table_info(undef, undef, 't')->fetchrow_hashref;
print "$info->{TABLE_NAME} $info->{TABLE_TYPE}\n";
print "$_->{COLUMN_NAME} $_->{TYPE_NAME} $_->{NULLABLE}\n"
    for @{$db->column_info(undef, undef, 't', '%')->fetchall_arrayref({})};
print join(',', $db->primary_key(undef, undef, 't')), "\n";
$db->do('CREATE VIRTUAL TABLE doc USING fts5(body)');
$db->do('INSERT INTO doc VALUES (?)', undef, $_) for 'the quick brown fox', 'a lazy dog';
print $db->selectrow_array(q{SELECT highlight(doc, 0, '[', ']') FROM doc WHERE doc MATCH 'quick OR lazy' ORDER BY rowid}), "\n";
$db->sqlite_backup_to_file('perl-copy.db');
my $copy = DBI->connect('dbi:SQLite:dbname=perl-copy.db', '', '', {RaiseError => 1});
print $copy->selectrow_array('SELECT count(*) FROM t'), ' ', $copy->selectrow_array('PRAGMA integrity_check'), "\n";
eval { $db->do('SELEKT 1') };
print $db->errstr, "\n";

package TotalLength;
sub new { bless {sum => 0}, shift }
sub step { $_[0]{sum} += length $_[1] }
sub finalize { $_[0]{sum} }
