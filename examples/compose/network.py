"""Containers' network without Docker: a network namespace for each host, a bridge, and names in /etc/hosts.

Everything lives in namespaces of mounts, networks and processes of one program, and ends with it. Nothing on
the machine itself is changed, and no privilege is needed where a user may make namespaces.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
AS_USER = ("--user", "--map-root-user")
HERE = "10.89.0.1"
"""The address of the program itself on the bridge."""
_PROBE = (
    "mount -t tmpfs none /run && ip link add bridge0 type bridge && ip link add veth0 type veth peer veth1"
)


def way_in() -> tuple[str, ...] | None:
    """The words before a command that is to have such a network; None where that is not permitted."""
    for words in (UNSHARE, (*UNSHARE, *AS_USER)):
        try:
            tried = subprocess.run([*words, "sh", "-c", _PROBE], capture_output=True, check=False)
        except OSError:
            return None
        if tried.returncode == 0:
            return words
    return None


class Network:
    """Hosts on one bridge, which find each other by name. To be made inside of `way_in`."""

    def __init__(self) -> None:
        self._names = ["127.0.0.1 localhost"]
        run("mount", "-t", "tmpfs", "none", "/run")
        self._hosts = Path("/run/hosts")
        self._write()
        run("mount", "--bind", str(self._hosts), "/etc/hosts")
        _ip("link set lo up")
        _ip("link add bridge type bridge")
        _ip(f"addr add {HERE}/24 dev bridge")
        _ip("link set bridge up")

    def name(self, address: str, *names: str) -> None:
        """Have an address found by these names."""
        self._names.append(f"{address} {' '.join(names)}")
        self._write()

    def host(self, host: str, *names: str) -> None:
        """Another host, found by its own name and others."""
        number = len(self._names) + 1
        address = f"10.89.0.{number}"
        _ip(f"netns add {host}")
        _ip(f"link add v{number} type veth peer name eth0 netns {host}")
        _ip(f"link set v{number} master bridge up")
        _ip(f"-n {host} addr add {address}/24 dev eth0")
        _ip(f"-n {host} link set eth0 up")
        _ip(f"-n {host} link set lo up")
        self.name(address, host, *names)

    def start(
        self, host: str, *command: str, log: Path, folder: Path, **environ: str
    ) -> subprocess.Popen[str]:
        """A process on a host, without proxies and with these variables; what it says is in `log`."""
        own = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        words = ["ip", "netns", "exec", host, *command]
        with log.open("a", encoding="utf-8") as out:
            return subprocess.Popen(words, cwd=folder, env=own | environ, stdout=out, stderr=out, text=True)

    def _write(self) -> None:
        self._hosts.write_text("\n".join([*self._names, ""]), encoding="utf-8")


def _ip(words: str) -> None:
    run("ip", *words.split())


def run(*command: str) -> None:
    """Run a command to its end."""
    subprocess.run(command, check=True, capture_output=True)
