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
} · { $memory } GiB
instance-image = Image
instance-machine = Machine
instance-machine-any = Any that fits
instance-price = Price per hour
instance-price-hour = { $price } per hour
instance-price-next = { $price } from
instance-customer = Customer
instance-created-by = Created by
instance-created = Created
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
instance-earliest = At the earliest
instance-earliest-unknown = Where no time is said, nobody knows when it will fit: instances have no end, and stopped ones keep what they hold.
instance-no-machines = There is no machine that customers may choose.
instance-alternatives = These specs fit now:
instance-stopped-holds = A stopped instance keeps its GPUs, CPU and memory, so that it can always be started again. Delete it to give them back. It costs while it runs, at the price that its spec has at that time.
instance-start = Start
instance-stop = Stop
instance-restart = Restart
instance-change = Name and remark
instance-resize = Another spec
instance-resize-when = The spec of an instance can be changed while it is stopped.
instance-resize-do = Change the spec
instance-resize-none = Nothing else fits now.
instance-resize-now = It has this one
instance-resize-lost = Its container is made anew at its next start: what was written in it and what it said until then goes. Save it as an image before you start it if you need that.
instance-resize-lost-data = Its container is made anew at its next start: what was written in it outside of /data and what it said until then goes; /data stays. Save it as an image before you start it if you need the rest.
instance-made-anew = Its spec was changed: its container is made anew at the next start, and what was written in it outside of /data goes then.
instance-delete = Delete instance
instance-delete-hint = Its container goes with everything that was written in it. This cannot be undone.
instance-delete-hint-data = Its container goes with everything that was written in it, and its data disk at /data ({ $gb } GB). This cannot be undone.
instance-delete-hint-staff = Its container and its data disk go with everything that its customer keeps there. This cannot be undone.
instance-act-hint-staff = It is its customer’s. Whose it is is told, and its customer reads the reason in its history and in their own log.
instance-act-reason = Why, in at least 5 characters
instance-delete-confirm = Type { $name } to delete it
saves-title = Save as image
saves-hint = What was written in the instance becomes an image of yours that instances can be made of at once. You and your customer’s owners find it, until you share it with your customer’s people. Somebody of the platform looks at it before it is listed for others. Not in it, and to be known:
saves-without-data = Its data disk at /data, and everything on it.
saves-without-variables = Its environment variables, its command and its ports: say them again when you make an instance of it.
saves-stands-still = The instance stands still while its engine makes the image: seconds, or minutes where much was written. Its programs go on where they were.
saves-old-engines = Engines before version 25 write the values of its variables into the image’s description. No instance gets them; who downloads the archive can read them there.
saves-name = Name of the image
saves-save = Save as image
saves-not-now = It can be saved while it runs, is stopped or has failed.
saves-follow = Follow
saves-stop = Stop following
saves-image = Image
saves-state = State
saves-progress = Size
saves-by = By
save-state-waiting = Waits
save-state-saving = Being saved
save-state-done = Saved
save-state-failed = Failed
save-state-cancelled = Stopped
save-failure-quota = It is more than you or your customer may still store. Delete files or images that nobody needs, or ask for a larger limit.
save-failure-too-large = It is larger than the largest file this platform takes. Take away what is not needed, or keep it in /data.
save-failure-store-full = The disk of the platform’s store is full. Ask those who run the platform.
save-failure-archive = What the engine handed over is no whole image: its disk may have been full. Try again later, or ask those who run the platform.
save-failure-name-taken = Another image got this name meanwhile. Save it again with another name.
save-failure-image-rejected = The image that the instance was made of was rejected meanwhile.
save-failure-no-space = The machine’s disk is full: an image needs as much there for a moment as was written in the instance, and all of it once more while it is handed over. Ask those who run the platform.
save-failure-image = The image was gone from the engine before it was handed over. Save it again.
save-failure-not-found = Its container is not there any more.
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
instance-logs-cut = … the rest of this line is left out
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
instance-event-resized = Spec changed
instance-event-delete-wanted = Deletion asked for
instance-event-deleted = Deleted
instance-split = GPU memory limit
instance-split-state-enforced = Enforced
instance-split-state-advisory = Advisory
instance-split-state-broken = Broken
instance-split-used = { $used } of { $limit } used
instance-split-held = Programs are refused more than the share, and what the driver counts agrees. This is no security boundary.
instance-split-ready = Programs will be refused more than the share while it runs. This is no security boundary.
instance-split-not-measured = The limit is set, but nobody measures whether it is kept to: the machine’s agent does not answer.
instance-split-image = Nothing refuses more than the share: nobody says of the image that it works with a part of a GPU. What is used is measured and told.
instance-split-no-library = Nothing refuses more than the share: the machine had no library for it when this was made. What is used is measured and told.
instance-split-over = The driver counts more than the share for its programs. Others share the GPU: end programs, or make an instance with a larger share.
instance-split-bare = A program uses the GPU without the library that limits it, for example one that is linked statically. Others share the GPU: end it.
instance-disks = Disks
instance-disks-near = Nearly full
instance-disks-full = Beyond its spec
instance-disks-unknown = The engine does not say it now
instance-disk-system = System disk: { $used } of { $limit }
instance-disk-data = /data: { $used } of { $limit }
instance-disks-hint = Nothing refuses what is beyond, but the machine’s disk is everybody’s there: delete what nobody needs, or change to a spec with larger disks.
instance-failure-image = The image could not be fetched, or is none for this machine. Choose another image, or have those who run the platform look at its address.
instance-failure-image-gone = Its image was rejected, or was deleted and is not kept any more: no container can be made of it. Create an instance of another image; the data disk of this one stays until you delete it.
instance-failure-other-engine = Another Docker Engine answers at its machine than the one it is on. Nothing of it is made anew or deleted there; those who run the platform have been told.
instance-failure-spec = What it was to be made of makes no container. Check command and variables.
instance-failure-differs = A container of another making has its name on the machine. Ask those who run the platform.
instance-failure-host-file = The machine lacks the library by which a GPU’s memory is divided. Choose another machine, or ask those who run the platform.
instance-failure-no-space = The machine’s disk is full. Choose another machine, or ask those who run the platform.
instance-failure-limits = The machine cannot give it what its spec says. Choose another machine or a smaller spec.
instance-failure-gpu-runtime = The machine’s engine could not give it its GPUs. Choose another machine, or ask those who run the platform.
instance-failure-start-refused = Its program could not be started. Check the command and the image.
instance-failure-keeps-ending = Its program ends as soon as it is started. An instance needs a program that goes on; see what it said last.
instance-failure-killed = It was killed: it did not end within ten seconds when it was asked to, or somebody ended it at the machine.
instance-failure-unseen = It ended before anybody could look, and was started again. How it ended is not known any more: the machine, or its engine, may have been restarted.
instance-failure-data-gone = Its data disk at /data was taken away at the machine, with all that was on it. Nothing was put in its place. Ask those who run the platform whether it can be brought back, and start it again; or have it begin with an empty one.
instance-failure-data-empty = With a new, empty data disk at /data: the one before was gone.
instance-renew-data = Begin with an empty data disk
instance-renew-data-hint = It gets a new, empty data disk at /data and is started. If the old one is found later, it is not used any more.
instance-failure-idle = It was not used for as long as is allowed, and was stopped. Start it again when it is needed.
instance-failure-disk-full = It stored more than its spec has for longer than is allowed, and was stopped. Start it again and delete what is not needed, or change to a spec with larger disks.
instance-failure-budget = A budget of your customer is spent, and what runs was stopped.
instance-failure-out-of-memory = Its program used more memory than its spec has, and was ended. Start it again, or make one with a larger spec.
instance-failure-split-broken = It used more GPU memory than its share for too long, or ran programs past the limit, and was stopped. Start it again with less, or make one with a larger share.
instance-failure-engine = The machine’s engine could not be reached, or did not do it. Try again later, or ask those who run the platform.
miss-not-in-service = The machine is not in service.
miss-whole-pool = The machine is lent as a whole.
miss-allocated = Somebody has, or will have, the whole machine.
miss-no-engine = Nobody has said yet how its engine is reached.
miss-engine-untested = Its engine was not tested since its connection was changed.
miss-engine-fault = { $what ->
    [other-engine] Another Docker Engine answers there than the one its instances are on.
   *[other] Its engine cannot be reached.
}
miss-engine-silent = Nobody has heard of its engine for { $have ->
    [one] { $have } minute
   *[other] { $have } minutes
}. It is asked again each minute; if this stays, those who run the platform have to test its connection.
miss-agent-offline = The machine is offline.
miss-gpu-model = It has no { $what }.
miss-gpus-few = { $have ->
    [one] { $have } GPU is free
   *[other] { $have } GPUs are free
}, { $need ->
    [one] { $need } is needed
   *[other] { $need } are needed
}.
miss-gpu-memory = { $have } MiB of GPU memory are free, { $need } MiB are needed.
miss-cpu = { $have ->
    [one] { $have } CPU core is free
   *[other] { $have } CPU cores are free
}, { $need ->
    [one] { $need } is needed
   *[other] { $need } are needed
}.
miss-memory = { $have } GiB of memory are free, { $need } GiB are needed.
miss-disk = { $have } GB of disk are free, { $need } GB are needed.
miss-architecture = The image is for { $with }, the machine is { $what }.
miss-cuda = The image needs CUDA { $with }, the driver has { $what }.
miss-no-driver = It has no GPU driver.
miss-data-disk = It has no data disk, and what is on yours would be lost.
miss-data-used = { $need } GB are used on the data disk, and it would have { $have } GB. Delete what is not needed first.
miss-image-gone = The image may not be used any more, so that no container can be made of it anew.
miss-quota = { $what ->
    [cpu] Your limit of CPU cores
    [memoryGb] Your limit of memory (GiB)
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
terminal-recorded = This session is recorded.
terminal-recorded-input = This session is recorded, and so is what you type, passwords among it.
terminal-unrecorded = Not recorded any more: there is no room for recordings now, or they cannot be written.
terminal-lost = The connection was lost. The shell lives on; trying again…
terminal-again = Your shell is as you left it.
terminal-elsewhere = Your earlier shell is not reached from here: another server holds it, or the one that held it has just stopped. This is a new one.
terminal-gone = The server that held your earlier shell has stopped, and that shell is over. This is a new one.
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
idle-title = Use
idle-now = Now
idle-used = In use
idle-since = Idle since
idle-unknown = Not known
idle-unknown-not-reported = Its machine reports nothing now. It is not stopped for that.
idle-unknown-not-measured = A GPU of it does not say how busy it is. It is not stopped for that.
idle-unknown-not-reached = Its engine cannot be asked now. It is not stopped for that.
idle-unknown-first-look = It has just been looked at for the first time.
idle-gpu = Highest load of its GPUs, last minute
idle-gpu-memory = GPU memory of its programs
idle-no-programs = no program of it uses a GPU
idle-cpu = Load of a processor core since the last look
idle-stops = Is stopped
idle-stops-at-earliest = Is stopped if it stays idle
idle-kept-until = Is kept until
idle-kept-by = { $by }: { $because }
idle-rule-gpu = An instance whose GPUs stay below { $percent } % for { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
} is stopped after a warning; an open page, terminal or SSH session does not count as use. What it holds and its data stay, and it can be started again.
idle-rule-cpu = An instance that stays below { $percent } % of a processor core for { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
} is stopped after a warning; an open page, terminal or SSH session does not count as use. What it holds and its data stay, and it can be started again.
idle-keep = Keep it running
idle-keep-hours = For
idle-keep-hint = At most { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
} from now.
idle-keep-because = Because
idle-change = Change
idle-hours = Stop after
idle-hours-hint = 0 is never; empty is as for everybody.
idle-never = Instances are not stopped for not being used.
idle-after = Instances that are not used are stopped after { $hours ->
    [one] { $hours } hour
   *[other] { $hours } hours
}.
idle-usual = As for everybody: { $usual }
watch-title = Look on at a terminal
watch-connected = You look on. What you type goes nowhere.
watch-lost = The connection was lost; trying again…
watch-elsewhere = Another server holds this terminal. Your link still counts; trying again…
watch-unshared = That you look on was ended.
watch-hint = Who has this terminal sees that you look on, and may end it at any time. Who was away for five minutes needs another link.
watch-reason = Why you look on
watch-reason-hint = What somebody does in an instance is its customer’s. They read in their own log that staff looked on, and the reason.
watch-share = Let somebody look on
watch-link = For one person of your customer or of the staff, once, within ten minutes:
watch-unshare = End looking on
watch-watched = Looking on: { $people }
