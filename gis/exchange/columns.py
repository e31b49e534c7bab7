"""The columns of each kind of table to load, for readers and templates."""

from gis.crs import SUPPORTED_CRS
from gis.facilities.categories import CATEGORIES
from gis.facilities.path_edits import EDIT_ZH
from gis.files import cells, dates, positions, rooms, telephones
from gis.files.column import Column
from gis.places.doors import KIND_ZH
from gis.rights.roles import ROLES

BUILDING_NAMES = ("楼栋代码", "楼栋编号", "建筑编码", "building_code")
POINT = (
    Column("lon", "经度", positions.parse_longitude, ("longitude", "lng", "x", "经度坐标", "东经"),
           "十进制度，如 105.9501；也可写 105°57′0.36″",
           "Decimal degrees, as 105.9501, or 105°57′0.36″."),
    Column("lat", "纬度", positions.parse_latitude, ("latitude", "y", "纬度坐标", "北纬"),
           "十进制度，如 26.2302；也可写 26°13′48.7″",
           "Decimal degrees, as 26.2302, or 26°13′48.7″."),
    Column("crs", "坐标系", cells.parse_crs, ("坐标系统", "坐标类型", "坐标来源", "地图"),
           "填了经纬度就必须填，没有默认值。微信、高德、腾讯：gcj02；百度：bd09；GPS：wgs84",
           "Needed with a point; no default."
           " WeChat, AMap, Tencent: gcj02; Baidu: bd09; GPS: wgs84.",
           choices=SUPPORTED_CRS),
)  # fmt: skip

HOUSEHOLDS = (
    Column("building", "楼栋编码", cells.parse_code, BUILDING_NAMES,
           "如 w123；没有编码时填小区和楼栋，或填经纬度",
           "As w123; or fill in estate and building name, or a point."),
    Column("estate", "小区", cells.parse_text,
           ("小区名", "所属小区", "居住小区", "小区名称", "院落", "compound"),
           "小区名称，与楼栋一起填", "Name of the compound, with the building name."),
    Column("building_name", "楼栋", rooms.parse_building_name,
           ("楼幢", "栋", "幢", "楼宇", "所在楼栋", "楼号", "栋号", "幢号", "楼栋号", "楼栋名称"),
           "门牌上的写法，如 3号楼", "As at the door: 3号楼."),
    *POINT,
    Column("stairwell", "单元", rooms.parse_stairwell, ("单元号", "梯"),
           "如 2；不分单元时留空", "Stairwell, as 2; empty when there is none."),
    Column("floor", "楼层", cells.parse_integer, ("层", "所在楼层"),
           "从 1 起；留空时从房号（如 501）读出",
           "Storey, from 1; empty: read from a room such as 501."),
    Column("room", "房号", rooms.parse_room,
           ("门牌号", "房间号码", "房屋号", "房间号", "室", "门牌", "房间", "室号"),
           "门牌上的写法，如 501；2-501 读作 2 单元 501；一行一户；独户的房子填 1",
           "As at the door: 501; 2-501 is room 501 of stairwell 2; one home a row;"
           " 1 for a house of one home.", needed=True),
    Column("people", "人数", cells.parse_count,
           ("居住人数", "实住人数", "现住人数", "家庭人数", "人口总数", "家庭人口数", "人口",
            "人口数", "家庭人口", "常住人口", "residents"),
           "居住人数，0 到 99；不填姓名", "How many live there, 0 to 99; no names.",
           needed=True, each=True),
    Column("elders", "老人数", cells.parse_count,
           ("老年人数", "老年人口", "老年人口数", "老年人", "60岁以上人数", "60周岁以上人数",
            "六十岁以上人数"),
           "其中满六十周岁的人数；不知道时留空，没有填 0",
           "How many of them are sixty or older; empty: not known; 0: none.", each=True),
    Column("unit", "十联户编码", cells.parse_code,
           ("十联户", "十联户代码", "联户编码", "联户单元编码", "unit_code"),
           "网格编码加 2 或 3 位数字；没有的会新建；留空则不变",
           "The grid's code and 2 or 3 digits; new ones are made; empty leaves it as it is."),
    Column("unit_name", "十联户名称", cells.parse_text, ("联户名称", "联户单元名称"),
           "新建十联户的名称，可不填", "Name of a new unit, if it is to have one."),
)  # fmt: skip

