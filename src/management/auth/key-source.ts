import type { CryptoKey, JWTHeaderParameters, KeyObject } from 'jose';

/** Where the key comes from that a token is checked with. */
export interface KeySource {
  /** The algorithms that tokens may be signed with: what a token itself says never widens them. */
  readonly algorithms: readonly string[];
  /**
   * The key for a token with this header.
   *
   * @throws ManagementError when keys cannot be had, any other error when there is none for this token
   */
  key(header: JWTHeaderParameters): Promise<CryptoKey | KeyObject>;
  /** What whoever runs this should know: `… can be read by others`. */
  readonly warnings: readonly string[];
}

/** What public keys may check. None of them takes a shared secret, so that a public key can never be used as one. */
export const ASYMMETRIC = ['RS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'] as const;
