<?php
// PHP: the SQLite3 class and PDO.
$db = new SQLite3('php.db');
$db->enableExceptions(true);
$db->exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)');
$insert = $db->prepare('INSERT INTO t(b, c) VALUES (:b, :c)');
foreach (['one', 'two', 'drei'] as $i => $word) {
    $insert->bindValue(':b', $word);
    $insert->bindValue(':c', str_repeat(chr($i), 3), SQLITE3_BLOB);
    $insert->execute();
    $insert->reset();
}
echo $db->lastInsertRowID(), ' ', $db->changes(), "\n";
$db->createFunction('rot', 'str_rot13', 1);
$db->createAggregate('longest',
    fn($state, $row, $text) => strlen($text) > strlen($state ?? '') ? $text : $state,
    fn($state, $row) => $state);
$db->createCollation('by_length', fn($a, $b) => strlen($a) <=> strlen($b));
print_r($db->querySingle('SELECT rot(b) AS r, (SELECT longest(b) FROM t) AS l FROM t', true));
$rows = $db->query('SELECT b, hex(c) AS c FROM t ORDER BY b COLLATE by_length DESC, a');
while ($row = $rows->fetchArray(SQLITE3_ASSOC)) {
    echo json_encode($row), "\n";
}
try {
    $db->exec('INSERT INTO t(a) VALUES (1)');
} catch (Exception $e) {
    echo $e->getMessage(), ' ', $db->lastErrorCode(), ' ', $db->lastExtendedErrorCode(), "\n";
}
$blob = $db->openBlob('t', 'c', 2, 'main', SQLITE3_OPEN_READWRITE);
fwrite($blob, 'xyz');
fclose($blob);
echo $db->querySingle('SELECT c FROM t WHERE a = 2'), "\n";
$db->setAuthorizer(fn($action, ...$what) => $action === SQLITE3::DELETE ? SQLITE3::DENY : SQLITE3::OK);
try {
    $db->exec('DELETE FROM t');
} catch (Exception $e) {
    echo $e->getMessage(), "\n";
}
$db->setAuthorizer(null);
$copy = new SQLite3(':memory:');
$db->backup($copy);
echo $copy->querySingle('SELECT count(*) FROM t'), "\n";
$db->close();

$pdo = new PDO('sqlite:php.db', null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$pdo->beginTransaction();
$statement = $pdo->prepare('UPDATE t SET b = ? WHERE a = ?');
$statement->execute(['PDO', 1]);
echo $statement->rowCount(), "\n";
$pdo->rollBack();
$pdo->sqliteCreateFunction('plus', fn($a, $b) => $a + $b, 2);
foreach ($pdo->query('SELECT a, b, plus(a, 10) AS p FROM t', PDO::FETCH_NUM) as $row) {
    echo implode('|', $row), "\n";
}
$columns = $pdo->query('SELECT a, b, c, 1.5 AS r FROM t');
for ($i = 0; $i < $columns->columnCount(); $i++) {
    echo json_encode(array_intersect_key($columns->getColumnMeta($i),
        array_flip(['name', 'native_type', 'sqlite:decl_type', 'table']))), "\n";
}
$columns = null;
try {
    $pdo->exec('CREATE TABLE t(x)');
} catch (PDOException $e) {
    echo $e->getMessage(), "\n";
}
