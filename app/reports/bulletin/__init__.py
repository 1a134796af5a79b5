"""通报 (STA-03): what a region's bulletin says of a month or quarter, as figures, as sentences, as .docx and .pdf.

`figures` and `more_figures` count, `sections` says what was counted (a builder a section, in the order of the paper),
`document` puts both and the texts of persons together, `docx` and the page's template write it. The document is
Chinese whoever reads the page around it.
"""
