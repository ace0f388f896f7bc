"""
Every error the engine raises on purpose.

Two levels: the *kind* says what a caller should do, the *leaf* says what happened. Callers branch
on kinds, so a new leaf touches this file only. A leaf carries its facts as attributes, builds its
own message and names, where there is one, the field that was wrong and the remedy.

    EngineError
    ├─ InvalidInput            tell the user; never retry
    │  ├─ InvalidDigest · InvalidReference · InvalidPlatform · InvalidManifest
    │  ├─ InvalidImageConfig · InvalidSetting · InvalidLayer · InvalidArchive
    │  ├─ InvalidConversation
    │  ├─ NotADirectory · CannotOverwrite
    │  ├─ AmbiguousID          the beginning of more than one
    │  ├─ DockerfileError      carries lines, column and source line
    │  │  └─ UnknownInstruction · MissingArgument · UnknownStage · InvalidExpansion
    │  ├─ UnsafePath           a tar entry or link that would leave the root
    │  └─ LimitExceeded        larger, longer or more than this host accepts
    ├─ NotFound
    │  ├─ BlobNotFound · ImageNotFound · SnapshotNotFound · LayerNotFound · IndexMissing
    │  ├─ ContainerNotFound · ExecNotFound · PathNotFound · SandboxNotFound
    │  ├─ ProgramNotFound · UrlNotFound
    │  ├─ NetworkNotFound · NotConnected · PlanNotFound
    │  └─ VolumeNotFound · SourceNotFound · SubpathNotFound
    ├─ AlreadyExists           often fine
    │  ├─ SnapshotExists · NameTaken · RestoreConflict
    │  └─ NetworkExists · EndpointExists
    ├─ WrongState              fix the state, then retry
    │  ├─ ContainerNotRunning · ContainerPaused · ContainerRunning · ExecStarted
    │  ├─ ReadOnlyPath · SandboxConflict
    │  ├─ ImageInUse · ImageHasSeveralNames · TagMoved · SnapshotInUse · LayerBusy · IngestLocked
    │  ├─ NetworkInUse · NetworkPredefined · PoolOverlaps · PoolsExhausted
    │  ├─ AddressTaken · AddressesExhausted · PortTaken
    │  └─ VolumeInUse · PlanExpired
    ├─ Unsupported
    │  └─ UnsupportedMediaType · LogUnreadable · NoMatchingPlatform · ForeignLayer
    ├─ IntegrityError          stop; never retry blindly
    │  └─ DigestMismatch · SizeMismatch · DiffIDMismatch · CorruptStore
    ├─ Denied                  a registry said no
    │  └─ AuthenticationFailed · AccessDenied · RegistryUntrusted
    ├─ Unavailable             retryable
    │  └─ RegistryUnreachable · RateLimited · RegistryError · PeerLost
    ├─ Failed                  somebody's program returned non-zero
    │  └─ CommandNotFound · RuntimeFailed · StepFailed · CredentialHelperFailed · PeerFailed
    └─ SystemFailure           kernel or disk said no; keeps errno
       └─ MountFailed · OutOfSpace

They stand in one long file on purpose: the tree is one vocabulary, to be read as a whole.

`Cancelled` (in `engine.progress`) is not an error and stands outside the tree.
"""

from __future__ import annotations

import errno as errno_module
import os
from typing import ClassVar


