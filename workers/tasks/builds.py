"""Building images."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dashboard.jobs import JobName
from dashboard.models import RegistryCredential
from dashboard.permissions import is_permitted, requester_of, role_for_reach
from dashboard.services import reveal_secrets
from engine.errors import DockerfileError, StepFailed
from workers.inventory import Inventory
from workers.task import job_task
from workers.tasks.images import credentials_for
from workers.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.arguments import BuildImage
    from engine.build.recording import Built
    from engine.registry.credentials import Credentials
    from workers.work import Outcome, ReplacedImage, Work


@job_task(JobName.BUILD_IMAGE)
def build_image(work: Work[BuildImage]) -> Outcome:
    """
    Have the image that comes out, and let its tags name it.

    An upload goes when its image is there; until then it can be built of again.
    """
    uploads = Uploads(work.engine.paths.uploads)
    if not work.remembered.get("image_id"):
        outcome = _outcome(work, _build(work))
        work.remember(outcome)
    # Whoever ran this before may have been killed between the end of the build and that of the job.
    Inventory(work.engine, work.job.host_id).project_images()
    if work.arguments.upload:
        uploads.discard(work.arguments.upload)
    return cast("Outcome", work.remembered)


def _build(work: Work[BuildImage]) -> Built:
    # The builder's modules are for those who build; an idle worker does without.
    from engine.build.context import read_dockerfile
    from workers.building import context_of, failure_of, request_of

    may_reach = is_permitted(requester_of(work.job), role_for_reach())
    secrets = reveal_secrets(work.job.pk)
    request = request_of(work.arguments, may_reach=may_reach, secrets=secrets)
    with context_of(work.engine, work.arguments, work.cancellation) as context:
        try:
            return work.engine.builds.build(
                request,
                context,
                credentials=_credentials(work.arguments.credentials_id),
                progress=work.progress,
                cancellation=work.cancellation,
                owner=work.owner,
            )
        except (StepFailed, DockerfileError) as error:
            failure = failure_of(error, read_dockerfile(context, request.dockerfile))
            work.remember({"failure": failure})
            Inventory(work.engine, work.job.host_id).project_images()
            raise


def _credentials(credentials_id: int | None) -> Mapping[str, Credentials]:
    if credentials_id is None:
        return {}
    registries = RegistryCredential.objects.filter(pk=credentials_id)
    registry = registries.values_list("registry", flat=True).first() or ""
    credentials = credentials_for(credentials_id, registry)
    return {registry: credentials} if credentials else {}


def _outcome(work: Work[BuildImage], built: Built) -> Outcome:
    names = ", ".join(tag.familiar for tag in built.tags)
    called = f" as {names}" if names else ""
    replaced: list[ReplacedImage] = []
    for tag, image_id in built.replaced:
        # Who cleaned up meanwhile left nothing to link to.
        if (image := work.engine.images.find(str(image_id))) is not None:
            told: ReplacedImage = {
                "tag": str(tag),
                "image_id": str(image_id),
                "is_untagged": not image.tags,
            }
            replaced.append(told)
    return {
        "message": f"Built {built.image.id.short}{called}.",
        "image_id": str(built.image.id),
        "replaced": replaced,
    }
