from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_order_status")]

    operations = [
        migrations.AddField(
            model_name="orderline",
            name="unit_price",
            field=models.DecimalField(decimal_places=2, max_digits=8, null=True),
        ),
    ]
