from decimal import Decimal

from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import Client

from orders.cart import Cart


def test_adding_twice_adds_up(tea):
    session = SessionStore()
    Cart(session).add(tea, 2)
    Cart(session).add(tea, 1)
    assert len(Cart(session)) == 3
    assert Cart(session).total() == Decimal("13.50")


def test_retired_products_leave_the_cart(tea, make_product):
    cart = Cart(SessionStore())
    cart.add(tea, 1)
    cart.add(make_product("Cocoa", is_active=False), 1)
    assert [line.product for line in cart.lines()] == [tea]


def test_the_price_is_the_present_one(tea):
    cart = Cart(SessionStore())
    cart.add(tea, 1)
    tea.price = Decimal("5.00")
    tea.save()
    assert cart.total() == Decimal("5.00")


def test_an_empty_cart_is_free(db):
    assert Cart(SessionStore()).total() == Decimal(0)


def test_the_cart_survives_between_requests(client, tea):
    client.post("/orders/cart/add/tea/", {"quantity": 2})
    page = client.get("/orders/cart/").content.decode()
    assert "Cart (2)" in page
    assert "€ 9.00" in page


def test_removing_empties_the_cart(client, tea):
    client.post("/orders/cart/add/tea/", {"quantity": 2})
    client.post(f"/orders/cart/remove/{tea.pk}/")
    assert "Your cart is empty." in client.get("/orders/cart/").content.decode()


def test_an_impossible_quantity_is_explained(client, tea):
    response = client.post("/orders/cart/add/tea/", {"quantity": 0}, follow=True)
    assert response.redirect_chain == [("/products/tea/", 302)]
    assert "greater than or equal to 1" in response.content.decode()


def test_what_is_not_sold_can_not_be_added(client, make_product):
    make_product("Coffee", stock=0)
    assert client.post("/orders/cart/add/coffee/", {"quantity": 1}).status_code == 404


def test_adding_is_no_get(client, tea):
    assert client.get("/orders/cart/add/tea/").status_code == 405


def test_adding_wants_a_csrf_token(tea):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/orders/cart/add/tea/", {"quantity": 1}).status_code == 403
