# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OVN over the hosts of the lab: Open vSwitch and a controller on each, with the datapath in user space, and the
databases on the first.
"""

from __future__ import annotations

import itertools

from .cluster import Hosts, Node

#: Where OVS and OVN keep what is one host's own.
_FOLDERS = (
    "/run/openvswitch", "/run/ovn", "/etc/openvswitch", "/etc/ovn",
    "/var/lib/openvswitch", "/var/lib/ovn", "/var/log/openvswitch", "/var/log/ovn",
)  # fmt: skip
_OVS, _OVN = "/usr/share/openvswitch/scripts/ovs-ctl", "/usr/share/ovn/scripts/ovn-ctl"


class Ovn:
    """The processes end with the hosts: `daemon.Daemon` ends all that is in its network namespace."""

    def __init__(self, hosts: Hosts) -> None:
        self.nodes = hosts.nodes
        self.northbound = f"tcp:{self.nodes[0].ip}:6641"

    def start(self) -> None:
        for node in self.nodes:
            for folder in _FOLDERS:
                node.within("mkdir", "-p", folder)
                node.within("mount", "-t", "tmpfs", "tmpfs", folder)
            node.within(_OVS, "--no-mlockall", f"--system-id={node.name}", "start")
        first = self.nodes[0]
        first.within(_OVN, "start_northd")
        first.within("ovn-nbctl", "set-connection", "ptcp:6641:0.0.0.0")
        first.within("ovn-sbctl", "set-connection", "ptcp:6642:0.0.0.0")
        for node in self.nodes:
            settings = {
                "remote": f"tcp:{first.ip}:6642",
                "encap-type": "geneve",
                "encap-ip": node.ip,
                "bridge-datapath-type": "netdev",
            }
            node.within(
                "ovs-vsctl",
                "set",
                "open_vswitch",
                ".",
                *(f'external_ids:ovn-{key}="{value}"' for key, value in settings.items()),
            )
            node.within(_OVN, "start_controller")

    def bridges(self, node: Node) -> None:
        """Kernels without openvswitch.ko have no datapath for the bridges that daemons make for uplinks: these are
        there before, in user space. A bridge has the number of its uplink, which counts all networks that were made.
        """
        names = [f"{node.kind}ovn{number}" for number in range(1, 20)]
        commands = [
            ("--", "--may-exist", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev") for name in names
        ]
        node.within("ovs-vsctl", *itertools.chain(*commands))
