"""What people act on: the workspace with its addresses, triggers, events and courier."""

from dataclasses import dataclass

from bot.sandbox.courier import Courier
from bot.sandbox.desk import Desk
from bot.sandbox.response_urls import ResponseUrls


@dataclass(frozen=True, slots=True)
class Stage:
    """Handed to every actor."""

    desk: Desk
    courier: Courier
    urls: ResponseUrls
