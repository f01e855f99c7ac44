# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Passwords of `become`: when a command gets one, and the errors of a wrong or missing one."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._command import Gate


def gate(become: Any, play_context: Any) -> Gate:
    """A gate that holds the input back until `become` asks for its password, or needs none."""

    def answer(stdout: bytes, stderr: bytes) -> bytes | None:
        output = stdout + stderr
        if become.check_success(output):
            return b""
        if become.check_password_prompt(output):
            password = become.get_option("become_pass", playcontext=play_context)
            return to_bytes(password or "") + b"\n"
        return None

    return answer


def check(become: Any, instance: str, output: bytes) -> None:
    """Raise AnsibleError if a command failed because of the password. Its output alone does not explain that."""
    if become.check_success(output):
        return
    if become.check_incorrect_password(output):
        raise AnsibleError(f"Incorrect {become.name} password for instance {instance}.")
    if become.check_missing_password(output):
        raise AnsibleError(f"Missing {become.name} password for instance {instance}: set ansible_become_password.")
