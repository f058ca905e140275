# 客户的工作台与成员。
home-title = 您好，{ $name }
home-customer = 您的组织
home-customer-name = 名称
home-role = 角色
home-people = 成员
home-people-count = { $n } 人
home-machines = 机器
home-machines-empty = 目前还没有机器交付给您的组织。交付后，机器和监控会显示在这里。
customer-active = 正常
customer-disabled = 已停用
members-title = 成员
members-joined = 加入时间
