"""Memory that a container or batch job is given, as the system's files say."""

import pytest

from abm.config.memory import total_and_free

MIB = 2**20
MACHINE = {"proc/meminfo": "MemTotal: 99 kB\nMemAvailable: 9000000000 kB\n"}


@pytest.fixture
def system(tmp_path):
    """Write files of /proc and /sys under a folder."""

    def make(files):
        for name, text in {**MACHINE, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="ascii")
        return tmp_path

    return make


def group(root, limit, used, cache, names):
    return {f"{root}/{name}": str(value) for name, value in zip(names, (limit, used, f"other 1\n{cache}"))}


V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
V2 = ("memory.max", "memory.current", "memory.stat")


def test_without_limits_the_memory_is_that_of_the_machine(system):
    total, free = total_and_free(system({}))
    assert total > 64 * MIB and free == 9000000000 * 1024
    assert total_and_free(system({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"})) == (total, free)


@pytest.mark.parametrize(
    "own, root, names, cached",
    [
        ("0::/job/step\n", "sys/fs/cgroup", V2, "inactive_file"),
        ("4:memory:/job/step\n", "sys/fs/cgroup/memory", V1, "total_inactive_file"),
    ],
    ids=["version 2", "version 1"],
)
def test_the_narrowest_limit_of_all_groups_counts_and_caches_of_files_are_free(system, own, root, names, cached):
    groups = {
        **group(f"{root}/job", 100 * MIB, 60 * MIB, f"{cached} {10 * MIB}\n", names),
        **group(f"{root}/job/step", 80 * MIB, 20 * MIB, f"{cached} 0\n", names),
    }
    assert total_and_free(system({"proc/self/cgroup": own, **groups})) == (80 * MIB, 50 * MIB)
