# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the role ceph. It comes to a host through the standard input of a Python, and leaves no file there.

Each step of the role is one start of it: `steps.py` names them. It needs what the packages of Ceph bring, python3-rados
among them, and nothing else. Keys arrive on the standard input and go to the daemons by files with mode 0600 or by
their standard input, never by a command line.
"""
