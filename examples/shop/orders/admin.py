from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.models import Order, OrderLine


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    actions = ["mark_paid"]
    date_hierarchy = "placed_at"
    inlines = [OrderLineInline]
    list_display = ["__str__", "user", "status", "placed_at"]
    list_filter = ["status"]
    list_select_related = ["user"]

    @admin.action(description="Mark placed orders as paid")
    def mark_paid(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        count = queryset.filter(status=Order.Status.PLACED).update(status=Order.Status.PAID)
        self.message_user(request, f"{count} orders marked as paid.")