class EngineError(Exception):
    """The thing to catch. `code` is stable and unique to each leaf; `str()` is for a person."""

    code: ClassVar[str] = "engine-error"
    kind: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    field: str = ""
    remedy: str = ""

    def __init__(self, message: str, *, field: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.field = field or self.field
        self.remedy = remedy or self.remedy

    @property
    def message(self) -> str:
        """What happened, without the remedy."""
        return str(self.args[0]) if self.args else ""


# --- InvalidInput -----------------------------------------------------------------------------


class InvalidInput(EngineError):
    """What came from outside cannot be accepted as it is."""

    kind = "invalid-input"
    code = "invalid-input"


class InvalidDigest(InvalidInput):
    """The text is no `sha256:` digest."""

    code = "invalid-digest"
    field = "digest"
    remedy = "Write it as sha256: followed by 64 lower-case hexadecimal digits."

    def __init__(self, text: str) -> None:
        super().__init__(f"{_quote(text)} is not a digest")
        self.text = text


class InvalidReference(InvalidInput):
    """The text names no image."""

    code = "invalid-reference"
    field = "reference"
    remedy = "Write it as [registry/]name[:tag] or name@sha256:…, for example alpine:3.20."

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{_quote(text)} is not a valid image reference: {reason}")
        self.text = text
        self.reason = reason


class InvalidPlatform(InvalidInput):
    """The text is no platform."""

    code = "invalid-platform"
    field = "platform"
    remedy = "Write it as os/architecture[/variant], for example linux/amd64."

    def __init__(self, text: str) -> None:
        super().__init__(f"{_quote(text)} is not a platform")
        self.text = text


class InvalidManifest(InvalidInput):
    """The bytes are no manifest or index that the image specification allows."""

    code = "invalid-manifest"

    def __init__(self, reason: str, *, field: str = "manifest") -> None:
        super().__init__(f"the manifest is not valid: {reason}", field=field)
        self.reason = reason


class InvalidImageConfig(InvalidInput):
    """The bytes are no image config."""

    code = "invalid-image-config"

    def __init__(self, reason: str, *, field: str = "config") -> None:
        super().__init__(f"the image config is not valid: {reason}", field=field)
        self.reason = reason


class InvalidSetting(InvalidInput):
    """One setting of a container, or of this host, cannot be accepted."""

    code = "invalid-setting"

    def __init__(self, field: str, reason: str, *, remedy: str = "") -> None:
        super().__init__(f"{field}: {reason}", field=field, remedy=remedy)
        self.reason = reason


class InvalidLayer(InvalidInput):
    """The bytes of a layer are not what its media type says, or are no tar."""

    code = "invalid-layer"
    remedy = "The image is damaged or was made wrongly: rebuild it and push it again."

    def __init__(self, reason: str, *, entry: str = "") -> None:
        where = f" at {_quote(entry)}" if entry else ""
        super().__init__(f"the layer cannot be unpacked{where}: {reason}", field="layer")
        self.reason = reason
        self.entry = entry


class DockerfileError(InvalidInput):
    """
    A Dockerfile says what it cannot mean.

    *line* to *last_line* are the lines of the instruction, *column* is where in *line* the trouble
    is, all from 1; *source* is that line as it was written. `kept_image` is the ID of the image
    that holds the state before the step, where one was asked for.
    """

    code = "dockerfile-error"
    field = "dockerfile"
    kept_image = ""

    def __init__(
        self,
        reason: str,
        *,
        line: int = 0,
        last_line: int = 0,
        column: int = 0,
        source: str = "",
        remedy: str = "",
    ) -> None:
        place = f"Dockerfile line {line}: " if line else ""
        super().__init__(place + reason, remedy=remedy)
        self.reason = reason
        self.line = line
        self.last_line = last_line or line
        self.column = column
        self.source = source


class UnknownInstruction(DockerfileError):
    """The first word of a line is no instruction."""

    code = "unknown-instruction"


class MissingArgument(DockerfileError):
    """An instruction lacks something that it cannot do without."""

    code = "missing-argument"


class UnknownStage(DockerfileError):
    """A stage is named that the Dockerfile does not have, or not before this line."""

    code = "unknown-stage"


class InvalidExpansion(DockerfileError):
    """A variable is written in a way that cannot be expanded, or is required and not set."""

    code = "invalid-expansion"


class InvalidArchive(InvalidInput):
    """The bytes are no archive of images, or one that says what cannot be."""

    code = "invalid-archive"
    field = "archive"
    remedy = "Give what `docker save`, `podman save` or `skopeo copy` to an archive wrote."

    def __init__(self, reason: str) -> None:
        super().__init__(f"the archive cannot be loaded: {reason}")
        self.reason = reason


class NotADirectory(InvalidInput):
    """A path in a container was to be a directory and is none."""

    code = "not-a-directory"

    def __init__(self, path: str, *, reason: str = "not a directory") -> None:
        super().__init__(f"{reason}: {path[:200]}", field="path")
        self.path = path


class CannotOverwrite(InvalidInput):
    """A file would replace a directory, or a directory a file."""

    code = "cannot-overwrite"

    def __init__(self, path: str, *, is_directory: bool) -> None:
        old, new = (
            ("directory", "non-directory") if is_directory else ("non-directory", "directory")
        )
        super().__init__(f"cannot overwrite {old} {_quote(path)} with {new}", field="path")
        self.path = path


class InvalidConversation(InvalidInput):
    """The other host of a synchronisation does not speak as agreed."""

    code = "invalid-conversation"
    remedy = "Check that it runs this product, in a version that goes with this one."

    def __init__(self, reason: str) -> None:
        super().__init__(f"the other host does not speak as agreed: {reason}")
        self.reason = reason


class AmbiguousID(InvalidInput):
    """More than one thing has an ID that starts with these digits."""

    code = "ambiguous-id"
    remedy = "Write more digits of the ID."

    def __init__(self, prefix: str, *, field: str) -> None:
        super().__init__(f"more than one {field} has an ID that starts with {prefix}", field=field)
        self.prefix = prefix


class UnsafePath(InvalidInput):
    """A name, link or device in a layer would reach outside the root it is applied to."""

    code = "unsafe-path"
    remedy = "Do not use this image: it was made to write outside its own files."

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{_quote(path)} would leave the image's root: {reason}", field="layer")
        self.path = path
        self.reason = reason


class LimitExceeded(InvalidInput):
    """Something from outside is larger, longer or more than this host accepts."""

    code = "limit-exceeded"

    def __init__(self, what: str, *, limit: int, field: str = "", remedy: str = "") -> None:
        super().__init__(f"{what} exceeds the limit of {limit}", field=field, remedy=remedy)
        self.what = what
        self.limit = limit


# --- NotFound ---------------------------------------------------------------------------------


class NotFound(EngineError):
    """What was asked for is not on this host."""

    kind = "not-found"
    code = "not-found"


class BlobNotFound(NotFound):
    """The store holds no blob of that digest."""

    code = "blob-not-found"

    def __init__(self, digest: object) -> None:
        super().__init__(f"no blob {digest} in the content store")
        self.digest = digest


class ImageNotFound(NotFound):
    """No image of that name or ID, here or at the registry that was asked."""

    code = "image-not-found"
    remedy = "Check the name and the tag, or pull the image first."

    def __init__(
        self, name: str, *, where: str = "on this host", field: str = "image", remedy: str = ""
    ) -> None:
        super().__init__(f"No such image: {name} ({where})", field=field)
        self.name = name
        self.remedy = remedy or self.remedy


class SnapshotNotFound(NotFound):
    """No snapshot under that key or name."""

    code = "snapshot-not-found"

    def __init__(self, key: str) -> None:
        super().__init__(f"no snapshot {key}")
        self.key = key


class LayerNotFound(NotFound):
    """No image of this host has the layer."""

    code = "layer-not-found"
    field = "layer"

    def __init__(self, chain_id: object) -> None:
        super().__init__(f"no image here has the layer {chain_id}")
        self.chain_id = chain_id


class IndexMissing(NotFound):
    """A layer has no index of its files, because it came before there were any or lost it."""

    code = "index-missing"
    field = "layer"
    remedy = "Run `./shipshape engine check --repair`, which writes it again."

    def __init__(self, chain_id: object) -> None:
        super().__init__(f"layer {chain_id} has no index of its files")
        self.chain_id = chain_id


class ContainerNotFound(NotFound):
    """No container of that name or ID."""

    code = "container-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"No such container: {name}", field="container")
        self.name = name


class ExecNotFound(NotFound):
    """No exec of that ID, or its container has ended since."""

    code = "exec-not-found"

    def __init__(self, exec_id: str) -> None:
        super().__init__(f"No such exec instance: {exec_id[:80]}", field="exec")
        self.exec_id = exec_id


class PathNotFound(NotFound):
    """No file of that name in the container."""

    code = "path-not-found"

    def __init__(self, path: str, *, container: str) -> None:
        super().__init__(f"Could not find the file {path} in container {container}", field="path")
        self.path = path
        self.container = container


class UrlNotFound(NotFound):
    """Nothing is behind the URL."""

    code = "url-not-found"
    field = "url"

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} was not found")
        self.url = url


