"""Writes the rows of a query with XlsxWriter's constant_memory: export_peer.py FILE, with the query on standard input

Its columns' names are the headings; those in NUMBERS hold numbers, the others texts in a text format, as in the product's
workbook.
"""

import csv
import io
import subprocess
import sys

import xlsxwriter

NUMBERS = {
    "GPU count", "Memory per GPU (GB)", "CPU cores", "Memory (GB)", "System disk (GB)", "Data disk (GB)",
}  # fmt: skip

copy = f"copy ({sys.stdin.read()}) to stdout (format csv, header)"
psql = subprocess.Popen(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c", copy], stdout=subprocess.PIPE)
rows = csv.reader(io.TextIOWrapper(psql.stdout, encoding="utf-8", newline=""))
book = xlsxwriter.Workbook(sys.argv[1], {"constant_memory": True})
sheet = book.add_worksheet("machines")
as_text = book.add_format({"num_format": "@"})
headings = next(rows)
for column, heading in enumerate(headings):
    sheet.write_string(0, column, heading)
numeric = [heading in NUMBERS for heading in headings]
for number, row in enumerate(rows, 1):
    for column, value in enumerate(row):
        if not value:
            continue
        if numeric[column]:
            sheet.write_number(number, column, float(value))
        else:
            sheet.write_string(number, column, value, as_text)
book.close()
sys.exit(psql.wait())
