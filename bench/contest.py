"""Several servers under the same load in turn, so that what disturbs the machine disturbs all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.ground import Ground
from bench.load import CONNECTIONS, Call, load
from bench.processes import Server


@dataclass(frozen=True, slots=True)
class Contestant:
    name: str
    server: Server
    calls: Callable[[], Sequence[Call]]


@dataclass(slots=True)
class Course:
    """What one contestant did, round by round. CPU in microseconds a request."""

    rps: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    postgres_cpu: list[float] = field(default_factory=list)

    @property
    def whole_cpu(self) -> list[float]:
        """The server's and PostgreSQL's together."""
        return [own + postgres for own, postgres in zip(self.cpu, self.postgres_cpu, strict=True)]

    def describe(self) -> str:
        return (
            f"{median(self.rps):7.0f} requests/s   p50 {median(self.p50):6.1f} ms   p99 {median(self.p99):6.1f} ms"
            f"   CPU {median(self.cpu):5.0f} + {median(self.postgres_cpu):4.0f} us"
        )


class Contest:
    """Runs rounds; ratios are of the same round, and the median of the rounds counts."""

    def __init__(self, ground: Ground, *, rounds: int, seconds: int) -> None:
        self._ground = ground
        self.rounds = rounds
        self.seconds = seconds

    def run(self, *contestants: Contestant, connections: int = CONNECTIONS) -> dict[str, Course]:
        for contestant in contestants:
            load(contestant.server.port, contestant.calls(), 1, connections)
        courses = {contestant.name: Course() for contestant in contestants}
        for turn in range(self.rounds):
            shift = turn % len(contestants)
            for contestant in contestants[shift:] + contestants[:shift]:
                self._measure(contestant, courses[contestant.name], connections)
        for name, course in courses.items():
            print(f"    {name:28} {course.describe()}", flush=True)
        return courses

    def _measure(self, contestant: Contestant, course: Course, connections: int) -> None:
        cpu, postgres = contestant.server.cpu(), self._ground.postgres_cpu()
        rate = load(contestant.server.port, contestant.calls(), self.seconds, connections)
        assert rate.requests, f"{contestant.name} answered nothing"
        assert not rate.refused + rate.broken, f"{contestant.name}: {rate.refused} refused, {rate.broken} broken"
        course.rps.append(rate.rps)
        course.p50.append(rate.p50)
        course.p99.append(rate.p99)
        course.cpu.append((contestant.server.cpu() - cpu) / rate.requests * 1e6)
        course.postgres_cpu.append((self._ground.postgres_cpu() - postgres) / rate.requests * 1e6)


def ratio(above: list[float], below: list[float]) -> float:
    return median(a / b for a, b in zip(above, below, strict=True))
