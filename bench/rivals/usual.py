"""The usual way: FastAPI as its tutorials write it.

A session dependency that yields, the current user by another dependency (a JWT, then the user's row), ORM objects
with a relationship, `response_model` from attributes. No row-level security, no audit, no live session.
"""

import os
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKeyConstraint, create_engine, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

SECRET = "a secret of the bench, long enough"
ALGORITHM = "HS256"

engine = create_engine(
    os.environ.get("BENCH_FREE_URL", "").replace("postgresql://", "postgresql+psycopg://") or "sqlite://"
)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "account"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    email: Mapped[str]
    suspended_at: Mapped[datetime | None]


class Assignment(Base):
    __tablename__ = "client_assignment"
    __table_args__ = (ForeignKeyConstraint(["practice_id", "client_id"], ["client.practice_id", "client.id"]),)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)


class Client(Base):
    __tablename__ = "client"
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    given_name: Mapped[str]
    family_name: Mapped[str]
    preferred_name: Mapped[str | None]
    pronouns: Mapped[str | None]
    date_of_birth: Mapped[date | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    time_zone: Mapped[str | None]
    external_ids: Mapped[dict[str, str]] = mapped_column(JSONB)
    is_test: Mapped[bool]
    portal_state: Mapped[str]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]
    assignments: Mapped[list[Assignment]] = relationship()

    @property
    def practitioner_ids(self) -> list[UUID]:
        return [assignment.practitioner_id for assignment in self.assignments]


class ClientRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    given_name: str
    family_name: str
    preferred_name: str | None
    pronouns: str | None
    date_of_birth: date | None
    email: str | None
    phone: str | None
    time_zone: str | None
    practitioner_ids: list[UUID]
    external_ids: dict[str, str]
    is_test: bool
    portal_state: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class ClientPage(BaseModel):
    data: list[ClientRead]
    next_cursor: str | None


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


def get_current_user(session: SessionDep, token: Annotated[str, Depends(oauth2_scheme)]) -> User:
    try:
        payload = jwt.decode(token, SECRET, algorithms=[ALGORITHM])
    except JWTError:
        raise HTTPException(401, "Could not validate credentials") from None
    user = session.scalars(select(User).where(User.id == UUID(payload["sub"]))).first()
    if user is None or user.suspended_at is not None:
        raise HTTPException(401, "Could not validate credentials")
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


@app.get("/clients", response_model=ClientPage)
def read_clients(session: SessionDep, user: CurrentUser, limit: int = 20) -> dict[str, object]:
    statement = (
        select(Client)
        .where(Client.practice_id == user.practice_id, Client.archived_at.is_(None))
        .options(selectinload(Client.assignments))
        .order_by(Client.id.desc())
        .limit(limit)
    )
    return {"data": session.scalars(statement).all(), "next_cursor": "x" * 104}


@app.get("/clients/{client_id}", response_model=ClientRead)
def read_client(client_id: UUID, session: SessionDep, user: CurrentUser) -> Client:
    client = session.get(Client, (user.practice_id, client_id))
    if client is None:
        raise HTTPException(404, "Client not found")
    return client
