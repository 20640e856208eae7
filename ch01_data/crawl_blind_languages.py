"""Ten more languages for the family `blind`, some of them without a mark on a letter.

Plain data, as in crawl_languages. Afrikaans, Indonesian and Swedish look most like
English to a counter of letters; Hebrew and Korean share no letter with it.
"""

from ch01_data.templates import grammar

SWEDISH = grammar(
    """
När {name} kom hem {when} stod {thing} mitt i {room}.
Enligt {source} ska {subject} bli dyrare redan {when}.
Det tar {3..55} minuter att gå från {place} till {place} om man {condition}.
Jag har aldrig förstått varför {name} alltid {habit} i {room}.
{subject} diskuterades länge på mötet i {place}, men {name} sa ingenting.
Har du sett {thing} som {name} lånade {when}?
Kommunen vill bygga {1..9} nya {building} utanför {place}.
Efter regnet luktade det {smell} i hela {room}.
{name} och {name} har känt varandra sedan {1950..2010}.
Man får inte glömma {thing} när man reser till {place}.
""",
    name="Åsa | Björn | farmor | Linnéa | grannen | Torbjörn | vår chef",
    when="i går kväll | på lördag | nästa år | strax före jul | i morse",
    thing="en trasig cykel | den gröna soffan | tre kassar ved | ett tomt akvarium"
    " | paraplyet",
    room="köket | trappuppgången | trädgården | vardagsrummet | bastun",
    source="tidningen | regeringen | en ny rapport | poliserna i länet",
    subject="elpriset | den gamla färjan | barnens skollunch | bensinen | biblioteket",
    place="Umeå | Växjö | Göteborg | Kiruna | Örebro | Ystad",
    condition="har bråttom | tar bussen | inte går vilse | bär på något tungt",
    habit="sjunger falskt | läser högt | tappar nycklarna | somnar först",
    building="förskolor | vindkraftverk | bostadshus | simhallar",
    smell="blöt hund | nybakat bröd | rök | jord och löv",
)

ROMANIAN = grammar(
    """
{name} a spus că {event} va avea loc {when} la {place}.
În {place} s-au vândut {20..900} de {goods} într-o singură zi.
Dacă {condition}, nu mai ajungem {when} la {place}.
Șoferul a oprit lângă {building} și a întrebat de {name}.
{name} nu știe încă ce să facă cu {thing} de la bunici.
La ora {7..21} se închide {building}, așa că {name} se grăbește.
De ce nu ai luat {thing} când ai plecat din {place}?
Potrivit {source}, prețul pentru {goods} a crescut cu {2..40} la sută.
Am găsit {thing} sub pat, iar {name} a început să râdă.
{event} a fost amânată pentru că {condition}.
""",
    name="Ștefan | doamna Ionescu | Andreea | vecinul de sus | Mircea | fata mea",
    event="nunta verișoarei | ședința cu părinții | repetiția corului | alegerea",
    when="mâine dimineață | săptămâna viitoare | până la Paști | la prânz | diseară",
    place="Cluj | Iași | Brașov | piața mare | Constanța | sat",
    goods="gogoși | bilete | pepeni | ziare vechi | cărți poștale",
    condition="plouă toată noaptea | trenul întârzie | nu pornește mașina"
    " | se strică vremea",
    building="farmacie | poștă | biserica veche | gara de nord",
    thing="ceasul stricat | covorul roșu | o ladă cu scrisori | câinele ăsta",
    source="unui studiu recent | ministerului | presei locale",
)

VIETNAMESE = grammar(
    """
Hôm {when}, {who} đi {vehicle} từ {place} đến {place} để {purpose}.
{who} vừa mua {2..20} {goods} với giá {10..900} nghìn đồng.
Trời {weather} nên {who} không muốn {purpose} nữa.
Quán {food} ở {place} mở cửa lúc {5..11} giờ và lúc nào cũng đông khách.
Theo {source}, {place} sẽ có thêm {2..9} cây cầu mới vào năm {2025..2035}.
{who} kể rằng ngày xưa {place} rất yên tĩnh.
Nếu {weather}, chúng ta ở nhà nấu {food} và nghe {who} kể chuyện.
Bạn có biết vì sao {who} lại giấu {goods} dưới gầm giường không?
Sau khi {purpose}, {who} mệt quá nên ngủ một mạch đến sáng.
Cửa hàng bên cạnh bán {goods}, {goods} và cả {food}.
""",
    when="qua | nay | thứ bảy | mùng một Tết | kia",
    who="bà ngoại | chú Tư | em gái tôi | cô giáo | anh Hùng | mấy đứa trẻ",
    vehicle="xe máy | tàu hỏa | thuyền | xe buýt | xe đạp",
    place="Huế | Cần Thơ | chợ Bến Thành | Hải Phòng | Đà Lạt | làng tôi",
    purpose="thăm bạn cũ | bán rau | xem hội | sửa mái nhà | học đàn",
    goods="cái nón lá | con vịt | quyển sách cũ | chiếc đèn lồng | bao gạo",
    weather="mưa to | nắng gắt | trở lạnh | có bão",
    food="phở | bún chả | bánh xèo | chè đậu xanh | cà phê",
    source="báo địa phương | thành phố | một kỹ sư",
)

