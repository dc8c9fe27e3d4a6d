"""Promotion: which version of a registered model an alias points to, decided by a gate and written down."""

from cytolapse.tracking.promotion.decide import CHAMPION, Outcome, Refused, Wish, promote
from cytolapse.tracking.promotion.rollback import Back, rollback

__all__ = ["CHAMPION", "Back", "Outcome", "Refused", "Wish", "promote", "rollback"]
