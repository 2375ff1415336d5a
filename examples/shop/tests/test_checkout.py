from decimal import Decimal

import pytest

from catalog.models import Product
from orders.cart import CartLine
from orders.checkout import CheckoutError, cancel, place_order
from orders.models import Order


def stock(product: Product) -> int:
    return Product.objects.get(pk=product.pk).stock


def test_an_order_takes_the_goods(user, tea):
    order = place_order(user, [CartLine(tea, 3)])
    assert stock(tea) == 7
    assert Order.objects.with_total().get(pk=order.pk).total == Decimal("13.50")


def test_an_order_keeps_its_prices(user, tea):
    order = place_order(user, [CartLine(tea, 1)])
    Product.objects.update(price=Decimal("99.00"))
    assert order.lines.get().total == Decimal("4.50")


def test_an_empty_cart_is_no_order(user):
    with pytest.raises(CheckoutError, match="Your cart is empty"):
        place_order(user, [])


def test_too_few_goods_leave_everything_as_it_was(user, tea, make_product):
    cup = make_product("Cup", stock=1)
    with pytest.raises(CheckoutError, match="not enough of Cup"):
        place_order(user, [CartLine(tea, 1), CartLine(cup, 2)])
    assert (stock(tea), stock(cup), Order.objects.count()) == (10, 1, 0)


def test_a_product_retired_meanwhile_is_not_sold(user, tea):
    Product.objects.update(is_active=False)
    with pytest.raises(CheckoutError):
        place_order(user, [CartLine(tea, 1)])


def test_the_last_ones_can_be_bought(user, tea):
    place_order(user, [CartLine(tea, 10)])
    assert stock(tea) == 0


def test_cancelling_puts_the_goods_back_once(user, tea):
    order = place_order(user, [CartLine(tea, 3)])
    assert cancel(order) is True
    assert cancel(order) is False
    assert stock(tea) == 10


@pytest.mark.parametrize("status", ["paid", "shipped", "cancelled"])
def test_only_placed_orders_can_be_cancelled(user, tea, status):
    order = place_order(user, [CartLine(tea, 1)])
    Order.objects.update(status=status)
    assert cancel(order) is False
    assert stock(tea) == 9
