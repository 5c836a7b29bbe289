"""Everyday words that say nothing of a video's subject, in six languages: the project's own lists.

They are articles, pronouns, prepositions, conjunctions, auxiliary verbs in their common forms, and the fillers of
spoken language. All are in small letters; a word with an apostrophe is looked up by its parts (see `is_stop_word`).
"""

from __future__ import annotations

from horarium_apps.auto_analyze.domain.wording import APOSTROPHE

_ENGLISH = """
a about above across actually after again against all almost alone along already also although always am among an and
another any anybody anyone anything anyway are aren around as at away back basically be became because been before
being below best between both but by came can cannot come comes coming could couldn did didn do does doesn doing don
done down during each either else enough even ever every everybody everyone everything few for from further get gets
getting give gives go goes going gonna got gotta guy guys had hadn has hasn have haven having he hello her here hers
herself hey hi him himself his how however i if in indeed inside instead into is isn it its itself just keep kind know
last least less let lets like literally little look lot lots made make makes making many may maybe me might mine more
most much must mustn my myself near need needs never new next no nobody none nor not nothing now of off often oh ok
okay on once one only onto or other others our ours ourselves out outside over own per perhaps please pretty put quite
rather really right said same saw say says second see seem seems seen several shall she should shouldn since so some
somebody someone something sometimes somewhere soon still stuff such sure take takes taking tell than thank thanks
that the their theirs them themselves then there therefore these they thing things think this those though through
thus till to today together too toward towards tried try trying two uh um under until up upon us use used uses using
usually very via wait wanna want wants was wasn way ways we well went were weren what whatever when whenever where
wherever whether which while who whoever whole whom whose why will with within without won would wouldn yeah yes yet
you your yours yourself yourselves ain
"""

_ITALIAN = """
a abbia abbiamo abbiano abbastanza ad adesso affatto agli ai al alcuna alcune alcuni alcuno alla alle allo allora
almeno altra altre altri altro anche ancora andare andiamo anzi appena assai attraverso avanti avere aveva avevamo
avevano avete avevo avrei avrà avuto basta bella bello ben bene beh breve c c'è casa certo che chi chiunque ci ciao
ciascuno ciò circa coi col come comunque con contro cosa cose così cui d da dagli dai dal dall dalla dalle dallo
davanti davvero dagl degli dei del dell della delle dello dentro devo deve devono di dice dico dietro dopo dove dovete
dovrebbe due dunque durante e ecco ed egli ella era eravamo erano ero essere essi est eh ehm fa faccio facciamo fai
fanno far fare fate fatto fin fino finché forse fosse fossero fra fu fui fuori già gli ha hai hanno ho i ieri il in
infatti infine insieme intanto invece io là l la lei le li lo loro lui lungo ma magari mai me mediante meglio meno
mentre mi mia mie miei mio molta molte molti molto ne né negli nei nel nell nella nelle nello nemmeno neppure nessuna
nessuno niente no noi non nostra nostre nostri nostro nulla o od oggi ogni ognuno oltre oppure ora ormai per perché
perciò perfino però persino piuttosto più po poca poche pochi poco poi possiamo posso possono presso prima proprio
pure può qua qual qualche qualcosa qualcuno quale quali qualsiasi quando quant quanta quante quanti quanto quasi
quegli quei quel quell quella quelle quelli quello quest questa queste questi questo qui quindi ragazzi sarà saranno
sarebbe se sei sembra sempre senza si sia siamo siano siete so solo sono sopra soprattutto sotto spesso sta stai
stanno stare stata state stati stato stavo sto sua subito sugli sui sul sull sulla sulle sullo suo suoi su t tale tali
tanta tante tanti tanto te ti tipo tra tranne troppo tu tua tue tuo tuoi tutta tuttavia tutte tutti tutto un una un'
uno va vado vai vanno verso vi via vicino voglio buongiorno buonasera vogliamo voi volta volte vostra vostre vostri
vostro vuoi vuole è e' cioè
"""

