#!/bin/sh
# The tests that other projects have for themselves, on the system's libsqlite3 and on the drop-in:
# the same result, test by test. Their sources are not part of the packages; each is a tar file in
# Debian's pool.
#
#   suites.sh DROPIN dbd FOLDER       DBD::SQLite (libdbd-sqlite3-perl), file by file
#   suites.sh DROPIN peewee FOLDER    Peewee
#   suites.sh DROPIN django FOLDER [APP...]
#   suites.sh DROPIN php FOLDER       PHP's sqlite3 and pdo_sqlite
#   suites.sh DROPIN rails FOLDER     ActiveRecord on databases in memory, file by file
#   suites.sh DROPIN go FOLDER        mattn's go-sqlite3
#
# FOLDER is the unpacked source, of the version that is installed. APP are folders of Django's
# tests/; a selection that lives in the database unless told.
set -u

dropin=$(cd "$1" && pwd)
suite=$2
sources=$(cd "$3" && pwd)
shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
apps=${*:-"aggregation annotations backends bulk_create constraints datetimes db_functions delete
    expressions expressions_window fixtures foreign_object indexes introspection lookup migrations
    model_fields ordering queries schema transactions update"}

# unittest's "name (class) ... result"; what a test prints in between is dropped.
results() {
    grep -E '\.\.\. (ok|FAIL|ERROR|skipped|expected failure)' | sed 's/skipped.*/skipped/' | sort
}

# minitest's "Class#test = 0.01 s = ." of each file on its own.
rails_results() {
    cd activerecord || exit 1
    for file in $(find test/cases -name '*_test.rb' ! -path '*/mysql2/*' ! -path '*/postgresql/*' |
        sort); do
        ARCONN=sqlite3_mem timeout 300 ruby -W0 -I../activemodel/lib -I../activesupport/lib -Ilib \
            -Itest "$file" --seed 1 -v 2>&1 | grep -aE ' = [0-9.]+ s = .$' |
            sed 's/ = [0-9.]* s = / /' | sort
    done
}

run_suite() {
    export LD_LIBRARY_PATH="$1"
    cd "$sources" || exit 1
    case $suite in
    dbd) prove -r t 2>/dev/null | grep -E '^t/' | sed 's/ *\.\.* */ /' | sort ;;
    peewee) python3 -W ignore runtests.py -v 2 2>&1 | results ;;
    django)
        cd tests || exit 1
        # shellcheck disable=SC2086
        PYTHONPATH=.. python3 -W ignore runtests.py --parallel 1 -v 2 $apps 2>&1 | results
        ;;
    php)
        TEST_PHP_EXECUTABLE=$(command -v php) NO_INTERACTION=1 php run-tests.php -q \
            ext/sqlite3/tests ext/pdo_sqlite/tests 2>&1 | sed 's/\x1b\[[0-9;]*m//g' |
            grep -oE '(PASS|FAIL|SKIP|XFAIL) .*' | sort
        ;;
    rails) rails_results ;;
    go)
        GOFLAGS=-mod=mod go test -v -tags "libsqlite3 sqlite_fts5 sqlite_vtable sqlite_stat4 \
            sqlite_preupdate_hook sqlite_column_metadata sqlite_math_functions" . 2>&1 |
            grep -E '^ *--- ' | sed 's/ (.*//' | sort
        ;;
    *) echo "no such suite: $suite" >&2 ;;
    esac
}

(run_suite "") >"$scratch/stock"
(run_suite "$dropin") >"$scratch/quire"
total=$(wc -l <"$scratch/stock")
[ "$total" -gt 50 ] || { echo "only $total results"; exit 1; }
if diff "$scratch/stock" "$scratch/quire"; then
    echo "$suite: $total results, each the same"
else
    exit 1
fi
