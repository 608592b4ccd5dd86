/** The officially assigned codes of ISO 3166-1 alpha-2. */
const CODES: ReadonlySet<string> = new Set(
  `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
   CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
   GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
   KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY
   MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM
   PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
   SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
   UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`.split(/\s+/),
);

/** What people write instead: reserved codes, and the three letters that are known best. */
const MEANT: Readonly<Record<string, string>> = { UK: 'GB', EL: 'GR', USA: 'US', GBR: 'GB' };

/** All codes, in alphabetical order. */
export const COUNTRY_CODES: readonly string[] = [...CODES];

/** Whether a text is the code of a country, in capitals. */
export function isCountryCode(text: string): boolean {
  return CODES.has(text);
}

/**
 * The code that a wrong one was probably meant to be: it knows other cases (`nl`), `UK` and the like, and English names.
 * @returns null when there is no saying: any two letters are near to some code
 */
export function meantCountry(text: string): string | null {
  const wanted = text.trim().toUpperCase();
  if (CODES.has(wanted)) return wanted;
  if (Object.hasOwn(MEANT, wanted)) return MEANT[wanted] ?? null;
  const names = new Intl.DisplayNames('en', { type: 'region' });
  return COUNTRY_CODES.find((code) => names.of(code)?.toUpperCase() === wanted) ?? null;
}