_SPANISH = """
a acá ahí al algo alguien algún alguna algunas alguno algunos allá allí ante antes aquel aquella aquellas aquello
aquellos aquí así aún aunque bajo bastante bien bueno cada casi chicos como cómo con conmigo contigo contra cosa cosas
creo cual cuál cuales cualquier cuando cuándo cuanto cuánto cuatro cuya cuyo da dar de debe deben decir del demás
dentro desde después detrás día dice dicho digo donde dónde dos durante e el él ella ellas ello ellos en entonces
entre era eran eras eres es esa esas ese eso esos esta está estaba estaban estado estamos están estar estas estás este
esto estos estoy estuvo fue fuera fueron ha haber había habían hace hacemos hacen hacer hacia haciendo hago han has
hasta hay haya he hecho hemos hola hoy iba igual incluso ir jamás junto la las le les lo los luego más mal mas me
mejor menos mi mí mía mías mientras mío míos mira mis misma mismas mismo mismos mucha muchas mucho muchos muy nada
nadie ni ningún ninguna ninguno no nos nosotras nosotros nuestra nuestras nuestro nuestros nunca o os otra otras otro
otros para parece pero poca pocas poco pocos podemos poder podría por porque porqué pronto propia propio pudo puede
pueden puedes puedo pues que qué quien quién quienes quiere quieren quieres quiero realmente saber se sea sean según
ser sí si sido siempre siendo sin sino sobre sois sola solo sólo somos son soy su sus suya suyas suyo suyos tal tales
también tampoco tan tanta tanto te tendrá tenemos tener tengo tenía ti tiene tienen tienes toda todas todavía todo
todos tras tu tú tus tuya tuyo u un una unas uno unos usted ustedes va vale vamos van varias varios vaya veces ver vez
voy vosotras vosotros vuestra vuestro y ya yo
"""

_FRENCH = """
a à afin ai aie aient ainsi ailleurs ait alors après as assez au aucun aucune aujourd aussi autant autre autres aux
avaient avais avait avant avec avez aviez avions avoir avons bah beaucoup bien bon bonjour bref c ça car ce ceci cela
celle celles celui cent cependant certain certaine certains ces cet cette ceux chacun chaque chez chose choses ci
comme comment contre coup d dans de dedans dehors déjà demain depuis derrière des dès dessous dessus deux devait
devant doit doivent donc dont du durant dû elle elles en encore enfin entre envers environ es est et étaient étais
était étant été êtes être eu eux euh fait faire fais faites fallait faut fois font fut gens grâce hier hors hui ici il
ils j jamais je jusqu jusque juste l la là le lequel les leur leurs loin lors lorsque lorsqu lui m ma maintenant mais
mal malgré me même mêmes mes mieux mis moi moins mon n ne ni nom non nos notre nôtre nous on ont or ou où ouais oui
par parce parfois parmi pas pendant personne petit peu peut peuvent peux plus plusieurs plutôt pour pourquoi pourtant
pouvez presque puis puisque puisqu qu quand quant que quel quelle quelles quelqu quelque quelques quels qui quoi
quoique rien s sa sais sans sauf se selon sera serait seront ses seul seulement si sien sienne soi soient sois soit
sommes son sont sous souvent suis sur surtout t ta tandis tant te tel telle telles tellement tels tes toi ton toujours
tous tout toute toutes très trop tu un une va vais vas vers veut veux via voici voilà voir vont vos votre vôtre vous
vraiment vu y
"""

