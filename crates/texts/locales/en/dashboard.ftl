# The staff’s first page.
dashboard-title = Dashboard
dashboard-lent = Machines lent
dashboard-free = Machines free
dashboard-customers = Active customers
dashboard-ending = Ending within { $days ->
    [one] { $days } day
   *[other] { $days } days
}
dashboard-renewals = Renewals waiting
dashboard-trend = GPU trend
dashboard-range = Range
dashboard-range-24h = 24 h
dashboard-range-7d = 7 days
dashboard-largest = Customers with most GPUs
dashboard-largest-none = No customer has a machine now.
dashboard-customer-machines = Machines
dashboard-customer-gpus = GPUs, found or declared
dashboard-expiring = Ending soon
dashboard-expiring-none = Nothing ends soon.
dashboard-activities = Recent activities
dashboard-activities-none = Nothing has happened yet.
dashboard-all = All
dashboard-empty = No machines yet. Connect a host to begin.
# Statistics, as workbooks.
statistics-resources = Machines in a period
statistics-customers = Customers in a period
statistics-usage = Use by month
statistics-month = Month (UTC)
statistics-lent-percent = Lent, %