# Headers of the end of a term, with remarks that say whether the day itself still counts.
ENDS = (
    "至", "到", "止", "结束日期", "结束时间", "终止日期", "截止日期", "离任日期", "离任时间",
    "卸任日期",
)  # fmt: skip
EXCLUSIVE = ("不含当天", "不含当日", "不含", "不包括当天")
INCLUSIVE = ("含当天", "含当日", "含", "包括当天")

PEOPLE = (
    Column("person", "工号", cells.parse_code,
           ("人员编码", "人员编号", "员工编号", "任职人工号", "person_code", "code", "holder"),
           "人员的唯一编号；填了岗位而留空表示空缺",
           "Staff number, one for each person; empty with a role: vacant.", needed=True),
    Column("name", "姓名", cells.parse_person_name, ("人员姓名", "任职人", "holder_name"),
           "新人员必填", "Needed for a new person."),
    Column("phone", "电话", telephones.parse_telephone,
           ("手机", "手机号", "手机号码", "联系电话", "telephone", "mobile"),
           "值班电话", "Duty telephone."),
    Column("role", "岗位", cells.parse_text, ("角色", "职务", "岗位名称", "post"),
           "从列表中选；只登记人员（如代理人）时留空",
           "One of the list; empty: only enters the person, as a deputy.",
           choices=tuple(role.zh for role in ROLES)),
    Column("area", "区域编码", cells.parse_code,
           ("网格编码", "区域代码", "区域", "负责区域", "area_code"),
           "岗位所在的十联户、网格、社区、街道或区县的编码",
           "Code of the unit, grid, community, street or county of the post."),
    Column("building", "楼栋编码", cells.parse_code, BUILDING_NAMES,
           "楼栋一级的岗位填这里，不填区域编码",
           "For posts of a building, in place of the area's code."),
    Column("deputy", "代理人工号", cells.parse_code,
           ("代理人", "代理人编号", "副职工号", "deputy_code"),
           "请假或空缺时的代理人，须在本表中或已登记",
           "Who stands in; in this table or known already."),
    Column("kind", "类型", cells.parse_text, ("行类型", "type"),
           "任职（可不填）或请假；请假行只填工号、自、至",
           "post (or empty) or leave; a leave has person, from and to.", choices=("任职", "请假")),
    Column("from", "自", dates.parse_first_day,
           ("起", "任职日期", "任职时间", "开始日期", "开始时间", "起始日期", "起始时间",
            "上岗日期", "请假开始", "start", "valid_from"),
           "首日，如 2026-03-01；留空：原有的不变，新的从导入时起",
           "First day, as 2026-03-01; empty: as it is, new ones from the moment of loading."),
    Column("to", "至（不含当天）", dates.parse_end_day,
           ("离任日期", "离任时间", "卸任日期", "返岗日期", "返岗时间", "销假日期", "销假时间",
            "valid_to", *(f"{end}（{remark}）" for end in ENDS for remark in EXCLUSIVE)),
           "从这一天起不再任职或已返岗；留空：至接任者首日，或不变；仍在任可写 至今",
           "The day from which it holds no longer; empty: until a successor, or as it is;"
           " 至今: without an end."),
    Column("last_day", "结束日期（含当天）", dates.parse_last_day,
           ("结束日期", "结束时间", "终止日期", "截止日期", "止", "任期止", "请假结束", "end",
            "end_date", *(f"{end}（{remark}）" for end in ENDS for remark in INCLUSIVE)),
           "任职或请假的最后一天；与“至”只填一个",
           "The last day, which still counts; give this or the one before, not both."),
)  # fmt: skip

