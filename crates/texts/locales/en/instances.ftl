# Instances: containers that customers run.
instances-title = Instances
instances-count = { $n ->
    [one] { $n } instance
   *[other] { $n } instances
}
instances-add = Create instance
instances-empty = There is no instance yet. An instance is a container with GPUs of its own, made of an image and a spec in a minute.
instances-empty-all = No customer has an instance yet. They make them on machines of the shared pool that are listed and whose engine was tested.
instances-filter = Name, image, spec or machine
instances-filter-machine = Machine code
instance-name = Name
instance-name-hint = Letters, digits, hyphens and underscores; a letter or a digit first.
instance-state = State
instance-state-creating = Being made
instance-state-starting = Starting
instance-state-running = Running
instance-state-stopping = Stopping
instance-state-stopped = Stopped
instance-state-failed = Failed
instance-state-lost = Out of reach
instance-state-deleting = Being deleted
instance-state-deleted = Deleted
instance-since = Since
instance-spec = Spec
instance-spec-line = { $cards } · { $cores ->
    [one] { $cores } core
   *[other] { $cores } cores
} · { $memory } GB
instance-image = Image
instance-machine = Machine
instance-machine-any = Any that fits
instance-price = Price per hour
instance-customer = Customer
instance-created-by = Created by
instance-remark = Remark
instance-variables = Variables
instance-environment = Environment variables
instance-environment-hint = NAME=value, one a line. Values are stored encrypted and never shown again.
instance-ports = Ports
instance-ports-hint = Numbers, such as 8888, 6006. They are opened on the machine itself, not to the world.
instance-command = Command
instance-command-hint = One word a line, read by no shell. Empty: the image’s own.
instance-command-image = The image’s own
instance-facts = What it is made of
instance-why = Why
instance-exit-code = Exit code { $code }
instance-exit-out-of-memory = Exit code { $code }, more memory than its spec has
instance-ended = How it ended last
instance-holds-nothing = It holds no GPUs, CPU or memory any more.
instance-lost-hint = Its machine cannot be asked. What runs there runs on, and nothing is deleted because of it.
instance-new-title = Create an instance
instance-new-nothing = There is nothing yet that an instance could be made of. Those who run the platform have to list an image and a spec first.
instance-match = See where it fits
instance-where = Where it can be
instance-fit = Fits
instance-fits = Fits
instance-fits-not = Does not fit
instance-misses = What is in the way
instance-no-machines = There is no machine that customers may choose.
instance-alternatives = These specs fit now:
instance-stopped-holds = A stopped instance keeps its GPUs, CPU and memory, so that it can always be started again. Delete it to give them back. It costs while it runs, at the price that its spec has at that time.
instance-start = Start
instance-stop = Stop
instance-restart = Restart
instance-change = Name and remark
instance-delete = Delete instance
instance-delete-hint = Its container goes with everything that was written in it. This cannot be undone.
instance-delete-hint-data = Its container goes with everything that was written in it, and its data disk at /data ({ $gb } GB). This cannot be undone.
instance-delete-hint-staff = Its container and its data disk go with everything that its customer keeps there. This cannot be undone.
instance-delete-confirm = Type { $name } to delete it
instance-stats = What it uses now
instance-stats-cpu = CPU (100 % is one core)
instance-stats-gpu = GPU { $n } ({ $model })
instance-stats-gpu-share = Part of GPU { $n } ({ $model })
instance-stats-memory = Memory
instance-stats-network = Network received / sent
instance-stats-disk = Disk read / written
instance-stats-pids = Processes and threads
instance-logs = What it said last
instance-logs-kept = Its container is gone. Its last lines stay for ninety days; they were kept on
instance-logs-follow = Follow
instance-logs-stop = Stop following
instance-logs-reason = Why you read it
instance-logs-reason-hint = What an instance says is its customer’s. They read in their own log that staff read it, and the reason you give: at least 5 characters.
instance-logs-read = Read it
instance-logs-live = It goes on by itself.
instance-logs-lost = The connection is lost; it is tried again.
instance-logs-none = It has said nothing yet.
instance-logs-away = Its machine cannot be asked now. Reload the page later.
instance-events = What happened
instance-event-at = Time
instance-event-what = Event
instance-event-by = By
instance-event-said = Details
instance-event-created = Created
instance-event-made = Container made
instance-event-start-wanted = Start asked for
instance-event-started = Started
instance-event-stop-wanted = Stop asked for
instance-event-stopped = Stopped
instance-event-restart-wanted = Restart asked for
instance-event-restarted = Restarted
instance-event-ended = Ended by itself
instance-event-failed = Failed
instance-event-lost = Machine out of reach
instance-event-found = Machine back in reach
instance-event-missing = Container was taken away at the machine
instance-event-renamed = Renamed
instance-event-delete-wanted = Deletion asked for
instance-event-deleted = Deleted
instance-failure-image = The image could not be fetched, or is none for this machine. Check its address, or choose another image.
instance-failure-spec = What it was to be made of makes no container. Check command and variables.
instance-failure-differs = A container of another making has its name on the machine. Ask those who run the platform.
instance-failure-no-space = The machine’s disk is full. Choose another machine, or ask those who run the platform.
instance-failure-limits = The machine cannot give it what its spec says. Choose another machine or a smaller spec.
instance-failure-gpu-runtime = The machine’s engine could not give it its GPUs. Choose another machine, or ask those who run the platform.
instance-failure-start-refused = Its program could not be started. Check the command and the image.
instance-failure-keeps-ending = Its program ends as soon as it is started. An instance needs a program that goes on; see what it said last.
instance-failure-killed = It was killed: it did not end within ten seconds when it was asked to, or somebody ended it at the machine.
instance-failure-out-of-memory = Its program used more memory than its spec has, and was ended. Start it again, or make one with a larger spec.
instance-failure-engine = The machine’s engine could not be reached, or did not do it. Try again later, or ask those who run the platform.
miss-not-in-service = The machine is not in service.
miss-whole-pool = The machine is lent as a whole.
miss-allocated = Somebody has, or will have, the whole machine.
miss-no-engine = Nobody has said yet how its engine is reached.
miss-engine-untested = Its engine was not tested since its connection was changed.
miss-engine-fault = Its engine cannot be reached.
miss-engine-silent = Nobody has heard of its engine for { $have ->
    [one] { $have } minute
   *[other] { $have } minutes
}. It is asked again each minute; if this stays, those who run the platform have to test its connection.
miss-agent-offline = The machine is offline.
miss-gpu-model = It has no { $what }.
miss-gpus-few = { $have ->
    [one] { $have } GPU is free, { $need } are needed.
   *[other] { $have } GPUs are free, { $need } are needed.
}
miss-gpu-memory = { $have } MiB of GPU memory are free, { $need } MiB are needed.
miss-cpu = { $have } CPU cores are free, { $need } are needed.
miss-memory = { $have } GB of memory are free, { $need } GB are needed.
miss-disk = { $have } GB of disk are free, { $need } GB are needed.
miss-architecture = The image is for { $with }, the machine is { $what }.
miss-cuda = The image needs CUDA { $with }, the driver has { $what }.
miss-no-driver = It has no GPU driver.
miss-quota = { $what ->
    [cpu] Your limit of CPU cores
    [memoryGb] Your limit of memory (GB)
    [diskGb] Your limit of disk (GB)
    [gpu] Your limit of GPUs
   *[instances] Your limit of instances
} is { $with }: { $have } left, { $need } needed.
terminal-title = Terminal
terminal-open = Open a terminal
terminal-label = Terminal of { $name }
terminal-plain = The terminal needs JavaScript. Without it, this page shows what the instance says, and programs reach the shell over the API and its WebSocket.
terminal-not-running = A terminal needs an instance that runs. Start it first.
terminal-connecting = Connecting…
terminal-connected = Connected
terminal-lost = The connection was lost. The shell lives on; trying again…
terminal-again = Your shell is as you left it.
terminal-elsewhere = Your earlier shell is held by another server. This is a new one.
terminal-over = Your earlier shell is over. This is a new one.
terminal-skipped = { $bytes } bytes were left out: they came faster than they could be shown.
terminal-viewers = Shown in { $n } windows
terminal-exited = The shell ended with exit code { $code }.
terminal-exit-lost = The shell is over: its machine is out of reach.
terminal-exit-idle = The shell was ended: nobody had it open for a quarter of an hour.
terminal-exit-access = The shell was ended with your session.
terminal-exit-closed = The shell was ended.
terminal-new = New shell
terminal-close = End the shell
terminal-copy = Copy
terminal-copied = Copied
terminal-search = Search
terminal-search-previous = Previous
terminal-search-next = Next
terminal-search-none = Not found
terminal-hint = A shell goes on for a quarter of an hour without a window. Search: Ctrl+Shift+F. Copy: Ctrl+Shift+C. Paste: Ctrl+Shift+V. Out of the terminal with the keyboard: Shift+Escape.
