"""Sentences in fourteen languages and seven scripts: what an English corpus leaves out.

Plain data. A language is a grammar: `sentence` lists its sentences, and a name in
braces stands for one of the phrases listed under that name, already inflected for its
place; `{1750..1940}` is a number of that range. Every four or five words are drawn, so
two texts of one language share few runs of five words. Those of the families `blind`
and `fresh` stand in crawl_blind_languages and crawl_fresh_languages.
"""

from ch01_data.crawl_blind_languages import BLIND_LANGUAGES
from ch01_data.crawl_fresh_languages import FRESH_LANGUAGES
from ch01_data.templates import grammar

GERMAN = grammar(
    """
Am {day} fuhren {who} mit dem {ride} von {place} nach {place}.
{name} hat auf dem Markt {count} {fruit} gekauft und {fate}.
Das Wetter in {place} war {weather}, deshalb blieben {who} {time} zu Hause.
Zwischen {place} und {place} gibt es {count} Brücken, doch nur eine ist {adjective}.
{relative} von {name} arbeitet seit {count} Jahren als {job} in {place}.
Könnten Sie {name} bitte sagen, wann der {ride} nach {place} abfährt?
{time} fanden {who} unter der Treppe {thing} und {thing}.
Niemand wusste, warum {name} {thing} im {spot} versteckt hatte.
Nach dem {meal} erzählte {name} von {topic}, und {who} hörten {how} zu.
Der {spot} von {place} öffnet um {5..11} Uhr und schließt {time}.
{who} wollten {thing} verkaufen, aber {name} war damit nicht {mood}.
""",
    day="Montag | Dienstag | Mittwoch | Donnerstag | Freitag | Samstag | Sonntag",
    who="die Kinder | unsere Nachbarn | seine Freunde | zwei Reisende | alle Gäste",
    ride="Zug | Bus | Nachtzug | Reisebus | letzten Zug",
    place="Bremen | Leipzig | Ulm | Graz | Kassel | Bern | Lübeck | Trier",
    name="Frau Schäfer | Jürgen | Herr Weiß | Käthe | Günther | Frau Möller",
    count="fünf | sieben | acht | zwölf | zwanzig | vierzig",
    fruit="Äpfel | Birnen | Pflaumen | Zitronen | Gurken | Kürbisse",
    fate="alle verschenkt | sie unterwegs gegessen | keine einzige bezahlt",
    weather="schrecklich | kühl und regnerisch | sehr heiß | ziemlich stürmisch",
    time="am späten Abend | gegen Mittag | kurz vor Mitternacht | am frühen Morgen",
    adjective="breit | schön | sicher | bekannt | hoch genug",
    relative="die Schwester | der Großvater | eine Tante | der jüngste Sohn",
    job="Bäcker | Lehrerin | Schreiner | Köchin | Gärtner",
    thing="einen alten Schlüssel | eine kleine Laterne | ein rotes Fahrrad"
    " | einen zerrissenen Brief | eine silberne Uhr | ein Paar Handschuhe",
    spot="Garten | Keller | Bahnhof | Park | Laden | Speicher",
    meal="Essen | Frühstück | Abendessen | Kaffee",
    topic="seiner Reise nach Norden | einem verlorenen Hund | der großen Flut",
    how="gespannt | schweigend | lächelnd | nur halb",
    mood="einverstanden | zufrieden | glücklich | fertig",
)

FRENCH = grammar(
    """
{day} dernier, {who} sont partis de {place} pour aller à {place} en {ride}.
{name} a acheté {count} {fruit} au marché et {fate}.
Il faisait {weather} à {place}, alors {who} sont restés {where} {time}.
{relative} de {name} travaille comme {job} à {place} depuis {count} ans.
Personne ne savait pourquoi {name} avait caché {thing} dans {spot}.
Pourriez-vous dire à {name} à quelle heure part {transport} pour {place} ?
Après le {meal}, {name} a raconté {topic} et {who} ont écouté {how}.
{time}, {who} ont trouvé {thing} et {thing} sous l'escalier.
Entre {place} et {place}, il y a {count} ponts, mais un seul est {adjective}.
{who} voulaient vendre {thing}, mais {name} n'était pas {mood}.
""",
    day="lundi | mardi | mercredi | jeudi | vendredi | samedi | dimanche",
    who="les enfants | nos voisins | ses amis | deux voyageurs | les invités",
    place="Rennes | Dijon | Nîmes | Orléans | Genève | Liège | Angers | Besançon",
    ride="train | voiture | autocar | bateau | vélo",
    name="Hélène | Madame Lefèvre | François | Monsieur Dubois | Zoé | Étienne",
    count="cinq | sept | huit | douze | vingt | quarante",
    fruit="poires | pêches | cerises | citrouilles | carottes | abricots",
    fate="les a toutes données | n'en a gardé aucune | les a oubliées là-bas",
    weather="très froid | un temps affreux | chaud et humide | un peu gris",
    where="à la maison | sous la tente | chez la voisine | dans la grange",
    time="toute la soirée | vers midi | de bonne heure | juste avant minuit",
    relative="la sœur | le grand-père | une tante | le fils aîné",
    job="boulanger | institutrice | menuisier | cuisinière | jardinier",
    thing="une vieille clé | une petite lanterne | un vélo rouge"
    " | une lettre déchirée | une montre en argent | des gants de laine",
    spot="le jardin | la cave | la gare | l'armoire | le grenier | le puits",
    transport="le train | l'autocar | le bateau | le dernier bus",
    meal="repas | dîner | petit déjeuner | goûter",
    topic="son voyage en Bretagne | l'histoire du chien perdu | la grande crue",
    how="en silence | sans y croire | avec plaisir | jusqu'au bout",
    adjective="assez large | vraiment beau | ouvert la nuit | en pierre",
    mood="d'accord | content | pressé | convaincu",
)

