#!/bin/sh
# Bring what the tests drive and Python cannot install: Chromium, Java 17 (with its compiler) for JavaRosa, PostgreSQL 15,
# strace for the power cuts, and the npm packages of tests/node. Asks apt and npm only for what is missing.
set -eu
cd "$(dirname "$0")"
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
command -v javac >/dev/null 2>&1 || missing="$missing openjdk-17-jdk-headless"
command -v strace >/dev/null 2>&1 || missing="$missing strace"
[ -x /usr/lib/postgresql/15/bin/initdb ] || missing="$missing postgresql-15"
installed=node/node_modules/.installed # a copy of the package.json it was installed from
cmp -s node/package.json "$installed" || command -v npm >/dev/null 2>&1 || missing="$missing npm"
if [ -n "$missing" ]; then
    echo "== Debian packages for the tests:$missing"
    if command -v apt-get >/dev/null 2>&1; then
        as_root=""
        [ "$(id -u)" = 0 ] || as_root="sudo"
        export DEBIAN_FRONTEND=noninteractive
        $as_root apt-get update -qq
        # shellcheck disable=SC2086
        $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        echo "Please install by hand:$missing (the browser, login, form and database tests fail without them)"
    fi
fi
if ! cmp -s node/package.json "$installed" && command -v npm >/dev/null 2>&1; then
    echo "== npm packages for the tests"
    npm install --prefix node --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
    cp node/package.json "$installed"
fi
