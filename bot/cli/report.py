"""`agent-kill report`: the evidence of an incident, and a signed statement over a period, from the journals alone."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli import common
from bot.core import SIGNING_KEY, journal_folders, make_signer
from bot.domain.coverage import coverage
from bot.domain.fate import Network, shared_fate
from bot.domain.model import Configuration
from bot.domain.policy import Roster
from bot.domain.words import seen, shorten
from bot.journal.checkpoint import BadKeyError, Signer
from bot.report import text
from bot.report.attestation import Outside, statement
from bot.report.document import document, person
from bot.report.incident import incident_report
from bot.report.moments import who
from bot.report.names import NOBODY, Names, known
from bot.report.page import incident_page, statement_page
from bot.report.period import PeriodError, period
from bot.report.record import Record, read_record
from bot.report.scope import UnknownIncidentError, find, newest_first
from bot.report.signed import signed_json, signed_page
from bot.report.times import iso, stamp
from bot.service.independence import disk_fates
from bot.settings import last_good, load
from bot.settings.check import declared
from bot.settings.environment import Environment
from bot.settings.own_logins import own_logins
from bot.slack.names import handles, read_names

_WIDTH = 120  # of a report that goes into a file or a pipe
_ROSTER = Path("cache") / "roster.json"
_REASON = 60  # characters of a reason in the list


@click.command("report")
@click.argument("incident", required=False)
@click.option(
    "--attest", metavar="PERIOD", help="a signed statement over 90d, 2026-Q3, 2026-07 or 2026-01-01..2026-03-31"
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="write one page to FILE")
@common.config_option
@common.json_option
def command(incident: str | None, attest: str | None, html: Path | None, config: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Tells an incident from the journals: works with Slack, the database and the bot down.

    With --attest it is the statement over a period instead, what is not proven first, signed with the bot's key:
    `agent-kill audit statement FILE --key key.txt` checks it.

    INCIDENT is the id that a stop printed, or the beginning of one; without it the incidents are listed. Exit 0; 1: the
    journals are not what was written, which the report says first; 2: no such incident, or nothing to read.
    """
    common.quiet_logging()
    if attest is not None and incident is not None:
        common.fail("give an incident or --attest PERIOD, not both")
    env = common.salvaged(config)
    record = _record(env)
    if attest is not None:
        _attest(record, env, attest, html, as_json=as_json)
    elif incident is not None:
        _tell(record, incident, _names(env), html, as_json=as_json)
    elif html is not None:
        common.fail("--html writes one incident: name it, as in `agent-kill report INCIDENT --html FILE`")
    else:
        _list(record, _names(env), as_json=as_json)
    sys.exit(0 if record.chains.intact else 1)


def _names(env: Environment, groups: Mapping[str, str] = NOBODY.shown) -> Names:
    """What people are called, by the roster's file, and groups; a report goes on without it."""
    return known({**read_names(env.state_dir / _ROSTER), **groups})


def _tell(record: Record, words: str, names: Names, html: Path | None, *, as_json: bool) -> None:
    try:
        made = incident_report(record, find(record.board, words).id)
    except UnknownIncidentError as error:
        common.fail(str(error))
    if html is not None:
        _write(html, incident_page(made, names))
    if as_json:
        common.print_json(document(made, names))
    elif html is None:
        text.show(made, _console(), names)
    else:
        click.echo(f"{html}: {made.id}, journals {made.chains.verdict}")


