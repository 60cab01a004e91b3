"""The countries of ISO 3166 with the names that data calls them by, and how telephone numbers are dialled there."""

from __future__ import annotations

from functools import cache

from penstock.base.record import record

# alpha-2, alpha-3, then names in English, German, French and Spanish: lower case, no accents, words parted by a blank.
_COUNTRIES = """
AD AND andorra|andorre
AE ARE united arab emirates|vereinigte arabische emirate|emirats arabes unis|emiratos arabes unidos|uae
AF AFG afghanistan|afganistan
AG ATG antigua and barbuda|antigua und barbuda
AI AIA anguilla
AL ALB albania|albanien|albanie
AM ARM armenia|armenien|armenie
AO AGO angola
AQ ATA antarctica|antarktis
AR ARG argentina|argentinien|argentine
AS ASM american samoa
AT AUT austria|osterreich|oesterreich|autriche
AU AUS australia|australien|australie
AW ABW aruba
AX ALA aland islands|aland
AZ AZE azerbaijan|aserbaidschan|azerbaidjan|azerbaiyan
BA BIH bosnia and herzegovina|bosnien und herzegowina|bosnie herzegovine|bosnia y herzegovina|bosnia|bosnien
BB BRB barbados|barbade
BD BGD bangladesh|bangladesch
BE BEL belgium|belgien|belgique|belgica|belgie
BF BFA burkina faso
BG BGR bulgaria|bulgarien|bulgarie
BH BHR bahrain|bahrein
BI BDI burundi
BJ BEN benin
BL BLM saint barthelemy
BM BMU bermuda
BN BRN brunei|brunei darussalam
BO BOL bolivia|bolivien|bolivie|plurinational state of bolivia
BQ BES bonaire sint eustatius and saba|caribbean netherlands
BR BRA brazil|brasilien|bresil|brasil
BS BHS bahamas
BT BTN bhutan
BV BVT bouvet island
BW BWA botswana|botsuana
BY BLR belarus|weissrussland|bielorussie|bielorrusia
BZ BLZ belize
CA CAN canada|kanada
CC CCK cocos islands|cocos keeling islands
CD COD democratic republic of the congo|congo kinshasa|dr congo|demokratische republik kongo
CF CAF central african republic|zentralafrikanische republik|republique centrafricaine
CG COG congo|republic of the congo|congo brazzaville|republik kongo
CH CHE switzerland|schweiz|suisse|suiza|svizzera|swiss confederation
CI CIV cote d ivoire|ivory coast|elfenbeinkuste|costa de marfil
CK COK cook islands
CL CHL chile|chili
CM CMR cameroon|kamerun|cameroun|camerun
CN CHN china|chine|people s republic of china|volksrepublik china|prc
CO COL colombia|kolumbien|colombie
CR CRI costa rica
CU CUB cuba|kuba
CV CPV cape verde|cabo verde|kap verde
CW CUW curacao
CX CXR christmas island
CY CYP cyprus|zypern|chypre|chipre
CZ CZE czechia|czech republic|tschechien|tschechische republik|tchequie|republique tcheque|chequia|republica checa
DE DEU germany|deutschland|allemagne|alemania|germania|federal republic of germany|bundesrepublik deutschland|brd
DJ DJI djibouti|dschibuti
DK DNK denmark|danemark|dinamarca|danmark
DM DMA dominica
DO DOM dominican republic|dominikanische republik|republique dominicaine|republica dominicana
DZ DZA algeria|algerien|algerie|argelia
EC ECU ecuador|equateur
EE EST estonia|estland|estonie|eesti
EG EGY egypt|agypten|aegypten|egypte|egipto
EH ESH western sahara|westsahara
ER ERI eritrea
ES ESP spain|spanien|espagne|espana
ET ETH ethiopia|athiopien|ethiopie|etiopia
FI FIN finland|finnland|finlande|finlandia|suomi
FJ FJI fiji|fidschi
FK FLK falkland islands
FM FSM micronesia|federated states of micronesia
FO FRO faroe islands|faroer
FR FRA france|frankreich|francia|french republic
GA GAB gabon|gabun
GB GBR united kingdom|great britain|vereinigtes konigreich|grossbritannien|royaume uni|reino unido|uk|britain|england|scotland|wales|northern ireland|gran bretana|united kingdom of great britain and northern ireland
GD GRD grenada
GE GEO georgia|georgien|georgie
GF GUF french guiana
GG GGY guernsey
GH GHA ghana
GI GIB gibraltar
GL GRL greenland|gronland
GM GMB gambia
GN GIN guinea|guinee
GP GLP guadeloupe
GQ GNQ equatorial guinea|aquatorialguinea
GR GRC greece|griechenland|grece|grecia|hellas|el
GS SGS south georgia and the south sandwich islands
GT GTM guatemala
GU GUM guam
GW GNB guinea bissau
GY GUY guyana
HK HKG hong kong|hongkong
HM HMD heard island and mcdonald islands
HN HND honduras
HR HRV croatia|kroatien|croatie|croacia|hrvatska
HT HTI haiti
HU HUN hungary|ungarn|hongrie|hungria|magyarorszag
ID IDN indonesia|indonesien|indonesie
IE IRL ireland|irland|irlande|irlanda|eire|republic of ireland
IL ISR israel
IM IMN isle of man
IN IND india|indien|inde|bharat
IO IOT british indian ocean territory
IQ IRQ iraq|irak
IR IRN iran|islamic republic of iran
IS ISL iceland|island|islande|islandia
IT ITA italy|italien|italie|italia
JE JEY jersey
JM JAM jamaica|jamaika|jamaique
JO JOR jordan|jordanien|jordanie|jordania
JP JPN japan|japon
KE KEN kenya|kenia
KG KGZ kyrgyzstan|kirgisistan|kirghizistan
KH KHM cambodia|kambodscha|cambodge|camboya
KI KIR kiribati
KM COM comoros|komoren
KN KNA saint kitts and nevis
KP PRK north korea|nordkorea|coree du nord|corea del norte|democratic people s republic of korea
KR KOR south korea|korea|sudkorea|coree du sud|corea del sur|republic of korea|korea republic of
KW KWT kuwait|koweit
KY CYM cayman islands
KZ KAZ kazakhstan|kasachstan
LA LAO laos|lao people s democratic republic
LB LBN lebanon|libanon|liban|libano
LC LCA saint lucia
LI LIE liechtenstein
LK LKA sri lanka
LR LBR liberia
LS LSO lesotho
LT LTU lithuania|litauen|lituanie|lituania|lietuva
LU LUX luxembourg|luxemburg|luxemburgo
LV LVA latvia|lettland|lettonie|letonia|latvija
LY LBY libya|libyen|libye|libia
MA MAR morocco|marokko|maroc|marruecos
MC MCO monaco
MD MDA moldova|moldau|moldawien|moldavie|republic of moldova
ME MNE montenegro
MF MAF saint martin
MG MDG madagascar|madagaskar
MH MHL marshall islands
MK MKD north macedonia|nordmazedonien|macedonia|mazedonien|macedoine du nord
ML MLI mali
MM MMR myanmar|burma|birma
MN MNG mongolia|mongolei|mongolie
MO MAC macao|macau
MP MNP northern mariana islands
MQ MTQ martinique
MR MRT mauritania|mauretanien
MS MSR montserrat
MT MLT malta|malte
MU MUS mauritius|maurice
MV MDV maldives|malediven
MW MWI malawi
MX MEX mexico|mexiko|mexique
MY MYS malaysia|malaisie|malasia
MZ MOZ mozambique|mosambik
NA NAM namibia|namibie
NC NCL new caledonia
NE NER niger
NF NFK norfolk island
NG NGA nigeria
NI NIC nicaragua|nikaragua
NL NLD netherlands|niederlande|pays bas|paises bajos|holland|nederland
NO NOR norway|norwegen|norvege|noruega|norge
NP NPL nepal
NR NRU nauru
NU NIU niue
NZ NZL new zealand|neuseeland|nouvelle zelande|nueva zelanda
OM OMN oman
PA PAN panama
PE PER peru|perou
PF PYF french polynesia
PG PNG papua new guinea|papua neuguinea
PH PHL philippines|philippinen|filipinas
PK PAK pakistan
PL POL poland|polen|pologne|polonia|polska
PM SPM saint pierre and miquelon
PN PCN pitcairn
PR PRI puerto rico
PS PSE palestine|state of palestine|palastina
PT PRT portugal
PW PLW palau
PY PRY paraguay
QA QAT qatar|katar
RE REU reunion
RO ROU romania|rumanien|roumanie|rumania
RS SRB serbia|serbien|serbie|srbija
RU RUS russia|russian federation|russland|russische foderation|russie|rusia
RW RWA rwanda|ruanda
SA SAU saudi arabia|saudi arabien|arabie saoudite|arabia saudita|ksa
SB SLB solomon islands
SC SYC seychelles|seychellen
SD SDN sudan
SE SWE sweden|schweden|suede|suecia|sverige
SG SGP singapore|singapur|singapour
SH SHN saint helena ascension and tristan da cunha|saint helena
SI SVN slovenia|slowenien|slovenie|eslovenia|slovenija
SJ SJM svalbard and jan mayen
SK SVK slovakia|slowakei|slovaquie|eslovaquia|slovak republic|slovensko
SL SLE sierra leone
SM SMR san marino
SN SEN senegal
SO SOM somalia
SR SUR suriname
SS SSD south sudan|sudsudan
ST STP sao tome and principe
SV SLV el salvador
SX SXM sint maarten
SY SYR syria|syrien|syrie|siria|syrian arab republic
SZ SWZ eswatini|swaziland
TC TCA turks and caicos islands
TD TCD chad|tschad|tchad
TF ATF french southern territories
TG TGO togo
TH THA thailand|thailande|tailandia
TJ TJK tajikistan|tadschikistan
TK TKL tokelau
TL TLS timor leste|east timor
TM TKM turkmenistan
TN TUN tunisia|tunesien|tunisie|tunez
TO TON tonga
TR TUR turkey|turkiye|turkei|tuerkei|turquie|turquia
TT TTO trinidad and tobago|trinidad und tobago
TV TUV tuvalu
TW TWN taiwan
TZ TZA tanzania|tansania|tanzanie|united republic of tanzania
UA UKR ukraine|ucrania
UG UGA uganda|ouganda
UM UMI united states minor outlying islands
US USA united states|united states of america|vereinigte staaten|vereinigte staaten von amerika|etats unis|estados unidos|u s a|u s|america
UY URY uruguay
UZ UZB uzbekistan|usbekistan
VA VAT holy see|vatican|vatican city|vatikan
VC VCT saint vincent and the grenadines
VE VEN venezuela|bolivarian republic of venezuela
VG VGB british virgin islands
VI VIR united states virgin islands|us virgin islands
VN VNM vietnam|viet nam
VU VUT vanuatu
WF WLF wallis and futuna
WS WSM samoa
YE YEM yemen|jemen
YT MYT mayotte
ZA ZAF south africa|sudafrika|suedafrika|afrique du sud|sudafrica
ZM ZMB zambia|sambia
ZW ZWE zimbabwe|simbabwe
"""  # noqa: E501

