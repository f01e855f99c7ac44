# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Puts the session agent together: one command for an instance, of the parts that the options need."""

from __future__ import annotations

import base64
import json
import pathlib
import zlib

#: In the order of their imports.
PARTS = ("frames", "supervisor", "interpreter", "code_cache", "forks", "agent")
#: The parts that are sent only if an option is on.
OPTIONAL = {"interpreter": "fork_modules", "forks": "fork_modules", "code_cache": "cache_code"}
#: Makes a package of the parts, and runs it. Python 3.7 must understand it.
START = """import base64, json, sys, types, zlib
def load(name, source):
    module = sys.modules[name] = types.ModuleType(name)
    module.__package__, module.__path__ = 'session_agent', []
    exec(compile(source, '<session agent>', 'exec'), module.__dict__)
load('session_agent', '')
for part, source in json.loads(zlib.decompress(base64.b64decode('{packed}')).decode()).items():
    load('session_agent.' + part, source)
sys.modules['session_agent.agent'].main({fork_modules}, {cache_code})
"""


def command(fork_modules: bool, cache_code: bool) -> list[str]:
    """The command that runs the agent in an instance.

    The parts are packed, so that `pkill -f` in the instance does not find words of them in the command line.
    """
    options = {"fork_modules": fork_modules, "cache_code": cache_code and fork_modules}
    directory = pathlib.Path(__file__).with_name("_session_agent")
    sources = {
        part: (directory / f"{part}.py").read_text(encoding="utf-8")
        for part in PARTS
        if part not in OPTIONAL or options[OPTIONAL[part]]
    }
    packed = base64.b64encode(zlib.compress(json.dumps(sources).encode(), 9)).decode()
    return ["python3", "-c", START.format(packed=packed, **options)]
