# Sourced by tests/run.sh and examples/run.sh: install_packages NAME... installs with apt-get what
# is missing, as root or by sudo. Nothing is asked of the network if all are there.

say() {
    printf '== %s\n' "$*"
}

# Prints those of the named packages that are not installed.
missing_packages() {
    for package in "$@"; do
        status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
        case $status in
        *" installed") ;;
        *) echo "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Mirrors and package locks fail for a moment now and then: three tries.
retry() {
    for pause in 3 10 0; do
        if "$@"; then
            return 0
        fi
        [ "$pause" -eq 0 ] || sleep "$pause"
    done
    return 1
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 \
        -o Acquire::Retries=3 "$@"
}

install_packages() {
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here; install by hand:" $missing
        return 1
    fi
    say "installing" $missing
    retry apt update || say "package lists could not be refreshed; trying with those at hand"
    retry apt install -y --no-install-recommends $missing >/dev/null
}
