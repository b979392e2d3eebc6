"""What reading one file needs and gathers: its name, where references lead, the adapters, and the findings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adapters.registry import Registry
from bot.domain.model import Place
from bot.settings.findings import Finding, Level
from bot.settings.references import References
from bot.settings.values import Problem


@dataclass(slots=True)
class Source:
    """One file while it is read.

    Args:
        file: its name, as findings show it.
        environ: the environment variables.
        registry: the kinds of adapter.
    """

    file: str
    environ: Mapping[str, str]
    registry: Registry
    references: References = field(init=False)
    findings: list[Finding] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)  # by name: billing, billing/ledger, policy.stop
    backstops: dict[str, int] = field(default_factory=dict)  # the line of each surface's `backstop`
    broken: set[str] = field(default_factory=set)  # the sections that were read only in part, such as policy.stop
    freezes: list[str] = field(default_factory=list)  # why restores must wait

    def __post_init__(self) -> None:
        self.references = References(self.environ)

    def place(self, line: int) -> Place:
        """Where that line is."""
        return Place(file=self.file, line=line)

    def say(self, line: int, message: str, hint: str = "", level: Level = "error") -> None:
        """Adds a finding at that line."""
        message, hint = self.references.redact(message), self.references.redact(hint)
        self.findings.append(Finding(where=str(self.place(line)), level=level, message=message, next=hint))

    def report(self, problems: Iterable[Problem]) -> None:
        """Adds an error for each problem."""
        for problem in problems:
            self.say(problem.line, problem.message, problem.next)
