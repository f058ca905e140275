# 系统发出的邮件，以及邮件链接打开的页面。
mail-footer = 由 { $product } 发送（ { $address } ）。请勿回复此邮件。
mail-link = { $word }：
mail-test-subject = { $product } 测试邮件
mail-test-text = 这是一封测试邮件。收到此邮件说明邮件设置正确。
mail-password-reset-subject = { $product }：重置密码
mail-password-reset-text =
    有人为您的账号 { $name } 申请重置密码。

    链接仅可使用一次，10 分钟内有效。如果不是您本人操作，请忽略此邮件，密码不会改变。
mail-password-reset-link = 设置新密码
mail-password-changed-subject = { $product }：密码已修改
mail-password-changed-text = { $who ->
    [other] { $by } 为您的账号 { $name } 设置了新密码，其他已登录的会话均已退出。如果未与您商定，请自行设置新密码，并联系平台管理员。
    [console] 您的账号 { $name } 的新密码是通过服务器命令行设置的，其他已登录的会话均已退出。如果未与您商定，请自行设置新密码，并联系平台管理员。
   *[own] 您的账号 { $name } 的密码已修改，其他已登录的会话均已退出。如果不是您本人操作，请立即设置新密码，并联系平台管理员。
}
mail-password-changed-link = 设置新密码
mail-email-change-subject = { $product }：确认新邮箱
mail-email-change-text =
    账号 { $name } 申请使用此邮箱：{ $email }。

    链接仅可使用一次，1 小时内有效。如果不是您本人操作，请忽略此邮件。
mail-email-change-link = 确认此邮箱
mail-email-change-notice-subject = { $product }：邮箱即将更改
mail-email-change-notice-text =
    账号 { $name } 申请改用其他邮箱：{ $email }。使用发往该邮箱的链接后生效。

    如果不是您本人操作，请立即修改密码并联系平台管理员。
mail-invitation-subject = { $by } 邀请您加入 { $product } 上的 { $customer }
mail-invitation-text =
    { $by } 邀请您加入 { $customer }。请用此邮箱的账号登录后接受；如果还没有账号，请设置用户名和密码。

    链接仅可使用一次，7 天内有效。
mail-invitation-link = 接受邀请
mail-sign-up-subject = { $product }：创建您的账号
mail-sign-up-text =
    有人申请使用此邮箱创建账号。请设置用户名和密码后开始使用。

    链接仅可使用一次，1 小时内有效。如果不是您本人操作，请忽略此邮件，不会创建账号。
mail-sign-up-link = 创建账号
mail-sign-up-known-subject = { $product }：您已有账号
mail-sign-up-known-text =
    有人申请使用此邮箱创建账号，而此邮箱已有账号：{ $name }。

    如果是您本人操作且忘记了密码，请重置密码。如果不是您本人操作，请忽略此邮件。
