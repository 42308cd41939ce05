"""Writes the manifests in this directory. Needs pylance 14.0.2; run it here."""

import glob
import os
import shutil
import tempfile

import lance
import pyarrow as pa

table = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "s": pa.array(["a", None, "c"]),
        "l": pa.array([[1], None, []], pa.list_(pa.int64())),
    },
    metadata={"owner": "tests"},
)
base = tempfile.mkdtemp()


def keep(name, case):
    """Copies the newest manifest of a table, under its own name."""
    newest = {"v1": max, "v2": min}["v1" if "v1" in name else "v2"]
    found = newest(glob.glob(f"{base}/{name}.lance/_versions/*.manifest"))
    shutil.copy(found, f"{case}.{os.path.basename(found)}")


lance.write_dataset(table, f"{base}/plain.lance", data_storage_version="2.1")
lance.write_dataset(table, f"{base}/plain.lance", mode="append")
keep("plain", "appended")

full = lance.dataset(f"{base}/plain.lance")
full.create_scalar_index("id", "BTREE")
full.delete("id = 2 and s is null")
full.update_config({"a.key": "value"})
full.update_metadata({"table": "note"})
keep("plain", "everything")

lance.write_dataset(table, f"{base}/v1.lance", enable_v2_manifest_paths=False, data_storage_version="2.1")
keep("v1", "v1")

lance.write_dataset(table, f"{base}/stable.lance", enable_stable_row_ids=True, data_storage_version="2.1")
keep("stable", "stable-row-ids")
shutil.rmtree(base)
