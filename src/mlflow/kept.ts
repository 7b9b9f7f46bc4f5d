import { hash } from 'node:crypto'
import { isFault } from '../core/errors.ts'
import type { Pair, TrackedRun } from './tracking.ts'

/** What a place may refuse by its name or its value. */
export type KeptKind = 'tag' | 'param' | 'metric'

/**
 * Names and values that a place refused, cut or dropped are kept there under keys of ours, from which they are read
 * again as they were: `holdfast.tag.{key}`, `holdfast.param.{key}`, `holdfast.metric.{key}` with the key escaped, or,
 * where key or value are long, tags `holdfast.{kind}-{digest}.{n}-{of}` that hold both in parts.
 */
const PREFIX = 'holdfast.'
/**
 * Characters of a key and of a value: no more than any place is known to take, which is Azure ML of the tags of a run
 * (learn.microsoft.com, azure/machine-learning/resource-limits-capacity).
 */
const [LONGEST_KEY, LONGEST_VALUE] = [100, 1000]
const DIGEST = 32

const SIMPLE = /^holdfast\.(tag|param|metric)\.(.*)$/s
const PART = /^holdfast\.(tag|param|metric)-([0-9a-f]{32})\.(\d+)-(\d+)$/
const LONG_METRIC = /^holdfast\.metric-([0-9a-f]{32})$/

/** The key under which a name of this kind is kept where nothing but the name is to be changed. */
export function keptKey(kind: KeptKind, key: string): string | undefined {
  const kept = `${PREFIX}${kind}.${escaped(key)}`
  return kept.length <= LONGEST_KEY ? kept : undefined
}

/** The tags that keep a tag or a parameter. */
export function keptPairs(kind: Exclude<KeptKind, 'metric'>, { key, value }: Pair): readonly Pair[] {
  const kept = keptKey(kind, key)
  return kept === undefined || value.length > LONGEST_VALUE ? inParts(kind, { key, value }) : [{ key: kept, value }]
}

/** The name that a metric has instead of its own, and the tags without which that name says nothing. */
export function keptMetric(key: string): { readonly key: string; readonly tags: readonly Pair[] } {
  const kept = keptKey('metric', key)
  if (kept !== undefined) return { key: kept, tags: [] }
  return { key: `${PREFIX}metric-${digestOf('metric', key, '')}`, tags: inParts('metric', { key, value: '' }) }
}

/** Names and values as they were before a place took them in its own way. */
export interface Names {
  readonly tags: ReadonlyMap<string, string>
  readonly params: ReadonlyMap<string, string>
  /** Keys under which the place has a tag or parameter, beside its own. */
  kept(kind: Exclude<KeptKind, 'metric'>, key: string): readonly string[]
  /** Keys under which the place has a metric, by its own. */
  readonly metrics: ReadonlyMap<string, readonly string[]>
  metric(ownKey: string): string
}

/** Reads names and values of a run. What is kept counts more than what stands under the name itself. */
export function namesOf({ tags, params, latest }: Pick<TrackedRun, 'tags' | 'params' | 'latest'>): Names {
  const kept = keptIn(tags)
  const metric = (own: string) => metricIn(own, kept.metrics)
  const metrics = new Map<string, string[]>()
  for (const { key } of latest) metrics.set(metric(key), [...(metrics.get(metric(key)) ?? []), key])
  const over = (pairs: readonly Pair[], kind: 'tag' | 'param') =>
    new Map([
      ...pairs.filter(({ key }) => !kept.own.has(key)).map(({ key, value }) => [key, value] as const),
      ...[...kept[kind]].map(([key, { value }]) => [key, value] as const),
    ])
  return {
    tags: over(tags, 'tag'),
    params: over(params, 'param'),
    kept: (kind, key) => kept[kind].get(key)?.under ?? [],
    metrics,
    metric,
  }
}

/** Tags as they were before a place took them in its own way. */
export function tagsOf(tags: readonly Pair[]): Names {
  return namesOf({ tags, params: [], latest: [] })
}

