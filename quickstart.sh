#!/usr/bin/env bash
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# From a bare Debian or Ubuntu machine to a running container: LXD or Incus installed and initialized, an image, a
# container with an address, a snapshot of it, a change that is undone, a service in it that answers. Run it twice: the
# second run changes nothing.
#
#   ./quickstart.sh [--product lxd|incus] [--clean]
set -euo pipefail
cd "$(dirname "$0")"
. scripts/lib.sh

product=lxd clean=false
while [ $# -gt 0 ]; do
  case $1 in
    --product) shift && product=${1:-} ;;
    --product=*) product=${1#*=} ;;
    --clean) clean=true ;;
    -h | --help) sed -n '6,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "unknown option $1: write ./quickstart.sh [--product lxd|incus] [--clean]" ;;
  esac
  [ $# = 0 ] || shift
done
case $product in lxd | incus) ;; *) die "--product '$product' is unknown: write lxd or incus" ;; esac
need_root
need_debian

marker=.cache/installed-$product # the packages are ours to remove only if we installed them
if ! $clean && ! installed "$product"; then mkdir -p .cache && touch "$marker"; fi

step "Ansible in .venv" controller .venv requirements-quickstart.txt
step "The collection in .cache" link_collection
export ANSIBLE_COLLECTIONS_PATH=$PWD/.cache/collections ANSIBLE_NOCOWS=1 ANSIBLE_DISPLAY_SKIPPED_HOSTS=false
play=(.venv/bin/ansible-playbook -i inventories/single/hosts.yml -e "quickstart_product=$product")

if $clean; then
  remove=false && [ -e "$marker" ] && remove=true
  play+=(-e "quickstart_remove_daemon=$remove")
  step "Everything that it made removed" "${play[@]}" playbooks/quickstart_clean.yml
  rm -rf "$marker" .venv .cache/collections
else
  step "The playbook playbooks/quickstart.yml" "${play[@]}" playbooks/quickstart.yml
  # The first local socket would be that of LXD, if it is there.
  if [ "$product" = incus ]; then export INCUS_SOCKET=/var/lib/incus/unix.socket; fi
  inside=(.venv/bin/ansible-playbook -i inventories/single/instances.yml playbooks/quickstart_inside.yml)
  step "The playbook playbooks/quickstart_inside.yml" "${inside[@]}"
  say "Look at it: $(client "$product") list. Take everything back: ./quickstart.sh --product $product --clean"
fi
say "Done in $SECONDS s."
