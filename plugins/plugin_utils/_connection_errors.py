# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Explains errors of commands and files in instances: the host is unreachable, or the task failed."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    ServerError,
)


def explained(exc: Exception, connection: Any, instance: Any, file: str) -> AnsibleError:
    """The error of Ansible for an error of the engine.

    `instance` returns the client for the instance, which may not be loaded yet. `file` describes the file of the task.
    """
    name = connection.get_option("remote_addr")
    if isinstance(exc, TimeoutError):
        return AnsibleConnectionFailure(
            f"Instance {name} did not start a command, or become did not ask for its password, within the timeout of "
            f"{connection.get_option('timeout')} s. Is become_password set, and does become_user exist?"
        )
    if isinstance(exc, ServerError):
        return _of_server(exc, name, connection.get_option("project") or "default", instance(), file)
    if isinstance(exc, (ConnectionFailed, DeadlineExceeded, Interrupted)):
        return AnsibleConnectionFailure(str(exc))
    if isinstance(exc, InvalidInput) and file:
        return AnsibleError(f"Instance {name}: {file} {exc}")
    return AnsibleError(str(exc))


def _of_server(exc: ServerError, name: str, project: str, instance: Any, file: str) -> AnsibleError:
    # each worker loads the plugin, and few need these
    from ansible_collections.cloudhost.lxd.plugins.module_utils._api import messages

    label, start = instance.label, "Start it (cloudhost.lxd.instance, state: started)."
    if messages.instance_missing(exc):
        return AnsibleConnectionFailure(
            f"There is no instance {name} in project {project} of {label}. {instance.nearest()}"
        )
    if messages.instance_stopped(exc) and not messages.agent_silent(exc):
        return AnsibleConnectionFailure(f"Instance {name} of {label} is not running: {exc.text}. {start}")
    if messages.instance_frozen(exc):
        return AnsibleConnectionFailure(f"Instance {name} of {label} is frozen. {start}")
    if messages.agent_silent(exc):
        return AnsibleConnectionFailure(
            f"The agent of virtual machine {name} does not answer: {exc.text}. Wait for it "
            "(cloudhost.lxd.instance, wait_for: [agent])."
        )
    if file:
        return AnsibleError(f"Instance {name}: {file} {exc}")
    return AnsibleConnectionFailure(f"Instance {name}: {exc}")
