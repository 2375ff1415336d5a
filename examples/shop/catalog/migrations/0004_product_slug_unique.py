from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_fill_product_slugs")]

    operations = [
        migrations.AlterField(
            model_name="product",
            name="slug",
            field=models.SlugField(max_length=140, unique=True),
        ),
    ]
