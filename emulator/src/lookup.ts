/** A table that is asked with words from outside: it has its rows and nothing else, no `constructor` that every object has. */
export function lookup<Row>(rows: Readonly<Record<string, Row>>): Readonly<Record<string, Row>> {
  return Object.assign(Object.create(null), rows)
}
