from django.db import migrations
from django.utils.text import slugify


def fill(apps, schema_editor):
    product_model = apps.get_model("catalog", "Product")
    products = product_model.objects.using(schema_editor.connection.alias)
    taken = set(products.exclude(slug=None).values_list("slug", flat=True))
    for product in products.filter(slug=None).order_by("pk").iterator():
        slug = slugify(product.name) or "product"
        if slug in taken:
            slug = f"{slug}-{product.pk}"
        taken.add(slug)
        products.filter(pk=product.pk).update(slug=slug)


def clear(apps, schema_editor):
    product_model = apps.get_model("catalog", "Product")
    product_model.objects.using(schema_editor.connection.alias).update(slug=None)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_product_slug")]

    operations = [migrations.RunPython(fill, clear)]