SPANISH = grammar(
    """
El {day} pasado {who} viajaron de {place} a {place} en {ride}.
{name} compró {count} {fruit} en el mercado y {fate}.
Hacía {weather} en {place}, así que {who} se quedaron {where} {time}.
{relative} de {name} trabaja como {job} en {place} desde hace {count} años.
Nadie sabía por qué {name} había escondido {thing} en {spot}.
¿Podría decirle a {name} a qué hora sale {transport} para {place}?
Después {meal}, {name} contó {topic} y {who} escucharon {how}.
{time}, {who} encontraron {thing} y {thing} debajo de la escalera.
Entre {place} y {place} hay {count} puentes, pero solo uno es {adjective}.
{who} querían vender {thing}, pero {name} no estaba {mood}.
""",
    day="lunes | martes | miércoles | jueves | viernes | sábado | domingo",
    who="los niños | nuestros vecinos | sus amigos | dos viajeros | las hermanas",
    place="León | Cádiz | Murcia | Bilbao | Córdoba | Mérida | Rosario | Quito",
    ride="tren | coche | autobús | barco | bicicleta",
    name="Begoña | el señor Ibáñez | Joaquín | doña Inés | Nicolás | Lucía",
    count="cinco | siete | ocho | doce | veinte | cuarenta",
    fruit="manzanas | peras | ciruelas | naranjas | calabazas | cebollas",
    fate="las regaló enseguida | no pagó ninguna | se las comió por el camino",
    weather="mucho frío | un calor terrible | bastante viento | mal tiempo",
    where="en casa | bajo el puente | con la abuela | en el granero",
    time="hasta muy tarde | al mediodía | de madrugada | poco antes de medianoche",
    relative="la hermana | el abuelo | una tía | el hijo mayor",
    job="panadero | maestra | carpintero | cocinera | jardinero",
    thing="una llave vieja | una linterna pequeña | una bicicleta roja"
    " | una carta rota | un reloj de plata | unos guantes de lana",
    spot="el jardín | el sótano | la estación | el armario | el desván | el pozo",
    transport="el tren | el autobús | el barco | el último tranvía",
    meal="de la cena | de comer | del desayuno | de la siesta",
    topic="su viaje al norte | la historia del perro perdido | la gran inundación",
    how="en silencio | sin creerlo | con mucho gusto | hasta el final",
    adjective="bastante ancho | muy bonito | de piedra | seguro de noche",
    mood="de acuerdo | contento | lista | convencido",
)

