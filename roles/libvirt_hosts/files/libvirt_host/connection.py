# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection to a libvirt, what was done over it, and what would be in check mode."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Iterator

import libvirt

from .wanted import Refused

#: What a lookup says where there is nothing, by the sort of object.
NOTHING = (
    libvirt.VIR_ERR_NO_DOMAIN,
    libvirt.VIR_ERR_NO_NETWORK,
    libvirt.VIR_ERR_NO_STORAGE_POOL,
    libvirt.VIR_ERR_NO_STORAGE_VOL,
    libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT,
)
#: Seconds between two looks at something that libvirt does not report.
PAUSE = 0.25

libvirt.registerErrorHandler(lambda _context, _error: None, None)  # errors are raised, too


class Libvirt:
    """A connection, and the list of what is done over it."""

    def __init__(self, uri: str, check: bool, timeout: float) -> None:
        self.check, self.timeout = check, timeout
        self.actions: list[str] = []
        self.warnings: list[str] = []
        try:
            self.api = libvirt.open(uri)
        except libvirt.libvirtError as error:
            raise Refused(
                f"no libvirt answers at {uri}: {error}. Install it (libvirt_hosts_install: true), start it, or set "
                "libvirt_hosts_uri"
            ) from None

    def do(self, text: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do something that changes something; in check mode only say so."""
        self.actions.append(text)
        if self.check:
            return None
        try:
            return function(*arguments)
        except libvirt.libvirtError as error:
            raise Refused(f"{text}: libvirt says: {error}") from None

    @staticmethod
    def find(function: Callable[..., Any], *arguments: Any) -> Any:
        """What a lookup finds, or None."""
        try:
            return function(*arguments)
        except libvirt.libvirtError as error:
            if error.get_error_code() in NOTHING:
                return None
            raise

    def wait(self, condition: Callable[[], Any], what: str, advice: str, seconds: float | None = None) -> Any:
        """What a condition returns as soon as it holds."""
        end = time.monotonic() + (self.timeout if seconds is None else seconds)
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                raise Refused(f"{what} took longer than {self.timeout:g} seconds (libvirt_hosts_timeout): {advice}")
            time.sleep(PAUSE)

    @contextlib.contextmanager
    def stream(self) -> Iterator[Any]:
        stream = self.api.newStream(0)
        try:
            yield stream
        except BaseException:
            with contextlib.suppress(libvirt.libvirtError):
                stream.abort()
            raise
        stream.finish()
