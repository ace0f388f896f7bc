"""The route that makes an image of a container."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.dockerapi.answers import json_answer
from engine.dockerapi.fields import Fields
from engine.dockerapi.names import wanted_reference
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route

if TYPE_CHECKING:
    from aiohttp import web

    from engine.dockerapi.call import Call


async def commit(call: Call) -> web.StreamResponse:
    """Answer `POST /commit`."""
    query = call.query
    container = query.text("container")
    if not container:
        raise Refusal(400, 'invalid name or ID supplied: ""')
    repository = query.text("repo")
    reference = wanted_reference(repository, query.text("tag")) if repository else None
    image = await call.pools.long(
        call.engine.containers.commit,
        container,
        reference=reference,
        author=query.text("author"),
        message=query.text("comment"),
        changes=(*changes_of(Fields(await call.json())), *query.texts("changes")),
        pause=query.flag("pause", default=True),
        owner=call.owner,
    )
    return json_answer({"Id": str(image.id)}, status=201)


def changes_of(config: Fields) -> list[str]:
    """Return what a `Config` in the body asks for, as instructions of a Dockerfile."""
    changes = [f"ENV {_pair(each)}" for each in config.texts("Env") if "=" in each]
    changes += [
        f"{word} {json.dumps(list(words))}"
        for word, name in (("CMD", "Cmd"), ("ENTRYPOINT", "Entrypoint"))
        if (words := config.words(name))
    ]
    changes += [
        f"{word} {value}"
        for word, name in (
            ("WORKDIR", "WorkingDir"),
            ("USER", "User"),
            ("STOPSIGNAL", "StopSignal"),
        )
        if (value := config.text(name))
    ]
    changes += [f"EXPOSE {port}" for port in config.keys("ExposedPorts")]
    changes += [f"VOLUME {json.dumps([path])}" for path in config.keys("Volumes")]
    labels = config.mapping("Labels").items()
    return changes + [f"LABEL {json.dumps(key)}={json.dumps(value)}" for key, value in labels]


def _pair(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name}={json.dumps(value)}"


ROUTES = (Route("POST", "/commit", commit),)
