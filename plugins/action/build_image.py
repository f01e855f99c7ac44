# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of the role image_build: ansible.builtin.script, with the progress of the script on the controller.

It takes the options of ansible.builtin.script, and `title`, which begins each line. The last argument of the script is
the path of the file for its progress. The class that writes this file comes along with the script.
"""

from __future__ import annotations

import os
import shlex
from typing import Any

from ansible.plugins.action.script import ActionModule as Script
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import lines_file
from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _progress

_progress.show_at_once()

#: What the lines on the output of the script begin with that say which part took how long.
PART = "= "


class ActionModule(Script):
    """Run a script that says what it does."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        given = self._task.args
        self._task.args = {option: value for option, value in given.items() if option != "title"}
        try:
            if not _progress.is_wanted(self):
                return dict(super().run(tmp, task_vars))
            path, watch = _progress.watch(self, task_vars or {}, str(given["title"]))
            self._task.args["cmd"] = f"{given['cmd']} {shlex.quote(path)}"
            with watch:
                result = dict(super().run(tmp, task_vars))
        finally:
            self._task.args = given
        watch.finish([(line[len(PART) :], False) for line in result.get("stdout_lines", ()) if line.startswith(PART)])
        return result

    def _transfer_file(self, local_path: Any, remote_path: Any) -> Any:
        """The script, and beside it what it imports."""
        beside = self._connection._shell.join_path(os.path.dirname(remote_path), os.path.basename(lines_file.__file__))
        super()._transfer_file(lines_file.__file__, beside)
        return super()._transfer_file(local_path, remote_path)
