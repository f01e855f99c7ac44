#!/usr/bin/env bash
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Set up and run every test, on a fresh Debian or Ubuntu machine.
#
#   ./test.sh          against real LXDs and Incuses, alone and in clusters: needs root
#   ./test.sh --fast   what needs no daemon: lint, types, documentation, sanity, unit tests
set -euo pipefail
cd "$(dirname "$0")"
. scripts/lib.sh

fast=false
case ${1:-} in
  --fast) fast=true left="with --fast" ;;
  '') ;;
  *) die "unknown option $1: write ./test.sh [--fast]" ;;
esac
[ "$(id -u)" = 0 ] || { fast=true left="without root"; }

# sessions TAG: those with a tag of noxfile.py, one after another; what became of them is written down.
sessions() { .cache/venv/bin/nox --report ".cache/report/$1.json" -t "$1"; }

# together TAG TAG: two of them at the same time, because each waits a lot; what the second says comes after the first.
together() {
  local said=.cache/report/$2.log status=0
  sessions "$2" >"$said" 2>&1 &
  trap 'kill $!' EXIT # of the whole script, where it is broken off
  sessions "$1" || status=1
  wait $! || status=1
  trap - EXIT
  cat "$said"
  return $status
}

if [ "$(id -u)" = 0 ]; then step "Packages" packages git python3 python3-venv iproute2 util-linux openssl openssh-client; fi
$fast || step "Ceph and OVN" packages ceph-mon ceph-mgr ceph-osd ceph-common openvswitch-switch ovn-central ovn-host
step "nox in .cache/venv" controller .cache/venv requirements-dev.txt
rm -rf .cache/junit .cache/report
mkdir -p .cache/report
status=0
if $fast; then
  sessions fast || status=1
  say "Left out $left: quickstart, integration, roles, reach, hosts, clean"
else
  together fast first || status=1 # the first installs the daemons for the others
  sessions full || status=1
  sessions last || status=1
fi
.cache/venv/bin/python tests/summary.py .cache/report .cache/junit || status=1
exit $status
