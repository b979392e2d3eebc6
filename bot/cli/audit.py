"""`agent-kill audit`: verification without bot and database, and what an auditor is given for it."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from bot.cli import common
from bot.core import journal_folders, make_signer
from bot.journal import verify as verifier
from bot.journal.checkpoint import BadKeyError
from bot.journal.erase import erase
from bot.journal.folders import is_ours
from bot.journal.pushed import FOLDER, is_of
from bot.journal.verify import Result, verify
from bot.report.signed import ForgedError, check
from bot.service.checkpoints import FILE

_KEY = "key.txt"
_UNANCHORED = (
    "there are no anchors on this host, for `agent-kill serve` writes them: give the auditor those of the bot's host, "
    "or lines of Slack, as --anchors"
)


@click.group("audit")
def command() -> None:
    """Whether the journals are those that were written."""


@command.command("verify")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--key", required=True, type=click.Path(path_type=Path), metavar="FILE", help="the trusted verifier key")
@click.option(
    "--anchors", type=click.Path(path_type=Path), metavar="FILE", help="signed notes, lines pasted from Slack"
)
@common.json_option
def verify_command(paths: tuple[Path, ...], key: Path, anchors: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Verifies journals, folders of them or single files; needs neither bot nor database.

    Exit 0: intact; 1: tampered, the first bad entry of each chain is named; 2: unreadable. Without --anchors nobody can
    see that a whole chain was computed anew, or that its end is missing.
    """
    try:
        texts = [path.read_text("utf-8", "replace") if path else None for path in (key, anchors)]
        result = verify(paths, texts[0] or "", texts[1])
    except OSError as error:
        result = Result(unreadable=[f"{error.filename}: {error.strerror}"])
    if as_json:
        common.print_json(_json(result))
    else:
        for sentence in _sentences(result):
            click.echo(sentence)
    sys.exit(result.code)


@command.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@common.config_option
def export_command(folder: Path, config: Path | None) -> None:
    """Copies what an auditor needs into FOLDER: journals, anchors, the verifier key and the verifier itself.

    The key is worth more when it comes another way than the journals. The database holds copies of the same entries
    and is not exported.
    """
    env = common.environment(config)
    if not env.state_dir.is_dir():
        common.fail(f"there is no state directory {env.state_dir}: set AGENT_KILL_STATE_DIR to the bot's")
    try:
        signer = make_signer(env.state_dir, env.writer, common.secret(env.signing_key))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            common.fail(f"{folder} is not empty: an older export beside this one would be taken for tampering")
        # anchors first: what is anchored while the journals are copied must not be missed in them
        anchors = env.state_dir / FILE
        noted = anchors.read_bytes() if anchors.exists() else b""
        if noted:
            (folder / FILE).write_bytes(noted)
        _copy((*journal_folders(env.state_dir), env.state_dir / FOLDER), folder, env.writer)
        (folder / _KEY).write_text(signer.verifier_key + "\n")
        shutil.copyfile(verifier.__file__, folder / "verify.py")
    except BadKeyError as error:
        common.fail(str(error))
    except OSError as error:
        common.fail(f"the export to {folder} failed: {error}", code=1)
    if not noted:
        click.echo(_UNANCHORED, err=True)
    against = f" --anchors {folder / FILE}" if noted else ""
    click.echo(f"agent-kill audit verify {folder} --key {folder / _KEY}{against}")


@command.command("statement")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", required=True, type=click.Path(path_type=Path), metavar="FILE", help="the trusted verifier key")
def statement_command(file: Path, key: Path) -> None:
    """Whether FILE, of `agent-kill report --attest` as JSON or as a page, is what the bot's key signed.

    Exit 0: not a byte was changed; 1: it was, or another key signed it; 2: unreadable.
    """
    try:
        found = check(file.read_bytes(), key.read_text("utf-8", "replace"))
    except ForgedError as error:
        common.fail(f"{file}: NOT GENUINE: {error}", code=1)
    except OSError as error:
        common.fail(f"{error.filename}: {error.strerror}")
    except ValueError as error:
        common.fail(f"the key in {key} cannot be read: {error}")
    click.echo(f"GENUINE: signed by {found.by} at {found.made}, over {found.period}")
    click.echo(f"the journals that it was made from were {found.verdict} then")


@command.command("erase")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="JOURNAL...")
@click.option("--containing", required=True, metavar="TEXT", help="a user id, a name: every text with it is taken out")
def erase_command(paths: tuple[Path, ...], containing: str) -> None:
    """Takes names and free texts out of JOURNALs for good; they verify as before.

    Stop the bot first: a journal that is being written is refused. Copies elsewhere (the database, exports, the bot
    that a journal was pushed to, Slack) are not touched.
    """
    if not containing.strip():
        common.fail("--containing is empty: every text would be taken out")
    for path in paths:
        try:
            click.echo(f"{path}: {erase(path, containing)} texts taken out")
        except OSError as error:
            common.fail(f"{path}: nothing was taken out: {error.strerror or error}", code=1)


def _copy(sources: Sequence[Path], folder: Path, own: str) -> None:
    """Copies the journals; this writer's own first, for they say how far the others were when they were written."""
    files = [
        (not is_of(own, path.stem), path, folder / f"journal-{number}")
        for number, source in enumerate(sources)
        if is_ours(source)
        for path in source.glob("*.jsonl")
    ]
    for _, path, target in sorted(files):
        target.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(path, target / path.name)


def _json(result: Result) -> dict[str, object]:
    return {
        "verdict": ("intact", "tampered", "unreadable")[result.code],
        "bad": [{"chain": chain, "seq": seq, "what": what} for chain, seq, what in result.bad],
        "unreadable": result.unreadable,
        "entries": result.entries,
        "anchors": result.anchors,
        "torn_bytes": result.torn,
        "erased_texts": result.erased,
        "not_given": sorted(result.not_given),
    }


def _sentences(result: Result) -> Iterator[str]:
    yield from (f"TAMPERED: {chain}: entry {seq} {what}" for chain, seq, what in result.bad)
    yield from (f"UNREADABLE: {what}" for what in result.unreadable)
    yield from (f"note: {chain} ends in {size} bytes of an unfinished line" for chain, size in result.torn.items())
    yield from (f"note: others saw the journal {chain}, which was not given" for chain in sorted(result.not_given))
    if not result.anchors:
        yield "note: without anchors nobody can see that a whole chain was computed anew, or that its end is missing"
    counted = f"{sum(result.entries.values())} entries of {len(result.entries)} chains"
    verdict = ("INTACT", "TAMPERED", "UNREADABLE")[result.code]
    yield f"{verdict}: {counted}, {result.anchors} anchored heads, {result.erased} erased texts"