def _attest(record: Record, env: Environment, words: str, html: Path | None, *, as_json: bool) -> None:
    """The statement, signed: on standard output, in a page, or both."""
    from bot.slack.roster import read_roster  # noqa: PLC0415  # an incident's report waits for no library of Slack's

    try:
        signer = make_signer(env.state_dir, env.writer, common.secret(env.signing_key))
        outside = _outside(record.configuration, env, read_roster(env.state_dir / _ROSTER))
        made = statement(record, period(words, record.at), outside, maker=signer.name)
    except (BadKeyError, PeriodError) as error:
        common.fail(str(error))
    except OSError as error:
        common.fail(f"the signing key in {env.state_dir} cannot be used: {error.strerror or error}")
    if html is not None:
        _write(html, signed_page(made, statement_page(made), signer))
    if as_json:
        click.echo(signed_json(made, signer), nl=False)
    elif html is None:
        text.show_statement(made, _console())
    else:
        click.echo(f"{html}: {made['period']['asked']}, journals {made['verdict']}")


def _outside(configuration: Configuration | None, env: Environment, roster: Roster) -> Outside:
    """What the journals do not have. Contacts nothing: hosts are compared by their names."""
    callers, names = tuple(sorted(env.stop_secrets)), _names(env, handles(roster.groups))
    if configuration is None:
        return Outside(roster=roster, callers=callers, names=names)
    return Outside(
        roster=roster,
        callers=callers,
        coverage=coverage(configuration, declared(configuration)),
        fates=(
            *shared_fate(configuration, own_logins(env, os.environ), Network()),
            *disk_fates(journal_folders(env.state_dir)),
        ),
        names=names,
    )


def _record(env: Environment) -> Record:
    if not env.state_dir.is_dir():
        common.fail(f"there is no state directory {env.state_dir}: set AGENT_KILL_STATE_DIR to the bot's")
    return read_record(
        journal_folders(env.state_dir),
        env.state_dir,
        signer=_signer(env),
        configuration=_configuration(env),
        now=time.time(),
    )


def _signer(env: Environment) -> Signer | None:
    """Whose anchors are trusted. Makes no key: without one there is no anchor either."""
    key = common.secret(env.signing_key)
    if key is None and not (env.state_dir / SIGNING_KEY).exists():
        return None
    try:
        return make_signer(env.state_dir, env.writer, key)
    except (BadKeyError, OSError) as error:
        click.echo(f"agent-kill: the anchors are not compared: {error}", err=True)
        return None


def _configuration(env: Environment) -> Configuration | None:
    """What surfaces are, where that can be read: a report needs it for nothing but their classes."""
    found = load(env.config, os.environ).configuration
    if found is None:
        last = last_good.load_last(env.state_dir, os.environ)
        found = last.configuration if last else None
    return found


def _list(record: Record, names: Names, *, as_json: bool) -> None:
    incidents = newest_first(record.board)
    if as_json:
        common.print_json(
            [
                {
                    "incident": incident.id,
                    "opened_at": iso(incident.opened_at),
                    "open": incident.closed is None,
                    "drill": incident.drill,
                    "mode": str(max(hold.mode for hold in incident.holds)),
                    "scope": incident.holds[0].scope,
                    "by": person(incident.holds[0].by),
                    "reason": incident.holds[0].reason,
                }
                for incident in incidents
            ]
        )
        return
    console = _console()
    for line in text.wrong(record.chains):
        console.print(line)
    if not incidents:
        console.print("No incident is recorded here.")
        return
    table = Table(title="Incidents, newest first", title_justify="left")
    for head in ("incident", "opened", "state", "asked", "by", "reason"):
        table.add_column(head, no_wrap=head in {"incident", "opened"}, overflow="fold")
    for incident in incidents:
        first = min(incident.holds, key=lambda hold: hold.at)
        state = ("closed" if incident.closed else "open") + (", drill" if incident.drill else "")
        asked = f"{max(hold.mode for hold in incident.holds)} on {first.scope}"
        by, reason = names.put(who(first.by)), shorten(first.reason, _REASON)
        cells = (incident.id, stamp(incident.opened_at), state, asked, by, reason)
        table.add_row(*(Text(seen(cell)) for cell in cells))
    console.print(table)


def _console() -> Console:
    """As wide as the terminal; elsewhere wide enough."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH
    return Console(highlight=False, width=wide)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        common.fail(f"{path} was not written: {error.strerror or error}")