CZECH = grammar(
    """
{name} přijel do {place} {when} a hned si koupil {thing}.
V {1880..1990} tu stála {building}, dnes je z ní {now}.
Kdyby {condition}, zůstali bychom v {place_in} ještě {2..9} dní.
Proč mi {name} neřekl, že {thing} stojí {100..900} korun?
{source} tvrdí, že {event} začne {when}.
Nejlepší {food} v okolí vaří {name}, to ví každé dítě.
Na dveřích visela cedule, že {building} bude {when} zavřená.
{name} celý život sbíral {goods} a nikdy žádné neprodal.
K večeři byla {food} a potom {food}, i když {condition}.
Řidič autobusu se zeptal, komu patří {thing}.
""",
    name="Ondřej | strýc Jiří | soused Růžička | Matěj | pan učitel | dědeček",
    place="Plzně | Ostravy | Třebíče | Žďáru | Brna",
    place_in="Plzni | Ostravě | Třebíči | horách | Brně",
    when="v sobotu | příští týden | po obědě | na podzim | kolem půlnoci",
    thing="starý gramofon | žlutý deštník | ten hrnec | křivý žebřík",
    building="sýpka | měšťanská škola | pekárna | hasičská zbrojnice",
    now="galerie | sklad pneumatik | hospoda | byt pro čtyři rodiny",
    condition="přestalo sněžit | nebyl takový vítr | jezdily vlaky | bylo tepleji",
    source="Místní rozhlas | Starostka | Noviny z kraje",
    event="výstava králíků | oprava mostu | soutěž ve zpěvu",
    food="svíčková | bramborová polévka | houbová omáčka | bábovka",
    goods="známky | pivní tácky | knoflíky | staré mapy",
)

UKRAINIAN = grammar(
    """
{name} {when} повернулася з {place} і привезла {thing}.
Кажуть, що {building} у нашому місті збудували ще в {1780..1960} році.
Якщо {condition}, поїдемо до {place} {vehicle}.
Навіщо {name} сховала {thing} за піччю?
На базарі {goods} коштують {20..400} гривень, а {goods} ще дорожчі.
{when} у бібліотеці розповідали про {topic}.
Дідусь ніколи не забував, як {memory}.
{name} вчить сусідських дітей {skill}, хоча {condition}.
Під вікном росте {tree}, а за ним видно {building}.
Чи правда, що {topic} нікого вже не цікавить?
""",
    name="тітка Оксана | Ганна | моя сестра | вчителька | пані Їжакевич",
    when="учора | минулої неділі | восени | перед світанком | щойно",
    place="Полтави | Чернігова | Львова | Ужгорода | села",
    thing="вишитий рушник | глечик меду | стару скриньку | два кошики грибів",
    building="млин | оперний театр | дерев'яну церкву | вокзал",
    condition="піде дощ | знову не буде світла | дорогу вже полагодили",
    vehicle="електричкою | велосипедами | возом | автобусом",
    goods="черешні | огірки | вареники з сиром | в'язані шкарпетки",
    topic="козацькі пісні | комету | бджіл | перший трамвай",
    memory="розлилася річка | горів хутір | уперше побачив море",
    skill="грати на бандурі | ліпити з глини | співати",
    tree="калина | стара груша | горіх | яблуня",
)

