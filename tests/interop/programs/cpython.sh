#!/bin/sh
# CPython's own tests of its sqlite3 module, on the system's libsqlite3 and on the drop-in: the same
# result, test by test.
#
#   cpython.sh DROPIN [PYTHON]
#
# PYTHON is an interpreter that has test.test_sqlite3, python3 unless told.
set -u

dropin=$(cd "$1" && pwd)
python=${2:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if ! "$python" -c 'import test.test_sqlite3' 2>/dev/null; then
    echo "$python has no test.test_sqlite3: Debian leaves it out, a Python built from source has it"
    exit 1
fi

# One line per test, "name ... result"; what a test prints in between is dropped.
run_with() {
    (cd "$scratch" && LD_LIBRARY_PATH="$1" timeout 600 "$python" - <<'END'
import test.test_sqlite3, unittest


class Lines(unittest.TestResult):
    def line(self, test, result):
        print(test.id(), result)

    def addSuccess(self, test):
        self.line(test, "ok")

    def addFailure(self, test, error):
        self.line(test, "failure")

    def addError(self, test, error):
        self.line(test, "error")

    def addSkip(self, test, reason):
        self.line(test, "skipped")

    def addExpectedFailure(self, test, error):
        self.line(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        self.line(test, "unexpected success")


unittest.defaultTestLoader.loadTestsFromName("test.test_sqlite3").run(Lines())
END
    ) 2>/dev/null | grep '^test\.' | sort >"$2"
}

run_with "" "$scratch/stock"
run_with "$dropin" "$scratch/quire"
total=$(wc -l <"$scratch/stock")
[ "$total" -gt 100 ] || { echo "only $total tests ran"; exit 1; }
if diff "$scratch/stock" "$scratch/quire"; then
    echo "$total tests, the same result each"
else
    echo "of $total tests the ones above differ"
    exit 1
fi
