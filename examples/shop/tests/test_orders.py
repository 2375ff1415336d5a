from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from orders.cart import CartLine
from orders.checkout import place_order
from orders.models import Order, OrderLine


@pytest.fixture
def order(user, tea) -> Order:
    return place_order(user, [CartLine(tea, 2)])


def test_checking_out_needs_an_account(client, tea):
    client.post("/orders/cart/add/tea/", {"quantity": 1})
    response = client.post("/orders/checkout/")
    assert response["Location"] == "/accounts/login/?next=/orders/checkout/"


def test_checking_out_leads_to_the_order(shopper, tea):
    shopper.post("/orders/cart/add/tea/", {"quantity": 2})
    response = shopper.post("/orders/checkout/", follow=True)
    assert response.redirect_chain == [(Order.objects.get().get_absolute_url(), 302)]
    page = response.content.decode()
    assert "2 x Tea: € 9.00" in page
    assert "Cart (0)" in page


def test_a_failed_checkout_keeps_the_cart(shopper, tea):
    shopper.post("/orders/cart/add/tea/", {"quantity": 11})
    page = shopper.post("/orders/checkout/", follow=True).content.decode()
    assert "There are not enough of Tea left." in page
    assert "Cart (11)" in page


def test_people_see_their_own_orders_only(client, order):
    client.force_login(User.objects.create_user("eve"))
    assert "You have not ordered anything yet." in client.get("/orders/").content.decode()
    assert client.get(order.get_absolute_url()).status_code == 404
    assert client.post(f"/orders/{order.pk}/cancel/").status_code == 404


def test_the_list_shows_totals(shopper, order):
    assert "€ 9.00" in shopper.get("/orders/").content.decode()


def test_an_order_can_be_cancelled_by_its_owner(shopper, order):
    page = shopper.post(f"/orders/{order.pk}/cancel/", follow=True).content.decode()
    assert "Cancelled" in page


def test_a_shipped_order_stays(shopper, order):
    Order.objects.update(status=Order.Status.SHIPPED)
    page = shopper.post(f"/orders/{order.pk}/cancel/", follow=True).content.decode()
    assert "can&#x27;t be cancelled any more" in page


def test_the_database_refuses_an_unknown_status(order):
    with pytest.raises(IntegrityError, match="order_status_known"):
        Order.objects.update(status="lost")


def test_the_database_refuses_empty_lines(order):
    with pytest.raises(IntegrityError, match="order_line_not_empty"):
        OrderLine.objects.update(quantity=0)


def test_the_database_refuses_a_product_twice(order, tea):
    with pytest.raises(IntegrityError):
        OrderLine.objects.create(order=order, product=tea, quantity=1, unit_price=1)


def test_unpaid_orders_are_cancelled_in_time(order, tea, capsys):
    Order.objects.update(placed_at=timezone.now() - timedelta(days=15))
    call_command("cancel_unpaid_orders")
    order.refresh_from_db()
    tea.refresh_from_db()
    assert (order.status, tea.stock) == (Order.Status.CANCELLED, 10)
    assert capsys.readouterr().out == "1 orders cancelled\n"


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(days=13), "placed"), (timedelta(days=15), "paid")]
)
def test_young_and_paid_orders_stay(order, age, status):
    Order.objects.update(placed_at=timezone.now() - age, status=status)
    call_command("cancel_unpaid_orders")
    assert Order.objects.get().status == status


def test_a_dry_run_changes_nothing(order, capsys):
    Order.objects.update(placed_at=timezone.now() - timedelta(days=15))
    call_command("cancel_unpaid_orders", dry_run=True)
    assert Order.objects.get().status == Order.Status.PLACED
    assert capsys.readouterr().out == "1 orders would be cancelled\n"


@pytest.mark.django_db
def test_no_waiting_time_is_a_mistake():
    with pytest.raises(CommandError, match="at least 1"):
        call_command("cancel_unpaid_orders", days=0)
