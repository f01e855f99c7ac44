# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Typical mistakes in the documents of a stack: each with the line that an error names, and words of the error.

The server has a pool `default` (btrfs), a bridge `lxdbr0` (10.158.1.1/24), a profile `default` with both, and an image
`busybox`. It is in no cluster and runs no virtual machines.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

#: The line that an error or a warning has to name.
HERE = "  # <-"
Cases = Dict[str, Tuple[str, ...]]


class Mistake(NamedTuple):
    """A document, the line with the mistake, and words that an error has besides file and line."""

    text: str
    line: int
    words: tuple[str, ...]


PROFILE = "profiles:\n  - name: NAME\n    "
NETWORK = "networks:\n  - name: NAME\n    "
INSTANCE = "instances:\n  - name: NAME\n    "
POOL = "storage_pools:\n  - name: NAME\n    "
EMPTY = INSTANCE + "source: {type: none}\n    state: stopped\n    "
CONFIG = PROFILE + "config:\n      user.note: x\n      "
DEVICE = PROFILE + "devices:\n      none: {type: none}\n      mine: "
BRIDGE = NETWORK + "config:\n      ipv6.address: none\n      "

#: What a document cannot have. The first words are the option, the last what to do.
ENTRIES: Cases = {
    "a misspelled section": ("instnaces: []" + HERE, "instnaces", "Did you mean 'instances'?"),
    "a section that is a dictionary": (f"instances:{HERE}\n  NAME: {{image: busybox}}", "instances", "'- name: …'"),
    "an entry that is only a name": ("instances:\n  - NAME" + HERE, "instances[0]", "'NAME'", "dictionary"),
    "no name": ("profiles:\n  - config: {limits.cpu: 1}" + HERE, "name", "it is missing"),
    "a misspelled option": (PROFILE + "confg: {}" + HERE, "confg", "Did you mean 'config'?"),
    "an option of another kind": (POOL + "driver: dir\n    project: a" + HERE, "project", "no such key", "Known:"),
    "a key beside config": (PROFILE + "config:\n    limits.memory: 1GiB" + HERE, "limits.memory", "below it"),
    "a device beside devices": (PROFILE + "devices:\n    eth0: {type: nic}" + HERE, "eth0", "belongs into devices"),
    "a state of the daemon": (INSTANCE + "state: running" + HERE, "state", "'running'", "started, stopped"),
    "a state that a document cannot have": (INSTANCE + "state: absent" + HERE, "state", "'absent'", "started"),
    "a type of the client": (INSTANCE + "type: vm" + HERE, "type", "'vm'", "container, virtual-machine"),
    "an unknown condition": (INSTANCE + "wait_for:\n      - ip" + HERE, "wait_for[0]", "'ip'", "ipv4"),
    "devices that are a list": (f"{PROFILE}devices:{HERE}\n      - {{type: nic}}", "devices", "dictionary", "'nic'"),
    "a device that is text": (PROFILE + "devices:\n      eth0: lxdbr0" + HERE, "devices.eth0", "'lxdbr0'", "dict"),
    "keys of config in levels": (f"{CONFIG}limits:{HERE}\n        cpu: 2", "config.limits", "limits.cpu as one word"),
    "no space after a colon": (PROFILE + "config: {limits.cpu:2}" + HERE, "config", "'limits.cpu:2'", "a space after"),
    "config that is text": (PROFILE + "config: limits.cpu=2" + HERE, "config", "'limits.cpu=2'", "dictionary"),
    "profiles that are dictionaries": (INSTANCE + "profiles:\n      - name: default" + HERE, "profiles[0]", "single"),
    "an image and a source": (f"{INSTANCE}image: a{HERE}\n    source: {{type: none}}", "image, source", "only one"),
    "a name twice": ("profiles:\n  - {name: NAME}\n  - {name: NAME}" + HERE, "claimed twice", "FILE:2"),
    "a circle": (
        f"{EMPTY}depends_on: [instance/NAME]".replace("NAME", "NAME" + HERE, 1),
        "cannot be ordered", "NAME ->",
    ),
    "a dependency on nothing": (f"{PROFILE}depends_on:{HERE}\n      - profile/NAMES", "depends_on", "Did you mean"),
    "a count without templates": (PROFILE + "count: 3" + HERE, "count", "template: true"),
    "an instance of nothing": (INSTANCE.replace("NAME", "NAME" + HERE) + "state: stopped", "image", "with 'image'"),
    "a name with an underscore": (
        EMPTY.replace("NAME", "NAME_1" + HERE),
        "name", "'NAME_1'", "letters, digits and dashes",
    ),
    "a long name of a network": (BRIDGE.replace("NAME", "NAME-is-far-too-long" + HERE), "name", "2 to 15"),
    "an image file that is not there": (
        "images:\n  - name: NAME\n    file: /no/such.tar" + HERE,
        "file", "'/no/such.tar'",
    ),
    "a certificate that is none": ("certificates:\n  - name: NAME\n    certificate: abc" + HERE, "certificate", "PEM"),
    "a snapshot of nothing": (
        "instance_snapshots:\n  - name: NAME\n    instance: nobody" + HERE,
        "instance", "'nobody'",
    ),
    "a moment in words": (
        "instance_snapshots:\n  - name: NAME\n    instance: a\n    expires_at: tomorrow" + HERE,
        "expires_at", "'tomorrow'", "2026-12-31T18:00:00Z",
    ),
}  # fmt: skip

