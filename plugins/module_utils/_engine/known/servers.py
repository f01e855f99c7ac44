# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Config keys of servers and projects: names and types, for `tables.py` (which has the notation).

From the reference documentation and the sources of LXD 5.0 to 6.9 and Incus 6.0 to 7.3.
"""

from __future__ import annotations

PROJECT = """
backups.compression_algorithm text
features.images bool
features.networks bool
features.networks.zones bool
features.profiles bool
features.storage.buckets bool
features.storage.volumes bool
images.auto_update_cached bool
images.auto_update_interval int
images.compression_algorithm text
images.default_architecture text
images.remote_cache_expiry int
limits.containers uint
limits.cpu uint
limits.disk size
limits.disk.pool.* size
limits.instances uint
limits.memory size
limits.networks uint
limits.networks.uplink_ips.ipv4.* text lxd
limits.networks.uplink_ips.ipv6.* text lxd
limits.processes uint
limits.virtual-machines uint
network.hwaddr_pattern text incus
replica.cluster text lxd
restricted bool
restricted.backups allow|block
restricted.cluster.groups text
restricted.cluster.target allow|block
restricted.containers.interception allow|block|full
restricted.containers.lowlevel allow|block
restricted.containers.nesting allow|block
restricted.containers.privilege allow|unprivileged|isolated
restricted.devices.disk allow|block|managed
restricted.devices.disk.paths text
restricted.devices.gpu allow|block
restricted.devices.infiniband allow|block
restricted.devices.nic allow|block|managed
restricted.devices.pci allow|block
restricted.devices.proxy allow|block
restricted.devices.unix-block allow|block
restricted.devices.unix-char allow|block
restricted.devices.unix-hotplug allow|block
restricted.devices.usb allow|block
restricted.idmap.gid text
restricted.idmap.uid text
restricted.images.servers text incus
restricted.networks.access text
restricted.networks.integrations text incus
restricted.networks.subnets text
restricted.networks.uplinks text
restricted.networks.zones text
restricted.snapshots allow|block
restricted.storage-pools.access text incus
restricted.virtual-machines.lowlevel allow|block
restricted.virtual-machines.nesting allow|block incus
user.* text
"""

SERVER = """
acme.agree_tos bool
acme.ca_url text
acme.challenge DNS-01|HTTP-01 incus
acme.domain text
acme.eab.hmac text incus
acme.eab.kid text incus
acme.email text
acme.http.port text incus
acme.provider text incus
acme.provider.environment text incus
acme.provider.resolvers text incus
authorization.client.default allow|deny|openfga|scriptlet incus
authorization.client.oidc allow|deny|openfga|scriptlet incus
authorization.client.tls allow|deny|openfga|scriptlet incus
authorization.client.tls-restricted allow|deny|tls|openfga|scriptlet incus
authorization.client.unix allow|deny|openfga|scriptlet incus
authorization.openfga.api.token text incus
authorization.openfga.api.url text incus
authorization.openfga.store.id text incus
authorization.openfga.tls.identifier text incus
authorization.scriptlet text incus
backups.compression_algorithm text
candid.api.key text lxd
candid.api.url text lxd
candid.domains text lxd
candid.expiry int lxd
cluster.healing_threshold int
cluster.https_address text
cluster.images_minimal_replica int
cluster.join_token_expiry text
cluster.max_standby int
cluster.max_voters int
cluster.offline_threshold int
cluster.rebalance.batch int incus
cluster.rebalance.cooldown text incus
cluster.rebalance.interval int incus
cluster.rebalance.threshold int incus
core.auth_secret_expiry text lxd
core.bgp_address text
core.bgp_asn uint
core.bgp_routerid ip4
core.debug_address text
core.dns_address text
core.https_address text
core.https_allowed_credentials bool
core.https_allowed_headers text
core.https_allowed_methods text
core.https_allowed_origin text
core.https_allowed_websocket_origin text incus
core.https_trusted_proxy text
core.metrics_address text
core.metrics_authentication bool
core.proxy_http text
core.proxy_https text
core.proxy_ignore_hosts text
core.remote_token_expiry text
core.shutdown_action shutdown|evacuate incus
core.shutdown_timeout int
core.storage_buckets_address text
core.syslog_socket bool
core.trust_ca_certificates bool
core.trust_password text lxd
images.auto_update_cached bool
images.auto_update_interval int
images.compression_algorithm text
images.default_architecture text
images.remote_cache_expiry int
instances.lxcfs.per_instance bool incus
instances.migration.stateful bool lxd
instances.nic.host_name random|mac
instances.placement.scriptlet text
instances.tpm.platform_cert text incus
instances.tpm.platform_key text incus
logging.*.lifecycle.projects text incus
logging.*.lifecycle.types text incus
logging.*.logging.level text incus
logging.*.target.address text incus
logging.*.target.ca_cert text incus
logging.*.target.facility text incus
logging.*.target.instance text incus
logging.*.target.labels text incus
logging.*.target.password text incus
logging.*.target.retry int incus
logging.*.target.type text incus
logging.*.target.username text incus
logging.*.types text incus
loki.api.ca_cert text
loki.api.url text
loki.auth.password text
loki.auth.username text
loki.instance text
loki.labels text
loki.loglevel text
loki.types text
maas.api.key text lxd
maas.api.url text lxd
maas.machine text lxd
network.hwaddr_pattern text incus
network.ovn.ca_cert text
network.ovn.client_cert text
network.ovn.client_key text
network.ovn.integration_bridge text
network.ovn.northbound_connection text
network.ovs.connection text incus
oidc.audience text
oidc.claim text incus
oidc.client.id text
oidc.client.secret text lxd
oidc.device.client.id text lxd
oidc.groups.claim text lxd
oidc.issuer text
oidc.scopes text
oidc.session.expiry text lxd
openfga.api.token text incus
openfga.api.url text incus
openfga.store.id text incus
rbac.agent.private_key text lxd
rbac.agent.public_key text lxd
rbac.agent.url text lxd
rbac.agent.username text lxd
rbac.api.expiry int lxd
rbac.api.key text lxd
rbac.api.url text lxd
storage.backups_volume text
storage.images_volume text
storage.linstor.ca_cert text incus
storage.linstor.client_cert text incus
storage.linstor.client_key text incus
storage.linstor.controller_connection text incus
storage.linstor.satellite.name text incus
storage.logs_volume text incus
storage.project.*.backups_volume text lxd
storage.project.*.images_volume text lxd
user.* text
"""
