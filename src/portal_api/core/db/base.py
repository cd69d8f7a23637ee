"""What every table has in common."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    false,
    func,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from portal_api.core.ids import new_id

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: DateTime(timezone=True),
        bytes: LargeBinary(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(PGUUID(as_uuid=True)),
        dict[str, Any]: JSONB(),
    }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'id', '?')}>"


class PracticeScoped:
    """A row of one practice. `practice_id` leads the primary key and is filled in from the session."""

    practice_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)


class Id:
    """A UUIDv7 made by the server, second in the primary key."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)


class ClientOwned(PracticeScoped):
    """A row about one client: client callers see it only for clients that they may act for."""

    client_id: Mapped[UUID] = mapped_column()  # a value, so that criteria can name it on this class

    @classmethod
    def is_of(cls, client_ids: BindParameter[Any]) -> ColumnElement[bool]:
        """Whether the row is about one of these clients."""
        return cls.client_id == client_ids.any_()


class Confidential:
    """A row that may be kept from everybody who acts for its client without being the client (F6.B3).

    It comes after ClientOwned among the bases, or its table says itself which clients it `is_of`.
    """

    confidential: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    @classmethod
    def is_of(cls, client_ids: BindParameter[Any]) -> ColumnElement[bool]:
        """Whether the row is about one of these clients; about nobody, where nobody says so."""
        del client_ids
        return false()

    @classmethod
    def is_open_to(cls, own_client_ids: BindParameter[Any]) -> ColumnElement[bool]:
        """Whether a caller who is these clients sees the row."""
        return or_(~cls.confidential, cls.is_of(own_client_ids))


class Mutable:
    """When a row was made and changed, and the version that ETag and If-Match compare."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now(), sort_order=91)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1", sort_order=92)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - declared_attr is called with the class
        return {"version_id_col": cls.version}


UUIDS = ARRAY(PGUUID(as_uuid=True))


def refers_to(table: str, column: str) -> ForeignKeyConstraint:
    """A foreign key within the practice: (practice_id, column) to (practice_id, id) of the table."""
    return ForeignKeyConstraint(["practice_id", column], [f"{table}.practice_id", f"{table}.id"])


def of_a_practice() -> ForeignKeyConstraint:
    """The foreign key of a table that hangs from nothing but its practice."""
    return ForeignKeyConstraint(["practice_id"], ["practice.id"])


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A text column that takes only these values (not an enum: its `=` is not leakproof under RLS)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def instant(column: Any) -> ColumnElement[str]:
    """An instant for the inside of a JSON value, written as everywhere else: RFC 3339, UTC, with Z."""
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
