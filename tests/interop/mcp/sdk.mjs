// Connects the official TypeScript SDK to the server, lists and calls every tool, right and wrong,
// and tries to make a read-only server write.
//
//   node sdk.mjs QUIRE FOLDER      (with @modelcontextprotocol/sdk installed: see sdk.sh)
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

const [quire, folder] = process.argv.slice(2);

async function connect(...args) {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ command: quire, args }));
  return client;
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  return { text: result.content[0].text, failed: result.isError, data: result.structuredContent };
}

async function everyTool() {
  const path = `${folder}/tools.db`;
  const client = await connect(path, '-mcp');
  const { tools } = await client.listTools();
  assert.equal(tools.length, 13);
  for (const tool of tools)
    assert.equal(typeof tool.annotations.readOnlyHint, 'boolean');
  const right = [
    ['current_database', {}, /tools\.db/],
    ['schema_change', { query: 'CREATE TABLE t(a INTEGER PRIMARY KEY, b)' }, /^Schema change successful\.$/],
    ['schema_change', { query: 'CREATE VIRTUAL TABLE ft USING fts5(body)' }, /successful/],
    ['insert_data', { query: "INSERT INTO t VALUES(1,'one'),(2,'two')" }, /^INSERT successful\.$/],
    ['insert_data', { query: "INSERT INTO ft VALUES('a quick fox')" }, /successful/],
    ['update_data', { query: "UPDATE t SET b='zwei' WHERE a=2" }, /^UPDATE successful\.$/],
    ['delete_data', { query: 'DELETE FROM t WHERE a=1' }, /^DELETE successful\.$/],
    ['list_tables', {}, /\bt\b/],
    ['describe_table', { table_name: 't' }, /^Table 't' columns:\na INTEGER NULL PRIMARY KEY/],
    ['execute_query', { query: 'SELECT * FROM t' }, /^a \| b\n-+\n2 \| zwei\n$/],
    ['execute_query', { query: 'VALUES(1),(2)' }, /1\n2\n$/],
    ['execute_query', { query: 'WITH x AS (SELECT 1 AS q) SELECT q FROM x' }, /^q\n/],
    ['execute_query', { query: 'EXPLAIN QUERY PLAN SELECT * FROM t' }, /SCAN t/],
    ['execute_query', { query: "SELECT 'notifications/cancelled' AS x" }, /^x\n-+\nnotifications/],
    ['text_search', { table: 'ft', query: 'fox' }, /\[fox\]/],
    ['schema_change', { query: 'CREATE TABLE v(e F32_BLOB(2))' }, /successful/],
    ['insert_data', { query: "INSERT INTO v VALUES(vector32('[1,0]')),(vector32('[0,1]'))" }, /successful/],
    ['vector_search', { table: 'v', column: 'e', vector: '[0,1]', limit: 1 }, /\n2 \| /],
    ['schema_change', { query: "CREATE VIRTUAL TABLE feed USING cdc(tables='t')" }, /successful/],
    ['insert_data', { query: "INSERT INTO t VALUES(7,'seven')" }, /successful/],
    ['changes', { feed: 'feed', after: 0 }, /seven/],
    ['schema_change', { query: 'CREATE TABLE d(id INTEGER PRIMARY KEY, body, e F32_BLOB(2))' }, /successful/],
    ['schema_change', { query: "CREATE VIRTUAL TABLE d_fts USING fts5(body, content='d', content_rowid='id')" }, /successful/],
    ['insert_data', { query: "INSERT INTO d VALUES(4,'green tea',vector32('[1,0]')),(5,'ink',vector32('[0,1]'))" }, /successful/],
    ['insert_data', { query: "INSERT INTO d_fts(d_fts) VALUES('rebuild')" }, /successful/],
    ['search', { table: 'd', text: 'tea', vector: '[0,1]', limit: 2 }, /\| 1 \| 2 \|/],
    ['open_database', { path: ':memory:' }, /^Successfully opened database: :memory:$/],
  ];
  for (const [name, args, wanted] of right) {
    const answer = await call(client, name, args);
    assert.ok(!answer.failed, `${name}: ${answer.text}`);
    assert.match(answer.text, wanted);
  }
  await client.close();
}

async function everyToolWrongly() {
  const client = await connect(`${folder}/tools.db`, '-mcp');
  const wrong = [
    ['execute_query', { query: 'DELETE FROM t' }],
    ['execute_query', { query: 'SELECT 1; SELECT 2' }],
    ['execute_query', { query: '' }],
    ['execute_query', {}],
    ['execute_query', { query: 'SELEC' }],
    ['insert_data', { query: 'SELECT 1' }],
    ['update_data', { query: 'INSERT INTO t VALUES(9,9)' }],
    ['delete_data', { query: 'DROP TABLE t' }],
    ['schema_change', { query: 'INSERT INTO t VALUES(9,9)' }],
    ['describe_table', { table_name: 'nosuch' }],
    ['describe_table', {}],
    ['open_database', { path: '/nonexistent/folder/x.db' }],
    ['open_database', {}],
    ['text_search', { table: 'nosuch', query: 'x' }],
    ['vector_search', { table: 't', column: 'b', vector: 'x' }],
    ['search', { table: 'nosuch', text: 'x', vector: '[1]' }],
    ['changes', { feed: 'nosuch' }],
  ];
  for (const [name, args] of wrong) {
    const answer = await call(client, name, args);
    assert.ok(answer.failed, `${name} ${JSON.stringify(args)}: ${answer.text}`);
  }
  await assert.rejects(client.callTool({ name: 'nosuch', arguments: {} }), /Unknown tool/);
  await client.ping();
  assert.ok((await client.listResources()).resources.length >= 2);
  const schema = await client.readResource({ uri: 'quire://schema' });
  assert.match(schema.contents[0].text, /CREATE TABLE t/);
  await assert.rejects(client.readResource({ uri: 'quire://nosuch' }));
  assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
  const { prompts } = await client.listPrompts();
  for (const prompt of prompts)
    await client.getPrompt({ name: prompt.name, arguments: { question: 'q', query: 'SELECT 1' } });
  await assert.rejects(client.getPrompt({ name: 'answer_question', arguments: {} }));
  await client.close();
}

