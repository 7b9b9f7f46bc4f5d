import { createHash } from 'node:crypto'
import type { Cloud } from '../../demo/cloud.ts'
import { encodeName } from '../../demo/cloud.ts'

/** What stands in a workspace, by name, in a form that two equal ends have in common. */
export type Ending = Readonly<Record<string, unknown>>

/** Lists of a workspace, and those whose items have versions below them. */
const LISTS = ['computes', 'datastores', 'schedules', 'jobs'] as const
const VERSIONED = ['environments', 'codes', 'data', 'models', 'components'] as const
/** What the platform says of a thing, and no two of which are alike. */
const OF_THE_PLATFORM = new Set(['systemData', 'etag', 'services', 'createdOn', 'modifiedOn', 'nextVersion'])
const MOST_RUNS = 1000

/** Reads everything of a workspace by plain HTTP. */
export async function endingOf(cloud: Cloud, workspace: string): Promise<Ending> {
  const { storageAccount, workspaceId } = (await cloud.arm('GET', workspace))['properties'] as {
    storageAccount: string
    workspaceId: string
  }
  const found: Record<string, unknown> = {}
  for (const list of LISTS) await addList(found, cloud, `${workspace}/${list}`, list)
  for (const list of VERSIONED) {
    for (const { name } of await cloud.armList(`${workspace}/${list}?listViewType=All`)) {
      await addList(found, cloud, `${workspace}/${list}/${name}/versions?listViewType=All`, `${list}/${name}`)
    }
  }
  await addRuns(found, cloud, workspace)
  await addBlobs(found, cloud, storageAccount)
  return JSON.parse(plain(JSON.stringify(found), workspaceId)) as Ending
}

async function addList(found: Record<string, unknown>, cloud: Cloud, path: string, name: string): Promise<void> {
  for (const item of await cloud.armList(path)) found[`${name}/${item['name']}`] = item['properties']
}

interface Run {
  readonly info: { readonly run_id: string; readonly run_name: string; readonly experiment_id: string }
  readonly data: { readonly metrics?: readonly { readonly key: string }[] }
}

async function addRuns(found: Record<string, unknown>, cloud: Cloud, workspace: string): Promise<void> {
  const { experiments = [] } = (await cloud.mlflow(workspace, 'POST', 'mlflow/experiments/search', {
    max_results: MOST_RUNS,
    view_type: 'ALL',
  })) as { experiments?: { experiment_id: string; name: string }[] }
  for (const { experiment_id, name } of experiments) {
    found[`experiments/${name}`] = 'there'
    const { runs = [] } = (await cloud.mlflow(workspace, 'POST', 'mlflow/runs/search', {
      experiment_ids: [experiment_id],
      run_view_type: 'ALL',
      max_results: MOST_RUNS,
    })) as { runs?: Run[] }
    const keys = runs.map(({ info }) => `runs/${name}/${info.run_name}`)
    for (const [index, run] of runs.entries()) {
      const twin = keys.slice(0, index).filter((key) => key === keys[index]).length
      found[`${keys[index]}${twin === 0 ? '' : ` (${twin})`}`] = await runOf(cloud, workspace, run)
    }
  }
}

async function runOf(cloud: Cloud, workspace: string, { info, data }: Run): Promise<unknown> {
  const histories: Record<string, unknown> = {}
  for (const { key } of data.metrics ?? []) {
    const query = `run_id=${encodeURIComponent(info.run_id)}&metric_key=${encodeURIComponent(key)}`
    histories[key] = (await cloud.mlflow(workspace, 'GET', `mlflow/metrics/get-history?${query}`))['metrics']
  }
  const { experiment_id: _, ...known } = info
  return { info: known, data: { ...data, metrics: undefined }, histories }
}

async function addBlobs(found: Record<string, unknown>, cloud: Cloud, account: string): Promise<void> {
  const name = account.split('/').at(-1) ?? ''
  for (const { name: container } of await cloud.armList(`${account}/blobServices/default/containers`)) {
    const url = `https://${name}.blob.core.windows.net/${container}?restype=container&comp=list`
    const { text } = await cloud.send('GET', url, { headers: { 'x-ms-version': '2023-11-03' } })
    for (const [, escaped = ''] of text.matchAll(/<Name>([^<]*)<\/Name>/g)) {
      const blob = escaped.replaceAll('&amp;', '&')
      const bytes = await cloud.blob(name, String(container), decodeURIComponent(encodeName(blob)))
      found[`blobs/${container}/${blob}`] = isText(bytes) ? String(bytes) : sha256(bytes)
    }
  }
}

function isText(bytes: Buffer | undefined): boolean {
  return bytes !== undefined && bytes.length < 100_000 && !bytes.includes(0)
}

function sha256(bytes: Buffer | undefined): string | undefined {
  return bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex')
}

/** Takes out what two equal ends need not have in common: ids and instants that were drawn on the way. */
function plain(text: string, workspaceId: string): string {
  const parsed = JSON.parse(text, (key, value: unknown) => (OF_THE_PLATFORM.has(key) ? undefined : value)) as unknown
  return JSON.stringify(parsed)
    .replaceAll(workspaceId, 'the-workspace')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, 'a-guid')
    .replaceAll(/\bf[0-9a-f]{8}\b/g, 'the-failover')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?/g, 'an-instant')
    .replaceAll(/\b1[789]\d{11}\b/g, '0')
    .replaceAll(/0x[0-9A-F]{15,16}/gi, 'an-etag')
}

/** Where two ends differ: names, and what each has. */
export function differencesOf(wanted: Ending, found: Ending): readonly string[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)])
  return [...names].sort().flatMap((name) => {
    const [one, two] = [JSON.stringify(wanted[name]), JSON.stringify(found[name])]
    if (one === two) return []
    if (one === undefined) return [`${name} is there, and was not to be: ${two}`]
    if (two === undefined) return [`${name} is missing`]
    return [`${name} is ${two}, and was to be ${one}`]
  })
}
