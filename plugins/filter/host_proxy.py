# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy that a host uses, from the environment of its users."""

from __future__ import annotations

DOCUMENTATION = r"""
name: host_proxy
short_description: Find the HTTP proxy of a host in its environment
version_added: 0.1.0
author: cloudhost.lxd contributors (@cloudhost)
description:
  - Reads C(http_proxy), C(https_proxy) and C(no_proxy) from the facts of a host. The roles C(init) and C(cluster) give
    the result to the daemon, which does not have the environment of a user.
options:
  _input:
    description: The environment of the host, as C(ansible_facts.env) has it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the proxy of the host
  ansible.builtin.debug:
    msg: "{{ ansible_facts.env | cloudhost.lxd.host_proxy }}"
"""

RETURN = r"""
_value:
  description: C(http) and C(https), the URLs of the proxy, and C(ignore_hosts), the hosts that need no proxy, separated
    by commas. What the environment does not have is left out. Without a proxy, the result is empty.
  type: dict
"""

from typing import Any

#: The variables, in lower case as most programs read them, and then in upper case.
VARIABLES = {"http": "http_proxy", "https": "https_proxy", "ignore_hosts": "no_proxy"}


def host_proxy(environment: dict[str, Any]) -> dict[str, str]:
    found = {
        name: str(environment.get(variable) or environment.get(variable.upper()) or "").strip()
        for name, variable in VARIABLES.items()
    }
    proxies = {name: found[name] for name in ("http", "https") if found[name]}
    if not proxies:
        return {}
    # APT and the daemons want the scheme, which other programs add themselves.
    whole = {name: url if "://" in url else f"http://{url}" for name, url in proxies.items()}
    return {**whole, **({"ignore_hosts": found["ignore_hosts"]} if found["ignore_hosts"] else {})}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"host_proxy": host_proxy}
