-- LuaSQL.
local driver = require("luasql.sqlite3")
local env = driver.sqlite3()
local db = assert(env:connect("lua.db"))
assert(db:execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b VARCHAR(20), c REAL)"))
for i, word in ipairs { "one", "two", "it''s three" } do
    print(db:execute(("INSERT INTO t(b, c) VALUES ('%s', %g)"):format(word, i / 4)))
end
local cursor = assert(db:execute("SELECT a, b, c FROM t ORDER BY a DESC"))
print(table.concat(cursor:getcolnames(), " "), table.concat(cursor:getcoltypes(), " "))
local row = cursor:fetch({}, "a")
while row do
    print(row.a, row.b, row.c)
    row = cursor:fetch(row, "a")
end
cursor:close()
print(db:setautocommit(false))
print(db:execute("UPDATE t SET c = c + 1 WHERE a <= 2"))
print(db:rollback())
print(db:execute("DELETE FROM t WHERE a = 3"))
print(db:commit())
print(db:execute("SELECT wrong FROM t"))
print(db:execute("INSERT INTO t(a) VALUES (1)"))
print(db:escape("it's"), db:getlastautoid())
cursor = assert(db:execute("SELECT count(*), total(c) FROM t"))
print(cursor:fetch())
cursor:close()
print(db:close(), env:close())
