"""What whoever typed a command is told, visible only to them: pure functions from what happened to a message."""

import re
from collections.abc import Sequence

from bot.domain import events
from bot.domain.armed import Armed
from bot.domain.commands import AskBack
from bot.domain.model import Configuration
from bot.domain.plan import Plan, PlanLine
from bot.service.ports import Receipt, StopOrder
from bot.slack import status_table, wording
from bot.slack.blocks.message import Block, Message, button, context, listing, message, quoted, section
from bot.slack.limits import BUTTON_TEXT, BUTTON_VALUE, NAME, escape, shorten

CHOOSE = "agent_kill:choose"
PICK = "agent_kill:pick"
GIVE_REASON = "agent_kill:give_reason"
_CODE = re.compile(r"`([^`]+)`")
_ROOM = 2500  # characters for each list of surfaces
_OLD_ROSTER = 300.0  # seconds; a younger one is not worth a word
_NAMED = 30  # agents that the usage names

USAGE = """*Stop agents, on every surface where they hold authority*
`/agent-kill MODE [TARGET…] [reason]`   cuts now
`/agent-kill plan MODE [TARGET…]`   shows what would be cut, and touches nothing
`/agent-kill close`   closes this channel's incident
`/agent-kill undo [HOLD] reason`   says that your own stop was a mistake
`/agent-restore`   asks for a vote on giving authority back
`/agent-status [AGENT]`   what is held, and how well it is proven
MODE: `full_stop`, `read_only`, `draft_only`, `approval_gated`
TARGET: an agent, `agent/surface`, `class:queue`, `all`; without one, the agents of this channel"""

Payload = dict[str, object]


def ephemeral(said: Message) -> Payload:
    """The message as the payload of an acknowledgement or of a `response_url`."""
    return {"response_type": "ephemeral", **said.payload()}


def receipt(done: Receipt, order: StopOrder) -> Message:
    """What is acknowledged while the cuts are under way."""
    plan, left = done.plan, done.plan.left()
    scope = escape(str(order.scope), NAME)
    recorded = "RECORDED" if done.recorded else "NOT RECORDED"
    headline = f"{order.mode} on {scope}: {wording.plural(len(plan.lines) - len(left), 'surface')} being cut now"
    blocks: list[Block | None] = [
        section(f":octagonal_sign: *{headline}*. *{recorded}*{_record_words(done)}"),
        section(f"Incident `{done.incident}`, hold `{done.hold}`. What is proven follows in the incident's thread."),
        section("This delivery had already been carried out: nothing was added.") if done.repeated else None,
        *_not_cut(left),
        *_rounded(plan),
        *_beside(plan),
        _roster(order.roster_age),
        *([] if order.reason else _ask_reason(done.hold)),
    ]
    not_cut = f" NOT CUT: {wording.plural(len(left), 'surface')}." if left else ""
    return message(f"{headline}. {recorded}, incident {done.incident}, hold {done.hold}.{not_cut}", blocks)


def _record_words(done: Receipt) -> str:
    if done.recorded:
        return " in the journal: it is carried out across any restart."
    return (
        ": the disk did not confirm in time. The cuts run all the same; if the bot ends before they do,"
        " stop again, or use `agent-kill stop` on its host."
    )


def unposted(why: str, table: Message) -> Message:
    """The outcome of a stop whose report no channel takes."""
    said = f"Your stop, for your eyes only, since {escape(why)}"
    return Message(text=f"{said}. {table.text}", blocks=(section(f":warning: {said}."), *table.blocks))


def late() -> Message:
    """The stop has not answered in time, which says nothing about the cuts."""
    said = "Your stop was taken and is being carried out. It is NOT RECORDED as far as is known; the receipt follows."
    return message(said, [section(f":octagonal_sign: *{said}*")])


def preview(plan: Plan, lost: Sequence[Armed] = ()) -> Message:
    """The blast radius of a stop that was not made. `lost` is what is not armed now, of these and of the switch."""
    cut, left = [line for line in plan.lines if line.held is not None], plan.left()
    title = f"Plan of {plan.mode} on {escape(str(plan.scope), NAME)}: {wording.plural(len(cut), 'surface')} to be cut"
    title += f", {len(left):,} that cannot be" if left else ""
    title += f", {len(lost):,} NOT ARMED" if lost else ""
    rows = [f"• {wording.name(line.surface)}: {_held(line)}{_aside(line)}" for line in cut]
    blocks: list[Block | None] = [
        section(f"*{title}*. Nothing was touched."),
        *_not_cut(left),
        *_unarmed(lost),
        *listing(rows, room=_ROOM * 2, more="each cut by the same command"),
        *_beside(plan),
        context(f"To do it: `/agent-kill {plan.mode} {escape(str(plan.scope), NAME)}`"),
    ]
    return message(f"{title}. Nothing was touched.", blocks)


