"""Reads a workbook with openpyxl's read-only mode and stores its rows by COPY: import_peer.py FILE TABLE

Each row is stored with the texts of its cells as JSON, as the product does, but is not judged: no rule is checked, nothing
is looked up, every row is called new.
"""

import json
import subprocess
import sys

import openpyxl

file, table = sys.argv[1:]
copy = f"copy {table} (import_id, row_number, verdict, code, cells) from stdin"
psql = subprocess.Popen(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c", copy], stdin=subprocess.PIPE)
escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
rows = openpyxl.load_workbook(file, read_only=True).active.iter_rows(values_only=True)
headings = next(rows)
for number, values in enumerate(rows, 2):
    cells = {heading: str(value) for heading, value in zip(headings, values) if value is not None}
    text = json.dumps(cells, ensure_ascii=False)
    psql.stdin.write(f"1\t{number}\tnew\t{cells.get('Code', '')}\t{text.translate(escapes)}\n".encode())
psql.stdin.close()
sys.exit(psql.wait())
