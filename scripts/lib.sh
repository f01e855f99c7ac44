# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What quickstart.sh and test.sh share. Sourced, not run.

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# step WORDS COMMAND...: say what is done, do it, say how long it took.
step() {
  local words=$1 start=$SECONDS
  shift
  say "$words …"
  "$@" || die "$words: '$1' failed, see above"
  say "$words: $((SECONDS - start)) s"
}

need_root() { [ "$(id -u)" = 0 ] || die "this needs root, to install and run a daemon: run it with sudo"; }
supported="use Debian 12 or later, or Ubuntu 24.04 or later"
need_debian() { command -v apt-get >/dev/null || die "this machine has no apt-get: $supported"; }

main_package() { case $1 in incus) echo incus-base ;; *) echo lxd ;; esac; }
installed() { dpkg -s "$(main_package "$1")" >/dev/null 2>&1 || snap list "$1" >/dev/null 2>&1; }
client() { case $1 in incus) echo incus ;; *) echo lxc ;; esac; }

# packages NAME...: install those that are missing.
packages() {
  local missing=() name
  for name; do dpkg -s "$name" 2>/dev/null | grep -q '^Status: install ok installed' || missing+=("$name"); done
  [ ${#missing[@]} = 0 ] && return
  apt-get update -q >/dev/null || die "apt-get update failed: check the network and /etc/apt"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get install ${missing[*]} failed: see above"
}

# newest_python FROM TO: a Python 3 of the machine between two minor versions, the newest first.
newest_python() {
  local minor found
  for ((minor = $2; minor >= $1; minor--)); do
    for found in "/usr/bin/python3.$minor" "$HOME"/.pyenv/versions/3."$minor".*/bin/python \
      "/usr/local/bin/python3.$minor"; do
      [ -x "$found" ] && "$found" -c 'import ensurepip, ssl' 2>/dev/null && echo "$found" && return
    done
  done
  return 1
}

# controller FOLDER REQUIREMENTS [PYTHON]: a virtual environment, created again when its requirements or its Python change.
controller() {
  local folder=$1 requirements=$2 python=${3:-}
  [ -n "$python" ] || python=$(newest_python 11 14) ||
    { packages python3 python3-venv && python=$(newest_python 11 14); } ||
    die "ansible-core 2.19 needs Python 3.11 or later, and this machine has none: $supported"
  local stamp
  stamp="$python $(cat "$requirements")"
  [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && return
  rm -rf "$folder"
  "$python" -m venv "$folder" && "$folder/bin/pip" install -q --disable-pip-version-check -r "$requirements" || return
  printf '%s\n' "$stamp" >"$folder/stamp"
}

# Ansible finds a collection by its path, which a clone need not have.
link_collection() {
  mkdir -p .cache/collections/ansible_collections/cloudhost
  ln -sfn "$PWD" .cache/collections/ansible_collections/cloudhost/lxd
}
