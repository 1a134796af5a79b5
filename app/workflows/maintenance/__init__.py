"""The schedule of maintenance: ledgers, clocks, orders, what is overdue, what stops a clock."""
