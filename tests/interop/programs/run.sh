#!/bin/sh
# Runs programs of Debian, unchanged, once on the system's libsqlite3 and once on the drop-in, and
# compares what they print.
#
#   run.sh DROPIN [NAME...]
#
# DROPIN is the folder with libsqlite3.so.0; NAME are scenarios, all of them unless told.
#
# A scenario whose program is not installed is an error that names the package. Paths, addresses and
# dates that differ from run to run are the scenarios' to avoid.
set -u

here=$(cd "$(dirname "$0")" && pwd)
dropin=$(cd "$1" && pwd)
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

all="shell tcl php perl ruby sqlalchemy django lua subversion"

# Sets package, probe (a command that tells whether it is there) and command for scenario $1.
scenario() {
    case $1 in
    shell)
        package=sqlite3
        probe='command -v sqlite3'
        command='sh $here/shell.sh'
        ;;
    tcl)
        package='tcl libsqlite3-tcl'
        probe='echo "package require sqlite3" | tclsh'
        command='tclsh $here/tcl.tcl'
        ;;
    php)
        package='php-cli php-sqlite3'
        probe='php -r "exit(class_exists(\"SQLite3\") ? 0 : 1);"'
        command='php $here/php.php'
        ;;
    perl)
        package=libdbd-sqlite3-perl
        probe='perl -MDBD::SQLite -e 1'
        command='perl $here/perl.pl'
        ;;
    ruby)
        package=ruby-sqlite3
        probe='/usr/bin/ruby -e "require %(sqlite3)"'
        command='/usr/bin/ruby $here/ruby.rb'
        ;;
    sqlalchemy)
        package=python3-sqlalchemy
        probe='/usr/bin/python3 -c "import sqlalchemy"'
        command='/usr/bin/python3 $here/sqlalchemy_orm.py'
        ;;
    django)
        package=python3-django
        probe='/usr/bin/python3 -c "import django"'
        command='for step in 1 2; do /usr/bin/python3 $here/django_orm.py $step || exit; done'
        ;;
    lua)
        package='lua5.1 lua-sql-sqlite3'
        probe='lua5.1 -e "require [[luasql.sqlite3]]"'
        command='lua5.1 $here/lua.lua'
        ;;
    subversion)
        package=subversion
        probe='command -v svn'
        command='sh $here/subversion.sh'
        ;;
    *)
        echo "$1: no such scenario"
        exit 2
        ;;
    esac
}

# Runs $2 in a folder of its own with library path $1; what it prints goes to $3.
run_in() {
    mkdir "$scratch/work"
    (cd "$scratch/work" && env LD_LIBRARY_PATH="$1" PYTHONDONTWRITEBYTECODE=1 here="$here" \
        timeout 120 sh -c "$2") >"$3" 2>&1
    echo "exit status $?" >>"$3"
    rm -rf "$scratch/work"
}

failed=0
for name in ${*:-$all}; do
    scenario "$name"
    if ! sh -c "$probe" >/dev/null 2>&1; then
        echo "$name: not installed (apt-get install $package)"
        failed=$((failed + 1))
        continue
    fi
    run_in "" "$command" "$scratch/stock"
    run_in "$dropin" "$command" "$scratch/quire"
    if ! grep -q '^exit status 0$' "$scratch/stock"; then
        echo "$name: the scenario itself fails"
        tail -20 "$scratch/stock"
        failed=$((failed + 1))
    elif diff -u "$scratch/stock" "$scratch/quire"; then
        echo "$name: equal, $(wc -l <"$scratch/stock") lines"
    else
        echo "$name: differs"
        failed=$((failed + 1))
    fi
done
echo "$failed failed"
[ "$failed" -eq 0 ]
