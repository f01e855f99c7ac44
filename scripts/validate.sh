#!/usr/bin/env bash
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Check documents without a server: scripts/validate.sh FILE... It is the hook of .pre-commit-hooks.yaml, and needs
# ansible-core on the path. The collection is the one that this script is part of.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ "$#" -gt 0 ] || { echo "usage: $0 FILE..." >&2 && exit 2; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/ansible_collections/cloudhost"
ln -s "$root" "$place/ansible_collections/cloudhost/lxd"
files=$(printf '%s\0' "$@" | python3 -c 'import json, sys; print(json.dumps({"stack_src": sys.stdin.read().split("\0")[:-1]}))')
ANSIBLE_COLLECTIONS_PATH=$place${ANSIBLE_COLLECTIONS_PATH:+:$ANSIBLE_COLLECTIONS_PATH} ANSIBLE_LOCALHOST_WARNING=false \
  ansible-playbook -i localhost, "$root/playbooks/validate.yml" -e "$files"
