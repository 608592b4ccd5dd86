import type { PlacesSource, PlacesStatus, PlacesTrouble } from '../core/places.ts';

/** How it stands with what says where addresses are, as sentences; null when nothing of the kind is configured. */
export function describePlaces({ country, tor }: PlacesStatus): string | null {
  const said = [
    ...(country === null ? [] : [saying(country, describeDatabase(country))]),
    ...(tor === null ? [] : [saying(tor, describeList(tor))]),
  ];
  return said.length === 0 ? null : said.join('. ');
}

function saying({ setting, troubles }: PlacesSource, serving: string): string {
  return [`${setting}: ${serving}`, ...troubles.map(describeTrouble)].join('; ');
}

/** Why, with all that was sent or read, is for the log alone. */
function describeTrouble({ setting, code, since }: PlacesTrouble): string {
  const problem = code === 'PLACES_INVALID' ? 'is not what it should be' : 'cannot be read or written';
  return `${setting} ${problem} since ${new Date(since).toISOString()}, see the log`;
}

function describeDatabase({ loaded }: PlacesSource): string {
  return loaded === null ? 'no database' : `the database of ${dayOf(loaded.at)} serves`;
}

function describeList({ loaded }: PlacesSource): string {
  if (loaded === null) return 'there is no list yet, and whoever may not come over Tor is refused';
  return `the list of ${new Date(loaded.at).toISOString()} with ${loaded.addresses} addresses serves`;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
