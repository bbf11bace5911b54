/** A language whose words and phrases are known, by its code in ISO 639-1. */
export type OptOutLanguage = "en" | "es" | "fr" | "pt" | "de";

/** The words and phrases of one language, in addition to the words of the US rule. */
export interface LanguageRules {
  /** Words with one meaning only, where they are the whole message. Upper case, letters only. */
  readonly words: readonly string[];
  /**
   * Phrases as patterns over plain words: lower case, no accents, no apostrophes, one space between two words. `{msg}`
   * stands for {@link LanguageRules.messages}. A pattern matches a whole message.
   */
  readonly phrases: readonly string[];
  /** Phrases without a verb, such as "no more texts". With a question mark they are a question, not a refusal. */
  readonly notices: readonly string[];
  /** A pattern of the names that people use for our messages. */
  readonly messages: string;
  /** The confirmation of an opt-out: one segment in GSM-7, no marketing, names START. */
  readonly confirmation: string;
}

const PERSON = "(me|us|this number|my number|this phone|my phone)";
const LIST = "((mailing|texting|text|sms|contact|contacts|marketing|message|messaging|phone|calling) )*(list|lists)";
const FROM_LIST = `(off|off of|from|out of) ((your|ur|this|the|all your|all of your) )?(${LIST}|database|system|contacts)`;
const AGAIN = "( again| ever| ever again| anymore| any more| any longer| no more)?";

const en: LanguageRules = {
  words: [],
  messages: "(texts?|sms|smss|(text )?messages?|text msgs?|msgs?|txts?|spam)",
  phrases: [
    `(stop|quit|cease) ((texting|messaging|txting|contacting)( ${PERSON})?|(bothering|spamming|harassing|pestering|writing|writing to) ${PERSON})${AGAIN}`,
    `(stop|quit) (calling|texting) (and|or) (calling|texting) ${PERSON}`,
    `(stop|quit) sending( me| us)?( your| the| these| this| those| all these| all of these| any more| so many| any)? {msg}${AGAIN}`,
    "stop( all| all of)?( your| the| these| those| this| any more)? {msg}",
    "(stop|cease) (all )?(further )?(contact|communications?)",
    "(end|cancel|discontinue|turn off) (all|these|those|your|all your|all these|all of these) {msg}",
    "cease and desist",
    `(dont|do not|never) (ever )?(text|message|contact|msg|txt|((call|text) (or|and) (call|text)))( ${PERSON})?${AGAIN}`,
    `(dont|do not) (bother|harass|spam) (me|us)${AGAIN}`,
    `(dont|do not|never) send( me| us)?( any| any more| anymore| more| these| those| this| your| further| anything| any further)? {msg}${AGAIN}`,
    `(remove|take|get|drop|delete|erase) (me|us|my number|this number|my phone number) ${FROM_LIST}`,
    `(remove|take|delete) my name (off|off of|from|out of) your ${LIST}`,
    "(remove|delete|erase|lose) (my|this) (phone |cell |mobile )?number",
    "remove me",
    "leave (me|us) alone",
    "(unsubscribe|unsub) (me|us|this number|my number)( now)?",
    "(unsubscribe|unsub)( me| us| this number)? from( all| all of)?( this| these| your| the| those)?( {msg}| text list| list| everything)?",
    "(unsubscribe|unsub)( from)? all",
    "unsub",
    "opt (me|us|this number) out( of( all| all of)?( this| these| your| the| those)?( {msg})?)?",
    "opt out of( all| all of)?( these| your| the| those)? {msg}",
    `i( would|d)? (want|wish|like|need) to (unsubscribe|opt out|be unsubscribed|stop (receiving|getting)( your| these| the| any)? {msg}|be (removed|taken) ${FROM_LIST})( of( all)?( these| your)? {msg}| from( all)?( these| your) {msg})?`,
    "i (dont|do not|no longer|never) (want|wish|care)( to (receive|get|have))?( any| any more| anymore| more| these| those| your| further| any of these| any of your)? {msg}( from you| from you guys)?( anymore| any more| any longer| again)?",
    "i (dont|do not|no longer) (want|wish) to be (contacted|texted|messaged)( by you)?( again| anymore| any more| any longer)?",
    "i (dont|do not) want you to (text|message|contact) me( again| anymore| any more)?",
    "i (hereby )?(revoke|withdraw)( my)? consent( to (receive|be sent) {msg})?",
    "(you do not|you dont|you no longer) have (my )?(consent|permission)( to (text|contact|message) me)?",
  ],
  notices: ["no more {msg}( from you| ever)?"],
  confirmation: "You have opted out and will get no more texts from us. Text START to get them again.",
};

