#!/usr/bin/env bash
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Set up and run every test, on a fresh Debian or Ubuntu machine.
#
#   ./test.sh           all of them, against a real LXD and a real Incus: needs root
#   ./test.sh --fast    what needs no daemon: lint, types, documentation, sanity, unit tests
set -euo pipefail
cd "$(dirname "$0")"
. scripts/lib.sh

tags=(fast full)
case ${1:-} in
  --fast) tags=(fast) left="with --fast" ;;
  '') left= ;;
  *) die "unknown option $1: write ./test.sh [--fast]" ;;
esac
[ "$(id -u)" = 0 ] || { tags=(fast) left="without root"; }

if [ "$(id -u)" = 0 ]; then step "Packages" packages git python3 python3-venv iproute2 util-linux openssl openssh-client; fi
step "nox in .cache/venv" controller .cache/venv requirements-dev.txt
rm -rf .cache/junit .cache/nox.json
status=0
.cache/venv/bin/nox --report .cache/nox.json -t "${tags[@]}" || status=$?
[ -z "$left" ] || say "Left out $left: quickstart, integration, roles, reach, clean"
.cache/venv/bin/python tests/summary.py .cache/nox.json .cache/junit || status=1
exit $status