RUSSIAN = grammar(
    """
В {day} {who} поехали {ride} из {place_of} в {place_to}.
{name} купила на рынке {count} {fruit} и {fate}.
В {place_in} было {weather}, поэтому {who} остались {where} {time}.
{relative} уже {count} лет работает {job} в {place_in}.
Никто не знал, почему {name} спрятала {thing} {spot}.
Скажите, пожалуйста, когда {transport} отправляется в {place_to}?
После {meal} {name} рассказала {topic}, а {who} {how} слушали.
{time} {who} нашли под лестницей {thing} и {thing}.
От {place_of} до {place_of} можно доехать {ride} за {count} часов.
{who} хотели продать {thing}, но {name} была {mood}.
""",
    day="понедельник | вторник | среду | четверг | пятницу | субботу",
    who="дети | наши соседи | его друзья | два путника | сёстры",
    ride="поездом | автобусом | на машине | на пароходе | на лошадях",
    place_of="Казани | Твери | Перми | Рязани | Ярославля | Пскова",
    place_to="Казань | Тверь | Пермь | Рязань | Ярославль | Псков",
    place_in="Казани | Твери | Перми | Рязани | Ярославле | Пскове",
    name="Ольга | Мария Ивановна | Наташа | тётя Вера | Людмила | Катя",
    count="пять | семь | восемь | двенадцать | двадцать | сорок",
    fruit="груш | яблок | слив | лимонов | огурцов | тыкв",
    fate="всё раздала | ничего не заплатила | забыла их на скамейке",
    weather="очень холодно | жарко и душно | довольно ветрено | темно и сыро",
    where="дома | у бабушки | в сарае | под мостом",
    time="поздно вечером | около полудня | рано утром | перед самой полночью",
    relative="сестра Ольги | мой дедушка | его тётя | старший сын соседа",
    job="пекарем | учителем | плотником | поваром | садовником",
    thing="старый ключ | маленький фонарь | красный велосипед"
    " | разорванное письмо | серебряные часы | тёплые перчатки",
    spot="в саду | в подвале | на вокзале | в шкафу | на чердаке | в колодце",
    transport="поезд | автобус | пароход | последний трамвай",
    meal="обеда | ужина | завтрака | чая",
    topic="о своей поездке на север | про пропавшую собаку | о большом пожаре",
    how="молча | внимательно | с улыбкой | до самого конца",
    mood="против | не согласна | очень рада | уже далеко",
)

JAPANESE = grammar(
    """
{day}、{who}は{place}から{place}まで{ride}で行きました。
{name}さんは市場で{fruit}を{count}買って、{fate}。
{place}は{weather}ので、{who}は{time}{where}にいました。
{name}さんの{relative}は{place}で{2..40}年間{job}をしています。
どうして{name}さんが{thing}を{spot}に隠したのか、誰も知りませんでした。
{place}行きの{ride}は{5..11}時に出ると、{name}さんに伝えてください。
{meal}の後で、{name}さんは{topic}の話をして、{who}は{how}聞いていました。
{time}、{who}は階段の下で{thing}と{thing}を見つけました。
{who}は{thing}を売りたかったのですが、{name}さんは{mood}。
""",
    day="月曜日 | 火曜日 | 水曜日 | 木曜日 | 先週の金曜日 | 先週の土曜日",
    who="子どもたち | 隣の人たち | 友だち | 二人の旅人 | 姉と妹",
    place="京都 | 長野 | 仙台 | 神戸 | 金沢 | 松江 | 函館 | 熊本",
    ride="電車 | バス | 船 | 夜行列車 | 自転車",
    name="田中 | 佐藤 | 鈴木 | 山本 | 小林 | 中村",
    fruit="りんご | 梨 | みかん | 桃 | きゅうり | かぼちゃ",
    count="五つ | 七つ | 八つ | 十二個 | 二十個 | 四十個",
    fate="みんなに配りました | 一つも食べませんでした | 駅に忘れてしまいました",
    weather="とても寒かった | 雨が降っていた | 風が強かった | 蒸し暑かった",
    time="夜おそくまで | 昼ごろ | 朝早く | 夜中まで",
    where="家 | 納屋 | 祖母の家 | 橋の下",
    relative="お姉さん | おじいさん | おばさん | 息子さん",
    job="パン屋 | 先生 | 大工 | 料理人 | 庭師",
    thing="古い鍵 | 小さな提灯 | 赤い自転車 | 破れた手紙 | 銀の時計 | 毛糸の手袋",
    spot="庭 | 地下室 | 駅 | たんす | 屋根裏 | 井戸",
    meal="昼ごはん | 夕食 | 朝ごはん | お茶",
    topic="北への旅 | いなくなった犬 | 昔の洪水 | 山の上の灯台",
    how="黙って | 笑いながら | 最後まで | 目を丸くして",
    mood="賛成しませんでした | もういませんでした | とても喜びました",
)

