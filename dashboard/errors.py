"""
What the dashboard refuses, in the same two levels as the engine's tree.

    EngineError
    ├─ NotFound
    │  └─ HostNotFound · JobNotFound · CredentialNotFound · AccountNotFound
    ├─ WrongState
    │  └─ LastAdmin · SetupClosed
    ├─ Denied
    │  └─ NotPermitted
    └─ Unavailable
       └─ BrokerDown
"""

from __future__ import annotations

from engine.errors import Denied, NotFound, Unavailable, WrongState


class HostNotFound(NotFound):
    """No host of that name has joined."""

    code = "host-not-found"
    remedy = "Choose one of the hosts on the Hosts page."

    def __init__(self, name: str) -> None:
        super().__init__(f"No such host: {name}", field="host")
        self.name = name


class JobNotFound(NotFound):
    """No job of that ID."""

    code = "job-not-found"

    def __init__(self, job_id: object) -> None:
        super().__init__(f"No such job: {job_id}", field="job")
        self.job_id = job_id


class CredentialNotFound(NotFound):
    """No registry credential of that ID, or none that can be read with today's key."""

    code = "credential-not-found"
    remedy = "Enter the registry's password again."

    def __init__(self, credential_id: object) -> None:
        super().__init__(f"No such registry credential: {credential_id}", field="credentials_id")
        self.credential_id = credential_id


class AccountNotFound(NotFound):
    """No account of that ID."""

    code = "account-not-found"

    def __init__(self, account_id: object) -> None:
        super().__init__(f"No such account: {account_id}", field="account")
        self.account_id = account_id


class LastAdmin(WrongState):
    """The change would leave the team without an active admin."""

    code = "last-admin"
    remedy = "Make somebody else an admin first."

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the last active admin", field="role")
        self.name = name


class SetupClosed(WrongState):
    """The set-up token is unknown or used, or the first account exists."""

    code = "setup-closed"
    field = "token"

    def __init__(self, reason: str, *, remedy: str) -> None:
        super().__init__(reason, remedy=remedy)


class NotPermitted(Denied):
    """The person's role does not reach that far, or the account is no longer active."""

    code = "not-permitted"

    def __init__(self, needed: str) -> None:
        super().__init__(
            f"This needs the role {needed}", remedy="Ask an admin of your team for that role."
        )
        self.needed = needed


class BrokerDown(Unavailable):
    """Redis does not answer: what needs it has to wait, and what is stored stays as it is."""

    code = "broker-down"
    retryable = True
    remedy = "Try again in a moment; `./shipshape status` says what is wrong."

    def __init__(self) -> None:
        super().__init__("Redis does not answer.")
