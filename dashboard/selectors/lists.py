"""
Lists as their addresses choose them: filters, orders and pages of any noun.

What is special about the list of one noun is a `Listing`: which rows there are, which filters an
address may set and what each means, and in which orders the rows come. What an address asks of it
is a `Chosen`; the listing reads that from the address and applies it to the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from django.db.models import F, Model, Q

from dashboard.selectors.pages import Page, choice_in, page_in, page_of, text_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from django.db.models import QuerySet
    from django.db.models.expressions import OrderBy

M = TypeVar("M", bound=Model)
Order: TypeAlias = "tuple[str | OrderBy, ...]"

LONGEST = 255


@dataclass(frozen=True, slots=True)
class Filter:
    """
    What a value of one parameter of an address means.

    Without *choices* any text up to *longest* makes sense.
    """

    meaning: Callable[[str], Q]
    choices: Collection[str] | None = None
    longest: int = LONGEST

    def read(self, query: Mapping[str, str], name: str) -> str:
        """Return the value that *query* gives, empty where that makes no sense."""
        if self.choices is None:
            return text_in(query, name, limit=self.longest)
        return choice_in(query, name, self.choices, "")


def where(*lookups: str, longest: int = LONGEST) -> Filter:
    """Return the filter whose value one of *lookups* finds, as `name__icontains` does."""
    return Filter(
        lambda value: reduce(or_, (Q(**{lookup: value}) for lookup in lookups)), longest=longest
    )


def one_of(meanings: Mapping[str, Q]) -> Filter:
    """Return the filter that knows these values alone."""
    return Filter(meanings.__getitem__, choices=meanings)


def rising(column: str, *, unknown_last: bool = False) -> Order:
    """Return the order by *column*, the least first; equal ones by age."""
    return F(column).asc(nulls_last=unknown_last or None), "id"


def falling(column: str, *, unknown_last: bool = False) -> Order:
    """Return the order by *column*, the greatest first; equal ones the newest first."""
    # The tie-break runs the same way, so that one index serves both orders.
    return F(column).desc(nulls_last=unknown_last or None), "-id"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an address asks of a list: filters by name, an order and a page."""

    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    page: int = 1

    @property
    def is_active(self) -> bool:
        """Whether anything is left out of the list."""
        return any(self.filters.values())

    @property
    def text(self) -> str:
        """What somebody typed to find things by."""
        return self.filters.get("q", "")

    @property
    def host(self) -> str:
        """The host that is meant; all, if empty."""
        return self.filters.get("host", "")


@dataclass(frozen=True, slots=True)
class Listing(Generic[M]):
    """The list of one noun; the first of *orders* is what an address that asks for none gets."""

    rows: Callable[[], QuerySet[M]]
    filters: Mapping[str, Filter]
    orders: Mapping[str, Order]

    def parse(self, query: Mapping[str, str]) -> Chosen:
        """Return what an address's *query* asks; what makes no sense there is left out."""
        filters = {name: each.read(query, name) for name, each in self.filters.items()}
        sort = choice_in(query, "sort", self.orders, next(iter(self.orders)))
        return Chosen(filters, sort, page_in(query))

    def matching(self, chosen: Chosen) -> QuerySet[M]:
        """Return all rows that *chosen* means, in its order."""
        wanted = Q()
        for name, value in chosen.filters.items():
            if value:
                wanted &= self.filters[name].meaning(value)
        order = self.orders[chosen.sort or next(iter(self.orders))]
        return self.rows().filter(wanted).order_by(*order)

    def page(self, chosen: Chosen) -> Page[M]:
        """Return the page of rows that *chosen* describes."""
        return page_of(self.matching(chosen), number=chosen.page)
