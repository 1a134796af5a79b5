"""Tables out: lists and the kinds of `flask export` as workbooks and text, statistics as page and workbook."""
