"""登录与账号."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.handbook.topics import Chapter, Step, Topic, of
from app.verbs import Verb

ACCOUNTS = Chapter(_l("登录与账号"), (
    Topic(
        "first-sign-in", _l("第一次登录"), (
            Step(_l(
                "在电脑或手机的浏览器里打开平台网址，不用安装软件。填“用户名或已绑定手机号”和“密码”；"
                "单位主账号的用户名就是统一社会信用代码。"
            )),
            Step(_l("发给您的初始密码只用来登录一次：登录后先设置自己的密码，才能继续。")),
            Step(_l("在“个人信息”里绑定手机，以后可以用手机号登录，也能自己找回密码。"), "/profile/"),
            Step(_l("首页列出最先要做的事；左边菜单按您的角色显示，没有的菜单就是没有这项权限。"), "/"),
        ),
        notes=(
            _l("连续输错密码会暂时锁定，过一会儿自动解开；等不及的请管理员解锁。"),
            _l("不要几个人共用一个账号：签到、审批都记在账号名下。"),
        ),
        pages=("/login", "/profile", "/password"),
    ),
    Topic(
        "forgotten", _l("忘记密码"), (
            Step(_l("绑定过手机的：在登录页点“找回密码”，用短信验证码设置新密码（平台接通短信时才有）。")),
            Step(_l("没有绑定手机的子用户：请本单位主账号在“我的子用户”里“重置密码”。")),
            Step(_l("单位主账号、监管人员：请区域管理员在“账号”里“重置密码”。")),
        ),
        notes=(_l("重置后的密码只显示一次，登录后必须改成自己的。"),),
        pages=("/recover",),
    ),
    Topic(
        "second-factor", _l("登录时多验证一次"), (
            Step(_l("打开“个人信息”，在“二次验证”里选一种。"), "/profile/"),
            Step(_l("“启用登录短信认证”：每次登录再输入短信验证码；须先绑定手机，并且平台接通了短信。")),
            Step(_l("“启用动态口令”：用手机上的验证器应用扫描二维码，再输入它显示的 6 位数字。")),
        ),
        notes=(_l("换手机之前先停用，在新手机上重新启用；手机丢了请管理员停用。"),),
        verbs=of(Verb.INBOX), pages=("/profile",),
    ),
    Topic(
        "notices", _l("收件箱和通知"), (
            Step(_l("要您办的、办完的事都会进“收件箱”，点开直接到那一件。"), "/inbox/"),
            Step(_l("在“通知设置”里选哪些通知再用短信、邮件等方式发给您，哪段时间免打扰。"), "/notices/"),
        ),
        notes=(_l("收件箱总会收到；困人救援等紧急的通知，免打扰时也照发。"),),
        verbs=of(Verb.INBOX), pages=("/inbox", "/notices"),
    ),
    Topic(
        "sub-accounts", _l("给本单位的人建账号"), (
            Step(_l(
                "打开“我的子用户”，点“新增子用户”，填账号、姓名，选角色。维保员要关联一位已登记作业人员证的人员。"
            ), "/sub-accounts/", unit=True),
            Step(_l("初始密码只显示这一次，当面或用别的安全方式交给本人。")),
            Step(_l("“分配电梯”：全部（以后新增的也算）、查找到的或勾选的几台；他只看到分配给他的电梯。")),
            Step(_l("在编辑里勾选权限，只能给您自己有的；还可以指定“应急角色”：困人派单的短信发给谁。")),
        ),
        notes=(
            _l("主账号不进行维保作业：签到要用维保员自己的子用户。"),
            _l("人走了就办离职或注销账号；他做过的记录都保留。"),
        ),
        verbs=of(Verb.SUBACCOUNT_EDIT), pages=("/sub-accounts",),
    ),
    Topic(
        "new-accounts", _l("给单位和监管人员建账号"), (
            Step(_l(
                "打开“账号”，点“新建单位主账号”：选单位类别，填名称、统一社会信用代码和所在地区。"
            ), "/accounts/new-unit"),
            Step(_l("监察员、下级管理员、应急坐席用“新建监管或坐席账号”：选管辖地区和角色，他只看到这个地区及下级。"),
                "/accounts/new-regulator"),
            Step(_l("初始密码只显示一次；单位自己登录后完善备案；人多的单位由它的主账号建子用户。")),
            Step(_l("忘记密码、锁定、离开的，在账号页里“重置密码”“解锁”“注销账号”。"), "/accounts/"),
        ),
        verbs=of(Verb.ACCOUNT_CREATE), pages=("/accounts", "/roles"),
    ),
))  # fmt: skip