const es: LanguageRules = {
  words: ["BAJA"],
  messages: "(mensajes?|mensajes de texto|mensajitos|sms|textos?|msjs?|spam)",
  phrases: [
    "(dejen|deje|deja|dejar|paren|pare|para|parar|cesen) de (escribirme|escribirnos|contactarme|textearme|molestarme|molestarnos|molestar|acosarme|escribir|((enviar|mandar)(me|nos)?( mas| tantos| sus| estos)? {msg}))( mas)?",
    "(ya )?no me (escriban|escriba|escribas|contacten|contacte|contactes|molesten|moleste|molestes|texteen|textees)( mas| nunca mas| otra vez| de nuevo)?",
    "(ya )?no (nos|me) (envien|envie|envies|manden|mande|mandes)( mas| sus| estos| ningun)? {msg}( mas| nunca mas)?",
    "(ya )?no (quiero|deseo|quisiera)( recibir| que me (envien|manden))?( mas| sus| estos| ningun| ningun otro)? {msg}( mas| suyos| de ustedes)?",
    "(ya )?no (quiero|deseo) que me (escriban|contacten|molesten|texteen)( mas)?",
    "no (enviar|enviarme|mandar|mandarme)( mas)? {msg}( mas)?",
    "no (escribirme|contactarme|molestarme) mas",
    "(quitenme|quiteme|quitame|saquenme|saqueme|sacame|borrenme|borreme|borrame|eliminenme|elimineme|eliminame|remuevanme|retirenme|retireme) de (su|sus|tu|tus|la|las|esta|estas) (lista|listas|base de datos|sistema)( de (contactos|mensajes|difusion|sms|textos|correo))?",
    "(borren|borre|borra|eliminen|elimine|elimina|quiten|quite|quita|saquen|saque) mi numero( de (telefono|celular|movil))?( de (su|sus|tu|la|esta) (lista|listas|base de datos|sistema))?",
    "(denme|deme|dame|darme) de baja( de (la|su|sus|esta) (lista|listas)| de (los|estos|sus) {msg})?",
    "(quiero|deseo|quisiera|necesito|solicito) (darme de baja|dejar de recibir( sus| estos| mas)? {msg}|desuscribirme|salir de (su|la|esta) lista)( de (la|su|esta) lista| de (los|estos|sus) {msg})?",
    "desuscribirme|desuscribanme|desuscribame",
    "(dejenme|dejeme|dejame|dejennos) (en paz|tranquil[oa])",
    "(revoco|retiro) mi consentimiento",
  ],
  notices: ["(ya )?no mas {msg}", "ni un mensaje mas", "basta de {msg}", "(stop|baja)( a los| de los| de| los)? {msg}"],
  confirmation: "Listo: no le enviaremos otro mensaje. Para volver a recibir mensajes, responda START.",
};

