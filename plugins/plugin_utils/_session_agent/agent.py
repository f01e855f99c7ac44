# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The entry point of the session agent, the program that runs commands in an instance, one after the other.

`_session_program` puts it together from the files of this directory and sends it as `python3 -c`. Therefore it uses the
standard library and relative imports only, and imports a part only if its option is on. It needs Python 3.7.
"""

from __future__ import annotations

from typing import Any

from .supervisor import serve


def main(fork_modules: bool, cache_code: bool) -> None:
    """Run commands until the session ends. In a forked module, run the program of the module."""
    forks: Any = None
    if fork_modules:
        from .forks import Forks

        forks = Forks(cache_code)
    try:
        serve(forks)
    except EOFError:
        return
    forks.run_program()
