# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tenants as entries of a document: what each has, what it may not do, and who may act for it."""

from __future__ import annotations

import ipaddress
import itertools
import re
import urllib.parse
from typing import Any, Iterator, Mapping

from ..module_utils._api.errors import InvalidInput
from ..module_utils._api.tls import PEM, fingerprint
from ..module_utils._audit import gaps
from ..module_utils._engine.users import user_of
from ..module_utils._kinds.access.certificate import der_of

#: On the projects and networks that the role made, with the name of the tenant: it changes no other.
MARK = "user.cloudhost.tenant"
#: Features of new projects that not every server has, by the extension that brings them.
FEATURES = {"storage_buckets": "features.storage.buckets", "projects_networks_zones": "features.networks.zones"}
#: The kinds of what the role makes outside of projects.
_KINDS = ("project", "network", "network_acl")
#: The sections of a project's contents besides instances, each before what it uses.
_ORDER = ("images", "storage-pools", "networks", "network-acls", "network-zones", "profiles")
#: As the daemons take the names of projects, and as DNS takes names.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Tenant:
    """One entry of the list, with what it does not say taken from the settings."""

    def __init__(self, entry: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.name = str(entry.get("name") or "")
        self.description = entry.get("description") or ""
        self.absent = entry.get("state") == "absent"
        self.force, self.adopt = bool(entry.get("force")), bool(entry.get("adopt"))
        uplink = entry.get("uplink")
        self.uplink: str = settings["uplink"] if uplink is None else uplink
        self.isolated: bool = settings["isolated"]
        self.pool: str = entry.get("pool") or settings["pool"]
        self.quota = {**settings["quota"], **(entry.get("quota") or {})}
        self.defaults = {**settings["defaults"], **(entry.get("defaults") or {})}
        images = entry.get("images")
        self.images: list[dict[str, Any]] = settings["images"] if images is None else images
        self.clients: list[dict[str, Any]] = [dict(client) for client in entry.get("clients") or ()]
        self.config, self.network_config = entry.get("config") or {}, entry.get("network_config") or {}
        self.subnet, self.subnet6 = entry.get("subnet") or "", entry.get("subnet6") or ""
        self.subnets: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []

    @property
    def network(self) -> str:
        """An OVN network is in the project of the tenant, a bridge in the project default."""
        return self.name

    @property
    def acl(self) -> str:
        return f"tenant-{self.name}"

    def errors(self) -> Iterator[str]:
        if not _NAME.fullmatch(self.name) or self.name == "default":
            yield f"name: '{self.name}' is none for a tenant: use a-z, 0-9 and -, at most 63, and not 'default'."
        if self.absent:
            return
        if not self.uplink and len(self.network) > 15:
            yield f"name: '{self.name}' is longer than the 15 characters of the name of a bridge."
        for option, version in (("subnet", 4), ("subnet6", 6)):
            written = getattr(self, option)
            try:
                subnet = ipaddress.ip_network(written) if written else None
            except ValueError as exc:
                yield f"{option}: {exc}. Write a network, such as 10.60.0.0/24."
                continue
            if subnet and (subnet.version != version or subnet.num_addresses < 8):
                yield f"{option}: '{written}' is no IPv{version} network of at least 8 addresses."
            elif subnet:
                self.subnets.append(subnet)
        if not self.subnet and not self.subnet6:
            yield "subnet: write that of the tenant's network, such as 10.60.0.0/24."
        for key in ("cpu", "memory", "disk", "processes"):
            if self.quota.get(key) is not None and self.defaults.get(key) is None:
                yield f"quota.{key}: every instance then needs a limit of its own: write defaults.{key}."
        yield from self._client_errors()

    def _client_errors(self) -> Iterator[str]:
        for number, client in enumerate(self.clients):
            where = f"clients[{number}].certificate"
            if "PRIVATE KEY" in client["certificate"]:
                yield f"{where}: it has a private key, which only the tenant may have. Write the certificate alone."
                continue
            if not PEM.search(client["certificate"]):
                yield f"{where}: write the text of a certificate, from BEGIN CERTIFICATE to END CERTIFICATE."
                continue
            try:
                client["fingerprint"] = fingerprint(der_of(client["certificate"]))
            except InvalidInput as exc:
                yield f"clients[{number}].{exc}"

    # -- entries of a document ----------------------------------------------------------------------------------------

    def project(self, extensions: list[str]) -> dict[str, Any]:
        """What is restricted and not named here is blocked by the daemons. Images are its own: what a project shares
        with `default`, its clients can change and delete there.
        """
        ovn = bool(self.uplink)
        features = {"features.images": True, "features.profiles": True, "features.storage.volumes": True}
        features.update({key: True for extension, key in FEATURES.items() if extension in extensions})
        config = {
            **features,
            "features.networks": ovn,
            "restricted": True,
            "restricted.containers.privilege": "isolated" if self.isolated else "unprivileged",
            "restricted.snapshots": "allow",
            **({"restricted.networks.uplinks": self.uplink} if ovn else {"restricted.networks.access": self.network}),
            **{f"limits.{key.replace('_', '-')}": value for key, value in self.quota.items() if value is not None},
            MARK: self.name,
            **self.config,
        }
        return {"name": self.name, "description": self.description, "config": config, "exact": True}

    def profile(self) -> dict[str, Any]:
        limits = {f"limits.{key}": value for key, value in self.defaults.items() if key != "disk" and value is not None}
        size = {} if self.defaults.get("disk") is None else {"size": self.defaults["disk"]}
        return {
            "name": "default",
            "project": self.name,
            "config": {**limits, **({"security.idmap.isolated": True} if self.isolated else {})},
            "devices": {
                "root": {"type": "disk", "path": "/", "pool": self.pool, **size},
                "eth0": {"type": "nic", "network": self.network, "name": "eth0"},
            },
            "exact": False,
        }

    def network_entry(self) -> dict[str, Any]:
        config: dict[str, Any] = {MARK: self.name}
        for version in (4, 6):
            subnet = next((subnet for subnet in self.subnets if subnet.version == version), None)
            config[f"ipv{version}.address"] = f"{subnet[1]}/{subnet.prefixlen}" if subnet else "none"
            config.update({f"ipv{version}.nat": True} if subnet else {})
        if self.uplink:
            own = {"type": "ovn", "project": self.name}
            config["network"] = self.uplink
        else:
            own = {"type": "bridge"}
            config.update({"security.acls": self.acl, "security.acls.default.egress.action": "allow"})
        return {
            "name": self.network,
            **own,
            "description": self.description,
            "config": {**config, **self.network_config},
        }

    def acl_entry(self, others: list[str]) -> dict[str, Any]:
        """Nothing else comes in, because the daemons reject what no rule allows. What goes out is all but these
        networks. Hosts with br_netfilter apply this within the bridge, too.
        """
        own = ",".join(str(subnet) for subnet in self.subnets)
        rules = [{"action": "reject", "state": "enabled", "destination": ",".join(others)}] if others else []
        description = f"What {self.name} must not reach"
        return {
            "name": self.acl,
            "description": description,
            "egress": rules,
            "config": {MARK: self.name},
            "ingress": [{"action": "allow", "state": "enabled", "source": own}],
        }


class Tenants:
    def __init__(self, entries: list[dict[str, Any]], settings: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        self.all = [Tenant(entry, settings) for entry in entries]
        self.present = [tenant for tenant in self.all if not tenant.absent]
        self.settings, self.found = settings, found

    # -- what is wrong ------------------------------------------------------------------------------------------------

    def errors(self) -> list[str]:
        errors, names = [], [tenant.name for tenant in self.all]
        for number, tenant in enumerate(self.all):
            where = f"tenants_list[{number}] '{tenant.name}'"
            errors += [f"{where}: {error}" for error in tenant.errors()]
            if names.index(tenant.name) != number:
                errors.append(f"{where}: there is another tenant of this name. Give each a name of its own.")
            errors += [f"{where}: {error}" for error in self._taken(tenant)]
        for one, other in itertools.combinations([tenant for tenant in self.present if not tenant.uplink], 2):
            errors += [
                f"tenants_list: the subnets {mine} of {one.name} and {its} of {other.name} overlap, and both are "
                "bridges of the same hosts. Give each tenant a subnet of its own."
                for mine in one.subnets
                for its in other.subnets
                if mine.version == its.version and mine.overlaps(its)
            ]
        return [*errors, *self._gaps()]

    def _gaps(self) -> Iterator[str]:
        """Ways in which the clients of tenants get out of their projects on this server. Nobody does without a
        certificate.
        """
        accepted, environment = self.settings["accepted_gaps"], self.found["environment"]
        there = [gap for gap in gaps.gaps_of(environment) if gap.name not in accepted]
        if there and any(tenant.clients for tenant in self.present):
            product = environment["server"]
            cluster = "in a cluster" if environment.get("server_clustered") else "alone"
            texts = [f"{gap.name} ({gap.text}; repaired in {gap.repaired(product)})" for gap in there]
            yield (
                f"tenants_accepted_gaps: {product} {environment['server_version']} {cluster} does not keep clients "
                f"within their projects. A client of a tenant can: {'; '.join(texts)}. Use another version, or give no "
                "tenant a certificate whom you would not give the whole server, and write tenants_accepted_gaps: "
                f"[{', '.join(gap.name for gap in there)}]. docs/security.md describes the gaps."
            )

    def _taken(self, tenant: Tenant) -> Iterator[str]:
        """Projects and bridges that exist, and that this role has not made."""
        places = {"project": tenant.name}
        if not tenant.uplink:
            places.update(network=tenant.network, network_acl=tenant.acl)
        for kind, name in places.items():
            there = next((found for found in self.found[kind] if found["name"] == name), None)
            if there and not tenant.adopt and (there.get("config") or {}).get(MARK) != tenant.name:
                what = "be removed" if tenant.absent else "be changed"
                yield (
                    f"the {kind} '{name}' exists, and no tenant of this role has it, so it must not {what}. Choose "
                    "another name, or write adopt: true to make it the tenant's."
                )

    # -- what is right ------------------------------------------------------------------------------------------------

    def plan(self) -> dict[str, Any]:
        granted = self._granted()
        bridged = [tenant for tenant in self.present if not tenant.uplink]
        removed = [
            self._removal(tenant)
            for tenant in self.all
            if tenant.absent and any(self._marked(kind, tenant) for kind in _KINDS)
        ]
        gone = {removal["name"] for removal in removed if removal["force"] or not removal["lost"]}
        return {
            "definition": {
                "projects": [tenant.project(self.found["extensions"]) for tenant in self.present],
                "network_acls": [tenant.acl_entry(self._others(tenant, gone)) for tenant in bridged],
                "networks": [tenant.network_entry() for tenant in self.present],
                "profiles": [tenant.profile() for tenant in self.present],
                "images": [{**image, "project": tenant.name} for tenant in self.present for image in tenant.images],
                "certificates": [*granted.values(), *self._reduced(granted)],
            },
            "revoked": [
                {"name": there["name"], "fingerprint": there["fingerprint"]}
                for there, kept in self._withdrawn(granted)
                if not kept
            ],
            "removed": removed,
            "forgotten": sorted(
                project["name"]
                for project in self.found["project"]
                if (project.get("config") or {}).get(MARK) == project["name"]
                and project["name"] not in {tenant.name for tenant in self.all}
            ),
        }

    def _marked(self, kind: str, tenant: Tenant) -> list[dict[str, Any]]:
        return [found for found in self.found[kind] if (found.get("config") or {}).get(MARK) == tenant.name]

    def _removal(self, tenant: Tenant) -> dict[str, Any]:
        """What a tenant has, in an order in which it can be deleted, and what of it the role has not made."""
        used = {place for project in self._marked("project", tenant) for place in project.get("used_by") or ()}
        places = [(urllib.parse.urlsplit(place), user_of(place).parts) for place in sorted(used)]
        own = (("profiles", "default"), ("networks", tenant.network))
        return {
            "name": tenant.name,
            "force": tenant.force,
            "instances": [parts[1] for _place, parts in places if parts[0] == "instances" and len(parts) == 2],
            "rest": [
                {"path": place.path, "query": dict(urllib.parse.parse_qsl(place.query))}
                for section in _ORDER
                for place, parts in places
                if parts[0] == section and parts != own[0]
            ],
            "lost": ["/".join(parts) for _place, parts in places if parts[0] != "images" and parts not in own],
            "networks": [network["name"] for network in self._marked("network", tenant)],
            "acls": [acl["name"] for acl in self._marked("network_acl", tenant)],
        }

    def _others(self, tenant: Tenant, gone: set[str]) -> list[str]:
        """Also of tenants that are in the list no more, whose bridges are there. Not of those that go in this run."""
        others = {str(subnet) for other in self.present if other is not tenant for subnet in other.subnets}
        for network in self.found["network"]:
            config = network.get("config") or {}
            if config.get(MARK, tenant.name) not in {tenant.name, *gone}:
                addresses = [config.get(key) or "none" for key in ("ipv4.address", "ipv6.address")]
                others |= {str(ipaddress.ip_interface(address).network) for address in addresses if "/" in address}
        return _without({*others, *self.settings["unreachable"]}, tenant.subnets)

    def _granted(self) -> dict[str, dict[str, Any]]:
        """An entry of the trust store for each certificate, which may be that of several tenants."""
        ours = {tenant.name for tenant in self.all}
        entries: dict[str, dict[str, Any]] = {}
        for tenant in self.present:
            for client in tenant.clients:
                name = client.get("name") or tenant.name
                entry = {"name": name, "certificate": client["certificate"], "restricted": True, "projects": []}
                entries.setdefault(client["fingerprint"], entry)["projects"].append(tenant.name)
        for there in self.found["certificate"]:
            if there["fingerprint"] in entries and there.get("restricted"):
                entries[there["fingerprint"]]["projects"] += [
                    project for project in there.get("projects") or () if project not in ours
                ]
        for entry in entries.values():
            entry["projects"] = sorted(set(entry["projects"]))
        return entries

    def _withdrawn(self, granted: dict[str, dict[str, Any]]) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Certificates that are limited to tenants that do not name them, with the projects that they keep."""
        ours = {tenant.name for tenant in self.all}
        for there in self.found["certificate"]:
            projects = there.get("projects") or []
            if there["fingerprint"] not in granted and there.get("restricted") and ours.intersection(projects):
                yield there, sorted(set(projects) - ours)

    def _reduced(self, granted: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"name": there["name"], "fingerprint": there["fingerprint"], "restricted": True, "projects": kept}
            for there, kept in self._withdrawn(granted)
            if kept
        ]


def _without(networks: set[str], own: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> list[str]:
    """These networks but for those within them, in order."""
    found: list[Any] = [ipaddress.ip_network(network) for network in networks]
    for subnet in own:
        rest = [network for network in found if network.version != subnet.version or not network.overlaps(subnet)]
        for network in found:
            inside = network.version == subnet.version and subnet.subnet_of(network)  # type: ignore[unused-ignore]
            if inside and network != subnet:
                rest += network.address_exclude(subnet)
        found = rest
    return [str(network) for network in sorted(found, key=lambda network: (network.version, network))]