/** Sets a tag under its own key or, where the place refuses that, under keys of ours. True if it was kept so. */
export async function setOrKeep(tag: Pair, set: (tag: Pair) => Promise<void>): Promise<boolean> {
  try {
    await set(tag)
    return false
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused', 'azure/denied')) throw thrown
    for (const kept of keptPairs('tag', tag)) await set(kept)
    return true
  }
}

interface Kept {
  readonly value: string
  readonly under: readonly string[]
}

function keptIn(tags: readonly Pair[]) {
  const found = { tag: new Map<string, Kept>(), param: new Map<string, Kept>(), metrics: new Map<string, string>() }
  const own = new Set<string>()
  const parts = new Map<string, Pair[]>()
  for (const tag of tags) {
    if (!tag.key.startsWith(PREFIX)) continue
    const [, kind = '', key = ''] = SIMPLE.exec(tag.key) ?? []
    if (kind === 'tag' || kind === 'param') {
      own.add(tag.key)
      found[kind].set(unescaped(key), { value: tag.value, under: [tag.key] })
    }
    const [, of, digest, , count] = PART.exec(tag.key) ?? []
    if (of === undefined) continue
    own.add(tag.key)
    const group = `${of} ${digest} ${count}`
    parts.set(group, [...(parts.get(group) ?? []), tag])
  }
  for (const [group, some] of parts) {
    const [kind = '', digest = '', count] = group.split(' ')
    const pair = joined(some, Number(count))
    if (pair === undefined || digestOf(kind as KeptKind, pair.key, pair.value) !== digest) continue
    if (kind === 'metric') found.metrics.set(digest, pair.key)
    else found[kind as 'tag' | 'param'].set(pair.key, { value: pair.value, under: some.map(({ key }) => key) })
  }
  return { ...found, own }
}

function metricIn(own: string, long: ReadonlyMap<string, string>): string {
  const [, kind, key = ''] = SIMPLE.exec(own) ?? []
  if (kind === 'metric') return unescaped(key)
  const [, digest = ''] = LONG_METRIC.exec(own) ?? []
  return long.get(digest) ?? own
}

/** Both in as many tags as it takes, in characters that no place changes. */
function inParts(kind: KeptKind, { key, value }: Pair): readonly Pair[] {
  const text = JSON.stringify([key, value]).replace(
    /[^ -~]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const count = Math.ceil(text.length / LONGEST_VALUE)
  const name = `${PREFIX}${kind}-${digestOf(kind, key, value)}`
  return Array.from({ length: count }, (_, n) => ({
    key: `${name}.${n + 1}-${count}`,
    value: text.slice(n * LONGEST_VALUE, (n + 1) * LONGEST_VALUE),
  }))
}

/** `undefined` while not all parts are there. */
function joined(parts: readonly Pair[], count: number): Pair | undefined {
  if (parts.length !== count) return undefined
  const numbered = parts.map((part) => [Number(PART.exec(part.key)?.[3]), part.value] as const)
  const text = numbered.toSorted(([one], [other]) => one - other).map(([, value]) => value)
  try {
    const [key, value] = JSON.parse(text.join('')) as readonly unknown[]
    return typeof key === 'string' && typeof value === 'string' ? { key, value } : undefined
  } catch {
    return undefined
  }
}

function digestOf(kind: KeptKind, key: string, value: string): string {
  return hash('sha256', JSON.stringify([kind, key, value])).slice(0, DIGEST)
}

/**
 * A key in letters, digits, `_`, `-` and `.`, which every place takes: all else is `__` and two hexadecimal digits for
 * each byte of its UTF-8, and so is `_` beside another.
 */
function escaped(key: string): string {
  return key.replace(/_{2,}|[^\w.-]+/g, (some) =>
    [...Buffer.from(some, 'utf8')].map((byte) => `__${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}

function unescaped(text: string): string {
  return text.replace(/(?:__[0-9a-f]{2})+/g, (some) => Buffer.from(some.replaceAll('__', ''), 'hex').toString('utf8'))
}
