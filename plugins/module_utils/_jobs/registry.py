# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Every kind by its name. Ansible sends along what is imported by name, so they are named here. A test compares the
list with the directory.
"""

from __future__ import annotations

from .._engine.resource import Resource
from .._kinds.access.auth_group import AuthGroup
from .._kinds.access.certificate import Certificate
from .._kinds.access.identity import Identity
from .._kinds.access.identity_provider_group import IdentityProviderGroup
from .._kinds.access.trust_token import TrustToken
from .._kinds.clusters.cluster import Cluster
from .._kinds.clusters.cluster_group import ClusterGroup
from .._kinds.clusters.cluster_link import ClusterLink
from .._kinds.clusters.cluster_member import ClusterMember
from .._kinds.clusters.cluster_token import ClusterToken
from .._kinds.clusters.placement_group import PlacementGroup
from .._kinds.clusters.replicator import Replicator
from .._kinds.images.image import Image
from .._kinds.images.image_alias import ImageAlias
from .._kinds.instances.instance import Instance
from .._kinds.instances.instance_backup import InstanceBackup
from .._kinds.instances.instance_file import InstanceFile
from .._kinds.instances.instance_snapshot import InstanceSnapshot
from .._kinds.instances.instance_template import InstanceTemplate
from .._kinds.instances.profile import Profile
from .._kinds.networks.network import Network
from .._kinds.networks.network_acl import NetworkAcl
from .._kinds.networks.network_address_set import NetworkAddressSet
from .._kinds.networks.network_forward import NetworkForward
from .._kinds.networks.network_integration import NetworkIntegration
from .._kinds.networks.network_load_balancer import NetworkLoadBalancer
from .._kinds.networks.network_load_balancer_pool import NetworkLoadBalancerPool
from .._kinds.networks.network_peer import NetworkPeer
from .._kinds.networks.network_zone import NetworkZone
from .._kinds.networks.network_zone_record import NetworkZoneRecord
from .._kinds.server.project import Project
from .._kinds.server.server import Server
from .._kinds.storage.storage_bucket import StorageBucket
from .._kinds.storage.storage_bucket_key import StorageBucketKey
from .._kinds.storage.storage_pool import StoragePool
from .._kinds.storage.storage_volume import StorageVolume
from .._kinds.storage.storage_volume_backup import StorageVolumeBackup
from .._kinds.storage.storage_volume_snapshot import StorageVolumeSnapshot

_LISTED: tuple[type[Resource], ...] = (
    AuthGroup,
    Certificate,
    Cluster,
    ClusterGroup,
    ClusterLink,
    ClusterMember,
    ClusterToken,
    Identity,
    IdentityProviderGroup,
    Image,
    ImageAlias,
    Instance,
    InstanceBackup,
    InstanceFile,
    InstanceSnapshot,
    InstanceTemplate,
    Network,
    NetworkAcl,
    NetworkAddressSet,
    NetworkForward,
    NetworkIntegration,
    NetworkLoadBalancer,
    NetworkLoadBalancerPool,
    NetworkPeer,
    NetworkZone,
    NetworkZoneRecord,
    PlacementGroup,
    Profile,
    Project,
    Replicator,
    Server,
    StorageBucket,
    StorageBucketKey,
    StoragePool,
    StorageVolume,
    StorageVolumeBackup,
    StorageVolumeSnapshot,
    TrustToken,
)
KINDS: dict[str, type[Resource]] = {kind.kind: kind for kind in _LISTED}
