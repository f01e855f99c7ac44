# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin cloudhost.lxd.instances: its options, and the hosts that it adds."""

from __future__ import annotations

DOCUMENTATION = r"""
name: instances
short_description: Use instances of LXD and Incus as hosts
version_added: 0.1.0
description:
  - Finds the containers and virtual machines of any number of LXD and Incus servers and clusters, with one request to
    each server.
  - The name of the inventory file must end in C(instances.yml), C(lxd.yml) or C(incus.yml), or in one of these with the
    suffix C(.yaml). The file must contain C(plugin=cloudhost.lxd.instances).
  - Every host has the variables C(lxd_name), C(lxd_project), C(lxd_type) (V(container) or V(virtual-machine)),
    C(lxd_status), C(lxd_location) (the member of the cluster, or V(none) without a cluster), C(lxd_architecture),
    C(lxd_description), C(lxd_ephemeral), C(lxd_created_at), C(lxd_profiles), C(lxd_config) and C(lxd_devices)
    (including those of profiles), C(lxd_image) (the C(image.*) keys), C(lxd_addresses) (the global addresses of the
    NICs of the instance, IPv4 first), C(lxd_address) (the address that O(address_nic) and O(address_family) select),
    C(lxd_snapshots), C(lxd_server) and C(lxd_url).
  - The variables C(lxd_url), C(lxd_project), and those of C(lxd_client_cert), C(lxd_client_key), C(lxd_server_cert),
    C(lxd_server_fingerprint) and C(lxd_validate_certs) that the server needs, let a task with C(delegate_to=localhost)
    use the server of the instance, without any option.
  - In C(lxd_config), C(lxd_image) and C(lxd_devices), the values of keys that name secrets are masked. The keys
    C(volatile.*), C(raw.*), C(environment.*), C(cloud-init.*), scriptlets and the old keys of cloud-init are left out.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [cloudhost.lxd.instances]
  servers:
    description:
      - The servers to read. For a cluster, one member is enough. The default is the first local socket.
      - Each server has the connection options of the modules, and a C(name). The name becomes the variable
        C(lxd_server) of its hosts. The default name is the host in its C(url).
      - An option can also have the name of its variable, such as C(lxd_url) for O(servers[].url). If an option is not
        set, its variable in the environment is used, such as E(LXD_CLIENT_CERT), as modules do.
      - Certificates and keys are PEM text or paths on the controller. A key that is given as text is not set as a
        variable of the hosts, because variables can be displayed.
    type: list
    elements: dict
    default: [{}]
    suboptions:
      name:
        description: The name of the server in the inventory.
        type: str
      file:
        description: A YAML file with the variables of the server, C(lxd_url) and others, as the playbook
          C(cloudhost.lxd.trust) writes it. The other options of the entry take precedence. Relative paths start at the
          directory of the inventory file. The name of the file is the default for O(servers[].name).
        type: path
      url:
        description: The address of the server, as V(unix:///path/to/unix.socket) or V(https://host:8443), or a list of
          addresses of one server or of members of one cluster. If one of them does not answer, the next one is used.
        type: list
        elements: str
      client_cert:
        description: The client certificate.
        type: str
      client_key:
        description: The private key of the client certificate.
        type: str
      server_cert:
        description: Pins the server to this certificate.
        type: str
      server_fingerprint:
        description: Pins the server to the certificate with this fingerprint.
        type: str
      trust_token:
        description: A one-time token, used on first contact only.
        type: str
      validate_certs:
        description: With V(false), the plugin accepts any server that is not pinned.
        type: bool
        default: true
      timeout:
        description: The time limit for the server to answer, in seconds.
        type: int
        default: 30
  projects:
    description: The projects whose instances to list. V(all) stands for every project that the client can see.
    type: list
    elements: str
    default: [default]
  filters:
    description:
      - Filter expressions of the API, such as V(status eq running) or V(config.user.role eq web). An instance must
        match all of them. The server applies them.
    type: list
    elements: str
    default: []
  hostname:
    description:
      - A Jinja expression for the name of a host. It can use the variables of the instance.
      - It is an error if two instances have the same name, or if a name stands for the controller, such as
        V(localhost). It is also an error if the name is a host of another inventory source, because that host would
        become the instance.
      - If the other source is read later, its host does not change. The plugin leaves out the instance and reports a
        warning.
    type: str
    default: lxd_name
  connection:
    description:
      - How to connect to the hosts.
      - V(api) sets C(ansible_connection) to P(cloudhost.lxd.api#connection), and sets the variables that this plugin
        needs.
      - V(ssh) sets C(ansible_host) to C(lxd_address), if the instance has an address.
      - V(none) sets neither.
    type: str
    choices: [api, ssh, none]
    default: api
  address_nic:
    description: The NIC from which to take C(lxd_address), by the name of the device. The default is the first NIC with
      an address.
    type: str
  address_family:
    description: The family of C(lxd_address). The default is IPv4, or IPv6 for an instance without an IPv4 address.
    type: str
    choices: [ipv4, ipv6]
  on_unreachable:
    description:
      - How to handle a server that cannot be read.
      - V(error) is an error of the whole inventory source. V(warning) reports a warning and lists the hosts of the
        other servers.
    type: str
    choices: [error, warning]
    default: error
"""

