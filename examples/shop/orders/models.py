from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.urls import reverse

from catalog.models import Product


class OrderQuerySet(models.QuerySet["Order"]):
    def with_total(self) -> OrderQuerySet:
        return self.annotate(
            total=Sum(
                F("lines__quantity") * F("lines__unit_price"),
                default=Decimal(0),
                output_field=models.DecimalField(max_digits=12, decimal_places=2),
            )
        )

    def unpaid_since(self, moment: datetime) -> OrderQuerySet:
        return self.filter(status=Order.Status.PLACED, placed_at__lt=moment)


class Order(models.Model):
    class Status(models.TextChoices):
        PLACED = "placed"
        PAID = "paid"
        SHIPPED = "shipped"
        CANCELLED = "cancelled"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders"
    )
    placed_at = models.DateTimeField(auto_now_add=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PLACED)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at"]
        indexes = [models.Index(fields=["status", "placed_at"], name="order_by_status")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["placed", "paid", "shipped", "cancelled"]),
                name="order_status_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("orders:detail", args=[self.pk])


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(
        max_digits=8, decimal_places=2, help_text="The product's price when the order was placed"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_not_empty"),
            models.UniqueConstraint(fields=["order", "product"], name="order_line_per_product"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"

    @property
    def total(self) -> Decimal:
        return self.quantity * self.unit_price
