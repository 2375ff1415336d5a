from django.db import migrations
from django.db.models.functions import Lower


def lowercase(apps, schema_editor):
    user_model = apps.get_model("accounts", "User")
    user_model.objects.using(schema_editor.connection.alias).update(email=Lower("email"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_user_newsletter")]

    # How an address was written first is not known any more; the lower-case one serves as well.
    operations = [migrations.RunPython(lowercase, migrations.RunPython.noop)]
