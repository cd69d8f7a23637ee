"""A device's copy of what its account sees: all of it at first, afterwards what changed and what is gone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from portal_api.core.access import SELF, Feature, GrantPermission, Principal, Profile
from portal_api.core.db import Binding, Reader
from portal_api.schemas.sync import SyncQuery
from portal_api.services.stream import log, subjects, viewers
from portal_api.services.stream.audiences import is_told
from portal_api.services.stream.viewers import Viewer
from portal_api.services.sync import places
from portal_api.services.sync.places import Place, Run, Scope
from portal_api.services.sync.registry import OF_CLIENTS, OF_STAFF, Kept
from portal_api.services.sync.tables import ALSO_SHARED, FIRST, OWN, Change, Units, bound_as, ids_of, is_whole

MOST_EVENTS = 5000
MOST_LOST = 5000
"""More than that in one go, and the device starts over."""


@dataclass(slots=True)
class Caller:
    """Who asks, and what there is for their kind of account."""

    reader: Reader
    viewer: Viewer
    kept: Sequence[Kept]
    scope: Scope = field(default_factory=dict)

    @classmethod
    async def of(cls, reader: Reader, principal: Principal) -> "Caller":
        viewer = await viewers.one(reader, principal)
        kept = OF_CLIENTS if principal.is_client else OF_STAFF
        return cls(reader, viewer, kept, {each.type: each.units(viewer) for each in kept})


async def page(reader: Reader, principal: Principal, query: SyncQuery) -> dict[str, Any]:
    """What is new since the cursor, at most `limit` objects; without a cursor, everything.

    Raises BadCursor for a cursor that is not the caller's, or older than thirty days.
    """
    vault = reader.tools.vault
    caller = await Caller.of(reader, principal)
    place = places.read(vault, principal, query.cursor) if query.cursor else None
    tombstones: list[dict[str, Any]] = []
    news = await _news(caller, place) if place is not None else None
    resumed = place is not None and place.run is not None
    if place is not None and news is None and not (place.run and place.run.since is None):
        place = None
    elif place is not None and news is not None and place.run is None:
        place, tombstones = await _changed(caller, place, news)
    stand = news or await log.now(reader)
    if place is None:
        news, place = None, Place(stand.snapshot, stand.at, _kept_scope(caller), Run(None, {}))
    assert place.run is not None  # noqa: S101 - each way leads to one
    upserts, left = await _upserts(caller, place.run, news, query.limit)
    return {
        "reset": place.run == Run(None, {}),
        "upserts": upserts,
        "tombstones": tombstones,
        # What has changed since the run's first page comes with another one: at its end the copy is as of now.
        "has_more": left is not None or resumed,
        "cursor": places.write(vault, principal, replace(place, run=left, at=stand.at)),
    }


async def _news(caller: Caller, place: Place) -> log.News | None:
    """What has changed since the copy, or since the run began; None where it is too much, or cannot be known."""
    since = place.run.since if place.run else place.seen
    if since is None:
        return None
    types = frozenset[str]().union(*(each.types for each in caller.kept))
    mine = None
    if caller.viewer.principal.is_client:
        before = place.scope if not isinstance(place.scope, str) else {}
        mine = {each for scope in (caller.scope, before) for units in scope.values() for each in ids_of(units)}
    kinds, account_id = {each.type for each in caller.kept}, caller.viewer.principal.account_id
    news = await log.about(caller.reader, since, MOST_EVENTS, kinds, types, account_id, mine)
    return news if news.complete and not log.is_ahead(since, news) else None


async def _changed(caller: Caller, place: Place, news: log.News) -> tuple[Place | None, list[dict[str, Any]]]:
    """The run from one copy to the next, and what is gone since; None where starting over is simpler."""
    before = place.scope
    if isinstance(before, str):
        if before != places.fingerprint(caller.scope):
            return None, []
        before = caller.scope
    gained = {type: units - before.get(type, frozenset()) for type, units in caller.scope.items()}
    lost = {each.type: before.get(each.type, frozenset()) - caller.scope[each.type] for each in caller.kept}
    if any(is_whole(each) for units in (*gained.values(), *lost.values()) for each in units):
        return None, []
    tombstones: list[dict[str, Any]] = []
    for each in caller.kept:
        gone = await _gone(caller, each, place, lost[each.type], news)
        tombstones += [{"type": each.type, "id": identity} for identity in gone]
        if len(tombstones) > MOST_LOST:
            return None, []
    anew = {
        each.type: caller.scope[each.type] | lost[each.type]
        for each in caller.kept
        if each.names_units and lost[each.type]
    }
    run = Run(place.seen, {type: units for type, units in (gained | anew).items() if units})
    return Place(news.snapshot, news.at, _kept_scope(caller), run), tombstones


async def _gone(caller: Caller, kept: Kept, place: Place, lost: Units, news: log.News) -> list[UUID]:
    """What the caller had of a collection and has no more: with whom they had it, or by itself.

    Of the latter only that of which they are told, or would have been: what they never saw leaves no trace.
    """
    gone, before = set[UUID](), _while_had(caller.viewer, lost)
    if lost:
        gone.update(await kept.lost(caller.reader, caller.viewer, lost, place.at, MOST_LOST))
    hiding = [event for event in news.events if kept.hidden(event)]
    with bound_as(caller.reader, Binding.system(caller.viewer.principal.practice_id)):
        known = await subjects.look(caller.reader, hiding)
    told = [event for event in hiding if any(is_told(each, event, known) for each in (caller.viewer, before))]
    hidden = {each for event in told for each in kept.hidden(event)}
    gone |= hidden - await kept.still_seen(caller.reader, caller.viewer, sorted(hidden))
    return sorted(gone)


def _while_had(viewer: Viewer, units: Units) -> Viewer:
    """Who the caller was for the units that are lost: they let them see what makes a unit."""
    if not viewer.principal.is_client:
        return viewer
    own, looking = set(ids_of(units, OWN)), set(ids_of(units, ALSO_SHARED))
    profiles = tuple(
        Profile(
            each,
            SELF if each in own else "",
            frozenset(GrantPermission) - (set() if each in looking else {GrantPermission.DOCUMENTS_VIEW}),
        )
        for each in ids_of(units)
    )
    clients = frozenset(profile.client_id for profile in profiles)
    features = dict.fromkeys(clients, frozenset(Feature))
    return Viewer(replace(viewer.principal, profiles=profiles), clients, features=features)


async def _upserts(
    caller: Caller, run: Run, news: log.News | None, limit: int
) -> tuple[list[dict[str, Any]], Run | None]:
    """A page of the run, and what is left of it."""
    upserts: list[dict[str, Any]] = []
    principal, step, after = caller.viewer.principal, run.step, run.after
    while step < len(caller.kept):
        kept = caller.kept[step]
        touched = {each for event in news.events for each in kept.touched(event)} if news else set[UUID]()
        change = Change(run.gained.get(kept.type, frozenset()), frozenset(touched), run.since is None)
        room = limit - len(upserts)
        rows: list[dict[str, Any]] = []
        if change != Change():
            rows = await kept.page(caller.reader, caller.viewer, change, after, room + 1)
        chosen = rows[:room]
        if chosen:
            kept.record(caller.reader, principal, chosen)
        upserts += [{"type": kept.type, "id": row["id"], "resource": kept.shape(row)} for row in chosen]
        if len(rows) > room:
            last = UUID(str(chosen[-1]["id"])) if chosen else after
            return upserts, replace(run, step=step, after=last)
        step, after = step + 1, FIRST
    return upserts, None


def _kept_scope(caller: Caller) -> Scope | str:
    return caller.scope if places.fits(caller.scope) else places.fingerprint(caller.scope)
