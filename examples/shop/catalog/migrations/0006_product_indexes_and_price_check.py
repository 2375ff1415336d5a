from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_product_stock_and_activity")]

    operations = [
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["category", "name"], name="product_by_category"),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(
                condition=models.Q(("is_active", True)),
                fields=["-created_at"],
                name="product_newest_for_sale",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=models.CheckConstraint(
                condition=models.Q(("price__gte", 0)), name="product_price_not_negative"
            ),
        ),
    ]
