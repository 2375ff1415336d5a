from django.urls import path

from orders import views

app_name = "orders"

urlpatterns = [
    path("", views.OrderListView.as_view(), name="list"),
    path("<int:pk>/", views.OrderDetailView.as_view(), name="detail"),
    path("<int:pk>/cancel/", views.cancel_order, name="cancel"),
    path("cart/", views.show_cart, name="cart"),
    path("cart/add/<slug:slug>/", views.add_to_cart, name="add"),
    path("cart/remove/<int:pk>/", views.remove_from_cart, name="remove"),
    path("checkout/", views.checkout, name="checkout"),
]
