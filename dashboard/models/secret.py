"""What a job needs to know and nobody else may, for as long as it needs it."""

from __future__ import annotations

from django.db import models

from dashboard.models.job import Job


class JobSecret(models.Model):
    """
    A secret of one job, encrypted under `SHIPSHAPE_FIELD_KEY`.

    It is written with the job, read by `services.secrets.reveal_secrets` in a worker, and gone when
    the job ends, however that is.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100)
    encrypted_value = models.TextField(editable=False)

    class Meta:
        """One value per name and job."""

        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("job", "name"), name="job_secret_once"),)

    def __str__(self) -> str:
        return f"{self.name} of job {self.job_id}"
