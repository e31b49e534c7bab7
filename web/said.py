"""Refusals in Chinese: the one table from what was refused to the sentence that pages show in place of the English.

The first sentence of `SENTENCES` whose pattern fits counts, then the field's, then the kind's. Problems carry it as
`zh`, beside `detail`, which stays in English for programs.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gis.errors import FieldError
from gis.incidents.states import STATES, TRANSITIONS

# key in a message -> its words
MOVE = {name: move.zh for name, move in TRANSITIONS.items()}
REQUEST = {"suspend": "挂账", "extend": "延时", "void": "作废", "limit": "调整时限"}
ACTION = {
    "incident.report": "上报", "incident.read": "查看事件", "incident.note": "补充", "incident.rate": "评价",
    "incident.handle": "处理事件", "incident.dispatch": "派单", "incident.approve": "审批", "incident.supervise": "督办",
    "contacts.read": "查看联系方式", "names.read": "查看姓名", "reports.read": "查看统计", "export": "导出",
    "history.read": "查看历史", "boundary.draft": "起草边界", "boundary.publish": "发布边界", "posts.hand_over": "移交岗位",
    "rules.edit": "修改路由规则", "accounts.manage": "管理账号",
}  # fmt: skip
FIELD = {
    "note": "说明", "description": "描述", "name": "姓名或名称", "phone": "电话", "email": "邮箱", "address": "地址",
    "category": "类别", "severity": "紧急程度", "channel": "渠道", "way": "派单方式", "area": "区域", "state": "状态",
    "colour": "时限颜色", "sort": "排序", "words": "关键词", "since": "起始时间", "until": "截止时间", "at": "时间",
    "minutes": "工作分钟数", "rating": "评分", "parent": "关联事件", "to": "派给的人", "role": "角色", "lon": "经度",
    "lat": "纬度", "crs": "坐标系", "attributes": "补充问题", "photo": "照片", "photos": "照片", "file": "文件",
    "json": "提交的内容", "body": "提交的内容", "move": "操作", "username": "用户名", "password": "密码", "q": "搜索词",
    "limit": "条数", "per": "分组", "days": "天数", "set": "规则集", "rules": "规则", "code": "代码",
    "reason": "理由", "kind": "种类", "who": "何人", "incident": "事件",
}  # fmt: skip

# pattern of the English detail -> sentence; {1} is the first group, looked up in WORDS
SENTENCES = tuple(
    (re.compile(pattern), zh)
    for pattern, zh in {
        r"(\w+): cannot be done to an incident that is [\w ]+ \((\w+)\), and a request \((\w+)\) waits":
            "现在不能{1}：该事件{2}，且有{3}申请待审批。",
        r"(\w+): cannot be done to an incident that is [\w ]+ \((\w+)\)": "现在不能{1}：该事件{2}。",
        r"The service takes no changes": "服务暂时不能保存任何内容，刚才的没有保存；请告知管理员，稍后再试。",
        r"The disk of the service is full": "服务器磁盘已满，内容没有保存；请告知管理员，稍后再试。",
        r"(\w+): whoever asked cannot approve it":
            "不能{1}：申请人不能审批自己的申请，须由本区域另一位有派单权限的账号审批。没有这样的账号时，请管理员增设，或撤回申请。",
        r"the incident is at version": "该事件刚有新的变化，请看过后再试。",
        r"(\w+): the incident repeats another": "不能{1}：该事件已并入另一事件，随其办理；请办理那一件，或先拆案。",
        r"nobody takes orders for": "附近没有人接这类点单，请派给责任人。",
        r"release: the incident is not supervised": "该事件没有被督办。",
        r"link: a request \((\w+)\) waits": "有{1}申请待审批，请先审批再并案。",
        r"parent: that incident repeats": "要并入的事件本身已并入另一事件，请并入那一件。",
        r"parent: that incident is closed": "要并入的事件已结案或作废，或不在本县；只能并入在办的事件。",
        r"parent: is the incident itself": "不能并入自己。",
        r"unlink: the incident is not linked": "该事件没有并入其他事件。",
        r"there is no such incident": "没有这个事件，或您看不到它。",
        r"there is no such photo": "没有这张照片，或您看不到它。",
        r"the set is in force already": "这套规则已在使用。",
        r"name: the set .* is or was in force": "同名的规则集在用或用过，请换一个名称。",
        r"there is no rule set": "没有这套规则。",
        r"rules hold in every county": "路由规则对所有县生效，只有管理所有县的人可以启用。",
        r"routing rules are not shown": "您无权查看路由规则。",
        r"no routing rules are in force": "还没有启用路由规则，请联系管理员。",
        r"no catalogue is loaded": "还没有载入事件类别，请联系管理员。",
        r"the desk is for those who": "调度台供派单和查看事件的人使用。",
        r"keys are for administrators": "程序密钥由总管理员管理。",
        r"no account is named": "没有这个账号。",
        r"there is a key named": "已有同名的密钥。",
        r"change the first password": "请先修改初始密码。",
        r"the form is no longer valid": "表单已失效，请刷新页面后再提交一次。",
        r"the key is not valid": "密钥无效：可能输错、过期或已被撤销。",
        r"the identity provider cannot be reached": "统一身份认证暂时连不上，请稍后再试，或用密码登录。",
        r"signing in at an identity provider is not set up": "这里没有接入统一身份认证。",
        r"([\w.]+) is not allowed to": "您在这里无权{1}。",
        r"there is nothing at this address": "这个网址没有内容。",
        r"nothing is loaded yet": "还没有载入数据。",
        r"lon: is missing; send": "请在地图上选点，或填写地址。",
        r"area: no area": "没有这个代码的区域。",
        r"category: .* is no category": "没有这个类别，请重新选择。",
        r"address: .* names no building": "按这个地址找不到楼栋，请在地图上选点。",
        r"address: .* may mean several places": "这个地址可能指几个地方，请写明小区或社区，或在地图上选点。",
        r"to: nobody with the code": "此人不在该处任职，也不接这里的点单。",
        r"way: this category asks for no skill": "这个类别不能作为点单推送，请派给人或角色。",
        r"minutes: must be": "工作分钟数须大于 0，且不超过上限。",
        r"rating: must be": "请评 1 到 5 分。",
        r"photos?(\[\d+\])?:? there are": "照片太多了。",
        r"photos?(\[\d+\])?:? (has|is|a photo)": "照片没有被接受，请换一张 JPEG、PNG 或 WebP 照片。",
        r"reason: .* says nothing": "理由太短，请写明为什么需要联系方式。",
        r"reason: has [\d,]+ characters": "理由太长，请精简到 400 字以内。",
        r"kind: .* is none of": "没有这个种类。",
        r"until: must be after since": "截止时间须晚于起始时间。",
        r"(file: )?.*is empty$": "文件是空的。",
        r"(?:[\w-]+(?:\.[\w-]+)*): is missing; say why": "请写明原因。",
    }.items()
)  # fmt: skip

# the same for boundaries; {=1} is the first group as it stands: a code, a number or a place
AT, CODE = r"([\d.]+, [\d.]+)", r"([\w, ]+?)"
BOUNDARIES = tuple(
    (re.compile(pattern), zh)
    for pattern, zh in {
        rf"the border of {CODE} would cross itself at {AT}": "边界会在 {=2} 处自相交叉，请少移动一些。",
        rf"borders would cross at {AT}": "边界会在 {=1} 处相互交叉；边界之间请留出一米，或让它们重合。",
        rf"the borders at {AT} are too fine": "{=1} 处的边界太细，无法在此切分，请把线移开约一米。",
        rf"the vertex at {AT} is on the outline of the land": "{=1} 处的顶点在外轮廓上，不能移动；请移动网格之间的边界，或新增空地网格。",
        rf"from: no border has a vertex at {AT}": "{=1} 处没有边界顶点，请刷新后再试。",
        r"edge: no border has this edge": "没有这条边，请刷新后再试。",
        rf"line: crosses itself near {AT}": "画的线在 {=1} 处自相交叉，请不要绕圈。",
        r"line: begins and ends in one point": "线的起点和终点重合，请横穿网格画线。",
        rf"the line does not cross {CODE};": "画的线没有穿过网格，请从边界画到边界。",
        rf"the line ends inside {CODE}, at {AT}": "画的线在网格内 {=2} 处中断，请从边界画到边界。",
        rf"the line does not part {CODE}": "画的线没有把网格分开，请从边界的一端画到另一端。",
        rf"the line leaves no land to {CODE};": "这样画{=1}就没有土地了，请改用合并。",
        rf"{CODE} and {CODE} share no border": "{=1} 与 {=2} 不相邻，请选择两个相邻网格。",
        rf"{CODE} would fall apart: ([\d,]+) m² at {AT}": "{=1} 会被分成不相连的几块（{=3} 处有 {=2} 平方米）；请画成一整块，或允许分块。",
        rf".*a sliver ([\d.]+) m wide at {AT}": "{=2} 处会留下仅宽 {=1} 米的狭条，请沿边界画，或离边界一米以上。",
        rf"{CODE} do not border on each other": "这些网格不相邻，请合并相邻网格，或允许分块。",
        rf"{CODE} would have no land left": "{=1} 会没有土地，请改为与相邻网格合并。",
        rf"the outline leaves the land by ([\d,]+) m² at {AT}": "新边界在 {=2} 处超出现有范围 {=1} 平方米；请沿外轮廓画，或先新增空地网格。",
        rf"no neighbour borders on what {CODE} loses": "没有相邻网格可以接收让出的土地，请保留在原网格内。",
        rf"the region at {AT} holds no land": "圈出的范围里没有其他网格的土地，请画在相邻网格上。",
        rf"there is no free land at {AT}": "{=1} 处没有空地，请改用拆分。",
        rf"the free land at {AT} is too narrow": "{=1} 处的空地太窄，不能单独成为网格。",
        r"codes: (\d+) codes for (\d+) parts": "分成了 {=2} 块，但给了 {=1} 个编码。",
        rf"\w+: {CODE}: used already": "编码 {=1} 已经用过；编码从不重复使用，请另取一个。",
        rf"\w+: {CODE}: reserved by draft (\d+)": "编码 {=1} 已被草案 {=2} 预留；请另取一个，或留空自动编号。",
        rf"{CODE}\S*: used by another publication since": "编码 {=1} 已被之后发布的修订使用；请撤销该步，另取编码。",
        r"the land around was redrawn since": "周边边界已经调整，重做后的结果与草案不同；请变基并重新核对。",
        rf"([\d,]+) m² would belong to no grid any more, near {AT}": "{=1} 平方米将不再属于任何网格（{=2} 附近）；请变基并重新核对。",
        rf"([\d,]+) m² belong to grid {CODE} of another county, near {AT}": "{=1} 平方米属于另一区县的网格 {=2}（{=3} 附近）；请画到它的边界为止。",
        rf"([\d,]+) m² belong to no grid of this draft.*near {AT}": "{=1} 平方米不是本草案各网格的土地（{=2} 附近）；请变基并重新核对。",
        r"\w+: crosses borders more than": "画的线与边界交叉太多，或贴得太近；请减少拐点。",
        rf"\w+: {CODE} does not begin with the code of its community": "编码 {=1} 与所属社区的编码不符。",
        r"parent: the grids lie in": "这些网格属于不同社区，请指明合并后归哪个社区。",
        rf"into: {CODE} is not of community": "保留的网格 {=1} 不属于指定的社区。",
        r"op: the grids lie in": "一次只能编辑一个县的边界。",
        r"title: say in": "请用 200 字以内说明调整内容。",
        r"reason: say in": "请填写发布理由（1000 字以内）。",
        r"effective: .* is past": "生效时间已过；边界只能现在或将来生效。",
        rf"{CODE} was redrawn by revision (\d+)": "{=1} 已在修订 {=2} 中调整，请先变基。",
        r"redrawn since by somebody else": "草案涉及的网格已被他人调整，请变基并重新核对。",
        r"redrawn since:": "这些网格之后又调整过，请先撤销后来的修订。",
        r"step (\d+) does not fit": "第 {=1} 步与现在的边界不符；请撤销该步并重新绘制。",
        rf"{CODE} has a boundary that holds from (\S+?)[;,]": "{=1} 已有计划于 {=2} 生效的边界；请选择在那之后生效。",
        r"revision (\d+) is drawn by somebody else": "这是他人的草案，请另建自己的草案。",
        r"revision (\d+) is (draft|published|withdrawn)": "修订 {=1} 已不是可用的状态，请刷新。",
        r"the draft has version": "草案刚有新的变化，请刷新后再试。",
        r"a draft is published by somebody else": "本地规定草案须由他人复核发布，请同事查看。",
        r"draft (\d+) has no operations": "草案里还没有改动。",
        r"draft (\d+) changes nothing": "草案没有实际改动：各步相互抵消。",
        rf"(\d+) households would belong to no grid, near {AT}": "{=1} 户将不属于任何网格（{=2} 附近）；请与相邻网格合并，或指定接收的网格。",
        r"there is no boundary revision": "没有这个边界修订，或您看不到它。",
        rf"no grid with land has the code {CODE};": "没有编码为 {=1} 的网格。",
        r"there is no grid at this place": "这里没有网格。",
        r"(\d+) refused; no draft was made": "文件有 {=1} 处问题，没有生成草案。",
        r"(boundaries are|boundary)": "边界须通过修订来调整。",
    }.items()
)  # fmt: skip

# pattern of a field's message -> sentence about the field
ABOUT = tuple(
    (re.compile(pattern), zh)
    for pattern, zh in {
        r"is missing|Field required|was not provided|is empty": "{field}没有填写。",
        r"has [\d,]+ characters|is longer than|String should have at most": "{field}太长了。",
        r"holds a NUL": "{field}中有无法保存的字符，请删去。",
        r"is not a channel of yours": "{field}与您的身份不符，请留空。",
        r"is set by the rules": "{field}由规则和派单人员确定，请不要填写。",
        r"is no question of category": "{field}中有该类别没有的问题，请删去。",
        r"has [\d,]+ bytes; at most": "{field}内容太多了。",
        r"is beyond the numbers|is not a finite number|is not a number|should be a valid number": "{field}的数值不对。",
        r".* is not a (time|moment)": "{field}不是有效的时间。",
        r".* is none of |.* is neither |.*is no role|Input should be": "{field}的值不对，请重新选择。",
        r"Extra inputs": "提交的内容有多余的项，请刷新页面后再试。",
    }.items()
)

KIND = {
    "invalid-input": "填写的内容有误，请检查后再试。",
    "not-found": "没有找到。",
    "outside-grids": "这个位置不在任何网格内。",
    "conflict": "与现在的情况不符，请刷新后再试。",
    "sign-in-needed": "请先登录。",
    "not-allowed": "您无权进行这项操作。",
    "too-many": "操作太频繁，请稍后再试。",
    "too-large": "内容太大了。",
    "not-available": "服务暂时不可用，请稍后再试。",
    "bad-request": "无法处理这项请求。",
}
STATUS = {400: "请求无法读取，请刷新页面后再试。", 404: "这个网址没有内容。", 408: "内容没有及时传完，请再试一次。", 405: "这个网址不接受这种操作。",
          413: KIND["too-large"], 415: "提交的内容格式不对。"}  # fmt: skip
WORDS: dict[str, str] = MOVE | REQUEST | ACTION | {zh: zh for zh, _en in STATES.values()}


def chinese(
    kind: str, status: int, detail: str, errors: Iterable[FieldError] = (), extra: Mapping[str, Any] | None = None
) -> str:
    """A refusal as one or more Chinese sentences; always something, never English.

    Args:
        kind: What the problem's `type` ends with, or about:blank.
        detail, errors, extra: As in the problem.
    """
    if kind == "too-many" and isinstance(wait := (extra or {}).get("retry_after"), int):
        return f"操作太频繁，请 {wait} 秒后再试。" if wait < 120 else f"操作太频繁，请 {-(-wait // 60)} 分钟后再试。"
    if kind == "outside-grids":
        return KIND[kind]
    for pattern, zh in (*SENTENCES, *BOUNDARIES):
        if found := pattern.match(detail):
            return re.sub(r"\{(=?)(\d)\}", lambda place: _filled(found[int(place[2])], bool(place[1])), zh)
    about = list(dict.fromkeys(filter(None, map(_about, errors))))[:3]
    return (
        "".join(about)
        or KIND.get(kind)
        or STATUS.get(status)
        or ("系统出错，请稍后再试。" if status >= 500 else KIND["bad-request"])
    )


def _filled(given: str, as_it_stands: bool) -> str:
    return given if as_it_stands else WORDS.get(given, "进行这项操作")


def _about(error: FieldError) -> str:
    """What is wrong with one field; nothing where it is not known."""
    head = re.split(r"[.\[ ]", error.field)[0]
    if head in ("Idempotency-Key", "If-Match", "cursor"):
        return "页面已过时，请刷新后再试。"
    zh = next((zh for pattern, zh in ABOUT if pattern.match(error.message)), "{field}不对，请检查。")
    return zh.format(field=FIELD[head]) if head in FIELD else ""
