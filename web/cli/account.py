"""`./wangge account`: who may sign in, and what they may do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from gis.accounts import account_list, accounts
from gis.ops.shards.people import bring_person
from gis.rights.actions import ACCESS_ROLES
from gis.rights.principal import Principal, system_principal
from gis.settings import Settings
from web.cli.common import local_day, session_scope

ROLE = click.Choice([*ACCESS_ROLES])


@contextmanager
def changing(reason: str) -> Iterator[tuple[Session, Principal]]:
    """Yield a session that commits at the end, and the system's principal.

    Notes
    -----
    All rights are granted, since who has this shell has the database.
    """
    with session_scope(reason) as session:
        yield session, system_principal("command line")
        session.commit()


def tell_once(username: str, password: str) -> None:
    """Show a first password on stdout, and what to know about it on stderr."""
    click.echo(password)
    click.echo(
        f"wangge: the first password of {username};"
        f" it is shown only now and must be changed at the first sign-in",
        err=True,
    )


@click.group()
def command() -> None:
    """Accounts: list, add, grant, withdraw, password, block, unblock, link."""


@command.command("list")
@click.argument("search", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(search: str, as_json: bool) -> None:
    """List accounts; SEARCH is part of a user name, a person's name or staff number."""
    with session_scope() as session:
        rows = account_list.list_accounts(
            session, system_principal("command line"), datetime.now(UTC), search, 10_000
        )
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str))
        return
    for row in rows:
        roles = ", ".join(f"{role.role} {role.area}".strip() for role in row.roles) or "resident"
        state = "blocked" if not row.active else "locked" if row.locked else row.sign_in
        last = f"last {local_day(row.last)}" if row.last else "never signed in"
        click.echo(
            "  ".join(
                filter(
                    None, [row.username, f"[{state}]", roles, row.person_name, row.subject, last]
                )
            )
        )
    if not rows:
        click.echo(
            "wangge: no account; make one with ./wangge account add NAME --role administrator",
            err=True,
        )


@command.command()
@click.argument("name")
@click.option("--role", type=ROLE, help="Access role to begin with.")
@click.option("--area", multiple=True, help="Code of an area for the role; may be given again.")
@click.option(
    "--person",
    default="",
    help="Staff number of the person whose posts count (of a shard: COUNTY:NUMBER).",
)
@click.option(
    "--subject", default="", help='"issuer|sub", when they sign in at the identity provider.'
)
def add(name: str, role: str | None, area: tuple[str, ...], person: str, subject: str) -> None:
    """Make an account NAME; its first password is printed once (with --subject it has none).

    Raises
    ------
    UsageError
        An area is named without a role.
    """
    if area and not role:
        raise click.UsageError("--area needs --role")
    with changing("account add") as (session, by):
        bring_person(session, Settings.from_env(), person)
        new_account, password = accounts.add(session, by, name, person=person, subject=subject)
        for code in (area or ("",)) if role else ():
            accounts.grant(session, by, new_account, str(role), code)
        username = new_account.username
    if password:
        tell_once(username, password)
    else:
        click.echo(f"{username} signs in at the identity provider")


@command.command()
@click.argument("name")
@click.argument("role", type=ROLE)
@click.argument("area", default="")
def grant(name: str, role: str, area: str) -> None:
    """Give NAME an access ROLE for AREA.

    AREA is a code; none for a resident, or for an administrator of everything.
    """
    with changing("account grant") as (session, by):
        accounts.grant(session, by, accounts.get_account(session, name), role, area)
    click.echo(f"{name} is {role} {area}".rstrip())


@command.command()
@click.argument("name")
@click.argument("role", type=ROLE)
@click.argument("area", default="")
def withdraw(name: str, role: str, area: str) -> None:
    """Take the access ROLE for AREA back from NAME."""
    with changing("account withdraw") as (session, by):
        accounts.revoke_role(session, by, accounts.get_account(session, name), role, area)
    click.echo(f"{name} is no longer {role} {area}".rstrip())


@command.command()
@click.argument("name")
def password(name: str) -> None:
    """Give NAME a new first password, printed once.

    Ends their sessions and a lock after failed tries.
    """
    with changing("account password") as (session, by):
        secret = accounts.reset_password(session, by, accounts.get_account(session, name))
    tell_once(name, secret)


@command.command()
@click.argument("name")
def block(name: str) -> None:
    """Let NAME no longer sign in, and end their sessions."""
    with changing("account block") as (session, by):
        accounts.block(session, by, accounts.get_account(session, name))
    click.echo(f"{name} is blocked and signed out")


@command.command()
@click.argument("name")
def unblock(name: str) -> None:
    """Let NAME sign in again; also lifts a lock after failed tries."""
    with changing("account unblock") as (session, by):
        accounts.unblock(session, by, accounts.get_account(session, name))
    click.echo(f"{name} may sign in")


@command.command()
@click.argument("name")
@click.option("--subject", help='"issuer|sub" of the identity provider; "" unlinks.')
@click.option("--person", help='Staff number of the person whose posts count; "" unlinks.')
def link(name: str, subject: str | None, person: str | None) -> None:
    """Link NAME to a subject of the identity provider, or to a person who holds posts.

    Raises
    ------
    UsageError
        Neither option is set.
    """
    if subject is None and person is None:
        raise click.UsageError("give --subject, --person or both")
    with changing("account link") as (session, by):
        bring_person(session, Settings.from_env(), person or "")
        accounts.link(
            session, by, accounts.get_account(session, name), person=person, subject=subject
        )
    click.echo(f"the links of {name} are saved")