class SandboxNotFound(NotFound):
    """No sandbox of that ID; it goes with its container."""

    code = "sandbox-not-found"

    def __init__(self, sandbox_id: str) -> None:
        super().__init__(f"No such sandbox: {sandbox_id[:80]}", field="sandbox")
        self.sandbox_id = sandbox_id


class ProgramNotFound(NotFound):
    """A program that the engine stands on is not installed on this host."""

    code = "program-not-found"

    def __init__(self, program: str, *, remedy: str = "") -> None:
        super().__init__(f"{program} is not installed on this host", remedy=remedy)
        self.program = program


class NetworkNotFound(NotFound):
    """No network of that name or ID."""

    code = "network-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"network {name} not found", field="network")
        self.name = name


class NotConnected(NotFound):
    """The container does not stand in that network."""

    code = "not-connected"

    def __init__(self, container: str, *, network: str) -> None:
        super().__init__(
            f"container {container} is not connected to network {network}", field="network"
        )
        self.container = container
        self.network = network


class VolumeNotFound(NotFound):
    """No volume of that name."""

    code = "volume-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"get {name}: no such volume", field="volume")
        self.name = name


class PlanNotFound(NotFound):
    """No clean-up of that ID was planned."""

    code = "plan-not-found"

    def __init__(self, plan_id: str) -> None:
        super().__init__(f"no such clean-up plan: {plan_id[:80]}", field="plan")
        self.plan_id = plan_id


