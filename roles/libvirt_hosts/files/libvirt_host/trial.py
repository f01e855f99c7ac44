# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether KVM works: a kernel that runs with it says so, and nothing else does.

That /dev/kvm opens, and that a virtual machine can be created, proves nothing. Where a hypervisor without nested
virtualization offers KVM by other means, a stock kernel never leaves its boot loader, or QEMU aborts.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import Any

import libvirt

from . import documents
from .connection import PAUSE, Libvirt

#: What the name of a trial begins with.
NAME = "cloudhost-trial-"
#: How a machine ends whose kernel has reset it. QEMU that aborts is VIR_DOMAIN_SHUTOFF_CRASHED.
RESET = (libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED)


def kernel_runs(server: Libvirt, kernel: str, kind: str, seconds: float) -> bool:
    """Whether a kernel, of which `kernel` is the path for libvirt, comes as far as to look for its root file system.
    Then it panics, and resets the machine, which libvirt destroys. `kind` is kvm or qemu.
    """
    for domain in server.api.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE):
        if domain.name().startswith(NAME):  # of a run that was killed
            domain.undefine()
    try:
        domain = server.api.defineXML(documents.trial(NAME + secrets.token_hex(4), kernel, kind))
    except libvirt.libvirtError:  # no KVM at all
        return False
    try:
        return _reset(domain, seconds)
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            domain.destroy()
        domain.undefine()


def _reset(domain: Any, seconds: float) -> bool:
    try:
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)
    except libvirt.libvirtError:  # none that takes this processor
        return False
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state, reason = domain.state()
        if state == libvirt.VIR_DOMAIN_SHUTOFF:
            return reason in RESET
        time.sleep(PAUSE)
    return False