const fr: LanguageRules = {
  words: ["ARRET"],
  messages: "(sms|messages?|textos?|msgs?|pubs?|spams?)",
  phrases: [
    "(arretez|arrete|arreter|cessez|cesse|cesser|stop) (de|d) (mecrire|me contacter|me texter|me deranger|me harceler|mimportuner|me spammer|menvoyer( des| vos| ces| tous ces| tous vos| de)? {msg})",
    "(arretez|arreter|cessez|cesser|stoppez) (les|vos|ces|tous vos|tous ces|avec les|avec vos|lenvoi de|lenvoi des|lenvoi de vos) {msg}",
    "ne (mecrivez|mecris|me contactez|me contacte|me texte|me textez|me derangez|mimportunez) plus( jamais)?",
    "ne (menvoyez|menvoie|menvoies) plus( jamais)?( de| d| vos| aucun| ces| dautres| des| tes)? {msg}",
    "(de )?ne plus (me contacter|mecrire|me texter|me deranger|(menvoyer|recevoir|envoyer)( de| vos| ces| dautres| aucun)? {msg})",
    "je ne (veux|souhaite|desire|voudrais) (plus|pas)( recevoir| avoir)?( de| vos| ces| aucun| dautres| tous ces)? {msg}( de votre part| de vous)?",
    "je ne (veux|souhaite|desire) plus etre (contacte|contactee|derange|derangee|sollicite|sollicitee)( par vous)?",
    "((je (veux|souhaite|voudrais|desire|souhaiterais|vais) )?(me|se) desabonner|desabonnez moi|desabonne moi|desabonnement|desabonner)( de (votre|vos|cette|la|ces) (liste|listes|{msg})| des {msg})?",
    "((desinscrivez|desinscris) moi|me desinscrire) de (votre|vos|cette|la) (liste|listes)( de diffusion| denvoi)?",
    "(retirez|retire|enlevez|enleve|supprimez|supprime|effacez|efface|rayez|otez|sortez|retirer|enlever|supprimer) moi de (votre|vos|la|cette|ta|toutes vos) (liste|listes|base|fichier|fichiers|base de donnees)( de (diffusion|contacts?|clients?)| denvoi)?",
    "(de )?me (retirer|enlever|supprimer|rayer|sortir) de (votre|vos|la|cette|toutes vos) (liste|listes|base|fichier|fichiers)( de (diffusion|contacts?|clients?)| denvoi)?",
    "(de )?(retirez|retirer|enlevez|enlever|supprimez|supprimer|effacez|effacer) mon (numero|numero de telephone)( de (votre|vos|la|cette|toutes vos) (liste|listes|base|fichier|fichiers))?",
    "(laissez|laisse) (moi|nous) (tranquilles?|en paix)",
    "(fichez|fiche|foutez|fous) moi la paix",
    "je (retire|revoque) mon consentement",
  ],
  notices: ["plus (de|d|aucun|daucun) {msg}", "(stop|arret)( les| aux| vos| ces| des| a vos)? {msg}"],
  confirmation: "C'est fait : vous ne recevrez plus nos messages. Pour les recevoir de nouveau, envoyez START.",
};

const INCOMODE =
  "(contate|contatem|contacte|contactem|contactes|escreva|escrevam|incomode|incomodem|perturbe|perturbem|chateiem)";

const pt: LanguageRules = {
  words: ["PARAR"],
  messages: "(mensagem|mensagens|mensagens de texto|sms|torpedos?|textos?|msgs?|spam)",
  phrases: [
    "(pare|parem|para|parar|deixe|deixem|deixar|cessem) de (me )?(escrever|contatar|contactar|incomodar|importunar|perturbar|chatear|((mandar|enviar)( me)?( mais| essas| estas| tantas| suas)? {msg}))( me)?",
    "nao me (mande|mandem|manda|mandes|envie|enviem|envies)( mais| nenhuma| suas| essas)? {msg}( mais| nunca mais)?",
    "nao (mande|mandem|envie|enviem|enviar|mandar) (mais {msg}|{msg} mais)",
    "nao (quero|desejo|queremos|gostaria de)( mais)?( receber)?( mais| suas| essas| estas| as| nenhuma)? {msg}( mais| de voces| suas)?",
    "nao (quero|desejo) (mais )?ser (contatad|contactad)[oa]( mais)?",
    `nao (me ${INCOMODE}|${INCOMODE} me)( mais| nunca mais)?`,
    "nao (entre|entrem)( mais)? em contato( comigo)?( mais| novamente)?",
    "(me (tire|tirem|remova|remover|removam|retire|retirem|exclua|excluam|apague|apaguem)|(tire|tirem|remova|removam|retire|retirem|exclua|excluam|apaguem) me) (da|de|dessa|desta|das|do|desse) ((sua|suas|vossa|vossas|seu) )?(lista|listas|base|cadastro|sistema)( de (contatos|contactos|transmissao|envio|mensagens|sms))?",
    "(tire|tirem|tirar|remova|remover|removam|retire|retirem|apague|apaguem|apagar|exclua|excluam|excluir|delete|deletem) (o )?meu (numero|telefone|numero de telefone)( (da|de|dessa|desta|das|do) ((sua|suas|vossa|seu) )?(lista|listas|base|cadastro|sistema))?",
    "((quero|gostaria de|desejo|preciso) )?(me descadastrar|descadastrar|sair (da|dessa|desta|de sua|da sua|da vossa) lista)( da lista| dessa lista)?",
    "(me (descadastre|descadastrem)|(descadastre|descadastrem) me)( da lista| dessa lista)?",
    "(quero|gostaria de|desejo) (parar|deixar) de receber( suas| essas| estas| as| mais)? {msg}",
    "(quero )?cancelar (o recebimento|o envio) de( suas| essas)? {msg}",
    "(me (deixe|deixem|deixa)|(deixe|deixem) me) em paz",
    "(revogo|retiro) (o )?meu consentimento",
  ],
  notices: ["(chega|basta) de {msg}", "(sem|nao) mais {msg}", "(stop|parar)( de| com| as| com as)? {msg}"],
  confirmation: "Pronto: sem mais mensagens nossas. Para receber de novo, responda START.",
};

