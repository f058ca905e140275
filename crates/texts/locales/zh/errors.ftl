# 错误消息：说明发生了什么、为什么、该怎么办。键名与 contract::ErrorCode 对应。
error-validation = 有些内容填写不正确，请按提示修改。
error-unknown-parameter = 请求中有此接口不认识的参数。
error-unauthenticated = 请先登录。
error-bad-credentials = 用户名或密码不正确。
error-captcha-required = 请先完成验证。
error-second-factor-required = 请输入一次性验证码。
error-token-expired = 访问令牌已过期，请重新登录。
error-forbidden = 您没有执行此操作的权限。如有需要，请联系管理员。
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
error-internal = 服务器内部错误。请将请求编号告知管理员。
error-unavailable = 服务暂时不可用，请稍后再试。
error-sign-in-wait = 失败次数过多，请在 { $seconds } 秒后重试。
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
error-rate-limited-wait = 请求过于频繁，请在 { $seconds } 秒后再试。
error-method = 此地址不支持该请求方法。
error-node-upgrade-needed = 代理程序版本过旧，请用服务器提供的版本替换。
error-too-many-topics = 一个连接订阅的主题过多，请先取消其中一些。
error-customer-changed = 该客户已被他人修改。请刷新页面后重新修改。
error-allocation-overlap = 该时段机器已被占用（{ $customer }）。请选择其他时段或机器。
error-allocation-state = 分配状态为 { $state }，现在不能执行此操作。
error-allocate-shared = 该机器属于共享池，请先将其改为整机池。
error-allocate-service-state = 该机器不在服务中，请先恢复服务。
error-step-not-waiting = 该步骤不在等待状态。
error-renewal-decided = 该申请已处理。
error-service-state = 机器当前{ $state ->
    [in_service] 正常服务
    [cordoned] 已暂停分配
    [draining] 正在排空
    [maintenance] 正在维护
   *[retired] 已退役
}，不能执行此操作。
error-machine-allocated = 该机器分配给了“{ $customer }”，含宽限期到 { $until }。请先回收。
error-renew-service-state = 该机器正在排空或已退役，不能延长使用。
error-import-changed = 期间有机器被修改或新增，没有导入任何内容，正在重新检查工作簿。
error-import-nothing = 没有需要导入的内容。
error-import-state = 这次导入的状态是 { $state }，不能执行此操作。
error-not-held = 您没有此操作所需的全部权限（{ $permission }）：不能授予或操作超出自己权限的角色和用户。
error-last-admin = 这是最后一名平台管理员，请先将该角色授予其他人。
error-last-owner = 这是最后一名负责人，请先设置其他负责人或转让。
error-role-changed = 该角色已被他人修改，请刷新页面后重试。
error-role-builtin = 内置角色不能修改或删除。
error-role-held = 有 { $n } 人持有此角色，请先收回。
error-user-changed = 该用户已被他人修改，请刷新页面后重试。
error-user-self = 不能停用或删除自己的账号，请由其他管理员操作。
error-user-deleted = 该用户已删除，请先恢复。
