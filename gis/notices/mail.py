"""Notices by mail: plain text, Chinese first."""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, Protocol

from gis.errors import invalid_field
from gis.messages import LOCALES, label
from gis.notices.notice_text import render_notice
from gis.notices.webhook import STEP_TIMEOUT_S, DeliveryError
from gis.settings import Settings, Smtp


def check_address(address: str) -> None:
    """Raise InvalidInput unless a text is a mail address.

    Raises
    ------
    InvalidInput
        `notice_target.mail_address_wrong`.
    """
    _, parsed = parseaddr(address)
    name, _, host = parsed.partition("@")
    if (
        parsed != address
        or not name
        or "." not in host
        or not all(host.split("."))
        or not address.isascii()
        or not address.isprintable()
        or " " in address
    ):
        raise invalid_field("address", "notice_target.mail_address_wrong", address=address[:80])


class MailNotice(Protocol):
    """What a mail is written from: a notice with its address and the names of what it is about."""

    id: int
    topic: str
    at: datetime
    body: Mapping[str, Any]
    address: str
    area_name: str
    category_en: str


def build_message(settings: Settings, notice: MailNotice) -> EmailMessage:
    """Return the mail of a notice; its Message-ID is the same for every attempt."""
    texts = {
        language: render_notice(
            notice.topic,
            notice.body,
            language,
            area_name=notice.area_name,
            category_en=notice.category_en,
        )
        for language in LOCALES
    }
    chinese, english = texts["zh"], texts["en"]
    subject = f"{label('notice.mail_tag', 'zh')}{chinese.event} {english.event}: {chinese.subject}"
    message = _blank(settings, notice.address, subject, f"notice-{notice.id}", notice.at)
    time = notice.at.astimezone(settings.timezone).strftime("%Y-%m-%d %H:%M")
    incident = str(notice.body.get("incident") or "")
    paragraphs = []
    for language, words in texts.items():
        lines = [
            (words.event, words.subject),
            *words.lines,
            (label("notice_line.time", language), time),
        ]
        if incident:
            lines.append((label("notice_line.incident", language), incident))
        paragraphs.append("\n".join(f"{heading}: {value}" for heading, value in lines))
    if settings.address:
        paragraphs.append(f"{settings.address}/notices")
    message.set_content("\n\n".join(paragraphs) + "\n")
    return message


def _blank(settings: Settings, address: str, subject: str, key: str, at: datetime) -> EmailMessage:
    """Return a mail without text; its key makes it the same mail whenever it is sent again."""
    sender = _server(settings).sender
    message = EmailMessage()
    message["From"], message["To"] = sender, address
    message["Subject"] = " ".join(subject.split())  # a header is one line
    message["Message-ID"] = f"<wangge-{key}@{parseaddr(sender)[1].partition('@')[2]}>"
    message["Date"] = format_datetime(at)
    message["Auto-Submitted"] = "auto-generated"
    return message


def send(settings: Settings, notice: MailNotice) -> None:
    """Send a notice through the mail server.

    Raises
    ------
    DeliveryError
        No server is set, or it did not accept the mail.
    """
    _deliver(settings, build_message(settings, notice))


def send_text(
    settings: Settings,
    address: str,
    subject: str,
    paragraphs: Sequence[str],
    *,
    key: str,
    at: datetime,
) -> None:
    """Send a plain mail through the mail server.

    Parameters
    ----------
    key
        Of the mail, the same for every attempt.
    at
        Its date.

    Raises
    ------
    DeliveryError
        No server is set, or it did not accept the mail.
    """
    message = _blank(settings, address, subject, key, at)
    message.set_content("\n\n".join(paragraphs) + "\n")
    _deliver(settings, message)


def _server(settings: Settings) -> Smtp:
    if settings.smtp is None:
        raise DeliveryError("no mail server is set; set WANGGE_SMTP_HOST and WANGGE_SMTP_FROM")
    return settings.smtp


def _deliver(settings: Settings, message: EmailMessage) -> None:
    smtp = _server(settings)
    try:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=STEP_TIMEOUT_S)
        try:
            if smtp.starttls:
                server.starttls(context=ssl.create_default_context())
            if smtp.user:
                server.login(smtp.user, smtp.password)
            server.send_message(message)
            with suppress(OSError, smtplib.SMTPException):
                server.quit()  # the mail was taken, whatever the answer to this is
        finally:
            server.close()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise DeliveryError(f"the mail server refuses the address ({code})") from None
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"the mail server answered {error.smtp_code}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"the mail server cannot be reached: {type(error).__name__}") from None