#: Values that are not of the type of their key.
VALUES: Cases = {
    "a number in words": (CONFIG + "limits.cpu: many" + HERE, "config.limits.cpu", "'many'", "0-3,6"),
    "a unit of memory": (CONFIG + "limits.memory: 4 Gb" + HERE, "config.limits.memory", "'4 Gb'", "2GiB"),
    "a unit of qemu": (CONFIG + "limits.memory: 4G" + HERE, "config.limits.memory", "'4G'", "10GiB"),
    "a misspelled boolean": (
        CONFIG + "security.nesting: ture" + HERE,
        "config.security.nesting", "Did you mean 'true'?",
    ),
    "a word for a boolean": (
        CONFIG + "boot.autostart: always" + HERE,
        "config.boot.autostart", "'always'", "a boolean",
    ),
    "a schedule in words": (CONFIG + "snapshots.schedule: daily" + HERE, "config.snapshots.schedule", "@daily"),
    "an hour of a schedule": (
        CONFIG + "snapshots.schedule: 0 25 * * *" + HERE,
        "config.snapshots.schedule", "0 6 * * *",
    ),
    "a period in words": (
        CONFIG + "snapshots.expiry: 2 weeks" + HERE,
        "config.snapshots.expiry", "'2 weeks'", "1d 12H",
    ),
    "a line of raw.lxc": (CONFIG + "raw.lxc: lxc.apparmor.profile unconfined" + HERE, "config.raw.lxc", "KEY = VALUE"),
    "an address without a mask": (
        BRIDGE + "ipv4.address: 10.158.9.1" + HERE,
        "config.ipv4.address", "'10.158.9.1'", "/24",
    ),
    "a network as an address": (BRIDGE + "ipv4.address: 10.158.9.0/24" + HERE, "config.ipv4.address", "10.158.1.1/24"),
    "an address as a network": (BRIDGE + "ipv4.routes: 10.158.9.1/24" + HERE, "config.ipv4.routes", "10.158.1.0/24"),
    "NAT that may be": (BRIDGE + "ipv4.nat: maybe" + HERE, "config.ipv4.nat", "'maybe'", "true or false"),
    "a range with one end": (BRIDGE + "ipv4.dhcp.ranges: 10.158.9.5" + HERE, "config.ipv4.dhcp.ranges", "10.158.1.10-"),
    "an unknown driver": (POOL + "driver: btrsf" + HERE, "driver", "'btrsf'", "Did you mean 'btrfs'?"),
    "an unknown type of network": (NETWORK + "type: brdge" + HERE, "type", "'brdge'", "Did you mean 'bridge'?"),
}  # fmt: skip

