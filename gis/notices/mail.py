"""Notices by mail: plain text, Chinese first."""

import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

from gis.errors import invalid_field
from gis.notices.notice_text import render_notice
from gis.notices.webhook import STEP_TIMEOUT_S, DeliveryError
from gis.settings import Settings


def check_address(address: str) -> None:
    """See that an address can be written to.

    Raises:
        InvalidInput: It is none.
    """
    _, found = parseaddr(address)
    name, _, host = found.partition("@")
    if (
        found != address
        or not name
        or "." not in host.strip(".")
        or not address.isascii()
        or not address.isprintable()
        or " " in address
    ):
        words = f"{address[:80]!r} is no e-mail address; as desk@example.cn"
        raise invalid_field("address", words)


def build_message(
    settings: Settings, address: str, number: int, topic: str, at: datetime, body: Mapping[str, Any]
) -> EmailMessage:
    """The mail of a notice; its Message-ID is the same for every try."""
    assert settings.smtp is not None
    told = render_notice(topic, body)
    sender = settings.smtp.sender
    made = EmailMessage()
    made["From"], made["To"] = sender, address
    made["Subject"] = " ".join(f"【网格】{told.what[0]} {told.what[1]}: {told.of[0]}".split())  # a header is one line
    made["Message-ID"] = f"<wangge-notice-{number}@{parseaddr(sender)[1].partition('@')[2]}>"
    made["Date"] = format_datetime(at)
    made["Auto-Submitted"] = "auto-generated"
    when = at.astimezone(settings.timezone).strftime("%Y-%m-%d %H:%M")
    incident = str(body.get("incident") or "")
    words = []
    for language, headings in enumerate((("事件", "时间"), ("Incident", "Time"))):
        lines = [f"{told.what[language]}: {told.of[language]}"]
        lines += [f"{name[language]}: {value[language]}" for name, value in told.lines]
        lines += [f"{headings[1]}: {when}", *([f"{headings[0]}: {incident}"] if incident else [])]
        words.append("\n".join(lines))
    if settings.address:
        words.append(f"{settings.address}/notices")
    made.set_content("\n\n".join(words) + "\n")
    return made


def send(settings: Settings, address: str, number: int, topic: str, at: datetime, body: Mapping[str, Any]) -> None:
    """Hand a notice to the mail server.

    Raises:
        Undelivered: There is none, or it did not take it.
    """
    smtp = settings.smtp
    if smtp is None:
        raise DeliveryError("no mail server is set; set WANGGE_SMTP_HOST and WANGGE_SMTP_FROM")
    try:
        with smtplib.SMTP(smtp.host, smtp.port, timeout=STEP_TIMEOUT_S) as server:
            if smtp.starttls:
                server.starttls(context=ssl.create_default_context())
            if smtp.user:
                server.login(smtp.user, smtp.password)
            server.send_message(build_message(settings, address, number, topic, at, body))
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise DeliveryError(f"the mail server refuses the address ({code})") from None
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"the mail server answered {error.smtp_code}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"the mail server cannot be reached: {type(error).__name__}") from None
