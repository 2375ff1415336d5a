from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from orders.checkout import cancel
from orders.models import Order


class Command(BaseCommand):
    help = "Cancels orders that were never paid, and puts their goods back into stock."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=14, help="how long to wait (default: 14)")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, days: int, dry_run: bool, **options: Any) -> None:
        if days < 1:
            raise CommandError("--days must be at least 1")
        orders = Order.objects.unpaid_since(timezone.now() - timedelta(days=days))
        if dry_run:
            self.stdout.write(f"{orders.count()} orders would be cancelled")
            return
        cancelled = sum(cancel(order) for order in orders)
        self.stdout.write(f"{cancelled} orders cancelled")