# alpha-2, calling code, trunk prefix and international prefix as dialled there (`-`: none),
# fewest and most digits of a number without its trunk prefix.
_DIALLING = """
AE 971 0 00 7 9
AR 54 0 00 10 11
AT 43 0 00 4 13
AU 61 0 0011 9 9
BE 32 0 00 8 9
BG 359 0 00 7 9
BR 55 0 00 10 11
CA 1 1 011 10 10
CH 41 0 00 9 9
CL 56 - 00 9 9
CN 86 0 00 10 11
CO 57 - 00 10 10
CY 357 - 00 8 8
CZ 420 - 00 9 9
DE 49 0 00 5 11
DK 45 - 00 8 8
EE 372 - 00 7 8
EG 20 0 00 8 10
ES 34 - 00 9 9
FI 358 0 00 5 11
FR 33 0 00 9 9
GB 44 0 00 9 10
GR 30 - 00 10 10
HK 852 - 001 8 8
HR 385 0 00 8 9
HU 36 06 00 8 9
ID 62 0 001 8 12
IE 353 0 00 7 9
IL 972 0 00 8 9
IN 91 0 00 10 10
IS 354 - 00 7 7
IT 39 - 00 6 12
JP 81 0 010 9 10
KR 82 0 00 8 10
LT 370 0 00 8 8
LU 352 - 00 5 11
LV 371 - 00 8 8
MT 356 - 00 8 8
MX 52 - 00 10 10
MY 60 0 00 8 10
NL 31 0 00 9 9
NO 47 - 00 8 8
NZ 64 0 00 8 10
PH 63 0 00 8 10
PL 48 - 00 9 9
PT 351 - 00 9 9
RO 40 0 00 9 9
RS 381 0 00 8 9
RU 7 8 810 10 10
SA 966 0 00 8 9
SE 46 0 00 7 9
SG 65 - 000 8 8
SI 386 0 00 8 8
SK 421 0 00 9 9
TH 66 0 001 8 9
TR 90 0 00 10 10
TW 886 0 002 8 9
UA 380 0 00 9 9
US 1 1 011 10 10
VN 84 0 00 9 10
ZA 27 0 00 9 9
"""


@record
class Dialling:
    """How a country dials: calling code, prefixes (empty where there is none), digits of a national number."""

    country: str
    code: str
    trunk: str
    international: str
    fewest: int
    most: int


@cache
def codes() -> dict[str, str]:
    """Return alpha-2 by every word for a country: its codes and names, in lower case and without accents.

    >>> codes()["deutschland"], codes()["deu"], codes()["de"]
    ('DE', 'DE', 'DE')
    """
    found: dict[str, str] = {}
    for line in _COUNTRIES.strip().splitlines():
        alpha2, alpha3, names = line.split(" ", 2)
        found |= dict.fromkeys((alpha2.lower(), alpha3.lower(), *names.split("|")), alpha2)
    return found


@cache
def dialling() -> dict[str, Dialling]:
    """Return how to dial by alpha-2, for the countries whose rules are known here.

    >>> dialling()["DE"].code
    '49'
    """
    found = {}
    for line in _DIALLING.strip().splitlines():
        country, code, trunk, international, fewest, most = line.split()
        trunk = "" if trunk == "-" else trunk
        found[country] = Dialling(country, code, trunk, international, int(fewest), int(most))
    return found
