"""Who sees which threads, and how threads and messages are read."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, literal, null, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import aliased

from portal_api.core.access import Principal, Role
from portal_api.core.db import Read, Reader, Rows, Source, instant
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import NotFound
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.documents import Document, StoredFile
from portal_api.models.guardians import Guardian
from portal_api.models.messages import (
    AUDIENCE_ROLES,
    EDITABLE_FOR,
    Message,
    MessageAttachment,
    MessageEdit,
    MessageRetraction,
    Thread,
    ThreadAudience,
    ThreadParticipant,
)
from portal_api.models.staff import StaffMember
from portal_api.services.clients import reading as clients

_NONE: ColumnElement[Any] = text("'[]'::jsonb")  # type: ignore[assignment]
_TEXTS = StaffMember.roles.type
_account = bindparam("account_id", type_=ThreadParticipant.account_id.type)
_participant = aliased(ThreadParticipant)


def _list_of(by: Any, **members: Any) -> ColumnElement[Any]:
    """In an order, so that whoever reads it twice sees the same."""
    pairs = [part for name, value in members.items() for part in (name, value)]
    return func.coalesce(func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*pairs), by)), _NONE)


def _retracted(message: Any) -> ColumnElement[bool]:
    return exists().where(MessageRetraction.message_id == message.id)


def _edits(message: Any, *columns: Any) -> Rows:
    """What a message said after it was sent."""
    return select(*columns).where(MessageEdit.message_id == message.id).correlate(message)


def _text(message: Any) -> ColumnElement[str]:
    """What it says now."""
    newest = _edits(message, MessageEdit.body).order_by(MessageEdit.number.desc()).limit(1)
    return func.coalesce(newest.scalar_subquery(), message.body)


def _read_seq() -> ColumnElement[int]:
    own = select(ThreadParticipant.read_seq).where(
        ThreadParticipant.thread_id == Thread.id, ThreadParticipant.account_id == _account
    )
    return func.coalesce(own.correlate(Thread).scalar_subquery(), 0)


def _unread() -> ColumnElement[int]:
    """Counted from what is there: no counter to go wrong (F12.M5)."""
    waiting = Message.thread_id == Thread.id, Message.seq > _read_seq(), Message.author_id != _account
    counted = select(func.count()).select_from(Message).where(*waiting, ~_retracted(Message))
    return counted.correlate(Thread).scalar_subquery()


def _staff() -> ColumnElement[Any]:
    members = _list_of(
        StaffMember.id,
        staff_id=StaffMember.id,
        given_name=StaffMember.given_name,
        family_name=StaffMember.family_name,
        credentials=StaffMember.credentials,
        read_seq=ThreadParticipant.read_seq,
    )
    return (
        select(members)
        .select_from(ThreadParticipant)
        .join(StaffMember, StaffMember.id == ThreadParticipant.staff_id)
        .where(ThreadParticipant.thread_id == Thread.id, ThreadParticipant.left_at.is_(None))
        .correlate(Thread)
        .scalar_subquery()
    )


def _last() -> ColumnElement[Any]:
    shown = case((_retracted(Message), null()), else_=_text(Message))
    message = func.jsonb_build_object(
        *("id", Message.id, "seq", Message.seq, "author_kind", Message.author_kind),
        *("body", shown, "sent_at", instant(Message.sent_at)),
    )
    found = select(message).where(Message.thread_id == Thread.id, Message.seq == Thread.last_seq)
    return found.correlate(Thread).scalar_subquery()


def _client_read_seq() -> ColumnElement[int]:
    theirs = select(func.max(ThreadParticipant.read_seq)).where(
        ThreadParticipant.thread_id == Thread.id, ThreadParticipant.staff_id.is_(None)
    )
    return func.coalesce(theirs.correlate(Thread).scalar_subquery(), 0)


def _guardian_id() -> ColumnElement[Any]:
    known = select(Guardian.id).where(
        Guardian.client_id == Thread.client_id, Guardian.account_id == Thread.guardian_account_id
    )
    return known.order_by(Guardian.id.desc()).limit(1).correlate(Thread).scalar_subquery()


SHARED = (
    Thread.id,
    Thread.client_id,
    Thread.subject,
    Thread.audience,
    _staff().label("participants"),
    _unread().label("unread_count"),
    _read_seq().label("read_seq"),
    _last().label("last_message"),
    Thread.last_message_at,
    Thread.created_at,
    Thread.updated_at,
    Thread.version,
)
STAFFS = (
    *SHARED,
    (Client.given_name + literal(" ") + Client.family_name).label("client_name"),
    _guardian_id().label("guardian_id"),
    _client_read_seq().label("client_read_seq"),
    Thread.unattended_since,
)


def is_in() -> ColumnElement[bool]:
    """Whether the caller takes part."""
    return exists().where(
        _participant.thread_id == Thread.id, _participant.account_id == _account, _participant.left_at.is_(None)
    )


def is_of_audience() -> ColumnElement[bool]:
    """Whether it is for staff of the caller's roles."""
    return Thread.audience == bindparam("audiences", type_=_TEXTS).any_()


