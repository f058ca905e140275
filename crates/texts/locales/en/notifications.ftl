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
notifications-quiet-from = Mail waits from
notifications-quiet-until = until
notifications-quiet-hint = In your own time zone. What concerns the safety of your account does not wait.
notification-kind-allocation-ending = A machine’s time ends soon
notification-kind-renewal-decided = Answers to wishes for more time
notification-kind-maintenance-planned = Maintenance of your machines
notification-kind-invitation-accepted = People you invited have joined
notification-kind-password-changed = Your password was changed
notification-allocation-ending = Your time on { $machine } ends at { $endsAt }.
notification-renewal-decided = { $answer ->
    [refused] Your wish for more time on { $machine } was refused: { $word }
   *[granted] You have { $machine } until { $endsAt }.
}
notification-maintenance-planned = { $machine } is under maintenance from { $startsAt } until { $endsAt }: { $word }
notification-invitation-accepted = { $person } has joined { $customer }.
notification-password-changed = Your password was changed. If it was not you, tell an administrator at once.
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
mail-invitation-accepted-subject = { $product }: { $person } has joined { $customer }
mail-invitation-accepted-text = { $person } has accepted your invitation and is now a member of { $customer }.
mail-invitation-accepted-link = See the people
mail-kind-allocation-ending = Machine ends soon
mail-kind-renewal-decided = Answer to a renewal
mail-kind-maintenance-planned = Maintenance
mail-kind-invitation-accepted = Invitation accepted
