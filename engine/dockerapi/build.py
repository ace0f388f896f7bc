"""Routes of builds: building an image, and what the build cache gives back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.build.prune import CacheFilter
from engine.build.remote import is_git, parse_git
from engine.build.request import BuildRequest, Limits
from engine.dockerapi.answers import json_answer, nothing, progress_from
from engine.dockerapi.bodies import begin_body
from engine.dockerapi.build_told import BuildTelling
from engine.dockerapi.credentials import decoded_header, read_credentials
from engine.dockerapi.events import tell_prune
from engine.dockerapi.fields import Fields
from engine.dockerapi.names import parse_platform, wanted_reference
from engine.dockerapi.query import parse_number, until_of
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.routing import Route
from engine.settings import Ulimit
from engine.system.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from aiohttp import web

    from engine.build.context import BuildContext
    from engine.build.prune import CachePruned
    from engine.dockerapi.call import Call
    from engine.dockerapi.progress import JsonProgress
    from engine.dockerapi.query import Filters, Query
    from engine.progress import Cancellation
    from engine.registry.credentials import Credentials

HEADER = "X-Registry-Config"
MAX_JSON = 1024 * 1024
BUILDKIT = "2"
CACHE_FILTERS = (
    "id",
    "inuse",
    "label",
    "label!",
    "parent",
    "shared",
    "type",
    "until",
    "unused-for",
)
BRIDGE = frozenset({"", "default", "bridge"})


async def build(call: Call) -> web.StreamResponse:
    """Answer `POST /build`: an image of the context in the body, told step by step."""
    request = request_of(call.query)
    credentials = credentials_of(call.request.headers.get(HEADER))
    body = await begin_body(call)
    is_quiet = call.query.flag("q")

    def work(progress: JsonProgress, cancellation: Cancellation) -> None:
        telling = BuildTelling(progress, is_quiet=is_quiet)
        with telling.told(), _context(call, body, cancellation) as context:
            built = call.engine.builds.build(
                request,
                context,
                credentials=credentials,
                progress=telling,
                cancellation=cancellation,
                owner=call.owner,
            )
        telling.finish(built)

    return await progress_from(call, work)


@contextmanager
def _context(call: Call, body: BinaryIO, cancellation: Cancellation) -> Iterator[BuildContext]:
    remote = call.query.text("remote")
    builds = call.engine.builds
    if remote and remote != "client-session" and not is_git(remote):
        raise Refusal(400, f"the host does not fetch {remote[:200]}: send the context itself")
    opened = (
        builds.context_of_git(parse_git(remote), cancellation=cancellation)
        if remote
        else builds.context_of_tar(body, cancellation=cancellation)
    )
    with opened as context:
        yield context


def request_of(query: Query) -> BuildRequest:
    """Return the build that *query* asks for; raise `Refusal` (400) or `InvalidSetting`."""
    if query.text("version", "1") == BUILDKIT:
        raise Refusal(
            400, "BuildKit's own protocol is not spoken here: build without a session (version=1)"
        )
    if query.text("outputs") not in {"", "[]", "null"}:
        raise Refusal(400, "outputs are not supported over this API: tag the image and save it")
    network = query.text("networkmode")
    return BuildRequest(
        dockerfile=query.text("dockerfile") or "Dockerfile",
        arguments=_mapping(query, "buildargs"),
        labels=_mapping(query, "labels"),
        tags=tuple(wanted_reference(each, "") for each in query.texts("t") if each),
        target=query.text("target"),
        use_cache=not query.flag("nocache"),
        always_pull=query.flag("pull"),
        network="default" if network in BRIDGE else network,
        platform=parse_platform(query.text("platform")),
        cache_from=tuple(wanted_reference(each, "") for each in _list(query, "cachefrom")),
        extra_hosts=tuple(each for each in query.text("extrahosts").split(",") if each),
        limits=_limits(query),
        squash=query.flag("squash"),
    )


def _limits(query: Query) -> Limits:
    return Limits(
        memory_bytes=query.number("memory"),
        memory_swap=query.number("memswap"),
        cpu_shares=query.number("cpushares"),
        cpu_period=query.number("cpuperiod"),
        cpu_quota=query.number("cpuquota"),
        cpuset_cpus=query.text("cpusetcpus"),
        cpuset_mems=query.text("cpusetmems"),
        shm_size=query.number("shmsize"),
        ulimits=tuple(map(_ulimit, _json(query, "ulimits", list) or ())),
    )


def _ulimit(value: object) -> Ulimit:
    fields = Fields(value if isinstance(value, dict) else {})
    return Ulimit(fields.text("Name"), fields.number("Soft"), fields.number("Hard"))


def _mapping(query: Query, name: str) -> dict[str, str]:
    """Return the JSON object *name*; what has no value is left out, as docker's client sends it."""
    found = _json(query, name, dict) or {}
    if not all(isinstance(each, str | None) for each in found.values()):
        raise Refusal(400, f"error reading {name}: its values must be strings")
    return {key: value for key, value in found.items() if value is not None}


