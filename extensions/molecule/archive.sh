#!/bin/sh
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# archive.sh FOLDER PACKAGE…: archives of APT in FOLDER/now, with the packages that this machine's sources have, and in
# FOLDER/newer, with the same under the next version number. The index of the last one is written last: without it, a
# run that broke off starts again.
set -eu
folder=$1
shift
mkdir -p "${folder%/*}"
exec 9>"$folder.lock" # what is started from here holds the lock too, until it ends
flock 9
[ ! -e "$folder/newer/Packages" ] || exit 0 # another run has made it meanwhile
rm -rf "$folder"
mkdir -p "$folder/now" "$folder/newer" "$folder/work"
cd "$folder/work"
apt-get download -q "$@"

# What apt-get reads of a package, see deb822(5) and https://wiki.debian.org/DebianRepository/Format
index() {
  for package in *.deb; do
    dpkg-deb --field "$package"
    digest=$(sha256sum "$package" | cut -d' ' -f1)
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$package")" "$digest"
  done >Packages.new
  mv Packages.new Packages
}

for package in *.deb; do
  dpkg-deb --raw-extract "$package" tree
  sed -i -E 's/^Version: .*/&+next1/; s/\(= ([^)]+)\)/(= \1+next1)/g' tree/DEBIAN/control
  dpkg-deb -Znone --build tree "$folder/newer" >/dev/null
  rm -rf tree
done
mv ./*.deb "$folder/now"
cd "$folder/now" && index
cd "$folder/newer" && index
rmdir "$folder/work"
