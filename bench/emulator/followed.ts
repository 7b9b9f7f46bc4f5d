import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Cloud } from '../../demo/cloud.ts'
import { deployWorkspace } from '../../demo/estate.ts'
import { openRegion } from '../../emulator/src/region.ts'
import type { Stage } from '../../test/crashes/stage.ts'
import { estateFor, standbyOf } from '../../test/crashes/story.ts'

/** A protection with as many assets as asked for, on both sides. */

/** Segment of a kind's path, and the fields that a version of it cannot be without. */
const KINDS = [
  ['models', { modelType: 'custom_model', modelUri: 'azureml://datastores/workspaceblobstore/paths/model' }],
  ['environments', { image: 'mcr.microsoft.com/azureml/base:1' }],
  ['data', { dataType: 'uri_folder', dataUri: 'azureml://datastores/workspaceblobstore/paths/data/' }],
] as const
const VERSIONS_EACH = 10
/** One model holds a fifth of everything. */
const FLEET_SHARE = 5
const PATH_LISTS = ['computes', 'datastores', 'schedules', 'jobs'] as const
const VERSIONED_LISTS = ['environments', 'codes', 'data', 'models', 'components'] as const
const HOLDER = { description: null, tags: {}, properties: {}, isArchived: false, provisioningState: 'Succeeded' }
const BATCH = 2000

/** Where one of many versions stands below its workspace, and what it says. */
interface Version {
  readonly holder: string
  readonly version: number
  readonly properties: object
}

function versionOf(n: number, count: number): Version {
  const fleet = Math.floor(count / FLEET_SHARE)
  const [, model] = KINDS[0]
  if (n < fleet) return { holder: 'models/fleet', version: n + 1, properties: model }
  const rest = n - fleet
  const [kind, properties] = KINDS[rest % KINDS.length] ?? KINDS[0]
  const holder = `${kind}/thing-${Math.floor(rest / (KINDS.length * VERSIONS_EACH))}`
  return { holder, version: (Math.floor(rest / KINDS.length) % VERSIONS_EACH) + 1, properties }
}

/** Makes the primary, and the standby as `holdfast apply` does. */
export async function protect(stage: Stage): Promise<void> {
  const estate = estateFor(stage)
  await deployWorkspace(stage.cloud, estate)
  const policy = {
    name: 'churn',
    primary: { workspace: estate.workspace },
    secondary: { location: 'centralus', workspace: standbyOf(estate) },
    objectives: { rpo: '15m', rto: '15m' },
    failover: { mode: 'manual', after: '1m' },
  }
  writeFileSync(join(stage.dir, 'holdfast.yaml'), stringify(policy))
  await stage.verb('apply')
}

/** Gives both sides the same assets, by the code of the regions' stores and not by requests: it is reading that is measured. */
export async function fillBoth(stage: Stage, count: number): Promise<void> {
  const { emulator } = stage
  const estate = estateFor(stage)
  const sides = [
    ['eastus2', estate.workspace],
    ['centralus', standbyOf(estate)],
  ] as const
  for (const [name, workspace] of sides) {
    await emulator.region(name, 'stop')
    const region = await openRegion({ name, root: emulator.dir })
    const put = (id: string, properties: object) => region.resources.put(`${workspace}/${id}`, { properties }, 'bench')
    for (let from = 0; from < count; from += BATCH) {
      await region.db.write(() => {
        for (let n = from; n < Math.min(count, from + BATCH); n++) {
          const { holder, version, properties } = versionOf(n, count)
          if (version === 1) put(holder, HOLDER)
          put(`${holder}/versions/${version}`, { ...properties, tags: { n: String(n) }, isArchived: false })
        }
      })
    }
    await region.close()
    await emulator.region(name, 'start')
  }
}

/** Tags so many of the primary's assets anew, evenly over all. */
export async function changeSome(stage: Stage, count: number, changes: number): Promise<void> {
  const { workspace } = estateFor(stage)
  for (let n = 0; n < changes; n++) {
    const { holder, version, properties } = versionOf(Math.floor((n * count) / changes), count)
    const body = { properties: { ...properties, tags: { changed: String(n) }, isArchived: false } }
    await stage.cloud.arm('PUT', `${workspace}/${holder}/versions/${version}`, body)
  }
}

/** How many pages both sides' lists have, as an ordinary client counts that follows the links. */
export async function pagesOfBoth(stage: Stage): Promise<number> {
  const estate = estateFor(stage)
  let pages = 0
  for (const workspace of [estate.workspace, standbyOf(estate)]) {
    for (const list of PATH_LISTS) pages += (await walk(stage.cloud, `${workspace}/${list}`)).pages
    for (const list of VERSIONED_LISTS) {
      const holders = await walk(stage.cloud, `${workspace}/${list}?listViewType=All`)
      pages += holders.pages
      for (const name of holders.names) {
        pages += (await walk(stage.cloud, `${workspace}/${list}/${name}/versions?listViewType=All`)).pages
      }
    }
  }
  return pages
}

async function walk(
  cloud: Cloud,
  path: string,
): Promise<{ readonly pages: number; readonly names: readonly string[] }> {
  const names: string[] = []
  let pages = 0
  let url: string | undefined =
    `https://management.azure.com${path}${path.includes('?') ? '&' : '?'}api-version=2024-04-01`
  while (url !== undefined) {
    const { status, text } = await cloud.send('GET', url)
    if (status !== 200) throw new Error(`${url} was answered ${status}: ${text.slice(0, 300)}`)
    const page = JSON.parse(text) as {
      readonly value: readonly { readonly name: string }[]
      readonly nextLink?: string
    }
    names.push(...page.value.map(({ name }) => name))
    pages++
    url = page.nextLink ?? undefined
  }
  return { pages, names }
}
