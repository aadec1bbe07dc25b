"""Run by an interpreter of its own, in which the clients check no options: prints what they got.

They read at import whether they are to check. The server is the one of `CLEANLAB_API_BASE_URL`,
and the key that of `CLEANLAB_TLM_API_KEY`.
"""

import json
import os
import warnings
from typing import Any

from cleanlab_studio import Studio
from cleanlab_studio.errors import TlmBadRequest
from cleanlab_tlm import TLM
from cleanlab_tlm.errors import TlmBadRequestError

KEY = os.environ["CLEANLAB_TLM_API_KEY"]


def explained() -> Any:
    # The newer client refuses these presets all the same.
    studio = Studio(KEY)
    return [
        studio.TLM(quality_preset=quality, options={"log": ["explanation"]}).prompt("Say a")
        for quality in ("low", "base")
    ]


def further() -> Any:
    options: Any = {"log": ["per_field_score"], "made_up": 1}
    return TLM("low", options=options).get_trustworthiness_score("Say a", "a", made_up=1)


def unfit() -> Any:
    options: Any = {"max_tokens": -1}
    try:
        return TLM("low", options=options).get_trustworthiness_score("Say a", "a")
    except TlmBadRequestError as error:
        return str(error)


def unfit_for_studio() -> Any:
    tlm = Studio(KEY).TLM(quality_preset="low", options={"max_tokens": -1})
    try:
        return tlm.get_trustworthiness_score("Say a", "a")
    except TlmBadRequest as error:
        return str(error)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for client in (explained, further, unfit, unfit_for_studio):
        print(json.dumps({"client": client.__name__, "got": client()}))
