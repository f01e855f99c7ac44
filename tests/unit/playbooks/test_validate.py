# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook for pre-commit, and the playbook `validate` that it runs: documents are checked with no server."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import yaml
from ansible.release import __version__

ROOT = pathlib.Path(__file__).resolve().parents[3]

WRONG = """profiles:
  - name: web
    devices: {root: text}
instances:
  - name: web1
    confg: {limits.cpu: 1}
"""


def hook(folder, *files):
    """The hook as pre-commit runs it, with a variable PWD that no shell has set right."""
    entry = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))[0]["entry"]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path, "PWD": "/nonexistent", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run([str(ROOT / entry), *files], cwd=folder, env=environ, capture_output=True, text=True)


def test_the_examples_are_valid():
    done = hook(ROOT, *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("inventories/gitops/stack/*.yml"))))
    assert done.returncode == 0 and "changed=0" in done.stdout, (__version__, done.stdout, done.stderr)


def test_all_errors_are_told_with_their_lines(tmp_path):
    """Also if another file is no YAML, or writes a key twice."""
    (tmp_path / "it's wrong.yml").write_text(WRONG)
    (tmp_path / "unreadable.yml").write_text("profiles: [\n")
    (tmp_path / "twice.yml").write_text("profiles:\n  - name: a\n    name: b\n    state: gone\n")
    done = hook(tmp_path, "it's wrong.yml", "unreadable.yml", "twice.yml")
    told = done.stdout + done.stderr
    assert done.returncode and "5 errors" in told, told
    assert "unreadable.yml:" in told and "twice.yml:3: the key 'name' is written twice" in told, told
    assert "twice.yml:4: profiles[0] 'b': state: 'gone' is none of present." in told, told
    assert "it's wrong.yml:3: profiles[0] 'web': devices.root: a device is a dictionary" in told
    assert "it's wrong.yml:6: instances[0] 'web1': confg: there is no such key. Did you mean 'config'?" in told
