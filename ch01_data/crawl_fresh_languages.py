"""Six more languages for the family `fresh`, three scripts among them.

Plain data, as in crawl_languages. Swahili has no mark on any letter, Danish has few,
and Thai sets no space between words.
"""

from ch01_data.templates import grammar

DANISH = grammar(
    """
Da {name} kom hjem {when}, stod {thing} midt i {room}.
Ifølge {source} bliver {goods} dyrere igen {soon}.
Der er kun {3..45} kilometer fra {place} til {place}, men {reason}.
Hvorfor har {name} gemt {thing} bag {building}?
{name} har boet i {place} siden {1948..2012} og kender alle på vejen.
Kommunen overvejer at rive {building} ned, fordi {reason}.
Vi spiste {food} og {food}, mens {name} fortalte om {topic}.
Har nogen set {thing}, som jeg lånte {when}?
Til {event} i {place} kom der {20..900} mennesker, selv om {reason}.
Hver morgen går {name} en tur langs {water} og tænker på {topic}.
Jeg vidste ikke, at {building} blev bygget i {1790..1985}.
""",
    name="Søren | min mormor | Kirsten | naboen | Jørgen | vores lærer | Åse",
    when="i aftes | i går | sidste lørdag | lige før jul",
    soon="til foråret | næste år | efter nytår",
    thing="en gammel cykel | det grønne skab | tre sække kartofler"
    " | et knækket spejl | paraplyen",
    room="køkkenet | gangen | haven | kælderen | stuen",
    source="avisen | ministeriet | en ny undersøgelse | fiskerne",
    goods="smørret | færgebilletten | benzinen | strømmen",
    place="Aarhus | Svendborg | Ribe | Helsingør | Aalborg | Rønne",
    reason="det er dyrt | bussen kører sjældent | vejen er dårlig | alle har travlt",
    building="den gamle mølle | skolen | biblioteket | kirketårnet | fyrtårnet",
    food="rugbrød | stegt flæsk | æblekage | sild | rødgrød med fløde",
    topic="krigens tid | den store storm | sin første kæreste | havet",
    event="høstfesten | markedet | åbningen | kapsejladsen",
    water="åen | stranden | havnen | søen",
)

CATALAN = grammar(
    """
{name} va trobar {thing} {where} i no va dir res a ningú.
Segons {source}, el preu de {goods} ha pujat un {2..40} per cent {since}.
Si {condition}, anirem a {place} amb {vehicle}.
Per què {name} ha deixat {thing} {where}?
L'any {1790..1985} encara hi havia {building} al costat del riu.
Cada {day} {name} compra {2..12} {fruit} al mercat de {place}.
A {place} mengem {food} i després {food}, encara que {condition}.
{name} va néixer a {place} i viu aquí des de fa {3..60} anys.
Avui l'àvia ens ha explicat com {memory}.
Diuen que tancaran {building} perquè {reason}.
Quan arribi {season}, {name} tornarà a {place} per {purpose}.
""",
    name="en Jordi | la Montserrat | el meu oncle | la veïna | en Lluís | la mestra",
    thing="una clau rovellada | el paraigua vermell | dues capses de botons"
    " | un mapa antic | la guitarra",
    where="sota el llit | darrere de l'església | al terrat | dins del pou",
    source="el diari | l'ajuntament | un estudi nou | els pagesos",
    goods="l'oli | la llum | les taronges | la benzina | l'arròs",
    since="des de l'estiu | en dos anys | des del gener",
    condition="plou | fa massa vent | no hi ha trens | tothom té pressa",
    place="Girona | Reus | Vic | Tortosa | Figueres | Lleida",
    vehicle="el tren | la furgoneta | l'autobús | la barca",
    building="un molí | una fàbrica de suro | un convent | el pont de fusta",
    day="dissabte | dimecres | dia | matí",
    fruit="pomes | carxofes | préssecs | tomàquets",
    food="escudella | pa amb tomàquet | botifarra amb mongetes | crema | fideus",
    memory="va cremar la fàbrica | es va perdre a la boira"
    " | el riu es va endur el pont | van arribar els primers cotxes",
    reason="la teulada fa aigua | ningú no hi va | falten diners | hi faran obres",
    season="la tardor | el bon temps | Nadal | la verema",
    purpose="veure la família | collir olives | arreglar la teulada | cantar al cor",
)