EXAMPLES = r"""
# instances.yml: every instance of this host, over its socket
plugin: cloudhost.lxd.instances

---
# prod.instances.yml: two clusters and two single servers
plugin: cloudhost.lxd.instances
servers:
  - name: berlin
    url: https://berlin1.example.net:8443
    server_fingerprint: 1f3e…
    client_cert: ~/.config/lxc/client.crt
    client_key: ~/.config/lxc/client.key
  - name: paris
    url: https://paris1.example.net:8443
    server_cert: /etc/ansible/paris.crt
    client_cert: ~/.config/incus/client.crt
    client_key: ~/.config/incus/client.key
  - file: ~/.config/cloudhost-lxd/oslo1.yml # written by the playbook cloudhost.lxd.trust
  - name: local
projects: [all]
filters:
  - status eq running
hostname: lxd_name ~ '.' ~ lxd_project ~ '.' ~ lxd_server
on_unreachable: warning
compose:
  memory: lxd_config['limits.memory'] | default('unlimited')
groups:
  debian: lxd_image.os == 'Debian'
keyed_groups:
  - key: lxd_location
    prefix: at
  - key: lxd_project
    prefix: project
  - key: lxd_config['user.role']
    prefix: role
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible-instances

---
# ssh.instances.yml: instances over SSH, at an address of the NIC eth1
plugin: cloudhost.lxd.instances
connection: ssh
address_nic: eth1
address_family: ipv6
"""

import os
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.plugins.loader import connection_loader
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import LXDError
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _inventory_hosts

ENDINGS = tuple(f"{name}.{kind}" for name in ("instances", "lxd", "incus") for kind in ("yml", "yaml"))
#: Connection options of a server that become variables of its hosts, for modules and for the connection.
HANDED_ON = ("client_cert", "client_key", "server_cert", "server_fingerprint", "validate_certs")

#: Variables of every host that this plugin adds.
OURS = {"lxd_name", "lxd_project", "lxd_server"}
#: How to form unique names.
HINT = "Use 'hostname' to give them different names, as in: hostname: lxd_name ~ '.' ~ lxd_project ~ '.' ~ lxd_server"