ARABIC = grammar(
    """
سافر {who} يوم {day} من {place} إلى {place} {ride}.
اشترت {name} {amount} من {fruit} في السوق ثم {fate}.
كان الجو {weather} في {place}، ولذلك بقي {who} {where} {time}.
يعمل {relative} {job} في {place} منذ {2..40} سنة.
لم يعرف أحد لماذا أخفت {name} {thing} في {spot}.
هل يمكنك أن تخبر {name} متى ينطلق {transport} إلى {place}؟
بعد {meal} حكت {name} قصة عن {topic}، واستمع {who} {how}.
وجد {who} {time} تحت الدرج {thing} وكذلك {thing}.
أراد {who} أن يبيعوا {thing}، لكن {name} كانت {mood}.
""",
    day="الاثنين | الثلاثاء | الأربعاء | الخميس | الجمعة | السبت",
    who="الأطفال | جيراننا | أصدقاؤه | المسافرون | الضيوف",
    place="دمشق | تونس | القاهرة | الرباط | بيروت | صنعاء | مسقط | حلب",
    ride="بالقطار | بالسيارة | بالحافلة | على ظهر سفينة | مع القافلة",
    name="فاطمة | ليلى | السيدة مريم | سعاد | الجدة زينب | هدى",
    amount="سلة | كيلوغراما | صندوقا كبيرا | كيسا صغيرا",
    fruit="التفاح | البرتقال | التمر | الخيار | العنب | الرمان",
    fate="وزعتها على الفقراء | نسيتها في المحطة | عادت إلى بيتها",
    weather="باردا جدا | حارا ورطبا | عاصفا | غائما قليلا",
    where="في البيت | عند الجدة | تحت الجسر | في الحظيرة",
    time="حتى المساء | عند الظهر | قبل الفجر | قبيل منتصف الليل",
    relative="أخو ليلى | جدي | ابن الجيران | عم سعاد",
    job="خبازا | معلما | نجارا | طباخا | بستانيا",
    thing="مفتاحا قديما | مصباحا صغيرا | دراجة حمراء"
    " | رسالة ممزقة | ساعة من فضة | قفازا من صوف",
    spot="الحديقة | القبو | المحطة | الخزانة | البئر | السقيفة",
    transport="القطار | الحافلة | القارب | آخر ترام",
    meal="الغداء | العشاء | الفطور | الشاي",
    topic="رحلتها إلى الشمال | الكلب الضائع | الفيضان الكبير",
    how="في صمت | بدهشة | حتى النهاية | وهم يبتسمون",
    mood="ترفض ذلك | سعيدة جدا | قد رحلت | غير موافقة",
)

ITALIAN = grammar(
    """
Ogni {season} {who} tornano a {place} per {purpose}.
Il {animal} di {name} dorme {where} e mangia soltanto {food}.
Se domani {weather}, prenderemo {vehicle} e andremo fino a {place}.
{name} ha scritto {count} lettere a {person}, ma nessuna è arrivata a {place}.
Per preparare {dish} servono {count} {ingredient} e un po' di {spice}.
La vecchia {building} di {place} fu costruita da {person} nel {1750..1940}.
Mio zio {name} racconta sempre {story} quando {who} vengono a cena.
Quanto costa {item} nel negozio {near}, e perché {name} non la compra?
{who} hanno imparato {skill} in meno di {count} settimane.
Dalla finestra si vedono {view}, {view} e qualche volta {view}.
""",
    season="estate | autunno | primavera | inverno",
    who="i cugini | le ragazze | gli studenti | i pescatori | le vicine",
    place="Perugia | Trieste | Lecce | Bergamo | Siena | Cagliari | Ferrara",
    purpose="raccogliere le olive | vedere la nonna | dipingere le barche",
    animal="gatto | cane | pappagallo | coniglio | vecchio asino",
    name="Giulia | Matteo | Chiara | Lorenzo | Caterina | Ruggero",
    where="sotto il tavolo | sul tetto | accanto alla stufa | nella legnaia",
    food="pesce fresco | carote crude | briciole di pane | foglie d'insalata",
    weather="piove ancora | tira vento | c'è il sole | nevica forte",
    vehicle="il traghetto | la corriera | il treno delle sei | la barca dello zio",
    count="tre | cinque | sei | nove | undici",
    person="un architetto svizzero | sua madre | due fratelli | un vecchio mercante",
    dish="la minestra | la torta di mele | il sugo | le polpette",
    ingredient="cipolle | uova | pomodori maturi | spicchi d'aglio",
    spice="sale grosso | basilico | pepe nero | cannella",
    building="chiesa | torre | fontana | biblioteca | stazione",
    story="la stessa barzelletta | come perse il cappello | la storia del lupo",
    item="una sciarpa | una lampada | questa chitarra | una tazza azzurra",
    near="vicino al ponte | dietro la piazza | di fronte al porto",
    skill="a nuotare | a suonare il violino | a cucire | a leggere le mappe",
    view="le colline | due mulini | i tetti rossi | le luci del porto | gli ulivi",
)

