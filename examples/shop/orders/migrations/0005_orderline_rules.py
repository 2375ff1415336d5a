from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0004_copy_unit_prices")]

    operations = [
        migrations.AlterField(
            model_name="orderline",
            name="unit_price",
            field=models.DecimalField(
                decimal_places=2,
                help_text="The product's price when the order was placed",
                max_digits=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gt", 0)), name="order_line_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.UniqueConstraint(
                fields=("order", "product"), name="order_line_per_product"
            ),
        ),
    ]
