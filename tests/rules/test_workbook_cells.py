"""Names of columns, as spreadsheets have them."""

from __future__ import annotations

from xlsxwriter.utility import xl_col_to_name

from app.rules.workbook_cells import column_letters


def test_columns_are_called_as_excel_calls_them() -> None:
    assert [column_letters(n) for n in (0, 25, 26, 51, 52, 701, 702, 16_383)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD"
    ]  # fmt: skip
    assert all(column_letters(n) == xl_col_to_name(n) for n in range(16_384))
