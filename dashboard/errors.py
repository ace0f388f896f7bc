"""
What the dashboard refuses, in the same two levels as the engine's tree.

    EngineError
    ├─ NotFound
    │  └─ HostNotFound · JobNotFound · CredentialNotFound · AccountNotFound
    │  └─ VolumeUnknown · NetworkUnknown · ThingUnknown · NotificationNotFound · PolicyNotFound
    │  └─ WebhookNotFound
    ├─ WrongState
    │  └─ LastAdmin · SetupClosed · TerminalClosed · NameOfAnotherPolicy
    ├─ Denied
    │  └─ NotPermitted · ReachesHost · BelongsToAnother
    ├─ Failed
    │  └─ AnswerRefused
    └─ Unavailable
       └─ BrokerDown · HostSilent · NoHostAnswers
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import Denied, Failed, NotFound, Unavailable, WrongState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


class VolumeUnknown(NotFound):
    """No volume of that name on that host, as far as it has told."""

    code = "volume-unknown"

    def __init__(self, name: str) -> None:
        super().__init__(f"No such volume: {name}", field="name")
        self.name = name


class NetworkUnknown(NotFound):
    """No network of that ID on that host, as far as it has told."""

    code = "network-unknown"

    def __init__(self, network_id: str) -> None:
        super().__init__(f"No such network: {network_id}", field="network_id")
        self.network_id = network_id


class NotificationNotFound(NotFound):
    """Nothing of that ID was told to this person."""

    code = "notification-not-found"

    def __init__(self, notification_id: int) -> None:
        super().__init__(f"No such notification: {notification_id}", field="notification")
        self.notification_id = notification_id


class PolicyNotFound(NotFound):
    """No clean-up policy of that ID, or none any more."""

    code = "policy-not-found"

    def __init__(self, policy_id: int) -> None:
        super().__init__(f"No such clean-up policy: {policy_id}", field="policy")
        self.policy_id = policy_id


class WebhookNotFound(NotFound):
    """No webhook of that ID, or none any more."""

    code = "webhook-not-found"

    def __init__(self, webhook_id: int) -> None:
        super().__init__(f"No such webhook: {webhook_id}", field="webhook")
        self.webhook_id = webhook_id


class NameOfAnotherPolicy(WrongState):
    """Another clean-up policy is called the same."""

    code = "policy-name-taken"
    remedy = "Give it another name."

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a policy called {name}", field="name")
        self.name = name


class ThingUnknown(NotFound):
    """Nothing of that kind and ID on that host, as far as it has told."""

    code = "thing-unknown"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"No such {kind}: {name}")


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


class TerminalClosed(WrongState):
    """The terminal is unknown, was opened before, or was asked for too long ago."""

    code = "terminal-closed"
    remedy = "Open a new one."

    def __init__(self) -> None:
        super().__init__("This terminal cannot be opened any more")


class NotPermitted(Denied):
    """The person's role does not reach that far, or the account is no longer active."""

    code = "not-permitted"

    def __init__(self, needed: str) -> None:
        super().__init__(
            f"This needs the role {needed}", remedy="Ask an admin of your team for that role."
        )
        self.needed = needed


class ReachesHost(Denied):
    """The person may do such things, but not with settings that reach into the host."""

    code = "reaches-host"

    def __init__(self, reach: Sequence[str], needed: str) -> None:
        named = ", ".join(reach)
        super().__init__(
            f"This reaches into the host ({named}) and needs the role {needed}",
            field=reach[0],
            remedy="Leave it out, or ask somebody with that role.",
        )
        self.reach = tuple(reach)


class BelongsToAnother(Denied):
    """The person may do such things, but only with their own."""

    code = "belongs-to-another"
    remedy = "Somebody with the role Maintainer may do it, too."

    def __init__(self, what: str, whose: str) -> None:
        super().__init__(f"{what} {whose}")


class AnswerRefused(Failed):
    """The host could not answer, and said why."""

    code = "answer-refused"

    def __init__(self, told: Mapping[str, str]) -> None:
        super().__init__(
            told.get("message", ""), field=told.get("field", ""), remedy=told.get("remedy", "")
        )
        self.told_code = told.get("code", "")


class HostSilent(Unavailable):
    """The agent of the host does not answer."""

    code = "host-silent"
    retryable = True
    remedy = "Run `./shipshape status` there, or try again in a moment."

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} does not answer")
        self.host = host


class NoHostAnswers(Unavailable):
    """No host of the team has reported lately."""

    code = "no-host-answers"
    retryable = True
    remedy = "See the Hosts page for which of them are offline."

    def __init__(self) -> None:
        super().__init__("No host is online that could look there")


class BrokerDown(Unavailable):
    """Redis does not answer: what needs it has to wait, and what is stored stays as it is."""

    code = "broker-down"
    retryable = True
    remedy = "Try again in a moment; `./shipshape status` says what is wrong."

    def __init__(self) -> None:
        super().__init__("Redis does not answer.")
