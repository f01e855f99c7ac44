#!/usr/bin/env bash
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Set up and run the tests, on a fresh Debian or Ubuntu machine.
#
#   ./test.sh                against real LXDs and Incuses, alone and in clusters: needs root. What both products share
#                            by construction (roles, playbooks, scenarios) runs on one of them, which the commit chooses
#   ./test.sh --all          all of it on both
#   ./test.sh --fast         what needs no daemon: lint, types, documentation, sanity, unit tests
#   ./test.sh --empty-cache  forget the images and archives that were built for tests
set -euo pipefail
cd "$(dirname "$0")"
. scripts/lib.sh

case ${1:-} in
  '' | --all | --fast) part=${1:-} ;;
  --empty-cache) rm -rf "${XDG_CACHE_HOME:-$HOME/.cache}/cloudhost-lxd" && exit ;;
  *) die "unknown option $1: write ./test.sh [--all | --fast | --empty-cache]" ;;
esac
if [ "$(id -u)" = 0 ]; then
  step "Packages" packages git python3 python3-venv iproute2 util-linux openssl openssh-client rclone tinyproxy-bin
elif [ "$part" != --fast ]; then
  say "Without root only what needs no daemon is run" && part=--fast
fi
# uv makes environments in a tenth of the time, but does not read pip's configuration: where it finds no packages, nox
# takes pip.
environments() {
  controller .cache/venv requirements-dev.txt || return
  [ ! -x .cache/venv/bin/uv ] ||
    .cache/venv/bin/uv pip install -q --dry-run --reinstall --python .cache/venv -r requirements-dev.txt ||
    .cache/venv/bin/pip uninstall -q -y uv
}
step "nox in .cache/venv" environments
rm -rf .cache/report
mkdir -p .cache/report
exec .cache/venv/bin/python tests/run/pool.py .cache/report ${part:+"$part"}
