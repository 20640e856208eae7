"""Languages: foreign text is told, stories and source code are kept."""

import re

import pytest

from ch01_data.language import (
    identifier,
    language,
    language_flags,
    main,
    prose_of,
)
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate

FOREIGN = {
    "de": "Am Morgen ging der Müller hinunter zum Fluss und suchte seinen roten Hut. "
    "Niemand hatte ihn gesehen, nur das kleine Mädchen am Fenster lachte leise.",
    "fr": "Ce matin-là, le boulanger avait perdu sa clé dans la neige. Il chercha "
    "partout, mais personne dans le village ne voulait lui dire où elle se trouvait.",
    "es": "El viejo pescador guardaba una llave azul debajo de la cama. Nadie sabía "
    "para qué servía, y él nunca quiso contarlo a sus vecinos.",
    "it": "La maestra aprì la finestra e vide che il cane aveva nascosto le scarpe "
    "sotto l'albero. Tutti i bambini ridevano e nessuno voleva tornare in classe.",
    "pt": "Naquela tarde o menino encontrou uma carta na areia. Não havia nome nenhum, "
    "mas ele reconheceu a letra da sua avó e começou a correr para casa.",
    "nl": "De bakker zocht overal naar zijn sleutel, maar hij kon hem niet vinden. "
    "Toen riep zijn buurvrouw dat de hond ermee door de straat liep.",
    "sv": "Flickan gick till hamnen för att leta efter sin bror. Det regnade hela "
    "dagen och ingen hade sett honom sedan i går kväll.",
    "pl": "Stary rybak zgubił swój zegarek w lesie i szukał go przez całą noc. Dopiero "
    "rano sąsiad powiedział mu, że widział go na moście.",
    "cs": "Starý mlynář ztratil klíč od domu a hledal ho po celé vesnici. Nikdo mu "
    "nechtěl říct, kde ho děti schovaly.",
    "fi": "Vanha kalastaja etsi veljeään koko yön, mutta kukaan kylässä ei ollut "
    "nähnyt häntä. Aamulla vene löytyi tyhjänä saaren rannalta.",
    "hu": "Az öreg halász elvesztette a kulcsát, és egész nap kereste a faluban. Este "
    "a szomszéd kislány hozta vissza neki.",
    "tr": "Yaşlı balıkçı anahtarını kaybetmişti ve bütün gün köyde onu aradı. Akşam "
    "komşunun küçük kızı anahtarı geri getirdi.",
    "ro": "Bătrânul pescar și-a pierdut cheia și a căutat-o toată ziua prin sat. Seara "
    "fetița vecinului i-a adus-o înapoi.",
    "id": "Nelayan tua itu kehilangan kuncinya dan mencarinya sepanjang hari di desa. "
    "Malam harinya anak tetangga mengembalikannya.",
    "ru": "Утром мельник спустился к реке и долго искал свою красную шляпу. Никто её "
    "не видел, только девочка у окна тихо смеялась.",
    "uk": "Уранці мірошник спустився до річки й довго шукав свій червоний капелюх. "
    "Ніхто його не бачив, лише дівчинка біля вікна тихо сміялася.",
    "el": "Το πρωί ο μυλωνάς κατέβηκε στο ποτάμι και έψαχνε το κόκκινο καπέλο του. "
    "Κανείς δεν το είχε δει, μόνο το κορίτσι στο παράθυρο γελούσε.",
    "ja": "朝、粉屋は川へ下りて赤い帽子を探しました。誰も見ていま"
    "せんでしたが、窓辺の女の子だけが静かに笑っていました。",
    "zh": "早晨，磨坊主走到河边寻找他的红帽子。没"
    "有人见过它，只有窗边的小女孩轻轻地笑着。",
    "ko": "아침에 방앗간 주인은 강가로 내려가 빨간 모자를 찾았습니다"
    ". 아무도 보지 못했지만 창가의 소녀만 조용히 웃었습니다.",
}


@pytest.mark.parametrize("code", FOREIGN)
def test_a_text_in_another_language_is_flagged(code):
    found, probability = language(FOREIGN[code])
    assert found == code and probability > 0.6
    assert language_flags(FOREIGN[code]) == ["language"]
    assert language_flags(FOREIGN[code], wanted=(code,)) == []
    sentence = re.split(r"(?<=[.。]) ?", FOREIGN[code])[0]
    assert language_flags(sentence) == ["language"]


def test_stories_are_english():
    stories = [story.document for story in generate(400, 2, "train")]
    assert [text for text in stories if language_flags(text)] == []
    short = [text.split(". ")[0] for text in stories]
    assert sum(bool(language_flags(text)) for text in short) <= 0.03 * len(short)


def test_plays_are_english(shared):
    play = (shared / "data" / "tinyshakespeare.txt").read_text()
    pieces = [play[i : i + 1500] for i in range(0, 300_000, 1500)]
    assert not any(map(language_flags, pieces))


def test_source_code_is_kept():
    documents = read_documents("pylib", limit_bytes=8_000_000)
    texts = [d.text for d in documents if len(d.text.split()) >= 10]
    flagged = sum(bool(language_flags(text)) for text in texts)
    assert len(texts) > 200 and flagged <= 0.01 * len(texts)


def test_foreign_prose_within_code_is_seen():
    code = (
        "import os\n\n\ndef f(x, y):\n    return [x[0], y]\n\n\nTABLE = {1: f(2, 3)}\n"
    )
    assert language_flags(code) == [] and language(code)[0] in ("en", "und")
    comments = "\n".join(f"# {line}" for line in FOREIGN["de"].split(". "))
    assert language_flags(f"{comments}\n{code}") in ([], ["language"])
    assert prose_of(f"# Das ist gut.\n{code}") == "Das ist gut."


def test_code_whose_names_are_foreign_is_code_and_no_foreign_prose():
    code = "def berechne_summe(zahlen, anfang=0):\n    ergebnis = anfang\n"
    code += "    for zahl in zahlen:\n        ergebnis = ergebnis + zahl\n"
    code += "    return ergebnis\n\n\nclass Verzeichnis(Ordner):\n"
    code += "    def schreibe(self, datei, inhalt):\n"
    code += "        self.dateien[datei] = inhalt\n"
    code += "        return self.pruefe(datei, inhalt)\n"
    assert identifier().classify(code)[0] == "de"
    assert language(code) == ("und", 0.0) and language_flags(code) == []


def test_a_text_without_letters_has_no_language():
    for text in ("", " \n", "1 + 2 = 3\n" * 20, "=" * 500, "{}[]();" * 50):
        assert language_flags(text) == []


def test_the_command_counts(tmp_path, capsys):
    (tmp_path / "de.txt").write_text(FOREIGN["de"], encoding="utf-8")
    (tmp_path / "en.txt").write_text("The miller went down to the river to find a hat.")
    assert main(["--source", str(tmp_path), "--show", "3"]) == 0
    out = capsys.readouterr().out
    assert "de.txt: de" in out and "1 of 2 documents in other languages" in out
    assert main(["--source", str(tmp_path / "none")]) == 2
