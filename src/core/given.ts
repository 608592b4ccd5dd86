/** The members of something that may be left unsaid, as far as they are said. */
export type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined: to say nothing about a field leaves it alone. */
export function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
