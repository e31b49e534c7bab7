"""Outgoing webhooks: signed, never to the own network unless that is allowed, never redirected.

The receiver checks `X-Wangge-Signature`: `v1=` and the hex HMAC-SHA256, under the shared secret, of
`X-Wangge-Timestamp`, a full stop and the body as received. An old timestamp is a replay. A notice
may arrive twice, if the answer to the first request was lost; it then has the same
`Idempotency-Key`.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from gis.errors import invalid_field

STEP_TIMEOUT_S = 10.0  # for each step of a request
TOTAL_TIMEOUT_S = 15.0  # for the whole request
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class DeliveryError(Exception):
    """A notice did not arrive; the text gives the reason and holds no secret."""


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of `X-Wangge-Signature`.

    Parameters
    ----------
    timestamp
        Seconds since 1970, as sent in `X-Wangge-Timestamp`.
    """
    return (
        "v1="
        + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    )


def check_address(url: str) -> None:
    """Raise InvalidInput unless a URL can be a webhook's.

    Its host is checked when a notice is sent.

    Raises
    ------
    InvalidInput
        `notice_target.url_wrong`.
    """
    try:
        parts = urlsplit(url)
        fine = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
        fine = (
            fine
            and parts.username is None
            and not parts.fragment
            and url.isprintable()
            and " " not in url
            and bool(httpx.URL(url).host.encode("idna"))  # no label is empty or too long
        )
    except (ValueError, httpx.InvalidURL):
        fine = False
    if not fine:
        raise invalid_field("address", "notice_target.url_wrong", url=url[:80])


def is_address_allowed(address: str, *, private: bool) -> bool:
    """Return whether a webhook may go to an IP address.

    Parameters
    ----------
    private
        Whether addresses of the own network and this machine are allowed; link-local ones never
        are, since clouds keep their secrets there.
    """
    ip: Ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in NAT64:
            inner = ipaddress.IPv4Address(ip.packed[-4:])
        if inner is not None:
            ip = inner
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local:
        return False
    return ip.is_global or (private and (ip.is_private or ip.is_loopback))


def send(
    url: str, secret: str, number: int, topic: str, body: bytes, *, private: bool = False
) -> None:
    """Send a notice, signed with the present time.

    Parameters
    ----------
    number
        Number of the notice, the same for every attempt; 0 of a trial.
    private
        As for `is_address_allowed`.

    Raises
    ------
    DeliveryError
        No 2xx answer arrived in time.
    """
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "wangge",
        # every trial is another
        "Idempotency-Key": f"wangge-notice-{number or f'test-{uuid4()}'}",
        "X-Wangge-Notice": str(number),
        "X-Wangge-Topic": topic,
        "X-Wangge-Timestamp": str(timestamp),
        "X-Wangge-Signature": signature(secret, timestamp, body),
    }
    with ThreadPoolExecutor(1) as executor:  # the caller's thread may run an event loop
        executor.submit(lambda: asyncio.run(_within(url, headers, body, private))).result()


async def _within(url: str, headers: dict[str, str], body: bytes, private: bool) -> None:
    try:
        async with asyncio.timeout(TOTAL_TIMEOUT_S):  # also for a receiver that answers slowly
            await _post(url, headers, body, private)
    except (TimeoutError, httpx.TimeoutException):
        raise DeliveryError(f"no answer within {STEP_TIMEOUT_S:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise DeliveryError(
            f"cannot be reached: {type(error).__name__}: {str(error)[:120]}"
        ) from None


async def _post(url: str, headers: dict[str, str], body: bytes, private: bool) -> None:
    target = httpx.URL(url)
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        resolved = await asyncio.get_running_loop().getaddrinfo(
            target.host, port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        raise DeliveryError(f"the name {target.host} is not known") from None
    addresses = list(dict.fromkeys(str(ip[4][0]) for ip in resolved))
    for ip in addresses:
        if not is_address_allowed(ip, private=private):
            may = not private and is_address_allowed(ip, private=True)
            hint = "; WANGGE_PRIVATE_WEBHOOKS=yes allows it" if may else ""
            named = "" if ip == target.host else f"{ip}, "
            raise DeliveryError(f"{target.host} is {named}an address notices may not go to{hint}")
    # connect to the addresses that were checked: the name may resolve to others a moment later
    async with httpx.AsyncClient(
        verify=_trust(), timeout=STEP_TIMEOUT_S, follow_redirects=False, trust_env=False
    ) as client:
        for number, ip in enumerate(addresses, 1):
            request = client.build_request(
                "POST",
                target.copy_with(host=ip),
                content=body,
                headers=headers | {"Host": target.netloc.decode()},
                extensions={"sni_hostname": target.host},
            )
            try:
                answer = await client.send(request, stream=True)  # the body is not read
                break
            except httpx.ConnectError:
                if number == len(addresses):
                    raise
        await answer.aclose()
    if not answer.is_success:
        hint = ", redirects are not followed" if answer.is_redirect else ""
        raise DeliveryError(f"answered {answer.status_code}{hint}")


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
