import { Fault } from './errors.ts'
import type { Json, JsonObject, Kind } from './model.ts'
import { type PlaceNames, type Renaming, renaming, SUBNET, type Word, wordsOf } from './place-names.ts'
import { fromTokens, type Rewrite, token, toTokens } from './place-patterns.ts'

/**
 * The two-way rewriting between what names one side and what names neither.
 *
 * For every `x` in Azure's own spelling `local(portable(x))` is `x`; ids in another case come back in Azure's.
 * For everything that one side made portable, the other side's `portable(local(…))` is the identity, so equal
 * things have equal digests on both sides. What belongs to no side (other workspaces, registries, curated assets) is
 * left as it is. Values are rewritten, the text inside them too; names of fields are not. A bare name is rewritten only
 * because of its field, so never in tags and parameters, whose names are people's.
 */
export interface Translation {
  portable<T extends Json>(value: T): T
  /** @throws Fault `plan/dangling-reference` where the value names something that this side does not have */
  local<T extends Json>(value: T): T
  /** The name by which both sides know what is called `name` here. Differs only where the policy maps it. */
  portableName(kind: Kind, name: string): string
  /** The inverse of {@link portableName}. */
  localName(kind: Kind, name: string): string
}

/** `peer` is the other side, where it is known: what one side says about the other is then carried as such. */
export function translation(names: PlaceNames, peer?: PlaceNames): Translation {
  const renames = renaming(names.mappings)
  const portableText = toTokens(names, renames, peer)
  const localText = fromTokens(names, renames, {
    peer,
    missing: (word) =>
      new Fault('plan/dangling-reference', `${names.workspace} has no ${word}, which the item names`, {
        facts: { word, workspace: names.workspace },
        hint: 'Give the workspace a resource of this kind, or take the reference out of the item.',
      }),
  })
  const exact = [
    { words: wordsOf(names), prefix: '' },
    ...(peer === undefined ? [] : [{ words: wordsOf(peer), prefix: 'peer-' }]),
  ]
  const field: FieldRewrite = (object, name, value) => {
    for (const side of exact) {
      const word = wordOfField(side.words, object, name, value)
      if (word !== undefined) return token(side.prefix + word)
    }
    return renamedAs(renames.toPortable, name, value)
  }
  const unfield: FieldRewrite = (_object, name, value) => renamedAs(renames.toLocal, name, value)
  return {
    portable: (value) => rewritten(value, { text: portableText, field }, 0),
    local: (value) => rewritten(value, { text: localText, field: unfield }, 0),
    portableName: renames.toPortable,
    localName: renames.toLocal,
  }
}

/** A bare name of a compute, or the id of a subnet, as the policy maps it. `undefined` for all else. */
function renamedAs(rename: Renaming['toLocal'], field: string, value: string): string | undefined {
  if (COMPUTE.has(field)) return rename('compute', value)
  return SUBNET.test(value) ? rename('subnet', value) : undefined
}

/** A rewriting that holds for a whole value because of the field it stands in. `undefined`: none does. */
type FieldRewrite = (object: JsonObject, name: string, value: string) => string | undefined

interface Rewriting {
  readonly text: Rewrite
  readonly field: FieldRewrite
}

/** Fields in which people give the names: what stands there under `region` is whatever was written. */
const NAMED_BY_PEOPLE = new Set(['tags', 'params'])

/** Bodies that nest deeper are refused when their digest is taken; here they only must not end the stack. */
const DEEPEST = 250

/** Returns the value itself where nothing in it changes, so that what is equal keeps one memory. */
function rewritten<T extends Json>(value: T, by: Rewriting, depth: number): T {
  if (typeof value === 'string') return by.text(value) as T
  if (value === null || typeof value !== 'object' || depth > DEEPEST) return value
  return (Array.isArray(value) ? rewrittenList(value, by, depth) : rewrittenObject(value as JsonObject, by, depth)) as T
}

function rewrittenList(values: readonly Json[], by: Rewriting, depth: number): readonly Json[] {
  let after: Json[] | undefined
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? null
    const one = rewritten(value, by, depth + 1)
    if (one === value) continue
    after ??= [...values]
    after[index] = one
  }
  return after ?? values
}

