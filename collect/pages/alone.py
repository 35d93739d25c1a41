"""No question leaves this machine: Streamlit would ask a service on the Internet by which address others see it.

It does so to compare with the origin of a WebSocket that comes from elsewhere, which anybody may open; the answer only
widens whom it lets in. Addresses that others use are written down instead: `server.corsAllowedOrigins`.
"""

from __future__ import annotations

from streamlit import net_util


def stay_alone() -> None:
    """Have Streamlit do without that address; to do it again changes nothing."""
    net_util.get_external_ip = _unknown


def _unknown() -> None:
    return None
