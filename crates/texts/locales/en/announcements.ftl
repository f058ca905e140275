# What the platform has to say, on top of the pages.
nav-announcements = Announcements
announcements-title = Announcements
announcements-add = New announcement
announcements-empty = Nothing was announced yet.
announcement-new-title = New announcement
announcement-edit-title = Change an announcement
announcements-done-made = The announcement is made. Pages that are open show it within seconds.
announcements-done-changed = The announcement is changed.
announcements-done-removed = The announcement is removed.
announcement-kind = Kind
announcement-kind-announcement = Announcement
announcement-kind-maintenance = Maintenance
announcement-title = Title
announcement-body = Text
announcement-audience = For
announcement-audience-everybody = Everybody
announcement-audience-staff = Staff
announcement-audience-customers = All customers
announcement-audience-chosen = Chosen customers
announcement-customers = Chosen customers
announcement-customers-hint = Counts where it is for chosen customers.
announcements-more = { $n ->
    [one] { $n } more announcement
   *[other] { $n } more announcements
}
announcement-work-starts = The work begins
announcement-work-hint = Of a maintenance, in your time zone: when something is out. It stands in the banner; when it is shown is said below.
announcement-work-ends = The work ends
announcement-work-from = Work from
announcement-work-until = until
announcement-starts = Shown from
announcement-starts-hint = In your time zone. Empty is at once.
announcement-ends = Shown until
announcement-ends-hint = Empty shows it until it is removed; a maintenance until its work ends.
announcement-open-end = Until removed
announcement-until = until
announcement-state = State
announcement-state-planned = Planned
announcement-state-showing = Showing
announcement-state-over = Over
announcement-remove = Remove
announcement-remove-hint = It disappears from every page at once and does not come back.
announcement-remove-confirm = Remove this announcement
announcement-remove-of = Remove { $title }
announcement-dismiss = Dismiss
announcement-dismiss-of = Dismiss: { $title }
