# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Bring one resource to its desired state: read, plan and apply, and repeat that if something changed meanwhile."""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from .._api import messages
from .._api.errors import ConnectionFailed, DeadlineExceeded, Interrupted, LXDError, ServerError
from .._api.first_contact import LIMITED
from . import secrets, values
from .plans import Done, Existing, Plan, Step
from .resource import Resource

#: How often one task plans again after a lost race (412) or an interrupted write, before it gives up.
MAX_REPLANS = 30

#: How long to wait for another writer after a change, in seconds (see `_let_others_end`).
SHORTEST_LOOK, LONGEST_LOOK = 0.05, 3.0

#: What to do about errors of the servers: patterns of their text, and advice.
HINTS = (
    (
        r"(IP|MAC) address .* already defined on another NIC",
        "Another instance has it on this network: choose another address, or take it away there first.",
    ),
    (
        r"Instance DNS name .* (already used|conflict)",
        "An instance of this name, perhaps in another project, is on this network: give it another network, or the "
        "network dns.mode: none.",
    ),
    (
        r"address( is)? already in use",
        "Something else on the host has this address or port, such as another network, proxy or service: choose "
        "another, or stop that first.",
    ),
    (
        r"overlaps with another|Listen address .* conflicts",
        "Another network, NIC, forward or proxy has this address: choose another, or take it away there first.",
    ),
    (
        r"(Parent|External) interface .* in use",
        "An interface is for one network only: choose another, or take it away from the network that has it.",
    ),
    (
        r"Network interface .* already exists|File exists",
        "The host has an interface or a route of this kind already: choose another name or route, or remove that "
        "first.",
    ),
    (
        r"currently in use|is in use|still in use|used by",
        "Remove what uses it first (used_by in the *_info modules lists it).",
    ),
    (
        r"already exists|Name .* already in use",
        "Another object or another server's object has this name: choose another, or adopt it by its own project or "
        "pool.",
    ),
    (
        r"is running|must be stopped",
        "Stop it first, or allow it with restart: if_required (or force: true to stop it).",
    ),
    (r"not enough space|No space left|disk quota", "Free space in the storage pool or enlarge it."),
    (
        r"idmapped storage.*no such file|Instance storage pool not found",
        "A daemon that died while creating it left it without storage: remove it with state: absent, then run again.",
    ),
    (
        r"Could not get subvolume flags|Not a Btrfs subvolume",
        "A daemon that died while creating it left a plain directory where the subvolume should be: remove that "
        "directory on the host, then run again.",
    ),
    (
        r"unused IPv[46] subnet",
        "Every subnet that it tried is in use on this host: write the address yourself, as in ipv4.address: "
        "10.158.3.1/24.",
    ),
    (
        r"member is evacuated",
        "Restore it with cloudhost.lxd.cluster_member, state: restored, or choose another target.",
    ),
    (
        r"Get \"https.*x509: ",
        "The certificate of that server is not the one in lxd_remotes, remotes or source.certificate, or its time is "
        "over.",
    ),
    (
        r"Hash mismatch for ",
        "A file of the image server is not the one in its index: publish the image there again.",
    ),
    (messages.is_denied.pattern, LIMITED),
    (r"protected|protection", "Unset security.protection.delete first."),
    (
        r"failed to load rbd kernel module",
        "The kernel has no RBD, which each volume and each instance on a pool of Ceph needs: load its module rbd "
        "(modprobe rbd on the host; a container cannot, and the host outside has to), or use another pool.",
    ),
    (
        r'using "ceph": no such device',
        "The kernel has no file system ceph, with which pools of the driver cephfs are mounted: load its module ceph "
        "(modprobe ceph on the host; a container cannot, and the host outside has to), or use another driver.",
    ),
    (
        r"Failed to run: ceph .*osd pool (create|delete).*(EACCES|EPERM)",
        "The Ceph client of this pool may not create or delete pools of Ceph. The role cloudhost.lxd.ceph creates them "
        "(ceph_pools). To remove a storage pool and keep the pool of Ceph, set volatile.pool.pristine: false in its "
        "config first.",
    ),
    (
        r"Pool '.*' in cluster '.*' seems to be in use",
        "If no other server uses it, set ceph.osd.force_reuse: true in the config: servers that share a pool overwrite "
        "each other.",
    ),
    (
        r"Failed to run: .*(zpool|zfs|lvm|vgcreate|pvcreate|rbd|btrfs|mkfs)",
        "The storage tool or its kernel support is missing or refused: see the daemon's log.",
    ),
    (
        r"Unknown configuration key|Invalid (option|config|configuration)",
        "Correct or remove the key; the server's version may not know it.",
    ),
)


class Outcome(NamedTuple):
    changed: bool
    before: dict[str, Any]
    after: dict[str, Any]
    done: list[Done]
    result: dict[str, Any] | None
    warnings: list[str]

    @property
    def actions(self) -> list[str]:
        """What was done, in words."""
        return [one.words for one in self.done]


class _Repeated(Interrupted):
    """A refusal of a write that is sent again. The server may still have been doing the first one, and refuses the
    second because of that: what it deletes is not found, or what it creates exists. A second refusal is final.
    """


def converge(resource: Resource, check_mode: bool = False) -> Outcome:
    """Plan and apply until the resource is in its desired state, or with `check_mode` only plan.

    :raises LXDError: with what was done before it in `done`
    """
    done: list[Done] = []
    try:
        return _converge(resource, check_mode, done)
    except LXDError as exc:
        exc.done = [*done, *exc.done]  # a step can converge another resource, which did something before it failed
        exc.result = {**exc.result, "warnings": resource.warnings}
        raise


