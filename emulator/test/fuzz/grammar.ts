import type { Random } from '../../../test/simulation/random.ts'

/** Values that somebody who means harm puts where a name, a text or a number belongs. */
const HOSTILE_TEXTS = [
  '',
  '..',
  '../../../../etc/passwd',
  '..\\..\\windows',
  '/etc/passwd',
  '\0',
  'a\0b',
  '__proto__',
  'constructor',
  'toString',
  "' OR '1'='1",
  '"; DROP TABLE runs; --',
  '%',
  '%zz',
  '%2e%2e%2f',
  '*',
  '.',
  'x'.repeat(3000),
  'é🦊\u202e',
  '\ud800',
  '[concat(',
  '${{parent.inputs.x}}',
  '-1',
  '1e999',
  'NaN',
  '9999999999999999999999',
  '0001-01-01T00:00:00Z',
  'PT-1S',
  '\r\nx-injected: 1',
  'null',
] as const

/** Texts at which a careless reader's cost grows with more than their length, or which make more of a query than it can be. */
const LONG_TEXTS = [
  `${'/'.repeat(100_000)}x`,
  `${' '.repeat(100_000)}x`,
  `${'../'.repeat(30_000)}x`,
  `azureml://${'workspaces/a/'.repeat(8000)}`,
  `azureml://datastores/a/paths/${'/'.repeat(100_000)}x`,
  `[${"concat('a',".repeat(5000)}`,
  `status eq x${')'.repeat(60_000)} y`,
  Array(1100).fill("attributes.run_id != 'x'").join(' and '),
  Array(1100).fill("status eq 'x'").join(' and '),
  Array(1100).fill('createdUtc').join(','),
  `name LIKE '${'%a'.repeat(40)}b'`,
  `tags.a ILIKE '${'%a'.repeat(40_000)}'`,
  "constructor.a = 'x'",
  "constructor eq 'x'",
  'x'.repeat(300_000),
] as const

const HOSTILE_VALUES: readonly unknown[] = [
  ...HOSTILE_TEXTS,
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 53 + 2,
  [],
  {},
  [[]],
  [null],
  [{}],
  { a: null },
  { length: -1 },
]

/** Known names of parameters of paths and queries, with values that are there. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  name: ['base', 'thing', 'fuzz', 'c'],
  version: ['1', '2'],
  id: ['job1', 'a1', 'k1', 'zz'],
  runId: ['run-1'],
  experimentName: ['Default', 'fuzz'],
  experimentId: ['0'],
  c: ['azureml', 'other', '$logs', '$root'],
  b: ['blob', 'a/b'],
  t: ['10ca1e00-0000-4000-8000-000000000001', 'common'],
  location: ['eastus2'],
  n: ['Microsoft.KeyVault', 'Microsoft.Odd'],
  origin: ['ExperimentRun', 'LocalUpload'],
  container: ['dcid.run-1'],
}

const QUERIES = [
  '$top',
  '$skip',
  '$filter',
  '$orderby',
  'listViewType',
  'tags',
  'path',
  'prefix',
  'marker',
  'maxresults',
  'delimiter',
  'include',
  'pageSize',
  'continuationToken',
  'run_id',
  'metric_key',
  'filter',
  'order_by',
  'max_results',
  'page_token',
  'underlyingResourceAction',
  'forceToPurge',
  'orderBy',
  'count',
  'offset',
  'snapshot',
  'timeout',
  'sig',
  'se',
]

/** One in so many requests goes as it is meant. */
const GOOD_SHARE = 0.25
/** A hostile value is a long text so often. */
const LONG_SHARE = 0.15
/** A list that is too long has so many of its first item. */
const MANY = 3000
/** A parameter of a path is hostile so often. */
const HOSTILE_SHARE = 0.15

export function someOf<T>(random: Random, values: readonly [T, ...T[]] | readonly T[]): T {
  return values[random.whole(0, values.length - 1)] as T
}

/** A value of a parameter of a path, percent-encoded. `fixed` are those that say where everything is. */
export function pathValue(random: Random, name: string, fixed: Readonly<Record<string, string>>): string {
  const where = fixed[name]
  if (random.chance(where === undefined ? HOSTILE_SHARE : HOSTILE_SHARE / 10)) {
    const text = someOf(random, HOSTILE_TEXTS)
    // Some are sent as they are, with the escapes that they hold.
    if (/^[\w%.]+$/.test(text) && random.chance(0.5)) return text
    return text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80'
  }
  return where ?? encodeURIComponent(someOf(random, GOOD[name] ?? ['thing', 'fuzz', 'a1', 'other']))
}

/** Parameters of a query, as text without the mark. */
export function someQuery(random: Random): readonly string[] {
  const count = random.chance(0.5) ? 0 : random.whole(1, 3)
  return Array.from({ length: count }, () => {
    const text = random.chance(0.5)
      ? someOf(random, HOSTILE_TEXTS)
      : someOf(random, ['1', 'a', 'All', 'true', "name eq 'x'"])
    const value = text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80'
    return `${encodeURIComponent(someOf(random, QUERIES))}=${random.chance(0.05) ? '%zz' : value}`
  })
}

/** A body near one that passes: JSON with something in it changed, or bytes that are not JSON any more. */
export function someBody(random: Random, seed: unknown): Buffer {
  if (random.chance(GOOD_SHARE)) return Buffer.from(JSON.stringify(seed))
  let value = seed
  const changes = random.whole(1, 4)
  for (let change = 0; change < changes; change++) value = mutated(random, value)
  const text = JSON.stringify(value) ?? 'null'
  return random.chance(0.15) ? damaged(random, text) : Buffer.from(text)
}

function hostile(random: Random): unknown {
  return random.chance(LONG_SHARE) ? someOf(random, LONG_TEXTS) : someOf(random, HOSTILE_VALUES)
}

/** The value with one thing in it replaced, removed, doubled or buried. */
function mutated(random: Random, value: unknown): unknown {
  const inside = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!inside || random.chance(0.1)) return hostile(random)
  if (Array.isArray(value) && random.chance(0.02)) return Array.from({ length: MANY }, () => value[0])
  if (Array.isArray(value)) {
    const at = random.whole(0, value.length - 1)
    if (random.chance(0.1)) return [...value, ...value]
    return value.with(at, mutated(random, value[at]))
  }
  const entries = Object.entries(value as Readonly<Record<string, unknown>>)
  const [key, held] = someOf(random, entries)
  const kept = Object.fromEntries(entries.filter(([one]) => one !== key))
  if (random.chance(0.12)) return kept
  if (random.chance(0.08)) return { ...kept, [someOf(random, HOSTILE_TEXTS)]: held }
  return { ...kept, [key]: random.chance(0.35) ? hostile(random) : mutated(random, held) }
}

const DEEP = 20_000

function damaged(random: Random, text: string): Buffer {
  switch (random.whole(0, 7)) {
    case 0:
      return Buffer.from(text.slice(0, random.whole(0, text.length)))
    case 1:
      return Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('}')])
    case 2:
      return Buffer.from('['.repeat(DEEP) + ']'.repeat(DEEP))
    case 3:
      return Buffer.from(`${'{"properties":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`)
    case 4:
      return Buffer.from(text.replace('{', '{"__proto__":{"polluted":true},"__proto__":1,'))
    case 5:
      return Buffer.from(`${text}${text}`)
    case 6:
      return Buffer.from(
        `{"properties":{"tags":${JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`k${n}`, 'v'])))}}}`,
      )
    default:
      return Buffer.from(random.chance(0.5) ? '' : `\ufeff${text}`, 'utf8')
  }
}
