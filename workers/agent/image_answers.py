"""What this host's engine answers to questions about images."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from dashboard.agents import Question
from engine.errors import InvalidInput, TagMoved
from engine.oci.digest import ChainID, Digest, ImageID
from engine.oci.reference import Reference
from workers.agent.saving import Savings
from workers.agent.sending import Sendings
from workers.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.engine import Engine
    from engine.images.record import ImageRecord
    from workers.agent.questions import Answer

MOST_FILES = 2000
MOST_RELATIVES = 200
MOST_MOVES = 500
MOST_PIECE = 1 << 20
MOST_FILE = 5 << 20


class ImageAnswers:
    """Answers over *engine*."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._savings = Savings()
        self._sendings = Sendings()
        self._uploads = Uploads(engine.paths.uploads)

    def answers(self) -> Mapping[str, Answer]:
        """Return who answers each question."""
        return {
            Question.IMAGE_FILES.value: self.files,
            Question.LAYER_FILES.value: self.layer_files,
            Question.LAYER_FILE.value: self.layer_file,
            Question.IMAGE_COMPARE.value: self.compare,
            Question.IMAGE_LINEAGE.value: self.lineage,
            Question.IMAGE_DOCKERFILE.value: self.dockerfile,
            Question.TAG_HISTORY.value: self.tag_history,
            Question.SAVE_OPEN.value: self.save_open,
            Question.SAVE_READ.value: self.save_read,
            Question.UPLOAD_WRITE.value: self.upload_write,
            Question.SEND_OPEN.value: self.send_open,
            Question.SEND_TURN.value: self.send_turn,
        }

    def files(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what each layer of an image did, the lowest first, and the worst waste."""
        found = self._engine.images.files(_image_id(told, "image_id"))
        return {
            "layers": [
                {
                    "chain_id": str(layer.chain_id),
                    "added": layer.added,
                    "changed": layer.changed,
                    "removed": layer.removed,
                    "brought_bytes": layer.brought_bytes,
                    "wasted_bytes": layer.wasted_bytes,
                }
                for layer in found.layers
            ],
            "wasted_bytes": found.wasted_bytes,
            "wasted": [[each.path, each.wasted_bytes] for each in found.wasted],
        }

    def layer_files(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return paths that a layer touched: change, path, kind, size; those with *text* in it."""
        chain_id, text = ChainID(_digest(told, "chain_id")), str(told.get("text") or "")[:200]
        found = (each for each in self._engine.images.layer_files(chain_id) if text in each.path)
        files = list(islice(found, MOST_FILES + 1))
        return {
            "files": [
                [each.change.value, _printable(each.path), each.kind.value, each.size]
                for each in files[:MOST_FILES]
            ],
            "has_more": len(files) > MOST_FILES,
        }

    def layer_file(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of one regular file that a layer brought, if it is small."""
        chain_id, path = ChainID(_digest(told, "chain_id")), str(told.get("path"))
        content = self._engine.images.read_layer_file(chain_id, path, limit=MOST_FILE)
        return {"content": content}

    def compare(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return in what the image *other* differs from the image *image_id*."""
        before, after = str(_image_id(told, "image_id")), str(_image_id(told, "other"))
        found = self._engine.images.compare(before, after)
        return {
            "config": [
                [each.field, each.key, each.before[:2000], each.after[:2000]]
                for each in found.config
            ],
            "layers": {
                name: [[str(layer.diff_id), layer.size] for layer in layers]
                for name, layers in (
                    ("shared", found.shared),
                    ("before", found.only_before),
                    ("after", found.only_after),
                )
            },
            "files": [
                [each.change.value, _printable(each.path), each.size_before, each.size_after]
                for each in found.files[:MOST_FILES]
            ],
            "totals": {
                change.value: [total.paths, total.bytes] for change, total in found.totals.items()
            },
        }

    def lineage(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the images that one was built on, and those built on it, the nearest first."""
        found = self._engine.images.lineage(_image_id(told, "image_id"))
        return {
            "bases": [_relative(each) for each in found.bases[:MOST_RELATIVES]],
            "derived": [_relative(each) for each in found.derived[:MOST_RELATIVES]],
        }

    def dockerfile(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return an approximate Dockerfile."""
        return {"text": self._engine.images.dockerfile(_image_id(told, "image_id"))}

    def tag_history(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what tags came to an image and went from it, the latest first."""
        moves = self._engine.images.tag_moves(_image_id(told, "image_id"))
        return {
            "moves": [
                {
                    "name": move.reference.familiar,
                    "previous": str(move.previous) if move.previous else "",
                    "image_id": str(move.image_id) if move.image_id else "",
                    "at": move.moved_at.isoformat(),
                    "by": move.moved_by,
                    "reason": move.reason,
                }
                for move in moves[:MOST_MOVES]
            ]
        }

    def save_open(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to write an archive of *references*; returns what `save_read` asks by."""
        references = told.get("references")
        if not isinstance(references, list) or not all(isinstance(r, str) for r in references):
            raise InvalidInput("a download names images")
        chosen, images = references[:100], self._engine.images
        for reference in chosen:
            images.get(reference)
        return {"saving": self._savings.open(lambda out: images.save(chosen, out))}

    def save_read(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the next piece of an archive, empty at its end."""
        return {"content": self._savings.read(str(told.get("saving")), MOST_PIECE)}

    def upload_write(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a piece of an archive that is being sent here."""
        content, offset = told.get("content"), told.get("offset")
        if not isinstance(content, bytes) or not isinstance(offset, int) or offset < 0:
            raise InvalidInput("a piece of an upload is bytes and where they belong")
        if len(content) > MOST_PIECE:
            raise InvalidInput("a piece of an upload is too large")
        return {"length": self._uploads.write(str(told.get("upload")), offset, content)}

    def send_open(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to give the image *image_id* under its tag *reference* to another host."""
        reference, images = Reference.parse(str(told.get("reference"))), self._engine.images
        image = images.get(str(reference))
        if str(image.id) != told.get("image_id"):
            # What goes is what the page showed, and nothing that took its name since.
            raise TagMoved(reference.familiar, now=image.id.short)
        return {"sending": self._sendings.open(lambda *streams: images.send(reference, *streams))}

    def send_turn(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Hear what the other host says, and say what is next."""
        content = told.get("content")
        if not isinstance(content, bytes):
            raise InvalidInput("what is heard is bytes")
        key, is_last = str(told.get("sending")), told.get("is_last") is True
        said, is_done = self._sendings.turn(key, content, MOST_PIECE, is_last=is_last)
        return {"content": said, "is_done": is_done}


def _relative(image: ImageRecord) -> dict[str, Any]:
    return {
        "image_id": str(image.id),
        "names": [tag.familiar for tag in image.tags],
        "layers": len(image.layers),
        "size": image.size,
        "created": image.created_at.isoformat() if image.created_at else None,
    }


def _digest(told: Mapping[str, Any], name: str) -> Digest:
    return Digest.parse(str(told.get(name)))


def _image_id(told: Mapping[str, Any], name: str) -> ImageID:
    return ImageID(_digest(told, name))


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
