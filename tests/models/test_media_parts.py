"""Pictures, recordings and files in requests, and what a refusal of one says about the next."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nemoguardrails.llm.models.initializer import init_llm_model

from nemoguardrails_trust import Media, Message
from nemoguardrails_trust.errors import ModelRequestError
from nemoguardrails_trust.guardrail.llm import NemoModel
from nemoguardrails_trust.models.base import Ask, LanguageModel
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.media_parts import (
    MEDIA_KINDS,
    content_of,
    kinds_in,
    kinds_refused,
    tokens_in,
)
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from tests.servers.faults import Fault, status
from tests.servers.openai import OpenAIServer

DATA = "iVBORw0KGgo="
PICTURE = Media("image", None, f"data:image/png;base64,{DATA}")
LINK = Media("image", None, "https://a.b/c.png")


@pytest.mark.parametrize(
    ("medium", "part"),
    [
        (PICTURE, {"type": "image_url", "image_url": {"url": PICTURE.url}}),
        (LINK, {"type": "image_url", "image_url": {"url": LINK.url}}),
        (
            Media("audio", "audio/mpeg", f"data:audio/mpeg;base64,{DATA}"),
            {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}},
        ),
        (
            Media("audio", None, "https://a.b/c.wav"),
            {"type": "audio_url", "audio_url": {"url": "https://a.b/c.wav"}},
        ),
        (
            Media("video", "video/mp4", "https://a.b/c.mp4"),
            {"type": "video_url", "video_url": {"url": "https://a.b/c.mp4"}},
        ),
        (
            Media("file", "application/pdf", f"data:application/pdf;base64,{DATA}"),
            {
                "type": "file",
                "file": {
                    "filename": "file.pdf",
                    "file_data": f"data:application/pdf;base64,{DATA}",
                },
            },
        ),
    ],
)
def test_a_medium_is_the_protocols_part(medium: Media, part: dict[str, Any]) -> None:
    text = {"type": "text", "text": "What is it?"}
    assert content_of(Message("user", "What is it?", (medium,))) == [text, part]
    assert content_of(Message("user", "", (medium,))) == [part]
    assert kinds_in([{"role": "user", "content": [text, part]}]) == {medium.kind}
    assert kinds_in([{"role": "assistant", "content": [part]}]) == frozenset()


def test_a_picture_counts_as_tokens_by_what_models_make_of_it() -> None:
    huge = Media("image", None, f"data:image/png;base64,{'A' * 4_000_000}")
    messages = [{"role": "user", "content": content_of(Message("user", "Hi", (huge,)))}]
    assert 1_000 <= tokens_in(str(messages).encode(), messages) < 1_100


REFUSALS = {
    "Invalid content type. image_url is only supported by certain models.": {"image"},
    "qwen is not a multimodal model": {"image", "audio"},
    "At most 0 image(s) may be provided in one request.": {"image"},
    "messages[0].content must be a string": {"image", "audio"},
    "messages[0]: unknown variant `image_url`, expected `text` at line 1": {"image"},
    "image input is not supported - hint: you may need to provide the mmproj": {"image"},
    "this model is missing data required for image input": {"image"},
    "No endpoints found that support image input": {"image"},
    "Model does not support images. Please use a model that does.": {"image"},
    "Image input is not enabled for this model": {"image"},
    "Input should be a valid string": {"image", "audio"},
    "Invalid value: 'input_audio'. Supported values are: 'text' and 'image_url'.": {"audio"},
    "This model does not support audio content.": {"audio"},
    # Of this one picture, or of something else:
    "You uploaded an unsupported image. Please make sure your image has a valid format.": set(),
    "Could not process image": set(),
    "Timeout while downloading https://models.do.not.support.image/a.png": set(),
    "The image is too large: at most 20 MB are supported.": set(),
    "'temperature' is not a number": set(),
    "": set(),
}


@pytest.mark.parametrize(("said", "kinds"), REFUSALS.items())
def test_what_a_model_does_not_take_is_told_from_what_is_wrong_with_one(
    said: str, kinds: set[str]
) -> None:
    named = kinds & {"image"} if "image" in said.casefold() and "audio" not in said else kinds
    assert kinds_refused(said, frozenset({"image", "audio"})) == named
    assert kinds_refused(said, frozenset()) == frozenset()


@given(st.text(), st.text())
def test_no_address_of_the_users_teaches_anything(before: str, after: str) -> None:
    address = f"https://a.b/{'image is not supported'.replace(' ', '_')}{after}".split()[0]
    assert kinds_refused(f"cannot open {address}", MEDIA_KINDS) == frozenset()


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(answer="A cat") as running:
        yield running


@pytest.fixture(params=["our client", "NeMo's engine"])
def model(request: pytest.FixtureRequest, server: OpenAIServer) -> LanguageModel:
    parameters: dict[str, Any] = {"base_url": server.base_url, "api_key": "k", "max_retries": 0}
    if request.param == "our client":
        return OpenAICompatibleModel("gpt-test", **parameters, limits=Limits())
    return NemoModel(init_llm_model("gpt-test", "openai", parameters, mode="chat"))


ASK = Ask((Message("user", "What is it?", (PICTURE,)),), "answer")
UNSUPPORTED = {"error": {"message": "image input is not supported"}}


@pytest.mark.parametrize(
    "refusal",
    [status(400, UNSUPPORTED), status(422, UNSUPPORTED), status(404, UNSUPPORTED)],
    ids=lambda fault: fault.code,
)
async def test_a_model_that_takes_no_pictures_is_asked_once(
    model: LanguageModel, server: OpenAIServer, refusal: Fault
) -> None:
    server.faults.always(refusal)
    for _ in range(3):
        with pytest.raises(ModelRequestError, match="does not take image"):
            await model.complete(ASK)
    assert len(server.bodies) == 1
    server.faults.clear()
    assert (await model.complete(Ask((Message("user", "Hi"),), "answer"))).completions
    await model.aclose()


async def test_llama_cpps_failure_is_a_refusal(server: OpenAIServer) -> None:
    server.faults.always(status(500, UNSUPPORTED))
    model = OpenAICompatibleModel("m", base_url=server.base_url, api_key="k", limits=Limits())
    with pytest.raises(ModelRequestError, match="does not take image"):
        await model.complete(ASK)
    assert len(server.bodies) == 1
    await model.aclose()


@pytest.mark.parametrize("taken_before", [False, True])
async def test_a_picture_that_is_refused_for_what_it_is_teaches_nothing(
    model: LanguageModel, server: OpenAIServer, *, taken_before: bool
) -> None:
    said = "Could not process image"
    if taken_before:
        await model.complete(ASK)
        said = "image input is not supported"
    server.faults.next(status(400, {"error": {"message": said}}))
    with pytest.raises(ModelRequestError):
        await model.complete(ASK)
    assert (await model.complete(ASK)).completions[0].text == "A cat"
    await model.aclose()
