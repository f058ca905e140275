# 错误消息：说明发生了什么、为什么、该怎么办。键名与 contract::ErrorCode 对应。
error-validation = 有些内容填写不正确，请按提示修改。
error-unknown-parameter = 请求中有此接口不认识的参数。
error-unauthenticated = 请先登录。
error-bad-credentials = 用户名或密码不正确。如果确定无误，请一分钟后再试：多次错误尝试（包括他人的）会使账号暂时无法登录。
error-directory-setup = 用户名或密码不正确，或者 { $provider } 在本平台的设置有误，请联系平台管理员。密码保存在本平台的账号不受影响。
error-captcha-required = 该用户名或此地址有过多次失败，请先完成下方验证，再提交一次。
error-captcha-wrong = 验证未通过：答案不对、已过期或已用过。请完成新的验证。
error-second-factor-required = 请输入一次性验证码。
error-enrollment-required = 此处平台工作人员必须启用两步验证：请先完成设置，然后即可使用全部功能。
error-scope-missing = 此 API 令牌的权限范围不包含 { $permission }。请创建包含该权限或不限范围的令牌。
error-api-token-expired = 此 API 令牌已过期，请创建新的令牌。
error-token-expired = 访问令牌已过期，请重新登录。
error-forbidden = 您没有执行此操作的权限。如有需要，请联系平台管理员。
error-foreign-origin = 请求来自其他网站的页面，已拒绝。
error-not-found = 内容不存在，或您无权查看。
error-conflict = 内容已被他人修改。请查看最新内容后再保存。
error-already-exists = 名称或编号已被占用。
error-wrong-state = 当前状态不允许此操作。
error-quota-exceeded = 超出配额。
error-no-capacity = 目前没有可用的机器。
error-rate-limited = 请求过于频繁，请稍后再试。
error-too-large = 内容过大，无法接收。
error-engine-failed = 底层引擎拒绝了请求或执行失败。
error-task-failed = 任务失败。
error-node-unreachable = 无法连接到该机器的代理。
error-internal = 服务器内部错误。请将请求编号告知平台管理员。
error-unavailable = 服务暂时不可用，请稍后再试。
error-sign-in-wait = { $minutes ->
    [0] 失败次数过多，请在 { $seconds } 秒后重试。
   *[other] 失败次数过多，请在 { $minutes } 分钟后重试。
}
error-schema-missing = 数据库尚未初始化，请先运行 remotegpu migrate。
error-schema-old = 数据库版本为 { $found }，本程序需要 { $needed }，请先运行 remotegpu migrate。
error-wrong-secrets-key = 密钥文件（{ $found }）与数据库写入时使用的（{ $needed }）不一致。
error-title = 无法完成
error-page-missing = 页面不存在
error-page-missing-hint = 地址可能有误，内容可能已被删除，或您无权查看。
error-page-unavailable = 暂时不可用
error-page-internal = 出了点问题
error-request-id = 请求编号
error-back-home = 返回首页
error-try-again = 重试
error-machine-changed = 这台机器已被他人修改。请打开最新内容，再次修改后保存。
error-node-limits = 代理发送的数据超出允许的范围。
error-node-unknown = 平台不认识这个代理，请重新接入。
error-rate-limited-wait = { $minutes ->
    [0] 请求过于频繁，请在 { $seconds } 秒后再试。
   *[other] 请求过于频繁，请在 { $minutes } 分钟后再试。
}
error-method = 此地址不支持该请求方法。
error-node-upgrade-needed = 代理程序版本过旧，请用服务器提供的版本替换。
error-too-many-followers = 目前从此服务器跟踪的日志过多，请稍后再试；日志本身仍可读取。
error-too-many-topics = 一个连接订阅的主题过多，请先取消其中一些。
error-switch-staff = 平台工作人员不代表任何客户。
error-switch-token = API 令牌只属于创建时所属的客户，请切换后另行创建。
error-customer-deleted = 该客户已删除，请先恢复。
error-customer-has-machines = 该客户还有 { $n } 项未结束的分配（待开始、进行中或回收中），请先结束。
error-customer-changed = 该客户已被他人修改。请刷新页面后重新修改。
error-allocation-overlap = 该时段机器已被占用（{ $customer }）。请选择其他时段或机器。
error-allocation-state = { $state ->
    [scheduled] 分配尚未开始，现在不能执行此操作。
    [active] 分配正在使用中，现在不能执行此操作。
    [grace] 分配处于宽限期，现在不能执行此操作。
    [reclaiming] 机器正在回收，不能再执行此操作。
    [cancelled] 分配已取消，不能再执行此操作。
   *[ended] 分配已结束，不能再执行此操作。
}
error-allocate-shared = 该机器属于共享池，请先将其改为整机池。
error-allocate-service-state = 该机器不在服务中，请先恢复服务。
error-step-not-waiting = 该步骤不在等待状态。
error-job-ended = 该任务已结束。
error-job-stopping = 已请求停止该任务，几秒内生效。
error-job-not-cancellable = 没有该任务，它所处理的对象会一直等待。请在其发起之处放弃：上传、导入、镜像或实例。
error-job-not-failed = 该任务没有失败：只有失败的任务才能重新运行。
error-job-nothing-left = 该任务所处理的内容已随之放弃，重新运行也无事可做。请在原处重新开始：邮件、上传、导入、镜像复制或保存镜像。
error-job-letter-old = 该邮件请求已久，其中的链接早已过期。仍需要的人可重新请求。
error-job-comes-round = 该任务定时执行：下一次会完成其工作。
error-step-by-itself = 该步骤会自动完成。请跳过其他等待的步骤，之后机器会回到资源池。
error-renewal-decided = 该申请已处理。
error-renewal-none-open = 已没有待处理的申请：申请已被答复或撤回。
error-renewal-often = 一天内已申请并撤回 { $max } 次。请明天再申请，或联系出租方。
error-renewal-overtaken = 该分配的到期时间已晚于申请的时间。请拒绝该申请，或另行指定到期时间。
error-allocation-changed = 该分配已被他人修改。请查看当前到期时间后再调整。
error-service-state = 机器当前{ $state ->
    [in_service] 正常服务
    [cordoned] 已暂停分配
    [draining] 正在排空
    [maintenance] 正在维护
   *[retired] 已退役
}，不能执行此操作。
error-machine-allocated = 该机器分配给了“{ $customer }”，含宽限期到 { $until }。请先回收。
error-machine-reclaiming = 该机器正从“{ $customer }”回收。请先完成回收检查：在分配页面可以跳过等待的步骤。
error-machine-scheduled = 该机器已预定自 { $from } 起分配给“{ $customer }”。请先取消该分配。
error-renew-service-state = 该机器正在排空或已退役，不能延长使用。
error-renew-customer-disabled = 该客户已停用，不能延长使用。请先启用该客户。
error-import-changed = 期间有内容被修改，现在有 { $n } 行的结果会不同。没有导入任何内容：请查看这些行，再次确认。
error-import-raced = 此刻正有人修改相关内容，没有导入任何内容，请重试。
error-import-expired = 导入只保留 24 小时，这一次已过期。请重新上传工作簿。
error-import-too-many = 您已打开 { $n } 个导入；最多保留 { $max } 个，合计 { $mib } MiB。请先确认或放弃一个。
error-import-nothing = 没有需要导入的内容。
error-import-taken-back = 这次导入已撤回。
error-import-state = { $state ->
    [reading] 导入仍在读取，现在不能执行此操作。
    [ready] 导入正在等待确认，现在不能执行此操作。
    [empty] 其中没有可导入的内容，不能执行此操作。
    [refused] 该工作簿无法使用，不能导入其中的内容。原因见导入页面：请修改工作簿后重新上传。
    [discarded] 导入已放弃，不能再执行此操作。
   *[confirmed] 导入已完成，不能再执行此操作。
}
error-refused-unread = 您填写的内容及其问题已不再保留，未做任何更改，请重新填写。
refused-lost = 您填写的内容未能保留，表单显示的是当前已保存的内容。未做任何更改，请重新填写。
error-machine-free = 目前没有客户使用该机器。
error-idempotency-other = 该 Idempotency-Key 已用于另一个请求，新的请求请使用新的键。
error-idempotency-running = 使用该 Idempotency-Key 的请求仍在执行，请稍后再查询。
error-idempotency-too-many = 一天内使用的 Idempotency-Key 过多。
error-recovery-code-wrong = 恢复码错误或已使用过。请换用最近一组中的另一个恢复码，或输入验证器应用中的验证码。
error-second-factor-wrong = 验证码错误或已使用过，请输入最新的验证码。
error-challenge-over = 登录等待时间过长，请重新登录。
error-refresh-refused = 刷新令牌无效或已失效，请重新登录。
error-totp-on = 两步验证已经开启。
error-totp-off = 两步验证尚未开启。
error-totp-required = 平台工作人员必须开启两步验证，不能关闭。
error-totp-not-pending = 没有等待确认的设置，请重新开始设置。
error-too-many-tokens = 您已有 { $max } 个令牌，请先吊销一些。
error-settings-changed = 这些设置已被他人修改。请查看当前已保存的内容后重新修改。
error-settings-of-admins = 此项决定谁能进入系统、服务器可以访问哪些网络或日志保留多久，只有平台管理员可以修改。
error-mail-off = 尚未设置邮件服务器和发件地址，无法发送邮件。请联系平台管理员设置。
error-sign-up-closed = 此处的账号只能由平台管理员创建或通过邀请创建。可在平台设置中开放注册。
error-invitations-off = 此处仅平台管理员可以创建账号。请联系平台管理员为受邀邮箱创建账号，然后重新打开链接并用该账号接受。
error-invitation-paused = 该客户目前已停用。重新启用后，此邀请仍然有效。
error-invitation-for-another = 此邀请发给 { $email }。请用该邮箱的账号登录。
error-invitation-already = 您已经是 { $customer } 的成员，无需再接受邀请。
error-member-by-invitation = 未经本人同意，不能将其加入客户，客户负责人也不能代建账号。请通过邮箱邀请：已有账号的人用自己的账号接受，没有账号的人自行创建。平台工作人员可以直接添加。
error-channel-hears = 机器人消息会说明哪个客户使用哪台机器。只有可以查看客户和机器的人员才能添加机器人，或修改其地址和通知内容。
error-not-held = 您没有此操作所需的全部权限（{ $permission }）：不能授予或操作超出自己权限的角色和用户。
error-last-admin = 这是最后一名可凭本站密码登录的平台管理员（尚未设置密码的受邀用户和目录用户不计入），请先将该角色授予其他人。
error-last-owner = 这是最后一位能处理事务的负责人（已停用的账号和平台工作人员不计）。请先设置其他负责人，或转让负责人身份。
error-role-changed = 该角色已被他人修改，请刷新页面后重试。
error-role-builtin = 内置角色不能修改或删除。
error-role-held = 有 { $n } 人持有此角色，请先收回。
error-user-changed = 该用户已被他人修改，请刷新页面后重试。
error-user-self = 不能停用或删除自己的账号，请由其他平台管理员操作。
error-user-self-sessions = 这些是您自己的会话，请在“账号”中结束。
error-user-self-second-factor = 这是您自己的账号，请在“账号”中关闭两步验证。
error-user-self-identities = 这是您自己的账号，请在“账号”中解除绑定。
error-user-password-elsewhere = 该账号在本平台没有密码，由 { $provider } 验证身份。在此设置密码将成为独立的登录方式：请确认仍要设置（local），或到该服务修改密码。
error-provider-bound = 有 { $n } 个账号绑定了它，删除后这些账号只能用本平台的密码或其他服务登录。请确认可以解除绑定（partAccounts）。
error-user-identity-only-way = 该账号没有密码，这是唯一的登录方式。请先为其设置密码，或确认可以解除唯一的登录方式。
error-user-last-owner = 该用户是 { $customer } 的唯一负责人，请先设置其他负责人或转让。
error-role-only-owner = 该用户是 { $customer } 唯一能处理事务的负责人。平台工作人员不能代表任何客户，授予此角色后该客户将无人负责。请先设置其他负责人或转让。
error-user-deleted = 该用户已删除，请先恢复。
error-user-restore-taken = 该账号的用户名或邮箱现在属于另一个账号。请先更改那个账号的用户名或邮箱，再恢复此账号；或者为此人另建账号。
error-too-many-ssh-keys = 您已有 { $max } 个密钥，请先移除一些。
error-too-many-channels = 最多 { $max } 个。
error-directory-away = 用户名或密码错误，或暂时无法访问 { $provider }。在本平台有密码的账号不受影响。
error-identity-no-role = { $provider } 认识您，但您所在的组均无权使用本平台，请联系平台管理员。
error-identity-unknown = { $provider } 认识您，但您在本平台没有账号，请联系平台管理员。
error-identity-disabled = { $provider } 已确认您的身份，但您在本平台的账号已被停用。请联系平台管理员启用。
error-identity-name-reserved = { $provider } 认识您，但用户名 { $name } 在操作日志中代表平台自身，任何人都不能使用。请联系平台管理员在该服务中更换名称。
error-identity-name-taken = { $provider } 认识您，但用户名 { $name } 在本平台属于他人，请联系平台管理员。
error-identity-taken = 此身份已与本平台的另一个账号绑定。请用它登录那个账号；如两个账号都属于您，请让平台管理员在那个账号上解除绑定或删除那个账号，然后再在此处绑定。
error-identity-twice = 您的账号已与该服务中的某个身份绑定，请先解除。
error-identity-sign-in-again = 您的账号没有密码和两步验证可供确认，且您登录已超过十分钟。请退出后重新登录，并在十分钟内回到此处确认。
error-identity-only-way = 此账号在本平台没有密码，也没有绑定其他使用中的服务，这是唯一的登录方式。请先绑定其他服务，或请平台管理员为账号设置密码。
error-sso-over = 本次登录已结束：登录须在十分钟内、于开始登录的浏览器中完成，且只能使用一次。请重新开始。
error-sso-away = 暂时无法访问 { $provider }，请稍后重试或使用其他方式登录。
error-sso-denied = { $provider } 没有允许您登录，或者您在那里取消了登录。请重试，或使用其他方式登录。
error-sso-client = { $provider } 不接受本平台的客户端 ID 或密钥，暂时无法通过它登录。请使用其他方式登录，并把请求编号告诉平台管理员。
error-sso-request = { $provider } 拒绝了本平台的请求，暂时无法通过它登录。请使用其他方式登录，并把请求编号告诉平台管理员。
error-sso-fault = { $provider } 目前自身出现故障，请稍后重试，或使用其他方式登录。
error-sso-refused = { $provider } 返回的内容不可信，未能登录。请重新开始；如仍然如此，请把请求编号告诉平台管理员。
error-sso-login = { $provider } 需要先询问您（例如在那里登录或表示同意），但未能完成。请重新开始，并在那里作答。
error-sso-denied-binding = { $provider } 没有确认您的身份，或者您在那里取消了操作。没有进行任何绑定；如仍要绑定，请重新开始。
error-sso-setup = { $provider } 的设置有误（在本平台或在该服务处），暂时无法通过它登录。等待无济于事，平台管理员可以修复，请把请求编号告诉平台管理员。
error-sso-gone = 您选择的登录服务已不存在或已停用。请选择其他登录方式；如没有其他方式，请联系平台管理员。
error-password-elsewhere = 您的密码由 { $provider } 保存，请在那里修改。
error-password-elsewhere-at = 您的密码由 { $provider } 保存，请在那里修改：{ $url }
error-password-none = 此账号在本平台没有密码，请联系平台管理员。
error-email-elsewhere = 此账号的密码保存在别处，不能在这里更改邮箱，请联系平台管理员。
error-no-engine = 尚未填写如何连接这台机器的 Docker 引擎。
error-no-other-engine = 这台机器上没有另一个引擎应答。
error-spec-without-price = 它还没有生效的价格：请先设置价格，免费请填 0。
error-file-too-large = 文件不能超过 { $gb } GB。
error-uploads-open = 已有 { $n } 个未完成的上传，请先完成或取消一些。
error-storage-quota = 空间不足：{ $limit } 中已用 { $used }。
error-store-full = 文件存储空间已满，请稍后再试或告知平台管理员。
error-nul = 内容包含无法保存的空字符（NUL），请删除后重试。
error-upload-incomplete = 已收到 { $received } / { $size } 字节，请补传缺少的分块。
error-upload-state = 该上传不再接收数据：{ $state ->
    [assembling] 正在校验
    [done] 已完成
   *[aborted] 已取消
}。
error-chunk-differs = 该分块编号下已有不同的内容。请取消上传后重新开始。
error-image-not-approved = 该镜像尚未通过审核。
error-image-not-saved = 该镜像不是由实例保存的，客户的所有成员都能看到它。
error-image-name-shared = 客户成员能看到的镜像中已有同名镜像，请先修改此镜像的名称。
error-image-not-shared = 保存者尚未共享该镜像。须由其先共享给客户成员，才能上架。
error-image-listed = 该镜像已上架，只能修改备注。请先联系平台工作人员将其下架。
error-image-reviewed = 该镜像当前状态为{ $state ->
    [approved] 已通过
    [rejected] 已驳回
   *[pending_review] 待审核
}。
error-image-architecture = 该镜像适用于 { $image }，而此机器的引擎运行在 { $machine } 上。
error-image-on-its-way = 该镜像正在传送到此机器。
error-image-no-archive = 该镜像没有归档文件：它本来就在仓库中。
error-no-registry-holds = 没有存放归档的仓库。请在设置中指定一个。
error-image-being-put = 该镜像正在放入仓库。
error-cleanup-going = 该机器正在清理中。
error-cleanup-lent = 该机器已分配给客户，其上的内容属于客户。
error-cleanup-nothing = 这些镜像都已不能清理：已被使用或已不存在。请重新查看。
error-save-going = 该实例正在保存，请等待其结束。
error-save-image-rejected = 该实例所用的镜像已被驳回，无法保存。
error-customer-has-instances = 该客户还有 { $n } 个实例，请先删除。
error-machine-has-instances = 该机器上还有 { $n } 个实例，请先删除。
error-instance-nowhere = 目前没有合适的机器。创建页面会列出每台机器的原因和可用的其他规格。
error-instance-not-there = { $machine } 放不下该实例：{ $reason }
error-instance-quota = 超出配额（{ $what ->
    [cpu] CPU 核
    [memoryGb] 内存 GiB
    [diskGb] 磁盘 GB
    [gpu] GPU
   *[instances] 实例
}）：上限 { $limit }，剩余 { $have }，需要 { $need }。
error-budget-spent = 预算已用完。
error-budget-spent-of = 预算“{ $budget }”（{ $amount } { $currency }）已用完：{ $until } 之前不能新建或启动实例。请提高预算，或请设置者解除当月限制。
error-budgets-many = 每个客户最多 { $max } 个预算，请先删除一个。
error-budget-of-platform = 该预算由平台设置，如需修改请联系平台管理员。
error-instance-not-watched = 该实例不会因闲置而停止，无需保留。
error-instance-state = 实例{ $state ->
    [creating] 正在创建
    [starting] 正在启动
    [running] 运行中
    [stopping] 正在停止
    [stopped] 已停止
    [failed] 已失败
    [lost] 失联
    [deleting] 正在删除
   *[deleted] 已删除
}，现在不能执行此操作。
error-instance-ended = 实例已不在运行。请刷新页面查看其结束情况。
error-terminal-ticket = 该凭证已用过、已过期或不属于您。请重新获取。
error-apps-off = 此平台没有为应用设置地址。平台运营方可进行设置（apps_url）。
error-app-limit = 每个实例最多 { $limit } 个应用。请先移除一个。
error-app-places = 应用地址已全部占用。平台运营方可增加地址（apps_url）。
error-app-ticket = 打开应用的链接已使用过、耗时过长，或来自其他浏览器。请重新打开。
error-terminal-limit = 每个实例和每位用户最多同时打开 { $limit } 个终端。请先关闭一个。
error-ssh-limit = 您已打开 { $limit } 个 SSH 连接，已达上限。请先关闭一个。
error-recording = 此处的操作必须录制，但现在无法录制。请联系平台管理员，或稍后重试。
error-recording-full = 此处的操作必须录制，但今天的录制空间已用完，或磁盘已满。请联系平台管理员，或稍后重试。
error-recording-nothing = 此录制没有可播放的内容：没有屏幕显示，或已被移除。
error-terminal-over = 您的此终端已不存在。请先打开终端。
error-terminal-share = 此链接无效：已被使用、已过期，或已被生成者撤销。请索取新的链接。
error-watch-limit = 已有 { $limit } 人可以旁观，达到上限。
error-ssh-ways = 您经 SSH 打开的到机器的通道已达上限 { $limit }。请先关闭一个终端或端口。
error-ssh-off = 此处已关闭 SSH 接入。
error-ssh-several = 名称 { $name } 不唯一。请改用以下之一代替名称：{ $ids }。编号为实例，加号加名称为整机。
error-ssh-no-instance = 没有名为 { $name } 且您可以进入的实例。
error-ssh-elsewhere = 从这里只能访问实例自身的端口（localhost 或其名称）；{ $host } 不可访问。
error-ssh-port = 该实例的端口 { $port } 上没有程序在监听。
error-ssh-machine-jump = 该机器暂不接受此入口；其 sshd 接受您自己的密钥。请在自己的电脑上输入：{ $line }
error-ssh-machine-elsewhere = 从此处只能访问该机器自身的端口（localhost 或机器编号），不能访问 { $host }。
error-ssh-machine-port = 该机器的 sshd 不转发到端口 { $port }。
error-ssh-machine-keys = 这台机器上没有代理程序维护您的密钥，由主机运营方管理。请使用机器页面上的命令。
error-ssh-machine-sshd = { $machine } 上的 sshd 没有响应，请告知其运营方。
error-ssh-machine-away = 暂时无法连接 { $machine }：其代理程序未连接到本服务器。请稍后重试。
error-instance-data-there = 该实例的数据盘并未丢失，无需重新开始。
error-instance-holds-nothing = 该实例未能创建，已不再占用 GPU、CPU 和内存。请删除后重新创建。
error-instance-run-open = 上次运行的记录尚未结束，请几秒后重试。
