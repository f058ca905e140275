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
notifications-quiet-hint = 按您的时区计算，免打扰时段内邮件推迟发送。账号安全通知不受影响。
notification-kind-allocation-ending = 机器即将到期
notification-kind-renewal-decided = 续期申请的答复
notification-kind-maintenance-planned = 机器维护
notification-kind-invitation-accepted = 受邀者已加入
notification-kind-password-changed = 密码已修改
notification-allocation-ending = { $machine } 将于 { $endsAt } 到期。
notification-renewal-decided = { $answer ->
    [refused] { $machine } 的续期申请被拒绝：{ $word }
   *[granted] { $machine } 可使用至 { $endsAt }。
}
notification-maintenance-planned = { $machine } 将于 { $startsAt } 至 { $endsAt } 维护：{ $word }
notification-invitation-accepted = { $person } 已加入 { $customer }。
notification-password-changed = 您的密码已修改。如果不是您本人操作，请立即联系管理员。
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
mail-invitation-accepted-subject = { $product }：{ $person } 已加入 { $customer }
mail-invitation-accepted-text = { $person } 已接受邀请，成为 { $customer } 的成员。
mail-invitation-accepted-link = 查看成员
mail-kind-allocation-ending = 机器即将到期
mail-kind-renewal-decided = 续期答复
mail-kind-maintenance-planned = 维护通知
mail-kind-invitation-accepted = 邀请已接受
