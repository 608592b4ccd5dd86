/** How far an attempt to get an answer from an upstream has come. */
export const IDLE = 0;
export const WAITING = 1;
export const CONNECTING = 2;
export const SENDING = 3;
/** The request was sent whole. */
export const SENT = 4;