class SourceNotFound(NotFound):
    """What a bind mount is to show is not on this host."""

    code = "source-not-found"

    def __init__(self, path: str) -> None:
        super().__init__(
            f'invalid mount config for type "bind": bind source path does not exist: {path}',
            field="mounts",
            remedy="Make it first, or write -v instead of --mount to have it made.",
        )
        self.path = path


class SubpathNotFound(NotFound):
    """What is to be shown of a volume is not in it, or would lead out of it."""

    code = "subpath-not-found"

    def __init__(self, volume: str, subpath: str) -> None:
        super().__init__(
            f"volume {volume} has no path {subpath}",
            field="mounts",
            remedy="Make it first, from a container that has the whole volume.",
        )
        self.volume = volume
        self.subpath = subpath


# --- AlreadyExists ----------------------------------------------------------------------------


class AlreadyExists(EngineError):
    """It is there already."""

    kind = "already-exists"
    code = "already-exists"


class SnapshotExists(AlreadyExists):
    """A snapshot of that key or name exists."""

    code = "snapshot-exists"

    def __init__(self, key: str) -> None:
        super().__init__(f"snapshot {key} exists already")
        self.key = key


class NameTaken(AlreadyExists):
    """Another container has that name."""

    code = "name-taken"
    remedy = "Choose another name, or remove or rename the container that has it."

    def __init__(self, name: str, *, holder: str) -> None:
        super().__init__(
            f'Conflict. The container name "/{name}" is already in use by container "{holder}"',
            field="name",
        )
        self.name = name
        self.holder = holder


class RestoreConflict(AlreadyExists):
    """What is to come back from the trash has a name that something else has by now."""

    code = "restore-conflict"

    def __init__(self, name: str, *, holder: str, free: str) -> None:
        super().__init__(
            f"{name} is by now the name of {holder}",
            field="name",
            remedy=f"Restore it as {free}.",
        )
        self.name = name
        self.holder = holder
        self.free = free


class NetworkExists(AlreadyExists):
    """Another network has that name."""

    code = "network-exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"network with name {name} already exists", field="name")
        self.name = name


class EndpointExists(AlreadyExists):
    """The container stands in that network already."""

    code = "endpoint-exists"

    def __init__(self, container: str, *, network: str) -> None:
        super().__init__(
            f"endpoint with name {container} already exists in network {network}", field="network"
        )
        self.container = container
        self.network = network


# --- WrongState -------------------------------------------------------------------------------


class WrongState(EngineError):
    """The thing is not in a state that allows this; change the state first."""

    kind = "wrong-state"
    code = "wrong-state"


class ContainerNotRunning(WrongState):
    """This needs a running container."""

    code = "container-not-running"
    remedy = "Start the container first."

    def __init__(self, name: str, *, state: str, words: str = "") -> None:
        super().__init__(words or f"Container {name} is not running", field="container")
        self.name = name
        self.state = state


