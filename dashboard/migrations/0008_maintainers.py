from django.db import migrations, models


def promote(apps, schema_editor):
    """Operators could act on everybody's things: who could, still can, as a maintainer."""
    apps.get_model('dashboard', 'User').objects.filter(role='operator').update(role='maintainer')


def demote(apps, schema_editor):
    apps.get_model('dashboard', 'User').objects.filter(role='maintainer').update(role='operator')


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0007_policies'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='role',
            field=models.CharField(
                choices=[
                    ('viewer', 'Viewer'),
                    ('operator', 'Operator'),
                    ('maintainer', 'Maintainer'),
                    ('admin', 'Admin'),
                ],
                default='viewer',
                max_length=16,
            ),
        ),
        migrations.RunPython(promote, demote),
    ]
