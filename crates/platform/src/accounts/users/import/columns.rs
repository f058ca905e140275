//! Columns of the workbook of people: their names in both languages, with the variants people use.

use crate::imports::columns;

columns! {
    "username" "用户名" "User name" true ["账号", "帐号", "登录名", "用户账号", "学号", "工号", "username", "user", "login", "login name", "account", "account name", "id", "user id", "student number", "employee number"];
    "displayName" "姓名" "Name" false ["显示名称", "显示名", "名称", "昵称", "真实姓名", "name to show", "display name", "full name", "real name"];
    "email" "邮箱" "E-mail" false ["电子邮箱", "电子邮件", "邮箱地址", "邮件地址", "email", "mail", "e-mail address", "email address"];
    "roles" "角色" "Roles" false ["平台角色", "角色名称", "role", "platform roles", "role name"];
    "customers" "客户" "Customers" false ["所属客户", "客户名称", "组织", "单位", "customer", "customer name", "organization", "organisation", "company"];
    "password" "初始密码" "Initial password" false ["密码", "登录密码", "password", "first password"];
}

/// Of our own export, and read only to say where somebody wrote something else in them.
pub(crate) mod compared {
    use crate::imports::columns;

    columns! {
        "state" "状态" "State" false ["账号状态", "account state"];
    }
}