KOREAN = grammar(
    """
{when} {who} {place}에서 {thing} 샀다고 한다.
{weather} {who} 하루 종일 집에서 {activity}.
{place}까지 {vehicle} 가면 {20..90}분쯤 걸린다.
{who} 왜 {thing} 마당에 묻었는지 아무도 모른다.
이 {building} {1890..1990}년에 지어졌고 지금도 쓰이고 있다.
{when} {place}에서 {event} 열릴 예정이다.
할머니는 {food} 끓이면서 {topic} 이야기를 들려주셨다.
{food} 맛있다는 소문을 듣고 {who} {vehicle} 찾아왔다.
혹시 {when} 잃어버린 {thing} 보셨나요?
{who} {3..30}년 동안 {place}에서 {activity}.
""",
    who="우리 이모는 | 김 선생님은 | 옆집 아이가 | 막내 동생은 | 그 화가는",
    when="어제 저녁 | 지난 토요일에 | 설날 아침에 | 내년 봄 | 방금",
    place="부산 | 전주 시장 | 강릉 | 대구역 앞 | 제주도",
    thing="낡은 시계를 | 빨간 우산을 | 도자기 그릇을 | 편지 한 통을",
    weather="비가 많이 와서 | 너무 더워서 | 눈이 쌓여서 | 바람이 세서",
    activity="그림을 그렸다 | 만두를 빚었다 | 책만 읽었다 | 기타를 가르쳤다",
    vehicle="버스로 | 기차를 타고 | 걸어서 | 자전거로",
    building="다리는 | 도서관은 | 우체국 건물은 | 돌담은",
    event="등불 축제가 | 씨름 대회가 | 작은 음악회가",
    food="된장찌개가 | 팥죽이 | 미역국이 | 칼국수가",
    topic="호랑이 | 사라진 우물 | 전쟁 때 | 바다 건너온 배",
)

FINNISH = grammar(
    """
{name} osti {place_in} {thing} ja lähti saman tien kotiin.
{when} {place_in} satoi niin paljon, että {result}.
En tiedä, miksi {name} aina {habit}, kun {guest} tulee kylään.
Vanha {building} rakennettiin vuonna {1820..1980}, ja {result}.
{name} on asunut {place_in} jo {3..60} vuotta.
Jos {condition}, mennään {when} {activity}.
{source} mukaan {thing} maksaa nyt {5..95} euroa.
Kuka jätti {thing} keskelle pihaa {when}?
Saunan jälkeen {name} keitti kahvia ja {habit}.
Lapset halusivat {activity}, mutta {name} sanoi ettei ehdi.
""",
    name="Väinö | täti Kyllikki | naapurin Pekka | äitini | Päivi | rehtori",
    place_in="Oulussa | torilla | Jyväskylässä | mökillä | Turussa",
    thing="punaisen kelkan | ämpärillisen mustikoita | villasukat | rikkinäisen radion",
    when="viime yönä | huomenna | juhannuksena | ennen lounasta | eilen",
    result="tie meni poikki | kellari tulvi | kukaan ei enää käy siellä"
    " | kaikki jäivät sisälle",
    habit="vihelsi hiljaa | nukahti tuoliin | puhui säästä | piilotti avaimet",
    guest="pappi | serkku | uusi naapuri | postinkantaja",
    building="myllyrakennus | silta | kansakoulu | laivatelakka",
    condition="jää kantaa | ei tuule liikaa | bussi kulkee | aurinko paistaa",
    activity="pilkille | hiihtämään | poimimaan puolukoita | soutamaan",
    source="Lehden | Tutkijan | Kunnan",
)

INDONESIAN = grammar(
    """
Tadi {when} {who} pergi ke {place} naik {vehicle} untuk {purpose}.
Harga {goods} di {place} naik menjadi {5..90} ribu rupiah per kilo.
{who} bilang {building} itu sudah ada sejak tahun {1870..1990}.
Kalau {weather}, kami tidak jadi {purpose} bersama {who}.
Kenapa {who} selalu menyimpan {goods} di bawah meja?
Anak-anak senang sekali mendengar cerita tentang {topic} dari {who}.
Warung di dekat {building} menjual {food} dan {food} setiap {when}.
Menurut {who}, {topic} hanya terjadi sekali dalam {10..90} tahun.
Setelah {purpose}, {who} makan {food} sampai kenyang.
{who} lupa membawa payung padahal {weather}.
""",
    when="pagi | malam | siang | sore",
    who="Pak Budi | nenek | kakak saya | Bu Ratna | tetangga kami | si bungsu",
    place="Bandung | pasar lama | Surabaya | pelabuhan | Yogyakarta | kampung",
    vehicle="angkot | kereta | sepeda motor | perahu kecil | becak",
    purpose="menjual ikan | menonton wayang | memperbaiki atap | mencari obat",
    goods="cabai rawit | bawang merah | telur ayam | kopi bubuk | kelapa",
    building="jembatan | masjid | kantor pos | sekolah dasar",
    weather="hujan deras | banjir datang | matahari terik | angin kencang",
    topic="harimau putih | gunung meletus | putri duyung | perang dulu",
    food="nasi goreng | soto ayam | pisang rebus | tempe bacem | gado-gado",
)

