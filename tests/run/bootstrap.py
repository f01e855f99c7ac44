# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How ansible-test gets pip into its environments: it fetches a script for that, which not every machine reaches."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

#: The versions of pip whose scripts ansible-test asks for.
VERSIONS = ("20_3_4", "21_3_1", "25_0_1", "25_1", "25_2", "25_3", "26_0")
#: What is run in place of the script.
PIP = """import ensurepip
ensurepip.bootstrap()
"""
#: The same with uv, which takes a tenth of the processor time of pip, in a dozen environments. What it cannot install,
#: pip does.
WITH_UV = """import pathlib, sysconfig
place = pathlib.Path(sysconfig.get_path("purelib"), "pip")
place.mkdir()
(place / "__init__.py").touch()
(place / "__main__.py").write_text('''
import os, pathlib, shutil, subprocess, sys
os.environ.update({certificates!r})
command, *arguments = [one for one in sys.argv[1:] if one != "--disable-pip-version-check"]
uv = [{uv!r}, "--quiet", "--cache-dir", {cache!r}, "pip", "install", "--compile-bytecode",
    "--python", sys.executable]  # compiled later, some packages print warnings, which ansible-test takes for errors
if command == "install" and subprocess.call([*uv, *arguments]) == 0:
    sys.exit()
shutil.rmtree(pathlib.Path(__file__).parent)
if command != "uninstall":  # of pip itself, when all is installed
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
    os.execv(sys.executable, [sys.executable, "-m", "pip", *sys.argv[1:]])
''')
"""


def provide(home: pathlib.Path) -> None:
    """Put the scripts where ansible-test looks for them before it fetches one.

    :param home: the home directory that it is given
    """
    uv, script = pathlib.Path(sys.executable).with_name("uv"), PIP
    if uv.exists():
        cache = subprocess.run([str(uv), "cache", "dir"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        certificates = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
        script = WITH_UV.format(uv=str(uv), cache=cache, certificates=certificates)
    place = home / ".ansible" / "test" / "cache"
    place.mkdir(parents=True, exist_ok=True)
    for version in VERSIONS:
        (place / f"get_pip_{version}.py").write_text(script)