PORTUGUESE = grammar(
    """
Em cada {season}, {who} voltam a {place} para {purpose}.
O {animal} de {name} dorme {where} e só come {food}.
Se amanhã {weather}, vamos pegar {vehicle} e seguir até {place}.
{name} escreveu {count} cartas para {person}, mas nenhuma chegou a {place}.
Para fazer {dish} são precisos {count} {ingredient} e um pouco de {spice}.
A antiga {building} de {place} foi construída por {person} em {1750..1940}.
Meu tio {name} sempre conta {story} quando {who} vêm jantar.
Quanto custa {item} na loja {near}, e por que {name} não a leva?
{who} aprenderam {skill} em menos de {count} semanas.
Da janela a gente vê {view}, {view} e às vezes {view}.
""",
    season="verão | outono | primavera | inverno",
    who="os primos | as meninas | os estudantes | os pescadores | as vizinhas",
    place="Coimbra | Braga | Olinda | Évora | Santos | Maceió | Faro",
    purpose="colher as uvas | visitar a avó | pintar os barcos | descansar",
    animal="gato | cachorro | papagaio | coelho | velho burro",
    name="Conceição | João | Beatriz | Gonçalo | Luísa | Sebastião",
    where="debaixo da mesa | no telhado | ao lado do fogão | na varanda",
    food="peixe fresco | cenouras cruas | migalhas de pão | folhas de couve",
    weather="não chover | fizer sol | ventar muito | a maré estiver baixa",
    vehicle="a balsa | o comboio das seis | o ônibus | o barco do tio",
    count="três | cinco | seis | nove | onze",
    person="um engenheiro inglês | sua mãe | dois irmãos | um velho comerciante",
    dish="a sopa | o bolo de milho | o molho | os bolinhos",
    ingredient="cebolas | ovos | tomates maduros | dentes de alho",
    spice="sal grosso | coentro | pimenta | canela",
    building="igreja | torre | fonte | biblioteca | estação",
    story="a mesma piada | como perdeu o chapéu | a história do lobo",
    item="uma manta | uma lâmpada | esta viola | uma caneca azul",
    near="perto da ponte | atrás da praça | em frente ao cais",
    skill="a nadar | a tocar violão | a costurar | a ler mapas",
    view="as montanhas | dois moinhos | os telhados | as luzes do cais",
)

DUTCH = grammar(
    """
Elke {season} gaan {who} terug naar {place} om {purpose}.
De {animal} van {name} slaapt {where} en eet alleen {food}.
Als het morgen {weather}, nemen we {vehicle} en gaan we naar {place}.
{name} schreef {count} brieven aan {person}, maar er kwam niets in {place} aan.
Voor {dish} heb je {count} {ingredient} en een beetje {spice} nodig.
De oude {building} van {place} werd in {1750..1940} door {person} gebouwd.
Mijn oom {name} vertelt altijd {story} wanneer {who} komen eten.
Hoeveel kost {item} in de winkel {near}, en waarom wil {name} die niet?
{who} leerden in minder dan {count} weken {skill}.
Uit het raam zie je {view}, {view} en soms {view}.
""",
    season="zomer | herfst | lente | winter",
    who="de neven | de meisjes | de studenten | de vissers | de buren",
    place="Utrecht | Zwolle | Gent | Leeuwarden | Breda | Brugge | Delft",
    purpose="appels te plukken | oma te bezoeken | de boten te schilderen",
    animal="kat | hond | papegaai | ezel | jonge geit",
    name="Marijke | Joost | Sanne | Willem | Geertje | Thijs",
    where="onder de tafel | op het dak | naast de kachel | in het hooi",
    food="verse vis | rauwe wortels | broodkruimels | slablaadjes",
    weather="niet regent | hard waait | mooi weer is | weer sneeuwt",
    vehicle="de veerboot | de trein van zes uur | de bus | ooms zeilboot",
    count="drie | vijf | zes | negen | elf",
    person="een Zweedse bouwmeester | haar moeder | twee broers | een koopman",
    dish="de soep | de appeltaart | de saus | de gehaktballen",
    ingredient="uien | eieren | rijpe tomaten | teentjes knoflook",
    spice="grof zout | peterselie | zwarte peper | kaneel",
    building="kerk | toren | fontein | bibliotheek | molen",
    story="hetzelfde grapje | hoe hij zijn hoed verloor | het verhaal van de wolf",
    item="een sjaal | een lamp | deze gitaar | een blauwe beker",
    near="bij de brug | achter het plein | tegenover de haven",
    skill="zwemmen | viool spelen | naaien | kaarten lezen",
    view="de duinen | twee molens | rode daken | de lichten van de haven",
)

