import type { Environment } from './environment.ts';

/** Why a value cannot be filled in: a sentence without the value. */
export interface InterpolationFault {
  readonly fault: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/**
 * Fills `${NAME}` and `${NAME:-default}` in from the environment; the default also stands in for an empty variable, as
 * in a shell. `$${` is a plain `${`. Runs once, from left to right: what is filled in is not read again, and it happens
 * to parsed values only, so that no variable can add a setting.
 */
export function interpolate(text: string, environment: Environment): string | InterpolationFault {
  let out = '';
  let from = 0;
  for (;;) {
    const open = text.indexOf('${', from);
    if (open < 0) return out + text.slice(from);
    if (open > from && text[open - 1] === '$') {
      out += `${text.slice(from, open - 1)}\${`;
      from = open + 2;
      continue;
    }
    const close = text.indexOf('}', open);
    if (close < 0)
      return { fault: '"${" is never closed; expected ${NAME} or ${NAME:-default}, or "$${" for a plain "${"' };
    const value = lookUp(text.slice(open + 2, close), environment);
    if (typeof value !== 'string') return value;
    out += text.slice(from, open) + value;
    from = close + 1;
  }
}

function lookUp(reference: string, environment: Environment): string | InterpolationFault {
  const colon = reference.indexOf(':-');
  const name = colon < 0 ? reference : reference.slice(0, colon);
  if (!NAME.test(name)) {
    return { fault: `expected \${NAME} or \${NAME:-default} with a NAME of letters, digits and "_"` };
  }
  const value = environment[name];
  if (colon >= 0) return value === undefined || value === '' ? reference.slice(colon + 2) : value;
  return value ?? { fault: `the environment variable ${name} is not set, and there is no default (\${${name}:-…})` };
}
