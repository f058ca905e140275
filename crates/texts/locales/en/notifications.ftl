# What people are told: in the product, and by mail.
notifications-title = Notifications
notifications-bell = { $n ->
    [0] Notifications
    [one] Notifications: { $n } not read
   *[other] Notifications: { $n } not read
}
notifications-empty = You have no notifications.
notifications-none-unread = You have read everything.
notifications-at = Time
notifications-what = What
notifications-state = State
notifications-unread = New
notifications-read = Read
notifications-open = Open
notifications-mark-read = Mark as read
notifications-read-all = Mark all as read
notifications-show-all = Show all
notifications-show-unread = Show only new ones
notifications-choices = How you are told
notifications-kind = About
notifications-in-app = Here
notifications-mail = By mail
notifications-by = { $kind }: { $way }
notifications-quiet-from = Mail and webhooks wait from
notifications-quiet-until = until
notifications-quiet-hint = In your own time zone. What concerns the safety of your account does not wait.
notification-kind-allocation-ending = A machine’s time ends soon
notification-kind-renewal-decided = Answers to wishes for more time
notification-kind-maintenance-planned = Maintenance of your machines
notification-kind-maintenance-cancelled = Maintenance that was called off
notification-kind-maintenance-begun = Maintenance that has begun
notification-kind-maintenance-over = Maintenance that is over
notification-kind-allocation-given = A machine was given to you
notification-kind-allocation-delayed = Your time on a machine does not begin yet
notification-kind-allocation-renewed = The end of a machine’s time was moved
notification-kind-allocation-grace = A machine’s time is over
notification-kind-allocation-reclaimed = A machine is taken back
notification-kind-invitation-accepted = People you invited have joined
notification-kind-member-added = You were added to a customer
notification-kind-member-changed = Your role in a customer changed
notification-kind-member-removed = You were removed from a customer
notification-kind-customer-switched = A customer you belong to was disabled, enabled, deleted or brought back
notification-kind-roles-changed = Roles of the platform were given to you or taken away
notification-kind-email-changed = Your e-mail address was changed by somebody else
notification-kind-identities-changed = Your account was bound to a sign-in service or parted from one
notification-kind-second-factor-changed = Your second factor was switched on or off, or a recovery code was used
notification-kind-ssh-key-added = An SSH key was added to your account
notification-kind-api-token-made = An API token of your account was made
notification-kind-sign-in-copied = A sign-in to your account was copied
notification-kind-account-switched = Your account was disabled or enabled
notification-kind-image-reviewed = Images you uploaded were reviewed
notification-kind-image-acted = What staff did with images that you shared with nobody
notification-kind-instance-failed = Your instances that failed
notification-kind-instance-idle = Your instances that are not used
notification-kind-instance-acted = What staff did with your instances
notification-kind-access-ended = Connections that staff ended
notification-kind-budget-reached = A budget of your customer is reached
notification-kind-password-changed = Your password was changed
notification-kind-renewal-requested = Customers ask for more time
notification-kind-allocation-waits = An allocation cannot begin
notification-kind-engine-certificates = Certificates of Docker Engines end soon
notification-kind-engine-other = Another Docker Engine answers at a machine
notification-kind-recording-stopped = Sessions that cannot be recorded
notification-allocation-ending = Your time on { $machine } ends at { $endsAt }.
notification-renewal-decided = { $answer ->
    [refused] Your wish for more time on { $machine } was refused: { $word }
   *[granted] You have { $machine } until { $endsAt }.
}
notification-maintenance-planned = { $machine } is under maintenance from { $startsAt } until { $endsAt }: { $word }
notification-maintenance-begun = The maintenance of { $machine } has begun. It is planned until { $endsAt }: { $word }
notification-maintenance-over = The maintenance of { $machine } is over.
notification-allocation-given = { $begins ->
    [later] You have { $machine } from { $startsAt } until { $endsAt }.
   *[now] You have { $machine } now, until { $endsAt }.
}
notification-allocation-delayed = { $state ->
    [occupied] Your time on { $machine } was to begin at { $startsAt }, but the machine is not free yet. It begins when it is, and you are told.
    [maintenance] Your time on { $machine } was to begin at { $startsAt }, but the machine is under maintenance. It begins when that is over, and you are told.
   *[other] Your time on { $machine } was to begin at { $startsAt }, but the machine is not in service. It begins when it is, and you are told.
}
notification-allocation-renewed = { $change ->
    [earlier] Your time on { $machine } ends earlier: at { $endsAt }.
   *[later] Your time on { $machine } was extended until { $endsAt }.
}
notification-allocation-grace = Your time on { $machine } is over. Ask for more time before { $endsAt }; then the machine is taken back.
notification-allocation-reclaimed = { $change ->
    [cancelled] { $machine } is not given to you after all; it was to be from { $startsAt } on.
   *[reclaimed] { $machine } is being taken back, and your access to it has ended.
}
notification-maintenance-cancelled = { $change ->
    [over] The maintenance of { $machine } is over before its time, which was { $endsAt }.
   *[off] The maintenance of { $machine } from { $startsAt } until { $endsAt } was called off.
}
notification-invitation-accepted = { $person } has joined { $customer }.
notification-member-added = { $role ->
    [owner] { $by } added you to { $customer } as an owner.
   *[member] { $by } added you to { $customer } as a member.
}
notification-member-changed = { $role ->
    [owner] { $by } made you an owner of { $customer }.
   *[member] { $by } made you a member of { $customer }.
}
notification-member-removed = { $by } removed you from { $customer }.
notification-customer-switched = { $change ->
    [enabled] { $by } enabled { $customer } again.
    [deleted] { $by } deleted { $customer }.
    [restored] { $by } brought { $customer } back.
   *[disabled] { $by } disabled { $customer }.
}
notification-roles-changed = { $change ->
    [taken] { $by } took a role from you: { $role ->
        [platform_admin] Platform administrator
        [operator] Operator
        [teacher] Teacher
        [student] Student
       *[other] { $role }
    }
    [changed] { $by } changed what a role of yours permits: { $role ->
        [platform_admin] Platform administrator
        [operator] Operator
        [teacher] Teacher
        [student] Student
       *[other] { $role }
    }
   *[given] { $by } gave you a role: { $role ->
        [platform_admin] Platform administrator
        [operator] Operator
        [teacher] Teacher
        [student] Student
       *[other] { $role }
    }
}
notification-email-changed = { $email ->
    [none] { $by } removed the e-mail address of your account. If that is not right, tell an administrator at once.
   *[other] { $by } changed the e-mail address of your account to { $email }. If that is not right, tell an administrator at once.
}
notification-identities-changed = { $change ->
    [parted] { $by } parted your account from { $provider }. If that is not right, tell an administrator at once.
   *[bound] { $by } bound your account to { $provider }: whoever is { $label } there signs in to it. If it was not you, part from it on your security page, change your password, and tell an administrator at once.
}
notification-second-factor-changed = { $change ->
    [on] The second factor of your account was switched on. If it was not you, tell an administrator at once.
    [code] A recovery code of your account was used. If it was not you, change your password, make new codes, and tell an administrator at once.
   *[off] { $who ->
        [console] The second factor of your account was switched off on the command line of the server. If that was not agreed with you, tell an administrator at once.
        [other] { $by } switched the second factor of your account off. If that was not agreed with you, tell an administrator at once.
       *[own] The second factor of your account was switched off. If it was not you, change your password and tell an administrator at once.
    }
}
notification-ssh-key-added = The SSH key “{ $key }” ({ $fingerprint }) was added to your account. If it was not you, remove it, change your password, and tell an administrator.
notification-api-token-made = The API token “{ $token }” of your account was made. If it was not you, revoke it, change your password, and tell an administrator.
notification-sign-in-copied = A sign-in to your account was ended: its refresh token was shown twice{ $from ->
    [unknown] {""}
   *[other] , the second time from { $from }
}. If no program of yours did so, somebody has a copy of it: change your password and tell an administrator.
notification-account-switched = { $change ->
    [enabled] { $by } enabled your account. You can sign in again.
   *[disabled] { $by } disabled your account.
}
notification-image-reviewed = { $answer ->
    [rejected] The image { $image } was rejected: { $word }
   *[approved] The image { $image } was approved.
}
notification-image-acted = { $did ->
    [push] Staff put the image { $image }, which is shared with nobody, into a registry: { $word }
    [pull] Staff brought the image { $image }, which is shared with nobody, to a machine: { $word }
   *[read] Staff read the archive of the image { $image }, which is shared with nobody: { $word }
}
notification-instance-failed = { $made ->
    [again] The container of the instance { $instance } on { $machine } was taken away at the machine and is made anew: what was written outside of /data is gone.
    [data-gone] The data disk of the instance { $instance } on { $machine } is gone: somebody took it away at the machine.
    [engine-empty] { $machine } goes on with another Docker Engine: the instance { $instance } is made anew there, and its data disk begins empty.
    [engine-found] { $machine } goes on with another Docker Engine: the instance { $instance } has the data disk that is there, as it was left on that engine.
    [engine-anew] { $machine } goes on with another Docker Engine: the container of the instance { $instance }, which has no data disk, is made anew there.
    [disk-near] The instance { $instance } on { $machine } takes { $percent } % of one of its disks.
    [disk-full] The instance { $instance } on { $machine } takes { $percent } % of one of its disks: more than its spec has.
    [disk-stops] The instance { $instance } on { $machine } takes { $percent } % of one of its disks and is stopped at { $stopsAt }, unless there is room before.
    [disk-stopped] The instance { $instance } on { $machine } was stopped: it took { $percent } % of one of its disks for too long.
    [split] The instance { $instance } on { $machine } does not keep to its part of a GPU’s memory.
    [yes] The instance { $instance } on { $machine } failed.
   *[no] The instance { $instance } could not be made on { $machine }.
}
notification-instance-idle = { $state ->
    [stopped] The instance { $instance } was not used since { $since } and was stopped.
   *[warned] The instance { $instance } is not used since { $since } and is stopped at { $stopsAt }, unless it is used or kept.
}
notification-instance-acted = { $action ->
    [start] Staff started your instance { $instance } on { $machine }: { $word }
    [restart] Staff restarted your instance { $instance } on { $machine }: { $word }
    [delete] Staff deleted your instance { $instance } on { $machine }: { $word }
   *[stop] Staff stopped your instance { $instance } on { $machine }: { $word }
}
notification-access-ended = { $what ->
    [ssh] Staff ended an SSH connection to the instance { $instance } on { $machine }: { $word }
    [terminal] Staff ended a terminal of the instance { $instance } on { $machine }: { $word }
    [app] Staff ended the use of an application of the instance { $instance } on { $machine }: { $word }
    [watch] Staff ended the watching of a terminal of the instance { $instance } on { $machine }: { $word }
    [link] Staff removed the application { $app } of the instance { $instance } on { $machine }: { $word }
   *[machine] Staff ended an SSH connection to { $machine }: { $word }
}
notification-budget-reached = { $state ->
    [stopped] The budget { $budget } ({ $amount } { $currency } a month) is spent: instances that ran were stopped.
    [stops] The budget { $budget } ({ $amount } { $currency } a month) is spent ({ $spent } { $currency }): nothing new is started, and what runs is stopped at { $stopsAt }.
    [refuses] The budget { $budget } ({ $amount } { $currency } a month) is spent ({ $spent } { $currency }): nothing new is made or started.
    [spent] The budget { $budget } ({ $amount } { $currency } a month) is spent: { $spent } { $currency } ({ $percent } % are reached).
   *[reached] { $percent } % of the budget { $budget } ({ $amount } { $currency } a month) are reached: { $spent } { $currency }.
}
notification-password-changed = { $who ->
    [other] { $by } set a new password for your account. If that was not agreed with you, set a new one and tell an administrator.
    [console] A new password was set for your account on the command line of the server. If that was not agreed with you, set a new one and tell an administrator.
   *[own] Your password was changed. If it was not you, set a new one at once and tell an administrator.
}
notification-renewal-requested = { $stand ->
    [withdrawn] { $by } of { $customer } asks for { $machine } until { $endsAt }. This was taken back and waits for no answer.
    [lapsed] { $by } of { $customer } asks for { $machine } until { $endsAt }. This is closed: the allocation is over.
    [approved] { $by } of { $customer } asks for { $machine } until { $endsAt }. { $answeredBy } has granted it.
    [changed] { $by } of { $customer } asks for { $machine } until { $endsAt }. { $answeredBy } has granted more time until { $grantedUntil }.
    [refused] { $by } of { $customer } asks for { $machine } until { $endsAt }. { $answeredBy } has refused it.
   *[open] { $by } of { $customer } asks for { $machine } until { $endsAt }.
}
notification-allocation-waits = { $state ->
    [occupied] { $machine } was to be { $customer }’s from { $startsAt } on, but has not come back from the one before. Finish taking it back, or cancel the allocation.
    [maintenance] { $machine } was to be { $customer }’s from { $startsAt } on, but is under maintenance. The allocation begins when that is over.
   *[other] { $machine } was to be { $customer }’s from { $startsAt } on, but is not in service. Put it back in service, or cancel the allocation.
}
notification-engine-certificates = { $state ->
    [ended] Certificates of the Docker Engine of { $machine } are no longer valid since { $endsAt }. Store new ones.
   *[ending] Certificates of the Docker Engine of { $machine } end at { $endsAt }. Store new ones before then.
}
notification-engine-other = Another Docker Engine answers at { $machine } than the one its instances are on. Nothing is done there until you decide.
notification-recording-stopped = { $why ->
    [full] The room for recordings of { $customer } is used up for today, or the disk is full.
   *[failed] Recordings of { $customer } cannot be written.
} { $then ->
    [ended] Its sessions are ended, and none is begun.
   *[unrecorded] Its sessions go on unrecorded.
}
mail-allocation-ending-subject = { $product }: your time on { $machine } ends soon
mail-allocation-ending-text =
    Your time on { $machine } ends at { $endsAt }.

    Ask for more time, or take away what you need before then.
