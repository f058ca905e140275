"""Writes the workbook that is imported, as Excel does, with a table of shared texts: workbook.py FILE ROWS"""

import sys

import xlsxwriter

HEADINGS = [
    "Name", "Code", "Region", "Private address", "Public address", "Let as", "GPU model", "GPU count",
    "Memory per GPU (GB)", "CPU model", "CPU cores", "Memory (GB)", "System disk (GB)", "Data disk (GB)", "Listed",
    "Monitored", "Remark",
]  # fmt: skip
MODELS = [("H100 80G", 80), ("H200 141G", 141), ("A100 80G", 80), ("L40S 48G", 48)]


def machine(i: int) -> list[str | int]:
    model, memory = MODELS[i % 4]
    address = f"{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
    return [
        f"Rack {i // 40} machine {i}", f"gpu-{i:06}", f"region-{i % 7}", f"10.{address}", f"100.{address}",
        "shared" if i % 5 == 0 else "whole", model,
        # One of a hundred is wrong.
        "many" if i % 100 == 99 else 8,
        memory, "Xeon 8480+" if i % 2 else "EPYC 9654", 96, 1024, 480, 7680, "yes" if i % 3 else "no", "yes",
        f"Bought in {2020 + i % 6}, shelf {i % 90}",
    ]  # fmt: skip


file, rows = sys.argv[1], int(sys.argv[2])
book = xlsxwriter.Workbook(file)
sheet = book.add_worksheet("machines")
sheet.write_row(0, 0, HEADINGS)
for i in range(rows):
    sheet.write_row(i + 1, 0, machine(i))
book.close()
