# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads what most modules share as soon as Ansible meets a task of this collection.

Ansible forks a worker for each task. What it has loaded by then, all workers have; what a worker loads, the next one
loads again.
"""

from __future__ import annotations

from . import direct

direct.load()
