# The customer's workbench and people.
home-title = Hello, { $name }
home-customer = Your organisation
home-customer-name = Name
home-role = Role
home-people = People
home-people-count = { $n ->
    [one] { $n } person
   *[other] { $n } people
}
home-machines = Machines
home-machines-empty = No machine has been handed over to your organisation yet. Once one is, it appears here with its figures.
customer-active = Active
customer-disabled = Disabled
members-title = Members
members-joined = Joined
