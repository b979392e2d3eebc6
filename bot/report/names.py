"""People and groups by their names instead of their Slack ids, wherever the bot knows them.

A name is chosen by its bearer and decides nothing: the id stays what the journals have, documents carry both, and the
page lists who is who. Two people of one name keep their ids beside it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.words import seen, shorten

_ID = re.compile(r"(?<![\w/:@-])[USW][A-Z0-9]{2,30}(?![\w/:-])")
_LONGEST = 60  # characters


@dataclass(frozen=True, slots=True)
class Names:
    """Who is who: what stands for each id."""

    shown: Mapping[str, str] = field(default_factory=dict)

    def put(self, text: str) -> str:
        """The text with names for the ids that are known."""
        return _ID.sub(lambda found: self.shown.get(found[0], found[0]), text) if self.shown else text

    def among(self, text: str) -> dict[str, str]:
        """What is shown for those ids that the text has, in their order."""
        return {one: self.shown[one] for one in sorted({*_ID.findall(text)}) if one in self.shown}


def known(by_id: Mapping[str, str]) -> Names:
    """The names as Slack tells them, made harmless, and kept apart where they are alike; a name like an id is none."""
    clean = {one: shorten(" ".join(seen(name).split()), _LONGEST) for one, name in by_id.items()}
    good = {one: name for one, name in clean.items() if name and not _ID.search(name)}
    alike = Counter(name.casefold() for name in good.values())
    return Names({one: name if alike[name.casefold()] == 1 else f"{name} ({one})" for one, name in good.items()})


NOBODY = Names()
