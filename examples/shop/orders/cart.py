"""What a visitor means to buy, kept in the session."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from catalog.models import Product

SESSION_KEY = "cart"


@dataclass(frozen=True)
class CartLine:
    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity


class Cart:
    def __init__(self, session: SessionBase) -> None:
        self.session = session
        # Sessions are JSON, so the products' ids are text here.
        self.quantities: dict[str, int] = dict(session.get(SESSION_KEY, {}))

    def __len__(self) -> int:
        return sum(self.quantities.values())

    def add(self, product: Product, quantity: int) -> None:
        key = str(product.pk)
        self.quantities[key] = self.quantities.get(key, 0) + quantity
        self._save()

    def remove(self, product_id: int) -> None:
        self.quantities.pop(str(product_id), None)
        self._save()

    def clear(self) -> None:
        self.quantities = {}
        self._save()

    def lines(self) -> list[CartLine]:
        """Products that are no longer sold are left out."""
        products = Product.objects.filter(pk__in=self.quantities, is_active=True)
        return [CartLine(product, self.quantities[str(product.pk)]) for product in products]

    def total(self) -> Decimal:
        return sum((line.total for line in self.lines()), Decimal(0))

    def _save(self) -> None:
        self.session[SESSION_KEY] = self.quantities


def context(request: HttpRequest) -> dict[str, Cart]:
    return {"cart": Cart(request.session)}
