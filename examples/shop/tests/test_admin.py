import pytest
from django.contrib import admin
from django.urls import reverse

from orders.cart import CartLine
from orders.checkout import place_order
from orders.models import Order

MODELS = ["accounts_user", "catalog_category", "catalog_product", "orders_order"]


@pytest.mark.parametrize("page", ["changelist", "add"])
@pytest.mark.parametrize("model", MODELS)
def test_every_page_opens(admin_client, model, page):
    assert admin_client.get(reverse(f"admin:{model}_{page}")).status_code == 200


def test_no_model_of_ours_was_forgotten():
    ours = {
        f"{model._meta.app_label}_{model._meta.model_name}"
        for model in admin.site._registry
        if model._meta.app_label in {"accounts", "catalog", "orders"}
    }
    assert ours == set(MODELS)


def test_products_can_be_searched(admin_client, make_product):
    make_product("Tea")
    make_product("Cup")
    page = admin_client.get(reverse("admin:catalog_product_changelist"), {"q": "tea"})
    assert [product.name for product in page.context["cl"].result_list] == ["Tea"]


def test_only_placed_orders_become_paid(admin_client, user, tea):
    placed = place_order(user, [CartLine(tea, 1)])
    shipped = place_order(user, [CartLine(tea, 1)])
    Order.objects.filter(pk=shipped.pk).update(status=Order.Status.SHIPPED)
    page = admin_client.post(
        reverse("admin:orders_order_changelist"),
        {"action": "mark_paid", "_selected_action": [placed.pk, shipped.pk]},
        follow=True,
    )
    assert "1 orders marked as paid." in page.content.decode()
    assert list(Order.objects.order_by("pk").values_list("status", flat=True)) == [
        "paid",
        "shipped",
    ]


def test_customers_stay_outside(shopper):
    assert shopper.get("/admin/").status_code == 302