#: Devices that a server refuses.
DEVICES: Cases = {
    "a type of device": (DEVICE + "{type: nics}" + HERE, "devices.mine.type", "'nics'", "Did you mean 'nic'?"),
    "no type of device": (EMPTY + "devices: {rot: {size: 1GiB}}" + HERE, "devices.rot", "'root'", "Give its type"),
    "a root disk without a pool": (DEVICE + "{type: disk, path: /}" + HERE, "devices.mine.pool", "needs 'pool'"),
    "a size of a root disk": (
        DEVICE + "\n        type: disk\n        path: /\n        pool: default\n        size: 10 gb" + HERE,
        "devices.mine.size", "'10 gb'", "10GiB",
    ),
    "two root disks": (
        f"{EMPTY}devices:{HERE}\n      disk: {{type: disk, path: /, pool: default}}",
        "2 root disks", "root (profile 'default') and disk (the instance)", "same name",
    ),
    "no root disk": (f"{EMPTY}profiles: []".replace("NAME", "NAME" + HERE, 1), "devices", "no root disk", "with pool:"),
    "a relative path of the host": (DEVICE + "{type: disk, path: /srv, source: srv}" + HERE, "'srv'", "with a slash"),
    "a proxy that listens to a port": (
        DEVICE + "\n        type: proxy\n        listen: '80'" + HERE + "\n        connect: tcp:127.0.0.1:80",
        "devices.mine.listen", "'80'", "tcp:ADDRESS:PORT",
    ),
    "a proxy that connects to a name": (
        DEVICE + "{type: proxy, listen: 'tcp:0.0.0.0:80', connect: 'tcp:localhost:80'}" + HERE,
        "devices.mine.connect", "'tcp:localhost:80'", "tcp:ADDRESS:PORT",
    ),
    "a device file without a path": (DEVICE + "{type: unix-char}" + HERE, "devices.mine.source", "'source' or 'path'"),
    "an id in hexadecimal": (
        DEVICE + "{type: usb, vendorid: 0x1234}" + HERE,
        "devices.mine.vendorid", "'0x1234'", "10de",
    ),
    "a PCI address": (DEVICE + "{type: gpu, pci: 1}" + HERE, "devices.mine.pci", "'1'", "01:00.0"),
    "a NIC of nothing": (DEVICE + "{type: nic}" + HERE, "devices.mine.network", "needs 'network'"),
    "a MAC address with dashes": (
        DEVICE + "\n        type: nic\n        network: lxdbr0\n        hwaddr: 00-16-3e-12-34-56" + HERE,
        "devices.mine.hwaddr", "00:16:3e:12:34:56",
    ),
    "an address of another subnet": (
        DEVICE + "{type: nic, network: lxdbr0, ipv4.address: 10.158.2.9}" + HERE,
        "devices.mine.ipv4.address", "'10.158.2.9'", "10.158.1.0/24",
    ),
    "the address of the gateway": (
        DEVICE + "{type: nic, network: lxdbr0, ipv4.address: 10.158.1.1}" + HERE, "devices.mine.ipv4.address", "itself",
    ),
    "an address that is not given": (
        DEVICE + "{type: nic, network: lxdbr0, ipv6.address: 'fd42::9'}" + HERE,
        "devices.mine.ipv6.address", "'lxdbr0'", "ipv6.dhcp.stateful: true",
    ),
}  # fmt: skip

#: Names of what a server does not have.
NAMES: Cases = {
    "a pool": (DEVICE + "{type: disk, path: /, pool: defualt}" + HERE, "devices.mine.pool", "'defualt'", "'default'?"),
    "a network": (DEVICE + "{type: nic, network: lxdbr1}" + HERE, "devices.mine.network", "'lxdbr1'", "'lxdbr0'?"),
    "an interface": (NETWORK + "type: macvlan\n    config: {parent: lxdbr1}" + HERE, "config.parent", "'lxdbr0'?"),
    "a profile": (f"{EMPTY}profiles:{HERE}\n      - defaultt", "profiles", "'defaultt'", "'default'?"),
    "an image": (INSTANCE + "image: busybx" + HERE, "image", "'busybx'", "Did you mean 'busybox'?", "images:debian/12"),
    "a remote": (INSTANCE + "image: imges:debian/12" + HERE, "image", "'imges'", "Did you mean 'images'?"),
    "a project": (EMPTY + "project: shopp" + HERE, "project", "'shopp'", "default"),
    "an ACL": (BRIDGE + "security.acls: nobody" + HERE, "config.security.acls", "'nobody'"),
    "a volume": (
        EMPTY + "devices: {data: {type: disk, pool: default, source: nothing, path: /data}}" + HERE,
        "devices.data.source", "'nothing'", "'default'", "There is none",
    ),
    "a member": (EMPTY + "target: node9" + HERE, "target", "'node9'", "not clustered"),
    "a machine": (
        INSTANCE + "image: busybox\n    type: virtual-machine" + HERE,
        "type", "containers", "type: container",
    ),
}  # fmt: skip

#: What is refused once the plan is known as a whole: what would be re-created while it is in use.
IN_USE: Cases = {
    "a pool in use that would be re-created": (
        "storage_pools:\n  - name: default" + HERE + "\n    driver: dir\n    recreate: true",
        "'default'", "profile",
    ),
    "a network in use that would be re-created": (
        "networks:\n  - name: lxdbr0" + HERE + "\n    type: macvlan\n    config: {parent: lo}\n    recreate: true",
        "'lxdbr0'", "profile",
    ),
}  # fmt: skip

#: What is refused once the plan is known as a whole: what two would have.
TWICE: Cases = {
    "the address of another bridge": (
        BRIDGE + "ipv4.address: 10.158.1.1/24" + HERE,
        "'lxdbr0'", "Choose another subnet",
    ),
    "an address twice": (
        f"{INSTANCE}image: busybox\n    devices: {{eth0: {{ipv4.address: 10.158.1.9}}}}\n  - name: NAME-2\n"
        f"    image: busybox\n    devices: {{eth0: {{ipv4.address: 10.158.1.9}}}}{HERE}",
        "devices.eth0.ipv4.address", "10.158.1.9", "instance 'NAME'", "Choose another",
    ),
    "a port twice": (
        f"{INSTANCE}image: busybox\n    devices: &web\n      web: {{type: proxy, listen: 'tcp:127.0.0.1:8080', "
        f"connect: 'tcp:127.0.0.1:80'}}{HERE}\n  - name: NAME-2\n    image: busybox\n    devices: *web",
        "devices.web.listen", "127.0.0.1:8080", "instance 'NAME'", "Choose another",
    ),
}  # fmt: skip

