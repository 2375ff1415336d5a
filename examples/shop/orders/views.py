from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, ListView

from catalog.models import Product
from orders.cart import Cart
from orders.checkout import CheckoutError, cancel, place_order
from orders.forms import AddToCartForm
from orders.models import Order, OrderQuerySet


def show_cart(request: HttpRequest) -> HttpResponse:
    return render(request, "orders/cart.html")


@require_POST
def add_to_cart(request: HttpRequest, slug: str) -> HttpResponse:
    product = get_object_or_404(Product.objects.for_sale(), slug=slug)
    form = AddToCartForm(request.POST)
    if not form.is_valid():
        messages.error(request, form.errors["quantity"][0])
        return redirect(product)
    Cart(request.session).add(product, form.cleaned_data["quantity"])
    return redirect("orders:cart")


@require_POST
def remove_from_cart(request: HttpRequest, pk: int) -> HttpResponse:
    Cart(request.session).remove(pk)
    return redirect("orders:cart")


@require_POST
@login_required
def checkout(request: HttpRequest) -> HttpResponse:
    cart = Cart(request.session)
    try:
        order = place_order(request.user, cart.lines())
    except CheckoutError as error:
        messages.error(request, str(error))
        return redirect("orders:cart")
    cart.clear()
    return redirect(order)


@require_POST
@login_required
def cancel_order(request: HttpRequest, pk: int) -> HttpResponse:
    order = get_object_or_404(Order, pk=pk, user=request.user)
    if not cancel(order):
        messages.error(request, "This order can't be cancelled any more.")
    return redirect(order)


class OwnOrdersMixin(LoginRequiredMixin):
    def get_queryset(self) -> OrderQuerySet:
        return Order.objects.filter(user=self.request.user).with_total()


class OrderListView(OwnOrdersMixin, ListView):
    pass


class OrderDetailView(OwnOrdersMixin, DetailView):
    pass