def _described(variables: dict[str, Any]) -> str:
    return f"{variables['lxd_name']} in project {variables['lxd_project']} of server {variables['lxd_server']}"


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "cloudhost.lxd.instances"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        if self.get_option("connection") == "api" and "forks" in context.CLIARGS:
            # load the connection plugin once, so that the workers, which are forked, need not load it
            from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _instance_client  # noqa: F401

            connection_loader.get("cloudhost.lxd.api", class_only=True)
        try:
            servers = _inventory_hosts.complete(self.get_option("servers"), lambda name: self._variables_of(path, name))
            named = [
                (self._name(variables), variables, server)
                for server, found in self._listed(servers, path, cache)
                for variables in found
            ]
        except LXDError as exc:
            raise AnsibleParserError(f"{path}: {exc}") from exc
        # check before adding anything, so that an error leaves the inventory unchanged
        self._check([(name, variables) for name, variables, _server in named], path)
        for name, variables, server in named:
            self._add(name, variables, server)
        self._guard({name for name, _variables, _server in named}, path)

    def _variables_of(self, path: str, name: str) -> Any:
        """The content of the file of a server, which the inventory file `path` names."""
        place = os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(name))
        if not os.path.isfile(place):
            raise AnsibleParserError(f"servers: there is no file {place}. The playbook cloudhost.lxd.trust writes one.")
        return self.loader.load_from_file(place)

    def _listed(
        self, servers: list[dict[str, Any]], path: str, cache: bool
    ) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Each server with the variables of its instances, from the cache if that is allowed."""
        key = self.get_cache_key(path)
        use = self.get_option("cache")
        if use and cache and key in self._cache:
            kept = self._cache[key]
            return [(server, kept.get(server["name"]) or []) for server in servers]
        address = {"nic": self.get_option("address_nic"), "family": self.get_option("address_family")}
        answers = _inventory_hosts.read(servers, self.get_option("projects"), self.get_option("filters"), address)
        failed = {name: answer for name, answer in answers.items() if isinstance(answer, LXDError)}
        for name, error in failed.items():
            if self.get_option("on_unreachable") == "error":
                raise AnsibleParserError(
                    f"{path}: server '{name}' cannot be read: {error} With on_unreachable: warning, the plugin "
                    "lists the other servers."
                )
            self.display.warning(f"{path}: server '{name}' cannot be read, and its instances are left out: {error}")
        found = {name: answer for name, answer in answers.items() if not isinstance(answer, LXDError)}
        if use and not failed:  # otherwise, a server that is unreachable now would be missing later too
            self._cache[key] = found
        return [(server, found.get(server["name"]) or []) for server in servers]

    def _name(self, variables: dict[str, Any]) -> str:
        expression = self.get_option("hostname")
        try:
            return str(self._compose(expression, variables))
        except Exception as exc:  # a template can fail in any way
            raise AnsibleParserError(
                f"hostname: '{expression}' cannot be evaluated for instance {variables['lxd_name']}: {exc}"
            ) from exc

    def _check(self, named: list[tuple[str, dict[str, Any]]], path: str) -> None:
        """Refuse names of other hosts: a user who may name an instance must not get the tasks for another host."""
        taken: dict[str, dict[str, Any]] = {}
        for name, variables in named:
            known = self.inventory.hosts.get(name)
            other = taken.get(name) or (known.vars if known and OURS.issubset(known.vars) else None)
            if other:
                raise AnsibleParserError(
                    f"Two instances would be the host '{name}': {_described(other)}, and "
                    f"{_described(variables)}. {HINT}"
                )
            if name.casefold() in C.LOCALHOST:
                raise AnsibleParserError(
                    f"{path}: '{name}' would be {_described(variables)}, and means the controller. {HINT}"
                )
            if known:
                source = known.vars.get("inventory_file") or "another source of the inventory"
                raise AnsibleParserError(
                    f"{path}: the host '{name}' of {source} would become {_described(variables)}. {HINT}"
                )
            if not name or name != name.strip() or not name.isprintable():
                raise AnsibleParserError(
                    f"{path}: {name!r} is not a valid name for a host, and would be {_described(variables)}. {HINT}"
                )
            taken[name] = variables

    def _guard(self, names: set[str], path: str) -> None:
        """Remove an instance if a source that is read later has a host of the same name.

        Otherwise, the instance would get the variables of that host, and so its tasks.
        """
        inventory, add = self.inventory, self.inventory.add_host

        def add_host(host: Any, *args: Any, **kwargs: Any) -> Any:
            later = inventory.current_source not in (None, source)  # None: a task with add_host
            known = inventory.hosts.get(str(host)) if later and str(host) in names else None
            if known and OURS.issubset(known.vars):
                names.discard(str(host))
                inventory.remove_host(known)
                self.display.warning(
                    f"{path}: {_described(known.vars)} is left out: '{host}' is a host of {inventory.current_source} "
                    f"too. {HINT}"
                )
            return add(host, *args, **kwargs)

        source = inventory.current_source
        if names:
            inventory.add_host = add_host

    def _add(self, name: str, variables: dict[str, Any], server: dict[str, Any]) -> None:
        self.inventory.add_host(name)
        for key, value in {**variables, **self._reach(variables, server)}.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _compose(self, template: str, variables: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Look up plain variables without a template. Templates take most of the time of a large inventory."""
        value = None if self.get_option("use_extra_vars") else _inventory_hosts.looked_up(template, variables)
        return super()._compose(template, variables, *args, **kwargs) if value is None else value

    def _reach(self, variables: dict[str, Any], server: dict[str, Any]) -> dict[str, Any]:
        """The variables that say how to reach a host."""
        way = self.get_option("connection")
        handed_on = {
            option: value
            for option, value in server.items()
            if option in HANDED_ON
            and value not in (None, True)
            and not (option == "client_key" and "-----BEGIN" in value)
        }
        reach = {f"lxd_{option}": value for option, value in handed_on.items()}
        if way == "ssh" and variables["lxd_address"]:
            reach["ansible_host"] = variables["lxd_address"]
        if way != "api":
            return reach
        # The connection prefers these names, so host_vars that describe a server inside the instance do not change it.
        handed_on.update(url=variables["lxd_url"], project=variables["lxd_project"])
        return {
            "ansible_connection": "cloudhost.lxd.api",
            "ansible_host": variables["lxd_name"],
            **reach,
            **{f"ansible_lxd_{option}": value for option, value in handed_on.items()},
        }
