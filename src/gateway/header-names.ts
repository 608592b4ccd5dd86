/**
 * What is done with a request header, by its name. One lookup per header and request, so names are classified once and
 * remembered as they were written.
 */
export type HeaderClass = (typeof HeaderClass)[keyof typeof HeaderClass];

export const HeaderClass = {
  /** Goes to the upstream as it came. */
  pass: 0,
  /** Never goes to the upstream. */
  drop: 1,
  host: 2,
  authorization: 3,
  contentLength: 4,
  transferEncoding: 5,
  connection: 6,
  expect: 7,
  upgrade: 8,
  forwardedFor: 9,
  forwardedProto: 10,
  forwardedHost: 11,
  requestId: 12,
  /** Dropped unless the configuration lets it through: it can change what the request means to an upstream. */
  override: 13,
  forwarded: 14,
} as const;

/** Headers for this connection only (RFC 9110 §7.6.1), which no proxy may pass on. */
const HOP_BY_HOP = [
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'http2-settings',
];

/**
 * What some upstream takes for the client's address: only the rebuilt X-Forwarded-For may say it. `Proxy` is here
 * because CGI hands it to programs as HTTP_PROXY, which many of them obey.
 */
const CLIENT_CLAIMS = [
  'forwarded-for',
  'x-forwarded',
  'x-original-forwarded-for',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-proxyuser-ip',
  'x-envoy-external-address',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-appengine-user-ip',
  'client-ip',
  'remote-addr',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'fastly-client-ip',
  'fly-client-ip',
  'do-connecting-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
  'proxy',
];

/** What some upstream takes for another method, path or host than the ones that were checked. */
const OVERRIDES = [
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-original-uri',
  'x-original-method',
  'x-original-host',
  'x-rewrite-url',
  'x-host',
  'x-forwarded-uri',
  'x-forwarded-url',
  'x-forwarded-method',
  'x-forwarded-path',
  'x-forwarded-prefix',
];

const KNOWN = new Map<string, HeaderClass>([
  ...HOP_BY_HOP.map((name) => [name, HeaderClass.drop] as const),
  ...CLIENT_CLAIMS.map((name) => [name, HeaderClass.drop] as const),
  ...OVERRIDES.map((name) => [name, HeaderClass.override] as const),
  ['host', HeaderClass.host],
  ['authorization', HeaderClass.authorization],
  ['content-length', HeaderClass.contentLength],
  ['transfer-encoding', HeaderClass.transferEncoding],
  ['connection', HeaderClass.connection],
  ['expect', HeaderClass.expect],
  ['upgrade', HeaderClass.upgrade],
  ['x-forwarded-for', HeaderClass.forwardedFor],
  ['x-forwarded-proto', HeaderClass.forwardedProto],
  ['x-forwarded-host', HeaderClass.forwardedHost],
  ['forwarded', HeaderClass.forwarded],
  ['x-request-id', HeaderClass.requestId],
]);

/** Names remembered as written, and the longest that is: clients choose them. */
const MAX_REMEMBERED = 4096;
const MAX_REMEMBERED_LENGTH = 64;
const remembered = new Map<string, HeaderClass>();

/** @param name the header's name as it was sent, in any case */
export function classOf(name: string): HeaderClass {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const found = classify(name.toLowerCase());
  if (name.length > MAX_REMEMBERED_LENGTH) return found;
  // Names that are in use come back at once; made-up ones must not keep them out for good.
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(name, found);
  return found;
}

function classify(name: string): HeaderClass {
  const plain = name.replaceAll(/[^a-z0-9]/g, '-');
  const found = KNOWN.get(plain) ?? (isReserved(plain) ? HeaderClass.drop : HeaderClass.pass);
  // CGI, WSGI and their kin read `X_Latchkey_Owner` as X-Latchkey-Owner, and some read any other character so too. A
  // name that they would confuse with one that is managed here is dropped, never understood.
  return found !== HeaderClass.pass && plain !== name ? HeaderClass.drop : found;
}

function isReserved(plain: string): boolean {
  return plain === 'x-latchkey' || plain.startsWith('x-latchkey-') || plain.startsWith('x-forwarded-');
}
