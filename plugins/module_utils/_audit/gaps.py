# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""By which ways a client that is limited to projects gets out of them, on servers that do not refuse it.

Versions are compared here because no extension shows it. The ranges are those of the source code of the servers, as of
2026-11-28, and tests try each way on the servers that they run. A distribution may repair a server and keep its
version, so users can accept a gap.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from .._api.versions import Range, numbers_of, within


class Gap(NamedTuple):
    """One way out.

    :ivar name: what users accept it by. It stays the same
    :ivar severity: of the finding of an audit
    :ivar text: what such a client can do
    :ivar affected: the versions, by product
    :ivar clustered: whether only clusters are affected
    :ivar debian: by product, the package of Debian that repaired it and kept the version
    """

    name: str
    severity: str
    text: str
    affected: Mapping[str, Sequence[Range]]
    clustered: bool = False
    debian: Mapping[str, str] = {}

    def repaired(self, product: str) -> str:
        """The versions that do not have it, for people."""
        versions = [before for _since, before in self.affected[product] if before]
        if not versions:
            return "no version that is known"
        package = f", and {self.debian[product]} of Debian" if product in self.debian else ""
        return " or ".join(versions) + " and later of the series" + package


#: The series of LXD that got the repairs of one day.
_LXD_2026 = (("0", "5.0.7"), ("5.1", "5.21.5"))
_INCUS_2026 = (("0", "7.0.1"), ("7.1", "7.2"))
#: Packages of Debian 13 with the same repairs.
_LXD_DEBIAN, _INCUS_DEBIAN = "5.0.2+git20231211.1364ae4-9+deb13u7", "6.0.4-2+deb13u8"
GAPS = (
    Gap(
        "backup-import",
        "critical",
        "import the backup of an instance with whatever the project forbids, such as a privileged container",
        {"lxd": (*_LXD_2026, ("6.1", "6.9"))},
        debian={"lxd": "5.0.2+git20231211.1364ae4-9+deb13u5"},
    ),
    Gap(
        "creation-in-cluster",
        "critical",
        "create an instance with whatever the project forbids, and beyond its quota, if the request names no member",
        {"lxd": (("5.0.2", "5.0.7"), ("5.10", "5.21.3"), ("6.1", "6.2"), ("6.6", "6.8"))},
        clustered=True,
    ),
    Gap(
        "events",
        "high",
        "read the events of all projects, with the commands that others run and the secrets of their sessions",
        {"lxd": (("0", "5.20"),)},
    ),
    Gap(
        "instance-copy",
        "high",
        "copy an instance of another project, whose name it knows",
        {"incus": _INCUS_2026},
        debian={"incus": _INCUS_DEBIAN},
    ),
    Gap(
        "snapshot-restore",
        "critical",
        "restore a snapshot, such as one that came with an instance from a server of its own, with whatever the "
        "project forbids",
        {"lxd": (*_LXD_2026, ("6.1", "6.10")), "incus": _INCUS_2026},
        debian={"lxd": _LXD_DEBIAN, "incus": _INCUS_DEBIAN},
    ),
    Gap(
        "volume-copy",
        "high",
        "copy a storage volume of another project, whose name it knows",
        {"lxd": (*_LXD_2026, ("6.1", "6.8")), "incus": _INCUS_2026},
        debian={"lxd": _LXD_DEBIAN, "incus": _INCUS_DEBIAN},
    ),
)
NAMES = tuple(gap.name for gap in GAPS)


def is_limited(certificate: Mapping[str, Any]) -> bool:
    """Whether an entry of the trust store is a client of some projects only."""
    return bool(certificate.get("type") == "client" and certificate.get("restricted") and certificate.get("projects"))


def gaps_of(environment: Mapping[str, Any]) -> tuple[Gap, ...]:
    """Those of a server, by the `environment` of `GET /1.0`. One whose version cannot be read has all."""
    product, clustered = environment.get("server") or "lxd", bool(environment.get("server_clustered"))
    version = numbers_of(environment.get("server_version") or "")
    return tuple(
        gap
        for gap in GAPS
        if (clustered or not gap.clustered)
        and product in gap.affected
        and (not version or within(version, gap.affected[product]))
    )