POLISH = grammar(
    """
Każdej {season} {who} wracają do {place}, żeby {purpose}.
{animal} {owner} śpi {where} i je tylko {food}.
Jeśli jutro {weather}, weźmiemy {vehicle} i pojedziemy do {place}.
{name} napisała {count} listów do {person}, ale żaden nie dotarł do {place}.
Na {dish} potrzeba {count} {ingredient} i trochę {spice}.
Stary {building} koło {place} zbudowano w {1750..1940} roku.
Mój wujek zawsze opowiada {story}, kiedy {who} przychodzą na kolację.
Ile kosztuje {item} w sklepie {near} i dlaczego {name} jej nie kupi?
{who} nauczyły się {skill} przez {count} tygodni.
Z okna widać {view}, {view}, a czasem {view}.
""",
    season="jesieni | wiosny | zimy | niedzieli",
    who="dziewczynki | studentki | nasze sąsiadki | kuzynki | dzieci",
    place="Gdańska | Łodzi | Torunia | Krakowa | Zamościa | Poznania",
    purpose="zbierać jabłka | odwiedzić babcię | malować łodzie | odpocząć",
    animal="kot | pies | królik | osioł | stary koń",
    owner="Agnieszki | Grzegorza | naszej ciotki | młynarza",
    name="Agnieszka | Małgorzata | Ewelina | Bożena | Zofia",
    where="pod stołem | na dachu | obok pieca | w stodole",
    food="świeże ryby | surową marchew | okruchy chleba | liście sałaty",
    weather="nie będzie padać | zaświeci słońce | spadnie śnieg",
    vehicle="łódkę | rowery | stary wóz | samochód wujka",
    count="pięć | sześć | dziewięć | dwanaście",
    person="matki | szwajcarskiego kupca | dwóch braci | siostry z miasta",
    dish="zupę | szarlotkę | sos | pierogi",
    ingredient="cebul | jajek | dojrzałych pomidorów | ząbków czosnku",
    spice="soli | pietruszki | czarnego pieprzu | cynamonu",
    building="most | młyn | dworzec | kościół | ratusz",
    story="ten sam żart | jak zgubił kapelusz | bajkę o wilku",
    item="chusta | lampa | ta gitara | niebieska filiżanka",
    near="przy moście | za rynkiem | naprzeciwko portu",
    skill="pływać | grać na skrzypcach | szyć | czytać mapy",
    view="wzgórza | dwa młyny | czerwone dachy | światła portu",
)

GREEK = grammar(
    """
Κάθε {season} {who} γυρίζουν {place} για να {purpose}.
{animal} κοιμάται {where} και τρώει μόνο {food}.
Αν αύριο {weather}, θα πάρουμε {vehicle} και θα πάμε {place}.
{name} έγραψε {count} γράμματα {person}, αλλά κανένα δεν έφτασε {place}.
Για {dish} χρειάζονται {count} {ingredient} και λίγο {spice}.
Το παλιό {building} χτίστηκε {place} το {1750..1940}.
Ο θείος μου λέει πάντα {story} όταν {who} έρχονται για φαγητό.
Πόσο κάνει {item} στο μαγαζί {near} και γιατί {name} δεν την παίρνει;
{who} έμαθαν να {skill} μέσα σε {count} εβδομάδες.
Από το παράθυρο φαίνονται {view}, {view} και καμιά φορά {view}.
""",
    season="καλοκαίρι | φθινόπωρο | άνοιξη | χειμώνα",
    who="τα ξαδέρφια | τα κορίτσια | οι φοιτητές | οι ψαράδες | οι γείτονες",
    place="στην Πάτρα | στον Βόλο | στη Σπάρτη | στα Χανιά | στην Καβάλα",
    purpose="μαζέψουν ελιές | δουν τη γιαγιά | βάψουν τις βάρκες",
    animal="η γάτα της Ελένης | ο σκύλος του Νίκου | το γαϊδούρι του μυλωνά",
    name="η Ελένη | ο Γιώργος | η Κατερίνα | ο Δημήτρης | η Σοφία",
    where="κάτω από το τραπέζι | στη στέγη | δίπλα στη σόμπα | στην αυλή",
    food="φρέσκο ψάρι | ωμά καρότα | ψίχουλα ψωμιού | φύλλα μαρουλιού",
    weather="δεν βρέξει | έχει ήλιο | φυσάει πολύ | χιονίσει πάλι",
    vehicle="το καράβι | το λεωφορείο | το τρένο | τη βάρκα του θείου",
    count="τρία | πέντε | έξι | εννιά | έντεκα",
    person="στη μητέρα της | σε έναν έμπορο | στα δύο αδέρφια | στον δήμαρχο",
    dish="τη σούπα | τη μηλόπιτα | τη σάλτσα | τους κεφτέδες",
    ingredient="κρεμμύδια | αυγά | κολοκύθια | φύλλα δάφνης",
    spice="αλάτι | μαϊντανό | πιπέρι | κανέλα",
    building="κάστρο | γεφύρι | σχολείο | λιμάνι | ρολόι",
    story="το ίδιο αστείο | πώς έχασε το καπέλο | την ιστορία του λύκου",
    item="η κουβέρτα | η λάμπα | αυτή η κιθάρα | η γαλάζια κούπα",
    near="κοντά στη γέφυρα | πίσω από την πλατεία | απέναντι στο λιμάνι",
    skill="κολυμπούν | παίζουν βιολί | ράβουν | διαβάζουν χάρτες",
    view="οι λόφοι | δύο μύλοι | κόκκινες στέγες | τα φώτα του λιμανιού",
)

