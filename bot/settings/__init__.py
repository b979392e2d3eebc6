"""The environment and one YAML file -> the frozen types of `bot.domain.model`; errors with file and line."""

from bot.settings.environment import Environment
from bot.settings.findings import Finding, SettingsError
from bot.settings.loaded import Loaded, load, load_text

__all__ = ["Environment", "Finding", "Loaded", "SettingsError", "load", "load_text"]
