"""Images with their tags and layers, as the hosts' engines report them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone

from dashboard.models.host import Host

DIGEST_LENGTH = 71  # sha256: and 64 digits


class Layer(models.Model):
    """
    One layer on one host, stored once however many images use it.

    `archive_bytes` is what its packed form takes beside `size`; with `is_cached` the build cache
    holds it, so that it stays when its last image goes. One that only the cache holds has no
    `diff_id`.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="layers")
    chain_id = models.CharField(max_length=DIGEST_LENGTH)
    diff_id = models.CharField(max_length=DIGEST_LENGTH)
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    media_type = models.CharField(max_length=128, blank=True)
    size = models.BigIntegerField(default=0)
    compressed_size = models.BigIntegerField(default=0)
    archive_bytes = models.BigIntegerField(default=0)
    is_cached = models.BooleanField(default=False)

    class Meta:
        """A chain ID names one layer on a host."""

        constraints = (
            models.UniqueConstraint(fields=("host", "chain_id"), name="layer_once_per_host"),
        )

    def __str__(self) -> str:
        return f"{self.chain_id} on {self.host_id}"

    def get_absolute_url(self) -> str:
        """Return the address that tells who holds it."""
        return reverse("layer_detail", args=(self.host_id, self.chain_id.removeprefix("sha256:")))

    @property
    def short_id(self) -> str:
        """The first 12 digits of what names it."""
        return (self.diff_id or self.chain_id).removeprefix("sha256:")[:12]


class Image(models.Model):
    """
    An image on one host. `image_id` is the whole digest, `sha256:…`.

    `size` is all its layers, `shared_size` what other images on the host use too, or the build
    cache; `unique_size` is what would come free if this one alone went, and `document_bytes` the
    part of it that is no layer. `story` says in words what a dangling image used to
    be.
    """

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="images")
    image_id = models.CharField(max_length=DIGEST_LENGTH)
    manifest_digest = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    repo_digests = models.JSONField(default=list, blank=True)
    config = models.JSONField(default=dict, blank=True)
    history = models.JSONField(default=list, blank=True)
    size = models.BigIntegerField(default=0)
    shared_size = models.BigIntegerField(default=0)
    unique_size = models.BigIntegerField(default=0)
    document_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(null=True, blank=True)
    added_at = models.DateTimeField(default=timezone.now)
    added_by = models.CharField(max_length=150, blank=True)
    source = models.CharField(max_length=1024, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    is_dangling = models.BooleanField(default=False)
    story = models.TextField(blank=True)
    container_count = models.PositiveIntegerField(default=0)
    engine_sequence = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField(auto_now=True)

    layers = models.ManyToManyField(Layer, through="ImageLayer", related_name="images")

    class Meta:
        """Lists go by time added, within a host or over all of them."""

        ordering = ("-added_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("host", "image_id"), name="image_once_per_host"),
        )
        indexes = (
            models.Index(fields=("-added_at", "-id"), name="image_by_age"),
            models.Index(fields=("host", "-added_at"), name="image_by_host_and_age"),
            models.Index(fields=("-size", "-id"), name="image_by_size"),
            models.Index(
                fields=("host", "-added_at"),
                name="image_dangling",
                condition=models.Q(is_dangling=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.short_id} on {self.host_id}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("image_detail", args=(self.host_id, self.hex))

    @property
    def hex(self) -> str:
        """The image ID without its algorithm, as it stands in URLs."""
        return self.image_id.removeprefix("sha256:")

    @property
    def short_id(self) -> str:
        """The first 12 digits: what people see."""
        return self.hex[:12]

    @property
    def row_id(self) -> str:
        """The id of this image's element in a page."""
        return f"image-{self.host_id}-{self.hex}"


class ImageLayer(models.Model):
    """That a layer is part of an image, and where: position 0 is the lowest."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="image_layers")
    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="image_layers")
    position = models.PositiveIntegerField()

    class Meta:
        """Lowest first."""

        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("image", "position"), name="layer_position_once"),
        )

    def __str__(self) -> str:
        return f"layer {self.position} of image {self.image_id}"


class Tag(models.Model):
    """One of an image's names. `reference` is canonical, `repository` as docker shows it."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="tags")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="tags")
    reference = models.CharField(max_length=512)
    repository = models.CharField(max_length=384)
    tag = models.CharField(max_length=128)
    since = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A reference names one image on a host."""

        ordering = ("repository", "tag")
        constraints = (
            models.UniqueConstraint(fields=("host", "reference"), name="tag_once_per_host"),
        )
        indexes = (models.Index(fields=("repository", "tag"), name="tag_by_repository"),)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"
