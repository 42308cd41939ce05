"""The reference reader of the tests: pylance behind lines of JSON.

One request a line on standard input, {"op": name, "args": {...}}; one reply a
line on the original standard output, {"result": ...} or {"error": text,
"kind": exception class, "trace": traceback}. The process ends at end of file.
Every request opens its table anew, so nothing is cached between two of them.
"""

import datetime
import json
import os
import sys
import traceback

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc


# Decimals in Arrow files of Go lie at multiples of 8 bytes; the reference panics below 16.
ALIGNED = ipc.IpcReadOptions(ensure_alignment=pa.lib.Alignment.At64Byte)


def load(path):
    with ipc.open_file(path, options=ALIGNED) as f:
        return f.read_all()


def save(table, path):
    if any("dictionary<" in str(f.type) for f in table.schema):
        table = table.combine_chunks()  # a file holds one dictionary
    with ipc.new_file(path, table.schema) as w:
        w.write_table(table)
    return path


def open_table(a):
    version = a.get("version") or None
    return lance.dataset(a["uri"], version=version)


def micros(t):
    if t.tzinfo is None:
        t = t.astimezone()
    return int(t.timestamp() * 1_000_000 + 0.5)


def ping(a):
    return {"pylance": lance.__version__, "pyarrow": pa.__version__, "pid": os.getpid()}


def count(a):
    return open_table(a).count_rows(filter=a.get("filter") or None)


def versions(a):
    return [
        {
            "version": v["version"],
            "micros": micros(v["timestamp"]),
            "metadata": {str(k): str(x) for k, x in (v.get("metadata") or {}).items()},
        }
        for v in open_table(a).versions()
    ]


def schema(a):
    return open_table(a).schema.to_string(show_field_metadata=True)


def info(a):
    ds = open_table(a)
    return {
        "version": ds.version,
        "file_version": ds.data_storage_version,
        "max_field_id": ds.max_field_id,
        "config": dict(ds.config()),
        "metadata": dict(ds.metadata()) if callable(ds.metadata) else dict(ds.metadata),
        "fields": leaf_ids(ds),
    }


def leaf_ids(ds):
    out = {}

    def walk(field, prefix):
        name = prefix + field.name()
        out[name] = field.id()
        for child in field.children():
            walk(child, name + ".")

    for field in ds.lance_schema.fields():
        walk(field, "")
    return out


def fragments(a):
    out = []
    for f in open_table(a).get_fragments():
        m = f.metadata
        out.append(
            {
                "id": f.fragment_id,
                "rows": f.count_rows(),
                "physical_rows": f.physical_rows,
                "deletions": f.num_deletions,
                "files": [
                    {
                        "path": d.path,
                        "fields": list(d.fields),
                        "columns": list(d.column_indices),
                        "version": f"{d.file_major_version}.{d.file_minor_version}",
                    }
                    for d in m.files
                ],
            }
        )
    return out


def indices(a):
    ds = open_table(a)
    out = []
    for i in ds.describe_indices():
        stats = ds.stats.index_stats(i.name)
        out.append(
            {
                "name": i.name,
                "type": i.index_type,
                "fields": list(i.field_names),
                "indexed_rows": stats.get("num_indexed_rows", 0),
                "unindexed_rows": stats.get("num_unindexed_rows", 0),
            }
        )
    return out


def validate(a):
    open_table(a).validate()


def read(a):
    ds = open_table(a)
    t = ds.to_table(
        columns=a.get("columns") or None,
        filter=a.get("filter") or None,
        with_row_id=bool(a.get("row_ids")),
    )
    return save(t, a["out"])


def take(a):
    t = open_table(a).take(a["rows"] or [], columns=a.get("columns") or None)
    return save(t, a["out"])


def nearest(a):
    q = {"column": a["column"], "q": np.asarray(a["query"], dtype=np.float32), "k": a["k"]}
    for option in ("nprobes", "refine_factor"):
        if a.get(option):
            q[option] = a[option]
    t = open_table(a).to_table(
        columns=a.get("columns") or None,
        filter=a.get("filter") or None,
        prefilter=bool(a.get("filter")),
        nearest=q,
    )
    return save(t, a["out"])


def compare(a):
    t = open_table(a).to_table(columns=a.get("columns") or None)
    return difference(load(a["ipc"]), t)


def read_file(a):
    from lance.file import LanceFileReader

    return save(LanceFileReader(a["path"]).read_all().to_table(), a["out"])


def compare_file(a):
    from lance.file import LanceFileReader

    return difference(load(a["ipc"]), LanceFileReader(a["path"]).read_all().to_table())


def difference(want, got):
    """Returns "" where both tables are equal to the bit, else the first difference."""
    if want.schema.names != got.schema.names:
        return f"columns: want {want.schema.names}, got {got.schema.names}"
    for w, g in zip(want.schema, got.schema):
        if not w.type.equals(g.type):
            return f"column {w.name}: want type {w.type}, got {g.type}"
        if w.nullable != g.nullable:
            return f"column {w.name}: want nullable {w.nullable}, got {g.nullable}"
    if want.num_rows != got.num_rows:
        return f"rows: want {want.num_rows}, got {got.num_rows}"
    for name in want.schema.names:
        w, g = whole(want[name]), whole(got[name])
        if not same(w, g):
            row = first_difference(w, g)
            return f"column {name}, row {row}: want {w[row].as_py()!r}, got {g[row].as_py()!r}"
    return ""


