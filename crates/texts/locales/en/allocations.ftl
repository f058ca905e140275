# Whole machines, lent to customers.
allocations-title = Allocations
lease-title = Allocation
lease-free = Nobody has this machine now.
lease-shared = Instances of several customers share this machine.
lease-period = Period
lease-open = Open the allocation
lease-renew = Renew
lease-holder = Customer
lease-next = Afterwards
lease-later = Allocate for later
allocations-empty = No machine is allocated. Open a machine and choose Allocate.
allocations-none-match = No allocation matches these filters.
allocations-filter = Machine or customer
allocations-any-end = Any end
allocations-ending = Ends within { $days ->
    [one] { $days } day
   *[other] { $days } days
}
allocation-title = { $machine } for { $customer }
allocation-machine = Machine
allocation-customer = Customer
allocation-state = State
allocation-starts = Begins
allocation-began = Began
allocation-ends = Ends
allocation-by = By
allocation-by-itself = by itself
allocation-note = Note
allocation-asked = More time asked for
allocation-days-left = { $n ->
    [one] { $n } day left
   *[other] { $n } days left
}
allocation-hours-left = { $n ->
    [one] { $n } hour left
   *[other] { $n } hours left
}
allocation-minutes-left = { $n ->
    [one] { $n } minute left
   *[other] { $n } minutes left
}
allocation-grace-until = Over, grace until { $until }
allocation-waits-for-occupied = Waits for the machine to come back
allocation-waits-for-maintenance = Waits for the end of maintenance
allocation-waits-for-out-of-service = Waits for the machine to be back in service
allocation-state-scheduled = Scheduled
allocation-state-active = Active
allocation-state-grace = Grace
allocation-state-reclaiming = Reclaiming
allocation-state-ended = Ended
allocation-state-cancelled = Cancelled
allocation-history = History
allocation-event-created = Allocated
allocation-event-started = Began
allocation-event-renewed = Renewed
allocation-event-shortened = Shortened
allocation-event-ended = Ended
allocation-event-grace = Period over, grace began
allocation-event-reclaim_started = Reclaim began
allocation-event-reclaimed = Back in the pool
allocation-event-cancelled = Cancelled
allocation-event-renewal_requested = More time asked for
allocation-event-renewal_refused = Request refused
allocation-event-renewal_withdrawn = Request taken back
allocation-event-renewal_lapsed = Over before the request was answered: it is closed
allocation-event-reminded = Reminder: { $days ->
    [one] { $days } day left
   *[other] { $days } days left
}
allocation-event-delayed = Waits: the machine is out of service
allocation-event-step_skipped = Step skipped: { $name }
allocation-move-end = Move the end
allocation-move-hint = Either months more, or a new last day, in { $zone }
allocation-move-answers = A later end also answers the open request.
allocation-waits = Its beginning has come, but the machine is not in service: it begins when the machine is back. Return the machine to service, or cancel the allocation.
allocation-waits-occupied = Its beginning has come, but the machine has not come back from the one before: it begins when it has. Finish taking it back, or cancel the allocation.
allocation-no-longer = { $why } The end can be moved earlier.
allocation-more-months = Months more
allocation-reclaim = Reclaim now
allocation-reclaim-hint = The customer's access ends at once
allocation-cancel = Cancel
allocation-cancel-hint = The allocation does not begin, and others can have the machine.
allocation-cancel-confirm = Cancel this allocation
allocation-reclaim-confirm = Take the machine back now
allocate-title = Allocate { $name }
allocate-no-customers = There is no active customer to allocate to.
allocate-others = Who has it when
allocate-choose = Choose a customer
allocate-months = Months
allocate-months-hint = Calendar months from the beginning; this or the last day is needed
allocate-until = Last day
allocate-until-hint = Required, unless months are given instead. Days are of the platform's time zone, { $zone }
allocate-from = First day
allocate-from-hint = Today when left empty
allocate-grace = Days of grace
allocate-grace-hint = 3 when left empty
reclaim-title = Taking it back
step-what = What
step-seen = Seen
step-at = When
step-skip = Skip
step-skip-of = Skip: { $name }
step-skip-hint = Nobody looks at it any more, and the reclaim goes on. The history says who skipped it.
step-skip-confirm = Skip this step
step-access = Access ended
step-access-seen = At once, when the reclaim began
step-keys = Keys removed from the host
step-processes = No process on the GPUs
step-gpu_memory = GPU memory empty
step-pool = Back in the pool
step-state-waiting = Waiting
step-state-done = Done
step-state-skipped = Skipped
step-skipped-by = by { $name }
step-reason-not_monitored = Monitoring of the machine is off
step-reason-offline = The machine is offline
step-reason-never_joined = No agent ever joined from this machine
step-reason-no_baseline = Nothing was recorded at the hand-over to compare with: look at the machine, then skip
step-reason-no_figures = There are no figures yet
step-reason-keys_there = The agent has not seen yet that the customer’s keys are gone
step-reason-keys_hindered = Something on the host hinders the agent in removing keys: see the machine’s page
step-reason-keys_off = The agent was started without the right to keep keys: look at the host’s authorized_keys, then skip
step-reason-keys_sessions = The host’s account still runs something: whoever came straight to it may be there. Look at the host, then skip
step-reason-keys_others = There are more keys of others than when the lease began: somebody may have left a way in. Look at the host’s authorized_keys; this goes on when they are gone, or skip
step-keys-compared = None of the customer’s keys; keys that others keep, no more than when the lease began: { $others }
step-keys-seen = None of the customer’s keys; keys that others keep: { $others }
step-processes-seen = { $n ->
    [one] { $n } process
   *[other] { $n } processes
}
renewals-open = Waiting for your answer
renewal-wanted = wants it until
renewal-other-end = Other last day ({ $zone })
renewal-answer = A word to the customer
renewal-approve = Grant
renewal-refuse = Refuse
renewal-ask = Ask for more time
renewal-message = Why
renewal-mine = Your requests
renewal-withdraw = Take it back
renewal-state-open = Open
renewal-state-approved = Granted
renewal-state-changed = Granted otherwise
renewal-state-refused = Refused
renewal-state-withdrawn = Closed
renewal-lapsed = Your time was over before somebody answered.
my-machine-lease = Your period
my-machine-access = Access
my-machine-access-hint = Keys on the host are managed by whoever runs it
my-machine-keys-agent = Your people’s keys are kept on the host while you have it
my-machine-keys-how = Whoever of your people has an SSH key here signs in with it: a key that is added or removed is so on the host within seconds, and all of them stay through the grace after your period and are removed when the machine is taken back. What you yourselves add to authorized_keys stays yours to remove.
my-machine-keys-hindered = Something on the host hinders that just now. Whoever runs it can see what.
my-machine-no-key = You have no SSH key here yet. Add one, and it lets you in.
my-machine-keys = SSH keys
my-machine-door = From anywhere, through the SSH door
my-machine-jump = The same with your own key to the end, as ProxyJump
my-machine-direct = Straight to the host
my-machine-no-address = The operator has not entered an address for this machine.
my-machine-changed = This page was brought up to date.
my-machine-scheduled = Your period has not begun yet.
my-machine-waits = Your period was to have begun, but the machine is not in service. It begins when the machine is back, and you are told.
my-machine-waits-occupied = Your period was to have begun, but the machine is not free yet. It begins when it is, and you are told.
my-machine-grace = Your period is over. Until { $until } the machine is still there to read and download what you need; then it is taken back, unless you are given more time.
my-machine-grace-closed = Your period is over. Ask for more time before { $until }; then the machine is taken back.
my-machine-reclaiming = The machine is being taken back.
my-machine-ended = Your period is over.
my-machine-cancelled = This was called off.
home-ends-days = { $n ->
    [one] ends in { $n } day
   *[other] ends in { $n } days
}
home-ends-hours = { $n ->
    [one] ends in { $n } hour
   *[other] ends in { $n } hours
}
home-ends-minutes = { $n ->
    [one] ends in { $n } minute
   *[other] ends in { $n } minutes
}
home-ask-longer = Ask for more time
home-notices = Notices
timeline-title = Time line
timeline-filter = Machine
timeline-from = First month
timeline-earlier = Earlier months
timeline-later = Later months
timeline-today = Today
timeline-free = free
timeline-leaving = Leaving
allocations-bulk-renew = Renew chosen
allocations-bulk-reclaim = Reclaim chosen
allocations-bulk-until = Will be renewed, until
allocations-bulk-cancels = Will be cancelled: it has not begun
allocations-bulk-reclaims = Will be taken back
allocations-bulk-renew-go = Renew what can be renewed
allocations-bulk-reclaim-go = { $n ->
    [one] End { $n } allocation
   *[other] End { $n } allocations
}
allocations-bulk-done = { $n ->
    [one] { $n } is done; these are left.
   *[other] { $n } are done; these are left.
}
allocations-bulk-renew-done = { $n ->
    [one] { $n } allocation was renewed
   *[other] { $n } allocations were renewed
} by { $months ->
    [one] { $months } month.
   *[other] { $months } months.
}
allocations-bulk-reclaim-done = { $n ->
    [one] { $n } allocation was ended. The machine is being taken back, unless it had not begun.
   *[other] { $n } allocations were ended. The machines are being taken back; what had not begun is cancelled.
}
allocations-bulk-changed = Somebody else changed some of these in between, and they were not renewed again. Look at their ends below.
allocations-bulk-nothing = No allocation is chosen.
allocations-bulk-preview = Preview
step-health = As healthy as at the hand-over
step-health-seen = GPUs missing: { $missing } · new uncorrected ECC errors: { $ecc } · Xid errors: { $xid }
step-health-no-baseline = Nothing was recorded at the hand-over
handover-title = Hand-over of { $machine }, { $customer }
handover-print = Print
handover-page = Hand-over page
handover-as-of = As of { $at }; all times are of { $zone }.
handover-unfinished = The check-list is not finished: the machine is not back yet.
handover-agreed = Agreed until
handover-early = Taken back early
handover-before = At the hand-over
handover-after = At the return
handover-not-seen = Not recorded: there were no figures of the machine at that time.
handover-ecc = Uncorrected ECC errors
handover-xid = Xid errors meanwhile
handover-signatures = Signatures
handover-for-operator = For the operator, date:
handover-for-customer = For the customer, date:
allocation-days = Days left
allocation-gpu-count = GPUs
allocation-remark = Remark
my-machine-live-over = Your period on this machine is over.
my-machine-no-user = The operator has not entered which user of the host is yours.
allocate-find = Find by name or contact
allocate-find-shown = { $shown } of { $total } can be chosen below: search for the others.
allocate-find-none = Nobody matches: search for something else.