def _unarmed(lost: Sequence[Armed]) -> list[Block]:
    if not lost:
        return []
    said = "*NOT ARMED now*: a stop is tried all the same, and would not work here as long as that is so"
    return [section(said), *listing(status_table.unarmed(lost), room=_ROOM, more="see `/agent-status`")]


def _held(line: PlanLine) -> str:
    return str(line.asked) if line.held is line.asked else f"{line.asked}, held as {line.held}"


def _aside(line: PlanLine) -> str:
    parts = [escape(line.why)] if line.why else []
    parts += [f"backstop {wording.name(line.backstop)}"] if line.backstop else []
    return f" ({'; '.join(parts)})" if parts else ""


def _not_cut(left: Sequence[PlanLine]) -> list[Block]:
    if not left:
        return []
    rows = [f"• {wording.name(line.surface)}: {escape(line.why)}" for line in left]
    return [section("*NOT CUT*, known already:"), *listing(rows, room=_ROOM, more="see `/agent-status`")]


def _rounded(plan: Plan) -> list[Block]:
    if not plan.rounded:
        return []
    rows = [f"• {wording.name(line.surface)}: {_held(line)}{_aside(line)}" for line in plan.rounded]
    return [section("*Held stricter than asked*:"), *listing(rows, room=_ROOM, more="see `/agent-status`")]


def _beside(plan: Plan) -> list[Block]:
    """Surfaces that were not named and lose their authority too."""
    if not plan.beside:
        return []
    rows = [f"• {wording.name(name)}" for name in plan.beside]
    return [section("*Cut too*, since they share a target:"), *listing(rows, room=_ROOM, more="see `/agent-status`")]


def _roster(age: float | None) -> Block | None:
    if age is None or age < _OLD_ROSTER:
        return None
    return context(
        f"You were authorised by the roster of {int(age // 60):,} minutes ago: Slack did not tell a newer one."
    )


def _ask_reason(hold: str) -> list[Block]:
    return [section("No reason was given."), button("Give the reason", action=GIVE_REASON, value=hold)]


def refusal(sentence: str) -> Message:
    """A no, and what to do instead. The sentence is the product's own, with foreign words escaped by its maker."""
    return message(sentence, [section(sentence)])


def usage(said: str, configuration: Configuration) -> Message:
    """How to type it, and the way to the modal."""
    names = ", ".join(f"`{escape(agent.id, NAME)}`" for agent in configuration.agents[:_NAMED])
    more = len(configuration.agents) - _NAMED
    agents = f"Agents: {names}{f' and {more:,} more' if more > 0 else ''}" if names else "No agent is configured."
    return message(
        said or "How to stop agents: /agent-kill MODE [TARGET…] [reason].",
        [
            section(said) if said else None,
            section(USAGE),
            context(agents),
            button("Pick from a list", action=PICK, value="pick"),
        ],
    )


def ask_back(question: AskBack, *, action: str = CHOOSE) -> Message:
    """Nothing was stopped (or changed): which of these was meant? `action` is the command's own."""
    buttons = [
        {
            "type": "button",
            "action_id": f"{action}:{index}",
            "value": shorten(choice.line, BUTTON_VALUE),
            "text": {"type": "plain_text", "text": shorten(choice.label, BUTTON_TEXT), "emoji": False},
        }
        for index, choice in enumerate(question.choices)
    ]
    row: Block | None = {"type": "actions", "elements": buttons} if buttons else None
    # the sentence holds words as they were typed, so it is shown as plain text, which knows no code marks
    said = _CODE.sub(r"“\1”", question.sentence)
    return message(said, [quoted(said), row])


def closed(incident: str, owned: Sequence[events.Owned]) -> Message:
    """The incident is closed; what stays held, and who owns it."""
    said = f"Incident {incident} is closed." + (
        f" {wording.plural(len(owned), 'surface')} stay held until restored." if owned else " Nothing is held."
    )
    rows = [f"• {wording.name(item.surface)}: {wording.user(item.owner)}" for item in owned]
    return message(said, [section(said), *listing(rows, room=_ROOM, more="see `/agent-status`")])


def not_closed(orphans: Sequence[str]) -> Message:
    """Why it stays open."""
    if not orphans:
        return refusal("No incident is open in this channel, so there is nothing to close.")
    said = f"The incident stays open: {wording.plural(len(orphans), 'surface')} held, with nobody who owns them."
    rows = [f"• {wording.name(name)}" for name in orphans]
    step = "Name an `owner` for their agents in the configuration file, or restore them first."
    return message(
        f"{said} {step}", [section(said), *listing(rows, room=_ROOM, more="see `/agent-status`"), section(step)]
    )


def broken(what: str) -> Message:
    """Something failed inside; silence would be worse."""
    said = (
        f"{what} failed inside the bot, and the failure is in its log. Whether anything was cut is unknown:"
        " look at `/agent-status`, type it again, or use the command line: `agent-kill stop MODE --agent ID …`."
    )
    return message(said, [section(f":warning: {said}")])
