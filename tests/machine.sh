#!/bin/sh
# Bring what the tests drive and Python cannot install: Chromium, Java 17 (with its compiler) for JavaRosa, PostgreSQL 15.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
command -v javac >/dev/null 2>&1 || missing="$missing openjdk-17-jdk-headless"
[ -x /usr/lib/postgresql/15/bin/initdb ] || missing="$missing postgresql-15"
[ -z "$missing" ] && exit 0
echo "== Debian packages for the tests:$missing"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install by hand:$missing (the browser, form and database tests fail without them)" && exit 0
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
