"""Reads a configuration file. Never raises for what is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from adapters.registry import Registry, default
from bot.domain.model import Configuration, Place
from bot.settings.build import build
from bot.settings.findings import Finding
from bot.settings.regular import open_regular
from bot.settings.source import Source
from bot.settings.yaml_file import MAX_BYTES, YamlError, decode, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a file gave. `configuration` is None where the file could not be read at all.

    Args:
        configuration: what can be served of the file.
        findings: everything that is wrong with it, by line.
        text: the file as it was read, references unresolved.
        file: its name as findings show it.
        places: where agents, surfaces, drills and the parts of the policy stand, by name.
        broken: the sections that were read only in part, such as `policy.stop`.
    """

    configuration: Configuration | None
    findings: tuple[Finding, ...] = ()
    text: str = ""
    file: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return tuple(finding for finding in self.findings if finding.level == "error")


def load(path: Path, environ: Mapping[str, str], registry: Registry | None = None) -> Loaded:
    """Reads the file at `path`; an unreadable one gives no configuration and an error that says why."""
    try:
        with open_regular(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        hint = "give its path with --config or AGENT_KILL_CONFIG, and let the bot's user read it"
        return _unreadable(str(path), 1, f"the configuration file cannot be read: {why}", hint)
    return load_bytes(raw, file=str(path), environ=environ, registry=registry)


def load_bytes(raw: bytes, *, file: str, environ: Mapping[str, str], registry: Registry | None = None) -> Loaded:
    """As `load`, from bytes; `file` is the name that findings show."""
    source = Source(file=file, environ=environ, registry=registry or default())
    try:
        text, marked = decode(raw)
        if marked:
            source.say(1, "the file begins with a byte order mark", "save it as UTF-8 without a byte order mark")
        configuration = build(source, parse(text))
    except YamlError as error:
        return _unreadable(file, error.line, error.message, error.hint, raw)
    for exposed in dict.fromkeys(source.references.exposed):
        source.say(1, f"every user of this host can read the secret file {exposed}", f"chmod o-r {exposed}", "note")
    digest = sha256(text.encode()).hexdigest()
    return Loaded(
        configuration=replace(configuration, digest=digest) if configuration else None,
        findings=tuple(sorted(source.findings, key=_by_line)),
        text=text,
        file=file,
        places=source.places,
        broken=frozenset(source.broken),
    )


def load_text(text: str, *, file: str, environ: Mapping[str, str], registry: Registry | None = None) -> Loaded:
    """As `load`, from a text; `file` is the name that findings show."""
    return load_bytes(text.encode(errors="surrogateescape"), file=file, environ=environ, registry=registry)


def _unreadable(file: str, line: int, message: str, hint: str, raw: bytes = b"") -> Loaded:
    finding = Finding(where=f"{file}:{line}", level="error", message=message, next=hint)
    text = raw[:MAX_BYTES].decode(errors="replace")
    return Loaded(configuration=None, findings=(finding,), text=text, file=file)


def _by_line(finding: Finding) -> int:
    _, _, line = finding.where.rpartition(":")
    return int(line) if line.isdigit() else 0
