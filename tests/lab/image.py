# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have an image of the tests, built where the user's cache has none yet. The last line of output is its folder.

Usage: image.py [PACKAGE...]   Debian, by the role image_build, with these packages in it as well
       image.py --tiny         busybox, for what needs no distribution
       image.py --empty        remove all that tests keep in the cache
"""

from __future__ import annotations

import json
import pathlib
import platform
import re
import subprocess
import sys
import time
from typing import Sequence

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import cache, tiny  # noqa: E402 - the tests folder is no package of the collection

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "image_build"
MOLECULE = ROOT / "extensions" / "molecule"
PLAY = pathlib.Path(__file__).with_name("image.yml")
#: Where the role keeps what users build: a quickstart on this machine may have left its base there.
OF_USERS = pathlib.Path("/var/cache/cloudhost-lxd/images")


def builds() -> pathlib.Path:
    """Of what the files as they are now have built: another text of them is another folder. In `images` of it the role
    keeps its own.
    """
    sources = sorted(
        path for path in (*ROLE.rglob("*"), MOLECULE / "archive.sh", MOLECULE / "build.yml") if path.is_file()
    )
    place = cache.root() / f"builds-{cache.key([path.read_text() for path in sources])}"
    (place / "images").mkdir(parents=True, exist_ok=True)
    cache.used(place)
    for mark in OF_USERS.glob("base-*/inputs.json"):  # one debootstrap less
        if not (place / "images" / mark.parent.name).exists() and time.time() - mark.stat().st_mtime < 86400:
            cache.copy(mark.parent, place / "images" / mark.parent.name)
    return place


def bases() -> list[pathlib.Path]:
    """What debootstrap installed of the component `main`, for who begins from it elsewhere."""
    marks = (builds() / "images").glob("base-*/inputs.json")
    return [mark.parent for mark in marks if json.loads(mark.read_text())["components"] == ["main"]]


def serial(*packages: str) -> str:
    """A property of an image, so that a newer package in the archive is another build."""
    text = (ROLE / "vars" / "main.yml").read_text()
    base = re.search(r"^image_build__base: \[(.*)\]$", text, re.M)
    assert base, "the role does not say what it installs"
    return cache.key(
        platform.freedesktop_os_release().get("VERSION_ID"),
        cache.versions(*base[1].split(", "), *(name.partition("/")[0] for name in packages)),
    )


def variables(*packages: str, **more: object) -> dict[str, object]:
    """Those of the role, for an image with these packages that is kept in the cache. `more` are further ones, without
    the prefix."""
    return {
        **{f"image_build_{name}": value for name, value in more.items()},
        "image_build_directory": str(builds() / "images"),
        "image_build_packages": packages,
        "image_build_properties": {"serial": serial(*packages)},
    }


def debian(*packages: str, **more: object) -> pathlib.Path:
    """The folder of an image, as `variables` describes it. Ansible is started only where it has to be built."""
    given = variables(*packages, **more)
    known = builds() / f"{cache.key(given)}.folder"
    place = pathlib.Path(known.read_text()) if known.exists() else known
    if (place / "inputs.json").exists():
        cache.used(place)
        return place
    playbook = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    command = [
        playbook,
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        "ansible_python_interpreter=/usr/bin/python3",
        "-e",
        json.dumps(given),
        str(PLAY),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = re.search(r'"msg": "the image is in (\S+)"', done.stdout)
    if done.returncode or not found:
        sys.exit(f"the image of the tests could not be built: {done.stdout}")
    known.write_text(found[1])
    return pathlib.Path(found[1])


def environ(product: str, more: Sequence[str] = ()) -> dict[str, str]:
    """What the inventory of molecule looks for, for hosts whose image and archive are kept in the cache, with busybox
    in their containers. `more` are packages of the image that are not in the archive.
    """
    inventory = yaml.safe_load((MOLECULE / "inventory" / "group_vars" / "all" / "lab.yml").read_text())
    packages = [*inventory["lab_products"][product], *inventory["lab_tools"]]
    return {
        "CLOUDHOST_CACHE": str(builds()),
        "CLOUDHOST_SERIAL": serial(*packages),
        "CLOUDHOST_IMAGE_SERIAL": serial(*packages, *more),
        "CLOUDHOST_GUEST": str(tiny.folder()),
    }


def main() -> None:
    if sys.argv[1:] == ["--empty"]:
        cache.empty()
        print(cache.root())
    else:
        print(tiny.folder() if sys.argv[1:] == ["--tiny"] else debian(*sys.argv[1:]))


if __name__ == "__main__":
    main()
