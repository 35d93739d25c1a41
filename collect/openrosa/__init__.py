"""Phones send directly: the addresses that ODK Collect asks, and what happens to what it sends.

The protocol is OpenRosa's (form list, manifest, submission); the answers are those of ODK Central.
"""

from collect.openrosa.addresses import routes

__all__ = ["routes"]
