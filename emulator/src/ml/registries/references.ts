import { NoWay, Outward } from '../../outward.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Database } from '../../state/database.ts'
import { registryNamed } from './registry-of.ts'

type Values = Readonly<Record<string, unknown>>

/** What `azureml://registries/{registry}/{segment}/{name}/versions/{version}` points to; `latest` may stand for the version, or nothing. */
interface Reference {
  readonly registry: string
  readonly segment: string
  readonly name: string
  /** `undefined` for the newest. */
  readonly version: string | undefined
}

const FORM = /^azureml:\/\/registries\/([^/]+)\/([a-z]+)\/([^/]+)(?:\/versions\/([^/]+)|\/labels\/latest)?$/i
/** Kinds of which a job needs more than the name. */
const NEEDED = ['codes', 'components', 'data', 'models']
const LOCAL_COMPONENT = /\/components\/[^/]+\/versions\/[^/]+$/i

function referenceOf(text: string): Reference | undefined {
  const [, registry = '', segment = '', name = '', version] = FORM.exec(text) ?? []
  return registry === '' ? undefined : { registry, segment, name, version }
}

/**
 * Properties of an asset of a registry, whichever region the registry is in; `undefined` where they are not known here.
 *
 * What is in another region must have been brought before, by {@link bringReferences}.
 */
export function registryAsset(region: Region, text: string): Values | undefined {
  const reference = referenceOf(text)
  if (reference === undefined) return undefined
  const registry = registryNamed(region, reference.registry)
  if (registry === undefined) return copiesOf(region).get(text)
  const container = `${registry.id}/${reference.segment}/${reference.name}`
  const type = `${registry.type}/${reference.segment}/versions`
  const version = reference.version ?? region.resources.list(container, type, NEWEST).items[0]?.name
  return region.resources.get(`${container}/versions/${version}`)?.body['properties'] as Values | undefined
}

const NEWEST = { limit: 1, newestFirst: true }

/**
 * Brings what a body refers to in registries of other regions, and what that refers to in turn.
 *
 * A version never changes, so one that was brought before is not asked for again: it is there while the
 * registry's region is away. To be called before a write that reads it.
 */
export async function bringReferences(region: Region, body: unknown): Promise<void> {
  const copies = copiesOf(region)
  const seen = new Set<string>()
  const waiting = [...textsIn(body)]
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    if (seen.has(text)) continue
    seen.add(text)
    const found = referenceOf(text) === undefined ? localComponent(region, text) : await copies.bring(text)
    if (found !== undefined) waiting.push(...textsIn(found))
  }
}

function localComponent(region: Region, text: string): Values | undefined {
  const id = text.replace(/^azureml:(?=\/)/i, '')
  return LOCAL_COMPONENT.test(id) ? region.resources.get(id)?.body : undefined
}

function* textsIn(value: unknown): Iterable<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) yield* textsIn(inner)
}

/** What was brought from registries of other regions. */
class Copies {
  readonly #region: Region
  readonly #outward: Outward

  constructor(region: Region) {
    this.#region = region
    this.#outward = new Outward(region, {
      subject: `registries-${region.name}`,
      audience: 'https://management.azure.com',
    })
    region.closing.push(() => this.#outward.close())
    region.db.migrate(
      'CREATE TABLE IF NOT EXISTS registry_copies (uri TEXT PRIMARY KEY COLLATE NOCASE, properties TEXT)',
    )
  }

  get(uri: string): Values | undefined {
    const sql = 'SELECT properties FROM registry_copies WHERE uri = ?'
    const row = this.#region.db.get<{ properties: string }>(sql, uri)
    return row === undefined ? undefined : JSON.parse(row.properties)
  }

  /** Properties of what an address names; `undefined` where it is not there, or nothing that jobs need. */
  async bring(uri: string): Promise<Values | undefined> {
    const reference = referenceOf(uri)
    if (reference === undefined || !NEEDED.includes(reference.segment.toLowerCase())) return undefined
    const here = registryAsset(this.#region, uri)
    if (registryNamed(this.#region, reference.registry) !== undefined) return here
    if (here !== undefined && reference.version !== undefined) return here
    const properties = await this.#asked(reference)
    if (properties === undefined) return undefined
    const sql = 'INSERT OR REPLACE INTO registry_copies (uri, properties) VALUES (?, ?)'
    await this.#region.db.write(() => this.#region.db.run(sql, uri, JSON.stringify(properties)))
    return properties
  }

  async #asked({ registry, segment, name, version }: Reference): Promise<Values | undefined> {
    const root = await this.#get(
      `https://registries.api.azureml.ms/registrymanagement/v1.0/registries/${registry}/discovery`,
    )
    if (root === undefined) return undefined
    const group = `/subscriptions/${root['subscriptionId']}/resourceGroups/${root['resourceGroup']}`
    const place = `${root['primaryRegionResourceProviderUri']}mferp/managementfrontend${group}`
    const container = `${place}/providers/Microsoft.MachineLearningServices/registries/${registry}/${segment}/${name}`
    const query = '?api-version=2021-10-01-dataplanepreview'
    const properties = async (url: string) => (await this.#get(`${url}${query}`))?.['properties'] as Values | undefined
    const wanted = version ?? (await properties(container))?.['latestVersion']
    return wanted === undefined ? undefined : properties(`${container}/versions/${wanted}`)
  }

  /** The answer; `undefined` where there is no such thing, and in a region that has no way to others. */
  async #get(url: string): Promise<Values | undefined> {
    try {
      const answer = await this.#outward.send({ method: 'GET', url })
      const text = await answer.body.text()
      if (answer.statusCode === 404) return undefined
      if (answer.statusCode === 200) return JSON.parse(text)
    } catch (failure) {
      if (failure instanceof NoWay) return undefined
    }
    throw new Refusal(
      503,
      'ServiceUnavailable',
      `${new URL(url).pathname} could not be read: its region is not reachable.`,
    )
  }
}

/** By store, because a region is handed around in more than one object. */
const opened = new WeakMap<Database, Copies>()

function copiesOf(region: Region): Copies {
  const known = opened.get(region.db)
  if (known !== undefined) return known
  const copies = new Copies(region)
  opened.set(region.db, copies)
  return copies
}
