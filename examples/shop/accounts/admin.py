from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from accounts.models import Address, User


class AddressInline(admin.TabularInline):
    model = Address
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    fieldsets = (*DjangoUserAdmin.fieldsets, ("Contact", {"fields": ("newsletter",)}))
    inlines = [AddressInline]
    list_display = (*DjangoUserAdmin.list_display, "newsletter")
