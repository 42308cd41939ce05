"""Writes the fixtures of the installed pylance, of any version:

    python write.py [file version ...]

They go to a directory named after the pylance, beside this file: a table for
each file version that it knows (or of those named: what a pylance calls unstable
is not kept), and one of its default file version with an append, a deletion and
a column added. The directories here were written so:

    0.22.0  2.0              0.39.0  2.0 2.1
    4.0.2   2.0 2.1 2.2      9.0.1   2.1 2.2
    14.0.2  2.0 2.1 2.2

Fixtures keep alive what this library must go on reading when the reference has
moved on: metadata, pages, manifests and deletion files as each version wrote them.
"""

import os
import shutil
import sys

import lance
import pyarrow as pa

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pylance-" + lance.__version__)


def rows(first, count):
    """The rows from first on; every value follows from the row's number."""
    n = range(first, first + count)
    return pa.table(
        {
            "id": pa.array(n, pa.int64()),
            "name": pa.array([f"text number {i} of some" for i in n]),
            "word": pa.array([None if i % 7 == 0 else ["to", "be", "or"][i % 3] for i in n]),
            "tags": pa.array([None if i % 5 == 0 else list(range(i % 4)) for i in n], pa.list_(pa.int32())),
            "score": pa.array([i / 3 for i in n], pa.float32()),
            "place": pa.array([{"x": i, "y": "y" * (i % 3)} for i in n]),
        }
    )


def write(name, table, **options):
    path = os.path.join(here, name + ".lance")
    shutil.rmtree(path, ignore_errors=True)
    return lance.write_dataset(table, path, **options)


def finish(name):
    """Old transactions are of no use to a reader."""
    shutil.rmtree(os.path.join(here, name + ".lance", "_transactions"), ignore_errors=True)


for version in sys.argv[1:] or ["2.0", "2.1", "2.2"]:
    name = "v" + version.replace(".", "_")
    write(name, rows(0, 200), data_storage_version=version)
    finish(name)

table = write("changed", rows(0, 60).select(["id", "word"]))
table = lance.write_dataset(rows(60, 60).select(["id", "word"]), table.uri, mode="append")
table.delete("id % 10 = 3")
table.add_columns({"double": "id * 2"})
finish("changed")
