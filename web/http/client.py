"""Where a request comes from, as limits count it."""

import ipaddress

from flask import request


def client_network() -> str:
    """Return the client's address; of IPv6 the /64 network, since one house has all of it."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if (
            address.ipv4_mapped
        ):  # as a dual-stack socket names IPv4 clients: all of them would share one /64
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