CHINESE = grammar(
    """
每到{season}，{who}都会回{place}去{purpose}。
{name}家的{animal}总是睡在{where}，而且只吃{food}。
如果明天{weather}，我们就坐{vehicle}去{place}。
{name}给{person}写了{count}封信，可是没有一封寄到{place}。
做{dish}需要{count}个{ingredient}，还要放一点{spice}。
{place}的老{building}是{1750..1940}年修建的，至今还在使用。
叔叔每次看到{who}来吃饭，都要讲{story}。
请问，{near}那家商店里的{item}多少钱？{name}为什么不买？
{who}不到{count}个星期就学会了{skill}。
从窗户望出去，可以看见{view}、{view}，有时还有{view}。
""",
    season="夏天 | 秋天 | 春天 | 冬天",
    who="表兄弟们 | 女孩子们 | 学生们 | 渔民们 | 邻居们",
    place="苏州 | 成都 | 昆明 | 洛阳 | 厦门 | 大连 | 桂林",
    purpose="摘苹果 | 看望奶奶 | 修理渔船 | 休息几天",
    animal="猫 | 狗 | 鹦鹉 | 兔子 | 老毛驴",
    name="小明 | 王老师 | 李华 | 张大爷 | 陈医生 | 刘阿姨",
    where="桌子底下 | 屋顶上 | 炉子旁边 | 院子里",
    food="新鲜的鱼 | 胡萝卜 | 面包屑 | 白菜叶",
    weather="不下雨 | 出太阳 | 风不大 | 雪停了",
    vehicle="轮船 | 公共汽车 | 六点的火车 | 叔叔的小船",
    count="三 | 五 | 六 | 九 | 十一",
    person="一位建筑师 | 母亲 | 两个哥哥 | 一位老商人",
    dish="这道汤 | 苹果饼 | 番茄酱 | 饺子",
    ingredient="洋葱 | 鸡蛋 | 西红柿 | 土豆",
    spice="盐 | 香菜 | 胡椒 | 桂皮",
    building="石桥 | 钟楼 | 图书馆 | 车站 | 茶馆",
    story="同一个笑话 | 他怎样丢了帽子 | 狼的故事",
    item="围巾 | 台灯 | 吉他 | 蓝色杯子",
    near="桥边 | 广场后面 | 码头对面",
    skill="游泳 | 拉小提琴 | 缝衣服 | 看地图",
    view="远山 | 两座风车 | 红色的屋顶 | 港口的灯光",
)

HINDI = grammar(
    """
हर {season} में {who} {purpose} {place} लौटते हैं।
{owner} का {animal} {where} सोता है और केवल {food} खाता है।
अगर कल {weather}, तो हम {vehicle} से {place} जाएँगे।
{name} ने {person} को {count} चिट्ठियाँ लिखीं, पर एक भी {place} नहीं पहुँची।
{dish} बनाने के लिए {count} {ingredient} और थोड़ा {spice} चाहिए।
{place} का पुराना {building} सन {1750..1940} में बनाया गया था।
मेरे चाचा हमेशा {story} सुनाते हैं जब {who} खाने पर आते हैं।
{near} वाली दुकान में {item} कितने की है और {name} ने क्यों नहीं ली?
{who} {count} हफ़्तों से भी कम समय में {skill} सीख गए।
खिड़की से {view}, {view} और कभी-कभी {view} दिखाई देते हैं।
""",
    season="गर्मी | सर्दी | बरसात | छुट्टियों",
    who="चचेरे भाई | हमारे पड़ोसी | विद्यार्थी | मछुआरे | बच्चे",
    purpose="आम तोड़ने | दादी से मिलने | नावें रँगने | आराम करने",
    place="जयपुर | वाराणसी | पटना | भोपाल | नागपुर | लखनऊ",
    owner="सीता | मोहन | दादाजी | डाकिए",
    animal="कुत्ता | तोता | ख़रगोश | बूढ़ा गधा",
    name="सीता | मोहन | राधा | अर्जुन | मीरा | गोपाल",
    where="मेज़ के नीचे | छत पर | चूल्हे के पास | आँगन में",
    food="ताज़ी मछली | कच्ची गाजर | रोटी के टुकड़े | हरी पत्तियाँ",
    weather="बारिश न हुई | धूप निकली | हवा तेज़ न हुई",
    vehicle="नाव | छह बजे की रेलगाड़ी | बस | चाचा की बैलगाड़ी",
    person="अपनी माँ | एक बूढ़े व्यापारी | दोनों भाइयों | अध्यापक",
    count="तीन | पाँच | छह | नौ | ग्यारह",
    dish="दाल | खीर | चटनी | समोसे",
    ingredient="प्याज़ | टमाटर | आलू | नींबू",
    spice="नमक | धनिया | काली मिर्च | दालचीनी",
    building="पुल | क़िला | मंदिर | पुस्तकालय | घंटाघर",
    story="वही चुटकुला | भेड़िए की कहानी | टोपी खोने का क़िस्सा",
    near="पुल के पास | चौक के पीछे | घाट के सामने",
    item="चादर | लालटेन | यह बाँसुरी | नीली प्याली",
    skill="तैरना | सितार बजाना | सिलाई करना | नक़्शा पढ़ना",
    view="पहाड़ | दो पवनचक्कियाँ | लाल छतें | घाट के दीये",
)