const LISTE_DE = "(liste|listen|verteiler|mailingliste|kontaktliste|kundenliste|sms liste|datenbank|kartei)";
const VON_DER_LISTE = `(von|aus) (der|ihrer|eurer|deiner|dieser|dem|ihrem|eurem|allen|ihren) ${LISTE_DE}`;

const de: LanguageRules = {
  words: ["STOPP"],
  messages: "(sms|smsen|nachrichten|nachricht|textnachrichten|kurznachrichten|werbung|werbe sms|spam)",
  phrases: [
    "(hort|hoert|hor|hoer|hore|hoere|horen sie|hoeren sie)( bitte)?( endlich)? auf( damit)?( bitte)? (mir|mich|uns) (zu (schreiben|kontaktieren|belastigen|belaestigen|nerven|simsen)|(sms|nachrichten|werbung) zu (schicken|senden|schreiben))",
    "(bitte )?(aufhoren|aufhoeren) (mir|mich) (zu (schreiben|kontaktieren|belastigen|belaestigen)|(sms|nachrichten) zu (schicken|senden|schreiben))",
    "(schreibt|schreib|schreibe|schreiben sie) (mir|uns)( bitte)? (nicht mehr|nie wieder|nie mehr)",
    "(kontaktiert|kontaktiere|kontaktieren sie|belastigt|belastigen sie|belaestigen sie) (mich|uns)( bitte)? (nicht mehr|nicht weiter|nie wieder|nie mehr)",
    "(mich |mir )?nicht mehr (schreiben|anschreiben|kontaktieren|belastigen|belaestigen)",
    "(schickt|schick|schicke|schicken sie|sendet|sende|senden sie|schreibt|schreib|schreiben sie) (mir|uns)( bitte)? keine( weiteren| weitere)? {msg}( mehr)?",
    "ich (mochte|moechte|will|wunsche|wuensche)( bitte)? keine( weiteren| weitere| ihrer| eurer)? {msg}( mehr)?( von (ihnen|euch))?( erhalten| bekommen| haben| empfangen| kriegen)?",
    "ich (mochte|moechte|will) nicht (mehr|weiter) (kontaktiert|angeschrieben) werden",
    `(nehmt|nimm|nehmen sie|streicht|streiche|streichen sie|entfernt|entferne|entfernen sie|loscht|loescht|losche|loesche|loschen sie|loeschen sie) mich( bitte)? ${VON_DER_LISTE}`,
    `(melden sie|meldet|melde) mich( bitte)? (${VON_DER_LISTE}|von (den|diesen|ihren|euren|allen) {msg}) ab`,
    `(loscht|loescht|losche|loesche|loschen sie|loeschen sie|entfernt|entferne|entfernen sie|streichen sie|streicht)( bitte)? meine (nummer|telefonnummer|handynummer|rufnummer)( ${VON_DER_LISTE})?`,
    `(meine|diese) (nummer|telefonnummer|handynummer|rufnummer)( bitte)?( ${VON_DER_LISTE})? (loschen|loeschen|entfernen|streichen)`,
    "(lasst|lass|lassen sie) (mich|uns)( bitte)?( endlich)?( einfach)? in ruhe",
    "((ich (mochte|moechte|will) )?(die|diese|ihre|eure|alle) )?(sms|nachrichten|textnachrichten) abbestellen",
    "ich (widerrufe (hiermit )?meine (einwilligung|zustimmung)|ziehe meine (einwilligung|zustimmung) zuruck)",
  ],
  notices: [
    "keine (weiteren |weitere )?{msg} mehr( schicken| senden| schreiben| zusenden)?",
    "keine (weiteren|weitere) {msg}( schicken| senden| schreiben| zusenden)?",
    "(stopp|stop)( mit)?( den| die| der| ihren)? {msg}",
  ],
  confirmation: "Erledigt: Sie bekommen keine Nachrichten mehr von uns. Mit START bekommen Sie sie wieder.",
};

/** The rules of each language, reviewed by hand. `docs/guide/consent.md` shows them without patterns. */
export const LANGUAGES: Readonly<Record<OptOutLanguage, LanguageRules>> = { en, es, fr, pt, de };

export const LANGUAGE_CODES: readonly OptOutLanguage[] = ["en", "es", "fr", "pt", "de"];
