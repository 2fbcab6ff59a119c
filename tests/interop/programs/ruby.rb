# Ruby's sqlite3.
require 'sqlite3'
db = SQLite3::Database.new('ruby.db')
db.results_as_hash = true
db.execute_batch <<~SQL
  CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, data BLOB);
  CREATE TABLE tag(t REFERENCES t(id) ON DELETE CASCADE, word);
  PRAGMA foreign_keys = ON;
SQL
db.execute('INSERT INTO t(name, data) VALUES (?, ?)', ['eins', SQLite3::Blob.new("\x00\x01\xff".b)])
db.execute('INSERT INTO t(name) VALUES (:n)', { 'n' => 'zwei' })
db.execute("INSERT INTO tag VALUES (1, 'odd'), (2, 'even')")
db.execute('SELECT * FROM t') { |row| puts row.values_at('id', 'name', 'data').inspect }
db.create_function('twice', 1) { |call, x| call.result = x.to_s * 2 }
puts db.get_first_value("SELECT twice('ab')")
db.create_aggregate('product', 1) do
  step { |call, x| call[:p] = (call[:p] || 1) * x.to_i }
  finalize { |call| call.result = call[:p] }
end
puts db.get_first_value('SELECT product(id) FROM t')
db.collation('by_size', Class.new { def compare(a, b) = a.size <=> b.size }.new)
puts db.execute("SELECT 'x' AS v UNION SELECT 'yyy' UNION SELECT 'zz' ORDER BY 1 COLLATE by_size DESC").map { |r| r['v'] }.join(' ')
begin
  db.transaction { db.execute('DELETE FROM t'); raise 'undo' }
rescue RuntimeError => e
  puts "#{e.message} #{db.get_first_value('SELECT count(*) FROM t')}"
end
db.transaction { |t| t.execute('DELETE FROM t WHERE id = 1') }
puts db.execute('SELECT word FROM tag').inspect, db.changes, db.total_changes
begin
  db.execute('INSERT INTO tag VALUES (99, ?)', ['orphan'])
rescue SQLite3::Exception => e
  puts "#{e.class}: #{e.message} #{e.code}"
end
begin
  db.prepare('SELECT FROM')
rescue SQLite3::Exception => e
  puts "#{e.class}: #{e.message}"
end
db.prepare('SELECT id, name FROM t WHERE id > ?') do |statement|
  puts statement.columns.inspect, statement.types.inspect, statement.execute(1).to_a.inspect
end
db.trace { |sql| puts "trace #{sql}" }
db.execute('SELECT 1')
db.trace(nil)
puts db.table_info('t').map { |c| [c['name'], c['type'], c['pk']] }.inspect
copy = SQLite3::Database.new(':memory:')
backup = SQLite3::Backup.new(copy, 'main', db, 'main')
backup.step(-1)
backup.finish
puts copy.get_first_value('SELECT name FROM t'), copy.integrity_check.inspect
