from collections.abc import Sequence

from django.db import transaction
from django.db.models import F

from accounts.models import User
from catalog.models import Product
from orders.cart import CartLine
from orders.models import Order, OrderLine


class CheckoutError(Exception):
    """Why an order was not placed, as a sentence for the customer."""


@transaction.atomic
def place_order(user: User, lines: Sequence[CartLine]) -> Order:
    """Takes the goods from stock and keeps their present prices, all or nothing."""
    if not lines:
        raise CheckoutError("Your cart is empty.")
    # In one order for everybody: two checkouts with the same goods can't wait for each other.
    ids = sorted(line.product.pk for line in lines)
    products = Product.objects.select_for_update().order_by("pk").in_bulk(ids)
    order = Order.objects.create(user=user)
    for line in lines:
        product = products[line.product.pk]
        if not product.is_active or product.stock < line.quantity:
            raise CheckoutError(f"There are not enough of {product} left.")
        OrderLine.objects.create(
            order=order, product=product, quantity=line.quantity, unit_price=product.price
        )
        Product.objects.filter(pk=product.pk).update(stock=F("stock") - line.quantity)
    return order


@transaction.atomic
def cancel(order: Order) -> bool:
    """Puts the goods back; false when the order can't be cancelled any more."""
    cancelled = Order.objects.filter(pk=order.pk, status=Order.Status.PLACED).update(
        status=Order.Status.CANCELLED
    )
    if not cancelled:
        return False
    for line in order.lines.all():
        Product.objects.filter(pk=line.product_id).update(stock=F("stock") + line.quantity)
    return True
