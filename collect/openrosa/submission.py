"""The address submissions are sent to: who, what, whether it may be; then through the door, and answered."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from collect import registry
from collect.keeping import attachments, sent
from collect.openrosa.desk import Desk
from collect.openrosa.door import ACCEPTED, Outcome, Sending
from collect.openrosa.people import Person
from collect.openrosa.reading import Heading, Parcel, heading_of, parcel
from collect.openrosa.replies import VERSION, Refused, said

REFUSALS: dict[Outcome, str] = {
    "conflict": "ODK-09",
    "unknown_original": "ODK-08",
    "stale": "ODK-10",
    "deleted": "ODK-15",
}


async def ready(desk: Desk, request: Request) -> Response:
    """The question before the sending: 204 where this sender may send."""
    await run_in_threadpool(desk.credentials.who, request)
    return Response(status_code=204)


async def submit(desk: Desk, limit: int, request: Request) -> Response:
    """Take one submission, or one piece of it, in. Raises Refused."""
    if request.headers.get("x-openrosa-version") != VERSION:
        raise Refused("ODK-01")
    person = desk.credentials.let_in_lately(request)
    if person is None:
        person = await run_in_threadpool(desk.credentials.who, request)
    parts, brought = await parcel(request, limit)
    try:
        sending = await run_in_threadpool(_prepare, desk, person, brought)
    finally:
        await parts.close()
    outcome = await asyncio.wrap_future(desk.door.send(sending))
    if outcome not in ACCEPTED:
        raise Refused(REFUSALS[outcome])
    desk.folding.soon()
    return said(request, desk.settings.language, 201, "odk.received" if sending.complete else "odk.received_part")


def _prepare(desk: Desk, person: Person, brought: Parcel) -> Sending:
    """Everything that must be known, and the attachments on disk, before the door."""
    heading = heading_of(brought.data)
    _admit(desk, person, heading)
    files = [(name, file.file) for name, file in brought.files]
    pieces = attachments.keep(desk.settings.data, heading.form, heading.instance_id, files)
    return Sending(
        heading.form, heading.instance_id, heading.version, heading.replaces, brought.data,
        person.team, person.person, brought.complete, pieces, _came_as_file(desk, heading), heading.sealed,
    )  # fmt: skip


def _came_as_file(desk: Desk, heading: Heading) -> bool:
    """Whether the submission an edit names is known from an export; what came by phone the door knows itself."""
    if not heading.replaces or sent.holds(desk.store, heading.form, heading.replaces):
        return False
    uploads = (part["upload_id"] for part in registry.parts_of(desk.engine) if part["form"] == heading.form)
    return any(
        heading.replaces in desk.store.read_part(heading.form, "index", upload)["submission_id"] for upload in uploads
    )


def _admit(desk: Desk, person: Person, heading: Heading) -> None:
    form = desk.form(heading.form)
    if form is None:
        raise Refused("ODK-06")
    if not person.may_send(form.form_id):
        raise Refused("ODK-05")
    if form.of_version(heading.version) is None:
        raise Refused("ODK-07")
    # what was acknowledged before the form closed may be repeated, and its photos may still follow
    if form.form_id in desk.closed and not sent.holds(desk.store, form.form_id, heading.instance_id):
        raise Refused("ODK-11")