_GERMAN = """
ab aber alle allein allem allen aller alles als also am an andere anderem anderen anderer anderes auch auf aus außer
bald bei beide beiden beim bereits besser bevor bin bis bist bitte brauche brauchen da dabei dadurch dafür dagegen
daher dahin damals damit danach daneben dann daran darauf daraus darf darin darüber darum darunter das dass davon
davor dazu dein deine deinem deinen deiner dem den denen denn dennoch der deren des deshalb dessen dich die dies diese
diesem diesen dieser dieses dir doch dort drei du durch dürfen eben ebenso eigentlich ein eine einem einen einer eines
einfach einige einigen einiger einmal er es etwa etwas euch euer eure eurem euren fast für ganz ganze ganzen gar geben
gegen gehen geht gehabt gemacht genau genug gerade gern geworden gibt ging glaube gleich gut guten hab habe haben habt
hallo halt hat hatte hatten hattest her heute hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in
indem ins irgendwie ist ja je jede jedem jeden jeder jedes jedoch jemand jene jener jetzt kann kannst kaum kein keine
keinem keinen keiner komm kommen kommt können könnt könnte lassen leute machen macht mache mag mal man manche mehr
mein meine meinem meinen meiner mich mir mit möchte möchten muss müssen musst nach nachdem neben nein nicht nichts nie
niemand noch nun nur ob oben oder oft ohne okay paar schon sehr sei seid sein seine seinem seinen seiner seit selbst
sich sie sieht sind so sogar solche soll sollen sollte sondern sonst sowie statt trotz tun tut über um und uns unser
unsere unserem unseren unter viel viele vielen vielleicht vom von vor wann war waren warst warum was weg wegen weil
weiter welche welchem welchen welcher welches wem wen wenig wenn wer werde werden werdet wessen weiß wie wieder wieso
will willst wir wird wirklich wirst wo wobei wohin wollen wollte worden wurde wurden während würde würden z zu zum zur
zwar zwei zwischen
"""

_PORTUGUESE = """
a à agora ai ainda além algo alguém algum alguma algumas alguns ali ante antes ao aos apenas após aquela aquelas
aquele aqueles aqui aquilo as às assim até através bem boa bom cada cá coisa coisas com como contra contudo cuja cujo
da daí dar das de dela delas dele deles demais dentro depois desde dessa desse desta deste deve devem dia disse disso
disto dito diz dizer do dois dos duas durante e é ela elas ele eles em embora enquanto então entre era eram és essa
essas esse esses esta está estamos estão estar estas estava estavam este estes esteve estive estou eu faço fala fazem
fazendo fazer feito fez fica ficar fim foi for fora foram fosse galera gente há hoje ia ir isso isto já jamais la lá
lhe lhes lo logo longe mais mal mas me menos mesma mesmas mesmo mesmos meu meus mim minha minhas muita muitas muito
muitos na nada não nas nela nele nem nenhum nenhuma nessa nesse nesta neste ninguém no nos nós nossa nossas nosso
nossos num numa nunca o oi olá onde ontem os ou outra outras outro outros para pela pelas pelo pelos per perto pessoal
pode podem poder pois por porém porque porquê portanto pouca poucas pouco poucos pra pro própria próprio quais qual
qualquer quando quanta quantas quanto quantos quase que quê quem quer quero saber são se seja sejam sem sempre sendo
ser será serão seu seus si sido sim sob sobre sua suas só somente somos sou ta tá tal tais também tampouco tanta tanto
tão te tem têm temos tendo tenha tenho ter teu teus teve tinha tinham tipo tive toda todas todavia todo todos tu tua
tuas tudo um uma umas uns vai vamos vão vem vez vezes você vocês vos vou
"""

_LISTS = {
    "en": frozenset(_ENGLISH.split()),
    "it": frozenset(_ITALIAN.split()),
    "es": frozenset(_SPANISH.split()),
    "fr": frozenset(_FRENCH.split()),
    "de": frozenset(_GERMAN.split()),
    "pt": frozenset(_PORTUGUESE.split()),
}

LANGUAGES = tuple(_LISTS)
"""ISO 639-1 codes of the languages that have a list."""

_CONTRACTED = frozenset(("m", "re", "ve", "ll", "d", "t", "s"))


def stop_words(language: str | None) -> frozenset[str]:
    """Return the stop words for a text.

    Parameters:
        language: ISO 639-1 code; None when it is not known.

    Returns:
        Those of the language and the English ones, which stand on many a screen; of all six when it is not known;
        the English ones for a language without a list.
    """
    if language is None:
        return frozenset().union(*_LISTS.values())
    return _LISTS.get(language, frozenset()) | _LISTS["en"]


def is_stop_word(word: str, words: frozenset[str]) -> bool:
    """Tell whether a word is one of these, in any case; "don't" and "we'll" are, by their first part."""
    small = word.casefold().replace(APOSTROPHE, "'")
    if small in words:
        return True
    head, apostrophe, tail = small.partition("'")
    return bool(apostrophe) and tail in _CONTRACTED and head in words