const endless = 'WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r) SELECT count(*) FROM r';

async function limits() {
  const client = await connect(':memory:', '-mcp', '-mcp-timeout', '300', '-mcp-rows', '5');
  const late = await call(client, 'execute_query', { query: endless });
  assert.ok(late.failed);
  assert.match(late.text, /300 ms/);
  const many = await call(client, 'execute_query',
    { query: 'WITH RECURSIVE r(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM r LIMIT 99) SELECT i FROM r' });
  assert.ok(!many.failed && many.data.rows.length === 5 && many.data.truncated);
  await client.close();
}

async function progressAndCancellation() {
  const client = await connect(':memory:', '-mcp', '-mcp-timeout', '20000');
  let told = 0;
  const stop = new AbortController();
  const request = client.callTool({ name: 'execute_query', arguments: { query: endless } }, undefined,
    { signal: stop.signal, onprogress: () => { if (++told === 2) stop.abort(); } });
  await assert.rejects(request);
  assert.equal(told, 2);
  const started = Date.now();
  assert.match((await call(client, 'execute_query', { query: 'SELECT 7 AS x' })).text, /7/);
  assert.ok(Date.now() - started < 5000, 'the cancelled statement runs on');
  await client.close();
}

// The revision that is asked for, if it is known; else the newest.
async function negotiation() {
  for (const [wanted, given] of [['2024-11-05', '2024-11-05'], ['2025-03-26', '2025-03-26'],
    ['2025-06-18', '2025-06-18'], ['1999-01-01', '2025-11-25']]) {
    const message = { jsonrpc: '2.0', id: 1, method: 'initialize',
      params: { protocolVersion: wanted, capabilities: {}, clientInfo: { name: 't', version: '1' } } };
    const { stdout } = spawnSync(quire, ['-mcp'], { input: JSON.stringify(message) + '\n', encoding: 'utf8' });
    assert.equal(JSON.parse(stdout).result.protocolVersion, given);
  }
}

// Statements that write, in every disguise.
function writingStatements() {
  const path = `${folder}/stolen.db`;
  const plain = [
    "INSERT INTO t VALUES(99,'x')", "REPLACE INTO t VALUES(2,'x')", "UPDATE t SET b='x'",
    'DELETE FROM t', 'DROP TABLE t', 'CREATE TABLE x(y)', 'CREATE TEMP TABLE x(y)',
    'ALTER TABLE t ADD COLUMN z', `ATTACH '${path}' AS x`, `VACUUM INTO '${path}'`, 'VACUUM',
    'REINDEX', 'ANALYZE', 'PRAGMA journal_mode=WAL', 'PRAGMA user_version=5',
    'PRAGMA query_only=OFF', 'PRAGMA writable_schema=ON', 'PRAGMA application_id=1',
    'PRAGMA wal_checkpoint(TRUNCATE)', 'PRAGMA optimize', 'BEGIN IMMEDIATE', 'SAVEPOINT s',
    "WITH x AS (SELECT 1) INSERT INTO t SELECT 99, 'x' FROM x",
    "WITH x AS (SELECT 1) UPDATE t SET b='x'", 'WITH x AS (SELECT 1) DELETE FROM t',
    "INSERT INTO t VALUES(99,'x') RETURNING a", "SELECT load_extension('x.so')",
    `SELECT writefile('${path}', 'x')`, "UPDATE sqlite_dbpage SET data=zeroblob(4096) WHERE pgno=2",
    "INSERT INTO ft(ft) VALUES('rebuild')", 'DETACH main', 'EXPLAIN SELECT 1; DELETE FROM t',
    "SELECT 1; INSERT INTO t VALUES(99,'x')",
  ];
  return plain;
}

async function readOnly() {
  const path = `${folder}/tools.db`;
  const before = fs.readFileSync(path);
  const client = await connect(path, '-mcp', '-readonly');
  const tools = ['execute_query', 'insert_data', 'update_data', 'delete_data', 'schema_change'];
  let tries = 0;
  for (const query of writingStatements()) {
    for (const name of tools) {
      const answer = await call(client, name, { query });
      assert.ok(answer.failed, `${name} ${query}: ${answer.text}`);
      tries++;
    }
  }
  const opened = await call(client, 'open_database', { path: `${folder}/new.db` });
  assert.ok(opened.failed && !fs.existsSync(`${folder}/new.db`));
  assert.ok(!fs.existsSync(`${folder}/stolen.db`));
  assert.ok(before.equals(fs.readFileSync(path)));
  await client.close();
  return tries;
}

await everyTool();
await everyToolWrongly();
await limits();
await progressAndCancellation();
await negotiation();
console.log(`every tool called; ${await readOnly()} tries to write through a read-only server failed`);