def _list(query: Query, name: str) -> list[str]:
    found = _json(query, name, list) or []
    if not all(isinstance(each, str) for each in found):
        raise Refusal(400, f"error reading {name}: it must be a list of strings")
    return found


def _json(query: Query, name: str, kind: type) -> Any:
    text = query.text(name)
    if not text or len(text) > MAX_JSON:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"error reading {name}: it is no JSON") from error
    if value is not None and not isinstance(value, kind):
        raise Refusal(400, f"error reading {name}: it is another kind of JSON")
    return value


def credentials_of(header: str | None) -> dict[str, Credentials]:
    """Return the credentials in the `X-Registry-Config` *header*, by registry."""
    if not header:
        return {}
    found: dict[str, Credentials] = {}
    for host, value in decoded_header(header, HEADER).items():
        credentials = read_credentials(Fields(value)) if isinstance(value, dict) else None
        if credentials is not None:
            found[_registry(host)] = credentials
    return found


def _registry(host: str) -> str:
    name = host.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return "docker.io" if name == "index.docker.io" else name


async def prune(call: Call) -> web.StreamResponse:
    """Answer `POST /build/prune`."""
    filters = call.query.filters(*CACHE_FILTERS)
    until = until_of(filters)
    chosen = _cache_filter(filters)
    keep = call.query.text("keep-storage") or call.query.text("reserved-space") or "0"

    def take() -> CachePruned:
        return call.engine.builds.prune_cache(
            everything=call.query.flag("all"),
            unused_for=SYSTEM_CLOCK.now() - until if until else None,
            keep_bytes=max(0, parse_number(keep, "keep-storage")),
            only=chosen,
        )

    pruned = await call.pools.long(take)
    await tell_prune(call, "builder", pruned.freed_bytes)
    gone = [*pruned.steps, *pruned.directories] or None
    return json_answer({"CachesDeleted": gone, "SpaceReclaimed": pruned.freed_bytes})


def _cache_filter(filters: Filters) -> CacheFilter:
    """Return which entries are meant; raise `Refusal` (400) for what is none of docker's."""
    for name in ("id", "type", "parent", "inuse", "shared"):
        if len(filters.get(name)) > 1:
            raise Refusal(400, f"failed to prune build cache: {name} has more than one value")
    return CacheFilter(
        id="".join(filters.get("id")),
        type="".join(filters.get("type")),
        is_shared=filters.flag("shared"),
        # Nothing that could be taken away is in use, known by a parent, or has a label.
        is_possible=not (filters.flag("inuse") or filters.get("parent") or filters.get("label")),
    )


async def cancel(call: Call) -> web.StreamResponse:
    """Answer `POST /build/cancel`: a build ends with the connection that asked for it."""
    del call
    return nothing(status=200)


ROUTES = (
    Route("POST", "/build", build),
    Route("POST", "/build/prune", prune),
    Route("POST", "/build/cancel", cancel),
)