FACILITIES = (
    Column("code", "编码", cells.parse_code,
           ("设施编码", "设施代码", "设施编号", "代码", "编号", "facility_code"),
           "唯一且不变的编码", "A code of its own, which it keeps.", needed=True),
    Column("name", "名称", cells.parse_text, ("设施名称", "设施"),
           "门头上的名称", "As signed at the door.", needed=True),
    Column("category", "类别", cells.parse_text, ("设施类别", "类型", "分类", "type"),
           "从列表中选", "One of the list.",
           needed=True, choices=tuple(category.zh for category in CATEGORIES)),
    *POINT,
    Column("address", "地址", cells.parse_text, ("详细地址", "门牌地址", "位置"),
           "没有经纬度时按地址找楼栋，如 桂花苑3号楼",
           "Finds the building when there is no point, as 桂花苑3号楼."),
    Column("opening_hours", "开放时间", cells.parse_text, ("营业时间", "服务时间", "hours"),
           "如 Mo-Fr 09:00-17:00", "As Mo-Fr 09:00-17:00 (the OSM way of writing)."),
    Column("contact", "联系电话", telephones.parse_telephone, ("电话", "联系方式", "phone"),
           "对外电话", "Public telephone."),
    Column("capacity", "容量", cells.parse_count,
           ("床位", "床位数", "学位", "学位数", "座位数", "医生数", "服务能力", "beds", "places",
            "doctors"),
           "养老服务、医院填床位，卫生服务填医生人数，幼儿园、学校填学位，其他填座位；不知道时留空",
           "Beds (care, hospitals), doctors (clinics), places (all others); empty: not known.",
           each=True),
)  # fmt: skip

ENTRANCES = (
    Column("code", "编码", cells.parse_code,
           ("出入口编码", "出入口编号", "编号", "代码", "entrance_code"),
           "同一楼栋或设施内不重复", "A code of its own within its building or facility.",
           needed=True),
    Column("building", "楼栋编码", cells.parse_code, BUILDING_NAMES,
           "与设施编码二选一", "Either the building or the facility."),
    Column("facility", "设施编码", cells.parse_code, ("设施代码", "设施编号", "facility_code"),
           "与楼栋编码二选一", "Either the building or the facility."),
    *POINT,
    Column("kind", "类型", cells.parse_text, ("出入口类型", "type"),
           "从列表中选；留空为次入口", "One of the list; empty: a side door.",
           choices=tuple(KIND_ZH.values())),
    Column("hours", "开放时间", cells.parse_text, ("通行时间", "opening_hours"),
           "如 06:00-22:00", "As 06:00-22:00 or Mo-Fr 08:00-18:00."),
    Column("note", "备注", cells.parse_text, ("说明", "remark"),
           "可不填", "What else is to be said of it."),
)  # fmt: skip

EDITS = (
    Column("code", "编码", cells.parse_code, ("编号", "代码", "edit_code"),
           "每条修改一个编码，不重复", "A code of its own.", needed=True),
    Column("kind", "类型", cells.parse_text, ("修改类型", "type"),
           "从列表中选：封闭、新增或门", "One of the list: close, add or gate.",
           needed=True, choices=tuple(EDIT_ZH.values())),
    *POINT,
    Column("line", "线", cells.parse_text, ("坐标串", "路线", "linestring"),
           "新增的路必填，封闭一段路可填：LINESTRING (经度 纬度, 经度 纬度)，坐标系同上",
           "Of an added path, or along closed ones: LINESTRING (lon lat, lon lat), of the same"
           " system."),
    Column("hours", "开放时间", cells.parse_text, ("通行时间", "opening_hours"),
           "门必填，如 06:00-22:00 或 关闭", "Of a gate: as 06:00-22:00, or closed."),
    Column("reason", "原因", cells.parse_text, ("说明", "备注", "note"),
           "可不填", "Why."),
    Column("from_at", "开始时间", cells.parse_moment, ("生效时间", "from"),
           "如 2026-03-01 或 2026-03-01 08:00；留空为立即生效",
           "As 2026-03-01 or 2026-03-01 08:00; empty: at once."),
    Column("until_at", "结束时间", cells.parse_moment, ("失效时间", "until"),
           "到这一刻为止；留空为长期", "Until that moment; empty: without end."),
)  # fmt: skip