class ContainerPaused(WrongState):
    """This needs a container whose processes are not frozen."""

    code = "container-paused"
    remedy = "Unpause the container first."

    def __init__(self, name: str, *, doing: str) -> None:
        super().__init__(
            f"Container {name} is paused, unpause the container before {doing}", field="container"
        )
        self.name = name


class ContainerRunning(WrongState):
    """This needs a container that does not run."""

    code = "container-running"
    remedy = "Stop the container first, or remove it by force."

    def __init__(self, name: str, *, state: str) -> None:
        super().__init__(f"container {name} is {state}", field="container")
        self.name = name
        self.state = state


class ExecStarted(WrongState):
    """An exec runs once."""

    code = "exec-started"
    remedy = "Make another exec."

    def __init__(self, exec_id: str, *, has_ended: bool) -> None:
        state = "has already run" if has_ended else "is already running"
        super().__init__(f"Error: Exec command {exec_id} {state}", field="exec")
        self.exec_id = exec_id


class SandboxConflict(WrongState):
    """What a sandbox changed was changed in the directory itself meanwhile; *paths* says where."""

    code = "sandbox-conflict"
    remedy = "Look at both, and run the program again over the directory as it is now."

    def __init__(self, paths: list[str]) -> None:
        shown = ", ".join(paths[:5]) + (" …" if len(paths) > 5 else "")
        super().__init__(f"changed in the directory meanwhile: {shown}", field="sandbox")
        self.paths = tuple(paths)


class ReadOnlyPath(WrongState):
    """Nothing can be written there."""

    code = "read-only-path"

    def __init__(self, *, is_root: bool) -> None:
        what = "container rootfs" if is_root else "mounted volume"
        super().__init__(f"{what} is marked read-only", field="path")
        self.is_root = is_root


class ImageInUse(WrongState):
    """A container, running or stopped, was made from the image; *holders* names them."""

    code = "image-in-use"
    remedy = "Remove those containers first."

    def __init__(self, image: str, *, holders: tuple[str, ...]) -> None:
        super().__init__(
            f"conflict: unable to delete {image}: image is being used by container "
            + ", ".join(holders),
            field="image",
        )
        self.image = image
        self.holders = holders


class PlanExpired(WrongState):
    """The clean-up was planned so long ago that it is not carried out any more."""

    code = "plan-expired"
    remedy = "Look at what would go now, and run that."

    def __init__(self, plan_id: str) -> None:
        super().__init__(f"the clean-up plan {plan_id} has expired", field="plan")
        self.plan_id = plan_id


class TagMoved(WrongState):
    """The tag that was to be taken from one image names another one by now."""

    code = "tag-moved"
    remedy = "Look at what it names now, and ask again if that is what is meant."

    def __init__(self, tag: str, *, now: str) -> None:
        super().__init__(f"{tag} names another image by now, {now}", field="image")
        self.tag = tag
        self.now = now


class ImageHasSeveralNames(WrongState):
    """The image was given by its ID and has several *names*, so which is meant is not clear."""

    code = "image-has-several-names"
    remedy = "Remove it by one of its names, or by force to remove all of them."

    def __init__(self, image: str, *, names: tuple[str, ...]) -> None:
        super().__init__(
            f"conflict: unable to delete {image} (must be forced): image has several names: "
            + ", ".join(names),
            field="image",
        )
        self.image = image
        self.names = names


class SnapshotInUse(WrongState):
    """Another snapshot stands on this one."""

    code = "snapshot-in-use"

    def __init__(self, key: str, *, holder: str) -> None:
        super().__init__(f"snapshot {key} is the parent of {holder}")
        self.key = key
        self.holder = holder


class LayerBusy(WrongState):
    """Containers run on a layer that is to be unpacked again."""

    code = "layer-busy"
    field = "layer"

    def __init__(self, chain_id: object, *, holders: tuple[str, ...]) -> None:
        names = ", ".join(holders)
        super().__init__(
            f"layer {chain_id} is shown by running containers: {names}",
            remedy=f"Stop {names} and check again.",
        )
        self.chain_id = chain_id
        self.holders = holders


class IngestLocked(WrongState):
    """Another process is writing the same content at this moment."""

    code = "ingest-locked"
    retryable = True

    def __init__(self, digest: object) -> None:
        super().__init__(f"{digest} is being written by another process")
        self.digest = digest


