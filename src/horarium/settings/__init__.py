"""What can be configured, by arguments, environment variables and horarium.yaml."""

from horarium.settings.base import AppSettings, setting
from horarium.settings.core import Settings
from horarium.settings.listing import env_example, settings_table
from horarium.settings.secrets import without_secrets

__all__ = ["AppSettings", "Settings", "env_example", "setting", "settings_table", "without_secrets"]
