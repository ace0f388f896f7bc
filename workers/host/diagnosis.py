"""`./shipshape doctor`: the findings of `workers.host.doctor`, for people and for programs."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict

from workers.host.accounts import LedgerFacts
from workers.host.console import say
from workers.host.doctor import Finding, list_findings
from workers.host.facts import Facts, probe
from workers.host.options import make_parser, stack_of


def doctor(arguments: Sequence[str]) -> int:
    """Print what is wrong and what to do, and return 0 if nothing is."""
    parser = make_parser("doctor", "What is wrong with this machine or product, and what to do.")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    facts = probe(stack_of(options).with_record(), os.environ)
    findings = list_findings(facts)
    if options.json:
        say(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        say(render_diagnosis(facts, findings))
    return 1 if any(finding.is_fatal for finding in findings) else 0


def render_diagnosis(facts: Facts, findings: Sequence[Finding]) -> str:
    """Return *findings* as a person reads them, after what the machine is."""
    runtime = next((name for name in ("runc", "crun") if name in facts.programs), "no runtime")
    machine = f"{runtime}, cgroups {facts.cgroups}, {describe_room(facts)}"
    if facts.ledger is not None:
        machine += f"\n{describe_ledger(facts.ledger)}"
    if not findings:
        return f"{machine}\nnothing is wrong"
    told = [f"\n{f.severity}: {f.problem}\n  {f.remedy}" for f in findings]
    return "\n".join([machine, *told])


def describe_ledger(ledger: LedgerFacts) -> str:
    """Return what the ledger says of the disk beside what the file system does."""
    return (
        f"images and containers: {ledger.told / 1e6:.1f} MB by the ledger,"
        f" {ledger.measured / 1e6:.1f} MB by the file system ({ledger.difference:.2%} apart)"
    )


def describe_room(facts: Facts) -> str:
    """Return how much room is left for images and containers."""
    free = min((disk.free_bytes for disk in facts.disks), default=0)
    return f"{free / 1e9:.1f} GB free"