class NetworkInUse(WrongState):
    """Running containers stand in the network; *holders* names them."""

    code = "network-in-use"
    remedy = "Disconnect or stop those containers first."

    def __init__(self, name: str, *, network_id: str, holders: tuple[str, ...]) -> None:
        super().__init__(
            f"error while removing network: network {name} id {network_id} has active endpoints",
            field="network",
        )
        self.name = name
        self.holders = holders


class NetworkPredefined(WrongState):
    """The network belongs to the engine, or to no one, and does not allow this."""

    code = "network-predefined"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, field="network")
        self.reason = reason


class PoolOverlaps(WrongState):
    """The subnet has addresses that another network, or the host, has already."""

    code = "pool-overlaps"
    remedy = "Choose another subnet, or leave it out to have a free one chosen."

    def __init__(self, pool: str) -> None:
        super().__init__("Pool overlaps with other one on this address space", field="subnet")
        self.pool = pool


class PoolsExhausted(WrongState):
    """Every subnet that could be given to a network is in use."""

    code = "pools-exhausted"
    field = "subnet"
    remedy = "Remove unused networks, or name a subnet."

    def __init__(self) -> None:
        super().__init__(
            "could not find an available, non-overlapping IPv4 address pool among the defaults "
            "to assign to the network"
        )


class AddressTaken(WrongState):
    """Another container, or the network itself, has that address."""

    code = "address-taken"

    def __init__(self, address: str) -> None:
        super().__init__("Address already in use", field="ipv4")
        self.address = address


class AddressesExhausted(WrongState):
    """Every address of the subnet is in use."""

    code = "addresses-exhausted"

    def __init__(self, pool: str) -> None:
        super().__init__(
            f"no available IPv4 addresses on this network's address pools: {pool}", field="network"
        )
        self.pool = pool


class PortTaken(WrongState):
    """A port of the host that is to be published is in use; *holder* says by whom, if known."""

    code = "port-taken"
    field = "publish"
    remedy = "Choose another port of the host, or stop what uses this one."

    def __init__(self, name: str, reason: str, *, holder: str = "") -> None:
        super().__init__(
            f"driver failed programming external connectivity on endpoint {name}: {reason}"
        )
        self.name = name
        self.reason = reason
        self.holder = holder


class VolumeInUse(WrongState):
    """Containers, running or not, have the volume; *holders* are their IDs."""

    code = "volume-in-use"
    remedy = "Remove those containers first."

    def __init__(self, name: str, *, holders: tuple[str, ...]) -> None:
        super().__init__(
            f"remove {name}: volume is in use - [{', '.join(holders)}]", field="volume"
        )
        self.name = name
        self.holders = holders


# --- Unsupported ------------------------------------------------------------------------------


class Unsupported(EngineError):
    """Valid, but not something this engine does."""

    kind = "unsupported"
    code = "unsupported"


class UnsupportedMediaType(Unsupported):
    """A document or layer of a kind that this engine does not read."""

    code = "unsupported-media-type"

    def __init__(self, media_type: str, *, what: str = "document") -> None:
        super().__init__(f"the {what} has media type {_quote(media_type)}, which is not supported")
        self.media_type = media_type


class LogUnreadable(Unsupported):
    """The container was told not to keep what it prints."""

    code = "log-unreadable"
    remedy = "Make the container anew with the logging driver json-file."

    def __init__(self, name: str) -> None:
        super().__init__("configured logging driver does not support reading", field="log")
        self.name = name


class NoMatchingPlatform(Unsupported):
    """The index offers no manifest for the wanted platform; *offered* lists what it has."""

    code = "no-matching-platform"
    field = "platform"

    def __init__(self, wanted: str, *, offered: tuple[str, ...]) -> None:
        super().__init__(
            f"no image for {wanted}", remedy="It is offered for: " + (", ".join(offered) or "none")
        )
        self.wanted = wanted
        self.offered = offered


class ForeignLayer(Unsupported):
    """A layer that registries may not hand out: its publisher alone does."""

    code = "foreign-layer"
    field = "reference"
    remedy = "Use an image whose layers a registry may distribute; such layers are Windows'."

    def __init__(self, digest: object, *, media_type: str) -> None:
        super().__init__(f"layer {digest} is foreign ({media_type}): no registry hands it out")
        self.digest = digest
        self.media_type = media_type


