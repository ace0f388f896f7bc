"""Pages of rows, and the reading of single values from an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from django.db.models import QuerySet

M = TypeVar("M", bound=Model)

PAGE_SIZE = 50
COUNT_LIMIT = 10_000
LAST_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows of a list. *total* counts up to `COUNT_LIMIT`; beyond, `is_total_capped`."""

    rows: tuple[M, ...]
    number: int
    has_next: bool
    total: int
    size: int = PAGE_SIZE

    def __iter__(self) -> Iterator[M]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1

    @property
    def is_total_capped(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.total > COUNT_LIMIT

    @property
    def first(self) -> int:
        """The place of the first row in the whole list, from 1; 0 for an empty page."""
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The place of the last row in the whole list."""
        return (self.number - 1) * self.size + len(self.rows) if self.rows else 0


def page_of(rows: QuerySet[M], *, number: int, size: int = PAGE_SIZE) -> Page[M]:
    """Return page *number* of *rows*: three queries at most, none of which walks a whole table."""
    start = (number - 1) * size
    found = tuple(rows[start : start + size + 1])
    total = start + len(found)
    if len(found) > size or (start and not found):
        total = rows.order_by()[: COUNT_LIMIT + 1].count()
    return Page(found[:size], number, len(found) > size, total, size)


def text_in(query: Mapping[str, str], name: str, *, limit: int = 255) -> str:
    """Return the filter *name* of a URL's query, empty where it is missing or unreasonable."""
    value = query.get(name, "").strip()
    return "" if len(value) > limit or "\0" in value else value


def choice_in(query: Mapping[str, str], name: str, choices: Collection[str], default: str) -> str:
    """Return the filter *name* if it is one of *choices*, else *default*."""
    value = query.get(name, "")
    return value if value in choices else default


def page_in(query: Mapping[str, str]) -> int:
    """Return the page that a URL's query asks for; anything unreasonable is the first."""
    value = query.get("page", "1")
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 1
    return min(max(number, 1), LAST_PAGE)
