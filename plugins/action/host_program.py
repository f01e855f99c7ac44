# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of roles that bring a program of their own: it runs a Python package of the role on the host.

Its options are `program` (a directory in `files` of the role, whose module `steps` has a function `perform`),
`specification` (what this function gets, with `check` added) and `executable` (the Python). Sources and specification
arrive on the standard input. So the host keeps no file, and no secret is on a command line. `perform` returns a result
as modules have it.
"""

from __future__ import annotations

import json
import pathlib
import shlex
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

#: Imports the package from what arrives on the standard input, and runs it. Python 3.8 must understand it.
START = """import importlib, importlib.abc, importlib.util, json, sys
given = json.load(sys.stdin)
class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in given['sources']:
            return importlib.util.spec_from_loader(name, self, is_package=name == given['program'])
    def exec_module(self, module):
        exec(compile(given['sources'][module.__name__], module.__name__, 'exec'), module.__dict__)
sys.meta_path.insert(0, Sources())
result = importlib.import_module(given['program'] + '.steps').perform(given['specification'])
print('\\n' + json.dumps(result))
"""


class ActionModule(ActionBase):
    """Run a program of a role."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        become = self._connection.become
        if become is not None and not getattr(become, "pipelining", become.name != "su"):  # 2.19 has no such attribute
            raise AnsibleActionFail(
                f"{self._task.name} passes secrets by standard input, which the become method {become.name} does not "
                "pass on: use another one, such as sudo"
            )
        place = pathlib.Path(self._find_needle("files", given["program"]))
        specification = {**given["specification"], "check": self._task.check_mode}
        text = json.dumps({"program": place.name, "sources": sources(place), "specification": specification})
        command = f"{shlex.quote(given.get('executable', '/usr/bin/python3'))} -c {shlex.quote(START)}"
        done = self._low_level_execute_command(command, in_data=text.encode("utf-8"))
        try:
            result.update(json.loads(done["stdout"].splitlines()[-1]))
        except (IndexError, ValueError):
            said = (done["stderr"] or done["stdout"]).strip().splitlines()
            result.update(failed=True, msg=f"{place.name} ended with code {done['rc']}: {' / '.join(said[-3:])}")
        return result


def sources(place: pathlib.Path) -> dict[str, str]:
    """The text of each module of a package, by its name."""
    return {
        place.name if path.stem == "__init__" else f"{place.name}.{path.stem}": path.read_text(encoding="utf-8")
        for path in sorted(place.glob("*.py"))
    }