mail-sign-up-known-link = 设置新密码
mail-state-queued = 等待发送
mail-state-handing_over = 正在发送
mail-state-sent = 已发送
mail-state-failed = 失败
mail-state-unknown = 未知
mail-state-unknown-hint = 服务器在收到答复前停止。邮件可能已送达，因此不再重发。
mails-title = 发件记录
mails-empty = 尚未发送过邮件。
mails-none = 没有处于此状态的邮件。
mails-at = 添加时间
mails-kind = 类型
mails-to = 收件人
mails-state = 状态
mails-attempts = 尝试次数
mails-error = 最近错误
mails-waits-until = 直到
mails-waits-hint = 届时发出：收件人处于免打扰时段，或正在等待下一次尝试。
mail-kind-test = 测试邮件
mail-kind-password-reset = 重置密码
mail-kind-password-changed = 密码已修改
mail-kind-email-change = 更改邮箱
mail-kind-email-change-notice = 更改邮箱通知
mail-kind-sign-up = 创建账号
mail-kind-sign-up-known = 账号已存在
mail-kind-invitation = 邀请
mail-test-to = 发送测试邮件至
mail-test-action = 发送
mail-test-done = 服务器已接收测试邮件，请查看邮箱。
mail-test-off = 尚未设置邮件服务器和发件地址。
mail-test-address = 邮箱地址无效，无法发送。
mail-test-name = 无法解析邮件服务器的名称。请检查拼写以及本机的域名服务器。
mail-test-connect = 该服务器和端口没有响应。请检查端口以及沿途的防火墙。
mail-test-greeting = 响应的不是邮件服务器，或服务器暂不接受连接。直接使用 TLS 时端口通常为 465。
mail-test-tls = 无法加密连接：服务器不支持，或其证书不受信任、与名称不符。请检查加密方式和端口。
mail-test-auth = 服务器拒绝了用户名或密码，或没有可用的登录方式。
mail-test-sender = 服务器拒绝了发件地址。请使用属于该用户名的地址。
mail-test-recipient = 服务器拒绝了收件地址。
mail-test-data = 服务器拒绝了邮件内容。
mail-test-later = 邮件服务器暂时不接收，稍后可能会接收：服务器繁忙，或对陌生发件方启用了延迟接收（灰名单）。请几分钟后重试；等待中的邮件会自动重发。
mail-test-code = 服务器返回代码 { $code }。
forgot-title = 忘记密码
forgot-link = 忘记密码？
forgot-hint = 我们会向账号的邮箱发送一个链接。
forgot-action = 发送链接
forgot-sent = 如果该账号存在且设有邮箱，链接会发往该邮箱，10 分钟内有效。短时间内已多次申请时不会再发，请使用已收到的最新链接。
forgot-back = 返回登录
register-title = 创建账号
register-hint = 我们会向您的邮箱发送一个链接，您可以通过它设置用户名和密码。
register-sent = 如果此邮箱尚无账号，链接会发往该邮箱，1 小时内有效。短时间内已多次申请时不会再发，请使用已收到的最新链接。
reset-title = 设置新密码
reset-action = 设置密码
email-change-title = 确认新邮箱
email-change-page = 确认后，账号 { $name } 将使用邮箱 { $email }。
email-change-taken = 邮箱 { $email } 已被此处的另一个账号使用，账号 { $name } 的邮箱保持不变。
email-change-spent = 链接无效或已失效。请登录后在“账号”页面重新申请。
email-change-action = 确认
email-change-done = 新邮箱已确认。
invitation-title = 接受邀请
invitation-says = 邀请您加入 { $customer }（{ $role }）。
invitation-email = 邮箱：{ $email }
invitation-action = 创建账号
invitation-has-account = 此邮箱已有账号。请用该账号登录后接受邀请。
invitation-account-from-staff = 此处仅平台管理员可以创建账号，{ $email } 还没有账号。请联系平台管理员为该邮箱创建账号，然后重新打开此链接。
invitation-sign-in = 登录并接受
invitation-signed-in = 当前登录账号：{ $name }。
invitation-accept = 接受
invitation-already = 您已经是 { $customer } 的成员（{ $role }），无需再接受邀请。
invitation-for-another = 此邀请发给 { $email }，而当前登录账号是 { $name }。请退出登录，改用该邮箱的账号接受邀请。
invitation-switch = 切换账号
invitation-another-address = 如果您的账号使用其他邮箱，请让邀请人改邀该邮箱。
invitation-spent = 邀请链接无效或已失效，请联系邀请您的人重新发送邀请。
account-new-password = 新密码
account-new-password-hint = { $score ->
    [0] 至少 { $min } 个字符。
    [1] 至少 { $min } 个字符，且不是最常见的密码。
   *[2] 至少 { $min } 个字符，且不易猜测，可使用几个不常见的词。
    [3] 至少 { $min } 个字符，且难以猜测，可使用几个不常见的词。
    [4] 至少 { $min } 个字符，且非常难以猜测，可使用四个以上不常见的词。
}
account-username = 用户名
account-display-name = 姓名
account-change-email = 更改邮箱
account-change-email-elsewhere = 您通过 { $provider } 登录，本站没有您的密码，无法以此确认更改。如需更换邮箱，请联系平台管理员。
account-change-email-to = 新邮箱
account-change-email-password = 当前密码
account-change-email-action = 发送确认链接
account-change-email-sent = 确认链接已发往新邮箱，1 小时内有效。
members-invite = 邀请成员
members-invite-email = 邮箱
members-invite-hint = 可填写一个或多个，每次最多 50 个，可从表格或邮件中粘贴。此邮箱已有账号的人用该账号接受邀请，没有账号的人可在平台允许时自行创建。
members-invite-role = 角色
members-invite-action = 发送邀请
members-invite-mail-off = 邀请通过邮件发送，但此处尚未配置邮件服务器。请联系平台管理员：平台工作人员可以配置邮件，也可以直接添加成员。
members-invite-sent = { $n ->
    [1] 邀请已发出。
   *[other] 已发出 { $n } 份邀请。
}
members-invited = 已邀请
members-invitation-until = 邀请有效期至
members-invited-until = 有效期至
members-invited-revoke = 撤回
members-invited-revoke-of = 撤回发给 { $email } 的邀请
members-invited-revoke-hint = 邮件中的链接会立即失效；需要时可重新邀请。
members-invited-revoke-confirm = 撤回该邀请
mail-password-elsewhere-subject = { $product }：您的密码保存在别处
mail-password-elsewhere-text =
    有人为您的账号 { $name } 申请了新密码。

    该账号的密码由 { $provider } 保存，请在那里修改。如果不是您本人操作，无需处理。
mail-password-elsewhere-link = 前往修改
mail-kind-password-elsewhere = 密码保存在别处
mail-first-password-subject = { $product }：您的账号已开通
mail-first-password-text =
    { $customers ->
        [none] { $by } 为您开通了账号，用户名是 { $name }。
       *[other] { $by } 为您开通了账号，用户名是 { $name }，所属客户：{ $customers }。
    }

    请设置密码后登录。链接只能使用一次，7 天内有效；过期后请用“忘记密码？”重新获取。
mail-first-password-link = 设置密码
mail-kind-first-password = 新账号
forgot-again = 重新获取链接
