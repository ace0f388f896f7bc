from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0010_deliveries'),
    ]

    operations = [
        migrations.AddField(
            model_name='container',
            name='expires_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='container',
            index=models.Index(fields=['expires_at'], name='container_by_lease'),
        ),
    ]
