import type { CompiledRestriction } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { RequestView } from '../core/request.ts';

/** What the checks are shown of a request that was only described. It knows what was looked at and is not known. */
export class DescribedView implements RequestView {
  readonly method: string;
  readonly path: string;
  readonly at: number;
  readonly #address: string | null;
  readonly #userAgent: string | null;
  readonly #missed = new Set<string>();
  /** Whether something that is enforced looked at what is not known, so that what it says is not known either. */
  isInDoubt = false;

  /** @param address canonical */
  constructor(method: string, path: string, at: number, address: string | null, userAgent: string | null) {
    this.method = method;
    this.path = path;
    this.at = at;
    this.#address = address;
    this.#userAgent = userAgent;
  }

  get address(): string {
    if (this.#address === null) this.#missed.add('address');
    return this.#address ?? '';
  }

  header(name: string): string | undefined {
    // Any secret will do: the finder knows one key only.
    if (name === 'authorization') return 'Bearer -';
    if (name !== 'user-agent') {
      // Of no other one a description says whether the request has it.
      this.#missed.add(`header ${name}`);
      return undefined;
    }
    if (this.#userAgent === null) this.#missed.add('User-Agent');
    return this.#userAgent === null || this.#userAgent === '' ? undefined : this.#userAgent;
  }

  /** What the restriction that was tested last looked at, and was not given: `address`, `User-Agent`, `header x-device`. */
  get missed(): readonly string[] {
    return [...this.#missed];
  }

  /**
   * The same restriction, but that it passes what it cannot know.
   *
   * @param unknownHere kinds that look at what is not known here
   */
  watched(restriction: CompiledRestriction, unknownHere: ReadonlySet<string>): CompiledRestriction {
    const test = (): Denial | null => {
      this.#missed.clear();
      const denial = restriction.test(this);
      if (this.#missed.size === 0 && !restsOnUnknown(restriction, denial, unknownHere)) return denial;
      if (!restriction.isShadow) this.isInDoubt = true;
      return null;
    };
    return { ...restriction, test };
  }
}

/** Whether a verdict might be another if more were known here. What cannot be read refuses everybody, whoever they are. */
export function restsOnUnknown(
  { name }: CompiledRestriction,
  denial: Denial | null,
  unknownHere: ReadonlySet<string>,
): boolean {
  return unknownHere.has(name) && denial?.reason === undefined;
}
