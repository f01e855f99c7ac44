# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy as the configuration of a server, and of its instances."""

from __future__ import annotations

DOCUMENTATION = r"""
name: with_proxy
short_description: Add an HTTP proxy to a stack definition
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Adds C(core.proxy_http), C(core.proxy_https) and C(core.proxy_ignore_hosts) to the C(config) of a definition for
    M(cloudhost.lxd.stack). The daemon then fetches images through the proxy.
  - Keys that the definition already has are not changed. An empty definition stays empty.
options:
  _input:
    description: The definition.
    type: dict
    required: true
  proxy:
    description: C(http), C(https) and C(ignore_hosts), each optional, as P(cloudhost.lxd.host_proxy#filter) returns
      them.
    type: dict
    required: true
  instances:
    description: Whether the profile V(default) sets C(environment.http_proxy), C(environment.https_proxy) and
      C(environment.no_proxy), so that commands in instances use the proxy too.
    type: bool
    default: false
positional: proxy, instances
"""

EXAMPLES = r"""
- name: Configure a server behind a proxy
  cloudhost.lxd.stack:
    definition: "{{ wanted | cloudhost.lxd.with_proxy({'https': 'http://proxy.example.net:3128'}) }}"
  vars:
    wanted:
      config:
        images.auto_update_interval: 6
"""

RETURN = r"""
_value:
  description: The definition with the proxy in it.
  type: dict
"""

from typing import Any

DAEMON = {"http": "core.proxy_http", "https": "core.proxy_https", "ignore_hosts": "core.proxy_ignore_hosts"}
INSTANCES = {
    "http": "environment.http_proxy",
    "https": "environment.https_proxy",
    "ignore_hosts": "environment.no_proxy",
}


def _is_default(profile: Any) -> bool:
    if not isinstance(profile, dict):
        return False
    return (profile.get("name"), profile.get("project") or "default") == ("default", "default")


def _with(resource: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
    """The resource with the keys that its `config` does not have. What is no dictionary stays, for the module to
    refuse.
    """
    config = resource.get("config") or {}
    return {**resource, "config": {**keys, **config}} if isinstance(config, dict) else resource


def with_proxy(definition: dict[str, Any], proxy: dict[str, Any], instances: bool = False) -> dict[str, Any]:
    given = {name: value for name, value in proxy.items() if value}
    if not definition or not given:
        return definition
    changed = _with(definition, {DAEMON[name]: value for name, value in given.items()})
    profiles = definition.get("profiles") or []
    if not instances or not isinstance(profiles, list):
        return changed
    environment = {INSTANCES[name]: value for name, value in given.items()}
    with_default = profiles if any(map(_is_default, profiles)) else [*profiles, {"name": "default"}]
    return {
        **changed,
        "profiles": [_with(profile, environment) if _is_default(profile) else profile for profile in with_default],
    }


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"with_proxy": with_proxy}
