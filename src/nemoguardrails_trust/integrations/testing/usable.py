"""What is wrong with the plugin's options, found before any test runs."""

from collections.abc import Mapping

from pydantic import ValidationError

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.errors import SettingsError, wrong_value
from nemoguardrails_trust.models.server_address import address
from nemoguardrails_trust.scorers.base import SCORERS, ScorerSettings
from nemoguardrails_trust.scorers.create import create_scorer, load_calibration

_OF_SETTINGS = ("model", "quality", "scorer", "calibration")


def require_usable(given: Mapping[str, str]) -> None:
    """Makes sure that the options can be used.

    What only a run can tell is left to it: whether there is a key, and whether a scorer of the
    user's own can be imported, which may stand beside the tests.

    Args:
        given: The options that were given, by their names without `trust_`.

    Raises:
        SettingsError: A value is none that the option has. The key is the option's name.
        DataError: The calibration cannot be read.
    """
    if "base_url" in given:
        address(given["base_url"])
    try:
        settings = ScorerSettings.model_validate(
            {name: given[name] for name in _OF_SETTINGS if name in given}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        raise SettingsError(f"{key}{wrong_value(first)}", key=key) from None
    if settings.scorer not in SCORERS and ":" not in settings.scorer:
        create_scorer(settings)  # which says what scorers there are
    if "model" in given:
        load_calibration(settings)
    elif settings.calibration is not None:  # a conftest.py may say which model it is for
        Calibration.load(settings.calibration)
