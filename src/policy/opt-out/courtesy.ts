/*
 * Expressions around a refusal that do not change its meaning, as plain words: no accents, no apostrophes.
 */

/** Before a word: a greeting. */
export const GREETINGS: Courtesies = listed(`
  hi, hello, hey, hiya, hi there, hello there, hey there, hi all, hi team, hello team, dear sir, dear madam, dear sir or madam,
  good morning, good afternoon, good evening, good day,
  hola, buenas, buenos dias, buenas tardes, buenas noches,
  bonjour, bonsoir, salut, bonjour madame, bonjour monsieur, bonjour a tous, madame, monsieur,
  oi, ola, bom dia, boa tarde, boa noite,
  hallo, moin, servus, guten tag, guten morgen, guten abend, gruss gott, sehr geehrte damen und herren`);

/** Before or after a word: thanks, and the end of a letter. */
export const THANKS: Courtesies = listed(`
  thanks, thank you, thank u, thankyou, thx, thnx, tks, ty, cheers, thanks a lot, thanks so much, thank you so much,
  thank you very much, many thanks, thanks in advance, thank you in advance, thanks again, thanks anyway,
  thanks and bye, bye, goodbye, good bye, have a nice day, have a good day, have a great day, regards, best regards,
  kind regards, sincerely, god bless,
  gracias, muchas gracias, mil gracias, gracias de antemano, saludos, adios, buen dia,
  merci, merci beaucoup, merci bien, merci d avance, merci davance, cordialement, au revoir, bonne journee,
  obrigado, obrigada, muito obrigado, muito obrigada, grato, grata, atenciosamente, tchau, abracos,
  danke, vielen dank, danke schon, danke sehr, danke schoen, besten dank, mit freundlichen grussen, mfg, lg, tschuss`);

/** Around a word with one meaning only, or around a phrase: a plea, urgency, or a reason. */
export const PLEAS: Courtesies = listed(`
  please, pls, plz, plse, pleas, kindly, please just, now, right now, immediately, asap, at once, already, for good,
  wrong number, you have the wrong number, not interested, i am not interested, im not interested, no thanks, no thank you,
  no interest,
  por favor, porfavor, porfa, favor, favor de, les pido, ahora, ahora mismo, ya mismo, inmediatamente, de inmediato,
  numero equivocado, no me interesa, no estoy interesado, no estoy interesada, no gracias,
  svp, stp, sil vous plait, sil te plait, sil vs plait, maintenant, immediatement, tout de suite, pas interesse,
  pas interessee, je ne suis pas interesse, je ne suis pas interessee, non merci, mauvais numero,
  se faz favor, pf, pfv, agora, agora mesmo, imediatamente, numero errado, nao tenho interesse, nao obrigado, nao obrigada,
  bitte, jetzt, sofort, ab sofort, kein interesse, falsche nummer, nein danke`);

/** Before a phrase: the beginning of a request. */
export const REQUESTS: Courtesies = listed(`
  can you, could you, would you, will you, can u, can you guys, could you guys, you need to, you must, you have to, i want you to,
  i need you to, i would like you to, id like you to, i said, i told you to, i asked you to, just, ok, okay, sorry, again,
  for the last time, i repeat,
  pueden, puede, podrian, podria, puedes, quiero que, necesito que, les pido que, disculpe, perdon,
  pouvez vous, pourriez vous, peux tu, merci de, veuillez, priere de, je vous prie de, je vous demande de,
  podem, pode, poderiam, poderia, peco que, quero que, gostaria que, por gentileza, desculpe,
  konnen sie, konnten sie, koennen sie, koennten sie, konnt ihr, konntet ihr, ich sagte`);

/**
 * A separate sentence before or after a phrase. Directly before a verb, such a word would reverse the meaning ("no
 * dejen de …").
 */
export const ASIDES: Courtesies = listed("no, nope, non, nao, nein, ok, okay, sorry, hey");

/** Expressions of one or more words. */
export interface Courtesies {
  readonly all: ReadonlySet<string>;
  /** The first words of the expressions. They and the last words exclude most messages without a search. */
  readonly first: ReadonlySet<string>;
  readonly last: ReadonlySet<string>;
}

function listed(text: string): Courtesies {
  const all = text.split(",").map((entry) => entry.trim().toUpperCase());
  return {
    all: new Set(all),
    first: new Set(all.map((entry) => entry.split(" ")[0] ?? "")),
    last: new Set(all.map((entry) => entry.split(" ").at(-1) ?? "")),
  };
}