CROATIAN = grammar(
    """
{name} je {when} otišla u {place} i kupila {thing}.
Kažu da je {building} sagrađen još {1780..1980}. godine.
Ako {condition}, ostat ćemo u {place_in} još {2..9} dana.
Zašto {name} nikad ne govori o {topic}?
Na tržnici {goods} koštaju {2..19} eura, a {goods} još više.
{source} piše da će {event} početi {soon}.
Djed je sjedio ispred kuće i pričao o {topic} dok je {name} kuhala {food}.
U {place_in} živi oko {3..9} tisuća ljudi i svi znaju gdje je {building}.
Je li netko {when} vidio {thing} na stanici?
Moja sestra uči {skill}, iako {condition}.
Kad {condition}, djeca trče prema {water} i viču.
Za večeru smo jeli {food}, a poslije i {food}.
""",
    name="teta Ljubica | Željka | moja baka | susjeda Đurđa | učiteljica",
    when="jučer | u subotu | prošlog tjedna | rano ujutro",
    soon="sutra navečer | na proljeće | idući tjedan | poslije ručka",
    place="Zadar | Osijek | Šibenik | Čakovec | Požegu",
    place_in="Zadru | Osijeku | Šibeniku | Čakovcu | Požegi",
    thing="staru svjetiljku | košaru smokava | crveni kišobran | dvije knjige | tepih",
    building="most | mlin | svjetionik | stari kolodvor | zvonik",
    condition="pada kiša | puše bura | nema vlaka | svi spavaju",
    topic="ratu | starom brodu | izgubljenom psu | velikoj poplavi | moru",
    goods="rajčice | breskve | svježe srdele | vunene čarape",
    source="Lokalni list | Novinarka | Ravnatelj škole",
    event="festival | popravak ceste | izložba cvijeća | natjecanje u pjevanju",
    food="grah s kobasicom | ribu na žaru | palačinke | juhu od gljiva | štrukle",
    skill="svirati harmoniku | plivati | voziti traktor | plesti",
    water="rijeci | moru | jezeru | staroj šumi",
)

BULGARIAN = grammar(
    """
{name} се върна от {place} {when} и донесе {thing}.
Според {source} цената на {goods} ще се вдигне с {2..40} процента.
Ако {condition}, ще останем в {place} още {2..9} дни.
Защо {name} скри {thing} зад {building}?
През {1880..1985} година тук е имало {old}, а сега има {new}.
Баба винаги казва, че {saying}.
В {place} продават {food} и {food} на всеки ъгъл.
{name} учи децата да {skill}, въпреки че {condition}.
От прозореца се вижда {view}, а понякога и {view}.
Никой не знае къде изчезна {thing} от {building}.
{when} в читалището говориха за {topic}.
""",
    name="леля Цветана | дядо Стоян | съседът | Йорданка | учителят",
    place="Пловдив | Велико Търново | Бургас | Русе | Банско",
    when="вчера | миналата събота | преди обяд | снощи",
    thing="счупен часовник | кошница с череши | една черга | старото радио"
    " | едно писмо",
    source="вестника | кмета | ново проучване | хората",
    goods="хляба | билетите | дървата | сиренето",
    condition="вали сняг | няма автобус | духа силно | всички бързат",
    building="църквата | пощата | старата мелница | гарата",
    old="фурна | училище | воденица | казарма",
    new="паркинг | аптека | хотел | градина",
    saying="котката разбира всичко | зимата ще е дълга | гостите идват без покана"
    " | медът лекува",
    food="баница | кебапчета | боза | печени чушки",
    skill="играят хоро | плуват | свирят на гайда | плетат кошници",
    view="реката | планината | камбанарията | полето със слънчогледи",
    topic="кометата | новия мост | виното | първия трамвай",
)