def is_unattended() -> ColumnElement[bool]:
    """Whether it waits for somebody to take it over."""
    return Thread.unattended_since.is_not(None)


def for_staff(statement: Rows, everyone: bool) -> Rows:
    """Threads of an audience of the caller's roles: those they are in, those of clients they see (F12.M2), and those
    that nobody is in any more.

    Who sees every client for administration's sake does not see what is clinical by that.
    """
    seen = clients.caseload()
    if everyone:
        seen = or_(seen, Thread.audience != ThreadAudience.CLINICAL)
    seen = or_(is_in(), is_unattended(), seen)
    return statement.join(Client, Client.id == Thread.client_id).where(is_of_audience(), seen)


def for_client(statement: Rows) -> Rows:
    """The client's own threads for the client, a guardian's for that guardian (F12.M9).

    Staff who look through their eyes see no more than those that are for their own roles (F12.M2).
    """
    own = Thread.guardian_account_id.is_(None) & (Thread.client_id == bindparam("own", type_=UUIDS).any_())
    mine = Thread.client_id == bindparam("mine", type_=UUIDS).any_()
    return statement.where(mine, or_(own, Thread.guardian_account_id == _account), is_of_audience())


@cache
def thread(kind: str, *, everyone: bool = False) -> Read:
    """One thread as `staff` or `client` see it."""
    wanted = Thread.id == bindparam("thread_id")
    if kind == "client":
        return Read(for_client(select(*SHARED).where(wanted)))
    return Read(for_staff(select(*STAFFS).select_from(Thread).where(wanted), everyone))


def who_asks(principal: Principal) -> dict[str, Any]:
    """The values that every one of these statements takes."""
    asks = {"account_id": principal.account_id, "audiences": _audiences(principal)}
    if principal.is_client:
        own = [profile.client_id for profile in principal.profiles if profile.is_own]
        return asks | {"mine": list(principal.client_ids), "own": own}
    return asks | {"staff_id": principal.staff_id}


def _audiences(principal: Principal) -> list[str]:
    if principal.is_client and principal.viewer_id is None:
        return [audience.value for audience in ThreadAudience]
    roles = principal.viewer_roles if principal.is_client else principal.roles
    return [audience.value for audience, theirs in AUDIENCE_ROLES.items() if theirs & roles]


def may_take_part(roles: frozenset[Role], audience: str) -> bool:
    return bool(AUDIENCE_ROLES[ThreadAudience(audience)] & roles)


def read_for(principal: Principal) -> Read:
    return thread("client") if principal.is_client else thread("staff", everyone=clients.sees_all(principal))


async def visible(source: Source, principal: Principal, thread_id: UUID) -> dict[str, Any]:
    """One thread that the caller sees. Raises NotFound."""
    row = await source.row(read_for(principal), thread_id=thread_id, **who_asks(principal))
    if row is None:
        raise NotFound
    return row


_own_name = Account.given_name + literal(" ") + Account.family_name


def _attachments() -> ColumnElement[Any]:
    files = _list_of(
        Document.id,
        document_id=Document.id,
        title=Document.title,
        media_type=StoredFile.media_type,
        size_bytes=StoredFile.size_bytes,
        state=StoredFile.state,
    )
    return (
        select(files)
        .select_from(MessageAttachment)
        .join(Document, Document.id == MessageAttachment.document_id)
        .join(StoredFile, StoredFile.id == Document.file_id)
        .where(MessageAttachment.message_id == Message.id)
        .correlate(Message)
        .scalar_subquery()
    )


def _read_by() -> ColumnElement[Any]:
    who = aliased(Account)
    readers = _list_of(
        who.id,
        kind=case((ThreadParticipant.staff_id.is_(None), "client"), else_="staff"),
        staff_id=ThreadParticipant.staff_id,
        name=who.given_name + literal(" ") + who.family_name,
    )
    return (
        select(readers)
        .select_from(ThreadParticipant)
        .join(who, who.id == ThreadParticipant.account_id)
        .where(
            ThreadParticipant.thread_id == Message.thread_id,
            ThreadParticipant.read_seq >= Message.seq,
            ThreadParticipant.account_id != Message.author_id,
        )
        .correlate(Message)
        .scalar_subquery()
    )


def _versions() -> ColumnElement[Any]:
    """Everything that it said, as it was sent first."""
    sent = func.jsonb_build_object("body", Message.body, "written_at", instant(Message.sent_at))
    edits = _list_of(MessageEdit.number, body=MessageEdit.body, written_at=instant(MessageEdit.edited_at))
    return func.jsonb_build_array(sent).op("||", return_type=JSONB)(_edits(Message, edits).scalar_subquery())


