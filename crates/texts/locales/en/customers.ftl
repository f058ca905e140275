# The customer's workbench and people.
home-title = Hello, { $name }
home-joined = You belong to { $name } now.
home-customer = Customer
home-customer-name = Name
home-role = Role
home-people = People
home-people-count = { $n ->
    [one] { $n } person
   *[other] { $n } people
}
home-machines = Machines
home-machines-empty = No machine has been handed over to your customer yet. Once one is, it appears here with its figures.
customer-active = Active
customer-disabled = Disabled
members-title = Members
members-filter = Name or e-mail address
members-joined = Joined
# Customers as staff run them.
customers-title = Customers
customers-count = { $n ->
    [one] { $n } customer
   *[other] { $n } customers
}
customers-add = Add customer
customers-empty = There is no customer yet. A customer is whom you lend machines to, with the people who use them.
customers-filter = Name, contact or remark
customer-new-title = New customer
customer-edit-title = Edit { $name }
customer-name = Name
customer-state = State
customer-contact = Contact
customer-email = E-mail
customer-phone = Phone
customer-remark = Remark
customer-facts = Details
customer-since = Customer since
customer-next-end = Next end
customer-disable = Disable
customer-enable = Enable
customer-disable-hint = Disabling ends its people's access within seconds; its data stays.
customer-disable-confirm = Disable this customer
customer-deleted = Deleted
customer-delete = Delete
customer-delete-hint = The customer is kept with its people and its history, and can be brought back; its people’s access ends within seconds. It must have no machine.
customer-delete-confirm = Delete this customer
customer-restore = Bring back
customer-no-machines = This customer has no machine.
customer-instances = Instances and costs
customer-no-instances = This customer runs no instance.
customer-all-instances = All { $n } instances
customer-cost-month = Cost of this month so far
customer-cost-year = Cost of the last 365 days
customer-cost-none = Nothing
customer-cost-more = Use and costs of this customer
customer-no-people = Nobody can sign in for this customer yet.
customer-no-owner = No owner
customer-no-owner-hint = Nobody who can sign in owns this customer, so nobody there can bring in people or answer for it. Make one of its people an owner, add somebody as one, or invite somebody as one.
customer-display-name = Name
customer-add-person = Add person
customer-password-once = User name and password. The password is shown only now: pass it on safely.
customer-owner = First owner
customer-owner-hint = The owner’s account, where one is wanted now: the password is made and shown once on the next page.
customer-owner-username = Owner’s user name
customer-owner-name = Owner’s name
customer-owner-email = Owner’s e-mail
member-email-hint = Without an address the person cannot set a new password by themselves.
customer-created-at = Since
customer-username = User name
home-load = Load · memory
home-ssh = SSH line
home-machines-none-match = No machine of yours matches. Change what you look for.
home-machines-filter = Machine by name or code
home-presence = Connection
usage-title = Usage so far
usage-gpu-hours = GPU hours
usage-gpu-hours-30 = GPU hours, last 30 days
usage-machine-hours = Machine hours
usage-utilisation = Mean GPU utilisation
usage-allocations = Allocations
customer-history = History
home-earlier = Earlier machines ({ $n })
customer-more-allocations = { $n ->
    [one] and { $n } more
   *[other] and { $n } more
}
customer-number = Number
