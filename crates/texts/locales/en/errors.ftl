# Error messages: what happened, why, what to do. Keys follow contract::ErrorCode.
error-validation = Some entries are not right. Please change what is marked.
error-unknown-parameter = The request has a parameter this endpoint does not know.
error-unauthenticated = Please sign in first.
error-bad-credentials = User name or password is wrong. If you are sure of both, wait a minute and try again: many wrong tries, also by others, hold an account up.
error-directory-setup = User name or password is wrong, or { $provider } is not set up rightly on this platform: ask an administrator. Accounts with a password kept here can sign in all the same.
error-captcha-required = Please solve the challenge below as well, then send the form again: there were failures from here or with this name.
error-captcha-wrong = That answer does not count: it was wrong, too late or used before. Here is a new challenge.
error-second-factor-required = Please enter your one-time code.
error-enrollment-required = Whoever works for this platform must have a second factor: set it up first, then everything is open to you.
error-scope-missing = This API token’s scopes leave { $permission } out. Make a token with it, or without scopes.
error-api-token-expired = This API token has expired. Make a new one.
error-token-expired = The access token has expired. Please sign in again.
error-forbidden = You may not do this. If you need to, ask an administrator.
error-foreign-origin = The request came from a page of another site and was refused.
error-not-found = It does not exist, or you may not see it.
error-conflict = Somebody changed this in between. Look at the newest version, then save again.
error-already-exists = The name or code is taken.
error-wrong-state = Its present state does not allow this.
error-quota-exceeded = This would exceed the quota.
error-no-capacity = No machine is free for this now.
error-rate-limited = Too many requests. Please try again in a moment.
error-too-large = This is larger than can be received.
error-engine-failed = The engine below refused or failed.
error-task-failed = The task failed.
error-node-unreachable = The agent of this machine cannot be reached.
error-internal = Something went wrong on the server. Please give the request id to an administrator.
error-unavailable = The service is not available for a moment. Please try again.
error-sign-in-wait = { $minutes ->
    [0] { $seconds ->
        [one] Too many failures. Please wait { $seconds } second before you try again.
       *[other] Too many failures. Please wait { $seconds } seconds before you try again.
    }
   *[other] Too many failures. Please wait { $minutes } minutes before you try again.
}
error-schema-missing = The database is not set up yet. Run “remotegpu migrate” first.
error-schema-old = The database is at version { $found }, this program needs { $needed }. Run “remotegpu migrate” first.
error-wrong-secrets-key = The secrets key file ({ $found }) is not the one the database was written with ({ $needed }).
error-title = This did not work
error-page-missing = Page not found
error-page-missing-hint = The address may be wrong, the thing may be gone, or you may not see it.
error-page-unavailable = Not available for a moment
error-page-internal = Something went wrong
error-request-id = Request id
error-back-home = Back to the start page
error-try-again = Try again
error-machine-changed = Somebody changed this machine in between. Open the newest version and make your change again.
error-node-limits = The agent sent more than is allowed.
error-node-unknown = The platform does not know this agent. Join it again.
error-rate-limited-wait = { $minutes ->
    [0] { $seconds ->
        [one] Too many requests. Try again in a second.
       *[other] Too many requests. Try again in { $seconds } seconds.
    }
   *[other] Too many requests. Try again in { $minutes } minutes.
}
error-method = This address does not take this request method.
error-node-upgrade-needed = The agent is too old. Replace it with the one this server hands out.
error-too-many-followers = Too many logs are followed from this server at the moment. Please try again later; the log itself can be read.
error-too-many-topics = Too many topics on one connection. Unsubscribe from some first.
error-switch-staff = Whoever works for the platform acts for no customer.
error-switch-token = An API token stays with the customer it was made for. Make one while you act for the other.
error-customer-deleted = This customer is deleted. Bring it back first.
error-customer-has-machines = { $n ->
    [one] It has { $n } allocation that is planned, running or on its way back. End it first.
   *[other] It has { $n } allocations that are planned, running or on their way back. End them first.
}
error-customer-changed = Somebody changed this customer meanwhile. Reload the page and make your change again.
error-allocation-overlap = The machine is taken in that period ({ $customer }). Choose another period or machine.
error-allocation-state = { $state ->
    [scheduled] The allocation has not begun: this cannot be done now.
    [active] The allocation is running: this cannot be done now.
    [grace] The allocation is in its grace: this cannot be done now.
    [reclaiming] The machine is being taken back: this cannot be done any more.
    [cancelled] The allocation was called off: this cannot be done any more.
   *[ended] The allocation is over: this cannot be done any more.
}
error-allocate-shared = This machine is in the shared pool. Put it in the pool of whole machines first.
error-allocate-service-state = This machine is not in service. Put it back in service first.
error-step-not-waiting = This step is not waiting.
error-job-ended = This job has ended.
error-job-stopping = Somebody has asked this job to stop already; it does within a few seconds.
error-job-not-cancellable = What this job works on would wait for ever without it. Give that up instead, where it was begun: the upload, the import, the image or the instance.
error-job-not-failed = This job has not failed: only a failed one runs again.
error-job-nothing-left = What this job was about was given up with it, so it would find nothing to do. Begin that again where it was begun: the letter, the upload, the import, the copy or the image.
error-job-letter-old = This letter was asked for so long ago that its link would be over by now. Whoever still wants one asks for it again.
error-job-comes-round = This job comes round by the clock: the next one does its work.
error-step-by-itself = This step is done by itself. Skip the other steps that wait; the machine goes back into the pool after them.
error-renewal-decided = This request has been answered already.
error-renewal-none-open = Nothing is asked for any more: it was answered, or taken back.
error-renewal-often = More time was asked for and taken back { $max } times within a day. Ask again tomorrow, or talk to whoever lends you the machine.
error-renewal-overtaken = The allocation already runs longer than was asked for. Refuse the request, or grant another end.
error-allocation-changed = This allocation was changed in between. Look at its end as it is now, then move it again.
error-service-state = The machine is { $state ->
    [in_service] in service
    [cordoned] cordoned
    [draining] draining
    [maintenance] under maintenance
   *[retired] retired
}: this cannot be done now.
error-machine-allocated = { $customer } has this machine until { $until }, grace included. Reclaim it first.
error-machine-reclaiming = This machine is on its way back from { $customer }. Finish its check-list first: on the page of the allocation, steps that wait can be skipped.
error-machine-scheduled = { $customer } is to have this machine from { $from } on. Cancel that allocation first.
error-renew-service-state = This machine is being drained or is retired: it is not promised for longer.
error-renew-customer-disabled = The customer is disabled: nothing is promised to it for longer. Enable the customer first.
error-import-changed = { $n ->
    [one] { $n } row would now turn out differently, because something was changed in between. Nothing was imported: look at it, then confirm again.
   *[other] { $n } rows would now turn out differently, because something was changed in between. Nothing was imported: look at them, then confirm again.
}
error-import-raced = Something that the rows are about is being changed at this very moment. Nothing was imported; please try again.
error-import-expired = This import was kept for 24 hours and is over. Upload the workbook again.
error-import-too-many = { $n ->
    [one] You have { $n } import open
   *[other] You have { $n } imports open
}; at most { $max }, and { $mib } MiB together, are kept. Confirm or discard one first.
error-import-nothing = There is nothing to import.
error-import-taken-back = This import was taken back already.
error-import-state = { $state ->
    [reading] This import is still being read: this cannot be done yet.
    [ready] This import waits for its confirmation: this cannot be done now.
    [empty] There is nothing to import in it: this cannot be done.
    [refused] This workbook cannot be used, so nothing of it can be imported. The page of the import says why: mend the workbook and upload it again.
    [discarded] This import was discarded: this cannot be done any more.
   *[confirmed] This import is done: this cannot be done any more.
}
error-refused-unread = What you typed here, and what was wrong with it, is no longer kept: nothing was changed. Please fill in the form again.
refused-lost = What you typed could not be kept: the form shows what is stored now. Nothing was changed; please fill it in again.
error-machine-free = Nobody has this machine.
error-idempotency-other = This Idempotency-Key was used for another request. Take a new key for a new request.
error-idempotency-running = The first request with this Idempotency-Key is still running. Ask again in a moment.
error-idempotency-too-many = Too many Idempotency-Keys within a day.
error-recovery-code-wrong = This recovery code is wrong or was used already. Take another one of the newest set, or a code of your app.
error-second-factor-wrong = This code is wrong or was used already. Enter the newest one.
error-challenge-over = This sign-in has taken too long. Please begin again.
error-refresh-refused = This refresh token is not, or no longer, valid. Please sign in again.
error-totp-on = The second factor is on already.
error-totp-off = The second factor is not on.
error-totp-required = Whoever works for this platform must have a second factor: it cannot be switched off.
error-totp-not-pending = Nothing waits to be confirmed. Begin setting up again.
error-too-many-tokens = You have { $max } tokens already. Revoke some first.
error-settings-changed = Somebody changed these settings meanwhile. Look at what is stored now and make your change again.
error-settings-of-admins = This decides who gets in, what the server reaches or how long the log is kept: only the platform’s administrators change it.
error-mail-off = No mail goes out: no mail server and sender are set. An administrator sets them in the settings.
error-sign-up-closed = Only administrators make accounts here, or people are invited. The settings can open it to everybody.
error-invitations-off = Only administrators make accounts here. Ask one for an account with the invited address, then open the link again and accept with it.
error-invitation-paused = The customer is disabled for now. The invitation works again once it is enabled.
error-invitation-for-another = This invitation is for { $email }. Sign in with the account that has this address.
error-invitation-already = You are already in { $customer }. There is nothing to accept.
error-member-by-invitation = Nobody is added to a customer without being asked, and its owners make no accounts. Invite the person by e-mail: who has an account accepts with it, who has none makes one. Staff can add people directly.
error-channel-hears = A robot says by name which customer has which machine. Only who may see customers and machines can add one, or change where it goes and what it is told.
error-not-held = You do not hold everything this needs ({ $permission }): nobody hands on, or acts on, more than they hold.
error-last-admin = This is the last platform administrator who can sign in with a password kept here. Invited people who have not come yet, and people of a directory, do not count. Give somebody else that role first.
error-last-owner = This is the last owner who can act here; disabled accounts and people who work for the platform do not count. Make somebody else an owner first, or hand the ownership over.
error-role-changed = Somebody changed this role meanwhile. Reload the page and make your change again.
error-role-builtin = A built-in role cannot be changed or deleted.
error-role-held = { $n ->
    [one] { $n } person holds this role. Take it away first.
   *[other] { $n } people hold this role. Take it away from them first.
}
error-user-changed = Somebody changed this user meanwhile. Reload the page and make your change again.
error-user-self = Nobody disables or deletes themselves. Ask another administrator.
error-user-self-sessions = These are your own sessions. End them under “Account”.
error-user-self-second-factor = This is your own account. Switch your second factor off under “Account”.
error-user-self-identities = This is your own account. Part it under “Account”.
error-user-password-elsewhere = This account has no password here: { $provider } lets it in. A password here is a way in of its own. Say that the account gets one all the same (local), or change the password there.
error-provider-bound = { $n ->
    [one] { $n } account is bound to it, and gets in no more without a password here or another service. Say that it may be parted (partAccounts).
   *[other] { $n } accounts are bound to it, and get in no more without a password here or another service. Say that they may be parted (partAccounts).
}
error-user-identity-only-way = It is the only way into this account, because it has no password here. Give it a password first, or say that the only way may go.
error-user-last-owner = This user is the only owner of { $customer }. Make somebody else an owner of it first, or hand the ownership over.
error-role-only-owner = This user is the only owner who can act for { $customer }. Whoever works for the platform acts for no customer, so that it would have nobody. Make somebody else an owner of it first, or hand the ownership over.
error-user-deleted = This user is deleted. Bring the account back first.
error-user-restore-taken = Another account has this user name or address by now. Change that account’s first, then restore this one; or make a new account for the person.
error-too-many-ssh-keys = You have { $max } keys already. Remove some first.
error-too-many-channels = There can be at most { $max } of them.
error-directory-away = User name or password is wrong, or { $provider } cannot be reached at the moment. Accounts with a password kept here can sign in all the same.
error-identity-no-role = { $provider } knows you, but none of your groups may use this platform. Ask an administrator.
error-identity-unknown = { $provider } knows you, but you have no account here. Ask an administrator.
error-identity-disabled = { $provider } knows you, but your account here is disabled. Ask an administrator of this platform to enable it.
error-identity-name-reserved = { $provider } knows you, but the user name { $name } stands for a part of this platform in its log, so that nobody can have it here. Ask an administrator for another name there.
error-identity-name-taken = { $provider } knows you, but somebody else has the user name { $name } here. Ask an administrator.
error-identity-taken = This identity is bound to another account here already. Sign in to that account with it. If both accounts are yours, an administrator can part the identity from the other one, or delete that account; then bind it here again.
error-identity-twice = Your account is bound to somebody at this service already. Part them first.
error-identity-sign-in-again = Your account has no password and no second factor to prove it with, and you signed in more than ten minutes ago. Sign out, sign in again, and answer here within ten minutes.
error-identity-only-way = This is the only way into your account: it has no password here, and no other service in use. Bind another service first, or ask an administrator to give the account a password.
error-sso-over = This sign-in is over: there are ten minutes for it, and it counts once, in the browser it began in. Please begin again.
error-sso-away = { $provider } cannot be reached at the moment. Please try again later, or sign in another way.
error-sso-denied = { $provider } did not let you in, or you cancelled there. Try again, or sign in another way.
error-sso-client = { $provider } does not take this platform’s client id or secret, so nobody can sign in by it. Sign in another way, and give the request id to an administrator.
error-sso-request = { $provider } refused what this platform asks for, so nobody can sign in by it. Sign in another way, and give the request id to an administrator.
error-sso-fault = { $provider } has a fault of its own at the moment. Please try again later, or sign in another way.
error-sso-refused = What { $provider } said could not be trusted, so nobody was signed in. Please begin again; if it stays so, give the request id to an administrator.
error-sso-login = { $provider } wanted to ask you something first, such as to sign in there or to agree, and did not get to it. Please begin again, and answer there.
error-sso-denied-binding = { $provider } did not confirm who you are, or you cancelled there. Nothing was bound; begin again if you want to bind your account.
error-sso-setup = { $provider } is set up wrongly, here or there, so nobody can sign in by it. Waiting does not help: an administrator can mend it. Give them the request id.
error-sso-gone = The sign-in service that you chose is no longer there or no longer in use. Choose another way to sign in; if there is none, ask an administrator.
error-password-elsewhere = Your password is kept by { $provider }. Change it there.
error-password-elsewhere-at = Your password is kept by { $provider }. Change it there: { $url }
error-password-none = This account has no password here. Ask an administrator.
error-email-elsewhere = The address of this account is not changed here, because its password is kept elsewhere. Ask an administrator.
error-no-engine = Nobody has said yet how the Docker Engine of this machine is reached.
error-no-other-engine = No other engine answers at this machine.
error-spec-without-price = It has no price in force yet: set one first, 0 for free.
error-file-too-large = This installation takes files of at most { $gb } GB.
error-uploads-open = { $n } uploads are open already: complete some, or give them up.
error-storage-quota = It does not fit: { $used } of { $limit } are taken.
error-store-full = The disk for files is full. Try again later, or tell the administrator.
error-nul = It contains a character that cannot be stored (NUL). Remove it.
error-upload-incomplete = { $received } of { $size } bytes are there: send the chunks that are missing.
error-upload-state = The upload takes nothing any more: it is { $state ->
    [assembling] being checked
    [done] complete
   *[aborted] given up
}.
error-chunk-differs = Other bytes are there under this number. Give the upload up and begin anew.
error-image-not-approved = Nobody approved it yet.
error-image-not-saved = No instance was saved as this image: all people of your customer find it.
error-image-name-shared = Your customer’s people find another image of this name: give this one another name first.
error-image-not-shared = Who saved it shares it with nobody. It can be listed once they share it with their customer’s people.
error-image-listed = It is listed: only its remark can be changed. Ask the platform’s staff to delist it first.
error-image-reviewed = It is { $state ->
    [approved] approved
    [rejected] rejected
   *[pending_review] waiting
} already.
error-image-architecture = The image is for { $image }, and the engine of this machine runs on { $machine }.
error-image-on-its-way = It is on its way to this machine already.
error-image-no-archive = This image has no archive: it is in a registry already.
error-no-registry-holds = No registry takes archives. Say of one in the settings that it does.
error-image-being-put = It is on its way into the registry already.
error-cleanup-going = This machine is being cleaned up already.
error-cleanup-lent = A customer has this machine: what is on it is theirs.
error-cleanup-nothing = None of these images can be taken away any more: something needs them by now, or they are gone. Look again.
error-save-going = It is being saved already. Wait until that has ended.
error-save-image-rejected = The image it was made of was rejected: it cannot be saved.
error-customer-has-instances = { $n ->
    [one] It has { $n } instance. Delete it first.
   *[other] It has { $n } instances. Delete them first.
}
error-machine-has-instances = { $n ->
    [one] { $n } instance is on this machine. Delete it first.
   *[other] { $n } instances are on this machine. Delete them first.
}
error-instance-nowhere = No machine fits now. The machines, what is in the way, and other specs that fit are shown where the instance is made.
error-instance-not-there = It does not fit on { $machine }: { $reason }
error-instance-quota = Your limit does not allow it ({ $what ->
    [cpu] CPU cores
    [memoryGb] memory, GiB
    [diskGb] disk, GB
    [gpu] GPUs
   *[instances] instances
}): of { $limit } are { $have } left, and { $need } are needed.
error-budget-spent = A budget is spent.
error-budget-spent-of = The budget “{ $budget }” of { $amount } { $currency } is spent: nothing new is made or started before { $until }. Raise it, or ask whoever set it to lift it for this month.
error-budgets-many = A customer has at most { $max } budgets. Delete one first.
error-budget-of-platform = The platform set this budget. Ask an administrator to change it.
error-instance-not-watched = Nobody stops this instance for not being used: there is nothing to keep it from.
error-instance-state = This cannot be done while the instance is { $state ->
    [creating] being made
    [starting] starting
    [running] running
    [stopping] stopping
    [stopped] stopped
    [failed] failed
    [lost] out of reach
    [deleting] being deleted
   *[deleted] deleted
}.
error-instance-ended = It does not run any more. Reload the page to see how it ended.
error-terminal-ticket = This ticket was used, is too old, or is not yours. Ask for a new one.
error-apps-off = This installation has no place for applications. Whoever runs it can name one (apps_url).
error-app-limit = An instance has { $limit } applications at most. Remove one first.
error-app-places = Every address for applications is taken. Whoever runs this installation can add some (apps_url).
error-app-ticket = The way to the application was used already, took too long, or was begun in another browser. Open it again.
error-terminal-limit = { $limit } terminals are open at most, of an instance and of a person. Close one first.
error-ssh-limit = You have { $limit } connections by SSH open, which is as many as there may be. Close one first.
error-recording = What is done here has to be recorded, and that is not possible now. Tell an administrator, or try again in a moment.
error-recording-full = What is done here has to be recorded, and the room for recordings is used up for today, or the disk is full. Tell an administrator, or try again later.
error-recording-nothing = There is nothing to play of this recording: nothing was shown on a screen, or it was removed.
error-terminal-over = There is no such shell of yours any more. Open a terminal first.
error-terminal-share = This link leads nowhere: it was used, its time is over, or who made it ended it. Ask for another one.
error-watch-limit = { $limit } people may look on already, which is as many as there may be.
error-ssh-ways = You have { $limit } ways to machines open by SSH, which is as many as there may be. Close a shell or a port first.
error-ssh-off = Coming in by SSH is switched off here.
error-ssh-several = { $name } is not the name of one thing alone. Instead of the name use one of these: { $ids }. A number is an instance, a plus and a name is a whole machine.
error-ssh-no-instance = There is no instance called { $name } that you may come into.
error-ssh-elsewhere = Only ports of the instance itself are reached from here, as localhost or by its name; { $host } is not.
error-ssh-port = Nothing listens on port { $port } of the instance.
error-ssh-machine-jump = The machine does not let this door in just now; your own key is let in by its sshd. Type on your own computer: { $line }
error-ssh-machine-elsewhere = Only ports of the machine itself are reached from here, as localhost or by its code; { $host } is not.
error-ssh-machine-port = The machine’s sshd does not lead to port { $port }.
error-ssh-machine-keys = No agent keeps your keys on this machine: whoever runs it manages them. Use the line on the machine’s page.
error-ssh-machine-sshd = No sshd answers on { $machine }. Tell whoever runs it.
error-ssh-machine-away = There is no way to { $machine } just now: its agent is not linked to this server. Try again in a moment.
error-instance-data-there = Its data disk is not known to be gone: there is nothing to begin anew.
error-instance-holds-nothing = It could not be made, and holds no GPUs, CPU or memory any more. Delete it and make a new one.
error-instance-run-open = Its last run is not written down to its end yet. Try again in a few seconds.