TURKISH = grammar(
    """
Her {season} {who} {purpose} için {place_to} dönerler.
{owner} {animal} {where} uyur ve yalnızca {food} yer.
Yarın {weather} {vehicle} binip {place_to} gideriz.
{name} {person} {count} mektup yazdı ama hiçbiri {place_to} ulaşmadı.
{dish} yapmak için {count} {ingredient} ve biraz {spice} gerekir.
{place_in} bulunan eski {building} {1750..1940} yılında yapıldı.
Amcam, {who} yemeğe geldiğinde hep {story} anlatır.
{near} dükkânda {item} kaç lira ve {name} onu neden almıyor?
{who} {count} haftadan kısa sürede {skill} öğrendiler.
Pencereden {view}, {view} ve bazen {view} görünür.
""",
    season="yaz | sonbahar | ilkbahar | kış",
    who="kuzenler | kızlar | öğrenciler | balıkçılar | komşular",
    purpose="elma toplamak | büyükanneyi görmek | kayıkları boyamak",
    place_to="İzmir'e | Bursa'ya | Trabzon'a | Konya'ya | Edirne'ye",
    place_in="İzmir'de | Bursa'da | Trabzon'da | Konya'da | Edirne'de",
    owner="Ayşe'nin | Mehmet'in | değirmencinin | dedemin",
    animal="kedisi | köpeği | papağanı | yaşlı eşeği",
    name="Ayşe | Mehmet | Zeynep | Çağlar | Gülşen",
    where="masanın altında | çatıda | sobanın yanında | avluda",
    food="taze balık | çiğ havuç | ekmek kırıntısı | marul yaprağı",
    weather="yağmur yağmazsa | güneş çıkarsa | rüzgâr dinerse | kar durursa",
    vehicle="vapura | otobüse | altı trenine | amcamın kayığına",
    person="annesine | yaşlı bir tüccara | iki kardeşine | öğretmenine",
    count="üç | beş | altı | dokuz | on bir",
    dish="çorba | elmalı kek | salça | köfte",
    ingredient="soğan | yumurta | olgun domates | diş sarımsak",
    spice="tuz | maydanoz | karabiber | tarçın",
    building="köprü | kale | çeşme | kütüphane | değirmen",
    story="aynı fıkrayı | şapkasını nasıl kaybettiğini | kurdun hikâyesini",
    near="köprünün yanındaki | meydanın arkasındaki | limanın karşısındaki",
    item="bu atkı | küçük lamba | şu saz | mavi fincan",
    skill="yüzmeyi | keman çalmayı | dikiş dikmeyi | harita okumayı",
    view="tepeler | iki değirmen | kırmızı çatılar | limanın ışıkları",
)

LANGUAGES = {
    "tuning": {
        "de": GERMAN,
        "fr": FRENCH,
        "es": SPANISH,
        "ru": RUSSIAN,
        "ja": JAPANESE,
        "ar": ARABIC,
    },
    "held": {
        "it": ITALIAN,
        "pt": PORTUGUESE,
        "nl": DUTCH,
        "pl": POLISH,
        "el": GREEK,
        "zh": CHINESE,
        "hi": HINDI,
        "tr": TURKISH,
    },
    "blind": BLIND_LANGUAGES,
    "fresh": FRESH_LANGUAGES,
}
