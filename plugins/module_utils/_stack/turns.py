# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The order of changes if a unique value moves from one resource to another: the one that gives it up is changed first.

If that is impossible, as in a swap of addresses, a step of its own first frees one resource of its value.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._engine.claims import Claim, Hold
from .arguments import defaults
from .graph import order


class Side(NamedTuple):
    """What a resource has now, what it will have, and its title."""

    before: dict[Claim, Hold]
    after: dict[Claim, Hold]
    title: str


class Pass(NamedTuple):
    """A claim that passes from one number to another, or between two parts of the same."""

    giver: int
    taker: int
    claim: Claim
    hold: Hold
    weak: bool


class Turns(NamedTuple):
    """Needs with the order of the moves in them. At their end are the steps that free a resource first: `freed` has the
    number of each, and what it is freed of.
    """

    needs: list[set[int]]
    freed: list[tuple[int, list[Pass]]]
    errors: list[str]


def passes(sides: dict[int, Side]) -> list[Pass]:
    """All claims that move from one resource, or part of it, to another."""
    givers: dict[Claim, list[int]] = {}
    for number, side in sides.items():
        for claim, hold in side.before.items():
            if claim not in side.after or side.after[claim].part != hold.part:
                givers.setdefault(claim, []).append(number)
    found = []
    for taker, side in sides.items():
        for claim, want in side.after.items():
            if claim not in side.before or side.before[claim].part != want.part:
                for giver in givers.get(claim, ()):
                    hold = sides[giver].before[claim]
                    found.append(Pass(giver, taker, claim, hold, want.weak))
    return found


def taken(needs: list[set[int]], sides: dict[int, Side], late: range = range(0)) -> Turns | None:
    """The needs with the order of the moves in them; None if nothing moves. Those in `late` come earlier only if
    something needs them.
    """
    found = [
        one for one in passes(sides) if one.giver not in needs[one.taker] and (one.hold.place or one.giver != one.taker)
    ]
    strong = [one for one in found if not one.weak]
    weak = [one for one in found if one.weak and one.giver != one.taker and one.giver not in late]
    if not (strong or weak):
        return None
    freed: dict[int, list[Pass]] = {}
    errors: list[str] = []
    for one in [one for one in strong if one.giver == one.taker]:
        _free(one, strong, freed, errors, sides, [])
    while True:
        linked, who = _linked(needs, strong + weak, freed)
        circle = order(linked)[1]
        if not circle:
            return Turns(linked, [(giver, freed[giver]) for giver in who], errors)
        steps = set(zip(circle, [*circle[1:], circle[0]]))  # each needs the next
        inside = [
            one for one in strong + weak if (one.taker, one.giver) in steps and one not in freed.get(one.giver, ())
        ]
        loose = next((one for one in inside if one.weak), None)
        if loose:
            weak.remove(loose)
        else:
            _free(next((one for one in inside if one.hold.place), inside[0]), strong, freed, errors, sides, circle)


def _free(
    one: Pass,
    strong: list[Pass],
    freed: dict[int, list[Pass]],
    errors: list[str],
    sides: dict[int, Side],
    circle: list[int],
) -> None:
    """Free the giver in a step before all else; an error if the claim has no place to free."""
    if one.hold.place:
        freed.setdefault(one.giver, []).append(one)
        return
    strong.remove(one)
    giver, taker = sides[one.giver].title, sides[one.taker].title
    others = [
        sides[number].title if number in sides else "another"
        for number in circle
        if number not in (one.giver, one.taker)
    ]
    between = f", and {', '.join(others)} {'is' if len(others) == 1 else 'are'} in between" if others else ""
    errors.append(
        f"{taker} takes {one.claim.what} {one.claim.value} from {giver}, which cannot give it up first, since it "
        f"waits for {taker}{between}. "
        "Do it in two runs: let the first only take it away."
    )


def _linked(needs: list[set[int]], found: list[Pass], freed: dict[int, list[Pass]]) -> tuple[list[set[int]], list[int]]:
    """Needs with the moves, and with a step for each resource that is freed; also the numbers of these resources."""
    linked = [set(mine) for mine in needs]
    who = sorted(freed)
    step = {giver: len(needs) + position for position, giver in enumerate(who)}
    linked += [set() for _giver in who]
    for giver, number in step.items():
        linked[giver].add(number)
    for one in found:
        early = one in freed.get(one.giver, ())
        if one.taker != one.giver or early:
            linked[one.taker].add(step[one.giver] if early else one.giver)
    return linked, who


def in_turn(planned: Any, client: Any) -> tuple[Any, list[str]]:
    """A plan in which a resource that gives up a value comes before the one that takes it, even if the first is
    deleted.

    Also all that is impossible, as errors.
    """
    sides = {number: _side(node, client) for number, node in enumerate(planned.nodes) if node.action}
    late = range(planned.late, len(planned.nodes))
    found = taken(planned.needs, sides, late)
    if found is None or found.errors:
        return planned, found.errors if found else []
    nodes = planned.nodes + [_freed(planned.nodes[number], these, sides, client) for number, these in found.freed]
    last = set(late) - early(found.needs, late)
    sequence = sorted(order(found.needs)[0], key=lambda number: number in last)
    place = {number: position for position, number in enumerate(sequence)}
    needs = [{place[other] for other in found.needs[number]} for number in sequence]
    return planned._replace(
        nodes=[nodes[number] for number in sequence], needs=needs, late=len(sequence) - len(last)
    ), []


def _side(node: Any, client: Any) -> Side:
    objects = (node.found.object if node.found else None, node.plan.result)
    before, after = (node.kind.claims(obj, client, {"project": node.project}) if obj else {} for obj in objects)
    return Side(before, after, node.title)


def _freed(node: Any, these: list[Pass], sides: dict[int, Side], client: Any) -> Any:
    """The step that unsets what a resource has, before the resource gets what it will have."""
    params = {
        **defaults(node.kind.argument_spec()),
        "target": None if node.kind.placed else node.params.get("target"),
        **node.kind.identifying(node.params),
        "state": "present",
        **unset([one.hold for one in these]),
    }
    freed = type(node)(node.kind, node.project, params, node.entry)
    freed.found, freed.action = node.found, "update"
    freed.plan = node.kind(client, params).plan(node.found)
    freed.why = "; ".join(
        f"{one.claim.what} {one.claim.value} is unset first, for "
        f"{sides[one.taker].title if one.taker != one.giver else 'another part of it'} to have it"
        for one in these
    )
    freed.note = freed.why
    return freed


def early(needs: list[set[int]], late: range) -> set[int]:
    """Of those after all else, the ones that something before them waits for, with all that these wait for."""
    todo = [other for number, mine in enumerate(needs) if number not in late for other in mine if other in late]
    found: set[int] = set()
    while todo:
        number = todo.pop()
        if number not in found:
            found.add(number)
            todo += [other for other in needs[number] if other in late]
    return found


def unset(holds: list[Hold]) -> dict[str, Any]:
    """Options that free what is held. If a whole dictionary is freed, nothing inside it is written."""
    options: dict[str, Any] = {}
    for hold in sorted(holds, key=lambda hold: len(hold.place)):
        inner: Any = options
        for key in hold.place[:-1]:
            inner = inner.setdefault(key, {}) if inner is not None else None
        if inner is not None:
            inner[hold.place[-1]] = hold.free
    return options
