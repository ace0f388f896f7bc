"""How long, and how much of, the logs of removed containers a host keeps."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0013_trash_volumes'),
    ]

    operations = [
        migrations.AddField(
            model_name='host',
            name='removed_log_hours',
            field=models.PositiveIntegerField(default=24),
        ),
        migrations.AddField(
            model_name='host',
            name='removed_log_max_bytes',
            field=models.BigIntegerField(default=268435456),
        ),
    ]
