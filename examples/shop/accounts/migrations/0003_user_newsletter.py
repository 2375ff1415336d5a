from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_address")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="newsletter",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
