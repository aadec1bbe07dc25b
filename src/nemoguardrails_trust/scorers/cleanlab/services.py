"""The two hosted services and the packages that speak to them."""

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import MissingDependencyError, SettingsError
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.cleanlab.session import ServiceSession


@dataclass(frozen=True, slots=True)
class Service:
    """One of the hosted services, and the package that speaks to it."""

    package: str  # the distribution; also the scorer's name
    module: str
    client_module: str  # where its `TLM` is
    bad_request: str  # the package's error that its `TLM` passes on without a retry
    key_variable: str
    account_page: str  # where to get a key
    validates_keys: bool  # without being asked for a score


# `Studio(key).TLM()` builds the same class, but before that makes two blocking requests without a
# timeout, loses their HTTP status, puts a refused key into its error, posts the stack trace of any
# error to the service, and warns of its own deprecation. `Client.verify` asks the same, safely.
SERVICES = {
    "cleanlab-studio": Service(
        package="cleanlab-studio",
        module="cleanlab_studio",
        client_module="cleanlab_studio.studio.trustworthy_language_model",
        bad_request="TlmBadRequest",
        key_variable="CLEANLAB_API_KEY",
        account_page="https://app.cleanlab.ai/account",
        validates_keys=True,
    ),
    "cleanlab-tlm": Service(
        package="cleanlab-tlm",
        module="cleanlab_tlm",
        client_module="cleanlab_tlm.tlm",
        bad_request="TlmBadRequestError",
        key_variable="CLEANLAB_TLM_API_KEY",
        account_page="https://tlm.cleanlab.ai/",
        validates_keys=False,
    ),
}

_SENDING = "_get_trustworthiness_score_async"


@dataclass(frozen=True, slots=True)
class Library:
    """What is needed of an imported package."""

    service: Service
    tlm: Any  # the class of its clients
    api: Any  # the module that holds the service's URLs
    bad_request: type[Exception]
    timeout: type[Exception]
    invalid: type[Exception]  # settings


def installed(service: Service) -> bool:
    """Whether the service's package is there; it is not imported."""
    return importlib.util.find_spec(service.module) is not None


def load(service: Service) -> Library:
    """Imports the service's package, which takes a second or two.

    Raises:
        MissingDependencyError: It cannot be imported, or is of a version that works differently.
    """
    try:
        tlm = importlib.import_module(service.client_module).TLM
        getattr(tlm, _SENDING)
        errors = importlib.import_module(f"{service.module}.errors")
        return Library(
            service=service,
            tlm=tlm,
            api=importlib.import_module(f"{service.module}.internal.api.api"),
            bad_request=getattr(errors, service.bad_request),
            timeout=errors.APITimeoutError,
            invalid=errors.ValidationError,
        )
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(service.package, "cleanlab") from error


def build_tlm(library: Library, key: str, settings: ScorerSettings) -> Any:
    """Builds a real client, which makes no request.

    Raises:
        SettingsError: It does not take the model, or gives no explanations with these settings.
    """
    package = library.service.package
    model = {} if settings.model is None else {"model": settings.model}
    log = {"log": ["explanation"]} if settings.asks_for_reasons else {}
    tlm, complaint = _try_to_build(library, key, settings, model | log)
    if tlm is not None:
        return tlm
    if settings.asks_for_reasons and _try_to_build(library, key, settings, model)[0] is not None:
        raise SettingsError(
            f"{package} gives no explanations with quality {settings.quality!r} and model "
            f"{settings.model or 'its default'!r}; choose others, or set explain to false",
            key="explain",
        )
    raise SettingsError(
        f"{package} does not accept model {settings.model!r}: {complaint}", key="model"
    )


def _try_to_build(
    library: Library, key: str, settings: ScorerSettings, options: dict[str, Any]
) -> tuple[Any, str]:
    try:
        tlm = library.tlm(
            api_key=key,
            quality_preset=settings.quality,
            options=options,
            timeout=settings.timeout,
            verbose=False,
        )
    except (library.invalid, ValueError) as error:
        return None, str(error)
    return tlm, ""


def send_over(session: ServiceSession, tlm: Any) -> None:
    """Has a real client send over our session.

    Its public method opens a session, so a connection, for each call and hands it to a method
    of its own, which is the only way in for another.
    """
    send = getattr(tlm, _SENDING)

    async def send_over_session(
        prompt: str, response: dict[str, Any], _: object, **options: Any
    ) -> Any:
        return await send(prompt, response, session, **options)

    setattr(tlm, _SENDING, send_over_session)
