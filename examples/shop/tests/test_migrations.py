"""The data migrations, run on rows as they were before each of them."""

from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrate():
    """Goes to the given migrations and returns the models as they were there."""

    def to(*targets: tuple[str, str]):
        executor = MigrationExecutor(connection)
        executor.migrate(list(targets))
        return executor.loader.project_state(list(targets)).apps

    yield to
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_slugs_are_filled_and_stay_unique(migrate):
    before = migrate(("catalog", "0002_product_slug"))
    category = before.get_model("catalog", "Category").objects.create(name="Drinks")
    products = before.get_model("catalog", "Product").objects
    ids = [
        products.create(name=name, price=1, category=category).pk
        for name in ("Green Tea", "Green tea", "茶")
    ]
    after = migrate(("catalog", "0004_product_slug_unique"))
    slugs = after.get_model("catalog", "Product").objects.in_bulk(ids)
    assert [slugs[pk].slug for pk in ids] == ["green-tea", f"green-tea-{ids[1]}", "product"]
    back = migrate(("catalog", "0002_product_slug"))
    assert not back.get_model("catalog", "Product").objects.exclude(slug=None).exists()


def test_old_order_lines_get_the_price_of_their_product(migrate):
    before = migrate(
        ("orders", "0003_orderline_unit_price"),
        ("accounts", "0005_unique_email"),
        ("catalog", "0006_product_indexes_and_price_check"),
    )
    user = before.get_model("accounts", "User").objects.create(username="ada")
    category = before.get_model("catalog", "Category").objects.create(name="Drinks")
    tea = before.get_model("catalog", "Product").objects.create(
        name="Tea", slug="tea", price=Decimal("4.50"), category=category
    )
    order = before.get_model("orders", "Order").objects.create(user=user)
    line = before.get_model("orders", "OrderLine").objects.create(
        order=order, product=tea, quantity=2
    )
    after = migrate(("orders", "0005_orderline_rules"))
    assert after.get_model("orders", "OrderLine").objects.get(pk=line.pk).unit_price == Decimal(
        "4.50"
    )


def test_addresses_become_lower_case(migrate):
    before = migrate(("accounts", "0003_user_newsletter"))
    user = before.get_model("accounts", "User").objects.create(username="ada", email="ADA@x.org")
    after = migrate(("accounts", "0005_unique_email"))
    assert after.get_model("accounts", "User").objects.get(pk=user.pk).email == "ada@x.org"


def test_the_models_have_no_change_without_a_migration():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