# --- IntegrityError ---------------------------------------------------------------------------


class IntegrityError(EngineError):
    """Bytes are not what their digest, size or record promises. Nothing of them was kept."""

    kind = "integrity"
    code = "integrity"


class DigestMismatch(IntegrityError):
    """The bytes hash to something else."""

    code = "digest-mismatch"
    remedy = "Pull again; if it happens again, the registry serves damaged content."

    def __init__(self, *, expected: object, actual: object) -> None:
        super().__init__(f"content has digest {actual}, expected {expected}")
        self.expected = expected
        self.actual = actual


class SizeMismatch(IntegrityError):
    """There are more or fewer bytes than announced."""

    code = "size-mismatch"
    remedy = "Pull again; if it happens again, the registry serves damaged content."

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(f"content has {actual} bytes, expected {expected}")
        self.expected = expected
        self.actual = actual


class DiffIDMismatch(IntegrityError):
    """The uncompressed layer is not the one that the image config names."""

    code = "diff-id-mismatch"
    remedy = "The image is damaged or was made wrongly: rebuild it and push it again."

    def __init__(self, *, expected: object, actual: object) -> None:
        super().__init__(f"layer has diff ID {actual}, its image config says {expected}")
        self.expected = expected
        self.actual = actual


class CorruptStore(IntegrityError):
    """The engine root contradicts itself."""

    code = "corrupt-store"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the engine root is damaged: {reason}")
        self.reason = reason


# --- Denied -----------------------------------------------------------------------------------


class Denied(EngineError):
    """A registry refused."""

    kind = "denied"
    code = "denied"


class AuthenticationFailed(Denied):
    """The registry wants a login, or did not accept the one it got (401)."""

    code = "authentication-failed"
    field = "reference"
    remedy = "Store a user name and password for this registry, or check the ones stored."

    def __init__(self, registry: str) -> None:
        super().__init__(f"{registry} asks for a login or did not accept it")
        self.registry = registry


class AccessDenied(Denied):
    """The registry knows who asks and does not allow it (403)."""

    code = "access-denied"
    field = "reference"
    remedy = "Ask the owner of the repository for access."

    def __init__(self, registry: str, *, repository: str) -> None:
        super().__init__(f"{registry} denies access to {repository}")
        self.registry = registry
        self.repository = repository


class RegistryUntrusted(Denied):
    """The registry's certificate does not convince this host, or ours does not convince it."""

    code = "registry-untrusted"
    field = "reference"

    def __init__(self, registry: str, *, reason: str) -> None:
        super().__init__(
            f"{registry} cannot be trusted: {reason}",
            remedy=f"Put the certificate of its authority into certs.d/{registry}/ca.crt below the"
            " engine root.",
        )
        self.registry = registry
        self.reason = reason


# --- Unavailable ------------------------------------------------------------------------------


class Unavailable(EngineError):
    """Not now; the same call may go through later."""

    kind = "unavailable"
    code = "unavailable"
    retryable = True


class RegistryUnreachable(Unavailable):
    """No connection, or it broke and could not be resumed."""

    code = "registry-unreachable"
    field = "reference"
    remedy = "Check the registry's name and that this host can reach it, then try again."

    def __init__(self, registry: str, *, reason: str = "") -> None:
        super().__init__(f"cannot reach {registry}" + (f": {reason}" if reason else ""))
        self.registry = registry
        self.reason = reason


class RateLimited(Unavailable):
    """The registry asks to wait (429); *retry_after* is in seconds, if it said."""

    code = "rate-limited"

    def __init__(self, registry: str, *, retry_after: float | None) -> None:
        wait = f"Try again in {retry_after:.0f} s." if retry_after else "Try again later."
        super().__init__(f"{registry} limits the rate of requests", remedy=wait)
        self.registry = registry
        self.retry_after = retry_after


