# shellcheck shell=bash disable=SC2034 # noxfile.py uses them
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What the sessions of noxfile.py install with the function `packages`.
. scripts/lib.sh

# Ceph and OVN, and what the image server is tested with.
CLOUD="ceph-mon ceph-mgr ceph-osd ceph-common openvswitch-switch ovn-central ovn-host nginx incus-extra"
# Virtual machines of a libvirt.
LIBVIRT="libvirt-daemon-system libvirt-clients libvirt-daemon-driver-qemu python3-libvirt dnsmasq-base qemu-system-x86
  qemu-utils ovmf genisoimage squashfs-tools e2fsprogs openssh-client"
# Imports of such machines.
LIBVIRT_IMPORT="libvirt-daemon-driver-qemu python3-libvirt qemu-system-x86 qemu-utils"
