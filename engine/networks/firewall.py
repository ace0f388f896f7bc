"""The rules of one engine on the host, put in place with nft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import SystemFailure
from engine.networks.netlink import has_link
from engine.system.runner import find_program, get_program, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NFT_SECONDS = 30.0
DOCKER_CHAIN = "DOCKER-USER"
DOCKER_BRIDGES = ("docker0", "br-+")


class NftFirewall:
    """`Firewall` over nft(8): one table, and nothing besides but what docker leaves to others."""

    def __init__(self, table: str, directory: Path) -> None:
        self._table = table
        self._file = directory / "rules.nft"

    def apply(self, rules: str) -> None:
        """Put *rules* in place of all that were there, at once."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file.write_text(rules)
        finished = run([get_program("nft"), "-f", str(self._file)], timeout=NFT_SECONDS)
        if finished.code:
            raise SystemFailure(f"cannot set the rules of the network: {finished.complaint[:400]}")

    def is_applied(self) -> bool:
        """Whether this engine has rules on the host."""
        words = [get_program("nft"), "list", "tables", "inet"]
        wanted = f"table inet {self._table}".encode()
        return wanted in run(words, timeout=NFT_SECONDS).stdout.splitlines()

    def remove(self) -> None:
        """Leave no rule of this engine on the host."""
        if self._file.exists() or self.is_applied():
            self.apply(f"table inet {self._table}\ndelete table inet {self._table}\n")
            self._file.unlink(missing_ok=True)
        self.pass_others(())

    def pass_others(self, bridges: Sequence[str]) -> None:
        """
        See to it that a docker on this host lets pass what goes through *bridges*.

        It drops whatever it does not know, and keeps one chain free for those who do know. What
        goes from here into one of its own bridges is left to its rules.
        """
        if not has_link("docker0"):
            return
        for program in ("iptables", "ip6tables"):
            if find_program(program) is not None:
                self._pass_with(program, bridges)

    def _pass_with(self, program: str, bridges: Sequence[str]) -> None:
        words = [get_program(program), "-w", "10"]
        listed = run([*words, "-S", DOCKER_CHAIN], timeout=NFT_SECONDS)
        if listed.code:
            return
        present = [line for line in listed.stdout.decode().splitlines() if self._table in line]
        wanted = [rule for name in bridges for rule in self._passing(name)]
        if len(present) == len(wanted) and all(
            f" {each} " in "\n".join(present) for each in bridges
        ):
            return
        for line in present:
            run([*words, "-D", *line.replace('"', "").split()[1:]], timeout=NFT_SECONDS)
        for rule in reversed(wanted):
            run([*words, "-I", DOCKER_CHAIN, *rule], timeout=NFT_SECONDS)

    def _passing(self, bridge: str) -> list[list[str]]:
        note = ["-m", "comment", "--comment", self._table]
        others = [["-i", bridge, "-o", each, *note, "-j", "RETURN"] for each in DOCKER_BRIDGES]
        return [
            ["-o", bridge, *note, "-j", "ACCEPT"],
            *others,
            ["-i", bridge, *note, "-j", "ACCEPT"],
        ]
