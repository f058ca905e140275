# 站内通知和邮件通知。
notifications-title = 通知
notifications-bell = { $n ->
    [0] 通知
   *[other] 通知：{ $n } 条未读
}
notifications-empty = 暂无通知。
notifications-none-unread = 没有未读通知。
notifications-at = 时间
notifications-what = 内容
notifications-state = 状态
notifications-unread = 未读
notifications-read = 已读
notifications-open = 查看
notifications-mark-read = 标为已读
notifications-read-all = 全部标为已读
notifications-show-all = 显示全部
notifications-show-unread = 只看未读
notifications-choices = 通知方式
notifications-kind = 内容
notifications-in-app = 站内
notifications-mail = 邮件
notifications-by = { $kind }：{ $way }
notifications-quiet-from = 免打扰开始
notifications-quiet-until = 免打扰结束
notifications-quiet-hint = 按您的时区计算，免打扰时段内邮件和 Webhook 推迟发送。账号安全通知不受影响。
notification-kind-allocation-ending = 机器即将到期
notification-kind-renewal-decided = 续期申请的答复
notification-kind-maintenance-planned = 机器维护
notification-kind-maintenance-cancelled = 机器维护取消
notification-kind-maintenance-begun = 机器维护开始
notification-kind-maintenance-over = 机器维护结束
notification-kind-allocation-given = 分配到机器
notification-kind-allocation-delayed = 机器的使用期推迟开始
notification-kind-allocation-renewed = 机器到期时间调整
notification-kind-allocation-grace = 机器到期，进入宽限期
notification-kind-allocation-reclaimed = 机器被回收
notification-kind-invitation-accepted = 受邀者已加入
notification-kind-member-added = 被加入客户
notification-kind-member-changed = 您在客户中的角色变更
notification-kind-member-removed = 被移出客户
notification-kind-customer-switched = 所属客户被停用、启用、删除或恢复
notification-kind-roles-changed = 平台角色被授予或收回
notification-kind-email-changed = 邮箱被他人修改
notification-kind-identities-changed = 账号绑定或解除登录服务
notification-kind-second-factor-changed = 两步验证已开启、关闭或使用了恢复码
notification-kind-ssh-key-added = 为您的账号添加了 SSH 公钥
notification-kind-api-token-made = 为您的账号创建了 API 令牌
notification-kind-sign-in-copied = 您账号的一次登录可能被复制
notification-kind-account-switched = 账号被停用或启用
notification-kind-image-reviewed = 上传的镜像已审核
notification-kind-image-acted = 平台人员对自己未共享镜像的操作
notification-kind-instance-failed = 自己的实例失败
notification-kind-instance-idle = 自己的实例闲置
notification-kind-instance-acted = 平台工作人员对自己实例的操作
notification-kind-access-ended = 平台工作人员结束的连接
notification-kind-budget-reached = 客户预算达到阈值
notification-kind-password-changed = 密码已修改
notification-kind-renewal-requested = 客户申请续期
notification-kind-allocation-waits = 分配无法开始
notification-kind-engine-certificates = Docker 引擎的证书即将到期
notification-kind-engine-other = 机器上应答的是另一个 Docker 引擎
notification-kind-recording-stopped = 无法录制的会话
notification-allocation-ending = { $machine } 将于 { $endsAt } 到期。
notification-renewal-decided = { $answer ->
    [refused] { $machine } 的续期申请被拒绝：{ $word }
   *[granted] { $machine } 可使用至 { $endsAt }。
}
notification-maintenance-planned = { $machine } 将于 { $startsAt } 至 { $endsAt } 维护：{ $word }
notification-maintenance-begun = { $machine } 的维护已开始，预计至 { $endsAt }：{ $word }
notification-maintenance-over = { $machine } 的维护已结束。
notification-allocation-given = { $begins ->
    [later] { $machine } 已分配给您，使用期为 { $startsAt } 至 { $endsAt }。
   *[now] { $machine } 已分配给您，可使用至 { $endsAt }。
}
notification-allocation-delayed = { $state ->
    [occupied] 您对 { $machine } 的使用期原定于 { $startsAt } 开始，但该机器尚未空出。空出后即开始，届时会通知您。
    [maintenance] 您对 { $machine } 的使用期原定于 { $startsAt } 开始，但该机器正在维护。维护结束后即开始，届时会通知您。
   *[other] 您对 { $machine } 的使用期原定于 { $startsAt } 开始，但该机器未在服务中。恢复服务后即开始，届时会通知您。
}
notification-allocation-renewed = { $change ->
    [earlier] { $machine } 的到期时间提前至 { $endsAt }。
   *[later] { $machine } 的使用期已延长至 { $endsAt }。
}
notification-allocation-grace = { $machine } 的使用期已结束。如需继续使用，请在 { $endsAt } 之前申请续期，之后机器将被回收。
notification-allocation-reclaimed = { $change ->
    [cancelled] { $machine } 原定自 { $startsAt } 起分配给您，现已取消。
   *[reclaimed] { $machine } 正在回收，您的访问权限已终止。
}
notification-maintenance-cancelled = { $change ->
    [over] { $machine } 的维护已提前结束（原定 { $endsAt } 结束）。
   *[off] { $machine } 原定 { $startsAt } 至 { $endsAt } 的维护已取消。
}
notification-invitation-accepted = { $person } 已加入 { $customer }。
notification-member-added = { $role ->
    [owner] { $by } 已将您加入 { $customer }，角色为负责人。
   *[member] { $by } 已将您加入 { $customer }，角色为成员。
}
notification-member-changed = { $role ->
    [owner] { $by } 已将您设为 { $customer } 的负责人。
   *[member] { $by } 已将您设为 { $customer } 的成员。
}
notification-member-removed = { $by } 已将您移出 { $customer }。
notification-customer-switched = { $change ->
    [enabled] { $by } 已重新启用 { $customer }。
    [deleted] { $by } 已删除 { $customer }。
    [restored] { $by } 已恢复 { $customer }。
   *[disabled] { $by } 已停用 { $customer }。
}
notification-roles-changed = { $change ->
    [taken] { $by } 收回了您的角色：{ $role ->
        [platform_admin] 平台管理员
        [operator] 运维人员
        [teacher] 教师
        [student] 学生
       *[other] { $role }
    }
    [changed] { $by } 修改了您持有的角色的权限：{ $role ->
        [platform_admin] 平台管理员
        [operator] 运维人员
        [teacher] 教师
        [student] 学生
       *[other] { $role }
    }
   *[given] { $by } 授予您角色：{ $role ->
        [platform_admin] 平台管理员
        [operator] 运维人员
        [teacher] 教师
        [student] 学生
       *[other] { $role }
    }
}
notification-email-changed = { $email ->
    [none] { $by } 删除了您账号的邮箱。如有疑问，请立即联系平台管理员。
   *[other] { $by } 已将您账号的邮箱改为 { $email }。如有疑问，请立即联系平台管理员。
}
notification-identities-changed = { $change ->
    [parted] { $by } 解除了您的账号与 { $provider } 的绑定。如有疑问，请立即联系平台管理员。
   *[bound] { $by } 将您的账号绑定到 { $provider }：那里的 { $label } 可以登录本账号。如果不是您本人操作，请在安全页面解除绑定、修改密码，并立即联系平台管理员。
}
notification-second-factor-changed = { $change ->
    [on] 您账号的两步验证已开启。如果不是您本人操作，请立即联系平台管理员。
    [code] 您账号的一个恢复码已被使用。如果不是您本人操作，请修改密码、生成新的恢复码，并立即联系平台管理员。
   *[off] { $who ->
        [console] 您账号的两步验证已通过服务器命令行关闭。如果未与您商定，请立即联系平台管理员。
        [other] { $by } 关闭了您账号的两步验证。如果未与您商定，请立即联系平台管理员。
       *[own] 您账号的两步验证已关闭。如果不是您本人操作，请修改密码，并立即联系平台管理员。
    }
}
notification-ssh-key-added = 您的账号添加了 SSH 公钥“{ $key }”（{ $fingerprint }）。如果不是您本人操作，请删除该公钥、修改密码，并联系平台管理员。
notification-api-token-made = 您的账号创建了 API 令牌“{ $token }”。如果不是您本人操作，请吊销该令牌、修改密码，并联系平台管理员。
notification-sign-in-copied = 您账号的一次登录已被结束：其刷新令牌被重复使用{ $from ->
    [unknown] {""}
   *[other] （第二次来自 { $from }）
}。如果不是您自己的程序所为，说明他人持有其副本：请修改密码并联系平台管理员。
notification-account-switched = { $change ->
    [enabled] { $by } 已启用您的账号，您可以重新登录。
   *[disabled] { $by } 已停用您的账号。
}
notification-image-reviewed = { $answer ->
    [rejected] 镜像 { $image } 未通过审核：{ $word }
   *[approved] 镜像 { $image } 已通过审核。
}
notification-image-acted = { $did ->
    [push] 平台人员将未共享的镜像 { $image } 放入了镜像仓库：{ $word }
    [pull] 平台人员将未共享的镜像 { $image } 传送到了机器：{ $word }
   *[read] 平台人员读取了未共享的镜像 { $image } 的归档：{ $word }
}
notification-instance-failed = { $made ->
    [again] 实例 { $instance }（{ $machine }）的容器已在机器上被移除，正在重新创建：/data 之外写入的内容已丢失。
    [data-gone] 实例 { $instance }（{ $machine }）的数据盘已不存在：有人在机器上移除了它。
    [engine-empty] { $machine } 改用了另一个 Docker 引擎：实例 { $instance } 将在其中重新创建，数据盘从空盘开始。
    [engine-found] { $machine } 改用了另一个 Docker 引擎：实例 { $instance } 使用该引擎上原有的数据盘，内容为当时留下的内容。
    [engine-anew] { $machine } 改用了另一个 Docker 引擎：实例 { $instance } 没有数据盘，其容器将在其中重新创建。
    [disk-near] 实例 { $instance }（{ $machine }）的一块磁盘已用 { $percent } %。
    [disk-full] 实例 { $instance }（{ $machine }）的一块磁盘已用 { $percent } %，超出规格。
    [disk-stops] 实例 { $instance }（{ $machine }）的一块磁盘已用 { $percent } %，若不腾出空间，将于 { $stopsAt } 停止。
    [disk-stopped] 实例 { $instance }（{ $machine }）已停止：一块磁盘的用量长时间为 { $percent } %。
    [split] 实例 { $instance }（{ $machine }）超出了显存份额。
    [yes] 实例 { $instance }（{ $machine }）已失败。
   *[no] 实例 { $instance } 未能在 { $machine } 上创建。
}
notification-instance-idle = { $state ->
    [stopped] 实例 { $instance } 自 { $since } 起闲置，已停止。
   *[warned] 实例 { $instance } 自 { $since } 起闲置，将于 { $stopsAt } 停止，除非重新使用或申请保留。
}
notification-instance-acted = { $action ->
    [start] 平台工作人员启动了您的实例 { $instance }（{ $machine }）：{ $word }
    [restart] 平台工作人员重启了您的实例 { $instance }（{ $machine }）：{ $word }
    [delete] 平台工作人员删除了您的实例 { $instance }（{ $machine }）：{ $word }
   *[stop] 平台工作人员停止了您的实例 { $instance }（{ $machine }）：{ $word }
}
notification-access-ended = { $what ->
    [ssh] 平台工作人员结束了实例 { $instance }（{ $machine }）的一个 SSH 连接：{ $word }
    [terminal] 平台工作人员结束了实例 { $instance }（{ $machine }）的一个终端：{ $word }
    [app] 平台工作人员结束了实例 { $instance }（{ $machine }）的一次应用访问：{ $word }
    [watch] 平台工作人员结束了对实例 { $instance }（{ $machine }）终端的旁观：{ $word }
    [link] 平台工作人员移除了实例 { $instance }（{ $machine }）的应用 { $app }：{ $word }
   *[machine] 平台工作人员结束了到 { $machine } 的一个 SSH 连接：{ $word }
}
notification-budget-reached = { $state ->
    [stopped] 预算 { $budget }（每月 { $amount } { $currency }）已用完，运行中的实例已停止。
    [stops] 预算 { $budget }（每月 { $amount } { $currency }）已用完（{ $spent } { $currency }）：不能新建或启动实例，运行中的实例将于 { $stopsAt } 停止。
    [refuses] 预算 { $budget }（每月 { $amount } { $currency }）已用完（{ $spent } { $currency }）：不能新建或启动实例。
    [spent] 预算 { $budget }（每月 { $amount } { $currency }）已用完：{ $spent } { $currency }（已达 { $percent } %）。
   *[reached] 预算 { $budget }（每月 { $amount } { $currency }）已达 { $percent } %：{ $spent } { $currency }。
}
notification-password-changed = { $who ->
    [other] { $by } 为您的账号设置了新密码。如果未与您商定，请自行设置新密码，并联系平台管理员。
    [console] 您账号的新密码是通过服务器命令行设置的。如果未与您商定，请自行设置新密码，并联系平台管理员。
   *[own] 您的密码已修改。如果不是您本人操作，请立即设置新密码，并联系平台管理员。
}
notification-renewal-requested = { $stand ->
    [withdrawn] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。申请已撤回，无需答复。
    [lapsed] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。分配已结束，申请随之关闭。
    [approved] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。{ $answeredBy } 已同意。
    [changed] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。{ $answeredBy } 已同意续期至 { $grantedUntil }。
    [refused] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。{ $answeredBy } 已拒绝。
   *[open] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。
}
notification-allocation-waits = { $state ->
    [occupied] { $machine } 原定自 { $startsAt } 起分配给 { $customer }，但尚未从上一客户回收完毕。请完成回收，或取消该分配。
    [maintenance] { $machine } 原定自 { $startsAt } 起分配给 { $customer }，但正在维护。维护结束后，分配即开始。
   *[other] { $machine } 原定自 { $startsAt } 起分配给 { $customer }，但未在服务中。请恢复服务，或取消该分配。
}
notification-engine-certificates = { $state ->
    [ended] { $machine } 的 Docker 引擎的证书已于 { $endsAt } 失效，请保存新证书。
   *[ending] { $machine } 的 Docker 引擎的证书将于 { $endsAt } 到期，请在此之前保存新证书。
}
notification-engine-other = { $machine } 上应答的 Docker 引擎不是其实例所在的引擎。在您决定之前，平台不会在它上面做任何操作。
notification-recording-stopped = { $why ->
    [full] { $customer } 今天的录制空间已用完，或磁盘已满。
   *[failed] { $customer } 的录制无法写入。
}{ $then ->
    [ended] 其会话会被结束，也不能开始新会话。
   *[unrecorded] 其会话不录制而继续。
}
mail-allocation-ending-subject = { $product }：{ $machine } 即将到期
mail-allocation-ending-text =
    { $machine } 将于 { $endsAt } 到期。

    请在此之前申请续期，或取走所需数据。
