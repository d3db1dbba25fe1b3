"""Makes the files of this directory, by NumPy 2.4."""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy

here = Path(__file__).parent
floats = np.arange(6, dtype="<f4").reshape(3, 2)
compound = np.zeros(1, dtype=[("name", "<U4"), ("at, {", "<f4", (2,))])

for name, array, version in [
    ("floats", floats, (1, 0)),
    ("floats-2", floats, (2, 0)),
    ("floats-3", floats, (3, 0)),
    ("fortran", np.asfortranarray(floats), (1, 0)),
    ("doubles", np.zeros(3), (1, 0)),
    ("scalar", np.int64(7), (1, 0)),
    ("compound", compound, (1, 0)),
]:
    with open(here / f"{name}.npy", "wb") as file:
        npy.write_array(file, np.asanyarray(array), version=version)