def whole(chunked):
    if pa.types.is_dictionary(chunked.type):  # pyarrow joins dictionaries of float16 wrongly, and of no chunks not at all
        chunked = pa.chunked_array([c.dictionary_decode() for c in chunked.chunks], chunked.type.value_type)
    a = chunked.combine_chunks()
    return pa.concat_arrays(a.chunks) if isinstance(a, pa.ChunkedArray) else a


def first_difference(w, g):
    low, high = 0, len(w)
    while high - low > 1:
        mid = (low + high) // 2
        if same(w.slice(low, mid - low), g.slice(low, mid - low)):
            low = mid
        else:
            high = mid
    return low


FLOAT_BITS = {pa.float16(): pa.int16(), pa.float32(): pa.int32(), pa.float64(): pa.int64()}


def same(w, g):
    """Equal validity and equal bits; Arrow's own equality takes 0.0 for -0.0 and NaN for unlike."""
    t = w.type
    if pa.types.is_dictionary(t):
        return same(w.dictionary_decode(), g.dictionary_decode())
    if not w.is_valid().equals(g.is_valid()):
        return False
    if t in FLOAT_BITS:
        return w.view(FLOAT_BITS[t]).equals(g.view(FLOAT_BITS[t]))
    if pa.types.is_struct(t):
        return all(same(x, y) for x, y in zip(w.flatten(), g.flatten()))
    if pa.types.is_fixed_size_list(t):
        return same(w.flatten(), g.flatten())
    if pa.types.is_map(t):
        return same(as_list(w), as_list(g))
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        lengths = pc.list_value_length(w).equals(pc.list_value_length(g))
        return lengths and same(w.flatten(), g.flatten())
    return w.equals(g)


def as_list(m):
    entries = pa.StructArray.from_arrays([m.keys, m.items], ["key", "value"])
    return pa.ListArray.from_arrays(m.offsets, entries, mask=m.is_null())


def write(a):
    options = a.get("options") or {}
    ds = lance.write_dataset(load(a["ipc"]), a["uri"], mode=a["mode"], **options)
    return ds.version


def append(a):
    return lance.write_dataset(load(a["ipc"]), open_table(a), mode="append").version


def delete(a):
    ds = open_table(a)
    ds.delete(a["predicate"])
    return ds.version


def update(a):
    ds = open_table(a)
    ds.update(a["values"], where=a.get("where") or None)
    return ds.version


def merge_insert(a):
    ds = open_table(a)
    merge = ds.merge_insert(a["on"]).when_matched_update_all().when_not_matched_insert_all()
    merge.execute(load(a["ipc"]))
    return ds.version


def compact(a):
    ds = open_table(a)
    options = a.get("options") or {}
    ds.optimize.compact_files(**options)
    return ds.version


def optimize_indices(a):
    ds = open_table(a)
    ds.optimize.optimize_indices()
    return ds.version


def create_scalar_index(a):
    ds = open_table(a)
    ds.create_scalar_index(a["column"], a["type"])
    return ds.version


def create_vector_index(a):
    ds = open_table(a)
    options = a.get("options") or {}
    ds = ds.create_index(a["column"], a["type"], **options)
    return ds.version


def add_columns(a):
    ds = open_table(a)
    if a.get("sql"):
        ds.add_columns(a["sql"])
    else:
        ds.add_columns(pa.schema(load(a["ipc"]).schema))
    return ds.version


def drop_columns(a):
    ds = open_table(a)
    ds.drop_columns(a["columns"])
    return ds.version


def alter_column(a):
    ds = open_table(a)
    change = {"path": a["path"]}
    if a.get("name"):
        change["name"] = a["name"]
    if a.get("nullable") is not None:
        change["nullable"] = a["nullable"]
    if a.get("ipc"):
        change["data_type"] = load(a["ipc"]).schema.field(0).type
    ds.alter_columns(change)
    return ds.version


def update_config(a):
    ds = open_table(a)
    ds.update_config(a["values"])
    return ds.version


def tag(a):
    open_table(a).tags.create(a["name"], a.get("version") or open_table(a).version)


def restore(a):
    ds = open_table(a)
    ds.restore()
    return ds.version


def cleanup(a):
    stats = open_table(a).cleanup_old_versions(
        older_than=datetime.timedelta(seconds=a["older_seconds"]),
        delete_unverified=a["delete_unverified"],
    )
    return {"versions": stats.old_versions, "bytes": stats.bytes_removed}


def evaluate(a):
    scope = {"lance": lance, "pa": pa, "np": np, "load": load, "save": save, "args": a["args"], "result": None}
    exec(compile(a["code"], "eval", "exec"), scope)
    return scope["result"]


OPERATIONS = {
    f.__name__: f
    for f in (
        ping, count, versions, schema, info, fragments, indices, validate, read, take, nearest,
        compare, read_file, compare_file, write, append, delete, update, merge_insert, compact,
        optimize_indices, create_scalar_index, create_vector_index, add_columns, drop_columns,
        alter_column, update_config, tag, restore, cleanup, evaluate,
    )
}


def answer(line):
    try:
        request = json.loads(line)
        return json.dumps({"result": OPERATIONS[request["op"]](request["args"])})
    except BaseException as e:  # panics of the Rust core are no Exceptions
        if isinstance(e, (KeyboardInterrupt, SystemExit)):
            raise
        return json.dumps({"error": str(e), "kind": type(e).__name__, "trace": traceback.format_exc()})


def main():
    # Whatever the libraries print must not mix with the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        replies.write(answer(line) + "\n")
        replies.flush()


main()
