# What staff do with machines: service state, maintenance, connection, many at once; the search.
machine-service = Service
service-title = Service of { $name }
service-since = since
service-note = Reason
service-note-hint = Colleagues see it beside the state.
action-cordon = Cordon
action-cordon-hint = No new customers; who is there stays.
action-uncordon = Return to service
action-uncordon-hint = It can be allocated again. Running maintenance ends.
action-drain = Drain
action-drain-hint = No new customers and no renewals: it becomes empty by itself.
service-lease-waits = The allocation of { $customer } that begins at { $from } waits until the machine is back in service.
action-retire = Retire
action-retire-hint = Out for good: its agent may not connect any more. Refused while somebody has it.
action-monitoring-on = Switch monitoring on
action-monitoring-on-hint = Figures are recorded again.
action-monitoring-off = Switch monitoring off
action-monitoring-off-hint = Figures are no longer recorded; history stays.
action-delete = Delete
action-delete-hint = The machine, its agent's key and its stored secret go; the audit log keeps its history. Refused while somebody has it.
maintenance-title = Maintenance
maintenance-hint = The people on the machine read about it from the moment it is planned. Times are in { $zone }.
maintenance-starts = Begins
maintenance-starts-hint = Empty: now.
maintenance-ends = Ends
maintenance-message = What they read
maintenance-plan = Plan maintenance
maintenance-planned = Maintenance planned
maintenance-active = Under maintenance
maintenance-cancel-planned = Call off
maintenance-cancel-active = End now
maintenance-cancel-planned-hint = It does not take place. To have it after all, it has to be planned again.
maintenance-cancel-active-hint = It is over at once. To go on, it has to be planned again.
connection-title = SSH access to the host
connection-hint = For tasks the platform carries out on the host. The secret is stored encrypted and is never shown again.
connection-user = User
connection-port = Port
connection-port-hint = 22 if left empty.
connection-password = Password
connection-key = Private key (OpenSSH)
connection-keep = Empty keeps what is stored.
connection-forget = Forget the stored secret
connection-hami = HAMi-core folder
connection-stored-password = Password stored
connection-stored-key = Private key stored
connection-none-stored = No secret stored
connection-keys = Customers’ keys
connection-keys-agent = Kept by the agent in the account { $account }: { $n } there now, that of the SSH door among them, and { $others } that others keep
connection-keys-nobody = The agent keeps none here: whoever runs the host manages them. To have it keep them while a customer has the machine, install it with --manage-keys ACCOUNT.
connection-keys-fault-account = The host has no such account, or one without a home folder
connection-keys-fault-unsafe = The account’s authorized_keys, or the folder it is in, is not the account’s alone
connection-keys-fault-io = The host’s file system refuses it
connection-keys-fault-permission = The agent runs neither as root nor as that account
connection-keys-fault-keys = The agent was sent something that is no key
bulk-action = With the chosen machines
bulk-go = Continue
bulk-nothing = No machine is chosen.
bulk-outcome = What will happen
bulk-will = Will be done
bulk-refused = Not possible
bulk-possible = { $n ->
    [one] Do it for { $n } machine
   *[other] Do it for { $n } machines
}
bulk-done = { $n ->
    [one] { $n } machine is done; these are left.
   *[other] { $n } machines are done; these are left.
}
bulk-all-done = { $n ->
    [one] Done for { $n } machine: { $action }
   *[other] Done for { $n } machines: { $action }
}
bulk-which = Which ones
list-columns = Columns
list-columns-show = Show these
list-check-all = Choose all rows
list-choose = Choose { $name }
list-actions-of = Actions for { $name }
list-open = Open
search-title = Search
search-go = Search
search-none = Nothing found for “{ $text }”.
search-page = Page
search-machine = Machine
search-action = Action
search-customer = Customer
search-allocation = Allocation
search-instance = Instance
search-image = Image
search-spec = Spec
search-act-on = { $what }: { $name }
search-choose-machine = { $what }: choose machines
search-choose-allocation = { $what }: choose allocations
search-words-new = new create add register enroll
search-words-import = import upload excel workbook spreadsheet
search-words-export = export download excel workbook spreadsheet
search-words-allocate = allocate allocation assign lend lease rent hand over
search-words-cordon = cordon pause suspend stop scheduling unschedulable disable
search-words-drain = drain empty evacuate
search-words-uncordon = uncordon resume return to service enable
search-words-maintenance = maintenance maintain repair window downtime
search-words-retire = retire decommission scrap
search-words-monitoring = monitoring monitor figures metrics
search-words-delete = delete remove
search-words-edit = edit change rename
search-words-print = print history passport hand-over
search-words-renew = renew extend prolong shorten end
search-words-reclaim = reclaim take back return end
bulk-all = { $n ->
    [one] all { $n } that match
   *[other] all { $n } that match
}
bulk-more = { $n ->
    [one] { $n } more matches: do these first, then the others.
   *[other] { $n } more match: do these first, then the others.
}
bulk-left = { $n ->
    [one] { $n } more was refused.
   *[other] { $n } more were refused.
}