#: What a server takes, or may take, and what is hardly meant.
WARNED: Cases = {
    "a misspelled key": (
        CONFIG + "limits.memroy: 2GiB" + HERE,
        "config.limits.memroy", "Did you mean 'limits.memory'?",
    ),
    "a misspelled key of a bridge": (BRIDGE + "ipv4.natt: true" + HERE, "config.ipv4.natt", "Did you mean 'ipv4.nat'?"),
    "a misspelled property": (
        DEVICE + "{type: nic, network: lxdbr0, hwadr: x}" + HERE,
        "devices.mine.hwadr", "'hwaddr'?",
    ),
    "a range outside of the subnet": (
        BRIDGE + "ipv4.address: 10.158.8.1/24\n      ipv4.dhcp.ranges: 10.158.9.5-10.158.9.9" + HERE,
        "config.ipv4.dhcp.ranges", "10.158.8.0/24",
    ),
    "two bridges in one subnet": (BRIDGE + "ipv4.address: 10.158.1.9/24" + HERE, "config.ipv4.address", "'lxdbr0'"),
    "user-data without its first line": (
        f"{CONFIG}cloud-init.user-data: |{HERE}\n        packages: [nginx]",
        "config.cloud-init.user-data", "'#cloud-config'",
    ),
    "user-data that is not YAML": (
        f"{CONFIG}cloud-init.user-data: |{HERE}\n        #cloud-config\n        packages: [nginx\n        runcmd: []",
        "config.cloud-init.user-data", "line 3 of this text is not YAML", "indentation",
    ),
    "a key of user-data twice": (
        f"{CONFIG}user.user-data: |{HERE}\n        #cloud-config\n        runcmd: []\n        runcmd: []",
        "config.user.user-data", "line 3 of this text has 'runcmd' again",
    ),
    "an address twice in what does not start": (
        f"{EMPTY}devices: {{eth0: {{ipv4.address: 10.158.1.8}}}}\n  - name: NAME-2\n    source: {{type: none}}\n"
        f"    state: stopped\n    devices: {{eth0: {{ipv4.address: 10.158.1.8}}}}{HERE}",
        "devices.eth0.ipv4.address", "10.158.1.8", "instance 'NAME'", "Only one of them can start",
    ),
    "an interface that an instance needs at its start": (
        DEVICE + "{type: nic, nictype: macvlan, parent: eth77}" + HERE,
        "devices.mine.parent", "'eth77'", "cannot start",
    ),
}  # fmt: skip

#: Files that are not YAML, or not all of what they say.
UNREADABLE: Cases = {
    "a tab": ("profiles:\n  - name: NAME\n\tconfig: {}" + HERE, "not YAML", "Indent with spaces"),
    "an indentation": ("profiles:\n  - name: NAME\n     config: {}" + HERE, "not YAML", "indentation"),
    "two colons in one line": ("profiles:\n  - name: NAME\n    config: limits.cpu: 2" + HERE, "not YAML", "colons"),
    "a template without quotes": ("profiles:\n  - name: {{ name }}" + HERE, "not YAML", "Quote"),
    "a key twice": ("profiles:\n  - name: NAME\n    name: b" + HERE, "'name' is written twice"),
}

#: What only templates make of a document.
TEMPLATED: Cases = {
    "an undefined variable": (PROFILE + "description: '{{ nowhere }}'" + HERE, "description", "nowhere", "undefined"),
    "a count in words": (PROFILE + "count: three" + HERE, "count", "'three'", "from 0 to"),
}


def mistakes(*tables: Cases) -> dict[str, Mistake]:
    """The cases of tables, each with a name of its own (`m1`, `m2`, …). `FILE` in words stands for its file."""
    found = {}
    for number, (title, (text, *words)) in enumerate((case for cases in tables for case in cases.items()), 1):
        mine = [part.replace("NAME", f"m{number}") for part in (text, *words)]
        line = next(place for place, part in enumerate(mine[0].split("\n"), 1) if part.endswith(HERE))
        plain = "\n".join(part[: -len(HERE)] if part.endswith(HERE) else part for part in mine[0].split("\n"))
        found[title] = Mistake(plain + "\n", line, tuple(mine[1:]))
    return found
