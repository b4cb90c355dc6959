"""How large cells are shown in other tools."""

from abm.config import Config


def diameters(config: Config) -> dict[str, float]:
    """Return the diameter of the cells of each kind, um; what has none of its own, as a venule, is as wide as a voxel."""
    voxel = float(config.grid.voxel)
    return {kind: float(cell.diameter or voxel) for kind, cell in config.cells.items()} | {"venule": voxel}