def _converge(resource: Resource, check_mode: bool, done: list[Done]) -> Outcome:
    plans: list[Plan] = []
    broken: Interrupted | None = None
    doubtful: Step | None = None  # what an interrupted write may have done
    for attempt in range(MAX_REPLANS):
        found = resource.read()
        plan = resource.plan(found)
        resource.check_unused(plan.verb, plan.users)
        plans.append(plan)
        if doubtful and doubtful.key not in [step.key for step in plan.steps]:
            done.append(_done(resource, doubtful))
        if check_mode:
            break
        earlier, repeated, doubtful = len(done), None if isinstance(broken, _Repeated) else doubtful, None
        try:
            if _apply(resource, plan.steps, done, repeated):
                break
        except Interrupted as exc:
            broken, doubtful = exc, plan.steps[len(done) - earlier]
            _pause(resource, attempt, exc)
    else:
        raise Interrupted(
            f"{resource.kind} '{resource.name}' on {resource.client.label}: gave up after {MAX_REPLANS} attempts; "
            f"last: {broken}"
        )
    first = plans[0]
    if check_mode:
        foreseen = [_done(resource, step) for step in plan.steps]
        shown = resource.foretold(found, plan.result)
        return Outcome(bool(foreseen), plan.before, plan.after, foreseen, shown, resource.warnings)
    if first.steps:
        found = _recheck(resource)
    shown = resource.after_apply(found)
    if shown is None and found:
        shown = found.object
    return Outcome(bool(done), first.before, first.after, done, shown, resource.warnings)


def _done(resource: Resource, step: Step) -> Done:
    """With the name that the task gives the resource, which a rename does not change."""
    return Done(step.action.value, resource.kind, resource.label(resource.params), step.words)


def _apply(resource: Resource, steps: list[Step], done: list[Done], repeated: Step | None = None) -> bool:
    """Run the steps in order. False if the rest has to be planned again.

    :param repeated: a step whose write was interrupted, and is sent again because it seemed not to have happened
    """
    for position, step in enumerate(steps):
        began = time.monotonic()
        resource.writer.waiting_for(step.action.value)
        try:
            step.run()
        except ServerError as exc:
            if repeated and step.key == repeated.key:
                raise _Repeated(exc.text) from exc
            raise LXDError(explain(f"Failed to {step.words}", resource, exc)) from exc
        except DeadlineExceeded as exc:
            raise DeadlineExceeded(
                f"Failed to {step.words}: {exc} What was done so far stays; run the task again to go on."
            ) from exc
        except ConnectionFailed as exc:
            raise ConnectionFailed(f"Failed to {step.words}: {exc}", exc.sent, exc.permanent) from exc
        resource.done.add(step.key)
        done.append(_done(resource, step))
        if step.action.can_be_lost:
            _let_others_end(time.monotonic() - began)
        if step.reread and position + 1 < len(steps):
            return False
    return True


def _let_others_end(took: float) -> None:
    """After an update, wait briefly before the object is read again.

    The server may have accepted a concurrent write whose ETag matched too. That write began before ours ended and takes
    about as long as ours, and the API does not show when it ends.
    """
    time.sleep(min(max(4 * took, SHORTEST_LOOK), LONGEST_LOOK))


def _pause(resource: Resource, attempt: int, exc: Interrupted) -> None:
    try:
        resource.client.deadline.pause(attempt, f"changing {resource.kind} {resource.name}")
    except DeadlineExceeded as over:
        raise DeadlineExceeded(f"{over} The last attempt ended with: {exc}{resource.after_timeout}") from exc


def explain(tried: str, resource: Resource, exc: ServerError) -> str:
    """What was tried, on which server, the server's own words, and what to do."""
    hint = next((words for pattern, words in HINTS if re.search(pattern, exc.text, re.I)), "")
    text = exc.text if exc.text.endswith(".") else f"{exc.text}."
    return " ".join([f"{tried} on {resource.client.label}: {text}", *([hint] if hint else [])])


def _recheck(resource: Resource) -> Existing | None:
    """Read what became of the resource, and apply again what is lacking.

    Servers compare the ETag first and write later, so another writer in between can undo our write.
    """
    found = _look(resource)
    earlier: Existing | None = None
    for attempt in range(MAX_REPLANS):
        if not any(_lacking(resource, found)) or (earlier and found and earlier.object == found.object):
            # nothing is lacking, or a second write changed nothing: then the server does not keep it as written
            break
        earlier = found
        steps = resource.plan(found).steps
        if not all(step.action.can_be_lost for step in steps):
            break
        try:
            _apply(resource, steps, [])
        except Interrupted as exc:
            earlier = None
            _pause(resource, attempt, exc)
        found = _look(resource)
    _warn_if_unsettled(resource, found)
    return found


def _look(resource: Resource) -> Existing | None:
    found = resource.read()
    resource.adopt(found)
    return found


def _lacking(resource: Resource, found: Existing | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What there is, and what there should be instead."""
    if found is None or resource.state == "absent":
        return {}, {}
    return values.changes(resource.comparable(found.object), resource.comparable(resource.merged(found.object)))


def _warn_if_unsettled(resource: Resource, found: Existing | None) -> None:
    """Warn of values that the server does not keep as written: each would be a change on every run."""
    before, after = secrets.mask_pair(*_lacking(resource, found), resource.client.hidden or secrets.BY_NAME)
    for name, wanted in after.items():
        resource.warnings.append(
            f"{resource.kind} '{resource.name}': the server keeps {name} as {before.get(name)!r} where {wanted!r} "
            "was sent, so this will show as a change "
            "on every run. Write it as the server keeps it."
        )