class RegistryError(Unavailable):
    """
    The registry answered with an error of its own (5xx, or against the protocol).

    *retry_after* is in seconds, if it said when to ask again.
    """

    code = "registry-error"

    def __init__(
        self, registry: str, *, status: int, detail: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(f"{registry} answered {status}" + (f": {detail}" if detail else ""))
        self.registry = registry
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class PeerLost(Unavailable):
    """The other host of a synchronisation ended, or went silent, before it was done."""

    code = "peer-lost"
    remedy = "Try again: what has arrived is not sent again."

    def __init__(self, reason: str) -> None:
        super().__init__(f"the other host is gone: {reason}")
        self.reason = reason


# --- Failed -----------------------------------------------------------------------------------


class Failed(EngineError):
    """Somebody's program returned non-zero."""

    kind = "failed"
    code = "failed"


class CommandNotFound(Failed):
    """The container's command is not in its image, or cannot be executed (exit 127 or 126)."""

    code = "command-not-found"
    field = "command"
    remedy = "Check the command against the files of the image."

    def __init__(self, command: str, *, reason: str, exit_code: int = 127) -> None:
        super().__init__(f"cannot run {_quote(command)} in the container: {reason}")
        self.command = command
        self.reason = reason
        self.exit_code = exit_code


class RuntimeFailed(Failed):
    """The OCI runtime or the monitor refused; *stderr* is its last words."""

    code = "runtime-failed"

    def __init__(self, verb: str, *, stderr: str) -> None:
        super().__init__(f"the runtime could not {verb} the container: {stderr or 'no message'}")
        self.verb = verb
        self.stderr = stderr


class CredentialHelperFailed(Failed):
    """The program that keeps this host's registry passwords gave none, and did not say why."""

    code = "credential-helper-failed"
    remedy = "Log in again, or take the helper out of docker's config.json."

    def __init__(self, helper: str, *, registry: str, reason: str) -> None:
        super().__init__(f"{helper} gives no password for {registry}: {reason}", field="reference")
        self.helper = helper
        self.registry = registry
        self.reason = reason


class PeerFailed(Failed):
    """The other host of a synchronisation could not do its part; *peer_code* is its error's."""

    code = "peer-failed"

    def __init__(self, message: str, *, peer_code: str = "", remedy: str = "") -> None:
        super().__init__(f"the other host says: {message}", remedy=remedy)
        self.peer_code = peer_code


class StepFailed(Failed):
    """
    The program of a build step returned *exit_code*; *tail* is what it printed last.

    *line* is where its instruction begins in the Dockerfile. `kept_image` is the ID of the image
    that holds the state before the step, where one was asked for.
    """

    code = "step-failed"
    field = "dockerfile"
    kept_image = ""

    def __init__(self, step: str, *, exit_code: int, tail: str = "", line: int = 0) -> None:
        super().__init__(f"The command '{step}' returned a non-zero code: {exit_code}")
        self.step = step
        self.exit_code = exit_code
        self.tail = tail
        self.line = line


# --- SystemFailure ----------------------------------------------------------------------------


class SystemFailure(EngineError):
    """The kernel or the disk said no; `errno` says which way."""

    kind = "system"
    code = "system-failure"

    def __init__(self, message: str, *, errno: int | None = None, remedy: str = "") -> None:
        detail = f": {os.strerror(errno)}" if errno else ""
        super().__init__(message + detail, remedy=remedy)
        self.errno = errno


class MountFailed(SystemFailure):
    """A mount or unmount was refused; *device* is what a volume was to show."""

    code = "mount-failed"

    def __init__(self, target: object, *, errno: int | None, device: str = "") -> None:
        super().__init__(f"cannot mount {f'{device} ' * bool(device)}at {target}", errno=errno)
        self.target = target
        self.device = device


class OutOfSpace(SystemFailure):
    """The disk that holds *path* is full, or a quota is."""

    code = "out-of-space"
    retryable = True

    def __init__(self, path: object) -> None:
        super().__init__(
            f"no space left for {path}",
            errno=errno_module.ENOSPC,
            remedy="Clean up images and containers, or give the engine root a larger disk.",
        )
        self.path = path


def from_oserror(error: OSError, doing: str) -> SystemFailure:
    """Return the `SystemFailure` for *error*; *doing* completes the sentence 'cannot …'."""
    if error.errno in {errno_module.ENOSPC, errno_module.EDQUOT}:
        return OutOfSpace(error.filename or doing)
    return SystemFailure(f"cannot {doing}", errno=error.errno)


def _quote(text: str) -> str:
    shown = text if len(text) <= 120 else text[:120] + "…"
    return repr(shown)
