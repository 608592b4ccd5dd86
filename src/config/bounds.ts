/** Bounds that several sections of the configuration share. Times in milliseconds, sizes in bytes. */
export const SECOND = 1000;
export const DAY = 86_400_000;

/** A wait of any kind. Above 24 days timers overflow; nobody waits a day for an answer. */
export const TIMEOUT = { min: 1, max: DAY } as const;
/** All header fields of one message together. */
export const HEADER_SIZE = { min: 1024, max: 1024 * 1024 } as const;
/** The life of a key or a secret: a second to a hundred years. */
export const LIFETIME = { min: SECOND, max: 36_500 * DAY } as const;
export const CONNECTIONS = { min: 1, max: 1_000_000 } as const;
