# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Every kind by its name. Ansible sends along what is imported by name, so they are named here, and a test holds the list to the folder."""

from __future__ import annotations

from .._resource import Resource
from .certificate import Certificate
from .cluster import Cluster
from .cluster_group import ClusterGroup
from .cluster_member import ClusterMember
from .cluster_token import ClusterToken
from .image import Image
from .image_alias import ImageAlias
from .instance import Instance
from .instance_snapshot import InstanceSnapshot
from .network import Network
from .profile import Profile
from .project import Project
from .server import Server
from .storage_pool import StoragePool
from .trust_token import TrustToken

_LISTED: tuple[type[Resource], ...] = (
    Certificate,
    Cluster,
    ClusterGroup,
    ClusterMember,
    ClusterToken,
    Image,
    ImageAlias,
    Instance,
    InstanceSnapshot,
    Network,
    Profile,
    Project,
    Server,
    StoragePool,
    TrustToken,
)
KINDS: dict[str, type[Resource]] = {kind.kind: kind for kind in _LISTED}
