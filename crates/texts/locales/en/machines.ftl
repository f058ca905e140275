# Machines: list, form, detail.
machines-title = Machines
machines-count = { $machines ->
    [one] { $machines } machine
   *[other] { $machines } machines
} · { $gpus ->
    [one] { $gpus } GPU
   *[other] { $gpus } GPUs
}, found or declared
machines-add = Add machine
machines-join = Connect a host
machines-empty = No machines yet. Run one command on a host and it appears here by itself.
machines-filter = Name, code, address, model…
machines-presence = Presence
machines-lent = Has a customer
machines-service = Service state
machines-state = State
machines-gpu = GPU
machines-cpu = CPU
machines-memory = Memory
machines-cores = { $n ->
    [one] { $n } core
   *[other] { $n } cores
}
machines-no-gpu = No GPU
machines-last-seen = Last report
machine-new-title = Add machine
machine-edit-title = Edit { $name }
machine-edit = Edit
machine-copy-code = Copy code
machine-aside = About this machine
machine-facts = Details
machine-code = Code
machine-code-hint = Cannot be changed later. Left empty, one is made, such as host-001.
machine-name = Name
machine-region = Region
machine-private-address = Private address
machine-public-address = Public address
machine-pool = Let as
machine-listed = Listed
machine-listed-hint = Where it is shared, customers can choose it for their instances.
machine-monitored = Monitored
machine-monitored-hint = When off, figures of this machine are no longer recorded.
machine-remark = Remark
machine-added = Added
machine-offline-for = Offline for { $value }
machine-form-what = Details
machine-form-hardware = Hardware as registered
machine-form-hardware-hint = May stay empty: once its agent has joined, the hardware is detected and compared with this.
machine-form-more = More
pool-whole = Whole machine
pool-shared = Shared
presence-online = Online
presence-offline = Offline
presence-never_seen = Not joined yet
service-in_service = In service
service-cordoned = Cordoned
service-draining = Draining
service-maintenance = Maintenance
service-retired = Retired
hardware-title = Hardware
hardware-what = Part
hardware-declared = Registered
hardware-discovered = Detected
hardware-differs = Differs
hardware-differences = { $n ->
    [one] { $n } difference
   *[other] { $n } differences
}
hardware-agrees = As registered
hardware-not-typed = Nothing registered
hardware-not-found-yet = Not detected yet
hardware-not-stated = Neither registered nor detected
hardware-gpu-model = GPU model
hardware-gpu-count = GPUs
hardware-gpu-memory = Memory per GPU
hardware-cpu-model = CPU model
hardware-cpu-cores = CPU cores
hardware-memory = Memory
hardware-system-disk = System disk
hardware-data-disk = Data disks
agent-title = Agent
agent-version = Version
agent-last-seen = Last report
agent-host-name = Host name
agent-address = Interface addresses
agent-system = System
agent-kernel = Kernel
agent-driver = Driver
agent-cuda = CUDA
agent-nvml = NVML not usable
agent-none = No agent has joined for this machine yet.
agent-none-action = Make a join token
machine-allocate = Allocate
passport = Passport
passport-title = Passport of { $machine }
passport-hint = Kept up by itself from what was measured and decided; nobody writes into it.
passport-written = As of
passport-since = Errors and throttling are kept for two years. These go back to
passport-none = Never
passport-held-back = { $reason }: { $hours ->
    [one] in { $hours } hour
   *[other] in { $hours } hours
}
passport-what = What
passport-by = By
passport-uuid = UUID
passport-gpus = GPUs, present and past
passport-gpus-none = No agent has found a GPU in this machine.
passport-gpu-there = In the machine
passport-gpu-removed = Gone since
passport-gpu-since = Found
passport-gpu-lost = Times lost
passport-gpu-held-back = Held back
passport-events = What happened to the GPUs
passport-events-none = Nothing happened to them.
passport-event-xid = Xid error { $value }
passport-event-ecc_uncorrected = Uncorrected ECC errors: { $value }
passport-event-lost = Fell off the bus
passport-event-returned = Came back
passport-event-found = Found in the machine
passport-event-removed = Gone from the machine
passport-times = { $n } times within the hour
passport-more = Only the newest { $n } are shown.
passport-maintenance = Maintenance and repairs
passport-maintenance-none = No maintenance yet.
passport-leases = Leases, and how the machine came back
passport-leases-none = Nobody has had this machine yet.
passport-lease-health = At the return
passport-lease-same = As it was handed over
passport-lease-worse = Worse than at the hand-over: GPUs missing: { $missing } · new uncorrected ECC errors: { $ecc }
passport-lease-runs = Not back yet
passport-lease-unknown = Not recorded: it was not heard from
passport-lease-no-baseline = Nothing was recorded at the hand-over; how it came back is on its page
machine-export-holder = Held by
machine-export-until = Held until
machine-export-next = Next customer
machine-export-next-from = Next begins
machine-export-next-state = Next allocation
machine-export-gpu-model = Detected GPU model
machine-export-gpu-count = Detected GPUs
machine-export-gpu-memory = Detected memory per GPU (GiB)
machine-export-cpu-model = Detected CPU model
machine-export-cpu-cores = Detected CPU cores
machine-export-memory = Detected memory (GiB)
machine-export-system-disk = Detected system disk (GiB)
machine-export-data-disk = Detected data disks (GiB)
