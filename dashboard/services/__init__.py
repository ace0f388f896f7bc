"""
What changes the dashboard's data: each function one transaction with its audit entry.

Views call the functions about requests, people and credentials; workers call those about the work
on a job and about the projection.
"""

from dashboard.services.accounts import (
    add_person,
    change_role,
    create_first_account,
    create_setup_token,
    deactivate_person,
    is_setup_open,
    reactivate_person,
)
from dashboard.services.credentials import (
    RevealedCredential,
    delete_credential,
    note_check,
    reveal_credential,
    save_credential,
)
from dashboard.services.deliveries import (
    claim_delivery,
    finish_delivery,
    resend_lost_deliveries,
    retry_delivery,
)
from dashboard.services.jobs import cancel_job, request_job
from dashboard.services.leases import end_leases, tell_of_leases
from dashboard.services.notifications import mark_all_read, mark_read, notify, set_wants_mail
from dashboard.services.policies import (
    PolicyWish,
    delete_policy,
    run_due_policy,
    run_policy,
    save_policy,
    switch_policy,
)
from dashboard.services.projection import refresh_counts
from dashboard.services.questions import answer_owner, ask_owner, use_grants
from dashboard.services.secrets import reveal_secrets
from dashboard.services.stranded import release_jobs, resend_stranded_jobs
from dashboard.services.terminals import (
    end_terminal,
    open_terminal,
    request_terminal,
    terminal_reach,
)
from dashboard.services.trash import limit_trash, note_emptied
from dashboard.services.webhooks import (
    TEST_TITLE,
    delete_webhook,
    save_webhook,
    send_test,
    switch_webhook,
)
from dashboard.services.work import (
    append_log,
    claim_job,
    fail_job,
    finish_job,
    is_cancel_requested,
    mark_job_cancelled,
    renew_lease,
    requeue_job,
    save_progress,
)

__all__ = [
    "TEST_TITLE",
    "PolicyWish",
    "RevealedCredential",
    "add_person",
    "answer_owner",
    "append_log",
    "ask_owner",
    "cancel_job",
    "change_role",
    "claim_delivery",
    "claim_job",
    "create_first_account",
    "create_setup_token",
    "deactivate_person",
    "delete_credential",
    "delete_policy",
    "delete_webhook",
    "end_leases",
    "end_terminal",
    "fail_job",
    "finish_delivery",
    "finish_job",
    "is_cancel_requested",
    "is_setup_open",
    "limit_trash",
    "mark_all_read",
    "mark_job_cancelled",
    "mark_read",
    "note_check",
    "note_emptied",
    "notify",
    "open_terminal",
    "reactivate_person",
    "refresh_counts",
    "release_jobs",
    "renew_lease",
    "request_job",
    "request_terminal",
    "requeue_job",
    "resend_lost_deliveries",
    "resend_stranded_jobs",
    "retry_delivery",
    "reveal_credential",
    "reveal_secrets",
    "run_due_policy",
    "run_policy",
    "save_credential",
    "save_policy",
    "save_progress",
    "save_webhook",
    "send_test",
    "set_wants_mail",
    "switch_policy",
    "switch_webhook",
    "tell_of_leases",
    "terminal_reach",
    "use_grants",
]