mail-allocation-ending-link = Open the machine
mail-renewal-decided-subject = { $product }: answer to your wish for more time on { $machine }
mail-renewal-decided-text = { $answer ->
    [refused] Your wish for more time on { $machine } was refused: { $word }
   *[granted] You have { $machine } until { $endsAt }.
}
mail-renewal-decided-link = Open the machine
mail-maintenance-planned-subject = { $product }: maintenance of { $machine }
mail-maintenance-planned-text = { $machine } is under maintenance from { $startsAt } until { $endsAt }: { $word }
mail-maintenance-planned-link = Open the machine
mail-maintenance-begun-subject = { $product }: the maintenance of { $machine } has begun
mail-maintenance-begun-text = The maintenance of { $machine } has begun. It is planned until { $endsAt }: { $word }
mail-maintenance-begun-link = Open the machine
mail-maintenance-over-subject = { $product }: the maintenance of { $machine } is over
mail-maintenance-over-text = The maintenance of { $machine } is over. It was planned from { $startsAt } until { $endsAt }.
mail-maintenance-over-link = Open the machine
mail-allocation-given-subject = { $product }: your time on { $machine }
mail-allocation-given-text = { $begins ->
    [later] You have { $machine } from { $startsAt } until { $endsAt }.
   *[now] You have { $machine } now, until { $endsAt }.
}
mail-allocation-given-link = Open the machine
mail-allocation-delayed-subject = { $product }: your time on { $machine } does not begin yet
mail-allocation-delayed-text = { $state ->
    [occupied] Your time on { $machine } was to begin at { $startsAt }, but the machine is not free yet. It begins when it is, and you are told.
    [maintenance] Your time on { $machine } was to begin at { $startsAt }, but the machine is under maintenance. It begins when that is over, and you are told.
   *[other] Your time on { $machine } was to begin at { $startsAt }, but the machine is not in service. It begins when it is, and you are told.
}
mail-allocation-delayed-link = Open the machine
mail-allocation-renewed-subject = { $product }: the end of your time on { $machine } was moved
mail-allocation-renewed-text = { $change ->
    [earlier] Your time on { $machine } ends earlier: at { $endsAt }.
   *[later] Your time on { $machine } was extended until { $endsAt }.
}
mail-allocation-renewed-link = Open the machine
mail-allocation-grace-subject = { $product }: your time on { $machine } is over
mail-allocation-grace-text = Your time on { $machine } is over. Ask for more time before { $endsAt }; then the machine is taken back.
mail-allocation-grace-link = Open the machine
mail-allocation-reclaimed-subject = { $product }: { $machine } is taken back
mail-allocation-reclaimed-text = { $change ->
    [cancelled] { $machine } is not given to you after all; it was to be from { $startsAt } on.
   *[reclaimed] { $machine } is being taken back, and your access to it has ended.
}
mail-allocation-reclaimed-link = Open your machines
mail-maintenance-cancelled-subject = { $product }: no maintenance of { $machine }
mail-maintenance-cancelled-text = { $change ->
    [over] The maintenance of { $machine } is over before its time, which was { $endsAt }.
   *[off] The maintenance of { $machine } from { $startsAt } until { $endsAt } was called off.
}
mail-maintenance-cancelled-link = Open the machine
mail-invitation-accepted-subject = { $product }: { $person } has joined { $customer }
mail-invitation-accepted-text = { $person } has accepted your invitation and is now one of the people of { $customer }. If that is not right, remove them on the page of its people.
mail-invitation-accepted-link = See the people
mail-member-added-subject = { $product }: you were added to { $customer }
mail-member-added-text = { $role ->
    [owner] { $by } added your account { $name } to { $customer } as an owner. If you do not want that, tell an administrator of this platform.
   *[member] { $by } added your account { $name } to { $customer } as a member. If you do not want that, tell an owner of { $customer } or an administrator of this platform.
}
mail-member-added-link = See what you belong to
mail-member-changed-subject = { $product }: your role in { $customer } changed
mail-member-changed-text = { $role ->
    [owner] { $by } made your account { $name } an owner of { $customer }. { $staff ->
        [yes] As you work for the platform now, you act for no customer.
       *[no] Sign in again to go on there.
    } If that is not right, tell another owner of { $customer } or an administrator of this platform.
   *[member] { $by } made your account { $name } a member of { $customer }. { $staff ->
        [yes] As you work for the platform now, you act for no customer.
       *[no] Sign in again to go on there.
    } If that is not right, tell an owner of { $customer } or an administrator of this platform.
}
mail-member-changed-link = See what you belong to
mail-member-removed-subject = { $product }: you were removed from { $customer }
mail-member-removed-text = { $by } removed your account { $name } from { $customer }. The account stays. If that is not right, tell an owner of { $customer } or an administrator of this platform.
mail-member-removed-link = See what you belong to
mail-customer-switched-subject = { $product }: { $customer }
mail-customer-switched-text = { $change ->
    [enabled] { $by } enabled { $customer } again. What is yours there can be used with your account { $name }.
    [deleted] { $by } deleted { $customer }. Your account { $name } stays; what is yours in { $customer } can no longer be used. If that is not right, tell an administrator of this platform.
    [restored] { $by } brought { $customer } back. What is yours there can be used with your account { $name }.
   *[disabled] { $by } disabled { $customer }. Your account { $name } stays; what is yours in { $customer } cannot be used at present, and is kept. If that is not right, tell an administrator of this platform.
}
mail-roles-changed-subject = { $product }: your roles changed
mail-roles-changed-text = { $change ->
    [taken] { $by } took a role from your account { $name }: { $role ->
        [platform_admin] Platform administrator
        [operator] Operator
        [teacher] Teacher
        [student] Student
       *[other] { $role }
    }. If that is not right, tell an administrator of this platform.
    [changed] { $by } changed what a role of your account { $name } permits: { $role ->
        [platform_admin] Platform administrator
        [operator] Operator
        [teacher] Teacher
        [student] Student
       *[other] { $role }
    }. If that is not right, tell an administrator of this platform.
   *[given] { $by } gave your account { $name } a role: { $role ->
        [platform_admin] Platform administrator
        [operator] Operator
        [teacher] Teacher
        [student] Student
       *[other] { $role }
    }. { $role ->
        [teacher] { "" }
        [student] { "" }
       *[other] Whoever works for the platform acts for no customer meanwhile.
    } If that is not right, tell an administrator of this platform.
}
mail-roles-changed-link = See what you may do
mail-email-changed-subject = { $product }: your e-mail address was changed
mail-email-changed-text = { $email ->
    [none] { $by } removed the e-mail address of the account { $name }. If that is not right, tell an administrator at once.
   *[other] { $by } changed the e-mail address of the account { $name } to { $email }. If that is not right, tell an administrator at once.
}
mail-email-changed-link = Open your account
mail-identities-changed-subject = { $product }: ways to sign in to your account changed
mail-identities-changed-text = { $change ->
    [parted] { $by } parted the account { $name } from { $provider }. If that is not right, tell an administrator at once.
   *[bound] { $by } bound the account { $name } to { $provider }: whoever is { $label } there signs in to it. If it was not you, part from it on your security page, change your password, and tell an administrator at once.
}
mail-identities-changed-link = Open the security page
mail-second-factor-changed-subject = { $product }: the second factor of your account
mail-second-factor-changed-text = { $change ->
    [on] The second factor of your account { $name } was switched on. If it was not you, tell an administrator at once.
    [code] A recovery code of your account { $name } was used. If it was not you, change your password, make new codes, and tell an administrator at once.
   *[off] { $who ->
        [console] The second factor of your account { $name } was switched off on the command line of the server. If that was not agreed with you, tell an administrator at once.
        [other] { $by } switched the second factor of your account { $name } off. If that was not agreed with you, tell an administrator at once.
       *[own] The second factor of your account { $name } was switched off. If it was not you, change your password and tell an administrator at once.
    }
}
mail-second-factor-changed-link = Open the security page
mail-ssh-key-added-subject = { $product }: a new SSH key
mail-ssh-key-added-text = The SSH key “{ $key }” ({ $fingerprint }) was added to your account { $name }. If it was not you, remove it, change your password, and tell an administrator.
mail-ssh-key-added-link = See your keys
mail-api-token-made-subject = { $product }: a new API token
mail-api-token-made-text = The API token “{ $token }” of your account { $name } was made. If it was not you, revoke it, change your password, and tell an administrator.
mail-api-token-made-link = See your tokens
mail-sign-in-copied-subject = { $product }: a sign-in was copied and ended
mail-sign-in-copied-text = A sign-in to your account { $name } was ended: its refresh token was shown twice{ $from ->
    [unknown] {""}
   *[other] , the second time from { $from }
}. If no program of yours did so, somebody has a copy of it: change your password and tell an administrator.
mail-sign-in-copied-link = Open the security page
mail-account-switched-subject = { $product }: your account was switched
mail-account-switched-text = { $change ->
    [enabled] { $by } enabled your account { $name }. You can sign in again.
   *[disabled] { $by } disabled your account { $name }: you cannot sign in at present, and what is yours is kept. If that is not right, tell an administrator of this platform.
}
mail-image-reviewed-subject = { $product }: your image { $image } was reviewed
mail-image-reviewed-text = { $answer ->
    [rejected] The image { $image } was rejected: { $word }
   *[approved] The image { $image } was approved and can be used.
}
mail-image-reviewed-link = Open the image
mail-image-acted-subject = { $did ->
    [push] { $product }: the image { $image } was put into a registry
    [pull] { $product }: the image { $image } was brought to a machine
   *[read] { $product }: the archive of the image { $image } was read
}
mail-image-acted-text = { $did ->
    [push] Those who run the platform put the image { $image }, which is shared with nobody, into the platform’s registry. The reason they gave: { $word }
    [pull] Those who run the platform brought the image { $image }, which is shared with nobody, to a machine. The reason they gave: { $word }
   *[read] Those who run the platform read the archive of the image { $image }, which is shared with nobody. The reason they gave: { $word }
}
mail-image-acted-link = Open the image
mail-instance-failed-subject = { $made ->
    [again] { $product }: your instance { $instance } was made anew
    [data-gone] { $product }: the data disk of the instance { $instance } is gone
    [engine-empty] { $product }: the data disk of your instance { $instance } begins empty
    [engine-found] { $product }: your instance { $instance } has another data disk
    [engine-anew] { $product }: your instance { $instance } is made anew
    [disk-near] { $product }: a disk of your instance { $instance } is nearly full
    [disk-full] { $product }: a disk of your instance { $instance } is full
    [disk-stops] { $product }: your instance { $instance } is stopped soon, its disk is full
    [disk-stopped] { $product }: your instance { $instance } was stopped
    [split] { $product }: the instance { $instance } is beyond its part of a GPU
   *[no] { $product }: your instance { $instance } failed
}
mail-instance-failed-text = { $made ->
    [again] Somebody took the container of your instance { $instance } on { $machine } away at the machine. It is made anew of the same image and started; what was written in it outside of /data is gone.
    [data-gone] The data disk of the instance { $instance } on { $machine } was taken away at the machine, with all that was on it. The instance does not run, and nothing was put in its place. Where the disk can be brought back, start the instance then; or have it begin with an empty one, on its page.
    [engine-empty] Those who run the platform go on with another Docker Engine at { $machine }. Your instance { $instance } is made anew there of the same image, at its next start at the latest, and its data disk begins empty. What was on it is still on the engine before, and was not copied: if you need it, ask those who run the platform.
    [engine-found] Those who run the platform go on with another Docker Engine at { $machine }, on which your instance { $instance } was before. It has the data disk that is there, as it was left then. What was written since is on the engine in between, and was not copied: if you need it, ask those who run the platform.
    [engine-anew] Those who run the platform go on with another Docker Engine at { $machine }. The container of your instance { $instance } is made anew there of the same image, at its next start at the latest; what was written in the one before is not in it. The instance has no data disk.
    [disk-near] Your instance { $instance } on { $machine } takes { $percent } % of one of its disks. The page of the instance says of which. Delete what is not needed, or stop it and change to a spec with larger disks.
    [disk-full] Your instance { $instance } on { $machine } takes { $percent } % of one of its disks: more than its spec has. The page of the instance says of which. Delete what is not needed, or stop it and change to a spec with larger disks.
    [disk-stops] Your instance { $instance } on { $machine } takes { $percent } % of one of its disks: more than its spec has. It is stopped at { $stopsAt }, unless there is room before. The page of the instance says of which disk. Delete what is not needed, or stop it and change to a spec with larger disks.
    [disk-stopped] Your instance { $instance } on { $machine } was stopped: it took { $percent } % of one of its disks for too long. Its data stay. Start it again and delete what is not needed, or change to a spec with larger disks.
    [split] The instance { $instance } on { $machine } uses more GPU memory than its share, or runs programs past the limit. Others share the GPU. The page of the instance says how much it uses; end programs there, or make an instance with a larger share.
    [yes] Your instance { $instance } on { $machine } failed. The page of the instance says why, and it can be started again there.
   *[no] Your instance { $instance } could not be made on { $machine }. The page of the instance says why. It holds nothing any more.
}
mail-instance-failed-link = Open the instance
mail-instance-idle-subject = { $state ->
    [stopped] { $product }: your instance { $instance } was stopped
   *[warned] { $product }: your instance { $instance } is not used
}
mail-instance-idle-text = { $state ->
    [stopped] Your instance { $instance } was not used since { $since } and was stopped. Its data is kept, and it can be started again.
   *[warned] Your instance { $instance } is not used since { $since }. It is stopped at { $stopsAt }, unless it is used before, or you say on its page how long it is kept and why.
}
mail-instance-idle-link = Open the instance
mail-instance-acted-subject = { $action ->
    [start] { $product }: your instance { $instance } was started
    [restart] { $product }: your instance { $instance } was restarted
    [delete] { $product }: your instance { $instance } was deleted
   *[stop] { $product }: your instance { $instance } was stopped
}
mail-instance-acted-text = { $action ->
    [start] Those who run the platform started your instance { $instance } on { $machine }. The reason they gave: { $word }
    [restart] Those who run the platform restarted your instance { $instance } on { $machine }. The reason they gave: { $word }
    [delete] Those who run the platform deleted your instance { $instance } on { $machine }, with what was kept in it. The reason they gave: { $word }
   *[stop] Those who run the platform stopped your instance { $instance } on { $machine }. What is in it stays. The reason they gave: { $word }
}
mail-instance-acted-link = Open the instance
mail-access-ended-subject = { $what ->
    [link] { $product }: the application { $app } was removed
    [machine] { $product }: a connection to { $machine } was ended
   *[other] { $product }: a connection to your instance { $instance } was ended
}
mail-access-ended-text = { $what ->
    [ssh] Those who run the platform ended an SSH connection to the instance { $instance } on { $machine }. The reason they gave: { $word }
    [terminal] Those who run the platform ended a terminal of the instance { $instance } on { $machine }. The reason they gave: { $word }
    [app] Those who run the platform ended the use of an application of the instance { $instance } on { $machine }. The reason they gave: { $word }
    [watch] Those who run the platform ended the watching of a terminal of the instance { $instance } on { $machine }. The reason they gave: { $word }
    [link] Those who run the platform removed the application { $app } of the instance { $instance } on { $machine }. What runs in the instance goes on. The reason they gave: { $word }
   *[machine] Those who run the platform ended an SSH connection to { $machine }. The reason they gave: { $word }
}
mail-access-ended-link = { $what ->
    [machine] Open the machine
   *[other] Open the instance
}
mail-budget-reached-subject = { $product }: the budget { $budget }
mail-budget-reached-text = { $state ->
    [stopped] The budget { $budget } of { $amount } { $currency } a month is spent, and instances that ran were stopped. Their data is kept.
    [stops] The budget { $budget } of { $amount } { $currency } a month is spent: { $spent } { $currency }. Nothing new is made or started, and what runs is stopped at { $stopsAt }. Raise the budget, or ask whoever set it.
    [refuses] The budget { $budget } of { $amount } { $currency } a month is spent: { $spent } { $currency }. Nothing new is made or started; what runs runs on.
    [spent] The budget { $budget } of { $amount } { $currency } a month is spent: { $spent } { $currency }, { $percent } % are reached. Nothing is stopped because of it.
   *[reached] { $percent } % of the budget { $budget } of { $amount } { $currency } a month are reached: { $spent } { $currency } are spent.
}
mail-budget-reached-link = Open use and costs
mail-renewal-requested-subject = { $stand ->
    [withdrawn] { $product }: { $customer } took back its request for more time on { $machine }
   *[open] { $product }: { $customer } asks for more time on { $machine }
}
mail-renewal-requested-text = { $stand ->
    [withdrawn] { $by } of { $customer } took back the request for { $machine } until { $endsAt }. It waits for no answer.
   *[open] { $by } of { $customer } asks for { $machine } until { $endsAt }.
}
mail-renewal-requested-link = { $stand ->
    [withdrawn] Open the allocation
   *[open] Answer it
}
mail-allocation-waits-subject = { $product }: the allocation of { $machine } to { $customer } cannot begin
mail-allocation-waits-text = { $state ->
    [occupied] { $machine } was to be { $customer }’s from { $startsAt } on, but has not come back from the one before. Finish taking it back, or cancel the allocation.
    [maintenance] { $machine } was to be { $customer }’s from { $startsAt } on, but is under maintenance. The allocation begins when that is over.
   *[other] { $machine } was to be { $customer }’s from { $startsAt } on, but is not in service. Put it back in service, or cancel the allocation.
}
mail-allocation-waits-link = Open the allocation
mail-engine-certificates-subject = { $product }: certificates of the Docker Engine of { $machine }
mail-engine-certificates-text = { $state ->
    [ended] Certificates of the Docker Engine of { $machine } are no longer valid since { $endsAt }. The platform does not reach it until new ones are stored.
   *[ending] Certificates of the Docker Engine of { $machine } end at { $endsAt }. The platform does not reach it after that: store new ones before then.
}
mail-engine-certificates-link = Open the connection
mail-engine-other-subject = { $product }: another Docker Engine answers at { $machine }
mail-engine-other-text = The Docker Engine that answers at { $machine } is not the one its instances are on. Nothing is done there and the instances are out of reach, until the first engine is back or you go on with the other one.
mail-engine-other-link = Open the connection
mail-recording-stopped-subject = { $product }: sessions of { $customer } cannot be recorded
mail-recording-stopped-text = { $why ->
    [full] The room for recordings of { $customer } is used up for today, or the disk is full.
   *[failed] Recordings of { $customer } cannot be written.
} { $then ->
    [ended] Its sessions are ended, and none is begun, until they can be recorded again.
   *[unrecorded] Its sessions go on unrecorded; the list of recordings says which.
}
mail-recording-stopped-link = Open the recordings
mail-kind-allocation-ending = Machine ends soon
mail-kind-renewal-decided = Answer to a renewal
mail-kind-maintenance-planned = Maintenance
mail-kind-allocation-given = Machine given
mail-kind-allocation-delayed = Machine not ready yet
mail-kind-allocation-renewed = End moved
mail-kind-allocation-grace = Grace began
mail-kind-allocation-reclaimed = Machine taken back
mail-kind-maintenance-cancelled = Maintenance called off
mail-kind-maintenance-begun = Maintenance has begun
mail-kind-maintenance-over = Maintenance is over
mail-kind-invitation-accepted = Invitation accepted
mail-kind-member-added = Added to a customer
mail-kind-member-changed = Another role in a customer
mail-kind-member-removed = Removed from a customer
mail-kind-customer-switched = Customer disabled, enabled, deleted or brought back
mail-kind-roles-changed = Roles changed
mail-kind-email-changed = Address changed
mail-kind-identities-changed = Ways to sign in changed
mail-kind-second-factor-changed = Second factor
mail-kind-ssh-key-added = New SSH key
mail-kind-api-token-made = New API token
mail-kind-sign-in-copied = Sign-in copied
mail-kind-account-switched = Account disabled or enabled
mail-kind-image-reviewed = Image reviewed
mail-kind-image-acted = Staff used an image that is not shared
mail-kind-instance-failed = Instance failed
mail-kind-instance-idle = Instance not used
mail-kind-instance-acted = Staff acted on an instance
mail-kind-access-ended = Staff ended a connection
mail-kind-budget-reached = Budget reached
mail-kind-renewal-requested = Wish for more time
mail-kind-allocation-waits = Allocation cannot begin
mail-kind-engine-certificates = Certificates of an engine
mail-kind-engine-other = Another engine answers
mail-kind-recording-stopped = Sessions that cannot be recorded
notifications-webhook = By webhook
webhooks-title = Webhooks
webhooks-explained = What you are told is also posted to these addresses, signed as Standard Webhooks describes (standardwebhooks.com). Which kinds are posted is chosen on your account’s page.
webhooks-empty = You have no webhooks.
webhooks-new = New webhook
webhooks-made = The secret of the new webhook
webhooks-made-hint = Messages are signed with it. It is shown this once: keep it where your program can read it.
webhooks-secret-hint = Begins with whsec_. Leave empty to have one made.
channels-title = Chat robots
channels-explained = Groups of WeCom, DingTalk and Feishu read here what customers are told: machines that are given, end and come back, renewals, maintenance.
channels-empty = There are no chat robots.
channels-new = New chat robot
channel-kind = Kind
channel-kind-webhook = Webhook
channel-kind-wecom = WeCom group robot
channel-kind-dingtalk = DingTalk custom robot
channel-kind-feishu = Feishu custom bot
channel-name = Name
channel-host = Host
channel-number = No. { $n }
channel-url = Address
channel-url-hint = https://… as the other end shows it. It is kept sealed; only its host is shown again.
channel-url-kept = Leave empty to keep the address.
channel-secret = Signing secret
channel-secret-hint = Of DingTalk and Feishu robots with signed messages. WeCom has none.
channel-secret-kept = Leave empty to keep what is set.
channel-secret-forget = Forget the secret: messages are not signed any more
channel-signature = Signature
channel-signed = Messages are signed
channel-not-signed = Messages are not signed
channel-kinds = Carries
channel-on = On
channel-off = Off
channel-failing = On, but messages do not arrive
channel-failing-since = Failing since
channel-switched-off = Switched off: too many messages did not arrive
channel-enabled = Switched on
channel-change = Change
channel-add = Add
channel-test = Send a test message
channel-remove = Remove
channel-remove-of = Remove { $name }
channel-remove-hint = Nothing is sent there any more, and its address and secret are deleted.
channel-remove-confirm = Remove it for good
channel-added = Added. Send a test message to see whether it arrives.
channel-saved = Saved.
channel-removed = Removed.
channel-message-test = This is a test message of { $product }. What is sent here arrives.
channel-message-allocation-ending = { $customer }: the time on { $machine } ends at { $endsAt }.
channel-message-renewal-decided = { $answer ->
    [refused] { $customer }: the wish for more time on { $machine } was refused: { $word }
   *[granted] { $customer } has { $machine } until { $endsAt }.
}
channel-message-maintenance-planned = { $customer }: { $machine } is under maintenance from { $startsAt } until { $endsAt }: { $word }
channel-message-maintenance-begun = { $customer }: the maintenance of { $machine } has begun. It is planned until { $endsAt }: { $word }
channel-message-maintenance-over = { $customer }: the maintenance of { $machine } is over.
channel-message-allocation-given = { $begins ->
    [later] { $customer } has { $machine } from { $startsAt } until { $endsAt }.
   *[now] { $customer } has { $machine } now, until { $endsAt }.
}
channel-message-allocation-delayed = { $state ->
    [occupied] { $customer } was to have { $machine } from { $startsAt } on, but the machine is not free yet: it begins when it is.
    [maintenance] { $customer } was to have { $machine } from { $startsAt } on, but the machine is under maintenance: it begins when that is over.
   *[other] { $customer } was to have { $machine } from { $startsAt } on, but the machine is not in service: it begins when it is.
}
channel-message-allocation-renewed = { $change ->
    [earlier] { $customer }: the time on { $machine } ends earlier, at { $endsAt }.
   *[later] { $customer }: the time on { $machine } was extended until { $endsAt }.
}
channel-message-allocation-grace = { $customer }: the time on { $machine } is over; its grace ends at { $endsAt }.
channel-message-allocation-reclaimed = { $change ->
    [cancelled] { $customer }: { $machine } is not given to them after all; it was to be from { $startsAt } on.
   *[reclaimed] { $customer }: { $machine } is being taken back.
}
channel-message-maintenance-cancelled = { $change ->
    [over] { $customer }: the maintenance of { $machine } is over before its time, which was { $endsAt }.
   *[off] { $customer }: the maintenance of { $machine } from { $startsAt } until { $endsAt } was called off.
}
channel-message-invitation-accepted = { $person } has joined { $customer }.
channel-message-image-reviewed = { $answer ->
    [rejected] { $customer }: the image { $image } was rejected: { $word }
   *[approved] { $customer }: the image { $image } was approved.
}
channel-test-done = The test message was taken at the other end.
channel-test-off = The channel is switched off, or its address cannot be read. Enter the address anew.
channel-test-name = The name in the address is not known. Check the spelling, and whether this server can look names up.
channel-test-forbidden = The address leads into a private network. An administrator can allow the range in the settings.
channel-test-closed = Nothing is sent to this address: it is link-local, where clouds give out credentials, or nobody’s. No setting opens it; enter another address.
channel-test-plain = The address is not encrypted. Use https; http is taken only within private ranges that an administrator allowed.
channel-test-connect = Nobody answers at this address. Check host and port, and the firewalls between.
channel-test-tls = The encrypted connection failed. Check the other end’s certificate: is it valid for this name, and from an authority this server trusts?
channel-test-timeout = There was no answer within ten seconds.
channel-test-redirect = The other end says that it is elsewhere. Enter the address it leads to: redirects are not followed.
channel-test-status = The other end did not take the message. Check the path of the address, and the other end’s log.
channel-test-refused = The robot refused the message. Check the address, the signing secret, and the robot’s safety settings (keywords, allowed addresses).
deliveries-title = Deliveries
deliveries-empty = Nothing was sent yet.
delivery-state-queued = Waiting
delivery-state-sent = Delivered
delivery-state-failed = Not delivered
delivery-test = Test message
notifications-latest = The newest notifications
