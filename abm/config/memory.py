"""Memory: how much this process may have, of the machine's or of its container's or batch job's."""

import os
from pathlib import Path

# Where control groups of version 2 and 1 say the limit of a group, what it uses, and what of that is only a cache of files.
VERSIONS = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def total_and_free(system: Path = Path("/")) -> tuple[int, int]:
    """Return how many bytes of memory there are, and how many are free. system  where /proc and /sys stand"""
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = (os.sysconf(name) * page for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    try:
        lines = (system / "proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        pass
    for limit, used in _limits(system):
        total, free = min(total, limit), min(free, max(limit - used, 0))
    return total, free


def _limits(system: Path) -> list[tuple[int, int]]:
    """Return limit and use of every control group that this process is in: a job's is often that of a group further up."""
    try:
        own = [line.split(":", 2) for line in (system / "proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    found = []
    for _, controllers, path in (each for each in own if len(each) == 3):
        if controllers in VERSIONS:
            root = system / "sys/fs/cgroup" / controllers
            group = root / path.strip("/")
            found += [
                _limit(each, *VERSIONS[controllers]) for each in (group, *group.parents) if each.is_relative_to(root)
            ]
    return [each for each in found if each is not None]


def _limit(group: Path, limit: str, used: str, cached: str) -> tuple[int, int] | None:
    """Return limit and use of one control group, or None where it has none."""
    try:
        numbers = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        cache = int(numbers.get(cached, 0))
        return int((group / limit).read_text()), max(int((group / used).read_text()) - cache, 0)
    except (OSError, ValueError):
        return None
