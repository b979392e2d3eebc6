"""Does what is held stay served when the file breaks, loses it, or points it elsewhere?"""

import os
import stat
from pathlib import Path

import pytest

from bot.settings import last_good
from bot.settings.loaded import Loaded
from tests.unit.settings.fakes import ENVIRON, FAKES, GOOD, good_but, loaded

LEDGER = frozenset({"billing/ledger"})
LAST = loaded(GOOD)
NO_AGENTS = GOOD[: GOOD.index("agents:")] + "agents: {}\n"


def served(found: Loaded, last: Loaded | None = LAST, held: frozenset[str] = LEDGER) -> tuple[set[str], list[str]]:
    """The names of what is served, and the errors."""
    configuration, findings = last_good.fallback(found, last, held)
    return {surface.name for surface in configuration.surfaces()}, [finding.message for finding in findings]


def test_a_copy_is_saved_for_its_owner_alone(tmp_path: Path) -> None:
    """The copy is the text as written, mode 0600 in a folder of mode 0700, and leaves nothing else behind."""
    folder = tmp_path / "state" / "agent-kill"
    last_good.save(folder, "one")
    last_good.save(folder, GOOD)
    assert last_good.read(folder) == GOOD
    assert [path.name for path in folder.iterdir()] == ["last-good.yaml"]
    assert stat.S_IMODE((folder / "last-good.yaml").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_failed_save_keeps_the_old_copy(tmp_path: Path) -> None:
    """A text that cannot be written leaves the old copy whole and no half one beside it."""
    last_good.save(tmp_path, GOOD)
    with pytest.raises(UnicodeEncodeError):
        last_good.save(tmp_path, "\udcff")
    assert last_good.read(tmp_path) == GOOD
    assert len(list(tmp_path.iterdir())) == 1


def test_the_copy_is_on_disk_when_save_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it takes the old one's place, and its folder after: a power cut loses neither."""
    synced: list[bool] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        synced.append((tmp_path / last_good.FILE).exists())
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    last_good.save(tmp_path, GOOD)
    assert synced == [False, True]


def test_no_copy_is_no_error(tmp_path: Path) -> None:
    """A missing or damaged copy reads as none."""
    assert last_good.read(tmp_path) is None
    assert last_good.load_last(tmp_path, ENVIRON, FAKES) is None
    (tmp_path / last_good.FILE).write_bytes(b"\xff")
    assert last_good.read(tmp_path) is None


def test_the_copy_is_loaded_with_the_environment_of_now(tmp_path: Path) -> None:
    """References of the copy lead to today's secrets."""
    last_good.save(tmp_path, GOOD)
    last = last_good.load_last(tmp_path, ENVIRON, FAKES)
    assert last is not None
    assert last.findings == ()


def test_a_good_file_is_served_as_it_is() -> None:
    """Without faults the file alone counts, and it may become the copy."""
    configuration, findings = last_good.fallback(LAST, LAST, LEDGER)
    assert (configuration, findings) == (LAST.configuration, ())
    assert last_good.may_save(LAST, findings)


def test_an_unreadable_file_is_served_from_the_copy() -> None:
    """A file that is no YAML leaves everything armed as it was, loudly."""
    broken = loaded("agents: [")
    names, errors = served(broken)
    assert names == {"billing/ledger", "billing/identity", "support/inbox"}
    assert "THE LAST GOOD COPY IS SERVED" in errors[0]
    assert not last_good.may_save(broken)


def test_an_unreadable_file_without_a_copy_serves_nothing_and_says_so() -> None:
    """What is held stays in the report all the same."""
    configuration, findings = last_good.fallback(loaded(""), None, LEDGER)
    assert configuration.surfaces() == ()
    assert "NOTHING CAN BE STOPPED" in findings[0].message
    assert [lost.name for lost in configuration.agents[0].quarantined] == ["billing/ledger"]


def test_a_held_surface_that_broke_is_served_from_the_copy() -> None:
    """The held surface keeps its keeper; the fault and the line are said."""
    found = loaded(good_but("deadline: 5s", "deadline: soon"))
    names, errors = served(found)
    assert "billing/ledger" in names
    assert "wrong while it is held" in errors[0]
    configuration, _ = last_good.fallback(found, LAST, LEDGER)
    assert configuration.agents[0].quarantined == ()


def test_a_broken_surface_that_is_not_held_stays_quarantined() -> None:
    """Only what is held is served from the copy: the rest waits to be mended, under NOT CUT."""
    names, errors = served(loaded(good_but("deadline: 5s", "deadline: soon")), held=frozenset())
    assert "billing/ledger" not in names
    assert errors == []


def test_a_held_surface_cannot_be_removed() -> None:
    """Removing a held surface, or its whole agent, is refused until its holds are lifted."""
    start, end = GOOD.index("      ledger:"), GOOD.index("      identity:")
    for text in (GOOD[:start] + GOOD[end:], NO_AGENTS):
        found = loaded(text)
        configuration, findings = last_good.fallback(found, LAST, LEDGER)
        assert [surface.name for surface in configuration.surfaces() if surface.id == "ledger"] == ["billing/ledger"]
        assert "removed while it is held" in findings[-1].message
        assert "/agent-restore" in findings[-1].next
        assert not last_good.may_save(found, findings)


def test_a_backstop_that_went_is_not_served_with_the_copy() -> None:
    """The copy of a surface leans on no surface that is not there."""
    configuration, _ = last_good.fallback(loaded(NO_AGENTS), LAST, LEDGER)
    assert configuration.surfaces()[0].backstop is None


def test_a_held_surface_that_was_never_known_is_reported() -> None:
    """A held name that neither file knows stands as quarantined, never silently gone."""
    configuration, findings = last_good.fallback(LAST, LAST, frozenset({"ghost/surface"}))
    assert [lost.name for lost in configuration.agents[-1].quarantined] == ["ghost/surface"]
    assert "no last good copy" in findings[0].message


def test_a_held_surface_cannot_be_pointed_elsewhere() -> None:
    """Another target under the same name would leave what is held without a keeper."""
    found = loaded(good_but("role: billing_agent", "role: other"))
    configuration, findings = last_good.fallback(found, LAST, LEDGER, lambda surface: repr(surface.settings))
    assert "points elsewhere" in findings[0].message
    assert configuration.surfaces()[-2] == next(s for s in (LAST.configuration or configuration).surfaces())


def test_a_held_surface_may_get_another_deadline_and_credential() -> None:
    """What leaves the target as it is counts at once, held or not."""
    found = loaded(good_but("deadline: 5s", "deadline: 9s"), {**ENVIRON, "LEDGER_ADMIN_DSN": "db://rotated"})
    configuration, findings = last_good.fallback(found, LAST, LEDGER, lambda _: "the same role")
    assert findings == ()
    assert configuration.surfaces()[0].deadline == 9.0


def test_a_half_read_stop_policy_keeps_who_could_stop() -> None:
    """Uncertainty never freezes the stop: who could stop by the copy still may."""
    found = loaded(
        good_but("{groups: [S0ONCALL], users: [U0ALICE], channels: []}", "{groups: nobody, users: [U0DAVE]}")
    )
    configuration, _ = last_good.fallback(found, LAST, frozenset())
    assert configuration.policy.stop.groups == ("S0ONCALL",)
    assert configuration.policy.stop.users == ("U0DAVE", "U0ALICE")