SWAHILI = grammar(
    """
{name} alikwenda {place} {when} kununua {goods}.
Bei ya {goods} imepanda hadi shilingi {2..90}00 kwa kilo.
Kama {condition}, hatutaweza kufika {place} {soon}.
Kwa nini {name} alificha {thing} nyuma ya {building}?
Wanasema {building} ilijengwa mwaka wa {1890..1990} na bado inatumika.
Kila {day} watoto hukaa chini ya mwembe na kusikiliza hadithi ya {topic}.
{name} amefanya kazi {place} kwa miaka {3..40}.
Tulikula {food} na {food} kabla ya {event}.
Je, umemwona {name} akibeba {thing}?
Kulingana na {source}, {event} itafanyika {soon}.
Bibi yangu husema kwamba {saying}.
Leo {condition}, kwa hiyo {name} anabaki nyumbani.
""",
    name="Juma | mama Neema | mwalimu | jirani yetu | Fatuma | mzee Hamisi",
    place="Mwanza | sokoni | Mombasa | Dodoma | kijijini | Zanzibar",
    when="jana | asubuhi na mapema | wiki iliyopita | Jumamosi iliyopita",
    soon="kesho | wiki ijayo | mwezi ujao | leo jioni",
    goods="mchele | samaki | vitunguu | sukari | maharagwe",
    condition="mvua inanyesha | barabara imefungwa | basi limeharibika | jua ni kali",
    thing="mkeka mpya | redio ya zamani | kikapu cha maembe | barua mbili | ngoma",
    building="shule | ofisi ya posta | hospitali | nyumba ya zamani | stesheni",
    day="jioni | Ijumaa | siku",
    topic="sungura na fisi | mfalme wa zamani | bahari | simba mweupe",
    food="ugali | wali wa nazi | chapati | ndizi za kukaanga | samaki wa kupaka",
    event="harusi | sherehe ya kijiji | mechi ya mpira | safari",
    source="gazeti | serikali | wazee wa kijiji",
    saying="haraka haraka haina baraka | haba na haba hujaza kibaba"
    " | mvumilivu hula mbivu",
)

THAI = grammar(
    """
{when}{who}ไป{place}เพื่อ{purpose}
{who}ซื้อ{thing}มาในราคา {20..900} บาท
ถ้า{weather} เราจะไม่ได้{purpose}ที่{place}
ทำไม{who}ถึงเอา{thing}ไปซ่อนไว้หลัง{building}
{building}หลังนี้สร้างเมื่อปี พ.ศ. {2430..2530} และยังใช้อยู่จนถึงวันนี้
ร้านข้าง{building}ขาย{food} {food} และ{food}
ตาม{source} ปีหน้า{place}จะมีสะพานใหม่อีก {2..9} แห่ง
{who}เล่าเรื่อง{topic}ให้เด็กๆ ฟัง{when}
ไม่มีใครรู้ว่า{thing}หายไปจาก{building}ได้อย่างไร
{weather} {who}เลยอยู่บ้านทำ{food}
{who}อยู่ที่{place}มา {3..60} ปีแล้ว แต่ไม่เคย{purpose}
""",
    when="เมื่อวานนี้ | เช้านี้ | วันเสาร์ที่แล้ว | ก่อนสงกรานต์",
    who="คุณยาย | ลุงสมชาย | ครูใหม่ | น้องสาวของผม | เพื่อนบ้าน",
    place="เชียงใหม่ | ตลาดน้ำ | อยุธยา | หัวหิน | ขอนแก่น",
    purpose="เยี่ยมญาติ | ซื้อผลไม้ | ดูหนังกลางแปลง | ซ่อมเรือ | เรียนรำไทย",
    thing="ร่มสีแดง | กระเป๋าใบเก่า | นาฬิกาปลุก | มะม่วงสามกิโล",
    weather="ฝนตกหนัก | อากาศร้อนมาก | น้ำท่วม | ลมแรง",
    building="โรงเรียน | ศาลาวัด | โรงสี | บ้านไม้",
    food="ต้มยำกุ้ง | ข้าวเหนียว | ส้มตำ | กล้วยทอด | แกงเขียวหวาน",
    source="ข่าวท้องถิ่น | แผนของเทศบาล | รายงานล่าสุด",
    topic="เสือกับพระ | เรือที่หายไป | น้ำท่วมใหญ่ | ผีในสวน",
)

FRESH_LANGUAGES = {
    "da": DANISH,
    "ca": CATALAN,
    "hr": CROATIAN,
    "bg": BULGARIAN,
    "sw": SWAHILI,
    "th": THAI,
}
