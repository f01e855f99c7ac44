# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done so that the databases of OVN have the servers that an inventory names."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ovn_plan
short_description: Plan how a database of OVN becomes a cluster of the given servers
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - The role cloudhost.lxd.ovn uses this filter. It compares what hosts have of a database with the servers that the
    inventory names.
  - It refuses what would lose data or split the cluster, and says what to do.
options:
  _input:
    description: For each host of the run, what it has of the database, as the role reads it.
    type: dict
    required: true
  database:
    description: The name of the database, for errors.
    type: str
    required: true
  central:
    description: The hosts of the servers, each with the address that servers have for each other, such as
      V(ssl:10.0.0.1:6643).
    type: dict
    required: true
  running:
    description: Whether the servers have been started that can be. If not, the filter only refuses what the files of
      the databases do not allow.
    type: bool
    default: true
positional: database, central, running
"""

EXAMPLES = r"""
- name: Plan the northbound database
  ansible.builtin.debug:
    msg: "{{ {'node1': {'model': 'missing'}} | cloudhost.lxd.ovn_plan('northbound', {'node1': 'ssl:10.0.0.1:6643'}) }}"
"""

RETURN = r"""
_value:
  description:
    - C(create) is the host that creates the cluster, if there is none. C(join) are the hosts that join it, and C(via)
      the addresses of servers that they can join at.
    - C(remove) are the servers that are no longer, by their identifiers, and C(leave) the hosts that leave. C(speaker)
      is a host with a running server of the cluster.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError


class Plan:
    """Of one database."""

    def __init__(self, hosts: dict[str, Any], database: str, central: dict[str, str]) -> None:
        self.hosts, self.database, self.central = hosts, database, central
        self.clustered = {host: found for host, found in hosts.items() if found["model"] == "clustered"}
        self.here = [host for host in central if host in hosts]

    def made(self, running: bool) -> dict[str, Any]:
        self._refuse_damaged()
        self._refuse_strangers()
        if not self.here:  # a run on other hosts only
            return self._result()
        if not self.clustered:
            return self._begun()
        self._filled()
        return self._changed() if running else self._result()

    @staticmethod
    def _result(**parts: Any) -> dict[str, Any]:
        return {"create": "", "join": [], "via": [], "remove": [], "leave": [], "speaker": "", **parts}

    def _refuse_damaged(self) -> None:
        for host, found in self.hosts.items():
            if found["model"] == "damaged":
                raise AnsibleFilterError(
                    f"{found['path']} of {host} is not a database that ovsdb-tool can read. Move the file away; the "
                    f"next run has {host} join the others again."
                )

    def _refuse_strangers(self) -> None:
        clusters: dict[str, str] = {}
        for host, found in self.clustered.items():
            if found["cluster"]:
                clusters.setdefault(found["cluster"], host)
            if host in self.central and found["address"] != self.central[host]:
                raise AnsibleFilterError(
                    f"The server of the {self.database} database on {host} has the address {found['address']}, and "
                    f"the inventory says {self.central[host]}. An address cannot change: take {host} out of "
                    "ovn_central_hosts, run this, and add it again."
                )
        if len(clusters) > 1:
            where = ", ".join(f"{host} is in {cluster}" for cluster, host in clusters.items())
            raise AnsibleFilterError(
                f"The hosts have {self.database} databases of different clusters: {where}. Decide which of them to "
                "keep, and remove ovn-central with its files in /var/lib/ovn from the other hosts."
            )

    def _begun(self) -> dict[str, Any]:
        absent = [host for host in self.central if host not in self.hosts]
        if absent:
            raise AnsibleFilterError(
                f"None of {', '.join(self.here)} has a server of the {self.database} database, and "
                f"{', '.join(absent)} takes no part in this run, so the database may be there. Run this with a host "
                "that has it, or with all of ovn_central_hosts to begin."
            )
        filled = self._filled()
        first = (filled or [host for host in self.here if self.hosts[host].get("kept")] or self.here)[0]
        others = [host for host in self.here if host != first]
        return self._result(create=first, join=others, via=[self.central[first]], speaker=first)

    def _filled(self) -> list[str]:
        """The host that has networks without a cluster. It keeps them, so there can be only one."""
        filled = [host for host in self.here if self.hosts[host].get("rows") and self.database == "northbound"]
        if len(filled) > 1 or (filled and self.clustered):
            raise AnsibleFilterError(
                f"{', '.join(filled)} has networks in a {self.database} database of its own, which would be lost. "
                "Decide which one to keep, and remove ovn-central with its files in /var/lib/ovn from the other hosts."
            )
        return filled

    def _changed(self) -> dict[str, Any]:
        speaker, servers = self._spoken()
        known = {server["id"]: server["address"] for server in servers}
        of_hosts = {
            host: server
            for host, found in self.clustered.items()
            for server in known
            if found["server"].startswith(server)
        }
        leave = [host for host in of_hosts if host not in self.central]
        leaving = {of_hosts[host] for host in leave}
        remove = [server for server, address in known.items() if server not in leaving and self._gone(server, address)]
        if not known.keys() - leaving - set(remove):
            raise AnsibleFilterError(
                f"None of ovn_central_hosts is a server of the {self.database} database, which has "
                f"{', '.join(sorted(known.values()))}. Keep at least one of them until the others have joined."
            )
        join = [host for host in self.here if host not in of_hosts]
        via = [address for server, address in known.items() if server not in {*remove, *leaving}]
        return self._result(join=join, via=via, remove=remove, leave=leave, speaker=speaker)

    def _gone(self, server: str, address: str) -> bool:
        """Whether a server of the cluster is none any more: its host is none, or has lost its database."""
        host = next((host for host, own in self.central.items() if own == address), "")
        if not host:
            return True
        if host not in self.hosts:
            return False  # it takes no part in this run
        return host not in self.clustered or not self.clustered[host]["server"].startswith(server)

    def _spoken(self) -> tuple[str, list[dict[str, Any]]]:
        """A host whose server is a member of the cluster and knows its leader, and the servers of the cluster."""
        told = {host: found["status"] for host, found in self.clustered.items() if found["status"]}
        able = [host for host, status in told.items() if status["member"] and status["leader"]]
        able.sort(key=lambda host: told[host]["role"] != "leader")
        if not able:
            silent = sorted(self.clustered.keys() - told.keys())
            raise AnsibleFilterError(
                f"The {self.database} database has no leader: more than half of its servers have to run. "
                f"It runs on {', '.join(sorted(told)) or 'no host'}"
                + (f", and does not on {', '.join(silent)}" if silent else "")
                + ". See 'journalctl -u ovn-ovsdb-server-nb -u ovn-ovsdb-server-sb' there, and whether the hosts reach "
                "each other on the ports 6643 and 6644."
            )
        return able[0], told[able[0]]["servers"]


def ovn_plan(hosts: dict[str, Any], database: str, central: dict[str, str], running: bool = True) -> dict[str, Any]:
    """What is to be done, by the words of RETURN.

    :param hosts: what each host of the run has of the database
    :param database: `northbound` or `southbound`
    :param central: the addresses of the servers by host, in the order of the inventory
    :param running: whether the servers have been started
    :raises AnsibleFilterError: what would lose data or split the cluster
    """
    return Plan(hosts, database, central).made(running)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"ovn_plan": ovn_plan}