AFRIKAANS = grammar(
    """
{who} het {when} met die {vehicle} na {place} gery om {purpose}.
Die {building} in {place} is in {1840..1980} gebou en word nou {state}.
As dit {weather}, bly {who} eerder by die huis en {purpose}.
Hoekom het {who} {thing} agter die {building} weggesteek?
Daar was {12..90} mense by die {event}, maar niemand het {thing} gesien nie.
{who} sê die prys van {goods} gaan {when} weer styg.
Ons eet {when} altyd {food} met {food}.
Na die {event} het {who} vertel hoe {memory}.
{thing} lê al {2..40} jaar in die solder van die {building}.
Vra asseblief vir {who} of die {vehicle} reg is vir môre.
""",
    who="oom Koos | my suster | tannie Marlene | die onderwyser | Pieter | almal",
    when="gister | volgende week | met Kersfees | vroeg vanoggend | elke Sondag",
    vehicle="bakkie | trein | ou motorfiets | perdekar",
    place="Upington | die Karoo | Stellenbosch | Pretoria | die dorp",
    purpose="skape te koop | vir ouma te kuier | hout te kap | die dak reg te maak",
    building="skool | kerk | plaaswinkel | windpomp | stasie",
    state="herstel | as museum gebruik | verkoop | toegemaak",
    weather="so hard reën | weer hael | te warm word",
    thing="die stukkende orrel | sy pa se geweer | 'n blou kombers | die sleutels",
    event="troue | basaar | rugbywedstryd | vergadering",
    goods="mieliemeel | petrol | wol | suiker",
    food="bobotie | pap en wors | koeksisters | geelrys",
    memory="die rivier afgekom het | hy 'n luiperd gesien het | hulle verdwaal het",
)

HEBREW = grammar(
    """
{when} {who} נסע ל{place} כדי {purpose}.
אף אחד לא הבין למה {who} השאיר {thing} ליד ה{building}.
ה{building} הישן נבנה בשנת {1880..1970} והיום {state}.
אם {weather}, נישאר ב{place} עוד {2..9} ימים.
{who} סיפר לנו על {topic} בזמן שאכלנו {food}.
כמה עולה {food} בשוק של {place}?
לפי {source}, {topic} יחזור לכותרות {when}.
{who} למד {skill} כשהיה בן {6..40}.
מצאתי {thing} בתוך ארון, ואז {who} התחיל לצחוק.
בחלון רואים {view} ולפעמים גם {view}.
""",
    who="סבא יוסף | השכן ממול | דני | המורה החדש | אחי הקטן",
    when="אתמול בערב | בשבת | לפני החגים | בשבוע הבא | הבוקר",
    place="חיפה | צפת | באר שבע | יפו | ירושלים",
    purpose="לקנות ספרים | לבקר חבר | לתקן את הגג | לשמוע קונצרט",
    thing="מטרייה שבורה | מכתב ישן | סל תפוזים | שעון כסף",
    building="מגדל | דואר | מחסן | גשר | תאטרון",
    state="משמש כמסעדה | עומד ריק | שייך לעירייה",
    weather="ירד שלג | יהיה חם מדי | הרכבת תתעכב",
    topic="אוצר טמון | הכלב שברח | השיטפון הגדול | הבחירות",
    food="מרק עדשים | חומוס | עוגת גבינה | תאנים",
    source="העיתון | החוקרים | ראש העיר",
    skill="לנגן בכינור | לשחות | לאפות לחם | לרכוב",
    view="את הים | גגות אדומים | עצי זית | את ההרים",
)

BLIND_LANGUAGES = {
    "sv": SWEDISH,
    "ro": ROMANIAN,
    "vi": VIETNAMESE,
    "cs": CZECH,
    "uk": UKRAINIAN,
    "ko": KOREAN,
    "fi": FINNISH,
    "id": INDONESIAN,
    "af": AFRIKAANS,
    "he": HEBREW,
}
