"""The web application with all endpoints."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from nemoguardrails_trust import __version__
from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.server.backends import Backends
from nemoguardrails_trust.server.bodies import PromptBody, ScoreBody
from nemoguardrails_trust.server.chat import Chat
from nemoguardrails_trust.server.chat_routes import chat_routes, model_routes
from nemoguardrails_trust.server.connected import add_endpoint
from nemoguardrails_trust.server.direct import Direct, Endpoint
from nemoguardrails_trust.server.door import Door
from nemoguardrails_trust.server.failures import FAILURES, failure, failure_of
from nemoguardrails_trust.server.faults import FaultsTold
from nemoguardrails_trust.server.metrics import Measured, Metrics, metrics_routes
from nemoguardrails_trust.server.rag import rag_routes
from nemoguardrails_trust.server.scoring import Scoring
from nemoguardrails_trust.server.settings import Keys, ServerSettings, settings_of
from nemoguardrails_trust.server.structured import structured_routes
from nemoguardrails_trust.server.unfit import told_of_errors

SETTINGS_VARIABLE = "NEMO_TRUST_SERVER_SETTINGS"
"""Holds the settings, as JSON, for worker processes."""


def app_from_environment() -> FastAPI:
    """The application of a worker process, set up as the command was told."""
    return create_app(settings_of(json.loads(os.environ[SETTINGS_VARIABLE])))


def create_app(settings: ServerSettings) -> FastAPI:
    """Makes the web application.

    Raises:
        SettingsError: The settings do not go together.
        DataError: A file that they name cannot be read.
        CredentialsError: A backend's key is not set.
    """
    backends = Backends(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await backends.aclose()

    app = FastAPI(
        title="nemoguardrails-trust",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        responses=FAILURES,
    )
    metrics = Metrics()
    scoring = Scoring(backends, settings.limits.timeout)
    prefix = settings.prefix
    endpoints = _tlm_endpoints(scoring)
    direct = {f"{prefix}{path}": endpoint for path, endpoint in endpoints.items()}
    app.add_middleware(Direct, endpoints=direct)
    app.add_middleware(Door, settings=settings, keys=Keys.of(settings), metrics=metrics)
    if settings.cors_origins:
        # Outside the door: a browser asks beforehand without a key, and must read refusals.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    _tell_failures(app)
    routers = (
        (_tlm_routes(endpoints), prefix),
        (rag_routes(backends, scoring), prefix),
        (structured_routes(scoring), prefix),
        (chat_routes(Chat(backends, scoring), prefix), ""),
        (model_routes(backends.names, prefix), ""),
        (_studio_routes(), prefix),
        (_state_routes(backends), ""),
        (metrics_routes(metrics), ""),
    )
    for router, base in routers:
        app.include_router(router, prefix=base)
    paths = [
        f"{base}{route.path}"
        for router, base in routers
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    app.add_middleware(FaultsTold)
    # The outermost, so that it sees the refusals too.
    app.add_middleware(Measured, metrics=metrics, paths=paths)
    return app


def _tlm_endpoints(scoring: Scoring) -> dict[str, Endpoint]:
    return {
        "/v0/trustworthy_llm/prompt": Endpoint(PromptBody, scoring.prompt),
        "/v0/trustworthy_llm/get_confidence_score": Endpoint(ScoreBody, scoring.score),
        "/v1/tlm_explanation/get_explanation": Endpoint(ScoreBody, scoring.explain),
    }


def _tlm_routes(endpoints: Mapping[str, Endpoint]) -> APIRouter:
    router = APIRouter(tags=["TLM"])
    for path, endpoint in endpoints.items():
        add_endpoint(router, path, endpoint.body, endpoint.answer)
    return router


def _studio_routes() -> APIRouter:
    router = APIRouter(tags=["cleanlab-studio"])

    @router.post("/cli/v0/check_client_version")
    async def check_client_version() -> dict[str, bool]:
        """Tells a client that its version will do, whatever it is."""
        return {"valid": True}

    @router.get("/cli/v0/validate")
    async def validate() -> dict[str, bool]:
        """Tells a client that its key is good; a bad one does not come this far."""
        return {"valid": True}

    @router.post("/cli/v0/telemetry")
    async def telemetry() -> dict[str, bool]:
        """Takes a client's report of its own failure, and throws it away unread."""
        return {}

    return router


def _state_routes(backends: Backends) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Tells that the server runs."""
        return {"status": "ok", "version": __version__}

    @router.get("/ready")
    async def ready() -> JSONResponse:
        """Tells whether the models' servers can be reached."""
        failed = dict(await backends.check())
        if failed:
            return JSONResponse({"status": "unavailable", "backends": failed}, status_code=503)
        return JSONResponse({"status": "ok"})

    return router


def _tell_failures(app: FastAPI) -> None:
    @app.exception_handler(TrustError)
    async def trust_error(request: Request, error: TrustError) -> Response:
        return failure_of(request.url.path, error)

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if first["loc"] == ("body",) and not kind.endswith("json"):  # it was not read as JSON
            return failure(request.url.path, 415, "send it with Content-Type: application/json")
        if first["type"] == "json_invalid":
            return failure(request.url.path, 422, "the request is not JSON")
        within_body = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
        return failure(request.url.path, 422, told_of_errors(within_body))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # FastAPI's own, for a body that is not to be parsed
            said = "the request is not JSON in UTF-8, or is nested too deeply"
            return failure(request.url.path, 422, said)
        told = str(error.detail)
        return failure(request.url.path, error.status_code, told, headers=error.headers)
