"""Where a request comes from, as limits count it."""

import ipaddress

from flask import request


def client_network() -> str:
    """Return the client's address; of IPv6 the /64 network, since one house has all of it."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