def _messages(*, in_full: bool = False) -> Rows:
    gone = MessageRetraction.retracted_at.is_not(None)
    return (
        select(
            Message.id,
            Message.thread_id,
            Message.client_id,
            Message.seq,
            func.jsonb_build_object(
                *("kind", Message.author_kind, "staff_id", Message.staff_id, "name", _own_name)
            ).label("author"),
            and_(Message.author_id == _account, Message.author_kind != "automatic").label("own"),
            (_text(Message) if in_full else case((gone, null()), else_=_text(Message))).label("body"),
            *([_versions().label("versions")] if in_full else []),
            (_attachments() if in_full else case((gone, _NONE), else_=_attachments())).label("attachments"),
            _read_by().label("read_by"),
            Message.sent_at,
            _edits(Message, func.max(MessageEdit.edited_at)).scalar_subquery().label("edited_at"),
            (Message.sent_at + EDITABLE_FOR).label("editable_until"),
            MessageRetraction.retracted_at,
            (_edits(Message, func.count()).scalar_subquery() + 1).label("version"),
        )
        .select_from(Message)
        .join(Account, Account.id == Message.author_id)
        .outerjoin(MessageRetraction, MessageRetraction.message_id == Message.id)
    )


MESSAGE = Read(_messages().where(Message.id == bindparam("message_id")))
IN_FULL = Read(_messages(in_full=True).where(Message.id == bindparam("message_id")))
THREAD_OF = Read(select(Message.thread_id).where(Message.id == bindparam("message_id")))


@cache
def messages(*, resumed: bool) -> Read:
    """Those of one thread, newest first."""
    statement = _messages().where(Message.thread_id == bindparam("thread_id"))
    if resumed:
        statement = statement.where(Message.seq < bindparam("before_seq"))
    return Read(statement.order_by(Message.seq.desc()).limit(bindparam("limit")))


async def message(source: Source, principal: Principal, message_id: UUID, *, in_full: bool = False) -> dict[str, Any]:
    """One message of a thread that the caller sees. Raises NotFound."""
    found = await source.row(THREAD_OF, message_id=message_id)
    if found is None:
        raise NotFound
    await visible(source, principal, UUID(str(found["thread_id"])))
    return await shown(source, principal, message_id, in_full=in_full)


async def shown(source: Source, principal: Principal, message_id: UUID, *, in_full: bool = False) -> dict[str, Any]:
    """One message of a thread of which it is known that the caller sees it."""
    row = await source.row(IN_FULL if in_full else MESSAGE, message_id=message_id, account_id=principal.account_id)
    assert row is not None  # noqa: S101 - nothing deletes messages
    return row


@cache
def threads(
    kind: str,
    *,
    everyone: bool,
    of_client: bool,
    by_audience: bool,
    mine: bool,
    unattended: bool,
    unread: bool,
    searching: bool,
    resumed: bool,
) -> Read:
    """Threads as `staff` or `client` see them, the latest message first."""
    columns = SHARED if kind == "client" else STAFFS
    statement = select(*columns).select_from(Thread)
    statement = for_client(statement) if kind == "client" else for_staff(statement, everyone)
    if of_client:
        statement = statement.where(Thread.client_id == bindparam("of"))
    if by_audience:
        statement = statement.where(Thread.audience == bindparam("audience"))
    if mine:
        statement = statement.where(is_in())
    if unattended:
        statement = statement.where(is_unattended())
    if unread:
        statement = statement.where(_unread() > 0)
    if searching:
        statement = statement.where(_speaks_of())
    if resumed:
        before = func.row(Thread.last_message_at, Thread.id) < func.row(bindparam("before_at"), bindparam("before_id"))
        statement = statement.where(before)
    return Read(statement.order_by(Thread.last_message_at.desc(), Thread.id.desc()).limit(bindparam("limit")))


def _speaks_of() -> ColumnElement[bool]:
    """Whether the subject or what was written has the words; what was retracted is found no more."""
    words = bindparam("q")
    within = exists().where(
        Message.thread_id == Thread.id, func.strpos(func.lower(_text(Message)), words) > 0, ~_retracted(Message)
    )
    return or_(func.strpos(func.lower(Thread.subject), words) > 0, within.correlate(Thread))


@cache
def _unread_total(kind: str, everyone: bool) -> Read:
    statement = select(_unread().label("waiting")).select_from(Thread)
    each = for_client(statement) if kind == "client" else for_staff(statement, everyone).where(is_in())
    counted = each.subquery("each")
    return Read(select(func.coalesce(func.sum(counted.c.waiting), 0).label("unread")))


async def unread_of(reader: Reader, principal: Principal) -> int:
    """How many messages wait for the caller, in all threads that they take part in."""
    kind = "client" if principal.is_client else "staff"
    row = await reader.row(_unread_total(kind, clients.sees_all(principal)), **who_asks(principal))
    return int(row["unread"]) if row else 0
