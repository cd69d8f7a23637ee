"""What every error looks like: RFC 9457 problem details with a stable code."""

from pydantic import BaseModel, ConfigDict, Field


def _is_absent(value: object) -> bool:
    return value is None or value == []


class ProblemError(BaseModel):
    """One thing that is wrong with the input."""

    model_config = ConfigDict(extra="forbid")

    pointer: str = Field(description="Where it is, as a JSON pointer into the request.", examples=["/email"])
    code: str = Field(description="Stable and for programs.", examples=["too_short"])
    detail: str = Field(description="For people; the wording may change.")


class Problem(BaseModel):
    """Why a request failed. Members beyond these belong to single codes and are listed with them."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="A URI reference that names the kind of problem.", examples=["about:blank"])
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(ge=400, le=599, description="The HTTP status, repeated.", examples=[409])
    detail: str = Field(description="What to do next, for people; the wording may change.")
    code: str = Field(description="Stable and for programs.", examples=["invalid_state"])
    request_id: str = Field(description="Names this request in the logs; quote it when you ask for help.")
    instance: str | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="A URI reference that names this occurrence; left out where there is none.",
    )
    errors: list[ProblemError] = Field(
        default_factory=list,
        exclude_if=_is_absent,
        description="Every field that was refused; left out unless the input was the problem.",
    )
