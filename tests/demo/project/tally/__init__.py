"""Times, names and amounts for invoices."""
