"""Households and their design become estimates: what share holds, and how far the truth may lie from it."""

from collect.estimate.estimates import estimate
from collect.estimate.weights import weigh

__all__ = ["estimate", "weigh"]