mail-allocation-ending-link = 查看机器
mail-renewal-decided-subject = { $product }：{ $machine } 续期申请的答复
mail-renewal-decided-text = { $answer ->
    [refused] { $machine } 的续期申请被拒绝：{ $word }
   *[granted] { $machine } 可使用至 { $endsAt }。
}
mail-renewal-decided-link = 查看机器
mail-maintenance-planned-subject = { $product }：{ $machine } 维护通知
mail-maintenance-planned-text = { $machine } 将于 { $startsAt } 至 { $endsAt } 维护：{ $word }
mail-maintenance-planned-link = 查看机器
mail-maintenance-begun-subject = { $product }：{ $machine } 的维护已开始
mail-maintenance-begun-text = { $machine } 的维护已开始，预计至 { $endsAt }：{ $word }
mail-maintenance-begun-link = 查看机器
mail-maintenance-over-subject = { $product }：{ $machine } 的维护已结束
mail-maintenance-over-text = { $machine } 的维护已结束（计划时间为 { $startsAt } 至 { $endsAt }）。
mail-maintenance-over-link = 查看机器
mail-allocation-given-subject = { $product }：您对 { $machine } 的使用期
mail-allocation-given-text = { $begins ->
    [later] { $machine } 已分配给您，使用期为 { $startsAt } 至 { $endsAt }。
   *[now] { $machine } 已分配给您，可使用至 { $endsAt }。
}
mail-allocation-given-link = 查看机器
mail-allocation-delayed-subject = { $product }：您对 { $machine } 的使用期推迟开始
mail-allocation-delayed-text = { $state ->
    [occupied] 您对 { $machine } 的使用期原定于 { $startsAt } 开始，但该机器尚未空出。空出后即开始，届时会通知您。
    [maintenance] 您对 { $machine } 的使用期原定于 { $startsAt } 开始，但该机器正在维护。维护结束后即开始，届时会通知您。
   *[other] 您对 { $machine } 的使用期原定于 { $startsAt } 开始，但该机器未在服务中。恢复服务后即开始，届时会通知您。
}
mail-allocation-delayed-link = 查看机器
mail-allocation-renewed-subject = { $product }：{ $machine } 的到期时间已调整
mail-allocation-renewed-text = { $change ->
    [earlier] { $machine } 的到期时间提前至 { $endsAt }。
   *[later] { $machine } 的使用期已延长至 { $endsAt }。
}
mail-allocation-renewed-link = 查看机器
mail-allocation-grace-subject = { $product }：{ $machine } 的使用期已结束
mail-allocation-grace-text = { $machine } 的使用期已结束。如需继续使用，请在 { $endsAt } 之前申请续期，之后机器将被回收。
mail-allocation-grace-link = 查看机器
mail-allocation-reclaimed-subject = { $product }：{ $machine } 被回收
mail-allocation-reclaimed-text = { $change ->
    [cancelled] { $machine } 原定自 { $startsAt } 起分配给您，现已取消。
   *[reclaimed] { $machine } 正在回收，您的访问权限已终止。
}
mail-allocation-reclaimed-link = 查看我的机器
mail-maintenance-cancelled-subject = { $product }：{ $machine } 的维护取消
mail-maintenance-cancelled-text = { $change ->
    [over] { $machine } 的维护已提前结束（原定 { $endsAt } 结束）。
   *[off] { $machine } 原定 { $startsAt } 至 { $endsAt } 的维护已取消。
}
mail-maintenance-cancelled-link = 查看机器
mail-invitation-accepted-subject = { $product }：{ $person } 已加入 { $customer }
mail-invitation-accepted-text = { $person } 已接受邀请，成为 { $customer } 的成员。如有疑问，请在成员页面将其移除。
mail-invitation-accepted-link = 查看成员
mail-member-added-subject = { $product }：您已被加入 { $customer }
mail-member-added-text = { $role ->
    [owner] { $by } 已将您的账号 { $name } 加入 { $customer }，角色为负责人。如果您不同意，请联系平台管理员。
   *[member] { $by } 已将您的账号 { $name } 加入 { $customer }，角色为成员。如果您不同意，请联系 { $customer } 的负责人或平台管理员。
}
mail-member-added-link = 查看所属客户
mail-member-changed-subject = { $product }：您在 { $customer } 的角色已变更
mail-member-changed-text = { $role ->
    [owner] { $by } 已将您的账号 { $name } 设为 { $customer } 的负责人。{ $staff ->
        [yes] 您现在为平台工作，因此不能代表任何客户。
       *[no] 请重新登录后继续使用。
    } 如有疑问，请联系 { $customer } 的其他负责人或平台管理员。
   *[member] { $by } 已将您的账号 { $name } 设为 { $customer } 的成员。{ $staff ->
        [yes] 您现在为平台工作，因此不能代表任何客户。
       *[no] 请重新登录后继续使用。
    } 如有疑问，请联系 { $customer } 的负责人或平台管理员。
}
mail-member-changed-link = 查看所属客户
mail-member-removed-subject = { $product }：您已被移出 { $customer }
mail-member-removed-text = { $by } 已将您的账号 { $name } 移出 { $customer }，账号仍然保留。如有疑问，请联系 { $customer } 的负责人或平台管理员。
mail-member-removed-link = 查看所属客户
mail-customer-switched-subject = { $product }：{ $customer }
mail-customer-switched-text = { $change ->
    [enabled] { $by } 已重新启用 { $customer }，您可以继续用账号 { $name } 使用其中的资源。
    [deleted] { $by } 已删除 { $customer }。您的账号 { $name } 仍然保留，但无法再使用 { $customer } 中的资源。如有疑问，请联系平台管理员。
    [restored] { $by } 已恢复 { $customer }，您可以继续用账号 { $name } 使用其中的资源。
   *[disabled] { $by } 已停用 { $customer }。您的账号 { $name } 仍然保留，{ $customer } 中的资源暂时无法使用，数据仍然保留。如有疑问，请联系平台管理员。
}
mail-roles-changed-subject = { $product }：您的角色已变更
mail-roles-changed-text = { $change ->
    [taken] { $by } 收回了您的账号 { $name } 的角色：{ $role ->
        [platform_admin] 平台管理员
        [operator] 运维人员
        [teacher] 教师
        [student] 学生
       *[other] { $role }
    }。如有疑问，请联系平台管理员。
    [changed] { $by } 修改了您持有的角色的权限：{ $role ->
        [platform_admin] 平台管理员
        [operator] 运维人员
        [teacher] 教师
        [student] 学生
       *[other] { $role }
    }。如有疑问，请联系平台管理员。
   *[given] { $by } 授予您的账号 { $name } 角色：{ $role ->
        [platform_admin] 平台管理员
        [operator] 运维人员
        [teacher] 教师
        [student] 学生
       *[other] { $role }
    }。{ $role ->
        [teacher] { "" }
        [student] { "" }
       *[other] 为平台工作的人不代表任何客户。
    }如有疑问，请联系平台管理员。
}
mail-roles-changed-link = 查看您的权限
mail-email-changed-subject = { $product }：您的邮箱已被修改
mail-email-changed-text = { $email ->
    [none] { $by } 删除了账号 { $name } 的邮箱。如有疑问，请立即联系平台管理员。
   *[other] { $by } 已将账号 { $name } 的邮箱改为 { $email }。如有疑问，请立即联系平台管理员。
}
mail-email-changed-link = 打开您的账号
mail-identities-changed-subject = { $product }：账号的登录方式已变更
mail-identities-changed-text = { $change ->
    [parted] { $by } 解除了账号 { $name } 与 { $provider } 的绑定。如有疑问，请立即联系平台管理员。
   *[bound] { $by } 将账号 { $name } 绑定到 { $provider }：那里的 { $label } 可以登录该账号。如果不是您本人操作，请在安全页面解除绑定、修改密码，并立即联系平台管理员。
}
mail-identities-changed-link = 打开安全页面
mail-second-factor-changed-subject = { $product }：两步验证变更
mail-second-factor-changed-text = { $change ->
    [on] 您的账号 { $name } 的两步验证已开启。如果不是您本人操作，请立即联系平台管理员。
    [code] 您的账号 { $name } 的一个恢复码已被使用。如果不是您本人操作，请修改密码、生成新的恢复码，并立即联系平台管理员。
   *[off] { $who ->
        [console] 您的账号 { $name } 的两步验证已通过服务器命令行关闭。如果未与您商定，请立即联系平台管理员。
        [other] { $by } 关闭了您的账号 { $name } 的两步验证。如果未与您商定，请立即联系平台管理员。
       *[own] 您的账号 { $name } 的两步验证已关闭。如果不是您本人操作，请修改密码，并立即联系平台管理员。
    }
}
mail-second-factor-changed-link = 打开安全页面
mail-ssh-key-added-subject = { $product }：添加了新的 SSH 公钥
mail-ssh-key-added-text = 您的账号 { $name } 添加了 SSH 公钥“{ $key }”（{ $fingerprint }）。如果不是您本人操作，请删除该公钥、修改密码，并联系平台管理员。
mail-ssh-key-added-link = 查看公钥
mail-api-token-made-subject = { $product }：创建了新的 API 令牌
mail-api-token-made-text = 您的账号 { $name } 创建了 API 令牌“{ $token }”。如果不是您本人操作，请吊销该令牌、修改密码，并联系平台管理员。
mail-api-token-made-link = 查看令牌
mail-sign-in-copied-subject = { $product }：一次登录可能被复制，已结束
mail-sign-in-copied-text = 您账号 { $name } 的一次登录已被结束：其刷新令牌被重复使用{ $from ->
    [unknown] {""}
   *[other] （第二次来自 { $from }）
}。如果不是您自己的程序所为，说明他人持有其副本：请修改密码并联系平台管理员。
mail-sign-in-copied-link = 打开安全页面
mail-account-switched-subject = { $product }：您的账号状态已变更
mail-account-switched-text = { $change ->
    [enabled] { $by } 已启用您的账号 { $name }，您可以重新登录。
   *[disabled] { $by } 已停用您的账号 { $name }，您目前无法登录，数据仍然保留。如有疑问，请联系平台管理员。
}
mail-image-reviewed-subject = { $product }：镜像 { $image } 已审核
mail-image-reviewed-text = { $answer ->
    [rejected] 镜像 { $image } 未通过审核：{ $word }
   *[approved] 镜像 { $image } 已通过审核，可以使用。
}
mail-image-reviewed-link = 查看镜像
mail-image-acted-subject = { $did ->
    [push] { $product }：镜像 { $image } 已被放入镜像仓库
    [pull] { $product }：镜像 { $image } 已被传送到机器
   *[read] { $product }：镜像 { $image } 的归档已被读取
}
mail-image-acted-text = { $did ->
    [push] 平台人员将未共享的镜像 { $image } 放入了平台的镜像仓库。原因：{ $word }
    [pull] 平台人员将未共享的镜像 { $image } 传送到了机器。原因：{ $word }
   *[read] 平台人员读取了未共享的镜像 { $image } 的归档。原因：{ $word }
}
mail-image-acted-link = 查看镜像
mail-instance-failed-subject = { $made ->
    [again] { $product }：您的实例 { $instance } 已重新创建
    [data-gone] { $product }：实例 { $instance } 的数据盘已不存在
    [engine-empty] { $product }：您的实例 { $instance } 的数据盘从空盘开始
    [engine-found] { $product }：您的实例 { $instance } 换用了另一块数据盘
    [engine-anew] { $product }：您的实例 { $instance } 将重新创建
    [disk-near] { $product }：实例 { $instance } 的磁盘即将用满
    [disk-full] { $product }：实例 { $instance } 的磁盘已满
    [disk-stops] { $product }：实例 { $instance } 的磁盘已满，即将停止
    [disk-stopped] { $product }：实例 { $instance } 已停止
    [split] { $product }：实例 { $instance } 超出显存份额
   *[no] { $product }：实例 { $instance } 失败
}
mail-instance-failed-text = { $made ->
    [again] 您的实例 { $instance }（{ $machine }）的容器在机器上被移除。系统正用同一镜像重新创建并启动它；/data 之外写入的内容已丢失。
    [data-gone] 实例 { $instance }（{ $machine }）的数据盘已在机器上被移除，其中的内容随之丢失。实例没有运行，系统也没有用空盘代替。如能恢复数据盘，恢复后请启动实例；也可在实例页面选择使用新的空数据盘。
    [engine-empty] 平台运维人员在 { $machine } 上改用了另一个 Docker 引擎。您的实例 { $instance } 将用同一镜像在其中重新创建（最迟在下次启动时），数据盘从空盘开始。原数据盘的内容仍在原引擎上，没有复制；如需这些内容，请联系平台运维人员。
    [engine-found] 平台运维人员在 { $machine } 上改用了另一个 Docker 引擎，您的实例 { $instance } 以前就在该引擎上。实例使用其上原有的数据盘，内容为当时留下的内容。此后写入的内容在期间所用的引擎上，没有复制；如需这些内容，请联系平台运维人员。
    [engine-anew] 平台运维人员在 { $machine } 上改用了另一个 Docker 引擎。您的实例 { $instance } 的容器将用同一镜像在其中重新创建（最迟在下次启动时），原容器中写入的内容不在其中。该实例没有数据盘。
    [disk-near] 您的实例 { $instance }（{ $machine }）的一块磁盘已用 { $percent } %。实例页面说明是哪一块。请删除不需要的内容，或停止后更换磁盘更大的规格。
    [disk-full] 您的实例 { $instance }（{ $machine }）的一块磁盘已用 { $percent } %，超出规格。实例页面说明是哪一块。请删除不需要的内容，或停止后更换磁盘更大的规格。
    [disk-stops] 您的实例 { $instance }（{ $machine }）的一块磁盘已用 { $percent } %，超出规格。若不腾出空间，将于 { $stopsAt } 停止。实例页面说明是哪一块。请删除不需要的内容，或停止后更换磁盘更大的规格。
    [disk-stopped] 您的实例 { $instance }（{ $machine }）已停止：一块磁盘的用量长时间为 { $percent } %。数据保留。请重新启动并删除不需要的内容，或更换磁盘更大的规格。
    [split] 实例 { $instance }（{ $machine }）使用的显存超出份额，或有程序绕过了限制。该 GPU 由多个实例共用。实例页面显示当前用量，请结束部分程序，或创建份额更大的实例。
    [yes] 实例 { $instance }（{ $machine }）已失败。实例页面说明了原因，也可在那里重新启动。
   *[no] 实例 { $instance } 未能在 { $machine } 上创建。实例页面说明了原因，资源已释放。
}
mail-instance-failed-link = 打开实例
mail-instance-idle-subject = { $state ->
    [stopped] { $product }：实例 { $instance } 已停止
   *[warned] { $product }：实例 { $instance } 闲置
}
mail-instance-idle-text = { $state ->
    [stopped] 您的实例 { $instance } 自 { $since } 起闲置，已停止。数据保留，可重新启动。
   *[warned] 您的实例 { $instance } 自 { $since } 起闲置，将于 { $stopsAt } 停止。如仍需要，请使用它，或在实例页面说明保留时长和原因。
}
mail-instance-idle-link = 打开实例
mail-instance-acted-subject = { $action ->
    [start] { $product }：您的实例 { $instance } 已被启动
    [restart] { $product }：您的实例 { $instance } 已被重启
    [delete] { $product }：您的实例 { $instance } 已被删除
   *[stop] { $product }：您的实例 { $instance } 已被停止
}
mail-instance-acted-text = { $action ->
    [start] 平台工作人员启动了您的实例 { $instance }（{ $machine }）。原因：{ $word }
    [restart] 平台工作人员重启了您的实例 { $instance }（{ $machine }）。原因：{ $word }
    [delete] 平台工作人员删除了您的实例 { $instance }（{ $machine }）及其中保存的内容。原因：{ $word }
   *[stop] 平台工作人员停止了您的实例 { $instance }（{ $machine }）。其中的内容保留。原因：{ $word }
}
mail-instance-acted-link = 打开实例
mail-access-ended-subject = { $what ->
    [link] { $product }：应用 { $app } 已被移除
    [machine] { $product }：到 { $machine } 的连接已被结束
   *[other] { $product }：到实例 { $instance } 的连接已被结束
}
mail-access-ended-text = { $what ->
    [ssh] 平台工作人员结束了实例 { $instance }（{ $machine }）的一个 SSH 连接。原因：{ $word }
    [terminal] 平台工作人员结束了实例 { $instance }（{ $machine }）的一个终端。原因：{ $word }
    [app] 平台工作人员结束了实例 { $instance }（{ $machine }）的一次应用访问。原因：{ $word }
    [watch] 平台工作人员结束了对实例 { $instance }（{ $machine }）终端的旁观。原因：{ $word }
    [link] 平台工作人员移除了实例 { $instance }（{ $machine }）的应用 { $app }。实例中运行的程序会继续。原因：{ $word }
   *[machine] 平台工作人员结束了到 { $machine } 的一个 SSH 连接。原因：{ $word }
}
mail-access-ended-link = { $what ->
    [machine] 查看机器
   *[other] 打开实例
}
mail-budget-reached-subject = { $product }：预算 { $budget }
mail-budget-reached-text = { $state ->
    [stopped] 预算 { $budget }（每月 { $amount } { $currency }）已用完，运行中的实例已停止，数据保留。
    [stops] 预算 { $budget }（每月 { $amount } { $currency }）已用完：{ $spent } { $currency }。不能新建或启动实例，运行中的实例将于 { $stopsAt } 停止。请提高预算或联系设置者。
    [refuses] 预算 { $budget }（每月 { $amount } { $currency }）已用完：{ $spent } { $currency }。不能新建或启动实例，运行中的实例不受影响。
    [spent] 预算 { $budget }（每月 { $amount } { $currency }）已用完：{ $spent } { $currency }，已达 { $percent } %。不会因此停止实例。
   *[reached] 预算 { $budget }（每月 { $amount } { $currency }）已达 { $percent } %：已用 { $spent } { $currency }。
}
mail-budget-reached-link = 打开用量和费用
mail-renewal-requested-subject = { $stand ->
    [withdrawn] { $product }：{ $customer } 撤回了 { $machine } 的续期申请
   *[open] { $product }：{ $customer } 申请续期 { $machine }
}
mail-renewal-requested-text = { $stand ->
    [withdrawn] { $customer } 的 { $by } 撤回了将 { $machine } 续期至 { $endsAt } 的申请，无需答复。
   *[open] { $customer } 的 { $by } 申请将 { $machine } 续期至 { $endsAt }。
}
mail-renewal-requested-link = { $stand ->
    [withdrawn] 打开分配
   *[open] 处理申请
}
mail-allocation-waits-subject = { $product }：{ $machine } 对 { $customer } 的分配无法开始
mail-allocation-waits-text = { $state ->
    [occupied] { $machine } 原定自 { $startsAt } 起分配给 { $customer }，但尚未从上一客户回收完毕。请完成回收，或取消该分配。
    [maintenance] { $machine } 原定自 { $startsAt } 起分配给 { $customer }，但正在维护。维护结束后，分配即开始。
   *[other] { $machine } 原定自 { $startsAt } 起分配给 { $customer }，但未在服务中。请恢复服务，或取消该分配。
}
mail-allocation-waits-link = 查看分配
mail-engine-certificates-subject = { $product }：{ $machine } 的 Docker 引擎证书
mail-engine-certificates-text = { $state ->
    [ended] { $machine } 的 Docker 引擎的证书已于 { $endsAt } 失效。在保存新证书之前，平台无法连接该引擎。
   *[ending] { $machine } 的 Docker 引擎的证书将于 { $endsAt } 到期，之后平台无法连接该引擎，请在此之前保存新证书。
}
mail-engine-certificates-link = 打开连接设置
mail-engine-other-subject = { $product }：{ $machine } 上应答的是另一个 Docker 引擎
mail-engine-other-text = { $machine } 上应答的 Docker 引擎不是其实例所在的引擎。在原引擎恢复或您决定改用之前，平台不会在它上面做任何操作，实例无法访问。
mail-engine-other-link = 打开连接设置
mail-recording-stopped-subject = { $product }：{ $customer } 的会话无法录制
mail-recording-stopped-text = { $why ->
    [full] { $customer } 今天的录制空间已用完，或磁盘已满。
   *[failed] { $customer } 的录制无法写入。
}{ $then ->
    [ended] 在恢复录制之前，其会话会被结束，也不能开始新会话。
   *[unrecorded] 其会话不录制而继续；录制列表会注明。
}
mail-recording-stopped-link = 打开录制列表
mail-kind-allocation-ending = 机器即将到期
mail-kind-renewal-decided = 续期答复
mail-kind-maintenance-planned = 维护通知
mail-kind-allocation-given = 分配机器
mail-kind-allocation-delayed = 使用期推迟
mail-kind-allocation-renewed = 到期时间调整
mail-kind-allocation-grace = 进入宽限期
mail-kind-allocation-reclaimed = 回收机器
mail-kind-maintenance-cancelled = 维护取消
mail-kind-maintenance-begun = 维护开始
mail-kind-maintenance-over = 维护结束
mail-kind-invitation-accepted = 邀请已接受
mail-kind-member-added = 被加入客户
mail-kind-member-changed = 客户角色变更
mail-kind-member-removed = 被移出客户
mail-kind-customer-switched = 客户停用、启用、删除或恢复
mail-kind-roles-changed = 角色变更
mail-kind-email-changed = 邮箱变更
mail-kind-identities-changed = 登录方式变更
mail-kind-second-factor-changed = 两步验证变更
mail-kind-ssh-key-added = 新 SSH 公钥
mail-kind-api-token-made = 新 API 令牌
mail-kind-sign-in-copied = 登录被复制
mail-kind-account-switched = 账号停用或启用
mail-kind-image-reviewed = 镜像审核
mail-kind-image-acted = 平台人员使用未共享的镜像
mail-kind-instance-failed = 实例失败
mail-kind-instance-idle = 实例闲置
mail-kind-instance-acted = 平台工作人员操作实例
mail-kind-access-ended = 平台工作人员结束连接
mail-kind-budget-reached = 预算提醒
mail-kind-renewal-requested = 续期申请
mail-kind-allocation-waits = 分配无法开始
mail-kind-engine-certificates = 引擎证书
mail-kind-engine-other = 另一个引擎应答
mail-kind-recording-stopped = 无法录制的会话
notifications-webhook = Webhook
webhooks-title = Webhook
webhooks-explained = 您的通知会同时发送到以下地址，并按 Standard Webhooks（standardwebhooks.com）签名。发送哪些通知可在账号页选择。
webhooks-empty = 暂无 Webhook。
webhooks-new = 新建 Webhook
webhooks-made = 新 Webhook 的密钥
webhooks-made-hint = 消息用此密钥签名。密钥只显示这一次，请妥善保存。
webhooks-secret-hint = 以 whsec_ 开头。留空则自动生成。
channels-title = 群机器人
channels-explained = 企业微信、钉钉、飞书群可在此接收发给客户的通知：机器的分配、到期与回收，续期，维护。
channels-empty = 暂无群机器人。
channels-new = 新建群机器人
channel-kind = 类型
channel-kind-webhook = Webhook
channel-kind-wecom = 企业微信群机器人
channel-kind-dingtalk = 钉钉自定义机器人
channel-kind-feishu = 飞书自定义机器人
channel-name = 名称
channel-host = 主机
channel-number = 编号 { $n }
channel-url = 地址
channel-url-hint = 对方显示的 https:// 地址。加密保存，之后只显示主机名。
channel-url-kept = 留空则保留原地址。
channel-secret = 签名密钥
channel-secret-hint = 用于启用了加签的钉钉、飞书机器人。企业微信机器人没有密钥。
channel-secret-kept = 留空则保留原设置。
channel-secret-forget = 清除密钥：消息不再签名
channel-signature = 签名
channel-signed = 消息已签名
channel-not-signed = 消息未签名
channel-kinds = 通知内容
channel-on = 已启用
channel-off = 已停用
channel-failing = 已启用，但消息未送达
channel-failing-since = 开始失败于
channel-switched-off = 已自动停用：未送达的消息过多
channel-enabled = 启用
channel-change = 修改
channel-add = 添加
channel-test = 发送测试消息
channel-remove = 删除
channel-remove-of = 删除 { $name }
channel-remove-hint = 之后不再向它发送消息；其地址和密钥会被删除。
channel-remove-confirm = 确认删除
channel-added = 已添加。请发送测试消息，确认能够收到。
channel-saved = 已保存。
channel-removed = 已移除。
channel-message-test = 这是 { $product } 的测试消息。发送到这里的消息可以送达。
channel-message-allocation-ending = { $customer }：{ $machine } 将于 { $endsAt } 到期。
channel-message-renewal-decided = { $answer ->
    [refused] { $customer }：{ $machine } 的续期申请被拒绝：{ $word }
   *[granted] { $customer }：{ $machine } 可使用至 { $endsAt }。
}
channel-message-maintenance-planned = { $customer }：{ $machine } 将于 { $startsAt } 至 { $endsAt } 维护：{ $word }
channel-message-maintenance-begun = { $customer }：{ $machine } 的维护已开始，预计至 { $endsAt }：{ $word }
channel-message-maintenance-over = { $customer }：{ $machine } 的维护已结束。
channel-message-allocation-given = { $begins ->
    [later] { $customer }：{ $machine } 已分配，使用期为 { $startsAt } 至 { $endsAt }。
   *[now] { $customer }：{ $machine } 已分配，可使用至 { $endsAt }。
}
channel-message-allocation-delayed = { $state ->
    [occupied] { $customer }：{ $machine } 的使用期原定于 { $startsAt } 开始，但该机器尚未空出，空出后即开始。
    [maintenance] { $customer }：{ $machine } 的使用期原定于 { $startsAt } 开始，但该机器正在维护，维护结束后即开始。
   *[other] { $customer }：{ $machine } 的使用期原定于 { $startsAt } 开始，但该机器未在服务中，恢复服务后即开始。
}
channel-message-allocation-renewed = { $change ->
    [earlier] { $customer }：{ $machine } 的到期时间提前至 { $endsAt }。
   *[later] { $customer }：{ $machine } 的使用期已延长至 { $endsAt }。
}
channel-message-allocation-grace = { $customer }：{ $machine } 的使用期已结束，宽限期至 { $endsAt }。
channel-message-allocation-reclaimed = { $change ->
    [cancelled] { $customer }：{ $machine } 原定自 { $startsAt } 起的分配已取消。
   *[reclaimed] { $customer }：{ $machine } 正在回收。
}
channel-message-maintenance-cancelled = { $change ->
    [over] { $customer }：{ $machine } 的维护已提前结束（原定 { $endsAt } 结束）。
   *[off] { $customer }：{ $machine } 原定 { $startsAt } 至 { $endsAt } 的维护已取消。
}
channel-message-invitation-accepted = { $person } 已加入 { $customer }。
channel-message-image-reviewed = { $answer ->
    [rejected] { $customer }：镜像 { $image } 未通过审核：{ $word }
   *[approved] { $customer }：镜像 { $image } 已通过审核。
}
channel-test-done = 对方已接收测试消息。
channel-test-off = 通道已停用，或地址无法读取。请重新填写地址。
channel-test-name = 无法解析地址中的主机名。请检查拼写，以及本服务器能否解析域名。
channel-test-forbidden = 该地址位于内网。平台管理员可在设置中允许相应网段。
channel-test-closed = 不能向此地址发送：它是链路本地、云元数据或保留地址，任何设置都不能开放。请换一个地址。
channel-test-plain = 该地址未加密。请使用 https；仅在平台管理员允许的内网网段可使用 http。
channel-test-connect = 该地址无响应。请检查主机、端口和防火墙。
channel-test-tls = 加密连接失败。请检查对方证书是否对该域名有效，且由本服务器信任的机构签发。
channel-test-timeout = 十秒内没有响应。
channel-test-redirect = 对方要求跳转到其他地址。请直接填写目标地址：系统不跟随跳转。
channel-test-status = 对方未接收消息。请检查地址路径和对方日志。
channel-test-refused = 机器人拒绝了消息。请检查地址、签名密钥和机器人的安全设置（关键词、IP 白名单）。
deliveries-title = 发送记录
deliveries-empty = 尚未发送任何消息。
delivery-state-queued = 等待中
delivery-state-sent = 已送达
delivery-state-failed = 未送达
delivery-test = 测试消息
notifications-latest = 最新通知
