from django.db import migrations
from django.db.models import OuterRef, Subquery


def copy(apps, schema_editor):
    alias = schema_editor.connection.alias
    product_model = apps.get_model("catalog", "Product")
    line_model = apps.get_model("orders", "OrderLine")
    price = product_model.objects.filter(pk=OuterRef("product_id")).values("price")
    line_model.objects.using(alias).filter(unit_price=None).update(unit_price=Subquery(price))


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0003_orderline_unit_price"),
        ("catalog", "0004_product_slug_unique"),
    ]

    operations = [migrations.RunPython(copy, migrations.RunPython.noop)]
