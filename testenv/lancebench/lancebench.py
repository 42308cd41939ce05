"""The reference's half of the benchmark: pylance behind lines of JSON.

One request a line on standard input, one reply a line on standard output. The
clock runs here, around the work alone: batches are loaded before it starts.
"""

import json
import os
import shutil
import sys
import time

import lance
import pyarrow as pa
import pyarrow.ipc as ipc
from lance.file import LanceFileWriter

loaded = {}


def batches(path):
    if path not in loaded:
        loaded.clear()
        with pa.memory_map(path) as m, ipc.open_file(m) as f:
            loaded[path] = f.read_all().to_batches()
    return loaded[path]


def versions(a):
    return {"pylance": lance.__version__, "pyarrow": pa.__version__}


def write(a):
    data = batches(a["ipc"])
    started = time.perf_counter()
    with LanceFileWriter(a["path"], data[0].schema, version=a["version"]) as w:
        for b in data:
            w.write_batch(b)
    return {"seconds": time.perf_counter() - started, "bytes": os.path.getsize(a["path"])}


def create(a):
    data = batches(a["ipc"])
    shutil.rmtree(a["path"], ignore_errors=True)
    reader = pa.RecordBatchReader.from_batches(data[0].schema, data)
    started = time.perf_counter()
    lance.write_dataset(reader, a["path"], data_storage_version=a["version"])
    return {"seconds": time.perf_counter() - started}


def scan(a):
    started = time.perf_counter()
    rows = sum(b.num_rows for b in lance.dataset(a["path"]).to_batches(columns=a["columns"] or None))
    return {"seconds": time.perf_counter() - started, "rows": rows}


def take(a):
    started = time.perf_counter()
    rows = lance.dataset(a["path"]).take(a["rows"]).num_rows
    return {"seconds": time.perf_counter() - started, "rows": rows}


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = globals()[request["op"]](request)
    except Exception as e:
        reply = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(reply), flush=True)
