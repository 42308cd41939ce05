"""Writes the fixtures of the golden dumps: python write.py, with pylance 14.0.2.

Keeps alive: the metadata of data files of version 2.0, 2.1 and 2.2 and of
manifests as the reference writes them.
"""

import os
import shutil

import lance
import pyarrow as pa

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pylance-14.0.2")
rows = 200
table = pa.table(
    {
        "id": pa.array(range(rows), pa.int64()),
        "name": pa.array([f"text number {i} of some" for i in range(rows)]),
        "word": pa.array([None if i % 7 == 0 else ["to", "be", "or"][i % 3] for i in range(rows)]),
        "tags": pa.array([None if i % 5 == 0 else list(range(i % 4)) for i in range(rows)], pa.list_(pa.int32())),
        "score": pa.array([i / 3 for i in range(rows)], pa.float32()),
        "place": pa.array([{"x": i, "y": "y" * (i % 3)} for i in range(rows)]),
    }
)
for version in ["2.0", "2.1", "2.2"]:
    path = os.path.join(here, "v" + version.replace(".", "_") + ".lance")
    shutil.rmtree(path, ignore_errors=True)
    lance.write_dataset(table, path, data_storage_version=version)
    shutil.rmtree(os.path.join(path, "_transactions"))