function rewrittenObject(object: JsonObject, by: Rewriting, depth: number): JsonObject {
  // Most of what is looked at does not change, and most of the time this takes would go into copies of it.
  let changed: Map<string, Json> | undefined
  for (const name of Object.keys(object)) {
    const value = object[name] as Json
    const whole = typeof value === 'string' ? by.field(object, name, value) : undefined
    const inner = NAMED_BY_PEOPLE.has(name) ? { text: by.text, field: noField } : by
    const one = whole ?? rewritten(value, inner, depth + 1)
    if (one === value) continue
    changed ??= new Map()
    changed.set(name, one)
  }
  if (changed === undefined) return object
  // fromEntries defines fields, where an assignment to `__proto__` would not.
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, changed.get(name) ?? value]))
}

const noField: FieldRewrite = () => undefined

type Words = ReadonlyMap<Word, string>

const ACCOUNT = new Set(['accountName', 'storageAccountName', 'account_name'])
const WORKSPACE = new Set(['workspaceName', 'workspace_name'])
const GROUP = new Set(['resourceGroup', 'resourceGroupName', 'resource_group'])
const SUBSCRIPTION = new Set(['subscriptionId', 'subscription_id'])
const COMPUTE = new Set(['computeName', 'imageBuildCompute'])
const LOCATION = new Set(['location', 'computeLocation', 'region'])

/**
 * The word for a bare name, which only its field makes recognisable. A resource group or a subscription means this
 * side only beside the account or the workspace that is in it: a shared account may well stand in the same group.
 */
function wordOfField(words: Words, object: JsonObject, name: string, value: string): Word | undefined {
  if (LOCATION.has(name)) return is(words, ['location', 'location-display'], value)
  if (ACCOUNT.has(name)) return about(words, object, 'account') ? 'account' : undefined
  if (WORKSPACE.has(name)) return about(words, object, 'workspace') ? 'workspace-name' : undefined
  if (GROUP.has(name)) {
    if (about(words, object, 'account')) return is(words, ['account-group'], value)
    return about(words, object, 'workspace') ? is(words, ['group-name'], value) : undefined
  }
  if (!SUBSCRIPTION.has(name)) return undefined
  if (about(words, object, 'account')) return is(words, ['account-subscription'], value)
  return about(words, object, 'workspace') ? is(words, ['subscription'], value) : undefined
}

/** Whether an object's fields all speak of this side's account or workspace. */
function about(words: Words, object: JsonObject, what: 'account' | 'workspace'): boolean {
  const [names, nameWord, groupWord, subscriptionWord] =
    what === 'account'
      ? ([ACCOUNT, 'account', 'account-group', 'account-subscription'] as const)
      : ([WORKSPACE, 'workspace-name', 'group-name', 'subscription'] as const)
  let named = false
  for (const [name, value] of Object.entries(object)) {
    if (typeof value !== 'string') continue
    if (names.has(name)) named = same(words.get(nameWord), value)
    else if (GROUP.has(name) && !same(words.get(groupWord), value)) return false
    else if (SUBSCRIPTION.has(name) && !same(words.get(subscriptionWord), value)) return false
  }
  return named
}

function is(words: Words, candidates: readonly Word[], value: string): Word | undefined {
  return candidates.find((word) => same(words.get(word), value))
}

function same(text: string | undefined, value: string): boolean {
  return text !== undefined && text.toLowerCase() === value.toLowerCase()
}

/**
 * Expressions that Azure fills in where a job runs, and not where it is written: `${{name}}`, `${{output_name}}`,
 * `${{default_datastore}}`. Source:
 * [Expressions](https://learn.microsoft.com/azure/machine-learning/concept-expressions).
 */
const EXPRESSION = /\$\{\{\s*([^\s}]+)\s*\}\}/g

/** How an output names whichever datastore is the default where its job runs. */
export const DEFAULT_DATASTORE = `\${{default_datastore}}`

/** Whether a text is known only where a job runs. */
export function hasExpression(text: string): boolean {
  return text.includes(`\${{`)
}

/** The text with every expression that has a value replaced; what else it has stays as it is written. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(EXPRESSION, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  )
}
