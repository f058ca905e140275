# 管理端首页。
dashboard-title = 概览
dashboard-lent = 已分配机器
dashboard-free = 空闲机器
dashboard-customers = 活跃客户
dashboard-ending = { $days } 天内到期
dashboard-renewals = 待处理续期
dashboard-trend = GPU 趋势
dashboard-range = 时间范围
dashboard-range-24h = 24 小时
dashboard-range-7d = 7 天
dashboard-largest = 使用 GPU 最多的客户
dashboard-largest-none = 目前没有客户使用机器。
dashboard-customer-machines = 机器
dashboard-customer-gpus = GPU（检测到或登记）
dashboard-expiring = 即将到期
dashboard-expiring-none = 没有即将到期的分配。
dashboard-activities = 最近活动
dashboard-activities-none = 还没有活动。
dashboard-all = 全部
dashboard-empty = 还没有机器。接入一台主机即可开始。
# 统计工作簿。
statistics-resources = 机器使用统计
statistics-customers = 客户使用统计
statistics-usage = 按月使用统计
statistics-month = 月份（UTC）
statistics-lent-percent = 出租率（%）
