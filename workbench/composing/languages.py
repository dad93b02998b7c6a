"""The languages that columns are named after: ISO 639 codes of two and three letters, and English names."""

_TABLE = """
af afr Afrikaans; ar ara Arabic; bg bul Bulgarian; bn ben Bengali; ca cat Catalan; cs ces Czech; cy cym
Welsh; da dan Danish; de deu German; el ell Greek; en eng English; es spa Spanish; et est Estonian; eu
eus Basque; fa fas Persian; fi fin Finnish; fr fra French; ga gle Irish; gl glg Galician; gu guj
Gujarati; he heb Hebrew; hi hin Hindi; hr hrv Croatian; hu hun Hungarian; hy hye Armenian; id ind
Indonesian; is isl Icelandic; it ita Italian; ja jpn Japanese; ka kat Georgian; kk kaz Kazakh; ko kor
Korean; la lat Latin; lt lit Lithuanian; lv lav Latvian; mk mkd Macedonian; mr mar Marathi; ms msa
Malay; nl nld Dutch; no nor Norwegian; pl pol Polish; pt por Portuguese; ro ron Romanian; ru rus
Russian; sk slk Slovak; sl slv Slovenian; sq sqi Albanian; sr srp Serbian; sv swe Swedish; sw swa
Swahili; ta tam Tamil; te tel Telugu; th tha Thai; tl tgl Tagalog; tr tur Turkish; uk ukr Ukrainian; ur
urd Urdu; uz uzb Uzbek; vi vie Vietnamese; zh zho Chinese
"""

LANGUAGES: dict[str, str] = {
    word.casefold(): line.split()[-1] for line in _TABLE.split(";") for word in line.split()
}
"""A code or a name, in small letters -> the English name."""