# Places where a facility could stand; `./wangge siting --candidates` reads them.
CANDIDATES = (
    Column("code", "编码", cells.parse_code,
           ("地块编号", "地块编码", "房间编号", "编号", "代码", "candidate_code", "id"),
           "地块或空置房屋的编号", "Number of the parcel or vacant room.", needed=True),
    Column("name", "名称", cells.parse_text, ("地块名称", "房间名称"),
           "便于辨认的名称", "By which it is known."),
    *POINT,
    Column("address", "地址", cells.parse_text, ("详细地址", "门牌地址", "位置"),
           "没有经纬度时按地址找楼栋，如 桂花苑3号楼",
           "Finds the building when there is no point, as 桂花苑3号楼."),
)  # fmt: skip

# For the template only. Grids are loaded from maps whose attributes have these names, other levels
# also from tables; gis/exchange/areas.py lists what is read.
AREAS = (
    Column("code", "编码", cells.parse_code, ("网格编码",),
           "社区编码加 3 位数字，如 520402007004003", "The community's code and 3 digits.",
           needed=True),
    Column("name", "名称", cells.parse_text, ("网格名称",),
           "如 学苑第三网格", "As 学苑第三网格.", needed=True),
    Column("community_code", "社区编码", cells.parse_code, (),
           "12 位，如 520402007004", "12 digits, as 520402007004."),
    Column("community_name", "社区名称", cells.parse_text, (),
           "如 学苑社区", "As 学苑社区."),
    Column("parent", "上级编码", cells.parse_code, (),
           "其他层级：上一级的编码", "Other levels: the code of the level above."),
)  # fmt: skip

INCIDENTS = (
    Column("external_id", "编号", cells.parse_code,
           ("工单号", "工单编号", "事件编号", "案件编号", "外部编号", "id", "case_id"),
           "原系统中的编号，不重复；同一编号只导入一次",
           "Its number in the other system; the same is loaded once."),
    Column("reported_at", "上报时间", dates.parse_first_day,
           ("时间", "受理时间", "来电时间", "发生时间", "reported", "time", "date"),
           "如 2026-03-01 08:30；留空：导入时",
           "As 2026-03-01 08:30; empty: the moment of loading."),
    Column("category", "类别", cells.parse_code,
           ("事件类别", "类型", "分类", "小类", "事件类型", "问题类型", "type"),
           "类别代码或名称，如 06010 或 暴露垃圾；留空时按描述归类",
           "Code or name in the catalogue; empty: told from the description."),
    Column("description", "描述", cells.clean_text,
           ("内容", "事件描述", "问题描述", "诉求内容", "情况", "words", "details"),
           "发生了什么；不填姓名和电话", "What happened; no names or telephone numbers.",
           needed=True),
    *POINT,
    Column("address", "地址", cells.parse_text,
           ("详细地址", "位置", "地点", "事发地址", "发生地点"),
           "没有经纬度时按地址找楼栋，如 桂花苑3号楼2单元501室",
           "Finds the building when there is no point; decides the unit when there is."),
    Column("area", "区域编码", cells.parse_code, ("网格编码", "区域代码", "区域", "area_code"),
           "没有经纬度和地址时：网格、十联户或社区的编码",
           "Where there is neither: code of a grid, unit or community."),
    Column("severity", "等级", cells.parse_text, ("紧急程度", "严重程度", "优先级", "priority"),
           "低、一般、高、紧急；留空按类别",
           "low, normal, high, urgent; empty: as the category says.",
           choices=("低", "一般", "高", "紧急")),
    Column("channel", "渠道", cells.parse_text, ("来源", "上报渠道", "问题来源", "source"),
           "留空为导入", "Way it came in; empty: import.",
           choices=("小程序", "网页", "电话", "来访", "巡查", "啄木鸟")),
    Column("state", "状态", cells.parse_text,
           ("工单状态", "事件状态", "办理状态", "状态名称", "status"),
           "在办的才能导入；已办结的一行会被退回",
           "Only open matters are loaded; a finished one is refused."),
    Column("closed_at", "办结时间", cells.parse_text,
           ("结案时间", "完成时间", "处结时间", "closed"),
           "在办的留空", "Empty for open matters."),
)  # fmt: skip

KINDS = {
    "households": HOUSEHOLDS,
    "people": PEOPLE,
    "facilities": FACILITIES,
    "entrances": ENTRANCES,
    "edits": EDITS,
    "areas": AREAS,
    "incidents": INCIDENTS,
}
