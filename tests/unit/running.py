# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in this process, with the internal arguments that the controller adds."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from typing import Any
from unittest import mock

from ansible.module_utils import _internal
from ansible.module_utils.common.parameters import PASS_VARS
from ansible.module_utils.testing import patch_module_args

MODULES = "ansible_collections.cloudhost.lxd.plugins.modules."


def run_text(module_name: str, /, check: bool = False, **arguments: Any) -> str:
    """All that the module prints."""
    module = importlib.import_module(MODULES + module_name)
    internal = {
        "check_mode": check,
        "diff": True,
        "no_log": False,
        "module_name": module_name,
        "inject_invocation": True,
    }
    internal = {f"_ansible_{key}": value for key, value in internal.items() if key in PASS_VARS}
    output = io.StringIO()
    # a test may have imported Ansible's controller, in whose process warnings are shown and are not in the result
    alone = mock.patch.object(_internal, "is_controller", False)
    with patch_module_args({**arguments, **internal}), contextlib.redirect_stdout(output), alone:
        try:
            module.main()
        except SystemExit:
            pass
    return output.getvalue()


def run_module(module_name: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
    return json.loads(run_text(module_name, check, **arguments).strip().splitlines()[-1])
