"""The incident's thread in Slack: the Reporter port.

Level-triggered. Every wake compares the posts that should exist with those that were recorded, and makes the next
call; so a restart completes a thread, and an outage of Slack ends in the state as it is then, not in a flood.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from bot.domain import events
from bot.domain.board import Board, Incident
from bot.domain.practice import Practised
from bot.domain.report import Known
from bot.service.ports import Clock
from bot.slack.blocks.listing import file_name, file_text
from bot.slack.blocks.message import Message
from bot.slack.client import Answer, Later, Refused, Sent, SlackApi
from bot.slack.outbox import Outbox
from bot.slack.progress import NO_CHANNEL, PARENT, Progress, ReportSettings
from bot.slack.steps import Scene, Step, asks_in_closing, next_step, parent_message
from bot.slack.story import story

_LOG = logging.getLogger(__name__)
_TICK = 0.05  # seconds between two looks at the same incident
_GIVE_WAY = 0.05  # seconds that a report lets the cuts go first: it is made of as many lines
_SHARE = 40  # looking may take one part in so many of the time: the loop belongs to the cuts
_LONGEST = 60.0  # seconds between two attempts
_FILE_TRIES = 3  # of an upload; what is NOT CUT is said below it, and must not wait for a file for long
_FILE_WAIT = 10.0  # seconds that a file may make the rest of the report wait
_DOUBTFUL = 5.0  # seconds, times the posts of unknown outcome before
_AGAIN = 300.0  # seconds until a channel that refused is asked again
_RECENT = 24 * 3600.0  # seconds; incidents that were closed longer ago are not looked at again after a restart

_CHANNEL_LOST = {
    "not_in_channel",
    "channel_not_found",
    "invalid_channel",
    "is_archived",
    "is_inactive",
    "posting_to_channel_denied",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel",
}
_THREAD_LOST = {"thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"}
_FROZEN = {"edit_window_closed", "cant_update_message"}
_BLOCKS = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text"}


class Thread:
    """Tells every incident in its channel. Nothing that it does is waited for by a stop.

    Args:
        board: the fold of every journal; read only.
        record: records an event; used for `events.Posted` alone.
        known: the facts of the configuration by surface name.
        api: Slack.
        settings: channels and pace; may be replaced while it runs.
        clock: time.
        unrecorded: ids of the holds that are not on disk.
        groups: ids of the user groups to call when something is NOT CUT; replaces `settings.groups`.
        anchor: the heads of the journals in one line, for the parent and the reports.
        practice: how well a stop of these surfaces was practised, for the reports.
    """

    def __init__(  # noqa: PLR0917  # what it tells, then how, in the order of its composition
        self,
        board: Board,
        record: Callable[[events.AnyEvent], Awaitable[bool]],
        known: Callable[[], Mapping[str, Known]],
        api: SlackApi,
        settings: ReportSettings,
        clock: Clock,
        *,
        unrecorded: Callable[[], frozenset[str]] = frozenset,
        groups: Callable[[], Iterable[str]] | None = None,
        anchor: Callable[[], str] = str,
        practice: Callable[[Iterable[str]], Practised] | None = None,
    ) -> None:
        self._board = board
        self._record = record
        self._known = known
        self.settings = settings
        self._clock = clock
        self._unrecorded = unrecorded
        self._groups = groups
        self._anchor = anchor
        self._practice = practice
        self._outbox = Outbox(api, clock, spacing=settings.spacing)
        self._progress: dict[str, Progress] = {}
        self._new = asyncio.Event()
        self._refusing: dict[str, tuple[str, float]] = {}  # channel → why, until when

    def wake(self, incident: str) -> None:
        """Something about this incident changed. Never blocks, never raises."""
        progress = self._progress.setdefault(incident, Progress())
        progress.busy = True
        progress.woken.set()
        self._new.set()

    async def run(self) -> None:
        """Tells incidents until cancelled. One task per incident, so that none waits for another."""
        live = (hold for hold in self._board.hold_events.values() if self._board.holds.is_live(hold.hold))
        held = {hold.incident for hold in live}
        for incident in list(self._board.incidents.values()):
            recent = incident.closed is None or self._clock.now() - incident.closed.at < _RECENT
            if recent or incident.id in held:
                self.wake(incident.id)
        started: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                self._new.clear()
                for incident_id in self._progress.keys() - started:
                    started.add(incident_id)
                    group.create_task(self._tell(incident_id), name=f"thread {incident_id}")
                await self._new.wait()

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109  # the caller's deadline is the meaning of it
        """Waits, up to `timeout` seconds, until all that is due was said. Returns whether it was."""
        end = self._clock.monotonic() + timeout
        while any(progress.busy for progress in self._progress.values()):
            if self._clock.monotonic() >= end:
                return False
            await self._clock.sleep(_TICK)
        return True

    def undeliverable(self) -> Mapping[str, str]:
        """Why nothing gets through at present, by incident; for metrics and the status page."""
        return {incident: progress.trouble for incident, progress in self._progress.items() if progress.trouble}

    async def _tell(self, incident_id: str) -> None:
        progress = self._progress[incident_id]
        while True:
            await self._clock.sleep(_GIVE_WAY)
            progress.woken.clear()
            try:
                wait = await self._look(incident_id, progress)
            except Exception:  # noqa: BLE001  # one message that cannot be built must not silence the rest
                _LOG.exception("The report of incident %s failed; it is tried again", incident_id)
                wait = 1.0
            await self._pause(progress, wait)

    async def _look(self, incident_id: str, progress: Progress) -> float | None:
        """Takes the next step, if one is due. Returns seconds until the next look, None for "when woken"."""
        incident = self._board.incidents.get(incident_id)
        if incident is None or not incident.holds:
            progress.busy = False
            return None
        began = self._clock.monotonic()
        if began < progress.not_before:
            return progress.not_before - began
        channel, moved_from = self._place(incident, progress)
        scene = self._scene(incident, progress, moved_from)
        step = next_step(scene)
        if step is None or step.due > self._clock.monotonic():
            await self._clock.sleep(max(_TICK, _SHARE * (self._clock.monotonic() - began)))
            soon = step is not None and not step.slot.startswith(("late:", "remind:"))
            progress.busy = progress.woken.is_set() or soon
            return None if step is None else step.due - self._clock.monotonic()
        if channel is None:
            return self._stuck(progress)
        answer = await self._take(step, scene, channel)
        return await self._heed(answer, step, scene, channel)

    def _scene(self, incident: Incident, progress: Progress, moved_from: str | None) -> Scene:
        return Scene(
            story=story(self._board, incident, self._known(), self._unrecorded()),
            posts=incident.posts,
            progress=progress,
            settings=self.settings,
            groups=self._called(),
            moved_from=moved_from,
            now=self._clock.monotonic(),
            wall=self._clock.now(),
            practice=self._practice,
        )

    def _called(self) -> tuple[str, ...]:
        """Whom to call. A roster in trouble must not silence the report."""
        if self._groups is None:
            return self.settings.groups
        try:
            return tuple(self._groups())
        except Exception:  # noqa: BLE001  # whatever it is, the rest of the report matters more
            _LOG.exception("The groups to call are not known; the report goes out without them")
            return self.settings.groups

    def _place(self, incident: Incident, progress: Progress) -> tuple[str | None, str | None]:
        """The channel to speak in, and the one that was meant where it is another."""
        posted = incident.posts.get(PARENT)
        if posted is not None and self._refuses(posted.channel):
            progress.lost.add(PARENT)
        if posted is not None and PARENT not in progress.lost:
            channel: str | None = posted.channel
        else:
            wanted = (incident.channel, self.settings.incident_channel, self.settings.fallback_channel)
            channel = next((name for name in wanted if name and not self._refuses(name)), None)
        meant = incident.channel or self.settings.incident_channel
        return channel, meant if channel is not None and channel != meant else None

    def _refuses(self, channel: str) -> bool:
        if channel in self._refusing and self._clock.monotonic() >= self._refusing[channel][1]:
            del self._refusing[channel]
        return channel in self._refusing

    def _stuck(self, progress: Progress) -> float:
        """No channel takes the report: it waits, and the status says why."""
        reasons = ", ".join(f"{channel}: {why}" for channel, (why, _) in self._refusing.items())
        progress.trouble = f"{NO_CHANNEL} ({reasons or 'none is configured'}); invite the bot to one"
        return self._back_off(progress)

    def _back_off(self, progress: Progress, asked: float | None = None) -> float:
        """Seconds until the next attempt: what Slack asked for, or more each time, with jitter."""
        progress.failures += 1
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, keeps no secret
        wait = min(_LONGEST, 0.25 * 2.0 ** min(progress.failures, 10)) * jitter if asked is None else asked
        progress.not_before = self._clock.monotonic() + wait
        return wait

    async def _take(self, step: Step, scene: Scene, channel: str) -> Answer:
        """Makes the call of a step."""
        if step.kind == "upload" and scene.progress.uploads[step.slot] >= _FILE_TRIES:
            return await self._without_file(step.slot, scene)
        if scene.progress.unsure[step.slot] and step.slot != PARENT and step.kind != "update":
            trial = await self._try_again(step, scene)
            if trial is not None:
                return trial
        message = self._anchored(step)
        if step.slot in scene.progress.bare:
            message = Message(text=message.text, blocks=())
        if step.kind == "update":
            posted = scene.posts[step.slot]
            return await self._outbox.update(posted.channel, posted.ts, message)
        thread = None if step.slot == PARENT else scene.posts[PARENT].ts
        if step.kind == "post" or step.chapter is None:
            return await self._outbox.post(channel, message, thread=thread)
        return await self._outbox.upload(
            channel,
            thread=thread or "",
            name=file_name(step.chapter),
            title=f"All {len(step.chapter.everything):,} surfaces",
            text=file_text(step.chapter),
        )

    def _anchored(self, step: Step) -> Message:
        """The message, with the heads of the journals below the parent and the reports, for an audit to come."""
        message = step.make()
        report = step.slot == PARENT or step.slot.startswith(("closing:", "late:"))
        if not report and step.kind != "update":  # the update of a question may be that of a report
            return message
        try:
            # what is NOT CUT closes a report, so that the small print stands below its title
            return replace(message, anchor=self._anchor(), anchor_at=None if step.slot == PARENT else 1)
        except Exception:  # noqa: BLE001  # whatever it is, the report matters more
            _LOG.exception("The heads of the journals are not known; the report goes out without them")
            return message

    async def _without_file(self, slot: str, scene: Scene) -> Answer:
        """Gives the file up, once Slack answers other calls: an outage of all of it is waited for."""
        posted = scene.posts[PARENT]
        alive = await self._outbox.update(posted.channel, posted.ts, parent_message(scene))
        if isinstance(alive, Later):
            scene.progress.uploads[slot] = 0
            return alive
        return Refused("the file was not taken")

    async def _try_again(self, step: Step, scene: Scene) -> Answer | None:
        """A post of unknown outcome is repeated once, and only when Slack answers again: at most one duplicate.

        What answers is an update of the parent, which is harmless however often it is done.
        """
        posted = scene.posts[PARENT]
        alive = await self._outbox.update(posted.channel, posted.ts, parent_message(scene))
        if isinstance(alive, Later):
            return alive
        return Sent("") if scene.progress.unsure[step.slot] > 1 else None

    async def _heed(self, answer: Answer, step: Step, scene: Scene, channel: str) -> float:
        match answer:
            case Sent():
                await self._said(step, scene, channel, answer.ts)
                return 0.0
            case Later():
                return self._later(answer, step, scene.progress)
            case Refused():
                return self._refused(answer.code, step, scene.progress, channel)

    async def _said(self, step: Step, scene: Scene, channel: str, ts: str) -> None:
        progress, now = scene.progress, self._clock.monotonic()
        slots = {step.slot: step.digest or step.make().digest}
        if step.slot.startswith("closing:") and step.chapter is not None and asks_in_closing(step.chapter):
            slots[f"reason:{step.chapter.hold.hold}"] = "asked"
        progress.outage = None if step.told is not None else progress.gap(scene.wall, self.settings.catch_up_after)
        progress.failures, progress.trouble, progress.down_since = 0, "", None
        progress.lost.discard(step.slot)
        if step.slot == PARENT:
            progress.parent_at = now
        if step.slot.startswith("late:"):
            progress.late_at = now
        if step.chapter is not None:
            progress.calls[step.chapter.hold.hold] += step.cost
            progress.updates[step.chapter.hold.hold] += step.kind == "update"
        if step.told is not None:
            progress.said = {**(progress.said or {}), **step.told}
            progress.changed_at = None
        if step.kind == "update":
            channel, ts = scene.posts[step.slot].channel, scene.posts[step.slot].ts
        for slot, digest in slots.items():
            await self._record(
                events.Posted(
                    at=scene.wall, incident=scene.story.now.incident, slot=slot, channel=channel, ts=ts, digest=digest
                )
            )

    def _later(self, answer: Later, step: Step, progress: Progress) -> float:
        progress.trouble = answer.why
        if answer.seconds is None and progress.down_since is None:
            progress.down_since = self._clock.now()
        if answer.unsure and step.kind != "update":
            progress.unsure[step.slot] += 1
        _LOG.warning("Slack did not take %s, which is tried again: %s", step.slot, answer.why)
        if step.kind == "upload":
            progress.uploads[step.slot] += 1
            if answer.seconds is not None and answer.seconds > _FILE_WAIT:
                progress.dropped.add(step.slot)
                return 0.0
        wait = self._back_off(progress, answer.seconds)
        if step.slot == PARENT and answer.unsure and progress.unsure[PARENT] > 1:
            # a thread cannot do without its parent, but each further attempt may be a duplicate
            wait = max(wait, _DOUBTFUL * progress.unsure[PARENT])
            progress.not_before = self._clock.monotonic() + wait
        return wait

    def _refused(self, code: str, step: Step, progress: Progress, channel: str) -> float:
        """Finds another way to say it. Returns seconds until then."""
        progress.trouble = f"Slack refused {step.slot} in {channel}: {code}"
        _LOG.warning("%s", progress.trouble)
        if code in _CHANNEL_LOST:
            self._refusing[channel] = (code, self._clock.monotonic() + _AGAIN)
            return 0.0
        if code in _BLOCKS and step.slot not in progress.bare and step.kind != "upload":
            progress.bare.add(step.slot)
            return 0.0
        if code in _FROZEN and step.kind == "update":
            progress.frozen.add(step.slot)
        elif code == "message_not_found":
            progress.lost.add(step.slot)
        elif code in _THREAD_LOST:
            self._lose_thread(code, progress, channel)
        elif step.kind == "upload":
            progress.dropped.add(step.slot)
        return self._back_off(progress)

    def _lose_thread(self, code: str, progress: Progress, channel: str) -> None:
        """Begins the thread anew; in another channel where that does not help, lest parents follow each other."""
        progress.lost.add(PARENT)
        progress.threads_lost += 1
        if progress.threads_lost > 1:
            self._refusing[channel] = (code, self._clock.monotonic() + _AGAIN)

    async def _pause(self, progress: Progress, wait: float | None) -> None:
        """Waits until `wait` seconds have passed, or (only where nothing is due) until woken."""
        if wait is None:
            await progress.woken.wait()
            return
        if wait <= 0:
            return
        sleeping = asyncio.ensure_future(self._clock.sleep(wait))
        woken = asyncio.ensure_future(progress.woken.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            woken.cancel()
