"""Words that people build weak passwords from, in the languages of our practices; lower case, no accents."""

_ENGLISH = """
    password passphrase passcode pass word login logon signin signup account access secret private secure
    security safe admin administrator root user username guest test testing tester demo sample example temp
    temporary default change changeme master super welcome hello letmein open opensesame sesame trustno1
    qwerty qwertyuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx wsxedc abcd abcde abcdef abcdefg abcdefgh
    iloveyou love loveyou lover lovely family mother father mommy daddy mummy baby babygirl babyboy angel
    princess prince queen king sunshine sunflower rainbow summer winter spring autumn monday tuesday
    wednesday thursday friday saturday sunday january february march april june july august september
    october november december birthday christmas easter holiday vacation flower butterfly dragon monkey
    tiger lion eagle falcon wolf bear horse puppy kitty kitten dolphin shadow phoenix unicorn chocolate
    cookie banana orange apple cherry strawberry peanut pepper ginger honey sugar coffee cheese football
    soccer baseball basketball hockey tennis golf gamer player chelsea arsenal liverpool barcelona yankees
    cowboys superman batman spiderman pokemon pikachu starwars matrix ninja pirate wizard magic mustang
    ferrari porsche mercedes computer internet google facebook apple windows microsoft samsung android
    iphone laptop server system network wifi router freedom peace heaven jesus christ blessed faith hope
    forever friends friend happy smile beautiful sweet purple yellow green black white silver golden diamond
    money business office company work school college student teacher michael jennifer jessica ashley
    daniel charlie thomas robert william jordan hunter maggie buster bailey london paris america
"""

_HEALTH = """
    clinic clinical practice health healthcare healthy healing therapy therapist therapie praxis counseling
    counselling counselor psychology psychologist psychotherapy doctor nurse patient client medical medicine
    hospital dental dentist physio wellness mental mindful mindfulness care caring session appointment
"""

_OTHERS = """
    passwort kennwort geheim hallo willkommen sommer fruhling herbst schatz schatzi liebe familie fussball
    sonnenschein blume schmetterling bayern berlin hamburg munchen deutschland motdepasse bonjour soleil
    bienvenue amour azerty azertyuiop doudou chouchou france contrasena contrasenha clave hola bienvenido
    teamo amor corazon mariposa estrella madrid espana senha benfica brasil saudade ciao amore juventus
    benvenuto italia wachtwoord welkom amsterdam zonneschijn haslo kochanie misiek polska
"""

WEAK_WORDS = frozenset(f"{_ENGLISH}{_HEALTH}{_OTHERS}".split())
