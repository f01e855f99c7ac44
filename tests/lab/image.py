# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the image of the tests, built by the role image_build where it is not there yet. The last line of output is its folder.

Usage: image.py [PACKAGE...], for an image with these packages in it as well.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

PLAY = pathlib.Path(__file__).with_name("image.yml")


def main() -> None:
    playbook = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    command = [playbook, "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3"]
    command += ["-e", json.dumps({"image_build_packages": sys.argv[1:]}), str(PLAY)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    place = re.search(r'"msg": "the image is in (\S+)"', done.stdout)
    if done.returncode or not place:
        sys.exit(f"the image of the tests could not be built: {done.stdout}")
    print(place[1])


if __name__ == "__main__":
    main()
