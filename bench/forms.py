"""Filling in a form: saving and handing in, beside an ordinary change of one row with its event."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median
from typing import Any

import httpx

from bench.ground import Ground
from bench.people import Population, numbered
from bench.report import Report

PEOPLE, EACH, ROUNDS, QUESTIONS = 16, 20, 3, 30
POPULATION = Population(practices=1, clients=PEOPLE)
OPTIONS = [{"value": str(n), "label": f"Option {n}", "score": n} for n in range(4)]
ITEMS = [
    {"key": f"q{n}", "type": "choice", "text": f"Question {n}", "required": True, "options": OPTIONS}
    | ({"visible_if": {"item": f"q{n - 1}", "op": "answered"}} if n % 3 else {})
    for n in range(QUESTIONS)
]
FORM = {
    "kind": "assessment",
    "title": "Thirty questions",
    "definition": {"sections": [{"key": "all", "title": "All", "items": ITEMS}]},
}
Send = Callable[[httpx.AsyncClient, int, int], Any]


def measure(ground: Ground, report: Report) -> None:
    """Requests a second of 16 people at once, each at a form of its own, and what they are of a plain change."""
    ground.database("forms", POPULATION)
    server = ground.serve("ours", "forms")
    plain, saves, submissions = asyncio.run(_rounds(server.port, ground.token(0)))
    server.stop()
    title = f"a form of {QUESTIONS} questions, {PEOPLE} people at once"
    for what, rates in (("saved", saves), ("handed in and scored", submissions)):
        share = median(rate / usual for rate, usual in zip(rates, plain, strict=True))
        report.say(f"{title}, {what}: requests a second", f"{median(rates):.0f}")
        report.say(f"{title}, {what}: rate / that of PATCH /v1/clients/{{id}}", f"{share:.2f}")


async def _rounds(port: int, token: str) -> tuple[list[float], list[float], list[float]]:
    limits = httpx.Limits(max_connections=PEOPLE, max_keepalive_connections=PEOPLE)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, limits=limits, timeout=30
    ) as http:
        template_id = await _publish(http)
        rates: list[list[float]] = [[], [], []]
        changes = count()
        for _ in range(ROUNDS + 1):
            given = [[await _give(http, person, template_id) for _ in range(EACH)] for person in range(PEOPLE)]
            rates[0].append(await _rate(http, lambda h, p, n: _change(h, p, changes)))
            rates[1].append(await _rate(http, lambda h, p, n, of=given: _save(h, of[p][n])))  # type: ignore[misc]
            rates[2].append(await _rate(http, lambda h, p, n, of=given: _submit(h, of[p][n])))  # type: ignore[misc]
    plain, saves, submissions = (each[1:] for each in rates)  # the first warms up
    return plain, saves, submissions


async def _publish(http: httpx.AsyncClient) -> str:
    made = _done(await http.post("/v1/form-templates", json=FORM))
    return str(_done(await http.post(f"/v1/form-templates/{made['id']}/publish"))["id"])


async def _give(http: httpx.AsyncClient, person: int, template_id: str) -> str:
    path = f"/v1/clients/{numbered('client', person)}/form-assignments"
    return str(_done(await http.post(path, json={"form_template_id": template_id}))["id"])


async def _rate(http: httpx.AsyncClient, send: Send) -> float:
    """Requests a second while each person sends theirs one after the other."""

    async def person(number: int) -> None:
        for nth in range(EACH):
            await send(http, number, nth)

    begun = time.perf_counter()
    await asyncio.gather(*(person(number) for number in range(PEOPLE)))
    return PEOPLE * EACH / (time.perf_counter() - begun)


async def _change(http: httpx.AsyncClient, person: int, numbers: Iterator[int]) -> None:
    body = {"preferred_name": f"Grace {next(numbers)}"}
    _done(await http.patch(f"/v1/clients/{numbered('client', person)}", json=body))


async def _save(http: httpx.AsyncClient, form: str) -> None:
    answers = {f"q{n}": n % 4 for n in range(QUESTIONS)}
    _done(await http.patch(f"/v1/form-assignments/{form}/answers", json={"answers": answers}))


async def _submit(http: httpx.AsyncClient, form: str) -> None:
    _done(await http.post(f"/v1/form-assignments/{form}/submit"))


def _done(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
