"""`agent-kill journal`: hands this host's journal to the running bot, so that its restores see the holds made here."""

import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from bot.cli import common
from bot.core import journal_folders
from bot.journal.chain import BrokenLineError, Link, decode, genesis
from bot.journal.folders import is_ours
from bot.journal.pushed import is_of
from bot.settings.environment import Environment
from bot.web.signed import CALLER, SIGNATURE, sign

NOT_TAKEN = 1
_BATCH = 200_000  # characters of one call; an entry that is longer goes alone
_TIMEOUT = 15.0
_ATTEMPTS = 4  # of one chain, where the bot asks for another place to begin
_CONFLICT = 409


class NotTakenError(Exception):
    """The bot did not take it; `wanted` is the entry that it asked for instead."""

    def __init__(self, message: str, wanted: int | None = None) -> None:
        super().__init__(message)
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of this host, whole."""

    name: str
    head: Link
    lines: tuple[str, ...]


@click.group("journal")
def command() -> None:
    """This host's journal of stops."""


@command.command("push")
@click.option("--to", "url", metavar="URL", help="the bot's public address [default: the one on this host]")
@click.option(
    "--caller", metavar="NAME", help="whose secret signs; must be this writer's name [default: $AGENT_KILL_WRITER]"
)
@click.option("--head", "head_only", is_flag=True, help="say only how far this journal is; hand no entries over")
@common.config_option
@common.json_option
def push_command(url: str | None, caller: str | None, head_only: bool, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Hands this host's journal to the running bot, which carries on with its holds at once.

    The secret of the caller comes from AGENT_KILL_STOP_SECRETS. May be repeated: only what is new travels. Exit 0: the
    bot has all of it; 1: it does not; 2: usage.
    """
    env = common.environment(config)
    pusher = _Pusher(env, url or f"http://{env.host}:{env.port}", caller or env.writer)
    done = [_result(pusher, chain, head_only=head_only) for chain in _chains(env)]
    if as_json:
        common.print_json({"chains": done})
    else:
        for item in done:
            click.echo(_sentence(item), err=bool(item["error"]))
    sys.exit(0 if all(item["complete"] for item in done) else NOT_TAKEN)


def _result(pusher: "_Pusher", chain: Chain, *, head_only: bool) -> dict[str, object]:
    seq, error = 0, None
    try:
        seq = pusher.head(chain) if head_only else pusher.push(chain)
    except NotTakenError as refused:
        error = str(refused)
    complete = error is None and seq >= chain.head.seq
    return {"chain": chain.name, "entries": chain.head.seq, "taken": seq, "complete": complete, "error": error}


def _sentence(item: dict[str, object]) -> str:
    name, entries, taken = item["chain"], item["entries"], item["taken"]
    if item["error"]:
        return f"{name}: NOT taken: {item['error']}. Restores cannot see the holds made here"
    if item["complete"]:
        return f"{name}: the bot has all {entries} entries; restores see every hold made here"
    return f"{name}: the bot has {taken} of {entries} entries and knows that the rest is missing; push without --head"


class _Pusher:
    """Speaks to one bot as one caller."""

    def __init__(self, env: Environment, url: str, caller: str) -> None:
        found = env.stop_secrets.get(caller)
        if found is None:
            common.fail(
                f"no secret of the caller {caller}: put {caller}:SECRET into AGENT_KILL_STOP_SECRETS, here and there"
            )
        if urlsplit(url).scheme not in {"http", "https"}:
            common.fail(f"--to {url}: is not the address of a bot; write it as https://bot.example")
        self._secret, self._caller = found.get_secret_value(), caller
        self._url = url.rstrip("/") + "/v1/journal"

    def head(self, chain: Chain) -> int:
        """Says how far the chain is; returns how far the bot's copy is."""
        return self._call(chain, ())

    def push(self, chain: Chain) -> int:
        """Hands over what the bot does not have, from where it asks for it."""
        begin = self.head(chain) + 1
        for _ in range(_ATTEMPTS):
            try:
                taken = begin - 1
                for batch in _batches(chain.lines[begin - 1 :]):
                    taken = self._call(chain, batch)
            except NotTakenError as refused:
                if refused.wanted is None:
                    raise
                begin = refused.wanted
            else:
                return taken
        raise NotTakenError("the bot asks again and again for another entry to begin with: look into its log")

    def _call(self, chain: Chain, lines: Sequence[str]) -> int:
        document = {
            "chain": chain.name,
            "head": {"seq": chain.head.seq, "digest": chain.head.digest},
            "lines": lines,
            "nonce": secrets.token_hex(8),
        }
        body = json.dumps(document, separators=(",", ":")).encode()
        request = urllib.request.Request(self._url, data=body, headers=self._headers(body), method="POST")  # noqa: S310  # the scheme was checked
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310  # as above
                return int(json.load(answer)["seq"])
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotTakenError(f"no answer of a bot at {self._url}: {getattr(error, 'reason', error)}") from error

    def _headers(self, body: bytes) -> dict[str, str]:
        signature = sign(self._secret, body, time.time())
        return {CALLER: self._caller, SIGNATURE: signature, "Content-Type": "application/json"}


def _refusal(error: urllib.error.HTTPError) -> NotTakenError:
    try:
        said = json.load(error)
        return NotTakenError(str(said["error"]), said.get("next") if error.code == _CONFLICT else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return NotTakenError(f"the answer was {error.code}, and not a bot's")


def _chains(env: Environment) -> list[Chain]:
    """Every chain of this writer here; one without entries stands for a writer that has nothing to tell."""
    if not env.state_dir.is_dir():
        return [Chain(env.writer, genesis(env.writer), ())]
    files = [
        path
        for folder in journal_folders(env.state_dir)
        if is_ours(folder)
        for path in sorted(folder.glob("*.jsonl"))
        if is_of(env.writer, path.stem)
    ]
    return [_read(path) for path in files] or [Chain(env.writer, genesis(env.writer), ())]


def _read(path: Path) -> Chain:
    data = path.read_bytes()
    head, lines = genesis(path.stem), list[str]()
    for raw in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            head = decode(raw.decode(), head)[1]
        except (BrokenLineError, UnicodeDecodeError) as error:
            common.fail(
                f"{path}: {error}; it is not pushed: run `agent-kill audit verify {path.parent}`", code=NOT_TAKEN
            )
        lines.append(raw.decode())
    return Chain(path.stem, head, tuple(lines))


def _batches(lines: Sequence[str]) -> Iterator[list[str]]:
    batch, size = list[str](), 0
    for line in lines:
        if batch and size + len(line) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch
