"""Ticked volumes that still wait to be removed go into the trash, like all others."""

from django.db import migrations

OLD, NEW = "cleanup.volumes", "volumes.trash"


def rename(apps, schema_editor):
    jobs = apps.get_model("dashboard", "Job").objects
    jobs.filter(name=OLD, finished_at__isnull=True).update(name=NEW)


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0012_owner_questions'),
    ]

    operations = [
        migrations.RunPython(rename, migrations.RunPython.noop),
    ]
