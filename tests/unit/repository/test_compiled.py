# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test sessions keep of what Ansible compiles and packs (`tests/run/sitecustomize.py`)."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import zipfile

RUN = pathlib.Path(__file__).resolve().parents[2] / "run"
#: Compiles the same text under two names, and shows where it fails.
PROGRAM = """
import sys, traceback
text = "# " + "-" * 500 + "\\ndef f():\\n    raise OSError\\n"
for name in sys.argv[1:]:
    space = {}
    exec(compile(text, name, "exec", dont_inherit=True), space)
    try:
        space["f"]()
    except OSError as exc:
        print(traceback.extract_tb(exc.__traceback__)[-1].filename)
"""


#: Where Ansible would find the archive of a module, and how often it looks at a task.
SETTINGS = """
import os
from ansible import constants
print(os.path.realpath(constants.DEFAULT_LOCAL_TMP + "/ansiballz_cache"), constants.DEFAULT_INTERNAL_POLL_INTERVAL)
"""


def ran(prefix, *names, program=PROGRAM, place=""):
    environ = {**os.environ, "PYTHONPATH": f"{RUN}{os.pathsep}{place}", "PYTHONPYCACHEPREFIX": str(prefix)}
    if not prefix:
        del environ["PYTHONPYCACHEPREFIX"]
    done = subprocess.run([sys.executable, "-c", program, *names], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_is_compiled_again_is_found_and_has_its_own_name(tmp_path):
    names = ["/tmp/one.zip/ansible/a.py", "/tmp/two.zip/ansible/a.py", "/tmp/other.py"]
    assert ran(tmp_path, *names) == names
    (kept,) = tmp_path.glob("compiled/*/*")
    made = kept.stat().st_ino
    assert ran(tmp_path, *names) == names
    assert kept.stat().st_ino == made, "it was compiled again"
    kept.write_bytes(b"half")
    assert ran(tmp_path, *names) == names
    assert kept.stat().st_size > 4


def test_without_a_place_nothing_is_kept(tmp_path):
    assert ran("", "/tmp/ansible/a.py") == ["/tmp/ansible/a.py"]


def test_archives_are_kept_for_one_state_of_the_collection(tmp_path):
    """Of an Ansible that has only what is asked of it."""
    ansible, module = tmp_path / "ansible", tmp_path / "ansible_collections/cloudhost/lxd/plugins/modules/one.py"
    for path, text in (
        (ansible / "__init__.py", ""),
        (ansible / "release.py", "__version__ = '1'\n"),
        (ansible / "_internal" / "_locking.py", ""),
        (module, "one"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def place(run):
        """Each run of Ansible has a temporary folder of its own. Of files of one length, Python keeps the older one."""
        (tmp_path / run).mkdir()
        (ansible / "constants.py").write_text(
            f"COLLECTIONS_PATHS, DEFAULT_LOCAL_TMP = [{str(tmp_path)!r}], {str(tmp_path / run)!r}\n"
            "DEFAULT_INTERNAL_POLL_INTERVAL = 0.001\n"
        )
        archives, seconds = ran(tmp_path / "kept", program=SETTINGS, place=tmp_path)
        assert float(seconds) > 0.001
        return archives

    first = place("a")
    assert place("bb") == first and str(tmp_path / "kept") in first
    module.write_text("changed")
    assert place("ccc") != first
    (ansible / "_internal" / "_locking.py").unlink()
    assert place("dddd") == str(tmp_path / "dddd" / "ansiballz_cache"), (
        "runs would write the same file at the same time"
    )


#: What a program finds that is imported from archives: of two archives with the same names, again after it was
#: forgotten, and what is broken.
IMPORTED = """
import importlib, sys
for archive in sys.argv[1:]:
    sys.path.insert(0, archive)
    for name in ("ansible_one", "ansible_one.inner", "ansible_broken"):
        for _ in range(2):
            sys.modules.pop(name, None)
            try:
                module = importlib.import_module(name)
                print(module.VALUE, module.__file__, module.__spec__.origin, getattr(module, "__path__", 0))
                print(module.f.__code__)
            except SyntaxError as exc:
                print(exc.filename, exc.lineno)
    sys.path.remove(archive)
    sys.path_importer_cache.clear()
    for name in [name for name in sys.modules if name.startswith("ansible_")]:
        del sys.modules[name]
"""


def test_what_is_imported_from_archives_is_the_same(tmp_path):
    text = "VALUE = {!r}\n\n\ndef f():\n    return 1\n\n\n#" + "-" * 500
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            archive.writestr("ansible_one/__init__.py", text.format(number))
            archive.writestr("ansible_one/inner.py", text.format(-number))
            archive.writestr("ansible_broken.py", "def f(:\n" + "#" * 600)
    archives = [str(tmp_path / f"{number}.zip") for number in (1, 2)]
    plain, first, again = (
        [re.sub("0x[0-9a-f]+", "", word) for word in ran(place, *archives, program=IMPORTED)]
        for place in ("", tmp_path / "kept", tmp_path / "kept")
    )
    assert plain == first == again and len(plain) > 20
