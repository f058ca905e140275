# Machines and people from a workbook.
import-title = Import from Excel
import-template = Download the template
import-hint = Nothing changes before you have seen what every row would do. Headings may be in Chinese or English.
import-file = Workbook (.xlsx)
import-file-hint = At most 32 MB and 100,000 rows. Blank cells leave what is there.
import-upload = Read it
import-too-large = The workbook is larger than 32 MB.
import-too-many = You have too many imports open ({ $max } at most, and 64 MB together). Confirm or discard one first.
import-changed = Changed since
import-changed-meanwhile = { $n ->
    [one] { $n } row would now turn out differently from what was shown.
   *[other] { $n } rows would now turn out differently from what was shown.
}
import-show-changed = Show them
import-was = before:
import-changed-by-hand = changed by somebody meanwhile
import-preview-title = Import: { $file }
import-state-reading = Being read
import-state-ready = Ready
import-state-empty = Nothing to import
import-state-refused = Cannot be used
import-state-confirmed = Imported
import-state-discarded = Discarded
import-another = Choose another workbook
import-discarded = This import was discarded.
import-sheet = Sheet that was read: { $name }
import-other-sheets = Sheets that are not read: { $names }
import-unknown-columns = Columns that are not read: { $names }
import-confirm = { $n ->
    [one] Import { $n } machine
   *[other] Import { $n } machines
}
import-discard = Discard
import-discard-hint = Nothing is written, and what was read is forgotten. To import it after all, upload the workbook again.
import-discard-confirm = Discard this import
import-take-back = Take back
import-take-back-hint = The machines that this import added are deleted, and those that it changed are as they were. What somebody changed or uses since stays as it is.
import-take-back-confirm = Take this import back
import-can-be-taken-back = Once imported, it can be taken back as a whole until then, however many rows it has.
import-users-stay = Once imported, it is not taken back as a whole: people who were added are deleted in their list, at most 500 at a time.
import-state-taken-back = Taken back
import-taken-back-at = Taken back
import-taken-back-rows = { $n ->
    [one] { $n } row was taken back.
   *[other] { $n } rows were taken back.
}
import-kept-rows = { $n ->
    [one] { $n } row was not taken back; it says why.
   *[other] { $n } rows were not taken back; each says why.
}
import-kept-changed = Somebody changed or set up this machine since, so it stays as it is.
import-kept-used = Somebody has this machine or something on it, so it stays as it is.
import-kept-name = Another machine has its earlier name now, so it stays as it is.
import-was-taken-back = Taken back: { $code }
import-result-file = Download the result
import-errors-left-out = Rows with errors are left out.
import-confirmed-at = Imported
import-kept-until = Kept until
import-reading = The workbook is being read… This page comes up to date by itself; if it does not, reload it.
import-no-such-rows = There are no such rows.
import-rows = Rows of the workbook
import-row = Row
import-verdict = Verdict
import-why = What and why
import-place = { $customer }: { $was } → { $role }
import-place-none = none
import-verdict-new = New
import-verdict-update = Changed
import-verdict-unchanged = Unchanged
import-verdict-error = Error
import-result = Result
import-did-new = Added as { $code }
import-would-new = Would be added as { $code }
import-did-update = Changed { $code }
import-would-update = Would change { $code }
import-did-nothing = Nothing to change
import-rounded = Is stored as { $gb } GB, because sizes are kept in whole GB.
import-reader-failed = The workbook could not be read. Please try again; if that does not help, tell an administrator when it happened.
import-no-heading = No row of headings was found in the first 20 rows. Use the template's headings, in Chinese or English.
import-columns-alike = “{ $first }” and “{ $second }” are taken for the same column. Leave one of them out, or call it something else.
import-column-twice = The column “{ $heading }” is there twice.
import-no-name-column = Row { $row } looks like the headings, but the column “Name” is missing.
import-too-many-rows = More than { $max } rows. Split the workbook.
import-no-rows = There is no row below the headings.
import-note-name = Required. 1 to 100 characters, each name once.
import-note-id = Lower-case letters, digits and hyphens. Left empty, the machine of the same name is meant, or a code is made. Cannot be changed later.
import-note-region = Free text, at most 64 characters.
import-note-private-address = IP address or host name.
import-note-public-address = IP address or host name.
import-note-pool = Whole machine to one customer, or shared by the instances of many.
import-note-gpu-model = For example H100 80G. The agent finds the real one later.
import-note-gpu-count = Whole number.
import-note-gpu-memory-gb = Whole number, GB of one GPU.
import-note-cpu-model = At most 100 characters.
import-note-cpu-cores = Physical cores, whole number.
import-note-memory-gb = Whole number, GB.
import-note-system-disk-gb = Disk of the operating system, whole number, GB.
import-note-data-disk-gb = All other disks together, whole number, GB.
import-note-listed = Whether customers see it and can ask for it.
import-note-monitored = Whether figures are recorded; yes when left empty.
import-note-remark = For staff, at most 1000 characters.
list-export = Export
sheet-refused-empty = The file is empty.
sheet-refused-not-excel = This is not an Excel workbook. Save it as .xlsx and try again.
sheet-refused-plain-text = This is a text file (such as CSV), not an Excel workbook. Open it in Excel and save it as .xlsx.
sheet-refused-wrong-extension = This is an Excel workbook (.xlsx), but its name ends in { $extension }. Rename it to “{ $name }” and upload it again.
sheet-refused-old-excel = This is the old Excel format (.xls). Save it as .xlsx and try again.
sheet-refused-binary-excel = This is the binary Excel format (.xlsb). Save it as .xlsx and try again.
sheet-refused-encrypted = The workbook is protected with a password. Remove the password and try again.
sheet-refused-truncated = The end of the file is missing; the upload may have broken off. Please try again.
sheet-refused-macros = The workbook contains macros. Save it as .xlsx without macros.
sheet-refused-bomb = The workbook would unpack to far more than its size allows and was not opened.
sheet-refused-too-large = The workbook has { $bytes } bytes; at most { $limit } are taken.
sheet-refused-too-many-columns = There is something in cell { $cell }, beyond column { $limit }. Clear what does not belong to the table.
sheet-refused-too-many-rows = There is something in cell { $cell }, beyond row { $limit }. Split the workbook or clear what does not belong to the table.
sheet-refused-text-too-long = Row { $row } has more text than Excel allows.
sheet-refused-formula = { $cell } holds a formula whose result is not in the file, as in files that a program wrote. Open the file in Excel, WPS or LibreOffice, save it, and upload it again.
sheet-refused-no-sheet = The workbook has no visible sheet.
sheet-refused-damaged = The workbook is damaged. Open it in Excel, save it again and try once more.
sheet-refused-too-heavy = The workbook needs more than { $mebibytes } MiB to be read. Split it or remove pictures and formats.
sheet-refused-too-slow = { $seconds ->
    [one] Reading took longer than a second. Split the workbook.
   *[other] Reading took longer than { $seconds } seconds. Split the workbook.
}
import-template-short = Template
import-users-title = Import users from Excel
import-users-file-hint = At most 32 MB and 10,000 rows. Blank cells leave what is there; roles and customers are only added.
import-users-confirm = { $n ->
    [one] Import { $n } person
   *[other] Import { $n } people
}
import-no-username-column = Row { $row } looks like the headings, but the column “User name” is missing.
import-note-username = Required. Lower-case letters, digits, dots, underscores and hyphens. Says whose account the row is about; cannot be changed here.
import-note-display-name = At most 100 characters. Left empty, it stays as it is.
import-note-email = Left empty, it stays as it is. Without a password, a link to set one goes to a new person.
import-note-roles = Roles of the platform, several separated by semicolons. They are added; none is taken away.
import-note-customers = For example “Acme (owner); Beta”; without a word in brackets, a member. They are added; none is taken away.
import-note-password = For new people only, as the rule for passwords asks. Only its hash is kept. Left empty, a link goes to the e-mail address.
import-users-did-new = Added with the user name { $code }
import-users-would-new = Would be added with the user name { $code }
