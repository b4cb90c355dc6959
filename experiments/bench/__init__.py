"""The command ``bench``: how fast this machine computes the workloads, and how much faster than its peers.

One file per workload, ``peer_*.py`` per peer. Each first checks that it computes the right thing, then times it.
"""

from experiments.bench.command import register

__all__ = ["register"]
