"""Asking owners to let something go, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from dashboard import audit
from dashboard.errors import BelongsToAnother
from dashboard.models import Answer, NoticeKind, OwnerQuestion, Role, User
from dashboard.permissions import check_permitted, grants, may_take, whose
from dashboard.services.notifications import notify

if TYPE_CHECKING:
    from dashboard.arguments import Arguments
    from dashboard.models import Job
    from dashboard.selectors.owners import Owned


def ask_owner(thing: Owned, *, user: User, note: str = "", address: str | None = None) -> None:
    """Have the owner of *thing* asked to let it go, or whoever maintains; asking twice is once."""
    check_permitted(user, Role.OPERATOR)
    try:
        with transaction.atomic():
            question = OwnerQuestion.objects.create(
                host_id=thing.host,
                kind=thing.thing.kind,
                object_id=thing.thing.id,
                name=thing.name[:255],
                owner=thing.owner,
                note=note[:500],
                asked_by=user,
            )
            _record("owner.ask", question, user, f"Asked for {thing.name}", address)
            _tell_owner(question)
    except IntegrityError:
        return


def answer_owner(
    question: OwnerQuestion, *, let_go: bool, user: User, address: str | None = None
) -> bool:
    """Write down what the owner says, and tell who asked; return whether it was open until now."""
    if not may_take(user, question.owner):
        raise BelongsToAnother(question.name, whose(question.owner))
    answer = Answer.LET_GO if let_go else Answer.KEEP
    said = f"lets {question.name} go" if let_go else f"keeps {question.name}"
    with transaction.atomic():
        still_open = OwnerQuestion.objects.filter(pk=question.pk, answer=Answer.OPEN)
        changed = still_open.update(answer=answer, answered_by=user, answered_at=timezone.now())
        if not changed:
            return False
        _record("owner.answer", question, user, f"{said} for {question.asked_by}", address)
        notify(
            NoticeKind.OWNER_ASKED,
            f"{user.username} {said}",
            "You may remove it now, once, within a week." if let_go else "",
            question.get_absolute_url(),
            users=[question.asked_by],
            key=f"owner.answered.{question.pk}",
        )
    return True


def use_grants(job: Job, arguments: Arguments) -> None:
    """Have what owners let go for the requester of *job*, and *job* removed, let go no more."""
    if arguments.is_removal:
        for thing in arguments.takes:
            found = grants(job.requested_by, job.host_id).filter(
                kind=thing.kind, object_id=thing.id
            )
            found.update(used_at=timezone.now())


def _tell_owner(question: OwnerQuestion) -> None:
    account = User.objects.filter(username=question.owner, is_active=True).first()
    notify(
        NoticeKind.OWNER_ASKED,
        f"{question.asked_by.username} asks you to let {question.name} go",
        question.note,
        question.get_absolute_url(),
        users=[account] if account else (),
        roles=() if account else (Role.MAINTAINER,),
        data={"host": question.host_id, "kind": question.kind, "id": question.object_id},
        key=f"owner.asked.{question.pk}",
    )


def _record(
    action: str, question: OwnerQuestion, user: User, summary: str, address: str | None
) -> None:
    audit.record_change(
        action,
        user=user,
        object_kind=question.kind,
        object_id=question.object_id,
        summary=f"{summary} on {question.host_id}",
        address=address,
    )
